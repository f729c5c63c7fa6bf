"""Distinct votes counted from dictionary-encoded columns, before any string or SQL.

Parquet and Arrow keep repeated texts as a dictionary and small numbers. Where votes are model_a, model_b and
winner alone, counting those numbers takes little longer than reading them; everything else is grouped in SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agon.data.files.counted_part import COUNT
from agon.data.files.reader import PARQUET, check_file
from agon.data.files.source import as_arrow, describe_source
from agon.data.read_errors import sentence
from agon.ranking import SourceError
from agon.ranking.progress import counted

VOTE_COLUMNS = ["model_a", "model_b", "winner"]
MOST_CELLS = 1 << 24  # more combinations of distinct words than this are left to SQL
BLOCK = 1 << 20  # rows counted at a time


def count_distinct(source: Path | pa.Table) -> pa.Table | None:
    """Count the distinct votes of a parquet file or a table.

    Returns:
        model_a, model_b, winner and count, a row for each distinct vote; None where a column changes what a
        vote is, one of the three holds something else than texts, or there are too many distinct names.

    Raises:
        pyarrow.ArrowException, OSError: the file cannot be read.
    """
    schema = pq.read_schema(source) if isinstance(source, Path) else source.schema
    if not is_hard(schema.names) or not all(_is_text(schema.field(column).type) for column in VOTE_COLUMNS):
        return None
    if not isinstance(source, Path):
        return _count(source.select(VOTE_COLUMNS))
    file = pq.ParquetFile(source, read_dictionary=VOTE_COLUMNS)  # read_table imports pandas
    groups = counted(range(file.num_row_groups))
    parts = [_count(file.read_row_group(group, VOTE_COLUMNS)) for group in groups]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or not known:
        return None
    return known[0] if len(known) == 1 else _count(pa.concat_tables(known))


def read_plain_rows(source: Path, column: str, otherwise: str | None = None) -> pa.Table | None:
    """Read the votes that `count_distinct` counted in a file row by row, with a further column as `extra`.

    Args:
        source: a parquet file.
        column: the further column.
        otherwise: a column whose values stand in, after the word "battle", where that has none.

    Returns:
        model_a, model_b, winner and extra; None where a column is neither of texts nor of whole numbers.

    Raises:
        pyarrow.ArrowException, OSError: the file cannot be read.
    """
    wanted = [column] if otherwise is None else [column, otherwise]
    kinds = [pq.read_schema(source).field(name).type for name in wanted]
    if not all(_is_text(kind) or pa.types.is_integer(kind) for kind in kinds):
        return None
    table = pq.ParquetFile(source).read([*VOTE_COLUMNS, *wanted])  # read_table imports pandas
    extra: Any = table[column].cast(pa.string())
    if otherwise is not None and extra.null_count:
        other = table[otherwise].cast(pa.string())
        extra = pc.if_else(pc.is_valid(extra), extra, pc.binary_join_element_wise("battle", other, " "))
    return table.select(VOTE_COLUMNS).append_column("extra", extra)


def _count(table: pa.Table) -> pa.Table | None:
    """Count equal rows; a column `count` says how often each stands already."""
    columns = [_encoded(table[name]) for name in VOTE_COLUMNS]
    shape = tuple(len(column.dictionary) + 1 for column in columns)  # the last place is for null
    if np.prod(shape) > MOST_CELLS:
        return None
    often = np.from_dlpack(table["count"].combine_chunks()) if "count" in table.column_names else None
    total = np.zeros(int(np.prod(shape)))
    for start in range(0, table.num_rows, BLOCK):
        code: Any = 0
        for column, size in zip(columns, shape, strict=True):
            indices = column.indices.slice(start, BLOCK).cast(pa.int64())
            if indices.null_count:
                indices = indices.fill_null(size - 1)
            code = code * size + np.from_dlpack(indices)  # to_numpy would import pandas
        weight = None if often is None else often[start : start + BLOCK]
        total += np.bincount(code, weight, minlength=len(total))
    there = np.flatnonzero(total)
    places = np.unravel_index(there, shape)
    words = [
        pa.concat_arrays([column.dictionary.cast(pa.string()), pa.nulls(1, pa.string())]).take(
            _integers(place)
        )
        for column, place in zip(columns, places, strict=True)
    ]
    return pa.Table.from_arrays([*words, _integers(total[there])], [*VOTE_COLUMNS, "count"])


def is_hard(columns: Sequence[str]) -> bool:
    """Whether the columns are there, once each, with no column that changes what a vote is."""
    names = [name.lower() for name in columns]  # as SQL compares them
    if any(names.count(column) != 1 for column in VOTE_COLUMNS) or {
        "p_a",
        "weight",
        "grade",
        "voter_kind",
        "blind",
        "judge_model",
        "judge",
        "source",
        "anony",
        COUNT,
    } & set(names):
        return False
    return set(VOTE_COLUMNS) <= set(columns)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _encoded(column: pa.ChunkedArray) -> Any:
    """A column as one dictionary array."""
    encoded: Any = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    return encoded.unify_dictionaries().combine_chunks()


def _integers(values: Any) -> pa.Array:
    """(C,) whole numbers in Arrow; pa.array would import pandas."""
    whole = np.ascontiguousarray(values, dtype=np.int64)
    return pa.Array.from_buffers(pa.int64(), len(whole), [None, pa.py_buffer(whole)])


def count_plain(source: object) -> pa.Table | None:
    """The distinct votes where they can be counted without SQL, which takes long to import; else None."""
    try:
        if isinstance(source, str | Path):
            path = Path(source)
            parquet = not path.is_dir() and path.suffix.lower() in PARQUET
            return count_distinct(check_file(path)) if parquet else None
        if hasattr(source, "__arrow_c_stream__"):
            frame: Any = source
            make = type(frame).__module__.partition(".")[0]
            if make in ("pandas", "polars") and not hasattr(frame, "columns"):
                return None  # one column
            if make in ("pandas", "polars") and is_hard([str(column) for column in frame.columns]):
                frame = frame[VOTE_COLUMNS]
            return count_distinct(as_arrow(frame, describe_source(source)))
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{describe_source(source)} cannot be read: {sentence(error)}") from None
    return None
