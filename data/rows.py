"""Votes one by one: which ballot each row is, which way round, and one more column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.encoding import Cells, canonical, turned


@dataclass(frozen=True, eq=False)
class Rows:
    """N rows of a source, K of them votes.

    Attributes:
        keep: (N,) which are votes.
        sequence: (K,) their ballots.
        cell: (K,) which of C distinct rows each is.
        sides: (C,) whether the ballot's first model stood on the right.
        extra: (N,) one more column: times as they are, other values as codes of `words`, NaN or -1 for none.
        words: what the codes stand for.
        table: what else was read, an Arrow table of N rows, or None.
    """

    keep: NDArray[np.bool_]
    sequence: NDArray[np.int64]
    cell: NDArray[np.int64]
    sides: NDArray[np.bool_]
    extra: NDArray[np.float64]
    words: tuple[str, ...]
    table: Any

    @classmethod
    def of(cls, cells: Cells, cell: NDArray[np.int64], table: Any, column: str | None) -> Rows:
        """Look rows up, `cell` (N,) among C distinct ones; `column` is what `extra` of the table holds."""
        fine = np.ones(len(cells.count), dtype=bool)
        for problem in cells.problems:
            fine &= ~problem.rows
        ballots, which = canonical(cells, fine)
        keep, at = np.ones(len(cell), dtype=bool), cell
        if not fine.all():
            keep = fine[cell]
            at = (np.cumsum(fine) - 1)[cell[keep]]
        extra, words = (
            (np.zeros(0), ()) if table is None or column is None else _extra(table["extra"], column)
        )
        return cls(keep, which[at], at, turned(cells, fine, ballots, which), extra, words, table)

    @property
    def turned(self) -> NDArray[np.bool_]:
        """(K,) whether the ballot's first model stood on the right."""
        return self.sides[self.cell]


def _extra(column: Any, name: str | None) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """(N,) times as they are, other values as codes, NaN or -1 where there is none; the codes' words."""
    if name == "timestamp":
        return np.asarray(column.to_numpy(), dtype=np.float64), ()
    encoded = pc.dictionary_encode(column.combine_chunks())
    codes = np.asarray(pc.fill_null(encoded.indices.cast("int64"), -1), dtype=np.float64)
    return codes, tuple(encoded.dictionary.to_pylist())
