"""What an uncertainty says about several models together: who may be first, and intervals that all hold.

Both are answered from what a board knows already, the covariance of its scores or its bootstrap samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ranking.ballots import FloatArray, IntArray

if TYPE_CHECKING:
    from ranking.uncertainty import Uncertainty

DRAWS = 10_000
FEW = 100  # models above which fewer draws do, for each costs more and the last digit means less
FAR = 6.0  # standard errors behind the leader from which nobody is drawn: below 1e-9 each
PAIRS = 200  # models up to which the largest of all differences is simulated; beyond, a bound


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
    ahead = draws == draws.max(axis=1, keepdims=True)
    chance[contenders] = (ahead / ahead.sum(axis=1, keepdims=True)).mean(axis=0)
    return chance


def _normal(covariance: FloatArray, seed: int) -> FloatArray:
    """(S, M) normal draws around 0."""
    m = len(covariance)
    size, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(size, 0.0))
    draws = np.random.default_rng(seed).standard_normal((DRAWS if m <= FEW else DRAWS // 5, m))
    return np.asarray(draws @ root.T)


@dataclass(frozen=True, eq=False)
class Maxima:
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
        from ranking.uncertainty import quantile

        return quantile(level ** (1 / max(1, self.pairs)), self.df)

    def p_value(self, distance: float, alone: float) -> float:
        """Chance that any difference is so many standard errors off; `alone` is that of one difference."""
        if len(self.differences):
            worse = len(self.differences) - np.searchsorted(self.differences, distance, "left")
            return float((worse + 1) / (len(self.differences) + 1))
        return float(-math.expm1(self.pairs * math.log1p(-alone))) if alone < 1 else 1.0


def _cut(maxima: FloatArray, level: float) -> float:
    return float(maxima[min(len(maxima) - 1, math.ceil(level * len(maxima)))])


def maxima(
    group: IntArray,
    *,
    seed: int,
    covariance: FloatArray | None = None,
    samples: FloatArray | None = None,
    df: float = math.inf,
) -> Maxima:
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
        return Maxima(np.sort(alone), np.zeros(0), pairs, df)
    together = np.zeros(len(draws))
    for i in range(len(inside)):
        rest = np.flatnonzero(label[i + 1 :] == label[i]) + i + 1
        apart = variance[i] + variance[rest] - 2 * known[i, rest]
        gaps = _studentised(draws[:, rest] - draws[:, [i]], apart)
        together = np.maximum(together, gaps.max(axis=1, initial=0.0))
    return Maxima(np.sort(alone), np.sort(together), pairs, df)


def _studentised(errors: FloatArray, variance: FloatArray) -> FloatArray:
    """(S, K) errors in standard errors to either side; 0 where there is no variance."""
    width = np.sqrt(np.maximum(variance, 0.0))
    found: FloatArray = np.divide(np.abs(errors), width, out=np.zeros_like(errors), where=width > 1e-12)
    return found
