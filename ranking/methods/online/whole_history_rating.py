"""Whole-History Rating: Bradley-Terry strengths that wander with time, all of the history fitted at once.

Every strength is a Wiener process. The mode of the posterior is found by Newton's method over all models and
periods together, whose Hessian is tridiagonal in time: blocks of models, solved forwards and backwards. So
covariances are those of all models together; Coulom's are of one model while the others are held fixed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from agon.ranking.errors import ConvergenceError, OptionError
from agon.ranking.methods.online.rating_periods import Periods, check_positive, period_notes
from agon.ranking.numerics import FloatArray, IntArray, expit
from agon.ranking.registry import method
from agon.ranking.results import Fit, Posterior, RatingHistory
from agon.ranking.votes.pair_counts import BothBad
from agon.ranking.votes.vote_source import Battles

PER_NAT = 400 / math.log(10)  # Elo points
_MOST = 250_000_000  # numbers kept of the blocks
_TOLERANCE, _ROUNDS = 1e-9, 100
_NAME = "whole_history_rating"


@method(_NAME, source="Coulom (2008)")
def whole_history_rating(
    battles: Battles,
    *,
    w2: float = 300.0,
    prior_games: float = 1.0,
    period: float = 1.0,
    both_bad: BothBad = "half",
) -> Fit:
    """Strengths of the last day, from all votes at the days they were cast: the past tells of the present.

    A tie is half a win each way. Scores are relative to the mean of all models; the interval is that of the
    posterior. The history of every model is in the result. Votes without times are of one day, which is
    Bradley-Terry with the prior. A vote on more than two models counts as its pairs.

    On votes from its own world 95% intervals of the last day held 94 to 97% of the differences. w2 is not
    fitted: with strengths that moved 2.6 times as fast as it says they held 68%.

    Args:
        w2: variance of the change of a strength in a day, in squared Elo points.
        prior_games: the prior: so many wins and as many losses of a model in its first period, against one
            whose strength is 0 for ever.
        period: days that are put together, counted from midnight UTC. Time and memory are those of the number
            of periods times models cubed and squared.
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.

    Raises:
        ConvergenceError: no solution after 100 Newton steps, or a w2 too large to tie days together.
        OptionError: an option that is not above 0, or more periods than fit into 2 GB.

    Source:
        R. Coulom, Whole-History Rating: A Bayesian rating system for players of time-varying strength,
        Computers and Games (2008); w2 and prior are those of its published implementations.
    """
    check_positive(_NAME, w2=w2, prior_games=prior_games, period=period)
    m, periods = len(battles.models), Periods.of(battles, period, both_bad)
    count = len(periods.number)
    if count * m**2 > _MOST:
        days = (int(periods.number[-1] - periods.number[0]) + 1) * period
        long = math.ceil(
            days / max(1, _MOST // m**2 - 1)
        )  # votes of D days fall into at most D/long + 1 periods
        raise OptionError(
            f"{_NAME}: {count:,} periods of {period:g} days with {m:,} models do not fit into memory; "
            f"set a longer period, such as {long:,} days."
        )
    entered = periods.entered(m)
    steps = np.diff(periods.number) * period * w2 / PER_NAT**2
    chain = _Chain(periods, 1 / steps, np.minimum(entered, count - 1), prior_games)
    theta, rounds, largest, residual = np.zeros((count, m)), 0, math.inf, 0.0
    while largest > _TOLERANCE:
        if rounds == _ROUNDS:
            raise ConvergenceError(
                f"{_NAME} did not converge in {_ROUNDS} Newton steps; set a larger w2 or more prior_games."
            )
        try:
            change, gradient = chain.step(theta)
        except np.linalg.LinAlgError:
            raise ConvergenceError(
                f"{_NAME}: with w2={w2:g} a day without votes says nothing of the next; set a smaller w2."
            ) from None
        largest = 2 * float(np.abs(change).max())
        theta = theta + change * (math.log1p(largest) / largest if largest > 0 else 1.0)
        residual = float(np.abs(gradient).max()) / max(float(periods.games.sum()), 1.0)
        rounds += 1
    covariance, errors = chain.uncertainty(theta)
    scores = theta - theta.mean(axis=1, keepdims=True)
    known = entered[None, :] <= np.arange(count)[:, None]
    return Fit(
        scores[-1],
        "log_odds",
        uncertainty=Posterior(covariance),
        iterations=rounds,
        residual=residual,
        history=RatingHistory(
            battles.models,
            periods.begins,
            np.where(known, scores, np.nan),
            np.where(known, errors, np.nan),
        ),
        notes=period_notes(battles, _NAME),
    )


@dataclass(frozen=True, eq=False)
class _Chain:
    """The posterior of (D, M) strengths.

    Attributes:
        periods: the votes.
        stiff: (D − 1,) one over the variance of the change from a period to the next.
        entered: (M,) period of the prior.
        prior: wins, and losses, of it.
    """

    periods: Periods
    stiff: FloatArray
    entered: IntArray
    prior: float

    def _slope(self, theta: FloatArray, d: int) -> tuple[FloatArray, FloatArray]:
        """Gradient (M,) and information (M, M) of the votes of a period and of the prior."""
        x, m = theta[d], theta.shape[1]
        i, j, games, points = self.periods.of_period(d)
        chance = expit(x[i] - x[j])
        gain, told = points - games * chance, games * chance * (1 - chance)
        against, fresh = expit(x), self.entered == d
        slope = np.where(fresh, self.prior * (1 - 2 * against), 0.0)
        slope += np.bincount(i, gain, m) - np.bincount(j, gain, m)
        own = np.where(fresh, 2 * self.prior * against * (1 - against), 0.0)
        own += np.bincount(i, told, m) + np.bincount(j, told, m)
        information = np.zeros((m, m))
        np.subtract.at(information, (np.concatenate([i, j]), np.concatenate([j, i])), np.tile(told, 2))
        information[np.diag_indices(m)] += own
        return slope, information

    def _forwards(self, theta: FloatArray) -> tuple[list[FloatArray], FloatArray]:
        """Inverses of the blocks with all earlier ones eliminated, and the gradient (D, M).

        What a block knows of the next is c J (c + J)⁻¹, J what it knows of itself and c the stiffness; in
        this form nothing cancels where the strengths hardly move.
        """
        count, m = theta.shape
        gradient, inverses = np.zeros((count, m)), []
        carried, eye = np.zeros((m, m)), np.eye(m)
        for d in range(count):
            gradient[d], information = self._slope(theta, d)
            if d:
                gradient[d] -= self.stiff[d - 1] * (theta[d] - theta[d - 1])
            whole = information + carried
            if d < count - 1:
                c = self.stiff[d]
                gradient[d] += c * (theta[d + 1] - theta[d])
                inverse = np.linalg.inv(whole + c * eye)
                carried = c * (inverse @ whole)
                carried = 0.5 * (carried + carried.T)
            else:
                inverse = np.linalg.inv(whole)
            inverses.append(0.5 * (inverse + inverse.T))
        return inverses, gradient

    def step(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The Newton step and the gradient, (D, M) each."""
        inverses, gradient = self._forwards(theta)
        count = len(theta)
        left = gradient.copy()
        for d in range(1, count):
            left[d] += self.stiff[d - 1] * (inverses[d - 1] @ left[d - 1])
        change = np.empty_like(theta)
        change[-1] = inverses[-1] @ left[-1]
        for d in range(count - 2, -1, -1):
            change[d] = inverses[d] @ (left[d] + self.stiff[d] * change[d + 1])
        return change, gradient

    def uncertainty(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(M, M) covariance in the last period, and (D, M) standard errors, both relative to the mean."""
        inverses, _ = self._forwards(theta)
        count, m = theta.shape
        centre = np.eye(m) - 1 / m
        covariance = inverses[-1]
        last = centre @ covariance @ centre
        errors = np.empty((count, m))
        errors[-1] = np.diag(last)
        for d in range(count - 2, -1, -1):
            reach = self.stiff[d] * inverses[d]
            covariance = inverses[d] + reach @ covariance @ reach
            mean = covariance.mean(axis=0)
            errors[d] = np.diag(covariance) - 2 * mean + mean.mean()
        return last, np.sqrt(np.maximum(errors, 0.0))
