"""Votes in the shape of LMArena's release of 140,000 votes, which other people's tools read.

Source: lmarena-ai/arena-human-preference-140k on Hugging Face (July 2025).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from agon.data.exporters.conversations import ChatMessage, VotedBattle
from agon.data.files.covariates import CODE

_BLOCK = pa.struct(dict.fromkeys(("type", "text", "image", "mimeType"), pa.string()))
_MESSAGE = pa.struct({"role": pa.string(), "content": pa.list_(_BLOCK)})
_HEADERS = ("h1", "h2", "h3", "h4", "h5", "h6")
_COUNTS = {"header_count": _HEADERS, "list_count": ("ordered", "unordered"), "bold_count": ("**", "__")}
_METADATA = pa.struct(
    {
        **dict.fromkeys(("sum_assistant_a_tokens", "sum_assistant_b_tokens", "turns"), pa.int64()),
        **{
            f"{name}_{side}": pa.struct(dict.fromkeys(parts, pa.int64()))
            for name, parts in _COUNTS.items()
            for side in "ab"
        },
    }
)
LMARENA = pa.schema(
    {
        **dict.fromkeys(("id", "model_a", "model_b", "winner", "evaluation_session_id"), pa.string()),
        "evaluation_order": pa.int64(),
        "conversation_a": pa.list_(_MESSAGE),
        "conversation_b": pa.list_(_MESSAGE),
        "full_conversation": pa.list_(
            pa.struct({"user": _MESSAGE, "model_side_a": _MESSAGE, "model_side_b": _MESSAGE})
        ),
        "conv_metadata": _METADATA,
        "category": pa.string(),
        "language": pa.string(),
        "is_code": pa.bool_(),
        "timestamp": pa.timestamp("us", "UTC"),
    }
)
_MARKS = re.compile(
    r"^(?: {0,3}(?P<header>#{1,6})[ \t]|[ \t]*(?:(?P<item>[-*+])|(?P<number>[0-9]{1,3}[.)]))[ \t])"
    r"|(?P<stars>\*\*[^*\n]+\*\*)|(?P<bars>__[^_\n]+__)",
    re.M,
)


def release_rows(vote: VotedBattle, _ties: str) -> list[dict[str, Any]] | str:
    """Make the one row of a vote on a pair; or say why its words cannot hold it."""
    if len(vote.models) != 2:
        return "votes on more than two models, for which this form has no columns"
    if vote.p_a is not None:
        return "soft judgements (p_a), for which this form has no winner"
    if vote.acceptable is not None and not vote.both_bad:
        return "votes that say which answer is acceptable, for which this form has no column"
    first, second = (3 if place is None else place for place in vote.places)
    word = "both_bad" if vote.both_bad else "tie"
    sides = vote.conversations
    asked = [
        {"user": _message(user), "model_side_a": _message(a), "model_side_b": _message(b)}
        for user, a, b in zip(sides[0][::2], sides[0][1::2], sides[1][1::2], strict=False)
    ]
    row = vote.row
    return [
        {
            "id": row.get("battle_id"),
            "model_a": vote.models[0],
            "model_b": vote.models[1],
            "winner": "model_a" if first < second else "model_b" if first > second else word,
            "evaluation_session_id": row.get("voter"),
            "evaluation_order": None,
            "conversation_a": [_message(message) for message in sides[0]],
            "conversation_b": [_message(message) for message in sides[1]],
            "full_conversation": asked,
            "conv_metadata": _metadata(vote),
            "category": row.get("category"),
            "language": row.get("language"),
            "is_code": "```" in "".join(m["content"] for side in sides for m in side),
            "timestamp": _moment(row.get("timestamp")),
        }
    ]


def _message(message: ChatMessage) -> dict[str, Any]:
    block = {"type": "text", "text": message["content"], "image": None, "mimeType": None}
    return {"role": message["role"], "content": [block]}


def _metadata(vote: VotedBattle) -> dict[str, Any]:
    """What is counted in the answers of each side."""
    found: dict[str, Any] = {"turns": sum(m["role"] == "user" for m in vote.conversations[0])}
    for i, side in enumerate("ab"):
        found[f"sum_assistant_{side}_tokens"] = None if vote.tokens is None else vote.tokens[i]
        counts = {name: dict.fromkeys(parts, 0) for name, parts in _COUNTS.items()}
        for message in vote.conversations[i]:
            if message["role"] == "assistant":
                _count_marks(message["content"], counts)
        found |= {f"{name}_{side}": parts for name, parts in counts.items()}
    return found


def _count_marks(text: str, counts: dict[str, dict[str, int]]) -> None:
    """Count headers by level, items of lists by kind, and bold passages by mark; not in code."""
    prose = re.sub(CODE, "", text) if "```" in text else text
    for found in _MARKS.finditer(prose):
        kind = found.lastgroup
        if kind == "header":
            counts["header_count"][_HEADERS[len(found["header"]) - 1]] += 1
        elif kind in ("item", "number"):
            counts["list_count"]["unordered" if kind == "item" else "ordered"] += 1
        else:
            counts["bold_count"]["**" if kind == "stars" else "__"] += 1


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None or seconds != seconds else datetime.fromtimestamp(seconds, UTC)  # noqa: PLR0124
