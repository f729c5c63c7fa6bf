"""What an audit of a judge says: its figures, the reliability curve, and what speaks against its votes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agon.ranking.judges.prompt_jackknife import Estimate
from agon.ranking.text import Readable, join_names

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class AuditLimits(Readable):
    """What a judge must reach, else its votes make no board.

    Attributes:
        signal: the lower bound of how far its verdicts hang on the answers must be above this.
        kappa: the lower bound of its agreement with people must be above this.
        bias: no bias may be surely beyond this, as a share of the votes between equal answers.
        unread: the largest share of its answers that were no verdict.
    """

    signal: float = 0.0
    kappa: float = 0.0
    bias: float = 0.15
    unread: float = 0.2

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return (
            f"A judge needs a signal above {self.signal:g} and a κ above {self.kappa:g}, no bias beyond "
            f"{self.bias:.0%} and at most {self.unread:.0%} answers without a verdict."
        )


@dataclass(frozen=True, repr=False)
class AuditMeasure(Readable):
    """One figure of an audit.

    Attributes:
        name: a word for programs.
        label: what it is.
        value: NaN where the verdicts do not say it; `said` tells why.
        lower, upper: its interval at the level of the audit, from leaving out prompts.
        expected: what it is of a judge without the fault; None where there is no such number.
        number: pairs of answers, people's votes, triples or verdicts it rests on.
        said: one sentence.
        found: whether it surely differs from what is expected, allowing for how many such figures there
            are (Bonferroni); None where nothing tells.
    """

    name: str
    label: str
    value: float
    lower: float
    upper: float
    expected: float | None
    number: int
    said: str
    found: bool | None = None

    def conclusion(self) -> str:
        """Say in one sentence what was found."""
        return self.said


@dataclass(frozen=True, repr=False)
class ReliabilityBin(Readable):
    """Verdicts of about equal certainty: how sure the judge was, how often people agreed, people's votes."""

    sure: float
    right: float
    number: int

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return f"At {self.sure:.0%} certainty people agreed in {self.right:.0%} of {self.number:,} votes."


@dataclass(frozen=True, repr=False)
class JudgeAudit(Readable):
    """What the verdicts of a judge are worth.

    Attributes:
        judge: its name.
        measures: each figure by itself.
        curve: the reliability curve, from the least certain verdicts to the most; empty without people.
        reasons: why its votes should make no board; empty where nothing stands against them.
        verdicts: of the judge, on `pairs` of answers to `prompts`.
        people: votes of people on pairs that it judged too.
        level: of the intervals.
    """

    judge: str
    measures: tuple[AuditMeasure, ...]
    curve: tuple[ReliabilityBin, ...]
    reasons: tuple[str, ...]
    verdicts: int
    pairs: int
    prompts: int
    people: int
    level: float
    limits: AuditLimits = field(default_factory=AuditLimits)

    def __getitem__(self, name: str) -> AuditMeasure:
        return next(one for one in self.measures if one.name == name)

    @property
    def passed(self) -> bool:
        """Whether its votes may make a board."""
        return not self.reasons

    def conclusion(self) -> str:
        """Say in one sentence whether the judge may vote, and what was found."""
        if self.reasons:
            return f"{self.judge} is refused: {'; '.join(self.reasons)}."
        biases = ("position_bias", "length_bias", "self_preference", "overconfidence")
        found = [one.label for one in self.measures if one.name in biases and one.found]
        with_people = (
            f" against {self.people:,} votes of people" if self.people else ", without people's votes"
        )
        swayed = f"; found: {join_names(found)}" if found else "; no bias was found"
        return f"{self.judge} passes its audit on {self.pairs:,} pairs{with_people}{swayed}."

    def to_frame(self) -> pd.DataFrame:
        """Return the figures, one row each."""
        import pandas as pd

        rows = [(m.name, m.value, m.lower, m.upper, m.expected, m.found, m.number) for m in self.measures]
        columns = ["measure", "value", "lower", "upper", "expected", "found", "number"]
        return pd.DataFrame(rows, columns=columns)


def signed_points(share: float) -> str:
    """A share in points, with its sign."""
    return f"{100 * share:+.1f} points"


def span_of(found: Estimate | AuditMeasure, digits: int = 2) -> str:
    """The ends of an interval."""
    return f"{found.lower:.{digits}f} to {found.upper:.{digits}f}"
