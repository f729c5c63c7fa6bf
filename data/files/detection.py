"""What a file holds: votes, a table of scores, or an election."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from agon.data.files.benchmarks.long_tables import TASK_COLUMNS
from agon.data.files.benchmarks.reports import is_report
from agon.data.files.benchmarks.score_tables import MODEL_COLUMNS
from agon.data.files.reader import (
    COMPRESSION,
    DELIMITERS,
    JSON,
    PARQUET,
    check_file,
    ending,
    read_rows,
    read_text,
)
from agon.data.files.source import as_arrow, check_path, describe_source, open_source
from agon.ranking import SourceError

_Kind = Literal["votes", "scores", "election"]
ELECTIONS = (".soc", ".soi", ".toc", ".toi", ".cat")
VOTES = {"model_a", "model_b", "winner", "p_a", "models", "places", "model_a_name", "model_1", "model_chosen"}


def names_voters(source: str, table: str | None = None) -> bool:
    """Whether a source of votes has a column of voters, by its columns alone."""
    path = Path(source)
    if not path.is_dir() and ending(path) in (*PARQUET, *DELIMITERS):
        return "voter" in {name.lower() for name in _columns_of(path).names}
    return "voter" in {name.lower() for name in open_source(source, table=table).columns}


def _columns_of(path: Path) -> pa.Schema:
    """The columns of a file, without reading all of it."""
    if ending(path) in PARQUET and path.suffix.lower() not in COMPRESSION:
        return pq.read_schema(check_file(path))
    if ending(path) in JSON:
        return _first_record(read_text(path))
    return read_rows(path, (), head=True).table().schema


def _first_record(text: str) -> pa.Schema:
    """The fields of the first object of a JSON text; none where it begins with another value."""
    start = re.match(r"\s*\[?\s*", text)
    try:
        record, _ = json.JSONDecoder().raw_decode(text, start.end() if start else 0)
        return pa.Table.from_pylist([record]).schema if isinstance(record, dict) else pa.schema([])
    except (ValueError, RecursionError, pa.ArrowException, OverflowError):
        return pa.schema([])


def columns_of(source: object) -> list[str]:
    """The names of the columns of a file or a frame, without reading it all; none if they are not known."""
    if not isinstance(source, str | Path):
        return [str(name) for name in getattr(source, "column_names", getattr(source, "columns", []))]
    path = Path(source)
    if path.is_dir() or ending(path) not in (*PARQUET, *DELIMITERS, *JSON):
        return []
    try:
        return list(_columns_of(path).names)
    except (SourceError, pa.ArrowException, OSError):
        return []


def kind_of(source: object, model: str | None = None) -> _Kind:
    """Say what a file or frame holds by its ending and its columns.

    A PrefLib ending is an election. A file without the columns of votes is a table of scores, models in
    rows, if a column says whose row it is, or if the first column is text and most of the others are
    numbers; so are reports of lm-evaluation-harness, HELM and Inspect. Everything else is taken for votes,
    so that the error about it names the columns votes need.

    Args:
        source: path of the file, or anything else that `comparisons` or `score_table` reads.
        model: the column that names the models, which only a table of scores has.
    """
    check_path(source)
    if not isinstance(source, str | Path):
        return _kind_of_frame(source, model)
    path = Path(source)
    if is_election(path):
        return "election"
    if is_report(path):
        return "scores"
    if path.is_dir() or ending(path) not in (*PARQUET, *DELIMITERS, *JSON):
        return "votes"
    try:
        schema = _columns_of(path)
    except (SourceError, pa.ArrowException, OSError):
        return "votes"
    return _kind_of_columns(schema, model)


def is_election(source: object) -> bool:
    """Whether a source is a PrefLib file."""
    return isinstance(source, str | Path) and Path(source).suffix.lower() in ELECTIONS


def refuse_answers(source: object) -> None:
    """Refuse recorded answers where votes or scores are wanted.

    Raises:
        SourceError: the columns are those of recorded answers.
    """
    if {_plain(name) for name in columns_of(source)} >= {"prompt", "model", "answer"}:
        where = shlex.quote(str(source)) if isinstance(source, str | Path) else "FILE"
        raise SourceError(
            f"{describe_source(source)} holds recorded answers, and nobody has judged them; "
            f"agon serve {where} lets people compare them."
        )


def refuse_scores(source: object) -> None:
    """Refuse a table of scores where votes are wanted.

    Raises:
        SourceError: it is one.
    """
    refuse_answers(source)
    if kind_of(source) == "scores":
        named = isinstance(source, str | Path)
        how = f"agon rank {shlex.quote(str(source))}" if named else "rank it as it is"
        raise SourceError(
            f"{describe_source(source)} is a table of scores, and no votes; {how}, or in Python "
            "ag.score_table, reads it."
        )


def _kind_of_columns(schema: pa.Schema, model: str | None) -> _Kind:
    """Tell a table of scores from votes by names and types of the columns."""
    names = {_plain(name) for name in schema.names}
    if not schema.names:
        return "votes"
    first, *others = schema.types
    numbers = sum(_is_number(kind) for kind in others)
    told = model is not None or bool(names & {*MODEL_COLUMNS, *TASK_COLUMNS})
    told = told or any(re.split(r"[^a-z]", name)[0] in MODEL_COLUMNS for name in names)
    text = pa.types.is_string(first) or pa.types.is_large_string(first)
    table = told or (text and bool(others) and 2 * numbers > len(others))
    return "scores" if table and not VOTES & names else "votes"


def _plain(name: str) -> str:
    """A heading as our columns are written: "Model A" is model_a."""
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _kind_of_frame(frame: object, model: str | None) -> _Kind:
    """Say what a frame holds; texts in the index of a pandas frame are the models of a table of scores."""
    names = [str(name) for name in getattr(frame, "column_names", getattr(frame, "columns", []))]
    if not names or VOTES & {_plain(name) for name in names}:
        return "votes"
    index = getattr(frame, "index", None)
    if index is not None and str(getattr(index, "dtype", "")) in ("object", "str", "string"):
        return "scores"
    return _kind_of_columns(as_arrow(frame, describe_source(frame)).schema, model)
