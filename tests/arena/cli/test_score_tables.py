"""`agon rank` on tables of scores and on elections: what a person sees, and what is refused how."""

import csv
import io
import json
from fractions import Fraction

import pytest

SCORES = "model,math,code,chat\nada,9,2,8\nbob,7,6,7\ncyn,1,9,\n"
MODELS = ["ada", "bob", "cyn"]


@pytest.fixture
def table(tmp_path):
    """A function that writes a table of scores and returns its path."""

    def write(text=SCORES, name="scores.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def boards(run, *words):
    """The boards that a command prints as JSON."""
    status, out, err = run("rank", *words, "--format", "json")
    assert (status, err) == (0, "")
    return json.loads(out)["boards"]


def scores(board):
    """Score by model of one board."""
    return {row["model"]: row["score"] for row in board["models"]}


def test_borda_by_hand(run, table):
    """math 2, 1, 0; code 0, 1, 2; chat without cyn: 2 and 1 if worst, 1 and 0 if chat is dropped."""
    (board,) = boards(run, table(), "-m", "borda", "--missing", "worst")
    assert scores(board) == {"ada": 4.0, "bob": 3.0, "cyn": 2.0}
    (board,) = boards(run, table(), "-m", "borda", "--missing", "drop_task")
    assert scores(board) == {"ada": 2.0, "bob": 2.0, "cyn": 2.0}
    assert board["models"][0]["votes"] == 3, "tasks with a score"


def test_weights_by_hand(run, table):
    """code three times: ada 2 + 0 + 2, bob 1 + 3 + 1, cyn 0 + 6 + 0, where a task weighs 5/3 on average."""
    (board,) = boards(run, table(), "-m", "borda:missing=worst", "--weights", "code=3")
    assert scores(board) == pytest.approx({"ada": 4 / (5 / 3), "bob": 5 / (5 / 3), "cyn": 6 / (5 / 3)})
    (board,) = boards(run, table(), "-m", "mean", "--weights", "code=3,chat=0")
    assert scores(board) == pytest.approx({"ada": 15 / 4, "bob": 25 / 4, "cyn": 28 / 4})


def test_groups_by_hand(run, table):
    """Borda over math and code: 2 each, so the group is left out; over chat: 2, 1, 0."""
    groups = ["--groups", "math=hard,code=hard,chat=soft"]
    full = table(SCORES.replace("1,9,", "1,9,6"), "full.csv")
    (board,) = boards(run, full, "-m", "two_level", *groups, "--interval", "none")
    assert scores(board) == {"ada": 2.0, "bob": 1.0, "cyn": 0.0}
    assert "equal in hard" in board["diagnostics"][0]["message"]
    by_group = boards(run, table(), "-m", "copeland", *groups, "--by", "group")
    assert [board["by"] for board in by_group] == [{"group": "hard"}, {"group": "soft"}]
    assert len(by_group[1]["models"]) == 2, "cyn has no score there"


@pytest.mark.parametrize(("ties", "first"), {"share": 1.5, "best": 2, "worst": 1, "published": 1}.items())
def test_ties_by_hand(ties, first, run, table):
    """ada and bob share the first place on x; on y it is 1, 0 and 2."""
    path = table("model,x,y\nada,1,2\nbob,1,1\ncyn,0,3\n")
    (board,) = boards(run, path, "-m", "borda", "--ties", ties)
    assert scores(board) == {"ada": first + 1.0, "bob": first, "cyn": 2.0}


def test_ties_and_gaps_go_to_the_methods_that_have_them(run, table):
    words = ["-m", "borda", "-m", "copeland", "--missing", "worst", "--ties", "best"]
    borda, copeland = boards(run, table(), *words)
    assert (borda["settings"]["missing"], borda["settings"]["ties"]) == ("worst", "best")
    assert "missing" not in copeland["settings"]


def test_categories_vote_not_votes(run, table):
    """ada wins 3 of 4 votes in en and loses in de and fr: a category is one ballot, so bob wins 2 to 1."""
    rows = [("ada", "bob", "model_a", "en")] * 9 + [("ada", "bob", "model_b", lang) for lang in ("de", "fr")]
    text = "model_a,model_b,winner,language\n" + "".join(",".join(row) + "\n" for row in rows)
    path = table(text, "votes.csv")
    (board,) = boards(run, path, "-m", "borda", "--ballots-by", "language")
    assert scores(board) == {"bob": 2.0, "ada": 1.0}
    (board,) = boards(run, path, "-m", "borda", "--min-votes", "1")
    assert scores(board) == {"ada": 9.0, "bob": 2.0}


def test_another_column_names_the_models(run, table):
    path = table("who,origin,x,y,z\nada,us,1,2,3\nbob,fr,2,1,4\n")
    status, out, err = run("rank", path, "-m", "copeland")
    assert (status, out) == (2, "")
    assert "(--column model=who)" in err
    (board,) = boards(run, path, "-m", "copeland", "--column", "model=who", "--ignore", "origin")
    assert scores(board) == {"bob": 1.0, "ada": -1.0}


class TestLens:
    def test_a_table_by_numbers_of_rules(self, run, table):
        status, out, err = run(
            "rank", table(), "--compare-rules", "-m", "copeland", "-m", "borda:missing=worst"
        )
        assert (status, err) == (0, "")
        lines = out.splitlines()
        assert "first under" in lines[0]
        assert lines[1].split() == ["rule", "first", "probability", "could", "be", "first", "too"]
        assert [line.split()[:2] for line in lines[2:4]] == [["1", "copeland"], ["2", "borda"]]
        assert lines[5].split() == ["rank", "1", "2"]
        assert {line.split()[0] for line in lines[6:9]} == set(MODELS)
        assert lines[-1] == "rank ranges at 95% from 200 resamples, seed 0"

    def test_rules_that_the_table_cannot_bear_are_left_out_by_name(self, run, table):
        out = run("rank", table(), "--compare-rules", "--n-resamples", "20")[1]
        assert "Left out, for they need ballots without gaps, or scores: mean, borda, plurality" in out
        shared = run("rank", table(), "--compare-rules", "--n-resamples", "20", "--missing", "worst")[1]
        assert "Left out" not in shared
        status, out, err = run("rank", table(), "--compare-rules", "-m", "borda")
        assert (status, out) == (2, "")
        assert "'cyn' is missing from 1 of 3" in err

    def test_many_are_counted_and_all_are_in_the_json(self, run, table):
        rows = [f"m{i},{(i * 7) % 10},{(i * 3) % 10},{9 - (i * 7) % 10}" for i in range(10)]
        path = table("model,x,y,z\n" + "\n".join(rows) + "\n")
        words = ["rank", path, "--compare-rules", "-m", "plurality", "--n-resamples", "60"]
        entry = json.loads(run(*words, "-f", "json")[1])["comparison"]["methods"][0]
        others = entry["contenders"]
        assert len(others) > 4
        text = f"{', '.join(others[:3])} and {len(others) - 3} more"
        assert text in run(*words)[1]
        assert f"| {text} |" in run(*words, "-f", "markdown")[1]
        (row,) = csv.DictReader(io.StringIO(run(*words, "-f", "csv")[1]))
        assert row["contenders"] == text
        assert len(entry["ranks"]) == 10

    def test_burlington(self, run, datasets):
        """The city's count of 2009: plurality Wright, instant run-off Kiss, Condorcet Montroll."""
        path = datasets / "preflib" / "burlington" / "00005-00000002.toi"
        out = json.loads(run("rank", path, "--compare-rules", "--n-resamples", "20", "-f", "json")[1])
        first = {entry["method"]: entry["first"] for entry in out["comparison"]["methods"]}
        assert first["plurality"] == ["Kurt Wright"]
        assert first["instant_runoff"] == ["Bob Kiss"]
        assert first["copeland"] == first["schulze"] == ["Andy Montroll"]
        assert out["left_out"] == ["mean", "mean_win_rate"]


class TestPublishedTables:
    def test_glue(self, run, datasets):
        """Vote'n'Rank, weights of GLUE's nine tasks: ERNIE by Borda, Copeland and minimax."""
        with (datasets / "bench_glue_task_weights.csv").open(encoding="utf-8") as lines:
            weights = {row["task"]: row["weight"] for row in csv.DictReader(lines)}
        with (datasets / "bench_glue_published_votenrank_elect.csv").open(encoding="utf-8") as lines:
            elected = {row["method"]: row["winners"] for row in csv.DictReader(lines)}
        path = datasets / "bench_glue_table.csv"
        words = ["-m", "borda:ties=published", "-m", "copeland", "-m", "minimax", "--interval", "none"]
        given = ",".join(f"{task}={weight}" for task, weight in weights.items())
        for board in boards(run, path, *words, "--weights", given):
            first = [row["model"] for row in board["models"] if row["rank"] == 1]
            assert f"[{', '.join(first)}]" == elected[board["method"].capitalize()]

    def test_value_has_gaps(self, run, datasets):
        path = datasets / "bench_value_table.csv"
        status, out, err = run("rank", path, "-m", "borda")
        assert (status, out) == (2, "")
        assert "'Human' is missing from 5 of 11 different ones" in err
        assert "--missing worst" in err
        (board,) = boards(run, path, "-m", "borda", "--missing", "worst")
        assert len(board["models"]) == 7

    def test_mteb(self, run, datasets):
        path = datasets / "bench_mteb_en_v1_missing.csv"
        (board,) = boards(run, path, "-m", "copeland", "--interval", "none")
        assert len(board["models"]) == 238
        assert board["models"][0]["votes"] <= 56


BAD = {
    "a system twice": ("model,x,y\na,1,2\na,2,1\n", [], ["'a' twice, in rows 1 and 2"]),
    "look-alike systems": ("model,x,y\na,1,2\nA,2,1\n", [], ["'A' beside 'a', in rows 1 and 2"]),
    "no name": ("model,x,y\na,1,2\n,2,1\n", [], ["row 2 has no name in column 'model'"]),
    "a constant task": ("model,x,y\na,1,5\nb,2,5\n", [], ["'y' (column 2) has the same score, 5"]),
    "an empty column": ("model,x,y\na,1,\nb,2,\n", [], ["'y' (column 2) has no score at all"]),
    "an empty row": ("model,x,y\na,1,2\nb,2,1\nc,,\n", [], ["'c' (row 3) has no score on any task"]),
    "a text": ("model,x,y\na,1,2\nb,2,n.a.?\n", [], ["row 2 (b), column 'y': 'n.a.?' is no number"]),
    "a column of texts": ("model,x,url\na,1,u\nb,2,v\n", [], ["'url' is no column", "--ignore url"]),
    "infinite": ("model,x,y\na,1,inf\nb,2,1\n", [], ["The score of 'a' on 'y' is inf"]),
    "not positive": ("model,x,y\na,1,2\nb,0,1\n", ["-m", "geometric_mean"], ["'b' has 0 on 'x'"]),
    "negative": ("model,x,y\na,1,2\nb,3,-1\n", ["-m", "geometric_mean"], ["'b' has -1 on 'y'"]),
    "a gap": (SCORES, ["-m", "borda"], ["'cyn' is missing from 1 of 3", "--missing worst"]),
    "a gap in scores": (SCORES, ["-m", "mean"], ["'cyn' has no score on 'chat'", "--missing worst"]),
    "negative weight": (SCORES, ["--weights", "math=-1"], ["weight of task 'math' is -1"]),
    "NaN weight": (SCORES, ["--weights", "math=nan"], ["weight of task 'math' is nan"]),
    "no number": (SCORES, ["--weights", "math=much"], ["--weights: 'much' is not a number"]),
    "all weights 0": (SCORES, ["--weights", "math=0,code=0,chat=0"], ["Every task weighs 0"]),
    "unknown in weights": (SCORES, ["--weights", "mahts=1"], ["'mahts'", "did you mean 'math'?"]),
    "unknown in groups": (SCORES, ["--groups", "mahts=g"], ["groups names 'mahts'", "'math'?"]),
    "a task without group": (SCORES, ["--groups", "math=g"], ["Task 'code' has no group"]),
    "no groups": (SCORES, ["-m", "two_level"], ["have no groups", "--groups TASK=GROUP"]),
    "unknown to ignore": (SCORES, ["--ignore", "mahts"], ["ignore names 'mahts'", "'math'?"]),
    "unknown missing": (SCORES, ["-m", "borda", "--missing", "wurst"], ["missing must be", "'wurst'"]),
    "unknown missing in a comparison": (
        SCORES,
        ["--compare-rules", "--missing", "wurst"],
        ["missing must be", "'wurst'"],
    ),
    "unknown ties": (SCORES, ["-m", "borda", "--ties", "wurst"], ["ties must be", "'wurst'"]),
    "no rule with ties": (SCORES, ["-m", "copeland", "--ties", "share"], ["--ties does not apply"]),
    "no votes": (SCORES, ["-m", "elo"], ["a score table has none"]),
    "no condition": (SCORES, ["--where", "math > 1"], ["(--where) does not apply"]),
    "no ballots": (SCORES, ["-m", "borda", "--ballots-by", "math"], ["of a score table each task is one"]),
    "no column": (SCORES, ["--column", "model=system"], ["no column 'system' of models"]),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.slow
def test_bad_tables_are_one_sentence_with_row_and_column(case, run, table):
    text, words, says = BAD[case]
    status, out, err = run(
        "rank", table(text), *([] if {"-m", "--compare-rules"} & {*words} else ["-m", "copeland"]), *words
    )
    assert (status, out) == (2, ""), err
    assert err.startswith("agon: ")
    assert err.count("\n") == 1
    assert ".." not in err.replace("...", "")
    for part in says:
        assert part in err


ELECTION = """# FILE NAME: small.soi
# NUMBER ALTERNATIVES: 3
# NUMBER VOTERS: 3
# NUMBER UNIQUE ORDERS: 2
# ALTERNATIVE NAME 1: Ann
# ALTERNATIVE NAME 2: Bo
# ALTERNATIVE NAME 3: Cy
2: 1,2
1: 2,1
"""


def test_a_candidate_on_no_ballot(run, table):
    path = table(ELECTION, "small.soi")
    status, out, err = run("rank", path, "-m", "borda")
    assert (status, out) == (2, "")
    assert "candidate 'Cy' stands on no ballot" in err
    assert "--invalid drop" in err
    (board,) = boards(run, path, "-m", "borda", "--invalid", "drop", "--min-votes", "0")
    assert scores(board) == {"Ann": 2.0, "Bo": 1.0}
    status, out, err = run("rank", path, "--weights", "Ann=1")
    assert (status, out) == (2, "")
    assert "holds an election, not a table of scores" in err


def test_a_share_of_wins_is_a_fraction_of_the_tasks(run, table):
    """ada beats both on math and bob on chat, and is last on code: 2/2, 0/2, 1/1 of the others."""
    (board,) = boards(run, table(), "-m", "mean_win_rate")
    assert scores(board)["ada"] == pytest.approx(float(Fraction(2, 3)))
