"""Why models cannot answer a prompt: too few of them, or it is longer than they can read."""

from __future__ import annotations

from collections.abc import Sequence

from agon.arena.core.matchmaking import Matchmaker
from agon.arena.core.refusal import Refusal
from agon.arena.core.roster import Contestant, Roster
from agon.ranking.text import Sentence, in_turn
from agon.serving.protocol import IMAGE_TOKENS, ImagePart, Measuring, Message


def no_draw(
    roster: Roster,
    matchmaker: Matchmaker,
    size: int,
    candidates: Sequence[Contestant],
    images: tuple[ImagePart, ...],
) -> Refusal:
    """Why nobody can be drawn for a prompt.

    Args:
        roster: all models.
        matchmaker: that tried to draw.
        size: how many models a battle has.
        candidates: those that can answer.
        images: of the prompt.
    """
    anything = roster.candidates([Message("user", "?", images)])
    able = [one for one in anything if isinstance(one.backend, Measuring) or one in candidates]
    if len(matchmaker.drawable(able)) >= size:  # a shorter prompt would have found enough
        return Refusal(422, "long_prompt", too_long_sentence(roster, images, conversation=False))
    return Refusal(503, "no_models", _too_few_sentence(roster, matchmaker, size, candidates, images))


def _too_few_sentence(
    roster: Roster,
    matchmaker: Matchmaker,
    size: int,
    candidates: Sequence[Contestant],
    images: Sequence[ImagePart],
) -> str:
    """Why nobody can be drawn for a prompt."""
    left = len(matchmaker.drawable(candidates))
    out = [one.outage for one in roster.contestants if one not in candidates and one.outage]
    if out:
        who = Sentence("No two models can answer now: the others are out.")
        if size > 2:
            who = Sentence(
                "A battle needs {needed} models, and {able} can answer now: the others are out.",
                needed=size,
                able=left or Sentence("none"),
            )
        seconds = max(1, min(one.seconds_left for one in out))
        if seconds < 100:
            return in_turn(who, Sentence("The next one is looked for in {seconds} seconds.", seconds=seconds))
        minutes = round(seconds / 60)
        return in_turn(who, Sentence("The next one is looked for in {minutes} minutes.", minutes=minutes))
    who = Sentence("No two models can answer this prompt now.")
    if size > 2:
        who = Sentence(
            "A battle needs {needed} models, and {able} can answer this prompt now.",
            needed=size,
            able=left or Sentence("none"),
        )
    if images:
        return in_turn(who, Sentence("Remove the images, or come back in a minute."))
    return in_turn(who, Sentence("Try another prompt, or come back in a minute."))


def too_long_sentence(roster: Roster, images: Sequence[ImagePart], *, conversation: bool) -> Sentence:
    """That models cannot read so much, how much they can if they say so, and what would be less."""
    backends = [one.backend for one in roster.contestants]
    known = [one.context for one in backends if isinstance(one, Measuring) and one.context]
    most = max(known, default=0)
    if conversation and known:
        what = Sentence(
            "With this prompt the conversation is longer than these models can read ({most} tokens).",
            most=most,
        )
    elif conversation:
        what = Sentence("With this prompt the conversation is longer than these models can read.")
    elif known:
        what = Sentence("The prompt is longer than these models can read ({most} tokens).", most=most)
    else:
        what = Sentence("The prompt is longer than these models can read.")
    if conversation and images:
        less = Sentence(
            "Shorten it or send fewer images, which count as {tokens} tokens each, or vote on what is there.",
            tokens=IMAGE_TOKENS,
        )
    elif conversation:
        less = Sentence("Shorten it, or vote on what is there.")
    elif images:
        less = Sentence(
            "Shorten it or send fewer images, which count as {tokens} tokens each.", tokens=IMAGE_TOKENS
        )
    else:
        less = Sentence("Shorten it.")
    return in_turn(what, less)
