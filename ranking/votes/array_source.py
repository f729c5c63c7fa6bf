"""`ArraySource`: votes kept as arrays, the source of `Comparisons` that were made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from agon.ranking.errors import SourceError, VotesError
from agon.ranking.numerics import BoolArray, FloatArray, IntArray
from agon.ranking.text import join_names
from agon.ranking.votes.ballots import Ballots, by_seat, canonical
from agon.ranking.votes.covariates import CovariateComparisons, amounts, relative
from agon.ranking.votes.pair_counts import count_positions
from agon.ranking.votes.validation import numbers
from agon.ranking.votes.vote_source import (
    DEPENDENT,
    NETWORK,
    Battles,
    Clusters,
    SetAside,
    VoteNetworks,
    dependent_columns,
    group,
    in_time,
)
from agon.ranking.votes.weighting import propensity


@dataclass(frozen=True, eq=False)
class ArraySource:
    """Votes kept as arrays: (N,) ballot of each vote, times, labels, features; a `VoteSource`.

    A feature is (N,) numbers toward the first model of the ballot, or (N, K) amounts parallel to its models.
    `orientation` (N,) is 1 where the model shown first is the first on the ballot, else −1. `gone` counts by
    reason what was left out.
    """

    distinct: Ballots
    sequence: IntArray
    timestamp: FloatArray | None = None
    labels: Mapping[str, np.ndarray[tuple[int], np.dtype[np.object_]]] = field(default_factory=dict)
    features: Mapping[str, FloatArray] = field(default_factory=dict)
    orientation: FloatArray | None = None
    pair_probability: FloatArray | None = None
    gone: Mapping[str, int] = field(default_factory=dict)

    def ballots(self) -> Ballots:
        """Return the distinct ballots."""
        return self.distinct

    def battles(self, by: str | None = None) -> Battles:
        """Sort by time, equal times by ballot; without times keep the order of the rows."""
        cluster = None if by is None else self._numbered(by)[0]
        turned = None if self.orientation is None else self.orientation < 0
        networks = None
        if by in DEPENDENT[0] and NETWORK in self.labels:
            networks = VoteNetworks.of([str(one) if one else None for one in self.labels[NETWORK]])
        return in_time(self.distinct, self.sequence, self.timestamp, cluster, turned, networks)

    def clusters(self, by: str) -> Clusters:
        """Group by a label; a vote without one belongs to nobody, and is not put with the others like it."""
        cluster, names = self._numbered(by)
        return group(by, cluster, self.sequence, len(self.distinct.count), lambda: names)

    def cluster_columns(self) -> tuple[str, ...]:
        """Those of the labels that say who voted, and on which prompt."""
        return dependent_columns(self.labels)

    def contexts(self, names: Sequence[str], cluster: str | None) -> CovariateComparisons:
        """List the votes with the features given."""
        for name in names:
            if name not in self.features:
                known = ", ".join(self.features) or "none"
                raise SourceError(f"The votes have no feature {name!r} to control for (given: {known}).")
        given = [self.features[name] for name in names]
        if any(values.ndim == 1 for values in given):
            given = [values if values.ndim == 1 else relative(*values[:, :2].T) for values in given]
        table = np.stack(given)
        member = None if cluster is None else self._numbered(cluster)[0]
        return CovariateComparisons.of(self.distinct, self.sequence, table, names, member)

    def _numbered(self, by: str) -> tuple[IntArray, tuple[str, ...]]:
        """(N,) number of each vote's label, and the labels."""
        labels = self._label(by)
        missing = [i for i, label in enumerate(labels) if label is None or _is_nan(label)]
        if missing:
            which = f"{'vote' if len(missing) == 1 else 'votes'} {join_names([str(i + 1) for i in missing])}"
            raise SourceError(
                f"There is no {by} to cluster by in {which}; fill it in, or leave such votes out."
            )
        known, cluster = np.unique(labels.astype(str), return_inverse=True)
        return cluster.reshape(-1).astype(np.int64), tuple(known.tolist())

    def split(self, column: str) -> dict[str, ArraySource]:
        """Cut by a label; each part names only the models it shows."""
        values = self._label(column).astype(str)
        parts = {}
        for value in np.unique(values):
            parts[str(value)] = self._part(values == value)
        return parts

    def _part(self, rows: BoolArray) -> ArraySource:
        """Some of the votes, (N,) mask, naming only the models that they show."""
        used, sequence = np.unique(self.sequence[rows], return_inverse=True)
        part, moved = _only(self.distinct, used, np.bincount(sequence.reshape(-1)))
        times = None if self.timestamp is None else self.timestamp[rows]
        labels = {name: column_values[rows] for name, column_values in self.labels.items()}
        features = {name: column_values[rows] for name, column_values in self.features.items()}
        sides = None if self.orientation is None else self.orientation[rows]
        drawn = None if self.pair_probability is None else self.pair_probability[rows]
        return ArraySource(part, moved[sequence.reshape(-1)], times, labels, features, sides, drawn)

    def without(self, aside: SetAside) -> ArraySource:
        """Leave out votes of some voters, and those on a model between two times."""
        keep = np.ones(len(self.sequence), dtype=bool)
        if aside.voters:
            keep = ~np.isin(self._label(aside.by).astype(str), aside.voters)
        if aside.networks:
            keep &= ~np.isin(self._label(NETWORK).astype(str), aside.networks)
        for model, start, stop in aside.windows if self.timestamp is not None else ():
            shown = (self.distinct.shown == self.distinct.models.index(model)).any(axis=1)[self.sequence]
            assert self.timestamp is not None  # noqa: S101 - for the type checker
            keep &= ~(shown & (self.timestamp >= start) & (self.timestamp <= stop))
        if not keep.any():
            raise SourceError("All votes are set aside, so that none is left to rank.")
        return replace(self._part(keep), gone={**self.gone, **aside.number})

    def reweighted(self, floor: float, *, with_failed: bool = False) -> ArraySource:  # noqa: ARG002
        """Weigh votes by one over the probability of their models; none says that an answer failed."""
        if self.pair_probability is None:
            raise SourceError("The votes do not say with which probability their models were drawn: give it.")
        given, rows = self.distinct, self.sequence
        size = (given.shown >= 0).sum(axis=1)[rows]
        weight = given.weight[rows] * propensity(self.pair_probability, floor, len(given.models), size)
        shown, places, acceptable = given.shown[rows], given.places[rows], given.acceptable[rows]
        grade = None if given.grade is None else given.grade[rows]
        distinct, sequence = canonical(
            given.models, shown, places, acceptable, given.p_a[rows], weight, grade=grade
        )
        return replace(self, distinct=distinct, sequence=sequence)

    def left_out(self) -> dict[str, int]:
        """What was set aside; nothing of arrays is invalid."""
        return dict(self.gone)

    def counts_by_position(self) -> FloatArray | None:
        """Count pairwise votes by side."""
        if self.orientation is None or not self.distinct.pairwise:
            return None
        key, count = np.unique(2 * self.sequence + (self.orientation < 0), return_counts=True)
        return count_positions(self.distinct, key // 2, key % 2 == 1, count)

    def llm_votes(self) -> int:
        """Count the label `voter_kind`."""
        kinds = self.labels.get("voter_kind")
        return 0 if kinds is None else int((kinds == "llm").sum())

    def _label(self, name: str) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
        if name not in self.labels:
            known = ", ".join(self.labels) or "none"
            raise SourceError(f"The votes have no column {name!r} (labels given: {known}).")
        return self.labels[name]


def turned(models: Sequence[str], shown: ArrayLike, ballots: Ballots, sequence: IntArray) -> FloatArray:
    """(N,) 1 where the model shown first is the first on the ballot, else −1."""
    place = {name: i for i, name in enumerate(ballots.models)}
    position = np.array([place[name] for name in models])
    seats = np.asarray(shown, dtype=np.int64)
    first = position[seats[np.arange(len(seats)), (seats >= 0).argmax(axis=1)]] if len(seats) else sequence
    return np.where(first == ballots.shown[sequence, 0], 1.0, -1.0)


def orient_features(
    name: str, values: ArrayLike, models: Sequence[str], shown: ArrayLike, orientation: FloatArray
) -> FloatArray:
    """(N,) a feature toward the first model of each ballot, or (N, K) amounts in the order of its models.

    Args:
        name: of the feature.
        values: (N,) numbers toward the model shown first, or (N, K) amounts parallel to `shown`.
        models: the names that `shown` indexes.
        shown: (N, K).
        orientation: (N,) of `turned`.

    Raises:
        VotesError: as `amounts`.
    """
    seats = np.asarray(shown, dtype=np.int64)
    given = amounts(name, values, seats)
    if given.ndim == 1:
        return given * orientation
    if given.shape[1] == 2 and (seats >= 0).all():
        return relative(*given.T) * orientation
    return by_seat(np.array(models, dtype=object), seats, given)


def probabilities(values: ArrayLike, n_votes: int) -> FloatArray:
    """(N,) probabilities of pairs, checked.

    Raises:
        VotesError: another length, or a number that is no probability above 0.
    """
    given = numbers("pair_probability", values)
    if given.shape != (n_votes,):
        raise VotesError(
            f"pair_probability has shape {given.shape}; give one for each of the {n_votes} votes."
        )
    if not ((given > 0) & (given <= 1)).all():
        row = int(np.flatnonzero(~((given > 0) & (given <= 1)))[0])
        raise VotesError(
            f"pair_probability of vote {row + 1} is {given[row]}; it must be above 0 and at most 1."
        )
    return given


def _is_nan(label: object) -> bool:
    return isinstance(label, float) and label != label  # noqa: PLR0124 (NaN is not itself)


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
        None if ballots.grade is None else ballots.grade[rows],
    )
