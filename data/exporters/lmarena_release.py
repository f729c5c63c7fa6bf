"""Votes in the shape of LMArena's release of 140,000 votes, which other people's tools read.

Source: lmarena-ai/arena-human-preference-140k on Hugging Face (July 2025).
"""

from __future__ import annotations

import pyarrow as pa

from agon.data.files.covariates import CODE, PATTERNS
from agon.data.sql import quote_text

_BLOCK = pa.struct(dict.fromkeys(("type", "text", "image", "mimeType"), pa.string()))
_MESSAGE = pa.struct({"role": pa.string(), "content": pa.list_(_BLOCK)})
_HEADS = "|".join(PATTERNS[name].replace("(?m)^", r"\n") for name in ("headers", "lists"))
_STARS = PATTERNS["bold"].partition("|")[0]
_HEADERS = {f"h{n}": "#" * n for n in range(1, 7)}
_COUNTS = {
    "header_count": tuple(_HEADERS),
    "list_count": ("ordered", "unordered"),
    "bold_count": ("**", "__"),
}
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
RELEASE_REFUSED = """CASE
    WHEN len(models) <> 2 THEN 'votes on more than two models, for which this form has no columns'
    WHEN p_a IS NOT NULL THEN 'soft judgements (p_a), for which this form has no winner'
    WHEN acceptable IS NOT NULL AND NOT both_bad
        THEN 'votes that say which answer is acceptable, for which this form has no column' END"""


def _message(message: str) -> str:
    """SQL for a message as the release has it."""
    block = (
        f"{{'type': 'text', 'text': {message}.content, 'image': NULL::VARCHAR, 'mimeType': NULL::VARCHAR}}"
    )
    return f"{{'role': {message}.role, 'content': [{block}]}}"


def _marks(side: int) -> str:
    """SQL for what marks the text in the answers of a side, outside code: at the head of lines, and bolds.

    The marks are those of `PATTERNS`, looked for by what they begin with, an end of line or stars, and for
    `__` only where there is one: a search for either of two beginnings takes three times as long.
    """
    answers = f"list_filter(conversations[{side}], lambda m: m.role = 'assistant')"
    prose = f"list_transform({answers}, lambda m: regexp_replace(m.content, '{CODE}', '', 'g'))"
    heads = f"regexp_extract_all(chr(10) || text, '{_HEADS}')"
    either, stars = (f"regexp_extract_all(text, '{one}')" for one in (PATTERNS["bold"], _STARS))
    bolds = f"CASE WHEN contains(text, '__') THEN {either} ELSE {stars} END"
    return (
        f"list_transform(flatten(list_transform({prose}, lambda text: {heads})), "
        f"lambda mark: trim(mark, ' ' || chr(9) || chr(10))) AS heads_{side}, "
        f"flatten(list_transform({prose}, lambda text: {bolds})) AS bolds_{side}"
    )


def _counts(side: int) -> dict[str, str]:
    """SQL for the counts of a side."""

    def count(marks: str, condition: str) -> str:
        return f"len(list_filter({marks}_{side}, lambda mark: {condition}))"

    headers = ", ".join(
        f"'{name}': {count('heads', f'mark = {quote_text(mark)}')}" for name, mark in _HEADERS.items()
    )
    ordered, unordered = count("heads", "mark[-1] IN ('.', ')')"), count("heads", "mark IN ('-', '*', '+')")
    stars = count("bolds", "mark[1] = '*'")
    return {
        "header_count": headers,
        "list_count": f"'ordered': {ordered}, 'unordered': {unordered}",
        "bold_count": f"'**': {stars}, '__': len(bolds_{side}) - {stars}",
    }


_PARTS = {
    "sum_assistant_a_tokens": "tokens[1]",
    "sum_assistant_b_tokens": "tokens[2]",
    "turns": "len(list_filter(conversations[1], lambda m: m.role = 'user'))",
    **{f"{name}_{side}": f"{{{_counts(i)[name]}}}" for name in _COUNTS for i, side in ((1, "a"), (2, "b"))},
}
RELEASE_ROWS = f"""
SELECT agon_row, battle_id AS id, models[1] AS model_a, models[2] AS model_b,
    CASE WHEN both_bad THEN 'both_bad' WHEN coalesce(places[1], 3) < coalesce(places[2], 3) THEN 'model_a'
        WHEN coalesce(places[1], 3) > coalesce(places[2], 3) THEN 'model_b' ELSE 'tie' END AS winner,
    voter AS evaluation_session_id, NULL::BIGINT AS evaluation_order,
    list_transform(conversations[1], lambda m: {_message("m")}) AS conversation_a,
    list_transform(conversations[2], lambda m: {_message("m")}) AS conversation_b,
    list_transform(range(1, 2 * least(len(conversations[1]) // 2, len(conversations[2]) // 2), 2),
        lambda i: {{'user': {_message("conversations[1][i]")},
            'model_side_a': {_message("conversations[1][i + 1]")},
            'model_side_b': {_message("conversations[2][i + 1]")}}}) AS full_conversation,
    {{{", ".join(f"'{name}': {sql}" for name, sql in _PARTS.items())}}} AS conv_metadata,
    category, language, weight,
    len(list_filter(flatten(conversations), lambda m: contains(m.content, '```'))) > 0 AS is_code,
    TRY_CAST(round(timestamp * 1000000) AS BIGINT) AS timestamp
FROM (SELECT *, {_marks(1)}, {_marks(2)} FROM whole)"""
