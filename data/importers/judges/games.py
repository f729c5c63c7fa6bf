"""Files in which a judge compares two answers twice, once with each of them first.

MT-bench's pairwise judgments (lm-sys/FastChat, show_result.py) and their copies, and Arena-Hard's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from agon.data.files.reader import Rows
from agon.data.importers.columns import TEXT, TIME, WHOLE, Draft, Format
from agon.data.importers.judges.grades import VERDICTS

GAMES = (("g1_winner", "g2_winner"), ("win_1", "win_2"))
SIDES = (("model_1", "model_2"), ("model_a", "model_b"))
ERROR = "that the judge gave no verdict on"
BASELINE = "baseline"


def _of(
    pairs: tuple[tuple[str, str], ...], columns: tuple[str, ...] | frozenset[str]
) -> tuple[str, str] | None:
    return next((pair for pair in pairs if set(pair) <= set(columns)), None)


def read_games(rows: Rows) -> Draft:
    """Read two games as one vote: a win if both agree, else a tie, as MT-bench counts them.

    The winners name a side, whichever way the answers were shown. A game with "error" is no vote.
    """
    games, sides = _of(GAMES, rows.columns), _of(SIDES, rows.columns)
    assert games and sides  # noqa: S101 - else the format does not fit
    draft = Draft(rows)
    first, second = (draft_texts(rows, game) for game in games)
    draft.leave_out(ERROR, np.array(["error" in pair for pair in zip(first, second, strict=True)]))
    words = {sides[0]: "model_a", sides[1]: "model_b"}
    one, two = ([words.get(str(label), label) for label in game] for game in (first, second))
    draft.put("winner", games[0], [a if a == b else "tie" for a, b in zip(one, two, strict=True)], TEXT)
    none = np.array([None in pair for pair in zip(one, two, strict=True)])
    draft.fault(f"no {games[0]} or {games[1]}", none)
    strange = [
        next((g for g in pair if g not in (*words.values(), "tie", "error", None)), None)
        for pair in zip(one, two, strict=True)
    ]
    draft.fault("unknown winner label", np.array([label is not None for label in strange]), strange)
    draft.take("model_a", (sides[0],), TEXT)
    draft.take("model_b", (sides[1],), TEXT)
    _judged(draft)
    draft.take("prompt_id", ("question_id",), TEXT)
    draft.take("turns", ("turn",), WHOLE)
    draft.take("timestamp", ("tstamp",), TIME)
    draft.take("category", ("category",), TEXT)
    return draft.check()


def draft_texts(rows: Rows, column: str) -> list[Any]:
    """A column as Python values."""
    values = rows.values(column)
    return values if isinstance(values, list) else list(values.to_pylist())


def _judged(draft: Draft) -> None:
    """Note that a judge voted, and which."""
    draft.columns["voter_kind"] = pa.array(["llm"] * len(draft.rows.numbers), pa.string())
    if "judge" in draft.rows.columns:
        names = [
            judge[0] if isinstance(judge, list) and judge else judge
            for judge in draft_texts(draft.rows, "judge")
        ]
        draft.put("voter", "judge", names, TEXT)


def read_arena_hard(rows: Rows) -> Draft:
    """Read each game as a vote: in the first the baseline stands left, in the second the model does.

    The file does not name the baseline. A grade (A>>B) counts one, as a vote does; it is kept in `grade`.
    """
    games: list[dict[str, Any]] = []
    numbers = []
    for record, number in zip(rows.records(), rows.numbers.tolist(), strict=True):
        for place, game in enumerate(record.get("games") or []):
            pair = (BASELINE, record.get("model"))
            a, b = pair if place == 0 else pair[::-1]
            grade = VERDICTS.get(str((game or {}).get("score")).strip().lower())
            winner = None if grade is None else "model_a" if grade > 0 else "model_b" if grade < 0 else "tie"
            more = {"prompt_id": record.get("question_id"), "judge": record.get("judge"), "grade": grade}
            games.append({"model_a": a, "model_b": b, "winner": winner, **more})
            numbers.append(number)
    names = ("model_a", "model_b", "winner", "prompt_id", "judge", "grade")
    draft = Draft(Rows(games, np.array(numbers, np.int64), names, rows.broken))
    draft.leave_out(ERROR, np.array([game["grade"] is None for game in games], np.bool_))
    for column in ("model_a", "model_b", "winner", "prompt_id"):
        draft.take(column, (column,), TEXT)
    strengths = [None if game["grade"] is None else abs(game["grade"]) for game in games]
    draft.columns["grade"] = pa.array(strengths, pa.float64())
    draft.strongest = 2
    _judged(draft)
    return draft.check()


MT_BENCH_GAMES = Format(
    "mt-bench-games", tuple((*sides, *games) for games in GAMES for sides in SIDES), read_games
)
ARENA_HARD = Format("arena-hard", (("question_id", "model", "games"),), read_arena_hard)
