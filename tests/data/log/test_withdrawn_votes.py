"""What was withdrawn of the votes of a log, as it is published: counted by hand, of pairs and lists."""

import pyarrow.parquet as pq
from starlette.testclient import TestClient

from agon.arena.cli.reading import Reading
from agon.arena.web.leaderboard.sources import VoteFile
from agon.arena.web.reading import reading_app
from agon.data import check
from agon.data.log.operation.withdrawn_votes import read_withdrawals
from agon.data.log.records import WithdrawalRecord
from agon.data.log.vote_log import VoteLog
from tests.support.boards import Page
from tests.support.log_records import NOON, put, voted

PAIR = ("ada", "bob")


def filled(folder, *, wide=False):
    """Ten voters of one vote; one of sixty withdraws the thirty against ada, and another one all."""
    with VoteLog(folder) as log:
        for n in range(10):
            voted(log, PAIR, (1, 2), voter=f"once-{n}")
        against = [voted(log, PAIR, (2, 1), voter="sly") for _ in range(30)]
        for _ in range(30):
            voted(log, PAIR, (1, 2), voter="sly")
        all_of_one = [
            voted(log, PAIR, (1, 1), voter="gone"),
            voted(log, PAIR, (1, 1), (False,) * 2, voter="gone"),
        ]
        if wide:
            voted(log, ("ada", "bob", "cyn"), (3, 2, 1), voter="wide")
        voted(log, ("ada", "ada"), (1, 2), voter="same")
        tested = voted(log, ("ada", "dan"), (1, 2), voter="tester", policy="testing")
        for battles in (against, all_of_one, [tested]):
            put(log, WithdrawalRecord(tuple(battles), NOON))
        log.snapshot()
    return folder


def counted(found):
    return {one.result: (one.withdrawn, one.cast) for one in found.results}


def test_withdrawals_are_counted_by_result_and_model(tmp_path):
    found = read_withdrawals(filled(tmp_path / "log"))
    assert (found.votes, found.withdrawn, found.voters, found.partly) == (72, 32, 2, 1)
    assert counted(found) == {"A": (0, 40), "B": (30, 30), "tie": (1, 1), "both bad": (1, 1)}
    ada, bob = found.models
    assert (ada.model, ada.withdrawn_for, ada.cast_for) == ("ada", 0, 40)
    assert (ada.withdrawn_against, ada.cast_against, ada.expected_against) == (30, 30, 15)
    assert (ada.lean, bob.lean) == ("more", "less")
    columns = pq.ParquetFile(tmp_path / "log" / "withdrawn" / "arena.parquet").schema_arrow.names
    assert columns == ["models", "places", "acceptable", "voter", "blind"], "no texts, which may be erased"


def test_votes_on_three_answers_are_read_beside_pairs(tmp_path):
    found = read_withdrawals(filled(tmp_path / "log", wide=True))
    assert counted(found) == {"A": (0, 40), "B": (30, 30), "C": (0, 1), "tie": (1, 1), "both bad": (1, 1)}
    assert {one.model: (one.cast_for, one.cast_against) for one in found.models} == {
        "ada": (40, 31), "bob": (30, 40), "cyn": (1, 0),
    }  # fmt: skip


def test_check_and_integrity_say_it(tmp_path):
    folder = filled(tmp_path / "log")
    said = "Withdrawn votes: 32 of 72. More votes against ada were withdrawn than chance allows."
    assert {one.code: one.message for one in check(folder).notes}["withdrawals"].startswith(said)
    client = TestClient(reading_app(VoteFile([folder], (str(folder),), None, Reading().read)))
    while 'http-equiv="refresh"' in (answer := client.get("/integrity")).text:
        pass
    page, data = Page(answer.text).text, client.get("/api/integrity").json()["withdrawals"]
    assert said in page
    assert "30 of 30" in page
    assert data["conclusion"].startswith(said)
    assert data["models"][0]["withdrawn_against"] == 30
    assert "dan" not in answer.text, "it was never listed"


def test_a_log_without_any_says_nothing(tmp_path):
    with VoteLog(tmp_path / "log") as log:
        voted(log, PAIR, (1, 2))
        log.snapshot()
    assert read_withdrawals(tmp_path / "log") is None
    assert read_withdrawals(tmp_path) is None
