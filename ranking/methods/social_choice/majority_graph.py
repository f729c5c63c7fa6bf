"""Rules on weighted majorities: who beats whom, and by how much. All work with gaps, pair by pair.

A model beats another when the weight of the votes that put it above is the larger of the two; ties
and "both bad" count for neither side. A pair that no vote compares is no majority either way.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ranking.ballots import FloatArray, IntArray
from ranking.counts import PairCounts
from ranking.errors import OptionError
from ranking.ordinal import steady
from ranking.registry import method
from ranking.results import Choice, Diagnostic, Scores
from ranking.structure import components

BoolMatrix = NDArray[np.bool_]
Tiers = tuple[tuple[int, ...], ...]


def margins(pairs: PairCounts) -> FloatArray:
    """(M, M) weight for the row minus weight for the column, rounded so that equal weights cancel."""
    return steady(pairs.wins - pairs.wins.T, _total(pairs))


@method("condorcet", source="Condorcet (1785)")
def condorcet(pairs: PairCounts) -> Choice:
    """The model that beats every other one, if there is one; else nobody.

    Axioms: majority, condorcet, condorcet_loser, smith, pareto, monotonicity, reversal.
    """
    beats = margins(pairs) > 0
    return _elected(beats.sum(axis=1) == len(beats) - 1, "condorcet", "beats every other")


@method("weak_condorcet", source="Condorcet (1785); Fishburn (1977) for ties")
def weak_condorcet(pairs: PairCounts) -> Choice:
    """The models that nobody beats, if there are any; else nobody.

    Axioms: majority, condorcet, condorcet_loser, pareto, monotonicity.
    """
    beaten = (margins(pairs) > 0).any(axis=0)
    return _elected(np.asarray(~beaten), "weak_condorcet", "is beaten by no other")


@method("smith_set", source="Good (1971); Smith (1973)")
def smith_set(pairs: PairCounts) -> Choice:
    """The smallest set of models that each beat every model outside it; then the same for the rest.

    The first tier is the Smith set (GETCHA, the top cycle), the second that of the others, and so on.

    Axioms: majority, condorcet, condorcet_loser, smith, monotonicity, clones.

    Source:
        I. Good, Public Choice 10 (1971); J. Smith, Econometrica 41 (1973).
    """
    margin = margins(pairs)
    not_beaten = margin >= 0
    np.fill_diagonal(not_beaten, val=False)
    part = components(not_beaten, strong=True)
    # between two parts all margins have one sign, so the number of models beaten outside orders them
    outside = part[:, None] != part[None, :]
    return Choice(_layers(((margin > 0) & outside).sum(axis=1)))


@method("schwartz_set", source="Schwartz (1972)")
def schwartz_set(pairs: PairCounts) -> Choice:
    """The union of the smallest sets that nobody outside beats; then the same for the rest.

    The first tier is the Schwartz set (GOCHA), the second that of the others, and so on. It lies inside
    the Smith set, and differs from it only where majorities are tied.

    Axioms: majority, condorcet, condorcet_loser, smith, monotonicity, clones.

    Source:
        T. Schwartz, Noûs 6 (1972).
    """
    beats = margins(pairs) > 0
    part = components(beats, strong=True)  # these stay what they are when whole parts are taken away
    one, two = np.nonzero(beats & (part[:, None] != part[None, :]))
    above = np.zeros((part.max(initial=-1) + 1,) * 2, dtype=bool)
    above[part[one], part[two]] = True
    return Choice(tuple(_indices(np.isin(part, tier)) for tier in peeled(above)))


@method("copeland", source="Copeland (1951); Llull (1299)")
def copeland(
    pairs: PairCounts,
    *,
    variant: Literal["difference", "wins", "losses"] = "difference",
    tie_credit: float = 0.5,
) -> Scores:
    """How many other models a model beats.

    Args:
        variant: "difference" is models beaten minus models lost to, "wins" models beaten plus
            `tie_credit` for each tied majority, "losses" minus the models lost to.
        tie_credit: of a tied majority, from 0 to 1, in the variant "wins"; a pair that was never compared
            is not tied.

    Axioms: majority, condorcet, condorcet_loser, smith, pareto, monotonicity, reversal.

    Raises:
        OptionError: a tie credit outside 0 to 1.

    Source:
        A. Copeland, A reasonable social welfare function (1951); the variants as in Vote'n'Rank
        (Rofin et al. 2023): difference, wins with half a point for ties (tie_credit 0.5), wins
        (tie_credit 0), losses.
    """
    if not 0 <= tie_credit <= 1:
        raise OptionError(f"copeland: tie_credit must lie between 0 and 1, not {tie_credit!r}.")
    margin = margins(pairs)
    won, lost = (margin > 0).sum(axis=1), (margin < 0).sum(axis=1)
    if variant == "difference":
        return Scores((won - lost).astype(np.float64))
    if variant == "losses":
        return Scores(-lost.astype(np.float64))
    met = pairs.wins + pairs.wins.T + pairs.ties + pairs.both_bad > 0
    tied = (met & (margin == 0)).sum(axis=1)
    return Scores(won + tie_credit * tied)


@method("minimax", source="Simpson (1969); Kramer (1977)")
def minimax(
    pairs: PairCounts,
    *,
    measure: Literal["winning_votes", "margins", "opposition"] = "winning_votes",
) -> Scores:
    """Minus the worst defeat: the less a model loses its worst comparison by, the better.

    Args:
        measure: what a defeat weighs: "winning_votes" the votes for the winner (0 where there is no defeat),
            "margins" votes for minus votes against, "opposition" the votes against, defeat or not.

    Axioms: majority, condorcet, pareto, monotonicity.

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


