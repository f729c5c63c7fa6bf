"""An arena beside servers of models that are busy, attacked and killed, all of them real processes.

    python -m benchmarks.model_servers [--battles 12] [--kills 50]

Prints, for a server with two places and 4 seconds an answer, the requests for each answer and the battles
that ended void; how much ten prompts that are too long change what is said of the models; and of a server
that is killed again and again, what is left of it, what could be voted on, and how long it was out.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import duckdb
import httpx

from tests.support.arena_server import Visitor
from tests.support.marked import Mark

WHOLE = " ".join(f"word{number}" for number in range(8))


def server(name, models, *options, at_once):
    """The table of a server, and of its models."""
    words = [sys.executable, "-m", "tests.support.word_server", "{port}", *models, "--words", "8", *options]
    text = f"[[server]]\nname = '{name}'\nat_once = {at_once}\ncommand = {json.dumps(words)}\n"
    return text + "".join(f"[[model]]\nname = '{model}'\nserver = '{name}'\n" for model in models)


@contextlib.contextmanager
def arena(text):
    """`agon serve` over a configuration, ready: its address, process, mark and store, and what it told."""
    mark, told = Mark(), []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "arena.toml").write_text("[limits]\nper_voter = 100\n" + text)
        words = [sys.executable, "-m", "agon", "serve", "arena.toml", "--port", "0"]
        process = subprocess.Popen(
            words, cwd=folder, env=mark.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        address = process.stdout.readline().split(" at ")[1].split(" ")[0].rstrip("/")
        reading = threading.Thread(
            target=lambda: told.extend((time.time(), line) for line in process.stderr), daemon=True
        )
        reading.start()
        until(lambda: "out" not in health(address))
        try:
            yield address, process, mark, Path(folder) / "agon-log", told
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
            left = mark.left()
            if left:
                print(f"  left behind: {left}")


def health(address):
    """What /healthz says."""
    return httpx.get(f"{address}/healthz", trust_env=False, timeout=60).json()


def until(true, seconds=120.0):
    """Wait until something is true; the seconds that it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds
        time.sleep(0.02)
    return time.monotonic() - began


def port_of(told, name):
    """Where a server was started last."""
    return (
        next(line for _, line in reversed(told) if f"{name} starts: " in line)
        .split("word_server ")[1]
        .split()[0]
    )


def asked_at(port):
    """How many answers a server was asked for since it started."""
    return sum(httpx.get(f"http://127.0.0.1:{port}/count", trust_env=False, timeout=60).json().values())


