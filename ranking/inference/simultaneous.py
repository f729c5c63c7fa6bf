"""What an uncertainty says about several models together: who may be first, and intervals that all hold.

Both are answered from what a board knows already, the covariance of its scores or its bootstrap samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from agon.ranking.numerics import BoolArray, FloatArray, IntArray

DRAWS = 10_000
_FEW = 100  # models above which fewer draws do, for each costs more and the last digit means less
PAIRS = 200  # models up to which the largest of all differences is simulated; beyond, a bound


def draws_for(n_models: int) -> int:
    """How many draws are made of so many models."""
    return DRAWS if n_models <= _FEW else DRAWS // 5


def _normal(covariance: FloatArray, seed: int) -> FloatArray:
    """(S, M) normal draws around 0."""
    m = len(covariance)
    size, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(size, 0.0))
    draws = np.random.default_rng(seed).standard_normal((draws_for(m), m))
    return np.asarray(draws @ root.T)


@dataclass(frozen=True, eq=False)
class MaxT:
    """How many standard errors the worst of several statements is off, over draws of all of them.

    Attributes:
        scores: (S,) sorted; over the scores of the ranked models.
        differences: (S,) sorted; over the differences of two ranked models of one component.
        pairs: number of these differences; above 0 if `differences` is empty and a bound takes its place.
        df: degrees of freedom of the standard errors.
    """

    scores: FloatArray
    differences: FloatArray
    pairs: int = 0
    df: float = math.inf

    def for_scores(self, level: float) -> float:
        """Standard errors to both sides at which all score intervals hold together."""
        return _cut(self.scores, level)

    def for_differences(self, level: float) -> float:
        """Standard errors to both sides at which the intervals of all differences hold together.

        For many models it is the bound of Šidák (1967), which holds whatever the correlations are.
        """
        if len(self.differences):
            return _cut(self.differences, level)
        return quantile(level ** (1 / max(1, self.pairs)), self.df)

    def p_value(self, distance: float, alone: float) -> float:
        """Chance that any difference is so many standard errors off; `alone` is that of one difference."""
        if len(self.differences):
            worse = len(self.differences) - np.searchsorted(self.differences, distance, "left")
            return float((worse + 1) / (len(self.differences) + 1))
        return float(-math.expm1(self.pairs * math.log1p(-alone))) if alone < 1 else 1.0


def _cut(largest: FloatArray, level: float) -> float:
    return float(largest[min(len(largest) - 1, math.ceil(level * len(largest)))])


def max_t(
    group: IntArray,
    *,
    seed: int,
    covariance: FloatArray | None = None,
    samples: FloatArray | None = None,
    df: float = math.inf,
) -> MaxT:
    """Simulate the worst of all scores and of all differences.

    Statements that hold all at once need more room than one alone; the room is the quantile of the
    largest studentised error, drawn from the covariance or taken from the bootstrap.

    Args:
        group: (M,) component of each model; negative for models that do not count.
        seed: of the draws.
        covariance: (M, M) of the scores.
        samples: (R, M) bootstrap replicates instead; infinite ones are left out.
        df: degrees of freedom of the covariance, or number of clusters less one of the replicates.

    Source:
        Westfall and Young (1993) for the largest of many statistics; Mogstad, Romano, Shaikh and Wilhelm,
        Review of Economic Studies 91 (2024) for ranks from differences.
    """
    inside = np.flatnonzero(group >= 0)
    if samples is not None:
        inside = inside[np.isfinite(samples[:, inside]).all(axis=0)]
        draws = samples[:, inside] - samples[:, inside].mean(axis=0)
        known = draws.T @ draws / len(draws)
    else:
        known = np.zeros((0, 0)) if covariance is None else covariance[np.ix_(inside, inside)]
        draws = _normal(known, seed)
    if math.isfinite(df):
        chi = np.random.default_rng([seed, 1]).chisquare(df, len(draws))
        draws = draws / np.sqrt(chi / df)[:, None]
    label, variance = group[inside], np.diag(known)
    sizes = np.bincount(label, minlength=1)
    pairs = int((sizes * (sizes - 1) // 2).sum())
    alone = _studentised(draws, variance).max(axis=1, initial=0.0)
    if len(inside) > PAIRS:
        return MaxT(np.sort(alone), np.zeros(0), pairs, df)
    largest = np.zeros(len(draws))
    for i in range(len(inside)):
        rest = np.flatnonzero(label[i + 1 :] == label[i]) + i + 1
        apart = variance[i] + variance[rest] - 2 * known[i, rest]
        gaps = _studentised(draws[:, rest] - draws[:, [i]], apart)
        largest = np.maximum(largest, gaps.max(axis=1, initial=0.0))
    return MaxT(np.sort(alone), np.sort(largest), pairs, df)


def _studentised(errors: FloatArray, variance: FloatArray) -> FloatArray:
    """(S, K) errors in standard errors to either side; 0 where there is no variance."""
    width = np.sqrt(np.maximum(variance, 0.0))
    found: FloatArray = np.divide(np.abs(errors), width, out=np.zeros_like(errors), where=width > 1e-12)
    return found


def surely_above(
    gap: FloatArray,
    error: FloatArray,
    level: float,
    df: float,
    group: IntArray | None = None,
    still: float = 0.0,
    least: float = 0.0,
) -> BoolArray:
    """(M, M) True where the row is above the column, all pairs at once: of equal models rarely any pair is.

    A board shows all pairs, and whoever reads it picks those that differ. One by one at 95%, of 20 equal
    models somebody was above another on 94% of boards; so p-values are corrected for the number of pairs.

    Args:
        gap: (M, M) score of the row less that of the column.
        error: (M, M) standard errors; not finite for a pair to leave out.
        level: of all statements together.
        df: degrees of freedom of the errors.
        group: (M,) component of each model; pairs of one are compared, negative ones never. None for all.
        still: p-value of a pair that differs and has no error.
        least: smallest p-value of any pair.

    Source:
        S. Holm, Scand. J. Stat. 6 (1979); M. Mogstad, J. Romano, A. Shaikh and D. Wilhelm, Review of
        Economic Studies 91 (2024) for ranks from differences.
    """
    from scipy.special import ndtr, stdtr

    tiny = 1e-9 * max(float(np.nanmax(np.where(np.isfinite(gap), np.abs(gap), 0.0), initial=0.0)), 1e-300)
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.abs(gap) / error
        alone = 2 * (stdtr(df, -distance) if math.isfinite(df) else ndtr(-distance))
    p_value = np.where(
        np.abs(gap) <= tiny, 1.0, np.where(error > 100 * tiny, np.maximum(alone, least), still)
    )
    together = np.isfinite(gap) & np.isfinite(error)
    if group is not None:
        together &= (group[:, None] == group[None, :]) & (group[:, None] >= 0)
    return (gap > 0) & _holm(np.where(together, p_value, np.nan), level)


def spread_of_gaps(samples: FloatArray) -> FloatArray:
    """(M, M) standard deviations of the differences of two scores over (R, M) replicates."""
    with np.errstate(invalid="ignore"):
        return np.stack([(samples[:, [i]] - samples).std(axis=0) for i in range(samples.shape[1])])


def _holm(p_value: FloatArray, level: float) -> BoolArray:
    """(M, M) which pairs differ, of all that have a p-value, all at once at a level."""
    m = len(p_value)
    first, second = np.triu_indices(m, 1)
    p = p_value[first, second]
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    small = p[order] <= (1 - level) / np.arange(len(order), 0, -1)
    taken = order[: int(np.argmin(small)) if not small.all() else len(order)]
    apart = np.zeros((m, m), dtype=bool)
    apart[first[taken], second[taken]] = apart[second[taken], first[taken]] = True
    return apart


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
