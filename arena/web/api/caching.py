"""An answer is made once for all who read it while what it shows is the same, and has a mark.

A client that sends the mark back is told by 304 that its answer still holds.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

from fastapi import Request
from fastapi.responses import Response

from agon.arena.web.languages.organiser import organiser_words
from agon.arena.web.languages.texts import language
from agon.ranking.version import VERSION

MOST_BYTES_KEPT = 64_000_000  # of answers that are shared
PACKED_FROM, PACKING = 1000, 6  # bytes from which an answer is compressed, and how well
SHARED_SHORT = 0.5  # seconds for which what fell short is shared: the rest of it may come at any moment

_STARTED = secrets.token_hex(8)  # what is measured, and of which moment, is only known within a process


@dataclass(slots=True)
class Patience:
    """How long an answer waits for what it shows.

    Attributes:
        seconds: None for as long as it takes.
        fell_short: whether something was shown that is not of the votes of now, or not at all: such an
            answer is not to be kept.
        data: whether it is data, which never says "wait": what was not made before is waited for.
        age: seconds for which the oldest of what was shown has been there, where it fell short.
    """

    seconds: float | None = None
    fell_short: bool = False
    data: bool = False
    age: float = 0.0

    def fall_short(self, age: float) -> None:
        """Something is shown that has been there for so many seconds, and is not of now."""
        self.fell_short, self.age = True, max(self.age, age)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What everybody is answered who asks for the same.

    Attributes:
        status: of HTTP.
        headers: without those of the mark and of the length.
        body: as it is.
        packed: the body compressed; None where that is not worth it.
        lasting: whether it is of what its mark says.
        before: headers of data of before: a mark of its own, and its age; None of all else.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    packed: bytes | None
    lasting: bool
    before: dict[str, str] | None = None


class SharedAnswers:
    """The answer to each question, made once while what it shows is the same, by whoever asks first."""

    def __init__(self) -> None:
        # By question: of which mark, what is made or will be, and when that is over.
        self._made: OrderedDict[object, tuple[str, asyncio.Task[_Answer], float]] = OrderedDict()

    async def get(self, asked: object, mark: str, make: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """The answer to a question with this mark; an error of making it goes to all who wait."""
        known = self._made.get(asked)
        if known is None or known[0] != mark or monotonic() > known[2]:
            task = asyncio.ensure_future(make())
            known = self._made[asked] = mark, task, float("inf")
            task.add_done_callback(lambda done: self._keep(asked, mark, done))
        self._made.move_to_end(asked)
        return await asyncio.shield(known[1])

    def _keep(self, asked: object, mark: str, task: asyncio.Task[_Answer]) -> None:
        if asked not in self._made or self._made[asked][1] is not task:
            return
        if task.cancelled() or task.exception() is not None:
            del self._made[asked]
            return
        if not task.result().lasting:
            self._made[asked] = mark, task, monotonic() + SHARED_SHORT
        sizes = [len(one.result().body) if one.done() else 0 for _, one, _ in self._made.values()]
        while sum(sizes) > MOST_BYTES_KEPT:
            self._made.popitem(last=False)
            sizes.pop(0)


def _asked(request: Request) -> tuple[object, ...]:
    """What an answer depends on beside what it shows: the address, the language, and whose page it is."""
    words, scope = organiser_words(), request.scope
    organised = str(words.title), words.contact, words.accent, words.logo is None
    return scope["path"], scope["query_string"], language(), organised, bool(scope.get("agon_door"))


def _mark_of(*shown: object) -> str:
    """The mark (a weak entity tag) of an answer: another one when one of these values is."""
    digest = hashlib.sha256(repr((VERSION, _STARTED, shown)).encode()).hexdigest()
    return f'W/"{digest[:32]}"'  # weak: compressed or not, it is the same answer


async def unless_seen(
    request: Request,
    shown: object,
    answer: Callable[[Patience], Awaitable[Response]],
    *,
    patience: Patience | None = None,
    own: object = None,
    finish: Callable[[bytes], bytes] | None = None,
) -> Response:
    """An answer with its mark, or 304 without making it for a client that sends the mark back.

    Args:
        request: the request.
        shown: a value that is another one when the answer is; nothing of a visitor's own.
        answer: makes it, with so much patience, for all who ask for the same.
        patience: that; as long as it takes, if left out.
        own: what is the reader's own in it; None where nothing is, and falsy where that shows nothing.
        finish: puts that in.
    """
    asked = _asked(request)
    common = _mark_of(asked, shown)
    mark = _mark_of(common, own) if own else common
    kept = {
        "etag": mark,
        "cache-control": "no-cache" if own is None else "private, no-cache",  # asked about every time
        "vary": "accept-language, cookie",
    }
    seen = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if mark.removeprefix("W/") in seen:
        return Response(status_code=304, headers=kept)
    patience = patience or Patience()

    async def make() -> _Answer:
        made = await answer(patience)
        body, headers = bytes(made.body), dict(made.headers)
        headers.pop("content-length", None)
        kind = headers.get("content-type", "")
        packed = None
        if len(body) >= PACKED_FROM and not kind.startswith("image/png"):
            packed = await asyncio.to_thread(gzip.compress, body, PACKING, mtime=0)
        lasting = not patience.fell_short and made.status_code == 200
        before = None
        if patience.data and patience.fell_short and made.status_code == 200:
            before = {"etag": _mark_of(body), "age": str(int(patience.age))}
        return _Answer(made.status_code, headers, body, packed, lasting, before)

    made = await _shared_of(request).get((asked, patience.seconds), common, make)
    if made.before is not None:
        kept |= made.before
        if kept["etag"].removeprefix("W/") in seen:
            return Response(status_code=304, headers=kept)
    headers = made.headers | (kept if made.lasting or made.before else {"cache-control": "no-store"})
    body = made.body
    if own and finish is not None:
        body = finish(body)
    elif made.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body = made.packed
        vary = ", ".join(filter(None, ("accept-encoding", headers.get("vary"))))
        headers |= {"content-encoding": "gzip", "vary": vary}
    return Response(body, made.status, headers)


def _shared_of(request: Request) -> SharedAnswers:
    """The answers that an application shares."""
    state = request.app.state
    if not hasattr(state, "shared_answers"):
        state.shared_answers = SharedAnswers()
    shared: SharedAnswers = state.shared_answers
    return shared
