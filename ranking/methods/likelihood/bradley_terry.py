"""Bradley-Terry strengths by Newton's method on the pair counts.

Let D = θ_i − θ_j. P(i beats j) = 1 / (1 + exp(−D)); a tie is half a win each way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from agon.ranking.errors import ConvergenceError, OptionError
from agon.ranking.estimation.comparison_graph import (
    components,
    connected,
    identify,
    order_components,
    reachable,
    strongly_connected,
)
from agon.ranking.estimation.newton import ROUNDS, TOLERANCE, inverse, maximise
from agon.ranking.estimation.separation import check_prior, placement_notes
from agon.ranking.numerics import FloatArray, IntArray, expit
from agon.ranking.registry import ResampledScores, method
from agon.ranking.results import Diagnostic, EstimatingEquation, Fit, Identification, Scores
from agon.ranking.votes.ballots import PairRows
from agon.ranking.votes.pair_counts import BothBad, PairCounts

CHORDS = 15  # steps with one Hessian before it is made anew in every step
_SETTLED = 1e-10  # nats
STEEP = 500.0  # nats between the strengths, within which the odds are numbers


def _score_resamples(
    views: Iterable[PairCounts],
    scores: Scores,
    *,
    both_bad: BothBad = "half",
    prior_sd: float = 1.0,
    bias_reduced: bool = False,
) -> ResampledScores:
    """Fit resampled counts from the solution of the full ones; (R, M), infinite where unbounded.

    Models that the full fit could only place by the prior get NaN.

    Raises:
        OptionError: a fit whose bias was reduced.
    """
    if bias_reduced:
        raise OptionError(
            "bradley_terry with bias_reduced has no bootstrap: votes that go one way do so in every draw; "
            'use interval="sandwich".'
        )
    if not isinstance(scores, Fit) or scores.identification is None or scores.equation is None:
        raise TypeError("the batch needs the Fit of the full votes")
    del prior_sd
    known, bread = scores.identification, scores.equation.bread
    rows = []
    for view in views:
        wins = view.halves(both_bad)
        row = np.full(len(wins), np.nan)
        for g in range(int(known.group.max()) + 1):
            core = np.flatnonzero(known.core & (known.group == g))
            if len(core):
                at = np.ix_(core, core)
                row[core] = _replicate(wins[at], scores.values[core], bread[at])
        rows.append(row)
    return ResampledScores(np.stack(rows))


@method("bradley_terry", source="Zermelo (1929); Bradley and Terry (1952)", batch=_score_resamples)
def bradley_terry(
    pairs: PairCounts, *, both_bad: BothBad = "half", prior_sd: float = 1.0, bias_reduced: bool = False
) -> Fit:
    """Maximum-likelihood strengths: the chance to beat is logistic in the difference.

    Fitted on each strongly connected component by itself, zero mean over the component. A model
    outside (undefeated, winless, or linked one way only) moves nobody: it is placed afterwards by the
    maximum of its posterior under a normal prior around the component's mean.

    Args:
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.
        prior_sd: standard deviation, in nats, of the prior that places models outside the component.
        bias_reduced: maximises the likelihood times the root of the determinant of its information instead,
            whose maximum is finite for models that won or lost everything too, and moves them all a little;
            the board says which scores are finite for that alone, and leaves their side open.

    Raises:
        ConvergenceError: no solution after 200 Newton steps.
        OptionError: `prior_sd` is not above 0, or above 100.

    Source:
        E. Zermelo, Math. Z. 29 (1929); R. Bradley and M. Terry, Biometrika 39 (1952); existence:
        L. R. Ford, Amer. Math. Monthly 64 (1957). Intervals: the sandwich H⁻¹GH⁻¹ of White (1982). Reduced
        bias: D. Firth, Biometrika 80 (1993); G. Heinze and M. Schemper, Statist. Med. 21 (2002).
    """
    check_prior("bradley_terry", prior_sd)
    wins = pairs.halves(both_bad)
    known, component = identify(wins), np.zeros(len(wins), dtype=np.int64)
    if bias_reduced:
        known, component = _joined(pairs, wins, both_bad)
    separated = component > 0
    theta, bread = np.zeros(len(wins)), np.zeros(wins.shape)
    map_covariance = np.zeros(wins.shape)
    steps, residual = 0, 0.0
    for g in range(int(known.group.max(initial=-1)) + 1):
        core = np.flatnonzero(known.core & (known.group == g))
        outside = np.flatnonzero(~known.core & (known.group == g))
        if len(core):
            fit = reduce_bias if bias_reduced else solve
            theta[core], bread_of, taken, left = fit(wins[np.ix_(core, core)])
            bread[np.ix_(core, core)] = bread_of
            steps, residual = max(steps, taken), max(residual, left)
        if len(outside):
            place(wins, theta, core, outside, prior_sd, bread, map_covariance)
    chance = expit(theta[:, None] - theta[None, :])
    fitted = known.core[:, None] & known.core[None, :] & (known.group[:, None] == known.group[None, :])
    if bias_reduced:
        one_way = fitted & (component[:, None] != component[None, :])
        fitted = fitted & ~one_way
        # Votes that all went one way hardly vary, so that what they tell is taken from the fit.
        weight = np.where(one_way, (wins + wins.T) * chance * chance.T, 0.0)
        map_covariance = bread @ (np.diag(weight.sum(axis=1)) - weight) @ bread.T
        theta, bread, map_covariance = _from_largest(theta, bread, map_covariance, known.group, separated)

    def vote_scores(rows: PairRows) -> tuple[FloatArray, FloatArray]:
        bad = rows.both_bad if both_bad == "half" else np.zeros_like(rows.both_bad)
        counted = rows.win + rows.loss + rows.tie + bad
        first = rows.win + 0.5 * (rows.tie + bad) - chance[rows.first, rows.second] * counted
        first = np.where(fitted[rows.first, rows.second], first, 0.0)
        return first, -first

    return Fit(
        theta,
        "log_odds",
        uncertainty=EstimatingEquation(
            bread,
            vote_scores,
            logistic_roots(chance, fitted, both_bad),
            map_covariance=map_covariance,
            information=np.where(fitted, (wins + wins.T) * chance * chance.T, 0.0),
        ),
        identification=known,
        iterations=steps,
        residual=residual,
        notes=_reduced_note(pairs.models, separated)
        if bias_reduced
        else placement_notes(pairs.models, known, prior_sd),
    )


def _joined(pairs: PairCounts, wins: FloatArray, both_bad: BothBad) -> tuple[Identification, IntArray]:
    """All models that met, directly or not, on one scale; and (M,) their components, 0 a scale's largest.

    Where that is a single model none is 0.
    """
    group, order = connected(wins + wins.T), order_components(pairs, both_bad=both_bad)
    beaten, beats = (np.asarray(order.above.any(axis=k))[order.component] for k in (0, 1))
    component, size = order.component + 1, np.bincount(order.component)
    for g in range(int(group.max(initial=-1)) + 1):
        largest = int(np.bincount(order.component[group == g]).argmax())
        component[(order.component == largest) & (size[largest] > 1)] = 0
    apart, core = component > 0, np.bincount(group)[group] > 1
    return Identification(group, core, apart & beats & ~beaten, apart & beaten & ~beats), component


def _from_largest(
    theta: FloatArray, bread: FloatArray, placed: FloatArray, group: IntArray, separated: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Move every scale so that the mean of its largest component, or else of all, is zero."""
    inside = (group[:, None] == group[None, :]) & ~separated[None, :]
    inside = np.where(inside.any(axis=1, keepdims=True), inside, group[:, None] == group[None, :])
    move = np.eye(len(theta)) - inside / np.maximum(inside.sum(axis=1, keepdims=True), 1)
    return move @ theta, move @ bread @ move.T, move @ placed @ move.T


