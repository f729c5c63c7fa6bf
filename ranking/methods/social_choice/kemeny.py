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
from agon.ranking.methods.social_choice.majority_graph import margins
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.registry import method
from agon.ranking.results import Choice, Diagnostic
from agon.ranking.votes.pair_counts import PairCounts

LARGEST = 120  # models in one cycle above which no programme is tried: n³/3 cycles of three
CUTS = 3000  # cycles of three added at a time
WHOLE = 1e-6  # a variable closer than this to 0 or 1 is whole


@dataclass(frozen=True, eq=False)
class Consensus:
    """An order of M models and what is known about its cost.

    Attributes:
        order: (M,) model indices, best first.
        cost: weight of the votes that disagree, over all pairs; a tie disagrees with nothing.
        bound: no order costs less.
    """

    order: IntArray
    cost: float
    bound: float

    @property
    def proven(self) -> bool:
        """Whether no order is better."""
        return self.bound >= self.cost - 1e-9 * max(1.0, self.cost)


@method("kemeny", source="Kemeny (1959); Young and Levenglick (1978)")
def kemeny(pairs: PairCounts, *, time_limit: float = 30.0) -> Choice:
    """The order of all models that the fewest votes, pair by pair, disagree with.

    Exact where the programme is solved in time, else the best order found; the note "kemeny" gives the
    cost and how far at most it is from the least. Neighbours that the votes tie share a tier; where
    other orders cost the same, which one is found depends on the names.

    Args:
        time_limit: seconds after which the best order so far is taken, with its proven gap.

    Axioms: majority, condorcet, condorcet_loser, smith, pareto, monotonicity, reversal.

    Raises:
        OptionError: a time limit that is not above 0.

    Source:
        J. Kemeny, Daedalus 88 (1959); H. P. Young and A. Levenglick, SIAM Journal on Applied Mathematics
        35 (1978); the cycles of three: M. Grötschel, M. Jünger and G. Reinelt, Operations Research 32 (1984).
    """
    if not time_limit > 0:
        raise OptionError(f"kemeny: time_limit must be above 0 seconds, not {time_limit!r}.")
    found = consensus(pairs.wins, time_limit)
    if found.proven:
        message = f"The order disagrees with {found.cost:g} votes on pairs, and no order with fewer (proven)."
    else:
        gap = (found.cost - found.bound) / found.cost
        message = (
            f"The order disagrees with {found.cost:g} votes on pairs, any order with at least "
            f"{found.bound:g}: it is at most {gap:.2%} from the best; a longer time_limit may close the gap."
        )
    margin = margins(pairs)
    tiers: list[list[int]] = []
    for model in found.order.tolist():
        if tiers and not margin[model, tiers[-1]].any():
            tiers[-1].append(model)
        else:
            tiers.append([model])
    code = "kemeny" if found.proven else "kemeny_gap"
    return Choice(tuple(tuple(sorted(tier)) for tier in tiers), notes=(Diagnostic(code, (), message),))


def consensus(wins: FloatArray, time_limit: float = 30.0) -> Consensus:
    """Find the order of least disagreement; (M, M) weight that puts row above column.

    Parts that beat each other throughout are ordered first (the extended Condorcet criterion: Truchon
    1998), each part then by itself.
    """
    end = time.monotonic() + time_limit
    margin = wins - wins.T
    margin[np.abs(margin) <= 1e-12 * max(1.0, float(wins.max(initial=0.0)))] = 0.0
    part = components(margin >= 0, strong=True)
    outside = part[:, None] != part[None, :]
    strength = ((margin > 0) & outside).sum(axis=1)
    order: list[int] = []
    slack = 0.0
    for level in np.unique(strength)[::-1]:
        members = np.flatnonzero(strength == level)
        inside, missing = _part(margin[np.ix_(members, members)], end)
        order += members[inside].tolist()
        slack += missing
    best = np.array(order, dtype=np.int64)
    cost = disagreement(wins, best)
    return Consensus(best, cost, cost - slack)


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
    if n > LARGEST:
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
            elif whole or np.all(np.minimum(x, 1 - x) < WHOLE):
                whole_order = np.argsort(-matrix.sum(axis=1), kind="stable")
                return whole_order, max(0.0, _cost(self.margin, whole_order) - max(bound, value))
            else:
                whole = True
        return best, 0.0

    def _closed(self, cost: float, bound: float) -> bool:
        """Whether no better order can exist; costs move in steps of 1 where margins are whole numbers."""
        return cost - bound < (1 - 1e-6 if self.whole_steps else 1e-9 * max(1.0, abs(cost)))

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
            b, c = np.nonzero(total > 2 + WHOLE)
            found.append(np.stack([np.full(len(b), a), b + a + 1, c + a + 1], axis=1))
            excess.append(total[b, c])
        order = np.argsort(-np.concatenate(excess), kind="stable")[:CUTS]
        cycles: NDArray[np.int64] = np.concatenate(found)[order]
        return cycles
