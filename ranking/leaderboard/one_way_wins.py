"""What wins that all went one way say: where a component stands beside another, and how sure that is.

A model that beat everybody has no finite maximum-likelihood score, and yet the votes say that it is above.
Which component is above which is in estimation/comparison_graph.py; here it gets a place on the scale of the
others and a p-value for each pair of models.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from agon.ranking.estimation.comparison_graph import ComponentOrder
from agon.ranking.inference.intervals import Uncertainty
from agon.ranking.inference.simultaneous import quantile
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.vote_source import Clusters

PROBIT = 1.702  # the logistic curve of so many log-odds a unit is within 0.01 of the normal one
_WIDEST = 30.0  # log-odds between two components that are told apart
GRID = 6001  # points on which the place of a component is sought


def independent_wins(ballots: Ballots, clusters: Clusters | None) -> FloatArray:
    """(M, M) how many independent units put row above column: votes whatever their weight, or clusters."""
    rows, m = ballots.pair_rows, len(ballots.models)
    cell = np.concatenate([rows.first * m + rows.second, rows.second * m + rows.first])
    won = np.concatenate([rows.win, rows.loss])
    ballot = np.tile(rows.ballot, 2)
    if clusters is None:
        votes = np.bincount(cell, won * ballots.count[ballot], m * m)
        return np.asarray(votes.reshape(m, m), dtype=np.float64)
    won_by = np.flatnonzero(won > 0)
    at = np.argsort(ballot[won_by], kind="stable")
    cell, ballot = cell[won_by][at], ballot[won_by][at]
    begin, end = (np.searchsorted(ballot, clusters.ballot, side) for side in ("left", "right"))
    length = end - begin
    pair = np.repeat(begin - np.cumsum(length) + length, length) + np.arange(length.sum())
    unit = np.unique(np.repeat(clusters.cluster, length) * (m * m) + cell[pair])
    return np.bincount(unit % (m * m), minlength=m * m).reshape(m, m).astype(np.float64)


def offset(ours: FloatArray, theirs: FloatArray, tail: float) -> tuple[float, float, float]:
    """How far above others a component lies, and its one-sided bounds; infinite where wins go one way.

    The mode under the prior of Jeffreys, whose bias is of a higher order and which is finite; the bounds are
    those of the likelihood: what is beyond makes outcomes so one-sided less probable than the tail.

    Args:
        ours: (E, 2) log-odds of one vote that the component won at offset 0, and how many there are.
        theirs: (E', 2) the same of votes that it lost, seen from the component.
        tail: probability to leave out at a side.

    Source:
        D. Firth, Biometrika 80 (1993); G. Heinze and M. Schemper, Statist. Med. 21 (2002) for separation.
    """
    delta = np.linspace(-_WIDEST, _WIDEST, GRID)
    won = np.zeros(GRID)
    lost, information = np.zeros(GRID), np.zeros(GRID)
    for (logit, number), sign in [(row, 1) for row in ours.tolist()] + [(row, -1) for row in theirs.tolist()]:
        z = delta + logit
        if sign > 0:
            won -= number * np.logaddexp(0.0, -z)
        else:
            lost -= number * np.logaddexp(0.0, z)
        information += number * np.exp(-np.logaddexp(0.0, z) - np.logaddexp(0.0, -z))
    best = int(np.argmax(won + lost + 0.5 * np.log(information)))
    both = bool(len(ours)) and bool(len(theirs))
    if both:
        return float(delta[best]), -np.inf, np.inf
    able = delta[won + lost >= np.log(tail)]
    return (
        float(delta[best]),
        float(able.min()) if len(ours) else -np.inf,
        float(able.max()) if len(theirs) else np.inf,
    )


@dataclass(frozen=True, eq=False)
class OneWayLinks:
    """Where one-way wins put the components of the win graph on the scale of their board.

    Attributes:
        theta: (M,) log-odds of the models, all of a board on one scale.
        shift: (M,) how far each was moved to get there, log-odds.
        below, above: (M,) how far further down and up it may lie; infinite where wins went one
            way.
        wins: (M, M) independent units that put row above column.
        order: the components.
    """

    theta: FloatArray
    shift: FloatArray
    below: FloatArray
    above: FloatArray
    wins: FloatArray
    order: ComponentOrder

    @classmethod
    def of(
        cls,
        theta: FloatArray,
        group: IntArray,
        wins: FloatArray,
        order: ComponentOrder,
        board: IntArray,
        tail: float,
    ) -> OneWayLinks:
        """Put the scales of a board's groups on one, the largest first, then those with most votes with it.

        Args:
            theta: (M,) log-odds.
            group: (M,) models whose log-odds are on one scale already.
            wins: (M, M) independent units that put row above column.
            order, board: as in `Eligibility`.
            tail: probability to leave out at a side of the shifts.
        """
        place, shift = theta.copy(), np.zeros(len(theta))
        below, above = np.zeros(len(theta)), np.zeros(len(theta))
        met = wins + wins.T
        for number in range(int(board.max()) + 1):
            inside = np.flatnonzero(board == number)
            waiting = np.unique(group[inside]).tolist()
            sizes = [int((group[inside] == g).sum()) for g in waiting]
            placed = inside[group[inside] == waiting.pop(int(np.argmax(sizes)))]
            while waiting:
                votes = [float(met[np.ix_(inside[group[inside] == g], placed)].sum()) for g in waiting]
                ours = inside[group[inside] == waiting.pop(int(np.argmax(votes)))]
                if max(votes) > 0:
                    gap = place[ours][:, None] - place[placed][None, :]
                    won, lost = wins[np.ix_(ours, placed)], wins[np.ix_(placed, ours)].T
                    up, down = (np.stack([gap[w > 0], w[w > 0]], axis=1) for w in (won, lost))
                    best, low, high = offset(up, down, tail)
                    place[ours] += best
                    shift[ours], below[ours], above[ours] = best, best - low, high - best
                placed = np.concatenate([placed, ours])
        return cls(place, shift, below, above, wins, order)

    def widen(self, unsure: Uncertainty, unit: float, level: float, least: float) -> Uncertainty:
        """Add to an uncertainty what the shifts leave open, and who is surely above whom by one-way wins.

        Args:
            unsure: on the board's scale.
            unit: one log-odds on that scale; 0 for scores that no shift moves.
            level: of the statements, all at once (Bonferroni).
            least: smallest two-sided p-value of any of them.
        """
        apart = self.order.component[:, None] != self.order.component[None, :]
        p = one_sided_p_values(self.theta, self._error(unsure, unit, level), self.wins, self.order)
        sure = np.maximum(p, least / 2) <= (1 - level) / 2 / max(1, int(apart.sum()) // 2)
        lower, upper = unsure.lower, unsure.upper
        if unit:
            lower, upper = lower - self.below * unit, upper + self.above * unit
        return replace(unsure, lower=lower, upper=upper, above=np.where(apart, sure, unsure.above))

    def _error(self, unsure: Uncertainty, unit: float, level: float) -> FloatArray:
        """(M, M) half-widths of the intervals of the differences within a component, in log-odds."""
        m = len(self.theta)
        covariance = np.zeros((m, m))
        if unit and unsure.covariance is not None:
            covariance = unsure.covariance / unit**2
        elif unit and unsure.samples is not None:
            known = np.flatnonzero(np.isfinite(unsure.samples).all(axis=0))
            spread = np.cov(unsure.samples[:, known].T).reshape(len(known), len(known))
            covariance[np.ix_(known, known)] = spread / unit**2
        size = np.diag(covariance)
        variance = np.maximum(size[:, None] + size[None, :] - 2 * covariance, 0.0)
        return np.asarray(quantile(level, unsure.df) * np.sqrt(variance))


def one_sided_p_values(
    theta: FloatArray, error: FloatArray, wins: FloatArray, order: ComponentOrder
) -> FloatArray:
    """(M, M) chance of the one-way wins if row were not above column; 1 where there are none.

    Were row no better than column, its component's wins over the component of column would have had at most
    the chance ∏ 1/(1 + exp(θ_k − θ_column − …)) over the models k that were beaten: to have beaten only the
    weakest, however often, says little about the strongest. The differences within a component are taken
    at the far end of their intervals. Through a third component in between it is the worse of two.

    Args:
        theta: (M,) log-odds of the models, those of a component on one scale.
        error: (M, M) half-width of the intervals of their differences within a component.
        wins: (M, M) independent units that put row above column.
        order: the components and their order.
    """
    m, at = len(theta), order.component
    p = np.ones((m, m))
    number = len(order.evidence)
    member = [np.flatnonzero(at == c) for c in range(number)]
    for upper in range(number):
        for lower in np.flatnonzero(order.above[upper]).tolist():
            a, b = np.nonzero(wins[np.ix_(member[upper], member[lower])])
            if not len(a):
                continue
            a, b, below = member[upper][a], member[lower][b], member[lower]
            gap = theta[below][:, None] - theta[b][None, :] + error[np.ix_(below, b)]
            for i in member[upper].tolist():
                logit = gap + (theta[a] - theta[i] + error[a, i])[None, :]
                p[i, below] = np.exp(-(wins[a, b] * np.logaddexp(0.0, -logit)).sum(axis=1))
    if number > 2:
        for k in range(m):
            apart = at != at[k]
            through = np.maximum(p[:, [k]], p[[k], :])
            p = np.minimum(p, np.where(apart[:, None] & apart[None, :], through, 1.0))
    return p


def boards_of(order: ComponentOrder) -> IntArray:
    """(M,) which models share a board: those of a component and of all that it is compared with.

    The first board is that of the component compared with most models, of these the largest.
    """
    size = np.bincount(order.component, minlength=len(order.evidence))
    board = np.full(len(size), -1)
    for number in range(len(size)):
        free = board < 0
        if not free.any():
            break
        reach = np.where(free, (order.compared & free[None, :]) @ size, -1)
        first = int(np.lexsort((-size, -reach))[0])
        board[order.compared[first] & free] = number
    return np.asarray(board[order.component])
