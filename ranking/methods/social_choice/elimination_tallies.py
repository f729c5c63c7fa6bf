"""The rounds of eliminating rules: ballots while models drop out, with scores kept up to date.

Only the ballots that lose a model are looked at again, so a round on a million short ballots costs what
the eliminated models' own ballots cost. Which rule eliminates whom is in elimination.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ranking.ballots import WIDE, FloatArray, IntArray
from ranking.ordinal import ABSENT, LAST, Ordinal, Ties, steady

Mask = NDArray[np.bool_]
Tiers = tuple[tuple[int, ...], ...]
GONE = np.iinfo(np.int32).max  # level of an empty seat


class Race(Protocol):
    """Scores of the models left, (M,), and what happens when some drop out."""

    left: Mask

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


class Seating:
    """Who sits on which ballots, the same for all resamples of them.

    Attributes:
        models: how many there are, M.
        seats: (B, K) model indices.
        level: (B, K) places in few bytes, GONE for an empty seat.
        best: (B,) the best place of each ballot.
        size: (B,) how many models it shows.
    """

    def __init__(self, cast: Ordinal, level: IntArray) -> None:
        self.models = len(cast.models)
        self.seats, self.size = cast.seats, cast.size
        small = np.where(level == LAST, GONE - 1, np.minimum(level, GONE))
        self.level = small.astype(np.int32)
        self.best = self.level.min(axis=1, initial=GONE)
        row, column = np.nonzero(self.level != GONE)
        model = cast.seats[row, column]
        order = np.argsort(model, kind="stable")
        self._row, self._place = row[order], self.level[row, column][order]
        self._begin = np.searchsorted(model[order], np.arange(self.models + 1))

    def on(self, models: IntArray, best: NDArray[np.int32] | None = None) -> IntArray:
        """The ballots that show any of these models; or that put one on the place given for the ballot."""
        parts = []
        for model in models.tolist():
            inside = slice(self._begin[model], self._begin[model + 1])
            rows = self._row[inside]
            parts.append(rows if best is None else rows[self._place[inside] == best[rows]])
        return parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts))

    def now(self, rows: IntArray, left: Mask) -> NDArray[np.int32]:
        """(b, K) places on some ballots of the models left; GONE for the others."""
        return np.where(left[self.seats[rows]], self.level[rows], np.int32(GONE))

    def sums(self, rows: IntArray, points: FloatArray, weight: FloatArray) -> FloatArray:
        """(M,) weighted sums of the (b, K) points of some ballots, 0 on empty seats."""
        row, column = np.nonzero(points)
        given = points[row, column] * weight[rows[row]]
        seats = self.seats[rows[row], column]
        return np.bincount(seats, given, self.models).astype(np.float64, copy=False)


def first_seating(cast: Ordinal) -> Seating:
    """The models that the ballots rank: the others are on nobody's first place."""
    return Seating(cast, np.where(cast.level == LAST, ABSENT, cast.level))


class FirstPlaces:
    """First places among the models left; a ballot that ranks none of them counts for nobody."""

    def __init__(self, cast: Ordinal, ties: Ties, seating: Seating | None = None) -> None:
        self.ties, self.weight = ties, cast.weight
        self.seating = first_seating(cast) if seating is None else seating
        self.left = np.ones(len(cast.models), dtype=bool)
        self.best = self.seating.best.copy()
        self.total = self._part(np.arange(len(cast.size)), self.seating.level)

    def score(self) -> FloatArray:
        """(M,) first places."""
        return self.total

    def drop(self, gone: IntArray) -> None:
        """Give the ballots led by these models to the next on them."""
        rows = self.seating.on(gone, self.best)
        kept = self.total - self._part(rows, self.seating.now(rows, self.left))
        self.left[gone] = False
        level = self.seating.now(rows, self.left)
        self.best[rows] = level.min(axis=1, initial=GONE)
        self.total = kept + self._part(rows, level)

    def _part(self, rows: IntArray, level: NDArray[np.int32]) -> FloatArray:
        """(M,) first places on some ballots with these (b, K) places."""
        return self.seating.sums(rows, first_shares(level, self.ties, GONE), self.weight)


class LastPlaces:
    """Minus the last places among the models left; those that a ballot does not show are its last."""

    def __init__(self, cast: Ordinal, ties: Ties, seating: Seating | None = None) -> None:
        self.ties, self.weight = ties, cast.weight
        self.seating = Seating(cast, cast.level) if seating is None else seating
        self.left = np.ones(len(cast.models), dtype=bool)
        n, self.width = len(cast.models), cast.level.shape[1]
        self.there = cast.size.copy()
        self.counted = self.width <= WIDE < n  # many short ballots: count them by size, not one by one
        sizes = self.width + 1
        self.by_size = np.bincount(self.there, self.weight, sizes)  # weight of the ballots of a size
        self.with_model = np.zeros((sizes, n))  # and of those that show a model
        if self.counted:
            row, column = np.nonzero(self.seating.level != GONE)
            cell = self.there[row] * n + cast.seats[row, column]
            self.with_model += np.bincount(cell, self.weight[row], sizes * n).reshape(sizes, n)

    def score(self) -> FloatArray:
        """(M,) minus the last places."""
        everyone = int(self.left.sum())
        full = np.flatnonzero(self.there == everyone) if everyone <= self.width else np.zeros(0, np.int64)
        level = self.seating.now(full, self.left)
        last = (level != GONE) & (level == np.where(level == GONE, -1, level).max(axis=1, keepdims=True))
        share = last_shares(last.sum(axis=1), everyone, self.ties)
        total = self.seating.sums(full, last * share[:, None], self.weight)
        if self.counted:
            sizes = np.arange(min(everyone, len(self.with_model)))
            points = last_shares(everyone - sizes, everyone, self.ties)
            total += points @ (self.by_size[sizes, None] - self.with_model[sizes])
        elif len(full) < len(self.weight):
            short = np.flatnonzero(self.there < everyone)
            points = last_shares(everyone - self.there[short], everyone, self.ties)
            shown = self.seating.now(short, self.left) != GONE
            total += points @ self.weight[short]
            total -= self.seating.sums(short, shown * points[:, None], self.weight)
        return -total

    def drop(self, gone: IntArray) -> None:
        """Take models off their ballots, which become shorter."""
        rows = self.seating.on(gone)
        self.left[gone] = False
        alive = self.seating.now(rows, self.left) != GONE
        before, after = self.there[rows], alive.sum(axis=1)
        self.there[rows] = after
        if not self.counted:
            return
        weight, n = self.weight[rows], len(self.left)
        self.by_size += np.bincount(after, weight, len(self.by_size))
        self.by_size -= np.bincount(before, weight, len(self.by_size))
        row, column = np.nonzero(alive)
        seat, part = self.seating.seats[rows[row], column], weight[row]
        self.with_model += np.bincount(after[row] * n + seat, part, self.with_model.size).reshape(-1, n)
        self.with_model -= np.bincount(before[row] * n + seat, part, self.with_model.size).reshape(-1, n)


def first_shares(level: NDArray[Any], ties: Ties, empty: int = ABSENT) -> FloatArray:
    """(B, K) what each seat gets of its ballot's first place; empty seats get nothing."""
    first = (level == level.min(axis=1, keepdims=True, initial=empty)) & (level != empty)
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
