"""Boards that know who voted: one person's, a crowd weighed by reliability, pairs that split people."""

import numpy as np
import pytest

from agon.ranking import (
    Comparisons,
    OptionError,
    SourceError,
    contested_pairs,
    personal_board,
    rank,
    weigh_voters,
)
from agon.ranking.numerics import expit

THETA = np.linspace(-1.2, 1.2, 6)
NAMES = [f"m{i}" for i in range(6)]


def cast(strengths, who, seed):
    """Votes of each voter by their own (V, 6) strengths."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 6, len(who))
    second = (first + rng.integers(1, 6, len(who))) % 6
    won = rng.random(len(who)) < expit(strengths[who, first] - strengths[who, second])
    places = np.where(won[:, None], [1, 2], [2, 1])
    return Comparisons.of(
        NAMES, np.stack([first, second], axis=1), places, labels={"voter": [f"v{i:02d}" for i in who]}
    )


def test_a_person_of_their_own_taste_gets_their_own_board_and_one_of_few_votes_the_crowds():
    """Tastes differ by 0.7 nats; v00 likes the reverse and votes 400 times, v01 votes twice."""
    rng = np.random.default_rng(3)
    tastes = THETA + rng.normal(0, 0.7, (30, 6))
    tastes[0] = -THETA
    who = np.concatenate([np.repeat(0, 400), [1, 1], np.repeat(np.arange(2, 30), 40)])
    votes = cast(tastes, who, 4)
    own = personal_board(votes, "v00")
    truth = 1000 - 400 / np.log(10) * THETA
    assert ((own.lower <= truth) & (truth <= own.upper)).sum() >= 5
    assert own.to_frame()["model"].iloc[0] in ("m0", "m1")
    assert "beyond chance" in own.conclusion()
    few = personal_board(votes, "v01")
    assert few.votes == 2
    assert np.abs(few.scores - few.crowd).max() < 100
    assert "no model is surely" in few.conclusion()
    assert 60 < few.spread < 260  # 0.7 nats are 122 points, one of 30 far more


def test_the_spread_of_tastes_is_found_small_where_there_is_one_taste():
    votes = cast(np.tile(THETA, (25, 1)), np.repeat(np.arange(25), 60), 9)
    assert personal_board(votes, "v03").spread < 30


@pytest.mark.soak
def test_with_two_in_five_voting_at_random_the_weighed_board_keeps_the_order():
    """50 voters of 120 votes, 20 of them at random; 6 models 0.2 nats apart, 40 worlds (docs/tastes.md)."""
    theta, kept, unweighed = np.linspace(-0.5, 0.5, 6), 0, 0
    for seed in range(40):
        tastes = np.tile(theta, (50, 1))
        tastes[:20] = 0
        votes = cast(tastes, np.repeat(np.arange(50), 120), seed)
        board = rank(weigh_voters(votes), interval="none")
        kept += [row.model for row in board] == NAMES[::-1]
        unweighed += [row.model for row in rank(votes, interval="none")] == NAMES[::-1]
    assert kept >= 36
    assert kept > unweighed


def test_a_voter_at_random_weighs_little_and_one_against_the_others_nothing():
    tastes = np.tile(THETA, (12, 1))
    tastes[0], tastes[1] = 0, -THETA
    votes = weigh_voters(cast(tastes, np.repeat(np.arange(12), 150), 2))
    clusters, weight = votes.clusters("voter"), votes.ballots.weight
    each = np.bincount(clusters.cluster, clusters.count * weight[clusters.ballot]) / np.bincount(
        clusters.cluster, clusters.count
    )
    by = dict(zip(clusters.names, each, strict=True))
    usual = np.mean([by[f"v{i:02d}"] for i in range(2, 12)])
    assert by["v00"] < 0.3 * usual
    assert by.get("v01", 0.0) < 1e-6 * usual


def test_a_pair_that_splits_people_by_the_integral_of_its_density():
    votes = Comparisons.from_counts("abc", [[0, 52, 9], [48, 0, 1], [1, 2, 0]])
    table = contested_pairs(votes).set_index(["first", "second"])
    x = np.linspace(0, 1, 200_001)[1:-1]
    for pair, won, lost in ((("a", "b"), 52, 48), (("a", "c"), 9, 1), (("b", "c"), 1, 2)):
        density = np.exp((won - 0.5) * np.log(x) + (lost - 0.5) * np.log1p(-x))
        inside = density[(x > 0.4) & (x < 0.6)].sum() / density.sum()
        assert table.loc[pair, "contested"] == pytest.approx(inside, abs=1e-3)
        assert table.loc[pair, "share"] == pytest.approx((density * x).sum() / density.sum(), abs=1e-3)
    assert table.index[0] == ("a", "b")


def test_what_is_wrong_is_said_with_its_remedy():
    votes = cast(np.tile(THETA, (3, 1)), np.repeat(np.arange(3), 20), 0)
    bare = Comparisons.of("ab", [[0, 1]] * 9, [[1, 2]] * 9)
    for call, error, text in (
        (lambda: personal_board(votes, "v0"), OptionError, "There is no voter 'v0'; did you mean 'v0"),
        (lambda: personal_board(bare, "x"), SourceError, "do not say who voted"),
        (
            lambda: weigh_voters(votes),
            OptionError,
            "No voter has judged 50 pairs.*set min_votes to at most 20",
        ),
        (lambda: contested_pairs(votes, level=0), OptionError, "level must lie"),
    ):
        with pytest.raises(error, match=text):
            call()
