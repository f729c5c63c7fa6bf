"""A log as a data set for others: votes and texts, what is private covered, voters under fresh ids, a card.

What is withheld is counted by reason, and the card says so. The ids of voters and battles are drawn anew for
every release and stand nowhere else, so that no two releases, and no release and its log, can be joined.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from agon.data.exporters.chosen_votes import ChosenVotes, choose_votes
from agon.data.exporters.conversations import MESSAGES, TextsOfVotes, ballot_columns, slices
from agon.data.files.snapshot_folder import escaped, holds_log
from agon.data.log.log_frames import LogFrames, open_log
from agon.data.log.personal.consents import consent_periods, spans_of_consent, texts_asked
from agon.data.reading import comparisons
from agon.data.sql import quote_name
from agon.ranking import rank
from agon.ranking.errors import OptionError, SourceError, suggest
from agon.ranking.text import Readable
from agon.ranking.version import VERSION

VOTES_FILE, CARD_FILE, MANIFEST_FILE = "votes.parquet", "README.md", "release.json"
Private = Literal["cover", "withhold"]
Cover = Callable[[str], tuple[str, Counter[str]]]
ERASED_TEXTS = "whose texts their voter, the operator or time erased"
WITHDRAWN_VOTES = "withdrawn"
WITH_PRIVATE_DATA = "with private data in a prompt or an answer"
WITHHELD_MODELS = "on models that are not released"
WITHOUT_CONSENT = "whose voter did not agree to what was asked then, or took it back"
MODERATED = "whose prompt or answer moderation refuses"
_IMPORTED = "imported from other files, whose licences are theirs"
_IMAGES = "on prompts with images"
_NO_TEXTS = "whose texts are not there"
# Whether a vote was cast within one of the spans of a table.
_CAST_IN = (
    "EXISTS (SELECT 1 FROM {} w WHERE {}epoch(w.begun) <= votes.timestamp "
    "AND votes.timestamp < epoch(w.ended))"
)
_WHILE_ASKED = _CAST_IN.format("agon_asked", "")
_HOUR = 3600  # seconds to which times are rounded down
# Columns of a log that are released as they are, beside what is made of each vote.
_AS_THEY_ARE = (
    *("policy", "policy_version", "group_probability", "pair_probabilities", "replaced", "failed", "reasons"),
    *(
        f"{name}{side}"
        for name in ("length", "headers", "lists", "bold", "citations")
        for side in ("", "_a", "_b")
    ),
)
# What the card calls a licence, as Hugging Face spells it.
_LICENCES = (
    *("cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0"),
    *("odc-by", "odbl", "pddl", "apache-2.0", "mit"),
)


@dataclass(frozen=True, repr=False)
class DataRelease(Readable):
    """What was written.

    Attributes:
        folder: with the votes, the card and the manifest.
        votes: how many are in it.
        withheld: reason → votes that are not.
        covered: kind of private data → passages that are covered in the texts.
        fingerprint: of the Bradley-Terry board that `agon rank` makes of the file.
    """

    folder: Path
    votes: int
    withheld: Mapping[str, int]
    covered: Mapping[str, int]
    fingerprint: str

    def conclusion(self) -> str:
        """Say in one sentence what was written."""
        gone, hidden = sum(self.withheld.values()), sum(self.covered.values())
        return (
            f"{self.votes:,} votes with their texts are in {self.folder}; {gone:,} votes are withheld, and "
            f"{hidden:,} passages are covered."
        )


def write_release(
    log: str | Path,
    to: str | Path,
    *,
    licence: str,
    cover: Cover,
    title: str | None = None,
    without: Collection[str] = (),
    private: Private = "cover",
    refused: Callable[[str], bool] | None = None,
    replace: bool = False,
) -> DataRelease:
    """Write a data set of the votes of a log that a lab or a city may publish; whole, or nothing.

    Withheld are votes that were withdrawn, whose texts were erased, that do not count, that were imported, on
    prompts with images, on models named in `without`, and whose texts are `refused`; of those cast while
    people were asked to agree to a text, all whose voter had not, or whose voter's last word is that they
    take it back. Addresses, numbers and
    keys in texts are covered, or such votes withheld; names, places and what is told in words are not found:
    read before you publish. Times are rounded down to the hour, and comments and networks are left out.

    Args:
        log: the folder, also while an arena serves it.
        to: the folder that is made; it may hold an earlier release if `replace`.
        cover: gives a text with what is private covered, and how much of each kind that was.
        licence: of the data, such as "cc-by-4.0".
        title: of the card; "Votes of an arena" if left out.
        without: models whose battles are withheld, such as those that are tested in silence.
        private: whether private passages are covered, or votes with any withheld.
        refused: says of a prompt or an answer that its vote is withheld.
        replace: whether an earlier release may be replaced.

    Raises:
        SourceError: no log, no votes that may be released, or a folder that cannot be written.
        OptionError: no licence, a model that is not in the log, or an unknown choice.
    """
    folder, target = Path(log), Path(to)
    if not licence.strip() or "\n" in licence:
        raise OptionError("A data set needs a licence: name it, such as --licence cc-by-4.0.")
    if private not in get_args(Private):
        raise OptionError(f"There is no private={private!r}; {suggest(str(private), get_args(Private))}")
    _check_target(target, replace=replace)
    if not folder.is_dir() or not (holds_log(folder) or (folder / "battles").is_dir()):
        raise SourceError(f"{folder} is no log folder, whose votes have texts; name the one of agon serve.")
    withheld, covered = Counter[str](), Counter[str]()
    with ExitStack() as stack:
        reading: dict[str, Any] = dict.fromkeys(("where", "table", "columns", "labels"))
        given = stack.enter_context(choose_votes(str(folder), reading, "error", None))
        frames = open_log(folder, "arrow")
        withheld += given.left_out
        withheld[WITHDRAWN_VOTES] += frames.withdrawals.num_rows
        withheld["of A/A battles"] += frames.same_model_votes.num_rows
        withheld["on models in testing"] += frames.testing_votes.num_rows
        _narrow(given, frames, without, withheld)
        asked = [one for _, _, one in consent_periods(frames.consent_texts.to_pylist())]
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="agon-release-")))
        raw = place / "raw.parquet"
        unasked = _write_rows(given, place, raw, private, cover, refused, withheld, covered)
        made = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        try:
            made.mkdir(parents=True)
            stack.callback(shutil.rmtree, made, ignore_errors=True)
            _sort(raw, made / VOTES_FILE)
            votes = comparisons(made / VOTES_FILE)
            fingerprint = rank(votes, "bradley_terry").fingerprint
            counted = {reason: number for reason, number in sorted(withheld.items()) if number}
            facts = _facts(made / VOTES_FILE, list(votes.models))
            facts["consent"] = texts_asked(asked)
            facts["unasked"] = unasked
            done = DataRelease(target, len(votes), counted, dict(covered), fingerprint)
            card = card_text(done, facts, licence=licence.strip(), title=title or "Votes of an arena")
            (made / CARD_FILE).write_text(card, encoding="utf-8")
            manifest = {
                "schema": 1,
                "licence": licence.strip(),
                "votes": done.votes,
                "withheld": counted,
                "covered": done.covered,
                "fingerprint": fingerprint,
                "software": f"agon-arena {VERSION}",
                **facts,
            }
            (made / MANIFEST_FILE).write_text(
                json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
            )
            if target.exists():
                shutil.rmtree(target)
            made.rename(target)
        except OSError as error:
            raise SourceError(f"{target} cannot be written: {error.strerror}; name another folder.") from None
    return done


def _check_target(target: Path, *, replace: bool) -> None:
    """Refuse a folder that holds something else, or a release that is not to be replaced."""
    if not target.exists():
        return
    if not target.is_dir() or (any(target.iterdir()) and not (target / MANIFEST_FILE).exists()):
        raise SourceError(f"{target} holds something else than a release; name another folder.")
    if any(target.iterdir()) and not replace:
        raise SourceError(
            f"{target} holds a release already; name another folder, or replace it with --force."
        )


def _narrow(given: ChosenVotes, frames: LogFrames, without: Collection[str], withheld: Counter[str]) -> None:
    """Leave out what is not released, whatever its texts say."""
    known = set(given.checked.models)
    for name in without:
        if name not in known:
            raise OptionError(f"There are no votes on {name!r}; {suggest(name, sorted(known))}")
    given.source.connection.register("agon_erased", pa.table({"battle_id": frames.erasures["battle_id"]}))
    if "source" in given.columns:
        withheld[_IMPORTED] += given.leave_out("source IS DISTINCT FROM 'arena'")
    withheld[ERASED_TEXTS] += given.leave_out("battle_id IN (SELECT battle_id FROM agon_erased)")
    shown = "list_has_any(models, ?)" if given.listed else "list_has_any([model_a, model_b], ?)"
    if without:
        withheld[WITHHELD_MODELS] += given.leave_out(shown, list(without))
    texts = frames.consent_texts.to_pylist()
    periods = [(begun, ended) for begun, ended, asked in consent_periods(texts) if asked.texts]
    spans = list(spans_of_consent(texts, frames.consents.to_pylist()))
    times = {"begun": pa.timestamp("us", "UTC"), "ended": pa.timestamp("us", "UTC")}
    connection = given.source.connection
    connection.register(
        "agon_asked", pa.Table.from_pylist([{"begun": b, "ended": e} for b, e in periods], pa.schema(times))
    )
    connection.register(
        "agon_agreed",
        pa.Table.from_pylist([asdict(one) for one in spans], pa.schema({"voter": pa.string(), **times})),
    )
    agreed = _CAST_IN.format("agon_agreed", "w.voter = votes.voter AND ")
    if periods:
        withheld[WITHOUT_CONSENT] += given.leave_out(f"{_WHILE_ASKED} AND NOT {agreed}")


def _write_rows(
    given: ChosenVotes,
    place: Path,
    path: Path,
    private: Private,
    cover: Cover,
    refused: Callable[[str], bool] | None,
    withheld: Counter[str],
    covered: Counter[str],
) -> int:
    """Write what may be released, row by row, under fresh ids; how many of these votes were cast while nobody
    was asked to agree to anything."""
    also = [name for name in _AS_THEY_ARE if name in given.columns]
    columns = ballot_columns(given.columns, listed=given.listed)
    columns += f", {_WHILE_ASKED} AS while_asked"
    columns += "".join(f", {quote_name(name)} AS {quote_name(f'as_it_is_{name}')}" for name in also)
    voters: dict[str, str] = defaultdict(lambda: f"voter-{secrets.token_hex(8)}")
    writer: pq.ParquetWriter | None = None
    unasked = 0
    try:
        if not given.kept.any():
            raise _nothing(given, withheld)
        with TextsOfVotes(given.log or Path(), place, *given.battles()) as held:
            for batch in given.batches(columns):
                kinds = {name: batch.schema.field(f"as_it_is_{name}").type for name in also}
                schema = _schema(kinds, listed=given.listed)
                for part in slices(batch, held.size):
                    rows = list(
                        _released(
                            held.add_to(part).to_pylist(),
                            also,
                            voters,
                            given.listed,
                            private,
                            cover,
                            refused,
                            withheld,
                            covered,
                        )
                    )
                    unasked += sum(row["unasked"] for row in rows)
                    writer = writer or pq.ParquetWriter(path, schema)
                    writer.write_table(pa.Table.from_pylist(rows, schema))
    finally:
        if writer is not None:
            writer.close()
    if writer is None or not pq.read_metadata(path).num_rows:
        raise _nothing(given, withheld)
    return unasked


def _nothing(given: ChosenVotes, withheld: Counter[str]) -> SourceError:
    """Why there is nothing to release."""
    reasons = "; ".join(f"{number:,} {reason}" for reason, number in withheld.items() if number)
    why = f": {reasons}" if reasons else ""
    return SourceError(f"{given.name} holds no vote that may be released{why}.")


def _schema(kinds: Mapping[str, pa.DataType], *, listed: bool) -> pa.Schema:
    text = pa.string()
    if listed:
        ballot = {
            "models": pa.list_(text),
            "places": pa.list_(pa.int32()),
            "acceptable": pa.list_(pa.bool_()),
        }
        said = {"conversations": pa.list_(MESSAGES)}
    else:
        ballot = dict.fromkeys(("model_a", "model_b", "winner"), text)
        said = {"conversation_a": MESSAGES, "conversation_b": MESSAGES}
    about = {"voter": text, "timestamp": pa.float64(), "prompt_id": text, "category": text, "language": text}
    return pa.schema({"battle_id": text, **ballot, **about, "turns": pa.int64(), **kinds, **said})


def _released(
    rows: Sequence[Mapping[str, Any]],
    also: Sequence[str],
    voters: Mapping[str, str],
    listed: bool,
    private: Private,
    cover: Cover,
    refused: Callable[[str], bool] | None,
    withheld: Counter[str],
    covered: Counter[str],
) -> Iterator[dict[str, Any]]:
    for row in rows:
        if row["with_images"] or row["conversations"] is None:
            withheld[_IMAGES if row["with_images"] else _NO_TEXTS] += 1
            continue
        texts = [message["content"] for side in row["conversations"] for message in side]
        if refused is not None and any(map(refused, texts)):
            withheld[MODERATED] += 1
            continue
        found = Counter[str]()
        said = []
        for number, side in enumerate(row["conversations"]):
            messages = []
            for message in side:
                text, kinds = cover(message["content"])
                if number == 0 or message["role"] == "assistant":  # a prompt stands in all of them
                    found += kinds
                messages.append({"role": message["role"], "content": text})
            said.append(messages)
        if found and private == "withhold":
            withheld[WITH_PRIVATE_DATA] += 1
            continue
        covered.update(found)
        fresh = {name: row[name] for name in ("prompt_id", "category", "language", "turns")}
        fresh |= {name: row[f"as_it_is_{name}"] for name in also}
        fresh |= {
            "battle_id": secrets.token_hex(16),
            "voter": voters[row["voter"]],
            "unasked": not row["while_asked"],
            "timestamp": row["timestamp"] // _HOUR * _HOUR,
        }
        if listed:
            fresh |= {name: row[name] for name in ("models", "places", "acceptable")}
            yield fresh | {"conversations": said}
        else:
            first, second = row["places"]
            winner = (
                "both_bad"
                if row["both_bad"]
                else ("model_a", "tie", "model_b")[(first >= second) + (first > second)]
            )
            a, b = row["models"]
            yield fresh | {
                **{"model_a": a, "model_b": b, "winner": winner},
                **dict(zip(("conversation_a", "conversation_b"), said, strict=True)),
            }


def _sort(raw: Path, path: Path) -> None:
    """By hour, and within an hour in no order that means anything: the ids are random."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (FROM read_parquet($raw) ORDER BY timestamp, battle_id) TO {_quoted(path)} "
            "(FORMAT parquet, COMPRESSION zstd)",
            {"raw": escaped(raw)},
        )


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _facts(path: Path, models: list[str]) -> dict[str, Any]:
    """What the card says of the votes."""
    table = pq.read_table(path, columns=["voter", "timestamp", "language"])
    times = [one for one in table["timestamp"].to_pylist() if one is not None]
    languages = Counter(one for one in table["language"].to_pylist() if one)
    return {
        "models": models,
        "voters": len(set(table["voter"].to_pylist())),
        "first": _day(min(times)) if times else None,
        "last": _day(max(times)) if times else None,
        "languages": dict(languages.most_common()),
    }


