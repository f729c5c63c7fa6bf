"""Bradley-Terry with features of the votes: who would win if the answers were equally long and as pretty.

The chance that i beats j is logistic in θ_i − θ_j + γ·x, x the features of the vote toward i. Newton's method
over all votes starts from the fit to the counts; its Hessian is made anew only while the steps are large.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranking.ballots import FloatArray, IntArray
from ranking.bradley_terry import expit, place, solve
from ranking.contexts import Contexts
from ranking.counts import BothBad, PairCounts
from ranking.errors import ConvergenceError, OptionError
from ranking.placing import as_replicate, check_prior, placement_notes
from ranking.registry import method
from ranking.results import Coefficient, Diagnostic, Fit, Identification, Scores, listed
from ranking.structure import identify

BLOCK = 1 << 17  # votes looked at together, so that what is made of them stays in the cache
ROUNDS = 60
TOLERANCE = 1e-10  # nats
LARGE = 1e-2  # nats; a step above it makes the Hessian anew


@dataclass(frozen=True, eq=False)
class _Votes:
    """What the fit needs of N comparisons, which are votes or pairs of votes, among the models that it fits.

    Attributes:
        first, second: (P,) models of each pair.
        pair: (N,) pair of each vote.
        share: (N,) share of the vote that the first model won.
        weight: (N,) weight of one such vote.
        count: (N,) number of such votes.
        features: (F, N) toward the first model.
        cluster: (N,) or None.
        vote: (N,) vote that each comparison is of, or None if each is one.
        group: (M,) component of each model; -1 for models that are not fitted.
        penalty: on half the square of each coefficient.
    """

    first: IntArray
    second: IntArray
    pair: IntArray
    share: FloatArray
    weight: FloatArray
    count: IntArray
    features: FloatArray
    cluster: IntArray | None
    vote: IntArray | None
    group: IntArray
    penalty: float

    @property
    def width(self) -> int:
        """Number of models and features, M + F."""
        return len(self.group) + len(self.features)

    def summed(self, work: Callable[[slice], tuple[NDArray[Any], ...]]) -> tuple[FloatArray, ...]:
        """Add up what is found in pieces of the votes, looked at side by side."""
        pieces = [slice(begin, begin + BLOCK) for begin in range(0, len(self.pair), BLOCK)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(work, pieces))
        return tuple(np.asarray(sum(parts), dtype=np.float64) for parts in zip(*found, strict=True))

    def surprise(self, at: slice, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(n,) chance of the first model, and what the vote has above it."""
        m = len(self.group)
        gap = point[self.first] - point[self.second]
        chance = expit(gap[self.pair[at]] + point[m:] @ self.features[:, at])
        return chance, self.share[at] - chance

    def gradient(self, point: FloatArray, *, bend: bool) -> tuple[FloatArray, FloatArray | None]:
        """(M + F,) derivative of the log-likelihood, and if asked (M + F, M + F) minus the second one."""

        def piece(at: slice) -> tuple[NDArray[Any], ...]:
            chance, excess = self.surprise(at, point)
            times = self.weight[at] * self.count[at]
            excess *= times
            found = np.bincount(self.pair[at], excess, len(self.first)), self.features[:, at] @ excess
            return (*found, *self.products(at, times * chance * (1 - chance))) if bend else found

        total, slope, *curve = self.summed(piece)
        m = len(self.group)
        slope = slope - self.penalty * point[m:]
        scores = np.bincount(self.first, total, m) - np.bincount(self.second, total, m)
        hessian = None
        if bend:
            hessian = self.assemble(*curve)
            hessian[m:, m:] += self.penalty * np.eye(len(self.features))
        return np.concatenate([scores, slope]), hessian

    def products(self, at: slice, weight: FloatArray) -> tuple[NDArray[Any], ...]:
        """Of a piece of the votes: sums by pair of w, (P,), and of w·x, (F, P); the sum of w·x·xᵀ, (F, F)."""
        pair, x = self.pair[at], self.features[:, at]
        weighted = x * weight
        mixed = np.stack([np.bincount(pair, values, len(self.first)) for values in weighted])
        return np.bincount(pair, weight, len(self.first)), mixed, weighted @ x.T

    def assemble(self, alone: FloatArray, mixed: FloatArray, own: FloatArray) -> FloatArray:
        """(M + F, M + F) Σ w u uᵀ of u = (e_first − e_second, x), from sums of `products`."""
        m = len(self.group)
        whole = np.zeros((self.width, self.width))
        np.add.at(whole, (self.first, self.second), -alone)
        np.add.at(whole, (self.second, self.first), -alone)
        whole[np.arange(m), np.arange(m)] = -whole[:m, :m].sum(axis=1)
        for f, row in enumerate(mixed):
            whole[m + f, :m] = np.bincount(self.first, row, m) - np.bincount(self.second, row, m)
        whole[:m, m:] = whole[m:, :m].T
        whole[m:, m:] = own
        return whole

    def meat(self, point: FloatArray) -> FloatArray:
        """(M + F, M + F) sum over votes, or over clusters times C/(C − 1), of the outer product of scores."""
        if self.cluster is not None:
            size = int(self.cluster.max()) + 1
            if size < 2:
                raise OptionError("All votes are of one cluster: no interval can be clustered.")
            return self.together(point, self.cluster, self.count) * (size / (size - 1))
        if self.vote is not None:  # so many votes of equal pairs are independent of each other
            return self.together(point, self.vote, np.sqrt(self.count))

        def piece(at: slice) -> tuple[NDArray[Any], ...]:
            excess = self.surprise(at, point)[1] * self.weight[at]
            return self.products(at, self.count[at] * excess**2)

        return self.assemble(*self.summed(piece))

    def together(self, point: FloatArray, unit: IntArray, times: FloatArray | IntArray) -> FloatArray:
        """The meat of units, the comparisons of which are dependent: (N,) unit and factor of each."""
        from scipy.sparse import csr_array

        size, m = int(unit.max()) + 1, len(self.group)
        excess = self.surprise(slice(None), point)[1] * self.weight * times
        own = np.stack([np.bincount(unit, excess * x, size) for x in self.features])
        rows = np.concatenate([unit, unit])
        columns = np.concatenate([self.first[self.pair], self.second[self.pair]])
        summed = csr_array((np.concatenate([excess, -excess]), (rows, columns)), shape=(size, m))
        whole = np.zeros((self.width, self.width))
        whole[:m, :m] = (summed.T @ summed).toarray()
        whole[m:, :m] = own @ summed
        whole[:m, m:] = whole[m:, :m].T
        whole[m:, m:] = own @ own.T
        return whole


