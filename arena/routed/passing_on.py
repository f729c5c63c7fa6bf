"""Passing responses on: reading them in time, and writing them as ASGI takes it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from agon.arena.web.middleware import Send
from agon.serving.protocol import ServingError


@asynccontextmanager
async def opened_in_time(context: AbstractAsyncContextManager[Any], until: float) -> AsyncIterator[Any]:
    """A response that must begin before a moment of time.monotonic.

    Raises:
        ServingError: it does not.
    """
    async with AsyncExitStack() as opened:
        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                response = await opened.enter_async_context(context)
        except TimeoutError:
            raise ServingError("timeout", "no response in time") from None
        yield response


async def next_piece(pieces: AsyncGenerator[bytes, None], until: float) -> bytes | None:
    """What comes next; None at the end.

    Raises:
        ServingError: nothing, in time.
    """
    try:
        async with asyncio.timeout(max(0.0, until - time.monotonic())):
            return await anext(pieces, None)
    except TimeoutError:
        raise ServingError("timeout", "silence") from None


async def whole_body(pieces: AsyncGenerator[bytes, None], until: float, most: int) -> bytes:
    """All pieces in one.

    Raises:
        ServingError: they do not end in time, or within so many bytes.
    """
    body = bytearray()
    while (data := await next_piece(pieces, until)) is not None:
        body += data
        if len(body) > most:
            raise ServingError("malformed", f"an answer of more than {most:,} bytes")
    return bytes(body)


async def start_response(
    send: Send, status: int, kind: str, headers: Mapping[str, str], length: int | None = None
) -> None:
    """Begin a response; of a stream the length is not known."""
    raw = [(b"content-type", kind.encode("latin-1")), (b"x-content-type-options", b"nosniff")]
    raw += [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    raw += [] if length is None else [(b"content-length", str(length).encode())]
    raw.append((b"cache-control", b"no-store"))
    await send({"type": "http.response.start", "status": status, "headers": raw})


async def respond(
    send: Send,
    status: int,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    kind: str = "application/json",
) -> None:
    """Send a whole response."""
    await start_response(send, status, kind, headers or {}, len(body))
    await send({"type": "http.response.body", "body": body, "more_body": False})
