"""Texts taken out of a log folder for good: from the texts beside the events, and from every copy of them.

That battles are erased is an event. A mark stands in the folder from before that event until nothing is left
of their texts: whoever opens the log after a process that was killed in between goes on where it was, or has
nothing to do.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from agon.data.files.snapshot_folder import CRITERIA, SAME_MODEL, TESTING
from agon.data.log.events import EVENTS, TEXTS
from agon.data.log.hash_chain import Head, read_lines, synchronize_folder
from agon.data.log.image_files import files_of_images
from agon.data.log.text_parts import PART, part_files

if TYPE_CHECKING:
    import duckdb

ERASING_MARK = "erasing"
TEXT_TABLES = ("turns", "generations", "skips", "remarks")  # that are published with texts
# Copies of whole texts or databases that were set aside, and what was left half made.
_COPIES = ("agon.duckdb.v*", "agon.duckdb.damaged*", "texts.jsonl.damaged*", "agon.duckdb.new*", ".*.part")
_BATTLE = re.compile(rb'"battle_id":"([0-9a-f]{32})"')
ERASED = "battle_id IN (SELECT battle_id FROM erasures)"
# Images of erased battles that no other battle was asked with.
_IMAGES = f"""
    SELECT DISTINCT unnest(images) AS sha256 FROM turns WHERE {ERASED}
    EXCEPT SELECT unnest(images) FROM turns WHERE NOT {ERASED}"""


def mark(folder: Path) -> None:
    """Say that texts are about to be erased.

    Raises:
        OSError: the folder cannot be written.
    """
    (folder / ERASING_MARK).touch()
    synchronize_folder(folder)


def is_marked(folder: Path) -> bool:
    """Whether an erasure was begun, and something may be left."""
    return (folder / ERASING_MARK).exists()


def unmark(folder: Path) -> None:
    """Say that nothing is left."""
    (folder / ERASING_MARK).unlink(missing_ok=True)
    synchronize_folder(folder)


def erased_battles(folder: Path, end: Head) -> set[str]:
    """The battles that the events name as erased."""
    return {
        row["battle_id"]
        for line in read_lines(folder / EVENTS, 0, end.size)
        if b'"erasures":[{' in line
        for row in json.loads(line)["erasures"]
    }


def blank_texts(folder: Path, end: Head, battles: Collection[str]) -> int:
    """Overwrite the lines of texts of these battles with spaces; how many there were.

    Args:
        folder: the log folder.
        end: how far its events are whole.
        battles: in hexadecimal.

    Raises:
        OSError: the disk does not take it.
    """
    if not battles:
        return 0
    blanked, known, place = 0, 0, 0
    handle = os.open(folder / TEXTS, os.O_RDWR)
    try:
        with (
            (folder / EVENTS).open("rb", buffering=1 << 20) as events,
            (folder / TEXTS).open("rb", buffering=1 << 20) as texts,
        ):
            for line in events:
                known += len(line)
                if known > end.size:
                    break
                if line.find(b',"texts":"', 75, 110) < 0:
                    continue
                text = texts.readline()
                found = _BATTLE.search(line)
                if found and found[1].decode() in battles and text.strip():
                    os.pwrite(handle, b" " * (len(text) - 1), place)
                    blanked += 1
                place += len(text)
        os.fsync(handle)
    finally:
        os.close(handle)
    return blanked


def images_alone(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The images of erased battles that no other battle has, in a database that still names them."""
    return [str(sha256) for (sha256,) in connection.execute(_IMAGES).fetchall()]


def remove_images(folder: Path, hashes: Iterable[str]) -> None:
    """Remove images by their hashes."""
    for sha256 in hashes:
        for path in files_of_images(folder, sha256):
            path.unlink(missing_ok=True)


def remove_nameless_images(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Remove the images that no battle has; nobody may be about to ask with one."""
    named = {
        sha256 for (sha256,) in connection.execute("SELECT DISTINCT unnest(images) FROM turns").fetchall()
    }
    for path in files_of_images(folder):
        if path.stem not in named:
            path.unlink(missing_ok=True)


def parts_with_erased(connection: duckdb.DuckDBPyConnection) -> dict[str, set[int]]:
    """{table: numbers of its published parts} that hold rows of erased battles."""
    sql = "SELECT DISTINCT rowid // {} FROM {} WHERE " + ERASED
    return {
        name: {int(number) for (number,) in connection.execute(sql.format(PART, name)).fetchall()}
        for name in TEXT_TABLES
    }


def remove_published(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Remove what was published of erased battles; the next snapshot writes it without their texts."""
    for name, numbers in parts_with_erased(connection).items():
        for path in part_files(folder, name):
            if int(path.stem) in numbers:
                path.unlink(missing_ok=True)
    (folder / "votes" / "arena.parquet").unlink(missing_ok=True)
    for place in (SAME_MODEL, TESTING, CRITERIA):
        for path in (folder / place).glob("*.parquet"):
            path.unlink(missing_ok=True)


def remove_copies(folder: Path) -> list[str]:
    """Remove copies that were set aside and hold texts; their names."""
    found = [path for pattern in _COPIES for path in sorted(folder.glob(pattern))]
    for path in found:
        path.unlink(missing_ok=True)
    return [path.name for path in found if not path.name.startswith(".")]
