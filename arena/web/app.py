"""The web application: routes that read a request, call the arena, and render what it returns.

Pages: `/` (Gradio), `/leaderboard`, `/about`. The API that the page itself uses, and programs may:
`/api/…`, JSON in and out, server-sent events for the answers. Every refusal is `{"error": code,
"sentence": …}`.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from arena import chrome
from arena.about_page import about_html
from arena.arena import Arena, Refusal, Running
from arena.battle import State
from arena.board_page import Filter, FilterError, leaderboard_html, unknown_filter_html
from arena.board_rows import Known, Reliability
from arena.guard import Guard
from arena.page import battle_page, mount
from arena.stage import battle_view, side_html, side_view, start_view
from ranking import rank

UPDATE_EVERY = 0.125  # seconds: an answer is sent at most eight times a second
KINDS = {
    "css": "text/css",
    "js": "text/javascript",
    "woff2": "font/woff2",
    "svg": "image/svg+xml",
    "txt": "text/plain",
}


class Prompt(BaseModel):
    """A prompt of a battle's first or next turn."""

    model_config = ConfigDict(extra="forbid", strict=True)
    prompt: str


class Ballot(BaseModel):
    """A vote as the page sends it."""

    model_config = ConfigDict(extra="forbid", strict=True)
    turn: int
    outcome: str
    token: str


def session_of(request: Request) -> str:
    """The session that the guard found proven; without one nothing can be done."""
    session: str | None = request.scope.get("agon_session")
    if session is None:
        raise Refusal(
            403, "no_session", "Your browser sent no cookie of this arena. Allow cookies, then reload."
        )
    return session


Session = Annotated[str, Depends(session_of)]


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
    mount(app, battle_page(arena.lineup.title, arena.settings.longest_prompt))
    return Guard(app, keys=arena.keys, dress=_dress)


def _dress(page: bytes) -> bytes:
    """Gradio's page in our frame: style first, header, what is read out, footer, behaviour."""
    head = f'{chrome.ICON}{chrome.STYLE}<link rel="stylesheet" href="/static/gradio.css">{chrome.SCRIPT}'
    before = (
        chrome.header("battle") + '<div id="ag-alert" role="alert" hidden></div>'
        '<div id="ag-live" class="ag-sr" role="status" aria-live="polite"></div>'
    )
    after = chrome.footer() + '<script src="/static/battle.js" defer></script>'
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


def _battles(app: FastAPI, arena: Arena) -> None:
    def view(session: str, running: Running) -> JSONResponse:
        return JSONResponse(battle_view(arena, session, running), headers={"cache-control": "no-store"})

    @app.get("/api/start")
    async def start_page(session: Session) -> JSONResponse:
        return JSONResponse(start_view(arena, session), headers={"cache-control": "no-store"})

    @app.post("/api/battles")
    async def start(session: Session, body: Prompt) -> JSONResponse:
        battle = arena.start(session, body.prompt)
        return view(session, arena.battle(session, battle.id))

    @app.get("/api/battles/{battle_id}")
    async def look(session: Session, battle_id: str) -> JSONResponse:
        return view(session, arena.battle(session, battle_id))

    @app.post("/api/battles/{battle_id}/prompts")
    async def ask(session: Session, battle_id: str, body: Prompt) -> JSONResponse:
        arena.ask(session, battle_id, body.prompt)
        return view(session, arena.battle(session, battle_id))

    @app.post("/api/battles/{battle_id}/stop")
    async def stop(session: Session, battle_id: str) -> JSONResponse:
        arena.stop(session, battle_id)
        return view(session, arena.battle(session, battle_id))

    @app.post("/api/battles/{battle_id}/vote")
    async def vote(session: Session, battle_id: str, body: Ballot) -> JSONResponse:
        return view(session, await arena.vote(session, battle_id, body.turn, body.outcome, body.token))

    @app.get("/api/battles/{battle_id}/events")
    async def events(session: Session, battle_id: str) -> StreamingResponse:
        running = arena.battle(session, battle_id)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        stream = _events(arena, session, running)
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _events(arena: Arena, session: str, running: Running) -> AsyncIterator[str]:
    """The battle as it is written: `side` events while it streams, a `view` at every change of what is on
    stage."""
    battle = running.battle
    seen, sides = -1, [-1] * len(battle.sides)
    running.watchers += 1
    try:
        while True:
            changed = battle.revision != seen
            for slot, side in enumerate(battle.sides):
                if changed or side.revision == sides[slot]:
                    continue
                sides[slot] = side.revision
                yield _event("side", {**side_view(battle, slot), "html": side_html(side)})
            if changed:
                seen, sides = battle.revision, [side.revision for side in battle.sides]
                yield _event("view", battle_view(arena, session, running))
                if battle.state is not State.STREAMING:
                    return
            await asyncio.sleep(UPDATE_EVERY)
    finally:
        running.watchers -= 1


