"""People and LLM judges: never mixed in silence, whatever holds the votes."""

import json

import pandas as pd
import pytest

from agon.arena.cli.commands import main
from agon.data import comparisons
from agon.ranking import Comparisons, OptionError, SourceError, rank

PEOPLE = [("ada", "bob", "model_a")] * 6 + [("bob", "ada", "model_a")] * 4
JUDGES = [("bob", "ada", "model_a")] * 20 + [("ada", "bob", "model_a")] * 5


def frame(kinds=("human", "llm"), **more):
    rows = [(*row, kinds[0]) for row in PEOPLE] + [(*row, kinds[1]) for row in JUDGES]
    return pd.DataFrame(rows, columns=["model_a", "model_b", "winner", "voter_kind"]).assign(**more)


def codes(board):
    return {note.code: note.message for note in board.diagnostics}


@pytest.fixture(params=["frame", "parquet", "csv", "jsonl"])
def source(request, tmp_path):
    table = frame()
    if request.param == "frame":
        return table
    path = tmp_path / f"votes.{request.param}"
    {
        "parquet": table.to_parquet,
        "csv": lambda p: table.to_csv(p, index=False),
        "jsonl": lambda p: table.to_json(p, orient="records", lines=True),
    }[request.param](path)
    return path


def test_people_count_where_both_voted_and_the_board_says_so(source):
    votes = comparisons(source)
    board = rank(votes, min_votes=0, interval="none")
    assert len(votes) == 10
    assert board.rows[0].model == "ada"
    assert board.settings["left_out"] == {"votes of LLM judges": 25}
    assert codes(board)["other_voters"].startswith("25 votes of LLM judges were left out")
    assert "left_out" not in codes(board), "they are not invalid"


def test_what_is_asked_for_is_taken(source):
    judges = comparisons(source, voters="llm")
    assert (len(judges), judges.llm_votes) == (25, 25)
    board = rank(judges, min_votes=0)
    assert board.rows[0].model == "bob"
    assert codes(board)["llm_judges"] == "All 25 votes are of LLM judges."
    assert board.settings["left_out"] == {"votes of people": 10}
    mixed = comparisons(source, voters="all")
    assert len(mixed) == 35
    assert codes(rank(mixed, min_votes=0))["llm_judges"].startswith("25 of 35 votes are of LLM judges, mixed")
    assert len(comparisons(source, voters="human")) == 10


def test_the_same_votes_give_the_same_board_however_they_were_kept_apart(source):
    people = pd.DataFrame(PEOPLE, columns=["model_a", "model_b", "winner"])
    assert rank(comparisons(source), min_votes=0).rows == rank(comparisons(people), min_votes=0).rows


def test_one_kind_alone_is_ranked_whichever_it_is():
    only = frame().query("voter_kind == 'llm'")
    board = rank(comparisons(only), min_votes=0)
    assert board.rows[0].model == "bob"
    assert set(codes(board)) >= {"llm_judges"}
    assert board.settings["left_out"] == {}
    people = frame(("human", "human"))
    assert codes(rank(comparisons(people), min_votes=0)).keys() & {"llm_judges", "other_voters"} == set()


def test_a_missing_kind_is_a_person_as_is_a_source_that_does_not_say():
    assert len(comparisons(frame((None, "llm")))) == 10
    plain = frame().drop(columns="voter_kind")
    assert len(comparisons(plain)) == len(comparisons(plain, voters="human")) == 35
    assert comparisons(plain).llm_votes == 0


def test_conditions_groups_clusters_and_times_see_the_same_votes():
    table = frame(language=["en", "de"] * 17 + ["en"], voter=[f"v{i % 7}" for i in range(35)])
    table["timestamp"] = range(35)
    votes = comparisons(table)
    assert len(votes.battles.sequence) == 10
    assert int(votes.clusters("voter").count.sum()) == 10
    parts = dict(votes.split("language"))
    assert {name: len(part) for name, part in parts.items()} == {"de": 5, "en": 5}
    assert parts["en"].left_out == {"votes of LLM judges": 13}
    assert parts["de"].left_out == {"votes of LLM judges": 12}
    english = comparisons(table, where="language = 'en'")
    assert (len(english), dict(english.left_out)) == (5, {"votes of LLM judges": 13})


def test_invalid_rows_are_counted_beside():
    table = frame()
    table.loc[0, "winner"] = "left"
    votes = comparisons(table, invalid="drop")
    assert dict(votes.left_out) == {"with an unknown winner": 1, "votes of LLM judges": 25}
    assert set(codes(rank(votes, min_votes=0))) >= {"left_out", "other_voters"}


def test_arrays_say_so_too():
    votes = Comparisons.of(
        "ab", [[0, 1]] * 3, [[1, 2], [2, 1], [1, 2]], labels={"voter_kind": ["human", "llm", "llm"]}
    )
    assert codes(rank(votes, min_votes=0))["llm_judges"].startswith("2 of 3 votes are of LLM judges, mixed")


def test_refusals():
    with pytest.raises(OptionError, match="no kind of voters 'people'"):
        comparisons(frame(), voters="people")
    with pytest.raises(SourceError, match="has a voter_kind 'robot': write 'human' or 'llm'"):
        comparisons(frame(("human", "robot")))
    with pytest.raises(SourceError, match="has no votes of LLM judges: without a column voter_kind"):
        comparisons(frame().drop(columns="voter_kind"), voters="llm")
    with pytest.raises(SourceError, match="has no votes of people; all are votes of LLM judges"):
        comparisons(frame(("llm", "llm")), voters="human")


def test_on_the_command_line(tmp_path, capsys):
    path = tmp_path / "votes.csv"
    frame().to_csv(path, index=False)
    for given, first in (([], "ada"), (["--voters", "llm"], "bob"), (["--voters", "all"], "bob")):
        assert main(["rank", str(path), "--min-votes", "0", "-f", "json", *given]) == 0
        (board,) = json.loads(capsys.readouterr().out)["boards"]
        assert board["models"][0]["model"] == first
    assert main(["check", str(path), "--min-votes", "5"]) == 0
    assert main(["check", str(path), "--min-votes", "5", "--voters", "llm"]) == 0
    assert "25 votes" in capsys.readouterr().out


def test_a_log_with_both_kinds_of_imports_ranks_people(tmp_path, capsys):
    """A battle table and an AlpacaEval file in one log: the judge's votes do not slip into the board."""
    battles = [
        {"model_a": a, "model_b": b, "winner": w, "anony": True, "judge": "u1", "turn": 1}
        for a, b, w in PEOPLE
    ]
    annotations = [
        {"generator_1": a, "generator_2": b, "preference": 1.0, "instruction": "Say hi", "annotator": "gpt4"}
        for a, b, _ in JUDGES
    ]
    for name, rows in (("clean_battle.json", battles), ("annotations.json", annotations)):
        (tmp_path / name).write_text(json.dumps(rows))
        assert main(["import", str(tmp_path / name), "--into", str(tmp_path / "log")]) == 0
    capsys.readouterr()
    assert main(["rank", str(tmp_path / "log"), "--min-votes", "0", "-f", "json"]) == 0
    (board,) = json.loads(capsys.readouterr().out)["boards"]
    assert board["settings"]["votes"] == 10
    assert board["settings"]["left_out"] == {"votes of LLM judges": 25}
