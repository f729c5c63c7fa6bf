"""What boards claim against the truth: false certainty at any look, being first, tables of few tasks.

    python benchmarks/verdicts.py [quick]

Each line is a world, what is claimed of it, how often the claim is false (or true), and in how many runs.
"""

from __future__ import annotations

import sys

import numpy as np

from agon.ranking import Comparisons, ScoreTable, rank


def line(world: str, claim: str, share: str, number: int) -> None:
    """Print a line of the table."""
    print(f"| {world} | {claim} | {share} | {number} |", flush=True)


def looks(runs: int) -> None:
    """Two equal models, a board after every vote from 30 to 500: "leads" is false whenever it is said."""
    rng, wrong, at_95 = np.random.default_rng(0), 0, 0
    for _ in range(runs):
        won = np.cumsum(rng.random(500) < 0.5)
        said = once = False
        for n in range(30, 501, 10):
            a = int(won[n - 1])
            board = rank(Comparisons.from_counts("ab", [[0, a], [n - a, 0]]))
            said |= board.lead is not None and board.lead.certain
            once |= board.rows[0].rank_upper == 1
        wrong, at_95 = wrong + said, at_95 + once
    line("two equal models, 48 looks", "a lead, at any look", f"{wrong / runs:.1%}", runs)
    line("two equal models, 48 looks", "a rank range of 1 alone", f"{at_95 / runs:.1%}", runs)


def newcomers(runs: int) -> None:
    """A newcomer's one vote against the first, under a rule of majorities: no rank may move."""
    rng, moved = np.random.default_rng(1), 0
    for _ in range(runs):
        chance = 1 / (1 + np.exp(0.2 * (np.arange(6)[:, None] - np.arange(6)[None, :])))
        wins = np.triu(rng.binomial(60, chance), 1)
        wins = wins + np.triu(60 - wins, 1).T * (1 - np.eye(6))
        more = np.zeros((7, 7))
        more[:6, :6], more[6, 0] = wins, 1
        for rule in ("condorcet", "smith_set", "bradley_terry"):
            one = rank(Comparisons.from_counts("abcdef", wins), rule, interval="none")
            two = rank(Comparisons.from_counts("abcdefz", more), rule, interval="none")
            moved += [row.rank for row in one.rows] != [row.rank for row in two.rows[:6]]
    line("six models and a newcomer of one vote", "ranks that moved", f"{moved / runs / 3:.1%}", 3 * runs)


def first_places(runs: int) -> None:
    """The said probability of being first against how often it was true, by bins."""
    for models, spread, votes in ((50, 0.05, 20_000), (30, 0.1, 20_000), (20, 0.3, 2000), (12, 1.0, 2000)):
        rng, said, true = np.random.default_rng(2), [], []
        for _ in range(runs):
            theta = rng.normal(0, spread, models)
            i = rng.integers(0, models, votes)
            j = (i + rng.integers(1, models, votes)) % models
            up = rng.random(votes) < 1 / (1 + np.exp(theta[j] - theta[i]))
            wins = np.zeros((models, models))
            np.add.at(wins, (np.where(up, i, j), np.where(up, j, i)), 1)
            names = [f"m{k:02d}" for k in range(models)]
            board = rank(Comparisons.from_counts(names, wins))
            said += [row.p_first for row in board.ranked]
            true += [row.model == names[int(theta.argmax())] for row in board.ranked]
        p, hit = np.array(said), np.array(true)
        for low, high in ((0.05, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.01)):
            here = (p >= low) & (p < high)
            if here.sum() >= 50:
                world = f"{models} models, sd {spread:g}, {votes:,} votes"
                line(f"{world}", f"first with {p[here].mean():.2f}", f"{hit[here].mean():.2f}", here.sum())


def tables(runs: int) -> None:
    """Three equal models on few tasks: coverage of the mean, and pairs falsely called certain."""
    rng = np.random.default_rng(3)
    for tasks in (3, 4, 5, 8, 14):
        held = above = 0
        for _ in range(runs):
            scores = rng.normal(0, 1, (3, tasks))
            board = rank(ScoreTable.of("abc", [f"t{k}" for k in range(tasks)], scores), "mean")
            low = [-np.inf if row.lower is None else row.lower for row in board.rows]
            high = [np.inf if row.upper is None else row.upper for row in board.rows]
            held += sum(a <= 0 <= b for a, b in zip(low, high, strict=True))
            above += sum(len(board.ranked) - row.rank_upper for row in board.ranked if row.rank_upper)
        line(
            f"three equal models, {tasks} tasks", "the 95% interval holds", f"{held / runs / 3:.1%}", 3 * runs
        )
        line(
            f"three equal models, {tasks} tasks", "surely above, a pair", f"{above / runs / 6:.1%}", 6 * runs
        )


if __name__ == "__main__":
    number = 40 if "quick" in sys.argv[1:] else 300
    print("| world | claim | share | of |\n| --- | --- | --- | --- |")
    looks(number)
    newcomers(number)
    first_places(number)
    tables(number)
