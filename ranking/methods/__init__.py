"""Rules on many resampled votes at once, faster than one call each: (R, M) values of R resamples.

Positional points are sums over ballots, so one matrix product gives those of all resamples. Eliminations
on ballots of two models run side by side (side_by_side.py). Ranked pairs looks only at the majorities that
lie on a cycle of majorities no weaker. An equilibrium draws from the Smith set alone: a mixture outside
it loses to the set's own equilibrium. Each function gives what the rule itself gives; a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from agon.ranking.methods.aggregation import sparse_aggregation, spectral, win_rate
from agon.ranking.methods.likelihood import (
    bradley_terry,
    bradley_terry_ridge,
    newman,
    plackett_luce,
    robust_bradley_terry,
    style_control,
    thurstone,
    tie_models,
)
from agon.ranking.methods.online import elo, trueskill, weng_lin
from agon.ranking.methods.social_choice import (
    cardinal,
    condorcet,
    elimination,
    kemeny,
    margin_based,
    maximal_lotteries,
    positional,
)
from agon.ranking.methods.social_choice.elimination_batched import (
    _baldwin,
    _coombs,
    _instant_runoff,
    _nanson,
    _threshold,
    _two_round,
)
from agon.ranking.methods.social_choice.margin_based import _ranked_pairs, ranked_pairs
from agon.ranking.methods.social_choice.maximal_lotteries import (
    maximal_lottery,
    nash_averaging,
    smith_averaging,
    smith_lottery,
)
from agon.ranking.registry import Together, _each, _points

TOGETHER: Mapping[Callable[..., Any], Together] = MappingProxyType(
    {
        **{
            rule: _points(rule)
            for rule in (
                positional.plurality,
                positional.veto,
                positional.approval_k,
                positional.borda,
                positional.dowdall,
                positional.scoring_vector,
            )
        },
        elimination.instant_runoff: _instant_runoff,
        elimination.coombs: _coombs,
        elimination.baldwin: _baldwin,
        elimination.nanson: _nanson,
        elimination.threshold: _threshold,
        elimination.two_round: _two_round,
        ranked_pairs: _ranked_pairs,
        maximal_lottery: _each(smith_lottery),
        nash_averaging: _each(smith_averaging),
    }
)
