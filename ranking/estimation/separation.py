"""Models that no maximum likelihood can place: a prior for them, what to say about them, and in resamples.

They move nobody: the component is fitted first and then held fixed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.estimation.newton import maximise
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.results import Diagnostic, Fit, Identification
from agon.ranking.text import Figure, Names, Sentence

_WIDEST = 100.0  # nats; a flatter prior places nobody


def check_prior(name: str, prior_sd: float) -> None:
    """Refuse a standard deviation of the prior that is none.

    Raises:
        OptionError: it is not above 0, or above 100.
    """
    if not 0 < prior_sd <= _WIDEST:
        raise OptionError(f"{name}: prior_sd must be above 0 and at most {_WIDEST:g} nats, not {prior_sd!r}.")


def place_outside(
    curvature: Callable[[FloatArray], tuple[float, FloatArray, FloatArray]],
    theta: FloatArray,
    outside: IntArray,
    prior_sd: float,
    name: str,
) -> tuple[FloatArray, FloatArray]:
    """Put models at the mode of their posterior under a normal prior around 0; fills `theta` there.

    Args:
        curvature: value, gradient and minus the Hessian (P, P) of the log-likelihood at (M,) strengths;
            the first M parameters are these.
        theta: (M,) strengths, those of the component fitted.
        outside: which ones to place.
        prior_sd: of the prior, nats.
        name: of the method.

    Returns:
        (O, O) posterior covariance of the O models, and (O, P) the derivative of their places by every
        other parameter.
    """
    whole = theta.copy()

    def posterior(x: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        whole[outside] = x
        value, gradient, hessian = curvature(whole)
        own = hessian[np.ix_(outside, outside)] + np.eye(len(outside)) / prior_sd**2
        return value - float(x @ x) / (2 * prior_sd**2), gradient[outside] - x / prior_sd**2, own

    found = maximise(posterior, np.zeros(len(outside)), name)
    theta[outside] = whole[outside] = found.x
    covariance = np.linalg.inv(found.hessian)
    slope = -covariance @ curvature(whole)[2][outside]
    slope[:, outside] = 0.0
    return np.asarray(covariance), slope


def as_replicate(fit: Fit, full: Fit) -> FloatArray:
    """(M,) scores of a resample beside those of all votes: infinite where it leaves a model unbounded.

    Models that the full fit could only place by the prior get NaN. The mean of those that stay stays
    where it was, so that a model that drops out shifts nobody.
    """
    now, before = fit.identification, full.identification
    if now is None or before is None:
        return fit.values
    row = np.where(before.core, fit.values, np.nan)
    for g in range(int(before.group.max(initial=-1)) + 1):
        core = before.core & (before.group == g)
        kept = core & now.core
        if kept.any():
            kept &= now.group == np.bincount(now.group[kept]).argmax()
        gone = core & ~kept
        if gone.any():
            if kept.any() and fit.scale in ("log_odds", "probit"):  # whose zero is free
                row[kept] += full.values[kept].mean() - row[kept].mean()
            row[gone] = np.nan
            row[gone & now.open_above & ~now.open_below] = np.inf
            row[gone & now.open_below & ~now.open_above] = -np.inf
    return row


def placement_notes(
    models: tuple[str, ...], known: Identification, prior_sd: float
) -> tuple[Diagnostic, ...]:
    """Name the models that no finite maximum likelihood places."""
    up, down = known.open_above, known.open_below
    kinds = [
        ("undefeated", up & ~down, Sentence("nobody they can be compared with beat them")),
        ("winless", down & ~up, Sentence("they beat nobody they can be compared with")),
        ("unlinked", up & down, Sentence("no chain of wins and losses ties them to the rest")),
    ]
    notes = []
    for code, mask, why in kinds:
        if names := tuple(models[i] for i in np.flatnonzero(mask)):
            message = Sentence(
                "No finite maximum-likelihood score exists for {models}: {why}; the score, open on that "
                "side, "
                "is that of a normal prior of {prior} nat around the mean, and the rank that of wins "
                "which all "
                "went one way.",
                models=Names(names),
                why=why,
                prior=Figure(prior_sd, "g"),
            )
            notes.append(Diagnostic(code, names, message))
    return tuple(notes)
