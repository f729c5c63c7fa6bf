"""Tie models against published fits, 50-digit arithmetic, formulas written again, and what has no fit."""

import csv
import json
import math
import re

import mpmath
import numpy as np
import pytest
from scipy.stats import norm

from agon.ranking import METHODS, Comparisons, ConvergenceError, PairCounts, rank
from agon.ranking.errors import OptionError
from agon.ranking.estimation import newton
from agon.ranking.estimation.comparison_graph import bounded_with_ties
from agon.ranking.methods.likelihood.multinomial import Point
from agon.ranking.methods.likelihood.tie_models import DAVIDSON, RAO_KUPPER, RAO_KUPPER_BAG
from tests.support import fifty_digits, reference

NAMES = "abcdefgh"
MODELS = ["davidson", "rao_kupper", "rao_kupper_bag"]


def fit(name, wins, ties=None, bad=None, **options):
    return METHODS[name].function(PairCounts.of(list(NAMES[: len(wins)]), wins, ties, bad), **options)


def parameter(found, symbol):
    """The value of a further parameter."""
    (one,) = [one for one in found.outcome_parameters if one.symbol == symbol]
    return one.lowest + math.exp(one.log)


def told(board, symbol):
    """The numbers in the sentence of a further parameter: its value and the ends of its interval."""
    (text,) = [note.message for note in board.diagnostics if f"{symbol} = " in note.message]
    return [float(number) for number in re.findall(r"\d+\.\d+", text.replace("95%", ""))]


def chances(name, u, v, shapes):
    """(win, loss, tie, both bad) straight from the papers; the tie of Rao-Kupper is what is left."""
    one, two = mpmath.exp(u), mpmath.exp(v)
    if name == "davidson":
        nu = shapes["nu"] * mpmath.sqrt(one * two)
        return [x / (one + two + nu) for x in (one, two, nu)] + [mpmath.mpf(0)]
    phi, bad = shapes["tie"], shapes.get("bad", mpmath.mpf(0))
    win, loss, none = one / (one + phi * two + bad), two / (two + phi * one + bad), bad / (bad + one + two)
    return [win, loss, 1 - win - loss - none, none]


def problem(seed):
    """Small random counts (wins, ties, bad) whose decisive votes alone link everybody."""
    rng = np.random.default_rng([seed, 4])
    while True:
        m = int(rng.integers(2, 5))
        wins = rng.poisson(rng.uniform(0.5, 6), (m, m)).astype(float)
        np.fill_diagonal(wins, 0)
        ties, bad = (np.triu(rng.poisson(rng.uniform(0, 3), (m, m)), 1).astype(float) for _ in range(2))
        if reference.strongly_connected(wins):
            return m, wins, ties + ties.T, bad + bad.T


def exact_distance(name, wins, ties, bad, found, shapes):
    """How far strengths and logs of the further parameters are from the exact maximum."""
    m = len(wins)
    shift = {"nu": 0, "tie": 1, "bad": 0}

    def value(x):
        theta = fifty_digits.strengths(x[: m - 1])
        given = {key: shift[key] + mpmath.exp(a) for key, a in zip(shapes, x[m - 1 :], strict=True)}
        given.setdefault("nu" if name == "davidson" else "tie", mpmath.mpf(0 if name == "davidson" else 1))
        total = mpmath.mpf(0)
        for i in range(m):
            for j in range(i):
                seen = (wins[i, j], wins[j, i], ties[i, j], bad[i, j])
                for count, chance in zip(seen, chances(name, theta[i], theta[j], given), strict=True):
                    if count:
                        total += count * mpmath.log(chance)
        return total

    return fifty_digits.distance(value, [*found.values[:-1], *shapes.values()])


def solved(model, wins, ties, bad):
    """The fit, and its further parameters in logs (which the board only prints)."""
    from agon.ranking.methods.likelihood.multinomial import OutcomeCounts
    from agon.ranking.methods.likelihood.multinomial_fit import _Part

    pairs = PairCounts.of(list(NAMES[: len(wins)]), wins, ties, bad)
    counts = OutcomeCounts.of(pairs, None if model is RAO_KUPPER_BAG else "half")
    return _Part.of(model, counts).shapes


