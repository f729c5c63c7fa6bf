"""Models behind the OpenAI protocol: vLLM, llama.cpp, hosted services, whatever speaks /chat/completions.

Here lives what is asked of a model and when it is asked again. The server that it shares with others is in
model_server.py, how a response is read in chat_stream.py, and what one event of it holds in chat_chunks.py.
Limits of time are the caller's (`serving.generation`).
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from agon.serving.health import JITTER
from agon.serving.openai_protocol.chat_chunks import ChatReading, refuses_images, takes_no_images
from agon.serving.openai_protocol.chat_stream import accepted, deltas_of
from agon.serving.places import join
from agon.serving.protocol import IMAGE_TOKENS, Delta, End, Message, Route, Sampling, ServingError

if TYPE_CHECKING:
    import httpx

    from agon.serving.openai_protocol.model_server import Server

CHECK_SECONDS = 30.0
MISSING_SECONDS = 60.0  # after which a model that the server did not know is asked for again
SIGN_SECONDS = 0.25  # between two signs of life of an answer that waits for a busy server
LONGEST_WAIT = 120.0  # for a busy server, which is asked again after longer and longer pauses
MARKUP_TOKENS = 64  # that a chat template may add
UNREAD = 1_000  # conversations that a model is known to be unable to read


class OpenAICompatible:
    """One model of a `Server`."""

    def __init__(
        self,
        server: Server,
        model: str,
        *,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        system_role: bool = True,
        images: bool = False,
    ) -> None:
        self._server = server
        self._model = model
        self._body = dict(body or {})
        self._headers = dict(headers or {})
        self._system_role = system_role
        self.images = images  # whether it takes them, as far as anybody has said
        self._thinks_first = False  # whether an answer was seen to begin inside its reasoning
        self._missing_until = 0.0  # the server does not know this model
        self._unread: dict[int, None] = {}  # hashes of conversations that are too long, the last ones

    def __repr__(self) -> str:
        return f"OpenAICompatible({self._server!r}, {self._model!r})"

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncIterator[Delta | End]:
        """Stream the next assistant message; closing the iterator closes the connection.

        A piece without text says that the server is at work, or that it asked to come back later, which is
        done for a while before it is called a failure; of those that it refused, one asks again at a time,
        when an answer has ended or after a pause. Once the server has said how the answer ended, nothing
        that follows can cost the answer: neither a fault in the count of tokens nor a cut.
        """
        server, begun, tries, since = self._server, False, 0, time.monotonic()
        again = join([server.asked_again])[0] if server.asked_again.taken else None
        try:
            while True:
                while again is not None and again.ahead:
                    yield Delta(waits=True)
                    await again.wait(SIGN_SECONDS)
                    since = time.monotonic()
                if again is not None:
                    ended, asked_for = server.ended, server.health.until - time.monotonic()
                    pause = max(2.0**tries, asked_for) * (1 + JITTER * random.random())  # noqa: S311
                    until = time.monotonic() + pause
                    while time.monotonic() < until and server.ended == ended:
                        yield Delta(waits=True)
                        await asyncio.sleep(SIGN_SECONDS)
                    tries += 1
                    yield Delta(waits=True)  # from now on it is the server that is waited for
                sent = time.monotonic()
                try:
                    with server.typed_errors():
                        async with aclosing(self._answer(messages, sampling)) as events:
                            async for event in events:
                                if not begun and again is not None:
                                    again.leave()  # the next one may ask
                                begun |= not isinstance(event, Delta) or bool(event.text or event.reasoning)
                                if isinstance(event, End):  # after which nobody reads on
                                    server.health.succeed(sent)
                                    server.answered += 1
                                yield event
                    return
                except ServingError as error:
                    self.take_note(error)
                    if error.kind in ("too_long", "no_images"):
                        self._leave_unread(messages)
                    waited = time.monotonic() - since + max(2.0**tries, error.retry_after or 0.0)
                    if begun or error.kind != "overloaded" or waited > LONGEST_WAIT:
                        raise
                    again = again or join([server.asked_again])[0]
        finally:
            server.ended += 1
            if again is not None:
                again.leave()

    async def _answer(
        self, messages: Sequence[Message], sampling: Sampling
    ) -> AsyncGenerator[Delta | End, None]:
        """One request and what comes of it."""
        if not self._server.knows(self._model):
            raise ServingError("unknown_model", "the list of its models does not name this one")
        request = self._request(messages, sampling)
        try:
            async with self._opened(request) as response:
                reading = ChatReading(thinks_first=self._thinks_first)
                async with aclosing(deltas_of(response, reading)) as deltas:
                    async for delta in deltas:
                        yield delta
                self._thinks_first |= reading.thought_first
                rest, end = reading.finish(response.headers.get("content-type", ""))
                yield rest
                yield end
        except ServingError as error:
            if not _images_in(messages) or not refuses_images(error):
                raise
            self.images = self.images and not takes_no_images(error)
            raise ServingError("no_images", error.detail) from None

    def accepts(self, messages: Sequence[Message]) -> bool:
        """Whether the server is well, knows the model and has room for it, if it is not too long and has no
        images that the model does not take."""
        return (
            bool(messages)
            and (self.images or not _images_in(messages))
            and self._server.health.failure is None
            and time.monotonic() >= self._missing_until
            and self._server.knows(self._model)
            and not self._server.places.full
            and _hash_of(messages) not in self._unread
        )

    def route(self) -> Route:
        """Its server, and what every request holds."""
        request = {"model": self._model, "system_role": self._system_role, **self._body}
        places = self._server.places
        return Route(self._server, places.at_once, request, places)

    @property
    def context(self) -> int | None:
        """Tokens that conversation and answer may have together, as the server says."""
        return self._server.contexts.get(self._model)

    async def measure(self, messages: Sequence[Message]) -> None:
        """Have the server count a conversation of more bytes than its context has tokens, of which an image
        takes `IMAGE_TOKENS`."""
        if not self.accepts(messages):
            return
        await self._server.list_once()
        size = sum(len(message.content.encode("utf-8", "replace")) for message in messages)
        seen = IMAGE_TOKENS * _images_in(messages)
        if self.context is None or size + seen + MARKUP_TOKENS < self.context:
            return
        count = await self._server.count_tokens(self._model, messages)
        if count is not None and count + seen >= self.context:
            self._leave_unread(messages)

    def _leave_unread(self, messages: Sequence[Message]) -> None:
        self._unread[_hash_of(messages)] = None
        if len(self._unread) > UNREAD:
            del self._unread[next(iter(self._unread))]

    async def check(self, messages: Sequence[Message], sampling: Sampling) -> None:
        """Ask for the beginning of an answer, with everything that a battle would ask with."""
        sent = time.monotonic()
        try:
            with self._server.typed_errors():
                async with (
                    asyncio.timeout(CHECK_SECONDS),
                    aclosing(self._answer(messages, sampling)) as events,
                ):
                    async for event in events:
                        if isinstance(event, End) or event.text or event.reasoning:
                            break
            self._server.health.succeed(sent)
        except ServingError as error:
            self.take_note(error)
            raise

    def take_note(self, failure: ServingError) -> None:
        """What a failure says of the server, or of whether it serves this model."""
        self._server.health.fail(failure)
        if failure.kind == "unknown_model":
            self._missing_until = time.monotonic() + MISSING_SECONDS

    @asynccontextmanager
    async def relay(self, body: Mapping[str, Any], sampling: Sampling) -> AsyncIterator[httpx.Response]:
        """Ask with a body that somebody else made; the response as it comes, refused or not.

        Only the model is ours, and what the body leaves out of the parameters of this one. The usage of a
        stream is asked for too, where the server takes that, unless the body says whether it is.

        Raises:
            ServingError: there is no response.
        """
        server, drawn = self._server, _chosen(sampling)
        asked = {**drawn, **self._body, **body, "model": self._model}
        counted = {"stream_options": {"include_usage": True}, **asked}
        ours = bool(asked.get("stream")) and "stream_options" not in asked and server.counts_tokens
        sent = time.monotonic()
        async with AsyncExitStack() as opened:
            with server.typed_errors():
                response = await opened.enter_async_context(self._post(counted if ours else asked))
                if ours and response.status_code in (400, 422):
                    await opened.aclose()
                    response = await opened.enter_async_context(self._post(asked))
                    if response.status_code < 300:
                        server.counts_tokens = False  # only now is it known that this was the reason
            if response.status_code < 300:
                server.health.succeed(sent)
            yield response

    async def relayed(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        """The body of a response as it comes.

        Raises:
            ServingError: it breaks off.
        """
        with self._server.typed_errors():
            async for data in response.aiter_bytes():
                yield data

    async def close(self) -> None:
        """Give back connections that no other model of the server needs."""
        await self._server.release(self._model)

    def _request(self, messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
        """The body of a request; what was not chosen is not sent."""
        said = list(messages)
        if not self._system_role and len(said) > 1 and said[0].role == "system":
            said[:2] = [replace(said[1], content=f"{said[0].content}\n\n{said[1].content}")]
        return {
            "model": self._model,
            "messages": [{"role": one.role, "content": _content_of(one)} for one in said],
            "stream": True,
            **_chosen(sampling),
            **self._body,
        }

    @asynccontextmanager
    async def _opened(self, request: Mapping[str, Any]) -> AsyncIterator[httpx.Response]:
        """The answer of the server; one that refuses `stream_options` is asked once more without."""
        if self._server.counts_tokens:
            counted = {"stream_options": {"include_usage": True}, **request}
            async with self._post(counted) as response:
                if response.status_code not in (400, 422):
                    yield await accepted(response)
                    return
            async with self._post(request) as response:
                yield await accepted(response)
                self._server.counts_tokens = False  # only now is it known that this was the reason
            return
        async with self._post(request) as response:
            yield await accepted(response)

    def _post(self, request: Mapping[str, Any]) -> AbstractAsyncContextManager[httpx.Response]:
        """Ask; in ASCII, since half a surrogate pair can be sent as JSON and not as UTF-8."""
        return self._server.client.stream(
            "POST",
            f"{self._server.base_url}/chat/completions",
            content=json.dumps(request, allow_nan=False),
            headers={"content-type": "application/json", **self._headers},
        )


def _chosen(sampling: Sampling) -> dict[str, Any]:
    """The parameters that are not left to the server."""
    return {name: value for name, value in asdict(sampling).items() if value is not None and value != ()}


def _content_of(message: Message) -> str | list[dict[str, Any]]:
    """A message in the protocol: a text, or parts where there are images."""
    if not message.images:
        return message.content
    seen = [{"type": "image_url", "image_url": {"url": image.data_url()}} for image in message.images]
    return [*seen, {"type": "text", "text": message.content}]


def _images_in(messages: Sequence[Message]) -> int:
    """How many images a conversation has."""
    return sum(len(message.images) for message in messages)


def _hash_of(messages: Sequence[Message]) -> int:
    """Of what was said in a conversation, whatever the system prompt."""
    return hash(tuple(message for message in messages if message.role != "system"))