def replicates(
    views: Iterable[Contexts],
    scores: Scores,
    *,
    both_bad: BothBad = "half",
    prior_sd: float = 1.0,
    penalty: float = 0.0,
) -> FloatArray:
    """Fit resampled votes from the solution of the full ones; (R, M), infinite where unbounded."""
    if not isinstance(scores, Fit):
        raise TypeError("replicates needs the Fit of the full votes")
    del prior_sd
    start = np.append(scores.values, [c.value for c in scores.coefficients])
    rows = []
    for view in views:
        known = identify(PairCounts.from_ballots(view.ballots).halves(both_bad))
        point = _fit(_votes(view, known, both_bad, penalty), start, view.names)[0]
        fit = Fit(np.where(known.core, point[: len(known.core)], 0.0), identification=known)
        rows.append(as_replicate(fit, scores))
    return np.stack(rows)


@method(
    "contextual_bradley_terry",
    source="Bradley and Terry (1952) with covariates: Springall (1973); style control: Li et al. (2024)",
    replicates=replicates,
)
def contextual_bradley_terry(
    contexts: Contexts, *, both_bad: BothBad = "half", prior_sd: float = 1.0, penalty: float = 0.0
) -> Fit:
    """Maximum-likelihood strengths and effects of features, such as how much longer an answer was.

    The chance to beat is logistic in the difference of strengths plus γ·x, x the features of the two answers,
    each in units of its root mean square; a tie is half a win each way. A vote on more models counts as its
    pairs, which the intervals keep together; votes without features are left out and counted. The
    scores are what the models would have with equal features. Say what to control for with `control`.

    Args:
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.
        prior_sd: standard deviation, in nats, of the prior that places models outside the component.
        penalty: λ of a penalty λ/2·|γ|² on the sum of the log-likelihood; 0 for none.

    Raises:
        ConvergenceError: no solution, as when a feature decides every vote.
        OptionError: a feature that cannot be told from the strengths or from others; a negative penalty.

    Source:
        A. Springall, Applied Statistics 22 (1973); T. Li et al., "Does style matter?" (2024), whose
        convention is (a − b)/(a + b), standardised. Intervals: the sandwich of White (1982).
    """
    check_prior("contextual_bradley_terry", prior_sd)
    if not 0 <= penalty < math.inf:
        raise OptionError(f"contextual_bradley_terry: penalty must be 0 or more, not {penalty!r}.")
    counts = PairCounts.from_ballots(contexts.ballots)
    wins = counts.halves(both_bad)
    known = identify(wins)
    m = len(wins)
    votes = _votes(contexts, known, both_bad, penalty)
    point, inverse, steps, residual = _fit(votes, _start(wins, known, len(contexts.names)), contexts.names)
    covariance = inverse @ votes.meat(point) @ inverse.T
    placed, bridge = np.zeros((m, m)), np.eye(m)
    for g in range(int(known.group.max(initial=-1)) + 1):
        core = np.flatnonzero(known.core & (known.group == g))
        outside = np.flatnonzero(~known.core & (known.group == g))
        if len(outside):
            bridge[np.ix_(outside, outside)] = 0.0
            place(wins, point[:m], core, outside, prior_sd, bridge, placed)
    covariance[:m] = bridge @ covariance[:m]
    covariance[:, :m] = covariance[:, :m] @ bridge.T
    covariance[:m, :m] += placed
    return Fit(
        point[:m],
        "log_odds",
        covariance=covariance,
        coefficients=tuple(map(Coefficient, contexts.names, point[m:].tolist())),
        identification=known,
        iterations=steps,
        residual=residual,
        notes=(*_notes(contexts), *placement_notes(counts.models, known, prior_sd)),
    )


