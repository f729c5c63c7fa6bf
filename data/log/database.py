"""Opening the file of a log: one process at a time, in a version that is known, and whole."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from agon.data.log.migrations import SCHEMA_VERSION, migrate, version
from agon.data.log.records import LogError, LogInUse
from agon.data.read_errors import sentence

DATABASE = "agon.duckdb"
LOCK = "agon.lock"
_BOOT = Path("/proc/sys/kernel/random/boot_id")
# What an operating system says of a disk, not of what is on it.
DISK = "No space left|quota exceeded|File too large|Permission denied|Read-only|Too many open files"
# Votes are counted by two small numbers: through a table of up to 2^22 counters instead of a hash.
COUNTERS = "SET GLOBAL perfect_ht_threshold = 22"
# What is looked up with every vote: what its voter did, and what belongs to a battle; else all rows are read
# for it. They are no part of the schema, and whichever version opens a database goes on without noticing.
_LOOKUPS = """
    CREATE INDEX IF NOT EXISTS votes_of_voter ON votes (voter);
    CREATE INDEX IF NOT EXISTS battles_of_voter ON battles (voter);
    CREATE INDEX IF NOT EXISTS consents_of_voter ON consents (voter);
    CREATE INDEX IF NOT EXISTS turns_of_battle ON turns (battle_id);
    CREATE INDEX IF NOT EXISTS generations_of_battle ON generations (battle_id)"""


class DamagedDatabase(LogError):  # noqa: N818 (it says what happened)
    """The database cannot be opened, or not read to the end."""


@dataclass
class Lock:
    """The lock of a log that is held.

    Attributes:
        handle: of its file.
        closed: whether the process before closed the log.
        trusted: whether the database is as that process left it: it was closed, or it was killed alone.
    """

    handle: int
    closed: bool
    trusted: bool

    def hold(self, *, trusted: bool) -> None:
        """Say who holds it, and whether the database is to be trusted if this process is killed."""
        self.trusted = trusted
        said = f"{os.getpid()} {_boot() if trusted else ''}".encode()
        os.pwrite(self.handle, said, 0)
        os.ftruncate(self.handle, len(said))
        os.fsync(self.handle)

    def release(self, *, closed: bool) -> None:
        """Give it back; `closed` if the database is on the disk, and its snapshot written.

        Its file is empty then, which `is_closed` asks for.
        """
        if closed:
            os.ftruncate(self.handle, 0)
        os.close(self.handle)


def lock(folder: Path) -> Lock:
    """Make the folder if it is not there and take its lock.

    Raises:
        LogError: the folder cannot be written, or somebody has the lock.
    """
    if folder.exists() and not folder.is_dir():
        raise LogError(f"{folder} is a file, and a log is a folder; name another one.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise LogError(
            f"The log folder {folder} cannot be written: {error.strerror}; make it writable, or name another."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        before, boot = os.pread(handle, 100, 0).decode("ascii", "replace"), _boot()
        taken = Lock(handle, not before, False)
        taken.hold(trusted=not before or (bool(boot) and before.endswith(f" {boot}")))
    except BlockingIOError:
        holder = os.pread(handle, 100, 0).decode("ascii", "replace").partition(" ")[0]
        raise _taken(folder, holder) from None
    except OSError as error:
        raise LogError(f"The log folder {folder} cannot be written: {error.strerror}.") from error
    else:
        handle = -1
        return taken
    finally:
        if handle >= 0:
            os.close(handle)


def is_closed(folder: Path) -> bool:
    """Whether the last process that had the log open closed it."""
    path = folder / LOCK
    return path.exists() and path.stat().st_size == 0


def synchronize(folder: Path) -> bool:
    """Put a database that was closed on the disk; whether that went well."""
    try:
        handle = os.open(folder / DATABASE, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError:
        return False
    return not (folder / f"{DATABASE}.wal").exists()


def _boot() -> str:
    """Which start of the computer this is; empty if it does not say."""
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return ""


def _taken(folder: Path, holder: str) -> LogInUse:
    """Say who has the log open."""
    if holder == str(os.getpid()):
        return LogInUse(f"The log {folder} is open in this process already; use that one.")
    who = f"process {holder}" if holder.isdigit() else "another process"
    return LogInUse(
        f"The log {folder} is open in {who}, and a log has one writer; stop it, or name another folder. "
        f"Its votes can be read meanwhile: agon rank {folder}."
    )


def open_database(folder: Path) -> duckdb.DuckDBPyConnection:
    """Open the database of a folder whose lock is held, in the current version.

    An older one is copied to agon.duckdb.vN beside it before it is changed.

    Raises:
        DamagedDatabase: it is damaged.
        LogError: it is of a newer version or of something else, or another program has it open.
    """
    path = folder / DATABASE
    try:
        connection = connect(path)
        found = version(connection, str(path))
        if 0 < found < SCHEMA_VERSION:
            connection.execute("CHECKPOINT")
            connection.close()
            shutil.copy2(path, path.with_name(f"{DATABASE}.v{found}"))
            connection = connect(path)
        _migrate(connection, path)
        _check_length(connection, path)
    except duckdb.Error as error:
        if holder := re.search(r"\(PID (\d+)\)", str(error)):
            raise _taken(folder, holder[1]) from error
        if re.search(DISK, str(error)):
            raise LogError(
                f"{path} cannot be opened: {sentence(error)} Mend that, or name another folder."
            ) from error
        raise DamagedDatabase(
            f"{path} is damaged and cannot be opened: {sentence(error)} Move it away and put a copy back; "
            f"{folder / 'votes'} holds the votes up to the last snapshot."
        ) from error
    except OSError as error:
        raise LogError(f"{path} cannot be brought to this version of Agon: {error.strerror}.") from error
    return connection


def _migrate(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    try:
        migrate(connection, str(path))
    except (duckdb.CatalogException, duckdb.BinderException, duckdb.ConstraintException) as error:
        connection.close()
        raise LogError(f"{path} cannot be brought to this version of Agon: {sentence(error)}") from error


def _check_length(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Refuse a file that was cut short, which the database notices only when it reads what is gone.

    Free blocks do not count: those at the end are cut off whenever the database is closed, and the header
    goes on counting them.
    """
    sql = "SELECT block_size, used_blocks FROM pragma_database_size()"
    size, used = connection.execute(sql).fetchall()[0]
    if path.stat().st_size < used * size:
        raise duckdb.IOException("The file is shorter than what it holds.")


def add_lookups(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the indexes by which voters and battles are looked up, where they are not there yet."""
    connection.execute(_LOOKUPS)


def connect(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a database as every log has it."""
    connection = duckdb.connect(str(path))
    connection.execute(COUNTERS)
    return connection
