"""A log as it was at an event."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from agon.data.log.events import (
    EVENTS,
    HEAD,
    TEXTS,
)
from agon.data.log.hash_chain import ChainWriter, Head, read_chain, read_head, read_lines
from agon.data.log.records import LogError
from agon.data.log.recovery.opening import must_be_log


@contextmanager
def log_at(folder: Path, head: str) -> Iterator[Path]:
    """A log as it was at an event, made of its events alone, so that it is the same wherever they are.

    Texts are not in it. An arena may have the log open meanwhile.

    Args:
        folder: the log folder.
        head: the hash of the event, or the beginning of it.

    Raises:
        LogError: the events are damaged, or none or several have this hash.
    """
    must_be_log(folder)
    if not (folder / EVENTS).exists():
        raise LogError(f"{folder} has no events; name the folder that agon serve keeps.")
    wanted = head.strip().lower().encode()
    now, found = Head(), list[Head]()
    whole = read_chain(folder / EVENTS, read_head(folder / HEAD)[0])[0]
    for line in read_lines(folder / EVENTS, 0, whole.size):
        now = Head(now.events + 1, now.size + len(line), line[9:73].decode())
        if wanted and line[9 : 9 + len(wanted)] == wanted:
            found.append(now)
    if len(found) != 1:
        many = f"{len(found):,} events" if found else "no event"
        raise LogError(
            f"{folder} has {many} whose hash begins with {head!r}; give the head that agon verify printed, "
            "whole."
        )
    with TemporaryDirectory(prefix="agon-") as place:
        copy = Path(place)
        with (folder / EVENTS).open("rb") as events, (copy / EVENTS).open("wb") as file:
            while (left := found[0].size - file.tell()) and (part := events.read(min(left, 1 << 20))):
                file.write(part)
        ChainWriter(copy / EVENTS, copy / TEXTS, copy / HEAD, found[0]).close()
        yield copy
