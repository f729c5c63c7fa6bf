"""`PairCounts`: how often each model beat, tied with and shared a "both bad" with each other one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ranking.ballots import Ballots, FloatArray, IntArray, check_names, numbers
from ranking.errors import OptionError, VotesError

BothBad = Literal["half", "drop"]


@dataclass(frozen=True, eq=False)
class PairCounts:
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
        rows, m = ballots.pair_rows, len(ballots.models)
        weight = (ballots.weight * ballots.count)[rows.ballot]
        up = rows.first * m + rows.second
        down = rows.second * m + rows.first

        def count(cell: IntArray, share: FloatArray) -> FloatArray:
            return np.bincount(cell, share * weight, m * m).reshape(m, m).astype(np.float64, copy=False)

        ties, both_bad = count(up, rows.tie), count(up, rows.both_bad)
        wins = count(up, rows.win) + count(down, rows.loss)
        return cls(ballots.models, wins, ties + ties.T, both_bad + both_bad.T, ballots.votes)

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
