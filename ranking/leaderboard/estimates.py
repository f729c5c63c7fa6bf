"""From what a method returns to scores on the board's scale, and what the votes leave open about them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from agon.ranking.errors import OptionError, suggest
from agon.ranking.inference.bootstrap import Resamples, bootstrap_scores
from agon.ranking.inference.dependence import ClusterCovariances
from agon.ranking.inference.few_tasks import from_few_clusters, from_tasks
from agon.ranking.inference.intervals import (
    Uncertainty,
    for_shares,
    from_covariance,
    from_samples,
    nothing_known,
)
from agon.ranking.inference.simultaneous import MaxT, max_t, quantile
from agon.ranking.leaderboard.eligibility import Eligibility
from agon.ranking.leaderboard.one_way_wins import PROBIT, OneWayLinks, independent_wins
from agon.ranking.methods.likelihood.bradley_terry import bradley_terry
from agon.ranking.numerics import BoolArray, FloatArray, IntArray
from agon.ranking.registry import Method
from agon.ranking.results import (
    Choice,
    Clustering,
    Coefficient,
    Covariance,
    EstimatingEquation,
    Fit,
    Scores,
    as_values,
)
from agon.ranking.settings import Interval, Settings
from agon.ranking.votes.comparisons import Comparisons
from agon.ranking.votes.pair_counts import PairCounts
from agon.ranking.votes.score_table import ScoreTable
from agon.ranking.votes.vote_source import Clusters, effective_number

ELO_PER_NAT = 400 / math.log(10)
STILL = 1e-9  # scores that move by less do not move
ELO_PER_PROBIT = 200 * math.sqrt(2)  # Elo (1978): performances have a standard deviation of 200


def interval_of(how: Method, result: Scores | Choice, wanted: Interval) -> Interval:
    """Choose the interval: the sandwich where there is one, else the posterior, else the bootstrap.

    Raises:
        OptionError: one was asked for that the method cannot give.
    """
    gives: dict[Interval, bool] = {
        "sandwich": isinstance(result, Fit)
        and isinstance(result.uncertainty, EstimatingEquation | Covariance),
        "posterior": isinstance(result, Fit) and result.posterior is not None,
    }
    if not gives.get(wanted, True):
        kind = "posterior" if wanted == "posterior" else "sandwich interval"
        raise OptionError(f'{how.name} has no {kind}; use interval="bootstrap".')
    if wanted == "auto":
        return next((kind for kind, given in gives.items() if given), "bootstrap")
    return wanted


def scale_of(result: Scores | Choice, settings: Settings) -> tuple[float, float, str]:
    """Factor and offset from the method's scale to the board's, and the name of that scale.

    Raises:
        OptionError: an anchor for scores whose zero is not free.
    """
    kind = result.scale if isinstance(result, Scores) else "points"
    if kind not in ("log_odds", "probit", "elo"):
        if settings.anchor is not None:
            raise OptionError(
                f"An anchor belongs to ratings, whose zero is free; leave {settings.anchor!r} out here."
            )
        return 1.0, 0.0, kind
    points = ELO_PER_PROBIT if kind == "probit" else ELO_PER_NAT
    factor = points if settings.scale == "elo" else 1.0
    offset = 1000.0 if settings.scale == "elo" else 0.0
    if kind == "elo":
        return factor / ELO_PER_NAT, offset - 1000.0 * factor / ELO_PER_NAT, settings.scale
    return factor, offset, settings.scale


def unit_of(result: Scores | Choice, factor: float) -> float:
    """One log-odds on the board's scale, `factor` times that of the method; 0 if scores are none."""
    natural = {"log_odds": 1.0, "probit": 1 / PROBIT, "elo": ELO_PER_NAT}
    return factor * natural.get(result.scale, 0.0) if isinstance(result, Scores) else 0.0


