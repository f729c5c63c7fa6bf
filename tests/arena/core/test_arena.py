"""`agon serve` opened by a person: a process, an address, and one sentence for whatever is wrong."""

import contextlib
import os
import re
import resource
import shlex
import signal
import socket
import subprocess
import sys
import time

import duckdb
import httpx
import pytest

from agon.arena.cli.commands import main
from agon.serving.demo import MANNERS
from tests.support.paths import REPOSITORY

AGON = [sys.executable, "-W", "error", "-m", "agon"]
ANSWERS = "prompt,model,answer\nWhy?,ash,Because.\nWhy?,birch,Why not?\nHow?,ash,So.\nHow?,birch,Thus.\n"


@contextlib.contextmanager
def served(*words, cwd, **more):
    """A running `agon serve` on a free port; gives its address and process."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(
        [sys.executable, "-m", "agon", "serve", *words, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd,
        env=environment,
        **more,
    )
    try:
        line = process.stdout.readline()
        address = re.search(r"http://\S+", line)
        assert address, line + process.stdout.read()
        yield address[0].rstrip("/"), process
    finally:
        process.kill()
        process.communicate()


def refused(*words, cwd):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-m", "agon", "serve", *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.startswith("agon: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def battle(client, prompt, asked=None):
    """Play one battle over HTTP to its vote; `asked` is a list that its id is put into."""
    client.get("/")
    view = client.post("/api/battles", json={"prompt": prompt}).json()
    if asked is not None:
        asked.append(view["battle"])
    for _ in range(600):
        view = client.get(f"/api/battles/{view['battle']}").json()
        if view["state"] != "streaming":
            break
        time.sleep(0.05)
    assert view["state"] == "ready", view
    body = {"turn": 1, "outcome": "a", "token": view["token"]}
    return client.post(f"/api/battles/{view['battle']}/vote", json=body).json()


def test_recorded_answers_are_an_arena_that_closes_in_good_order_and_says_what_it_kept(tmp_path):
    """As `docker stop` does it: the last snapshot is written, the status is 0; test_ends.py sends INT."""
    (tmp_path / "answers.csv").write_text(ANSWERS, encoding="utf-8")
    with served("answers.csv", cwd=tmp_path) as (url, process):
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            voted = [battle(client, prompt)["models"] for prompt in ("Why?", "How?")]
            assert [sorted(models) for models in voted] == [["ash", "birch"]] * 2
            refusal = client.post("/api/battles", json={"prompt": "When?"}).json()["sentence"]
            assert "choose a prompt" in refusal
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Closed. 2 votes in agon-log/." in out
        assert "Traceback" not in out
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    told = shlex.split(out.rpartition("Rank them with: agon ")[2])
    ranked = subprocess.run([*AGON, *told], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert (ranked.returncode, told) == (0, ["rank", "agon-log"]), ranked.stderr
    kept = duckdb.connect().sql(
        f"FROM '{tmp_path}/agon-log/votes/arena.parquet' SELECT model_a, model_b, winner"
    )
    assert sorted(kept.fetchall()) == sorted((*models, "model_a") for models in voted)


def test_a_temporary_folder_without_room_costs_no_battle(tmp_path):
    """The detector of languages unpacks 70 MB; here no file may grow beyond 10."""
    models = [f'[[model]]\nname = "{manner}"\nbackend = "demo"\nmanner = "{manner}"\n' for manner in MANNERS]
    (tmp_path / "arena.toml").write_text("".join(models), encoding="utf-8")
    small = resource.RLIMIT_FSIZE, (10 * 2**20, 10 * 2**20)
    with served("arena.toml", cwd=tmp_path, preexec_fn=lambda: resource.setrlimit(*small)) as (url, process):
        with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
            assert battle(client, "What is six times seven, said in plain English words?")["state"] == "voted"
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
        assert out.count("languages of prompts are not told here") == 1, out
        assert "Closed. 1 vote in agon-log/." in out


def test_the_demonstration_needs_nothing_and_repeats_itself(tmp_path):
    drawn = []
    for log in ("one", "two"):
        words = ("--seed", "5", "--store", log)
        with (
            served(*words, cwd=tmp_path) as (url, process),
            httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
        ):
            assert "Agon" in client.get("/").text
            start = client.get("/api/start").json()
            assert start["typed"]
            assert start["html"].count("demonstration assistants") == 1
            assert len(re.findall("data-prompt", start["below"])) >= 24
            for prompt in ("Hello, who are you?", "What is 17 times 23?"):
                view = client.post("/api/battles", json={"prompt": prompt}).json()
                client.post(f"/api/battles/{view['battle']}/stop", json={})
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=60)
            assert out.endswith(f"Closed. 0 votes in {log}/.\n"), "there is nothing to rank"
        with duckdb.connect(str(tmp_path / log / "agon.duckdb"), read_only=True) as database:
            drawn.append(
                database.execute(
                    "FROM battles JOIN lineups USING (lineup) SELECT models ORDER BY created"
                ).fetchall()
            )
    assert len(drawn[0]) == 2
    assert drawn[0] == drawn[1]


def test_a_vote_survives_kill_9_and_a_second_arena_over_the_log_is_refused_by_name(tmp_path):
    (tmp_path / "answers.csv").write_text(ANSWERS, encoding="utf-8")
    with (
        served("answers.csv", cwd=tmp_path) as (url, process),
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        assert battle(client, "Why?")["state"] == "voted"
        process.kill()
        process.wait()
    with served("answers.csv", cwd=tmp_path) as (url, process):
        assert httpx.get(url + "/healthz", trust_env=False).json() == {
            "votes": 1,
            "models": 2,
            "answering": 2,
        }
        assert str(process.pid) in refused("answers.csv", "--port", "0", cwd=tmp_path)


def test_a_taken_port_is_said(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} is taken" in refused("--port", str(port), cwd=tmp_path)
    assert not (tmp_path / "agon-log").exists(), "nothing was made"


def of_wrong(tmp_path):
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "agon.duckdb").write_bytes(b"this is no database" * 500)
    return ["--store", "log"]


def of_newer(tmp_path):
    from agon.data.log.vote_log import VoteLog

    VoteLog(tmp_path / "log").close()
    with duckdb.connect(str(tmp_path / "log" / "agon.duckdb")) as database:
        database.execute("INSERT INTO migrations VALUES (999, now()::TIMESTAMP)")
    return ["--store", "log"]


def of_file(tmp_path):
    (tmp_path / "log").write_text("a file", encoding="utf-8")
    return ["--store", "log"]


def write(name, text):
    def made(tmp_path):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return [name]

    return made


def of_key(content):
    def made(tmp_path):
        key = tmp_path / "log" / "secret.key"
        key.parent.mkdir()
        key.write_bytes(content) if content is not None else key.mkdir()
        return ["--store", "log"]

    return made


WRONG = {
    "an empty key": (of_key(b""), "0 bytes"),
    "a key that was cut": (of_key(b"x" * 31), "31 bytes"),
    "a folder for the key": (of_key(None), "secret.key"),
    "no such file": (lambda _: ["nothing.csv"], "nothing.csv"),
    "an empty file": (write("a.csv", ""), "a.csv"),
    "no answers": (write("a.csv", "model_a,model_b,winner\nx,y,tie\n"), "a.csv"),
    "one model": (write("a.csv", "prompt,model,answer\nWhy?,ash,Because.\n"), "two"),
    "an empty answer": (write("a.csv", ANSWERS + "Who?,ash,\nWho?,birch,Me.\n"), "row"),
    "not TOML": (write("a.toml", "[arena\n"), "a.toml"),
    "an unknown key": (write("a.toml", '[[model]]\nname = "x"\nbase_ur = "http://x/v1"\n'), "base_ur"),
    "no models": (write("a.toml", "[arena]\n"), "a.toml"),
    "a corrupt database": (of_wrong, "log"),
    "a newer log": (of_newer, "newer"),
    "a file for a folder": (of_file, "log"),
    "no such host": (lambda _: ["--host", "203.0.113.7"], "203.0.113.7"),
    "a port that is none": (lambda _: ["--port", "x"], "port"),
    "a port out of range": (lambda _: ["--port", "99999"], "99999"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path, monkeypatch, capfd, what):
    monkeypatch.chdir(tmp_path)
    make, word = WRONG[what]
    status = main(["serve", *make(tmp_path)])
    said = capfd.readouterr()
    assert (status, said.out, said.err.count("\n")) == (2, "", 1), said
    assert said.err.startswith("agon: ")
    assert word.lower() in said.err.lower()
