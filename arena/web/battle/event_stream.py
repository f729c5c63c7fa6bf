"""The events of a battle as a page follows it: what changed, behind what was sent before."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse

from agon.arena.core.battle import Battle, State
from agon.arena.core.battles.open_battles import Running
from agon.arena.web.battle.view import side_html, side_view

UPDATE_EVERY = 0.125  # seconds: an answer is sent at most eight times a second
PING_EVERY = 15.0  # seconds of silence after which a comment is sent: proxies cut what is silent for a minute


def followed(request: Request, running: Running, view: Callable[[], dict[str, Any]]) -> StreamingResponse:
    """The response that a page follows a battle by, packed where the browser takes that."""
    headers, events = {"cache-control": "no-store", "x-accel-buffering": "no"}, battle_events(running, view)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)
    headers |= {"content-encoding": "gzip", "vary": "accept-encoding"}
    return StreamingResponse(_packed(events), media_type="text/event-stream", headers=headers)


async def _packed(events: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """Each event as bytes that a browser can unpack when it has them."""
    packer = zlib.compressobj(wbits=31)
    async for event in events:
        yield packer.compress(event.encode()) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


def common_prefix(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


@dataclass(slots=True)
class Seen:
    """What a watcher has seen of a battle: revisions of it and its sides, their HTML, whether it is over."""

    revision: int = -1
    sides: list[int] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    over: bool = False


def battle_news(
    battle: Battle, seen: Seen, view: Callable[[], dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """What changed in a battle since it was seen, and note it as seen.

    Of an answer that is the end of its HTML, behind the first `keep` characters, in UTF-16 as scripts count,
    of what was sent before: nothing travels again for every word that follows.
    """
    seen.sides += [-1] * (len(battle.sides) - len(seen.sides))
    seen.html += [""] * (len(battle.sides) - len(seen.html))
    changed = battle.revision != seen.revision
    for slot, side in enumerate(battle.sides):
        if changed or side.revision == seen.sides[slot]:
            continue
        seen.sides[slot] = side.revision
        before, seen.html[slot] = seen.html[slot], side_html(side)
        same = common_prefix(before, seen.html[slot])
        keep = len(before[:same].encode("utf-16-le", "surrogatepass")) // 2
        told = {key: value for key, value in side_view(battle, slot).items() if key != "text"}
        yield "side", {**told, "keep": keep, "html": seen.html[slot][same:]}
    if changed:
        seen.revision = battle.revision  # what the sides hold follows: a page may know this state already
        yield "view", view()
        seen.over = battle.state not in (State.STREAMING, State.KEEPING)


async def battle_events(running: Running, view: Callable[[], dict[str, Any]]) -> AsyncIterator[str]:
    """The battle as it is written: `side` events while it streams, a `view` at every other change.

    While models think in silence there are comments, which an EventSource does not show.
    """
    seen = Seen()
    last = monotonic()
    running.watchers += 1
    try:
        while True:
            for kind, data in battle_news(running.battle, seen, view):
                last = monotonic()
                yield f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
            if seen.over:
                return
            if monotonic() - last >= PING_EVERY:
                last = monotonic()
                yield ": ping\n\n"
            await asyncio.sleep(UPDATE_EVERY)
    finally:
        running.watchers -= 1
