"""The operators' page: its files are taken from docs/running.md as they stand there and used for real.

What is not installed here (nginx, caddy, docker-compose, systemd) is skipped with its name.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from agon.arena.core.arena_settings import ArenaSettings
from agon.data.log.vote_log import VoteLog
from tests.repository.test_docs import RUNNING, blocks
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.log_records import voted
from tests.support.paths import REPOSITORY

TWO = "".join(f'[[model]]\nname = "{n}"\nbackend = "demo"\nmanner = "terse"\n' for n in ("one", "two"))


def block(language, holds=""):
    """The one block of the page in a language that holds a text."""
    (found,) = [text for text in blocks(RUNNING, language) if holds in text]
    return found


def needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed here")


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def certificate(folder):
    """A certificate of our own for arena.example."""
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=arena.example",
    ]
    subprocess.run(
        [*words, "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True
    )


def nginx(folder, port, arena):
    """The nginx of the page, with our port, certificate and arena."""
    certificate(folder)
    text = (
        block("nginx", "listen 443")
        .replace("listen 443", f"listen {port}")
        .replace("http://127.0.0.1:7860", arena)
    )
    text = re.sub(r"/etc/letsencrypt\S+/fullchain.pem", str(folder / "cert.pem"), text)
    text = re.sub(r"/etc/letsencrypt\S+/privkey.pem", str(folder / "key.pem"), text)
    assert "letsencrypt" not in text
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr;\nevents {{}}\n"
        f"http {{ access_log off; {temporary} {text} }}\n"
    )
    subprocess.run(["nginx", "-t", "-c", folder / "nginx.conf"], check=True, capture_output=True)
    return ["nginx", "-c", str(folder / "nginx.conf")]


def caddy(folder, port, arena):
    """The Caddy of the page, with our port and arena, and a certificate of its own making."""
    subprocess.run(
        ["caddy", "validate", "--adapter", "caddyfile", "--config", "/dev/stdin"],
        input=block("caddy").encode(),
        check=True,
        capture_output=True,
        env={**os.environ, "HOME": str(folder)},
    )
    text = block("caddy").replace("arena.example {", f"arena.example:{port} {{\n    tls internal")
    text = text.replace("127.0.0.1:7860", arena.removeprefix("http://"))
    options = "{\n    admin off\n    skip_install_trust\n    auto_https disable_redirects\n}\n"
    (folder / "Caddyfile").write_text(options + text)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


@contextmanager
def running(words, folder, port):
    """A program until it listens at a port, and until the end of the test."""
    environment = {
        **os.environ,
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    try:
        end = time.monotonic() + 60
        while True:
            assert process.poll() is None, f"{words[0]} ended"
            assert time.monotonic() < end, f"{words[0]} does not listen"
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(30)


class Resolved(httpx.HTTPTransport):
    """arena.example is this machine."""

    def handle_request(self, request):
        return super().handle_request(
            httpx.Request(
                request.method,
                request.url.copy_with(host="127.0.0.1"),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": request.url.host},
            )
        )


@pytest.mark.parametrize("proxy", [pytest.param(f, marks=needs(f.__name__)) for f in (nginx, caddy)])
def test_a_battle_is_fought_and_voted_on_through_the_proxy_of_the_page(proxy, tmp_path):
    """As a browser does it: the page, a battle, answers as they are written, the vote, all with an Origin."""
    port = free_port()
    public = f"https://arena.example:{port}"
    slow = Scripted(text="one two three four five six", gap=0.5)
    settings = ArenaSettings(seed=7, public_url=public)
    evil = {"Origin": "https://evil.example"}
    with (
        open_arena(tmp_path / "log", roster(slow, slow), settings) as arena,
        running(proxy(tmp_path, port, arena.url), tmp_path, port),
        httpx.Client(
            base_url=public, transport=Resolved(verify=False), headers={"Origin": public}, timeout=60
        ) as http,
    ):
        for _ in range(50):  # Caddy listens before it has its certificate
            with suppress(httpx.ConnectError):
                page = http.get("/")
                break
            time.sleep(0.2)
        assert page.status_code == 200
        assert "Secure" in page.headers["set-cookie"]
        battle = http.post("/api/battles", json={"prompt": "Why?"})
        assert battle.status_code == 200, battle.text
        name = battle.json()["battle"]
        with http.stream("GET", f"/api/battles/{name}/events") as events:
            seen = [time.monotonic() for line in events.iter_lines() if line.startswith("data: ")]
        assert seen[-1] - seen[0] > 1, "answers arrive as they are written, not all at the end"
        view = http.get(f"/api/battles/{name}").json()
        ballot = {"turn": view["turn"], "outcome": "a", "token": view["token"]}
        vote = http.post(f"/api/battles/{name}/vote", json=ballot)
        assert vote.status_code == 200, vote.text
        assert http.get("/healthz").json()["votes"] == 1
        assert http.post("/api/battles", json={"prompt": "Why?"}, headers=evil).status_code == 403


@needs("systemd-analyze")
def test_the_service_is_one_that_systemd_takes(tmp_path):
    """Its own program is put where the service looks for it, for the time of the check."""
    program = tmp_path / "agon"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = block("ini", "--store store").replace("/srv/agon/.venv/bin/agon", str(program))
    (tmp_path / "agon.service").write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "agon.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "agon.service" not in done.stderr


@needs("docker-compose")
def test_the_compose_file_is_one_that_compose_takes(tmp_path):
    (tmp_path / "docker-compose.yml").write_text('version: "3.9"\n' + block("yaml", "arena:"))
    (tmp_path / "keys.env").write_text("KEY=x\n")
    done = subprocess.run(
        ["docker-compose", "config"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "agon serve /arena/arena.toml" in done.stdout


def until_open(process):
    line = process.stdout.readline()
    assert " at http://" in line, line + process.stderr.read()
    return line.split(" at ")[1].split()[0]


def test_term_reaches_the_arena_of_the_compose_file(tmp_path):
    """The shell is replaced by the arena, which therefore gets the TERM of `docker compose stop`."""
    command = re.search(r'sh -c "(.*?)"', " ".join(block("yaml", "arena:").split()))[1]
    last = command.rpartition("&&")[2].strip()
    assert last.startswith("exec agon serve ")
    (tmp_path / "arena.toml").write_text(TWO)
    line = (
        last.replace("exec agon", f"exec {sys.executable} -m agon")
        .replace("/arena/", "")
        .replace("/store", "s")
    )
    process = subprocess.Popen(
        ["sh", "-c", f"true && {line} --port 0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until_open(process)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "Closed. 0 votes in s/" in out


def test_the_app_of_the_space_opens_an_arena_that_may_be_framed(tmp_path):
    """Framed by Hugging Face, a cookie must be partitioned, or the browser keeps none."""
    app = block("python", "main([")
    app = app.replace("7860", "0").replace("0.0.0.0", "127.0.0.1").replace("/data/agon-log", "agon-log")
    (tmp_path / "app.py").write_text(app)
    site = '[arena]\npublic_url = "https://user-arena.hf.space"\nembed = ["https://huggingface.co"]\n'
    (tmp_path / "arena.toml").write_text(site + TWO)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with urllib.request.urlopen(until_open(process)) as page:
            assert page.status == 200
            assert page.headers["set-cookie"].endswith("SameSite=None; Secure; Partitioned")
            policy = page.headers["content-security-policy"]
            assert re.search(r"frame-ancestors [^;]*https://huggingface\.co", policy)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0


def test_a_store_that_was_backed_up_and_restored_has_the_votes_and_knows_the_visitors(tmp_path):
    """`cp -a` of a closed store, opened at another place."""
    line = next(text for text in RUNNING.splitlines() if text.startswith("| back up |"))
    copy = re.search(r"`systemctl stop agon && (cp -a store backup) && systemctl start agon`", line)[1]
    backend = Scripted()
    with open_arena(tmp_path / "store", roster(backend, backend)) as arena:
        visitor = arena.visitor()
        visitor.vote(visitor.ready())
        cookie = dict(visitor.http.cookies)
    subprocess.run(copy.split(), cwd=tmp_path, check=True)
    shutil.rmtree(tmp_path / "store")
    Path(tmp_path / "moved").mkdir()
    (tmp_path / "backup").rename(tmp_path / "moved" / "store")
    with open_arena(tmp_path / "moved" / "store", roster(backend, backend)) as arena:
        assert arena.log.count() == 1
        with httpx.Client(base_url=arena.url, cookies=cookie, trust_env=False) as again:
            assert "set-cookie" not in again.get("/").headers, "known, so no new session"


def test_snapshots_copied_while_it_runs_are_enough_for_a_board(tmp_path):
    with VoteLog(tmp_path / "store") as log:
        for number in range(12):
            voted(log, ("ada", "bob"), (1, 2) if number % 3 else (2, 1))
        log.snapshot()
        (tmp_path / "copy" / "votes").mkdir(parents=True)
        for file in (tmp_path / "store" / "votes").glob("*.parquet"):
            shutil.copy(file, tmp_path / "copy" / "votes")
    done = subprocess.run(
        [sys.executable, "-m", "agon", "rank", "copy", "-f", "json", "--min-votes", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"votes": 12' in done.stdout
