"""The record of truth of several processes, of which each has a copy in a folder of its own.

What is shared is small: events with their texts, in one order, to which one process adds at a time; a head;
and what lies beside, images and keys. All else, boards, exports, verifying, reads the copy: an ordinary log
folder, whose events and database follow the shared ones. `PostgresRecord` is one such record.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from agon.data.log.database import LOCK, Lock, lock
from agon.data.log.events import EVENTS, HEAD, TEXTS, EventLog, EventRows, Layout, News
from agon.data.log.hash_chain import BODY, ChainWriter, DamagedChain, Head, add_hash, read_head
from agon.data.log.personal.erasing import mark
from agon.data.log.records import LogError, LogInUse
from agon.data.log.recovery.opening import OpenLog, open_whole

BATCH_OF_NEWS = 2000  # events that are followed at a time


class NoSharedLog(LogError):  # noqa: N818 (it says what is there)
    """A database holds no log, and none is to be begun there."""


class StoreAwayError(LogError):
    """The shared record cannot be reached; what was to be written may be sent again."""


@dataclass(frozen=True, slots=True)
class SharedHead:
    """How far the shared events go."""

    events: int
    size: int
    """Bytes of them."""
    hash: str
    """Of the last one."""


class SharedLine(NamedTuple):
    """An event, and the line of its texts: empty if it has none, or they were erased."""

    event: bytes
    texts: bytes


class ClientUse(NamedTuple):
    """What one client has of one process: a session, or a network under a hash."""

    process: int
    client: str
    begun: int
    """Battles that it began since the process was opened."""
    running: int
    """Answers or battles that are being written for it."""


class SharedRecord(Protocol):
    """What several processes share. Every method raises StoreAwayError where it cannot be reached."""

    name: str
    """What messages call it."""
    identity: str
    """Of this record and no other, whatever its address."""

    def turn(self) -> AbstractContextManager[SharedHead]:
        """Be the only one who may add, until this is left; gives the head as it is then."""

    def add(self, lines: Sequence[SharedLine], head: SharedHead, *, more: bool = False) -> None:
        """Add events and a new head, within a turn, all or none; they hold when this returns, or, if more
        are to come, with the last of them.

        Texts of battles that they erase are removed.
        """

    def head(self) -> SharedHead:
        """How far the events go now."""

    def hash_of(self, number: int) -> str | None:
        """The hash of an event; None if it is not there."""

    def read(self, after: int, upto: int) -> Iterator[SharedLine]:
        """The events between two numbers, in order."""

    def writes(self, battle_id: str) -> bool:
        """Whether another process that is alive began the last turn of a battle."""

    def document(self, name: str) -> bytes | None:
        """A small file that lies beside."""

    def keep_document(self, name: str, content: bytes, *, replace: bool) -> bytes:
        """Keep one, or leave the one that is there; returns what is there then."""

    def document_size(self, name: str) -> int:
        """How many bytes one has; 0 if it is not there."""

    def extend_document(self, name: str, decide: Callable[[bytes], bytes]) -> None:
        """Add to the end of one what is decided on, while nobody else adds; it holds when this returns."""

    def key_of_day(self, day: int) -> bytes:
        """The key of a day, by which networks are hashed; made by who asks first, and no other is kept."""

    def forget_day_key(self, day: int) -> None:
        """Remove the key of another day than this one."""

    def exchange_use(self, own: Mapping[str, tuple[int, int]]) -> list[ClientUse]:
        """Tell what clients have of this process, and hear what they have of others, as of the last seconds.

        Args:
            own: client → battles begun since the process was opened, and those that run.
        """

    def keep_image(self, sha256: str, ending: str, content: bytes) -> None:
        """Keep an image."""

    def image(self, sha256: str) -> tuple[str, bytes] | None:
        """An image: how its file ends, and what it holds."""

    def images(self) -> Iterable[str]:
        """The hashes of all images."""

    def remove_images(self, hashes: Iterable[str]) -> None:
        """Remove images."""

    def close(self) -> None:
        """Let go of it."""


class SharedEvents(EventLog):
    """The events of an open log that is a copy of a shared one."""

    def __init__(self, record: SharedRecord, folder: Path, at: Head, layout: Layout) -> None:
        self._record, self._folder, self.layout = record, folder, layout
        self.chain = ChainWriter(folder / EVENTS, folder / TEXTS, folder / HEAD, at, synchronous=False)

    @contextmanager
    def turn(self) -> Iterator[Iterator[News]]:
        """Be the only process that writes; gives what the others wrote since, which is to be taken first."""
        with self._record.turn() as head:
            yield self._news(head)

    def news(self) -> Iterator[News]:
        """What other processes wrote since, without waiting for them."""
        return self._news(self._record.head())

    def add(self, events: Sequence[EventRows]) -> Head:
        """Put events into the shared record, where they hold when this returns, and into the copy.

        Raises:
            StoreAwayError: nobody can tell whether they are there: whoever asks again will know.
            OSError: they are there, and the copy did not take them.
        """
        first, now = self.chain.at.events + 1, self.chain.at.hash
        encoded = [self.layout.encode(first + i, rows) for i, rows in enumerate(events)]
        lines, size = [], self.chain.at.size
        for body, texts in encoded:
            now, line = add_hash(now, body)
            size += len(line)
            lines.append(SharedLine(line, texts))
        self._record.add(lines, SharedHead(self.chain.at.events + len(lines), size, now))
        return self.chain.add([body for body, _ in encoded], b"".join(texts for _, texts in encoded))

    def _news(self, head: SharedHead) -> Iterator[News]:
        if head.events < self.chain.at.events:
            raise _put_back(self._record, self.chain.at, head, self._folder)
        while self.chain.at.events < head.events:
            after = self.chain.at.events
            lines = list(self._record.read(after, min(head.events, after + BATCH_OF_NEWS)))
            at = add_lines(self.chain, lines, self._record.name)
            if at.events == head.events and at.hash != head.hash:
                raise DamagedChain(_wrong(self._record.name, at.events))
            if any(b'"erasures":[{' in line.event for line in lines):
                mark(self._folder)
            self.chain.acknowledge(at)
            yield News.of(self.layout, lines, at)


def add_lines(chain: ChainWriter, lines: Sequence[SharedLine], name: str) -> Head:
    """Add events of another chain to a copy of it, each hash made anew; they are not acknowledged yet.

    Raises:
        DamagedChain: one is not what follows.
    """
    bodies = [b"{" + line.event[BODY:-1] for line in lines]
    texts = b"".join(line.texts or b"\n" if b',"texts":"' in line.event[75:120] else b"" for line in lines)
    head = chain.add(bodies, texts)
    for i, (line, made) in enumerate(zip(lines, chain.added, strict=True)):
        if line.event[9:73] != made.encode() or line.event[-1:] != b"\n":
            chain.cut()
            raise DamagedChain(_wrong(name, chain.at.events + i + 1))
    return head


def _wrong(name: str, number: int) -> str:
    return (
        f"The log is damaged: event {number:,} of {name} is not what was written; put a backup of it into an "
        "empty database: agon backup FOLDER --to ADDRESS."
    )


def _put_back(record: SharedRecord, at: Head, head: SharedHead, folder: Path) -> DamagedChain:
    return DamagedChain(
        f"The log is damaged: {record.name} has {head.events:,} events, and the copy of it in {folder} knows "
        f"{at.events:,} that were acknowledged: it was put back to an older state, or changed. To go on "
        f"with what it holds, remove {folder}."
    )


def open_copy(folder: Path, record: SharedRecord, held: Lock) -> OpenLog:
    """Bring the copy in a folder to the end of a shared record, and open it; a new record begins with it.

    Args:
        folder: of the copy.
        record: that is shared.
        held: the lock of the folder.

    Raises:
        DamagedChain: the record is not what was written, or has less than the copy.
        LogError: the folder cannot be written.
        StoreAwayError: the record cannot be reached.
    """
    with record.turn() as head:
        if not head.events:
            _empty(folder)
            opened = open_whole(folder, held)
            line, at = (folder / EVENTS).read_bytes(), opened.events.chain.at
            record.add([SharedLine(line, b"")], SharedHead(at.events, at.size, at.hash))
            return _shared(folder, record, opened)
    try:
        bring_copy(folder, record)
        return _shared(folder, record, open_whole(folder, held))
    except _PutBackError as error:
        raise DamagedChain(str(error)) from None
    except DamagedChain:  # of the copy, which can be had again
        _empty(folder)
        bring_copy(folder, record)
        return _shared(folder, record, open_whole(folder, held))


class _PutBackError(DamagedChain):
    """The record has less than the copy, or something else."""


def bring_copy(folder: Path, record: SharedRecord) -> Head:
    """Copy the events and texts of a record into a folder, behind those that are there already.

    Raises:
        DamagedChain: the record is not what was written, or has less than the copy.
    """
    known, end = _known(folder), record.head()
    if known.events and (known.events > end.events or record.hash_of(known.events) != known.hash):
        raise _PutBackError(str(_put_back(record, known, end, folder)))
    if not known.events:
        _empty(folder)
    chain = ChainWriter(folder / EVENTS, folder / TEXTS, folder / HEAD, known, synchronous=False)
    try:
        while chain.at.events < end.events:
            upto = min(end.events, chain.at.events + BATCH_OF_NEWS)
            lines = list(record.read(chain.at.events, upto))
            if len(lines) < upto - chain.at.events:
                raise DamagedChain(_wrong(record.name, chain.at.events + len(lines) + 1))
            if any(b'"erasures":[{' in line.event for line in lines):
                mark(folder)
            chain.acknowledge(add_lines(chain, lines, record.name))
        if (chain.at.events, chain.at.size, chain.at.hash) != (end.events, end.size, end.hash):
            raise DamagedChain(_wrong(record.name, end.events))
        return chain.at
    finally:
        chain.close()


def _shared(folder: Path, record: SharedRecord, opened: OpenLog) -> OpenLog:
    """The same with the events of the record."""
    events = SharedEvents(record, folder, opened.events.chain.at, opened.events.layout)
    opened.events.chain.close()
    opened.events = events
    return opened


def _known(folder: Path) -> Head:
    """How far a copy goes; not at all, if it is not whole."""
    try:
        known, _ = read_head(folder / HEAD)
        sizes = [(folder / name).stat().st_size for name in (EVENTS, TEXTS)]
    except (LogError, OSError):
        return Head()
    return known if sizes[0] >= known.size and sizes[1] >= known.beside else Head()


def _empty(folder: Path) -> None:
    """Remove everything of a copy but its lock and its key."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in (LOCK, "secret.key"):
            path.unlink()


def remove_idle_copies(folder: Path) -> None:
    """Remove the copies beside this one that no process has open: they may hold texts that were erased."""
    for other in folder.parent.iterdir():
        if other == folder or not (other / LOCK).exists():
            continue
        try:
            held = lock(other)
        except LogInUse:
            continue
        try:
            shutil.rmtree(other)
        finally:
            os.close(held.handle)
