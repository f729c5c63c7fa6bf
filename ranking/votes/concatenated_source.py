"""`ConcatenatedSource`: sets of votes as one: a vote is added to millions without counting these again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Literal

import numpy as np

from agon.ranking.errors import SourceError
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.votes.ballots import Ballots, arrange
from agon.ranking.votes.covariates import CovariateComparisons
from agon.ranking.votes.validation import PAD
from agon.ranking.votes.vote_source import Battles, Clusters, SetAside, VoteNetworks, VoteSource


@dataclass(frozen=True, eq=False)
class ConcatenatedSource:
    """The votes of several sources, those of the first before those of the next; a `VoteSource`.

    Attributes:
        parts: the sources.
        merged: their distinct ballots together.
    """

    parts: tuple[VoteSource, ...]
    merged: Ballots

    @classmethod
    def of(cls, one: VoteSource, two: VoteSource) -> ConcatenatedSource:
        """Add the votes of a source to those of another."""
        parts = [
            part
            for given in (one, two)
            for part in (given.parts if isinstance(given, ConcatenatedSource) else (given,))
        ]
        return cls(tuple(parts), merge([one.ballots(), two.ballots()])[0])

    def ballots(self) -> Ballots:
        """Return the distinct ballots."""
        return self.merged

    @cached_property
    def _rows(self) -> list[IntArray]:
        """For each part the row in `merged` of each of its ballots."""
        return merge([part.ballots() for part in self.parts])[1]

    def battles(self, by: str | None = None) -> Battles:
        """List the votes of one part after those of the other."""
        found = [part.battles(by) for part in self.parts]
        sequence = np.concatenate([row[b.sequence] for row, b in zip(self._rows, found, strict=True)])
        timed = all(b.order == "timestamp" for b in found)
        cluster = None
        if by is not None:
            numbers = _numbered([part.clusters(by).names for part in self.parts])[1]
            cluster = np.concatenate([to[b.cluster] for to, b in zip(numbers, found, strict=True)])
        known = [b.times for b in found if b.times is not None]
        times = np.concatenate(known) if len(known) == len(found) else None
        sides = [b.turned for b in found if b.turned is not None]
        turned = np.concatenate(sides) if len(sides) == len(found) else None
        order: Literal["timestamp", "file"] = "timestamp" if timed else "file"
        return Battles(self.merged, sequence, order, cluster, times, turned, _networks(found))

    def clusters(self, by: str) -> Clusters:
        """Group by equal values, whichever part they are in."""
        found = [part.clusters(by) for part in self.parts]
        names, new = _numbered([part.names for part in found])
        return Clusters(
            by,
            np.concatenate([row[part.ballot] for row, part in zip(self._rows, found, strict=True)]),
            np.concatenate([to[part.cluster] for to, part in zip(new, found, strict=True)]),
            np.concatenate([part.count for part in found]),
            lambda: tuple(names),
        )

    def cluster_columns(self) -> tuple[str, ...]:
        """The columns that all parts have."""
        first, *others = (part.cluster_columns() for part in self.parts)
        return tuple(name for name in first if all(name in more for more in others))

    def contexts(self, names: Sequence[str], cluster: str | None) -> CovariateComparisons:
        """Refuse: features are standardised over all votes at once."""
        raise SourceError(
            f"Votes that were added to others cannot be controlled for {', '.join(names)}"
            f"{'' if cluster is None else f', by {cluster}'}; read all of them from one source."
        )

    def split(self, column: str) -> dict[str, VoteSource]:
        """Cut each part, and put the pieces of equal value together."""
        cut = [part.split(column) for part in self.parts]
        values = sorted({value for pieces in cut for value in pieces})
        return {
            value: reduce(ConcatenatedSource.of, [pieces[value] for pieces in cut if value in pieces])
            for value in values
        }

    def counts_by_position(self) -> FloatArray | None:
        """Count the votes of all parts by side; None if one of them does not know the sides."""
        m = len(self.merged.models)
        total = np.zeros((3, m, m))
        place = {name: i for i, name in enumerate(self.merged.models)}
        for part in self.parts:
            if (found := part.counts_by_position()) is None:
                return None
            at = np.array([place[name] for name in part.ballots().models])
            total[:, at[:, None], at] += found
        return total

    def without(self, aside: SetAside) -> VoteSource:
        """Leave out votes of every part that has some."""
        first, *others = self.parts
        parts = [first.without(aside)]
        for part in others:
            known = set(part.ballots().models)
            windows = tuple(one for one in aside.windows if one[0] in known)
            parts.append(part.without(replace(aside, windows=windows, number={})))
        return reduce(ConcatenatedSource.of, parts)

    def left_out(self) -> Mapping[str, int]:
        """Count what any part left out, by reason."""
        return dict(sum((Counter(part.left_out()) for part in self.parts), Counter[str]()))

    def llm_votes(self) -> int:
        """How many of the votes are of LLM judges."""
        return sum(part.llm_votes() for part in self.parts)

    def reweighted(self, floor: float, *, with_failed: bool = False) -> VoteSource:
        """Weigh the votes of each part by how likely their pair was to be drawn."""
        parts = [part.reweighted(floor, with_failed=with_failed) for part in self.parts]
        return reduce(ConcatenatedSource.of, parts)


def _networks(found: Sequence[Battles]) -> VoteNetworks | None:
    """Where the votes of all parts were cast from."""
    labels: list[str | None] = []
    for part in found:
        near = part.networks
        if near is None:
            labels += [None] * len(part.sequence)
        else:
            labels += [near.names[i] if i >= 0 else None for i in near.number.tolist()]
    return VoteNetworks.of(labels) if any(part.networks is not None for part in found) else None


def _numbered(several: Sequence[Sequence[str]]) -> tuple[list[str], list[IntArray]]:
    """All names in order; and for each list the number of each of its names."""
    names = sorted({name for part in several for name in part})
    place = {name: i for i, name in enumerate(names)}
    return names, [np.array([place[name] for name in part], dtype=np.int64) for part in several]


def merge(several: Sequence[Ballots]) -> tuple[Ballots, list[IntArray]]:
    """Put distinct ballots together; and say for each set which row each of its ballots became."""
    names = sorted({name for ballots in several for name in ballots.models})
    place = {name: i for i, name in enumerate(names)}
    width = max(ballots.shown.shape[1] for ballots in several)
    columns: list[list[IntArray]] = [[], [], []]
    for ballots in several:
        new = np.array([*(place[name] for name in ballots.models), PAD])
        fills = (PAD, 0, -1)
        tables = (new[ballots.shown], ballots.places, ballots.acceptable)
        for column, table, fill in zip(columns, tables, fills, strict=True):
            wide = np.full((len(table), width - table.shape[1]), fill, dtype=table.dtype)
            column.append(np.concatenate([table, wide], axis=1))
    seats, places, acceptable = (np.concatenate(column) for column in columns)
    p_a, weight, count = (
        np.concatenate([getattr(b, name) for b in several]) for name in ("p_a", "weight", "count")
    )
    grades = [np.full(len(b.count), np.nan) if b.grade is None else b.grade for b in several]
    graded = np.concatenate(grades) if any(b.grade is not None for b in several) else None
    known = np.array(names, dtype=object)
    merged, row = arrange(known, seats, places, acceptable, p_a, weight, count, graded)
    ends = np.cumsum([len(ballots.count) for ballots in several])[:-1]
    return merged, np.split(row, ends)
