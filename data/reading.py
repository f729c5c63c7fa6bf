"""`comparisons` and `read_any`: whatever a person holds, ours or of a published format, ready to rank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from agon.data.files.benchmarks.score_tables import score_table
from agon.data.files.counted_part import check_parts, left_out_of_parts, part_facts
from agon.data.files.detection import columns_of, is_election, kind_of, refuse_answers, refuse_scores
from agon.data.files.dictionary_counts import count_plain
from agon.data.files.elections import preflib
from agon.data.files.judge_marks import refused_judges
from agon.data.files.reader import (
    DUCKDB,
    PARQUET,
    REPORT,
    Rows,
    ending,
    list_files,
    read_rows,
    refuse_address,
)
from agon.data.files.schema import Voters, check_voters, is_votes
from agon.data.files.snapshot_folder import criterion_file, holds_log, snapshot_head, snapshots
from agon.data.files.source import AS_TEXT, Derive, Source, as_arrow, check_path, describe_source, open_source
from agon.data.files.table_source import Invalid, TableSource
from agon.data.frames import frame_to_arrow
from agon.data.importers.arenas.battle_tables import derive_battles
from agon.data.importers.columns import read_as
from agon.data.importers.formats import lacks_one, nearest, recognise, unrecognised
from agon.data.importers.published import choose_format, named_rows, with_columns
from agon.data.store_address import is_address
from agon.ranking import Comparisons, OptionError, SourceError, VotesError
from agon.ranking.votes.comparisons import Votes, as_comparisons
from agon.ranking.votes.vote_source import JUDGES_REFUSED

Engine = Literal["spark"]


def comparisons(
    source: object,
    *,
    where: str | None = None,
    table: str | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    invalid: Invalid = "error",
    voters: Voters | None = None,
    format: str | None = None,
    grade_weight: float | None = None,
    criterion: str | None = None,
    engine: Engine | None = None,
) -> Comparisons:
    """Read votes, ready to rank.

    Args:
        source: path of a parquet, CSV, TSV, JSON lines or DuckDB file (.gz and .zst too) or of a log
            folder, a pattern such as "votes-*.csv", a folder of such files, a list of paths, a pandas or
            polars DataFrame, an Arrow table, or a DuckDB relation, with columns model_a, model_b and winner
            (or p_a), or models and places; optionally acceptable, weight, voter, timestamp, category,
            language and others (docs/data.md); or of a published format (`FORMATS`), which is read as such.
        where: an SQL condition on the columns, such as "language = 'en'". It runs as SQL on this
            machine: never take it from a visitor.
        table: of a DuckDB file, or of PostgreSQL; "votes" if none is named.
        columns: our name for a column, or that of a format → its name in the source, such as
            {"voter": "judge"}.
        labels: a word in the column winner → ours, such as {"left": "model_a", "draw": "tie"}.
        invalid: "error" refuses rows that are not votes, naming them; "drop" leaves them out, counts
            them by reason and keeps the counts on the board.
        voters: by the column voter_kind, "human" takes the votes of people, "llm" those of LLM judges, "all"
            mixes them; None takes people's where there are both, and counts the others as left out.
        format: a name in `FORMATS`, where the columns fit several.
        grade_weight: what the strongest grade weighs (A>>B) where the weakest weighs 1, those between evenly
            between; None counts every grade as one vote.
        criterion: of a study in a log folder, whose ballots are taken instead of the verdicts as a whole.
        engine: "spark" counts in Spark (the part agon-arena[spark]): `source` is a frame of Spark, a folder
            of parquet files, a Delta table, or the name of a table; a session that there is is used, else one
            on this machine. None takes a frame of Spark there, an address of PostgreSQL there too (the part
            agon-arena[postgres]: "postgresql://USER@HOST/DATABASE" and `table`), and everything else here.

    Raises:
        SourceError: the source cannot be read as votes, or holds none of the voters asked for.
        VotesError: rows that are not valid votes.
        OptionError: a `where` that is no condition, or another wrong option.
    """
    if invalid not in ("error", "drop"):
        raise OptionError(f'invalid must be "error" or "drop", not {invalid!r}.')
    if isinstance(source, Comparisons):
        if where or table or columns or labels or voters:
            raise OptionError("These votes were read before; give where and the like when they are read.")
        return source
    check_voters(voters)
    if _is_elsewhere(source, engine):
        shape = {"labels": labels, "format": format, "criterion": criterion, "grade_weight": grade_weight}
        remote = _open_elsewhere(source, engine, where, table, columns, shape)
        counting = TableSource(remote.name, remote, invalid, voters=voters)
        counting.ballots()
        return Comparisons(counting)
    source = files_of(source)
    refused = [name for one in _paths_of(source) for name in refused_judges(one)]
    if criterion is not None:
        source = _by_criterion(source, criterion)
    if is_election(source):
        of_votes: dict[str, Any] = {"where": where, "table": table, "columns": columns, "labels": labels}
        refuse_options(of_votes, source, "an election")
        votes = as_comparisons(preflib(str(source), absent=invalid))
        assert isinstance(votes, Comparisons)  # noqa: S101
        return votes
    if hasattr(source, "__arrow_c_stream__") and not hasattr(source, "__len__"):
        source = as_arrow(source, describe_source(source))  # a stream can be read only once
    reading: dict[str, Any] = {
        "where": where,
        "table": table,
        "columns": columns,
        "labels": labels,
        "format": format,
        "grade_weight": grade_weight,
    }
    whole = where is None and not any(reading.values()) and voters != "llm"
    head = snapshot_head(source)
    distinct = count_plain(source) if whole and not _is_derived(source) else None
    opened, left_out = None, dict[str, int]()
    if distinct is None:
        opened, left_out = open_votes(source, **reading, invalid=invalid)
        head = snapshot_head(source)  # which may have been brought up to date
    if refused:
        left_out = {**left_out, JUDGES_REFUSED: len(set(refused))}
    table_source = TableSource(
        source,
        opened,
        invalid,
        distinct=distinct,
        voters=voters,
        left_out=left_out,
        opener=lambda: open_votes(source)[0],
    )
    try:
        table_source.ballots()  # what is wrong with the votes is said now, not when they are first used
    except VotesError:
        for one in source if isinstance(source, tuple) else ():  # so that the row is that of its file
            comparisons(one, **reading, voters=voters)
        raise
    same = head == snapshot_head(source)  # else an arena wrote another one meanwhile
    return Comparisons(table_source, head if same else None)


def _paths_of(source: object) -> list[Path]:
    """The files that are named, if any is."""
    given = source if isinstance(source, tuple) else (source,)
    return [Path(one) for one in given if isinstance(one, str | Path)]


def _is_elsewhere(source: object, engine: str | None) -> bool:
    """Whether votes are counted by another engine than DuckDB."""
    return engine is not None or hasattr(source, "sparkSession") or is_address(_alone(source))


def _alone(source: object) -> object:
    """The source, where it stands in a list of its own."""
    return source[0] if isinstance(source, list | tuple) and len(source) == 1 else source


def _open_elsewhere(
    source: object,
    engine: str | None,
    where: str | None,
    table: str | None,
    columns: Mapping[str, str] | None,
    others: Mapping[str, Any],
) -> Source:
    """Open votes where another engine counts them; only those of our own layout are read there."""
    source = _alone(source)
    if engine not in (None, "spark"):
        raise OptionError(f"There is no engine {engine!r}; leave it out, or take 'spark'.")
    if is_address(source) and engine is not None:
        raise OptionError("PostgreSQL counts the votes at an address; leave engine (--engine) out.")
    name = "PostgreSQL" if is_address(source) else "Spark"
    given = {**others, "table": None if is_address(source) else table}
    if strange := [option for option, value in given.items() if value]:
        raise OptionError(
            f"{name} reads votes of our own layout; leave {strange[0]} out, or change the column there."
        )
    if is_address(source):
        try:
            from agon.data.engines.postgres import PostgresSource
        except ModuleNotFoundError:
            raise SourceError(
                "Votes in PostgreSQL need the part for it; install it: pip install 'agon-arena[postgres]'."
            ) from None
        return PostgresSource(source, table, where, columns or {})
    from agon.data.engines.spark import spark_source

    return spark_source(source, where=where, columns=columns)


def _by_criterion(source: object, criterion: str) -> Path:
    """The votes of a log folder by a criterion of its studies."""
    if not isinstance(source, Path) or not (source / "votes").is_dir():
        what = f"criterion = '{criterion}'"
        raise SourceError(
            f"{describe_source(source)} is no log folder, where studies keep votes by criterion; choose rows "
            f'of a file by a column of theirs: --where "{what}".'
        )
    if holds_log(source):
        from agon.data.log.vote_log import bring_up_to_date  # imports the database

        bring_up_to_date(source)
    return criterion_file(source, criterion)


def files_of(source: object) -> object:
    """Paths, patterns and folders as the one path or the tuple of paths they name; anything else as it is.

    Raises:
        SourceError: a pattern that no file matches, or a file that is named twice.
    """
    check_path(source)
    given = [source] if isinstance(source, str | Path) else source
    if not isinstance(given, list | tuple) or not given or not all(isinstance(o, str | Path) for o in given):
        return source
    for one in given:
        refuse_address(str(one))
    words = not any(isinstance(one, Path) or Path(one).suffix or Path(one).exists() for one in given)
    if given is source and words:
        return source
    files = list_files(given)
    check_parts(files)
    return files if len(files) > 1 else files[0]


def open_votes(
    source: object,
    *,
    where: str | None = None,
    table: str | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    invalid: Invalid = "error",
    format: str | None = None,
    grade_weight: float | None = None,
) -> tuple[Source, dict[str, int]]:
    """Open votes for SQL; what is not in our layout is read in the published format it is of.

    Returns:
        The source, and what its format leaves out, by reason.

    Raises:
        SourceError, VotesError, OptionError: as `comparisons`.
    """
    shape: dict[str, Any] = {
        "columns": columns,
        "labels": labels,
        "format": format,
        "grade_weight": grade_weight,
    }
    source = files_of(source)
    parts = source if isinstance(source, tuple) else _parts_of_a_format(source)
    if parts:
        return _open_several(parts, where, table, invalid, shape)
    return _open_one(source, where, table, invalid, shape, _derive)


def _parts_of_a_format(source: object) -> tuple[Path, ...]:
    """The files of a folder in parquet, if they are not votes as they stand."""
    if not isinstance(source, Path) or not source.is_dir() or (source / "votes").is_dir():
        return ()
    files = tuple(snapshots(source))
    return files if files and not is_votes(columns_of(files[0])) else ()


def _open_one(
    source: object,
    where: str | None,
    table: str | None,
    invalid: Invalid,
    shape: Mapping[str, Any],
    derive: Derive | None,
) -> tuple[Source, dict[str, int]]:
    """Open one source, with the columns that are derived if they are asked for."""
    if isinstance(source, Path) and holds_log(source):
        from agon.data.log.vote_log import bring_up_to_date  # imports the database

        bring_up_to_date(source)
    given: dict[str, Any] = {"where": where, "columns": shape["columns"], "labels": shape["labels"]}
    given |= {"table": table, "derive": derive}
    if isinstance(source, Path) and (source.is_dir() or ending(source) in DUCKDB):
        _refuse_shape(source, shape)
        return open_source(source, **given), left_out_of_parts(snapshots(source) if source.is_dir() else [])
    if part_facts(source) is not None:
        _refuse_shape(source, shape)
        return open_source(source, **given), left_out_of_parts([source])
    if isinstance(source, Path) and source.suffix == REPORT:
        refuse_scores(source)
    rows = read_rows(source, AS_TEXT) if isinstance(source, Path) else _rows_of(source)
    if rows is not None and table is None:
        found = _as_votes(source, rows, invalid, **shape)
        if found is not None:
            name = describe_source(source)
            return open_source(found[0], where=where, name=name, derive=derive), found[1]
    _refuse_shape(source, shape)
    _check_layout(source, rows, shape["columns"])
    name = describe_source(source)
    forms = recognise([*rows.columns, *(shape["columns"] or {})]) if rows is not None else []
    if len(forms) == 1 and forms[0].name not in ("battles", "ballots"):
        name = read_as(name, forms[0])
    rows = rows if isinstance(source, Path) else None
    return open_source(source, **given, rows=rows, name=name), {}


def _refuse_shape(source: object, shape: Mapping[str, Any]) -> None:
    if shape["format"] is not None or shape["grade_weight"] is not None:
        raise OptionError(
            f"format= and grade_weight= (--as, --grade-weight) do not apply: {describe_source(source)} holds "
            "votes of our own layout, without grades."
        )


def _open_several(
    files: tuple[Path, ...],
    where: str | None,
    table: str | None,
    invalid: Invalid,
    shape: Mapping[str, Any],
) -> tuple[Source, dict[str, int]]:
    """Open several files as one source; those of published formats as the votes in them."""
    parts: list[object] = []
    left_out: Counter[str] = Counter()
    columns = shape["columns"]
    for path in files:
        opened, gone = _open_one(path, None, table, invalid, {**shape, "labels": None}, None)
        lazy = opened.path is not None and (path.is_dir() or path.suffix.lower() in (*PARQUET, *DUCKDB))
        parts.append(path if lazy else opened.query("SELECT * FROM unfiltered"))
        left_out.update(gone)
        opened.connection.close()
        columns = columns if opened.path is not None else None  # a format's columns have their names already
    given = {"where": where, "table": table, "columns": columns, "labels": shape["labels"]}
    name = describe_source(files)
    return open_source(tuple(parts), **given, name=name, derive=_derive), dict(left_out)


def _check_layout(source: object, rows: Rows | None, columns: Mapping[str, str] | None) -> None:
    """Refuse columns that are those of no format, naming the nearest."""
    if rows is None or is_votes([*rows.columns, *(columns or {})]) or columns:
        return
    form, _ = nearest(rows.columns)
    if form.name in ("battles", "ballots"):
        return  # our own layout, of which the message about it names what is missing
    if not lacks_one(rows.columns):
        refuse_scores(source)
    raise SourceError(f"{describe_source(source)} is in no format known here: {unrecognised(rows.columns)}.")


def _derive(schema: pa.Schema) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """What tables of battles say beside the winner, as SQL, and which of their rows are wrong."""
    if not {"model_a", "model_b"} <= set(schema.names):
        return {}, {}
    derived = derive_battles(schema)
    return derived.columns, derived.faults


def _is_derived(source: object) -> bool:
    """Whether a parquet file says more than stands in columns of our names."""
    if not isinstance(source, Path) or source.is_dir() or source.suffix.lower() not in PARQUET:
        return False
    try:
        return bool(_derive(pq.read_schema(source))[0])
    except (pa.ArrowException, OSError):
        return False


def _rows_of(source: object) -> Rows | None:
    """The rows of a frame; None of what is none, and of votes as they stand."""
    names = getattr(source, "column_names", getattr(source, "columns", None))
    if names is not None and not callable(names) and is_votes(map(str, names)):
        return None
    if not hasattr(source, "__arrow_c_stream__") and not isinstance(source, pa.Table):
        found = frame_to_arrow(source)
        if found is None:
            return None
        source = found
    table = as_arrow(source, describe_source(source))
    return Rows(table, np.arange(1, table.num_rows + 1), tuple(table.column_names))


def _as_votes(
    source: object,
    rows: Rows,
    invalid: Invalid,
    *,
    columns: Mapping[str, str] | None,
    labels: Mapping[str, str] | None,
    format: str | None,
    grade_weight: float | None,
) -> tuple[pa.Table, dict[str, int]] | None:
    """Read rows in a published format; None where they are votes as they stand."""
    names = (*rows.columns, *(columns or {}))
    if format is None and is_votes(names) and grade_weight is None:
        return None
    if format is None and not recognise(names):
        return None
    form = choose_format(names, source, format)
    rows = named_rows(rows, describe_source(source), columns, labels)
    return with_columns(form, rows, Path(describe_source(source)), invalid, grade_weight)


def read_any(
    source: object,
    *,
    where: str | None = None,
    table: str | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    invalid: Invalid = "error",
    voters: Voters | None = None,
    format: str | None = None,
    grade_weight: float | None = None,
    criterion: str | None = None,
    engine: Engine | None = None,
    **tasks: Any,
) -> Votes:
    """Read votes, a table of scores or a PrefLib election, ready to rank.

    Args:
        source, where, table, columns, labels, invalid, voters, criterion, engine: as for `comparisons`;
            `columns` may also name the column `model` of a table of scores.
        tasks: keywords of `score_table`, such as weights, groups, ignore, directions and metric.

    Raises:
        SourceError, VotesError: as the reader of what the source holds.
        OptionError: as that reader, and an option that belongs to another kind of source.
    """
    mappings: dict[str, object] = {"columns": columns, "labels": labels}
    for option, value in mappings.items():
        if value is not None and not isinstance(value, Mapping):
            how = "{'model_a': 'left'}" if option == "columns" else "{'left': 'model_a'}"
            raise OptionError(f"{option} is a mapping, such as {how}, and no {type(value).__name__}.")
    named = dict(columns or {})
    given = {name: value for name, value in tasks.items() if value}
    reading: dict[str, Any] = {
        "where": where,
        "table": table,
        "labels": labels,
        "voters": voters,
        "format": format,
        "grade_weight": grade_weight,
        "criterion": criterion,
        "engine": engine,
    }
    if _is_elsewhere(source, engine):
        refuse_options(given, source, "votes, not a table of scores")
        return comparisons(source, **reading, columns=named or None, invalid=invalid)
    source = files_of(source)
    first = source[0] if isinstance(source, tuple) else source
    if not isinstance(first, Path) and (found := frame_to_arrow(source)) is not None:
        source = first = found
    kind = kind_to_read(first, named)
    for one in source if isinstance(source, tuple) and kind != "election" else ():
        if kind_to_read(one, named) != kind:
            what = {"votes": "votes", "scores": "scores"}[kind]
            raise SourceError(f"{one} holds no {what}, as {first} does; name it alone.")
    if kind == "votes":
        refuse_options(given, source, "votes, not a table of scores")
        return comparisons(source, **reading, columns=named or None, invalid=invalid)
    if kind == "election":
        refuse_options(given, source, "an election, not a table of scores")
        refuse_options({**reading, "columns": named}, source, "an election, not votes")
        if isinstance(source, tuple):
            raise SourceError(f"{describe_source(source)} are elections; rank one at a time.")
        return preflib(str(source), absent=invalid)
    refuse_answers(first)
    refuse_options(reading, source, "a table of scores, not votes")
    whose = named.pop("model", None)
    return score_table(source, model=whose, columns=named or None, invalid=invalid, **given)


def kind_to_read(source: object, named: Mapping[str, str]) -> Literal["votes", "scores", "election"]:
    """What a source holds; columns of votes that are named say that it is votes."""
    if set(named) - _OF_SCORES:
        return "votes"
    names = columns_of(source)
    if names and (recognise({*names, *named}) or lacks_one(names)):
        return "votes"
    return kind_of(source, named.get("model"))


_OF_SCORES = {"model", "task", "score", "item", "seed", "metric"}
_WORDS = {
    "columns": "column",
    "labels": "label",
    "directions": "lower",
    "format": "as",
    "grade_weight": "grade-weight",
}


def refuse_options(options: Mapping[str, Any], source: object, what: str) -> None:
    """Refuse options that mean nothing for what the source holds."""
    for name, value in options.items():
        if value:
            word = _WORDS.get(name, name)
            raise OptionError(f"{name}= (--{word}) does not apply: {describe_source(source)} holds {what}.")
