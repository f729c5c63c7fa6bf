"""A backend without a model: it cites what was typed and says that it is a demonstration.

Here lives what `agon serve` answers to prompts that nobody recorded, so that a battle can be tried without a
model. It knows nothing and pretends nothing; the manners differ in form, as models do, so that two can be
told apart and voted on. One may be made slow or made to fail, so that every state of a battle can be seen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from hashlib import blake2b

from agon.serving.protocol import Delta, End, Message, Route, Sampling, ServingError
from agon.serving.recorded import RECORDED_AT_ONCE, replay

LONGEST_QUOTE = 240  # characters of the prompt that an answer repeats
# {quote}, {words}, {characters} and {turn}: the last prompt, its lengths, and the number of the turn.
MANNERS = {
    "terse": "You wrote “{quote}”. I am a demonstration without a language model: I cannot answer.",
    "thorough": (
        "You wrote, in turn {turn} of this battle:\n\n> {quote}\n\n"
        "1. That is {words} words, or {characters} characters.\n"
        "2. A model would answer it here. This is a demonstration without a language model, and it has"
        " no knowledge to answer with.\n"
        "3. The example prompts have answers that were written beforehand; those are worth comparing.\n"
        "4. To compare real models, name their servers in a configuration file and open the arena with"
        " it.\n\n"
        "What you can judge here is the form of an answer: its length, its order and its tone."
    ),
    "laid_out": (
        "# Your prompt\n\n> {quote}\n\n## In figures\n\n| **What** | **How many** |\n| :-- | --: |\n"
        "| **Words** | {words} |\n| **Characters** | {characters} |\n| **Turn** | {turn} |\n\n"
        "## Answer\n\n- **None:** this is a demonstration without a language model.\n"
        "- **Instead:** choose one of the example prompts."
    ),
    "sure": (
        "Certainly: you wrote “{quote}”, and that is exactly {words} words. That is all that can be said"
        " with certainty here, because this is a demonstration and no language model is behind it."
    ),
    "warm": (
        "Thank you for writing “{quote}”! I would love to help, but I am only a demonstration without a"
        " language model. Do try one of the example prompts: those answers were written with care!"
    ),
    "careful": (
        "If I read it correctly, you wrote:\n\n> {quote}\n\nI would rather say nothing about it than"
        " something wrong: this is a demonstration, there is no language model here, and whatever I added"
        " would be made up. The example prompts do have answers."
    ),
}


class Echo:
    """Answers any conversation whose last message is a prompt, in one manner of MANNERS.

    `failure_rate` is the share of conversations that fail: half of them before the first word ("overloaded"),
    half in the middle ("interrupted"); which, `seed` and the conversation decide. `delay` is the seconds
    before the first word. Sampling is ignored.

    Raises:
        ValueError: an unknown manner, or a rate outside 0 to 1.
    """

    def __init__(
        self,
        manner: str,
        *,
        seed: int = 0,
        words_per_second: float,
        delay: float = 0.0,
        failure_rate: float = 0.0,
    ) -> None:
        if manner not in MANNERS:
            raise ValueError(f"There is no manner {manner!r}; choose one of {', '.join(MANNERS)}.")
        if not 0 <= failure_rate <= 1:
            raise ValueError(f"failure_rate ({failure_rate}) must be from 0 to 1.")
        self._manner = manner
        self._seed = seed
        self._pace = words_per_second
        self._delay = delay
        self._failure_rate = failure_rate

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncIterator[Delta | End]:  # noqa: ARG002
        """Write the answer word by word, or fail where this conversation is drawn to."""
        if not self.accepts(messages):
            raise ServingError("rejected", "the last message is no prompt")
        said = "\0".join([str(self._seed), self._manner, *(f"{m.role}: {m.content}" for m in messages)])
        digest = blake2b(said.encode("utf-8", "replace"), digest_size=6).digest()
        chance = int.from_bytes(digest) / 2**48
        if chance < self._failure_rate / 2:
            raise ServingError("overloaded", "this assistant is made to be overloaded now and then")
        text = self.answer(messages)
        broken = chance < self._failure_rate
        text = text[: len(text) // 2] if broken else text
        async with aclosing(
            replay(text, words_per_second=self._pace, delay=self._delay)  # type: ignore[type-var]
        ) as events:
            async for event in events:
                if broken and isinstance(event, End):
                    raise ServingError("interrupted", "this assistant is made to break off now and then")
                yield event

    def answer(self, messages: Sequence[Message]) -> str:
        """The whole answer to a conversation."""
        prompt = messages[-1].content
        quote = " ".join(prompt.split())
        return MANNERS[self._manner].format(
            quote=quote if len(quote) <= LONGEST_QUOTE else quote[: LONGEST_QUOTE - 1] + "…",
            words=len(prompt.split()),
            characters=len(prompt.strip()),
            turn=sum(message.role == "user" for message in messages),
        )

    def accepts(self, messages: Sequence[Message]) -> bool:
        """Whether the last message is a prompt with something in it."""
        if not messages or any(message.images for message in messages):
            return False
        return messages[-1].role == "user" and bool(messages[-1].content.strip())

    def route(self) -> Route:
        """Itself."""
        return Route(self, RECORDED_AT_ONCE, {"manner": self._manner})

    async def check(self, messages: Sequence[Message], sampling: Sampling) -> None:
        """Nothing can be missing."""

    async def close(self) -> None:
        """Nothing is open."""
