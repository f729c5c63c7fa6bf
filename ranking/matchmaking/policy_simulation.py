"""A policy at work in a world whose right ranking is known: draw, vote, learn, see how far it has come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from agon.ranking.matchmaking.policies import Policy
from agon.ranking.matchmaking.sampling_design import Group, SamplingDesign
from agon.ranking.matchmaking.standing import Standing
from agon.ranking.matchmaking.upper_confidence_bound import SKILL_PER_LOG_ODDS
from agon.ranking.matchmaking.voting_worlds import VotingWorld
from agon.ranking.methods.online.trueskill import update_skills
from agon.ranking.numerics import FloatArray
from agon.ranking.votes.ballots import Ballots

_MU, _SIGMA = 25.0, 25.0 / 3
_FIT_EVERY = 10  # votes, or a twentieth of those there are


@dataclass(frozen=True)
class SimulatedVote:
    """One vote: the group in shown order, its places, and the design it was drawn from."""

    shown: Group
    places: tuple[int, ...]
    design: SamplingDesign


class Learner:
    """What a policy knows of votes that come one by one, and the scores to rank by.

    Args:
        models: M names.
        trueskill: learn TrueSkill's beliefs from every vote and rank by μ − 3σ, as K-Sort Arena does,
            instead of fitting Plackett-Luce strengths every ten votes.
        standing: what is known before.
    """

    def __init__(
        self, models: tuple[str, ...], *, trueskill: bool = False, standing: Standing | None = None
    ) -> None:
        self.standing = standing or Standing.blank(models)
        self.votes: list[SimulatedVote] = []
        self._fitted = 0
        self.trueskill = trueskill
        self._mean, self._variance = [_MU] * len(models), [_SIGMA**2] * len(models)

    def add(self, vote: SimulatedVote) -> None:
        """Learn from a vote."""
        self.votes.append(vote)
        self.standing = self.standing.drawn([vote.shown])
        if self.trueskill:
            update_skills(self._mean, self._variance, vote.shown, vote.places)
            mean = (np.array(self._mean) - _MU) / SKILL_PER_LOG_ODDS
            self.standing = replace(self.standing, mean=mean, waiting=())
        elif len(self.votes) - self._fitted >= max(_FIT_EVERY, len(self.votes) // 20):
            self.fit()

    def fit(self) -> None:
        """Fit the strengths to all votes, if there are new ones."""
        if not self.trueskill and self._fitted < len(self.votes):
            self._fitted = len(self.votes)
            self.standing = Standing.of(self.ballots(), self.standing.models, self.standing)

    def ballots(self) -> Ballots:
        """All votes."""
        shown, places = ([getattr(vote, name) for vote in self.votes] for name in ("shown", "places"))
        return Ballots.of(self.standing.models, np.array(shown), np.array(places))

    @property
    def scores(self) -> FloatArray:
        """(M,) to rank by."""
        if self.trueskill:
            return np.asarray(np.array(self._mean) - 3 * np.sqrt(self._variance))
        return self.standing.mean


def simulate_votes_of(
    policy: Policy, world: VotingWorld, size: int, seed: int, learner: Learner
) -> Iterator[SimulatedVote]:
    """Let a policy draw and a world vote, one vote after the other without an end.

    Args:
        policy: that draws.
        world: that votes.
        size: K, the models of a vote.
        seed: of everything drawn at random; the same seed gives the same votes.
        learner: what the policy knows; it learns every vote before it is given, if the policy learns.
    """
    random = Random(seed)  # noqa: S311 (a simulation)
    rng = np.random.default_rng([seed, 4])
    while True:
        design = policy.design(learner.standing, size)
        group = list(design.draw(random))
        random.shuffle(group)
        shown = tuple(group)
        vote = SimulatedVote(shown, world.vote(shown, rng), design)
        if policy.learns or learner.trueskill:
            learner.add(vote)
        else:  # whoever asks for the strengths fits them
            learner.votes.append(vote)
        yield vote


def rank_distance(scores: FloatArray, truth: FloatArray) -> tuple[float, float]:
    """Mean squared difference of the ranks of (M,) scores and of the truth, and Kendall's τ of the two."""
    place = np.argsort(np.argsort(-scores, kind="stable"))
    right = np.argsort(np.argsort(-truth, kind="stable"))
    one, two = np.triu_indices(len(scores), 1)
    agree = np.sign(scores[one] - scores[two]) * np.sign(truth[one] - truth[two])
    return float(((place - right) ** 2).mean()), float(agree.mean())
