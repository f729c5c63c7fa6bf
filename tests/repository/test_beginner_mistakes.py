"""What a beginner gets wrong in the first hour: each is answered by one sentence of ours, whose remedy works.

The list was written from the questions that people ask about pandas, choix and arena notebooks, before the
answers were looked at. A remedy is code: what the sentence tells to do; it gives a board, or what was asked.
"""

import csv
import io
import json
import re
import subprocess
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import agon as ag
from agon.ranking import METHODS, PairCounts, Scores, margin_of_victory
from tests.support.paths import REPOSITORY

ROWS = [
    {"model_a": "ada", "model_b": "bob", "winner": "model_a", "voter": "u1", "language": "en"},
    {"model_a": "bob", "model_b": "cyn", "winner": "model_b", "voter": "u2", "language": "de"},
    {"model_a": "ada", "model_b": "cyn", "winner": "tie", "voter": "u1", "language": "en"},
    {"model_a": "ada", "model_b": "cyn", "winner": "model_b", "voter": "u3", "language": "de"},
    {"model_a": "ada", "model_b": "bob", "winner": "model_b", "voter": "u2", "language": "en"},
] * 20
FRAME = pd.DataFrame(ROWS)
TABLE = pd.DataFrame({"model": ["ada", "bob", "cyn"], "x": [1, 2, 3], "y": [1, 3, 2]})
VOTES = ag.comparisons(FRAME)
BOARD = ag.rank(VOTES)
BARE = ag.rank(VOTES, interval="none")
COPELAND = ag.rank(VOTES, "copeland")
WINS = [[0, 3, 1], [2, 0, 4], [1, 1, 0]]


def with_(**first: Any) -> pd.DataFrame:
    """The votes with other values in the first row."""
    frame = FRAME.astype(object)
    for column, value in first.items():
        frame.loc[0, column] = value
    return frame


def winners(**words: Any) -> pd.DataFrame:
    """The votes with the winners in other words."""
    return FRAME.assign(winner=FRAME["winner"].map(words))


def unannotated(votes):
    return votes


def gives_a_list(pairs: PairCounts):
    return [1.0, 2.0, 3.0]


def gives_scores(pairs: PairCounts) -> Scores:
    return Scores(pairs.wins.sum(axis=1))


@dataclass(frozen=True)
class Mistake:
    """What is written, what the answer says, and the code that its remedy is."""

    name: str
    wrong: Any
    says: str
    remedy: Any


