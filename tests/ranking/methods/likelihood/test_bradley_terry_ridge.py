"""The compatibility mode of published arena boards against scikit-learn and 50-digit arithmetic."""

import math

import mpmath
import numpy as np
import pytest

from agon.ranking import METHODS, Comparisons, PairCounts, rank
from agon.ranking.errors import OptionError
from tests.support import fifty_digits, reference


def fit(wins, ties=None, **options):
    names = [f"m{i:04d}" for i in range(len(wins))]
    return METHODS["bradley_terry_ridge"].function(PairCounts.of(names, wins, ties), **options)


@pytest.mark.parametrize("block", range(4))
def test_eighty_problems_agree_with_fifty_digits_to_1e_8(block):
    """Any votes: with a ridge there is always a maximum."""
    for seed in range(20 * block, 20 * block + 20):
        rng = np.random.default_rng([seed, 11])
        m = int(rng.integers(2, 5))
        wins = reference.half_wins(m, reference.hard_votes(rng, m, int(rng.integers(1, 12 * m))))

        def value(theta, wins=wins, m=m):
            loss = mpmath.fsum(
                2 * wins[i, j] * mpmath.log(1 + mpmath.exp(theta[j] - theta[i]))
                for i in range(m)
                for j in range(m)
            )
            return -loss - mpmath.fsum(t**2 for t in theta) / mpmath.log(10) ** 2 / 2

        assert fifty_digits.distance(value, fit(wins).values) < 1e-8


def test_scikit_learn_on_doubled_votes():
    """As published notebooks do it: a tie is a win in one copy and a loss in the other."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(5)
    votes = reference.hard_votes(rng, 4, 60)
    columns, outcome = [], []
    for i, j, share in votes:
        row = np.zeros(4)
        row[i], row[j] = math.log(10), -math.log(10)
        columns += [row, row]
        outcome += [share > 0, share == 1]
    regression = linear_model.LogisticRegression(
        fit_intercept=False, solver="newton-cholesky", tol=1e-13
    ).fit(np.array(columns), np.array(outcome))
    board = rank(
        reference.comparisons(list("abcd"), votes), "bradley_terry_ridge", interval="none", min_votes=0
    )
    expected = 400 * regression.coef_[0] + 1000
    assert [board[name].score for name in "abcd"] == pytest.approx(expected, abs=1e-6)


def test_a_weaker_ridge_tends_to_bradley_terry():
    wins = [[0, 40, 30], [25, 0, 35], [20, 28, 0]]
    exact = METHODS["bradley_terry"].function(PairCounts.of(list("abc"), wins)).values
    gaps = [np.abs(fit(wins, c=c).values - exact).max() for c in (1.0, 100.0, 1e8)]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-8


def test_the_score_of_the_undefeated_is_open():
    """Published boards close it; the score is the ridge's alone, the rank that of the wins."""
    wins = np.zeros((4, 4))
    wins[:3, :3] = [[0, 40, 30], [25, 0, 35], [20, 28, 0]]
    wins[3, :3] = 20
    board = rank(Comparisons.from_counts(list("abcd"), wins), "bradley_terry_ridge")
    assert board["d"].rank == 1
    assert board["d"].score > board["a"].score
    assert board["d"].upper is None
    assert {"by_the_ridge"} <= {note.code for note in board.diagnostics}


def test_the_sandwich_is_the_jackknife():
    rng = np.random.default_rng(3)
    votes = reference.hard_votes(rng, 3, 80)

    expected = reference.jackknife(
        lambda weights: fit(reference.half_wins(3, votes, weights)).values, np.ones(len(votes))
    )
    board = rank(reference.comparisons(list("abc"), votes), "bradley_terry_ridge", scale="natural")
    assert np.allclose(board.covariance, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(
    "wrong", [{"c": 0.0}, {"c": math.nan}, {"copies": -1.0}, {"base": 1.0}, {"base": math.inf}]
)
def test_bad_options(wrong):
    (name,) = wrong
    with pytest.raises(OptionError, match=f"bradley_terry_ridge: {name} must be a finite number above"):
        fit([[0, 1], [1, 0]], **wrong)


def test_the_published_boards_of_an_embedding_arena(datasets):
    """MTEB arena, retrieval: 15 snapshots, named votes left out; 0.6 points and the same order in each.

    Their solver stops early (tol = 1e-4 of scikit-learn), which is the half point.
    """
    import duckdb
    from scipy.stats import kendalltau

    votes = (
        duckdb.connect()
        .execute(
            "SELECT snapshot, model_a, model_b, winner FROM read_parquet(?) WHERE anony",
            [str(datasets / "mteb_arena_retrieval_votes_by_snapshot.parquet")],
        )
        .fetchall()
    )
    published = (
        duckdb.connect()
        .execute(
            "SELECT snapshot, model, elo_anony FROM read_csv(?) WHERE elo_anony IS NOT NULL",
            [str(datasets / "mteb_arena_retrieval_published.csv")],
        )
        .fetchall()
    )
    places = {"model_a": (1, 2), "model_b": (2, 1)}
    snapshots = sorted({snapshot for snapshot, *_ in votes})
    assert len(snapshots) == 15
    for snapshot in snapshots:
        rows = [row for row in votes if row[0] == snapshot]
        models = sorted({name for row in rows for name in row[1:3]})
        comparisons = Comparisons.of(
            models,
            [[models.index(a), models.index(b)] for _, a, b, _ in rows],
            [places.get(winner, (1, 1)) for *_, winner in rows],
        )
        board = rank(comparisons, "bradley_terry_ridge", interval="none", min_votes=0)
        theirs = {model: score for when, model, score in published if when == snapshot}
        ours = [board[model].score for model in theirs]
        assert len(theirs) >= 14
        assert ours == pytest.approx(list(theirs.values()), abs=0.6)
        assert kendalltau(ours, list(theirs.values())).statistic == pytest.approx(1.0)
