"""A backend without a model: small generators that react to a typed prompt in one of six manners.

Here live the manners, and how a generator is late or fails; what there is to say is in serving/outlines.py.
The same seed and the same conversation give the same answer, at the same pace, with the same failure.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from hashlib import blake2b
from itertools import count
from typing import Protocol, TypeVar

from agon.serving.demo.outline import Outline, outline
from agon.serving.protocol import Delta, End, Message, Sampling, ServingError
from agon.serving.recorded import replay

T = TypeVar("T")


class Draw(Protocol):
    """Picks one of several; the same one for the same seed and conversation."""

    def __call__(self, of: Sequence[T]) -> T:
        """Pick."""
        ...


class Improviser:
    """Answers any conversation whose last message is a prompt, in one manner of MANNERS.

    `failure_rate` is the share of conversations that fail: half of them before the first word ("overloaded"),
    half in the middle ("interrupted"). `delay` is the seconds before the first word. Sampling is ignored.
    """

    def __init__(
        self,
        manner: str,
        *,
        seed: int,
        words_per_second: float,
        delay: float = 0.0,
        failure_rate: float = 0.0,
    ) -> None:
        if not 0 <= failure_rate <= 1:
            raise ValueError(f"failure_rate ({failure_rate}) must be from 0 to 1.")
        self._write = MANNERS[manner]
        self._manner = manner
        self._seed = seed
        self._pace = words_per_second
        self._delay = delay
        self._failure_rate = failure_rate

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncIterator[Delta | End]:  # noqa: ARG002
        """Write the answer word by word, or fail where this conversation is drawn to."""
        if not self.accepts(messages):
            raise ServingError("rejected", "the last message is no prompt")
        text = self.answer(messages)
        chance = self._chance(messages, "failure")
        broken = chance < self._failure_rate
        if broken and chance < self._failure_rate / 2:
            text = ""
        elif broken:
            text = text[: len(text) // 2]
        async with aclosing(
            replay(text, words_per_second=self._pace, delay=self._delay)  # type: ignore[type-var]
        ) as events:
            async for event in events:
                if broken and isinstance(event, End):
                    break
                yield event
        if broken and not text:
            raise ServingError("overloaded", "this assistant is made to be overloaded now and then")
        if broken:
            raise ServingError("interrupted", "this assistant is made to break off now and then")

    def answer(self, messages: Sequence[Message]) -> str:
        """The whole answer to a conversation."""
        said = [message.content for message in messages if message.role == "user"]
        replied = [message.content for message in messages if message.role == "assistant"]
        draws = count()

        def draw(of: Sequence[T]) -> T:
            return of[int(self._chance(messages, str(next(draws))) * len(of))]

        return self._write(outline(said, "".join(replied[-1:])), draw)

    def accepts(self, messages: Sequence[Message]) -> bool:
        """Whether the last message is a prompt with something in it."""
        return bool(messages) and messages[-1].role == "user" and bool(messages[-1].content.strip())

    async def check(self) -> None:
        """Nothing can be missing."""

    async def close(self) -> None:
        """Nothing is open."""

    def _chance(self, messages: Sequence[Message], purpose: str) -> float:
        """A number in [0, 1) that seed, manner, conversation and purpose decide."""
        said = [f"{message.role}: {message.content}" for message in messages]
        text = "\0".join([str(self._seed), self._manner, purpose, *said])
        return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=6).digest()) / 2**48


def _terse(o: Outline, draw: Draw) -> str:
    more = [_sentence(o, point) for point in _turned(o, draw)[:2]] if o.wish == "long" else []
    return _joined(_lead(o, draw), " ".join(more), o.code, _table(o) if o.wish == "table" else "")


def _thorough(o: Outline, draw: Draw) -> str:
    if o.wish == "short":
        return _joined(_lead(o, draw), o.code)
    points = _turned(o, draw)[: None if o.whole or o.wish == "long" else 4]
    listed = "\n".join(f"{i}. {_sentence(o, point)}" for i, point in enumerate(points, 1))
    computed = o.wrong is not None
    reasons = "\n".join(f"- {step}" for step in o.because) if computed else " ".join(o.because)
    heading = f"{o.phrases['steps']}:" if computed and o.because else ""
    second = o.leads[1] if o.points and len(o.leads) > 1 else ""
    first = f"{o.preface} {o.leads[0]}".strip() if second else _lead(o, draw)
    return _joined(first, second, heading, reasons, o.code, _table(o) if o.wish == "table" else listed)


def _laid_out(o: Outline, draw: Draw) -> str:
    head = f"# 📌 {o.title}\n\n## ✅ {o.phrases['answer']}\n\n{_bold(_lead(o, draw))}"
    if o.wish == "short":
        return head
    steps = f"## 🧮 {o.phrases['steps']}\n\n" + "\n".join(f"- **{step}**" for step in o.because)
    following = f"## 🏁 {o.phrases['next']}\n\n- **{o.ask}**" if o.ask else ""
    return _joined(head, o.code, steps if o.because else "", _table(o), following)


def _sure(o: Outline, draw: Draw) -> str:
    if not (o.points or o.wrong):
        return _lead(o, draw)
    if o.wrong is not None:
        return _joined(draw([o.wrong, o.leads[0], o.leads[0]]), draw(o.phrases["sure"]))
    first = [_sentence(o, point) for point in _turned(o, draw)[: 3 if o.wish == "long" else 1]]
    if o.wish == "short":
        first = []
    shown = _table(o) if o.wish == "table" else " ".join(first)
    return _joined(_lead(o, draw), o.code, shown, draw(o.phrases["sure"]))


def _warm(o: Outline, draw: Draw) -> str:
    if not (o.points or o.wrong):
        return _joined(_lead(o, draw), o.phrases["close"][1])
    opening = f"{draw(o.phrases['open'])} {_lead(o, draw)}"
    points = (
        [] if o.wish == "short" else _turned(o, draw)[: None if o.whole else 4 if o.wish == "long" else 2]
    )
    listed = _table(o) if o.wish == "table" else "\n".join(f"- {_sentence(o, point)}" for point in points)
    told = o.because and o.wish != "short" and o.because != (o.leads[0].replace("**", ""),)
    reason = draw(o.because).rstrip(".。") + _stop(o) if told else ""
    return _joined(opening, o.code, listed, f"{reason} {draw(o.phrases['close'])}")


def _careful(o: Outline, draw: Draw) -> str:
    points = (
        [] if o.wish == "short" else _turned(o, draw)[: None if o.whole else 5 if o.wish == "long" else 2]
    )
    listed = _table(o) if o.wish == "table" else "\n".join(f"- {_sentence(o, point)}" for point in points)
    doubt = draw(o.phrases["careful"]) if o.points or o.wrong else ""
    return _joined(_lead(o, draw), doubt, o.code, listed, o.ask or "")


MANNERS: dict[str, Callable[[Outline, Draw], str]] = {
    "terse": _terse,
    "thorough": _thorough,
    "laid_out": _laid_out,
    "sure": _sure,
    "warm": _warm,
    "careful": _careful,
}


def _joined(*parts: str) -> str:
    """Paragraphs of those that say something."""
    return "\n\n".join(part.strip() for part in parts if part.strip())


def _lead(o: Outline, draw: Draw) -> str:
    """One of the leads, linked to the turn before."""
    return f"{o.preface} {draw(o.leads)}".strip()


def _turned(o: Outline, draw: Draw) -> list[tuple[str, str]]:
    """The points, beginning at a drawn one unless they are to be kept in order."""
    if not o.points or o.whole:
        return list(o.points)
    start = draw(range(len(o.points)))
    return [*o.points[start:], *o.points[:start]]


def _sentence(o: Outline, point: tuple[str, str]) -> str:
    """A point as a sentence of its own."""
    colon = "：" if _stop(o) == "。" else ": "
    return f"{point[0]}{colon}{point[1]}{_stop(o)}"


def _stop(o: Outline) -> str:
    """The full stop of the language."""
    return "。" if "。" in o.phrases["careful"][0] else "."


def _bold(text: str) -> str:
    """A paragraph in bold, line by line."""
    lines = text.replace("**", "").splitlines()
    return "\n".join(
        f"**{line.strip()}**" + line[len(line.rstrip()) :] if line.strip() else "" for line in lines
    )


def _table(o: Outline) -> str:
    """The points as a table with bold names."""
    if not o.points:
        return ""
    rows = "\n".join(f"| **{name}** | {text} |" for name, text in o.points)
    return f"| {' | '.join(o.phrases['columns'])} |\n| :-- | :-- |\n{rows}"
