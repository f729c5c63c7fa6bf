"""Boards as readers ask for them: each computed once for the votes that it counts, a few at a time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace

from agon.arena.web.leaderboard.query import DEFAULT_RULE, BoardQuery
from agon.arena.web.leaderboard.sources import BoardSource
from agon.ranking import Leaderboard, PairCounts, rank
from agon.ranking.errors import AgonError

KEPT = 128  # boards
MOST_WAITING = 32  # boards asked for and not there yet


class BusyError(AgonError):
    """More boards are asked for than can be computed; the page answers 503 with the sentence."""


@dataclass(frozen=True, slots=True)
class Made:
    """A board with the pairs behind it; both None where there are no votes."""

    board: Leaderboard | None = None
    pairs: PairCounts | None = None


class Boards:
    """The boards of a source. The default rule has a lane of its own: no slow rule keeps it waiting."""

    def __init__(self, source: BoardSource) -> None:
        self.source = source
        self._made: OrderedDict[object, asyncio.Task[Made]] = OrderedDict()
        self._lanes = {True: asyncio.Semaphore(1), False: asyncio.Semaphore(1)}

    async def get(self, query: BoardQuery, patience: float | None = None) -> Made | None:
        """The board asked for; None if it is not there after so many seconds.

        Raises:
            BusyError: too many boards are being computed.
            InputError: the rule cannot be used on these votes.
        """
        version = await asyncio.to_thread(self.source.version)
        key = version, replace(query, everyone=False)
        task = self._made.get(key)
        if task is None:
            if sum(not other.done() for other in self._made.values()) >= MOST_WAITING:
                raise BusyError(
                    "Many boards are being computed just now; load the page again in a few seconds."
                )
            task = self._made[key] = asyncio.create_task(self._make(query))
            while len(self._made) > KEPT and next(iter(self._made.values())).done():
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        await asyncio.wait({task}, timeout=patience)
        if not task.done():
            return None
        if task.exception() is not None:
            self._made.pop(key, None)  # what failed may go well the next time
        return task.result()

    async def _make(self, query: BoardQuery) -> Made:
        async with self._lanes[query.rule == DEFAULT_RULE and not query.adjust]:
            return await asyncio.to_thread(_make, self.source, query)


def _make(source: BoardSource, query: BoardQuery) -> Made:
    votes = source.votes(query.chosen)
    if votes is None:
        return Made()
    return Made(rank(votes, query.rule, control=query.adjust), votes.pairs)
