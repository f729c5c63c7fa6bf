"""Intervals and rank ranges: the sandwich, and what it or a bootstrap says about who is above whom."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ranking.ballots import Ballots, FloatArray, IntArray
from ranking.chances import Maxima
from ranking.comparisons import Clusters
from ranking.errors import OptionError
from ranking.results import Fit


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """What the data leave open about M scores at one level.

    Attributes:
        lower, upper: (M,) bounds, infinite where there is none.
        above: (M, M) True where the row's score is above the column's at the level.
        covariance: (M, M) of the scores, or None if it comes from a bootstrap.
        samples: (R, M) scores in the rounds of the bootstrap, or None if there is a covariance.
        df: degrees of freedom of the covariance: clusters less one, or infinite.
        together: how far several statements stray at once, if the bounds are simultaneous.
    """

    lower: FloatArray
    upper: FloatArray
    above: NDArray[np.bool_]
    covariance: FloatArray | None = None
    samples: FloatArray | None = None
    df: float = math.inf
    together: Maxima | None = None

    def opened(self, below: NDArray[np.bool_], above: NDArray[np.bool_]) -> Uncertainty:
        """Take away the bounds that the votes cannot give; (M,) masks."""
        lower = np.where(below, -np.inf, self.lower)
        upper = np.where(above, np.inf, self.upper)
        return replace(self, lower=lower, upper=upper)


def nothing_known(n_models: int) -> Uncertainty:
    """No interval at all."""
    open_side = np.full(n_models, np.inf)
    return Uncertainty(-open_side, open_side, np.zeros((n_models, n_models), dtype=bool))


def sandwich(fit: Fit, ballots: Ballots, clusters: Clusters | None = None) -> FloatArray:
    """(M, M) robust covariance of the scores: bread · meat · breadᵀ (White 1982).

    The meat is the sum of outer products of the votes' scores, summed within a ballot first and, with
    clusters, within a cluster (Liang and Zeger 1986; times C/(C − 1)). A model all of whose votes are
    ties has no variance to sum: its pairs get the expected information instead.

    Raises:
        OptionError: the method gives no estimating equation, or there is only one cluster.
    """
    if fit.bread is None:
        raise OptionError('This method has no sandwich interval; use interval="bootstrap".')
    meat = _meat(fit, ballots, clusters)
    if fit.information is not None:
        m = len(fit.information)
        curvature = fit.information.sum(axis=1)
        tied = (curvature > 0) & (np.diag(meat)[:m] <= 1e-12 * curvature)
        if tied.any():
            weight = np.where(tied[:, None] | tied[None, :], fit.information, 0.0)
            meat[:m, :m] += np.diag(weight.sum(axis=1)) - weight
    covariance = fit.bread @ meat @ fit.bread.T
    if fit.placed is not None:
        covariance = covariance + fit.placed
    return np.asarray(0.5 * (covariance + covariance.T))


def _meat(fit: Fit, ballots: Ballots, clusters: Clusters | None) -> FloatArray:
    """(M + E, M + E) sum over independent units of the outer product of their scores."""
    n, m = len(ballots.count), len(ballots.models)
    if fit.ballot_scores is not None:
        scores = (fit.ballot_scores(ballots) * ballots.weight[:, None]).tocsr()
    elif fit.vote_scores is not None:
        rows = ballots.pair_rows
        weight = ballots.weight[rows.ballot]
        one, two, *more = (column * weight for column in fit.vote_scores(rows))
        if clusters is None and ballots.pairwise and not more:
            times = ballots.count[rows.ballot]
            cross = np.bincount(rows.first * m + rows.second, times * one * two, m * m).reshape(m, m)
            diagonal = np.bincount(rows.first, times * one**2, m)
            diagonal += np.bincount(rows.second, times * two**2, m)
            return np.asarray(cross + cross.T + np.diag(diagonal))
        from scipy.sparse import csr_array

        columns = [rows.first, rows.second, *(np.full(len(one), m + e) for e in range(len(more)))]
        at = (np.tile(rows.ballot, len(columns)), np.concatenate(columns))
        scores = csr_array((np.concatenate([one, two, *more]), at), shape=(n, m + len(more)))
    else:
        raise OptionError("A sandwich needs the scores of the votes.")
    if clusters is None:
        meat = scores.T @ (scores * ballots.count[:, None]).tocsr()
        return np.asarray(meat.toarray())
    if clusters.size < 2:
        raise OptionError(f"All votes are of one {clusters.by}: no interval can be clustered by it.")
    from scipy.sparse import csr_array

    member = csr_array((clusters.count, (clusters.cluster, clusters.ballot)), shape=(clusters.size, n))
    summed = member @ scores
    return np.asarray((summed.T @ summed).toarray()) * clusters.size / (clusters.size - 1)


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


def shortfall(df: float) -> float:
    """How many times larger a variance is than draws of so few clusters with replacement make it appear."""
    return 1 + 1 / df


def tail_of(level: float, df: float = math.inf) -> float:
    """Share of the replicates to leave out at either side: 0.025 at a level of 0.95, less with few clusters.

    The percentiles are those at which normal replicates, whose variance falls short by (n − 1)/n, give the
    Student interval of n clusters: the expanded percentile interval of Hesterberg, Amer. Stat. 69 (2015).
    """
    return (
        p_value_of(quantile(level, df) * math.sqrt(shortfall(df))) / 2
        if math.isfinite(df)
        else (1 - level) / 2
    )


def outermost(rounds: int, tail: float) -> int:
    """Number of sorted replicates beyond a bound: its place is the whole number nearest to (R + 1) · tail."""
    return max(math.floor((rounds + 1) * tail + 0.5), 1) - 1


def quantile(level: float, df: float = math.inf) -> float:
    """Two-sided quantile: 1.96 for a level of 0.95 of the normal, more with few degrees of freedom."""
    if math.isfinite(df):
        from scipy.special import stdtrit

        return float(stdtrit(df, 0.5 + level / 2))
    from statistics import NormalDist

    return NormalDist().inv_cdf(0.5 + level / 2)


def p_value_of(distance: float, df: float = math.inf) -> float:
    """Two-sided p-value of so many standard errors."""
    if math.isfinite(df):
        from scipy.special import stdtr

        return float(2 * stdtr(df, -abs(distance)))
    return math.erfc(abs(distance) / math.sqrt(2))
