"""Bradley-Terry for graded votes, "much better" to "about the same": proportional odds, symmetric thresholds.

What a voter feels is D = θ_i − θ_j plus logistic noise. She says that i is better by grade g where that lies
between the thresholds τ_g and τ_{g+1}, the other way round for j, and that they tie between −τ_1 and τ_1. So
the chance of "i, by g or more" is σ(D − τ_g).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.estimation.comparison_graph import bounded_with_ties, identify
from agon.ranking.methods.likelihood.component_fit import fit_components
from agon.ranking.numerics import BoolArray, FloatArray, IntArray, expit
from agon.ranking.registry import method
from agon.ranking.results import Diagnostic, Fit
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.pair_counts import BothBad, PairCounts

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_NAME = "graded_bradley_terry"
_GRADES = 20  # at most


@method(_NAME, source="McCullagh (1980); of pairs: Agresti (1992)")
def graded_bradley_terry(ballots: Ballots, *, both_bad: BothBad = "half", prior_sd: float = 1.0) -> Fit:
    """Maximum-likelihood strengths from votes that say how much better, such as A>>B, A>B and A=B.

    Only the order of the grades counts; how far apart they are is fitted, the same whichever model is the
    better one. A vote without a grade says "better, by any grade"; where none has one this is `rao_kupper`. A
    vote on more than two models counts as its pairs, which the intervals keep together.

    Args:
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.
        prior_sd: standard deviation, in nats, of the prior that places models outside the component.

    Raises:
        ConvergenceError: no solution after 200 Newton steps.
        OptionError: `prior_sd` outside its range; more than 20 different grades.

    Source:
        P. McCullagh, J. R. Stat. Soc. B 42 (1980); for pairs A. Agresti, Applied Statistics 41 (1992), the
        cumulative logits. That the likelihood is concave: J. Pratt, J. Amer. Stat. Assoc. 76 (1981).
    """
    known = identify(PairCounts.from_ballots(ballots).halves(both_bad))
    events = _Events.of(ballots, both_bad)
    if len(events.levels) > _GRADES:
        raise OptionError(
            f"{_NAME}: the votes have {len(events.levels)} different grades, each with a threshold; "
            f"put them together to at most {_GRADES}."
        )

    def make(members: IntArray, component: _Graded | None) -> _Graded:
        return _Graded.of(events, ballots, members, component)

    found = fit_components(_NAME, ballots, known, make, prior_sd)
    notes = []
    if not len(events.levels):
        message = (
            "No vote says how much better a model is: this is rao_kupper; give the votes a column grade."
        )
        notes.append(Diagnostic("no_grades", (), message))
    elif found.further:
        steps = ", ".join(f"{name} from {value:.3g}" for name, value in found.further.items())
        message = f"By its size in log-odds a preference counts as {steps} on."
        notes.append(Diagnostic("thresholds", (), message))
    return replace(found.fit, parameters=dict(found.further), notes=(*found.fit.notes, *notes))


@dataclass(frozen=True, eq=False)
class _Events:
    """What R pairs of the distinct ballots say: `up` is better than `down`, or they tie.

    Attributes:
        ballot: (R,) that says it.
        up, down: (R,) models.
        share: (R,) of one such ballot.
        tie: (R,) whether the two tie.
        grade: (R,) how much better; NaN if that is not said.
    """

    ballot: IntArray
    up: IntArray
    down: IntArray
    share: FloatArray
    tie: BoolArray
    grade: FloatArray

    @classmethod
    def of(cls, ballots: Ballots, both_bad: BothBad) -> _Events:
        """Take the ballots apart."""
        rows = ballots.pair_rows
        tied = rows.tie + (rows.both_bad if both_bad == "half" else 0.0)
        parts = [
            (rows.first, rows.second, rows.win, False),
            (rows.second, rows.first, rows.loss, False),
            (rows.first, rows.second, tied, True),
        ]
        kept = [np.flatnonzero(share > 0) for _, _, share, _ in parts]
        at = np.concatenate(kept)
        ballot = rows.ballot[at]
        grade = np.full(len(at), np.nan) if ballots.grade is None else ballots.grade[ballot]
        tie = np.concatenate([np.full(len(some), tie) for some, (*_, tie) in zip(kept, parts, strict=True)])
        up = np.concatenate([part[0][some] for some, part in zip(kept, parts, strict=True)])
        down = np.concatenate([part[1][some] for some, part in zip(kept, parts, strict=True)])
        share = np.concatenate([part[2][some] for some, part in zip(kept, parts, strict=True)])
        return cls(ballot, up, down, share, tie, np.where(tie, np.nan, grade))

    @property
    def levels(self) -> FloatArray:
        """The grades there are, ascending."""
        return np.unique(self.grade[~np.isnan(self.grade)])


@dataclass(frozen=True, eq=False)
class _Graded:
    """The likelihood of votes among C models: E distinct things they say, each an interval of D plus noise.

    Attributes:
        size: C.
        levels: (G,) grades that have a threshold, which of the first is that of a tie.
        ties: whether there are ties; else the first threshold is 0.
        lower, upper: sparse (E, C + P): D less the lower end of the interval and less the upper one, as sums
            of the parameters; rows of zeros where there is no upper end.
        bounded_above: (E,) whether there is one.
        number: (E,) weight of the votes.
        says: sparse (B, E) share of each ballot.
        wins, tied: (C, C) weight of the votes.
    """

    size: int
    levels: FloatArray
    ties: bool
    lower: csr_array[Any]
    upper: csr_array[Any]
    bounded_above: BoolArray
    number: FloatArray
    says: csr_array[Any]
    wins: FloatArray
    tied: FloatArray

    @classmethod
    def of(cls, events: _Events, ballots: Ballots, members: IntArray, component: _Graded | None) -> _Graded:
        """Cut the events down to some models; with the thresholds of a component, if there is one."""
        from scipy.sparse import csr_array

        c, m = len(members), len(ballots.models)
        place = np.full(m, -1)
        place[members] = np.arange(c)
        up, down = place[events.up], place[events.down]
        times = (ballots.weight * ballots.count)[events.ballot] * events.share
        kept = np.flatnonzero((up >= 0) & (down >= 0) & (times > 0))
        up, down, tie, grade, times = up[kept], down[kept], events.tie[kept], events.grade[kept], times[kept]
        levels = np.unique(grade[~np.isnan(grade)]) if component is None else component.levels
        ties = bool(tie.any()) or (component is not None and component.ties)
        level = np.searchsorted(levels, grade)  # NaN, and grades that the component does not know, come last
        known = np.isin(grade, levels)
        kind = np.where(tie, len(levels) + 1, np.where(known, level, len(levels)))
        key, cell = np.unique((up * c + down) * (len(levels) + 2) + kind, return_inverse=True)
        cell = cell.reshape(-1)
        pair, kind = np.divmod(key, len(levels) + 2)
        up, down = np.divmod(pair, max(c, 1))
        above = (kind == len(levels) + 1) | (kind + 1 < len(levels))
        begin = np.where(kind < len(levels), kind, 0)  # number of the threshold below
        end = np.where(kind == len(levels) + 1, 0, kind + 1)
        sign = np.where(kind == len(levels) + 1, -1.0, 1.0)  # a tie begins on the other side
        first = 0 if ties else 1  # the first threshold that is a parameter
        width = c + max(len(levels), 1) - first
        every, one = np.arange(len(key)), np.ones(len(key))

        def design(threshold: IntArray, sign: FloatArray, rows: IntArray) -> csr_array[Any]:
            with_one = rows[threshold[rows] >= first]
            row = np.concatenate([rows, rows, with_one])
            column = np.concatenate([up[rows], down[rows], c + threshold[with_one] - first])
            value = np.concatenate([one[rows], -one[rows], -sign[with_one]])
            return csr_array((value, (row, column)), shape=(len(key), width))

        number = np.bincount(cell, times, len(key)).astype(np.float64)
        tied = kind == len(levels) + 1
        wins, equal = np.zeros((c, c)), np.zeros((c, c))
        np.add.at(wins, (up[~tied], down[~tied]), number[~tied])
        np.add.at(equal, (up[tied], down[tied]), number[tied])
        says: csr_array[Any] = csr_array(
            (events.share[kept], (events.ballot[kept], cell)), shape=(len(ballots.count), len(key))
        )
        return cls(
            c,
            levels,
            ties,
            design(begin, sign, every),
            design(end, one, np.flatnonzero(above)),
            above,
            number,
            says,
            wins,
            equal + equal.T,
        )

    @property
    def further(self) -> tuple[str, ...]:
        """Names of the thresholds that are parameters."""
        names = [f"grade {level:g}" for level in self.levels[1:]]
        return (
            ("better" if len(self.levels) < 2 else f"grade {self.levels[0]:g}", *names)
            if self.ties
            else (*names,)
        )

    def guess(self) -> FloatArray:
        """(C + P,) log-odds of having won, and the thresholds as if all strengths were equal."""
        half = self.wins + 0.5 * self.tied
        strength = np.log((half.sum(axis=1) + 0.5) / (half.sum(axis=0) + 0.5))
        total = float(self.number.sum()) + 1.0
        share = float(self.tied.sum()) / 2 / total
        start = [np.log((1 + share) / (1 - share))] if self.ties else []
        at = self.lower[:, self.size :].tocsc()
        graded = np.array(
            [self.number[at.indices[slice(*at.indptr[k : k + 2])]].sum() for k in range(at.shape[1])]
        )
        graded = graded[len(start) :]  # of each grade but the lowest
        beyond = np.cumsum(graded[::-1])[::-1] / total
        start += np.log((2 - beyond) / np.maximum(beyond, 1e-12)).tolist()
        return np.append(strength, np.maximum.accumulate(np.array(start) + 1e-3 * np.arange(len(start))))

    def bounded(self) -> bool:
        """Whether the votes bound the strengths together with the thresholds: as far as Rao-Kupper's.

        Where a circle of wins holds the first threshold, every other one lies between grades that were given.
        """
        return bounded_with_ties(self.wins, self.tied)

    def _slopes(
        self, x: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        """(E,) log-chances, derivatives by both ends, and three weights whose roots make the information.

        With u and w what the two ends leave of D, the chance is σ(u) − σ(w), whose logarithm is
        u − log(1 + eᵘ) − log(1 + eʷ) + log(1 − e^(w − u)).
        """
        u, w, above = self.lower @ x, self.upper @ x, self.bounded_above
        gap = np.where(above, u - w, np.inf)
        with np.errstate(all="ignore"):
            log = np.where(
                above,
                u - np.logaddexp(0, u) - np.logaddexp(0, w) + np.log(-np.expm1(-gap)),
                -np.logaddexp(0, -u),
            )
            rest = np.where(above, 1 / np.expm1(gap), 0.0)
            between = np.where(above, rest * (1 + rest), 0.0)
        one, two = expit(u), np.where(above, expit(w), 0.0)
        return (
            log,
            1 + rest - one,
            np.where(above, -two - rest, 0.0),
            one * (1 - one),
            two * (1 - two),
            between,
        )

    def curvature(self, x: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Value, gradient (C + P,) and minus the Hessian of the log-likelihood."""
        log, low, high, one, two, between = self._slopes(x)
        if not np.isfinite(log).all():  # thresholds out of order
            return -np.inf, np.zeros(len(x)), np.eye(len(x))
        slope = self.lower.T @ (self.number * low) + self.upper.T @ (self.number * high)
        apart = self.lower - self.upper
        bend = sum(
            (side.T @ (side * (self.number * weight)[:, None]).tocsr()).toarray()
            for side, weight in ((self.lower, one), (self.upper, two), (apart, between))
        )
        return float(self.number @ log), np.asarray(slope), np.asarray(bend)

    def scores(self, x: FloatArray) -> csr_array[Any]:
        """Sparse (B, C + P) derivative of each ballot's log-likelihood."""
        _, low, high, *_ = self._slopes(x)
        found: csr_array[Any] = (
            self.says @ (self.lower * low[:, None] + self.upper * high[:, None]).tocsr()
        ).tocsr()
        return found

    def roots(self, x: FloatArray) -> tuple[IntArray, csr_array[Any]]:
        """The ballot of each root of the information, and the roots, sparse (K, C + P)."""
        from scipy.sparse import vstack

        *_, one, two, between = self._slopes(x)
        said = self.says.tocoo()
        ballot, event = said.coords
        sides = ((self.lower, one), (self.upper, two), (self.lower - self.upper, between))
        several = [
            (side.tocsr()[event] * np.sqrt(said.data * weight[event])[:, None]).tocsr()
            for side, weight in sides
        ]
        return np.tile(ballot, 3).astype(np.int64), vstack(several).tocsr()
