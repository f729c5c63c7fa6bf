"""What a vote changed: the board before and after it, for the models that were compared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from time import monotonic

from agon.arena.core.battle import State
from agon.arena.core.battles.open_battles import Running
from agon.arena.core.operation.operator_messages import tell
from agon.arena.core.refusal import Refusal
from agon.data.log.vote_log import VoteLog
from agon.ranking import Comparisons, Leaderboard, gate_votes, rank
from agon.ranking.annotators.gates import Gate
from agon.ranking.errors import AgonError
from agon.ranking.leaderboard.row import Row
from agon.ranking.votes.vote_source import SetAside

GATE_RESTS = 20.0  # times as long as votes took to be looked through: then again, while votes come
_QUICK = 0.02  # seconds of what needs no rest
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
        gate: that votes pass before boards count them, as it is now.
    """

    def __init__(self, log: VoteLog, gate: Callable[[], Gate]) -> None:
        self._log, self._gate = log, gate
        self._aside: tuple[Gate, float, SetAside | None] = ("none", -inf, None)  # until when it holds
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
        before, after = self._log.comparisons_around(number)
        aside = None if after is None else self._set_aside(after)
        return change_of_scores(_board(before, aside), _board(after, aside), models)

    def _set_aside(self, votes: Comparisons) -> SetAside | None:
        """Whose votes boards do not count; looked through anew as rarely as it takes long."""
        gate = self._gate()
        if gate == "none":
            return None
        known, until, aside = self._aside
        if known != gate or monotonic() > until:
            begun = monotonic()
            with suppress(AgonError):  # none would be left
                aside = gate_votes(votes, gate).aside
            took = monotonic() - begun
            self._aside = gate, begun + took + (GATE_RESTS * took if took > _QUICK else 0.0), aside
        return aside


def _board(votes: Comparisons | None, aside: SetAside | None) -> Leaderboard | None:
    """The board of votes less those set aside; None if there is none to compute."""
    with suppress(AgonError):
        if votes is not None:
            return rank(votes if aside is None else votes.without(aside), "bradley_terry", interval="none")
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
