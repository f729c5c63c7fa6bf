"""What every page wears: the document, its header with the way to the other pages, and its footer.

Addresses are relative, so that a proxy may show the arena under any path. Everything here is a string made of
escaped text. There are no inline scripts and no event handlers: behaviour is in static files.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

from agon.arena.web.languages.choice import choice_html
from agon.arena.web.languages.organiser import brand_html, colour_html, contact_html
from agon.arena.web.languages.scripts import script_texts
from agon.arena.web.languages.texts import _, direction, in_english, language, message, ngettext, number
from agon.ranking.version import VERSION

Current = Literal[
    "battle", "leaderboard", "overview", "rules", "decide", "integrity", "method", "data", "about"
]


@dataclass(frozen=True, slots=True)
class VotesChoice:
    """Votes that the reading pages can be of.

    Attributes:
        name: what they are called.
        way: what stands before the addresses of their pages.
        votes: how many there are.
        here: whether this page is of them.
    """

    name: str
    way: str
    votes: int
    here: bool


@dataclass(frozen=True, slots=True)
class Site:
    """The pages that a page can lead to, and where files lie.

    Attributes:
        pages: page → its address and its name in the header, the first is home.
        about: address of the page "What is stored", if there is one.
        footer: address → name of the pages that the footer leads to.
        static: what stands before the path of a static file.
        you: address of a visitor's own page, if there is one.
        choices: the votes that its reading pages can be of, where there are several.
    """

    pages: Mapping[Current, tuple[str, str]]
    about: str | None
    static: str
    footer: Mapping[str, str] = field(default_factory=dict)
    you: str | None = None
    choices: Sequence[VotesChoice] = ()

    @property
    def root(self) -> str:
        """What stands before an address that is there once, and not for each of several votes."""
        return self.static.removesuffix("static/")

    @property
    def home(self) -> str:
        """The address of the first page."""
        return next(address for address, _ in self.pages.values())

    @property
    def head(self) -> str:
        """Icon, style and theme, for the head of every page."""
        return (
            f'<link rel="icon" href="{self.static}mark.svg" type="image/svg+xml">'
            f'<link rel="stylesheet" href="{self.static}agon.css">'
            f'<script src="{self.static}texts.js"></script>'
            f'<script src="{self.static}theme.js"></script>'
        )


FOOTER = {"./method": message("Method"), "./data": message("Data")}  # of every reading page
ARENA = Site(
    {
        "battle": ("./", message("Battle")),
        "leaderboard": ("./leaderboard", message("Leaderboard")),
        "overview": ("./overview", message("Overview")),
        "rules": ("./rules", message("Rules")),
        "decide": ("./decide", message("Decide")),
        "integrity": ("./integrity", message("Integrity")),
    },
    "./about",
    "./static/",
    {**FOOTER, "./you": message("Your votes")},
    "./you",
)
READING = Site(
    {
        "leaderboard": ("./leaderboard", message("Leaderboard")),
        "overview": ("./overview", message("Overview")),
        "rules": ("./rules", message("Rules")),
        "decide": ("./decide", message("Decide")),
        "integrity": ("./integrity", message("Integrity")),
    },
    None,
    "./static/",
    FOOTER,
)
MARK = (
    '<svg width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">'
    '<path d="M9.6 2.2a9 9 0 0 0 0 17.6z" fill="currentColor"/>'
    '<path d="M12.9 2.9a8.3 8.3 0 0 1 0 16.2z" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>'
)
_signing: ContextVar[Literal["in", "out"] | None] = ContextVar("agon_signing", default=None)
_MAIN, _END = '<div class="ag-wrap ag-room">', "</div></main>"
_HALF = (
    '<svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.4"'
    ' aria-hidden="true"><circle cx="8" cy="8" r="5.6"/>'
    '<path d="M8 2.4a5.6 5.6 0 0 1 0 11.2z" fill="currentColor" stroke="none"/></svg>'
)


def signing(way: Literal["in", "out"] | None) -> None:
    """Let the pages of this context lead to where one signs in, or out; None: there is no such page."""
    _signing.set(way)


def page_html(
    title: str,
    body: str,
    *,
    current: Current | None,
    votes: int | None = None,
    yours: int | None = None,
    head: str = "",
    site: Site = ARENA,
    attributes: str = "",
    english: bool = False,
) -> str:
    """Return a whole HTML document around `body`, which is HTML already; `title` is text.

    Args:
        title: of the window, before the name of the arena.
        body: the HTML of the main part.
        current: the page of the navigation that this is, if it is one.
        votes: counted in this arena, for the footer.
        yours: votes of this visitor, for the header.
        head: more HTML for the head, such as scripts of this page.
        site: the pages beside this one.
        attributes: of the body, escaped.
        english: whether the main part is in English, whatever the language of the page.
    """
    if english and language() != "en":
        note = f'<p class="ag-small ag-mid ag-only">{_("This page is in English.")}</p>'
        body = f"{note}<div{in_english()}>{body}</div>"
    return (
        f'<!doctype html><html lang="{language()}" dir="{direction()}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{html.escape(title)} · Agon</title>{site.head}{colour_html()}{head}</head>"
        f'<body class="ag-root ag-page"{attributes and " " + attributes}{script_texts(site.head + head)}>'
        f'<a class="ag-skip" href="#main">{_("Skip to the content")}</a>'
        f'{header(current, yours, site)}<main id="main" tabindex="-1">'
        f"{_MAIN}{choices_html(site, current)}{body}{_END}"
        f"{footer(votes, site)}</body></html>"
    )


def choices_html(site: Site, current: Current | None) -> str:
    """Whose votes a reading page is of, as links to the same page of the others; nothing without a choice."""
    found = site.pages.get(current) if current not in (None, "battle", "about") else None
    if current in ("method", "data"):
        found = f"./{current}", ""
    if not site.choices or found is None:
        return ""
    page = found[0].removeprefix("./")
    chips = "".join(
        f'<a class="ag-chip" href="{one.way}{page}"{" aria-current=true" if one.here else ""}>'
        f"{html.escape(one.name)}<span class=ag-n>{number(one.votes)}</span></a>"
        for one in site.choices
    )
    return (
        f'<nav class="ag-filters ag-whose" aria-label="{_("Whose votes")}"><div class="ag-g">'
        f'<span class="ag-label">{_("Votes")}</span><div class="ag-chips">{chips}</div></div></nav>'
    )


def main_of(page: str) -> str:
    """What stands in the main part of a page of ours, to stand in a page of somebody else's."""
    return page.partition(_MAIN)[2].partition(_END)[0]