def _event(kind: str, data: dict[str, Any]) -> str:
    return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def _boards(app: FastAPI, arena: Arena) -> None:
    @app.get("/api/leaderboard")
    async def board(request: Request) -> JSONResponse:
        chosen = Filter.of(request.query_params, *_labels(arena))
        made = await asyncio.to_thread(arena.board, chosen.category, chosen.language)
        boards = [made, *made.components] if made else []
        return JSONResponse({"schema": 1, "boards": [one.to_dict() for one in boards]})

    @app.get("/leaderboard")
    async def leaderboard(request: Request, session: Session) -> HTMLResponse:
        try:
            chosen = Filter.of(request.query_params, *_labels(arena))
        except FilterError as error:
            return HTMLResponse(unknown_filter_html(error, votes=arena.log.count()), 404)
        return HTMLResponse(await asyncio.to_thread(_board_page, arena, chosen, session))

    @app.get("/about")
    async def about(session: Session) -> HTMLResponse:
        yours = arena.log.votes_of(arena.keys.voter(session))
        return HTMLResponse(about_html(votes=arena.log.count(), yours=yours))

    @app.get("/healthz")
    async def health() -> JSONResponse:
        return JSONResponse({"votes": arena.log.count()})


def _labels(arena: Arena) -> tuple[dict[str, int], dict[str, int]]:
    found = arena.log.filters()
    return found["category"], found["language"]


def _board_page(arena: Arena, chosen: Filter, session: str) -> str:
    categories, languages = _labels(arena)
    votes = arena.comparisons(chosen.category, chosen.language)
    reliability = {
        model: Reliability(one.generations, one.failures) for model, one in arena.log.reliability().items()
    }
    cards = {entrant.card.name: entrant.card for entrant in arena.lineup.entrants}
    return leaderboard_html(
        None if votes is None else rank(votes, "bradley_terry"),
        votes=arena.log.count(),
        known=Known(cards, reliability),
        pairs=None if votes is None else votes.pairs,
        categories=categories,
        languages=languages,
        chosen=chosen,
        notice=arena.lineup.notice,
        log=str(arena.log.folder),
        yours=arena.log.votes_of(arena.keys.voter(session)),
    )


def _files(app: FastAPI) -> None:
    folder = files("arena") / "static"

    @app.get("/static/{path:path}")
    async def file(path: str) -> Response:
        kind = KINDS.get(path.rpartition(".")[2])
        parts = path.split("/")
        if kind is None or len(parts) > 2 or any(part.startswith(".") or not part for part in parts):
            raise HTTPException(404)
        found = folder.joinpath(*parts)
        if (
            path == "js/iframeResizer.contentWindow.min.js"
        ):  # Gradio asks for it, to be shown in others' frames
            return Response(b"", media_type=kind)
        if path == "plotly.min.js":
            from plotly.offline import get_plotlyjs

            return Response(get_plotlyjs(), media_type=kind, headers={"cache-control": "max-age=86400"})
        if not found.is_file():
            raise HTTPException(404)
        return Response(found.read_bytes(), media_type=kind, headers={"cache-control": "max-age=300"})
