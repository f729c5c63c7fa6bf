"""Student's t of clusters of any sizes: exact where theory knows it, else against draws."""

import numpy as np
import pytest
from scipy.stats import t

from agon.ranking import Comparisons, rank
from agon.ranking.estimation.cluster_jackknife import student_df


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


@pytest.mark.parametrize(
    ("number", "power"),
    [(3, 1.0), (3, 1.5), (5, 1.5), (10, 1.0), (40, 1.5), (100, 1.2), (600, 1.0), (600, 1.5)],
)
def test_the_quantile_is_that_of_draws(number, power):
    """The jackknife of Bell and McCaffrey (2002) by its formula, 100,000 times, clusters of one mind each."""
    share, rng, ratio = zipf(number, power), np.random.default_rng(number), []
    for _ in range(20):
        score = rng.standard_normal((5000, number)) * share
        estimate = score.sum(axis=1, keepdims=True)
        moved = (score - share * estimate) / (1 - share)
        error = np.sqrt(
            (number - 1) / number * ((moved - moved.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
        )
        ratio.append(np.abs(estimate[:, 0]) / error)
    found = t.sf(np.quantile(np.concatenate(ratio), 0.95), student_df(share)) * 2
    assert found == pytest.approx(0.05, abs=0.003)  # four standard errors of the draws


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