@method("schulze", source="Schulze (2011)")
def schulze(pairs: PairCounts, *, measure: Literal["winning_votes", "margins"] = "winning_votes") -> Choice:
    """Compare models by the strongest chain of majorities between them (beat path).

    A chain is as strong as its weakest majority; a model is above another if its strongest chain to it
    is stronger than the one back. This order is transitive; its tiers are peeled off from the top.

    Args:
        measure: what a majority weighs: the votes for the winner, or those minus the votes against.

    Axioms: majority, condorcet, condorcet_loser, smith, pareto, monotonicity, clones, reversal.

    Source:
        M. Schulze, Social Choice and Welfare 36 (2011), section 2.
    """
    margin = margins(pairs)
    strength = np.where(
        margin > 0, margin if measure == "margins" else steady(pairs.wins, _total(pairs)), 0.0
    )
    path = widest_paths(strength)
    return Choice(peeled(path > path.T))


@method("split_cycle", source="Holliday and Pacuit (2023)")
def split_cycle(pairs: PairCounts) -> Choice:
    """Leave out the weakest majorities of every cycle; who is then beaten by nobody wins.

    A majority counts as a defeat if its margin is larger than the weakest margin of every cycle it lies
    on. Defeats have no cycle; the tiers are peeled off from the top.

    Axioms: majority, condorcet, condorcet_loser, smith, pareto, monotonicity, clones, reversal.

    Source:
        W. Holliday and E. Pacuit, Split Cycle, Public Choice 197 (2023), definition 3.1.
    """
    margin = np.maximum(margins(pairs), 0.0)
    return Choice(peeled((margin > 0) & (margin > widest_paths(margin).T)))


@method("ranked_pairs", source="Tideman (1987)")
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

    Axioms: majority, condorcet, condorcet_loser, smith, pareto, monotonicity, clones, reversal.

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
        how = {"together": "locked together", "names": "taken by name", "random": "drawn at random"}[
            tie_break
        ]
        message = f"{int(size[size > 1].sum())} majorities are as strong as another; they were {how}."
        note = (Diagnostic("equal_majorities", (), message),)
    return Choice(peeled(locked.matrix()), notes=note)


def widest_paths(strength: FloatArray) -> FloatArray:
    """(M, M) strength of the strongest path between models, that of a path being its weakest step."""
    whole = strength.astype(np.int16 if strength.max(initial=0.0) < np.iinfo(np.int16).max else np.int32)
    path = whole if np.array_equal(whole, strength) else strength.copy()  # small numbers are compared faster
    through = np.empty_like(path)
    for k in range(len(path)):
        np.minimum(path[:, k, None], path[k], out=through)
        np.maximum(path, through, out=path)
    np.fill_diagonal(path, 0)
    return path.astype(np.float64)


def peeled(above: BoolMatrix) -> Tiers:
    """Tiers of a relation without cycles: those with nobody above them, then the same of the rest."""
    over = above.sum(axis=0)  # how many of those left are above each
    tiers = []
    while len(top := np.flatnonzero(over == 0)):
        tiers.append(tuple(top.tolist()))
        over -= above[top].sum(axis=0)
        over[top] = -1
    return tuple(tiers)


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

    def matrix(self) -> BoolMatrix:
        """(M, M) True where the row is locked above the column."""
        n = len(self.below)
        rows = b"".join(bits.to_bytes((n + 7) // 8, "little") for bits in self.below)
        table = np.frombuffer(rows, dtype=np.uint8).reshape(n, -1)
        return np.unpackbits(table, axis=1, count=n, bitorder="little").astype(bool)


def _elected(chosen: NDArray[np.bool_], code: str, what: str) -> Choice:
    """The chosen above all others; nobody at all, with a note, if there is none."""
    if not chosen.any():
        return Choice((), notes=(Diagnostic(f"no_{code}", (), f"No model {what}: the rule elects nobody."),))
    return Choice(tuple(_indices(part) for part in (chosen, ~chosen) if part.any()))


def _layers(values: IntArray) -> Tiers:
    """Models of equal value together, the highest first."""
    return tuple(_indices(values == level) for level in np.unique(values)[::-1])


def _indices(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(mask).tolist())


def _total(pairs: PairCounts) -> float:
    """The largest weight that any pair could carry."""
    return float((pairs.wins + pairs.wins.T + pairs.ties + pairs.both_bad).max(initial=0.0))
