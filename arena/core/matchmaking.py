"""Who meets whom: the policy of an arena at work on its roster, its log and its battles in flight.

The policies are those of `agon.ranking.matchmaking` and know counts alone. What one drew is logged with its
name, its version and its probabilities, because votes of a policy that favours some pairs can only be
re-weighted with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from random import Random

from agon.arena.core.roster import Contestant
from agon.ranking import Comparisons
from agon.ranking.matchmaking.policies import Policy
from agon.ranking.matchmaking.sampling_design import pair_probabilities
from agon.ranking.matchmaking.standing import Standing

SCHEDULE = "schedule"  # what stands for the policy of a study, whose draws are known before the first vote


@dataclass(frozen=True, slots=True)
class Draw:
    """The contestants in shown order, and how likely they were.

    `group_probability` is that of this set of models in any order; `pair_probabilities` holds, for each
    pair i < j of the shown models, the probability that the policy puts the two into one battle.
    """

    contestants: tuple[Contestant, ...]
    policy: str
    version: int
    group_probability: float
    pair_probabilities: tuple[float, ...]


class Matchmaker:
    """Draws the models of battles by a policy, and knows what it has learned from votes.

    Args:
        policy: that draws.
        models: the names of all models of the arena.
        paused: those that are not drawn at present.
    """

    def __init__(self, policy: Policy, models: Sequence[str], paused: Collection[str] = ()) -> None:
        self.policy, self.paused = policy, frozenset(paused)
        self.learned = 0  # the number of the last vote that was learned from
        self._standing = Standing.blank(models)

    def drawable(self, candidates: Iterable[Contestant]) -> list[Contestant]:
        """Those that are not paused."""
        return [one for one in candidates if one.card.name not in self.paused]

    def learn(self, votes: Comparisons, number: int) -> None:
        """Count the votes up to a number, and fit strengths to them."""
        self._standing = Standing.of(votes.ballots, self._standing.models, self._standing)
        self.learned = number

    def draw(
        self,
        candidates: Iterable[Contestant],
        size: int,
        random: Random,
        awaited: Iterable[Sequence[str]] = (),
    ) -> Draw:
        """Draw a group of those that can answer; every order of it is equally likely.

        Args:
            candidates: models of the arena; the paused ones among them are not drawn.
            size: K.
            random: that draws.
            awaited: the models of battles that were drawn, and whose votes are not learned from.

        Raises:
            ValueError: there are fewer candidates than `size`.
        """
        left = self.drawable(candidates)
        place = {name: i for i, name in enumerate(self._standing.models)}
        standing = self._standing
        if self.policy.learns:
            standing = standing.drawn(standing.groups_of(awaited))
        standing = standing.among([place[one.card.name] for one in left])
        design = self.policy.design(standing, size)
        group = list(design.draw(random))
        random.shuffle(group)
        drawn = tuple(group)
        return Draw(
            tuple(left[i] for i in drawn),
            self.policy.name,
            self.policy.version,
            design.probability(drawn),
            pair_probabilities(design, drawn),
        )


def substitute(candidates: Sequence[Contestant], random: Random) -> tuple[Contestant, float] | None:
    """Draw one of `candidates`, equally likely each, for a side that failed; with its probability.

    None if nobody is left.
    """
    if not candidates:
        return None
    return random.choice(list(candidates)), 1 / len(candidates)
