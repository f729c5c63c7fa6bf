"""Online Elo against a ten-line loop in base 10 (reference.elo)."""

import numpy as np
import pytest
from hypothesis import given

from agon.ranking import METHODS, Comparisons, OptionError, rank
from agon.ranking.methods.online import elo as module
from tests.support import reference
from tests.support.votes import any_votes, weighted

NAMES = list("abcdef")
PLACES = {1.0: (1, 2), 0.0: (2, 1), 0.5: (1, 1)}


def made(votes, **more):
    """Comparisons of (i, j, share[, weight])."""
    weight = [vote[3] for vote in votes] if len(votes[0]) > 3 else None
    return Comparisons.of(
        NAMES, [vote[:2] for vote in votes], [PLACES[vote[2]] for vote in votes], weight=weight, **more
    )


def scores(votes, **options):
    return METHODS["elo"].function(votes.battles, **options)


@pytest.mark.parametrize(("k", "start"), [(4.0, 1000.0), (32.0, 1500.0), (0.5, 0.0)])
def test_one_pass_is_the_loop(k, start):
    votes = reference.hard_votes(np.random.default_rng(2), 6, 500)
    ours = scores(made(votes), k=k, start=start, permutations=0)
    assert ours.scale == "elo"
    assert np.abs(ours.values - reference.elo(6, votes, k=k, start=start)).max() < 1e-9


def test_one_pass_follows_the_times():
    """Rows shuffled, times kept: the loop in the order of the times, and no remark about the rows."""
    rng = np.random.default_rng(3)
    votes = reference.hard_votes(rng, 6, 300)
    order = rng.permutation(300)
    shuffled = made([votes[i] for i in order], timestamp=order.astype(float))
    board = rank(shuffled, "elo", permutations=0, interval="none")
    expected = reference.elo(6, votes)
    assert max(abs(board[name].score - expected[i]) for i, name in enumerate(NAMES)) < 1e-9
    assert [note.code for note in board.diagnostics] == []


def test_one_pass_in_the_order_of_the_rows_is_flagged():
    board = rank(made(reference.hard_votes(np.random.default_rng(3), 6, 300)), "elo", permutations=0)
    assert [note.code for note in board.diagnostics] == ["file_order"]


@given(weighted())
def test_weights_weigh_the_surprise(votes):
    """Weight, in mean weights, times (S - E), so what one side wins the other loses; evalica weighs S."""
    mean = np.mean([vote.weight for vote in votes.rows])
    rows = [
        (i, j, share, vote.weight / mean)
        for vote, ordered in zip(votes.rows, votes.pairs(), strict=True)
        for i, j, share in ordered
    ]
    ours = scores(votes.comparisons(), permutations=0)
    assert np.abs(ours.values - reference.elo(len(votes.models), rows)).max() < 1e-9


@given(any_votes())
def test_zero_sum(votes):
    """Whatever is voted and weighed, the mean stays at the start."""
    for permutations in (0, 7):
        ours = scores(votes.comparisons(), permutations=permutations, start=1200.0)
        assert ours.values.mean() == pytest.approx(1200.0, abs=1e-9)


def test_a_kwise_ballot_is_played_as_its_pairs():
    """One ballot a > b > c: the pairs (a, b), (a, c), (b, c) one after the other."""
    votes = Comparisons.of(NAMES[:3], [[0, 1, 2]], [[1, 2, 3]])
    expected = reference.elo(3, [(0, 1, 1.0), (0, 2, 1.0), (1, 2, 1.0)])
    assert np.abs(scores(votes, permutations=0).values - expected).max() < 1e-9


def test_both_bad_is_a_draw_or_nothing():
    shown, places, fine = [[0, 1], [0, 1]], [(1, 2), (1, 1)], [[-1, -1], [0, 0]]
    votes = Comparisons.of(NAMES[:2], shown, places, acceptable=fine)
    half = reference.elo(2, [(0, 1, 1.0), (0, 1, 0.5)])
    drop = reference.elo(2, [(0, 1, 1.0)])
    assert np.abs(scores(votes, permutations=0).values - half).max() < 1e-9
    assert np.abs(scores(votes, permutations=0, both_bad="drop").values - drop).max() < 1e-9
    assert np.abs(scores(votes, permutations=5, both_bad="drop").values - drop).max() < 1e-9


def test_the_mean_over_permutations_is_that_of_a_loop():
    """100 orders of ours and 100 of a loop: means within 5 standard errors, spreads within 40%."""
    rng = np.random.default_rng(11)
    votes = reference.hard_votes(rng, 6, 400, ties=0.1)
    votes = [(i, j, 1.0 if rng.random() < 0.7 and i < j else s) for i, j, s in votes]
    ours = scores(made(votes), k=16.0)
    loop = np.array([reference.elo(6, [votes[i] for i in rng.permutation(400)], k=16.0) for _ in range(100)])
    error = loop.std(axis=0) * np.sqrt(2 / 100)
    assert np.all(np.abs(ours.values - loop.mean(axis=0)) < 5 * error)
    assert np.all(ours.spread > 0)
    assert np.all(np.abs(ours.spread / loop.std(axis=0) - 1) < 0.4)
    assert ours.values.std() > 20  # the models differ, so agreement says something


