"""Names of the methods and of their options, for editors and type checkers.

Written from the registry by `make docs`; do not edit.
"""

from collections.abc import Sequence
from typing import Literal, TypedDict

MethodName = Literal[
    "additive",
    "approval_k",
    "baldwin",
    "borda",
    "bradley_terry",
    "bradley_terry_ridge",
    "bt",
    "condorcet",
    "contextual_bradley_terry",
    "coombs",
    "copeland",
    "counting",
    "davidson",
    "davidson_luce",
    "dowdall",
    "eigenvector",
    "elo",
    "geometric_mean",
    "glicko",
    "glicko2",
    "glicko_2",
    "graded_bradley_terry",
    "greedy",
    "instant_runoff",
    "kemeny",
    "ksort",
    "kwiksort",
    "kwise_bayes",
    "maximal_lottery",
    "mean",
    "mean_win_rate",
    "median",
    "minimax",
    "nanson",
    "nash_averaging",
    "newman",
    "optimality_gap",
    "pagerank",
    "pl",
    "plackett_luce",
    "plurality",
    "rank_centrality",
    "ranked_pairs",
    "rao_kupper",
    "rao_kupper_bag",
    "rao_kupper_by_model",
    "robust_bradley_terry",
    "schulze",
    "schwartz_set",
    "scoring_vector",
    "smith_set",
    "split_cycle",
    "threshold",
    "thurstone",
    "trueskill",
    "two_level",
    "two_round",
    "veto",
    "weak_condorcet",
    "weng_lin",
    "whole_history_rating",
    "whr",
    "win_rate",
]


class MethodOptions(TypedDict, total=False):
    """Options of methods; each method takes its own and names them when it is given another."""

    average: Literal["opponents", "votes"]
    base: float
    beta: float
    bias_reduced: bool
    both_bad: Literal["drop", "half"]
    c: float
    chance: float
    copies: float
    damping: float
    deviation: float
    draw_probability: float
    drop: Literal["at_or_below", "below"]
    gamma: float
    k: float
    majority_stops: bool
    measure: Literal["margins", "opposition", "winning_votes"]
    missing: Literal["average", "column_median", "drop_task", "partial_borda", "refuse", "worst"] | str | None
    mu: float
    orders: int
    penalty: float
    period: float
    permutations: int | None
    points: Sequence[float]
    precision: float | None
    prior: float
    prior_games: float
    prior_sd: float
    rule: str
    score: Literal["conservative", "mean"]
    sigma: float
    spread_sd: float
    start: float
    tau: float
    tie_break: Literal["names", "random", "together"]
    tie_credit: float
    tie_sd: float
    ties: Literal["average", "best", "breslow", "published", "share", "worst"] | None
    time_limit: float
    variant: Literal["difference", "losses", "wins"]
    volatility: float
    w2: float
