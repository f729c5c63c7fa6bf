"""Davidson-Luce: votes on two or more models with ties of any number as outcomes of their own.

A vote is a sequence of choices from a set A: first of all models tied at the first place, then of those at
the second, and so on. The set C is chosen with a chance as δ_|C| (Π_{i in C} w_i)^(1/|C|), w = e^θ, δ_1 = 1,
against every set that could tie. With two models it is Davidson's model, without ties Plackett and Luce's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.estimation.comparison_graph import identify, strongly_connected
from agon.ranking.methods.likelihood.choice_counts import contested_levels, place_patterns, restricted
from agon.ranking.methods.likelihood.component_fit import fit_components
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.registry import method
from agon.ranking.results import Diagnostic, Fit
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.pair_counts import BothBad, PairCounts

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_NAME = "davidson_luce"
_MOST = 2_000  # sets that may be chosen from one set
_FREE = 1e-7  # how far a direction in which nothing becomes less likely must make something more likely


@method(_NAME, source="Davidson (1970); ties of more: Firth, Kosmidis and Turner (2019)")
def davidson_luce(ballots: Ballots, *, both_bad: BothBad = "half", prior_sd: float = 1.0) -> Fit:
    """Maximum-likelihood strengths from pairwise and K-wise votes, with a parameter for ties of each size.

    δ_k says how common ties of k models are, beside single choices, among equals. A size that no vote holds
    has δ at its bound 0. Models outside the component are placed afterwards and move nobody, from ballots
    cut down to the models in question.

    Args:
        both_bad: "half" counts a "both bad" as a tie, "drop" takes unacceptable models that share the last
            place for unranked.
        prior_sd: standard deviation, in nats, of the prior that places models outside the component.

    Raises:
        ConvergenceError: no solution after 200 Newton steps.
        OptionError: `prior_sd` outside its range; ties so large that more than 2,000 sets could be chosen.

    Source:
        D. Firth, I. Kosmidis and H. Turner, Davidson-Luce model for multi-item choice with ties, arXiv
        1909.07123 (2019); R. R. Davidson, J. Amer. Stat. Assoc. 65 (1970).
    """
    known = identify(PairCounts.from_ballots(ballots).halves(both_bad))

    def make(members: IntArray, component: _Choices | None) -> _Choices:
        return _Choices.of(ballots, members, both_bad, () if component is None else component.orders)

    found = fit_components(_NAME, ballots, known, make, prior_sd)
    shapes = {name: float(np.exp(value)) for name, value in found.further.items()}
    notes = [
        Diagnostic(
            "tie_parameter",
            (),
            f"The parameter of ties of {name[1:]} is {name} = {value:.4g}: among equals such a tie is "
            f"{value:.4g} times as likely as the choice of one of them.",
        )
        for name, value in shapes.items()
    ]
    return replace(found.fit, parameters=shapes, notes=(*found.fit.notes, *notes))


@dataclass(frozen=True, eq=False)
class _Block:
    """Choices from sets of one size, with what may be chosen from each.

    Attributes:
        sets: (T, S) models chosen from.
        powers: (F, S + E) for every set that may be chosen the exponents of its models and its δ.
        use: (U,) numbers of the sets that ballots choose from.
        chosen: (U,) which row of `powers` is chosen.
        ballot: (U,) ballot that chooses.
        share: (U,) of one such ballot.
    """

    sets: IntArray
    powers: FloatArray
    use: IntArray
    chosen: IntArray
    ballot: IntArray
    share: FloatArray

    def chances(self, theta: FloatArray, shapes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(T,) logarithm of the sum over what may be chosen from each set, and (T, F) the chances."""
        size = self.sets.shape[1]
        logs = theta[self.sets] @ self.powers[:, :size].T + self.powers[:, size:] @ shapes
        most = logs.max(axis=1, keepdims=True)
        chance = np.exp(logs - most)
        total = chance.sum(axis=1, keepdims=True)
        return (most + np.log(total))[:, 0], chance / total

    def columns(self, n_models: int) -> IntArray:
        """(T, S + E) parameters of each set."""
        more = n_models + np.arange(self.powers.shape[1] - self.sets.shape[1])
        return np.hstack([self.sets, np.broadcast_to(more, (len(self.sets), len(more)))])


