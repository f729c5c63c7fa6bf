"""The routes of the pages on models: one, several beside each other, all by kind of votes, ranks"
" over time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from agon.arena.web.leaderboard.boards import Boards, Compared, Made
from agon.arena.web.leaderboard.page import address, rule_name, waiting_html
from agon.arena.web.leaderboard.query import Offer, QueryError
from agon.arena.web.leaderboard.routes import PATIENCE, answered, asked_of
from agon.arena.web.markdown.markdown import without_hidden
from agon.arena.web.models.board_series import ValueBoards, rank_history
from agon.arena.web.models.comparison_page import comparison_html
from agon.arena.web.models.history_page import history_html
from agon.arena.web.models.model_page import model_html
from agon.arena.web.models.overview_page import overview_html
from agon.ranking import Leaderboard
from agon.ranking.errors import AgonError, suggest

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
        raise QueryError(f"Votes cannot be told apart by {without_hidden(asked)!r}; {suggest(asked, known)}")
    return asked or (_USUAL if _USUAL in known else known[0] if known else None)


def names_asked(given: Sequence[str], board: Leaderboard | None) -> list[str]:
    """The models of an address: one a parameter, or several with commas between them; else the first two."""
    known = [row.model for row in board.rows] if board else []
    names = [name for one in given for name in ([one] if one in known else one.split(",")) if name]
    return names or known[:2]


async def _no_rules() -> Compared:
    return Compared()


async def _nothing() -> dict[str, Made]:
    return {}


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


def models_router(boards: Boards) -> APIRouter:
    """The pages on models, over any votes."""
    router, source = APIRouter(), boards.source

    @router.get("/overview")
    async def overview(request: Request) -> HTMLResponse:
        about = await asyncio.to_thread(source.about)

        async def page() -> str:
            query, offer = await asked_of(source, request)
            column = column_asked(offer, request.query_params.get("of"))
            made = await boards.get(query, PATIENCE)
            by_value: Mapping[str, Made] | None = {}
            if made is not None and column is not None:
                by_value = await boards.made(query.plain, ValueBoards(column), PATIENCE)
            if made is None or by_value is None:
                return waiting_html("The overview", query, about=about)
            return await asyncio.to_thread(
                lambda: overview_html(
                    made.board, by_value, column, about=about, offer=offer, query=query, link=address
                )
            )

        return await answered(page, about)

    @router.get("/history")
    async def history(request: Request) -> HTMLResponse:
        about = await asyncio.to_thread(source.about)

        async def page() -> str:
            query, offer = await asked_of(source, request)
            moments = await boards.made(query.plain, rank_history, PATIENCE)
            if moments is None:
                return waiting_html("The history of ranks", query, about=about)
            return history_html(moments, about=about, offer=offer, query=query, link=address)

        return await answered(page, about)

    @router.get("/compare")
    async def compare(request: Request) -> HTMLResponse:
        about = await asyncio.to_thread(source.about)

        async def page() -> str:
            query, offer = await asked_of(source, request)
            made = await boards.get(query, PATIENCE)
            if made is None:
                return waiting_html(rule_name(query.rule), query, about=about)
            names = names_asked(request.query_params.getlist("models"), made.board)
            column = column_asked(offer, None)
            by_value = await boards.made(query.plain, ValueBoards(column), PATIENCE) if column else {}
            if by_value is None:
                return waiting_html("The comparison", query, about=about)
            return await asyncio.to_thread(
                lambda: comparison_html(
                    made, by_value, column, names, about=about, offer=offer, query=query, link=address
                )
            )

        return await answered(page, about)

    @router.get("/model")
    async def model(request: Request) -> HTMLResponse:
        about = await asyncio.to_thread(source.about)

        async def page() -> str:
            query, offer = await asked_of(source, request)
            made = await boards.get(query, PATIENCE)
            if made is None:
                return waiting_html(rule_name(query.rule), query, about=about)
            column = column_asked(offer, None)
            by_value, moments, compared = await asyncio.gather(
                boards.made(query.plain, ValueBoards(column), PART_PATIENCE) if column else _nothing(),
                boards.made(query.plain, rank_history, PART_PATIENCE),
                boards.compare(query, PART_PATIENCE)
                if len(made.board or ()) <= MOST_FOR_RULES
                else _no_rules(),
                return_exceptions=True,
            )
            return await asyncio.to_thread(
                lambda: model_html(
                    request.query_params.get("name", ""),
                    made,
                    _or_nothing(compared, Compared()),
                    _or_nothing(by_value, {}),
                    column,
                    _or_nothing(moments, ()),
                    about=about,
                    offer=offer,
                    query=query,
                    link=address,
                )
            )

        return await answered(page, about)

    @router.get("/model/{name:path}")
    async def named(request: Request, name: str) -> RedirectResponse:
        """The short address of a model; its name may have slashes, which a browser counts."""
        up = "../" * (request.scope["raw_path"].count(b"/") - 1)
        rest = request.query_params.multi_items()
        return RedirectResponse(f"{up}model?{urlencode([('name', name), *rest])}")

    return router
