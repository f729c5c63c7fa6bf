"""`agon diff`: two files of boards, and the status for a build."""

import json

import pytest

from agon.ranking import Comparisons, boards_to_json, rank


def board(first, method="bradley_terry"):
    """60 votes between two models, `first` of them won by ada."""
    return rank(Comparisons.from_counts(["ada", "bob"], [[0, first], [60 - first, 0]]), method)


@pytest.fixture
def files(tmp_path):
    for name, boards in {
        "monday": [board(40), board(40, "win_rate")],
        "tuesday": [board(41)],
        "friday": [board(20)],
        "elo": [board(40, "elo")],
    }.items():
        (tmp_path / f"{name}.json").write_text(boards_to_json(boards), encoding="utf-8")
    (tmp_path / "votes.csv").write_text("model_a,model_b,winner\n")
    return tmp_path


def test_a_change_within_chance_ends_with_0(run, files):
    status, out, err = run("diff", files / "monday.json", files / "tuesday.json")
    assert (status, err) == (0, "")
    assert out.startswith("bradley_terry\nNo model changed beyond chance at 95%.\n")
    assert [line.split()[:3] for line in out.splitlines()[3:]] == [["ada", "1", "1"], ["bob", "2", "2"]]


def test_a_change_beyond_chance_ends_with_1(run, files):
    status, out, _ = run("diff", files / "monday.json", files / "friday.json", "-f", "json")
    assert status == 1
    (change,) = json.loads(out)["changes"]
    assert change["conclusion"] == "bob and ada changed beyond chance at 95%."
    assert {one["model"]: round(one["change"], 1) for one in change["models"]} == {
        "ada": -120.4,
        "bob": 120.4,
    }


@pytest.mark.parametrize(
    ("before", "says"),
    [
        ("none.json", "There is no file"),
        ("votes.csv", "votes.csv: This is not the JSON of boards"),
        ("elo.json", "no board of the same method and group: elo before, bradley_terry after"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(before, says, run, files):
    status, out, err = run("diff", files / before, files / "friday.json")
    assert (status, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1
