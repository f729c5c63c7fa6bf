"""How many votes it takes: to tell two models apart before any is cast, and to decide pairs of a board."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from agon.ranking.errors import OptionError
from agon.ranking.inference.anytime import PANEL_ROOM, TUNED, log_evidence, times_more
from agon.ranking.inference.simultaneous import quantile
from agon.ranking.leaderboard.leaderboard import Leaderboard
from agon.ranking.text import Readable, rounded


@dataclass(frozen=True, repr=False)
class VotePlan(Readable):
    """How many votes on a pair of models tell them apart.

    Attributes:
        share: of the decisive votes that the better one wins.
        models: on the board, of which one is to lead all others.
        level: of the statement.
        once: votes on the pair for a test at the end alone, with a power of 80%.
        any_look: votes on the pair after which the expected evidence decides, however often one looks; about
            half of the runs need fewer. None where no number of votes of the panel does.
        total: votes on all pairs of the board, each as many as `any_look`.
        panel: how many voters cast them all; None where each vote is of somebody else.
        taste: standard deviation of what the better model is to a voter, in log-odds.
        least_panel: the smallest panel that could decide; None without one.
    """

    share: float
    models: int
    level: float
    once: int
    any_look: int | None
    total: int | None
    panel: int | None = None
    taste: float = 0.0
    least_panel: int | None = None

    def conclusion(self) -> str:
        """Say in one sentence how many votes to collect, and of a panel from how many voters."""
        if self.panel is not None:
            return self._of_the_panel()
        every = f", {self.total:,} for all pairs of {self.models} models" if self.models > 2 else ""
        return (
            f"To tell a model that wins {self.share:.0%} of its decisive votes from the other takes about "
            f"{self.any_look:,} votes on the pair at {self.level:.0%}, however often one looks{every}; "
            f"{self.once:,} if one looks but once, at the end."
        )

    def _of_the_panel(self) -> str:
        wins = f"a model that wins {self.share:.0%} of its decisive votes from the other"
        if self.any_look is None:
            return (
                f"{self.panel} voters whose tastes differ by {self.taste:g} cannot tell {wins} at "
                f"{self.level:.0%}, however much they vote: it takes at least {self.least_panel:,}."
            )
        every = f", {self.total:,} in all for {self.models} models" if self.models > 2 else ""
        return (
            f"For {self.panel} voters whose tastes differ by {self.taste:g} to tell {wins} takes about "
            f"{self.any_look:,} votes on the pair at {self.level:.0%}, however often one looks{every}; half "
            "of such studies need more."
        )


def plan_votes(
    share: float = 0.65,
    models: int = 2,
    *,
    level: float = 0.95,
    ties: float = 0.0,
    panel: int | None = None,
    taste: float = 0.5,
) -> VotePlan:
    """Say how many votes tell a model from another.

    Args:
        share: of the decisive votes that the better one wins, above 0.5 and below 1.
        models: on the board; the lead is to hold against each of the others.
        level: of the statement.
        ties: share of votes that decide nothing, at least 0 and below 1.
        panel: how many voters cast all votes in equal parts, as in a study; None where voters go on coming.
        taste: standard deviation of what the better model is to a voter of the panel, in log-odds.

    Raises:
        OptionError: a number outside its range.

    Source:
        The fixed number: J. Cohen, Statistical power analysis (1988), on the log-odds; the other: the
        evidence of `anytime.log_evidence` at the expected difference. Of a panel both what `panel_lead` asks
        for, at the expected difference: that, and Student's t of the voters.
    """
    if not 0.5 < share < 1 or not 0 <= ties < 1 or not 0 < level < 1:
        raise OptionError("share must lie between 0.5 and 1, level between 0 and 1, ties from 0 to below 1.")
    if not isinstance(models, int) or models < 2:
        raise OptionError(f"models must be a whole number of at least 2, not {models!r}.")
    logit = math.log(share / (1 - share))
    per_vote = share * (1 - share) * (1 - ties)
    error_at = 1 / math.sqrt(per_vote * TUNED)
    goal = math.log(2 * (models - 1) / (1 - level))
    looks = TUNED * times_more(logit / error_at, TUNED, goal)
    alone = (quantile(1 - (1 - level) / (models - 1)) + quantile(0.6)) ** 2 / (logit**2 * per_vote)
    number, pairs, once = math.ceil(max(looks, TUNED)), models * (models - 1) // 2, math.ceil(alone)
    if panel is None:
        return VotePlan(share, models, level, once, number, number * pairs)
    if not isinstance(panel, int) or panel < 2 or not 0 <= taste < math.inf:
        raise OptionError(
            f"A panel has at least 2 voters, and a taste is not negative, not {panel!r} and {taste!r}."
        )

    def room(voters: int) -> float:
        """What is left for the chance of single votes in the variance that the voters' t allows."""
        wanted = quantile(1 - (1 - level) / PANEL_ROOM / pairs, voters - 1)
        return float((logit / wanted) ** 2 - taste**2 / voters)

    left = room(panel)
    if left <= 0:
        least = next(voters for voters in itertools.count(panel + 1) if room(voters) > 0)
        return VotePlan(share, models, level, once, None, None, panel, taste, least)
    number = max(number, math.ceil(1 / (per_vote * left)))
    return VotePlan(share, models, level, once, number, number * pairs, panel, taste)


