"""The routes of the page on which people compare."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict

from agon.arena.core.arena import Arena
from agon.arena.core.arena_settings import Mode
from agon.arena.core.battles.open_battles import Running
from agon.arena.core.battles.prompt_images import keep_images
from agon.arena.core.modes.by_name import start_named
from agon.arena.core.modes.review_queue import leave_for_later, next_review
from agon.arena.core.refusal import Refusal
from agon.arena.core.roster import words_in
from agon.arena.core.visitors.people import People
from agon.arena.web.api.battle_shapes import BattleShape, ChangeAnswer, RemarksShape
from agon.arena.web.api.document import EventStream, played
from agon.arena.web.api.entrance import work_head
from agon.arena.web.battle.event_stream import followed
from agon.arena.web.battle.view import (
    battle_view,
    change_view,
    panel_html,
    panel_state,
    start_view,
)
from agon.arena.web.clients.networks import client_network
from agon.arena.web.languages.texts import language
from agon.arena.web.layout import page_html
from agon.arena.web.middleware import Session
from agon.serving.protocol import ImagePart


class ImageBody(BaseModel):
    """An image that was attached, and what its voter wrote of it."""

    model_config = ConfigDict(extra="forbid", strict=True)
    sha256: str
    alt: str | None = None


class PromptBody(BaseModel):
    """A prompt of a battle's first or next turn."""

    model_config = ConfigDict(extra="forbid", strict=True)
    prompt: str
    images: list[ImageBody] = []
    models: list[str] | None = None  # of a first turn: the models that the voter chose by name


class StopBody(BaseModel):
    """Which answer is to end; all of them, if none is named."""

    model_config = ConfigDict(extra="forbid", strict=True)
    slot: int | None = None


class VoteBody(BaseModel):
    """A vote as the page sends it."""

    model_config = ConfigDict(extra="forbid", strict=True)
    turn: int
    outcome: str | None = None  # of two answers
    places: list[int | None] | None = None  # of the answers that stand, in shown order
    acceptable: list[bool] | None = None
    token: str
    unfinished: bool = False  # the voter was told that a stopped answer stands against a longer one


class RemarksBody(BaseModel):
    """What decided a vote: some of the reasons there are, and a comment."""

    model_config = ConfigDict(extra="forbid", strict=True)
    reasons: list[str] = []
    comment: str | None = None


class NextBody(BaseModel):
    """The comparison of a list that was judged, or is left for later."""

    model_config = ConfigDict(extra="forbid", strict=True)
    after: str | None = None
    leave: str | None = None


_HEAD = (
    '<link rel="stylesheet" href="./static/battle.css"><script src="./static/ballot.js" defer></script>'
    '<script src="./static/copying.js" defer></script><script src="./static/calls.js" defer></script>'
    '<script src="./static/attachments.js" defer></script><script src="./static/consent.js" defer></script>'
    '<script src="./static/battle.js" defer></script>'
)


