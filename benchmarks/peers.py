"""Who takes part in the benchmarks: this engine, the other libraries and two published recipes.

One function per entrant, listed in `ENTRANTS` at the end. It imports what it needs, so that an entrant which
is not installed fails alone, and returns the work: a function from a Parquet file of votes to an `Answer`.
Every library is called as its own documentation shows, in the fastest of the ways it accepts. The recipes
"FastChat" and the plain loops are written here, in our own words, from the published description of the
algorithm: they are not the upstream programs, and where the two differ ours is the faster one.

Nothing here measures whole processes or prints: that is `benchmarks.ranking`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from benchmarks import worlds
from benchmarks.worlds import COLUMNS, CREDIT, ELO

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

K_FACTOR = 4.0
ROUNDS = 100  # of every bootstrap, and the number of permutations


@dataclass(frozen=True)
class Answer:
    """What an entrant found out.

    `scores` are Elo points per model with any origin. `seconds` replaces the measured time where the entrant
    did only a part of the work; `note` then says which part.
    """

    scores: dict[str, float]
    seconds: float | None = None
    note: str = ""


Work = Callable[[Path], Answer]


# ---- this engine


def ours(method: str, **options: Any) -> Work:
    """From the file to the board with our engine."""
    from data import comparisons
    from ranking import rank

    def work(path: Path) -> Answer:
        board = rank(comparisons(str(path)), method, **options)
        return Answer({row.model: row.score for row in board.rows if row.score is not None})

    return work


# ---- reading, and the exact answer


def reading() -> Work:
    """Only read the three columns, as dictionaries: the bound for whoever reads this file."""
    import pyarrow.parquet as pq

    def work(path: Path) -> Answer:
        pq.read_table(path, columns=COLUMNS, read_dictionary=COLUMNS)
        return Answer({})

    return work


def _frame(path: Path) -> pd.DataFrame:
    """The votes as a pandas frame of strings."""
    import pandas as pd

    return pd.read_parquet(path, columns=COLUMNS)


def exact() -> Work:
    """The exact fit of `benchmarks.worlds`: not in a table, the others are measured against it."""

    def work(path: Path) -> Answer:
        return Answer(worlds.exact(path))

    return work


# ---- Bradley-Terry elsewhere


def arena_rank() -> Work:
    """arena-rank: the README's example, with its own 95% sandwich intervals."""
    import numpy as np
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    def work(path: Path) -> Answer:
        dataset = PairDataset.from_pandas(_frame(path))
        model = BradleyTerry(n_competitors=len(dataset.competitors))
        found = model.compute_ratings_and_cis(dataset, significance_level=0.05)
        np.asarray(found["rating_lower"]), np.asarray(found["rating_upper"])  # jax is lazy: wait for them
        ratings = np.asarray(found["ratings"]).tolist()
        return Answer(dict(zip(found["competitors"], ratings, strict=True)))

    return work


def _evalica_votes(path: Path) -> tuple[list[str], list[str], list[Any]]:
    """The three lists evalica takes; handed pandas columns it is about three times slower."""
    from evalica import Winner

    votes = _frame(path)
    winners = {"model_a": Winner.X, "model_b": Winner.Y, "tie": Winner.Draw}
    return (
        votes["model_a"].tolist(),
        votes["model_b"].tolist(),
        [winners[w] for w in votes["winner"].tolist()],
    )


def evalica_bradley_terry() -> Work:
    """evalica: Bradley-Terry, the scores alone. Its bootstrap repeats all of this once per round."""
    import evalica

    def work(path: Path) -> Answer:
        found = evalica.bradley_terry(*_evalica_votes(path))
        return Answer({model: math.log(score) * ELO for model, score in found.scores.items()})

    return work


def choix_ilsr() -> Work:
    """choix: iterative Luce spectral ranking on dense counts, the scores alone.

    The counts are ours (choix takes them ready-made); its `mm_pairwise` has no form for counts.
    """
    import choix

    def work(path: Path) -> Answer:
        wins, models = worlds.wins(path)
        return Answer(dict(zip(models, (choix.ilsr_pairwise_dense(wins) * ELO).tolist(), strict=True)))

    return work


# ---- FastChat's recipes, written anew


