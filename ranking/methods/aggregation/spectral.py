"""Ratings that are eigenvectors: of the wins, of a surfer who follows losses, of a walk towards winners.

All are exact: linear systems and eigenvectors to the last digits, no iteration that may stop early.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from agon.ranking.errors import ConvergenceError, OptionError
from agon.ranking.estimation.comparison_graph import identify
from agon.ranking.numerics import FloatArray
from agon.ranking.registry import method
from agon.ranking.results import Diagnostic, Fit, Identification, Scores
from agon.ranking.votes.pair_counts import BothBad, PairCounts

_ROUNDS = 200
_BLOCK = 64  # states left out of a chain before the rest is told, in one product


@method("eigenvector", source="Landau (1895); Keener (1993)")
def eigenvector(
    pairs: PairCounts, *, average: Literal["votes", "opponents"] = "votes", both_bad: BothBad = "half"
) -> Fit:
    """A model's share is proportional to the shares of those it beat, summed over its wins.

    The Perron vector r = A r / λ of the matrix of wins, a tie being half a win, with shares that sum to
    one. Exists on a strongly connected component; models outside get no score.

    Args:
        average: "votes" takes for A the counts, so that who is shown more gets more; "opponents" the
            share won against each opponent.
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.

    Raises:
        ConvergenceError: the inverse iteration did not settle in 200 rounds.

    Source:
        E. Landau, Deutsches Wochenschach 11 (1895); J. P. Keener, SIAM Review 35 (1993); the iteration:
        T. Noda, Numer. Math. 17 (1971).
    """
    wins = _matrix(pairs, average, both_bad)
    known = identify(pairs.halves(both_bad))
    values = np.full(len(wins), np.nan)
    for core in _cores(known):
        values[core] = perron(wins[np.ix_(core, core)])
    return Fit(values, "share", identification=known, notes=_notes(pairs.models, known))


@method("pagerank", source="Page et al. (1999)")
def pagerank(
    pairs: PairCounts,
    *,
    damping: float = 0.85,
    average: Literal["votes", "opponents"] = "votes",
    both_bad: BothBad = "half",
) -> Scores:
    """How often a surfer is at a model who follows a random loss of the present one, or else jumps.

    From a model that lost never the surfer goes anywhere. A tie is half a loss each way.

    Args:
        damping: probability of following a loss rather than jumping to any model; 0 to below 1.
        average: "votes" follows a loss in proportion to how often it happened, "opponents" in proportion
            to the share lost to each opponent.
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.

    Raises:
        OptionError: damping outside its range.

    Source:
        L. Page, S. Brin, R. Motwani and T. Winograd, Stanford InfoLab 1999-66 (1999).
    """
    if not 0 <= damping < 1:
        raise OptionError(f"pagerank: damping must be at least 0 and below 1, not {damping!r}.")
    wins = _matrix(pairs, average, both_bad)
    m = len(wins)
    lost = wins.sum(axis=0)
    step = np.where(lost[:, None] > 0, wins.T / np.where(lost > 0, lost, 1.0)[:, None], 1 / max(m, 1))
    values = np.linalg.solve(np.eye(m) - damping * step.T, np.full(m, (1 - damping) / max(m, 1)))
    return Scores(values, "share")


@method("rank_centrality", source="Negahban, Oh and Shah (2017)")
def rank_centrality(pairs: PairCounts, *, both_bad: BothBad = "half") -> Fit:
    """Log of how often a random walk is at a model that moves from each to one that beat it.

    From i to an opponent j with the share of votes that j won, over the largest number of opponents; if
    the votes are Bradley-Terry's, this estimates its strengths (in log-odds), every pair weighing the
    same however many votes it has. Exists on a strongly connected component; others get no score.

    Args:
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.

    Source:
        S. Negahban, S. Oh and D. Shah, Operations Research 65 (2017); the stationary distribution
        without subtractions: W. K. Grassmann, M. I. Taksar and D. P. Heyman, ibid. 33 (1985).
    """
    wins = pairs.halves(both_bad)
    known = identify(wins)
    values = np.full(len(wins), np.nan)
    for core in _cores(known):
        inside = wins[np.ix_(core, core)]
        met = inside + inside.T
        log_share = stationary(np.divide(inside.T, met, out=np.zeros_like(met), where=met > 0))
        values[core] = log_share - log_share.mean()
    return Fit(values, "log_odds", identification=known, notes=_notes(pairs.models, known))


def perron(matrix: FloatArray) -> FloatArray:
    """(M,) Perron vector, sum 1, of an irreducible matrix (M, M) of numbers not below 0.

    Noda's inverse iteration: from any positive start the bound max (Ax)_i / x_i falls to the eigenvalue,
    quadratically, whatever the period of the matrix.
    """
    x = np.full(len(matrix), 1.0 / len(matrix))
    for _ in range(_ROUNDS):
        ratio = (matrix @ x) / x
        most, least = float(ratio.max()), float(ratio.min())
        if most - least <= 1e-13 * most:
            return x
        x = np.linalg.solve((most * (1 + 1e-15)) * np.eye(len(x)) - matrix, x)
        x = np.abs(x) / np.abs(x).sum()
    raise ConvergenceError(f"eigenvector did not settle in {_ROUNDS} rounds on {len(x)} models.")


def stationary(rates: FloatArray) -> FloatArray:
    """(M,) logarithm of the stationary distribution of an irreducible chain, exact in every component.

    Args:
        rates: (M, M) rate from row to column; the diagonal does not matter, nor does a common factor.
    """
    p = rates.copy()
    m = len(p)
    for end in range(m, 1, -_BLOCK):
        begin = max(end - _BLOCK, 1)
        for last in range(end - 1, begin - 1, -1):  # what leads to a state leads on to where it leads
            p[:last, last] /= p[last, :last].sum()
            p[begin:last, :last] += p[begin:last, last, None] * p[last, None, :last]
            p[:begin, begin:last] += p[:begin, last, None] * p[last, None, begin:last]
        p[:begin, :begin] += p[:begin, begin:end] @ p[begin:end, :begin]
    log_share = np.zeros(m)
    for i in range(1, m):
        with np.errstate(divide="ignore"):  # no direct way from i's predecessors
            log_share[i] = np.logaddexp.reduce(log_share[:i] + np.log(p[:i, i]))
    return log_share


def _matrix(pairs: PairCounts, average: str, both_bad: BothBad) -> FloatArray:
    """(M, M) wins, or the share won of the votes of each pair."""
    wins = pairs.halves(both_bad)
    if average == "votes":
        return wins
    met = wins + wins.T
    return np.divide(wins, met, out=np.zeros_like(wins), where=met > 0)


def _cores(known: Identification) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The strongly connected components of two or more models."""
    groups = range(int(known.group.max(initial=-1)) + 1)
    found = [np.flatnonzero(known.core & (known.group == g)) for g in groups]
    return [core for core in found if len(core)]


def _notes(models: tuple[str, ...], known: Identification) -> tuple[Diagnostic, ...]:
    """Name the models without a score."""
    names = tuple(models[i] for i in np.flatnonzero(~known.core))
    if not names:
        return ()
    message = "No score for {models}: no chain of wins and losses in both directions links them."
    return (Diagnostic.of("unlinked", names, message),)
