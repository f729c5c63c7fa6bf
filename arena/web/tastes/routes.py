"""What the API answers of predictions and tastes; pages show them as sections."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from agon.arena.web.api.caching import Patience
from agon.arena.web.api.document import documented
from agon.arena.web.leaderboard.boards import Boards
from agon.arena.web.leaderboard.query import BoardQuery
from agon.arena.web.leaderboard.routes import answered_data, asked_of
from agon.arena.web.tastes.answer_shapes import PredictionAnswer, TastesAnswer
from agon.arena.web.tastes.kinds_section import SeenTastes, make_tastes, tastes_values
from agon.arena.web.tastes.prediction_section import Predicted, make_prediction, prediction_values


def tastes_router(boards: Boards, prefix: str = "") -> APIRouter:
    """The data over the votes of a source; `prefix` stands before their paths."""
    router, source = APIRouter(prefix=prefix), boards.source

    @router.get(
        "/api/prediction", summary="Which rule predicts votes best", **documented(PredictionAnswer, "filters")
    )
    async def prediction(request: Request) -> Response:
        async def told(patience: Patience) -> Response:
            query = BoardQuery((await asked_of(source, request))[0].where)
            made = await boards.made(query, make_prediction, patience, long=True)
            return JSONResponse(prediction_values(made or Predicted()))

        return await answered_data(request, source, told)

    @router.get("/api/tastes", summary="Kinds of voters", **documented(TastesAnswer, "filters"))
    async def tastes(request: Request) -> Response:
        async def told(patience: Patience) -> Response:
            query = BoardQuery((await asked_of(source, request))[0].where)
            made = await boards.made(query, make_tastes, patience, long=True)
            return JSONResponse(tastes_values(made or SeenTastes()))

        return await answered_data(request, source, told)

    return router
