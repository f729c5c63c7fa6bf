"""Rankings of several models at once: places beside names, names in their order, or a row a place.

The first is our own layout; the second that of `rate(teams, ranks=...)` in TrueSkill and openskill; the third
a list of names, best first; the fourth a table of results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from agon.data.files.reader import Rows
from agon.data.importers.columns import TEXT, TIME, Draft, Format

WHO = ("models", "players", "teams", "items", "competitors", "systems")
LOW_IS_BEST = ("ranks", "rank")
HIGH_IS_BEST = ("scores",)
ORDERED = ("ranking",)
# Columns of a table with a row a place: what a ballot is, who, and the place.
A_ROW_A_PLACE = (
    ("ballot", "model", "place"),
    ("battle_id", "model", "place"),
    ("match", "player", "rank"),
    ("game", "player", "rank"),
    ("race", "driver", "position"),
)
_Ballot = tuple[list[str], list[int | None]]


class _NoBallotError(ValueError):
    """A row is no ballot: the reason."""


def _parsed(value: Any) -> Any:
    """A list, or one that a CSV has as JSON."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        import json

        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _names(value: Any) -> list[str]:
    """The names of a list; a team is one name alone."""
    given = _parsed(value)
    if not isinstance(given, list):
        raise _NoBallotError("models field that is not a list of names")
    names = [one[0] if isinstance(one, list) and len(one) == 1 else one for one in given]
    if any(isinstance(one, list | dict) for one in names):
        raise _NoBallotError("team of several, of which one name each is compared")
    if not all(isinstance(one, str) and one.strip() for one in names):
        raise _NoBallotError("no model name")
    if any(one != one.strip() for one in names):
        raise _NoBallotError("padded model name")
    if len(names) < 2:
        raise _NoBallotError("ballot of fewer than two models")
    if len(set(names)) < len(names):
        raise _NoBallotError("self-battle")
    return names


def _dense(numbers: list[float | None]) -> list[int | None]:
    """Places from 1 without gaps, the smallest number best; None where there is none."""
    levels = sorted({number for number in numbers if number is not None})
    if not levels:
        raise _NoBallotError("ballot that places nobody")
    return [None if number is None else levels.index(number) + 1 for number in numbers]


def _amounts(value: Any, size: int, sign: float) -> list[float | None]:
    given = _parsed(value)
    if not isinstance(given, list) or len(given) != size:
        raise _NoBallotError("places field that is not one number for each model")
    found: list[float | None] = []
    for one in given:
        if one is None:
            found.append(None)
        elif isinstance(one, bool) or not isinstance(one, int | float) or one != one:  # noqa: PLR0124  NaN
            raise _NoBallotError("places field that is not one number for each model")
        else:
            found.append(sign * one)
    return found


def _ballots(rows: Rows, ballot: Callable[[dict[str, Any]], _Ballot]) -> Draft:
    """Read a ballot a row."""
    size = len(rows.numbers)
    models: list[list[str]] = []
    places: list[list[int | None]] = []
    refused: dict[str, np.ndarray[Any, np.dtype[np.bool_]]] = {}
    for i, record in enumerate(rows.records()):
        try:
            one = ballot(record)
        except _NoBallotError as error:
            refused.setdefault(str(error), np.zeros(size, np.bool_))[i] = True
            one = [], []
        models.append(one[0])
        places.append(one[1])
    draft = Draft(rows)
    for reason, mask in refused.items():
        draft.fault(reason, mask)
    draft.columns["models"] = pa.array(models, pa.list_(pa.string()))
    draft.columns["places"] = pa.array(places, pa.list_(pa.int32()))
    for column, sources, kind in (
        ("voter", ("voter", "judge", "annotator", "user_id"), TEXT),
        ("timestamp", ("timestamp", "tstamp", "date"), TIME),
        ("category", ("category",), TEXT),
        ("language", ("language",), TEXT),
        ("battle_id", ("battle_id", "match_id", "game_id"), TEXT),
        ("prompt_id", ("prompt_id",), TEXT),
    ):
        draft.take(column, sources, kind)
    return draft


def read_ballots(rows: Rows) -> Draft:
    """Read our own lists `models` and `places`, with `acceptable` where there is one."""
    draft = _ballots(rows, lambda row: _placed(row["models"], row["places"], 1.0))
    if "acceptable" in rows.columns:
        values = rows.values("acceptable")
        given = [_parsed(one) for one in (values if isinstance(values, list) else values.to_pylist())]
        fine = [one is None or (isinstance(one, list) and {type(x) for x in one} <= {bool}) for one in given]
        draft.fault("acceptable field that is not true or false for each model", ~np.array(fine))
        kept = [one if good else None for one, good in zip(given, fine, strict=True)]
        draft.columns["acceptable"] = pa.array(kept, pa.list_(pa.bool_()))
    return draft


def _placed(names: Any, numbers: Any, sign: float) -> _Ballot:
    who = _names(names)
    return who, _dense(_amounts(numbers, len(who), sign))


def read_rank_lists(rows: Rows) -> Draft:
    """Read names beside ranks (the lowest is best) or scores (the highest is)."""
    who = next(name for name in WHO if name in rows.columns)
    how = next(name for name in (*LOW_IS_BEST, *HIGH_IS_BEST) if name in rows.columns)
    sign = 1.0 if how in LOW_IS_BEST else -1.0
    return _ballots(rows, lambda row: _placed(row.get(who), row.get(how), sign))


def read_rankings(rows: Rows) -> Draft:
    """Read names in their order, best first; those in a list of their own are tied."""
    column = next(name for name in ORDERED if name in rows.columns)

    def ballot(row: dict[str, Any]) -> _Ballot:
        given = _parsed(row.get(column))
        if not isinstance(given, list):
            raise _NoBallotError(f"{column} field that is not a list of names")
        levels = [one if isinstance(one, list) else [one] for one in given]
        names = _names([name for level in levels for name in level])
        return names, [place for place, level in enumerate(levels, start=1) for _ in level]

    return _ballots(rows, ballot)


def read_places(rows: Rows) -> Draft:
    """Read a row a place: those of one ballot belong together; no place is shown and not ranked."""
    which, who, place = next(names for names in A_ROW_A_PLACE if set(names) <= set(rows.columns))
    found: dict[str, tuple[int, list[Any], list[Any]]] = {}
    for number, record in zip(rows.numbers.tolist(), rows.records([which, who, place]), strict=True):
        value = record[place]
        if isinstance(value, str):
            value = _as_number(value)
        one = found.setdefault(str(record[which]), (number, [], []))
        one[1].append(record[who])
        one[2].append(None if value in (0, "") else value)
    records = [
        {"models": names, "places": places, "battle_id": ballot}
        for ballot, (_, names, places) in found.items()
    ]
    numbers = np.array([number for number, _, _ in found.values()], np.int64)
    ballots = Rows(records, numbers, ("models", "places", "battle_id"), rows.broken)
    return _ballots(ballots, lambda row: _placed(row["models"], row["places"], 1.0))


def _as_number(text: str) -> Any:
    try:
        return float(text) if text.strip() else None
    except ValueError:
        return text


OWN_BALLOTS = Format("ballots", (("models", "places"),), read_ballots)
RANK_LISTS = Format(
    "rank-lists", tuple((who, how) for how in (*LOW_IS_BEST, *HIGH_IS_BEST) for who in WHO), read_rank_lists
)
RANKINGS = Format("rankings", tuple((name,) for name in ORDERED), read_rankings)
PLACED = Format("places", A_ROW_A_PLACE, read_places)
