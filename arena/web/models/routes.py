"""The routes of the pages on models: one, several beside each other, all by kind of votes, ranks"
" over time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from agon.arena.web.api.caching import Patience
from agon.arena.web.api.document import BOARD, documented
from agon.arena.web.api.model_shapes import CompareAnswer, HistoryAnswer, ModelAnswer, OverviewAnswer
from agon.arena.web.languages.texts import message
from agon.arena.web.leaderboard.addresses import address
from agon.arena.web.leaderboard.board_words import rule_name
from agon.arena.web.leaderboard.boards import Boards, Compared, Made
from agon.arena.web.leaderboard.page import waiting_html
from agon.arena.web.leaderboard.query import BoardQuery, Offer, QueryError, in_quotes
from agon.arena.web.leaderboard.routes import answered, answered_data, asked_of
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.models.board_series import Moment, ValueBoards, rank_history
from agon.arena.web.models.comparison_page import comparison_html
from agon.arena.web.models.history_page import history_html
from agon.arena.web.models.model_page import asked_model, model_html
from agon.arena.web.models.overview_page import overview_html
from agon.arena.web.models.plain_values import compare_values, history_values, model_values, overview_values
from agon.ranking import Leaderboard
from agon.ranking.errors import AgonError, suggest
from agon.ranking.text import Sentence

Part = TypeVar("Part")
PART_PATIENCE = 0.3  # seconds that a part of a page is waited for, whose rest is there
MOST_FOR_RULES = 300  # models that a page of one compares the rules for
_USUAL = "category"  # what stands across unless something else is asked for


def column_asked(offer: Offer, asked: str | None) -> str | None:
    """The filter by whose values boards are shown; None where no filter tells votes apart.

    Raises:
        QueryError: one that there is not.
    """
    known = [name for name, counts in offer.filters.items() if len(counts) > 1]
    if asked is not None and asked not in known:
        raise QueryError(
            Sentence(
                "Votes cannot be told apart by {column}; {remedy}",
                column=in_quotes(asked),
                remedy=suggest(asked, known),
            )
        )
    return asked or (_USUAL if _USUAL in known else known[0] if known else None)


def names_asked(given: Sequence[str], board: Leaderboard | None) -> list[str]:
    """The models of an address: one a parameter, or several with commas between them; else the first two."""
    known = [row.model for row in board.rows] if board else []
    names = [name for one in given for name in ([one] if one in known else one.split(",")) if name]
    return names or known[:2]


async def _no_rules() -> Compared:
    return Compared()


def _or_nothing(part: Part | BaseException, nothing: Part) -> Part:
    """A part of a page, or nothing where the votes do not allow it.

    Raises:
        BaseException: any other error.
    """
    if isinstance(part, AgonError):
        return nothing
    if isinstance(part, BaseException):
        raise part
    return part


async def _groups(
    boards: Boards, query: BoardQuery, column: str | None, patience: Patience
) -> Mapping[str, Made] | None:
    """The board of each value of a column; None while they are computed."""
    return await boards.made(query.plain, ValueBoards(column), patience) if column else {}


async def _overview_of(
    boards: Boards, request: Request, patience: Patience
) -> tuple[BoardQuery, Offer, Made | None, Mapping[str, Made] | None, str | None]:
    query, offer = await asked_of(boards.source, request)
    column = column_asked(offer, request.query_params.get("of"))
    made = await boards.get(query, patience)
    by_value = {} if made is None else await _groups(boards, query, column, patience)
    return query, offer, made, by_value, column


async def _comparison_of(
    boards: Boards, request: Request, patience: Patience
) -> tuple[BoardQuery, Offer, Made | None, list[str], str | None, Mapping[str, Made] | None]:
    query, offer = await asked_of(boards.source, request)
    made = await boards.get(query, patience)
    names = names_asked(request.query_params.getlist("models"), made.board) if made else []
    column = column_asked(offer, None)
    by_value = {} if made is None else await _groups(boards, query, column, patience)
    return query, offer, made, names, column, by_value


async def _parts(
    boards: Boards, query: BoardQuery, made: Made, column: str | None, patience: Patience
) -> tuple[Mapping[str, Made] | None, tuple[Moment, ...] | None, Compared | None]:
    """What a page of a model has beside its board; None of each that is being computed."""
    few = len(made.board or ()) <= MOST_FOR_RULES
    by_value, moments, compared = await asyncio.gather(
        _groups(boards, query, column, patience),
        boards.made(query.plain, rank_history, patience),
        boards.compare(query, patience) if few else _no_rules(),
        return_exceptions=True,
    )
    return _or_nothing(by_value, {}), _or_nothing(moments, ()), _or_nothing(compared, Compared())


def models_router(boards: Boards, prefix: str = "") -> APIRouter:
    """The pages on models, over any votes, and the same as data; `prefix` stands before their paths."""
    router = APIRouter(prefix=prefix)
    _add_data(router, boards)
    _add_pages(router, boards)
    return router


def _add_data(router: APIRouter, boards: Boards) -> None:
    source = boards.source

    @router.get("/api/overview", summary="Ranks by kind of votes", **documented(OverviewAnswer, *BOARD, "of"))
    async def overview_data(request: Request) -> Response:
        async def told(patience: Patience) -> Response:
            _, _, made, by_value, column = await _overview_of(boards, request, patience)
            board = made.board if made else None
            return JSONResponse(overview_values(board, by_value or {}, column))

        return await answered_data(request, source, told)

    @router.get("/api/history", summary="Ranks over time", **documented(HistoryAnswer, *BOARD))
    async def history_data(request: Request) -> Response:
        async def told(patience: Patience) -> Response:
            query, _ = await asked_of(source, request)
            moments = await boards.made(query.plain, rank_history, patience)
            return JSONResponse(history_values(moments or (), query.rule))

        return await answered_data(request, source, told)

    @router.get("/api/compare", summary="Models side by side", **documented(CompareAnswer, *BOARD, "models"))
    async def comparison_data(request: Request) -> Response:
        async def told(patience: Patience) -> Response:
            _, _, made, names, column, by_value = await _comparison_of(boards, request, patience)
            info = (await asyncio.to_thread(source.about)).info
            return JSONResponse(compare_values(made or Made(), by_value or {}, column, names, info))

        return await answered_data(request, source, told)

    @router.get("/api/model", summary="One model", **documented(ModelAnswer, *BOARD, "name"))
    async def model_data(request: Request) -> Response:
        async def told(patience: Patience) -> Response:
            query, offer = await asked_of(source, request)
            name, made = request.query_params.get("name", ""), await boards.get(query, patience) or Made()
            asked_model(name, made.board)  # before all that takes long
            column = column_asked(offer, None)
            by_value, moments, compared = await _parts(boards, query, made, column, patience)
            info = (await asyncio.to_thread(source.about)).info
            values = model_values(
                name, made, compared or Compared(), by_value or {}, column, moments or (), info
            )
            return JSONResponse(values)

        return await answered_data(request, source, told)


def _add_pages(router: APIRouter, boards: Boards) -> None:
    source = boards.source

    @router.get("/overview", include_in_schema=False)
    async def overview(request: Request) -> Response:
        async def page(about: About, patience: Patience) -> str:
            query, offer, made, by_value, column = await _overview_of(boards, request, patience)
            if made is None or by_value is None:
                return waiting_html(message("The overview"), query, about=about, current="overview")
            return await asyncio.to_thread(
                lambda: overview_html(
                    made.board, by_value, column, about=about, offer=offer, query=query, link=address
                )
            )

        return await answered(request, source, page)

    @router.get("/history", include_in_schema=False)
    async def history(request: Request) -> Response:
        async def page(about: About, patience: Patience) -> str:
            query, offer = await asked_of(source, request)
            moments = await boards.made(query.plain, rank_history, patience)
            if moments is None:
                return waiting_html(message("The history of ranks"), query, about=about)
            return history_html(moments, about=about, offer=offer, query=query, link=address)

        return await answered(request, source, page)

    @router.get("/compare", include_in_schema=False)
    async def compare(request: Request) -> Response:
        async def page(about: About, patience: Patience) -> str:
            query, offer, made, names, column, by_value = await _comparison_of(boards, request, patience)
            if made is None:
                return waiting_html(rule_name(query.rule), query, about=about)
            if by_value is None:
                return waiting_html(message("The comparison"), query, about=about)
            return await asyncio.to_thread(
                lambda: comparison_html(
                    made, by_value, column, names, about=about, offer=offer, query=query, link=address
                )
            )

        return await answered(request, source, page)

    @router.get("/model", include_in_schema=False)
    async def model(request: Request) -> Response:
        async def page(about: About, patience: Patience) -> str:
            query, offer = await asked_of(source, request)
            made = await boards.get(query, patience)
            if made is None:
                return waiting_html(rule_name(query.rule), query, about=about)
            column = column_asked(offer, None)
            patience.seconds = PART_PATIENCE
            by_value, moments, compared = await _parts(boards, query, made, column, patience)
            return await asyncio.to_thread(
                lambda: model_html(
                    request.query_params.get("name", ""),
                    made,
                    compared,
                    by_value,
                    column,
                    moments,
                    about=about,
                    offer=offer,
                    query=query,
                    link=address,
                )
            )

        return await answered(request, source, page)

    @router.get("/model/{name:path}", include_in_schema=False)
    async def named(request: Request, name: str) -> RedirectResponse:
        """The short address of a model; its name may have slashes, which a browser counts."""
        up = "../" * (request.scope["raw_path"].count(b"/") - router.prefix.count("/") - 1)
        rest = request.query_params.multi_items()
        return RedirectResponse(f"{up}model?{urlencode([('name', name), *rest])}")
