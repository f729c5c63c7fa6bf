"""The page Integrity on hostile votes: who stands out, what gates would do, what an attack would cost."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from agon.arena.cli.reading import Reading
from agon.arena.cli.simulate import as_table
from agon.arena.web.leaderboard.sources import VoteFile
from agon.arena.web.reading import reading_app
from agon.data import comparisons
from agon.ranking import add_attack, bradley_terry_world, gate_votes, rank
from tests.support.boards import Page


def client_of(path):
    return TestClient(reading_app(VoteFile([path], (str(path),), None, Reading().read)))


def whole(client, path):
    while 'http-equiv="refresh"' in (answer := client.get(path)).text:
        pass
    return answer


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """Three identities forge 200 votes each; a hundred others come at once."""
    world = bradley_terry_world(8, 8000, voters=120, seed=2)
    world = add_attack(add_attack(world, "forged", 600, 3), "burst", 200, 100)
    path = tmp_path_factory.mktemp("attacked") / "votes.parquet"
    pq.write_table(as_table(world), path)
    return path, world.models[int(np.argsort(-world.strengths)[4])]


def test_the_page_names_what_stands_out_and_nobody(attacked):
    path, target = attacked
    client = client_of(path)
    page, data = Page(whole(client, "/integrity").text), client.get("/api/integrity").json()["gates"]
    assert page.text.count(f"Let {target} win: excluded") == 3
    assert "voter-12" not in page.text
    assert "Gates would set aside: of voters excluded for how they voted" in page.text
    assert data["set_aside"] == {"of voters excluded for how they voted": 600}
    assert [one["model"] for one in data["voters"]] == [target] * 3
    assert not any("voter" in one for one in data["voters"])
    assert target in {one["model"] for one in data["windows"]}
    without = rank(gate_votes(comparisons(path)).votes, interval="none")
    for move in data["ranks_behind_gates"]:
        assert without[move["model"]].rank == move["rank_behind"] != move["rank"]
        assert f"{move['model']} from {move['rank']} to {move['rank_behind']}" in page.text
    assert target in {move["model"] for move in data["ranks_behind_gates"]}
    assert data["attack_cost"]["drawn"] > data["attack_cost"]["forged"] > 0
    assert "always recognises both models" in page.text
    assert "All 8,800 votes count" in page.text


def test_votes_that_name_no_voter_and_no_time_say_so(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text("model_a,model_b,winner\n" + "ann,bob,model_a\n" * 40 + "bob,ann,model_a\n" * 30)
    text = Page(whole(client_of(path), "/integrity").text).text
    assert "do not say whose they are, so no voter can be tested" in text
    assert "too few votes with a time" in text
    assert "bob would pass ann with 10 hostile votes" in text