@pytest.mark.parametrize("block", range(4))
@pytest.mark.parametrize("model", [DAVIDSON, RAO_KUPPER, RAO_KUPPER_BAG], ids=lambda model: model.name)
@pytest.mark.slow
def test_random_problems_agree_with_fifty_digits_to_1e_8(model, block):
    for seed in range(20 * block, 20 * block + 20):
        _, wins, ties, bad = problem(seed)
        found = fit(model.name, wins, ties, bad)
        shapes = solved(model, wins, ties, bad)
        if model is not RAO_KUPPER_BAG:
            ties, bad = ties + bad, np.zeros_like(bad)
        assert exact_distance(model.name, wins, ties, bad, found, shapes) < 1e-8


@pytest.fixture(scope="module")
def golden(datasets):
    path = datasets.parent / "golden" / "ties.json"
    if not path.exists():
        pytest.skip(f"no golden values at {path}")
    return json.loads(path.read_text())


@pytest.mark.parametrize(
    ("name", "key", "symbol", "parameter_key"),
    [
        ("davidson", "davidson", "ν", "nu"),
        ("rao_kupper", "rao_kupper_TOBT", "φ", "phi"),
        ("rao_kupper_bag", "rao_kupper_TOBT", "φ", "phi"),  # without a both bad it is Rao-Kupper's
    ],
)
def test_the_golden_fits(golden, name, key, symbol, parameter_key):
    """Computed by scipy, printed to six digits."""
    data, expected = golden["ties_data"], golden[key]
    found = METHODS[name].function(PairCounts.of(data["names"], data["win"], data["tie"]))
    assert found.values == pytest.approx(expected["theta_sum0"], abs=6e-7)
    assert parameter(found, symbol) == pytest.approx(expected["tie_param"][parameter_key], abs=6e-4)


def test_the_golden_probabilities(golden):
    """At a difference of 0.4; printed to nine digits."""
    point = {"u": np.array([0.4]), "v": np.array([0.0])}
    for model, shapes, key in (
        (RAO_KUPPER, {"tie": math.log(math.expm1(0.3))}, "rao_kupper(theta_i-theta_j=0.4,alpha=0.3)"),
        (DAVIDSON, {"nu": math.log(0.6)}, "davidson(theta_i-theta_j=0.4,nu=0.6)"),
    ):
        for outcome, expected in golden["probabilities"][key].items():
            found = math.exp(model.log_chance(outcome, Point(**point, shapes=shapes))[0])
            assert found == pytest.approx(expected, abs=6e-10)


def test_davidsons_puddings(datasets):
    """Davidson (1970), example 2: six puddings; the published fit stopped after 7 iterations: 3e-5."""
    rows = list(csv.DictReader((datasets / "pudding_davidson1970_ties.csv").read_text().splitlines()))
    wins, ties = np.zeros((6, 6)), np.zeros((6, 6))
    for row in rows:
        i, j = int(row["i"]) - 1, int(row["j"]) - 1
        wins[i, j], wins[j, i], ties[i, j] = int(row["w_ij"]), int(row["w_ji"]), int(row["t_ij"])
    published = json.loads((datasets / "pudding_davidson1970_published.json").read_text())
    found = fit("davidson", wins, ties + ties.T)
    worth = np.exp(found.values)
    assert worth / worth.sum() == pytest.approx(published["worth"], abs=3e-5)
    assert parameter(found, "ν") == pytest.approx(published["tie2"], abs=6e-5)  # printed to four digits


@pytest.mark.parametrize("model", [DAVIDSON, RAO_KUPPER, RAO_KUPPER_BAG], ids=lambda model: model.name)
def test_the_outcomes_sum_to_one(model):
    """A published implementation of Rao-Kupper drops a "1 +", and its probabilities do not."""
    rng = np.random.default_rng(3)
    point = Point(rng.normal(0, 4, 200), rng.normal(0, 4, 200), dict.fromkeys(model.shapes, -0.3))
    total = sum(np.exp(model.log_chance(outcome, point)) for outcome in model.outcomes)
    assert total == pytest.approx(np.ones(200), abs=1e-14)


