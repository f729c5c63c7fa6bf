"""The record of truth: a file of events that is only ever added to, and a head beside it.

A line is `{"hash":"H","seq":N,...}`: H is SHA-256 of the hash before (64 zeros for the first) as bytes,
followed by the line without its hash. So a line that is changed, moved, gone or there twice breaks every hash
after it.
The head says how many events were acknowledged, where they end, and with which hash: an end that was cut off
breaks nothing, and only the head tells. It is kept in two places of its file in turns, so that a write that
was torn leaves the one before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from agon.data.log.records import LogError

BEFORE_FIRST = "0" * 64  # what the first event follows
_OPEN, _CLOSE = b'{"hash":"', b'",'
BODY = len(_OPEN) + len(BEFORE_FIRST) + len(_CLOSE)  # where the event itself goes on in its line
_SLOT = 160  # bytes of a place of the head's file


class DamagedChain(LogError):  # noqa: N818 (it says what happened)
    """The events are not those that were written, or some that were acknowledged are gone."""


@dataclass(frozen=True, slots=True)
class Head:
    """How far a chain goes."""

    events: int = 0
    size: int = 0
    """Bytes of the events."""
    hash: str = BEFORE_FIRST
    """Of the last event."""
    beside: int = 0
    """Bytes of the texts that lie beside."""


def add_hash(before: str, body: bytes) -> tuple[str, bytes]:
    """The hash of an event and its line.

    Args:
        before: the hash of the event before.
        body: the event as canonical JSON, an object.
    """
    now = sha256(bytes.fromhex(before) + body).hexdigest()
    return now, b"".join((_OPEN, now.encode(), _CLOSE, body[1:], b"\n"))


def read_chain(path: Path, known: Head) -> tuple[Head, str | None]:
    """Check every event of a file.

    Args:
        path: of the events.
        known: the head; all up to it must be there as it was.

    Returns:
        How far the events are whole, at least to the head; and what is wrong with what follows, which was
        never acknowledged, or None.

    Raises:
        DamagedChain: an acknowledged event was changed or is gone.
    """
    events, size, now, wrong = 0, 0, bytes.fromhex(BEFORE_FIRST), None
    met = known.events == 0 and known.size == 0
    take = sha256
    try:
        with path.open("rb", buffering=1 << 20) as file:
            for line in file:
                after = take(now + b"{" + line[BODY:-1]).digest()
                if line[:BODY] != _OPEN + after.hex().encode() + _CLOSE or line[-1:] != b"\n":
                    wrong = f"event {events + 1:,}, at byte {size:,} of {path}, is not what was written"
                    break
                now = after
                events += 1
                size += len(line)
                if size == known.size:
                    if (events, now.hex()) != (known.events, known.hash):
                        wrong = f"event {events:,} of {path} is not the one that its head names"
                        break
                    met = True
    except FileNotFoundError:
        wrong = f"{path} is gone"
    except OSError as error:
        raise LogError(f"{path} cannot be read: {error.strerror}; mend that.") from error
    if not met:
        gone = f"{path} ends after event {events:,}, and {known.events:,} were acknowledged"
        raise DamagedChain(
            f"The log is damaged: {wrong or gone}; agon recover {path.parent} says what can be saved."
        )
    return Head(events, size, now.hex(), known.beside), wrong


def read_head(path: Path) -> tuple[Head, bool]:
    """Read the head; and whether both of its places were whole.

    Raises:
        DamagedChain: there is none that can be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise LogError(f"{path} cannot be read: {error.strerror}; mend that.") from error
    found = [_parsed(content[place : place + _SLOT]) for place in (0, _SLOT)]
    whole = [head for head in found if head is not None]
    if not whole:
        raise DamagedChain(
            f"The log is damaged: {path}, which says how much of it was acknowledged, is "
            f"{'no head' if content else 'gone'}; agon recover {path.parent} makes it anew of the events."
        )
    return max(whole, key=lambda head: (head.events, head.beside)), len(whole) == len(found)


def _parsed(slot: bytes) -> Head | None:
    words = slot.decode("ascii", "replace").split()
    if len(words) != 5 or len(slot) != _SLOT or slot != _formed(" ".join(words[:4])):
        return None
    return Head(int(words[0]), int(words[1]), words[2], int(words[3]))


def _formed(what: str) -> bytes:
    return f"{what} {sha256(what.encode()).hexdigest()[:32]}".ljust(_SLOT - 1).encode() + b"\n"


class ChainWriter:
    """The end of a chain, to which one process adds; and of the texts beside it.

    Args:
        path: of the events.
        beside: of the texts.
        head: of the head.
        at: how far the events are known to be whole; whatever follows is cut off.
        synchronous: whether what was written is on the disk before anybody is answered; a copy need not be.
    """

    def __init__(self, path: Path, beside: Path, head: Path, at: Head, *, synchronous: bool = True) -> None:
        self.at = at
        self._synchronous = synchronous
        self.added: list[str] = []  # hashes of the events that were added last
        self._turn = 0
        self._files: list[int] = []
        try:
            for each in (path, beside, head):
                self._files.append(os.open(each, os.O_RDWR | os.O_CREAT, 0o644))
            self._events, self._beside, self._head = self._files
            self.cut()
            for place in (0, 1):  # both, whatever was in them
                self._turn = place
                self._keep(at)
            if synchronous:
                synchronize_folder(path.parent)
        except OSError as error:
            self.close()
            raise LogError(f"The log {path} cannot be written: {error.strerror}.") from error

    def cut(self) -> None:
        """Cut off what follows the head: it was never acknowledged.

        Raises:
            OSError: the disk does not take it.
        """
        for file, size in ((self._events, self.at.size), (self._beside, self.at.beside)):
            if os.fstat(file).st_size > size:
                os.ftruncate(file, size)

    def add(self, bodies: Sequence[bytes], texts: bytes = b"") -> Head:
        """Write events, and texts before them; when it returns they are on the disk, not yet acknowledged.

        Raises:
            OSError: they are not, or not all of them.
        """
        lines, now = [], self.at.hash
        self.added = []
        for body in bodies:
            now, line = add_hash(now, body)
            lines.append(line)
            self.added.append(now)
        written = b"".join(lines)
        if texts:
            self._write(self._beside, texts, self.at.beside)
        self._write(self._events, written, self.at.size)
        return Head(
            self.at.events + len(bodies), self.at.size + len(written), now, self.at.beside + len(texts)
        )

    def acknowledge(self, head: Head) -> None:
        """Keep a new head; whoever waits for its events may be answered when it returns.

        Raises:
            OSError: it may be on the disk or not.
        """
        self._keep(head)
        self.at = head

    def _keep(self, head: Head) -> None:
        what = _formed(f"{head.events} {head.size} {head.hash} {head.beside}")
        self._write(self._head, what, self._turn * _SLOT)
        self._turn = 1 - self._turn

    def _write(self, file: int, content: bytes, where: int) -> None:
        left = memoryview(content)
        while left:
            written = os.pwrite(file, left, where)
            left, where = left[written:], where + written
        if self._synchronous:
            os.fsync(file)

    def close(self) -> None:
        """Let go of the files."""
        for file in self._files:
            with suppress(OSError):
                os.close(file)
        self._files = []


def synchronize_folder(folder: Path) -> None:
    """Make sure that files which were made in a folder, or renamed, are found there after a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_lines(path: Path, start: int, end: int) -> Iterator[bytes]:
    """The lines between two places of a file."""
    with path.open("rb") as file:
        file.seek(start)
        while file.tell() < end and (line := file.readline()):
            yield line
