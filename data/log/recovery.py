"""Opening a log so that its database follows its events: what is behind or damaged is made anew of them.

The events are checked whole whenever a log is opened. What is wrong with them is refused by name, and
`recover_log` says what can be saved: the events of a whole database, or the database of whole events.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from agon.data.files.snapshot_folder import snapshots
from agon.data.log.database import DATABASE, DamagedDatabase, Lock, add_lookups, connect, lock, open_database
from agon.data.log.events import (
    BACKUP,
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
from agon.data.log.hash_chain import ChainWriter, DamagedChain, Head, read_chain, read_head, read_lines
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
from agon.data.log.records import LogError, LogInUse
from agon.data.read_errors import sentence
from agon.ranking.leaderboard.row import plain

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
        return _without_events(folder)
    end, connection = check_events(folder, repairs), None
    erasing = blanked = is_marked(folder)
    if erasing:  # a process was killed while it erased texts, or just before
        blanked = bool(battles := erased_battles(folder, end))
        _or_log_error(folder, lambda: blank_texts(folder, end, battles))
    if held.trusted and not blanked and (folder / DATABASE).exists():
        with suppress(DamagedDatabase):
            connection = open_database(folder)
    start = None if connection is None else position(connection)
    if connection is not None and start is not None and start.events > end.events:
        connection.close()
        raise DamagedChain(_older(folder, start, end))
    if connection is not None and start is not None and _follows(folder, start, end):
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
        _finish_erasing(connection, folder, blanked)
        repairs.append(f"The erasure of texts that was begun in {folder} is done.")
    return _opened(folder, connection, end, repairs)


def _finish_erasing(connection: duckdb.DuckDBPyConnection, folder: Path, blanked: bool) -> None:
    """Remove what else holds erased texts, where the texts are blank and the database is made of them."""

    def remove() -> None:
        if blanked:
            remove_published(connection, folder)
            remove_nameless_images(connection, folder)
            remove_copies(folder)
        unmark(folder)

    try:
        _or_log_error(folder, remove)
    except BaseException:
        connection.close()
        raise


def _or_log_error(folder: Path, work: Callable[[], object]) -> None:
    try:
        work()
    except OSError as error:
        raise LogError(f"Texts of {folder} cannot be erased: {error.strerror}; mend that.") from error


def _older(folder: Path, database: Head, end: Head) -> str:
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


def _without_events(folder: Path) -> OpenLog:
    """A new log, or one of an older version."""
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


def _follows(folder: Path, start: Head, end: Head) -> bool:
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
        raise LogError(f"{folder} is no log: it has neither events nor a database; check the path.")


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
        votes, erased = _check_texts(folder, known if database is None else end, wrong)
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
                return [_older(folder, at, end)]
            if at is None or not _follows(folder, at, end):
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


def _check_texts(folder: Path, end: Head, wrong: list[str]) -> tuple[int, int]:
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


def acknowledged_votes(folder: Path) -> int:
    """How many votes the events hold that were acknowledged."""
    end = read_head(folder / HEAD)[0]
    return sum(b'"votes":[{' in line for line in read_lines(folder / EVENTS, 0, end.size))


def find_vote(folder: Path, receipt: str) -> str:
    """Say of the vote of a receipt where it stands, what it says, and where it counts or why not.

    Args:
        folder: the log folder.
        receipt: the hash of its event, or the beginning of it.

    Raises:
        LogError: the events are damaged, or none or several votes have this hash.
    """
    must_be_log(folder)
    wanted = receipt.strip().lower().encode()
    lineups, ballots = dict[int, list[str]](), dict[int, dict[str, list[int]]]()
    withdrawn: dict[int, int] = {}  # vote → the event that took it back
    found: list[tuple[int, dict[str, Any]]] = []
    whole = read_chain(folder / EVENTS, read_head(folder / HEAD)[0])[0]
    for line in read_lines(folder / EVENTS, 0, whole.size):
        mine = bool(wanted) and line[9 : 9 + len(wanted)] == wanted and b'"votes":[{' in line
        if b'"withdrawals":[{' in line:
            event = json.loads(line)
            withdrawn.update((row["number"], event["seq"]) for row in event["withdrawals"])
        if mine or b'"lineups":[{' in line or b'"ballots":[{' in line:
            event = json.loads(line)
            lineups.update((row["lineup"], row["models"]) for row in event.get("lineups", ()))
            ballots.update((row["ballot"], row) for row in event.get("ballots", ()))
            found += [(event["seq"], row) for row in event["votes"] if mine] if mine else []
    if len(found) != 1:
        raise LogError(
            f"{folder} has {'several votes' if found else 'no vote'} whose receipt begins with {receipt!r}; "
            "give it as the page showed it after the vote."
        )
    number, vote = found[0]
    ballot = ballots[vote["ballot"]]
    ranked = sorted(zip(ballot["places"], lineups[vote["lineup"]], strict=True), key=lambda one: one[0] or 99)
    said = ", ".join(f"{place or '-'} {plain(model)}" for place, model in ranked)
    bad = " (both bad)" if ballot.get("acceptable") and not any(ballot["acceptable"]) else ""
    if vote["number"] in withdrawn:
        counts = f"It counts on no board: it was withdrawn, in event {withdrawn[vote['number']]:,}."
    elif vote.get("same_model"):
        counts = "It counts on no board: one model was drawn twice, which measures the arena itself."
    elif vote.get("testing"):
        counts = "It counts on no board: a model was drawn that was not listed yet."
    elif vote.get("blind") is False:
        counts = "It counts on no board: its voter had been told who wrote this."
    else:
        groups = [plain(vote[label]) for label in ("category", "language") if vote.get(label)]
        counts = f"It counts on the boards of {', '.join(['all votes', *groups])}."
    return f"Vote {vote['number']:,} is event {number:,} of {whole.events:,}: {said}{bad}. {counts}"


@contextmanager
def log_at(folder: Path, head: str) -> Iterator[Path]:
    """A log as it was at an event, made of its events alone, so that it is the same wherever they are.

    Texts are not in it. An arena may have the log open meanwhile.

    Args:
        folder: the log folder.
        head: the hash of the event, or the beginning of it.

    Raises:
        LogError: the events are damaged, or none or several have this hash.
    """
    must_be_log(folder)
    if not (folder / EVENTS).exists():
        raise LogError(f"{folder} has no events; name the folder that agon serve keeps.")
    wanted = head.strip().lower().encode()
    now, found = Head(), list[Head]()
    whole = read_chain(folder / EVENTS, read_head(folder / HEAD)[0])[0]
    for line in read_lines(folder / EVENTS, 0, whole.size):
        now = Head(now.events + 1, now.size + len(line), line[9:73].decode())
        if wanted and line[9 : 9 + len(wanted)] == wanted:
            found.append(now)
    if len(found) != 1:
        many = f"{len(found):,} events" if found else "no event"
        raise LogError(
            f"{folder} has {many} whose hash begins with {head!r}; give the head that agon verify printed, "
            "whole."
        )
    with TemporaryDirectory(prefix="agon-") as place:
        copy = Path(place)
        with (folder / EVENTS).open("rb") as events, (copy / EVENTS).open("wb") as file:
            while (left := found[0].size - file.tell()) and (part := events.read(min(left, 1 << 20))):
                file.write(part)
        ChainWriter(copy / EVENTS, copy / TEXTS, copy / HEAD, found[0]).close()
        yield copy


def recover_log(folder: Path, *, lossy: bool = False) -> list[str]:
    """Mend a log: make its database anew of its events, or, where these are damaged, its events anew of that.

    What is replaced is set aside under the same name with .damaged.

    Args:
        folder: the log folder.
        lossy: whether acknowledged events may be given up that neither of both has.

    Returns:
        Sentences on what was done.

    Raises:
        LogError: nothing can be saved without losing what was acknowledged, or the disk fails.
    """
    must_be_log(folder)
    held = lock(folder)
    try:
        none = not (folder / EVENTS).exists() and not (folder / HEAD).exists()
        if none and _database_position(folder) is None:
            opened = _without_events(folder)
            opened.connection.close()
            opened.events.chain.close()
            return [f"{folder} had no events yet; it has {opened.events.chain.at.events:,} now."]
        done: list[str] = []
        erasing = is_marked(folder)
        if erasing:  # else what is half erased would be taken for damage, and from the database
            with suppress(DamagedChain):
                whole = check_events(folder, [])
                battles = erased_battles(folder, whole)
                _or_log_error(folder, lambda: blank_texts(folder, whole, battles))
        try:
            end = _sound_events(folder, done)
        except DamagedChain as error:
            return [*done, *_save(folder, str(error), lossy=lossy)]
        connection = rebuild(folder, end)
        if erasing:
            _finish_erasing(connection, folder, blanked=True)
        connection.close()
        ChainWriter(folder / EVENTS, folder / TEXTS, folder / HEAD, end).close()
        return [*done, f"The database of {folder} was made anew of its {end.events:,} events."]
    finally:
        held.release(closed=False)  # so that whoever reads it next writes its snapshot


def _sound_events(folder: Path, done: list[str]) -> Head:
    """How far events and texts are whole; without a head, as far as they go."""
    try:
        read_head(folder / HEAD)
    except DamagedChain:
        end = texts_of(folder, Head(), read_chain(folder / EVENTS, Head())[0])
        at = _database_position(folder)
        if at is not None and (at.events > end.events or not _follows(folder, at, end)):
            raise
        if not end.events:
            raise
        done.append(
            f"The head was made anew: {end.events:,} events are whole, and "
            + ("the database has no more." if at is not None else "nothing tells whether there were more.")
        )
        ChainWriter(folder / EVENTS, folder / TEXTS, folder / HEAD, end).close()
        return end
    end = check_events(folder, done)
    wrong: list[str] = []
    _check_texts(folder, end, wrong)
    if wrong:
        raise DamagedChain(wrong[0])
    at = _database_position(folder)
    if at is not None and at.events > end.events:
        raise DamagedChain(_older(folder, at, end))
    return end


def _database_position(folder: Path) -> Head | None:
    """How far a database followed the events, if it can be opened."""
    if not (folder / DATABASE).exists():
        return None
    try:
        connection = open_database(folder)
    except LogError:
        return None
    with connection:
        return position(connection)


def _save(folder: Path, why: str, *, lossy: bool) -> list[str]:
    """Begin the events anew of the database; or give up what follows the last whole event."""
    try:
        known: Head | None = read_head(folder / HEAD)[0]
    except DamagedChain:
        known = None
    at = _database_position(folder)
    aside = {name: _aside(folder / name) for name in (EVENTS, TEXTS, HEAD) if (folder / name).exists()}
    if at is not None and (known is None or at.events >= known.events):
        connection = open_database(folder)
        try:
            for name, kept in aside.items():
                (folder / name).replace(kept)
            before = {"events": at.events, "hash": at.hash}
            now = adopt_database(connection, folder, {"recovered": before})
        finally:
            connection.close()
        return [
            why.partition("; agon recover")[0] + ".",
            f"The database has everything up to event {at.events:,}: the events were begun anew with what it "
            f"holds ({now.events:,}), and those that were damaged stand in {aside.get(EVENTS, folder)}.",
        ]
    whole = _last_whole(folder)
    gone = f"{known.events - whole.events:,} of {known.events:,}" if known else "some"
    if not lossy:
        raise LogError(
            f"{why.partition('; agon recover')[0]}, and the database does not have everything either: {gone} "
            f"acknowledged events would be lost. Put a copy of {folder} back, or give them up: "
            f"agon recover {folder} --lossy."
        )
    for name in (EVENTS, TEXTS):
        if name in aside:
            shutil.copyfile(folder / name, aside[name])
    ChainWriter(folder / EVENTS, folder / TEXTS, folder / HEAD, whole).close()
    rebuild(folder, whole).close()
    return [f"Events were given up: {gone}. The log goes on after event {whole.events:,}."]


def _aside(path: Path) -> Path:
    """Where a file is set aside without replacing one that was before."""
    names = (f"{path.name}{ASIDE}{f'-{n}' * (n > 1)}" for n in count(1))
    return next(found for name in names if not (found := path.with_name(name)).exists())


def _last_whole(folder: Path) -> Head:
    """How far the events are whole, whatever the head says."""
    if not (folder / EVENTS).exists():
        return Head()
    return texts_of(folder, Head(), read_chain(folder / EVENTS, Head())[0])
