"""Counting pairs straight from dictionary-encoded columns, without ever building a string.

Parquet and Arrow keep repeated texts as a dictionary and small numbers. Counting those numbers takes
little longer than reading them, several times less than grouping strings in SQL; data/votes.py uses
it where nothing but model_a, model_b and winner is needed, and SQL everywhere else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

COLUMNS = ["model_a", "model_b", "winner"]
BLOCK = 1 << 18  # rows counted at a time, to stay in the cache
MOST_CELLS = 1 << 24  # more distinct combinations than this are left to SQL

Tally = tuple[list[list[str | None]], NDArray[np.int64]]  # the words of each column, (A, B, W) counts


def can_count(schema: pa.Schema) -> bool:
    """Whether the columns are there, once each, as texts, with no column that changes what a vote is."""
    if any(schema.names.count(column) != 1 for column in COLUMNS) or {"p_a", "weight"} & set(schema.names):
        return False
    return all(_is_text(schema.field(column).type) for column in COLUMNS)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def count_parquet(path: Path) -> pa.Table | None:
    """Count the distinct rows of a parquet file: model_a, model_b, winner and count.

    Returns:
        None if the file is not one that `can_count` takes, or has too many distinct names.

    Raises:
        pyarrow.ArrowException, OSError: the file cannot be read.
    """
    metadata = pq.read_metadata(path)
    if not can_count(metadata.schema.to_arrow_schema()):
        return None

    def work(group: int) -> list[Tally] | None:
        file = pq.ParquetFile(path, metadata=metadata, read_dictionary=COLUMNS)
        return _count(file.read_row_group(group, columns=COLUMNS, use_threads=False))

    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        return _merged(pool.map(work, range(metadata.num_row_groups)))


def count_table(table: pa.Table) -> pa.Table | None:
    """Count the distinct rows of an Arrow table, as `count_parquet`."""
    if not can_count(table.schema):
        return None
    return _merged([_count(table.select(COLUMNS))])


def _count(table: pa.Table) -> list[Tally] | None:
    """Count one table, chunk by chunk."""
    tallies = []
    for batch in table.to_batches():
        columns = [_encoded(batch.column(i)) for i in range(len(COLUMNS))]
        words = [[*column.dictionary.to_pylist(), None] for column in columns]
        shape = tuple(len(known) for known in words)
        if np.prod(shape) > MOST_CELLS:
            return None
        indices = [_indices(column, len(known) - 1) for column, known in zip(columns, words, strict=True)]
        tallies.append((words, _cells(indices, shape)))
    return tallies


def _encoded(column: Any) -> Any:
    return column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)


def _indices(column: Any, missing: int) -> NDArray[np.int32]:
    """(N,) position of each row's word; `missing` for null."""
    indices = column.indices
    if indices.null_count:
        indices = pc.fill_null(indices.cast(pa.int32()), missing)
    return np.asarray(indices).astype(np.int32, copy=False)


def _cells(indices: Sequence[NDArray[np.int32]], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """(A, B, W) how often each combination of three numbers occurs."""
    total = np.zeros(int(np.prod(shape)), dtype=np.int64)
    a, b, w = indices
    for begin in range(0, len(a), BLOCK):
        block = slice(begin, begin + BLOCK)
        code = a[block] * np.int32(shape[1] * shape[2])
        code += b[block] * np.int32(shape[2])
        code += w[block]
        total += np.bincount(code, minlength=len(total))
    return total.reshape(shape)


def _merged(parts: Iterable[list[Tally] | None]) -> pa.Table | None:
    """Add up the counts of the parts, whose dictionaries may differ."""
    tallies = []
    for part in parts:
        if part is None:
            return None
        tallies += part
    known: list[dict[str | None, int]] = [{}, {}, {}]
    places = [
        [
            [seen.setdefault(word, len(seen)) for word in column]
            for seen, column in zip(known, words, strict=True)
        ]
        for words, _ in tallies
    ]
    shape = tuple(len(seen) for seen in known)
    if np.prod(shape) > MOST_CELLS:
        return None
    total = np.zeros(shape, dtype=np.int64)
    for place, (_, cells) in zip(places, tallies, strict=True):
        total[np.ix_(*place)] += cells
    found = np.nonzero(total)
    columns: dict[str, Any] = {
        name: pa.DictionaryArray.from_arrays(
            pa.array(index.astype(np.int32)), pa.array(list(seen), pa.string())
        )
        for name, index, seen in zip(COLUMNS, found, known, strict=True)
    }
    return pa.table({**columns, "count": pa.array(total[found])})
