"""A vLLM server that is killed while it answers."""

import asyncio

from agon.serving.generation import Limits, generate
from agon.serving.openai_protocol.model_server import Server
from agon.serving.protocol import Message, Sampling

ASKED = (Message("user", "Why is the sky blue?"),)


def test_a_server_that_is_killed_in_mid_stream_interrupts_the_answer(vllm):
    async def main():
        backend = Server(vllm.url, api_key=vllm.key).model("tiny-c")

        async def answer(on_text):
            return await generate(
                backend, ASKED, Sampling(), limits=Limits(), on_text=on_text, stop=asyncio.Event()
            )

        begun = asyncio.Event()
        task = asyncio.create_task(answer(lambda text: begun.set()))
        await asyncio.wait_for(begun.wait(), 60)
        await asyncio.to_thread(vllm.kill)
        broken = await asyncio.wait_for(task, 5)
        after = await answer(lambda text: None)
        await backend.close()
        return broken, after

    broken, after = asyncio.run(main())
    assert broken.failure == "interrupted"
    assert broken.text, "what was written before is kept"
    assert after.failure == "unreachable"
