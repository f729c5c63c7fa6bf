"""The page Data: what can be downloaded, how to cite it, and the badge that others may show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from agon.arena.web.api.document import ENDPOINTS
from agon.arena.web.languages.texts import _, in_english, message
from agon.arena.web.layout import page_html, plural
from agon.arena.web.leaderboard.addresses import Link, address
from agon.arena.web.leaderboard.board_command import command
from agon.arena.web.leaderboard.board_words import votes_in_words
from agon.arena.web.leaderboard.query import ALL
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.markdown.markdown import without_hidden
from agon.ranking import Leaderboard
from agon.ranking.version import VERSION


@dataclass(frozen=True, slots=True)
class Badges:
    """Where badges are.

    Attributes:
        first: address of the one that says who is first.
        models: model → address of its own.
        page: where a badge leads to.
        base: what stands before these addresses elsewhere.
    """

    first: str
    models: Mapping[str, str]
    page: str
    base: str


DOWNLOADS = {
    "board_csv": "leaderboard.csv",
    "board_json": "api/leaderboard",
    "board_png": "leaderboard.png",
    "rules_json": "api/rules",
    "badge": "badge.svg",
    "openapi": "openapi.json",
}  # of all votes: name → address
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
    badges: Badges | None = None,
    api: bool = True,
    link: Link = address,
) -> str:
    """Return the page.

    Args:
        board: of all votes; None where there are none.
        about: what is known of the votes.
        badges: where they are; None where there are none.
        api: whether a server answers programs.
        link: the addresses of the board as data.
    """
    if board is None:
        body = f'<div class="ag-phead"><h1>{_("No votes yet, so there is no data.")}</h1></div>'
    else:
        body = _body(board, about, badges, api, link)
    votes = about.total if about.unit != "task" else None
    return page_html(_("Data"), body, current="data", votes=votes, site=about.site)


def citation(board: Leaderboard, about: About) -> str:
    """A board in one sentence for a bibliography, in English on every page."""
    counted = plural(int(board.settings["votes"]), about.unit)
    return (
        f"Agon {VERSION}, leaderboard of {plural(len(board.rows), 'model')} by {counted}, "
        f"fingerprint {board.fingerprint[:12]}."
    )


def _body(board: Leaderboard, about: About, badges: Badges | None, api: bool, link: Link) -> str:
    files = [
        (link(ALL, form), name) for form, name in (("csv", "CSV"), ("json", "JSON"), ("rules.json", "JSON"))
    ]
    what = (message("The board of all votes: {file}"),) * 2 + (message("The comparison of rules: {file}"),)
    items = "".join(
        "<li>{}</li>".format(_(said, file=f'<a href="{escape(target)}">{name}</a>'))
        for (target, name), said in zip(files, what, strict=True)
        if target
    )
    counted = votes_in_words(int(board.settings["votes"]), about.unit)
    lead = _(
        "{votes}. The fingerprint tells whether two boards are of the same votes under the same settings.",
        votes=counted,
    )
    shown = "" if badges is None else _badges(badges)
    return (
        f'<div class="ag-phead"><h1>'
        f"{_('Everything on these pages can be taken along and computed again.')}</h1>"
        f'<p class="ag-lead">{lead}</p></div>'
        f'<div class="ag-prose"><h2>{_("Downloads")}</h2><ul>{items}</ul><h2>{_("Fingerprint")}</h2>'
        '<p><code class="ag-cmd" dir="ltr" tabindex="0" role="group" '
        f'aria-label="{_("Fingerprint")}">{escape(board.fingerprint)}</code></p>{_head(board, about)}'
        f"<h2>{_('Cite')}</h2><p{in_english()}>{escape(without_hidden(citation(board, about)))}</p>"
        f"{shown}{_programs(board, about) if api else ''}</div>"
    )


def _head(board: Leaderboard, about: About) -> str:
    """Up to which event of the log the votes go, and how they are ranked again; nothing of other votes."""
    if board.head is None:
        return ""
    said = _(
        "These votes go up to event {number} of the log, which has this hash. Whoever has the log makes "
        "this board again, whatever came since.",
        number=board.head.events,
    )
    lines = {_("Head of the log"): board.head.hash}
    if about.folders:
        lines[_("The command that reproduces this board")] = command(board, about, at=True)
    blocks = "".join(
        f'<p><code class="ag-cmd" dir="ltr" tabindex="0" role="group" aria-label="{name}">'
        f"{escape(without_hidden(text))}</code></p>"
        for name, text in lines.items()
    )
    return f"<h2>{_('Head of the log')}</h2><p>{said}</p>{blocks}"


def _badges(badges: Badges) -> str:
    """The badges, and what to write for one to stand elsewhere."""
    model, file = next(iter(badges.models.items()), ("", ""))
    images = [(badges.first, _("Who is first")), *([(file, model)] if file else [])]
    shown = " ".join(f'<img src="{escape(way)}" alt="{escape(said)}" height="20">' for way, said in images)
    way = badges.base + (file or badges.first).removeprefix("./")
    said = without_hidden(model) or "Agon"
    alt = re.sub(r"([\[\]\\])", r"\\\1", said)
    target = badges.base + badges.page.removeprefix("./")
    written = (
        f"[![{alt}]({way})]({target})",
        f'<a href="{escape(target)}"><img src="{escape(way)}" alt="{escape(said)}" height="20"></a>',
    )
    lines = "".join(
        f'<p><code class="ag-cmd" dir="ltr" tabindex="0" role="group" aria-label="{kind}">'
        f"{escape(text)}</code></p>"
        for kind, text in zip(("Markdown", "HTML"), written, strict=True)
    )
    follow = _(
        "They follow the board: who is first, and of each model the ranks it may hold, its votes, "
        "and the day of the last vote. As Markdown and as HTML:"
    )
    return f"<h2>{_('Badges')}</h2><p>{shown}</p><p>{follow}</p>{lines}"


def _programs(board: Leaderboard, about: About) -> str:
    """The addresses that programs can ask, and how."""
    needs = {"/api/model": f"?{urlencode({'name': board.rows[0].model})}"}
    code = '<code dir="ltr">{}</code>'.format
    rows = "".join(
        f'<tr><th scope="row"><a href=".{path}{escape(needs.get(path, ""))}">{code(path)}</a></th>'
        f"<td>{_(said)}</td><td>{code(escape(_TAKES[path])) if path in _TAKES else ''}</td></tr>"
        for path, said in ENDPOINTS.items()
    )
    how = _(
        "Whatever these pages show is to be had as JSON, with the filters, the rule and the features that "
        "stand in the address of a page. Answers carry an ETag: sent back as If-None-Match, it spares both "
        "sides what is the same. What is refused says why in a sentence."
    )
    described = _(
        "All of it, with every parameter and field, is described in {file} (OpenAPI 3.1), from which "
        "clients can be generated.",
        file=f'<a href="{about.site.root}openapi.json">{code("/openapi.json")}</a>',
    )
    named = _("Addresses for programs")
    heads = "".join(
        f'<th scope="col">{head}</th>' for head in (_("Address"), _("Answers with"), _("Takes also"))
    )
    return (
        f"<h2>{_('For programs')}</h2><p>{how}</p>"
        f'<div class="ag-numbers" tabindex="0" role="group" aria-label="{named}"><table>'
        f'<caption class="ag-sr">{named}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div><p>{described}</p>"
    )
