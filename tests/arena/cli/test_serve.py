"""`agon serve CONFIG.toml` as a person starts it: the address, then who cannot answer, a key nowhere."""

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request

import pytest

from tests.support.arena_server import Visitor
from tests.support.marked import Mark

TWO = """
[arena]
port = 1
[[model]]
name = "one"
base_url = "http://127.0.0.1:9/v1"
api_key_env = "ONE_KEY"
[[model]]
name = "two"
base_url = "http://127.0.0.1:9/v1"
"""


def test_models_that_cannot_answer_are_named_after_the_address(tmp_path):
    (tmp_path / "arena.toml").write_text(TWO)
    process = subprocess.Popen(
        [sys.executable, "-m", "agon", "serve", "arena.toml", "--port", "0"],
        cwd=tmp_path,
        env=os.environ | {"ONE_KEY": "sk-canary"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watch = threading.Timer(300, process.kill)
    watch.start()
    try:
        opened = process.stdout.readline() + process.stdout.readline()
        said = [process.stderr.readline() for _ in range(5)]
        address = opened.split(" at ")[1].split(" ")[0]
        with urllib.request.urlopen(address) as page:
            body = page.read().decode()
    finally:
        process.send_signal(signal.SIGINT)
        rest = process.communicate()
        watch.cancel()
    assert opened.startswith("Agon is open at http://127.0.0.1:")
    assert "with 2 models" in opened
    out = [
        line for line in said if "http://127.0.0.1:9/v1 is out until it is well again (unreachable)" in line
    ]
    assert len(out) == 2, "a server with a key, and one without"
    assert sorted(line.partition(":")[2].partition(":")[0] for line in said if line not in out) == [
        " every battle is void until two models can answer.\n",
        " one cannot answer now (unreachable)",
        " two cannot answer now (unreachable)",
    ]
    assert "sk-canary" not in "".join([opened, *said, *rest, body])
    assert "Traceback" not in rest[1]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_server_that_it_starts_answers_and_ends_with_it_even_when_it_is_killed(tmp_path):
    mark = Mark()
    words = [sys.executable, "-m", "tests.support.word_server", "{port}", "one", "two", "--engine"]
    models = "".join(f"[[model]]\nname = '{name}'\nserver = 'ours'\n" for name in ("one", "two"))
    text = f"[[server]]\nname = 'ours'\ncommand = {json.dumps(words)}\n{models}"
    (tmp_path / "arena.toml").write_text(text)
    process = subprocess.Popen(
        [sys.executable, "-m", "agon", "serve", "arena.toml", "--port", "0"],
        cwd=tmp_path,
        env=mark.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    names = []
    watch = threading.Timer(300, process.kill)
    watch.start()
    try:
        address = process.stdout.readline().split(" at ")[1].split(" ")[0]
        said = [process.stderr.readline(), process.stderr.readline()]
        guest = Visitor(address.rstrip("/"))
        voted = guest.vote(guest.ready())
        health = guest.get("/healthz").json()
        told = []
        for changed in (
            text + "[[model]]\nname = 'three'\n",
            text + "[[model]]\nname = 'three'\nserver = 'ours'\nmodel = 'one'\n[battle]\npaused = ['two']\n",
            text + "[model.sampling]\ntemperature = 0.5\n",
            models.replace("server = 'ours'", "base_url = 'http://127.0.0.1:9/v1'"),
        ):
            (tmp_path / "arena.toml").write_text(changed)
            told.append(process.stderr.readline().removeprefix("agon: "))
            names.append(guest.get("/healthz").json()["models"])
        gone = mark.left(running="word_server")
        guest.http.close()
    finally:
        process.kill()
        process.communicate()
        watch.cancel()
    assert said[0].startswith("agon: ours starts: ")
    assert said[1].startswith("agon: ours is ready after ")
    assert voted.json()["state"] == "voted"
    assert (health["answering"], "out" in health) == (2, False)
    assert mark.left() == {}
    assert (tmp_path / "agon-log" / "servers" / "ours.log").exists()
    assert told[0] == (
        "arena.toml, [[model]] 3 ('three') has neither base_url nor server; give one of them. "
        "All goes on as it was.\n"
    )
    assert told[1] == "the configuration was read again: new three; not drawn two.\n"
    assert told[2].startswith("The log has ") and " answers of 'two' with other sampling, " in told[2]
    assert told[3] == "the configuration was read again: retired three.\n"
    assert names == [2, 3, 3, 2]
    assert gone == {}, "a server of ours ends when no model is behind it"