@dataclass(frozen=True, eq=False)
class _Choices:
    """The choices of ballots cut down to C models, numbered as these; (B,) weight of each ballot."""

    size: int
    orders: tuple[int, ...]
    blocks: tuple[_Block, ...]
    weight: FloatArray

    @classmethod
    def of(cls, ballots: Ballots, members: IntArray, both_bad: BothBad, further: Sequence[int]) -> _Choices:
        """Take the ballots apart; `further` are sizes of ties that have a δ anyway.

        Raises:
            OptionError: too many sets may be chosen.
        """
        keep = np.zeros(len(ballots.models), dtype=bool)
        keep[members] = True
        place = np.cumsum(keep) - 1
        cut = ballots if keep.all() else restricted(ballots, keep)
        weight = ballots.weight * ballots.count
        stages = [stage for stage in _stages(cut, both_bad) if weight[stage[0]].any()]
        sizes_seen = {chosen for *_, chosen, _ in stages if chosen > 1}
        orders = tuple(sorted(sizes_seen | set(further)))
        blocks = []
        for size in sorted({sets.shape[1] for _, sets, _, _ in stages}):
            some = [stage for stage in stages if stage[1].shape[1] == size]
            sizes = [k for k in (1, *orders) if k <= size]
            if (number := sum(comb(size, k) for k in sizes)) > _MOST:
                raise OptionError(
                    f"{_NAME}: a choice from {size} models with ties of up to {sizes[-1]} has {number:,} "
                    "outcomes, too many to sum; use plackett_luce, whose ties are averages over orders."
                )
            options = [c for k in sizes for c in combinations(range(size), k)]
            powers = np.zeros((len(options), size + len(orders)))
            for row, option in zip(powers, options, strict=True):
                row[list(option)] = 1 / len(option)
                if len(option) > 1:
                    row[size + orders.index(len(option))] = 1.0
            number_of = {option: k for k, option in enumerate(options)}
            rows, picked = [], []
            for _, sets, chosen, _ in some:
                order = np.argsort(sets, axis=1)
                rows.append(place[np.take_along_axis(sets, order, axis=1)])
                first = np.sort(np.argsort(order, axis=1)[:, :chosen], axis=1)
                picked.append([number_of[tuple(one)] for one in first.tolist()])
            sets, use = np.unique(np.concatenate(rows), axis=0, return_inverse=True)
            blocks.append(
                _Block(
                    sets,
                    powers,
                    use.reshape(-1),
                    np.concatenate(picked).astype(np.int64),
                    np.concatenate([stage[0] for stage in some]),
                    np.concatenate([stage[3] for stage in some]),
                )
            )
        return cls(len(members), orders, tuple(blocks), weight)

    @property
    def further(self) -> tuple[str, ...]:
        """Names of the parameters of ties."""
        return tuple(f"δ{k}" for k in self.orders)

    def curvature(self, x: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Value, gradient and minus the Hessian of the log-likelihood at (C + E,) parameters."""
        c, width = self.size, self.size + len(self.orders)
        value, slope, bend = 0.0, np.zeros(width), np.zeros(width * width)
        for block in self.blocks:
            times = self.weight[block.ballot] * block.share
            log, chance = block.chances(x[:c], x[c:])
            each = np.bincount(block.use, times, len(block.sets))
            at, local = block.columns(c), block.powers.shape[1]
            taken = block.powers[block.chosen]
            value += float((times * (taken * x[at[block.use]]).sum(axis=1)).sum() - each @ log)
            mean = chance @ block.powers
            slope += np.bincount(at[block.use].ravel(), (times[:, None] * taken).ravel(), width)
            slope -= np.bincount(at.ravel(), (each[:, None] * mean).ravel(), width)
            squares = (block.powers[:, :, None] * block.powers[:, None, :]).reshape(len(block.powers), -1)
            second = (chance @ squares).reshape(-1, local, local) - mean[:, :, None] * mean[:, None, :]
            cell = at[:, :, None] * width + at[:, None, :]
            bend += np.bincount(cell.ravel(), (each[:, None, None] * second).ravel(), width * width)
        return value, slope, bend.reshape(width, width)

    def guess(self) -> FloatArray:
        """(C + E,) log-odds of having been chosen, half a time added to each side; every δ 1."""
        chosen, offered = np.zeros(self.size), np.zeros(self.size)
        for block in self.blocks:
            times = self.weight[block.ballot] * block.share
            sets, taken = block.sets[block.use], block.powers[block.chosen][:, : block.sets.shape[1]]
            chosen += np.bincount(sets.ravel(), (times[:, None] * taken).ravel(), self.size)
            offered += np.bincount(sets.ravel(), np.repeat(times, sets.shape[1]), self.size)
        return np.append(np.log((chosen + 0.5) / (offered - chosen + 0.5)), np.zeros(len(self.orders)))

    def bounded(self) -> bool:
        """Whether the votes bound the strengths together with the δ.

        They do unless in some direction no choice becomes less likely and some choice more: a linear
        program. It need not be solved without ties, nor where the choices of one model alone link all models
        and one of them is from a set as large as the largest tie: all strengths are then equal in such a
        direction, and every δ stays.
        """
        if not self.orders:
            return True
        c, rows, largest = self.size, [], 0
        beats = np.zeros((c, c), dtype=bool)
        for block in self.blocks:
            size = block.sets.shape[1]
            alone = (block.chosen < size) & (self.weight[block.ballot] * block.share > 0)
            among = block.sets[block.use[alone]]
            largest = size if alone.any() else largest
            beats[np.take_along_axis(among, block.chosen[alone, None], axis=1), among] = True
        if largest >= self.orders[-1] and strongly_connected(beats):
            return True
        from scipy.optimize import linprog
        from scipy.sparse import csr_array, hstack, identity, vstack

        for block in self.blocks:
            cast = self.weight[block.ballot] * block.share > 0
            pairs = np.unique(np.stack([block.use[cast], block.chosen[cast]], axis=1), axis=0)
            gain = block.powers[pairs[:, 1], None, :] - block.powers[None, :, :]
            used = np.abs(gain).any(axis=2)
            at = np.broadcast_to(block.columns(c)[pairs[:, 0], None, :], gain.shape)
            row = np.broadcast_to(np.arange(int(used.sum()))[:, None], (int(used.sum()), gain.shape[2]))
            shape = (int(used.sum()), c + len(self.orders))
            rows.append(csr_array((gain[used].ravel(), (row.ravel(), at[used].ravel())), shape=shape))
        gains = vstack(rows).tocsr()
        number = gains.shape[0]
        goal = np.concatenate([np.zeros(gains.shape[1]), -np.ones(number)])
        bounds = [(None, None)] * gains.shape[1] + [(0.0, 1.0)] * number
        bounds[0] = (0.0, 0.0)
        limits: Any = hstack([-gains, identity(number)])
        found = linprog(goal, A_ub=limits, b_ub=np.zeros(number), bounds=bounds)
        return bool(found.status == 0 and -float(found.fun or 0.0) < _FREE)

    def scores(self, x: FloatArray) -> csr_array[Any]:
        """Sparse (B, C + E) derivative of each ballot's log-likelihood."""
        from scipy.sparse import csr_array

        found: csr_array[Any] = csr_array((len(self.weight), len(x)))
        for block in self.blocks:
            mean = block.chances(x[: self.size], x[self.size :])[1] @ block.powers
            slope = block.share[:, None] * (block.powers[block.chosen] - mean[block.use])
            at = block.columns(self.size)[block.use]
            row = np.repeat(block.ballot, at.shape[1])
            found = found + csr_array((slope.ravel(), (row, at.ravel())), shape=found.shape)
        return found

    def roots(self, x: FloatArray) -> tuple[IntArray, csr_array[Any]]:
        """The ballot of each root of the information, and the roots, sparse (K, C + E).

        What may be chosen tells the root of its chance times how far it is from the mean.
        """
        from scipy.sparse import csr_array, vstack

        ballots, found = [], []
        for block in self.blocks:
            _, chance = block.chances(x[: self.size], x[self.size :])
            gap = block.powers[None, :, :] - (chance @ block.powers)[:, None, :]
            root = np.sqrt(chance)[:, :, None] * gap
            own = (np.sqrt(block.share)[:, None, None] * root[block.use]).reshape(-1, root.shape[2])
            at = block.columns(self.size)[np.repeat(block.use, root.shape[1])]
            row = np.repeat(np.arange(len(own)), root.shape[2])
            ballots.append(np.repeat(block.ballot, root.shape[1]))
            found.append(csr_array((own.ravel(), (row, at.ravel())), shape=(len(own), len(x))))
        if not found:
            return np.zeros(0, np.int64), csr_array((0, len(x)))
        return np.concatenate(ballots), vstack(found).tocsr()


def _stages(ballots: Ballots, both_bad: BothBad) -> Iterator[tuple[IntArray, IntArray, int, FloatArray]]:
    """The choices: (R,) ballots, (R, S) models with those chosen first, how many these are, (R,) shares."""
    soft = np.flatnonzero(~np.isnan(ballots.p_a) & (ballots.shown[:, :2] >= 0).all(axis=1))
    if len(soft):
        seats, p = ballots.shown[soft, :2], ballots.p_a[soft]
        yield soft, seats, 1, p
        yield soft, seats[:, ::-1], 1, 1.0 - p
    for rows, seats, levels in place_patterns(ballots, both_bad):
        for columns, below in contested_levels(levels):
            yield rows, seats[:, [*columns, *below]], len(columns), np.ones(len(rows))
