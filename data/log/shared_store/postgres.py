"""A record of truth in PostgreSQL: events as rows, added under the lock of one row, with one vote a battle.

Nothing else of Agon knows the driver. Every message names the address without its password.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg

from agon.data.log.migrations import SCHEMA_VERSION, refuse_newer
from agon.data.log.personal.day_key import KEY_BYTES, is_of_day
from agon.data.log.records import LogError
from agon.data.log.shared_store.shared_record import (
    ClientUse,
    NoSharedLog,
    SharedHead,
    SharedLine,
    StoreAwayError,
)
from agon.data.store_address import StoreAddress

if TYPE_CHECKING:
    from psycopg import Connection

FORMAT = 1  # of the tables below
_CLASS = 0x41676F6E  # of our advisory locks: "Agon"
CONNECT_SECONDS, LOCK_SECONDS, IDLE_SECONDS = 5, 10, 20
_SETTINGS = f"""
    SET synchronous_commit = on;
    SET lock_timeout = '{LOCK_SECONDS}s';
    SET statement_timeout = '60s';
    SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'"""
_TABLES = """
    CREATE TABLE agon_store (id text NOT NULL, format integer NOT NULL);
    CREATE TABLE agon_head (
        one boolean PRIMARY KEY DEFAULT true CHECK (one), events bigint NOT NULL, size bigint NOT NULL,
        hash text NOT NULL, log_schema integer NOT NULL);
    CREATE TABLE agon_events (
        seq bigint PRIMARY KEY, line bytea NOT NULL, kind text NOT NULL, battle text,
        process integer NOT NULL);
    CREATE INDEX agon_events_of_battle ON agon_events (battle);
    CREATE UNIQUE INDEX agon_one_vote ON agon_events (battle) WHERE kind = 'votes';
    CREATE TABLE agon_texts (seq bigint PRIMARY KEY REFERENCES agon_events, line bytea NOT NULL);
    CREATE TABLE agon_documents (name text PRIMARY KEY, content bytea NOT NULL);
    CREATE TABLE agon_images (sha256 text PRIMARY KEY, ending text NOT NULL, content bytea NOT NULL)"""
# What an event is called by the table whose row it adds, the first of these.
_KINDS = ("votes", "battles", "erasures", "turns")
_BATTLE = re.compile(rb'"battle_id":"([0-9a-f]{32})"')
_AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
)
# The key of one day. It is in no archive of the server, no copy of its files and no replica: of such a table
# nothing is written ahead.
_DAY = "CREATE UNLOGGED TABLE agon_day (day integer NOT NULL, key bytea NOT NULL)"
# What clients have of each process, for limits that hold in all of them; it need not outlive the server.
_USE = """
    CREATE UNLOGGED TABLE agon_use (
        process integer NOT NULL, client text NOT NULL, begun bigint NOT NULL, running integer NOT NULL,
        moment timestamptz NOT NULL, PRIMARY KEY (process, client))"""
_FORGET_USE = """
    DELETE FROM agon_use WHERE ctid IN (
        SELECT ctid FROM agon_use WHERE moment < now() - interval '1 hour' FOR UPDATE SKIP LOCKED)"""
_EXCHANGE_USE = """
    WITH told AS (
        INSERT INTO agon_use SELECT %(process)s, *, now()
        FROM unnest(%(clients)s::text[], %(begun)s::bigint[], %(running)s::integer[])
        ON CONFLICT (process, client)
        DO UPDATE SET begun = excluded.begun, running = excluded.running, moment = excluded.moment)
    SELECT process, client, begun, running FROM agon_use
    WHERE process <> %(process)s AND moment > now() - interval '10 seconds'"""
_FOREIGN = """
    SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename LIMIT 1"""
_WRITES = f"""
    SELECT process FROM (
        SELECT process FROM agon_events WHERE battle = %s AND kind IN ('battles', 'turns')
        ORDER BY seq DESC LIMIT 1) AS last
    WHERE EXISTS (
        SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = {_CLASS} AND objid::bigint = process
            AND objsubid = 2 AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"""


