"""Made-up votes for the benchmarks, and the exact answer to them.

`votes` draws them (known strengths, popular and rare models, some ties), `write` puts them into a Parquet
file as an arena would export it, three columns of strings; `codes`, `wins` and `exact` read such a file
without the engine. Nothing here measures anything, and nothing here imports the engine.

    python -m benchmarks.worlds.worlds 1000000 votes.parquet
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

TIES = 0.198  # the share of ties in the published arena logs
OUTCOMES = ("model_a", "model_b", "tie")
COLUMNS = ["model_a", "model_b", "winner"]
# Features counted in both answers of a vote: a typical count, and what (a − b)/(a + b) adds to the log-odds.
EFFECTS = {"length": (400, 0.8), "headers": (4, 0.1), "lists": (8, 0.2), "bold": (6, 0.0)}
FEATURES = tuple(EFFECTS)
CREDIT = {"model_a": 1.0, "tie": 0.5, "model_b": 0.0}  # what the left model gets: a tie is half a win
ELO = 400.0 / math.log(10.0)  # Elo points in one nat


def names(models: int) -> list[str]:
    """Model names about as long as real ones: "organisation-3/model-name-017"."""
    return [f"organisation-{model % 12}/model-name-{model:03d}" for model in range(models)]


def votes(n: int, models: int = 150, seed: int = 0, *, styled: bool = False) -> pa.Table:
    """Draw `n` votes between `models` models: a table of the strings model_a, model_b and winner.

    Models are met as often as Zipf's law says (the k-th in proportion to 1/k), strengths are N(0, 1 nat),
    19.8% of the votes are ties whoever meets, and the rest follow Bradley-Terry. `styled` votes have counts
    of four features in both answers (length_a, length_b and so on), which move the votes by `EFFECTS`.
    """
    import numpy as np
    import pyarrow as pa

    if models < 2:
        raise ValueError(f"a vote needs two models, not {models}")
    rng = np.random.default_rng(seed)
    strengths = rng.normal(0.0, 1.0, models)
    left, right = _pairs(rng, n, models)
    gap, counted = strengths[left] - strengths[right], {}
    for name, (typical, effect) in EFFECTS.items() if styled else ():
        a, b = (rng.poisson(typical * rng.gamma(2.0, 0.5, n)) + 1 for _ in range(2))
        gap = gap + effect * (a - b) / (a + b)
        counted |= {f"{name}_a": pa.array(a), f"{name}_b": pa.array(b)}
    chance = (1.0 - TIES) / (1.0 + np.exp(-gap))
    draw = rng.random(n)
    outcome = np.where(draw < chance, 0, np.where(draw < chance + TIES, 2, 1)).astype(np.int8)
    return pa.table(
        {
            "model_a": _strings(left, names(models)),
            "model_b": _strings(right, names(models)),
            "winner": _strings(outcome, OUTCOMES),
            **counted,
        }
    )


def write(path: str | Path, n: int, models: int = 150, seed: int = 0, *, styled: bool = False) -> Path:
    """Write `n` votes as `votes` draws them to a Parquet file, all of it or nothing; returns its path."""
    import pyarrow.parquet as pq

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    pq.write_table(votes(n, models, seed, styled=styled), unfinished)
    return unfinished.replace(path)


def codes(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """The votes as integers: left model, right model, and the credit of the left one as 0.0, 0.5 or 1.0."""
    import numpy as np
    import pandas as pd
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=COLUMNS, read_dictionary=COLUMNS)
    left, right, winner = (column.unify_dictionaries().to_pandas() for column in table.columns)
    models = pd.Index(left.cat.categories).union(right.cat.categories)
    credit = np.array([CREDIT[outcome] for outcome in winner.cat.categories])[winner.cat.codes]
    place_left, place_right = (models.get_indexer(side.cat.categories) for side in (left, right))
    return place_left[left.cat.codes], place_right[right.cat.codes], credit, models.to_list()


def wins(path: Path) -> tuple[np.ndarray, list[str]]:
    """Wins of row over column with ties as half a win each, shape (M, M), and the names."""
    import numpy as np

    left, right, credit, models = codes(path)
    m = len(models)
    cell = left * m + right
    won = np.bincount(cell, weights=credit, minlength=m * m).reshape(m, m)
    met = np.bincount(cell, minlength=m * m).reshape(m, m)
    return won + (met - won).T, models


def exact(path: Path) -> dict[str, float]:
    """The maximum likelihood of half-tie Bradley-Terry in Elo points, to about 1e-9: the yardstick.

    Independent of the engine: counts by numpy, scipy's trust-region Newton, the last model pinned at zero.
    """
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import expit

    won, models = wins(path)
    games, total = won + won.T, won.sum()

    def gap(free: np.ndarray) -> np.ndarray:
        strengths = np.append(free, 0.0)
        return strengths[:, None] - strengths[None, :]

    def loss(free: np.ndarray) -> float:
        return float((won * np.logaddexp(0.0, -gap(free))).sum() / total)

    def slope(free: np.ndarray) -> np.ndarray:
        return ((games * expit(gap(free))).sum(1) - won.sum(1))[:-1] / total

    def bend(free: np.ndarray) -> np.ndarray:
        weight = games * expit(gap(free)) * expit(-gap(free))
        return (np.diag(weight.sum(1)) - weight)[:-1, :-1] / total

    start = np.zeros(len(models) - 1)
    free = minimize(loss, start, jac=slope, hess=bend, method="trust-exact", options={"gtol": 1e-8}).x
    for _ in range(3):  # Newton to the last digit, where the loss itself no longer changes
        free = free - np.linalg.solve(bend(free), slope(free))
    if (miss := np.abs(np.linalg.solve(bend(free), slope(free))).max() * ELO) > 1e-6:
        raise ArithmeticError(f"the exact fit is still {miss:.1e} Elo points away")
    return dict(zip(models, (np.append(free, 0.0) * ELO).tolist(), strict=True))


def _pairs(rng: np.random.Generator, n: int, models: int) -> tuple[np.ndarray, np.ndarray]:
    """Two different models for each of `n` votes: int16 codes, shape (n,) each."""
    import numpy as np

    popularity = np.cumsum(1.0 / np.arange(1, models + 1))
    edges = popularity[:-1] / popularity[-1]

    def draw(count: int) -> np.ndarray:
        return np.searchsorted(edges, rng.random(count), side="right").astype(np.int16)

    left, right = draw(n), draw(n)
    while (same := np.flatnonzero(left == right)).size:
        right[same] = draw(same.size)
    return left, right


def _strings(codes: np.ndarray, words: list[str] | tuple[str, ...]) -> pa.Array:
    """Codes spelt out as plain strings: a reader gets no dictionary for free."""
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(codes, list(words)).cast(pa.string())


def main() -> None:
    """Write votes from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worlds.worlds", description=main.__doc__)
    parser.add_argument("votes", type=int)
    parser.add_argument("path", type=Path)
    parser.add_argument("--models", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--styled", action="store_true")
    given = parser.parse_args()
    print(write(given.path, given.votes, given.models, given.seed, styled=given.styled))


if __name__ == "__main__":
    main()
