"""Eigenvectors against other libraries, plain linear algebra and chains that can be worked out by hand."""

import math

import numpy as np
import pytest

from agon.ranking import METHODS, Comparisons, ConvergenceError, PairCounts, rank
from agon.ranking.errors import OptionError
from agon.ranking.methods.aggregation import spectral
from tests.support import reference

THREE = [[0, 40, 30], [25, 0, 35], [20, 28, 0]]


def fit(name, wins, ties=None, **options):
    names = [f"m{i:04d}" for i in range(len(wins))]
    return METHODS[name].function(PairCounts.of(names, wins, ties), **options)


def random_wins(seed, m=6, n=200):
    rng = np.random.default_rng([seed, 31])
    return reference.half_wins(m, reference.hard_votes(rng, m, n))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("average", ["votes", "opponents"])
def test_the_eigenvector_is_numpys(seed, average):
    wins = random_wins(seed)
    met = wins + wins.T
    matrix = wins if average == "votes" else wins / np.where(met > 0, met, 1)
    values, vectors = np.linalg.eig(matrix)
    expected = np.abs(vectors[:, values.real.argmax()].real)
    assert fit("eigenvector", wins, average=average).values == pytest.approx(
        expected / expected.sum(), abs=1e-12
    )


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("damping", [0.0, 0.5, 0.85, 0.99])
@pytest.mark.slow
def test_pagerank_by_following_the_surfer(seed, damping):
    """Its own definition, iterated a few thousand times; one model never loses."""
    wins = random_wins(seed)
    wins[:, 2] = 0
    share = np.full(6, 1 / 6)
    for _ in range(4000):
        after = np.full(6, (1 - damping) / 6)
        for i in range(6):
            lost = wins[:, i].sum()
            after += damping * share[i] * (wins[:, i] / lost if lost else np.full(6, 1 / 6))
        share = after
    assert fit("pagerank", wins, damping=damping).values == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_rank_centrality_is_that_of_choix(seed):
    choix = pytest.importorskip("choix")
    rng = np.random.default_rng([seed, 5])
    votes = reference.hard_votes(rng, 5, 120, ties=0.0)
    data = [(i, j) if share == 1 else (j, i) for i, j, share in votes]
    expected = choix.rank_centrality(5, data)
    found = fit("rank_centrality", reference.half_wins(5, votes)).values
    assert found == pytest.approx(expected - expected.mean(), abs=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_counting_and_pagerank_are_those_of_evalica(seed):
    evalica = pytest.importorskip("evalica")
    rng = np.random.default_rng([seed, 6])
    votes = reference.hard_votes(rng, 5, 120)
    kinds = {1.0: evalica.Winner.X, 0.0: evalica.Winner.Y, 0.5: evalica.Winner.Draw}
    columns = (
        [f"m{i:04d}" for i, *_ in votes],
        [f"m{j:04d}" for _, j, _ in votes],
        [kinds[s] for *_, s in votes],
    )
    wins = reference.half_wins(5, votes)
    for name, more in (("counting", {}), ("pagerank", {"tolerance": 1e-15, "limit": 10_000})):
        expected = getattr(evalica, name)(*columns, **more).scores.sort_index()
        assert fit(name, wins).values == pytest.approx(expected.to_numpy(), abs=1e-9)


def test_a_chain_of_three_to_one_has_steps_of_ln_3():
    """A chain is a reversible walk: π_i / π_{i+1} = 3, over 95 orders of magnitude."""
    m = 200
    wins = np.zeros((m, m))
    wins[np.arange(m - 1), np.arange(1, m)] = 3
    wins[np.arange(1, m), np.arange(m - 1)] = 1
    found = fit("rank_centrality", wins).values
    assert -np.diff(found) == pytest.approx(np.full(m - 1, math.log(3)), abs=1e-9)


def test_a_cycle_has_equal_shares_though_powers_of_its_matrix_never_settle():
    assert fit("eigenvector", [[0, 1, 0], [0, 0, 1], [1, 0, 0]]).values == pytest.approx([1 / 3] * 3)
    found = fit("eigenvector", [[0, 6, 0], [0, 0, 3], [1, 0, 0]]).values
    assert found[0] * 18 ** (1 / 3) == pytest.approx(6 * found[1])


@pytest.mark.parametrize("name", ["eigenvector", "rank_centrality"])
def test_models_outside_the_component_have_no_score(name):
    wins = np.zeros((4, 4))
    wins[:3, :3] = THREE
    wins[3, :3] = 50
    board = rank(Comparisons.from_counts(list("abcd"), wins), name, n_resamples=20)
    row = board["d"]
    assert (row.rank, row.score, row.lower, row.upper, row.status) == (1, None, None, None, "ranked")
    alone = rank(Comparisons.from_counts(list("abc"), THREE), name, interval="none")
    for model in "abc":
        assert board[model].score == pytest.approx(alone[model].score)
    assert board.diagnostics[0].code == "unlinked"


@pytest.mark.parametrize("name", ["eigenvector", "rank_centrality", "pagerank"])
def test_intervals_come_from_the_bootstrap(name):
    board = rank(Comparisons.from_counts(list("abc"), THREE), name, n_resamples=100, seed=3)
    assert board.settings["interval"] == "bootstrap"
    for row in board.rows:
        assert row.lower < row.score < row.upper


def test_bad_options_and_no_convergence(monkeypatch):
    for wrong in (-0.1, 1.0, math.nan):
        with pytest.raises(OptionError, match="pagerank: damping must be at least 0 and below 1"):
            fit("pagerank", THREE, damping=wrong)
    monkeypatch.setattr(spectral, "_ROUNDS", 1)
    with pytest.raises(ConvergenceError, match="eigenvector did not settle in 1 rounds"):
        fit("eigenvector", THREE)
