"""How many votes each policy of matchmaking needs, in worlds whose right ranking is known.

    python -m benchmarks.convergence                    # 50 models, 12 seeds, every world and policy
    python -m benchmarks.convergence --worlds gumbel --policies near information --seeds 4

Each cell holds the votes after which the mean over the seeds stays past the target to the end of the budget,
with the standard error of that number by resampling the seeds; "-" is never within the budget. The
last column is Kendall's τ at its end. `ksort` ranks by TrueSkill's μ − 3σ, as it is deployed; all others by
Plackett-Luce.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

import agon.ranking.matchmaking  # noqa: F401 (registers the policies)
from agon.ranking.matchmaking.policies import FLOOR, POLICIES, choose_policy
from agon.ranking.matchmaking.policy_simulation import Learner, rank_distance, simulate_votes_of
from agon.ranking.matchmaking.voting_worlds import WORLDS, draw_world

GRID = 20
# World: votes to spend, and the targets: "mse" at most, "tau" at least.
BUDGETS = {
    "noise-free": (440, (("mse", 0.5), ("tau", 0.95))),
    "random-orders": (700, (("mse", 0.5), ("tau", 0.95))),
    "gumbel": (1600, (("tau", 0.8), ("tau", 0.9))),
    "gaussian": (1600, (("tau", 0.9), ("tau", 0.95))),
    "ties": (600, (("tau", 0.8), ("tau", 0.85))),
    "cyclic": (600, (("tau", 0.7), ("tau", 0.8))),
    "clustered": (600, (("tau", 0.7), ("tau", 0.8))),
    "position-bias": (600, (("tau", 0.8), ("tau", 0.85))),
    "lazy": (600, (("tau", 0.7), ("tau", 0.8))),
    "hostile": (600, (("tau", 0.7), ("tau", 0.8))),
}


def curve(
    world: str, policy: str, seed: int, models: int, size: int, floor: float
) -> list[tuple[float, float]]:
    """(mean squared rank difference, τ) after every GRID votes of one run."""
    truth = draw_world(world, models, seed)
    learner = Learner(tuple(f"m{i:02d}" for i in range(models)), trueskill=policy == "ksort")
    chosen = choose_policy(policy, floor=0.0 if policy == "uniform" else floor)
    found = []
    votes = simulate_votes_of(chosen, truth, size, seed, learner)
    for number, _ in zip(range(1, BUDGETS[world][0] + 1), votes, strict=False):
        if number % GRID == 0:
            learner.fit()
            found.append(rank_distance(learner.scores, truth.truth))
    return found


def kept_curve(folder: Path | None, case: tuple[str, str, int, int, int, float]) -> list[tuple[float, float]]:
    """The curve of a case, from its file in the folder if there is one."""
    if folder is None:
        return curve(*case)
    path = folder / ("_".join(map(str, case)) + ".npy")
    if not path.exists():
        np.save(path, curve(*case))
    return [(mse, tau) for mse, tau in np.load(path).tolist()]


def stays_past(curves: np.ndarray, kind: str, target: float) -> float:
    """Votes after which the mean of (seeds, grid, 2) curves stays past a target; infinite if never."""
    mean = curves.mean(axis=0)[:, 0 if kind == "mse" else 1]
    short = np.flatnonzero(mean > target if kind == "mse" else mean < target)
    if len(short) and short[-1] == len(mean) - 1:
        return np.inf
    return float(GRID * (short[-1] + 2 if len(short) else 1))


def cell(curves: np.ndarray, kind: str, target: float) -> str:
    """Votes and their standard error."""
    votes = stays_past(curves, kind, target)
    if not np.isfinite(votes):
        return "-"
    rng = np.random.default_rng(0)
    seeds = len(curves)
    again = [stays_past(curves[rng.integers(0, seeds, seeds)], kind, target) for _ in range(400)]
    finite = [number for number in again if np.isfinite(number)]
    return f"{votes:,.0f} ± {np.std(finite):,.0f}" + ("" if len(finite) == len(again) else "+")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description="Votes that each policy needs.")
    parser.add_argument("--worlds", nargs="+", default=list(BUDGETS), choices=WORLDS)
    parser.add_argument("--policies", nargs="+", default=sorted(POLICIES), choices=sorted(POLICIES))
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--models", type=int, default=50)
    parser.add_argument("--answers", type=int, default=4)
    parser.add_argument("--floor", type=float, default=FLOOR)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--curves", type=Path, help="Keep the curves in this folder, and use those there.")
    given = parser.parse_args(arguments)
    if given.curves is not None:
        given.curves.mkdir(parents=True, exist_ok=True)
    sizes = (given.models, given.answers, given.floor)
    with ProcessPoolExecutor(given.jobs) as pool:
        for world in given.worlds:
            targets = BUDGETS[world][1]
            names = [f"{kind} {'≤' if kind == 'mse' else '≥'} {target}" for kind, target in targets]
            names.append(f"tau after {BUDGETS[world][0]}")
            print(f"\n{world}, {given.seeds} seeds\n| policy | {' | '.join(names)} |", flush=True)
            for policy in given.policies:
                cases = [(world, policy, seed, *sizes) for seed in range(given.seeds)]
                curves = np.array(list(pool.map(partial(kept_curve, given.curves), cases)))
                end = curves[:, -1, 1]
                error = end.std(ddof=1) / len(end) ** 0.5 if len(end) > 1 else np.nan
                cells = [*(cell(curves, *target) for target in targets), f"{end.mean():.3f} ± {error:.3f}"]
                print(f"| `{policy}` | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
