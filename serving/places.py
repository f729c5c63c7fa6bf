"""The places of servers: so many streams at once, and a fair line in front of them.

A server that is asked for more than it can do answers everybody late, or refuses; here the wait is ours, in
the order of coming, and whoever waits can be told how many are before them. Answers that belong together get
their places together, so that none of them is written while another waits.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import count

_ARRIVALS = count()


class Places:
    """Of one server: `at_once` streams run together, and about `waiting` more may stand in line."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self.at_once, self.waiting = at_once, waiting
        self.taken = 0
        self.line: list[_Group] = []  # in the order of coming

    @property
    def full(self) -> bool:
        """Whether nobody more should stand in line."""
        return self.taken + sum(group.needs[self] for group in self.line) >= self.at_once + self.waiting


class _Group:
    """Answers that wait together: how many places they need where."""

    def __init__(self, needs: Counter[Places]) -> None:
        self.arrival, self.needs = next(_ARRIVALS), needs
        self.called = asyncio.Event()
        for places in needs:
            places.line.append(self)


class Ticket:
    """The place of one answer, or the wait for it; it must be given back. Without places nothing is waited
    for but those that it came with."""

    def __init__(self, group: _Group, places: Places | None) -> None:
        self._group, self._places = group, places

    @property
    def ahead(self) -> int:
        """Its number in line, from 1; 0 when it is its turn."""
        if self._group.called.is_set():
            return 0
        before = {other for places in self._group.needs for other in places.line}
        return 1 + sum(other.arrival < self._group.arrival for other in before)

    async def wait(self, seconds: float) -> None:
        """Wait for the turn, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._group.called.wait()
        except TimeoutError:
            pass

    def __enter__(self) -> Ticket:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Give the place back, or wait no longer; whoever is next is called. Once is enough."""
        places, self._places = self._places, None
        if places is None:
            return
        if self._group.called.is_set():
            places.taken -= 1
        else:
            self._group.needs[places] -= 1
            if not self._group.needs[places]:
                del self._group.needs[places]
                places.line.remove(self._group)
        _call({places, *self._group.needs})


def join(wanted: Sequence[Places | None]) -> list[Ticket]:
    """Stand in line for answers that belong together; a ticket for each.

    What needs more places of a server than there are, even of an empty one, waits for itself behind the rest.
    """
    needs: Counter[Places] = Counter()
    late = []
    for number, places in enumerate(wanted):
        if places is not None and needs[places] < places.at_once:
            needs[places] += 1
        elif places is not None:
            late.append(number)
    group = _Group(+needs)
    behind = {number: _Group(Counter([wanted[number]])) for number in late}  # type: ignore[list-item]
    _call({places for places in wanted if places is not None})
    if not group.needs:
        group.called.set()
    return [Ticket(behind.get(number, group), places) for number, places in enumerate(wanted)]


def _call(changed: Iterable[Places]) -> None:
    """Let everybody begin who can, in the order of coming.

    Who is next wherever they wait, and waits for one server, is kept places of the others: so it is their
    turn at last, and no more than one of a line keeps places that stand idle.
    """
    found, around = set(changed), list(changed)
    while around:
        for group in around.pop().line:
            new = group.needs.keys() - found
            found |= new
            around += new
    free = {places: places.at_once - places.taken for places in found}
    passed: set[Places] = set()  # where somebody waits who came before
    for group in sorted({group for places in found for group in places.line}, key=lambda one: one.arrival):
        short = {places for places, need in group.needs.items() if free[places] < need}
        if short and short & passed:
            passed |= group.needs.keys()
            continue
        for places, need in group.needs.items():
            free[places] = max(0, free[places] - need)
            if not short:
                places.taken += need
                places.line.remove(group)
        if short:
            passed |= group.needs.keys()
        else:
            group.called.set()