class PostgresRecord:
    """A record in a database of its own, or a schema that `search_path` names; its tables begin with agon_.

    Args:
        address: of the database.
        make: whether the tables are made where there are none.

    Raises:
        LogError: it is no address, the database is another application's, holds no record and none is to be
            made, or a newer version of Agon wrote it.
        StoreAwayError: the server cannot be reached, or does not let us in.
    """

    def __init__(self, address: str, *, make: bool = True) -> None:
        self._address = StoreAddress(address)
        self.name = self._address.shown
        try:
            psycopg.conninfo.conninfo_to_dict(self._address)
        except psycopg.Error:  # whose message may hold the password
            raise LogError(
                f"{self.name} is no address of PostgreSQL; write it as postgresql://USER@HOST/DATABASE."
            ) from None
        self._process = secrets.randbelow(2**31 - 1) + 1
        self._open: Connection | None = None  # of the thread that writes
        self._aside: Connection | None = None  # of all others
        self._one = threading.Lock()
        try:
            with self._beside() as connection:
                self.identity = self._opened(connection, make=make)
        except BaseException:
            self.close()
            raise

    def _opened(self, connection: Connection, *, make: bool) -> str:
        """Look what is there, and make the tables in a database that is empty; the record's identity."""
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_CLASS])
            there = _one(connection, "SELECT to_regclass('agon_store') IS NOT NULL")[0]
            if not there:
                foreign = connection.execute(_FOREIGN).fetchone()
                if foreign or not make:
                    what = f"tables of another application ({foreign[0]})" if foreign else "no log"
                    remedy = "name an empty database" if make else "check the address"
                    raise (LogError if make else NoSharedLog)(f"{self.name} holds {what}; {remedy}.")
                connection.execute(_TABLES)
                connection.execute("INSERT INTO agon_store VALUES (%s, %s)", [secrets.token_hex(8), FORMAT])
                connection.execute(
                    "INSERT INTO agon_head (events, size, hash, log_schema) VALUES (0, 0, %s, %s)",
                    ["0" * 64, SCHEMA_VERSION],
                )
            if make and not _one(connection, "SELECT to_regclass('agon_day') IS NOT NULL")[0]:
                connection.execute(_DAY)
            if make and not _one(connection, "SELECT to_regclass('agon_use') IS NOT NULL")[0]:
                connection.execute(_USE)
            identity, form = _one(connection, "SELECT id, format FROM agon_store")
            if form > FORMAT:
                raise LogError(
                    f"{self.name} was written by a newer version of Agon (its tables are of format {form}, "
                    f"this version knows {FORMAT}); upgrade Agon, or name another database. Nothing was "
                    "changed."
                )
            refuse_newer(self.name, _one(connection, "SELECT log_schema FROM agon_head")[0])
            if make:
                connection.execute(
                    "UPDATE agon_head SET log_schema = %s WHERE log_schema < %s", [SCHEMA_VERSION] * 2
                )
        return str(identity)

    @contextmanager
    def turn(self) -> Iterator[SharedHead]:
        """Be the only one who may add, until this is left; gives the head as it is then."""
        connection = self._writing()
        try:
            yield self._head(connection, " FOR UPDATE")
        finally:
            with suppress(psycopg.Error):
                connection.rollback()  # what was added is committed

    def add(self, lines: Sequence[SharedLine], head: SharedHead, *, more: bool = False) -> None:
        """Add events and a new head, within a turn, all or none; they hold when this returns, or, if more
        are to come, with the last of them."""
        connection, first = self._writing(), head.events - len(lines) + 1
        numbers = list(range(first, first + len(lines)))
        kinds = [_kind(line.event) for line in lines]
        battles = [found[1].decode() if (found := _BATTLE.search(line.event)) else None for line in lines]
        with self._named():
            connection.execute(
                "INSERT INTO agon_events SELECT *, %s FROM "
                "unnest(%s::bigint[], %s::bytea[], %s::text[], %s::text[])",
                [self._process, numbers, [line.event for line in lines], kinds, battles],
            )
            texts = [(n, line.texts) for n, line in zip(numbers, lines, strict=True) if line.texts]
            if texts:
                connection.execute(
                    "INSERT INTO agon_texts SELECT * FROM unnest(%s::bigint[], %s::bytea[])",
                    [list(column) for column in zip(*texts, strict=True)],
                )
            erased = [
                row["battle_id"]
                for line, kind in zip(lines, kinds, strict=True)
                if kind == "erasures"
                for row in json.loads(line.event)["erasures"]
            ]
            if erased:
                connection.execute(
                    "DELETE FROM agon_texts USING agon_events "
                    "WHERE agon_events.seq = agon_texts.seq AND battle = ANY(%s)",
                    [erased],
                )
            connection.execute(
                "UPDATE agon_head SET events = %s, size = %s, hash = %s", [head.events, head.size, head.hash]
            )
            if not more:
                connection.commit()

    def head(self) -> SharedHead:
        """How far the events go now."""
        with self._beside() as connection:
            return self._head(connection)

    def _head(self, connection: Connection, how: str = "") -> SharedHead:
        with self._named():
            *head, schema = _one(connection, f"SELECT events, size, hash, log_schema FROM agon_head{how}")
        refuse_newer(self.name, schema)
        return SharedHead(*head)

    def hash_of(self, number: int) -> str | None:
        """The hash of an event; None if it is not there."""
        with self._beside() as connection:
            row = connection.execute("SELECT line FROM agon_events WHERE seq = %s", [number]).fetchone()
        return bytes(row[0])[9:73].decode("ascii", "replace") if row else None

    def read(self, after: int, upto: int) -> Iterator[SharedLine]:
        """The events between two numbers, in order."""
        sql = (
            "SELECT e.line, t.line FROM agon_events e LEFT JOIN agon_texts t USING (seq) "
            "WHERE seq > %s AND seq <= %s ORDER BY seq"
        )
        with self._beside() as connection:
            rows = connection.execute(sql, [after, upto], binary=True).fetchall()
        return (SharedLine(bytes(event), bytes(texts or b"")) for event, texts in rows)

    def writes(self, battle_id: str) -> bool:
        """Whether another process that is alive began the last turn of a battle."""
        with self._beside() as connection:
            row = connection.execute(_WRITES, [battle_id]).fetchone()
        return row is not None and row[0] != self._process

    def document(self, name: str) -> bytes | None:
        """A small file that lies beside."""
        with self._beside() as connection:
            row = connection.execute("SELECT content FROM agon_documents WHERE name = %s", [name]).fetchone()
        return bytes(row[0]) if row else None

    def keep_document(self, name: str, content: bytes, *, replace: bool) -> bytes:
        """Keep one, or leave the one that is there; returns what is there then."""
        how = "UPDATE SET content = excluded.content" if replace else "NOTHING"
        with self._beside() as connection:
            connection.execute(
                f"INSERT INTO agon_documents VALUES (%s, %s) ON CONFLICT (name) DO {how}", [name, content]
            )
        return self.document(name) or content

    def document_size(self, name: str) -> int:
        """How many bytes one has; 0 if it is not there."""
        with self._beside() as connection:
            row = connection.execute(
                "SELECT octet_length(content) FROM agon_documents WHERE name = %s", [name]
            ).fetchone()
        return int(row[0]) if row else 0

    def extend_document(self, name: str, decide: Callable[[bytes], bytes]) -> None:
        """Add to the end of one what is decided on, while nobody else adds; it holds when this returns."""
        with self._beside() as connection, connection.transaction():
            connection.execute(
                "INSERT INTO agon_documents VALUES (%s, '') ON CONFLICT (name) DO NOTHING", [name]
            )
            row = connection.execute(
                "SELECT content FROM agon_documents WHERE name = %s FOR UPDATE", [name]
            ).fetchone()
            if more := decide(bytes(row[0]) if row else b""):
                connection.execute(
                    "UPDATE agon_documents SET content = content || %s WHERE name = %s", [more, name]
                )

    def key_of_day(self, day: int) -> bytes:
        """The key of a day, by which networks are hashed; made by who asks first, and no other is kept."""
        with self._beside() as connection, connection.transaction():
            connection.execute("LOCK TABLE agon_day")
            row = connection.execute("SELECT day, key FROM agon_day").fetchone()
            if row is not None and is_of_day(row[0], day):
                return bytes(row[1])
            key = secrets.token_bytes(KEY_BYTES)
            connection.execute("TRUNCATE agon_day")  # which leaves nothing of it on the disk
            connection.execute("INSERT INTO agon_day VALUES (%s, %s)", [day, key])
        return key

    def forget_day_key(self, day: int) -> None:
        """Remove the key of another day than this one."""
        with self._beside() as connection, connection.transaction():
            connection.execute("LOCK TABLE agon_day")
            row = connection.execute("SELECT day FROM agon_day").fetchone()
            if row is not None and not is_of_day(row[0], day):
                connection.execute("TRUNCATE agon_day")

    def exchange_use(self, own: Mapping[str, tuple[int, int]]) -> list[ClientUse]:
        """Tell what clients have of this process, and hear what they have of others."""
        begun, running = ([pair[i] for pair in own.values()] for i in (0, 1))
        given = {"process": self._process, "clients": list(own), "begun": begun, "running": running}
        with self._beside() as connection:
            connection.execute(_FORGET_USE)
            return [ClientUse(*row) for row in connection.execute(_EXCHANGE_USE, given).fetchall()]

    def keep_image(self, sha256: str, ending: str, content: bytes) -> None:
        """Keep an image."""
        with self._beside() as connection:
            connection.execute(
                "INSERT INTO agon_images VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                [sha256, ending, content],
            )

    def image(self, sha256: str) -> tuple[str, bytes] | None:
        """An image: how its file ends, and what it holds."""
        with self._beside() as connection:
            row = connection.execute(
                "SELECT ending, content FROM agon_images WHERE sha256 = %s", [sha256]
            ).fetchone()
        return (str(row[0]), bytes(row[1])) if row else None

    def images(self) -> list[str]:
        """The hashes of all images."""
        with self._beside() as connection:
            return [str(row[0]) for row in connection.execute("SELECT sha256 FROM agon_images").fetchall()]

    def remove_images(self, hashes: Iterable[str]) -> None:
        """Remove images."""
        with self._beside() as connection:
            connection.execute("DELETE FROM agon_images WHERE sha256 = ANY(%s)", [list(hashes)])

    def is_durable(self) -> bool:
        """Whether the server synchronises what it acknowledges with its disk."""
        with self._beside() as connection:
            return bool(_one(connection, "SHOW fsync")[0] == "on")

    def close(self) -> None:
        """Let go of it."""
        for one in (self._open, self._aside):
            if one is not None:
                one.close()
        self._open = self._aside = None

    def _writing(self) -> Connection:
        """The connection that writes, and by whose lock others know that this process is alive."""
        if self._open is None or self._open.closed:
            with self._named():
                self._open = self._connect()
                self._open.execute("SELECT pg_advisory_lock(%s, %s)", [_CLASS, self._process])
                self._open.commit()
        return self._open

    @contextmanager
    def _beside(self) -> Iterator[Connection]:
        """The connection for all else, one call at a time; each statement of it stands alone."""
        with self._one, self._named():
            if self._aside is None or self._aside.closed:
                self._aside = self._connect(alone=True)
            yield self._aside

    def _connect(self, *, alone: bool = False) -> Connection:
        connection = psycopg.connect(
            self._address,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            application_name="agon",
            keepalives_idle=10,
        )
        try:
            connection.execute(_SETTINGS)
            connection.autocommit = alone
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Say what the server said; a connection that broke is not used again."""
        try:
            yield
        except psycopg.errors.InsufficientPrivilege as error:
            raise LogError(
                f"{self.name} cannot be used: {_first_line(error)}; let this user create tables there, or "
                "name another database."
            ) from error
        except _AWAY as error:
            raise StoreAwayError(
                f"The store {self.name} cannot be reached: {_first_line(error)}. Start it, or check the "
                "address; votes may be sent again then."
            ) from error
        except psycopg.Error as error:
            raise LogError(f"The store {self.name} refused: {_first_line(error)}.") from error


def _kind(event: bytes) -> str:
    return next((kind for kind in _KINDS if f'"{kind}":[{{'.encode() in event), "other")


def _one(connection: Connection, sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    if row is None:
        raise LogError("A row of the store is gone; put a backup into an empty database.")
    return tuple(row)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].strip().rstrip(".;")
