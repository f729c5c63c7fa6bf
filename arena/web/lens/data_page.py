"""The page Data: what can be downloaded, how to cite it, and the badge that others may show."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode

from agon.arena.web.layout import page_html, plural
from agon.arena.web.leaderboard.page import Link, address
from agon.arena.web.leaderboard.query import ALL
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.markdown.markdown import without_hidden
from agon.ranking import Leaderboard
from agon.ranking.version import VERSION

DOWNLOADS = {
    "board_csv": "leaderboard.csv",
    "board_json": "api/leaderboard",
    "board_png": "leaderboard.png",
    "rules_json": "api/rules",
    "badge": "badge.svg",
    "openapi": "openapi.json",
}  # of all votes: name → address
ENDPOINTS = {
    "/api/leaderboard": "A leaderboard",
    "/api/offer": "What can be asked for",
    "/api/model": "One model",
    "/api/compare": "Models side by side",
    "/api/overview": "Ranks by kind of votes",
    "/api/history": "Ranks over time",
    "/api/rules": "Several rules",
    "/api/decide": "Which model to take",
    "/api/integrity": "How these votes were made",
    "/api/methods": "The rules there are",
    "/api/data": "Downloads and citation",
}  # of these votes, each with an example of what it takes
_TAKES = {
    "/api/model": "name=MODEL",
    "/api/compare": "models=MODEL,MODEL",
    "/api/overview": "of=category",
    "/api/rules": "by=category&weight.VALUE=2",
    "/api/decide": "atmost.price=5&prefer=price",
}


def data_html(
    board: Leaderboard | None,
    *,
    about: About,
    badge: str | None = "./badge.svg",
    api: bool = True,
    link: Link = address,
) -> str:
    """Return the page.

    Args:
        board: of all votes; None where there are none.
        about: what is known of the votes.
        badge: address of the badge.
        api: whether a server answers programs.
        link: the addresses of the board as data.
    """
    if board is None:
        body = '<div class="ag-phead"><h1>No votes yet, so there is no data.</h1></div>'
    else:
        body = _body(board, about, badge, api, link)
    votes = about.total if about.unit != "task" else None
    return page_html("Data", body, current="data", votes=votes, site=about.site)


def badge_svg(board: Leaderboard | None, about: About) -> str:
    """Return a badge that says who is first and of how many votes."""
    left = "Agon"
    if board is None or not board.ranked:
        right = "no ranking yet"
    else:
        first = [row for row in board.ranked if (row.rank_lower or row.rank) == 1]
        name = about.info.name(board.ranked[0].model)
        others = f" or {plural(len(first) - 1, 'other')}" if len(first) > 1 else ""
        right = f"first: {name[:40]}{others}"
    wide, more = 44, 12 + round(6.6 * len(right))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide + more}" height="20" role="img" aria-label="'
        f'{escape(left)}: {escape(right)}"><rect width="{wide + more}" height="20" rx="3" fill="#20222a"/>'
        f'<path d="M{wide} 0h{more - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{wide}z" fill="#0b6574"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{wide / 2:g}" y="14">{escape(left)}</text>'
        f'<text x="{wide + more / 2:g}" y="14">{escape(right)}</text></g></svg>'
    )


def citation(board: Leaderboard, about: About) -> str:
    """A board in one sentence for a bibliography."""
    counted = plural(int(board.settings["votes"]), about.unit)
    return (
        f"Agon {VERSION}, leaderboard of {plural(len(board.rows), 'model')} by {counted}, "
        f"fingerprint {board.fingerprint[:12]}."
    )


def _body(board: Leaderboard, about: About, badge: str | None, api: bool, link: Link) -> str:
    files = [
        (link(ALL, form), name) for form, name in (("csv", "CSV"), ("json", "JSON"), ("rules.json", "JSON"))
    ]
    what = ("The board of all votes", "The board of all votes", "The comparison of rules")
    items = "".join(
        f'<li>{escape(said)}: <a href="{escape(target)}">{name}</a></li>'
        for (target, name), said in zip(files, what, strict=True)
        if target
    )
    counted = plural(int(board.settings["votes"]), about.unit)
    shown = (
        f'<h2>Badge</h2><p><img src="{escape(badge)}" alt="Badge: who is first"></p>'
        "<p>It follows the board.</p>"
        if badge
        else ""
    )
    return (
        f'<div class="ag-phead"><h1>Everything on these pages can be taken along and computed again.</h1>'
        f'<p class="ag-lead">{counted.capitalize()}. The fingerprint tells whether two boards are of '
        "the same "
        "votes under the same settings.</p></div>"
        f'<div class="ag-prose"><h2>Downloads</h2><ul>{items}</ul><h2>Fingerprint</h2>'
        '<p><code class="ag-cmd" tabindex="0" role="group" '
        f'aria-label="Fingerprint">{escape(board.fingerprint)}'
        f"</code></p><h2>Cite</h2><p>{escape(without_hidden(citation(board, about)))}</p>"
        f"{shown}{_programs(board, about) if api else ''}</div>"
    )


def _programs(board: Leaderboard, about: About) -> str:
    """The addresses that programs can ask, and how."""
    needs = {"/api/model": f"?{urlencode({'name': board.rows[0].model})}"}
    rows = "".join(
        f'<tr><th scope="row"><a href=".{path}{escape(needs.get(path, ""))}"><code>{path}</code></a></th>'
        f"<td>{said}</td><td>{f'<code>{escape(_TAKES[path])}</code>' if path in _TAKES else ''}</td></tr>"
        for path, said in ENDPOINTS.items()
    )
    return (
        "<h2>For programs</h2><p>Whatever these pages show is to be had as JSON, with the filters, the rule "
        "and the features that stand in the address of a page. Answers carry an ETag: sent back as "
        "If-None-Match, it spares both sides what is the same. What is refused says why in a sentence.</p>"
        '<div class="ag-numbers" tabindex="0" role="group" aria-label="Addresses for programs"><table>'
        '<caption class="ag-sr">Addresses for programs</caption><thead><tr><th scope="col">Address</th>'
        '<th scope="col">Answers with</th><th scope="col">Takes also</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
        "<p>All of it, with every parameter and field, is described in "
        f'<a href="{about.site.root}openapi.json">'
        "<code>/openapi.json</code></a> (OpenAPI 3.1), from which clients can be generated.</p>"
    )
