"""The puzzle of a session before its first battle: `/api/work` gives it and takes what solves it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from agon.arena.core.arena import Arena
from agon.arena.core.refusal import Refusal
from agon.arena.core.visitors.proof_of_work import (
    MOST_NONCE,
    WORK_COOKIE,
    check_challenge,
    work_cookie,
    zero_bits,
)
from agon.arena.web.api.battle_shapes import WorkShape
from agon.arena.web.api.document import played
from agon.arena.web.api.entrance import WORK_ROUTE, challenge_of
from agon.arena.web.middleware import Session
from agon.ranking.text import Sentence

_FRESH = {"cache-control": "no-store"}


class SolvedBody(BaseModel):
    """A challenge, and what solves it."""

    model_config = ConfigDict(extra="forbid", strict=True)
    challenge: str
    nonce: str


def work_router(arena: Arena) -> APIRouter:
    """The puzzle and its solution."""
    router, keys, bits = APIRouter(), arena.keys, arena.settings.work

    @router.get(WORK_ROUTE, **played("The puzzle before the first battle", WorkShape, 403))
    async def puzzle(session: Session, request: Request) -> JSONResponse:
        needed = not request.scope["agon_worked"]
        found: dict[str, Any] = challenge_of(keys, session, bits) if needed else {}
        return JSONResponse({"needed": needed, **found}, headers=_FRESH)

    @router.post(WORK_ROUTE, **played("Solve the puzzle", WorkShape, 403, 422))
    async def solve(session: Session, body: SolvedBody, request: Request) -> JSONResponse:
        if not check_challenge(keys, session, bits, body.challenge):
            raise Refusal(
                403,
                "stale_work",
                "This puzzle is too old, or of another visitor. Reload the page for a new one.",
            )
        found = zero_bits(body.challenge, body.nonce)
        if len(body.nonce) > MOST_NONCE or found < bits:
            sentence = Sentence(
                "This does not solve the puzzle: the digest begins with {found} zero bits, and {bits} are "
                "needed.",
                found=found,
                bits=bits,
            )
            raise Refusal(422, "wrong_work", sentence)
        request.scope["agon_cookies"][WORK_COOKIE] = work_cookie(keys, session, bits)
        return JSONResponse({"needed": False}, headers=_FRESH)

    return router
