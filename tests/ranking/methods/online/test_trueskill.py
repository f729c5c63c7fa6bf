"""TrueSkill and Weng-Lin updates against their libraries, numerical integration, and what order may do."""

import json
import math

import numpy as np
import pytest

from agon.ranking import METHODS, Ballots, Comparisons, rank
from agon.ranking.methods.online.trueskill import beyond, within

BOTH = ["kwise_bayes", "weng_lin"]


def timed(rows, m):
    """Votes (shown, places) in the order of time."""
    width = max(len(shown) for shown, _ in rows)
    return Comparisons.of(
        [f"m{i}" for i in range(m)],
        [[*shown, *[-1] * (width - len(shown))] for shown, _ in rows],
        [[*places, *[0] * (width - len(places))] for _, places in rows],
        timestamp=range(len(rows)),
    )


def beliefs(name, votes, **options):
    found = METHODS[name].function(votes.battles, score="mean", **options)
    return found.values, np.sqrt(np.diag(found.posterior))


def random_rows(seed, m=8, n=60, *, ties):
    rng = np.random.default_rng([seed, 17])
    rows = []
    for _ in range(n):
        shown = rng.permutation(m)[: rng.integers(2, 6)]
        places = np.sort(rng.integers(0, 3, len(shown))) if ties else np.arange(len(shown))
        rows.append((shown.tolist(), (np.unique(places, return_inverse=True)[1] + 1).tolist()))
    return rows


def test_the_golden_sequence(datasets):
    """trueskill 0.4.5, free-for-all of four, printed to five digits."""
    path = datasets.parent / "golden" / "trueskill_ksort.json"
    if not path.exists():
        pytest.skip(f"no golden values at {path}")
    golden = json.loads(path.read_text())
    mean, deviation = beliefs("kwise_bayes", timed([([0, 1], [1, 2])], 2))
    assert [*zip(mean, deviation, strict=True)] == [
        pytest.approx(pair, abs=1e-6) for pair in golden["pair_first_vote"]
    ]
    rows = []
    for step in golden["sequence_K4"]:
        rows.append((step["order_best_first"], [1, 2, 3, 4]))
        votes = timed(rows, 6)
        mean, deviation = beliefs("kwise_bayes", votes)
        assert mean == pytest.approx(step["mu"], abs=1e-5)
        assert deviation == pytest.approx(step["sigma"], abs=1e-5)
        scores = METHODS["kwise_bayes"].function(votes.battles).values
        assert scores == pytest.approx(step["mu-3sigma"], abs=2.5e-5)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_trueskill_itself(seed, ties):
    """Its normal tails are good to 1e-7 and it stops at 1e-4, so 60 votes agree to 1e-3.

    Tied models stand in the order of their present means; the library takes the order given.
    """
    trueskill = pytest.importorskip("trueskill")
    environment = trueskill.TrueSkill(backend=None)
    ratings = [environment.create_rating() for _ in range(8)]
    rows = random_rows(seed, ties=ties)
    for shown, places in rows:
        seats = sorted(range(len(shown)), key=lambda k: (places[k], -ratings[shown[k]].mu, shown[k]))
        ranks = [places[k] for k in seats]
        new = environment.rate([(ratings[shown[k]],) for k in seats], ranks=ranks)
        for k, (rating,) in zip(seats, new, strict=True):
            ratings[shown[k]] = rating
    mean, deviation = beliefs("kwise_bayes", timed(rows, 8))
    assert mean == pytest.approx([r.mu for r in ratings], abs=1e-3)
    assert deviation == pytest.approx([r.sigma for r in ratings], abs=1e-4)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_openskill_itself(seed, ties):
    models = pytest.importorskip("openskill.models")
    model = models.PlackettLuce()
    ratings = [model.rating() for _ in range(8)]
    rows = random_rows(seed, ties=ties)
    for shown, places in rows:
        new = model.rate([[ratings[i]] for i in shown], ranks=[float(place) for place in places])
        for i, (rating,) in zip(shown, new, strict=True):
            ratings[i] = rating
    mean, deviation = beliefs("weng_lin", timed(rows, 8))
    assert mean == pytest.approx([r.mu for r in ratings], abs=1e-9)
    assert deviation == pytest.approx([r.sigma for r in ratings], abs=1e-9)


