"""The page Data: what can be downloaded, how to cite it, and the badge that others may show."""

from __future__ import annotations

from html import escape

from agon.arena.web.layout import page_html, plural
from agon.arena.web.leaderboard.page import Link, address
from agon.arena.web.leaderboard.query import ALL
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.markdown.markdown import without_hidden
from agon.ranking import Leaderboard
from agon.ranking.version import VERSION


def data_html(
    board: Leaderboard | None, *, about: About, badge: str | None = "./badge.svg", link: Link = address
) -> str:
    """Return the page.

    Args:
        board: of all votes; None where there are none.
        about: what is known of the votes.
        badge: address of the badge.
        link: the addresses of the board as data.
    """
    if board is None:
        body = '<div class="ag-phead"><h1>No votes yet, so there is no data.</h1></div>'
    else:
        body = _body(board, about, badge, link)
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


def _body(board: Leaderboard, about: About, badge: str | None, link: Link) -> str:
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
    cite = (
        f"Agon {VERSION}, leaderboard of {plural(len(board.rows), 'model')} by {counted}, "
        f"fingerprint {board.fingerprint[:12]}."
    )
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
        f"</code></p><h2>Cite</h2><p>{escape(without_hidden(cite))}</p>{shown}</div>"
    )