def _notes(contexts: Contexts) -> tuple[Diagnostic, ...]:
    """Say how many votes were left out, and why."""
    return tuple(
        Diagnostic(
            "left_out_votes",
            (),
            f"{number:,} {'vote was' if number == 1 else 'votes were'} left out for {why}.",
        )
        for why, number in contexts.left_out.items()
    )


def _votes(contexts: Contexts, known: Identification, both_bad: BothBad, penalty: float) -> _Votes:
    """Keep the comparisons between models that are fitted on one scale."""
    rows = contexts.ballots.pair_rows
    m = len(contexts.models)
    group = np.where(known.core, known.group, -1)
    bad = rows.both_bad if both_bad == "half" else 0.0
    share = rows.win + 0.5 * (rows.tie + bad)
    used = (group[rows.first] == group[rows.second]) & (group[rows.first] >= 0)
    if both_bad == "drop":
        used &= rows.both_bad == 0
    codes, pair = np.unique(rows.first * m + rows.second, return_inverse=True)
    inside = used[contexts.pair] & (contexts.count > 0)
    taken = slice(None) if inside.all() else inside
    row = contexts.pair[taken]
    return _Votes(
        first=codes // m,
        second=codes % m,
        pair=pair.reshape(-1)[row],
        share=share[row],
        weight=contexts.ballots.weight[rows.ballot][row],
        count=contexts.count[taken],
        features=contexts.features[:, taken],
        cluster=None if contexts.cluster is None else contexts.cluster[taken],
        vote=None if contexts.vote is None else contexts.vote[taken],
        group=group,
        penalty=penalty,
    )


def _start(wins: FloatArray, known: Identification, n_features: int) -> FloatArray:
    """(M + F,) the fit to the counts, without effects."""
    point = np.zeros(len(wins) + n_features)
    for g in range(int(known.group.max(initial=-1)) + 1):
        core = np.flatnonzero(known.core & (known.group == g))
        if len(core):
            point[core] = solve(wins[np.ix_(core, core)])[0]
    return point