def _reduced_note(models: tuple[str, ...], separated: NDArray[np.bool_]) -> tuple[Diagnostic, ...]:
    """Mark the scores that are finite only because the bias was reduced."""
    names = tuple(models[i] for i in np.flatnonzero(separated).tolist())
    if not names:
        return ()
    message = (
        "The scores of {models} are finite only by Firth's reduction of bias: their votes with others all "
        "went one way; the rank is that of these wins, and an open side of the interval has no bound."
    )
    return (Diagnostic.of("bias_reduced", names, message),)


def logistic_roots(
    chance: FloatArray, fitted: NDArray[np.bool_], both_bad: BothBad
) -> Callable[[PairRows], FloatArray]:
    """The roots of the information of pairs: √(p(1 − p)) for the first model, minus that for the second.

    Args:
        chance: (M, M) of the row.
        fitted: (M, M) pairs whose votes the fit uses.
        both_bad: "drop" if a "both bad" says nothing.
    """

    def vote_roots(rows: PairRows) -> FloatArray:
        i, j = rows.first, rows.second
        counted = rows.win + rows.loss + rows.tie + (rows.both_bad if both_bad == "half" else 0.0)
        root = np.sqrt(np.where(fitted[i, j], counted * chance[i, j] * chance[j, i], 0.0))
        return np.stack([root, -root])[None]

    return vote_roots


