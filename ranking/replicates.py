"""Rules on many resampled votes, faster than one call each: what holds for the parts holds for the whole.

The models stand in a line of parts, each model of one beating every model of the next (the Smith set is the
first part). Ranked pairs rank the parts one by one, for no cycle leaves a part, and an equilibrium draws
from the first alone: a mixture outside it loses to the first part's own equilibrium. On a large board most
parts are single models, so little is left to compute. Each function gives what the rule itself gives; a
test compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from ranking.ballots import FloatArray, IntArray
from ranking.counts import BothBad, PairCounts
from ranking.lottery import SEEN, equilibrium, maximal_lottery, nash_averaging
from ranking.majority import margins, ranked_pairs
from ranking.results import Choice
from ranking.uncertainty import as_values

Replicate = Callable[..., tuple[FloatArray, FloatArray | None]]


def ranked_pairs_replicate(pairs: PairCounts, **options: Any) -> tuple[FloatArray, None]:
    """(M,) minus the tier of each model under ranked pairs, part by part."""
    if options.get("tie_break") == "random" or options.get("measure") == "winning_votes":
        return as_values(ranked_pairs(pairs, **options), len(pairs.models)), None
    margin = margins(pairs)
    together = options.get("tie_break") != "names"
    values = np.empty(len(margin))
    tier = 0
    for part in line(margin):
        depth = _depths(margin[np.ix_(part, part)], together=together) if len(part) > 1 else [0]
        values[part] = [-(tier + own) for own in depth]
        tier += 1 + max(depth)
    return values, None


def _depths(margin: FloatArray, *, together: bool) -> list[int]:
    """Tier of each model, from 0, when its majorities are locked in; sets of models are bits of numbers."""
    one, two = np.nonzero(margin > 0)
    weight = margin[one, two]
    order = np.argsort(-weight, kind="stable")
    begins = [*np.flatnonzero(np.diff(weight[order], prepend=np.inf)).tolist(), len(order)]
    edges = list(zip(one[order].tolist(), two[order].tolist(), strict=True))
    up = [1 << i for i in range(len(margin))]  # those that lead to i
    down = list(up)  # those that i leads to
    for begin, end in pairwise(begins):
        batch = edges[begin:end]
        if together and len(batch) > 1:
            above, below = list(up), list(down)
            for winner, loser in batch:
                _join(above, below, winner, loser)
            batch = [(winner, loser) for winner, loser in batch if not below[loser] >> winner & 1]
            if len(batch) == end - begin:  # no cycle at all: the trial is the answer
                up, down = above, below
                continue
        for winner, loser in batch:
            if not down[loser] >> winner & 1:
                _join(up, down, winner, loser)
    depth = [0] * len(up)
    for i in sorted(range(len(up)), key=lambda i: up[i].bit_count()):
        depth[i] = max((depth[j] + 1 for j in _bits(up[i]) if j != i), default=0)
    return depth


def _join(up: list[int], down: list[int], winner: int, loser: int) -> None:
    """Let the winner lead to the loser, and to whatever that leads to."""
    if down[winner] >> loser & 1:
        return
    below, above = down[loser], up[winner]
    new_above, new_below = above & ~up[loser], below & ~down[winner]  # the others know each other
    for i in _bits(new_above):
        down[i] |= below
    for i in _bits(new_below):
        up[i] |= above


def _bits(number: int) -> list[int]:
    """Positions of the bits that are set."""
    found = []
    while number:
        lowest = number & -number
        found.append(lowest.bit_length() - 1)
        number ^= lowest
    return found


def maximal_lottery_replicate(pairs: PairCounts) -> tuple[FloatArray, FloatArray]:
    """(M,) minus the tier of each model, and (M,) the lottery, from the Smith set alone."""
    first = smith(margins(pairs))
    lottery = np.zeros(len(pairs.models))
    if len(first) == 1:
        lottery[first] = 1.0
    else:
        inner = maximal_lottery(some(pairs, first))
        lottery[first] = inner.lottery if isinstance(inner, Choice) and inner.lottery is not None else np.nan
    return np.where(lottery > SEEN, 0.0, -1.0), lottery


def nash_averaging_replicate(
    pairs: PairCounts, *, prior: float = 0.5, both_bad: BothBad = "half"
) -> tuple[FloatArray, None]:
    """(M,) values of Nash averaging, with an equilibrium of the first component alone."""
    wins = pairs.halves(both_bad)
    met = wins + wins.T > 0
    log_odds = np.where(met, np.log(wins + prior) - np.log(wins.T + prior), 0.0)
    first = smith(log_odds)
    if len(first) == len(log_odds):
        return as_values(nash_averaging(pairs, prior=prior, both_bad=both_bad), len(log_odds)), None
    lottery = np.zeros(len(log_odds))
    lottery[first] = 1.0 if len(first) == 1 else equilibrium(log_odds[np.ix_(first, first)])
    values = log_odds @ lottery
    values[np.abs(values) <= 1e-9 * max(1.0, float(np.abs(log_odds).max()))] = 0.0
    return values, None


def line(margin: FloatArray) -> list[IntArray]:
    """The parts of which each model beats every model of the next parts; none can be cut further.

    The first c models by Copeland score are a union of parts if their scores sum to what they have when
    they split their own games and win all others.

    Args:
        margin: (M, M) skew-symmetric.
    """
    m = len(margin)
    score = 0.5 * (np.sign(margin).sum(axis=1) + m - 1)
    order = np.argsort(-score, kind="stable")
    size = np.arange(1, m + 1)
    full = size * (size - 1) / 2 + size * (m - size)
    ends = np.flatnonzero(np.cumsum(score[order]) > full - 0.25) + 1
    return [np.sort(part) for part in np.split(order, ends[:-1])]


def smith(margin: FloatArray) -> IntArray:
    """The smallest set of models that each beat every model outside it; (M, M) skew-symmetric margins."""
    return line(margin)[0]


def some(pairs: PairCounts, part: IntArray) -> PairCounts:
    """The counts of some models among themselves."""
    at = np.ix_(part, part)
    names = tuple(pairs.models[i] for i in part)
    return PairCounts(names, pairs.wins[at], pairs.ties[at], pairs.both_bad[at], pairs.votes[part])


FAST: Mapping[Callable[..., Any], Replicate] = MappingProxyType(
    {
        ranked_pairs: ranked_pairs_replicate,
        maximal_lottery: maximal_lottery_replicate,
        nash_averaging: nash_averaging_replicate,
    }
)
