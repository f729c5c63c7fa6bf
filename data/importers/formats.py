"""The published arena formats: how each is recognised, and how its rows become votes in one set of columns.

Opening files, and what happens to the rows that are wrong, is the work of published.py; what a kind of
value is (a text, a time, a number), of columns.py; games of judges and preferences have modules of their own.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agon.data.files.reader import Rows
from agon.data.importers.columns import (
    FLAG,
    NUMBER,
    PROMPT,
    TEXT,
    TIME,
    WHOLE,
    Draft,
    Format,
    as_mask,
    digest,
)
from agon.data.importers.judge_games import ARENA_HARD, MT_BENCH_GAMES
from agon.data.importers.preferences import CHOSEN, COMPARIA, OPEN_WEBUI, TOURNESOL
from agon.ranking.numerics import BoolArray

ONE_HOT = {"winner_model_a": "model_a", "winner_model_b": "model_b", "winner_tie": "tie"}
CONVERSATIONS = ("conversation_a", "full_conversation")
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
NOT_BLIND = "not blind (the names were shown)"
_NOTICE = "with an error or moderation notice as an answer"
FASTCHAT_OTHERS = ("chat", "upvote", "downvote", "flag", "share")


def _table(rows: Rows) -> Draft:
    """Read what the battle tables and the releases with conversations have in common."""
    draft = Draft(rows)
    for column, sources, kind in (
        ("model_a", ("model_a",), TEXT),
        ("model_b", ("model_b",), TEXT),
        ("winner", ("winner",), TEXT),
        ("timestamp", ("tstamp", "timestamp"), TIME),
        ("category", ("category",), TEXT),
        ("language", ("language",), TEXT),
        ("turns", ("turn",), WHOLE),
        ("battle_id", ("question_id", "id"), TEXT),
        ("prompt_id", ("prompt_id",), TEXT),
        ("anony", ("anony",), FLAG),
        ("is_code", ("is_code",), FLAG),
    ):
        draft.take(column, sources, kind)
    _voters(draft)
    _identifier(draft)
    blind, code = draft.columns.pop("anony", None), draft.columns.pop("is_code", None)
    if blind is not None:
        draft.fault("no anony", as_mask(pc.is_null(blind)))
        draft.leave_out(NOT_BLIND, as_mask(pc.invert(blind)))
    if code is not None and "category" not in draft.columns:
        draft.columns["category"] = pc.if_else(code, "code", pa.scalar(None, pa.string()))
    return draft


def _identifier(draft: Draft) -> None:
    """Take an id that stands with several pairs of models for what it is: that of a prompt."""
    columns = draft.columns
    if "battle_id" not in columns or "model_a" not in columns or "model_b" not in columns:
        return
    ids, a, b = (columns[name].to_pylist() for name in ("battle_id", "model_a", "model_b"))
    pairs = {(one, *sorted((str(x), str(y)))) for one, x, y in zip(ids, a, b, strict=True) if one is not None}
    if len({pair[0] for pair in pairs}) < len(pairs):
        columns.setdefault("prompt_id", columns["battle_id"])
        del columns["battle_id"]


def _voters(draft: Draft) -> None:
    """Read who voted; MT-bench names a judge by model and prompt, ["gpt-4", "pair-v2"]: an LLM's vote."""
    source = next((name for name in ("judge", "judge_hash", "user_id") if name in draft.rows.columns), None)
    if source is None:
        return
    values = draft.rows.values(source)
    values = values if isinstance(values, list) else values.to_pylist()
    judges = [isinstance(value, list) and bool(value) for value in values]
    if not any(judges):
        draft.take("voter", (source,), TEXT)
        return
    names = [value[0] if judge else value for value, judge in zip(values, judges, strict=True)]
    draft.put("voter", source, names, TEXT)
    kinds = ["llm" if judge else "human" for judge in judges]
    draft.columns["voter_kind"] = pa.array(kinds, pa.string())


def read_battles(rows: Rows) -> Draft:
    """Read a cleaned battle table, as FastChat's `clean_battle_data.py` writes it (LMArena, MTEB arena)."""
    return _table(rows).check()


def read_lmarena(rows: Rows) -> Draft:
    """Read a release with conversations.

    Source: lmsys/chatbot_arena_conversations (33k), lmsys/lmsys-arena-human-preference-55k,
    lmarena-ai/arena-human-preference-100k and -140k on Hugging Face.
    """
    draft = _table(rows)
    if "winner" not in draft.columns:
        _one_hot(draft)
    source = next((name for name in (*CONVERSATIONS, "prompt") if name in rows.columns), None)
    if source is not None:
        prompts, turns = _openings(draft, source)
        draft.columns.setdefault("prompt_id", pa.array(prompts, pa.string()))
        draft.columns.setdefault("turns", pa.array(turns, pa.int32()))
    return draft.check()


def _one_hot(draft: Draft) -> None:
    """Read the winner from three columns that hold one 1."""
    flags = []
    for column in ONE_HOT:
        draft.take(column, (column,), FLAG)
        flags.append(as_mask(draft.columns.pop(column)))
    hot = np.stack(flags)
    draft.fault("winner_model_a, winner_model_b and winner_tie without exactly one 1", hot.sum(axis=0) != 1)
    draft.columns["winner"] = pa.array(list(ONE_HOT.values())).take(pa.array(hot.argmax(axis=0)))


