"""Shares and medians of values that depend in clusters, with intervals."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from agon.ranking.inference.simultaneous import quantile
from agon.ranking.numerics import FloatArray


def share_interval(yes: ArrayLike, clusters: ArrayLike, level: float) -> tuple[float, float, float]:
    """A share with Wilson's interval, of as many independent values as those of the clusters are worth.

    Args:
        yes: (N,) 1 or 0, at least one.
        clusters: (N,) labels; values with equal ones depend.
        level: of the interval.

    Returns:
        The share, and its bounds.

    Source:
        Wilson (1927) for the interval; Rao and Scott, Biometrics 48 (1992), for clusters.
    """
    values = np.asarray(yes, dtype=np.float64)
    share, n = float(values.mean()), _worth(values, clusters)
    return share, *wilson_interval(share, n, level)


def median_interval(
    values: ArrayLike, clusters: ArrayLike, level: float
) -> tuple[float, float | None, float | None]:
    """A median with its interval: the values between which it lies, as the share below it has an interval.

    Args:
        values: (N,) numbers, at least one.
        clusters: (N,) labels; values with equal ones depend.
        level: of the interval.

    Returns:
        The median, and its bounds; None for a side on which so few values have none.

    Source:
        Woodruff, JASA 47 (1952).
    """
    numbers = np.asarray(values, dtype=np.float64)
    given, median = np.sort(numbers), float(np.median(numbers))
    low, high = wilson_interval(0.5, _worth((numbers <= median).astype(np.float64), clusters), level)
    first, last = int(np.floor(len(given) * low)) - 1, int(np.ceil(len(given) * high))
    lower = float(given[first]) if first >= 0 else None
    return median, lower, float(given[last]) if last < len(given) else None


def _worth(values: FloatArray, clusters: ArrayLike) -> float:
    """How many independent values of 0 or 1 have a mean as certain as these."""
    cluster = np.unique(np.asarray(clusters), return_inverse=True)[1].reshape(-1)
    n, number, share = len(values), int(cluster.max()) + 1, float(values.mean())
    if not 1 < number < n or not 0 < share < 1:
        return float(n)
    sums = np.bincount(cluster, values - share)
    variance = float(sums @ sums) * number / (number - 1) / n**2
    return n / max(1.0, variance / (share * (1 - share) / n))


def wilson_interval(share: float, n: float, level: float) -> tuple[float, float]:
    """Return the bounds of a share of n independent values.

    Source:
        E. B. Wilson, J. Am. Stat. Assoc. 22 (1927).
    """
    z = quantile(level)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return float(max(middle - half, 0.0)), float(min(middle + half, 1.0))
