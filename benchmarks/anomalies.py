"""Honest voters who are named, and hostile ones who are found, by our tests and by the published one.

Run: python -m benchmarks.anomalies [--worlds 3] [--honest 1000] [--votes 100]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from agon.ranking import Comparisons, World, add_attack, bradley_terry_world, gate_votes
from agon.ranking.annotators.unusual_voters import voter_anomalies
from agon.ranking.inference.shares import share_interval
from agon.ranking.numerics import expit

SPREADS = {"close": 0.3, "usual": 1.0, "clear-cut": 2.5}
KINDS = ("inverted", "one-sided", "random", "target-only", "forged", "target")
SIZES = (20, 50, 100, 500)
HOSTILE, MODELS = 40, 30
Named = Callable[[World], set[int]]


def ours(world: World) -> set[int]:
    """The voters whom our tests name."""
    return {int(one.voter) for one in voter_anomalies(world.comparisons()).found}


def published(world: World, level: float = 0.05, longest: int = 100) -> set[int]:
    """Those whom `outlier_detect` of FastChat (fastchat/serve/monitor/elo_analysis.py) names.

    Every vote has the share p of all decided votes on its pair that are at most, or at least, as much for the
    pair's first model; a tie is one half. Who reaches a product of 1 / (2p) over 1 / level, in either
    direction and after any of the first hundred votes, is named.
    """
    low, high = np.minimum(world.first, world.second), np.maximum(world.first, world.second)
    worth = np.where(world.outcome > 1, 0.5, (world.outcome == 0) == (world.first < world.second))
    pair = low * len(world.models) + high
    wins, losses = (np.bincount(pair, worth == value, int(pair.max()) + 1)[pair] for value in (1, 0))
    share = wins / np.maximum(wins + losses, 1)
    at_most, at_least = np.where(worth == 1, 1.0, 1 - share), np.where(worth == 0, 1.0, share)
    order = np.argsort(world.voter, kind="stable")
    found = set()
    with np.errstate(divide="ignore"):
        for rows in np.split(order, np.flatnonzero(np.diff(world.voter[order])) + 1):
            some = rows[:longest]
            sums = (np.cumsum(-np.log(2 * p[some])) for p in (at_most, at_least))
            if len(rows) >= 5 and max(float(one.max()) for one in sums) > -np.log(level):
                found.add(int(world.voter[rows[0]]))
    return found


def worlds(spread: float, number: int, honest: int, votes: int) -> Iterator[World]:
    """Worlds of honest voters."""
    for seed in range(number):
        yield bradley_terry_world(MODELS, honest * votes, spread=spread, voters=honest, seed=seed)


def of_many_minds(world: World, seed: int, minority: float = 0.0) -> World:
    """The same pairs judged by voters who differ.

    In care (a factor e to the power of a normal of 0.3), taste (0.4 nats for every model), habits of the eye
    (0.3 nats) and of calling ties (Davidson's parameter, a factor of 2 either way); a share of them has a
    taste whose correlation with the others' is one half.
    """
    rng = np.random.default_rng([seed, 11])
    m, v = len(world.models), int(world.voter.max()) + 1
    own = np.tile(world.strengths, (v, 1)) + rng.normal(0, 0.4, (v, m))
    if minority:
        other = 0.5 * world.strengths + 0.75**0.5 * rng.normal(0, world.strengths.std(), m)
        own[rng.random(v) < minority] += other - world.strengths
    care, eye, habit = (
        rng.lognormal(0, 0.3, v),
        rng.normal(0, 0.3, v),
        rng.lognormal(-0.7, 0.7, v),
    )
    voter = world.voter
    gap = care[voter] * (own[voter, world.first] - own[voter, world.second]) + eye[voter]
    weight = np.stack([np.exp(gap / 2), np.exp(-gap / 2), habit[voter]])
    outcome = (rng.random(len(voter)) * weight.sum(axis=0) > weight.cumsum(axis=0)).sum(axis=0)
    return replace(world, outcome=np.asarray(outcome, dtype=np.int64))


def best_possible(spread: float, votes: int, level: float = 0.004, rounds: int = 4000) -> float:
    """The power of the most powerful test of a coin against a crowd of one mind and known strengths."""
    rng = np.random.default_rng(3)
    strength = rng.normal(0, spread, (rounds, MODELS))
    row = np.arange(rounds)[:, None]
    one = rng.integers(0, MODELS, (rounds, votes))
    other = (one + rng.integers(1, MODELS, (rounds, votes))) % MODELS
    gap = strength[row, one] - strength[row, other]
    decided = rng.random(gap.shape) < 0.8
    honest, coin = (((rng.random(gap.shape) < p) * gap * decided).sum(axis=1) for p in (expit(gap), 0.5))
    mean = (gap * expit(gap) * decided).sum(axis=1)
    error = np.sqrt((gap**2 * expit(gap) * expit(-gap) * decided).sum(axis=1))
    bound = np.quantile((honest - mean) / error, level)
    return float((((coin - mean) / error) < bound).mean())


def rate(hits: list[float]) -> str:
    """A share with its interval."""
    share, low, high = share_interval(np.array(hits), np.arange(len(hits)), 0.95)
    return f"{share:6.1%} ({low:.1%} to {high:.1%})"


def main() -> None:
    """Print the tables."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--worlds", type=int, default=3)
    asked.add_argument("--honest", type=int, default=1000)
    asked.add_argument("--votes", type=int, default=100)
    given = asked.parse_args()
    tests: dict[str, Named] = {"ours": ours, "published": published}
    print("| honest voters named | close | usual | clear-cut |\n| --- | --- | --- | --- |")
    crowds: dict[str, Callable[[World, int], World]] = {
        "of one mind": lambda world, _: world,
        "who differ": of_many_minds,
        "who differ, a tenth of another taste": lambda world, seed: of_many_minds(world, seed, 0.1),
    }
    for words, made in crowds.items():
        for name, test in tests.items():
            cells = []
            for spread in SPREADS.values():
                hits: list[float] = []
                for seed, world in enumerate(worlds(spread, given.worlds, given.honest, given.votes)):
                    named = test(made(world, seed))
                    hits += [float(voter in named) for voter in range(given.honest)]
                cells.append(rate(hits))
            print(f"| {words}: {name} | {' | '.join(cells)} |", flush=True)
    for label in ("usual", "clear-cut", "close"):
        print(
            f"\n| found, {label} | {' | '.join(f'{n} votes' for n in SIZES)} |"
            f"\n|{' --- |' * (1 + len(SIZES))}"
        )
        for kind in KINDS:
            found: dict[str, list[str]] = {name: [] for name in tests}
            for n in SIZES:
                hits_of: dict[str, list[float]] = {name: [] for name in tests}
                for seed, world in enumerate(worlds(SPREADS[label], given.worlds, given.honest, given.votes)):
                    attacked = add_attack(world, kind, HOSTILE * n, HOSTILE, seed=seed)
                    for name, test in tests.items():
                        named = test(attacked)
                        hits_of[name] += [float(given.honest + i in named) for i in range(HOSTILE)]
                for name, some in hits_of.items():
                    found[name].append(rate(some))
            for name, cells in found.items():
                print(f"| {kind}: {name} | {' | '.join(cells)} |", flush=True)
            if kind == "random":
                best = [f"{best_possible(SPREADS[label], n):6.1%}" for n in SIZES]
                print(f"| random: the best possible | {' | '.join(best)} |", flush=True)
    windows(given.worlds)


def windows(number: int) -> None:
    """Boards with an alarm in time: honest ones, and bursts by many identities."""
    print("\n| boards of 30,000 votes with an alarm in time | share |\n| --- | --- |")
    cases = {"honest": None, "burst of 100 votes by 50": (100, 50), "burst of 60 by 60": (60, 60)}
    for words, attack in cases.items():
        hits = []
        for seed in range(20 * number):
            world = bradley_terry_world(MODELS, 30_000, voters=600, seed=seed)
            world = world if attack is None else add_attack(world, "burst", *attack, seed=seed)
            scan = gate_votes(timed(world)).windows
            hits.append(float(scan is not None and bool(scan.found)))
        print(f"| {words} | {rate(hits)} |", flush=True)


def timed(world: World) -> Comparisons:
    """The votes of a world with their order as time."""
    from agon.arena.cli.simulate import as_table
    from agon.data import comparisons

    return comparisons(as_table(world))


if __name__ == "__main__":
    main()