def _openings(draft: Draft, source: str) -> tuple[list[str | None], list[int | None]]:
    """Return the prompt id and the number of turns of each conversation."""
    prompts: list[str | None] = []
    turns: list[int | None] = []
    wrong = np.zeros(len(draft.rows.numbers), np.bool_)
    for place, record in enumerate(draft.rows.records([source])):
        asked: list[str | None] = []
        try:
            asked = _asked(record.get(source))
        except (TypeError, ValueError, KeyError, AttributeError):
            wrong[place] = True
        prompts.append(digest(asked[0]) if asked and asked[0] is not None else None)
        turns.append(len(asked) or None)
    draft.fault(f"{source} that is not a conversation", wrong)
    return prompts, turns


def _asked(conversation: object) -> list[str | None]:
    """Return what the user asked, turn by turn, in any of the shapes the releases use."""
    turns = json.loads(conversation) if isinstance(conversation, str) else conversation
    if not isinstance(turns, list | None):
        raise TypeError
    asked = []
    for turn in turns or ():
        if turn is None or isinstance(turn, str):  # the 55k release: a list of prompts
            asked.append(turn)
        elif "user" in turn:  # full_conversation: one object for each turn
            asked.append(_message(turn["user"]["content"]))
        elif turn["role"] == "user":
            asked.append(_message(turn["content"]))
    return asked


def _message(content: str | list[dict[str, Any]] | None) -> str | None:
    """Return the text of a message: a string, or the text blocks among blocks of text and images."""
    if content is None or isinstance(content, str):
        return content
    texts = [block["text"] for block in content if block.get("text") is not None]
    return "\n".join(texts) if texts else None


def read_alpacaeval(rows: Rows) -> Draft:
    """Read the `annotations.json` of AlpacaEval (tatsu-lab/alpaca_eval).

    Its `preference` goes from 1 (generator_1 is better) to 2 (generator_2 is), so p_a = 2 - preference; 0
    is a draw, as in alpaca_eval's metrics.
    """
    draft = Draft(rows)
    draft.take("model_a", ("generator_1",), TEXT)
    draft.take("model_b", ("generator_2",), TEXT)
    draft.take("p_a", ("preference",), NUMBER)
    draft.take("voter", ("annotator",), TEXT)
    draft.columns["voter_kind"] = pa.array(["llm"] * len(rows.numbers), pa.string())
    draft.take("category", ("dataset",), TEXT)
    draft.take("prompt_id", ("instruction",), PROMPT)
    preference = draft.columns["p_a"]
    drawn = as_mask(pc.equal(preference, pa.scalar(0.0)))  # a draw, which alpaca_eval itself takes for 1.5
    preference = pc.if_else(pa.array(drawn), pa.scalar(1.5), preference)
    draft.fault("no preference", as_mask(pc.is_null(preference)))
    below, above = pc.less(preference, pa.scalar(1.0)), pc.greater(preference, pa.scalar(2.0))
    draft.fault("preference outside 1 to 2", as_mask(below) | as_mask(above), preference)
    draft.columns["p_a"] = pc.subtract(pa.scalar(2.0), preference)
    return draft.check()


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
        draft.fault(reason, mask, shown)
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
    }


def _has_notice(state: dict[str, Any]) -> bool:
    """Whether an answer of a conversation is a notice of the server."""
    messages = state.get("messages") or []
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


def _fits_fastchat(columns: frozenset[str]) -> bool:
    return "type" in columns and bool(columns & {"states", "state"})


def _fits_lmarena(columns: frozenset[str]) -> bool:
    plain = "winner" in columns and bool(columns & {*CONVERSATIONS, "evaluation_session_id"})
    return columns >= {"model_a", "model_b"} and (plain or columns >= ONE_HOT.keys())


FORMATS: dict[str, Format] = {
    form.name: form
    for form in (
        Format(
            "battles",
            "cleaned battle tables of FastChat, LMArena and MTEB arena: JSON, JSON Lines, CSV or Parquet",
            "model_a, model_b and winner",
            frozenset({"model_a", "model_b", "winner"}).issubset,
            read_battles,
        ),
        Format(
            "fastchat",
            "conversation logs of a FastChat server, {date}-conv.json, one JSON object a line",
            "type, and states or state",
            _fits_fastchat,
            read_fastchat,
        ),
        Format(
            "alpacaeval",
            "annotations of an AlpacaEval judge, annotations.json",
            "generator_1, generator_2 and preference",
            frozenset({"generator_1", "generator_2", "preference"}).issubset,
            read_alpacaeval,
        ),
        Format(
            "lmarena",
            "releases of LMArena with conversations: 33k, 55k, 100k and 140k votes",
            "model_a, model_b, and winner beside conversation_a, full_conversation or evaluation_session_id, "
            "or else winner_model_a, winner_model_b and winner_tie",
            _fits_lmarena,
            read_lmarena,
            rather_than="battles",
        ),
        MT_BENCH_GAMES,
        ARENA_HARD,
        COMPARIA,
        OPEN_WEBUI,
        CHOSEN,
        TOURNESOL,
    )
}
