"""How far one model is above another: the difference of two scores, its interval and p-value."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.inference.intervals import Uncertainty
from agon.ranking.inference.simultaneous import MaxT, outermost, p_value_of, quantile, shortfall, tail_of
from agon.ranking.numerics import FloatArray
from agon.ranking.text import Readable


@dataclass(frozen=True, repr=False)
class Difference(Readable):
    """How far one model is above another: the difference of scores, its interval and p-value.

    Attributes:
        model, other: the names.
        difference: score of the model less that of the other.
        lower, upper: bounds at the board's level; None where resamples left the difference unbounded.
        p_value: two-sided, of no difference. From a bootstrap of R rounds it is at least 2/(R + 1).
        simultaneous: whether interval and p-value allow for all pairs of the board at once.
    """

    model: str
    other: str
    difference: float
    lower: float | None
    upper: float | None
    p_value: float
    simultaneous: bool = False

    def conclusion(self) -> str:
        """Say it in one sentence."""
        low, high = ("…" if bound is None else f"{bound:.4g}" for bound in (self.lower, self.upper))
        return (
            f"{self.model} less {self.other}: {self.difference:.4g} ({low} to {high}), p = {self.p_value:.2g}"
            f"{', all pairs at once' if self.simultaneous else ''}."
        )


def compare_scores(
    names: tuple[str, str],
    gap: float,
    at: tuple[int, int],
    unsure: Uncertainty,
    level: float,
    max_t: MaxT | None,
) -> Difference:
    """Compare two models by the covariance of their scores, or by their bootstrap samples.

    Args:
        names: of both.
        gap: score of the first less that of the second.
        at: their indices in the uncertainty.
        unsure: of all scores.
        level: of the interval.
        max_t: given if the statement is one of all pairs that are to hold at once.

    Raises:
        OptionError: the board has no uncertainty, or resamples that bound neither model.
    """
    i, j = at
    if unsure.covariance is not None:
        cov = unsure.covariance
        error = math.sqrt(max(float(cov[i, i] + cov[j, j] - 2 * cov[i, j]), 0.0))
    elif unsure.samples is not None:
        with np.errstate(invalid="ignore"):
            gaps = unsure.samples[:, i] - unsure.samples[:, j]
        if np.isnan(gaps).any():
            raise OptionError(
                f"Some resamples bound neither {names[0]!r} nor {names[1]!r}: gather more votes."
            )
        if max_t is None or not np.isfinite(gaps).all():
            bounds, p_value = _percentiles(gaps, level, unsure.df), _share(gaps, unsure.df)
            return Difference(*names, gap, *bounds, p_value, max_t is not None)
        error = float(gaps.std(ddof=1)) * math.sqrt(shortfall(unsure.df))
    else:
        raise OptionError('This board has no intervals; rank with interval="auto" to compare two models.')
    wide = quantile(level, unsure.df) if max_t is None else max_t.for_differences(level)
    p_value = float(gap == 0)
    if error > 0:
        alone = p_value_of(gap / error, unsure.df)
        p_value = alone if max_t is None else max_t.p_value(abs(gap) / error, alone)
    half = wide * error
    return Difference(*names, gap, gap - half, gap + half, p_value, max_t is not None)


def _percentiles(gaps: FloatArray, level: float, df: float) -> tuple[float | None, float | None]:
    """Bounds that leave out half of 1 - level of the rounds on each side, and less with few clusters."""
    ordered, cut = np.sort(gaps), outermost(len(gaps), tail_of(level, df))
    lower, upper = (float(b) if math.isfinite(b) else None for b in (ordered[cut], ordered[-1 - cut]))
    return lower, upper


def _share(gaps: FloatArray, df: float) -> float:
    """Two-sided p-value: twice the share of rounds on the rarer side of 0 (Davison and Hinkley 1997, 4.2).

    With few clusters it is the level at which the interval ends at 0.
    """
    rarer = min(int((gaps <= 0).sum()), int((gaps >= 0).sum()))
    plain = min(1.0, 2 * (rarer + 1) / (len(gaps) + 1))
    return (
        p_value_of(quantile(1 - plain) / math.sqrt(shortfall(df)), df)
        if plain < 1 and math.isfinite(df)
        else plain
    )
