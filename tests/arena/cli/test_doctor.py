"""`agon doctor` beside real servers, ports and folders: what is well, and each thing that can be wrong."""

import os
import subprocess
import sys
import sysconfig
import time
import urllib.request
from email.utils import formatdate
from pathlib import Path

import pytest

from agon.arena.cli.doctor import PARTS, install_line
from agon.arena.core.arena_settings import ArenaSettings
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.paths import REPOSITORY
from tests.support.threaded_server import JsonHandler, serving

CONFIG = """
[arena]
public_url = "{public}"
[[model]]
name = "one"
base_url = "{server}"
[[model]]
name = "two"
base_url = "{server}"
"""


def model_server(clock=0.0):
    """A server of models that answers one word, and whose clock is that many seconds off."""

    class Answers(JsonHandler):
        def get(self):
            self.send_error(404)

        def date_time_string(self, timestamp=None):
            return formatdate(time.time() + clock, usegmt=True)

        def post(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            self.wfile.write(
                b'data: {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}\n\n'
                b"data: [DONE]\n\n"
            )

    return Answers


def proxy(target, *, keeps_host):
    """A proxy in front of an arena, which passes the Host header on or does not."""

    class Passes(JsonHandler):
        def get(self):
            self._pass(None)

        def post(self):
            self._pass(self.rfile.read(int(self.headers.get("content-length", 0))))

        def _pass(self, body):
            request = urllib.request.Request(target + self.path, body, method=self.command)
            for name in ("Origin", "Content-Type", *(["Host"] if keeps_host else [])):
                if name in self.headers:
                    request.add_header(name, self.headers[name])
            try:
                answer = urllib.request.urlopen(request)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                self.send_response(answer.status)
                self.end_headers()
                self.wfile.write(answer.read())

    return Passes


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch, tmp_path):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def to_mend(out):
    return [line.removeprefix("MEND ") for line in out.splitlines() if line.startswith("MEND ")]


def test_without_a_configuration_the_machine_is_looked_at(run):
    status, out, err = run("doctor", "--port", "0")
    assert (status, err, to_mend(out)) == (0, "", [])
    for said in ("ok   Python 3.", "ok   the part arena", "ok   agon-log can be made", "GB are free"):
        assert said in out
    assert out.endswith("Nothing to mend.\n")
    assert not list(Path().iterdir()), "nothing is written"


def test_models_that_answer_and_a_clock_that_agrees(run, tmp_path):
    with serving(model_server()) as server:
        (tmp_path / "arena.toml").write_text(CONFIG.format(public="https://arena.example", server=server))
        status, out, _ = run("doctor", "arena.toml", "--port", "0")
    assert (status, to_mend(out)) == (0, [])
    assert "ok   one answers" in out
    assert f"ok   this clock agrees with that of {server}" in out
    assert "note https://arena.example can be tried once the arena is open" in out


def test_a_clock_an_hour_ahead_is_to_be_mended(run, tmp_path):
    with serving(model_server(clock=-3600)) as server:
        (tmp_path / "arena.toml").write_text(CONFIG.format(public="https://arena.example", server=server))
        status, out, _ = run("doctor", "arena.toml", "--port", "0")
    assert status == 1
    (said,) = to_mend(out)
    assert said.startswith("this clock is 3,")
    assert f"s ahead of that of {server}: set it" in said


def test_models_that_do_not_answer_and_a_proxy_in_between(run, tmp_path, monkeypatch):
    (tmp_path / "a.toml").write_text(
        CONFIG.format(public="https://a.example", server="http://127.0.0.1:9/v1")
    )
    status, out, _ = run("doctor", "a.toml", "--port", "0")
    assert status == 1
    assert [said.split(":")[0] for said in to_mend(out)] == [
        "one cannot answer (unreachable)",
        "two cannot answer (unreachable)",
        "every battle is void until two models can answer",
    ]
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    _, out, _ = run("doctor", "a.toml", "--port", "0")
    assert (
        "http://127.0.0.1:9/v1 is near, and is asked through the proxy 127.0.0.1: export NO_PROXY=127.0.0.1"
        in (to_mend(out))
    )
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert "through the proxy" not in run("doctor", "a.toml", "--port", "0")[1], "the remedy helps"


