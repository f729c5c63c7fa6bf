"""FastChat in the benchmarks: the upstream program of April 2025, and its bootstrap written anew.

No package index has the program: FASTCHAT names the folder of a clone of https://github.com/lm-sys/FastChat.
The recipe is in our own words, from the published description, and faster than the program: distinct outcomes
are counted over integers and the workers of its pool get one BLAS thread each.
"""

from __future__ import annotations

import math
import os
import sys
from itertools import repeat
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from benchmarks.entrants.answers import K_FACTOR, ROUNDS, Answer, Votes, Work, frame
from benchmarks.worlds.worlds import COLUMNS, worlds

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


# ---- FastChat: the upstream program


def _upstream() -> Any:
    """FastChat's module of rating systems, from a clone."""
    from importlib.util import module_from_spec, spec_from_file_location

    path = Path(os.environ.get("FASTCHAT", "FASTCHAT")) / "fastchat/serve/monitor/rating_systems.py"
    if not path.exists():
        raise ModuleNotFoundError("no clone of FastChat", name="FastChat")
    spec = spec_from_file_location("rating_systems", path)
    module = module_from_spec(spec)
    sys.modules["rating_systems"] = module  # its pool sends functions by the name of their module
    spec.loader.exec_module(module)
    return module


def bootstrap() -> Work:
    """FastChat's own bootstrap of Bradley-Terry: 100 rounds."""
    module = _upstream()

    def work(votes: Votes) -> Answer:
        boot = module.compute_bootstrap_bt(frame(votes), ROUNDS)
        boot.quantile([0.025, 0.975])
        return Answer(boot.median().to_dict())

    return work


def elo() -> Work:
    """FastChat's own Elo: one pass."""
    module = _upstream()
    return lambda votes: Answer(module.compute_elo(frame(votes), k=K_FACTOR))


def style() -> Work:
    """FastChat's own style control. Each vote needs a dictionary of counts: making these is not timed."""
    module = _upstream()

    def work(votes: pd.DataFrame) -> Answer:
        theirs = ("sum_assistant_{}_tokens", "header_count_{}", "list_count_{}", "bold_count_{}")
        names = [
            (name.format(s), f"{own}_{s}")
            for s in "ab"
            for name, own in zip(theirs, worlds.FEATURES, strict=True)
        ]
        columns = [votes[own].tolist() for _, own in names]
        keys = [name for name, _ in names]
        table = votes[COLUMNS].assign(
            conv_metadata=[dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]
        )
        start = perf_counter()
        scores, _ = module.compute_style_control(table)
        return Answer(scores.to_dict(), perf_counter() - start, "no intervals; its dictionaries made before")

    return work


# ---- FastChat's recipes, written anew


def _distinct(votes: Votes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Distinct (left, right, credit) rows of a frame of strings, how often each occurs, and the names."""
    import numpy as np
    import pandas as pd

    table = frame(votes)
    codes, models = pd.factorize(pd.concat([table["model_a"], table["model_b"]]))
    left, right = codes[: len(table)], codes[len(table) :]
    outcome = np.full(len(table), 1)
    outcome[table["winner"] == "model_a"] = 2
    outcome[table["winner"] == "model_b"] = 0
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


def recipe() -> Work:
    """FastChat's recipe of April 2025 with the intervals of its leaderboard.

    L-BFGS over the distinct outcomes of every pair, and 100 bootstrap rounds that redraw their counts from a
    multinomial, spread over the processors by a pool. The workers get one BLAS thread each: fighting over the
    processors they take twice as long.
    """
    from multiprocessing import Pool

    import numpy as np
    import scipy.optimize  # noqa: F401  (imported here so that it is not timed)
    from threadpoolctl import threadpool_limits

    def work(votes: Votes) -> Answer:
        left, right, credit, counts, models = _distinct(votes)
        m, n = len(models), counts.sum()
        strengths = _fit_recipe(counts.astype(float), left, right, credit, m)
        draws = np.random.default_rng(0).multinomial(n, counts / n, ROUNDS) / n
        jobs = zip(draws, repeat(left), repeat(right), repeat(credit), repeat(m), strict=False)
        with Pool(initializer=threadpool_limits, initargs=(1,)) as pool:
            boot = np.array(pool.starmap(_fit_recipe, jobs))
        np.quantile(boot, [0.025, 0.975], axis=0)
        return Answer(dict(zip(models, (strengths * 400.0).tolist(), strict=True)))

    return work
