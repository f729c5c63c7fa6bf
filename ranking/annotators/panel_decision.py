"""Whether a panel has decided: a fixed set of voters, invited beforehand, looked at after every vote.

What single votes say holds however often one looks (`inference.anytime`), but knows nothing of tastes. What
voters say knows tastes; but as evidence at any time, as if voters went on coming, it takes five voters some
thirty standard errors. A panel is drawn once and not again at every look. So both are asked for: the votes at
any look, and the voters by Student's t, at a level that leaves room for looks.
"""

from __future__ import annotations

from dataclasses import dataclass

from agon.ranking.errors import OptionError
from agon.ranking.inference.anytime import PANEL_ROOM
from agon.ranking.leaderboard.ranking import rank
from agon.ranking.registry import Method, Rule
from agon.ranking.settings import Settings
from agon.ranking.text import Readable
from agon.ranking.votes.comparisons import Comparisons
from agon.ranking.votes.pair_counts import PairCounts


@dataclass(frozen=True, repr=False)
class PanelLead(Readable):
    """Whether the first model leads in the eyes of a panel, however often one looks.

    Attributes:
        model: the first; None where no model is ranked.
        others: how many other models are ranked.
        by_votes: whether the votes say so, at any look.
        by_voters: whether the voters agree so far that others like them would.
        voters: how many have voted.
        panel: how many there are to be.
        votes: how many were cast.
        level: of the statement.
    """

    model: str | None
    others: int
    by_votes: bool
    by_voters: bool
    voters: int
    panel: int
    votes: int
    level: float

    @property
    def certain(self) -> bool:
        """Whether it leads."""
        return self.by_votes and self.by_voters and self.voters >= self.panel

    def conclusion(self) -> str:
        """Say in one sentence whether it is decided, and what is missing."""
        counted = f"{self.votes:,} votes of {self.voters:,} voters" if self.voters > 1 else "one voter alone"
        if self.model is None or not self.others:
            least = Settings().min_votes
            few = f"are fewer than the {least} from which on a model is ranked"
            return f"Nothing is decided: {counted} {few if self.votes < least else 'rank no two models'}."
        rest = {1: "1 other", 2: "both others"}.get(self.others, f"all {self.others} others")
        if self.certain:
            return f"{self.model} leads {rest} at {self.level:.0%} by {counted}, however often one looked."
        ahead = f"Not decided: {self.model} is ahead, but"
        if self.voters < self.panel:
            return f"{ahead} {self.voters:,} of {self.panel:,} voters have voted."
        if self.voters < 2:
            return f"{ahead} {counted} cannot tell what others would say."
        if self.by_votes:
            return f"{ahead} {counted} differ too much to tell at {self.level:.0%} what others would say."
        return f"{ahead} {counted} are too few to tell at {self.level:.0%}."


def panel_lead(
    votes: Comparisons,
    method: str | Rule | Method = "bradley_terry",
    *,
    panel: int | None = None,
    level: float = 0.95,
) -> PanelLead:
    """Say whether the first model leads in the eyes of a fixed panel of voters, however often one looks.

    It does once all of the panel have voted, if it leads by the votes taken for independent, at any look, and
    if no other is within its reach by voter, nor by what a board clusters by itself, at a level that leaves
    out a quarter as much, or three voters or more never voted against it. Where voters go on coming, the
    lead of a board holds, `Leaderboard.lead`.

    Args:
        votes: with the column `voter`.
        method: a rating.
        panel: how many voters there are to be; None for those that there are.
        level: of the statement.

    Raises:
        SourceError: votes without a voter.
        OptionError: a level outside 0 to 1, or a panel of nobody.

    Source:
        benchmarks/README.md: how often it decides, and wrongly, in simulated studies.
    """
    if not 0 < level < 1 or (panel is not None and panel < 1):
        raise OptionError(
            f"level must lie between 0 and 1 and panel be at least 1, not {level!r} and {panel!r}."
        )
    voters = votes.clusters("voter").size
    board = rank(votes, method, cluster=None, level=level)
    first = board.ranked[0].model if board.ranked else None
    by_votes = board.lead is not None and board.lead.certain
    closer = 1 - (1 - level) / PANEL_ROOM
    by_voters = (voters > 2 and _unanimous(votes.pairs, first)) or (
        voters > 1 and all(_alone(votes, method, how, closer, first) for how in ("voter", "auto"))
    )
    others = max(len(board.ranked) - 1, 0)
    return PanelLead(first, others, by_votes, by_voters, voters, panel or voters, len(votes), level)


def _unanimous(pairs: PairCounts, first: str | None) -> bool:
    """Whether a model won every vote: no strengths fit that, but voters do not differ either."""
    if first is None:
        return False
    i = pairs.models.index(first)
    return not (pairs.wins[:, i].any() or pairs.ties[i].any() or pairs.both_bad[i].any())


def _alone(
    votes: Comparisons, method: str | Rule | Method, cluster: str, level: float, first: str | None
) -> bool:
    """Whether a model is the only one that can be first where votes depend through a column."""
    try:
        ranked = rank(votes, method, cluster=cluster, level=level).ranked
    except OptionError:  # only one of the voters says anything
        return False
    return bool(ranked) and ranked[0].model == first and ranked[0].rank_upper == 1
