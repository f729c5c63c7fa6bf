"""How likely each model is to win under each rule: one bootstrap of the votes for all rules together.

The votes are drawn once a round, and every rule ranks the same draw, so that rules can be compared round
by round. The draws are those of `rank(..., interval="bootstrap")` with the same seed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from agon.ranking.analysis.perturbation import levels_of
from agon.ranking.errors import OptionError, SourceError, suggest
from agon.ranking.estimation.comparison_graph import ComponentOrder, order_components
from agon.ranking.inference.bootstrap import Resamples, bootstrap_scores
from agon.ranking.inference.dependence import covariances_of, measure_dependence
from agon.ranking.inference.few_tasks import from_few_clusters, from_tasks
from agon.ranking.inference.intervals import from_samples
from agon.ranking.leaderboard.eligibility import keep_eligible
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.registry import Method, Rule, find
from agon.ranking.results import Choice, Clustering, Fit, Scores, as_values
from agon.ranking.text import Readable, join_names
from agon.ranking.votes.comparisons import Comparisons, Votes, as_comparisons
from agon.ranking.votes.score_table import ScoreTable

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class RuleProbabilities(Readable):
    """What one rule says of M models, on the votes and over their resamples.

    Attributes:
        method: its name.
        options: its options.
        rank: (M,) 1 + the number of models above, on the votes as they are; 0 for a model in no tier.
        first: (M,) share of the rounds in which the model wins; a shared first place counts in equal
            parts, or by the lottery if the rule elects by lot. Sums to less than 1 if some rounds have
            no winner.
        rank_lower, rank_upper: (M,) best and worst rank at the level, as on a board; 0 where too many rounds
            place the model nowhere.
        ranks: (R, M) rank in every round, as `rank`.
        lottery: (M,) shares of a rule that elects by lot, on the votes as they are; else None.
    """

    method: str
    options: Mapping[str, Any]
    rank: IntArray
    first: FloatArray
    rank_lower: IntArray
    rank_upper: IntArray
    ranks: IntArray = field(repr=False)
    lottery: FloatArray | None = None

    def conclusion(self) -> str:
        """Say it in one sentence."""
        most = f"{self.first.max():.0%} of {len(self.ranks)} resamples"
        return f"{self.method}: its most frequent winner wins {most}."

    @property
    def nobody(self) -> float:
        """Share of the rounds in which the rule elects nobody."""
        return float(1 - (self.ranks == 1).any(axis=1).mean())


@dataclass(frozen=True, eq=False, repr=False)
class WinnerProbabilities(Readable):
    """P(first) and rank ranges of M models under several rules, from the same resampled votes.

    Attributes:
        models: M names.
        provisional: models with too few votes, which are left out under every rule.
        rules: one entry for each rule.
        n_resamples, seed, level, cluster: how the votes were drawn and ranges cut.
    """

    models: tuple[str, ...]
    rules: tuple[RuleProbabilities, ...]
    n_resamples: int
    seed: int
    level: float
    cluster: str | None = None
    provisional: tuple[str, ...] = ()

    def conclusion(self) -> str:
        """Say in one sentence who is most often first under each rule."""
        best = [int(rule.first.argmax()) for rule in self.rules]
        parts = [
            f"{self.models[i]} {rule.first[i]:.0%} under {rule.method}"
            for i, rule in zip(best, self.rules, strict=True)
        ]
        return f"Most often first in {self.n_resamples} resamples: {join_names(parts)}."

    def __getitem__(self, method: str) -> RuleProbabilities:
        """Return what one rule says.

        Raises:
            OptionError: no such rule among these.
        """
        for rule in self.rules:
            if rule.method == method:
                return rule
        raise OptionError(f"No rule {method!r} here; {suggest(method, [rule.method for rule in self.rules])}")

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each rule and model: rank, probability of winning, rank range."""
        import pandas as pd

        rows = [
            {
                "method": rule.method,
                "model": name,
                "rank": int(rule.rank[i]) or None,
                "first": float(rule.first[i]),
                "rank_lower": int(rule.rank_lower[i]) or None,
                "rank_upper": int(rule.rank_upper[i]) or None,
            }
            for rule in self.rules
            for i, name in enumerate(self.models)
        ]
        return pd.DataFrame(rows).astype(dict.fromkeys(("rank", "rank_lower", "rank_upper"), "Int64"))


