"""Rules that elect by lot: maximal lotteries and Nash averaging, made unique by maximum entropy.

Both are equilibria of the game in which two players name a model and the one whose model is stronger
wins. Equilibria need not be unique; of several the one of maximum entropy treats equal models equally.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agon.ranking.errors import ConvergenceError, OptionError
from agon.ranking.methods.social_choice.majority_graph import margins
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.registry import ResampledScores, method, stack_results
from agon.ranking.results import Choice, Diagnostic, Scores
from agon.ranking.text import Sentence
from agon.ranking.votes.pair_counts import BothBad, PairCounts
from agon.ranking.votes.resamples import ResampledPairCounts

_STEPS = 200
EXACT = 1e-11  # advantage, as a share of the largest, below which a constraint holds
SEEN = 1e-9  # probability below which a model is not in the lottery


@method(
    "maximal_lottery",
    source="Fishburn (1984); Brandl, Brandt and Seedig (2016)",
    batch=lambda *given, **options: _each(smith_lottery, *given, **options),
    axioms="majority, condorcet, condorcet_loser, smith, pareto, clones",
    by_margin=True,
)
def maximal_lottery(pairs: PairCounts) -> Choice:
    """The lottery that no other lottery beats by expected margin; of several the most even one.

    The winners are all models that the lottery may draw. It ignores how large the margins of the others
    are, so show the margins beside it.

    Raises:
        ConvergenceError: the equilibrium was not found to 1e-9.

    Source:
        P. Fishburn, Probabilistic social choice based on simple voting comparisons, Review of Economic
        Studies 51 (1984); F. Brandl, F. Brandt and H. G. Seedig, Econometrica 84 (2016).
    """
    margin = margins(pairs)
    lottery = equilibrium(margin)
    drawn = lottery > SEEN
    tiers = [tuple(np.flatnonzero(part).tolist()) for part in (drawn, ~drawn) if part.any()]
    return Choice(tuple(tiers), lottery=lottery, notes=_several_notes(pairs.models, margin, lottery))


@method(
    "nash_averaging",
    source="Balduzzi et al. (2018)",
    batch=lambda *given, **options: _each(smith_averaging, *given, **options),
    axioms="clones",
    by_margin=True,
)
def nash_averaging(pairs: PairCounts, *, prior: float = 0.5, both_bad: BothBad = "half") -> Scores:
    """The expected log-odds against an opponent drawn from the equilibrium of maximum entropy.

    Every model that the equilibrium draws has 0, every other at most 0. Adding copies of a model changes
    nothing where there is one equilibrium; the note "several_lotteries" says where there are more. The note
    "equilibrium" gives the lottery.

    Args:
        prior: wins added to both sides of every pair that met, so that no log-odds is infinite.
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.

    Raises:
        OptionError: a prior that is not above 0.
        ConvergenceError: the equilibrium was not found to 1e-9.

    Source:
        D. Balduzzi, K. Tuyls, J. Perolat and T. Graepel, Re-evaluating evaluation (NeurIPS 2018), section 4.
    """
    if not prior > 0 or not np.isfinite(prior):
        raise OptionError(f"nash_averaging: prior must be above 0, not {prior!r}.")
    wins = pairs.halves(both_bad)
    met = wins + wins.T > 0
    log_odds = np.where(met, np.log(wins + prior) - np.log(wins.T + prior), 0.0)
    lottery = equilibrium(log_odds)
    value = log_odds @ lottery
    value[np.abs(value) <= 1e-9 * max(1.0, float(np.abs(log_odds).max()))] = 0.0
    drawn = np.flatnonzero(lottery > SEEN)
    drawn = drawn[np.argsort(-lottery[drawn], kind="stable")]
    shares = ", ".join(f"{{{place}}} {lottery[i]:.3f}" for place, i in enumerate(drawn[:5]))
    more = f" and {len(drawn) - 5} more" if len(drawn) > 5 else ""
    names = tuple(pairs.models[i] for i in drawn)
    note = Diagnostic.of("equilibrium", names, f"The equilibrium draws {shares}{more}.")
    return Scores(value, notes=(note, *_several_notes(pairs.models, log_odds, lottery)))


def _several_notes(
    models: tuple[str, ...], advantage: FloatArray, lottery: FloatArray
) -> tuple[Diagnostic, ...]:
    """Say so where the equilibrium is not the only one.

    The lottery draws every model that any equilibrium draws, so that these span what leaves all of them even.
    """
    drawn = np.flatnonzero(lottery > SEEN)
    inner = advantage[np.ix_(drawn, drawn)]
    size = float(np.abs(inner).max(initial=0.0))
    if len(drawn) == 1 or _null_space(inner / size if size else inner).shape[1] == 1:
        return ()
    message = Sentence(
        "Several lotteries are equally right; this is the most even one. Another choice, or a copy of a "
        "model, gives other shares."
    )
    return (Diagnostic("several_lotteries", tuple(models[i] for i in drawn), message),)


def equilibrium(advantage: FloatArray) -> FloatArray:
    """(M,) the maximum-entropy equilibrium p of a symmetric zero-sum game: p ≥ 0, Σp = 1, pᵀA ≥ 0.

    Args:
        advantage: (M, M) skew-symmetric A, what the row gains against the column.

    Raises:
        ConvergenceError: not found to 1e-9.
    """
    m = len(advantage)
    size = float(np.abs(advantage).max(initial=0.0))
    if size == 0:
        return np.full(m, 1.0 / m)
    game = 0.5 * (advantage - advantage.T) / size
    inside = _essential(game)
    lottery = np.zeros(m)
    lottery[inside] = _most_even(game[np.ix_(inside, inside)], game[np.ix_(inside, ~inside)])
    if np.min(lottery @ game) < -1e-9:
        raise ConvergenceError("The equilibrium was not found to 1e-9; round the counts or leave out models.")
    return lottery


def _essential(game: FloatArray) -> NDArray[np.bool_]:
    """(M,) the models that some equilibrium draws.

    There is an equilibrium p with p + pᵀA > 0 (Tucker 1956); it draws exactly those models, and its
    advantage over each of the others is above 0. A linear programme makes the smallest sum largest.
    """
    from scipy.optimize import linprog

    m = len(game)
    against = -game.T  # rows: minus the advantage of p over each model
    found = linprog(
        np.append(np.zeros(m), -1.0),
        A_ub=np.block([[against, np.zeros((m, 1))], [against - np.eye(m), np.ones((m, 1))]]),
        b_ub=np.zeros(2 * m),
        A_eq=np.append(np.ones(m), 0.0)[None, :],
        b_eq=[1.0],
        bounds=[(0, None)] * m + [(None, None)],
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if not found.success or found.x is None:
        raise ConvergenceError(f"The linear programme of the equilibrium failed: {found.message}")
    p = np.asarray(found.x[:m])
    return np.asarray(p > p @ game)


def _most_even(inner: FloatArray, outer: FloatArray) -> FloatArray:
    """(S,) the p > 0 of largest entropy with Σp = 1, pᵀ·inner = 0 and pᵀ·outer ≥ 0.

    Where one p alone satisfies the equations it is the null vector. Else p_i ∝ exp(Σ_j A_ij λ_j), with
    multipliers λ_j free for the equations and of 0 or more for the inequalities that bind.
    """
    null = _null_space(inner)
    if null.shape[1] == 1:
        return np.asarray(np.abs(null[:, 0]) / np.abs(null[:, 0]).sum())
    free = _exponential(inner)[0]
    if not outer.size or (free @ outer).min() >= -EXACT:
        return free
    binding = _binding(inner, outer)
    return _exponential(np.concatenate([inner, outer[:, binding]], axis=1))[0]


def _binding(inner: FloatArray, outer: FloatArray) -> NDArray[np.bool_]:
    """The inequalities whose multiplier is above 0 where log Σ exp(A λ) is least."""
    from scipy.optimize import minimize

    columns = np.concatenate([inner, outer], axis=1)

    def height(force: FloatArray) -> tuple[float, FloatArray]:
        level = columns @ force
        top = level.max()
        return float(top + np.log(np.exp(level - top).sum())), _softmax(level) @ columns

    bounds = [(None, None)] * inner.shape[1] + [(0, None)] * outer.shape[1]
    start = np.zeros(columns.shape[1])
    limits: Any = {"maxiter": 10_000, "maxfun": 100_000, "ftol": 1e-16, "gtol": 1e-12}
    found = minimize(height, start, jac=True, bounds=bounds, method="L-BFGS-B", options=limits)
    return np.asarray(found.x[inner.shape[1] :] > 1e-6)


def _exponential(columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Minimise log Σ exp(columns @ λ) by Newton's method; (S,) p with pᵀ·columns = 0, and (C,) λ."""
    force = np.zeros(columns.shape[1])
    value = np.log(len(columns))
    for _ in range(_STEPS):
        p = _softmax(columns @ force)
        slope = p @ columns
        if np.abs(slope).max() < EXACT:
            break
        curvature = (columns * p[:, None]).T @ columns - np.outer(slope, slope)
        step = np.linalg.lstsq(curvature, slope, rcond=1e-13)[0]
        length = 1.0
        while length > 1e-10:
            trial = force - length * step
            level = columns @ trial
            top = level.max()
            new = float(top + np.log(np.exp(level - top).sum()))
            if new <= value - 1e-4 * length * float(slope @ step) + 1e-15:
                break
            length /= 2
        force, value = force - length * step, new
    return _softmax(columns @ force), force


