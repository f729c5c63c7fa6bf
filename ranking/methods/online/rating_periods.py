"""Votes put together by periods of time, as ratings that go by time take them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.results import Diagnostic
from agon.ranking.votes.pair_counts import BothBad
from agon.ranking.votes.vote_source import Battles

DAY = 86_400.0  # seconds


@dataclass(frozen=True, eq=False)
class Periods:
    """The pairs that met in each of D periods, G rows in the order of time.

    Attributes:
        number: (D,) periods since 1970, ascending; all votes are of one, 0, if they say no times.
        begins: (D,) seconds since 1970 at which each begins.
        begin: (D + 1,) rows of each period: begin[d] to begin[d + 1].
        first, second: (G,) models.
        games: (G,) weight of the votes between the two.
        points: (G,) what the first got of it, a tie being half.
    """

    number: IntArray
    begins: FloatArray
    begin: IntArray
    first: IntArray
    second: IntArray
    games: FloatArray
    points: FloatArray

    @classmethod
    def of(cls, battles: Battles, period: float, both_bad: BothBad) -> Periods:
        """Put votes together; `period` in days, counted from midnight UTC.

        A vote on more than two models is all its pairs.
        """
        ballots, m = battles.ballots, len(battles.models)
        days = np.zeros(len(battles.sequence))
        if battles.times is not None:
            days = np.floor(battles.times / DAY / period)
        known, when = np.unique(days, return_inverse=True)
        key, cast = np.unique(when.reshape(-1) * len(ballots.count) + battles.sequence, return_counts=True)
        which, ballot = np.divmod(key, len(ballots.count))
        rows = ballots.pair_rows
        begin = np.searchsorted(rows.ballot, ballot)
        length = np.searchsorted(rows.ballot, ballot, "right") - begin
        at = np.repeat(begin - np.cumsum(length) + length, length) + np.arange(length.sum())
        bad = rows.both_bad[at] if both_bad == "half" else 0.0
        times = np.repeat(cast * ballots.weight[ballot], length)
        games = times * (rows.win[at] + rows.loss[at] + rows.tie[at] + bad)
        points = times * (rows.win[at] + 0.5 * (rows.tie[at] + bad))
        cell = (np.repeat(which, length) * m + rows.first[at]) * m + rows.second[at]
        cells, row = np.unique(cell, return_inverse=True)
        row = row.reshape(-1)
        total = np.bincount(row, games, len(cells))
        kept = total > 0
        period_of, pair = np.divmod(cells[kept], m * m)
        first, second = np.divmod(pair, m)
        return cls(
            known.astype(np.int64),
            known * period * DAY,
            np.searchsorted(period_of, np.arange(len(known) + 1)),
            first,
            second,
            total[kept].astype(np.float64),
            np.bincount(row, points, len(cells))[kept].astype(np.float64),
        )

    def of_period(self, d: int) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
        """First, second, games and points of one period."""
        rows = slice(int(self.begin[d]), int(self.begin[d + 1]))
        return self.first[rows], self.second[rows], self.games[rows], self.points[rows]

    def entered(self, n_models: int) -> IntArray:
        """(M,) the first period in which each model met another; D for none."""
        found = np.full(n_models, len(self.number))
        of_row = np.repeat(np.arange(len(self.number)), np.diff(self.begin))
        for models in (self.first, self.second):
            np.minimum.at(found, models, of_row)
        return found


def check_positive(name: str, **given: float) -> None:
    """Refuse options that are no positive finite number.

    Raises:
        OptionError: one of them.
    """
    for option, value in given.items():
        if not 0 < value < math.inf:
            raise OptionError(f"{name}: {option} must be a finite number above 0, not {value!r}.")


def period_notes(battles: Battles, name: str) -> tuple[Diagnostic, ...]:
    """Say that votes without times were taken for votes of one period."""
    if battles.times is not None or not len(battles.sequence):
        return ()
    message = (
        f"The votes do not say when they were cast: all are of one period, and {name} shows no change; "
        "give them a column timestamp."
    )
    return (Diagnostic("no_times", (), message),)
