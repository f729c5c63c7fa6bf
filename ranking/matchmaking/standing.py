"""What a policy may know when it draws: who met whom, and how strong each model seems to be.

The strengths are the mode of a Plackett-Luce model under a normal prior, so that every model has one from the
first vote on, whoever it met. The prior is chosen by empirical Bayes. Nothing here draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from agon.ranking.estimation.newton import maximise
from agon.ranking.matchmaking.sampling_design import Group
from agon.ranking.methods.likelihood.choice_counts import Choices, choice_curvature
from agon.ranking.methods.likelihood.plackett_luce import STRONGEST, WEAKEST
from agon.ranking.numerics import FloatArray, IntArray, threads_for
from agon.ranking.votes.ballots import Ballots

_ROUNDS, _SETTLED = 50, 1e-2  # of the choice of the prior, in the logarithm of its precision


@dataclass(frozen=True, eq=False)
class Standing:
    """What is known of M models.

    Attributes:
        models: M names.
        met: (M, M) how many votes each two models were shown in together, symmetric, zero diagonal.
        shown: (M,) how many votes each model was shown in.
        wins: (M, M) how often the row's model was placed above the column's.
        ties: (M, M) how often two models shared a place, symmetric.
        mean: (M,) strengths, log-odds.
        covariance: (M, M) of the strengths.
        precision: of their prior, per square log-odds.
        waiting: groups that were drawn and are not among the votes: battles in flight, and votes cast since
            the strengths were fitted. They are in `met` and `shown`.
    """

    models: tuple[str, ...]
    met: FloatArray
    shown: FloatArray
    wins: FloatArray
    ties: FloatArray
    mean: FloatArray
    covariance: FloatArray
    precision: float = 1.0
    waiting: tuple[Group, ...] = ()
    _place: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_place", {name: i for i, name in enumerate(self.models)})

    @classmethod
    def blank(cls, models: Sequence[str]) -> Standing:
        """Nothing is known: no votes, strengths of mean 0 and variance 1."""
        m = len(models)
        none = np.zeros((m, m))
        return cls(tuple(models), none, np.zeros(m), none, none, np.zeros(m), np.eye(m))

    @classmethod
    def of(cls, ballots: Ballots, models: Sequence[str], before: Standing | None = None) -> Standing:
        """Count votes and fit strengths.

        Args:
            ballots: the votes. Those on models that are not asked for count for the others' strengths alone.
            models: M names, among them any number that no vote shows.
            before: an earlier standing of the same models, whose strengths are near.

        Raises:
            ConvergenceError: the fit did not settle.
        """
        everyone = tuple(dict.fromkeys((*models, *ballots.models)))
        place = {name: i for i, name in enumerate(everyone)}
        there = np.array([place[name] for name in ballots.models], dtype=np.int64)
        n, m = len(everyone), len(models)
        count = ballots.count.astype(np.float64)
        rows, wins, ties, met = ballots.pair_rows, np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
        if len(count):
            one, two, often = there[rows.first], there[rows.second], count[rows.ballot]
            np.add.at(wins, (one, two), rows.win * often)
            np.add.at(wins, (two, one), rows.loss * often)
            np.add.at(ties, (one, two), (rows.tie + rows.both_bad) * often)
            ties += ties.T
        shown = np.zeros(n)
        shown[there] = ballots.votes
        for one, two in combinations(ballots.shown.T, 2):
            both = (one >= 0) & (two >= 0)
            np.add.at(met, (there[one[both]], there[two[both]]), count[both])
        met += met.T
        choices = Choices.of(ballots, "average", "half")
        chosen = np.zeros(n)
        chosen[there] = count @ choices.chosen
        sets = np.append(there, n)[choices.sets]
        start = None if before is None or before.models != everyone else (before.mean, before.precision)
        fitted = plackett_luce_posterior(chosen, count @ choices.uses, sets, start)
        whole = cls(everyone, met, shown, wins, ties, *fitted)
        return whole if n == m else whole.among(range(m))

    def __len__(self) -> int:
        return len(self.models)

    def among(self, keep: Sequence[int]) -> Standing:
        """The same of some models; what waits keeps those groups of which two are left."""
        at = np.asarray(keep, dtype=np.int64)
        if np.array_equal(at, np.arange(len(self))):
            return self
        new = {old: i for i, old in enumerate(at.tolist())}
        left = (tuple(new[i] for i in group if i in new) for group in self.waiting)
        cells = np.ix_(at, at)
        return Standing(
            tuple(self.models[i] for i in at),
            self.met[cells],
            self.shown[at],
            self.wins[cells],
            self.ties[cells],
            self.mean[at],
            self.covariance[cells],
            self.precision,
            tuple(group for group in left if len(group) > 1),
        )

    def drawn(self, groups: Sequence[Group]) -> Standing:
        """The same with further groups that wait for their votes."""
        met, shown = self.met.copy(), self.shown.copy()
        for group in groups:
            seats = list(group)
            shown[seats] += 1
            met[np.ix_(seats, seats)] += 1
        np.fill_diagonal(met, 0.0)
        return replace(self, met=met, shown=shown, waiting=(*self.waiting, *groups))

    def groups_of(self, names: Iterable[Sequence[str]]) -> list[Group]:
        """Groups of names as positions, without names that are not here; at least two a group."""
        found = (tuple(self._place[name] for name in group if name in self._place) for group in names)
        return [group for group in found if len(group) > 1]

    @property
    def spread(self) -> FloatArray:
        """(M,) standard deviation of each model's distance from the field, log-odds.

        The field is the mean of all, each weighted by one over its variance, so that a newcomer does not
        make the others uncertain.
        """
        c = self.covariance
        weight = 1 / np.diag(c)
        toward = c @ weight / weight.sum()
        variance = np.diag(c) - 2 * toward + weight @ toward / weight.sum()
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)))


def plackett_luce_posterior(
    chosen: FloatArray,
    times: FloatArray,
    sets: IntArray,
    start: tuple[FloatArray, float] | None = None,
) -> tuple[FloatArray, FloatArray, float]:
    """The mode (M,) and covariance (M, M) of strengths, with the precision of the prior by empirical Bayes.

    The precision is M / (|θ|² + tr C), between 0.02 and 4; 1 where nobody voted.

    Args:
        chosen: (M,) how often each model was chosen.
        times: (T,) how often a choice was made from each set.
        sets: (T, S) model indices, M pads.
        start: a mode (M,) and a precision to begin with.

    Raises:
        ConvergenceError: the fit did not settle.
    """
    m = len(chosen)
    mean, precision = start or (np.zeros(m), 1.0)
    with threads_for(m):
        for _ in range(_ROUNDS):

            def curvature(theta: FloatArray, prior: float = precision) -> tuple[None, FloatArray, FloatArray]:
                gradient, hessian = choice_curvature(theta, chosen, times, sets)
                hessian.ravel()[:: m + 1] += prior
                return None, gradient - prior * theta, hessian

            found = maximise(curvature, mean, "matchmaking")
            mean, covariance = found.x, np.linalg.inv(found.hessian)
            better = float(np.clip(m / (mean @ mean + np.trace(covariance)), WEAKEST, STRONGEST))
            if abs(np.log(better / precision)) < _SETTLED:
                break
            precision = better
    return mean, 0.5 * (covariance + covariance.T), precision
