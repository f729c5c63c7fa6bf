"""`make new-method` writes a method that ranks, a file that waits for its answer, and one line."""

import json

import pytest

from agon.ranking import METHODS, Comparisons, rank
from scripts import new_method


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with the places that a method is written into."""
    monkeypatch.setattr(new_method, "ROOT", tmp_path)
    for folder in new_method.FAMILIES:
        (tmp_path / "ranking" / "methods" / folder).mkdir(parents=True)
    (tmp_path / "ranking" / "methods" / "__init__.py").write_text('"""Every method."""\n')
    (tmp_path / "tests" / "known_answers").mkdir(parents=True)
    return tmp_path


def test_what_it_writes_ranks_by_wins(checkout):
    code, answers, index = new_method.write_method("my_rule", "aggregation")
    try:
        exec(compile(code.read_text(), str(code), "exec"), {"__name__": "my_rule"})
        votes = Comparisons.from_counts(["ada", "bob"], [[0, 40], [10, 0]], [[0, 2], [2, 0]])
        board = rank(votes, "my_rule", interval="none")
    finally:
        METHODS.pop("my_rule", None)
    assert [(row.model, row.score) for row in board.rows] == [("ada", 41.0), ("bob", 11.0)]
    assert json.loads(answers.read_text()) == {"method": "my_rule", "cases": []}
    assert index.read_text().endswith("from agon.ranking.methods.aggregation import my_rule\n")


@pytest.mark.parametrize(
    ("name", "family", "says"),
    [
        ("My rule", "aggregation", "no name of a method"),
        ("", "aggregation", "no name of a method"),
        ("my_rule", "voting", "known: likelihood, online, aggregation, social_choice"),
        ("taken", "online", "is there already"),
    ],
)
def test_what_it_refuses_writes_nothing(name, family, says, checkout):
    (checkout / "ranking" / "methods" / "online" / "taken.py").write_text("")
    before = sorted(checkout.rglob("*"))
    with pytest.raises(SystemExit, match=says):
        new_method.write_method(name, family)
    assert sorted(checkout.rglob("*")) == before
