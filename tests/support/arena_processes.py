"""Several `agon serve` processes on one store, killed and started again while people vote."""

import random
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from agon.serving.demo import MANNERS
from tests.support.agon_process import AgonProcess

CONFIG = """
[arena]
store = "{address}"
[limits]
per_voter = 50
per_network = 5000
per_voter_hour = 100000
per_network_hour = 1000000
running = 5000
"""
MODEL = """
[[model]]
name = "{name}"
backend = "demo"
manner = "{manner}"
words_per_second = {pace}
"""


def write_config(path: Path, address: str, *, pace: float = 0) -> Path:
    """A configuration of four models at this pace, 0 for at once."""
    tables = [MODEL.format(name=f"model-{n}", manner=manner, pace=pace) for n, manner in enumerate(MANNERS)]
    path.write_text(CONFIG.format(address=address) + "".join(tables), "utf-8")
    return path


PATIENCE = 300  # seconds, on a machine that is busy
NOT_THERE = 5.0  # seconds after which a battle that no process knows was killed before it was on the disk


class ArenaProcess(AgonProcess):
    """One `agon serve`."""

    def __init__(self, config: Path, cache: Path) -> None:
        super().__init__("serve", config, environment={"XDG_CACHE_HOME": str(cache)})


@dataclass
class Visitor:
    """Somebody whose requests come to any of the processes."""

    arenas: list[ArenaProcess]
    random: random.Random
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)
    told: deque[str] = field(default_factory=lambda: deque(maxlen=12))  # what was asked last, and answered

    def ask(self, method: str, path: str, arena: ArenaProcess | None = None, **more) -> httpx.Response | None:
        """The answer of a process, one drawn by lot unless it is named; None where nobody answered."""
        arena = arena or self.random.choice(self.arenas)
        if not (url := arena.url):
            return None
        try:
            given = {"timeout": 30, "trust_env": False, "verify": False}  # there is no TLS
            with httpx.Client(cookies=self.cookies, **given) as http:
                answer = http.request(method, url + path, **more)
                self.told.append(f"{method} {path[-12:]} {answer.status_code} {answer.text[:80]}")
                self.cookies.update(http.cookies)
                return answer
        except httpx.HTTPError as error:
            self.told.append(f"{method} {path[-12:]} {type(error).__name__}")
            return None

    def begin(self, prompt: str = "Why?", arena: ArenaProcess | None = None) -> dict | None:
        """Begin a battle."""
        if not len(self.cookies):
            self.ask("GET", "/about", arena)
        answer = self.ask("POST", "/api/battles", arena, json={"prompt": prompt})
        return answer.json() if answer is not None and answer.status_code == 200 else None

    def view(self, battle: str, arena: ArenaProcess | None = None) -> tuple[int, dict]:
        """How a battle stands, as some process says."""
        answer = self.ask("GET", f"/api/battles/{battle}", arena)
        return (0, {}) if answer is None else (answer.status_code, answer.json())

    def vote(
        self, view: dict, outcome: str = "a", arena: ArenaProcess | None = None
    ) -> httpx.Response | None:
        """Vote, at some process."""
        body = {"turn": view["turn"], "outcome": outcome, "token": view["token"], "unfinished": True}
        return self.ask("POST", f"/api/battles/{view['battle']}/vote", arena, json=body)


@dataclass
class Tally:
    """What a storm left."""

    kept: dict[str, str] = field(default_factory=dict)  # battle → outcome of the vote that was acknowledged
    found: set[str] = field(default_factory=set)  # whose vote was there already when it was sent again
    void: int = 0
    unanswered: int = 0
    refused: dict[int, int] = field(default_factory=dict)
    kills: int = 0
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)


def storm(
    arenas: list[ArenaProcess],
    *,
    battles: int,
    voters: int,
    kills: int,
    every: float,
    seed: int,
    offered: float | None = None,
) -> Tally:
    """Let people judge battles, each request at any process, while processes are killed and come back.

    Whoever gets no answer sends the same again, to another process, as a browser behind a proxy would.

    Args:
        arenas: all of them.
        battles: how many are to be judged.
        voters: how many people at once.
        kills: of a process drawn by lot, each followed by a start.
        every: seconds between two kills.
        seed: of all lots.
        offered: votes a second at the most; None is as many as there can be.
    """
    tally, lock, begun = Tally(), threading.Lock(), time.monotonic()
    done = threading.Event()

    def reap() -> None:
        lot = random.Random(seed)
        while tally.kills < kills and not done.wait(every * lot.uniform(0.5, 1.5)):
            arena = lot.choice(arenas)
            arena.kill()
            tally.kills += 1
            arena.start()

    def judge(number: int) -> None:
        lot = random.Random(f"{seed} {number}")
        who = Visitor(arenas, lot)
        if offered is not None:
            time.sleep(max(0.0, begun + number / offered - time.monotonic()))
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:  # until one battle is judged
            if (view := who.begin(f"Why {number}?")) is None:
                time.sleep(0.05)
                continue
            battle, gone = view["battle"], time.monotonic() + NOT_THERE
            while time.monotonic() < deadline:
                status, view = who.view(battle)
                if status == 200 and view["state"] != "streaming":
                    break
                if status == 404 and time.monotonic() > gone:
                    break
                time.sleep(0.05)
            if view.get("state") != "ready":  # its process was killed while it streamed, or was just begun
                with lock:
                    tally.void += 1
                continue
            outcome, sent = lot.choice(("a", "b", "tie")), 0
            while time.monotonic() < deadline:
                then = time.monotonic()
                answer = who.vote(view, outcome)
                sent += 1
                status = 0 if answer is None else answer.status_code
                with lock:
                    tally.refused[status] = tally.refused.get(status, 0) + (status != 200)
                    if status == 200:
                        tally.kept[battle] = outcome
                        tally.waits.append(time.monotonic() - then)
                    elif status == 409 and answer.json()["error"] == "already_voted" and sent > 1:
                        tally.found.add(battle)
                    elif status == 0:
                        tally.unanswered += 1
                if battle in tally.kept or battle in tally.found:
                    return
                if status == 409 and who.view(battle)[1].get("state") == "void":
                    with lock:  # killed in the moment between the last word and the disk
                        tally.void += 1
                    break
                time.sleep(0.02)
        raise AssertionError(f"battle {number} was not judged in {PATIENCE} s: {list(who.told)}")

    reaper = threading.Thread(target=reap)
    reaper.start()
    try:
        with ThreadPoolExecutor(voters) as pool:
            list(pool.map(judge, range(battles)))
    finally:
        done.set()
        reaper.join(120)
    tally.seconds = time.monotonic() - begun
    return tally
