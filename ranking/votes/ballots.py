"""Votes as the engine sees them: distinct ballots with how often each was cast, and their pairs.

Nothing here fits, reads files or knows a database. A source of votes hands over `Ballots`; every
other view (`PairRows`, `PairCounts` in pair_counts.py, `Battles` in vote_source.py) is derived from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.text import Readable
from agon.ranking.votes.validation import (
    NOT_ASKED,
    PAD,
    UNRANKED,
    check_ballots,
    check_grades,
    check_names,
    numbers,
    table,
    whole,
)

WIDE = 12  # models on a ballot above which its pairs are not listed unless asked for


@dataclass(frozen=True, eq=False)
class PairRows:
    """Every pair that the distinct ballots order, P rows; `first` < `second` as model indices.

    `win`, `loss`, `tie` and `both_bad` are shares of one ballot that sum to 1 in each row: 0 or 1 for
    a vote, p and 1 - p in `win` and `loss` for a soft judgement. `ballot` (P,) is the row of
    `Ballots` the pair comes from.
    """

    ballot: IntArray
    first: IntArray
    second: IntArray
    win: FloatArray
    loss: FloatArray
    tie: FloatArray
    both_bad: FloatArray


@dataclass(frozen=True, eq=False, repr=False)
class Ballots(Readable):
    """B distinct ballots over M models, at most K of them shown in one, in canonical order.

    Attributes:
        models: M names, sorted.
        shown: (B, K) model indices, ascending within a row; -1 pads ballots with fewer than K models.
        places: (B, K) parallel to `shown`: 1 is best, equal numbers are ties, 0 is shown but not
            ranked (below every ranked answer, not compared with the other unranked ones).
        acceptable: (B, K) parallel: 1 acceptable, 0 not, -1 not asked.
        p_a: (B,) for soft judgements the probability that the first of two models is better, else NaN.
        weight: (B,) weight of one such vote, above 0.
        count: (B,) how many votes are exactly this ballot.
        grade: (B,) how much better the better of two models is, above 0 and on any one scale; NaN of ties and
            of votes that do not say. None if none does.
    """

    models: tuple[str, ...]
    shown: IntArray
    places: IntArray
    acceptable: IntArray
    p_a: FloatArray
    weight: FloatArray
    count: IntArray
    grade: FloatArray | None = None

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return f"{self.total:,} votes as {len(self.count):,} distinct ballots on {len(self.models)} models"

    @classmethod
    def of(
        cls,
        models: Sequence[str],
        shown: ArrayLike,
        places: ArrayLike,
        *,
        acceptable: ArrayLike | None = None,
        p_a: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        count: ArrayLike | None = None,
        grade: ArrayLike | None = None,
    ) -> Ballots:
        """Bring rows of votes into canonical order and merge the equal ones.

        Args:
            models: M names in any order; `shown` indexes them.
            shown: (N, K) model indices, -1 pads.
            places: (N, K) places, 0 for shown but not ranked; ignored where `p_a` is given.
            acceptable: (N, K) 1, 0 or -1 (not asked); None if nobody was asked.
            p_a: (N,) probability that the first shown model is better; NaN for votes with places.
            weight: (N,) weights above 0; None for 1.
            count: (N,) number of votes each row stands for; None for 1.
            grade: (N,) how much better the better of two models is: 1 for a little, 2 for much, say; 0 of a
                tie, NaN where a vote does not say. None if none does.

        Raises:
            VotesError: a name twice, a model twice in one ballot, an index out of range, a weight
                that is not a positive number, a p_a outside [0, 1], places that are not dense, a grade that
                does not go with the places, columns of different lengths, something that is not a number.
        """
        return canonical(models, shown, places, acceptable, p_a, weight, count, grade)[0]

    @property
    def total(self) -> int:
        """Number of votes, unweighted."""
        return int(self.count.sum())

    @property
    def pairwise(self) -> bool:
        """Whether every ballot shows two models."""
        return int(self.shown.shape[1]) == 2

    @property
    def unweighted(self) -> bool:
        """Whether every weight is 1."""
        return bool(np.all(self.weight == 1.0))

    @property
    def pair_rows(self) -> PairRows:
        """The pairs these ballots order."""
        if self not in _EXPANDED:
            _EXPANDED[self] = _expand(self)
        return _EXPANDED[self]

    @cached_property
    def votes(self) -> IntArray:
        """(M,) ballots in which each model was shown, unweighted."""
        total = np.zeros(len(self.models) + 1)
        for column in self.shown.T:  # pads, -1, count in the place behind the last model
            total += np.bincount(column % len(total), self.count, len(total))
        return total[:-1].round().astype(np.int64)

    def with_count(self, count: IntArray) -> Ballots:
        """Return the same distinct ballots cast other numbers of times; (B,) counts, zeros allowed."""
        other = replace(self, count=count)
        if self.shown.shape[1] <= WIDE or self in _EXPANDED:
            _EXPANDED[other] = self.pair_rows  # which does not depend on the counts
        return other

    def resample(self, rng: np.random.Generator) -> Ballots:
        """Draw as many votes with replacement: the bootstrap of votes, whole ballots at a time."""
        return self.with_count(rng.multinomial(self.total, self.count / self.total))

    def subset(self, keep: NDArray[np.bool_]) -> Ballots:
        """Return only the ballots whose models are all kept; (M,) mask."""
        inside = np.all((self.shown < 0) | keep[self.shown], axis=1)
        new = np.append(np.cumsum(keep) - 1, PAD)
        names = tuple(name for name, kept in zip(self.models, keep, strict=True) if kept)
        columns = ("places", "acceptable", "p_a", "weight", "count")
        cut: dict[str, Any] = {column: getattr(self, column)[inside] for column in columns}
        grade = None if self.grade is None else self.grade[inside]
        return Ballots(names, new[self.shown[inside]], **cut, grade=grade)


_EXPANDED: WeakKeyDictionary[Ballots, PairRows] = WeakKeyDictionary()


def canonical(
    models: Sequence[str],
    shown: ArrayLike,
    places: ArrayLike,
    acceptable: ArrayLike | None = None,
    p_a: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    count: ArrayLike | None = None,
    grade: ArrayLike | None = None,
) -> tuple[Ballots, IntArray]:
    """Make `Ballots` and say which distinct ballot each given row became; see `Ballots.of`.

    Returns:
        The ballots, and (N,) the index of each row's ballot.
    """
    names = check_names(models)
    seats, order = table("shown", shown), table("places", places)
    fine = np.full_like(seats, NOT_ASKED) if acceptable is None else table("acceptable", acceptable)
    n = len(seats)
    soft = np.full(n, np.nan) if p_a is None else numbers("p_a", p_a)
    weights = np.ones(n) if weight is None else numbers("weight", weight)
    counts = np.ones(n, dtype=np.int64) if count is None else whole("count", count)
    if p_a is not None and order.shape == seats.shape and soft.shape == (n,):
        order[~np.isnan(soft)] = UNRANKED
    check_ballots(seats, order, fine, soft, weights, counts, len(names))
    grades = None if grade is None else check_grades(numbers("grade", grade), seats, order, soft)
    return arrange(names, seats, order, fine, soft, weights, counts, grades)


def arrange(
    names: NDArray[np.object_],
    seats: IntArray,
    order: IntArray,
    fine: IntArray,
    soft: FloatArray,
    weights: FloatArray,
    counts: IntArray,
    grades: FloatArray | None = None,
) -> tuple[Ballots, IntArray]:
    """Do the work of `canonical` on columns that are known to be valid, of the right type and length."""
    by_name = np.argsort(names)
    position = np.empty(len(names) + 1, dtype=np.int64)
    position[by_name] = np.arange(len(names))
    position[-1] = np.iinfo(np.int64).max  # pads sort last
    seats = position[seats]
    if seats.shape[1] == 2:
        swapped = seats[:, 0] > seats[:, 1]
        if swapped.any():
            seats, order, fine = (_swapped(matrix, swapped) for matrix in (seats, order, fine))
            soft = np.where(swapped, 1.0 - soft, soft)
    else:
        sorting = np.argsort(seats, axis=1, kind="stable")
        seats, order, fine = (np.take_along_axis(m, sorting, axis=1) for m in (seats, order, fine))
        soft = np.where(sorting[:, 0] > sorting[:, min(1, seats.shape[1] - 1)], 1.0 - soft, soft)
    if (pad := seats == position[-1]).any():
        seats[pad], order[pad], fine[pad] = PAD, UNRANKED, NOT_ASKED

    kind = _kinds(seats, order, fine, len(names))
    if grades is not None and not (grades > 0).any():
        grades = None  # which says nothing
    if grades is not None:
        grades = np.where(grades > 0, grades, np.nan)
        known, level = np.unique(np.nan_to_num(grades), return_inverse=True)
        kind = kind * len(known) + level.reshape(-1)
    rows, inverse = _merge(kind, soft, weights)
    merged = counts[rows]
    if len(rows) < len(counts):
        merged = np.zeros(len(rows), dtype=np.int64)
        np.add.at(merged, inverse, counts)
    ballots = Ballots(
        tuple(str(name) for name in names[by_name]),
        seats[rows],
        order[rows],
        fine[rows],
        soft[rows],
        weights[rows],
        merged,
        None if grades is None else grades[rows],
    )
    return ballots, inverse


def by_seat(names: NDArray[np.object_], seats: IntArray, values: FloatArray) -> FloatArray:
    """(N, K) values parallel to seats, in the order into which `arrange` brings these."""
    position = np.append(np.argsort(np.argsort(names)), len(names))  # pads, -1, come last
    order = np.argsort(position[seats], axis=1, kind="stable")
    return np.take_along_axis(values, order, axis=1)


def _swapped(matrix: IntArray, rows: NDArray[np.bool_]) -> IntArray:
    """(N, 2) the two columns, exchanged in the rows marked."""
    left, right = matrix.T
    return np.stack([np.where(rows, right, left), np.where(rows, left, right)], axis=1)


def _kinds(seats: IntArray, order: IntArray, fine: IntArray, n_models: int) -> IntArray:
    """(N,) one number for each distinct combination of models, places and acceptability."""
    if seats.shape[1] == 2:
        top = int(order.max(initial=0)) + 1
        place = order[:, 0] * top + order[:, 1]
        verdict, found = _numbered((place * 3 + fine[:, 0] + 1) * 3 + fine[:, 1] + 1)
        pair = seats[:, 0] * (n_models + 1) + seats[:, 1] + 1  # an empty seat is -1
        return pair * len(found) + verdict
    table = np.concatenate([seats, order, fine], axis=1)
    return np.unique(table, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _numbered(values: IntArray) -> tuple[IntArray, IntArray]:
    """(N,) rank of each value among the distinct ones, and a row that holds each of these.

    By a table rather than by sorting where the values are small.
    """
    top = int(values.max(initial=0)) + 1
    if top > max(4 * len(values), 1 << 16):
        _, rows, group = np.unique(values, return_index=True, return_inverse=True)
        return group.reshape(-1).astype(np.int64), rows.astype(np.int64)
    there = np.zeros(top, dtype=bool)
    there[values] = True
    group = (np.cumsum(there) - 1)[values]
    rows = np.empty(int(there.sum()), dtype=np.int64)
    rows[group] = np.arange(len(values))
    return group, rows


def _merge(kind: IntArray, soft: FloatArray, weights: FloatArray) -> tuple[IntArray, IntArray]:
    """Rows that stand for each distinct (kind, p_a, weight) in canonical order, and each row's group."""
    if not len(kind):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    if np.all(np.isnan(soft)) and np.all(weights == weights[0]):
        group, rows = _numbered(kind)
        return rows, group
    key = np.where(np.isnan(soft), -1.0, soft)
    sorting = np.lexsort((weights, key, kind))
    new = np.zeros(len(kind), dtype=bool)
    new[0] = True
    for column in (kind, key, weights):
        in_order = column[sorting]
        new[1:] |= in_order[1:] != in_order[:-1]
    inverse = np.empty(len(kind), dtype=np.int64)
    inverse[sorting] = np.cumsum(new) - 1
    return sorting[new], inverse