def winner_probabilities(
    votes: Votes,
    methods: Sequence[str | Rule | Method],
    *,
    n_resamples: int = 200,
    seed: int = 0,
    level: float = 0.95,
    cluster: str | None = "auto",
    min_votes: int = 30,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> WinnerProbabilities:
    """Rank the same resampled votes by every method.

    Args:
        votes: as for `rank`; of a score table, tasks (or with cluster="group" whole groups) are drawn.
        methods: names or functions.
        n_resamples: resamples.
        seed: of the resampling.
        level: of the rank ranges.
        cluster: column whose equal values are drawn together; "auto" for that of voters or of prompts if its
            clusters make wider intervals than single votes do, as in `Settings`.
        min_votes: ballots a model must have been shown in to stand; the others are left out of the count.
        options: of the methods, by their names.

    Raises:
        OptionError: n_resamples or level outside their range, options of a rule that is not asked about.
        MethodError: a rule that the votes do not carry enough for.
        SourceError: no votes, or no such column.
    """
    if n_resamples < 2 or not 0 < level < 1 or seed < 0:
        raise OptionError("n_resamples must be at least 2, level between 0 and 1, and seed not negative.")
    given, provisional = keep_eligible(as_comparisons(votes), min_votes)
    if not given.ballots.total:
        raise SourceError("There are no votes to rank: none came in, or all were left out.")
    wanted = [find(one) for one in methods]
    settings = settings_of(wanted, options)
    for how, chosen in zip(wanted, settings, strict=True):
        if "seed" in how.options and "seed" not in (options or {}).get(how.name, {}):
            chosen["seed"] = seed
    from threadpoolctl import threadpool_limits

    chosen_cluster = _cluster(given, cluster, level)
    clusters = None if chosen_cluster is None else given.clusters(chosen_cluster)
    worth = None if clusters is None else Clustering(clusters.size, clusters.effective)
    draws = Resamples(given, n_resamples, seed, clusters)
    full = [how.function(how.view_of(given), **chosen) for how, chosen in zip(wanted, settings, strict=True)]
    with threadpool_limits(limits=1, user_api="blas"):  # many small solves: threads only get in their way
        samples = bootstrap_scores(draws, wanted, settings, full)
    rules = [
        _odds(how, chosen, result, _one_way(given, result, chosen), *found, level, given, worth)
        for how, chosen, result, found in zip(wanted, settings, full, samples, strict=True)
    ]
    return WinnerProbabilities(
        given.models, tuple(rules), n_resamples, seed, level, chosen_cluster, provisional
    )


def _cluster(votes: Comparisons | ScoreTable, wanted: str | None, level: float) -> str | None:
    """The column whose values are drawn together."""
    if wanted != "auto":
        return None if wanted == "none" else wanted
    if isinstance(votes, ScoreTable) or not votes.cluster_columns:
        return None
    known = covariances_of(votes, None)
    wider = () if known is None else measure_dependence(votes, known, level).wider
    return wider[0] if wider else None


def settings_of(
    methods: Sequence[Method], options: Mapping[str, Mapping[str, Any]] | None
) -> list[dict[str, Any]]:
    """Fill in the options of every method.

    Raises:
        OptionError: an unknown option, or options of a method that is not among these.
    """
    known = {how.name for how in methods}
    for name in options or {}:
        if name not in known:
            raise OptionError(f"There are options for {name!r}, which is not among the methods; add it.")
    return [how.settings((options or {}).get(how.name, {})) for how in methods]


def _odds(
    how: Method,
    options: Mapping[str, Any],
    result: Scores | Choice,
    order: ComponentOrder | None,
    samples: FloatArray,
    lots: FloatArray | None,
    level: float,
    votes: Comparisons | ScoreTable,
    worth: Clustering | None,
) -> RuleProbabilities:
    """Sum up the rounds of one rule."""
    n_models = samples.shape[1]
    ranks = np.stack([_ranks(values, order) for values in samples])
    winners = ranks == 1
    shared = winners / np.maximum(winners.sum(axis=1, keepdims=True), 1) if lots is None else lots
    values, rank = as_values(result, n_models), _ranks(as_values(result, n_models), order)
    draws, place = samples, values
    if order is not None:  # no scale for all: ranks, which these wins order in every round
        draws, place = (np.where(r > 0, -r, -n_models - 1).astype(np.float64) for r in (ranks, rank))
    unsure = from_samples(draws, level, place, df=math.inf if worth is None else worth.df)
    if worth is not None:
        unsure = from_few_clusters(unsure, draws, place, worth.effective, level)
    elif isinstance(votes, ScoreTable):
        unsure = from_tasks(unsure, samples, values, votes, level)
    above = unsure.above
    if order is not None:
        above = above | order.above[np.ix_(order.component, order.component)]
    placed = (ranks > 0).mean(axis=0) >= level  # a rule that elects nobody has no range to give
    return RuleProbabilities(
        method=how.name,
        options=options,
        rank=rank,
        first=np.asarray(shared.mean(axis=0)),
        rank_lower=np.where(placed, 1 + above.sum(axis=0), 0),
        rank_upper=np.where(placed, n_models - above.sum(axis=1), 0),
        ranks=ranks,
        lottery=result.lottery if isinstance(result, Choice) else None,
    )


def _one_way(
    votes: Comparisons | ScoreTable, result: Scores | Choice, options: Mapping[str, Any]
) -> ComponentOrder | None:
    """How one-way wins order the models that the method cannot put on one scale; None if it can.

    No resample turns such wins round, so that their order is that of every round.
    """
    known = result.identification if isinstance(result, Fit) else None
    if known is None or isinstance(votes, ScoreTable) or (known.core.all() and not known.group.any()):
        return None
    return order_components(votes.pairs, both_bad=options.get("both_bad", "half"))


def _ranks(values: FloatArray, order: ComponentOrder | None = None) -> IntArray:
    """(M,) 1 + the number of models above, equal within rounding; 0 for a model without a value.

    Above is who has a higher value; of models in different components, who is above by one-way wins. A
    component that is not compared with the largest has no rank.
    """
    if order is None:
        level = levels_of(values)
        above = np.concatenate([[0], np.cumsum(np.bincount(level))])
        return np.where(np.isnan(values), 0, 1 + above[level])
    size = np.bincount(order.component)
    before = order.above.T @ size
    compared = order.compared[int(size.argmax())]
    ranks = np.zeros(len(values), dtype=np.int64)
    for component in np.flatnonzero(compared):
        members = np.flatnonzero(order.component == component)
        inside = _ranks(values[members]) if len(members) > 1 else np.ones(1, dtype=np.int64)
        ranks[members] = np.where(inside > 0, before[component] + inside, 0)
    return ranks
