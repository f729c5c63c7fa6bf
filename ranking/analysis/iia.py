"""The published score of independence of irrelevant alternatives: how often an arrival reorders the others.

Counterexamples for one set of votes are in axiom_violations.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agon.ranking.analysis.perturbation import Trial
from agon.ranking.errors import OptionError
from agon.ranking.registry import Method, Rule, find
from agon.ranking.text import Readable
from agon.ranking.votes.comparisons import Votes, as_comparisons


@dataclass(frozen=True, repr=False)
class Irrelevance(Readable):
    """The published score of independence of irrelevant alternatives: 0 is independent.

    Attributes:
        method: the rule.
        score: mean number of arrivals that changed the order of the models already there.
        spread: standard deviation over the orders of arrival.
        changes: that number for each order of arrival.
    """

    method: str
    score: float
    spread: float
    changes: tuple[int, ...]

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return (
            f"Under {self.method} arriving models change the order of those already there "
            f"{self.score:.2f} times, on average over {len(self.changes)} orders of arrival."
        )


def iia_score(
    votes: Votes,
    method: str | Rule | Method,
    *,
    rounds: int = 50,
    order: Sequence[str] | None = None,
    **options: Any,
) -> Irrelevance:
    """Let models arrive in random orders and count how often an arrival changes the order of the others.

    Two models start, one arrives after the other, the last one never, and ties are ordered by name: all
    as published. The orders are numpy's legacy shuffles of seeds 0, 1, ... of the given order.

    Args:
        votes: as for `rank`.
        method: the rule.
        rounds: orders of arrival.
        order: the models in the order that is shuffled; None for the order of their names.
        options: of the rule.

    Raises:
        OptionError: an order that does not name every model once.
        MethodError: a rule that plays votes in their order.

    Source:
        Vote'n'Rank (Rofin et al., EACL 2023), section on independence of irrelevant alternatives.
    """
    how = find(method)
    trial = Trial(how, as_comparisons(votes), how.settings(options))
    names = list(trial.models if order is None else order)
    if sorted(names) != sorted(trial.models):
        raise OptionError("order must name every model once; leave it out for the order of their names.")
    changes = []
    for seed in range(rounds):
        arriving = list(names)
        np.random.RandomState(seed).shuffle(arriving)  # the published orders
        changed, before = 0, None
        for size in range(2, len(arriving)):
            now = trial.listed(arriving[:size])
            changed += before is not None and [name for name in now if name != arriving[size - 1]] != before
            before = now
        changes.append(changed)
    return Irrelevance(how.name, float(np.mean(changes)), float(np.std(changes)), tuple(changes))
