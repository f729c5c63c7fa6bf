"""`export`: votes of a log or a file in another form, streamed, whole or not at all, with a manifest beside.

What a form is stands in `EXPORTS`; how its rows are made, in the module of its kind.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, get_args

import numpy as np
import pyarrow as pa

from agon.data.exporters.chosen_votes import WINNER, ChosenVotes, choose_votes
from agon.data.exporters.conversations import (
    TextsOfVotes,
    VotedBattle,
    conversations_from,
    has_texts,
    read_ballot,
    texts_in,
)
from agon.data.exporters.lmarena_release import LMARENA, release_rows
from agon.data.exporters.preferences import (
    ANNOTATED,
    LISTWISE,
    MARGIN,
    PREFERENCE,
    UNPAIRED,
    TieOption,
    annotated_rows,
    listwise_rows,
    preference_rows,
    unpaired_rows,
)
from agon.data.exporters.preflib_election import ENDINGS, Orders, election_text
from agon.data.exporters.targets import RowWriter, choose_files, whole_files
from agon.data.files.schema import Voters
from agon.data.files.table_source import Invalid
from agon.data.read_errors import sentence
from agon.ranking import Ballots, OptionError, SourceError
from agon.ranking.errors import suggest
from agon.ranking.text import Readable
from agon.ranking.version import VERSION

_Row = dict[str, Any]
_Handles = Mapping[str, IO[bytes]]
_NO_TEXTS = "whose texts are not there"


@dataclass(frozen=True)
class ExportForm:
    """A form that votes are written in."""

    name: str
    endings: tuple[str, ...]
    """Of the files; the first is that of a folder."""
    ties: tuple[TieOption, ...] = ()
    """What can be done with ties, the default first; nothing where ties are votes like others."""
    schema: pa.Schema | None = None
    """The columns; None for those that the votes have."""
    rows: Callable[[VotedBattle, Any], list[_Row] | str] | None = None
    """The rows of a vote, or why there is none; a form that has it needs texts."""


EXPORTS: Mapping[str, ExportForm] = MappingProxyType(
    {
        form.name: form
        for form in (
            ExportForm("votes", (".parquet",)),
            ExportForm("csv", (".csv",)),
            ExportForm("jsonl", (".jsonl",)),
            ExportForm("lmarena", (".parquet", ".jsonl"), (), LMARENA, release_rows),
            ExportForm(
                "trl-preference",
                (".parquet", ".jsonl"),
                ("drop", "both", "margin"),
                PREFERENCE,
                preference_rows,
            ),
            ExportForm("trl-kto", (".parquet", ".jsonl"), ("drop", "both"), UNPAIRED, unpaired_rows),
            ExportForm("listwise", (".parquet", ".jsonl"), (), LISTWISE, listwise_rows),
            ExportForm(
                "pairs-annotated", (".csv", ".parquet", ".jsonl"), ("drop", "both"), ANNOTATED, annotated_rows
            ),
            ExportForm("preflib", ENDINGS),
        )
    }
)
_EVERY = frozenset(ending for form in EXPORTS.values() for ending in form.endings)
BY_ENDING = {".parquet": "votes", ".csv": "csv", ".jsonl": "jsonl", **dict.fromkeys(ENDINGS, "preflib")}


@dataclass(frozen=True, repr=False)
class Exported(Readable):
    """What was written.

    Attributes:
        files: each file and its rows.
        manifest: where the manifest stands.
        votes: how many votes are in the files.
        left_out: how many are not, by reason.
        fingerprint: SHA-256 of the votes in the files.
    """

    files: Mapping[Path, int]
    manifest: Path
    votes: int
    left_out: Mapping[str, int]
    fingerprint: str

    def conclusion(self) -> str:
        """Say in one sentence what was written."""
        left = f"; {sum(self.left_out.values()):,} left out" if self.left_out else ""
        files = "1 file" if len(self.files) == 1 else f"{len(self.files)} files"
        return f"{self.votes:,} votes in {files} beside {self.manifest.name}{left}."


def export(
    source: object,
    form: str | None = None,
    to: str | Path = "export",
    *,
    ties: TieOption | None = None,
    criteria: Sequence[str] = (),
    min_agreement: float = 0.0,
    held_out: float = 0.0,
    ballots_by: str | None = None,
    licence: str | None = None,
    consent: str | None = None,
    where: str | None = None,
    table: str | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    invalid: Invalid = "error",
    voters: Voters | None = None,
    replace: bool = False,
) -> Exported:
    """Write votes in another form, with a manifest of what was left out; whole, or nothing.

    Args:
        source: a log folder, also while an arena serves it, or anything else that `comparisons` reads.
        form: a name in `EXPORTS`; None for what the ending of `to` says.
        to: a file whose ending the form has, or a folder.
        ties: "drop" leaves ties out, "both" writes each tie both ways round, "margin" keeps them with
            margin 0 beside decisive ones with 1; None for the form's own.
        criteria: only votes on one of these criteria (column `criterion`, or the list `reasons`).
        min_agreement: share of the votes on the same prompt and models that must say what a vote says.
        held_out: share of the prompts whose votes go to a file `test` beside `train`.
        ballots_by: for preflib, the column whose values become one ballot each.
        licence, consent: lines for the manifest.
        where, table, columns, labels, invalid, voters: as for `comparisons`.
        replace: whether files that are there may be replaced.

    Raises:
        SourceError: the votes cannot be read, texts that the form needs are not there, or the files cannot
            be written.
        VotesError: rows that are not votes.
        OptionError: another form or ending, or an option that means nothing for it.
    """
    target = Path(to)
    how = _form_of(form, target)
    narrowed = bool(criteria) or min_agreement > 0
    _check_options(how, ties, min_agreement, held_out, ballots_by, narrowed=narrowed)
    files = choose_files(target, how.endings, _EVERY, split=held_out > 0, replace=replace)
    options = {
        "ties": (ties or next(iter(how.ties), None)),
        "criteria": list(criteria),
        "min_agreement": min_agreement,
        "held_out": held_out,
        "ballots_by": ballots_by,
        "where": where,
        "voters": voters,
        "invalid": invalid,
    }
    reading: dict[str, Any] = {"where": where, "table": table, "columns": columns, "labels": labels}
    with choose_votes(source, reading, invalid, voters) as given, _readable_errors(given.name):
        given.choose(criteria, min_agreement, held_out)
        data = {split: path for split, path in files.items() if split != "manifest"}
        with whole_files(files) as handles:
            if how.name == "preflib":
                written = _write_election(given, data, handles, ballots_by)
            elif how.rows is None:
                written = _write_votes(given, how, data, handles)
            else:
                written = _write_rows(given, how, data, handles, ties or next(iter(how.ties), None))
            votes = written.votes
            if votes is None or not votes.total:
                reasons = "; ".join(f"{n:,} {why}" for why, n in (given.left_out + written.left_out).items())
                raise SourceError(
                    f"{given.name} holds no vote that {how.name} can hold{f': {reasons}' if reasons else ''}."
                )
            digest = votes_digest(votes)
            left_out = {why: n for why, n in (given.left_out + written.left_out).items() if n}
            manifest = {
                "schema": 1,
                "format": how.name,
                "source": given.name,
                "files": [
                    {"split": split, "file": path.name, "rows": written.rows[split]}
                    for split, path in data.items()
                ],
                "votes": {"read": given.read, "exported": int(votes.total)},
                "left_out": left_out,
                "escaped_cells": written.escaped,
                "fingerprint": digest,
                "options": {name: value for name, value in options.items() if value not in (None, [], 0.0)},
                "licence": licence or "not stated",
                "consent": consent or "not stated",
                "software": f"agon-arena {VERSION}",
            }
            handles["manifest"].write((json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode())
    counted = {path: written.rows[split] for split, path in data.items()}
    return Exported(counted, files["manifest"], int(votes.total), left_out, digest)


@contextmanager
def _readable_errors(name: str) -> Iterator[None]:
    """What the database says while rows are streamed, as one sentence."""
    import duckdb

    try:
        yield
    except (duckdb.Error, pa.ArrowException, sqlite3.Error) as error:
        raise SourceError(f"{name} cannot be exported: {sentence(error)}") from None


def votes_digest(ballots: Ballots) -> str:
    """SHA-256 of votes: the same for the same votes, whatever their order and whoever stood left."""
    digest = sha256(json.dumps(ballots.models).encode())
    small = (column.astype(np.int32) for column in (ballots.shown, ballots.places, ballots.acceptable))
    columns: list[Any] = [*small, ballots.p_a, ballots.weight, ballots.count]
    for column in columns:
        digest.update(f"{column.dtype.str}{column.shape}".encode())
        digest.update(np.ascontiguousarray(column).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _form_of(form: str | None, target: Path) -> ExportForm:
    """The form that is named, or that the ending of the file says."""
    if form is None:
        if target.suffix.lower() not in BY_ENDING:
            raise OptionError(
                f"{target} has no ending that says how it is written; end it in one of "
                f"{', '.join(BY_ENDING)}, or name a form with --as: {', '.join(EXPORTS)}."
            )
        form = BY_ENDING[target.suffix.lower()]
    if form not in EXPORTS:
        raise OptionError(f"There is no form {form!r}; {suggest(form, EXPORTS)}")
    return EXPORTS[form]


def _check_options(
    how: ExportForm,
    ties: str | None,
    min_agreement: float,
    held_out: float,
    ballots_by: str | None,
    *,
    narrowed: bool,
) -> None:
    """Refuse options that mean nothing."""
    if ties is not None and ties not in get_args(TieOption):
        raise OptionError(f"There is no ties={ties!r}; {suggest(ties, get_args(TieOption))}")
    if ties is not None and ties not in how.ties:
        held = f"has {' and '.join(how.ties)}" if how.ties else "keeps ties as the votes have them"
        raise OptionError(f"ties={ties!r} does not apply to {how.name}, which {held}.")
    if not 0 <= min_agreement <= 1:
        raise OptionError(f"min_agreement is a share from 0 to 1, not {min_agreement}.")
    if not 0 <= held_out < 1:
        raise OptionError(f"held_out is a share from 0 to below 1, not {held_out}.")
    if how.name == "preflib" and held_out:
        raise OptionError("held_out does not apply to preflib, whose file is one election.")
    if ballots_by is not None and narrowed:
        raise OptionError("ballots_by takes all votes; narrow them with where= (--where) instead.")
    if ballots_by is not None and how.name != "preflib":
        raise OptionError(f"ballots_by belongs to preflib and does not apply to {how.name}.")


# --- what is written -------------------------------------------------------------------------------------


@dataclass
class _Written:
    """What went into the files."""

    rows: dict[str, int]
    votes: Ballots | None
    left_out: Counter[str] = field(default_factory=Counter)
    escaped: int = 0


def _write_votes(
    given: ChosenVotes, how: ExportForm, files: Mapping[str, Path], handles: _Handles
) -> _Written:
    """Write the votes with the columns that they have, the winner in our words."""
    columns = {name: f'"{name.replace(chr(34), chr(34) * 2)}"' for name in given.columns}
    if "winner" in columns and not given.listed:
        columns["winner"] = f"{WINNER} AS winner"
    if given.listed:
        columns["places"] = "CAST(places AS INTEGER[]) AS places"
    writers: dict[str, RowWriter] = {}
    with ExitStack() as stack:
        for batch in given.batches(", ".join(columns.values())):
            held = None if given.test is None else given.test[batch["agon_row"].to_numpy()]
            plain = batch.drop_columns(["agon_row"])
            for split, path in files.items():
                if split not in writers:
                    writer = RowWriter(handles[split], how.endings[0], plain.schema, path)
                    writers[split] = stack.enter_context(writer)
                chosen = plain if held is None else plain.filter(pa.array(held if split == "test" else ~held))
                if chosen.num_rows:
                    writers[split].add_batch(chosen)
    return _summary(writers, given.ballots())


def _write_rows(
    given: ChosenVotes,
    how: ExportForm,
    files: Mapping[str, Path],
    handles: _Handles,
    ties: TieOption | None,
) -> _Written:
    """Write what a form makes of each vote and its texts."""
    schema, make = how.schema, how.rows
    if schema is None or make is None:
        raise TypeError(how.name)
    if ties == "margin":
        schema = schema.append(MARGIN)
    if "weight" in given.columns:  # only then: a reader asks for one in every row
        schema = schema.append(pa.field("weight", pa.float64()))
    left_out: Counter[str] = Counter()
    held: Counter[tuple[Any, ...]] = Counter()
    with ExitStack() as stack:
        writers = {
            split: stack.enter_context(RowWriter(handles[split], path.suffix.lower(), schema, path))
            for split, path in files.items()
        }
        for number, vote in _with_texts(given):
            made = make(vote, ties) if vote.conversations else _NO_TEXTS
            if isinstance(made, str):
                left_out[made] += 1
                continue
            split = "all" if given.test is None else "test" if given.test[number] else "train"
            size = sum(len(message["content"]) for side in vote.conversations for message in side)
            weight = None if vote.row.get("weight") is None else float(vote.row["weight"])
            for row in made:
                writers[split].add(row if weight is None else row | {"weight": weight}, size)
            held[vote.models, vote.places, vote.acceptable, vote.p_a, weight] += 1
    return _summary(writers, _ballots_of(held), left_out)


def _summary(
    writers: Mapping[str, RowWriter], votes: Ballots | None, left_out: Counter[str] | None = None
) -> _Written:
    """What the writers wrote."""
    rows = {split: writer.rows for split, writer in writers.items()}
    return _Written(rows, votes, left_out or Counter(), sum(writer.escaped for writer in writers.values()))


def _with_texts(given: ChosenVotes) -> Iterator[tuple[int, VotedBattle]]:
    """Go through the chosen votes with their texts; without them where they are not there."""
    columns = ", ".join(f'"{name.replace(chr(34), chr(34) * 2)}"' for name in given.columns)
    if given.log is None:
        if not has_texts(given.columns):
            raise SourceError(
                f"{given.name} holds no texts, which this form is made of: give a log folder, or a file with "
                "prompt, answer_a and answer_b (prompt and answers, or conversation_a and conversation_b)."
            )
        for batch in given.batches(columns):
            for row in batch.to_pylist():
                vote = read_ballot(row)
                said = texts_in(row, len(vote.models))
                yield row["agon_row"], _about(vote, said, None)
        return
    names = given.columns
    if not {"battle_id", "turns"} <= names.keys():
        raise SourceError(
            f"{given.name} holds imported votes alone, whose texts are in the files they came from."
        )
    rows, battles = given.battles()
    with TextsOfVotes(given.log, given.place, rows, battles) as texts:
        for batch in given.batches(columns):
            for row in batch.to_pylist():
                vote = read_ballot(row)
                found = texts.of(row["agon_row"])
                both = conversations_from(found, vote.models, row["turns"] or 1) if found else None
                yield row["agon_row"], _about(vote, *(both or (None, None)))


def _about(vote: VotedBattle, said: Any, tokens: tuple[int, ...] | None) -> VotedBattle:
    """A vote with its conversations, where all are there."""
    return vote if not said else replace(vote, conversations=said, tokens=tokens)


def _ballots_of(held: Mapping[tuple[Any, ...], int]) -> Ballots | None:
    """Counted votes as ballots."""
    if not held:
        return None
    models = sorted({name for names, *_ in held for name in names})
    number = {name: i for i, name in enumerate(models)}
    width = max(len(names) for names, *_ in held)

    def padded(values: Sequence[Any], fill: int) -> list[Any]:
        return [*values, *[fill] * (width - len(values))]

    keys = list(held)
    places = [[0 if place is None else place for place in ranked] for _, ranked, *_ in keys]
    fine = [[-1] * len(k[0]) if k[2] is None else [int(one) for one in k[2]] for k in keys]
    soft = [np.nan if p_a is None else p_a for *_, p_a, _ in keys]
    return Ballots.of(
        models,
        [padded([number[name] for name in names], -1) for names, *_ in keys],
        [padded(ranked, 0) for ranked in places],
        acceptable=[padded(one, -1) for one in fine],
        p_a=soft,
        weight=[1.0 if weight is None else weight for *_, weight in keys],
        count=list(held.values()),
    )


def _write_election(
    given: ChosenVotes, files: Mapping[str, Path], handles: _Handles, ballots_by: str | None
) -> _Written:
    """Write the ballots that show every model as one election."""
    ballots = given.ballots() if ballots_by is None else given.checked.one_ballot_each(ballots_by).ballots
    orders = Orders()
    left_out: Counter[str] = Counter()
    for shown, places, p_a, count in zip(
        ballots.shown, ballots.places, ballots.p_a, ballots.count, strict=True
    ):
        seated = shown >= 0
        if not np.isnan(p_a):
            left_out["soft judgements (p_a), which are no orders"] += int(count)
            continue
        names = tuple(ballots.models[i] for i in shown[seated])
        orders.add(names, tuple(int(place) or None for place in places[seated]), int(count))
    models, whole, rest = orders.election(given.name)
    left_out["that do not show every model of the election"] += rest
    path = files["all"]
    text = election_text(models, whole, f"Votes of {given.name}", path)
    handles["all"].write(text.encode())
    kept = Counter(
        {
            (
                tuple(name for place in order for name in place),
                tuple(i for i, place in enumerate(order, start=1) for _ in place),
                None,
                None,
                None,
            ): count
            for order, count in whole.items()
        }
    )
    return _Written({"all": sum(whole.values())}, _ballots_of(kept), left_out)
