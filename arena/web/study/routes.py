"""The routes of a study: the page of its voters, what that page calls, and the page of its owner."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict

from agon.arena.core.refusal import Refusal
from agon.arena.core.studies.study import Study
from agon.arena.setup.invitations import OWNER
from agon.arena.web.battle.event_stream import followed
from agon.arena.web.middleware import Session
from agon.arena.web.report_page import report_html
from agon.arena.web.study.page import owner_page, reveal, study_page, task_view, voter_view
from agon.data.study_evidence import study_report
from agon.ranking.errors import AgonError


class JudgementBody(BaseModel):
    """A judgement as the page sends it."""

    model_config = ConfigDict(extra="forbid", strict=True)
    battle: str
    turn: int
    token: str
    outcome: str | None = None  # of two answers
    places: list[int | None] | None = None  # of the answers that stand, in shown order
    acceptable: list[bool] | None = None
    unfinished: bool = False
    criteria: dict[str, str] = {}
    ratings: list[int] | None = None
    reasons: list[str] = []
    comment: str | None = None


class SkipBody(BaseModel):
    """A battle that is not judged, and why."""

    model_config = ConfigDict(extra="forbid", strict=True)
    battle: str
    reason: str


def study_router(study: Study) -> APIRouter:
    """The pages and the API of one study."""
    router = APIRouter()

    def shown(view: dict[str, Any]) -> JSONResponse:
        return JSONResponse(view, headers={"cache-control": "no-store"})

    async def go_on(session: str, told: str | None = None) -> JSONResponse:
        running = await study.next(session)
        return shown(
            voter_view(study, session, told) if running is None else task_view(study, session, running, told)
        )

    @router.get("/")
    async def home() -> RedirectResponse:
        return RedirectResponse("./study")

    @router.get("/study")
    async def page(request: Request, invite: str | None = None) -> Response:
        if invite is not None:
            request.scope["agon_cookie"] = study.arena.keys.cookie(study.join(invite))
            return RedirectResponse("./study", 303)  # the link is not left in the address
        study.invitation(request.scope.get("agon_session"))
        return HTMLResponse(study_page(study.arena.roster.title))

    def check_owner(key: str) -> None:
        if study.arena.keys.invitation(study.plan.name, key) != OWNER:
            raise Refusal(
                403,
                "not_owner",
                "This page is for the owner of the study: agon study invite prints its link.",
            )

    @router.get("/progress")
    async def progress(key: str = "") -> HTMLResponse:
        check_owner(key)
        return HTMLResponse(owner_page(study, key), headers={"cache-control": "no-store"})

    @router.get("/report")
    async def report(key: str = "") -> HTMLResponse:
        """The report so far, as a file: its style stands in it, which no page here may have."""
        check_owner(key)

        def found() -> str:
            study.arena.log.snapshot()
            return report_html(study_report(study.arena.log.folder, study=study.plan.name))

        try:
            text = await asyncio.to_thread(found)
        except AgonError as error:
            raise Refusal(409, "no_report", str(error)) from None
        named = f'attachment; filename="{study.plan.name}-report.html"'
        headers = {"cache-control": "no-store", "content-disposition": named}
        return HTMLResponse(text, headers=headers)

    @router.get("/api/study")
    async def look(session: Session) -> JSONResponse:
        return shown(voter_view(study, session))

    @router.post("/api/study/next")
    async def following(session: Session) -> JSONResponse:
        return await go_on(session)

    @router.post("/api/study/vote")
    async def vote(session: Session, body: JudgementBody) -> JSONResponse:
        acceptable = None if body.acceptable is None else tuple(body.acceptable)
        ballot = body.outcome or (tuple(body.places or ()), acceptable)
        said: dict[str, Any] = {
            "unfinished": body.unfinished,
            "criteria": body.criteria,
            "ratings": body.ratings,
            "reasons": body.reasons,
            "comment": body.comment,
        }
        await study.vote(session, body.battle, body.turn, ballot, body.token, **said)
        return await go_on(session, reveal(study, session, body.battle))

    @router.post("/api/study/skip")
    async def skip(session: Session, body: SkipBody) -> JSONResponse:
        await study.skip(session, body.battle, body.reason)
        return await go_on(session)

    @router.post("/api/study/{battle_id}/stop")
    async def stop(session: Session, battle_id: str) -> JSONResponse:
        study.invitation(session)
        study.arena.stop(session, battle_id)
        return shown({})

    @router.get("/api/study/{battle_id}")
    async def task(session: Session, battle_id: str) -> JSONResponse:
        return shown(task_view(study, session, study.battle(session, battle_id)))

    @router.get("/api/study/{battle_id}/events")
    async def events(session: Session, battle_id: str, request: Request) -> StreamingResponse:
        running = study.battle(session, battle_id)
        return followed(request, running, lambda: task_view(study, session, running))

    return router
