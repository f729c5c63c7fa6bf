"""`comparisons` and `read_any`: whatever a person holds, ours or of a published format, ready to rank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agon.data.files.detection import kind_of
from agon.data.files.elections import preflib
from agon.data.files.reader import DUCKDB, PARQUET, ending, list_files, read_rows
from agon.data.files.schema import Voters, check_voters, is_votes
from agon.data.files.score_tables import score_table
from agon.data.files.source import AS_TEXT, Source, as_arrow, check_path, describe_source, open_source
from agon.data.files.table_source import Invalid, TableSource, count_plain
from agon.data.frames import frame_to_arrow
from agon.data.importers.published import recognise, with_columns
from agon.ranking import Comparisons, OptionError, SourceError, VotesError
from agon.ranking.votes.comparisons import Votes


def comparisons(
    source: object,
    *,
    where: str | None = None,
    table: str | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    invalid: Invalid = "error",
    voters: Voters | None = None,
) -> Comparisons:
    """Read votes, ready to rank.

    Args:
        source: path of a parquet, CSV, TSV, JSON lines or DuckDB file (.gz and .zst too) or of a log
            folder, a pattern such as "votes-*.csv", a folder of such files, a list of paths, a pandas or
            polars DataFrame, an Arrow table, or a DuckDB relation, with columns model_a, model_b and winner
            (or p_a), or models and places; optionally acceptable, weight, voter, timestamp, category,
            language and others (docs/data.md); or a file of a published format (`FORMATS`), which is read
            as such.
        where: an SQL condition on the columns, such as "language = 'en'". It runs as SQL on this
            machine: never take it from a visitor.
        table: of a DuckDB file; "votes" if none is named.
        columns: our name for a column → its name in the source, such as {"voter": "judge"}.
        labels: a word in the column winner → ours, such as {"left": "model_a", "draw": "tie"}.
        invalid: "error" refuses rows that are not votes, naming them; "drop" leaves them out, counts
            them by reason and keeps the counts on the board.
        voters: by the column voter_kind, "human" takes the votes of people, "llm" those of LLM judges, "all"
            mixes them; None takes people's where there are both, and counts the others as left out.

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
    source = files_of(source)
    if hasattr(source, "__arrow_c_stream__") and not hasattr(source, "__len__"):
        source = as_arrow(source, describe_source(source))  # a stream can be read only once
    whole = where is None and not columns and not labels and table is None and voters != "llm"
    distinct = count_plain(source) if whole else None
    opened, left_out = None, dict[str, int]()
    if distinct is None:
        opened, left_out = open_votes(
            source, where=where, table=table, columns=columns, labels=labels, invalid=invalid
        )
    votes = TableSource(source, opened, invalid, distinct=distinct, voters=voters, left_out=left_out)
    try:
        votes.ballots()  # what is wrong with the votes is said now, not when they are first used
    except VotesError:
        for one in source if isinstance(source, tuple) else ():  # so that the row is that of its file
            comparisons(one, where=where, table=table, columns=columns, labels=labels, voters=voters)
        raise
    return Comparisons(votes)


def files_of(source: object) -> object:
    """Paths, patterns and folders as the one path or the tuple of paths they name; anything else as it is.

    Raises:
        SourceError: a pattern that no file matches, or a file that is named twice.
    """
    check_path(source)
    given = [source] if isinstance(source, str | Path) else source
    if not isinstance(given, list | tuple) or not given or not all(isinstance(o, str | Path) for o in given):
        return source
    if given is source and not any(Path(one).suffix or Path(one).exists() for one in given):
        return source  # words, and no paths
    files = list_files(given)
    return files if len(files) > 1 else files[0]


def open_votes(
    source: object,
    *,
    where: str | None = None,
    table: str | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    invalid: Invalid = "error",
) -> tuple[Source, dict[str, int]]:
    """Open votes for SQL; a file that is not in our layout is read in the published format it is of.

    Returns:
        The source, and what its format leaves out, by reason.

    Raises:
        SourceError, VotesError, OptionError: as `comparisons`.
    """
    given: dict[str, Any] = {"where": where, "table": table, "columns": columns, "labels": labels}
    source = files_of(source)
    if isinstance(source, tuple):
        return _open_several(source, invalid, given)
    if isinstance(source, str | Path) and (Path(source) / "agon.duckdb").exists():
        from agon.data.log.vote_log import bring_up_to_date  # imports the database

        bring_up_to_date(Path(source))
    if not isinstance(source, str | Path) or Path(source).is_dir() or ending(Path(source)) in DUCKDB:
        return open_source(source, **given), {}
    path = Path(source)
    rows = read_rows(path, AS_TEXT)
    if table is None and not is_votes([*rows.columns, *(columns or {})]):
        forms = recognise(frozenset(rows.columns))
        if len(forms) == 1:
            votes, left_out = with_columns(forms[0], rows, path, invalid)
            return open_source(votes, where=where, columns=columns, labels=labels, name=str(path)), left_out
    return open_source(source, **given, rows=rows), {}


def _open_several(
    files: tuple[Path, ...], invalid: Invalid, given: Mapping[str, Any]
) -> tuple[Source, dict[str, int]]:
    """Open several files as one source; those of published formats as the votes in them."""
    parts: list[object] = []
    left_out: Counter[str] = Counter()
    for path in files:
        opened, gone = open_votes(path, **{**given, "where": None, "labels": None}, invalid=invalid)
        lazy = opened.path is not None and (path.is_dir() or path.suffix.lower() in (*PARQUET, *DUCKDB))
        parts.append(path if lazy else opened.query("SELECT * FROM unfiltered"))
        left_out.update(gone)
        opened.connection.close()
    return open_source(tuple(parts), **given, name=describe_source(files)), dict(left_out)


def read_any(
    source: object,
    *,
    where: str | None = None,
    table: str | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    invalid: Invalid = "error",
    voters: Voters | None = None,
    **tasks: Any,
) -> Votes:
    """Read votes, a table of scores or a PrefLib election, ready to rank.

    Args:
        source, where, table, columns, labels, invalid, voters: as for `comparisons`; `columns` may also name
            the column `model` of a table of scores.
        tasks: keywords of `score_table`, such as weights, groups and ignore.

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
    reading = {"where": where, "table": table, "labels": labels, "voters": voters}
    source = files_of(source)
    if isinstance(source, tuple):
        for one in source:
            if kind_of(one) != "votes":
                raise SourceError(f"{one} holds no votes but scores or an election; name it alone.")
    elif not isinstance(source, str | Path) and (found := frame_to_arrow(source)) is not None:
        source = found
    kind = "votes" if named and set(named) != {"model"} else kind_of(source, named.get("model"))
    if kind == "votes":
        _refuse(given, source, "votes, not a table of scores")
        return comparisons(
            source,
            where=where,
            table=table,
            columns=named or None,
            labels=labels,
            invalid=invalid,
            voters=voters,
        )
    if kind == "election":
        _refuse(given, source, "an election, not a table of scores")
        _refuse({**reading, "columns": named}, source, "an election, not votes")
        return preflib(str(source), absent=invalid)
    _refuse(reading, source, "a table of scores, not votes")
    return score_table(source, model=named.get("model"), invalid=invalid, **given)


def _refuse(options: Mapping[str, Any], source: object, what: str) -> None:
    """Refuse options that mean nothing for what the source holds."""
    for name, value in options.items():
        if value:
            word = {"columns": "column", "labels": "label", "directions": "lower"}.get(name, name)
            raise OptionError(f"{name}= (--{word}) does not apply: {describe_source(source)} holds {what}.")
