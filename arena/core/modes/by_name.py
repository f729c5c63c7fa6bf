"""Comparing models that one chose and whose names one sees: the battle is logged, and counts on no board."""

from __future__ import annotations

from collections.abc import Sequence

from agon.arena.core.arena import Arena
from agon.arena.core.battle import Battle
from agon.arena.core.battles.battle_limits import checked_prompt
from agon.arena.core.matchmaking import Draw
from agon.arena.core.refusal import Refusal
from agon.data.log.records import NAMED_POLICY
from agon.serving.protocol import ImagePart, Message

MOST_NAMED = 4  # models that one may choose by name


def start_named(
    arena: Arena,
    session: str,
    prompt: str,
    models: Sequence[str],
    images: tuple[ImagePart, ...] = (),
    network: str = "",
) -> Battle:
    """Let models answer that somebody chose, and whose names they see: their vote does not count."""
    arena.must_allow("named")
    prompt = checked_prompt(prompt, arena.settings.longest_prompt)
    voter = arena.keys.voter(session)
    arena.must_have_room(voter, network)
    arena.contestants.must_offer(prompt)
    if not 2 <= len(models) <= MOST_NAMED or len(set(models)) < len(models):
        raise Refusal(422, "bad_models", "Choose two to four different models.")
    messages = [Message("user", prompt, images)]
    chosen = tuple(arena.contestants.able(name, messages) for name in models)
    pairs = len(chosen) * (len(chosen) - 1) // 2
    draw = Draw(chosen, NAMED_POLICY, 1, 1.0, (1.0,) * pairs)
    example = arena.contestants.example_of(prompt, images)
    return arena.begin_counted(voter, network, draw, 0, example, images).battle
