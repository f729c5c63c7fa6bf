"""Parts of the votes of a source: by which columns and periods they can be cut, and the SQL of a part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agon.data.files.counted_part import COUNT
from agon.data.files.schema import (
    FAILED,
    KWISE,
    PAIRWISE,
    PERIODS,
    WITH_FAILED,
    period_ends,
    period_name,
    period_sql,
    seconds_sql,
    votes_sql,
)
from agon.data.files.source import Source
from agon.data.sql import quote_name
from agon.ranking.votes.vote_source import NETWORK, SetAside

BEFORE = "timestamp <"  # stands for a column where the votes before a time are chosen
_MOST_KINDS = 100  # values of a column that tells kinds of votes apart
# Columns that say what a vote is, or whose: no kinds of votes.
_NO_KINDS = {
    *PAIRWISE,
    *KWISE,
    "winner",
    "p_a",
    "acceptable",
    "weight",
    "timestamp",
    "agon_row",
    "voter",
    NETWORK,
    "battle",
    "battle_id",
    "prompt",
    "prompt_id",
    "answer_a",
    "answer_b",
}


@dataclass(frozen=True, slots=True)
class VotePart:
    """Which of the votes of a source are counted.

    Attributes:
        chosen: columns and the value of each; also a period by its name, and `BEFORE` with seconds.
        aside: votes that gates set aside.
        whole: whether votes on fewer answers than were drawn, because one failed, are left out.
    """

    chosen: tuple[tuple[str, str | None], ...] = ()
    aside: SetAside | None = None
    whole: bool = False

    def condition(
        self, columns: Mapping[str, str], voter: str, periods: Mapping[str, str], *, listed: bool
    ) -> tuple[str, list[Any]]:
        """SQL for the votes of this part, with its parameters.

        Args:
            columns: those of the source and their SQL types.
            voter: the column that says of whom the votes set aside are.
            periods: those of the source.
            listed: whether the models of a vote stand in lists.
        """
        conditions: list[str] = []
        parameters: list[Any] = []
        aside = self.aside
        if aside is not None and aside.voters:
            name = quote_name(voter)
            conditions.append(f"coalesce(CAST({name} AS VARCHAR) NOT IN (SELECT unnest(?)), TRUE)")
            parameters.append(list(aside.voters))
        if aside is not None and aside.networks:
            conditions.append(f"coalesce(CAST({NETWORK} AS VARCHAR) NOT IN (SELECT unnest(?)), TRUE)")
            parameters.append(list(aside.networks))
        for model, start, stop in () if aside is None else aside.windows:
            shown = "list_contains(models, ?)" if listed else "? IN (model_a, model_b)"
            conditions.append(f"NOT (timestamp BETWEEN {start!r} AND {stop!r} AND {shown})")
            parameters.append(model)
        for column, value in self.chosen:
            name = quote_name(column)
            if column == BEFORE:
                conditions.append(f"timestamp < {float(value or 0)!r}")
            elif column in periods:
                begin, end = period_ends(column, value or "")
                conditions.append(f"timestamp >= {begin!r} AND timestamp < {end!r}")
            elif not has_several(column, columns, periods):
                conditions.append(f"CAST({name} AS VARCHAR) IS NOT DISTINCT FROM ?")
                parameters.append(value)
            elif value is None:
                conditions.append(f"coalesce(len({name}), 0) = 0")
            else:
                conditions.append(f"list_contains({name}, ?)")
                parameters.append(value)
        if self.whole and listed and FAILED in columns:
            conditions.append(f"NOT {WITH_FAILED}")
        return " AND ".join(conditions) or "TRUE", parameters


def has_several(column: str, columns: Mapping[str, str], periods: Mapping[str, str]) -> bool:
    """Whether a vote may have several values in a column."""
    return column not in periods and column.lower() != "models" and columns[column] == "VARCHAR[]"


def periods_of(columns: Mapping[str, str], span: tuple[float, float] | None) -> dict[str, str]:
    """SQL for the period of a vote, by its name: day, month or year, whichever tells a few apart.

    The SQL is of the source as it is, for a condition to read it under. Empty without times, and where a
    column has such a name.

    Args:
        columns: those of the source and their SQL types.
        span: when its first and its last vote were cast, in seconds since 1970.
    """
    kinds = {name.lower(): kind for name, kind in columns.items()}
    if span is None or "timestamp" not in kinds or not set(PERIODS).isdisjoint(kinds):
        return {}
    name = period_name(*span)
    return {} if name is None else {name: period_sql(seconds_sql(kinds["timestamp"]), name)}


def vote_span(source: Source) -> tuple[float, float] | None:
    """When the first and the last vote were cast, in seconds since 1970; None without times."""
    if "timestamp" not in {name.lower() for name in source.columns}:
        return None
    ends = "SELECT min(timestamp) AS first, max(timestamp) AS last FROM votes WHERE isfinite(timestamp)"
    first, last = source.query(ends).to_pylist()[0].values()
    return None if first is None else (float(first), float(last))


def kinds_of(source: Source) -> list[str]:
    """The columns of words of which the first rows hold few, so that they tell kinds of votes apart."""
    known = source.columns
    words = [
        c for c in known if known[c] in ("VARCHAR", "BOOLEAN", "VARCHAR[]") and c.lower() not in _NO_KINDS
    ]
    if not words:
        return []
    asked = ", ".join(f"count(DISTINCT {quote_name(column)}) AS c{i}" for i, column in enumerate(words))
    first = source.query(f"SELECT {asked} FROM (SELECT * FROM votes LIMIT 20000)").to_pylist()[0]
    return [column for column, n in zip(words, first.values(), strict=True) if 1 < n <= _MOST_KINDS]


def count_values(
    source: Source, column: str, periods: Mapping[str, str], condition: str, parameters: list[Any]
) -> dict[str, int] | None:
    """Count votes by the values of a column, the most frequent first, or of a period, the last one first.

    Args:
        source: of the votes.
        column: one of its columns, or of `periods`.
        periods: those of the source.
        condition: SQL for the votes that are counted.
        parameters: of that.

    Returns:
        {value: votes}; None where there are too many values to choose from.
    """
    name, period = quote_name(column), column in periods
    several = has_several(column, source.columns, periods)
    value = f"unnest({name})" if several else f"CAST({name} AS VARCHAR)"
    if period:
        value = f"date_trunc('{column}', make_timestamp(CAST(1e6 * timestamp AS BIGINT)))"
    more = f", {COUNT}" if COUNT in source.columns else ""
    table = source.query(
        f"SELECT value, {votes_sql(source)} AS n "
        f"FROM (SELECT {value} AS value{more} FROM votes WHERE {condition}) "
        f"WHERE value IS NOT NULL GROUP BY 1",
        parameters,
    )
    values = table["value"].to_pylist()
    if period:
        values = [value.strftime(PERIODS[column]) for value in values]
    counts = sorted(zip(values, table["n"].to_pylist(), strict=True), reverse=period)
    if not period:
        counts.sort(key=lambda one: -one[1])
    return dict(counts) if len(counts) <= _MOST_KINDS else None
