"""Some models are shown more often than others: by weights, or by the share of battles each is to have."""

from __future__ import annotations

import math
from functools import lru_cache

from agon.ranking.errors import OptionError
from agon.ranking.matchmaking.policies import policy
from agon.ranking.matchmaking.sampling_design import ProductDesign, SamplingDesign
from agon.ranking.matchmaking.standing import Standing

_ROUNDS, _SETTLED = 200, 1e-6
_NEVER, _ALWAYS = 1e-6, 1 - 1e-6


@policy("weighted", learns=False, floor=0.0)
def weighted(
    standing: Standing,
    size: int,
    *,
    weights: dict[str, float] | None = None,
    shares: dict[str, float] | None = None,
) -> SamplingDesign:
    """Groups in proportion to the product of their members' weights.

    Args:
        standing: of the models.
        size: K.
        weights: by model, above 0; 1 where none is given.
        shares: instead of weights by model the share of battles in which it is shown, above 0 and below
            1; the others divide what is left of K evenly. Where shares cannot hold, because some models
            cannot answer, the odds of all are moved alike.

    Raises:
        OptionError: a weight or share outside its range, shares that sum to more than K, or both of them.
    """
    if weights is not None and shares is not None:
        raise OptionError("The policy weighted takes weights or shares, not both; leave one of them out.")
    _check("weight", weights or {}, 1e-6, 1e6)
    _check("share", shares or {}, 0.001, 0.999)
    if (total := math.fsum((shares or {}).values())) > size:
        raise OptionError(
            f"The policy weighted: the shares sum to {total:g}, and a battle has {size} answers; lower them."
        )
    if shares is None:
        return ProductDesign(tuple(float((weights or {}).get(name, 1.0)) for name in standing.models), size)
    return _share_design(tuple(shares.get(name) for name in standing.models), size)


def _check(what: str, values: dict[str, float], least: float, most: float) -> None:
    for name, value in values.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and least <= value <= most):
            raise OptionError(
                f"The policy weighted: the {what} of {name!r} must be a number from {least:f} to {most:g}, "
                f"not {value!r}; a model that is not to be drawn goes into paused."
            )


@lru_cache(maxsize=64)  # the same for as long as the same models can answer
def _share_design(wanted: tuple[float | None, ...], size: int) -> ProductDesign:
    """Each model in its share of the groups; those without one divide what is left evenly."""
    told = [share for share in wanted if share is not None]
    rest = (size - math.fsum(told)) / max(len(wanted) - len(told), 1)
    full = [min(max(rest if share is None else share, _NEVER), _ALWAYS) for share in wanted]
    return ProductDesign(_weights_of(_scaled(full, size), size), size)


def _scaled(shares: list[float], size: int) -> list[float]:
    """Shares that sum to the size of a group: the log-odds of all moved alike."""
    low, high, moved = -40.0, 40.0, shares
    for _ in range(80):
        shift = (low + high) / 2
        moved = [1 / (1 + (1 - share) / share * math.exp(-shift)) for share in shares]
        low, high = (shift, high) if math.fsum(moved) < size else (low, shift)
    return moved


def _weights_of(shares: list[float], size: int) -> tuple[float, ...]:
    """Weights with which each model is in its share of the groups (Chen, Dempster and Liu 1994)."""
    weights = [share / (1 - share) for share in shares]
    for _ in range(_ROUNDS):
        found = ProductDesign(tuple(weights), size).inclusion()
        if max(abs(a - b) for a, b in zip(found, shares, strict=True)) < _SETTLED:
            break
        weights = [w * s * (1 - f) / (f * (1 - s)) for w, s, f in zip(weights, shares, found, strict=True)]
    return tuple(weights)
