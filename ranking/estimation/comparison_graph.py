"""The shape of the comparison graph: who can be put on one scale with whom, and who is above whom.

`identify` answers what a rating that needs wins and losses may claim; `connected` answers it for
every other score. `order_components` says which components one-way wins put above which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agon.ranking.numerics import BoolArray, FloatArray, IntArray
from agon.ranking.results import Identification
from agon.ranking.votes.pair_counts import BothBad, PairCounts


def reachable(beats: BoolArray, start: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(M,) models that a path of `beats` (M, M) leads to from any of the start (M,)."""
    seen = start.copy()
    front = start
    while front.any():
        front = beats[front].any(axis=0) & ~seen
        seen |= front
    return seen


def strongly_connected(beats: BoolArray) -> bool:
    """Whether every model leads to every other; (M, M)."""
    if not len(beats):
        return True
    start = np.zeros(len(beats), dtype=bool)
    start[0] = True
    return bool(reachable(beats, start).all() and reachable(beats.T, start).all())


def components(graph: BoolArray, *, strong: bool) -> IntArray:
    """(M,) number of each model's strongly or weakly connected component, in no particular order."""
    if strongly_connected(graph if strong else graph | graph.T):
        return np.zeros(len(graph), dtype=np.int64)
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    edges = csr_array(graph.astype(np.int8))
    labels = connected_components(edges, directed=True, connection="strong" if strong else "weak")[1]
    return np.asarray(labels, dtype=np.int64)


def connected(met: FloatArray) -> IntArray:
    """(M,) weakly connected component of each model, 0 the largest; `met` (M, M) votes of each pair."""
    return _by_size(components(met > 0, strong=False), met)


def identify(wins: FloatArray) -> Identification:
    """Find the strongly connected components of the win graph and what lies outside them.

    The maximum likelihood of a Bradley-Terry model exists only on a strongly connected component
    (Ford 1957). A component of two or more models is a core; a model in none belongs to the core it
    has most votes with, and can only be placed by a prior. Where there is no core, the models that
    met, directly or not, form a group without one.

    Args:
        wins: (M, M) wins of row over column; half a win each way for a tie.
    """
    beats = wins > 0
    met = wins + wins.T
    label = components(beats, strong=True)
    core = np.bincount(label)[label] > 1
    label = _by_size(label, met)  # so that a model between two cores joins the larger, whatever the names
    group = _by_size(_attach(np.where(core, label, -1), met), met)
    above = np.zeros(len(wins), dtype=bool)
    below = np.zeros(len(wins), dtype=bool)
    for g in range(int(group.max(initial=-1)) + 1):
        anchor = core & (group == g)
        outside = ~core & (group == g)
        if outside.any():
            above |= outside & ~reachable(beats, anchor)
            below |= outside & ~reachable(beats.T, anchor)
    return Identification(group, core, above, below)


@dataclass(frozen=True, eq=False)
class ComponentOrder:
    """The C strongly connected components of the win graph, in the order that one-way wins give them.

    Two components are compared if wins lead from one to the other, directly or through others: never
    back, else they were one. Models of components that no such path joins are not compared.

    Attributes:
        component: (M,) component of each model, 0 at the top: a component comes before all that it is above.
        evidence: (C, C) votes that put row above column: of the best supported path of one-way wins the
            votes of its weakest step; 0 where row is not above column.
    """

    component: IntArray
    evidence: FloatArray

    @property
    def above(self) -> BoolArray:
        """(C, C) whether wins put row above column."""
        return np.asarray(self.evidence > 0)

    @property
    def compared(self) -> BoolArray:
        """(C, C) whether row and column have an order, or are the same component."""
        return np.asarray(self.above | self.above.T | np.eye(len(self.evidence), dtype=bool))

    @property
    def p_value(self) -> FloatArray:
        """(C, C) one-sided and exact: the chance of such evidence if row is not above column; else 1.

        If column is at least as good as row, then at every path some step leads to something at least as
        good, whose votes all went the other way with a chance of at most 2^-n (the sign test). Which path
        is taken depends on the numbers of votes alone, so that nothing need be corrected for.
        """
        return np.asarray(0.5**self.evidence)


