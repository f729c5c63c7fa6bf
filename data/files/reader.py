"""The one reader of files of rows: CSV, TSV, JSON, JSON Lines and Parquet, compressed or not.

Every command reads through here, so that a file is read by all of them alike or refused by one sentence. What
the rows mean (votes, answers, scores) is the work of others; DuckDB files and log folders are in source.py.
"""

from __future__ import annotations

import csv
import glob
import gzip
import io
import json
import re
import shlex
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from agon.data.files.snapshot_folder import keeps_store, snapshots
from agon.data.read_errors import sentence
from agon.data.store_address import StoreAddress, is_address
from agon.ranking.errors import SourceError, suggest

COMPRESSION: Mapping[str, Literal["gzip", "zstd"]] = {".gz": "gzip", ".zst": "zstd"}
DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSON = (".json", ".jsonl", ".ndjson")
PARQUET = (".parquet",)
DUCKDB = (".duckdb", ".db")
REPORT = ".eval"  # a log of Inspect, an archive
KNOWN = (*DELIMITERS, *JSON, *PARQUET, *DUCKDB)
_ZIP, _SQLITE, _BINARY = "an Excel workbook or a zip archive", "an SQLite database", "a binary file"
_UNREAD = (_ZIP, _SQLITE, _BINARY)  # under whatever name
_UTF_16 = "text in UTF-16"
MAGIC = {
    b"PAR1": "parquet",
    b"\x1f\x8b": "a gzip file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"PK\x03\x04": _ZIP,
    b"SQLite format 3": _SQLITE,
}
_HEAD = 1 << 20  # bytes that hold the header of any table


@dataclass(frozen=True)
class Rows:
    """The rows of one file, before it is known what they mean."""

    source: Any
    """A pyarrow Table, a ParquetFile (read one column at a time), or a list of JSON objects."""
    numbers: npt.NDArray[np.int64]
    """The 1-based number of each row: the line of JSON Lines, the row after the header of a CSV."""
    columns: tuple[str, ...]
    """Every column in its order, or every field that some JSON object has."""
    broken: tuple[tuple[str, int], ...] = ()
    """Rows that could not be read at all: (reason, row number)."""
    theirs: Mapping[str, str] = field(default_factory=dict)
    """Of columns that were given another name, that name → the one in the source."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """A word for a winner → ours, as it was asked for."""

    def renamed(self, columns: Mapping[str, str], path: object) -> Rows:
        """Return the same rows with other names for some columns: ours → theirs.

        Raises:
            SourceError: there is no such column.
        """
        for wanted in columns.values():
            if wanted not in self.columns:
                raise SourceError(f"{path} has no column {wanted!r}; {suggest(wanted, self.columns)}")
        names = (*(name for name in self.columns if name not in columns), *columns)
        return replace(self, columns=names, theirs={**self.theirs, **columns})

    def values(self, column: str) -> Any:
        """Return a whole column; a field that an object lacks is None."""
        given = self.theirs.get(column, column)
        if isinstance(self.source, pq.ParquetFile):
            return self.source.read(columns=[given]).column(given)
        if isinstance(self.source, pa.Table):
            return self.source.column(given)
        return [record.get(given) for record in self.source]

    def records(self, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
        """Go through the rows as dictionaries, without holding all of a table's as Python objects."""
        if self.theirs:
            wanted = columns or list(self.columns)
            given = [self.theirs.get(name, name) for name in wanted]
            for record in replace(self, theirs={}).records(list(dict.fromkeys(given))):
                yield {name: record.get(one) for name, one in zip(wanted, given, strict=True)}
        elif isinstance(self.source, list):
            yield from self.source
        elif isinstance(self.source, pa.Table):
            for batch in self.source.select(columns or self.source.column_names).to_batches(1024):
                yield from batch.to_pylist()
        else:
            for batch in self.source.iter_batches(1024, columns=columns):
                yield from batch.to_pylist()

    def table(self) -> pa.Table:
        """Return the rows as one table; a column of JSON whose values are of several kinds becomes texts."""
        if self.theirs:
            given = [self.theirs.get(name, name) for name in self.columns]
            whole = replace(self, theirs={}, columns=tuple(dict.fromkeys(given))).table()
            return pa.table([whole[name] for name in given], names=list(self.columns))
        if isinstance(self.source, pa.Table):
            return self.source
        if isinstance(self.source, pq.ParquetFile):
            return self.source.read()
        return pa.table({name: as_column([row.get(name) for row in self.source]) for name in self.columns})


