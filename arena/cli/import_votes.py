"""`agon import`: votes of published formats into a log folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from agon.arena.cli.arguments import labels_of, pairs_of, readable
from agon.arena.cli.output.progress_line import progress
from agon.arena.cli.reading import ColumnOption, GradeOption, InvalidOption, LabelOption
from agon.data import Imported, read_published
from agon.data.files.reader import list_files
from agon.data.importers.log_snapshot import into_log
from agon.ranking.progress import counted


def import_command(
    files: Annotated[
        list[Path],
        Parameter(
            help="Published files, or a folder of them: parquet, CSV, JSON, .gz and .zst too, PrefLib "
            "elections; - reads one."
        ),
    ],
    /,
    *,
    into: Annotated[Path, Parameter(help="The log folder that keeps the votes.")] = Path("agon-log"),
    format: Annotated[
        str | None,
        Parameter(
            name=["--as", "--format", "-f"], help="Format of the files, if their columns do not tell it."
        ),
    ] = None,
    invalid: InvalidOption = "error",
    column: ColumnOption = None,
    label: LabelOption = None,
    grade_weight: GradeOption = None,
) -> None:
    """Import votes of a published arena format into a log folder.

    The format is told from the columns; docs/data.md lists those that are known. Categories, languages,
    sessions and what was counted in the answers come along. Texts are not copied: prompt_id leads back to the
    file. The same file is imported only once. Of a PrefLib election every voter becomes one ballot.

    For example:

    agon import clean_battle.json --into agon-log

    agon import logs/*-conv.json

    agon import election.soi --into agon-log

    zcat votes.jsonl.gz | agon import -

    agon rank agon-log
    """
    given: dict[str, Any] = {
        "columns": pairs_of(column),
        "labels": labels_of(label),
        "grade_weight": grade_weight,
    }
    # All are read before one is written: what is wrong with the last file leaves nothing half done.
    with readable(files) as paths:
        named = list_files(paths)
        with progress("reading votes"):
            read = [
                (file, read_published(file, format=format, invalid=invalid, **given))
                for file in counted(named)
            ]
        for file, imported in read:
            _keep(file, imported, into)


def _keep(file: Path, imported: Imported, into: Path) -> None:
    """Put the votes of one file into the log, and say so."""
    target, new, known = into_log(imported, file, into)
    count = f"{imported.votes.num_rows - known:,} votes of the format {imported.format!r}"
    before = ", all its votes by other files" if known else f", as {target}"
    print(f"{count} are in {target}." if new else f"{file} was imported before{before}; nothing was written.")
    if new and known:
        print(f"Left out: {known:,} votes that the log holds already.")
    for reason, rows in imported.dropped.items():
        print(f"Left out: {rows:,} {reason}.")
