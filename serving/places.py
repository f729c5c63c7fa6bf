"""The places of one server: so many streams at once, and a fair line in front of them.

A server that is asked for more than it can do answers everybody late, or refuses; here the wait is ours, in
the order of coming, and whoever waits can be told how many are before them.
"""

from __future__ import annotations

import asyncio

from agon.serving.protocol import ServingError


class Places:
    """`at_once` streams run together; `waiting` more may stand in line, in the order in which they came."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self.at_once, self.waiting = at_once, waiting
        self._line: list[asyncio.Event] = []  # those that run first, then those that wait

    def join(self) -> Ticket:
        """Stand in line; the ticket must be given back.

        Raises:
            ServingError: the line is full.
        """
        if len(self._line) >= self.at_once + self.waiting:
            raise ServingError("overloaded", f"{self.waiting} answers wait for this server already")
        called = asyncio.Event()
        self._line.append(called)
        self._call()
        return Ticket(self, called)

    def leave(self, called: asyncio.Event) -> None:
        """Give a place back; whoever is next is called."""
        self._line.remove(called)
        self._call()

    def ahead(self, called: asyncio.Event) -> int:
        """How many must leave before this one is called."""
        return max(0, self._line.index(called) - self.at_once + 1)

    def _call(self) -> None:
        for called in self._line[: self.at_once]:
            called.set()


class Ticket:
    """A place, or the wait for one."""

    def __init__(self, places: Places, called: asyncio.Event) -> None:
        self._places, self._called = places, called

    @property
    def ahead(self) -> int:
        """How many must leave before it is this one's turn; 0 when it is."""
        return 0 if self._called.is_set() else self._places.ahead(self._called)

    async def wait(self, seconds: float) -> None:
        """Wait for the turn, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._called.wait()
        except TimeoutError:
            pass

    def leave(self) -> None:
        """Give the place back."""
        self._places.leave(self._called)
