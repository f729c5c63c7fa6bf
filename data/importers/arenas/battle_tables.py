"""Tables of battles as FastChat cleans them, and the releases of LMArena, which have conversations beside.

lmsys/chatbot_arena_conversations (33k), lmsys/lmsys-arena-human-preference-55k, and of lmarena-ai on Hugging
Face arena-human-preference-100k and -140k, arena-expert-5k, search-arena-24k, webdev-arena-preference-10k and
VisionArena-Battle; lmsys/mt_bench_human_judgments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agon.data.files.reader import Rows
from agon.data.importers.columns import FLAG, NUMBER, TEXT, TIME, WHOLE, Derived, Draft, Format, as_mask
from agon.data.importers.conversations import (
    answered_in,
    as_json,
    asked_in,
    is_text,
    not_a_conversation,
)
from agon.data.sql import quote_name
from agon.ranking.votes.vote_source import NOT_BLIND

ONE_HOT = {"winner_model_a": "model_a", "winner_model_b": "model_b", "winner_tie": "tie"}
# Where a conversation stands, with {s} for the side; one that has both sides needs none.
CONVERSATIONS = ("conversation_{s}", "messages_{s}", "full_conversation")
RESPONSES = "response_{s}"
_PAIR = ("model_a", "model_b")
_TAGS = ("category_tag", "category_tags", "categories", "occupational_tags")
_PLAIN_NAMES = MappingProxyType({"if": "instruction_following", "creative_writing": "creative"})
HARD = 6  # of the criteria of a hard prompt (FastChat's classifier and the boards of LMArena ask for as many)
# The counts of `conv_metadata`, with {s} for the side: the first field that is there, its parts summed.
METADATA: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "length": ("sum_assistant_{s}_tokens", "response_length_{s}"),
        "headers": ("header_count_{s}",),
        "lists": ("list_count_{s}",),
        "bold": ("bold_count_{s}",),
        "citations": ("num_citations_{s}",),
    }
)


def read_battles(rows: Rows) -> Draft:
    """Read a table with a row a battle: the names, the winner, who voted when."""
    draft = Draft(rows)
    for column, sources, kind in (
        ("model_a", ("model_a",), TEXT),
        ("model_b", ("model_b",), TEXT),
        ("winner", ("winner",), TEXT),
        ("timestamp", ("tstamp", "timestamp"), TIME),
        ("category", ("category",), TEXT),
        ("language", ("language",), TEXT),
        ("turns", ("turn", "num_turns"), WHOLE),
        ("battle_id", ("question_id", "id"), TEXT),
        ("prompt_id", ("prompt_id",), TEXT),
        ("session", ("session", "evaluation_session_id"), TEXT),
        ("p_a", ("p_a",), NUMBER),
        ("weight", ("weight",), NUMBER),
        ("grade", ("grade",), NUMBER),
        ("voter_kind", ("voter_kind",), TEXT),
        ("anony", ("anony",), FLAG),
    ):
        draft.take(column, sources, kind)
    if "grade" in draft.columns:
        draft.strongest = pc.max(draft.columns["grade"]).as_py() or 0.0
    _voters(draft)
    _identifier(draft)
    blind = draft.columns.pop("anony", None)
    if blind is not None:
        draft.fault("no anony", as_mask(pc.is_null(blind)))
        draft.leave_out(NOT_BLIND, as_mask(pc.invert(blind)))
    if "p_a" in draft.columns:
        _soft(draft)
    elif "winner" not in draft.columns:
        _one_hot(draft)
    if "weight" in draft.columns:
        weight = draft.columns["weight"]
        draft.fault("weight that is not a positive number", ~as_mask(pc.greater(weight, 0.0)), weight)
    return draft.check()


def _soft(draft: Draft) -> None:
    """Check the probabilities that stand instead of winners."""
    p_a = draft.columns["p_a"]
    within = as_mask(pc.and_(pc.greater_equal(p_a, 0.0), pc.less_equal(p_a, 1.0)))
    hard = as_mask(pc.is_valid(draft.columns["winner"])) if "winner" in draft.columns else ~within & within
    given = as_mask(pc.is_valid(p_a))
    draft.fault("p_a outside 0 to 1", given & ~within, p_a)
    draft.fault("winner beside p_a", given & hard)
    draft.fault("neither winner nor p_a", ~given & ~hard)


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
    source = next((name for name in VOTERS if name in draft.rows.columns), None)
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


VOTERS = ("voter", "judge", "judge_hash", "user_id")


def _one_hot(draft: Draft) -> None:
    """Read the winner from three columns that hold one 1."""
    flags = []
    for column in ONE_HOT:
        draft.take(column, (column,), FLAG)
        draft.fault(f"no {column}", as_mask(pc.is_null(draft.columns[column])))
        flags.append(as_mask(draft.columns.pop(column)))
    hot = np.stack(flags)
    draft.fault("winner_model_a, winner_model_b and winner_tie without exactly one 1", hot.sum(axis=0) != 1)
    draft.columns["winner"] = pa.array(list(ONE_HOT.values())).take(pa.array(hot.argmax(axis=0)))


def derive_battles(schema: pa.Schema) -> Derived:
    """Say in SQL what a table of battles says of each vote beside its winner.

    Categories become a list of plain names, sessions `session`, counts `length_a` and so on, the texts of
    the answers `answer_a` and `answer_b`, from which what is not counted can be.
    """
    kinds = dict(zip(schema.names, schema.types, strict=True))
    columns: dict[str, str] = {}
    faults: dict[str, str] = {}
    source = next((name for name in VOTERS if name in kinds), None)
    if source is not None:
        columns["voter"] = f"CAST({_first(source, kinds[source])} AS VARCHAR)"
    for ours, theirs in (("session", "evaluation_session_id"), ("timestamp", "tstamp"), ("turns", "turn")):
        if theirs in kinds:
            columns[ours] = quote_name(theirs)
    _talk(kinds, columns, faults)
    _counts(kinds, columns)
    _categories(kinds, columns)
    taken = {name.lower() for name in kinds}
    return Derived({name: sql for name, sql in columns.items() if name not in taken}, faults)


def _first(column: str, kind: pa.DataType) -> str:
    """SQL of a judge's name: the first of a list, as MT-bench writes it."""
    return f"{quote_name(column)}[1]" if pa.types.is_list(kind) else quote_name(column)


