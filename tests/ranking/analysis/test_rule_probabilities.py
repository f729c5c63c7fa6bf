"""P(first) and rank ranges: against binomial probabilities, against boards, and across rules."""

from math import comb

import numpy as np
import pytest

from agon.ranking import Ballots, Comparisons, MethodError, OptionError, PairCounts, SourceError, rank
from agon.ranking.analysis.rule_probabilities import winner_probabilities
from agon.ranking.simulate import bradley_terry_world
from agon.ranking.votes.score_table import ScoreTable


@pytest.mark.slow
def test_two_models_against_the_binomial():
    """A won 12 of 20: it wins a resample with P(Bin(20, 0.6) > 10) and half of P(= 10)."""
    votes = PairCounts.of(("a", "b"), [[0, 12], [8, 0]])
    share = [comb(20, k) * 0.6**k * 0.4 ** (20 - k) for k in range(21)]
    exact = sum(share[11:]) + share[10] / 2
    found = winner_probabilities(
        votes, ["copeland", "bradley_terry", "borda", "plurality"], n_resamples=4000, seed=3
    )
    for rule in found.rules:
        assert rule.first.sum() == pytest.approx(1)
        assert rule.first[0] == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 4000)), rule.method
    ranks = [rule.ranks for rule in found.rules]
    assert all(np.array_equal(ranks[0], other) for other in ranks[1:])  # the same draws for every rule


@pytest.mark.parametrize("rule", ["copeland", "minimax", "bradley_terry", "schulze"])
@pytest.mark.parametrize("cluster", [None, "voter"])
def test_rank_ranges_are_those_of_the_boards(rule, cluster):
    votes = bradley_terry_world(8, 400, seed=2, voters=30).comparisons()
    found = winner_probabilities(votes, [rule], n_resamples=60, seed=5, cluster=cluster)[rule]
    board = rank(votes, rule, interval="bootstrap", n_resamples=60, seed=5, cluster=cluster, min_votes=0)
    for i, name in enumerate(votes.models):
        row = board[name]
        assert row.rank == found.rank[i]
        assert (row.rank_lower, row.rank_upper) == (found.rank_lower[i], found.rank_upper[i])


def test_tables_draw_tasks():
    rng = np.random.default_rng(0)
    table = ScoreTable.of(list("abcd"), [f"t{i}" for i in range(9)], rng.normal(size=(4, 9)))
    found = winner_probabilities(table, ["borda", "copeland", "mean"], n_resamples=50)
    board = rank(table, "borda", interval="bootstrap", n_resamples=50, seed=0)
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
    found = winner_probabilities(cycle, ["condorcet", "minimax"], n_resamples=100)
    assert (found["condorcet"].rank == 0).all()
    assert found["condorcet"].first.sum() == pytest.approx(1 - found["condorcet"].nobody)
    assert found["condorcet"].nobody > 0.5
    assert found["minimax"].first.sum() == pytest.approx(1)


def test_refusals():
    votes = PairCounts.of(("a", "b"), [[0, 12], [8, 0]])
    with pytest.raises(OptionError, match="n_resamples must be at least 2"):
        winner_probabilities(votes, ["borda"], n_resamples=1)
    with pytest.raises(OptionError, match="options for 'mean'"):
        winner_probabilities(votes, ["borda"], options={"mean": {}})
    with pytest.raises(MethodError, match="needs a score table"):
        winner_probabilities(votes, ["mean"], n_resamples=2)
    with pytest.raises(OptionError, match="No rule 'bord' here; did you mean 'borda'"):
        winner_probabilities(votes, ["borda"], n_resamples=2)["bord"]
    with pytest.raises(SourceError, match="no votes"):
        winner_probabilities(Comparisons.from_counts(("a", "b"), [[0, 0], [0, 0]]), ["borda"])


@pytest.mark.parametrize("method", ["bradley_terry", "davidson", "rank_centrality"])
def test_an_undefeated_model_is_first_in_every_round(method):
    """50:0 against each of four models: no resample turns a win round, so the chance of being first is 1."""
    wins = np.full((5, 5), 20.0) - np.diag(np.full(5, 20.0))
    wins[0, 1:], wins[1:, 0] = 50.0, 0.0
    wins[1, 2:] = 35.0
    votes = Comparisons.from_counts(["a", "b", "c", "d", "e"], wins)
    (rule,) = winner_probabilities(votes, [method], n_resamples=50).rules
    assert rule.first.tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert rule.rank.tolist()[:2] == [1, 2]
    assert rule.rank_lower[0] == rule.rank_upper[0] == 1
    assert rule.rank_lower[1:].min() == 2