def _distinct(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Distinct (left, right, credit) rows of a frame of strings, how often each occurs, and the names."""
    import numpy as np
    import pandas as pd

    votes = _frame(path)
    codes, models = pd.factorize(pd.concat([votes["model_a"], votes["model_b"]]))
    left, right = codes[: len(votes)], codes[len(votes) :]
    outcome = np.full(len(votes), 1)
    outcome[votes["winner"] == "model_a"] = 2
    outcome[votes["winner"] == "model_b"] = 0
    cells, counts = np.unique((left * len(models) + right) * 3 + outcome, return_counts=True)
    pair, credit = cells // 3, (cells % 3) / 2
    return pair // len(models), pair % len(models), credit, counts, list(models)


def _fit_recipe(weights: np.ndarray, left: np.ndarray, right: np.ndarray, credit: np.ndarray, m: int) -> Any:
    """One L-BFGS fit from zero to a gradient of 1e-6, at most 100 steps: strengths in units of 400 points."""
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import expit

    def loss(strengths: np.ndarray) -> tuple[float, np.ndarray]:
        chance = expit(math.log(10.0) * (strengths[left] - strengths[right]))
        value = -(weights * (credit * np.log(chance) + (1.0 - credit) * np.log(1.0 - chance))).sum()
        push = math.log(10.0) * weights * (chance - credit)
        return value, np.bincount(left, push, m) - np.bincount(right, push, m)

    options = {"maxiter": 100, "gtol": 1e-6}
    return minimize(loss, np.zeros(m), jac=True, method="L-BFGS-B", options=options).x


def fastchat() -> Work:
    """FastChat's recipe of April 2025 with the intervals of its leaderboard.

    L-BFGS over the distinct outcomes of every pair, and 100 bootstrap rounds that redraw their counts from a
    multinomial, spread over the processors by a pool. The workers get one BLAS thread each: fighting over the
    processors they take twice as long.
    """
    from multiprocessing import Pool

    import numpy as np
    import scipy.optimize  # noqa: F401  (imported here so that it is not timed)
    from threadpoolctl import threadpool_limits

    def work(path: Path) -> Answer:
        left, right, credit, counts, models = _distinct(path)
        m, n = len(models), counts.sum()
        strengths = _fit_recipe(counts.astype(float), left, right, credit, m)
        draws = np.random.default_rng(0).multinomial(n, counts / n, ROUNDS) / n
        jobs = zip(draws, repeat(left), repeat(right), repeat(credit), repeat(m), strict=False)
        with Pool(initializer=threadpool_limits, initargs=(1,)) as pool:
            boot = np.array(pool.starmap(_fit_recipe, jobs))
        np.quantile(boot, [0.025, 0.975], axis=0)
        return Answer(dict(zip(models, (strengths * 400.0).tolist(), strict=True)))

    return work


def fastchat_notebook() -> Work:
    """The recipe of the arena's public notebook: logistic regression on the table of pairs.

    Two rows per pair (won, lost) weighted by the counts with ties as half, scikit-learn's LogisticRegression
    without penalty or intercept; a bootstrap round resamples the votes, counts again and fits again. Two
    rounds are measured and stand for 100.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    def fit(left: np.ndarray, right: np.ndarray, credit: np.ndarray, m: int) -> np.ndarray:
        cell = left * m + right
        won = np.bincount(cell, credit, m * m).reshape(m, m)
        wins = won + (np.bincount(cell, minlength=m * m).reshape(m, m) - won).T
        first, second = np.triu_indices(m, 1)
        met = (wins + wins.T)[first, second] > 0
        first, second = first[met], second[met]
        design = np.zeros((first.size, m))
        row = np.arange(first.size)
        design[row, first], design[row, second] = math.log(10.0), -math.log(10.0)
        model = LogisticRegression(fit_intercept=False, C=np.inf, tol=1e-6)
        labels = np.repeat([1, 0], first.size)
        weights = np.concatenate([wins[first, second], wins[second, first]])
        return model.fit(np.vstack([design, design]), labels, sample_weight=weights).coef_[0]

    def work(path: Path) -> Answer:
        start = perf_counter()
        left, right, credit, models = worlds.codes(path)
        strengths = fit(left, right, credit, len(models))
        once, rng, rounds = perf_counter(), np.random.default_rng(0), 2
        for _ in range(rounds):
            again = rng.integers(0, left.size, left.size)
            fit(left[again], right[again], credit[again], len(models))
        seconds = once - start + (perf_counter() - once) / rounds * ROUNDS
        scores = dict(zip(models, (strengths * 400.0).tolist(), strict=True))
        return Answer(scores, seconds, f"{rounds} of {ROUNDS} rounds measured and multiplied")

    return work


# ---- online Elo elsewhere


def evalica_elo() -> Work:
    """evalica: one pass of Elo in the order of the file."""
    import evalica

    def work(path: Path) -> Answer:
        return Answer(evalica.elo(*_evalica_votes(path)).scores.to_dict())

    return work


def evalica_elo_permutations() -> Work:
    """evalica: read once, then one shuffled pass of Elo stands for 100."""
    import evalica
    import numpy as np

    def work(path: Path) -> Answer:
        start = perf_counter()
        xs, ys, winners = _evalica_votes(path)
        ready = perf_counter()
        order = np.random.default_rng(0).permutation(len(xs)).tolist()
        found = evalica.elo(*([column[vote] for vote in order] for column in (xs, ys, winners)))
        seconds = ready - start + (perf_counter() - ready) * ROUNDS
        return Answer(found.scores.to_dict(), seconds, f"1 of {ROUNDS} passes measured and multiplied")

    return work


def dict_loop_elo() -> Work:
    """One pass of Elo as the arena first published it: rows of a frame and ratings in a dictionary."""
    import pandas as pd  # noqa: F401  (imported here so that it is not timed)

    def work(path: Path) -> Answer:
        ratings: dict[str, float] = defaultdict(lambda: 1000.0)
        for left, right, winner in _frame(path).itertuples(index=False):
            expected = 1.0 / (1.0 + 10.0 ** ((ratings[right] - ratings[left]) / 400.0))
            change = K_FACTOR * (CREDIT[winner] - expected)
            ratings[left] += change
            ratings[right] -= change
        return Answer(dict(ratings))

    return work


def _elo_pass(left: list[int], right: list[int], gain: list[float], m: int) -> list[float]:
    """One pass of Elo over integers, as fast as a plain loop gets: ratings in nats, `gain` = K x credit."""
    exp, k = math.exp, K_FACTOR / ELO
    ratings = [0.0] * m
    for a, b, won in zip(left, right, gain, strict=True):
        ours_, theirs = ratings[a], ratings[b]
        change = won - k / (1.0 + exp(theirs - ours_))
        ratings[a] = ours_ + change
        ratings[b] = theirs - change
    return ratings


def plain_loop_elo(passes: int, of: int) -> Work:
    """Plain Python over integer codes: `passes` passes measured, standing for `of`.

    A single pass keeps the order of the file; of more, each is shuffled first.
    """
    import numpy as np
    import pandas as pd  # noqa: F401  (imported here so that it is not timed)
    import pyarrow.parquet as pq  # noqa: F401

    def work(path: Path) -> Answer:
        start = perf_counter()
        left, right, credit, models = worlds.codes(path)
        gain, total = credit * (K_FACTOR / ELO), np.zeros(len(models))
        ready, rng = perf_counter(), np.random.default_rng(0)
        for _ in range(passes):
            order = slice(None) if of == 1 else rng.permutation(left.size)
            columns = (column[order].tolist() for column in (left, right, gain))
            total += _elo_pass(*columns, len(models))
        scores = dict(zip(models, (total / passes * ELO).tolist(), strict=True))
        if passes == of:
            return Answer(scores)
        seconds = ready - start + (perf_counter() - ready) / passes * of
        return Answer(scores, seconds, f"{passes} of {of} loops measured and multiplied")

    return work


ENTRANTS: dict[str, Callable[[], Work]] = {
    "ours, sandwich": lambda: ours("bradley_terry", interval="sandwich"),
    "ours, bootstrap 100": lambda: ours("bradley_terry", interval="bootstrap", rounds=ROUNDS),
    "ours, Elo": lambda: ours("elo", permutations=0, interval="none"),
    "ours, Elo x 100": lambda: ours("elo", permutations=ROUNDS, interval="none"),
    "reading alone": reading,
    "exact": exact,
    "arena-rank, sandwich": arena_rank,
    "evalica, no intervals": evalica_bradley_terry,
    "choix ilsr, no intervals": choix_ilsr,
    "FastChat recipe, bootstrap 100": fastchat,
    "FastChat notebook, bootstrap 100": fastchat_notebook,
    "evalica, Elo": evalica_elo,
    "evalica, Elo x 100": evalica_elo_permutations,
    "dictionary loop, Elo": dict_loop_elo,
    "plain loop, Elo": lambda: plain_loop_elo(1, 1),
    "plain loop, Elo x 100": lambda: plain_loop_elo(3, ROUNDS),
}
