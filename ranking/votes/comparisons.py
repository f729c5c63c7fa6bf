"""`Comparisons`: a set of votes ready to rank, and the views of it that methods ask for.

The votes come from a `VoteSource`. data/ has one that counts in SQL; `ArraySource` here keeps arrays.
A method asks for one view by the type of its first parameter:

    pairs    PairCounts   wins, ties and both-bads of every pair
    ballots  Ballots      distinct ballots with their counts (pairwise and K-wise)
    battles  Battles      the votes one by one, in time order
    contexts CovariateComparisons  the votes one by one with features to control for
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agon.ranking.errors import OptionError, SourceError, VotesError
from agon.ranking.numerics import FloatArray
from agon.ranking.text import Readable
from agon.ranking.votes.array_source import ArraySource, orient_features, probabilities, turned
from agon.ranking.votes.ballots import Ballots, canonical
from agon.ranking.votes.concatenated_source import ConcatenatedSource
from agon.ranking.votes.covariates import CovariateComparisons, control_names
from agon.ranking.votes.pair_counts import PairCounts
from agon.ranking.votes.post_stratification import weigh_groups
from agon.ranking.votes.restricted_source import RestrictedSource
from agon.ranking.votes.score_table import ScoreTable
from agon.ranking.votes.validation import numbers
from agon.ranking.votes.vote_source import Battles, Clusters, LogHead, SetAside, VoteSource
from agon.ranking.votes.weighting import EqualPairs, Reweight, mean_weight, relative_weights

View = TypeVar("View")
Relative = TypeVar("Relative", Battles, CovariateComparisons)


class Comparisons(Readable):
    """A set of votes ready to rank; views are computed when first asked for, and kept.

    Weights carry no unit: what is seen of them are multiples of the mean weight, so that all of them times a
    hundred are the same votes.

    Make one with `data.comparisons(...)` from files and frames, or with `Comparisons.of(...)` and
    `Comparisons.from_counts(...)` from arrays.
    """

    def __init__(self, source: VoteSource, head: LogHead | None = None) -> None:
        if not hasattr(source, "ballots"):
            raise SourceError(
                f"Comparisons are not made of a {type(source).__name__} directly: read it with "
                "ag.comparisons(...), or give arrays to Comparisons.of."
            )
        self._source, self._head = source, head
        self._clusters: dict[str, Clusters] = {}
        self._views: dict[object, Any] = {}
        self._control: tuple[str, ...] = ()
        self._control_cluster: str | None = None

    @classmethod
    def of(
        cls,
        models: Sequence[str],
        shown: ArrayLike,
        places: ArrayLike,
        *,
        acceptable: ArrayLike | None = None,
        p_a: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        timestamp: ArrayLike | None = None,
        labels: Mapping[str, Sequence[object]] | None = None,
        pair_probability: ArrayLike | None = None,
        features: Mapping[str, ArrayLike] | None = None,
        grade: ArrayLike | None = None,
    ) -> Comparisons:
        """Take one row for each of N votes; arguments as in `Ballots.of`.

        Args:
            timestamp: (N,) times of the votes, without which the rows are in order; in seconds for methods
                that ask how long ago a vote was, else in any one unit.
            labels: columns of N values to cluster or split by, such as {"voter": [...]}.
            pair_probability: (N,) probability with which the models of each vote were drawn together, above
                0 and at most 1, for `reweight="propensity"`.
            features: to control for: (N,) numbers toward the model shown first, such as +1 and −1 for who was
                at home, which votes on more than two models cannot have; or (N, K) amounts of the answers,
                parallel to `shown`, such as {"length": [[120, 80], ...]}.
            grade: (N,) how much better the better of two models is, as in `Ballots.of`.

        Raises:
            VotesError: as `Ballots.of`, or times, labels and features of another length.
        """
        ballots, sequence = canonical(models, shown, places, acceptable, p_a, weight, grade=grade)
        times = None if timestamp is None else numbers("timestamp", timestamp)
        columns = {name: np.asarray(values, dtype=object) for name, values in (labels or {}).items()}
        for name, column in columns.items() if times is None else [("timestamp", times), *columns.items()]:
            if column.shape != sequence.shape:
                raise VotesError(
                    f"{name} has shape {column.shape}; give one for each of the {len(sequence)} votes."
                )
        if times is not None and np.isnan(times).any():
            raise VotesError("timestamp holds NaN; give every vote a time, or none.")
        orientation = turned(models, shown, ballots, sequence)
        given = {
            name: orient_features(name, values, models, shown, orientation)
            for name, values in (features or {}).items()
        }
        drawn = None if pair_probability is None else probabilities(pair_probability, len(sequence))
        return cls(ArraySource(ballots, sequence, times, columns, given, orientation, drawn))

    @classmethod
    def from_counts(
        cls,
        models: Sequence[str],
        wins: ArrayLike,
        ties: ArrayLike | None = None,
        both_bad: ArrayLike | None = None,
    ) -> Comparisons:
        """Take counts of whole votes, (M, M) each; see `PairCounts.of`.

        Raises:
            VotesError: as `PairCounts.of`, or counts that are not whole numbers.
        """
        ballots = PairCounts.of(models, wins, ties, both_bad).to_ballots()
        return cls(ArraySource(ballots, np.repeat(np.arange(len(ballots.count)), ballots.count)))

    def conclusion(self) -> str:
        """Say in one phrase what there is."""
        ballots = self.ballots
        return f"{ballots.total:,} votes on {len(ballots.models)} models"

    def __len__(self) -> int:
        return self.ballots.total

    def __add__(self, other: Comparisons) -> Comparisons:
        """Add votes, without counting again those that are there."""
        if not isinstance(other, Comparisons):
            raise SourceError(
                f"Votes are added to votes: read the {type(other).__name__} with ag.comparisons."
            )
        return Comparisons(ConcatenatedSource.of(self._source, other._source))

    @property
    def source(self) -> VoteSource:
        """Where the votes come from; what more it can do depends on what it is."""
        return self._source

    @property
    def head(self) -> LogHead | None:
        """Up to which event of a log the votes go, or those that these were made of; None of other votes."""
        return self._head

    @property
    def models(self) -> tuple[str, ...]:
        """The names, sorted."""
        return self.ballots.models

    @property
    def ballots(self) -> Ballots:
        """Distinct ballots with their counts, and their weights as multiples of the mean."""
        return self._view("ballots", lambda: relative_weights(self._source.ballots()))

    @property
    def pairs(self) -> PairCounts:
        """Wins, ties and both-bads of every pair."""
        return self._view("pairs", lambda: PairCounts.from_ballots(self.ballots))

    def _relative(self, view: Relative) -> Relative:
        """The votes one by one with weights as multiples of their mean."""
        return replace(view, ballots=relative_weights(view.ballots))

    def _view(self, name: object, make: Callable[[], View]) -> View:
        """Make a view once, for these votes and for the same with features."""
        if name not in self._views:
            self._views[name] = make()
        view: View = self._views[name]
        return view

    @property
    def battles(self) -> Battles:
        """The votes one by one, in time order."""
        return self._view("battles", lambda: self._relative(self._source.battles()))

    def clustered(self, by: str) -> Battles:
        """The votes one by one, in time order, with their clusters by a column.

        Raises:
            SourceError: there is no such column.
        """
        return self._relative(self._source.battles(by))

    def reweighted(self, how: Reweight, floor: float = 0.1) -> Comparisons:
        """Return the same votes with other weights.

        Args:
            how: "propensity", "propensity_all" (with votes on what was left when an answer failed),
                "equal_pairs" or "none".
            floor: for "propensity" the smallest probability that counts, as a share of that of models drawn
                at random.

        Raises:
            SourceError: the votes do not say with which probability their models were drawn.
            MethodError: equal pairs, where every vote is on more than two models.
        """
        if how == "none":
            return self
        if how != "equal_pairs":
            with_failed = how == "propensity_all"
            return Comparisons(self._source.reweighted(floor, with_failed=with_failed), self._head)
        return Comparisons(EqualPairs(self._source), self._head)

    def weighted(self, weights: Mapping[str, float] | None = None, by: str = "category") -> Comparisons:
        """Return the same votes so that each group of them counts by its weight, however many it has.

        Within a group the votes keep their weights towards one another (post-stratification). A vote with
        several values counts in the group of each, one without any in the group "null".

        Args:
            weights: value of the column → 0 or more; values not named weigh 1.
            by: the column that groups the votes.

        Raises:
            SourceError: there is no such column.
            OptionError: an unknown value, a weight that is no number of 0 or more, or all of them 0.

        Source:
            D. Holt and T. Smith, Post Stratification, JRSS A 142 (1979).
        """
        return Comparisons(weigh_groups(self._source, by, weights or {}), self._head)

    def among(self, keep: NDArray[np.bool_]) -> Comparisons:
        """Return the votes as if only some models had stood: the others are taken off every ballot.

        Args:
            keep: (M,) which models.
        """
        return Comparisons(RestrictedSource(self._source, keep), self._head)

    def without(self, aside: SetAside) -> Comparisons:
        """Return the votes less those set aside, which are counted in `left_out`.

        Raises:
            SourceError: no vote is left, or the votes were weighted or restricted before.
        """
        return Comparisons(self._source.without(aside), self._head)

    def controlled(self, control: str | Sequence[str], cluster: str | None = None) -> Comparisons:
        """Return the same votes with the view `contexts`: features to control for, and clusters.

        Args:
            control: names of features, such as ("length", "markdown").
            cluster: column whose equal values are dependent votes.
        """
        other = copy(self)
        other._control, other._control_cluster = control_names(control), cluster
        return other

    @property
    def contexts(self) -> CovariateComparisons:
        """The votes one by one with the features to control for.

        Raises:
            OptionError: it was not said which.
            SourceError: there is no such column.
        """
        if not self._control:
            raise OptionError(
                'Say what to control for, such as control="length,markdown"; without it use bradley_terry.'
            )
        key = ("contexts", self._control, self._control_cluster)
        return self._view(
            key, lambda: self._relative(self._source.contexts(self._control, self._control_cluster))
        )

    @property
    def left_out(self) -> Mapping[str, int]:
        """Rows left out because of `invalid="drop"` or of who voted, counted by reason."""
        return self._source.left_out()

    @cached_property
    def counts_by_position(self) -> FloatArray | None:
        """(3, M, M) weight of the votes with the row on the left: for the left, for the right, ties.

        None if the votes do not say, or are not pairwise.
        """
        found = self._source.counts_by_position()
        return None if found is None else found / mean_weight(self._source.ballots())

    @property
    def llm_votes(self) -> int:
        """How many of the votes are of LLM judges."""
        return self._source.llm_votes()

    @property
    def cluster_columns(self) -> tuple[str, ...]:
        """The columns through which votes may depend: who voted, on which prompt; those that there are."""
        return self._source.cluster_columns()

    def clusters(self, by: str) -> Clusters:
        """Group the votes by a column ("voter", "battle", "prompt" or any other).

        Raises:
            SourceError: there is no such column.
        """
        if by not in self._clusters:
            self._clusters[by] = self._source.clusters(by)
        return self._clusters[by]

    def one_ballot_each(self, by: str) -> Comparisons:
        """Make one ballot of all votes with an equal value in a column: its models by their win rate there.

        A tie, or a "both bad", is half a win; models that the value's votes do not show are not on its
        ballot.

        Raises:
            SourceError: there is no such column.
        """
        share = _win_rates(self.ballots, self.clusters(by))
        met = ~np.isnan(share)
        order = np.argsort(np.where(met, -share, np.inf), axis=1, kind="stable")
        ordered = np.take_along_axis(share, order, axis=1)
        steps = np.diff(ordered, axis=1, prepend=np.inf) < -1e-12
        places = np.cumsum(steps, axis=1)
        seats = np.where(np.take_along_axis(met, order, axis=1), order, -1)
        ballots, sequence = canonical(self.models, seats, np.where(seats >= 0, places, 0))
        return Comparisons(ArraySource(ballots, sequence), self._head)

    def split(self, column: str) -> Iterator[tuple[str, Comparisons]]:
        """Cut the votes by the values of a column, in the order of the values.

        Raises:
            SourceError: there is no such column.
        """
        for value, part in self._source.split(column).items():
            yield value, Comparisons(part, self._head)


def _win_rates(ballots: Ballots, clusters: Clusters) -> FloatArray:
    """(C, M) share of its votes that each model won in each cluster; NaN where it was not compared."""
    rows, m = ballots.pair_rows, len(ballots.models)
    first = np.searchsorted(rows.ballot, clusters.ballot, "left")
    length = np.searchsorted(rows.ballot, clusters.ballot, "right") - first
    pair = np.repeat(first - np.cumsum(length) + length, length) + np.arange(length.sum())
    weight = np.repeat(clusters.count * ballots.weight[clusters.ballot], length)
    place = np.repeat(clusters.cluster, length) * m
    half = 0.5 * (rows.tie + rows.both_bad)[pair]
    up, down = place + rows.first[pair], place + rows.second[pair]
    size = clusters.size * m
    won = np.bincount(up, weight * (rows.win[pair] + half), size)
    won += np.bincount(down, weight * (rows.loss[pair] + half), size)
    met = np.bincount(up, weight, size) + np.bincount(down, weight, size)
    share = np.divide(won, met, out=np.full(size, np.nan), where=met > 0)
    return np.asarray(share.reshape(clusters.size, m))


Votes = Comparisons | Ballots | PairCounts | ScoreTable


def as_comparisons(votes: Votes) -> Comparisons | ScoreTable:
    """Take any of the views that stand on their own as votes."""
    if isinstance(votes, Comparisons | ScoreTable):
        return votes
    if isinstance(votes, PairCounts):
        votes = votes.to_ballots()
    if isinstance(votes, Ballots):
        return Comparisons(ArraySource(votes, np.repeat(np.arange(len(votes.count)), votes.count)))
    raise SourceError(
        f"Cannot rank a {type(votes).__name__}: read votes with ag.comparisons(...), "
        "or give a ScoreTable, Ballots or PairCounts."
    )
