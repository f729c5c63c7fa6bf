"""Votes one by one: which ballot each row is, which way round, and one more column."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from agon.data.files.encoding import Cells


@dataclass(frozen=True, eq=False)
class Rows:
    """N rows of a source, K of them votes.

    Attributes:
        keep: (N,) which are votes.
        sequence: (K,) their ballots.
        cell: (K,) which of C kinds of row each is.
        sides: (C,) whether the ballot's first model stood on the right.
        extra: (N,) one more column: times as they are, other values as codes of `words`, NaN or -1 for none.
        words: what the codes stand for.
        table: what else was read, an Arrow table of N rows, or None.
    """

    keep: NDArray[np.bool_]
    sequence: NDArray[np.int64]
    cell: NDArray[np.integer[Any]]
    sides: NDArray[np.bool_]
    extra: NDArray[np.float64]
    words: tuple[str, ...]
    table: Any

    @classmethod
    def of(
        cls,
        cells: Cells,
        cell: NDArray[np.integer[Any]],
        counted_as: tuple[NDArray[np.int64], NDArray[np.bool_]] | None = None,
    ) -> Rows:
        """Look rows up.

        Args:
            cells: the distinct rows.
            cell: (N,) kind of each row: its place among them, unless `counted_as` says where each kind is.
            counted_as: (C,) places of the kinds, and whether their sides are exchanged there.
        """
        fine, sides, ballot = cells.fine, cells.turned, np.zeros(len(cells.fine), dtype=np.int64)
        ballot[fine] = cells.arranged[1]
        if counted_as is not None:
            place, exchanged = counted_as
            fine, ballot, sides = fine[place], ballot[place], sides[place] ^ exchanged
        keep = np.ones(len(cell), dtype=bool) if fine.all() else fine[cell]
        at = cell if fine.all() else cell[keep]
        return cls(keep, ballot[at], at, sides, np.zeros(0), (), None)

    def beside(self, table: Any, column: str | None) -> Rows:
        """Return the same rows with a table of what else was read, and the column that is its `extra`."""
        extra, words = (np.zeros(0), ()) if column is None else _extra(table["extra"], column)
        return replace(self, extra=extra, words=words, table=table)

    @property
    def turned(self) -> NDArray[np.bool_]:
        """(K,) whether the ballot's first model stood on the right."""
        return np.asarray(self.sides[self.cell])


def _extra(column: Any, name: str | None) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """(N,) times as they are, other values as codes, NaN or -1 where there is none; the codes' words."""
    if name == "timestamp":
        return np.asarray(column.to_numpy(), dtype=np.float64), ()
    encoded = pc.dictionary_encode(column.combine_chunks())
    codes = np.asarray(pc.fill_null(encoded.indices.cast("int64"), -1), dtype=np.float64)
    return codes, tuple(encoded.dictionary.to_pylist())
