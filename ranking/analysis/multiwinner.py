"""Choosing several models at once: k-Borda, Chamberlin-Courant, proportional approval voting, exactly.

Each is a small integer program; the answer comes with the proof of its optimality, or with its gap where
the time ran out. Whether a choice represents the voters is checked in representation.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from agon.ranking.analysis.perturbation import Profile
from agon.ranking.errors import ConvergenceError, OptionError, VotesError, suggest
from agon.ranking.numerics import BoolArray, FloatArray, IntArray
from agon.ranking.text import Readable
from agon.ranking.votes.comparisons import Votes, as_comparisons

CommitteeRule = Literal["k_borda", "chamberlin_courant", "proportional_approval"]
_RULES: tuple[CommitteeRule, ...] = ("k_borda", "chamberlin_courant", "proportional_approval")
Approve = int | Literal["acceptable", "ranked"]
_CLOSE = 1e-7  # scores of committees closer than this share are equal: the solver's own tolerance


@dataclass(frozen=True, repr=False)
class Committee(Readable):
    """Several models chosen together.

    Attributes:
        models: the chosen, by name.
        rule: how they were chosen.
        score: their score under the rule, summed over the votes.
        unique: whether every other choice scores less; None if not asked or not settled in time.
        gap: how far above `score` the best choice could be, as a share; 0 where this one is the best.
        at_least: how many had to come from each group.
        satisfaction: what a vote gives for a model, "borda" or "approval".
    """

    models: tuple[str, ...]
    rule: CommitteeRule
    score: float
    unique: bool | None
    gap: float
    at_least: Mapping[str, int]
    satisfaction: Literal["borda", "approval"]

    def conclusion(self) -> str:
        """Say in one sentence who is chosen, and how sure that is."""
        names = " and ".join(
            [", ".join(self.models[:-1]), self.models[-1]] if len(self.models) > 1 else self.models
        )
        if self.gap > 0:
            sure = f"the best found in time, at most {self.gap:.2%} below the best possible"
        else:
            sure = {True: "the only best", False: "one of several equally good", None: "a best"}[self.unique]
        return f"{names}: {sure} choice of {len(self.models)} under {self.rule} (score {self.score:g})."


def committee(
    votes: Votes,
    size: int,
    rule: CommitteeRule = "proportional_approval",
    *,
    approve: Approve | None = None,
    satisfaction: Literal["borda", "approval"] | None = None,
    groups: Mapping[str, str] | None = None,
    at_least: Mapping[str, int] | None = None,
    missing: Literal["refuse", "worst"] = "refuse",
    time_limit: float = 60.0,
    check_unique: bool = True,
) -> Committee:
    """Choose `size` models with the highest score.

    "k_borda": the sum of their Borda points. "chamberlin_courant": every vote counts its best chosen model.
    "proportional_approval": a vote that approves of j chosen models counts 1 + 1/2 + ... + 1/j.

    Args:
        votes: as for `rank`; of a score table each task is a vote.
        size: how many to choose.
        rule: one of the three.
        approve: what a vote approves of: its first places down to this number, the models "acceptable" to
            it, or those it has "ranked" at all. Needed by rules on approval; there is no default.
        satisfaction: for Chamberlin-Courant "borda" (default) or "approval".
        groups: the group of each model.
        at_least: how many must come from each group named here.
        missing: "worst" puts models a vote does not show below all shown; "refuse" wants all shown.
        time_limit: seconds for each integer program.
        check_unique: also find out whether another choice is as good.

    Raises:
        OptionError: an unknown rule, group or model, a size or minimum that cannot be met.
        VotesError: a vote that does not show every model, or that was not asked what is acceptable.
        ConvergenceError: nothing was found in time.

    Source:
        J. Chamberlin and P. Courant, APSR 77 (1983); T. Thiele (1895) for proportional approval; H. Aziz et
        al., Justified representation, Social Choice and Welfare 48 (2017); k-Borda: D. Debord (1992).
    """
    if rule not in _RULES:
        raise OptionError(f"There is no rule {rule!r} to choose several; {suggest(str(rule), _RULES)}")
    profile = Profile.of(as_comparisons(votes).ballots)
    kind = _kind(rule, satisfaction)
    wants = _wants(profile.models, size, groups, at_least)
    weight = profile.weight * profile.count
    if kind == "approval":
        gives = approvals(profile, approve, missing).astype(np.float64)
    else:
        gives = _borda(profile, missing)
    program = _Program.of(rule, gives, weight, size)
    chosen, gap = program.solve(wants, time_limit)
    score = program.score(chosen)
    unique = None
    if check_unique and gap == 0:
        unique = program.is_unique(chosen, score, wants, time_limit)
    return Committee(
        tuple(name for name, taken in zip(profile.models, chosen, strict=True) if taken),
        rule,
        score,
        unique,
        gap,
        dict(at_least or {}),
        kind,
    )


def approvals(profile: Profile, approve: Approve | None, missing: str = "refuse") -> BoolArray:
    """(B, M) which models each ballot approves of; see `committee`.

    Raises:
        OptionError: no rule of approval, or an unknown one.
        VotesError: models not shown where all must be, or voters who were not asked.
    """
    _all_shown(profile, missing)
    if approve == "acceptable":
        shown = ~np.isnan(profile.place)
        if np.any(shown & (profile.acceptable < 0)):
            raise VotesError(
                "Not every vote says which models are acceptable; approve by places instead, with "
                'approve="ranked" or a number of places.'
            )
        return np.asarray(profile.acceptable == 1)
    if approve == "ranked":
        return np.asarray(np.isfinite(profile.place))
    if isinstance(approve, int) and not isinstance(approve, bool) and approve >= 1:
        better = np.stack(
            [(profile.place < column[:, None]).sum(axis=1) for column in profile.place.T], axis=1
        )
        return np.asarray(np.isfinite(profile.place) & (better < approve))
    raise OptionError(
        'Say what a vote approves of with approve="acceptable", approve="ranked" or a number of places such '
        f"as approve=3 (--approve), not {approve!r}."
    )


def _kind(rule: CommitteeRule, satisfaction: str | None) -> Literal["borda", "approval"]:
    """What a vote gives for a model under a rule."""
    fixed: Mapping[str, Literal["borda", "approval"]] = {
        "k_borda": "borda",
        "proportional_approval": "approval",
    }
    if satisfaction not in (None, "borda", "approval"):
        raise OptionError(f'satisfaction must be "borda" or "approval", not {satisfaction!r}.')
    if rule in fixed:
        if satisfaction not in (None, fixed[rule]):
            raise OptionError(f"{rule} counts {fixed[rule]}; leave satisfaction out.")
        return fixed[rule]
    return "approval" if satisfaction == "approval" else "borda"


def _all_shown(profile: Profile, missing: str) -> None:
    """Refuse gaps unless they are to be the worst places."""
    if missing not in ("refuse", "worst"):
        raise OptionError(f'missing must be "refuse" or "worst", not {missing!r}.')
    if missing == "refuse" and np.isnan(profile.place).any():
        column = int(np.argwhere(np.isnan(profile.place))[0][1])
        raise VotesError(
            f"{profile.models[column]!r} is not shown on every vote; choosing several needs all of them, or "
            'missing="worst" (--missing worst).'
        )


def _borda(profile: Profile, missing: str) -> FloatArray:
    """(B, M) models beaten on the ballot plus half of those level with it; the absent are last."""
    _all_shown(profile, missing)
    place = np.where(np.isnan(profile.place), np.inf, profile.place)
    points = np.empty_like(place)
    for i, column in enumerate(place.T):
        level = place == column[:, None]
        points[:, i] = (place > column[:, None]).sum(axis=1) + 0.5 * (level.sum(axis=1) - 1)
    return points


def _wants(
    models: Sequence[str], size: int, groups: Mapping[str, str] | None, at_least: Mapping[str, int] | None
) -> list[tuple[FloatArray, float]]:
    """Rows of "at least so many of these models"."""
    if not 1 <= size <= len(models):
        raise OptionError(
            f"{size} of {len(models)} models cannot be chosen; give a size from 1 to {len(models)}."
        )
    for name in groups or {}:
        if name not in models:
            raise OptionError(f"groups names {name!r}, which is no model here; {suggest(name, models)}")
    rows = []
    for group, number in (at_least or {}).items():
        members = np.array([(groups or {}).get(name) == group for name in models], dtype=np.float64)
        if not members.any():
            raise OptionError(
                f"No model is in group {group!r}; {suggest(group, set((groups or {}).values()))}."
            )
        if not 0 <= number <= members.sum():
            raise OptionError(
                f"At least {number} of group {group!r} cannot be chosen: it has {int(members.sum())} models."
            )
        rows.append((members, float(number)))
    if sum(number for _, number in rows) > size:
        raise OptionError(
            f"The groups ask for more than {size} models together; choose more or ask for fewer."
        )
    return rows


@dataclass(frozen=True, eq=False)
class _Program:
    """Maximise Σ direct · x + Σ worth · z over x in {0, 1}^M with Σx = size, and 0 ≤ z ≤ 1.

    `sets` (S, M) are sets of models; `steps` lists for each z its set and its worth: the z of one set sum to
    at most the number of its models that are chosen. `direct` (M,) is what a chosen model is worth by itself.
    """

    size: int
    direct: FloatArray
    sets: BoolArray
    set_of: IntArray
    worth: FloatArray

    @classmethod
    def of(cls, rule: CommitteeRule, gives: FloatArray, weight: FloatArray, size: int) -> _Program:
        """Write the rule's score as worths of sets, equal sets of different voters together."""
        m = gives.shape[1]
        if rule == "k_borda":
            none = np.zeros(0)
            return cls(size, weight @ gives, np.zeros((0, m), dtype=bool), none.astype(np.int64), none)
        if rule == "proportional_approval":
            sets, which = _distinct(gives > 0)
            total = np.bincount(which, weight, len(sets))
            steps = 1.0 / np.arange(1, size + 1)
            return cls(
                size,
                np.zeros(m),
                sets,
                np.repeat(np.arange(len(sets)), size),
                np.asarray(total[:, None] * steps[None, :], dtype=np.float64).ravel(),
            )
        # a vote counts the step up to each of its levels if one of the models at least that good is chosen
        parts, worths = [], []
        ordered = np.sort(gives, axis=1)
        before = np.concatenate([np.zeros((len(gives), 1)), ordered[:, :-1]], axis=1)
        for level, below in zip(ordered.T, before.T, strict=True):
            rows = np.flatnonzero(level > below)
            parts.append(gives[rows] >= level[rows, None])
            worths.append(weight[rows] * (level - below)[rows])
        sets, which = _distinct(np.concatenate(parts))
        worth = np.bincount(which, np.concatenate(worths), len(sets)).astype(np.float64)
        return cls(size, np.zeros(m), sets, np.arange(len(sets)), worth)

    def score(self, chosen: BoolArray) -> float:
        """Count the score of a choice from its definition."""
        met = (self.sets & chosen).sum(axis=1)
        before = np.zeros(len(self.set_of), dtype=np.int64)
        if len(self.set_of):
            first = np.searchsorted(self.set_of, self.set_of)
            before = np.arange(len(self.set_of)) - first
        return float(self.direct @ chosen + self.worth[before < met[self.set_of]].sum())

    def solve(
        self, wants: Sequence[tuple[FloatArray, float]], time_limit: float, against: BoolArray | None = None
    ) -> tuple[BoolArray, float]:
        """The best choice and its gap; with `against` the best that is not that one."""
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_array, hstack

        m, n = len(self.direct), len(self.set_of)
        held = csr_array((np.ones(n), (self.set_of, np.arange(n))), shape=(len(self.sets), n))
        rules: list[Any] = []
        if n:
            table = hstack([csr_array(-self.sets.astype(np.float64)), held]).tocsr()
            rules.append(LinearConstraint(table, -np.inf, 0.0))
        rows = [(np.ones(m), float(self.size), float(self.size)), *((r, low, np.inf) for r, low in wants)]
        if against is not None:
            rows.append((against.astype(np.float64), 0.0, self.size - 1.0))
        for row, low, high in rows:
            rules.append(LinearConstraint(np.append(row, np.zeros(n))[None, :], low, high))
        found = milp(
            -np.concatenate([self.direct, self.worth]),
            constraints=rules,
            integrality=np.append(np.ones(m), np.zeros(n)),
            bounds=Bounds(0.0, 1.0),
            options={"time_limit": time_limit, "mip_rel_gap": 0.0},
        )
        values: FloatArray | None = found.x
        if values is None and found.status == 2 and against is not None:
            return against, 0.0
        if values is None:
            raise ConvergenceError(
                f"No choice of {self.size} was found in {time_limit:g} s; allow more with time_limit=."
            )
        chosen = np.asarray(values[:m] > 0.5)
        if found.status == 0 or found.mip_dual_bound is None:
            return chosen, 0.0 if found.status == 0 else np.inf
        if against is None:
            chosen = self._swapped(chosen, wants)
        score = self.score(chosen)
        gap = (-float(found.mip_dual_bound) - score) / max(abs(score), 1e-300)
        return chosen, gap if gap > _CLOSE else 0.0

    def _swapped(self, chosen: BoolArray, wants: Sequence[tuple[FloatArray, float]]) -> BoolArray:
        """Exchange one model at a time as long as the score grows: for when the time ran out."""
        best, score = chosen, self.score(chosen)
        improved = True
        while improved:
            improved = False
            for out in np.flatnonzero(best):
                for into in np.flatnonzero(~best):
                    trial = best.copy()
                    trial[out], trial[into] = False, True
                    if all(row @ trial >= low for row, low in wants) and self.score(trial) > score:
                        best, score, improved = trial, self.score(trial), True
                        break
        return best

    def is_unique(
        self, chosen: BoolArray, score: float, wants: Sequence[tuple[FloatArray, float]], time_limit: float
    ) -> bool | None:
        """Whether the best of all other choices scores less; None if the time did not suffice."""
        other, gap = self.solve(wants, time_limit, against=chosen)
        beaten = np.array_equal(other, chosen) or self.score(other) < score * (1.0 - _CLOSE)
        if beaten:
            return None if gap else True
        return False


def _distinct(sets: BoolArray) -> tuple[BoolArray, NDArray[np.int64]]:
    """The different rows, without empty ones' worth being lost, and which of them each row is."""
    found, which = np.unique(sets, axis=0, return_inverse=True)
    return np.asarray(found), which.reshape(-1).astype(np.int64)
