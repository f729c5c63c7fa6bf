"""Whether the side on which an answer is shown changes its votes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from agon.ranking.errors import ConvergenceError, OptionError, VotesError
from agon.ranking.estimation.comparison_graph import identify
from agon.ranking.estimation.newton import inverse, maximise
from agon.ranking.inference.simultaneous import quantile
from agon.ranking.numerics import FloatArray, IntArray, expit
from agon.ranking.results import Diagnostic
from agon.ranking.text import Figure, Names, Readable, Sentence
from agon.ranking.votes.comparisons import Comparisons

_WIDEST = 15.0  # nats beyond which a maximum is none


@dataclass(frozen=True, repr=False)
class PositionBias(Readable):
    """What being shown first is worth.

    Attributes:
        bias: in nats, added to the log-odds of the answer shown first (left); above 0 it is favoured.
        lower, upper: its interval at `level`, from the sandwich.
        p_value: of no bias.
        votes: pairwise votes within the largest component, weighted.
        level: of the intervals.
    """

    bias: float
    lower: float
    upper: float
    p_value: float
    votes: float
    level: float

    @property
    def share(self) -> float:
        """Chance of the answer shown first against an equal one."""
        return 1 / (1 + math.exp(-self.bias))

    def conclusion(self) -> Sentence:
        """Say in one sentence whether the sides are even."""
        low, high = (1 / (1 + math.exp(-bound)) for bound in (self.lower, self.upper))
        side = "left" if self.bias >= 0 else "right"
        sure = self.lower > 0 or self.upper < 0
        share, low, high = (self.share, low, high) if self.bias >= 0 else (1 - self.share, 1 - high, 1 - low)
        told: dict[str, Any] = {"share": Figure(share, ".1%"), "low": Figure(low, ".1%")}
        told |= {"high": Figure(high, ".1%"), "level": Figure(100 * self.level, "g")}
        return {
            ("left", True): Sentence(
                "Of two equal answers the one on the left wins {share} of the votes ({low} to {high} at "
                "{level}%).",
                **told,
            ),
            ("right", True): Sentence(
                "Of two equal answers the one on the right wins {share} of the votes ({low} to {high} at "
                "{level}%).",
                **told,
            ),
            ("left", False): Sentence(
                "Of two equal answers the one on the left may win {share} of the votes ({low} to {high} at "
                "{level}%).",
                **told,
            ),
            ("right", False): Sentence(
                "Of two equal answers the one on the right may win {share} of the votes ({low} to {high} at "
                "{level}%).",
                **told,
            ),
        }[side, sure]


def position_bias(votes: Comparisons, *, level: float = 0.95) -> PositionBias:
    """Estimate what being shown first (left) is worth, beside the strengths of the models.

    A Bradley-Terry model with one more parameter for the side; a tie, or a "both bad", is half a win. Boards
    do not use it: they are the same when the sides of votes are exchanged.

    Args:
        votes: pairwise, in which `model_a` (the first of `shown`) was on the left.
        level: of the interval.

    Raises:
        VotesError: the votes do not say which answer was first, no two models both won and lost, or nothing
            bounds the effect.
        OptionError: a level outside 0 to 1.

    Source:
        R. Davidson and R. Beaver, Biometrics 33 (1977): within-pair order effects.
    """
    if not 0 < level < 1:
        raise OptionError(f"level must lie between 0 and 1, not {level!r}.")
    known = _largest(votes)
    if known is None:
        raise VotesError(
            Sentence("These votes do not say which answer was first; give pairwise votes row by row.")
        )
    core, left, right, tie = known
    met, won = left + right + tie, left + 0.5 * tie
    if not met.any():
        raise VotesError(Sentence("No two models both won and lost against each other; collect more votes."))
    m = len(core)
    if (unknown := kept_sides(votes)) is not None:
        raise VotesError(unknown.message)

    def curvature(x: FloatArray) -> tuple[None, FloatArray, FloatArray]:
        p = expit(x[:m, None] - x[None, :m] + x[m])
        score, weight = won - met * p, met * p * (1 - p)
        return None, _stacked(score), _moment(weight)

    try:
        best = maximise(curvature, np.zeros(m + 1), "position_bias", free=m)
    except (np.linalg.LinAlgError, ConvergenceError):
        best = None
    if best is None or abs(best.x[m]) > _WIDEST:
        raise VotesError(
            Sentence(
                "These votes do not bound the effect of the sides: one side always won, or models kept "
                "theirs."
            )
        )
    p = expit(best.x[:m, None] - best.x[None, :m] + best.x[m])
    spread = left * (1 - p) ** 2 + right * p**2 + tie * (0.5 - p) ** 2
    bread = inverse(best.hessian, m)
    bias = float(best.x[m])
    error = math.sqrt(float((bread @ _moment(spread) @ bread)[m, m]))
    half = quantile(level) * error
    p_value = math.erfc(abs(bias) / error / math.sqrt(2)) if error > 0 else float(bias == 0)
    return PositionBias(bias, bias - half, bias + half, p_value, float(met.sum()), level)


def kept_sides(votes: Comparisons) -> Diagnostic | None:
    """Say that the side cannot be told from the models, as where a baseline is on one side of every vote.

    A favour for a side is then part of their scores. None where the votes can tell it, or name no sides.
    """
    known = _largest(votes)
    if known is None:
        return None
    core, left, right, tie = known
    met = left + right + tie
    if not met.any():
        return None
    told, m = _moment(met), len(core)
    left_over = told[m, m] - told[m, :m] @ np.linalg.lstsq(told[:m, :m], told[:m, m], rcond=1e-12)[0]
    if left_over > 1e-9 * told[m, m]:
        return None
    left_sums = met.sum(axis=1)
    for shown in (left_sums, met.sum(axis=0)):
        if (always := np.isclose(shown, met.sum(), rtol=1e-9)).any():
            one = Names([votes.models[core[int(np.argmax(always))]]])
            said = {
                "left": Sentence(
                    "{models} is on the left of every vote, so a favour for that side cannot be told "
                    "from its "
                    "strength; show each pair both ways round.",
                    models=one,
                ),
                "right": Sentence(
                    "{models} is on the right of every vote, so a favour for that side cannot be told "
                    "from its "
                    "strength; show each pair both ways round.",
                    models=one,
                ),
            }
            return Diagnostic("side_unknown", one, said["left" if shown is left_sums else "right"])
    return Diagnostic(
        "side_unknown",
        (),
        Sentence(
            "Models keep their sides, so a favour for a side cannot be told from their strengths; show each "
            "pair both ways round."
        ),
    )


def _largest(votes: Comparisons) -> tuple[IntArray, FloatArray, FloatArray, FloatArray] | None:
    """Indices of the largest component, and its (M, M) votes that left or right won or that were ties.

    None if the votes do not say which answer was first.
    """
    sides = votes.counts_by_position
    if sides is None:
        return None
    known = identify(votes.pairs.halves("half"))
    core = np.flatnonzero(known.core & (known.group == 0))
    left, right, tie = (table[np.ix_(core, core)] for table in sides)
    return core, left, right, tie


def _stacked(score: FloatArray) -> FloatArray:
    """(M + 1,) sums of the cells' (M, M) scores by strength and by side."""
    return np.append(score.sum(axis=1) - score.sum(axis=0), score.sum())


def _moment(weight: FloatArray) -> FloatArray:
    """(M + 1, M + 1) sum of w x xᵀ over cells, x: 1 for the left model, −1 for the right, 1 for the side."""
    both = weight + weight.T
    side = weight.sum(axis=1) - weight.sum(axis=0)
    top = np.hstack([np.diag(both.sum(axis=1)) - both, side[:, None]])
    return np.vstack([top, np.append(side, weight.sum())])
