"""P(first) and rank ranges: against binomial probabilities, against boards, and across rules."""

from math import comb

import numpy as np
import pytest

from agon.ranking import Ballots, Comparisons, MethodError, OptionError, PairCounts, SourceError, rank
from agon.ranking.analysis.winner_probabilities import bootstrap_all
from agon.ranking.simulate import bradley_terry_world
from agon.ranking.votes.score_table import ScoreTable


def test_two_models_against_the_binomial():
    """A won 12 of 20: it wins a resample with P(Bin(20, 0.6) > 10) and half of P(= 10)."""
    votes = PairCounts.of(("a", "b"), [[0, 12], [8, 0]])
    share = [comb(20, k) * 0.6**k * 0.4 ** (20 - k) for k in range(21)]
    exact = sum(share[11:]) + share[10] / 2
    found = bootstrap_all(votes, ["copeland", "bradley_terry", "borda", "plurality"], rounds=4000, seed=3)
    for rule in found.rules:
        assert rule.first.sum() == pytest.approx(1)
        assert rule.first[0] == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 4000)), rule.method
    ranks = [rule.ranks for rule in found.rules]
    assert all(np.array_equal(ranks[0], other) for other in ranks[1:])  # the same draws for every rule


@pytest.mark.parametrize("rule", ["copeland", "minimax", "bradley_terry", "schulze"])
@pytest.mark.parametrize("cluster", [None, "voter"])
def test_rank_ranges_are_those_of_the_boards(rule, cluster):
    votes = bradley_terry_world(8, 400, seed=2, voters=30).comparisons()
    found = bootstrap_all(votes, [rule], rounds=60, seed=5, cluster=cluster)[rule]
    board = rank(votes, rule, interval="bootstrap", rounds=60, seed=5, cluster=cluster, min_votes=0)
    for i, name in enumerate(votes.models):
        row = board[name]
        assert row.rank == found.rank[i]
        assert (row.rank_lower, row.rank_upper) == (found.rank_lower[i], found.rank_upper[i])


def test_tables_draw_tasks():
    rng = np.random.default_rng(0)
    table = ScoreTable.of(list("abcd"), [f"t{i}" for i in range(9)], rng.normal(size=(4, 9)))
    found = bootstrap_all(table, ["borda", "copeland", "mean"], rounds=50)
    board = rank(table, "borda", interval="bootstrap", rounds=50, seed=0)
    borda = found["borda"]
    assert [board[name].rank_upper for name in table.models] == borda.rank_upper.tolist()
    frame = found.to_frame()
    assert frame.shape == (12, 6) and frame["first"].sum() == pytest.approx(3)


def test_no_winner_is_no_probability():
    """A perfect cycle has no Condorcet winner in most resamples; the shares do not sum to one."""
    cycle = Ballots.of(
        ["a", "b", "c"],
        [[0, 1, 2]] * 3,
        [[1, 2, 3], [3, 1, 2], [2, 3, 1]],
        count=[30, 30, 30],
    )
    found = bootstrap_all(cycle, ["condorcet", "minimax"], rounds=100)
    assert (found["condorcet"].rank == 0).all()
    assert found["condorcet"].first.sum() == pytest.approx(found["condorcet"].decided)
    assert found["condorcet"].decided < 0.5
    assert found["minimax"].first.sum() == pytest.approx(1)


def test_refusals():
    votes = PairCounts.of(("a", "b"), [[0, 12], [8, 0]])
    with pytest.raises(OptionError, match="rounds must be at least 2"):
        bootstrap_all(votes, ["borda"], rounds=1)
    with pytest.raises(OptionError, match="options for 'mean'"):
        bootstrap_all(votes, ["borda"], options={"mean": {}})
    with pytest.raises(MethodError, match="needs a score table"):
        bootstrap_all(votes, ["mean"], rounds=2)
    with pytest.raises(OptionError, match="No rule 'bord' here; did you mean 'borda'"):
        bootstrap_all(votes, ["borda"], rounds=2)["bord"]
    with pytest.raises(SourceError, match="no votes"):
        bootstrap_all(Comparisons.from_counts(("a", "b"), [[0, 0], [0, 0]]), ["borda"])
