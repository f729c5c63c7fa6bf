"""Where each ballot puts each model, with ties and gaps treated as asked: the ground of positional rules.

A ballot that does not show a model has a gap there. "Shown but not ranked" is no gap: those models
share the last places of their ballot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ranking.ballots import UNRANKED, Ballots, FloatArray, IntArray
from ranking.errors import OptionError, VotesError

Ties = Literal["share", "best", "worst", "published"]
Missing = Literal["refuse", "worst", "average", "drop_task"]
Vector = Callable[[int], FloatArray]
ABSENT = np.iinfo(np.int64).max  # level of a seat that shows nobody
LAST = ABSENT - 1  # level of the models shown but not ranked


@dataclass(frozen=True, eq=False)
class Ordinal:
    """B weighted ballots over M models with the range of places that each tie covers.

    Attributes:
        models: M names.
        seats: (B, K) model indices; anything where `level` is ABSENT.
        level: (B, K) place, LAST for shown but not ranked, ABSENT for an empty seat.
        best: (B, K) 1 + the number of shown models placed above.
        worst: (B, K) the number of shown models placed at least as high, itself included.
        size: (B,) how many models the ballot shows.
        weight: (B,) weight times count.
    """

    models: tuple[str, ...]
    seats: IntArray
    level: IntArray
    best: IntArray
    worst: IntArray
    size: IntArray
    weight: FloatArray

    @property
    def total(self) -> float:
        """Weight of all ballots together."""
        return float(self.weight.sum())

    def sums(self, points: FloatArray) -> FloatArray:
        """(M,) weighted sum of (B, K) points by model; empty seats count nothing."""
        there = self.level != ABSENT
        given = np.broadcast_to(self.weight[:, None], points.shape)[there] * points[there]
        return np.bincount(self.seats[there], given, len(self.models)).astype(np.float64, copy=False)

    def only(self, rows: IntArray) -> Ordinal:
        """Keep some of the ballots."""
        best, worst = self.best[rows], self.worst[rows]
        return Ordinal(
            self.models, self.seats[rows], self.level[rows], best, worst, self.size[rows], self.weight[rows]
        )


def ordinal(ballots: Ballots, rule: str, missing: str = "refuse") -> Ordinal:
    """Place the models of every ballot; a soft judgement becomes two ballots with its two weights.

    Args:
        ballots: the votes.
        rule: name of the rule that asks, for messages.
        missing: "refuse" wants every model on every ballot, "drop_task" leaves the others out, any
            other word lets gaps stand.

    Raises:
        VotesError: a model on no ballot, a gap where none is allowed, no ballot left.
    """
    known = ballots.__dict__.setdefault("ordinal", {})  # kept like a cached property: rules share it
    if missing not in known:
        known[missing] = _placed(ballots, rule, missing)
    return known[missing]  # type: ignore[no-any-return]


def _placed(ballots: Ballots, rule: str, missing: str) -> Ordinal:
    """Check and place the models of every ballot; see `ordinal`."""
    on = np.zeros(len(ballots.models), dtype=bool)
    on[ballots.shown[ballots.shown >= 0]] = True
    if not on.all():
        name = ballots.models[int(np.flatnonzero(~on)[0])]
        raise VotesError(f"{rule}: {name!r} is on no ballot; leave it out of the models.")
    _gaps(ballots, rule, missing)
    cast = ballots.count > 0
    if missing == "drop_task":
        cast &= (ballots.shown >= 0).all(axis=1) & (ballots.shown.shape[1] == len(on))
        if not cast.any():
            raise VotesError(f"{rule}: no ballot shows all {len(on)} models; choose another missing=.")
    rows = np.flatnonzero(cast)
    seats, weight = ballots.shown[rows], (ballots.weight * ballots.count)[rows]
    level = np.where(ballots.places[rows] == UNRANKED, LAST, ballots.places[rows])
    level[seats < 0] = ABSENT
    soft = ~np.isnan(ballots.p_a[rows])
    if soft.any():
        p = ballots.p_a[rows[soft]]
        one, two = level[soft].copy(), level[soft].copy()
        one[:, :2], two[:, :2] = (1, 2), (2, 1)
        seats = np.concatenate([seats[~soft], seats[soft], seats[soft]])
        level = np.concatenate([level[~soft], one, two])
        weight = np.concatenate([weight[~soft], weight[soft] * p, weight[soft] * (1 - p)])
    best, worst = ranges(level)
    return Ordinal(ballots.models, seats, level, best, worst, (level != ABSENT).sum(axis=1), weight)


def ranges(level: IntArray) -> tuple[IntArray, IntArray]:
    """Best and worst place that each tie of a row covers, 1 first; lower (B, K) levels are better."""
    width = level.shape[1]
    if width == 2:
        other = level[:, ::-1]
        return 1 + (other < level).astype(np.int64), 1 + (other <= level).astype(np.int64)
    sorting = np.argsort(level, axis=1, kind="stable")
    arranged = np.take_along_axis(level, sorting, axis=1)
    place = np.broadcast_to(np.arange(width), level.shape)
    change = arranged[:, 1:] != arranged[:, :-1]
    first, last = place.copy(), place.copy()
    first[:, 1:] = np.where(change, place[:, 1:], 0)
    last[:, :-1] = np.where(change, place[:, :-1], width)
    first = np.maximum.accumulate(first, axis=1)
    last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    best, worst = np.empty_like(level), np.empty_like(level)
    np.put_along_axis(best, sorting, first + 1, axis=1)
    np.put_along_axis(worst, sorting, last + 1, axis=1)
    return best, worst


def tie_points(vector: FloatArray, best: IntArray, worst: IntArray, ties: Ties) -> FloatArray:
    """Points of places, 1 first, for models tied from `best` to `worst`.

    Args:
        vector: (n,) points of the places.
        best, worst: places, of any one shape.
        ties: "share" gives the mean of the places covered, "best" and "worst" those of one end.

    Raises:
        OptionError: another word; "published" must be resolved by the rule.
    """
    if ties == "best":
        return np.asarray(vector[best - 1])
    if ties == "worst":
        return np.asarray(vector[worst - 1])
    if ties != "share":
        raise OptionError(f'ties must be "share", "best", "worst" or "published", not {ties!r}.')
    summed = np.concatenate([[0.0], np.cumsum(vector)])
    return np.asarray((summed[worst] - summed[best - 1]) / (worst - best + 1))


def positional(ballots: Ballots, rule: str, vector: Vector, ties: Ties, missing: str) -> FloatArray:
    """(M,) sum of the points that each ballot's places give, times its weight.

    Args:
        ballots: the votes.
        rule: name of the rule, for messages.
        vector: points of the n places of a full ballot, from n.
        ties: how tied models share; not "published".
        missing: as `Missing`; "worst" puts the absent below all shown, tied with each other; "average"
            spreads a short ballot's places evenly over the full vector and counts each gap as the mean
            of the model's own points.

    Raises:
        VotesError: as `ordinal`.
    """
    cast = ordinal(ballots, rule, missing)
    n_models = len(cast.models)
    full = vector(n_models)
    points = np.zeros(cast.level.shape)
    absent = np.zeros(len(cast.size))
    for size in np.unique(cast.size[cast.size > 0]).tolist():
        rows = cast.size == size
        place = (np.minimum(cast.best[rows], size), np.minimum(cast.worst[rows], size))
        here = full[:size] if missing == "worst" else spread(full, size)
        points[rows] = tie_points(here, *place, ties)
        if size < n_models:
            absent[rows] = tie_points(full, np.array(size + 1), np.array(n_models), ties)
    total = cast.sums(points)
    if missing == "worst":
        given = absent * cast.weight
        return np.asarray(total + given.sum() - cast.sums(np.broadcast_to(absent[:, None], points.shape)))
    if missing == "average":
        seen = cast.sums(np.ones(points.shape))
        unseen = np.full(n_models, np.nan)
        return np.asarray(np.divide(total * cast.total, seen, out=unseen, where=seen > 0))
    return total


def spread(vector: FloatArray, size: int) -> FloatArray:
    """(size,) points of a shorter ballot: its places spread evenly over the full vector."""
    n = len(vector)
    if size == n:
        return vector
    if size == 1:
        return np.array([vector.mean()])
    return np.interp(np.linspace(0, n - 1, size), np.arange(n), vector)


def steady(values: FloatArray, total: float) -> FloatArray:
    """Round sums of weights to 2^-40 of the total, so that equal sums compare equal in any order."""
    if not total > 0:
        return values
    unit = 2.0 ** (np.floor(np.log2(total)) - 40)
    return np.asarray(np.round(values / unit) * unit)


def tiers_of(values: FloatArray, total: float) -> tuple[tuple[int, ...], ...]:
    """Group models of equal value, highest first; NaN is left out."""
    rounded = steady(values, total)
    levels = np.unique(rounded[~np.isnan(rounded)])[::-1]
    return tuple(tuple(np.flatnonzero(rounded == level).tolist()) for level in levels)


def _gaps(ballots: Ballots, rule: str, missing: str) -> None:
    """Refuse gaps, naming the model with most of them, if the rule was not told what to do."""
    if missing != "refuse":
        return
    there = ballots.shown >= 0
    if there.shape[1] == len(ballots.models) and there.all():
        return
    shown = np.bincount(ballots.shown[there], minlength=len(ballots.models))
    worst = int(shown.argmin())
    gaps, n = len(ballots.shown) - int(shown[worst]), len(ballots.shown)
    raise VotesError(
        f"{rule} needs every model on every ballot, and {ballots.models[worst]!r} is missing from {gaps:,} "
        f"of {n:,} different ones; say how to treat gaps with missing=, or choose a rule on pairs."
    )