def estimate(  # noqa: PLR0912, PLR0915 - one branch for each kind of interval
    votes: Comparisons | ScoreTable,
    how: Method,
    result: Scores | Choice,
    options: Mapping[str, Any],
    settings: Settings,
    eligibility: Eligibility,
    known: ClusterCovariances | None = None,
) -> tuple[FloatArray, Uncertainty]:
    """(M,) scores and their uncertainty on the board's scale, relative to the anchor if there is one.

    Components that one-way wins compare are put on one scale, as far apart as these wins say.

    Args:
        votes, how, result, options, settings: as in `rank`.
        eligibility: who may be ranked.
        known: covariances of the result, if some were computed.

    Raises:
        OptionError: an anchor that is no model of the votes, or whose score they do not determine.
        SourceError: no such column to cluster by.
    """
    factor, offset, _ = scale_of(result, settings)
    values = as_values(result, len(votes.models)) * factor + offset
    clusters = None if how.view == "contexts" else _clusters(votes, settings)
    links = _links(votes, result, eligibility, clusters, settings)
    unit = unit_of(result, factor) if _is_rating(result) else 0.0
    if links is not None:
        values = values + links.shift * unit
    fixed = _anchor(votes.models, eligibility, settings)
    target = offset if settings.anchor_score is None else settings.anchor_score
    moved = eligibility.board == 0  # an anchor says nothing about the scales of other boards
    anchored = values if fixed is None else np.where(moved, values - values[fixed] + target, values)
    means = result.means * factor + offset if isinstance(result, Fit) and result.means is not None else None
    middle = anchored if means is None else means
    group = np.where(eligibility.ranked, eligibility.component, -1)
    # of tasks these methods see the order alone, so that no pair is surer than by the sign test
    least = 2 * 0.5 ** int((votes.mass > 0).sum()) if isinstance(votes, ScoreTable) else 0.0
    if settings.interval == "none":
        return anchored, nothing_known(len(values)).unbounded(eligibility.open_below, eligibility.open_above)
    if settings.interval in ("sandwich", "posterior") and isinstance(result, Fit):
        if settings.interval == "posterior" and clusters is not None:
            raise OptionError(
                f"A posterior takes votes for independent and cannot be clustered by {clusters.by}; "
                'use interval="bootstrap".'
            )
        found = _covariance(result, votes, settings, known)
        clustering, df = found.clustering, found.clustering.df if found.clustering else math.inf
        covariance = found.matrix[: len(values), : len(values)] * factor**2
        if fixed is not None:
            difference = covariance - covariance[fixed] - covariance[:, [fixed]] + covariance[fixed, fixed]
            covariance = np.where(moved[:, None] & moved[None, :], difference, covariance)
        most = _max_t(group, settings, covariance=covariance, df=df)
        if result.scale == "share":
            unsure = for_shares(
                values, covariance, votes.ballots.votes, settings.level, df, most, group, least
            )
        else:
            unsure = from_covariance(middle, covariance, settings.level, df, most, group, least)
        if found.alone is not None:
            unsure = unsure.unsettle(found.alone)
    else:
        clustering = _bootstrap_clustering(votes, how, clusters)
        df = clustering.df if clustering else math.inf
        draws = Resamples(votes, settings.n_resamples, settings.seed, clusters)
        drawn = options if means is None else {**options, "score": "mean"}
        samples = bootstrap_scores(draws, [how], [drawn], [result])[0][0] * factor + offset
        if fixed is not None:
            with np.errstate(invalid="ignore"):  # two models both beyond all bounds
                samples = np.where(moved, samples - samples[:, [fixed]] + target, samples)
            samples[:, fixed] = target
        most = _max_t(group, settings, samples=samples, df=df)
        unsure = from_samples(samples, settings.level, middle, most, df, group)
        if isinstance(votes, ScoreTable) and clusters is None:
            unsure = from_tasks(unsure, samples, middle, votes, settings.level)
        elif clustering is not None:
            worth = clustering.effective
            unsure = from_few_clusters(unsure, samples, middle, worth, settings.level, group)
        settled = (unsure.above | unsure.above.T | np.eye(len(values), dtype=bool)).all(axis=1)
        still = (unsure.lower >= unsure.upper - STILL) & ~(_varied(votes.pairs) & settled)
        still &= np.arange(len(values)) != fixed
        unsure = unsure.unbounded(still, still)
    unsure = replace(unsure, clustering=clustering)
    unsure = unsure if means is None else unsure.around(anchored, means)
    if links is not None:
        unsure = links.widen(unsure, unit, settings.level, least)
    return anchored, unsure.unbounded(eligibility.open_below, eligibility.open_above)


def _varied(pairs: PairCounts) -> BoolArray:
    """(M,) models of which some pair went both ways; the votes of others, drawn again, are the same votes."""
    won, tied = pairs.wins > 0, pairs.ties + pairs.both_bad > 0
    both = (won & won.T) | ((won | won.T) & tied)
    return np.asarray(both.any(axis=1))


