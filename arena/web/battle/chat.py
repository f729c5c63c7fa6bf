"""The page on which one talks to one model, its API, and its events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from markupsafe import Markup
from pydantic import BaseModel, ConfigDict

from agon.arena.core.arena import Arena
from agon.arena.core.modes.direct_chat import ask_one, may_say, talk_of
from agon.arena.core.modes.talk import Talk
from agon.arena.core.refusal import Refusal
from agon.arena.web.api.battle_shapes import ChatShape
from agon.arena.web.api.document import EventStream, played
from agon.arena.web.api.entrance import work_head
from agon.arena.web.battle.consent import consent_view
from agon.arena.web.battle.event_stream import PING_EVERY, UPDATE_EVERY, common_prefix
from agon.arena.web.battle.view import render
from agon.arena.web.clients.networks import client_network
from agon.arena.web.languages.texts import _
from agon.arena.web.layout import page_html
from agon.arena.web.markdown.markdown import reachable_html
from agon.arena.web.markdown.streaming import streaming_html
from agon.arena.web.middleware import Session

_HEAD = (
    '<link rel="stylesheet" href="./static/battle.css"><script src="./static/copying.js" defer></script>'
    '<script src="./static/calls.js" defer></script><script src="./static/consent.js" defer></script>'
    '<script src="./static/chat.js" defer></script>'
)
_FRESH = {"cache-control": "no-store"}


class SayBody(BaseModel):
    """A prompt to one model; `chat` is the conversation that goes on."""

    model_config = ConfigDict(extra="forbid", strict=True)
    prompt: str
    model: str = ""
    chat: str | None = None


class EmptyBody(BaseModel):
    """Nothing."""

    model_config = ConfigDict(extra="forbid", strict=True)


def chat_view(arena: Arena, session: str, talk: Talk | None) -> dict[str, Any]:
    """A conversation as it stands, for the browser and for programs."""
    consent = consent_view(arena, session)
    if talk is None:
        empty = {"chat": None, "state": "empty", "model": None, "may_ask": True, "html": ""}
        return {**empty, "consent": consent}
    answers = [reachable_html(message.content) for message in talk.said]
    said = [
        (message.role, Markup(answer) if message.role == "assistant" else message.content)  # noqa: S704
        for message, answer in zip(talk.said, answers, strict=True)
    ]
    more, who = may_say(arena, talk), talk.contestant.card.display_name
    html = render("chat_said.html", said=said, talk=talk, who=who, may_ask=more)
    return {
        "chat": talk.id,
        "state": "streaming" if talk.streaming else "ready",
        "model": talk.contestant.card.name,
        "may_ask": more,
        "html": html,
        "consent": consent,
    }


def chat_router(arena: Arena) -> APIRouter:
    """The page at /chat and what it uses."""
    router = APIRouter()

    def view(session: str, talk: Talk) -> JSONResponse:
        return JSONResponse(chat_view(arena, session, talk), headers=_FRESH)

    @router.api_route("/chat", methods=["GET", "HEAD"], include_in_schema=False)
    async def page(session: Session, chat: str | None = None) -> HTMLResponse:
        arena.must_allow("direct")
        alert, talk = "", None
        try:
            talk = talk_of(arena, session, chat) if chat else None
        except Refusal as error:
            alert = error.sentence
        seen = chat_view(arena, session, talk)
        models = [(name, one.card.display_name) for name, one in arena.contestants.offered.items()]
        shown = {key: value for key, value in seen.items() if key != "html"}
        body = render(
            "chat.html",
            html=Markup(seen["html"]),  # noqa: S704 (rendered above)
            view=json.dumps(shown, ensure_ascii=False),
            alert=alert,
            consent=seen["consent"],
            models=models,
            model=seen["model"],
            modes=arena.modes,
            mode="direct",
        )
        yours = arena.log.votes_of(arena.keys.voter(session))
        text = page_html(
            _("One model"), body, current="battle", yours=yours, head=work_head(arena.settings) + _HEAD
        )
        return HTMLResponse(text, headers=_FRESH)

    @router.post("/api/chats", **played("Talk to one model", ChatShape, 403, 404, 409, 422, 429, 503))
    async def prompt(session: Session, body: SayBody, request: Request) -> JSONResponse:
        network = client_network(request.scope)
        return view(session, await ask_one(arena, session, body.prompt, body.model, body.chat, network))

    @router.get("/api/chats/{chat_id}", **played("A conversation", ChatShape, 403, 404))
    async def look(session: Session, chat_id: str) -> JSONResponse:
        return view(session, talk_of(arena, session, chat_id))

    @router.post("/api/chats/{chat_id}/stop", **played("End the answer", ChatShape, 403, 404))
    async def stop(session: Session, chat_id: str, body: EmptyBody) -> JSONResponse:  # noqa: ARG001
        talk = talk_of(arena, session, chat_id)
        talk.stop.set()
        return view(session, talk)

    @router.get(
        "/api/chats/{chat_id}/events",
        response_class=EventStream,
        **played("Follow a conversation", None, 403, 404),
    )
    async def events(session: Session, chat_id: str) -> StreamingResponse:
        talk = talk_of(arena, session, chat_id)
        headers = _FRESH | {"x-accel-buffering": "no"}
        return EventStream(_events(arena, session, talk), headers=headers)

    return router


async def _events(arena: Arena, session: str, talk: Talk) -> AsyncIterator[str]:
    """The answer as it grows, as `text` behind the first `keep` UTF-16 units of before; then the `view`."""
    sent, revision, silent = "", -1, 0.0
    talk.watchers += 1
    try:
        while talk.streaming:
            if talk.revision != revision:
                revision, silent = talk.revision, 0.0
                html = streaming_html(talk.text)
                same = common_prefix(sent, html)
                keep = len(html[:same].encode("utf-16-le", "surrogatepass")) // 2
                yield _event("text", {"keep": keep, "html": html[same:], "in_line": talk.in_line})
                sent = html
            elif silent >= PING_EVERY:
                silent = 0.0
                yield ": ping\n\n"
            silent += UPDATE_EVERY
            await asyncio.sleep(UPDATE_EVERY)
        yield _event("view", chat_view(arena, session, talk))
    finally:
        talk.watchers -= 1


def _event(kind: str, data: dict[str, Any]) -> str:
    return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
