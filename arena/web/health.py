"""Whether people can vote here now, for a proxy or a monitor that asks."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from agon.arena.core.arena import Arena
from agon.arena.web.api.shapes import HealthAnswer

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": HealthAnswer, "description": "They can."},
    503: {"model": HealthAnswer, "description": "Fewer than two models answer: `sentence` says so."},
}


def health_router(arena: Arena) -> APIRouter:
    """`/healthz`: 200 while two models can answer, else 503 with a sentence; and which models are out."""
    router = APIRouter()

    @router.get("/healthz", summary="Whether people can vote here now", responses=_ANSWERS)
    async def health() -> JSONResponse:
        models, answering = len(arena.roster.listed), len(arena.contestants.answering)
        found: dict[str, Any] = {"votes": arena.log.count(), "models": models, "answering": answering}
        if out := {one.card.name: one.outage for one in arena.roster.listed if one.outage}:
            found["out"] = {
                name: {"why": health.failure and health.failure.kind, "asked_in": health.seconds_left}
                for name, health in out.items()
            }
        if answering < 2:
            sentence = f"{answering} of {models} models can answer; a battle needs two."
            return JSONResponse(found | {"sentence": sentence}, 503)
        return JSONResponse(found)

    return router
