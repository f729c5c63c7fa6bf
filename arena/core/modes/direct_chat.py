"""Talking to one model: the limits of battles apply, nothing is logged, and no vote comes of it.

There is nothing to compare, so that a board could make nothing of it; what is not needed is not kept. While
the conversation is in memory, its model counts as known for its prompts: a vote on them is not blind.
"""

from __future__ import annotations

import asyncio
import uuid
from time import monotonic

from agon.arena.core.arena import Arena
from agon.arena.core.battles.battle_limits import checked_prompt
from agon.arena.core.modes.talk import Talk
from agon.arena.core.operation.operator_messages import tell
from agon.arena.core.refusal import Refusal
from agon.arena.core.roster import measure_within
from agon.serving.generation import generate
from agon.serving.protocol import Measuring, Message

MOST_OF_ONE = 5  # conversations of one visitor in memory; the oldest is let go
UNWATCHED_EVERY = 1.0  # seconds between two looks whether anybody reads


def talk_of(arena: Arena, session: str, talk_id: str) -> Talk:
    """A conversation of one's own."""
    arena.must_allow("direct")
    talk = arena.talks.get(talk_id)
    if talk is None or talk.voter != arena.keys.voter(session):
        raise Refusal(404, "no_chat", "This conversation is not here any more. Begin a new one.")
    talk.touched = monotonic()
    return talk


def may_say(arena: Arena, talk: Talk) -> bool:
    """Whether a further prompt can be answered."""
    turns = sum(message.role == "user" for message in talk.said)
    return not talk.streaming and turns < arena.settings.most_turns and _reads(talk, "?")


async def ask_one(
    arena: Arena, session: str, prompt: str, model: str, talk_id: str | None = None, network: str = ""
) -> Talk:
    """Ask a model, or go on with a conversation; the answer is written from now on.

    Args:
        arena: in which the organiser allows it.
        session: who asks.
        prompt: what is asked.
        model: who answers; of a conversation that goes on it is known.
        talk_id: of a conversation that goes on.
        network: it is asked from, which has limits of its own.
    """
    arena.must_allow("direct")
    prompt = checked_prompt(prompt, arena.settings.longest_prompt)
    await arena.must_be_fit(session, prompt)
    voter = arena.keys.voter(session)
    if talk_id is None:
        contestant = arena.contestants.able(model, [Message("user", "?")])
        talk = Talk(uuid.uuid4().hex, voter, contestant, network)
    else:
        talk = talk_of(arena, session, talk_id)
        if not may_say(arena, talk):
            raise Refusal(409, "no_turn", "This conversation takes no further prompt now. Begin a new one.")
    backend = talk.contestant.backend
    if isinstance(backend, Measuring):
        await measure_within([backend.measure(talk.messages(prompt))])
    if not _reads(talk, prompt):
        raise Refusal(
            422, "long_prompt", "This is longer than the model can read. Shorten it, or begin anew."
        )
    arena.must_have_room(voter, network)
    arena.limits.begin(arena.settings, voter, network)
    if talk.streaming:  # another tab was quicker
        raise Refusal(409, "no_turn", "This conversation takes no further prompt now. Wait for its answer.")
    mine = [one for one in arena.talks.values() if one.voter == voter and one is not talk]
    for old in mine[: max(0, len(mine) + 1 - MOST_OF_ONE)]:
        old.stop.set()
        del arena.talks[old.id]
    arena.talks[talk.id] = talk
    talk.said.append(Message("user", prompt))
    talk.asked.append(prompt)
    talk.text, talk.failed, talk.streaming, talk.stop = "", False, True, asyncio.Event()
    talk.revision += 1
    talk.task = asyncio.create_task(_answer(arena, talk))
    return talk


def drop_talks(arena: Arena, voter: str) -> None:
    """Forget what a visitor said to models alone."""
    for key in [key for key, talk in arena.talks.items() if talk.voter == voter]:
        arena.talks.pop(key).stop.set()


async def _answer(arena: Arena, talk: Talk) -> None:
    """Let the model answer the last prompt, which is taken back where it fails."""
    watching = asyncio.create_task(_stop_unwatched(arena, talk))
    system = talk.contestant.system_prompt
    head = [Message("system", system)] if system else []
    try:
        made = await generate(
            talk.contestant.backend,
            [*head, *talk.said],
            talk.contestant.sampling,
            limits=arena.settings.limits,
            on_text=lambda piece: _write(talk, talk.text + piece),
            on_restart=lambda: _write(talk, ""),
            stop=talk.stop,
            on_line=lambda number: _wait(talk, number),
        )
        talk.failed = made.failure is not None or not made.text.strip()
        if not talk.failed:
            talk.said.append(Message("assistant", made.text))
    except Exception as error:
        talk.failed = True
        tell(f"a conversation broke off: {type(error).__name__}: {error}")
    finally:
        watching.cancel()
        if talk.said[-1].role == "user":
            talk.failed = True
            talk.said.pop()
        talk.text, talk.streaming, talk.in_line = "", False, 0
        talk.touched = monotonic()
        talk.revision += 1


async def _stop_unwatched(arena: Arena, talk: Talk) -> None:
    """End an answer that nobody reads."""
    while True:
        await asyncio.sleep(UNWATCHED_EVERY)
        if talk.watchers:
            talk.touched = monotonic()
        elif monotonic() - talk.touched > arena.settings.unwatched:
            talk.stop.set()


def _reads(talk: Talk, prompt: str) -> bool:
    return talk.contestant.backend.accepts(talk.messages(prompt))


def _write(talk: Talk, text: str) -> None:
    talk.text = text
    talk.revision += 1


def _wait(talk: Talk, number: int) -> None:
    talk.in_line = number
    talk.revision += 1