@pytest.mark.parametrize("t", [-50.0, -29.9, -30.1, -5.0, -0.3, 0.0, 0.7, 6.0, 35.0, 60.0])
@pytest.mark.parametrize("e", [0.05, 0.74, 3.0])
def test_truncated_normals_by_fifty_digits(t, e):
    """v is the shift of the mean, 1 − w the variance that is left."""
    import mpmath

    with mpmath.workdps(50):
        for function, (low, high) in ((beyond, (e, mpmath.inf)), (within, (-e, e))):
            a, b = mpmath.mpf(low) - t, mpmath.mpf(high) - t

            def density(x):
                return mpmath.npdf(x) if mpmath.isfinite(x) else mpmath.mpf(0)

            def moment(x):
                return x * mpmath.npdf(x) if mpmath.isfinite(x) else mpmath.mpf(0)

            ends = (a, b) if a > 0 else (-b, -a)  # on the side where the tail is small
            mass = (mpmath.erfc(ends[0] / mpmath.sqrt(2)) - mpmath.erfc(ends[1] / mpmath.sqrt(2))) / 2
            v = (density(a) - density(b)) / mass
            left = 1 + (moment(a) - moment(b)) / mass - v**2
            found_v, found_w = function(t, e)
            assert found_v == pytest.approx(float(v), rel=2e-3, abs=1e-12)
            assert 1 - found_w == pytest.approx(float(left), rel=2e-2, abs=1e-10)
            assert 0 <= found_w < 1


def test_a_vote_on_two_by_numerical_integration():
    """With one difference the update is exact: mean and variance of the truncated posterior."""
    mu, variance, noise = (27.0, 22.0), (30.0, 50.0), (25 / 6) ** 2
    margin = 0.12566134685507416 * math.sqrt(2) * 25 / 6
    grid = np.linspace(-60, 110, 1701)
    one, two = np.meshgrid(grid, grid, indexing="ij")
    from scipy.special import ndtr

    weight = np.exp(-((one - mu[0]) ** 2) / 2 / variance[0] - (two - mu[1]) ** 2 / 2 / variance[1])
    spread = math.sqrt(2 * noise)
    up, down = ndtr((one - two - margin) / spread), ndtr((one - two + margin) / spread)
    for places, chance in (((1, 2), up), ((1, 1), down - up)):
        belief = weight * chance
        belief /= belief.sum()
        expected = [(belief * x).sum() for x in (one, two)]
        widths = [math.sqrt((belief * (x - m) ** 2).sum()) for x, m in zip((one, two), expected, strict=True)]
        mean, left = list(mu), list(variance)
        from agon.ranking.methods.online.trueskill import _games, _play

        (game,) = _games(Ballots.of(["a", "b"], [[0, 1]], [places]))
        _play(game, mean, left, [0, 1], (noise, 0.0, margin))
        assert mean == pytest.approx(expected, abs=1e-6)
        assert np.sqrt(left) == pytest.approx(widths, abs=1e-6)


@pytest.mark.parametrize("name", BOTH)
def test_best_of_four_is_told_from_four_in_order_and_from_three_tied(name):
    """Unranked models are not compared with each other: they stay alike, whatever their names."""
    found = {
        kind: beliefs(name, timed([([0, 1, 2, 3], places)], 4))
        for kind, places in (("best", [1, 0, 0, 0]), ("order", [1, 2, 3, 4]), ("tied", [1, 2, 2, 2]))
    }
    mean, deviation = found["best"]
    assert mean[0] > 25 > mean[1]
    assert mean[1:] == pytest.approx([mean[1]] * 3, abs=1e-8)
    assert deviation[1:] == pytest.approx([deviation[1]] * 3, abs=1e-8)
    assert found["order"][0][1] > mean[1] > found["order"][0][3]
    if name == "kwise_bayes":
        assert found["tied"][1][2] < deviation[1]  # a tie tells more than nothing


