"""The battles that an open arena has in memory, and those that it takes up again from the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic

from agon.arena.core.battle import Battle, State
from agon.arena.core.battles.resume import CLOSED, resume_battle
from agon.arena.core.operation.operator_messages import tell
from agon.arena.core.refusal import Refusal
from agon.arena.core.roster import Contestant
from agon.data.log.records import (
    AttachedImage,
    BattleRecord,
    GenerationRecord,
    Record,
    SkipRecord,
    VoteRecord,
)
from agon.data.log.shared_store.shared_record import StoreAwayError
from agon.data.log.vote_log import VoteLog
from agon.ranking.errors import AgonError
from agon.serving.protocol import ImagePart

FOLLOWED_SECONDS = 0.02  # between two looks at what other processes wrote, for battles not known here
AWAITED = 900.0  # seconds after which nobody counts on a battle that was left alone, and the log alone has it


@dataclass(slots=True)
class Running:
    """A battle and what keeps it going."""

    battle: Battle
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    stop_one: dict[int, asyncio.Event] = field(default_factory=dict)  # by slot
    task: asyncio.Task[None] | None = None
    keeping: asyncio.Task[None] | None = None  # writes the vote, whether or not the voter still waits for it
    unwritten: list[Record] = field(default_factory=list)  # what the log could not take, in order
    ends: list[tuple[str, str | None]] = field(default_factory=list)  # told when it is over
    watchers: int = 0
    touched: float = field(default_factory=monotonic)
    number: int | None = None  # of the vote, among all votes of the log
    record: str | None = None  # hash of the vote's event
    queued: bool = False  # whether it came by itself, as the next of a list
    after: str | None = None  # the battle before it in the list
    network: str = ""  # that it was started from, for the limits
    blind: bool = True  # False once the voter was found to have been told who wrote an answer
    withdrawn: bool = False  # the vote, by its voter

    def stop_all(self) -> None:
        """End all answers."""
        for one in (self.stop, *self.stop_one.values()):
            one.set()

    @property
    def counted(self) -> bool:
        """Whether the vote counts on boards."""
        apart = self.battle.same_model or self.battle.testing or self.withdrawn
        return self.blind and not apart


class OpenBattles:
    """The battles of one process over one log.

    Args:
        log: that has the battles from before.
        contestant: whom a model's name stands for.
        image: the file of an image.
    """

    def __init__(
        self,
        log: VoteLog,
        contestant: Callable[[str], Contestant],
        image: Callable[[AttachedImage], ImagePart],
    ) -> None:
        self._log, self._contestant, self._image = log, contestant, image
        self._here: dict[str, Running] = {}
        # Of battles that wait in the log alone: when they were left, and how their answers ended.
        self._aside: dict[str, tuple[float, list[tuple[str, str | None]]]] = {}
        self._followed = 0.0

    def own(self, voter: str, battle_id: str, kept: float) -> Running:
        """A battle of this voter.

        Args:
            voter: whose it is to be.
            battle_id: of the battle.
            kept: seconds for which one without a vote is taken up again.

        Raises Refusal: there is none, or another process is at it.
        """
        running = self._here.get(battle_id)
        if running is not None and self._goes_on_elsewhere(running):
            running = None
        running = running or self._resumed(battle_id, kept)
        if running is None or running.battle.voter != voter:
            raise Refusal(404, "no_battle", "This battle is over or was never yours. Start a new one.")
        self._here[battle_id] = running
        self._aside.pop(battle_id, None)
        running.touched = monotonic()
        return running

    def past(self, battle_id: str) -> Running | None:
        """A battle of the log with its vote, however old it is; None where there is none."""
        found = self._here.get(battle_id)
        if found is not None and found.battle.state is State.VOTED:
            return found
        found = self._resumed(battle_id)
        return found if found is not None and found.battle.state is State.VOTED else None

    def all(self) -> list[Running]:
        """The battles that are in memory now."""
        return list(self._here.values())

    def of(self, voter: str) -> Iterator[Battle]:
        """The battles of a voter that are in memory."""
        return (one.battle for one in self._here.values() if one.battle.voter == voter)

    def streaming(self, voter: str) -> list[str]:
        """The battles of a voter in which answers are being written."""
        return [
            key
            for key, running in self._here.items()
            if running.battle.voter == voter and running.battle.state is State.STREAMING
        ]

    def queued(self, voter: str) -> Running | None:
        """The battle that came to somebody by itself, and waits for the vote."""
        going = (State.STREAMING, State.READY)
        mine = (one for one in self._here.values() if one.queued and one.battle.voter == voter)
        return next((one for one in mine if one.battle.state in going), None)

    @property
    def places_taken(self) -> int:
        """How many battles are answered now."""
        return sum(one.battle.state is State.STREAMING for one in self._here.values())

    def answers_from(self, place: object) -> bool:
        """Whether a battle waits for an answer from a server."""
        return any(
            running.battle.state is State.STREAMING and side.contestant.backend.route().place is place
            for running in self._here.values()
            for side in running.battle.judged
        )

    def awaited(self, learned: int) -> Iterator[tuple[str, ...]]:
        """The models of battles whose votes will be learned from, and may still come or came already.

        Args:
            learned: the number of the last vote that was learned from.
        """
        now = monotonic()
        for running in self._here.values():
            if running.battle.same_model or running.battle.testing or running.battle.named:
                continue
            waits = running.battle.state is not State.VOID and now - running.touched < AWAITED
            if running.number > learned if running.number is not None else waits:
                yield running.battle.models

    def add(self, running: Running) -> None:
        """Have a battle in memory."""
        self._here[running.battle.id] = running

    def drop(self, battle_id: str) -> Running | None:
        """Have a battle in memory no more; it, if it was."""
        return self._here.pop(battle_id, None)

    def set_aside(self, running: Running) -> None:
        """Let the log alone have a battle that is whole there, until somebody looks at it again."""
        battle = running.battle
        busy = running.keeping is not None or running.unwritten or running.queued
        if busy or battle.state not in (State.VOTED, State.READY):
            return
        del self._here[battle.id]
        if running.ends:
            self._aside[battle.id] = (running.touched, running.ends)

    def given_up(self, kept: float) -> Iterator[list[tuple[str, str | None]]]:
        """How the answers of battles ended that nobody came back to for so many seconds; each once."""
        now = monotonic()
        for battle_id, (left, ends) in list(self._aside.items()):
            if now - left > kept:
                del self._aside[battle_id]
                yield ends

    def mark_withdrawn(self, battle_ids: Sequence[str]) -> None:
        """Let the pages of battles know that their votes count no more."""
        for battle_id in battle_ids:
            if (running := self._here.get(battle_id)) is not None:
                running.withdrawn = True

    def stop_all(self, voter: str) -> None:
        """End the answers of a voter where they are."""
        for battle_id in self.streaming(voter):
            self._here[battle_id].stop_all()

    def _goes_on_elsewhere(self, running: Running) -> bool:
        """Whether another process wrote of a battle since, so that the log knows better how it stands."""
        if not self._log.moved_on(running.battle.id):
            return False
        return running.keeping is None and running.battle.state is not State.STREAMING

    def _resumed(self, battle_id: str, kept: float | None = None) -> Running | None:
        """A battle from before this process was started; None if the log has none, or one that is older than
        it is kept."""
        try:
            records = self._records(battle_id)
            number = self._log.vote_number(battle_id) if records else None
            withdrawn = number is not None and self._log.withdrawn(battle_id)
            record = None if number is None else self._log.vote_hashes([number]).get(number)
        except StoreAwayError as error:
            raise Refusal(
                503,
                "store_away",
                "This battle cannot be looked up now. Nothing is lost: try again in a moment.",
            ) from error
        except AgonError as error:
            tell(f"a battle could not be read again: {error}")
            return None
        battle = resume_battle(records, self._contestant, self._image)
        in_a_study = any(isinstance(record, BattleRecord) and record.assignment for record in records)
        if battle is None:
            return None
        oldest = None if kept is None or in_a_study else datetime.now(UTC) - timedelta(seconds=kept)
        if oldest is not None and battle.created < oldest:
            return None
        uncounted = battle.state is State.READY
        answers = [record for record in records if uncounted and isinstance(record, GenerationRecord)]
        votes = [record for record in records if isinstance(record, VoteRecord)]
        blind = not battle.named and all(vote.blind for vote in votes)
        ends = [(made.model, made.failure) for made in answers]
        return Running(battle, number=number, record=record, blind=blind, withdrawn=withdrawn, ends=ends)

    def _records(self, battle_id: str) -> list[Record]:
        """What the log has of a battle; where several processes share it, also what came a moment ago.

        Raises Refusal: another process is at it.
        """
        records = self._log.records(battle_id)
        if not self._log.shared or any(isinstance(one, VoteRecord | SkipRecord) for one in records):
            return records
        if monotonic() - self._followed > FOLLOWED_SECONDS:  # whoever guesses addresses costs no more
            self._followed = monotonic()
            self._log.follow()
            records = self._log.records(battle_id)
        battle = resume_battle(records, self._contestant, self._image)
        if battle is not None and battle.reason == CLOSED and self._log.written_elsewhere(battle_id):
            raise Refusal(409, "elsewhere", "The answers are still being written. Reload in a moment.")
        return records
