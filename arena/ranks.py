"""`agon rank`: method texts to options, boards with a progress line, boards to text."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from data import comparisons
from ranking import Leaderboard, OptionError, boards_to_json, rank_all
from ranking.leaderboard import plain
from ranking.registry import find


def options_of(text: str) -> tuple[str, dict[str, Any]]:
    """Split METHOD:option=value,... and turn the values into the types the method declares.

    Raises:
        MethodError: no such method.
        OptionError: no such option, a value of the wrong type, or a text of another form.
    """
    name, _, rest = text.partition(":")
    how = find(name)
    given: dict[str, Any] = {}
    for part in (piece for piece in rest.split(",") if piece):
        option, sign, value = part.partition("=")
        if not sign:
            raise OptionError(f"-m {text!r}: write options as METHOD:option=value, such as elo:k=8.")
        if option in given:
            raise OptionError(f"-m {text!r} gives {option} twice; give it once.")
        given[option] = _value(value)
    how.settings(given)
    return name, given


def _value(text: str) -> Any:
    """Read a whole number, a number, a truth value, or else a text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)


def make_boards(
    source: str,
    methods: Sequence[tuple[str, Mapping[str, Any]]],
    by: str | None,
    reading: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> list[Leaderboard]:
    """Read the votes and rank them by every method, in each group."""
    with progress("reading votes"):
        votes = comparisons(source, **reading)
    groups = [(None, votes)] if by is None else [({by: value}, part) for value, part in votes.split(by)]
    boards = []
    for group, part in groups:
        for name, options in methods:
            label = name if group is None else f"{name}, {by} = {group[by]}"
            with progress(f"ranking {len(part):,} votes on {len(part.models)} models: {label}"):
                (board,) = rank_all(part, [name], **settings, **options)
            boards.append(board if group is None else in_group(board, group))
    return boards


def in_group(board: Leaderboard, group: Mapping[str, Any]) -> Leaderboard:
    """Mark a board, and those of its components, as one of a group."""
    parts = tuple(replace(part, by={**group, **(part.by or {})}) for part in board.components)
    return replace(board, by=group, components=parts)


def print_boards(boards: Sequence[Leaderboard], how: str) -> None:
    """Print boards to standard output as a table, CSV, JSON or Markdown."""
    from arena.tables import boards_to_csv, show_boards

    if how == "json":
        print(boards_to_json(boards))
    elif how == "csv":
        print(boards_to_csv(boards), end="")
    elif how == "markdown":
        parts = [part for board in boards for part in (board, *board.components)]
        print("\n".join(f"## {_title(part)}\n\n{part.to_markdown()}" for part in parts), end="")
    else:
        show_boards(boards, sys.stdout)


def _title(board: Leaderboard) -> str:
    return board.method + plain("".join(f", {name} = {value}" for name, value in (board.by or {}).items()))


def progress(message: str) -> AbstractContextManager[object]:
    """Show a line with a moving sign while work goes on, on a terminal only."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console
    from rich.text import Text

    return Console(stderr=True).status(Text(plain(message)))