def _softmax(level: FloatArray) -> FloatArray:
    weight = np.exp(level - level.max())
    return np.asarray(weight / weight.sum())


def _null_space(matrix: FloatArray) -> FloatArray:
    """(S, d) orthonormal basis of the vectors x with xᵀ·matrix = 0."""
    _, singular, right = np.linalg.svd(matrix.T)
    rank = int((singular > 1e-10 * max(1.0, float(singular.max(initial=0.0)))).sum())
    return np.asarray(right[rank:].T)


def _each(
    rule: Callable[..., Scores | Choice], drawn: ResampledPairCounts, _: object, **options: Any
) -> ResampledScores:
    """Run a rule on each resample."""
    return stack_results((rule(one, **options) for one in drawn), len(drawn.models))


def smith_lottery(pairs: PairCounts) -> Choice:
    """The maximal lottery, from the Smith set alone."""
    first = smith(margins(pairs))
    lottery = np.zeros(len(pairs.models))
    if len(first) == 1:
        lottery[first] = 1.0
    else:
        inner = maximal_lottery(some(pairs, first))
        lottery[first] = inner.lottery if isinstance(inner, Choice) and inner.lottery is not None else np.nan
    drawn = lottery > SEEN
    tiers = tuple(tuple(np.flatnonzero(part).tolist()) for part in (drawn, ~drawn) if part.any())
    return Choice(tiers, lottery=lottery)


