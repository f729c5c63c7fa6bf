"""The response to a request for a chat: refused, whole, or a stream of events that is read line by line.

Comments that keep a stream alive are signs of life too, which is why its lines are read here.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress

import httpx

from agon.serving.openai_protocol.chat_chunks import ChatReading, failure_of_status
from agon.serving.protocol import Delta, ServingError

TAIL_SECONDS = 2.0  # how long to wait for the count of tokens once an answer is whole
DRAIN_SECONDS = 0.2
LONGEST_BODY = 1_000_000  # bytes of an answer that is no stream, and of one line of a stream
# JSON, UTF-8, and fields of another shape.
NOT_IN_THE_PROTOCOL = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


async def accepted(response: httpx.Response) -> httpx.Response:
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


async def deltas_of(response: httpx.Response, reading: ChatReading) -> AsyncGenerator[Delta, None]:
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


def retry_after(response: httpx.Response) -> float | None:
    """The seconds that a server asks to wait; None where it does not, or names a date."""
    header = response.headers.get("retry-after", "").strip()
    return float(header) if re.fullmatch(r"\d{1,6}(\.\d+)?", header) else None
