"""Servers that are started here: ready, killed, failing, and gone with whoever started them."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

from agon.serving.generation import Limits, generate
from agon.serving.openai_protocol.model_server import Server
from agon.serving.protocol import Message, Sampling
from agon.serving.supervision import SupervisedServer, fault_in, running
from tests.support.marked import Mark
from tests.support.paths import REPOSITORY

ASKED = (Message("user", "Why?"),)
WORDS = (sys.executable, "-m", "tests.support.word_server", "{port}")
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


class Run:
    """A server over a command, with what was told of it and a mark by which its processes are found."""

    def __init__(self, folder, *words):
        self.folder, self.told, self.mark = folder, [], Mark()
        self.server = Server("")
        self.model = self.server.model("m")
        self.supervised = SupervisedServer("gpu", self.server, [*WORDS, *words], self.mark.environment)

    def running(self):
        return running([self.supervised], self.folder, self.told.append)

    async def answer(self):
        made = await generate(
            self.model, ASKED, Sampling(), limits=Limits(), on_text=list, stop=asyncio.Event()
        )
        return made.failure or made.text


async def until(true, seconds=20.0):
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds
        await asyncio.sleep(0.02)
    return time.monotonic() - started


@linux
def test_a_server_that_is_killed_is_started_again_and_nothing_of_it_is_left(tmp_path):
    """With a child in a group of its own, which no signal to the group reaches."""
    run = Run(tmp_path, "m", "--engine")

    async def main():
        async with run.running():
            assert await run.answer() == " ".join(f"word{n}" for n in range(20)) + " "
            assert run.server.answered == 1, "so that it is started again at once"
            before = run.mark.processes()
            (pid,) = (one for one, words in before.items() if "word_" in words and "reaper" not in words)
            assert any("sleep 3600" in words for words in before.values())
            os.kill(pid, signal.SIGKILL)
            await until(lambda: not run.model.accepts(ASKED))
            await until(lambda: run.model.accepts(ASKED))
            assert (await run.answer()).startswith("word0 ")
            assert not before.keys() & run.mark.processes().keys(), "not even its child"
        await run.model.close()

    asyncio.run(main())
    assert run.mark.processes() == {}
    assert any("gpu ended after" in line and "(signal 9)" in line for line in run.told)
    assert sum("gpu is ready" in line for line in run.told) == 2


@linux
def test_it_ends_with_a_process_that_is_killed(tmp_path):
    mark = Mark()
    code = f"""
import asyncio, os, signal
from pathlib import Path
from agon.serving.openai_protocol.model_server import Server
from agon.serving.supervision import SupervisedServer, fault_in, running
async def main():
    words = {[*WORDS, "m", "--engine"]!r}
    def tell(line):
        os.write(1, line.encode())
    gpu = SupervisedServer("gpu", Server(""), words, os.environ)
    async with running([gpu], Path({str(tmp_path)!r}), tell):
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=mark.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert "gpu is ready" in done.stdout
    assert mark.left() == {}


def test_a_server_that_fails_says_why_in_its_own_words_and_is_tried_again_later_and_later(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("agon.serving.supervision.SHORTEST_PAUSE", 0.25)
    run = Run(tmp_path, "m", "--fail", "ValueError: No adapter found for nope")

    async def main():
        async with run.running():
            failure = run.server.health.failure
            assert "No adapter found for nope" in failure.detail
            await until(lambda: sum(line.startswith("gpu starts") for line in run.told) == 3)
        await run.model.close()

    asyncio.run(main())
    pauses = [line.rpartition("again in ")[2].partition(" s;")[0] for line in run.told if "again in" in line]
    assert pauses == ["0.25", "0.5"]
    assert "gpu ended before it was ready (status 1): ValueError: No adapter found for nope." in run.told[1]
    assert "No adapter" in (tmp_path / "gpu.log.before").read_text()


def test_a_model_that_the_server_does_not_list_is_not_drawn(tmp_path):
    """llama.cpp answers under whatever name it is asked: another model would be ranked under this one."""
    run = Run(tmp_path, "other")

    async def main():
        async with run.running():
            assert not run.model.accepts(ASKED)
            assert await run.answer() == "unknown_model"
        await run.model.close()

    asyncio.run(main())
    assert "gpu serves other, not m: that model is not drawn." in run.told


def test_a_program_that_is_not_there_is_told(tmp_path):
    run = Run(tmp_path)
    run.supervised = SupervisedServer("gpu", run.server, ["/no/such/program", "{port}"], os.environ)

    async def main():
        async with run.running():
            assert "/no/such/program cannot be started: No such file" in run.server.health.failure.detail
        await run.model.close()

    asyncio.run(main())


# In the form that vLLM 0.32 gives its lines, without those of the traceback.
LOGS = {
    "memory": (
        """(EngineCore pid=7) INFO 11-29 18:19:30 [core.py:110] Initializing a V1 LLM engine
(EngineCore pid=7) ERROR 11-29 18:19:36 [core.py:1510] Traceback (most recent call last):
(EngineCore pid=7) ERROR 11-29 18:19:36 [core.py:1510] ValueError: No available memory for the cache blocks.
Traceback (most recent call last):
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
""",
        "ValueError: No available memory for the cache blocks.",
    ),
    "root cause elsewhere": (
        """(EngineCore pid=7) ERROR 11-29 18:19:36 [core.py:1510] Exception: WorkerProc failed. \
See stack trace for root cause.
(Worker pid=8) ERROR 11-29 18:19:37 [worker.py:1] torch.OutOfMemoryError: CUDA out of memory.
""",
        "torch.OutOfMemoryError: CUDA out of memory.",
    ),
    "option": (
        "usage: vllm serve [model_tag] [options]\nvllm: error: unrecognized arguments: --no-such\n",
        "vllm: error: unrecognized arguments: --no-such.",
    ),
    "port": (
        "INFO 11-29 18:19:36 [api.py:1] starting\nOSError: [Errno 98] Address already in use\n",
        "OSError: [Errno 98] Address already in use.",
    ),
    "no word": ("", "it said nothing."),
    "only words": ("loading\nout of luck\n", "out of luck."),
}


@pytest.mark.parametrize("case", LOGS)
def test_the_sentence_that_says_why_is_found_among_the_others(case):
    log, sentence = LOGS[case]
    assert fault_in(log) == sentence
