"""Thurstone's strengths by Newton's method on the pair counts: the normal curve instead of the logistic.

Let D = θ_i − θ_j. P(i beats j) = Φ(D), with Φ the normal distribution function; a tie is half a win
each way. The difference of two performances has a standard deviation of one unit of θ, a probit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agon.ranking.estimation.comparison_graph import identify
from agon.ranking.estimation.newton import inverse, maximise
from agon.ranking.estimation.separation import check_prior, place_outside, placement_notes
from agon.ranking.numerics import FloatArray
from agon.ranking.registry import method
from agon.ranking.results import EstimatingEquation, Fit
from agon.ranking.votes.ballots import PairRows
from agon.ranking.votes.pair_counts import BothBad, PairCounts


@method("thurstone", source="Thurstone (1927), case V; Mosteller (1951)")
def thurstone(pairs: PairCounts, *, both_bad: BothBad = "half", prior_sd: float = 1.0) -> Fit:
    """Maximum-likelihood strengths: the chance to beat is the normal curve of the difference.

    Components and models outside as in `bradley_terry`. The Elo scale shows 200·√2 points for a
    probit, for performances of standard deviation 200.

    Args:
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.
        prior_sd: standard deviation, in probits, of the prior that places models outside the component.

    Raises:
        ConvergenceError: no solution after 200 Newton steps.
        OptionError: `prior_sd` is not above 0, or above 100.

    Source:
        L. L. Thurstone, Psychol. Rev. 34 (1927), case V; F. Mosteller, Psychometrika 16 (1951);
        A. Elo, The Rating of Chessplayers (1978), for the scale.
    """
    check_prior("thurstone", prior_sd)
    wins = pairs.halves(both_bad)
    known = identify(wins)
    m = len(wins)
    theta, bread, map_covariance = np.zeros(m), np.zeros((m, m)), np.zeros((m, m))
    steps, residual = 0, 0.0
    for g in range(int(known.group.max(initial=-1)) + 1):
        core = np.flatnonzero(known.core & (known.group == g))
        outside = np.flatnonzero(~known.core & (known.group == g))
        members = np.concatenate([core, outside])
        if len(core):
            found = maximise(
                _curvature(wins[np.ix_(core, core)]), np.zeros(len(core)), "thurstone", free=len(core)
            )
            theta[core], bread[np.ix_(core, core)] = found.x, inverse(found.hessian, len(core))
            total = wins[np.ix_(core, core)].sum()
            steps, residual = (
                max(steps, found.steps),
                max(residual, float(np.abs(found.gradient).max() / total)),
            )
        if len(outside):
            local, last = theta[members], np.arange(len(core), len(members))
            among = _curvature(wins[np.ix_(members, members)])
            own, slope = place_outside(among, local, last, prior_sd, "thurstone")
            theta[outside], map_covariance[np.ix_(outside, outside)] = local[last], own
            bread[np.ix_(outside, core)] = slope[:, : len(core)] @ bread[np.ix_(core, core)]
    gap = theta[:, None] - theta[None, :]
    up, curve = slope_and_bend(gap)
    fitted = known.core[:, None] & known.core[None, :] & (known.group[:, None] == known.group[None, :])

    def vote_scores(rows: PairRows) -> tuple[FloatArray, FloatArray]:
        half = 0.5 * (rows.tie + (rows.both_bad if both_bad == "half" else 0.0))
        i, j = rows.first, rows.second
        first = (rows.win + half) * up[i, j] - (rows.loss + half) * up[j, i]
        first = np.where(fitted[i, j], first, 0.0)
        return first, -first

    def vote_roots(rows: PairRows) -> FloatArray:
        half = 0.5 * (rows.tie + (rows.both_bad if both_bad == "half" else 0.0))
        i, j = rows.first, rows.second
        told = (rows.win + half) * curve[i, j] + (rows.loss + half) * curve[j, i]
        root = np.sqrt(np.where(fitted[i, j], told, 0.0))
        return np.stack([root, -root])[None]

    return Fit(
        theta,
        "probit",
        uncertainty=EstimatingEquation(
            bread,
            vote_scores,
            vote_roots,
            map_covariance=map_covariance,
            information=np.where(fitted, wins * curve + wins.T * curve.T, 0.0),
        ),
        identification=known,
        iterations=steps,
        residual=residual,
        notes=placement_notes(pairs.models, known, prior_sd),
    )


def slope_and_bend(gap: FloatArray) -> tuple[FloatArray, FloatArray]:
    """First and minus the second derivative of log Φ, exact in both tails."""
    from scipy.special import log_ndtr

    slope = np.exp(-0.5 * gap**2 - log_ndtr(gap)) / np.sqrt(2 * np.pi)
    return slope, np.maximum(slope * (gap + slope), 0.0)


def _curvature(wins: FloatArray) -> Callable[[FloatArray], tuple[float, FloatArray, FloatArray]]:
    """Give value, gradient (M,) and minus the Hessian (M, M) of the log-likelihood of (M, M) wins."""
    from scipy.special import log_ndtr

    def curvature(theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        gap = theta[:, None] - theta[None, :]
        slope, bend = slope_and_bend(gap)
        pull, weight = wins * slope, wins * bend
        weight = weight + weight.T
        value = float(np.where(wins > 0, wins * log_ndtr(gap), 0.0).sum())
        return value, pull.sum(axis=1) - pull.sum(axis=0), np.diag(weight.sum(axis=1)) - weight

    return curvature
