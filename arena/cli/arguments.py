"""Arguments that several commands share: their types, and their texts as values."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import pyarrow as pa
from cyclopts import Parameter, Token

from agon.arena.cli.commands import STDIN
from agon.data.store_address import StoreAddress, store_of
from agon.ranking import METHODS, Comparisons, gate_votes
from agon.ranking.annotators.gates import Gate
from agon.ranking.errors import AgonError, OptionError, SourceError
from agon.ranking.votes.comparisons import Votes

_HEAD = 1 << 16  # bytes by which the format of standard input is known
SOURCE = (
    "Parquet, CSV, TSV, JSON lines or DuckDB files, a log folder, a folder of files, or - for standard input."
)
FactsOption = Annotated[
    Path | None, Parameter(help="Table with a column model and one for each fact: price, licence, ...")
]
JudgesOption = Annotated[
    list[Path] | None,
    Parameter(
        negative="",
        json_list=False,
        help="Votes of LLM judges, weighed beside those of people (docs/judges.md).",
    ),
]
SourceArgument = Annotated[list[Path], Parameter(help=SOURCE, json_list=False)]  # [ab].csv is a pattern


def _votes_named(_: object, tokens: Sequence[Token]) -> list[Path | StoreAddress]:
    """What words name: paths, and addresses, which are none."""
    return [store_of(token.value) for token in tokens]


VotesArgument = Annotated[
    list[Path | StoreAddress],
    Parameter(help=f"{SOURCE[:-1]}; or postgresql://….", json_list=False, converter=_votes_named),
]
SourceT = TypeVar("SourceT", Path, Path | StoreAddress)
GroupsOption = Annotated[
    str | None,
    Parameter(name="--weights-by", help="Column of votes whose values weigh alike, or by --weight."),
]
GatesOption = Annotated[
    Gate,
    Parameter(
        help="Which votes count: all (none), those of voters who do not stand out (default), of these "
        "none in windows of time that do (strict)."
    ),
]
WeightOption = Annotated[
    list[str] | None,
    Parameter(negative="", help="VALUE=WEIGHT of that column [default: category]; others weigh 1."),
]
if TYPE_CHECKING:
    MethodWord = str
else:
    MethodWord = Literal[tuple(METHODS)] | str  # any text, but a shell completes the names
FindingsFormat = Annotated[
    Literal["table", "json"], Parameter(name=["--format", "-f"], help="How to print what is found.")
]


@contextlib.contextmanager
def readable(sources: Sequence[SourceT]) -> Iterator[list[SourceT]]:
    """Give paths to read; standard input, of whatever format, is kept in a file for the time.

    Raises:
        SourceError: the file cannot be kept, or standard input is named twice.
    """
    if STDIN not in sources:
        yield list(sources)
        return
    if sources.count(STDIN) > 1:
        raise SourceError("- is standard input, which can be read but once; name it once.")
    with tempfile.TemporaryDirectory() as folder:
        try:
            head = sys.stdin.buffer.read(_HEAD)
            path = Path(folder) / f"standard-input{_ending(head)}"
            with path.open("wb") as file:
                file.write(head)
                shutil.copyfileobj(sys.stdin.buffer, file)
        except OSError as error:
            why = f"{folder} cannot hold it: {error.strerror}; name a folder with room in TMPDIR"
            raise SourceError(f"Standard input cannot be read, because {why}.") from None
        try:
            yield [path if one == STDIN else one for one in sources]
        except AgonError as error:
            said = str(error).replace(f"agon rank {path}", "agon rank -").replace(str(path), "standard input")
            said = said.replace("is not what its ending says: it looks", "looks").replace("rename or ", "")
            raise type(error)(said) from None


def _ending(head: bytes) -> str:
    """The ending of the format that a file begins in."""
    with contextlib.suppress(zlib.error, pa.ArrowException):
        if head.startswith(b"\x1f\x8b"):
            return _ending(zlib.decompressobj(wbits=31).decompress(head, _HEAD)) + ".gz"
        if head.startswith(b"\x28\xb5\x2f\xfd"):
            return _ending(pa.CompressedInputStream(pa.BufferReader(head), "zstd").read(512)) + ".zst"
    if head.startswith(b"PAR1"):
        return ".parquet"
    if head[8:12] == b"DUCK":
        return ".duckdb"
    if election := re.search(rb"^# DATA TYPE: *(so[ci]|to[ci])\s", head, re.M):
        return f".{election[1].decode()}"
    opening = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return {b"{": ".jsonl", b"[": ".json"}.get(opening, ".csv")


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


def weighed_as_asked(votes: Votes, by: str | None, given: list[str] | None) -> Votes:
    """Votes of which each group counts by its weight, if --weights-by or --weight was given.

    Raises:
        OptionError: a table of scores, whose tasks weigh by --weights, or as `Comparisons.weighted`.
        SourceError: there is no such column.
    """
    if by is None and not given:
        return votes
    if not isinstance(votes, Comparisons):
        raise OptionError("A table of scores has tasks; give their weights with --weights TASK=W,...")
    named = named_values("--weight", given, "VALUE=WEIGHT")
    return votes.weighted({name: number_of("--weight", value) for name, value in named}, by or "category")


def named_values(option: str, given: list[str] | None, form: str = "FACT=VALUE") -> list[tuple[str, str]]:
    """FACT=VALUE texts as pairs.

    Raises:
        OptionError: a text without an equals sign.
    """
    pairs = []
    for text in given or []:
        name, sign, value = text.partition("=")
        if not (name and sign and value):
            example = "price=5" if form == "FACT=VALUE" else "Code=2"
            raise OptionError(f"{option} {text!r} must be {form}, such as {example}.")
        pairs.append((name, value))
    return pairs


def votes_behind(gates: Gate, votes: Votes) -> Votes:
    """The votes that pass the gates.

    Raises:
        OptionError: a table of scores, which has no voters.
    """
    if not isinstance(votes, Comparisons):
        raise OptionError("--gates does not apply to a table of scores, which nobody voted on; leave it out.")
    return gate_votes(votes, gates).votes
