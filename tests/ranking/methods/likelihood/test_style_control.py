"""Style control against an independent fit, published results and simulated biases."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit

from agon.ranking import Comparisons, OptionError, SourceError, VotesError, rank
from agon.ranking.errors import ConvergenceError
from agon.ranking.methods.likelihood import logistic as context_votes
from agon.ranking.methods.likelihood import style_control
from agon.ranking.methods.likelihood.style_control import contextual_bradley_terry
from agon.ranking.votes.covariates import _canonical, control_names, relative
from tests.support import reference
from tests.support.paths import REPOSITORY

NAMES = [f"m{i}" for i in range(6)]
TRUTH = np.array([1.0, 0.6, 0.2, -0.2, -0.6, -1.0])


class World:
    """Votes in which longer answers win more often, by `effect` nats for each unit of (a − b)/(a + b)."""

    def __init__(self, n=3000, effect=1.5, seed=0, ties=0.1, own=0.3):
        rng = np.random.default_rng(seed)
        self.first = rng.integers(0, 6, n)
        self.second = (self.first + rng.integers(1, 6, n)) % 6
        taste = own * np.arange(6)  # each model has a length of its own: the worse ones write more
        self.length = rng.lognormal(
            5 + taste[np.stack([self.first, self.second], 1)] / 2, 0.5, (n, 2)
        ).round()
        self.bold = rng.poisson(2, (n, 2)).astype(float)
        a, b = self.length.T
        self.x = (a - b) / (a + b)
        chance = expit(TRUTH[self.first] - TRUTH[self.second] + effect * self.x)
        draw = rng.random(n)
        self.outcome = np.where(draw < ties, 2, np.where(rng.random(n) < chance, 0, 1))
        self.voter = rng.integers(0, 40, n)

    def votes(self, rows=slice(None), **more):
        places = np.array([[1, 2], [2, 1], [1, 1]])[self.outcome][rows]
        return Comparisons.of(
            NAMES,
            np.stack([self.first, self.second], 1)[rows],
            places,
            features={"length": self.length[rows], "bold": self.bold[rows], "home": np.ones(len(places))},
            labels={"voter": self.voter[rows]},
            **more,
        )

    def design(self, *features):
        """(N, 5 + F) contrasts to the last model, and the standardised features."""
        n = len(self.first)
        table = np.zeros((n, 6))
        table[np.arange(n), self.first] = 1
        table[np.arange(n), self.second] -= 1
        table = table[:, :5] - table[:, 5:] * 0
        return np.column_stack([table, *[f / np.sqrt((f**2).mean()) for f in features]])


def independent(world, penalty=0.0):
    """Logistic regression by scipy over the rows: coefficients, covariance plain and by voter."""
    a, b = world.bold.T
    bold = np.divide(a - b, a + b, out=np.zeros(len(a)), where=a + b > 0)
    x = world.design(world.x, bold)
    y = np.array([1.0, 0.0, 0.5])[world.outcome]
    ridge = np.diag([0.0] * 5 + [penalty] * 2)

    def loss(beta):
        eta = x @ beta
        return (np.logaddexp(0, eta) - y * eta).sum() + beta @ ridge @ beta / 2

    def slope(beta):
        return x.T @ (expit(x @ beta) - y) + ridge @ beta

    beta = minimize(loss, np.zeros(7), jac=slope, method="BFGS", options={"gtol": 1e-8}).x
    for _ in range(3):
        p = expit(x @ beta)
        bend = (x * (p * (1 - p))[:, None]).T @ x + ridge
        beta = beta - np.linalg.solve(bend, slope(beta))
    score = x * (y - expit(x @ beta))[:, None]
    summed = np.stack([score[world.voter == v].sum(axis=0) for v in range(40)])
    each = [x[world.voter == v] * np.sqrt(p * (1 - p))[world.voter == v, None] for v in range(40)]
    centred = np.vstack([np.eye(5), np.zeros(5)]) - 1 / 6  # strengths of zero mean from contrasts to the last
    contrasts = np.hstack([centred, np.zeros((6, 2))])
    by_voter, effective = reference.delete_one_cluster(
        summed, [own.T @ own for own in each], ridge, contrasts
    )
    inverse = np.linalg.inv(bend)
    return beta, inverse @ score.T @ score @ inverse, by_voter, effective


@pytest.mark.parametrize("penalty", [0.0, 50.0])
def test_the_fit_is_that_of_an_independent_logistic_regression(penalty):
    world = World()
    beta, plain, by_voter, effective = independent(world, penalty)
    options = {"control": ["length", "bold"], "scale": "natural", "anchor": "m5", "penalty": penalty}
    for expected, settings in ((plain, {"cluster": None}), (by_voter, {"cluster": "voter"})):
        board = rank(world.votes(), **options, **settings)
        found = [board[name].score for name in NAMES[:5]] + [c.value for c in board.coefficients]
        assert np.allclose(found, beta, rtol=0, atol=1e-9)
        assert np.allclose(board.covariance[:5, :5], expected[:5, :5], rtol=1e-7, atol=1e-10)
        from scipy.stats import norm, t

        z = t.ppf(0.975, board.uncertainty.df) if settings["cluster"] else norm.ppf(0.975)
        if settings["cluster"]:
            assert board.uncertainty.clustering.effective == pytest.approx(effective, rel=1e-6)
            assert board.uncertainty.df == pytest.approx(effective - 1, rel=0.15)
        for c, error in zip(board.coefficients, np.sqrt(np.diag(expected))[5:], strict=True):
            assert (c.lower, c.upper) == pytest.approx((c.value - z * error, c.value + z * error), rel=1e-6)


@pytest.mark.parametrize("block", [7, 1000])
def test_the_fit_in_pieces_and_from_some_of_the_votes_is_the_same(monkeypatch, block):
    world = World()
    beta, plain, by_voter, _ = independent(world)
    monkeypatch.setattr(context_votes, "_BLOCK", block)
    monkeypatch.setattr(style_control, "MANY", 100)
    for cluster, covariance in ((None, plain), ("voter", by_voter)):
        contexts = world.votes().controlled("length,bold", cluster).contexts
        fit = contextual_bradley_terry(contexts)
        np.testing.assert_allclose(fit.values[:5] - fit.values[5], beta[:5], atol=1e-9)
        np.testing.assert_allclose([c.value for c in fit.coefficients], beta[5:], atol=1e-9)
        np.testing.assert_allclose(fit.uncertainty.matrix[6:, 6:], covariance[5:, 5:], rtol=1e-5)


@given(data=st.data())
def test_votes_are_ordered_by_ballot_and_content(data):
    n, n_ballots = data.draw(st.integers(1, 60)), data.draw(st.sampled_from([1, 3, 2**20]))
    few = data.draw(st.sampled_from([2, 2**8, 2**60]))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    ballot = rng.integers(0, n_ballots, n)
    content = rng.integers(0, few, n, dtype=np.uint64) << np.uint64(64 - few.bit_length())
    content |= rng.integers(0, 3, n, dtype=np.uint64) << np.uint64(data.draw(st.integers(21, 40)))
    bits = max(1, n_ballots.bit_length())  # of the content so many do not fit beside the ballot
    order = _canonical(ballot, n_ballots, content)
    expected = sorted(range(n), key=lambda i: (ballot[i], int(content[i]) >> bits))
    found = [(ballot[i], int(content[i]) >> bits) for i in order]
    assert found == [(ballot[i], int(content[i]) >> bits) for i in expected]
    assert sorted(order.tolist()) == list(range(n))


def test_a_length_bias_is_recovered_and_taken_out():
    """The effect per unit of (a − b)/(a + b) is 1.5; without control the wordy models look better."""
    world = World(n=20000, effect=1.5, ties=0.0)
    board = rank(world.votes(), control="length", scale="natural")
    (length,) = board.coefficients
    unit = np.sqrt((world.x**2).mean())
    assert length.lower < 1.5 * unit < length.upper
    assert length.upper - length.lower < 0.1
    for name, truth in zip(NAMES, TRUTH, strict=True):
        assert board[name].lower < truth < board[name].upper
    plain = rank(world.votes(), scale="natural")
    assert plain["m0"].upper < 1.0, "the terse best model is pulled down without control"


def test_features_that_say_nothing_change_nothing():
    world = World(effect=0.0, seed=3, ties=0.1)
    plain, controlled = rank(world.votes()), rank(world.votes(), control="bold")
    (bold,) = controlled.coefficients
    assert bold.lower < 0 < bold.upper
    for row in plain.rows:
        width = row.upper - row.lower
        assert controlled[row.model].score == pytest.approx(row.score, abs=0.1 * width)
        assert controlled[row.model].upper - controlled[row.model].lower == pytest.approx(width, rel=0.1)


def test_the_order_of_the_rows_and_the_sides_change_no_bit():
    world, rng = World(n=500), np.random.default_rng(1)
    one = rank(world.votes(), control="length,bold", cluster="voter")
    two = rank(world.votes(rng.permutation(500)), control="length,bold", cluster="voter")
    assert (one.rows, one.coefficients, one.fingerprint) == (two.rows, two.coefficients, two.fingerprint)
    turned = World(n=500)
    turned.first, turned.second = turned.second, turned.first
    turned.length, turned.bold = turned.length[:, ::-1], turned.bold[:, ::-1]
    turned.outcome = np.array([1, 0, 2])[turned.outcome]
    three = rank(turned.votes(), control="length,bold", cluster="voter")
    assert (one.rows, one.coefficients, one.fingerprint) == (
        three.rows,
        three.coefficients,
        three.fingerprint,
    )


def test_the_fingerprint_knows_the_features():
    world, other = World(n=500), World(n=500)
    other.length = other.length[::-1]
    assert (
        rank(world.votes(), control="length").fingerprint != rank(other.votes(), control="length").fingerprint
    )


def test_weights_count_like_votes():
    """Every vote twice is every vote with weight 2."""
    world = World(n=400)
    doubled = rank(world.votes(np.tile(np.arange(400), 2)), control="length")
    weighted = rank(world.votes(weight=np.full(400, 2.0)), control="length")
    for row in doubled.rows:
        assert weighted[row.model].score == pytest.approx(row.score, abs=1e-9)
    assert weighted.coefficients[0].value == pytest.approx(doubled.coefficients[0].value, abs=1e-11)


@pytest.mark.parametrize("cluster", [None, "voter"])
def test_the_bootstrap_agrees_with_the_sandwich(cluster):
    world = World(n=2000)
    one = rank(world.votes(), control="length", cluster=cluster)
    two = rank(world.votes(), control="length", interval="bootstrap", n_resamples=300, cluster=cluster)
    for row in one.rows:
        other = two[row.model]
        assert other.score == row.score
        assert other.upper - other.lower == pytest.approx(row.upper - row.lower, rel=0.25)


def test_models_outside_the_component_are_placed_and_move_nobody():
    world = World(n=1000)
    votes = world.votes()
    shown = np.append(np.stack([world.first, world.second], 1), [[6, 0]] * 40, axis=0)
    places = np.append(np.array([[1, 2], [2, 1], [1, 1]])[world.outcome], [[1, 2]] * 40, axis=0)
    length = np.append(world.length, [[100, 100]] * 40, axis=0)
    more = Comparisons.of([*NAMES, "new"], shown, places, features={"length": length})
    board, plain = rank(more, control="length"), rank(votes, control="length")
    assert board["new"].status == "ranked"
    assert board["new"].upper is None
    for name in NAMES:
        assert board[name].score == pytest.approx(plain[name].score, abs=1e-6)


def test_both_bad_can_be_left_out():
    world = World(n=600)
    shown = np.stack([world.first, world.second], 1)
    places = np.array([[1, 2], [2, 1], [1, 1]])[world.outcome]
    fine = np.where(world.outcome[:, None] == 2, 0, -1) * np.ones((1, 2), dtype=int)
    votes = Comparisons.of(NAMES, shown, places, acceptable=fine, features={"length": world.length})
    keep = world.outcome != 2
    decided = Comparisons.of(NAMES, shown[keep], places[keep], features={"length": world.length[keep]})
    board, other = (rank(v, control="length", both_bad="drop") for v in (votes, decided))
    scale = np.sqrt((world.x**2).mean() / (world.x[keep] ** 2).mean())  # features in units of their votes
    assert board.coefficients[0].value == pytest.approx(other.coefficients[0].value * scale, rel=1e-9)


def test_the_board_carries_the_coefficients():
    board = rank(World().votes(), control="length")
    assert board.method == "contextual_bradley_terry"
    assert board.settings["control"] == ("length",)
    (length,) = board.to_dict()["coefficients"]
    assert length.keys() == {"name", "value", "lower", "upper"}
    assert length["lower"] < length["value"] < length["upper"]
    assert "Coefficient of length: 0." in board.to_markdown()
    assert "at 95%" in board._repr_html_()


def test_groups_of_features_are_written_out():
    assert control_names("length, markdown") == ("length", "headers", "lists", "bold")
    assert control_names(["style", "citations"]) == ("length", "headers", "lists", "bold", "citations")


def test_relative_differences():
    """(a − b)/(a + b), and 0/0 = 0."""
    found = relative(np.array([3.0, 0, 0, 2]), np.array([1.0, 0, 5, 2]))
    assert found.tolist() == [0.5, 0.0, -1.0, 0.0]


WRONG = [
    ({"control": "lenght"}, SourceError, "no feature 'lenght' to control for"),
    ({"control": ["length", "length"]}, OptionError, "names 'length' twice"),
    ({"control": ["style", "bold"]}, OptionError, "names 'bold' twice"),
    ({"control": [" "]}, OptionError, "must be names of features"),
    ({"control": "length", "penalty": -1.0}, OptionError, "penalty must be 0 or more"),
    ({"control": "length", "method": "elo"}, OptionError, "does not apply to elo"),
    ({"method": "contextual_bradley_terry"}, OptionError, "Say what to control for"),
    ({"control": "flat"}, OptionError, "'flat' is the same on both sides of every vote"),
    (
        {"control": "strength"},
        OptionError,
        "The effect of 'strength' cannot be told from the models' strengths",
    ),
    ({"control": "length,twice"}, OptionError, "'length' and 'twice' cannot be told"),
    ({"control": "oracle"}, ConvergenceError, "'oracle' may decide every vote"),
]


@pytest.mark.parametrize(("options", "error", "words"), WRONG)
def test_what_cannot_be_controlled_for_is_named(options, error, words):
    world = World(n=300, ties=0.0)
    features = {
        "length": world.length,
        "flat": np.ones((300, 2)),
        "strength": TRUTH[world.first] - TRUTH[world.second],
        "twice": 2 * world.x,
        "oracle": np.where(world.outcome == 0, 1.0, -1.0),
    }
    votes = Comparisons.of(
        NAMES,
        np.stack([world.first, world.second], 1),
        np.array([[1, 2], [2, 1]])[world.outcome],
        features=features,
    )
    with pytest.raises(error, match=words):
        rank(votes, **options)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1.0, 2.0], "shape"),
        ([[1, 2, 3]], "shape"),
        ([np.nan], "vote 1 is no finite number"),
        ([[1, -2]], "vote 1 is below 0"),
    ],
)
def test_features_that_are_none(values, words):
    with pytest.raises(VotesError, match=words):
        Comparisons.of(["a", "b"], [[0, 1]], [[1, 2]], features={"length": values})


def test_home_advantage_in_baseball():
    """The published fit of Bradley and Terry with a home advantage, and its printed standard error."""
    path = REPOSITORY / "tests" / "known_answers" / "contextual_bradley_terry.json"
    (case,) = json.loads(path.read_text())["cases"]
    names = list(case["scores"])
    shown = [[names.index(h), names.index(a)] for h, a, won, lost in case["games"] for _ in range(won + lost)]
    places = [p for *_, won, lost in case["games"] for p in [[1, 2]] * won + [[2, 1]] * lost]
    home = np.ones(len(shown))
    board = rank(
        Comparisons.of(names, shown, places, features={"home": home}), min_votes=0, **case["options"]
    )
    for model, published in case["scores"].items():
        assert board[model].score == pytest.approx(published, rel=0, abs=case["tolerance"])
    (found,) = board.coefficients
    assert found.value == pytest.approx(case["coefficients"]["home"], rel=0, abs=case["tolerance"])


def test_votes_that_put_nobody_on_one_scale_are_refused_in_a_sentence():
    """a beats b and both beat c, always: no strengths to be fitted, and so no effect beside them."""
    features = {"length": np.stack([np.arange(60), np.arange(60)[::-1]], axis=1)}
    votes = Comparisons.of("abc", [[0, 1], [1, 2], [0, 2]] * 20, [[1, 2]] * 60, features=features)
    with pytest.raises(
        OptionError, match="No vote is between two models on one scale, so there is no effect of"
    ):
        rank(votes, control="length")


def test_two_voters_who_agree_in_all_are_not_certain():
    """Their jackknife has no variance: the board said 1087.4 to 1087.4, or nothing but a warning of numpy."""
    world = World(n=200)
    for name in ("first", "second", "outcome", "length", "bold"):
        setattr(world, name, np.concatenate([getattr(world, name)] * 2))
    world.voter = np.repeat([0, 1], 200)
    votes = world.votes()
    plain = rank(votes, cluster="voter")  # falls back upon single votes
    board = rank(votes, cluster="voter", control=["length"])
    for row in board.rows:
        width, other = row.upper - row.lower, plain[row.model].upper - plain[row.model].lower
        assert width == pytest.approx(other, rel=0.5)
    assert board.coefficients[0].upper - board.coefficients[0].lower > 0.5
