"""The page "What is stored": short, and true of this version."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from agon.arena.core.arena import Arena
from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.roster import words_in
from agon.arena.web.battle.view import render
from agon.arena.web.languages.organiser import organiser_words
from agon.arena.web.languages.texts import _, language
from agon.arena.web.layout import page_html
from agon.arena.web.middleware import Session


def about_html(
    *,
    cookie: bool = True,
    settings: ArenaSettings | None = None,
    votes: int | None = None,
    yours: int | None = None,
) -> str:
    """Return the page on what is stored.

    Args:
        cookie: whether a cookie says whose a battle is; else the storage of the browser does.
        settings: of the arena, for what not every arena stores.
        votes: counted in this arena, for the footer.
        yours: votes of this visitor, for the header.
    """
    consent = words_in(organiser_words().consent, language())
    body = render("about.html", cookie=cookie, consent=consent, settings=settings or ArenaSettings())
    return page_html(_("What is stored"), body, current="about", votes=votes, yours=yours)


def about_router(arena: Arena) -> APIRouter:
    """The page at /about."""
    router = APIRouter()

    @router.get("/about", include_in_schema=False)
    async def about(session: Session) -> HTMLResponse:
        yours = arena.log.votes_of(arena.keys.voter(session))
        said = about_html(settings=arena.settings, votes=arena.log.counted(), yours=yours)
        return HTMLResponse(said)

    return router
