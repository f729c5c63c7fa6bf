"""Who meets whom: policies that draw the models of the next vote, each with its exact probabilities.

Every policy is imported here so that it registers: the only list of the files they are in.
"""

from agon.ranking.matchmaking import (
    bald,
    dueling_bandits,
    neighbourhood,
    random_design,
    unequal_probability,
    upper_confidence_bound,
)
from agon.ranking.matchmaking.policies import POLICIES, Policy, choose_policy

__all__ = [
    "POLICIES",
    "Policy",
    "bald",
    "choose_policy",
    "dueling_bandits",
    "neighbourhood",
    "random_design",
    "unequal_probability",
    "upper_confidence_bound",
]
