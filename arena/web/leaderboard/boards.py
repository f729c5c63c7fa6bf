"""Boards as readers ask for them: each computed once for the votes that it counts, a few at a time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

from agon.arena.web.api.caching import Patience
from agon.arena.web.leaderboard.query import ALL, DEFAULT_RULE, BoardQuery
from agon.arena.web.leaderboard.sources import BoardSource
from agon.ranking import Leaderboard, PairCounts, rank
from agon.ranking.analysis.rule_comparison import RuleComparison, compare_rules
from agon.ranking.errors import AgonError
from agon.ranking.text import Sentence

KEPT = 128  # boards
IN_VAIN = 0.1  # seconds that are waited for what took longer than anybody waits, where there is one of before
RESTS_FROM = 0.5  # seconds that a board takes, from which it rests
BUSY = 5.0  # seconds that boards took in the last minute, from which all rest but those of an instant
INSTANT = 0.05  # seconds of such a board
RESTS = 3.0  # times as long as all took: while votes come, they take a quarter of one core and not all of it
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


@dataclass(frozen=True, slots=True)
class _Known:
    """What was made of some votes.

    Attributes:
        version: of the votes.
        result: what was made.
        waited: seconds from when it was asked for.
        took: seconds of them in which it was computed.
        ended: when that was.
    """

    version: object
    result: Any
    waited: float
    took: float
    ended: float


Result = TypeVar("Result")
Asked = TypeVar("Asked", bound=Hashable)


class Boards:
    """The boards of a source. The default rule has a lane of its own: no slow rule keeps it waiting."""

    def __init__(self, source: BoardSource) -> None:
        self.source = source
        self._running: dict[tuple[object, Hashable], tuple[object, asyncio.Task[tuple[Any, float]]]] = {}
        self._made: OrderedDict[tuple[object, Hashable], _Known] = OrderedDict()
        self._quick, self._slow, self._long = (asyncio.Semaphore(1) for _ in range(3))

    async def get(self, query: BoardQuery, patience: Patience | None = None) -> Made | None:
        """The board asked for; when patience ends the one before, of fewer votes; None without one.

        Raises:
            BusyError: too many boards are being computed.
            AgonError: the rule cannot be used on these votes.
        """
        lane = self._quick if query.rule == DEFAULT_RULE and not query.adjust else self._slow
        return await self._get(query.plain, make_board, lane, patience)

    async def compare(self, query: BoardQuery, patience: Patience | None = None) -> Compared | None:
        """The comparison of rules on the votes asked for; with patience as for a board.

        Raises:
            BusyError: too many boards are being computed.
            AgonError: no rule can be used on these votes.
        """
        return await self._get(BoardQuery(query.where), _comparison, self._slow, patience)

    async def made(
        self,
        query: Asked,
        make: Callable[[BoardSource, Asked], Result],
        patience: Patience | None = None,
        *,
        long: bool = False,
    ) -> Result | None:
        """Whatever else is computed from the votes; with patience as for a board.

        Args:
            query: what was asked for; equal ones are computed once.
            make: computes it, in a thread.
            patience: with which it is waited for; as long as it takes, if left out.
            long: whether it takes many seconds, in which it is to keep nothing else waiting.

        Raises:
            BusyError: too many boards are being computed.
            AgonError: as `make`.
        """
        return await self._get(query, make, self._long if long else self._slow, patience)

    async def _get(
        self,
        query: Asked,
        make: Callable[[BoardSource, Asked], Result],
        lane: asyncio.Semaphore,
        patience: Patience | None,
    ) -> Result | None:
        version = await asyncio.to_thread(self.source.version)
        patience = patience or Patience()
        key = make, query
        begun = self._running.get(key)
        known = self._made.get(key)
        if begun is None:
            if known is not None and known.version == version:
                self._made.move_to_end(key)
                result: Result = known.result
                return result
            if known is not None and patience.seconds is not None and self._rests(known):
                patience.fall_short(monotonic() - known.ended)
                rested: Result = known.result
                return rested
            if len(self._running) >= MOST_WAITING:
                raise BusyError(
                    Sentence("Many boards are being computed just now; load the page again in a few seconds.")
                )
            begun = self._running[key] = version, asyncio.create_task(self._in_turn(query, make, lane))
            start = monotonic()
            begun[1].add_done_callback(lambda done: self._keep(key, version, done, monotonic() - start))
        of, task = begun
        seconds = patience.seconds
        if known is None and patience.data:
            seconds = None
        elif seconds is not None and known is not None and known.waited > seconds:
            seconds = IN_VAIN
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            if of != version:  # begun for somebody who asked before the last vote
                patience.fall_short(0.0)
            fresh: Result = task.result()[0]
            return fresh
        before = self._made.get(key)  # of fewer votes, but here
        patience.fall_short(0.0 if before is None else monotonic() - before.ended)
        return None if before is None else before.result

    def _rests(self, known: _Known) -> bool:
        """Whether what was made of earlier votes is shown still, because it or all together take long."""
        now = monotonic()
        recent = sum(one.took for one in self._made.values() if now - one.ended < 60)
        long = known.took > RESTS_FROM or (known.took > INSTANT and recent > BUSY)
        return long and now - known.ended < RESTS * max(known.took, recent)

    def _keep(
        self,
        key: tuple[object, Hashable],
        version: object,
        done: asyncio.Task[tuple[Any, float]],
        waited: float,
    ) -> None:
        """Keep what was computed; what failed may go well the next time."""
        del self._running[key]
        if not done.cancelled() and done.exception() is None:
            result, took = done.result()
            self._made[key] = _Known(version, result, waited, took, monotonic())
            self._made.move_to_end(key)
            while len(self._made) > KEPT:
                self._made.popitem(last=False)

    async def _in_turn(
        self, query: Asked, make: Callable[[BoardSource, Asked], Result], lane: asyncio.Semaphore
    ) -> tuple[Result, float]:
        async with lane:
            begun = monotonic()
            return await asyncio.to_thread(make, self.source, query), monotonic() - begun


def make_board(source: BoardSource, query: BoardQuery) -> Made:
    """Compute the board asked for; that of all votes is weighed with those of judges, where there are some.

    Raises:
        AgonError: the rule cannot be used on these votes.
    """
    votes = source.votes(query.chosen)
    if votes is None:
        return Made()
    judges = source.judges() if query.plain == ALL else None
    return Made(rank(votes, query.rule, control=query.adjust, judges=judges), votes.pairs)


def _comparison(source: BoardSource, query: BoardQuery) -> Compared:
    votes = source.votes(query.chosen)
    return Compared(None if votes is None else compare_rules(votes))
