"""Weights that undo how votes were gathered, and what they cost: the effective number of votes.

A matchmaker that draws some pairs more often than others leaves boards whose averages follow its taste.
`reweight="equal_pairs"` lets every pair that met count the same; `"propensity"` weighs each vote by one over
the probability with which its models were drawn, as the log holds it. Where an answer failed, those that are
left were not drawn as a group: `"propensity"` leaves such votes out, `"propensity_all"` weighs them by the
group that was, which is right where failures do not depend on the vote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from agon.ranking.errors import MethodError, SourceError
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.votes.ballots import Ballots

if TYPE_CHECKING:
    from agon.ranking.votes.covariates import CovariateComparisons
    from agon.ranking.votes.vote_source import Battles, Clusters, SetAside, VoteSource

Reweight = Literal["none", "propensity", "propensity_all", "equal_pairs"]
WIDER = "votes on more than two models"  # why votes are left out where pairs are weighed


def mean_weight(ballots: Ballots) -> float:
    """The mean weight of the votes; exactly their weight if all have one."""
    weight = ballots.weight
    if not len(weight) or np.all(weight == weight[0]):
        return float(weight[0]) if len(weight) else 1.0
    largest = float(weight.max())
    return largest * float((weight / largest) @ ballots.count / ballots.count.sum())


def relative_weights(ballots: Ballots) -> Ballots:
    """The ballots with weights as multiples of their mean."""
    mean = mean_weight(ballots)
    return ballots if mean == 1.0 else replace(ballots, weight=ballots.weight / mean)


def equal_pairs(ballots: Ballots) -> FloatArray:
    """(B,) weights with which every pair that met counts the same, in sum as many as there are votes.

    Args:
        ballots: of two models each: the pairs of larger ones have no weights of their own.
    """
    m = len(ballots.models)
    cell = ballots.shown[:, 0] * m + ballots.shown[:, 1]
    total = np.bincount(cell, ballots.weight * ballots.count, m * m)
    share = ballots.total / np.count_nonzero(total)
    return np.asarray(ballots.weight * share / total[cell])


def propensity(probability: FloatArray, floor: float, n_models: int, size: IntArray | int = 2) -> FloatArray:
    """(N,) weights one over the probability of the models, 1 for models drawn at random.

    Args:
        probability: (N,) with which each vote's models were drawn together.
        floor: smallest probability that counts, as a share of that of models drawn at random; a weight is
            at most one over it.
        n_models: M, of which K are drawn at random with probability 1 / binomial(M, K).
        size: (N,) how many models each vote shows, K.
    """
    from scipy.special import binom

    even = 1 / binom(n_models, size)
    return np.asarray(even / np.maximum(probability, floor * even))


@dataclass(frozen=True, eq=False)
class EqualPairs:
    """The votes of a source on two models, weighted so that every pair counts the same; a `VoteSource`."""

    source: VoteSource

    @cached_property
    def _kept(self) -> NDArray[np.bool_]:
        """(B,) which ballots of the source are on two models.

        Raises:
            MethodError: none is.
        """
        ballots = self.source.ballots()
        kept = np.asarray((ballots.shown >= 0).sum(axis=1) == 2)
        if not kept.any():
            raise MethodError(
                f"All {ballots.total:,} are {WIDER}, whose pairs cannot be weighed apart; "
                'rank them without reweight="equal_pairs".'
            )
        return kept

    @cached_property
    def _ballots(self) -> Ballots:
        ballots = self.source.ballots()
        if not self._kept.all():
            fields = ("shown", "places", "acceptable", "p_a", "weight", "count")
            graded = () if ballots.grade is None else ("grade",)
            columns = {name: getattr(ballots, name)[self._kept] for name in (*fields, *graded)}
            ballots = replace(ballots, **columns)
            ballots = replace(ballots, **{name: columns[name][:, :2] for name in fields[:3]})
        return replace(ballots, weight=equal_pairs(ballots))

    def ballots(self) -> Ballots:
        """Return the ballots with their new weights."""
        return self._ballots

    def _moved(self, ballot: IntArray) -> IntArray:
        """Rows of the source's ballots as rows of these."""
        return (np.cumsum(self._kept) - 1)[ballot]

    def battles(self, by: str | None = None) -> Battles:
        """List the votes."""
        battles = self.source.battles(by)
        kept, cluster = self._kept[battles.sequence], battles.cluster
        if cluster is not None:
            cluster = np.unique(cluster[kept], return_inverse=True)[1].reshape(-1)
        sequence = self._moved(battles.sequence[kept])
        times = None if battles.times is None else battles.times[kept]
        turned = None if battles.turned is None else battles.turned[kept]
        return replace(
            battles,
            ballots=self._ballots,
            sequence=sequence,
            cluster=cluster,
            times=times,
            turned=turned,
            networks=None,
        )

    def clusters(self, by: str) -> Clusters:
        """Group the votes as they are."""
        given = self.source.clusters(by)
        kept = self._kept[given.ballot]
        return given.part(kept, self._moved(given.ballot[kept]))

    def cluster_columns(self) -> tuple[str, ...]:
        """The columns of the source."""
        return self.source.cluster_columns()

    def contexts(self, names: Sequence[str], cluster: str | None) -> CovariateComparisons:
        """List the votes with their features."""
        given = self.source.contexts(names, cluster)
        if not self._kept.all():
            return self._narrow(given)
        return replace(given, ballots=replace(given.ballots, weight=self._ballots.weight))

    def _narrow(self, given: CovariateComparisons) -> CovariateComparisons:
        """Keep the votes on two models, with features in units of these."""
        ballot = given.ballots.pair_rows.ballot[given.pair]
        kept = self._kept[ballot]
        sequence, features = self._moved(ballot[kept]), given.features[:, kept] * given.scale[:, None]
        member = None
        if given.cluster is not None:
            member = np.unique(given.cluster[kept], return_inverse=True)[1].reshape(-1)
        ballots = self._ballots.with_count(np.bincount(sequence, minlength=len(self._ballots.count)))
        narrow = type(given).of(ballots, sequence, features, given.names, member)
        return replace(narrow, left_out=given.left_out)

    def reweighted(self, floor: float, *, with_failed: bool = False) -> VoteSource:  # noqa: ARG002
        """Refuse to weigh twice."""
        raise SourceError(f"The votes are weighted by pair already; no floor of {floor!r} applies.")

    def split(self, column: str) -> dict[str, VoteSource]:
        """Weigh each part by itself."""
        return {value: EqualPairs(part) for value, part in self.source.split(column).items()}

    def counts_by_position(self) -> FloatArray | None:
        """Count the votes by side, with the weights they were given."""
        return self.source.counts_by_position()

    def without(self, aside: SetAside) -> VoteSource:
        """Refuse: what votes say of their voters is asked of all of them, as they were cast."""
        raise SourceError(
            f"These votes are weighted; set those of {len(aside.voters):,} voters aside before that."
        )

    def left_out(self) -> Mapping[str, int]:
        """What the source left out, and votes on more than two models."""
        wider = int(self.source.ballots().count[~self._kept].sum())
        return {**self.source.left_out(), **({WIDER: wider} if wider else {})}

    def llm_votes(self) -> int:
        """How many of the votes are of LLM judges."""
        return self.source.llm_votes()


def effective_votes(ballots: Ballots) -> float:
    """How many votes of equal weight say as much: (Σw)² / Σw² (Kish 1965)."""
    total = float((ballots.weight * ballots.count).sum())
    return total**2 / float((ballots.weight**2 * ballots.count).sum())
