"""Files in which somebody preferred one of two: ComparIA, Open WebUI, chosen and rejected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from agon.data.files.reader import Rows
from agon.data.importers.arenas.battle_tables import derive_battles
from agon.data.importers.columns import ANSWER, TEXT, TIME, WHOLE, Draft, Format, as_stored

ALONE = "that rate one answer alone, which compares nothing"
NO_THUMB = "that say neither up nor down"
CHOSEN_NAMES = (("model_chosen", "model_rejected"), ("chosen_model", "rejected_model"))
_NAMED = ("model_a_name", "model_b_name")


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
    names = zip(*(_values(rows, name) for name in (*_NAMED, "chosen_model_name")), strict=True)
    winners = [
        "tie" if _is_true(equal) else _side(a, b, chosen)
        for (a, b, chosen), equal in zip(names, _values(rows, "both_equal"), strict=True)
    ]
    draft.put("winner", "chosen_model_name", winners, TEXT)
    _conversation_of_comparia(draft)
    return draft.check()


def _is_true(value: object) -> bool:
    return str(value).lower() in ("true", "1", "1.0")


def _side(a: object, b: object, chosen: object) -> object:
    """The side of the chosen model, or what was chosen if that is neither."""
    if isinstance(chosen, str):
        return "model_a" if chosen == a else "model_b" if chosen == b else chosen
    return chosen


def _conversation_of_comparia(draft: Draft) -> None:
    """Read what ComparIA says of a conversation."""
    draft.take("voter", ("visitor_id", "session_hash"), TEXT)
    draft.take("timestamp", ("timestamp",), TIME)
    if "categories" not in draft.rows.columns:
        draft.take("category", ("selected_category",), TEXT)
    draft.take("language", ("language",), TEXT)
    draft.take("battle_id", ("conversation_pair_id",), TEXT)
    draft.take("turns", ("conv_turns",), WHOLE)
    draft.take("session", ("session_hash",), TEXT)


def read_comparia_reactions(rows: Rows) -> Draft:
    """Read the reactions of ComparIA (ministere-culture/comparia-reactions): thumbs on single answers.

    The two answers to one message are compared by what was said of each: up beats no word, which beats down;
    two ups are a tie, two downs both bad. A message has one row of the votes, in the place of its first.
    """
    said: dict[tuple[Any, ...], dict[str, Any]] = {}
    silent: list[int] = []
    wrong: list[int] = []
    columns = (*_NAMED, "refers_to_model", "liked", "disliked", "conversation_pair_id", "msg_index")
    ranked = "msg_rank" if "msg_rank" in rows.columns else "msg_index"
    positions = _values(rows, "model_pos")
    values = {name: _values(rows, name) for name in columns} | {"place": _values(rows, ranked)}
    for i in range(len(rows.numbers)):
        a, b, whom = (values[name][i] for name in columns[:3])
        up, down = _is_true(values["liked"][i]), _is_true(values["disliked"][i])
        side = str(positions[i]) if positions[i] in ("a", "b") else "a" if whom == a else "b"
        if whom not in (a, b) or (up and down):
            wrong.append(i)
        elif not (up or down):
            silent.append(i)
        else:
            key = (str(values["conversation_pair_id"][i]), str(values["place"][i]))
            one = said.setdefault(key, {"row": i, "a": 0, "b": 0})
            one[side] = 1 if up else -1
    first = {one["row"]: one for one in said.values()}
    draft = Draft(rows, others=~np.isin(np.arange(len(rows.numbers)), [*first, *silent, *wrong]))
    verdicts = []
    for i in range(len(rows.numbers)):
        a, b = (first[i][side] for side in "ab") if i in first else (0, 0)
        even = "both_bad" if a < 0 else "tie"
        verdicts.append("model_a" if a > b else "model_b" if a < b else even)
    draft.take("model_a", ("model_a_name",), TEXT)
    draft.take("model_b", ("model_b_name",), TEXT)
    draft.columns["winner"] = pa.array(verdicts, pa.string())
    draft.leave_out(NO_THUMB, np.isin(np.arange(len(rows.numbers)), silent))
    strange = np.isin(np.arange(len(rows.numbers)), wrong)
    draft.fault("reaction to neither of the two models, or both up and down", strange, values[columns[2]])
    _conversation_of_comparia(draft)
    return draft.check()


def read_open_webui(rows: Rows) -> Draft:
    """Read the feedback export of Open WebUI (backend/open_webui/models/feedbacks.py).

    A thumb on one of several answers compares it with its siblings: up beats each of them, down loses to
    each. A thumb on an answer without siblings is no comparison and is left out and counted.
    """
    votes: list[dict[str, Any]] = []
    numbers: list[int] = []
    for record, number in zip(rows.records(), rows.numbers.tolist(), strict=True):
        data, meta = _object(record, "data"), _object(record, "meta")
        model, rating, siblings = data.get("model_id"), data.get("rating"), data.get("sibling_model_ids")
        up = str(rating) in ("1", "1.0")
        rated = up or str(rating) in ("-1", "-1.0")
        tags = data.get("tags") or meta.get("tags")
        texts = _answers(record.get("snapshot"), meta.get("message_id"))
        # A field that is not there, rather than null, has another name in this version of the shape.
        renamed = (record.get("type") == "rating" and "rating" not in data) or (
            "sibling_model_ids" not in data and bool(texts.keys() - {str(model)})
        )
        common = {
            "battle_id": record.get("id"),
            "voter": record.get("user_id"),
            "timestamp": record.get("created_at"),
            "category": [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else None,
            "answer_a": texts.get(str(model)),
            "strange": renamed
            or not isinstance(siblings, list | None)
            or not isinstance(record.get("data"), dict),
        }
        others = [other for other in siblings if other != model] if isinstance(siblings, list) else []
        if not rated or common["strange"]:
            votes.append({**common, "model_a": model, "silent": not common["strange"]})
        elif not others:
            votes.append({**common, "model_a": model, "alone": True})
        for other in others if rated else ():
            vote = {"model_a": model, "model_b": other, "winner": "model_a" if up else "model_b"}
            votes.append({**vote, **common, "answer_b": texts.get(str(other))})
        numbers += [number] * (len(votes) - len(numbers))
    names = ("model_a", "model_b", "winner", "battle_id", "voter", "timestamp")
    draft = Draft(Rows(votes, np.array(numbers, np.int64), names, rows.broken))
    strange = np.array([bool(vote["strange"]) for vote in votes], np.bool_)
    draft.fault("data field that is no rating with a list of siblings", strange)
    draft.leave_out(ALONE, np.array([bool(vote.get("alone")) for vote in votes], np.bool_))
    draft.leave_out(NO_THUMB, np.array([bool(vote.get("silent")) for vote in votes], np.bool_))
    for column in names[:-1]:
        draft.take(column, (column,), TEXT)
    draft.take("timestamp", ("timestamp",), TIME)
    draft.columns["category"] = pa.array([vote["category"] for vote in votes], pa.list_(pa.string()))
    for side in "ab":
        said = [as_stored(vote.get(f"answer_{side}")) for vote in votes]
        draft.columns[f"answer_{side}"] = pa.array(said, pa.string())
    return draft.check()


def _object(record: dict[str, Any], field: str) -> dict[str, Any]:
    value = record.get(field)
    return value if isinstance(value, dict) else {}


def _answers(snapshot: Any, rated: Any) -> dict[str, str]:
    """The answers beside a rated message, by model, from the copy of the chat in its feedback."""
    for field in ("chat", "chat", "history", "messages"):
        snapshot = snapshot.get(field, snapshot) if isinstance(snapshot, dict) else None
    if not isinstance(snapshot, dict) or not isinstance(snapshot.get(rated), dict):
        return {}
    parent = snapshot[rated].get("parentId")
    return {
        str(message["model"]): message["content"]
        for message in snapshot.values()
        if isinstance(message, dict)
        and message.get("parentId") == parent
        and isinstance(message.get("model"), str)
        and isinstance(message.get("content"), str)
    }


def read_chosen(rows: Rows) -> Draft:
    """Read pairs of a chosen and a rejected model (TTS Arena, preference data that names models)."""
    chosen, rejected = next(names for names in CHOSEN_NAMES if set(names) <= set(rows.columns))
    draft = Draft(rows)
    draft.take("model_a", (chosen,), TEXT)
    draft.take("model_b", (rejected,), TEXT)
    draft.columns["winner"] = pa.array(["model_a"] * len(rows.numbers), pa.string())
    draft.take("voter", ("user_id", "voter", "annotator"), TEXT)
    draft.take("timestamp", ("timestamp", "created_at"), TIME)
    draft.take("turns", ("num_turns",), WHOLE)
    draft.take("language", ("language",), TEXT)
    for side, column in (("a", "chosen"), ("b", "rejected")):
        if column in rows.columns:
            texts = [_last_words(value) for value in _values(rows, column)]
            draft.put(f"answer_{side}", column, texts, ANSWER)
    return draft.check()


def _last_words(value: Any) -> Any:
    """The answer of an example for training: a text, or the last message of a conversation."""
    if isinstance(value, list) and value and isinstance(value[-1], dict):
        return value[-1].get("content")
    return value


COMPARIA = Format("comparia", ((*_NAMED, "chosen_model_name"),), read_comparia, derive=derive_battles)
COMPARIA_REACTIONS = Format(
    "comparia-reactions",
    ((*_NAMED, "refers_to_model", "liked", "disliked", "conversation_pair_id"),),
    read_comparia_reactions,
    derive=derive_battles,
)
OPEN_WEBUI = Format("open-webui", (("type", "data", "snapshot"),), read_open_webui)
CHOSEN = Format("chosen", CHOSEN_NAMES, read_chosen, derive=derive_battles)
