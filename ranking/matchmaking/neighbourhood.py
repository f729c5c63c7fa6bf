"""Models meet others that seem as strong: sparse designs by neighbourhood, and the placement of newcomers."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.matchmaking.policies import policy
from agon.ranking.matchmaking.sampling_design import Mixture, RandomSubset, SamplingDesign, any_group
from agon.ranking.matchmaking.standing import Standing
from agon.ranking.numerics import IntArray

_ELO = 400 / np.log(10)  # points in one log-odds
_Z = NormalDist().inv_cdf(0.975)


@policy("near")
def near(standing: Standing, size: int, *, window: int = 8) -> SamplingDesign:
    """A model drawn at random, with others drawn at random from those nearest to its estimate.

    Args:
        standing: of the models.
        size: K.
        window: how many models are nearest.

    Raises:
        OptionError: a window that is not positive.

    Source:
        The neighbourhood window of Gienapp et al. (2022), by estimated strength.
    """
    _check_window("near", window)
    everyone = np.arange(len(standing))
    return _around(standing, everyone, everyone, size, max(window, size - 1))


@policy("newcomer")
def newcomer(
    standing: Standing, size: int, *, width: float = 40.0, share: float = 0.9, window: int = 4
) -> SamplingDesign:
    """Models whose interval is wide meet others near their estimate, until it is narrow enough.

    Args:
        standing: of the models.
        size: K.
        width: half the width of the 95% interval, in Elo points, at which a model is no newcomer any more.
        share: of the battles that are for newcomers, while there are any; the others are drawn at random.
        window: from how many models, nearest to its estimate, a newcomer's opponents are drawn; newcomers are
            among them only where too few are placed.

    Raises:
        OptionError: a value outside its range.
    """
    _check_window("newcomer", window)
    if not width > 0:
        raise OptionError(f"The policy newcomer: width must be above 0 Elo points, not {width!r}.")
    if not 0 < share <= 1:
        raise OptionError(f"The policy newcomer: share must be above 0 and at most 1, not {share!r}.")
    wide = _Z * _ELO * standing.spread > width
    new, placed = np.flatnonzero(wide), np.flatnonzero(~wide)
    everything = any_group(len(standing), size)
    if not len(new):
        return everything
    others = placed if len(placed) >= size - 1 else np.arange(len(standing))
    battle = _around(standing, new, others, size, max(window, size - 1))
    return Mixture(((share, battle), (1 - share, everything)))


def _around(
    standing: Standing, anchors: IntArray, others: IntArray, size: int, window: int
) -> SamplingDesign:
    """One of the anchors, each equally likely, with some of the others that are nearest to it."""
    mean = standing.mean
    row = others[np.lexsort((standing.shown[others], mean[others]))]  # equal ones by votes
    places = np.searchsorted(mean[row], mean[anchors])
    own = {model: place for place, model in enumerate(row.tolist())}
    parts = []
    for anchor, place in zip(anchors.tolist(), places.tolist(), strict=True):
        at = own.get(anchor, place)
        around = row[max(at - window, 0) : at + window + 1]
        around = around[around != anchor]
        nearest = around[np.argsort(np.abs(mean[around] - mean[anchor]), kind="stable")][:window]
        parts.append((1 / len(anchors), RandomSubset(frozenset((anchor,)), nearest.tolist(), size)))
    return Mixture(tuple(parts))


def _check_window(name: str, window: int) -> None:
    if window < 1:
        raise OptionError(f"The policy {name}: window must be at least 1, not {window!r}.")
