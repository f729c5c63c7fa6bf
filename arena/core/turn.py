"""Playing one turn of a battle: one task a side, a pacer between them and the voter, one place that moves
the machine.

Each side streams at its own pace, which is what the log says of it; what the voter sees is paced
(`arena/core/pacing.py`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType

from agon.arena.core.battle import LETTERS, Battle, State
from agon.arena.core.endings import REFUSALS
from agon.arena.core.pacing import RELEASE_SECONDS, Pacer, Pacing
from agon.arena.core.roster import Contestant
from agon.serving.generation import Generation, Limits, generate
from agon.serving.places import Ticket, join

NOBODY: Mapping[int, asyncio.Event] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class AnswerEnd:
    """One generation of a battle that is over: for the log."""

    battle: Battle
    turn: int
    slot: int
    model: str
    generation: Generation
    moment: datetime = field(default_factory=lambda: datetime.now(UTC))  # when it ended at its source


async def play_turn(
    battle: Battle,
    *,
    limits: Limits,
    stop: asyncio.Event,
    stop_one: Mapping[int, asyncio.Event] = NOBODY,
    masked_names: Sequence[str] | None = (),
    pacing: Pacing = "even",
    substitute: Callable[[AnswerEnd], Contestant | None],
    record: Callable[[AnswerEnd], None],
) -> None:
    """Stream all sides until the battle is ready or void; they get their places at their servers together.

    Of more than two sides one that fails is withdrawn. Of two, it is replaced on the first turn by whom
    `substitute` draws, if anybody; a later prompt that no model worked on is taken back, so that the answers
    before may be judged. Otherwise the battle is void and the other side is cancelled, which ends its
    generation at the server. `record` is told of every generation, a failed one at once, another when it
    is shown whole. A model that says who it is does so under a mask; `masked_names` are the names of the
    arena, None where names are shown. Setting `stop` ends all sides at their servers, and their answers where
    the voter saw them end. `stop_one` has such an event for each slot, to be set with `stop`, too: that one
    ends, and the others go on at the pace of before.
    """
    turn = _Turn(battle, limits, stop, stop_one, masked_names, substitute, record, Pacer(pacing))
    together = join([side.contestant.backend.route().places for side in battle.judged])
    for slot, ticket in zip(battle.standing, together, strict=True):
        turn.begin(slot, ticket)
    try:
        while battle.state is State.STREAMING:
            await turn.move()
        for ended in turn.ends.values():  # nobody will see them, and they came
            record(ended)
    finally:
        for task in turn.tasks.values():
            task.cancel()
        await asyncio.gather(*turn.tasks.values(), return_exceptions=True)
        for ticket in together:  # of a task that was cancelled before it began
            ticket.leave()


@dataclass(slots=True)
class _Turn:
    """A turn while it is played."""

    battle: Battle
    limits: Limits
    stop: asyncio.Event
    stop_one: Mapping[int, asyncio.Event]
    masked_names: Sequence[str] | None
    substitute: Callable[[AnswerEnd], Contestant | None]
    record: Callable[[AnswerEnd], None]
    pacer: Pacer
    ends: dict[int, AnswerEnd] = field(default_factory=dict)  # of sides that are not shown whole yet
    tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, slot: int, ticket: Ticket | None = None) -> None:
        """Let a side write."""
        self.pacer.begin(slot)
        self.tasks[slot] = asyncio.create_task(self._write(slot, ticket))

    async def move(self) -> None:
        """Wait for something to show, and show it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(RELEASE_SECONDS if self.pacer.behind else None):
                await self.news.wait()
        self.news.clear()
        for slot in self.battle.standing:
            if self._stopped(slot) and not self.stop.is_set() and self.battle.sides[slot].generation is None:
                self.pacer.freeze(slot)
        if not (self.stop.is_set() and self.pacer.even):  # what was not seen by then is not seen any more
            for slot, text in self.pacer.release(time.monotonic()).items():
                self.battle.wrote(slot, text)
        for slot, ended in list(self.ends.items()):
            if self._stopped(slot) and ended.generation.failure is None:
                self.ends[slot] = replace(ended, generation=ended.generation.cut(self.pacer.stands(slot)))
            elif not (ended.generation.failure or self.pacer.done(slot)):
                continue
            if self.battle.state is State.STREAMING:
                self._settle(slot)

    async def _write(self, slot: int, ticket: Ticket | None) -> None:
        side, turn = self.battle.sides[slot], self.battle.turn
        generation = await generate(
            side.contestant.backend,
            list(side.messages),
            side.contestant.sampling,
            limits=self.limits,
            on_text=lambda piece: self._take(slot, piece),
            on_restart=lambda: self._restart(slot),
            stop=self.stop_one.get(slot, self.stop),
            masked_names=self.masked_names,
            ticket=ticket,
            on_line=lambda number: self.battle.stands_in_line(slot, number),
        )
        self.ends[slot] = AnswerEnd(self.battle, turn, slot, side.contestant.card.name, generation)
        self.pacer.end(slot)
        self.news.set()

    def _stopped(self, slot: int) -> bool:
        return self.stop.is_set() or (slot in self.stop_one and self.stop_one[slot].is_set())

    def _take(self, slot: int, piece: str) -> None:
        ticking = self.pacer.behind
        self.pacer.write(slot, piece)
        if not ticking:
            self.news.set()

    def _restart(self, slot: int) -> None:
        self.pacer.begin(slot)
        self.battle.began_anew(slot)

    def _settle(self, slot: int) -> None:
        """The end of a side whose answer is shown whole, or failed."""
        battle, ended = self.battle, self.ends.pop(slot)
        self.pacer.leave(slot)  # of a stopped one nothing more is seen
        battle.ended(slot, ended.generation)
        self.record(ended)
        if ended.generation.failure is None:
            return
        if len(battle.standing) > 2:
            battle.withdraw(slot)
        elif ended.turn > 1 and ended.generation.failure in REFUSALS and not ended.generation.text:
            battle.take_back(slot)
        else:
            first = ended.turn == 1 and not self._stopped(slot)
            another = self.substitute(ended) if first else None
            if another is None:
                battle.void(f"answer {LETTERS[slot]} failed: {ended.generation.failure}")
                return
            battle.replace(slot, another)
            self.begin(slot)