def mistakes(folder: Path) -> list[Mistake]:
    at = folder / "votes.csv"
    FRAME.to_csv(at, index=False)
    FRAME.to_csv(folder / "votes.txt", index=False)
    (folder / "empty.csv").write_text("")
    (folder / "head.csv").write_text("model_a,model_b,winner\n")
    (folder / "folder").mkdir()
    board_file = folder / "board.json"
    board_file.write_text(BOARD.to_json())
    text = at.read_text()

    def opened():
        with at.open() as file:
            return ag.rank(file)

    def rank(source: Any = VOTES, *given: Any, **options: Any) -> Any:
        return lambda: ag.rank(source, *given, **options)

    M = Mistake
    return [
        # names
        M("a misspelt function", lambda: ag.rankk(at), r"did you mean ag\.rank\?", rank(at)),
        M(
            "a method as a function",
            lambda: ag.elo(at),
            r"it is a method: ag\.rank\(votes, 'elo'\)",
            rank(VOTES, "elo"),
        ),
        M(
            "a reader of pandas",
            lambda: ag.read_csv(at),
            r"ag\.comparisons reads votes",
            lambda: ag.comparisons(at),
        ),
        M(
            "a function that lies deeper",
            lambda: ag.plan_votes,
            "from agon.ranking import plan_votes",
            lambda: ag.ranking.plan_votes,
        ),
        M(
            "the type instead of its reader",
            lambda: ag.Comparisons(FRAME),
            r"read it with ag\.comparisons",
            lambda: ag.comparisons(FRAME),
        ),
        # sources
        M("a file that is not there", rank(folder / "vots.csv"), "did you mean 'votes.csv'", rank(at)),
        M("a folder without votes", rank(folder / "folder"), "name a file", rank(at)),
        M("an empty file", rank(folder / "empty.csv"), "is empty; give one that has rows", rank(at)),
        M(
            "a file with a header alone",
            rank(folder / "head.csv"),
            "a header but no rows; add them",
            rank(at),
        ),
        M(
            "a file without an ending that says what it is",
            rank(folder / "votes.txt"),
            r"such as \.csv.*; rename it",
            lambda: ag.rank((folder / "votes.txt").rename(folder / "renamed.csv")),
        ),
        M("an address", rank("https://example.org/votes.csv"), "download it: curl", rank(at)),
        M(
            "the text instead of its file",
            rank(text),
            "write it into a file",
            rank(list(csv.DictReader(io.StringIO(text)))),
        ),
        M("an open file", opened, "give the path of the file, '.*votes.csv'", rank(at)),
        M("nothing", rank(None), "give the path of a file, a DataFrame", rank(FRAME)),
        M("a generator", rank(row for row in ROWS), r"give a list of its rows: list\(", rank(list(ROWS))),
        M("names", rank(["ada", "bob"]), "its rows must be mappings such as {'model_a'", rank(ROWS)),
        M(
            "tuples",
            rank([("ada", "bob", "model_a")]),
            "its rows must be mappings such as {'model_a'",
            rank([{"model_a": "ada", "model_b": "bob", "winner": "model_a"}]),
        ),
        M(
            "scores by name",
            rank({"ada": 0.9, "bob": 0.8}),
            r"scores are \[{'model': \.\.\., 'score': \.\.\.}",
            lambda: ag.rank([{"model": "ada", "score": 0.9}, {"model": "bob", "score": 0.8}], "mean"),
        ),
        M("one vote", rank(dict(ROWS[0])), r"one vote is \[{'model_a': \.\.\.", rank([dict(ROWS[0])])),
        M(
            "wins by name",
            rank({"ada": {"bob": 3}, "bob": {"ada": 2}}),
            r"ag\.Comparisons\.from_counts\(models, wins\)",
            rank(ag.Comparisons.from_counts(["ada", "bob"], [[0, 3], [2, 0]])),
        ),
        M(
            "an array",
            rank(np.array(WINS)),
            r"ag\.Comparisons\.from_counts\(models, wins\)",
            rank(ag.Comparisons.from_counts(["ada", "bob", "cyn"], np.array(WINS))),
        ),
        M("one column", rank(FRAME["winner"]), "give the whole DataFrame", rank(FRAME)),
        M("a board", rank(BOARD), "it is a board already; give the votes", rank(VOTES)),
        M(
            "several boards",
            rank([BOARD, COPELAND]),
            r"ag\.agreement\(boards\)",
            lambda: ag.agreement([BOARD, COPELAND]),
        ),
        M("the frame of a board", rank(BOARD.to_frame()), "is a board already; give the votes", rank(VOTES)),
        M(
            "a table where votes are wanted",
            lambda: ag.comparisons(TABLE),
            r"ag\.score_table",
            lambda: ag.score_table(TABLE),
        ),
        M(
            "votes where a table is wanted",
            lambda: ag.score_table(FRAME),
            r"ag\.comparisons",
            lambda: ag.comparisons(FRAME),
        ),
        M("votes for a rule on scores", rank(VOTES, "mean"), "such as 'copeland'", rank(VOTES, "copeland")),
        # columns and rows
        M(
            "columns in other words",
            rank(FRAME.rename(columns={"model_a": "Model A"})),
            "Name yours with columns=",
            lambda: ag.rank(FRAME.rename(columns={"model_a": "Model A"}), columns={"model_a": "Model A"}),
        ),
        M(
            "columns swapped",
            rank(FRAME.rename(columns={"model_a": "winner", "winner": "model_a"})),
            r"columns={'winner': 'model_a', 'model_a': 'winner'}",
            lambda: ag.rank(
                FRAME.rename(columns={"model_a": "winner", "winner": "model_a"}),
                columns={"winner": "model_a", "model_a": "winner"},
            ),
        ),
        M(
            "columns the wrong way round",
            rank(FRAME.rename(columns={"voter": "judge"}), columns={"judge": "voter"}),
            "write columns={'voter': 'judge'}",
            rank(FRAME.rename(columns={"voter": "judge"}), columns={"voter": "judge"}),
        ),
        M(
            "a list of columns",
            rank(FRAME, columns=["model_a", "model_b", "winner"]),
            "columns is a mapping",
            rank(FRAME, columns={"model_a": "model_a"}),
        ),
        M(
            "winners A and B",
            rank(winners(model_a="A", model_b="B", tie="tie")),
            r"labels={'A': 'model_a'}",
            rank(winners(model_a="A", model_b="B", tie="tie"), labels={"A": "model_a", "B": "model_b"}),
        ),
        M(
            "winners left and right",
            rank(winners(model_a="left", model_b="right", tie="tie")),
            r"labels={'left': 'model_a'}",
            rank(
                winners(model_a="left", model_b="right", tie="tie"),
                labels={"left": "model_a", "right": "model_b"},
            ),
        ),
        M(
            "winners 1 and 0",
            rank(winners(model_a=1, model_b=0, tie=0.5)),
            r"labels={'0.0': 'model_a'}",
            rank(winners(model_a=1, model_b=0, tie=0.5), labels={1: "model_a", 0: "model_b", 0.5: "tie"}),
        ),
        M(
            "winners true and false",
            rank(FRAME.assign(winner=FRAME["winner"] == "model_a")),
            r"labels={'false': 'model_a'}",
            rank(
                FRAME.assign(winner=FRAME["winner"] == "model_a"), labels={True: "model_a", False: "model_b"}
            ),
        ),
        M(
            "labels the wrong way round",
            lambda: ag.comparisons(
                winners(model_a="left", model_b="right", tie="tie"), labels={"model_a": "left"}
            ),
            "write labels={'left': 'model_a'}",
            lambda: ag.comparisons(
                winners(model_a="left", model_b="right", tie="tie"),
                labels={"left": "model_a", "right": "model_b"},
            ),
        ),
        M(
            "a tie as nothing",
            rank(FRAME.assign(winner=FRAME["winner"].replace("tie", None))),
            "say model_a, model_b, tie",
            rank(FRAME.assign(winner=FRAME["winner"].replace("tie", None).fillna("tie"))),
        ),
        M(
            "a model without a name",
            rank(with_(model_a=np.nan)),
            'invalid="drop"',
            rank(with_(model_a=np.nan), invalid="drop"),
        ),
        M(
            "a model against itself",
            rank(with_(model_a="bob")),
            'invalid="drop"',
            rank(with_(model_a="bob"), invalid="drop"),
        ),
        M("a name with a blank", rank(with_(model_a="ada ")), "trim it", rank(with_(model_a="ada"))),
        M(
            "negative votes",
            rank(FRAME.assign(weight=-1.0)),
            "must be a positive number; correct it",
            rank(FRAME.assign(weight=1.0)),
        ),
        M(
            "a probability in per cent",
            rank(FRAME.drop(columns="winner").assign(p_a=70)),
            "between 0 and 1; correct it",
            rank(FRAME.drop(columns="winner").assign(p_a=0.7)),
        ),
        M(
            "one model a row with its place",
            rank([{"models": "ada", "places": 1}]),
            r"write a list, such as models \['ada', 'bob', 'cyn'\] with places \[1, 2, 2\]",
            rank([{"models": ["ada", "bob", "cyn"], "places": [1, 2, 2]}]),
        ),
        M(
            "a condition in double quotes",
            rank(FRAME, where='language = "en"'),
            "a text stands in single quotes: 'en'",
            rank(FRAME, where="language = 'en'"),
        ),
        M(
            "a mask of pandas as the condition",
            rank(FRAME, where=FRAME["language"] == "en"),
            "or give the rows that you want",
            rank(FRAME[FRAME["language"] == "en"]),
        ),
        # methods and settings
        M(
            "a method misspelt",
            rank(VOTES, "bradly_terry"),
            "did you mean 'bradley_terry'",
            rank(VOTES, "bradley_terry"),
        ),
        M(
            "several methods",
            rank(VOTES, ["elo", "win_rate"]),
            "rank_all takes several",
            lambda: ag.rank_all(VOTES, ["elo", "win_rate"]),
        ),
        M(
            "a function without a view",
            rank(VOTES, unannotated),
            "annotate the first parameter with the view it needs, one of PairCounts",
            rank(VOTES, gives_scores),
        ),
        M(
            "a function that gives a list",
            rank(VOTES, gives_a_list),
            "must return Scores",
            rank(VOTES, gives_scores),
        ),
        M("a level in per cent", rank(VOTES, level=95), r"95% is 0\.95", rank(VOTES, level=0.95)),
        M("a seed in words", rank(VOTES, seed="lucky"), "a whole number of at least 0", rank(VOTES, seed=0)),
        M(
            "an option misspelt",
            rank(VOTES, intervall="none"),
            "did you mean 'interval'",
            rank(VOTES, interval="none"),
        ),
        M(
            "a column misspelt",
            lambda: ag.rank_by(VOTES, "langauge"),
            "did you mean 'language'",
            lambda: ag.rank_by(VOTES, "language"),
        ),
        # boards
        M("a model that is not there", lambda: BOARD["Ada"], "did you mean 'ada'", lambda: BOARD["ada"]),
        M("a row that is not there", lambda: BOARD[100], r"from board\[0\] to board\[2\]", lambda: BOARD[2]),
        M(
            "a column of a board",
            lambda: BOARD["score"],
            r"take board\.to_frame\(\)\['score'\]",
            lambda: BOARD.to_frame()["score"],
        ),
        M(
            "a board as a frame",
            lambda: BOARD.to_pandas,
            r"board\.to_frame\(\) is a pandas DataFrame",
            BOARD.to_frame,
        ),
        M(
            "a board and a file",
            lambda: BOARD.compare(board_file),
            r"Leaderboard\.from_json",
            lambda: BOARD.compare(ag.Leaderboard.from_json(board_file.read_text())),
        ),
        M(
            "the path of a board",
            lambda: ag.Leaderboard.from_json(str(board_file)),
            r"from_json\(Path\('.*board\.json'\)\.read_text\(\)\)",
            lambda: ag.Leaderboard.from_json(Path(board_file).read_text()),
        ),
        M(
            "a path to write to",
            lambda: BOARD.to_csv(str(folder / "board.csv")),
            r"Path\('.*board\.csv'\)\.write_text\(board\.to_",
            lambda: Path(folder / "board.csv").write_text(BOARD.to_csv()),
        ),
        M(
            "a difference without intervals",
            lambda: BARE.difference("ada", "bob"),
            'interval="auto"',
            lambda: ag.rank(VOTES, interval="auto").difference("ada", "bob"),
        ),
    ]


