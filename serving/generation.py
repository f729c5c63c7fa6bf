"""One generation, measured: what was written, how fast, and how it ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from agon.serving.places import Ticket, join
from agon.serving.protocol import (
    GOOD_ENDS,
    Backend,
    Delta,
    End,
    FailureKind,
    Message,
    Sampling,
    ServingError,
    TokenChances,
)
from agon.serving.self_identification import IdentityMasker, MaskedSpan

FIRST = asyncio.FIRST_COMPLETED
LINE_SECONDS = 0.25  # between two looks at the line
GRACE_SECONDS = 0.05  # beyond a limit, in which what lies in the socket is read
SHOW_SECONDS = 0.1  # in which pieces are gathered before they are masked and handed on: less work for each
CLOSING_SECONDS = 1.0  # how long a backend may take to close its stream before it is left to itself


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, in seconds: for the first token, between two tokens, and for the whole answer.

    A sign of life without text, such as a piece of hidden reasoning, starts the wait for the next one anew.
    An answer of more than `characters` is ended as one of its full length.
    """

    first: float = 60.0
    between: float = 30.0
    total: float = 300.0
    characters: int = 200_000


@dataclass(frozen=True, slots=True)
class Generation:
    """One model's answer to one conversation. Times are seconds; `failure` is None when it may be judged.

    `text` is the answer alone; what the model thought before it is `reasoning`, which is no part of lengths,
    features or later turns. `tokens` and `reasoning_tokens` are the server's own counts where it sends them,
    else the number of pieces it sent. `finish_reason` is the server's, of a failed answer too if it sent one;
    "stopped" when the voter ended it. The time to the first token is that to the first one of the answer.
    `waited` is the time in line before the request, which no other time contains.
    `masked` says which names stood in the text, if they were to be masked. An answer that was cut where the
    voter stopped it has the text that was seen, and the counts and times of what the server wrote.
    `prompt_tokens` is the server's count of the conversation, None where it sends none; `chances` are the
    log-probabilities of the tokens, where they were asked for and came.
    """

    text: str
    tokens: int
    time_to_first_token: float | None
    seconds: float
    finish_reason: str | None
    failure: FailureKind | None = None
    detail: str | None = None
    reasoning: str = ""
    reasoning_tokens: int = 0
    masked: tuple[MaskedSpan, ...] = ()
    waited: float = 0.0
    prompt_tokens: int | None = None
    chances: tuple[TokenChances, ...] = ()

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens a second after the first token; None where there is nothing to divide."""
        if self.time_to_first_token is None or self.tokens < 2 or self.seconds <= self.time_to_first_token:
            return None
        return (self.tokens - 1) / (self.seconds - self.time_to_first_token)

    def cut(self, characters: int) -> Generation:
        """The same, stopped after so many characters; as it is, if it has no more."""
        if characters >= len(self.text):
            return self
        masked = tuple(span for span in self.masked if span.start < characters)
        return replace(self, text=self.text[:characters], finish_reason="stopped", masked=masked)


async def generate(
    backend: Backend,
    messages: Sequence[Message],
    sampling: Sampling,
    *,
    limits: Limits,
    on_text: Callable[[str], None],
    on_restart: Callable[[], None] = lambda: None,
    stop: asyncio.Event,
    masked_names: Sequence[str] | None = None,
    ticket: Ticket | None = None,
    on_line: Callable[[int], None] = lambda _: None,
) -> Generation:
    """Run one generation to its end, its failure, or `stop`; hand its text to `on_text` ten times a second.

    With `masked_names`, the names of the arena's models, a model that says who it is does so under a mask.
    `ticket` is its place in line if it came with others, else it stands in line here; `on_line` is told its
    number there, 0 when it is its turn. `on_restart` is called when all the text so far turns out to have
    been thinking: the answer begins anew.
    Whatever the backend raises is a result: a failure; so is an end that is none of GOOD_ENDS. Only what
    `on_text` and `on_restart` raise is raised. Setting `stop`, like cancelling the task, closes the stream,
    so that generation ends at the server. Stopped before the first token is empty, not failed.
    """
    joined = time.perf_counter()
    with ticket or join([backend.route().places])[0] as place:
        await _stand_in_line(place, stop, on_line)
        if place.ahead:  # the voter did not wait for it
            return Generation("", 0, None, 0.0, "stopped", waited=time.perf_counter() - joined)
        asked = [message.content for message in messages if message.role == "user"]
        answer = _Answer(on_text, on_restart, limits.characters, masked_names, asked)
        reading = asyncio.create_task(_read(backend, messages, sampling, answer))
        failure: ServingError | None = None
        try:
            await _watch(reading, stop, answer, limits)
        except ServingError as error:
            failure = error
        finally:
            seconds = time.perf_counter() - answer.started
            answer.close()
            reading.cancel()
            await asyncio.wait({reading}, timeout=CLOSING_SECONDS)
    answer.show_rest()
    end = answer.end
    finish = end.finish_reason if end else None
    if failure is None and finish is None and stop.is_set():
        finish = "stopped"
    elif failure is None:
        failure = answer.fault()
    tokens, thought = (end.completion_tokens, end.reasoning_tokens) if end else (None, None)
    return Generation(
        text="".join(answer.pieces),
        tokens=answer.count if tokens is None else tokens,
        time_to_first_token=answer.first,
        seconds=seconds,
        finish_reason=finish,
        failure=failure.kind if failure else None,
        detail=failure.detail if failure else None,
        reasoning="".join(answer.reasoning),
        reasoning_tokens=len(answer.reasoning) if thought is None else thought,
        waited=answer.started - joined,
        masked=tuple(answer.masker.spans) if answer.masker else (),
        prompt_tokens=end.prompt_tokens if end else None,
        chances=tuple(answer.chances),
    )


async def _stand_in_line(ticket: Ticket, stop: asyncio.Event, on_line: Callable[[int], None]) -> None:
    """Wait for a place, or until the voter stops; say how far it is."""
    told = 0
    while (ahead := ticket.ahead) and not stop.is_set():
        if ahead != told:
            told = ahead
            on_line(ahead)
        await ticket.wait(LINE_SECONDS)
    if told:
        on_line(0)


class _Answer:
    """What has been written so far, and when anything was last heard."""

    def __init__(
        self,
        on_text: Callable[[str], None],
        on_restart: Callable[[], None],
        most: int,
        masked_names: Sequence[str] | None,
        asked: Sequence[str],
    ) -> None:
        self.started = self.heard = time.perf_counter()
        self.first: float | None = None
        self.pieces: list[str] = []  # of the answer as they were shown
        self._sent: list[str] = []  # of the answer as they came
        self.reasoning: list[str] = []
        self.chances: list[TokenChances] = []
        self.end: End | None = None
        self._loop = asyncio.get_running_loop()
        self.begun: asyncio.Future[None] = self._loop.create_future()
        self.broken: asyncio.Future[None] = self._loop.create_future()  # has what `on_text` raised
        self._gathered: list[str] = []  # that were not handed on yet
        self._timer: asyncio.TimerHandle | None = None
        self._on_text, self._on_restart = on_text, on_restart
        self._left = self._left_to_think = most
        self._names, self._asked = masked_names, asked
        self.masker = self._new_masker()

    def take(self, delta: Delta) -> None:
        """Add a piece, which may be empty; the last one is cut where the answer is full."""
        self.heard = time.perf_counter()
        if delta.waits:
            self.started = self.heard
        if delta.thought_first and self._sent:
            self.reasoning += self._sent
            self.pieces.clear()
            self._sent.clear()
            self._gathered.clear()
            self.first = None
            self.masker = self._new_masker()
            self._on_restart()
        if thought := delta.reasoning[: self._left_to_think]:
            self._left_to_think -= len(thought)
            self.reasoning.append(thought)
        self.chances += delta.chances
        piece = delta.text[: self._left]
        if not piece:
            return
        if self.first is None:
            self.first = self.heard - self.started
            if not self.begun.done():
                self.begun.set_result(None)
        self._left -= len(piece)
        self._sent.append(piece)
        if not self._left:
            self.end = End("length")
        self._gathered.append(piece)
        if self._timer is None:
            self._timer = self._loop.call_later(SHOW_SECONDS, self._hand_on)

    def close(self) -> None:
        """Hand nothing on by itself any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _hand_on(self) -> None:
        self._timer = None
        try:
            self._show_gathered()
        except Exception as error:
            self.broken.set_exception(error)

    def _show_gathered(self) -> None:
        piece = "".join(self._gathered)
        self._gathered.clear()
        self._show(piece if self.masker is None else self.masker.feed(piece))

    def _new_masker(self) -> IdentityMasker | None:
        return None if self._names is None else IdentityMasker(self._names, self._asked)

    @property
    def count(self) -> int:
        """How many pieces of the answer the server sent."""
        return len(self._sent)

    def show_rest(self) -> None:
        """What was not handed on yet, or held back because it might have become a name to mask."""
        self._show_gathered()
        self._show("" if self.masker is None else self.masker.finish())

    def _show(self, piece: str) -> None:
        if piece:
            self.pieces.append(piece)
            self._on_text(piece)

    def fault(self) -> ServingError | None:
        """Why an answer whose stream has ended may not be judged; None if it may."""
        if self.end is None:
            return ServingError("interrupted", "the stream ended without saying that it was done")
        finish = self.end.finish_reason
        if finish.casefold() not in GOOD_ENDS:
            kind: FailureKind = "filtered" if "filter" in finish.casefold() else "interrupted"
            return ServingError(kind, f"the server ended the answer with the reason {finish[:80]!r}")
        if any(piece.strip() for piece in self.pieces):
            return None
        if not self.reasoning:
            return ServingError("empty", "the answer has no visible character")
        used = self.end.reasoning_tokens or len(self.reasoning)
        remedy = "; raise max_tokens" if finish == "length" else ""
        return ServingError(
            "empty", f"reasoning used all {used:,} tokens (finish reason {finish[:80]!r}){remedy}"
        )


