"""`Comparisons`: a set of votes ready to rank, and the views of it that methods ask for.

The votes come from a `VoteSource`. data/ has one that counts in SQL; `GivenVotes` here keeps arrays.
A method asks for one view by the type of its first parameter:

    pairs    PairCounts   wins, ties and both-bads of every pair
    ballots  Ballots      distinct ballots with their counts (pairwise and K-wise)
    battles  Battles      the votes one by one, in time order
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from ranking.ballot_checks import numbers
from ranking.ballots import Ballots, FloatArray, IntArray, canonical
from ranking.counts import PairCounts
from ranking.errors import SourceError, VotesError

Order = Literal["timestamp", "file"]
OTHER_VOTERS = ("votes of people", "votes of LLM judges")  # reasons to be left out that are no faults


@dataclass(frozen=True, eq=False)
class Battles:
    """Votes one after the other.

    Attributes:
        ballots: the distinct ballots.
        sequence: (N,) row of `ballots` of each vote, first to last.
        order: "timestamp" if the votes say when they were cast, else "file": the order of the rows.
    """

    ballots: Ballots
    sequence: IntArray
    order: Order

    @property
    def models(self) -> tuple[str, ...]:
        """The names."""
        return self.ballots.models

    def resample(self, rng: np.random.Generator) -> Battles:
        """Draw as many votes with replacement and keep them in order."""
        n = len(self.sequence)
        sequence = np.repeat(self.sequence, np.bincount(rng.integers(0, n, n), minlength=n))
        counts = np.bincount(sequence, minlength=len(self.ballots.count))
        return Battles(self.ballots.with_count(counts), sequence, self.order)

    def subset(self, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Battles:
        """Return only the votes whose models are all kept; (M,) mask."""
        seats = self.ballots.shown
        inside = np.all((seats < 0) | keep[seats], axis=1)
        new = np.cumsum(inside) - 1
        kept = self.sequence[inside[self.sequence]]
        return Battles(self.ballots.subset(keep), new[kept], self.order)


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which votes belong together (one voter, one battle, one prompt), grouped.

    R rows: `count` votes of cluster `cluster` (0 ... C - 1) are the ballot `ballot`. `names` (C,) are the
    values of the column, empty where the clusters have none.
    """

    by: str
    ballot: IntArray
    cluster: IntArray
    count: IntArray
    names: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of clusters, C."""
        return int(self.cluster.max(initial=-1)) + 1

    def totals(self, times: IntArray, n_ballots: int) -> IntArray:
        """(B,) ballot counts when each cluster is taken `times` (C,) times: the bootstrap of clusters."""
        drawn = self.count * times[self.cluster]
        return np.bincount(self.ballot, drawn, n_ballots).round().astype(np.int64)


class VoteSource(Protocol):
    """What a store of votes answers; every method may be called more than once."""

    def ballots(self) -> Ballots:
        """Count the distinct ballots."""

    def battles(self) -> Battles:
        """List the votes in time order."""

    def clusters(self, by: str) -> Clusters:
        """Group the votes by a column; raises SourceError if there is no such column."""

    def split(self, column: str) -> Mapping[str, VoteSource]:
        """Cut the votes by the values of a column; raises SourceError if there is no such column."""

    def left_out(self) -> Mapping[str, int]:
        """Count the rows that were left out, by reason."""

    def llm_votes(self) -> int:
        """Count the votes that the source says are of LLM judges."""


class Comparisons:
    """A set of votes ready to rank; views are computed when first asked for, and kept.

    Make one with `data.comparisons(...)` from files and frames, or with `Comparisons.of(...)` and
    `Comparisons.from_counts(...)` from arrays.
    """

    def __init__(self, source: VoteSource) -> None:
        self._source = source
        self._clusters: dict[str, Clusters] = {}

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
    ) -> Comparisons:
        """Take one row for each of N votes; arguments as in `Ballots.of`.

        Args:
            timestamp: (N,) times of the votes, any one unit; without them the rows are in order.
            labels: columns of N values to cluster or split by, such as {"voter": [...]}.

        Raises:
            VotesError: as `Ballots.of`, or times and labels of another length.
        """
        ballots, sequence = canonical(models, shown, places, acceptable, p_a, weight)
        times = None if timestamp is None else numbers("timestamp", timestamp)
        columns = {name: np.asarray(values, dtype=object) for name, values in (labels or {}).items()}
        for name, column in columns.items() if times is None else [("timestamp", times), *columns.items()]:
            if column.shape != sequence.shape:
                raise VotesError(
                    f"{name} has shape {column.shape}; give one for each of the {len(sequence)} votes."
                )
        if times is not None and np.isnan(times).any():
            raise VotesError("timestamp holds NaN; give every vote a time, or none.")
        return cls(GivenVotes(ballots, sequence, times, columns))

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
        return cls(GivenVotes(ballots, np.repeat(np.arange(len(ballots.count)), ballots.count)))

    def __repr__(self) -> str:
        ballots = self.ballots
        return f"Comparisons({ballots.total:,} votes on {len(ballots.models)} models)"

    def __len__(self) -> int:
        return self.ballots.total

    @property
    def models(self) -> tuple[str, ...]:
        """The names, sorted."""
        return self.ballots.models

    @cached_property
    def ballots(self) -> Ballots:
        """Distinct ballots with their counts."""
        return self._source.ballots()

    @cached_property
    def pairs(self) -> PairCounts:
        """Wins, ties and both-bads of every pair."""
        return PairCounts.from_ballots(self.ballots)

    @cached_property
    def battles(self) -> Battles:
        """The votes one by one, in time order."""
        return self._source.battles()

    @property
    def left_out(self) -> Mapping[str, int]:
        """Rows left out because of `invalid="drop"` or of who voted, counted by reason."""
        return self._source.left_out()

    @property
    def llm_votes(self) -> int:
        """How many of the votes are of LLM judges."""
        return self._source.llm_votes()

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
        return Comparisons(GivenVotes(ballots, sequence))

    def split(self, column: str) -> Iterator[tuple[str, Comparisons]]:
        """Cut the votes by the values of a column, in the order of the values.

        Raises:
            SourceError: there is no such column.
        """
        for value, part in self._source.split(column).items():
            yield value, Comparisons(part)


@dataclass(frozen=True, eq=False)
class GivenVotes:
    """Votes kept as arrays: (N,) ballot of each vote, times and labels; a `VoteSource`."""

    distinct: Ballots
    sequence: IntArray
    timestamp: FloatArray | None = None
    labels: Mapping[str, np.ndarray[tuple[int], np.dtype[np.object_]]] = field(default_factory=dict)

    def ballots(self) -> Ballots:
        """Return the distinct ballots."""
        return self.distinct

    def battles(self) -> Battles:
        """Sort by time, equal times by ballot; without times keep the order of the rows."""
        if self.timestamp is None:
            return Battles(self.distinct, self.sequence, "file")
        sorting = np.lexsort((self.sequence, self.timestamp))
        return Battles(self.distinct, self.sequence[sorting], "timestamp")

    def clusters(self, by: str) -> Clusters:
        """Group by a label; a vote without one belongs to nobody, and is not put with the others like it."""
        labels = self._label(by)
        missing = [i for i, label in enumerate(labels) if label is None or _is_nan(label)]
        if missing:
            raise SourceError(
                f"{len(missing):,} votes have no {by} to cluster by, the first is number {missing[0] + 1}; "
                "fill it in, or leave these votes out."
            )
        known, cluster = np.unique(labels.astype(str), return_inverse=True)
        names = tuple(known.tolist())
        return group(by, cluster.reshape(-1), self.sequence, len(self.distinct.count), names)

    def split(self, column: str) -> dict[str, GivenVotes]:
        """Cut by a label; each part names only the models it shows."""
        values = self._label(column).astype(str)
        parts = {}
        for value in np.unique(values):
            rows = values == value
            used, sequence = np.unique(self.sequence[rows], return_inverse=True)
            part, moved = _only(self.distinct, used, np.bincount(sequence.reshape(-1)))
            times = None if self.timestamp is None else self.timestamp[rows]
            labels = {name: column_values[rows] for name, column_values in self.labels.items()}
            parts[str(value)] = GivenVotes(part, moved[sequence.reshape(-1)], times, labels)
        return parts

    def left_out(self) -> dict[str, int]:
        """Nothing is left out of arrays."""
        return {}

    def llm_votes(self) -> int:
        """Count the label `voter_kind`."""
        kinds = self.labels.get("voter_kind")
        return 0 if kinds is None else int((kinds == "llm").sum())

    def _label(self, name: str) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
        if name not in self.labels:
            known = ", ".join(self.labels) or "none"
            raise SourceError(f"The votes have no column {name!r} (labels given: {known}).")
        return self.labels[name]


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


def _is_nan(label: object) -> bool:
    return isinstance(label, float) and label != label  # noqa: PLR0124 (NaN is not itself)


def group(
    by: str, cluster: IntArray, ballot: IntArray, n_ballots: int, names: tuple[str, ...] = ()
) -> Clusters:
    """Count equal (cluster, ballot) rows; (N,) each."""
    key, count = np.unique(cluster * n_ballots + ballot, return_counts=True)
    return Clusters(by, key % n_ballots, key // n_ballots, count.astype(np.int64), names)


def _only(ballots: Ballots, rows: IntArray, count: IntArray) -> tuple[Ballots, IntArray]:
    """Keep some distinct ballots, with new counts and without the models they do not show."""
    shown = ballots.shown[rows]
    used = np.unique(shown[shown >= 0])
    new = np.full(len(ballots.models) + 1, -1, dtype=np.int64)
    new[used] = np.arange(len(used))
    return canonical(
        [ballots.models[i] for i in used],
        new[shown],
        ballots.places[rows],
        ballots.acceptable[rows],
        ballots.p_a[rows],
        ballots.weight[rows],
        count,
    )
