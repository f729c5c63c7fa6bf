"""The web application: routes that read a request, call the arena, and render what it returns.

Pages: `/`, `/leaderboard`, `/you`, `/about`. The API that the page itself uses, and programs may:
`/api/…`, JSON in and out, server-sent events for the answers, described in `/openapi.json`. Every refusal is
`{"error": code, "sentence": …}`. `/gradio` has the endpoints of the Blocks for `gradio_client`, and no
page.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route

from agon.arena.core.arena import Arena
from agon.arena.web.about import about_router
from agon.arena.web.admin.admin_routes import admin_router
from agon.arena.web.api.document import document_router
from agon.arena.web.battle.chat import chat_router
from agon.arena.web.battle.consent import consent_router
from agon.arena.web.battle.image_uploads import image_router
from agon.arena.web.battle.routes import battle_router
from agon.arena.web.entrance.sign_in_routes import sign_in_router
from agon.arena.web.entrance.work_routes import work_router
from agon.arena.web.health import health_router
from agon.arena.web.languages.organiser import logo_router
from agon.arena.web.leaderboard.boards import Boards
from agon.arena.web.leaderboard.sources import ArenaVotes, BoardSource
from agon.arena.web.lens.routes import reading_router
from agon.arena.web.middleware import ArenaMiddleware, Receive, Scope, Send
from agon.arena.web.refusals import answer_errors, lifespan_of
from agon.arena.web.static_files import static_router
from agon.arena.web.you.routes import you_router

_ENDPOINTS = re.compile(r"/gradio/(config|gradio_api/(info|queue/(join|data)))\Z")
ROUTERS = (
    battle_router,
    chat_router,
    consent_router,
    image_router,
    about_router,
    logo_router,
    health_router,
    static_router,
)


def web_app(arena: Arena, votes: Mapping[str, BoardSource] | None = None) -> ArenaMiddleware:
    """The whole application over one arena, ready for an ASGI server.

    Args:
        arena: whose pages they are.
        votes: what boards are of, by what stands before the paths of their pages; the arena's own votes, if
            left out.
    """
    boards = {prefix: Boards(source) for prefix, source in (votes or {"": ArenaVotes(arena)}).items()}
    app = FastAPI(openapi_url=None, lifespan=lifespan_of(arena))
    answer_errors(app)
    app.state.votes_of = lambda session: arena.log.votes_of(arena.keys.voter(session))
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)  # not of event streams
    routers = [*(router(arena) for router in ROUTERS), you_router(arena, boards[""])]
    if arena.settings.admin is not None:
        routers.append(admin_router(arena, arena.settings.admin))
    if (access := arena.settings.access) is not None:
        routers.append(sign_in_router(arena, access))
    if arena.settings.work:
        routers.append(work_router(arena))
    routers.append(reading_router(boards))
    routers.append(document_router(routers))
    for router in routers:
        app.include_router(router)
    app.router.routes.append(Route("/gradio/{path:path}", _Programs(arena), methods=None))
    paths = [route.path_regex for one in routers for route in one.routes if isinstance(route, Route)]
    paths.append(_ENDPOINTS)
    return ArenaMiddleware(
        app,
        keys=arena.keys,
        paths=paths,
        settings=arena.settings,
        refused=arena.refused,
        invitations=arena.log.invitations() if access is not None and access.invitations else None,
        organiser=lambda: arena.roster.page,
    )


class _Programs:
    """The endpoints of Gradio, made when the first program asks: the pages need none."""

    def __init__(self, arena: Arena) -> None:
        self._arena, self._making = arena, asyncio.Lock()
        self._app: FastAPI | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._making:
            if self._app is None:
                app, start = await asyncio.to_thread(self._make)
                start()
                self._app = app
        await self._app(scope, receive, send)

    def _make(self) -> tuple[FastAPI, Callable[[], None]]:
        from agon.arena.web.gradio_components import programs_app  # seconds, so not in the loop of the votes

        return programs_app(self._arena)
