"""The routes of a visitor's own pages; forms are posted, and answered with the way to a page."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from agon.arena.core.arena import Arena
from agon.arena.core.refusal import Refusal
from agon.arena.core.visitors.people import People, covered
from agon.arena.web.api.caching import Patience
from agon.arena.web.leaderboard.boards import Boards, BusyError
from agon.arena.web.leaderboard.model_info import ModelInfo
from agon.arena.web.leaderboard.query import BoardQuery
from agon.arena.web.middleware import Session
from agon.arena.web.you.own_board import FEWEST, VoterQuery, boards_beside
from agon.arena.web.you.shared_page import preview_html, shared_html
from agon.arena.web.you.shared_picture import shared_png
from agon.arena.web.you.your_pages import battle_html, consents_shown, list_html, name_of

PRIVATE = {"cache-control": "no-store", "x-robots-tag": "noindex"}
_PATIENCE = 2.0  # seconds that a board may take before the page comes without it


def you_router(arena: Arena, shared: Boards) -> APIRouter:
    """The pages of a visitor, and what they post; `shared` are the boards of everybody's votes.

    Boards of single voters stand in a line of their own, which keeps no leaderboard waiting.
    """
    router, people, own = APIRouter(include_in_schema=False), People(arena), Boards(shared.source)

    async def beside(session: str, counted: int) -> dict[str, object] | None:
        if counted < FEWEST:
            return None
        query = VoterQuery(arena.keys.voter(session))
        try:
            mine = await own.made(query, query, Patience(_PATIENCE))
            everybody = await shared.get(BoardQuery(), Patience(_PATIENCE))
        except BusyError:
            return None
        cards = {one.card.name: one.card for one in arena.roster.contestants if one.status == "listed"}
        return boards_beside(mine, everybody, ModelInfo(cards, closed=True))

    @router.get("/you")
    async def you(
        session: Session,
        request: Request,
        page: str = "1",
        battle: str = "",
        done: str = "",
        share: str = "",
    ) -> HTMLResponse:
        voter = arena.keys.voter(session)
        yours = await asyncio.to_thread(arena.log.votes_of, voter)
        if battle and share:
            past = await asyncio.to_thread(people.shareable, session, battle)
            if (running := people.voted(past)) is None:
                raise Refusal(404, "no_battle", "This battle is not among yours.")
            text = preview_html(arena, past, covered(running), yours)
        elif battle:
            past = await asyncio.to_thread(people.own, session, battle)
            numbers = [past.number] if past.number is not None else []
            hashes = await asyncio.to_thread(arena.log.vote_hashes, numbers)
            running = people.voted(past)
            link = await asyncio.to_thread(people.link_of, past)
            address = f"{_base(request, arena)}/shared/{link}" if link else None
            text = battle_html(arena, past, hashes, running, address, yours, done)
        else:
            asked = int(page) if page.isdecimal() and len(page) < 10 else 1
            history = await asyncio.to_thread(people.history, session, asked)
            board = await beside(session, history.totals.counted)
            said = await asyncio.to_thread(arena.log.consents_of, voter)
            agreed = consents_shown(said, await asyncio.to_thread(arena.log.every_consent_text))
            text = list_html(arena, history, board, voter, agreed, yours, done)
        return HTMLResponse(text, headers=PRIVATE)

    @router.post("/you/withdraw")
    async def withdraw(session: Session, request: Request) -> RedirectResponse:
        form = await _form(request)
        battle = _chosen(form)
        await people.withdraw(session, battle)
        return _back({"battle": battle, "done": "withdrawn"} if battle else {"done": "all"})

    @router.post("/you/erase")
    async def erase(session: Session, request: Request) -> RedirectResponse:
        form = await _form(request)
        battle = _chosen(form)
        await people.erase(session, battle, withdraw=form.get("votes") == "withdraw")
        return _back({"battle": battle, "done": "erased"} if battle else {"done": "all-erased"})

    @router.post("/you/consent")
    async def take_back(session: Session, request: Request) -> RedirectResponse:
        await people.consent(session, (await _form(request)).get("text", ""), given=False)
        return _back({"done": "not-agreed"})

    @router.get("/you/export")
    async def export(session: Session) -> Response:
        found = await people.export(session)
        told = {"arena": arena.roster.title, "exported": datetime.now(UTC).isoformat(), **found}
        text = await asyncio.to_thread(json.dumps, told, ensure_ascii=False, indent=1)
        name = {"content-disposition": 'attachment; filename="your-votes.json"'}
        return Response(text, media_type="application/json", headers=PRIVATE | name)

    router.routes.extend(_shared_router(arena, people).routes)  # not included: paths are read off the routes
    return router


def _shared_router(arena: Arena, people: People) -> APIRouter:
    """What others see of a battle, and how its voter shows it to them."""
    router = APIRouter(include_in_schema=False)

    @router.post("/you/share")
    async def share(session: Session, request: Request) -> RedirectResponse:
        battle = (await _form(request)).get("battle", "")
        await people.share(session, battle)
        return _back({"battle": battle, "done": "shared"})

    @router.post("/you/revoke")
    async def revoke(session: Session, request: Request) -> RedirectResponse:
        battle = (await _form(request)).get("battle", "")
        await people.revoke(session, battle)
        return _back({"battle": battle, "done": "revoked"})

    @router.get("/shared/{link}.png")
    async def picture(link: str) -> Response:
        past, shown = await asyncio.to_thread(people.shown, link)
        drawn = await asyncio.to_thread(shared_png, past, shown, name_of(arena))
        return Response(drawn, media_type="image/png", headers=PRIVATE)

    @router.get("/shared/{link}")
    async def shared(link: str, request: Request) -> HTMLResponse:
        past, shown = await asyncio.to_thread(people.shown, link)
        text = shared_html(arena, past, shown, f"{_base(request, arena)}/shared/{link}")
        return HTMLResponse(text, headers=PRIVATE)

    return router


def _base(request: Request, arena: Arena) -> str:
    """What addresses for others begin with: those that are sent to somebody cannot be relative."""
    site = arena.settings.public_url or str(request.base_url).rstrip("/")
    return site + (arena.settings.root_path or "")


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; of several with one name the last."""
    text = (await request.body()).decode("utf-8", "replace")
    return {name: values[-1] for name, values in parse_qs(text, max_num_fields=20).items()}


def _chosen(form: dict[str, str]) -> str | None:
    """The battle that a form is about; None is all of them.

    Raises Refusal: it is about none, or about all and nobody said to be sure.
    """
    if battle := form.get("battle"):
        return battle
    if form.get("all") != "yes" or form.get("sure") != "yes":
        raise Refusal(422, "not_sure", "Nothing was changed: say on the page that you are sure.")
    return None


def _back(query: dict[str, str | None]) -> RedirectResponse:
    return RedirectResponse(f"../you?{urlencode(query)}", 303, headers=PRIVATE)
