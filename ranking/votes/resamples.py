"""Many resamples of the same votes at once: how often each drew every distinct ballot, and their pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.votes.ballots import WIDE, Ballots
from agon.ranking.votes.pair_counts import PairCounts

CELLS = 1 << 23  # numbers of one kind held at once


@dataclass(frozen=True, eq=False)
class ResampledBallots:
    """R resamples of votes, each the same distinct ballots cast other numbers of times.

    Attributes:
        ballots: the B distinct ballots; their own counts do not matter.
        count: (R, B) how often each resample holds each of them.
    """

    ballots: Ballots
    count: IntArray

    @property
    def models(self) -> tuple[str, ...]:
        """The names."""
        return self.ballots.models

    def __iter__(self) -> Iterator[Ballots]:
        for count in self.count:
            yield self.ballots.with_count(count)

    @cached_property
    def pairs(self) -> ResampledPairCounts:
        """Wins, ties and both-bads of every pair in each resample, by matrix products."""
        ballots = self.ballots
        tables = _wide_tables(self) if ballots.shown.shape[1] > WIDE else _tables(self)
        row, column = np.nonzero(ballots.shown >= 0)
        votes = sum_cells(ballots.shown[row, column], row, np.ones(len(row)), self.count, len(ballots.models))
        return ResampledPairCounts(ballots.models, *tables, votes.astype(np.int64))


@dataclass(frozen=True, eq=False)
class ResampledPairCounts:
    """`PairCounts` of R resamples: (R, M, M) wins, ties and both-bads, (R, M) votes."""

    models: tuple[str, ...]
    wins: FloatArray
    ties: FloatArray
    both_bad: FloatArray
    votes: IntArray

    def __iter__(self) -> Iterator[PairCounts]:
        for tables in zip(self.wins, self.ties, self.both_bad, self.votes, strict=True):
            yield PairCounts(self.models, *tables)


def _wide_tables(drawn: ResampledBallots) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Count each resample, or, if that is less work, each ballot by itself and then sums of these."""
    (r, b), m = drawn.count.shape, len(drawn.models)
    single = b < r and b * m * m <= CELLS
    counts = np.eye(b, dtype=np.int64) if single else drawn.count
    parts = [PairCounts.from_ballots(drawn.ballots.with_count(count)) for count in counts]
    tables = (np.stack([getattr(part, name) for part in parts]) for name in ("wins", "ties", "both_bad"))
    wins, ties, both_bad = (np.tensordot(drawn.count, t, 1) if single else t for t in tables)
    return wins, ties, both_bad


def _tables(drawn: ResampledBallots) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(R, M, M) wins, ties and both-bads of short ballots."""
    ballots, m = drawn.ballots, len(drawn.models)
    rows, weight = ballots.pair_rows, ballots.weight * drawn.count
    up, down = rows.first * m + rows.second, rows.second * m + rows.first
    both, twice = np.concatenate([up, down]), np.tile(rows.ballot, 2)

    def count(one: FloatArray, two: FloatArray) -> FloatArray:
        return sum_cells(both, twice, np.concatenate([one, two]), weight, m * m).reshape(-1, m, m)

    return count(rows.win, rows.loss), count(rows.tie, rows.tie), count(rows.both_bad, rows.both_bad)


def sum_cells(cell: IntArray, row: IntArray, share: FloatArray, weight: ArrayLike, size: int) -> FloatArray:
    """(R, size) what entries add up to in their cells, each a share of the (R, B) weight of its row."""
    there = share != 0
    cell, row, share = cell[there], row[there], share[there]
    sums = [np.bincount(cell, one[row] * share, size) for one in np.asarray(weight)]
    return np.stack(sums).astype(np.float64, copy=False)  # of no entries they are integers
