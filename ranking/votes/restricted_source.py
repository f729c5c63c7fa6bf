"""The votes of a source as if only some of the models had stood: the others are taken off every ballot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from agon.ranking.errors import SourceError
from agon.ranking.numerics import BoolArray, FloatArray, IntArray
from agon.ranking.votes.ballots import Ballots, canonical
from agon.ranking.votes.validation import NOT_ASKED, PAD, UNRANKED

if TYPE_CHECKING:
    from agon.ranking.votes.covariates import CovariateComparisons
    from agon.ranking.votes.vote_source import Battles, Clusters, SetAside, VoteSource


def enough_votes(ballots: Ballots, least: int) -> BoolArray:
    """(M,) models shown on at least so many ballots with another such model; a fixed point.

    Taking a model off the ballots may leave another with too few, and so on; nobody is left if fewer than
    two would be.
    """
    seats, keep = ballots.shown, np.ones(len(ballots.models), dtype=bool)
    while True:
        there = (seats >= 0) & keep[seats]
        there &= (there.sum(axis=1) >= 2)[:, None]
        row, column = np.nonzero(there)
        number = np.bincount(seats[row, column], ballots.count[row], len(keep))
        few = keep & (number < least)
        if not few.any():
            return keep
        keep = keep & ~few


def restrict(ballots: Ballots, keep: BoolArray) -> tuple[Ballots, IntArray]:
    """Take models off the ballots, close the gaps, and leave out ballots of fewer than two.

    Args:
        ballots: B distinct ones.
        keep: (M,) mask.

    Returns:
        The ballots over the models kept, and (B,) which of them each ballot became, -1 for none.
    """
    there = (ballots.shown >= 0) & keep[ballots.shown]
    rows = np.flatnonzero(there.sum(axis=1) >= 2)
    sorting = np.argsort(~there[rows], axis=1, kind="stable")  # those that stay come first
    width = int(there[rows].sum(axis=1).max(initial=2))
    new = np.append(np.cumsum(keep) - 1, PAD)

    def moved(table: IntArray, fill: int) -> IntArray:
        kept = np.where(there[rows], table[rows], fill)
        return np.take_along_axis(kept, sorting, axis=1)[:, :width]

    seats, places = moved(new[ballots.shown], PAD), moved(ballots.places, UNRANKED)
    names = tuple(name for name, kept in zip(ballots.models, keep, strict=True) if kept)
    made, which = canonical(
        names,
        seats,
        _dense(places),
        moved(ballots.acceptable, NOT_ASKED),
        ballots.p_a[rows],
        ballots.weight[rows],
        ballots.count[rows],
        None if ballots.grade is None else ballots.grade[rows],
    )
    row = np.full(len(ballots.count), -1)
    row[rows] = which
    return made, row


def _dense(places: IntArray) -> IntArray:
    """(N, K) the same order without gaps: 1, 2, ... and 0 for not ranked."""
    order = np.argsort(places, axis=1, kind="stable")
    ordered = np.take_along_axis(places, order, axis=1)
    steps = (np.diff(ordered, axis=1, prepend=0) > 0) & (ordered > 0)
    found = np.empty_like(places)
    np.put_along_axis(found, order, np.where(ordered > 0, np.cumsum(steps, axis=1), UNRANKED), axis=1)
    return found


@dataclass(frozen=True, eq=False)
class RestrictedSource:
    """The votes of a source on the models of a mask (M,); a `VoteSource`."""

    source: VoteSource
    keep: BoolArray

    @cached_property
    def _restricted(self) -> tuple[Ballots, IntArray]:
        return restrict(self.source.ballots(), self.keep)

    def ballots(self) -> Ballots:
        """Return the ballots without the other models."""
        return self._restricted[0]

    def battles(self, by: str | None = None) -> Battles:
        """List the votes that are left, in time order."""
        battles, (ballots, row) = self.source.battles(by), self._restricted
        sequence, cluster = row[battles.sequence], battles.cluster
        kept = sequence >= 0
        if cluster is not None:
            cluster = np.unique(cluster[kept], return_inverse=True)[1].reshape(-1)
        times = None if battles.times is None else battles.times[kept]
        return replace(
            battles,
            ballots=ballots,
            sequence=sequence[kept],
            cluster=cluster,
            times=times,
            turned=None,  # with a model taken off, another is the first of the ballot
            networks=None,
        )

    def clusters(self, by: str) -> Clusters:
        """Group the votes that are left."""
        given, row = self.source.clusters(by), self._restricted[1]
        ballot = row[given.ballot]
        kept = ballot >= 0
        return given.part(kept, ballot[kept])

    def cluster_columns(self) -> tuple[str, ...]:
        """The columns of the source."""
        return self.source.cluster_columns()

    def contexts(self, names: Sequence[str], cluster: str | None) -> CovariateComparisons:
        """List the pairs that are left, with the features they were given."""
        given, (ballots, row) = self.source.contexts(names, cluster), self._restricted
        old, rows, m = given.ballots.pair_rows, ballots.pair_rows, len(ballots.models)
        model = np.where(self.keep, np.cumsum(self.keep) - 1, -1)
        ballot = row[old.ballot[given.pair]]
        first, second = model[old.first[given.pair]], model[old.second[given.pair]]
        kept = np.flatnonzero((ballot >= 0) & (first >= 0) & (second >= 0))
        key = (rows.ballot * m + rows.first) * m + rows.second
        by_key = np.argsort(key)
        wanted = (ballot * m + first)[kept] * m + second[kept]
        pair = by_key[np.searchsorted(key, wanted, sorter=by_key)]
        vote = kept if given.vote is None else given.vote[kept]
        order = np.lexsort((pair, vote, rows.ballot[pair]))
        kept, pair, vote = kept[order], pair[order], vote[order]
        begins = np.diff(vote, prepend=-1) != 0
        total = np.bincount(rows.ballot[pair][begins], given.count[kept][begins], len(ballots.count))
        member = None
        if given.cluster is not None:
            member = np.unique(given.cluster[kept], return_inverse=True)[1].reshape(-1)
        return replace(
            given,
            ballots=ballots.with_count(total.round().astype(np.int64)),
            pair=pair,
            features=given.features[:, kept],
            count=given.count[kept],
            cluster=member,
            vote=None if given.vote is None else np.cumsum(begins) - 1,
        )

    def reweighted(self, floor: float, *, with_failed: bool = False) -> VoteSource:
        """Weigh the votes by how likely their models were to be drawn, among all that stood."""
        return RestrictedSource(self.source.reweighted(floor, with_failed=with_failed), self.keep)

    def split(self, column: str) -> dict[str, VoteSource]:
        """Cut the votes; every part is restricted to the same models."""
        kept = {name for name, one in zip(self.source.ballots().models, self.keep, strict=True) if one}
        parts = self.source.split(column).items()
        return {
            value: RestrictedSource(part, np.array([name in kept for name in part.ballots().models]))
            for value, part in parts
        }

    def counts_by_position(self) -> FloatArray | None:
        """Count the votes between the models by side."""
        found = self.source.counts_by_position()
        return None if found is None else found[:, self.keep][:, :, self.keep]

    def without(self, aside: SetAside) -> VoteSource:
        """Refuse: what votes say of their voters is asked of all of them, as they were cast."""
        raise SourceError(
            f"These votes are restricted to some models; set {len(aside.voters):,} voters aside before that."
        )

    def left_out(self) -> Mapping[str, int]:
        """What the source left out."""
        return self.source.left_out()

    def llm_votes(self) -> int:
        """How many of the source's votes are of LLM judges."""
        return self.source.llm_votes()
