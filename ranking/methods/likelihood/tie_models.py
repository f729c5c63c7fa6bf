"""Ratings with an outcome of their own for a tie, and for "both bad".

Let D = θ_i − θ_j and π = e^θ. Where the win graph, ties counting both ways, is strongly connected and
the votes bound the strengths together with the parameter of ties, the maximum likelihood is found by
Newton's method on the counts; every component has a tie parameter of its own. Models outside are placed
as `bradley_terry` places them. Strengths of different tie models are on different scales.

The votes bound the two together unless some strengths, drawn apart for ever while ties grow as common,
make every vote as likely as before: some x with x_i − x_j ≥ 1 wherever i beat j and |x_i − x_j| ≤ 1
wherever they tied. No cycle of wins means danger; one win and one tie of two models are an example.
"""

from __future__ import annotations

from agon.ranking.methods.likelihood.multinomial import Outcome, OutcomeModel
from agon.ranking.methods.likelihood.multinomial_fit import fitted
from agon.ranking.registry import method
from agon.ranking.results import Fit
from agon.ranking.votes.pair_counts import BothBad, PairCounts

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
