"""The routes of the leaderboard page and its data, over any votes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from agon.arena.web.api.board_shapes import LeaderboardAnswer, OfferAnswer
from agon.arena.web.api.caching import Patience, unless_seen
from agon.arena.web.api.document import BOARD, documented, refusal
from agon.arena.web.languages.texts import _
from agon.arena.web.layout import your_votes
from agon.arena.web.leaderboard.board_words import rule_name
from agon.arena.web.leaderboard.boards import Boards, BusyError, Made
from agon.arena.web.leaderboard.page import leaderboard_html, no_board_html, waiting_html
from agon.arena.web.leaderboard.pictures.badges import model_badge_svg
from agon.arena.web.leaderboard.pictures.board_picture import board_png
from agon.arena.web.leaderboard.query import (
    BoardQuery,
    ChangedBoardError,
    Offer,
    QueryError,
    check_fingerprint,
    no_model,
)
from agon.arena.web.leaderboard.sources import About, BoardSource
from agon.arena.web.leaderboard.who_answers import model_states
from agon.ranking import Leaderboard
from agon.ranking.errors import AgonError
from agon.ranking.leaderboard.exchange import boards_to_csv
from agon.ranking.text import Sentence

PATIENCE = 1.0  # seconds before a page says that its board is being computed
_CSV = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "As `agon rank` prints it."}
}
_SVG = {200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}, "description": "Drawn."}}
_PNG = {
    200: {
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        "description": "Drawn.",
    }
}


def board_router(boards: Boards, prefix: str = "") -> APIRouter:
    """The leaderboard of any votes as a page, as JSON and as CSV."""
    router, source = APIRouter(prefix=prefix), boards.source

    async def asked(request: Request) -> tuple[BoardQuery, Offer]:
        return await asked_of(source, request)

    async def board_of(request: Request, patience: Patience) -> tuple[BoardQuery, Leaderboard | None]:
        """What is asked for as data: the board, of the fingerprint that the address names."""
        query, _ = await asked(request)
        made = await boards.get(query, patience) or Made()
        if made.board is not None:
            check_fingerprint(made.board, query)
        return query, made.board

    at = {410: refusal(410)}

    @router.get(
        "/api/leaderboard", summary="A leaderboard", **documented(LeaderboardAnswer, *BOARD, "at", also=at)
    )
    async def data(request: Request) -> Response:
        async def told(patience: Patience) -> Response:
            _, board = await board_of(request, patience)
            found = [one.to_dict() for one in ([board, *board.components] if board else [])]
            about = source.about()
            models = [asdict(one) for one in model_states(board, about.info)]
            return JSONResponse({"schema": 1, "boards": found, "models": models, "gates": about.gates})

        return await answered_data(request, source, told)

    @router.get("/api/offer", summary="What can be asked for", **documented(OfferAnswer, "filters"))
    async def offered(request: Request) -> Response:
        async def told(_: Patience) -> Response:
            about = await asyncio.to_thread(source.about)
            offer = (await asked(request))[1]
            values = {"schema": 1, "votes": about.total, "unit": about.unit, **asdict(offer)}
            return JSONResponse(values)

        return await answered_data(request, source, told)

    @router.get(
        "/leaderboard.csv", summary="A leaderboard as CSV", **documented(None, *BOARD, "at", also=at | _CSV)
    )
    async def table(request: Request) -> Response:
        async def told(patience: Patience) -> Response:
            query, board = await board_of(request, patience)
            about = source.about()
            lives = {one.model: one.life for one in model_states(board, about.info)}
            facts = {"life": lives} if about.info.closed else {}
            text = boards_to_csv([board] if board else [], facts=facts)
            name = f'attachment; filename="leaderboard-{query.rule}.csv"'
            return PlainTextResponse(text, media_type="text/csv", headers={"content-disposition": name})

        return await answered_data(request, source, told)

    @router.get("/leaderboard", include_in_schema=False)
    async def leaderboard(request: Request) -> Response:
        async def page(about: About, patience: Patience) -> str:
            query, offer = await asked(request)
            made = await boards.get(query, patience)
            if made is None:
                return waiting_html(rule_name(query.rule), query, about=about)
            return await asyncio.to_thread(
                lambda: leaderboard_html(made.board, about=about, pairs=made.pairs, offer=offer, query=query)
            )

        rest = urlencode([pair for pair in request.query_params.multi_items() if pair[0] != "at"])
        return await answered(request, source, page, today=f"./leaderboard?{rest}" if rest else None)

    @router.get(
        "/badge/{model:path}.svg", summary="Where a model stands", **documented(None, *BOARD, also=_SVG)
    )
    async def badge(request: Request, model: str) -> Response:
        async def told(patience: Patience) -> Response:
            about, (_, board) = await asyncio.to_thread(source.about), await board_of(request, patience)
            known = [row.model for row in board.rows] if board else []
            if board is None or model not in known:
                raise no_model(model, known)
            span = await asyncio.to_thread(source.span)
            text = model_badge_svg(board, board[model], about, span and span[1])
            return Response(text, media_type="image/svg+xml")

        return await answered_data(request, source, told)

    @router.get(
        "/leaderboard.png",
        summary="A leaderboard as a picture",
        **documented(None, *BOARD, "at", also=at | _PNG),
    )
    async def picture(request: Request) -> Response:
        async def told(patience: Patience) -> Response:
            about, (query, board) = await asyncio.to_thread(source.about), await board_of(request, patience)
            if not board:
                raise QueryError(Sentence("There are no votes to draw."))
            drawn = await asyncio.to_thread(lambda: board_png(board, about.info))
            name = f'attachment; filename="leaderboard-{query.rule}.png"'
            return Response(drawn, media_type="image/png", headers={"content-disposition": name})

        return await answered_data(request, source, told)

    return router


async def asked_of(source: BoardSource, request: Request) -> tuple[BoardQuery, Offer]:
    """The board that a request asks for, and what else can be asked for beside it.

    Raises:
        QueryError: there is no such board.
    """
    given = {
        name: ",".join(filter(None, request.query_params.getlist(name))) for name in request.query_params
    }
    offer = await asyncio.to_thread(source.offer, {})
    query = BoardQuery.of(given, offer)
    if query.where:
        offer = await asyncio.to_thread(source.offer, query.chosen)
    return query, offer


async def answered_data(
    request: Request, source: BoardSource, told: Callable[[Patience], Awaitable[Response]]
) -> Response:
    """What was asked for as data, or 304 where the client has it already.

    As on the pages it may be of before while that of now is made, unless the client takes nothing kept.
    """
    now = "no-cache" in request.headers.get("cache-control", "")
    patience = Patience(None if now else PATIENCE, data=True)
    return await unless_seen(request, await asyncio.to_thread(source.shown), told, patience=patience)


async def answered(
    request: Request,
    source: BoardSource,
    page: Callable[[About, Patience], Awaitable[str]],
    *,
    today: str | None = None,
    no_page: Callable[..., str] = no_board_html,
    also: object = None,
) -> Response:
    """A page, or the sentence why there is none; or 304 where the browser has it already.

    Args:
        request: what was asked.
        source: of the votes.
        page: makes it.
        today: address of the board of now, where a permalink was asked for.
        no_page: the page for a sentence.
        also: what else the page shows.
    """
    votes_of, fresh = getattr(request.app.state, "votes_of", None), request.scope.get("agon_cookie")
    session = None if fresh else request.scope.get("agon_session")  # who comes first has no votes

    def look() -> tuple[object, int | None]:
        return source.shown(), None if votes_of is None else votes_of(session) if session else 0

    def finish(page: bytes) -> bytes:
        site = source.about().site
        return page.replace(your_votes(0, site).encode(), your_votes(yours or 0, site).encode(), 1)

    async def told(patience: Patience) -> Response:
        about = await asyncio.to_thread(source.about)
        try:
            return HTMLResponse(await page(about, patience))
        except ChangedBoardError as error:
            way = today or "./leaderboard"
            text = no_board_html(error.told, about=about, title=_("The board has changed."), way=way)
            return HTMLResponse(text, 410)
        except AgonError as error:
            status = 404 if isinstance(error, QueryError) else 503 if isinstance(error, BusyError) else 422
            return HTMLResponse(no_page(error.told, about=about), status)

    shown, yours = await asyncio.to_thread(look)
    patience = Patience(PATIENCE)
    return await unless_seen(request, (shown, also), told, patience=patience, own=yours, finish=finish)
