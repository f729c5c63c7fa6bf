"""One vote with what it is about: places, and the prompts and answers that the voter saw.

Texts come from the parts of a log, joined and sorted by a database that spills to the disk, or from the
columns of a file of votes; either way one vote after the other, so that a million of them need little memory.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from agon.data.files.snapshot_folder import escaped
from agon.data.log.text_parts import part_files
from agon.data.validation import LABELS

if TYPE_CHECKING:
    import duckdb

ChatMessage = dict[str, str]
_OUTCOMES = (((1, 2), None), ((2, 1), None), ((1, 1), None), ((1, 1), (False, False)))  # as LABELS counts
# Columns of texts in a file of votes: (of each side, or one of all).
_CONVERSATIONS = (
    ("conversation_a", "conversation_b"),
    ("answer_a", "answer_b"),
    ("response_a", "response_b"),
)
_LISTS = ("answers", "responses")
_PROMPTS = ("prompt", "instruction", "question")
SORT_MEMORY = "180MB"  # of the database that sorts texts; what is more lies on the disk
ROWS_AT_A_TIME = 2048  # votes or texts that are Python objects at the same time


@dataclass(frozen=True, slots=True)
class VotedBattle:
    """A vote and what it is about."""

    row: Mapping[str, Any]
    """The vote's own columns."""
    models: tuple[str, ...]
    places: tuple[int | None, ...]
    """1 is best, equal is a tie, None is not ranked; all None where `p_a` is given."""
    acceptable: tuple[bool, ...] | None
    p_a: float | None
    conversations: tuple[tuple[ChatMessage, ...], ...] = ()
    """What was said on each side, from the first prompt on; empty where no texts are asked for."""
    tokens: tuple[int, ...] | None = None
    """In the answers of each side, where it is known."""

    @property
    def both_bad(self) -> bool:
        """Whether no answer was acceptable and none better than another."""
        return self.acceptable is not None and not any(self.acceptable) and len(set(self.places)) == 1

    def pairs(self) -> Iterator[tuple[int, int, float]]:
        """The pairs that the vote compares: the better, the other, and by how much; 0 is a tie."""
        if self.p_a is not None:
            better = 0 if self.p_a >= 0.5 else 1
            yield better, 1 - better, abs(2 * self.p_a - 1)
            return
        order = [len(self.models) + 1 if place is None else place for place in self.places]
        for i in range(len(order)):
            for j in range(i + 1, len(order)):
                if self.places[i] is None and self.places[j] is None:
                    continue  # shown and not ranked: not compared with each other
                yield (i, j, float(order[i] != order[j])) if order[i] <= order[j] else (j, i, 1.0)


def read_ballot(row: Mapping[str, Any]) -> VotedBattle:
    """Read a valid row of either layout."""
    if "models" in row:
        given = row["places"]
        dense = {place: i for i, place in enumerate(sorted({p for p in given if p is not None}), start=1)}
        places = tuple(None if place is None else dense[place] for place in given)
        acceptable = row.get("acceptable")
        return VotedBattle(
            row, tuple(row["models"]), places, None if acceptable is None else tuple(acceptable), None
        )
    models = row["model_a"], row["model_b"]
    p_a = row.get("p_a")
    if p_a is not None:
        return VotedBattle(row, models, (None, None), None, float(p_a))
    winner = row["winner"].strip()
    outcome = LABELS.get(winner.lower())
    if outcome is None:  # the name of one of the two
        outcome = 0 if winner == models[0] else 1
    ranked, acceptable = _OUTCOMES[outcome]
    return VotedBattle(row, models, ranked, acceptable, None)


def has_texts(columns: Iterable[str]) -> bool:
    """Whether a file of votes has columns of texts."""
    known = {name.lower() for name in columns}
    if {"conversation_a", "conversation_b"} <= known:
        return True
    answers = any(set(pair) <= known for pair in _CONVERSATIONS) or bool(known & set(_LISTS))
    return answers and bool(known & set(_PROMPTS))


