"""The rounds of eliminating rules: ballots while models drop out, with scores kept up to date.

Only the ballots that lose a model are looked at again, so a round on a million short ballots costs what
the eliminated models' own ballots cost. Which rule eliminates whom is in elimination.py.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from agon.ranking.methods.social_choice.rank_positions import (
    ABSENT,
    LAST,
    CastPositions,
    RankPositions,
    Ties,
    position_ballots,
    positional,
)
from agon.ranking.numerics import BoolArray, FloatArray, IntArray, steady
from agon.ranking.votes.ballots import WIDE, Ballots
from agon.ranking.votes.pair_counts import PairCounts
from agon.ranking.votes.resamples import ResampledBallots, ResampledPairCounts

_Tiers = tuple[tuple[int, ...], ...]
GONE = np.iinfo(np.int32).max  # level of an empty seat


class Race(Protocol):
    """Scores of the models left, (M,), and what happens when some drop out."""

    left: BoolArray

    def score(self) -> FloatArray:
        """(M,) scores; anything for models that are out."""

    def drop(self, gone: IntArray) -> None:
        """Take models out."""


def run(
    race: Race,
    total: FloatArray,
    stop: Callable[[], BoolArray] | None = None,
    tied: list[tuple[int, ...]] | None = None,
) -> _Tiers:
    """Eliminate the lowest scores until all that are left are equal; tiers from the last round back.

    Args:
        race: the ballots.
        total: (1,) weight of all ballots.
        stop: (M,) models that win at once.
        tied: gets the models of every round in which several were lowest and went together though others
            stayed, unless they have less together than any of these: then one after the other ends alike.
    """
    out: list[tuple[int, ...]] = []
    while race.left.any():
        won = race.left & stop() if stop is not None else np.zeros_like(race.left)
        if won.any():
            out += [indices(race.left & ~won), indices(won)]
            break
        now = np.where(race.left, steady(race.score(), total), np.inf)
        lowest = race.left & (now == now.min())
        gone, stay = np.flatnonzero(lowest), now[race.left & ~lowest]
        harmless = now.min() >= 0 and now.min() * len(gone) < stay.min(initial=np.inf)
        if tied is not None and len(gone) > 1 and len(stay) and not harmless:
            tied.append(tuple(gone.tolist()))
        out.append(tuple(gone.tolist()))
        race.drop(gone)
    return tuple(tier for tier in reversed(out) if tier)


class BallotIndex:
    """Who sits on which ballots, the same for all resamples of them.

    Attributes:
        models: how many there are, M.
        seats: (B, K) model indices.
        level: (B, K) places in few bytes, GONE for an empty seat.
        best: (B,) the best place of each ballot.
        size: (B,) how many models it shows.
    """

    def __init__(self, cast: RankPositions, level: IntArray) -> None:
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

    def now(self, rows: IntArray, left: BoolArray) -> NDArray[np.int32]:
        """(b, K) places on some ballots of the models left; GONE for the others."""
        return np.where(left[self.seats[rows]], self.level[rows], np.int32(GONE))

    def sums(self, rows: IntArray, points: FloatArray, weight: FloatArray) -> FloatArray:
        """(M,) weighted sums of the (b, K) points of some ballots, 0 on empty seats."""
        row, column = np.nonzero(points)
        given = points[row, column] * weight[rows[row]]
        seats = self.seats[rows[row], column]
        return np.bincount(seats, given, self.models).astype(np.float64, copy=False)


def index_first_places(cast: RankPositions) -> BallotIndex:
    """The models that the ballots rank: the others are on nobody's first place."""
    return BallotIndex(cast, np.where(cast.level == LAST, ABSENT, cast.level))


class FirstPlaces:
    """First places among the models left; a ballot that ranks none of them counts for nobody."""

    def __init__(self, cast: CastPositions, ties: Ties, seating: BallotIndex | None = None) -> None:
        self.ties, self.weight = ties, cast.weight
        self.seating = index_first_places(cast) if seating is None else seating
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

    def __init__(self, cast: CastPositions, ties: Ties, seating: BallotIndex | None = None) -> None:
        self.ties, self.weight = ties, cast.weight
        self.seating = BallotIndex(cast, cast.level) if seating is None else seating
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


