"""Intervals of statistics of sums over prompts: each prompt is left out once, however its verdicts depend."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from agon.ranking.numerics import FloatArray, IntArray


class Estimate(NamedTuple):
    """A number and its interval; all NaN where nothing says what it is."""

    value: float
    lower: float
    upper: float


UNKNOWN = Estimate(float("nan"), float("nan"), float("nan"))


def jackknife(
    sums: FloatArray, statistic: Callable[[FloatArray], FloatArray], level: float
) -> tuple[FloatArray, FloatArray]:
    """Estimate statistics of sums over prompts, and half the width of their intervals.

    Args:
        sums: (G, ...) what each of G prompts adds.
        statistic: from (R, ...) sums of all to (R, K) numbers, which is asked for many at once.
        level: of the intervals.

    Returns:
        (K,) values and half widths, Student's with G − 1 degrees of freedom; infinite of a single prompt.

    Source:
        B. Efron and C. Stein, Ann. Statist. 9 (1981): the jackknife errs upwards.
    """
    from scipy.special import stdtrit

    total, size = sums.sum(axis=0), len(sums)
    value = statistic(total[None])[0]
    if size < 2:
        return value, np.full(value.shape, np.inf)
    without = statistic(total[None] - sums)
    moved = without - without.mean(axis=0)
    error = np.sqrt((size - 1) / size * (moved**2).sum(axis=0))
    return value, np.asarray(stdtrit(size - 1, (1 + level) / 2) * error)


def ratio(top: FloatArray, bottom: FloatArray, prompt: IntArray, size: int, level: float) -> Estimate:
    """A ratio of sums over rows, which belong to prompts; `size` is how many prompts there are.

    Prompts without a row say nothing and are no clusters.
    """
    sums = sum_by_prompt(prompt, size, top, bottom)
    sums = sums[np.bincount(prompt, minlength=size) > 0]
    if not len(sums) or not sums[:, 1].sum():
        return UNKNOWN
    with np.errstate(invalid="ignore", divide="ignore"):
        value, half = jackknife(sums, lambda s: s[:, :1] / s[:, 1:], level)
    return Estimate(float(value[0]), float(value[0] - half[0]), float(value[0] + half[0]))


def sum_by_prompt(prompt: IntArray, size: int, *columns: FloatArray) -> FloatArray:
    """(G, K) sums of K columns (N,) over the rows of each of `size` prompts."""
    sums = np.zeros((size, len(columns)))
    for i, column in enumerate(columns):
        sums[:, i] = np.bincount(prompt, column, size)
    return sums
