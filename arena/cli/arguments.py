"""Arguments that several commands share: their types, and their texts as values."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from agon.arena.cli.commands import STDIN
from agon.ranking.errors import AgonError, OptionError

SOURCE = "A parquet, CSV, TSV, JSON lines or DuckDB file, a log folder, or - for standard input."
SourceArgument = Annotated[str, Parameter(help=SOURCE)]
WhereOption = Annotated[
    str | None, Parameter(help="SQL condition on the columns, such as \"language = 'en'\".")
]
TableOption = Annotated[str | None, Parameter(help="Table of a DuckDB file [default: votes].")]
ColumnOption = Annotated[
    list[str] | None,
    Parameter(
        name="--column", negative="", help="OURS=THEIRS: use the column THEIRS as OURS, such as voter=judge."
    ),
]
LabelOption = Annotated[
    list[str] | None,
    Parameter(
        name="--label",
        negative="",
        help="WORD=LABEL: read WORD in the column winner as LABEL, such as left=model_a.",
    ),
]
InvalidOption = Annotated[
    Literal["error", "drop"],
    Parameter(help="What to do with rows that are not votes: refuse them, or leave them out and count them."),
]
VotersOption = Annotated[
    Literal["human", "llm", "all"] | None,
    Parameter(help="Whose votes, by voter_kind [default: people's, if there are both]."),
]


@contextlib.contextmanager
def readable(source: str) -> Iterator[str]:
    """Give a path to read; standard input is kept in a file for the time."""
    if source != STDIN:
        yield source
        return
    given = sys.stdin.buffer.read()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"standard-input{_ending(given)}"
        path.write_bytes(given)
        try:
            yield str(path)
        except AgonError as error:
            raise type(error)(str(error).replace(str(path), "standard input")) from None


def _ending(given: bytes) -> str:
    """The ending of the format that the bytes are in."""
    if given.startswith(b"PAR1"):
        return ".parquet"
    return {b"{": ".jsonl", b"[": ".json"}.get(given.lstrip()[:1], ".csv")


def anchor_of(text: str) -> tuple[str, float | None]:
    """Split MODEL=SCORE at the last equals sign that a number follows."""
    name, _, number = text.rpartition("=")
    try:
        return (name, float(number)) if name else (text, None)
    except ValueError:
        return text, None


def labels_of(given: list[str] | None) -> dict[str, str]:
    """Turn WORD=LABEL texts into a mapping.

    Raises:
        OptionError: a text without an equals sign.
    """
    pairs = {}
    for text in given or []:
        word, sign, label = text.rpartition("=")
        if not (word and sign and label):
            raise OptionError(f"--label {text!r} must be WORD=LABEL, such as left=model_a.")
        pairs[word] = label
    return pairs


def pairs_of(given: list[str] | None) -> dict[str, str]:
    """Turn OURS=THEIRS texts into a mapping.

    Raises:
        OptionError: a text without an equals sign.
    """
    pairs = {}
    for text in given or []:
        ours, sign, theirs = text.partition("=")
        if not (ours and sign and theirs):
            raise OptionError(f"--column {text!r} must be OURS=THEIRS, such as voter=judge.")
        pairs[ours] = theirs
    return pairs


def values_of(text: str | None) -> dict[str, str]:
    """Turn NAME=VALUE,... into a mapping; names may hold equals signs, values not.

    Raises:
        OptionError: a part without an equals sign, or a name twice.
    """
    found: dict[str, str] = {}
    for part in (piece for piece in (text or "").split(",") if piece):
        name, sign, value = part.rpartition("=")
        if not (name and sign and value) or name in found:
            raise OptionError(f"{part!r} must be TASK=VALUE, each task once, such as RTE=0.5.")
        found[name] = value
    return found


def number_of(option: str, text: str) -> float:
    """Read a number.

    Raises:
        OptionError: it is none.
    """
    try:
        return float(text)
    except ValueError:
        raise OptionError(f"{option}: {text!r} is not a number.") from None