def indices(mask: BoolArray) -> tuple[int, ...]:
    """The places where a mask is true."""
    return tuple(np.flatnonzero(mask).tolist())


Gaps = Literal["refuse", "worst", "drop_task"]


def rounds_of_two(
    ballots: Ballots | ResampledBallots, ties: Ties, missing: Gaps
) -> tuple[FloatArray, FloatArray]:
    """(M,) first places and (M, M) margins; with one more axis in front for resamples."""
    cast = position_ballots(ballots, "two_round", missing)
    given = positional(ballots, "two_round", _first_place, "worst" if ties == "published" else ties, missing)
    wins = complete_pairs(ballots, cast, missing)[0]
    return steady(given, cast.total), steady(wins - np.swapaxes(wins, -1, -2), cast.total[..., None])


def run_off(first: FloatArray, margin: FloatArray) -> _Tiers:
    """_Tiers of two rounds: who wins a run-off that may happen, who loses it, the others by first places."""
    levels = np.unique(first)[::-1]
    level = [tuple(np.flatnonzero(first == value).tolist()) for value in levels]
    if len(first) == 1:
        return tuple(level)
    top, second = level[0], level[0] if len(level[0]) > 1 else level[1]
    winners = {
        winner
        for a in top
        for b in second
        if a != b
        for winner in ((a, b) if margin[a, b] == 0 else (a,) if margin[a, b] > 0 else (b,))
    }
    tiers = [tuple(sorted(winners)), tuple(sorted({*top, *second} - winners))]
    tiers += [tuple(sorted(set(part) - {*top, *second})) for part in level]
    return tuple(tier for tier in tiers if tier)


def _first_place(n: int) -> FloatArray:
    """(n,) a point for the first place alone."""
    return np.eye(1, n).ravel()


def _at_least(number: float) -> int:
    """The least whole number of voters not below a bound, forgiving rounding."""
    return max(0, math.ceil(number - 1e-9))


def _borda_rounds(
    ballots: Ballots,
    rule: str,
    ties: Ties,
    missing: str,
    low: Callable[[FloatArray], BoolArray],
    tied: list[tuple[int, ...]] | None = None,
) -> _Tiers:
    """Eliminate by Borda among the models left; the scores are row sums of pair credits, kept up to date."""
    credit, total = borda_credit(ballots, rule, ties, missing)
    left = np.arange(len(credit))
    score = credit.sum(axis=1)
    out: list[tuple[int, ...]] = []
    while len(left):
        gone = low(steady(score[left], total * len(credit)))
        if not gone.any() or gone.all():
            out.append(tuple(left.tolist()))
            break
        if tied is not None and gone.sum() > 1:
            tied.append(tuple(left[gone].tolist()))
        out.append(tuple(left[gone].tolist()))
        score -= credit[:, left[gone]].sum(axis=1)
        left = left[~gone]
    return tuple(reversed(out))


def borda_credit(
    ballots: Ballots | ResampledBallots, rule: str, ties: Ties, missing: str
) -> tuple[FloatArray, FloatArray]:
    """(M, M) Borda points of the row against the column, and the weight of all; (R, ...) for resamples."""
    cast = position_ballots(ballots, rule, missing)
    wins, tied = complete_pairs(ballots, cast, missing)
    credit = wins + {"share": 0.5, "best": 1.0}.get(ties, 0.0) * tied
    if missing == "partial_borda":
        credit += 0.5 * (cast.total[..., None] - wins - np.swapaxes(wins, -1, -2) - tied)
    _clear_diagonal(credit)
    return credit, cast.total


