"""How a board is made, beside the method's own options: intervals, level, anchor, scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ranking.errors import OptionError, nearest

Interval = Literal["auto", "sandwich", "bootstrap", "none"]


@dataclass(frozen=True)
class Settings:
    """How a board is made, beside the method's own options.

    Attributes:
        interval: "sandwich", "bootstrap", "none", or "auto": the sandwich where the method has one.
        level: of intervals and rank ranges, between 0 and 1.
        rounds: of the bootstrap.
        seed: of everything drawn at random.
        cluster: column whose equal values are dependent votes ("voter", "battle", "prompt"), or None.
        min_votes: ballots a model must have been shown in to be ranked.
        anchor: model whose score is fixed, or None for a mean fixed.
        anchor_score: the fixed score.
        scale: "elo" (400 points are odds of 10 to 1) or "natural" (log-odds), for ratings.
    """

    interval: Interval = "auto"
    level: float = 0.95
    rounds: int = 200
    seed: int = 0
    cluster: str | None = None
    min_votes: int = 30
    anchor: str | None = None
    anchor_score: float | None = None
    scale: Literal["elo", "natural"] = "elo"

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        choices = {"interval": ("auto", "sandwich", "bootstrap", "none"), "scale": ("elo", "natural")}
        for name, known in choices.items():
            given = str(getattr(self, name))
            if given not in known:
                raise OptionError(f"There is no {name} {given!r}; {nearest(given, known)}")
        if not 0 < self.level < 1:
            raise OptionError(f"level must lie between 0 and 1, not {self.level!r}.")
        if self.rounds < 2 or self.min_votes < 0 or self.seed < 0:
            raise OptionError("rounds must be at least 2, min_votes and seed must not be negative.")
        if self.anchor_score is not None and self.anchor is None:
            raise OptionError("anchor_score needs an anchor: name the model whose score it is.")
