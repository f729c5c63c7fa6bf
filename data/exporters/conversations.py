"""One vote with what it is about: places, and the prompts and answers that the voter saw.

Texts come from the parts of a log, which are put into a file by vote first, or from the columns of a file of
votes; either way one vote after the other, so that a million of them need little memory.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from agon.data.log.text_parts import part_files
from agon.data.validation import LABELS
from agon.ranking.numerics import BoolArray, IntArray

ChatMessage = dict[str, str]
# By turn, slot and model: the text and its tokens; the prompt has the slot -1 and no model.
BattleTexts = dict[tuple[int, int, str | None], tuple[str, int | None]]
_OUTCOMES = (((1, 2), None), ((2, 1), None), ((1, 1), None), ((1, 1), (False, False)))  # as LABELS counts
# Columns of texts in a file of votes: (of each side, or one of all).
_CONVERSATIONS = (
    ("conversation_a", "conversation_b"),
    ("answer_a", "answer_b"),
    ("response_a", "response_b"),
)
_LISTS = ("answers", "responses")
_PROMPTS = ("prompt", "instruction", "question")
# turn, slot, model, text and tokens of a text, as its table calls them.
_COLUMNS = {
    "turns": ("turn", "", "", "prompt", ""),
    "generations": ("turn", "slot", "model", "text", "tokens"),
}
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


class TextsOfVotes:
    """The texts of the battles that were voted on, kept on the disk by the row of their vote.

    Args:
        folder: the log folder.
        place: a folder for the file that keeps them.
        rows: (N,) numbers of the votes' rows.
        battles: (N,) ids of their battles.
    """

    def __init__(self, folder: Path, place: Path, rows: IntArray, battles: NDArray[np.bytes_]) -> None:
        order = np.argsort(battles, kind="stable")
        self._rows, self._battles = rows[order], battles[order]
        self._store = sqlite3.connect(place / "texts.sqlite")
        for command in ("journal_mode = OFF", "synchronous = OFF"):  # it is thrown away if anything fails
            self._store.execute(f"PRAGMA {command}")
        self._store.execute("CREATE TABLE texts (row, turn, slot, model, text, tokens)")
        with self._store:
            for name, columns in _COLUMNS.items():
                for part in self._parts(folder, name, columns):
                    self._store.executemany("INSERT INTO texts VALUES (?, ?, ?, ?, ?, ?)", part)
            self._store.execute("CREATE INDEX of_row ON texts (row)")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def of(self, row: int) -> BattleTexts:
        """The texts of the battle of a vote."""
        sql = "SELECT turn, slot, model, text, tokens FROM texts WHERE row = ?"
        return {
            (turn, slot, model): (text, tokens)
            for turn, slot, model, text, tokens in self._store.execute(sql, (row,))
        }

    def _parts(self, folder: Path, name: str, columns: Sequence[str]) -> Iterator[Iterable[tuple[Any, ...]]]:
        """The rows of a table that belong to a vote, a part at a time."""
        for path in part_files(folder, name):
            table = pq.ParquetFile(path).read()
            if "failure" in table.column_names:
                table = table.filter(pc.is_null(table["failure"]))
            row, known = find_rows(self._rows, self._battles, as_keys(table["battle_id"]))
            table = table.filter(pa.array(known))
            given = [
                table[column].to_pylist() if column in table.column_names else [fill] * len(row)
                for column, fill in zip(columns, (0, -1, None, "", None), strict=True)
            ]
            yield zip(row.tolist(), *given, strict=True)


def as_keys(battles: pa.ChunkedArray) -> NDArray[np.bytes_]:
    """Ids of battles as bytes, which sort and compare without Python."""
    return np.asarray(battles.fill_null("").to_numpy().astype("S32"))


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


def conversations_from(
    texts: BattleTexts, models: Sequence[str], last_turn: int
) -> tuple[tuple[tuple[ChatMessage, ...], ...], tuple[int, ...] | None] | None:
    """The conversations of a vote and the tokens of its answers; None where a text is missing."""
    sides, tokens = [], []
    for slot, model in enumerate(models):
        messages: list[ChatMessage] = []
        counted: list[int | None] = []
        for turn in range(1, last_turn + 1):
            asked, answered = texts.get((turn, -1, None)), texts.get((turn, slot, model))
            if asked is None or answered is None:
                return None
            messages.append({"role": "user", "content": asked[0]})
            messages.append({"role": "assistant", "content": answered[0]})
            counted.append(answered[1])
        sides.append(tuple(messages))
        tokens.append(counted)
    known = all(one is not None for side in tokens for one in side)
    return tuple(sides), tuple(sum(filter(None, side)) for side in tokens) if known else None
