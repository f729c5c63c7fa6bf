"""Who can be drawn: the models of an arena, how each is reached, and the prompts it offers as examples."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any

from agon.data.log.records import ModelStatus
from agon.ranking.errors import InputError
from agon.ranking.leaderboard.row import plain
from agon.ranking.text import Sentence
from agon.serving.health import Health
from agon.serving.protocol import Backend, Measuring, Message, Sampling, ServingError

MEASURE_SECONDS = 2.0
DEFAULT_SAMPLING = Sampling()
IN_TESTING = Sentence("a model in testing")  # what all of those are called, to everybody but the organiser


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What the page says of a model once it may be named.

    `price` and `input_price` are dollars per million tokens of output and of input, as of the day `priced`.
    """

    name: str
    display_name: str
    organisation: str | None = None
    licence: str | None = None
    price: float | None = None
    input_price: float | None = None
    priced: date | None = None

    @property
    def covered(self) -> ModelCard:
        """The card of the same model while it is in testing, which says nothing of it."""
        return ModelCard(self.name, IN_TESTING)


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model that can be drawn: its card, its backend, and how it is asked.

    `measured` says whether the speed of its answers is its own: a replay has one that we chose. `again`
    answers a prompt a second time beside `backend`, for A/A battles; None if it would say the same again.
    `status` is what the organiser says of it: a model in "testing" is drawn for votes that count on no board,
    and one that is "retired" is drawn no more.
    """

    card: ModelCard
    backend: Backend
    sampling: Sampling = DEFAULT_SAMPLING
    system_prompt: str | None = None
    measured: bool = True
    again: Backend | None = None
    status: ModelStatus = "listed"

    def twin(self, messages: Sequence[Message]) -> Contestant | None:
        """Who gives another answer to this conversation; None if there is none."""
        if self.again is None or not self.again.accepts(messages):
            return None
        return replace(self, backend=self.again)

    @property
    def images(self) -> bool:
        """Whether it takes images."""
        return bool(getattr(self.backend, "images", False))

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


@dataclass(frozen=True)
class PageWords:
    """What the organiser says on the pages; words by language, such as {"en": ..., "fr": ...}.

    Attributes:
        title: of the arena, beside its logo.
        intro: what is compared here, above the prompt.
        consent: what a visitor agrees to, before the first prompt.
        contact: an e-mail address or a web address.
        logo: the content of an image, and its media type.
        accent: the colour of links in the light and in the dark theme, as "#rrggbb".
    """

    title: Mapping[str, str] = field(default_factory=dict)
    intro: Mapping[str, str] = field(default_factory=dict)
    consent: Mapping[str, str] = field(default_factory=dict)
    contact: str | None = None
    logo: tuple[bytes, str] | None = None
    accent: tuple[str, str] | None = None


def words_in(given: Mapping[str, str], language: str) -> str | None:
    """What is said in a language: else in English, else in the first there is; None if nothing is."""
    return given.get(language) or given.get("en") or next(iter(given.values()), None)


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
    page: PageWords = PageWords()

    @property
    def listed(self) -> tuple[Contestant, ...]:
        """Those that are neither in testing nor retired."""
        return tuple(one for one in self.contestants if one.status == "listed")

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


def settings_digest(contestant: Contestant) -> str:
    """Eight hex digits of how a model is asked; another address of the same server changes nothing."""
    said = {
        "sampling": {name: value for name, value in asdict(contestant.sampling).items() if value is not None},
        "system_prompt": contestant.system_prompt,
        "request": contestant.backend.route().request,
    }
    text = json.dumps(said, sort_keys=True, ensure_ascii=False, default=str)
    return blake2b(text.encode(), digest_size=4).hexdigest()


class ChangedContestantError(InputError):
    """A model is asked in another way than for the answers that the log has of it."""


class ListedModelError(InputError):
    """A model is to be tested that votes count for already."""


class ContestantSettings:
    """How the models of one store were asked: whoever is asked otherwise is another contestant.

    Votes on answers of temperature 0 and of temperature 1 under one name would be votes on neither.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "contestants.json"
        self._known: dict[str, str] = {}
        if self._file.exists():
            self._known = {str(k): str(v) for k, v in json.loads(self._file.read_text("utf-8")).items()}

    def take(self, contestants: Iterable[Contestant], asked: Mapping[str, int]) -> None:
        """Keep how these are asked.

        Args:
            contestants: all that are to be drawn.
            asked: how many answers were asked of each model.

        Raises:
            ChangedContestantError: one has answers of other settings; nothing is kept.
        """
        now = {one.card.name: settings_digest(one) for one in contestants}
        for name, digest in now.items():
            if self._known.get(name, digest) != digest and asked.get(name):
                raise ChangedContestantError(
                    f"The log has {asked[name]:,} answers of {plain(name)!r} with other sampling, "
                    "system prompt or served model, so that it is another contestant now; give it a name of "
                    f"its own, such as {plain(name) + '-2'!r}."
                )
        self._known |= now
        beside = self._file.with_suffix(".json.new")
        beside.write_text(json.dumps(self._known, indent=1, ensure_ascii=False, sort_keys=True), "utf-8")
        beside.replace(self._file)
