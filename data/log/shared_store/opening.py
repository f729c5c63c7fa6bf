"""Opening a store wherever it is, and copies of one that is shared."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count, islice
from pathlib import Path

from agon.data.log.events import BACKUP, EVENTS, TEXTS
from agon.data.log.hash_chain import read_lines
from agon.data.log.image_files import IMAGES, files_of_images
from agon.data.log.operation.backup import Backup, backup_log
from agon.data.log.operation.invitation_journal import INVITATIONS, InvitationJournal
from agon.data.log.records import LogError, LogInUse
from agon.data.log.shared_store.shared_journal import invitations_of
from agon.data.log.shared_store.shared_record import (
    BATCH_OF_NEWS,
    SharedHead,
    SharedLine,
    SharedRecord,
    bring_copy,
)
from agon.data.log.vote_log import CONTESTANTS_FILE, SECRET_FILE, VoteLog
from agon.data.store_address import StoreAddress, store_of


def open_store(store: str | Path) -> VoteLog:
    """Open the log of a store: of a folder, or of an address of PostgreSQL, which other processes may have
    open too.

    Of an address this process has a copy in a folder under $CACHE_DIRECTORY, $XDG_CACHE_HOME or ~/.cache,
    which the next process goes on with.

    Raises:
        LogError: it cannot be opened.
    """
    where = store_of(store)
    if isinstance(where, Path):
        return VoteLog(where)
    record = shared_record(where)
    try:
        place = copies_folder() / f"{where.database}-{record.identity}"
        for number in count(1):
            with suppress(LogInUse):
                return VoteLog(place / str(number), record)
    except BaseException:
        record.close()
        raise
    raise AssertionError


def shared_record(address: StoreAddress, *, make: bool = True) -> SharedRecord:
    """The record at an address.

    Raises:
        ModuleNotFoundError: the part for PostgreSQL is not installed.
        LogError: as for `PostgresRecord`.
    """
    from agon.data.log.shared_store.postgres import PostgresRecord

    return PostgresRecord(address, make=make)


@contextmanager
def invitations_at(store: Path | StoreAddress) -> Iterator[InvitationJournal]:
    """The invitations of a store that arenas may have open.

    Raises:
        LogError: its address cannot be reached.
    """
    if isinstance(store, Path):
        yield invitations_of(store, None)
        return
    record = shared_record(store)
    try:
        yield invitations_of(Path(), record)
    finally:
        record.close()


def copies_folder() -> Path:
    """Where this user's processes have copies of shared logs; for their owner alone.

    Raises:
        LogError: none can be made there.
    """
    given = os.environ.get("CACHE_DIRECTORY") or os.environ.get("XDG_CACHE_HOME")
    place = (Path(given) if given else Path.home() / ".cache") / "agon" / "stores"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LogError(
            f"No copy of the store can be kept in {place}: {error.strerror}; name a folder in the "
            "environment variable CACHE_DIRECTORY."
        ) from error
    return place


@contextmanager
def copied_log(address: StoreAddress) -> Iterator[Path]:
    """The log of a store as it is now, as a folder that lasts as long as this: events, texts, images and
    the key, and who was invited.

    Raises:
        LogError: there is none, or it is not whole.
    """
    record = shared_record(address, make=False)
    try:
        with tempfile.TemporaryDirectory(prefix="agon-") as place:
            folder = Path(place) / address.database
            folder.mkdir(mode=0o700)
            if not bring_copy(folder, record).events:
                raise LogError(f"{record.name} holds no log yet; agon serve --store begins one.")
            (folder / BACKUP).touch()
            for name in (SECRET_FILE, CONTESTANTS_FILE, INVITATIONS):
                if (content := record.document(name)) is not None:
                    (folder / name).write_bytes(content)
                    (folder / name).chmod(0o600)
            for sha256 in record.images():
                if (found := record.image(sha256)) is not None:
                    (folder / IMAGES).mkdir(exist_ok=True)
                    (folder / IMAGES / f"{sha256}{found[0]}").write_bytes(found[1])
            yield folder
    finally:
        record.close()


def fill_store(folder: Path, address: StoreAddress) -> Backup:
    """Put a log into a store that is empty, all or nothing: how arenas go on there, or after it was lost.

    Args:
        folder: the log folder, or a backup; an arena may be writing to it, what it adds later stays behind.
        address: of the store.

    Returns:
        What was put there.

    Raises:
        LogError: the log is not whole, or the store holds a log already.
        OptionError: it cannot be copied, as for `backup_log`.
    """
    with tempfile.TemporaryDirectory(prefix="agon-") as place:
        made = backup_log(folder, place)
        record = shared_record(address)
        try:
            with record.turn() as head:
                if head.events:
                    raise LogError(
                        f"{record.name} holds a log of {head.events:,} events already; name an empty "
                        "database."
                    )
                _fill(record, made)
            for path in files_of_images(made.path):
                record.keep_image(path.stem, path.suffix, path.read_bytes())
            for name in (SECRET_FILE, CONTESTANTS_FILE, INVITATIONS):
                if (made.path / name).exists():
                    record.keep_document(name, (made.path / name).read_bytes(), replace=True)
        finally:
            record.close()
    return made


def _fill(record: SharedRecord, made: Backup) -> None:
    """Add all events of a backup within a turn."""
    events = read_lines(made.path / EVENTS, 0, made.head.size)
    beside = read_lines(made.path / TEXTS, 0, made.head.beside)
    at = SharedHead(0, 0, "")
    while batch := list(islice(events, BATCH_OF_NEWS)):
        lines = []
        for line in batch:
            texts = next(beside) if b',"texts":"' in line[75:120] else b""
            lines.append(SharedLine(line, texts if texts.strip() else b""))
        size = at.size + sum(map(len, batch))
        at = SharedHead(at.events + len(batch), size, batch[-1][9:73].decode())
        record.add(lines, at, more=at.events < made.head.events)
