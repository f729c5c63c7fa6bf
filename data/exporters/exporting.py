"""`export`: votes of a log or a file in another form, streamed, whole or not at all, with a manifest beside.

What a form is stands in `EXPORTS`; how its rows are made, in the module of its kind.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, get_args

import numpy as np
import pyarrow as pa

from agon.data.exporters.chosen_votes import ChosenVotes, choose_votes
from agon.data.exporters.conversations import (
    WINNER,
    TextsOfVotes,
    ballot_columns,
    has_texts,
    slices,
    text_columns,
    with_own_texts,
)
from agon.data.exporters.lmarena_release import LMARENA, RELEASE_REFUSED, RELEASE_ROWS
from agon.data.exporters.preferences import (
    ANNOTATED,
    ANNOTATED_ROWS,
    LISTWISE,
    LISTWISE_REFUSED,
    LISTWISE_ROWS,
    MARGIN,
    PAIRS_REFUSED,
    PREFERENCE,
    PREFERENCE_ROWS,
    UNPAIRED,
    UNPAIRED_REFUSED,
    UNPAIRED_ROWS,
    TieOption,
)
from agon.data.exporters.preflib_election import ENDINGS, Orders, election_text
from agon.data.exporters.targets import RowWriter, choose_files, whole_files
from agon.data.files.schema import Voters
from agon.data.files.table_source import Invalid
from agon.data.log.log_frames import open_log
from agon.data.log.personal.consents import consent_periods, texts_asked
from agon.data.read_errors import sentence
from agon.data.sql import quote_name
from agon.ranking import Ballots, OptionError, SourceError
from agon.ranking.errors import suggest
from agon.ranking.text import Readable
from agon.ranking.version import VERSION

_Handles = Mapping[str, IO[bytes]]
_NO_TEXTS = "whose texts are not there"
_IMAGES = "on prompts with images, which these forms do not hold"
_OPENING = "list_position(list_transform(conversations[1], lambda m: m.role), 'assistant') - 1"


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
    refused: str = ""
    """SQL that says of a vote with its texts why it makes no row, or null; a form that has it needs texts."""
    rows: str = ""
    """SQL that makes the rows of the others, from `whole`: the columns of `VOTED` and `ABOUT`, conversations,
    tokens, and opening, how many messages stand before the first answer."""


EXPORTS: Mapping[str, ExportForm] = MappingProxyType(
    {
        form.name: form
        for form in (
            ExportForm("votes", (".parquet",)),
            ExportForm("csv", (".csv",)),
            ExportForm("jsonl", (".jsonl",)),
            ExportForm("lmarena", (".parquet", ".jsonl"), (), LMARENA, RELEASE_REFUSED, RELEASE_ROWS),
            ExportForm(
                "trl-preference",
                (".parquet", ".jsonl"),
                ("drop", "both", "margin"),
                PREFERENCE,
                PAIRS_REFUSED,
                PREFERENCE_ROWS,
            ),
            ExportForm(
                "trl-kto", (".parquet", ".jsonl"), ("drop", "both"), UNPAIRED, UNPAIRED_REFUSED, UNPAIRED_ROWS
            ),
            ExportForm("listwise", (".parquet", ".jsonl"), (), LISTWISE, LISTWISE_REFUSED, LISTWISE_ROWS),
            ExportForm(
                "pairs-annotated",
                (".csv", ".parquet", ".jsonl"),
                ("drop", "both"),
                ANNOTATED,
                PAIRS_REFUSED,
                ANNOTATED_ROWS,
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
        licence, consent: lines for the manifest; without one for consent it has what the people of a log were
            asked to agree to.
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
            elif not how.rows:
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
                "consent": consent or _asked_in(given.log) or "not stated",
                "software": f"agon-arena {VERSION}",
            }
            handles["manifest"].write((json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode())
    counted = {path: written.rows[split] for split, path in data.items()}
    return Exported(counted, files["manifest"], int(votes.total), left_out, digest)


def _asked_in(log: Path | None) -> list[dict[str, Any]]:
    """What the people of a log were asked to agree to, and since when."""
    if log is None:
        return []
    texts = open_log(log, "arrow").consent_texts.to_pylist()
    return texts_asked(one for _, _, one in consent_periods(texts))


@contextmanager
def _readable_errors(name: str) -> Iterator[None]:
    """What the database says while rows are streamed, as one sentence."""
    import duckdb

    try:
        yield
    except (duckdb.Error, pa.ArrowException) as error:
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
    columns = {name: quote_name(name) for name in given.columns}
    if "winner" in columns and not given.listed:
        columns["winner"] = f"{WINNER} AS winner"
    if given.listed:
        columns["places"] = "CAST(places AS INTEGER[]) AS places"
    writers: dict[str, RowWriter] = {}
    with ExitStack() as stack:
        for batch in given.batches(", ".join(columns.values())):
            held = None if given.test is None else given.test[batch["agon_row"].to_numpy()]
            plain = pa.Table.from_batches([batch.drop_columns(["agon_row"])])
            for split, path in files.items():
                if split not in writers:
                    writer = RowWriter(handles[split], how.endings[0], plain.schema, path)
                    writers[split] = stack.enter_context(writer)
                chosen = plain if held is None else plain.filter(pa.array(held if split == "test" else ~held))
                writers[split].add(chosen)
    return _summary(writers, given.ballots())


def _write_rows(
    given: ChosenVotes,
    how: ExportForm,
    files: Mapping[str, Path],
    handles: _Handles,
    ties: TieOption | None,
) -> _Written:
    """Write what a form makes of each vote and its texts."""
    import duckdb

    schema = how.schema
    if schema is None:
        raise TypeError(how.name)
    if given.columns.get("category") == "VARCHAR[]":  # a vote may have several
        schema = schema.set(schema.get_field_index("category"), pa.field("category", pa.list_(pa.string())))
    if ties == "margin":
        schema = schema.append(MARGIN)
    if "weight" in given.columns:  # only then: a reader asks for one in every row
        schema = schema.append(pa.field("weight", pa.float64()))
    columns = ", ".join(quote_name(name) for name in ("agon_row", *schema.names))
    why = f"WHEN conversations IS NULL THEN '{_NO_TEXTS}' WHEN with_images THEN '{_IMAGES}'"
    why = f"CASE {why} ELSE {how.refused} END"
    left_out: Counter[str] = Counter()
    with ExitStack() as stack:
        writers = {
            split: stack.enter_context(RowWriter(handles[split], path.suffix.lower(), schema, path))
            for split, path in files.items()
        }
        database = stack.enter_context(closing(duckdb.connect(config={"threads": 1})))
        said = {"ties": ties} if "$ties" in how.refused else {}
        for voted in _with_texts(given):
            database.register("voted", voted)
            reasons = database.sql(f"SELECT agon_row, {why} AS why FROM voted", params=said).to_arrow_table()
            refused = reasons.filter(reasons["why"].is_valid())
            given.kept[refused["agon_row"].to_numpy()] = False
            left_out.update(refused["why"].to_pylist())
            database.register("whole_rows", voted.filter(reasons["why"].is_null()))
            rows = database.sql(
                f"WITH whole AS (SELECT *, {_OPENING} AS opening FROM whole_rows) "
                f"SELECT {columns} FROM ({how.rows})",
                params=said if "$ties" in how.rows else {},
            ).to_arrow_table()
            held = None if given.test is None else given.test[rows["agon_row"].to_numpy()]
            plain = rows.drop_columns(["agon_row"]).cast(schema)
            for split, writer in writers.items():
                writer.add(
                    plain if held is None else plain.filter(pa.array(held if split == "test" else ~held))
                )
    return _summary(writers, given.ballots(), left_out)


def _summary(
    writers: Mapping[str, RowWriter], votes: Ballots | None, left_out: Counter[str] | None = None
) -> _Written:
    """What the writers wrote."""
    rows = {split: writer.rows for split, writer in writers.items()}
    return _Written(rows, votes, left_out or Counter(), sum(writer.escaped for writer in writers.values()))


def _with_texts(given: ChosenVotes) -> Iterator[pa.Table]:
    """Go through the chosen votes with their conversations, null where they are not there, some at a time."""
    columns = ballot_columns(given.columns, listed=given.listed)
    if given.log is None:
        if not has_texts(given.columns):
            raise SourceError(
                f"{given.name} holds no texts, which this form is made of: give a log folder, or a file with "
                "prompt, answer_a and answer_b (prompt and answers, or conversation_a and conversation_b)."
            )
        texts = {name: f"agon_text_{i}" for i, name in enumerate(text_columns(given.columns))}
        named = ", ".join(f"{quote_name(name)} AS {ours}" for name, ours in texts.items())
        for batch in given.batches(f"{columns}, {named}"):
            for part in slices(batch):
                said = part.select([*texts.values()]).rename_columns([*texts])
                yield with_own_texts(part.drop_columns([*texts.values()]), said)
        return
    if not {"battle_id", "turns"} <= given.columns.keys():
        raise SourceError(
            f"{given.name} holds imported votes alone, whose texts are in the files they came from."
        )
    with TextsOfVotes(given.log, given.place, *given.battles()) as held:
        for batch in given.batches(columns):
            for part in slices(batch, held.size):
                yield held.add_to(part)


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
