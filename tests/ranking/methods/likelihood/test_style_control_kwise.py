"""Style control over votes on two and more models: all pairs of a vote, which intervals keep together."""

from itertools import combinations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm, t

from agon.ranking import Comparisons, SourceError, VotesError, rank
from tests.support import reference

NAMES = [f"m{i}" for i in range(5)]
SIZES = ("length", "bold")


class World:
    """Votes on two to four models: places with ties and unranked ones, drawn by Gumbel noise and length."""

    def __init__(self, n=900, seed=0, pairs=0.4):
        rng = np.random.default_rng(seed)
        self.shown, self.places = np.full((n, 4), -1), np.zeros((n, 4), dtype=int)
        self.length, self.bold = np.full((n, 4), np.nan), np.full((n, 4), np.nan)
        self.voter = rng.integers(0, 30, n)
        for row in range(n):
            k = 2 if rng.random() < pairs else int(rng.integers(3, 5))
            models = rng.permutation(5)[:k]
            length = rng.lognormal(5, 0.5, k).round()
            worth = 0.5 * models + 0.8 * np.log(length) + rng.gumbel(size=k)
            order = np.argsort(np.argsort(-worth))
            places = np.unique(
                np.where(rng.random(k) < 0.2, np.maximum(order - 1, 0), order), return_inverse=True
            )[1]
            places = places + 1
            if k > 2 and rng.random() < 0.3:  # only the best is ranked
                places = np.where(places == 1, 1, 0)
            self.shown[row, :k], self.places[row, :k] = models, places
            self.length[row, :k], self.bold[row, :k] = length, rng.poisson(2, k)

    def votes(self, rows=slice(None), seats=None, **more):
        columns = [self.shown, self.places, self.length, self.bold]
        if seats is not None:
            columns = [np.take_along_axis(column, seats, axis=1) for column in columns]
        shown, places, length, bold = (column[rows] for column in columns)
        given = {
            "features": {"length": length, "bold": bold},
            "labels": {"voter": self.voter[rows]},
            **more,
        }
        return Comparisons.of(NAMES, shown, places, **given)


def pairs_of(world):
    """Every pair that a vote orders, by a loop: (first, second, share won, features, vote)."""
    rows = []
    for vote, (shown, places, *sizes) in enumerate(
        zip(world.shown, world.places, world.length, world.bold, strict=True)
    ):
        for i, j in combinations(range(int((shown >= 0).sum())), 2):
            a, b = (places[k] or 99 for k in (i, j))
            if a == b == 99:
                continue
            x = [(s[i] - s[j]) / (s[i] + s[j]) if s[i] + s[j] else 0.0 for s in sizes]
            rows.append((shown[i], shown[j], 1.0 if a < b else 0.0 if a > b else 0.5, *x, vote))
    return [np.array(column) for column in zip(*rows, strict=True)]


def independent(world, unit=None):
    """Logistic regression over the pairs, the scores of which are summed by vote, or by unit."""
    first, second, y, length, bold, vote = pairs_of(world)
    x = np.zeros((len(y), 7))
    x[np.arange(len(y)), first] = 1
    x[np.arange(len(y)), second] -= 1
    x[:, 5], x[:, 6] = (f / np.sqrt((f**2).mean()) for f in (length, bold))
    x = np.delete(x, 4, axis=1)
    beta = np.zeros(6)
    for _ in range(30):
        p = expit(x @ beta)
        bend = (x * (p * (1 - p))[:, None]).T @ x
        beta = beta + np.linalg.solve(bend, x.T @ (y - p))
    scores = x * (y - expit(x @ beta))[:, None]
    group = vote if unit is None else unit[vote]
    summed = np.stack([scores[group == g].sum(axis=0) for g in np.unique(group)])
    if unit is None:
        return beta, np.linalg.inv(bend) @ summed.T @ summed @ np.linalg.inv(bend), np.inf
    root = x * np.sqrt(expit(x @ beta) * (1 - expit(x @ beta)))[:, None]
    told = [root[group == g].T @ root[group == g] for g in np.unique(group)]
    contrasts = np.hstack([np.vstack([np.eye(4), np.zeros(4)]) - 1 / 5, np.zeros((5, 2))])
    return beta, *reference.delete_one_cluster(summed, told, 0.0, contrasts)


@pytest.mark.parametrize("cluster", [None, "voter"])
def test_scores_effects_and_intervals_are_those_of_an_independent_fit(cluster):
    world = World()
    beta, covariance, effective = independent(world, None if cluster is None else world.voter)
    board = rank(world.votes(), control=SIZES, scale="natural", anchor="m4", cluster=cluster)
    found = [board[name].score for name in NAMES[:4]] + [c.value for c in board.coefficients]
    assert np.allclose(found, beta, rtol=0, atol=1e-9)
    assert np.allclose(board.covariance[:4, :4], covariance[:4, :4], rtol=1e-7, atol=1e-10)
    z = norm.ppf(0.975) if cluster is None else t.ppf(0.975, board.uncertainty.df)
    if cluster is not None:
        assert board.uncertainty.clustering.effective == pytest.approx(effective, rel=1e-6)
    for c, error in zip(board.coefficients, np.sqrt(np.diag(covariance))[4:], strict=True):
        assert (c.lower, c.upper) == pytest.approx((c.value - z * error, c.value + z * error), rel=1e-6)
    assert not any(d.code == "left_out_votes" for d in board.diagnostics)


