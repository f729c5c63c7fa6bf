"""The page "What is stored": short, and true of this version."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from agon.arena.core.arena import Arena
from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.web.battle.consent import asked_text
from agon.arena.web.battle.view import render
from agon.arena.web.languages.texts import _, date_and_time
from agon.arena.web.layout import page_html
from agon.arena.web.markdown.markdown import words_html
from agon.arena.web.middleware import Session
from agon.data.log.personal.consents import ConsentTexts


def about_html(
    *,
    cookie: bool = True,
    settings: ArenaSettings | None = None,
    asked: ConsentTexts | None = None,
    votes: int | None = None,
    yours: int | None = None,
) -> str:
    """Return the page on what is stored.

    Args:
        cookie: whether a cookie says whose a battle is; else the storage of the browser does.
        settings: of the arena, for what not every arena stores.
        asked: what visitors are asked to agree to.
        votes: counted in this arena, for the footer.
        yours: votes of this visitor, for the header.
    """
    text = None if asked is None else asked_text(asked)
    since = None if asked is None or asked.since is None else date_and_time(asked.since)
    shown = {"cookie": cookie, "consent": words_html(text), "since": since}
    body = render("about.html", settings=settings or ArenaSettings(), **shown)
    return page_html(_("What is stored"), body, current="about", votes=votes, yours=yours)


def about_router(arena: Arena) -> APIRouter:
    """The page at /about."""
    router = APIRouter()

    @router.get("/about", include_in_schema=False)
    async def about(session: Session) -> HTMLResponse:
        yours = arena.log.votes_of(arena.keys.voter(session))
        votes, asked = arena.log.counted(), arena.consents.asked
        return HTMLResponse(about_html(settings=arena.settings, asked=asked, votes=votes, yours=yours))

    return router
