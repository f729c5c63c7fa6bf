"""One generation, measured: what was written, how fast, and how it ended."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from serving.protocol import Backend, Delta, End, FailureKind, Message, Sampling, ServingError


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, in seconds: for the first token, between two tokens, and for the whole answer."""

    first: float = 60.0
    between: float = 30.0
    total: float = 300.0


@dataclass(frozen=True, slots=True)
class Generation:
    """One model's answer to one conversation. Times are seconds; `failure` is None when it may be judged.

    `tokens` is the server's own count where it sends one, else the number of pieces it sent.
    `finish_reason` is the server's, "stopped" when the voter ended it, or None when it failed.
    """

    text: str
    tokens: int
    time_to_first_token: float | None
    seconds: float
    finish_reason: str | None
    failure: FailureKind | None = None
    detail: str | None = None

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens a second after the first token; None where there is nothing to divide."""
        if self.time_to_first_token is None or self.tokens < 2 or self.seconds <= self.time_to_first_token:
            return None
        return (self.tokens - 1) / (self.seconds - self.time_to_first_token)


async def generate(
    backend: Backend,
    messages: Sequence[Message],
    sampling: Sampling,
    *,
    limits: Limits,
    on_text: Callable[[str], None],
    stop: asyncio.Event,
) -> Generation:
    """Run one generation to its end, its failure, or `stop`; hand each piece to `on_text` as it comes.

    Never raises a ServingError: a failure is a result. Setting `stop`, like cancelling the task, closes the
    stream, so that generation ends at the server. Stopped before the first token is empty, not failed.
    """
    started = time.perf_counter()
    pieces: list[str] = []
    first: float | None = None
    reported: int | None = None
    finish: str | None = None
    failure: ServingError | None = None
    try:
        async with aclosing(_timed(backend.stream(messages, sampling), limits, stop)) as events:  # type: ignore[type-var]
            async for event in events:
                if isinstance(event, End):
                    finish, reported = event.finish_reason, event.completion_tokens
                    break
                if event.text:
                    first = time.perf_counter() - started if first is None else first
                    pieces.append(event.text)
                    on_text(event.text)
    except ServingError as error:
        failure = error
    seconds = time.perf_counter() - started
    text = "".join(pieces)
    if failure is None and finish is None:
        if stop.is_set():
            finish = "stopped"
        else:
            failure = ServingError("interrupted", "the stream ended without saying that it was done")
    if failure is None and finish != "stopped" and not text.strip():
        failure = ServingError("empty", "the answer has no visible character")
    return Generation(
        text=text,
        tokens=len(pieces) if reported is None else reported,
        time_to_first_token=first,
        seconds=seconds,
        finish_reason=None if failure else finish,
        failure=failure.kind if failure else None,
        detail=failure.detail if failure else None,
    )


async def _timed(
    events: AsyncIterator[Delta | End], limits: Limits, stop: asyncio.Event
) -> AsyncIterator[Delta | End]:
    """The same events until `stop`; ServingError("timeout") after too long a silence or an answer."""
    deadline = asyncio.get_running_loop().time() + limits.total
    patience, silence = limits.first, "no first token"
    stopped = asyncio.ensure_future(stop.wait())
    coming: asyncio.Future[Delta | End] | None = None
    try:
        while not stop.is_set():
            left = deadline - asyncio.get_running_loop().time()
            coming = asyncio.ensure_future(anext(events))
            await asyncio.wait(
                {coming, stopped}, timeout=min(patience, left), return_when=asyncio.FIRST_COMPLETED
            )
            if stop.is_set() and not coming.done():
                return
            if not coming.done():
                why = silence if patience <= left else "no end"
                raise ServingError("timeout", f"{why} within {min(patience, limits.total):g} s")
            try:
                event = coming.result()
            except StopAsyncIteration:
                return
            patience, silence = limits.between, "silence"
            yield event
    finally:
        stopped.cancel()
        if coming is not None and not coming.done():
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
        closing = getattr(events, "aclose", None)
        if closing is not None:
            await closing()
