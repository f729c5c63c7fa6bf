"""Intervals and rank ranges: the sandwich, and what it or a bootstrap says about who is above whom."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agon.ranking.inference.simultaneous import Maxima, _normal, outermost, quantile, shortfall, tail_of
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.results import Clustering


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """What the data leave open about M scores at one level.

    Attributes:
        lower, upper: (M,) bounds, infinite where there is none.
        above: (M, M) True where the row's score is above the column's at the level.
        covariance: (M, M) of the scores, or None if it comes from a bootstrap.
        samples: (R, M) scores in the rounds of the bootstrap, or None if there is a covariance.
        df: degrees of freedom of the covariance: effective clusters less one, or infinite.
        together: how far several statements stray at once, if the bounds are simultaneous.
        clustering: what dependent votes are worth, if they were clustered.
    """

    lower: FloatArray
    upper: FloatArray
    above: NDArray[np.bool_]
    covariance: FloatArray | None = None
    samples: FloatArray | None = None
    df: float = math.inf
    together: Maxima | None = None
    clustering: Clustering | None = None

    def error_of(self, i: int, j: int) -> float:
        """Standard error of the difference of two scores; 0 where it is not known."""
        if self.covariance is not None:
            cov = self.covariance
            return math.sqrt(max(float(cov[i, i] + cov[j, j] - 2 * cov[i, j]), 0.0))
        if self.samples is None:
            return 0.0
        with np.errstate(invalid="ignore"):
            gaps = self.samples[:, i] - self.samples[:, j]
        gaps = gaps[np.isfinite(gaps)]
        return float(gaps.std(ddof=1)) * math.sqrt(shortfall(self.df)) if len(gaps) > 1 else 0.0

    def opened(self, below: NDArray[np.bool_], above: NDArray[np.bool_]) -> Uncertainty:
        """Take away the bounds that the votes cannot give; (M,) masks."""
        lower = np.where(below, -np.inf, self.lower)
        upper = np.where(above, np.inf, self.upper)
        return replace(self, lower=lower, upper=upper)

    def unsettle(self, models: NDArray[np.bool_]) -> Uncertainty:
        """Take away all that is said of models whose variance cannot be known; (M,) mask."""
        known = ~models[:, None] & ~models[None, :]
        return replace(self.opened(models, models), above=self.above & known)


def nothing_known(n_models: int) -> Uncertainty:
    """No interval at all."""
    open_side = np.full(n_models, np.inf)
    return Uncertainty(-open_side, open_side, np.zeros((n_models, n_models), dtype=bool))


def from_covariance(
    values: FloatArray,
    covariance: FloatArray,
    level: float,
    df: float = math.inf,
    together: Maxima | None = None,
) -> Uncertainty:
    """Normal (or Student) intervals, and an order from the intervals of all differences.

    Args:
        values: (M,) scores.
        covariance: (M, M) of them.
        level: of the intervals.
        df: degrees of freedom of the covariance.
        together: given if the intervals are to hold all at once.
    """
    one, two = _multiples(level, df, together)
    half = one * np.sqrt(np.diag(covariance))
    variance = np.diag(covariance)[:, None] + np.diag(covariance)[None, :] - 2 * covariance
    margin = two * np.sqrt(np.maximum(variance, 0.0))
    above = values[:, None] - values[None, :] > np.maximum(margin, 1e-9)
    return Uncertainty(values - half, values + half, above, covariance, None, df, together)


def _multiples(level: float, df: float, together: Maxima | None) -> tuple[float, float]:
    """Standard errors to either side, for scores and for differences."""
    if together is None:
        return quantile(level, df), quantile(level, df)
    return together.for_scores(level), together.for_differences(level)


def for_shares(
    values: FloatArray,
    covariance: FloatArray,
    votes: IntArray,
    level: float,
    df: float = math.inf,
    together: Maxima | None = None,
) -> Uncertainty:
    """Wilson intervals (1927) at the effective number of votes, which stay inside [0, 1].

    A model that won all or none of its votes has no variance to sum; it gets that of its Wilson centre.
    """
    z = _multiples(level, df, together)[0]
    plain, variance = values * (1 - values), np.diag(covariance).copy()
    size = np.divide(plain, variance, out=np.maximum(votes, 1.0), where=variance > 1e-15)
    centre = (values + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z / (1 + z**2 / size) * np.sqrt(plain / size + z**2 / (4 * size**2))
    safe = covariance + np.diag(np.where(variance > 1e-15, 0.0, centre * (1 - centre) / (size + z**2)))
    rough = from_covariance(values, safe, level, df, together)
    return replace(rough, lower=centre - half, upper=centre + half)


def from_samples(
    samples: FloatArray,
    level: float,
    values: FloatArray | None = None,
    together: Maxima | None = None,
    df: float = math.inf,
) -> Uncertainty:
    """Percentile intervals and an order from (R, M) replicates; an infinite bound is an open side.

    Args:
        samples: (R, M) replicates.
        level: of the intervals.
        values: (M,) scores of the votes as they are, needed with `together`.
        df: number of clusters less one, or infinite if votes were drawn one by one.
        together: given if the intervals are to hold all at once: they are then so many standard deviations
            of the replicates wide.
    """
    tail = tail_of(level, df)
    rounds, m = samples.shape
    known = ~np.isnan(samples).any(axis=0)
    lower, upper = np.full(m, -np.inf), np.full(m, np.inf)
    cut = outermost(rounds, tail)
    sorted_samples = np.sort(samples[:, known], axis=0)
    lower[known], upper[known] = sorted_samples[cut], sorted_samples[rounds - 1 - cut]
    wins = np.zeros((m, m), dtype=np.int64)
    for row in samples:
        wins += row[:, None] > row[None, :]
    above = wins >= np.ceil((1 - tail) * rounds)
    if together is not None and values is not None:
        finite = np.isfinite(samples).all(axis=0)
        spread = np.atleast_2d(np.cov(samples[:, finite].T)) * shortfall(df)
        inner = from_covariance(values[finite], spread, level, math.inf, together)
        lower[finite], upper[finite] = inner.lower, inner.upper
        above[np.ix_(finite, finite)] = inner.above
    return Uncertainty(lower, upper, above, None, samples, df, together)


FAR = 6.0  # standard errors behind the leader from which nobody is drawn: below 1e-9 each


def first(values: FloatArray, unsure: Uncertainty, among: IntArray, seed: int) -> FloatArray:
    """(M,) probability that each model is truly first of those `among`; NaN for the others.

    From bootstrap samples the share of rounds in which it is first; from a covariance the share of normal
    draws, of which there are 10,000. A shared first place counts in equal parts.

    Args:
        values: (M,) scores.
        unsure: their covariance or samples.
        among: indices of the models in question.
        seed: of the draws.
    """
    chance = np.full(len(values), np.nan)
    if not len(among) or (unsure.covariance is None and unsure.samples is None):
        return chance
    chance[among] = 0.0
    contenders = among[np.argsort(-values[among], kind="stable")]  # best first: names do not matter
    if unsure.samples is not None:
        draws = np.nan_to_num(unsure.samples[:, contenders], nan=-np.inf, posinf=np.inf, neginf=-np.inf)
    elif unsure.covariance is not None:
        spread = np.diag(unsure.covariance)
        best = contenders[0]
        gap = spread[contenders] + spread[best] - 2 * unsure.covariance[contenders, best]
        behind = values[best] - values[contenders]
        contenders = contenders[behind <= FAR * np.sqrt(np.maximum(gap, 0.0))]
        draws = _normal(unsure.covariance[np.ix_(contenders, contenders)], seed) + values[contenders]
        number = np.bincount(draws.argmax(axis=1), minlength=len(contenders))
        chance[contenders] = number / len(draws)
        return chance
    ahead = (draws == draws.max(axis=1, keepdims=True)) & (draws > -np.inf)  # else it elected nobody
    chance[contenders] = (ahead / np.maximum(ahead.sum(axis=1, keepdims=True), 1)).mean(axis=0)
    return chance
