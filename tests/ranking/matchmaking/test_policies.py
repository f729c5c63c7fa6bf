"""Policies: their probabilities are those of their draws; what they prefer; what they refuse."""

from collections import Counter
from itertools import combinations
from math import comb, log2
from random import Random

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import chisquare, norm

import agon.ranking.matchmaking  # noqa: F401 (registers the policies)
from agon.ranking.errors import OptionError
from agon.ranking.matchmaking.bald import comparison_gain, expected_covariance
from agon.ranking.matchmaking.dueling_bandits import decided_pairs
from agon.ranking.matchmaking.policies import FLOOR, POLICIES, choose_policy
from agon.ranking.matchmaking.sampling_design import ProductDesign, RepeatedMember, pair_probabilities
from agon.ranking.matchmaking.standing import Standing
from agon.ranking.votes.ballots import Ballots

NAMES = tuple("abcdefgh")
M = len(NAMES)


def voted(n=60, size=3, models=NAMES, seed=0):
    """A standing after votes on random groups, some of them waiting."""
    rng = np.random.default_rng(seed)
    m = len(models)
    shown = np.array([rng.choice(m, size, replace=False) for _ in range(n)])
    utility = np.linspace(-1, 1, m)[shown] + rng.gumbel(size=shown.shape)
    places = (-utility).argsort(axis=1).argsort(axis=1) + 1
    return Standing.of(Ballots.of(models, shown, places), models).drawn([(0, 1), (2, 3)])


OPTIONS = [
    *((name, {}) for name in POLICIES),
    ("weighted", {"weights": {"a": 5.0, "b": 0.01}}),
    ("weighted", {"shares": {"a": 0.9, "b": 0.1}}),
    ("near", {"window": 2}),
    ("newcomer", {"width": 1e9}),
    ("newcomer", {"width": 1.0, "share": 1.0}),
    ("newcomer", {"width": 150.0, "window": 3}),
    ("copeland", {"delta": 0.9}),
]


@pytest.mark.parametrize("standing", [Standing.blank(NAMES), voted()], ids=["blank", "voted"])
@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)
def test_probabilities_are_those_of_the_draws(name, options, size, standing):
    """All groups have probability 1, a pair that of its groups, and draws come as often as they say."""
    design = choose_policy(name, options, models=NAMES, size=size).design(standing, size)
    groups = list(combinations(range(M), size))
    chance = np.array([design.probability(group) for group in groups])
    assert chance.sum() == pytest.approx(1, abs=1e-12)
    for pair in combinations(range(M), 2):
        together = sum(p for p, group in zip(chance, groups, strict=True) if set(pair) <= set(group))
        assert design.pair_probability(*pair) == pytest.approx(together, abs=1e-12)
    assert pair_probabilities(design, groups[0][::-1])[0] == design.pair_probability(size - 1, size - 2)
    random, n = Random(7), 4000
    seen = Counter(tuple(sorted(design.draw(random))) for _ in range(n))
    assert set(seen) <= {group for group, p in zip(groups, chance, strict=True) if p > 0}
    often = chance * n >= 5
    observed = np.array([seen[group] for group in groups])
    expected = np.append((chance * n)[often], (chance * n)[~often].sum())
    counted = np.append(observed[often], observed[~often].sum())
    some = expected > 0
    if some.sum() > 1:
        assert chisquare(counted[some], expected[some] * n / expected[some].sum()).pvalue > 1e-5


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("name", sorted(POLICIES))
def test_the_floor_keeps_every_pair_possible(name, size):
    even = comb(M - 2, size - 2) / comb(M, size)
    design = choose_policy(name, floor=0.2).design(voted(), size)
    assert min(design.pair_probability(*pair) for pair in combinations(range(M), 2)) >= 0.2 * even - 1e-12
    own = POLICIES[name].floor
    assert own in (0.0, FLOOR)
    bare = choose_policy(name, floor=0.0).design(voted(), size)
    assert bare.pair_probability(0, 1) * 0.8 + 0.2 * even == pytest.approx(design.pair_probability(0, 1))


@pytest.mark.parametrize("pool", [(0, 2, 5), (3,), tuple(range(6))], ids=str)
@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
def test_aa_battles_by_enumeration(size, pool):
    """One of the pool twice, any others of six models: by listing all of them."""
    design = RepeatedMember(pool, 6, size)
    groups = [
        (twice, twice, *others)
        for twice in pool
        for others in combinations([model for model in range(6) if model != twice], size - 2)
    ]
    assert [design.probability(group[::-1]) for group in groups] == pytest.approx(
        [1 / len(groups)] * len(groups)
    )
    for pair in [*combinations(range(6), 2), *((model, model) for model in range(6))]:
        holding = sum(not Counter(pair) - Counter(group) for group in groups)
        assert design.pair_probability(*pair) == pytest.approx(holding / len(groups))
    assert design.probability(tuple(range(size))) == 0
    often = Counter(tuple(sorted(design.draw(Random(seed)))) for seed in range(200 * len(groups)))
    assert often.keys() == {tuple(sorted(group)) for group in groups}
    assert len(groups) == 1 or chisquare(list(often.values())).pvalue > 1e-4


