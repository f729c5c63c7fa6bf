"""Graded votes against their likelihood written out, Rao-Kupper without grades, and what keeps a grade."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from agon.ranking import METHODS, Comparisons, OptionError, VotesError, rank
from agon.ranking.simulate import bradley_terry_world

NAMES = list("abcd")
NONE = math.nan


def drawn(n, seed, missing=0.3):
    """Models shown, places and grades of n votes: felt differences cut at 0.5 and 1.6 log-odds."""
    rng = np.random.default_rng(seed)
    strength = np.array([0.9, 0.3, -0.2, -1.0])
    shown = np.array([rng.permutation(4)[:2] for _ in range(n)])
    felt = strength[shown[:, 0]] - strength[shown[:, 1]] + rng.logistic(size=n)
    size = (np.abs(felt) > 0.5).astype(float) + (np.abs(felt) > 1.6)
    places = np.where((felt > 0)[:, None], [1, 2], [2, 1])
    places[size == 0] = 1
    size[(size > 0) & (rng.random(n) < missing)] = NONE
    return shown, places, size


def log_likelihood(x, shown, places, grade):
    """Vote by vote, from the chances of "better by g or more" (Agresti 1992)."""
    theta, (one, two) = np.append(x[:3], -x[:3].sum()), x[3:]

    def more(gap, threshold):
        return 1 / (1 + math.exp(threshold - gap))

    value = 0.0
    for (i, j), (p, q), g in zip(shown, places, grade, strict=True):
        gap = theta[i] - theta[j] if p <= q else theta[j] - theta[i]
        if p == q:
            chance = 1 - more(gap, one) - more(-gap, one)
        elif math.isnan(g):
            chance = more(gap, one)
        else:
            chance = more(gap, two) if g == 2 else more(gap, one) - more(gap, two)
        value += math.log(chance)
    return value


def test_the_maximum_is_that_of_the_likelihood_written_out():
    """A third of the votes do not say how much better."""
    votes = drawn(300, 1)
    fit = METHODS["graded_bradley_terry"].function(Comparisons.of(NAMES, *votes[:2], grade=votes[2]).ballots)
    found = minimize(
        lambda x: -log_likelihood(x, *votes), [0, 0, 0, 0.5, 1.5], method="BFGS", options={"gtol": 1e-6}
    )
    assert fit.values == pytest.approx([*found.x[:3], -found.x[:3].sum()], abs=1e-5)
    assert list(fit.parameters.values()) == pytest.approx(found.x[3:], abs=1e-5)


def test_the_sandwich_is_that_of_numeric_derivatives():
    """White (1982), by central differences of the likelihood written out."""
    votes = drawn(120, 2)
    comparisons = Comparisons.of(NAMES, *votes[:2], grade=votes[2])
    fit = METHODS["graded_bradley_terry"].function(comparisons.ballots)
    x, step, eye = np.append(fit.values[:3], list(fit.parameters.values())), 1e-4, np.eye(5)

    def slope(at, some):
        return np.array(
            [
                (log_likelihood(at + step * e, *some) - log_likelihood(at - step * e, *some)) / (2 * step)
                for e in eye
            ]
        )

    hessian = -np.array([(slope(x + step * e, votes) - slope(x - step * e, votes)) / (2 * step) for e in eye])
    scores = np.array([slope(x, [column[[i]] for column in votes]) for i in range(120)])
    covariance = np.linalg.inv(hessian) @ scores.T @ scores @ np.linalg.inv(hessian)
    board = rank(comparisons, "graded_bradley_terry", scale="natural", min_votes=0)
    assert board.covariance[:3, :3] == pytest.approx(covariance[:3, :3], rel=1e-4, abs=1e-6)


def world(grade=None, voters=40):
    made = bradley_terry_world(6, 600, ties=0.15, both_bad=0.05, seed=3, voters=voters)
    return made.outcome, Comparisons.of(
        made.models,
        np.stack([made.first, made.second], axis=1),
        np.array([[1, 2], [2, 1], [1, 1], [1, 1]])[made.outcome],
        acceptable=np.array([[-1, -1], [-1, -1], [1, 1], [0, 0]])[made.outcome],
        labels={"voter": made.voter.tolist()},
        grade=grade,
    )


@pytest.mark.parametrize(
    ("more", "within"),
    [
        ({"cluster": None}, 1e-6),
        ({"both_bad": "drop", "cluster": None}, 1e-6),
        ({"cluster": "voter"}, 0.5),
    ],
)
def test_without_grades_it_is_rao_kupper(more, within):
    """Clustered, the information of a vote is the observed one here and the expected one there."""
    votes = world()[1]
    one, two = (rank(votes, name, **more) for name in ("rao_kupper", "graded_bradley_terry"))
    for row in one.rows:
        other = two[row.model]
        assert other.score == pytest.approx(row.score, abs=1e-6)
        assert (other.lower, other.upper) == pytest.approx((row.lower, row.upper), abs=within)
    assert "no_grades" in {note.code for note in two.diagnostics}


def test_only_the_order_of_the_grades_counts():
    outcome, _ = world()
    level = np.where(outcome < 2, np.random.default_rng(0).integers(1, 4, 600), 0)
    one, two = (world(scale[level])[1] for scale in (np.array([0, 1.0, 2, 3]), np.array([0, 0.5, 7, 100])))
    first, second = (rank(votes, "graded_bradley_terry") for votes in (one, two))
    assert first.rows == second.rows
    assert first.fingerprint != second.fingerprint


def test_a_grade_goes_wherever_its_vote_goes():
    """Weights, resampling, some models only, other votes added, a split: and other methods do not ask."""
    outcome, plain = world()
    grade = np.where(outcome < 2, 1.0 + np.random.default_rng(0).integers(0, 2, 600), 0.0)
    votes = world(grade)[1]
    assert rank(votes, "bradley_terry").rows == rank(plain, "bradley_terry").rows

    def tally(ballots):
        return {level: int(ballots.count[ballots.grade == level].sum()) for level in (1.0, 2.0)}

    expected = {level: int((grade == level).sum()) for level in (1.0, 2.0)}
    assert tally(votes.ballots) == expected
    assert tally(votes.reweighted("equal_pairs").ballots) == expected
    double = tally((votes + votes).ballots)
    assert double == {level: 2 * number for level, number in expected.items()}
    assert tally((votes + plain).ballots) == expected
    parts = [tally(part.ballots) for _, part in votes.split("voter") if part.ballots.grade is not None]
    assert {level: sum(part[level] for part in parts) for level in expected} == expected
    keep = np.array([True] * 5 + [False])
    kept = votes.among(keep).ballots
    inside = (votes.ballots.shown < 5).all(axis=1)
    assert tally(kept) == {
        level: int(votes.ballots.count[inside & (votes.ballots.grade == level)].sum()) for level in expected
    }
    board = rank(votes, "graded_bradley_terry", interval="bootstrap", n_resamples=50)
    spread = board.uncertainty.samples.std(axis=0)
    error = np.sqrt(np.diag(rank(votes, "graded_bradley_terry").covariance))
    assert spread == pytest.approx(error, rel=0.35)


def test_a_newcomer_whose_grade_nobody_else_got_is_placed():
    """It won every vote, by a grade that has no threshold among the others: better, by any grade."""
    shown, places, grade = drawn(200, 3, missing=0.0)
    shown = np.concatenate([shown, [[4, 0]] * 40])
    votes = Comparisons.of([*NAMES, "new"], shown, [*places, *[[1, 2]] * 40], grade=[*grade, *[3.0] * 40])
    board = rank(votes, "graded_bradley_terry")
    assert board.rows[0].model == "new"
    assert board.rows[0].rank == 1
    assert "undefeated" in {note.code for note in board.diagnostics}
    alone = rank(Comparisons.of(NAMES, *drawn(200, 3, missing=0.0)[:2], grade=grade), "graded_bradley_terry")
    gaps = [alone["a"].score - alone[name].score for name in NAMES]
    assert [board["a"].score - board[name].score for name in NAMES] == pytest.approx(gaps, abs=1e-6)


def test_too_many_grades_are_refused():
    shown, places, _ = drawn(100, 1)
    grade = np.where(places[:, 0] != places[:, 1], 1.0 + np.arange(100) / 10, 0.0)
    with pytest.raises(OptionError, match="different grades"):
        rank(Comparisons.of(NAMES, shown, places, grade=grade), "graded_bradley_terry")


@pytest.mark.parametrize(
    ("places", "grade", "wrong", "more"),
    [
        ([[1, 2]], [-1.0], "-1.0", {}),
        ([[1, 2]], [math.inf], "inf", {}),
        ([[1, 1]], [2.0], "A tie has the grade 2.0", {}),
        ([[1, 2]], [0.0], "has the grade 0", {}),
        ([[1, 2]], [1.0, 1.0], r"shape \(2,\)", {}),
        ([[0, 0]], [1.0], "both p_a and a grade", {"p_a": [0.7]}),
    ],
)
def test_a_grade_that_does_not_go_with_its_vote_is_refused(places, grade, wrong, more):
    with pytest.raises(VotesError, match=wrong):
        Comparisons.of(["a", "b"], [[0, 1]], places, grade=grade, **more)


def test_grades_belong_to_pairs():
    with pytest.raises(VotesError, match="pairwise"):
        Comparisons.of(["a", "b", "c"], [[0, 1, 2]], [[1, 2, 3]], grade=[1.0])
