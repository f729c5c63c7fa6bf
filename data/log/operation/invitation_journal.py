"""The invitations of an arena: `LOG/invitations.jsonl` holds a digest of each, and which were accepted.

A link is a secret: whoever reads the file cannot make one of a digest.
"""

from __future__ import annotations

import json
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Literal

from agon.data.log.operation.journal_file import JournalFile
from agon.ranking.errors import SourceError

INVITATIONS = "invitations.jsonl"
InvitationState = Literal["open", "accepted", "unknown"]


class InvitationJournal:
    """The invitations of one arena.

    Args:
        folder: the log folder.
    """

    def __init__(self, folder: Path) -> None:
        self._file = JournalFile(folder / INVITATIONS, "the invitations")

    def invite(self, count: int) -> list[str]:
        """Make so many invitations; returns the secret of each, which stands nowhere else."""
        made = [secrets.token_urlsafe(18) for _ in range(count)]
        with self._file.locked():
            self._file.append([{"event": "invited", "digest": _digest(one)} for one in made])
        return made

    def accept(self, secret: str) -> InvitationState:
        """Use up an invitation; returns what it was before: "open" is what opens something."""
        with self._file.locked():
            state = self.state(secret)
            if state == "open":
                self._file.append([{"event": "accepted", "digest": _digest(secret)}])
        return state

    def state(self, secret: str) -> InvitationState:
        """Whether an invitation can be accepted.

        Raises:
            SourceError: the file cannot be read, or a line of it is no event.
        """
        made, accepted = self._read()
        digest = _digest(secret)
        return "accepted" if digest in accepted else "open" if digest in made else "unknown"

    def counts(self) -> tuple[int, int]:
        """How many there are, and how many of them were accepted."""
        made, accepted = self._read()
        return len(made), len(accepted)

    def _read(self) -> tuple[set[str], set[str]]:
        found: dict[str, set[str]] = {"invited": set(), "accepted": set()}
        for number, line in self._file.lines():
            try:
                event = json.loads(line)
                found[event["event"]].add(event["digest"])
            except (ValueError, KeyError, TypeError) as error:
                raise SourceError(
                    f"Line {number} of {self._file.path} is no event of an invitation; put a copy of the "
                    "file back."
                ) from error
        return found["invited"], found["accepted"]


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
