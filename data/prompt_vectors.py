"""Prompts and their vectors: which prompts votes were cast on, and a vector for each from a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from agon.data.files.reader import read_rows
from agon.data.files.snapshot_folder import holds_log
from agon.data.files.table_source import TYPED
from agon.data.importers.recorded_answers import prompts as read_prompts
from agon.data.log.log_frames import open_log
from agon.data.validation import rows_text
from agon.ranking.errors import SourceError, suggest
from agon.ranking.numerics import FloatArray


class NamedPrompt(NamedTuple):
    """A prompt: as votes name it, and its text."""

    name: str
    text: str


@dataclass(frozen=True, eq=False, repr=False)
class PromptVectors(Mapping[str, FloatArray]):
    """A vector for each prompt, by the prompt's id and by its text.

    Attributes:
        names: N ids, or texts where the file has no ids.
        texts: N texts, or ids where the file has no texts.
        table: (N, D) vectors.
        model: that made them; None where the file does not say.
    """

    names: tuple[str, ...]
    texts: tuple[str, ...]
    table: FloatArray
    model: str | None = None
    _row: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        by_text = {text: row for row, text in reversed(list(enumerate(self.texts)))}
        row = by_text | {name: row for row, name in enumerate(self.names)}
        object.__setattr__(self, "_row", row)

    def __getitem__(self, name: str) -> FloatArray:
        return np.asarray(self.table[self._row[name]], dtype=np.float64)

    def __iter__(self) -> Iterator[str]:
        return iter(self._row)

    def __len__(self) -> int:
        return len(self._row)

    def __repr__(self) -> str:
        made = "" if self.model is None else f" by {self.model}"
        return f"PromptVectors({len(self.names):,} prompts, {self.table.shape[1]} numbers each{made})"

    def text_of(self, name: str) -> str:
        """The text of a prompt, by its id or text."""
        return self.texts[self._row[name]]


def named_prompts(path: str | Path) -> tuple[NamedPrompt, ...]:
    """The prompts of a log folder (the first of each battle), a table with a column `prompt`, or a .txt.

    Returns:
        Each name once, in the order of the source. A prompt that was typed has the name that votes of the log
        give it; one of a table its `prompt_id`, else ten hex digits of the SHA-1 of its text.

    Raises:
        SourceError: it cannot be read, or holds no prompt.
    """
    path = Path(path)
    if not holds_log(path):
        return tuple(NamedPrompt(one.prompt_id, one.prompt) for one in read_prompts(path))
    frames = open_log(path, "arrow")
    battles, turns = frames.battles, frames.turns
    known = dict(zip(battles["battle_id"].to_pylist(), battles["prompt_id"].to_pylist(), strict=True))
    found: dict[str, str] = {}
    columns = (turns[name].to_pylist() for name in ("battle_id", "turn", "prompt"))
    for battle, turn, text in zip(*columns, strict=True):
        if turn == 1 and text and text.strip():
            found.setdefault(known.get(battle) or f"{TYPED}{battle}", text)
    if not found:
        raise SourceError(f"{path} holds no prompt yet; collect battles first.")
    return tuple(NamedPrompt(name, text) for name, text in found.items())


def read_prompt_vectors(path: str | Path) -> PromptVectors:
    """Read a vector for each prompt.

    Args:
        path: of a Parquet, JSON Lines, JSON or CSV file with a column `vector` (a list of numbers) and
            `prompt_id`, `prompt` or both, such as `agon embed` writes; or of a .npz with the arrays `prompt`
            (N,) and `vector` (N, D).

    Raises:
        SourceError: the file cannot be read, lacks a column, or has a row without a prompt, a prompt twice,
            or a vector of another length or of something else than finite numbers; the rows are named.
    """
    path = Path(path)
    if path.suffix.lower() == ".npz":
        names, vectors = _arrays(path)
        texts, model = names, None
        numbers = list(range(1, len(names) + 1))
    else:
        rows = read_rows(path)
        there = [name for name in ("prompt_id", "prompt") if name in rows.columns]
        if "vector" not in rows.columns or not there:
            lacks = "vector" if "vector" not in rows.columns else "prompt"
            raise SourceError(
                f"{path} has no column {lacks!r}; {suggest(lacks, rows.columns)} A file of vectors has the "
                "columns prompt and vector."
            )
        table = rows.table()
        columns = {name: _texts(table[name]) for name in there}
        names, texts = columns[there[0]], columns[there[-1]]
        vectors, numbers = [_numbers(one) for one in table["vector"].to_pylist()], rows.numbers.tolist()
        made = set(_texts(table["model"])) if "model" in rows.columns else set()
        if len(made) > 1:
            raise SourceError(
                f"{path} holds vectors of {len(made)} models, which cannot be compared; keep those of one."
            )
        model = made.pop() if made else None
    return PromptVectors(tuple(names), tuple(texts), _stack(path, names, vectors, numbers), model)


def _arrays(path: Path) -> tuple[list[str], list[FloatArray | None]]:
    """The prompts and vectors of a .npz."""
    try:
        with np.load(path, allow_pickle=False) as held:
            prompts, table = held["prompt"], np.asarray(held["vector"], dtype=np.float64)
            ok = prompts.ndim == 1 and table.ndim == 2 and len(prompts) == len(table)
    except FileNotFoundError:
        raise SourceError(f"There is no file {path}; check the path.") from None
    except (OSError, KeyError, ValueError):
        ok = False
    if not ok:
        raise SourceError(
            f"{path} is no .npz with the arrays prompt, N texts, and vector, N rows of numbers; save it with "
            "numpy.savez(path, prompt=prompts, vector=vectors)."
        )
    return [str(one) for one in prompts], list(table)


def _texts(column: pa.ChunkedArray) -> list[str]:
    return ["" if one is None else str(one) for one in column.to_pylist()]


def _numbers(given: Any) -> FloatArray | None:
    """A cell as a vector; None where it is none."""
    try:
        given = json.loads(given) if isinstance(given, str) else given
        return np.asarray(given, dtype=np.float64)
    except (ValueError, TypeError):
        return None


def _stack(path: Path, names: list[str], vectors: list[FloatArray | None], numbers: list[int]) -> FloatArray:
    """(N, D) the vectors.

    Raises:
        SourceError: as `read_prompt_vectors`.
    """
    if not names:
        raise SourceError(f"{path} holds no vector; write them with agon embed.")
    seen: set[str] = set()
    length = next((len(one) for one in vectors if one is not None and one.ndim == 1), 0)
    for name, vector, number in zip(names, vectors, numbers, strict=True):
        where = rows_text([number], 1)
        if not name or name in seen:
            what = f"names prompt {name!r} a second time" if name else "names no prompt"
            raise SourceError(f"{path} {what} in {where}; keep one row of each prompt.")
        seen.add(name)
        if vector is None or vector.shape != (length,) or not length or not np.isfinite(vector).all():
            size = "no list" if vector is None or vector.ndim != 1 else f"{len(vector)} numbers"
            raise SourceError(
                f"The vector of prompt {name!r} in {where} of {path} is {size} where others have {length} "
                "finite numbers; make all of them with one embedding model."
            )
    return np.stack([one for one in vectors if one is not None])
