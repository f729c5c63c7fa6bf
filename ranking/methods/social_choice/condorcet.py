"""C1 rules: Condorcet, Smith, Schwartz, Copeland."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agon.ranking.errors import OptionError
from agon.ranking.estimation.comparison_graph import components
from agon.ranking.methods.social_choice.majority_graph import RankedTiers, _indices, margins, peel_tiers
from agon.ranking.numerics import IntArray
from agon.ranking.registry import method
from agon.ranking.results import Choice, Diagnostic, Scores
from agon.ranking.votes.pair_counts import PairCounts


@method(
    "condorcet",
    source="Condorcet (1785)",
    axioms="majority, condorcet, condorcet_loser, smith, pareto, monotonicity, reversal",
    by_margin=True,
)
def condorcet(pairs: PairCounts) -> Choice:
    """The model that beats every other one, if there is one; else nobody."""
    beats = margins(pairs) > 0
    return _elected(beats.sum(axis=1) == len(beats) - 1, "condorcet", "beats every other")


@method(
    "weak_condorcet",
    source="Condorcet (1785); Fishburn (1977) for ties",
    axioms="majority, condorcet, condorcet_loser, pareto, monotonicity",
    by_margin=True,
)
def weak_condorcet(pairs: PairCounts) -> Choice:
    """The models that nobody beats, if there are any; else nobody."""
    beaten = (margins(pairs) > 0).any(axis=0)
    return _elected(np.asarray(~beaten), "weak_condorcet", "is beaten by no other")


@method(
    "smith_set",
    source="Good (1971); Smith (1973)",
    axioms="majority, condorcet, condorcet_loser, smith, monotonicity, clones",
    by_margin=True,
)
def smith_set(pairs: PairCounts) -> Choice:
    """The smallest set of models that each beat every model outside it; then the same for the rest.

    The first tier is the Smith set (GETCHA, the top cycle), the second that of the others, and so on.

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


@method(
    "schwartz_set",
    source="Schwartz (1972)",
    axioms="majority, condorcet, condorcet_loser, smith, monotonicity, clones",
    by_margin=True,
)
def schwartz_set(pairs: PairCounts) -> Choice:
    """The union of the smallest sets that nobody outside beats; then the same for the rest.

    The first tier is the Schwartz set (GOCHA), the second that of the others, and so on. It lies inside
    the Smith set, and differs from it only where majorities are tied.

    Source:
        T. Schwartz, Noûs 6 (1972).
    """
    beats = margins(pairs) > 0
    part = components(beats, strong=True)  # these stay what they are when whole parts are taken away
    one, two = np.nonzero(beats & (part[:, None] != part[None, :]))
    above = np.zeros((part.max(initial=-1) + 1,) * 2, dtype=bool)
    above[part[one], part[two]] = True
    return Choice(tuple(_indices(np.isin(part, tier)) for tier in peel_tiers(above)))


@method(
    "copeland",
    source="Copeland (1951); Llull (1299)",
    axioms="majority, condorcet, condorcet_loser, smith, pareto, monotonicity, reversal",
    by_margin=True,
)
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


def _elected(chosen: NDArray[np.bool_], code: str, what: str) -> Choice:
    """The chosen above all others; nobody at all, with a note, if there is none."""
    if not chosen.any():
        return Choice((), notes=(Diagnostic(f"no_{code}", (), f"No model {what}: the rule elects nobody."),))
    return Choice(tuple(_indices(part) for part in (chosen, ~chosen) if part.any()))


def _layers(values: IntArray) -> RankedTiers:
    """Models of equal value together, the highest first."""
    return tuple(_indices(values == level) for level in np.unique(values)[::-1])
