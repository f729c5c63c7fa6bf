"""Do 95% intervals hold the truth in 95% of the cases? Counted on votes from known worlds.

Every cell draws 1,000 data sets from one world, ranks each, and counts how often the intervals of the scores,
those of the differences of all pairs and the rank ranges hold the truth. Everything is fixed in this file:
models, votes, voters, seeds. The goal is 93.5 to 96.5% for intervals and at least 95% for rank ranges.

    python -m benchmarks.coverage                    every cell; a few minutes
    python -m benchmarks.coverage --cases tie        the cells whose name contains "tie"
    python -m benchmarks.coverage --sets 100         fewer data sets, for a look

What is the truth: for a tie model in its own world the strengths that made the votes. For Bradley-Terry with
a tie as half a win each way in a world with ties, or with voters of different tastes, the value that more and
more such votes would lead to (the pseudo-true value): the fit to the expected votes, computed here by scipy.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from ranking import Comparisons, rank

SETS = 1000
WITHIN = (0.935, 0.965)
PLACES = np.array([[1, 2], [2, 1], [1, 1]])
Outcomes = np.ndarray  # (M, M, 3) chance that row beats column, loses to it, ties with it


# ---- worlds: what may happen when two models meet


def decisive(strengths: np.ndarray) -> Outcomes:
    """Bradley-Terry without ties."""
    return _with_ties(expit(_gaps(strengths)), 0.0)


def random_ties(strengths: np.ndarray, share: float = 0.2) -> Outcomes:
    """A fifth of the votes are ties, whoever meets."""
    return _with_ties(expit(_gaps(strengths)), share)


def rao_kupper(strengths: np.ndarray, a: float = 0.4) -> Outcomes:
    """Ties where the models are close: Rao and Kupper (1967), a = ln φ."""
    win = expit(_gaps(strengths) - a)
    return np.stack([win, win.T, 1.0 - win - win.T], axis=-1)


def davidson(strengths: np.ndarray, nu: float = 0.6) -> Outcomes:
    """Ties where the models are close: Davidson (1970)."""
    half = np.exp(_gaps(strengths) / 2)
    total = half + half.T + nu
    return np.stack([half / total, half.T / total, nu / total], axis=-1)


def tastes(strengths: np.ndarray, spread: float = 0.7) -> Outcomes:
    """What the average voter does when each has strengths of her own, N(0, spread) around the common ones."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    gaps = _gaps(strengths)[..., None] + np.sqrt(2) * spread * nodes
    return _with_ties((expit(gaps) * weights).sum(axis=-1) / weights.sum(), 0.0)


def _gaps(strengths: np.ndarray) -> np.ndarray:
    return strengths[..., :, None] - strengths[..., None, :]


def _with_ties(win: np.ndarray, share: float) -> Outcomes:
    return np.stack([(1 - share) * win, (1 - share) * (1 - win), np.full_like(win, share)], axis=-1)


def as_halves(chances: Outcomes) -> np.ndarray:
    """(M,) the strengths that Bradley-Terry with half-ties tends to when all pairs meet alike, zero mean."""
    won = chances[..., 0] + chances[..., 2] / 2
    upper = np.triu(np.ones(won.shape, dtype=bool), 1)

    def loss(free: np.ndarray) -> float:
        gap = _gaps(np.append(free, -free.sum()))[upper]
        return float((won[upper] * np.logaddexp(0, -gap) + (1 - won[upper]) * np.logaddexp(0, gap)).sum())

    free = minimize(loss, np.zeros(len(won) - 1), method="BFGS", options={"gtol": 1e-9}).x
    return np.append(free, -free.sum())


# ---- cells