def coefficients(fit: Fit, settings: Settings, df: float) -> tuple[Coefficient, ...]:
    """The further parameters of a fit, with intervals from its covariance where it has one."""
    if not isinstance(fit.uncertainty, Covariance) or settings.interval != "sandwich":
        return fit.coefficients
    error = np.sqrt(np.maximum(np.diag(fit.uncertainty.matrix)[len(fit.values) :], 0.0))
    half = (quantile(settings.level, df) * error).tolist()
    return tuple(
        c if c.lower is not None or c.upper is not None else replace(c, lower=c.value - h, upper=c.value + h)
        for c, h in zip(fit.coefficients, half, strict=True)
    )


def _links(
    votes: Comparisons | ScoreTable,
    result: Scores | Choice,
    eligibility: Eligibility,
    clusters: Clusters | None,
    settings: Settings,
) -> OneWayLinks | None:
    """How one-way wins put components beside one another; None where they compare none with another."""
    order = eligibility.order
    if order is None or not order.above.any():
        return None
    if isinstance(result, Fit) and result.identification is not None and _is_rating(result):
        theta, group = result.values, result.identification.group
        theta = theta * (PROBIT if result.scale == "probit" else 1.0)
    else:
        theta, group = as_values(bradley_terry(votes.pairs), len(votes.models)), eligibility.component
    wins = independent_wins(votes.ballots, clusters)
    return OneWayLinks.of(theta, group, wins, order, eligibility.board, (1 - settings.level) / 2)


def _is_rating(result: Scores | Choice) -> bool:
    """Whether the scores are log-odds, or probits, of every model; others say nothing of the odds."""
    scales = ("log_odds", "probit")
    return isinstance(result, Fit) and result.scale in scales and bool(np.isfinite(result.values).all())


def _max_t(group: IntArray, settings: Settings, **known: Any) -> MaxT | None:
    """How far scores and differences stray together, if intervals are to hold all at once."""
    if not settings.simultaneous:
        return None
    return max_t(group, seed=settings.seed, **known)


def _covariance(
    fit: Fit, votes: Comparisons | ScoreTable, settings: Settings, known: ClusterCovariances | None
) -> Covariance:
    """(M, M) covariance of the scores: the sandwich, or the posterior."""
    if settings.interval == "sandwich":
        if isinstance(fit.uncertainty, Covariance):
            return fit.uncertainty
        return (known or ClusterCovariances(fit, votes)).by(*settings.cluster_columns)
    if fit.posterior is None:
        raise OptionError("This method has no posterior.")
    return Covariance(fit.posterior)


def _bootstrap_clustering(
    votes: Comparisons | ScoreTable, how: Method, clusters: Clusters | None
) -> Clustering | None:
    """How many clusters a bootstrap draws, and how many equal ones they are worth by their votes."""
    if clusters is not None:
        return Clustering(clusters.size, clusters.effective)
    if how.view == "contexts" and isinstance(votes, Comparisons):
        member = votes.contexts.cluster
        if member is not None:
            sizes = np.bincount(member, votes.contexts.count)
            return Clustering(len(sizes), effective_number(sizes))
    return None


def _anchor(models: tuple[str, ...], eligibility: Eligibility, settings: Settings) -> int | None:
    """Index of the anchor model.

    Raises:
        OptionError: no such model, or one whose score the votes do not determine.
    """
    if settings.anchor is None:
        return None
    if settings.anchor not in models:
        raise OptionError(
            f"There is no model {settings.anchor!r} to anchor; {suggest(settings.anchor, models)}"
        )
    index = models.index(settings.anchor)
    if eligibility.board[index] != 0 or eligibility.open_above[index] or eligibility.open_below[index]:
        raise OptionError(f"{settings.anchor!r} cannot be the anchor: the votes do not determine its score.")
    return index


def _clusters(votes: Comparisons | ScoreTable, settings: Settings) -> Clusters | None:
    """Group the votes if a cluster was asked for, of two columns by that of fewer clusters.

    The pairs of one ballot always stay together.
    """
    if settings.interval == "none":
        return None
    known = [votes.clusters(by) for by in settings.cluster_columns]
    return min(known, key=lambda clusters: clusters.size) if known else None
