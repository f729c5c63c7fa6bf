"""A file of events beside a log, one a line and only ever added, which several processes write in turns."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from agon.ranking.errors import SourceError

NewEvents = Callable[[Iterable[tuple[int, bytes]]], Sequence[Mapping[str, Any]]]
"""The events to add to a journal, of its lines as they are then."""


class Journal(Protocol):
    """Events beside a log, one a line, wherever they are kept."""

    @property
    def where(self) -> str:
        """What a person calls the place."""

    def extend(self, decide: NewEvents) -> None:
        """Add the events that are decided on, while nobody else adds any; they are safe when this returns.

        Raises:
            SourceError: they cannot be written.
        """

    def lines(self) -> Iterable[tuple[int, bytes]]:
        """The whole lines, numbered from 1; none where nothing was added yet.

        Raises:
            SourceError: they cannot be read.
        """

    def stamp(self) -> object:
        """What is another one when something was added."""


class JournalFile:
    """A journal.

    Args:
        path: of the file.
        called: what it is the journal of, for whoever has to mend it.
    """

    def __init__(self, path: Path, called: str) -> None:
        self.path, self.called = path, called

    @property
    def where(self) -> str:
        """The path."""
        return str(self.path)

    def extend(self, decide: NewEvents) -> None:
        """Add the events that are decided on, while nobody else adds any; they are safe when this returns.

        Raises:
            SourceError: they cannot be written.
        """
        with self.locked():
            if events := decide(self.lines()):
                self.append(events)

    def stamp(self) -> tuple[int, int]:
        """What is another one when something was added."""
        try:
            state = self.path.stat()
        except FileNotFoundError:
            return 0, 0
        return state.st_size, state.st_mtime_ns

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from writing, and make the file if it is not there.

        Raises:
            SourceError: it cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise SourceError(
                f"The journal of {self.called}, {self.path}, cannot be written: {error.strerror}; mend that, "
                "or name another store."
            ) from error

    def append(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Add events with the moment of now; they are on the disk when this returns. Within `locked`."""
        self.write(event_lines(events))

    def write(self, lines: bytes) -> None:
        """Add lines after the last whole one; they are on the disk when this returns. Within `locked`."""
        with self.path.open("r+b") as file:
            whole = file.read().rpartition(b"\n")  # a process that was killed left half a line, perhaps
            file.truncate(len(whole[0]) + len(whole[1]))
            file.seek(0, os.SEEK_END)
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """The whole lines, numbered from 1; none where there is no file.

        Raises:
            SourceError: it cannot be read.
        """
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise SourceError(
                f"The journal of {self.called}, {self.path}, cannot be read: {error.strerror}; make it "
                "readable."
            ) from error
        yield from enumerate(text.split(b"\n")[:-1], start=1)  # the last line may be half written


def event_lines(events: Sequence[Mapping[str, Any]]) -> bytes:
    """Events of now as lines of a journal."""
    now = datetime.now(UTC).isoformat()
    lines = "".join(json.dumps({**one, "at": now}, ensure_ascii=False) + "\n" for one in events)
    return lines.encode("utf-8", "replace")
