"""For whom, on the page of rules: planted kinds of voters are found and said, no voter is named."""

import json
import re
from dataclasses import replace
from html import unescape

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

from agon.arena.cli.reading import Reading
from agon.arena.web.languages.texts import speaking
from agon.arena.web.leaderboard.query import ALL
from agon.arena.web.leaderboard.sources import VoteFile
from agon.arena.web.reading import reading_app
from agon.arena.web.tastes.kinds_section import make_tastes, tastes_html, tastes_values
from agon.data import comparisons
from agon.ranking import voter_tastes
from agon.ranking.tastes.personal import contested_pairs
from tests.support.boards import Page

MODELS = np.array(["ann", "bob", "cy", "di"])


def source_of(path):
    return VoteFile([path], (str(path),), None, Reading().read)


def section_of(path):
    source = source_of(path)
    made = make_tastes(source, ALL)
    return tastes_values(made), unescape(tastes_html(made, source.about()))


def write(path, reversed_share, voter=True):
    """Votes of 50 voters: ann and bob above cy and di, or the reverse; ann and bob are half and half."""
    rng = np.random.default_rng(11)
    strength = np.array([1.0, 1.0, -1.0, -1.0])
    first = rng.integers(0, 4, 2000)
    second = (first + rng.integers(1, 4, 2000)) % 4
    who = np.arange(2000) % 50
    sign = np.where(who < 50 * reversed_share, -1, 1)
    won = rng.random(2000) < 1 / (1 + np.exp(-2 * sign * (strength[first] - strength[second])))
    frame = pd.DataFrame(
        {
            "model_a": MODELS[first],
            "model_b": MODELS[second],
            "winner": np.where(won, "model_a", "model_b"),
            "voter": [f"person-{one}" for one in who],
        }
    )
    frame.drop(columns=[] if voter else ["voter"]).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return write(tmp_path_factory.mktemp("tastes") / "votes.csv", 0.3)


def test_two_planted_kinds_are_told_with_the_board_of_the_worst_group(split):
    with TestClient(reading_app(source_of(split))) as client:
        for name in ("rules", "prediction", "tastes"):
            data = client.get(f"/api/{name}").json()  # which waits
        text = client.get("/rules").text
    Page(text)  # nests
    assert 'http-equiv="refresh"' not in text
    section = unescape(text).partition("<h2>For whom: kinds of voters</h2>")[2].partition("</section>")[0]
    found = voter_tastes(comparisons(split))
    assert len(found.kinds) == 2
    assert "2 kinds of the 50 voters predict their votes best." in section
    assert [one.share for one in found.kinds] == pytest.approx([0.7, 0.3], abs=0.02)
    for one in found.kinds:
        low, high = f"{one.lower:.0%}", f"{one.upper:.0%}"
        assert f"{one.share:.0%} ({low} to {high}) of the voters put {one.first} first." in section
    rows = re.findall(r'<th scope="row">(\w+)</th><td class="ag-r"><b>([\d,]+)</b></td>', section)
    worst = found.worst_group()
    assert rows == [(row.model, f"{row.score:,.0f}") for row in worst.itertuples()]
    assert "person-" not in section
    assert data["tastes"]["voters"] == 50
    assert data["tastes"]["kinds"] == json.loads(json.dumps(found.to_dict()["kinds"]))
    assert "person-" not in str(data)
    pairs = contested_pairs(comparisons(split), level=0.95)
    sure = pairs[pairs["contested"] >= 0.95].head(5)
    assert len(sure) > 0
    for row in sure.itertuples():
        assert f"{row.first} against {row.second}: {row.share:.0%}" in section


def test_one_kind_is_said_and_votes_without_voters_say_nothing(tmp_path, split):
    path = write(tmp_path / "one.csv", 0.0)
    data, section = section_of(path)
    assert "The 50 voters are of one kind, as far as their votes tell" in section
    made = make_tastes(source_of(path), ALL)
    tried = made.tastes.tried
    said = {
        (0.0004, -0.0001, 0.0009): "is smaller by 0.0004 (-0.0001 to 0.0009), which is within chance.",
        (-0.0002, -0.0005, 0.0001): "is larger by 0.0002 (-0.0001 to 0.0005).",
    }
    for (gain, lower, upper), words in said.items():
        two = [replace(one, gain=gain, lower=lower, upper=upper) if one.kinds == 2 else one for one in tried]
        seen = replace(made, tastes=replace(made.tastes, tried=tuple(two)))
        told = unescape(tastes_html(seen, source_of(path).about())).replace("−", "-")
        assert f"With two kinds the log loss of votes held out {words}" in told
    assert "Worst group" not in section
    assert len(data["tastes"]["kinds"]) == 1
    data, section = section_of(write(tmp_path / "nobody.csv", 0.3, voter=False))
    assert data == {"schema": 1, "tastes": None, "contested": []}
    assert not section
    with speaking("de"):
        _, german = section_of(split)
    assert "2 Arten der 50 Abstimmenden sagen ihre Stimmen am besten vorher." in german
    assert "Schlechteste Gruppe" in german
