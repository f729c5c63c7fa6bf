"""Answers that were written before: replayed word by word, at a steady pace, as if they were being written.

Here live the replay and how text is cut into words. What answers prompts that nobody recorded is another
backend, handed over as `otherwise`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from zlib import crc32

from agon.serving.protocol import Backend, Delta, End, Message, Route, Sampling, ServingError

RECORDED_AT_ONCE = 1000  # answers
TICK = 0.05  # seconds between two pieces at the least, so that many streams at once cost little
_DENSE = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uff00-\uffef"  # no spaces: two signs are a word
_WORD = re.compile(rf"\s*(?:[{_DENSE}]{{1,2}}|[^\s{_DENSE}]+)\s*|\s+")


class RecordedAnswers:
    """Replays the recorded answer to the first message of a conversation; leaves the rest to `otherwise`.

    `answers` maps prompts to answers; a prompt is known if it is equal but for the space around it. The
    recording does not depend on the sampling. `words_per_second` of 0 or infinity gives all at once; `delay`
    is the seconds before the first word. Unless `otherwise` takes it, another conversation is "rejected".
    """

    def __init__(
        self,
        answers: Mapping[str, str],
        *,
        words_per_second: float,
        delay: float = 0.0,
        otherwise: Backend | None = None,
    ) -> None:
        if not (words_per_second >= 0 and delay >= 0):
            raise ValueError(
                f"words_per_second ({words_per_second}) and delay ({delay}) must not be negative."
            )
        self._answers = {prompt.strip(): answer for prompt, answer in answers.items()}
        self._pace = words_per_second
        self._delay = delay
        self._otherwise = otherwise

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncIterator[Delta | End]:
        """Replay the recording, or hand on what `otherwise` writes."""
        answer = self._known(messages)
        if answer is not None:
            return replay(answer, words_per_second=self._pace, delay=self._delay)
        if self._otherwise is not None and self._otherwise.accepts(messages):
            return self._otherwise.stream(messages, sampling)
        raise ServingError("rejected", "no answer to this conversation was recorded")

    def accepts(self, messages: Sequence[Message]) -> bool:
        """Whether the conversation is one recorded prompt, or `otherwise` accepts it."""
        return self._known(messages) is not None or (
            self._otherwise is not None and self._otherwise.accepts(messages)
        )

    def route(self) -> Route:
        """Itself: a recording keeps nobody waiting."""
        return Route(self, RECORDED_AT_ONCE, {})

    async def check(self, messages: Sequence[Message], sampling: Sampling) -> None:
        """Recordings are always there; ask `otherwise`."""
        if self._otherwise is not None:
            await self._otherwise.check(messages, sampling)

    async def close(self) -> None:
        """Close `otherwise`."""
        if self._otherwise is not None:
            await self._otherwise.close()

    def _known(self, messages: Sequence[Message]) -> str | None:
        said = [message for message in messages if message.role != "system"]
        return self._answers.get(said[0].content.strip()) if len(said) == 1 and not said[0].images else None


async def replay(text: str, *, words_per_second: float, delay: float = 0.0) -> AsyncIterator[Delta | End]:
    """Stream a text at a pace, in pieces at least TICK seconds apart; its tokens are its words.

    Each word takes half to one and a half times its share, drawn from the word itself, so that the same text
    always comes the same way. A consumer that was late gets the words that are due at once.
    """
    clock = asyncio.get_running_loop().time
    start = clock()
    share = 1 / words_per_second if words_per_second else 0.0
    due = sent = delay
    held: list[str] = []
    words = _WORD.findall(text)
    for place, word in enumerate(words):
        due += share * (0.5 + crc32(f"{place} {word}".encode(errors="replace")) / 2**32)
        held.append(word)
        if due >= sent + TICK:
            await asyncio.sleep(max(0.0, start + due - clock()))
            yield Delta("".join(held))
            held, sent = [], due
    await asyncio.sleep(max(0.0, start + due - clock()))
    if held:
        yield Delta("".join(held))
    yield End("stop", completion_tokens=len(words))
