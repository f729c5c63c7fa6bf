"""A journal that lies in a store which several processes share, as a document that is only ever added to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agon.data.log.operation.invitation_journal import (
    INVITATIONS,
    INVITATIONS_CALLED,
    InvitationJournal,
)
from agon.data.log.operation.journal_file import JournalFile, NewEvents, event_lines
from agon.data.log.shared_store.shared_record import SharedRecord


class SharedJournal:
    """A journal in a shared record.

    Args:
        record: where it lies.
        name: of the document.
    """

    def __init__(self, record: SharedRecord, name: str) -> None:
        self._record, self._name = record, name

    @property
    def where(self) -> str:
        """The document, and the store."""
        return f"{self._name} in {self._record.name}"

    def extend(self, decide: NewEvents) -> None:
        """Add the events that are decided on, while nobody else adds any; they are safe when this returns.

        Raises:
            StoreAwayError: the store cannot be reached.
        """
        self._record.extend_document(self._name, lambda text: event_lines(decide(_numbered(text))))

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """The lines, numbered from 1.

        Raises:
            StoreAwayError: the store cannot be reached.
        """
        return _numbered(self._record.document(self._name) or b"")

    def stamp(self) -> int:
        """What is another one when something was added."""
        return self._record.document_size(self._name)


def invitations_of(folder: Path, record: SharedRecord | None) -> InvitationJournal:
    """The invitations of a store: in its folder, or in the record that several processes share."""
    if record is None:
        return InvitationJournal(JournalFile(folder / INVITATIONS, INVITATIONS_CALLED))
    return InvitationJournal(SharedJournal(record, INVITATIONS))


def _numbered(text: bytes) -> Iterator[tuple[int, bytes]]:
    return enumerate(text.split(b"\n")[:-1], start=1)
