"""The cyclic share: golden values, exact cases, calibration."""

import json

import numpy as np
import pytest

from agon.ranking import Comparisons, OptionError, PairCounts, VotesError, bradley_terry_world, intransitivity
from agon.ranking.analysis.hodge_rank import decompose

ROCK_PAPER_SCISSORS = PairCounts.of("abc", [[0, 70, 30], [30, 0, 70], [70, 30, 0]])


@pytest.fixture(scope="module")
def golden(datasets):
    return json.loads((datasets.parent / "golden" / "gpm.json").read_text())


def test_the_golden_share(golden):
    logits = np.array(golden["schur"]["logit_matrix"])
    strengths, cyclic = decompose(logits)
    assert strengths == pytest.approx(golden["hodge"]["row_mean_scores"], abs=6e-7)
    share = (cyclic**2).sum() / (logits**2).sum()
    assert share == pytest.approx(golden["hodge"]["cyclic_share"], abs=6e-7)


def test_differences_of_strengths_go_in_no_circle():
    theta = np.array([0.4, -1.0, 0.1, 0.9, 2.0])
    assert decompose(theta[:, None] - theta[None, :])[1] == pytest.approx(np.zeros((5, 5)), abs=1e-12)


def test_weights_are_those_of_least_squares():
    """Against numpy's solver on the same equations, one row a pair; pairs without weight do not count."""
    rng = np.random.default_rng(5)
    half = np.triu(rng.normal(size=(6, 6)), 1)
    logits, weight = half - half.T, np.triu(rng.uniform(0.1, 3, (6, 6)), 1)
    weight[0, 5] = weight[1, 2] = 0
    weight = weight + weight.T
    one, two = np.triu_indices(6, 1)
    rows = np.zeros((len(one), 6))
    rows[np.arange(len(one)), one], rows[np.arange(len(one)), two] = 1, -1
    root = np.sqrt(weight[one, two])
    expected = np.linalg.lstsq(rows * root[:, None], logits[one, two] * root, rcond=None)[0]
    strengths, cyclic = decompose(logits, weight)
    assert strengths == pytest.approx(expected - expected.mean(), abs=1e-12)
    assert (weight * cyclic).sum(axis=1) == pytest.approx(np.zeros(6), abs=1e-12)


def test_a_pure_circle_is_all_cyclic():
    found = intransitivity(ROCK_PAPER_SCISSORS)
    assert found.share == pytest.approx(1.0)
    assert found.p_value == pytest.approx(1 / 201)
    assert "strengths alone do not explain these votes" in found.conclusion()


@pytest.mark.slow
def test_without_cycles_the_p_value_is_calibrated():
    """80 Bradley-Terry worlds with ties: small p-values as rare as they say, 5% of 80 is 4."""
    p = [
        intransitivity(bradley_terry_world(8, 600, seed=s, ties=0.2).comparisons(), n_resamples=40).p_value
        for s in range(80)
    ]
    assert np.mean(np.array(p) <= 0.05) <= 0.1
    assert 0.35 <= np.median(p) <= 0.65
    votes = bradley_terry_world(12, 5000, seed=1).comparisons()
    assert "no more than chance" in intransitivity(votes).conclusion()
    assert intransitivity(votes) == intransitivity(votes)


def test_ties_do_not_look_like_cycles():
    """Strengths far apart and 30% of ties whoever meets: half wins would bend the log-odds, p below 0.05."""
    p = [
        intransitivity(
            bradley_terry_world(20, 8000, seed=s, spread=1.5, ties=0.3).comparisons(), n_resamples=40
        ).p_value
        for s in range(12)
    ]
    assert np.mean(np.array(p) <= 0.05) <= 0.2
    assert np.median(p) > 0.15


def test_refusals():
    with pytest.raises(VotesError, match="nothing can go in a circle"):
        intransitivity(Comparisons.from_counts(["a", "b"], [[0, 3], [2, 0]]))
    with pytest.raises(OptionError, match="n_resamples must be at least 20"):
        intransitivity(ROCK_PAPER_SCISSORS, n_resamples=3)
    with pytest.raises(VotesError, match="change their sign"):
        decompose([[0.0, 1.0], [1.0, 0.0]])
    with pytest.raises(VotesError, match="square table of finite numbers"):
        decompose([[0.0, np.nan], [0.0, 0.0]])
