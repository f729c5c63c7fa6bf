"""Boards of an arena behind a gate: the page says what is set aside, `agon rank --gates` gives the same."""

import json
import shlex
import time
from dataclasses import replace
from html import unescape
from threading import Thread

import numpy as np
import pytest

from agon.arena.cli.commands import main
from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.web.leaderboard.sources import ArenaVotes
from agon.data.log.vote_log import VoteLog
from agon.ranking import gate_votes
from tests.support.arena_server import Scripted, awaited, open_arena, roster
from tests.support.boards import Page
from tests.support.log_records import battle, put, vote

MODELS = [f"canary-{n}-id" for n in range(5)]
STRENGTHS = np.array([2.0, 1.2, 0.4, -0.4, -1.2])


def write_votes(log, rng, voters, votes, sign=1.0, prefix="honest", of=5, *, with_last=False):
    """So many voters with so many votes each on the first models, or all with the last one; with the sign -1
    they choose the weaker model."""
    records = []
    for n in range(voters):
        for _ in range(votes):
            a, b = rng.choice(4 if with_last else of, 2, replace=False)
            a = 4 if with_last else a
            won = rng.random() < 1 / (1 + np.exp(-sign * (STRENGTHS[a] - STRENGTHS[b])))
            drawn = battle((MODELS[a], MODELS[b]), voter=f"{prefix}-{n}", language="de" if n % 2 else "en")
            places = (1, 2) if won else (2, 1)
            records += [drawn, vote(drawn.battle_id, places, voter=drawn.voter)]
    put(log, *records)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The log of 30 honest voters, and of one who votes against them all."""
    made, rng = tmp_path_factory.mktemp("gates") / "log", np.random.default_rng(3)
    with VoteLog(made) as log:
        write_votes(log, rng, 30, 30)
        write_votes(log, rng, 1, 150, sign=-3.0, prefix="inverter")
    return made


def opened(folder, gate):
    return open_arena(folder, roster(*(Scripted() for _ in MODELS)), ArenaSettings(seed=7, gates=gate))


def test_the_page_says_what_is_set_aside_and_the_command_gives_the_same_board(folder, capsys):
    with opened(folder, "default") as arena:
        visitor = arena.visitor()
        data = visitor.get("/api/leaderboard").json()
        board = data["boards"][0]
        assert data["gates"] == "default"
        assert board["settings"]["votes"] == 900
        ((reason, number),) = board["settings"]["left_out"].items()
        assert (number, "excluded" in reason) == (150, True)
        text = visitor.get("/leaderboard").text
        page = unescape(text)
        assert "Votes of this board that the gate “default” sets aside: 150 (of " in page
        assert '<a href="./integrity">Integrity</a> says why, and none is deleted.' in page
        assert "--gates default" in page
        found = visitor.get("/api/integrity").json()
        assert (found["counted"], found["left_out"]) == (900, {reason: 150})
        assert (found["gates"]["gate"], found["gates"]["on_boards"]) == ("default", True)
        integrity = unescape(visitor.get("/integrity").text)
        assert "900 of 1,050 votes count" in integrity
        assert "Gates would set aside" not in integrity
        assert "The leaderboard does not count them, and nothing is deleted." in integrity
        Page(text)
        some = visitor.get("/api/leaderboard?language=de").json()["boards"][0]
    assert main(["rank", str(folder), "--gates", "default", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["boards"][0]["fingerprint"] == board["fingerprint"]
    command = ["rank", str(folder), "--gates", "default", "--where", "language = 'de'", "--format", "json"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["boards"][0]["fingerprint"] == some["fingerprint"]
    words = next(line for line in page.split("<code") if "agon rank" in line)
    shown = shlex.split(words[words.index("agon rank") :].split("<")[0])[1:]
    assert main([*shown, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["boards"][0]["fingerprint"] == board["fingerprint"]


def test_without_a_gate_all_votes_count_and_integrity_says_what_one_would_set_aside(folder):
    with opened(folder, "none") as arena:
        visitor = arena.visitor()
        data = visitor.get("/api/leaderboard").json()
        assert (data["gates"], data["boards"][0]["settings"]["votes"]) == ("none", 1050)
        assert "sets aside" not in visitor.get("/leaderboard").text
        assert visitor.get("/api/integrity").json()["gates"]["on_boards"] is False  # which waits
        integrity = unescape(visitor.get("/integrity").text)
        assert "All 1,050 votes count" in integrity
        assert "Gates would set aside" in integrity


def test_votes_are_looked_through_once_for_all_readers(folder, monkeypatch):
    asked = []

    def counted(votes, *more, **options):
        asked.append(len(votes))
        time.sleep(0.1)
        return gate_votes(votes, *more, **options)

    monkeypatch.setattr("agon.arena.web.leaderboard.sources.gate_votes", counted)
    with opened(folder, "strict") as arena:
        source, before = ArenaVotes(arena.arena), len(asked)
        readers = [Thread(target=source.votes, args=[{}]) for _ in range(8)]
        for one in readers:
            one.start()
        for one in readers:
            one.join()
        assert len(asked) - before == 1
        last = source.span()[1]
        earlier = source.before({}, last + 1.0)
        assert len(earlier) == len(source.votes({}))
        assert len(asked) - before == 1, "what was voted before is behind the same gate"
        put(
            arena.log,
            drawn := battle((MODELS[0], MODELS[1]), voter="new"),
            vote(drawn.battle_id, voter="new"),
        )
        assert len(source.votes({})) > 0
        assert len(asked) - before == 2


def test_a_vote_that_is_held_back_is_not_told_as_moving_the_board(tmp_path):
    """Of a visitor who votes against all others; the gate is switched on in the arena that is open."""

    def told(visitor, prompt):
        view = visitor.ready(prompt)
        assert visitor.vote(view).status_code == 200
        return view["battle"], visitor.get(f"/api/battles/{view['battle']}/change").json()["html"]

    with VoteLog(tmp_path / "log") as log:
        write_votes(log, np.random.default_rng(3), 20, 20)
    with opened(tmp_path / "log", "none") as arena:
        visitor = arena.visitor()
        first, said = told(visitor, "Why is it so?")
        assert "points" in said
        voter = arena.log.vote(first).voter
        records = []
        for n in range(100):
            drawn = battle((MODELS[n % 4], MODELS[n % 4 + 1]), voter=voter)
            records += [drawn, vote(drawn.battle_id, (2, 1), voter=voter)]
        put(arena.log, *records)
        before = visitor.get("/api/leaderboard").json()["boards"][0]
        assert before["settings"]["votes"] == 400 + 101
        arena.arena.settings = replace(arena.arena.settings, gates="default")
        held = told(visitor, "When was it?")[1]
        assert "points" not in held
        assert held.count("stays where it is") == 2
        assert "points" in told(arena.visitor(), "Why is it so?")[1], "somebody else moves it"
        after = awaited(
            lambda: visitor.get("/api/leaderboard").json()["boards"][0]["settings"]["votes"],
            lambda votes: votes == 401,
        )
        assert after == 401
