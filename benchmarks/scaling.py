"""What the engine's own work costs: a new vote, style control, more votes and models, each rating, threads.

    python -m benchmarks.scaling               everything; a few minutes
    python -m benchmarks.scaling --only vote   the lines whose name contains "vote"

Seconds of processor time, which mean more on a busy machine, and by the clock: the least of five. Votes are
made as counts, so nothing here reads a file; `benchmarks.speed` measures whole processes beside others.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter, process_time

import numpy as np
from threadpoolctl import threadpool_limits

from agon.ranking import Comparisons, Leaderboard, PairCounts, rank

TIES = 0.2
FEATURES = ("length", "headers", "lists", "bold")
FITTED = ("win_rate", "bradley_terry", "bradley_terry_ridge", "robust_bradley_terry", "thurstone", "davidson")
FITTED += ("newman", "rao_kupper", "rao_kupper_bag", "plackett_luce")
PLAYED = ("weng_lin", "kwise_bayes")  # vote by vote


def counted(votes: int, models: int, seed: int = 0) -> Comparisons:
    """Votes as counts: models met as often as Zipf's law says, strengths N(0, 1 nat), a fifth ties."""
    rng = np.random.default_rng(seed)
    popularity = 1 / np.arange(1, models + 1)
    chance = np.triu(np.outer(popularity, popularity), 1)
    met = rng.multinomial(votes, (chance / chance.sum()).ravel()).reshape(models, models)
    strengths = rng.normal(0, 1, models)
    ties = rng.binomial(met, TIES)
    won = rng.binomial(met - ties, 1 / (1 + np.exp(strengths[None, :] - strengths[:, None])))
    names = [f"model-{i:04d}" for i in range(models)]
    return Comparisons.from_counts(names, won + (met - ties - won).T, ties + ties.T)


def least(work: Callable[[], object], times: int = 5) -> tuple[float, float]:
    """The least processor seconds and the least seconds by the clock of some runs."""
    busy, taken = [], []
    for _ in range(times):
        start, begin = perf_counter(), process_time()
        work()
        busy.append(process_time() - begin)
        taken.append(perf_counter() - start)
    return min(busy), min(taken)


def new_vote() -> Iterator[tuple[str, tuple[float, float]]]:
    """Add a vote to ten million, count, fit and find intervals again."""
    votes = counted(10_000_000, 150)
    more = Comparisons.of(["model-0003", "model-0010"], [[0, 1]], [[1, 2]])
    assert len(votes + more) == 10_000_001
    yield "a new vote into a board of 10M, 150 models", least(lambda: rank(votes + more))


def style() -> Iterator[tuple[str, tuple[float, float]]]:
    """Fit strengths and four effects to a million votes, with intervals, the features given."""
    rng, n = np.random.default_rng(0), 1_000_000
    first = rng.integers(0, 150, n)
    shown = np.stack([first, (first + rng.integers(1, 150, n)) % 150], axis=1)
    places = np.array([[1, 2], [2, 1], [1, 1]])[rng.integers(0, 3, n)]
    amounts = {name: rng.poisson(20, (n, 2)) for name in FEATURES}
    votes = Comparisons.of([f"m{i:03d}" for i in range(150)], shown, places, features=amounts)
    ready = votes.controlled(FEATURES)
    from agon.ranking.registry import METHODS

    fit = METHODS["contextual_bradley_terry"].function
    yield "style control, 4 features, 1M votes: fit and covariance", least(lambda: fit(ready.contexts), 3)
    yield "style control, 4 features, 1M votes: whole board", least(lambda: rank(votes, control=FEATURES), 3)


def curves() -> Iterator[tuple[str, tuple[float, float]]]:
    """More votes, and more models."""
    for votes in (10_000, 100_000, 1_000_000, 10_000_000):
        made = counted(votes, 150)
        yield f"counting ballots into a board with intervals, {votes:,} votes", least(partial(_afresh, made))
    for models in (10, 50, 150, 500, 1000, 2000):
        made = counted(max(100_000, 500 * models), models)
        yield (
            f"board with intervals, {models:,} models",
            least(partial(_afresh, made), 2 if models > 500 else 5),
        )


def ratings() -> Iterator[tuple[str, tuple[float, float]]]:
    """Every rating of 2,000 models that has intervals without a bootstrap, from a million votes."""
    votes = counted(1_000_000, 2000)
    for name in (*FITTED, *PLAYED):
        board = _afresh(votes, name)
        assert board.rows[0].lower is not None
        yield f"{name} with intervals, 2,000 models", least(partial(_afresh, votes, name), 2)


def threads() -> Iterator[tuple[str, tuple[float, float]]]:
    """What BLAS threads cost small systems: processor seconds with one and with all."""
    for models in (50, 150, 500):
        wins = PairCounts.from_ballots(counted(1_000_000, models).ballots)
        from agon.ranking.registry import METHODS

        fit = METHODS["bradley_terry"].function
        for limit in (1, None):
            with threadpool_limits(limits=limit, user_api="blas"):
                yield f"fit of {models} models, {limit or 'all'} BLAS threads", least(partial(fit, wins))


def _afresh(votes: Comparisons, method: str = "bradley_terry") -> Leaderboard:
    """Rank with nothing kept from the time before."""
    return rank(Comparisons(votes._source), method)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="only the parts whose name contains this")
    given = parser.parse_args()
    parts = {"vote": new_vote, "style": style, "curves": curves, "ratings": ratings, "threads": threads}
    print("| work | processor seconds | seconds |\n| --- | --- | --- |")
    for name, part in parts.items():
        if given.only in name:
            for what, (busy, taken) in part():
                print(f"| {what} | {busy:.4f} | {taken:.4f} |", flush=True)


if __name__ == "__main__":
    main()
