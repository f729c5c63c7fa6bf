"""What the page Integrity says of votes: what became of all of them, whose they are, the sides, the draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agon.arena.web.leaderboard.sources import BoardSource
from agon.data.checks import read_noise
from agon.data.log.records import NAMED_POLICY
from agon.data.log.text_parts import part_files
from agon.ranking import AATest, Comparisons, PositionBias, position_bias, single_voter_dominance
from agon.ranking.errors import AgonError
from agon.ranking.matchmaking.exposure import DrawShares, draw_shares
from agon.ranking.votes.vote_source import DEPENDENT

BUSIEST = 10  # voters
_DRAWN = ["models", "group_probability", "policy"]


@dataclass(frozen=True, slots=True)
class VoterShares:
    """Whose the votes are.

    Attributes:
        voters: how many.
        again: of them, those with more than one vote.
        votes: (n,) of the busiest, the most first.
        total: votes in all.
        effective: equal voters that would say as much.
        carried: models of which one voter cast half of the votes or more.
    """

    voters: int
    again: int
    votes: tuple[int, ...]
    total: int
    effective: float
    carried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Audit:
    """What is known of the votes' making.

    Attributes:
        counted: votes that count.
        left_out: reason → votes that do not.
        table: whether it is a table of scores, which nobody voted on.
        side: the worth of being shown first; None where `no_side` says why not.
        no_side: why not.
        voters: whose they are; None if that is not known.
        noise: of A/A battles; None without one.
        draws: who was drawn how often; None where no log says.
        drawn: battles drawn in all logs.
    """

    counted: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    table: bool = False
    side: PositionBias | None = None
    no_side: str | None = None
    voters: VoterShares | None = None
    noise: AATest | None = None
    draws: DrawShares | None = None


def make_audit(source: BoardSource, _: object) -> Audit:
    """Look through the votes of a source."""
    votes, about = source.votes({}), source.about()
    if votes is None:
        return Audit()
    if not isinstance(votes, Comparisons):
        return Audit(len(votes.tasks), votes.left_out, table=True)
    side, no_side = None, None
    try:
        side = position_bias(votes)
    except AgonError as error:
        no_side = str(error)
    folder = about.folders[0] if len(about.folders) == 1 else None
    return Audit(
        len(votes),
        dict(votes.left_out),
        side=side,
        no_side=no_side,
        voters=_voters(votes),
        noise=None if folder is None else read_noise(folder),
        draws=None if folder is None else _draws(folder),
    )


def _voters(votes: Comparisons) -> VoterShares | None:
    """Whose the votes are; None where they do not say."""
    by = next((name for name in votes.cluster_columns if name in DEPENDENT[0]), None)
    if by is None:
        return None
    try:
        clusters = votes.clusters(by)
        carried = tuple(model for one in single_voter_dominance(votes, by=by) for model in one.models)
    except AgonError:
        return None
    number = np.bincount(clusters.cluster, clusters.count).astype(np.int64)
    busiest = tuple(np.sort(number)[::-1][:BUSIEST].tolist())
    again = int((number > 1).sum())
    return VoterShares(len(number), again, busiest, int(number.sum()), clusters.effective, carried)


def _draws(folder: Path) -> DrawShares | None:
    """Who was drawn, by the battles of a log."""
    columns: dict[str, list[object]] = {name: [] for name in _DRAWN}
    for part in part_files(folder, "battles"):
        table = pq.ParquetFile(part).read(columns=_DRAWN)
        table = table.filter(pc.not_equal(table["policy"], NAMED_POLICY))  # chosen by voters, drawn by nobody
        for name, values in table.to_pydict().items():
            columns[name] += values
    models, probability, policy = columns.values()
    try:
        return draw_shares(models, probability, policy)  # type: ignore[arg-type]
    except AgonError:
        return None
