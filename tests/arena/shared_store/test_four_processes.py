"""Four real arenas on one store of PostgreSQL: people go from one to the other, and processes are killed."""

import json
import subprocess
import sys
from collections import Counter
from random import Random

import psycopg
import pytest

from tests.support.arena_processes import ArenaProcess, Visitor, storm, write_config
from tests.support.arena_server import awaited
from tests.support.postgres_server import PASSWORD, postgres_server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server():
    with postgres_server() as opened:
        yield opened


@pytest.fixture
def opened(server, tmp_path):
    """Starts arenas on one new store."""
    arenas, address = [], server.database()

    def start(number, pace=0.0):
        config = write_config(tmp_path / f"arena-{pace:g}.toml", address, pace=pace)
        made = [ArenaProcess(config, tmp_path / "cache").start() for _ in range(number)]
        arenas.extend(made)
        return made

    start.address = address
    yield start
    for arena in arenas:
        arena.stop()


def votes_of(address):
    """{battle: (places by the numbers of the ballots)} as the rows of the store have them."""
    with psycopg.connect(address) as connection:
        lines = connection.execute("SELECT line FROM agon_events ORDER BY seq").fetchall()
    events = [json.loads(bytes(line)) for (line,) in lines]
    ballots = {row["ballot"]: row["places"] for event in events for row in event.get("ballots", ())}
    votes = [(row["battle_id"], ballots[row["ballot"]]) for e in events for row in e.get("votes", ())]
    assert len({battle for battle, _ in votes}) == len(votes), "a battle has two votes"
    return dict(votes)


def networks_of(address):
    """What the votes of the store say of where they came from, and how often each."""
    with psycopg.connect(address) as connection:
        lines = [bytes(line) for (line,) in connection.execute("SELECT line FROM agon_texts").fetchall()]
    return Counter(said["network"] for line in lines if (said := json.loads(line)["texts"].get("votes")))


def verify(address):
    words = [sys.executable, "-m", "agon", "verify", address, "--format", "json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_no_vote_is_lost_or_doubled_while_processes_are_killed(opened):
    arenas = opened(4)
    told = storm(arenas, battles=24, voters=8, kills=2, every=2.0, seed=1)
    places = {"a": [1, 2], "b": [2, 1], "tie": [1, 1]}
    kept = votes_of(opened.address)
    assert len(told.kept) + len(told.found) == 24
    assert {battle: kept.get(battle) for battle in told.kept} == {
        battle: places[outcome] for battle, outcome in told.kept.items()
    }
    assert told.found <= kept.keys()
    assert len(kept) == 24
    assert list(networks_of(opened.address).values()) == [24], "one network, killed or not"
    assert verify(opened.address)["votes"] == 24
    boards = [
        awaited(
            lambda arena=arena: Visitor([arena], Random(0)).ask("GET", "/api/leaderboard").json(),
            lambda board: sum(row["votes"] for row in board["boards"][0]["models"]) == 48,
        )
        for arena in arenas
    ]
    assert all(board["boards"] == boards[0]["boards"] for board in boards)
    assert not any(PASSWORD in line for arena in arenas for line in arena.said)


@pytest.mark.soak
def test_four_hundred_battles_and_many_kills(tmp_path):
    """Prints the figures; the server synchronises its disk here."""
    with postgres_server(durable=True) as durable:
        address = durable.database()
        config = write_config(tmp_path / "arena.toml", address)
        arenas = [ArenaProcess(config, tmp_path / "cache").start() for _ in range(4)]
        try:
            told = storm(arenas, battles=400, voters=32, kills=12, every=1.0, seed=2, offered=300)
        finally:
            for arena in arenas:
                arena.stop()
        kept = votes_of(address)
        waits = sorted(told.waits)
        sys.stdout.write(
            f"\n{len(kept)} votes kept, {told.kills} kills, {told.void} void, {told.unanswered} votes sent "
            f"without an answer, {len(told.found)} found again, refused {told.refused}, "
            f"{told.seconds:.0f} s; a vote took {waits[len(waits) // 2]:.2f} s, at most {waits[-1]:.2f} s"
        )
        assert told.kills >= 6
        assert len(told.kept) + len(told.found) == len(kept) == 400
        assert told.kept.keys() | told.found == kept.keys()
        assert verify(address)["votes"] == 400


def test_a_ready_battle_outlives_its_process_and_one_that_streams_is_void(opened):
    """The ready one is voted on in another process; the other waits while its process lives."""
    (one,), (slow,) = opened(1), opened(1, pace=0.2)
    who = Visitor([one, slow], Random(2))
    ready = who.begin(arena=one)["battle"]
    awaited(lambda: who.view(ready, one)[1]["state"], lambda state: state == "ready")
    streaming = awaited(lambda: who.begin(arena=slow), bool)["battle"]
    status, told = awaited(lambda: who.view(streaming, one), lambda found: found[0] != 404)
    assert (status, told["error"]) == (409, "elsewhere")
    one.kill()
    status, view = who.view(ready, slow)
    assert (status, view["state"]) == (200, "ready")
    assert "model-" not in json.dumps(view)
    answer = who.vote(view, "b", slow)
    assert answer.status_code == 200, answer.text
    assert "model-" in answer.text
    one.start()  # and the first one knows of it, and takes no other
    assert who.view(ready, one)[1]["state"] == "voted"
    assert who.vote(view, "a", one).json()["error"] == "already_voted"
    slow.kill()
    status, view = awaited(lambda: who.view(streaming, one), lambda found: found[0] == 200)
    assert view["state"] == "void"
    slow.start()
    assert who.view(streaming, slow)[1]["state"] == "void"
    assert list(votes_of(opened.address).values()) == [[2, 1]]
