"""Ratings that hold a belief about every skill and update it vote by vote: what they have in common."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.methods.online.permutations import (
    learnt_from,
    order_notes,
    orders,
    shared_by_alike,
    unused_notes,
)
from agon.ranking.results import Fit
from agon.ranking.votes.vote_source import Battles

# Updates the means and variances of all beliefs by the distinct ballot of a number; the last argument ranks
# the models by the votes and not by their names.
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


def learn(
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
        permutations: number of random orders, as `orders` takes it.
        seed: of the random orders.

    Raises:
        OptionError: a negative number of permutations.
    """
    ballots, m = battles.ballots, len(battles.models)
    lanes, colour, rank = orders(battles, permutations, seed, name)
    means, variances = [], []
    for lane in lanes:
        mean, variance = [mu] * m, [sigma**2] * m
        for ballot in lane.tolist():
            play(ballot, mean, variance, rank)
        means.append(mean)
        variances.append(variance)
    middle = shared_by_alike(np.mean(means, axis=0), colour)
    deviation = shared_by_alike(np.sqrt(variances).mean(axis=0), colour)
    drawn = shared_by_alike(np.std(means, axis=0), colour)
    return Fit(
        middle - 3 * deviation if score == "conservative" else middle,
        "points",
        spread=drawn if len(lanes) > 1 else None,
        met=learnt_from(ballots),
        posterior=np.diag(deviation**2 + drawn**2),
        notes=(*order_notes(battles, permutations), *unused_notes(ballots)),
    )
