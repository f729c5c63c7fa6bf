"""Reading published arena files: open the file, recognise its format, leave with a table of votes.

What each format looks like is in `data.formats`, what a column may hold in `data.columns`. Nothing is
written here and no database is used: putting the votes into the log is another module's work.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agon.data.files.reader import Rows, read_rows
from agon.data.importers.columns import Draft, Format
from agon.data.importers.formats import FORMATS
from agon.ranking.errors import OptionError, SourceError, VotesError, suggest
from agon.ranking.numerics import BoolArray
from agon.ranking.text import Readable

__all__ = ["FORMATS", "Format", "Imported", "read_published"]
REMEDY = 'leave such rows out with invalid="drop" (--invalid drop)'
REQUIRED = ("row", "model_a", "model_b", "winner", "p_a")
_OPTIONAL = ("voter", "voter_kind", "timestamp", "category", "language", "turns", "battle_id", "prompt_id")


@dataclass(frozen=True, repr=False)
class Imported(Readable):
    """The votes of one published file."""

    format: str
    """The name of the format it is in, a key of `FORMATS`."""
    votes: pa.Table
    """One row for each vote, in file order: `row` (int64, the 1-based row of the file: the line of JSON
    Lines, the row after the header of a CSV), `model_a`, `model_b`, then `winner` (model_a, model_b, tie,
    both_bad) or `p_a` (float64, the probability that model_a is better), and those of `voter`, `voter_kind`
    ("llm" for a judge), `timestamp` (float64, Unix seconds), `category`, `language`, `turns` (int32),
    `battle_id` and `prompt_id` that the file gives. No texts: `prompt_id` is the published id, or sha1[:10]
    of the first prompt."""
    dropped: dict[str, int]
    """How many rows were left out, by reason: the votes that were not blind, and with invalid="drop" the
    invalid rows."""

    def conclusion(self) -> str:
        """Say it in one sentence."""
        left = sum(self.dropped.values())
        return f"{len(self.votes):,} votes of the format {self.format}; {left:,} rows left out"


def read_published(
    path: str | Path, *, format: str | None = None, invalid: Literal["error", "drop"] = "error"
) -> Imported:
    """Read a published arena file as votes.

    Arguments:
        path: a JSON array, JSON Lines, CSV or Parquet file, which may be compressed with gzip.
        format: a name in `FORMATS`; None recognises the format from the columns.
        invalid: what to do with rows that are not valid votes: raise, or leave out and count.

    Votes cast while the names were shown are always left out and counted, as the published boards do.

    Raises:
        OptionError: an unknown format, or an unknown value of `invalid`.
        SourceError: the file cannot be read, or it is in none of the formats, or in several.
        VotesError: some rows are not valid votes, and invalid is "error".

    Source: the formats are those of lm-sys/FastChat, LMArena's releases on Hugging Face,
    embeddings-benchmark/arena and tatsu-lab/alpaca_eval.
    """
    if format is not None and format not in FORMATS:
        raise OptionError(f"There is no published format {format!r}; {suggest(format, FORMATS)}")
    if invalid not in ("error", "drop"):
        raise OptionError(f"The option invalid is 'error' or 'drop', not {invalid!r}.")
    path = Path(path)
    try:
        rows = read_rows(path)
        form = (
            _recognise(frozenset(rows.columns), path)
            if format is None
            else _forced(FORMATS[format], frozenset(rows.columns), path)
        )
        draft = form.read(rows)
    except (pa.ArrowException, OSError) as error:  # a damaged Parquet page shows up while it is read
        raise SourceError(f"{path} cannot be read: {_brief(error)}.") from None
    votes, dropped = _sift(draft, path, invalid)
    return Imported(form.name, votes, dropped)


def recognise(columns: frozenset[str]) -> list[Format]:
    """Return the formats that these columns belong to."""
    found = [form for form in FORMATS.values() if form.fits(columns)]
    general = {form.rather_than for form in found}
    return [form for form in found if form.name not in general]


def with_columns(form: Format, rows: Rows, path: Path, invalid: str) -> tuple[pa.Table, dict[str, int]]:
    """Read the rows of a file in a format as votes beside all that the file says of them.

    Returns:
        Its columns with ours, those of the format first, and what was left out.
    """
    draft = form.read(rows)
    votes, dropped = _sift(draft, path, invalid)
    given = draft.rows.table()
    place = np.searchsorted(draft.rows.numbers, votes["row"].to_numpy()) if given.num_rows else []
    if len(set(draft.rows.numbers.tolist())) < given.num_rows:  # several votes of one row
        return votes.drop_columns(["row"]), dropped
    kept = given.take(pa.array(place, pa.int64()))
    for name in votes.column_names[1:]:
        if name in kept.column_names:
            kept = kept.drop_columns([name])
        kept = kept.append_column(name, votes[name])
    return kept, dropped


def _recognise(columns: frozenset[str], path: Path) -> Format:
    """Return the one format these columns belong to."""
    found = recognise(columns)
    if len(found) == 1:
        return found[0]
    known = "; ".join(f"{form.name} needs {form.needs}" for form in FORMATS.values())
    if not found:
        raise SourceError(
            f"{path} is in no published format known here, its columns being {_names(columns)} ({known})."
        )
    names = " and ".join(form.name for form in found)
    raise SourceError(f"{path} fits several formats, {names}: choose one with format= ({known}).")


def _forced(form: Format, columns: frozenset[str], path: Path) -> Format:
    if not form.fits(columns):
        raise SourceError(
            f"{path} cannot be read as {form.name}, which needs {form.needs}: "
            f"its columns are {_names(columns)}."
        )
    return form


def _names(columns: frozenset[str]) -> str:
    names = sorted(columns)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _brief(error: Exception) -> str:
    """Return the first line of another library's message, without its full stop."""
    return (str(error).partition("\n")[0] or type(error).__name__).rstrip(". ")


