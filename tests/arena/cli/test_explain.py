"""`agon explain`: every question answers what the Python call answers, in tables that fit and in JSON."""

import io
import json
import re
import sys
from typing import get_args

import pandas as pd
import pytest

from agon.arena.cli.commands import main
from agon.arena.cli.explain.command import What
from agon.arena.cli.explain.questions import QUESTIONS
from agon.data import comparisons, read_any, score_table
from agon.ranking import (
    axioms,
    breakdown_point,
    committee,
    iia_score,
    inter_annotator_agreement,
    intransitivity,
    justified_representation,
    majority_cycles,
    margin_of_victory,
    margins_of_victory,
    outlier_pairs,
    panel_lead,
    position_bias,
    prospects,
    rank,
    task_margin_of_victory,
    tiers,
    voter_reliability,
)
from tests.support.paths import DATASETS

PAIR = ["--model", "model-01", "--model", "model-02"]
PYTHON = {
    "margin": ([], lambda v: margins_of_victory(v, "bradley_terry")),
    "margin of two": (
        ["--places", "3", "-m", "win_rate"],
        lambda v: margins_of_victory(v, "win_rate", places=3),
    ),
    "prospects": ([], lambda v: prospects({name: part.pairs for name, part in v.split("category")})),
    "axioms": (["-m", "win_rate", "-m", "copeland"], lambda v: [axioms(v, ["win_rate", "copeland"])]),
    "independence": (["-m", "win_rate", "--places", "8"], lambda v: [iia_score(v, "win_rate", rounds=8)]),
    "outliers": ([], outlier_pairs),
    "tiers": (["--threshold", "0.1"], lambda v: [tiers(v, threshold=0.1)]),
    "cycles": ([], lambda v: [majority_cycles(v)]),
    "intransitivity": (["--seed", "3"], lambda v: [intransitivity(v, seed=3)]),
    "voters": (["--min-pairs", "20"], lambda v: [voter_reliability(v, min_votes=20)]),
    "agreement": ([], lambda v: [inter_annotator_agreement(v)]),
    "panel": ([], lambda v: [panel_lead(v)]),
    "sides": ([], lambda v: [position_bias(v)]),
    "committee": (
        ["--size", "2", "--approve", "1", "--missing", "worst"],
        lambda v: [
            committee(v, 2, approve=1, missing="worst"),
            justified_representation(v, committee(v, 2, approve=1, missing="worst").models, approve=1),
        ],
    ),
    "breakdown": (["-m", "copeland"], lambda v: [breakdown_point(v, method="copeland")]),
    "difference": (PAIR, lambda v: [rank(v).difference("model-01", "model-02")]),
}


@pytest.fixture(scope="module")
def votes(tmp_path_factory):
    path = tmp_path_factory.mktemp("explain") / "votes.parquet"
    assert main(["simulate", "--models", "12", "--votes", "1500", "--output", str(path)]) == 0
    return path


class Terminal(io.StringIO):
    """A terminal of the width that COLUMNS says."""

    def isatty(self):
        return True


def ask(capsys, *words):
    capsys.readouterr()
    status = main(["explain", *map(str, words)])
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.mark.parametrize("name", PYTHON)
@pytest.mark.slow
def test_a_question_answers_what_python_answers(votes, capsys, name):
    words, call = PYTHON[name]
    question = name.split()[0]
    wanted = list(call(comparisons(votes)))
    status, out, err = ask(capsys, question, votes, *words, "--format", "json")
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert found["question"] == question
    assert len(found["results"]) == len(wanted)
    for result, one in zip(found["results"], wanted, strict=True):
        for field, value in result.items():
            ours = getattr(one, field)
            if isinstance(ours, int | float | str | bool) and value is not None:
                assert value == ours, field
    if wanted:
        assert found["conclusions"] == [one.conclusion() for one in wanted]
    else:
        assert len(found["conclusions"]) == 1


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("name", PYTHON)
@pytest.mark.slow
def test_a_table_says_the_same_and_cuts_nothing(votes, capsys, monkeypatch, name, width):
    words, call = PYTHON[name]
    wanted = list(call(comparisons(votes)))
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["explain", name.split()[0], str(votes), *words]) == 0
    out = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())
    assert max(map(len, out.splitlines())) <= width
    assert "…" not in out
    said = " ".join(out.split())
    for one in wanted[:1]:
        assert " ".join(one.conclusion().split()) in said
    if name == "difference":  # and no number is cut
        assert {f"{getattr(wanted[0], field):.4g}" for field in ("difference", "lower", "p_value")} <= set(
            said.split()
        )


def test_every_question_is_asked_here_and_known_to_the_command_line():
    assert {name.split()[0] for name in PYTHON} == set(QUESTIONS) == set(get_args(What))


