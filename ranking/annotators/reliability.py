"""How reliable each voter is: a discrimination for every voter beside the strengths of the models.

A voter of discrimination 0 votes by chance, one below 0 against the others; the model and its fit are in
reliability_fit.py. How far voters agree on the same battle is in inter_rater.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agon.ranking.annotators.reliability_fit import Panel, discriminations, summed
from agon.ranking.errors import OptionError
from agon.ranking.inference.simultaneous import quantile
from agon.ranking.numerics import FloatArray, threads_for
from agon.ranking.text import Readable, join_names
from agon.ranking.votes.comparisons import Comparisons

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Voter(Readable):
    """One voter.

    Attributes:
        voter: the pseudonym.
        votes: pairs that this voter ordered or tied.
        discrimination: 1 is the typical voter, 0 votes by chance, below 0 against the others; None with
            fewer votes than asked for.
        lower, upper: its posterior interval, None with fewer votes.
        agreement: share of the voter's decisive votes for the model that the board has above.
    """

    voter: str
    votes: int
    discrimination: float | None
    lower: float | None
    upper: float | None
    agreement: float | None

    def conclusion(self) -> str:
        """Say it in one sentence."""
        if self.discrimination is None:
            return f"{self.voter}: {self.votes:,} pairs, too few to tell."
        return (
            f"{self.voter}: discrimination {self.discrimination:.2f} ({self.lower:.2f} to {self.upper:.2f}), "
            f"{self.votes:,} pairs."
        )


@dataclass(frozen=True, eq=False, repr=False)
class Reliability(Readable):
    """The voters of a set of votes, the least reliable first.

    Attributes:
        voters: first those with a discrimination, ascending, then the others.
        min_votes: pairs a voter must have judged to get one.
        spread: standard deviation of the discriminations between voters, to which they are shrunk.
        models: names.
        strengths: (M,) in nats with every vote weighted by its voter's discrimination, NaN outside the
            largest component.
        majority_optimal: whether no weighting of the voters can beat one vote each, were all those with a
            discrimination to judge the same pair.
        overturned: pairs of models (the winner by weight first) that have another winner when votes weigh
            as much as their voter discriminates.
        level: of the intervals.
    """

    voters: tuple[Voter, ...]
    min_votes: int
    spread: float
    models: tuple[str, ...]
    strengths: FloatArray
    majority_optimal: bool
    overturned: tuple[tuple[str, str], ...]
    level: float

    @property
    def unreliable(self) -> tuple[Voter, ...]:
        """The voters whose votes cannot be told from chance, or go against the others'."""
        return tuple(one for one in self.voters if one.lower is not None and one.lower <= 0)

    def conclusion(self) -> str:
        """Say in one sentence whom the votes can be left to."""
        rated = [one for one in self.voters if one.discrimination is not None]
        if not rated:
            return (
                f"None of the {len(self.voters):,} voters has {self.min_votes} votes, so none can be judged."
            )
        bad = self.unreliable
        some = f"{len(bad)} of these ({join_names([one.voter for one in bad])})" if bad else "none of these"
        return (
            f"{len(rated):,} of {len(self.voters):,} voters have at least {self.min_votes} votes, and {some} "
            f"may as well vote by chance; discriminations differ by {self.spread:.2f} around 1."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a voter."""
        import pandas as pd

        columns = list(Voter.__dataclass_fields__)
        return pd.DataFrame(
            [[getattr(one, name) for name in columns] for one in self.voters], columns=columns
        )


def voter_reliability(
    votes: Comparisons, *, by: str = "voter", min_votes: int = 50, level: float = 0.95
) -> Reliability:
    """Estimate how well each voter tells models apart, beside the strengths of the models.

    Discriminations have a normal prior around 1 whose spread the votes themselves give (empirical Bayes), so
    that a voter with few votes stays near 1; a voter with fewer than `min_votes` counts as 1. A tie, or
    a "both bad", is half a win each way. Only votes within the largest component count.

    Args:
        votes: with a column of voters.
        by: that column.
        min_votes: pairs a voter must have judged to get a discrimination of their own.
        level: of the intervals.

    Raises:
        SourceError: no such column, or votes without a voter.
        VotesError: no two models that both won and lost against each other, directly or not.
        OptionError: a level outside 0 to 1, or min_votes below 1.
        ConvergenceError: no solution after 200 steps.

    Source:
        Z. Liu et al., am-ELO: a stable framework for arena-based LLM evaluation, ICML (2025), which asks for
        50 votes a voter; the optimal weight of a vote: S. Nitzan and J. Paroush, Int. Econ. Rev. 23 (1982).
    """
    if not 0 < level < 1 or min_votes < 1:
        raise OptionError(
            f"level must lie between 0 and 1 and min_votes be at least 1, not {level!r} and {min_votes!r}."
        )
    panel, names, judged = Panel.of(votes, by)
    rated = judged >= min_votes
    with threads_for(len(panel.core)):
        fit = discriminations(panel, rated)
    z = quantile(level)
    agreement = _agreement(panel, fit.theta)
    found = [
        Voter(
            names[k],
            int(judged[k]),
            float(fit.ability[k]) if rated[k] else None,
            float(fit.ability[k] - z * fit.error[k]) if rated[k] else None,
            float(fit.ability[k] + z * fit.error[k]) if rated[k] else None,
            None if np.isnan(agreement[k]) else float(agreement[k]),
        )
        for k in range(len(names))
    ]
    found.sort(key=lambda one: (one.discrimination is None, one.discrimination or 0.0, one.voter))
    strengths = np.full(len(votes.models), np.nan)
    strengths[panel.core] = fit.theta
    return Reliability(
        tuple(found),
        min_votes,
        fit.spread,
        votes.models,
        strengths,
        majority_is_optimal([one.discrimination for one in found if one.discrimination is not None] or [1.0]),
        _overturned(panel, fit.ability, [votes.models[i] for i in panel.core]),
        level,
    )


def majority_is_optimal(weights: Sequence[float]) -> bool:
    """Whether counting heads is the best way to pool independent votes on one pair.

    It is if every half of the voters or more outweighs the rest: the weights of the lightest such half
    against those of all others. An even split of the heads goes by lot, so an even number must weigh alike.

    Args:
        weights: one for each voter, proportional to the log-odds that the voter is right: the
            discriminations, or log(p/(1 − p)) for a voter who is right with probability p.

    Raises:
        OptionError: no voter, or a weight that is no finite number.

    Source:
        S. Nitzan and J. Paroush, Int. Econ. Rev. 23 (1982); L. Shapley and B. Grofman, Public Choice 43
        (1984).
    """
    given = np.sort(np.asarray(weights, dtype=np.float64))
    if given.ndim != 1 or not len(given) or not np.all(np.isfinite(given)):
        raise OptionError("weights must be one finite number for each of at least one voter.")
    half = (len(given) + 1) // 2
    return bool(given[:half].sum() >= given[half:].sum() - 1e-12 * np.abs(given).sum())


def _agreement(panel: Panel, theta: FloatArray) -> FloatArray:
    """(V,) share of votes, half for a tie, for the model that is above; NaN without a vote inside."""
    above = theta[panel.first] > theta[panel.second]
    right = np.where(above, panel.won, panel.met - panel.won)
    total = summed(panel.voter, panel.met, panel.size)
    agreed = summed(panel.voter, right, panel.size)
    return np.asarray(np.divide(agreed, total, out=np.full(panel.size, np.nan), where=total > 0))


def _overturned(panel: Panel, ability: FloatArray, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pairs whose winner changes when votes weigh as much as their voter discriminates."""
    m = len(panel.core)
    cell, lead = panel.first * m + panel.second, panel.won - 0.5 * panel.met
    plain = np.bincount(cell, lead, m * m)
    weighed = np.bincount(cell, ability[panel.voter] * lead, m * m)
    found = []
    for at in np.flatnonzero((plain * weighed < 0) & (np.abs(plain) > 1e-9)).tolist():
        pair = (names[at // m], names[at % m])
        found.append(pair if weighed[at] > 0 else pair[::-1])
    return tuple(found)
