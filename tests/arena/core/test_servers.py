"""An arena beside servers that are short: of places, of context, of tokens to write."""

import json
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.roster import Contestant, ModelCard, Roster
from agon.data.log.records import GenerationRecord
from agon.serving.openai_protocol.model_server import Server
from agon.serving.protocol import Sampling
from agon.serving.supervision import free_port
from tests.support.arena_server import open_arena
from tests.support.paths import REPOSITORY

NAMES = ("one", "two", "three")
LONG = "1234567 " * 200


@contextmanager
def words(*more):
    """A server of three models as a process; its address."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.word_server", str(port), *NAMES, *more], cwd=REPOSITORY
    )
    try:
        for _ in range(1000):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/count"):
                    break
            except OSError:
                threading.Event().wait(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@contextmanager
def arena(folder, url, sampling=None, **places):
    """An arena of the three."""
    server = Server(f"{url}/v1", **places)
    models = [Contestant(ModelCard(name, name), server.model(name), sampling or Sampling()) for name in NAMES]
    settings = ArenaSettings(seed=7, running_per_voter=20)
    with open_arena(folder, Roster(tuple(models)), settings) as opened:
        yield opened


def asked(url):
    with urllib.request.urlopen(f"{url}/count") as answer:
        return answer.read()


def test_a_prompt_that_is_too_long_is_told_before_the_draw_and_changes_no_reliability(tmp_path):
    with words("--context", "400") as url, arena(tmp_path, url) as opened:
        guest = opened.visitor()
        guest.vote(guest.ready())
        before, count = [opened.arena.contestants.endings.reliability(name) for name in NAMES], asked(url)
        for number in range(10):
            said = guest.post("/api/battles", {"prompt": f"{number} {LONG}"})
            assert said.status_code == 422
            assert said.json()["sentence"] == (
                "The prompt is longer than these models can read (400 tokens). Shorten it."
            )
        assert asked(url) == count, "no model was asked"
        assert [opened.arena.contestants.endings.reliability(name) for name in NAMES] == before
        view = guest.ready()
        said = guest.post(f"/api/battles/{view['battle']}/prompts", {"prompt": LONG}).json()
        assert said["sentence"].startswith(
            "With this prompt the conversation is longer than these models can"
        )
        assert guest.vote(view).json()["state"] == "voted"


def test_what_only_the_server_finds_too_long_is_void_at_first_and_taken_back_later(tmp_path):
    with words("--context", "400", "--silent") as url:
        with arena(tmp_path, url) as opened:
            guest = opened.visitor()
            view = guest.finish(guest.start(LONG)["battle"])
            assert view["state"] == "void"
            assert "The prompt is longer than these models can read. Shorten it." in view["html"]
            assert guest.post("/api/battles", {"prompt": LONG}).json()["error"] == "long_prompt", (
                "it has learned"
            )
            ready = guest.ready()
            answers = [side["text"] for side in ready["sides"]]
            guest.post(f"/api/battles/{ready['battle']}/prompts", {"prompt": LONG + "2"})
            view = guest.finish(ready["battle"])
            assert (view["state"], view["turn"], view["may_ask"]) == ("ready", 1, False)
            assert [side["text"] for side in view["sides"]] == answers
            assert "Your last prompt was taken back." in view["html"]
            assert [
                opened.arena.contestants.endings.reliability(name)
                for name in NAMES
                if opened.arena.contestants.endings.asked(name)
            ]
            cookie = guest.http.cookies
        with arena(tmp_path, url) as opened:  # after a restart it stands as it did
            guest = opened.visitor()
            guest.http.cookies = cookie
            view = guest.get(f"/api/battles/{ready['battle']}").json()
            assert (view["state"], view["turn"]) == ("ready", 1)
            assert [side["text"] for side in view["sides"]] == answers
            assert guest.vote(view).json()["state"] == "voted"
            assert {opened.arena.contestants.endings.reliability(name) for name in NAMES} <= {"", "100.0%"}


def test_who_waits_is_told_its_number_and_all_answers_come(tmp_path):
    """Two places and six battles: twelve requests, none refused, none late by its own limits."""
    with words("--gap", "0.01", "--at-once", "2") as url, arena(tmp_path, url, at_once=2) as opened:
        guests = [opened.visitor() for _ in range(6)]
        battles = [guest.start()["battle"] for guest in guests]
        heard, ends = [], []

        def follow(guest, battle):
            for kind, data in guest.events(battle):
                if kind == "side":
                    heard.append((battle, data["slot"], data["words"]))
                else:
                    ends.append(data["state"])

        threads = [threading.Thread(target=follow, args=pair) for pair in zip(guests, battles, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ends.count("ready") == 6
        assert sum(json.loads(asked(url)).values()) == 12
        last = [(slot, said) for battle, slot, said in heard if battle == battles[-1]]
        for slot in (0, 1):
            told = [said for side, said in last if side == slot and "in line" in said]
            assert told, "both sides wait together"
            assert told[-1] in {"First in line", "Second in line"}
        answers = [record for battle in battles for record in opened.records(battle, 3)]
        waits = [record.waited for record in answers if isinstance(record, GenerationRecord)]
        assert len(waits) == 12
        assert sorted(waits)[1] < 0.2 < sorted(waits)[-1], "in a column of its own"


def test_an_answer_that_is_cut_says_where(tmp_path):
    with words("--cut") as url, arena(tmp_path, url, Sampling(max_tokens=20)) as opened:
        guest = opened.visitor()
        view = guest.ready()
        assert [side["words"] for side in view["sides"]] == ["Cut at 20 tokens"] * 2
        assert view["cut"]
        assert ", cut there" in guest.vote(view).json()["html"]


def test_a_server_that_refuses_more_than_it_can_do_is_asked_again_by_one_at_a_time(tmp_path):
    """Two places of which we do not know: no battle is void that a wait would save."""
    with words("--gap", "0.05", "--at-once", "2", "--refuse") as url, arena(tmp_path, url) as opened:
        guests = [opened.visitor() for _ in range(2)]
        battles = [guest.start()["battle"] for guest in guests]
        views = [guest.finish(battle) for guest, battle in zip(guests, battles, strict=True)]
        assert [view["state"] for view in views] == ["ready"] * 2
        requests = sum(json.loads(asked(url)).values())
        assert 6 <= requests <= 12, "at first all were refused but two"
