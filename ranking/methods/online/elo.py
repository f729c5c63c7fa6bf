"""Online Elo, as a mean over many orders of the votes: one order alone moves models by 30 points.

All orders are played side by side, one step of every order at a time. Ratings are kept in half-nats
above the start, x = (R − start)·ln 10 / 800, where E = (1 + tanh(x_a − x_b)) / 2.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agon.ranking.errors import OptionError
from agon.ranking.estimation.comparison_graph import alike, told_apart
from agon.ranking.numerics import FloatArray, IntArray, hashed
from agon.ranking.registry import method
from agon.ranking.results import Diagnostic, Scores
from agon.ranking.votes.pair_counts import BothBad
from agon.ranking.votes.vote_source import Battles

Lane = NDArray[np.int32]
POINTS = 800 / math.log(10)  # Elo points in a half-nat
MEMORY = 400_000_000  # bytes the orders played side by side may take
CHUNK = 1 << 15  # steps prepared at a time
FEW = 1 << 12  # the same as Python numbers, so that these stay in the cache


@dataclass(frozen=True, eq=False)
class Games:
    """Distinct pairwise games: `first` against `second`, P rows, with `gain` = k·(2S − 1) in half-nats.

    `gain` and `k` carry the weight of the vote; `ballot` says which ballot each game comes from.
    """

    first: IntArray
    second: IntArray
    gain: FloatArray
    k: FloatArray
    ballot: IntArray


def replicates(
    views: Iterable[Battles],
    scores: Scores,
    *,
    k: float = 4.0,
    start: float = 1000.0,
    permutations: int = 100,
    seed: int = 0,
    both_bad: BothBad = "half",
) -> FloatArray:
    """Score resampled votes, one order each, so that the interval holds the order's noise too; (R, M)."""
    rng = np.random.default_rng([seed, 1])
    done: list[FloatArray] = []
    lanes: list[Lane] = []
    for view in views:
        games = _games(view, k, both_bad)
        if permutations:
            lane = np.repeat(np.arange(len(games.ballot), dtype=np.int32), view.ballots.count[games.ballot])
            rng.shuffle(lane)
        else:
            lane = _in_order(view, games).astype(np.int32)
        lanes.append(lane)
        if sum(map(len, lanes)) * 4 > MEMORY:
            done.append(_play(games, _level(lanes, len(games.ballot)), len(scores.values)))
            lanes = []
    if lanes:
        done.append(_play(games, _level(lanes, len(games.ballot)), len(scores.values)))
    return start + POINTS * np.concatenate(done)


