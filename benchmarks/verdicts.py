"""What boards claim against the truth: false certainty at any look, being first, tables of few tasks.

    python -m benchmarks.verdicts                        every cell, one process
    python -m benchmarks.verdicts --cases voters         the cells whose name contains "voters"
    python -m benchmarks.verdicts --runs 50              fewer runs, for a look

In a world of equal models whatever a board calls certain is false. Counted are boards on which any model is
surely above another, of which the goal is 1 to 5%: less is safe and said to be "careful", more is a fault.
The other claims of a board, that nobody is within reach of the first and that it leads however often one
looks, are among these, so that of them at most 5% are asked. Boards are made as anybody gets them, with no
option but what the cell is about.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from time import perf_counter

import numpy as np
from scipy.special import expit

from agon.ranking import Comparisons, Leaderboard, ScoreTable, rank

Claims = Iterator[tuple[str, float, int]]  # what is claimed, how often, in how many boards or cases
Cell = Callable[[int], Claims]
LAST, FIRST = 1000, 10  # looks of two models
REACH, ANY = "nobody else is within reach of the first", "any model is surely above another"
PAIR, LEADS = "a pair of which one is surely above", "the first leads, however often one looks"


def above(board: Leaderboard) -> int:
    """How many ordered pairs of ranked models have one that is said to be surely above the other."""
    return sum(len(board.ranked) - (row.rank_upper or len(board.ranked)) for row in board.ranked)


def alone(board: Leaderboard) -> bool:
    """Whether nobody else is said to be within reach of the first, if one looks but once."""
    return board.ranked[0].rank_upper == 1


def leads(board: Leaderboard) -> bool:
    """Whether the first is said to lead, however often one looks."""
    return board.lead is not None and board.lead.certain


def named(models: int) -> list[str]:
    """Names of models."""
    return [f"m{k:02d}" for k in range(models)]


def certain(
    runs: int, draw: Callable[[np.random.Generator], Comparisons | ScoreTable], **options: object
) -> Claims:
    """Count the boards on equal models that call something certain."""
    found = []
    for number in range(runs):
        board = rank(draw(np.random.default_rng([7, number])), **options)
        pairs = math.comb(len(board.ranked), 2)
        found.append((alone(board), above(board) > 0, above(board) / pairs, leads(board)))
    for claim, share in zip((REACH, ANY, PAIR, LEADS), np.mean(found, axis=0).tolist(), strict=True):
        if claim != LEADS or board.lead is not None:
            yield claim, share, runs


# ---- two models, looked at after every vote


def needed() -> tuple[np.ndarray, np.ndarray]:
    """(L,) wins from which the first of two leads at each look, and from which its rank is 1 alone.

    Both grow with the votes, so that each is sought from the one before: boards of all counts would be too
    many.
    """
    found, now = [], [FIRST, FIRST]
    for votes in range(FIRST, LAST + 1):
        for k, said in enumerate((leads, alone)):
            now[k] = max(now[k] - 1, (votes + 1) // 2)
            while now[k] <= votes and not said(
                rank(Comparisons.from_counts("ab", [[0, now[k]], [votes - now[k], 0]]), min_votes=FIRST)
            ):
                now[k] += 1
        found.append(tuple(now))
    lead, reach = np.array(found).T
    return lead, reach


def looks(runs: int) -> Claims:
    """Two models after every vote from 10 to 1,000: equal ones, and one that wins 65%."""
    lead, reach = needed()
    rng, walks = np.random.default_rng(0), 100 * runs
    won = np.cumsum(rng.random((walks, LAST)) < 0.5, axis=1, dtype=np.int32)[:, FIRST - 1 :]
    lost = np.arange(FIRST, LAST + 1) - won
    for words, limit in ((f"{LEADS}, at any look", lead), (f"{REACH}, at any look", reach)):
        yield words, float(((won >= limit) | (lost >= limit)).any(axis=1).mean()), walks
    won = np.cumsum(rng.random((walks, LAST)) < 0.65, axis=1, dtype=np.int32)[:, FIRST - 1 :]
    there = won >= lead
    first = np.where(there.any(axis=1), there.argmax(axis=1) + FIRST, np.inf)
    p, gap = 0.65, 0.15
    for power, z in (("half", 0.0), ("80%", 0.8416)):
        size = math.ceil((1.96 * 0.5 + z * math.sqrt(p * (1 - p))) ** 2 / gap**2)
        yield (
            f"median of votes to a lead at P = .65, over the {size} of a fixed sample of {power} power",
            float(np.median(first)) / size,
            walks,
        )


# ---- more models


def voters(number: int, taste: float, zipf: float, rng: np.random.Generator) -> Comparisons:
    """40 votes a voter on five models that are equal on average over all voters there could be."""
    votes, m = 40 * number, 5
    size = np.arange(1, number + 1) ** -zipf
    voter = rng.choice(number, votes, p=size / size.sum())
    own = rng.normal(0, taste, (number, m))
    i = rng.integers(0, m, votes)
    j = (i + rng.integers(1, m, votes)) % m
    up = rng.random(votes) < expit(own[voter, i] - own[voter, j])
    return Comparisons.of(
        named(m),
        np.stack([i, j], axis=1),
        np.where(up[:, None], [1, 2], [2, 1]),
        labels={"voter": voter.tolist()},
    )


def draws(policy: str, rng: np.random.Generator) -> Comparisons:
    """600 votes on six equal models: any pair; a newcomer who met the first; pairs of the best so far."""
    m, shown, places = 6, [], []
    won, met = np.ones(m), np.full(m, 2.0)
    for number in range(600):
        i, j = rng.permutation(m if policy != "newcomer" else m - 1)[:2].tolist()
        if policy == "adaptive" and number >= 60:
            i, j = np.argsort(-(won / met + np.sqrt(0.5 / met)) + 1e-9 * rng.random(m))[:2].tolist()
        if policy == "newcomer" and number >= 560:
            i, j = m - 1, int(np.argmax((won / met)[: m - 1]))
        up = rng.random() < 0.5
        shown.append((i, j))
        places.append((1, 2) if up else (2, 1))
        won[i if up else j] += 1
        met[[i, j]] += 1
    return Comparisons.of(named(m), shown, places)


def weighted(kind: str, rng: np.random.Generator) -> Comparisons:
    """500 votes on six equal models, with weights or features or in unequal numbers."""
    m, votes = 6, 500
    share = np.arange(1, m + 1.0) ** -1 if kind == "equal pairs" else np.ones(m)
    i = rng.choice(m, votes, p=share / share.sum())
    j = (i + rng.integers(1, m, votes)) % m
    x = rng.normal(size=votes)
    up = rng.random(votes) < expit(0.7 * x if kind == "style" else 0 * x)
    weight = np.exp(rng.normal(0, 1, votes)) if kind == "weights" else np.ones(votes)
    return Comparisons.of(
        named(m),
        np.stack([i, j], axis=1),
        np.where(up[:, None], [1, 2], [2, 1]),
        weight=weight,
        features={"length": x},
    )


def table(tasks: int, rng: np.random.Generator) -> ScoreTable:
    """Four equal models on some tasks."""
    return ScoreTable.of("abcd", [f"t{k}" for k in range(tasks)], rng.normal(0, 1, (4, tasks)))


def held(runs: int, tasks: int) -> Claims:
    """Intervals of the means of four models on tasks of different difficulty."""
    inside = 0
    for number in range(runs):
        rng = np.random.default_rng([8, number])
        scores = rng.normal(0, 1, (4, tasks)) + np.array([0.6, 0.2, -0.2, -0.6])[:, None]
        board = rank(ScoreTable.of("abcd", [f"t{k}" for k in range(tasks)], scores), "mean")
        for name, truth in zip("abcd", (0.6, 0.2, -0.2, -0.6), strict=True):
            row = board[name]
            inside += (row.lower is None or row.lower <= truth) and (row.upper is None or truth <= row.upper)
    yield "interval of the mean holds", inside / runs / 4, 4 * runs


def ranges(runs: int, models: int, spread: float) -> Claims:
    """Rank ranges of models whose strengths go in equal steps from `spread` to minus that, 200 votes each."""
    theta, names, held, wide = np.linspace(spread, -spread, models), named(models), [], []
    for number in range(runs):
        rng = np.random.default_rng([5, number])
        i = rng.integers(0, models, 100 * models)
        j = (i + rng.integers(1, models, 100 * models)) % models
        up = rng.random(100 * models) < expit(theta[i] - theta[j])
        wins = np.zeros((models, models))
        np.add.at(wins, (np.where(up, i, j), np.where(up, j, i)), 1)
        board = rank(Comparisons.from_counts(names, wins))
        places = [(board[name].rank_lower or 1, board[name].rank_upper or models) for name in names]
        held.append([low <= k <= high for k, (low, high) in enumerate(places, 1)])
        wide += [high - low + 1 for low, high in places]
    by_model = np.mean(held, axis=0)
    yield f"rank range holds, {np.mean(wide):.1f} places wide", float(by_model.mean()), models * runs
    yield "rank range of the model that fails most holds", float(by_model.min()), runs
    yield "all rank ranges of a board hold", float(np.all(held, axis=1).mean()), runs


def newcomer_moves(runs: int) -> Claims:
    """A newcomer's one vote against the first: no rank of the others may move."""
    rng, moved = np.random.default_rng(1), 0
    for _ in range(runs):
        chance = expit(0.2 * (np.arange(6)[None, :] - np.arange(6)[:, None]))
        wins = np.triu(rng.binomial(60, chance), 1)
        wins = wins + np.triu(60 - wins, 1).T
        more = np.zeros((7, 7))
        more[:6, :6], more[6, 0] = wins, 1
        for rule in ("condorcet", "smith_set", "bradley_terry"):
            one = rank(Comparisons.from_counts("abcdef", wins), rule, interval="none")
            two = rank(Comparisons.from_counts("abcdefz", more), rule, interval="none")
            moved += [row.rank for row in one.rows] != [row.rank for row in two.rows[: len(one)]]
    yield "ranks that moved", moved / runs / 3, 3 * runs


