"""Votes in a table of PostgreSQL: the server counts, and counts come back.

One transaction that only reads, of one moment, for as long as the votes are held: what is voted meanwhile
does not make counts that contradict each other.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
import pyarrow as pa

from agon.data.engines.dialects import parsed
from agon.data.engines.remote_source import RemoteSource, names_as_ours
from agon.data.sql import quote_name
from agon.data.store_address import StoreAddress
from agon.ranking.errors import SourceError, suggest

if TYPE_CHECKING:
    from psycopg import Connection

_PATIENCE = 10
_BATCH = 1 << 16  # rows at once
_SETTINGS = """
    SET LOCAL TimeZone = 'UTC';
    SET LOCAL DateStyle = 'ISO, YMD';
    SET LOCAL idle_in_transaction_session_timeout = 0"""
_REPEATED = ("model_a", "model_b", "winner")  # texts of which there are few
_LIST = r"'^\s*\['"  # how a list in JSON begins
_LISTS = {"models": "text", "places": "float8", "acceptable": "boolean"}
# Name of a type in PostgreSQL → as DuckDB calls it; all others are texts.
_KINDS = {
    "int2": "SMALLINT",
    "int4": "INTEGER",
    "int8": "BIGINT",
    "float4": "FLOAT",
    "float8": "DOUBLE",
    "numeric": "DECIMAL",
    "bool": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
}
_ELEMENTS = dict.fromkeys(("int2", "int4", "int8"), "int8") | {"bool": "bool"}
_ELEMENTS |= dict.fromkeys(("float4", "float8", "numeric"), "float8")
# Of what is asked for, by the name of its type.
_ARROW = {
    "bool": pa.bool_(),
    **dict.fromkeys(("int2", "int4", "int8"), pa.int64()),
    **dict.fromkeys(("float4", "float8", "numeric"), pa.float64()),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
}
_TYPES = """
    SELECT t.oid, t.typname, t.typcategory = 'A', e.typname
    FROM pg_type t LEFT JOIN pg_type e ON e.oid = t.typelem
    WHERE t.oid = ANY($1)"""
_TABLES = """
    SELECT CASE WHEN pg_table_is_visible(c.oid) THEN '' ELSE quote_ident(n.nspname) || '.' END
        || quote_ident(c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        AND n.nspname NOT LIKE 'pg\\_%' AND has_table_privilege(c.oid, 'SELECT')
    ORDER BY 1 LIMIT 200"""


class _Column(NamedTuple):
    """A column as SQL of PostgreSQL, and its type as DuckDB calls it."""

    sql: str
    kind: str


class PostgresSource(RemoteSource):
    """A table or view of PostgreSQL as a source of votes.

    Args:
        address: of the database.
        table: the table, with its schema if that is not on the search path; None is "votes".
        where: a condition in the SQL of DuckDB, or None.
        renamed: our name for a column → its name in the table.

    Raises:
        SourceError: the server cannot be reached or does not let us in, no such table, or no such column.
    """

    def __init__(
        self, address: str, table: str | None, where: str | None, renamed: Mapping[str, str]
    ) -> None:
        known = StoreAddress(address)
        connection = _connect(known)
        try:
            with _told(known.shown):
                connection.execute(_SETTINGS)
                found = _find_table(connection, known, table)
            name = f"{table or 'votes'} in {known.shown}"
            with _told(name):
                columns = _columns(connection, found, renamed, name)
        except BaseException:
            connection.close()
            raise
        listed = ", ".join(f"{one.sql} AS {quote_name(ours)}" for ours, one in columns.items())
        kinds = {ours: one.kind for ours, one in columns.items()}
        super().__init__(name, "postgres", parsed(f"SELECT {listed} FROM {found}"), kinds, where)
        object.__setattr__(self, "_open", connection)
        weakref.finalize(self, connection.close)

    def query(self, sql: str, parameters: list[Any] | None = None) -> pa.Table:
        """Run a query of DuckDB in PostgreSQL.

        Raises:
            SourceError: it cannot answer, in one sentence.
        """
        text = self.translated(sql, parameters)
        connection: Connection = self._open  # type: ignore[attr-defined]
        with self._one_at_a_time, _told(self.name), connection.transaction():
            return _read(connection, text, parameters)


def _connect(address: StoreAddress) -> Connection:
    """A connection whose transaction sees one moment and only reads.

    Raises:
        SourceError: there is none to be had.
    """
    try:
        psycopg.conninfo.conninfo_to_dict(address)
    except psycopg.Error:  # whose message may hold the password
        raise SourceError(
            f"{address.shown} is no address of PostgreSQL; write it as postgresql://USER@HOST/DATABASE, and "
            "the table of votes with table= (--table)."
        ) from None
    try:
        connection = psycopg.connect(
            address,
            connect_timeout=_PATIENCE,
            application_name="agon",
            cursor_factory=psycopg.RawCursor,
        )
    except psycopg.Error as error:
        raise SourceError(
            f"{address.shown} cannot be reached: {_sentence(error)}. Start it, or check the address."
        ) from None
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Say in one sentence what the server said.

    Raises:
        SourceError: it refused.
    """
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise SourceError(
            f"{name} may not be read by this user: {_sentence(error)}; whoever owns it may GRANT USAGE ON "
            "SCHEMA and GRANT SELECT ON TABLE to them."
        ) from None
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise SourceError(
            f"PostgreSQL did not finish with {name}: {_sentence(error)}; do it again."
        ) from None
    except psycopg.Error as error:
        raise SourceError(f"{name} cannot be read by PostgreSQL: {_sentence(error)}.") from None


def _sentence(error: psycopg.Error) -> str:
    """What went wrong, without where in our query it did."""
    said = error.diag.message_primary or (str(error).strip().splitlines() or [type(error).__name__])[0]
    return said.strip().rstrip(".;")


def _find_table(connection: Connection, address: StoreAddress, table: str | None) -> str:
    """The table, as SQL.

    Raises:
        SourceError: there is none of that name.
    """
    wanted = table or "votes"
    parts = [part if part.startswith('"') else quote_name(part) for part in wanted.split(".")]
    for spelt in (wanted, ".".join(parts)):  # in capitals it has to be quoted
        with _unless_no_name(connection):
            row = connection.execute("SELECT to_regclass($1)::oid::regclass::text", [spelt]).fetchone()
            if row and row[0]:
                return str(row[0])
    there = [str(row[0]) for row in connection.execute(_TABLES).fetchall()]
    if "agon_events" in there and table is None:
        raise SourceError(
            f"{address.shown} holds the log of an arena; copy it, and rank the copy: agon backup "
            f"{address.shown} --to FOLDER."
        )
    hint = (
        suggest(wanted, there) if table else f"it has {', '.join(there[:8])}; name one with table= (--table)."
    )
    raise SourceError(
        f"{address.shown} has no table {wanted!r} that may be read; "
        + (hint if there else "it has none at all; check the database in the address.")
    )


@contextmanager
def _unless_no_name(connection: Connection) -> Iterator[None]:
    """Take what cannot be the name of a table for one that there is not."""
    try:
        with connection.transaction():
            yield
    except (psycopg.errors.SyntaxError, psycopg.errors.FeatureNotSupported, psycopg.errors.InvalidName):
        return


def _columns(connection: Connection, table: str, renamed: Mapping[str, str], name: str) -> dict[str, _Column]:
    """Our name for each column → the column."""
    described = connection.execute(f"SELECT * FROM {table} LIMIT 0").description or []
    oids = list({one.type_code for one in described})
    rows = connection.execute(_TYPES, [oids]).fetchall()
    types = {oid: (kind, listed, element) for oid, kind, listed, element in rows}
    there = {one.name: one.type_code for one in described}
    named = names_as_ours(there, renamed, name)
    return {ours: _column(ours, quote_name(theirs), *types[there[theirs]]) for ours, theirs in named.items()}


def _column(ours: str, sql: str, kind: str, listed: bool, element: str | None) -> _Column:
    """A column in one of the types that are the same to us."""
    if kind in _KINDS:
        return _Column(sql, _KINDS[kind])
    if listed:
        made = _ELEMENTS.get(str(element), "text")
        names = {"int8": "BIGINT[]", "float8": "DOUBLE[]", "bool": "BOOLEAN[]", "text": "VARCHAR[]"}
        return _Column(f"{sql}::{made}[]", names[made])
    if ours in _LISTS and kind in ("json", "jsonb", "text", "varchar"):  # a list in JSON
        each = f"jsonb_array_elements_text({sql}::jsonb) WITH ORDINALITY AS agon_each(agon_value, agon_at)"
        made = f"ARRAY(SELECT agon_value FROM {each} ORDER BY agon_at)::{_LISTS[ours]}[]"
        made = f"CASE WHEN {sql}::text ~ {_LIST} THEN {made} END"
        return _Column(made, {"text": "VARCHAR[]", "float8": "DOUBLE[]"}.get(_LISTS[ours], "BOOLEAN[]"))
    if kind in ("json", "jsonb"):
        return _Column(f"({sql} #>> '{{}}')", "VARCHAR")
    return _Column(f"{sql}::text", "VARCHAR")


def _read(connection: Connection, text: str, parameters: list[Any] | None) -> pa.Table:
    """The answer to a query, taken in parts: a server with a cursor would not count on several cores."""
    with connection.cursor(binary=True) as cursor:
        size = _BATCH if psycopg.capabilities.has_stream_chunked() else 1
        rows = cursor.stream(text, parameters or None, size=size)
        batch = list(islice(rows, _BATCH))
        if not batch:  # then it did not say of what columns
            cursor.execute(f"SELECT * FROM ({text}) AS agon_none LIMIT 0", parameters or None)
        described = cursor.description or []
        schema = pa.schema([(one.name, _arrow_type(connection, one)) for one in described])
        tables = []
        while batch:
            columns = zip(zip(*batch, strict=True), schema, strict=True)
            tables.append(pa.table([_as_arrow(values, field) for values, field in columns], schema=schema))
            batch = list(islice(rows, _BATCH))
    return pa.concat_tables(tables) if tables else schema.empty_table()


def _as_arrow(values: tuple[Any, ...], field: pa.Field) -> pa.Array:
    """Values of a column of an answer."""
    if pa.types.is_floating(field.type):  # decimal numbers too
        values = tuple(None if value is None else float(value) for value in values)
    if pa.types.is_dictionary(field.type):
        return pa.array(values, field.type.value_type).dictionary_encode()
    return pa.array(values, field.type)


def _arrow_type(connection: Connection, column: psycopg.Column) -> pa.DataType:
    """The type in Arrow of a column of an answer."""
    info = connection.adapters.types.get(column.type_code)
    if info is None:
        return pa.string()
    kind = _ARROW.get(info.name, pa.string())
    if column.name in _REPEATED and kind == pa.string():
        return pa.dictionary(pa.int32(), kind)
    return pa.list_(kind) if column.type_code == info.array_oid else kind
