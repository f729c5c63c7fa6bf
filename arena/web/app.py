"""The web application: routes that read a request, call the arena, and render what it returns.

Pages: `/` (Gradio), `/leaderboard`, `/about`. The API that the page itself uses, and programs may:
`/api/…`, JSON in and out, server-sent events for the answers. Every refusal is `{"error": code,
"sentence": …}`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import Route

from agon.arena.core.arena import Arena, Refusal
from agon.arena.core.study import Study
from agon.arena.web import layout
from agon.arena.web.about import about_router
from agon.arena.web.battle.gradio_frame import PATHS, battle_page, mount
from agon.arena.web.battle.routes import battle_router
from agon.arena.web.health import health_router
from agon.arena.web.leaderboard.boards import BusyError
from agon.arena.web.leaderboard.query import QueryError
from agon.arena.web.leaderboard.routes import leaderboard_router
from agon.arena.web.middleware import NO_PAGE, ArenaMiddleware, problem
from agon.arena.web.static_files import static_router
from agon.arena.web.study.page import STUDY
from agon.arena.web.study.routes import study_router
from agon.ranking.errors import AgonError

ROUTERS = (battle_router, leaderboard_router, about_router, health_router, static_router)


def study_app(study: Study) -> ArenaMiddleware:
    """The pages of a study: that of its voters, its progress, and once it has ended the leaderboard."""
    app = FastAPI(openapi_url=None, lifespan=_life(study.arena))
    answer_errors(app)

    def ended() -> None:
        if study.closed is None and not study.plan.reveal:
            raise Refusal(
                403, "blind", "The leaderboard opens when the study has ended: until then it is blind."
            )

    arena = study.arena
    routers = [study_router(study), about_router(arena), health_router(arena), static_router(arena)]
    for router in routers:
        app.include_router(router)
    boards = leaderboard_router(arena)
    app.include_router(boards, dependencies=[Depends(ended)])
    paths = [r.path_regex for one in (*routers, boards) for r in one.routes if isinstance(r, Route)]
    return ArenaMiddleware(app, keys=arena.keys, dress=None, paths=paths, settings=arena.settings, site=STUDY)


def _life(arena: Arena) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await arena.open()
        yield
        await arena.close()

    return life


def web_app(arena: Arena) -> ArenaMiddleware:
    """The whole application over one arena, ready for an ASGI server."""
    app = FastAPI(openapi_url=None, lifespan=_life(arena))
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


def answer_errors(app: FastAPI) -> None:
    """Every refusal as a sentence: JSON for programs, a page for people who followed a link."""

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> Response:
        return problem(request.scope, error.status, error.code, error.sentence)

    @app.exception_handler(QueryError)
    async def no_filter(request: Request, error: QueryError) -> Response:
        return problem(request.scope, 404, "no_board", str(error))

    @app.exception_handler(AgonError)
    async def unfit(request: Request, error: AgonError) -> Response:
        return problem(request.scope, 422, "unfit", str(error))

    @app.exception_handler(BusyError)
    async def busy(request: Request, error: BusyError) -> Response:
        return problem(request.scope, 503, "busy", str(error))

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        where = ".".join(str(part) for part in error.errors()[0]["loc"] if part != "body") or "the body"
        sentence = f"The request is not what this route takes: see {where}."
        return problem(request.scope, 422, "malformed", sentence)

    @app.exception_handler(Exception)
    async def failed(request: Request, _: Exception) -> Response:
        sentence = "The arena made a mistake. Reload the page to see where things stand, then try again."
        return problem(request.scope, 500, "failed", sentence)

    @app.exception_handler(HTTPException)
    async def unreadable(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return problem(request.scope, *NO_PAGE)
        sentence = f"The request cannot be read: {error.detail}."
        return problem(request.scope, error.status_code, "malformed", sentence)