def test_tasks_of_a_table_of_scores(tmp_path, capsys):
    path = tmp_path / "scores.csv"
    path.write_text("model,a,b,c,d,e\nada,3,3,3,1,1\nbob,2,2,2,3,2\ncyn,1,1,1,2,3\n")
    status, out, _ = ask(capsys, "margin", path, "-m", "plurality", "--format", "json")
    assert status == 0
    wanted = task_margin_of_victory(score_table(path), "plurality")
    assert json.loads(out)["results"][0]["number"] == wanted.number
    status, out, _ = ask(capsys, "prospects", path, "--model", "cyn", "--format", "json")
    found = json.loads(out)["results"][0]
    assert found["possible"] is prospects(score_table(path), ["cyn"])[0].possible is True
    status, _, err = ask(capsys, "voters", path)
    assert (status, err.count("\n")) == (2, 1)
    assert "has no voters" in err


def test_options_of_tables_of_scores_are_those_of_rank(tmp_path, capsys):
    """By hand, plurality: ada is first on a (1), bob on b (3) and, where less is better, on latency (1)."""
    path = tmp_path / "scores.csv"
    path.write_text("model,id,a,b,latency\nada,1,3,1,9\nbob,2,2,3,1\ncyn,3,1,2,5\n")
    status, _, err = ask(capsys, "cycles", path)
    assert (status, err.count("\n")) == (2, 1)
    assert "--ignore id" in err
    status, _, err = ask(capsys, "cycles", path, "--ignore", "id")
    assert "--lower latency" in err
    table = {"ignore": ["id"], "directions": {"latency": "lower"}, "weights": {"b": 3.0}}
    words = ["--ignore", "id", "--lower", "latency", "--weights", "b=3"]
    for question, wanted in (
        ("margin", lambda scores: [task_margin_of_victory(scores, "plurality")]),
        ("prospects", prospects),
    ):
        how = ["-m", "plurality"] if question == "margin" else []
        status, out, err = ask(capsys, question, path, *words, *how, "--format", "json")
        assert status == 0, err
        found = json.loads(out)["conclusions"]
        assert found == [one.conclusion() for one in wanted(score_table(path, **table))]
    status, out, _ = ask(capsys, "margin", path, *words, "-m", "plurality", "--format", "json")
    assert json.loads(out)["results"][0]["upper"] == "bob"
    groups = ["--groups", "a=x,b=x,latency=y"]
    assert ask(capsys, "cycles", path, "--ignore", "id", "--lower", "latency", *groups)[0] == 0
    votes = tmp_path / "votes.csv"
    votes.write_text("model_a,model_b,winner\nada,bob,tie\n")
    status, _, err = ask(capsys, "cycles", votes, "--lower", "latency")
    assert (status, err.count("\n")) == (2, 1)
    assert "(--lower) does not apply" in err


def test_two_models_and_votes_that_are_left_out(votes, capsys):
    board = rank(comparisons(votes))
    upper, lower = board[0].model, board[1].model
    words = ("--model", upper, "--model", lower, "--change", "delete", "--format", "json")
    status, out, _ = ask(capsys, "margin", votes, *words)
    wanted = margin_of_victory(comparisons(votes), "bradley_terry", upper, lower, change="delete")
    assert status == 0
    assert json.loads(out)["results"][0]["number"] == wanted.number


def test_an_answer_is_written_to_a_file(votes, tmp_path, capsys):
    for name in ("tiers.json", "tiers.txt"):
        status, out, err = ask(capsys, "tiers", votes, "-o", tmp_path / name)
        assert (status, out) == (0, "")
        assert name in err
    assert json.loads((tmp_path / "tiers.json").read_text())["question"] == "tiers"
    assert (tmp_path / "tiers.txt").read_text().startswith("12 models form")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tiers", "--size", "3"], "--size does not apply to tiers; it belongs to committee"),
        (["committee"], "Say how many models to choose with --size"),
        (["difference", "--model", "model-01"], "Name the two models"),
        (["difference", "--model", "model-01", "--model", "modle-02"], "did you mean 'model-02'"),
        (["margin", "-m", "borda", "-m", "copeland"], "Name one method"),
        (["tiers", "-o", "tiers.html"], r"must end in \.json or \.txt"),
        (["tirs"], "tiers"),
        (["prospects", "--by", "categroy"], "has no column 'categroy'; did you mean 'category'"),
    ],
)
def test_bad_input_is_one_sentence(votes, capsys, words, message):
    status, out, err = ask(capsys, words[0], votes, *words[1:])
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert re.search(message, err)


REAL = {
    "llmfao_crowd_votes.parquet": ("margin", "outliers", "tiers", "cycles", "sides", "breakdown"),
    "chatbot_arena_2023_human_votes.parquet": ("margin", "tiers", "cycles", "intransitivity", "outliers"),
    "bench_glue_table.csv": ("margin", "prospects", "cycles"),
}


@pytest.mark.parametrize(("name", "question"), [(name, one) for name, all_ in REAL.items() for one in all_])
@pytest.mark.slow
def test_published_votes_are_explained(capsys, name, question):
    path = DATASETS / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    status, out, err = ask(capsys, question, path)
    assert (status, err) == (0, "")
    assert len(out.splitlines()) >= 1
    assert isinstance(read_any(path), object)
    assert "nan" not in out.lower().split()
    assert pd.notna(out)
