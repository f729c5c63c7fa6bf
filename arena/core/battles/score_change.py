"""What a vote changed: the board before and after it, for the models that were compared."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from agon.arena.core.battle import State
from agon.arena.core.battles.open_battles import Running
from agon.arena.core.operation.operator_messages import tell
from agon.data.log.vote_log import VoteLog
from agon.ranking import Leaderboard, rank
from agon.ranking.errors import AgonError
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


async def change_by_vote(log: VoteLog, running: Running) -> ScoreChange | None:
    """What the vote of a battle changed: the boards just before and just after it.

    None where there is no vote, or no board; whatever goes wrong here, the vote is in the log.
    """
    number = running.number
    if running.battle.state is not State.VOTED or number is None or not running.counted:
        return None
    models = tuple(side.contestant.card.name for side in running.battle.judged)
    try:
        return await asyncio.to_thread(
            lambda: change_of_scores(_board_upto(log, number - 1), _board_upto(log, number), models)
        )
    except Exception as error:
        tell(f"what a vote changed could not be computed: {type(error).__name__}: {error}")
        return None


def _board_upto(log: VoteLog, number: int) -> Leaderboard | None:
    """The board of the votes up to a number; None if there is none to compute."""
    try:
        return rank(log.comparisons(upto=number), "bradley_terry", interval="none")
    except AgonError:
        return None


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
