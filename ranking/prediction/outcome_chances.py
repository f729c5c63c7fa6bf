"""What a method that has seen votes expects of others: the chances of a win, a tie and a loss of each pair.

Three kinds of methods say it. Those with a parameter of ties say it themselves; TrueSkill has a margin of
draws; all others say only an expected share of the points, half for a tie. To these a tie is added in one
way for all: Davidson's, whose ν is fitted to the votes seen so that the expected share stays what the method
said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from agon.ranking.errors import MethodError
from agon.ranking.methods.likelihood.multinomial import OutcomeModel, Point
from agon.ranking.methods.likelihood.tie_models import (
    DAVIDSON,
    RAO_KUPPER,
    RAO_KUPPER_BAG,
    TieFactorFit,
)
from agon.ranking.numerics import FloatArray, IntArray, expit
from agon.ranking.registry import Method
from agon.ranking.results import Choice, Fit, Posterior, Scores
from agon.ranking.votes.ballots import Ballots

NO_STRENGTHS = "no_strengths"  # the reference: every pair is even, ties as often as they were
_GLICKO = 400 / math.log(10)
_NU = {"davidson": "ν", "newman": "ν", "davidson_luce": "δ2"}
_BELIEFS = ("kwise_bayes", "weng_lin")


@dataclass(frozen=True, eq=False)
class OutcomeChances:
    """(P,) chances that the first of each pair wins, ties and loses; a "both bad" is a tie."""

    win: FloatArray
    tie: FloatArray
    loss: FloatArray

    @property
    def expected(self) -> FloatArray:
        """(P,) share of the points that the first is to get, half for a tie."""
        return self.win + 0.5 * self.tie

    def mixed(self, votes: float) -> OutcomeChances:
        """The same with one vote of even chances to so many seen, so that nothing is impossible."""
        share = 1.0 / (votes + 1.0)
        parts = ((1 - share) * part + share / 3 for part in (self.win, self.tie, self.loss))
        return OutcomeChances(*parts)


def predicts(how: Method) -> bool:
    """Whether a method's scores say how likely a model is to beat another."""
    return how.name in _PREDICTING or how.family not in (
        "aggregation",
        "social_choice",
        "likelihood",
        "online",
    )


# Those of the registry; a function of one's own is asked for its scale when it has run.
_PREDICTING = (
    "bradley_terry", "bradley_terry_ridge", "davidson", "davidson_luce", "elo", "glicko2",
    "graded_bradley_terry", "kwise_bayes", "newman", "plackett_luce", "rao_kupper", "rao_kupper_bag",
    "rao_kupper_by_model", "robust_bradley_terry", "thurstone", "weng_lin", "whole_history_rating",
)  # fmt: skip


def no_chances(name: str) -> MethodError:
    """The error of a method whose scores say nothing of chances."""
    return MethodError(
        f"{name} gives no chances of outcomes; compare ratings, such as bradley_terry and davidson."
    )


def chances_of(
    how: Method,
    result: Scores | Choice,
    options: Mapping[str, Any],
    seen: Ballots,
    first: IntArray,
    second: IntArray,
) -> OutcomeChances:
    """The chances of the pairs that a method expects.

    Args:
        how: the method.
        result: what it made of the votes seen.
        options: its settings.
        seen: the votes, to which ν is fitted where the method has no parameter of ties.
        first, second: (P,) models of each pair.

    Raises:
        MethodError: a method whose scores say nothing of chances.
    """
    if isinstance(result, Choice) or (result.scale in ("share", "points") and how.name not in _BELIEFS):
        raise no_chances(how.name)
    if isinstance(result, TieFactorFit):
        return OutcomeChances(*np.exp(result.log_chances(first, second)))
    own = _with_own_ties(how.name, result, result.values[first], result.values[second])
    if own is not None:
        return own
    if how.name == "kwise_bayes":
        return _trueskill(result, options, first, second)
    share = _expected(how.name, result, options)
    rows = seen.pair_rows
    weight = (seen.weight * seen.count)[rows.ballot]
    told = share(rows.first, rows.second)
    kept = np.isfinite(told) & (weight > 0)
    tied = ((rows.tie + rows.both_bad) * weight)[kept]
    nu = fit_ties(told[kept], (rows.win * weight)[kept], tied, (rows.loss * weight)[kept])
    return with_ties(share(first, second), nu)


def even_chances(seen: Ballots, pairs: int) -> OutcomeChances:
    """(pairs,) chances where nothing is known of the models: ties as often as they were seen, else even."""
    rows = seen.pair_rows
    weight = (seen.weight * seen.count)[rows.ballot]
    tie = float((weight * (rows.tie + rows.both_bad)).sum()) / max(float(weight.sum()), 1e-300)
    half = np.full(pairs, 0.5 * (1 - tie))
    return OutcomeChances(half, np.full(pairs, tie), half)


def with_ties(share: FloatArray, nu: float) -> OutcomeChances:
    """Chances whose expected share is given, with ties as common as Davidson's ν makes them.

    With x = e^{D/2} the chances are as x : ν : 1/x, and x solves (1 − p)x² − (p − ½)νx − p = 0.

    Args:
        share: (P,) expected shares of the first, p.
        nu: 0 for no ties.
    """
    p = np.clip(share, 1e-12, 1 - 1e-12)
    b = (p - 0.5) * nu
    root = np.sqrt(b**2 + 4 * p * (1 - p))
    x = np.where(b >= 0, (b + root) / (2 * (1 - p)), 2 * p / (root - b))
    total = x + 1 / x + nu
    return OutcomeChances(x / total, nu / total, 1 / (x * total))


