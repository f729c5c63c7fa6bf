"""Do 95% intervals hold the truth in 95% of the cases? Counted on votes from known worlds.

Every cell draws 1,000 data sets from one world, ranks each, and counts how often the intervals of the scores,
of the differences of all pairs and of effects and the rank ranges hold the truth. Everything is fixed in
this file: models, votes, voters, seeds. The goal is 93.5 to 96.5% for intervals and at least 95% for rank
ranges.

    python -m benchmarks.interval_coverage                    every cell; a few minutes
    python -m benchmarks.interval_coverage --cases tie        the cells whose name contains "tie"
    python -m benchmarks.interval_coverage --sets 100         fewer data sets, for a look
    python -m benchmarks.interval_coverage --datasets DIR     also the cells with the voters of LLMFAO

What is the truth: for a method in its own world the strengths, and effects, that made the votes. They lie
like a sample of a normal distribution, which is what a method with a prior believes, and nothing pulls them.
For Bradley-Terry with a tie as half a win each way in a world with ties, or with voters of different tastes,
the value that more and more such votes would lead to (the pseudo-true value): the fit to the expected votes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from scipy.special import expit, ndtri

from agon.ranking import Comparisons, rank
from benchmarks.worlds import coverage_worlds as worlds
from benchmarks.worlds.coverage_worlds import (
    davidson,
    decisive,
    free_for_all,
    luce,
    probit,
    random_ties,
    rao_kupper,
    rao_kupper_bag,
    tastes,
)

SETS = 1000
WITHIN = (0.935, 0.965)
PLACES = np.array([[1, 2], [2, 1], [1, 1], [1, 1]])
FINE = np.array([[-1, -1], [-1, -1], [1, 1], [0, 0]])


# ---- cells


@dataclass(frozen=True)
class Cell:
    """One line of the table.

    `votes` are drawn on pairs at random, by `voters` voters if there are any, each with her own tastes; the
    k-th of them casts as many votes as 1/k^`zipf` says, or the `sizes` of a file.
    With `prompts` half of the variance of a taste is the prompt's, whose k-th is as common as 1/k^`zipf`;
    `half` says that the truth is the pseudo-true value, `spread` is that of the strengths in nats or probits.
    `effects` are those of features of which stronger models have more, in units of their root mean square.
    `shown` models are in a vote; where they are not two, the world draws places of (N, K) strengths. `scale`
    holds the middle of the method's scale and what it calls a unit of strength.
    """

    name: str
    world: Callable[..., np.ndarray]
    models: int
    votes: int
    seed: int
    method: str = "bradley_terry"
    options: dict[str, Any] = field(default_factory=dict)
    half: bool = False
    voters: int = 0
    spread: float = 1.0
    goal: bool = True
    effects: tuple[float, ...] = ()
    shown: int = 2
    scale: tuple[float, float] = (0.0, 1.0)
    zipf: float = 0.0
    prompts: int = 0
    sizes: tuple[float, ...] = ()

    def strengths(self) -> np.ndarray:
        """(M,) evenly spread by rank like a normal sample, zero mean."""
        return self.spread * ndtri((np.arange(self.models) + 0.5) / self.models)

    def truth(self) -> np.ndarray:
        """(M,) what the intervals should hold."""
        if self.half:
            return worlds.as_halves(self.world(self.strengths()))
        return self.scale[0] + self.scale[1] * self.strengths()

    def draw(self, rng: np.random.Generator) -> Comparisons:
        """Draw one data set."""
        m, names, strengths = self.models, [f"m{i:02d}" for i in range(self.models)], self.strengths()
        if self.shown > 2:
            shown = np.argsort(rng.random((self.votes, m)), axis=1)[:, : self.shown]
            return Comparisons.of(names, shown, self.world(strengths[shown], rng))
        first = rng.integers(0, m, self.votes)
        second = (first + rng.integers(1, m, self.votes)) % m
        chances, x = self.world(strengths)[first, second], np.zeros((self.votes, 0))
        if self.effects:
            gap = strengths[first] - strengths[second]
            x = rng.normal(gap[:, None] / 2, 1.0, (self.votes, len(self.effects)))
            x /= np.sqrt((x**2).mean(axis=0))
            chances = worlds.with_ties(expit(gap + x @ self.effects), 0.0)
        size = np.array(self.sizes) if self.sizes else np.arange(1, (self.voters or 1) + 1) ** -self.zipf
        voter = rng.choice(len(size), self.votes, p=size / size.sum())
        common = np.arange(1, (self.prompts or 1) + 1) ** -self.zipf
        prompt = rng.choice(len(common), self.votes, p=common / common.sum())
        if self.world is tastes:
            share = 0.5 if self.prompts else 1.0
            own = rng.normal(0, 0.7 * share**0.5, (self.voters, m))
            its = rng.normal(0, 0.7 * (1 - share) ** 0.5, (len(common), m))
            gap = strengths[first] - strengths[second] + own[voter, first] - own[voter, second]
            chances = worlds.with_ties(expit(gap + its[prompt, first] - its[prompt, second]), 0.0)
        alike = self.voters and self.world is not tastes
        level = worlds.alike(rng, voter, first, second, x) if alike else rng.random(self.votes)
        outcome = (level[:, None] > np.cumsum(chances, axis=1)[:, :-1]).sum(axis=1)
        return Comparisons.of(
            names,
            np.stack([first, second], axis=1),
            PLACES[outcome],
            acceptable=FINE[outcome],
            labels=({"voter": voter} if self.voters else {}) | ({"prompt": prompt} if self.prompts else {}),
            features={f"x{f}": column for f, column in enumerate(x.T)},
        )


BOOTSTRAP = {"interval": "bootstrap", "n_resamples": 200}
VOTER = {"cluster": "voter"}
STYLE: dict[str, Any] = {"options": {"control": "x0,x1"}, "effects": (0.5, -0.25)}
STYLE_VOTER = STYLE | {"options": STYLE["options"] | VOTER, "voters": 40}
POINTS: dict[str, Any] = {"options": {"score": "mean"}, "shown": 4, "scale": (25.0, 25 / 3), "goal": False}
BOTH: dict[str, Any] = {
    "options": {"cluster": "voter,prompt"},
    "half": True,
    "voters": 40,
    "prompts": 60,
}
ONE_WAY: dict[str, Any] = {"options": VOTER, "goal": False}
FEW: dict[str, Any] = {"options": {"interval": "posterior"}, "shown": 4}
CELLS = (
    Cell("decisive votes, 20 a model", decisive, 10, 100, 1),
    Cell("decisive votes, 50 a model", decisive, 10, 250, 2),
    Cell("decisive votes, 200 a model", decisive, 10, 1000, 3),
    Cell("decisive votes, 50 models", decisive, 50, 2500, 4),
    Cell("20% ties as halves, 50 a model", random_ties, 10, 250, 5, half=True),
    Cell("20% ties as halves, 200 a model", random_ties, 10, 1000, 6, half=True),
    Cell("Rao-Kupper votes as halves", rao_kupper, 10, 1000, 7, half=True),
    Cell("rao_kupper, 50 a model", rao_kupper, 10, 250, 8, method="rao_kupper"),
    Cell("rao_kupper, 200 a model", rao_kupper, 10, 1000, 9, method="rao_kupper"),
    Cell("davidson, 50 a model", davidson, 10, 250, 10, method="davidson"),
    Cell("davidson, 200 a model", davidson, 10, 1000, 11, method="davidson"),
    Cell("40 voters, by voter", tastes, 10, 1000, 12, options=VOTER, half=True, voters=40),
    Cell("40 voters, 100 votes each, by voter", tastes, 10, 4000, 13, options=VOTER, half=True, voters=40),
    Cell(
        "40 voters, not clustered",
        tastes,
        10,
        4000,
        13,
        options={"cluster": "none"},
        half=True,
        voters=40,
        goal=False,
    ),
    Cell("Zipf 1, 100 voters", tastes, 10, 5000, 36, options=VOTER, half=True, voters=100, zipf=1.0),
    Cell("Zipf 1.2, 1,000 voters", tastes, 10, 20_000, 37, options=VOTER, half=True, voters=1000, zipf=1.2),
    Cell("Zipf 1.5, 100 voters", tastes, 10, 5000, 38, options=VOTER, half=True, voters=100, zipf=1.5),
    Cell("Zipf 1.2, 100 voters", tastes, 10, 5000, 42, options=VOTER, half=True, voters=100, zipf=1.2),
    Cell("voters of LLMFAO", tastes, 10, 8931, 43, options=VOTER, half=True, voters=124),
    Cell(
        "voters of LLMFAO and 13 prompts, by both",
        tastes,
        10,
        8931,
        46,
        **BOTH | {"voters": 124, "prompts": 13},
    ),
    Cell("40 voters and 60 prompts, by both", tastes, 10, 4000, 44, **BOTH),
    Cell("40 voters and 60 prompts, by voter", tastes, 10, 4000, 44, **BOTH | ONE_WAY),
    Cell(
        "100 voters and 60 prompts, Zipf 1, by both", tastes, 10, 8000, 45, **BOTH | {"voters": 100}, zipf=1.0
    ),
    Cell("davidson, Zipf 1, 100 voters", davidson, 10, 5000, 39, "davidson", VOTER, voters=100, zipf=1.0),
    Cell("style, Zipf 1, 100 voters", decisive, 10, 5000, 40, **STYLE_VOTER | {"voters": 100}, zipf=1.0),
    Cell(
        "bootstrap, Zipf 1, 100 voters",
        tastes,
        10,
        5000,
        41,
        options=BOOTSTRAP | VOTER,
        half=True,
        voters=100,
        zipf=1.0,
    ),
    Cell("bootstrap of votes", random_ties, 10, 500, 14, options=BOOTSTRAP, half=True),
    Cell("bootstrap of 40 voters", tastes, 10, 1000, 15, options=BOOTSTRAP | VOTER, half=True, voters=40),
    Cell("close models, 20% ties as halves", random_ties, 10, 500, 16, half=True, spread=0.1),
    Cell("20 close models", decisive, 20, 2000, 17, spread=0.1),
    Cell("all at once", decisive, 10, 500, 18, options={"simultaneous": True}),
    Cell("rao_kupper_bag, 50 a model", rao_kupper_bag, 10, 250, 19, method="rao_kupper_bag"),
    Cell("rao_kupper_bag, 200 a model", rao_kupper_bag, 10, 1000, 20, method="rao_kupper_bag"),
    Cell("thurstone, 50 a model", probit, 10, 250, 21, method="thurstone", spread=0.6),
    Cell("thurstone, 200 a model", probit, 10, 1000, 22, method="thurstone", spread=0.6),
    Cell("davidson, 40 voters", davidson, 10, 1000, 23, "davidson", VOTER, voters=40),
    Cell("davidson, 40 voters, 100 votes each", davidson, 10, 4000, 24, "davidson", VOTER, voters=40),
    Cell("style, 50 a model", decisive, 10, 250, 25, **STYLE),
    Cell("style, 200 a model", decisive, 10, 1000, 26, **STYLE),
    Cell("style, 40 voters", decisive, 10, 1000, 27, **STYLE_VOTER),
    Cell("style, 40 voters, 100 votes each", decisive, 10, 4000, 28, **STYLE_VOTER),
    Cell("plackett_luce on 4, 20 a model", luce, 10, 50, 29, "plackett_luce", shown=4),
    Cell("plackett_luce on 4, 20 a model, posterior", luce, 10, 50, 29, "plackett_luce", **FEW),
    Cell("plackett_luce on 4, 50 a model", luce, 10, 125, 30, "plackett_luce", shown=4),
    Cell("plackett_luce on 4, 200 a model", luce, 10, 500, 31, "plackett_luce", shown=4),
    Cell("kwise_bayes on 4, 50 a model", free_for_all, 10, 125, 32, "kwise_bayes", **POINTS),
    Cell("kwise_bayes on 4, 200 a model", free_for_all, 10, 500, 33, "kwise_bayes", **POINTS),
    Cell("weng_lin on 4, 50 a model", luce, 10, 125, 34, "weng_lin", **POINTS),
    Cell("weng_lin on 4, 200 a model", luce, 10, 500, 35, "weng_lin", **POINTS),
)


# ---- counting


def one(cell: Cell, truth: np.ndarray, number: int) -> tuple[np.ndarray, float, list[bool]] | None:
    """What one board holds: (3, M) scores, differences, ranks; whether all differences; which effects.

    None if the votes do not identify every model, as when one has won nothing.
    """
    votes = cell.draw(np.random.default_rng([cell.seed, number]))
    board = rank(votes, cell.method, min_votes=0, scale="natural", **cell.options)
    if len(board.ranked) < cell.models:
        return None
    rows = [board[name] for name in board.models]
    scores = [_between(row.lower, value, row.upper) for row, value in zip(rows, truth, strict=True)]
    places = 1 + (truth[None, :] > truth[:, None]).sum(axis=1)
    ranks = [row.rank_lower <= place <= row.rank_upper for row, place in zip(rows, places, strict=True)]
    held = np.ones((cell.models, cell.models))
    for i, j in zip(*np.triu_indices(cell.models, 1), strict=True):
        if None in (rows[i].lower, rows[i].upper, rows[j].lower, rows[j].upper):
            continue  # an open side: the board does not bound this difference, and holds whatever is true
        found = board.difference(rows[i].model, rows[j].model)
        held[i, j] = held[j, i] = _between(found.lower, truth[i] - truth[j], found.upper)
    gaps = (held.sum(axis=1) - 1) / (cell.models - 1)
    effects = [_between(c.lower, x, c.upper) for c, x in zip(board.coefficients, cell.effects, strict=True)]
    return np.array([scores, gaps, ranks], dtype=float), float(held.all()), effects


def _between(lower: float | None, value: float, upper: float | None) -> bool:
    """Whether the value lies between the bounds; None bounds nothing."""
    return (lower is None or lower <= value) and (upper is None or value <= upper)


def sizes_of(folder: str) -> tuple[float, ...]:
    """How many votes each voter of LLMFAO cast."""
    votes = pq.read_table(f"{folder}/llmfao_crowd_votes.parquet")
    _, count = np.unique(votes["judge"].to_numpy(), return_counts=True)
    return tuple(count.astype(float))


def cover(cell: Cell, sets: int, pool: ProcessPoolExecutor) -> tuple[np.ndarray, float, float | None, int]:
    """(3, M) shares of the data sets that hold; shares of all differences, of effects; how many counted."""
    work = partial(one, cell, cell.truth())
    found = [f for f in pool.map(work, range(sets), chunksize=20) if f is not None]
    held, every, effects = zip(*found, strict=True)
    return (
        np.mean(held, axis=0),
        float(np.mean(every)),
        np.mean(effects) if cell.effects else None,
        len(found),
    )


def judged(cell: Cell, held: np.ndarray, every: float, effects: float | None) -> str:
    """Whether a cell meets the goal."""
    if not cell.goal:
        return "for comparison"
    if cell.options.get("simultaneous"):
        return "fine" if every >= WITHIN[0] and held[2].min() >= 0.95 else "outside"
    shares = [*held[:2].mean(axis=1), *([] if effects is None else [effects])]
    inside = all(WITHIN[0] <= share <= WITHIN[1] for share in shares)
    return "fine" if inside and held[2].mean() >= 0.95 else "outside"


def main() -> int:
    """Print the table; 1 if a cell misses the goal."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.interval_coverage", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--cases", default="", help="only cells whose name contains this")
    parser.add_argument("--sets", type=int, default=SETS, help="data sets a cell")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--datasets", default="", help="folder with llmfao_crowd_votes.parquet")
    given = parser.parse_args()
    start, fine = perf_counter(), True
    print(
        "| cell | models | votes | scores | differences | rank ranges | worst model | all at once | effects "
        "| sets | |"
    )
    print("| --- " * 11 + "|")
    with ProcessPoolExecutor(given.jobs) as pool:
        for cell in (cell for cell in CELLS if given.cases in cell.name):
            if "LLMFAO" in cell.name:
                if not given.datasets:
                    continue
                cell = replace(cell, sizes=sizes_of(given.datasets))  # noqa: PLW2901
            held, every, effects, counted = cover(cell, given.sets, pool)
            verdict = judged(cell, held, every, effects)
            fine &= verdict != "outside"
            shares = [*held.mean(axis=1), held[2].min(), every]
            cells = [
                cell.name,
                cell.models,
                cell.votes,
                *(f"{share:.1%}" for share in shares),
                "" if effects is None else f"{effects:.1%}",
                counted,
                verdict,
            ]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    print(f"\n{perf_counter() - start:.0f} s")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
