"""How improbable a sum of weighted votes is: saddle-point tails of independent votes, of many groups at once.

T = Σ w y, each y being 1 with log-odds η + u w. u is what distinguishes an honest voter from the crowd: it is
normal around 0 with a known spread, over which the tail is averaged. T is sufficient for u, so that one
saddle point serves every u, and the test against one side is the most powerful there is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agon.ranking.numerics import BoolArray, FloatArray, IntArray, expit

_NODES = np.linspace(-7.0, 7.0, 57)
_WEIGHTS = np.exp(-0.5 * _NODES**2)
_WEIGHTS /= _WEIGHTS.sum()


@dataclass(frozen=True, eq=False)
class Tails:
    """(G,) chances of a sum as small or as large as that seen, and the u that explains it best."""

    below: FloatArray
    above: FloatArray
    effect: FloatArray


def tails_of(
    group: IntArray,
    log_odds: FloatArray,
    weight: FloatArray,
    won: BoolArray,
    spread: FloatArray,
    *,
    lattice: bool,
) -> Tails:
    """Tail probabilities of the sum of each group.

    Args:
        group: (R,) number of the group of each vote, 0 to G − 1.
        log_odds: (R,) η.
        weight: (R,) w, not 0; all 1 or −1 where `lattice`.
        won: (R,) y.
        spread: (G,) standard deviation of u; 0 for a crowd of one mind.
        lattice: whether sums are a whole unit apart, for which a half is taken off.

    Source:
        R. Lugannani and S. Rice, Adv. Appl. Prob. 12 (1980); H. Daniels, Int. Stat. Rev. 55 (1987), for sums
        on a lattice; O. Barndorff-Nielsen, Biometrika 73 (1986), for r*.
    """
    size = len(spread)
    seen = np.bincount(group, weight * won, size).astype(np.float64)
    if not lattice:
        root = _solve(group, log_odds, weight, seen, size)
        below, above = _tails(group, log_odds, weight, seen, root, spread, lattice=False)
        return Tails(below, above, root)
    under, over = (_solve(group, log_odds, weight, seen + half, size) for half in (0.5, -0.5))
    below = _tails(group, log_odds, weight, seen + 0.5, under, spread, lattice=True)[0]
    above = _tails(group, log_odds, weight, seen - 0.5, over, spread, lattice=True)[1]
    return Tails(below, above, 0.5 * (under + over))


def _solve(
    group: IntArray, log_odds: FloatArray, weight: FloatArray, target: FloatArray, size: int
) -> FloatArray:
    """(G,) the u at which the expected sum is the target, or as far as matters where none is."""
    widest = np.zeros(size)
    np.maximum.at(widest, group, np.abs(weight))
    high = 30.0 / np.maximum(widest, 1e-12)
    low, x = -high, np.zeros(size)
    for _ in range(60):
        p = expit(log_odds + weight * x[group])
        gap = np.bincount(group, weight * p, size) - target
        slope = np.bincount(group, weight**2 * p * (1 - p), size)
        high, low = np.where(gap > 0, x, high), np.where(gap > 0, low, x)
        step = x - np.divide(gap, slope, out=np.zeros(size), where=slope > 1e-300)
        new = np.where((step > low) & (step < high), step, 0.5 * (low + high))
        done = bool((np.abs(new - x) * widest < 1e-9).all())
        x = new
        if done:
            break
    return x


def _tails(
    group: IntArray,
    log_odds: FloatArray,
    weight: FloatArray,
    seen: FloatArray,
    root: FloatArray,
    spread: FloatArray,
    *,
    lattice: bool,
) -> tuple[FloatArray, FloatArray]:
    """(G,) chances of a sum at most, and at least, that seen."""
    from scipy.special import ndtr

    size = len(spread)

    def likelihood(u: FloatArray) -> FloatArray:
        cumulant = np.bincount(group, np.logaddexp(0.0, log_odds + weight * u[group]), size)
        return np.asarray(u * seen - cumulant)

    p = expit(log_odds + weight * root[group])
    bend = np.sqrt(np.bincount(group, weight**2 * p * (1 - p), size))
    best = likelihood(root)
    below, above = np.zeros(size), np.zeros(size)
    narrow = bool((spread == 0).all())
    for node, share in [(0.0, 1.0)] if narrow else zip(_NODES.tolist(), _WEIGHTS.tolist(), strict=True):
        u = node * spread
        gap = root - u
        r = np.sign(gap) * np.sqrt(2 * np.maximum(best - likelihood(u), 0.0))
        q = (2 * np.sinh(np.clip(gap / 2, -300, 300)) if lattice else gap) * bend
        flat = np.abs(r) < 1e-3
        with np.errstate(divide="ignore", invalid="ignore"):
            star = np.where(flat, r, r + np.log(np.maximum(q / np.where(flat, 1.0, r), 1e-300)) / r)
        low, high = ndtr(star), ndtr(-star)
        if not lattice:  # the bound of Chernoff, which is exact where every vote goes one way
            bound = np.exp(-0.5 * r**2)
            low, high = (
                np.where(r < 0, np.minimum(low, bound), low),
                np.where(r > 0, np.minimum(high, bound), high),
            )
        below += share * low
        above += share * high
    return np.minimum(below, 1.0), np.minimum(above, 1.0)
