"""Models of more than two outcomes of a pair, as sums of exponentials, and their likelihood on counts.

Every outcome's log-probability is a linear term plus and minus logarithms of sums of exponentials of
the strengths u and v of the two models and of further parameters in logs. So one piece of code gives
the value, the gradient and the Hessian of any of them. A further parameter whose outcome was never
seen is at minus infinity: the terms that hold it vanish.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.votes.pair_counts import BothBad, PairCounts

Power = Mapping[str, float]  # exponent of e^u, e^v and the further parameters in a product


@dataclass(frozen=True)
class Outcome:
    """log P = linear · x + sum of sign · log(sum), each sum by its name."""

    linear: Power
    sums: Mapping[str, int]


@dataclass(frozen=True)
class OutcomeModel:
    """A model of what happens between two models.

    Attributes:
        name: of the method.
        sums: for each name the terms (factor, powers) whose sum it is.
        outcomes: "win" and "loss" of the first model, "tie", and perhaps "both_bad".
        shapes: further parameters, in logs, and the outcome without which each is minus infinity.
    """

    name: str
    sums: Mapping[str, Sequence[tuple[float, Power]]]
    outcomes: Mapping[str, Outcome]
    shapes: Mapping[str, str] = field(default_factory=dict)

    def log_chance(self, outcome: str, point: Point) -> FloatArray:
        """(P,) log-probability of an outcome."""
        wanted = self.outcomes[outcome]
        value = sum(power * point.at(name) for name, power in wanted.linear.items())
        for name, sign in wanted.sums.items():
            value = value + sign * log_sum(self.sums[name], point)[0]
        return np.asarray(value)

    def slopes(self, outcome: str, point: Point) -> FloatArray:
        """(2 + E, P) derivative of an outcome's log-probability by u, v and the further parameters."""
        wanted = self.outcomes[outcome]
        slope = np.zeros((len(point.names), len(point.u)))
        for name, power in wanted.linear.items():
            slope[point.names.index(name)] += power
        for name, sign in wanted.sums.items():
            _, powers, share = log_sum(self.sums[name], point)
            slope += sign * (powers.T @ share)
        return slope


@dataclass(frozen=True, eq=False)
class Point:
    """Where a model is evaluated: strengths of P first and second models, further parameters (of each)."""

    u: FloatArray
    v: FloatArray
    shapes: Mapping[str, float] | Mapping[str, FloatArray]

    @property
    def names(self) -> list[str]:
        """The parameters in order."""
        return ["u", "v", *self.shapes]

    def at(self, name: str) -> FloatArray | float:
        """Return the value of a parameter."""
        return self.u if name == "u" else self.v if name == "v" else self.shapes[name]


