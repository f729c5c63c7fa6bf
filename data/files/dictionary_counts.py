"""Counting pairs straight from dictionary-encoded columns, without ever building a string.

Parquet and Arrow keep repeated texts as a dictionary and small numbers. Counting those numbers takes
little longer than reading them, several times less than grouping strings in SQL; data/votes.py uses
it where nothing but model_a, model_b and winner is needed, and SQL everywhere else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from agon.data.validation import LABELS

COLUMNS = ["model_a", "model_b", "winner"]
BLOCK = 1 << 18  # rows read and counted at a time, to stay in the cache
MOST_CELLS = 1 << 24  # more distinct combinations than this are left to SQL
FEW = 1 << 21  # rows of a file whose numbers are kept
Words = tuple[str | None, ...]
Tally = tuple[tuple[Words, ...], NDArray[np.int64]]  # the words of each column, (A, B, W) counts


@dataclass(frozen=True, eq=False)
class Counted:
    """C distinct rows: the words of model_a, model_b and winner, each row's place among them, its count."""

    words: tuple[Words, ...]
    codes: tuple[NDArray[np.int64], ...]
    count: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Numbered:
    """N rows, each as one number: the words of the three columns, and (N,) the cell of an (A, B, W) table."""

    words: tuple[Words, ...]
    code: NDArray[np.int32]

    @cached_property
    def total(self) -> NDArray[np.int64]:
        """(A, B, W) how often each combination of words occurs."""
        shape = tuple(map(len, self.words))
        total = np.zeros(int(np.prod(shape)), dtype=np.int64)
        for begin in range(0, len(self.code), BLOCK):
            total += np.bincount(self.code[begin : begin + BLOCK], minlength=len(total))
        return total.reshape(shape)


def is_plain(columns: Sequence[str]) -> bool:
    """Whether the columns are there, once each, with no column that changes what a vote is."""
    names = [name.lower() for name in columns]  # as SQL compares them
    if any(names.count(column) != 1 for column in COLUMNS) or {"p_a", "weight", "voter_kind"} & set(names):
        return False
    return set(COLUMNS) <= set(columns)


def column_names(path: Path) -> list[str]:
    """The columns of a parquet file."""
    return list(pq.read_schema(path).names)


def can_count(schema: pa.Schema) -> bool:
    """Whether the columns are plain, and texts."""
    return is_plain(schema.names) and all(_is_text(schema.field(column).type) for column in COLUMNS)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def number(source: Path | pa.Table) -> Numbered | None:
    """Number the rows of a parquet file or an Arrow table.

    Returns:
        None if it is not one that `can_count` takes, or has too many distinct names.

    Raises:
        pyarrow.ArrowException, OSError: the file cannot be read.
    """
    table: pa.Table = source
    if isinstance(source, Path):
        metadata = pq.read_metadata(source)
        if not can_count(metadata.schema.to_arrow_schema()):
            return None
        file = pq.ParquetFile(source, metadata=metadata, read_dictionary=COLUMNS)
        table = file.read(COLUMNS)  # read_table would import pandas
    elif not can_count(table.schema):
        return None
    with ThreadPoolExecutor(len(COLUMNS)) as pool:
        columns = list(pool.map(_whole, (table[name] for name in COLUMNS)))
    words = [known for known in map(_words, columns) if known is not None]
    if len(words) < len(COLUMNS) or np.prod([len(known) for known in words]) > MOST_CELLS:
        return None
    code = np.zeros(table.num_rows, dtype=np.int32)
    for column, known in zip(columns, words, strict=True):
        code *= np.int32(len(known))
        code += _indices(column, len(known) - 1)
    return Numbered(tuple(words), code)


def count_rows(rows: Numbered) -> Counted:
    """Count the distinct rows, as `count_parquet`."""
    return _folded(*_sorted(rows.words, rows.total))