async def _read(backend: Backend, messages: Sequence[Message], sampling: Sampling, answer: _Answer) -> None:
    """Read the stream until it ends or the answer is full, and close it."""
    async with aclosing(_typed(backend, messages, sampling)) as events:
        async for event in events:
            if isinstance(event, End):
                answer.end = event
            else:
                answer.take(event)
            if answer.end:
                return


async def _typed(
    backend: Backend, messages: Sequence[Message], sampling: Sampling
) -> AsyncGenerator[Delta | End, None]:
    """The backend's stream; whatever it raises becomes a ServingError, so that a fault there ends one answer.

    The message of an error that nobody foresaw may hold anything, so only its kind is told.
    """
    try:
        async with aclosing(backend.stream(messages, sampling)) as events:  # type: ignore[type-var]
            async for event in events:
                yield event
    except ServingError:
        raise
    except Exception as error:
        raise ServingError("interrupted", f"{type(error).__name__} in the backend") from error


async def _watch(reading: asyncio.Task[None], stop: asyncio.Event, answer: _Answer, limits: Limits) -> None:
    """Wait until the stream has been read or the voter stops it.

    Raises:
        ServingError: the stream failed, or was silent or went on for too long.
    """
    stopped = asyncio.create_task(stop.wait())
    heard = -1.0
    try:
        while not (reading.done() or stop.is_set() or answer.broken.done()):
            try:
                left = _time_left(answer, limits)
            except ServingError:
                over = time.perf_counter() - answer.started - limits.total
                if heard == answer.heard or over > GRACE_SECONDS:
                    raise
                # This process may have been held up: what has arrived meanwhile is read first.
                heard = answer.heard
                await asyncio.wait({reading, stopped}, timeout=GRACE_SECONDS, return_when=FIRST)
                continue
            awaited: set[asyncio.Future[Any]] = {reading, stopped, answer.broken}
            if answer.first is None:  # the first token ends the longer wait for it
                awaited.add(answer.begun)
            await asyncio.wait(awaited, timeout=left, return_when=FIRST)
    finally:
        stopped.cancel()
    if answer.broken.done():
        answer.broken.result()
    if reading.cancelled():
        raise ServingError("interrupted", "the backend cancelled its own stream")
    if reading.done():
        reading.result()


def _time_left(answer: _Answer, limits: Limits) -> float:
    """Seconds until the next limit.

    Raises:
        ServingError: one is reached.
    """
    now = time.perf_counter()
    patience = limits.first if answer.first is None else limits.between
    silence, whole = answer.heard + patience - now, answer.started + limits.total - now
    if min(silence, whole) > 0:
        return min(silence, whole)
    if whole <= silence:
        raise ServingError("timeout", f"no end within {limits.total:g} s")
    what = "no first token" if answer.first is None else "silence in the middle"
    raise ServingError("timeout", f"{what} for {patience:g} s")