def test_models_have_their_shares():
    """0.9 and 0.1 of the battles as asked, the others an equal part of what is left of K."""
    for size in (2, 3, 5):
        design = choose_policy("weighted", {"shares": {"a": 0.9, "b": 0.1}}, size=size).design(
            Standing.blank(NAMES), size
        )
        groups = list(combinations(range(M), size))
        share = [sum(design.probability(g) for g in groups if i in g) for i in range(M)]
        assert share == pytest.approx([0.9, 0.1, *[(size - 1) / 6] * 6], abs=1e-5)


def test_weights_are_odds():
    """Of two models the one of five times the weight is in five times as many pairs with a third one."""
    design = choose_policy("weighted", {"weights": {"a": 5.0}}).design(Standing.blank(NAMES), 2)
    assert design.pair_probability(0, 2) == pytest.approx(5 * design.pair_probability(1, 2))
    assert design.pair_probability(0, 2) == pytest.approx(
        5 / (5 * 7 + 21)
    )  # by hand: 7 pairs with a, 21 without


def test_inclusion_by_enumeration():
    weights = (1.0, 2.0, 0.001, 40.0, 3.0)
    design = ProductDesign(weights, 3)
    groups = list(combinations(range(5), 3))
    every = [np.prod([weights[i] for i in g]) for g in groups]
    for i, found in enumerate(design.inclusion()):
        brute = sum(p for p, g in zip(every, groups, strict=True) if i in g) / sum(every)
        assert found == pytest.approx(brute, rel=1e-12)


@pytest.mark.parametrize(("spread", "off"), [(0.2, 1e-6), (0.6, 2e-2)])
def test_what_a_comparison_tells_is_the_integral(spread, off):
    """Against numerical integration of the entropy over the normal difference: seven nodes are close."""
    mean = np.array([0.0, 0.4, -1.5])
    root = np.random.default_rng(3).normal(0, spread, (3, 3))
    covariance = root @ root.T

    def entropy(z):
        return np.logaddexp(0, z) - z / (1 + np.exp(-z))

    for i, j in combinations(range(3), 2):
        gap = mean[i] - mean[j]
        v = covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]
        left = quad(lambda z, gap=gap, v=v: entropy(z) * norm.pdf(z, gap, np.sqrt(v)), -40, 40)[0]
        told = entropy(gap / np.sqrt(1 + np.pi * v / 8)) - left
        assert comparison_gain(mean, covariance)[i, j] == pytest.approx(told, abs=off)


def test_what_is_awaited_counts():
    """As one rank-one update after the other, C −= C u uᵀ C w / (1 + w uᵀ C u) with w = (2/K) p (1 − p)."""
    standing = voted().drawn([(0, 4, 5), (0, 4, 6)])
    c = standing.covariance.copy()
    for group in standing.waiting:
        for i, j in combinations(group, 2):
            u = np.zeros(M)
            u[i], u[j] = 1, -1
            p = 1 / (1 + np.exp(standing.mean[j] - standing.mean[i]))
            w = 2 / len(group) * p * (1 - p)
            c -= np.outer(c @ u, u @ c) * w / (1 + w * (u @ c @ u))
    assert expected_covariance(standing) == pytest.approx(c, abs=1e-12)


@pytest.mark.parametrize("name", ["information", "ksort"])
def test_battles_in_flight_are_not_drawn_again(name):
    """Eight models without a vote meet in four disjoint pairs before any has ended."""
    standing, chosen = Standing.blank(NAMES), choose_policy(name, floor=0.0)
    drawn = []
    for _ in range(4):
        group = chosen.design(standing, 2).draw(Random(0))
        drawn += group
        standing = standing.drawn([group])
    assert sorted(drawn) == list(range(M))


def test_ksort_takes_the_difference_off():
    """By hand: pivot a, shown least; all pairs met alike, so the two nearest by strength are b and c."""
    met = np.full((5, 5), 2.0) - 2 * np.eye(5)
    shown = np.array([3.0, 9, 9, 9, 9])
    mean = np.array([0.0, 0.1, -0.2, 1.0, -3.0])
    standing = Standing(tuple("abcde"), met, shown, met / 2, 0 * met, mean, np.eye(5))
    assert set(choose_policy("ksort", floor=0.0).design(standing, 3).draw(Random(0))) == {0, 1, 2}
    met[0, 4] = met[4, 0] = 0.0  # who never met comes first, however far
    assert set(choose_policy("ksort", floor=0.0).design(standing, 3).draw(Random(0))) == {0, 1, 4}


