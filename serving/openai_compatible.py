"""Models behind the OpenAI protocol: vLLM, llama.cpp, hosted services, whatever speaks /chat/completions.

Here lives what becomes of every way in which a server can fail. A key is handed in by whoever reads the
environment; it stands in no detail, log or repr. Limits of time are the caller's (`serving.generation`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import asdict
from typing import Any

from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    AsyncOpenAI,
    AsyncStream,
    BadRequestError,
    Timeout,
    UnprocessableEntityError,
)

from agon.serving.protocol import Delta, End, FailureKind, Message, Sampling, ServingError

CONNECT_SECONDS = 10.0
CHECK_SECONDS = 10.0
NO_KEY = "none"  # the protocol has no request without a key; servers that ask for none ignore it
KINDS: dict[int, FailureKind] = {
    401: "unauthorised",
    403: "unauthorised",
    404: "unknown_model",
    407: "unreachable",
    408: "timeout",
    429: "overloaded",
    502: "unreachable",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}
# What the HTTP library calls its errors; by name, because openai 2 brings httpx and openai 3 httpx2.
UNREACHABLE = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}
MALFORMED = {"DecodingError", "TooManyRedirects"}
# JSON, UTF-8, and fields of another shape.
NOT_IN_THE_PROTOCOL = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
BROKEN_OFF = re.compile("disconnected|closed|incomplete", re.IGNORECASE)


class Server:
    """One address, one key, and the connections that its models share; the last model to close them does."""

    def __init__(self, base_url: str, *, api_key: str | None = None) -> None:
        self.base_url = base_url
        self.client = AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or NO_KEY,
            max_retries=0,
            timeout=Timeout(None, connect=CONNECT_SECONDS),
        )
        # Taken from the environment unasked, and no business of any other server.
        self.client.organization = self.client.project = None
        self.counts_tokens = True  # until it refuses to be asked for the usage of a stream
        self._secrets = [api_key] if api_key else []
        self._open = 0

    def __repr__(self) -> str:
        return f"Server({self.base_url!r})"

    def model(
        self,
        name: str,
        *,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        system_role: bool = True,
    ) -> OpenAICompatible:
        """A backend for one model of this server, by the name under which it is served.

        Args:
            name: as the server calls the model.
            body: further fields of every request, as they are.
            headers: further headers of every request; their values are struck out of what is logged.
            system_role: False sends a system prompt at the head of the first user message instead.
        """
        self._open += 1
        self._secrets += [value for value in (headers or {}).values() if len(value) >= 8]
        return OpenAICompatible(self, name, body=body, headers=headers, system_role=system_role)

    async def release(self) -> None:
        """One model less; without any, the connections are given back."""
        self._open -= 1
        if self._open <= 0:
            await self.client.close()

    @contextmanager
    def typed_errors(self) -> Iterator[None]:
        """Turn whatever goes wrong inside into a ServingError, the key struck out."""
        try:
            yield
        except ServingError:
            raise
        except APIStatusError as error:
            status = error.status_code
            said = "" if KINDS.get(status) == "unauthorised" else f": {error.message}"
            raise ServingError(kind_of_status(status), self._clean(f"HTTP {status}{said}")) from None
        except APIConnectionError as error:
            cause = error.__cause__ or error
            raise ServingError(_kind_of_transport(cause), self._clean(_named(cause))) from None
        except APIError as error:  # sent in the stream in place of the next piece
            code = error.body.get("code") if isinstance(error.body, dict) else None
            known = str(code).isdecimal() and int(str(code)) >= 400
            kind = kind_of_status(int(str(code))) if known else "interrupted"
            raise ServingError(kind, self._clean(error.message)) from None
        except TimeoutError:
            raise ServingError("timeout", "no answer in time") from None
        except NOT_IN_THE_PROTOCOL as error:
            raise ServingError("malformed", self._clean(_named(error))) from None
        except Exception as error:  # older releases of openai let the HTTP library's own errors through
            raise ServingError(_kind_of_transport(error), self._clean(_named(error))) from None

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
    ) -> None:
        self._server = server
        self._model = model
        self._body = dict(body or {})
        self._headers = dict(headers or {})
        self._system_role = system_role

    def __repr__(self) -> str:
        return f"OpenAICompatible({self._server!r}, {self._model!r})"

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncIterator[Delta | End]:
        """Stream the next assistant message; closing the iterator closes the connection.

        A piece without text says that the server is at work: reasoning is not part of the answer.
        """
        with self._server.typed_errors():
            async with await self._open(messages, sampling) as chunks:
                reading = _Reading()
                async for chunk in chunks:
                    yield Delta(reading.text_of(chunk))
                yield reading.end(chunks.response.headers.get("content-type", ""))

    def accepts(self, messages: Sequence[Message]) -> bool:
        """Whether there is a conversation to answer."""
        return bool(messages)

    async def check(self) -> None:
        """Ask for the list of models, and where that does not name this one, for a single token."""
        with self._server.typed_errors():
            async with asyncio.timeout(CHECK_SECONDS):
                try:
                    listed = {model.id async for model in self._server.client.models.list()}
                except APIStatusError as error:
                    if kind_of_status(error.status_code) not in ("unknown_model", "rejected"):
                        raise
                    listed = set()  # it answers, but keeps no list
                if self._model not in listed:
                    one = self.stream([Message("user", "Hello")], Sampling(max_tokens=1))
                    async with aclosing(one) as events:  # type: ignore[type-var]
                        await anext(events)

    async def close(self) -> None:
        """Give back connections that no other model of the server needs."""
        await self._server.release()

    async def _open(self, messages: Sequence[Message], sampling: Sampling) -> AsyncStream[object]:
        """Start the answer; a server that refuses `stream_options` is asked once more without."""
        said = [{"role": message.role, "content": message.content} for message in messages]
        if not self._system_role and len(said) > 1 and said[0]["role"] == "system":
            said[:2] = [{"role": "user", "content": f"{said[0]['content']}\n\n{said[1]['content']}"}]
        drawn = {name: value for name, value in asdict(sampling).items() if value not in (None, ())}
        request: dict[str, Any] = {
            "model": self._model,
            "messages": said,
            "stream": True,
            **drawn,
            **self._body,
        }
        if self._server.counts_tokens:
            try:
                return await self._post({**request, "stream_options": {"include_usage": True}})
            except (BadRequestError, UnprocessableEntityError):
                opened = await self._post(request)
                self._server.counts_tokens = False  # only now is it known that this was the reason
                return opened
        return await self._post(request)

    async def _post(self, request: dict[str, Any]) -> AsyncStream[object]:
        """Send a request; chunks come as plain JSON: openai's models of them cost more than all the rest."""
        return await self._server.client.post(
            "/chat/completions",
            body=request,
            cast_to=object,
            options={"headers": self._headers},
            stream=True,
            stream_cls=AsyncStream[object],
        )


