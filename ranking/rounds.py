"""The rounds of eliminating rules: ballots while models drop out, with scores kept up to date.

Only the ballots that lose a model are looked at again, so a round on a million short ballots costs what
the eliminated models' own ballots cost. Which rule eliminates whom is in elimination.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ranking.ballots import WIDE, FloatArray, IntArray
from ranking.ordinal import ABSENT, LAST, Ordinal, Ties, steady

Mask = NDArray[np.bool_]
Tiers = tuple[tuple[int, ...], ...]


class Race(Protocol):
    """Scores of the models left, and what happens when some drop out."""

    @property
    def left(self) -> Mask:
        """(M,) models still in the race."""

    def score(self) -> FloatArray:
        """(M,) scores; anything for models that are out."""

    def drop(self, gone: IntArray) -> None:
        """Take models out."""


def run(race: Race, total: FloatArray, stop: Callable[[], Mask] | None = None) -> Tiers:
    """Eliminate the lowest scores until all that are left are equal; tiers from the last round back.

    Args:
        race: the ballots.
        total: (1,) weight of all ballots.
        stop: (M,) models that win at once.
    """
    out: list[tuple[int, ...]] = []
    while race.left.any():
        won = race.left & stop() if stop is not None else np.zeros_like(race.left)
        if won.any():
            out += [indices(race.left & ~won), indices(won)]
            break
        now = np.where(race.left, steady(race.score(), total), np.inf)
        gone = np.flatnonzero(race.left & (now == now.min()))
        out.append(tuple(gone.tolist()))
        race.drop(gone)
    return tuple(tier for tier in reversed(out) if tier)


class _Seats:
    """Ballots with the seats of the models left; the others become empty."""

    def __init__(self, cast: Ordinal, level: IntArray) -> None:
        self.cast, self.level = cast, level.copy()
        self.left = np.ones(len(cast.models), dtype=bool)
        row, column = np.nonzero(level != ABSENT)
        order = np.argsort(cast.seats[row, column], kind="stable")
        self._row = row[order]
        self._begin = np.searchsorted(cast.seats[row, column][order], np.arange(len(cast.models) + 1))

    def on(self, models: IntArray) -> IntArray:
        """The ballots that show any of these models."""
        parts = [self._row[self._begin[model] : self._begin[model + 1]] for model in models.tolist()]
        return parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts))

    def empty(self, gone: IntArray, rows: IntArray) -> None:
        """Empty the seats of models on the ballots that show them."""
        self.left[gone] = False
        level = self.level[rows]
        level[~self.left[self.cast.seats[rows]]] = ABSENT
        self.level[rows] = level

    def sums(self, rows: IntArray, points: FloatArray) -> FloatArray:
        """(M,) weighted sums of the points of some ballots."""
        given = points * self.cast.weight[rows, None]
        there = self.level[rows] != ABSENT
        seats = self.cast.seats[rows][there]
        return np.bincount(seats, given[there], len(self.left)).astype(np.float64, copy=False)


class FirstPlaces:
    """First places among the models left; a ballot that ranks none of them counts for nobody."""

    def __init__(self, cast: Ordinal, ties: Ties) -> None:
        self.ties = ties
        self.seats = _Seats(cast, np.where(cast.level == LAST, ABSENT, cast.level))
        self.total = self._part(np.arange(len(cast.size)))

    @property
    def left(self) -> Mask:
        """(M,) models still in the race."""
        return self.seats.left

    def score(self) -> FloatArray:
        """(M,) first places."""
        return self.total

    def drop(self, gone: IntArray) -> None:
        """Give the ballots led by these models to the next on them."""
        rows = self.seats.on(gone)
        everything = len(rows) > len(self.seats.cast.size) // 2
        kept = 0.0 if everything else self.total - self._part(rows)
        self.seats.empty(gone, rows)
        self.total = kept + self._part(np.arange(len(self.seats.cast.size)) if everything else rows)

    def _part(self, rows: IntArray) -> FloatArray:
        """(M,) first places on some ballots."""
        return self.seats.sums(rows, first_shares(self.seats.level[rows], self.ties))


class LastPlaces:
    """Minus the last places among the models left; those that a ballot does not show are its last."""

    def __init__(self, cast: Ordinal, ties: Ties) -> None:
        self.ties = ties
        self.seats = _Seats(cast, cast.level)
        n, width = len(cast.models), cast.level.shape[1]
        self.there = cast.size.copy()
        self.counted = width <= WIDE < n  # many short ballots: count them by size, not one by one
        self.with_model = np.zeros((width + 1, n))  # weight of the ballots of a size that show a model
        if self.counted:
            self._count(np.arange(len(cast.size)), 1.0)

    @property
    def left(self) -> Mask:
        """(M,) models still in the race."""
        return self.seats.left

    def score(self) -> FloatArray:
        """(M,) minus the last places."""
        everyone = int(self.left.sum())
        weight = self.seats.cast.weight
        full = np.flatnonzero(self.there == everyone)
        level = self.seats.level[full]
        there = level != ABSENT
        last = there & (level == np.where(there, level, -1).max(axis=1, keepdims=True, initial=-1))
        share = last_shares(last.sum(axis=1), everyone, self.ties)
        total = self.seats.sums(full, last * share[:, None])
        if self.counted:
            sizes = np.arange(min(everyone, len(self.with_model)))
            by_size = np.bincount(self.there, weight, len(self.with_model))[sizes]
            points = last_shares(everyone - sizes, everyone, self.ties)
            total += points @ (by_size[:, None] - self.with_model[sizes])
        elif len(full) < len(weight):
            short = np.flatnonzero(self.there < everyone)
            points = last_shares(everyone - self.there[short], everyone, self.ties)
            inside = np.broadcast_to(points[:, None], (len(short), self.seats.level.shape[1]))
            total += points @ weight[short] - self.seats.sums(short, inside)
        return -total

    def drop(self, gone: IntArray) -> None:
        """Take models off their ballots, which become shorter."""
        rows = self.seats.on(gone)
        if self.counted:
            self._count(rows, -1.0)
        self.seats.empty(gone, rows)
        self.there[rows] = (self.seats.level[rows] != ABSENT).sum(axis=1)
        if self.counted:
            self._count(rows, 1.0)

    def _count(self, rows: IntArray, sign: float) -> None:
        """Add ballots to, or take them from, the weights by size and model."""
        cast = self.seats.cast
        row, column = np.nonzero(self.seats.level[rows] != ABSENT)
        cell = self.there[rows][row] * self.with_model.shape[1] + cast.seats[rows[row], column]
        given = np.bincount(cell, cast.weight[rows[row]], self.with_model.size)
        self.with_model += sign * given.reshape(self.with_model.shape)


def first_shares(level: IntArray, ties: Ties) -> FloatArray:
    """(B, K) what each seat gets of its ballot's first place; empty seats get nothing."""
    first = (level == level.min(axis=1, keepdims=True)) & (level != ABSENT)
    number = first.sum(axis=1, keepdims=True)
    if ties == "share":
        return np.asarray(first / np.maximum(number, 1))
    return np.where(first, 1.0 if ties == "best" else number == 1, 0.0)


def last_shares(number: IntArray, everyone: int | IntArray, ties: Ties) -> FloatArray:
    """What each of `number` (B,) models tied for last of `everyone` gets of the last place."""
    if ties == "share":
        return np.asarray(1.0 / np.maximum(number, 1))
    if ties == "best":
        return np.where((number == 1) | (number == everyone), 1.0, 0.0)
    return np.ones(len(number))


def indices(mask: Mask) -> tuple[int, ...]:
    """The places where a mask is true."""
    return tuple(np.flatnonzero(mask).tolist())