def _consent_text(asked: Sequence[Mapping[str, Any]], unasked: int) -> list[str]:
    """What the card says of consent: nothing where nobody was ever asked."""
    found = []
    for one in asked:
        since = datetime.fromisoformat(one["since"])
        begun = f"Since {since:%Y-%m-%d %H:%M} UTC"
        if not one["texts"]:
            found.append(f"{begun} nothing is asked.")
            continue
        found.append(f"{begun} voters agree, before anything of theirs is kept, to this text:")
        for code, text in one["texts"].items():
            quoted = "\n".join(f"> {line}".rstrip() for line in text.splitlines())
            found.append(f"{quoted}\n>\n> ({code})")
    if found and unasked:
        found.append(f"{unasked:,} of these votes were cast while nothing was asked.")
    return found


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def card_text(done: DataRelease, facts: Mapping[str, Any], *, licence: str, title: str) -> str:
    """The card of a data set, with the header that Hugging Face reads."""
    known = licence.lower() in _LICENCES
    codes = [code for code in facts["languages"] if re.fullmatch("[a-z]{2,3}", code)]
    sizes = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
    size = next((name for most, name in sizes if done.votes < most), "1M<n<10M")
    header = ["---", f"license: {licence.lower() if known else 'other'}"]
    header += [] if known else [f"license_name: {json.dumps(licence)}"]
    header += ["language:", *(f"- {code}" for code in codes)] if codes else []
    header += [
        f"pretty_name: {json.dumps(title, ensure_ascii=False)}",
        "size_categories:",
        f"- {size}",
        "tags:",
    ]
    header += [
        "- human-preference",
        "- arena",
        "configs:",
        "- config_name: default",
        f"  data_files: {VOTES_FILE}",
    ]
    header += ["---", ""]
    rows = "".join(f"| {reason} | {number:,} |\n" for reason, number in done.withheld.items())
    gone = f"| withheld | votes |\n| --- | --- |\n{rows}" if rows else "No vote was withheld.\n"
    hidden = ", ".join(f"{number:,} × {kind}" for kind, number in done.covered.items()) or "none"
    span = f" from {facts['first']} to {facts['last']}" if facts["first"] else ""
    names = ", ".join(f"`{name}`" for name in facts["models"])
    about = (
        f"{done.votes:,} votes by {facts['voters']:,} voters on {len(facts['models'])} models{span}, each "
        f"cast blind, with the prompts and the answers that were compared. Licence: {licence}."
    )
    covered = (
        f"Passages that look like addresses, numbers or keys are covered (`██████`): {hidden}. Names, places "
        "and what is told in words are not found by that. Voters and battles have ids that were drawn for "
        "this release alone, times are rounded down to the hour, and there is no comment, no session and "
        "nothing of any network."
    )
    asked = _consent_text(facts["consent"], facts["unasked"])
    board = f"The fingerprint of that board is `{done.fingerprint}` (agon-arena {VERSION}). Models: {names}."
    parts = (
        f"# {' '.join(title.split())}",
        about,
        "## What is withheld",
        gone.strip(),
        covered,
        *(("## What voters agreed to", *asked) if asked else ()),
        "## How to rank it",
        f"```\nagon rank {VOTES_FILE} -m bradley_terry\nagon check {VOTES_FILE}\n```",
        board,
    )
    return "\n".join(header) + "\n\n".join(parts) + "\n"
