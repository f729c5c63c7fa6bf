"""Intervals of a score table of few tasks: Student's instead of percentiles, and never of width zero."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from agon.ranking.inference.intervals import Uncertainty
from agon.ranking.inference.simultaneous import quantile
from agon.ranking.numerics import FloatArray
from agon.ranking.votes.score_table import ScoreTable

MANY = 30  # tasks from which percentiles of the bootstrap do


def from_few_tasks(
    unsure: Uncertainty, samples: FloatArray, values: FloatArray, table: ScoreTable, level: float
) -> Uncertainty:
    """Widen percentiles of few tasks to Student's intervals with T - 1 degrees of freedom.

    A score or a difference that no draw of the tasks moves is not certain: its interval is open, and who is
    above is left to the sign test, for which five tasks that agree are too few at 95%.

    Args:
        unsure: from the percentiles.
        samples: (R, M) replicates.
        values: (M,) scores.
        table: the scores by task.
        level: of the intervals.

    Source:
        W. Gosset (Student), Biometrika 6 (1908); E. Miller, Adding error bars to evals (2024).
    """
    number = int((table.mass > 0).sum())
    if number >= MANY or number < 1:
        return unsure
    if number == 1:
        return replace(
            unsure,
            lower=np.full_like(values, -np.inf),
            upper=np.full_like(values, np.inf),
            above=np.zeros_like(unsure.above),
            df=1.0,
        )
    wide = quantile(level, number - 1) * math.sqrt(number / (number - 1))
    with np.errstate(invalid="ignore"):
        spread = samples.std(axis=0)
        gap = values[:, None] - values[None, :]
        apart = np.stack([(samples[:, [i]] - samples).std(axis=0) for i in range(len(values))])
    still = ~(spread > 1e-9 * max(float(np.nanmax(np.abs(values), initial=0.0)), 1e-300))
    lower = np.where(still, -np.inf, values - wide * spread)
    upper = np.where(still, np.inf, values + wide * spread)
    moved = apart > 1e-9 * max(float(np.nanmax(np.abs(gap), initial=0.0)), 1e-300)
    agree = 0.5**number <= (1 - level) / 2
    above = np.where(moved, gap > wide * apart, (gap > 0) & agree)
    return replace(unsure, lower=lower, upper=upper, above=np.asarray(above), df=float(number - 1))
