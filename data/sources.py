"""Opening votes: a file, frame or table becomes a view of a private DuckDB connection.

Knows formats and their errors; what makes a row a valid vote is in validity.py, counting in votes.py.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ranking.errors import OptionError, SourceError, nearest

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSON: Mapping[str, Literal["newline_delimited", "auto"]] = {
    ".jsonl": "newline_delimited",
    ".ndjson": "newline_delimited",
    ".json": "auto",
}
PARQUET = (".parquet",)
DUCKDB = (".duckdb", ".db")
COMPRESSED = (".gz", ".zst")
# Columns whose type must not be guessed from a sample of the rows.
AS_TEXT = ("model_a", "model_b", "winner", "p_a", "weight", "models", "places", "acceptable", "voter")


@dataclass(frozen=True, eq=False)
class Source:
    """Rows as the view `unfiltered` of one connection.

    Attributes:
        name: what messages call it: the file's name, or "the DataFrame".
        connection: a DuckDB connection that reads nothing else.
        columns: the columns and their SQL types.
        where: the condition that rows must meet, checked to be one, or None.
    """

    name: str
    connection: duckdb.DuckDBPyConnection
    columns: Mapping[str, str]
    where: str | None

    def query(self, sql: str, parameters: list[Any] | None = None) -> pa.Table:
        """Run a query; it may take positional parameters.

        Raises:
            SourceError: the file turns out not to be readable, in one sentence.
        """
        import duckdb

        try:
            table: pa.Table = self.connection.sql(sql, params=parameters or None).to_arrow_table()
            return table
        except duckdb.Error as error:
            raise SourceError(f"{self.name} cannot be read: {sentence(error)}") from None


def describe(source: object) -> str:
    """Say in a message what was given."""
    if isinstance(source, str | Path):
        return str(source)
    return f"the {type(source).__name__}"


def open_source(
    source: object,
    *,
    where: str | None = None,
    table: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> Source:
    """Open votes for SQL.

    Args:
        source: path of a parquet, CSV, TSV, JSON lines or DuckDB file (.gz and .zst too), a log folder,
            a pandas or polars DataFrame, an Arrow table, or a DuckDB relation.
        where: an SQL condition on the columns; a person's own, never a visitor's.
        table: of a DuckDB file; "votes" if there is one.
        columns: our name for a column → its name in the source.

    Raises:
        SourceError: no such file, empty, of another format than its ending says, no such column.
        OptionError: `where` is not a condition on these columns.
    """
    import duckdb

    name = describe(source)
    connection = duckdb.connect(":memory:")
    try:
        relation = _relation(connection, source, name, table)
        relation = _renamed(relation, columns or {}, name)
    except duckdb.Error as error:
        raise SourceError(f"{name} cannot be read: {sentence(error)}") from None
    kinds = {column: str(kind) for column, kind in zip(relation.columns, relation.types, strict=True)}
    if where:
        try:
            relation.filter(where)
        except duckdb.Error as error:
            raise OptionError(f"where={where!r} is not a condition on {name}: {sentence(error)}") from None
    relation.create_view("unfiltered")
    return Source(name, connection, kinds, where)


def _relation(
    connection: duckdb.DuckDBPyConnection, source: object, name: str, table: str | None
) -> duckdb.DuckDBPyRelation:
    """Find the reader for what was given."""
    import duckdb

    if isinstance(source, str | Path):
        path = Path(source)
        if path.is_dir():
            return _log(connection, path)
        return _file(connection, check_file(path), table)
    if isinstance(source, duckdb.DuckDBPyRelation):
        source = source.to_arrow_table()
    return connection.from_arrow(as_arrow(source, name))


def as_arrow(frame: object, name: str) -> pa.Table:
    """Take a DataFrame or table through the Arrow interface.

    Raises:
        SourceError: not a table, no rows, or a column that mixes types.
    """
    import pyarrow as pa

    if isinstance(frame, pa.Table):
        table = frame
    elif hasattr(frame, "__arrow_c_stream__"):
        try:
            table = pa.table(frame)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise SourceError(f"{name} has a column that mixes types: {sentence(error)}") from None
    else:
        raise SourceError(
            f"Cannot read votes from {name}: give the path of a file, a DataFrame or an Arrow table."
        )
    if not table.num_rows:
        raise SourceError(f"{name} has no rows: there are no votes to read.")
    return table


def check_file(path: Path) -> Path:
    """Refuse a file that is missing, empty or plainly not of the format its ending says.

    Raises:
        SourceError: says which of these, and what to do.
    """
    if not path.exists():
        names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = f"; {nearest(path.name, names)}" if _close(path.name, names) else "; check the path"
        raise SourceError(f"There is no file {path}{hint}.".replace("?.", "?"))
    known = [*DELIMITERS, *JSON, *PARQUET, *DUCKDB]
    if ending(path) not in known:
        raise SourceError(
            f"{path} has no ending that names its format; rename it to one of {', '.join(known)}."
        )
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise SourceError(f"{path} cannot be opened: {error.strerror}.") from None
    if not head:
        raise SourceError(f"{path} is empty: there are no votes in it.")
    if path.suffix not in COMPRESSED:
        found = _looks_like(head)
        fits = {".parquet": "parquet", ".duckdb": "DuckDB", ".db": "DuckDB"}.get(ending(path), "text")
        if ending(path) in JSON and found == "text":
            found = "CSV or plain text"
        if found == "JSON" and ending(path) in JSON:
            found = fits
        if found != fits:
            raise SourceError(
                f"{path} is not what its ending says: it looks like {found}; rename or convert it."
            )
    return path


def ending(path: Path) -> str:
    """The ending that names the format, without that of the compression."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _looks_like(head: bytes) -> str:
    """Name the format that the first bytes of a file suggest."""
    if head.startswith(b"PAR1"):
        return "parquet"
    if head[8:12] == b"DUCK":
        return "DuckDB"
    if head.startswith(b"\x1f\x8b"):
        return "a gzip file"
    if b"\x00" in head:
        return "a binary file"
    return "JSON" if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else "text"


