"""Every rule on every kind of input: it works where the input carries what it needs, else refuses by name."""

import re

import numpy as np
import pytest

from agon.ranking import METHODS, Ballots, Comparisons, InputError, PairCounts, ScoreTable, rank
from tests.support.families import RULES

pytestmark = pytest.mark.slow

NAMES = ["ada", "bob", "cyn", "dan"]
SCORES = [[9, 2, 8, 5], [7, 6, 7, 4], [3, 9, 1, 3], [1, 1, 2, 9.0]]
TASKS = ["t0", "t1", "t2", "t3"]
GROUPS = {"t0": "x", "t1": "x", "t2": "y", "t3": "y"}
FULL = ScoreTable.of(NAMES, TASKS, SCORES, groups=GROUPS)
GAPS = ScoreTable.of(NAMES, TASKS, [[np.nan, *SCORES[0][1:]], *SCORES[1:]], groups=GROUPS)
WINS = [[0, 5, 7, 9], [4, 0, 6, 8], [2, 3, 0, 6], [1, 2, 3, 0]]
SCORE_RULES = {"mean", "geometric_mean", "median", "optimality_gap", "mean_win_rate", "two_level"}
NEEDS_ALL = {name for name, how in METHODS.items() if how.view == "ballots" and "missing" in how.options}
VOTES = {
    "pair counts": PairCounts.of(NAMES, WINS),
    "votes of two": Comparisons.from_counts(NAMES, WINS),
    "long ballots": Ballots.of(NAMES, [[0, 1, 2, 3]] * 2, [[1, 2, 3, 4], [4, 3, 2, 1]], count=[40, 25]),
    "short ballots": Ballots.of(NAMES, [[0, 1, 2], [1, 2, 3], [0, 2, 3]], [[1, 2, 2], [1, 2, 3], [2, 1, 0]]),
    "a table": FULL,
    "a table with gaps": GAPS,
}
COMPLETE = {"long ballots", "a table"}


@pytest.mark.parametrize("kind", VOTES)
@pytest.mark.parametrize("rule", sorted(RULES))
def test_works_or_refuses_by_name(rule, kind):
    votes = VOTES[kind]
    table = isinstance(votes, ScoreTable)
    gaps = {"missing"} & {*METHODS[rule].options}
    works = table if rule in SCORE_RULES else kind in COMPLETE or rule not in NEEDS_ALL
    if kind == "a table with gaps" and gaps:
        works = False
    if works:
        board = rank(votes, rule, interval="none", min_votes=0)
        elected = [row for row in board.ranked if row.rank == 1]
        assert elected or rule in ("condorcet", "weak_condorcet")
        return
    with pytest.raises(InputError) as refused:
        rank(votes, rule, interval="none", min_votes=0)
    assert rule in str(refused.value) or "borda" in str(refused.value)
    if gaps and (table or rule not in SCORE_RULES):
        assert re.search("missing=|a rule on pairs, such as copeland", str(refused.value))
        given = rank(votes, rule, interval="none", min_votes=0, missing="worst")
        assert given.settings["missing"] == "worst"
