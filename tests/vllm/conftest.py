"""A real vLLM server on a CPU: started once, started again after a test that killed it, and its figures.

`make test-vllm` makes the environment and names it in VLLM_VENV; without it these tests are skipped.
"""

import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KEY = "sk-canary-vllm"
PATIENCE = 300  # seconds for a start: 18 on a quiet machine, minutes on a busy one
FIGURES: list[str] = []


class Vllm:
    """One process that serves tiny-a, tiny-b and tiny-c."""

    models = ("tiny-a", "tiny-b", "tiny-c")
    key = KEY

    def __init__(self, environment: Path, models: Path, log: Path, *more: str):
        self.environment, self._models, self._log, self._more = environment, models, log, more
        self._process = None
        self.url = ""

    def beside(self, name: str, *more: str):
        """Another process of the same models, not yet started, with further words of its command."""
        return Vllm(self.environment, self._models, self._log.with_name(f"{name}.log"), *more)

    def ensure(self):
        """Start the process unless it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [self.environment / "bin" / "vllm", "serve", self._models / "base"]
        command += ["--served-model-name", "tiny-a", "--host", "127.0.0.1", "--port", port, "--api-key", KEY]
        command += ["--dtype", "float32", "--max-model-len", 8192, "--enforce-eager", "--max-num-seqs", 32]
        command += ["--kv-cache-memory-bytes", 64 * 2**20]
        command += ["--enable-lora", "--max-loras", 3, "--max-lora-rank", 8]
        command += ["--lora-modules", f"tiny-b={self._models / 'b'}", f"tiny-c={self._models / 'c'}"]
        command += self._more
        quiet = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
        quiet |= {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1"}  # else all pin to one core
        started = time.monotonic()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                env=os.environ | quiet,
                stdout=log,
                stderr=log,
                start_new_session=True,  # its engine is another process, and ends with it
            )
        self.url = f"http://127.0.0.1:{port}/v1"
        while not self._healthy():
            assert self._process.poll() is None, self._log.read_text()[-3000:]
            assert time.monotonic() - started < PATIENCE, self._log.read_text()[-3000:]
            time.sleep(0.5)
        FIGURES.append(f"vLLM started in {time.monotonic() - started:.0f} s")

    def _healthy(self):
        try:
            with urllib.request.urlopen(self.url.replace("/v1", "/health"), timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def metric(self, name):
        """The sum of one of the server's own counters."""
        with urllib.request.urlopen(self.url.replace("/v1", "/metrics"), timeout=10) as answer:
            text = answer.read().decode()
        found = re.findall(rf"^vllm:{name}(?:{{[^}}]*}})? (\S+)$", text, re.M)
        assert found, name
        return sum(map(float, found))

    def kill(self, how=signal.SIGKILL):
        """End the process and its engine."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, how)
            self._process.wait(60)


@pytest.fixture(scope="session")
def process(tmp_path_factory):
    """The server, not yet started."""
    environment = os.environ.get("VLLM_VENV")
    if not environment or not (Path(environment) / "bin" / "vllm").exists():
        pytest.skip("a real vLLM takes an environment of its own: run make test-vllm")
    environment = Path(environment).resolve()
    home = tmp_path_factory.mktemp("vllm")
    made = subprocess.run(
        [environment / "bin" / "python", HERE / "tiny_model.py", home / "models"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    server = Vllm(environment, home / "models", home / "vllm.log")
    yield server
    server.kill(signal.SIGTERM)


@pytest.fixture
def vllm(process):
    """The server, running."""
    process.ensure()
    return process


@pytest.fixture
def figures():
    """A list of sentences that the run ends with."""
    return FIGURES


def pytest_terminal_summary(terminalreporter):
    for line in FIGURES:
        terminalreporter.write_line(line)
