"""Votes changed on purpose: fewer models, a clone, a model raised or lowered.

Nothing here judges a rule; `Trial` says how a rule orders the models of the changed votes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agon.ranking.errors import MethodError, OptionError
from agon.ranking.numerics import BoolArray, FloatArray, IntArray
from agon.ranking.registry import Method
from agon.ranking.results import as_values
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.comparisons import Comparisons
from agon.ranking.votes.pair_counts import PairCounts
from agon.ranking.votes.score_table import ScoreTable
from agon.ranking.votes.validation import NOT_ASKED, PAD, UNRANKED
from agon.ranking.votes.vote_source import Battles

_CELLS = 200_000_000  # ballots x models written out at most
_SAME = 1e-9  # values closer than this, or than this share of their range, are equal


@dataclass(frozen=True, eq=False)
class Profile:
    """B distinct ballots over M models, written out.

    Attributes:
        models: M names.
        place: (B, M) place, infinite for shown but not ranked, NaN for not shown.
        acceptable: (B, M) 1, 0 or -1 for not asked.
        weight: (B,) of one such vote.
        count: (B,) how many votes are this ballot.
    """

    models: tuple[str, ...]
    place: FloatArray
    acceptable: NDArray[np.int8]
    weight: FloatArray
    count: IntArray

    @classmethod
    def of(cls, ballots: Ballots) -> Profile:
        """Write the ballots out; a soft judgement becomes two, with its two weights.

        Raises:
            OptionError: too many different ballots for the number of models.
        """
        b, m = len(ballots.count), len(ballots.models)
        if b * m > _CELLS:
            raise OptionError(
                f"{b:,} different ballots over {m} models are too many to change one by one; take a sample."
            )
        place = np.full((b, m), np.nan)
        acceptable = np.full((b, m), NOT_ASKED, dtype=np.int8)
        row, seat = np.nonzero(ballots.shown >= 0)
        at = (row, ballots.shown[row, seat])
        given = ballots.places[row, seat]
        place[at] = np.where(given == UNRANKED, np.inf, given)
        acceptable[at] = ballots.acceptable[row, seat]
        made = cls(ballots.models, place, acceptable, ballots.weight, ballots.count)
        soft = np.flatnonzero(~np.isnan(ballots.p_a))
        if not len(soft):
            return made
        one, two = place[soft].copy(), place[soft].copy()
        left, right = ballots.shown[soft, 0], ballots.shown[soft, 1]
        each = np.arange(len(soft))
        one[each, left], one[each, right], two[each, left], two[each, right] = 1, 2, 2, 1
        share = ballots.p_a[soft]
        hard = np.isnan(ballots.p_a)
        both = Profile(
            made.models,
            np.concatenate([place[hard], one, two]),
            np.concatenate([acceptable[hard], acceptable[soft], acceptable[soft]]),
            np.concatenate([made.weight[hard], made.weight[soft] * share, made.weight[soft] * (1 - share)]),
            np.concatenate([made.count[hard], made.count[soft], made.count[soft]]),
        )
        return both.rows(both.weight > 0)

    def rows(self, keep: BoolArray | IntArray) -> Profile:
        """Keep some ballots, or repeat them; a mask or row numbers."""
        return Profile(
            self.models, self.place[keep], self.acceptable[keep], self.weight[keep], self.count[keep]
        )

    def without(self, gone: IntArray) -> Profile:
        """Take models off every ballot; ballots left with fewer than two are left out."""
        stay = np.setdiff1d(np.arange(len(self.models)), gone)
        names = tuple(self.models[i] for i in stay)
        place = self.place[:, stay]
        kept = Profile(names, place, self.acceptable[:, stay], self.weight, self.count)
        return kept.rows((~np.isnan(place)).sum(axis=1) >= 2)

    def cloned(self, model: int, name: str, side: str) -> Profile:
        """Put a clone right below a model wherever it is shown; every vote then counts five times.

        With `side` "split" it is right above on two of the five, so that the two share the first places
        but not evenly, which would only test how a rule breaks ties; with "below" on none.
        """
        where = self.place[:, [model]]
        gap = np.where(np.isfinite(where), 0.5, 0.0)
        parts = [(gap, 3), (-gap, 2)] if side == "split" else [(gap, 5)]
        twice = self.rows(np.concatenate([np.arange(len(self.count))] * len(parts)))
        return Profile(
            (*self.models, name),
            np.hstack([twice.place, np.concatenate([where + shift for shift, _ in parts])]),
            np.hstack([twice.acceptable, twice.acceptable[:, [model]]]),
            twice.weight,
            np.concatenate([self.count * times for _, times in parts]),
        )

    def moved(self, model: int, number: IntArray, to: str) -> Profile:
        """Move a model to the top or the bottom of `number` (B,) of the votes of each ballot."""
        rows = np.flatnonzero(number > 0)
        changed = replace(self.rows(rows).put(model, to), count=number[rows])
        rest = replace(self, count=self.count - number)
        return _joined(rest, changed)

    def put(self, model: int, to: str) -> Profile:
        """Put a model at the "top" or the "bottom" of every ballot that shows it."""
        place = self.place.copy()
        ranked = np.where(np.isfinite(place), place, np.nan)
        here = ~np.isnan(place[:, model])
        if to == "top":
            place[here, model] = np.fmin.reduce(ranked[here], axis=1, initial=2.0) - 1.0
        else:
            place[here, model] = np.inf
            ranked[:, model] = np.nan
            last = np.fmax.reduce(ranked[here], axis=1, initial=0.0)
            alone = ~(np.isinf(place[here]).sum(axis=1) > 1)
            place[here, model] = np.where(alone, last + 1.0, np.inf)
        return replace(self, place=place)

    def ballots(self) -> Ballots:
        """Return to ballots, in canonical order, the places dense again."""
        cast = self.rows(self.count > 0)
        shown, places, fine = cast.written()
        return Ballots.of(cast.models, shown, places, acceptable=fine, weight=cast.weight, count=cast.count)

    def written(self) -> tuple[IntArray, IntArray, IntArray]:
        """Models shown, places (dense again) and acceptability, each (B, K), as `Ballots.of` takes them."""
        there = ~np.isnan(self.place)
        width = max(2, int(there.sum(axis=1).max(initial=2)))
        sorting = np.argsort(self.place, axis=1, kind="stable")  # NaN last
        ordered = np.take_along_axis(self.place, sorting, axis=1)
        step = np.ones(ordered.shape, dtype=np.int64)
        step[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        dense = np.where(np.isfinite(ordered), np.cumsum(step, axis=1), UNRANKED)
        shown = np.where(np.isnan(ordered), PAD, sorting)
        fine = np.take_along_axis(self.acceptable, sorting, axis=1).astype(np.int64)
        return shown[:, :width], dense[:, :width], fine[:, :width]


def _joined(one: Profile, two: Profile) -> Profile:
    return Profile(
        one.models,
        np.concatenate([one.place, two.place]),
        np.concatenate([one.acceptable, two.acceptable]),
        np.concatenate([one.weight, two.weight]),
        np.concatenate([one.count, two.count]),
    )


@dataclass(frozen=True, eq=False)
class Trial:
    """One rule on one set of votes, ready to be run on changed ones."""

    how: Method
    votes: Comparisons | ScoreTable
    options: Mapping[str, Any]
    tries: int = 200

    def __post_init__(self) -> None:
        if self.how.view == "battles":
            raise MethodError(
                f"{self.how.name} plays votes in their order, and is not asked about changed votes; "
                "choose a rule on pairs, ballots or scores."
            )
        self.how.view_of(self.votes)

    @property
    def models(self) -> tuple[str, ...]:
        """The names."""
        return self.votes.models

    @cached_property
    def profile(self) -> Profile:
        """The ballots written out."""
        return Profile.of(self.votes.ballots)

    @cached_property
    def base(self) -> IntArray:
        """(M,) level of each model on the votes as they are."""
        return levels(self.how, self.votes, self.options)

    def values(self, ballots: Ballots) -> FloatArray:
        """(M,) values of the rule on changed ballots of the same models; minus the tier for a choice."""
        return as_values(self.how.function(view_of(self.how, ballots), **self.options), len(ballots.models))

    def on(self, ballots: Ballots, names: Sequence[str]) -> IntArray:
        """Levels of the named models on changed ballots."""
        found = levels(self.how, ballots, self.options)
        return np.array([found[ballots.models.index(name)] for name in names])

    def among(self, names: Sequence[str]) -> IntArray:
        """Levels of some models when only they stand."""
        keep = np.isin(self.models, names)
        if self.how.view == "pairs":
            pairs = self.votes.pairs
            at = np.ix_(keep, keep)
            few = tuple(name for name, kept in zip(self.models, keep, strict=True) if kept)
            part = PairCounts(few, pairs.wins[at], pairs.ties[at], pairs.both_bad[at], pairs.votes[keep])
            found = levels_of(as_values(self.how.function(part, **self.options), len(few)))
            return np.array([found[few.index(name)] for name in names])
        if isinstance(self.votes, ScoreTable):
            table = self.votes.subset(keep)
            found = levels(self.how, table, self.options)
            return np.array([found[table.models.index(name)] for name in names])
        return self.on(self.profile.without(np.flatnonzero(~keep)).ballots(), names)

    def listed(self, names: Sequence[str]) -> list[str]:
        """Some models, best first, ties by name from the last letter on, as published."""
        level = self.among(names)
        ordered = sorted(zip((-level).tolist(), names, strict=True), reverse=True)
        return [name for _, name in ordered]

    def front(self, number: int) -> list[int]:
        """Indices of the models on the first places, as many as asked for."""
        return [int(i) for i in np.argsort(self.base, kind="stable")[:number]]


def levels(how: Method, votes: Comparisons | ScoreTable | Ballots, options: Mapping[str, Any]) -> IntArray:
    """(M,) level of each model under a rule, in the order of `votes.models`: 0 for the first, equal for ties.

    A model that the rule does not place is on the last level of all. Values are equal when they differ
    by less than 1e-9, or than 1e-9 of their range.
    """
    view = view_of(how, votes) if isinstance(votes, Ballots) else how.view_of(votes)
    return levels_of(as_values(how.function(view, **options), len(votes.models)))


def view_of(how: Method, ballots: Ballots) -> PairCounts | Ballots | Battles:
    """What a rule needs, from ballots alone.

    Raises:
        MethodError: the rule needs scores, or the time of the votes.
    """
    if how.view == "pairs":
        return PairCounts.from_ballots(ballots)
    if how.view == "ballots":
        return ballots
    if how.by_time:
        raise MethodError(f"{how.name} goes by the time of votes, and votes changed one by one have none.")
    if how.view == "battles":
        return Battles(ballots, np.repeat(np.arange(len(ballots.count)), ballots.count), "file")
    raise MethodError(f"{how.name} needs a score table; votes changed one by one have no scores.")


def levels_of(values: FloatArray) -> IntArray:
    """(M,) 0 for the highest value, 1 for the next, ties equal, NaN last."""
    known = np.where(np.isnan(values), -np.inf, values)
    finite = known[np.isfinite(known)]
    unit = max(float(np.ptp(finite)) if len(finite) else 0.0, 1.0) * _SAME
    order = np.argsort(-known, kind="stable")
    with np.errstate(invalid="ignore"):
        drop = known[order[:-1]] - known[order[1:]] > unit
    level = np.empty(len(known), dtype=np.int64)
    level[order] = np.concatenate([[0], np.cumsum(drop)])
    return level
