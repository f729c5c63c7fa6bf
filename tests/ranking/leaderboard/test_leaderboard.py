"""Boards as text, tables and JSON; the JSON is that of design.md, "The command line"."""

import copy
import dataclasses
import json
import math
import pickle

import numpy as np
import pandas as pd
import pytest

from agon.ranking import Comparisons, Diagnostic, boards_to_json, rank, single_voter_dominance
from agon.ranking.errors import OptionError
from agon.ranking.leaderboard.row import rank_text
from tests.support.contract import BOARD, NOTE, ROW

HOSTILE = '<script>alert("x")</script>&|'


@pytest.fixture
def board():
    """An undefeated one above three, and two in another component."""
    wins = np.zeros((6, 6))
    wins[:3, :3] = [[0, 300, 45], [100, 0, 55], [35, 45, 0]]
    wins[3, 0] = 40
    wins[4, 5] = wins[5, 4] = 20
    return rank(Comparisons.from_counts([HOSTILE, "b", "c", "d", "e", "f"], wins))


def test_nothing_can_be_changed(board):
    with pytest.raises(dataclasses.FrozenInstanceError):
        board.method = "elo"
    with pytest.raises(dataclasses.FrozenInstanceError):
        board.rows[0].score = 2000.0
    with pytest.raises(TypeError, match="does not support item assignment"):
        board.settings["seed"] = 7


def test_a_board_survives_being_stored(board):
    again = pickle.loads(pickle.dumps(board))
    assert again.to_json() == board.to_json()
    assert copy.deepcopy(board).rows == board.rows
    with pytest.raises(TypeError):
        again.settings["seed"] = 7


def test_remarks_may_call_models_by_other_names():
    """Names stand where the template says: words that are names elsewhere, and braces in names, stay."""
    names = {"a": "Ada", "b": "Bob", "c": "Cy", "d": "Di", "e": "Eve", "{1}": "{0}"}
    many = Diagnostic.of("unlinked", "abcde", "No score for {models}: a chain is missing.")
    assert many.message == "No score for a, b, c and 2 more: a chain is missing."
    assert many.rename_models(names.get) == "No score for Ada, Bob, Cy and 2 more: a chain is missing."
    odd = Diagnostic.of("odd", ("{1}", "a"), "Of a {{0}} vote, {0} and {1}.")
    assert odd.message == "Of a {0} vote, {1} and a."
    assert odd.rename_models(names.get) == "Of a {0} vote, {0} and Ada."
    plain = Diagnostic("left_out", ("a",), "1 vote was left out for having no '{a}'.")
    assert plain.rename_models(names.get) == plain.message


def renamed(board):
    """What a board remarks with its models renamed, each model as <model>."""
    return " ".join(board.remarks(lambda model: f"<{model}>"))


def test_every_remark_names_models_as_asked():
    """Expected sentences typed from their messages: a voter whose name looks like a place stays one."""
    pairs, voters = [[0, 1], [1, 2], [2, 0]] * 3, ["{0}"] * 6 + ["v"] * 3
    votes = Comparisons.of(["b", "c", "v"], pairs, [[1, 2]] * 9, labels={"voter": voters})
    (note,) = single_voter_dominance(votes, min_votes=0)
    assert note.rename_models(str.upper) == (
        "One voter cast 67% of those of B ({0}), 67% of those of C ({0}) and 67% of those of V ({0}): such a "
        "score is one voter's opinion; collect votes from others."
    )
    few = rank(Comparisons.of(["a", "b", "c"], [[0, 1]] * 40 + [[0, 2]], [[1, 1]] * 41), "win_rate")
    assert "1 model: <c>; they move nobody else" in renamed(few)
    wins = np.zeros((3, 3))
    wins[0, 1], wins[1, 0], wins[2, 1], wins[1, 2] = 60, 40, 30, 10
    unmet = renamed(rank(Comparisons.from_counts(list("abf"), wins), "minimax", n_resamples=5))
    assert "for ties: <a> met 1 of 2 and <f> met 1 of 2; <a> and <f> could still beat every other" in unmet
    lottery = renamed(
        rank(Comparisons.from_counts(list("ab"), wins[:2, :2]), "nash_averaging", n_resamples=5)
    )
    assert "The equilibrium draws <a> 1.000." in lottery


def test_a_row_by_name(board):
    assert board["b"].model == "b"
    assert len(board) == 6
    with pytest.raises(OptionError, match="No model 'bb' on this board; did you mean 'b'"):
        board["bb"]


def test_the_frame(board):
    """Columns and types: whole numbers that may be missing stay whole."""
    frame = board.to_frame()
    assert list(frame.columns) == ["rank", "model", *ROW[2:]]
    assert frame["rank"].dtype == frame["rank_lower"].dtype == pd.Int64Dtype()
    assert frame["score"].dtype == frame["upper"].dtype == np.float64
    assert frame["votes"].dtype == np.int64
    assert frame["rank"].isna().tolist() == [False] * 4 + [True] * 2
    assert frame["score"].isna().tolist() == [False] * 4 + [True] * 2
    assert frame["status"].tolist() == ["ranked"] * 4 + ["component"] * 2
    assert frame.loc[frame["model"] == "b", "score"].item() == board["b"].score


