"""How the web applications begin and end, and how they refuse: with a sentence, for programs and people."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from agon.arena.core.arena import Arena
from agon.arena.core.operation.life_cycle import start_arena, stop_arena
from agon.arena.core.refusal import Refusal
from agon.arena.core.visitors.consent import ConsentMissing
from agon.arena.web.battle.consent import consent_shape
from agon.arena.web.languages.texts import message
from agon.arena.web.leaderboard.boards import BusyError
from agon.arena.web.leaderboard.query import ChangedBoardError, QueryError
from agon.arena.web.middleware import NO_PAGE, problem
from agon.ranking.errors import AgonError
from agon.ranking.text import Sentence


def lifespan_of(arena: Arena) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Open an arena with its application, and close it with it."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await start_arena(arena)
        yield
        await stop_arena(arena)

    return life


def answer_errors(app: FastAPI) -> None:
    """Every refusal as a sentence: JSON for programs, a page for people who followed a link."""

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> Response:
        return problem(request.scope, error.status, error.code, error.sentence)

    @app.exception_handler(ConsentMissing)
    async def not_agreed(request: Request, error: ConsentMissing) -> Response:
        asked = consent_shape(error.asked, error.asked.texts, agreed=False)
        return problem(request.scope, error.status, error.code, error.sentence, consent=asked)

    @app.exception_handler(QueryError)
    async def no_filter(request: Request, error: QueryError) -> Response:
        return problem(request.scope, 404, "no_board", error.told)

    @app.exception_handler(ChangedBoardError)
    async def changed(request: Request, error: ChangedBoardError) -> Response:
        return problem(request.scope, 410, "changed", error.told)

    @app.exception_handler(AgonError)
    async def unfit(request: Request, error: AgonError) -> Response:
        return problem(request.scope, 422, "unfit", error.told)

    @app.exception_handler(BusyError)
    async def busy(request: Request, error: BusyError) -> Response:
        return problem(request.scope, 503, "busy", error.told)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        where = ".".join(str(part) for part in error.errors()[0]["loc"] if part != "body") or "the body"
        sentence = Sentence("The request is not what this route takes: see {where}.", where=where)
        return problem(request.scope, 422, "malformed", sentence)

    @app.exception_handler(Exception)
    async def failed(request: Request, _: Exception) -> Response:
        sentence = message(
            "The arena made a mistake. Reload the page to see where things stand, then try again."
        )
        return problem(request.scope, 500, "failed", sentence)

    @app.exception_handler(HTTPException)
    async def unreadable(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return problem(request.scope, *NO_PAGE)
        sentence = Sentence("The request cannot be read: {why}.", why=error.detail)
        return problem(request.scope, error.status_code, "malformed", sentence)
