"""The columns that a reader may pick beside rank, model and score, and the order and choice of the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agon.arena.web.languages.texts import _, message, percent, short_date
from agon.arena.web.languages.texts import number as number_text
from agon.arena.web.leaderboard.model_info import ModelInfo
from agon.arena.web.leaderboard.query import BoardView, QueryError, in_quotes
from agon.arena.web.markdown.markdown import without_hidden
from agon.ranking import Leaderboard
from agon.ranking.errors import suggest
from agon.ranking.leaderboard.row import Row
from agon.ranking.text import Sentence

Value = str | float | None
USUAL_COLUMNS = ("votes", "price", "reliability", "state")  # columns shown unless others are picked
_KNOWN = {
    "price": (message("Price / M"), "${:,.2f}"),
    "input_price": (message("Input price / M"), "${:,.2f}"),
    "first_token": (message("First token"), "{:.2f} s"),
    "seconds": (message("Time of an answer"), "{:.1f} s"),
    "tokens": (message("Length in tokens"), "{:,.0f}"),
    "length": (message("Length in characters"), "{:,.0f}"),
    "tokens_per_second": (message("Tokens / s"), "{:,.0f}"),
    "failures": (message("Failures"), "{:.1%}"),
}  # facts: head of the column, and how a number of it is written


@dataclass(frozen=True, slots=True)
class BoardColumn:
    """One column: its head, what it says of a row, and by what it sorts.

    Attributes:
        title: its head.
        text: the words of a row; empty where nothing is known.
        value: what rows are sorted by; None stands last.
        right: whether it stands on the right, as numbers do.
    """

    title: str
    text: Callable[[Row], str]
    value: Callable[[Row], Value]
    right: bool = True


def known_columns(board: Leaderboard, info: ModelInfo) -> dict[str, BoardColumn]:
    """The columns of which something is known, by the name that an address has for them."""

    def about(name: str) -> Callable[[Row], Value]:
        return lambda row: info.fact(row.model, name)

    found = {
        "votes": BoardColumn(counted_title(board), lambda row: number_text(row.votes), lambda row: row.votes),
        "first": BoardColumn(
            _("Chance of being first"),
            lambda row: "" if row.p_first is None else percent(row.p_first),
            lambda row: row.p_first,
        ),
    }
    names = dict.fromkeys(name for row in board.rows for name in info.facts(row.model))
    for name in (*_KNOWN, *(name for name in names if name not in _KNOWN)):
        found[name] = BoardColumn(
            fact_title(name), _said(info, name), about(name), not _is_text(board, info, name)
        )
    found["reliability"] = BoardColumn(
        _("Reliability"), lambda row: info.reliable(row.model), lambda row: info.reliability(row.model)
    )
    known = {
        name: column
        for name, column in found.items()
        if name in ("votes", "first") or any(column.text(row) for row in board.rows)
    }
    if all(row.p_first is None for row in board.rows):
        del known["first"]
    known["state"] = BoardColumn(_("State"), lambda row: row.status, lambda row: row.status, right=False)
    return known


_TITLES = {
    "organisation": message("Organisation"),
    "licence": message("Licence"),
    "first_seen": message("First seen"),
}


def counted_title(board: Leaderboard) -> str:
    """The head of the column of counts."""
    title = {"votes": message("Votes"), "tasks": message("Tasks"), "ballots": message("Ballots")}
    return _(title[board.counted]) if board.counted in title else board.counted.capitalize()


def fact_title(name: str) -> str:
    """The head of a column, or the name of a fact as people write it."""
    written = without_hidden(name).replace("_", " ")
    if name in _KNOWN:
        return _(_KNOWN[name][0])
    return _(_TITLES[name]) if name in _TITLES else written[:1].upper() + written[1:]


def fact_text(name: str, value: Value) -> str:
    """A fact as it is shown; empty for none."""
    if value is None:
        return ""
    if isinstance(value, str):
        return without_hidden(value)
    if name == "first_seen":
        return short_date(datetime.fromtimestamp(value, UTC))
    return _KNOWN[name][1].format(value) if name in _KNOWN else f"{value:,.4g}"


def _said(info: ModelInfo, name: str) -> Callable[[Row], str]:
    return lambda row: fact_text(name, info.fact(row.model, name))


def _is_text(board: Leaderboard, info: ModelInfo, name: str) -> bool:
    return any(isinstance(info.fact(row.model, name), str) for row in board.rows)


def chosen_columns(known: Mapping[str, BoardColumn], view: BoardView) -> dict[str, BoardColumn]:
    """Those that a view asks for.

    Raises:
        QueryError: one that there is not.
    """
    if view.columns is None:
        return {name: known[name] for name in USUAL_COLUMNS if name in known}
    for name in view.columns:
        if name not in known:
            raise QueryError(
                Sentence(
                    "There is no column {name}; {remedy}", name=in_quotes(name), remedy=suggest(name, known)
                )
            )
    return {name: column for name, column in known.items() if name in view.columns}


def arrange_rows(
    board: Leaderboard, view: BoardView, known: Mapping[str, BoardColumn], info: ModelInfo
) -> Sequence[Row]:
    """The rows of the state asked for whose names have in them what is searched for, in the order asked for.

    Raises:
        QueryError: an order by a column that there is not.
    """
    rows = [row for row in board.rows if row.status != "component"]
    if view.life is not None:
        rows = [row for row in rows if info.life(row.model, row.votes) == view.life]
    if view.search:
        wanted = view.search.casefold()
        rows = [
            row
            for row in rows
            if any(
                wanted in text.casefold() for text in (row.model, info.name(row.model), info.about(row.model))
            )
        ]
    if not view.sort or view.sort == "rank":
        return rows
    name = view.sort.removeprefix("-")
    orders: dict[str, Callable[[Row], Value]] = {
        "rank": lambda row: row.rank,
        "model": lambda row: info.name(row.model).casefold(),
        "score": lambda row: row.score,
        **{key: column.value for key, column in known.items()},
    }
    if name not in orders:
        raise QueryError(
            Sentence(
                "Rows cannot be sorted by {name}; {remedy}",
                name=in_quotes(name),
                remedy=suggest(name, orders),
            )
        )
    by = orders[name]
    told = [(by(row), row) for row in rows]
    texts = any(isinstance(value, str) for value, _ in told)
    having = [(str(value) if texts else value, row) for value, row in told if value is not None]
    having.sort(key=lambda pair: pair[0], reverse=view.sort.startswith("-"))
    return [*(row for _, row in having), *(row for value, row in told if value is None)]
