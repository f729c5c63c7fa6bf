"""The bootstrap: votes drawn with replacement, and every method run on the same draws.

A block holds many draws at once, as counts of the same distinct ballots: what rules have in common is
computed once for all of them, and rules that can (replicates.py) rank all draws of a block together.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from agon.ranking.estimation.separation import as_replicate
from agon.ranking.methods import TOGETHER
from agon.ranking.numerics import IntArray
from agon.ranking.registry import Found, Method, apart, gathered
from agon.ranking.results import Choice, Fit, Scores
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.comparisons import Comparisons
from agon.ranking.votes.pair_counts import CELLS, PairCounts
from agon.ranking.votes.score_table import ScoreTable
from agon.ranking.votes.vote_source import Battles, Clusters

VOTE_BY_VOTE = ("battles", "contexts")  # views that counts of ballots do not make


@dataclass(frozen=True, eq=False)
class Draws:
    """Votes drawn with replacement, whole ballots or clusters at a time; of a score table, tasks or groups.

    Attributes:
        votes: what is drawn from.
        rounds: how often, R.
        seed: of the drawing.
        clusters: what is drawn instead of single votes, or None.
    """

    votes: Comparisons | ScoreTable
    rounds: int
    seed: int
    clusters: Clusters | None = None

    def blocks(self) -> Iterator[Block]:
        """Give the draws, some at a time."""
        own = np.random.default_rng(self.seed).spawn(self.rounds)
        ballots, m = self.votes.ballots, len(self.votes.models)
        size = max(1, min(self.rounds, CELLS // max(len(ballots.count), m * m)))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for begin in range(0, self.rounds, size):
                yield Block(self.votes, np.stack(list(pool.map(self._draw, own[begin : begin + size]))))

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
        """Give draws of votes that keep the order in which they were cast."""
        assert isinstance(self.votes, Comparisons)  # noqa: S101 - score tables have no battles
        given = self.votes.battles if self.clusters is None else self.votes.clustered(self.clusters.by)
        rng = np.random.default_rng(self.seed)
        for _ in range(self.rounds):
            yield given.resample(rng)

    def views(self, kind: str) -> Iterator[Any]:
        """Give one view of each draw after the other."""
        if kind == "contexts":  # whose votes are told apart by more than their ballots
            assert isinstance(self.votes, Comparisons)  # noqa: S101 - score tables have none
            rng = np.random.default_rng(self.seed)
            for _ in range(self.rounds):
                yield self.votes.contexts.resample(rng)
            return
        for block in self.blocks():
            yield from block.views(kind)


@dataclass(frozen=True, eq=False)
class Block:
    """R draws from the same votes: (R, B) counts of the ballots, or (R, T) of the tasks of a table."""

    votes: Comparisons | ScoreTable
    count: IntArray

    @cached_property
    def ballots(self) -> Ballots:
        """The ballots with (R, B) counts."""
        if isinstance(self.votes, ScoreTable):
            return self.votes.with_count(self.count).ballots
        return self.votes.ballots.with_count(self.count)

    @cached_property
    def pairs(self) -> PairCounts:
        """Pair counts of all draws, (R, M, M)."""
        return PairCounts.from_ballots(self.ballots)

    def views(self, kind: str) -> Iterator[Any]:
        """Give one view of each draw after the other."""
        if kind == "pairs":
            yield from apart(self.pairs)
            return
        for r, count in enumerate(self.count):
            if kind == "scores":
                assert isinstance(self.votes, ScoreTable)  # noqa: S101 - the method asked for a table
                yield self.votes.with_count(count)
                continue
            drawn = self.ballots.with_count(self.ballots.count[r])
            if kind == "ballots":
                yield drawn
            else:
                yield Battles(drawn, np.repeat(np.arange(len(drawn.count)), drawn.count), "file")


def resampled(
    draws: Draws,
    methods: Sequence[Method],
    settings: Sequence[Mapping[str, Any]],
    full: Sequence[Scores | Choice],
) -> list[Found]:
    """Run every method on every draw.

    Args:
        draws: the draws.
        methods, settings: what to run, and the options of each.
        full: what each returned for the votes as they are.

    Raises:
        OptionError: clusters with a method that plays the votes once in order.
    """
    found: list[list[Found]] = [[] for _ in methods]
    runs = list(zip(found, methods, settings, full, strict=True))
    for parts, how, chosen, result in runs:
        if how.view in VOTE_BY_VOTE:
            parts.append(_played(draws, how, chosen, result))
    others = [run for run in runs if run[1].view not in VOTE_BY_VOTE]
    for block in draws.blocks() if others else ():
        for parts, how, chosen, result in others:
            parts.append(_on(block, how, chosen, result))
    joined = []
    for parts in found:
        lots = [lottery for _, lottery in parts if lottery is not None]
        joined.append(
            (np.concatenate([values for values, _ in parts]), np.concatenate(lots) if lots else None)
        )
    return joined


def _on(block: Block, how: Method, settings: Mapping[str, Any], full: Scores | Choice) -> Found:
    """Run a method on the draws of a block."""
    if how.function in TOGETHER:
        return TOGETHER[how.function](getattr(block, how.view), **settings)
    if how.replicates is not None and isinstance(full, Scores):
        return how.replicates(block.views(how.view), full, **settings), None
    return gathered(
        (how.function(view, **settings) for view in block.views(how.view)), len(block.votes.models)
    )


def _played(draws: Draws, how: Method, settings: Mapping[str, Any], full: Scores | Choice) -> Found:
    """Run a method that plays votes one after the other; in their own order if it plays them once."""
    once = how.in_order(draws.votes, settings)
    views = draws.in_order() if once else draws.views(how.view)
    if how.replicates is not None and isinstance(full, Scores):
        return how.replicates(views, full, **settings), None
    return _one_by_one(how, views, settings, full, len(draws.votes.models))


def _one_by_one(
    how: Method, views: Iterator[Any], settings: Mapping[str, Any], full: Scores | Choice, n_models: int
) -> Found:
    """Run a method on one view after the other."""
    results = (how.function(view, **settings) for view in views)
    if isinstance(full, Fit) and full.identification is not None:
        return np.stack([as_replicate(fit, full) for fit in results if isinstance(fit, Fit)]), None
    return gathered(results, n_models)
