"""Boards in a terminal: the conclusion, a table with the interval drawn, and what to know about the votes."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agon.ranking import Leaderboard, Row
from agon.ranking.analysis.rule_comparison import LISTED, RuleComparison
from agon.ranking.leaderboard.row import plain, score_range
from agon.ranking.text import join_names

_NAMED = 12  # tasks that a board names
BAR = 26  # characters of a drawn interval
PIPE_WIDTH = 140  # characters of a table that goes into a file or pipe


class _Output(Console):
    """A console that leaves a closed pipe to the command, for which it is no error."""

    def on_broken_pipe(self) -> None:
        """Raise what happened."""
        raise BrokenPipeError


def console(stream: TextIO) -> Console:
    """Make a console that keeps colour and width to terminals."""
    return _Output(
        file=stream, width=None if stream.isatty() else PIPE_WIDTH, highlight=False, soft_wrap=False
    )


def show_boards(
    boards: Sequence[Leaderboard],
    stream: TextIO,
    top: int | None = None,
    models: Collection[str] | None = None,
) -> None:
    """Print boards one under the other, each followed by those of its components; `top` rows of each, and of
    these the rows of `models` alone if they are given."""
    out = console(stream)
    for position, board in enumerate(boards):
        if position:
            out.print()
        _show(board, out, top, models)


def _show(
    board: Leaderboard, out: Console, top: int | None, models: Collection[str] | None, *, part: bool = False
) -> None:
    """Print one board; of a component without what is said of all votes."""
    heading = board.method + "".join(f" · {name} = {value}" for name, value in (board.by or {}).items())
    say(out, plain(heading), "bold")
    say(out, plain(board.conclusion()))
    rows = [row for row in board.rows if models is None or row.model in models][:top]
    out.print(_table(board, out, rows))
    if top is not None and top < len(board.rows):
        say(out, f"{len(board.rows) - top} more models are not shown.", "dim")
    for remark in board.remarks():
        say(out, f"• {plain(remark)}", "dim")
    if not part:
        interval, level = board.settings["interval"], f"{board.level:.0%}"
        together = "simultaneous " if board.settings.get("simultaneous") else ""
        how = "no intervals" if board.rank_method == "none" else f"{together}{interval} intervals at {level}"
        how += ", ranks by empirical Bayes" if board.rank_method == "empirical_bayes" else ""
        if directions := board.settings.get("tasks"):
            say(out, f"Tasks: {_tasks(directions)}.", "dim")
        number = board.settings["votes"]
        votes = f"{number:,} {board.counted if number != 1 else board.counted.removesuffix('s')}"
        head = "" if board.head is None else f" · head {board.head.hash[:12]}, event {board.head.events:,}"
        say(out, f"{votes} · {how} · fingerprint {board.fingerprint[:12]}{head}", "dim")
    for component in board.components:
        out.print()
        _show(component, out, top, models, part=True)


def show_comparison(seen: RuleComparison, stream: TextIO, note: str = "") -> None:
    """Print several rules: the conclusion, who is first by which, ranges and agreement by rule number."""
    out = console(stream)
    say(out, plain(seen.conclusion()), "bold")
    numbers = [str(number) for number in range(1, len(seen.methods) + 1)]
    rows = seen.to_frame()
    chances = [] if seen.first is None else ["probability"]
    elects = bool(chances) and bool((rows["nobody"] > 0).any())
    rules = make_grid("", "rule", "first", *chances, *["nobody"] * elects, "could be first too")
    lines = rows.itertuples(index=False)
    for number, (rule, first, chance, nobody, others) in zip(numbers, lines, strict=True):
        probability = [] if seen.first is None else [f"{chance:.0%}"]
        probability += [f"{nobody:.0%}" if nobody > 0 else ""] * elects
        rules.add_row(*map(Text, [number, rule, plain(first) or "nobody", *probability, plain(others)]))
    ranks = make_grid("rank", *numbers)
    for i, name in enumerate(seen.models[:LISTED]):
        ranks.add_row(*map(Text, [plain(name), *(_range(seen, rule, i) for rule in range(len(numbers)))]))
    tau = make_grid("τ-b", *numbers)
    for rule, number, row in zip(seen.methods, numbers, seen.agreement.tolist(), strict=True):
        tau.add_row(*map(Text, [f"{number} {rule}", *("" if math.isnan(t) else f"{t:.2f}" for t in row)]))
    for table in (rules, ranks, tau):
        out.print(table)
        if table is ranks and len(seen.models) > LISTED:
            say(out, f"{len(seen.models) - LISTED} more models are in --format json.", "dim")
        out.print()
    what = f"rank ranges at {seen.level:.0%}"
    say(
        out,
        what + (f" from {seen.n_resamples} resamples, seed {seen.seed}" if seen.n_resamples else ""),
        "dim",
    )
    for text in filter(None, (seen.left_out_sentence(), note)):
        say(out, text, "dim")


def _tasks(directions: Mapping[str, str]) -> str:
    """The tasks of a table of scores, those on which less is better last."""
    more, less = ([plain(t) for t, way in directions.items() if way == end] for end in ("higher", "lower"))
    parts = [join_names(more, _NAMED)] if more else []
    parts += [f"{join_names(less, _NAMED)}, on which less is better"] if less else []
    return "; ".join(parts)


def _range(seen: RuleComparison, rule: int, model: int) -> str:
    """The best and the worst rank of a model under a rule, or its rank where these are not known."""
    rank, low, high = (int(t[rule, model]) for t in (seen.rank, seen.rank_lower, seen.rank_upper))
    if not rank:
        return "–"
    return f"{low}–{high}" if 0 < low < high else str(low or rank)


def make_grid(*heads: str) -> Table:
    """A table whose first columns are texts, folded, and whose numbers stand right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in heads:
        number = head.isdigit() or head.endswith(("probability", "before", "after", "change"))
        table.add_column(head, justify="right" if number else "left", no_wrap=number, overflow="fold")
    return table