def _sift(draft: Draft, path: Path, invalid: str) -> tuple[pa.Table, dict[str, int]]:
    """Leave out what is not a vote, and refuse or count what is invalid; a row counts for its first fault."""
    numbers, dropped = draft.rows.numbers, dict[str, int]()
    out = np.zeros(len(numbers), np.bool_) if draft.others is None else draft.others.copy()
    for reason, mask in draft.left_out.items():
        dropped[reason] = int((mask & ~out).sum())
        out |= mask
    found: dict[str, tuple[list[int], list[Any]]] = {}
    for reason, number in draft.rows.broken:
        found.setdefault(reason, ([], []))[0].append(number)
    for fault in draft.faults:
        places = np.flatnonzero(fault.mask & ~out)
        rows, shown = found.setdefault(fault.reason, ([], []))
        rows += numbers[places].tolist()
        if fault.shown is not None:
            shown += [fault.shown[place] for place in places[:1000].tolist()]
        out |= fault.mask
    found = {reason: problem for reason, problem in found.items() if problem[0]}
    if found and invalid == "error":
        _refuse([_problem(path, reason, *problem) for reason, problem in found.items()])
    dropped |= {reason: len(rows) for reason, (rows, _) in found.items()}
    return _votes(draft, ~out), dropped


def _votes(draft: Draft, keep: BoolArray) -> pa.Table:
    """Return the kept rows as a table, without the optional columns that say nothing."""
    columns = {"row": pa.array(draft.rows.numbers)} | draft.columns
    table = pa.table({name: columns[name] for name in (*REQUIRED, *_OPTIONAL) if name in columns})
    if not keep.all():
        table = table.filter(pa.array(keep))
    for name in _OPTIONAL:
        if name in table.column_names:
            column = table.column(name)
            if pa.types.is_string(column.type):  # an empty cell of a CSV is null; so is "" elsewhere
                empty = pc.equal(column, pa.scalar(""))
                column = pc.if_else(empty, pa.scalar(None, pa.string()), column)
                table = table.set_column(table.column_names.index(name), name, column)
            if column.null_count == len(table):
                table = table.drop_columns([name])
    return table


def _refuse(problems: list[str]) -> NoReturn:
    message = problems[0]
    if len(problems) > 1:
        kinds = (
            "one other kind of problem was" if len(problems) == 2 else f"{len(problems) - 1} other kinds were"
        )
        message = f"{message[:-1]}; {kinds} found too."
    raise VotesError(message, tuple(problems))


def _problem(path: Path, reason: str, rows: list[int], shown: list[Any]) -> str:
    """Return one sentence: what is wrong, in which rows, and the remedy."""
    article = "" if reason.startswith("no ") else "an " if reason[0] in "aeiou" else "a "
    quoted = list(dict.fromkeys(_quoted(value) for value in shown))
    more = f" and {len(quoted) - 3} more" if len(quoted) > 3 else ""
    quotes = f" ({', '.join(quoted[:3])}{more})" if quoted else ""
    them = "it" if len(rows) == 1 else "them"
    where = _row_list(sorted(rows))
    return f"{path} has {article}{reason}{quotes} in {where}; correct {them}, or {REMEDY}."


def _quoted(value: object) -> str:
    text = repr(value.as_py() if isinstance(value, pa.Scalar) else value)
    return text if len(text) <= 50 else f"{text[:47]}..."


def _row_list(rows: list[int]) -> str:
    """Say "row 3", "rows 3 and 17", or "rows 1, 2, 3, 4, 5 and 9 more"."""
    words = [str(row) for row in rows[:5]] + ([f"{len(rows) - 5} more"] if len(rows) > 5 else [])
    if len(words) == 1:
        return f"row {words[0]}"
    return f"rows {', '.join(words[:-1])} and {words[-1]}"
