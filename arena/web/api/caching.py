"""What a client has seen is not computed again: each answer has a mark, and 304 says that it still holds."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import Response

from agon.arena.web.languages.texts import language
from agon.ranking.version import VERSION

_STARTED = secrets.token_hex(8)  # what is measured, and of which moment, is only known within a process


@dataclass(slots=True)
class Patience:
    """How long an answer waits for what it shows.

    Attributes:
        seconds: None for as long as it takes.
        fell_short: whether something was shown that is not of the votes of now, or not at all: such an
            answer is not to be kept.
    """

    seconds: float | None = None
    fell_short: bool = False


def mark_of(request: Request, *shown: object) -> str:
    """The mark (a weak entity tag) of what a request asks for, while what is shown stays the same.

    Args:
        request: whose address counts, and the language of its reader.
        shown: values that are others when the answer is another one.
    """
    asked = request.scope["path"], request.scope["query_string"], language()
    digest = hashlib.sha256(repr((VERSION, _STARTED, asked, shown)).encode()).hexdigest()
    return f'W/"{digest[:32]}"'  # weak: compressed or not, it is the same answer


async def unless_seen(
    request: Request, shown: object, answer: Callable[[Patience], Awaitable[Response]], *, own: bool = False
) -> Response:
    """An answer with its mark, or 304 without computing it for a client that sends the mark back.

    Args:
        request: the request.
        shown: a value that is another one when the answer is.
        answer: makes it, with so much patience.
        own: whether it is one visitor's own.
    """
    mark = mark_of(request, shown)
    kept = {
        "etag": mark,
        "cache-control": "private, no-cache" if own else "no-cache",  # kept, but asked about every time
        "vary": "accept-language, cookie",
    }
    seen = {one.strip() for one in request.headers.get("if-none-match", "").split(",")}
    if mark in seen or mark.removeprefix("W/") in seen:
        return Response(status_code=304, headers=kept)
    patience = Patience()
    made = await answer(patience)
    made.headers.update(
        {"cache-control": "no-store"} if patience.fell_short or made.status_code != 200 else kept
    )
    return made
