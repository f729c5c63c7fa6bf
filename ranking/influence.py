"""What one vote does to a fit, to first order: no refit, so that many votes can be compared at once."""

from __future__ import annotations

import numpy as np

from ranking.ballots import Ballots, FloatArray
from ranking.results import Fit


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
    if fit.bread is None or fit.vote_scores is None:
        return None
    direction = contrast @ fit.bread
    rows = ballots.pair_rows
    one, two = fit.vote_scores(rows)
    effect = (one * direction[rows.first] + two * direction[rows.second]) * ballots.weight[rows.ballot]
    return np.asarray(np.bincount(rows.ballot, effect, len(ballots.count)), dtype=np.float64)
