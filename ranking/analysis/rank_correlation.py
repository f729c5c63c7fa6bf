"""How far boards agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from agon.ranking.leaderboard.leaderboard import Leaderboard

if TYPE_CHECKING:
    import pandas as pd


def agreement(boards: Sequence[Leaderboard]) -> pd.DataFrame:
    """Kendall's τ-b between the ranks of boards, over the models that both rank.

    Returns:
        A symmetric table, boards by name of method (and group); NaN where fewer than two models are shared.

    Source:
        M. Kendall, Biometrika 33 (1945), on ranks, so that ties count as ties.
    """
    import pandas as pd
    from scipy.stats import kendalltau

    names = [" ".join([board.method, *map(str, (board.by or {}).values())]) for board in boards]
    table = np.eye(len(boards))
    for i, one in enumerate(boards):
        ranks = {row.model: row.rank for row in one.ranked}
        for j, two in enumerate(boards[:i]):
            both = [(ranks[row.model], row.rank) for row in two.ranked if row.model in ranks]
            enough = len(both) > 1 and all(len(set(side)) > 1 for side in zip(*both, strict=True))
            table[i, j] = table[j, i] = kendalltau(*zip(*both, strict=True)).statistic if enough else np.nan
    return pd.DataFrame(table, index=names, columns=names)
