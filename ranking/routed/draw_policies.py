"""How likely each model is to answer the next conversation: by fixed shares, or by what was learnt.

What a policy returns is logged with every conversation; estimates are weighed by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from agon.ranking.errors import OptionError, suggest
from agon.ranking.numerics import FloatArray

DRAW_FLOOR = 0.1  # share of draws at random of a policy that learns, so that every model goes on being tried
_GRID = 2001  # points of the integral


@dataclass(frozen=True)
class DrawPolicy:
    """A rule that gives chances, from what a signal was so far; higher is better.

    Attributes:
        name: of `DRAW_POLICIES`.
        shares: (M,) of the policy "shares"; None for equal ones.
        epsilon: share of draws at random of "epsilon_greedy".
        floor: share of draws at random that are mixed into "thompson".
    """

    name: str = "uniform"
    shares: tuple[float, ...] | None = None
    epsilon: float = 0.2
    floor: float = DRAW_FLOOR

    def __post_init__(self) -> None:
        if self.name not in DRAW_POLICIES:
            raise OptionError(f"There is no policy {self.name!r}; {suggest(self.name, DRAW_POLICIES)}")
        for what in ("epsilon", "floor"):
            if not 0 < getattr(self, what) <= 1:
                raise OptionError(
                    f"{what} is a share of the draws, above 0 and at most 1, not {getattr(self, what)!r}; at "
                    "0 a model could stop being tried."
                )
        if self.shares is not None and not (
            min(self.shares, default=0) > 0 and np.isfinite(sum(self.shares))
        ):
            raise OptionError("shares are numbers above 0, one for each model.")

    @property
    def learns(self) -> bool:
        """Whether the chances depend on the signal."""
        return self.name in ("epsilon_greedy", "thompson")

    def probabilities(self, count: FloatArray, total: FloatArray, squares: FloatArray) -> FloatArray:
        """(M,) chances that sum to 1, all above 0.

        Args:
            count: (M,) conversations of each model with the signal.
            total: (M,) sum of the signal, of which more is better.
            squares: (M,) sum of its squares.
        """
        chance = DRAW_POLICIES[self.name](self, np.asarray(count), np.asarray(total), np.asarray(squares))
        return np.asarray(chance / chance.sum())


def _uniform(_: DrawPolicy, count: FloatArray, *__: FloatArray) -> FloatArray:
    return np.ones(len(count))


def _shares(policy: DrawPolicy, count: FloatArray, *_: FloatArray) -> FloatArray:
    return np.ones(len(count)) if policy.shares is None else np.array(policy.shares, dtype=np.float64)


def _epsilon_greedy(policy: DrawPolicy, count: FloatArray, total: FloatArray, _: FloatArray) -> FloatArray:
    """The model with the best mean; before each has a conversation, all alike."""
    m = len(count)
    if not count.all():
        return np.ones(m)
    means = total / count
    best = means >= means.max()
    return np.asarray(policy.epsilon / m + (1 - policy.epsilon) * best / best.sum())


def _thompson(policy: DrawPolicy, count: FloatArray, total: FloatArray, squares: FloatArray) -> FloatArray:
    """Each model as often as it is likely to be the best: Thompson (1933), means being about normal.

    ∫ φ_k Π_{j≠k} Φ_j on a grid. The variance is that of all values, and one value at the mean of all stands
    before those of each model.
    """
    from scipy.special import log_ndtr

    m, n = len(count), count.sum()
    if n < 2:
        return np.ones(m)
    mean = total.sum() / n
    variance = max(float(squares.sum() / n - mean**2), 1e-12)
    center = (total + mean) / (count + 1)
    width = np.sqrt(variance / (count + 1))
    x = np.linspace((center - 8 * width).min(), (center + 8 * width).max(), _GRID)
    z = (x - center[:, None]) / width[:, None]
    below = log_ndtr(z)
    density = np.exp(below.sum(axis=0) - below - z**2 / 2) / width[:, None]
    best = density.sum(axis=1)
    return np.asarray(policy.floor / m + (1 - policy.floor) * best / best.sum())


DRAW_POLICIES: Mapping[str, Callable[[DrawPolicy, FloatArray, FloatArray, FloatArray], FloatArray]] = {
    "uniform": _uniform,
    "shares": _shares,
    "epsilon_greedy": _epsilon_greedy,
    "thompson": _thompson,
}
