"""Gates: which votes count, which are set aside for review and which are excluded, each with its reason.

A gate never deletes: it hands on the votes that pass, says how many do not and why, and the board without it
is an option away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from agon.ranking.annotators.duels import Duels, duels_of, voter_column
from agon.ranking.annotators.sybil_networks import NETWORK_ALARMS, NetworkScan, scan_networks
from agon.ranking.annotators.unusual_voters import FALSE_ALARMS, Reference, VoterAnomalies, find_anomalies
from agon.ranking.annotators.window_scan import WindowScan, scan_windows
from agon.ranking.errors import OptionError, suggest
from agon.ranking.text import Readable
from agon.ranking.votes.comparisons import Comparisons
from agon.ranking.votes.vote_source import EXCLUDED, FOR_REVIEW, IN_NETWORK, IN_WINDOW, SetAside

Gate = Literal["none", "default", "strict"]
GATES: Mapping[Gate, float] = {
    "none": 0.0,
    "default": FALSE_ALARMS,
    "strict": 0.02,
}  # honest voters set aside


@dataclass(frozen=True, eq=False, repr=False)
class GatedVotes(Readable):
    """Votes behind a gate.

    Attributes:
        votes: those that count.
        gate: "none", "default" or "strict".
        total: votes before the gate.
        set_aside: reason → votes that do not pass.
        voters: who stands out, and by what; None where votes name no voters, or behind no gate.
        windows: when a model's wins stand out; None behind no gate.
        reference: what voters were held against; None behind no gate.
        networks: from which more than five voted on a day; None behind no gate, or where no vote says.
        aside: whose votes do not pass, and from when; None where all do.
    """

    votes: Comparisons
    gate: Gate
    total: int
    set_aside: Mapping[str, int] = field(default_factory=dict)
    voters: VoterAnomalies | None = None
    windows: WindowScan | None = None
    reference: Reference | None = None
    networks: NetworkScan | None = None
    aside: SetAside | None = None

    def conclusion(self) -> str:
        """Say in one sentence how many votes pass."""
        gone = sum(self.set_aside.values())
        if not gone:
            return f"All {self.total:,} votes pass the gate {self.gate!r}."
        why = ", ".join(f"{number:,} {reason}" for reason, number in self.set_aside.items())
        return f"{self.total - gone:,} of {self.total:,} votes pass the gate {self.gate!r}: {why}."


def gate_votes(
    votes: Comparisons, gate: Gate = "default", *, by: str | None = None, seed: int = 0
) -> GatedVotes:
    """Set votes aside that no honest voter would cast; see `voter_anomalies` and `scan_windows`.

    "default" sets aside the votes of voters who stand out: at most 0.4% of honest voters among them. Where a
    column `network` says who voted from one network on one day, those of more than five voters who vote as
    one hand are set aside too: at most 0.1% of networks of honest voters. "strict" asks for less (2% of
    honest voters, 0.5% of such networks) and sets aside also every vote on a model in a window of time in
    which its wins stand out, honest ones too. "none" lets everything through.

    Args:
        votes: with a column of voters; without one only windows can be looked at.
        gate: which.
        by: column of the voters; the one there is if left out.
        seed: of what is simulated to know what chance does.

    Raises:
        OptionError: no such gate.
        SourceError: votes without a voter, or none that pass.
    """
    if gate not in GATES:
        raise OptionError(f"There is no gate {gate!r}; {suggest(str(gate), GATES)}")
    total = len(votes)
    if gate == "none":
        return GatedVotes(votes, gate, total)
    column = voter_column(votes) if by is None else by
    duels = duels_of(votes, column)
    found, reference = find_anomalies(duels, GATES[gate], seed)
    windows = scan_windows(reference, seed=seed)
    near = None
    if duels.networks is not None and duels.names:
        near = scan_networks(reference, NETWORK_ALARMS * GATES[gate] / FALSE_ALARMS, seed=seed)
    spans: tuple[tuple[str, float, float], ...] = ()
    if gate == "strict":
        spans = tuple(
            (one.model, one.start, one.stop)
            for one in windows.found
            if one.start is not None and one.stop is not None
        )
    number = {reason: count for reason, count in _count(votes, duels, found, near, spans).items() if count}
    voters = found if column is not None else None
    if not number:
        return GatedVotes(votes, gate, total, {}, voters, windows, reference, near)
    names = tuple(one.voter for one in found.found)
    crowds = () if near is None else tuple(one.network for one in near.found)
    aside = SetAside(column or "voter", names, spans, crowds, number)
    passed = votes.without(aside)
    len(passed)  # says now if none is left
    return GatedVotes(passed, gate, total, number, voters, windows, reference, near, aside)


def _count(
    votes: Comparisons,
    duels: Duels,
    found: VoterAnomalies,
    near: NetworkScan | None,
    spans: tuple[tuple[str, float, float], ...],
) -> dict[str, int]:
    """How many votes each reason takes, the first of several."""
    named = found.named
    taken = np.zeros(len(duels.votes), dtype=bool)
    place = {name: i for i, name in enumerate(duels.names)}
    number = {}
    for reason, who in ((EXCLUDED, named["excluded"]), (FOR_REVIEW, named["review"])):
        of = np.zeros(duels.n_voters, dtype=bool)
        of[[place[name] for name in who]] = True
        number[reason] = int(of[duels.votes].sum()) if who else 0
        taken |= of[duels.votes]
    if near is not None and near.found and duels.networks is not None:
        crowds = {one.network for one in near.found}
        there = np.array([name in crowds for name in (*duels.networks.names, "")])[duels.networks.number]
        number[IN_NETWORK] = int((there & ~taken).sum())
        taken |= there
    if spans and duels.times is not None:
        cast = votes.battles
        inside = np.zeros(len(taken), dtype=bool)
        for model, start, stop in spans:
            shown = (cast.ballots.shown == cast.models.index(model)).any(axis=1)[cast.sequence]
            inside |= shown & (duels.times >= start) & (duels.times <= stop)
        number[IN_WINDOW] = int((inside & ~taken).sum())
    return number
