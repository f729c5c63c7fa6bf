"""Ratings with an outcome of their own for a tie, and for "both bad".

Let D = θ_i − θ_j and π = e^θ. Where the win graph, ties counting both ways, is strongly connected and
the votes bound the strengths together with the parameter of ties, the maximum likelihood is found by
Newton's method on the counts; every component has a tie parameter of its own. Models outside are placed
as `bradley_terry` places them. Strengths of different tie models are on different scales.

The votes bound the two together unless some strengths, drawn apart for ever while ties grow as common,
make every vote as likely as before: some x with x_i − x_j ≥ 1 wherever i beat j and |x_i − x_j| ≤ 1
wherever they tied. No cycle of wins means danger; one win and one tie of two models are an example.

`rao_kupper_by_model` gives each model a threshold of ties and a spread of its own. With
D = (θ_i − θ_j) / s_ij, s_ij² = (σ_i² + σ_j²) / 2 and φ_ij² = φ_i φ_j the chances are
P(i) = 1 / (1 + φ_ij e^{−D}), P(j) = 1 / (1 + φ_ij e^{D}), and a tie is the rest. A model that is often tied
has a large φ; one whose answers are now good, now bad has a large σ. Both have normal priors, of log(φ_i − 1)
around a common value and of log σ_i around 0, so that models with few votes have the common ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.estimation.comparison_graph import identify
from agon.ranking.estimation.newton import maximise
from agon.ranking.methods.likelihood.multinomial import Outcome, OutcomeCounts, OutcomeModel
from agon.ranking.methods.likelihood.multinomial_fit import fitted
from agon.ranking.numerics import FloatArray, IntArray, expit
from agon.ranking.registry import method
from agon.ranking.results import Diagnostic, Fit, Posterior
from agon.ranking.votes.pair_counts import BothBad, PairCounts

_BY_MODEL = "rao_kupper_by_model"
_WIDE = 10.0  # standard deviation of strengths and of the common threshold, nats: as good as none
HALF = {"u": 0.5, "v": 0.5}
DAVIDSON = OutcomeModel(
    "davidson",
    {"all": [(1, {"u": 1}), (1, {"v": 1}), (1, {**HALF, "nu": 1})]},
    {
        "win": Outcome({"u": 1}, {"all": -1}),
        "loss": Outcome({"v": 1}, {"all": -1}),
        "tie": Outcome({**HALF, "nu": 1}, {"all": -1}),
    },
    {"nu": "tie"},
)
# With φ = 1 + e^s and threshold g every sum has positive terms, and P(tie), what is left, is a product:
# π_i π_j (φ − 1) [(π_i + π_j)(1 + φ) + 2g] / [(π_i + π_j + g)(π_i + φ π_j + g)(π_j + φ π_i + g)].
BAD = (1.0, {"bad": 1.0})
EITHER = [(1.0, {"u": 1.0}), (1.0, {"v": 1.0}), BAD]
SUMS = {
    "either": EITHER,
    "first": [*EITHER, (1.0, {"v": 1.0, "tie": 1.0})],
    "second": [*EITHER, (1.0, {"u": 1.0, "tie": 1.0})],
    "tied": [
        *((2 * factor, powers) for factor, powers in EITHER),
        (1.0, {"u": 1.0, "tie": 1.0}),
        (1.0, {"v": 1.0, "tie": 1.0}),
    ],
}
TIED = Outcome({"u": 1, "v": 1, "tie": 1}, {"tied": 1, "either": -1, "first": -1, "second": -1})
DECIDED = {"win": Outcome({"u": 1}, {"first": -1}), "loss": Outcome({"v": 1}, {"second": -1}), "tie": TIED}
RAO_KUPPER = OutcomeModel("rao_kupper", SUMS, DECIDED, {"tie": "tie"})
RAO_KUPPER_BAG = OutcomeModel(
    "rao_kupper_bag",
    SUMS,
    {**DECIDED, "both_bad": Outcome({"bad": 1}, {"either": -1})},
    {"tie": "tie", "bad": "both_bad"},
)


@method("davidson", source="Davidson (1970)")
def davidson(pairs: PairCounts, *, both_bad: BothBad = "half", prior_sd: float = 1.0) -> Fit:
    """Strengths with ties as an outcome: P(i), P(j), P(tie) are as e^{D/2}, e^{−D/2}, ν.

    Without a single tie ν is at its bound 0 and the model is Bradley-Terry's.

    Args:
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.
        prior_sd: standard deviation, in nats, of the prior that places models outside a component.

    Raises:
        ConvergenceError: no solution after 200 Newton steps.
        OptionError: `prior_sd` is not above 0, or above 100.

    Source:
        R. R. Davidson, J. Amer. Stat. Assoc. 65 (1970), eqs. 2.3-2.5.
    """
    return fitted(DAVIDSON, pairs, both_bad, prior_sd)


@method("rao_kupper", source="Rao and Kupper (1967)")
def rao_kupper(pairs: PairCounts, *, both_bad: BothBad = "half", prior_sd: float = 1.0) -> Fit:
    """Strengths with a threshold for ties: P(i) = π_i / (π_i + φ π_j), and a tie is the rest.

    Without a single tie φ is at its bound 1 and the model is Bradley-Terry's.

    Args:
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.
        prior_sd: standard deviation, in nats, of the prior that places models outside a component.

    Raises:
        ConvergenceError: no solution after 200 Newton steps.
        OptionError: `prior_sd` is not above 0, or above 100.

    Source:
        P. V. Rao and L. L. Kupper, J. Amer. Stat. Assoc. 62 (1967), eqs. 2.5 and 2.6.
    """
    return fitted(RAO_KUPPER, pairs, both_bad, prior_sd)


@method("rao_kupper_bag", source="Prompt-to-Leaderboard (Frick et al. 2025)")
def rao_kupper_bag(pairs: PairCounts, *, prior_sd: float = 1.0) -> Fit:
    """Strengths for the four buttons of an arena: Rao-Kupper ties, and "both bad" as its own outcome.

    P(i) = π_i / (π_i + φ π_j + g), P(both bad) = g / (g + π_i + π_j), and a tie is the rest, so g is the
    strength that an answer must beat to be any good. Without a "both bad" it is `rao_kupper`. A "both bad"
    links no two models: components are those of wins and ties.

    Args:
        prior_sd: standard deviation, in nats, of the prior that places models outside a component.

    Raises:
        ConvergenceError: no solution after 200 Newton steps.
        OptionError: `prior_sd` is not above 0, or above 100.

    Source:
        E. Frick et al., Prompt-to-Leaderboard, arXiv 2502.14855 (2025): the grounded Rao-Kupper model.
    """
    return fitted(RAO_KUPPER_BAG, pairs, None, prior_sd)


@dataclass(frozen=True, eq=False)
class TieFactorFit(Fit):
    """Strengths with thresholds of ties and spreads.

    Attributes:
        thresholds: (M,) log φ of each model, 0 where nothing ties.
        spreads: (M,) σ of each model.
    """

    thresholds: FloatArray | None = None
    spreads: FloatArray | None = None

    def log_chances(self, first: IntArray, second: IntArray) -> FloatArray:
        """(3, P) log-probabilities that the first of each pair wins, ties and loses."""
        if self.thresholds is None or self.spreads is None:
            raise TypeError("rao_kupper_by_model gives thresholds and spreads")
        u, v = self.values[first], self.values[second]
        gap = (u - v) / np.sqrt((self.spreads[first] ** 2 + self.spreads[second] ** 2) / 2)
        f = (self.thresholds[first] + self.thresholds[second]) / 2
        win, loss = -np.logaddexp(0.0, f - gap), -np.logaddexp(0.0, f + gap)
        with np.errstate(divide="ignore"):
            tie = np.log(np.expm1(2 * f)) + win + loss
        return np.stack([win, tie, loss])


@method(_BY_MODEL, source="Joe (1990); Ameli, Zhuang, Stoica and Mahoney (2025)")
def rao_kupper_by_model(
    pairs: PairCounts, *, both_bad: BothBad = "half", tie_sd: float = 1.0, spread_sd: float = 0.3
) -> Fit:
    """Strengths with a threshold of ties and a spread for each model, which often predict votes best.

    Where models differ in how often they tie, as the very good and the very bad do, one threshold for all
    distorts strengths and chances. Intervals are those of the posterior, votes taken as independent.

    Args:
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.
        tie_sd: standard deviation of the prior of log(φ − 1) around the common value, above 0.
        spread_sd: that of log σ, at least 0; 0 gives all models one spread.

    Raises:
        ConvergenceError: no solution after 200 Newton steps.
        OptionError: `tie_sd` or `spread_sd` outside its range.

    Source:
        H. Joe, Extended use of paired comparison models, with application to chess rankings, Applied
        Statistics 39 (1990), for ties by player; S. Ameli, S. Zhuang, I. Stoica and M. W. Mahoney, A
        statistical framework for ranking LLM-based chatbots, ICLR 2025, for factors of ties and covariance;
        the priors are our own.
    """
    for name, value, least in (("tie_sd", tie_sd, 0.0), ("spread_sd", spread_sd, -1e-300)):
        if not least < value < math.inf:
            bound = "above" if name == "tie_sd" else "of at least"
            raise OptionError(f"{_BY_MODEL}: {name} must be a finite number {bound} 0, not {value!r}.")
    counts = OutcomeCounts.of(pairs, both_bad)
    model = _Likelihood(counts, tie_sd, spread_sd)
    m = counts.n_models
    found = maximise(model.curvature, model.start(), _BY_MODEL)
    covariance = np.linalg.inv(found.hessian)[:m, :m]
    theta, e, r = model.parts(found.x)
    ties = pairs.ties + pairs.both_bad if both_bad == "half" else pairs.ties
    known = identify(pairs.wins + 0.5 * ties)
    loose = tuple(pairs.models[i] for i in np.flatnonzero(known.open_above | known.open_below))
    notes: tuple[Diagnostic, ...] = ()
    if loose:
        message = "Only the prior gives {models} a score: never beaten, never won, or not linked."
        notes = (Diagnostic.of("by_the_prior", loose, message),)
    total = max(1.0, float(sum(number.sum() for number in counts.counts.values())))
    middle = theta.mean()
    select = np.eye(m) - 1.0 / m
    return TieFactorFit(
        theta - middle,
        "log_odds",
        uncertainty=Posterior(select @ (covariance + covariance.T) / 2 @ select),
        identification=known,
        iterations=found.steps,
        residual=float(np.abs(found.gradient).max() / total),
        parameters={"φ": 1.0 + float(np.exp(found.x[model.common])) if model.tied else 1.0},
        notes=notes,
        thresholds=np.logaddexp(0.0, e) if model.tied else np.zeros(m),
        spreads=np.exp(r),
    )


class _Likelihood:
    """The log-posterior of strengths, log(φ − 1), its common value and log σ: (3M + 1,) or less."""

    def __init__(self, counts: OutcomeCounts, tie_sd: float, spread_sd: float) -> None:
        self.m, self.i, self.j = counts.n_models, counts.first, counts.second
        self.tie = counts.counts["tie"]
        self.won, self.lost = counts.counts["win"] + self.tie, counts.counts["loss"] + self.tie
        self.tied, self.spread = bool(self.tie.any()), spread_sd > 0
        self.tie_sd, self.spread_sd = tie_sd, spread_sd
        self.common = 2 * self.m  # place of the common value
        self.size = self.m * (1 + self.tied + self.spread) + self.tied

    def start(self) -> FloatArray:
        """Equal strengths, with as many ties as there are."""
        x = np.zeros(self.size)
        if self.tied:
            share = (float(self.tie.sum()) + 0.5) / (float((self.won + self.lost - self.tie).sum()) + 1)
            x[self.m : 2 * self.m + 1] = math.log(max(2 * share / (1 - share), 1e-6))
        return x

    def parts(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(M,) strengths, log(φ − 1), log σ."""
        m = self.m
        e = x[m : 2 * m] if self.tied else np.full(m, -np.inf)
        return x[:m], e, x[self.size - m :] if self.spread else np.zeros(m)

    def curvature(self, x: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Value, gradient and minus the Hessian."""
        theta, e, r = self.parts(x)
        i, j, m = self.i, self.j, self.m
        pi = expit(2 * (r[i] - r[j]))  # share of the variance of a pair that is the first's
        q = np.exp(-0.5 * (np.logaddexp(2 * r[i], 2 * r[j]) - math.log(2)))
        d = (theta[i] - theta[j]) * q
        f = np.zeros(len(i))
        if self.tied:
            f = np.maximum((np.logaddexp(0.0, e[i]) + np.logaddexp(0.0, e[j])) / 2, 1e-12)
        a, b = expit(f - d), expit(f + d)
        value = -float(self.won @ np.logaddexp(0.0, f - d) + self.lost @ np.logaddexp(0.0, f + d))
        by_d = self.won * a - self.lost * b
        aa, bb = self.won * a * (1 - a), self.lost * b * (1 - b)
        by_dd, by_df, by_ff = -aa - bb, aa - bb, -aa - bb
        by_f = -self.won * a - self.lost * b
        if self.tied:
            value += float(self.tie @ np.log(np.expm1(2 * f)))
            grown = np.expm1(2 * f)
            by_f = by_f + self.tie * 2 * (1 + 1 / grown)
            by_ff = by_ff - self.tie * 4 * (1 / grown + 1 / grown**2)
        # How D and f go with the parameters of the pair, by place: strengths, thresholds, spreads.
        places, of_d, of_f = [i, j], [q, -q], [np.zeros(len(i))] * 2
        if self.tied:
            places += [m + i, m + j]
            of_d += [np.zeros(len(i))] * 2
            of_f += [expit(e[i]) / 2, expit(e[j]) / 2]
        if self.spread:
            begin = self.size - m
            places += [begin + i, begin + j]
            of_d += [-d * pi, -d * (1 - pi)]
            of_f += [np.zeros(len(i))] * 2
        at, jd, jf = np.stack(places), np.stack(of_d), np.stack(of_f)
        gradient: FloatArray = np.bincount(at.ravel(), (by_d * jd + by_f * jf).ravel(), self.size).astype(
            np.float64
        )
        bend = by_dd * jd[:, None] * jd + by_ff * jf[:, None] * jf
        bend += by_df * (jd[:, None] * jf + jf[:, None] * jd)
        if self.tied:
            for side, one in ((2, i), (3, j)):
                bend[side, side] += by_f * expit(e[one]) * (1 - expit(e[one])) / 2
        if self.spread:
            s, both = len(at) - 2, pi * (1 - pi)
            for side, share in ((s, pi), (s + 1, 1 - pi)):
                for strength, sign in ((0, 1), (1, -1)):
                    bend[strength, side] -= by_d * sign * q * share
                    bend[side, strength] -= by_d * sign * q * share
                bend[side, side] += by_d * d * (share**2 - 2 * both)
            bend[s, s + 1] += 3 * by_d * d * both
            bend[s + 1, s] += 3 * by_d * d * both
        key = at[:, None] * self.size + at
        hessian: FloatArray = np.bincount(key.ravel(), bend.ravel(), self.size**2).astype(np.float64)
        return self._with_priors(x, value, gradient, -hessian.reshape(self.size, self.size))

    def _with_priors(
        self, x: FloatArray, value: float, gradient: FloatArray, hessian: FloatArray
    ) -> tuple[float, FloatArray, FloatArray]:
        """The same with the priors."""
        m, pull = self.m, np.zeros(self.size)
        pull[:m] = _WIDE**-2
        if self.spread:
            pull[self.size - m :] = self.spread_sd**-2
        if self.tied:
            pull[self.common] = _WIDE**-2
        value -= float(pull @ x**2) / 2
        gradient -= pull * x
        hessian[np.diag_indices(self.size)] += pull
        if self.tied:
            own, g, weight = np.arange(m, 2 * m), self.common, self.tie_sd**-2
            off = x[own] - x[g]
            value -= weight * float(off @ off) / 2
            gradient[own] -= weight * off
            gradient[g] += weight * float(off.sum())
            hessian[own, own] += weight
            hessian[g, g] += weight * m
            hessian[own, g] -= weight
            hessian[g, own] -= weight
        return value, gradient, hessian
