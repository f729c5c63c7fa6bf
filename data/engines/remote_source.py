"""Votes that stay where they are: what the sources of all other engines than DuckDB have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from agon.data.engines.dialects import rewritten, translate
from agon.data.files.source import AS_TEXT, Source
from agon.ranking.errors import SourceError, suggest

if TYPE_CHECKING:
    from sqlglot import exp

_OURS = (*AS_TEXT, "timestamp", "battle_id", "prompt_id", "voter_kind", "blind")


class RemoteSource(Source):
    """Rows that another engine counts; of a dialect that `translate` knows.

    Args:
        name: what messages call it.
        dialect: of the engine.
        unfiltered: all rows, as a query.
        columns: theirs, and the types as DuckDB calls them.
        where: a condition in the SQL of DuckDB, or None.
    """

    remote = True

    def __init__(
        self,
        name: str,
        dialect: str,
        unfiltered: exp.Query,
        columns: Mapping[str, str],
        where: str | None,
    ) -> None:
        super().__init__(name, None, columns, f"{where}\n" if where else None)  # type: ignore[arg-type]
        object.__setattr__(self, "_dialect", dialect)
        object.__setattr__(self, "_views", {"unfiltered": unfiltered})

    def define(self, sql: str) -> None:
        """Let `votes` stand for a query.

        Raises:
            SourceError: it is none.
        """
        views: dict[str, exp.Query] = self._views  # type: ignore[attr-defined]
        views["votes"] = rewritten(sql, self.columns)

    def translated(self, sql: str, parameters: list[Any] | None) -> str:
        """A query of DuckDB in the dialect of the engine, with what its views stand for.

        Raises:
            SourceError: it cannot be said there.
        """
        return translate(sql, self._dialect, self._views, self.columns, parameters or ())  # type: ignore[attr-defined]


def names_as_ours(columns: Iterable[str], renamed: Mapping[str, str], name: str) -> dict[str, str]:
    """Our name for each column → its name there: as was asked, and columns of votes in lower case.

    Raises:
        SourceError: no such column.
    """
    known = list(columns)
    for theirs in renamed.values():
        if theirs not in known:
            raise SourceError(f"{name} has no column {theirs!r}; {suggest(theirs, known)}")
    kept = {one: one for one in known if one not in renamed} | dict(renamed)
    lower = {one: one.lower() if one.lower() in _OURS and one.lower() not in kept else one for one in kept}
    return {lower[one]: theirs for one, theirs in kept.items()}