@pytest.mark.parametrize("name", MODELS)
def test_without_ties_it_is_bradley_terry_and_says_how_many_ties_there_may_be(name):
    """Rule of three: 100 votes on two equal models and no tie bound P(tie) by 1 − 0.05^(1/100)."""
    wins = np.array([[0, 40, 30], [25, 0, 35], [20, 28, 0]])
    assert fit(name, wins).values == pytest.approx(fit("bradley_terry", wins).values, abs=1e-9)
    found = fit(name, [[0, 50], [50, 0]])
    (ties,) = [one for one in found.outcome_parameters if one.outcome == "tie"]
    sentence = ties.sentence(0.95, None)
    assert sentence.startswith("No vote is a tie: ")
    most = float(sentence.split("below ")[1].split()[0])
    chance = 1 - 0.05 ** (1 / 100)
    expected = 2 * chance / (1 - chance) if name == "davidson" else (1 + chance) / (1 - chance)
    assert most == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "symbol"), [("davidson", "ν"), ("rao_kupper", "φ"), ("rao_kupper_bag", "g")]
)
@pytest.mark.slow
def test_the_interval_of_the_tie_parameter_is_that_of_the_scores(name, symbol):
    """Against the infinitesimal jackknife of its logarithm, at the board's level."""
    rng = np.random.default_rng(8)
    rows = [(i, (i + step) % 3) for i in range(3) for step in (1, 2) for _ in range(12)]
    kinds = rng.choice([(1, 2), (2, 1), (1, 1), (0, 0)], len(rows), p=[0.4, 0.25, 0.2, 0.15])
    places, fine = np.where(kinds == 0, 1, kinds), np.where(kinds == 0, 0, 1)

    def votes(weights):
        return Comparisons.of(list("abc"), rows, places, acceptable=fine, weight=weights)

    def value(weights):
        found = METHODS[name].function(votes(weights).pairs)
        return np.array([one.log for one in found.outcome_parameters if one.symbol == symbol])

    error = math.sqrt(reference.jackknife(value, np.ones(len(rows)))[0, 0])
    for level, wide in ((0.95, norm.ppf(0.975)), (0.5, norm.ppf(0.75))):
        board = rank(votes(np.ones(len(rows))), name, min_votes=0, level=level)
        middle, low, high = told(board, symbol)[:1] + told(board, symbol)[-2:]
        lowest = 1.0 if name == "rao_kupper" else 0.0
        expected = [lowest + (middle - lowest) * math.exp(side * wide * error) for side in (-1, 1)]
        assert [low, high] == pytest.approx(expected, rel=2e-3)


