"""The page of rules: flips, cycles and clones as the engine says them, and weights of categories."""

import re
import threading
import time
from html import unescape

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

from agon.arena.cli.reading import Reading
from agon.arena.web.leaderboard.board_words import rule_name
from agon.arena.web.leaderboard.sources import VoteFile
from agon.arena.web.reading import reading_app
from agon.arena.web.tastes import prediction_section
from agon.data import comparisons
from agon.ranking import compare_methods, compare_rules, margin_of_victory
from tests.support.boards import Page

ROUND = {("ann", "bob"): 0.7, ("bob", "cy"): 0.7, ("cy", "ann"): 0.6}  # who beats whom, and how often


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Chat goes in a circle; Code has one order."""
    rows = []
    for (a, b), share in ROUND.items():
        rows += [(a, b, "model_a" if i < 50 * share else "model_b", "Chat") for i in range(50)]
        first = a if a != "cy" else b
        rows += [(a, b, "model_a" if a == first else "model_b", "Code") for _ in range(40)]
    file = tmp_path_factory.mktemp("rules") / "votes.csv"
    frame = pd.DataFrame(rows, columns=["model_a", "model_b", "winner", "category"])
    frame.iloc[np.random.default_rng(0).permutation(len(frame))].to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def client(path):
    with TestClient(reading_app(VoteFile([path], (str(path),), None, Reading().read))) as client:
        yield client


def text_of(client, query):
    client.get(f"/api/rules?{query}")  # which waits
    answer = client.get(f"/rules?{query}")
    Page(answer.text)  # nests
    return answer.status_code, unescape(answer.text)


def test_flips_and_cycles_are_those_of_the_engine(client, path):
    status, text = text_of(client, "category=Chat")
    chat = dict(comparisons(path).split("category"))["Chat"]
    assert status == 200
    assert compare_rules(chat).conclusion() in text
    assert "No model beats every other one to one: 3 share the top." in text
    assert "one circle of three" in text
    needed = margin_of_victory(chat, "bradley_terry", tries=400).number
    assert re.search(rf'>Bradley-Terry</th>.*?<td class="ag-r">{needed:,}', text)
    assert "A model entered twice" in text


def test_categories_weigh(client, path):
    _, text = text_of(client, "weight.Code=0")
    data = client.get("/api/rules?weight.Code=0").json()["comparison"]
    chat = comparisons(path).weighted({"Code": 0})
    assert data["conclusion"] == compare_rules(chat).conclusion()
    assert data["conclusion"] in text
    assert "Each category counts by its weight (Code 0; others 1)." in text
    assert 'name="weight.Code" min="0" step="any" value="0"' in text


@pytest.mark.parametrize(
    "query", ["weight.Cod=1", "category=Code&weight.Code=1", "weight.Code=x", "colour=1"]
)
def test_what_there_is_not_is_a_page(client, query):
    status, text = text_of(client, query)
    assert status == 404
    assert 'class="ag-btn"' in text
    assert ("The votes are of one category, so its values cannot weigh; leave one out." in text) == (
        "category=Code" in query
    )


def test_it_says_the_same_in_other_languages(client):
    client.get("/api/rules?category=Chat")
    text = unescape(client.get("/rules?category=Chat", headers={"accept-language": "de"}).text)
    assert "Kein Modell schlägt alle anderen im direkten Vergleich: 3 teilen sich die Spitze." in text
    assert "Es gibt einen Dreierkreis" in text
    assert ' lang="en"' not in text.partition("</main>")[0]
    assert re.search(r"ein Klon von \w+, auf jedem Stimmzettel gleich (?:daneben|darunter), macht aus", text)


def section_of(client, query=""):
    client.get(f"/api/prediction?{query}")  # which waits
    for _ in range(50):  # what fell short is shared for half a second
        text = text_of(client, query)[1]
        if 'http-equiv="refresh"' not in text:
            break
        time.sleep(0.1)
    assert 'http-equiv="refresh"' not in text
    return text.partition("<h2>Which rule predicts votes best</h2>")[2].partition("</section>")[0]


def test_which_rule_predicts_best_is_as_the_engine_says(client, path):
    seen = compare_methods(dict(comparisons(path).split("category"))["Code"])
    assert client.get("/api/prediction?category=Code").json()["comparison"] == seen.to_dict()
    section = section_of(client, "category=Code")
    best, *others = seen.scores
    assert f"{rule_name(best.method)} predicts these votes best" in section
    assert f"Each of {seen.votes} votes was hidden once" in section
    rows = re.findall(r'<th scope="row">(?:<b>)?(.*?)(?:</b>)?</th><td class="ag-r">([\d.]+)</td>', section)
    called = {"no_strengths": "all models alike"}
    assert rows == [(called.get(m.method) or rule_name(m.method), f"{m.log_loss:.4f}") for m in seen.scores]
    worse = next(one for one in others if one.verdict == "surely worse")
    assert f"{worse.behind_lower:.4f} to {worse.behind_upper:.4f}" in section
    assert 'href="./api/prediction?category=Code"' in section


def test_few_votes_predict_nothing_and_scores_are_no_votes(tmp_path):
    """With a single vote nothing can be held out: the page says what is lacking."""
    (tmp_path / "one.csv").write_text("model_a,model_b,winner\nann,bob,model_a\n")
    (tmp_path / "scores.csv").write_text("model,glue,squad\nann,0.5,0.7\nbob,0.6,0.9\ncy,0.7,0.2\n")
    pages = {}
    for name in ("one", "scores"):
        file = tmp_path / f"{name}.csv"
        with TestClient(reading_app(VoteFile([file], (str(file),), None, Reading().read))) as opened:
            assert opened.get("/api/prediction").json()["comparison"] is None
            pages[name] = text_of(opened, "")[1]
    assert "is on models that the others link; collect more votes." in pages["one"]
    assert "Which rule predicts votes best" not in pages["scores"]


def test_the_lens_is_there_while_the_prediction_is_computed(path, monkeypatch):
    """The page asks again for what takes long; rules that go vote by vote are left out of many votes."""
    held = threading.Event()

    def slow(votes, wanted):
        held.wait(20)
        return compare_methods(votes, wanted)

    monkeypatch.setattr(prediction_section, "compare_methods", slow)
    monkeypatch.setattr(prediction_section, "MOST_ONE_BY_ONE", 100)
    with TestClient(reading_app(VoteFile([path], (str(path),), None, Reading().read))) as opened:
        text = text_of(opened, "")[1]
        assert "What each family asks" in text
        assert "The prediction of votes is being computed." in text
        assert 'http-equiv="refresh"' in text
        held.set()
        section = section_of(opened)
    assert "Not asked: Elo, Glicko2, K-wise Bayes, Weng-Lin, Whole history rating." in section
    assert ">Elo<" not in section
