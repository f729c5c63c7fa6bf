"""The sentence above a board: who is first, who could be too, and what it would take to know."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agon.ranking.inference.anytime import times_more
from agon.ranking.inference.intervals import Uncertainty
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.text import Readable, join_names, rounded

if TYPE_CHECKING:
    from agon.ranking.leaderboard.leaderboard import Leaderboard

FORESEEABLE = 100  # times as many votes as there are; nobody plans for more


@dataclass(frozen=True, repr=False)
class Lead(Readable):
    """Whether the first model leads on evidence that holds however often one looks.

    Attributes:
        certain: whether it does, against every other ranked model at once.
        more_votes: about how many more votes between the first and its rivals would make it certain if the
            differences stay as they are; 0 if it is, None if that cannot be foreseen.
    """

    certain: bool
    more_votes: int | None

    def conclusion(self) -> str:
        """Say it in one sentence."""
        if self.certain:
            return "The first leads, however often one looks."
        if self.more_votes is None:
            return "Nobody leads, and no foreseeable number of votes would decide."
        return f"Nobody leads for certain yet; about {rounded(self.more_votes)} more votes would decide."


def lead_of(
    ranked: IntArray,
    values: FloatArray,
    unsure: Uncertainty,
    apart: NDArray[np.bool_],
    votes: IntArray,
    level: float,
    unit: float,
) -> Lead | None:
    """Say whether the first leads, by an e-value against each rival, corrected for their number.

    Args:
        ranked: indices of the ranked models, best first.
        values: (M,) scores.
        unsure: their uncertainty.
        apart: (M, M) pairs compared by wins that all went one way: evidence at any time, for a run of wins
            that is broken is none any more.
        votes: (M,) in which each model was shown.
        level: of the statement; half of what it leaves out is for either side.
        unit: one log-odds on the scale of the scores; 0 for shares.
    """
    if len(ranked) < 2 or (unsure.covariance is None and unsure.samples is None):
        return None
    first, goal, needed = ranked[0], math.log(2 * (len(ranked) - 1) / (1 - level)), 0.0
    for rival in ranked[1:].tolist():
        if apart[first, rival]:
            needed += 0.0 if unsure.above[first, rival] else math.inf
            continue
        error, gap = unsure.error_of(int(first), rival), float(values[first] - values[rival])
        number = unsure.df + 1 if math.isfinite(unsure.df) else float(min(votes[first], votes[rival]))
        more = times_more(gap / error, number, goal, unsure.df) if error > 0 else math.inf
        chance = 1 / (1 + math.exp(-gap / unit)) if unit else 0.5
        each = (
            (unit / error) ** 2 / (chance * (1 - chance)) if unit and error > 0 and 0 < chance < 1 else number
        )
        needed += (more - 1) * each
    return Lead(needed == 0, math.ceil(needed) if needed <= FORESEEABLE * int(votes.sum()) else None)


def conclude(board: Leaderboard, name: Callable[[str], str] = str) -> str:  # noqa: PLR0911 - sentences
    """Say in one sentence what a board shows.

    Args:
        board: the board.
        name: how to call a model.
    """
    ranked = board.ranked
    if not ranked:
        nobody = [note for note in board.diagnostics if note.code.startswith("no_")]
        return nobody[0].message if nobody else "No model can be ranked yet: see what is missing."
    if len(ranked) == 1:
        return f"{name(ranked[0].model)} is the only model with a rank."
    first = [name(row.model) for row in ranked if row.rank == 1]
    shared = f"{join_names(first)} share the first place of {len(ranked)}"
    place = f"{first[0]} is first of {len(ranked)}" if len(first) == 1 else shared
    if ranked[0].rank_upper is None:
        return f"{place}; no interval was computed."
    rivals = [name(row.model) for row in ranked if row.rank_lower == 1 and row.rank != 1]
    at, lead, more = f"at {board.level:.0%}{_scope(board)}", board.lead, ""
    if lead is not None and lead.more_votes:
        more = f"; about {rounded(lead.more_votes)} more {board.counted} between them would decide"
    if rivals:
        return f"{place}, but {join_names(rivals)} could be first too {at}{more}."
    if len(first) > 1:
        return f"{place}{more}."
    if lead is not None and lead.certain:
        others = {2: "1 other", 3: "both others"}.get(len(ranked), f"all {len(ranked) - 1} others")
        return f"{first[0]} leads {others} {at}, however often one looks."
    once = "" if lead is None else " if one looks but once"
    return f"{place}, and no other model is within reach {at}{once}{more}."


def _scope(board: Leaderboard) -> str:
    """For whom alone the votes can speak, if they are all of one voter or on one prompt."""
    codes = {note.code for note in board.diagnostics}
    voter = " for the one voter" if "single_voter" in codes else ""
    return voter + (" on the one prompt" if "single_prompt" in codes else "")