def solve(wins: FloatArray, start: FloatArray | None = None) -> tuple[FloatArray, FloatArray, int, float]:
    """Newton's method on one strongly connected component of M models.

    Returns:
        (M,) strengths of zero mean, (M, M) inverse Hessian on the zero-sum subspace, the number of
        steps, the largest gradient per vote.

    Raises:
        ConvergenceError: 200 steps did not settle it.
    """
    met = wins + wins.T

    def compared(change: FloatArray) -> float:
        return float(np.abs(np.where(met > 0, change[:, None] - change[None, :], 0.0)).max())

    found = maximise(
        lambda theta: (None, *curvature_of(theta, wins, met)),
        _guess(wins) if start is None else start,
        "bradley_terry",
        free=len(wins),
        size=compared,
    )
    residual = float(np.abs(found.gradient).max() / met.sum())
    return found.x, inverse(found.hessian, len(wins)), found.steps, residual


def reduce_bias(wins: FloatArray) -> tuple[FloatArray, FloatArray, int, float]:
    """Maximise the likelihood times √det I of M models that met, directly or not; returns what `solve` does.

    The score of a pair gets h · (½ − p), h the share of its information that the pair itself holds: as if
    every pair had h/2 wins more each way.
    """
    met, m = wins + wins.T, len(wins)
    theta = _guess(wins)
    theta -= theta.mean()
    for step in range(1, ROUNDS + 1):
        chance = expit(theta[:, None] - theta[None, :])
        weight = met * chance * chance.T
        bread = inverse(np.diag(weight.sum(axis=1)) - weight, m)
        size = np.diag(bread)
        leverage = weight * (size[:, None] + size[None, :] - 2 * bread)
        gradient, _ = curvature_of(theta, wins + 0.5 * leverage, met + leverage)
        change = bread @ gradient
        largest = float(2 * np.abs(change).max())
        theta = theta + change * (np.log1p(largest) / largest if largest > 0 else 1.0)
        if largest < _SETTLED:
            theta -= theta.mean()
            return theta, bread, step, float(np.abs(gradient).max() / met.sum())
    raise ConvergenceError(
        f"bradley_terry with bias_reduced did not converge in {ROUNDS} steps on {m} models."
    )


def _guess(wins: FloatArray) -> FloatArray:
    """(M,) log-odds of having won, half a vote added to each side."""
    return np.asarray(np.log((wins.sum(axis=1) + 0.5) / (wins.sum(axis=0) + 0.5)))


