"""`agon board PEOPLE --judges JUDGED` and `agon publish`: what judges add, and who is predicted."""

import json
import re
from html import unescape

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

import agon as ag
from agon.arena.cli.board import vote_file
from agon.arena.cli.commands import main
from agon.arena.cli.reading import USUAL
from agon.arena.web import publishing
from agon.arena.web.leaderboard.query import ALL
from agon.arena.web.reading import reading_app
from agon.data.files.judge_marks import mark_judges
from agon.ranking import SourceError
from tests.support.boards import Page

MODELS = [f"m{i}" for i in range(7)]  # nobody voted on the last


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Votes of people on six models, and of a judge who sees how good answers are on these and a seventh."""
    folder = tmp_path_factory.mktemp("judged")
    rng = np.random.default_rng(3)
    quality = np.linspace(-0.8, 0.8, 7) + rng.normal(size=(80, 7))

    def drawn(number, models):
        first = rng.integers(0, models, number)
        second, prompt = (first + rng.integers(1, models, number)) % models, rng.integers(0, 80, number)
        chance = 1 / (1 + np.exp(quality[prompt, second] - quality[prompt, first]))
        names = np.array(MODELS)
        frame = pd.DataFrame({"model_a": names[first], "model_b": names[second], "prompt": prompt})
        return frame, chance

    people, chance = drawn(600, 6)
    people["winner"] = np.where(rng.random(600) < chance, "model_a", "model_b")
    people["category"] = np.where(people["prompt"] < 40, "Code", "Chat")
    people.to_parquet(folder / "people.parquet")
    judged, chance = drawn(3000, 7)
    judged["p_a"], judged["voter_kind"], judged["voter"] = chance, "llm", "sharp"
    judged.to_parquet(folder / "judged.parquet")
    return folder / "people.parquet", folder / "judged.parquet"


@pytest.fixture(scope="module")
def client(files):
    people, judged = files
    return TestClient(reading_app(vote_file([people], [people], USUAL, judges=[judged])))


def page_of(client, path, **more):
    client.get("/api/leaderboard")  # which waits
    answer = client.get(path, **more)
    Page(answer.text)
    return unescape(answer.text)


def test_the_board_says_what_judges_add_and_who_is_predicted(client, files):
    board = ag.rank(files[0], judges=files[1])
    worth, row = board.settings["judges"], board["m6"]
    assert row.status == "predicted"
    assert worth["lower"] > 1, "a judge who sees how good the answers are"
    text = page_of(client, "/leaderboard")
    assert f"With {worth['judged']:,} votes of judges beside them they tell as much as" in text
    assert f"as much as {worth['ratio']:.2f} times as many" in text
    assert f"({worth['lower']:.2f} to {worth['upper']:.2f})" in text
    last = re.findall(r"<tr class=ag-prov>.*?</tr>", text)
    assert len(last) == 1
    assert "m6" in last[0]
    assert "Predicted" in last[0]
    assert "judges voted on it, people did not" in last[0]
    assert '<td class="ag-rk">–</td>' in last[0]
    assert text.index(">m6<") > max(text.index(f">{name}<") for name in MODELS[:6])
    boards = client.get("/api/leaderboard").json()["boards"]
    assert boards[0]["models"] == board.to_dict()["models"]
    assert board.fingerprint[:12] in text
    german = page_of(client, "/leaderboard", headers={"accept-language": "de"})
    assert "Vorhergesagt" in german
    page = page_of(client, "/model?name=m6")
    assert "m6 has no rank yet: judges voted on it, people did not." in page


def test_the_command_below_the_board_makes_it_again(client, files, tmp_path, capsys):
    text = page_of(client, "/leaderboard")
    words = re.search(r'class="ag-cmd"[^>]*>([^<]*)<', text)[1].split()
    assert words[words.index("--judges") + 1] == str(files[1])
    assert main([*words[1:], "--format", "json"]) in (0, None)
    printed = json.loads(capsys.readouterr().out)["boards"][0]
    assert printed["fingerprint"] == ag.rank(files[0], judges=files[1]).fingerprint


def test_boards_of_some_votes_and_of_other_rules_are_of_people_alone(client, files):
    for query in ("category=Code", "rule=copeland"):
        board = client.get(f"/api/leaderboard?{query}").json()["boards"][0]
        assert "judges" not in board["settings"]
        assert len(board["models"]) == 6
        assert "votes of judges" not in page_of(client, f"/leaderboard?{query}")


def test_judges_that_cannot_be_weighed_are_refused_before_a_page_is_open(files, tmp_path, capsys):
    people, judged = files
    refused = tmp_path / "refused.parquet"
    refused.write_bytes(judged.read_bytes())
    mark_judges(refused, {"sharp": ("it agrees with people in 51% of the votes",)})
    with pytest.raises(SourceError, match="refused by the audit because it agrees with people in 51%"):
        vote_file([people], [people], USUAL, judges=[refused])
    assert main(["publish", str(people), "--to", str(tmp_path / "site"), "--judges", str(refused)]) == 2
    assert "refused by the audit" in capsys.readouterr().err
    assert not (tmp_path / "site").exists()
    mark_judges(refused, {"sharp": ("it agrees with people in 51% of the votes",)}, forced=True)
    with TestClient(reading_app(vote_file([people], [people], USUAL, judges=[refused]))) as forced:
        said = "Votes of 1 judge that its audit refused count here, because it was asked (--force)."
        assert said in page_of(forced, "/leaderboard")
    other = tmp_path / "other.csv"
    pd.read_parquet(judged).assign(prompt=lambda frame: "q" + frame["prompt"].astype(str)).to_csv(other)
    with pytest.raises(SourceError, match="prompt"):
        vote_file([people], [people], USUAL, judges=[other])


def test_published_pages_have_the_same_board(files, tmp_path, monkeypatch):
    """Of the rules one is published beside the first: all of them take half a minute."""
    people, judged = files
    boards = {ALL: "index", ALL.under("copeland"): "rule-copeland"}
    monkeypatch.setattr(publishing, "_queries", lambda offer: boards)
    assert main(["publish", str(people), "--to", str(tmp_path / "site"), "--judges", str(judged)]) in (
        0,
        None,
    )
    board = json.loads((tmp_path / "site" / "index.json").read_text())["boards"][0]
    assert board["fingerprint"] == ag.rank(people, judges=judged).fingerprint
    assert "Predicted" in (tmp_path / "site" / "index.html").read_text()
    assert "votes of judges" not in (tmp_path / "site" / "rule-copeland.html").read_text()
    assert len(list((tmp_path / "site").glob("model-*-m6.html"))) == 1