def _talk(kinds: Mapping[str, pa.DataType], columns: dict[str, str], faults: dict[str, str]) -> None:
    """Note where prompts, turns and answers stand."""
    found = next((name for name in CONVERSATIONS if name.format(s="a") in kinds), None)
    asked = None
    if found is not None:
        for column in dict.fromkeys((found.format(s="a"), found.format(s="b"))):
            if column in kinds:
                faults[f"{column} that is not a conversation"] = not_a_conversation(column, kinds[column])
        first = found.format(s="a")
        asked = asked_in(first, kinds[first])
        for side in "ab":
            column = found.format(s=side)
            if column in kinds:
                said = answered_in(column, kinds[column], side)
                columns[f"answer_{side}"] = f"array_to_string({said}, chr(10) || chr(10))"
    elif "prompt" in kinds:  # the 55k release: lists of texts, as JSON
        asked = asked_in("prompt", kinds["prompt"])
        for side in "ab":
            column = RESPONSES.format(s=side)
            if column in kinds:
                said = answered_in(column, kinds[column], side)
                text = f"array_to_string({said}, chr(10) || chr(10))"
                plain = quote_name(column) if is_text(kinds[column]) else "NULL"
                columns[f"answer_{side}"] = (
                    f"CASE WHEN TRY_CAST({as_json(column, kinds[column])} AS JSON[]) IS NULL THEN {plain} "
                    f"ELSE {text} END"
                )
    if asked is not None:
        columns["prompt_id"] = f"left(sha1(({asked})[1]), 10)"
        columns.setdefault("turns", f"nullif(len({asked}), 0)")


