"""Votes of judges and of people as verdicts on pairs, for an audit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any, Literal

from agon.data.files.source import describe_source
from agon.data.reading import open_votes
from agon.ranking.errors import SourceError
from agon.ranking.judges.pair_verdicts import PairVerdicts

_WINNERS = {"model_a": 1.0, "model_b": 0.0}
_TIES = ("tie", "both_bad", "tie (bothbad)", "both bad", "bothbad")
_WANTED = (
    "model_a",
    "model_b",
    "winner",
    "p_a",
    "models",
    "places",
    "prompt_id",
    "battle_id",
    "question_id",
    "prompt",
    "judge",
    "voter",
    "voter_kind",
    "length_a",
    "length_b",
    "length",
    "repeats",
)
_Row = tuple[str, str, float, str, float, float, float]


def verdicts_of(
    source: object, *, kind: Literal["human", "llm"] | None = None, by_judge: bool = False
) -> Mapping[str, PairVerdicts]:
    """Read votes as verdicts on pairs; a vote on several models is one on each pair that it orders.

    Args:
        source: a file, several, a frame, or a log folder.
        kind: whose, by `voter_kind`, where the source says so.
        by_judge: whether each judge is by itself, by the column `judge`, else `voter`; else all are one, "".

    Raises:
        SourceError: no votes, or none that say on which prompt.
    """
    opened, _ = open_votes(source)
    columns = {name.lower(): name for name in opened.columns}
    name = describe_source(source)
    there = [one for one in _WANTED if one in columns]
    prompts = [one for one in ("battle_id", "prompt_id", "question_id", "prompt") if one in columns]
    if not prompts:
        raise SourceError(f"{name} does not say on which prompt a vote is; give a column prompt_id.")
    chosen = ", ".join(f'"{columns[one]}" AS {one}' for one in there)
    where = (
        f"coalesce(CAST(voter_kind AS VARCHAR), 'human') = '{kind}'"
        if kind and "voter_kind" in there
        else "TRUE"
    )
    table = opened.query(f"SELECT {chosen} FROM unfiltered WHERE {where}")
    found: dict[str, list[_Row]] = {}
    who = next((one for one in ("judge", "voter") if one in there), None) if by_judge else None
    for row in table.to_pylist():
        found.setdefault("" if who is None else str(row[who]), []).extend(_pairs_in(row, prompts))
    made = {judge: _verdicts(rows) for judge, rows in found.items() if rows}
    if not made:
        raise SourceError(f"{name} holds no vote of {'a judge' if kind == 'llm' else 'a person'} on a pair.")
    return made


def _pairs_in(row: Mapping[str, Any], prompts: Iterable[str]) -> Iterable[_Row]:
    """The verdicts of one vote; none of one that is no vote."""
    prompt = next((str(row[name]) for name in prompts if row.get(name) is not None), None)
    if prompt is None:
        return
    nan = float("nan")
    repeats = nan if row.get("repeats") is None else float(row["repeats"])
    if row.get("models") is not None:
        places, sizes = row.get("places") or [], row.get("length") or [nan] * len(row["models"])
        for (a, pa, la), (b, pb, lb) in combinations(zip(row["models"], places, sizes, strict=False), 2):
            if pa is None and pb is None:
                continue
            pa, pb = (float("inf") if one is None else one for one in (pa, pb))  # noqa: PLW2901
            yield a, b, 1.0 if pa < pb else 0.0 if pb < pa else 0.5, prompt, float(la), float(lb), repeats
        return
    p = row.get("p_a")
    if p is None:
        word = str(row.get("winner")).lower()
        p = _WINNERS.get(word, 0.5 if word in _TIES else None)
    if p is None or row.get("model_a") is None or row.get("model_b") is None:
        return
    sizes = [nan if row.get(one) is None else float(row[one]) for one in ("length_a", "length_b")]
    yield str(row["model_a"]), str(row["model_b"]), float(p), prompt, sizes[0], sizes[1], repeats


def _verdicts(rows: list[_Row]) -> PairVerdicts:
    a, b, p, prompt, long_a, long_b, repeats = zip(*rows, strict=True)
    return PairVerdicts.of(a, b, p, prompt, lengths=list(zip(long_a, long_b, strict=True)), repeats=repeats)