def header(current: Current | None, yours: int | None = None, site: Site = ARENA) -> str:
    """Return the header: the pages there are, the visitor's votes, the switch of the theme."""
    links = "".join(
        f'<a href="{address}"{" aria-current=page" if name == current else ""}>{_(label)}</a>'
        for name, (address, label) in site.pages.items()
    )
    nav = f'<nav aria-label="{_("Main")}">{links}</nav>' if len(site.pages) > 1 else ""
    mine, theme = your_votes(yours or 0, site), _("Light or dark")
    return (
        f'<header class="ag-top"><div class="ag-wrap">'
        f'<a class="ag-brand" href="{site.home}">{brand_html(MARK)}</a>'
        f'{nav}<div class="ag-end">{mine}'
        f'<button type="button" class="ag-iconbtn" data-ag-theme aria-label="{theme}">{_HALF}</button>'
        "</div></div></header>"
    )


def your_votes(yours: int, site: Site = ARENA) -> str:
    """Return how many votes a visitor has, for the header; hidden without one."""
    shown = "" if yours else " hidden"
    counted = _("Your votes {number}", number=f"<b data-your-votes>{number(yours)}</b>")
    if site.you:
        return f'<a class="ag-opt ag-yours" href="{site.you}"{shown}>{counted}</a>'
    return f'<span class="ag-opt"{shown}>{counted}</span>'


def footer(votes: int | None = None, site: Site = ARENA) -> str:
    """Return the footer: version, votes counted, what is stored."""
    counted = ""
    if votes is not None:
        counted = f"<span>{ngettext('{count} vote counted', '{count} votes counted', votes)}</span>"
    more = {**site.footer, **({site.about: message("What is stored")} if site.about else {})}
    if (way := _signing.get()) is not None:
        more[f"{site.root}sign-in"] = message("Sign in") if way == "in" else message("Sign out")
    about = " ".join(f'<a href="{address}">{_(name)}</a>' for address, name in more.items())
    return (
        f'<footer class="ag-foot"><div class="ag-wrap"><span>Agon {html.escape(VERSION)}</span>{counted}'
        f'<span class="ag-last">{about}{contact_html()}</span>{choice_html()}</div></footer>'
    )


def plural(count: int, word: str) -> str:
    """A count with its noun: "1 vote", "1,204 votes"."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
