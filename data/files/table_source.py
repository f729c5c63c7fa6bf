"""Votes in a file, a frame or a table as a `VoteSource`, counted in SQL or before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from agon.data.files import encoding
from agon.data.files.counted_part import COUNT
from agon.data.files.covariates import MEASURES, list_amounts, of_each, pair_amounts, toward_a
from agon.data.files.dictionary_counts import read_plain_rows
from agon.data.files.encoding import Cells
from agon.data.files.schema import (
    FAILED,
    KWISE,
    PAIRWISE,
    WITH_FAILED,
    Voters,
    condition,
    is_graded,
    layout_of,
    llm_votes,
    normalise,
    others,
    votes_sql,
    weight_sql,
)
from agon.data.files.source import Source, describe_source, open_source
from agon.data.files.vote_part import (
    BEFORE,
    VotePart,
    count_values,
    has_several,
    kinds_of,
    periods_of,
    vote_span,
)
from agon.data.sql import quote_name
from agon.data.validation import Problem, rows_text
from agon.ranking import Ballots, Battles, SourceError, VotesError
from agon.ranking.errors import OptionError, suggest
from agon.ranking.numerics import FloatArray
from agon.ranking.votes.covariates import CovariateComparisons
from agon.ranking.votes.pair_counts import count_positions
from agon.ranking.votes.vote_source import (
    DEPENDENT,
    NETWORK,
    NOT_BLIND,
    Clusters,
    SetAside,
    VoteNetworks,
    dependent_columns,
    group,
    in_time,
)

Invalid = Literal["error", "drop"]
CHOSEN_BY_OUTCOME = ("with an unknown winner", "with places that are no whole numbers from 1")
_SAME = ("models", "shown", "places", "count")  # of the ballots, when the votes are read again
TYPED = "battle "  # before the battle for which a prompt was typed, as the name of that prompt
ALIASES = {
    "battle": ("battle", "battle_id"),
    "prompt": ("prompt", "prompt_id"),
    "voter": ("voter",),
    "session": ("session", "session_id"),
}


@dataclass(frozen=True, eq=False)
class _Rows:
    """N rows of a source, K of them votes, with one more column.

    Attributes:
        keep: (N,) which are votes.
        sequence: (K,) their ballots.
        turned: (K,) whether the ballot's first model stood on the right.
        table: what was read, N rows; the column `extra` is the one more.
        count: (K,) how many votes each stands for.
    """

    keep: NDArray[np.bool_]
    sequence: NDArray[np.int64]
    turned: NDArray[np.bool_]
    table: pa.Table
    count: NDArray[np.int64]


class TableSource:
    """Votes in a table, a `ranking` VoteSource; rows are read only when a view needs them.

    Args:
        origin: the path, frame or table.
        source: it opened for SQL, or None to open it when that is needed.
        invalid: what to do with rows that are not votes.
        distinct: its distinct votes, if they were counted already.
        part: columns and the value of each, if this is one part of the votes.
        voters: whose votes count.
        weight: SQL for the weight of a vote.
        with_failed: whether weighed votes count on fewer models than were drawn, because an answer failed.
        left_out: what was left out already, by reason.
        periods: what `periods` is, if that is known.
        aside: votes that gates set aside.
        opener: opens the source where that is not `open_source`.
    """

    def __init__(
        self,
        origin: object,
        source: Source | None,
        invalid: Invalid,
        *,
        distinct: pa.Table | None = None,
        part: tuple[tuple[str, str | None], ...] = (),
        voters: Voters | None = None,
        weight: str | None = None,
        with_failed: bool = False,
        left_out: Mapping[str, int] | None = None,
        opener: Callable[[], Source] | None = None,
        periods: dict[str, str] | None = None,
        aside: SetAside | None = None,
    ) -> None:
        self._origin = origin
        self._opened = source
        self._invalid = invalid
        self._counted = distinct
        self._part = VotePart(part, aside, weight is not None and not with_failed)
        self._voters = voters
        self._weight = weight
        self._left_out = dict(left_out or {})
        self._opener = opener
        self._periods = periods

    @cached_property
    def _source(self) -> Source:
        """The source opened for SQL, with its columns brought into our layout."""
        source = self._opened
        if source is None:
            source = open_source(self._origin) if self._opener is None else self._opener()
        if self._part == VotePart() and self._weight is None:
            normalise(source, condition(source, self._voters))
        return source

    @cached_property
    def _listed(self) -> bool:
        """Whether the models of a vote stand in lists."""
        return self._counted is None and layout_of(self._source.columns, self._source.name) == KWISE

    @cached_property
    def _ballots(self) -> Ballots:
        cells = self._encode(self._distinct())
        if not len(cells.count):
            met = None if self._opened is None else self._opened.where
            why = "it has no rows"
            if met:
                why = f"no row meets the condition where={met.strip()!r}; look at the values of its columns"
            elif self._counted is None and NOT_BLIND in others(self._source, *self._condition()):
                why = f"all are {NOT_BLIND}, and such votes do not count"
            raise SourceError(f"There are no votes in {describe_source(self._origin)}: {why}.")
        self._judge(cells)
        if self._counted is None:
            self._left_out |= others(self._source, *self._condition())
        return cells.canonical[0]

    def ballots(self) -> Ballots:
        """Count the distinct ballots."""
        return self._ballots

    def counts_by_position(self) -> FloatArray | None:
        """Count the votes by side, which the distinct ballots do not keep."""
        if self._listed:
            return None
        cells = encoding.pairwise(self._distinct())
        ballots, which = cells.canonical
        return count_positions(ballots, which, cells.turned[cells.fine], cells.count[cells.fine])

    def llm_votes(self) -> int:
        """Count the votes of LLM judges."""
        return 0 if self._counted is not None else llm_votes(self._source, *self._condition())

    def battles(self, by: str | None = None) -> Battles:
        """List the votes by timestamp if there is such a column, else in the order of the rows."""
        if self.in_part:
            raise SourceError(
                f"{self._source.name} holds counts of votes, which have no order; take a method that does "
                "not ask for it, such as bradley_terry, or read the votes themselves."
            )
        timed = "timestamp" in {name.lower() for name in self._source.columns}
        if self._source.remote and not timed:
            raise SourceError(
                f"The rows of {self._source.name} have no order, and no column timestamp; name one with "
                "columns= (--column timestamp=YOURS), or take a method that does not ask for it, such as "
                "bradley_terry."
            )
        rows = self._rows("timestamp" if timed else None)
        cluster = None if by is None else self._labels(self._rows(self.column(by)), by)[0]
        networks = self._networks() if by in DEPENDENT[0] else None
        if not timed:
            return in_time(self._ballots, rows.sequence, None, cluster, rows.turned, networks)
        times = np.asarray(rows.table["extra"].to_numpy(), dtype=np.float64)[rows.keep]
        if (missing := np.isnan(times)).any():
            raise SourceError(
                f"There is no time that can be read in `timestamp` in {self._which(rows, missing)}; "
                "fill it in, or leave the column out."
            )
        return in_time(self._ballots, rows.sequence, times, cluster, rows.turned, networks)

    def _networks(self) -> VoteNetworks | None:
        """Where the votes were cast from, as far as they say."""
        if NETWORK not in self._names:
            return None
        rows = self._rows(NETWORK)
        found = encoding.networks_of(rows.table["extra"])
        return None if found is None else found.take(rows.keep)

    def clusters(self, by: str) -> Clusters:
        """Group the votes by voter, battle, prompt or any other column."""
        column = self.column(by)
        if column.lower() == "category" and self._several(column):
            raise SourceError(
                f"A vote of {self._source.name} may have several values in {column!r}, and stands in one "
                f"cluster or on one ballot only; take a column of single values, or a board for each: "
                f"rank_by(votes, {column!r}) (--by {column})."
            )
        rows = self._counted_rows(column) if self._source_is_remote else self._rows(column)
        cluster, names = self._labels(rows, by)
        often = rows.count if self.in_part or self._source_is_remote else None
        return group(by, cluster, rows.sequence, len(self._ballots.count), lambda: names, often)

    def cluster_columns(self) -> tuple[str, ...]:
        """Those of the columns that say who voted, and on which prompt."""
        found = dependent_columns(self._names)
        return tuple("prompt" if name in ALIASES["prompt"] else name for name in found)

    @cached_property
    def _names(self) -> list[str]:
        """The columns; of votes that were counted without SQL it is not opened for that."""
        return list(pq.read_schema(str(self._origin)).names if self._plain else self._source.columns)

    @property
    def _plain(self) -> bool:
        """Whether the votes were counted from a parquet file without SQL, which takes long to import."""
        return self._opened is None and self._counted is not None and isinstance(self._origin, str | Path)

    @property
    def _source_is_remote(self) -> bool:
        return not self._plain and self._source.remote

    def _counted_rows(self, column: str) -> _Rows:
        """Count the votes by a column, whose values are `extra`."""
        table = self.counted([column])
        return self._as_rows(table.append_column("extra", table[column]))

    @property
    def in_part(self) -> bool:
        """Whether a row stands for several votes."""
        return self._counted is None and COUNT in self._source.columns

    def _labels(self, rows: _Rows, by: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """(N,) number of each kept vote's label, and the labels."""
        encoded: Any = rows.table["extra"].combine_chunks().dictionary_encode()
        numbers = encoded.indices.cast(pa.int64())
        if numbers.null_count:
            numbers = numbers.fill_null(-1)
        labels = np.from_dlpack(numbers)[rows.keep]  # to_numpy would import pandas
        if (missing := labels < 0).any():
            column = self.column(by)
            raise SourceError(
                f"There is no {column} to cluster by in {self._which(rows, missing)}; "
                f'fill it in, or leave such rows out with where="{column} IS NOT NULL".'
            )
        words = np.array(encoded.dictionary.to_pylist(), dtype=object)
        order = np.argsort(words)  # by name, whatever the order of the rows
        known, cluster = np.unique(np.argsort(order)[labels], return_inverse=True)
        return cluster.reshape(-1).astype(np.int64), tuple(words[order[known]].tolist())

    def contexts(self, names: Sequence[str], cluster: str | None) -> CovariateComparisons:
        """List the votes with features to control for, from their columns or the texts of the answers."""
        if self.in_part:
            raise SourceError(
                f"{self._source.name} holds counts of votes, whose answers have no {names[0]}; leave the "
                "control out, or read the votes themselves."
            )
        source = self._source
        member = None if cluster is None else self.column(cluster)
        self._check_texts(names)
        made = [(of_each if self._listed else toward_a)(name, source.columns, source.name) for name in names]
        more = "".join(f", {sql} AS agon_feature_{f}" for f, sql in enumerate(made))
        rows = self._rows(member, more)
        votes = rows.table if rows.keep.all() else rows.table.filter(rows.keep)
        columns = [votes[f"agon_feature_{f}"] for f in range(len(names))]

        def which(bad: NDArray[np.bool_]) -> str:
            return self._which(rows, bad)

        if self._listed:
            table = list_amounts(names, columns, votes, self._ballots.models, which)
        else:
            table = pair_amounts(names, columns, rows.turned, which)
        labels = None if cluster is None else self._labels(rows, cluster)[0]
        return CovariateComparisons.of(self._ballots, rows.sequence, table, names, labels)

    def _check_texts(self, names: Sequence[str]) -> None:
        """Refuse rows whose answers cannot be read, where a feature is to be counted in them."""
        known = {column.lower() for column in self._source.columns}
        if self._invalid == "drop" or all({f"{name}_a", f"{name}_b"} <= known for name in names):
            return
        for reason, wrong in self._source.faults.items():
            condition, parameters = self._condition()
            sql = f"SELECT agon_row FROM votes WHERE {condition} AND {wrong} ORDER BY agon_row"
            found = self._source.query(sql, parameters)["agon_row"].to_pylist()
            if found:
                raise VotesError(
                    f"There is a {reason} in {rows_text(found[:5], len(found))} of {self._source.name}; "
                    'correct it, or leave such rows out of the fit with invalid="drop" (--invalid drop).'
                )

    def _which(self, rows: _Rows, some: NDArray[np.bool_]) -> str:
        """Say which votes, a mask of the (K,) that are kept, by their rows counted from 1 as in the file."""
        if self._source.remote:
            return f"{rows_text([], int(some.sum()))} of {self._source.name}"
        numbers = self._in_order("agon_row")["agon_row"].to_numpy()[rows.keep][some]
        return f"{rows_text(numbers[:5].tolist(), len(numbers))} of {self._source.name}"

    def split(self, column: str) -> dict[str, TableSource]:
        """Cut the votes by the values of a column; a missing value is a group named "null", or "(null)".

        A vote with several values in a list is in the group of each.
        """
        name = self.column(column)
        value = f"CAST({quote_name(name)} AS VARCHAR)"
        if self._several(name):
            value = f"unnest(CASE WHEN len({quote_name(name)}) > 0 THEN {quote_name(name)} ELSE [NULL] END)"
        found = self._source.query(f"SELECT DISTINCT value FROM (SELECT {value} AS value FROM votes)")
        values = found["value"].to_pylist()
        values.sort(key=lambda value: (value is None, value))  # engines order texts in their own ways
        parts = {}
        for value in values:
            label = value if value is not None else "(null)" if "null" in values else "null"
            parts[label] = self._within(name, value)
        return parts

    def only(self, chosen: Mapping[str, str]) -> TableSource:
        """The votes with these values of some columns, counted anew; the source is not read again.

        Raises:
            SourceError: there is no such column.
        """
        part = self
        for column, value in chosen.items():
            part = part._within(column if column in self.periods else self.column(column), value)
        return part

    @cached_property
    def periods(self) -> dict[str, str]:
        """SQL for the period of a vote, by its name: day, month or year, whichever tells a few apart."""
        if self._periods is not None:
            return self._periods
        return periods_of(self._source.columns, self.span)

    @cached_property
    def span(self) -> tuple[float, float] | None:
        """When its first and its last vote were cast, in seconds since 1970; None without times."""
        return vote_span(self._source)

    def before(self, seconds: float) -> TableSource:
        """The votes that were cast before a time, in seconds since 1970."""
        return self._within(BEFORE, repr(seconds))

    def first_seen(self) -> dict[str, float]:
        """When each model was first voted on, in seconds since 1970; empty without times."""
        if "timestamp" not in {name.lower() for name in self._source.columns}:
            return {}
        names = "unnest(models)" if self._listed else "unnest([model_a, model_b])"
        sql = (
            f"SELECT model, min(timestamp) AS first FROM (SELECT {names} AS model, timestamp FROM votes "
            f"WHERE isfinite(timestamp)) GROUP BY model"
        )
        return {str(row["model"]): float(row["first"]) for row in self._source.query(sql).to_pylist()}

    def _within(self, column: str, value: str | None) -> TableSource:
        return TableSource(
            self._origin,
            self._source,
            self._invalid,
            part=(*self._part.chosen, (column, value)),
            weight=self._weight,
            with_failed=not self._part.whole,
            periods=self.periods,
            aside=self._part.aside,
        )

    def without(self, aside: SetAside) -> TableSource:
        """Leave out votes of some voters, and those on a model between two times."""
        left_out = {**self._left_out, **aside.number}
        return TableSource(
            self._origin,
            self._source,
            self._invalid,
            part=self._part.chosen,
            voters=self._voters,
            weight=self._weight,
            with_failed=not self._part.whole,
            left_out=left_out,
            periods=self.periods,
            aside=aside,
        )

    def value_counts(self, chosen: Mapping[str, str]) -> dict[str, dict[str, int]]:
        """Count the rows by the values of every column of words that holds at most a hundred of them.

        Args:
            chosen: columns and the values that rows must have; a column's own value does not bind its counts.

        Returns:
            {column: {value: rows}}, columns in the order of the source, the most frequent value first; and
            the period of the votes, if there are times, the last one first.
        """
        found = {}
        for column in (*self._kinds, *self.periods):
            rest = {key: value for key, value in chosen.items() if key != column}
            counts = count_values(self._source, column, self.periods, *self.only(rest)._condition())
            if counts is not None:
                found[column] = counts
        return found

    def features(self) -> tuple[str, ...]:
        """The measures of answers that these votes carry, or texts to count them in."""
        make, found = (of_each if self._listed else toward_a), []
        for name in MEASURES:
            with suppress(SourceError, OptionError):
                make(name, self._source.columns, self._source.name)
                found.append(name)
        return tuple(found)

    @cached_property
    def _kinds(self) -> list[str]:
        """The columns of words of which the first rows hold few."""
        return kinds_of(self._source)

    def valid_rows(self) -> NDArray[np.int64]:
        """The numbers of the rows that are votes, from 1 as in the file."""
        if not self._ballots.total or self._invalid == "drop":
            rows = self._rows(None, ", agon_row")
            return np.asarray(rows.table["agon_row"].to_numpy()[rows.keep], dtype=np.int64)
        return np.asarray(self._in_order("agon_row")["agon_row"].to_numpy(), dtype=np.int64)

    def left_out(self) -> dict[str, int]:
        """Count what was left out, by reason."""
        return dict(self._left_out)

    def column(self, name: str) -> str:
        """The column that a name asks for."""
        known = {column.lower(): column for column in self._names}
        for wanted in (*ALIASES.get(name, ()), name):
            if wanted.lower() in known:
                return known[wanted.lower()]
        raise SourceError(
            f"{describe_source(self._origin)} has no column {name!r}; {suggest(name, self._names)}"
        )

    def _encode(self, table: pa.Table) -> Cells:
        return encoding.kwise(table) if self._listed else encoding.pairwise(table)

    def _condition(self) -> tuple[str, list[Any]]:
        """SQL for the part of the votes this is, with its parameters."""
        aside = self._part.aside
        voter = self.column(aside.by) if aside is not None and aside.voters else ""
        periods = self.periods if self._part.chosen else {}  # which may have to be asked for
        return self._part.condition(self._source.columns, voter, periods, listed=self._listed)

    def _several(self, column: str) -> bool:
        """Whether a vote may have several values in a column."""
        return has_several(column, self._source.columns, self.periods)

    def reweighted(self, floor: float, *, with_failed: bool = False) -> TableSource:
        """Weigh votes by one over the probability of their models.

        Votes on what was left of a group when an answer failed have none, and are left out, unless they are
        to be weighed by that of the group.
        """
        ballots = self._ballots
        most = ballots.shown.shape[1] if self._listed else None
        known = with_failed and self._listed and FAILED in self._source.columns
        weight = weight_sql(self._source, floor, len(ballots.models), most, with_failed=known)
        return TableSource(
            self._origin,
            self._source,
            self._invalid,
            part=self._part.chosen,
            voters=self._voters,
            weight=weight,
            with_failed=with_failed,
            left_out=self._left_out | ({} if with_failed else self._with_failed()),
            aside=self._part.aside,
        )

    def _with_failed(self) -> dict[str, int]:
        """Count the votes on fewer answers than were drawn."""
        if not self._listed or FAILED not in self._source.columns:
            return {}
        condition, parameters = self._condition()
        number_of = votes_sql(self._source)
        sql = f"SELECT {number_of} AS number FROM votes WHERE {condition} AND {WITH_FAILED}"
        number = self._source.query(sql, parameters)["number"][0].as_py()
        return {"on fewer answers than were drawn (one failed)": number} if number else {}

    def _selected(self) -> str:
        """The columns that make a vote."""
        wanted = KWISE if self._listed else PAIRWISE
        optional = ("acceptable", "weight") if self._listed else ("winner", "p_a", "weight")
        columns = [column for column in optional if column in self._source.columns]
        columns += ["grade"] if not self._listed and is_graded(self._source.columns) else []
        if self._weight is not None:
            columns = [*(column for column in columns if column != "weight"), self._weight]
        return ", ".join([*wanted, *columns])

    def _distinct(self) -> pa.Table:
        """Count the distinct rows in SQL."""
        return self.counted(()) if self._counted is None else self._counted

    def counted(self, labels: Sequence[str]) -> pa.Table:
        """Count the distinct votes by the values of columns.

        Args:
            labels: names of columns that are there.

        Returns:
            Our columns, those of the labels as texts, and `count`.

        Raises:
            SourceError: a column with several values in one vote.
        """
        if several := [name for name in labels if self._several(name)]:
            raise SourceError(
                f"A vote of {self._source.name} may have several values in {several[0]!r}, and stands in one "
                "row of counts only; name columns of single values."
            )
        condition, parameters = self._condition()
        made = "".join(f", {self._label_sql(name)} AS {quote_name(name)}" for name in labels)
        sql = (
            f"SELECT {self._selected()}{made}, {votes_sql(self._source)} AS count FROM votes "
            f"WHERE {condition} GROUP BY ALL"
        )
        return self._source.query(sql, parameters)

    def _label_sql(self, column: str) -> str:
        """SQL for the value of a column as a text; a prompt that was typed is that of its battle."""
        value = f"CAST({quote_name(column)} AS VARCHAR)"
        typed = column in ALIASES["prompt"] and "battle_id" in self._names
        return f"coalesce({value}, '{TYPED}' || CAST(battle_id AS VARCHAR))" if typed else value

    def _rows(self, column: str | None, features: str = "") -> _Rows:
        """Read the votes row by row with one more column, seconds or a text, and features."""
        typed = column in ALIASES["prompt"] and "battle_id" in self._names  # a prompt of this battle alone
        table = None
        if self._plain and column not in (None, "timestamp") and not features:
            table = read_plain_rows(Path(str(self._origin)), str(column), "battle_id" if typed else None)
        if table is None:
            wanted = features
            if column is not None:
                value = quote_name(column) if column == "timestamp" else self._label_sql(column)
                wanted += f", {value} AS extra"
            wanted += f", {COUNT} AS count" if self.in_part else ""
            table = self._in_order(f"{self._selected()}{wanted}")
        return self._as_rows(table)

    def _as_rows(self, table: pa.Table) -> _Rows:
        """The votes in a table of rows, of which each may stand for several."""
        cells = self._encode(table)
        ballots, sequence = cells.canonical
        known = self._ballots  # a log's snapshot, or any file, may be replaced at any time
        if not all(np.array_equal(getattr(ballots, what), getattr(known, what)) for what in _SAME):
            raise SourceError(
                f"{describe_source(self._origin)} changed while it was being read; do it again."
            )
        return _Rows(cells.fine, sequence, cells.turned[cells.fine], table, cells.count[cells.fine])

    def _in_order(self, columns: str) -> pa.Table:
        """Select something of every vote, in the order of the rows, which the database keeps."""
        condition, parameters = self._condition()
        return self._source.query(f"SELECT {columns} FROM votes WHERE {condition}", parameters)

    def _judge(self, cells: Cells) -> None:
        """Refuse the cells that are not votes, or count them as left out."""
        if cells.problems and self._invalid == "error":
            sentences = [self._sentence(problem, cells) for problem in cells.problems]
            others = len(sentences) - 1
            kinds = "kind" if others == 1 else "kinds"
            more = f" ({others} more {kinds} of problem: see `agon check`)" if others else ""
            hint = '; or leave such rows out with invalid="drop" (--invalid drop)'
            if any(problem.reason in CHOSEN_BY_OUTCOME for problem in cells.problems):
                hint = ""  # the votes that would be left do not say what all of them say
            raise VotesError(f"{sentences[0]}{hint}{more}.", tuple(f"{text}." for text in sentences))
        keep = np.ones(len(cells.count), dtype=bool)
        for problem in cells.problems:
            gone = problem.rows & keep
            if gone.any():
                self._left_out[problem.reason] = self._left_out.get(problem.reason, 0) + int(
                    cells.count[gone].sum()
                )
            keep &= ~problem.rows

    def _sentence(self, problem: Problem, cells: Cells) -> str:
        """Say what is wrong with which rows, counted from 1 as in the file."""
        numbers: list[Any] = []
        if not self._source_is_remote:  # rows elsewhere have none
            condition, parameters = self._condition()
            sql = f"SELECT agon_row FROM votes WHERE ({problem.where}) AND {condition} ORDER BY 1 LIMIT 5"
            numbers = self._source.query(sql, [*problem.parameters, *parameters])["agon_row"].to_pylist()
        rows = rows_text(numbers, int(cells.count[problem.rows].sum()))
        return problem.sentence.format(rows=rows, source=self._source.name)
