"""Which registered methods are rules of social choice, and which rate models by votes."""

from agon.ranking import METHODS

RULES = {n: how for n, how in METHODS.items() if how.family == "social_choice"}
RATINGS = sorted(METHODS.keys() - RULES.keys() - {"contextual_bradley_terry"})
