"""The worlds of `benchmarks.interval_coverage`: what may happen when models of known strengths meet."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, ndtr, ndtri

Outcomes = np.ndarray  # (M, M, 3 or 4) chance that row beats column, loses to it, ties with it, both are bad


# ---- two models: from (M,) strengths to chances


def decisive(strengths: np.ndarray) -> Outcomes:
    """Bradley-Terry without ties."""
    return with_ties(expit(_gaps(strengths)), 0.0)


def random_ties(strengths: np.ndarray, share: float = 0.2) -> Outcomes:
    """A fifth of the votes are ties, whoever meets."""
    return with_ties(expit(_gaps(strengths)), share)


def rao_kupper(strengths: np.ndarray, a: float = 0.4) -> Outcomes:
    """Ties where the models are close: Rao and Kupper (1967), a = ln φ."""
    win = expit(_gaps(strengths) - a)
    return np.stack([win, win.T, 1.0 - win - win.T], axis=-1)


def davidson(strengths: np.ndarray, nu: float = 0.6) -> Outcomes:
    """Ties where the models are close: Davidson (1970)."""
    half = np.exp(_gaps(strengths) / 2)
    total = half + half.T + nu
    return np.stack([half / total, half.T / total, nu / total], axis=-1)


def rao_kupper_bag(strengths: np.ndarray, a: float = 0.4, ground: float = 0.5) -> Outcomes:
    """Rao and Kupper's ties, and both are bad where the ground beats both: Frick et al. (2025)."""
    pi = np.exp(strengths)
    win = pi[:, None] / (pi[:, None] + np.exp(a) * pi + ground)
    bad = ground / (ground + pi[:, None] + pi)
    return np.stack([win, win.T, 1.0 - win - win.T - bad, bad], axis=-1)


def probit(strengths: np.ndarray) -> Outcomes:
    """Thurstone's case V without ties."""
    return with_ties(ndtr(_gaps(strengths)), 0.0)


def tastes(strengths: np.ndarray, spread: float = 0.7) -> Outcomes:
    """What the average voter does when each has strengths of her own, N(0, spread) around the common ones."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    gaps = _gaps(strengths)[..., None] + np.sqrt(2) * spread * nodes
    return with_ties((expit(gaps) * weights).sum(axis=-1) / weights.sum(), 0.0)


def _gaps(strengths: np.ndarray) -> np.ndarray:
    return strengths[..., :, None] - strengths[..., None, :]


def with_ties(win: np.ndarray, share: float) -> Outcomes:
    """A share of ties, whoever meets, and else the chances (...) to win."""
    return np.stack([(1 - share) * win, (1 - share) * (1 - win), np.full_like(win, share)], axis=-1)


def as_halves(chances: Outcomes) -> np.ndarray:
    """(M,) the strengths that Bradley-Terry with half-ties tends to when all pairs meet alike, zero mean."""
    won = chances[..., 0] + chances[..., 2] / 2
    upper = np.triu(np.ones(won.shape, dtype=bool), 1)

    def loss(free: np.ndarray) -> float:
        gap = _gaps(np.append(free, -free.sum()))[upper]
        return float((won[upper] * np.logaddexp(0, -gap) + (1 - won[upper]) * np.logaddexp(0, gap)).sum())

    free = minimize(loss, np.zeros(len(won) - 1), method="BFGS", options={"gtol": 1e-9}).x
    return np.append(free, -free.sum())


# ---- any number of models: from (N, K) strengths of those shown to (N, K) places


def luce(strengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Choices of the best, of the best of the rest, ...: the order of strengths with Gumbel noise."""
    return 1 + np.argsort(np.argsort(-strengths - rng.gumbel(size=strengths.shape)))


def free_for_all(strengths: np.ndarray, rng: np.random.Generator, draws: float = 0.1) -> np.ndarray:
    """TrueSkill's defaults in units of its σ: noise β = σ/2, and neighbours closer than ε are tied."""
    seen = -strengths + 0.5 * rng.normal(size=strengths.shape)
    order, margin = np.argsort(seen), ndtri((1 + draws) / 2) * np.sqrt(2) * 0.5
    apart = np.diff(np.take_along_axis(seen, order, axis=1), axis=1, prepend=-np.inf) > margin
    return np.take_along_axis(np.cumsum(apart, axis=1), np.argsort(order), axis=1)


# ---- voters


def alike(
    rng: np.random.Generator, voter: np.ndarray, first: np.ndarray, second: np.ndarray, x: np.ndarray
) -> np.ndarray:
    """(N,) numbers that decide votes, low for the first model; those of one voter are alike.

    She likes models and features, (N, F), more or less than others do, which is a share of 0.3 of what
    decides. Every number by itself is uniform, so the strengths that make the votes remain the truth.
    """
    voters, models = voter.max() + 1, max(first.max(), second.max()) + 1
    liked, features = rng.normal(size=(voters, models)), rng.normal(size=(voters, x.shape[1]))
    liking = liked[voter, first] - liked[voter, second] + (features[voter] * x).sum(axis=1)
    liking /= np.sqrt(2 + (x**2).sum(axis=1))
    return ndtr(np.sqrt(0.7) * rng.normal(size=len(voter)) - np.sqrt(0.3) * liking)
