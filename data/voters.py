"""People and LLM judges: whose votes a board is made of. They are never mixed unless asked for."""

from __future__ import annotations

from typing import Literal

from data.sources import Source
from ranking import OptionError, SourceError
from ranking.comparisons import OTHER_VOTERS
from ranking.errors import nearest

Voters = Literal["human", "llm", "all"]
COLUMN = "voter_kind"
KINDS = ("human", "llm")
LEFT_OUT = dict(zip(KINDS, OTHER_VOTERS, strict=True))


def check_voters(voters: str | None) -> None:
    """Refuse an unknown choice.

    Raises:
        OptionError: neither None, "human", "llm" nor "all".
    """
    if voters not in (None, *KINDS, "all"):
        raise OptionError(f"There is no kind of voters {voters!r}; {nearest(str(voters), (*KINDS, 'all'))}")


def condition(source: Source, voters: Voters | None) -> str:
    """SQL for the rows whose votes count.

    A source without the column, and a row without a value, is of people. Where nothing is asked for and there
    are both kinds, people's votes count; one kind alone counts whichever it is.

    Raises:
        SourceError: a value that is neither "human" nor "llm", or no votes of the kind asked for.
    """
    if COLUMN not in source.columns:
        if voters == "llm":
            raise SourceError(
                f"{source.name} has no votes of LLM judges: without a column {COLUMN} all are of people."
            )
        return "TRUE"
    sql = f"SELECT DISTINCT {_kind()} AS kind FROM unfiltered WHERE {source.where or 'TRUE'} ORDER BY kind"
    found = source.query(sql)["kind"].to_pylist()
    unknown = [kind for kind in found if kind not in KINDS]
    if unknown:
        raise SourceError(
            f"{source.name} has a {COLUMN} {unknown[0]!r}: write 'human' or 'llm', or nothing for people."
        )
    if voters in KINDS and found and voters not in found:
        raise SourceError(f"{source.name} has no {LEFT_OUT[voters]}; all are {LEFT_OUT[found[0]]}.")
    if voters == "all" or (voters is None and len(found) < 2):
        return "TRUE"
    return f"{_kind()} = '{voters or 'human'}'"


def others(source: Source, part: str, parameters: list[str | None]) -> dict[str, int]:
    """Count the votes of the kind that was not taken, in words; `part` is SQL for a part of the votes."""
    if COLUMN not in source.columns:
        return {}
    every = f"(SELECT * FROM unfiltered WHERE {source.where or 'TRUE'})"
    found = {}
    for kind, words in LEFT_OUT.items():
        there = f"{part} AND {_kind()} = '{kind}'"
        number = _count(source, every, there, parameters) - _count(source, "votes", there, parameters)
        if number:
            found[words] = number
    return found


def llm_votes(source: Source, part: str, parameters: list[str | None]) -> int:
    """Count the votes of LLM judges among those taken; `part` is SQL for a part of the votes."""
    if COLUMN not in source.columns:
        return 0
    return _count(source, "votes", f"{part} AND {COLUMN} = 'llm'", parameters)


def _count(source: Source, table: str, where: str, parameters: list[str | None]) -> int:
    sql = f"SELECT count(*) AS number FROM {table} WHERE {where}"
    return int(source.query(sql, parameters)["number"].to_pylist()[0])


def _kind() -> str:
    return f"coalesce(CAST({COLUMN} AS VARCHAR), 'human')"