def say(out: Console, text: str, style: str = "") -> None:
    """Print a line; in a pipe it stays one line however long."""
    out.print(Text(text, style=style), soft_wrap=not out.is_terminal)


def _table(board: Leaderboard, out: Console, shown: Sequence[Row]) -> Table:
    """One line a model; the drawn intervals share one axis, where no name is cut for them.

    A narrow terminal gets fewer columns.
    """
    measured = board.rank_method != "none" and out.width >= 56
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("rank", justify="right", no_wrap=True)
    table.add_column("model", overflow="fold", min_width=12)
    table.add_column("score", justify="right", no_wrap=True)
    rows = [board.cells(row) for row in shown]
    heads = ("rank", "model", "score", "interval", board.counted, "")
    needed = sum(2 + max(map(len, column)) for column in list(zip(heads, *rows, strict=True))[:-1])
    drawn = _axis(board.rows) if measured and needed + BAR <= out.width else None
    if measured:
        table.add_column("interval", justify="right", no_wrap=True)
    if drawn:
        table.add_column("", no_wrap=True)
    if out.width >= 44:
        table.add_column(board.counted, justify="right", no_wrap=True)
        table.add_column("status", no_wrap=True)
    ascii_only = not out.encoding.lower().startswith("utf")
    for row, texts in zip(shown, rows, strict=True):
        rank, name, score, interval, votes, status = texts
        cells = [rank, plain(name), score]
        if measured:
            cells.append(interval)
        if drawn:
            cells.append(bar(row, *drawn, ascii_only=ascii_only))
        if out.width >= 44:
            cells += [votes, "" if status == "ranked" else status]
        table.add_row(*(Text(cell) for cell in cells), style=None if row.status == "ranked" else "dim")
    return table


def _axis(rows: Sequence[Row]) -> tuple[float, float] | None:
    """Lowest and highest number drawn."""
    found = score_range(rows)
    if found is None or found[1] <= found[0]:
        return None
    low, high = found
    room = (high - low) / BAR  # beside the outermost point, for the arrow of an open side
    open_below = any(row.lower is None and row.upper is not None for row in rows)
    open_above = any(row.upper is None and row.lower is not None for row in rows)
    return low - 2 * room * open_below, high + 2 * room * open_above


def bar(row: Row, low: float, high: float, *, ascii_only: bool = False) -> str:
    """Draw a row's interval on the axis from `low` to `high`; an open side ends in an arrow."""
    if row.score is None or (row.lower is None and row.upper is None):
        return ""
    line, point, left, right = ("-", "o", "<", ">") if ascii_only else ("─", "●", "◂", "▸")

    def place(value: float) -> int:
        return round(min(max((value - low) / (high - low), 0.0), 1.0) * (BAR - 1))

    first = 0 if row.lower is None else place(row.lower)
    last = BAR - 1 if row.upper is None else place(row.upper)
    cells = [line if first <= i <= last else " " for i in range(BAR)]
    if row.lower is None:
        cells[0] = left
    if row.upper is None:
        cells[-1] = right
    cells[place(row.score)] = point
    return "".join(cells)