def _expand(ballots: Ballots) -> PairRows:
    """List every ordered pair of every distinct ballot, in canonical order."""
    width = ballots.shown.shape[1]
    parts: list[tuple[NDArray[Any], ...]] = []
    for left in range(width):
        for right in range(left + 1, width):
            rows = np.flatnonzero(ballots.shown[:, right] >= 0)
            parts.append(_pair(ballots, rows, left, right))
    if not parts:  # ballots of one model order nothing
        parts.append(_pair(ballots, np.zeros(0, dtype=np.int64), 0, 0))
    columns = [np.concatenate([part[c] for part in parts]) for c in range(7)]
    if width > 2:
        sorting = np.lexsort((columns[2], columns[1], columns[0]))
        columns = [column[sorting] for column in columns]
    return PairRows(*columns)


def _pair(ballots: Ballots, rows: IntArray, left: int, right: int) -> tuple[NDArray[Any], ...]:
    """Compare two columns of `shown` on the given ballots, leaving out the pairs without an order."""
    last = np.iinfo(np.int64).max
    soft = ballots.p_a[rows]
    place_left = np.where(ballots.places[rows, left] == UNRANKED, last, ballots.places[rows, left])
    place_right = np.where(ballots.places[rows, right] == UNRANKED, last, ballots.places[rows, right])
    is_soft = ~np.isnan(soft)
    ordered = is_soft | ~((place_left == last) & (place_right == last))
    rows, soft, is_soft = rows[ordered], soft[ordered], is_soft[ordered]
    place_left, place_right = place_left[ordered], place_right[ordered]
    equal = (place_left == place_right) & ~is_soft
    bad = equal & (ballots.acceptable[rows, left] == 0) & (ballots.acceptable[rows, right] == 0)
    win = np.where(is_soft, soft, place_left < place_right)
    loss = np.where(is_soft, 1.0 - soft, place_left > place_right)
    return (
        rows,
        ballots.shown[rows, left],
        ballots.shown[rows, right],
        win.astype(np.float64),
        loss.astype(np.float64),
        (equal & ~bad).astype(np.float64),
        bad.astype(np.float64),
    )
