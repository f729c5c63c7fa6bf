"""The two layouts of votes, and the view in which a source has our columns in our types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from math import comb
from typing import Literal

from agon.data.files.counted_part import COUNT
from agon.data.files.source import Source
from agon.data.validation import rows_text
from agon.ranking import OptionError, SourceError
from agon.ranking.errors import suggest
from agon.ranking.votes.vote_source import NOT_BLIND, OTHER_VOTERS

PAIRWISE = ("model_a", "model_b")
KWISE = ("models", "places")
_OURS = (*PAIRWISE, *KWISE, "winner", "p_a")
_WORDS_FOR = {"winner": ("verdict", "outcome", "result", "judgement", "judgment", "vote", "preference")}


def is_votes(columns: Iterable[str]) -> bool:
    """Whether the columns are of one of the two layouts."""
    lower = {column.lower() for column in columns}
    return lower.issuperset(KWISE) or (lower.issuperset(PAIRWISE) and bool(lower & {"winner", "p_a"}))


def is_graded(columns: Mapping[str, str]) -> bool:
    """Whether a column says in numbers how much better the winner is; one of texts says something else."""
    return columns.get("grade", "").startswith(
        ("DOUBLE", "FLOAT", "DECIMAL", "BIGINT", "INT", "SMALL", "TINY", "U")
    )


def layout_of(columns: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Find out which of the two layouts the columns are of.

    Raises:
        SourceError: neither, or both.
    """
    lower = {column.lower() for column in columns}
    pairwise, kwise = lower.issuperset(PAIRWISE), lower.issuperset(KWISE)
    if pairwise and kwise:
        raise SourceError(
            f"{name} has both model_a, model_b and models, places; keep one layout (docs/data.md)."
        )
    if kwise:
        return KWISE
    if pairwise and lower & {"winner", "p_a"}:
        return PAIRWISE
    wanted = "winner (or p_a)" if pairwise else next((c for c in PAIRWISE if c not in lower), "model_a")
    option = column_option(wanted.split()[0], [one for one in columns if one.lower() not in _OURS])
    raise SourceError(
        f"{name} has no column {wanted}: votes need model_a, model_b and winner (or p_a), or models and "
        f"places; it has {_some(list(columns))}. Name yours with columns= {option}"
        + ("." if pairwise else ", or read a table of scores with ag.score_table.")
    )


def column_option(wanted: str, columns: Sequence[str]) -> str:
    """The option that names a missing column: with the likeliest of these for it, or a word to replace."""
    likely = [name for name in columns if name.lower() in _WORDS_FOR.get(wanted, ())]
    likely += get_close_matches(wanted, columns, 1, 0.4)
    return f"(--column {wanted}={likely[0] if likely else 'YOURS'})"


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def normalise(source: Source, voters: str) -> None:
    """Make the view `votes`: our columns in our types, row numbers counted before any condition.

    `voters` is the condition on who voted.
    """
    layout = layout_of(source.columns, source.name)
    kinds = {column.lower(): kind for column, kind in source.columns.items()}
    changed = [
        f"CAST({column} AS VARCHAR) AS {column}"
        for column in ("model_a", "model_b", "winner")
        if column in kinds and layout == PAIRWISE
    ]
    changed += [
        f"CAST({column} AS DOUBLE) AS {column}"
        for column in ("p_a", "weight")
        if kinds.get(column, "VARCHAR") != "VARCHAR"
    ]
    if is_graded(source.columns) and layout == PAIRWISE:
        changed.append("CAST(grade AS DOUBLE) AS grade")
    if layout == KWISE:
        for column, kind in (("models", "VARCHAR"), ("places", "DOUBLE"), ("acceptable", "BOOLEAN")):
            if column in kinds and kinds[column] != "VARCHAR" and not kinds[column].endswith(("]", "JSON")):
                raise SourceError(
                    f"{source.name} has one {column[:-1]} in each row of {column}; write a list, such as "
                    "models ['ada', 'bob', 'cyn'] with places [1, 2, 2]."
                )
            if column in kinds:
                value = column if kinds[column].endswith("]") else f"TRY_CAST({column} AS JSON)"
                changed.append(f"CAST({value} AS {kind}[]) AS {column}")
    if "timestamp" in kinds:
        changed.append(f"{seconds_sql(kinds['timestamp'])} AS timestamp")
    if COUNT in kinds:
        changed.append(f"CAST({COUNT} AS BIGINT) AS {COUNT}")
    sql = "SELECT "
    sql += f"* REPLACE ({', '.join(changed)})" if changed else "*"
    sql += " FROM (SELECT *, row_number() OVER () AS agon_row FROM unfiltered)"
    sql += f" WHERE {voters}" + (f" AND ({source.where})" if source.where else "")
    source.define(sql)


