"""Minimax, Schulze, split cycle, ranked pairs."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agon.ranking.estimation.comparison_graph import components
from agon.ranking.methods.social_choice.majority_graph import (
    _total,
    margins,
    peel_tiers,
    widest_paths,
)
from agon.ranking.numerics import BoolArray, FloatArray, IntArray, steady
from agon.ranking.registry import ResampledScores, method
from agon.ranking.results import Choice, Diagnostic, Scores
from agon.ranking.text import Sentence
from agon.ranking.votes.pair_counts import PairCounts
from agon.ranking.votes.resamples import ResampledPairCounts


@method(
    "minimax",
    source="Simpson (1969); Kramer (1977)",
    axioms="majority, condorcet, pareto, monotonicity",
    by_margin=True,
)
def minimax(
    pairs: PairCounts,
    *,
    measure: Literal["winning_votes", "margins", "opposition"] = "winning_votes",
) -> Scores:
    """Minus the worst defeat: the less a model loses its worst comparison by, the better.

    Args:
        measure: what a defeat weighs: "winning_votes" the votes for the winner (0 where there is no defeat),
            "margins" votes for minus votes against, "opposition" the votes against, defeat or not.

    Source:
        P. Simpson, Journal of the Royal Statistical Society B 31 (1969); G. Kramer, Journal of Economic
        Theory 16 (1977).
    """
    if len(pairs.wins) == 1:
        return Scores(np.zeros(1))
    margin = margins(pairs)
    defeat = {
        "winning_votes": np.where(margin > 0, pairs.wins, 0.0),
        "margins": margin.copy(),
        "opposition": pairs.wins.copy(),
    }[measure]
    np.fill_diagonal(defeat, -np.inf)
    return Scores(0.0 - defeat.max(axis=0))


@method(
    "schulze",
    source="Schulze (2011)",
    axioms="majority, condorcet, condorcet_loser, smith, pareto, monotonicity, clones, reversal",
    by_margin=True,
)
def schulze(pairs: PairCounts, *, measure: Literal["winning_votes", "margins"] = "winning_votes") -> Choice:
    """Compare models by the strongest chain of majorities between them (beat path).

    A chain is as strong as its weakest majority; a model is above another if its strongest chain to it
    is stronger than the one back. This order is transitive; its tiers are peel_tiers off from the top.

    Args:
        measure: what a majority weighs: the votes for the winner, or those minus the votes against.

    Source:
        M. Schulze, Social Choice and Welfare 36 (2011), section 2.
    """
    margin = margins(pairs)
    strength = np.where(
        margin > 0, margin if measure == "margins" else steady(pairs.wins, _total(pairs)), 0.0
    )
    path = widest_paths(strength)
    return Choice(peel_tiers(path > path.T))


@method(
    "split_cycle",
    source="Holliday and Pacuit (2023)",
    axioms="majority, condorcet, condorcet_loser, smith, pareto, monotonicity, clones, reversal",
    by_margin=True,
)
def split_cycle(pairs: PairCounts) -> Choice:
    """Leave out the weakest majorities of every cycle; who is then beaten by nobody wins.

    A majority counts as a defeat if its margin is larger than the weakest margin of every cycle it lies
    on. Defeats have no cycle; the tiers are peel_tiers off from the top.

    Source:
        W. Holliday and E. Pacuit, Split Cycle, Public Choice 197 (2023), definition 3.1.
    """
    margin = np.maximum(margins(pairs), 0.0)
    return Choice(peel_tiers((margin > 0) & (margin > widest_paths(margin).T)))


@method(
    "ranked_pairs",
    source="Tideman (1987)",
    batch=lambda drawn, _, **options: _ranked_pairs(drawn, **options),
    axioms="majority, condorcet, condorcet_loser, smith, pareto, monotonicity, clones, reversal",
    by_margin=True,
)
def ranked_pairs(
    pairs: PairCounts,
    *,
    measure: Literal["margins", "winning_votes"] = "margins",
    tie_break: Literal["together", "names", "random"] = "together",
    seed: int = 0,
) -> Choice:
    """Lock the majorities in from the strongest to the weakest, leaving out those that close a cycle.

    Args:
        measure: what a majority weighs: votes for minus votes against, or the votes for the winner.
        tie_break: among equally strong majorities: "together" locks at once all of them that close no
            cycle with each other and with those locked before, so that names do not matter and models may
            tie; "names" takes them in the order of the winner's, then the loser's name; "random" in a
            seeded random order.
        seed: of the random order.

    Source:
        N. Tideman, Independence of clones as a criterion for voting rules, Social Choice and Welfare 4
        (1987), section 5; T. Zavist and N. Tideman (1989) on ties; D. Pearce and P. Kelly, A dynamic
        topological sort algorithm for directed acyclic graphs (2007).
    """
    margin = margins(pairs)
    one, two = np.nonzero(margin > 0)
    weight = (margin if measure == "margins" else steady(pairs.wins, _total(pairs)))[one, two]
    order = np.argsort(-weight, kind="stable")  # np.nonzero lists the pairs by name
    if tie_break == "random":
        order = np.lexsort((np.random.default_rng(seed).permutation(len(weight)), -weight))
    one, two, weight = one[order], two[order], weight[order]
    begins = np.flatnonzero(np.diff(weight, prepend=np.inf))
    size = np.diff(begins, append=len(weight))
    locked = _Locked(np.argsort(-(margin > 0).sum(axis=1), kind="stable"))
    for begin, number in zip(begins.tolist(), size.tolist(), strict=True):
        winners, losers = one[begin : begin + number], two[begin : begin + number]
        if tie_break == "together" and number > 1 and not locked.agree(winners, losers):
            graph = locked.matrix()
            graph[winners, losers] = True
            part = components(graph, strong=True)
            free = part[winners] != part[losers]  # on no cycle with each other and with those locked
            winners, losers = winners[free], losers[free]
        locked.add(winners, losers)
    note: tuple[Diagnostic, ...] = ()
    if (size > 1).any():
        how = {
            "together": Sentence("locked together"),
            "names": Sentence("taken by name"),
            "random": Sentence("drawn at random"),
        }[tie_break]
        message = Sentence(
            "{number} majorities are as strong as another; they were {how}.",
            number=int(size[size > 1].sum()),
            how=how,
        )
        note = (Diagnostic("equal_majorities", (), message),)
    return Choice(peel_tiers(locked.matrix()), notes=note)


class _Locked:
    """Majorities without a cycle, with an order of the models that agrees with all of them.

    A majority that agrees with the order closes no cycle; one that does not is followed through the
    part of the order between its two models, which is then put right (Pearce and Kelly 2007). The models
    that one is locked above are the bits of a whole number.
    """

    def __init__(self, order: IntArray) -> None:
        self.order: list[int] = order.tolist()
        self.place = np.argsort(order).tolist()
        self.below = [0] * len(order)

    def agree(self, winners: IntArray, losers: IntArray) -> bool:
        """Whether majorities agree with the order, so that they close no cycle."""
        place = self.place
        return all(place[a] < place[b] for a, b in zip(winners.tolist(), losers.tolist(), strict=True))

    def add(self, winners: IntArray, losers: IntArray) -> None:
        """Lock majorities in one after the other, unless the loser leads to the winner already."""
        for winner, loser in zip(winners.tolist(), losers.tolist(), strict=True):
            if self.place[winner] < self.place[loser] or self._moved(winner, loser):
                self.below[winner] |= 1 << loser

    def _moved(self, winner: int, loser: int) -> bool:
        """Move the loser and all it leads to behind the winner; False if it leads to the winner."""
        begin, end = self.place[loser], self.place[winner] + 1
        led = 1 << loser
        behind, before = [], []
        for model in self.order[begin:end]:
            if led >> model & 1:
                led |= self.below[model]
                behind.append(model)
            else:
                before.append(model)
        if led >> winner & 1:
            return False
        self.order[begin:end] = before + behind
        for place in range(begin, end):
            self.place[self.order[place]] = place
        return True

    def matrix(self) -> BoolArray:
        """(M, M) True where the row is locked above the column."""
        n = len(self.below)
        rows = b"".join(bits.to_bytes((n + 7) // 8, "little") for bits in self.below)
        table = np.frombuffer(rows, dtype=np.uint8).reshape(n, -1)
        return np.unpackbits(table, axis=1, count=n, bitorder="little").astype(bool)


def _ranked_pairs(
    drawn: ResampledPairCounts, *, measure: str, tie_break: str, seed: int
) -> ResampledScores | None:
    """Minus the tier of each model under ranked pairs in each resample.

    A majority can only be left out if it lies on a cycle of majorities no weaker: these are looked at level
    by level, each level together with all majorities above it that were not left out.
    """
    del seed
    if tie_break != "together" or measure != "margins":
        return None
    margin = np.stack([np.maximum(margins(one), 0.0) for one in drawn])
    back = np.stack([widest_paths(one).T for one in margin])
    doubtful = (margin > 0) & (margin <= back)
    levels = [np.unique(one[there])[::-1] for one, there in zip(margin, doubtful, strict=True)]
    locked = margin > 0
    for step in range(max(map(len, levels), default=0)):
        row = np.array([r for r, level in enumerate(levels) if step < len(level)])
        level = np.array([levels[r][step] for r in row])[:, None, None]
        reach = _reach(locked[row] & (margin[row] >= level))
        r, winner, loser = np.nonzero(doubtful[row] & (margin[row] == level))
        closing = reach[winner >> 6, r, loser] >> (winner & 63).astype(np.uint64) & np.uint64(1) > 0
        locked[row[r[closing]], winner[closing], loser[closing]] = False
    return ResampledScores(-_depth(locked))


def _reach(graph: BoolArray) -> NDArray[np.uint64]:
    """(W, R, M) bits of the models that each model leads to, itself included, in words of 64 (Warshall)."""
    r, m, _ = graph.shape
    packed = np.zeros((r, m, (m + 63) // 64 * 8), dtype=np.uint8)
    bits = np.packbits(graph | np.eye(m, dtype=bool), axis=2, bitorder="little")
    packed[..., : bits.shape[2]] = bits
    reach = np.ascontiguousarray(np.moveaxis(packed.view("<u8"), 2, 0))
    for k in range(m):
        leads = reach[k >> 6] >> np.uint64(k & 63) & np.uint64(1)
        reach |= (np.uint64(0) - leads) & reach[:, :, k, None]
    return reach


def _depth(above: BoolArray) -> FloatArray:
    """(R, M) longest chain above each model in relations without cycles: its tier, from 0."""
    r, m, _ = above.shape
    words = np.moveaxis(_reach(above), 0, 2).copy()
    reach = np.unpackbits(words.view(np.uint8), axis=2, count=m, bitorder="little")
    order = np.argsort(reach.sum(axis=1), axis=1, kind="stable")  # a model has more above it than those above
    depth = np.zeros((r, m))
    each = np.arange(r)
    for model in order.T:
        depth[each, model] = np.where(above[each, :, model], depth + 1.0, 0.0).max(axis=1)
    return depth
