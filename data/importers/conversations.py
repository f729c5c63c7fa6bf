"""Conversations in the shapes that releases use, as SQL: what was asked, what was answered, how many turns.

A conversation is a list of messages (`role`, `content`, which is a text or blocks with texts), a list of
turns (`user`, `model_side_a`, `model_side_b`), or a list of texts; nested, or as JSON in a text.
"""

from __future__ import annotations

import pyarrow as pa

from agon.data.sql import quote_name

# Half of a surrogate pair, which Python writes into JSON and no other reader takes.
_SURROGATE = r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
_ANSWERED = ("assistant", "model")


def as_json(column: str, kind: pa.DataType) -> str:
    """SQL of a column as JSON, NULL where it is a text that is none."""
    name = quote_name(column)
    if not is_text(kind):
        return f"to_json({name})"
    mended = f"regexp_replace({name}, '{_SURROGATE}', '\\\\ufffd', 'g')"
    return f"coalesce(TRY_CAST({name} AS JSON), TRY_CAST({mended} AS JSON))"


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds texts."""
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_string_view(inner)
    )


def asked_in(column: str, kind: pa.DataType) -> str:
    """SQL of the texts that the user wrote, a list, turn by turn."""
    if _is_of_messages(kind):
        return _said_in_messages(column, kind, ("user",))
    message = "coalesce(agon_t->'$.user', CASE WHEN agon_t->>'$.role' = 'user' THEN agon_t END)"
    return _said(as_json(column, kind), message)


def answered_in(column: str, kind: pa.DataType, side: str) -> str:
    """SQL of the texts that the model on a side answered, a list, turn by turn."""
    if _is_of_messages(kind):
        return _said_in_messages(column, kind, _ANSWERED)
    roles = ", ".join(f"'{role}'" for role in _ANSWERED)
    by_role = f"CASE WHEN agon_t->>'$.role' IN ({roles}) THEN agon_t END"
    message = f"coalesce(agon_t->'$.model_side_{side}', {by_role})"
    return _said(as_json(column, kind), message)


def _is_of_messages(kind: pa.DataType) -> bool:
    """Whether a column is a nested list of messages, which needs no JSON: a third of its time."""
    if not pa.types.is_list(kind) or not pa.types.is_struct(kind.value_type):
        return False
    fields = {field.name: field.type for field in kind.value_type}
    if not is_text(fields.get("role", pa.null())) or "content" not in fields:
        return False
    return is_text(fields["content"]) or _is_of_blocks(fields["content"])


def _is_of_blocks(kind: pa.DataType) -> bool:
    """Whether a content is a list of blocks with texts."""
    if not pa.types.is_list(kind) or not pa.types.is_struct(kind.value_type):
        return False
    return any(field.name == "text" and is_text(field.type) for field in kind.value_type)


def _said_in_messages(column: str, kind: pa.DataType, roles: tuple[str, ...]) -> str:
    """SQL of the texts of nested messages of these roles."""
    content = next(field.type for field in kind.value_type if field.name == "content")
    text = "agon_t.content"
    if not is_text(content):
        text = _joined("list_transform(agon_t.content, lambda agon_b: agon_b.text)")
    listed = ", ".join(f"'{role}'" for role in roles)
    picked = f"list_filter({quote_name(column)}, lambda agon_t: agon_t.role IN ({listed}))"
    return f"list_transform({picked}, lambda agon_t: {text})"


def _joined(texts: str) -> str:
    """SQL of texts as one, NULL if there is none: a message of pictures alone says nothing."""
    return f"nullif(array_to_string(list_filter({texts}, lambda agon_x: agon_x IS NOT NULL), chr(10)), '')"


def not_a_conversation(column: str, kind: pa.DataType) -> str:
    """SQL that is true of rows whose value is none of these shapes."""
    if _is_of_messages(kind):
        return "false"
    value = as_json(column, kind)
    message = "coalesce(agon_t->'$.user', agon_t)"
    content = _content(message)
    # What is not there, rather than null, has another name in a newer version of the shape.
    no_text = "(agon_b->>'$.type') = 'text' AND (agon_b->'$.text') IS NULL"
    wrong = (
        "CASE WHEN agon_t IS NULL OR json_type(agon_t) IN ('VARCHAR', 'NULL') THEN false "
        "WHEN json_type(agon_t) = 'OBJECT' THEN "
        f"coalesce(agon_t->'$.user', agon_t->'$.role') IS NULL "
        f"OR (json_type({message}) = 'OBJECT' AND ({content}) IS NULL) "
        f"OR coalesce(json_type({content}) NOT IN ('VARCHAR', 'ARRAY', 'OBJECT', 'NULL'), false) "
        f"OR coalesce(list_bool_or(list_transform(TRY_CAST({content} AS JSON[]), lambda agon_b: {no_text})), "
        "false) ELSE true END"
    )
    there, listed = f"{quote_name(column)} IS NOT NULL", f"TRY_CAST({value} AS JSON[])"
    if is_text(kind):
        there += f" AND trim({quote_name(column)}) <> ''"
    any_wrong = f"list_bool_or(list_transform({listed}, lambda agon_t: {wrong}))"
    return f"({there} AND ({listed} IS NULL OR coalesce({any_wrong}, false)))"


def _content(message: str) -> str:
    return f"({message})->'$.content'"


def _said(value: str, message: str) -> str:
    """SQL of the texts of those messages of a conversation that `message` picks from an element, `agon_t`."""
    blocks = "list_transform(TRY_CAST(agon_c AS JSON[]), lambda agon_b: agon_b->>'$.text')"
    joined = _joined(blocks)
    text = (
        f"CASE json_type(agon_c) WHEN 'VARCHAR' THEN agon_c->>'$' WHEN 'ARRAY' THEN {joined} "
        "WHEN 'OBJECT' THEN agon_c->>'$.text' END"
    )
    one = f"CASE json_type(agon_t) WHEN 'OBJECT' THEN {message} ELSE to_json({{'content': agon_t}}) END"
    every = f"list_transform(TRY_CAST({value} AS JSON[]), lambda agon_t: {one})"
    picked = f"list_filter({every}, lambda agon_m: agon_m IS NOT NULL)"
    return (
        f"list_transform(list_transform({picked}, lambda agon_m: agon_m->'$.content'), lambda agon_c: {text})"
    )
