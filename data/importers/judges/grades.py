"""Graded comparisons: how much better, in words (A>>B), from -3 to 3, or from 1 to 5."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agon.data.files.reader import Rows
from agon.data.importers.columns import NUMBER, TEXT, TIME, Draft, Format, as_mask
from agon.ranking.errors import SourceError

# Of Arena-Hard and what follows it: two steps for each side, toward model_a.
VERDICTS: Mapping[str, int] = MappingProxyType(
    {"a>>b": 2, "a>b": 1, "a=b": 0, "b=a": 0, "b>a": -1, "b>>a": -2}
    | {"a<<b": -2, "a<b": -1, "b<a": 1, "b<<a": 2}
)
GRADES = ("grade", "likert", "overall_preference")
LIKERT = {5: 3, 7: 4}  # points of a scale from 1, and its middle


def read_graded(rows: Rows) -> Draft:
    """Read a grade a pair: A>>B and its like, or a number, -k to k or 1 to 5, whose low end is for model_a.

    A grade counts one, as a vote does, unless it is asked for otherwise; it is kept in `grade`.

    Raises:
        SourceError: numbers from 1 to 3, of which nobody can say on which scale they are.
    """
    draft = Draft(rows)
    source = next(name for name in GRADES if name in rows.columns)
    values = rows.values(source)
    values = values if isinstance(values, list) else list(values.to_pylist())
    toward: list[float | None] = []
    wrong: list[bool] = []
    numbers = []
    for value in values:
        word = VERDICTS.get(value.strip().lower().replace(" ", "")) if isinstance(value, str) else None
        number = _number(value)
        numbers.append(number)
        toward.append(word if word is not None else None if number is None else -number)
        wrong.append(word is None and number is None and value not in (None, ""))
    given = [number for number in numbers if number is not None]
    top = 2.0
    if given:
        middle, top = _scale(given, source)
        toward = [
            None if side is None else side + middle if number is not None else side
            for side, number in zip(toward, numbers, strict=True)
        ]
    draft.fault(f"{source} that is no grade, such as A>>B or -2", np.array(wrong), values)
    _settle(draft, toward, top)
    draft.fault(f"no {source}", np.array([side is None for side in toward]) & ~np.array(wrong))
    for column, sources, kind in (
        ("model_a", ("model_a",), TEXT),
        ("model_b", ("model_b",), TEXT),
        ("voter", ("voter", "judge", "annotator", "user_id"), TEXT),
        ("timestamp", ("timestamp", "tstamp"), TIME),
        ("category", ("category", "criterion", "criteria"), TEXT),
        ("language", ("language",), TEXT),
        ("battle_id", ("battle_id",), TEXT),
        ("prompt_id", ("prompt_id", "question_id"), TEXT),
    ):
        draft.take(column, sources, kind)
    return draft.check()


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _scale(given: list[float], source: str) -> tuple[float, float]:
    """The middle of the scale that numbers are on, and how far its ends are from that."""
    low, high = min(given), max(given)
    if low <= 0:
        return 0.0, max(-low, high, 1.0)
    for points, middle in LIKERT.items():
        if high <= points and (high > 3 or low < 1):
            return float(middle), float(points - middle)
    raise SourceError(
        f"The column {source!r} holds numbers from {low:g} to {high:g}, which may be of a scale from 1 to 5 "
        "or of one from -3 to 3; write them from -2 (model_a is much better) over 0 to 2."
    )


def _settle(draft: Draft, toward: list[float | None], top: float) -> None:
    """Turn grades toward model_a into winners, and keep how strong they are."""
    winner = ["tie" if not side else "model_a" if side > 0 else "model_b" for side in toward]
    draft.columns["winner"] = pa.array(winner, pa.string())
    strength = [None if side is None else abs(side) for side in toward]
    draft.columns["grade"] = pa.array(strength, pa.float64())
    draft.strongest = top


def read_tournesol(rows: Rows) -> Draft:
    """Read graded comparisons of Tournesol: a score above 0 is for entity_b, below 0 for entity_a.

    Each criterion is a category.
    """
    draft = Draft(rows)
    draft.take("model_a", ("entity_a",), TEXT)
    draft.take("model_b", ("entity_b",), TEXT)
    draft.take("score", ("score",), NUMBER)
    score = draft.columns.pop("score")
    draft.fault("no score", as_mask(pc.is_null(score)))
    scores = score.to_pylist()
    largest = max((abs(one) for one in scores if one is not None), default=1.0)
    if "score_max" in rows.columns:
        draft.take("score_max", ("score_max",), NUMBER)
        largest = max(largest, pc.max(draft.columns.pop("score_max")).as_py() or 0.0)
    _settle(draft, [None if one is None else -one for one in scores], largest)
    draft.take("voter", ("public_username",), TEXT)
    draft.take("category", ("criteria",), TEXT)
    draft.take("timestamp", ("week_date",), TIME)
    return draft.check()


GRADED = Format("graded", tuple(("model_a", "model_b", name) for name in GRADES), read_graded)
TOURNESOL = Format("tournesol", (("entity_a", "entity_b", "score"),), read_tournesol)
