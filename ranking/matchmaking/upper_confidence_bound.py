"""K-Sort Arena's rule: the model compared least meets those that are near it or that it hardly met."""

from __future__ import annotations

import math

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.matchmaking.policies import policy
from agon.ranking.matchmaking.sampling_design import SamplingDesign, fixed_group
from agon.ranking.matchmaking.standing import Standing

# A log-odds on the scale of TrueSkill, on which the rule is written: an answer has the standard deviation
# 25/6 there, so that the difference of two has √2 times that, and 1.7 on the scale of log-odds.
SKILL_PER_LOG_ODDS = math.sqrt(2) * (25 / 6) / 1.7


@policy("ksort")
def ksort(standing: Standing, size: int, *, exploration: float = 1.0) -> SamplingDesign:
    """The model shown least, with the K − 1 of largest −|difference| + exploration·√(2 ln t / n_pair).

    t is the number of votes, n_pair that of those on both models; who never met comes first, the nearest of
    them before the others. Differences are on TrueSkill's scale. The sign before the difference is minus:
    with plus, as some copies print it, the ranking never converges.

    Args:
        standing: of the models.
        size: K.
        exploration: what a pair gains by having met seldom, on TrueSkill's scale.

    Raises:
        OptionError: exploration below 0.

    Source:
        Li et al., K-Sort Arena, arXiv 2408.14468 (2024).
    """
    if not exploration >= 0:
        raise OptionError(f"The policy ksort: exploration must not be below 0, not {exploration!r}.")
    pivot = int(standing.shown.argmin())
    votes = max(float(standing.shown.sum()) / size, 1.0)
    met = standing.met[pivot]
    gain = exploration * np.sqrt(2 * math.log(votes) / np.maximum(met, 1))
    score = gain - SKILL_PER_LOG_ODDS * np.abs(standing.mean - standing.mean[pivot])
    order = np.lexsort((standing.shown, -score, met > 0))
    return fixed_group([pivot, *order[order != pivot][: size - 1].tolist()])
