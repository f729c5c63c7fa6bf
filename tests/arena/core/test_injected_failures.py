"""Hundreds of failures of streams: no broken battle is votable, no name leaks, no good answer is lost."""

import asyncio
import re
from collections import Counter
from random import Random

import pytest

from agon.arena.core.battle import Battle, State
from agon.arena.core.matchmaking import Draw
from agon.arena.core.roster import Contestant, ModelCard
from agon.arena.core.turn import play_turn
from agon.serving.generation import Limits
from agon.serving.openai_protocol.model_server import Server
from tests.support.http_server import listen

pytestmark = pytest.mark.slow

# What a server does, and the kinds of failure that may become of it; none for a good answer.
GOOD = (
    "plain",
    "comments",
    "crlf",
    "usage",
    "late error",
    "late cut",
    "no done",
    "thinking",
    "open thinking",
    "json",
)
BAD = {
    "status": {"overloaded", "rejected", "interrupted", "unauthorised", "unknown_model", "unreachable"},
    "abort": {"interrupted"},
    "filter": {"filtered"},
    "no end": {"interrupted"},
    "cut": {"interrupted"},
    "cut in a piece": {"interrupted"},
    "closed": {"interrupted"},
    "error": {"interrupted"},
    "rate": {"overloaded"},
    "object error": {"interrupted"},
    "bytes": {"malformed"},
    "garble": {"malformed", "interrupted"},
    "page": {"malformed"},
    "redirect": {"malformed"},
    "tools": {"interrupted"},
    "thoughts only": {"empty"},
    "space only": {"empty"},
    "mute": {"timeout"},
    "stuck": {"timeout"},
}
WHOLE = re.compile(r"\[(\d+)\] one two three four \[\1\]")
SECONDS = 10.0  # of patience: much beside what a good answer needs, on a busy machine too
FAILURES = 400


class Faults:
    """The server's side: draws what happens to each request, and remembers it."""

    def __init__(self, seed):
        self.draws = Random(seed)
        self.did = Counter()
        self.good = {}  # the number of the request → what was done to a good answer

    async def __call__(self, request, http):
        if request.body is None:  # a probe of its health
            return await http.answer(200, {"data": []})
        number = sum(self.did.values())
        kind = self.draws.choice([*BAD, *GOOD, *GOOD] if number % 3 else [*BAD])
        if kind in ("mute", "stuck") and self.draws.random() < 0.9:
            kind = "cut"
        self.did[kind] += 1
        if kind in GOOD:
            self.good[number] = kind
        name = request.body["model"]
        words = [f"[{number}]", " one", " two", " three", f" four [{number}]"]
        if kind == "status":
            status = self.draws.choice([400, 401, 404, 429, 500, 502, 503])
            return await http.answer(status, {"error": {"message": f"{name} is out"}})
        if kind == "closed":
            return http.writer.close()
        if kind == "page":
            return await http.answer(200, b"<html>Please log in</html>", "text/html")
        if kind == "redirect":
            return await http.raw(b"HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n")
        if kind == "json":
            message = {"index": 0, "message": {"content": "".join(words)}, "finish_reason": "stop"}
            return await http.answer(200, {"choices": [message]})
        if kind == "mute":
            return await asyncio.sleep(60)
        await http.head()
        if kind in ("rate", "error") and self.draws.random() < 0.5:
            words = []
        if kind == "thinking":
            await http.text(f"<think>I am {name}.")
            await http.text("</think>\n\n")
        if kind == "open thinking":
            await http.text("Let me think.\n</think>\n\n")
        if kind == "thoughts only":
            await http.text(None, reasoning=f"I am {name}.")
            words = []
        if kind == "space only":
            words = [" ", "\n"]
        kept = len(words) if kind in GOOD else self.draws.randrange(len(words) + 1)
        for word in words[:kept]:
            if kind == "comments":
                await http.chunk(b": at work\n\n")
            if kind == "crlf":
                await http.chunk(
                    b'data: {"choices": [{"index": 0, "delta": {"content": "%s"}}]}\r\n\r\n' % word.encode()
                )
            else:
                await http.text(word, **({"extra": [1]} if kind == "usage" else {}))
            await asyncio.sleep(0)
        if kind == "stuck":
            return await asyncio.sleep(60)
        if kind == "cut":
            return http.writer.transport.abort()
        if kind == "cut in a piece":
            await http.raw(b'ff\r\ndata: {"choices": [')
            return http.writer.close()
        if kind == "bytes":
            await http.chunk(b"data: {\xff" + self.draws.randbytes(20).replace(b"\n", b"") + b"\n\n")
        if kind == "garble":
            return await http.raw(b"\x00" + self.draws.randbytes(50).replace(b"\n", b"") + b"\r\n")
        if kind == "error":
            await http.event({"error": {"message": f"{name} died"}})
        if kind == "rate":
            await http.event({"error": {"message": f"{name}: slow down", "code": "rate_limit_exceeded"}})
        if kind == "object error":
            await http.event({"object": "error", "message": f"{name}: KV cache is full", "code": 50001})
        ends = {"abort": "abort", "filter": "content_filter", "tools": "tool_calls", "no end": None}
        await http.text("", finish=ends.get(kind, "stop"))
        if kind == "late error":
            await http.event({"error": {"message": f"{name} died"}})
        if kind == "late cut":
            return http.writer.close()  # what was sent arrives; the end of the response never does
        if kind == "no done":
            return await http.chunk(b"")
        await http.done(7)
        return None