def test_when_a_pair_is_decided():
    """By hand: n wins of n have a posterior density of (n + 1)/2^n at one half, below δ/2 from some n on."""
    level = 0.01
    first = next(n for n in range(1, 99) if log2(n + 1) - n <= log2(level / 2))
    for n, decided in ((first - 1, False), (first, True)):
        win, tie = decided_pairs(np.array([[0.0, n], [0.0, 0.0]]), np.zeros((2, 2)), level)
        assert (win[0, 1], win[1, 0], tie.any()) == (decided, False, False)
        wins, ties = np.zeros((2, 2)), np.array([[0.0, n], [n, 0.0]])
        assert decided_pairs(wins, ties, level)[1].all(where=~np.eye(2, dtype=bool)) == decided


def test_copeland_ends_when_the_champion_is_known():
    wins = np.triu(np.full((4, 4), 60.0), 1)  # a beats all, b all but a, ...
    met = wins + wins.T
    standing = Standing(
        tuple("abcd"), met, met.sum(axis=1), wins, 0 * wins, np.array([3.0, 2, 1, 0]), np.eye(4)
    )
    design = choose_policy("copeland", floor=0.0).design(standing, 2)
    assert design.pair_probability(2, 3) == pytest.approx(1 / 6)  # nothing is left to ask: at random
    wins[0, 1] = 3.0  # a and b are not told apart yet
    assert set(choose_policy("copeland", floor=0.0).design(standing, 2).draw(Random(0))) == {0, 1}


def test_a_newcomer_is_placed_near_its_estimate():
    """Its opponents are the two of nearest strength, nine battles of ten are its own."""
    covariance = np.diag([0.001] * 7 + [1.0])
    mean = np.array([-3.0, -2, -1, 0, 1, 2, 3, 0.4])
    none = np.zeros((8, 8))
    standing = Standing(NAMES, none, np.full(8, 9.0), none, none, mean, covariance)
    design = choose_policy("newcomer", {"window": 2}, floor=0.0).design(standing, 2)
    near = [design.pair_probability(i, 7) for i in range(7)]
    assert near == pytest.approx([1 / 280 + (0.45 if i in (3, 4) else 0) for i in range(7)])
    assert choose_policy("newcomer", {"width": 1000.0}).design(standing, 2).pair_probability(0, 1) == 1 / 28


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_all_models_of_a_battle_are_certain_where_there_are_no_others(name):
    design = choose_policy(name).design(voted().among([0, 2, 3]), 3)
    assert design.probability((2, 0, 1)) == 1.0
    with pytest.raises(ValueError, match="3 models are needed for a battle, 2 can answer"):
        choose_policy(name).design(voted().among([0, 2]), 3)


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("nearby", {}, "There is no policy 'nearby'; did you mean 'near'?"),
        ("near", {"windw": 3}, "The policy near has no option 'windw'; did you mean 'window'?"),
        ("uniform", {"window": 3}, "The policy uniform has no option 'window'; it has no options."),
        ("near", {"window": 2.5}, "The policy near: window must be a whole number, not 2.5."),
        ("near", {"window": 0}, "The policy near: window must be at least 1, not 0."),
        ("weighted", {"weights": 3}, "The policy weighted: weights must be a table or None, not 3."),
        (
            "weighted",
            {"weights": {"aa": 1.0}},
            "The policy weighted: weights names 'aa'; did you mean 'a'?",
        ),
        (
            "weighted",
            {"weights": {"a": 0}},
            "The policy weighted: the weight of 'a' must be a number from 0.000001 to 1e+06, not 0; a "
            "model that is not to be drawn goes into paused.",
        ),
        (
            "weighted",
            {"shares": {"a": "half"}},
            "The policy weighted: the share of 'a' must be a number from 0.001000 to 0.999, not 'half'; "
            "a model that is not to be drawn goes into paused.",
        ),
        (
            "weighted",
            {"shares": {"a": 0.9, "b": 0.9, "c": 0.9}},
            "The policy weighted: the shares sum to 2.7, and a battle has 2 answers; lower them.",
        ),
        (
            "weighted",
            {"shares": {"a": 0.9}, "weights": {"a": 2.0}},
            "The policy weighted takes weights or shares, not both; leave one of them out.",
        ),
        ("newcomer", {"width": 0.0}, "The policy newcomer: width must be above 0 Elo points, not 0.0."),
        ("newcomer", {"share": 1.5}, "The policy newcomer: share must be above 0 and at most 1, not 1.5."),
        ("ksort", {"exploration": -1.0}, "The policy ksort: exploration must not be below 0, not -1.0."),
        ("copeland", {"delta": 1.0}, "The policy copeland: delta must lie between 0 and 1, not 1.0."),
    ],
    ids=str,
)
def test_what_is_refused(name, options, sentence):
    with pytest.raises(OptionError) as refused:
        choose_policy(name, options, models=NAMES)
    assert str(refused.value) == sentence


def test_values_are_checked_however_few_models_there_are():
    with pytest.raises(OptionError, match="window must be at least 1, not -1"):
        choose_policy("near", {"window": -1}, models=("a", "b"))


def test_a_floor_is_a_share():
    with pytest.raises(OptionError, match=r"floor is a share of the battles from 0 to 1, not 1.5"):
        choose_policy("near", floor=1.5)
