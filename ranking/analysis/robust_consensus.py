"""Tiers, and how much of the votes would have to be false before an order breaks down.

Both start from one order of the models and the shares of votes between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from agon.ranking.analysis.perturbation import levels_of
from agon.ranking.errors import OptionError
from agon.ranking.leaderboard.eligibility import Eligibility, keep_eligible
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.registry import Method, Rule, find
from agon.ranking.results import as_values
from agon.ranking.text import Readable, join_names
from agon.ranking.votes.comparisons import Votes, as_comparisons


@dataclass(frozen=True, repr=False)
class Tiers(Readable):
    """An order of tiers, best first.

    Attributes:
        tiers: names of each tier, by the order's rank.
        margins: |P − ½| between each tier and the next, P the share of the votes between them; None
            where there are none.
        threshold: neighbours closer than this were merged.
        method: the rule whose order it started from.
        merges: how many merges there were.
        left_out: models of other components, or without a place under the rule.
    """

    tiers: tuple[tuple[str, ...], ...]
    margins: tuple[float | None, ...]
    threshold: float
    method: str
    merges: int
    left_out: tuple[str, ...] = ()

    def conclusion(self) -> str:
        """Say in one sentence what the tiers are."""
        first = join_names(self.tiers[0])
        number = "1 tier" if len(self.tiers) == 1 else f"{len(self.tiers)} tiers"
        return (
            f"{sum(map(len, self.tiers))} models form {number} whose neighbours won at least "
            f"{0.5 + self.threshold:.0%} of the votes against the next; the first holds {first}."
        )


@dataclass(frozen=True, repr=False)
class BreakdownPoint(Readable):
    """What share of false votes breaks an order.

    Attributes:
        order: the models, best first.
        share: share[d − 1]: a mixture with this share of votes for the opposite order puts d pairs level,
            the weakest; an upper bound of what moves the order by a Kendall distance of d.
        pairs: the pairs from the weakest to the strongest, the upper model first.
        method: the rule whose order it is.
        left_out: models of other components, or without a place under the rule.
    """

    order: tuple[str, ...]
    share: tuple[float, ...]
    pairs: tuple[tuple[str, str], ...]
    method: str
    left_out: tuple[str, ...] = ()

    def conclusion(self) -> str:
        """Say in one sentence how little suffices."""
        if not self.share:
            return "No two models of this order were compared."
        upper, lower = self.pairs[0]
        return (
            f"{self.share[0]:.1%} of false votes put {lower} level with {upper}, the weakest pair of the "
            f"order by {self.method}; {self.share[-1]:.1%} put all {len(self.share):,} compared pairs level."
        )


def tiers(
    votes: Votes,
    *,
    threshold: float = 0.05,
    method: str | Rule | Method = "bradley_terry",
    min_votes: int = 30,
) -> Tiers:
    """Merge neighbours that the votes hardly tell apart into tiers.

    From an order of the models, the two neighbouring tiers with the smallest |P − ½| are merged until none is
    below the threshold; P is the share of all votes between the two tiers that the upper one won, half for
    a tie, and is counted anew after each merge. Neighbours without votes between them stay apart.

    Args:
        votes: as for `rank`.
        threshold: of |P − ½|, at least 0 and below 0.5.
        method: the rule that orders the models to begin with.
        min_votes: ballots a model must have been shown in; the others are left out.

    Raises:
        OptionError: a threshold outside its range.

    Source:
        M. Goibert, C. Calauzènes, E. Irurozki and S. Clémençon, Robust consensus in ranking data analysis,
        ICML (2023): downward merge, here until nothing is left to merge.
    """
    if not 0 <= threshold < 0.5:
        raise OptionError(f"threshold must be at least 0 and below 0.5, not {threshold!r}.")
    order = _Order.of(votes, method, min_votes)
    wins, levels = order.wins, np.unique(order.level)
    groups: list[list[int]] = [np.flatnonzero(order.level == level).tolist() for level in levels]
    merges = len(order.models) - len(groups)
    while len(groups) > 1:
        gap = [_margin(wins, one, two) for one, two in pairwise(groups)]
        close = min(range(len(gap)), key=lambda k: (gap[k], k))
        if not gap[close] < threshold:
            break
        groups[close : close + 2] = [groups[close] + groups[close + 1]]
        merges += 1
    gap = [_margin(wins, one, two) for one, two in pairwise(groups)]
    return Tiers(
        tuple(tuple(order.models[i] for i in group) for group in groups),
        tuple(None if np.isinf(margin) else margin for margin in gap),
        threshold,
        order.how.name,
        merges,
        order.left_out,
    )


def breakdown_point(
    votes: Votes, *, method: str | Rule | Method = "kemeny", min_votes: int = 30
) -> BreakdownPoint:
    """Say what share of false votes puts the weakest pairs of an order level, one after the other.

    With a share ε of votes for the opposite order, a pair whose upper model has the share p of the votes
    is level at ε = (2p − 1)/(2p); 0 for a pair that stands against its majority.

    Args:
        votes: as for `rank`.
        method: the rule whose order is asked about.
        min_votes: ballots a model must have been shown in; the others are left out.

    Source:
        As `tiers`, the bound of the breakdown function by mixtures.
    """
    order = _Order.of(votes, method, min_votes)
    level, wins, names = order.level, order.wins, order.models
    met, by_rank = wins + wins.T, np.argsort(order.level, kind="stable").tolist()
    found = []
    for k, i in enumerate(by_rank):
        for j in by_rank[k + 1 :]:
            if met[i, j] > 0 and level[i] < level[j]:
                share = wins[i, j] / met[i, j]
                found.append((max(0.0, 1 - 0.5 / share) if share > 0 else 0.0, (names[i], names[j])))
    found.sort(key=lambda item: item[0])
    return BreakdownPoint(
        tuple(names[i] for i in by_rank),
        tuple(float(share) for share, _ in found),
        tuple(pair for _, pair in found),
        order.how.name,
        order.left_out,
    )


@dataclass(frozen=True, eq=False)
class _Order:
    """The models of the largest component in the order of a rule.

    `level` (M,) is 0 for the first, `wins` (M, M) counts half for a tie, `left_out` names the other models.
    """

    how: Method
    models: tuple[str, ...]
    level: IntArray
    wins: FloatArray
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, votes: Votes, method: str | Rule | Method, min_votes: int) -> _Order:
        how = find(method)
        given, few = keep_eligible(as_comparisons(votes), min_votes)
        result = how.function(how.view_of(given), **how.settings({}))
        values = as_values(result, len(given.models))
        inside = (Eligibility.of(given, result).board == 0) & ~np.isnan(values)
        names = np.array(given.models, dtype=object)
        wins = given.pairs.halves("half")[np.ix_(inside, inside)]
        return cls(how, tuple(names[inside]), levels_of(values[inside]), wins, (*names[~inside], *few))


def _margin(wins: FloatArray, upper: list[int], lower: list[int]) -> float:
    """|P − ½| between two tiers; infinite without votes."""
    won, lost = float(wins[np.ix_(upper, lower)].sum()), float(wins[np.ix_(lower, upper)].sum())
    return abs(won / (won + lost) - 0.5) if won + lost > 0 else float("inf")