def _fit(
    votes: _Votes, start: FloatArray, names: tuple[str, ...]
) -> tuple[FloatArray, FloatArray, int, float]:
    """Maximise the log-likelihood.

    A step that overshoots, so that the slope along it turns, is halved; on a concave function that converges.

    Returns:
        (M + F,) strengths of zero mean in each component and effects, (M + F, M + F) inverse Hessian on the
        space of these, the number of steps, the largest gradient per vote.

    Raises:
        OptionError: no votes, or features that cannot be told apart; ConvergenceError: no solution.
    """
    if not len(votes.pair):
        raise OptionError(
            f"No vote is between two models on one scale, so there is no effect of {listed(names)} to find; "
            "gather votes that some win and lose, or rank without control."
        )
    point, m = np.where(np.append(votes.group, np.zeros(len(names))) >= 0, start, 0.0), len(votes.group)
    slope, hessian = votes.gradient(point, bend=True)
    inverse = _inverse(votes, hessian, names)
    for step in range(1, ROUNDS + 1):
        change = inverse @ slope
        ahead = float(slope @ change)
        trial, bend = point + change, float(np.abs(change).max()) > LARGE
        new_slope, new_hessian = votes.gradient(trial, bend=bend)
        while bend and float(new_slope @ change) < -0.9 * ahead:
            change *= 0.5
            trial = point + change
            new_slope, new_hessian = votes.gradient(trial, bend=bend)
        point, slope = trial, new_slope
        if new_hessian is not None:
            inverse = _inverse(votes, new_hessian, names)
        if float(np.abs(change).max()) < TOLERANCE:
            final = votes.gradient(point, bend=True)[1]
            for g in range(int(votes.group.max(initial=-1)) + 1):
                inside = np.flatnonzero(votes.group == g)
                point[inside] -= point[inside].mean()
            total = float((votes.weight * votes.count).sum())
            return point, _inverse(votes, final, names), step, float(np.abs(slope).max() / max(total, 1.0))
    worst = names[int(np.abs(point[m:]).argmax())]
    raise ConvergenceError(
        f"contextual_bradley_terry did not converge in {ROUNDS} steps: {worst!r} may decide every vote; "
        "leave it out, or set a penalty."
    )


def _inverse(votes: _Votes, hessian: FloatArray | None, names: tuple[str, ...]) -> FloatArray:
    """(M + F, M + F) inverse Hessian on strengths of zero mean in each component and effects.

    Raises:
        OptionError: features that the strengths, or other features, explain wholly.
    """
    assert hessian is not None  # noqa: S101 - asked for
    m = len(votes.group)
    whole = hessian.copy()
    fitted = votes.group >= 0
    size = float(np.diag(whole)[:m].mean()) or 1.0
    for g in range(int(votes.group.max(initial=-1)) + 1):
        inside = votes.group == g
        whole[:m, :m] += np.outer(inside, inside) * (size / max(1, int(inside.sum())))
    whole[np.flatnonzero(~fitted), np.flatnonzero(~fitted)] = 1.0
    strengths = np.linalg.solve(whole[:m, :m], whole[:m, m:])
    left = whole[m:, m:] - whole[m:, :m] @ strengths
    norm = np.sqrt(np.diag(whole)[m:])
    spectrum, vectors = np.linalg.eigh(left / np.outer(norm, norm))
    if not spectrum[0] > 1e-10:
        guilty = [f"{name!r}" for name, part in zip(names, vectors[:, 0], strict=True) if abs(part) > 0.1]
        many = len(guilty) > 1
        raise OptionError(
            f"The effect of {' and '.join(guilty)} cannot be told from the models' strengths"
            f"{' or from each other' if many else ''}; leave {'one' if many else 'it'} out."
        )
    inverse = np.linalg.inv(whole)
    inverse[~np.append(fitted, np.ones(len(names), dtype=bool))] = 0.0
    return np.asarray(0.5 * (inverse + inverse.T))
