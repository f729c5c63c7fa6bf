"""Voters and windows of time that stand out: how often honest ones do, how many hostile ones are found."""

from collections import Counter
from math import log

import numpy as np
import pytest

from agon.arena.cli.simulate import as_table
from agon.data import comparisons
from agon.ranking import (
    Comparisons,
    OptionError,
    SourceError,
    add_attack,
    bradley_terry_world,
    gate_votes,
    rank,
    voter_anomalies,
)
from agon.ranking.annotators.tail_probability import tails_of
from agon.ranking.attacks import ATTACKS


@pytest.mark.parametrize("spread", [0.3, 2.5])
def test_of_honest_voters_no_more_than_one_in_two_hundred_is_named(spread):
    """In a close world and in a clear-cut one; and none of them is excluded."""
    votes = bradley_terry_world(20, 40_000, spread=spread, voters=800, seed=4).comparisons()
    found = voter_anomalies(votes)
    assert found.tested > 750
    assert len(found.found) <= 4
    assert not found.named["excluded"]


def test_honest_voters_may_differ_in_taste_in_care_and_in_habits_of_the_eye():
    """Discriminations from 0.5 to 2, half a nat of taste for every model, ties by Davidson as each likes."""
    rng = np.random.default_rng(5)
    m, v, n = 20, 600, 80
    strength, taste = rng.normal(0, 1, m), rng.normal(0, 0.5, (v, m))
    care, eye, habit = rng.lognormal(0, 0.3, v), rng.normal(0, 0.3, v), rng.lognormal(-0.5, 0.7, v)
    voter = np.repeat(np.arange(v), n)
    one = rng.integers(0, m, v * n)
    other = (one + rng.integers(1, m, v * n)) % m
    gap = care[voter] * (strength[one] - strength[other]) + eye[voter]
    gap += taste[voter, one] - taste[voter, other]
    weight = np.stack([np.exp(gap / 2), np.exp(-gap / 2), habit[voter]])
    verdict = (rng.random(v * n) * weight.sum(axis=0) > weight.cumsum(axis=0)).sum(axis=0)
    places = np.array([[1, 2], [2, 1], [1, 1]])[verdict]
    names = [f"m{i:02d}" for i in range(m)]
    votes = Comparisons.of(names, np.stack([one, other], axis=1), places, labels={"voter": voter.tolist()})
    found = voter_anomalies(votes)
    assert len(found.found) <= 3
    assert not found.named["excluded"]
    assert 0.2 < found.spreads["crowd"] < 0.7  # the spread of e to the power of a normal of 0.3, and of taste


@pytest.mark.parametrize(
    ("attack", "kinds", "least"),
    [
        ("inverted", {"against the crowd"}, 19),
        ("one-sided", {"one side"}, 19),
        ("target-only", {"for a model"}, 19),
        ("forged", {"for a model"}, 19),
        ("random", {"at random", "against the crowd"}, 16),
    ],
)
def test_hostile_voters_of_a_hundred_votes_are_named_by_what_they_do(attack, kinds, least):
    """Twenty of them among 300 honest voters of 80 votes."""
    world = bradley_terry_world(20, 24_000, voters=300, seed=1)
    world = add_attack(world, attack, 2000, 20, seed=3)
    found = voter_anomalies(world.comparisons()).found
    hostile = [one for one in found if int(one.voter) >= 300]
    assert least <= len(hostile) <= 20
    assert Counter(one.kind in kinds for one in hostile).most_common(1)[0][0] is True
    assert len(found) - len(hostile) <= 3


def test_who_votes_by_the_side_is_told_the_side_and_how_often():
    world = add_attack(bradley_terry_world(8, 8000, voters=100, seed=2), "one-sided", 100, 1)
    found = voter_anomalies(world.comparisons()).found[0]
    assert (found.voter, found.kind, found.side, found.model) == ("100", "one side", "first", None)
    assert (found.votes, found.judged, found.observed, found.verdict) == (100, 100, 1.0, "excluded")
    assert 0.45 < found.expected < 0.55
    assert "gave 100% of 100 decided votes to the answer shown first" in found.conclusion()


def test_half_the_votes_on_a_model_by_one_hand_do_not_make_it_the_judge():
    """Ten identities cast as many votes on the target as 200 honest voters do together."""
    world = bradley_terry_world(12, 12_000, voters=200, seed=6)
    world = add_attack(world, "target-only", 2000, 10, seed=6)
    found = voter_anomalies(world.comparisons())
    assert {one.voter for one in found.found if one.kind == "for a model"} >= {
        str(200 + i) for i in range(10)
    }
    assert sum(int(one.voter) < 200 for one in found.found) <= 2