def log_sum(terms: Sequence[tuple[float, Power]], point: Point) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(P,) logarithm of a sum of T products, (T, 2 + E) their powers, (T, P) their shares of the sum."""
    names = point.names
    kept = [(factor, powers) for factor, powers in terms if all(name in names for name in powers)]
    powers = np.array([[power.get(name, 0.0) for name in names] for _, power in kept])
    logs = np.empty((len(kept), len(point.u)))
    for row, (factor, power) in zip(logs, kept, strict=True):
        row[:] = np.log(factor) + sum(exponent * point.at(name) for name, exponent in power.items())
    most = logs.max(axis=0)
    logs -= most
    share = np.exp(logs, out=logs)
    total = share.sum(axis=0)
    share /= total
    return most + np.log(total), powers, share


@dataclass(frozen=True, eq=False)
class OutcomeCounts:
    """How often each outcome was seen: P pairs (`first`, `second`) of M models, (P,) counts by outcome."""

    n_models: int
    first: IntArray
    second: IntArray
    counts: Mapping[str, FloatArray]

    @classmethod
    def of(cls, pairs: PairCounts, both_bad: BothBad | None) -> OutcomeCounts:
        """Take the pairs that met; a "both bad" is a tie ("half"), nothing ("drop"), or itself (None)."""
        ties = pairs.ties + pairs.both_bad if both_bad == "half" else pairs.ties
        bad = pairs.both_bad if both_bad is None else np.zeros_like(pairs.ties)
        first, second = np.nonzero(np.triu(pairs.wins + pairs.wins.T + ties + bad, 1))
        tables = {"win": pairs.wins, "loss": pairs.wins.T, "tie": ties, "both_bad": bad}
        return cls(len(ties), first, second, {name: t[first, second] for name, t in tables.items()})

    def within(self, members: IntArray) -> OutcomeCounts:
        """Keep the pairs of some models, numbered as in `members`."""
        place = np.full(self.n_models, -1)
        place[members] = np.arange(len(members))
        first, second = place[self.first], place[self.second]
        kept = (first >= 0) & (second >= 0)
        counts = {name: number[kept] for name, number in self.counts.items()}
        return OutcomeCounts(len(members), first[kept], second[kept], counts)

    def guess(self, model: OutcomeModel) -> dict[str, float]:
        """The finite further parameters, whose outcome was seen, as if all strengths were equal."""
        total = sum(float(number.sum()) for number in self.counts.values()) + 1
        found = {}
        for name, outcome in model.shapes.items():
            if self.counts[outcome].any():
                share = (float(self.counts[outcome].sum()) + 0.5) / total
                found[name] = float(np.log(2 * share / (1 - share)))
        return found

    def point(self, theta: FloatArray, shapes: Mapping[str, float]) -> Point:
        """Strengths of the pairs' models."""
        return Point(theta[self.first], theta[self.second], shapes)

    def curvature(
        self, model: OutcomeModel, theta: FloatArray, shapes: Mapping[str, float]
    ) -> tuple[float, FloatArray, FloatArray]:
        """Value, gradient (M + E,) and minus the Hessian (M + E, M + E) of the log-likelihood."""
        point = self.point(theta, shapes)
        size = len(point.names)
        slope, bend = np.zeros((size, len(self.first))), np.zeros((size, size, len(self.first)))
        value = 0.0
        times: dict[str, FloatArray | float] = {}
        for outcome, formula in model.outcomes.items():
            seen = self.counts[outcome]
            if not seen.any():
                continue
            for name, power in formula.linear.items():
                slope[point.names.index(name)] += power * seen
                value += float((power * seen * point.at(name)).sum())
            for name, sign in formula.sums.items():
                times[name] = times.get(name, 0.0) + sign * seen
        for name, number in times.items():
            log, powers, share = log_sum(model.sums[name], point)
            mean = powers.T @ share
            value += float((number * log).sum())
            slope += number * mean
            second = (powers[:, :, None] * powers[:, None, :]).reshape(len(powers), -1).T @ share
            bend -= number * (second.reshape(bend.shape) - mean[:, None] * mean[None, :])
        return value, self._gradient(slope), self._hessian(bend)

    def _gradient(self, slope: FloatArray) -> FloatArray:
        strengths = np.bincount(self.first, slope[0], self.n_models)
        strengths += np.bincount(self.second, slope[1], self.n_models)
        return np.concatenate([strengths, slope[2:].sum(axis=1)])

    def _hessian(self, bend: FloatArray) -> FloatArray:
        m = self.n_models
        whole = np.zeros((m + len(bend) - 2,) * 2)
        cross = np.bincount(self.first * m + self.second, bend[0, 1], m * m).reshape(m, m)
        own = np.bincount(self.first, bend[0, 0], m) + np.bincount(self.second, bend[1, 1], m)
        whole[:m, :m] = cross + cross.T + np.diag(own)
        for e in range(2, len(bend)):
            column = np.bincount(self.first, bend[0, e], m) + np.bincount(self.second, bend[1, e], m)
            whole[:m, m + e - 2] = whole[m + e - 2, :m] = column
        whole[m:, m:] = bend[2:, 2:].sum(axis=2)
        return whole
