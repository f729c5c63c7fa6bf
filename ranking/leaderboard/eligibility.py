"""Who may be ranked: decided from the votes, and from what the fit could identify."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agon.ranking.estimation.comparison_graph import connected
from agon.ranking.numerics import IntArray
from agon.ranking.results import Choice, Fit, Scores, as_values
from agon.ranking.votes.comparisons import Comparisons
from agon.ranking.votes.score_table import ScoreTable


@dataclass(frozen=True, eq=False)
class Eligibility:
    """What the votes allow to say about each of M models.

    Attributes:
        group: (M,) component, 0 the largest.
        ranked: (M,) True where the model has a rank within its component.
        open_above, open_below: (M,) True where the votes do not bound the score on that side.
        votes: (M,) ballots in which the model was shown.
        compared: (M,) True where a vote that the method uses compares the model with another.
    """

    group: IntArray
    ranked: NDArray[np.bool_]
    open_above: NDArray[np.bool_]
    open_below: NDArray[np.bool_]
    votes: IntArray
    compared: NDArray[np.bool_]

    @property
    def groups(self) -> int:
        """Number of components."""
        return int(self.group.max()) + 1

    @classmethod
    def of(
        cls, votes: Comparisons | ScoreTable, result: Scores | Choice, min_votes: int, both_bad: str = "half"
    ) -> Eligibility:
        """Decide from the votes, and from what the fit could identify, who may be ranked.

        Args:
            votes: the votes.
            result: what the method made of them.
            min_votes: below which no model is ranked.
            both_bad: "drop" if the method leaves out the votes that both are bad.
        """
        shown = votes.ballots.votes
        enough = shown >= min_votes
        if isinstance(result, Fit) and result.identification is not None:
            known = result.identification
            everybody = np.ones(len(shown), dtype=bool)  # the fit itself says whom nothing links
            return cls(known.group, enough & known.core, known.open_above, known.open_below, shown, everybody)
        pairs = votes.pairs
        met = pairs.wins + pairs.wins.T + pairs.ties + (0 if both_bad == "drop" else pairs.both_bad)
        if isinstance(result, Scores) and result.met is not None:
            met = result.met
        compared = met.any(axis=1) | isinstance(votes, ScoreTable)
        placed = ~np.isnan(as_values(result, len(shown)))
        closed = np.zeros(len(shown), dtype=bool)
        return cls(connected(met), enough & placed & compared, closed, closed, shown, compared & placed)
