"""Reading published arena files: open the file, recognise its format, leave with a table of votes.

What each format looks like is in `data.formats`, what a column may hold in `data.columns`. Nothing is
written here and no database is used: putting the votes into the log is another module's work.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agon.data.files.covariates import LIST_TEXTS, MEASURES, counts_of_pairs, of_each
from agon.data.files.detection import is_election, refuse_scores
from agon.data.files.elections import preflib
from agon.data.files.reader import REPORT, Rows, read_rows
from agon.data.importers.columns import TIME, Draft, Format, as_mask, read_as
from agon.data.importers.formats import FORMATS, lacks_one, recognise, unrecognised
from agon.data.read_errors import sentence
from agon.data.sql import quote_name
from agon.data.validation import LABELS, rows_text
from agon.ranking.errors import OptionError, SourceError, VotesError, suggest
from agon.ranking.numerics import BoolArray
from agon.ranking.text import Readable, join_names

REMEDY = 'leave such rows out with invalid="drop" (--invalid drop)'
VOTE = ("model_a", "model_b", "winner", "p_a", "models", "places", "acceptable")
BESIDE = (
    "weight",
    "grade",
    "voter",
    "voter_kind",
    "timestamp",
    "category",
    "language",
    "turns",
    "battle_id",
    "prompt_id",
    "session",
)
_TEXTS = ("answer_a", "answer_b")
_FEW = 5  # rows of which all may be wrong by hand; of more, the shape is another
NEWER_SHAPE = (
    "it may be of a newer version of this shape; write its votes with columns model_a, model_b and winner"
)
MOST_VOTERS = 10_000_000  # of an election that becomes single ballots


@dataclass(frozen=True, repr=False)
class Imported(Readable):
    """The votes of one published file."""

    format: str
    """The name of the format it is in, a key of `FORMATS`."""
    votes: pa.Table
    """One row for each vote, in file order: `row` (int64, the 1-based row of the file: the line of JSON
    Lines, the row after the header of a CSV; of an election the number of the order), `model_a`, `model_b`,
    then `winner` (model_a, model_b, tie, both_bad) or `p_a` (float64, the probability that model_a is
    better); or `models` and `places`; and those
    of `weight`, `grade`, `voter`, `voter_kind` ("llm" for a judge), `timestamp` (float64, Unix seconds),
    `category` (text, or a list where a vote has several), `language`, `turns` (int32), `battle_id`,
    `prompt_id` and `session` that the file gives, with what was counted in the answers, `length_a`,
    `length_b` and so on. No texts: `prompt_id` is the published id, or sha1[:10] of the first prompt."""
    dropped: dict[str, int]
    """How many rows were left out, by reason: the votes that were not blind, and with invalid="drop" the
    invalid rows."""

    def conclusion(self) -> str:
        """Say it in one sentence."""
        left = sum(self.dropped.values())
        return f"{len(self.votes):,} votes of the format {self.format}; {left:,} rows left out"


def read_published(
    path: str | Path,
    *,
    format: str | None = None,
    invalid: Literal["error", "drop"] = "error",
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    grade_weight: float | None = None,
) -> Imported:
    """Read a published arena file, or a PrefLib election, as votes.

    Arguments:
        path: a JSON array, JSON Lines, CSV or Parquet file, which may be compressed with gzip or zstd; or a
            .soc, .soi, .toc or .toi file.
        format: a name in `FORMATS`; None recognises the format from the columns.
        invalid: what to do with rows that are not valid votes: raise, or leave out and count.
        columns: a name that the format has for a column → its name in the file.
        labels: a word in the column winner → ours.
        grade_weight: what the strongest grade weighs where the weakest weighs 1, those between evenly
            between; None counts every grade as one vote.

    Votes cast while the names were shown are always left out and counted, as the published boards do.

    Raises:
        OptionError: an unknown format, or an unknown value of `invalid`.
        SourceError: the file cannot be read, or it is in none of the formats, or in several.
        VotesError: some rows are not valid votes, and invalid is "error".

    Source: the formats are those of lm-sys/FastChat, LMArena's releases on Hugging Face,
    embeddings-benchmark/arena and tatsu-lab/alpaca_eval.
    """
    if invalid not in ("error", "drop"):
        raise OptionError(f"The option invalid is 'error' or 'drop', not {invalid!r}.")
    path = Path(path)
    if is_election(path):
        asked = {"--as": format, "--column": columns, "--label": labels, "--grade-weight": grade_weight}
        for option, value in asked.items():
            if value:
                raise OptionError(f"{option} does not apply: {path} holds an election, not votes in columns.")
        return Imported("preflib", _voters_of_election(path, invalid), {})
    if path.suffix == REPORT:
        refuse_scores(path)
    rows = named_rows(read_rows(path), path, columns, labels)
    form = choose_format(rows.columns, path, format)
    try:
        draft = form.read(rows)
        derived = _derived(form, rows, path, draft.columns)
        _note_faults(draft, derived)
        votes, dropped = _sift(draft, form, path, invalid, grade_weight)
        return Imported(form.name, _beside(votes, derived, draft), dropped)
    except (pa.ArrowException, OSError) as error:  # a damaged Parquet page shows up while it is read
        raise SourceError(f"{path} cannot be read: {sentence(error)}") from None


def _voters_of_election(path: Path, invalid: Literal["error", "drop"]) -> pa.Table:
    """One ballot for each voter of a PrefLib election.

    Raises:
        SourceError: one candidate, or more voters than a log of single votes should hold.
        SourceError, VotesError: as `preflib`.
    """
    ballots = preflib(path, absent=invalid)
    if len(ballots.models) < 2:
        raise SourceError(f"{path} has one candidate on its ballots, and nothing to compare; give another.")
    if ballots.total > MOST_VOTERS:
        raise SourceError(
            f"{path} is an election of {ballots.total:,} voters, and a log holds each vote by itself; rank "
            f"the file as it is, which takes the orders once: agon rank {shlex.quote(str(path))}."
        )
    names = np.array(ballots.models, dtype=object)
    models, places = [], []
    for shown, placed in zip(ballots.shown, ballots.places, strict=True):
        there = shown >= 0
        models.append(names[shown[there]].tolist())
        places.append([place or None for place in placed[there].tolist()])
    orders = np.repeat(np.arange(len(ballots.count)), ballots.count)
    table = pa.table(
        {
            "models": pa.array(models, pa.list_(pa.string())),
            "places": pa.array(places, pa.list_(pa.int32())),
        }
    )
    return table.take(pa.array(orders)).add_column(0, "row", pa.array(orders + 1))


def named_rows(
    rows: Rows, path: object, columns: Mapping[str, str] | None, labels: Mapping[str, str] | None
) -> Rows:
    """Return the rows under the names and with the words for winners that were asked for.

    Raises:
        SourceError: no such column, or no column of winners.
        OptionError: a word that is to mean no winner.
    """
    rows = rows.renamed(columns, path) if columns else rows
    for theirs, ours in (labels or {}).items():
        if ours not in LABELS:
            raise OptionError(f"There is no winner {ours!r} to read {theirs!r} as; {suggest(ours, LABELS)}")
        if "winner" not in rows.columns:
            raise SourceError(f"{path} has no column winner whose labels could mean something else.")
    return replace(rows, labels=dict(labels or {}))


def choose_format(columns: Iterable[str], path: object, format: str | None = None) -> Format:
    """Return the one format that columns belong to, or the one that is asked for.

    Raises:
        OptionError: there is none of that name.
        SourceError: they belong to none, or to several.
    """
    names = tuple(columns)
    if format is not None:
        if format not in FORMATS:
            raise OptionError(f"There is no published format {format!r}; {suggest(format, FORMATS)}")
        form = FORMATS[format]
        if not form.recognises(names):
            raise SourceError(
                f"{path} cannot be read as {form.name}, which needs {form.needed}: "
                f"its columns are {join_names(names, 8)}."
            )
        return form
    found = recognise(names)
    if len(found) == 1:
        return found[0]
    if not found:
        if not lacks_one(names):
            refuse_scores(path)
        raise SourceError(f"{path} is in no format known here: {unrecognised(names)}.")
    listed = join_names([form.name for form in found])
    raise SourceError(
        f"{path} fits several formats, {listed}: choose one with format= (--as {found[0].name})."
    )


def with_columns(
    form: Format, rows: Rows, path: Path, invalid: str, grade_weight: float | None
) -> tuple[pa.Table, dict[str, int]]:
    """Read the rows of a file in a format as votes beside all that the file says of them.

    Returns:
        Its columns with ours, those of the format first, and what was left out.
    """
    draft = form.read(rows)
    votes, dropped = _sift(draft, form, path, invalid, grade_weight)
    if len(set(draft.rows.numbers.tolist())) < len(draft.rows.numbers) or draft.rows is not rows:
        return votes.drop_columns(["row"]), dropped  # several votes of one row, or several rows of one vote
    given = rows.table()
    kept = given.take(pa.array(np.searchsorted(rows.numbers, votes["row"].to_numpy()), pa.int64()))
    for name in votes.column_names[1:]:
        if name in kept.column_names:
            kept = kept.drop_columns([name])
        kept = kept.append_column(name, votes[name])
    return kept, dropped


def _derived(form: Format, rows: Rows, path: Path, read: Collection[str]) -> pa.Table | None:
    """What SQL makes of the rows beside what was read of them, parallel to them; None where there is nothing.

    Faults stand in columns that begin with a space, which no column of ours does.
    """
    if form.derive is None:
        return None
    import duckdb

    from agon.data.files.snapshot_folder import escaped

    with duckdb.connect(":memory:") as connection:
        if isinstance(rows.source, pq.ParquetFile) and not rows.theirs and path.suffix == ".parquet":
            relation = connection.read_parquet(escaped(path), hive_partitioning=False)
        else:
            relation = connection.from_arrow(rows.table())
        schema = relation.limit(0).to_arrow_table().schema
        derived = form.derive(schema)
        wanted = {name: sql for name, sql in derived.columns.items() if name in BESIDE and name not in read}
        kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
        wanted |= counts_of_pairs(kinds, derived.columns)
        wanted |= {f" {reason}": sql for reason, sql in derived.faults.items()}
        if not wanted:
            return None
        try:
            selected = ", ".join(f"{sql} AS {quote_name(name)}" for name, sql in wanted.items())
            return relation.project(selected).to_arrow_table()
        except duckdb.Error as error:
            raise SourceError(f"{path} cannot be read as {form.name}: {sentence(error)}") from None


def _note_faults(draft: Draft, derived: pa.Table | None) -> None:
    """Note the rows that are not what they should be."""
    for name in derived.column_names if derived is not None else ():
        if name.startswith(" "):
            assert derived is not None  # noqa: S101
            draft.fault(name[1:], as_mask(derived[name].combine_chunks()))


def _beside(votes: pa.Table, derived: pa.Table | None, draft: Draft) -> pa.Table:
    """Put what was derived beside the votes, and what is counted in the texts of the answers; no texts."""
    if derived is not None:
        place = np.searchsorted(draft.rows.numbers, votes["row"].to_numpy())
        kept = derived.take(pa.array(place, pa.int64()))
        for name in kept.column_names:
            if not name.startswith(" ") and name not in votes.column_names:
                votes = votes.append_column(name, kept[name])
    votes = _lists_beside(votes, draft)
    if set(_TEXTS) & set(votes.column_names):
        import duckdb

        with duckdb.connect(":memory:") as connection:
            relation = connection.from_arrow(votes)
            kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
            counts = counts_of_pairs(kinds, {})
            selected = ", ".join(f"{sql} AS {quote_name(name)}" for name, sql in counts.items())
            table = relation.project(selected).to_arrow_table() if counts else pa.table({})
        votes = votes.drop_columns([name for name in _TEXTS if name in votes.column_names])
        for name in table.column_names:
            if name not in votes.column_names:
                votes = votes.append_column(name, table[name])
    return _said(votes)


def _lists_beside(votes: pa.Table, draft: Draft) -> pa.Table:
    """Put lists of counts beside ballots that list their models, or what is counted in lists of answers."""
    if "models" not in votes.column_names or not set(draft.rows.columns) & {*MEASURES, *LIST_TEXTS}:
        return votes
    import duckdb

    with duckdb.connect(":memory:") as connection:
        relation = connection.from_arrow(draft.rows.table())
        kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
        made = {}
        for name in MEASURES:
            with suppress(SourceError, OptionError):
                made[name] = f"TRY_CAST({of_each(name, kinds, '')} AS DOUBLE[])"
        if not made:
            return votes
        table = relation.project(", ".join(f"{sql} AS {name}" for name, sql in made.items())).to_arrow_table()
    place = pa.array(np.searchsorted(draft.rows.numbers, votes["row"].to_numpy()), pa.int64())
    for name in made:
        votes = votes.append_column(name, table[name].take(place))
    return votes


def _said(votes: pa.Table) -> pa.Table:
    """The columns in their order, without those that say nothing."""
    order = [name for name in ("row", *VOTE, *BESIDE) if name in votes.column_names]
    votes = votes.select(order + [name for name in votes.column_names if name not in order])
    for name in votes.column_names[1:]:
        column = votes.column(name)
        if name == "turns" and column.type != pa.int32():
            column = column.cast(pa.int32(), safe=False)
        if name == "timestamp" and column.type != pa.float64():
            column = TIME.read(column)[0]
        if pa.types.is_string(column.type):  # an empty cell of a CSV is null; so is "" elsewhere
            empty = pc.equal(column, pa.scalar(""))
            column = pc.if_else(empty, pa.scalar(None, pa.string()), column)
        votes = votes.set_column(votes.column_names.index(name), name, column)
        empty_lists = (
            pa.types.is_list(column.type) and not pc.any(pc.greater(pc.list_value_length(column), 0)).as_py()
        )
        if name not in VOTE and (column.null_count == len(votes) or empty_lists):
            votes = votes.drop_columns([name])
    return votes


def _sift(
    draft: Draft, form: Format, path: Path, invalid: str, grade_weight: float | None
) -> tuple[pa.Table, dict[str, int]]:
    """Leave out what is not a vote, and refuse or count what is invalid; a row counts for its first fault."""
    _weigh(draft, form, path, grade_weight)
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
        _refuse(
            [
                _problem(read_as(path, form), len(numbers), reason, *problem)
                for reason, problem in found.items()
            ]
        )
    dropped |= {reason: len(rows) for reason, (rows, _) in found.items()}
    return _votes(draft, ~out), dropped


def _weigh(draft: Draft, form: Format, path: Path, grade_weight: float | None) -> None:
    """Give votes the weight of their grades, where it is asked for.

    Raises:
        OptionError: a weight that is none, or votes without grades.
    """
    if grade_weight is None:
        return
    if not (np.isfinite(grade_weight) and grade_weight > 0):
        raise OptionError(f"grade_weight must be a number above 0, not {grade_weight!r}.")
    if "grade" not in draft.columns:
        raise OptionError(
            f"grade_weight= (--grade-weight) does not apply: {path} is of the format {form.name}, "
            "whose votes have no grades."
        )
    grade = np.maximum(draft.columns["grade"].to_numpy(zero_copy_only=False), 1.0)
    share = (grade - 1.0) / max(draft.strongest - 1.0, 1e-9) if draft.strongest > 1 else 0.0 * grade
    draft.columns["weight"] = pa.array(1.0 + (grade_weight - 1.0) * np.nan_to_num(share))


def _votes(draft: Draft, keep: BoolArray) -> pa.Table:
    """Return the kept rows as a table."""
    columns = {"row": pa.array(draft.rows.numbers)} | draft.columns
    known = [name for name in ("row", *VOTE, *BESIDE, *_TEXTS) if name in columns]
    table = pa.table({name: columns[name] for name in known})
    return _said(table if keep.all() else table.filter(pa.array(keep)))


def _refuse(problems: list[str]) -> NoReturn:
    message = problems[0]
    if len(problems) > 1:
        kinds = (
            "one other kind of problem was" if len(problems) == 2 else f"{len(problems) - 1} other kinds were"
        )
        message = f"{message[:-1]}; {kinds} found too."
    raise VotesError(message, tuple(problems))


def _problem(file: str, size: int, reason: str, rows: list[int], shown: list[Any]) -> str:
    """Return one sentence: the file and its format, what is wrong, in which of its rows, and the remedy."""
    article = "" if reason.startswith("no ") else "an " if reason[0] in "aeiou" else "a "
    quoted = list(dict.fromkeys(_shown(value) for value in shown))
    more = f" and {len(quoted) - 3} more" if len(quoted) > 3 else ""
    quotes = f" ({', '.join(quoted[:3])}{more})" if quoted else ""
    what = f"{file} has {article}{reason}{quotes}"
    if len(rows) == size > _FEW:
        return f"{what} in every row, from row {rows[0]} on: {NEWER_SHAPE}."
    mend = f"correct {'it' if len(rows) == 1 else 'them'}, or {REMEDY}"
    return f"{what} in {rows_text(sorted(rows), len(rows))}; {mend}."


def _shown(value: object) -> str:
    text = repr(value.as_py() if isinstance(value, pa.Scalar) else value)
    return text if len(text) <= 50 else f"{text[:47]}..."
