"""Where each ballot puts each model, with ties and gaps treated as asked: the ground of positional rules.

A ballot that does not show a model has a gap there. "Shown but not ranked" is no gap: those models
share the last places of their ballot.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, overload
from weakref import WeakKeyDictionary

import numpy as np

from agon.ranking.errors import OptionError, VotesError
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.resamples import ResampledBallots, sum_cells
from agon.ranking.votes.validation import UNRANKED

Ties = Literal["share", "best", "worst", "published"]
Missing = Literal["refuse", "worst", "average", "drop_task"]
Vector = Callable[[int], FloatArray]
ABSENT = np.iinfo(np.int64).max  # level of a seat that shows nobody
LAST = ABSENT - 1  # level of the models shown but not ranked


@dataclass(frozen=True, eq=False)
class RankPositions(ABC):
    """B ballots over M models with the range of places that each tie covers; a class says what they weigh.

    Attributes:
        models: M names.
        seats: (B, K) model indices; anything where `level` is ABSENT.
        level: (B, K) place, LAST for shown but not ranked, ABSENT for an empty seat.
        best: (B, K) 1 + the number of shown models placed above.
        worst: (B, K) the number of shown models placed at least as high, itself included.
        size: (B,) how many models the ballot shows.
    """

    models: tuple[str, ...]
    seats: IntArray
    level: IntArray
    best: IntArray
    worst: IntArray
    size: IntArray

    @property
    @abstractmethod
    def total(self) -> FloatArray:
        """(1,) weight of all ballots together, (R, 1) for resamples; all sums have that axis in front."""

    @abstractmethod
    def weigh(self, number: FloatArray) -> FloatArray:
        """(1,) weighted sum of (B,) numbers."""

    @abstractmethod
    def tally(self, cell: IntArray, row: IntArray, share: FloatArray, size: int) -> FloatArray:
        """(size,) what entries add up to in their cells: each a share of the weight of a ballot, its row."""

    @abstractmethod
    def only(self, rows: IntArray) -> Self:
        """Keep some of the ballots."""

    @abstractmethod
    def each(self) -> Iterator[CastPositions]:
        """The same ballots with the weights of one resample after another, or with their own."""

    def sums(self, points: FloatArray) -> FloatArray:
        """(M,) weighted sum of (B, K) points by model; empty seats count nothing."""
        row, column = np.nonzero(self.level != ABSENT)
        return self.tally(self.seats[row, column], row, points[row, column], len(self.models))

    def _of(self, rows: IntArray) -> dict[str, Any]:
        names = ("seats", "level", "best", "worst", "size")
        return {name: getattr(self, name)[rows] for name in names}


@dataclass(frozen=True, eq=False)
class CastPositions(RankPositions):
    """Ballots as they were cast.

    Attributes:
        weight: (B,) weight times count.
    """

    weight: FloatArray

    @property
    def total(self) -> FloatArray:
        """(1,) weight of all ballots together."""
        return np.asarray(self.weight.sum(keepdims=True))

    def weigh(self, number: FloatArray) -> FloatArray:
        """(1,) weighted sum of (B,) numbers."""
        return np.atleast_1d(self.weight @ number)

    def tally(self, cell: IntArray, row: IntArray, share: FloatArray, size: int) -> FloatArray:
        """(size,) sums by cell.

        Weights of equal shares are added first: whole numbers, so that it is the same to the last bit
        whether equal ballots come one by one or as one with a count.
        """
        value, kind = np.unique(share, return_inverse=True)
        weight = np.bincount(cell * len(value) + kind, self.weight[row], size * len(value))
        return np.asarray((weight.reshape(size, -1) * value).sum(axis=1))

    def only(self, rows: IntArray) -> Self:
        """Keep some of the ballots."""
        return replace(self, **self._of(rows), weight=self.weight[rows])

    def each(self) -> Iterator[CastPositions]:
        """The ballots."""
        yield self


@dataclass(frozen=True, eq=False)
class ResampledPositions(RankPositions):
    """Ballots as R resamples of them weigh them.

    Attributes:
        weight: (R, B) weight times count.
    """

    weight: FloatArray

    @property
    def total(self) -> FloatArray:
        """(R, 1) weight of all ballots together."""
        return np.asarray(self.weight.sum(axis=1, keepdims=True))

    def weigh(self, number: FloatArray) -> FloatArray:
        """(R, 1) weighted sums of (B,) numbers."""
        return (self.weight @ number)[:, None]

    def tally(self, cell: IntArray, row: IntArray, share: FloatArray, size: int) -> FloatArray:
        """(R, size) sums by cell."""
        return sum_cells(cell, row, share, self.weight, size)

    def only(self, rows: IntArray) -> Self:
        """Keep some of the ballots."""
        return replace(self, **self._of(rows), weight=self.weight[:, rows])

    def each(self) -> Iterator[CastPositions]:
        """The ballots of each resample."""
        seen = (self.models, self.seats, self.level, self.best, self.worst, self.size)
        for weight in self.weight:
            yield CastPositions(*seen, weight)


_SHARED: WeakKeyDictionary[Ballots | ResampledBallots, dict[str, RankPositions]] = (
    WeakKeyDictionary()
)  # by rules


@overload
def position_ballots(ballots: Ballots, rule: str, missing: str = "refuse") -> CastPositions: ...
@overload
def position_ballots(ballots: ResampledBallots, rule: str, missing: str = "refuse") -> ResampledPositions: ...
@overload
def position_ballots(
    ballots: Ballots | ResampledBallots, rule: str, missing: str = "refuse"
) -> RankPositions: ...
def position_ballots(
    ballots: Ballots | ResampledBallots, rule: str, missing: str = "refuse"
) -> RankPositions:
    """Place the models of every ballot; a soft judgement becomes two ballots with its two weights.

    Args:
        ballots: the votes.
        rule: name of the rule that asks, for messages.
        missing: "refuse" wants every model on every ballot, "drop_task" leaves the others out, any
            other word lets gaps stand.

    Raises:
        VotesError: a model on no ballot, a gap where none is allowed, no ballot left.
    """
    known = _SHARED.setdefault(ballots, {})
    if missing not in known:
        known[missing] = _placed(ballots, rule, missing)
    return known[missing]


def _placed(given: Ballots | ResampledBallots, rule: str, missing: str) -> RankPositions:
    """Check and place the models of every ballot; see `ordinal`."""
    ballots = given.ballots if isinstance(given, ResampledBallots) else given
    on = np.zeros(len(ballots.models), dtype=bool)
    on[ballots.shown[ballots.shown >= 0]] = True
    if not on.all():
        name = ballots.models[int(np.flatnonzero(~on)[0])]
        raise VotesError(f"{rule}: {name!r} is on no ballot; leave it out of the models.")
    _gaps(ballots, rule, missing)
    cast = np.atleast_2d(given.count > 0).any(axis=0)
    if missing == "drop_task":
        cast &= (ballots.shown >= 0).sum(axis=1) == len(on)
        if not cast.any():  # a single resample without such a ballot makes all models equal
            raise VotesError(f"{rule}: no ballot shows all {len(on)} models; choose another missing=.")
    rows = np.flatnonzero(cast)
    seats, weight = ballots.shown[rows], ballots.weight[rows] * given.count[..., rows]
    level = np.where(ballots.places[rows] == UNRANKED, LAST, ballots.places[rows])
    level[seats < 0] = ABSENT
    soft = ~np.isnan(ballots.p_a[rows])
    if soft.any():
        p = ballots.p_a[rows[soft]]
        one, two = level[soft].copy(), level[soft].copy()
        one[:, :2], two[:, :2] = (1, 2), (2, 1)
        seats = np.concatenate([seats[~soft], seats[soft], seats[soft]])
        level = np.concatenate([level[~soft], one, two])
        parts = [weight[..., ~soft], weight[..., soft] * p, weight[..., soft] * (1 - p)]
        weight = np.concatenate(parts, axis=-1)
    best, worst = ranges(level)
    kind = CastPositions if given is ballots else ResampledPositions
    return kind(ballots.models, seats, level, best, worst, (level != ABSENT).sum(axis=1), weight)


def ranges(level: IntArray) -> tuple[IntArray, IntArray]:
    """Best and worst place that each tie of a row covers, 1 first; lower (B, K) levels are better."""
    width = level.shape[1]
    if width == 2:
        other = level[:, ::-1]
        return 1 + (other < level).astype(np.int64), 1 + (other <= level).astype(np.int64)
    sorting = np.argsort(level, axis=1, kind="stable")
    in_order = np.take_along_axis(level, sorting, axis=1)
    place = np.broadcast_to(np.arange(width), level.shape)
    change = in_order[:, 1:] != in_order[:, :-1]
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


def positional(
    ballots: Ballots | ResampledBallots, rule: str, vector: Vector, ties: Ties, missing: str
) -> FloatArray:
    """(M,) sum of the points that each ballot's places give, times its weight; (R, M) for resamples.

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
    cast = position_ballots(ballots, rule, missing)
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
    if missing == "worst":  # every model gets what an absent one gets, and the shown ones the rest
        return np.asarray(cast.weigh(absent) + cast.sums(points - absent[:, None]))
    total = cast.sums(points)
    if missing == "average":
        seen = cast.sums(np.ones(points.shape))
        unseen = np.full(total.shape, np.nan)
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


def _gaps(ballots: Ballots, rule: str, missing: str) -> None:
    """Refuse gaps, naming the model with most of them, if the rule was not told what to do."""
    if missing != "refuse":
        return
    there = ballots.shown >= 0
    if (there.sum(axis=1) == len(ballots.models)).all():
        return
    shown = np.bincount(ballots.shown[there], minlength=len(ballots.models))
    worst = int(shown.argmin())
    gaps, n = len(ballots.shown) - int(shown[worst]), len(ballots.shown)
    # where no ballot shows all models, "worst" would count how often a model was shown
    whole = int(there.sum(axis=1).max()) == len(ballots.models)
    remedy = (
        "say how to treat gaps with missing= (--missing worst), or choose a rule on pairs."
        if whole
        else "choose a rule on pairs, such as copeland."
    )
    raise VotesError(
        f"{rule} needs every model on every ballot, and {ballots.models[worst]!r} is missing from {gaps:,} "
        f"of {n:,} different ones; {remedy}"
    )
