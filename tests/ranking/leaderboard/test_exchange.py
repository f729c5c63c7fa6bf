"""Boards as a person handles them: iterate, index, compare equal, write, read back."""

import csv
import io

import pytest

from agon.ranking import (
    Comparisons,
    Leaderboard,
    OptionError,
    SourceError,
    boards_from_json,
    boards_to_json,
    bradley_terry_world,
    rank,
    rank_all,
)

VOTES = bradley_terry_world(5, 900, seed=1).comparisons()
APART = Comparisons.from_counts(
    ["ada", "bob", "cyn", "dan"],
    [[0, 40, 0, 0], [30, 0, 0, 0], [0, 0, 0, 35], [0, 0, 40, 0]],
)


def test_a_board_iterates_indexes_and_contains():
    board = rank(VOTES)
    assert list(board) == list(board.rows)
    assert board[0] is board.rows[0]
    assert board[-1] is board.rows[-1]
    assert board[:2] == board.rows[:2]
    assert board["model-3"].model == "model-3"
    assert "model-3" in board
    assert board.rows[1] in board
    assert "model-9" not in board
    with pytest.raises(OptionError, match="did you mean 'model-1'"):
        board["modle-1"]
    with pytest.raises(IndexError):
        board[5]


def test_boards_of_the_same_votes_are_equal():
    board = rank(VOTES)
    assert board == rank(VOTES)
    assert hash(board) == hash(rank(VOTES))
    assert board != rank(VOTES, level=0.9)
    assert board != rank(bradley_terry_world(5, 900, seed=2).comparisons())
    assert board != "a board"


def test_a_board_is_short_to_read():
    board = rank(VOTES)
    assert repr(board) == f"Leaderboard(bradley_terry: {board.conclusion()})"


@pytest.mark.parametrize(
    "board",
    [
        rank(VOTES),
        rank(VOTES, "elo", k=8),
        rank(VOTES, "copeland", interval="none"),
        rank(VOTES, "davidson"),
        rank(APART),
    ],
    ids=lambda board: f"{board.method}-{len(board.components)}",
)
def test_a_board_comes_back_from_its_json(board):
    back = Leaderboard.from_json(board.to_json())
    assert back == board
    assert back.rows == board.rows
    assert back.components == board.components
    assert back.conclusion() == board.conclusion()
    assert back.remarks() == board.remarks()
    assert back.to_markdown() == board.to_markdown()


def test_several_boards_come_back_in_their_order():
    boards = [rank(APART), *rank_all(VOTES, ["win_rate", "bradley_terry"])]
    text = boards_to_json(boards)
    assert boards_from_json(text) == boards
    with pytest.raises(SourceError, match="holds 3 boards; read them with boards_from_json"):
        Leaderboard.from_json(text)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"boards": 3}', '{"boards": [{}]}', '{"boards": []}', "ada"]
)
def test_what_is_no_board_is_refused_in_one_sentence(text):
    with pytest.raises(SourceError, match="board"):
        Leaderboard.from_json(text)


def test_csv_holds_the_columns_of_the_frame():
    board = rank(VOTES)
    rows = list(csv.DictReader(io.StringIO(board.to_csv())))
    assert [row["model"] for row in rows] == [row.model for row in board]
    assert [float(row["upper"]) for row in rows] == [row.upper for row in board]


def test_html_and_latex_escape_what_a_name_may_hold():
    votes = Comparisons.from_counts(["<b>", r"50%_$\x"], [[0, 40], [30, 0]])
    board = rank(votes)
    assert "<b>" not in board.to_html()
    assert "&lt;b&gt;" in board.to_html()
    latex = board.to_latex()
    assert r"50\%\_\$\textbackslash{}x" in latex
    lines = latex.splitlines()
    assert lines[3] == r"rank & model & score & interval & votes & status \\ \hline"
    assert sum(line.count("&") for line in lines) == 5 * (1 + len(board))


def counts(first):
    """60 votes between two models, `first` of them won by ada."""
    return rank(Comparisons.from_counts(["ada", "bob"], [[0, first], [60 - first, 0]]))


def test_who_moved_is_told_from_chance_by_both_intervals():
    """Ada wins 40 of 60, then 20: the log-odds fall by 2 log 2, each with a variance of 1/40 + 1/20 = 3/40.

    A score is half the log-odds of the two, so the change of 400/ln 10 · log 2 = 120 Elo stands against
    1.96 · 400/ln 10 · √(2 · 3/160) = 66; from 30 to 31 of 60 it is 6 against about as much.
    """
    change = counts(40).compare(counts(20))
    ada = {move.model: move for move in change}["ada"]
    assert (ada.rank_before, ada.rank_after) == (1, 2)
    assert ada.change == pytest.approx(-120.41, abs=0.01)
    assert ada.margin == pytest.approx(1.959964 * 173.7178 * (2 * 3 / 160) ** 0.5, rel=1e-3)
    assert ada.beyond_chance
    assert change.conclusion() == "bob and ada changed beyond chance at 95%."
    still = counts(30).compare(counts(31))
    assert not any(move.beyond_chance for move in still)
    assert still.conclusion() == "No model changed beyond chance at 95%."
    assert list(still.to_frame()["beyond_chance"]) == [False, False]
    assert "<table>" in still._repr_html_()
    assert repr(still) == "BoardChange(No model changed beyond chance at 95%.)"


def test_a_model_that_came_in_is_named():
    three = rank(Comparisons.from_counts(["ada", "bob", "cyn"], [[0, 30, 20], [30, 0, 20], [20, 20, 0]]))
    change = counts(30).compare(three)
    assert change.conclusion() == "cyn came in."
    assert three.compare(counts(30)).conclusion() == "cyn went out."


def test_boards_that_cannot_be_compared_say_why():
    with pytest.raises(OptionError, match=r"different methods \(bradley_terry and win_rate\)"):
        rank(VOTES).compare(rank(VOTES, "win_rate"))
    with pytest.raises(OptionError, match=r"different levels \(0\.95 and 0\.9\)"):
        rank(VOTES).compare(rank(VOTES, level=0.9))


def test_a_bump_chart_links_the_two_ranks_of_every_model():
    pytest.importorskip("plotly")
    figure = counts(40).compare(counts(20)).plot()
    assert sorted(tuple(trace.y) for trace in figure.data) == [(1, 2), (2, 1)]
