"""Ratings that hold a belief about every skill and update it vote by vote: what they have in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.methods.online.permutations import (
    learnt_from,
    order_notes,
    random_orders,
    unused_notes,
)
from agon.ranking.progress import counted
from agon.ranking.registry import ResampledScores, stack_results
from agon.ranking.results import Choice, Fit, Posterior, Scores
from agon.ranking.votes.vote_source import Battles

# Updates the means and variances of all beliefs by the distinct ballot of a number; the last argument says
# which of tied models of equal beliefs comes first.
Play = Callable[[int, list[float], list[float], list[int]], None]
Score = Literal["conservative", "mean"]


def check_beliefs(name: str, mu: float, sigma: float, beta: float, tau: float) -> None:
    """Refuse options outside their range.

    Raises:
        OptionError: a mean that is no number, or a standard deviation that is none.
    """
    if not math.isfinite(mu):
        raise OptionError(f"{name}: mu must be a finite number, not {mu!r}.")
    for option, value, zero in (("sigma", sigma, False), ("beta", beta, False), ("tau", tau, True)):
        if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
            least = "0 or more" if zero else "above 0"
            raise OptionError(f"{name}: {option} must be a finite number {least}, not {value!r}.")


def filter_ratings(
    name: str,
    battles: Battles,
    play: Play,
    *,
    mu: float,
    sigma: float,
    score: Score,
    permutations: int | None,
    seed: int,
) -> Fit:
    """Play the votes in one order or several and score the beliefs, the mean over the orders.

    Models that no vote with an order tells anything about are not compared.

    Args:
        name: of the method.
        battles: the votes.
        play: what one vote does to the beliefs.
        mu: mean of the belief about a new model.
        sigma: its standard deviation.
        score: "conservative" for μ − 3σ, "mean" for μ.
        permutations: number of random orders, as `random_orders` takes it.
        seed: of the random orders.

    Raises:
        OptionError: a negative number of permutations.
    """
    ballots, m = battles.ballots, len(battles.models)
    orders = random_orders(battles, permutations, seed, name)
    means, variances = [], []
    for order, rank in orders:
        mean, variance = [mu] * m, [sigma**2] * m
        for ballot in order.tolist():
            play(ballot, mean, variance, rank)
        means.append(mean)
        variances.append(variance)
    middle, deviations = np.array(means), np.sqrt(variances)
    scores = middle - 3 * deviations if score == "conservative" else middle
    return Fit(
        scores.mean(axis=0),
        "points",
        means=middle.mean(axis=0) if score == "conservative" else None,
        spread=scores.std(axis=0) if len(orders) > 1 else None,
        met=learnt_from(ballots),
        uncertainty=Posterior(np.diag(deviations.mean(axis=0) ** 2 + middle.var(axis=0))),
        notes=(*order_notes(battles, permutations, len(orders)), *unused_notes(ballots)),
    )


def score_resamples(
    rule: Callable[..., Scores | Choice],
    views: Iterable[Battles],
    *,
    permutations: int | None,
    seed: int,
    **options: Any,
) -> ResampledScores:
    """Play resampled votes in one order each, so that an interval holds the order's noise too."""
    found = []
    for number, view in enumerate(counted(views)):
        once = permutations == 0 or (permutations is None and view.order == "timestamp")
        found.append(rule(view, permutations=0 if once else 1, seed=seed + number, **options))
        models = len(view.models)
    return stack_results(found, models)