def as_column(values: list[Any]) -> pa.Array:
    """Return values of JSON as an Arrow array; where they are of several kinds, as texts."""
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError):
        texts = [v if v is None or isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values]
        return pa.array([None if text is None else _as_utf8(text) for text in texts], pa.string())
    except UnicodeEncodeError:  # half of a surrogate pair
        return pa.array([None if v is None else _as_utf8(str(v)) for v in values], pa.string())


def _as_utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def ending(path: Path) -> str:
    """The ending that names the format, without that of the compression."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSION:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _inside(folder: Path) -> list[Path]:
    """The files in a folder whose endings name a format; if there are none, those in the folders in it.

    Raises:
        SourceError: files of several formats in those.
    """
    specs = sorted(folder.rglob("run_spec.json"))
    if runs := [spec.with_name("stats.json") for spec in specs if spec.with_name("stats.json").exists()]:
        return runs  # of HELM, whose other files say the same at length
    known = (*KNOWN, REPORT)
    there = sorted(file for file in folder.iterdir() if ending(file) in known and file.is_file())
    if there:
        return there
    deeper = sorted(
        file
        for file in folder.rglob("*")
        if file.is_file() and ending(file) in known and not _hidden(file.relative_to(folder))
    )
    kinds = sorted({ending(file) for file in deeper})
    if len(kinds) > 1:
        raise SourceError(
            f"{folder} holds files of several formats ({', '.join(kinds)}); name those that belong together, "
            f"such as '{folder}/**/*{kinds[0]}'."
        )
    return deeper


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def refuse_address(text: str) -> None:
    """Refuse an address, naming the command that brings here what stands there.

    Raises:
        SourceError: it is one.
    """
    text = re.sub(r"^(hf|https?|postgres(?:ql)?):/(?!/)", r"\1://", text)  # of which a Path keeps one stroke
    if is_address(text):
        raise SourceError(
            f"{StoreAddress(text).shown} is a database, whose votes agon rank, explain and decide count "
            "there, one at a time; for anything else write them to a file: psql ADDRESS -c "
            "\"\\copy votes TO 'votes.csv' CSV HEADER\"."
        )
    if text.startswith("hf://"):
        kinds = {"datasets": "dataset", "spaces": "space", "buckets": "bucket"}
        kind, _, rest = text.removeprefix("hf:").lstrip("/").partition("/")
        name = "/".join((rest if kind in kinds else f"{kind}/{rest}").split("@")[0].split("/")[:2])
        folder = name.rpartition("/")[2] or "DIR"
        raise SourceError(
            f"{text} is on the Hugging Face Hub, and only files of this machine are read; download it "
            f"and name the folder: hf download {name} --repo-type {kinds.get(kind, 'dataset')} "
            f"--local-dir {folder}"
        )
    if text.startswith(("http://", "https://")):
        raise SourceError(
            f"{text} is an address, and only files of this machine are read; download it: curl -LO {text}"
        )


def list_files(given: Sequence[str | Path]) -> tuple[Path, ...]:
    """The sources that paths, patterns and folders name, in the order given; a pattern's by name.

    A pattern is a path that is not there and has * ? or [ in it. A folder stands for the files in it whose
    endings name a format, unless it keeps votes in parquet files, as a log does: then it is one source.

    Raises:
        SourceError: a pattern that no file matches, or a file that is named twice.
    """
    found: list[Path] = []
    for one in given:
        refuse_address(str(one))
        path = Path(one)
        if path.is_dir() and not keeps_store(path) and not snapshots(path):
            found += _inside(path) or [path]
        elif not path.exists() and glob.has_magic(str(path)):
            matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  # may be absolute
            if not matches:
                raise SourceError(f"No file matches {path}; check the pattern.")
            found += [Path(match) for match in matches]
        else:
            found.append(path)
    seen: set[Path] = set()
    for path in found:
        if path.resolve() in seen:
            raise SourceError(f"{path} is named twice, and its votes would count twice; name it once.")
        seen.add(path.resolve())
    return tuple(found)


def check_there(path: Path) -> Path:
    """Refuse a file that is missing, and a folder.

    Raises:
        SourceError: says which of these, and what to do.
    """
    if not path.exists():
        refuse_address(str(path))
        names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        alike = get_close_matches(path.name, names, 5)
        near = [one for one in alike if get_close_matches(path.stem, [Path(one).stem])]  # beside the ending
        hint = f"did you mean {near[0]!r}?" if near else "check the path."
        raise SourceError(f"There is no file {path}; {hint}")
    if path.is_dir():
        raise SourceError(f"{path} is a folder; name a file in it.")
    return path


def check_file(path: Path) -> Path:
    """Refuse a file that is missing, a folder, empty, or plainly not of the format its ending says.

    Raises:
        SourceError: says which of these, and what to do.
    """
    check_there(path)
    if path.suffix == ".toml":
        raise SourceError(
            f"{path} is a configuration and holds no rows; name a file of them, or the folder of a log."
        )
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise SourceError(f"{path} cannot be opened: {error.strerror}.") from None
    if not head.strip():
        raise SourceError(f"{path} is empty; give one that has rows.")
    if ending(path) not in KNOWN:
        _refuse_unread(path, _kind(head))
        raise SourceError(
            f"{path} has no ending that names its format, such as {', '.join(KNOWN)}; rename it."
        )
    if path.suffix.lower() not in COMPRESSION:
        _check_kind(path, head)
    return path


def _kind(head: bytes) -> str:
    """What the beginning of a file looks like."""
    for magic, kind in MAGIC.items():
        if head.startswith(magic):
            return kind
    if head[8:12] == b"DUCK":
        return "DuckDB"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _UTF_16
    opening = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    text = "JSON" if opening in (b"{", b"[") else "CSV or plain text"
    return _BINARY if b"\x00" in head else text


def _check_kind(path: Path, head: bytes) -> None:
    """Compare what a file looks like with what its ending says."""
    found = _kind(head)
    known = {**dict.fromkeys(PARQUET, "parquet"), **dict.fromkeys(DUCKDB, "DuckDB")}
    wanted = known.get(ending(path), "JSON" if ending(path) in JSON else "CSV or plain text")
    _refuse_unread(path, found)
    if found not in (wanted, _UTF_16):
        raise SourceError(f"{path} is not what its ending says: it looks like {found}; rename or convert it.")


def _refuse_unread(path: Path, found: str) -> None:
    """Refuse what is read under no name, so that nobody is sent to rename it."""
    if found in _UNREAD:
        raise SourceError(
            f"{path} looks like {found}, which is not read; write its rows as .csv or .parquet."
        )


def read_rows(path: Path, texts: Collection[str] | None = None, *, head: bool = False) -> Rows:
    """Read the rows of a file.

    Args:
        path: a CSV, TSV, JSON, JSON Lines or Parquet file, which may end in .gz or .zst. Text is UTF-8, or
            UTF-16 with its mark; a CSV may have semicolons, tabs or bars between its fields.
        texts: of a CSV, the columns, in lower case, whose values stay as they are written; None for all.
        head: of a CSV, read only its first rows.

    Raises:
        SourceError: the file is missing, empty, damaged, or of no such format.
    """
    check_file(path)
    if ending(path) in DUCKDB:
        raise SourceError(
            f"{path} is a database, of which only votes are read: agon rank {shlex.quote(str(path))}."
        )
    try:
        if ending(path) in PARQUET and path.suffix.lower() not in COMPRESSION:
            return _parquet_rows(pq.ParquetFile(path), path)
        content = _content(path)
        if not content[:512].strip():
            raise SourceError(f"{path} is empty; give one that has rows.")
        _check_kind(path, content[:512])
        if ending(path) in PARQUET:
            return _parquet_rows(pq.ParquetFile(pa.BufferReader(content)), path)
        text = _decoded(content, path)
        rows = _json_rows(text, path) if ending(path) in JSON else _csv_rows(text, path, texts, head=head)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} cannot be read: {sentence(error)}") from None
    if not len(rows.numbers) and not rows.broken:
        raise SourceError(f"{path} holds no rows.")
    return rows


def read_text(path: Path) -> str:
    """Read a file of text, decompressed and decoded.

    Raises:
        SourceError: it is missing, empty, damaged or no text.
    """
    check_file(path)
    content = _content(path)
    if not content[:512].strip():
        raise SourceError(f"{path} is empty.")
    return _decoded(content, path)


def _content(path: Path) -> bytes:
    """Return the bytes of a file, decompressed."""
    content = path.read_bytes()
    try:
        if content.startswith(b"\x1f\x8b"):
            return gzip.decompress(content)
        if content.startswith(b"\x28\xb5\x2f\xfd"):
            return bytes(pa.CompressedInputStream(pa.BufferReader(content), "zstd").read())
    except (EOFError, OSError, pa.ArrowException, zlib.error):
        pass
    else:
        if path.suffix.lower() not in COMPRESSION:
            return content
    how = COMPRESSION.get(path.suffix.lower(), "compressed")
    raise SourceError(f"{path} is not whole, or no {how} file; get or write it again.")


def _decoded(content: bytes, path: Path) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError:
            raise SourceError(f"{path} is not whole UTF-16 text; save it as UTF-8.") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceError(f"{path} is not UTF-8 text: see line {line}; save it as UTF-8.") from None


def _parquet_rows(file: pq.ParquetFile, path: Path) -> Rows:
    _check_names(file.schema_arrow.names, path)
    numbers = np.arange(1, file.metadata.num_rows + 1)
    if not len(numbers):
        raise SourceError(f"{path} holds no rows.")
    return Rows(file, numbers, tuple(file.schema_arrow.names))


def _check_names(names: Collection[str], path: Path) -> None:
    lower = [name.lower() for name in names]
    twice = sorted({name for name in names if lower.count(name.lower()) > 1})
    if twice:
        raise SourceError(f"{path} names the column {twice[0]!r} twice; give each column its own name.")


def _csv_rows(text: str, path: Path, texts: Collection[str] | None, *, head: bool) -> Rows:
    """Read a CSV; an empty field is null."""
    text, delimiter = _table_of(text, DELIMITERS[ending(path)])
    if head:
        text = text[: text.rfind("\n", 0, _HEAD) + 1] or text if len(text) > _HEAD else text
    try:
        header = next(csv.reader(io.StringIO(text[:_HEAD]), delimiter=delimiter), [])
    except csv.Error as error:
        raise SourceError(f"{path} has a header that is not CSV: {sentence(error)}") from None
    names = [name.strip() for name in header]
    _check_names(names, path)
    uneven: list[tuple[int, int]] = []

    def skip(row: pacsv.InvalidRow) -> Literal["skip"]:
        uneven.append(((row.number or 0) - 1, row.actual_columns))  # pyarrow counts the header
        return "skip"

    kept = names if texts is None else [name for name in names if name.lower() in texts]
    table = pacsv.read_csv(
        io.BytesIO(text.encode()),
        # One thread, so that the numbers of uneven rows are known; blocks that hold the longest prompt.
        read_options=pacsv.ReadOptions(use_threads=False, block_size=1 << 26),
        parse_options=pacsv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip
        ),
        convert_options=pacsv.ConvertOptions(
            column_types={raw: pa.string() for raw, name in zip(header, names, strict=True) if name in kept},
            null_values=[""],
            strings_can_be_null=True,
        ),
    ).rename_columns(names)
    numbers = np.arange(1, len(table) + len(uneven) + 1)
    numbers = np.delete(numbers, np.array([number for number, _ in uneven], np.int64) - 1)
    if not len(table) and not uneven:
        raise SourceError(f"{path} has a header but no rows; add them.")
    reason = "number of fields that is not the header's"
    return Rows(table, numbers, tuple(names), tuple((reason, number) for number, _ in uneven))


def _table_of(text: str, delimiter: str) -> tuple[str, str]:
    """Return the text from its header on, and what stands between its fields.

    Lines before the header that start with # and have no field beside it are comments.
    """
    text = text.lstrip("\r\n")
    while True:
        line = text[:_HEAD].partition("\n")[0]
        bare = re.sub(r'"[^"]*"', "", line)  # what stands in quotes separates nothing
        found = max((",", "\t", ";", "|"), key=lambda mark: (bare.count(mark), mark == delimiter))
        if not (line.startswith("#") and found not in bare and "\n" in text):
            break
        text = text.partition("\n")[2].lstrip("\r\n")
    return text, delimiter if delimiter in bare or found not in bare else found


def _json_rows(text: str, path: Path) -> Rows:
    """Read an array of objects, an object a line, or objects one after the other, however they are set."""
    opening = re.match(r"\s*(.)", text)
    try:
        if opening and opening[1] == "[":
            values = list(enumerate(json.loads(text), start=1))
            return _object_rows(values, [], path)
        first = text[opening.start(1) :].partition("\n")[0] if opening else ""
        if _is_whole(first):
            return _line_rows(text, path)
        return _object_rows(list(enumerate(_one_by_one(text), start=1)), [], path)
    except json.JSONDecodeError as error:
        raise SourceError(f"{path} is not JSON: line {error.lineno}: {error.msg.lower()}.") from None
    except SourceError:
        raise
    except (RecursionError, ValueError) as error:
        raise SourceError(f"{path} is not JSON that can be read: {sentence(error)}") from None


def _is_whole(line: str) -> bool:
    try:
        json.loads(line)
    except (RecursionError, ValueError):
        return False
    return True


def _one_by_one(text: str) -> Iterator[Any]:
    """Go through values that stand one after the other."""
    decoder, place = json.JSONDecoder(), 0
    space = re.compile(r"[\s,]*")
    while (place := space.match(text, place).end()) < len(text):  # type: ignore[union-attr]
        value, place = decoder.raw_decode(text, place)
        yield value


def _line_rows(text: str, path: Path) -> Rows:
    """Read JSON Lines; a line that is cut short is a broken row."""
    values: list[tuple[int, Any]] = []
    broken: list[tuple[str, int]] = []
    for number, line in enumerate(text.split("\n"), start=1):  # splitlines would split inside strings
        if not line or line.isspace():
            continue
        try:
            values.append((number, json.loads(line)))
        except (RecursionError, ValueError):
            broken.append(("line that is not JSON", number))
    return _object_rows(values, broken, path)


def _object_rows(values: list[tuple[int, Any]], broken: list[tuple[str, int]], path: Path) -> Rows:
    if len(values) == 1 and not broken:
        values = _unwrapped(values)
    objects = [(number, value) for number, value in values if isinstance(value, dict)]
    broken += [
        ("value that is not a JSON object", row) for row, value in values if not isinstance(value, dict)
    ]
    if not objects:
        raise SourceError(f"{path} holds no JSON objects, one for each row.")
    records = [value for _, value in objects]
    numbers = np.array([number for number, _ in objects], np.int64)
    columns = tuple(dict.fromkeys(chain.from_iterable(records)))
    return Rows(records, numbers, columns, tuple(sorted(broken)))


def _unwrapped(values: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
    """The rows inside an answer of Hugging Face's rows API; other values as they are."""
    whole = values[0][1]
    rows = whole.get("rows") if isinstance(whole, dict) else None
    if isinstance(rows, list) and rows and all(isinstance(row, dict) and "row" in row for row in rows):
        return list(enumerate((row["row"] for row in rows), start=1))
    return values