class _Reading:
    """What the chunks of one stream have said so far."""

    def __init__(self) -> None:
        self._chunks = 0
        self._finish: str | None = None
        self._completion_tokens: int | None = None
        self._reasoned = False

    def text_of(self, chunk: Any) -> str:
        """The text that a chunk adds to the answer, often none.

        Raises:
            TypeError, LookupError, AttributeError: it is no chunk of the protocol.
        """
        self._chunks += 1
        if chunk.get("usage") is not None:
            self._count(chunk["usage"])
        if not chunk.get("choices"):
            return ""
        choice = chunk["choices"][0]
        if choice.get("finish_reason") is not None:
            self._finish = str(choice["finish_reason"])
        delta = choice.get("delta") or {}
        self._reasoned |= bool(delta.get("reasoning_content") or delta.get("reasoning"))
        text = delta.get("content")
        if text is None:
            return ""
        if not isinstance(text, str):
            raise TypeError(f"content is {type(text).__name__}, not text")
        # Half a surrogate pair is valid in JSON and nowhere else.
        return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _count(self, usage: Any) -> None:
        """Take the server's count; tokens of reasoning are not tokens of the answer."""
        count = usage.get("completion_tokens")
        if not isinstance(count, int) or count < 0:
            raise TypeError(f"usage counts {count!r} tokens of the answer, not a whole number")
        self._completion_tokens = count
        hidden = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens")
        if hidden:
            self._completion_tokens = max(0, count - hidden)
        elif self._reasoned:
            self._completion_tokens = None

    def end(self, content_type: str) -> End:
        """The end of a stream that said how it ended.

        Raises:
            ServingError: it did not, or it was no stream of chunks at all.
        """
        if not self._chunks:
            raise ServingError("malformed", f"no event in the response, which is {content_type[:80]!r}")
        if self._finish is None:
            raise ServingError("interrupted", "the stream ended without a finish reason")
        return End(self._finish, self._completion_tokens)


def kind_of_status(status: int) -> FailureKind:
    """What an HTTP status means for a generation."""
    if status in KINDS:
        return KINDS[status]
    if status < 400:
        return "malformed"  # a redirect that leads nowhere
    return "rejected" if status < 500 else "interrupted"


def _kind_of_transport(error: BaseException) -> FailureKind:
    """What an error below HTTP means for a generation."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & UNREACHABLE:
        return "unreachable"
    if "TimeoutException" in names:
        return "timeout"
    garbled = "RemoteProtocolError" in names and not BROKEN_OFF.search(str(error))
    return "malformed" if garbled or names & MALFORMED else "interrupted"


def _named(error: BaseException) -> str:
    """An error by its kind and what it says."""
    return f"{type(error).__name__}: {error}"
