"""The server of routed use: requests of the OpenAI protocol, each conversation answered by one model.

What is asked and answered is passed through; the log gets who was drawn with which chance, times, counts and
signals, and no text. A conversation is in the log before its answer begins, so that whoever has its id can
send signals of it, whatever happens to this process.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import Future
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote
from uuid import uuid4

from agon.arena.core.roster import Contestant
from agon.arena.core.sessions import Keys
from agon.arena.routed.blinding import ROUTED_MODEL, BlindedResponse, error_body
from agon.arena.routed.conversations import OpenConversations
from agon.arena.routed.drawing import ModelDraws
from agon.arena.routed.passing_on import next_piece, opened_in_time, respond, start_response, whole_body
from agon.arena.routed.quotas import Quota
from agon.arena.routed.use_requests import (
    RefusedRequest,
    checked_messages,
    checked_signals,
    has_images,
    question_alone,
    read_object,
    signals_in,
)
from agon.arena.setup.routed_table import RoutedPlan, UseKey
from agon.arena.web.middleware import Receive, Scope, Send
from agon.data.use_log.use_reading import UsedConversation, UseHistory
from agon.data.use_log.use_writing import UseLog
from agon.ranking.errors import AgonError
from agon.serving.generation import Limits
from agon.serving.openai_protocol.chat_chunks import failure_of_status, refuses_images
from agon.serving.places import join
from agon.serving.protocol import Message, ServingError

if TYPE_CHECKING:
    from agon.serving.openai_protocol.openai_compatible import OpenAICompatible

CONVERSATION, TURN, SIGNAL = "x-agon-conversation", "x-agon-turn", "x-agon-signal"
BATTLE = "x-agon-battle"
LONGEST_ADDRESS = 4000  # characters of the address of a battle: proxies cut longer headers
MOST_REFUSED = 1_000_000  # bytes of a refusal
LONGEST_ANSWER = 100_000_000  # bytes of one that is no stream
_ANSWER = re.compile(r"agon-([0-9a-f]{32})-(\d{1,6})")  # the id of an answer
_PROBE = (Message("user", "x"),)  # what any model can read
_OURS = frozenset({"rejected", "filtered"})  # refusals of the request itself, which no other model is asked


@dataclass
class _Turn:
    """One answer that was asked for."""

    conversation: UsedConversation
    number: int
    kept: Future[None] | None  # of the conversation, if it began with this turn
    began: float
    images: bool
    usage_is_ours: bool
    battle: str | None = None  # the address where this prompt may be compared blind
    failed: list[dict[str, str]] = field(default_factory=list)
    model: str | None = None  # that answered
    first: float | None = None  # seconds to the first byte
    seconds: float | None = None
    failure: str | None = None
    stopped: bool = True
    lost: bool = False  # the conversation could not be kept
    status: int | None = None  # of a refusal that was passed on
    response: BlindedResponse | None = None

    @property
    def answer(self) -> str:
        """The id of the answer."""
        return f"agon-{self.conversation.id}-{self.number}"


class UseApp:
    """An ASGI application.

    Args:
        plan: how models are routed.
        limits: of time for their answers.
        log: of use.
        history: what it says so far.
        keys: by which users have pseudonyms.
    """

    def __init__(
        self, plan: RoutedPlan, limits: Limits, log: UseLog, history: UseHistory, keys: Keys
    ) -> None:
        self._plan, self._limits, self._log = plan, limits, log
        self._contestants = {one.card.name: one for one in plan.contestants}
        self._backends = {
            name: cast("OpenAICompatible", one.backend) for name, one in self._contestants.items()
        }  # `routed_plan` has seen to it
        self._conversations = OpenConversations(keys, history)
        self._quotas = {
            one.name: Quota(one, history.day, history.today.get(one.name, 0)) for one in plan.keys.values()
        }
        self._kept_draws: dict[int, Future[None]] = {}
        self._draws = ModelDraws(list(self._contestants), plan.policy, plan.signal, history, self._tell_draws)
        self._secrets = [
            word
            for one in plan.contestants
            for word in (str(one.backend.route().request.get("model", "")), one.card.name)
            if word
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            return
        try:
            await self._answer(scope, receive, send)
        except RefusedRequest as refused:
            await respond(send, refused.status, refused.body, refused.headers)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            asked = (await receive())["type"].removeprefix("lifespan.")
            if asked == "shutdown":
                for one in self._contestants.values():
                    await one.backend.close()
            await send({"type": f"lifespan.{asked}.complete"})
            if asked == "shutdown":
                return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"].rstrip("/"), scope["method"]
        if path == "/healthz" and method == "GET":
            able = len(self._able(images=False))
            body = json.dumps({"models": len(self._contestants), "able": able}).encode()
            await respond(send, 200 if able else 503, body)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        routes = {
            ("POST", "/v1/chat/completions"): self._complete,
            ("POST", "/v1/feedback"): self._take_feedback,
            ("GET", "/v1/models"): self._list_models,
            ("GET", f"/v1/models/{ROUTED_MODEL}"): self._list_models,
        }
        if (method, path) not in routes:
            raise RefusedRequest(
                404,
                f"There is no {method} {path[:80]}; there are POST /v1/chat/completions, POST /v1/feedback "
                "and GET /v1/models.",
                "not_found",
            )
        await routes[method, path](self._key(headers), headers, receive, send)

    def _key(self, headers: Mapping[str, str]) -> UseKey:
        """The key of a request."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        key = self._plan.keys.get(sha256(given.strip().encode("latin-1", "replace")).hexdigest())
        if scheme.lower() != "bearer" or key is None:
            what = "This key is not known here" if given else "The request has no key"
            raise RefusedRequest(
                401,
                f"{what}; send one that the organiser gave you, as Authorization: Bearer KEY.",
                "invalid_api_key",
            )
        return key

    async def _list_models(self, _key: UseKey, headers: Mapping[str, str], _: Receive, send: Send) -> None:
        del headers
        one = {"id": ROUTED_MODEL, "object": "model", "created": 0, "owned_by": ROUTED_MODEL}
        await respond(send, 200, json.dumps({"object": "list", "data": [one], **one}).encode())

    # Signals

    async def _take_feedback(self, key: UseKey, _: Mapping[str, str], receive: Receive, send: Send) -> None:
        """Keep signals of a conversation; answered when they are on the disk."""
        given = await read_object(receive, self._plan.body_bytes)
        named = given.pop("conversation", None)
        answer = _ANSWER.fullmatch(str(given.pop("id", "")))
        turn: int | None = None
        if answer and named is None:
            named, turn = answer[1], int(answer[2])
        if not isinstance(named, str):
            raise RefusedRequest(
                400,
                f'The feedback names no conversation; send "conversation" with the header {CONVERSATION} of '
                'the answer, or "id" with the id of the answer.',
                "no_conversation",
            )
        values = checked_signals(given)
        one = self._known(named, key)
        await self._keep_signals(one, values, turn)
        body = {"object": "feedback", "conversation": one.id, "signals": values}
        await respond(send, 200, json.dumps(body).encode())

    async def _keep_signals(
        self, one: UsedConversation, values: Mapping[str, float], turn: int | None
    ) -> None:
        try:
            await asyncio.wrap_future(
                self._log.put("signals", conversation=one.id, turn=turn, values=dict(values))
            )
        except AgonError as error:
            raise RefusedRequest(503, f"The signals were not kept. {error}", "not_kept", wait=5) from None
        one.sent.update(values)
        if (name := self._plan.signal.name) in values:
            self._draws.learn(one.id, one.model, values[name])

    def _known(self, id_: str, key: UseKey) -> UsedConversation:
        one = self._conversations.of_key(id_, key.name)
        if one is None:
            raise RefusedRequest(
                404,
                f"There is no conversation {id_[:80]!r} of this key; send the {CONVERSATION} of one of its "
                "answers, by the key that asked.",
                "unknown_conversation",
            )
        return one

    # Answers

    async def _complete(self, key: UseKey, headers: Mapping[str, str], receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        if (wait := self._quotas[key.name].take()) is not None:
            raise RefusedRequest(429, wait[1], "rate_limit_exceeded", wait=wait[0])
        body = await read_object(receive, self._plan.body_bytes)
        messages = checked_messages(body)
        one, able = None, self._able(images=has_images(messages))
        if (named := headers.get(CONVERSATION)) is not None:
            one = self._known(named, key)
        if (signals := headers.get(SIGNAL)) is not None:
            values = checked_signals(signals_in(signals))
            if one is None:
                raise RefusedRequest(
                    400,
                    f"{SIGNAL} is of a conversation that goes on; send its {CONVERSATION} too.",
                    "no_conversation",
                )
            await self._keep_signals(one, values, None)
        if not able:
            raise RefusedRequest(
                503, "No model can answer this now; ask again in 10 seconds.", "no_model", wait=10
            )
        turn = self._begin(one, key, body, messages, able, began)
        work = asyncio.create_task(self._serve(turn, body, able, send))
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            for task in (work, gone):  # who is gone is written no answer: the model stops
                task.cancel()
            await asyncio.wait({work, gone})
            self._end(turn)

    def _begin(
        self,
        one: UsedConversation | None,
        key: UseKey,
        body: Mapping[str, Any],
        messages: list[Any],
        able: list[str],
        began: float,
    ) -> _Turn:
        """A turn of the conversation that goes on, or of a new one, whose model is drawn."""
        kept = None
        if one is None:
            user = self._conversations.user(
                key.name, str(body.get("safety_identifier") or body.get("user") or "")
            )
            thread = self._conversations.thread(messages)
            one = self._conversations.going_on(user, thread, messages)
            if one is None:
                number, model = self._draws.draw(able)
                one = UsedConversation(uuid4().hex, key.name, user, thread, number, model, model)
                self._conversations.add(one)
                self._draws.begin(one.id, model)
                kept = self._log.put(
                    "conversation",
                    id=one.id,
                    key=key.name,
                    user=user,
                    thread=thread,
                    draw=number,
                    model=model,
                )
        one.turns += 1
        stream = body.get("stream") is True
        return _Turn(
            one,
            one.turns,
            kept,
            began,
            has_images(messages),
            stream and "stream_options" not in body,
            self._battle(body, messages),
        )

    def _battle(self, body: Mapping[str, Any], messages: list[Any]) -> str | None:
        """The address of a battle on this prompt, for the share of prompts that is asked for.

        The draw knows nothing of the model. What follows `#` stays in the browser of whoever opens it.
        """
        prompt = question_alone(messages)
        if prompt is None or "tools" in body or random.random() >= self._plan.battle_share:
            return None
        address = f"{self._plan.arena}#prompt={quote(prompt, safe='')}"
        return address if len(address) <= LONGEST_ADDRESS else None

    async def _serve(self, turn: _Turn, body: Mapping[str, Any], able: list[str], send: Send) -> None:
        """Let a model answer; another one where it fails before its first byte."""
        conversation, left = turn.conversation, list(able)
        name = conversation.answered_by if conversation.answered_by in left else None
        if name is None and conversation.answered_by in self._contestants:
            turn.failed.append({"model": conversation.answered_by, "kind": "unreachable"})
        error: ServingError | None = None
        while left and len(turn.failed) < self._plan.tries:
            name = name or self._draws.another(left)
            left.remove(name)
            try:
                await self._relay(turn, self._contestants[name], body, send)
                return
            except ServingError as failure:
                error = failure
                self._backends[name].take_note(failure)
                if turn.model is not None or turn.status is not None:
                    return
                turn.failed.append({"model": name, "kind": failure.kind})
            name = None
        turn.stopped, turn.failure = False, "unanswered"
        await self._wait_kept(turn)
        what = f"{len(turn.failed)} model{'' if len(turn.failed) == 1 else 's'}"
        why = error.kind if error is not None else "unreachable"
        fits = why in ("too_long", "no_images")
        said = self._clean(error.detail) if error is not None and fits else f"the last failed as {why}"
        raise RefusedRequest(
            400 if fits else 503,
            f"{what} could not answer: {said}; ask again{' with less' if fits else ''}.",
            why if fits else "no_answer",
            wait=None if fits else 5,
        )

    async def _relay(self, turn: _Turn, contestant: Contestant, body: Mapping[str, Any], send: Send) -> None:
        """Pass a request and its response through.

        Raises:
            ServingError: the model failed; nothing was sent if `turn` has no model yet.
        """
        backend, limits = self._backends[contestant.card.name], self._limits
        place = backend.route().places
        with join([place])[0] as ticket:
            try:
                async with asyncio.timeout(limits.first):
                    while ticket.ahead:
                        await ticket.wait(1.0)
            except TimeoutError:
                raise ServingError("overloaded", "no place at the server in time") from None
            until = time.monotonic() + limits.first
            async with (
                opened_in_time(backend.relay(body, contestant.sampling), until) as response,
                aclosing(backend.relayed(response)) as pieces,
            ):
                kind = response.headers.get("content-type", "application/json")
                turn.response = reading = BlindedResponse(turn.answer, usage_is_ours=turn.usage_is_ours)
                if response.status_code >= 300:
                    refused = await whole_body(pieces, until, MOST_REFUSED)
                    await self._pass_refusal(
                        turn, response.status_code, refused, _retry_after(response), send
                    )
                elif "event-stream" in kind:
                    await self._pass_stream(turn, reading, contestant, pieces, until, kind, send)
                else:
                    until = max(until, time.monotonic() + limits.total)
                    content = reading.whole(await whole_body(pieces, until, LONGEST_ANSWER))
                    self._answered(turn, contestant)
                    await self._wait_kept(turn)
                    await respond(send, 200, content, self._headers(turn), kind)
                    self._finish(turn)

    async def _pass_refusal(
        self, turn: _Turn, status: int, content: bytes, wait: float | None, send: Send
    ) -> None:
        """A refusal of the request itself goes to who asked; any other is the model's failure."""
        failure = failure_of_status(status, content, wait)
        if turn.images and refuses_images(failure):
            failure = ServingError("no_images", failure.detail)
        if failure.kind not in _OURS:
            raise failure
        turn.status, turn.stopped = status, False
        await self._wait_kept(turn)
        message = self._clean(failure.detail.partition(": ")[2] or "The request was refused.")
        await respond(send, status, error_body(message, "invalid_request_error"), self._headers(turn))

    async def _pass_stream(
        self,
        turn: _Turn,
        reading: BlindedResponse,
        contestant: Contestant,
        pieces: AsyncGenerator[bytes, None],
        until: float,
        kind: str,
        send: Send,
    ) -> None:
        end, held = time.monotonic() + self._limits.total, b""
        try:
            while True:
                data = await next_piece(pieces, until)
                out = reading.rest() if data is None else reading.feed(data)
                if turn.model is None:
                    if reading.failure is not None:
                        raise reading.failure
                    held += out
                    if reading.pieces:
                        self._answered(turn, contestant)
                        await self._wait_kept(turn)
                        await start_response(send, 200, kind, self._headers(turn))
                        out = held
                if turn.model is not None and out:
                    await send({"type": "http.response.body", "body": out, "more_body": True})
                if data is None:
                    break
                if turn.model is not None:
                    until = min(end, time.monotonic() + self._limits.between)
            if turn.model is None:
                raise ServingError("malformed", "no event in the stream")
        except ServingError as failure:
            if turn.model is not None:
                turn.failure, turn.stopped = failure.kind, False
                body = error_body("The answer broke off; ask again.", "server_error", "interrupted")
                await send({"type": "http.response.body", "body": b"data: " + body + b"\n\n"})
            raise
        if reading.failure is not None:
            turn.failure = reading.failure.kind
        elif not reading.finished:
            turn.failure = "interrupted"
        await send({"type": "http.response.body", "body": b""})
        self._finish(turn)

    def _answered(self, turn: _Turn, contestant: Contestant) -> None:
        """The first byte of an answer is there."""
        turn.model = turn.conversation.answered_by = contestant.card.name
        turn.first = time.perf_counter() - turn.began

    def _finish(self, turn: _Turn) -> None:
        turn.stopped, turn.seconds = False, time.perf_counter() - turn.began

    async def _wait_kept(self, turn: _Turn) -> None:
        """Until the conversation is in the log: only then it has an id that others may know."""
        if turn.kept is not None:
            one = turn.conversation
            try:
                await asyncio.wrap_future(self._kept_draws[one.draw])
                await asyncio.wrap_future(turn.kept)
            except AgonError as error:
                turn.lost = True
                self._conversations.forget(one)
                self._draws.forget(one.draw)
                raise RefusedRequest(
                    503, f"The conversation could not be kept. {error}", "not_kept", wait=5
                ) from None

    def _end(self, turn: _Turn) -> None:
        """Write what became of a turn."""
        one, reading = turn.conversation, turn.response
        tokens = None if reading is None or turn.model is None else reading.count("completion_tokens")
        asked = None if reading is None or turn.model is None else reading.count("prompt_tokens")
        if turn.lost:
            return
        with suppress(AgonError):  # the log is closed: the process ends
            self._log.put(
                "turn",
                conversation=one.id,
                turn=turn.number,
                model=turn.model,
                failed=turn.failed or None,
                failure=turn.failure,
                refused=turn.status,
                stopped=turn.stopped or None,
                battle=turn.battle is not None or None,
                first_token=_rounded(turn.first),
                seconds=_rounded(turn.seconds),
                prompt_tokens=asked,
                completion_tokens=tokens,
                cost=None if turn.model is None else self._cost(self._contestants[turn.model], asked, tokens),
            )
        one.failures += bool(turn.failed or turn.failure)

    def _cost(self, contestant: Contestant, asked: int | None, tokens: int | None) -> float | None:
        """Dollars for an answer; None where a price or a count is not known."""
        card = contestant.card
        if card.price is None or tokens is None or asked is None:
            return None
        return (card.price * tokens + (card.input_price or 0.0) * asked) / 1e6

    def _headers(self, turn: _Turn) -> dict[str, str]:
        said = {CONVERSATION: turn.conversation.id, TURN: str(turn.number)}
        return said if turn.battle is None else {**said, BATTLE: turn.battle}

    def _able(self, *, images: bool) -> list[str]:
        """The models that can answer now."""
        return [
            name
            for name, one in self._contestants.items()
            if one.backend.accepts(_PROBE) and (one.images or not images)
        ]

    def _tell_draws(self, number: int, chances: Mapping[str, float]) -> None:
        policy = self._plan.policy
        said = {"name": policy.name, "signal": self._plan.signal.name if policy.learns else None}
        kept = self._log.put("draws", number=number, policy=said, probabilities=dict(chances))
        self._kept_draws[number] = kept

    def _clean(self, text: str) -> str:
        """A server's words without the names of models and its address."""
        for word in sorted(self._secrets, key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", ROUTED_MODEL, text)
        return re.sub(r"https?://\S+", "[address]", text)[:500]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _retry_after(response: Any) -> float | None:
    header = response.headers.get("retry-after", "").strip()
    return float(header) if re.fullmatch(r"\d{1,6}(\.\d+)?", header) else None
