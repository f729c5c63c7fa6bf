"""Bradley-Terry with features of the votes: who would win if the answers were equally long and as pretty.

The chance that i beats j is logistic in θ_i − θ_j + γ·x, x the features of the vote toward i. Newton's method
starts from the fit to the counts, finds its way on some of many votes and the maximum on all of them; its
Hessian is made anew only while the steps are large.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from agon.ranking.errors import ConvergenceError, OptionError
from agon.ranking.estimation.comparison_graph import identify
from agon.ranking.estimation.separation import as_replicate, check_prior, placement_notes
from agon.ranking.methods.likelihood.bradley_terry import place, solve
from agon.ranking.methods.likelihood.logistic import ContextVotes
from agon.ranking.numerics import FloatArray
from agon.ranking.progress import counted
from agon.ranking.registry import ResampledScores, method
from agon.ranking.results import Clustering, Coefficient, Covariance, Diagnostic, Fit, Identification, Scores
from agon.ranking.text import join_names
from agon.ranking.votes.covariates import CovariateComparisons
from agon.ranking.votes.pair_counts import BothBad, PairCounts

_ROUNDS = 60
_TOLERANCE = 1e-10  # nats
_LARGE = 1e-2  # nats; a step above it makes the Hessian anew
MANY, EVERY = 1 << 17, 8  # with so many votes the way to the maximum is found on every eighth


def _score_resamples(
    views: Iterable[CovariateComparisons],
    scores: Scores,
    *,
    both_bad: BothBad = "half",
    prior_sd: float = 1.0,
    penalty: float = 0.0,
) -> ResampledScores:
    """Fit resampled votes from the solution of the full ones; (R, M), infinite where unbounded."""
    if not isinstance(scores, Fit):
        raise TypeError("the batch needs the Fit of the full votes")
    del prior_sd
    start = np.append(scores.values, [c.value for c in scores.coefficients])
    rows = []
    for view in counted(views):
        known = identify(PairCounts.from_ballots(view.ballots).halves(both_bad))
        point = _fit(_votes(view, known, both_bad, penalty), start, view.names)[0]
        fit = Fit(np.where(known.core, point[: len(known.core)], 0.0), identification=known)
        rows.append(as_replicate(fit, scores))
    return ResampledScores(np.stack(rows))


@method(
    "contextual_bradley_terry",
    source="Bradley and Terry (1952) with covariates: Springall (1973); style control: Li et al. (2024)",
    batch=_score_resamples,
)
def contextual_bradley_terry(
    contexts: CovariateComparisons, *, both_bad: BothBad = "half", prior_sd: float = 1.0, penalty: float = 0.0
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
    start = _start(wins, known, len(contexts.names))
    point, steps, residual = _fit(votes, _nearer(votes, start), contexts.names)
    bread, meat = votes.spread(point)
    inverse = _inverse(votes, bread, contexts.names, point)
    clustering, alone = None, None
    if votes.cluster is not None:
        clustered = votes.jackknife(point, inverse)
        effect = float(np.trace(inverse @ clustered.meat @ inverse) / np.trace(inverse @ meat @ inverse))
        clustering = Clustering(int(votes.cluster.max()) + 1, clustered.effective, effect, clustered.df)
        still = np.diag(clustered.meat) <= 1e-12 * np.diag(
            meat
        )  # clusters that agree in all say nothing of it
        meat = clustered.meat + np.where(still[:, None] & still[None, :], meat, 0.0)
        alone = clustered.alone
    covariance = inverse @ meat @ inverse.T
    map_covariance, bridge = np.zeros((m, m)), np.eye(m)
    for g in range(int(known.group.max(initial=-1)) + 1):
        core = np.flatnonzero(known.core & (known.group == g))
        outside = np.flatnonzero(~known.core & (known.group == g))
        if len(outside):
            bridge[np.ix_(outside, outside)] = 0.0
            place(wins, point[:m], core, outside, prior_sd, bridge, map_covariance)
    covariance[:m] = bridge @ covariance[:m]
    covariance[:, :m] = covariance[:, :m] @ bridge.T
    covariance[:m, :m] += map_covariance
    return Fit(
        point[:m],
        "log_odds",
        uncertainty=Covariance(covariance, clustering, alone),
        coefficients=tuple(map(Coefficient, contexts.names, point[m:].tolist())),
        identification=known,
        iterations=steps,
        residual=residual,
        notes=(*_notes(contexts), *placement_notes(counts.models, known, prior_sd)),
    )


def _notes(contexts: CovariateComparisons) -> tuple[Diagnostic, ...]:
    """Say how many votes were left out, and why."""
    return tuple(
        Diagnostic(
            "left_out_votes",
            (),
            f"{number:,} {'vote was' if number == 1 else 'votes were'} left out for {why}.",
        )
        for why, number in contexts.left_out.items()
    )


def _votes(
    contexts: CovariateComparisons, known: Identification, both_bad: BothBad, penalty: float
) -> ContextVotes:
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
    return ContextVotes(
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


def _nearer(votes: ContextVotes, start: FloatArray) -> FloatArray:
    """(M + F,) a start nearer to the maximum, from some of many votes; where these say nothing, as it was."""
    if len(votes.pair) < MANY:
        return start
    some, point, hold = votes.some(EVERY), start, 0.25 * np.eye(len(start))
    for _ in range(2):
        slope, hessian = some.bend(point)
        change = np.linalg.solve(hessian + hold, slope + hold @ (start - point))
        if not np.abs(change).max() < 5:  # as when a feature decides all of these votes
            return start
        point = point + change
    return point


def _fit(votes: ContextVotes, start: FloatArray, names: tuple[str, ...]) -> tuple[FloatArray, int, float]:
    """Maximise the log-likelihood.

    A step that overshoots, so that the slope along it turns, is halved; on a concave function that converges.

    Returns:
        (M + F,) strengths of zero mean in each component and effects, the number of steps, the largest
        gradient per vote.

    Raises:
        OptionError: no votes, or features that cannot be told apart; ConvergenceError: no solution.
    """
    if not len(votes.pair):
        raise OptionError(
            "No vote is between two models on one scale, so there is no effect of "
            f"{join_names(names)} to find; "
            "gather votes that some win and lose, or rank without control."
        )
    point, m = np.where(np.append(votes.group, np.zeros(len(names))) >= 0, start, 0.0), len(votes.group)
    slope, hessian = votes.bend(point)
    inverse = _inverse(votes, hessian, names)  # without effects: what is confounded shows
    for step in range(1, _ROUNDS + 1):
        change = inverse @ slope
        ahead, size = float(slope @ change), float(np.abs(change).max())
        if size < _TOLERANCE:
            point = point + change
            for g in range(int(votes.group.max(initial=-1)) + 1):
                inside = np.flatnonzero(votes.group == g)
                point[inside] -= point[inside].mean()
            return point, step, float(np.abs(slope).max() / max(float(votes.times.sum()), 1.0))
        if size <= _LARGE:
            point = point + change
            slope = votes.gradient(point)
        else:
            trial, hessian = votes.bend(point + change)
            while float(trial @ change) < -0.9 * ahead:
                change *= 0.5
                trial, hessian = votes.bend(point + change)
            point, slope = point + change, trial
            inverse = _inverse(votes, hessian, names, point)
    raise _deciding(point[m:], names)


def _deciding(effects: FloatArray, names: tuple[str, ...]) -> ConvergenceError:
    """Effects without bound."""
    worst = names[int(np.abs(effects).argmax())]
    return ConvergenceError(
        f"contextual_bradley_terry found no solution: {worst!r} may decide every vote; leave it out, or set "
        "a penalty, such as 1."
    )


def _inverse(
    votes: ContextVotes, hessian: FloatArray, names: tuple[str, ...], point: FloatArray | None = None
) -> FloatArray:
    """(M + F, M + F) inverse Hessian on strengths of zero mean in each component and effects.

    Raises:
        OptionError: features that the strengths, or other features, explain wholly.
        ConvergenceError: the same at a `point` of the way, where effects without bound leave nothing to know.
    """
    m = len(votes.group)
    whole = hessian.copy()
    fitted = votes.group >= 0
    size = float(np.diag(whole)[:m].mean()) or 1.0
    for g in range(int(votes.group.max(initial=-1)) + 1):
        inside = votes.group == g
        whole[:m, :m] += np.outer(inside, inside) * (size / max(1, int(inside.sum())))
    whole[np.flatnonzero(~fitted), np.flatnonzero(~fitted)] = 1.0
    try:
        strengths = np.linalg.solve(whole[:m, :m], whole[:m, m:])
        left = whole[m:, m:] - whole[m:, :m] @ strengths
        norm = np.sqrt(np.diag(whole)[m:])
        spectrum, vectors = np.linalg.eigh(left / np.outer(norm, norm))
    except np.linalg.LinAlgError:
        raise _deciding(np.zeros(len(names)) if point is None else point[m:], names) from None
    if not spectrum[0] > 1e-10 and point is not None:
        raise _deciding(point[m:], names)
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
