"""What happens in a log as events of its chain, and the database as what follows from them.

An event holds the rows that one record adds, by table, each with the names of its columns; what is null is
left out. Texts that people and models wrote lie beside, each event's in a line with a salt of its own, and
the event holds the SHA-256 of that line: who erases the line leaves the chain whole and nothing to guess.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from agon.data.files.snapshot_folder import escaped
from agon.data.log.hash_chain import ChainWriter, Head, read_head, read_lines

if TYPE_CHECKING:
    import duckdb

EVENTS, TEXTS, HEAD = "events.jsonl", "texts.jsonl", "events.head"
BACKUP = "backup.json"  # in a copy of these: what it is; its database is made when it is opened
# The columns that lie beside. A record adds at most one row to each of these tables.
TEXT_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "turns": ("prompt", "images", "image_alts"),
    "generations": ("text", "detail", "reasoning", "masked"),
    "votes": ("comment", "network"),
    "skips": ("reason",),
    "attention_checks": ("prompt", "answers"),
    "remarks": ("reasons", "comment"),
}
POSITION = "head"  # the table with how far the database follows the chain; it is no part of any event
EventRows = Mapping[str, Sequence[tuple[Any, ...]]]
_IN_FIRST = ("migrations", "lineups", "ballots")  # what a log that is adopted has before its battles
_COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns()
    WHERE NOT internal AND table_name <> ? ORDER BY table_oid, column_index"""


