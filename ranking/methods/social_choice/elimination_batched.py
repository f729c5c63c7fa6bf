"""Rounds of elimination for many resamples at once, where pair counts say all: two models on a ballot.

When a model drops out of a ballot of two, the other is alone on it, so the scores of a round follow from
those of the round before by one row of pair counts. The rules one set of ballots at a time are in
elimination.py, where these are their `batch`; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from agon.ranking.methods.social_choice.elimination_tallies import (
    first_shares,
    last_shares,
)
from agon.ranking.methods.social_choice.rank_positions import ABSENT, LAST, ResampledPositions, Ties
from agon.ranking.numerics import BoolArray, FloatArray, IntArray, steady

Low = Callable[[FloatArray, BoolArray], BoolArray]


class Races(Protocol):
    """Scores of R races of M models side by side."""

    def score(self, left: BoolArray) -> FloatArray:
        """(R, M) scores; anything for models that are out."""

    def drop(self, race: IntArray, model: IntArray) -> None:
        """Take one model out of each of some races."""


def eliminate_batch(races: Races, n_models: int, total: FloatArray, low: Low | None = None) -> FloatArray:
    """Eliminate the lowest scores until all that are left are equal; (R, M) minus the tier of each model.

    Args:
        races: the ballots.
        n_models: M.
        total: (R, 1) weight to which scores are rounded.
        low: who goes, of (R, M) scores and the models left; if nobody does, the race ends.
    """
    left = np.ones((len(total), n_models), dtype=bool)
    went = np.zeros(left.shape)
    number = 0
    while left.any():
        score = np.where(left, steady(races.score(left), total), np.inf)
        gone = left & (low or _lowest)(score, left)
        gone |= left & ~gone.any(axis=1, keepdims=True)
        went[gone] = number
        number += 1
        left &= ~gone
        while (race := np.flatnonzero(gone.any(axis=1))).size:
            model = gone[race].argmax(axis=1)
            races.drop(race, model)
            gone[race, model] = False
    return np.asarray(went - went.max(axis=1, keepdims=True))


def _lowest(score: FloatArray, left: BoolArray) -> BoolArray:
    """The models of the lowest score."""
    del left
    return np.asarray(score == score.min(axis=1, keepdims=True))


class BordaRaces:
    """Borda scores among the models left: sums of pair credits."""

    def __init__(self, credit: FloatArray) -> None:
        self.points: FloatArray = credit.sum(axis=2)
        self.against = np.ascontiguousarray(np.swapaxes(credit, 1, 2))

    def score(self, left: BoolArray) -> FloatArray:
        """(R, M) Borda scores."""
        del left
        return self.points

    def drop(self, race: IntArray, model: IntArray) -> None:
        """Take away what the others have against a model."""
        self.points[race] -= self.against[race, model]


class FirstRaces:
    """First places; a ballot whose better model is out counts for the other one if that was ranked."""

    def __init__(self, cast: ResampledPositions, ties: Ties) -> None:
        ranked = np.where(cast.level == LAST, ABSENT, cast.level)
        share = first_shares(ranked, ties)
        self.points = cast.sums(share)
        alone = (ranked != ABSENT).astype(np.float64)
        self.gain = _by_other(cast, alone - share)

    def score(self, left: BoolArray) -> FloatArray:
        """(R, M) first places."""
        del left
        return self.points

    def drop(self, race: IntArray, model: IntArray) -> None:
        """Give the ballots of a model to the others on them."""
        self.points[race] += self.gain[race, model]


class LastRaces:
    """Minus the last places, where those that a ballot does not show are its last."""

    def __init__(self, cast: ResampledPositions, ties: Ties) -> None:
        self.ties, self.total = ties, cast.total
        there = cast.level != ABSENT
        full = there.all(axis=1)
        last = cast.level == np.where(there, cast.level, -1).max(axis=1, keepdims=True)
        share = last_shares(last.sum(axis=1), 2, ties)[:, None] * last
        self.of_two = _by_other(cast, share)  # last places of a ballot's two models when no other is left
        self.both = _by_other(cast, np.ones(share.shape))
        self.beside_one = cast.sums(np.repeat(full[:, None], 2, axis=1).astype(np.float64))
        self.alone = cast.sums(np.repeat(~full[:, None], 2, axis=1).astype(np.float64))

    def score(self, left: BoolArray) -> FloatArray:
        """(R, M) minus the last places."""
        everyone = left.sum(axis=1, keepdims=True)
        two, one = (np.where(left, shown, 0.0) for shown in (self.beside_one, self.alone))
        weight = [two.sum(axis=1, keepdims=True) / 2, one.sum(axis=1, keepdims=True)]
        nobody = self.total - weight[0] - weight[1]
        points = self._absent(everyone, 0) * nobody
        points = points + self._absent(everyone, 1) * (weight[1] - one)
        points = points + self._absent(everyone, 2) * (weight[0] - two)
        final = np.flatnonzero(everyone[:, 0] == 2)
        if len(final):
            a, b = np.nonzero(left[final])[1].reshape(-1, 2).T
            points[final, a] += self.of_two[final, b, a]
            points[final, b] += self.of_two[final, a, b]
        return np.asarray(-points)

    def _absent(self, everyone: IntArray, shown: int) -> FloatArray:
        """(R, 1) last places that a ballot of `shown` models gives to each of the others."""
        number = everyone[:, 0] - shown
        return np.where(number > 0, last_shares(number, everyone[:, 0], self.ties), 0.0)[:, None]

    def drop(self, race: IntArray, model: IntArray) -> None:
        """Leave the other models alone on a model's ballots."""
        self.beside_one[race] -= self.both[race, model]
        self.alone[race] += self.both[race, model]


def _by_other(cast: ResampledPositions, share: FloatArray) -> FloatArray:
    """(R, M, M) weighted sums of (B, 2) shares: of the last index's model on ballots with the one before."""
    m = len(cast.models)
    row = np.flatnonzero((cast.level != ABSENT).all(axis=1))
    one, two = cast.seats[row].T
    cells = np.concatenate([two * m + one, one * m + two])
    shares = np.concatenate([share[row, 0], share[row, 1]])
    return cast.tally(cells, np.tile(row, 2), shares, m * m).reshape(-1, m, m)