def battle_router(arena: Arena) -> APIRouter:
    """The battle page and its API."""
    router, people = APIRouter(), People(arena)

    def view(session: str, running: Running, *, fresh: bool = False) -> JSONResponse:
        seen = battle_view(arena, session, running, fresh=fresh)
        return JSONResponse(seen, headers={"cache-control": "no-store"})

    def seen_at(session: str, battle: str | None, mode: str) -> dict[str, Any]:
        """What an address shows: a battle, or the start of a way to compare."""
        if battle:
            return battle_view(arena, session, arena.battle(session, battle))
        way: Mode = "named" if mode == "named" else "blind"
        arena.must_allow(way)
        return start_view(arena, session, way)

    @router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page(session: Session, battle: str | None = None, mode: str = "blind") -> HTMLResponse:
        try:
            seen, alert = seen_at(session, battle, mode), ""
        except Refusal as error:
            seen, alert = start_view(arena, session), error.sentence
        text = page_html(
            words_in(arena.roster.page.title, language()) or arena.roster.title,
            panel_html(seen, alert),
            current="battle",
            yours=seen["votes"],
            head=work_head(arena.settings) + _HEAD,
            attributes=panel_state(seen),
        )
        return HTMLResponse(text, headers={"cache-control": "no-store"})

    @router.get("/api/start", **played("The page before a battle", BattleShape, 403))
    async def start_page(session: Session, mode: str = "blind") -> JSONResponse:
        return JSONResponse(seen_at(session, None, mode), headers={"cache-control": "no-store"})

    @router.post("/api/battles", **played("Begin a battle", BattleShape, 403, 404, 422, 429, 503))
    async def start(session: Session, body: PromptBody, request: Request) -> JSONResponse:
        if body.models is not None:
            arena.must_allow("named")
        images = await _taken(arena, session, body)
        network = client_network(request.scope)
        if body.models is None:
            battle = arena.start(session, body.prompt, images, network)
        else:
            battle = start_named(arena, session, body.prompt, body.models, images, network)
        return view(session, arena.battle(session, battle.id))

    @router.post("/api/battles/next", **played("The next battle of a list", BattleShape, 404, 409, 503))
    async def next_of_list(session: Session, body: NextBody, request: Request) -> JSONResponse:
        if body.leave is not None:
            await leave_for_later(arena, session, body.leave)
        running = await next_review(arena, session, body.after, client_network(request.scope))
        return view(session, running) if running else await start_page(session)

    @router.get("/api/battles/{battle_id}", **played("A battle as it stands", BattleShape, 404))
    async def look(session: Session, battle_id: str) -> JSONResponse:
        return view(session, arena.battle(session, battle_id))

    @router.post(
        "/api/battles/{battle_id}/prompts",
        **played("A further turn", BattleShape, 404, 409, 422, 429, 503),
    )
    async def ask(session: Session, battle_id: str, body: PromptBody) -> JSONResponse:
        images = await _taken(arena, session, body, battle_id)
        arena.ask(session, battle_id, body.prompt, images)
        return view(session, arena.battle(session, battle_id))

    @router.post(
        "/api/battles/{battle_id}/stop", **played("End all answers, or one", BattleShape, 404, 409, 422)
    )
    async def stop(session: Session, battle_id: str, body: StopBody) -> JSONResponse:
        arena.stop(session, battle_id, body.slot)
        return view(session, arena.battle(session, battle_id))

    @router.post("/api/battles/{battle_id}/vote", **played("Vote", BattleShape, 404, 409, 422, 503))
    async def vote(session: Session, battle_id: str, body: VoteBody, request: Request) -> JSONResponse:
        acceptable = None if body.acceptable is None else tuple(body.acceptable)
        ballot = body.outcome or (tuple(body.places or ()), acceptable)
        cast = (body.turn, ballot, body.token)
        network = client_network(request.scope)
        voted = await arena.vote(session, battle_id, *cast, unfinished=body.unfinished, network=network)
        return view(session, voted, fresh=True)

    @router.post(
        "/api/battles/{battle_id}/remarks",
        **played("Say what decided a vote", RemarksShape, 404, 409, 422, 503),
    )
    async def remark(session: Session, battle_id: str, body: RemarksBody) -> JSONResponse:
        said = await people.remark(session, battle_id, body.reasons, body.comment)
        return JSONResponse({"reasons": list(said.reasons), "comment": said.comment})

    @router.get("/api/battles/{battle_id}/change", **played("What a vote changed", ChangeAnswer, 404, 503))
    async def change(session: Session, battle_id: str) -> JSONResponse:
        running = arena.battle(session, battle_id)
        found = change_view(running, await arena.changes.of(running))
        return JSONResponse(found, headers={"cache-control": "no-store"})

    @router.get(
        "/api/battles/{battle_id}/events",
        response_class=EventStream,
        **played("Answers as they are written: server-sent events `side` and `view`", None, 404),
    )
    async def events(session: Session, battle_id: str, request: Request) -> StreamingResponse:
        running = arena.battle(session, battle_id)
        return followed(request, running, lambda: battle_view(arena, session, running))

    return router


async def _taken(
    arena: Arena, session: str, body: PromptBody, battle_id: str | None = None
) -> tuple[ImagePart, ...]:
    """The images of a prompt that the arena takes, after which the models know whether it is too long."""
    await arena.must_be_fit(session, body.prompt)
    shown = [(image.sha256, image.alt) for image in body.images]
    images = await keep_images(arena, session, shown, battle_id)
    await arena.measure(session, body.prompt, battle_id, images)
    return images
