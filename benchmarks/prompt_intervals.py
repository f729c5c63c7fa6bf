"""Do the intervals of boards of prompts hold? Planted strengths of many kinds, and how many lie within.

    python -m benchmarks.prompt_intervals [--worlds 30] [--only NAME ...]

Each world has six to ten models, prompts with vectors, and strengths on them: linear in the vectors, bent in
several ways, in more directions than are used, or with something of each prompt's own. Asked are prompts of
the votes and new ones. Where intervals are of many prompts together, or of all, so is the truth. The worlds
that no plane tells are asked of the network too (the part torch).
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from agon.ranking import Comparisons, PromptBoards, prompt_boards
from agon.ranking.numerics import expit

Floats = NDArray[np.float64]
POINTS = 400 / np.log(10)
NEW = 40  # prompts that have no votes


def topics(rng: np.random.Generator, prompts: int, effect: float, own: float = 0.0) -> tuple[Floats, Floats]:
    """Prompts between three topics, in each of which another model gains and another loses."""
    mix, directions, bonus = rng.dirichlet([0.7] * 3, prompts), rng.normal(size=(3, 24)), np.zeros((3, 6))
    bonus[[0, 1, 2], [0, 1, 2]], bonus[[0, 1, 2], [3, 4, 5]] = effect, -effect
    strengths = np.linspace(-0.8, 0.8, 6) + mix @ bonus + rng.normal(0, own, (prompts, 6))
    return mix @ directions + rng.normal(0, 0.1, (prompts, 24)), strengths


def bent(rng: np.random.Generator, prompts: int, how: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
    """Whole strengths turn over where a place in the plane says so."""
    place, directions = rng.normal(size=(prompts, 2)), np.linalg.qr(rng.normal(size=(8, 2)))[0].T
    vectors = place @ directions + rng.normal(0, 0.05, (prompts, 8))
    return vectors, np.where(how(place), 1, -1)[:, None] * np.linspace(1.8, -1.8, 6)


def curved(rng: np.random.Generator, prompts: int) -> tuple[Floats, Floats]:
    """A plane and waves in four directions."""
    place, directions = rng.normal(size=(prompts, 4)), np.linalg.qr(rng.normal(size=(16, 4)))[0].T
    plane, waves = rng.normal(size=(4, 6)), rng.normal(size=(4, 6))
    strengths = np.linspace(-0.8, 0.8, 6) + 0.5 * place @ plane + 0.7 * np.sin(1.5 * place @ waves)
    return place @ directions + rng.normal(0, 0.05, (prompts, 16)), strengths


def wide(rng: np.random.Generator, prompts: int) -> tuple[Floats, Floats]:
    """Linear in 64 directions, of which 16 are used."""
    size = 1 / np.sqrt(np.arange(1, 65))
    vectors = rng.normal(size=(prompts, 64)) * size
    weights = 0.8 * rng.normal(size=(64, 10)) / np.sqrt((size**2).sum())
    return vectors, np.linspace(-1, 1, 10) + vectors @ weights


def same_sign(place: Floats) -> Floats:
    return np.asarray(place[:, 0] * place[:, 1] > 0)


def far(place: Floats) -> Floats:
    return np.asarray((place**2).sum(axis=1) > 1.4)


WORLDS: dict[str, tuple[Callable[..., tuple[Floats, Floats]], tuple[object, ...], int, int]] = {
    "three topics": (topics, (2.0,), 400, 10),
    "three topics, a vote each": (topics, (2.0,), 2000, 1),
    "three topics, few prompts": (topics, (2.0,), 100, 10),
    "three topics, hardly": (topics, (0.6,), 400, 10),
    "no topics": (topics, (0.0,), 400, 10),
    "no topics, prompts differ by 0.5": (topics, (0.0, 0.5), 40, 100),
    "three topics, prompts differ by 0.2": (topics, (2.0, 0.2), 400, 10),
    "three topics, prompts differ by 0.5": (topics, (2.0, 0.5), 400, 10),
    "64 directions": (wide, (), 800, 5),
    "64 directions, a vote each": (wide, (), 3000, 1),
    "waves": (curved, (), 400, 10),
    "waves, a vote each": (curved, (), 3000, 1),
    "same sign, network": (bent, (same_sign,), 400, 10),
    "same sign, two votes each, network": (bent, (same_sign,), 2000, 2),
    "far from the middle, network": (bent, (far,), 400, 10),
}


def cast(rng: np.random.Generator, strengths: Floats, each: int) -> Comparisons:
    """Votes on pairs drawn by chance."""
    prompts, m = strengths.shape
    at = np.repeat(np.arange(prompts), rng.poisson(each, prompts).clip(1) if each > 1 else 1)
    first = rng.integers(0, m, len(at))
    second = (first + rng.integers(1, m, len(at))) % m
    won = rng.random(len(at)) < expit(strengths[at, first] - strengths[at, second])
    places = np.where(won[:, None], [1, 2], [2, 1])
    labels = {"prompt": [f"p{i:05d}" for i in at]}
    return Comparisons.of(
        [f"m{i}" for i in range(m)], np.stack([first, second], axis=1), places, labels=labels
    )


def truth(found: PromptBoards, vectors: Floats, strengths: Floats) -> Floats:
    """(P, M) what each prompt's board is of: its own strengths, those of its neighbours, or of all."""
    if not found.by_prompt:
        return np.repeat(strengths.mean(axis=0)[None], len(strengths), axis=0)
    if found.misfit.together == 1:
        return strengths
    place = (vectors - found.centre) @ found.axes
    return np.asarray(strengths[cKDTree(place).query(place, k=found.misfit.together)[1]].mean(axis=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--worlds", type=int, default=30, help="of each kind")
    parser.add_argument("--only", nargs="+", default=list(WORLDS), choices=list(WORLDS))
    given = parser.parse_args()
    print("world: scores within 95%, of prompts with votes, and new (the least of a world); 'surely wins'")
    for name in given.only:
        make, extra, prompts, each = WORLDS[name]
        inside: list[list[float]] = []
        surely, wrong, asked, begin = 0, 0, 0, time.process_time()
        for seed in range(given.worlds):
            rng = np.random.default_rng([seed, list(WORLDS).index(name)])
            vectors, strengths = make(rng, prompts + NEW, *extra)
            votes = cast(rng, strengths[:prompts], each)
            known = {f"p{i:05d}": vectors[i] for i in range(prompts)}
            head = "network" if name.endswith("network") else "linear"
            found = prompt_boards(votes, known, head=head)
            means = truth(found, vectors, strengths)
            inside.append([])
            for some in (range(0, prompts, max(prompts // NEW, 1)), range(prompts, prompts + NEW)):
                hits = []
                for i in some:
                    board = found.board(vectors[i])
                    row = means[i][[int(model[1:]) for model in board.models]]
                    points = 1000 + POINTS * (row - row.mean())
                    hits.append(np.mean((board.lower <= points) & (points <= board.upper)))
                    asked += 1
                    if len(board.contenders) == 1:
                        surely += 1
                        wrong += bool(row.argmax())
                inside[-1].append(float(np.mean(hits)))
        (old, new), least = np.mean(inside, axis=0), np.min(inside)
        spent = (time.process_time() - begin) / given.worlds
        said = f"{surely} of {asked}, {wrong} wrong"
        print(f"{name:36s} {old:.3f} {new:.3f} ({least:.2f})  {said}  {spent:.1f} s", flush=True)


if __name__ == "__main__":
    main()
