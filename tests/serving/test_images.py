"""Images in messages: what reaches a real HTTP server, and what becomes of one that refuses them."""

import asyncio
import base64
import hashlib

import pytest

from agon.serving.demo import Echo
from agon.serving.openai_protocol.model_server import Server
from agon.serving.protocol import IMAGE_TOKENS, ImagePart, Message, Sampling, ServingError
from agon.serving.recorded import RecordedAnswers
from tests.serving.test_openai_compatible import PLAIN, well
from tests.support.http_server import listen

CONTENT = b"\x89PNG any bytes: a backend sends what it is given"


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(CONTENT)
    return ImagePart(hashlib.sha256(CONTENT).hexdigest(), "image/png", path)


def ask(handler, messages, sampling=PLAIN, **options):
    """Ask a model that takes images; the backend, the requests, and the failure if there is one."""

    async def main():
        async with listen(handler) as here:
            backend = Server(here.url).model("seeing", images=True, **options)
            failure = None
            try:
                async for _ in backend.stream(messages, sampling):
                    pass
            except ServingError as error:
                failure = error
            accepted = backend.accepts(messages), backend.accepts([Message("user", "Hello")])
            again = backend.accepts([Message("user", "Another one", messages[-1].images)])
            await backend.close()
            return backend, here.requests, failure, (*accepted, again)

    return asyncio.run(main())


def test_a_server_is_sent_the_bytes_of_every_image_in_every_turn(image):
    messages = [
        Message("system", "Be brief."),
        Message("user", "What is this?", (image, image)),
        Message("assistant", "A cat."),
        Message("user", "And here?", (image,)),
    ]
    _, (request,), failure, accepted = ask(well, messages, Sampling(max_tokens=5), system_role=False)
    assert (failure, accepted) == (None, (True, True, True))
    first, middle, last = request.body["messages"]
    assert middle == {"role": "assistant", "content": "A cat."}
    assert [part["type"] for part in first["content"]] == ["image_url", "image_url", "text"]
    assert first["content"][-1]["text"] == "Be brief.\n\nWhat is this?"
    for part in (*first["content"][:2], last["content"][0]):
        kind, _, content = part["image_url"]["url"].partition(";base64,")
        assert (kind, base64.b64decode(content)) == ("data:image/png", CONTENT)


# What servers answered, from their own reports of errors: status, message, whether it is about every image.
REFUSED = {
    "vllm": (400, "Qwen/Qwen3-8B is not a multimodal model", True),
    "vllm-none": (400, "At most 0 image(s) may be provided in one prompt.", True),
    "vllm-one": (400, "At most 1 image(s) may be provided in one prompt.", False),
    "llama.cpp": (500, "image input is not supported - hint: you may need to provide the mmproj", True),
    "llama.cpp-old": (500, 'Failed to parse messages: Unsupported content part type: "image_url"', True),
    "ollama": (400, "this model does not support image input", True),
    "ollama-old": (400, "json: cannot unmarshal array into field content of type string", True),
    "router": (404, "No endpoints found that support image input", True),
    "this-one": (400, "absolute aspect ratio must be smaller than 200 for an image, got 300", False),
}


@pytest.mark.parametrize(("status", "said", "every"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_of_images_is_neither_the_models_fault_nor_the_servers(image, status, said, every):
    async def refuse(request, http):
        if request.path.endswith("/chat/completions"):
            await http.answer(status, {"error": {"message": said, "code": status}})
        else:
            await http.answer(404, {})

    backend, _, failure, accepted = ask(refuse, [Message("user", "What is this?", (image,))])
    assert failure.kind == "no_images"
    assert said in failure.detail, "in the server's own words"
    assert backend._server.health.failure is None, "who gets texts is not out because of images"
    this_one, text, another = accepted
    assert (this_one, text, another) == (False, True, not every)


def test_other_failures_stay_what_they_are_with_an_image(image):
    async def broken(request, http):
        await http.answer(400, {"error": {"message": "temperature must be below 2"}})

    *_, failure, _ = ask(broken, [Message("user", "What is this?", (image,))])
    assert failure.kind == "rejected"
    image.path.unlink()
    _, requests, failure, _ = ask(well, [Message("user", "What is this?", (image,))])
    assert (failure.kind, requests) == ("rejected", [])
    assert "an image cannot be read: No such file" in failure.detail


def test_images_count_in_a_context(image):
    """By hand: two images and 40 bytes are more than a context of 2,000 tokens, one is less."""
    assert IMAGE_TOKENS == 1_000

    async def small(request, http):
        if request.path.endswith("/tokenize"):
            await http.answer(200, {"count": 10})
        else:
            await http.answer(200, {"data": [{"id": "seeing", "max_model_len": 2_000}]})

    async def main():
        async with listen(small) as here:
            backend = Server(here.url).model("seeing", images=True)
            found = []
            for images in ((image,), (image, image)):
                messages = [Message("user", "What is this?", images)]
                await backend.measure(messages)
                found.append(backend.accepts(messages))
            await backend.close()
            return found

    assert asyncio.run(main()) == [True, False]


def test_who_takes_no_images_is_not_asked_with_one(image):
    said = [Message("user", "Why?", (image,))]
    backend = Server("http://127.0.0.1:9").model("blind")
    recorded = RecordedAnswers({"Why?": "Because."}, words_per_second=0)
    for one in (backend, recorded, Echo("terse", words_per_second=0)):
        assert one.accepts([Message("user", "Why?")])
        assert not one.accepts(said)
    asyncio.run(backend.close())