@dataclass(frozen=True)
class Layout:
    """The tables of a log: {table: {column: (type, whether it may be null)}}."""

    tables: Mapping[str, Mapping[str, tuple[str, bool]]]

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection) -> Layout:
        """Read it from a database."""
        found: dict[str, dict[str, tuple[str, bool]]] = {}
        for table, column, kind, nullable in connection.execute(_COLUMNS, [POSITION]).fetchall():
            found.setdefault(table, {})[column] = (kind, bool(nullable))
        return cls(found)

    def encode(
        self, number: int, rows: EventRows, more: Mapping[str, Any] | None = None
    ) -> tuple[bytes, bytes]:
        """An event as canonical JSON, and the line of its texts; that is empty if it has none.

        Args:
            number: of the event, from 1.
            rows: what it adds, by table, as the database takes it.
            more: what else stands in the event.

        Raises:
            ValueError, TypeError: a value that JSON does not hold.
        """
        event: dict[str, Any] = {"seq": number}
        texts: dict[str, dict[str, Any]] = {}
        added: dict[str, list[dict[str, Any]]] = {}
        for table, found in rows.items():
            names, kinds = self._written[table]
            added[table] = named = [
                {
                    name: str(value) if kind == "HUGEINT" else value
                    for name, kind, value in zip(names, kinds, row, strict=True)
                    if value is not None
                }
                for row in found
            ]
            for column in TEXT_COLUMNS.get(table, ()):
                for row in named:
                    if column in row:
                        texts.setdefault(table, {})[column] = row.pop(column)
        line = b""
        if texts:
            line = _canonical({"seq": number, "salt": secrets.token_hex(16), "texts": texts})
            event["texts"] = sha256(line).hexdigest()
            line += b"\n"
        return _canonical({**event, **(more or {}), **added}), line

    def decode(self, event: bytes, texts: bytes) -> dict[str, list[tuple[Any, ...]]]:
        """The rows that an event adds, by table, as `encode` took them; a text that was erased is empty.

        Args:
            event: its line.
            texts: the line of its texts; blank where there are none, or they were erased.
        """
        found = json.loads(event)
        beside = json.loads(texts)["texts"] if texts.strip() else {}
        rows: dict[str, list[tuple[Any, ...]]] = {}
        for table, columns in self.tables.items():
            own = beside.get(table, {})
            for row in found.get(table, ()):
                values = {**row, **own}
                rows.setdefault(table, []).append(
                    tuple(
                        values.get(name, None if nullable else [] if kind.endswith("[]") else "")
                        for name, (kind, nullable) in columns.items()
                    )
                )
        return rows

    @cached_property
    def _written(self) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
        return {
            table: (tuple(columns), tuple(kind for kind, _ in columns.values()))
            for table, columns in self.tables.items()
        }

    def select(self, table: str) -> str:
        """SQL for the rows of a table as the events in $events have them, and the texts in $texts.

        A text that was erased is empty.
        """
        columns, beside = self.tables[table], self._beside(table)
        rows = (
            f"SELECT seq, unnest({table}) AS r FROM read_json($events, format = 'newline_delimited', "
            f"columns = {{'seq': 'BIGINT', '{table}': '{self._kept(table)}[]'}})"
        )
        if not beside:
            return f"SELECT {', '.join(f'r.{name}' for name in columns)} FROM ({rows})"
        texts = (
            f"SELECT seq, texts.{table} AS x FROM read_json($texts, format = 'newline_delimited', "
            f"columns = {{'seq': 'BIGINT', 'texts': 'STRUCT({table} {beside})'}}) "
            f"WHERE texts.{table} IS NOT NULL"
        )
        chosen = ", ".join(f"{value} AS {name}" for name, value in self._values(table, "x"))
        return f"SELECT {chosen} FROM ({rows}) LEFT JOIN ({texts}) USING (seq) ORDER BY seq"

    def digest(self, tables: Sequence[str]) -> str:
        """SQL for the rows of each table and the sum of their hashes, as the events in $events and the texts
        in $texts have them; both are read once.
        """
        kinds = ", ".join(f"'{table}': '{self._kept(table)}[]'" for table in tables)
        beside = ", ".join(f"{table} {kind}" for table in tables if (kind := self._beside(table)))
        found = []
        for table in tables:
            values = self._values(table, f"texts.{table}")
            named = ", ".join(f"'{name}': {value}" for name, value in values)
            row = f"{{{named}}}" if self._beside(table) else "r"
            hashes = f"[hash({row})::HUGEINT FOR r IN {table}]"
            found += [f"sum(len({table}))", f"sum(list_sum({hashes}))"]
        return (
            f"SELECT {', '.join(found)} FROM read_json($events, format = 'newline_delimited', "
            f"columns = {{'seq': 'BIGINT', {kinds}}}) LEFT JOIN read_json($texts, format = "
            f"'newline_delimited', columns = {{'seq': 'BIGINT', 'texts': 'STRUCT({beside})'}}) USING (seq)"
        )

    def _kept(self, table: str) -> str:
        """The type of a row without what lies beside."""
        texts = TEXT_COLUMNS.get(table, ())
        kinds = (f"{name} {kind}" for name, (kind, _) in self.tables[table].items() if name not in texts)
        return f"STRUCT({', '.join(kinds)})"

    def _beside(self, table: str) -> str:
        """The type of what lies beside; empty if nothing does."""
        columns = self.tables[table]
        kinds = [f"{name} {columns[name][0]}" for name in TEXT_COLUMNS.get(table, ()) if name in columns]
        return f"STRUCT({', '.join(kinds)})" if kinds else ""

    def _values(self, table: str, texts: str) -> Iterator[tuple[str, str]]:
        """SQL for each value of a row `r` with its `texts`."""
        for name, (kind, nullable) in self.tables[table].items():
            beside = name in TEXT_COLUMNS.get(table, ())
            yield name, _text(name, kind, nullable, texts) if beside else f"r.{name}"


def _text(name: str, kind: str, nullable: bool, of: str) -> str:
    if nullable:
        return f"{of}.{name}"
    return f"coalesce({of}.{name}, {'[]' if kind.endswith('[]') else repr('')})"


def _canonical(value: object) -> bytes:
    """One way to write it: keys in the order of the tables' columns, no spaces, UTF-8."""
    return json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain
    ).encode()


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return value.hex
    return value.item()  # of numpy; others have none, and are refused


@dataclass(frozen=True, slots=True)
class News:
    """What other processes added to a log that several share.

    Attributes:
        rows: by table.
        head: up to where they go.
        battles: that they are about.
    """

    rows: Mapping[str, Sequence[tuple[Any, ...]]]
    head: Head
    battles: frozenset[str]

    @classmethod
    def of(cls, layout: Layout, lines: Sequence[tuple[bytes, bytes]], head: Head) -> News:
        """Read them from the lines of their events and texts."""
        rows: dict[str, list[tuple[Any, ...]]] = {}
        battles = set[str]()
        for event, texts in lines:
            for table, found in layout.decode(event, texts).items():
                rows.setdefault(table, []).extend(found)
        for table, found in rows.items():
            if "battle_id" in (columns := list(layout.tables[table])):
                battles.update(row[columns.index("battle_id")] for row in found)
        return cls(rows, head, frozenset(battles))


