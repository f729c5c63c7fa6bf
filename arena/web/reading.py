"""The reading pages over any votes: a leaderboard and its data; nothing is posted, no cookie is set."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from fastapi.responses import RedirectResponse
from starlette.routing import Route

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.web.api.document import document_router
from agon.arena.web.layout import READING
from agon.arena.web.leaderboard.boards import Boards
from agon.arena.web.leaderboard.routes import board_router
from agon.arena.web.leaderboard.sources import BoardSource
from agon.arena.web.lens.routes import lens_router
from agon.arena.web.middleware import ArenaMiddleware
from agon.arena.web.models.routes import models_router
from agon.arena.web.refusals import answer_errors
from agon.arena.web.static_files import static_router
from agon.arena.web.tastes.routes import tastes_router


def reading_app(source: BoardSource) -> ArenaMiddleware:
    """The pages over the votes of a source, ready for an ASGI server."""
    app = FastAPI(openapi_url=None)
    answer_errors(app)
    front = APIRouter()

    @front.get("/", include_in_schema=False)
    async def home() -> RedirectResponse:
        return RedirectResponse("./leaderboard")

    boards = Boards(source)
    described = board_router(boards), models_router(boards), lens_router(boards), tastes_router(boards)
    routers = front, *described, document_router(described), static_router()
    for router in routers:
        app.include_router(router)
    paths = [route.path_regex for router in routers for route in router.routes if isinstance(route, Route)]
    return ArenaMiddleware(app, keys=None, paths=paths, settings=ArenaSettings(), site=READING)