def _counts(kinds: Mapping[str, pa.DataType], columns: dict[str, str]) -> None:
    """Note where what can be controlled for is counted already."""
    kind = kinds.get("conv_metadata")
    if kind is None:
        return
    if pa.types.is_struct(kind):
        known = {field.name: field.type for field in kind}
        for name, fields in METADATA.items():
            for field in fields:
                if field.format(s="a") in known and field.format(s="b") in known:
                    for side in "ab":
                        one = field.format(s=side)
                        columns.setdefault(f"{name}_{side}", _summed(f"conv_metadata['{one}']", known[one]))
        if "turns" in known:
            columns.setdefault("turns", "conv_metadata['turns']")
    elif is_text(kind):
        value = as_json("conv_metadata", kind)
        for name, fields in METADATA.items():
            for side in "ab":
                amounts = [
                    f"CASE json_type({value}->'$.{one}') WHEN 'OBJECT' THEN "
                    f"list_sum(list_transform(json_keys({value}, '$.{one}'), "
                    f"lambda k: CAST({value}->'{one}'->>k AS DOUBLE))) "
                    f"ELSE TRY_CAST({value}->>'$.{one}' AS DOUBLE) END"
                    for one in (field.format(s=side) for field in fields)
                ]
                columns.setdefault(f"{name}_{side}", f"coalesce({', '.join(amounts)}, NULL)")


def _summed(value: str, kind: pa.DataType) -> str:
    """SQL of a count, or of the sum of its parts; NULL where the whole is."""
    if not pa.types.is_struct(kind):
        return f"TRY_CAST({value} AS DOUBLE)"
    parts = " + ".join(f"coalesce({value}['{part.name}'], 0)" for part in kind)
    return f"CASE WHEN {value} IS NOT NULL THEN CAST({parts} AS DOUBLE) END"


def _categories(kinds: Mapping[str, pa.DataType], columns: dict[str, str]) -> None:
    """Note the categories of a vote, several or none, by plain names."""
    labels: dict[str, str] = {}
    for tag in _TAGS:
        kind = kinds.get(tag)
        if kind is not None and pa.types.is_struct(kind):
            labels |= dict(_labels(quote_name(tag), kind))
        elif kind is not None and pa.types.is_list(kind) and is_text(kind.value_type):
            columns.setdefault("category", quote_name(tag))
    if "is_code" in kinds:
        labels["code"] = "TRY_CAST(CAST(is_code AS VARCHAR) AS BOOLEAN)"
    if labels:
        turns = "TRY_CAST(CAST(turn AS VARCHAR) AS DOUBLE)" if "turn" in kinds else columns.get("turns")
        if turns is not None:
            labels["multi_turn"] = f"{turns} > 1"
        named = ", ".join(f"CASE WHEN {sql} THEN '{name}' END" for name, sql in labels.items())
        columns["category"] = f"list_filter([{named}], lambda c: c IS NOT NULL)"
    elif "primary_intent" in kinds:  # of Search Arena
        columns.setdefault("category", quote_name("primary_intent"))


def _labels(path: str, kind: pa.StructType) -> Iterator[tuple[str, str]]:
    """Plain names of the categories of a struct and SQL that is true of votes in them.

    A field of true or false is a category, whatever the version of its classifier (`math_v0.1`) in which it
    lies; the criteria of a hard prompt are together one, `hard`.
    """
    for field in kind:
        inner = f"{path}['{field.name}']"
        if pa.types.is_boolean(field.type):
            yield _PLAIN_NAMES.get(field.name, field.name), inner
        elif field.name.startswith("criteria") and pa.types.is_struct(field.type):
            met = [f"coalesce({inner}['{one.name}'], false)" for one in field.type]
            yield "hard", f"({' + '.join(f'CAST({one} AS INTEGER)' for one in met)}) >= {HARD}"
        elif pa.types.is_struct(field.type):
            yield from _labels(inner, field.type)


BATTLES = Format(
    "battles",
    ((*_PAIR, "winner"), (*_PAIR, "p_a")),
    read_battles,
    rather_than=("graded",),
    derive=derive_battles,
)
LMARENA_RELEASES = Format(
    "lmarena",
    (
        *((*_PAIR, "winner", name.format(s="a")) for name in CONVERSATIONS),
        (*_PAIR, "winner", "evaluation_session_id"),
        (*_PAIR, *ONE_HOT),
    ),
    read_battles,
    rather_than=("battles", "graded"),
    derive=derive_battles,
)