def test_without_effects_the_board_is_that_of_bradley_terry():
    """A penalty that allows no effect leaves Bradley-Terry on the same ballots, its intervals included."""
    world = World(500)
    for settings in ({}, {"cluster": "voter"}, {"both_bad": "drop"}):
        one = rank(world.votes(), control="length", penalty=1e15, **settings)
        two = rank(world.votes(), **settings)
        for row in two.rows:
            assert one[row.model].score == pytest.approx(row.score, abs=1e-6)
            assert one[row.model].lower == pytest.approx(row.lower, abs=1e-5)
            assert one[row.model].rank_upper == row.rank_upper


def test_the_order_of_rows_and_seats_changes_no_bit():
    world, rng = World(300), np.random.default_rng(5)
    one = rank(world.votes(), control=SIZES, cluster="voter")
    moved = rng.permuted(np.tile(np.arange(4), (300, 1)), axis=1)
    for two in (
        rank(world.votes(rng.permutation(300)), control=SIZES, cluster="voter"),
        rank(world.votes(seats=moved), control=SIZES, cluster="voter"),
    ):
        assert (one.rows, one.coefficients, one.fingerprint) == (two.rows, two.coefficients, two.fingerprint)


def test_the_bootstrap_draws_whole_votes():
    world = World(700)
    one = rank(world.votes(), control="length")
    two = rank(world.votes(), control="length", interval="bootstrap", n_resamples=300)
    for row in one.rows:
        other = two[row.model]
        assert other.upper - other.lower == pytest.approx(row.upper - row.lower, rel=0.25)
    drawn = world.votes().controlled("length").contexts.resample(np.random.default_rng(0))
    assert drawn.ballots.total == 700
    for vote in range(0, 700, 50):
        assert len(set(drawn.count[drawn.vote == vote])) == 1, "the pairs of a vote are drawn together"


def left_out(board):
    return [d.message for d in board.diagnostics if d.code == "left_out_votes"]


def test_what_is_said_of_one_of_two_leaves_larger_votes_out_and_counts_them():
    world = World(400)
    wide = (world.shown >= 0).sum(axis=1) > 2
    home = np.ones(400)
    for control in ("home", "home,length"):
        names = control.split(",")
        given = {"home": home, "length": world.length}
        board = rank(world.votes(features={name: given[name] for name in names}), control=control)
        alone = {"home": home[~wide], "length": np.nan_to_num(world.length[~wide, :2])}
        pairs = Comparisons.of(
            NAMES, world.shown[~wide, :2], world.places[~wide, :2], features={n: alone[n] for n in names}
        )
        other = rank(pairs, control=control)
        for row in other.rows:
            assert board[row.model].score == pytest.approx(row.score, abs=1e-9)
            assert board[row.model].lower == pytest.approx(row.lower, abs=1e-7)
        told = ", ".join(map(repr, names))
        assert left_out(board) == [
            f"{wide.sum():,} votes were left out for showing more than two models, where {told} is given of "
            "two answers."
        ]


def test_where_nothing_can_be_used_there_is_no_board():
    votes = Comparisons.of(list("abc"), [[0, 1, 2]] * 3, [[1, 2, 3]] * 3, features={"home": [1.0, 1.0, -1.0]})
    with pytest.raises(SourceError, match="All votes would be left out, 3 for showing more than two models"):
        rank(votes, control="home")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([[1.0, 2.0]], "one for each model shown"),
        ([[1.0, 2.0, np.nan]], "vote 1 is no finite number"),
        ([[1.0, -2.0, 3.0]], "vote 1 is below 0"),
    ],
)
def test_amounts_that_are_none(values, words):
    with pytest.raises(VotesError, match=words):
        Comparisons.of(list("abc"), [[0, 1, 2]], [[1, 2, 3]], features={"length": values})


def test_equal_pairs_leave_larger_votes_out_and_count_them():
    world = World(400)
    wide = (world.shown >= 0).sum(axis=1) > 2
    labels = {"voter": world.voter[~wide]}
    features = {"length": np.nan_to_num(world.length[~wide, :2])}
    pairs = Comparisons.of(
        NAMES, world.shown[~wide, :2], world.places[~wide, :2], labels=labels, features=features
    )
    for options in ({}, {"cluster": "voter"}, {"method": "elo"}, {"control": "length", "cluster": "voter"}):
        board, other = (rank(v, reweight="equal_pairs", **options) for v in (world.votes(), pairs))
        for row in other.rows:
            mine = board[row.model]
            assert (mine.rank, mine.votes) == (row.rank, row.votes)
            assert (mine.score, mine.lower) == pytest.approx((row.score, row.lower), abs=1e-7)
        (message,) = left_out(board)
        assert message.startswith(f"{wide.sum():,} votes on more than two models left out, whose pairs")


def test_larger_votes_are_weighed_by_the_probability_of_their_models():
    """One over it, 1 for models drawn at random: by hand, with the floor."""
    world = World(200)
    size = (world.shown >= 0).sum(axis=1)
    even = np.array([0, 0, 10, 10, 5])[size]  # ways to draw so many of five
    chance = np.random.default_rng(0).uniform(0.02, 0.5, 200)
    board = rank(world.votes(pair_probability=chance), reweight="propensity", floor=0.5)
    by_hand = rank(world.votes(weight=1 / even / np.maximum(chance, 0.5 / even)))
    for row in by_hand.rows:
        assert (board[row.model].score, board[row.model].upper) == pytest.approx(
            (row.score, row.upper), abs=1e-8
        )
    assert board.settings["effective_votes"] == pytest.approx(by_hand.settings["effective_votes"])
