"""General preference embeddings: pairs whose chances no strengths give, such as rock, paper and scissors.

The log-odds of i over j are θ_i − θ_j + Σ_k (a_ik b_jk − b_ik a_jk): strengths, and K planes in which models
stand around each other. A plane more is believed where it predicts votes held out better beyond chance;
without planes it is Bradley-Terry.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from agon.ranking.errors import ConvergenceError, OptionError, SourceError
from agon.ranking.inference.simultaneous import quantile
from agon.ranking.numerics import FloatArray, expit, threads_for
from agon.ranking.prediction.held_out import HeldOutBy, hold_out, part_of
from agon.ranking.text import Readable, join_names
from agon.ranking.votes.comparisons import Comparisons, Votes, as_comparisons
from agon.ranking.votes.pair_counts import PairCounts

if TYPE_CHECKING:
    import pandas as pd

_WIDE = 10.0  # standard deviation of strengths, nats: as good as none
_SHOWN = 3  # cycles in the sentence


@dataclass(frozen=True, eq=False, repr=False)
class PreferenceEmbedding(Readable):
    """Strengths, and planes in which models stand around each other.

    Attributes:
        models: M names.
        strengths: (M,) nats, of mean zero.
        left, right: (M, K) a and b; K is 0 where strengths alone predict as well.
        log_loss: of votes held out, in nats, by K: that of strengths alone first, then of each plane tried.
        gain, gain_lower: how much smaller a plane more made the loss, and its lower bound, for each tried.
        level: of these bounds.
        votes: how many were held out.
    """

    models: tuple[str, ...]
    strengths: FloatArray
    left: FloatArray
    right: FloatArray
    log_loss: tuple[float, ...]
    gain: tuple[float, ...]
    gain_lower: tuple[float, ...]
    level: float
    votes: int

    @property
    def planes(self) -> int:
        """How many there are, K."""
        return int(self.left.shape[1])

    @property
    def probabilities(self) -> FloatArray:
        """(M, M) expected share of the row against the column, a tie half."""
        return expit(_log_odds(self.strengths, self.left, self.right))

    @property
    def cycles(self) -> tuple[tuple[str, str, str], ...]:
        """Triples of which each is expected to beat the next, and the last the first; the clearest first."""
        p = self.probabilities
        found = []
        for i, j, k in combinations(range(len(self.models)), 3):
            for a, b, c in ((i, j, k), (i, k, j)):
                least = min(p[a, b], p[b, c], p[c, a])
                if least > 0.5:
                    found.append((-float(least), (self.models[a], self.models[b], self.models[c])))
        return tuple(names for _, names in sorted(found))

    def conclusion(self) -> str:
        """Say in one sentence whether strengths tell all."""
        if not self.planes:
            return (
                f"Strengths alone predict {self.votes:,} held-out votes as well as what lets models go in "
                f"circles: log loss {self.log_loss[0]:.4f}, with a plane {self.log_loss[1]:.4f}."
            )
        shown = [" > ".join((*names, names[0])) for names in self.cycles[:_SHOWN]]
        planes = "a plane" if self.planes == 1 else f"{self.planes} planes"
        text = (
            f"No strengths give these votes: with {planes} beside them the log loss of {self.votes:,} "
            f"held-out votes is {self.log_loss[self.planes]:.4f} instead of {self.log_loss[0]:.4f}, beyond "
            "chance"
        )
        return text + (f"; models go in circles, such as {join_names(shown, _SHOWN)}." if shown else ".")

    def to_frame(self) -> pd.DataFrame:
        """Return one row a model, the strongest first, with its place in each plane."""
        import pandas as pd

        frame = pd.DataFrame({"model": self.models, "strength": self.strengths})
        for k in range(self.planes):
            frame[f"a{k + 1}"], frame[f"b{k + 1}"] = self.left[:, k], self.right[:, k]
        return frame.sort_values("strength", ascending=False, kind="stable", ignore_index=True)


def preference_embedding(
    votes: Votes,
    *,
    most: int = 2,
    spread: float = 1.0,
    by: HeldOutBy = "vote",
    folds: int = 5,
    level: float = 0.95,
    seed: int = 0,
) -> PreferenceEmbedding:
    """Say whether strengths tell who beats whom, and what to add to them where they do not.

    Args:
        votes: as for `rank`; a tie, and a "both bad", is half a win each way.
        most: planes that are tried.
        spread: standard deviation of the normal prior of a and b, above 0.
        by: what is held out together, as for `compare_methods`.
        folds: in how many parts.
        level: of the bounds.
        seed: of the draw of the parts.

    Raises:
        ConvergenceError: a fit did not settle.
        OptionError: an option outside its range.
        SourceError: a table of scores, which has no votes.

    Source:
        Y. Zhang, G. Zhang, Y. Wu, K. Xu and Q. Gu, Beyond Bradley-Terry models: a general preference model
        for language model alignment, arXiv 2410.02197 (2024): skew-symmetric scores of embeddings; the
        strengths beside them, the priors and the choice of K are our own.
    """
    if isinstance(most, bool) or not isinstance(most, int) or most < 1 or not 0 < spread < np.inf:
        raise OptionError(f"most must be at least 1 and spread above 0, not {most!r} and {spread!r}.")
    if not 0 < level < 1:
        raise OptionError(f"level must lie between 0 and 1, not {level!r}.")
    given = as_comparisons(votes)
    if not isinstance(given, Comparisons):
        raise SourceError("A table of scores has no votes; give votes.")
    held = hold_out(given, by, folds, seed)
    rows, number = held.battles.ballots.pair_rows, len(held.battles.ballots.count)
    score = rows.win + 0.5 * (rows.tie + rows.both_bad)
    weight = held.battles.ballots.weight[rows.ballot]
    counted = rows.win + rows.loss + rows.tie + rows.both_bad
    asked = held.asked

    def losses(planes: int) -> FloatArray:
        """(N,) loss of each vote, from those of other folds."""
        made = np.zeros(len(held.fold))
        for learn, ask in held.folds():
            table = PairCounts.from_ballots(part_of(held.battles, learn).ballots).halves("half")
            gap = _log_odds(*_fit(table, planes, spread))[rows.first, rows.second]
            each = weight * (counted * np.logaddexp(0.0, gap) - score * gap)
            made[ask] = np.bincount(rows.ballot, each, number)[held.battles.sequence[ask]]
        return made[asked]

    cluster = np.unique(held.cluster[asked], return_inverse=True)[1]
    size = np.bincount(cluster)
    loss, gains, lower, kept = [], [], [], 0
    with threads_for(len(given.models)):
        last = losses(0)
        loss.append(float(last.mean()))
        for planes in range(1, most + 1):
            new = losses(planes)
            gap = last - new
            sums = np.bincount(cluster, gap) - gap.mean() * size
            loss.append(float(new.mean()))
            gains.append(float(gap.mean()))
            lower.append(float(gap.mean() - quantile(level) * np.sqrt((sums**2).sum()) / len(gap)))
            if lower[-1] <= 0:
                break
            last, kept = new, planes
        theta, left, right = _fit(given.pairs.halves("half"), kept, spread)
    return PreferenceEmbedding(
        given.models, theta, left, right, tuple(loss), tuple(gains), tuple(lower), level, int(asked.sum())
    )


def _log_odds(theta: FloatArray, left: FloatArray, right: FloatArray) -> FloatArray:
    """(M, M) of the row over the column."""
    around = left @ right.T
    return np.asarray(theta[:, None] - theta + around - around.T)


def _fit(wins: FloatArray, planes: int, spread: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(M,) strengths, (M, K) a and b of the largest posterior; a plane begins at that of the residuals."""
    from scipy.optimize import minimize

    met, m = wins + wins.T, len(wins)
    above = np.triu_indices(m, 1)

    def cost(x: FloatArray) -> tuple[float, FloatArray]:
        theta, left, right = _parts(x, m)
        gap = _log_odds(theta, left, right)
        over = wins - met * expit(gap)
        value = float((met * np.logaddexp(0.0, gap) - wins * gap)[above].sum())
        value += float(theta @ theta) / (2 * _WIDE**2) + float((left**2).sum() + (right**2).sum()) / (
            2 * spread**2
        )
        slope = [
            theta / _WIDE**2 - over.sum(axis=1),
            (left / spread**2 - over @ right).ravel(),
            (right / spread**2 + over @ left).ravel(),
        ]
        return value, np.concatenate(slope)

    x = np.zeros(m)
    for _ in range(planes + 1):
        found = minimize(
            cost, x, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-14, "gtol": 1e-7}
        )
        if not found.success and np.abs(found.jac).max() > 1e-4 * max(1.0, float(met.max())):
            raise ConvergenceError(f"The embedding of {m} models did not settle: {found.message}")
        theta, left, right = _parts(np.asarray(found.x), m)
        if left.shape[1] == planes:
            break
        rest = np.log((wins + 0.5) / (wins.T + 0.5)) - _log_odds(theta, left, right)
        rest = np.where(met > 0, (rest - rest.T) / 2, 0.0)
        u, size, _ = np.linalg.svd(rest)
        one = u[:, 0] * np.sign(u[np.abs(u[:, 0]).argmax(), 0])
        other = -rest @ one / max(float(size[0]), 1e-9)
        scale = np.sqrt(max(float(size[0]), 0.1) / 2)
        left = np.hstack([left, scale * one[:, None]])
        right = np.hstack([right, scale * other[:, None]])
        x = np.concatenate([theta, left.ravel(), right.ravel()])
    return theta - theta.mean(), left, right


def _parts(x: FloatArray, m: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    planes = (len(x) - m) // (2 * m)
    left, right = x[m:].reshape(2, m, planes) if planes else np.zeros((2, m, 0))
    return x[:m], left, right
