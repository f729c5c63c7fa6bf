"""Newton's method as every likelihood here uses it: one loop, one test of convergence, one inverse.

The first parameters are strengths, the rest (a tie parameter, say) further ones. Without a prior the
strengths are free up to a constant, which is held at zero mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agon.ranking.errors import ConvergenceError
from agon.ranking.numerics import FloatArray

TOLERANCE = 1e-6  # nats; a Newton step this small leaves an error of its square
ROUNDS = 200
Curvature = Callable[[FloatArray], tuple[float | None, FloatArray, FloatArray]]


@dataclass(frozen=True, eq=False)
class Optimum:
    """A maximum: (P,) parameters, minus the Hessian (P, P), the gradient (P,) there, steps taken."""

    x: FloatArray
    hessian: FloatArray
    gradient: FloatArray
    steps: int


def maximise(
    curvature: Curvature,
    start: FloatArray,
    name: str,
    *,
    free: int = 0,
    size: Callable[[FloatArray], float] | None = None,
) -> Optimum:
    """Climb to the maximum of a log-likelihood.

    Where the likelihood's value is None it is a sum of logarithms of sums of exponentials, and the step
    is damped to log(1 + d)/d, d the largest change of a compared difference, which cannot overshoot
    (Bach 2010, Prop. 3) and tends to the full step. Else the step is halved until the value rises, and a
    Hessian that is not positive definite gets a ridge.

    Args:
        curvature: gives value, gradient (P,) and minus the Hessian (P, P) at (P,) parameters.
        start: (P,) where to begin.
        name: of the method, for the error.
        free: number of leading parameters that are strengths without a zero, or 0.
        size: largest change of a compared difference in a step (P,); the spread of the step if None.

    Raises:
        ConvergenceError: `ROUNDS` steps did not settle it.
    """
    x = start.copy()
    x[:free] -= x[:free].mean() if free else 0.0
    value, gradient, hessian = curvature(x)
    for step in range(1, ROUNDS + 1):
        change = _direction(hessian, gradient, free, convex=value is None)
        largest = float(np.ptp(change)) if size is not None or free else float(2 * np.abs(change).max())
        if size is not None and largest > 0.1:  # else the damping hardly matters
            largest = size(change)
        if value is None:
            x = x + change * (np.log1p(largest) / largest if largest > 0 else 1.0)
            value, gradient, hessian = curvature(x)
        else:
            x, value, gradient, hessian, taken = _climbed(curvature, x, value, change)
            largest = max(largest, TOLERANCE) if taken < 1 else largest
        if free:
            x[:free] -= x[:free].mean()
        if largest < TOLERANCE:
            return Optimum(x, hessian, gradient, step)
    raise ConvergenceError(
        f"{name} did not converge in {ROUNDS} Newton steps on {free or len(x)} models; "
        "look at `agon check` for models that almost never win or lose."
    )


def _climbed(
    curvature: Curvature, x: FloatArray, value: float, change: FloatArray
) -> tuple[FloatArray, float, FloatArray, FloatArray, float]:
    """Take the step, or half of it and so on, until the value does not fall by more than rounding."""
    slack = 1e-9 * (1 + abs(value))
    share = min(1.0, 4 / float(np.abs(change).max()) if change.any() else 1.0)
    while True:
        new, gradient, hessian = curvature(x + share * change)
        if new is not None and new >= value - slack:
            return x + share * change, new, gradient, hessian, share
        share /= 2
        if share < 1e-10:
            return x, value, *curvature(x)[1:], 0.0


def _direction(hessian: FloatArray, gradient: FloatArray, free: int, *, convex: bool) -> FloatArray:
    """(P,) the Newton step."""
    whole = full(hessian, free)
    if not convex:
        ridge, least = 0.0, 1e-4 * float(np.abs(whole.diagonal()).max())
        while not _positive(whole):
            ridge = max(10 * ridge, least)
            whole = whole + ridge * np.eye(len(whole))
    change = np.linalg.solve(whole, gradient)
    change[:free] -= change[:free].mean() if free else 0.0
    return np.asarray(change)


def _positive(matrix: FloatArray) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def full(hessian: FloatArray, free: int) -> FloatArray:
    """Make a Hessian invertible without changing it where the free strengths have zero mean; (P, P)."""
    if not free:
        return hessian
    whole = hessian.copy()
    whole[:free, :free] += hessian.diagonal()[:free].mean() / free
    return whole


def inverse(hessian: FloatArray, free: int) -> FloatArray:
    """(P, P) inverse of minus the Hessian, on the subspace where the free strengths have zero mean.

    A further parameter may move with all strengths, as the threshold of a "both bad" does; then it is not
    enough to centre the strengths.
    """
    found = np.linalg.inv(full(hessian, free))
    found = 0.5 * (found + found.T)
    if 0 < free < len(found):
        along = found[:, :free].sum(axis=1)
        found -= np.outer(along, along) / along[:free].sum()
    return centred(found, free)


def centred(covariance: FloatArray, free: int) -> FloatArray:
    """Take from (P, P) what the free strengths share, in place: their mean is zero."""
    found = covariance
    if free:
        found[:free] -= found[:free].mean(axis=0)
        found[:, :free] -= found[:, :free].mean(axis=1)[:, None]
    return found


def inverse_root(matrix: FloatArray) -> FloatArray:
    """(P, P) lower triangular R with RᵀR the inverse of a positive definite matrix.

    Half the work of the inverse, whose trace is the sum of all squares of R.
    """
    from scipy.linalg.lapack import dtrtri

    return np.asarray(dtrtri(np.linalg.cholesky(matrix), lower=1)[0])
