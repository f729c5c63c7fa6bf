"""Boards in a terminal: drawn intervals, open sides, plain letters, hostile names, boards as CSV."""

import csv
import io
from dataclasses import replace

import pytest

from agon.arena.cli.output.tables import BAR, PIPE_WIDTH, bar, show_boards
from agon.ranking import Comparisons, Row, rank
from agon.ranking.leaderboard.exchange import boards_to_csv


def row(score, lower, upper, **other):
    return replace(Row(1, "ada", score, lower, upper, 1, 1, 50, "ranked"), **other)


def test_a_bar_spans_its_interval_on_the_axis():
    """26 characters for 0 to 25: one a point."""
    assert bar(row(5.0, 2.0, 8.0), 0.0, 25.0) == "  ───●───" + " " * 17
    assert bar(row(0.0, 0.0, 25.0), 0.0, 25.0) == "●" + "─" * 25
    assert bar(row(25.0, 25.0, 25.0), 0.0, 25.0) == " " * 25 + "●"


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (None, 8.0, "◂────●───" + " " * 17),
        (2.0, None, "  ───●" + "─" * 19 + "▸"),
    ],
)
def test_an_open_side_ends_in_an_arrow(lower, upper, expected):
    assert bar(row(5.0, lower, upper), 0.0, 25.0) == expected


def test_plain_letters_where_the_terminal_has_no_others():
    assert bar(row(5.0, None, 8.0), 0.0, 25.0, ascii_only=True) == "<----o---" + " " * 17
    assert bar(row(5.0, 2.0, None), 0.0, 25.0, ascii_only=True).isascii()


def test_nothing_is_drawn_of_nothing():
    assert bar(row(None, None, None), 0.0, 25.0) == ""
    assert bar(row(5.0, None, None), 0.0, 25.0) == ""


def test_every_bar_has_the_same_width():
    for score in (0.0, 3.3, 12.5, 24.99, 25.0):
        assert len(bar(row(score, score / 2, (score + 25) / 2), 0.0, 25.0)) == BAR


class Stream(io.StringIO):
    """Standard output as a terminal, or not, of an encoding."""

    def __init__(self, encoding="utf-8", tty=False):
        super().__init__()
        self._encoding, self._tty = encoding, tty

    @property
    def encoding(self):
        return self._encoding

    def isatty(self):
        return self._tty


def votes(*names, times=40):
    """Each of the models wins against each other, so that all have a score."""
    m = len(names)
    wins = [[0 if i == j else times + (j - i) for j in range(m)] for i in range(m)]
    return Comparisons.from_counts(names, wins)


def shown(*boards, **stream):
    out = Stream(**stream)
    show_boards(boards, out)
    return out.getvalue()


def test_a_board_reads_from_its_conclusion_down():
    text = shown(rank(votes("ada", "bob", "cyn")))
    lines = text.splitlines()
    assert lines[0] == "bradley_terry"
    assert lines[1].startswith("ada is first of 3")
    assert [line.split()[1] for line in lines[3:6]] == ["ada", "bob", "cyn"]
    assert all("●" in line for line in lines[3:6])
    assert lines[-1].startswith("240 votes · sandwich intervals at 95% · fingerprint ")
    assert "\x1b" not in text


def test_no_intervals_no_bars():
    text = shown(rank(votes("ada", "bob"), interval="none"))
    assert "interval " not in text.splitlines()[2]
    assert "●" not in text
    assert "160 votes" not in text
    assert "80 votes · no intervals · fingerprint" in text


def test_open_sides_are_shown_as_such():
    """cyn never lost: its interval has no upper end."""
    wins = [[0, 40, 0], [40, 0, 0], [35, 0, 0]]
    text = shown(rank(Comparisons.from_counts(["ada", "bob", "cyn"], wins)))
    (line,) = [line for line in text.splitlines() if " cyn " in line and "35" in line]
    assert "to …" in line
    assert "▸" in line
    assert line.split()[0] == "1"


def test_a_terminal_without_our_letters_gets_others():
    text = shown(rank(votes("ada", "bob")), encoding="iso-8859-1")
    assert "●" not in text
    assert "-o-" in text


def test_hostile_names_are_shown_escaped():
    names = ["\x1b]0;title\x07", "a\nb", "\u202egpt", "[red]x[/red]"]
    for tty in (False, True):
        text = shown(rank(votes(*names)), tty=tty)
        for raw in ("\x1b]", "\x07", "\u202e", "a\nb"):
            assert raw not in text
        for escaped in (r"\x1b]0;title\x07", r"a\nb", r"\u202egpt", "[red]x[/red]"):
            assert escaped in text


def test_hostile_groups_are_shown_escaped():
    board = replace(rank(votes("ada", "bob")), by={"language": "\x1b[31men\n[red]"})
    text = shown(board)
    assert "\x1b" not in text
    assert text.splitlines()[0] == r"bradley_terry · language = \x1b[31men\n[red]"


def test_long_names_fold_and_lose_nothing():
    name = "m" * 300
    text = shown(rank(votes(name, "bob")))
    assert text.count("m") - text.split("rank", 1)[0].count("m") >= 300
    table = [line for line in text.splitlines()[2:-1] if not line.startswith("•")]  # sentences stay one line
    assert len(table) > 3 and all(len(line) <= PIPE_WIDTH for line in table)


def test_components_follow_their_board():
    wins = [[0, 40, 0, 0], [40, 0, 0, 0], [0, 0, 0, 40], [0, 0, 40, 0]]
    text = shown(rank(Comparisons.from_counts(["ada", "bob", "cyn", "dan"], wins)))
    assert "bradley_terry · component = 2" in text
    assert text.index("component = 2") > text.index("fingerprint")


def parsed(*boards):
    return list(csv.DictReader(io.StringIO(boards_to_csv(boards), newline="")))


def test_boards_as_csv():
    board = rank(votes("ada", "bob", "cyn"))
    rows = parsed(board, replace(board, by={"language": "en", "turn": 1}))
    assert [row["group"] for row in rows] == [""] * 3 + ["language=en turn=1"] * 3
    assert [row["model"] for row in rows] == ["ada", "bob", "cyn"] * 2
    assert [float(row["score"]) for row in rows[:3]] == [row.score for row in board.rows]
    assert [row["votes"] for row in rows[:3]] == [str(row.votes) for row in board.rows]


def test_what_has_no_number_is_empty_in_csv():
    wins = [[0, 40, 0], [40, 0, 0], [35, 0, 0]]
    first = parsed(rank(Comparisons.from_counts(["ada", "bob", "cyn"], wins)))[0]
    assert (first["model"], first["rank"], first["upper"], first["status"]) == ("cyn", "1", "", "ranked")


@pytest.mark.parametrize("sign", list("=+-@\t\r"))
def test_texts_that_a_spreadsheet_would_run_get_an_apostrophe(sign):
    """OWASP, CSV injection: = + - @, tab and carriage return begin a formula."""
    name = f"{sign}cmd|'/c calc'!A1"
    board = replace(rank(votes(name, "bob")), by={f"{sign}x": "y"})
    assert {row["model"] for row in parsed(board)} == {f"'{name}", "bob"}
    assert {row["group"] for row in parsed(board)} == {f"'{sign}x=y"}


def test_negative_numbers_stay_numbers_in_csv():
    board = rank(votes("ada", "bob"), scale="natural")
    scores = [row["score"] for row in parsed(board)]
    assert float(scores[1]) < 0
    assert not scores[1].startswith("'")
