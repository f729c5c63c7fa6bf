"""`agon board SOURCE` as a person starts it: real files, a real server, the same numbers as `agon rank`."""

import contextlib
import csv
import io
import json
import os
import re
import shlex
import time
from html import unescape

import httpx
import numpy as np
import pandas as pd
import pytest

from agon.arena.cli.commands import main
from tests.support.opened import opened_by
from tests.support.paths import DATASETS

NOW = {"cache-control": "no-cache"}  # data of boards of now


@contextlib.contextmanager
def board_of(*words, cwd):
    """The process and a client of its pages; ended by INT, which must go well."""
    with (
        opened_by("board", *words, cwd=cwd) as opened,
        httpx.Client(base_url=opened.url, timeout=120, headers=NOW) as client,
    ):
        yield client
    assert opened.out.endswith("Closed.\n")


def page_at(client, path):
    """The page once its board is computed: until then it says so, and loads itself again."""
    while 'http-equiv="refresh"' in (page := client.get(path)).text:
        time.sleep(0.2)
    return page


def votes(path, n=900, seed=3):
    """Votes on five models by a known order, in three languages and two categories, with lengths."""
    rng = np.random.default_rng(seed)
    names = np.array(["ann", "bob", "cy", "di", "ed"])
    a = rng.integers(0, 5, n)
    b = (a + rng.integers(1, 5, n)) % 5
    won = rng.random(n) < 1 / (1 + np.exp(a - b) ** 0.6)
    frame = pd.DataFrame(
        {
            "model_a": names[a],
            "model_b": names[b],
            "winner": np.where(rng.random(n) < 0.1, "tie", np.where(won, "model_a", "model_b")),
            "language": rng.choice(["en", "de", "it's"], n),
            "category": rng.choice(["code", "law & order"], n),
            "length_a": rng.integers(20, 900, n),
            "length_b": rng.integers(20, 900, n),
            "voter": [f"v{i % 40}" for i in range(n)],
        }
    )
    frame.to_csv(path, index=False)
    return frame


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("board")
    votes(folder / "our votes.csv")
    with board_of("our votes.csv", cwd=folder) as client:
        yield folder, client


ASKED = [
    "",
    "language=de",
    "language=it%27s&category=law+%26+order",
    "rule=copeland",
    "rule=elo&language=en",
    "rule=kemeny",
    "rule=davidson&category=code",
    "adjust=length",
    "adjust=length&language=en",
]


@pytest.mark.parametrize("asked", ASKED)
def test_page_data_and_command_line_give_the_same_numbers(opened, asked, capsys, monkeypatch):
    folder, client = opened
    data = client.get(f"/api/leaderboard?{asked}").json()["boards"][0]
    page = page_at(client, f"/leaderboard?{asked}")
    assert page.status_code == 200
    words = shlex.split(unescape(re.search(r'<code class="ag-cmd"[^>]*>(.*?)</code>', page.text)[1]))
    monkeypatch.chdir(folder)
    assert not main([*words[1:], "--format", "json"])
    (again,) = json.loads(capsys.readouterr().out)["boards"]
    assert again["fingerprint"] == data["fingerprint"]
    assert again["models"] == data["models"]
    table = list(csv.DictReader(io.StringIO(client.get(f"/leaderboard.csv?{asked}").text)))
    assert [row["model"] for row in table] == [row["model"] for row in data["models"]]


@pytest.mark.parametrize("asked", ["", "language=en&by=category&weight.code=3"])
def test_the_page_of_rules_is_what_compare_rules_says(opened, asked, capsys, monkeypatch):
    folder, client = opened
    page = page_at(client, f"/rules?{asked}")
    data = client.get(f"/api/rules?{asked}").json()["comparison"]
    words = shlex.split(
        unescape(re.search(r'<code class="ag-cmd"[^>]*>(.*?)</code>', page.text, re.DOTALL)[1])
    )
    monkeypatch.chdir(folder)
    assert not main([*words[1:], "--format", "json"])
    assert json.loads(capsys.readouterr().out)["comparison"] == data
    assert page.text.count("<h1>") == 1
    assert data["conclusion"] in unescape(page.text)
    cells = re.findall(r"<td class=\"ag-q\d[^>]*><b>([^<]*)</b>", page.text)
    assert len(cells) == len(data["methods"]) * len(data["models"])
    assert client.get("/rules?language=xx").status_code == 404


def test_filters_count_what_is_left_within_the_others(opened):
    folder, client = opened
    frame = pd.read_csv(folder / "our votes.csv")
    page = page_at(client, "/leaderboard?language=de").text
    for category, number in frame[frame.language == "de"].category.value_counts().items():
        assert f"{category.replace('&', '&amp;')}<span class=ag-n>{number:,}</span>" in page
    for language, number in frame.language.value_counts().items():
        shown = {"de": "German", "en": "English"}.get(language, "it&#x27;s")
        assert f"{shown}<span class=ag-n>{number:,}</span>" in page
    assert ">Voter<" not in page  # whose votes, not which kind


