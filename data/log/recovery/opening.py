"""Opening a log so that its database follows its events: what is behind or damaged is made anew of them.

The events are checked whole whenever a log is opened. What is wrong with them is refused by name; what can be
saved then is the work of mending.py.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from agon.data.files.snapshot_folder import snapshots
from agon.data.log.database import DATABASE, DamagedDatabase, Lock, add_lookups, connect, open_database
from agon.data.log.events import (
    EVENTS,
    HEAD,
    TEXTS,
    EventLog,
    Layout,
    adopt,
    catch_up,
    digests,
    is_on_chain,
    position,
    set_position,
    texts_of,
)
from agon.data.log.hash_chain import DamagedChain, Head, read_chain, read_head
from agon.data.log.migrations import add_versions, refuse_newer, schema
from agon.data.log.personal.erasing import (
    blank_texts,
    erased_battles,
    is_marked,
    remove_copies,
    remove_nameless_images,
    remove_published,
    unmark,
)
from agon.data.log.records import LogError
from agon.data.read_errors import sentence

ASIDE = ".damaged"  # what is added to the name of a file that was replaced
COMPACTED = f"{DATABASE}.new"
# Whatever the database loses with the power, it gets back from the events; and they are synchronised.
UNSYNCHRONISED = "SET GLOBAL fsync_mode = 'NONE'"


@dataclass
class OpenLog:
    """A log that is open: its database, and its events.

    Attributes:
        repairs: sentences on what had to be mended.
    """

    connection: duckdb.DuckDBPyConnection
    events: EventLog
    repairs: list[str] = field(default_factory=list)


def open_whole(folder: Path, held: Lock) -> OpenLog:
    """Open the events and the database of a folder whose lock is held.

    A log of an older version, without events, gets them of its database.

    Args:
        folder: the log folder.
        held: its lock; a database that is not trusted is made anew.

    Raises:
        DamagedChain: an acknowledged event was changed or is gone.
        LogError: it cannot be read or written.
    """
    repairs: list[str] = []
    if not (folder / EVENTS).exists():
        return begin_events(folder)
    end, connection = check_events(folder, repairs), None
    erasing = blanked = is_marked(folder)
    if erasing:  # a process was killed while it erased texts, or just before
        blanked = bool(battles := erased_battles(folder, end))
        erase_or_refuse(folder, lambda: blank_texts(folder, end, battles))
    if held.trusted and not blanked and (folder / DATABASE).exists():
        with suppress(DamagedDatabase):
            connection = open_database(folder)
    start = None if connection is None else position(connection)
    if connection is not None and start is not None and start.events > end.events:
        connection.close()
        raise DamagedChain(older_copy(folder, start, end))
    if connection is not None and start is not None and stands_on_chain(folder, start, end):
        if start != end:
            given = connection, Layout.of(connection), folder, start, end
            _in_transaction(connection, lambda: catch_up(*given))
            repairs.append(f"The database of {folder} was {end.events - start.events:,} events behind.")
    else:
        if connection is not None:
            connection.close()
        connection = rebuild(folder, end)
        held.hold(trusted=True)
        repairs.append(f"The database of {folder} was made anew of its {end.events:,} events.")
    if erasing:
        finish_erasure(connection, folder, blanked)
        repairs.append(f"The erasure of texts that was begun in {folder} is done.")
    return _opened(folder, connection, end, repairs)


def finish_erasure(connection: duckdb.DuckDBPyConnection, folder: Path, blanked: bool) -> None:
    """Remove what else holds erased texts, where the texts are blank and the database is made of them."""

    def remove() -> None:
        if blanked:
            remove_published(connection, folder)
            remove_nameless_images(connection, folder)
            remove_copies(folder)
        unmark(folder)

    try:
        erase_or_refuse(folder, remove)
    except BaseException:
        connection.close()
        raise


def erase_or_refuse(folder: Path, work: Callable[[], object]) -> None:
    """Do a step of erasing texts.

    Raises:
        LogError: the disk fails.
    """
    try:
        work()
    except OSError as error:
        raise LogError(f"Texts of {folder} cannot be erased: {error.strerror}; mend that.") from error


def older_copy(folder: Path, database: Head, end: Head) -> str:
    """What is wrong where the events are an older copy."""
    return (
        f"The log is damaged: {folder / EVENTS} has {end.events:,} events, and {DATABASE} beside it was made "
        f"of {database.events:,}; agon recover {folder} makes events of all that the database holds. If that "
        "is of another log, remove it instead."
    )


def _opened(folder: Path, connection: duckdb.DuckDBPyConnection, at: Head, repairs: list[str]) -> OpenLog:
    try:
        add_lookups(connection)
        events = EventLog(folder, at, Layout.of(connection))
    except BaseException:
        connection.close()
        raise
    connection.execute(UNSYNCHRONISED)
    return OpenLog(connection, events, repairs)


def begin_events(folder: Path) -> OpenLog:
    """Begin the events of a new log, or of one of an older version.

    Raises:
        DamagedChain: the database was made of events that are gone.
    """
    connection = open_database(folder)
    try:
        if position(connection) is not None:
            raise DamagedChain(
                f"The log is damaged: {folder / EVENTS} is gone; agon recover {folder} makes it anew of the "
                "database."
            )
        at = adopt_database(connection, folder, {})
    except BaseException:
        connection.close()
        raise
    return _opened(folder, connection, at, [])


def adopt_database(connection: duckdb.DuckDBPyConnection, folder: Path, why: dict[str, object]) -> Head:
    """Begin the chain of a folder with what its database holds; `why` stands in the first event."""
    layout = Layout.of(connection)
    held = {
        table: {"rows": rows, "digest": f"{digest:x}"}
        for table, (rows, digest) in sorted(digests(connection, layout).items())
        if rows
    }
    now = datetime.now(UTC).isoformat()
    try:
        at = adopt(connection, folder, {"begun": now, **({"adopted": held} if held else {}), **why})
    except OSError as error:
        raise LogError(f"{folder / EVENTS} cannot be written: {error.strerror}.") from error
    _in_transaction(connection, lambda: set_position(connection, at))
    return at


def check_events(folder: Path, repairs: list[str]) -> Head:
    """Check all events; say how far they go, the texts of the last ones included.

    Raises:
        DamagedChain: an acknowledged event was changed or is gone, or the end of the texts is.
    """
    known, whole = read_head(folder / HEAD)
    found, wrong = read_chain(folder / EVENTS, known)
    texts = (folder / TEXTS).stat().st_size if (folder / TEXTS).exists() else 0
    if texts < known.beside:
        raise DamagedChain(
            f"The log is damaged: {folder / TEXTS} has {texts:,} bytes, and {known.beside:,} were "
            f"acknowledged; agon recover {folder} says what can be saved."
        )
    end = texts_of(folder, known, found)
    if not whole:
        repairs.append(f"One of the two places of {folder / HEAD} was damaged; the other one was read.")
    if wrong is not None or end != found:
        repairs.append(
            f"What follows event {end.events:,} in {folder / EVENTS} was cut off: it is not whole, "
            "and was acknowledged to nobody."
        )
    return end


def stands_on_chain(folder: Path, start: Head, end: Head) -> bool:
    """Whether a database stands somewhere on the chain."""
    return start.events <= end.events and start.size <= end.size and is_on_chain(folder, start)


def rebuild(folder: Path, end: Head) -> duckdb.DuckDBPyConnection:
    """Make the database anew of the events; the one that stood there is set aside."""
    path = folder / DATABASE
    path.with_name(f"{DATABASE}.wal").unlink(missing_ok=True)
    if path.exists():
        path.replace(path.with_name(DATABASE + ASIDE))
    return _made_of_events(folder, path, end)


def compacted(folder: Path, end: Head) -> duckdb.DuckDBPyConnection:
    """Make another database of the events beside the one that is open, without what that had erased."""
    path = folder / COMPACTED
    for left in (path, path.with_name(f"{COMPACTED}.wal")):
        left.unlink(missing_ok=True)
    return _made_of_events(folder, path, end)


def follow(connection: duckdb.DuckDBPyConnection, folder: Path, start: Head, end: Head) -> None:
    """Add to such a database what happened meanwhile, and close it."""
    if start != end:
        given = connection, Layout.of(connection), folder, start, end
        _in_transaction(connection, lambda: catch_up(*given))
    connection.execute("CHECKPOINT")
    connection.close()


def reconnect(folder: Path) -> duckdb.DuckDBPyConnection:
    """Open the database of an open log again, when another one took its place."""
    connection = connect(folder / DATABASE)
    connection.execute(UNSYNCHRONISED)
    return connection


def _made_of_events(folder: Path, path: Path, end: Head) -> duckdb.DuckDBPyConnection:
    try:
        connection = connect(path)
        _in_transaction(connection, lambda: _fill(connection, folder, end))
        add_lookups(connection)
        connection.execute("CHECKPOINT")
    except (duckdb.Error, OSError) as error:
        raise LogError(f"{path} cannot be made anew of {folder / EVENTS}: {sentence(error)}") from error
    return connection


def _fill(connection: duckdb.DuckDBPyConnection, folder: Path, end: Head) -> None:
    connection.execute(schema())
    catch_up(connection, Layout.of(connection), folder, Head(), end)
    found = connection.execute("SELECT coalesce(max(version), 0) FROM migrations").fetchall()[0][0]
    refuse_newer(str(folder), found)
    add_versions(connection, found)


def _in_transaction(connection: duckdb.DuckDBPyConnection, work: Callable[[], object]) -> None:
    connection.execute("BEGIN")
    try:
        work()
        connection.execute("COMMIT")
    except BaseException:
        with suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        raise


def must_be_log(folder: Path) -> None:
    """Refuse what holds no log: a name that was mistyped is not made one.

    Raises:
        LogError: there is no such folder, or none of a log's files is in it.
    """
    if not folder.exists():
        raise LogError(f"There is no log folder {folder}; check the path.")
    if not any((folder / name).exists() for name in (EVENTS, HEAD, DATABASE)):
        if snapshots(folder):
            raise LogError(
                f"{folder} holds files of votes alone, as agon import writes them, and no events of an "
                f"arena; agon check {folder} checks the votes, and a copy of the folder keeps them."
            )
        if (folder / "use" / EVENTS).exists():
            raise LogError(
                f"{folder} holds a log of use alone, and no events of an arena; agon verify {folder} checks "
                "it, and a copy of the folder keeps it, made while agon route-server is closed."
            )
        raise LogError(f"{folder} is no log: it has neither events nor a database; check the path.")
