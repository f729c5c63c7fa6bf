"""Intervals and ranks of score tables: Student's t where tasks are few, and ranks that hold all at once."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from agon.ranking.inference.intervals import Uncertainty
from agon.ranking.inference.simultaneous import quantile, shortfall, spread_of_gaps, surely_above
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.votes.score_table import ScoreTable

MANY = 30  # tasks from which percentiles of the bootstrap do
FEW = 8  # clusters below which they do not


def from_tasks(
    unsure: Uncertainty, samples: FloatArray, values: FloatArray, table: ScoreTable, level: float
) -> Uncertainty:
    """Widen percentiles of few tasks to Student's intervals; say who is surely above, of all pairs at once.

    A score or a difference that no draw of the tasks moves is not certain: its interval is open, and who is
    above is left to the sign test, for which five tasks that agree are too few at 95%. Who is surely above is
    corrected for the number of pairs (Holm), so that a table of equal models shows nobody above another but
    in a share of 1 - level.

    Args:
        unsure: from the percentiles.
        samples: (R, M) replicates.
        values: (M,) scores.
        table: the scores by task.
        level: of the intervals.

    Source:
        W. Gosset (Student), Biometrika 6 (1908); S. Holm, Scand. J. Stat. 6 (1979); E. Miller, Adding error
        bars to evals (2024).
    """
    number = int((table.mass > 0).sum())
    if number < 1:
        return unsure
    if number == 1:
        return replace(
            unsure,
            lower=np.full_like(values, -np.inf),
            upper=np.full_like(values, np.inf),
            above=np.zeros_like(unsure.above),
            df=1.0,
        )
    df, short = float(number - 1), math.sqrt(number / (number - 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = samples.std(axis=0)
        gap = values[:, None] - values[None, :]
    error = short * spread_of_gaps(samples)
    unsure = replace(unsure, above=surely_above(gap, error, level, df, None, 2 * 0.5**number))
    if number >= MANY:
        return unsure
    still = ~(spread > 1e-9 * max(float(np.nanmax(np.abs(values), initial=0.0)), 1e-300))
    wide = quantile(level, df) * short
    lower = np.where(still, -np.inf, values - wide * spread)
    upper = np.where(still, np.inf, values + wide * spread)
    return replace(unsure, lower=lower, upper=upper, df=df)


def from_few_clusters(
    unsure: Uncertainty,
    samples: FloatArray,
    values: FloatArray,
    effective: float,
    level: float,
    group: IntArray | None = None,
) -> Uncertainty:
    """Student's intervals of a bootstrap of very few clusters, whose draws are hardly more than themselves.

    Drawn from two voters who agree, every draw agrees. As with tables, what no draw moves is open, and its
    order that of the sign test.

    Args:
        unsure: from the percentiles.
        samples: (R, M) replicates.
        values: (M,) scores.
        effective: number of equal clusters that these are worth.
        level: of the intervals.
        group: (M,) component of each model, of which pairs are compared; negative for none.
    """
    if effective >= FEW:
        return unsure
    df = max(effective - 1, 1.0)
    short = math.sqrt(shortfall(df))
    wide = quantile(level, df) * short
    with np.errstate(invalid="ignore"):
        spread = samples.std(axis=0)
        gap = values[:, None] - values[None, :]
        above = surely_above(gap, short * spread_of_gaps(samples), level, df, group, 2 * 0.5**effective)
        still = ~(spread > 1e-9 * max(float(np.nanmax(np.abs(values), initial=0.0)), 1e-300))
    lower = np.where(still, -np.inf, values - wide * spread)
    upper = np.where(still, np.inf, values + wide * spread)
    return replace(unsure, lower=lower, upper=upper, above=above)
