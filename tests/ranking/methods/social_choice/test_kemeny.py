"""Kemeny's rule against all permutations, a published table, and the gap it states when out of time."""

import csv
import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agon.ranking import METHODS, OptionError, PairCounts, ScoreTable
from agon.ranking.methods.social_choice.kemeny import consensus, disagreement
from tests.support import brute_force as slow
from tests.support.brute_force import GOLDEN, ballots_of, golden_json, needs_golden, profiles, run
from tests.support.paths import REPOSITORY


@given(profiles(gaps=True, unranked=True))
def test_no_permutation_disagrees_less(drawn):
    m, profile = drawn
    least, orders = slow.kemeny_costs(m, slow.wins(m, profile))
    choice = run("kemeny", ballots_of(m, profile))
    assert choice.notes[0].code == "kemeny"
    place = [min(order.index(i) for order in orders) for i in range(m)]
    assert list(choice.tiers) == [tuple(i for i in range(m) if place[i] == p) for p in sorted(set(place))]
    found = consensus(PairCounts.from_ballots(ballots_of(m, profile)).wins)
    assert found.cost == pytest.approx(float(least))
    assert found.proven


@given(st.integers(0, 10_000))
def test_random_weights_on_six_models_are_ordered_best(seed):
    """Full tournaments with real weights, where the linear programme alone need not be whole."""
    rng = np.random.default_rng(seed)
    wins = rng.random((6, 6)) * (rng.random((6, 6)) < 0.8)
    np.fill_diagonal(wins, 0.0)
    found = consensus(wins)
    best = min(disagreement(wins, np.array(order)) for order in itertools.permutations(range(6)))
    assert found.cost == pytest.approx(best, abs=1e-9)
    assert found.bound == pytest.approx(best, abs=1e-6)


@needs_golden
def test_the_kemeny_order_of_xtreme_comes_out():
    """What are the best systems? (Colombo et al. 2022): cost 35 against 39 for the Borda order."""
    with (GOLDEN / "colombo_task_xtrem.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    tasks = ["Classification", "Structured Prediction", "Question Answering", "Sentence Retrieval"]
    table = ScoreTable.of(
        [row["Model"] for row in rows], tasks, [[float(row[task]) for task in tasks] for row in rows]
    )
    published = golden_json("colombo_summary.json")["task"]["xtrem"]
    found = consensus(table.pairs.wins)
    assert found.cost == found.bound == find(published, "kemeny_cost")
    borda = np.argsort(-run("borda", table).values, kind="stable")
    assert disagreement(table.pairs.wins, borda) == find(published, "borda_order_kemeny_cost")
    rank = {row["Model"]: int(row["rank_kemeny"]) for row in rows}
    order = [rank[table.models[i]] for i in found.order]
    assert disagreement(table.pairs.wins, np.argsort([rank[name] for name in table.models])) == found.cost
    assert order[:2] == [1, 2]


def test_the_kemeny_order_of_superglue_comes_out():
    """What are the best systems? (Colombo et al. 2022): cost 539, against 554 for Borda."""
    text = (REPOSITORY / "tests" / "known_answers" / "kemeny.json").read_text(encoding="utf-8")
    (case,) = [case for case in json.loads(text)["cases"] if "cost" in case]
    pairs = PairCounts.of(case["models"], case["wins"])
    found = consensus(pairs.wins)
    assert found.cost == found.bound == case["cost"]
    published = case["borda_by_row"]
    order = np.array([case["models"].index(name) for name in published["order"]])
    assert disagreement(pairs.wins, order) == published["cost"]


def find(tree, key):
    """The value of a key anywhere in nested dictionaries."""
    if key in tree:
        return tree[key]
    return next(found for v in tree.values() if isinstance(v, dict) if (found := find(v, key)) is not None)


def test_out_of_time_the_gap_is_stated_and_true():
    rng = np.random.default_rng(1)
    up = np.triu(rng.choice([-1, 1], (30, 30)), 1)
    pairs = PairCounts.of(slow.names(30), np.maximum(up - up.T, 0))
    choice = run("kemeny", pairs, time_limit=0.01)
    assert choice.notes[0].code == "kemeny_gap"
    found = consensus(pairs.wins, 1.5)
    assert 100 < found.bound < 128 <= found.cost  # 128 is what 20 seconds find
    assert sorted(found.order.tolist()) == list(range(30))


def test_a_large_cycle_gets_a_good_order_and_an_honest_gap():
    rng = np.random.default_rng(0)
    up = np.triu(rng.normal(size=(130, 130)), 1)
    found = consensus(np.maximum(up - up.T, 0), 1.0)
    assert found.bound < found.cost


def test_a_time_limit_must_be_above_zero():
    with pytest.raises(OptionError, match="above 0 seconds, not 0"):
        run("kemeny", ballots_of(2, [(1, {0: 1, 1: 2})]), time_limit=0.0)


@pytest.mark.parametrize("seed", range(40))
def test_every_optimal_order_counts_and_names_never_decide(seed):
    """Brute force over all orders: a model's tier is its best place in any order of least cost."""
    rng = np.random.default_rng(seed)
    m = int(rng.integers(2, 6))
    wins = rng.integers(0, 4, (m, m)).astype(float)
    np.fill_diagonal(wins, 0.0)
    found = METHODS["kemeny"].function(PairCounts.of([f"m{i}" for i in range(m)], wins))
    costs = {
        order: sum(wins[order[b], order[a]] for a in range(m) for b in range(a + 1, m))
        for order in itertools.permutations(range(m))
    }
    best = [order for order, cost in costs.items() if cost == min(costs.values())]
    place = [min(order.index(i) for order in best) for i in range(m)]
    expected = [tuple(i for i in range(m) if place[i] == p) for p in sorted(set(place))]
    assert list(found.tiers) == expected
    assert ("Several orders" in found.notes[0].message) == (len(best) > 1)


def test_a_cycle_of_three_has_no_first():
    """40:20 around (cases F6c): three orders are optimal, under any names."""
    wins = np.array([[0, 40, 20], [20, 0, 40], [40, 20, 0]])
    found = METHODS["kemeny"].function(PairCounts.of(list("abc"), wins))
    assert found.tiers == ((0, 1, 2),)