def test_copies_of_votes_clustered_say_no_more_of_ties_than_the_votes():
    """Issue 12.6: 20 copies of 100 votes, clustered, and the votes at a hundred times the weight."""
    places = np.array([[1, 2]] * 45 + [[2, 1]] * 35 + [[1, 1]] * 20)

    def board(copies, cluster=None, weight=1.0):
        labels = {"voter": np.repeat(np.arange(100), copies).tolist()}
        rows = np.repeat(places, copies, axis=0)
        votes = Comparisons.of(
            "ab", [[0, 1]] * len(rows), rows, labels=labels, weight=np.full(len(rows), weight)
        )
        return told(rank(votes, "davidson", cluster=cluster), "ν")

    plain = board(1)
    assert board(20, "voter") == pytest.approx(plain, rel=0.03)  # Student's t with 99 degrees, not the normal
    assert board(1, weight=100.0) == plain
    assert board(20)[2] - board(20)[1] < 0.3 * (plain[2] - plain[1])


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.slow
def test_the_sandwich_holds_the_tie_parameter(name):
    """Against the infinitesimal jackknife: how the refitted strengths move with the weight of each vote."""
    rng = np.random.default_rng(8)
    rows = [(i, (i + step) % 3) for i in range(3) for step in (1, 2) for _ in range(12)]
    kinds = rng.choice([(1, 2), (2, 1), (1, 1), (0, 0)], len(rows), p=[0.4, 0.25, 0.2, 0.15])
    places = np.where(kinds == 0, 1, kinds)
    fine = np.where(kinds == 0, 0, 1)

    def votes(weights):
        return Comparisons.of(list("abc"), rows, places, acceptable=fine, weight=weights)

    def value(weights):
        return METHODS[name].function(votes(weights).pairs).values

    expected = reference.jackknife(value, np.ones(len(rows)))
    board = rank(votes(np.ones(len(rows))), name, scale="natural", min_votes=0)
    assert np.allclose(board.covariance, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_one_win_and_one_tie_bound_nothing(name):
    """Whatever ν, two models further apart explain a win and a tie better: e^D = ν² → ∞ tends to 1/4."""
    board = rank(Comparisons.from_counts(["a", "b"], [[0, 1], [0, 0]], [[0, 1], [1, 0]]), name, min_votes=0)
    assert [(row.rank, row.lower, row.upper) for row in board.rows] == [(None, None, None)] * 2
    assert board["a"].score > board["b"].score
    assert board.diagnostics[0].code == "loose_ties"


@pytest.mark.parametrize("name", MODELS)
def test_all_ties_say_nothing_about_strength(name):
    """As ν grows any strengths explain them: equal scores, no bounds, no rank."""
    board = rank(Comparisons.from_counts(["a", "b"], np.zeros((2, 2)), [[0, 50], [50, 0]]), name)
    assert [(row.rank, row.lower, row.upper) for row in board.rows] == [(None, None, None)] * 2
    assert [row.score for row in board.rows] == pytest.approx([1000, 1000], abs=1e-9)
    assert {"loose_ties", "all_ties"} <= {note.code for note in board.diagnostics}


def test_what_bounds_strengths_and_ties_together():
    """Cycles with more wins than ties against them; checked by linear programming on random graphs."""
    from scipy.optimize import linprog

    rng = np.random.default_rng(0)
    kinds = []
    for _ in range(300):
        m = int(rng.integers(2, 6))
        wins = np.triu(rng.random((m, m)) < 0.35, 1).astype(float)
        ties = np.triu(rng.random((m, m)) < 0.5, 1).astype(float)
        ties = ties + ties.T
        if rng.random() < 0.3:
            wins[m - 1, 0] = 1.0
        if not ties.any():
            continue
        rows, least = [], []
        for i, j in zip(*np.nonzero(wins), strict=True):
            rows.append(np.eye(m)[i] - np.eye(m)[j])
            least.append(1.0)
        for i, j in zip(*np.nonzero(ties), strict=True):
            rows.append(np.eye(m)[i] - np.eye(m)[j])
            least.append(-1.0)
        answer = linprog(np.zeros(m), A_ub=-np.array(rows), b_ub=-np.array(least), bounds=[(None, None)] * m)
        kinds.append(bounded_with_ties(wins, ties))
        assert kinds[-1] == (answer.status == 2)
    assert 30 < sum(kinds) < len(kinds) - 30


@pytest.mark.parametrize("name", MODELS)
def test_components_have_tie_parameters_of_their_own(name):
    wins, ties = np.zeros((5, 5)), np.zeros((5, 5))
    wins[:3, :3] = [[0, 40, 30], [25, 0, 35], [20, 28, 0]]
    ties[:3, :3] = [[0, 9, 3], [9, 0, 5], [3, 5, 0]]
    alone = rank(Comparisons.from_counts("abc", wins[:3, :3], ties[:3, :3]), name)
    wins[3, 4], wins[4, 3] = 20, 40
    ties[3, 4] = ties[4, 3] = 100
    board = rank(Comparisons.from_counts("abcde", wins, ties), name)
    for row in alone.rows:
        assert (board[row.model].score, board[row.model].upper) == pytest.approx((row.score, row.upper))
    other = rank(Comparisons.from_counts("de", wins[3:, 3:], ties[3:, 3:]), name)
    assert [(r.model, r.score, r.lower) for r in board.components[0].rows] == [
        (r.model, pytest.approx(r.score), pytest.approx(r.lower)) for r in other.rows
    ]


@pytest.mark.parametrize("name", MODELS)
def test_models_outside_move_nobody_and_lie_where_their_posterior_says(name):
    wins, ties = np.zeros((4, 4)), np.zeros((4, 4))
    wins[:3, :3] = [[0, 40, 30], [25, 0, 35], [20, 28, 0]]
    ties[:3, :3] = [[0, 9, 3], [9, 0, 5], [3, 5, 0]]
    before = fit(name, wins[:3, :3], ties[:3, :3])
    wins[3, 0] = 4
    found = fit(name, wins, ties)
    assert found.values[:3] == pytest.approx(before.values, abs=1e-12)
    assert found.identification.core.tolist() == [True, True, True, False]
    shape = parameter(before, "ν" if name == "davidson" else "φ")
    grid = np.linspace(-1, 4, 2_000_001)
    one, two = np.exp(grid), math.exp(found.values[0])
    more = shape * np.sqrt(one * two) + two if name == "davidson" else shape * two
    best = grid[np.argmax(4 * np.log(one / (one + more)) - grid**2 / 2)]
    assert found.values[3] == pytest.approx(best, abs=1e-3)  # the note prints four digits of the parameter


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.slow
def test_the_bootstrap_agrees_with_the_sandwich(name):
    world = (
        np.array([[0, 60, 90], [50, 0, 70], [30, 40, 0]]),
        np.array([[0, 40, 30], [40, 0, 50], [30, 50, 0]]),
    )
    votes = Comparisons.from_counts(list("abc"), *world)
    robust, drawn = (rank(votes, name, interval=kind, n_resamples=300) for kind in ("sandwich", "bootstrap"))
    for model in "abc":
        widths = [board[model].upper - board[model].lower for board in (robust, drawn)]
        assert widths[1] == pytest.approx(widths[0], rel=0.2)


@pytest.mark.parametrize("name", MODELS)
def test_bad_options_and_no_convergence(name, monkeypatch):
    wins = [[0, 3], [2, 0]]
    for wrong in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(OptionError, match=f"{name}: prior_sd must be above 0"):
            fit(name, wins, prior_sd=wrong)
    monkeypatch.setattr(newton, "ROUNDS", 1)
    with pytest.raises(ConvergenceError, match=f"{name} did not converge in 1 Newton steps"):
        fit(name, [[0, 30], [2, 0]], [[0, 5], [5, 0]])


@pytest.mark.parametrize("seed", range(40))
def test_newmans_iteration_ends_where_newtons_method_does(seed):
    """Two independent ways to one maximum; the covariance is that of the same likelihood."""
    _, wins, ties, bad = problem(seed)
    one, two = (fit(name, wins, ties, bad) for name in ("newman", "davidson"))
    assert one.values == pytest.approx(two.values, abs=1e-9)
    assert np.allclose(one.equation.bread, two.equation.bread, rtol=1e-7, atol=1e-10)


def test_newmans_iteration_says_when_it_did_not_settle(monkeypatch):
    from agon.ranking.methods.likelihood import newman as module

    monkeypatch.setattr(module, "_ROUNDS", 3)
    with pytest.raises(ConvergenceError, match="newman did not converge in 3 rounds on 3 models"):
        fit("newman", [[0, 9, 1], [1, 0, 2], [3, 1, 0]], [[0, 5, 1], [5, 0, 2], [1, 2, 0]])


@pytest.mark.slow
def test_strengths_far_apart_and_long_chains():
    """A chain of 199 links, 8 wins to 2 with 5 ties each: neighbours share nothing but their own votes."""
    m = 200
    wins, ties = np.zeros((m, m)), np.zeros((m, m))
    up, down = np.arange(m - 1), np.arange(1, m)
    wins[up, down], wins[down, up], ties[up, down] = 8, 2, 5
    for name in MODELS:
        found = METHODS[name].function(PairCounts.of([f"m{i:03d}" for i in range(m)], wins, ties + ties.T))
        # two models, three outcomes: the fit is saturated, so the odds of win to loss are met exactly
        win, loss = 8 / 15, 2 / 15
        step = (
            math.log(win / loss)
            if name == "davidson"
            else 0.5 * math.log(win * (1 - loss) / (loss * (1 - win)))
        )
        assert -np.diff(found.values) == pytest.approx(np.full(m - 1, step), abs=1e-8)
