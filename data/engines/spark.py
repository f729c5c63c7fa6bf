"""Votes in Spark: a session counts, and counts come back; nothing else is brought here."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agon.data.engines.dialects import rewritten
from agon.data.engines.remote_source import RemoteSource, names_as_ours
from agon.ranking.errors import SourceError

if TYPE_CHECKING:
    import pyarrow as pa

RELATION = "agon_votes_of_spark"  # the name of the frame in a query, which is given with it


class SparkSource(RemoteSource):
    """A frame of Spark as a source of votes.

    Args:
        name: what messages call it.
        frame: of Spark; its session answers.
        where: a condition in the SQL of DuckDB, or None.
        renamed: our name for a column → its name in the frame.
    """

    def __init__(self, name: str, frame: Any, where: str | None, renamed: Mapping[str, str]) -> None:
        made = _named(frame, renamed, name)
        columns = _kinds(made)
        super().__init__(name, "spark", rewritten(f"SELECT * FROM {RELATION}", columns), columns, where)
        object.__setattr__(self, "_frame", made)

    def query(self, sql: str, parameters: list[Any] | None = None) -> pa.Table:
        """Run a query of DuckDB in Spark.

        Raises:
            SourceError: Spark cannot answer it, in one sentence.
        """
        from pyspark.errors import PySparkException

        logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)  # pages of Java
        text = self.translated(sql, parameters)
        text = text.replace("{", "{{").replace("}", "}}")  # Spark fills in what stands in braces
        text = text.replace(RELATION, f"{{{RELATION}}}", 1)
        frame = self._frame  # type: ignore[attr-defined]
        try:
            found = frame.sparkSession.sql(text, args=parameters or None, **{RELATION: frame})
            table: pa.Table = found.toArrow()
        except PySparkException as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise SourceError(f"{self.name} cannot be read by Spark: {lines[0].rstrip('.')}.") from None
        return table


def spark_source(
    source: object,
    *,
    where: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> SparkSource:
    """Open votes in Spark.

    Args:
        source: a frame of Spark, a folder or file of parquet, the folder of a Delta table, or the name of a
            table that the session knows, such as "lake.arena.votes".
        where: an SQL condition on the columns.
        columns: our name for a column → its name there.

    Raises:
        SourceError: no Spark, no Java, no such table, or no such column.
    """
    if hasattr(source, "sparkSession"):
        return SparkSource("the Spark DataFrame", source, where, columns or {})
    name = str(source)
    session = _session()
    from pyspark.errors import PySparkException

    try:
        if Path(name).exists():
            form = "delta" if (Path(name) / "_delta_log").is_dir() else "parquet"
            frame = session.read.format(form).load(str(Path(name).resolve()))
        else:
            frame = session.table(name)
    except PySparkException as error:
        said = str(error).strip().splitlines()[0].rstrip(".")
        raise SourceError(
            f"Spark finds no votes at {name}: {said}. Name a folder of parquet files, or a table that the "
            "session knows."
        ) from None
    return SparkSource(name, frame, where, columns or {})


def _session() -> Any:
    """The session that there is, else one on this machine.

    Raises:
        SourceError: Spark or Java is not there.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ModuleNotFoundError:
        raise SourceError(
            "engine='spark' needs the part for Spark; install it: pip install 'agon-arena[spark]'."
        ) from None
    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    try:
        making = SparkSession.builder.appName("agon").config("spark.ui.enabled", "false")
        session = making.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    except (PySparkException, RuntimeError, OSError) as error:
        if "JAVA" in str(error).upper():
            raise SourceError(
                "Spark needs Java 17 or later, and none answers here; install it, or say where it is in the "
                "environment variable JAVA_HOME."
            ) from None
        raise SourceError(f"Spark does not start: {str(error).splitlines()[0]}.") from None
    session.sparkContext.setLogLevel("ERROR")
    return session


def _named(frame: Any, renamed: Mapping[str, str], name: str) -> Any:
    """The frame with our names of columns.

    Raises:
        SourceError: no such column.
    """
    found = names_as_ours(frame.columns, renamed, name)
    if list(found) == frame.columns:
        return frame
    return frame.select(
        *(frame["`" + theirs.replace("`", "``") + "`"].alias(ours) for ours, theirs in found.items())
    )


def _kinds(frame: Any) -> dict[str, str]:
    """Columns and their types, as DuckDB calls them."""
    import duckdb

    with duckdb.connect() as connection:
        empty = connection.from_arrow(frame.limit(0).toArrow())
        return {name: str(kind) for name, kind in zip(empty.columns, empty.types, strict=True)}