def busy(battles, options, at_once, what):
    """Battles at once on a server with two places."""
    text = server(
        "busy", ["one", "two", "three"], "--gap", "0.5", "--at-once", "2", *options, at_once=at_once
    )
    with arena(text) as (address, _, _, _, told):
        visitors = [Visitor(address) for _ in range(battles)]
        states, began = [], time.monotonic()

        def play(visitor):
            view = visitor.finish(visitor.start()["battle"])
            whole = all(side["text"].strip() == WHOLE for side in view["sides"])
            states.append(view["state"] if whole else "broken")

        threads = [threading.Thread(target=play, args=(visitor,)) for visitor in visitors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - began
        asked = httpx.get(
            f"http://127.0.0.1:{port_of(told, 'busy')}/count", trust_env=False, timeout=60
        ).json()
        done = Counter(states)
    print(f"{what}: {battles} battles at once")
    print(f"  requests an answer     {(sum(asked.values()) - 3) / (2 * battles):.2f}")  # 3: at the opening
    print(f"  battles                {done['ready']} ready, {done['void']} void, {done['broken']} broken")
    print(f"  seconds                {took:.0f}, of which {battles * 4:.0f} must be")


def attacked():
    """Ten prompts that no model can read."""
    with arena(server("short", ["one", "two", "three"], "--context", "2048", at_once=16)) as (address, *_):
        visitor = Visitor(address)
        for _ in range(5):
            visitor.vote(visitor.ready())

        def said():
            states = httpx.get(f"{address}/api/leaderboard", trust_env=False, timeout=60).json()["models"]
            return json.dumps([{**one, "asked": 0} for one in states], sort_keys=True)

        before = said()
        refused = Counter(
            visitor.post("/api/battles", {"prompt": "1234567 " * 990}).json().get("error") for _ in range(10)
        )
        print(f"Ten prompts of 7,920 characters: {dict(refused)}")
        print(f"  what is said of models {'unchanged: 0.0%' if said() == before else 'CHANGED'}")


def killed(kills):
    """One of two servers killed, again and again, in the middle of answers."""
    text = server("mortal", ["one", "two"], "--engine", "--gap", "0.05", at_once=100)
    text += server("steady", ["three", "four"], "--gap", "0.05", at_once=100)
    with arena(text) as (address, process, mark, store, told):
        over, broken, counted = threading.Event(), [], Counter()

        def play():
            visitor = Visitor(address)
            while not over.is_set():
                answer = visitor.post("/api/battles", {"prompt": "Why?"})
                if answer.status_code != 200:
                    time.sleep(0.1)
                    continue
                view = visitor.finish(answer.json()["battle"])
                counted[view["state"]] += 1
                if view["state"] == "ready":
                    broken.extend(one for one in view["sides"] if one["text"].strip() != WHOLE)
                    visitor.vote(view)

        threads = [threading.Thread(target=play) for _ in range(6)]
        for thread in threads:
            thread.start()
        outs, orphans, times = [], 0, []
        for _ in range(kills):
            port = port_of(told, "mortal")
            until(
                lambda port=port: asked_at(port) >= 8
            )  # one that never answers is started less and less often
            before = {
                pid: words for pid, words in mark.processes().items() if f"word_server {port} " in words
            }
            (victim,) = (pid for pid, words in before.items() if "reaper" not in words)
            engines = {pid for pid in mark.processes() if parent(pid) in before}
            at = time.time()
            os.kill(victim, signal.SIGKILL)
            until(lambda: "out" in health(address))
            outs.append(until(lambda: "out" not in health(address)))
            times.append((at, max(when for when, line in told if "mortal is ready" in line)))
            orphans += len((before.keys() | engines) & mark.processes().keys())
        over.set()
        for thread in threads:
            thread.join()
        starts = [float(line.split(" after ")[1].split()[0]) for _, line in told if "mortal is ready" in line]
        process.kill()
        process.wait()
        left = mark.left()
        late = drawn_while_out(store, times)
    print(f"{kills} kills of a server in the middle of answers, {sum(counted.values())} battles")
    print(
        f"  battles                {counted['ready']} ready, {counted['void']} void, "
        f"{len(broken)} broken but votable"
    )
    print(f"  drawn after a failure  {late}, while it was out")
    print(f"  out for                {max(outs):.1f} s at most; its start takes {max(starts):.0f} s at most")
    print(f"  processes left         {orphans} after the kills, {len(left)} after the arena was killed too")


def parent(pid):
    """The parent of a process; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def drawn_while_out(store, times):
    """Battles that were drawn after the first failure of the killed server, and failed by it, too."""
    from agon.data.log.vote_log import VoteLog

    with VoteLog(store):  # a killed process left no snapshot
        pass
    with duckdb.connect(str(store / "agon.duckdb"), read_only=True) as log:
        mortal = "model IN ('one', 'two') AND failure IS NOT NULL"
        found = f"SELECT battle_id, epoch(created) FROM generations WHERE {mortal}"
        failed = log.sql(found).fetchall()
        drawn = dict(log.sql("SELECT battle_id, epoch(created) FROM battles").fetchall())
    late = 0
    for killed, back in times:
        out = [(battle, at) for battle, at in failed if killed <= at <= back]
        first = min((at for _, at in out), default=back)
        late += sum(drawn[battle] > first for battle, _ in out)
    return late


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--battles", type=int, default=12)
    parser.add_argument("--kills", type=int, default=50)
    chosen = parser.parse_args()
    busy(chosen.battles, [], 2, "A server that lets others wait, at_once = 2")
    busy(chosen.battles, ["--refuse"], 2, "A server that refuses others, at_once = 2")
    busy(chosen.battles, ["--refuse"], 1000, "The same, at_once not set")
    attacked()
    killed(chosen.kills)


if __name__ == "__main__":
    main()
