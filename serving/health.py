"""Whether a server may be asked now: one state for each, fed by every generation and by probes.

A server that fails in a way that is its own (nobody listens, the key is refused, it asks to come back later,
it breaks off) is out until a probe finds it well again. Probes come at growing intervals with jitter, so that
many that wait for one server do not come at once, and not before the moment that the server named.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from collections.abc import Awaitable, Callable

from agon.serving.protocol import FailureKind, ServingError

# What a failure says of the whole server, and the seconds between probes: the first, and the most.
INTERVALS: dict[FailureKind, tuple[float, float]] = {
    "interrupted": (0.0, 4.0),  # it may have died; a probe tells at once
    "unreachable": (1.0, 4.0),  # a refused connection costs little, and a server that starts should not wait
    "overloaded": (2.0, 60.0),
    "unauthorised": (10.0, 60.0),
}
JITTER = 0.2  # of an interval, more or less


class Health:
    """The state of one server; `probe` asks it once and raises ServingError if it is not well.

    `failure` is why it is out, None while it is up; `until` is the moment (of time.monotonic) of the next
    probe. `on_change` is called when it goes out and when it is back.
    """

    def __init__(self, probe: Callable[[], Awaitable[object]]) -> None:
        self.failure: ServingError | None = None
        self.until = 0.0
        self._failed = 0.0  # when it did last
        self._held = False  # out until it is told to be well
        self.on_change: Callable[[Health], None] | None = None
        self._probe = probe
        self._probing: asyncio.Task[None] | None = None

    @property
    def seconds_left(self) -> int:
        """Until the next probe, in whole seconds."""
        return max(0, math.ceil(self.until - time.monotonic()))

    def succeed(self, asked: float) -> None:
        """The server has answered what was asked at a moment (of time.monotonic): it is well, unless it has
        failed since, or is held out."""
        if self.failure is not None and not self._held and asked > self._failed:
            self.failure = None
            self._tell()

    def hold_out(self, failure: ServingError) -> None:
        """It is out until it is let in, whatever answers."""
        self._held = True
        self._go_out(failure)

    def let_in(self) -> None:
        """It is well."""
        self._held = False
        self.succeed(time.monotonic())

    def _go_out(self, failure: ServingError) -> None:
        was_up, self.failure, self._failed = self.failure is None, failure, time.monotonic()
        if was_up:
            self._tell()

    def fail(self, failure: ServingError) -> None:
        """A request failed: if that says something of the server, it is out, and probed until it is well."""
        if failure.kind not in INTERVALS:
            return
        if failure.retry_after is not None:
            self.until = max(self.until, time.monotonic() + failure.retry_after)
        if self._held:
            return
        if self._probing is None or self._probing.done():
            self._probing = asyncio.get_running_loop().create_task(self._recover())
        self._go_out(failure)

    async def close(self) -> None:
        """Probe no more."""
        if self._probing is not None:
            self._probing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._probing

    def _tell(self) -> None:
        if self.on_change is not None:
            self.on_change(self)

    async def _recover(self) -> None:
        """Probe until the server is well."""
        tries = 0
        while self.failure is not None:
            first, most = INTERVALS[self.failure.kind]
            pause = min(most, (first or (1.0 if tries else 0.0)) * 2**tries)
            pause *= 1 + JITTER * (2 * random.random() - 1)  # noqa: S311 (nothing secret)
            self.until = max(self.until, time.monotonic() + pause)
            await asyncio.sleep(self.until - time.monotonic())
            tries += 1
            asked = time.monotonic()
            try:
                await self._probe()
            except ServingError as error:
                if error.kind in INTERVALS:
                    self.failure = error
                    if error.retry_after is not None:
                        self.until = time.monotonic() + error.retry_after
                    continue
            if self._held:
                return
            self.succeed(asked)
