"""Who may be ranked: decided from the votes, and from what the fit could identify."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agon.ranking.errors import OptionError
from agon.ranking.estimation.comparison_graph import ComponentOrder, connected, order_components
from agon.ranking.leaderboard.one_way_wins import boards_of
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.results import Choice, Fit, Scores, as_values
from agon.ranking.votes.comparisons import Comparisons
from agon.ranking.votes.restricted_source import enough_votes
from agon.ranking.votes.score_table import ScoreTable


def keep_eligible(
    votes: Comparisons | ScoreTable, min_votes: int
) -> tuple[Comparisons | ScoreTable, tuple[str, ...]]:
    """Leave out, before anything is counted, the models with too few votes; and name them.

    The same for boards, comparisons of rules, margins of victory, tiers, cycles and axioms. Where fewer than
    two models would be left, and of a score table, everybody stays.

    Args:
        votes: the votes.
        min_votes: ballots a model must have been shown in, with others that have as many.

    Raises:
        OptionError: min_votes is no whole number of at least 0.
    """
    if not isinstance(min_votes, int) or isinstance(min_votes, bool) or min_votes < 0:
        raise OptionError(f"min_votes must be a whole number of at least 0, not {min_votes!r}.")
    if isinstance(votes, ScoreTable):
        return votes, ()
    stands = enough_votes(votes.ballots, min_votes)
    if stands.all() or not stands.any():
        return votes, ()
    names = tuple(name for name, one in zip(votes.models, stands, strict=True) if not one)
    return votes.among(stands), names


@dataclass(frozen=True, eq=False)
class Eligibility:
    """What the votes allow to say about each of M models.

    Attributes:
        board: (M,) which models are compared with one another: 0 the most, others on boards of their own.
        ranked: (M,) True where the model has a rank on its board.
        open_above, open_below: (M,) True where the votes do not bound the score on that side.
        compared: (M,) True where a vote that the method uses compares the model with another.
        order: components of the win graph in the order of one-way wins, of methods that need wins and losses.
    """

    board: IntArray
    ranked: NDArray[np.bool_]
    open_above: NDArray[np.bool_]
    open_below: NDArray[np.bool_]
    compared: NDArray[np.bool_]
    order: ComponentOrder | None = None

    @property
    def boards(self) -> int:
        """Number of boards."""
        return int(self.board.max()) + 1

    @property
    def component(self) -> IntArray:
        """(M,) which models are compared by a chain of wins and losses in both directions."""
        return self.board if self.order is None else self.order.component

    @classmethod
    def of(
        cls, votes: Comparisons | ScoreTable, result: Scores | Choice, both_bad: str = "half"
    ) -> Eligibility:
        """Decide from the votes, and from what the fit could identify, who may be ranked.

        Args:
            votes: of the models that have enough of them.
            result: what the method made of them.
            both_bad: "drop" if the method leaves out the votes that both are bad.
        """
        m = len(votes.models)
        pairs = votes.pairs
        met = pairs.wins + pairs.wins.T + pairs.ties + (0 if both_bad == "drop" else pairs.both_bad)
        if isinstance(result, Scores) and result.met is not None:
            met = result.met
        compared = np.asarray(met.any(axis=1) | isinstance(votes, ScoreTable))
        placed = ~np.isnan(as_values(result, m))
        closed = np.zeros(m, dtype=bool)
        known = result.identification if isinstance(result, Fit) else None
        order = order_components(pairs, both_bad="drop" if both_bad == "drop" else "half")
        split = np.bincount(order.component, placed) % np.bincount(order.component) > 0
        whole = isinstance(result, Choice) or (placed | ~compared).all() or split.any()
        if known is None and whole:  # else the method left out what its graph of wins does not link
            return cls(connected(met), placed & compared, closed, closed, compared)
        board = boards_of(order)
        ranked = compared & (np.bincount(board)[board] > 1)
        if known is None:
            return cls(board, ranked, closed, closed, compared, order)
        loose = ~known.core & (np.bincount(order.component)[order.component] > 1)  # not even the fit knows
        beaten, beats = (np.asarray(order.above.any(axis=k))[order.component] for k in (0, 1))
        above, below = known.open_above & ~beaten, known.open_below & ~beats
        return cls(board, ranked & ~loose, above, below, compared, order)

    def standing(self, values: FloatArray, tie: float) -> NDArray[np.bool_]:
        """(M, M) whether row stands above column: by one-way wins, or within a component by its value.

        Args:
            values: (M,) scores.
            tie: scores no further apart share a rank.
        """
        with np.errstate(invalid="ignore"):
            higher = values[:, None] - values[None, :] > tie
        if self.order is None:
            return np.asarray(higher)
        at = self.order.component
        return np.asarray(np.where(at[:, None] == at[None, :], higher, self.order.above[np.ix_(at, at)]))
