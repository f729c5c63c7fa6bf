"""What the pages on models show, as plain values for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import combinations
from typing import Any

from agon.arena.web.leaderboard.boards import Compared, Made
from agon.arena.web.leaderboard.model_info import ModelInfo
from agon.arena.web.leaderboard.query import QueryError
from agon.arena.web.models.board_series import Moment
from agon.arena.web.models.comparison_page import check_models
from agon.arena.web.models.model_page import asked_model
from agon.ranking import Leaderboard, PairCounts
from agon.ranking.errors import OptionError
from agon.ranking.inference.shares import wilson_interval
from agon.ranking.leaderboard.row import COLUMNS, Row
from agon.ranking.leaderboard.vote_planning import open_pair
from agon.ranking.text import Sentence


def model_values(
    name: str,
    made: Made,
    compared: Compared,
    by_value: Mapping[str, Made],
    column: str | None,
    moments: Sequence[Moment],
    info: ModelInfo,
) -> dict[str, Any]:
    """Everything that `model_html` shows of a model; its arguments.

    Raises:
        QueryError: the model is not on the board.
    """
    board, row = asked_model(name, made.board)
    others = [one.model for one in board.rows if one.model != name and one.status != "component"]
    return {
        "schema": 1,
        **_of_board(board),
        "row": _row(row),
        "known": _known(name, info),
        "rules": _under_rules(name, compared),
        "column": column,
        "groups": [_group(value, one, (name,)) for value, one in by_value.items()],
        "others": [_pair(board, made.pairs, name, other) for other in others],
        "history": [_moment(one, (name,)) for one in moments],
    }


def compare_values(
    made: Made, by_value: Mapping[str, Made], column: str | None, names: Sequence[str], info: ModelInfo
) -> dict[str, Any]:
    """Everything that `comparison_html` shows; its arguments.

    Raises:
        QueryError: other numbers of models, or one that is not on the board.
    """
    board = made.board
    if board is None:
        raise QueryError(Sentence("There are no votes that compare models."))
    chosen = check_models(names, board)
    order = [row.model for row in board.rows if row.model in chosen]
    return {
        "schema": 1,
        **_of_board(board),
        "models": [_row(board[name]) for name in order],
        "pairs": [_pair(board, made.pairs, one, two) for one, two in combinations(order, 2)],
        "column": column,
        "groups": [_group(value, one, order) for value, one in by_value.items()],
        "known": [_known(name, info) for name in order],
    }


def overview_values(
    board: Leaderboard | None, by_value: Mapping[str, Made], column: str | None
) -> dict[str, Any]:
    """Everything that `overview_html` shows; its arguments."""
    return {
        "schema": 1,
        "column": column,
        "all": None if board is None else board.to_dict(),
        "groups": [_group(value, one) for value, one in by_value.items()],
    }


def history_values(moments: Sequence[Moment], rule: str) -> dict[str, Any]:
    """Everything that `history_html` shows, of all models."""
    return {"schema": 1, "rule": rule, "moments": [_moment(one) for one in moments]}


def _of_board(board: Leaderboard) -> dict[str, Any]:
    return {"method": board.method, "level": board.level, "fingerprint": board.fingerprint}


def _row(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in COLUMNS}


def _group(value: str, made: Made, names: Sequence[str] | None = None) -> dict[str, Any]:
    board = made.board
    rows = [] if board is None else [row for row in board.rows if names is None or row.model in names]
    return {
        "value": value,
        "votes": 0 if board is None else int(board.settings["votes"]),
        "fingerprint": None if board is None else board.fingerprint,
        "models": [_row(row) for row in rows],
    }


def _moment(moment: Moment, names: Sequence[str] | None = None) -> dict[str, Any]:
    ranks = {model: rank for model, rank in moment.ranks.items() if names is None or model in names}
    return {"time": moment.seconds, "votes": moment.votes, "ranks": ranks}


def _known(name: str, info: ModelInfo) -> dict[str, Any]:
    return {
        "model": name,
        "name": info.name(name),
        "facts": info.facts(name),
        "failures": dict(info.endings.failures(name)),
        "reliability": info.reliability(name),
    }


def _under_rules(name: str, compared: Compared) -> list[dict[str, Any]]:
    seen = compared.rules
    if seen is None or name not in seen.models:
        return []
    i = seen.models.index(name)
    return [
        {
            "method": method,
            "rank": int(seen.rank[number, i]) or None,
            "rank_lower": int(seen.rank_lower[number, i]) or None,
            "rank_upper": int(seen.rank_upper[number, i]) or None,
            "first": None if seen.first is None else float(seen.first[number, i]),
            "lottery": float(seen.lotteries[method][i]) if method in seen.lotteries else None,
        }
        for number, method in enumerate(seen.methods)
    ]


def _pair(board: Leaderboard, pairs: PairCounts | None, one: str, two: str) -> dict[str, Any]:
    """One model beside another; what the board cannot say is None."""
    gap, chance, decided, more = None, None, None, None
    with suppress(OptionError):
        found = board.difference(one, two)
        gap = {name: getattr(found, name) for name in ("difference", "lower", "upper", "p_value")}
    with suppress(OptionError):
        said = asdict(board.win_probability(one, two))
        chance = {name: said[name] for name in ("probability", "lower", "upper")}
    with suppress(OptionError):
        asked = open_pair(board, one, two)
        decided, more = asked.decided, asked.more_votes
    return {
        "model": one,
        "other": two,
        "difference": gap,
        "win_probability": chance,
        "record": _record(pairs, one, two, board.level),
        "decided": decided,
        "more_votes": more,
    }


def _record(pairs: PairCounts | None, one: str, two: str, level: float) -> dict[str, float | None]:
    none = {"won": 0.0, "lost": 0.0, "ties": 0.0, "both_bad": 0.0}
    unknown = {"share": None, "share_lower": None, "share_upper": None}
    if pairs is None or one not in pairs.models or two not in pairs.models:
        return none | unknown
    i, j = pairs.models.index(one), pairs.models.index(two)
    counts = pairs.wins[i, j], pairs.wins[j, i], pairs.ties[i, j], pairs.both_bad[i, j]
    record: dict[str, float | None] = dict(zip(none, map(float, counts), strict=True))
    if not sum(counts):
        return record | unknown
    halves = pairs.halves("half")
    won, of = float(halves[i, j]), float(halves[i, j] + halves[j, i])
    low, high = wilson_interval(won / of, of, level)
    return record | {"share": won / of, "share_lower": low, "share_upper": high}
