"""`PairCounts`: how often each model beat, tied with and shared a "both bad" with each other one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agon.ranking.errors import OptionError, VotesError
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.text import Readable
from agon.ranking.votes.ballots import WIDE, Ballots
from agon.ranking.votes.validation import check_names, numbers

BothBad = Literal["half", "drop"]
_BLOCK = 1 << 16  # pairs counted at a time, so that they stay in the cache


@dataclass(frozen=True, eq=False, repr=False)
class PairCounts(Readable):
    """Sufficient statistic of most ratings: weighted outcomes of every pair of M models.

    Attributes:
        models: M names.
        wins: (M, M) weight of the votes that put row above column.
        ties: (M, M) symmetric, weight of the ties that are not "both bad".
        both_bad: (M, M) symmetric, weight of the equal places with both answers unacceptable.
        votes: (M,) ballots in which each model was shown, unweighted.
    """

    models: tuple[str, ...]
    wins: FloatArray
    ties: FloatArray
    both_bad: FloatArray
    votes: IntArray

    def conclusion(self) -> str:
        """Say it in one sentence."""
        met = int(((self.wins + self.wins.T + self.ties + self.both_bad) > 0).sum()) // 2
        return f"{met:,} pairs of {len(self.models)} models that met"

    @classmethod
    def of(
        cls,
        models: Sequence[str],
        wins: ArrayLike,
        ties: ArrayLike | None = None,
        both_bad: ArrayLike | None = None,
        votes: ArrayLike | None = None,
    ) -> PairCounts:
        """Check and keep counts that were made elsewhere; (M, M) arrays, the last two symmetric.

        Raises:
            VotesError: wrong shape, a negative or NaN count, an asymmetric tie, a model against itself,
                a name twice.
        """
        check_names(models)
        m = len(models)
        zero = np.zeros((m, m))
        given = {"wins": wins, "ties": ties, "both_bad": both_bad}
        tables = [zero.copy() if table is None else numbers(name, table) for name, table in given.items()]
        for name, table in zip(given, tables, strict=True):
            if table.shape != (m, m):
                raise VotesError(f"{name} has shape {table.shape}, but {m} models need ({m}, {m}).")
            bad = np.argwhere(~(table >= 0) | ~np.isfinite(table))
            if len(bad):
                i, j = bad[0]
                raise VotesError(
                    f"{name}[{i}, {j}] is {table[i, j]}: correct it to a finite count of 0 or more."
                )
            if np.any(np.diag(table)):
                i = int(np.flatnonzero(np.diag(table))[0])
                raise VotesError(f"{name}[{i}, {i}] counts {models[i]!r} against itself; set it to 0.")
        for name, table in zip(("ties", "both_bad"), tables[1:], strict=True):
            if not np.array_equal(table, table.T):
                raise VotesError(f"{name} must be symmetric: each one stands at [i, j] and at [j, i].")
        met = tables[0] + tables[0].T + tables[1] + tables[2]
        shown = met.sum(axis=1).round() if votes is None else numbers("votes", votes)
        if shown.shape != (m,):
            raise VotesError(f"votes has shape {shown.shape}; give one number for each of the {m} models.")
        return cls(tuple(models), tables[0], tables[1], tables[2], shown.astype(np.int64))

    @classmethod
    def from_ballots(cls, ballots: Ballots) -> PairCounts:
        """Count the pairs of the ballots, each with the weight of its votes."""
        if ballots.shown.shape[1] > WIDE:
            return cls._from_wide(ballots)
        rows, m = ballots.pair_rows, len(ballots.models)
        weight = (ballots.weight * ballots.count)[rows.ballot]
        up = rows.first * m + rows.second
        down = rows.second * m + rows.first

        def count(cell: IntArray, share: FloatArray) -> FloatArray:
            return np.bincount(cell, share * weight, m * m).reshape(m, m).astype(np.float64, copy=False)

        ties, both_bad = count(up, rows.tie), count(up, rows.both_bad)
        wins = count(up, rows.win) + count(down, rows.loss)
        return cls(ballots.models, wins, ties + ties.T, both_bad + both_bad.T, ballots.votes)

    @classmethod
    def _from_wide(cls, ballots: Ballots) -> PairCounts:
        """Count long ballots table-wise: listing their pairs would take K² rows for each."""
        n, m = len(ballots.count), len(ballots.models)
        row, column = np.nonzero(ballots.shown >= 0)
        seat, place = ballots.shown[row, column], ballots.places[row, column]
        order = np.full((n, m), np.nan, dtype=np.float32)
        order[row, seat] = np.where(place > 0, -place, -np.inf)
        level = np.where(np.isinf(order), np.float32(np.nan), order)  # the unranked are not tied
        bad = np.full((n, m), np.nan, dtype=np.float32)
        unfit = ballots.acceptable[row, column] == 0
        bad[row[unfit], seat[unfit]] = level[row[unfit], seat[unfit]]
        weight = ballots.weight * ballots.count
        wins = weighted_pairs(order, weight, np.greater)
        in_order = np.sort(level, axis=1)
        tied = (in_order[:, 1:] == in_order[:, :-1]).any(axis=1)
        ties = weighted_pairs(level, np.where(tied, weight, 0.0), np.equal)
        both_bad = weighted_pairs(bad, weight, np.equal) if unfit.any() else np.zeros((m, m))
        for table in (ties, both_bad):
            np.fill_diagonal(table, 0.0)
        soft = np.flatnonzero(~np.isnan(ballots.p_a))
        one, two = ballots.shown[soft, 0], ballots.shown[soft, 1]
        np.add.at(wins, (one, two), weight[soft] * ballots.p_a[soft])
        np.add.at(wins, (two, one), weight[soft] * (1.0 - ballots.p_a[soft]))
        return cls(ballots.models, wins, ties - both_bad, both_bad, ballots.votes)

    def halves(self, both_bad: BothBad) -> FloatArray:
        """(M, M) wins with half a win each way for a tie and, if so asked, for a "both bad".

        Raises:
            OptionError: `both_bad` is neither "half" nor "drop".
        """
        if both_bad == "half":
            return self.wins + 0.5 * (self.ties + self.both_bad)
        if both_bad == "drop":
            return self.wins + 0.5 * self.ties
        raise OptionError(f'both_bad must be "half" or "drop", not {both_bad!r}.')

    def resample(self, rng: np.random.Generator) -> PairCounts:
        """Draw as many votes with replacement, multinomially over cells: unweighted pairwise votes only.

        Raises:
            VotesError: the counts are not whole numbers, so single votes cannot be told apart.
        """
        cells = np.concatenate(
            [self.wins.ravel(), np.triu(self.ties).ravel(), np.triu(self.both_bad).ravel()],
        )
        if np.any(cells != np.round(cells)):
            raise VotesError("Weighted or soft counts cannot be resampled as votes; resample the ballots.")
        total = int(cells.sum())
        drawn = rng.multinomial(total, cells / total).astype(np.float64).reshape(3, *self.wins.shape)
        return PairCounts.of(self.models, drawn[0], drawn[1] + drawn[1].T, drawn[2] + drawn[2].T)

    def to_ballots(self) -> Ballots:
        """Write the counts as pairwise ballots of weight 1.

        Raises:
            VotesError: the counts are not whole numbers.
        """
        m = len(self.models)
        upper = np.triu(np.ones((m, m), dtype=bool), 1)
        tables = [(self.wins, (1, 2), -1), (self.ties * upper, (1, 1), 1), (self.both_bad * upper, (1, 1), 0)]
        shown, places, acceptable, counts = [], [], [], []
        for table, place, fine in tables:
            cells = np.argwhere(table > 0)
            number = table[cells[:, 0], cells[:, 1]]
            if np.any(number != np.round(number)):
                raise VotesError("Counts of single votes are whole numbers; give weighted votes as ballots.")
            shown.append(cells)
            places.append(np.tile(place, (len(cells), 1)))
            acceptable.append(np.full((len(cells), 2), fine))
            counts.append(number.astype(np.int64))
        stacked = [np.concatenate(part) for part in (shown, places, acceptable)]
        return Ballots.of(
            self.models, stacked[0], stacked[1], acceptable=stacked[2], count=np.concatenate(counts)
        )


def count_positions(
    ballots: Ballots, ballot: IntArray, turned: NDArray[np.bool_], count: IntArray
) -> FloatArray:
    """(3, M, M) weight of votes for the left (row), the right (column) and ties.

    Args:
        ballots: pairwise.
        ballot, turned, count: (R,) so many votes of a ballot, with its second model on the left if turned.
    """
    rows, m = ballots.pair_rows, len(ballots.models)
    at = np.searchsorted(rows.ballot, ballot)
    ordered = at < len(rows.ballot)  # two models without a place order nothing
    ordered &= rows.ballot[np.minimum(at, len(rows.ballot) - 1)] == ballot
    at, turned = at[ordered], turned[ordered]
    weight = count[ordered] * ballots.weight[rows.ballot[at]]
    first, second = rows.first[at], rows.second[at]
    cell = np.where(turned, second * m + first, first * m + second)
    tie = rows.tie[at] + rows.both_bad[at]
    left = np.where(turned, rows.loss[at], rows.win[at])
    tables = [np.bincount(cell, weight * share, m * m) for share in (left, 1 - left - tie, tie)]
    return np.asarray(np.stack(tables).reshape(3, m, m))


def weighted_pairs(levels: NDArray[np.float32], weight: FloatArray, compare: np.ufunc) -> FloatArray:
    """(M, M) summed weight of the rows in which `compare` holds between a model and another.

    Args:
        levels: (N, M) one row for each ballot or task, higher is better, NaN compares with nothing.
        weight: (N,) weight of each row; rows of equal weight are counted in bytes and weighted once.
        compare: numpy.greater or numpy.equal.
    """
    n_models = levels.shape[1]
    total = np.zeros((n_models, n_models))
    step = max(1, _BLOCK // max(1, n_models))
    for top in range(0, n_models, step):
        block, side = total[top : top + step], levels[:, top : top + step, None]
        holds, weighted = np.empty(block.shape, dtype=bool), np.empty(block.shape)
        for value in np.unique(weight[weight > 0]):
            rows = np.flatnonzero(weight == value)
            for begin in range(0, len(rows), 255):
                number = np.zeros(block.shape, dtype=np.uint8)
                for row in rows[begin : begin + 255]:
                    compare(side[row], levels[row], out=holds)
                    number += holds.view(np.uint8)
                np.multiply(number, value, out=weighted)
                block += weighted
    return total
