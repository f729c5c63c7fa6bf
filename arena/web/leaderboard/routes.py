"""The routes of the leaderboard page and its data."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from agon.arena.core.arena import Arena
from agon.arena.web.leaderboard.filters import Filter, FilterError
from agon.arena.web.leaderboard.page import leaderboard_html, unknown_filter_html
from agon.arena.web.leaderboard.table import ModelInfo
from agon.arena.web.leaderboard.who_answers import model_states
from agon.arena.web.middleware import Session
from agon.ranking import rank


def leaderboard_router(arena: Arena) -> APIRouter:
    """The leaderboard and its data."""
    router = APIRouter()

    @router.get("/api/leaderboard")
    async def board(request: Request) -> JSONResponse:
        chosen = Filter.of(request.query_params, *_labels(arena))
        made = await asyncio.to_thread(arena.board, chosen.category, chosen.language)
        boards = [made, *made.components] if made else []
        found = [one.to_dict() for one in boards]
        models = [asdict(one) for one in model_states(made, _info(arena))]
        return JSONResponse({"schema": 1, "boards": found, "models": models})

    @router.get("/leaderboard")
    async def leaderboard(request: Request, session: Session) -> HTMLResponse:
        try:
            chosen = Filter.of(request.query_params, *_labels(arena))
        except FilterError as error:
            return HTMLResponse(unknown_filter_html(error, votes=arena.log.count()), 404)
        return HTMLResponse(await asyncio.to_thread(_board_page, arena, chosen, session))

    return router


def _labels(arena: Arena) -> tuple[dict[str, int], dict[str, int]]:
    found = arena.log.filters()
    return found["category"], found["language"]


def _info(arena: Arena) -> ModelInfo:
    cards = {contestant.card.name: contestant.card for contestant in arena.roster.contestants}
    return ModelInfo(cards, arena.endings, arena.unavailable, closed=True)


def _board_page(arena: Arena, chosen: Filter, session: str) -> str:
    categories, languages = _labels(arena)
    votes = arena.comparisons(chosen.category, chosen.language)
    own = arena.log.folder / "votes" / "arena.parquet"
    imported = sorted(file.name for file in own.parent.glob("*.parquet") if file != own)
    return leaderboard_html(
        None if votes is None else rank(votes, "bradley_terry"),
        votes=arena.log.count(),
        info=_info(arena),
        pairs=None if votes is None else votes.pairs,
        categories=categories,
        languages=languages,
        chosen=chosen,
        notice=arena.roster.notice,
        log=str(own if imported else arena.log.folder),
        imported=imported,
        yours=arena.log.votes_of(arena.keys.voter(session)),
    )