def complete_pairs(
    ballots: Ballots | ResampledBallots, cast: RankPositions, missing: str
) -> tuple[FloatArray, FloatArray]:
    """(M, M) weight that puts row above column, and weight that ties them, once gaps are treated.

    Models shown but not ranked are tied with each other here; "worst" puts all shown above all absent
    and ties these; under "partial_borda" pairs that a ballot cannot compare are in neither matrix.
    One more axis in front for resamples.
    """
    pairs = _count_pairs(ballots, missing)
    tied = pairs.ties + pairs.both_bad
    unranked = cast.only(np.flatnonzero((cast.level == LAST).sum(axis=1) > 1))
    if len(unranked.size):
        row, column = np.nonzero(unranked.level == LAST)
        last = np.zeros((len(unranked.size), len(cast.models)))
        last[row, unranked.seats[row, column]] = 1.0
        more = [(last * one.weight[:, None]).T @ last for one in unranked.each()]
        tied = tied + np.reshape(more, tied.shape)
        _clear_diagonal(tied)
    if missing == "partial_borda" or not (cast.size < len(cast.models)).any():
        return pairs.wins, tied
    shown = cast.sums(np.ones(cast.level.shape))
    beside = pairs.wins + np.swapaxes(pairs.wins, -1, -2) + tied
    alone = shown[..., None] - beside  # the row is shown, the column is not
    _clear_diagonal(alone)
    wins = pairs.wins + alone
    return wins, cast.total[..., None] - wins - np.swapaxes(wins, -1, -2)


def _clear_diagonal(table: FloatArray) -> None:
    """Set what models have against themselves to 0."""
    each = np.arange(table.shape[-1])
    table[..., each, each] = 0.0


def _count_pairs(ballots: Ballots | ResampledBallots, missing: str) -> PairCounts | ResampledPairCounts:
    """Count the pairs of the ballots that count: all, or with "drop_task" those that show every model."""
    whole = ballots.ballots if isinstance(ballots, ResampledBallots) else ballots
    count = ballots.count
    if missing == "drop_task":
        count = np.where((whole.shown >= 0).sum(axis=1) == len(whole.models), count, 0)
    if isinstance(ballots, ResampledBallots):
        return ballots.pairs if count is ballots.count else ResampledBallots(whole, count).pairs
    return PairCounts.from_ballots(ballots if count is ballots.count else ballots.with_count(count))


def fewest_last(table: FloatArray) -> _Tiers:
    """_Tiers of rows (M, n) compared number by number, the smallest first."""
    order = np.lexsort(table[:, ::-1].T) if table.shape[1] else np.arange(len(table))
    change = np.append(True, (table[order[1:]] != table[order[:-1]]).any(axis=1))
    begins = [*np.flatnonzero(change).tolist(), len(table)]
    return tuple(tuple(sorted(order[a:b].tolist())) for a, b in itertools.pairwise(begins))


def low_places(cast: RankPositions, ties: Ties) -> FloatArray:
    """(M, M - 1) weight of the ballots that put a model last, second to last and so on, up to second.

    The absent share the last places. One more axis in front for resamples.
    """
    n = len(cast.models)
    row, column = np.nonzero(cast.level != ABSENT)
    seat, part = cast.seats[row, column], np.ones(len(row))
    best, worst = cast.best[row, column], cast.worst[row, column]
    if ties == "share":
        part = part / (worst - best + 1)
    else:
        best = worst = best if ties == "best" else worst
    cells = np.concatenate([seat * (n + 1) + best - 1, seat * (n + 1) + worst])
    steps = cast.tally(cells, np.tile(row, 2), np.concatenate([part, -part]), n * (n + 1))
    table: FloatArray = np.cumsum(steps.reshape(*steps.shape[:-1], n, n + 1), axis=-1)[..., :n]
    for size in np.unique(cast.size[cast.size < n]).tolist():
        short = cast.only(np.flatnonzero(cast.size == size))
        absent = short.total - short.sums(np.ones(short.level.shape))
        if ties == "share":
            table[..., size:] += absent[..., None] / (n - size)
        else:
            table[..., size if ties == "best" else n - 1] += absent
    return steady(table, cast.total[..., None])[..., :0:-1]
