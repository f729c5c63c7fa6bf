"""`agon route-server` killed while signals come: what was acknowledged is there."""

import random
import threading
import time

import httpx
import pytest

from agon.data.use_log.use_reading import read_history
from tests.arena.routed.test_use_server import talker
from tests.support.use_server import asked, scripted, use_server


class Person:
    """Somebody who asks and says how it was, until the server is gone."""

    def __init__(self, seed):
        self.random, self.known = random.Random(seed), []
        self.acknowledged, self.sent = {}, None  # signals by conversation; the one without an answer yet
        self.told = 0

    def go_on(self, running, stop):
        """Ask and say, each value another one."""
        try:
            with running.client() as client:
                while not stop.is_set():
                    if not self.known or self.random.random() < 0.4:
                        made = client.post("chat/completions", json=asked(str(self.random.random())))
                        if made.status_code == 200:
                            self.known.append(made.headers["x-agon-conversation"])
                        continue
                    id_, value = self.random.choice(self.known), self.random.uniform(-1, 1)
                    self.sent = id_, value
                    said = client.post("feedback", json={"conversation": id_, "thumb": value})
                    assert said.status_code == 200, said.text
                    self.acknowledged[id_], self.sent = value, None
                    self.told += 1
        except httpx.HTTPError:
            pass

    def look(self, found):
        """All that was acknowledged is there; what was sent last may be."""
        assert set(self.known) <= found.keys()
        for id_, value in self.acknowledged.items():
            kept = found[id_].sent["thumb"]
            assert kept == value or (id_, kept) == self.sent
            self.acknowledged[id_] = kept
        self.sent = None


def rounds_of(folder, rounds, seed):
    """Kill the server at random moments, look at the log, start it again; how many were acknowledged."""
    rng, people = random.Random(seed), [Person(seed * 10 + i) for i in range(4)]
    with (
        scripted(talker("a")) as a,
        scripted(talker("b")) as b,
        use_server(folder, {"a": a, "b": b}, "per_minute = 100000000\nper_day = 100000000") as running,
    ):
        for _ in range(rounds):
            stop = threading.Event()
            threads = [threading.Thread(target=one.go_on, args=(running, stop)) for one in people]
            for one in threads:
                one.start()
            wanted, patience = sum(one.told for one in people) + rng.randint(1, 30), time.monotonic() + 60
            while sum(one.told for one in people) < wanted and time.monotonic() < patience:
                time.sleep(rng.uniform(0, 0.01))
            running.kill()
            stop.set()
            for one in threads:
                one.join(30)
            found = read_history(running.store).conversations
            for person in people:
                person.look(found)
            running.start()
        with running.client() as client:  # and all of it goes on
            said = client.post("feedback", json={"conversation": people[0].known[0], "thumb": 0})
            assert said.status_code == 200
    return sum(one.told for one in people)


def test_nothing_acknowledged_is_lost_over_three_kills(tmp_path):
    assert rounds_of(tmp_path, 3, 1) > 3


@pytest.mark.soak
def test_nothing_acknowledged_is_lost_over_thirty_kills(tmp_path):
    assert rounds_of(tmp_path, 30, 2) > 200
