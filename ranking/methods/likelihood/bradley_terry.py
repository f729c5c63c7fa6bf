"""Bradley-Terry strengths by Newton's method on the pair counts.

Let D = θ_i − θ_j. P(i beats j) = 1 / (1 + exp(−D)); a tie is half a win each way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from agon.ranking.errors import ConvergenceError
from agon.ranking.estimation.comparison_graph import components, identify, reachable, strongly_connected
from agon.ranking.estimation.newton import ROUNDS, TOLERANCE, inverse, maximise
from agon.ranking.estimation.separation import check_prior, placement_notes
from agon.ranking.numerics import FloatArray, expit
from agon.ranking.registry import ResampledScores, method
from agon.ranking.results import EstimatingEquation, Fit, Scores
from agon.ranking.votes.ballots import PairRows
from agon.ranking.votes.pair_counts import BothBad, PairCounts

CHORDS = 15  # steps with one Hessian before it is made anew in every step
_SETTLED = 1e-10  # nats
STEEP = 500.0  # nats between the strengths, within which the odds are numbers


def _score_resamples(
    views: Iterable[PairCounts], scores: Scores, *, both_bad: BothBad = "half", prior_sd: float = 1.0
) -> ResampledScores:
    """Fit resampled counts from the solution of the full ones; (R, M), infinite where unbounded.

    Models that the full fit could only place by the prior get NaN.
    """
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
def bradley_terry(pairs: PairCounts, *, both_bad: BothBad = "half", prior_sd: float = 1.0) -> Fit:
    """Maximum-likelihood strengths: the chance to beat is logistic in the difference.

    Fitted on each strongly connected component by itself, zero mean over the component. A model
    outside (undefeated, winless, or linked one way only) moves nobody: it is placed afterwards by the
    maximum of its posterior under a normal prior around the component's mean.

    Args:
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.
        prior_sd: standard deviation, in nats, of the prior that places models outside the component.

    Raises:
        ConvergenceError: no solution after 200 Newton steps.
        OptionError: `prior_sd` is not above 0, or above 100.

    Source:
        E. Zermelo, Math. Z. 29 (1929); R. Bradley and M. Terry, Biometrika 39 (1952); existence:
        L. R. Ford, Amer. Math. Monthly 64 (1957). Intervals: the sandwich H⁻¹GH⁻¹ of White (1982).
    """
    check_prior("bradley_terry", prior_sd)
    wins = pairs.halves(both_bad)
    known = identify(wins)
    theta, bread = np.zeros(len(wins)), np.zeros(wins.shape)
    map_covariance = np.zeros(wins.shape)
    steps, residual = 0, 0.0
    for g in range(int(known.group.max(initial=-1)) + 1):
        core = np.flatnonzero(known.core & (known.group == g))
        outside = np.flatnonzero(~known.core & (known.group == g))
        if len(core):
            theta[core], bread_of, taken, left = solve(wins[np.ix_(core, core)])
            bread[np.ix_(core, core)] = bread_of
            steps, residual = max(steps, taken), max(residual, left)
        if len(outside):
            place(wins, theta, core, outside, prior_sd, bread, map_covariance)
    chance = expit(theta[:, None] - theta[None, :])
    fitted = known.core[:, None] & known.core[None, :] & (known.group[:, None] == known.group[None, :])

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
        notes=placement_notes(pairs.models, known, prior_sd),
    )


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
