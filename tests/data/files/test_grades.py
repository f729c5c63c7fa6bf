"""The column `grade`: how much better the winner is, read where it is a number."""

import pandas as pd
import pytest

from agon.data import comparisons
from agon.ranking import VotesError, rank

ROWS = pd.DataFrame(
    {
        "model_a": list("abcabc") * 10,
        "model_b": list("bcabca") * 10,
        "winner": ["model_a", "model_b", "tie", "model_b", "model_a", "model_b"] * 10,
        "grade": [2.0, 1.0, 0.0, None, 1.0, 2.0] * 10,
    }
)


@pytest.mark.parametrize("kind", ["frame", "csv", "parquet"])
def test_grades_reach_the_engine_from_every_kind_of_source(kind, tmp_path):
    source = ROWS
    if kind != "frame":
        source = tmp_path / f"votes.{kind}"
        ROWS.to_csv(source, index=False) if kind == "csv" else ROWS.to_parquet(source)
    ballots = comparisons(source).ballots
    assert {level: int(ballots.count[ballots.grade == level].sum()) for level in (1.0, 2.0)} == {1: 20, 2: 20}
    assert ballots.total == 60
    board = rank(comparisons(source), "graded_bradley_terry", min_votes=0)
    assert "no_grades" not in {note.code for note in board.diagnostics}
    plain = rank(comparisons(ROWS.drop(columns="grade")), "rao_kupper", min_votes=0)
    assert rank(comparisons(source), "rao_kupper", min_votes=0).rows == plain.rows


def test_views_of_single_votes_know_the_grades_too(tmp_path):
    path = tmp_path / "votes.csv"
    ROWS.assign(voter=["x", "y"] * 30, timestamp=range(60)).to_csv(path, index=False)
    votes = comparisons(path)
    assert votes.clusters("voter").size == 2
    assert len(votes.battles.sequence) == 60
    assert rank(votes, "graded_bradley_terry", min_votes=0, cluster="voter").rows


def test_a_column_of_texts_is_another_column():
    votes = comparisons(ROWS.assign(grade=["A", "B"] * 30))
    assert votes.ballots.grade is None
    assert len(list(votes.split("grade"))) == 2


@pytest.mark.parametrize(
    ("row", "grade", "wrong"),
    [(0, -1.0, "grade is below 0 in row 1"), (2, 1.0, "go with the winner in row 3"), (0, 0.0, "in row 1")],
)
def test_a_grade_that_does_not_go_with_the_winner_is_refused(row, grade, wrong):
    frame = ROWS.copy()
    frame.loc[row, "grade"] = grade
    with pytest.raises(VotesError, match=wrong) as refused:
        comparisons(frame).ballots  # noqa: B018
    assert "\n" not in str(refused.value)
    assert comparisons(frame, invalid="drop").ballots.total == 59
    assert comparisons(frame.drop(columns="grade")).ballots.total == 60
