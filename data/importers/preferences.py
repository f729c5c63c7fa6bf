"""Files in which somebody preferred one of two: ComparIA, Open WebUI, chosen and rejected, Tournesol."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agon.data.files.reader import Rows
from agon.data.importers.columns import NUMBER, TEXT, TIME, Draft, Format, as_mask

ALONE = "that rate one answer alone, which compares nothing"
CHOSEN_NAMES = (("model_chosen", "model_rejected"), ("chosen_model", "rejected_model"))


def _values(rows: Rows, column: str) -> list[Any]:
    if column not in rows.columns:
        return [None] * len(rows.numbers)
    values = rows.values(column)
    return values if isinstance(values, list) else list(values.to_pylist())


def read_comparia(rows: Rows) -> Draft:
    """Read the votes of ComparIA (ministere-culture/comparia-votes on Hugging Face), naming the chosen."""
    draft = Draft(rows)
    draft.take("model_a", ("model_a_name",), TEXT)
    draft.take("model_b", ("model_b_name",), TEXT)
    names = zip(
        *(_values(rows, name) for name in ("model_a_name", "model_b_name", "chosen_model_name")), strict=True
    )
    winners = [
        "tie" if str(equal).lower() in ("true", "1") else {a: "model_a", b: "model_b"}.get(chosen, chosen)
        for (a, b, chosen), equal in zip(names, _values(rows, "both_equal"), strict=True)
    ]
    draft.put("winner", "chosen_model_name", winners, TEXT)
    draft.take("voter", ("visitor_id", "session_hash"), TEXT)
    draft.take("timestamp", ("timestamp",), TIME)
    draft.take("category", ("selected_category",), TEXT)
    draft.take("battle_id", ("conversation_pair_id",), TEXT)
    return draft.check()


def read_open_webui(rows: Rows) -> Draft:
    """Read the feedback export of Open WebUI (backend/open_webui/models/feedbacks.py).

    A thumb on one of several answers compares it with its siblings: up beats each of them, down loses to
    each. A thumb on an answer without siblings is no comparison and is left out and counted.
    """
    votes: list[dict[str, Any]] = []
    numbers = []
    for record, number in zip(rows.records(), rows.numbers.tolist(), strict=True):
        data = record.get("data") or {}
        model, rating = data.get("model_id"), data.get("rating")
        up = str(rating) in ("1", "1.0")
        rated = up or str(rating) in ("-1", "-1.0")
        common = {
            "battle_id": record.get("id"),
            "voter": record.get("user_id"),
            "timestamp": record.get("created_at"),
        }
        others = [other for other in data.get("sibling_model_ids") or [] if other != model]
        for other in others if rated else [None]:
            vote = {"model_a": model, "model_b": other, "winner": "model_a" if up else "model_b"}
            votes.append({**vote, **common, "alone": other is None})
            numbers.append(number)
        if rated and not others:
            votes.append({"model_a": model, "model_b": None, "winner": None, **common, "alone": True})
            numbers.append(number)
    names = ("model_a", "model_b", "winner", "battle_id", "voter", "timestamp")
    draft = Draft(Rows(votes, np.array(numbers, np.int64), names, rows.broken))
    draft.leave_out(ALONE, np.array([vote["alone"] for vote in votes], np.bool_))
    for column in names[:-1]:
        draft.take(column, (column,), TEXT)
    draft.take("timestamp", ("timestamp",), TIME)
    return draft.check()


def read_chosen(rows: Rows) -> Draft:
    """Read pairs of a chosen and a rejected model (TTS Arena, preference data that names models)."""
    chosen, rejected = _chosen(frozenset(rows.columns)) or CHOSEN_NAMES[0]
    draft = Draft(rows)
    draft.take("model_a", (chosen,), TEXT)
    draft.take("model_b", (rejected,), TEXT)
    draft.columns["winner"] = pa.array(["model_a"] * len(rows.numbers), pa.string())
    draft.take("voter", ("user_id", "voter", "annotator"), TEXT)
    draft.take("timestamp", ("timestamp", "created_at"), TIME)
    return draft.check()


def _chosen(columns: frozenset[str]) -> tuple[str, str] | None:
    return next((names for names in CHOSEN_NAMES if set(names) <= columns), None)


def read_tournesol(rows: Rows) -> Draft:
    """Read graded comparisons of Tournesol: a score above 0 is for entity_b, below 0 for entity_a.

    A grade counts one, as a vote does, however strong; each criterion is a category.
    """
    draft = Draft(rows)
    draft.take("model_a", ("entity_a",), TEXT)
    draft.take("model_b", ("entity_b",), TEXT)
    draft.take("score", ("score",), NUMBER)
    score = draft.columns.pop("score")
    draft.fault("no score", as_mask(pc.is_null(score)))
    sign = pc.sign(pc.fill_null(score, 0.0)).to_pylist()
    winner = {1.0: "model_b", -1.0: "model_a", 0.0: "tie"}
    draft.columns["winner"] = pa.array([winner.get(one, "tie") for one in sign], pa.string())
    draft.take("voter", ("public_username",), TEXT)
    draft.take("category", ("criteria",), TEXT)
    draft.take("timestamp", ("week_date",), TIME)
    return draft.check()


COMPARIA = Format(
    "comparia",
    "votes of ComparIA, the French public arena",
    "model_a_name, model_b_name and chosen_model_name",
    frozenset({"model_a_name", "model_b_name", "chosen_model_name"}).issubset,
    read_comparia,
)
OPEN_WEBUI = Format(
    "open-webui",
    "feedback export of Open WebUI: thumbs on one of several answers",
    "type, data and snapshot",
    frozenset({"type", "data", "snapshot"}).issubset,
    read_open_webui,
)
CHOSEN = Format(
    "chosen",
    "pairs of a chosen and a rejected model",
    "model_chosen and model_rejected, or chosen_model and rejected_model",
    lambda columns: _chosen(columns) is not None,
    read_chosen,
)
TOURNESOL = Format(
    "tournesol",
    "graded comparisons of Tournesol",
    "entity_a, entity_b and score",
    frozenset({"entity_a", "entity_b", "score"}).issubset,
    read_tournesol,
)
