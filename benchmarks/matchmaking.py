"""What policies are for beside convergence: newcomers, champions, boards without bias, quick draws.

    python -m benchmarks.matchmaking newcomer      # battles until a newcomer among 20 is placed to ±40 Elo
    python -m benchmarks.matchmaking champion      # votes until who beats most others is known, with cycles
    python -m benchmarks.matchmaking propensity    # bias of boards, as they are and re-weighted
    python -m benchmarks.matchmaking draw          # milliseconds of a draw

`--seeds` says how many runs or worlds, `--policies` which. Votes are on two models.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from itertools import count
from random import Random
from time import thread_time

import numpy as np

from agon.ranking import Comparisons, rank
from agon.ranking.leaderboard.estimates import ELO_PER_NAT
from agon.ranking.matchmaking import POLICIES, Policy, choose_policy
from agon.ranking.matchmaking.dueling_bandits import decided_pairs
from agon.ranking.matchmaking.policy_simulation import Learner, SimulatedVote, simulate_votes_of
from agon.ranking.matchmaking.sampling_design import any_group, pair_probabilities
from agon.ranking.matchmaking.voting_worlds import draw_world
from agon.ranking.votes.weighting import effective_votes

MOST = 12_000  # votes after which a run is given up


def names(n: int) -> tuple[str, ...]:
    """Names in the order of their numbers."""
    return tuple(f"m{i:03d}" for i in range(n))


def policies(given: Sequence[str], **options: dict[str, object]) -> dict[str, Policy]:
    """Policies by name, with options."""
    return {name: choose_policy(name, options.get(name)) for name in given}


def newcomer(name: str, seed: int) -> tuple[float, float]:
    """Battles until the newcomer's 95% interval is ±40 Elo, and how far its estimate is then off, in Elo.

    The other 19 models have 1,500 battles each, drawn at random.
    """
    world, m = draw_world("gumbel", 20, seed), 20
    options = {"weighted": {"shares": {names(m)[-1]: 0.7}}}
    policy = policies([name], **options)[name]
    learner, rng = Learner(names(m)), np.random.default_rng([seed, 9])
    for _ in range(1500 * (m - 1) // 2):
        shown = tuple(rng.choice(m - 1, 2, replace=False).tolist())
        learner.votes.append(SimulatedVote(shown, world.vote(shown, rng), any_group(m - 1, 2)))
    learner.fit()
    before = len(learner.votes)
    votes = simulate_votes_of(policy, world, 2, seed, learner)
    for number in count():
        if number % 10 == 0:
            learner.fit()
            if 1.96 * ELO_PER_NAT * learner.standing.spread[-1] <= 40 or number >= MOST:
                break
        next(votes)
    truth, mean = world.truth, learner.standing.mean
    off = mean[-1] - mean[:-1].mean() - truth[-1] + truth[:-1].mean()
    return float(len(learner.votes) - before), float(ELO_PER_NAT * off)


def champion(name: str, seed: int) -> tuple[float, float]:
    """Votes until a Copeland winner of 8 models is known at the level 0.05, and whether it is one."""
    world, m = draw_world("cyclic", 8, seed), 8
    learner = Learner(names(m))
    votes = simulate_votes_of(policies([name])[name], world, 2, seed, learner)
    beaten = (world.win_chances() > 0.5).sum(axis=1)
    wins = np.zeros((m, m))
    for number in range(1, MOST + 1):
        vote = next(votes)
        better, worse = vote.shown if vote.places == (1, 2) else vote.shown[::-1]
        wins[better, worse] += 1
        if number % 10 == 0:
            win, _ = decided_pairs(wins, np.zeros((m, m)), 0.05 / (m * (m - 1) / 2))
            sure = win.sum(axis=1)
            most = sure + m - 1 - (win | win.T).sum(axis=1)
            best = int(sure.argmax())
            if sure[best] >= np.delete(most, best).max():
                return float(number), float(beaten[best] == beaten.max())
    return float(MOST), 0.0


def propensity(name: str, seed: int, n_votes: int = 400) -> tuple[float, float, float]:
    """How far win rates are stretched, as they are and re-weighted, and the share of votes these are worth.

    Five models, two kinds of voters, so that no strengths explain the votes. The stretch is the slope of the
    errors against the true win rates: 0 without bias, −0.2 where the board is a fifth too flat.
    """
    world, m = draw_world("clustered", 5, seed), 5
    learner = Learner(names(m))
    options = {"near": {"window": 2}, "weighted": {"weights": {"m000": 4.0}}}
    votes = simulate_votes_of(policies([name], **options)[name], world, 2, seed, learner)
    for _ in range(n_votes):
        next(votes)
    chance = [pair_probabilities(vote.design, vote.shown)[0] for vote in learner.votes]
    shown, places = ([getattr(vote, what) for vote in learner.votes] for what in ("shown", "places"))
    given = Comparisons.of(names(m), shown, places, pair_probability=chance)
    away = world.truth - world.truth.mean()
    found = []
    for how in ("none", "propensity"):
        board = rank(given, "win_rate", reweight=how, interval="none", min_votes=0, cluster=None)
        score = {row.model: row.score for row in board.rows}
        error = np.array([score[model] for model in names(m)]) - world.truth
        found.append(float(error @ away / (away @ away)))
    return found[0], found[1], effective_votes(given.reweighted("propensity").ballots) / n_votes


def draw_time(name: str, models: int, size: int) -> float:
    """Median milliseconds of the processor for a draw with its probabilities, a hundred battles in flight."""
    rng = np.random.default_rng(0)
    learner = Learner(names(models))
    world = draw_world("gumbel", models, 0)
    for _ in range(10 * models):
        shown = tuple(rng.choice(models, size, replace=False).tolist())
        learner.votes.append(SimulatedVote(shown, world.vote(shown, rng), any_group(models, size)))
    learner.fit()
    flying = [tuple(rng.choice(models, size, replace=False).tolist()) for _ in range(100)]
    policy, taken = policies([name])[name], []
    for seed in range(15):
        begin = thread_time()
        design = policy.design(learner.standing.drawn(flying), size)
        group = design.draw(Random(seed))
        design.probability(group)
        pair_probabilities(design, group)
        taken.append(thread_time() - begin)
    return 1000 * float(np.median(taken))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description="What policies of matchmaking are for.")
    parser.add_argument("table", choices=["newcomer", "champion", "propensity", "draw"])
    parser.add_argument("--policies", nargs="+", default=sorted(POLICIES), choices=sorted(POLICIES))
    parser.add_argument("--seeds", type=int, default=12)
    given = parser.parse_args(arguments)
    for name in given.policies:
        if given.table == "draw":
            cells = [f"{draw_time(name, m, k):.1f}" for m in (50, 500) for k in (2, 4, 6)]
        else:
            run: Callable[[str, int], tuple[float, ...]] = globals()[given.table]
            found = np.array([run(name, seed) for seed in range(given.seeds)])
            error = found.std(axis=0, ddof=1) / np.sqrt(given.seeds)
            cells = [f"{mean:.3f} ± {se:.3f}" for mean, se in zip(found.mean(axis=0), error, strict=True)]
            if given.table == "newcomer":
                cells.append(f"{(np.abs(found[:, 1]) <= 40).mean():.0%} within 40")
        print(f"| `{name}` | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