@method(
    "elo",
    source="Elo (1978); mean over permutations as advised by Boubdir et al. (2023)",
    replicates=replicates,
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
    Models that the votes cannot tell apart share one score. A K-wise ballot is played as its pairs,
    one after the other.

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
    counts = battles.ballots.count[games.ballot]
    kinds = _kinds(games, counts, n_models)
    colour = alike(kinds)
    every = _every_game(games, counts, told_apart(kinds, colour))
    width = max(2, MEMORY // (4 * max(1, len(every))) // 2 * 2)
    lanes = [range(first, min(first + width, permutations)) for first in range(0, permutations, width)]
    parts = [_play(games, _shuffled(every, some, seed), n_models) for some in lanes]
    ratings = np.concatenate(parts)
    mean, spread = ratings.mean(axis=0), ratings.std(axis=0)
    for shared in np.unique(colour):
        same = colour == shared
        mean[same], spread[same] = mean[same].mean(), spread[same].mean()
    return Scores(start + POINTS * mean, "elo", spread=POINTS * spread)


def _games(battles: Battles, k: float, both_bad: BothBad) -> Games:
    """Turn the pairs of the distinct ballots into games."""
    if both_bad not in ("half", "drop"):
        raise OptionError(f'both_bad must be "half" or "drop", not {both_bad!r}.')
    rows = battles.ballots.pair_rows
    keep = slice(None) if both_bad == "half" else rows.both_bad == 0
    step = k / POINTS / 2 * battles.ballots.weight[rows.ballot]
    gain = step * (rows.win - rows.loss)
    return Games(rows.first[keep], rows.second[keep], gain[keep], step[keep], rows.ballot[keep])


def _kinds(games: Games, counts: IntArray, n_models: int) -> NDArray[np.uint64]:
    """(M, M) a hash of all games of row against column, 0 where there is none."""
    share = np.round(games.gain / games.k, 9) + 0.0  # rounded, because 1 - (1 - p) is not p
    kinds = np.zeros((n_models, n_models), dtype=np.uint64)
    times = counts.astype(np.uint64)
    np.add.at(kinds, (games.first, games.second), hashed(share, games.k) * times)
    np.add.at(kinds, (games.second, games.first), hashed(0.0 - share, games.k) * times)
    return kinds


def _every_game(games: Games, counts: IntArray, colour: NDArray[np.uint64]) -> Lane:
    """(N,) index of every game, in an order that depends on the votes and not on the names."""
    one, two = colour[games.first], colour[games.second]
    swap = one > two
    low, high = np.where(swap, two, one), np.where(swap, one, two)
    toward = np.where(swap, -games.gain, games.gain)
    order = np.lexsort((games.k, toward, high, low))
    return np.repeat(order, counts[order]).astype(np.int32)


def _shuffled(every: Lane, lanes: range, seed: int) -> Lane:
    """(L, N) random orders; each second one is the reverse of the first, as random and at no cost."""
    order = np.empty((len(lanes), len(every)), dtype=np.int32)

    def shuffle(lane: int) -> None:
        games = every.astype(np.int64)  # shuffled faster than 32-bit numbers
        np.random.default_rng([seed, lanes[lane]]).shuffle(games)
        order[lane] = games
        order[lane + 1 : lane + 2] = games[::-1]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(shuffle, range(0, len(lanes), 2)))
    return order


def _in_order(battles: Battles, games: Games) -> IntArray:
    """(N,) index of every game, in the order of the votes."""
    if np.array_equal(games.ballot, np.arange(len(battles.ballots.count))):  # each is one game
        return battles.sequence
    ends = np.searchsorted(games.ballot, np.arange(len(battles.ballots.count) + 1))
    first, games_of = ends[battles.sequence], np.diff(ends)
    length = games_of[battles.sequence]
    begin = np.cumsum(length) - length
    return np.repeat(first - begin, length) + np.arange(length.sum())


def _play_once(games: Games, order: IntArray, n_models: int) -> FloatArray:
    """(M,) ratings in half-nats after one pass."""
    ratings = [0.0] * n_models
    tanh = math.tanh
    same_k = repeat(float(games.k[0])) if np.all(games.k == games.k[:1]) and len(games.k) else None
    for begin in range(0, len(order), FEW):
        some = order[begin : begin + FEW]
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


def _play(games: Games, order: Lane, n_models: int) -> FloatArray:
    """(L, M) ratings in half-nats after the games of each lane, (L, N) indices; index P is a dummy."""
    width = len(order)
    ratings = np.zeros(width * (n_models + 2))
    now, step, change = np.empty((2, width)), np.empty((2, width)), np.empty(width)
    x, y = now
    take, subtract, multiply, tanh, add = ratings.take, np.subtract, np.multiply, np.tanh, np.add
    for places, credits, most in _prepared(games, order, n_models):
        for place, credit, k in zip(places, credits, most, strict=False):
            take(place, out=now, mode="clip")
            subtract(x, y, change)
            tanh(change, change)
            subtract(credit, change, change)
            multiply(change, k, step)
            add(now, step, now)
            ratings[place] = now
    return ratings.reshape(width, -1)[:, :n_models]


def _prepared(games: Games, order: Lane, n_models: int) -> Iterator[tuple[Any, Any, Iterable[Any]]]:
    """Look up what the next steps need, in a thread of its own while the last ones are played.

    Yields:
        (T, 2, L) places of both models in the flat ratings, (T, L) credits 2S − 1, and for each step
        the largest change for the first and, negative, the second model.
    """
    width, length = order.shape
    first = np.append(games.first, n_models).astype(np.int32)
    second = np.append(games.second, n_models + 1).astype(np.int32)
    k = np.append(games.k, 1.0)
    credit = np.append(games.gain, 0.0) / k
    offset = np.arange(width) * (n_models + 2)
    sign = np.array([[1.0], [-1.0]])
    same_k = np.tile(sign * k[0], width) if np.all(games.k == k[0]) else None

    def prepare(begin: int) -> tuple[Any, Any, Iterable[Any]]:
        game = np.ascontiguousarray(order[:, begin : begin + CHUNK]).T.astype(np.intp)
        places = np.empty((len(game), 2, width), dtype=np.intp)
        np.add(first.take(game), offset, out=places[:, 0])
        np.add(second.take(game), offset, out=places[:, 1])
        most = k.take(game)[:, None] * sign if same_k is None else repeat(same_k)
        return places, credit.take(game), most

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(prepare, 0)
        for begin in range(CHUNK, length + CHUNK, CHUNK):
            ready = coming.result()
            coming = pool.submit(prepare, begin)
            yield ready


def _order_note(battles: Battles) -> tuple[Diagnostic, ...]:
    if battles.order == "timestamp":
        return ()
    return (
        Diagnostic(
            "file_order",
            (),
            "One pass in the order of the rows: another order of the same votes gives another board; "
            "give timestamps, or leave permutations at 100.",
        ),
    )
