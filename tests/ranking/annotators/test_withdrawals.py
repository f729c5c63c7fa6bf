"""Which way votes are withdrawn: a published exact test, every assignment counted, and simulated voters."""

from itertools import combinations, product
from math import prod

import numpy as np
import pytest

from agon.ranking import OptionError, VotesError, withdrawal_test


def strata(*tables):
    """Votes of voters, each (A withdrawn, A kept, B withdrawn, B kept), which are for and against ada."""
    voters, withdrawn, results = [], [], []
    for voter, counts in enumerate(tables):
        for number, (said, gone) in zip(counts, (("A", 1), ("A", 0), ("B", 1), ("B", 0)), strict=True):
            voters += [voter] * number
            withdrawn += [gone] * number
            results += [said] * number
    favour = np.where(np.array(results) == "A", 1, -1)
    return voters, withdrawn, results, np.arange(len(voters)), ["ada"] * len(voters), favour


def test_the_exact_test_is_that_of_r():
    """`mantelhaen.test(Rabbits, exact = TRUE)` of R's manual: S = 16, p-value = 0.03994."""
    rabbits = [(0, 6, 0, 5), (3, 3, 0, 6), (6, 0, 2, 4), (5, 1, 6, 0), (2, 0, 5, 0)]
    found = withdrawal_test(*strata(*rabbits))
    assert [one.withdrawn for one in found.results] == [16, 13]
    assert found.results[0].p_value == pytest.approx(0.03994, abs=5e-6)
    assert found.models[0].p_value == found.results[1].p_value
    assert (found.voters, found.partly) == (4, 3)


@pytest.mark.parametrize("seed", range(6))
def test_the_probability_is_that_of_all_assignments(seed):
    rng = np.random.default_rng(seed)
    voters, said = np.repeat([0, 1, 2], (6, 5, 4)), rng.integers(0, 2, 15)
    gone = rng.integers(0, 2, 15).astype(bool)
    own = [np.flatnonzero(voters == v) for v in range(3)]
    sums = [[said[list(c)].sum() for c in combinations(rows, gone[rows].sum())] for rows in own]
    totals = np.array([sum(one) for one in product(*sums)])
    assert len(totals) == prod(map(len, sums))
    observed = said[gone].sum()
    p = min(1, 2 * min((totals <= observed).mean(), (totals >= observed).mean()))
    (found,) = (
        one
        for one in withdrawal_test(voters, gone, said, np.arange(15), ["m"] * 15, 1 - 2 * said).results
        if one.result == "1"
    )
    assert found.p_value == pytest.approx(p)
    assert found.expected == pytest.approx(totals.mean())


def test_who_withdraws_everything_says_nothing():
    found = withdrawal_test(*strata((0, 0, 500, 0), (0, 0, 300, 0), (50, 50, 50, 50), (500, 0, 0, 0)))
    assert {one.lean for one in (*found.results, *found.models)} == {"none"}
    assert found.conclusion() == "Withdrawn votes: 1,400 of 1,500."


def test_what_it_says():
    against = withdrawal_test(*strata((0, 30, 30, 0), (5, 0, 0, 0)))
    assert against.conclusion() == (
        "Withdrawn votes: 35 of 65. More votes against ada were withdrawn than chance allows. Fewer votes "
        "that say “A” were withdrawn than chance allows. More votes that say “B” were withdrawn than chance "
        "allows."
    )
    favour = withdrawal_test(*strata((30, 0, 0, 30)))
    assert "More votes for ada were withdrawn" in favour.conclusion()
    assert withdrawal_test(["v"], [True], ["tie"], [], [], []).conclusion() == "Withdrawn votes: 1 of 1."


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [({"voters": []}, "no votes"), ({"results": ["A"]}, "one for each vote"), ({"favour": [0, 1]}, "1, or")],
)
def test_bad_votes_are_named(changed, sentence):
    given = {
        "voters": ["v", "v"], "withdrawn": [0, 1], "results": ["A", "B"], "votes": [0, 1],
        "models": ["a", "a"], "favour": [1, -1],
    }  # fmt: skip
    with pytest.raises(VotesError, match=sentence):
        withdrawal_test(**(given | changed))
    with pytest.raises(OptionError, match="level"):
        withdrawal_test(**given, level=1.0)


def world(rng, models=6, voters=40):
    """Voters with tastes and habits of the eye of their own: (voter, result, two models) of each vote."""
    strength = rng.normal(0, 1, models)
    rows = []
    for voter in range(voters):
        own, eye = strength + rng.normal(0, 1, models), rng.normal(0, 0.5)
        for _ in range(int(rng.integers(1, 60))):
            a, b = rng.choice(models, 2, replace=False)
            gap = own[a] - own[b] + eye + rng.logistic()
            rows.append((voter, "tie" if abs(gap) < 0.4 else "A" if gap > 0 else "B", a, b))
    return rows


def outcome_of(rows, gone):
    decided = [(i, a, b, 1 if said == "A" else -1) for i, (_, said, a, b) in enumerate(rows) if said != "tie"]
    votes = [i for i, *_ in decided for _ in range(2)]
    models = [m for _, a, b, _ in decided for m in (a, b)]
    favour = [f for *_, sign in decided for f in (sign, -sign)]
    return withdrawal_test([r[0] for r in rows], gone, [r[1] for r in rows], votes, models, favour)


def leans(found):
    return any(one.lean != "none" for one in (*found.results, *found.models))


def false_alarms(rounds, seed=0):
    """Worlds in which a fifth of the voters withdraw all of theirs, and a fifth some, at random."""
    rng, alarms = np.random.default_rng(seed), 0
    for _ in range(rounds):
        rows = world(rng)
        how = rng.choice([0, 0, 0, 1, 2], 40)
        chance = np.where(how == 1, 1.0, np.where(how == 2, rng.uniform(0, 1, 40), 0.0))
        alarms += leans(outcome_of(rows, [rng.random() < chance[row[0]] for row in rows]))
    return alarms


def named(rounds, votes, seed=1):
    """Worlds in which one voter of many votes withdraws those against model 2; how often it is named."""
    rng, times = np.random.default_rng(seed), 0
    for _ in range(rounds):
        rows = [row for row in world(rng) if row[0] != 0]
        drawn = [rng.choice(6, 2, replace=False) for _ in range(votes)]
        rows += [(0, rng.choice(["A", "B"]), *pair) for pair in drawn]
        gone = [v == 0 and ((s == "A" and b == 2) or (s == "B" and a == 2)) for v, s, a, b in rows]
        times += any(one.model == "2" and one.lean == "more" for one in outcome_of(rows, gone).models)
    return times


def test_withdrawals_at_random_alarm_seldom():
    assert false_alarms(60) <= 8  # 5% of 60 are 3, with a standard error of 1.7


def test_a_voter_who_withdraws_those_against_one_model_is_seen():
    assert named(10, 100) >= 9


@pytest.mark.soak
def test_withdrawals_at_random_alarm_in_one_world_of_twenty():
    assert false_alarms(600, 7) <= 41  # 5% are 30, with a standard error of 5.3; measured: 11
