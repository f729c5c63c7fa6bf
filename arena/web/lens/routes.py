"""The routes of the pages that ask more of the votes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from agon.arena.web.api.caching import Patience
from agon.arena.web.api.document import documented
from agon.arena.web.api.integrity_shapes import IntegrityAnswer
from agon.arena.web.api.rule_shapes import DecideAnswer, MethodsAnswer, RulesAnswer
from agon.arena.web.api.shapes import DataAnswer
from agon.arena.web.languages.texts import message
from agon.arena.web.leaderboard.boards import Boards
from agon.arena.web.leaderboard.page import waiting_html
from agon.arena.web.leaderboard.pictures.badges import badge_address, badge_svg
from agon.arena.web.leaderboard.query import ALL, BoardQuery, Offer
from agon.arena.web.leaderboard.routes import answered, answered_data, board_router
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.lens.auditing import Audit, make_audit
from agon.arena.web.lens.data_page import DOWNLOADS, Badges, data_html
from agon.arena.web.lens.decide_page import decide_html, no_decision_html
from agon.arena.web.lens.decide_query import DecideQuery
from agon.arena.web.lens.deciding import make_decision, make_facts
from agon.arena.web.lens.fact_words import KnownFacts, fact_names
from agon.arena.web.lens.integrity_page import integrity_html
from agon.arena.web.lens.lens_values import (
    data_values,
    decide_values,
    integrity_values,
    method_values,
    rules_values,
)
from agon.arena.web.lens.method_page import method_html
from agon.arena.web.lens.rules_page import rules_html
from agon.arena.web.lens.stability import RulesQuery, is_weight, make_lens
from agon.arena.web.models.routes import models_router
from agon.arena.web.tastes.kinds_section import make_tastes
from agon.arena.web.tastes.prediction_section import make_prediction
from agon.arena.web.tastes.routes import tastes_router

_ASKED = ("by", "weights", "conditions", "prefer", "within")


def reading_router(of: Mapping[str, Boards]) -> APIRouter:
    """All reading pages of an arena: its leaderboard, and those that ask more of the same votes.

    Args:
        of: boards by what stands before the paths of their pages.
    """
    router = APIRouter()
    for prefix, boards in of.items():
        pages = board_router(boards, prefix), models_router(boards, prefix)
        for one in (*pages, lens_router(boards, prefix), tastes_router(boards, prefix)):
            router.routes.extend(one.routes)  # not included: what may be asked for is read off the routes
    return router


def lens_router(boards: Boards, prefix: str = "") -> APIRouter:
    """The pages over the votes of a source; `prefix` stands before their paths."""
    router, source = APIRouter(prefix=prefix), boards.source

    async def asked(request: Request) -> DecideQuery:
        offer = await asyncio.to_thread(source.offer, {})
        facts = await boards.made(ALL, make_facts) or KnownFacts()
        return DecideQuery.of(request.query_params.multi_items(), offer, *fact_names(facts))

    @router.get("/api/decide", summary="Which model to take", **documented(DecideAnswer, *_ASKED))
    async def decision(request: Request) -> Response:
        async def told(patience: Patience) -> Response:
            return JSONResponse(
                decide_values(await boards.made(await asked(request), make_decision, patience))
            )

        return await answered_data(request, source, told)

    @router.get("/decide", include_in_schema=False)
    async def decide(request: Request) -> Response:
        async def page(about: About, patience: Patience) -> str:
            query = await asked(request)
            made = await boards.made(query, make_decision, patience)
            if made is None:
                return waiting_html(message("The decision"), ALL, about=about, current="decide")
            offer = await asyncio.to_thread(source.offer, {})
            return await asyncio.to_thread(lambda: decide_html(made, about=about, offer=offer, query=query))

        return await answered(request, source, page, no_page=no_decision_html)

    async def rules_asked(request: Request) -> tuple[RulesQuery, Offer]:
        given = request.query_params.multi_items()
        offer = await asyncio.to_thread(source.offer, {})
        board = BoardQuery.of({name: value for name, value in given if not is_weight(name)}, offer)
        query = RulesQuery.of(given, board.where, offer)
        return query, await asyncio.to_thread(source.offer, board.chosen) if board.where else offer

    @router.get("/api/rules", summary="Several rules", **documented(RulesAnswer, "filters", "by", "weights"))
    async def comparison(request: Request) -> Response:
        async def told(patience: Patience) -> Response:
            query, _ = await rules_asked(request)
            return JSONResponse(rules_values(await boards.made(query, make_lens, patience)))

        return await answered_data(request, source, told)

    @router.get("/rules", include_in_schema=False)
    async def rules(request: Request) -> Response:
        async def page(about: About, patience: Patience) -> str:
            query, offer = await rules_asked(request)
            return await _rules_page(boards, query, offer, about, patience)

        return await answered(request, source, page)

    @router.get("/api/methods", summary="The rules there are", **documented(MethodsAnswer))
    async def methods(request: Request) -> Response:
        async def told(_: Patience) -> Response:
            return JSONResponse(method_values(await asyncio.to_thread(source.offer, {})))

        return await answered_data(request, source, told)

    @router.get("/method", include_in_schema=False)
    async def method(request: Request) -> Response:
        async def page(about: About, _: Patience) -> str:
            offer = await asyncio.to_thread(source.offer, {})
            return await asyncio.to_thread(lambda: method_html(about=about, offer=offer))

        return await answered(request, source, page)

    @router.get("/api/data", summary="Downloads and citation", **documented(DataAnswer))
    async def downloads(request: Request) -> Response:
        async def told(patience: Patience) -> Response:
            about, made = await asyncio.to_thread(source.about), await boards.get(ALL, patience)
            return JSONResponse(data_values(made.board if made else None, about, DOWNLOADS))

        return await answered_data(request, source, told)

    @router.get("/data", include_in_schema=False)
    async def data(request: Request) -> Response:
        async def page(about: About, patience: Patience) -> str:
            made = await boards.get(ALL, patience)
            if made is None:
                return waiting_html(message("The board"), ALL, about=about)
            models = [row.model for row in made.board.rows[:1]] if made.board else []
            badges = Badges("./badge.svg", {one: badge_address(one) for one in models}, "./leaderboard", base)
            return data_html(made.board, about=about, badges=badges)

        base = request.scope["agon_address"] + router.prefix + "/"
        return await answered(request, source, page, also=base)

    @router.get("/badge.svg", include_in_schema=False)
    async def badge(request: Request) -> Response:
        async def told(patience: Patience) -> Response:
            about, made = await asyncio.to_thread(source.about), await boards.get(ALL, patience)
            return Response(badge_svg(made.board if made else None, about), media_type="image/svg+xml")

        return await answered_data(request, source, told)

    @router.get("/api/integrity", summary="How these votes were made", **documented(IntegrityAnswer))
    async def audited(request: Request) -> Response:
        async def told(patience: Patience) -> Response:
            return JSONResponse(integrity_values(await boards.made(ALL, make_audit, patience) or Audit()))

        return await answered_data(request, source, told)

    @router.get("/integrity", include_in_schema=False)
    async def integrity(request: Request) -> Response:
        async def page(about: About, patience: Patience) -> str:
            audit = await boards.made(ALL, make_audit, patience)
            if audit is None:
                return waiting_html(
                    message("The look at how these votes were made"), ALL, about=about, current="integrity"
                )
            return await asyncio.to_thread(lambda: integrity_html(audit, about=about))

        return await answered(request, source, page)

    return router


async def _rules_page(
    boards: Boards, query: RulesQuery, offer: Offer, about: About, patience: Patience
) -> str:
    lens, votes = await boards.made(query, make_lens, patience), BoardQuery(query.where)
    if lens is None:
        return waiting_html(message("The comparison of rules"), votes, about=about, current="rules")
    predicted, tastes = await asyncio.gather(
        boards.made(votes, make_prediction, patience, long=True),
        boards.made(votes, make_tastes, patience, long=True),
    )
    return await asyncio.to_thread(
        lambda: rules_html(lens, predicted, tastes, about=about, offer=offer, query=query)
    )
