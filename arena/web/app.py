"""The web application: routes that read a request, call the arena, and render what it returns.

Pages: `/` (Gradio), `/leaderboard`, `/about`. The API that the page itself uses, and programs may:
`/api/…`, JSON in and out, server-sent events for the answers. Every refusal is `{"error": code,
"sentence": …}`.
"""

from __future__ import annotations

from fastapi import FastAPI
from starlette.routing import Route

from agon.arena.core.arena import Arena
from agon.arena.web import layout
from agon.arena.web.about import about_router
from agon.arena.web.battle.gradio_frame import PATHS, battle_page, mount
from agon.arena.web.battle.routes import battle_router
from agon.arena.web.health import health_router
from agon.arena.web.leaderboard.routes import leaderboard_router
from agon.arena.web.middleware import ArenaMiddleware
from agon.arena.web.refusals import answer_errors, lifespan_of
from agon.arena.web.static_files import static_router

ROUTERS = (battle_router, leaderboard_router, about_router, health_router, static_router)


def web_app(arena: Arena) -> ArenaMiddleware:
    """The whole application over one arena, ready for an ASGI server."""
    app = FastAPI(openapi_url=None, lifespan=lifespan_of(arena))
    answer_errors(app)
    routers = [router(arena) for router in ROUTERS]
    for router in routers:
        app.include_router(router)
    routes = (route for router in routers for route in router.routes if isinstance(route, Route))
    paths = [*(route.path_regex for route in routes), PATHS]
    mount(app, battle_page(arena.roster.title))
    return ArenaMiddleware(app, keys=arena.keys, dress=_dress, paths=paths, settings=arena.settings)


def _dress(page: bytes) -> bytes:
    """Gradio's page in our frame: style first, header, what is read out, footer, behaviour."""
    head = f'{layout.ARENA.head}<link rel="stylesheet" href="./static/gradio.css">'
    before = (
        layout.header("battle") + '<div id="ag-alert" role="alert" hidden></div>'
        '<div id="ag-live" class="ag-sr" role="status" aria-live="polite"></div>'
    )
    after = layout.footer() + '<script src="./static/root.js"></script>'
    after += '<script src="./static/ballot.js" defer></script>'
    after += '<script src="./static/battle.js" defer></script>'
    page = page.replace(b"</head>", head.encode() + b"</head>", 1)
    page = page.replace(b"<body", b'<body class="ag-root"', 1)
    body = page.index(b">", page.index(b"<body")) + 1
    page = page[:body] + before.encode() + page[body:]
    return page.replace(b"</body>", after.encode() + b"</body>", 1)
