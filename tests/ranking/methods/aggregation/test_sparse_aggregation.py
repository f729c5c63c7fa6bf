"""Aggregators of sparse comparisons against loops over the pairs and what must hold of any order."""

import numpy as np
import pytest

from agon.ranking import METHODS, Comparisons, PairCounts, rank
from agon.ranking.errors import OptionError
from tests.support import reference


def run(name, wins, ties=None, **options):
    names = [f"m{i:04d}" for i in range(len(wins))]
    return METHODS[name].function(PairCounts.of(names, wins, ties), **options)


def sparse(seed, m=7):
    """Counts in which only some pairs met."""
    rng = np.random.default_rng([seed, 71])
    wins = rng.integers(0, 5, (m, m)) * (rng.random((m, m)) < 0.5)
    np.fill_diagonal(wins, 0)
    return wins.astype(float)


@pytest.mark.parametrize("seed", range(20))
def test_additive_and_counting_by_a_loop(seed):
    wins = sparse(seed)
    for name in ("additive", "counting"):
        expected = np.zeros(7)
        for i in range(7):
            for j in range(7):
                met = wins[i, j] + wins[j, i]
                if met:
                    expected[i] += wins[i, j] / met if name == "additive" else wins[i, j]
        assert run(name, wins).values == pytest.approx(expected, abs=1e-12)


def test_a_pair_that_is_tied_but_for_the_last_bit_is_tied():
    """Soft votes of 0.1, 0.6, 0.6 and 0.7 and what is left of them: 2 and 2, the first a bit less."""
    won = sum((0.1, 0.6, 0.6, 0.7))
    assert won < 2.0
    mine, exact = (run("kwiksort", [[0, one], [2.0, 0]], orders=40).values for one in (won, 2.0))
    assert mine.tolist() == exact.tolist()
    assert exact[0] != -2.0 != exact[1], "a coin says who is the first, each time anew"


def test_ties_count_in_part():
    assert run("counting", [[0, 3], [1, 0]], [[0, 2], [2, 0]], tie_credit=0.25).values.tolist() == [3.5, 1.5]
    for wrong in (-0.5, 1.5):
        with pytest.raises(OptionError, match="counting: tie_credit must lie between 0 and 1"):
            run("counting", [[0, 1], [1, 0]], tie_credit=wrong)


def agreement_of(order, share):
    return sum(share[a, b] for k, a in enumerate(order) for b in order[k + 1 :])


@pytest.mark.parametrize("seed", range(20))
def test_greedy_by_its_definition_and_within_half_of_the_best(seed):
    from itertools import permutations

    wins = sparse(seed, m=6)
    met = wins + wins.T
    share = np.divide(wins, met, out=np.zeros_like(wins), where=met > 0)
    tiers = run("greedy", wins).tiers
    left = set(range(6))
    for tier in tiers:
        potential = {v: sum(share[v, u] - share[u, v] for u in left) for v in left}
        most = max(potential.values())
        assert set(tier) == {v for v in left if potential[v] > most - 1e-9}
        left -= set(tier)
    order = [v for tier in tiers for v in tier]
    best = max(agreement_of(p, share) for p in permutations(range(6)))
    assert agreement_of(order, share) >= best / 2


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.slow
def test_kwiksort_by_exact_expectation(seed):
    """The mean place under random pivots and coins, by recursion over all sets, to Monte Carlo error."""
    from functools import cache

    wins = sparse(seed, m=4)
    sign = np.sign(wins - wins.T)

    @cache
    def ahead(some):
        """{model: expected number of models before it} in a run on some models."""
        total = dict.fromkeys(some, 0.0)
        for pivot in some:
            rest = [v for v in some if v != pivot]
            free = [v for v in rest if sign[v, pivot] == 0]
            for coins in range(2 ** len(free)):
                up = {v for k, v in enumerate(free) if coins >> k & 1} | {
                    v for v in rest if sign[v, pivot] > 0
                }
                weight = 1 / len(some) / 2 ** len(free)
                above, below = tuple(v for v in rest if v in up), tuple(v for v in rest if v not in up)
                total[pivot] += weight * len(above)
                for v, before in ahead(above).items():
                    total[v] += weight * before
                for v, before in ahead(below).items():
                    total[v] += weight * (before + len(above) + 1)
        return total

    found = run("kwiksort", wins, orders=2000)
    expected = [-1 - ahead(tuple(range(4)))[v] for v in range(4)]
    assert found.values == pytest.approx(expected, abs=0.12)


def test_kwiksort_sorts_a_line_whatever_the_pivots_and_says_its_spread():
    found = run("kwiksort", np.triu(np.full((40, 40), 3.0), 1), orders=5)
    assert found.values.tolist() == [-float(i) for i in range(1, 41)]
    assert not found.spread.any()
    cycle = run("kwiksort", [[0, 1, 0], [0, 0, 1], [1, 0, 0]], orders=100)
    assert cycle.values == pytest.approx([-2.0] * 3, abs=5 * cycle.spread.max() / 10)
    assert cycle.spread.min() > 0.5
    with pytest.raises(OptionError, match="kwiksort: orders must be 1 or more"):
        run("kwiksort", [[0, 1], [1, 0]], orders=0)


@pytest.mark.parametrize("name", ["additive", "counting", "greedy", "kwiksort"])
def test_intervals_come_from_the_bootstrap(name):
    rng = np.random.default_rng(1)
    board = rank(reference.comparisons(list("abcd"), reference.hard_votes(rng, 4, 200)), name, n_resamples=60)
    assert board.rank_method == "bootstrap"
    for row in board.ranked:
        assert row.rank_lower <= row.rank <= row.rank_upper
        if name != "greedy":
            assert row.lower <= row.score <= row.upper


@pytest.mark.parametrize("name", ["additive", "counting", "greedy", "kwiksort"])
def test_models_that_met_nobody(name):
    """Each component has its own board."""
    wins = np.zeros((4, 4))
    wins[0, 1], wins[1, 0], wins[2, 3], wins[3, 2] = 40, 20, 30, 10
    board = rank(Comparisons.from_counts(list("abcd"), wins), name, n_resamples=10)
    assert [row.model for row in board.ranked] == ["a", "b"]
    assert [row.model for row in board.components[0].ranked] == ["c", "d"]
