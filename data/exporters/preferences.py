"""Votes as data to learn from: preference pairs, single answers with a label, lists, and annotated pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pyarrow as pa

from agon.data.exporters.conversations import ChatMessage, VotedBattle

TieOption = Literal["drop", "both", "margin"]
TIES, BOTH_BAD, UNCOMPARED = "ties", "votes that both are bad", "votes that compare no two models"
_MESSAGES = pa.list_(pa.struct({"role": pa.string(), "content": pa.string()}))
_ABOUT = {"prompt_id": pa.string(), "category": pa.string(), "language": pa.string()}
PREFERENCE = pa.schema(
    {
        "prompt": _MESSAGES,
        "chosen": _MESSAGES,
        "rejected": _MESSAGES,
        "model_chosen": pa.string(),
        "model_rejected": pa.string(),
        **_ABOUT,
    }
)
MARGIN = pa.field("margin", pa.float64())
UNPAIRED = pa.schema(
    {"prompt": _MESSAGES, "completion": _MESSAGES, "label": pa.bool_(), "model": pa.string(), **_ABOUT}
)
LISTWISE = pa.schema(
    {
        "prompt": _MESSAGES,
        "completions": pa.list_(_MESSAGES),
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


def _about(vote: VotedBattle) -> dict[str, Any]:
    return {name: vote.row.get(name) for name in _ABOUT}


def _opening(vote: VotedBattle) -> int:
    """How many messages all sides share: the first prompt, and what stands before it."""
    first = vote.conversations[0]
    return next(i for i, message in enumerate(first) if message["role"] == "assistant")


def _ordered(vote: VotedBattle, ties: TieOption) -> Iterator[tuple[int, int, float]]:
    """The better and the worse of each pair, with the margin."""
    for better, worse, margin in vote.pairs():
        if margin > 0 or ties == "margin":
            yield better, worse, margin
        elif ties == "both":
            yield better, worse, 0.0
            yield worse, better, 0.0


def _why_none(vote: VotedBattle) -> str:
    """Say why a vote gives no rows."""
    return UNCOMPARED if not list(vote.pairs()) else BOTH_BAD if vote.both_bad else TIES


def preference_rows(vote: VotedBattle, ties: TieOption) -> list[dict[str, Any]] | str:
    """Make a row for each pair that the vote orders; or say why there is none."""
    start, rows = _opening(vote), []
    for better, worse, margin in _ordered(vote, ties):
        sides = vote.conversations[better], vote.conversations[worse]
        row: dict[str, Any] = {
            "prompt": sides[0][:start],
            "chosen": sides[0][start:],
            "rejected": sides[1][start:],
        }
        row |= {"model_chosen": vote.models[better], "model_rejected": vote.models[worse], **_about(vote)}
        rows.append(row | ({"margin": margin} if ties == "margin" else {}))
    return rows or _why_none(vote)


def unpaired_rows(vote: VotedBattle, ties: TieOption) -> list[dict[str, Any]] | str:
    """Make a row for each answer that the vote calls good or bad; or say why there is none.

    A voter who said which answers are acceptable is taken at their word; so is "both bad". Else the best
    answers are good and those below them bad, and those of a tie good if ties are asked for.
    """
    if vote.acceptable is not None:
        labels: dict[int, bool] = dict(enumerate(vote.acceptable))
    elif vote.p_a is not None:
        labels = {} if vote.p_a == 0.5 else {0: vote.p_a > 0.5, 1: vote.p_a < 0.5}
    else:
        labels = {i: place == 1 for i, place in enumerate(vote.places)}
        labels = labels if not all(labels.values()) else {}
    if not labels and ties == "both":
        labels = dict.fromkeys(range(len(vote.models)), True)
    start = _opening(vote)
    rows = [
        {
            "prompt": vote.conversations[i][:start],
            "completion": vote.conversations[i][start:],
            "label": label,
            "model": vote.models[i],
            **_about(vote),
        }
        for i, label in labels.items()
    ]
    return rows or _why_none(vote)


def listwise_rows(vote: VotedBattle, ties: TieOption) -> list[dict[str, Any]] | str:
    """Make one row with all answers and their places; or say why there is none."""
    if vote.p_a is not None:
        return "soft judgements (p_a), which are no places"
    if ties == "drop" and len(set(vote.places)) < len(vote.places):
        return BOTH_BAD if vote.both_bad else "ballots with ties or unranked models"
    start = _opening(vote)
    row = {
        "prompt": vote.conversations[0][:start],
        "completions": [side[start:] for side in vote.conversations],
        "models": vote.models,
        "places": vote.places,
        "acceptable": vote.acceptable,
        **{name: vote.row.get(name) for name in ("battle_id", "voter", "timestamp")},
        **_about(vote),
    }
    return [row]


def annotated_rows(vote: VotedBattle, ties: TieOption) -> list[dict[str, Any]] | str:
    """Make a row for each pair that the vote orders, in the order shown; or say why there is none.

    Source: Findeis, Kaufmann, Hüllermeier, Albanie and Mullins, Inverse Constitutional AI (ICLR 2025).
    """
    start, rows = _opening(vote), []
    for better, worse, _ in _ordered(vote, ties):
        a, b = sorted((better, worse))
        side = "a" if a == better else "b"
        row: dict[str, Any] = {"input": _as_text(vote.conversations[0][:start])}
        row |= {f"text_{s}": _as_text(vote.conversations[i][start:]) for s, i in (("a", a), ("b", b))}
        row |= {"preferred_text": f"text_{side}", "winner": f"model_{side}", **_about(vote)}
        rows.append(row | {"model_a": vote.models[a], "model_b": vote.models[b]})
    return rows or _why_none(vote)


def _as_text(messages: tuple[ChatMessage, ...]) -> str:
    """Messages as one text: alone as it is, several each with who speaks."""
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n\n".join(f"{message['role']}: {message['content']}" for message in messages)
