"""Opening the file of a log: one process at a time, in a version that is known, and whole."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from pathlib import Path

import duckdb

from agon.data.log.migrations import SCHEMA_VERSION, migrate, version
from agon.data.log.records import LogError, LogInUse
from agon.data.read_errors import sentence

DATABASE = "agon.duckdb"
LOCK = "agon.lock"
# What an operating system says of a disk, not of what is on it.
DISK = "No space left|quota exceeded|File too large|Permission denied|Read-only|Too many open files"
# Votes are counted by two small numbers: through a table of up to 2^22 counters instead of a hash.
COUNTERS = "SET GLOBAL perfect_ht_threshold = 22"


def lock(folder: Path) -> int:
    """Make the folder if it is not there and take its lock; returns what `unlock` takes.

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
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
    except BlockingIOError:
        raise _taken(folder, os.pread(handle, 20, 0).decode("ascii", "replace")) from None
    except OSError as error:
        raise LogError(f"The log folder {folder} cannot be written: {error.strerror}.") from error
    else:
        taken, handle = handle, -1
        return taken
    finally:
        if handle >= 0:
            os.close(handle)


def unlock(handle: int) -> None:
    """Give the lock back."""
    os.close(handle)


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
        LogError: it is damaged, of a newer version or of something else, or another program has it open.
    """
    path = folder / DATABASE
    try:
        connection = _connect(path)
        found = version(connection, str(path))
        if 0 < found < SCHEMA_VERSION:
            connection.execute("CHECKPOINT")
            connection.close()
            shutil.copy2(path, path.with_name(f"{DATABASE}.v{found}"))
            connection = _connect(path)
        migrate(connection, str(path))
        _check_length(connection, path)
    except duckdb.Error as error:
        if holder := re.search(r"\(PID (\d+)\)", str(error)):
            raise _taken(folder, holder[1]) from error
        if re.search(DISK, str(error)):
            raise LogError(
                f"{path} cannot be opened: {sentence(error)} Mend that, or name another folder."
            ) from error
        raise LogError(
            f"{path} is damaged and cannot be opened: {sentence(error)} Move it away and put a copy back; "
            f"{folder / 'votes'} holds the votes up to the last snapshot."
        ) from error
    except OSError as error:
        raise LogError(f"{path} cannot be brought to this version of Agon: {error.strerror}.") from error
    return connection


def _check_length(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Refuse a file that was cut short, which the database notices only when it reads what is gone.

    Free blocks do not count: those at the end are cut off whenever the database is closed, and the header
    goes on counting them.
    """
    sql = "SELECT block_size, used_blocks FROM pragma_database_size()"
    size, used = connection.execute(sql).fetchall()[0]
    if path.stat().st_size < used * size:
        raise duckdb.IOException("The file is shorter than what it holds.")


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(path))
    connection.execute(COUNTERS)
    return connection
