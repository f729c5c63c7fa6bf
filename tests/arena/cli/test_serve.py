"""`agon serve CONFIG.toml` as a person starts it: the address, then who cannot answer, a key nowhere."""

import os
import signal
import subprocess
import sys
import threading
import urllib.request

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
    watch = threading.Timer(120, process.kill)
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
