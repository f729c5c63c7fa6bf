"""Quality, price and speed as one number: facts in points, at the rates found among listed models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from agon.ranking.errors import OptionError
from agon.ranking.numerics import FloatArray

CLOSEST = 1e-4  # of the span of scores: models nearer to each other than this give no rate
MORE_IS_BETTER = frozenset({"tokens_per_second", "context"})  # of facts; less is better of all others


def exchange_rates(scores: ArrayLike, facts: ArrayLike) -> FloatArray:
    """(F,) how much of each fact goes with one point: the average over models next to each other in score.

    They are those of the models listed: add one or take one away, and they are others.

    Args:
        scores: (M,) of the models.
        facts: (M, F) such as price and seconds.

    Returns:
        0 for a fact that is the same for all; NaN where no two scores differ.

    Source:
        Z. Ma, K. Ethayarajh et al., Dynaboard, NeurIPS 2021, section 4: the average marginal rate of
        substitution.
    """
    values, amounts = np.asarray(scores, dtype=np.float64), np.asarray(facts, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    step, change = np.diff(values[order]), np.abs(np.diff(amounts[order], axis=0))
    apart = step > CLOSEST * np.ptp(values) if len(values) > 1 else np.zeros(0, dtype=np.bool_)
    if not apart.any():
        return np.full(amounts.shape[1], np.nan)
    return np.asarray((change[apart] / step[apart, None]).mean(axis=0))


def fact_points(
    scores: ArrayLike, facts: ArrayLike, names: Sequence[str], weigh: Mapping[str, float]
) -> tuple[FloatArray, FloatArray]:
    """Say what the facts of each model are worth beside its score, where the score weighs 1.

    Args:
        scores: (M,) of the models.
        facts: (M, F), columns in the order of `names`.
        names: F facts.
        weigh: fact of `names` → its weight beside the score, above 0.

    Returns:
        (M,) points to be added to each score, and (F,) the rates, of `exchange_rates`.

    Raises:
        OptionError: a weight that is no number above 0.
    """
    for name, weight in weigh.items():
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not 0 < weight < math.inf:
            raise OptionError(f"The weight of {name!r} must be a number above 0, not {weight!r}.")
    amounts = np.asarray(facts, dtype=np.float64)
    rates = exchange_rates(scores, amounts)
    points = np.zeros(len(amounts))
    for f, name in enumerate(names):
        if name in weigh and rates[f] > 0:
            way = 1.0 if name in MORE_IS_BETTER else -1.0
            points += way * weigh[name] * amounts[:, f] / rates[f]
    return points, rates