def test_the_seed_makes_the_orders():
    votes = made(reference.hard_votes(np.random.default_rng(4), 6, 200))
    one, two, three = (scores(votes, seed=seed).values for seed in (5, 5, 6))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, three)
    assert rank(votes, "elo", seed=5, interval="none")["a"].score == one[0]


def test_orders_played_in_parts_are_as_good(monkeypatch):
    """With room for 4 orders at a time: other orders, the same mean within 5 standard errors."""
    votes = made(reference.hard_votes(np.random.default_rng(4), 6, 200))
    whole = scores(votes)
    monkeypatch.setattr(module, "MEMORY", 4 * 4 * 200)
    parts = scores(votes)
    assert np.all(np.abs(whole.values - parts.values) < 5 * whole.spread * np.sqrt(2 / 100))
    assert np.all(np.abs(parts.spread / whole.spread - 1) < 0.4)
    assert np.array_equal(parts.values, scores(votes).values)
    assert parts.values.mean() == pytest.approx(1000, abs=1e-9)


def test_the_bootstrap_played_in_parts_is_the_same(monkeypatch):
    """With room for 3 resampled orders at a time."""
    votes = made(reference.hard_votes(np.random.default_rng(4), 6, 200))
    uncertain = np.array(
        [[row.lower, row.upper] for row in rank(votes, "elo", permutations=0, n_resamples=20).rows]
    )
    monkeypatch.setattr(module, "MEMORY", 3 * 4 * 200)
    again = np.array(
        [[row.lower, row.upper] for row in rank(votes, "elo", permutations=0, n_resamples=20).rows]
    )
    assert np.allclose(uncertain, again, rtol=0, atol=1e-9)


def test_renaming_moves_no_score_by_more_than_the_spread():
    """100 orders each: means within 5 standard errors of a difference of two such means."""
    votes = reference.hard_votes(np.random.default_rng(4), 6, 200)
    ours = scores(made(votes))
    new = np.random.default_rng(1).permutation(6)
    theirs = scores(made([(int(new[i]), int(new[j]), share) for i, j, share in votes]))
    assert np.all(np.abs(theirs.values[new] - ours.values) < 5 * ours.spread * np.sqrt(2 / 100))


def test_the_bootstrap_holds_the_noise_of_the_order():
    """Intervals of single resampled orders: sampling and order together, so wider than the order alone."""
    votes = made(reference.hard_votes(np.random.default_rng(8), 6, 600))
    spread = scores(votes).spread
    board = rank(votes, "elo", n_resamples=300)
    for i, name in enumerate(NAMES):
        width = board[name].upper - board[name].lower
        assert width > 2 * 1.96 * spread[i] * 0.9
        assert board[name].lower < board[name].score < board[name].upper
    assert board.rank_method == "bootstrap"


def test_in_order_votes_are_resampled_in_order():
    votes = made(reference.hard_votes(np.random.default_rng(8), 6, 600))
    board = rank(votes, "elo", permutations=0, n_resamples=50)
    assert all(row.lower < row.upper for row in board.rows)


PLAYED = [("elo", {"permutations": 0}), ("kwise_bayes", {}), ("weng_lin", {"permutations": 0})]


def played(voters, copies=1):
    """240 votes in time order, each cast so many times in a row by one voter."""
    rng = np.random.default_rng(9)
    shown = [rng.permutation(5)[:2] for _ in range(240)]
    places = [[1, 2] if rng.random() < 1 / (1 + 1.5 ** (a - b)) else [2, 1] for a, b in shown]
    labels = {"voter": np.repeat([f"v{i % voters:03d}" for i in range(240)], copies)}
    columns = [np.repeat(column, copies, axis=0) for column in (shown, places)]
    return Comparisons.of("abcde", *columns, timestamp=range(240 * copies), labels=labels)


@pytest.mark.parametrize(("name", "options"), PLAYED)
@pytest.mark.slow
def test_votes_in_their_order_are_drawn_by_voter(name, options):
    """With a voter for each vote the draws are those of votes; three equal votes of a voter are no news."""
    how = {"interval": "bootstrap", "n_resamples": 200, "scale": "natural", **options}
    alone, together = (
        rank(played(240), name, cluster=None, **how),
        rank(played(240), name, cluster="voter", **how),
    )
    for one, two in zip(alone.rows, together.rows, strict=True):
        assert (one.model, one.score) == (two.model, two.score)
        assert two.upper - two.lower == pytest.approx(one.upper - one.lower, rel=0.02)  # Student's t of 239
    loose, tied = (
        rank(played(240, 3), name, cluster=None, **how),
        rank(played(240, 3), name, cluster="voter", **how),
    )
    widths = [[row.upper - row.lower for row in board.rows] for board in (loose, tied)]
    assert np.mean(widths[1]) > 1.3 * np.mean(widths[0])


def test_a_posterior_is_not_clustered():
    with pytest.raises(OptionError, match=r'cannot be clustered by voter; use interval="bootstrap"'):
        rank(played(40), "kwise_bayes", interval="posterior", cluster="voter")
