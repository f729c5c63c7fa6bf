"""The comparison graph: components, who lies outside, and who is above whom."""

import numpy as np
import pytest

from agon.ranking.estimation.comparison_graph import (
    components,
    connected,
    identify,
    order_components,
    reachable,
    strongly_connected,
)
from agon.ranking.votes.pair_counts import PairCounts
from tests.support import reference


def beats(m, *edges):
    wins = np.zeros((m, m))
    for i, j in edges:
        wins[i, j] += 1
    return wins


def test_reachable():
    graph = beats(5, (0, 1), (1, 2), (3, 2)) > 0
    start = np.array([True, False, False, False, False])
    assert reachable(graph, start).tolist() == [True, True, True, False, False]
    assert reachable(graph.T, start).tolist() == [True, False, False, False, False]


@pytest.mark.parametrize("seed", range(40))
def test_strong_connectivity_against_powers_of_the_graph(seed):
    rng = np.random.default_rng(seed)
    m = int(rng.integers(1, 8))
    wins = (rng.random((m, m)) < 0.3) & ~np.eye(m, dtype=bool)
    assert strongly_connected(wins) == reference.strongly_connected(wins)


@pytest.mark.parametrize("seed", range(40))
def test_components_against_powers_of_the_graph(seed):
    """Two models are strongly connected if each reaches the other."""
    rng = np.random.default_rng(seed)
    wins = (rng.random((8, 8)) < 0.2) & ~np.eye(8, dtype=bool)
    reach = np.linalg.matrix_power(wins.astype(int) + np.eye(8, dtype=int), 8) > 0
    label = components(wins, strong=True)
    assert np.array_equal(label[:, None] == label[None, :], reach & reach.T)
    both = np.linalg.matrix_power((wins | wins.T).astype(int) + np.eye(8, dtype=int), 8) > 0
    weak = components(wins, strong=False)
    assert np.array_equal(weak[:, None] == weak[None, :], both)


def test_the_largest_component_is_the_first():
    """Three models, two with 50 votes, two with 9: by models, then by votes."""
    met = np.zeros((7, 7))
    for i, j, n in ((0, 1, 9), (2, 3, 50), (4, 5, 1), (5, 6, 1)):
        met[i, j] = met[j, i] = n
    assert connected(met).tolist() == [2, 2, 1, 1, 0, 0, 0]


def test_who_lies_outside_and_where():
    """0, 1, 2 beat one another in a circle; 3 beat 0, 4 lost to 0, 5 beat 0 and lost to 3, 6 met nobody."""
    wins = beats(7, (0, 1), (1, 2), (2, 0), (3, 0), (0, 4), (5, 0), (3, 5))
    known = identify(wins)
    assert known.core.tolist() == [True, True, True, False, False, False, False]
    assert known.group.tolist() == [0, 0, 0, 0, 0, 0, 1]
    assert known.open_above.tolist() == [False, False, False, True, False, True, True]
    assert known.open_below.tolist() == [False, False, False, False, True, False, True]


def test_no_core_at_all():
    """a beat b beat c: nobody has a maximum likelihood, and nothing bounds anybody."""
    known = identify(beats(3, (0, 1), (1, 2)))
    assert not known.core.any()
    assert known.group.tolist() == [0, 0, 0]
    assert known.open_above.all()
    assert known.open_below.all()


def test_a_model_between_two_components_joins_the_one_it_met_most():
    wins = beats(5, (0, 1), (1, 0), (2, 3), (3, 2), (4, 0), (4, 2), (4, 3))
    assert identify(wins).group[4] == identify(wins).group[2]


@pytest.mark.parametrize("seed", range(10))
def test_between_two_components_met_alike_it_joins_the_larger_under_any_name(seed):
    wins = beats(6, (0, 1), (1, 2), (2, 0), (3, 4), (4, 3), (5, 0), (5, 3))
    order = np.random.default_rng(seed).permutation(6)
    known = identify(wins[np.ix_(order, order)])
    position = np.argsort(order)
    assert known.group[position].tolist() == [0, 0, 0, 1, 1, 0]


def ordered(wins, ties=None):
    models = [f"m{i}" for i in range(len(wins))]
    return order_components(PairCounts.of(models, wins, ties))


def test_an_undefeated_model_is_above_everybody():
    """Fifty wins over each of two that beat each other: 2^-100 that it is no better than both."""
    wins = beats(3, (0, 1), (1, 0))
    wins[2, :2] = 50
    found = ordered(wins)
    assert found.component.tolist() == [1, 1, 0]
    assert found.evidence.tolist() == [[0, 100], [0, 0]]
    assert found.p_value.tolist() == [[1, 2.0**-100], [1, 1]]
    assert found.compared.all()


def test_a_tie_makes_two_models_one_component():
    wins = np.array([[0.0, 9], [0, 0]])
    assert ordered(wins).component.tolist() == [0, 1]
    assert ordered(wins, [[0, 1], [1, 0]]).component.tolist() == [0, 0]


def test_components_without_a_path_are_not_compared():
    """a beats b and c, who never met; d met nobody."""
    wins = beats(4, (0, 1), (0, 2))
    found = ordered(wins)
    top, b, c, d = found.component
    assert top < min(b, c)
    assert not found.compared[b, c]
    assert not found.compared[d, [top, b, c]].any()
    assert found.p_value[top, b] == 0.5


def test_a_chain_is_as_strong_as_its_weakest_step():
    """a beats b 7 times, b beats c 5 times, a beats c twice: the way through b says more."""
    wins = np.array([[0.0, 7, 2], [0, 0, 5], [0, 0, 0]])
    found = ordered(wins)
    assert found.component.tolist() == [0, 1, 2]
    assert found.evidence.tolist() == [[0, 7, 5], [0, 0, 5], [0, 0, 0]]


@pytest.mark.parametrize("seed", range(20))
def test_the_best_path_against_all_paths(seed):
    """Brute force over all paths of an acyclic tournament with gaps, shuffled names."""
    rng = np.random.default_rng(seed)
    m = 6
    wins = np.triu(rng.integers(0, 9, (m, m)) * (rng.random((m, m)) < 0.5), 1).astype(float)
    shuffled = rng.permutation(m)
    wins = wins[np.ix_(shuffled, shuffled)]

    def best(i, j, seen=()):
        through = [min(wins[i, k], best(k, j, (*seen, i))) for k in range(m) if k not in (*seen, i, j)]
        return max([wins[i, j], *through])

    found = ordered(wins)
    at = found.component
    assert sorted(at) == list(range(m))
    assert all(found.evidence[at[i], at[j]] == best(i, j) for i in range(m) for j in range(m) if i != j)
    assert np.array_equal(found.evidence, np.triu(found.evidence))


def test_evidence_counts_independent_units():
    """A hundred wins by two voters are two."""
    found = order_components(
        PairCounts.of(["a", "b"], [[0, 100], [0, 0]]), independent=np.array([[0.0, 2], [0, 0]])
    )
    assert found.p_value[0, 1] == 0.25