@pytest.fixture(scope="module")
def every(tmp_path_factory):
    return mistakes(tmp_path_factory.mktemp("mistakes"))


def answer(wrong) -> str:
    """The sentence that answers a mistake; it was raised by a line of ours that says so."""
    with pytest.raises(Exception) as raised:
        wrong()
    last = traceback.extract_tb(raised.value.__traceback__)[-1]
    ours = Path(last.filename).resolve().is_relative_to(REPOSITORY) and last.line.startswith("raise ")
    assert isinstance(raised.value, ag.AgonError) or ours, f"{type(raised.value).__name__}: {raised.value}"
    return str(raised.value)


@pytest.mark.parametrize("number", range(62))
def test_it_is_answered_by_one_sentence_and_the_remedy_works(every, number):
    mistake = every[number]
    said = answer(mistake.wrong)
    assert re.search(mistake.says, said), f"{mistake.name}: {said}"
    assert "\n" not in said and len(said) <= 400, f"{mistake.name}: {said}"
    assert mistake.remedy() is not None, mistake.name


def test_there_are_sixty_two_and_each_is_another(every):
    assert len({mistake.name for mistake in every}) == len(every) == 62


def test_importing_a_folder_by_its_name_says_what_it_is_called_now():
    for folder in ("ranking", "data", "serving", "arena"):
        done = subprocess.run(
            [sys.executable, "-c", f"import {folder}"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        assert f"{folder} is imported as agon.{folder} now" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: ag.agreement(BOARD), "agreement compares boards: give a list"),
        (lambda: ag.agreement([BOARD]), "at least two boards"),
        (lambda: ag.rank_all(VOTES, []), "the name of one method at least"),
        (lambda: ag.rank_all(VOTES, ["elo"], by=["language"]), "by is the name of one column"),
        (lambda: METHODS["ello"], "did you mean 'elo'"),
        (lambda: ag.method(unannotated), 'write @method\\("my_rule", source="our own"\\)'),
        (lambda: ag.check(VOTES), "give what these votes were read from, a path or a frame"),
        (lambda: VOTES + FRAME, "with ag.comparisons"),
        (lambda: BOARD.to_markdown(-1), "the number of rows from the top"),
        (lambda: BOARD[1.5], r"a name or a position, such as board\[0\]"),
        (lambda: BOARD.scores, r"a row has: board\[0\]\.score"),
        (lambda: ag.comparisons(VOTES, where="TRUE"), "These votes were read before"),
        (lambda: ag.win_rate_map(VOTES, ["adaa"]), "did you mean 'ada'"),
        (lambda: ag.rank_by(VOTES, "language")["fr"], "There is no language 'fr' here; known: de, en"),
        (lambda: margin_of_victory(VOTES, "copeland", "ada", "nobody"), "There is no model 'nobody'"),
        (lambda: COPELAND.win_probability("ada", "bob"), "rank with bradley_terry"),
        (lambda: ag.Leaderboard.from_json("hello"), "not the JSON of boards"),
        (lambda: ag.preflib("votes.csv"), "a PrefLib file that ends in"),
    ],
)
def test_so_are_others(wrong, says):
    assert re.search(says, answer(wrong))


def test_what_is_no_mistake_works():
    assert BOARD.difference(0, 1) == BOARD.difference(BOARD[0].model, BOARD[1].model)
    assert ag.comparisons(VOTES) is VOTES
    assert ag.compare_rules(VOTES, "elo").methods == ("elo",)
    assert json.loads(BOARD.to_json())["boards"]
    assert len(BOARD.first_rows(2)) == 2
