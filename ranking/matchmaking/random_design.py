"""Everybody meets everybody equally often: the baseline of all designs."""

from __future__ import annotations

from agon.ranking.matchmaking.policies import policy
from agon.ranking.matchmaking.sampling_design import SamplingDesign, any_group
from agon.ranking.matchmaking.standing import Standing


@policy("uniform", learns=False, floor=0.0)
def uniform(standing: Standing, size: int) -> SamplingDesign:
    """Every group is equally likely."""
    return any_group(len(standing), size)