@dataclass(frozen=True)
class Cell:
    """One line of the table.

    `votes` are drawn on pairs at random, by `voters` voters if there are any, each with tastes of her own;
    `half` says that the truth is the pseudo-true value, `spread` is that of the strengths in nats.
    """

    name: str
    world: Callable[[np.ndarray], Outcomes]
    models: int
    votes: int
    seed: int
    method: str = "bradley_terry"
    options: dict[str, Any] = field(default_factory=dict)
    half: bool = False
    voters: int = 0
    spread: float = 1.0
    goal: bool = True

    def strengths(self) -> np.ndarray:
        """(M,) evenly spread by rank like a normal sample, zero mean."""
        from scipy.stats import norm

        return self.spread * norm.ppf((np.arange(self.models) + 0.5) / self.models)

    def draw(self, rng: np.random.Generator) -> Comparisons:
        """Draw one data set."""
        m, names = self.models, [f"m{i:02d}" for i in range(self.models)]
        first = rng.integers(0, m, self.votes)
        second = (first + rng.integers(1, m, self.votes)) % m
        shown = np.stack([first, second], axis=1)
        if not self.voters:
            chances = self.world(self.strengths())[first, second]
            outcome = (rng.random(self.votes)[:, None] > np.cumsum(chances, axis=1)).sum(axis=1)
            return Comparisons.of(names, shown, PLACES[np.minimum(outcome, 2)])
        voter = rng.integers(0, self.voters, self.votes)
        own = self.strengths() + rng.normal(0, 0.7, (self.voters, m))
        won = rng.random(self.votes) < expit(own[voter, first] - own[voter, second])
        return Comparisons.of(names, shown, PLACES[np.where(won, 0, 1)], labels={"voter": voter})


BOOTSTRAP = {"interval": "bootstrap", "rounds": 200}
VOTER = {"cluster": "voter"}
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
    Cell("40 voters, not clustered", tastes, 10, 4000, 13, half=True, voters=40, goal=False),
    Cell("bootstrap of votes", random_ties, 10, 500, 14, options=BOOTSTRAP, half=True),
    Cell("bootstrap of 40 voters", tastes, 10, 1000, 15, options=BOOTSTRAP | VOTER, half=True, voters=40),
    Cell("close models, 20% ties as halves", random_ties, 10, 500, 16, half=True, spread=0.1),
    Cell("20 close models", decisive, 20, 2000, 17, spread=0.1),
    Cell("all at once", decisive, 10, 500, 18, options={"simultaneous": True}),
)


# ---- counting


def one(cell: Cell, truth: np.ndarray, number: int) -> tuple[np.ndarray, float] | None:
    """What the board of one data set holds: (3, M) scores, differences, ranks; and whether all differences.

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
    return np.array([scores, gaps, ranks], dtype=float), float(held.all())


def _between(lower: float | None, value: float, upper: float | None) -> bool:
    """Whether the value lies between the bounds; None bounds nothing."""
    return (lower is None or lower <= value) and (upper is None or value <= upper)


def cover(cell: Cell, sets: int, pool: ProcessPoolExecutor) -> tuple[np.ndarray, float, int]:
    """(3, M) shares of the data sets that hold, the share that holds all differences, how many counted."""
    truth = as_halves(cell.world(cell.strengths())) if cell.half else cell.strengths()
    found = [f for f in pool.map(partial(one, cell, truth), range(sets), chunksize=20) if f is not None]
    held, every = zip(*found, strict=True)
    return np.mean(held, axis=0), float(np.mean(every)), len(found)


def judged(cell: Cell, held: np.ndarray, every: float) -> str:
    """Whether a cell meets the goal."""
    if not cell.goal:
        return "for comparison"
    if cell.options.get("simultaneous"):
        return "fine" if every >= WITHIN[0] and held[2].min() >= 0.95 else "outside"
    inside = all(WITHIN[0] <= share <= WITHIN[1] for share in held[:2].mean(axis=1))
    return "fine" if inside and held[2].mean() >= 0.95 else "outside"


def main() -> int:
    """Print the table; 1 if a cell misses the goal."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.coverage", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--cases", default="", help="only cells whose name contains this")
    parser.add_argument("--sets", type=int, default=SETS, help="data sets a cell")
    given = parser.parse_args()
    start, fine = perf_counter(), True
    print(
        "| cell | models | votes | scores | differences | rank ranges | worst model | all at once | sets | |"
    )
    print("| --- " * 10 + "|")
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for cell in (cell for cell in CELLS if given.cases in cell.name):
            held, every, counted = cover(cell, given.sets, pool)
            verdict = judged(cell, held, every)
            fine &= verdict != "outside"
            shares = [*held.mean(axis=1), held[2].min(), every]
            cells = [
                cell.name,
                cell.models,
                cell.votes,
                *(f"{share:.1%}" for share in shares),
                counted,
                verdict,
            ]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    print(f"\n{perf_counter() - start:.0f} s")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
