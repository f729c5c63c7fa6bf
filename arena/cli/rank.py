"""`agon rank`: method texts to options, boards with a progress line, boards to text."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from agon.data import comparisons, kind_of, preflib, score_table
from agon.data.files.detection import names_voters
from agon.ranking import Comparisons, InputError, Leaderboard, OptionError, ScoreTable, boards_to_json, rank
from agon.ranking.analysis.rule_comparison import compare_rules
from agon.ranking.leaderboard.row import plain
from agon.ranking.registry import find
from agon.ranking.votes.comparisons import Votes, as_comparisons

COMPARED_RULES = (
    "bradley_terry",
    "win_rate",
    "mean",
    "mean_win_rate",
    "borda",
    "plurality",
    "dowdall",
    "copeland",
    "minimax",
    "schulze",
    "ranked_pairs",
    "split_cycle",
    "maximal_lottery",
    "instant_runoff",
    "baldwin",
)


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


def read_source(source: str, reading: Mapping[str, Any], table: Mapping[str, Any]) -> Votes:
    """Read votes, a table of scores or a PrefLib election, whichever the file holds.

    Args:
        source: path of the file.
        reading: keywords of `data.comparisons`; those that are not None refuse another kind of file.
        table: keywords of `data.score_table`; those that are not None refuse another kind of file.

    Raises:
        OptionError: an option that belongs to another kind of file.
    """
    columns = reading["columns"]
    kind = "votes" if columns and set(columns) != {"model"} else kind_of(source, columns.get("model"))
    with progress("reading votes"):
        if kind == "votes":
            _refuse(table, source, "votes, not a table of scores")
            return comparisons(source, **reading)
        what = "an election" if kind == "election" else "a table of scores"
        others = {name: value for name, value in reading.items() if name not in ("columns", "invalid")}
        _refuse(others, source, f"{what}, not votes")
        if kind == "election":
            _refuse({**table, "column": columns}, source, "an election, not a table of scores")
            return preflib(source, absent=reading["invalid"])
        given = {name: value for name, value in table.items() if value}
        return score_table(source, model=columns.get("model"), invalid=reading["invalid"], **given)


def _refuse(options: Mapping[str, Any], source: str, what: str) -> None:
    """Refuse options that mean nothing for what the file holds."""
    for name, value in options.items():
        if value:
            raise OptionError(f"--{name} does not apply: {source} holds {what}.")


def with_shared(
    methods: Sequence[tuple[str, dict[str, Any]]], shared: Mapping[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    """Give options such as ties and missing to every method that has them.

    Raises:
        OptionError: none of the methods has the option.
    """
    for option, value in shared.items():
        if value is not None and not any(option in find(name).options for name, _ in methods):
            names = ", ".join(name for name, _ in methods)
            raise OptionError(
                f"--{option} does not apply to {names}: positional rules such as borda have it."
            )
    given = {option: value for option, value in shared.items() if value is not None}
    return [
        (name, {**{o: v for o, v in given.items() if o in find(name).options}, **options})
        for name, options in methods
    ]


def make_boards(
    votes: Votes,
    methods: Sequence[tuple[str, Mapping[str, Any]]],
    by: str | None,
    settings: Mapping[str, Any],
) -> list[Leaderboard]:
    """Rank the votes by every method, in each group."""
    given = as_comparisons(votes)
    groups = [(None, given)] if by is None else [({by: value}, part) for value, part in given.split(by)]
    boards = []
    for group, part in groups:
        for name, options in methods:
            label = name if group is None else f"{name}, {by} = {next(iter(group.values()))}"
            with progress(f"ranking {len(part.models)} models: {label}"):
                board = rank(part, name, **settings, **options)
            boards.append(board if group is None else in_group(board, group))
    return boards


def print_comparison(
    votes: Votes,
    methods: Sequence[tuple[str, Mapping[str, Any]]],
    settings: Mapping[str, Any],
    how: str,
    *,
    named: bool,
) -> None:
    """Print what several rules say of the same votes; unless they were named, those that can be applied."""
    given = as_comparisons(votes)
    chosen, refused = (methods, []) if named else _applicable(given, methods)
    with progress(f"looking at {len(given.models)} models through {len(chosen)} rules"):
        seen = compare_rules(
            given, [name for name, _ in chosen], options={n: dict(o) for n, o in chosen if o}, **settings
        )
    from agon.arena.cli.tables import show_comparison

    if how == "json":
        print(
            json.dumps(
                {"schema": 1, "comparison": seen.to_dict(), "left_out": refused}, indent=2, ensure_ascii=False
            )
        )
        return
    if how == "csv":
        print(seen.to_frame().to_csv(index=False), end="")
        return
    needs = "Left out, for they need ballots without gaps, or scores"
    note = f"{needs}: {', '.join(refused)}." if refused else ""
    if how == "markdown":
        print(seen.to_markdown() + (f"\n{note}\n" if note else ""), end="")
    else:
        show_comparison(seen, sys.stdout, note)


def _applicable(
    votes: Comparisons | ScoreTable, methods: Sequence[tuple[str, Mapping[str, Any]]]
) -> tuple[list[tuple[str, Mapping[str, Any]]], list[str]]:
    """The rules that these votes carry enough for, and those that they do not."""
    chosen: list[tuple[str, Mapping[str, Any]]] = []
    refused = []
    for name, options in methods:
        how = find(name)
        settings = how.settings(options)
        try:
            how.function(how.view_of(votes), **settings)
            chosen.append((name, options))
        except InputError:
            refused.append(name)
    return chosen, refused


def in_group(board: Leaderboard, group: Mapping[str, Any]) -> Leaderboard:
    """Mark a board, and those of its components, as one of a group."""
    parts = tuple(replace(part, by={**group, **(part.by or {})}) for part in board.components)
    return replace(board, by=group, components=parts)


def print_boards(boards: Sequence[Leaderboard], how: str) -> None:
    """Print boards to standard output as a table, CSV, JSON or Markdown."""
    from agon.arena.cli.tables import boards_to_csv, show_boards

    if how == "json":
        print(boards_to_json(boards))
    elif how == "csv":
        print(boards_to_csv(boards), end="")
    elif how == "markdown":
        parts = [part for board in boards for part in (board, *board.components)]
        print("\n".join(f"## {_title(part)}\n\n{part.to_markdown()}" for part in parts), end="")
    else:
        show_boards(boards, sys.stdout)


def name_check(source: str, votes: Votes, table: str | None, columns: Mapping[str, str] | None) -> None:
    """Say on a terminal, of votes that name their voters, which command looks for what no board looks for."""
    if not sys.stderr.isatty() or not isinstance(votes, Comparisons):
        return
    if "voter" in (columns or {}) or names_voters(source, table):
        more = "repeated votes, voters who carry a model and a favoured side"
        print(f"agon check {plain(source)} looks for more: {more}.", file=sys.stderr)


def _title(board: Leaderboard) -> str:
    return board.method + plain("".join(f", {name} = {value}" for name, value in (board.by or {}).items()))


def progress(message: str) -> AbstractContextManager[object]:
    """Show a line with a moving sign while work goes on, on a terminal only."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console
    from rich.text import Text

    return Console(stderr=True).status(Text(plain(message)))
