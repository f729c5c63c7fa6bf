"""The web application: routes that read a request, call the arena, and render what it returns.

Pages: `/`, `/leaderboard`, `/about`. The API that the page itself uses, and programs may:
`/api/…`, JSON in and out, server-sent events for the answers. Every refusal is `{"error": code,
"sentence": …}`.
"""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route

from agon.arena.core.arena import Arena
from agon.arena.web.about import about_router
from agon.arena.web.battle.image_uploads import image_router
from agon.arena.web.battle.routes import battle_router
from agon.arena.web.health import health_router
from agon.arena.web.lens.routes import reading_router
from agon.arena.web.middleware import ArenaMiddleware
from agon.arena.web.refusals import answer_errors, lifespan_of
from agon.arena.web.static_files import static_router

ROUTERS = (battle_router, image_router, reading_router, about_router, health_router, static_router)


def web_app(arena: Arena) -> ArenaMiddleware:
    """The whole application over one arena, ready for an ASGI server."""
    app = FastAPI(openapi_url=None, lifespan=lifespan_of(arena))
    answer_errors(app)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)  # not of event streams
    routers = [router(arena) for router in ROUTERS]
    for router in routers:
        app.include_router(router)
    paths = [route.path_regex for one in routers for route in one.routes if isinstance(route, Route)]
    return ArenaMiddleware(app, keys=arena.keys, paths=paths, settings=arena.settings)
