"""How far boards agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.leaderboard.leaderboard import Leaderboard
from agon.ranking.numerics import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd


def agreement(boards: Sequence[Leaderboard]) -> pd.DataFrame:
    """Kendall's τ-b between the ranks of boards, over the models that both rank.

    Returns:
        A symmetric table, boards by name of method (and group); NaN where fewer than two models are shared.

    Raises:
        OptionError: not a list of at least two boards.

    Source:
        M. Kendall, Biometrika 33 (1945), on ranks, so that ties count as ties.
    """
    import pandas as pd

    if not isinstance(boards, Sequence) or not all(isinstance(board, Leaderboard) for board in boards):
        raise OptionError(
            "agreement compares boards: give a list of them, such as rank_all(votes, ['elo', 'win_rate'])."
        )
    if len(boards) < 2:
        raise OptionError(
            f"agreement compares at least two boards, not {len(boards)}; rank_all makes several."
        )
    names = [" ".join([board.method, *map(str, (board.by or {}).values())]) for board in boards]
    models = {
        row.model: i for i, row in enumerate({row.model: row for board in boards for row in board}.values())
    }
    ranks = np.zeros((len(boards), len(models)), dtype=np.int64)
    for i, board in enumerate(boards):
        for row in board.ranked:
            ranks[i, models[row.model]] = row.rank or 0
    return pd.DataFrame(kendall_tau_b(ranks), index=names, columns=names)


def kendall_tau_b(ranks: IntArray) -> FloatArray:
    """(L, L) Kendall's τ-b between (L, M) rows of ranks, over the models that both rank; 0 is no rank.

    NaN where fewer than two models are shared, or all of them are tied in one of the two.

    Source:
        M. Kendall, Biometrika 33 (1945), on ranks, so that ties count as ties.
    """
    from scipy.stats import kendalltau

    table = np.eye(len(ranks))
    for i, one in enumerate(ranks):
        for j, two in enumerate(ranks[:i]):
            both = (one > 0) & (two > 0)
            enough = min(len(np.unique(one[both])), len(np.unique(two[both]))) > 1
            table[i, j] = table[j, i] = kendalltau(one[both], two[both]).statistic if enough else np.nan
    return table
