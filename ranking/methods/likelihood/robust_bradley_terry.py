"""Bradley-Terry beside a few pairs that do not fit it: log-odds of rank two plus a sparse part.

The log-odds of every pair are L + S: L = θ_i − θ_j, the rank-two matrix of a Bradley-Terry model, and S
zero but for the suspect pairs, whose votes say something that no strengths explain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from agon.ranking.errors import ConvergenceError, OptionError
from agon.ranking.estimation.comparison_graph import identify
from agon.ranking.estimation.newton import ROUNDS, TOLERANCE
from agon.ranking.methods.likelihood.bradley_terry import bradley_terry
from agon.ranking.numerics import BoolArray, FloatArray, IntArray, expit
from agon.ranking.registry import find, method
from agon.ranking.results import Diagnostic, Fit, Identification
from agon.ranking.text import Readable
from agon.ranking.votes.ballots import PairRows
from agon.ranking.votes.comparisons import Votes, as_comparisons
from agon.ranking.votes.pair_counts import BothBad, PairCounts

_SETTLED = 20  # rounds in which the set of suspects must repeat itself


@dataclass(frozen=True, repr=False)
class OutlierPair(Readable):
    """A pair whose votes no strengths explain.

    Attributes:
        model, other: the names; the votes favour `model` more than the fit does.
        votes: how many the pair has, weighted.
        share: of the pair's votes that `model` won, half for a tie.
        expected: that share under the fit without the suspect pairs.
        log_odds: the sparse part, S: log-odds of the votes (half a vote added to each side) less L.
        z: how many standard deviations the votes are off.
    """

    model: str
    other: str
    votes: float
    share: float
    expected: float
    log_odds: float
    z: float

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return f"{self}."

    def __str__(self) -> str:
        """Say it in words."""
        return (
            f"{self.model} won {self.share:.0%} of {self.votes:,.0f} votes against {self.other} where "
            f"{self.expected:.0%} were to be expected ({self.z:.1f} standard deviations)"
        )


@method("robust_bradley_terry", source="Huber (1964); Xu, Xiong, Huang and Yao (2013)")
def robust_bradley_terry(
    pairs: PairCounts, *, both_bad: BothBad = "half", prior_sd: float = 1.0, chance: float = 0.05
) -> Fit:
    """Bradley-Terry without the pairs that do not fit it, which are named.

    Suspects are found from strengths that no pair can pull far, and left out; this repeats until they stay
    the same. Where there are none, the scores are exactly those of `bradley_terry`. A pair stays in if
    models would lose their link to the rest without it. Intervals take the suspects as known.

    Args:
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.
        prior_sd: standard deviation, in nats, of the prior that places models outside the component.
        chance: the chance that votes of a Bradley-Terry world have any suspect pair; above 0, at most 0.5.

    Raises:
        ConvergenceError: no solution after 200 steps.
        OptionError: `chance` or `prior_sd` outside its range.

    Source:
        P. Huber, Ann. Math. Statist. 35 (1964), of which the first stage is the logistic form: the score
        of each pair is cut off; Q. Xu, J. Xiong, Q. Huang and Y. Yao, Robust evaluation for quality of
        experience in crowdsourcing, ACM Multimedia (2013), for rank two plus sparse on paired comparisons.
    """
    return _robust(pairs, both_bad, prior_sd, chance)[0]


def outlier_pairs(
    votes: Votes, *, both_bad: BothBad = "half", chance: float = 0.05
) -> tuple[OutlierPair, ...]:
    """List the pairs whose votes no Bradley-Terry strengths explain, the farthest off first.

    Args:
        votes: as for `rank`.
        both_bad: as for `robust_bradley_terry`.
        chance: as for `robust_bradley_terry`.

    Raises:
        OptionError: `chance` outside its range, or a score table.
    """
    pairs = find("robust_bradley_terry").view_of(as_comparisons(votes))
    return _robust(pairs, both_bad, 1.0, chance)[1]


def _robust(
    pairs: PairCounts, both_bad: BothBad, prior_sd: float, chance: float
) -> tuple[Fit, tuple[OutlierPair, ...]]:
    """The fit, and the suspects it left out."""
    if not 0 < chance <= 0.5:
        raise OptionError(f"robust_bradley_terry: chance must be above 0 and at most 0.5, not {chance!r}.")
    plain = _fit(pairs, both_bad, prior_sd)
    wins = pairs.halves(both_bad)
    known = identify(wins)
    inside = (wins + wins.T > 0) & known.core[:, None] & known.core & (known.group[:, None] == known.group)
    number = int(inside.sum()) // 2
    if not number:
        return plain, ()
    cut = _normal_quantile(1 - chance / (2 * number))
    theta = _clipped(wins, inside, known, plain.values, cut)
    seen: list[bytes] = []
    for _ in range(_SETTLED):
        suspects = _suspects(wins, theta, inside, known, cut)
        if seen and suspects.tobytes() == seen[-1]:
            break
        if suspects.tobytes() in seen:  # goes in a circle: the pairs in question stay out
            suspects |= np.frombuffer(seen[-1], dtype=bool).reshape(suspects.shape)
            suspects = _linked(wins, suspects, np.abs(_deviations(wins, theta)), known)
        seen.append(suspects.tobytes())
        fit = _fit(_without(pairs, suspects), both_bad, prior_sd)
        theta = fit.values
    if not suspects.any():
        return plain, ()
    found = _described(pairs.models, wins, suspects, theta)
    return _with_notes(fit, suspects, found, plain), found


def _fit(pairs: PairCounts, both_bad: BothBad, prior_sd: float) -> Fit:
    fit = bradley_terry(pairs, both_bad=both_bad, prior_sd=prior_sd)
    if not isinstance(fit, Fit):
        raise TypeError("bradley_terry returns a Fit")
    return fit


def _clipped(
    wins: FloatArray, inside: BoolArray, known: Identification, start: FloatArray, cut: float
) -> FloatArray:
    """(M,) strengths that solve the score equations with each pair's score cut off at `cut` deviations.

    The deviation is that of an even pair, ½√n, the largest there is: the criterion stays convex, and its
    minimum is that of the likelihood with a free S under an L1 penalty of ½√n · cut on each pair.
    """
    met = np.where(inside, wins + wins.T, 0.0)
    bound = 0.5 * cut * np.sqrt(met)
    pairs = np.nonzero(np.triu(met, 1))
    counts = (wins[pairs], met[pairs], bound[pairs])
    theta = np.where(known.core, start, 0.0)
    loss = _loss(theta, pairs, *counts)
    for _ in range(ROUNDS):
        p = expit(theta[:, None] - theta[None, :])
        score = np.where(inside, wins - met * p, 0.0)
        free = np.abs(score) < bound
        weight = np.where(free, met * p * p.T, 1e-3 * met * p * p.T)  # a cut pair curves little, not nothing
        gradient = np.clip(score, -bound, bound).sum(axis=1)
        hessian = np.diag(weight.sum(axis=1)) - weight
        scale = max(float(hessian.diagonal().max()), 1e-12)
        level = (known.group[:, None] == known.group) & known.core[:, None] & known.core
        step = np.linalg.solve(hessian + scale * (level / len(theta) + np.diag(~known.core)), gradient)
        size = 1.0
        while (new := _loss(theta + size * step, pairs, *counts)) > loss and size > 1e-10:
            size /= 2
        theta, loss = theta + size * step, min(new, loss)
        if size * np.ptp(step) < TOLERANCE:
            return theta
    raise ConvergenceError(
        f"robust_bradley_terry did not converge in {ROUNDS} steps on {len(wins)} models; "
        "look at `agon check` for models that almost never win or lose."
    )


def _loss(
    theta: FloatArray, pairs: tuple[IntArray, ...], wins: FloatArray, met: FloatArray, bound: FloatArray
) -> float:
    """Minus the log-likelihood of (P,) pairs that met, straight beyond the point where a score is cut off."""
    gap = theta[pairs[0]] - theta[pairs[1]]
    share, slack = wins / met, bound / met
    tiny = 1e-300
    low = np.log(np.maximum(share - slack, tiny)) - np.log(np.maximum(1 - share + slack, tiny))
    high = np.log(np.maximum(share + slack, tiny)) - np.log(np.maximum(1 - share - slack, tiny))
    near = np.clip(gap, low, high)
    smooth = met * np.logaddexp(0.0, near) - wins * near
    return float((smooth + bound * np.abs(gap - near)).sum())


def _deviations(wins: FloatArray, theta: FloatArray) -> FloatArray:
    """(M, M) normal quantile of the binomial tail beyond the votes of each pair; 0 where they never met."""
    from scipy.special import betainc, ndtri

    met = wins + wins.T
    p = expit(theta[:, None] - theta[None, :])
    some = met > 0
    tail = np.full(wins.shape, 0.5)
    more = some & (wins > met * p)  # each pair once, from the side that has more than expected
    with np.errstate(invalid="ignore"):
        tail[more] = betainc(wins[more], met[more] - wins[more] + 1.0, p[more])
    z = -ndtri(np.clip(tail, 1e-300, 0.5))
    return np.asarray(np.where(more, z, 0.0) - np.where(more, z, 0.0).T)


def _suspects(
    wins: FloatArray, theta: FloatArray, inside: BoolArray, known: Identification, cut: float
) -> BoolArray:
    """(M, M) symmetric, the pairs that are off by more than `cut` deviations of a typical pair."""
    z = np.abs(_deviations(wins, theta))
    typical = max(1.0, float(np.median(z[inside])) / _normal_quantile(0.75))
    return _linked(wins, inside & (z > cut * typical), z, known)


def _linked(wins: FloatArray, suspects: BoolArray, z: FloatArray, known: Identification) -> BoolArray:
    """Take pairs back, the least suspect first, until every model keeps the links that it had."""
    suspects = suspects.copy()
    order = [(i, j) for i, j in np.argwhere(np.triu(suspects)).tolist()]
    for i, j in sorted(order, key=lambda pair: z[pair]):
        left = identify(np.where(suspects, 0.0, wins))
        if np.array_equal(left.core, known.core) and np.array_equal(left.group, known.group):
            break
        suspects[i, j] = suspects[j, i] = False
    return suspects


def _without(pairs: PairCounts, suspects: BoolArray) -> PairCounts:
    """The counts without some pairs."""
    kept = [np.where(suspects, 0.0, table) for table in (pairs.wins, pairs.ties, pairs.both_bad)]
    return PairCounts(pairs.models, kept[0], kept[1], kept[2], pairs.votes)


def _described(
    models: tuple[str, ...], wins: FloatArray, suspects: BoolArray, theta: FloatArray
) -> tuple[OutlierPair, ...]:
    """The suspects from the side that the votes favour, the farthest off first."""
    z = _deviations(wins, theta)
    found = []
    for i, j in np.argwhere(suspects & (z > 0)).tolist():
        n, gap = wins[i, j] + wins[j, i], float(theta[i] - theta[j])
        sparse = float(np.log((wins[i, j] + 0.5) / (wins[j, i] + 0.5))) - gap
        share, expected = float(wins[i, j] / n), float(1 / (1 + np.exp(-gap)))
        found.append(OutlierPair(models[i], models[j], float(n), share, expected, sparse, float(z[i, j])))
    return tuple(sorted(found, key=lambda pair: (-pair.z, pair.model, pair.other)))


def _with_notes(fit: Fit, suspects: BoolArray, found: tuple[OutlierPair, ...], plain: Fit) -> Fit:
    """The fit whose sandwich sees the suspect pairs no more, with what was left out."""

    equation = fit.equation
    if equation is None:
        raise TypeError("bradley_terry gives an estimating equation")
    scores, roots = equation.vote_scores, equation.vote_roots
    if scores is None or roots is None:
        raise TypeError("bradley_terry gives the scores of the votes")

    def vote_scores(rows: PairRows) -> tuple[FloatArray, ...]:
        out = suspects[rows.first, rows.second]
        return tuple(np.where(out, 0.0, column) for column in scores(rows))

    def vote_roots(rows: PairRows) -> FloatArray:
        return np.where(suspects[rows.first, rows.second], 0.0, roots(rows))

    names = tuple(dict.fromkeys(name for pair in found for name in (pair.model, pair.other)))
    place = {name: f"{{{i}}}" for i, name in enumerate(names)}
    pairs = [replace(pair, model=place[pair.model], other=place[pair.other]) for pair in found[:3]]
    shown = "; ".join(map(str, pairs))
    more = f"; and {len(found) - 3} more pairs (`outlier_pairs` lists them)" if len(found) > 3 else ""
    message = (
        f"No strengths explain the votes of {len(found)} {'pair' if len(found) == 1 else 'pairs'}, which "
        f"were left out: {shown}{more}. Look at who cast these votes, and on which prompts."
    )
    return replace(
        fit,
        uncertainty=replace(equation, vote_scores=vote_scores, vote_roots=vote_roots),
        notes=(*plain.notes, Diagnostic.of("outlier_pairs", names, message)),
    )


def _normal_quantile(p: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(p)
