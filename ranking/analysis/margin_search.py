"""The search for the fewest changes that swap two models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from agon.ranking.analysis.influence_function import influence
from agon.ranking.analysis.perturbation import Profile, Trial, levels, view_of
from agon.ranking.errors import AgonError
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.results import Fit
from agon.ranking.text import Readable
from agon.ranking.votes.ballots import Ballots, canonical
from agon.ranking.votes.validation import PAD, UNRANKED

ChangeKind = Literal["swap", "delete"]
SHOWN = 3  # kinds of votes a sentence names


@dataclass(frozen=True, repr=False)
class Change(Readable):
    """Some equal votes, or a task, that change: how many, what they say, and what they say afterwards."""

    number: int
    before: str
    after: str

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return f"{self.number} of {self.before} become {self.after}."


@dataclass(frozen=True, eq=False)
class _Kinds:
    """Ballots with those they may turn into: moving votes is then a matter of counts.

    `rows` (C,) are the kinds of votes that may change, `into` (C,) what they become, -1 for left out; both
    number the distinct `ballots`. `number` (C,) is how many there are, `swing` (C,) what one changed
    vote does to the pair alone: 2 where the upper model is above, 1 where they are level or not both on it.
    """

    ballots: Ballots
    rows: IntArray
    into: IntArray
    number: IntArray
    swing: IntArray

    @classmethod
    def of(cls, profile: Profile, a: int, b: int, change: ChangeKind) -> _Kinds:
        """Write every vote that touches the two models as it is and as it would be."""
        there = ~np.isnan(profile.place[:, [a, b]])
        touched = np.flatnonzero(there.any(axis=1))
        turned = profile.rows(touched).put(b, "top").put(a, "bottom")
        shown, places, acceptable = Profile(
            profile.models,
            np.concatenate([profile.place, turned.place]),
            np.concatenate([profile.acceptable, turned.acceptable]),
            np.concatenate([profile.weight, turned.weight]),
            np.concatenate([profile.count, turned.count]),
        ).written()
        count = np.concatenate([profile.count, np.zeros_like(turned.count)])
        weight = np.concatenate([profile.weight, turned.weight])
        ballots, which = canonical(profile.models, shown, places, acceptable, None, weight, count)
        rows, first = np.unique(which[touched], return_index=True)
        into = which[len(profile.count) :][first]
        if change == "delete":
            into = np.full_like(into, -1)
        useful = np.flatnonzero((rows != into) & (ballots.count[rows] > 0))
        rows = rows[useful]
        place = profile.place[touched[first[useful]]]
        above = np.nan_to_num(place[:, a], nan=np.inf) - np.nan_to_num(place[:, b], nan=np.inf)
        swing = np.where(np.isnan(above), 1, 1 - np.sign(above)).astype(np.int64)
        swing[np.isnan(place[:, [a, b]]).any(axis=1)] = 1
        return cls(ballots, rows, into[useful], ballots.count[rows], swing)

    def with_moved(self, taken: IntArray) -> Ballots:
        """The ballots after `taken` (C,) votes of each kind have changed."""
        count = self.ballots.count.copy()
        np.subtract.at(count, self.rows, taken)
        stays = self.into >= 0
        np.add.at(count, self.into[stays], taken[stays])
        return self.ballots.with_count(count)


class _Search:
    """The search for few votes; counts what it ranks."""

    def __init__(self, trial: Trial, a: int, b: int, change: ChangeKind, kinds: _Kinds) -> None:
        self.trial, self.a, self.b, self.change, self.kinds = trial, a, b, change, kinds
        self.tried = 0

    def gap(self, taken: IntArray) -> float:
        """ChangeKind far the lower model is above the upper one after a change; below 0 at first."""
        self.tried += 1
        ballots = self.kinds.with_moved(taken)
        try:
            values = self.trial.values(ballots)
        except AgonError:
            return -np.inf
        one, two = values[self.a], values[self.b]
        if np.isnan(two):
            return -np.inf
        return np.inf if np.isnan(one) else float(two - one)

    def run(self) -> IntArray | None:
        """(C,) votes of each kind that suffice, or None."""
        best = None
        for order, most in self.orders():
            taken = self.prefix(order, most) if len(order) else None
            if taken is not None and (best is None or taken.sum() < best.sum()):
                best = taken
        return None if best is None else self.trim(best)

    def orders(self) -> list[tuple[IntArray, IntArray]]:
        """Orders in which kinds are taken, with how many of each."""
        kinds = self.kinds
        rate, least, smooth = self.rates(np.lexsort((-kinds.number, -kinds.swing)))
        helpful = np.lexsort((-kinds.number, -kinds.swing, -rate))
        head_to_head = np.lexsort((-kinds.number, -rate, -kinds.swing))
        by_size = np.lexsort((-kinds.number, -kinds.swing))
        if self.change == "delete":  # leaving out votes that help the lower model would only harm it
            helpful = helpful[rate[helpful] > 0]
            head_to_head = head_to_head[kinds.swing[head_to_head] == 2]
            by_size = by_size[kinds.swing[by_size] == 2]
        whole = [(order, kinds.number) for order in (helpful, head_to_head, by_size)]
        return whole if smooth else [(helpful, least), *whole]

    def rates(self, order: IntArray) -> tuple[FloatArray, IntArray, bool]:
        """(C,) gain per vote of each kind alone, (C,) how many of it make that gain, whether it is steady."""
        kinds = self.kinds
        at_once = self.first_order()
        if at_once is not None:
            return at_once, kinds.number, True
        start = self.gap(np.zeros_like(kinds.number))
        rate, least = np.full(len(order), -np.inf), kinds.number.copy()
        smooth: bool | None = None
        for kind in order[: max(1, self.trial.tries // 4)].tolist():
            alone = np.zeros_like(kinds.number)
            alone[kind] = kinds.number[kind]
            gain = self.gap(alone) - start
            if not gain > 0:
                continue
            if smooth is None and kinds.number[kind] >= 4:
                alone[kind] = (kinds.number[kind] + 1) // 2
                smooth = self.gap(alone) - start > 0.2 * gain
            if smooth is False and self.tried < self.trial.tries:
                least[kind] = self.fewest(alone, kind, start + 0.999 * gain)
            rate[kind] = gain / least[kind]
        return rate, least, smooth is not False

    def first_order(self) -> FloatArray | None:
        """(C,) gain per vote of each kind by its influence on a fit; None for a rule without one."""
        kinds, how = self.kinds, self.trial.how
        fit = how.function(view_of(how, kinds.ballots), **self.trial.options)
        if not isinstance(fit, Fit):
            return None
        contrast = np.zeros(len(fit.values))
        contrast[[self.a, self.b]] = -1.0, 1.0
        moved = influence(fit, kinds.ballots, contrast)
        if moved is None or not moved[kinds.rows].any():
            return None
        self.tried += 1
        return np.where(kinds.into >= 0, moved[kinds.into], 0.0) - moved[kinds.rows]

    def fewest(self, alone: IntArray, kind: int, wanted: float) -> int:
        """The fewest votes of one kind that still move the models that far."""
        low, high = 0, int(self.kinds.number[kind])
        while high - low > 1 and self.tried < self.trial.tries:
            middle = (low + high) // 2
            alone[kind] = middle
            low, high = (low, middle) if self.gap(alone) >= wanted else (middle, high)
        return high

    def prefix(self, order: IntArray, most: IntArray) -> IntArray | None:
        """Take kinds in order, at most so many of each, until the models have swapped."""
        size = most[order]
        before = np.concatenate([[0], np.cumsum(size)[:-1]])

        def taken(total: int) -> IntArray:
            votes = np.zeros_like(most)
            votes[order] = np.clip(total - before, 0, size)
            return votes

        low, high = 0, int(size.sum())
        if self.gap(taken(high)) <= 1e-9:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.gap(taken(middle)) > 1e-9 else (middle, high)
        return taken(high)

    def trim(self, taken: IntArray) -> IntArray:
        """Put votes back as long as the models stay swapped, kind by kind, the last ones first."""
        taken = taken.copy()
        for kind in np.flatnonzero(taken)[::-1]:
            low, high = -1, int(taken[kind])  # low: too few, high: enough
            while high - low > 1 and self.tried < self.trial.tries:
                trial = taken.copy()
                trial[kind] = (low + high) // 2
                low, high = (low, trial[kind]) if self.gap(trial) > 1e-9 else (trial[kind], high)
            taken[kind] = high
        return taken

    def confirm(self, taken: IntArray) -> bool:
        """Rank the changed votes from the start."""
        moved = self.kinds.with_moved(taken)
        cast = moved.count > 0
        again = Ballots.of(
            moved.models,
            moved.shown[cast],
            moved.places[cast],
            acceptable=moved.acceptable[cast],
            weight=moved.weight[cast],
            count=moved.count[cast],
        )
        level = levels(self.trial.how, again, self.trial.options)
        return bool(level[self.b] < level[self.a])

    def describe(self, taken: IntArray) -> tuple[Change, ...]:
        """The changed votes in words, most votes first."""
        order = np.argsort(-taken, kind="stable")
        ballots, kinds = self.kinds.ballots, self.kinds
        return tuple(
            Change(
                int(taken[kind]),
                _words(ballots, int(kinds.rows[kind])),
                _words(ballots, int(kinds.into[kind])) if kinds.into[kind] >= 0 else "left out",
            )
            for kind in order
            if taken[kind] > 0
        )


def _words(ballots: Ballots, row: int) -> str:
    """A ballot in words: best first, ties joined by =, those without a place in brackets."""
    shown, places = ballots.shown[row], ballots.places[row]
    seats = [(int(p), ballots.models[int(s)]) for s, p in zip(shown, places, strict=True) if s != PAD]
    levels_ = sorted({p for p, _ in seats if p != UNRANKED})
    text = " > ".join(" = ".join(name for p, name in seats if p == level) for level in levels_)
    rest = [name for p, name in seats if p == UNRANKED]
    return f"{text} ({', '.join(rest)})" if rest else text
