"""Conversation logs of a FastChat server (lm-sys/FastChat), and of its forks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from agon.data.files.reader import Rows
from agon.data.importers.columns import TEXT, TIME, WHOLE, Draft, Format, as_stored, digest
from agon.ranking.numerics import BoolArray
from agon.ranking.votes.vote_source import NOT_BLIND

FASTCHAT_VOTES = {"leftvote": "model_a", "rightvote": "model_b", "tievote": "tie", "bothbad_vote": "both_bad"}
# What stands in `models` while the names are hidden: nothing, or what the blind pages of forks write above.
BLIND = {"", "Model A", "Model B", "### Model A: ", "### Model B: "}
# Notices that stand where an answer should begin so: FastChat's clean_battle_data.py leaves them out too.
NOTICES = (
    "**NETWORK ERROR",
    "NETWORK ERROR",
    "$MODERATION$",
    "**YOUR INPUT VIOLATES",
    "YOUR INPUT VIOLATES",
    "API REQUEST ERROR",
    "**API REQUEST ERROR",
)
_NOTICE = "with an error or moderation notice as an answer"
QUOTED = ("unknown type", "models field that is not two names")  # reasons that show what stands there
FASTCHAT_OTHERS = ("chat", "upvote", "downvote", "flag", "share")


class _RefusedError(ValueError):
    """A line of a log is not what its type promises: the reason, and the value to quote."""

    def __init__(self, reason: str, value: object = None) -> None:
        super().__init__(reason)
        self.reason, self.value = reason, value


def read_fastchat(rows: Rows) -> Draft:
    """Read the conversation log of a FastChat server, `{date}-conv.json` (lm-sys/FastChat).

    The names were shown where `models` is not two empty strings or the labels of a blind page. Votes on a
    notice (an error, moderation) instead of an answer are left out and counted. `ip` is never carried.
    """
    size = len(rows.numbers)
    others, named, notices = (np.zeros(size, np.bool_) for _ in range(3))
    votes: list[dict[str, Any]] = [{} for _ in range(size)]
    refused: dict[str, tuple[BoolArray, list[Any]]] = {}
    for place, record in enumerate(rows.records()):
        try:
            vote = _fastchat_vote(record)
        except _RefusedError as error:
            mask, shown = refused.setdefault(error.reason, (np.zeros(size, np.bool_), [None] * size))
            mask[place], shown[place] = True, error.value
            continue
        others[place] = vote is None
        votes[place] = vote or {}
        named[place] = votes[place].get("named", False)
        notices[place] = votes[place].get("notice", False)
    draft = Draft(rows, others=others)
    draft.leave_out(NOT_BLIND, named)
    draft.leave_out(_NOTICE, notices)
    for reason, (mask, shown) in refused.items():
        draft.fault(reason, mask, shown if reason in QUOTED else None)
    for column, source, kind in (
        ("model_a", "model_name", TEXT),
        ("model_b", "model_name", TEXT),
        ("winner", "type", TEXT),
        ("timestamp", "tstamp", TIME),
        ("turns", "messages", WHOLE),
        ("battle_id", "conv_id", TEXT),
        ("prompt_id", "messages", TEXT),
    ):
        draft.put(column, source, [vote.get(column) for vote in votes], kind)
    for side in "ab":
        texts = [as_stored(vote.get(f"answer_{side}")) for vote in votes]
        draft.columns[f"answer_{side}"] = pa.array(texts, pa.string())
    return draft.check()


def _fastchat_vote(record: dict[str, Any]) -> dict[str, Any] | None:
    """Return the columns of one line of a log, or None for a line that is no vote between two models."""
    kind, shown, states = record.get("type"), record.get("models"), record.get("states")
    if kind is None:
        raise _RefusedError("no type")
    if kind in FASTCHAT_OTHERS:
        return None
    if kind not in list(FASTCHAT_VOTES):
        raise _RefusedError("unknown type", kind)
    if not (isinstance(shown, list) and [type(name) for name in shown] == [str, str]):
        raise _RefusedError("models field that is not two names", shown)
    if not set(shown) <= BLIND:
        return {"named": True}
    if not (isinstance(states, list) and [type(state) for state in states] == [dict, dict]):
        raise _RefusedError("states field that is not two conversations")
    if any(
        not state.keys() & {"messages", "prompt"} for state in states
    ):  # arenas of pictures keep the prompt
        raise _RefusedError("states field without messages")
    prompt, turns = _fastchat_opening(states[0])
    if any(_has_notice(state) for state in states):
        return {"notice": True}
    ids = [state.get("conv_id") for state in states]
    return {
        "model_a": states[0].get("model_name"),
        "model_b": states[1].get("model_name"),
        "winner": FASTCHAT_VOTES[kind],
        "timestamp": record.get("tstamp"),
        "turns": turns,
        "battle_id": "-".join(ids) if all(isinstance(key, str) for key in ids) else None,
        "prompt_id": prompt,
        **{f"answer_{side}": _answers(state) for side, state in zip("ab", states, strict=True)},
    }


def _answers(state: dict[str, Any]) -> str | None:
    """The texts that a model answered, past the template's own."""
    try:
        messages = (state.get("messages") or [])[state.get("offset", 0) :]
        texts = [message[1] for message in messages if message[0] != messages[0][0]]
    except (TypeError, IndexError, KeyError, AttributeError):
        raise _RefusedError("messages field that is not a conversation") from None
    found = [text for text in texts if isinstance(text, str)]
    return "\n\n".join(found) if found else None


def _has_notice(state: dict[str, Any]) -> bool:
    """Whether an answer of a conversation is a notice of the server."""
    messages = state.get("messages") or []
    if not isinstance(messages, list):
        raise _RefusedError("messages field that is not a conversation")
    texts = [message[1] for message in messages if isinstance(message, list) and len(message) == 2]
    return any(isinstance(text, str) and text.lstrip().upper().startswith(NOTICES) for text in texts[1::2])


def _fastchat_opening(state: dict[str, Any]) -> tuple[str | None, int | None]:
    """Return the prompt id and the number of the user's messages, past the template's own (`offset`)."""
    try:
        messages = state.get("messages", [])[state.get("offset", 0) :]
        asked = [message[1] for message in messages if message[0] == messages[0][0]]
        first = asked[0] if asked else None
        text = first[0] if isinstance(first, list) else first  # with images: [text, images]
        return (digest(text) if text is not None else None), len(asked) or None
    except (TypeError, IndexError, KeyError, AttributeError):
        raise _RefusedError("messages field that is not a conversation") from None


FASTCHAT = Format("fastchat", (("type", "states"), ("type", "state")), read_fastchat)
