"""Counting pairs straight from dictionary-encoded columns, without ever building a string.

Parquet and Arrow keep repeated texts as a dictionary and small numbers. Counting those numbers takes
little longer than reading them, several times less than grouping strings in SQL; data/votes.py uses
it where nothing but model_a, model_b and winner is needed, and SQL everywhere else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

COLUMNS = ["model_a", "model_b", "winner"]
BLOCK = 1 << 17  # rows counted at a time, to stay in the cache
MOST_CELLS = 1 << 24  # more distinct combinations than this are left to SQL

Words = tuple[str | None, ...]
Tally = tuple[tuple[Words, ...], NDArray[np.int64]]  # the words of each column, (A, B, W) counts


@dataclass(frozen=True, eq=False)
class Counted:
    """C distinct rows: the words of model_a, model_b and winner, each row's place among them, its count."""

    words: tuple[Words, ...]
    codes: tuple[NDArray[np.int64], ...]
    count: NDArray[np.int64]


def can_count(schema: pa.Schema) -> bool:
    """Whether the columns are there, once each, as texts, with no column that changes what a vote is."""
    names = [name.lower() for name in schema.names]  # as SQL compares them
    if any(names.count(column) != 1 for column in COLUMNS) or {"p_a", "weight"} & set(names):
        return False
    if not set(COLUMNS) <= set(schema.names):
        return False
    return all(_is_text(schema.field(column).type) for column in COLUMNS)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def count_parquet(path: Path) -> Counted | None:
    """Count the distinct rows of a parquet file.

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


def count_table(table: pa.Table) -> Counted | None:
    """Count the distinct rows of an Arrow table, as `count_parquet`."""
    if not can_count(table.schema):
        return None
    return _merged([_count(table.select(COLUMNS))])


def _count(table: pa.Table) -> list[Tally] | None:
    """Count one table, chunk by chunk."""
    tallies = []
    for batch in table.to_batches():
        columns = [_encoded(batch.column(i)) for i in range(len(COLUMNS))]
        if any(_repeats(column) for column in columns):
            return None
        words = [_words(column) for column in columns]
        shape = tuple(len(known) for known in words)
        if np.prod(shape) > MOST_CELLS:
            return None
        indices = [_indices(column, len(known) - 1) for column, known in zip(columns, words, strict=True)]
        tallies.append(_sorted(words, _cells(indices, shape)))
    return tallies


def _encoded(column: Any) -> Any:
    return column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)


def _repeats(column: Any) -> bool:
    """Whether a dictionary holds a word twice, or none as a word: allowed, but left to SQL."""
    words = column.dictionary.to_pylist()
    return len(set(words)) < len(words) or None in words


def _words(column: Any) -> Words:
    """The dictionary of a column, with None at the end if a row has no value."""
    return (*column.dictionary.to_pylist(), *([None] if column.null_count else []))


def _indices(column: Any, missing: int) -> NDArray[np.int32]:
    """(N,) position of each row's word; `missing` for null."""
    indices = column.indices
    if indices.null_count:
        indices = pc.fill_null(indices.cast(pa.int32()), missing)
    kind = np.dtype(str(indices.type))  # np.asarray would import pandas
    plain = np.frombuffer(indices.buffers()[1], kind)[indices.offset : indices.offset + len(indices)]
    return plain.astype(np.int32, copy=False)


def _cells(indices: Sequence[NDArray[np.int32]], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """(A, B, W) how often each combination of three numbers occurs."""
    total = np.zeros(int(np.prod(shape)), dtype=np.int64)
    part, code = np.empty(BLOCK, dtype=np.int32), np.empty(BLOCK, dtype=np.intp)
    a, b, w = indices
    for begin in range(0, len(a), BLOCK):
        rows = slice(begin, begin + BLOCK)
        n = len(a[rows])
        np.multiply(a[rows], np.int32(shape[1]), out=part[:n])
        np.add(part[:n], b[rows], out=part[:n])
        np.multiply(part[:n], np.int32(shape[2]), out=part[:n])
        np.add(part[:n], w[rows], out=code[:n])
        total += np.bincount(code[:n], minlength=len(total))
    return total.reshape(shape)


def _sorted(words: Sequence[Words], cells: NDArray[np.int64]) -> Tally:
    """Put the words of each column in order, so that chunks with the same words can be added."""
    arranged = []
    for axis, known in enumerate(words):
        order = sorted(range(len(known)), key=lambda i: (known[i] is None, known[i]))
        arranged.append(tuple(known[i] for i in order))
        cells = cells.take(order, axis=axis)
    return tuple(arranged), cells


def _merged(parts: Iterable[list[Tally] | None]) -> Counted | None:
    """Add up the counts of the parts, whose words may differ."""
    same: dict[tuple[Words, ...], NDArray[np.int64]] = {}
    for part in parts:
        if part is None:
            return None
        for words, cells in part:
            same[words] = same[words] + cells if words in same else cells
    known: list[dict[str | None, int]] = [{}, {}, {}]
    for words in same:
        for seen, column in zip(known, words, strict=True):
            for word in column:
                seen.setdefault(word, len(seen))
    shape = tuple(len(seen) for seen in known)
    if np.prod(shape) > MOST_CELLS:
        return None
    total = np.zeros(shape, dtype=np.int64)
    for words, cells in same.items():
        places = [[seen[word] for word in column] for seen, column in zip(known, words, strict=True)]
        total[np.ix_(*places)] += cells
    found = np.nonzero(total)
    words = tuple(tuple(seen) for seen in known)
    return Counted(words, tuple(index.astype(np.int64) for index in found), total[found])
