"""A real arena for tests: models that do as they are told, a real server on a free port, a real log."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import uvicorn

from agon.arena.core.arena import Arena
from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.roster import Contestant, Example, ModelCard, Roster
from agon.arena.core.sessions import Keys
from agon.arena.core.studies.study import Study
from agon.arena.web.leaderboard.vote_choice import votes_beside, votes_of_file
from agon.arena.web.server import listen, server_config
from agon.data.log.study_journal import StudyJournal
from agon.data.log.vote_log import VoteLog
from agon.serving.protocol import Delta, End, Route, ServingError

SECRET = b"s" * 32


@dataclass
class Scripted:
    """A model that writes `text` word by word, `gap` seconds apart, and fails where it is told to."""

    text: str = "A short answer."
    gap: float = 0.0
    fails: str | None = None
    after: int = 0  # words before the failure
    on_turn: int | None = None  # fail on this turn only
    closed: list[float] = field(default_factory=list)
    asked: list[list[str]] = field(default_factory=list)

    async def stream(self, messages, sampling):
        self.asked.append([message.content for message in messages])
        turn = sum(message.role == "user" for message in messages)
        failing = self.fails and self.on_turn in (None, turn)
        try:
            for number, word in enumerate(self.text.split(" ")):
                if failing and number >= self.after:
                    raise ServingError(self.fails, "canary-detail-of-the-failure")
                await asyncio.sleep(self.gap)
                yield Delta(word if number == 0 else " " + word)
            if failing:
                raise ServingError(self.fails, "canary-detail-of-the-failure")
            yield End("stop")
        finally:
            self.closed.append(time.monotonic())

    def accepts(self, messages):
        return getattr(self, "images", False) or not any(message.images for message in messages)

    def route(self):
        return Route(self, 1000, {})

    async def check(self, messages, sampling):
        pass

    async def close(self):
        pass


class Thinking(Scripted):
    """Thinks before every answer."""

    async def stream(self, messages, sampling):
        turn = (len(messages) + 1) // 2
        yield Delta("", f"canary-thought-{turn}")
        yield Delta(f"Answer {turn}.")
        yield End("stop", 3, 4 + turn)


def roster(*backends, examples=(), typed=True):
    """Models with names that must not be seen before the vote."""
    models = tuple(
        Contestant(
            ModelCard(
                f"canary-{n}-id", f"Canary {n} Shown", f"Canary {n} Org", f"canary-{n}-licence", 0.25 + n
            ),
            backend,
        )
        for n, backend in enumerate(backends)
    )
    return Roster(models, tuple(examples) or (Example("Why?", category="Reasoning", language="en"),), typed)


class Visitor:
    """A raw HTTP client with a session of its own, keeping every byte it was ever sent."""

    def __init__(self, url: str) -> None:
        now = {"cache-control": "no-cache"}  # data of boards of now
        self.http = httpx.Client(base_url=url, timeout=60, trust_env=False, headers=now)
        self.bytes = bytearray()
        self.get("/")

    def get(self, path: str, **more):
        return self._kept(self.http.get(path, **more))

    def post(self, path: str, body: object, **more):
        return self._kept(self.http.post(path, json=body, **more))

    def _kept(self, answer):
        self.bytes += repr(answer.headers.raw).encode() + answer.content
        return answer

    def events(self, battle: str) -> Iterator[tuple[str, dict]]:
        """Server-sent events until the server ends the stream."""
        with self.http.stream("GET", f"/api/battles/{battle}/events") as answer:
            self.bytes += repr(answer.headers.raw).encode()
            kind = ""
            for line in answer.iter_lines():
                self.bytes += line.encode()
                if line.startswith("event: "):
                    kind = line[7:]
                elif line.startswith("data: "):
                    yield kind, json.loads(line[6:])

    def start(self, prompt: str = "Why?") -> dict:
        answer = self.post("/api/battles", {"prompt": prompt})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def finish(self, battle: str) -> dict:
        """Follow a battle to the end of its stream."""
        last = {}
        for kind, data in self.events(battle):
            if kind == "view":
                last = data
        return last

    def ready(self, prompt: str = "Why?") -> dict:
        view = self.finish(self.start(prompt)["battle"])
        assert view["state"] == "ready", view
        return view

    def vote(self, view: dict, outcome: str = "a", **more):
        body = {"turn": view["turn"], "outcome": outcome, "token": view["token"], **more}
        return self.post(f"/api/battles/{view['battle']}/vote", body)


def awaited(ask, right, seconds=30.0):
    """The first answer of `ask()` that is `right`, for what happens soon and at no moment that is told."""
    deadline = time.monotonic() + seconds
    while not right(answer := ask()):
        assert time.monotonic() < deadline, f"still {answer!r} after {seconds:g} seconds"
        time.sleep(0.02)
    return answer


@dataclass
class ArenaServer:
    """An open arena."""

    url: str
    arena: Arena
    log: VoteLog
    study: Study | None = None
    visitors: list[Visitor] = field(default_factory=list)

    def records(self, battle: str, least: int = 1) -> list:
        """What the log has of a battle, once there is enough of it: a page knows of it before the disk."""
        return awaited(lambda: self.log.records(battle), lambda records: len(records) >= least)

    def visitor(self) -> Visitor:
        self.visitors.append(Visitor(self.url))
        return self.visitors[-1]


@contextlib.contextmanager
def served(config: uvicorn.Config) -> Iterator[str]:
    """Serve an application in a thread, on a free port; gives its address."""
    sock = listen("127.0.0.1", 0)
    http = uvicorn.Server(config)
    thread = threading.Thread(target=http.run, args=([sock],), daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 60
        while not http.started:
            assert thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline, "the server did not start in a minute"
            time.sleep(0.02)
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        http.should_exit = True
        thread.join(30)
        sock.close()
        assert not thread.is_alive(), "the server did not stop"


@contextlib.contextmanager
def open_arena(folder, models, settings=None, plan=None, votes=None) -> Iterator[ArenaServer]:
    """An arena over a log in `folder`; of a study, if there is a plan; beside a file of votes, if given."""
    with VoteLog(folder) as log:
        arena = Arena(
            models, log, Keys(SECRET), settings or ArenaSettings(seed=7, reveal=plan is None or plan.reveal)
        )
        study = None if plan is None else Study(plan, arena, StudyJournal(Path(folder), plan.name))
        sources = None if votes is None else votes_beside(arena, votes, votes_of_file(votes))
        with served(server_config(arena, study, sources)) as url:
            server = ArenaServer(url, arena, log, study)
            try:
                yield server
            finally:
                for visitor in server.visitors:
                    visitor.http.close()
