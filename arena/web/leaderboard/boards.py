"""Boards as readers ask for them: each computed once for the votes that it counts, a few at a time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from agon.arena.web.leaderboard.query import DEFAULT_RULE, BoardQuery
from agon.arena.web.leaderboard.sources import BoardSource
from agon.ranking import Leaderboard, PairCounts, rank
from agon.ranking.analysis.rule_comparison import RuleComparison, compare_rules
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


@dataclass(frozen=True, slots=True)
class Compared:
    """What the rules say of the same votes; None where there are none."""

    rules: RuleComparison | None = None


Result = TypeVar("Result", Made, Compared)


class Boards:
    """The boards of a source. The default rule has a lane of its own: no slow rule keeps it waiting."""

    def __init__(self, source: BoardSource) -> None:
        self.source = source
        self._made: OrderedDict[object, asyncio.Task[Any]] = OrderedDict()
        self._quick, self._slow = asyncio.Semaphore(1), asyncio.Semaphore(1)

    async def get(self, query: BoardQuery, patience: float | None = None) -> Made | None:
        """The board asked for; None if it is not there after so many seconds.

        Raises:
            BusyError: too many boards are being computed.
            AgonError: the rule cannot be used on these votes.
        """
        lane = self._quick if query.rule == DEFAULT_RULE and not query.adjust else self._slow
        return await self._get(replace(query, everyone=False), make_board, lane, patience)

    async def compare(self, query: BoardQuery, patience: float | None = None) -> Compared | None:
        """The comparison of rules on the votes asked for; None if it is not there after so many seconds.

        Raises:
            BusyError: too many boards are being computed.
            AgonError: no rule can be used on these votes.
        """
        return await self._get(BoardQuery(query.where), _comparison, self._slow, patience)

    async def _get(
        self,
        query: BoardQuery,
        make: Callable[[BoardSource, BoardQuery], Result],
        lane: asyncio.Semaphore,
        patience: float | None,
    ) -> Result | None:
        version = await asyncio.to_thread(self.source.version)
        key = version, make, query
        task: asyncio.Task[Result] | None = self._made.get(key)
        if task is None:
            if sum(not other.done() for other in self._made.values()) >= MOST_WAITING:
                raise BusyError(
                    "Many boards are being computed just now; load the page again in a few seconds."
                )
            task = self._made[key] = asyncio.create_task(self._in_turn(query, make, lane))
            while len(self._made) > KEPT and next(iter(self._made.values())).done():
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        await asyncio.wait({task}, timeout=patience)
        if not task.done():
            return None
        if task.exception() is not None:
            self._made.pop(key, None)  # what failed may go well the next time
        return task.result()

    async def _in_turn(
        self, query: BoardQuery, make: Callable[[BoardSource, BoardQuery], Result], lane: asyncio.Semaphore
    ) -> Result:
        async with lane:
            return await asyncio.to_thread(make, self.source, query)


def make_board(source: BoardSource, query: BoardQuery) -> Made:
    """Compute the board asked for.

    Raises:
        AgonError: the rule cannot be used on these votes.
    """
    votes = source.votes(query.chosen)
    if votes is None:
        return Made()
    return Made(rank(votes, query.rule, control=query.adjust), votes.pairs)


def _comparison(source: BoardSource, query: BoardQuery) -> Compared:
    votes = source.votes(query.chosen)
    return Compared(None if votes is None else compare_rules(votes))
