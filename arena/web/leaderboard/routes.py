"""The routes of the leaderboard page and its data, over any votes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from agon.arena.core.arena import Arena
from agon.arena.web.leaderboard.board_picture import board_png
from agon.arena.web.leaderboard.boards import Boards, BusyError
from agon.arena.web.leaderboard.page import leaderboard_html, no_board_html, rule_name, waiting_html
from agon.arena.web.leaderboard.query import BoardQuery, ChangedBoardError, Offer, QueryError
from agon.arena.web.leaderboard.sources import About, ArenaVotes, BoardSource
from agon.arena.web.leaderboard.who_answers import model_states
from agon.ranking.errors import AgonError
from agon.ranking.leaderboard.exchange import boards_to_csv

PATIENCE = 1.0  # seconds before a page says that its board is being computed


def leaderboard_router(arena: Arena, boards: Boards | None = None) -> APIRouter:
    """The leaderboard of an arena, and its data."""

    def yours(request: Request) -> int:
        session = request.scope.get("agon_session")
        return arena.log.votes_of(arena.keys.voter(session)) if session else 0

    return board_router(boards or Boards(ArenaVotes(arena)), yours)


def board_router(boards: Boards, yours: Callable[[Request], int | None] = lambda _: None) -> APIRouter:
    """The leaderboard of any votes as a page, as JSON and as CSV; `yours` counts a visitor's votes."""
    router, source = APIRouter(), boards.source

    async def asked(request: Request) -> tuple[BoardQuery, Offer]:
        return await asked_of(source, request)

    @router.get("/api/leaderboard")
    async def data(request: Request) -> JSONResponse:
        query, _ = await asked(request)
        made = await boards.get(query)
        board = made.board if made else None
        found = [one.to_dict() for one in ([board, *board.components] if board else [])]
        models = [asdict(one) for one in model_states(board, source.about().info)]
        return JSONResponse({"schema": 1, "boards": found, "models": models})

    @router.get("/leaderboard.csv")
    async def table(request: Request) -> Response:
        query, _ = await asked(request)
        made = await boards.get(query)
        text = boards_to_csv([made.board] if made and made.board else [])
        name = f'attachment; filename="leaderboard-{query.rule}.csv"'
        return PlainTextResponse(text, media_type="text/csv", headers={"content-disposition": name})

    @router.get("/leaderboard")
    async def leaderboard(request: Request) -> HTMLResponse:
        about = await asyncio.to_thread(source.about)

        async def page() -> str:
            query, offer = await asked(request)
            made = await boards.get(query, PATIENCE)
            if made is None:
                return waiting_html(rule_name(query.rule), query, about=about)
            return await asyncio.to_thread(
                lambda: leaderboard_html(
                    made.board,
                    about=about,
                    pairs=made.pairs,
                    offer=offer,
                    query=query,
                    yours=yours(request),
                )
            )

        rest = urlencode([pair for pair in request.query_params.multi_items() if pair[0] != "at"])
        return await answered(page, about, f"./leaderboard?{rest}" if rest else None)

    @router.get("/leaderboard.png")
    async def picture(request: Request) -> Response:
        about, (query, _) = await asyncio.to_thread(source.about), await asked(request)
        made = await boards.get(query)
        if not made or not made.board:
            raise QueryError("There are no votes to draw.")
        board = made.board
        drawn = await asyncio.to_thread(lambda: board_png(board, about.info))
        name = f'attachment; filename="leaderboard-{query.rule}.png"'
        return Response(drawn, media_type="image/png", headers={"content-disposition": name})

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


async def answered(
    page: Callable[[], Awaitable[str]], about: About, today: str | None = None
) -> HTMLResponse:
    """A page, or the sentence why there is none."""
    try:
        return HTMLResponse(await page())
    except QueryError as error:
        return HTMLResponse(no_board_html(str(error), about=about), 404)
    except ChangedBoardError as error:
        return HTMLResponse(
            no_board_html(
                str(error), about=about, title="The board has changed.", way=today or "./leaderboard"
            ),
            410,
        )
    except BusyError as error:
        return HTMLResponse(no_board_html(str(error), about=about), 503)
    except AgonError as error:
        return HTMLResponse(no_board_html(str(error), about=about), 422)
