"""The review queue: where prompts come from a list, all that a person can judge blind, one after the other.

A vote tells the names, and an answer of which one knows the author is judged blind no more. Hence of each
prompt a person gets groups that have no model in common, and its list has an end. Where a person stands
follows from the log alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import blake2b

from agon.arena.core.arena import Arena
from agon.arena.core.battle import State
from agon.arena.core.battles.open_battles import Running
from agon.arena.core.refusal import Refusal
from agon.serving.protocol import Message

LATER, KNOWN = "left for later", "an author was told meanwhile"  # why one was skipped


@dataclass(frozen=True, slots=True)
class ReviewProgress:
    """How many comparisons a person has judged of all that can be had."""

    done: int
    total: int

    @property
    def left(self) -> int:
        """How many there are still."""
        return self.total - self.done


def review_progress(arena: Arena, session: str) -> ReviewProgress | None:
    """Where somebody stands; None in an arena in which prompts are typed, which has no end."""
    if arena.roster.typed or not arena.settings.reveal:
        return None
    told, size = arena.told.by_prompt(arena.keys.voter(session)), arena.settings.answers
    total = done = 0
    for prompt, models in arena.contestants.answerers.items():
        groups = len(models) // size
        total += groups
        done += groups - len(models - told.get(prompt, set())) // size
    return ReviewProgress(done, total)


async def next_review(
    arena: Arena, session: str, after: str | None = None, network: str = ""
) -> Running | None:
    """The comparison that somebody is to judge now: the one that is open, or a new one; None after the last.

    Each person has an order of their own, so that no prompt is always judged by the tired. What was left for
    later, or came to nothing, comes again behind the others.

    Args:
        arena: of prompts from a list.
        session: whose queue it is.
        after: the battle that was judged just before.
        network: that it is asked for from, which has limits of its own.

    Raises:
        Refusal: prompts are typed here; or there are comparisons left, and nobody answers them now.
        ConsentMissing: this person did not agree to what is asked.
    """
    progress = review_progress(arena, session)
    if progress is None:
        raise Refusal(409, "no_queue", "Here prompts are typed, and no list waits. Ask what you like.")
    voter, size = arena.keys.voter(session), arena.settings.answers
    await arena.consents.must_be_given(voter)
    told = arena.told.by_prompt(voter)
    if (waiting := arena.battles.queued(voter)) is not None:
        battle = waiting.battle
        if not told.get(battle.prompts[0], set()) & set(battle.models):
            return waiting
        await arena.skip(session, battle.id, KNOWN)  # by a vote on the same prompt in another tab
    if not progress.left:
        return None
    void = Counter(one.prompts[0] for one in arena.battles.of(voter) if one.state is State.VOID)

    def turn(prompt: str) -> tuple[int, bytes]:
        lot = blake2b(f"{voter}\x1f{prompt}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return len(told.get(prompt, ())) + size * void[prompt], lot

    answerers = arena.contestants.answerers
    open_prompts = [
        prompt for prompt, models in answerers.items() if len(models - told.get(prompt, set())) >= size
    ]
    refused: Refusal | None = None
    for prompt in sorted(open_prompts, key=turn):
        try:
            return _start_queued(arena, voter, prompt, told.get(prompt, set()), after, network)
        except Refusal as error:
            if error.code != "no_models":
                raise
            refused = refused or error
    raise refused or Refusal(503, "no_models", "Nobody answers what is left now. Come back in a minute.")


def _start_queued(
    arena: Arena, voter: str, prompt: str, told: Collection[str], after: str | None, network: str
) -> Running:
    """Draw models for a prompt of the list, none of those whose names its voter was `told` for it."""
    arena.must_have_room(voter, network)
    messages = [Message("user", prompt.strip())]
    fresh = tuple(one for one in arena.roster.candidates(messages) if one.card.name not in told)
    draw, seed = arena.draw(fresh, messages, ())
    running = arena.begin_counted(voter, network, draw, seed, arena.contestants.examples[prompt])
    running.queued, running.after = True, after
    return running


async def leave_for_later(arena: Arena, session: str, battle_id: str) -> None:
    """Put the comparison that is open behind the others; the log has that it was left."""
    await arena.consents.must_be_given(arena.keys.voter(session))
    if arena.battle(session, battle_id).battle.state in (State.STREAMING, State.READY):
        await arena.skip(session, battle_id, LATER)
