"""Who was drawn how often, beside what a uniform policy plans: a check of the matchmaker from its own log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from agon.ranking.errors import OptionError, VotesError
from agon.ranking.inference.shares import share_interval
from agon.ranking.text import Figure, Names, Readable, Sentence


@dataclass(frozen=True, repr=False)
class DrawShare(Readable):
    """How often one model was drawn.

    Attributes:
        model: the name.
        drawn: battles that it was drawn for.
        share: of the battles looked at.
        lower, upper: its interval, battles independent of one another.
        planned: the share that the policy plans; None where the log does not tell.
    """

    model: str
    drawn: int
    share: float
    lower: float
    upper: float
    planned: float | None

    def conclusion(self) -> str:
        """Say it in one phrase."""
        plan = "" if self.planned is None else f", planned {self.planned:.1%}"
        bounds = f"{self.lower:.1%} to {self.upper:.1%}"
        return f"{self.model}: drawn in {self.share:.1%} of battles ({bounds}){plan}"


@dataclass(frozen=True, repr=False)
class DrawShares(Readable):
    """How often the models were drawn, and whether that is what was planned.

    Attributes:
        battles: that were looked at: with two or more models, none of them twice.
        shares: of each model, those drawn most first.
        p_value: of draws as uneven as these, were all drawn as planned (chi-square); None without a plan.
        level: of the intervals.
    """

    battles: int
    shares: tuple[DrawShare, ...]
    p_value: float | None
    level: float

    def conclusion(self) -> Sentence:
        """Say in one sentence whether the draws are those planned."""
        if self.p_value is None:
            return Sentence(
                "{count} battle was drawn; what was planned for each model is not told.",
                "{count} battles were drawn; what was planned for each model is not told.",
                count=self.battles,
            )
        told: dict[str, Any] = {"battles": self.battles, "p": Figure(self.p_value, ".2g")}
        if self.p_value < 1 - self.level:
            worst = max(self.shares, key=lambda one: abs(one.share - (one.planned or 0)))
            return Sentence(
                "{battles} battles were not drawn as evenly as planned (p = {p}): {models}: drawn in "
                "{share} of "
                "battles ({low} to {high}), planned {planned}.",
                **told,
                models=Names([worst.model]),
                share=Figure(worst.share, ".1%"),
                low=Figure(worst.lower, ".1%"),
                high=Figure(worst.upper, ".1%"),
                planned=Figure(worst.planned or 0.0, ".1%"),
            )
        return Sentence(
            "{battles} battles were drawn as planned, as far as luck goes (p = {p}).",
            **told,
        )


def draw_shares(
    drawn: Sequence[Sequence[str]],
    probability: ArrayLike | None = None,
    policy: Sequence[str] | None = None,
    *,
    level: float = 0.95,
) -> DrawShares:
    """Count who was drawn, and test it against an even draw, where the uniform policy drew all battles.

    Of M models K are drawn with probability 1 / C(M, K): the log tells M. Where another policy drew, or M
    changed, no share is planned for all battles, and none is given.

    Args:
        drawn: (N) names of the models drawn for each battle.
        probability: (N,) that these were drawn together.
        policy: (N) who drew.
        level: of the intervals.

    Raises:
        VotesError: no battle.
        OptionError: a level outside 0 to 1.

    Source:
        Pearson (1900), with the covariance of draws without replacement.
    """
    if not 0 < level < 1:
        raise OptionError(f"level must lie between 0 and 1, not {level!r}.")
    looked = [i for i, models in enumerate(drawn) if len(set(models)) == len(models) > 1]
    if not looked:
        raise VotesError("There are no battles between different models.")
    sizes = {len(drawn[i]) for i in looked}
    names = sorted({name for i in looked for name in drawn[i]})
    position = {name: number for number, name in enumerate(names)}
    flat = np.array([position[name] for i in looked for name in drawn[i]])
    count = np.bincount(flat, minlength=len(names))
    n, m, planned, p_value = len(looked), len(names), None, None
    if probability is not None and policy is not None and len(sizes) == 1:
        k = next(iter(sizes))
        odds = np.asarray(probability, dtype=np.float64)[looked]
        even = all(policy[i] == "uniform" for i in looked) and np.allclose(odds, 1 / comb(m, k), rtol=1e-9)
        if even and k < m:
            from scipy.special import chdtrc

            planned = k / m
            spread = n * planned * (1 - planned) * m / (m - 1)
            p_value = float(chdtrc(m - 1, float(((count - n * planned) ** 2).sum()) / spread))
    shares = []
    for number in np.argsort(-count, kind="stable").tolist():
        times = int(count[number])
        share = share_interval(np.arange(n) < times, np.arange(n), level)
        shares.append(DrawShare(names[number], times, *share, planned))
    return DrawShares(n, tuple(shares), p_value, level)
