"""Votes counted without SQL: those in parquet files and frames that are model_a, model_b and winner alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agon.data.files import dictionary_counts as counting
from agon.data.files.dictionary_counts import Counted, Numbered
from agon.data.files.encoding import Cells, counted
from agon.data.files.read_errors import sentence
from agon.data.files.row_index import Rows
from agon.data.files.source import as_arrow, check_file, describe, ending
from agon.ranking import SourceError

if TYPE_CHECKING:
    import pyarrow as pa

FRAMES = ("pandas", "polars")  # have `columns`, and take a list of them


@dataclass(frozen=True, eq=False)
class Plain:
    """What was counted, and where its rows can be found again.

    Attributes:
        origin: the path, frame or Arrow table.
        distinct: its distinct rows.
        kept: its rows, unless they are read again from a large file.
        stamp: size and time of the file that was counted.
    """

    origin: object
    distinct: Counted
    kept: Numbered | None
    stamp: tuple[int, int] | None

    @classmethod
    def of(cls, source: object) -> Plain | None:
        """Count the plainest votes straight from their dictionaries; None for everything else.

        Raises:
            SourceError: a file that cannot be read.
        """
        import pyarrow as pa

        kept = None
        try:
            if isinstance(source, str | Path):
                path = Path(source)
                if path.is_dir() or ending(path) != ".parquet":
                    return None
                stamp = _stamp(check_file(path))
                if not counting.is_small(path):
                    distinct = counting.count_parquet(path)
                    return None if distinct is None else cls(source, distinct, None, stamp)
                kept = counting.number(path)
            elif hasattr(source, "__arrow_c_stream__"):
                stamp, kept = None, counting.number(_as_table(source))
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{describe(source)} cannot be read: {sentence(error)}") from None
        return None if kept is None else cls(source, counting.count_rows(kept), kept, stamp)

    @cached_property
    def cells(self) -> Cells:
        """The distinct rows as arrays."""
        return counted(self.distinct)

    @property
    def columns(self) -> list[str] | None:
        """The names of all columns; None where only SQL tells them."""
        if isinstance(self.origin, str | Path):
            return counting.column_names(Path(self.origin))
        if not _is_frame(self.origin):
            return None
        frame: Any = self.origin
        return [str(name) for name in frame.columns]

    def rows(self) -> Rows:
        """Look every row up.

        Raises:
            SourceError: the file is another one by now, or gone.
        """
        import pyarrow as pa

        try:
            rows = counting.number(Path(str(self.origin))) if self.kept is None else self.kept
        except (pa.ArrowException, OSError):
            rows = None
        if rows is None or self.is_replaced():
            raise SourceError(f"{describe(self.origin)} changed while it was being read; do it again.")
        return Rows.of(self.cells, rows.code, counting.places(rows, self.distinct))

    def is_replaced(self) -> bool:
        """Whether the file is no longer the one that was counted."""
        return isinstance(self.origin, str | Path) and _stamp(Path(self.origin)) != self.stamp


def _as_table(frame: Any) -> pa.Table:
    """A frame in Arrow; of one with plain votes only the columns that make them, for others may be wide."""
    if _is_frame(frame) and counting.is_plain([str(column) for column in frame.columns]):
        frame = frame[counting.COLUMNS]
    return as_arrow(frame, describe(frame))


def _is_frame(source: object) -> bool:
    return type(source).__module__.partition(".")[0] in FRAMES


def _stamp(path: Path) -> tuple[int, int] | None:
    """The size of a file and when it was written; None for one that is gone."""
    if not path.exists():
        return None
    found = path.stat()
    return found.st_size, found.st_mtime_ns
