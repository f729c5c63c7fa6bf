"""The pages Method and Data, and the badge: true of the rules, the board and its fingerprint."""

from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

from agon.arena.cli.reading import Reading
from agon.arena.web.leaderboard.sources import VoteFile
from agon.arena.web.reading import reading_app
from agon.data import comparisons
from agon.ranking import rank
from tests.support.boards import Page


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("data") / "votes.csv"
    file.write_text("model_a,model_b,winner\n" + "ann <i>,bob,model_a\n" * 40 + "bob,ann <i>,model_a\n" * 10)
    return file


@pytest.fixture(scope="module")
def client(path):
    return TestClient(reading_app(VoteFile([path], (str(path),), None, Reading().read)))


def test_every_rule_stands_with_its_source(client):
    page = Page(client.get("/method").text)
    assert {"bradley_terry", "copeland", "schulze"} <= {one["id"] for one in page.named("details")}
    assert "Zermelo" in page.text or "Bradley" in page.text
    assert "`" not in page.text


def test_the_data_and_the_badge_are_of_this_board(client, path):
    client.get("/api/leaderboard")  # which waits
    board = rank(comparisons(path))
    page = Page(client.get("/data").text)
    assert board.fingerprint in page.text
    for link in page.named("a"):
        if link["href"].startswith(("./leaderboard.csv", "./api/")):
            assert client.get(link["href"][1:]).status_code == 200
    badge = client.get("/badge.svg")
    assert badge.headers["content-type"].startswith("image/svg+xml")
    assert "first: ann <i>" in "".join(ElementTree.fromstring(badge.text).itertext())
