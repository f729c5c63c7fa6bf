"""What a vote changed: the board before and after it, for the models that were compared."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from agon.arena.core.battle import State
from agon.arena.core.battles.open_battles import Running
from agon.arena.core.operation.operator_messages import tell
from agon.arena.core.refusal import Refusal
from agon.data.log.vote_log import VoteLog
from agon.ranking import Comparisons, Leaderboard, rank
from agon.ranking.errors import AgonError
from agon.ranking.leaderboard.row import Row

MOST_AWAITED = 20  # voters who wait to be told what their votes changed


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


class ScoreChanges:
    """What votes changed, computed for one voter after the other, so that votes go before.

    Args:
        log: the votes.
    """

    def __init__(self, log: VoteLog) -> None:
        self._log = log
        self._turn = asyncio.Lock()
        self.awaited = set[str]()  # the battles whose voters wait to be told

    async def of(self, running: Running) -> ScoreChange | None:
        """What the vote of a battle changed: the boards just before and just after it.

        None where there is no vote, or no board; whatever goes wrong here, the vote is in the log.

        Raises Refusal: too many wait for theirs.
        """
        number, battle = running.number, running.battle
        if battle.state is not State.VOTED or number is None or not running.counted:
            return None
        if len(self.awaited) >= MOST_AWAITED:
            raise Refusal(503, "busy", "It cannot be computed now.")
        models = tuple(side.contestant.card.name for side in battle.judged)
        self.awaited.add(battle.id)
        try:
            async with self._turn:
                return await asyncio.to_thread(self._around, number, models)
        except Exception as error:
            tell(f"what a vote changed could not be computed: {type(error).__name__}: {error}")
            return None
        finally:
            self.awaited.discard(battle.id)

    def _around(self, number: int, models: tuple[str, ...]) -> ScoreChange | None:
        before, after = map(_board, self._log.comparisons_around(number))
        return change_of_scores(before, after, models)


def _board(votes: Comparisons | None) -> Leaderboard | None:
    """The board of votes; None if there is none to compute."""
    with suppress(AgonError):
        return None if votes is None else rank(votes, "bradley_terry", interval="none")
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
