"""Bradley-Terry with a ridge, as published arena boards were fitted by scikit-learn."""

from __future__ import annotations

import math

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.estimation.comparison_graph import identify
from agon.ranking.estimation.newton import inverse, maximise
from agon.ranking.methods.likelihood.bradley_terry import curvature_of, logistic_roots
from agon.ranking.numerics import FloatArray, expit
from agon.ranking.registry import method
from agon.ranking.results import Diagnostic, EstimatingEquation, Fit, Identification
from agon.ranking.votes.ballots import PairRows
from agon.ranking.votes.pair_counts import BothBad, PairCounts


@method("bradley_terry_ridge", source="Chiang et al. (2024): LogisticRegression of scikit-learn, C = 1")
def bradley_terry_ridge(
    pairs: PairCounts,
    *,
    c: float = 1.0,
    copies: float = 2.0,
    base: float = 10.0,
    both_bad: BothBad = "half",
) -> Fit:
    """Strengths as published arena boards have them: scikit-learn's logistic regression with its ridge.

    There a vote is two rows of ± ln 10 (a tie is one of each) and the loss is |w|²/2 + C · Σ log-loss, so
    the log-likelihood of the votes has the penalty |θ|² / (2 · C · copies · ln² base). It pulls all
    strengths to their mean, models with few votes most. To compare with such boards; `bradley_terry`
    has no pull. Undefeated and winless models get a score by the ridge alone and stay provisional.

    Args:
        c: scikit-learn's C, above 0: larger is a weaker ridge.
        copies: rows of the regression for one vote.
        base: of the logarithm that scales the columns, above 1.
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.

    Raises:
        ConvergenceError: no solution after 200 Newton steps.
        OptionError: c, copies or base outside its range.

    Source:
        W.-L. Chiang et al., Chatbot Arena, ICML 2024, and its notebooks; the defaults of scikit-learn.
    """
    for name, value, least in (("c", c, 0.0), ("copies", copies, 0.0), ("base", base, 1.0)):
        if not least < value < math.inf:
            raise OptionError(
                f"bradley_terry_ridge: {name} must be a finite number above {least:g}, not {value!r}."
            )
    wins = pairs.halves(both_bad)
    met, m = wins + wins.T, len(wins)
    pull = 1.0 / (c * copies * math.log(base) ** 2)

    def curvature(theta: FloatArray) -> tuple[None, FloatArray, FloatArray]:
        gradient, hessian = curvature_of(theta, wins, met)
        return None, gradient - pull * theta, hessian + pull * np.eye(m)

    found = maximise(curvature, np.zeros(m), "bradley_terry_ridge")
    chance = expit(found.x[:, None] - found.x[None, :])
    known = identify(wins)

    def vote_scores(rows: PairRows) -> tuple[FloatArray, FloatArray]:
        bad = rows.both_bad if both_bad == "half" else np.zeros_like(rows.both_bad)
        counted = rows.win + rows.loss + rows.tie + bad
        first = rows.win + 0.5 * (rows.tie + bad) - chance[rows.first, rows.second] * counted
        return first, -first

    return Fit(
        found.x,
        "log_odds",
        uncertainty=EstimatingEquation(
            inverse(found.hessian, 0),
            vote_scores,
            logistic_roots(chance, np.ones(met.shape, dtype=bool), both_bad),
            information=met * chance * chance.T,
        ),
        identification=known,
        iterations=found.steps,
        residual=float(np.abs(found.gradient).max() / max(1.0, met.sum())),
        notes=_notes(pairs.models, known),
    )


def _notes(models: tuple[str, ...], known: Identification) -> tuple[Diagnostic, ...]:
    """Name the models that only the ridge gives a score."""
    names = tuple(models[i] for i in np.flatnonzero(known.open_above | known.open_below))
    if not names:
        return ()
    message = "Only the ridge gives {models} a score: never beaten, never won, or not linked."
    return (Diagnostic.of("by_the_ridge", names, message),)
