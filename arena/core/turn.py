"""Playing one turn of a battle: one task a side, all feeding one queue, one consumer that moves the
machine.

Each side streams at its own pace, so that a slow model delays nobody; the battle changes in one place
only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agon.arena.core.battle import LETTERS, Battle, State
from agon.arena.core.endings import REFUSALS
from agon.arena.core.roster import Contestant
from agon.serving.generation import Generation, Limits, generate
from agon.serving.places import Ticket, join


@dataclass(frozen=True, slots=True)
class AnswerEnd:
    """One generation of a battle that is over: for the log."""

    battle: Battle
    turn: int
    slot: int
    model: str
    generation: Generation


async def play_turn(
    battle: Battle,
    *,
    limits: Limits,
    stop: asyncio.Event,
    masked_names: Sequence[str] = (),
    substitute: Callable[[AnswerEnd], Contestant | None],
    record: Callable[[AnswerEnd], None],
) -> None:
    """Stream all sides until the battle is ready or void; they get their places at their servers together.

    Of more than two sides one that fails is withdrawn. Of two, it is replaced on the first turn by whom
    `substitute` draws, if anybody; a later prompt that no model worked on is taken back, so that the answers
    before may be judged. Otherwise the battle is void and the other side is cancelled, which ends its
    generation at the server. `record` is told of every generation, failed ones included. A model that says
    who it is does so under a mask; `masked_names` are the names of the arena. Setting `stop` ends all sides
    where they are.
    """
    # None: the answer begins anew; a number: its place in line.
    queue: asyncio.Queue[tuple[int, str | int | Generation | None]] = asyncio.Queue()
    turn = battle.turn

    async def write(slot: int, ticket: Ticket | None = None) -> None:
        side = battle.sides[slot]
        generation = await generate(
            side.contestant.backend,
            list(side.messages),
            side.contestant.sampling,
            limits=limits,
            on_text=lambda piece: queue.put_nowait((slot, piece)),
            on_restart=lambda: queue.put_nowait((slot, None)),
            stop=stop,
            masked_names=masked_names,
            ticket=ticket,
            on_line=lambda number: queue.put_nowait((slot, number)),
        )
        queue.put_nowait((slot, generation))

    together = join([side.contestant.backend.route().places for side in battle.judged])
    tasks = {
        slot: asyncio.create_task(write(slot, ticket))
        for slot, ticket in zip(battle.standing, together, strict=True)
    }
    try:
        while battle.state is State.STREAMING:
            slot, news = await queue.get()
            if news is None:
                battle.began_anew(slot)
                continue
            if isinstance(news, int):
                battle.stands_in_line(slot, news)
                continue
            if isinstance(news, str):
                battle.wrote(slot, news)
                continue
            ended = AnswerEnd(battle, turn, slot, battle.sides[slot].contestant.card.name, news)
            battle.ended(slot, news)
            record(ended)
            if news.failure is None:
                continue
            if len(battle.standing) > 2:
                battle.withdraw(slot)
                continue
            if turn > 1 and news.failure in REFUSALS and not news.text:
                battle.take_back(slot)
                continue
            another = substitute(ended) if turn == 1 and not stop.is_set() else None
            if another is None:
                battle.void(f"answer {LETTERS[slot]} failed: {news.failure}")
                continue
            battle.replace(slot, another)
            tasks[slot] = asyncio.create_task(write(slot))
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        for ticket in together:  # of a task that was cancelled before it began
            ticket.leave()
