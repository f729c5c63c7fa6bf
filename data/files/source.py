"""Opening votes: a file, frame or table becomes a view of a private DuckDB connection.

Knows formats and their errors; what makes a row a valid vote is in ../validation.py, counting in
table_source.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from agon.data.files.reader import COMPRESSION, DUCKDB, PARQUET, Rows, check_file, ending, read_rows
from agon.data.files.snapshot_folder import escaped, open_folder, put_together, snapshots
from agon.data.frames import frame_to_arrow
from agon.data.read_errors import sentence
from agon.data.sql import quote_name, quote_text
from agon.data.validation import LABELS, rows_text
from agon.ranking import Comparisons
from agon.ranking.errors import OptionError, SourceError, suggest

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

# From names and types of columns: further ones as SQL, and SQL that is true of wrong rows, by what is wrong.
Derive = Callable[["pa.Schema"], tuple[Mapping[str, str], Mapping[str, str]]]
# Columns whose type must not be guessed from a sample of the rows.
AS_TEXT = ("model_a", "model_b", "winner", "p_a", "weight", "models", "places", "acceptable", "voter")
QUOTES = " (a text with a comma or a line break in it stands in double quotes)"
PEOPLE = {"human", "humans", "people", "person"}
JUDGES = {"llm", "llm-judge", "llm_judge", "judge", "model", "ai"}
_OURS = (*AS_TEXT, "timestamp", "battle_id", "prompt_id", "voter_kind", "blind")


@dataclass(frozen=True, eq=False)
class Source:
    """Rows as the view `unfiltered` of one connection.

    Attributes:
        name: what messages call it: the file's name, or "the DataFrame".
        connection: a DuckDB connection that reads nothing else.
        columns: the columns and their SQL types.
        where: the condition that rows must meet, checked to be one, or None. It ends with a line break,
            so that a comment in it ends too.
        path: the file, if it is one.
        faults: what is wrong with rows whose texts cannot be read → SQL that is true of them.
    """

    name: str
    connection: duckdb.DuckDBPyConnection
    columns: Mapping[str, str]
    where: str | None
    path: Path | None = None
    faults: Mapping[str, str] = field(default_factory=dict)
    _one_at_a_time: Lock = field(default_factory=Lock)

    @property
    def remote(self) -> bool:
        """Whether the rows are elsewhere, in no order, so that only counts of them are asked for."""
        return False

    def define(self, sql: str) -> None:
        """Let the view `votes` stand for a query.

        Raises:
            SourceError: the file turns out not to be readable as votes, in one sentence.
        """
        import duckdb

        try:
            self.connection.execute(f"CREATE OR REPLACE VIEW votes AS {sql}")
        except duckdb.Error as error:
            raise SourceError(f"{self.name} cannot be read as votes: {sentence(error)}") from None

    def query(self, sql: str, parameters: list[Any] | None = None) -> pa.Table:
        """Run a query; it may take positional parameters. Threads take turns: a connection serves one.

        Raises:
            SourceError: the file turns out not to be readable, in one sentence.
        """
        import duckdb

        try:
            with self._one_at_a_time:
                table: pa.Table = self.connection.sql(sql, params=parameters or None).to_arrow_table()
            return table
        except duckdb.Error as error:
            raise SourceError(f"{self.name} cannot be read: {sentence(error)}") from None


def describe_source(source: object) -> str:
    """Say in a message what was given."""
    if isinstance(source, str | Path):
        return str(source)
    if isinstance(source, tuple) and source:
        more = len(source) - 1
        return f"{source[0]} and {more} more file{'' if more == 1 else 's'}"
    return f"the {type(source).__name__}"


def check_path(source: object) -> None:
    """Refuse the text of a file where its path is wanted.

    Raises:
        SourceError: a text of several lines.
    """
    if isinstance(source, str) and "\n" in source:
        raise SourceError("This text is no path; write it into a file, and give the path of that file.")


def open_source(
    source: object,
    *,
    where: str | None = None,
    table: str | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    name: str | None = None,
    rows: Rows | None = None,
    derive: Derive | None = None,
) -> Source:
    """Open votes for SQL.

    Args:
        source: path of a parquet, CSV, TSV, JSON lines or DuckDB file (.gz and .zst too), a log folder,
            a tuple of several, one after the other, each a path or the table of what was read of it,
            a pandas or polars DataFrame, an Arrow table, or a DuckDB relation.
        where: an SQL condition on the columns; a person's own, never a visitor's.
        table: of a DuckDB file; "votes" if there is one.
        columns: our name for a column → its name in the source.
        labels: a word in the column winner → ours.
        name: what messages call it.
        rows: those of a text file that was read already.
        derive: further columns as SQL, from the names and types of those that are there; and wrong rows.

    Raises:
        SourceError: no such file, empty, of another format than its ending says, no such column.
        OptionError: `where` is not a condition on these columns.
    """
    import duckdb

    name = describe_source(source) if name is None else name
    path = Path(source) if isinstance(source, str | Path) else None
    several = (
        [Path(one) for one in source if isinstance(one, str | Path)] if isinstance(source, tuple) else []
    )
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")  # a time without an offset is UTC, as everywhere
    try:
        if isinstance(source, tuple):
            parts = [
                _as_ours(
                    _relation(connection, one, name, table, None),
                    columns,
                    labels,
                    describe_source(one),
                    derive,
                )
                for one in source
            ]
            relation = put_together(connection, parts, name)
        else:
            relation = _relation(connection, source, name, table, rows)
            relation = _as_ours(relation, columns, labels, name, derive)
    except duckdb.Error as error:
        raise SourceError(f"{name} cannot be read: {sentence(error)}") from None
    _shut(connection, several or ([] if path is None else [path]))
    if where is not None:
        _check_condition(relation, where, name)
    relation.create_view("unfiltered")
    kinds = {column: str(kind) for column, kind in zip(relation.columns, relation.types, strict=True)}
    faults = {} if derive is None else derive(relation.limit(0).to_arrow_table().schema)[1]
    return Source(name, connection, kinds, f"{where}\n" if where else None, path, faults)


def _as_ours(
    relation: duckdb.DuckDBPyRelation,
    columns: Mapping[str, str] | None,
    labels: Mapping[str, str] | None,
    name: str,
    derive: Derive | None,
) -> duckdb.DuckDBPyRelation:
    """Give a source our names of columns, our words for the winner, and the columns that are derived."""
    relation = _with_voter_kind(_named_as_ours(_renamed(relation, columns or {}, name)))
    relation = relation if derive is None else _with_derived(relation, derive)
    return _with_labels(relation, labels or {}, name)


def _check_condition(relation: duckdb.DuckDBPyRelation, where: str, name: str) -> None:
    """Refuse a `where` that is not one true-or-false expression on the columns."""
    import duckdb

    if not isinstance(where, str):
        raise OptionError(
            f"where is a condition in SQL, such as \"language = 'en'\", not a {type(where).__name__}; "
            "or give the rows that you want."
        )
    if not where.strip():
        raise OptionError("where is empty; write a condition on the columns, or leave it out.")
    try:
        relation.filter(where)
        kinds = [str(kind) for kind in relation.select(duckdb.SQLExpression(where)).types]
    except duckdb.Error as error:
        said = sentence(error)
        unknown = re.match(r'Referenced column "(.+?)" not found', said)
        if unknown and f'"{unknown[1]}"' in where:
            said = f"there is no column {unknown[1]!r}; a text stands in single quotes: '{unknown[1]}'."
        elif unknown:
            said = f"there is no column {unknown[1]!r}; {suggest(unknown[1], relation.columns)}"
        raise OptionError(f"where={where!r} is not a condition on {name}: {said}") from None
    if set(kinds) != {"BOOLEAN"}:
        raise OptionError(
            f"where={where!r} is not a condition on {name}: it gives {kinds[0]}, not true or false; "
            "compare it with something."
        )


def _shut(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> None:
    """Let a `where` read nothing but the source itself."""
    files = [file for path in paths for file in (snapshots(path) if path.is_dir() else [path])]
    allowed = [name for file in files for name in (str(file), escaped(file))]
    listed = ", ".join(quote_text(name) for name in allowed)
    connection.execute(f"SET allowed_paths = [{listed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _relation(
    connection: duckdb.DuckDBPyConnection, source: object, name: str, table: str | None, rows: Rows | None
) -> duckdb.DuckDBPyRelation:
    """Find the reader for what was given."""
    import duckdb

    if isinstance(source, str | Path):
        path = Path(source)
        if path.is_dir():
            return open_folder(connection, path)
        return _file(connection, check_file(path), table, rows)
    if isinstance(source, duckdb.DuckDBPyRelation):
        source = source.to_arrow_table()
    return connection.from_arrow(as_arrow(source, name))


def as_arrow(frame: object, name: str) -> pa.Table:
    """Take a DataFrame or table through the Arrow interface.

    Raises:
        SourceError: not a table, no rows, or a column that mixes types.
    """
    import pyarrow as pa

    if hasattr(frame, "to_frame") and not hasattr(frame, "columns"):
        raise SourceError(f"Cannot read votes from {name}: it is one column; give the whole DataFrame.")
    if isinstance(frame, pa.Table):
        table = frame
    elif hasattr(frame, "__arrow_c_stream__"):
        try:
            table = pa.table(frame)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise SourceError(f"{name} has a column that mixes types: {sentence(error)}") from None
    elif (found := frame_to_arrow(frame)) is not None:
        table = found
    else:
        raise SourceError(f"Cannot read votes from {name}: {_instead(frame)}.")
    if not table.num_rows:
        raise SourceError(f"{name} has no rows: there are no votes to read.")
    return table


def _instead(given: Any) -> str:
    """What to give instead of something that is no frame."""
    if isinstance(getattr(given, "name", None), str | Path) and hasattr(given, "read"):
        return f"give the path of the file, {str(given.name)!r}, not the file opened"
    if isinstance(given, Comparisons):
        return "give what these votes were read from, a path or a frame: its rows are looked at once more"
    if hasattr(given, "__next__"):
        return "give a list of its rows: list(...)"
    if hasattr(given, "ndim"):
        return (
            "name its columns in a DataFrame; counts of wins go to ag.Comparisons.from_counts(models, wins)"
        )
    return "give the path of a file, a DataFrame, an Arrow table, a list of rows or a mapping of columns"


def _file(
    connection: duckdb.DuckDBPyConnection, path: Path, table: str | None, rows: Rows | None
) -> duckdb.DuckDBPyRelation:
    """Open one file that passed `check_file`."""
    kind = ending(path)
    if table is not None and kind not in DUCKDB:
        raise OptionError(f"table={table!r} belongs to a DuckDB file; {path} has no tables.")
    if kind in DUCKDB:
        return _database_table(connection, path, table)
    if kind in PARQUET and path.suffix.lower() not in COMPRESSION:
        return connection.read_parquet(escaped(path), hive_partitioning=False)
    return connection.from_arrow(_whole(rows or read_rows(path, AS_TEXT), path).table())


def _whole(rows: Rows, path: Path) -> Rows:
    """Refuse rows that could not be read at all."""
    if rows.broken:
        reason = rows.broken[0][0]
        numbers = [number for why, number in rows.broken if why == reason]
        raise SourceError(
            f"{path} has a {reason} in {rows_text(numbers, len(numbers))}; correct it, or remove it"
            f"{QUOTES if 'fields' in reason else ''}."
        )
    return rows


def _database_table(
    connection: duckdb.DuckDBPyConnection, path: Path, table: str | None
) -> duckdb.DuckDBPyRelation:
    """Open a table of a DuckDB file, read-only."""
    others = connection.execute("SELECT count(*) FROM duckdb_databases() WHERE NOT internal").fetchall()
    catalog = f"source_{others[0][0]}"
    connection.execute(f"ATTACH {quote_text(str(path))} AS {catalog} (READ_ONLY)")
    found = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_catalog = ? ORDER BY 1", [catalog]
    )
    tables = [row[0] for row in found.fetchall()]
    if table is None and {"migrations", "lineups"} & set(tables):
        if path.name == "agon.duckdb":
            raise SourceError(
                f"{path} is the arena's own database; rank its folder: agon rank {path.parent}."
            )
        raise SourceError(
            f"{path} is a copy of an arena's own database; put it into a folder alone, as agon.duckdb, "
            "begin its events with agon recover, and rank that folder."
        )
    wanted = table if table is not None else "votes"
    if wanted not in tables:
        hint = f"it has {', '.join(tables)}; name one with table= (--table)."
        hint = "it has no tables." if not tables else hint if table is None else suggest(wanted, tables)
        raise SourceError(f"{path} has no table {wanted!r}; {hint}")
    return connection.table(f'{catalog}."{wanted.replace(chr(34), chr(34) * 2)}"')


def _renamed(
    relation: duckdb.DuckDBPyRelation, columns: Mapping[str, str], name: str
) -> duckdb.DuckDBPyRelation:
    """Give columns of the source our names, as asked."""
    import duckdb

    if not isinstance(columns, Mapping):
        raise OptionError(
            f"columns says which of your columns is ours, such as {{'model_a': 'left'}}; it is no "
            f"{type(columns).__name__}."
        )
    for ours, theirs in columns.items():
        if theirs not in relation.columns and ours in relation.columns and theirs in _OURS:
            raise OptionError(f"columns names ours first: write columns={{{theirs!r}: {ours!r}}}.")
        if theirs not in relation.columns:
            raise SourceError(f"{name} has no column {theirs!r}; {suggest(theirs, relation.columns)}")
    kept = [duckdb.ColumnExpression(column) for column in relation.columns if column not in columns]
    new = [duckdb.ColumnExpression(theirs).alias(ours) for ours, theirs in columns.items()]
    return relation.select(*kept, *new) if new else relation


def _with_derived(relation: duckdb.DuckDBPyRelation, derive: Derive) -> duckdb.DuckDBPyRelation:
    """Put columns beside those that are there, which are worked out where they are asked for."""
    made, _ = derive(relation.limit(0).to_arrow_table().schema)
    listed = "".join(f', {sql} AS "{column}"' for column, sql in made.items())
    return relation.project(f"*{listed}") if made else relation


def _with_labels(
    relation: duckdb.DuckDBPyRelation, labels: Mapping[str, str], name: str
) -> duckdb.DuckDBPyRelation:
    """Say the winner in our words where the source has others."""
    import duckdb

    if not labels:
        return relation
    if "winner" not in relation.columns:
        raise SourceError(f"{name} has no column winner whose labels could mean something else.")
    winner: Any = duckdb.ColumnExpression("winner").cast("VARCHAR")
    value: Any = winner
    for theirs, ours in labels.items():
        if ours not in LABELS and theirs in LABELS:
            raise OptionError(f"labels names your word first: write labels={{{ours!r}: {theirs!r}}}.")
        if ours not in LABELS:
            raise OptionError(f"There is no winner {ours!r} to read {theirs!r} as; {suggest(ours, LABELS)}")
        key: object = theirs
        words = {str(key).lower() if isinstance(key, bool) else str(key)}
        if isinstance(key, int | float) and not isinstance(key, bool):
            words |= {str(float(key)), f"{key:g}"}  # numbers beside a gap are 1.0 in pandas
        is_theirs = winner.isin(*map(duckdb.ConstantExpression, sorted(words)))
        value = duckdb.CaseExpression(is_theirs, duckdb.ConstantExpression(ours)).otherwise(value)
    kept = [duckdb.ColumnExpression(column) for column in relation.columns if column != "winner"]
    return relation.select(*kept, value.alias("winner"))


def _with_voter_kind(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Tell judges from people where the source says it in a column of another name.

    A row with a `judge_model` is of a judge; so is one whose `judge` is a list, the model and its prompt, as
    MT-bench writes it; and where `source` holds nothing but the words for the two kinds, it says which.
    """
    kinds = {name.lower(): str(kind) for name, kind in zip(relation.columns, relation.types, strict=True)}
    judge = None
    if "voter_kind" in kinds:
        return relation
    if "judge_model" in kinds:
        judge = "nullif(CAST(judge_model AS VARCHAR), '') IS NOT NULL"
    elif kinds.get("judge", "").endswith("[]"):
        judge = "len(judge) > 0"
    elif kinds.get("judge") == "VARCHAR" and relation.filter("judge LIKE '[%'").limit(1).fetchall():
        judge = "judge LIKE '[%'"
    elif kinds.get("source") == "VARCHAR":
        found = {row[0] for row in relation.select("lower(source) AS s").distinct().limit(9).fetchall()}
        if found & PEOPLE and found & JUDGES and found <= PEOPLE | JUDGES:
            judge = f"lower(source) IN ({', '.join(map(repr, sorted(JUDGES)))})"
    if judge is None:
        return relation
    return relation.project(f"*, CASE WHEN {judge} THEN 'llm' ELSE 'human' END AS voter_kind")


def _named_as_ours(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Give the columns of votes their names in lower case, and as texts where JSON mixes types."""
    import duckdb

    chosen, changed = [], False
    taken = set(relation.columns)
    for column, kind in zip(relation.columns, map(str, relation.types), strict=True):
        ours = column.lower() if column.lower() in _OURS and column.lower() not in taken else column
        value: Any = duckdb.ColumnExpression(column)
        if ours in AS_TEXT and kind == "JSON":
            value = duckdb.SQLExpression(f"{quote_name(column)} ->> '$'")
        changed |= ours != column or kind == "JSON"
        chosen.append(value.alias(ours))
    return relation.select(*chosen) if changed else relation
