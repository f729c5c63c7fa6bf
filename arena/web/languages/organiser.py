"""What the organiser says on every page: title, logo, contact and colour, as the configuration has them."""

from __future__ import annotations

from contextvars import ContextVar
from html import escape

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from agon.arena.core.arena import Arena
from agon.arena.core.roster import PageWords, words_in
from agon.arena.setup.page_table import soft_ground, text_on
from agon.arena.web.languages.texts import _, language

_page: ContextVar[PageWords | None] = ContextVar("agon_page", default=None)


def organised_by(words: PageWords) -> None:
    """Say whose pages follow in this context."""
    _page.set(words)


def organiser_words() -> PageWords:
    """What the organiser of this page says."""
    return _page.get() or PageWords()


def brand_html(mark: str) -> str:
    """The logo and the title of an arena, for its header: those of Agon where it has none of its own."""
    words = organiser_words()
    title = words_in(words.title, language())
    if title is None and words.logo is None:
        return f"{mark}Agon"
    picture = mark if words.logo is None else '<img src="./logo" alt="" height="24">'
    return f'{picture}<span class="ag-title">{escape(title or "Agon")}</span>'


def colour_html() -> str:
    """The style with the organiser's colour; nothing without one."""
    accent = organiser_words().accent
    if accent is None:
        return ""
    light, dark = (_colours(colour, theme) for colour, theme in zip(accent, ("light", "dark"), strict=True))
    return (
        f"<style>:root,.light{{{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root:not(.light){{{dark}}}}}.dark{{{dark}}}</style>"
    )


def _colours(colour: str, theme: str) -> str:
    soft, ink = soft_ground(colour, theme), text_on(colour)
    return f"--accent:{colour};--accent-strong:{colour};--accent-soft:{soft};--on-accent:{ink}"


def contact_html() -> str:
    """How to reach the organiser, for the footer; nothing where it is not said."""
    contact = organiser_words().contact
    if contact is None:
        return ""
    address = contact if contact.startswith("http") else f"mailto:{contact}"
    return f'<a href="{escape(address)}">{_("Contact")}</a>'


def logo_router(arena: Arena) -> APIRouter:
    """The organiser's logo, at /logo."""
    router = APIRouter()

    @router.get("/logo", include_in_schema=False)
    async def logo() -> Response:
        found = arena.roster.page.logo
        if found is None:
            raise HTTPException(404)
        content, kind = found
        return Response(content, media_type=kind, headers={"cache-control": "max-age=300"})

    return router
