"""Conformal prediction intervals of a linear fit: leave one out, jackknife+."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from agon.ranking.numerics import FloatArray


@dataclass(frozen=True, eq=False)
class ConformalLine:
    """A least-squares fit to N points of P features, and how far each is from the fit to the others.

    Attributes:
        coefficient: (1 + P,) intercept and slopes.
        residual: (N,) what was seen less what the fit to the others says.
        others: (N, 1 + P) coefficients of the fit without each point.
    """

    coefficient: FloatArray
    residual: FloatArray
    others: FloatArray

    @classmethod
    def fit(cls, features: FloatArray, seen: FloatArray) -> ConformalLine:
        """Fit (N,) numbers by (N, P) features; by their mean alone in directions that no point varies in."""
        design = np.column_stack([np.ones(len(seen)), features])
        inverse = np.linalg.pinv(design.T @ design, hermitian=True)
        coefficient = inverse @ design.T @ seen
        leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
        with np.errstate(divide="ignore", invalid="ignore"):
            residual = (seen - design @ coefficient) / (1 - leverage)
        residual = np.where(leverage > 1 - 1e-9, np.inf, residual)  # nothing else tells of this point
        moved = np.where(np.isfinite(residual), residual, 0.0)
        return cls(coefficient, residual, coefficient - (design @ inverse) * moved[:, None])

    @property
    def error(self) -> float:
        """Mean distance of a point from the fit to the others."""
        return float(np.abs(self.residual).mean())

    def predict(self, features: FloatArray, level: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(K,) predictions at (K, P) features, and the bounds of their jackknife+ intervals.

        Where points are exchangeable, an interval holds at least 1 − 2(1 − level) of the time whatever the
        truth is, and about at the level where the fit is steady. Fewer than level/(1 − level) points bound
        nothing: such intervals are infinite.

        Source:
            R. Barber, E. Candès, A. Ramdas and R. Tibshirani, Predictive inference with the jackknife+, Ann.
            Statist. 49 (2021).
        """
        design = np.column_stack([np.ones(len(features)), features])
        centre, size, n = design @ self.others.T, np.abs(self.residual), len(self.residual)
        below, above = np.sort(centre - size, axis=1), np.sort(centre + size, axis=1)
        wrong = 1 - level
        low, high = math.floor(wrong * (n + 1) + 1e-9), math.ceil(level * (n + 1) - 1e-9)
        lower = below[:, low - 1] if low >= 1 else np.full(len(design), -np.inf)
        upper = above[:, high - 1] if high <= n else np.full(len(design), np.inf)
        return design @ self.coefficient, lower, upper


def conformal_coverage(features: FloatArray, seen: FloatArray, level: float) -> float:
    """Share of N points that lie in the interval which the other points alone predict for them."""
    inside = []
    for one in range(len(seen)):
        rest = np.arange(len(seen)) != one
        line = ConformalLine.fit(features[rest], seen[rest])
        _, low, high = line.predict(features[[one]], level)
        inside.append(bool(low[0] <= seen[one] <= high[0]))
    return float(np.mean(inside))
