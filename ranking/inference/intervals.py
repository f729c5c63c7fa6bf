"""Intervals and rank ranges: the sandwich, and what it or a bootstrap says about who is above whom."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agon.ranking.inference.simultaneous import (
    MaxT,
    draws_for,
    outermost,
    quantile,
    shortfall,
    spread_of_gaps,
    surely_above,
    tail_of,
)
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
        df: degrees of freedom of the covariance: those of its clusters, or infinite.
        max_t: how far several statements stray at once, if the bounds are simultaneous.
        clustering: what dependent votes are worth, if they were clustered.
        centre: (M,) what covariance or samples are around, if that is not the scores.
    """

    lower: FloatArray
    upper: FloatArray
    above: NDArray[np.bool_]
    covariance: FloatArray | None = None
    samples: FloatArray | None = None
    df: float = math.inf
    max_t: MaxT | None = None
    clustering: Clustering | None = None
    centre: FloatArray | None = None

    def around(self, values: FloatArray, centre: FloatArray) -> Uncertainty:
        """Take what is known of `centre` for scores that are cautious bounds of it; (M,) each.

        The bounds move with the scores. Who is surely above is surely above in both.
        """
        move, higher = values - centre, values[:, None] > values[None, :]
        return replace(
            self,
            lower=self.lower + move,
            upper=self.upper + move,
            above=self.above & higher,
            centre=centre,
        )

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

    def unbounded(self, below: NDArray[np.bool_], above: NDArray[np.bool_]) -> Uncertainty:
        """Take away the bounds that the votes cannot give; (M,) masks."""
        lower = np.where(below, -np.inf, self.lower)
        upper = np.where(above, np.inf, self.upper)
        return replace(self, lower=lower, upper=upper)

    def unsettle(self, models: NDArray[np.bool_]) -> Uncertainty:
        """Take away all that is said of models whose variance cannot be known; (M,) mask."""
        known = ~models[:, None] & ~models[None, :]
        return replace(self.unbounded(models, models), above=self.above & known)


def nothing_known(n_models: int) -> Uncertainty:
    """No interval at all."""
    open_side = np.full(n_models, np.inf)
    return Uncertainty(-open_side, open_side, np.zeros((n_models, n_models), dtype=bool))


def from_covariance(
    values: FloatArray,
    covariance: FloatArray,
    level: float,
    df: float = math.inf,
    max_t: MaxT | None = None,
    group: IntArray | None = None,
    least: float = 0.0,
) -> Uncertainty:
    """Normal (or Student) intervals, and an order of which all differences are certain at once.

    Args:
        values: (M,) scores.
        covariance: (M, M) of them.
        level: of the intervals.
        df: degrees of freedom of the covariance.
        max_t: given if the intervals are to hold all at once.
        group: (M,) component of each model, of which pairs are compared; negative for none.
        least: p-value below which so few votes tell no pair apart, whatever their covariance is.
    """
    half = _multiple(level, df, max_t) * np.sqrt(np.maximum(np.diag(covariance), 0.0))
    variance = np.diag(covariance)[:, None] + np.diag(covariance)[None, :] - 2 * covariance
    error = np.sqrt(np.maximum(variance, 0.0))
    agree = 2 * 0.5 ** (df + 1)  # the sign test of so many clusters, where no cluster moves a difference
    above = surely_above(values[:, None] - values[None, :], error, level, df, group, max(agree, least), least)
    return Uncertainty(values - half, values + half, above, covariance, None, df, max_t)


def _multiple(level: float, df: float, max_t: MaxT | None) -> float:
    """Standard errors of a score to either side."""
    return quantile(level, df) if max_t is None else max_t.for_scores(level)


