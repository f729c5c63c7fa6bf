"""Where an export goes: its files, which appear only when all are whole, and how rows become bytes."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from agon.data.files.writer import refuse_existing, whole_file
from agon.data.sql import quote_name
from agon.ranking.errors import OptionError, SourceError

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet computes where a cell begins so
# What must stay as it is, or the votes would be others when they are read again.
_FIXED = ("model_a", "model_b", "winner")


def choose_files(
    target: Path, endings: Sequence[str], every: frozenset[str], *, split: bool, replace: bool
) -> dict[str, Path]:
    """The files to write, and the manifest: {"all" or "train" and "test": path, "manifest": path}.

    Args:
        target: a file, or a folder.
        endings: those of the form; the first is that of files in a folder.
        every: the endings of all forms, by which a file is told from a folder.
        split: whether votes are held out.
        replace: whether files that are there may be replaced.

    Raises:
        OptionError: an ending of another form, or one file for two.
        SourceError: something stands there already, or a folder where a file belongs.
    """
    if target.suffix.lower() in every:
        if target.suffix.lower() not in endings:
            raise OptionError(f"{target} must end in {' or '.join(endings)}, as this form is written.")
        if target.is_dir():
            raise SourceError(f"{target} is a folder, and its ending is that of a file; name another one.")
        if split:
            raise OptionError(
                f"A held-out split is two files, and {target} is one; name a folder, and the form with --as."
            )
        files = {"all": target, "manifest": target.with_name(f"{target.stem}.manifest.json")}
    else:
        if target.exists() and not target.is_dir():
            raise SourceError(f"{target} is a file; name a folder, or a file that ends in {endings[0]}.")
        parts = {"train": "train", "test": "test"} if split else {"all": "votes"}
        files = {part: target / f"{name}{endings[0]}" for part, name in parts.items()}
        files["manifest"] = target / "manifest.json"
    for path in files.values():
        if path.is_dir():
            raise SourceError(f"{path} is a folder, and a file belongs there; choose another name.")
        refuse_existing(path, replace=replace)
    return files


@contextmanager
def whole_files(files: Mapping[str, Path]) -> Iterator[dict[str, IO[bytes]]]:
    """All files to write to, which appear only when all are whole; else nothing is left, no folder either.

    Raises:
        SourceError: they cannot be written.
    """
    folder = next(iter(files.values())).parent
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        with ExitStack() as stack:
            yield {name: stack.enter_context(whole_file(path)) for name, path in files.items()}
    except BaseException:
        for one in made:
            with suppress(OSError):
                one.rmdir()
        raise


class RowWriter:
    """Writes rows to an open file, as parquet, JSON lines or CSV, some at a time.

    Attributes:
        rows: how many were written.
        escaped: how many cells of a CSV would have been formulas.
    """

    def __init__(self, file: IO[bytes], ending: str, schema: pa.Schema, path: Path) -> None:
        self.rows = self.escaped = 0
        self._file, self._schema, self._path = file, schema, path
        self._parquet = pq.ParquetWriter(file, schema, compression="zstd") if ending == ".parquet" else None
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="") if ending == ".csv" else None
        self._csv = csv.writer(self._text) if self._text is not None else None
        if self._csv is not None:
            self._csv.writerow([self._cell("", name) for name in schema.names])

    def add(self, table: pa.Table) -> None:
        """Write rows."""
        self.rows += table.num_rows
        if not table.num_rows:
            return
        if self._parquet is not None:
            self._parquet.write_table(table)
        elif self._csv is not None:
            columns = zip(*(table[name].to_pylist() for name in table.column_names), strict=True)
            self._csv.writerows(map(self._cell, table.column_names, values) for values in columns)
        else:
            self._file.write(_json_lines(table))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is None:
            self._end()
        elif self._parquet is not None:
            with suppress(Exception):  # the file goes anyway, and what went wrong is told
                self._parquet.close()

    def _end(self) -> None:
        """Write what waits, and the end; the file stays open for who opened it."""
        if self._parquet is not None:
            self._parquet.close()
        elif self._text is not None:
            self._text.flush()
            self._text.detach()

    def _cell(self, name: str, value: Any) -> Any:
        """A value as a cell that no spreadsheet computes."""
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return value
        if isinstance(value, list | dict | tuple):
            return json.dumps(value, ensure_ascii=False, default=_plain)
        text = value if isinstance(value, str) else _plain(value)
        if not text.startswith(FORMULA):
            return text
        if name in _FIXED:
            raise SourceError(
                f"The model name {text!r} is a formula to a spreadsheet, and another name if escaped; "
                f"write {self._path.with_suffix('.jsonl')} instead (--as jsonl)."
            )
        self.escaped += 1
        return f"'{text}"


def _json_lines(table: pa.Table) -> bytes:
    """Rows as lines of JSON, times as ISO 8601."""
    import duckdb

    times = [quote_name(field.name) for field in table.schema if pa.types.is_timestamp(field.type)]
    moments = ", ".join(f"replace({name}::VARCHAR, ' ', 'T') AS {name}" for name in times)
    columns = f"* REPLACE ({moments})" if times else "*"
    with duckdb.connect() as database:
        database.register("given", table)
        line = "to_json(agon_line)::VARCHAR || chr(10) AS line"
        lines = database.sql(f"SELECT {line} FROM (SELECT {columns} FROM given) AS agon_line")
        return "".join(lines.to_arrow_table()["line"].to_pylist()).encode()


def _plain(value: Any) -> str:
    """A time as ISO 8601, anything else as its text."""
    moment: Callable[[], str] | None = getattr(value, "isoformat", None)
    return moment() if moment is not None else str(value)
