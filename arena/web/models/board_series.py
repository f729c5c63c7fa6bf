"""Several boards of one query: of each value of a column, and of the votes up to each of some times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agon.arena.web.leaderboard.boards import Made, make_board
from agon.arena.web.leaderboard.query import BoardQuery
from agon.arena.web.leaderboard.sources import BoardSource
from agon.data.files.schema import PERIODS
from agon.ranking import Leaderboard, rank
from agon.ranking.errors import AgonError

MOST_BOARDS = 30  # of a column, the most frequent
MOMENTS = 10  # at which ranks are looked at


@dataclass(frozen=True, slots=True)
class ValueBoards:
    """The board of each value of a column under the other filters of a query; called to be made.

    Attributes:
        column: a filter of the source.
    """

    column: str

    def __call__(self, source: BoardSource, query: BoardQuery) -> Mapping[str, Made]:
        """Make them; a value whose votes the rule cannot use has an empty one."""
        chosen = {name: value for name, value in query.where if name != self.column}
        counts = source.offer(chosen).filters.get(self.column, {})
        found = {}
        order = list(counts) if self.column in PERIODS else sorted(counts, key=lambda one: -counts[one])
        for value in order[:MOST_BOARDS]:
            try:
                found[value] = make_board(source, query.within(self.column, value, [*chosen, self.column]))
            except AgonError:
                found[value] = Made()
        return found


@dataclass(frozen=True, slots=True)
class Moment:
    """The ranks of the models by the votes cast before a time.

    Attributes:
        seconds: the time, since 1970.
        votes: how many these are.
        ranks: {model: rank} of those that have one.
    """

    seconds: float
    votes: int
    ranks: Mapping[str, int]


def rank_history(source: BoardSource, query: BoardQuery) -> tuple[Moment, ...]:
    """The ranks by the votes up to each of some times, evenly spaced; the last one is of all of them.

    Empty where votes have no times, or the rule cannot use them.
    """
    span = source.span()
    if span is None or span[0] == span[1]:
        return ()
    first, last = span
    found = []
    for number in range(1, MOMENTS + 1):
        seconds = first + (last - first) * number / MOMENTS if number < MOMENTS else last + 1
        votes = source.before(query.chosen, seconds)
        if votes is None:
            continue
        try:
            board = rank(votes, query.rule, control=query.adjust, interval="none", cluster=None)
        except AgonError:
            continue
        found.append(Moment(seconds, len(votes), ranks_of(board)))
    return tuple(found)


def ranks_of(board: Leaderboard) -> dict[str, int]:
    """{model: rank} of the models that have one."""
    return {row.model: row.rank for row in board.rows if row.rank is not None}
