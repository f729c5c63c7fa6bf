"""How often each model won against each other one, and the drawing of it that pages and notebooks share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from agon.ranking.errors import OptionError, suggest
from agon.ranking.leaderboard.leaderboard import Leaderboard
from agon.ranking.leaderboard.plots import PAPER, Cell, Drawing, Palette, draw_map, label, show
from agon.ranking.leaderboard.ranking import rank
from agon.ranking.numerics import FloatArray
from agon.ranking.votes.comparisons import Votes, as_comparisons
from agon.ranking.votes.pair_counts import PairCounts

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

DRAWN = 30  # models drawn unless others are named: more numbers than anybody reads
SMALLEST = 0.45  # side of the square of the pair with the fewest votes


@dataclass(frozen=True, eq=False)
class WinRates:
    """Observed win rates between some models: a tie counts half for each.

    Attributes:
        models: M names.
        share: (M, M) share of the votes between row and column that the row won; NaN where they never met.
        votes: (M, M) weight of these votes.
    """

    models: tuple[str, ...]
    share: FloatArray
    votes: FloatArray

    @classmethod
    def of(cls, models: Sequence[str], pairs: PairCounts) -> WinRates:
        """Take them from counts, for models in this order."""
        at = [pairs.models.index(model) for model in models]
        wins = pairs.halves("half")[np.ix_(at, at)]
        votes = wins + wins.T
        share = np.divide(wins, votes, where=votes > 0, out=np.full_like(wins, np.nan))
        return cls(tuple(models), share, votes)

    def won(self, i: int, j: int) -> str:
        """The share and the votes it is of, in words."""
        return f"{self.share[i, j]:.0%} of {self.votes[i, j]:,.0f} votes"


def draw_win_rates(
    rates: WinRates, palette: Palette, names: Sequence[str] | None = None, title: str = ""
) -> Drawing:
    """Draw a square for each pair that met, its colour the win rate and its size the number of votes.

    Args:
        rates: what to draw.
        palette: its colours.
        names: what to call the models; None for their names.
        title: above the drawing.
    """
    called = list(rates.models if names is None else names)
    most = float(rates.votes.max(initial=1.0))
    cells = [
        Cell(
            i,
            j,
            float(rates.share[i, j]),
            max(SMALLEST, sqrt(rates.votes[i, j] / most)),
            f"{rates.share[i, j]:.0%}"[:-1],
            f"{label(called[i])} against {label(called[j])}:<br>won {rates.won(i, j)}",
        )
        for i in range(len(called))
        for j in range(len(called))
        if rates.votes[i, j] > 0
    ]
    return draw_map(cells, called, palette, title)


def win_rate_map(votes: Votes, models: Sequence[str] | Leaderboard | None = None) -> Figure:
    """Draw what share of its votes against each other model each model won, half for a tie.

    Args:
        votes: as for `rank`.
        models: names in this order, or a board with its order; None for the first 30 of `rank(votes)`.

    Raises:
        MethodError: plotly is not installed.
        OptionError: a model without votes.
    """
    pairs = as_comparisons(votes).pairs
    if models is None:
        models = rank(votes, interval="none")
    if isinstance(models, Leaderboard):
        every = [row.model for row in models if row.model in set(pairs.models)]
        models = every[:DRAWN]
    else:
        every = list(models)
    for name in models:
        if name not in pairs.models:
            raise OptionError(f"There is no model {name!r} among the votes; {suggest(name, pairs.models)}")
    rates = WinRates.of(models, pairs)
    more = f" The first {len(models)} of {len(every)} models." if len(every) > len(models) else ""
    title = (
        "Per cent of their votes that the row won against the column, half for a tie.<br>The larger the "
        f"square, the more votes, {rates.votes.max(initial=0):,.0f} at most; empty: the two never met.{more}"
    )
    return show(draw_win_rates(rates, PAPER, title=title))