@dataclass(frozen=True, repr=False)
class OpenPair(Readable):
    """Two neighbours on a board and about how many more votes between them would decide who is above."""

    upper: str
    lower: str
    decided: bool
    more_votes: int | None

    def conclusion(self) -> str:
        """Say it in one sentence."""
        if self.decided:
            return f"{self.upper} is above {self.lower}."
        more = "no foreseeable number of" if self.more_votes is None else f"about {rounded(self.more_votes)}"
        return f"{self.upper} or {self.lower}: {more} more votes would decide."


def open_pairs(board: Leaderboard) -> tuple[OpenPair, ...]:
    """Say of each two neighbours of a board how many more votes between them would decide, at any look.

    Args:
        board: of a rating, with intervals.

    Raises:
        OptionError: a board whose scores are no log-odds, or without intervals.
    """
    return tuple(
        open_pair(board, upper.model, lower.model)
        for upper, lower in zip(board.ranked, board.ranked[1:], strict=False)
    )


def open_pair(board: Leaderboard, upper: str, lower: str) -> OpenPair:
    """Say of two ranked models of a board how many more votes between them would decide, at any look.

    Args:
        board: of a rating, with intervals.
        upper, lower: their names, the better score first.

    Raises:
        OptionError: a board whose scores are no log-odds, or without intervals; a model that has no rank.
    """
    known, unit = board.uncertainty, board.log_odds
    if known is None or unit is None or board.rank_method == "none":
        raise OptionError(f"Planning needs a rating with intervals, not {board.method}; use bradley_terry.")
    one, two = board[upper], board[lower]
    for row in (one, two):
        if row.rank is None:
            raise OptionError(f"{row.model!r} has no rank on this board yet.")
    goal = math.log(2 * max(1, len(board.ranked) - 1) / (1 - board.level))
    i, j = board.models.index(one.model), board.models.index(two.model)
    error = known.error_of(i, j)
    if one.score is None or two.score is None or not error > 0:
        return OpenPair(one.model, two.model, bool(known.above[i, j]), None)
    number = known.df + 1 if math.isfinite(known.df) else float(min(one.votes, two.votes))
    gap = one.score - two.score
    if log_evidence(gap / error, number, known.df) >= goal:
        return OpenPair(one.model, two.model, decided=True, more_votes=0)
    more = times_more(gap / error, number, goal, known.df) - 1
    share = 1 / (1 + math.exp(-gap / unit))
    votes = more * (unit / error) ** 2 / (share * (1 - share))
    return OpenPair(one.model, two.model, False, math.ceil(votes) if math.isfinite(votes) else None)
