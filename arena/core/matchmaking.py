"""Who meets whom: the policy of an arena at work on its roster, its log and its battles in flight.

The policies are those of `agon.ranking.matchmaking` and know counts alone. What one drew is logged with its
name, its version and its probabilities, because votes of a policy that favours some pairs can only be
re-weighted with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from agon.arena.core.roster import Contestant
from agon.data.log.records import TESTING_POLICY
from agon.ranking import Comparisons
from agon.ranking.matchmaking.policies import Policy
from agon.ranking.matchmaking.sampling_design import (
    Mixture,
    RandomSubset,
    RepeatedMember,
    pair_probabilities,
)
from agon.ranking.matchmaking.standing import Standing

SCHEDULE = "schedule"  # what stands for the policy of a study, whose draws are known before the first vote
SAME_MODEL_POLICY = "same_model"  # that of an A/A battle in the log


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
        same_model: the share of A/A battles, where a second answer can be had.
        testing: the share of the other battles for which a model in testing is drawn, where there is one.
    """

    def __init__(
        self,
        policy: Policy,
        models: Sequence[str],
        paused: Collection[str] = (),
        same_model: float = 0.0,
        testing: float = 0.0,
    ) -> None:
        self.policy, self.paused, self.same_model = policy, frozenset(paused), same_model
        self.testing = testing
        self.learned = 0  # the number of the last vote that was learned from
        self._standing = Standing.blank(models)

    def drawable(self, candidates: Iterable[Contestant]) -> list[Contestant]:
        """Those that are listed, and not paused."""
        return [one for one in candidates if one.status == "listed" and one.card.name not in self.paused]

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
        twins: Mapping[str, Contestant] | None = None,
    ) -> Draw:
        """Draw a group of those that can answer; every order of it is equally likely.

        An A/A battle is drawn by nobody's policy, so that no policy is bent by it: any model twice, and any
        others. Neither is one with a model in testing: any of these, and any listed others. The probabilities
        of both are of all battles, those of a policy of the battles that it draws.

        Args:
            candidates: models of the arena; the paused and the retired among them are not drawn.
            size: K.
            random: that draws.
            awaited: the models of battles that were drawn, and whose votes are not learned from.
            twins: those who can give a second answer, by the names of their models.

        Raises:
            ValueError: there are fewer candidates than `size`.
        """
        everyone = list(candidates)
        left = self.drawable(everyone)
        pool = [i for i, one in enumerate(left) if one.card.name in (twins or {})]
        if self.same_model and pool and len(left) >= size and random.random() < self.same_model:
            return self._draw_twice(left, pool, size, random, twins or {})
        tested = [one for one in everyone if one.status == "testing" and one.card.name not in self.paused]
        aa_share = self.same_model if pool and len(left) >= size else 0.0
        if self.testing and tested and len(left) >= size and random.random() < self.testing:
            return self._draw_tested(tested, left, size, random, (1 - aa_share) * self.testing)
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

    @staticmethod
    def _draw_tested(
        tested: Sequence[Contestant], left: Sequence[Contestant], size: int, random: Random, share: float
    ) -> Draw:
        """Draw a model in testing, and any listed others; `share` of all battles are so."""
        n, listed = len(tested), range(len(tested), len(tested) + len(left))
        design = Mixture(tuple((1 / n, RandomSubset(frozenset((i,)), listed, size)) for i in range(n)))
        group = list(design.draw(random))
        random.shuffle(group)
        drawn = tuple(group)
        all_of_them = [*(replace(one, card=one.card.covered) for one in tested), *left]
        return Draw(
            tuple(all_of_them[i] for i in drawn),
            TESTING_POLICY,
            1,
            share * design.probability(drawn),
            tuple(share * chance for chance in pair_probabilities(design, drawn)),
        )

    def _draw_twice(
        self,
        left: Sequence[Contestant],
        pool: Sequence[int],
        size: int,
        random: Random,
        twins: Mapping[str, Contestant],
    ) -> Draw:
        """Draw an A/A battle."""
        design = RepeatedMember(pool, len(left), size)
        (twice, _, *others) = group = design.draw(random)
        drawn = [(twice, left[twice]), (twice, twins[left[twice].card.name]), *((i, left[i]) for i in others)]
        random.shuffle(drawn)
        numbers, contestants = zip(*drawn, strict=True)
        return Draw(
            contestants,
            SAME_MODEL_POLICY,
            1,
            self.same_model * design.probability(group),
            tuple(self.same_model * chance for chance in pair_probabilities(design, numbers)),
        )


def substitute(candidates: Sequence[Contestant], random: Random) -> tuple[Contestant, float] | None:
    """Draw one of `candidates`, equally likely each, for a side that failed; with its probability.

    None if nobody is left.
    """
    if not candidates:
        return None
    return random.choice(list(candidates)), 1 / len(candidates)
