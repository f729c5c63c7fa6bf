"""Models behind the OpenAI protocol: vLLM, llama.cpp, hosted services, whatever speaks /chat/completions.

Here lives what becomes of every way in which a server can answer and fail, over plain HTTP: the events of a
stream are read line by line, because comments that keep it alive are signs of life too. What one event holds
is read in `chat_chunks`. A key is handed in by whoever reads the environment; it stands in no detail, log or
repr. Limits of time are the caller's (`serving.generation`).
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    aclosing,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import asdict, replace
from typing import Any

import httpx

from agon.serving.chat_chunks import (
    ChatReading,
    failure_of_status,
    kind_of_status,
    refuses_images,
    takes_no_images,
)
from agon.serving.health import INTERVALS, JITTER, Health
from agon.serving.places import Places, join
from agon.serving.protocol import (
    IMAGE_TOKENS,
    Delta,
    End,
    FailureKind,
    Message,
    Route,
    Sampling,
    ServingError,
)

CONNECT_SECONDS = 10.0
CHECK_SECONDS = 30.0
PROBE_SECONDS = 10.0
MISSING_SECONDS = 60.0  # after which a model that the server did not know is asked for again
AT_ONCE, WAITING = 1_000, 100  # streams of one server, and those in line for it
SIGN_SECONDS = 0.25  # between two signs of life of an answer that waits for a busy server
LONGEST_WAIT = 120.0  # for a busy server, which is asked again after longer and longer pauses
TAIL_SECONDS = 2.0  # how long to wait for the count of tokens once an answer is whole
DRAIN_SECONDS = 0.2
MARKUP_TOKENS = 64  # that a chat template may add
UNREAD = 1_000  # conversations that a model is known to be unable to read
LONGEST_BODY = 1_000_000  # bytes of an answer that is no stream, and of one line of a stream
# Many servers close what is silent for 5 s: a connection is not used again when that is near.
CONNECTIONS = httpx.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=3.0)
UNREACHABLE = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
# JSON, UTF-8, and fields of another shape.
NOT_IN_THE_PROTOCOL = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
BROKEN_OFF = re.compile("disconnected|closed|incomplete", re.IGNORECASE)


class Server:
    """One address, one key, and the connections that its models share; the last model to close them does."""

    def __init__(
        self, base_url: str, *, api_key: str | None = None, at_once: int = AT_ONCE, waiting: int = WAITING
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.places = Places(at_once, waiting)
        self.health = Health(self.probe)
        self.asked_again = Places(1, 0)  # for those that it refused: one asks again at a time
        self.ended = 0  # streams, each of which leaves a place
        self.answered = 0  # those that came to their end
        headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self.client = httpx.AsyncClient(
            headers={"user-agent": "agon", **headers},
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
            limits=CONNECTIONS,
        )
        self.counts_tokens = True  # until it refuses to be asked for the usage of a stream
        self._secrets = [api_key] if api_key else []
        self.contexts: dict[str, int] = {}  # tokens that its models can read, as far as it says so
        self.listed = False  # whether it was asked for the list of them
        self._listing: asyncio.Future[None] | None = None
        self._only: frozenset[str] = frozenset()  # models that may be asked for; none, if that is not known
        self._names: list[str] = []  # under which its models are asked

    def __repr__(self) -> str:
        return f"Server({self.base_url!r})"

    def model(
        self,
        name: str,
        *,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        system_role: bool = True,
        images: bool = False,
    ) -> OpenAICompatible:
        """A backend for one model of this server, by the name under which it is served.

        Args:
            name: as the server calls the model.
            body: further fields of every request, as they are.
            headers: further headers of every request; their values are struck out of what is logged.
            system_role: False sends a system prompt at the head of the first user message instead.
            images: whether it takes them.
        """
        self._names.append(name)
        self._secrets += [value for value in (headers or {}).values() if len(value) >= 8]
        return OpenAICompatible(
            self, name, body=body, headers=headers, system_role=system_role, images=images
        )

    async def release(self, name: str) -> None:
        """One model less; without any, the connections are given back."""
        self._names.remove(name)
        if not self._names:
            await self.health.close()
            await self.client.aclose()

    async def served(self) -> dict[str, dict[str, Any]]:
        """What the server says of the models it serves, by name, such as `max_model_len` and `parent`.

        Raises:
            ServingError: it keeps no list, or is not well.
        """
        with self.typed_errors():
            return self._take_list(await self._listed())

    async def list_once(self) -> None:
        """Have the list, if it keeps one: whoever needs it at the same time waits for one request."""
        if self.listed:
            return
        if self._listing is None:
            self._listing = asyncio.ensure_future(self._list())
        await asyncio.shield(self._listing)

    async def _list(self) -> None:
        try:
            with suppress(ServingError):
                await self.served()
        finally:
            self.listed, self._listing = True, None  # or it keeps no list

    async def probe(self) -> dict[str, dict[str, Any]]:
        """What it serves, if it is well; a server that keeps no list is well, too.

        Raises:
            ServingError: the server is not well.
        """
        with self.typed_errors():
            response = await self._listed()
            if kind_of_status(response.status_code) in INTERVALS:
                raise failure_of_status(response.status_code, response.content, retry_after(response))
            with suppress(ServingError, *NOT_IN_THE_PROTOCOL):
                return self._take_list(response)
            return {}

    async def count_tokens(self, model: str, messages: Sequence[Message]) -> int | None:
        """How many tokens the text of a conversation has, as vLLM and llama.cpp count, or None."""
        said = [{"role": message.role, "content": message.content} for message in messages]
        asked = {"model": model, "messages": said, "content": "\n".join(one["content"] for one in said)}
        with suppress(ServingError), self.typed_errors():
            async with asyncio.timeout(PROBE_SECONDS):
                url = f"{self.base_url.removesuffix('/v1')}/tokenize"
                response = await self.client.post(url, json=asked)
            if response.status_code == 200:
                found = response.json()
                return int(found["count"]) if "count" in found else len(found["tokens"])
        return None

    def _take_list(self, response: httpx.Response) -> dict[str, dict[str, Any]]:
        """The models in a list, whose contexts are kept."""
        self.listed = True
        found = _models_in(response)
        for name, one in found.items():
            context = one.get("max_model_len") or dict(one.get("meta") or {}).get("n_ctx")
            if isinstance(context, int) and context > 0:
                self.contexts[name] = context
        return found

    async def _listed(self) -> httpx.Response:
        async with asyncio.timeout(PROBE_SECONDS):
            return await self.client.get(f"{self.base_url}/models")

    def leave_out(self, served: Mapping[str, object]) -> list[str]:
        """Draw no model that a list does not name, since whatever would answer for it has another name.

        Args:
            served: what the server lists; nothing where it keeps no list.
        """
        self._only = frozenset(served)
        return sorted({name for name in self._names if not self.knows(name)})

    def knows(self, name: str) -> bool:
        """Whether the server may be asked for a model."""
        return not self._only or name in self._only

    @contextmanager
    def typed_errors(self) -> Iterator[None]:
        """Turn whatever goes wrong inside into a ServingError, the key struck out."""
        try:
            yield
        except ServingError as error:
            raise ServingError(error.kind, self._clean(error.detail), retry_after=error.retry_after) from None
        except TimeoutError:
            raise ServingError("timeout", self._clean("no answer in time")) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise ServingError(_kind_of_transport(error), self._clean(_named(error))) from None
        except NOT_IN_THE_PROTOCOL as error:
            raise ServingError("malformed", self._clean(_named(error))) from None

    def _clean(self, text: str) -> str:
        """One short line without the key, for a log."""
        for secret in self._secrets:
            text = text.replace(secret, "[key]")
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return f"{self.base_url}: {line if len(line) <= 300 else line[:297] + '...'}"


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
                async with aclosing(_deltas(response, reading)) as deltas:
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
                    yield await _accepted(response)
                    return
            async with self._post(request) as response:
                yield await _accepted(response)
                self._server.counts_tokens = False  # only now is it known that this was the reason
            return
        async with self._post(request) as response:
            yield await _accepted(response)

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


async def _accepted(response: httpx.Response) -> httpx.Response:
    """The response to a request that was not refused.

    Raises:
        ServingError: it was; in the server's words.
    """
    status = response.status_code
    if status < 300:
        return response
    if status < 400:
        where = response.headers.get("location", "nowhere")
        raise ServingError(
            "malformed", f"HTTP {status}: it redirects to {where}; requests follow no redirect"
        )
    raise failure_of_status(status, await _body(response), retry_after(response))


async def _body(response: httpx.Response) -> bytes:
    """The body of a response, as far as it may be read."""
    body = bytearray()
    async for data in response.aiter_bytes():
        body += data
        if len(body) > LONGEST_BODY:
            break
    return bytes(body)


async def _deltas(response: httpx.Response, reading: ChatReading) -> AsyncGenerator[Delta, None]:
    """The pieces of an answer, empty ones for signs of life, until it is whole or the response ends.

    Raises:
        ServingError, TypeError, ValueError, httpx.HTTPError: a fault before the answer was whole.
    """
    if "json" in response.headers.get("content-type", ""):  # it does not stream, whatever it was asked
        yield reading.delta_of(json.loads(await _body(response)))
        return
    async with aclosing(_lines(response)) as lines:
        while True:
            try:
                if reading.finish_reason is None:
                    line = await anext(lines)
                else:
                    async with asyncio.timeout(TAIL_SECONDS):
                        line = await anext(lines)
                if line.startswith(b"data:"):
                    data = line[5:].strip()
                    if data == b"[DONE]":
                        await _drain(lines)
                        return
                    yield reading.delta_of(json.loads(data))
                elif line:
                    yield Delta()
            except StopAsyncIteration:
                return
            except (TimeoutError, httpx.HTTPError, ServingError, *NOT_IN_THE_PROTOCOL):
                if reading.finish_reason is None:
                    raise
                return


async def _drain(lines: AsyncIterator[bytes]) -> None:
    """Read what follows the last event, so that the connection can be used again; not for long."""
    with suppress(TimeoutError, httpx.HTTPError, ServingError):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in lines:
                pass


async def _lines(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """The lines of an event stream, which end in CR, LF or both, and in nothing else.

    Raises:
        ServingError: a line has no end.
    """
    held = bytearray()
    async for data in response.aiter_bytes():
        held += data
        if b"\n" in data or b"\r" in data:
            *lines, rest = held.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
            held = bytearray(rest)
            for line in lines:
                yield bytes(line)
        if len(held) > LONGEST_BODY:
            raise ServingError("malformed", f"a line of more than {LONGEST_BODY:,} bytes")
    if held:
        yield bytes(held)


def _models_in(response: httpx.Response) -> dict[str, dict[str, Any]]:
    """The list of models in a response.

    Raises:
        ServingError, LookupError, TypeError, ValueError: it holds none.
    """
    if response.status_code != 200:
        raise failure_of_status(response.status_code, response.content, retry_after(response))
    return {str(one["id"]): dict(one) for one in response.json()["data"]}


def retry_after(response: httpx.Response) -> float | None:
    """The seconds that a server asks to wait; None where it does not, or names a date."""
    header = response.headers.get("retry-after", "").strip()
    return float(header) if re.fullmatch(r"\d{1,6}(\.\d+)?", header) else None


def _kind_of_transport(error: Exception) -> FailureKind:
    """What an error below the protocol means for a generation."""
    if isinstance(error, UNREACHABLE):
        return "unreachable"
    if isinstance(error, httpx.TimeoutException):
        return "timeout"
    garbled = isinstance(error, httpx.RemoteProtocolError) and not BROKEN_OFF.search(str(error))
    return "malformed" if garbled or isinstance(error, httpx.DecodingError) else "interrupted"


def _named(error: BaseException) -> str:
    """An error by its kind and what it says."""
    return f"{type(error).__name__}: {error}"
