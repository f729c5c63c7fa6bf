"""A log in a notebook: its votes, battles, turns and answers as frames, while the arena serves."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agon.data.files.snapshot_folder import SAME_MODEL, TESTING, holds_log, snapshots
from agon.data.files.source import open_source
from agon.data.log.text_parts import LOG_TABLES, RIGHTS_TABLES, STUDY_TABLES, count_rows, part_files
from agon.data.read_errors import sentence
from agon.ranking.errors import OptionError, SourceError, suggest
from agon.ranking.text import Readable

Frames = Literal["pandas", "polars", "arrow"]
_DATABASE = "agon.duckdb"
_NO_VOTES = pa.schema(
    {name: pa.string() for name in ("battle_id", "model_a", "model_b", "winner", "voter")}
    | {"timestamp": pa.float64()}
)


_NO_SAME_MODEL = pa.schema(
    {"models": pa.list_(pa.string()), "places": pa.list_(pa.uint8()), "voter": pa.string()}
)


def open_log(folder: str | Path, frames: Frames = "pandas") -> LogFrames:
    """Open a log folder for reading, also while an arena serves it; what is there is at most 15 s old.

    Args:
        folder: the log folder.
        frames: of which make the frames are.

    Raises:
        SourceError: no such folder, or no log.
        OptionError: another make.
    """
    if frames not in get_args(Frames):
        raise OptionError(f"There is no frames={frames!r}; {suggest(str(frames), get_args(Frames))}")
    return LogFrames(check_log(Path(folder)), frames)


def check_log(folder: Path) -> Path:
    """Refuse what is no log folder, and publish what a process left behind that was killed.

    Raises:
        SourceError: no such folder, a file, a folder of something else, or a database that cannot be opened.
    """
    if not folder.exists():
        raise SourceError(f"There is no log folder {folder}; check the path, or begin one with agon serve.")
    if not folder.is_dir():
        raise SourceError(
            f"{folder} is a file, and a log is a folder; name the folder that agon serve keeps."
        )
    if holds_log(folder):
        from agon.data.log.vote_log import bring_up_to_date  # imports the database

        bring_up_to_date(folder, texts=True)
    elif not (folder / "votes").is_dir():
        raise SourceError(
            f"{folder} is no log: it has neither {_DATABASE} nor votes/; name the one of agon serve."
        )
    return folder


@contextmanager
def kept_votes(folder: Path) -> Iterator[Path]:
    """A copy of the votes of a log, because a snapshot may be replaced while a query reads it.

    Raises:
        SourceError: they cannot be copied.
    """
    with tempfile.TemporaryDirectory(prefix="agon-") as place:
        try:
            for path in snapshots(folder):
                shutil.copyfile(path, Path(place) / path.name)
        except OSError as error:
            raise SourceError(
                f"The votes of {folder} cannot be copied to {place}: {error.strerror}; make room there."
            ) from None
        yield Path(place)


class LogFrames(Readable):
    """The frames of a log as it was when it was opened, each read when it is first asked for.

    Attributes:
        folder: the log folder.
    """

    def __init__(self, folder: Path, frames: Frames) -> None:
        self.folder, self._frames = folder, frames
        arena = folder / "votes" / "arena.parquet"
        try:  # votes first: the battles of all of them are in the parts
            self._votes = pq.read_metadata(arena).num_rows if arena.exists() else 0
            self._last = _last_number(arena) if arena.exists() else 0
            self._rows = count_rows(folder)
        except (OSError, pa.ArrowException) as error:
            raise SourceError(f"{folder} cannot be read: {sentence(error)}") from None
        if self._votes and not self._rows["battles"]:
            raise SourceError(
                f"{folder} is open in an older version of Agon, which publishes no texts; start it anew with "
                "this one."
            )

    def conclusion(self) -> str:
        """Say in one phrase what there is."""
        optional = (*STUDY_TABLES, *RIGHTS_TABLES, "roster")
        there = {name: rows for name, rows in self._rows.items() if rows or name not in optional}
        held = ", ".join(f"{rows:,} {name.replace('_', ' ')}" for name, rows in there.items())
        return f"{str(self.folder)!r}: {self._votes:,} votes of the arena, {held}"

    @cached_property
    def battles(self) -> Any:
        """A row for each battle that was drawn: its models, who drew them and how likely that was."""
        return self._frame(self._table("battles"))

    @cached_property
    def turns(self) -> Any:
        """A row for each prompt."""
        return self._frame(self._table("turns"))

    @cached_property
    def generations(self) -> Any:
        """A row for each answer: its text, its timings, and how it failed if it did."""
        return self._frame(self._table("generations"))

    @cached_property
    def replacements(self) -> Any:
        """A row for each side that failed and that another model took."""
        return self._frame(self._table("replacements"))

    @cached_property
    def assignments(self) -> Any:
        """A row for each battle of a study: the study, the voter's seat, the cell, and the attempt."""
        return self._frame(self._table("assignments"))

    @cached_property
    def criterion_votes(self) -> Any:
        """A row for each ballot on a criterion of a study, parallel to the models voted on."""
        return self._frame(self._table("criterion_votes"))

    @cached_property
    def skips(self) -> Any:
        """A row for each battle of a study that its voter skipped, with the reason."""
        return self._frame(self._table("skips"))

    @cached_property
    def attention_checks(self) -> Any:
        """A row for each attention item of a study that was judged or skipped, and whether it was passed."""
        return self._frame(self._table("attention_checks"))

    @cached_property
    def withdrawals(self) -> Any:
        """A row for each vote that was withdrawn: its battle, who wanted it, and when."""
        return self._frame(self._table("withdrawals"))

    @cached_property
    def erasures(self) -> Any:
        """A row for each battle whose texts were erased: who wanted it, and when."""
        return self._frame(self._table("erasures"))

    @cached_property
    def remarks(self) -> Any:
        """A row for each time that a voter said why after a vote; of a battle the last one holds."""
        return self._frame(self._table("remarks"))

    @cached_property
    def consent_texts(self) -> Any:
        """A row for each time that people were asked to agree to something else: when, and the texts."""
        return self._frame(self._table("consent_texts"))

    @cached_property
    def consents(self) -> Any:
        """A row for each time that somebody agreed to a text, by its SHA-256, or took that back."""
        return self._frame(self._table("consents"))

    @cached_property
    def roster(self) -> Any:
        """A row for each time that the organiser listed, paused, retired or began to test a model."""
        return self._frame(self._table("roster"))

    @cached_property
    def votes(self) -> Any:
        """A row for each vote that stands and each imported one, with the columns of a vote file."""
        if not snapshots(self.folder):
            return self._frame(_NO_VOTES.empty_table())
        with kept_votes(self.folder) as copy:
            table = open_source(copy, name=str(self.folder)).query("FROM unfiltered")
        if "source_row" in table.column_names:
            later = pc.and_kleene(
                pc.equal(table["source"], "arena"), pc.greater(table["source_row"], self._last)
            )
            table = table.filter(pc.invert(later.fill_null(False)))
        return self._frame(table)

    @cached_property
    def same_model_votes(self) -> Any:
        """A row for each vote of an A/A battle, in which a model stands twice; it counts on no board."""
        path = self.folder / SAME_MODEL / "arena.parquet"
        return self._frame(pq.ParquetFile(path).read() if path.exists() else _NO_SAME_MODEL.empty_table())

    @cached_property
    def testing_votes(self) -> Any:
        """A row for each vote on a model that was not listed yet; it counts on no board."""
        path = self.folder / TESTING / "arena.parquet"
        return self._frame(pq.ParquetFile(path).read() if path.exists() else _NO_VOTES.empty_table())

    def _table(self, name: str) -> pa.Table:
        """Read the parts of a table up to the rows that it had when the log was opened."""
        try:
            parts = [pq.ParquetFile(path).read() for path in part_files(self.folder, name)]
        except (OSError, pa.ArrowException) as error:
            raise SourceError(f"{self.folder / name} cannot be read: {sentence(error)}") from None
        tables = [part.cast(LOG_TABLES[name]) for part in parts]
        return pa.concat_tables([LOG_TABLES[name].empty_table(), *tables]).slice(0, self._rows[name])

    def _frame(self, table: pa.Table) -> Any:
        """A table in the make that was asked for."""
        if self._frames == "arrow":
            return table
        if self._frames == "pandas":
            return table.to_pandas()
        try:
            return import_module("polars").from_arrow(table)
        except ImportError:
            raise OptionError('frames="polars" needs polars: pip install polars.') from None


def _last_number(arena: Path) -> int:
    """The number of the last vote of a snapshot, where votes that stand elsewhere leave gaps."""
    held = pq.read_metadata(arena)
    if not held.num_rows:
        return 0
    last = held.row_group(held.num_row_groups - 1)
    columns = {column.path_in_schema: column for column in map(last.column, range(last.num_columns))}
    return int(columns["source_row"].statistics.max) if "source_row" in columns else int(held.num_rows)
