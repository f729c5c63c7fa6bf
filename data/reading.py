"""`read_any`: votes, a table of scores or an election, whichever a file or frame holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agon.data.files.detection import kind_of
from agon.data.files.elections import preflib
from agon.data.files.schema import Voters
from agon.data.files.score_tables import score_table
from agon.data.files.source import describe
from agon.data.files.table_source import Invalid, comparisons
from agon.data.frames import frame_to_arrow
from agon.ranking import OptionError
from agon.ranking.votes.comparisons import Votes


def read_any(
    source: object,
    *,
    where: str | None = None,
    table: str | None = None,
    columns: Mapping[str, str] | None = None,
    invalid: Invalid = "error",
    voters: Voters | None = None,
    **tasks: Any,
) -> Votes:
    """Read votes, a table of scores or a PrefLib election, ready to rank.

    Args:
        source, where, table, columns, invalid, voters: as for `comparisons`; `columns` may also name the
            column `model` of a table of scores.
        tasks: keywords of `score_table`, such as weights, groups and ignore.

    Raises:
        SourceError, VotesError: as the reader of what the source holds.
        OptionError: as that reader, and an option that belongs to another kind of source.
    """
    named = dict(columns or {})
    given = {name: value for name, value in tasks.items() if value}
    reading = {"where": where, "table": table, "voters": voters}
    if not isinstance(source, str | Path) and (found := frame_to_arrow(source)) is not None:
        source = found
    kind = "votes" if named and set(named) != {"model"} else kind_of(source, named.get("model"))
    if kind == "votes":
        _refuse(given, source, "votes, not a table of scores")
        return comparisons(
            source, where=where, table=table, columns=named or None, invalid=invalid, voters=voters
        )
    if kind == "election":
        _refuse({**reading, **given, "columns": named}, source, "an election")
        return preflib(str(source), absent=invalid)
    _refuse(reading, source, "a table of scores, not votes")
    return score_table(source, model=named.get("model"), invalid=invalid, **given)


def _refuse(options: Mapping[str, Any], source: object, what: str) -> None:
    """Refuse options that mean nothing for what the source holds."""
    for name, value in options.items():
        if value:
            raise OptionError(f"{name} does not apply: {describe(source)} holds {what}.")
