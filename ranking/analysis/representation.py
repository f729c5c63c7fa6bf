"""Whether a choice of several models represents the voters: justified representation and its extension."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from agon.ranking.analysis.multiwinner import Approve, approvals
from agon.ranking.analysis.perturbation import Profile
from agon.ranking.errors import OptionError, suggest
from agon.ranking.numerics import BoolArray, FloatArray
from agon.ranking.text import Readable
from agon.ranking.votes.comparisons import Votes, as_comparisons


@dataclass(frozen=True, repr=False)
class Representation(Readable):
    """What was found about a choice of k models.

    Attributes:
        models: the chosen.
        justified: whether every group of a k-th of the votes that approves of one model in common has a
            vote that approves of a chosen one.
        extended: whether every group of l/k of the votes that approves of l models in common has a vote
            that approves of l chosen ones, for every l; None if there were too many sets to look at.
        cohesion: l of the group that is not represented; 0 if all are.
        agreed: the models that group approves of in common.
        votes: weight of that group.
        needed: weight that entitles a group to l models.
    """

    models: tuple[str, ...]
    justified: bool
    extended: bool | None
    cohesion: int
    agreed: tuple[str, ...]
    votes: float
    needed: float

    def conclusion(self) -> str:
        """Say in one sentence who is represented, or which group is not."""
        if self.cohesion:
            names, seats = (
                ", ".join(self.agreed),
                "one model" if self.cohesion == 1 else f"{self.cohesion} models",
            )
            axiom = "justified representation" if not self.justified else "extended justified representation"
            return (
                f"{axiom.capitalize()} fails: {self.votes:g} votes agree on {names}, enough for {seats} "
                f"({self.needed:g} needed), and none of them approves of so many of the chosen."
            )
        if self.extended is None:
            return "Justified representation holds; its extension was not checked: too many sets of models."
        return "Every group of votes is represented, by justified representation and by its extension."


def justified_representation(
    votes: Votes,
    chosen: Sequence[str],
    *,
    approve: Approve,
    tries: int = 200_000,
) -> Representation:
    """Check justified representation (exactly) and extended justified representation (on small cases).

    The extension is checked by going through every set of l = 1, ..., k models, as long as there are not
    more than `tries`; it is coNP-complete in general.

    Args:
        votes: as for `rank`; a model that a vote does not show is not approved of.
        chosen: names of the k chosen models.
        approve: as for `committee`.
        tries: sets of models looked at.

    Raises:
        OptionError: an unknown model, one named twice, or none.
        VotesError: as `approvals`.

    Source:
        H. Aziz, M. Brill, V. Conitzer, E. Elkind, R. Freeman and T. Walsh, Justified representation in
        approval-based committee voting, Social Choice and Welfare 48 (2017), definitions 1 and 2.
    """
    profile = Profile.of(as_comparisons(votes).ballots)
    for name in chosen:
        if name not in profile.models:
            raise OptionError(f"There is no model {name!r} among the votes; {suggest(name, profile.models)}")
    if not chosen or len(set(chosen)) < len(chosen):
        raise OptionError("Name the chosen models, each once.")
    approved = approvals(profile, approve, "worst")
    weight = profile.weight * profile.count
    inside = np.isin(profile.models, list(chosen))
    quota = float(weight.sum()) / len(chosen)
    met = (approved & inside).sum(axis=1)
    names, looked = profile.models, 0
    extended: bool | None = True
    for seats in range(1, len(chosen) + 1):
        looked += comb(len(names), seats)
        if seats > 1 and looked > tries:
            extended = None
            break
        group, votes_of = _unmet(approved, weight, met, seats, seats * quota)
        if group:
            agreed = tuple(names[i] for i in group)
            return Representation(tuple(chosen), seats > 1, False, seats, agreed, votes_of, seats * quota)
    return Representation(tuple(chosen), True, extended, 0, (), 0.0, quota)


def _unmet(
    approved: BoolArray,
    weight: FloatArray,
    met: np.ndarray[tuple[int], np.dtype[np.int64]],
    seats: int,
    needed: float,
) -> tuple[tuple[int, ...], float]:
    """A set of models that enough unrepresented votes agree on, and their weight; or nothing."""
    short = met < seats
    open_votes, mass = approved[short], weight[short]
    support = mass @ open_votes
    able = np.flatnonzero(support >= needed - 1e-9 * max(1.0, needed))
    for group in combinations(able.tolist(), seats):
        agreeing = float(mass[open_votes[:, group].all(axis=1)].sum())
        if agreeing >= needed - 1e-9 * max(1.0, needed):
            return group, agreeing
    return (), 0.0
