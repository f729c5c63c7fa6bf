"""Routed use through a real process: what passes through, what is blinded, what is kept, who is refused."""

import asyncio
import errno
import json
import os
import subprocess
import time
from urllib.parse import unquote

import httpx
import openai
import pytest

from agon.arena.core.sessions import Keys
from agon.arena.routed.use_app import UseApp
from agon.arena.setup.config import read_configuration
from agon.data.use_log.use_reading import UseHistory, read_history
from agon.data.use_log.use_writing import USE, UseLog
from tests.support.use_server import (
    KEY,
    KEYS,
    OTHER,
    UseProcess,
    asked,
    scripted,
    use_server,
    write_routed,
)

WORDS = ["Rayleigh ", "scattering, ", 'said "model": "secret-model" ', "é 🙂"]


def talker(name, *, gap=0.0, left=None):
    """A model that streams, or not, and says everywhere who it is but in its answer."""

    async def handle(request, http):
        if request.path == "/v1/models":
            return await http.answer(200, {"data": [{"id": f"served-{name}"}]})
        made = {"id": f"chatcmpl-{name}", "model": f"served-{name}", "system_fingerprint": f"fp-{name}"}
        if not request.body.get("stream"):
            message = {"role": "assistant", "content": "".join(WORDS)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
            return await http.answer(
                200, {**made, "object": "chat.completion", "choices": [choice], "usage": usage}
            )
        await http.head()
        try:
            for word in WORDS:
                choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
                await http.event({**made, "object": "chat.completion.chunk", "choices": [choice]})
                await asyncio.sleep(gap)
            last = {"index": 0, "delta": {}, "finish_reason": "stop"}
            await http.event({**made, "object": "chat.completion.chunk", "choices": [last]})
            if request.body.get("stream_options", {}).get("include_usage"):
                usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
                await http.event({**made, "choices": [], "usage": usage})
            await http.event(b"[DONE]")
            await http.chunk(b"")
        except ConnectionError:
            if left is not None:
                left.append(name)
            raise

    return handle


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two models, and the process in front of them."""
    with scripted(talker("alpha")) as alpha, scripted(talker("beta")) as beta:
        folder = tmp_path_factory.mktemp("routed")
        prices = "price = 2.0\ninput_price = 1.0\nimages = true"
        with use_server(folder, {"alpha": alpha, "beta": beta}, "per_minute = 10000", prices) as running:
            yield running, {"alpha": alpha, "beta": beta}


def history(running, check=lambda _: True, seconds=10):
    """What the log says, once it says what is waited for: turns are written when they have ended."""
    end = time.monotonic() + seconds
    while not check(found := read_history(running.store)) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def only(running):
    """The one conversation that there is, once its turn has ended."""
    (one,) = history(running, lambda h: h.today).conversations.values()
    return one


def received(servers):
    """Requests for answers that any of the models got, the last ones first."""
    return [one for here in servers.values() for one in here.requests if one.path.endswith("completions")]


def test_the_official_client_works_unchanged(pair):
    running, _ = pair
    with openai.OpenAI(base_url=f"{running.url}/", api_key=KEY, max_retries=0) as client:
        assert [one.id for one in client.models.list()] == ["agon"]
        given = asked()
        made = client.chat.completions.create(**given)
        assert made.choices[0].message.content == "".join(WORDS)
        assert made.model == "agon"
        assert made.usage.completion_tokens == 20
        stream = client.chat.completions.create(**given, stream=True)
        chunks = list(stream)
        assert "".join(one.choices[0].delta.content or "" for one in chunks) == "".join(WORDS)
        assert {one.model for one in chunks} == {"agon"}
        assert chunks[-1].choices[0].finish_reason == "stop"
        asked_for = list(
            client.chat.completions.create(**given, stream=True, stream_options={"include_usage": True})
        )
        assert asked_for[-1].usage.total_tokens == 30
        raw = client.chat.completions.with_raw_response.create(**given)
        conversation = raw.headers["x-agon-conversation"]
        said = client.post(
            "/feedback", body={"id": raw.parse().id, "thumb": 1, "copied": True}, cast_to=object
        )
        assert said == {
            "object": "feedback", "conversation": conversation, "signals": {"thumb": 1.0, "copied": 1.0}
        }  # fmt: skip
        with pytest.raises(openai.NotFoundError, match="There is no model 'gpt-4o' here; ask for 'agon'"):
            client.chat.completions.create(**{**given, "model": "gpt-4o"})
    assert history(running).conversations[conversation].sent == {"thumb": 1.0, "copied": 1.0}


def test_a_share_of_prompts_may_be_compared_blind(tmp_path):
    """The prompt is in the part of the address that no server sees; whoever asks more is not asked."""
    with scripted(talker("alpha")) as alpha, scripted(talker("beta")) as beta:
        config = write_routed(
            tmp_path / "arena.toml", {"alpha": alpha, "beta": beta}, "battle_share = 0.5\nper_minute = 1000"
        )
        config.write_text(config.read_text() + '[arena]\npublic_url = "https://arena.example"\n')
        running = UseProcess(config, tmp_path / "log").start()
        try:
            with running.client() as client:
                prompt = "Why & how is 1 # 2?\nÄ 🙂"
                told = [client.post("chat/completions", json=asked(prompt)) for _ in range(60)]
                long = [client.post("chat/completions", json=asked("ä" * 2000)) for _ in range(8)]
                tools = [client.post("chat/completions", json=asked(prompt, tools=[])) for _ in range(8)]
        finally:
            running.stop()
    asked_to = [one.headers["x-agon-battle"] for one in told if "x-agon-battle" in one.headers]
    assert 12 <= len(asked_to) <= 48, "half of 60; 1 in 200,000 times outside"
    (address,) = set(asked_to)
    site, _, given = address.partition("#prompt=")
    assert (site, unquote(given)) == ("https://arena.example/", prompt)
    assert all("x-agon-battle" not in one.headers for one in long + tools)
    events = (running.store / USE / "events.jsonl").read_text()
    assert events.count('"battle":true') == len(asked_to)
    assert "how is 1" not in events


def test_curl_works_unchanged(pair):
    running, _ = pair
    body = json.dumps(asked(stream=True))
    done = subprocess.run(
        ["curl", "-sS", "-N", "-i", f"{running.url}/chat/completions", "--noproxy", "*",
         "-H", f"Authorization: Bearer {KEY}", "-H", "Content-Type: application/json", "-d", body],
        capture_output=True, check=True, timeout=30,
    )  # fmt: skip
    head, _, stream = done.stdout.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"x-agon-conversation: " in head
    assert stream.endswith(b"data: [DONE]\n\n")
    said = [json.loads(line[6:]) for line in stream.decode().split("\n\n")[:-2]]
    assert "".join(one["choices"][0]["delta"].get("content", "") for one in said) == "".join(WORDS)


def test_nothing_but_the_answer_names_the_model(pair):
    running, _ = pair
    with running.client() as client:
        for stream in (False, True):
            response = client.post("chat/completions", json=asked(stream=stream))
            told = response.text.replace('said \\"model\\": \\"secret-model\\"', "")
            for word in ("alpha", "beta", "served", "chatcmpl", "fp-"):
                assert word not in told
                assert word not in str(response.headers)
            assert 'said \\"model\\": \\"secret-model\\"' in response.text  # what was answered is untouched


def test_tools_and_images_pass_through_untouched(pair):
    running, servers = pair
    tool = {
        "type": "function",
        "function": {"name": "look", "parameters": {"type": "object", "x": [1.5, None]}},
    }
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}}
    body = {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "é 🙂 \ud83d"}, image]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "type": "function",
             "function": {"name": "look", "arguments": '{"model": "x"}'}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "42"},
        ],
        "model": "agon", "tools": [tool], "tool_choice": "auto", "temperature": 0.25, "seed": 2**53 + 1,
        "response_format": {"type": "json_object"}, "unknown_field": {"deep": [True]}, "stream": False,
    }  # fmt: skip
    with running.client() as client:
        content = json.dumps(body)  # in ASCII, as half a surrogate pair can be sent
        assert client.post("chat/completions", content=content).status_code == 200
    (got,) = [one.body for one in received(servers) if one.body.get("unknown_field")]
    assert got.pop("model").startswith("served-")
    assert got == {name: value for name, value in body.items() if name != "model"}


def test_the_key_of_a_user_goes_to_no_model(pair):
    running, servers = pair
    with running.client() as client:
        client.post("chat/completions", json=asked())
    assert all(KEY not in str(one.headers) for one in received(servers))


def test_a_conversation_keeps_its_model(pair):
    running, servers = pair
    with running.client() as client:
        for number in range(12):
            first = f"Tell me about number {number}."
            before = len(received(servers))
            begun = client.post("chat/completions", json=asked(first))
            messages = [
                {"role": "user", "content": first},
                {"role": "assistant", "content": "".join(WORDS)},
                {"role": "user", "content": "And then?"},
            ]
            again = client.post("chat/completions", json={"model": "agon", "messages": messages})
            named = client.post(
                "chat/completions",
                json=asked("Something else"),
                headers={"x-agon-conversation": begun.headers["x-agon-conversation"]},
            )
            told = {one.headers["x-agon-conversation"] for one in (begun, again, named)}
            assert len(told) == 1
            assert [one.headers["x-agon-turn"] for one in (begun, again, named)] == ["1", "2", "3"]
            found = [one for one in received(servers) if first in str(one.body["messages"])]
            assert len({one.body["model"] for one in found}) == 1
            assert len(received(servers)) == before + 3


def test_what_is_kept_is_who_was_drawn_and_no_text(pair):
    running, _ = pair
    with running.client() as client:
        made = client.post("chat/completions", json=asked("a text of my own", user="someone@example.org"))
    id_ = made.headers["x-agon-conversation"]
    one = history(running, lambda h: h.conversations[id_].turns).conversations[id_]
    assert read_history(running.store).draws[one.draw] == {"alpha": 0.5, "beta": 0.5}
    assert one.costs == [pytest.approx((2.0 * 20 + 1.0 * 10) / 1e6)]
    first, whole = one.times[0]
    assert 0 < first <= whole < 10
    events = (running.store / USE / "events.jsonl").read_bytes()
    for word in (b"a text of my own", b"someone", KEY.encode(), b"scattering"):
        assert word not in events


def test_signals_come_in_headers_too(pair):
    running, _ = pair
    with running.client() as client:
        id_ = client.post("chat/completions", json=asked()).headers["x-agon-conversation"]
        headers = {"x-agon-conversation": id_, "x-agon-signal": "retry, edit=0.25"}
        assert client.post("chat/completions", json=asked(), headers=headers).status_code == 200
        refused = client.post("chat/completions", json=asked(), headers={**headers, "x-agon-signal": "like"})
    assert refused.status_code == 400
    assert history(running).conversations[id_].sent == {"retry": 1.0, "edit": 0.25}


def error(response):
    """Status, code and sentence of a refusal."""
    told = response.json()["error"]
    return response.status_code, told["code"], told["message"]


def test_bad_input_is_one_sentence_and_nothing_is_written(pair):
    running, servers = pair
    with running.client() as client, running.client(OTHER) as other:
        id_ = client.post("chat/completions", json=asked()).headers["x-agon-conversation"]
        one = history(running, lambda h: h.conversations[id_].turns)
        size = (running.store / USE / "events.jsonl").stat().st_size
        requests = len(received(servers))
        unknown, invalid = "unknown_signal", "invalid_signal"
        named = {"conversation": id_}
        for body, code, said in (
            ({**named, "thump": 1}, unknown, "There is no signal 'thump'; did you mean 'thumb'"),
            ({**named, "thumb": 1, "likes": 3}, unknown, "There is no signal 'likes'; known:"),
            ({**named, "thumb": 2}, invalid, "thumb is a number from -1 to 1, not 2"),
            ({**named, "thumb": "up"}, invalid, "thumb is a number from -1 to 1, not 'up'"),
            ({**named, "seconds": 1}, unknown, "seconds is measured here; send one of"),
            (named, "no_signal", "There is no signal in it; send one of thumb,"),
            ({"thumb": 1}, "no_conversation", "The feedback names no conversation; send"),
        ):
            status, got, sentence = error(client.post("feedback", json=body))
            assert (status, got) == (400, code)
            assert said in sentence
        status, code, sentence = error(other.post("feedback", json={"conversation": id_, "thumb": 1}))
        assert (status, code) == (404, "unknown_conversation")
        assert "of this key; send the x-agon-conversation" in sentence
        headers = {"x-agon-conversation": id_}
        assert error(other.post("chat/completions", json=asked(), headers=headers))[0] == 404
        with running.client("sk-foreign") as foreign:
            for path in ("chat/completions", "feedback"):
                status, code, sentence = error(foreign.post(path, json=asked()))
                assert (status, code) == (401, "invalid_api_key")
                assert "This key is not known here; send one" in sentence
        for content in (b"{", b"[1]", b'{"model": "agon", "messages": [], "x": NaN}', b"\xff"):
            assert error(client.post("chat/completions", content=content))[:2] == (400, "invalid_json")
        assert error(client.post("chat/completions", json={"model": "agon"}))[1] == "no_messages"
        assert error(client.post("completions", json={}))[:2] == (404, "not_found")
        time.sleep(0.3)
    assert (running.store / USE / "events.jsonl").stat().st_size == size
    assert len(received(servers)) == requests
    assert read_history(running.store).conversations[id_].sent == one.conversations[id_].sent == {}


def test_a_client_that_leaves_stops_the_model(tmp_path):
    left = []
    with (
        scripted(talker("slow", gap=0.2, left=left)) as slow,
        use_server(tmp_path, {"s": slow, "t": slow}) as running,
    ):
        with (
            running.client() as client,
            client.stream("POST", "chat/completions", json=asked(stream=True)) as response,
        ):
            next(response.iter_bytes())
        end = time.monotonic() + 5
        while not left and time.monotonic() < end:
            time.sleep(0.02)
        assert left == ["slow"]
        one = next(
            iter(
                history(running, lambda h: next(iter(h.conversations.values())).turns).conversations.values()
            )
        )
        assert one.failures == 0
        assert one.times == []  # of an answer that was not read to its end nothing is known


async def broken(request, http):
    """A model that cannot answer now."""
    if request.path == "/v1/models":
        return await http.answer(200, {"data": []})
    return await http.answer(500, {"error": {"message": "served-bad is out of memory"}})


async def cut(request, http):
    """A model that breaks off in the middle."""
    if request.path == "/v1/models":
        return await http.answer(200, {"data": []})
    await http.head()
    await http.text("half ")
    return http.writer.transport.abort()


async def refusing(request, http):
    """A model that finds the request wrong."""
    if request.path == "/v1/models":
        return await http.answer(200, {"data": []})
    said = "served-bad at http://10.0.0.7:8000 does not know the role 'x'"
    return await http.answer(400, {"error": {"message": said, "type": "invalid_request_error"}})


def test_a_model_that_fails_before_its_first_byte_is_replaced_and_said(tmp_path):
    with (
        scripted(broken) as bad,
        scripted(talker("good")) as good,
        use_server(tmp_path, {"broken": bad, "good": good}) as running,
    ):
        with running.client() as client:
            for number in range(12):
                made = client.post("chat/completions", json=asked(f"{number}"))
                assert made.status_code == 200
                assert "broken" not in made.text
        found = history(running, lambda h: all(one.turns for one in h.conversations.values()))
        drawn = [one for one in found.conversations.values() if one.model == "broken"]
        assert drawn  # twelve draws of two
        assert all(one.failures == 1 and one.answered_by == "good" for one in drawn)
        assert not any(one.failures for one in found.conversations.values() if one.model == "good")


def test_an_answer_that_breaks_off_says_so(tmp_path):
    with scripted(cut) as bad, use_server(tmp_path, {"one": bad, "two": bad}) as running:
        with openai.OpenAI(base_url=running.url, api_key=KEY, max_retries=0) as client:
            heard = []
            with pytest.raises(openai.APIError, match="The answer broke off; ask again"):
                heard.extend(
                    chunk.choices[0].delta.content
                    for chunk in client.chat.completions.create(**asked(), stream=True)
                )
        assert heard == ["half "]
        one = only(running)
        assert one.failures == 1


def test_a_request_that_is_wrong_is_refused_in_the_servers_words_without_its_name(tmp_path):
    with scripted(refusing) as bad, use_server(tmp_path, {"one": bad, "bad": bad}) as running:
        with running.client() as client:
            status, _, sentence = error(client.post("chat/completions", json=asked()))
        assert status == 400
        assert "does not know the role 'x'" in sentence
        assert not any(word in sentence for word in ("served", "10.0.0.7", "bad"))
        one = only(running)
        assert one.failures == 0
        assert len(bad.requests) == 1


def statuses(client, number):
    """What a client is answered with."""
    return [client.post("chat/completions", json=asked()).status_code for _ in range(number)]


def test_quotas(tmp_path):
    with (
        scripted(talker("a")) as here,
        use_server(tmp_path, {"a": here, "b": here}, "per_minute = 3\nper_day = 5") as running,
    ):
        with running.client() as client, running.client(OTHER) as other:
            assert [client.post("chat/completions", json=asked()).status_code for _ in range(4)] == [
                200
            ] * 3 + [429]
            refused = client.post("chat/completions", json=asked())
            assert 1 <= int(refused.headers["retry-after"]) <= 60
            assert error(refused)[1] == "rate_limit_exceeded"
            assert "The key 'ada' may ask 3 times a minute; ask again in" in error(refused)[2]
            assert other.post("chat/completions", json=asked()).status_code == 200
        history(running, lambda h: sum(h.today.values()) == 4)
        running.stop()
        running.config.write_text(running.config.read_text().replace("per_minute = 3", "per_minute = 9"))
        running.start()
        with running.client() as client:  # of the day it knows after a restart
            assert [client.post("chat/completions", json=asked()).status_code for _ in range(3)] == [
                200
            ] * 2 + [429]


def test_conversations_go_on_after_a_restart(tmp_path):
    with (
        scripted(talker("a")) as a,
        scripted(talker("b")) as b,
        use_server(tmp_path, {"a": a, "b": b}) as running,
    ):
        with running.client() as client:
            ids = [
                client.post("chat/completions", json=asked(str(i))).headers["x-agon-conversation"]
                for i in range(6)
            ]
        drawn = {
            one.id: one.model
            for one in history(running, lambda h: len(h.today) and h.today["ada"] == 6).conversations.values()
        }
        running.stop()
        running.start()
        with running.client() as client:
            for id_ in ids:
                assert client.post("feedback", json={"conversation": id_, "task_done": 1}).status_code == 200
                headers = {"x-agon-conversation": id_}
                assert client.post("chat/completions", json=asked(id_), headers=headers).status_code == 200
        for name, here in (("a", a), ("b", b)):
            got = {one.body["messages"][0]["content"] for one in here.requests if one.body}
            assert {id_ for id_ in ids if id_ in got} == {id_ for id_ in ids if drawn[id_] == name}
        found = read_history(running.store).routed_use()
        assert len(found) == 6
        assert found.signals["task_done"].tolist() == [1.0] * 6


def test_a_full_disk_refuses_and_leaves_nothing_half_written(tmp_path, monkeypatch):
    """Neither the chances nor the conversation are kept; when there is room again all goes on."""
    real = os.pwrite

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def main(here):
        config = write_routed(tmp_path / "arena.toml", {"a": here, "b": here})
        given = read_configuration(config, KEYS, routed=True)
        with UseLog(tmp_path / "log") as log:
            app = UseApp(given.routed, given.limits, log, UseHistory(), Keys(b"0" * 32))
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app),
                base_url="http://agon/v1/",
                headers={"authorization": f"Bearer {KEY}"},
            ) as client:
                monkeypatch.setattr(os, "pwrite", full)
                refused = await client.post("chat/completions", json=asked())
                monkeypatch.setattr(os, "pwrite", real)
                made = await client.post("chat/completions", json=asked())
                id_ = made.headers["x-agon-conversation"]
                monkeypatch.setattr(os, "pwrite", full)
                lost = await client.post("feedback", json={"conversation": id_, "thumb": 1})
                monkeypatch.setattr(os, "pwrite", real)
                kept = await client.post("feedback", json={"conversation": id_, "copied": 1})
            for one in given.routed.contestants:
                await one.backend.close()
        return refused, lost, kept, id_

    with scripted(talker("a")) as here:
        refused, lost, kept, id_ = asyncio.run(main(here))
    for response, what in (
        (refused, "The conversation could not be kept"),
        (lost, "The signals were not kept"),
    ):
        assert error(response)[:2] == (503, "not_kept")
        assert (
            f"{what}. It was not written, and may be sent again: No space left on device."
            in error(response)[2]
        )
    assert kept.status_code == 200
    found = read_history(tmp_path / "log")
    assert list(found.conversations) == [id_]
    assert found.conversations[id_].sent == {"copied": 1.0}
    assert len(found.routed_use()) == 1
