"""A real instruct model in a vLLM that the arena starts: its words, its adapter, its context, its death.

The environment has the weights of SmolLM2-135M (`make_environment.sh`).
"""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from agon.serving.generation import Limits, generate
from agon.serving.openai_protocol.model_server import Server
from agon.serving.places import join
from agon.serving.protocol import Message, Sampling
from agon.serving.supervision import SupervisedServer, running
from tests.support.marked import Mark

CAPITAL = (Message("user", "What is the capital of France?"),)
SEA = (Message("user", "Describe the sea to somebody who has never seen it."),)
GREEDY = Sampling(temperature=0.0, max_tokens=24)


@pytest.fixture
def supervised():
    """vLLM over the real model and its adapter, not yet started, and the mark of its processes."""
    environment = os.environ.get("VLLM_VENV")
    if not environment or not (Path(environment) / "smollm2" / "base").exists():
        pytest.skip("a real model in a real vLLM takes an environment of its own: run make test-vllm")
    home, mark = Path(environment).resolve(), Mark()
    words = [home / "bin" / "vllm", "serve", home / "smollm2" / "base", "--served-model-name", "smollm2"]
    words += ["--host", "127.0.0.1", "--port", "{port}", "--dtype", "float32", "--max-model-len", "2048"]
    words += ["--enforce-eager", "--max-num-seqs", "8", "--kv-cache-memory-bytes", str(2**28)]
    words += ["--enable-lora", "--max-loras", "1", "--max-lora-rank", "8"]
    words += ["--lora-modules", f"smollm2-disturbed={home / 'smollm2' / 'lora'}"]
    quiet = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    alone = {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1"}
    server = Server("", at_once=2)
    return SupervisedServer(
        "vllm", server, [str(word) for word in words], mark.environment | quiet | alone
    ), mark


async def answer(backend, asked=CAPITAL, sampling=GREEDY):
    return await generate(
        backend, asked, sampling, limits=Limits(first=120), on_text=list, stop=asyncio.Event()
    )


def test_a_real_model_from_its_start_to_its_end(supervised, tmp_path, figures):
    run, mark = supervised
    told = []
    base, twin, other = (run.server.model(name) for name in ("smollm2", "smollm2-disturbed", "no-such"))

    async def main():
        async with running([run], tmp_path, told.append):
            assert run.server.health.failure is None, run.server.health.failure
            first = await answer(base)
            assert "Paris" in first.text, "roles, template and weights are right"
            assert (first.failure, first.finish_reason in {"stop", "length"}) == (None, True)
            stories = [
                await answer(model, SEA, Sampling(temperature=0.0, max_tokens=60)) for model in (base, twin)
            ]
            assert stories[0].text != stories[1].text, "an adapter is a model of its own"
            assert not other.accepts(CAPITAL), "the list does not name it"
            cut = await answer(base, sampling=Sampling(temperature=0.0, max_tokens=3))
            assert (cut.finish_reason, cut.tokens) == ("length", 3)

            long = (Message("user", "1234567 " * 990),)
            assert base.accepts(long)
            await base.measure(long)
            assert (base.context, base.accepts(long)) == (2048, False)
            assert (await answer(base, long)).failure == "too_long"
            await base.measure(CAPITAL)
            assert base.accepts(CAPITAL)

            many = await asyncio.gather(*(answer(base) for _ in range(6)))  # two places
            assert [one.text for one in many] == [first.text] * 6
            assert max(one.waited for one in many) > 0
            assert run.server.places.taken == 0
            a, b = join([run.server.places] * 2)
            assert (a.ahead, b.ahead) == (0, 0)
            a.leave()
            b.leave()

            writing = asyncio.create_task(answer(base, sampling=Sampling(temperature=0.0, max_tokens=500)))
            await asyncio.sleep(1.0)
            before = mark.processes()
            (victim,) = (
                n for n, words in before.items() if "vllm serve" in words and "process_reaper" not in words
            )
            os.kill(victim, signal.SIGKILL)
            assert (await asyncio.wait_for(writing, 30)).failure == "interrupted"
            assert not base.accepts(CAPITAL)
            while not base.accepts(CAPITAL):
                await asyncio.sleep(0.2)
            assert not before.keys() & mark.processes().keys(), "its engine went with it"
            assert (await answer(base)).text == first.text
        for model in (base, twin, other):
            await model.close()

    asyncio.run(asyncio.wait_for(main(), 900))
    assert mark.left() == {}
    figures += [line for line in told if "is ready after" in line]
    assert "vllm serves smollm2, smollm2-disturbed, not no-such: that model is not drawn." in told
