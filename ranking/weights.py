"""Weights that undo how votes were gathered, and what they cost: the effective number of votes.

A matchmaker that draws some pairs more often than others leaves boards whose averages follow its taste.
`reweight="equal_pairs"` lets every pair that met count the same; `"propensity"` weighs each vote by one over
the probability with which its pair was drawn, as the log holds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from ranking.ballots import Ballots, FloatArray
from ranking.errors import MethodError, SourceError
from ranking.results import Diagnostic

if TYPE_CHECKING:
    from ranking.comparisons import Battles, Clusters, VoteSource
    from ranking.contexts import Contexts

Reweight = Literal["none", "propensity", "equal_pairs"]


def equal_pairs(ballots: Ballots) -> FloatArray:
    """(B,) weights with which every pair that met counts the same, in sum as many as there are votes.

    Raises:
        MethodError: ballots on more than two models, whose pairs cannot be weighed apart.
    """
    check_pairwise(ballots, "equal_pairs")
    m = len(ballots.models)
    cell = ballots.shown[:, 0] * m + ballots.shown[:, 1]
    total = np.bincount(cell, ballots.weight * ballots.count, m * m)
    share = ballots.total / np.count_nonzero(total)
    return np.asarray(ballots.weight * share / total[cell])


def propensity(probability: FloatArray, floor: float, n_models: int) -> FloatArray:
    """(N,) weights one over the probability of the pair, 1 for a pair drawn at random.

    Args:
        probability: (N,) with which each vote's pair was drawn.
        floor: smallest probability that counts, as a share of that of a pair drawn at random; a weight is
            at most one over it.
        n_models: M, of which a pair is drawn at random with probability 2 / (M (M − 1)).
    """
    even = 2 / (n_models * (n_models - 1))
    return np.asarray(even / np.maximum(probability, floor * even))


def check_pairwise(ballots: Ballots, what: str) -> None:
    """Refuse votes on more than two models.

    Raises:
        MethodError: there are some.
    """
    if not ballots.pairwise:
        many = int(ballots.count[(ballots.shown >= 0).sum(axis=1) > 2].sum())
        raise MethodError(
            f"reweight={what!r} weighs pairs, and {many:,} votes show more than two models; leave these out."
        )


@dataclass(frozen=True, eq=False)
class EqualPairs:
    """The votes of a source, weighted so that every pair counts the same; a `VoteSource`."""

    source: VoteSource

    def ballots(self) -> Ballots:
        """Return the ballots with their new weights."""
        ballots = self.source.ballots()
        return replace(ballots, weight=equal_pairs(ballots))

    def battles(self) -> Battles:
        """List the votes."""
        return replace(self.source.battles(), ballots=self.ballots())

    def clusters(self, by: str) -> Clusters:
        """Group the votes as they are."""
        return self.source.clusters(by)

    def contexts(self, names: Sequence[str], cluster: str | None) -> Contexts:
        """List the votes with their features."""
        return replace(self.source.contexts(names, cluster), ballots=self.ballots())

    def reweighted(self, floor: float) -> VoteSource:
        """Refuse to weigh twice."""
        raise SourceError(f"The votes are weighted by pair already; no floor of {floor!r} applies.")

    def split(self, column: str) -> dict[str, VoteSource]:
        """Weigh each part by itself."""
        return {value: EqualPairs(part) for value, part in self.source.split(column).items()}

    def sides(self) -> FloatArray | None:
        """Count the votes by side, with the weights they were given."""
        return self.source.sides()

    def left_out(self) -> Mapping[str, int]:
        """What the source left out."""
        return self.source.left_out()

    def llm_votes(self) -> int:
        """How many of the votes are of LLM judges."""
        return self.source.llm_votes()


def effective_votes(ballots: Ballots) -> float:
    """How many votes of equal weight say as much: (Σw)² / Σw² (Kish 1965)."""
    total = float((ballots.weight * ballots.count).sum())
    return total**2 / float((ballots.weight**2 * ballots.count).sum())


def weight_notes(ballots: Ballots, reweight: str) -> tuple[Diagnostic, ...]:
    """Say what the weights of votes cost."""
    if reweight == "none":
        return ()
    how = {
        "propensity": "one over the probability of their pair",
        "equal_pairs": "one over the votes of their pair",
    }
    message = (
        f"The {ballots.total:,} votes are weighted by {how[reweight]}: they say as much as "
        f"{effective_votes(ballots):,.0f} votes of equal weight."
    )
    return (Diagnostic("reweighted", (), message),)
