"""The bootstrap: votes drawn with replacement, and every method run on the same draws.

A batch holds many resamples at once, as counts of the same distinct ballots: what rules have in common is
computed once for all of them, and methods that can (`Method.batch`) rank all of a batch together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from agon.ranking.estimation.separation import as_replicate
from agon.ranking.numerics import IntArray
from agon.ranking.progress import CountedWork, SizedViews
from agon.ranking.registry import Method, ResampledScores, stack_results
from agon.ranking.results import Choice, Fit, Scores
from agon.ranking.votes.comparisons import Comparisons
from agon.ranking.votes.resamples import CELLS, ResampledBallots
from agon.ranking.votes.score_table import ScoreTable
from agon.ranking.votes.vote_source import Battles, Clusters

VOTE_BY_VOTE = ("battles", "contexts")  # views that counts of ballots do not make


@dataclass(frozen=True, eq=False)
class Resamples:
    """Votes drawn with replacement, whole ballots or clusters at a time; of a score table, tasks or groups.

    Attributes:
        votes: what is drawn from.
        number: how often, R.
        seed: of the drawing.
        clusters: what is drawn instead of single votes, or None.
    """

    votes: Comparisons | ScoreTable
    number: int
    seed: int
    clusters: Clusters | None = None

    def batches(self) -> Iterator[ResampleBatch]:
        """Give the resamples, some at a time."""
        own = np.random.default_rng(self.seed).spawn(self.number)
        ballots, m = self.votes.ballots, len(self.votes.models)
        size = max(1, min(self.number, CELLS // max(len(ballots.count), m * m)))
        for begin in range(0, self.number, size):
            yield ResampleBatch(self.votes, np.stack([self._draw(rng) for rng in own[begin : begin + size]]))

    def _draw(self, rng: np.random.Generator) -> IntArray:
        """(B,) counts of one draw of the votes, or (T,) of the tasks of a table."""
        if isinstance(self.votes, ScoreTable):
            return self.votes.resample(rng, groups=self.clusters is not None).count
        ballots, clusters = self.votes.ballots, self.clusters
        if clusters is None:
            return ballots.resample(rng).count
        times = np.bincount(rng.integers(0, clusters.size, clusters.size), minlength=clusters.size)
        return clusters.totals(times, len(ballots.count))

    def in_order(self) -> Iterator[Battles]:
        """Give resamples that keep the order in which votes were cast."""
        assert isinstance(self.votes, Comparisons)  # noqa: S101 - score tables have no battles
        given = self.votes.battles if self.clusters is None else self.votes.clustered(self.clusters.by)
        rng = np.random.default_rng(self.seed)
        for _ in range(self.number):
            yield given.resample(rng)

    def views(self, kind: str) -> Iterator[Any]:
        """Give one view of each resample after the other."""
        if kind == "contexts":  # whose votes are told apart by more than their ballots
            assert isinstance(self.votes, Comparisons)  # noqa: S101 - score tables have none
            rng = np.random.default_rng(self.seed)
            for _ in range(self.number):
                yield self.votes.contexts.resample(rng)
            return
        for batch in self.batches():
            for drawn in batch.views(kind):
                if kind == "battles":
                    yield Battles(drawn, np.repeat(np.arange(len(drawn.count)), drawn.count), "file")
                else:
                    yield drawn


@dataclass(frozen=True, eq=False)
class ResampleBatch:
    """R draws from the same votes: (R, B) counts of the ballots, or (R, T) of the tasks of a table."""

    votes: Comparisons | ScoreTable
    count: IntArray

    @cached_property
    def ballots(self) -> ResampledBallots:
        """The ballots of all resamples."""
        if isinstance(self.votes, ScoreTable):
            return self.votes.resampled_ballots(self.count)
        return ResampledBallots(self.votes.ballots, self.count)

    def views(self, kind: str) -> Iterable[Any]:
        """The view of every resample, as `Method.batch` takes them."""
        if kind == "pairs":
            return self.ballots.pairs
        if kind == "scores":
            assert isinstance(self.votes, ScoreTable)  # noqa: S101 - the method asked for a table
            return map(self.votes.with_count, self.count)
        return self.ballots


def bootstrap_scores(
    draws: Resamples,
    methods: Sequence[Method],
    settings: Sequence[Mapping[str, Any]],
    full: Sequence[Scores | Choice],
) -> list[ResampledScores]:
    """Run every method on every resample.

    Args:
        draws: the resamples.
        methods, settings: what to run, and the options of each.
        full: what each returned for the votes as they are.

    Raises:
        OptionError: clusters with a method that plays the votes once in order.
    """
    found: list[list[ResampledScores]] = [[] for _ in methods]
    runs = list(zip(found, methods, settings, full, strict=True))
    others = [run for run in runs if run[1].view not in VOTE_BY_VOTE]
    with CountedWork(draws.number * len(runs)) as work:
        for parts, how, chosen, result in runs:
            if how.view in VOTE_BY_VOTE:
                once = how.in_order(draws.votes, chosen)
                before, work.step = work.done, draws.number
                views = SizedViews(draws.in_order() if once else draws.views(how.view), draws.number)
                parts.append(_run(how, views, chosen, result, len(draws.votes.models), work))
                work.reach(before + draws.number)
        for batch in draws.batches() if others else ():
            for parts, how, chosen, result in others:
                before, work.step = work.done, len(batch.count)
                parts.append(_run(how, batch.views(how.view), chosen, result, len(draws.votes.models), work))
                work.reach(before + len(batch.count))
    joined = []
    for parts in found:
        lots = [lottery for _, lottery in parts if lottery is not None]
        values = np.concatenate([values for values, _ in parts])
        joined.append(ResampledScores(values, np.concatenate(lots) if lots else None))
    return joined


def _run(
    how: Method,
    views: Iterable[Any],
    settings: Mapping[str, Any],
    full: Scores | Choice,
    n_models: int,
    work: CountedWork,
) -> ResampledScores:
    """Run a method on all views together if it can, else on one after the other, each a step of `work`."""
    if how.batch is not None and (found := how.batch(views, full, **settings)) is not None:
        return found
    work.step = 1
    results = (how.function(view, **settings) for view in work.each(views))
    if isinstance(full, Fit) and full.identification is not None:
        return ResampledScores(np.stack([as_replicate(fit, full) for fit in results if isinstance(fit, Fit)]))
    return stack_results(results, n_models)
