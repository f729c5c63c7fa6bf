"""The web application: routes that read a request, call the arena, and render what it returns.

Pages: `/` (Gradio), `/leaderboard`, `/about`. The API that the page itself uses, and programs may:
`/api/…`, JSON in and out, server-sent events for the answers. Every refusal is `{"error": code,
"sentence": …}`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from agon.arena.core.arena import Arena, Refusal
from agon.arena.web import layout
from agon.arena.web.battle.gradio_frame import battle_page, mount
from agon.arena.web.battle.routes import _battles
from agon.arena.web.leaderboard.filters import FilterError
from agon.arena.web.leaderboard.routes import _boards
from agon.arena.web.middleware import Guard
from agon.arena.web.static_files import _files


def web_app(arena: Arena) -> Guard:
    """The whole application over one arena, ready for an ASGI server."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await arena.open()
        yield
        await arena.close()

    app = FastAPI(openapi_url=None, lifespan=life)
    _errors(app)
    _battles(app, arena)
    _boards(app, arena)
    _files(app)
    mount(app, battle_page(arena.roster.title))
    return Guard(app, keys=arena.keys, dress=_dress)


def _dress(page: bytes) -> bytes:
    """Gradio's page in our frame: style first, header, what is read out, footer, behaviour."""
    head = f'{layout.ICON}{layout.STYLE}<link rel="stylesheet" href="/static/gradio.css">{layout.SCRIPT}'
    before = (
        layout.header("battle") + '<div id="ag-alert" role="alert" hidden></div>'
        '<div id="ag-live" class="ag-sr" role="status" aria-live="polite"></div>'
    )
    after = layout.footer() + '<script src="/static/battle.js" defer></script>'
    page = page.replace(b"</head>", head.encode() + b"</head>", 1)
    page = page.replace(b"<body", b'<body class="ag-root"', 1)
    body = page.index(b">", page.index(b"<body")) + 1
    page = page[:body] + before.encode() + page[body:]
    return page.replace(b"</body>", after.encode() + b"</body>", 1)


def _errors(app: FastAPI) -> None:
    def problem(status: int, code: str, sentence: str) -> JSONResponse:
        return JSONResponse({"error": code, "sentence": sentence}, status)

    @app.exception_handler(Refusal)
    async def refused(_: Request, error: Refusal) -> JSONResponse:
        return problem(error.status, error.code, error.sentence)

    @app.exception_handler(FilterError)
    async def no_filter(_: Request, error: FilterError) -> JSONResponse:
        return problem(404, "no_filter", str(error))

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        where = ".".join(str(part) for part in error.errors()[0]["loc"] if part != "body") or "the body"
        return problem(422, "malformed", f"The request is not what this route takes: see {where}.")

    @app.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> JSONResponse:
        return problem(
            500,
            "failed",
            "The arena made a mistake. Reload the page to see where things stand, then try again.",
        )

    @app.exception_handler(HTTPException)
    async def no_page(_: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 404:
            return problem(404, "no_page", "There is no such page.")
        return problem(error.status_code, "malformed", f"The request cannot be read: {error.detail}.")
