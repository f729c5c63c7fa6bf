"""Names leave the server when the vote is in the log, and nothing public changes when an answer ends."""

import json
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from agon.data.log.records import GenerationRecord, LogError, VoteRecord
from tests.support.arena_server import Scripted, awaited, open_arena, roster

PUBLIC = ("/leaderboard", "/api/leaderboard", "/api/start", "/healthz", "/about")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with open_arena(tmp_path_factory.mktemp("blind"), roster(Scripted("x y"), Scripted("z"))) as server:
        yield server


class SlowDisk:
    """A log that keeps the votes it is given waiting until it is told how that ended."""

    def __init__(self, log, monkeypatch):
        self._write, self.votes = log.write, []
        monkeypatch.setattr(log, "write", self.write)

    def write(self, record):
        if not isinstance(record, VoteRecord):
            return self._write(record)
        self.votes.append((record, Future()))
        return self.votes[-1][1]

    def full(self, at=-1):
        self.votes[at][1].set_exception(LogError("The vote was not written: no space left on device."))


def named(guest):
    return b"canary" in bytes(guest.bytes).lower()


def test_no_name_before_the_vote_is_in_the_log(server, monkeypatch):
    """On a full disk, 503 once came with the names, and then another vote counted."""
    guest, disk = server.visitor(), SlowDisk(server.log, monkeypatch)
    view = guest.ready()
    path = f"/api/battles/{view['battle']}"
    with ThreadPoolExecutor(1) as pool:
        voting = pool.submit(guest.vote, view, "a")
        awaited(lambda: disk.votes, bool)
        assert guest.get(path).json()["state"] == "keeping"
        assert not named(guest)
        disk.full()
        assert voting.result().status_code == 503
    assert guest.get(path).json()["state"] == "ready"
    assert not named(guest), "nothing was kept, so nothing is told"
    monkeypatch.undo()
    assert guest.vote(view, "b").json()["outcome"] == "b"
    assert named(guest)
    assert server.log.vote(view["battle"]).places == (2, 1)


def test_a_voter_who_hangs_up_has_voted(server, monkeypatch):
    """A connection that breaks while the vote is written leaves one vote, not a battle that takes two."""
    guest, disk = server.visitor(), SlowDisk(server.log, monkeypatch)
    view = guest.ready()
    with pytest.raises(Exception, match="timed out"):
        guest.http.post(
            f"/api/battles/{view['battle']}/vote",
            json={"turn": 1, "outcome": "a", "token": view["token"]},
            timeout=0.5,
        )
    record, waiting = disk.votes[0]
    disk._write(record).add_done_callback(lambda done: waiting.set_result(done.result()))
    awaited(lambda: guest.get(f"/api/battles/{view['battle']}").json()["state"], "voted".__eq__)
    assert guest.vote(view, "b").status_code == 409
    assert server.log.vote(view["battle"]).places == (1, 2)


def test_a_vote_that_was_written_although_it_failed_is_the_vote(server, monkeypatch):
    guest, disk = server.visitor(), SlowDisk(server.log, monkeypatch)
    view = guest.ready()
    with ThreadPoolExecutor(1) as pool:
        voting = pool.submit(guest.vote, view, "a")
        awaited(lambda: disk.votes, bool)
        disk._write(disk.votes[0][0]).result(30)
        disk.full()
        assert voting.result().status_code == 503
    monkeypatch.undo()
    answer = guest.vote(view, "both_bad")
    assert (answer.status_code, answer.json()["error"]) == (409, "already_voted")
    found = guest.get(f"/api/battles/{view['battle']}").json()
    assert (found["state"], found["outcome"]) == ("voted", "a")
    assert found["receipt"] == server.log.vote_number(view["battle"])


def test_what_the_log_could_not_take_is_written_before_the_vote(server, monkeypatch):
    """A disk that was full while the answers came costs no battle once there is room."""
    guest, write = server.visitor(), server.log.write

    def full(record):
        if isinstance(record, GenerationRecord):
            return write(record)
        failed = Future()
        failed.set_exception(LogError("no space left on device"))
        return failed

    monkeypatch.setattr(server.log, "write", full)
    view = guest.ready()
    assert guest.vote(view).status_code == 503
    monkeypatch.undo()
    assert guest.vote(view).status_code == 200
    assert [type(record).__name__ for record in server.log.records(view["battle"])] == [
        "BattleRecord",
        "GenerationRecord",
        "GenerationRecord",
        "VoteRecord",
    ]


def public(guest):
    found = {path: guest.get(path) for path in PUBLIC}
    return {path: (answer.status_code, strip(answer.text)) for path, answer in found.items()}


def strip(text):
    """The examples of the start page are drawn by lot; nothing else differs from load to load."""
    return json.loads(text)["html"] if text.startswith('{"battle"') else text


def test_nothing_public_changes_when_an_answer_ends(tmp_path):
    """Two loads of the leaderboard once told both names, by whose reliability moved."""
    models = roster(Scripted("slow " * 8, gap=0.05), Scripted("quick"), Scripted("x", fails="timeout"))
    with open_arena(tmp_path, models) as server:
        guest, reader = server.visitor(), server.visitor()
        for _ in range(4):
            guest.vote(guest.ready())
        seen = public(reader)
        for _ in range(4):
            view = guest.start()
            for kind, _ in guest.events(view["battle"]):
                if kind == "side":
                    assert public(reader) == seen
            assert public(reader) == seen, "an answer, or both, have ended"
            view = guest.get(f"/api/battles/{view['battle']}").json()
            assert guest.vote(view).status_code == 200
            assert public(reader) != seen, "a vote is what changes a board"
            seen = public(reader)
