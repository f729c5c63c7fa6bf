"""One server of models: its address, key and connections, what it serves, and what its failures mean.

A key is handed in by whoever reads the environment; it stands in no detail, log or repr.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from agon.serving.health import INTERVALS, Health
from agon.serving.openai_protocol.chat_chunks import failure_of_status, kind_of_status
from agon.serving.openai_protocol.chat_stream import NOT_IN_THE_PROTOCOL, retry_after
from agon.serving.openai_protocol.openai_compatible import OpenAICompatible
from agon.serving.places import Places
from agon.serving.protocol import FailureKind, Message, ServingError

CONNECT_SECONDS = 10.0
PROBE_SECONDS = 10.0
AT_ONCE, WAITING = 1_000, 100  # streams of one server, and those in line for it
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


def _models_in(response: httpx.Response) -> dict[str, dict[str, Any]]:
    """The list of models in a response.

    Raises:
        ServingError, LookupError, TypeError, ValueError: it holds none.
    """
    if response.status_code != 200:
        raise failure_of_status(response.status_code, response.content, retry_after(response))
    return {str(one["id"]): dict(one) for one in response.json()["data"]}


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