def first_places(runs: int, models: int, spread: float, votes: int, times: int) -> Claims:
    """The said probability of being first against how often it was true, by bins; `times` as many boards."""
    said, true = [], []
    for number in range(times * runs):
        rng = np.random.default_rng([2, number])
        theta = rng.normal(0, spread, models)
        i = rng.integers(0, models, votes)
        j = (i + rng.integers(1, models, votes)) % models
        up = rng.random(votes) < expit(theta[i] - theta[j])
        wins = np.zeros((models, models))
        np.add.at(wins, (np.where(up, i, j), np.where(up, j, i)), 1)
        board = rank(Comparisons.from_counts(named(models), wins))
        said += [row.p_first or 0.0 for row in board.ranked]
        true += [row.model == named(models)[int(theta.argmax())] for row in board.ranked]
    p, hit = np.array(said), np.array(true)
    edges = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)
    for low, high in pairwise(edges):
        here = (p >= low) & (p < high)
        if here.sum() >= 50:
            yield f"first with {p[here].mean():.3f} is first", float(hit[here].mean()), int(here.sum())


CELLS: dict[str, Cell] = {
    "two models, after every vote from 10 to 1,000": looks,
    "a newcomer's one vote": newcomer_moves,
}
CELLS |= {
    f"{number} voters, taste {taste:g}, {f'Zipf {zipf:g}' if zipf else 'equal'}": partial(
        certain, draw=partial(voters, number, taste, zipf)
    )
    for number in (3, 5, 10, 40)
    for taste in (0.0, 0.5, 1.0)
    for zipf in (0.0, 1.0, 1.5)
}
CELLS |= {
    f"{tasks} tasks": partial(certain, draw=partial(table, tasks), method="mean")
    for tasks in (3, 4, 5, 8, 14)
}
CELLS |= {
    f"{kind} draws": partial(certain, draw=partial(draws, kind))
    for kind in ("uniform", "newcomer", "adaptive")
}
CELLS |= {
    "style control": partial(certain, draw=partial(weighted, "style"), control="length"),
    "log-normal weights": partial(certain, draw=partial(weighted, "weights")),
    "equal pairs of unequal numbers": partial(
        certain, draw=partial(weighted, "equal pairs"), reweight="equal_pairs"
    ),
}
CELLS |= {
    f"ranges of {models} models within {spread:g} of the middle": partial(
        ranges, models=models, spread=spread
    )
    for models in (3, 10, 20, 50)
    for spread in (0.01, 0.1, 1.0)
}
CELLS |= {f"table of {tasks} tasks": partial(held, tasks=tasks) for tasks in (4, 5, 8, 14, 20)}
CELLS |= {
    f"{models} models, sd {spread:g}, {votes:,} votes": partial(
        first_places, models=models, spread=spread, votes=votes, times=times
    )
    for models, spread, votes, times in (
        (50, 0.05, 20_000, 3),
        (30, 0.1, 20_000, 4),
        (20, 0.3, 2000, 12),
        (12, 1.0, 2000, 8),
        (8, 0.5, 300, 12),
    )
}


