"""What one vote does to a fit, to first order: no refit, so that many votes can be compared at once."""

from __future__ import annotations

import numpy as np

from agon.ranking.numerics import FloatArray
from agon.ranking.results import Fit
from agon.ranking.votes.ballots import Ballots


def influence(fit: Fit, ballots: Ballots, contrast: FloatArray) -> FloatArray | None:
    """(B,) how far one more vote of each ballot moves a combination of scores, on the fit's scale.

    Args:
        fit: of a method with an estimating equation.
        ballots: the kinds of votes asked about; their counts do not matter.
        contrast: (M,) weights of the scores, such as 1 and −1 for the gap between two models.

    Returns:
        None for a fit without an estimating equation.

    Source:
        F. Hampel, JASA 69 (1974): the influence function of an M-estimator is its inverse Hessian times
        the score of the vote.
    """
    equation = fit.equation
    if equation is None:
        return None
    direction = contrast @ equation.bread
    if equation.ballot_scores is not None:
        return np.asarray((equation.ballot_scores(ballots) @ direction) * ballots.weight, dtype=np.float64)
    if equation.vote_scores is None:
        return None
    rows, m = ballots.pair_rows, len(ballots.models)
    one, two, *more = equation.vote_scores(rows)
    effect = one * direction[rows.first] + two * direction[rows.second]
    for e, column in enumerate(more):
        effect = effect + column * direction[m + e]
    total = np.bincount(rows.ballot, effect * ballots.weight[rows.ballot], len(ballots.count))
    return np.asarray(total, dtype=np.float64)
