"""Newman's fixed-point iteration for strengths with ties: another way to the maximum of `davidson`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from agon.ranking.errors import ConvergenceError
from agon.ranking.methods.likelihood.multinomial import OutcomeCounts
from agon.ranking.methods.likelihood.multinomial_fit import fitted
from agon.ranking.methods.likelihood.tie_models import DAVIDSON
from agon.ranking.numerics import FloatArray
from agon.ranking.registry import method
from agon.ranking.results import Fit
from agon.ranking.votes.pair_counts import BothBad, PairCounts

_TOLERANCE = 1e-12  # nats; largest change of a strength in one round
_ROUNDS = 20_000


@method("newman", source="Newman (2023)")
def newman(pairs: PairCounts, *, both_bad: BothBad = "half", prior_sd: float = 1.0) -> Fit:
    """Strengths with ties by Newman's iteration: the maximum likelihood that `davidson` finds too.

    Each round moves every strength halfway (in logs) to what its wins and ties ask for, given all the
    others, and then sets the tie parameter; P(tie) is as 2v √(π_i π_j), so that v is half the ν of
    `davidson`. It takes thousands of rounds on long chains, and a round costs as much as a Newton step.

    Args:
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.
        prior_sd: standard deviation, in nats, of the prior that places models outside a component.

    Raises:
        ConvergenceError: no solution after 20,000 rounds.
        OptionError: `prior_sd` is not above 0, or above 100.

    Source:
        M. E. J. Newman, Efficient computation of rankings from pairwise comparisons, J. Mach. Learn.
        Res. 24 (2023), section 6 on ties.
    """
    return fitted(DAVIDSON, pairs, both_bad, prior_sd, solve=_iterated)


def _iterated(counts: OutcomeCounts) -> tuple[FloatArray, Mapping[str, float], int]:
    """(C,) strengths of zero mean, the tie parameter in logs, and the rounds taken."""
    c, i, j = counts.n_models, counts.first, counts.second
    tie, decisive = counts.counts["tie"], counts.counts["win"] + counts.counts["loss"]
    won, lost = counts.counts["win"] + tie / 2, counts.counts["loss"] + tie / 2
    root, v = np.ones(c), 0.5 if tie.any() else 0.0  # root: of the strengths
    for step in range(1, _ROUNDS + 1):
        ratio = root[i] / root[j]
        back = 1.0 / ratio
        mean = 1.0 / (ratio + back + 2 * v)  # √(π_i π_j) over the sum of the three outcomes
        gain, loss = won * mean * (back + v), lost * mean * (ratio + v)
        up = np.bincount(i, gain, c) + np.bincount(j, loss, c)
        down = np.bincount(i, loss, c) + np.bincount(j, gain, c)
        change = np.log(up / down)
        root = root * np.exp(0.25 * change)  # halfway: all at once, two models would swap for ever
        root /= np.exp(np.log(root).mean())
        before = v
        if v:
            v = float(tie @ (mean * (ratio + back)) / 2 / (decisive @ mean))
        moved = max(float(np.ptp(change)), abs(np.log(v / before)) if v else 0.0)
        if moved < _TOLERANCE:
            shapes = {"nu": float(np.log(2 * v))} if v else {}
            return 2 * np.log(root), shapes, step
    raise ConvergenceError(
        f"newman did not converge in {_ROUNDS} rounds on {c} models; davidson has the same maximum."
    )
