"""Voters' discriminations: recovered from worlds, against scipy, and what follows for majorities."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize

from agon.ranking import (
    Comparisons,
    OptionError,
    SourceError,
    VotesError,
    majority_is_optimal,
    rank,
    voter_reliability,
)


def world(abilities, votes=100, models=12, seed=0):
    """Each voter judges `votes` random pairs of models with strengths from N(0, 1)."""
    rng = np.random.default_rng(seed)
    theta, ability = rng.normal(0, 1, models), np.asarray(abilities, dtype=float)
    voter = np.repeat(np.arange(len(ability)), votes)
    one = rng.integers(0, models, len(voter))
    two = (one + rng.integers(1, models, len(voter))) % models
    first = rng.random(len(voter)) < 1 / (1 + np.exp(-ability[voter] * (theta[one] - theta[two])))
    return Comparisons.of(
        [f"m{k:02d}" for k in range(models)],
        np.stack([one, two], axis=1),
        np.where(first[:, None], [1, 2], [2, 1]),
        labels={"voter": [f"v{k:03d}" for k in voter]},
    )


@pytest.mark.slow
def test_intervals_cover_the_generating_discriminations():
    """20 worlds of 40 voters, discriminations N(1, 0.5) over their mean; a standard error is 0.8%."""
    inside, spread = [], []
    for seed in range(20):
        ability = np.random.default_rng(100 + seed).normal(1, 0.5, 40)
        found = voter_reliability(world(ability, seed=seed))
        truth = ability / ability.mean()
        by_name = {one.voter: one for one in found.voters}
        inside += [by_name[f"v{k:03d}"].lower <= truth[k] <= by_name[f"v{k:03d}"].upper for k in range(40)]
        spread.append(found.spread)
    assert 0.925 <= np.mean(inside) <= 0.975
    assert np.mean(spread) == pytest.approx(0.5, abs=0.05)


def test_equal_voters_are_left_equal_and_the_board_is_bradley_terrys():
    votes = world([1.0] * 40)
    found = voter_reliability(votes)
    assert found.spread < 0.1
    assert found.unreliable == ()
    assert "none of these may as well vote by chance" in found.conclusion()
    board = rank(votes, scale="natural")
    ours = [found.strengths[found.models.index(row.model)] for row in board.rows]
    assert ours == pytest.approx([row.score for row in board.rows], abs=0.02)


def test_who_votes_by_chance_or_against_is_found():
    """30 honest voters, 3 by chance, 2 inverted, 200 votes each: exactly the five are unreliable."""
    found = voter_reliability(world([1.0] * 30 + [0.0] * 3 + [-1.0] * 2, votes=200))
    assert {one.voter for one in found.unreliable} == {"v030", "v031", "v032", "v033", "v034"}
    assert {one.voter for one in found.voters[:2]} == {"v033", "v034"}
    assert all(one.upper < 0 for one in found.voters[:2])
    assert found.voters[0].agreement < 0.4 < 0.6 < found.voters[-1].agreement
    assert not found.majority_optimal


def test_voters_short_of_votes_count_as_one_and_come_last():
    votes = Comparisons.of(
        "abc",
        [[0, 1], [1, 0], [1, 2], [2, 1], [0, 2]] * 12 + [[0, 1], [2, 1]],
        [[1, 2]] * 62,
        labels={"voter": ["ann"] * 60 + ["bob"] * 2},
    )
    found = voter_reliability(votes)
    assert [(one.voter, one.votes, one.discrimination is None) for one in found.voters] == [
        ("ann", 60, False),
        ("bob", 2, True),
    ]
    assert found.voters[0].discrimination == pytest.approx(1.0), "one voter alone sets the scale"
    assert found.to_frame()["lower"].isna().tolist() == [False, True]
    assert voter_reliability(votes, min_votes=61).conclusion() == (
        "None of the 2 voters has 61 votes, so none can be judged."
    )


def test_the_mode_is_that_of_scipy():
    """The posterior at the spread found, by a quasi-Newton method on strengths and discriminations."""
    votes = world([0.5, 1.0, 1.5, 2.0, 0.2], votes=60, models=4, seed=3)
    found = voter_reliability(votes)
    names = [f"v{k:03d}" for k in range(5)]
    rows = votes.ballots.pair_rows
    clusters = votes.clusters("voter")
    voter, ballot, count = clusters.cluster, clusters.ballot, clusters.count
    one, two, won = rows.first[ballot], rows.second[ballot], rows.win[ballot]

    def loss(x):
        theta, ability = np.append(x[:3], 0.0), np.append(x[3:], 5.0 - x[3:].sum())
        logit = ability[voter] * (theta[one] - theta[two])
        fit = count * (np.logaddexp(0, logit) - won * logit)
        return fit.sum() + 0.5 * ((ability - 1) ** 2).sum() / found.spread**2

    best = minimize(loss, np.r_[np.zeros(3), np.ones(4)], method="BFGS", options={"gtol": 1e-9}).x
    theta = np.append(best[:3], 0.0)
    by_name = {one.voter: one.discrimination for one in found.voters}
    expected = np.append(best[3:], 5.0 - best[3:].sum())
    assert [by_name[name] for name in names] == pytest.approx(expected, abs=1e-5)
    assert found.strengths == pytest.approx(theta - theta.mean(), abs=1e-5)


def test_votes_of_those_who_are_not_rated_still_move_the_strengths():
    """Three voters of 60 votes, forty of 2 or 4: scipy, with a discrimination of 1 for each of the forty."""
    votes = world([0.4, 1, 1.6] + [1.0] * 40, votes=[60] * 3 + [2, 4] * 20, models=4)
    found = voter_reliability(votes, min_votes=50)
    assert sum(one.discrimination is not None for one in found.voters) == 3
    rows, clusters = votes.ballots.pair_rows, votes.clusters("voter")
    rated = [clusters.names.index(f"v{k:03d}") for k in range(3)]
    one, two, won = (column[clusters.ballot] for column in (rows.first, rows.second, rows.win))

    def loss(x):
        theta, ability = np.append(x[:3], 0.0), np.ones(clusters.size)
        ability[rated] = [*x[3:], 3.0 - x[3:].sum()]
        logit = ability[clusters.cluster] * (theta[one] - theta[two])
        fit = clusters.count * (np.logaddexp(0, logit) - won * logit)
        return fit.sum() + 0.5 * ((ability - 1) ** 2).sum() / found.spread**2

    best = minimize(loss, np.r_[np.zeros(3), np.ones(2)], method="BFGS", options={"gtol": 1e-9}).x
    theta = np.append(best[:3], 0.0)
    by_name = {one.voter: one.discrimination for one in found.voters}
    assert [by_name[f"v{k:03d}"] for k in range(2)] == pytest.approx(best[3:], abs=1e-5)
    assert found.strengths == pytest.approx(theta - theta.mean(), abs=1e-5)


def decided_right(weights, log_odds):
    """Chance that the side with more weight is right, a draw by lot, over all ways to vote."""
    p = 1 / (1 + np.exp(-np.asarray(log_odds)))
    total = 0.0
    for right in product([True, False], repeat=len(p)):
        chance = np.prod(np.where(right, p, 1 - p))
        lead = sum(w if r else -w for w, r in zip(weights, right, strict=True))
        total += chance * (1.0 if lead > 1e-12 else 0.5 if abs(lead) <= 1e-12 else 0.0)
    return total


@pytest.mark.parametrize(
    ("competence", "optimal"),
    [
        ((0.9, 0.9, 0.6, 0.6, 0.6), False),  # Shapley and Grofman (1984): the experts decide
        ((0.7, 0.6, 0.6), False),  # 0.7/0.3 above (0.6/0.4)²
        ((0.69, 0.6, 0.6), True),  # and below
        ((0.8, 0.8, 0.8, 0.8, 0.8), True),
        ((0.9,), True),
        ((0.6, 0.6, 0.9, 0.9), False),
        ((0.7, 0.7, 0.75, 0.75), False),  # two against two is not best left to chance
        ((0.7, 0.7, 0.7, 0.7), True),
        ((0.75, 0.75, 0.7, 0.7, 0.7), True),
    ],
)
def test_a_majority_is_optimal_where_no_weighting_decides_better(competence, optimal):
    weights = np.log(np.array(competence) / (1 - np.array(competence)))
    assert majority_is_optimal(weights) is optimal
    heads, weighed = decided_right(np.ones(len(weights)), weights), decided_right(weights, weights)
    assert bool(heads >= weighed - 1e-12) is optimal


def test_pairs_that_change_their_winner_are_named():
    """Two sharp voters for a, three blunt ones for b: heads say b, weights say a."""
    rng = np.random.default_rng(0)
    names, shown, voter = list("abcdefgh"), [], []
    sharp, blunt = ["s1", "s2"], ["c1", "c2", "c3"]
    for who in sharp + blunt:
        for _ in range(150):
            i, j = sorted(rng.choice(np.arange(2, 8), 2, replace=False))
            right = rng.random() < (0.95 if who in sharp else 0.55)
            shown.append((i, j) if right else (j, i))
            voter.append(who)
    shown += [(0, 1)] * 20 + [(1, 0)] * 21 + [(0, 2), (2, 1), (2, 0), (1, 2)]
    voter += ["s1", "s2"] * 10 + ["c1", "c2", "c3"] * 7 + ["c1"] * 4
    found = voter_reliability(Comparisons.of(names, shown, [[1, 2]] * len(shown), labels={"voter": voter}))
    assert ("a", "b") in found.overturned
    assert {one.voter for one in found.voters[-2:]} == set(sharp)


def test_refusals():
    votes = Comparisons.of("ab", [[0, 1]], [[1, 2]], labels={"voter": ["ann"]})
    with pytest.raises(VotesError, match="voters cannot be compared"):
        voter_reliability(votes)
    with pytest.raises(SourceError, match="no column 'judge'"):
        voter_reliability(votes, by="judge")
    for wrong in ({"level": 1.0}, {"min_votes": 0}):
        with pytest.raises(OptionError, match="level must lie between 0 and 1 and min_votes"):
            voter_reliability(votes, **wrong)
    for weights in ([], [np.nan], [[1.0]]):
        with pytest.raises(OptionError, match="one finite number"):
            majority_is_optimal(weights)


def test_real_voters(datasets):
    """LLMFAO, 124 crowd workers: those with 50 votes or more are judged, and some vote by chance."""
    from agon.data import comparisons

    votes = comparisons(datasets / "llmfao_crowd_votes.parquet", columns={"voter": "judge"})
    found = voter_reliability(votes)
    assert len(found.voters) == 124
    assert sum(one.votes for one in found.voters) == 8931
    rated = [one for one in found.voters if one.discrimination is not None]
    assert all((one.votes >= 50) == (one.discrimination is not None) for one in found.voters)
    assert np.mean([one.discrimination for one in rated]) == pytest.approx(1.0)
    assert 0 < len(found.unreliable) < len(rated) / 2
