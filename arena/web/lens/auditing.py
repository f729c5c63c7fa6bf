"""What the page Integrity says of votes: what became of all of them, whose they are, the sides, the draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from agon.arena.web.leaderboard.sources import BoardSource
from agon.data.checks import read_noise
from agon.data.log.operation.answer_anonymity import read_anonymity
from agon.data.log.operation.life_cycle import RosterHistory, read_published_history, settled_battles
from agon.data.log.operation.withdrawn_votes import read_withdrawals
from agon.data.log.records import TESTING_POLICY
from agon.ranking import (
    AATest,
    AnonymityTest,
    Comparisons,
    GatedVotes,
    PositionBias,
    WithdrawalTest,
    gate_votes,
    position_bias,
    rank,
    single_voter_dominance,
)
from agon.ranking.annotators.gates import Gate
from agon.ranking.annotators.overturning import AttackCost, attack_cost
from agon.ranking.errors import AgonError
from agon.ranking.matchmaking.exposure import DrawShares, draw_shares
from agon.ranking.votes.vote_source import DEPENDENT

BUSIEST = 10  # voters


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
        gated: the votes behind a gate, with who and what stands out; None where none can be tested.
        gates: that boards count votes behind; "none" where they count all, and `gated` is the usual gate's.
        cost: of overturning the first rank.
        moved: model, its rank, and its rank behind the gate, of those whose rank is another.
        roster: what became of the models, without the names of those never listed; None where no log says.
        anonymity: whether a program names who wrote an answer; None where no log has enough of them.
        withdrawals: which way votes were withdrawn; None where no log says that one was.
    """

    counted: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    table: bool = False
    side: PositionBias | None = None
    no_side: str | None = None
    voters: VoterShares | None = None
    noise: AATest | None = None
    draws: DrawShares | None = None
    gated: GatedVotes | None = None
    gates: Gate = "none"
    cost: AttackCost | None = None
    moved: tuple[tuple[str, int, int], ...] = ()
    roster: RosterHistory | None = None
    anonymity: AnonymityTest | None = None
    withdrawals: WithdrawalTest | None = None


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
        no_side = error.told
    everything = source.everything()
    gated = _gated(everything, about.gates) if isinstance(everything, Comparisons) else None
    cost = None
    if gated is not None and gated.reference is not None:
        cost = attack_cost(gated.reference, gated.windows)
    folder = about.folders[0] if len(about.folders) == 1 else None
    return Audit(
        len(votes),
        dict(votes.left_out),
        side=side,
        no_side=no_side,
        voters=_voters(votes),
        noise=None if folder is None else read_noise(folder),
        draws=None if folder is None else _draws(folder),
        gated=gated,
        gates=about.gates,
        cost=cost,
        moved=() if gated is None or not isinstance(everything, Comparisons) else _moved(everything, gated),
        roster=None if folder is None else _roster(folder),
        anonymity=None if folder is None else _anonymity(folder),
        withdrawals=None if folder is None else _withdrawals(folder),
    )


def _gated(votes: Comparisons, gates: Gate) -> GatedVotes | None:
    """The votes behind the gate of the boards, or the usual one; None where none can be tested."""
    try:
        return gate_votes(votes, "default" if gates == "none" else gates)
    except AgonError:
        return None


def _moved(votes: Comparisons, gated: GatedVotes) -> tuple[tuple[str, int, int], ...]:
    """Models whose rank is another behind the gate, with both ranks."""
    if not gated.set_aside:
        return ()
    try:
        before, after = (
            {row.model: row.rank for row in rank(some, interval="none") if row.rank is not None}
            for some in (votes, gated.votes)
        )
    except AgonError:
        return ()
    return tuple(
        (model, place, after[model])
        for model, place in before.items()
        if model in after and after[model] != place
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
    """Who was drawn, by the battles of a log that are over: those that run would be told by it."""
    battles = settled_battles(folder)
    battles = battles.filter(pc.not_equal(battles["policy"], TESTING_POLICY))  # whom it names, no page does
    models, probability, policy = (
        battles[name].to_pylist() for name in ("models", "group_probability", "policy")
    )
    try:
        return draw_shares(models, probability, policy)
    except AgonError:
        return None


def _anonymity(folder: Path) -> AnonymityTest | None:
    try:
        return read_anonymity(folder)
    except AgonError:
        return None


def _withdrawals(folder: Path) -> WithdrawalTest | None:
    try:
        return read_withdrawals(folder)
    except AgonError:
        return None


def _roster(folder: Path) -> RosterHistory | None:
    """What became of the models of a log."""
    try:
        return read_published_history(folder).public()
    except AgonError:
        return None