def test_a_configuration_that_cannot_be_read_is_one_of_the_lines(run, tmp_path):
    (tmp_path / "arena.toml").write_text("[arena]\ntitel = 'x'\n")
    status, out, err = run("doctor", "arena.toml")
    assert (status, err) == (1, "")
    (said,) = to_mend(out)
    assert "titel" in said
    assert "GB are free" in out, "the rest is looked at all the same"


@pytest.mark.parametrize(
    ("keeps_host", "said"),
    [(True, "ok   {url} leads to the arena"), (False, "MEND {url} is taken for a foreign")],
)
def test_the_public_address_is_tried_through_the_proxy(keeps_host, said, run, tmp_path):
    """A proxy that drops the Host header loses every vote of browsers that send no Sec-Fetch-Site."""
    models = roster(Scripted(), Scripted())
    with (
        serving(model_server()) as server,
        open_arena(tmp_path / "log", models, ArenaSettings(seed=7)) as arena,
    ):
        with serving(proxy(arena.url, keeps_host=keeps_host)) as public:
            (tmp_path / "arena.toml").write_text(CONFIG.format(public=public, server=server))
            port = arena.url.rpartition(":")[2]
            status, out, _ = run("doctor", "arena.toml", "--port", port, "--store", "log")
        assert f"ok   an arena is open at {arena.url}/" in out
        assert said.format(url=public) in out
        assert status == int(not keeps_host)
        status, out, _ = run("doctor", "arena.toml", "--port", port)
        assert f"{public} does not lead here (nobody answers)" in out


def test_a_port_that_another_program_has(run):
    with serving(model_server()) as other:
        status, out, _ = run("doctor", "--port", other.rpartition(":")[2])
    assert status == 1
    assert "is taken by another program; choose another with --port" in to_mend(out)[0]


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("there.txt/in", "there.txt is a file, and a store is a folder"),
        ("/proc/agon", "/proc cannot be written"),
    ],
)
def test_a_store_that_cannot_be_written(store, said, run, tmp_path):
    (tmp_path / "there.txt").write_text("")
    status, out, _ = run("doctor", "--port", "0", "--store", store)
    assert status == 1
    assert said in to_mend(out)[0]


def test_a_store_from_the_future(run, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "agon.duckdb").write_text("")
    os.utime(tmp_path / "store" / "agon.duckdb", (time.time() + 86400,) * 2)
    status, out, _ = run("doctor", "--port", "0", "--store", "store")
    assert status == 1
    assert to_mend(out) == ["store was written in the future: set the clock, or say when it was set back"]


def test_a_part_that_is_missing_is_named_with_its_line(tmp_path):
    """An environment with all packages of this one but those of the part, as after `pip install .`."""
    lent = tmp_path / "lent"
    lent.mkdir()
    for kind in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(kind).iterdir():
            if entry.name.partition(".")[0] not in PARTS["arena"] and entry.suffix != ".pth":
                (lent / entry.name).symlink_to(entry)
    code = "import sys; from agon.arena.cli.commands import main; sys.exit(main(sys.argv[1:]))"

    def agon(*words):
        done = subprocess.run(
            [sys.executable, "-S", "-c", code, *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
            env={**os.environ, "PYTHONPATH": f"{REPOSITORY}:{lent}"},
        )
        assert done.stderr == "", done.stderr
        return done.returncode, done.stdout

    status, out = agon("doctor")
    assert status == 0
    assert "note the part arena lacks babel, fastapi, gradio, " in out
    assert install_line("arena") in out
    (tmp_path / "a.csv").write_text("prompt,model,answer\nHi,ada,Hello\nHi,bob,Hey\n")
    status, out = agon("doctor", "a.csv")
    assert status == 1
    assert to_mend(out)[0].startswith("the part arena lacks ")
