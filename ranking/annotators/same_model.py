"""What votes say on two answers of one model (A/A battles): how much they vary by themselves, and by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from agon.ranking.errors import OptionError, VotesError
from agon.ranking.inference.shares import share_interval
from agon.ranking.text import Figure, Readable, Sentence


@dataclass(frozen=True, repr=False)
class AATest(Readable):
    """What nobody but chance and the arena itself can have caused.

    Attributes:
        votes: on two answers of one model.
        preferred: the share of them that prefers one answer; the others are ties.
        preferred_lower, preferred_upper: its interval.
        first: of these, the share that prefers the answer shown first; None if there are none.
        first_lower, first_upper: its interval; 0 and 1 if there are none.
        level: of the intervals.
    """

    votes: int
    preferred: float
    preferred_lower: float
    preferred_upper: float
    first: float | None
    first_lower: float
    first_upper: float
    level: float

    def conclusion(self) -> Sentence:
        """Say in one sentence how noisy the votes are, and whether the sides are even."""
        told: dict[str, Any] = {"count": self.votes, "share": Figure(self.preferred, ".1%")}
        told |= {"low": Figure(self.preferred_lower, ".1%"), "high": Figure(self.preferred_upper, ".1%")}
        told["level"] = Figure(100 * self.level, "g")
        if self.first is None:
            return Sentence(
                "Of {count} vote on two answers of one model (A/A) {share} preferred one ({low} to {high} at "
                "{level}%).",
                "Of {count} votes on two answers of one model (A/A) {share} preferred one ({low} to "
                "{high} at "
                "{level}%).",
                **told,
            )
        side = Sentence("whether it was shown first made no certain difference")
        if self.first_lower > 0.5:
            side = Sentence("the side tells which: the first is favoured")
        elif self.first_upper < 0.5:
            side = Sentence("the side tells which: the last is favoured")
        return Sentence(
            "Of {count} vote on two answers of one model (A/A) {share} preferred one ({low} to {high} at "
            "{level}%), {first} of these the one shown first ({least} to {most}), and {side}.",
            "Of {count} votes on two answers of one model (A/A) {share} preferred one ({low} to {high} at "
            "{level}%), {first} of these the one shown first ({least} to {most}), and {side}.",
            **told,
            first=Figure(self.first, ".1%"),
            least=Figure(self.first_lower, ".1%"),
            most=Figure(self.first_upper, ".1%"),
            side=side,
        )


def aa_test(order: ArrayLike, voters: ArrayLike | None = None, *, level: float = 0.95) -> AATest:
    """Estimate the noise and the side bias of votes from those on two answers of one model.

    Votes of one person are alike: they count as so many independent ones as their variance is worth.

    Args:
        order: (N,) 1 where the answer shown first was preferred, -1 where the other was, 0 for a tie.
        voters: (N,) whose each vote is; None for independent votes.
        level: of the intervals.

    Raises:
        VotesError: there are no votes, or another value in order.
        OptionError: a level outside 0 to 1.

    Source:
        Wilson (1927) for the interval of a share; Rao and Scott, Biometrics 48 (1992), for clusters.
    """
    if not 0 < level < 1:
        raise OptionError(f"level must lie between 0 and 1, not {level!r}.")
    given = np.asarray(order)
    if not len(given):
        raise VotesError("There are no votes on two answers of one model.")
    if not np.isin(given, (-1, 0, 1)).all():
        raise VotesError("A vote on two answers of one model is 1, 0 or -1: the first, a tie, or the other.")
    names = np.arange(len(given)) if voters is None else np.asarray(voters)
    decisive = given != 0
    preferred = share_interval(decisive.astype(np.float64), names, level)
    first: tuple[float | None, float, float] = (None, 0.0, 1.0)
    if decisive.any():
        first = share_interval((given[decisive] > 0).astype(np.float64), names[decisive], level)
    return AATest(len(given), *preferred, *first, level)