@pytest.mark.parametrize("name", BOTH)
def test_without_times_the_rows_decide_nothing_and_the_names_less_than_the_spread(name):
    """Twenty orders each: means within 5 standard errors of a difference of two such means."""
    rows = random_rows(3, ties=True)
    votes = timed(rows, 8)
    plain = rank(votes.ballots, name, min_votes=0)
    assert [note.code for note in plain.diagnostics] == ["order_spread", "random_order"]
    new = np.random.default_rng(2).permutation(8)
    renamed = timed([([int(new[i]) for i in shown], places) for shown, places in rows], 8)
    other = rank(renamed.ballots, name, min_votes=0)
    spread = METHODS[name].function(votes.battles, permutations=20).spread
    assert rank(timed(rows[::-1], 8).ballots, name, min_votes=0).rows == plain.rows
    for row in plain.rows:
        i = int(row.model[1])
        assert abs(other[f"m{new[i]}"].score - row.score) < 5 * spread[i] * np.sqrt(2 / 20)


@pytest.mark.parametrize("name", BOTH)
def test_times_decide_and_permutations_average(name):
    rows = random_rows(4, ties=False)
    forward, backward = timed(rows, 8), timed(rows[::-1], 8)
    assert np.abs(beliefs(name, forward)[0] - beliefs(name, backward)[0]).max() > 0.01
    one, two = rank(forward, name, min_votes=0), rank(backward, name, min_votes=0)
    assert one.diagnostics == ()
    assert one.fingerprint != two.fingerprint
    many = METHODS[name].function(forward.battles, permutations=20)
    assert many.spread.min() > 0
    assert many.values == pytest.approx(METHODS[name].function(backward.battles, permutations=20).values)


@pytest.mark.parametrize("name", BOTH)
def test_what_cannot_be_used_is_counted(name):
    votes = Comparisons.of(
        ["a", "b"],
        [[0, 1]] * 5,
        [[1, 2], [2, 1], [1, 2], [0, 0], [1, 2]],
        p_a=[np.nan, np.nan, 0.7, np.nan, np.nan],
        weight=[1, 1, 1, 1, 2.5],
        timestamp=range(5),
    )
    notes = METHODS[name].function(votes.battles).notes
    assert [note.code for note in notes] == ["left_out_votes", "left_out_votes", "weights_ignored"]
    assert notes[0].message.startswith("1 vote is a probability")
    assert notes[1].message.startswith("1 vote orders no two models")


@pytest.mark.parametrize("name", BOTH)
def test_the_interval_is_the_beliefs(name):
    votes = timed(random_rows(5, n=200, ties=True), 8)
    board = rank(votes, name)
    mean, deviation = beliefs(name, votes)
    assert board.settings["interval"] == "posterior"
    for i in range(8):
        row = board[f"m{i}"]
        assert row.score == pytest.approx(mean[i] - 3 * deviation[i])
        assert row.upper - row.score == pytest.approx(1.959963984540054 * deviation[i])
    drawn = rank(votes, name, interval="bootstrap", n_resamples=10)
    assert all(row.lower <= row.upper for row in drawn.rows)


@pytest.mark.parametrize("name", ["kwise_bayes", "weng_lin"])
@pytest.mark.parametrize("options", [{}, {"interval": "bootstrap", "n_resamples": 20}])
def test_chances_and_differences_are_those_of_the_means(name, options):
    """Issue 12.5: b, with few votes, has the higher mean and the lower score."""
    wins = np.array([[0, 5, 330, 350], [27, 0, 0, 0], [170, 0, 0, 300], [150, 0, 200, 0]])
    votes = Comparisons.from_counts("abcd", wins)
    careful, plain = (
        rank(votes, name, score=score, permutations=3, **options) for score in ("conservative", "mean")
    )
    assert careful["b"].score < plain["b"].score
    for model in "abcd":
        assert careful[model].p_first == plain[model].p_first
        assert careful[model].rank_lower <= careful[model].rank <= careful[model].rank_upper
    one, two = (board.difference("b", "a") for board in (careful, plain))
    assert one == two
    assert one.difference == pytest.approx(plain["b"].score - plain["a"].score)
    width = [board["b"].upper - board["b"].lower for board in (careful, plain)]
    assert width[0] == pytest.approx(width[1])
