"""Krippendorff's α: the textbook's figures, the definition by brute force, votes as units."""

from itertools import permutations

import numpy as np
import pytest

from agon.ranking import (
    Comparisons,
    OptionError,
    SourceError,
    VotesError,
    inter_annotator_agreement,
    krippendorff_alpha,
)

# K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section C: 4 observers, 12 units.
OBSERVERS = """1 2 3 3 2 1 4 1 2 . . .
               1 2 3 3 2 2 4 1 2 5 . 3
               . 3 3 3 2 3 4 2 2 5 1 .
               1 2 3 3 2 4 4 1 2 5 1 ."""


def textbook():
    counts = np.zeros((12, 5))
    for line in OBSERVERS.splitlines():
        for unit, value in enumerate(line.split()):
            if value != ".":
                counts[unit, int(value) - 1] += 1
    return counts


@pytest.mark.parametrize(
    ("metric", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_the_textbook(metric, published):
    assert krippendorff_alpha(textbook(), [1, 2, 3, 4, 5], metric) == pytest.approx(published, abs=5e-4)


def by_definition(units, distance):
    """Disagreement of all pairs within units, each unit weighted 1/(n − 1), against all pairs whatever."""
    units = [unit for unit in units if len(unit) > 1]
    every = [value for unit in units for value in unit]
    within = sum(distance(a, b) / (len(unit) - 1) for unit in units for a, b in permutations(unit, 2))
    chance = sum(distance(a, b) for a, b in permutations(every, 2)) / (len(every) - 1)
    return 1 - within / chance


@pytest.mark.parametrize(
    ("metric", "distance"), [("nominal", lambda a, b: a != b), ("interval", lambda a, b: (a - b) ** 2)]
)
def test_votes_are_units_of_a_pair_on_a_prompt(metric, distance):
    """Win 1, tie 0.5, loss 0 of the model whose name sorts first, whichever side it was shown on."""
    rng = np.random.default_rng(2)
    rows, units = [], {}
    for _ in range(300):
        a, b = rng.choice(3, 2, replace=False)
        prompt, verdict = f"p{rng.integers(12)}", [(1, 2), (2, 1), (1, 1)][rng.integers(3)]
        rows.append((a, b, verdict, prompt))
        left = {(1, 2): 1.0, (2, 1): 0.0, (1, 1): 0.5}[verdict]
        units.setdefault((prompt, min(a, b), max(a, b)), []).append(left if a < b else 1 - left)
    votes = Comparisons.of(
        "abc",
        [row[:2] for row in rows],
        [row[2] for row in rows],
        labels={"prompt": [row[3] for row in rows]},
    )
    found = inter_annotator_agreement(votes, metric=metric, n_resamples=200)
    assert found.alpha == pytest.approx(by_definition(list(units.values()), distance))
    assert found.units == sum(len(unit) > 1 for unit in units.values())
    assert found.votes + found.single == 300
    assert found.lower < found.alpha < found.upper
    assert found.lower < 0 < found.upper, "the votes are drawn by chance"
    assert f"{found.alpha:.3f}" in found.conclusion()
    assert inter_annotator_agreement(votes, metric=metric, n_resamples=200) == found


def test_k_wise_votes_judge_each_pair_they_order():
    votes = Comparisons.of("abc", [[0, 1, 2]] * 2, [[1, 2, 3], [2, 1, 3]], labels={"battle": ["x", "x"]})
    found = inter_annotator_agreement(votes, by="battle", n_resamples=10)
    assert (found.units, found.votes) == (3, 6)
    assert found.alpha == pytest.approx(by_definition([[1, 0], [1, 1], [1, 1]], lambda a, b: a != b))


def test_both_bad_is_a_name_of_its_own_and_otherwise_a_tie():
    votes = Comparisons.of(
        "ab",
        [[0, 1]] * 6,
        [[1, 1], [1, 1], [1, 2], [1, 2], [1, 1], [1, 1]],
        acceptable=[[0, 0], [1, 1], [-1, -1], [-1, -1], [1, 1], [1, 1]],
        labels={"prompt": ["x", "x", "y", "y", "z", "z"]},
    )
    assert inter_annotator_agreement(votes, metric="interval", n_resamples=10).alpha == pytest.approx(1.0)
    assert inter_annotator_agreement(votes, metric="ordinal", n_resamples=10).alpha == pytest.approx(1.0)
    nominal = by_definition([["bad", "tie"], ["win", "win"], ["tie", "tie"]], lambda a, b: a != b)
    assert inter_annotator_agreement(votes, n_resamples=10).alpha == pytest.approx(nominal)


def test_soft_judgements_are_numbers():
    votes = Comparisons.of(
        "ab",
        [[0, 1]] * 4,
        [[0, 0]] * 3 + [[1, 2]],
        p_a=[0.9, 0.7, 0.2, np.nan],
        labels={"prompt": ["x", "x", "y", "y"]},
    )
    found = inter_annotator_agreement(votes, metric="interval", n_resamples=10)
    assert found.alpha == pytest.approx(by_definition([[0.9, 0.7], [0.2, 1.0]], lambda a, b: (a - b) ** 2))
    with pytest.raises(VotesError, match='ask with metric="interval"'):
        inter_annotator_agreement(votes)


def test_refusals():
    votes = Comparisons.of("ab", [[0, 1]] * 2, [[1, 2]] * 2, labels={"prompt": ["x", "y"], "one": ["x", "x"]})
    with pytest.raises(VotesError, match="judged twice on the same prompt"):
        inter_annotator_agreement(votes)
    with pytest.raises(VotesError, match="All judgements are the same"):
        inter_annotator_agreement(votes, by="one")
    with pytest.raises(SourceError, match="no column 'battle'"):
        inter_annotator_agreement(votes, by="battle")
    with pytest.raises(OptionError, match="no metric 'ratio' of votes"):
        inter_annotator_agreement(votes, metric="ratio")
    with pytest.raises(OptionError, match="n_resamples must be at least 2"):
        inter_annotator_agreement(votes, by="one", n_resamples=1)
    for counts, what in (([[1.0], [1.0]], "judged twice"), ([[-1.0, 3.0]], "none negative")):
        with pytest.raises(VotesError, match=what):
            krippendorff_alpha(counts)
    with pytest.raises(OptionError, match="no metric 'nominl'"):
        krippendorff_alpha([[1, 2]], metric="nominl")
