"""The routes of the leaderboard page and its data."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse

from agon.arena.core.arena import Arena
from agon.arena.web.about import about_html
from agon.arena.web.leaderboard.filters import Filter, FilterError
from agon.arena.web.leaderboard.page import leaderboard_html, unknown_filter_html
from agon.arena.web.leaderboard.table import ModelInfo
from agon.arena.web.middleware import Session
from agon.ranking import rank


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
    cards = {contestant.card.name: contestant.card for contestant in arena.roster.contestants}
    return leaderboard_html(
        None if votes is None else rank(votes, "bradley_terry"),
        votes=arena.log.count(),
        info=ModelInfo(cards, arena.endings),
        pairs=None if votes is None else votes.pairs,
        categories=categories,
        languages=languages,
        chosen=chosen,
        notice=arena.roster.notice,
        log=str(arena.log.folder),
        yours=arena.log.votes_of(arena.keys.voter(session)),
    )