def texts_in(row: Mapping[str, Any], k: int) -> tuple[tuple[ChatMessage, ...], ...] | None:
    """The conversations of a row of a file of votes; None where one is missing."""
    names = {name.lower(): name for name in row}
    if {"conversation_a", "conversation_b"} <= names.keys():
        sides = [messages_of(row[names[f"conversation_{side}"]]) for side in "ab"]
        return tuple(side for side in sides if side) if all(sides) else None
    prompt = next((row[names[name]] for name in _PROMPTS if name in names), None)
    answers: Sequence[Any] | None = next((row[names[name]] for name in _LISTS if name in names), None)
    if answers is None:
        pair = next(pair for pair in (*_CONVERSATIONS, ()) if pair == () or set(pair) <= names.keys())
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


_TEXTS = """
    SELECT k.agon_row AS row, t.turn, -1 AS slot, t.prompt AS text, NULL::BIGINT AS tokens
    FROM {turns} AS t JOIN keys AS k USING (battle_id) WHERE t.turn <= k.last_turn
    UNION ALL
    SELECT k.agon_row, g.turn, g.slot, g.text, g.tokens
    FROM {generations} AS g JOIN keys AS k USING (battle_id)
    WHERE g.turn <= k.last_turn AND g.failure IS NULL AND g.model = k.models[g.slot + 1]
    ORDER BY ALL"""


def open_texts(folder: Path, place: Path) -> duckdb.DuckDBPyConnection:
    """A database that reads the texts of a log, and keeps what does not fit into memory in `place`."""
    import duckdb

    connection = duckdb.connect(str(place / "keys.duckdb"))
    connection.execute(f"SET memory_limit = '{SORT_MEMORY}'")
    connection.execute("SET threads = 2")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(f"SET temp_directory = '{str(place / 'spill').replace(chr(39), chr(39) * 2)}'")
    for name in ("turns", "generations"):
        parts = part_files(folder, name)
        if parts:  # the last one may be replaced by a longer one while a query reads it
            parts[-1] = Path(shutil.copyfile(parts[-1], place / f"{name}.parquet"))
        connection.read_parquet([escaped(path) for path in parts]).create_view(name)
    return connection


def texts_of_log(
    connection: duckdb.DuckDBPyConnection, keys: pa.RecordBatchReader
) -> Iterator[tuple[int, dict[tuple[int, int], tuple[str, int | None]]]]:
    """Go through the texts of votes in the order of their rows.

    Args:
        connection: of `open_texts`.
        keys: agon_row, battle_id, last_turn and models of each vote.

    Returns:
        The row of each vote that has any texts, and {(turn, slot): (text, tokens)}; slot -1 is the prompt.
    """
    connection.from_arrow(keys).create("keys")
    reader = connection.sql(_TEXTS.format(turns="turns", generations="generations")).to_arrow_reader(
        ROWS_AT_A_TIME
    )
    rows = (row for batch in reader for row in zip(*batch.to_pydict().values(), strict=True))
    for number, group in groupby(rows, key=lambda row: row[0]):
        yield number, {(turn, slot): (text, tokens) for _, turn, slot, text, tokens in group}


def conversations_from(
    texts: Mapping[tuple[int, int], tuple[str, int | None]], k: int, last_turn: int
) -> tuple[tuple[tuple[ChatMessage, ...], ...], tuple[int, ...] | None] | None:
    """The conversations of a vote and the tokens of its answers; None where a text is missing."""
    wanted = [(turn, slot) for turn in range(1, last_turn + 1) for slot in range(-1, k)]
    if any(key not in texts for key in wanted):
        return None
    sides = []
    for slot in range(k):
        messages: list[ChatMessage] = []
        for turn in range(1, last_turn + 1):
            messages.append({"role": "user", "content": texts[turn, -1][0]})
            messages.append({"role": "assistant", "content": texts[turn, slot][0]})
        sides.append(tuple(messages))
    tokens = [[texts[turn, slot][1] for turn in range(1, last_turn + 1)] for slot in range(k)]
    known = all(one is not None for side in tokens for one in side)
    return tuple(sides), tuple(sum(filter(None, side)) for side in tokens) if known else None