def judged(claim: str, share: float, number: int) -> str:
    """Whether a share meets its goal; chance alone, two standard errors, is allowed for."""
    error = 2 * math.sqrt(max(share * (1 - share), 0.01) / number)
    if claim.startswith("first with"):
        off = abs(share - float(claim.split()[2]))
        return "fine" if off <= 0.05 else "within chance of it" if off <= 0.05 + error else "outside"
    if "hold" in claim:
        return "fine" if share >= 0.93 - error else "outside"
    if claim.startswith("median"):
        return "for comparison" if "half" in claim else "fine" if share <= 1.5 else "outside"
    if "moved" in claim:
        return "fine" if not share else "outside"
    if claim in (f"{REACH}, at any look", PAIR):
        return "for comparison"  # what a board says at one look, and a part of what it says
    if share > 0.05 + error:
        return "outside"
    return "fine" if share + error >= 0.01 else "careful"


def main() -> int:
    """Print the table; 1 if a cell misses its goal."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.verdicts", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--cases", default="", help="only cells whose name contains this")
    parser.add_argument("--runs", type=int, default=300, help="boards a cell")
    given = parser.parse_args()
    start, fine = perf_counter(), True
    print("| world | claim | share | of | |\n| --- | --- | ---: | ---: | --- |")
    for name, cell in CELLS.items():
        if given.cases not in name:
            continue
        for claim, share, number in cell(given.runs):
            verdict = judged(claim, share, number)
            fine &= verdict != "outside"
            told = f"{share:.2f}" if claim.startswith("median") else f"{share:.1%}"
            print(f"| {name} | {claim} | {told} | {number:,} | {verdict} |", flush=True)
    print(f"\n{perf_counter() - start:.0f} s")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