def _file(connection: duckdb.DuckDBPyConnection, path: Path, table: str | None) -> duckdb.DuckDBPyRelation:
    """Open one file that passed `check_file`."""
    kind = ending(path)
    if table is not None and kind not in DUCKDB:
        raise OptionError(f"table={table!r} belongs to a DuckDB file; {path} has no tables.")
    if kind in DUCKDB:
        return _database_table(connection, path, table)
    if kind in PARQUET:
        return connection.read_parquet(str(path))
    if kind in JSON:
        return connection.read_json(str(path), format=JSON[kind], sample_size=-1)
    header = _header(path, DELIMITERS[kind])
    text = {column: "VARCHAR" for column in header if column.lower() in AS_TEXT}
    return connection.read_csv(
        str(path), sep=DELIMITERS[kind], header=True, quotechar='"', escapechar='"', dtype=text
    )


def _header(path: Path, delimiter: str) -> list[str]:
    """Read the column names of a CSV file.

    Raises:
        SourceError: not UTF-8, the same name twice, or a header without rows.
    """
    if path.suffix == ".zst":
        return []
    opener = gzip.open if path.suffix == ".gz" else Path.open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        try:
            reader = csv.reader(file, delimiter=delimiter)
            header = next(reader, [])
            first = next((row for row in reader if row), None)
        except UnicodeDecodeError:
            raise SourceError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
        except (csv.Error, OSError, EOFError) as error:
            raise SourceError(f"{path} cannot be read as CSV: {sentence(error)}") from None
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise SourceError(f"{path} names the column {twice[0]!r} twice; give each column its own name.")
    if first is None:
        raise SourceError(f"{path} has a header but no rows: there are no votes in it.")
    return header


def _database_table(
    connection: duckdb.DuckDBPyConnection, path: Path, table: str | None
) -> duckdb.DuckDBPyRelation:
    """Open a table of a DuckDB file, read-only."""
    escaped = str(path).replace("'", "''")
    connection.execute(f"ATTACH '{escaped}' AS source (READ_ONLY)")
    found = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_catalog = 'source' ORDER BY 1"
    )
    tables = [row[0] for row in found.fetchall()]
    wanted = table if table is not None else "votes"
    if wanted not in tables:
        listed = nearest(wanted, tables) if tables else "it has no tables"
        raise SourceError(f"{path} has no table {wanted!r}; {listed}")
    return connection.table(f'source."{wanted.replace(chr(34), chr(34) * 2)}"')


def _log(connection: duckdb.DuckDBPyConnection, folder: Path) -> duckdb.DuckDBPyRelation:
    """Open the vote snapshots of a log folder."""
    files = sorted(str(file) for file in (folder / "votes").glob("*.parquet"))
    if not files:
        raise SourceError(
            f"{folder} is a folder without votes: a log keeps them in {folder / 'votes'}/*.parquet; "
            "name a file, or import votes into the log first."
        )
    return connection.read_parquet(files, union_by_name=True)


def _renamed(
    relation: duckdb.DuckDBPyRelation, columns: Mapping[str, str], name: str
) -> duckdb.DuckDBPyRelation:
    """Give columns of the source our names, as asked."""
    import duckdb

    for ours, theirs in columns.items():
        if theirs not in relation.columns:
            raise SourceError(f"{name} has no column {theirs!r}; {nearest(theirs, relation.columns)}")
        kept = [c for c in relation.columns if c != ours or ours == theirs]
        new = [] if ours == theirs else [duckdb.ColumnExpression(theirs).alias(ours)]
        relation = relation.select(*[duckdb.ColumnExpression(c) for c in kept], *new)
    return relation


def sentence(error: BaseException) -> str:
    """The first sentence of another library's message, ended with a full stop."""
    text = " ".join(str(error).split("\n\n")[0].split())
    for label in (
        "Invalid Input Error: ",
        "Binder Error: ",
        "IO Error: ",
        "Parser Error: ",
        "Catalog Error: ",
    ):
        text = text.removeprefix(label)
    return text[:300].rstrip(" .") + "."


def _close(word: str, known: list[str]) -> bool:
    return nearest(word, known).startswith("did you")
