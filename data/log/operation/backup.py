"""Backups: a whole copy of a log folder as it was at one moment, made while an arena goes on writing to it.

What was acknowledged up to a head is never changed, so that it is copied without stopping anybody: the events
and texts up to there. Whatever else lies in the folder is copied too, but what is made of the events. A copy
is verified before it gets its name, and one that was killed has none.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from agon.data.files.snapshot_folder import CRITERIA, SAME_MODEL, TESTING, WITHDRAWN
from agon.data.files.writer import whole_file
from agon.data.log.events import BACKUP, EVENTS, HEAD, TEXTS
from agon.data.log.hash_chain import ChainWriter, Head, read_head, synchronize_folder
from agon.data.log.image_files import IMAGES
from agon.data.log.personal.erasing import is_marked, mark
from agon.data.log.records import LogError
from agon.data.log.recovery.opening import must_be_log
from agon.data.log.study_journal import STUDIES
from agon.data.log.text_parts import LOG_TABLES
from agon.ranking.errors import OptionError

LAST_BACKUP = "last_backup.json"  # in the log: what was copied last, and where to
ARCHIVES = (".tar", ".tar.gz", ".tgz")
_OTHER_ARCHIVES = (".zip", ".7z", ".gz", ".bz2", ".xz", ".zst")  # no names of folders
_CHAIN = (EVENTS, TEXTS, HEAD)
_MADE = {
    *LOG_TABLES,
    SAME_MODEL,
    TESTING,
    WITHDRAWN,
    CRITERIA,
    "servers",
}  # folders of what can be made again, and of notes
_TRIES = 3  # a text that is erased while it is copied is half erased in the copy
_HALF = ".half"


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made.

    Attributes:
        path: the folder, or the archive.
        head: up to where it goes.
        votes: how many there are in it, those withdrawn among them.
        images: how many files of images.
        size: bytes of all files.
        made: when.
        removed: older backups that went for it.
    """

    path: Path
    head: Head
    votes: int
    images: int
    size: int
    made: datetime
    removed: tuple[Path, ...] = ()