def places(rows: Numbered, counted: Counted) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Say of every number that a row can have where it is among the distinct rows counted of them.

    Returns:
        (C,) places, 0 for numbers that no row has, and (C,) whether it is counted with its sides exchanged.
    """
    there = np.flatnonzero(rows.total)
    a, b, w = (
        np.array([seen[word] for word in words], dtype=np.int64)[axis]
        for seen, words, axis in zip(
            ({word: i for i, word in enumerate(known)} for known in counted.words),
            rows.words,
            np.unravel_index(there, rows.total.shape),
            strict=True,
        )
    )
    place, exchanged = np.zeros(rows.total.size, dtype=np.int64), np.zeros(rows.total.size, dtype=bool)
    if _can_fold(counted.words):
        exchanged[there] = a > b
        w = np.where(a > b, np.array(_exchanged(counted.words[2]))[w], w)
        a, b = np.minimum(a, b), np.maximum(a, b)
    shape = tuple(map(len, counted.words))
    order = np.ravel_multi_index(counted.codes, shape)  # ascending, as these were found
    place[there] = np.searchsorted(order, np.ravel_multi_index((a, b, w), shape))
    return place, exchanged


def is_small(path: Path) -> bool:
    """Whether a parquet file has so few rows that they are better numbered once than read again."""
    return int(pq.read_metadata(path).num_rows) <= FEW


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

    groups, workers = iter(range(metadata.num_row_groups)), os.cpu_count() or 1

    def batches() -> Iterator[pa.RecordBatch]:
        file = pq.ParquetFile(path, metadata=metadata, read_dictionary=COLUMNS)
        for group in groups:  # whoever is ready takes the next
            yield from file.iter_batches(BLOCK, [group], COLUMNS, use_threads=False)

    with ThreadPoolExecutor(workers) as pool:
        return _merged(pool.map(_count, [batches() for _ in range(workers)]))


def _whole(column: Any) -> Any:
    """A column as one dictionary array."""
    return _encoded(column).unify_dictionaries().combine_chunks()


def _count(batches: Iterable[pa.RecordBatch]) -> list[Tally] | None:
    """Count batches of at most BLOCK rows, those with the same words together."""
    tallies = []
    words: list[Words] = []
    total = np.zeros(0, dtype=np.int64)
    before: list[Any] = []
    scratch = (
        np.empty(BLOCK, dtype=np.int32),
        np.empty(BLOCK, dtype=np.intp),
    )  # fresh ones are slow
    for batch in batches:
        columns = [_encoded(batch.column(name)) for name in COLUMNS]
        if not before or not all(map(_same_words, before, columns)):
            if before:
                tallies.append(_sorted(words, total))
            found = [_words(column) for column in columns]
            words = [known for known in found if known is not None]
            shape = tuple(len(known) for known in words)
            if len(words) < len(COLUMNS) or np.prod(shape) > MOST_CELLS:
                return None
            total = np.zeros(shape, dtype=np.int64)
        before = columns
        indices = [_indices(column, len(known) - 1) for column, known in zip(columns, words, strict=True)]
        total += _cells(indices, total.shape, *scratch)
    return [*tallies, _sorted(words, total)] if before else tallies


def _same_words(one: Any, two: Any) -> bool:
    """Whether two columns number the same words alike."""
    return bool(one.dictionary.equals(two.dictionary)) and bool(one.null_count) == bool(two.null_count)


def _encoded(column: Any) -> Any:
    return column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)


def _words(column: Any) -> Words | None:
    """The dictionary of a column, with None at the end if a row has no value.

    None for a dictionary that holds a word twice or a null: allowed in Arrow, but left to SQL.
    """
    words = column.dictionary.to_pylist()
    if len(set(words)) < len(words) or None in words:
        return None
    return (*words, None) if column.null_count else tuple(words)


def _indices(column: Any, missing: int) -> NDArray[np.int32]:
    """(N,) position of each row's word; `missing` for null."""
    indices = column.indices
    if indices.null_count:
        indices = pc.fill_null(indices.cast(pa.int32()), missing)
    kind = np.dtype(str(indices.type))  # np.asarray would import pandas
    plain = np.frombuffer(indices.buffers()[1], kind)[indices.offset : indices.offset + len(indices)]
    return plain.astype(np.int32, copy=False)


def _cells(
    indices: Sequence[NDArray[np.int32]],
    shape: tuple[int, ...],
    part: NDArray[np.int32],
    code: NDArray[np.intp],
) -> NDArray[np.int64]:
    """(A, B, W) how often each combination of three numbers occurs; `part` and `code` are scratch."""
    a, b, w = indices
    part, code = part[: len(a)], code[: len(a)]
    np.multiply(a, np.int32(shape[1]), out=part)
    np.add(part, b, out=part)
    np.multiply(part, np.int32(shape[2]), out=part)
    np.add(part, w, out=code)
    return np.bincount(code, minlength=int(np.prod(shape))).reshape(shape)


def _sorted(words: Sequence[Words], cells: NDArray[np.int64]) -> Tally:
    """Put the words of each column in order, so that chunks with the same words can be added."""
    orders = [sorted(range(len(known)), key=[word or "" for word in known].__getitem__) for known in words]
    arranged = (tuple(known[i] for i in order) for known, order in zip(words, orders, strict=True))
    return tuple(arranged), cells[np.ix_(*orders)]


def _merged(parts: Iterable[list[Tally] | None]) -> Counted | None:
    """Add up the counts of the parts, whose words may differ."""
    same: dict[tuple[Words, ...], NDArray[np.int64]] = {}
    for part in parts:
        if part is None:
            return None
        for words, cells in part:
            same[words] = same[words] + cells if words in same else cells
    known: list[dict[str | None, int]] = [{}, {}, {}]
    for axis, seen in enumerate(known):
        for word in sorted({word for words in same for word in words[axis]}, key=lambda word: word or ""):
            seen[word] = len(seen)
    shape = tuple(len(seen) for seen in known)
    if np.prod(shape) > MOST_CELLS:
        return None
    if len(same) == 1:
        return _folded(*next(iter(same.items())))
    total = np.zeros(shape, dtype=np.int64)
    for words, cells in same.items():
        places = [[seen[word] for word in column] for seen, column in zip(known, words, strict=True)]
        total[np.ix_(*places)] += cells
    return _folded([tuple(seen) for seen in known], total)


def _folded(words: Sequence[Words], total: NDArray[np.int64]) -> Counted:
    """List the cells, with (b, a) counted as (a, b) where the winners allow to turn a vote round."""
    if _can_fold(words):
        turned = total.transpose(1, 0, 2).take(_exchanged(words[2]), axis=2)
        below = np.tril(np.ones(total.shape[:2], dtype=bool), -1)[:, :, None]
        total = np.where(below, 0, total + np.where(below.transpose(1, 0, 2), turned, 0))
    found = np.nonzero(total)
    return Counted(tuple(words), tuple(index.astype(np.int64) for index in found), total[found])


def _can_fold(words: Sequence[Words]) -> bool:
    """Whether a vote may be counted with its sides exchanged: the same models on both, and known winners."""
    return words[0] == words[1] and {"model_a", "model_b"} <= set(words[2]) <= set(LABELS)


def _exchanged(outcomes: Words) -> list[int]:
    """The place of each outcome with the sides exchanged."""
    other = {"model_a": "model_b", "model_b": "model_a"}
    return [outcomes.index(other.get(str(word), word)) for word in outcomes]
