"""VoteSource, and what it gives: battles, clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from agon.ranking.numerics import BoolArray, FloatArray, IntArray
from agon.ranking.text import Readable
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.covariates import CovariateComparisons

_Order = Literal["timestamp", "file"]
# Columns through which votes depend, the first that is there of each row.
DEPENDENT = (
    ("voter", "user_id", "user", "session_id", "session", "judge", "annotator"),
    ("prompt", "prompt_id", "question_id"),
)
# Reasons to be left out that are no faults.
OTHER_VOTERS = ("votes of people", "votes of LLM judges")
JUDGES_REFUSED = "votes of judges that their audit refused"
NOT_BLIND = "not blind (the names were shown)"
# Reasons of gates: what votes say of their own making.
FOR_REVIEW = "of voters set aside for review"
EXCLUDED = "of voters excluded for how they voted"
IN_WINDOW = "on a model in a window under alarm"
IN_NETWORK = "of networks whose voters vote as one"
GATED = (FOR_REVIEW, EXCLUDED, IN_NETWORK, IN_WINDOW)
NETWORK = "network"  # the column that says from which network a vote was cast, on one day


@dataclass(frozen=True, eq=False)
class VoteNetworks:
    """Where votes were cast from: (N,) number of each vote's network in `names`, −1 where it is not known."""

    names: tuple[str, ...]
    number: IntArray

    @classmethod
    def of(cls, labels: Sequence[str | None]) -> VoteNetworks | None:
        """Number the labels of N votes; None if no vote has one."""
        names = tuple(sorted({label for label in labels if label}))
        place = {name: i for i, name in enumerate(names)}
        number = np.array([place.get(label or "", -1) for label in labels], dtype=np.int64)
        return cls(names, number) if names else None

    def take(self, rows: IntArray | BoolArray) -> VoteNetworks:
        """Those of some votes, by index or mask."""
        return VoteNetworks(self.names, self.number[rows])


