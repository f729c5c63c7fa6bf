"""What rows of votes mean as pairs: labels, probabilities, weights, lists of places."""

import csv
import json

import pyarrow as pa
import pytest

from agon.data import comparisons
from agon.ranking import rank
from tests.support.small_tables import PAIR, pairs, table


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("model_a", (1, 0, 0, 0)),
        ("model_b", (0, 1, 0, 0)),
        ("tie", (0, 0, 1, 0)),
        ("both_bad", (0, 0, 0, 1)),
        ("tie (bothbad)", (0, 0, 0, 1)),
        ("both bad", (0, 0, 0, 1)),
        ("bothbad", (0, 0, 0, 1)),
    ],
)
def test_winner_labels(label, expected):
    """(wins of ada, wins of bob, ties, both bad) of one vote of each published spelling."""
    assert pairs(comparisons(table(("ada", "bob", label)))) == {("ada", "bob"): expected}


def test_sides_do_not_matter():
    one = comparisons(table(("ada", "bob", "model_a"), ("ada", "bob", "tie")))
    two = comparisons(table(("bob", "ada", "tie"), ("bob", "ada", "model_b")))
    assert pairs(one) == pairs(two) == {("ada", "bob"): (1, 0, 1, 0)}
    assert rank(one).fingerprint == rank(two).fingerprint


def test_soft_votes_count_for_both_sides():
    soft = table(
        ("ada", "bob", 0.75), ("bob", "ada", 0.1), ("ada", "bob", 1.0), names=("model_a", "model_b", "p_a")
    )
    (found,) = pairs(comparisons(soft)).values()
    assert found == pytest.approx((0.75 + 0.9 + 1, 0.25 + 0.1, 0, 0))


def test_soft_and_hard_votes_side_by_side():
    rows = table(
        ("ada", "bob", 0.75, None),
        ("ada", "bob", None, "model_b"),
        names=("model_a", "model_b", "p_a", "winner"),
    )
    assert pairs(comparisons(rows)) == {("ada", "bob"): (0.75, 1.25, 0, 0)}


def test_weights_multiply():
    rows = table(
        ("ada", "bob", "model_a", 2.5),
        ("ada", "bob", "model_a", 0.5),
        ("bob", "ada", "tie", 3),
        names=(*PAIR, "weight"),
    )
    votes = comparisons(rows)
    assert pairs(votes) == {("ada", "bob"): (1.5, 0, 1.5, 0)}, "as multiples of the mean weight, 2"
    assert len(votes) == 3, "votes are counted unweighted"
    assert rank(votes, interval="none")["ada"].votes == 3


def test_ballots_with_ties_and_models_without_a_place():
    """[2, 1, 1, 3]: b and c tie above a, a above d. [1, null, null]: a is above b and c."""
    rows = [
        {"models": ["a", "b", "c", "d"], "places": [2, 1, 1, 3]},
        {"models": ["a", "b", "c"], "places": [1, None, None]},
    ]
    expected = {
        ("a", "b"): (1, 1, 0, 0),
        ("a", "c"): (1, 1, 0, 0),
        ("a", "d"): (1, 0, 0, 0),
        ("b", "c"): (0, 0, 1, 0),
        ("b", "d"): (1, 0, 0, 0),
        ("c", "d"): (1, 0, 0, 0),
    }
    votes = comparisons(pa.Table.from_pylist(rows))
    assert pairs(votes) == expected
    assert len(votes) == 2


def test_acceptable_says_when_both_are_bad():
    """Equal places with both false are both bad; a strict order below the line is a win."""
    rows = [
        {"models": ["a", "b"], "places": [1, 1], "acceptable": [False, False]},
        {"models": ["a", "b"], "places": [1, 1], "acceptable": [True, True]},
        {"models": ["a", "b"], "places": [1, 1], "acceptable": [True, False]},
        {"models": ["a", "b"], "places": [1, 1], "acceptable": None},
        {"models": ["a", "b"], "places": [2, 1], "acceptable": [False, False]},
    ]
    assert pairs(comparisons(pa.Table.from_pylist(rows))) == {("a", "b"): (0, 1, 3, 1)}


BALLOTS = [
    {"models": ["a", 'b, "c"'], "places": [1, None], "acceptable": [True, False], "weight": 2},
    {"models": ['b, "c"', "d", "a"], "places": [2, 1, 2], "acceptable": None, "weight": 1},
]


def test_lists_in_csv_are_json(tmp_path):
    path = tmp_path / "ballots.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(BALLOTS[0])
        writer.writerows(
            ["" if cell is None else json.dumps(cell) for cell in row.values()] for row in BALLOTS
        )
    ours, theirs = comparisons(path), comparisons(pa.Table.from_pylist(BALLOTS))
    counted = {("a", 'b, "c"'): (2, 0, 1, 0), ("a", "d"): (0, 1, 0, 0), ('b, "c"', "d"): (0, 1, 0, 0)}
    assert pairs(ours) == pairs(theirs)
    for pair, counts in pairs(ours).items():  # as multiples of the mean weight, 1.5
        assert counts == pytest.approx([n / 1.5 for n in counted[pair]])
    assert rank(ours).fingerprint == rank(theirs).fingerprint


@pytest.mark.parametrize("kind", ["large", "fixed"])
def test_lists_of_other_arrow_types(kind):
    make = pa.large_list if kind == "large" else lambda t: pa.list_(t, 2)
    rows = pa.table(
        {
            "models": pa.array([["a", "b"], ["b", "a"]], make(pa.large_string())),
            "places": pa.array([[1, 2], [None, 1]], make(pa.int8())),
        }
    )
    assert pairs(comparisons(rows)) == {("a", "b"): (2, 0, 0, 0)}
