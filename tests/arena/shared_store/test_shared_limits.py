"""Limits of battles for a visitor and a network in two arenas on one store of PostgreSQL."""

import asyncio
from dataclasses import replace

import psycopg
import pytest

from agon.arena.core.arena import Arena
from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.refusal import Refusal
from agon.arena.core.sessions import Keys
from agon.data.log.shared_store.opening import open_store
from tests.support.arena_server import SECRET, Scripted, roster
from tests.support.postgres_server import postgres_server

SETTINGS = ArenaSettings(seed=7, hourly_per_voter=3, hourly_per_network=5, running_per_voter=50)
NEAR, FAR = "192.0.2.0/24", "198.51.100.0/24"


@pytest.fixture
def logs(tmp_path, monkeypatch):
    """Two processes' logs on one store."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with postgres_server() as server:
        address = server.database()
        with open_store(address) as one, open_store(address) as other:
            yield address, one, other


def opened(log, **changes):
    slow = {"text": "one two three", "gap": 30}
    return Arena(roster(Scripted(**slow), Scripted(**slow)), log, Keys(SECRET), replace(SETTINGS, **changes))


def refused(arena, session, network):
    """Why a battle is refused; None if it begins."""
    try:
        arena.start(session, "Why?", network=network)
    except Refusal as refusal:
        return refusal.code
    return None


async def exchanged(*arenas):
    """Let each tell the others, and hear what these told."""
    for arena in (*arenas, *arenas):
        await arena.share_use()


def test_a_visitor_and_a_network_have_one_hour_in_all_processes(logs):
    address, *logs = logs

    async def run():
        one, other = arenas = [opened(log) for log in logs]
        await exchanged(*arenas)
        assert [refused(one, "ann", NEAR), refused(other, "ann", NEAR), refused(one, "ann", NEAR)] == [
            None
        ] * 3
        await exchanged(*arenas)
        assert refused(other, "ann", FAR) == "too_often"
        assert refused(one, "ann", FAR) == "too_often"
        assert refused(one, "bob", NEAR) is None
        assert refused(other, "cyn", NEAR) is None
        await exchanged(*arenas)
        assert refused(one, "dan", NEAR) == refused(other, "dan", NEAR) == "too_often"
        assert refused(one, "eve", FAR) is None
        late = opened(logs[0], hourly_per_voter=100, hourly_per_network=100)
        await exchanged(late, other)
        assert refused(late, "ann", NEAR) is None, "what was begun before a process was opened is not known"
        await stopped(*arenas, late)

    asyncio.run(run())
    with psycopg.connect(address) as connection:
        told = connection.execute("SELECT string_agg(client, ' ') FROM agon_use").fetchone()[0]
        kind = connection.execute("SELECT relpersistence FROM pg_class WHERE relname = 'agon_use'").fetchone()
    assert "192.0.2" not in told
    assert kind[0] in ("u", b"u"), "nothing of it is written ahead"


def test_what_runs_elsewhere_counts_while_it_runs(logs):
    _, *logs = logs

    async def run():
        one, other = arenas = [
            opened(log, hourly_per_network=50, running_per_voter=1, running_per_network=2) for log in logs
        ]
        assert refused(one, "ann", NEAR) is None
        await exchanged(*arenas)
        assert refused(other, "ann", FAR) == "too_many_battles"
        assert refused(other, "bob", NEAR) is None
        assert refused(other, "cyn", NEAR) == "full_network"
        await stopped(one)
        await exchanged(*arenas)
        assert refused(other, "ann", NEAR) is None, "nothing runs there any more"
        await stopped(other)

    asyncio.run(run())


def test_networks_are_not_told_where_none_are_kept(logs):
    address, log, _ = logs

    async def run():
        arena = opened(log, networks=False)
        assert refused(arena, "ann", NEAR) is None
        await arena.share_use()
        await stopped(arena)

    asyncio.run(run())
    with psycopg.connect(address) as connection:
        clients = connection.execute("SELECT client FROM agon_use").fetchall()
    assert [client.partition(" ")[0] for (client,) in clients] == ["voter"]


async def stopped(*arenas):
    """End what streams."""
    for arena in arenas:
        for running in arena.battles.all():
            running.task.cancel()
            await asyncio.gather(running.task, return_exceptions=True)
            arena.battles.drop(running.battle.id)
