"""Servers that are started here: `vllm serve`, llama.cpp, or whatever else listens at a port it is given.

A command gets a free port, and its server is out until it answers there. When it ends it is started again,
after a pause that grows while it ends before it has answered. All that it started ends with this
process, even with one that is killed (`process_reaper`). Which devices, how many replicas and what happens in
them is the command's.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from agon.serving import process_reaper
from agon.serving.protocol import ServingError

if TYPE_CHECKING:
    from agon.serving.openai_protocol.model_server import Server

PORT_FIELD = "{port}"  # stands in a command for the port that it is given
_LOOK_SECONDS = 0.25  # between two looks at whether it answers
TELL_SECONDS = 15.0  # between two words on a start that takes long
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # before it is started again
END_SECONDS = process_reaper.TERM_SECONDS + 2.0
LONGEST_LOG = 200_000  # bytes of the end of a log that are read
# What a log line begins with before the sentence: process, level, time and place of a logger.
LOG_PREFIX = re.compile(
    r"^(?:\([^()]*\)|\[[^][]*\]|\d{4}-\d\d-\d\d|\d\d-\d\d|[\d:.,]{8,}|(?:DEBUG|INFO|WARNING|ERROR|CRITICAL):?|\s)+"
)
FAULT = re.compile(
    r"^(?:[\w.]*(?:Error|Exception|OutOfMemory)\b|[\w ./-]{0,60}\berror:|error\b|fatal\b)", re.I
)
USELESS = re.compile(r"See (?:root cause|stack trace)|Traceback \(most recent call last\)", re.I)


class SupervisedServer:
    """A server with the command that runs it.

    Args:
        name: as the terminal calls it, and its log.
        server: whose `base_url` is set at each start.
        command: its words; PORT_FIELD in any of them stands for the port.
        environment: all variables that it gets; PORT_FIELD in a value stands for the port, too.
    """

    def __init__(
        self, name: str, server: Server, command: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        self.name, self.server = name, server
        self._command, self._environment = tuple(command), dict(environment)
        self._log = Path(os.devnull)
        self._tell: Callable[[str], None] = print
        self._task: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()

    def start(self, folder: Path, tell: Callable[[str], None]) -> None:
        """Begin to run it, until it is closed.

        Args:
            folder: where its log is written, and that of the start before.
            tell: takes a sentence for whoever runs the arena.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._log, self._tell = folder / f"{self.name}.log", tell
        self.server.health.hold_out(ServingError("unreachable", f"{self.name} is starting"))
        self._task = asyncio.create_task(self._run())

    async def tried(self) -> None:
        """Wait until it answers, or its first start has failed."""
        await self._tried.wait()

    async def close(self) -> None:
        """End it, and all that it started."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        """Start it, wait for its end, and start it again."""
        failures = 0
        while True:
            began, answered = time.monotonic(), self.server.answered
            ready, status = await self._once(began)
            now = time.monotonic()
            failures = 0 if self.server.answered > answered else failures + 1
            pause = min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** max(0, failures - 1))
            state = "before it was ready" if ready is None else f"after {now - ready:.0f} s"
            why = f"ended {state} ({_ended(status)}): {fault_in(self._text())}"
            self.server.health.hold_out(ServingError("unreachable", f"{self.name} {why}"))
            self._tell(f"{self.name} {why} It is started again in {pause:g} s; its log is {self._log}.")
            self._tried.set()
            await asyncio.sleep(pause)

    async def _once(self, began: float) -> tuple[float | None, int]:
        """One run of the command: when it was ready, if it was, and how it ended."""
        port = free_port()
        self.server.base_url = f"http://127.0.0.1:{port}/v1"
        words = [word.replace(PORT_FIELD, str(port)) for word in self._command]
        self._tell(f"{self.name} starts: {' '.join(words)}")
        with suppress(FileNotFoundError):
            self._log.replace(self._log.with_suffix(".log.before"))
        with self._log.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", process_reaper.__file__, *words),
                env={key: value.replace(PORT_FIELD, str(port)) for key, value in self._environment.items()},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        ended = asyncio.create_task(process.wait())
        try:
            ready = await self._until_ready(began, ended)
            return ready, await asyncio.shield(ended)
        finally:
            await _end(process, ended)

    async def _until_ready(self, began: float, ended: asyncio.Task[int]) -> float | None:
        """Wait until it answers; the moment, or None if it ended before."""
        told = began
        while not ended.done():
            with suppress(ServingError):
                served = await self.server.probe()
                ready = time.monotonic()
                self._tell(f"{self.name} is ready after {ready - began:.0f} s.")
                for name in self.server.leave_out(served):
                    known = ", ".join(served)
                    self._tell(f"{self.name} serves {known}, not {name}: that model is not drawn.")
                self.server.health.let_in()
                self._tried.set()
                return ready
            now = time.monotonic()
            if now - told > TELL_SECONDS:
                told = now
                last = next((line for line in reversed(self._text().splitlines()) if line.strip()), "")
                self._tell(f"{self.name} has been starting for {now - began:.0f} s: {last.strip()[:200]}")
            await asyncio.wait({ended}, timeout=_LOOK_SECONDS)
        return None

    def _text(self) -> str:
        """The end of its log."""
        with self._log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LONGEST_LOG))
            return log.read().decode(errors="replace")


@asynccontextmanager
async def running(
    servers: Iterable[SupervisedServer], folder: Path, tell: Callable[[str], None]
) -> AsyncIterator[None]:
    """Run these servers meanwhile, each of which has answered, or failed to start, before it begins."""
    all_of_them = list(servers)
    try:
        for one in all_of_them:
            one.start(folder, tell)
        await asyncio.gather(*(one.tried() for one in all_of_them))
        yield
    finally:
        await asyncio.gather(*(one.close() for one in all_of_them))


def fault_in(log: str) -> str:
    """The sentence of a server's log that says why it ended.

    Of several errors it is the first: those after it are told because of it. Without one, the last line.
    """
    lines = [LOG_PREFIX.sub("", line).strip() for line in log.splitlines()]
    lines = [line for line in lines if line and not USELESS.search(line)]
    found = next(filter(FAULT.match, lines), lines[-1] if lines else "it said nothing.")
    found = "".join(c if c.isprintable() else " " for c in found)[:300]
    return found if found.endswith((".", "!", "?")) else f"{found}."


def _ended(status: int) -> str:
    return f"signal {status - 128}" if status > 128 else f"status {status}"


def free_port() -> int:
    """A port of this machine at which nothing listens now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def _end(process: asyncio.subprocess.Process, ended: asyncio.Task[int]) -> None:
    """End all of a run, whether or not it has ended by itself."""
    if process.stdin is not None:
        process.stdin.close()
    await asyncio.wait({ended}, timeout=END_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # of a reaper that was killed, too
    await ended
