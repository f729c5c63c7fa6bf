"""Online Elo, as a mean over many orders of the votes: one order alone moves models by 30 points.

All orders are played side by side, one step of every order at a time. Ratings are kept in half-nats
above the start, x = (R − start)·ln 10 / 800, where E = (1 + tanh(x_a − x_b)) / 2.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat
from operator import length_hint

import numpy as np
from numpy.typing import NDArray

from agon.ranking.errors import OptionError
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.progress import CountedWork, counted
from agon.ranking.registry import ResampledScores, method
from agon.ranking.results import Diagnostic, Scores
from agon.ranking.text import Sentence
from agon.ranking.votes.pair_counts import BothBad
from agon.ranking.votes.vote_source import Battles

Lane = NDArray[np.int32]
POINTS = 800 / math.log(10)  # Elo points in a half-nat
MEMORY = 400_000_000  # bytes the orders played side by side may take
_CHUNK = 1 << 12  # steps prepared at a time, so that they stay in the cache


@dataclass(frozen=True, eq=False)
class Matches:
    """Distinct pairwise games: `first` against `second`, P rows, with `gain` = k·(2S − 1) in half-nats.

    `gain` and `k` carry the weight of the vote; `ballot` says which ballot each game comes from.
    """

    first: IntArray
    second: IntArray
    gain: FloatArray
    k: FloatArray
    ballot: IntArray


def _score_resamples(
    views: Iterable[Battles],
    scores: Scores,
    *,
    k: float = 4.0,
    start: float = 1000.0,
    permutations: int = 100,
    seed: int = 0,
    both_bad: BothBad = "half",
) -> ResampledScores:
    """Score resampled votes, one order each, so that the interval holds the order's noise too; (R, M)."""
    rng = np.random.default_rng([seed, 1])
    done: list[FloatArray] = []
    lanes: list[Lane] = []
    with CountedWork(length_hint(views) or None) as work:
        for view in views:
            games = _games(view, k, both_bad)
            if permutations:
                lane = np.repeat(
                    np.arange(len(games.ballot), dtype=np.int32), view.ballots.count[games.ballot]
                )
                rng.shuffle(lane)
            else:
                lane = _in_order(view, games).astype(np.int32)
            lanes.append(lane)
            if sum(map(len, lanes)) * 4 > MEMORY:
                work.step = len(lanes)
                done.append(_play(games, _level(lanes, len(games.ballot)), len(scores.values)))
                work.reach(work.done + len(lanes))
                lanes = []
        if lanes:
            work.step = len(lanes)
            done.append(_play(games, _level(lanes, len(games.ballot)), len(scores.values)))
    return ResampledScores(start + POINTS * np.concatenate(done))


