"""What overturning the first rank costs: against counts that can be done by hand, and by doing it."""

import numpy as np
import pytest

from agon.ranking import Comparisons, add_attack, bradley_terry_world, rank
from agon.ranking.annotators.duels import duels_of
from agon.ranking.annotators.overturning import AttackCost, attack_cost
from agon.ranking.annotators.unusual_voters import find_anomalies, share_named


def reference_of(votes):
    return find_anomalies(duels_of(votes))[1]


def test_two_models_are_level_when_they_have_won_as_often():
    """600 to 400: 200 votes of any kind, for every battle is between the two."""
    places = np.repeat([[1, 2], [2, 1]], [600, 400], axis=0)
    voter = (np.arange(1000) % 50).tolist()
    votes = Comparisons.of("ab", np.tile([0, 1], (1000, 1)), places, labels={"voter": voter})
    cost = attack_cost(reference_of(votes))
    assert (cost.first, cost.second, cost.votes) == ("a", "b", 1000)
    assert cost.forged == pytest.approx(200, abs=2)
    assert cost.drawn == pytest.approx(200, abs=2)
    assert cost.in_a_burst is None
    assert "b would pass a with 200 hostile votes" in cost.conclusion()


def test_as_many_forged_votes_do_what_was_said_and_a_third_fewer_do_not():
    world = bradley_terry_world(8, 12_000, voters=200, ties=0, both_bad=0, seed=0)
    votes = world.comparisons()
    cost = attack_cost(reference_of(votes))
    first, second = (world.models.index(name) for name in (cost.first, cost.second))
    assert [row.model for row in rank(votes)][:2] == [cost.first, cost.second]
    for share, ahead in ((1.05, cost.second), (0.67, cost.first)):
        n = int(cost.forged * share)
        shown = np.concatenate([np.stack([world.first, world.second], 1), [[second, first]] * n])
        places = np.concatenate([np.array([[1, 2], [2, 1]])[world.outcome], [[1, 2]] * n])
        assert rank(Comparisons.of(world.models, shown, places))[0].model == ahead
    assert cost.drawn > cost.forged
    assert cost.identities == -(-cost.drawn // cost.each)


def test_identities_twice_as_large_are_named_by_the_tests():
    world = bradley_terry_world(8, 12_000, voters=200, seed=0)
    reference = reference_of(world.comparisons())
    cost = attack_cost(reference)
    first, target = (world.models.index(name) for name in (cost.first, cost.second))
    shares = []
    for size in (cost.each // 2, 4 * cost.each):
        none = bradley_terry_world(8, 0, voters=1, strengths=world.strengths)
        hostile = add_attack(none, "target", 100 * size, 100, target=target, seed=2)
        hostile.outcome[(hostile.first == first) & (hostile.second != target)] = 1
        hostile.outcome[(hostile.second == first) & (hostile.first != target)] = 0
        shares.append(share_named(duels_of(hostile.comparisons()), reference))
    assert shares[0] < 0.5 < shares[1]


@pytest.mark.parametrize(("each", "known"), [(29, False), (30, True)])
def test_a_model_without_a_rank_has_none_to_lose(each, known):
    """Of two models each has as many decided votes as there are."""
    places = np.repeat([[1, 2], [2, 1]], [each - 10, 10], axis=0)
    voter = (np.arange(each) % 5).tolist()
    votes = Comparisons.of("ab", np.tile([0, 1], (each, 1)), places, labels={"voter": voter})
    assert (attack_cost(reference_of(votes)) is not None) == known


def test_one_vote_is_told_as_one():
    cost = AttackCost("a", "b", 60, forged=1, drawn=1, each=10, identities=1, in_a_burst=None)
    assert "with 1 hostile vote in drawn battles by 1 identity of 10 votes" in cost.conclusion()
    assert "or with 1 vote on pairs" in cost.conclusion()


def test_nothing_decided_has_no_cost():
    votes = Comparisons.of("ab", [[0, 1]] * 9, [[1, 1]] * 9, labels={"voter": list("aabbccdde")})
    assert attack_cost(reference_of(votes)) is None