def smith_averaging(pairs: PairCounts, *, prior: float = 0.5, both_bad: BothBad = "half") -> Scores | Choice:
    """Nash averaging, with an equilibrium of the Smith set alone."""
    wins = pairs.halves(both_bad)
    met = wins + wins.T > 0
    log_odds = np.where(met, np.log(wins + prior) - np.log(wins.T + prior), 0.0)
    first = smith(log_odds)
    if len(first) == len(log_odds):
        return nash_averaging(pairs, prior=prior, both_bad=both_bad)
    lottery = np.zeros(len(log_odds))
    lottery[first] = 1.0 if len(first) == 1 else equilibrium(log_odds[np.ix_(first, first)])
    values = log_odds @ lottery
    values[np.abs(values) <= 1e-9 * max(1.0, float(np.abs(log_odds).max()))] = 0.0
    return Scores(values)


def smith(margin: FloatArray) -> IntArray:
    """The smallest set of models that each beat every model outside it; (M, M) skew-symmetric margins.

    The first c models by Copeland score are such a set if their scores sum to what they have when they
    split their own games and win all others.
    """
    m = len(margin)
    score = 0.5 * (np.sign(margin).sum(axis=1) + m - 1)
    order = np.argsort(-score, kind="stable")
    size = np.arange(1, m + 1)
    full = size * (size - 1) / 2 + size * (m - size)
    return np.sort(order[: int(np.argmax(np.cumsum(score[order]) > full - 0.25)) + 1])


def some(pairs: PairCounts, part: IntArray) -> PairCounts:
    """The counts of some models among themselves."""
    at = np.ix_(part, part)
    names = tuple(pairs.models[i] for i in part)
    return PairCounts(names, pairs.wins[at], pairs.ties[at], pairs.both_bad[at], pairs.votes[part])