def fit_ties(share: FloatArray, win: FloatArray, tie: FloatArray, loss: FloatArray) -> float:
    """The ν that makes outcomes most likely, given the expected shares; 0 without a tie.

    Args:
        share: (P,) expected shares of the first.
        win, tie, loss: (P,) weight of each outcome.
    """
    from scipy.optimize import minimize_scalar

    if not tie.any():
        return 0.0

    def cost(log_nu: float) -> float:
        made = with_ties(share, math.exp(log_nu))
        return -float(win @ np.log(made.win) + tie @ np.log(made.tie) + loss @ np.log(made.loss))

    found = minimize_scalar(cost, bounds=(-14.0, 14.0), method="bounded", options={"xatol": 1e-6})
    return math.exp(float(found.x))


def _with_own_ties(name: str, result: Scores, u: FloatArray, v: FloatArray) -> OutcomeChances | None:
    """What a model with a parameter of ties says itself; None of others."""
    if not isinstance(result, Fit):
        return None
    given = result.parameters
    if name in _NU:
        return _of_model(DAVIDSON, u, v, {"nu": given.get(_NU[name], 0.0)})
    if name == "rao_kupper":
        return _of_model(RAO_KUPPER, u, v, {"tie": given["φ"] - 1})
    if name == "rao_kupper_bag":
        return _of_model(RAO_KUPPER_BAG, u, v, {"tie": given["φ"] - 1, "bad": given["g"]})
    if name == "graded_bradley_terry":
        threshold = next(iter(given.values()), 0.0)
        win, loss = expit(u - v - threshold), expit(v - u - threshold)
        return OutcomeChances(win, 1 - win - loss, loss)
    return None


def _of_model(
    model: OutcomeModel, u: FloatArray, v: FloatArray, shapes: Mapping[str, float]
) -> OutcomeChances:
    """Chances by an `OutcomeModel`; a parameter at 0 leaves its outcome out."""
    point = Point(u, v, {name: math.log(value) for name, value in shapes.items() if value > 0})
    tie = np.zeros(len(u))
    for outcome in ("tie", "both_bad"):
        needed = {"tie": ("nu", "tie"), "both_bad": ("bad",)}[outcome]
        if outcome in model.outcomes and any(name in point.shapes for name in needed):
            tie = tie + np.exp(model.log_chance(outcome, point))
    win, loss = (np.exp(model.log_chance(outcome, point)) for outcome in ("win", "loss"))
    return OutcomeChances(win, tie, loss)


def _variances(result: Scores) -> FloatArray:
    """(M,) posterior variances of beliefs."""
    known = isinstance(result, Fit) and isinstance(result.uncertainty, Posterior)
    return np.diag(result.uncertainty.matrix) if known else np.zeros(len(result.values))  # type: ignore[attr-defined]


def _means(result: Scores) -> FloatArray:
    """(M,) what the scores are cautious bounds of, or they themselves."""
    cautious = isinstance(result, Fit) and result.means is not None
    return np.asarray(result.means if cautious else result.values)  # type: ignore[attr-defined]


def _trueskill(
    result: Scores, options: Mapping[str, Any], first: IntArray, second: IntArray
) -> OutcomeChances:
    """Chances of beliefs: the difference of two answers is normal, and a tie within the margin of draws."""
    from scipy.special import ndtr

    beta, draws = float(options["beta"]), float(options["draw_probability"])
    margin = NormalDist().inv_cdf((draws + 1) / 2) * math.sqrt(2) * beta
    mean, variance = _means(result), _variances(result)
    spread = np.sqrt(2 * beta**2 + variance[first] + variance[second])
    gap = mean[first] - mean[second]
    win, loss = ndtr((gap - margin) / spread), ndtr((-gap - margin) / spread)
    return OutcomeChances(win, 1 - win - loss, loss)


def _expected(
    name: str, result: Scores, options: Mapping[str, Any]
) -> Callable[[IntArray, IntArray], FloatArray]:
    """(P,) expected share of the first of each pair, by the scale of the scores."""
    from scipy.special import ndtr

    values = _means(result)
    if name == "weng_lin":
        noise, variance = 2 * float(options["beta"]) ** 2, _variances(result)
        return lambda i, j: expit((values[i] - values[j]) / np.sqrt(noise + variance[i] + variance[j]))
    if name == "glicko2":  # the difference is less sure the larger the deviations are (Glickman 1999, eq. 16)
        variance = _variances(result) / _GLICKO**2

        def shrunk(i: IntArray, j: IntArray) -> FloatArray:
            damp = 1 / np.sqrt(1 + 3 * (variance[i] + variance[j]) / math.pi**2)
            return expit(damp * (values[i] - values[j]) / _GLICKO)

        return shrunk
    if result.scale == "probit":
        return lambda i, j: np.asarray(ndtr(values[i] - values[j]))
    unit = _GLICKO if result.scale == "elo" else 1.0
    return lambda i, j: expit((values[i] - values[j]) / unit)
