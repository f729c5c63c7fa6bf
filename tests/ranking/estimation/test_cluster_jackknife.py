"""Student's t of clusters of any sizes: exact where theory knows it, else against draws."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import t

from agon.ranking import Comparisons, rank
from agon.ranking.estimation import cluster_jackknife
from agon.ranking.estimation.cluster_jackknife import jackknife_clusters, student_df


def zipf(number, power):
    share = np.arange(1, number + 1.0) ** -power
    return share / share.sum()


@pytest.mark.parametrize("number", [2, 3, 5, 10, 40])
def test_equal_clusters_are_students_own_case(number):
    """The jackknife of C equal normal clusters is the mean's variance: C - 1 degrees of freedom."""
    assert student_df(np.full(number, 7.0)) == pytest.approx(number - 1, rel=0.005)


@pytest.mark.parametrize("shares", [[3, 1], [100, 1]])
def test_any_two_clusters_have_one(shares):
    """The estimate is a sum and its error a difference of two normals: Cauchy, if their sizes are alike."""
    assert student_df(np.array(shares, dtype=float)) == pytest.approx(1, abs=0.01)


def draw_ratios(share):
    """(100000,) |t| of the jackknife of Bell and McCaffrey (2002) by formula, clusters of one mind each."""
    number, rng, ratio = len(share), np.random.default_rng(len(share)), []
    for _ in range(20):
        score = rng.standard_normal((5000, number)) * share
        estimate = score.sum(axis=1, keepdims=True)
        moved = (score - share * estimate) / (1 - share)
        error = np.sqrt(
            (number - 1) / number * ((moved - moved.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
        )
        ratio.append(np.abs(estimate[:, 0]) / error)
    return np.concatenate(ratio)


@pytest.mark.parametrize(
    ("number", "power"),
    [(3, 1.0), (3, 1.5), (5, 1.5), (10, 1.0), (40, 1.5), (100, 1.2), (600, 1.0), (600, 1.5)],
)
def test_the_quantile_is_that_of_draws(number, power):
    share = zipf(number, power)
    found = t.sf(np.quantile(draw_ratios(share), 0.95), student_df(share)) * 2
    assert found == pytest.approx(0.05, abs=0.003)  # four standard errors of the draws


@pytest.mark.parametrize(("share", "others"), [(0.99, 10), (0.99, 100), (0.9, 50), (0.5, 50), (0.2, 1000)])
def test_no_level_is_exceeded_too_often_where_one_voter_has_most_votes(share, others):
    """Its t is seldom large and then very large: degrees of freedom that fit 95% alone were up to 10^6."""
    shares = np.append(share, np.full(others, (1 - share) / others))
    ratio, df = draw_ratios(shares), student_df(shares)
    assert 1 <= df <= others
    for left_out in (0.05, 0.0125, 0.001):
        error = np.sqrt(left_out / len(ratio))
        assert (ratio > t.isf(left_out / 2, df)).mean() < left_out + 4 * error


def test_neither_unit_nor_order_nor_clusters_that_say_nothing_count():
    share = zipf(7, 1.2)
    assert student_df(np.append(1e6 * share[::-1], 0.0)) == pytest.approx(student_df(share), rel=1e-9)


def test_one_voter_of_most_votes_and_a_few_others():
    """Of three voters by Zipf 1.5 one less than the 2.1 that they are worth asks for 11.2 errors, not 5.4."""
    rng = np.random.default_rng(0)
    voter = np.repeat([0, 1, 2], [780, 280, 140])
    shown = np.array([rng.permutation(4)[:2] for _ in voter])
    places = np.where(rng.random(len(voter))[:, None] < 0.5, [1, 2], [2, 1])
    votes = Comparisons.of("abcd", shown, places, labels={"voter": voter.tolist()})
    for options in ({}, {"reweight": "equal_pairs"}):
        board = rank(votes, cluster="voter", **options)
        assert board.uncertainty.clustering.effective == pytest.approx(2.05, abs=0.15)
        assert board.uncertainty.df == pytest.approx(1.62, abs=0.05)


@pytest.mark.parametrize(("three", "models"), [(False, 9), (True, 9), (False, 60)])
def test_clusters_of_any_size_are_solved_as_one_by_one(three, models, monkeypatch):
    """Of votes on pairs, few and many of a cluster, and of rows that are none: the definition, dense."""
    monkeypatch.setattr(cluster_jackknife, "_BLOCK", 25 * models)
    rng = np.random.default_rng(4)
    size = 60 if models == 9 else 300
    length = np.append(rng.integers(1, 6, size - 3), [0, 45, 70])
    cluster = np.repeat(np.arange(size), length)
    rows = np.zeros((len(cluster), models))
    for row in rows:
        a, b, c = rng.choice(models, 3, replace=False)
        row[a], row[b] = rng.normal(size=2) if three else (0.4, -0.4)
        row[c] = 0.1 if three else 0.0
    scores = np.array([rows[cluster == c].T @ rng.normal(size=length[c]) for c in range(size)])
    inverse = np.linalg.pinv(rows.T @ rows)
    found = jackknife_clusters(csr_array(scores), csr_array(rows), cluster, inverse, inverse)
    each = []
    for c in range(size):
        own = rows[cluster == c]
        each.append(np.linalg.solve(np.eye(models) - own.T @ own @ inverse, scores[c]))
    r, told = np.array(each), int((length > 0).sum())
    expected = (told - 1) / told * (r.T @ r - np.outer(r.sum(axis=0), r.sum(axis=0)) / told)
    assert found.meat == pytest.approx(expected, rel=1e-7, abs=1e-9)
