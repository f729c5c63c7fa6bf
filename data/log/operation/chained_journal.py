"""A journal whose lines are a chain of hashes, as the events of a log are, with a head beside it.

Lines of an older version, which have no hash, may stand before the first that has one, whose hash is of
them, too. The head is written after the lines, so that what follows it, whole, was written
by a process that was killed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from agon.data.files.writer import whole_file
from agon.data.log.hash_chain import BEFORE_FIRST, BODY, Head, add_hash
from agon.data.log.operation.journal_file import JournalFile
from agon.ranking.errors import SourceError

_CHAINED = b'{"hash":"'


class ChainedJournal(JournalFile):
    """A journal of which `agon verify` tells that it is what was written; use it as a `JournalFile`."""

    def append(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Add events with the moment of now; they are on the disk when this returns. Within `locked`."""
        at, now = self.head(), datetime.now(UTC).isoformat()
        if not self._head_path.exists():
            self._keep(at)
        lines, last = [], at.hash
        for one in events:
            body = json.dumps({**one, "at": now}, ensure_ascii=False).encode("utf-8", "replace")
            last, line = add_hash(last, body)
            lines.append(line)
        self.write(b"".join(lines))
        self._keep(Head(at.events + len(lines), at.size + sum(map(len, lines)), last))

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """The whole lines, numbered from 1; none where there is no file.

        Raises:
            SourceError: it cannot be read, or is not what was written.
        """
        self.head()
        return super().lines()

    def head(self) -> Head:
        """How far the journal goes.

        Raises:
            SourceError: it cannot be read, or is not what was written.
        """
        known = self._known()
        lines = [line for _, line in super().lines()]
        first = next((i for i, line in enumerate(lines) if line.startswith(_CHAINED)), len(lines))
        before = b"".join(line + b"\n" for line in lines[:first])
        size, last = len(before), sha256(before).hexdigest() if before else BEFORE_FIRST
        met = known is None or known == Head(first, size, last)
        for number, line in enumerate(lines[first:], start=first + 1):
            last, right = add_hash(last, b"{" + line[BODY:])
            if right != line + b"\n":
                raise self._damaged(f"line {number} is not what was written")
            size += len(right)
            met = met or (known is not None and known == Head(number, size, last))
        if known is None and first < len(lines):
            raise self._damaged(f"{self._head_path.name}, which says how far it goes, is gone")
        if not met:
            raise self._damaged("lines that were written are gone, or others")
        return Head(len(lines), size, last)

    @property
    def _head_path(self) -> Path:
        return self.path.with_suffix(".head")

    def _known(self) -> Head | None:
        """The head as it was kept; None without one."""
        try:
            events, size, last = self._head_path.read_text("utf-8").split()
            return Head(int(events), int(size), last)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise self._damaged(f"{self._head_path.name}, which says how far it goes, is no head") from error

    def _keep(self, head: Head) -> None:
        with whole_file(self._head_path) as file:
            file.write(f"{head.events} {head.size} {head.hash}\n".encode())

    def _damaged(self, what: str) -> SourceError:
        return SourceError(
            f"The journal of {self.called}, {self.path}, is damaged: {what}; put a copy of it back, with "
            "that of its head."
        )
