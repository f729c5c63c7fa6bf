"""What `agon serve --log-format json` tells: a line of JSON an event, without words or addresses."""

import json
import subprocess
import sys

import httpx

from tests.support.arena_server import Visitor, awaited
from tests.support.paths import REPOSITORY

CONFIGURATION = "[limits]\nfirst = 5\n" + "".join(
    f'[[model]]\nname = "{name}"\nbackend = "demo"\nmanner = "terse"\nfailure_rate = {rate}\n'
    for name, rate in (("well", 0), ("broken", 1))
)


def test_every_line_is_an_event_without_words_or_addresses(tmp_path):
    (tmp_path / "arena.toml").write_text(CONFIGURATION)
    words = ["serve", str(tmp_path / "arena.toml"), "--port", "0", "--log-format", "json"]
    with subprocess.Popen(
        [sys.executable, "-m", "agon", *words, "--store", str(tmp_path / "log")],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            address = process.stdout.readline().split(" at ")[1].split(" ")[0]
            visitor = Visitor(address.rstrip("/"))
            battle = visitor.start("canary-prompt")["battle"]
            awaited(lambda: visitor.finish(battle), lambda view: view.get("state") == "void")
            visitor.get("/no-page")
            through = {"x-forwarded-for": "198.51.100.7"}
            httpx.get(address, headers=through, trust_env=False)
            visitor.http.close()
        finally:
            process.terminate()
            _, told = process.communicate(timeout=60)
    lines = [json.loads(line) for line in told.splitlines()]
    events = {line["event"]: line for line in lines}
    assert lines[0]["event"] == "started"
    assert lines[0]["models"] == 2
    assert {model for model, _ in events["battle_void"]["failures"]} == {"broken"}
    assert events["model_failed"]["model"] == "broken"
    assert events["refused"]["counts"] == {"no_page": 1}
    assert events["proxy_hint"]["about"] == "x-forwarded-for"
    assert lines[-1]["event"] == "closed"
    assert all(line["at"].endswith("+00:00") for line in lines)
    assert "canary" not in told
    assert "127.0.0.1" not in told
    assert "198.51.100" not in told
