"""Who takes part in the benchmarks: this engine, other libraries and plain loops; FastChat is in fastchat.py.

One function per entrant, listed in `ENTRANTS` at the end. It imports what it needs, so that an entrant which
is not installed fails alone, and returns the work: votes in a Parquet file or a pandas frame to an `Answer`.
Every library is called as its own documentation shows, in the fastest of the ways it accepts.

Nothing here measures whole processes or prints: that is `benchmarks.speed`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from benchmarks.entrants import fastchat
from benchmarks.entrants.answers import K_FACTOR, ROUNDS, Answer, Votes, Work, frame
from benchmarks.worlds.worlds import COLUMNS, CREDIT, ELO, worlds

if TYPE_CHECKING:
    import pandas as pd


# ---- this engine


def ours(method: str, **options: Any) -> Work:
    """From the file to the board with our engine."""
    from agon.data import comparisons
    from agon.ranking import rank

    def work(votes: Votes) -> Answer:
        board = rank(comparisons(votes), method, **options)
        return Answer({row.model: row.score for row in board.rows if row.score is not None})

    return work


# ---- reading, and the exact answer


def reading() -> Work:
    """Only read the three columns, as dictionaries: the bound for whoever reads this file."""
    import pyarrow.parquet as pq

    def work(votes: Votes) -> Answer:
        pq.read_table(votes, columns=COLUMNS, read_dictionary=COLUMNS)
        return Answer({})

    return work


def exact() -> Work:
    """The exact fit of `benchmarks.worlds.worlds`: not in a table, the others are measured against it."""

    def work(votes: Votes) -> Answer:
        return Answer(worlds.exact(votes))

    return work


# ---- Bradley-Terry elsewhere


def arena_rank() -> Work:
    """arena-rank: the README's example, with its own 95% sandwich intervals."""
    import numpy as np
    from agon.arena_rank.models.bradley_terry import BradleyTerry
    from agon.arena_rank.utils.data_utils import PairDataset

    def work(votes: Votes) -> Answer:
        dataset = PairDataset.from_pandas(frame(votes))
        model = BradleyTerry(n_competitors=len(dataset.competitors))
        found = model.compute_ratings_and_cis(dataset, significance_level=0.05)
        np.asarray(found["rating_lower"]), np.asarray(found["rating_upper"])  # jax is lazy: wait for them
        ratings = np.asarray(found["ratings"]).tolist()
        return Answer(dict(zip(found["competitors"], ratings, strict=True)))

    return work


def _evalica_votes(votes: Votes) -> tuple[list[str], list[str], list[Any]]:
    """The three lists evalica takes; handed pandas columns it is about three times slower."""
    from evalica import Winner

    table = frame(votes)
    winners = {"model_a": Winner.X, "model_b": Winner.Y, "tie": Winner.Draw}
    return (
        table["model_a"].tolist(),
        table["model_b"].tolist(),
        [winners[w] for w in table["winner"].tolist()],
    )


def evalica_bradley_terry() -> Work:
    """evalica: Bradley-Terry, the scores alone. Its bootstrap repeats all of this once per round."""
    import evalica

    def work(votes: Votes) -> Answer:
        found = evalica.bradley_terry(*_evalica_votes(votes))
        return Answer({model: math.log(score) * ELO for model, score in found.scores.items()})

    return work


def choix_ilsr() -> Work:
    """choix: iterative Luce spectral ranking on dense counts, the scores alone.

    The counts are ours (choix takes them ready-made); its `mm_pairwise` has no form for counts.
    """
    import choix

    def work(votes: Votes) -> Answer:
        wins, models = worlds.wins(votes)
        return Answer(dict(zip(models, (choix.ilsr_pairwise_dense(wins) * ELO).tolist(), strict=True)))

    return work


def arena_rank_style() -> Work:
    """arena-rank: its contextual model on (a − b)/(a + b) of four counts, each vote once, with intervals."""
    import numpy as np
    from agon.arena_rank.models.contextual_bradley_terry import ContextualBradleyTerry
    from agon.arena_rank.utils.data_utils import ContextualPairDataset

    def work(votes: pd.DataFrame) -> Answer:
        table = votes[COLUMNS].copy()
        for name in worlds.FEATURES:
            a, b = votes[f"{name}_a"], votes[f"{name}_b"]
            table[name] = (a - b) / (a + b)
        dataset = ContextualPairDataset.from_pandas(table, list(worlds.FEATURES), reweighted=False)
        model = ContextualBradleyTerry(len(dataset.competitors), len(worlds.FEATURES), reg=0.0)
        found = model.compute_ratings_and_cis(dataset, significance_level=0.05)
        np.asarray(found["rating_lower"]), np.asarray(found["rating_upper"])
        ratings = np.asarray(found["ratings"]).tolist()
        return Answer(dict(zip(found["competitors"], ratings, strict=True)))

    return work


# ---- online Elo elsewhere


def evalica_elo() -> Work:
    """evalica: one pass of Elo in the order of the file."""
    import evalica

    def work(votes: Votes) -> Answer:
        return Answer(evalica.elo(*_evalica_votes(votes)).scores.to_dict())

    return work


def evalica_elo_permutations() -> Work:
    """evalica: read once, then one shuffled pass of Elo stands for 100."""
    import evalica
    import numpy as np

    def work(votes: Votes) -> Answer:
        start = perf_counter()
        xs, ys, winners = _evalica_votes(votes)
        ready = perf_counter()
        order = np.random.default_rng(0).permutation(len(xs)).tolist()
        found = evalica.elo(*([column[vote] for vote in order] for column in (xs, ys, winners)))
        seconds = ready - start + (perf_counter() - ready) * ROUNDS
        return Answer(found.scores.to_dict(), seconds, f"1 of {ROUNDS} passes measured and multiplied")

    return work


def dict_loop_elo() -> Work:
    """One pass of Elo as the arena first published it: rows of a frame and ratings in a dictionary."""
    import pandas as pd  # noqa: F401  (imported here so that it is not timed)

    def work(votes: Votes) -> Answer:
        ratings: dict[str, float] = defaultdict(lambda: 1000.0)
        for left, right, winner in frame(votes).itertuples(index=False):
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

    def work(votes: Votes) -> Answer:
        start = perf_counter()
        left, right, credit, models = worlds.codes(votes)
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
    "ours, bootstrap 100": lambda: ours("bradley_terry", interval="bootstrap", n_resamples=ROUNDS),
    "ours, Elo": lambda: ours("elo", permutations=0, interval="none"),
    "ours, Elo x 100": lambda: ours("elo", permutations=ROUNDS, interval="none"),
    "reading alone": reading,
    "exact": exact,
    "arena-rank, sandwich": arena_rank,
    "evalica, no intervals": evalica_bradley_terry,
    "choix ilsr, no intervals": choix_ilsr,
    "FastChat recipe, bootstrap 100": fastchat.recipe,
    "ours, style control": lambda: ours("bradley_terry", control=list(worlds.FEATURES), interval="sandwich"),
    "arena-rank, style control": arena_rank_style,
    "FastChat, bootstrap 100": fastchat.bootstrap,
    "FastChat, Elo": fastchat.elo,
    "FastChat, style control": fastchat.style,
    "evalica, Elo": evalica_elo,
    "evalica, Elo x 100": evalica_elo_permutations,
    "dictionary loop, Elo": dict_loop_elo,
    "plain loop, Elo": lambda: plain_loop_elo(1, 1),
    "plain loop, Elo x 100": lambda: plain_loop_elo(3, ROUNDS),
}
