"""What the first of a field scores once it is counted that it was picked for its score."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from agon.ranking.inference.intervals import Uncertainty
from agon.ranking.inference.simultaneous import quantile, shortfall
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.text import Readable

OUTER = 0.1  # share of the error that the interval over all models gets, as Andrews and others recommend
NOTABLE = 0.5  # of half the plain interval, about a standard error


@dataclass(frozen=True, repr=False)
class Winner(Readable):
    """The model that came first, corrected for having been picked as the highest score.

    Attributes:
        model: its name.
        score: on the board, which luck has raised on average.
        corrected: the score that is as likely too high as too low although the model was picked.
        lower, upper: bounds of the true score that hold at the board's level although it was picked.
        notable: whether the correction is more than about a standard error.
    """

    model: str
    score: float
    corrected: float
    lower: float
    upper: float
    notable: bool

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return (
            f"Corrected for having been picked as the first, {self.model} scores {self.corrected:.6g} "
            f"({self.lower:.6g} to {self.upper:.6g})."
        )


def correct_winner(
    name: str, values: FloatArray, unsure: Uncertainty, ranked: IntArray, level: float
) -> Winner | None:
    """Correct the score of the first of some models; None without a closed interval of its own place.

    The hybrid interval: conditional on who is first, and on all scores being within their joint interval at a
    tenth of the error. Of few clusters the errors are stretched to Student's quantile.

    Args:
        name: of the first.
        values: (M,) scores, about normal.
        unsure: their uncertainty; of a bootstrap the covariance of its samples.
        ranked: indices of K models, the first of them the highest.
        level: of the interval.

    Source:
        I. Andrews, T. Kitagawa and A. McCloskey, Quarterly J. of Economics 139 (2024): Inference on Winners.
    """
    if unsure.centre is not None or len(ranked) < 2:
        return None
    best, others, x = int(ranked[0]), ranked[1:], float(values[ranked[0]])
    known = np.isfinite(unsure.lower[others]) & np.isfinite(unsure.upper[others])
    others = others[known]  # the rest lost one way
    if not np.isfinite([unsure.lower[best], unsure.upper[best]]).all() or not len(others):
        return None
    covariance = unsure.covariance
    if covariance is None and unsure.samples is not None:
        with np.errstate(invalid="ignore"):
            covariance = np.asarray(np.cov(unsure.samples.T) * shortfall(unsure.df), dtype=np.float64)
    if covariance is None or not covariance[best, best] > 0 or values[others].max() >= x:
        return None
    if not np.isfinite(covariance[others, best]).all():
        return None
    variance = float(covariance[best, best])
    stretch = quantile(level, unsure.df) / quantile(level)
    error = math.sqrt(variance) * stretch
    slope = 1 - covariance[others, best] / variance  # how fast the lead grows with the winner's score
    lead = x - values[others]
    with np.errstate(divide="ignore"):
        reach = np.where(np.abs(slope) > 1e-12, lead / slope, np.inf)
    fall = float(reach[reach > 0].min(initial=np.inf)) / error  # the winner stays first that far down
    rise = float((-reach[reach < 0]).min(initial=np.inf)) / error
    outer = (1 - level) * OUTER
    inner = (1 - level - outer) / (1 - outer)
    far = quantile(1 - outer / (1 + len(others)))
    low, middle, high = (x + error * _shift(p, fall, rise, far) for p in (1 - inner / 2, 0.5, inner / 2))
    half = quantile(level) * error
    return Winner(name, x, middle, low, high, x - middle > NOTABLE * half)


def _shift(chance: float, fall: float, rise: float, far: float) -> float:
    """The truth less the score, in standard errors, at which a lower score had the chance given.

    The score is normal around the truth, cut off at `fall` below and `rise` above the score seen, and at
    `far` either side of the truth.
    """
    below = NormalDist().cdf
    low, high = -far, far
    for _ in range(60):
        middle = (low + high) / 2
        start, stop = below(max(-fall - middle, -far)), below(min(rise - middle, far))
        lower = (below(-middle) - start) / (stop - start) if stop > start else 0.0
        low, high = (middle, high) if lower > chance else (low, middle)
    return (low + high) / 2