@pytest.mark.parametrize(
    ("asked", "status", "sentence"),
    [
        ("rule=kemenyy", 404, "There is no rule 'kemenyy' for these votes; did you mean 'kemeny'?"),
        ("rule=borda", 404, "There is no rule 'borda' for these votes"),
        ("rule=mean", 404, "There is no rule 'mean' for these votes"),
        ("language=xx", 404, "There are no votes with the language 'xx'"),
        ("colour=red", 404, "There is no filter 'colour'"),
        ("adjust=smell", 404, "There is no feature 'smell' to adjust for"),
    ],
)
def test_what_there_is_not_is_a_page_with_one_sentence_and_a_way_on(opened, asked, status, sentence):
    _, client = opened
    page = page_at(client, f"/leaderboard?{asked}")
    assert page.status_code == status
    assert sentence in unescape(page.text)
    assert 'href="./leaderboard"' in page.text
    answer = client.get(f"/api/leaderboard?{asked}")
    assert answer.status_code == status
    assert sentence in answer.json()["sentence"]


def test_nothing_is_posted_and_no_cookie_is_set(opened):
    _, client = opened
    page = client.get("/")
    assert page.headers["location"] == "./leaderboard"
    assert client.post("/api/leaderboard", json={}).status_code == 405
    assert client.get("/about").status_code == 404
    assert "set-cookie" not in page_at(client, "/leaderboard").headers
    assert "default-src 'none'" in page_at(client, "/leaderboard").headers["content-security-policy"]


def test_a_file_that_changes_is_read_again_and_one_that_breaks_is_not(tmp_path):
    votes(tmp_path / "votes.csv", 300)
    with board_of("votes.csv", cwd=tmp_path) as client:
        assert "300 votes." in page_at(client, "/leaderboard").text
        votes(tmp_path / "votes.csv", 420)
        client.get("/api/leaderboard")  # a page may show the board of before for a while
        assert "420 votes." in page_at(client, "/leaderboard").text
        (tmp_path / "votes.csv").write_text("model_a,model_b,winner\nx,x,nobody\n")
        os.utime(tmp_path / "votes.csv", (1, 1))
        assert "420 votes." in page_at(client, "/leaderboard").text


def test_scores_of_a_table_and_their_rules(tmp_path):
    (tmp_path / "scores.csv").write_text("model,cola,sst2,speed\nada,1,2,9\nbob,3,1,4\ncyn,2,3,5\n")
    with board_of("scores.csv", "--lower", "speed", cwd=tmp_path) as client:
        page = page_at(client, "/leaderboard?rule=mean").text
        assert "3 models, 3 tasks." in page
        assert "agon rank scores.csv --lower speed -m mean" in page
        rows = client.get("/api/leaderboard?rule=mean").json()["boards"][0]["models"]
    # by hand, less speed being better: (1 + 2 − 9)/3, (3 + 1 − 4)/3, (2 + 3 − 5)/3
    assert {row["model"]: round(row["score"], 6) for row in rows} == {"ada": -2.0, "bob": 0.0, "cyn": 0.0}


def test_ballots_with_every_model_have_the_rules_of_places_and_eliminations(tmp_path):
    ballots = ['["ann","bob","cy"]\t[1,2,3]'] * 30 + ['["ann","bob","cy"]\t[2,1,3]'] * 25
    (tmp_path / "ballots.tsv").write_text("models\tplaces\n" + "\n".join(ballots) + "\n")
    with board_of("ballots.tsv", cwd=tmp_path) as client:
        rows = client.get("/api/leaderboard?rule=plurality").json()["boards"][0]["models"]
        assert page_at(client, "/leaderboard?rule=instant_runoff").status_code == 200
    assert {row["model"]: row["score"] for row in rows} == {"ann": 30, "bob": 25, "cy": 0}  # first places


def test_a_condition_holds_for_every_board(tmp_path, capsys, monkeypatch):
    votes(tmp_path / "votes.csv")
    with board_of("votes.csv", "--where", "length_a < 400", cwd=tmp_path) as client:
        page = page_at(client, "/leaderboard?language=en").text
        data = client.get("/api/leaderboard?language=en").json()["boards"][0]
    words = shlex.split(unescape(re.search(r'<code class="ag-cmd"[^>]*>(.*?)</code>', page)[1]))
    monkeypatch.chdir(tmp_path)
    assert not main([*words[1:], "--format", "json"])
    assert json.loads(capsys.readouterr().out)["boards"][0]["fingerprint"] == data["fingerprint"]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("nothing.csv", None, "There is no file nothing.csv"),
        ("empty.csv", "", "empty.csv"),
        ("votes.csv", "model_a,model_b\na,b\n", "winner"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path, name, text, sentence, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / name).write_text(text)
    assert main(["board", name, "--port", "0"]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


HUMAN = DATASETS / "chatbot_arena_2023_human_votes.parquet"


@pytest.mark.skipif(not HUMAN.exists(), reason=f"needs {HUMAN.name}, which is not in the repository")
def test_every_rule_of_the_menu_is_a_board_or_a_sentence(tmp_path):
    """Of the 33,000 votes of people that LMArena published, on 20 models."""
    with board_of(str(HUMAN), cwd=tmp_path) as client:
        menu = page_at(client, "/leaderboard").text
        rules = re.findall(r'href="\./leaderboard\?rule=(\w+)"', menu)
        assert len(rules) > 30
        for rule in rules:
            answer = client.get(f"/api/leaderboard?rule={rule}")
            assert answer.status_code in (200, 422), rule
            if answer.status_code == 200:
                page = page_at(client, f"/leaderboard?rule={rule}")
                assert page.status_code == 200
                assert "<h1>" in page.text
