"""The two layouts of votes, and the view in which a source has our columns in our types."""

from __future__ import annotations

from collections.abc import Mapping

from data.faults import sentence
from data.sources import Source
from ranking.errors import SourceError

PAIRWISE = ("model_a", "model_b")
KWISE = ("models", "places")


def layout_of(columns: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Find out which of the two layouts the columns are of.

    Raises:
        SourceError: neither, or both.
    """
    lower = {column.lower() for column in columns}
    pairwise, kwise = lower.issuperset(PAIRWISE), lower.issuperset(KWISE)
    if pairwise and kwise:
        raise SourceError(
            f"{name} has both model_a, model_b and models, places; keep one layout (docs/data.md)."
        )
    if kwise:
        return KWISE
    if pairwise and lower & {"winner", "p_a"}:
        return PAIRWISE
    wanted = "winner (or p_a)" if pairwise else next((c for c in PAIRWISE if c not in lower), "model_a")
    raise SourceError(
        f"{name} has no column {wanted}: votes need model_a, model_b and winner (or p_a), or models and "
        f"places; it has {_some(list(columns))}. Name yours with columns= (--column model_a=left)."
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def normalise(source: Source, voters: str) -> None:
    """Make the view `votes`: our columns in our types, row numbers counted before any condition.

    `voters` is the condition on who voted.
    """
    import duckdb

    layout = layout_of(source.columns, source.name)
    kinds = {column.lower(): kind for column, kind in source.columns.items()}
    changed = [
        f"CAST({column} AS VARCHAR) AS {column}"
        for column in ("model_a", "model_b", "winner")
        if column in kinds and layout == PAIRWISE
    ]
    changed += [
        f"CAST({column} AS DOUBLE) AS {column}"
        for column in ("p_a", "weight")
        if kinds.get(column, "VARCHAR") != "VARCHAR"
    ]
    if layout == KWISE:
        for column, kind in (("models", "VARCHAR"), ("places", "DOUBLE"), ("acceptable", "BOOLEAN")):
            if column in kinds:
                value = column if kinds[column].endswith("]") else f"TRY_CAST({column} AS JSON)"
                changed.append(f"CAST({value} AS {kind}[]) AS {column}")
    if "timestamp" in kinds:
        changed.append(f"{_seconds(kinds['timestamp'])} AS timestamp")
    sql = "CREATE OR REPLACE VIEW votes AS SELECT "
    sql += f"* REPLACE ({', '.join(changed)})" if changed else "*"
    sql += " FROM (SELECT *, row_number() OVER () AS agon_row FROM unfiltered)"
    sql += f" WHERE {voters}" + (f" AND ({source.where})" if source.where else "")
    try:
        source.connection.execute(sql)
    except duckdb.Error as error:
        raise SourceError(f"{source.name} cannot be read as votes: {sentence(error)}") from None


def _seconds(kind: str) -> str:
    """SQL for the column `timestamp` as seconds."""
    if kind.startswith(("TIMESTAMP", "DATE")):
        return "epoch(timestamp)"
    if kind == "VARCHAR":
        return "coalesce(TRY_CAST(timestamp AS DOUBLE), epoch(TRY_CAST(timestamp AS TIMESTAMP)))"
    return "CAST(timestamp AS DOUBLE)"
