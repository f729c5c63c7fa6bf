"""Which registered methods are rules of social choice, and which rate models by votes."""

from ranking import METHODS

MODULES = ("positional", "majority", "kemeny", "lottery", "elimination", "score_rules")
RULES = {
    name: how for name, how in METHODS.items() if how.function.__module__.removeprefix("ranking.") in MODULES
}
# style control needs features and has tests of its own
RATINGS = sorted(METHODS.keys() - RULES.keys() - {"contextual_bradley_terry"})