def test_hundreds_of_failures_make_no_broken_battle_votable_and_lose_no_good_answer(monkeypatch):
    monkeypatch.setattr(
        "agon.serving.openai_protocol.openai_compatible.LONGEST_WAIT", 0.0
    )  # a refusal is a failure here
    faults = Faults(seed=13)
    ended, battles = [], []

    async def fight(number, server, models):
        draws = Random(number)
        contestants = tuple(draws.sample(models, 2))
        battle = Battle(id=str(number), voter="v", draw=Draw(contestants, "uniform", 1, 1.0, (1.0,)), seed=0)
        battles.append(battle)
        battle.ask("Count.")
        await play_turn(
            battle,
            limits=Limits(first=SECONDS, between=SECONDS, total=60),
            stop=asyncio.Event(),
            masked_names=[model.card.name for model in models],
            substitute=lambda _: draws.choice(models),
            record=ended.append,
        )

    async def main():
        async with listen(faults) as here:
            server = Server(here.url)
            server.counts_tokens = False  # a 400 would be asked twice
            models = [
                Contestant(ModelCard(f"canary-{n}", f"Canary {n}"), server.model(f"canary-{n}"))
                for n in range(8)
            ]
            number = 0
            while sum(one.generation.failure is not None for one in ended) < FAILURES:
                await asyncio.gather(*(fight(number + n, server, models) for n in range(40)))
                number += 40
            for model in models:
                await model.backend.close()

    asyncio.run(main())
    failures = [one.generation for one in ended if one.generation.failure is not None]
    assert len(failures) >= FAILURES
    assert {failure.failure for failure in failures} == set().union(*BAD.values())
    for battle in battles:  # every battle found two whole answers in the end
        assert battle.state is State.READY
        for side in battle.sides:
            assert WHOLE.fullmatch(side.text), side.text
        said = repr([side.text for side in battle.sides]) + repr(battle.events) + repr(battle.reason)
        assert "canary" not in said.lower()
    kept = {int(WHOLE.fullmatch(one.generation.text)[1]) for one in ended if one.generation.failure is None}
    lost = {number: kind for number, kind in faults.good.items() if number not in kept}
    assert lost == {}, "a good answer was thrown away"
    assert kept == faults.good.keys()