def test_the_json_is_that_of_the_design(board):
    document = json.loads(board.to_json())
    assert list(document) == ["schema", "boards"]
    assert document["schema"] == 1
    assert len(document["boards"]) == 2  # the main board and that of the other component
    for made in document["boards"]:
        assert list(made) == BOARD
        assert all(list(note) == NOTE for note in made["diagnostics"])
        assert all(list(row) == ROW for row in made["models"])
    first, second = document["boards"]
    assert (first["by"], second["by"]) == (None, {"component": 2})
    assert [row["model"] for row in second["models"]] == ["e", "f"]
    undefeated = first["models"][0]
    assert undefeated["model"] == "d"
    assert (undefeated["rank"], undefeated["upper"], undefeated["votes"]) == (1, None, 40)
    assert first["models"][-1] == {
        "model": "f",
        "rank": None,
        "score": None,
        "lower": None,
        "upper": None,
        "rank_lower": None,
        "rank_upper": None,
        "votes": 40,
        "status": "component",
        "p_first": None,
    }
    assert {note["code"] for note in first["diagnostics"]} == {"component", "undefeated"}


def test_json_of_several_boards(board):
    document = json.loads(boards_to_json([board, board]))
    assert len(document["boards"]) == 4
    assert json.loads(boards_to_json([])) == {"schema": 1, "boards": []}


def test_numbers_of_numpy_are_plain_in_json():
    """Settings may hold numpy numbers; a board holds nothing else that JSON does not know."""
    votes = Comparisons.from_counts(["a", "b"], [[0, 30], [20, 0]])
    document = json.loads(rank(votes, min_votes=np.int64(10), level=np.float64(0.9)).to_json())
    assert document["boards"][0]["settings"]["min_votes"] == 10
    broken = dataclasses.replace(rank(votes), settings={"odd": object()})
    with pytest.raises(TypeError, match="object is not a value of a board"):
        broken.to_json()


def test_html_escapes_what_voters_and_vendors_write(board):
    page = board._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;|" in page
    note = dataclasses.replace(board.diagnostics[0], message="<b>bold</b>")
    page = dataclasses.replace(board, diagnostics=(note,))._repr_html_()
    assert "<b>" not in page
    assert page.count("<tr>") == 1 + 6


def test_markdown_keeps_its_columns(board):
    lines = board.to_markdown().splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 6
    assert lines[0].replace("&lt;", "<").replace("\\|", "|") == board.conclusion()
    for line in table:
        assert line.replace("\\|", "").count("|") == 7
    assert HOSTILE.replace("|", "\\|").replace("<", "&lt;") in table[3]
    assert sum(line.startswith("- ") for line in lines) == len(board.diagnostics)
    assert str(board) == board.to_markdown()


def test_open_sides_are_an_ellipsis(board):
    text = board.interval_text(board["d"])
    assert text.endswith(" to …")
    assert board.interval_text(board["e"]) == ""
    assert board.interval_text(board["b"]).count(".") == 2


def conclusion_of(wins, **options):
    names = list("abcdefg")[: len(wins)]
    return rank(Comparisons.from_counts(names, wins), **options).conclusion()


def test_the_conclusion_is_a_sentence_about_the_first():
    clear, close = [[0, 900], [100, 0]], [[0, 51], [49, 0]]
    assert conclusion_of(clear) == "a leads 1 other at 95%, however often one looks."
    assert conclusion_of(close) == "a is first of 2, but b could be first too at 95%."  # 51:49 may never end
    assert " at 50%" in conclusion_of(close, level=0.5)
    assert conclusion_of(close, interval="none") == "a is first of 2; no interval was computed."
    assert conclusion_of(close, min_votes=101).startswith("No model can be ranked yet")
    even = 20.0 * (1 - np.eye(5))
    assert conclusion_of(even) == "a, b, c and 2 more share the first place of 5."
    assert conclusion_of(even[:3, :3]) == "a, b and c share the first place of 3."


def test_rank_texts():
    """The range where there is one, the rank where it is a point or unknown, a dash without a rank."""
    row = rank(Comparisons.from_counts(["a", "b"], [[0, 51], [49, 0]])).rows[0]
    assert rank_text(row) == "1–2"
    assert rank_text(dataclasses.replace(row, rank_upper=1)) == "1"
    assert rank_text(dataclasses.replace(row, rank_lower=None, rank_upper=None)) == "1"
    assert rank_text(dataclasses.replace(row, rank=None)) == "–"


def test_digits_suit_the_scale():
    votes = Comparisons.from_counts(["a", "b"], [[0, 60], [40, 0]])
    odds = math.log(1.5) / 2
    assert rank(votes).number(1035.214) == "1035.2"
    assert rank(votes, scale="natural").cells(rank(votes, scale="natural").rows[0])[2] == f"{odds:.3f}"
    assert rank(votes, "win_rate").cells(rank(votes, "win_rate").rows[0])[2] == "0.600"


def test_equal_scores_share_a_rank():
    """Standard competition ranks: 1, 1, 3."""
    wins = [[0, 20, 40], [20, 0, 40], [10, 10, 0]]
    board = rank(Comparisons.from_counts(list("abc"), wins))
    assert [(row.model, row.rank) for row in board.rows] == [("a", 1), ("b", 1), ("c", 3)]
