"""Every method, imported here so that it registers: the only list of the files they are in."""

from agon.ranking.methods.aggregation import sparse_aggregation, spectral, win_rate
from agon.ranking.methods.likelihood import (
    bradley_terry,
    bradley_terry_ridge,
    davidson_luce,
    graded_bradley_terry,
    newman,
    plackett_luce,
    robust_bradley_terry,
    style_control,
    thurstone,
    tie_models,
)
from agon.ranking.methods.online import elo, glicko2, trueskill, weng_lin, whole_history_rating
from agon.ranking.methods.social_choice import (
    cardinal,
    condorcet,
    elimination,
    kemeny,
    margin_based,
    maximal_lotteries,
    positional,
)
