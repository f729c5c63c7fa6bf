"""How much of the votes goes in circles: the part of the log-odds that no strengths can express.

Which models beat each other in a circle is in condorcet_cycles.py; here it is how much of everything that is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from agon.ranking.errors import OptionError, VotesError
from agon.ranking.methods.likelihood.bradley_terry import bradley_terry
from agon.ranking.numerics import FloatArray, expit
from agon.ranking.results import as_values
from agon.ranking.text import Readable
from agon.ranking.votes.comparisons import Votes, as_comparisons
from agon.ranking.votes.pair_counts import PairCounts


@dataclass(frozen=True, repr=False)
class Intransitivity(Readable):
    """The cyclic share of a set of votes beside what chance makes of votes without cycles.

    Attributes:
        share: of the squared log-odds, 0 to 1, pairs weighted by the information of their votes.
        expected: mean share of votes drawn from strengths alone, as many on every pair.
        upper: the share that 95% of these stay below.
        p_value: how often they have a share at least as large.
        pairs: pairs with votes.
        n_resamples: sets of votes drawn.
    """

    share: float
    expected: float
    upper: float
    p_value: float
    pairs: int
    n_resamples: int

    def conclusion(self) -> str:
        """Say in one sentence whether strengths can explain the votes."""
        verdict = (
            "strengths alone do not explain these votes"
            if self.share > self.upper
            else "no more than chance makes of votes without cycles"
        )
        return (
            f"{self.share:.1%} of the log-odds of {self.pairs:,} pairs is cyclic; {self.expected:.1%} is "
            f"to be expected without any cycle (p = {self.p_value:.2g}): {verdict}."
        )


def intransitivity(votes: Votes, *, n_resamples: int = 200, seed: int = 0) -> Intransitivity:
    """Measure how much of the votes no strengths can express, and how much of that is chance.

    The log-odds of a pair are those of its decisive votes with half a vote added to each side, their weight
    the inverse of their variance. Ties say nothing of a direction, and counted as half wins they would bend
    the log-odds of votes without a cycle.

    Args:
        votes: as for `rank`.
        n_resamples: sets of votes drawn from the fitted strengths, as many decisive ones on each pair.
        seed: of these.

    Raises:
        OptionError: fewer than 20 resamples.
        VotesError: fewer than three models met in a circle, so that nothing can be cyclic.

    Source:
        X. Jiang, L.-H. Lim, Y. Yao and Y. Ye, Statistical ranking and combinatorial Hodge theory,
        Math. Program. 127 (2011); the share as in Y. Zhang et al., General preference modeling (2024).
    """
    if n_resamples < 20:
        raise OptionError(f"n_resamples must be at least 20, not {n_resamples!r}.")
    pairs = as_comparisons(votes).pairs
    wins = pairs.wins
    met = wins + wins.T
    number = int((met > 0).sum()) // 2
    if number < 3:
        raise VotesError(
            "Fewer than three pairs have decisive votes, so nothing can go in a circle; collect more votes."
        )
    share = _share(wins)
    decisive = PairCounts(pairs.models, wins, 0 * wins, 0 * wins, pairs.votes)
    strengths = as_values(bradley_terry(decisive), len(wins))  # unbiased where a pair has few votes
    total = np.triu(met).round().astype(np.int64)
    chance = expit(strengths[:, None] - strengths[None, :])
    rng = np.random.default_rng(seed)
    drawn = np.empty(n_resamples)
    for r in range(n_resamples):
        up = rng.binomial(total, chance)
        drawn[r] = _share((up + (total - up).T).astype(np.float64))
    p_value = float((1 + (drawn >= share).sum()) / (1 + n_resamples))
    return Intransitivity(
        share, float(drawn.mean()), float(np.quantile(drawn, 0.95)), p_value, number, n_resamples
    )


def _share(wins: FloatArray) -> float:
    """Cyclic share of decisive votes; (M, M) wins of row over column."""
    met = wins + wins.T
    more = wins + 0.5
    logits = np.where(met > 0, np.log(more) - np.log(more.T), 0.0)
    weight = np.where(met > 0, 1.0 / (1.0 / more + 1.0 / more.T), 0.0)
    cyclic = decompose(logits, weight)[1]
    total = float((weight * logits**2).sum())
    return float((weight * cyclic**2).sum()) / total if total > 0 else 0.0


def decompose(logits: ArrayLike, weight: ArrayLike | None = None) -> tuple[FloatArray, FloatArray]:
    """Split a skew matrix into differences of strengths and a cyclic rest.

    Args:
        logits: (M, M), logits[j, i] = −logits[i, j].
        weight: (M, M) symmetric, 0 where a pair has none; None for 1, when strengths are the row means.

    Returns:
        (M,) strengths of zero mean, least squares; (M, M) the rest, whose weighted rows sum to zero.

    Raises:
        VotesError: not a square skew matrix.
    """
    given = _skew(logits)
    each = np.ones(given.shape) if weight is None else np.asarray(weight, dtype=np.float64)
    each = each - np.diag(np.diag(each))
    laplacian = np.diag(each.sum(axis=1)) - each
    strengths = np.linalg.pinv(laplacian, hermitian=True) @ (each * given).sum(axis=1)
    strengths -= strengths.mean()
    rest = given - (strengths[:, None] - strengths[None, :])
    return strengths, np.asarray(np.where(each > 0, rest, 0.0))


def _skew(logits: ArrayLike) -> FloatArray:
    given = np.asarray(logits, dtype=np.float64)
    if given.ndim != 2 or given.shape[0] != given.shape[1] or not np.all(np.isfinite(given)):
        raise VotesError(f"Log-odds of shape {given.shape} must be a square table of finite numbers.")
    if not np.allclose(given, -given.T, rtol=0, atol=1e-9):
        raise VotesError("Log-odds must change their sign with the sides: logits[j, i] = −logits[i, j].")
    return given
