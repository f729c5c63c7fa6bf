"""The search for the model that beats the most others, where strengths need not exist.

Every pair has a winner, or is a tie, or is not decided yet; what is decided stays so.
"""

from __future__ import annotations

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.matchmaking.policies import policy
from agon.ranking.matchmaking.sampling_design import SamplingDesign, any_group, fixed_group
from agon.ranking.matchmaking.standing import Standing
from agon.ranking.numerics import BoolArray, FloatArray


@policy("copeland")
def copeland_champion(standing: Standing, size: int, *, delta: float = 0.05) -> SamplingDesign:
    """The model that may still beat the most others, with those against whom that is undecided.

    A pair is decided when one of win, loss and tie is the commonest outcome at the level δ over all pairs. A
    decided win counts 1, a tie 1/2, an undecided pair 1; the champion has the largest sum, and of equal
    ones is the one with the larger strength. Once its decided pairs alone reach the sum of every other model,
    draws are at random.

    Args:
        standing: of the models.
        size: K.
        delta: level at which all pairs are decided together, between 0 and 1.

    Raises:
        OptionError: delta outside its range.

    Source:
        Copeland winners with indifference: Bengs et al., POCOWISTA (2024); when an outcome is the commonest:
        Jain et al., PAC mode estimation (2022).
    """
    if not 0 < delta < 1:
        raise OptionError(f"The policy copeland: delta must lie between 0 and 1, not {delta!r}.")
    m = len(standing)
    win, tie = decided_pairs(standing.wins, standing.ties, delta / (m * (m - 1) / 2))
    open_pairs = ~(win | win.T | tie)
    np.fill_diagonal(open_pairs, False)
    sure = (win + 0.5 * tie).sum(axis=1)
    most = sure + open_pairs.sum(axis=1)
    champion = int(np.lexsort((-standing.mean, -most))[0])
    if sure[champion] >= np.delete(most, champion).max():
        return any_group(m, size)
    order = np.lexsort((-standing.mean, -standing.met[champion], -most, ~open_pairs[champion]))
    return fixed_group([champion, *order[order != champion][: size - 1].tolist()])


def decided_pairs(wins: FloatArray, ties: FloatArray, level: float) -> tuple[BoolArray, BoolArray]:
    """Which of (M, M) pairs the row's model wins for sure, and which are surely ties.

    The commonest outcome is told from each other one by the ratio of prior and posterior of their odds,
    which holds at any time of looking.

    Args:
        wins: (M, M) how often the row's model was above the column's.
        ties: (M, M) how often they were level.
        level: of one pair.
    """
    from scipy.special import betaln

    fewest = np.log2(2 / level)  # outcomes below which nothing can be told

    def above(one: FloatArray, two: FloatArray) -> BoolArray:
        sure: BoolArray = np.asarray((one > two) & (one + two > fewest))
        a, b = one[sure], two[sure]
        sure[sure] = betaln(a + 1, b + 1) + (a + b) * np.log(2) >= np.log(2 / level)
        return sure

    win: BoolArray = above(wins, wins.T) & above(wins, ties)
    return win, above(ties, wins) & above(ties, wins.T)
