"""A real HTTP server for tests, written out to the byte, so that it can misbehave in every way there is."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Request:
    """One request: its path, its headers in lower case, and its body as JSON (None without one)."""

    path: str
    headers: dict[str, str]
    body: dict | None


@dataclass
class Connection:
    """The server's side of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sent: int = 0

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, status: int, body: bytes | dict, kind: str = "application/json") -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = f"HTTP/1.1 {status} Status\r\ncontent-type: {kind}\r\ncontent-length: {len(data)}\r\n\r\n"
        await self.raw(head.encode() + data)

    async def head(self) -> None:
        await self.raw(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )

    async def chunk(self, data: bytes) -> None:
        await self.raw(b"%x\r\n%s\r\n" % (len(data), data))

    async def event(self, value: object) -> None:
        await self.chunk(
            b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"
        )

    async def text(self, text: str, finish: str | None = None, **more: object) -> None:
        self.sent += 1
        choice = {"index": 0, "delta": {"content": text, **more}, "finish_reason": finish}
        await self.event({"id": "x", "object": "chat.completion.chunk", "choices": [choice]})

    async def done(self, completion_tokens: int | None = None, **more: object) -> None:
        """The usage, if there is any, the last event, and the end of the response."""
        if completion_tokens is not None:
            usage = {"prompt_tokens": 7, "completion_tokens": completion_tokens, **more}
            await self.event({"id": "x", "object": "chat.completion.chunk", "choices": [], "usage": usage})
        await self.event(b"[DONE]")
        await self.chunk(b"")

    async def gone(self) -> None:
        """Wait until the other side has closed the connection."""
        try:
            while await self.reader.read(1000):
                pass
        except ConnectionError:
            pass


Handler = Callable[[Request, Connection], Awaitable[None]]


@dataclass
class Listening:
    """A server that listens: its address, and the requests it got."""

    url: str
    requests: list[Request] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def listen(handler: Handler, port: int = 0) -> AsyncIterator[Listening]:
    """Serve on a port, any free one by itself, until the block is left; the handler answers each request."""
    here = Listening("")
    tasks = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.connections += 1
        tasks.append(asyncio.current_task())
        try:
            while (request := await _request(reader)) is not None:
                here.requests.append(request)
                await handler(request, Connection(reader, writer))
                if writer.is_closing():
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=500)
    here.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield here
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> Request | None:
    first = (await reader.readline()).decode()
    if not first:
        return None
    headers = {}
    while line := (await reader.readline()).decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(first.split()[1], headers, json.loads(body) if body else None)
