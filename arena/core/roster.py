"""Who can be drawn: the models of an arena, how each is reached, and the prompts it offers as examples."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from agon.serving.health import Health
from agon.serving.protocol import Backend, Measuring, Message, Sampling, ServingError

MEASURE_SECONDS = 2.0
DEFAULT_SAMPLING = Sampling()


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What the page says of a model once it may be named. `price` is dollars per million tokens of output."""

    name: str
    display_name: str
    organisation: str | None = None
    licence: str | None = None
    price: float | None = None


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model that can be drawn: its card, its backend, and how it is asked.

    `measured` says whether the speed of its answers is its own: a replay has one that we chose.
    """

    card: ModelCard
    backend: Backend
    sampling: Sampling = DEFAULT_SAMPLING
    system_prompt: str | None = None
    measured: bool = True

    @property
    def outage(self) -> Health | None:
        """The state of its server, if that is out."""
        health = getattr(self.backend.route().place, "health", None)
        return health if isinstance(health, Health) and health.failure is not None else None


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt offered on the page. Category and language are the data's own, or None."""

    prompt: str
    prompt_id: str | None = None
    category: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Roster:
    """The models of one arena, and its examples. `typed` says whether prompts may be typed freely."""

    contestants: tuple[Contestant, ...]
    examples: tuple[Example, ...] = ()
    typed: bool = True
    title: str = "Agon"
    notice: str | None = (
        None  # one sentence on what is compared here, e.g. that the assistants are a demonstration
    )

    def candidates(self, messages: Sequence[Message]) -> tuple[Contestant, ...]:
        """Those that can answer this conversation."""
        return tuple(contestant for contestant in self.contestants if contestant.backend.accepts(messages))

    async def measure(self, messages: Sequence[Message]) -> None:
        """Let models learn whether a conversation is too long for them; `candidates` then leaves it out."""
        await measure_within(
            one.backend.measure([*_system(one), *messages])
            for one in self.contestants
            if isinstance(one.backend, Measuring)
        )

    @property
    def output_limit(self) -> int | None:
        """The tokens that an answer of any of them may have; None where that differs, or has no end."""
        drawn = [one.sampling for one in self.contestants]
        limits = {how.max_tokens or how.max_completion_tokens for how in drawn}
        return limits.pop() if len(limits) == 1 else None

    def identities(self) -> tuple[str, ...]:
        """The names by which a model of this arena might say who it is: its own, and its maker's."""
        cards = [contestant.card for contestant in self.contestants]
        given = {name for card in cards for name in (card.name, card.display_name, card.organisation) if name}
        return tuple(sorted({name.partition(" (")[0].strip() for name in given}))

    async def unavailable(self) -> dict[str, ServingError]:
        """Those that could not begin an answer now, by name, and why; all are asked at once.

        Each is asked as in a battle, with its own sampling and system prompt: a list of models would not
        tell that a parameter or a role is refused.
        """
        found = await asyncio.gather(*map(_failure, self.contestants))
        asked = zip(self.contestants, found, strict=True)
        return {contestant.card.name: error for contestant, error in asked if error is not None}


async def measure_within(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Measure at once, and not for long: what is too long without being known to be, a server refuses."""
    with suppress(TimeoutError):
        async with asyncio.timeout(MEASURE_SECONDS):
            await asyncio.gather(*work)


def _system(contestant: Contestant) -> list[Message]:
    return [Message("system", contestant.system_prompt)] if contestant.system_prompt else []


async def _failure(contestant: Contestant) -> ServingError | None:
    """Why a contestant could not answer now; None if it could."""
    said = [*_system(contestant), Message("user", "Hello")]
    try:
        await contestant.backend.check(said, contestant.sampling)
    except ServingError as error:
        return error
    return None