class EventLog:
    """The events of an open log: its writer hands them over and acknowledges them.

    Attributes:
        chain: the file, and how far it was acknowledged.
        layout: of the database.
    """

    def __init__(self, folder: Path, at: Head, layout: Layout) -> None:
        self.chain = ChainWriter(folder / EVENTS, folder / TEXTS, folder / HEAD, at)
        self.layout = layout

    def turn(self) -> AbstractContextManager[Iterator[News]]:
        """Be the only one who writes; gives what others wrote since. A folder is its one writer's alone."""
        return nullcontext(iter(()))

    def news(self) -> Iterator[News]:
        """What others wrote since."""
        return iter(())

    def add(self, events: Sequence[EventRows]) -> Head:
        """Put events on the disk; they are not acknowledged yet.

        Raises:
            OSError: the disk does not take them; what it took may stand behind the head.
            ValueError, TypeError: a value that JSON does not hold.
        """
        first = self.chain.at.events + 1
        encoded = [self.layout.encode(first + i, rows) for i, rows in enumerate(events)]
        return self.chain.add([body for body, _ in encoded], b"".join(line for _, line in encoded))


def catch_up(
    connection: duckdb.DuckDBPyConnection, layout: Layout, folder: Path, start: Head, end: Head
) -> None:
    """Add what follows from the events between two heads to a database that has all before; in a transaction.

    Args:
        connection: to the database.
        layout: of it.
        folder: the log folder.
        start: how far the database follows them.
        end: how far they go.
    """
    files = [folder / EVENTS, folder / TEXTS]
    spans = ((start.size, end.size), (start.beside, end.beside))
    # Of a whole chain no part is copied, unless it grows meanwhile.
    part = start.size > 0 or any(p.stat().st_size > e for p, (_, e) in zip(files, spans, strict=True))
    if part:
        copies = [path.with_name(f".{path.name}.part") for path in files]
        for path, copy, (first, last) in zip(files, copies, spans, strict=True):
            _copy_part(path, copy, first, last)
        files = copies
    try:
        given = {"events": escaped(files[0]), "texts": escaped(files[1])}
        for table in layout.tables:
            sql = f"INSERT INTO {table} {layout.select(table)}"
            connection.execute(sql, given if "$texts" in sql else {"events": given["events"]})
        set_position(connection, end)
    finally:
        for copy in files if part else ():
            copy.unlink(missing_ok=True)


def _copy_part(path: Path, copy: Path, first: int, last: int) -> None:
    with path.open("rb") as file, copy.open("wb") as out:
        file.seek(first)
        while (left := last - file.tell()) > 0 and (found := file.read(min(left, 1 << 20))):
            out.write(found)


def set_position(connection: duckdb.DuckDBPyConnection, head: Head) -> None:
    """Note how far a database follows the chain; in the transaction that adds the rows."""
    now = [head.events, head.size, head.hash, head.beside]
    moved = connection.execute(f"UPDATE {POSITION} SET events = ?, size = ?, hash = ?, beside = ?", now)
    if moved.fetchall() == [(0,)]:
        connection.execute(f"INSERT INTO {POSITION} VALUES (?, ?, ?, ?)", now)


def position(connection: duckdb.DuckDBPyConnection) -> Head | None:
    """How far a database follows its chain; None if it has none."""
    row = connection.execute(f"SELECT events, size, hash, beside FROM {POSITION}").fetchone()
    return Head(*row) if row else None


def is_on_chain(folder: Path, head: Head) -> bool:
    """Whether a chain that is whole has this event where a database says."""
    with (folder / EVENTS).open("rb") as file:
        file.seek(max(0, head.size - 1))
        if file.read(1) != b"\n":
            return False
        before = min(head.size, 1 << 16)
        while True:
            file.seek(head.size - before)
            lines = file.read(before).split(b"\n")
            if len(lines) > 2 or before == head.size:
                return lines[-2][9:73].decode("ascii", "replace") == head.hash
            before = min(head.size, before * 4)


