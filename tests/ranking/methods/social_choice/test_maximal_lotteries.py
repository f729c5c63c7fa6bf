"""Lotteries against published equilibria, their definition, and a general-purpose optimiser."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from agon.ranking import METHODS, Ballots, OptionError, PairCounts
from agon.ranking.methods.social_choice.maximal_lotteries import equilibrium
from tests.support.brute_force import ballots_of, golden_json, names, needs_golden, profiles, run


@needs_golden
def test_published_equilibria_come_out():
    cases = golden_json("maximal_lotteries_nash.json")
    for name, case in cases.items():
        matrix = np.array(case["margin_matrix"], dtype=float)
        expected = case.get("max_entropy_nash", case["lottery_LP"])
        if name == "pref_voting_profile":  # not unique: pref_voting's is the one of maximum entropy
            expected = [case["pref_voting.maximal_lottery"][str(i)] for i in range(4)]
        lottery = equilibrium(matrix)
        assert lottery == pytest.approx(expected, abs=1e-6)
        if "nash_average_skill A@p" in case:
            assert matrix @ lottery == pytest.approx(case["nash_average_skill A@p"], abs=1e-6)


def entropy(p):
    return float(-(p * np.log(np.maximum(p, 1e-300))).sum())


@given(st.integers(0, 100_000))
def test_no_equilibrium_is_more_even(seed):
    rng = np.random.default_rng(seed)
    m = int(rng.integers(2, 7))
    game = np.triu(rng.integers(-2, 3, (m, m)), 1).astype(float)
    game -= game.T
    p = equilibrium(game)
    assert p.sum() == pytest.approx(1.0)
    assert (p >= 0).all()
    assert (p @ game).min() > -1e-9
    other = minimize(
        lambda q: -entropy(q),
        np.full(m, 1 / m),
        bounds=[(1e-12, 1)] * m,
        constraints=[
            {"type": "eq", "fun": lambda q: q.sum() - 1},
            {"type": "ineq", "fun": lambda q: q @ game},
        ],
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 300},
    )
    if other.success:
        assert entropy(p) > -other.fun - 1e-5


@given(profiles(gaps=True))
def test_the_winners_are_what_the_lottery_draws(drawn):
    choice = run("maximal_lottery", ballots_of(*drawn))
    assert choice.lottery.sum() == pytest.approx(1.0)
    assert set(choice.winners) == set(np.flatnonzero(choice.lottery > 1e-9).tolist())


def test_copies_share_what_the_original_had():
    """Biased rock, paper, scissors with rock twice: 1/3 becomes 1/6 and 1/6 (methods.md, section 4)."""
    wins = np.array([[0, 6, 2], [4, 0, 7], [8, 3, 0]], dtype=float)
    assert run("maximal_lottery", PairCounts.of("rps", wins)).lottery == pytest.approx([1 / 3, 1 / 2, 1 / 6])
    index = [0, 0, 1, 2]
    double = wins[np.ix_(index, index)]
    lottery = run("maximal_lottery", PairCounts.of(["r", "r2", "p", "s"], double)).lottery
    assert lottery == pytest.approx([1 / 6, 1 / 6, 1 / 2, 1 / 6])
    once = run("nash_averaging", PairCounts.of("rps", wins)).values
    assert once == pytest.approx([0, 0, 0], abs=1e-12)
    assert run("nash_averaging", PairCounts.of(["r", "r2", "p", "s"], double)).values == pytest.approx(
        [0] * 4
    )


def test_nash_averaging_is_the_log_odds_against_the_equilibrium():
    wins = np.array([[0, 9, 9], [1, 0, 5], [1, 5, 0]], dtype=float)
    scores = run("nash_averaging", PairCounts.of("abc", wins), prior=1.0)
    assert scores.values == pytest.approx([0.0, np.log(2 / 10), np.log(2 / 10)])
    assert scores.notes[0].message == "The equilibrium draws a 1.000."
    with pytest.raises(OptionError, match="prior must be above 0"):
        run("nash_averaging", PairCounts.of("abc", wins), prior=0.0)


@pytest.mark.parametrize("m", [60, 101])
def test_large_games_are_solved(m):
    rng = np.random.default_rng(m)
    for draw in (rng.normal(size=(m, m)), rng.integers(-1, 2, (m, m)).astype(float)):
        game = np.triu(draw, 1) - np.triu(draw, 1).T
        p = equilibrium(game)
        assert (p @ game).min() > -1e-9


def test_all_ties_give_everybody_the_same_chance():
    pairs = PairCounts.of(names(4), np.zeros((4, 4)), np.ones((4, 4)) - np.eye(4))
    assert run("maximal_lottery", pairs).lottery.tolist() == [0.25] * 4


def test_an_inequality_that_binds_where_two_would_conflict():
    """x and y are even; u and v are both beaten at (1/2, 1/2) by nobody enough. p_x ≥ 3 p_y keeps v down and
    p_x ≥ 6 p_y keeps u down, so the most even equilibrium is (6/7, 1/7): worked by hand."""
    game = np.zeros((4, 4))
    game[0, 2], game[1, 2] = 1.0, -6.0
    game[0, 3], game[1, 3] = 5.0, -15.0
    lottery = equilibrium(game - game.T)
    assert lottery == pytest.approx([6 / 7, 1 / 7, 0, 0], abs=1e-9)


def test_several_lotteries_are_told():
    """Four ballots cdab, abdc, bcda, bdca (cases F6g) allow several equilibria; rock, paper, scissors one."""
    order = [[3, 4, 1, 2], [1, 2, 4, 3], [4, 1, 2, 3], [4, 1, 3, 2]]
    ballots = Ballots.of("abcd", [[0, 1, 2, 3]] * 4, order)
    pairs = PairCounts.from_ballots(ballots)
    game = PairCounts.of(["r", "p", "s"], [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
    for name in ("maximal_lottery", "nash_averaging"):
        assert "several_lotteries" in [n.code for n in METHODS[name].function(pairs).notes], name
        assert "several_lotteries" not in [n.code for n in METHODS[name].function(game).notes], name
