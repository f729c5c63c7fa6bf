"""Kemeny's rule: the order that disagrees least with the votes, by integer programming with a proven gap.

The programme has a variable for each pair (who is above) and forbids cycles of three. Cycles are added
only where a solution has one; a part of the models that beats all the others is ordered by itself.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agon.ranking.errors import ConvergenceError, OptionError
from agon.ranking.estimation.comparison_graph import components
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.progress import CountedWork
from agon.ranking.registry import method
from agon.ranking.results import Choice, Diagnostic
from agon.ranking.text import Figure, Sentence, in_turn
from agon.ranking.votes.pair_counts import PairCounts

_LARGEST = 120  # models in one cycle above which no programme is tried: n³/3 cycles of three
_FEW = 12  # models in one cycle up to which all orders of least cost are looked at
CUTS = 3000  # cycles of three added at a time
_WHOLE = 1e-6  # a variable closer than this to 0 or 1 is whole


@dataclass(frozen=True, eq=False)
class Consensus:
    """An order of M models and what is known about its cost.

    Attributes:
        order: (M,) model indices, best first.
        cost: weight of the votes that disagree, over all pairs; a tie disagrees with nothing.
        bound: no order costs less.
        place: (M,) best place of each model in any order of least cost, 1 the first; where these were too
            many to look at, its place in this one.
        several: whether another order costs as little; None where that was not looked at.
    """

    order: IntArray
    cost: float
    bound: float
    place: IntArray
    several: bool | None

    @property
    def proven(self) -> bool:
        """Whether no order is better."""
        return self.bound >= self.cost - 1e-9 * self.cost


@method(
    "kemeny",
    source="Kemeny (1959); Young and Levenglick (1978)",
    axioms="majority, condorcet, condorcet_loser, smith, pareto, monotonicity, reversal",
    by_margin=True,
)
def kemeny(pairs: PairCounts, *, time_limit: float = 30.0) -> Choice:
    """The order of all models that the fewest votes, pair by pair, disagree with.

    Exact where the programme is solved in time, else the best order found; the note "kemeny" gives the
    cost and how far at most it is from the least. Where several orders cost as little a model's tier is its
    best place in any of them, so that the winners are those of all; in a cycle of more than 12 models only
    one order is looked at, in which neighbours that the votes tie share a tier, and the note says so.

    Args:
        time_limit: seconds after which the best order so far is taken, with its proven gap.

    Raises:
        OptionError: a time limit that is not above 0.

    Source:
        J. Kemeny, Daedalus 88 (1959); H. P. Young and A. Levenglick, SIAM Journal on Applied Mathematics
        35 (1978); the cycles of three: M. Grötschel, M. Jünger and G. Reinelt, Operations Research 32 (1984).
    """
    if not time_limit > 0:
        raise OptionError(f"kemeny: time_limit must be above 0 seconds, not {time_limit!r}.")
    with CountedWork(limit=time_limit):
        found = consensus(pairs.wins, time_limit)
    if found.proven:
        said = [
            Sentence(
                "The order disagrees with {cost} votes on pairs, and no order with fewer (proven).",
                cost=Figure(found.cost, "g"),
            )
        ]
    else:
        gap = (found.cost - found.bound) / found.cost
        said = [
            Sentence(
                "The order disagrees with {cost} votes on pairs, any order with at least {bound}: it is "
                "at most "
                "{gap} from the best; a longer time_limit may close the gap.",
                cost=Figure(found.cost, "g"),
                bound=Figure(found.bound, "g"),
                gap=Figure(gap, ".2%"),
            )
        ]
    if found.several:
        said.append(
            Sentence("Several orders disagree with as few; each model has its best place in any of them.")
        )
    elif found.several is None:
        said.append(Sentence("Other orders may disagree with as few: names may have decided between them."))
    tiers = [tuple(np.flatnonzero(found.place == place).tolist()) for place in np.unique(found.place)]
    code = "kemeny" if found.proven else "kemeny_gap"
    return Choice(tuple(tiers), notes=(Diagnostic(code, (), in_turn(*said)),))


def consensus(wins: FloatArray, time_limit: float = 30.0) -> Consensus:
    """Find the order of least disagreement; (M, M) weight that puts row above column.

    Parts that beat each other throughout are ordered first (the extended Condorcet criterion: Truchon
    1998), each part then by itself.
    """
    end = time.monotonic() + time_limit
    margin = wins - wins.T
    margin[np.abs(margin) <= 1e-12 * max(1e-300, float(wins.max(initial=0.0)))] = 0.0
    part = components(margin >= 0, strong=True)
    outside = part[:, None] != part[None, :]
    strength = ((margin > 0) & outside).sum(axis=1)
    order: list[int] = []
    slack, place = 0.0, np.zeros(len(wins), dtype=np.int64)
    several: list[bool | None] = [False]
    for level in np.unique(strength)[::-1]:
        members = np.flatnonzero(strength == level)
        among = margin[np.ix_(members, members)]
        inside, missing = _part(among, end)
        if len(members) <= _FEW:
            best_place, more = _best_places(among)
            place[members] = len(order) + best_place
            several.append(more)
        else:
            place[members[inside]] = len(order) + _tied_places(among[np.ix_(inside, inside)])
            several.append(None)
        order += members[inside].tolist()
        slack += missing
    best = np.array(order, dtype=np.int64)
    cost = disagreement(wins, best)
    known = True if True in several else None if None in several else False
    return Consensus(best, cost, cost - slack, place, known)


def _best_places(margin: FloatArray) -> tuple[IntArray, bool]:
    """(n,) best place of each model in any order of least cost, and whether there are several such orders.

    By dynamic programming over the sets of models that come first (Held and Karp 1962).
    """
    n = len(margin)
    after = np.zeros((1, n))  # (2^n, n) what it costs to place a model next after a set
    for model in range(n):
        after = np.concatenate([after, after + margin[:, model]])
    sets, bit = np.arange(1 << n), 1 << np.arange(n)
    inside = (sets[:, None] & bit) > 0
    size = inside.sum(axis=1)
    begun, rest = np.full(1 << n, np.inf), np.full(1 << n, np.inf)
    begun[0], rest[-1] = 0.0, 0.0
    for number in range(n):
        some = sets[size == number]
        for model in range(n):
            new = some[~inside[some, model]]
            np.minimum.at(begun, new | bit[model], begun[new] + after[new, model])
    for number in range(n - 1, -1, -1):
        some = sets[size == number]
        following = np.where(inside[some], np.inf, after[some] + rest[some[:, None] | bit])
        rest[some] = following.min(axis=1)
    least = begun[-1]
    whole = begun[:, None] + np.where(inside, np.inf, after + rest[sets[:, None] | bit])
    best = whole <= least + 1e-9 * max(float(np.abs(margin).max(initial=0.0)) * n, 1e-300)
    place = np.where(best, size[:, None], n).min(axis=0) + 1
    return place.astype(np.int64), bool((best.sum(axis=1) > 1).any())


def _tied_places(margin: FloatArray) -> IntArray:
    """(n,) places of models in an order, in which neighbours that the votes tie share one; (n, n) margins."""
    first = 0
    place = np.zeros(len(margin), dtype=np.int64)
    for model in range(len(margin)):
        if margin[model, first:model].any():
            first = model
        place[model] = first + 1
    return place


def disagreement(wins: FloatArray, order: IntArray) -> float:
    """Weight of the votes that put a later model of the order above an earlier one."""
    return float(np.tril(wins[np.ix_(order, order)], -1).sum())


def _part(margin: FloatArray, end: float) -> tuple[IntArray, float]:
    """Order one part; (n, n) margins. Returns the order and how much cheaper another may still be."""
    n = len(margin)
    order = _improved(margin, np.argsort(-margin.sum(axis=1), kind="stable"))
    least = float(np.minimum(margin, margin.T)[np.triu_indices(n, 1)].sum()) / 2
    if _cost(margin, order) - least <= 0 or n < 3:
        return order, max(0.0, _cost(margin, order) - least)
    if n > _LARGEST:
        return order, _cost(margin, order) - least
    return _Programme(margin, end).solve(order, least)


def _cost(margin: FloatArray, order: IntArray) -> float:
    """Half the margins on the wrong side, less half those on the right side: the cost up to a constant."""
    return float(np.tril(margin[np.ix_(order, order)], -1).sum()) / 2


def _improved(margin: FloatArray, order: IntArray) -> IntArray:
    """Move single models to better places until no move helps (insertion search)."""
    order = order.copy()
    improved = True
    while improved:
        improved = False
        for model in order.copy():
            rest = order[order != model]
            above = np.concatenate([[0.0], np.cumsum(margin[rest, model])])  # gain of placing it lower
            place = int(np.argmax(above))
            now = int(np.flatnonzero(order == model)[0])
            if above[place] > above[now] + 1e-9 * np.abs(margin).max():
                order = np.insert(rest, place, model)
                improved = True
    return order


class _Programme:
    """The integer programme of one part, with the cycles of three found so far."""

    def __init__(self, margin: FloatArray, end: float) -> None:
        n = len(margin)
        self.margin, self.end, self.n = margin, end, n
        self.one, self.two = np.triu_indices(n, 1)
        self.number = np.zeros((n, n), dtype=np.int64)
        self.number[self.one, self.two] = np.arange(len(self.one))
        # x = 1 puts `one` above `two` and costs -margin/2, x = 0 costs +margin/2
        self.price = -margin[self.one, self.two]
        self.constant = float(margin[self.one, self.two].sum()) / 2
        self.whole_steps = bool(np.all(margin == np.round(margin)))
        self.cycles = np.zeros((0, 3), dtype=np.int64)

    def solve(self, order: IntArray, bound: float) -> tuple[IntArray, float]:
        """Add cycles to the linear, then to the integer programme, until a solution has none."""
        best, cost = order, _cost(self.margin, order)
        whole = False
        while not self._closed(cost, bound):
            left = self.end - time.monotonic()
            if left <= 0:
                return best, cost - bound
            x, value = self._solution(left, whole=whole)
            bound = max(bound, value)
            if x is None:
                return best, cost - bound
            matrix = self._matrix(x)
            candidate = _improved(self.margin, np.argsort(-matrix.sum(axis=1), kind="stable"))
            if _cost(self.margin, candidate) < cost:
                best, cost = candidate, _cost(self.margin, candidate)
            found = self._violated(matrix)
            if len(found):
                self.cycles = np.concatenate([self.cycles, found])
            elif whole or np.all(np.minimum(x, 1 - x) < _WHOLE):
                whole_order = np.argsort(-matrix.sum(axis=1), kind="stable")
                return whole_order, max(0.0, _cost(self.margin, whole_order) - max(bound, value))
            else:
                whole = True
        return best, 0.0

    def _closed(self, cost: float, bound: float) -> bool:
        """Whether no better order can exist; costs move in steps of 1 where margins are whole numbers."""
        return cost - bound < (1 - 1e-6 if self.whole_steps else 1e-9 * abs(cost))

    def _solution(self, left: float, *, whole: bool) -> tuple[FloatArray | None, float]:
        """Solve with the cycles so far; (P,) variables or None, and a bound for every order."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        constraints = LinearConstraint(*self._rows()) if len(self.cycles) else None
        result = milp(
            self.price,
            integrality=np.full(len(self.price), int(whole)),
            bounds=Bounds(0, 1),
            constraints=constraints,
            options={"time_limit": max(left, 0.01), "mip_rel_gap": 0.0},
        )
        if not (result.success or result.status == 1):  # solved, or out of time
            raise ConvergenceError(
                f"kemeny: the solver stopped ({result.message}); set a shorter time_limit."
            )
        dual = result.mip_dual_bound if whole else (result.fun if result.success else None)
        value = -np.inf if dual is None else float(dual) + self.constant
        return (np.asarray(result.x) if result.success else None), value

    def _rows(self) -> tuple[Any, FloatArray, FloatArray]:
        """Each cycle a > b > c > a as x_ab + x_bc + x_ca <= 2, in the variables of ordered pairs."""
        from scipy.sparse import csr_array

        start = self.cycles
        stop = np.roll(start, -1, axis=1)
        forward = start < stop
        column = np.where(forward, self.number[start, stop], self.number[stop, start])
        entry = np.where(forward, 1.0, -1.0)
        row = np.broadcast_to(np.arange(len(start))[:, None], start.shape)
        shape = (len(start), len(self.price))
        matrix = csr_array((entry.ravel(), (row.ravel(), column.ravel())), shape=shape)
        upper = 2.0 - (~forward).sum(axis=1)
        return matrix, np.full(len(start), -np.inf), upper

    def _matrix(self, x: FloatArray) -> FloatArray:
        """(n, n) how far row is above column, 0 to 1."""
        matrix = np.zeros((self.n, self.n))
        matrix[self.one, self.two], matrix[self.two, self.one] = x, 1.0 - x
        return matrix

    def _violated(self, matrix: FloatArray) -> NDArray[np.int64]:
        """(C, 3) cycles of three whose steps sum to more than 2, the worst first."""
        found, excess = [], []
        for a in range(self.n - 2):
            step = matrix[a, a + 1 :]
            total = step[:, None] + matrix[a + 1 :, a + 1 :] + matrix[a + 1 :, a][None, :]
            b, c = np.nonzero(total > 2 + _WHOLE)
            found.append(np.stack([np.full(len(b), a), b + a + 1, c + a + 1], axis=1))
            excess.append(total[b, c])
        order = np.argsort(-np.concatenate(excess), kind="stable")[:CUTS]
        cycles: NDArray[np.int64] = np.concatenate(found)[order]
        return cycles
