"""Votes as data to learn from: preference pairs, single answers with a label, lists, and annotated pairs."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from agon.data.exporters.conversations import MESSAGES

TieOption = Literal["drop", "both", "margin"]
_ABOUT = {"prompt_id": pa.string(), "category": pa.string(), "language": pa.string()}
PREFERENCE = pa.schema(
    {
        "prompt": MESSAGES,
        "chosen": MESSAGES,
        "rejected": MESSAGES,
        "model_chosen": pa.string(),
        "model_rejected": pa.string(),
        **_ABOUT,
    }
)
MARGIN = pa.field("margin", pa.float64())
UNPAIRED = pa.schema(
    {"prompt": MESSAGES, "completion": MESSAGES, "label": pa.bool_(), "model": pa.string(), **_ABOUT}
)
LISTWISE = pa.schema(
    {
        "prompt": MESSAGES,
        "completions": pa.list_(MESSAGES),
        "models": pa.list_(pa.string()),
        "places": pa.list_(pa.int64()),
        "acceptable": pa.list_(pa.bool_()),
        "battle_id": pa.string(),
        "voter": pa.string(),
        "timestamp": pa.float64(),
        **_ABOUT,
    }
)
ANNOTATED = pa.schema(
    {
        **dict.fromkeys(("input", "text_a", "text_b", "preferred_text", "model_a", "model_b"), pa.string()),
        **dict.fromkeys(("winner", *_ABOUT), pa.string()),
    }
)
_CARRIED = ", ".join([*_ABOUT, "weight"])
_PLACE = "coalesce(places[{0}], len(models) + 1)"  # not ranked is below all that are
# The pairs that a vote compares: numbers of the better and the other, and by how much; 0 is a tie. Those that
# are both shown and not ranked are not compared with each other.
_PAIRS = f"""CASE WHEN p_a IS NOT NULL
    THEN [{{'better': (p_a < 0.5)::INT + 1, 'worse': (p_a >= 0.5)::INT + 1, 'margin': abs(2 * p_a - 1)}}]
    ELSE flatten(list_transform(range(1, len(models)), lambda i: list_transform(
        list_filter(range(i + 1, len(models) + 1), lambda j: coalesce(places[i], places[j]) IS NOT NULL),
        lambda j: {{'better': (CASE WHEN {_PLACE.format("i")} <= {_PLACE.format("j")} THEN i ELSE j END)::INT,
            'worse': (CASE WHEN {_PLACE.format("i")} <= {_PLACE.format("j")} THEN j ELSE i END)::INT,
            'margin': ({_PLACE.format("i")} <> {_PLACE.format("j")})::INT::DOUBLE}}))) END"""
# Those that become rows: ties are left out, written both ways round, or kept with margin 0.
_ORDERED = f"""CASE $ties WHEN 'margin' THEN {_PAIRS} WHEN 'both' THEN flatten(list_transform({_PAIRS},
    lambda p: CASE WHEN p.margin > 0 THEN [p]
        ELSE [p, {{'better': p.worse, 'worse': p.better, 'margin': p.margin}}] END))
    ELSE list_filter({_PAIRS}, lambda p: p.margin > 0) END"""
_WHY_NONE = f"""CASE WHEN len({_PAIRS}) = 0 THEN 'votes that compare no two models'
    WHEN both_bad THEN 'votes that both are bad' ELSE 'ties' END"""
PAIRS_REFUSED = f"CASE WHEN len({_ORDERED}) = 0 THEN {_WHY_NONE} END"
PREFERENCE_ROWS = f"""
SELECT agon_row, conversations[one.better][1:opening] AS prompt,
    conversations[one.better][opening + 1:] AS chosen, conversations[one.worse][opening + 1:] AS rejected,
    models[one.better] AS model_chosen, models[one.worse] AS model_rejected, {_CARRIED}, one.margin AS margin
FROM (SELECT *, unnest({_ORDERED}) AS one FROM whole)"""
# Whether each answer is good. A voter who said which answers are acceptable is taken at their word; so is
# "both bad". Else the best answers are good, those below them bad, and those of a tie good if asked for.
_LABELS = """CASE WHEN acceptable IS NOT NULL THEN acceptable
    WHEN coalesce(p_a <> 0.5, false) THEN [p_a > 0.5, p_a < 0.5]
    WHEN p_a IS NULL AND len(list_filter(places, lambda p: p = 1)) < len(places)
        THEN list_transform(places, lambda p: coalesce(p = 1, false))
    WHEN $ties = 'both' THEN list_transform(models, lambda m: true) END"""
UNPAIRED_REFUSED = f"CASE WHEN ({_LABELS}) IS NULL THEN {_WHY_NONE} END"
UNPAIRED_ROWS = f"""
SELECT agon_row, conversations[i][1:opening] AS prompt, conversations[i][opening + 1:] AS completion,
    labels[i] AS label, models[i] AS model, {_CARRIED}
FROM (SELECT *, {_LABELS} AS labels, unnest(range(1, len(models) + 1)) AS i FROM whole)"""
LISTWISE_REFUSED = "CASE WHEN p_a IS NOT NULL THEN 'soft judgements (p_a), which are no places' END"
LISTWISE_ROWS = f"""
SELECT agon_row, conversations[1][1:opening] AS prompt,
    list_transform(conversations, lambda side: side[opening + 1:]) AS completions, models, places, acceptable,
    battle_id, voter, timestamp, {_CARRIED}
FROM whole"""


def _as_text(messages: str) -> str:
    """SQL for messages as one text: alone as it is, several each with who speaks."""
    spoken = f"list_transform({messages}, lambda m: m.role || ': ' || m.content)"
    return (
        f"CASE WHEN len({messages}) = 1 THEN ({messages})[1].content "
        f"ELSE array_to_string({spoken}, chr(10) || chr(10)) END"
    )


# In the order shown. Source: Findeis, Kaufmann, Hüllermeier, Albanie and Mullins, Inverse Constitutional AI
# (ICLR 2025).
ANNOTATED_ROWS = f"""
SELECT agon_row, {_as_text("conversations[1][1:opening]")} AS input,
    {_as_text("conversations[a][opening + 1:]")} AS text_a,
    {_as_text("conversations[b][opening + 1:]")} AS text_b,
    CASE WHEN one.better = a THEN 'text_a' ELSE 'text_b' END AS preferred_text,
    models[a] AS model_a, models[b] AS model_b,
    CASE WHEN one.better = a THEN 'model_a' ELSE 'model_b' END AS winner, {_CARRIED}
FROM (SELECT *, least(one.better, one.worse) AS a, greatest(one.better, one.worse) AS b
    FROM (SELECT *, unnest({_ORDERED}) AS one FROM whole))"""
