"""Votes with what they are about: places, and the prompts and answers that the voter saw, some at a time.

Texts come from the parts of a log, which are put into a file by vote first, or from the columns of a file of
votes. What is made of them is made in SQL (`VOTED` lists the columns), so that a million votes take minutes
and little memory.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from agon.data.log.text_parts import count_rows, part_files
from agon.data.sql import quote_name
from agon.data.validation import LABELS
from agon.ranking.errors import SourceError
from agon.ranking.numerics import BoolArray, IntArray

ChatMessage = dict[str, str]
MESSAGES = pa.list_(pa.struct({"role": pa.string(), "content": pa.string()}))
_OURS = ("model_a", "model_b", "tie", "both_bad")
_WORDS = " ".join(f"WHEN lower(trim(winner)) = '{word}' THEN '{_OURS[i]}'" for word, i in LABELS.items())
WINNER = (  # SQL for the winner in our words
    f"(CASE {_WORDS} WHEN winner = model_a THEN 'model_a' WHEN winner = model_b THEN 'model_b' END)"
)
# Columns of texts in a file of votes: (of each side, or one of all).
_ANSWERS = (("answer_a", "answer_b"), ("response_a", "response_b"))
_LISTS = ("answers", "responses")
_PROMPTS = ("prompt", "instruction", "question")
# turn, slot, model, text and tokens of a text, as its table calls them.
_COLUMNS = {
    "turns": ("turn", "", "", "prompt", ""),
    "generations": ("turn", "slot", "model", "text", "tokens"),
}
_TEXTS = pa.schema(
    {
        "row": pa.int64(),
        "turn": pa.int64(),
        "slot": pa.int64(),  # of a prompt -1, and no model
        "model": pa.string(),
        "text": pa.string(),
        "tokens": pa.int64(),
    }
)
ROWS_AT_A_TIME = 4096  # votes in memory at the same time, with their texts
_TEXT_AT_A_TIME = 2 << 20  # bytes of texts of these
# The columns of votes with their texts: what they say of models and places, and what a form may copy.
VOTED = ("models", "places", "acceptable", "p_a", "both_bad", "weight", "turns")
ABOUT = ("battle_id", "voter", "timestamp", "prompt_id", "category", "language")


def ballot_columns(columns: Mapping[str, str], *, listed: bool) -> str:
    """SQL for `VOTED` and `ABOUT` of valid votes: dense places, 1 is best; all null where `p_a` is given."""
    missing = dict.fromkeys(("p_a", "weight"), "NULL::DOUBLE") | {"acceptable": "NULL::BOOLEAN[]"}
    if listed:
        dense = "list_sort(list_distinct(CAST(places AS INTEGER[])))"
        made = {
            "models": "CAST(models AS VARCHAR[])",
            "places": f"list_transform(CAST(places AS INTEGER[]), lambda place: CASE WHEN place IS NOT NULL "
            f"THEN list_position({dense}, place) END)",
            "acceptable": "CAST(acceptable AS BOOLEAN[])"
            if "acceptable" in columns
            else missing["acceptable"],
            "p_a": missing["p_a"],
        }
    else:
        soft = "TRY_CAST(p_a AS DOUBLE)" if "p_a" in columns else missing["p_a"]
        soft = f"CASE WHEN NOT isnan({soft}) THEN {soft} END"
        winner = WINNER if "winner" in columns else "NULL"
        made = {
            "models": "[model_a, model_b]::VARCHAR[]",
            "places": f"CASE WHEN {soft} IS NOT NULL THEN [NULL, NULL] WHEN {winner} = 'model_a' THEN [1, 2] "
            f"WHEN {winner} = 'model_b' THEN [2, 1] ELSE [1, 1] END",
            "acceptable": f"CASE WHEN {soft} IS NULL AND {winner} = 'both_bad' THEN [false, false] END",
            "p_a": soft,
        }
    made["weight"] = "CAST(weight AS DOUBLE)" if "weight" in columns else missing["weight"]
    made["turns"] = "TRY_CAST(turns AS BIGINT)" if "turns" in columns else "NULL::BIGINT"
    for name in ABOUT:
        kind = "DOUBLE" if name == "timestamp" else "VARCHAR[]" if _is_list(columns, name) else "VARCHAR"
        made[name] = f"TRY_CAST({quote_name(name)} AS {kind})" if name in columns else f"NULL::{kind}"
    kinds = (
        f"len(list_distinct({made['places']})) + (list_count({made['places']}) < len({made['places']}))::INT"
    )
    bad = f"len(list_filter({made['acceptable']}, lambda fine: fine)) = 0"
    made["both_bad"] = f"coalesce({bad} AND {kinds} = 1, false)"
    return ", ".join(f"{sql} AS {name}" for name, sql in made.items())


def _is_list(columns: Mapping[str, str], name: str) -> bool:
    return columns.get(name, "").endswith("[]")


def has_texts(columns: Iterable[str]) -> bool:
    """Whether a file of votes has columns of texts."""
    known = {name.lower() for name in columns}
    if {"conversation_a", "conversation_b"} <= known:
        return True
    answers = any(set(pair) <= known for pair in _ANSWERS) or bool(known & set(_LISTS))
    return answers and bool(known & set(_PROMPTS))


def text_columns(columns: Iterable[str]) -> list[str]:
    """The columns of a file of votes that `texts_in` looks at."""
    wanted = {"conversation_a", "conversation_b", *_LISTS, *_PROMPTS, *(n for pair in _ANSWERS for n in pair)}
    return [name for name in columns if name.lower() in wanted]


def texts_in(row: Mapping[str, Any], k: int) -> tuple[tuple[ChatMessage, ...], ...] | None:
    """The conversations of a row of a file of votes; None where one is missing."""
    names = {name.lower(): name for name in row}
    if {"conversation_a", "conversation_b"} <= names.keys():
        sides = [messages_of(row[names[f"conversation_{side}"]]) for side in "ab"]
        return tuple(side for side in sides if side) if all(sides) else None
    prompt = next((row[names[name]] for name in _PROMPTS if name in names), None)
    answers: Sequence[Any] | None = next((row[names[name]] for name in _LISTS if name in names), None)
    if answers is None:
        pair = next(pair for pair in (*_ANSWERS, ()) if pair == () or set(pair) <= names.keys())
        answers = [row[names[name]] for name in pair]
    if prompt is None or len(answers) != k or any(answer is None for answer in answers):
        return None
    return tuple(
        ({"role": "user", "content": str(prompt)}, {"role": "assistant", "content": str(answer)})
        for answer in answers
    )


def messages_of(value: Any) -> tuple[ChatMessage, ...] | None:
    """A conversation in any of the published shapes, as messages of text; None if it is none."""
    try:
        turns = json.loads(value) if isinstance(value, str) else value
        found = tuple({"role": str(turn["role"]), "content": _text(turn["content"])} for turn in turns)
    except (TypeError, KeyError, ValueError):
        return None
    return found if any(message["role"] == "assistant" for message in found) else None


def _text(content: Any) -> str:
    """The text of a message: a string, or the text blocks among blocks of text and images."""
    if isinstance(content, str):
        return content
    texts = [block["text"] for block in content or [] if block.get("text") is not None]
    if not texts:
        raise ValueError("no text")
    return "\n".join(texts)


def with_own_texts(ballots: pa.Table, texts: pa.Table) -> pa.Table:
    """Votes of a file with the conversations in its columns; null where one is missing."""
    said = [
        texts_in(row, len(models))
        for row, models in zip(texts.to_pylist(), ballots["models"].to_pylist(), strict=True)
    ]
    unknown = pa.nulls(ballots.num_rows, pa.list_(pa.int64()))
    conversations = pa.array(said, pa.list_(MESSAGES))
    shown = pa.nulls(ballots.num_rows, pa.bool_()).fill_null(False)
    found = ballots.append_column("conversations", conversations).append_column("tokens", unknown)
    return found.append_column("with_images", shown)


class TextsOfVotes:
    """The texts of the battles that were voted on, kept on the disk by the row of their vote.

    Attributes:
        size: of how many rows in a row the texts stand together; about as many as fit into memory well.

    Args:
        folder: the log folder.
        place: a folder for the file that keeps them.
        rows: (N,) numbers of the votes' rows.
        battles: (N,) ids of their battles.

    Raises:
        SourceError: there is no room for the file.
    """

    def __init__(self, folder: Path, place: Path, rows: IntArray, battles: NDArray[np.bytes_]) -> None:
        order = np.argsort(battles, kind="stable")
        rows, battles = rows[order], battles[order]
        self.size = _rows_at_a_time(_size_of_texts(folder) // max(count_rows(folder)["battles"], 1))
        self._found: dict[int, list[int]] = defaultdict(list)  # by row // size, its batches in the file
        path, batches = place / "texts.arrow", 0
        try:
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, _TEXTS, options=options) as writer:
                for part in (part for name in _COLUMNS for part in _parts(folder, name, rows, battles)):
                    for number, batch in _by_row(part, self.size):
                        writer.write_batch(batch)
                        self._found[number].append(batches)
                        batches += 1
        except OSError as error:
            raise SourceError(
                f"The texts of {folder} cannot be copied to {place}: {error.strerror or error}; make room "
                "there, or name another folder in TMPDIR."
            ) from None
        seen = [row for path in part_files(folder, "turns") for row in _with_images(path, rows, battles)]
        self._with_images = np.unique(np.array(seen, dtype=np.int64))
        self._content = pa.OSFile(str(path))
        self._file = pa.ipc.open_file(self._content)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._content.close()

    def add_to(self, ballots: pa.Table) -> pa.Table:
        """Votes with their conversations, the tokens of the answers, and whether images were shown.

        A conversation is null where a text is missing.
        """
        wanted = np.unique(ballots["agon_row"].to_numpy() // self.size).tolist()
        found = [self._file.get_batch(i) for number in wanted for i in self._found.get(number, ())]
        texts = pa.Table.from_batches(found, _TEXTS).combine_chunks()
        shown = Shown.of(ballots)
        prompts, answers = shown.find(texts)
        there = (prompts >= 0) & (answers >= 0)
        whole = np.bincount(shown.vote[~there], minlength=ballots.num_rows) == 0
        kept = whole[shown.vote]
        order = np.stack([prompts[kept], answers[kept]], axis=1).reshape(-1)
        roles = pa.array(["user", "assistant"]).take(pa.array(np.tile([0, 1], kept.sum())))
        content = texts["text"].take(pa.array(order)).combine_chunks()
        messages = pa.StructArray.from_arrays([roles, content], fields=list(MESSAGES.value_type))
        sides = pa.ListArray.from_arrays(
            _offsets(2 * shown.last[whole].repeat(shown.models[whole])), messages
        )
        places = _offsets(np.where(whole, shown.models, 0))
        missing = pa.array(~whole)
        conversations = pa.ListArray.from_arrays(places, sides, mask=missing)
        counted = texts["tokens"].take(pa.array(answers[kept]))
        side = np.arange(len(sides)).repeat(np.diff(sides.offsets) // 2)
        tokens = np.bincount(side, counted.fill_null(0).to_numpy(), len(sides)).astype(np.int64)
        unknown = np.bincount(shown.vote[kept], counted.is_null().to_numpy(), ballots.num_rows) > 0
        sums = pa.ListArray.from_arrays(places, pa.array(tokens), mask=pa.array(~whole | unknown))
        shown_images = pa.array(np.isin(ballots["agon_row"].to_numpy(), self._with_images))
        found = ballots.append_column("conversations", conversations).append_column("tokens", sums)
        return found.append_column("with_images", shown_images)


@dataclass(frozen=True)
class Shown:
    """The answers that voters saw, one after the other: by vote, by side, by turn."""

    row: IntArray
    """(V,) of each vote."""
    models: IntArray
    """(V,) how many sides each vote has."""
    last: IntArray
    """(V,) the last turn that was shown."""
    names: pa.Array
    """The model of each side of each vote, one after the other."""
    vote: IntArray
    """(A,) number of the vote of each answer."""
    side: IntArray
    """(A,)"""
    turn: IntArray
    """(A,)"""

    @classmethod
    def of(cls, ballots: pa.Table) -> Shown:
        """Those of some votes."""
        models = pc.list_value_length(ballots["models"]).to_numpy().astype(np.int64)
        last = np.maximum(ballots["turns"].fill_null(1).to_numpy(), 1)
        vote = np.arange(len(models)).repeat(models * last)
        number = np.arange(len(vote)) - (np.cumsum(models * last) - models * last)[vote]
        side, turn = np.divmod(number, last[vote])
        names = pc.list_flatten(ballots["models"])
        return cls(ballots["agon_row"].to_numpy(), models, last, names, vote, side, turn + 1)

    def find(self, texts: pa.Table) -> tuple[IntArray, IntArray]:
        """(A,) the place in a table of texts of each answer's prompt, and of itself; -1 if it is not there.

        An answer is of the model that the vote names for its side, not of one that failed there before.
        """
        rows, order = np.sort(self.row), np.argsort(self.row)
        slot, turn = texts["slot"].to_numpy(), texts["turn"].to_numpy()
        at = np.minimum(np.searchsorted(rows, texts["row"].to_numpy()), len(rows) - 1)
        vote = order[at]
        fits = (rows[at] == texts["row"].to_numpy()) & (slot < self.models[vote]) & (turn <= self.last[vote])
        first = np.cumsum(self.models) - self.models
        said = fits & (slot >= 0)
        whose = self.names.take(pa.array((first[vote] + slot)[said]))
        fits[said] = pc.equal(texts["model"].filter(pa.array(said)), whose).to_numpy()
        sides, turns = int(self.models.max(initial=0)) + 1, int(self.last.max(initial=0)) + 1
        keys = ((vote * sides) + slot + 1) * turns + turn
        places = np.flatnonzero(fits)
        places = places[np.argsort(keys[places], kind="stable")]
        found = []
        for wanted in (0, self.side + 1):
            key = ((self.vote * sides) + wanted) * turns + self.turn
            near = np.minimum(np.searchsorted(keys[places], key), max(len(places) - 1, 0))
            there = keys[places[near]] == key if len(places) else np.zeros(len(key), dtype=np.bool_)
            found.append(np.where(there, places[near] if len(places) else -1, -1))
        return found[0], found[1]


def _offsets(lengths: IntArray) -> pa.Array:
    """Where lists of such lengths begin, and the last one ends."""
    return pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())


def _parts(folder: Path, name: str, rows: IntArray, battles: NDArray[np.bytes_]) -> Iterator[pa.Table]:
    """The rows of a table that belong to a vote, a part at a time, with the columns of `_TEXTS`."""
    for path in part_files(folder, name):
        file = pq.ParquetFile(path)
        wanted = [column for column in ("battle_id", "failure", *_COLUMNS[name]) if column]
        table = file.read(columns=[column for column in wanted if column in file.schema_arrow.names])
        if "failure" in table.column_names:
            table = table.filter(pc.is_null(table["failure"]))
        row, known = find_rows(rows, battles, as_keys(table["battle_id"]))
        table = table.filter(pa.array(known))
        given = [
            table[column] if column else pa.nulls(len(row), kind)
            for column, kind in zip(_COLUMNS[name], _TEXTS.types[1:], strict=True)
        ]
        found = pa.table([pa.array(row, pa.int64()), *given], names=_TEXTS.names)
        prompts = pa.array(np.full(len(row), -1)) if name == "turns" else found["slot"]
        yield found.set_column(2, "slot", prompts).cast(_TEXTS)


def _with_images(path: Path, rows: IntArray, battles: NDArray[np.bytes_]) -> list[int]:
    """The rows of votes on battles of a part that were asked with images."""
    file = pq.ParquetFile(path)
    if "images" not in file.schema_arrow.names:  # a part of before, whose prompts have none
        return []
    table = file.read(columns=["battle_id", "images"])
    table = table.filter(pc.greater(pc.list_value_length(table["images"]), 0))
    found, _ = find_rows(rows, battles, as_keys(table["battle_id"]))
    return [int(row) for row in found]


def _rows_at_a_time(bytes_of_each: int) -> int:
    """How many votes of such a size are looked at together."""
    return min(max(_TEXT_AT_A_TIME // max(bytes_of_each, 1), 16), ROWS_AT_A_TIME)


def slices(batch: pa.RecordBatch, size: int | None = None) -> Iterator[pa.Table]:
    """Rows that are not too many for memory together: `size` of them, or by what they take."""
    size = size or _rows_at_a_time(batch.nbytes // max(batch.num_rows, 1))
    for start in range(0, batch.num_rows, size):
        yield pa.Table.from_batches([batch.slice(start, size)])


def _size_of_texts(folder: Path) -> int:
    """Bytes of the texts of a log, not compressed."""
    size = 0
    for path in (path for name in _COLUMNS for path in part_files(folder, name)):
        metadata = pq.read_metadata(path)
        for group in (metadata.row_group(i) for i in range(metadata.num_row_groups)):
            columns = (group.column(i) for i in range(group.num_columns))
            size += sum(c.total_uncompressed_size for c in columns if c.path_in_schema in ("prompt", "text"))
    return size


def _by_row(table: pa.Table, size: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows of a table by the number of their vote's row over `size`."""
    number = table["row"].to_numpy() // size
    order = np.argsort(number, kind="stable")
    batches = table.take(pa.array(order)).combine_chunks().to_batches()
    starts = np.flatnonzero(np.diff(number[order], prepend=-1)).tolist()
    for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
        yield int(number[order[start]]), batches[0].slice(start, end - start)


def as_keys(battles: pa.Array | pa.ChunkedArray) -> NDArray[np.bytes_]:
    """Ids of battles as bytes, which sort and compare without Python."""
    return np.asarray(battles.fill_null("").to_numpy(zero_copy_only=False).astype("S32"))


def find_rows(
    rows: IntArray, battles: NDArray[np.bytes_], wanted: NDArray[np.bytes_]
) -> tuple[IntArray, BoolArray]:
    """The row of each battle that is known, and which are.

    Args:
        rows, battles: (N,) the known ones, sorted by battle.
        wanted: (K,) ids.
    """
    at = np.minimum(np.searchsorted(battles, wanted), len(battles) - 1)
    known = battles[at] == wanted
    return rows[at[known]], known
