"""Verifying a log: every event and text against the chain, and the database against the events."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import duckdb

from agon.data.log.database import DATABASE, lock
from agon.data.log.events import BACKUP, EVENTS, HEAD, TEXTS, Layout, digests, position
from agon.data.log.hash_chain import DamagedChain, Head, read_chain, read_head
from agon.data.log.personal.erasing import is_marked
from agon.data.log.records import LogError, LogInUse
from agon.data.log.recovery.opening import check_events, must_be_log, older_copy, stands_on_chain
from agon.data.read_errors import sentence


@dataclass(frozen=True)
class LogCheck:
    """What was found of a log.

    Attributes:
        head: how far its events go; None if they are damaged.
        votes: how many votes there are among them.
        compared: whether the database was compared with them.
        erased: texts that were erased.
        wrong: a sentence on each thing that is wrong.
    """

    head: Head | None
    votes: int
    compared: bool
    erased: int
    wrong: tuple[str, ...]


def verify_log(folder: Path) -> LogCheck:
    """Check every event and text of a log, and that its database says the same; nothing is written.

    While an arena has the log open, its database is not compared; a backup has none until it is opened.

    Raises:
        LogError: there are no events, or they cannot be read.
    """
    must_be_log(folder)
    if not (folder / EVENTS).exists() and not (folder / HEAD).exists():
        raise LogError(
            f"{folder} has no events to verify: a log of an older version gets them when it is opened, "
            f"as agon recover {folder} does."
        )
    if (folder / BACKUP).exists() and not (folder / DATABASE).exists():
        return _verify(folder, None)
    try:
        held = lock(folder)
    except LogInUse:
        return _verify(folder, None)
    try:
        return _verify(folder, folder / DATABASE)
    finally:
        held.release(closed=held.closed)


def _verify(folder: Path, database: Path | None) -> LogCheck:
    wrong: list[str] = []
    marked = is_marked(folder)
    with ThreadPoolExecutor(1) as beside:  # DuckDB reads the events while the chain is checked here
        try:
            known, _ = read_head(folder / HEAD)
            ahead = None
            if database is not None and not marked and database.exists():
                ahead = beside.submit(_compare, folder, database, known)
            end = read_chain(folder / EVENTS, known)[0] if database is None else check_events(folder, wrong)
        except DamagedChain as error:
            return LogCheck(None, 0, False, 0, (str(error),))
        if marked and database is not None:
            wrong.append(
                f"The erasure of texts of {folder} was interrupted; it goes on when the log is opened the "
                f"next time, as agon recover {folder} does."
            )
            return LogCheck(end, 0, False, 0, tuple(wrong))
        votes, erased = compare_texts(folder, known if database is None else end, wrong)
        if database is None:
            return LogCheck(known, votes, False, erased, tuple(wrong))
        if ahead is None:
            wrong.append(f"{database} is gone; the next time the log is opened it is made anew.")
            return LogCheck(end, votes, False, erased, tuple(wrong))
        wrong.extend(ahead.result() if end == known else _compare(folder, database, end))
        return LogCheck(end, votes, True, erased, tuple(wrong))


def _compare(folder: Path, database: Path, end: Head) -> list[str]:
    """What of a database is not as the events say, which go to this end."""
    try:
        with duckdb.connect(str(database), read_only=True) as connection:
            at = position(connection)
            layout = Layout.of(connection)
            if at is not None and at.events > end.events:
                return [older_copy(folder, at, end)]
            if at is None or not stands_on_chain(folder, at, end):
                return [
                    f"{database} is not of these events; the next time the log is opened it is made anew."
                ]
            if at != end:
                return [f"{database} is behind its events; it follows the next time the log is opened."]
            held, meant = digests(connection, layout), digests(connection, layout, folder)
            return [
                f"The table {table} of {database} differs from the events: {held[table][0]:,} rows, and "
                f"{meant[table][0]:,} there; agon recover {folder} makes it anew."
                for table in meant
                if held[table] != meant[table]
            ]
    except duckdb.Error as error:
        return [f"{database} cannot be read: {sentence(error)} agon recover {folder} makes it anew."]


def compare_texts(folder: Path, end: Head, wrong: list[str]) -> tuple[int, int]:
    """Compare every text with what its event says of it; the votes, and the texts erased.

    While texts are being erased, some are half blank, and none is compared.
    """
    votes, blank, known = 0, 0, 0
    erasing = is_marked(folder)
    with (folder / EVENTS).open("rb", buffering=1 << 20) as events, (folder / TEXTS).open("rb") as texts:
        for line in events:
            known += len(line)
            if known > end.size:
                break
            votes += b'"votes":[{' in line
            start = line.find(b',"texts":"', 75, 110)
            if start < 0:
                continue
            text = texts.readline()
            if not text.strip():
                blank += 1
            elif not erasing and sha256(text[:-1]).hexdigest().encode() != line[start + 10 : start + 74]:
                number = line[82 : line.index(b",", 82)].decode()
                wrong.append(
                    f"The texts of event {number} in {folder / TEXTS} are not "
                    f"what was written; agon recover {folder} takes them from the database."
                )
                break
    return votes, blank
