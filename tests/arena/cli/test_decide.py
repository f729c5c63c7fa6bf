"""`agon decide`: facts from a table and from a real log, the same decision as Python, bad input."""

import json

import pytest

from agon.arena.cli.commands import main
from agon.data import comparisons
from agon.data.model_facts import measured_facts, read_facts
from agon.ranking import decide, rank
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.paths import DATASETS

HUMAN = DATASETS / "chatbot_arena_2023_human_votes.parquet"
PRICES = "model,price,licence\ngpt-4,30,closed\nclaude-v1,8,closed\nvicuna-13b,0.2,llama\nkoala-13b,,llama\n"


@pytest.mark.skipif(not HUMAN.exists(), reason=f"needs {HUMAN.name}, which is not in the repository")
def test_the_command_says_what_python_says(tmp_path, capsys):
    (tmp_path / "models.csv").write_text(PRICES)
    facts = str(tmp_path / "models.csv")
    words = [str(HUMAN), "--facts", facts, "--at-most", "price=10", "--prefer", "price", "--within", "30"]
    assert not main(["decide", *words, "--format", "json"])
    said = json.loads(capsys.readouterr().out)["decision"]
    board = rank(comparisons(HUMAN))
    made = decide(board, read_facts(facts), at_most={"price": 10}, prefer="price", within=30)
    assert said["conclusion"] == made.conclusion()
    assert said["choice"] == made.choice == "claude-v1"
    assert {one["model"]: one["why_not"] for one in said["candidates"]}["koala-13b"] == "unknown price"
    assert not main(["decide", *words])
    assert capsys.readouterr().out.replace("\n", " ").startswith(made.conclusion()[:30])


def test_a_log_says_what_it_measured(tmp_path, capsys):
    """Two models that differ in pace; a real server, real votes, then the folder that it leaves."""
    models = roster(Scripted(gap=0.0), Scripted(gap=0.12))
    with open_arena(tmp_path / "log", models) as server:
        visitor = server.visitor()
        for number in range(12):
            assert visitor.vote(visitor.ready(), "ab"[number % 2]).status_code == 200
    measured = measured_facts(tmp_path / "log")
    quick, slow = (contestant.card.name for contestant in models.contestants)
    names = {"first_token", "seconds", "tokens", "length", "tokens_per_second", "failures"}
    assert set(measured[quick]) == names
    assert measured[slow]["seconds"] > 0.3 > measured[quick]["seconds"]  # three words, 0.12 s before each
    assert measured[quick]["failures"] == 0
    assert not main(["decide", str(tmp_path / "log"), "--at-most", "seconds=0.3", "--format", "json"])
    made = json.loads(capsys.readouterr().out)["decision"]
    assert {one["model"]: one["why_not"] for one in made["candidates"]} == {
        quick: "too few votes",
        slow: "too few votes",
    }


@pytest.mark.parametrize(
    ("table", "words", "sentence"),
    [
        (None, [], "name a table with --facts FILE"),
        ("name,price\na,1\n", [], "has no column 'model'"),
        ("model,price\na,1\na,2\n", [], "names 'a' a second time in row 2"),
        ("model,price\n,1\n", [], "names no model in row 1"),
        ("model,price\na,1\n", ["--at-most", "price"], "--at-most 'price' must be FACT=VALUE"),
        ("model,price\na,1\n", ["--at-most", "price=low"], "'low' is not a number"),
        ("model,price\na,1\n", ["--prefer", "prise"], "There is no fact 'prise'; did you mean 'price'?"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, capsys, table, words, sentence):
    votes = tmp_path / "votes.csv"
    votes.write_text("model_a,model_b,winner\n" + "a,b,model_a\nb,a,model_a\n" * 40)
    if table is not None:
        (tmp_path / "models.csv").write_text(table)
        words = ["--facts", str(tmp_path / "models.csv"), *words]
    assert main(["decide", str(votes), *words]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
