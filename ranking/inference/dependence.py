"""Which votes depend on one another: through who voted, through the prompt, through both; and how much.

Votes of one person are alike, and so are those on one prompt. Intervals that take them for independent are
far too short, and who reads a board cannot see it: where nobody said what to cluster by, the board decides.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from agon.ranking.errors import ConvergenceError, OptionError, SourceError
from agon.ranking.inference.sandwich import estimate_sandwich, two_way_sandwich
from agon.ranking.inference.simultaneous import quantile
from agon.ranking.methods.likelihood.bradley_terry import bradley_terry
from agon.ranking.results import Choice, Clustering, Covariance, Fit, Scores
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.comparisons import Comparisons
from agon.ranking.votes.score_table import ScoreTable
from agon.ranking.votes.vote_source import Clusters
from agon.ranking.votes.weighting import effective_votes


@dataclass(eq=False)
class ClusterCovariances:
    """The robust covariances of one fit by what its votes are clustered by, each computed when asked for."""

    fit: Fit
    votes: Comparisons | ScoreTable
    _known: dict[tuple[str, ...], Covariance] = field(default_factory=dict)

    def by(self, *columns: str) -> Covariance:
        """Return the sandwich of single votes, of the clusters of a column, or of those of two.

        Raises:
            SourceError: no such column, or votes without a value in it.
            OptionError: no estimating equation, or all votes are of one cluster.
        """
        if columns not in self._known:
            if len(columns) == 2:
                made = two_way_sandwich(
                    self.by(columns[0]), self.by(columns[1]), self.by(), len(self.fit.values)
                )
            else:
                made = self._one_way(columns[0] if columns else None)
            self._known[columns] = made
        return self._known[columns]

    def _one_way(self, column: str | None) -> Covariance:
        """Return the sandwich of clusters, or of single votes, and of very unequal ones the jackknife."""
        ballots = self.votes.ballots
        if column is not None:
            return estimate_sandwich(self.fit, ballots, self.votes.clusters(column))
        plain = estimate_sandwich(self.fit, ballots)
        each = _few_or_uneven(ballots, tasks=isinstance(self.votes, ScoreTable))
        if each is None or not np.diag(plain.matrix).any():  # nothing is fitted
            return plain
        try:
            return estimate_sandwich(self.fit, ballots, each)
        except OptionError:  # only one of the votes says anything
            unknown = np.ones(len(self.fit.values), dtype=bool)
            return Covariance(plain.matrix, Clustering(each.size, 1.0, 1.0), unknown)


UNEVEN = 30  # votes of equal weight, or tasks, below which these need the jackknife


def _few_or_uneven(ballots: Ballots, *, tasks: bool) -> Clusters | None:
    """Every vote as a cluster of its own, where tasks are few or a few of unequal votes are nearly all.

    Such a vote is fitted so closely that a sandwich takes it for certain: of tables of four equal models on
    five tasks a quarter showed one surely above another.
    """
    worth = effective_votes(ballots)
    if worth >= (UNEVEN if tasks else min(UNEVEN, ballots.total / 2)):
        return None
    ballot = np.repeat(np.arange(len(ballots.count)), ballots.count)
    return Clusters("vote", ballot, np.arange(len(ballot)), np.ones_like(ballot))


@dataclass(frozen=True)
class Dependence:
    """What the votes say about their own dependence.

    Attributes:
        worth: column → what clusters by it are worth.
        wider: the columns whose clusters make wider intervals than single votes do.
        single: columns that have one value in all votes.
        gaps: columns that some votes have no value in.
    """

    worth: dict[str, Clustering] = field(default_factory=dict)
    wider: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()


def measure_dependence(votes: Comparisons, known: ClusterCovariances, level: float) -> Dependence:
    """Measure by voter and by prompt, as far as the votes name them, how much their votes depend.

    Clusters of a column matter if the intervals that allow for them are wider than those of single votes, on
    average over the models: then the choice never makes an interval narrower. Where each value has one vote,
    they are the same.

    Args:
        votes: the votes.
        known: covariances of a fit to them.
        level: of the intervals.
    """
    worth: dict[str, Clustering] = {}
    wider: list[tuple[float, str]] = []
    single, gaps = [], []
    for by in votes.cluster_columns:
        try:
            clusters = votes.clusters(by)
        except SourceError:
            gaps.append(by)
            continue
        if clusters.size < 2:
            single.append(by)
            continue
        if clusters.size == votes.ballots.total:
            worth[by] = Clustering(clusters.size, float(clusters.size), 1.0)
            continue
        try:
            plain, found = known.by(), known.by(by)
        except OptionError:  # at most one of the clusters says anything
            if known.fit.equation is not None and known.fit.equation.bread.any():
                single.append(by)
            continue
        assert found.clustering is not None  # noqa: S101 - it was clustered
        worth[by] = found.clustering
        one, many = (_width(each, len(votes.models), level) for each in (plain, found))
        lost = found.alone is not None and bool(found.alone.any())
        if many > one or lost:
            wider.append((many, by))
    order = [by for _, by in sorted(wider, reverse=True)]
    return Dependence(worth, tuple(order), tuple(single), tuple(gaps))


def covariances_of(votes: Comparisons, result: Scores | Choice | None) -> ClusterCovariances | None:
    """The covariances of a result that has an estimating equation, else of Bradley-Terry on the same votes.

    None where there is neither.
    """
    if isinstance(result, Fit) and result.equation is not None:
        return ClusterCovariances(result, votes)
    if not votes.cluster_columns:
        return None
    try:
        fit = bradley_terry(votes.pairs)
    except ConvergenceError:
        return None
    return ClusterCovariances(fit, votes) if isinstance(fit, Fit) else None


def _width(found: Covariance, n_models: int, level: float) -> float:
    """Mean half-width of the intervals of the scores."""
    df = np.inf if found.clustering is None else found.clustering.df
    return float(quantile(level, df) * np.sqrt(np.maximum(np.diag(found.matrix)[:n_models], 0.0)).mean())