def texts_of(folder: Path, known: Head, found: Head) -> Head:
    """How far the events behind the head have their texts, which were written before them.

    Args:
        folder: the log folder.
        known: the head, up to which all was acknowledged.
        found: how far the events are whole.
    """
    now = known
    if found == known:
        return now
    texts = read_lines(folder / TEXTS, known.beside, 1 << 62) if (folder / TEXTS).exists() else iter(())
    for line in read_lines(folder / EVENTS, known.size, found.size):
        wanted, size = json.loads(line).get("texts"), 0
        if wanted is not None:
            text = next(texts, b"")
            if sha256(text[:-1]).hexdigest() != wanted:
                break
            size = len(text)
        now = Head(now.events + 1, now.size + len(line), line[9:73].decode(), now.beside + size)
    return now


def adopt(connection: duckdb.DuckDBPyConnection, folder: Path, why: Mapping[str, Any]) -> Head:
    """Begin a chain with what a database holds, an event for each row; a new log has none but its version.

    The files appear when they are whole, those that stood there are replaced.

    Args:
        connection: to the database.
        folder: the log folder.
        why: what the first event says of it.

    Raises:
        OSError: they cannot be written.
    """
    layout = Layout.of(connection)
    news = [folder / f"{name}.new" for name in (EVENTS, TEXTS, HEAD)]
    for new in news:
        new.unlink(missing_ok=True)
    writer = ChainWriter(news[0], news[1], news[2], Head())
    try:
        bodies, lines = [], []
        for body, line in _adopted(connection, layout, why):
            bodies.append(body)
            lines.append(line)
            if len(bodies) == 1 << 14:
                writer.at = writer.add(bodies, b"".join(lines))
                bodies, lines = [], []
        writer.acknowledge(writer.add(bodies, b"".join(lines)))
        writer.acknowledge(writer.at)
        at = writer.at
    finally:
        writer.close()
    for new, name in zip((news[1], news[2], news[0]), (TEXTS, HEAD, EVENTS), strict=True):
        new.replace(folder / name)
    return at


def _adopted(
    connection: duckdb.DuckDBPyConnection, layout: Layout, why: Mapping[str, Any]
) -> Iterator[tuple[bytes, bytes]]:
    first = {table: connection.execute(f"FROM {table}").fetchall() for table in _IN_FIRST}
    yield layout.encode(1, {table: rows for table, rows in first.items() if rows}, why)
    number = 1
    for table in layout.tables:
        if table in _IN_FIRST:
            continue
        found = connection.execute(f"FROM {table}")
        while rows := found.fetchmany(4096):
            for row in rows:
                number += 1
                yield layout.encode(number, {table: [row]})


def digests(
    connection: duckdb.DuckDBPyConnection, layout: Layout, folder: Path | None = None
) -> dict[str, tuple[int, int]]:
    """Rows of each table and a sum of their hashes, in the database, or in the events of a folder."""
    tables = sorted(layout.tables.keys() - {"migrations"})  # later versions are no events
    if folder is None:
        sums = (f"(SELECT sum(hash(t)::HUGEINT) FROM {table} AS t)" for table in tables)
        counts = (f"(SELECT count(*) FROM {table})" for table in tables)
        sql, given = (
            f"SELECT {', '.join(each for pair in zip(counts, sums, strict=True) for each in pair)}",
            {},
        )
    else:
        sql = layout.digest(tables)
        given = {"events": escaped(folder / EVENTS), "texts": escaped(folder / TEXTS)}
    found = [int(each or 0) for each in connection.execute(sql, given).fetchone() or ()]
    return dict(zip(tables, zip(found[::2], found[1::2], strict=True), strict=True))


def acknowledged_votes(folder: Path) -> int:
    """How many votes the events hold that were acknowledged."""
    end = read_head(folder / HEAD)[0]
    return sum(b'"votes":[{' in line for line in read_lines(folder / EVENTS, 0, end.size))