def test_the_tail_is_the_exact_one_of_a_sum_of_unequal_coins():
    rng = np.random.default_rng(7)
    for n, spread in ((12, 1.0), (40, 0.3), (60, 2.0)):
        odds = rng.normal(0, spread, n)
        exact = np.ones(1)
        for p in 1 / (1 + np.exp(-odds)):
            exact = np.convolve(exact, [1 - p, p])
        for k in range(n + 1):
            won = np.arange(n) < k
            tails = tails_of(np.zeros(n, dtype=int), odds, np.ones(n), won, np.zeros(1), lattice=True)
            assert tails.below[0] == pytest.approx(exact[: k + 1].sum(), rel=0.08)
            assert tails.above[0] == pytest.approx(exact[k:].sum(), rel=0.08)


def test_tastes_that_differ_make_a_streak_less_rare():
    """Thirty wins of thirty at even odds: 2^-30 for a coin; with normal log-odds the mean of p^30."""
    n, every = 30, np.ones(30, dtype=bool)
    coin, tastes = (
        tails_of(np.zeros(n, dtype=int), np.zeros(n), np.ones(n), every, np.array([s]), lattice=True)
        for s in (0.0, 1.0)
    )
    assert log(coin.above[0]) == pytest.approx(-30 * log(2), rel=0.01)
    u = np.random.default_rng(8).normal(size=400_000)
    assert tastes.above[0] == pytest.approx(((1 / (1 + np.exp(-u))) ** 30).mean(), rel=0.1)


def test_a_voter_is_judged_only_by_a_crowd():
    """Four voters are none; one with more than a third of all votes cannot be held against the rest."""
    few = bradley_terry_world(4, 400, voters=4).comparisons()
    assert voter_anomalies(few).tested == 0
    assert "None of 4 voters" in voter_anomalies(few).conclusion()
    world = add_attack(bradley_terry_world(6, 1000, voters=20), "one-sided", 1200, 1)
    assert voter_anomalies(world.comparisons()).tested == 20
    with pytest.raises(SourceError, match="do not say whose they are"):
        voter_anomalies(Comparisons.of("ab", [[0, 1]] * 9, [[1, 2]] * 9))
    with pytest.raises(OptionError, match=r"must lie above 0 and be at most 0\.5"):
        voter_anomalies(few, false_alarms=1)


def test_votes_on_four_models_are_tested_by_disjoint_pairs():
    """The order by Gumbel noise is Plackett-Luce; ten of 110 voters turn theirs round."""
    rng = np.random.default_rng(9)
    strength, voter = rng.normal(0, 1, 12), np.repeat(np.arange(110), 60)
    shown = rng.permuted(np.tile(np.arange(12), (len(voter), 1)), axis=1)[:, :4]
    utility = strength[shown] + rng.gumbel(size=shown.shape)
    utility[voter >= 100] *= -1
    places = (-utility).argsort(axis=1).argsort(axis=1) + 1
    found = voter_anomalies(
        Comparisons.of([f"m{i:02d}" for i in range(12)], shown, places, labels={"voter": voter.tolist()})
    )
    named = {one.voter for one in found.found}
    assert len(named & {str(i) for i in range(100, 110)}) >= 9
    assert len(named) <= 11


@pytest.fixture(scope="module")
def burst():
    """A hundred identities with two votes each for one model, in a fiftieth of the time."""
    world = bradley_terry_world(12, 12_000, voters=200, seed=1)
    return as_table(add_attack(world, "burst", 200, 100, seed=1)), world


def test_a_burst_of_many_identities_shows_in_time_and_in_no_voter(burst):
    table, world = burst
    gated = gate_votes(comparisons(table))
    target = world.models[int(np.argsort(-world.strengths)[6])]
    assert {one.model for one in gated.windows.found} >= {target}
    alarm = gated.windows.found[0]
    assert alarm.model == target
    assert alarm.z > gated.windows.threshold
    assert alarm.excess > 50
    first = 1_767_225_600 + 60 * 12_200 * np.array([0.55, 0.68])
    assert first[0] < alarm.start < alarm.stop < first[1]
    assert not [one for one in gated.voters.found if int(one.voter.removeprefix("voter-")) >= 200]


