"""Ballots as choices from sets: the sufficient statistic of Plackett-Luce models.

With w = e^θ the log-likelihood of any ballots is Σ_i n_i θ_i − Σ_A c_A log Σ_{j in A} w_j: how often each
model was chosen, and how often something was chosen from each set, however many votes there are. A
pairwise vote is a choice from a set of two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from agon.ranking.errors import OptionError
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.pair_counts import BothBad
from agon.ranking.votes.validation import PAD, UNRANKED

if TYPE_CHECKING:
    from scipy.sparse import csr_array

TieTreatment = Literal["average", "breslow"]
_LARGEST = 10  # models in a tie whose orders are averaged exactly
_WIDE = 12  # models in a set above which outer products are taken by matrix products
LAST, OUTSIDE = 1 << 30, 1 << 31  # where unranked models and empty seats sort


@dataclass(frozen=True, eq=False)
class Choices:
    """What B distinct ballots over M models choose from T distinct sets of at most S models.

    Attributes:
        chosen: sparse (B, M), how often a ballot chooses each model.
        uses: sparse (B, T), how often a ballot chooses from each set.
        sets: (T, S) model indices, ascending; M pads.
    """

    chosen: csr_array[Any]
    uses: csr_array[Any]
    sets: IntArray

    @classmethod
    def of(cls, ballots: Ballots, ties: TieTreatment, both_bad: BothBad) -> Choices:
        """Take the ballots apart, all of one pattern of places together.

        Raises:
            OptionError: a tie of more than ten models, whose orders are too many to average.
        """
        from scipy.sparse import csr_array

        n, m = len(ballots.count), len(ballots.models)
        none = np.zeros(0, dtype=np.int64)
        picks, uses = [(none, none, np.zeros(0))], [(none, np.zeros(0), np.zeros((0, 1), dtype=np.int64))]
        soft = np.flatnonzero(~np.isnan(ballots.p_a) & (ballots.shown[:, :2] >= 0).all(axis=1))
        if len(soft):
            one, two, p = ballots.shown[soft, 0], ballots.shown[soft, 1], ballots.p_a[soft]
            picks += [(soft, one, p), (soft, two, 1.0 - p)]
            uses.append((soft, np.ones(len(soft)), np.sort(np.stack([one, two], axis=1))))
        for rows, seats, levels in place_patterns(ballots, both_bad):
            for columns, below in contested_levels(levels):
                picks += [(rows, seats[:, c], np.ones(len(rows))) for c in columns]
                for some, each in _stages(columns, below, ties):
                    uses.append((rows, np.full(len(rows), each), np.sort(seats[:, some], axis=1)))
        width = max(sets.shape[1] for *_, sets in uses)
        padded = [np.pad(sets, ((0, 0), (0, width - sets.shape[1])), constant_values=m) for *_, sets in uses]
        sets, number = _distinct(np.concatenate(padded), m)
        at, who, times = (np.concatenate([part[c] for part in picks]) for c in range(3))
        row, often = (np.concatenate([part[c] for part in uses]) for c in range(2))
        chosen: csr_array[Any] = csr_array((times, (at, who)), shape=(n, m))
        chosen_from: csr_array[Any] = csr_array((often, (row, number)), shape=(n, len(sets)))
        return cls(chosen, chosen_from, sets)


def place_patterns(
    ballots: Ballots, both_bad: BothBad
) -> Iterator[tuple[IntArray, IntArray, list[tuple[list[int], bool]]]]:
    """Ballots with equal patterns of places: their rows, their models from best to worst, the levels.

    A level is the columns at one place, and whether they are compared with each other: unranked models
    are not, nor, with `both_bad` dropped, unacceptable ones at the last place.
    """
    hard = np.flatnonzero(np.isnan(ballots.p_a))
    if not len(hard):
        return
    shown, places = ballots.shown[hard], ballots.places[hard]
    key = np.where(shown == PAD, OUTSIDE, np.where(places == UNRANKED, LAST, places))
    order = np.argsort(key, axis=1, kind="stable")
    key, seats = (np.take_along_axis(table, order, axis=1) for table in (key, shown))
    bad = np.zeros((len(hard), 1), dtype=np.int64)
    if both_bad == "drop":
        last = np.where(shown == PAD, -1, np.where(places == UNRANKED, LAST, places))
        lowest = (last == last.max(axis=1, keepdims=True)) & (last != LAST) & (shown != PAD)
        bad[:, 0] = (lowest.sum(axis=1) > 1) & (~lowest | (ballots.acceptable[hard] == 0)).all(axis=1)
    found, number = np.unique(np.hstack([key, bad]), axis=0, return_inverse=True)
    number = number.reshape(-1)
    by_pattern = np.split(np.argsort(number, kind="stable"), np.cumsum(np.bincount(number))[:-1])
    for pattern, inside in zip(found, by_pattern, strict=True):
        there = [place for place in np.unique(pattern[:-1]).tolist() if place != OUTSIDE]
        levels = [(np.flatnonzero(pattern[:-1] == place).tolist(), bool(place != LAST)) for place in there]
        if pattern[-1]:
            levels[-1] = (levels[-1][0], False)
        yield hard[inside], seats[inside], levels


def contested_levels(levels: list[tuple[list[int], bool]]) -> Iterator[tuple[list[int], list[int]]]:
    """The levels whose models were chosen from a set of two or more, each with all columns below."""
    for k, (columns, compared) in enumerate(levels):
        below = [c for lower, _ in levels[k + 1 :] for c in lower]
        if compared and len(columns) + len(below) > 1:
            yield columns, below


def _stages(columns: list[int], below: list[int], ties: TieTreatment) -> Iterator[tuple[list[int], float]]:
    """The sets that models tied at one place were chosen from, and how often each counts.

    Breslow: each of t models from all of them and those below. Averaged over the t! orders: the set
    left after some of them went is each one of its size with the same chance.

    Raises:
        OptionError: too many models in one tie to average.
    """
    t = len(columns)
    if ties == "breslow":
        yield [*columns, *below], float(t)
        return
    if t > _LARGEST:
        raise OptionError(
            f'plackett_luce: {t} models share a place, too many orders to average; use ties="breslow".'
        )
    for size in range(1, t + 1):
        for left in combinations(columns, size):
            yield [*left, *below], 1.0 / comb(t, size)


def _distinct(sets: IntArray, n_models: int) -> tuple[IntArray, IntArray]:
    """The distinct rows of (R, S) sets, and which of them each row is."""
    if sets.shape[1] * np.log2(n_models + 1) < 62:
        key = np.zeros(len(sets), dtype=np.int64)
        for column in sets.T:
            key = key * (n_models + 1) + column
        _, first, number = np.unique(key, return_index=True, return_inverse=True)
    else:
        _, first, number = np.unique(sets, axis=0, return_index=True, return_inverse=True)
    return sets[first], number.reshape(-1)


def restricted(ballots: Ballots, keep: NDArray[np.bool_]) -> Ballots:
    """The ballots as if only some models had been shown; (M,) mask. The marginal of a Plackett-Luce model."""
    gone = (ballots.shown >= 0) & ~keep[ballots.shown]
    shown = np.where(gone, PAD, ballots.shown)
    places = np.where(gone, UNRANKED, ballots.places)
    taken = [(places == place).any(axis=1) for place in range(1, int(places.max(initial=0)) + 1)]
    empty = np.cumsum([np.zeros(len(places), dtype=bool), *(~there for there in taken)], axis=0).T
    places = places - np.take_along_axis(empty, places, axis=1)
    p_a = np.where(gone.any(axis=1), np.nan, ballots.p_a)
    return replace(ballots, shown=shown, places=places, p_a=p_a)


def choice_chances(theta: FloatArray, sets: IntArray) -> FloatArray:
    """(T, S) chance of each model of a set to be chosen from it; 0 for pads."""
    logs = np.append(theta, -np.inf)[sets]
    logs -= logs.max(axis=1, keepdims=True)
    weight = np.exp(logs)
    weight /= weight.sum(axis=1, keepdims=True)
    return np.asarray(weight)


def choice_curvature(
    theta: FloatArray, chosen: FloatArray, times: FloatArray, sets: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Gradient (M,) and minus the Hessian (M, M) for (M,) times chosen and (T,) times chosen from."""
    m, width = len(theta), sets.shape[1]
    chance = choice_chances(theta, sets)
    expected = np.bincount(sets.ravel(), (times[:, None] * chance).ravel(), m + 1)[:m]
    if width > _WIDE:
        outer = np.zeros((m + 1, m + 1))
        step = max(1, 20_000_000 // (m + 1))
        for begin in range(0, len(sets), step):
            dense = np.zeros((min(step, len(sets) - begin), m + 1))
            np.put_along_axis(dense, sets[begin : begin + step], chance[begin : begin + step], axis=1)
            dense[:, m] = 0.0
            outer += dense.T @ (dense * times[begin : begin + step, None])
        both = outer[:m, :m]
    else:
        total = np.zeros((m + 1) ** 2)
        for a in range(width):
            for b in range(a, width):
                share = times * chance[:, a] * chance[:, b] * (0.5 if a == b else 1.0)
                total += np.bincount(sets[:, a] * (m + 1) + sets[:, b], share, (m + 1) ** 2)
        half = total.reshape(m + 1, m + 1)[:m, :m]
        both = half + half.T
    hessian = np.negative(both)
    hessian.ravel()[:: m + 1] += expected
    return chosen - expected, hessian
