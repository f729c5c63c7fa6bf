"""The invitations of an arena: a digest of each, and which were accepted and revoked.

They are the lines of `invitations.jsonl`, in the log folder or in the store that several processes share. A
link is a secret: whoever reads the lines cannot make one of a digest.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Literal

from agon.data.log.operation.journal_file import Journal
from agon.ranking.errors import OptionError, SourceError

INVITATIONS, INVITATIONS_CALLED = "invitations.jsonl", "the invitations"
InvitationState = Literal["open", "accepted", "revoked", "unknown"]
_ID = 16  # letters of a digest by which people and cookies name an invitation


@dataclass(frozen=True, slots=True)
class SentInvitation:
    """One invitation.

    Attributes:
        id: by which it is named; it opens nothing.
        made: when.
        accepted: when a browser came in by it; None while none has.
        revoked: when it was taken back; None if it was not.
    """

    id: str
    made: datetime
    accepted: datetime | None = None
    revoked: datetime | None = None

    @property
    def state(self) -> InvitationState:
        """What can be done with it: "open" is what opens something."""
        return "revoked" if self.revoked else "accepted" if self.accepted else "open"


class InvitationJournal:
    """The invitations of one arena.

    Args:
        journal: the lines, as `VoteLog.journal` gives them.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def invite(self, count: int) -> list[str]:
        """Make so many invitations; returns the secret of each, which stands nowhere else."""
        made = [secrets.token_urlsafe(18) for _ in range(count)]
        events = [{"event": "invited", "digest": _digest(one)} for one in made]
        self._journal.extend(lambda _: events)
        return made

    def accept(self, secret: str) -> InvitationState:
        """Use up an invitation; returns what it was before: "open" is what opens something."""
        return self._change(_digest(secret), "accepted", ("open",))

    def revoke(self, which: Sequence[str]) -> list[SentInvitation]:
        """Take invitations back, all or none; a browser that came in by one is let in no longer.

        Args:
            which: the id of each, its secret, or the link that ends with it.

        Raises:
            OptionError: there is no such invitation; nothing was taken back.
            SourceError: they cannot be read or written.
        """
        names = [one.rpartition("invite=")[2].strip() for one in which]

        def taken(lines: Iterable[tuple[int, bytes]]) -> list[dict[str, str]]:
            known = self._parsed(lines)
            of_id = {digest[:_ID]: digest for digest in known}
            found = []
            for given, name in zip(which, names, strict=True):
                digest = of_id.get(name) or _digest(name)
                if digest not in known:
                    raise OptionError(
                        f"There is no invitation {given!r}, and nothing was revoked; take one of those "
                        "that agon invite CONFIG --list names, or the link as it was sent."
                    )
                found.append(digest)
            return [
                {"event": "revoked", "digest": digest}
                for digest in dict.fromkeys(found)
                if known[digest].revoked is None
            ]

        taken(self._journal.lines())  # refuses before a journal is made where there is none
        self._journal.extend(taken)
        ids = {one.id: one for one in self.all()}
        return [ids[name] if name in ids else ids[_digest(name)[:_ID]] for name in names]

    def state(self, secret: str) -> InvitationState:
        """Whether an invitation can be accepted.

        Raises:
            SourceError: they cannot be read, or a line is no event.
        """
        found = self._read().get(_digest(secret))
        return "unknown" if found is None else found.state

    def all(self) -> list[SentInvitation]:
        """All of them, the first that was made first."""
        return list(self._read().values())

    def revoked(self) -> frozenset[str]:
        """The ids of those that were taken back."""
        return frozenset(one.id for one in self.all() if one.revoked is not None)

    def stamp(self) -> object:
        """What is another one when something was added."""
        return self._journal.stamp()

    def _change(self, digest: str, event: str, when: tuple[InvitationState, ...]) -> InvitationState:
        """Add an event of an invitation if it is in one of these states; returns what it was before."""
        before: InvitationState = "unknown"

        def added(lines: Iterable[tuple[int, bytes]]) -> list[dict[str, str]]:
            nonlocal before
            found = self._parsed(lines).get(digest)
            before = "unknown" if found is None else found.state
            return [{"event": event, "digest": digest}] if before in when else []

        self._journal.extend(added)
        return before

    def _read(self) -> dict[str, SentInvitation]:
        return self._parsed(self._journal.lines())

    def _parsed(self, lines: Iterable[tuple[int, bytes]]) -> dict[str, SentInvitation]:
        """The invitations by digest."""
        found: dict[str, SentInvitation] = {}
        for number, line in lines:
            try:
                event = json.loads(line)
                digest, moment = event["digest"], datetime.fromisoformat(event["at"])
                if event["event"] == "invited":
                    found[digest] = SentInvitation(digest[:_ID], moment)
                elif event["event"] == "accepted":
                    found[digest] = replace(found[digest], accepted=moment)
                elif event["event"] == "revoked":
                    found[digest] = replace(found[digest], revoked=moment)
                else:
                    raise ValueError(event["event"])
            except (ValueError, KeyError, TypeError) as error:
                raise SourceError(
                    f"Line {number} of {self._journal.where} is no event of an invitation; put a copy of it "
                    "back."
                ) from error
        return found


def invitation_id(secret: str) -> str:
    """The id of an invitation, of its secret."""
    return _digest(secret)[:_ID]


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