@method(
    "elo",
    source="Elo (1978); mean over permutations as advised by Boubdir et al. (2023)",
    batch=_score_resamples,
)
def elo(
    battles: Battles,
    *,
    k: float = 4.0,
    start: float = 1000.0,
    permutations: int = 100,
    seed: int = 0,
    both_bad: BothBad = "half",
) -> Scores:
    """Online Elo: after each vote the winner takes k·(S − E) points from the loser.

    The score is the mean over seeded random orders of all votes, each played forwards and backwards,
    the spread their standard deviation.
    A K-wise ballot is played as its pairs, one after the other. Under other names of the models the orders
    are others too, so scores agree within the spread.

    Args:
        k: largest change by one vote of weight 1, in Elo points.
        start: rating before the first vote.
        permutations: number of random orders; 0 plays the votes once, by timestamp if there is one and
            else in the order of the rows, which makes the board depend on that order.
        seed: of the random orders.
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.

    Raises:
        OptionError: k not above 0, a start that is no number, or a negative number of permutations.

    Source:
        A. Elo, The Rating of Chessplayers (1978): E = 1/(1 + 10^((R_b − R_a)/400)); k = 4 and start 1000
        are the published choices of chat arenas; Boubdir et al., Elo Uncovered (2023) on the order.
    """
    if not k > 0 or not math.isfinite(k):
        raise OptionError(f"elo: k must be above 0 points, not {k!r}.")
    if not math.isfinite(start):
        raise OptionError(f"elo: start must be a finite number, not {start!r}.")
    if permutations < 0:
        raise OptionError(f"elo: permutations must be 0 or more, not {permutations!r}.")
    games = _games(battles, k, both_bad)
    n_models = len(battles.models)
    if permutations == 0:
        ratings = _play_once(games, _in_order(battles, games), n_models)
        return Scores(start + POINTS * ratings, "elo", notes=_order_note(battles))
    content = np.lexsort((games.k, games.gain, games.second, games.first))  # however the votes were grouped
    every = np.repeat(content, battles.ballots.count[games.ballot][content])
    width = max(2, MEMORY // (4 * max(1, len(every))) // 2 * 2)
    runs = [range(first, min(first + width, permutations)) for first in range(0, permutations, width)]
    ratings = np.concatenate([_play(games, _shuffle(every, some, seed), n_models) for some in counted(runs)])
    return Scores(start + POINTS * ratings.mean(axis=0), "elo", spread=POINTS * ratings.std(axis=0))


def _games(battles: Battles, k: float, both_bad: BothBad) -> Matches:
    """Turn the pairs of the distinct ballots into games."""
    if both_bad not in ("half", "drop"):
        raise OptionError(f'both_bad must be "half" or "drop", not {both_bad!r}.')
    rows = battles.ballots.pair_rows
    keep = slice(None) if both_bad == "half" else rows.both_bad == 0
    step = k / POINTS / 2 * battles.ballots.weight[rows.ballot]
    gain = step * (rows.win - rows.loss)
    return Matches(rows.first[keep], rows.second[keep], gain[keep], step[keep], rows.ballot[keep])


def _shuffle(every: IntArray, runs: range, seed: int) -> Lane:
    """(L, N) random orders; each second one is the reverse of the first, as random and at no cost."""
    order = np.empty((len(runs), len(every)), dtype=np.int32)
    for lane, run in enumerate(runs):
        order[lane] = (
            order[lane - 1, ::-1] if run % 2 else np.random.default_rng([seed, run]).permutation(every)
        )
    return order


def _in_order(battles: Battles, games: Matches) -> IntArray:
    """(N,) index of every game, in the order of the votes."""
    if np.array_equal(games.ballot, np.arange(len(battles.ballots.count))):  # each is one game
        return battles.sequence
    ends = np.searchsorted(games.ballot, np.arange(len(battles.ballots.count) + 1))
    first, games_of = ends[battles.sequence], np.diff(ends)
    length = games_of[battles.sequence]
    begin = np.cumsum(length) - length
    return np.repeat(first - begin, length) + np.arange(length.sum())


def _play_once(games: Matches, order: IntArray, n_models: int) -> FloatArray:
    """(M,) ratings in half-nats after one pass."""
    ratings = [0.0] * n_models
    tanh = math.tanh
    same_k = repeat(float(games.k[0])) if np.all(games.k == games.k[:1]) and len(games.k) else None
    for begin in range(0, len(order), _CHUNK):
        some = order[begin : begin + _CHUNK]
        columns = [column[some].tolist() for column in (games.first, games.second, games.gain)]
        for a, b, gain, k in zip(*columns, same_k or games.k[some].tolist(), strict=False):
            x, y = ratings[a], ratings[b]
            change = gain - k * tanh(x - y)
            ratings[a] = x + change
            ratings[b] = y - change
    return np.array(ratings)


def _level(lanes: list[Lane], dummy: int) -> Lane:
    """(L, N) the lanes under each other, the shorter ones filled up with a dummy game."""
    order = np.full((len(lanes), max(map(len, lanes))), dummy, dtype=np.int32)
    for row, lane in zip(order, lanes, strict=True):
        row[: len(lane)] = lane
    return order


def _play(games: Matches, order: Lane, n_models: int) -> FloatArray:
    """(L, M) ratings in half-nats after the games of each lane, (L, N) indices; index P is a dummy."""
    width, length = order.shape
    first = np.append(games.first, n_models)
    second = np.append(games.second, n_models + 1)
    k = np.append(games.k, 1.0)
    credit = np.append(games.gain, 0.0) / k
    lane = np.arange(width) * (n_models + 2)
    sign = np.array([[1.0], [-1.0]])
    ratings = np.zeros(width * (n_models + 2))
    now, step, change = np.empty((2, width)), np.empty((2, width)), np.empty(width)
    x, y = now
    take, subtract, multiply, tanh, add = ratings.take, np.subtract, np.multiply, np.tanh, np.add
    for begin in counted(range(0, length, _CHUNK)):
        game = np.ascontiguousarray(order[:, begin : begin + _CHUNK].T, dtype=np.intp)
        places = np.stack([first[game] + lane, second[game] + lane], axis=1)
        for place, gain, most in zip(places, credit[game], k[game][:, None] * sign, strict=True):
            take(place, out=now, mode="clip")
            subtract(x, y, change)
            tanh(change, change)
            subtract(gain, change, change)
            multiply(change, most, step)
            add(now, step, now)
            ratings[place] = now
    return ratings.reshape(width, -1)[:, :n_models]


def _order_note(battles: Battles) -> tuple[Diagnostic, ...]:
    if battles.order == "timestamp":
        return ()
    return (
        Diagnostic(
            "file_order",
            (),
            Sentence(
                "One pass in the order of the rows: another order of the same votes gives another "
                "board; give "
                "timestamps, or leave permutations at {usual}.",
                usual="100",
            ),
        ),
    )
