"""The routes of the pages that ask more of the votes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from agon.arena.core.arena import Arena
from agon.arena.web.leaderboard.boards import Boards, BusyError
from agon.arena.web.leaderboard.page import no_board_html, waiting_html
from agon.arena.web.leaderboard.query import ALL, BoardQuery, Offer, QueryError
from agon.arena.web.leaderboard.routes import PATIENCE, answered, leaderboard_router
from agon.arena.web.leaderboard.sources import About, ArenaVotes
from agon.arena.web.lens.auditing import make_audit
from agon.arena.web.lens.data_page import badge_svg, data_html
from agon.arena.web.lens.decide_page import decide_html, no_decision_html
from agon.arena.web.lens.decide_query import DecideQuery
from agon.arena.web.lens.deciding import make_decision, make_facts
from agon.arena.web.lens.fact_words import KnownFacts, fact_names
from agon.arena.web.lens.integrity_page import integrity_html
from agon.arena.web.lens.method_page import method_html
from agon.arena.web.lens.rules_page import rules_html
from agon.arena.web.lens.stability import RulesQuery, is_weight, make_lens
from agon.arena.web.models.routes import models_router
from agon.ranking.errors import AgonError


def reading_router(arena: Arena) -> APIRouter:
    """All reading pages of an arena: its leaderboard, and those that ask more of the same votes."""
    router, boards = APIRouter(), Boards(ArenaVotes(arena))
    for one in (leaderboard_router(arena, boards), models_router(boards), lens_router(boards)):
        router.routes.extend(one.routes)  # not included: what may be asked for is read off the routes
    return router


def lens_router(boards: Boards) -> APIRouter:
    """The pages over the votes of a source."""
    router, source = APIRouter(), boards.source

    async def asked(request: Request) -> DecideQuery:
        offer = await asyncio.to_thread(source.offer, {})
        facts = await boards.made(ALL, make_facts) or KnownFacts()
        return DecideQuery.of(request.query_params.multi_items(), offer, *fact_names(facts))

    @router.get("/api/decide")
    async def decision(request: Request) -> JSONResponse:
        made = await boards.made(await asked(request), make_decision)
        told = made.decision.to_dict() if made and made.decision else None
        return JSONResponse({"schema": 1, "decision": told, "why_not": made.why_not if made else None})

    @router.get("/decide")
    async def decide(request: Request) -> HTMLResponse:
        about = await asyncio.to_thread(source.about)
        try:
            query = await asked(request)
            made = await boards.made(query, make_decision, PATIENCE)
            if made is None:
                return HTMLResponse(waiting_html("The decision", ALL, about=about))
            offer = await asyncio.to_thread(source.offer, {})
            return HTMLResponse(
                await asyncio.to_thread(lambda: decide_html(made, about=about, offer=offer, query=query))
            )
        except AgonError as error:
            return refused(error, about, no_decision_html)

    async def rules_asked(request: Request) -> tuple[RulesQuery, Offer]:
        given = request.query_params.multi_items()
        offer = await asyncio.to_thread(source.offer, {})
        board = BoardQuery.of({name: value for name, value in given if not is_weight(name)}, offer)
        query = RulesQuery.of(given, board.where, offer)
        return query, await asyncio.to_thread(source.offer, board.chosen) if board.where else offer

    @router.get("/api/rules")
    async def comparison(request: Request) -> JSONResponse:
        query, _ = await rules_asked(request)
        lens = await boards.made(query, make_lens)
        return JSONResponse(
            {"schema": 1, "comparison": lens.rules.to_dict() if lens and lens.rules else None}
        )

    @router.get("/rules")
    async def rules(request: Request) -> HTMLResponse:
        about = await asyncio.to_thread(source.about)

        async def page() -> str:
            query, offer = await rules_asked(request)
            lens = await boards.made(query, make_lens, PATIENCE)
            if lens is None:
                return waiting_html("The comparison of rules", BoardQuery(query.where), about=about)
            return await asyncio.to_thread(lambda: rules_html(lens, about=about, offer=offer, query=query))

        return await answered(page, about)

    @router.get("/method")
    async def method() -> HTMLResponse:
        about, offer = await asyncio.to_thread(lambda: (source.about(), source.offer({})))
        return HTMLResponse(await asyncio.to_thread(lambda: method_html(about=about, offer=offer)))

    @router.get("/data")
    async def data() -> HTMLResponse:
        about = await asyncio.to_thread(source.about)

        async def page() -> str:
            made = await boards.get(ALL, PATIENCE)
            if made is None:
                return waiting_html("The board", ALL, about=about)
            return data_html(made.board, about=about)

        return await answered(page, about)

    @router.get("/badge.svg")
    async def badge() -> Response:
        about, made = await asyncio.to_thread(source.about), await boards.get(ALL)
        text = badge_svg(made.board if made else None, about)
        return Response(text, media_type="image/svg+xml", headers={"cache-control": "max-age=60"})

    @router.get("/integrity")
    async def integrity() -> HTMLResponse:
        about = await asyncio.to_thread(source.about)
        try:
            audit = await boards.made(ALL, make_audit, PATIENCE)
        except AgonError as error:
            return refused(error, about, no_board_html)
        if audit is None:
            return HTMLResponse(waiting_html("The look at how these votes were made", ALL, about=about))
        return HTMLResponse(await asyncio.to_thread(lambda: integrity_html(audit, about=about)))

    return router


def refused(error: AgonError, about: About, page: Callable[..., str]) -> HTMLResponse:
    """The sentence why there is no such page, with the status that says so."""
    status = 404 if isinstance(error, QueryError) else 503 if isinstance(error, BusyError) else 422
    return HTMLResponse(page(str(error), about=about), status)
