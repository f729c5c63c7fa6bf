"""Whether people can vote here now, for a proxy or a monitor that asks."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from agon.arena.core.arena import Arena


def health_router(arena: Arena) -> APIRouter:
    """`/healthz`: 200 while two models can answer, else 503 with a sentence."""
    router = APIRouter()

    @router.get("/healthz")
    async def health() -> JSONResponse:
        models, answering = len(arena.roster.contestants), len(arena.answering)
        found = {"votes": arena.log.count(), "models": models, "answering": answering}
        if answering < 2:
            sentence = f"{answering} of {models} models can answer; a battle needs two."
            return JSONResponse(found | {"sentence": sentence}, 503)
        return JSONResponse(found)

    return router
