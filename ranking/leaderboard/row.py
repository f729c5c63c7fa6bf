"""One row of a board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

import numpy as np

from agon.ranking.inference.intervals import Uncertainty, first
from agon.ranking.leaderboard.eligibility import Eligibility
from agon.ranking.numerics import FloatArray

Status = Literal["ranked", "provisional", "component"]
COLUMNS = (
    "rank",
    "model",
    "score",
    "lower",
    "upper",
    "rank_lower",
    "rank_upper",
    "votes",
    "status",
    "p_first",
)


@dataclass(frozen=True)
class Row:
    """One model on a board; None where there is no number.

    Attributes:
        rank: 1 + the number of ranked models with a higher score; None unless `status` is "ranked".
        model: its name.
        score: on the board's scale; None for a model in another component.
        lower, upper: bounds of the score at the board's level; None on an open side.
        rank_lower, rank_upper: best and worst rank compatible with the data at the board's level.
        votes: ballots in which the model was shown, unweighted.
        status: "ranked", "provisional" (too few votes, or placed by a prior), or "component" (no chain
            of votes puts it on one scale with the models ranked here).
        p_first: probability that it is truly the first of the ranked models; None without an interval.
    """

    rank: int | None
    model: str
    score: float | None
    lower: float | None
    upper: float | None
    rank_lower: int | None
    rank_upper: int | None
    votes: int
    status: Status
    p_first: float | None = None


def rank_text(row: Row) -> str:
    """The rank of a row as text: its range if there is one, a dash if it has no rank."""
    if row.rank is None:
        return "–"
    if row.rank_lower is None or row.rank_lower == row.rank_upper:
        return str(row.rank)
    return f"{row.rank_lower}–{row.rank_upper}"


def plain(text: str) -> str:
    """A text from the votes as it may stand in a terminal: control and direction characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


TIE = 1e-8  # scores closer than this, in units of the board's scale, share a rank


def rows(
    models: Sequence[str],
    group: int,
    eligibility: Eligibility,
    values: FloatArray,
    shown: FloatArray,
    unsure: Uncertainty,
    *,
    measured: bool,
    seed: int = 0,
) -> tuple[Row, ...]:
    """Write the rows of one component's board, best first.

    On the board of component 0 the models of the others follow without a number, because nothing
    puts them on its scale.

    Args:
        models: M names.
        group: the component whose board this is.
        eligibility: who may be ranked.
        values: (M,) what orders the models.
        shown: (M,) what the score column shows; NaN for nothing.
        unsure: bounds and the order that is certain.
        measured: whether there are any; False for a board without intervals.
        seed: of the draws behind the probability of being first.
    """
    inside = eligibility.group == group
    shown = np.where(eligibility.compared, shown, np.nan)
    ranked = np.flatnonzero(inside & eligibility.ranked)
    ranked = ranked[np.lexsort((np.asarray(models, dtype=object)[ranked].astype(str), -values[ranked]))]
    made = []
    place = 0
    above = unsure.above[np.ix_(ranked, ranked)]
    chance = first(values, unsure, ranked, seed)
    best, worst = (1 + above.sum(axis=0)).tolist(), (len(ranked) - above.sum(axis=1)).tolist()
    for position, i in enumerate(ranked.tolist()):
        if position == 0 or values[ranked[position - 1]] - values[i] > TIE:
            place = position + 1
        ranks = (place, best[position], worst[position]) if measured else (place, None, None)
        made.append(_row(models, i, eligibility, shown, unsure, "ranked", ranks, _number(chance[i])))
    waiting = np.flatnonzero(inside & ~eligibility.ranked).tolist()
    order = sorted(waiting, key=lambda i: (-np.nan_to_num(values[i], nan=-np.inf), models[i]))
    made += [_row(models, i, eligibility, shown, unsure, "provisional", (None, None, None)) for i in order]
    if group == 0:
        apart = sorted(np.flatnonzero(~inside).tolist(), key=lambda i: (eligibility.group[i], models[i]))
        made += [
            Row(None, models[i], None, None, None, None, None, int(eligibility.votes[i]), "component")
            for i in apart
        ]
    return tuple(made)


def _row(
    models: Sequence[str],
    i: int,
    eligibility: Eligibility,
    shown: FloatArray,
    unsure: Uncertainty,
    status: Status,
    ranks: tuple[int | None, int | None, int | None],
    p_first: float | None = None,
) -> Row:
    score = _number(shown[i])
    lower = _number(unsure.lower[i]) if score is not None else None
    upper = _number(unsure.upper[i]) if score is not None else None
    place, best, worst = ranks
    return Row(place, models[i], score, lower, upper, best, worst, int(eligibility.votes[i]), status, p_first)


def _number(value: float) -> float | None:
    return float(value) if isfinite(value) else None