def place(
    wins: FloatArray,
    theta: FloatArray,
    core: NDArray[np.int64],
    outside: NDArray[np.int64],
    prior_sd: float,
    bread: FloatArray,
    map_covariance: FloatArray,
) -> None:
    """Place models outside a core by their posterior mode, the core held fixed; fills the arrays given.

    The prior is normal around the core's mean, 0. `bread` gets the rows through which the core's
    uncertainty reaches the placed scores, `map_covariance` the posterior covariance.
    """
    others = np.concatenate([outside, core])
    won, lost = wins[np.ix_(outside, others)], wins[np.ix_(others, outside)].T
    n = len(outside)
    for _ in range(ROUNDS):
        chance = expit(theta[outside][:, None] - theta[others][None, :])
        gradient = (won * (1 - chance) - lost * chance).sum(axis=1) - theta[outside] / prior_sd**2
        weight = (won + lost) * chance * (1 - chance)
        hessian = np.diag(weight.sum(axis=1) + 1 / prior_sd**2) - weight[:, :n]
        change = np.linalg.solve(hessian, gradient)
        largest = float(2 * np.abs(change).max())
        theta[outside] += change * (np.log1p(largest) / largest if largest > 0 else 1.0)
        if largest < TOLERANCE:
            posterior = np.linalg.inv(hessian)
            map_covariance[np.ix_(outside, outside)] = posterior
            if len(core):
                bread[np.ix_(outside, core)] = posterior @ weight[:, n:] @ bread[np.ix_(core, core)]
            return
    raise ConvergenceError(f"bradley_terry could not place {n} models outside the component.")


def _replicate(wins: FloatArray, start: FloatArray, bread: FloatArray) -> FloatArray:
    """Fit one resampled component; models it leaves undefeated or winless get an infinite strength."""
    if not strongly_connected(wins > 0):
        return _broken(wins, start)
    near = _near(wins, start, bread)
    return solve(wins, start)[0] if near is None else near


def _near(wins: FloatArray, start: FloatArray, bread: FloatArray) -> FloatArray | None:
    """Newton steps with the inverse Hessian of all votes; None if these do not lead to the solution soon."""
    won, met, theta = wins.sum(axis=1), wins + wins.T, start
    for _ in range(CHORDS):
        if np.ptp(theta) > STEEP:
            return None
        odds = np.exp(theta)
        change = bread @ (won - odds * (met / (odds[:, None] + odds)).sum(axis=1))
        theta = theta + change
        if np.abs(change).max() < _SETTLED:
            return np.asarray(theta - theta.mean())
    return None


def _broken(wins: FloatArray, start: FloatArray) -> FloatArray:
    """Fit the largest component left, and say on which side of it every other model lies.

    The mean of that component stays where `start` has it, so that a model that drops out shifts nobody.
    """
    label = components(wins > 0, strong=True)
    sizes = np.bincount(label)
    inside = label == sizes.argmax()
    row = np.full(len(wins), np.nan)
    if sizes.max() == 1:
        won, lost = (wins > 0).any(axis=1), (wins > 0).any(axis=0)
        row[won & ~lost], row[lost & ~won] = np.inf, -np.inf
        return row
    row[inside] = solve(wins[np.ix_(inside, inside)])[0] + start[inside].mean()
    up = reachable((wins > 0).T, inside) & ~inside
    down = reachable(wins > 0, inside) & ~inside
    row[up], row[down] = np.inf, -np.inf
    return row


def curvature_of(theta: FloatArray, wins: FloatArray, met: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The gradient (M,) of the log-likelihood and minus its Hessian (M, M)."""
    chance = expit(theta[:, None] - theta[None, :])
    weight = met * chance * chance.T
    gradient = (wins * chance.T - wins.T * chance).sum(axis=1)
    return gradient, np.asarray(np.diag(weight.sum(axis=1)) - weight)