def order_components(
    pairs: PairCounts, *, both_bad: BothBad = "half", independent: FloatArray | None = None
) -> ComponentOrder:
    """Order the components of the win graph along its one-way wins.

    A model that beat everybody is above everybody, though no finite maximum likelihood says by how much.

    Args:
        pairs: the votes; a tie is half a win each way and so joins two models.
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.
        independent: (M, M) number of independent units (votes, or voters) that put row above column, for
            the evidence; the wins themselves if None, which is right where all weights are 1.

    Source:
        Condensation of a directed graph: R. Tarjan, SIAM J. Comput. 1 (1972); existence of the maximum
        likelihood: L. R. Ford, Amer. Math. Monthly 64 (1957). The sign test is that of Arbuthnott (1710).
    """
    wins = pairs.halves(both_bad)
    label = _by_size(components(wins > 0, strong=True), wins + wins.T)
    number = int(label.max(initial=-1)) + 1
    first, second = np.nonzero(wins)
    direct = np.zeros((number, number))
    units = wins if independent is None else independent
    np.add.at(direct, (label[first], label[second]), units[first, second])
    np.fill_diagonal(direct, 0.0)
    order, waiting = [], np.ones(number, dtype=bool)
    while waiting.any():  # of those that nobody waiting is above, the largest
        order.append(int(np.flatnonzero(waiting & ~direct[waiting].any(axis=0))[0]))
        waiting[order[-1]] = False
    place = np.argsort(order)
    direct = direct[np.ix_(order, order)]
    evidence = np.zeros((number, number))
    for i in range(number - 1, -1, -1):
        below = np.flatnonzero(direct[i])
        through = np.minimum(direct[i, below, None], evidence[below])
        evidence[i] = np.maximum(direct[i], through.max(axis=0, initial=0.0))
    return ComponentOrder(place[label], evidence)


def bounded_with_ties(wins: FloatArray, ties: FloatArray) -> bool:
    """Whether votes bound strengths together with a parameter of ties; (M, M) each, strongly connected.

    They do unless some x has x_i − x_j ≥ 1 where i beat j and |x_i − x_j| ≤ 1 where they tied. By
    Farkas, there is none just if some cycle takes more wins in their direction than ties.
    """
    won, tied = wins > 0, ties > 0
    if not tied.any():
        return True
    label = components(won, strong=True)
    if np.bincount(label).max() > 1:
        return True
    step = np.where(won, 1.0, np.where(tied | tied.T, -1.0, -np.inf))
    longest = np.zeros(len(wins))
    for _ in range(len(wins)):
        new = np.maximum(longest, (longest[:, None] + step).max(axis=0))
        if np.array_equal(new, longest):
            return False
        longest = new
    return True


def _attach(label: IntArray, met: FloatArray) -> IntArray:
    """Give each unlabelled model (-1) the label it has most votes with, its neighbours first."""
    label = label.copy()
    while (label < 0).any() and (label >= 0).any():
        known = np.unique(label[label >= 0])
        votes = np.stack([met[:, label == c].sum(axis=1) for c in known], axis=1)
        ready = (label < 0) & (votes.max(axis=1) > 0)
        if not ready.any():
            break
        label[ready] = known[votes[ready].argmax(axis=1)]
    if (label < 0).any():
        weak = components(met > 0, strong=False)
        label = np.where(label < 0, weak + label.max(initial=-1) + 1, label)
    return label


def _by_size(label: IntArray, met: FloatArray) -> IntArray:
    """Number the groups 0, 1, ... by models, then votes, then first model."""
    known, first, group = np.unique(label, return_index=True, return_inverse=True)
    group = group.reshape(-1)
    models = np.bincount(group, minlength=len(known))
    votes = np.bincount(group, met.sum(axis=1), len(known))
    order = np.lexsort((first, -votes, -models))
    new = np.empty(len(known), dtype=np.int64)
    new[order] = np.arange(len(known))
    return new[group]