def seconds_sql(kind: str) -> str:
    """SQL for the column `timestamp` as seconds."""
    if kind.startswith(("TIMESTAMP", "DATE")):
        return "epoch(timestamp)"
    if kind == "VARCHAR":
        return "coalesce(TRY_CAST(timestamp AS DOUBLE), epoch(TRY_CAST(timestamp AS TIMESTAMPTZ)))"
    return "CAST(timestamp AS DOUBLE)"


PERIODS = {"day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}
_MOST_DAYS, _MOST_MONTHS = 24, 24  # that are told apart


def period_name(first: float, last: float) -> str | None:
    """The kind of period that tells times apart between two, in seconds since 1970; None if none does."""
    days = (last - first) / 86400
    name = "day" if days < _MOST_DAYS else "month" if days < 30.4 * _MOST_MONTHS else "year"
    try:
        one, other = (period_of(name, seconds) for seconds in (first, last))
    except (OverflowError, ValueError, OSError):  # beyond the years that there are
        return None
    return name if one != other else None


def period_of(name: str, seconds: float) -> str:
    """The day, month or year, in UTC, of so many seconds since 1970: "2026-11"."""
    return datetime.fromtimestamp(seconds, UTC).strftime(PERIODS[name])


def period_ends(name: str, value: str) -> tuple[float, float]:
    """The first second of a period, and that after it.

    Raises:
        SourceError: there is no such period.
    """
    try:
        begin = datetime.strptime(value, PERIODS[name]).replace(tzinfo=UTC)
    except ValueError:
        raise SourceError(f"{value!r} is no {name}; write it as {period_of(name, 0.0)}.") from None
    later = begin + timedelta(days={"day": 1, "month": 31, "year": 366}[name])
    end = datetime.strptime(later.strftime(PERIODS[name]), PERIODS[name]).replace(tzinfo=UTC)
    return begin.timestamp(), end.timestamp()


def period_sql(seconds: str, name: str) -> str:
    """SQL for the day, month or year, in UTC, of so many seconds since 1970."""
    return f"strftime(make_timestamp(CAST(1e6 * {seconds} AS BIGINT)), '{PERIODS[name]}')"


def weight_sql(
    source: Source, floor: float, n_models: int, most: int | None = None, *, with_failed: bool = False
) -> str:
    """SQL for the weight of a vote: its own, times one over the probability of its models.

    Args:
        source: votes with a column pair_probability, or pair_probabilities as a log writes them; votes that
            list their models with a column group_probability.
        floor: smallest probability that counts, as a share of that of models drawn at random.
        n_models: M, of which K are drawn at random with probability 1 / binomial(M, K).
        most: of the models on a vote, where votes list them; None for votes on pairs.
        with_failed: whether votes count on fewer models than were drawn, because an answer failed.

    Raises:
        SourceError: no such column, or a vote whose probability is none.
    """
    kinds = {column.lower(): kind for column, kind in source.columns.items()}
    column = "pair_probability" if most is None else "group_probability"
    even = f"{1 / comb(n_models, 2)!r}::DOUBLE"
    if most is not None:
        gone = f" + coalesce(TRY_CAST({FAILED} AS BIGINT), 0)" if with_failed else ""
        sizes = range(1, min(n_models, most + _MOST_FAILED) + 1)
        even = f"([{', '.join(repr(1 / comb(n_models, k)) for k in sizes)}]::DOUBLE[])[len(models){gone}]"
    if column in kinds:
        drawn = f"TRY_CAST({column} AS DOUBLE)"
    elif most is None and kinds.get("pair_probabilities", "").endswith("[]"):
        drawn = "pair_probabilities[1]"  # the only pair of two models
    else:
        raise SourceError(
            f"{source.name} has no column {column}: reweight needs the probability with which the "
            f"{'pair' if most is None else 'models'} of each vote {'was' if most is None else 'were'} drawn."
        )
    wrong = source.query(
        "SELECT agon_row, count(*) OVER () AS total FROM votes "
        f"WHERE ({drawn} > 0 AND {drawn} <= 1) IS NOT TRUE ORDER BY agon_row LIMIT 5"
    )
    if wrong.num_rows:
        rows = rows_text(wrong["agon_row"].to_pylist(), wrong["total"][0].as_py())
        raise SourceError(
            f"There is no {column} above 0 and at most 1 in {rows} of {source.name}; correct it, "
            "or leave such rows out with where=."
        )
    own = "TRY_CAST(weight AS DOUBLE) * " if "weight" in kinds else ""
    return f"{own}{even} / greatest({drawn}, {floor!r}::DOUBLE * {even}) AS weight"


_MOST_FAILED = 8  # answers of one battle
FAILED = "failed"  # how many answers of a battle failed, so that its vote is about fewer
WITH_FAILED = f"coalesce(TRY_CAST({FAILED} AS BIGINT), 0) > 0"

Voters = Literal["human", "llm", "all"]
COLUMN = "voter_kind"
_KINDS = ("human", "llm")
LEFT_OUT = dict(zip(_KINDS, OTHER_VOTERS, strict=True))


def check_voters(voters: str | None) -> None:
    """Refuse an unknown choice.

    Raises:
        OptionError: neither None, "human", "llm" nor "all".
    """
    if voters not in (None, *_KINDS, "all"):
        raise OptionError(f"There is no kind of voters {voters!r}; {suggest(str(voters), (*_KINDS, 'all'))}")


def condition(source: Source, voters: Voters | None) -> str:
    """SQL for the rows whose votes count.

    A source without the column, and a row without a value, is of people. Where nothing is asked for and there
    are both kinds, people's votes count; one kind alone counts whichever it is.

    Raises:
        SourceError: a value that is neither "human" nor "llm", or no votes of the kind asked for.
    """
    shut = blind(source)
    if COLUMN not in source.columns:
        if voters == "llm":
            raise SourceError(
                f"{source.name} has no votes of LLM judges: without a column {COLUMN} all are of "
                "people; leave voters out, or name the column with columns=."
            )
        return shut
    sql = f"SELECT DISTINCT {_kind()} AS kind FROM unfiltered WHERE {source.where or 'TRUE'} ORDER BY kind"
    found = source.query(sql)["kind"].to_pylist()
    unknown = [kind for kind in found if kind not in _KINDS]
    if unknown:
        raise SourceError(
            f"{source.name} has a {COLUMN} {unknown[0]!r}: write 'human' or 'llm', or nothing for people."
        )
    if voters in _KINDS and found and voters not in found:
        raise SourceError(f"{source.name} has no {LEFT_OUT[voters]}; all are {LEFT_OUT[found[0]]}.")
    if voters == "all" or (voters is None and len(found) < 2):
        return shut
    return f"{shut} AND {_kind()} = '{voters or 'human'}'"


def blind(source: Source) -> str:
    """SQL for the votes that were cast before the names were shown, where the source says so.

    Raises:
        SourceError: rows that do not say whether they were.
    """
    shown = _shown(source)
    if "anony" not in source.columns:
        return shown
    shut = "TRY_CAST(CAST(anony AS VARCHAR) AS BOOLEAN)"
    wrong = source.query(
        "SELECT agon_row, count(*) OVER () AS total FROM "
        "(SELECT *, row_number() OVER () AS agon_row FROM unfiltered) "
        f"WHERE ({source.where or 'TRUE'}) AND {shut} IS NULL ORDER BY agon_row LIMIT 5"
    )
    if wrong.num_rows:
        rows = rows_text(wrong["agon_row"].to_pylist(), wrong["total"][0].as_py())
        raise SourceError(
            f"There is no anony that is true or false, for votes cast blind or not, in {rows} of "
            f'{source.name}; fill it in, or leave such rows out with where="anony IS NOT NULL".'
        )
    return shut if shown == "TRUE" else f"({shut} AND {shown})"


def _shown(source: Source) -> str:
    """SQL for the votes that a log does not mark as cast with the names known; most files mark none.

    Raises:
        SourceError: a value that is neither true nor false.
    """
    if "blind" not in source.columns:
        return "TRUE"
    told = "TRY_CAST(CAST(blind AS VARCHAR) AS BOOLEAN)"
    sql = f"SELECT CAST(blind AS VARCHAR) AS value FROM unfiltered WHERE blind IS NOT NULL AND {told} IS NULL"
    if wrong := source.query(f"{sql} LIMIT 1")["value"].to_pylist():
        raise SourceError(
            f"{source.name} has blind {wrong[0]!r}: write true where the names were hidden, false where they "
            "were shown."
        )
    return f"({told} IS NOT FALSE)"


def others(source: Source, part: str, parameters: list[str | None]) -> dict[str, int]:
    """Count in words what was not taken: the votes of the other kind, and those that were not blind.

    `part` is SQL for a part of the votes.
    """
    found = {}
    shut = blind(source)
    if shut != "TRUE":
        every = _timed(source, source.where or "TRUE")
        if number := _count(source, every, f"{part} AND NOT {shut}", parameters):
            found[NOT_BLIND] = number
    if COLUMN not in source.columns:
        return found
    every = _timed(source, f"({source.where or 'TRUE'}) AND {shut}")
    for kind, words in LEFT_OUT.items():
        there = f"{part} AND {_kind()} = '{kind}'"
        number = _count(source, every, there, parameters) - _count(source, "votes", there, parameters)
        if number:
            found[words] = number
    return found


def _timed(source: Source, where: str) -> str:
    """SQL for the rows that meet a condition, with times in seconds as the view `votes` has them."""
    kinds = {column.lower(): kind for column, kind in source.columns.items()}
    times = f" REPLACE ({seconds_sql(kinds['timestamp'])} AS timestamp)" if "timestamp" in kinds else ""
    return f"(SELECT *{times} FROM unfiltered WHERE {where})"


def llm_votes(source: Source, part: str, parameters: list[str | None]) -> int:
    """Count the votes of LLM judges among those taken; `part` is SQL for a part of the votes."""
    if COLUMN not in source.columns:
        return 0
    return _count(source, "votes", f"{part} AND {COLUMN} = 'llm'", parameters)


def votes_sql(source: Source) -> str:
    """SQL for the number of votes that rows stand for."""
    return f"CAST(coalesce(sum({COUNT}), 0) AS BIGINT)" if COUNT in source.columns else "count(*)"


def _count(source: Source, table: str, where: str, parameters: list[str | None]) -> int:
    sql = f"SELECT {votes_sql(source)} AS number FROM {table} WHERE {where}"
    return int(source.query(sql, parameters)["number"].to_pylist()[0])


def _kind() -> str:
    return f"coalesce(CAST({COLUMN} AS VARCHAR), 'human')"
