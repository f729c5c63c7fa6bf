"""The journal of a study beside the log: what it is, who was invited, and when and why it ended.

The file `LOG/studies/NAME.jsonl` has an event a line, only ever added, in a chain of hashes whose head lies
beside it. The arena and the command line write
it in turns, which the database, open in one process, would not let them. What was drawn and voted is in the
log.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from agon.data.log.hash_chain import Head
from agon.data.log.operation.chained_journal import ChainedJournal
from agon.ranking.errors import OptionError, SourceError, suggest

STUDIES = "studies"
STUDY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
EndedBy = Literal["decision", "quota", "complete", "hand"]


@dataclass(frozen=True, slots=True)
class Invitation:
    """The right of one person to a seat of a study; a later one to the same seat takes its place."""

    id: str
    """Of the invitation; links carry it, signed."""
    seat: int
    """The number of the voter in the study, from 1."""
    name: str | None
    """As the owner calls the person."""
    created: datetime


@dataclass(frozen=True, slots=True)
class Closing:
    """How a study ended."""

    by: EndedBy
    sentence: str
    created: datetime


@dataclass(frozen=True, slots=True)
class StudyHistory:
    """A study as its journal tells it.

    Attributes:
        name: of the study, as in the log.
        design: what was fixed when the first battle could be drawn; empty before.
        opened: when that was; None before.
        invitations: all of them, in order.
        closed: how it ended; None while it goes on.
    """

    name: str
    design: Mapping[str, Any] = field(default_factory=dict)
    opened: datetime | None = None
    invitations: tuple[Invitation, ...] = ()
    closed: Closing | None = None

    @property
    def seats(self) -> tuple[Invitation, ...]:
        """The invitation that holds each seat now, by seat."""
        held = {one.seat: one for one in self.invitations}
        return tuple(held[seat] for seat in sorted(held))

    @property
    def panel(self) -> int:
        """How many voters are to vote before anything is decided: those it was designed for, or invited."""
        return max(int(self.design.get("voters", self.voters)), 1)

    @property
    def voters(self) -> int:
        """How many seats there are."""
        return len({one.seat for one in self.invitations})


class StudyJournal:
    """The journal of one study, to be read and written."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name, self.path = name, folder / STUDIES / f"{name}.jsonl"
        self._file = ChainedJournal(self.path, "the study")
        self._read: tuple[tuple[int, int] | None, StudyHistory] = (None, StudyHistory(name))

    def history(self) -> StudyHistory:
        """What it tells now; it is read again when the file has changed.

        Raises:
            SourceError: it cannot be read, or a line of it is no event.
        """
        try:
            state = self.path.stat()
        except FileNotFoundError:
            return StudyHistory(self.name)
        stamp = state.st_size, state.st_mtime_ns
        if stamp != self._read[0]:
            self._read = stamp, self._parsed()
        return self._read[1]

    def head(self) -> Head:
        """How far it goes.

        Raises:
            SourceError: it is not what was written, or cannot be read.
        """
        return self._file.head()

    def open(self, design: Mapping[str, Any]) -> None:
        """Fix what the study is."""
        self._add([{"event": "opened", "design": dict(design)}])

    def invite(self, seat: int, name: str | None = None) -> Invitation:
        """Give a seat to a person; whoever held it before does no longer."""
        return self.invite_all([(seat, name)])[0]

    def invite_all(self, seats: list[tuple[int, str | None]]) -> list[Invitation]:
        """Give seats to persons, all or none."""
        now = datetime.now(UTC)
        made = [Invitation(secrets.token_hex(8), seat, name, now) for seat, name in seats]
        self._add([{"event": "invited", "seat": one.seat, "name": one.name, "id": one.id} for one in made])
        return made

    def close(self, by: EndedBy, sentence: str) -> bool:
        """End the study; false if it had ended already."""
        if by not in get_args(EndedBy):
            raise OptionError(f"A study is not ended by {by!r}; {suggest(by, get_args(EndedBy))}")
        with self._file.locked():
            if self.history().closed is not None:
                return False
            self._file.append([{"event": "closed", "by": by, "sentence": sentence}])
        return True

    def _add(self, events: list[dict[str, Any]]) -> None:
        with self._file.locked():
            self._file.append(events)

    def _parsed(self) -> StudyHistory:
        found: dict[str, Any] = {"invitations": []}
        for number, line in self._file.lines():
            try:
                event = json.loads(line)
                _take(found, event, datetime.fromisoformat(event["at"]))
            except (ValueError, KeyError, TypeError) as error:
                raise SourceError(
                    f"Line {number} of {self.path} is no event of a study; put a copy of the file back."
                ) from error
        found["invitations"] = tuple(found["invitations"])
        return StudyHistory(self.name, **found)


def _take(found: dict[str, Any], event: Mapping[str, Any], moment: datetime) -> None:
    """Add an event to what is known."""
    if event["event"] == "opened":
        found.setdefault("design", event["design"])
        found.setdefault("opened", moment)
    elif event["event"] == "invited":
        found["invitations"].append(Invitation(event["id"], int(event["seat"]), event["name"], moment))
    elif event["event"] == "closed":
        found.setdefault("closed", Closing(event["by"], event["sentence"], moment))


def study_heads(folder: str | Path) -> dict[str, Head]:
    """How far the journal of each study of a log goes; each is checked.

    Raises:
        SourceError: one is not what was written, or cannot be read.
    """
    journals = {name: StudyJournal(Path(folder), name) for name in study_names(folder)}
    return {name: journal.head() for name, journal in journals.items()}


def study_names(folder: str | Path) -> tuple[str, ...]:
    """The studies of a log folder."""
    return tuple(sorted(path.stem for path in (Path(folder) / STUDIES).glob("*.jsonl")))


def read_study(folder: str | Path, name: str | None = None) -> StudyHistory:
    """Read the journal of a study.

    Args:
        folder: the log folder.
        name: of the study; it may be left out where there is one alone.

    Raises:
        SourceError: there is no such study, or several and no name, or the journal cannot be read.
    """
    known = study_names(folder)
    if not known:
        raise SourceError(f"{folder} holds no study; agon study invite begins one.")
    if name is None:
        if len(known) > 1:
            raise SourceError(f"{folder} holds several studies: {', '.join(known)}; name one.")
        name = known[0]
    if name not in known:
        raise SourceError(f"{folder} holds no study {name!r}; {suggest(name, known)}")
    return StudyJournal(Path(folder), name).history()
