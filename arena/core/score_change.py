"""What a vote changed: the board before and after it, for the models that were compared."""

from __future__ import annotations

from dataclasses import dataclass

from agon.ranking import Leaderboard
from agon.ranking.leaderboard.row import Row


@dataclass(frozen=True, slots=True)
class ModelChange:
    """One model around a vote: its row after, and its score before where it had one."""

    row: Row
    before: float | None

    @property
    def change(self) -> float | None:
        """Points gained by this vote; None where either score is missing."""
        if self.before is None or self.row.score is None:
            return None
        return self.row.score - self.before


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """What the voter is told of the board: the models in shown order, and whether any rank changed."""

    models: tuple[ModelChange, ...]
    ranks_changed: int
    ranked: bool
    fewest: int  # votes below which a model stays provisional


def change_of_scores(
    before: Leaderboard | None, after: Leaderboard | None, models: tuple[str, ...]
) -> ScoreChange | None:
    """Compare two boards around one vote; None when there is no board after it."""
    if after is None:
        return None
    earlier = {row.model: row for row in before.rows} if before else {}
    rows = {row.model: row for row in after.rows}
    changes = tuple(
        ModelChange(rows[model], earlier[model].score if model in earlier else None)
        for model in models
        if model in rows
    )
    changed = sum(row.rank != earlier[model].rank for model, row in rows.items() if model in earlier)
    ranked = all(one.row.status == "ranked" for one in changes)
    return ScoreChange(changes, changed, ranked, int(after.settings["min_votes"]))
