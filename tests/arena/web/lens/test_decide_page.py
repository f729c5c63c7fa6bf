"""The page Decide: the same decision as Python's, the drawing's line, conditions that there are not."""

import re
from html import unescape

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

from agon.arena.cli.reading import Reading
from agon.arena.web.leaderboard.sources import VoteFile
from agon.arena.web.lens.pareto import efficient_models
from agon.arena.web.reading import reading_app
from agon.data import comparisons
from agon.data.model_facts import read_facts
from agon.ranking import decide, rank
from tests.support.boards import Page

FACTS = "model,price,seconds,licence\nann,4,2,closed\nbob,0.5,3,mit\ncy,2,9,mit\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Votes of three models and one of which nothing is known; Code says the opposite of Chat."""
    folder, rng = tmp_path_factory.mktemp("decide"), np.random.default_rng(4)
    strength = {"ann": 0.6, "bob": 0.5, "cy": 0.0, "di <b>": -0.5}
    rows = []
    for _ in range(900):
        a, b = rng.choice(list(strength), 2, replace=False)
        kind = rng.choice(["Code", "Chat"], p=[0.2, 0.8])
        gap = (strength[a] - strength[b]) * (1 if kind == "Chat" else -1)
        won = rng.random() < 1 / (1 + np.exp(-gap))
        rows.append((a, b, "model_a" if won else "model_b", kind))
    frame = pd.DataFrame(rows, columns=["model_a", "model_b", "winner", "category"])
    frame.to_csv(folder / "votes.csv", index=False)
    (folder / "models.csv").write_text(FACTS)
    return folder


@pytest.fixture(scope="module")
def client(folder):
    path = folder / "votes.csv"
    source = VoteFile([path], (str(path),), None, Reading().read, lambda _: read_facts(folder / "models.csv"))
    return TestClient(reading_app(source))


def told(client, query):
    answer = client.get(f"/decide?{query}")
    Page(answer.text)  # nests
    return answer.status_code, unescape(re.search("<h1>(.*?)</h1>", answer.text)[1]), unescape(answer.text)


def test_the_page_says_what_python_says(client, folder):
    votes, facts = comparisons(folder / "votes.csv"), read_facts(folder / "models.csv")
    cases = {
        "": (votes, {}),
        "atmost.price=3&only.licence=mit": (votes, {"at_most": {"price": 3}, "only": {"licence": ["mit"]}}),
        "weight.Code=5&weight.Chat=": (votes.weighted({"Code": 5}), {}),
        "beside.price=0.2&prefer=": (votes, {"weigh": {"price": 0.2}}),
        "prefer=price&within=60": (votes, {"prefer": "price", "within": 60}),
    }
    for query, (given, options) in cases.items():
        made = decide(rank(given), facts, **options)
        status, said, _ = told(client, query)
        assert (status, said) == (200, made.conclusion()), query
        data = client.get(f"/api/decide?{query}").json()["decision"]
        assert (data["choice"], data["conclusion"]) == (made.choice, made.conclusion())
    assert decide(rank(votes.weighted({"Code": 5})), facts).choice != decide(rank(votes), facts).choice


def test_it_is_whole_without_a_script_and_escapes_names(client):

    page = Page(client.get("/decide?weight.Code=2").text)
    assert page.named("form", method="get", action="./decide")
    assert page.named("input", name="weight.Code", value="2")
    assert len(page.named("svg", role="img")) == 2
    assert "di <b>" in page.text


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("atmost.prize=1", 404, "There is no fact 'prize'; did you mean 'price'?"),
        ("atmost.price=cheap", 404, "Price must be a number of 0 or more, not 'cheap'."),
        ("weight.Cod=2", 404, "There is no 'Cod' to weigh; did you mean 'Code'?"),
        ("weight.Code=0&weight.Chat=0", 422, "All weights are 0"),
        ("colour=red", 404, "There is no 'colour' to decide by; leave it out."),
        ("prefer=price&beside.price=1", 404, "not both"),
    ],
)
def test_what_there_is_not_is_a_page_with_a_sentence_and_a_way_on(client, query, status, sentence):
    code, _, text = told(client, query)
    assert code == status
    assert sentence in text
    assert 'href="./decide"' in text


def test_the_efficient_ones_by_brute_force():
    """By hand: b beats a in neither, c is beaten by b in both, d equals b."""
    points = [("a", 9.0, 5.0), ("b", 8.0, 2.0), ("c", 7.0, 3.0), ("d", 8.0, 2.0), ("e", 1.0, 1.0)]
    assert efficient_models(points) == {"a", "b", "d", "e"}
    assert efficient_models(points, more=True) == {"a"}


def test_it_says_the_same_in_other_languages(client):
    """The choice, its facts and numbers as a language writes them; nothing is left marked as English."""
    said = {
        "de": "Nehmen Sie bob: Es ist das beste von 2, die die Bedingungen erfüllen.",
        "zh": "请选用 bob：它是符合条件的 2 个模型中最好的。",
    }
    for code, sentence in said.items():
        asked = "/decide?atmost.price=3&only.licence=mit"
        text = client.get(asked, headers={"accept-language": code}).text
        assert unescape(re.search("<h1>(.*?)</h1>", text)[1]).startswith(sentence)
        assert ' lang="en"' not in text.partition("</main>")[0]
        assert (">0,5<" in text) == (code == "de")
