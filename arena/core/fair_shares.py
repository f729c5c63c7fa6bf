"""What one client may take of a thing that all share, so that nobody takes all of it.

A client is whoever the limits count as one: a session, or a network.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

ONE_SHARE = 4  # of a thing that all share, one client takes at most the fourth part


class FairShare:
    """Places that are taken and given back: so many in all, and for one client."""

    def __init__(self, most: int, most_of_one: int | None = None) -> None:
        self.most, self.most_of_one = most, most_of_one or max(most // ONE_SHARE, 1)
        self.held: Counter[str] = Counter()

    def take(self, client: str) -> bool:
        """Take a place, if there is one for this client."""
        if self.held[client] >= self.most_of_one or self.held.total() >= self.most:
            return False
        self.held[client] += 1
        return True

    def leave(self, client: str) -> None:
        """Give a place back."""
        self.held[client] -= 1
        if self.held[client] <= 0:
            del self.held[client]


class HourlyRate:
    """So many of a thing in an hour for one client, who may have saved all of them up: a token bucket.

    Args:
        clients: how many clients are remembered; of more, those are forgotten who asked longest ago.
        clock: seconds that never go back.
    """

    def __init__(self, clients: int = 100_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._clients, self._clock = clients, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # how many are left, and when

    def seconds_until(self, client: str, an_hour: int) -> float:
        """Take one of so many an hour, and return 0.0; or nothing, and how long to wait for the next."""
        now = self._clock()
        left, before = self._left.pop(client, (float(an_hour), now))
        left = min(an_hour, left + (now - before) * an_hour / 3600)
        short = max(1.0 - left, 0.0)
        self._left[client] = (left if short else left - 1.0), now
        if len(self._left) > self._clients:
            self._left.popitem(last=False)
        return short * 3600 / an_hour

    def spend(self, client: str, an_hour: int, times: int) -> None:
        """Take what a client was given elsewhere: as many of so many an hour as there are left."""
        now = self._clock()
        left, before = self._left.pop(client, (float(an_hour), now))
        self._left[client] = max(min(an_hour, left + (now - before) * an_hour / 3600) - times, 0.0), now
        if len(self._left) > self._clients:
            self._left.popitem(last=False)

    def put_back(self, client: str) -> None:
        """Give one back that was taken for nothing."""
        if client in self._left:
            left, before = self._left[client]
            self._left[client] = left + 1.0, before


class LineFullError(Exception):
    """So many of one client's requests stand in line that this one is refused."""


class Lines:
    """Requests of which a client has so many at work, and so many more in line behind them."""

    def __init__(self, at_work: int, waiting: int) -> None:
        self._at_work, self._waiting = at_work, waiting
        self._lines: dict[str, tuple[asyncio.Semaphore, list[None]]] = {}

    @asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[Callable[[], None]]:
        """Wait for one's turn; what is given ends it early.

        Raises:
            LineFullError: too many wait already.
        """
        turns, present = self._lines.setdefault(client, (asyncio.Semaphore(self._at_work), []))
        if len(present) >= self._at_work + self._waiting:
            raise LineFullError
        present.append(None)
        ended = True

        def end() -> None:
            nonlocal ended
            if not ended:
                ended = True
                turns.release()

        try:
            await turns.acquire()
            ended = False
            yield end
        finally:
            end()
            present.pop()
            if not present:
                self._lines.pop(client, None)
