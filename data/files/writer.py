"""Writing votes: parquet or CSV files that appear whole or not at all, and the snapshots of a log."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from agon.ranking import OptionError, SourceError


def write_parquet(table: Any, file: Any) -> None:
    """Write a table as parquet, or a reader of batches, which need not fit into memory together."""
    if isinstance(table, pa.Table):
        pq.write_table(table, file, compression="zstd")
        return
    with pq.ParquetWriter(file, table.schema, compression="zstd") as writer:
        for batch in table:
            writer.write_batch(batch)


WRITERS: dict[str, Callable[[Any, Any], None]] = {
    ".parquet": write_parquet,
    ".csv": pc.write_csv,
}


def write_table(table: Any, path: Path, *, replace: bool = False) -> Path:
    """Write a table as parquet or CSV, by the ending; the file appears only when it is whole.

    Args:
        table: an Arrow table, or a reader of batches.
        path: where to; its folder is made if it is missing.
        replace: whether a file that is there already may be replaced.

    Raises:
        OptionError: another ending.
        SourceError: the file is there already, or cannot be written.
    """
    check_target(path, replace=replace)
    with whole_file(path) as file:
        WRITERS[path.suffix](table, file)
    return path


def _only_mine(path: str, flags: int) -> int:
    """Open a file that nobody else may read while it is written."""
    return os.open(path, flags, 0o600)


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, which appears under its name only if all went well; else nothing is left.

    Raises:
        SourceError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")  # named before it is there, to be removed
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "xb", opener=_only_mine) as file:  # a Path has no opener
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(path)
    except OSError as error:
        raise SourceError(f"{path} cannot be written: {error.strerror or error}.") from None
    finally:
        with suppress(FileNotFoundError, NotADirectoryError):
            part.unlink()


def check_target(path: Path, *, replace: bool = False) -> None:
    """Refuse a path that `write_table` would refuse, before anything is written elsewhere.

    Raises:
        OptionError: another ending than .parquet or .csv.
        SourceError: the file is there already.
    """
    if path.suffix not in WRITERS:
        raise OptionError(f"{path} must end in {' or '.join(WRITERS)}, which is the format it is written in.")
    refuse_existing(path, replace=replace)


def refuse_existing(path: Path, *, replace: bool) -> None:
    """Refuse a path that holds something already.

    Raises:
        SourceError: it does, and may not be replaced.
    """
    if path.exists() and not replace:
        raise SourceError(f"{path} exists already; choose another name, or replace it with --force.")
