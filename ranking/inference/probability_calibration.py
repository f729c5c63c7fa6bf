"""Probabilities of a judge brought to what people say: isotonic or Platt, fitted crosswise by fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from agon.ranking.numerics import FloatArray, IntArray, expit

CalibrationName = Literal["isotonic", "platt"]
SUREST = 0.01  # a judge that is sure is taken for 99 in 100
_STEPS = 100
_SPREAD = 10.0  # standard deviation of Platt's slope before any vote: finite where all verdicts are right


@dataclass(frozen=True, eq=False)
class Calibrator:
    """A curve from what the judge says to how often people agree, the same seen from either side.

    `given` and `found` are its corners, (K,) each, straight lines between them; where there is a `slope`
    instead, the curve is 1/(1 + exp(−slope · log-odds)).
    """

    given: FloatArray
    found: FloatArray
    slope: float | None = None

    def __call__(self, forecast: FloatArray) -> FloatArray:
        """(N,) calibrated probabilities, between 0.01 and 0.99, of (N,) forecasts."""
        if self.slope is not None:
            return np.clip(expit(self.slope * _log_odds(forecast)), SUREST, 1 - SUREST)
        return np.clip(np.interp(forecast, self.given, self.found), SUREST, 1 - SUREST)


def fit_calibrator(
    forecast: FloatArray, outcome: FloatArray, weight: FloatArray, how: CalibrationName
) -> Calibrator:
    """Fit a curve from forecasts to outcomes that is the same if both are turned round.

    Args:
        forecast: (N,) what the judge gives the first of two models.
        outcome: (N,) what people say: 1, 0, or ½ for a tie.
        weight: (N,) of the votes.
        how: "isotonic" (any rising curve), or "platt" (the log-odds times one number).

    Source:
        B. Zadrozny and C. Elkan, KDD 2002, for isotonic regression; J. Platt (1999).
    """
    if how == "platt":
        return Calibrator(np.zeros(0), np.zeros(0), _slope(_log_odds(forecast), outcome, weight))
    from scipy.optimize import isotonic_regression

    both = np.concatenate([forecast, 1 - forecast])
    said = np.concatenate([outcome, 1 - outcome])
    given, at = np.unique(both.round(12), return_inverse=True)
    mass = np.bincount(at, np.tile(weight, 2))
    mean = np.bincount(at, np.tile(weight, 2) * said) / mass
    return Calibrator(given, np.asarray(isotonic_regression(mean, weights=mass).x, dtype=np.float64))


def cross_calibrate(
    forecast: FloatArray,
    fold: IntArray,
    labelled: tuple[IntArray, FloatArray, FloatArray],
    how: CalibrationName,
) -> FloatArray:
    """(N,) forecasts, each by the curve of the votes of people in the other folds.

    Args:
        forecast: (N,) of the comparisons.
        fold: (N,) in which each stands.
        labelled: (V,) comparison, outcome and weight of each vote of people.
        how: as for `fit_calibrator`.
    """
    on, outcome, weight = labelled
    made = forecast.copy()
    for one in np.unique(fold):
        rest = fold[on] != one
        rest = rest if rest.any() else ~rest
        here = fold == one
        made[here] = fit_calibrator(forecast[on[rest]], outcome[rest], weight[rest], how)(forecast[here])
    return made


def _log_odds(forecast: FloatArray) -> FloatArray:
    inside = np.clip(forecast, SUREST, 1 - SUREST)
    return np.asarray(np.log(inside / (1 - inside)))


def _slope(given: FloatArray, outcome: FloatArray, weight: FloatArray) -> float:
    """The number that log-odds are multiplied by, of greatest likelihood; a weak prior keeps it finite."""
    slope = 1.0
    for _ in range(_STEPS):
        chance = expit(slope * given)
        gradient = float((weight * given * (outcome - chance)).sum()) - slope / _SPREAD**2
        curvature = float((weight * given**2 * chance * (1 - chance)).sum()) + 1 / _SPREAD**2
        change = float(np.clip(gradient / curvature, -1.0, 1.0))
        slope += change
        if abs(change) < 1e-10:
            break
    return slope
