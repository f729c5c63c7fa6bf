"""Glicko-2: ratings with a deviation and a volatility, updated once a rating period."""

from __future__ import annotations

import math

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.methods.online.rating_periods import Periods, check_positive, period_notes
from agon.ranking.numerics import BoolArray, FloatArray, IntArray, expit
from agon.ranking.registry import method
from agon.ranking.results import Fit, Posterior, RatingHistory
from agon.ranking.votes.pair_counts import BothBad
from agon.ranking.votes.vote_source import Battles

GLICKO_UNIT = 173.7178  # Glicko-2's own scale in rating points, as printed
_SETTLED = 1e-9  # of the logarithm of the squared volatility
_NAME = "glicko2"


@method(_NAME, source="Glickman (2001, 2013)")
def glicko2(
    battles: Battles,
    *,
    start: float = 1500.0,
    deviation: float = 350.0,
    volatility: float = 0.06,
    tau: float = 0.5,
    period: float = 1.0,
    both_bad: BothBad = "half",
) -> Fit:
    """Ratings that change with time: all votes of a rating period update them together.

    A deviation grows while a model is not voted on, by its volatility, which grows where results surprise.
    The interval is the rating ± so many deviations. Votes without times are of one period. A vote on more
    than two models counts as its pairs.

    Do not read the interval as one that holds the rating so often: deviations are kept apart and ratings
    learn once a period. Where ten models wandered by 17 Elo points a day, 95% intervals of the last day held
    89% of the differences, and where none did, 98%. For intervals to rely on use `whole_history_rating`.

    Args:
        start: rating of a new model.
        deviation: its standard deviation.
        volatility: its volatility, how much the rating of a model may change in a period, in units of 173.7
            points.
        tau: how fast volatilities change; 0.3 to 1.2 are usual.
        period: length of a rating period in days, counted from midnight UTC. Glickman advises 10 to 15 games
            a player in a period.
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.

    Raises:
        OptionError: a start that is no number, or another option that is not above 0.

    Source:
        M. E. Glickman, Applied Statistics 48 (1999); J. Applied Statistics 28 (2001); "Example of the
        Glicko-2 system" (2013), whose steps are these.
    """
    if not math.isfinite(start):
        raise OptionError(f"{_NAME}: start must be a finite number, not {start!r}.")
    check_positive(_NAME, deviation=deviation, volatility=volatility, tau=tau, period=period)
    m, periods = len(battles.models), Periods.of(battles, period, both_bad)
    mu, sigma = np.zeros(m), np.full(m, volatility)
    variance = np.full(m, (deviation / GLICKO_UNIT) ** 2)
    entered = periods.entered(m)
    means, spreads = [], []
    for d, number in enumerate(periods.number):
        if d:  # each period without games of a model adds its squared volatility, as the last step says
            variance += np.where(entered < d, sigma**2 * (number - periods.number[d - 1] - 1), 0.0)
        mu, variance, sigma = rate_period(mu, variance, sigma, *periods.of_period(d), tau, entered <= d)
        known = entered <= d
        means.append(np.where(known, start + GLICKO_UNIT * mu, np.nan))
        spreads.append(np.where(known, GLICKO_UNIT * np.sqrt(variance), np.nan))
    return Fit(
        start + GLICKO_UNIT * mu,
        "elo",
        uncertainty=Posterior(np.diag(GLICKO_UNIT**2 * variance)),
        parameters={
            f"volatility of {model}": value
            for model, value in zip(battles.models, sigma.tolist(), strict=True)
        },
        history=RatingHistory(battles.models, periods.begins, np.array(means), np.array(spreads)),
        notes=period_notes(battles, _NAME),
    )


def rate_period(
    mu: FloatArray,
    variance: FloatArray,
    sigma: FloatArray,
    first: IntArray,
    second: IntArray,
    games: FloatArray,
    points: FloatArray,
    tau: float,
    known: BoolArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Ratings, their variances and volatilities, (M,) each, after a period: steps 3 to 7.

    Args:
        mu, variance, sigma: (M,) before it, in units of 173.7 points.
        first, second: (G,) models that met.
        games, points: (G,) how often, and what the first got of it.
        tau: how fast volatilities change.
        known: (M,) models that are rated by now; their deviation grows where they did not play.
    """
    m = len(mu)
    one, two = np.concatenate([first, second]), np.concatenate([second, first])
    number, won = np.tile(games, 2), np.concatenate([points, games - points])
    pull = 1 / np.sqrt(1 + 3 * variance[two] / math.pi**2)
    expected = expit(pull * (mu[one] - mu[two]))
    told = np.bincount(one, number * pull**2 * expected * (1 - expected), m)
    gain = np.bincount(one, pull * (won - number * expected), m)
    played, sigma = told > 0, sigma.copy()
    for k in np.flatnonzero(played).tolist():
        sigma[k] = _volatility(gain[k] / told[k], 1 / told[k], variance[k], sigma[k], tau)
    variance = variance + np.where(known, sigma**2, 0.0)
    variance[played] = 1 / (1 / variance[played] + told[played])
    return mu + variance * gain, variance, sigma


def _volatility(delta: float, v: float, variance: float, sigma: float, tau: float) -> float:
    """The volatility after a period: step 5, by the Illinois variant of regula falsi.

    Args:
        delta: improvement that the results of the period suggest.
        v: variance of the rating by the results of the period alone.
        variance: φ² before it.
        sigma: the volatility before it.
        tau: how fast volatilities change.
    """
    a = math.log(sigma**2)

    def f(x: float) -> float:
        whole = variance + v + math.exp(x)
        return math.exp(x) * (delta**2 - whole) / (2 * whole**2) - (x - a) / tau**2

    low, high = a, math.log(delta**2 - variance - v) if delta**2 > variance + v else a - tau
    while delta**2 <= variance + v and f(high) < 0:
        high -= tau
    f_low, f_high = f(low), f(high)
    while abs(high - low) > _SETTLED:
        new = low + (low - high) * f_low / (f_high - f_low)
        f_new = f(new)
        if f_new * f_high <= 0:
            low, f_low = high, f_high
        else:
            f_low /= 2
        high, f_high = new, f_new
    return math.exp(low / 2)