def for_shares(
    values: FloatArray,
    covariance: FloatArray,
    votes: IntArray,
    level: float,
    df: float = math.inf,
    max_t: MaxT | None = None,
    group: IntArray | None = None,
    least: float = 0.0,
) -> Uncertainty:
    """Wilson intervals (1927) at the effective number of votes, which stay inside [0, 1].

    A model that won all or none of its votes has no variance to sum; it gets that of its Wilson centre.
    """
    z = _multiple(level, df, max_t)
    plain, variance = values * (1 - values), np.diag(covariance).copy()
    size = np.divide(plain, variance, out=np.maximum(votes, 1.0), where=variance > 1e-15)
    centre = (values + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z / (1 + z**2 / size) * np.sqrt(plain / size + z**2 / (4 * size**2))
    safe = covariance + np.diag(np.where(variance > 1e-15, 0.0, centre * (1 - centre) / (size + z**2)))
    rough = from_covariance(values, safe, level, df, max_t, group, least)
    return replace(rough, lower=centre - half, upper=centre + half)


def from_samples(
    samples: FloatArray,
    level: float,
    values: FloatArray,
    max_t: MaxT | None = None,
    df: float = math.inf,
    group: IntArray | None = None,
) -> Uncertainty:
    """Percentile intervals and an order from (R, M) replicates; an infinite bound is an open side.

    A model is surely above another if it is so in as many rounds as a percentile asks for, and its distance
    in standard deviations of the rounds is enough for all pairs at once, which few rounds cannot show.

    Args:
        samples: (R, M) replicates.
        level: of the intervals.
        values: (M,) scores of the votes as they are.
        df: number of clusters less one, or infinite if votes were drawn one by one.
        max_t: given if the intervals are to hold all at once: they are then so many standard deviations
            of the replicates wide.
        group: (M,) component of each model, of which pairs are compared; negative for none.
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
    with np.errstate(invalid="ignore"):
        gap, error = values[:, None] - values[None, :], math.sqrt(shortfall(df)) * spread_of_gaps(samples)
    together = surely_above(gap, error, level, df, group) | ~np.isfinite(error)
    above = (wins >= np.ceil((1 - tail) * rounds)) & together
    if max_t is not None:
        finite = np.isfinite(samples).all(axis=0)
        spread = np.atleast_2d(np.cov(samples[:, finite].T)) * shortfall(df)
        inner = from_covariance(values[finite], spread, level, math.inf, max_t)
        lower[finite], upper[finite] = inner.lower, inner.upper
    return Uncertainty(lower, upper, above, None, samples, df, max_t)


SPREADS = 60  # standard deviations of a field that are weighed against one another


def first(
    values: FloatArray, unsure: Uncertainty, among: IntArray, seed: int, shift: FloatArray | None = None
) -> FloatArray:
    """(M,) probability that each model is truly first of those `among`; NaN for the others.

    From a covariance the share of draws of the posterior in which it is first, were the scores of the field
    normal with a spread that is weighed by its likelihood (empirical Bayes): with a flat prior the one that
    luck put first in a close field was called first twice as often as it was. Draws of few clusters are
    Student's. From bootstrap samples the share of rounds, spread by Student's t if they are of few clusters;
    a shared first place counts in equal parts.

    Args:
        values: (M,) scores.
        unsure: their covariance or samples.
        among: indices of the models in question.
        seed: of the draws.
        shift: (M,) known amounts to be added to the scores before they are compared.

    Source:
        B. Efron and C. Morris, JASA 68 (1973); N. Laird and T. Louis, J. Educ. Stat. 14 (1989) for ranks.
    """
    chance = np.full(len(values), np.nan)
    if not len(among) or (unsure.covariance is None and unsure.samples is None):
        return chance
    among = among[np.argsort(-values[among], kind="stable")]  # best first: names do not matter
    if unsure.samples is not None:
        draws = np.nan_to_num(unsure.samples[:, among].T, nan=-np.inf, posinf=np.inf, neginf=-np.inf)
        if math.isfinite(unsure.df) and not (draws == np.round(draws)).all():  # scores, not tiers
            chi = np.random.default_rng(seed).chisquare(unsure.df, draws.shape[1]) / unsure.df
            with np.errstate(invalid="ignore"):  # a model without a score stays where it is
                away = (draws - values[among][:, None]) * np.sqrt(shortfall(unsure.df) / chi)
                draws = np.where(np.isfinite(away), values[among][:, None] + away, draws)
    else:
        assert unsure.covariance is not None  # noqa: S101 - one of the two is there
        draws = _posterior(values[among], unsure.covariance[np.ix_(among, among)], unsure.df, seed)
    draws = draws if shift is None else draws + shift[among][:, None]
    ahead = (draws == draws.max(axis=0)) & (draws > -np.inf)  # else it elected nobody
    chance[among] = (ahead / np.maximum(ahead.sum(axis=0), 1)).mean(axis=1)
    return chance


def posterior_ranks(
    values: FloatArray, unsure: Uncertainty, among: IntArray, level: float, seed: int
) -> tuple[IntArray, IntArray]:
    """(K,) best and worst rank of the K models `among`, by quantiles of their ranks in the posterior's draws.

    Models with an open bound, which won or lost one way, stand where these wins put them.

    Args:
        values: (M,) scores.
        unsure: their uncertainty, with a covariance.
        among: indices of the K models that are ranked.
        level: of the posterior between the two ranks, each model by itself.
        seed: of the draws.

    Source:
        N. Laird and T. Louis, J. Educ. Stat. 14 (1989); R. Lin, T. Louis, S. Paddock and G. Ridgeway,
        Bayesian Analysis 1 (2006).
    """
    above = unsure.above[np.ix_(among, among)]
    best, worst = 1 + above.sum(axis=0), len(among) - above.sum(axis=1)
    closed = np.isfinite(unsure.lower[among]) & np.isfinite(unsure.upper[among])
    if unsure.covariance is None or not closed.any():
        return best, worst
    inner = among[closed]
    draws = _posterior(values[inner], unsure.covariance[np.ix_(inner, inner)], unsure.df, seed)
    ranks = 1 + np.argsort(np.argsort(-draws, axis=0), axis=0)
    tail = (1 - level) / 2
    low, high = np.quantile(ranks, [tail, 1 - tail], axis=1, method="inverted_cdf")
    best[closed] = low + above[np.ix_(~closed, closed)].sum(axis=0)
    worst[closed] = high + (~above[np.ix_(closed, ~closed)]).sum(axis=1)
    return best, worst


def _posterior(values: FloatArray, covariance: FloatArray, df: float, seed: int) -> FloatArray:
    """(K, S) draws of K scores around a common mean, their spread weighed by its likelihood."""
    k = len(values)
    if k == 1:
        return np.zeros((1, 1))
    centre = np.eye(k) - 1 / k
    size, axes = np.linalg.eigh(centre @ covariance @ centre)
    size, axes = np.maximum(size[1:], 0.0), axes[:, 1:]  # without the common mean
    along = axes.T @ (values - values.mean())
    widest = max(float(np.ptp(values)), float(np.sqrt(size.max())), 1e-12)
    spread = np.geomspace(1e-3, 2.0, SPREADS)[:, None] * widest
    total = size + spread**2
    log_weight = -0.5 * (np.log(total) + along**2 / total).sum(axis=1) + np.log(spread[:, 0])  # flat in it
    weight = np.exp(log_weight - log_weight.max())
    rng = np.random.default_rng(seed)
    number = draws_for(k)
    times = rng.multinomial(number, weight / weight.sum())  # draws of each spread
    keep = spread**2 / total
    draws = rng.standard_normal((number, k - 1)) * np.repeat(np.sqrt(keep * size), times, axis=0)
    if math.isfinite(df):
        draws /= np.sqrt(rng.chisquare(df, number) / df)[:, None]
    draws += np.repeat(keep * along, times, axis=0)
    return np.asarray(axes @ draws.T)