@dataclass(frozen=True, eq=False, repr=False)
class Battles(Readable):
    """Votes one after the other.

    Attributes:
        ballots: the distinct ballots.
        sequence: (N,) row of `ballots` of each vote, first to last.
        order: "timestamp" if the votes say when they were cast, else "file": the order of the rows.
        cluster: (N,) cluster of each vote, if whole clusters are to be drawn.
        times: (N,) seconds at which the votes were cast, or None if they do not say.
        turned: (N,) whether the first model of the ballot was not the one shown first; None if not known.
        networks: where they were cast from; None if no vote says, or they are not clustered by their voters.
    """

    ballots: Ballots
    sequence: IntArray
    order: _Order
    cluster: IntArray | None = None
    times: FloatArray | None = None
    turned: BoolArray | None = None
    networks: VoteNetworks | None = None

    def conclusion(self) -> str:
        """Say it in one sentence."""
        order = "time" if self.order == "timestamp" else "the rows"
        return f"{len(self.sequence):,} votes on {len(self.models)} models in the order of {order}"

    @property
    def models(self) -> tuple[str, ...]:
        """The names."""
        return self.ballots.models

    def resample(self, rng: np.random.Generator) -> Battles:
        """Draw as many votes, or clusters, with replacement and keep them in order."""
        size = len(self.sequence) if self.cluster is None else int(self.cluster.max()) + 1
        times = np.bincount(rng.integers(0, size, size), minlength=size)
        drawn = np.repeat(
            np.arange(len(self.sequence)), times if self.cluster is None else times[self.cluster]
        )
        sequence = self.sequence[drawn]
        counts = np.bincount(sequence, minlength=len(self.ballots.count))
        moments = None if self.times is None else self.times[drawn]
        sides = None if self.turned is None else self.turned[drawn]
        return Battles(self.ballots.with_count(counts), sequence, self.order, times=moments, turned=sides)

    def subset(self, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Battles:
        """Return only the votes whose models are all kept; (M,) mask."""
        seats = self.ballots.shown
        inside = np.all((seats < 0) | keep[seats], axis=1)
        new = np.cumsum(inside) - 1
        kept = inside[self.sequence]
        cluster = None if self.cluster is None else np.unique(self.cluster[kept], return_inverse=True)[1]
        times = None if self.times is None else self.times[kept]
        turned = None if self.turned is None else self.turned[kept]
        sequence = new[self.sequence[kept]]
        return Battles(self.ballots.subset(keep), sequence, self.order, cluster, times, turned)


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which votes belong together (one voter, one battle, one prompt), grouped.

    R rows: `count` votes of cluster `cluster` (0 ... C - 1) are the ballot `ballot`. `named` tells the values
    of the column, (C,), or none where the clusters have none; few ask, and there may be a million.
    """

    by: str
    ballot: IntArray
    cluster: IntArray
    count: IntArray
    named: Callable[[], tuple[str, ...]] = tuple

    @cached_property
    def names(self) -> tuple[str, ...]:
        """(C,) the values of the column, empty where the clusters have none."""
        return self.named()

    @property
    def size(self) -> int:
        """Number of clusters, C."""
        return int(self.cluster.max(initial=-1)) + 1

    @property
    def effective(self) -> float:
        """Number of equal clusters that would say as much, by votes: C/(1 + cv²) (Carter et al. 2017)."""
        return effective_number(np.bincount(self.cluster, self.count))

    def part(self, kept: BoolArray, ballot: IntArray) -> Clusters:
        """Some of the rows, (R,) mask, as clusters of their own; (R',) what the ballots of these are now."""
        there, cluster = np.unique(self.cluster[kept], return_inverse=True)

        def names() -> tuple[str, ...]:
            return tuple(self.names[i] for i in there.tolist()) if self.names else ()

        return Clusters(self.by, ballot, cluster.reshape(-1), self.count[kept], names)

    def totals(self, times: IntArray, n_ballots: int) -> IntArray:
        """(B,) ballot counts when each cluster is taken `times` (C,) times: the bootstrap of clusters."""
        drawn = self.count * times[self.cluster]
        return np.bincount(self.ballot, drawn, n_ballots).round().astype(np.int64)


def effective_number(shares: ArrayLike) -> float:
    """Number of equal parts that would be as even as these, C/(1 + cv²); (C,) of which some may be 0."""
    given = np.asarray(shares, dtype=np.float64)
    return float(given.sum() ** 2 / (given**2).sum()) if given.any() else 0.0


@dataclass(frozen=True)
class SetAside:
    """Votes that are not to count: of some voters, and on a model between two times.

    Attributes:
        by: column of the voters.
        voters: their values.
        windows: model, and seconds since 1970 of the first and of the last vote.
        networks: values of the column `network` whose votes are.
        number: reason → votes, of the votes as a whole.
    """

    by: str
    voters: tuple[str, ...]
    windows: tuple[tuple[str, float, float], ...] = ()
    networks: tuple[str, ...] = ()
    number: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogHead:
    """Up to which event of the log of an arena votes go.

    Attributes:
        events: how many events the log has up to it.
        hash: of the event; `agon rank LOG --at` it ranks the same votes.
    """

    events: int
    hash: str


class VoteSource(Protocol):
    """What a store of votes answers; every method may be called more than once."""

    def ballots(self) -> Ballots:
        """Count the distinct ballots."""

    def battles(self, by: str | None = None) -> Battles:
        """List the votes in time order, with their clusters by a column if one is named."""

    def clusters(self, by: str) -> Clusters:
        """Group the votes by a column; raises SourceError if there is no such column."""

    def cluster_columns(self) -> tuple[str, ...]:
        """Name the columns through which votes may depend: who voted, on which prompt; those there are."""

    def contexts(self, names: Sequence[str], cluster: str | None) -> CovariateComparisons:
        """List the votes with features and clusters; raises SourceError if there is no such column."""

    def reweighted(self, floor: float, *, with_failed: bool = False) -> VoteSource:
        """Weigh votes by one over the probability of their models; raises SourceError if it is not known.

        Args:
            floor: as of `Comparisons.reweighted`.
            with_failed: whether votes of battles in which an answer failed are kept.
        """

    def split(self, column: str) -> Mapping[str, VoteSource]:
        """Cut the votes by the values of a column; raises SourceError if there is no such column."""

    def without(self, aside: SetAside) -> VoteSource:
        """Leave out votes; raises SourceError where that has to be done before something else."""

    def left_out(self) -> Mapping[str, int]:
        """Count the rows that were left out, by reason."""

    def llm_votes(self) -> int:
        """Count the votes that the source says are of LLM judges."""

    def counts_by_position(self) -> FloatArray | None:
        """(3, M, M) weight of pairwise votes for the left (row), for the right (column) and ties, or None."""


def dependent_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """Those of the columns that say who voted, and on which prompt."""
    known = {column.lower(): column for column in columns}
    found = (next((known[name] for name in names if name in known), None) for names in DEPENDENT)
    return tuple(name for name in found if name is not None)


def in_time(
    ballots: Ballots,
    sequence: IntArray,
    times: FloatArray | None,
    cluster: IntArray | None,
    turned: BoolArray | None = None,
    networks: VoteNetworks | None = None,
) -> Battles:
    """Sort votes by time, equal times by ballot and cluster; without times keep their order; (N,) each."""
    if times is None:
        return Battles(ballots, sequence, "file", cluster, turned=turned, networks=networks)
    sorting = np.lexsort((sequence, times) if cluster is None else (cluster, sequence, times))
    own = None if cluster is None else cluster[sorting]
    sides = None if turned is None else turned[sorting]
    near = None if networks is None else networks.take(sorting)
    return Battles(ballots, sequence[sorting], "timestamp", own, times[sorting], sides, near)


def group(
    by: str,
    cluster: IntArray,
    ballot: IntArray,
    n_ballots: int,
    named: Callable[[], tuple[str, ...]] = tuple,
    often: IntArray | None = None,
) -> Clusters:
    """Count equal (cluster, ballot) rows; (N,) each, `often` how many votes a row stands for, or 1."""
    code = cluster * n_ballots + ballot
    if often is None:
        key, count = np.unique(code, return_counts=True)
    else:
        key, which = np.unique(code, return_inverse=True)
        count = np.bincount(which.reshape(-1), often, len(key)).round()
    return Clusters(by, key % n_ballots, key // n_ballots, count.astype(np.int64), named)