def test_honest_boards_have_an_alarm_in_time_one_time_in_twenty():
    """A busy voter with a taste of 2 nats for one model is alone in a tenth of the time, and raises none."""
    alarms = 0
    for seed in range(6):
        world = bradley_terry_world(8, 4000, voters=60, seed=seed)
        alarms += bool(gate_votes(comparisons(as_table(world))).windows.found)
    assert alarms <= 2
    rng = np.random.default_rng(1)
    first, second, voter = world.first.copy(), world.second.copy(), world.voter.copy()
    busy = np.arange(2000, 2080)
    first[busy], second[busy], voter[busy] = 0, rng.integers(1, 8, 80), 999
    gap = world.strengths[0] - world.strengths[second[busy]] + 2
    outcome = world.outcome.copy()
    outcome[busy] = rng.random(80) > 1 / (1 + np.exp(-gap))
    shown, places = np.stack([first, second], axis=1), np.array([[1, 2], [2, 1], [1, 1], [1, 1]])[outcome]
    for labels, alarm in (({"voter": voter.tolist()}, False), ({"voter": list(range(4000))}, True)):
        votes = Comparisons.of(world.models, shown, places, labels=labels, timestamp=np.arange(4000))
        found = [one for one in gate_votes(votes).windows.found if one.model == world.models[0]]
        assert bool(found) is alarm


def test_gates_set_votes_aside_with_the_reason_and_delete_none(burst):
    """The same from a table, from arrays and from votes added to others; by voters, and strictly by time."""
    votes = comparisons(burst[0])
    assert gate_votes(votes, "none").votes is votes
    strict = gate_votes(votes, "strict")
    reason = "on a model in a window under alarm"
    assert strict.set_aside[reason] >= 200
    assert len(strict.votes) == 12_200 - sum(strict.set_aside.values())
    hostile = add_attack(bradley_terry_world(12, 12_000, voters=200, seed=1), "forged", 600, 3)
    given = comparisons(as_table(hostile))
    for one in (given, hostile.comparisons()):
        gated = gate_votes(one)
        assert gated.set_aside["of voters excluded for how they voted"] >= 600
        assert len(gated.votes) == 12_600 - sum(gated.set_aside.values())
        assert len(one) == 12_600
        board = rank(gated.votes)
        assert "set_aside" in {note.code for note in board.diagnostics}
        assert board.fingerprint != rank(one).fingerprint
    parts = [comparisons(as_table(hostile).slice(begin, 6300)) for begin in (0, 6300)]
    assert len(gate_votes(parts[0] + parts[1]).votes) == len(gate_votes(given).votes)
    gated = gate_votes(given)
    out = {one.voter for one in gated.voters.found}
    kept = [i for i, voter in enumerate(hostile.voter.tolist()) if f"voter-{voter:03d}" not in out]
    left = rank(comparisons(as_table(hostile).take(kept)), "win_rate")
    assert [row.score for row in rank(gated.votes, "win_rate")] == [row.score for row in left]
    with pytest.raises(OptionError, match="no gate 'hard'"):
        gate_votes(votes, "hard")


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_adds_its_votes_and_changes_none(attack):
    world = bradley_terry_world(9, 3000, voters=30, length_effect=0.5, seed=3)
    more = add_attack(world, attack, 301, 7, target=2, seed=4)
    honest = more.hostile == 0
    for name in ("first", "second", "outcome", "voter"):
        assert np.array_equal(getattr(more, name)[honest], getattr(world, name))
    assert len(more.outcome) == len(more.amounts["length"]) == 3301
    assert set(np.bincount(more.voter[~honest])[30:]) == {43}
    assert (more.first != more.second).all()
    shows = (more.first[~honest] == 2) | (more.second[~honest] == 2)
    wins = np.where(more.first == 2, more.outcome == 0, more.outcome == 1)[~honest]
    if attack in ("target", "target-only", "forged", "burst"):
        assert wins[shows].all()
        assert shows.all() == (attack != "target")
    again = add_attack(more, "random", 10, 10)
    assert set(again.hostile) == {0, 1 + list(ATTACKS).index(attack), 1 + list(ATTACKS).index("random")}
    for wrong in ({"votes": 0}, {"voters": 0}, {"votes": 3, "voters": 4}, {"target": 9}):
        with pytest.raises(OptionError):
            add_attack(world, attack, **wrong)
