"""Where the pages of a board are: the addresses that stand in their links and forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urlencode

from agon.arena.web.leaderboard.query import BoardQuery


class Link(Protocol):
    """The address of a board as a page, "csv", "json" or "png"; or of another page on the same votes.

    Those are "rules", "rules.json", "prediction.json", "tastes.json", "history", "overview:COLUMN",
    "model:NAME", and "compare:NAMES" with a name in each line. "form" and "compare-form" are where forms are
    sent, "at" the board's lasting address. None where there is none to go to.
    """

    def __call__(self, query: BoardQuery, form: str = "") -> str | None:
        """Return it."""


_PATHS = {
    "": "./leaderboard",
    "at": "./leaderboard",
    "csv": "./leaderboard.csv",
    "png": "./leaderboard.png",
    "json": "./api/leaderboard",
    "history": "./history",
    "model": "./model",
    "compare": "./compare",
    "overview": "./overview",
    "rules": "./rules",
    "rules.json": "./api/rules",
    "prediction.json": "./api/prediction",
    "tastes.json": "./api/tastes",
}
_GIVEN: Mapping[str, Callable[[str], list[tuple[str, str]]]] = {
    "model": lambda name: [("name", name)],
    "compare": lambda names: [("models", name) for name in names.split("\n") if name],
    "overview": lambda column: [("of", column)] if column else [],
}  # what the detail of a form adds to an address
_FORMS = {"form": "./leaderboard", "compare-form": "./compare"}


def address(query: BoardQuery, form: str = "") -> str | None:
    """Where the board of a query is on a server."""
    if form in _FORMS:
        return _FORMS[form]
    kind, _, detail = form.partition(":")
    given = _GIVEN[kind](detail) if kind in _GIVEN else []
    words = "&".join(part for part in (urlencode(given), query.parameters) if part)
    return f"{_PATHS[kind]}?{words}" if words else _PATHS[kind]
