"""Why a file cannot be read, in one sentence with the row: looked for only after reading it failed.

DuckDB and Arrow say what they stumbled over; a person needs to know which row to mend.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TextIO

from agon.ranking.errors import SourceError

COMPRESSION: Mapping[str, Literal["gzip", "zstd"]] = {".gz": "gzip", ".zst": "zstd"}


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a text file, compressed or not; bytes that are not UTF-8 become lone surrogates.

    Raises:
        SourceError: the file is damaged, or compressed in another way than its ending says.
    """
    import pyarrow as pa

    compression = COMPRESSION.get(path.suffix.lower())
    try:
        with pa.input_stream(str(path), compression=compression) as stream:
            yield io.TextIOWrapper(stream, "utf-8-sig", "surrogateescape", newline="")
    except (OSError, EOFError, pa.ArrowException) as error:
        how = f"is not whole, or no {compression} file" if compression else "cannot be read"
        raise SourceError(f"{path} {how}: {sentence(error)} Get or write it again.") from None


def unreadable(name: str, path: Path | None, error: BaseException) -> SourceError:
    """Make the error of a source that another library could not read."""
    kind = "" if path is None else next((s for s in reversed(path.suffixes) if s not in COMPRESSION), "")
    try:
        found = _in_lines(path, kind.lower()) if path is not None else None
    except SourceError as damaged:
        return damaged
    return SourceError(f"{name} {found}" if found else f"{name} cannot be read: {sentence(error)}")


def _in_lines(path: Path, kind: str) -> str | None:
    """Find the first row of a text file that no reader could take, or None."""
    if kind in (".csv", ".tsv"):
        with open_text(path) as file:
            return _in_csv(file, "\t" if kind == ".tsv" else ",")
    if kind in (".jsonl", ".ndjson", ".json"):
        with open_text(path) as file:
            return _in_json(file)
    return None


def _in_csv(file: TextIO, delimiter: str) -> str | None:
    """Look for a row that is not UTF-8 or has another number of fields than the header."""
    reader = csv.reader(file, delimiter=delimiter)
    width = len(next(reader, []))
    try:
        for number, row in enumerate((row for row in reader if row), start=1):
            if not is_utf8("".join(row)):
                return f"is not UTF-8 text: see row {number}; save it as UTF-8."
            if len(row) != width:
                return (
                    f"has {len(row)} fields in row {number}, but its header names {width}; correct the row "
                    "(a text with a comma or a line break in it stands in double quotes)."
                )
    except csv.Error as error:
        return f"cannot be read as CSV: {sentence(error)}"
    return None


def _in_json(file: TextIO) -> str | None:
    """Look for the first line that is not JSON; an array is read whole."""
    first = file.readline()
    if not is_utf8(first):
        return "is not UTF-8 text: see row 1; save it as UTF-8."
    if first.lstrip()[:1] == "[":
        try:
            json.loads(first + file.read())
        except ValueError as error:
            return f"is not JSON: {sentence(error)}"
        return None
    for number, line in enumerate([first, *file], start=1):
        if not is_utf8(line):
            return f"is not UTF-8 text: see row {number}; save it as UTF-8."
        try:
            json.loads(line or "null")
        except ValueError:
            if line.strip():
                return f"has no whole JSON object in row {number}; correct the line, or remove it."
    return None


def is_utf8(text: str) -> bool:
    """Whether a text read by `open_text` was UTF-8."""
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


def sentence(error: BaseException) -> str:
    """The first sentence of another library's message, ended with a full stop."""
    text = " ".join(str(error).split("\n\n")[0].split())
    text = re.sub(r"^([A-Z][A-Za-z]* ?)+ Error: ", "", text)
    return text[:300].rstrip(" .") + "."
