"""Names and texts as they may stand in an SQL statement; values of votes go in as parameters instead."""

from __future__ import annotations


def quote_name(name: str) -> str:
    """A name of a column as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text as an SQL literal, where a statement takes no parameter."""
    return "'" + text.replace("'", "''") + "'"
