"""The OpenAI backend beside a real vLLM server: what streams, what stops, what is refused."""

import asyncio
import hashlib
import time

import pytest

from agon.serving.generation import Limits, generate
from agon.serving.openai_protocol.model_server import Server
from agon.serving.protocol import ImagePart, Message, Sampling, ServingError

ASKED = (Message("system", "Be brief."), Message("user", "Why is the sky blue?"))


async def answer(backend, *, asked=ASKED, stop=None, on_text=None, **sampling):
    return await generate(
        backend,
        asked,
        Sampling(**sampling),
        limits=Limits(),
        on_text=on_text or (lambda text: None),
        stop=stop or asyncio.Event(),
    )


async def idle(vllm, patience=10.0):
    """Seconds until no request runs."""
    started = time.perf_counter()
    while await asyncio.to_thread(vllm.metric, "num_requests_running"):
        assert time.perf_counter() - started < patience, "the server goes on generating"
        await asyncio.sleep(0.02)
    return time.perf_counter() - started


def test_an_answer_streams_and_is_counted(vllm, figures):
    heard = []

    async def main():
        backend = Server(vllm.url, api_key=vllm.key).model("tiny-a")
        await backend.check(ASKED, Sampling(max_tokens=8))
        await answer(backend, max_tokens=8)  # the first one is slower
        before = vllm.metric("generation_tokens_total")
        result = await answer(backend, max_tokens=400, seed=1, on_text=heard.append)
        after = vllm.metric("generation_tokens_total")
        await backend.close()
        return result, after - before

    result, counted = asyncio.run(main())
    assert (result.failure, result.finish_reason, result.tokens) == (None, "length", 400)
    assert counted == 400
    assert len(heard) > 50
    assert "".join(heard) == result.text
    assert result.text.encode()
    figures.append(
        f"one stream: first token {result.time_to_first_token:.2f} s, {result.tokens_per_second:.0f} tokens/s"
    )


def test_one_server_has_three_models_that_differ_and_repeat_themselves(vllm):
    async def main():
        server = Server(vllm.url, api_key=vllm.key)
        backends = [server.model(name) for name in vllm.models for _ in range(2)]
        results = await asyncio.gather(
            *(answer(backend, max_tokens=60, temperature=0, seed=5) for backend in backends)
        )
        for backend in backends:
            await backend.check(ASKED, Sampling(max_tokens=8))
            await backend.close()
        return [result.text for result in results]

    texts = asyncio.run(main())
    assert texts[::2] == texts[1::2]
    assert len(set(texts)) == 3


def test_sixteen_streams_at_once(vllm, figures):
    async def main():
        server = Server(vllm.url, api_key=vllm.key)
        backends = [server.model(vllm.models[i % 3]) for i in range(16)]
        started = time.perf_counter()
        results = await asyncio.gather(*(answer(backend, max_tokens=150) for backend in backends))
        seconds = time.perf_counter() - started
        for backend in backends:
            await backend.close()
        return results, seconds

    results, seconds = asyncio.run(main())
    assert {(result.failure, result.tokens) for result in results} == {(None, 150)}
    figures.append(f"16 streams: {16 * 150 / seconds:.0f} tokens/s together")


@pytest.mark.parametrize("how", ["stop", "cancel"])
def test_stopping_ends_generation_at_the_server(vllm, figures, how):
    async def main():
        backend = Server(vllm.url, api_key=vllm.key).model("tiny-b")
        stop, begun = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(answer(backend, stop=stop, on_text=lambda text: begun.set()))
        await asyncio.wait_for(begun.wait(), 60)
        assert vllm.metric("num_requests_running") == 1
        if how == "stop":
            stop.set()
        else:
            task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        seconds = await idle(vllm)
        tokens = vllm.metric("generation_tokens_total")
        await asyncio.sleep(1)
        assert vllm.metric("generation_tokens_total") == tokens
        assert vllm.metric("num_requests_running") == 0
        await backend.close()
        return result, seconds

    result, seconds = asyncio.run(main())
    if how == "stop":
        assert (result.finish_reason, result.failure) == ("stopped", None)
        assert result.text
        assert result.tokens < 4000
    figures.append(f"{how}: the server was idle after {seconds:.2f} s")


def failure(url, key, model, **asked):
    """The kinds that an answer and a check fail with."""

    async def main():
        backend = Server(url, api_key=key).model(model)
        result = await answer(backend, **asked)
        checked = None
        try:
            await backend.check(ASKED, Sampling(max_tokens=8))
        except ServingError as error:
            checked = error.kind
        await backend.close()
        assert "canary" not in repr(result)
        return result.failure, checked

    return asyncio.run(main())


@pytest.mark.parametrize("key", [None, "sk-wrong-canary"])
def test_a_wrong_key_is_refused(vllm, key):
    assert failure(vllm.url, key, "tiny-a") == ("unauthorised", "unauthorised")


def test_an_unknown_model_is_named_so(vllm):
    assert failure(vllm.url, vllm.key, "tiny-z") == ("unknown_model", "unknown_model")


def test_an_address_without_its_path_is_no_model(vllm):
    assert failure(vllm.url.removesuffix("/v1"), vllm.key, "tiny-a") == ("unknown_model", "unknown_model")


def test_a_prompt_that_is_too_long_is_rejected(vllm):
    long = (Message("user", "word " * 20_000),)
    assert failure(vllm.url, vllm.key, "tiny-a", asked=long) == ("too_long", None)


def test_a_model_of_words_refuses_an_image_and_goes_on_answering(vllm, tmp_path):
    from PIL import Image

    path = tmp_path / "red.png"
    Image.new("RGB", (32, 32), "red").save(path)
    seen = ImagePart(hashlib.sha256(path.read_bytes()).hexdigest(), "image/png", path)
    asked = (Message("user", "What is this?", (seen,)),)

    async def main():
        backend = Server(vllm.url, api_key=vllm.key).model("tiny-a", images=True)
        refused = await answer(backend, asked=asked, max_tokens=8)
        accepted = backend.accepts(asked), backend.accepts(ASKED)
        spoken = await answer(backend, max_tokens=8)
        await backend.close()
        return refused, accepted, spoken

    refused, accepted, spoken = asyncio.run(main())
    assert (refused.failure, accepted, spoken.failure) == ("no_images", (False, True), None)
    assert "multimodal" in refused.detail, "in the server's own words"
