"""How anonymous the answers of a log are, read from what it has published: of voted battles, newest first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agon.data.log.text_parts import part_files
from agon.data.read_errors import sentence
from agon.ranking import AgonError, AnonymityTest, SourceError, anonymity_test

MOST_ANSWERS = 4_000
_TIMES = ["time_to_first_token", "seconds", "tokens_per_second"]
_ANSWERS = ["battle_id", "turn", "model", "text", "failure", *_TIMES]


def read_anonymity(folder: Path) -> AnonymityTest | None:
    """Let a program name the models of the first answers of battles whose votes count.

    What it says of times is of those that servers took, whatever pace a page shows.

    Args:
        folder: the log folder, as published.

    Returns:
        None where there are too few answers whose texts are not erased.

    Raises:
        SourceError: it cannot be read.
    """
    votes = folder / "votes" / "arena.parquet"
    if not votes.exists():
        return None
    try:
        voted = (
            pq.ParquetFile(votes).read(columns=["battle_id"])["battle_id"].combine_chunks().cast(pa.string())
        )
        answers = _newest(folder, "generations", _ANSWERS, voted, pc.field("text") != "")
        answers = answers.filter(pc.is_null(answers["failure"]))
        prompts = _newest(folder, "turns", ["battle_id", "turn", "prompt"], voted)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{folder} cannot be read: {sentence(error)}") from None
    asked = dict(zip(prompts["battle_id"].to_pylist(), prompts["prompt"].to_pylist(), strict=True))
    battles = answers["battle_id"].to_pylist()
    times = np.column_stack([answers[name].to_numpy(zero_copy_only=False) for name in _TIMES])
    try:
        return anonymity_test(
            answers["text"].to_pylist(),
            answers["model"].to_pylist(),
            [asked.get(battle) or battle for battle in battles],
            battles,
            times=times.astype(np.float64),
        )
    except AgonError:  # too few
        return None


def _newest(
    folder: Path, name: str, columns: list[str], battles: pa.Array, also: pc.Expression | None = None
) -> pa.Table:
    """Rows of the first turns of these battles, of the newest parts, until there are enough."""
    found: list[pa.Table] = []
    for path in reversed(part_files(folder, name)):
        part = pq.ParquetFile(path).read(columns=columns)
        part = part.set_column(0, "battle_id", part["battle_id"].cast(pa.string()))
        wanted = (pc.field("turn") == 1) & pc.field("battle_id").isin(battles)
        found.append(part.filter(wanted if also is None else wanted & also))
        if sum(one.num_rows for one in found) >= MOST_ANSWERS:
            break
    if not found:
        return pa.table({column: pa.array([], pa.string()) for column in columns})
    return pa.concat_tables(reversed(found)).slice(max(0, sum(one.num_rows for one in found) - MOST_ANSWERS))