def backup_log(folder: str | Path, to: str | Path, *, keep: int | None = None) -> Backup:
    """Copy a log whole, while an arena may be writing to it, and verify the copy.

    Every vote that was acknowledged before the call is in it, and so is the key that signs sessions and
    pseudonyms: a backup is as secret as a password. The database is left out, and made anew of the events
    when the copy is opened.

    Args:
        folder: the log folder.
        to: a folder that gets the backup as a folder of its own, named by the log and the time; or an
            archive that ends in .tar, .tar.gz or .tgz.
        keep: how many backups of this log the folder keeps, this one among them; the oldest go. All if left
            out.

    Raises:
        OptionError: `keep` is below 1 or given for an archive, that is there already, or the copy would lie
            in the log.
        LogError: there is no log, it is not whole, or the copy cannot be written; nothing is left of it.
    """
    log, target = Path(folder), Path(to)
    archive = target.name.endswith(ARCHIVES)
    if keep is not None and (keep < 1 or archive):
        raise OptionError(
            f"keep is for a folder of backups, and at least 1, not {keep} for {target}; leave it out, or "
            "name a folder."
        )
    if not archive and (target.is_file() or (target.suffix in _OTHER_ARCHIVES and not target.is_dir())):
        what = "a file" if target.is_file() else "no archive that is made here"
        raise OptionError(
            f"{target} is {what}; name a folder of backups, or a file that ends in {', '.join(ARCHIVES)}."
        )
    if archive and target.exists():
        raise OptionError(f"{target} is there already; name another file, or a folder of backups.")
    must_be_log(log)
    if not (log / EVENTS).exists() and not (log / HEAD).exists():
        raise LogError(
            f"{log} has no events to copy; name the folder that agon serve keeps. A log of an older version "
            f"gets them by agon recover {log}."
        )
    place = target.parent if archive else target
    if log.resolve() in (place.resolve(), *place.resolve().parents):
        raise OptionError(
            f"{target} lies in the log {log} and would be lost with it; name a folder elsewhere, on another "
            "disk if there is one."
        )
    try:
        place.mkdir(parents=True, exist_ok=True)
        with _alone(place):
            return _copied(log, place, target if archive else None, keep)
    except OSError as error:
        raise LogError(
            f"The backup of {log} in {place} was not made: {error.strerror or error}. Nothing is left of it."
        ) from error


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Be the only one who backs up into a folder; what a killed one left half is removed."""
    handle = os.open(place, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LogError(f"Another backup into {place} is being made; wait for it.") from None
        except OSError:  # a file system without locks: what is half there may be somebody's who is at it
            yield
            return
        for half in place.glob(f".*{_HALF}"):
            shutil.rmtree(half) if half.is_dir() else half.unlink()
        yield
    finally:
        os.close(handle)


def _copied(log: Path, place: Path, archive: Path | None, keep: int | None) -> Backup:
    now = datetime.now(UTC)
    name = f"{log.resolve().name}-{now:%Y%m%dT%H%M%SZ}"
    path = archive or next(
        one for n in range(1, 1000) if not (one := place / (f"{name}-{n}" if n > 1 else name)).exists()
    )
    half = place / f".{name}{_HALF}"
    half.mkdir(mode=0o700)
    try:
        head, votes = _copy_chain(log, half)
        images = _copy_rest(log, half)
        said = {
            "made": now.isoformat(),
            "events": head.events,
            "votes": votes,
            "head": head.hash,
            "images": images,
        }
        (half / BACKUP).write_text(json.dumps(said, indent=1) + "\n", "utf-8")
        size = sum(one.stat().st_size for one in half.rglob("*") if one.is_file())
        for one in (*half.rglob("*"), half):
            synchronize_folder(one)  # of a file it is the same call
        if archive is None:
            half.replace(path)
        else:
            _pack(half, archive)
        synchronize_folder(place)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    removed = () if keep is None else _rotate(log, place, keep)
    backup = Backup(path, head, votes, images, size, now, removed)
    with (
        suppress(Exception),
        whole_file(log / LAST_BACKUP) as file,
    ):  # a log that is read alone is copied all the same
        file.write(json.dumps({**said, "to": str(path.resolve()), "size": size}, indent=1).encode())
    return backup


def _copy_chain(log: Path, half: Path) -> tuple[Head, int]:
    """Copy events, texts, head and the journals of studies; returns the head and the votes up to it.

    Raises:
        LogError: the copy is not whole, because the log is not.
    """
    from agon.data.log.recovery.verifying import verify_log

    wrong = ""
    for _ in range(_TRIES):
        with ExitStack() as held:  # a seat whose votes are copied is copied, too, and an end after all votes
            journals = [
                (path, held.enter_context(path.open("rb"))) for path in (log / STUDIES).glob("*.jsonl")
            ]
            for _path, file in journals:
                fcntl.flock(file, fcntl.LOCK_SH)
            said = {path.name: file.read() for path, file in journals}
            heads = (path.with_suffix(".head") for path, _file in journals)
            said |= {path.name: path.read_bytes() for path in heads if path.exists()}
            head, _whole = read_head(log / HEAD)
        if said:
            (half / STUDIES).mkdir(exist_ok=True)
        for name, content in said.items():
            (half / STUDIES / name).write_bytes(content)
        if is_marked(log):  # an event may be copied that erases what is not blank yet
            mark(half)
        for name, size in ((EVENTS, head.size), (TEXTS, head.beside)):
            _copy_part(log / name, half / name, size)
        (half / HEAD).unlink(missing_ok=True)
        ChainWriter(half / EVENTS, half / TEXTS, half / HEAD, head).close()
        (half / BACKUP).touch()
        found = verify_log(half)
        if found.head == head and not found.wrong:
            return head, found.votes
        wrong = found.wrong[0].partition("; agon recover")[0].rstrip(".").replace(str(half), str(log))
    raise LogError(f"{log} is not whole, and no backup was made of it: {wrong}; agon verify {log} says more.")


def _copy_part(source: Path, target: Path, size: int) -> None:
    """Copy the first bytes of a file that grows."""
    with source.open("rb") as of, target.open("wb") as file:
        while (left := size - file.tell()) and (part := of.read(min(left, 1 << 20))):
            file.write(part)
        if left:
            raise LogError(
                f"{source} has {size - left:,} bytes, and {size:,} were acknowledged; agon verify "
                f"{source.parent} says more."
            )


def _copy_rest(log: Path, half: Path) -> int:
    """Copy whatever else lies in a log and is not made of its events; returns the number of images."""
    images = 0
    for source in sorted(log.rglob("*")):
        inside = source.relative_to(log)
        if not _kept(inside) or not source.is_file():
            continue
        target = half / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copy(source, target)  # with its mode: the key is its owner's alone
        except FileNotFoundError:  # erased meanwhile
            target.unlink(missing_ok=True)
            continue
        if inside.parts[0] == IMAGES:
            images += 1
            if sha256(target.read_bytes()).hexdigest() != target.stem:
                raise LogError(
                    f"{source} is not the image that its name says, and no backup was made; put a copy of it "
                    "back, or remove it."
                )
    return images


def _kept(inside: Path) -> bool:
    """Whether a file of a log belongs into a backup beside the chain."""
    first, name = inside.parts[0], inside.name
    if any(part.startswith(".") for part in inside.parts) or first in _MADE or ".damaged" in name:
        return False
    if len(inside.parts) == 1:
        return not name.startswith(("agon.duckdb", "agon.lock", "events.", "texts.", BACKUP, LAST_BACKUP))
    return inside != Path("votes", "arena.parquet") and first != STUDIES


def _pack(half: Path, archive: Path) -> None:
    """Put a copy into one file, which appears when it is whole."""
    part = half.with_name(f".{archive.name}{_HALF}")
    name = archive.name
    for ending in sorted(ARCHIVES, key=len, reverse=True):
        name = name.removesuffix(ending)
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w" if archive.suffix == ".tar" else "w:gz") as tar:
                tar.add(half, name)
            file.flush()
            os.fsync(file.fileno())
        part.replace(archive)
    finally:
        part.unlink(missing_ok=True)


def list_backups(log: Path, place: Path) -> list[Path]:
    """The backups of a log in a folder, the oldest first; one with which an arena went on is a log."""
    found = place.glob(f"{log.resolve().name}-[0-9]*T[0-9]*Z*")
    return sorted(one for one in found if _untouched(one))


def _untouched(backup: Path) -> bool:
    """Whether a folder is a backup to which nothing was added."""
    try:
        said = json.loads((backup / BACKUP).read_text("utf-8"))
        return bool(said["head"] == read_head(backup / HEAD)[0].hash)
    except (OSError, ValueError, KeyError, TypeError, LogError):
        return False


def _rotate(log: Path, place: Path, keep: int) -> tuple[Path, ...]:
    """Remove the oldest backups of a log."""
    old = list_backups(log, place)[:-keep]
    for one in old:
        gone = one.with_name(f".{one.name}{_HALF}")
        one.replace(gone)
        shutil.rmtree(gone)
    return tuple(old)


def last_backup(folder: Path) -> dict[str, Any] | None:
    """When the last backup of a log was made, up to where, and where to; None if there is none."""
    try:
        found = json.loads((folder / LAST_BACKUP).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
