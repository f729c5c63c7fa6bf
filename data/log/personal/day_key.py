"""The key of a day, by which votes of one network are told to be so, in a folder that one arena has.

It is in no backup: nobody who has one can try all networks to find whose a hash was. When its day is over it
is overwritten and removed.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from agon.data.log.records import LogError

DAY_KEY = ".networks.key"  # no backup has what begins with a dot
KEY_BYTES = 32


def key_of_day(folder: Path, day: int) -> bytes:
    """The key of a day; one that was made before, by a process that ended, or a new one.

    Args:
        folder: the log folder.
        day: its number since 1970, in UTC; a key of an earlier one is removed.

    Raises:
        LogError: it cannot be kept.
    """
    path = folder / DAY_KEY
    try:
        known = _read(path)
        if known is not None and is_of_day(known[0], day):
            return known[1]
        _remove(path)
        key = secrets.token_bytes(KEY_BYTES)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(f"{day} {key.hex()}".encode())
    except OSError as error:
        raise LogError(f"The key of the day, {path}, cannot be kept: {error.strerror}; mend that.") from error
    return key


def forget_day_key(folder: Path, day: int) -> None:
    """Remove the key of another day than this one.

    Raises:
        LogError: it cannot be removed.
    """
    path = folder / DAY_KEY
    try:
        known = _read(path)
        if known is None or not is_of_day(known[0], day):
            _remove(path)
    except OSError as error:
        raise LogError(
            f"The key of the day, {path}, cannot be removed: {error.strerror}; mend that."
        ) from error


def is_of_day(known: int, day: int) -> bool:
    """Whether a key that is there is that of a day; clocks differ, and at midnight the later one holds."""
    return known in (day, day + 1)


def _read(path: Path) -> tuple[int, bytes] | None:
    """The day and its key; None where there is none that is whole."""
    try:
        day, key = path.read_text("ascii").split()
        found = int(day), bytes.fromhex(key)
    except (FileNotFoundError, ValueError):
        return None
    return found if len(found[1]) == KEY_BYTES else None


def _remove(path: Path) -> None:
    """Overwrite a key, then remove it."""
    try:
        handle = os.open(path, os.O_WRONLY)
    except FileNotFoundError:
        return
    try:
        os.pwrite(handle, b"\0" * os.fstat(handle).st_size, 0)
        os.fsync(handle)
    finally:
        os.close(handle)
    path.unlink(missing_ok=True)
