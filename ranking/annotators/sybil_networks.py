"""Networks from which many vote on one day: whether they vote as one hand, which cookies alone do not show.

A script with sixty cookies is sixty voters of a few votes each, none of whom can be tested (Douceur, The
Sybil Attack, 2002). All voters of one network and day are therefore held against the crowd once more as if
they were one. What honest voters share, the strengths, is what they are held against; what they differ in
cancels among many, so that a class or an office stands out less than one voter would.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from agon.ranking.annotators.duels import voice
from agon.ranking.annotators.unusual_voters import (
    LEAST_DUELS,
    LEAST_SPREAD_VOTERS,
    LEAST_VOTERS,
    MOST_SHARE,
    Reference,
    VoterAnomaly,
    measure_spreads,
    name_groups,
)
from agon.ranking.text import Figure, Readable, Sentence

if TYPE_CHECKING:
    import pandas as pd

NETWORK_ALARMS = 0.001  # of networks of honest voters
FEW_VOTERS = 5  # of one network and day: so many are colleagues, and are tested one by one alone
MANY_VOTERS = 20  # of one network and day: so many are told of, however they vote


@dataclass(frozen=True, repr=False)
class NetworkVoters(Readable):
    """The voters of one network on one day.

    Attributes:
        network: the value of the column.
        voters: how many.
        votes: theirs from there, on that day.
        anomaly: how they vote as one hand; None where they differ no more than honest voters do.
    """

    network: str
    voters: int
    votes: int
    anomaly: VoterAnomaly | None = None

    def conclusion(self) -> str:
        """Say in one sentence who they are."""
        who = f"{self.voters:,} voters of one network and day cast {self.votes:,} votes"
        if self.anomaly is None:
            return f"{who} and differ as honest voters do."
        did = self.anomaly.conclusion().removeprefix(f"{self.anomaly.voter} ")
        return f"{who} as one hand, which {did}"


@dataclass(frozen=True, repr=False)
class NetworkScan(Readable):
    """Networks with more voters on a day than colleagues are.

    Attributes:
        crowded: those, the ones that stand out first, then by voters.
        networks: how many there are, each day apart.
        false_alarms: share of networks of honest voters that the test names.
    """

    crowded: tuple[NetworkVoters, ...]
    networks: int
    false_alarms: float = NETWORK_ALARMS

    @property
    def found(self) -> tuple[NetworkVoters, ...]:
        """Those whose voters vote as one hand."""
        return tuple(one for one in self.crowded if one.anomaly is not None)

    @property
    def many(self) -> tuple[NetworkVoters, ...]:
        """Those with twenty voters or more who differ as honest ones do."""
        return tuple(one for one in self.crowded if one.anomaly is None and one.voters >= MANY_VOTERS)

    def conclusion(self) -> str:
        """Say in one sentence how many stand out."""
        crowded, few = len(self.crowded), FEW_VOTERS
        if not crowded:
            return Sentence("No network had more than {few} voters on one day.", few=few)
        if not self.found:
            return Sentence(
                "{count} network had more than {few} voters on one day, and does not stand out.",
                "{count} networks had more than {few} voters on one day, and none stands out.",
                count=crowded,
                few=few,
            )
        return Sentence(
            "{count} network stands out of {crowded} with more than {few} voters on one day: {voters} voters "
            "and {votes} votes. Of networks of honest voters at most {chance} would.",
            "{count} networks stand out of {crowded} with more than {few} voters on one day: {voters} voters "
            "and {votes} votes. Of networks of honest voters at most {chance} would.",
            count=len(self.found),
            crowded=crowded,
            few=few,
            voters=sum(one.voters for one in self.found),
            votes=sum(one.votes for one in self.found),
            chance=Figure(self.false_alarms, ".1%"),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each crowded network."""
        import pandas as pd

        rows = [(one.network, one.voters, one.votes, one.anomaly) for one in self.crowded]
        names = ["kind", "model", "judged", "observed", "expected", "p_value"]
        did = [[getattr(anomaly, name, None) for name in names] for *_, anomaly in rows]
        whole = [[*row[:3], *more] for row, more in zip(rows, did, strict=True)]
        return pd.DataFrame(whole, columns=["network", "voters", "votes", *names])


def scan_networks(
    reference: Reference, false_alarms: float = NETWORK_ALARMS, *, seed: int = 0
) -> NetworkScan:
    """Hold the voters of each network and day together against the crowd, where they are more than five.

    The tests, and how much honest voters may differ, are those of one voter; a network with more than a third
    of all decided votes is the crowd, and is not judged. Nothing is looked at where no vote says its network.

    Args:
        reference: the crowd, from `find_anomalies`.
        false_alarms: the share of networks of honest voters that may be named.
        seed: of the simulated honest voters by whom the spreads are measured.
    """
    duels = reference.duels
    if duels.networks is None or not duels.names:
        return NetworkScan((), 0)
    number, names = duels.networks.number, duels.networks.names
    known = number >= 0
    size = len(names)
    pairs = np.unique(number[known] * duels.n_voters + duels.votes[known])
    voters = np.bincount(pairs // duels.n_voters, minlength=size)
    votes = np.bincount(number[known], minlength=size)
    there = np.flatnonzero(voters > FEW_VOTERS)
    place = np.full(size + 1, -1)
    place[there] = np.arange(len(there))
    group = place[number]  # −1 of the last, unknown
    if not len(there):
        return NetworkScan((), size)
    # The voters of crowded networks are one each; the others stay who they are, behind them.
    as_one = np.where(group >= 0, group, duels.votes + len(there))
    owner = as_one[duels.vote]
    labels = (*(names[i] for i in there.tolist()), *duels.names)
    pooled = replace(duels, voter=owner, votes=as_one, names=labels)
    decided = np.bincount(owner, minlength=pooled.n_voters)
    tested = (decided >= LEAST_DUELS) & (decided <= MOST_SHARE * len(duels.won))
    tested[len(there) :] = False
    found: dict[str, VoterAnomaly] = {}
    if tested.any() and len(np.unique(as_one)) > LEAST_VOTERS:
        inside = reference.inside[duels.voter]
        # How much honest voters differ is asked of those outside, where they are most: a script of many
        # cookies would else make any taste usual.
        outside = inside & (group[duels.vote] < 0)
        busy = [
            int((np.bincount(duels.voter[some], minlength=duels.n_voters) >= LEAST_DUELS).sum())
            for some in (outside, inside)
        ]
        if busy[0] > max(LEAST_SPREAD_VOTERS, busy[1] / 2):
            rng = np.random.default_rng([seed, 13])
            spreads = measure_spreads(duels.where(outside), reference.crowd, rng)
            reference = replace(reference, spreads=spreads)
        weight = np.zeros(len(duels.won))
        weight[inside] = voice(duels.where(inside))
        found = {one.voter: one for one in name_groups(pooled, reference, tested, weight, false_alarms)}
    rows = [
        NetworkVoters(names[i], int(voters[i]), int(votes[i]), found.get(names[i])) for i in there.tolist()
    ]
    order = sorted(rows, key=lambda one: (one.anomaly is None, -one.voters, one.network))
    return NetworkScan(tuple(order), size, false_alarms)
