"""What one client may take of an arena: connections from several networks of this machine (127.0.x.y)."""

import asyncio
import contextlib
import socket
from ipaddress import ip_network

import httpx
import pyarrow.parquet as pq
import pytest

from agon.arena.core.arena import Arena
from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.fair_shares import FairShare, HourlyRate, LineFullError, Lines
from agon.arena.core.operation.life_cycle import stop_arena
from agon.arena.core.sessions import Keys
from agon.arena.web import middleware
from agon.arena.web.clients import connections
from agon.arena.web.clients.networks import client_network, network_of
from agon.data.log.vote_log import VoteLog
from tests.support.arena_server import Scripted, open_arena, roster

SLOW = {"text": "one two three four five six seven eight nine ten", "gap": 0.3}


def models(**given):
    return roster(*(Scripted(**given) for _ in range(3)))


def visit(server, address, **headers):
    """A browser with a cookie of its own, at another address of this machine."""
    transport = httpx.HTTPTransport(local_address=address)
    browser = httpx.Client(
        base_url=server.url, transport=transport, trust_env=False, headers=headers, timeout=30
    )
    server.visitors.append(type("Browser", (), {"http": browser})())
    assert browser.get("/").status_code == 200
    return browser


def begin(browser):
    answer = browser.post("/api/battles", json={"prompt": "Why?"})
    return answer.status_code, answer.json().get("error")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("unix:", "?"),
        (None, "?"),
    ],
)
def test_a_network_is_what_one_customer_of_a_provider_has(address, network):
    assert network_of(address) == network
    assert client_network({"client": (address, 1)}) == network


def test_one_client_takes_a_fourth_of_the_places():
    share = FairShare(8)
    assert [share.take("a") for _ in range(3)] == [True, True, False]
    assert [share.take(name) for name in "bbccddee"] == [True] * 6 + [False] * 2, "all eight are taken"
    share.leave("a")
    assert share.take("e")


def test_an_hours_battles_may_be_begun_at_once_and_come_back_one_by_one():
    now = [0.0]
    rate = HourlyRate(clients=2, clock=lambda: now[0])
    assert [rate.seconds_until("a", 60) for _ in range(60)] == [0.0] * 60
    assert rate.seconds_until("a", 60) == pytest.approx(60)
    assert rate.seconds_until("b", 60) == 0.0
    now[0] = 59.0
    assert rate.seconds_until("a", 60) == pytest.approx(1)
    now[0] = 60.0
    assert rate.seconds_until("a", 60) == 0.0
    assert rate.seconds_until("a", 60) == pytest.approx(60)


def test_requests_wait_in_the_order_in_which_they_came():
    async def story():
        lines, done = Lines(at_work=1, waiting=2), []

        async def ask(name):
            async with lines.turn("a") as end:
                await asyncio.sleep(0.01)
                done.append(name)
                end()
                await asyncio.sleep(0.05)

        asking = [asyncio.create_task(ask(name)) for name in "xyz"]
        await asyncio.sleep(0)
        with pytest.raises(LineFullError):
            await ask("too many")
        async with asyncio.timeout(5), lines.turn("b"):
            pass
        asking[1].cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        assert done == ["x", "z"]
        await ask("later")
        assert done[-1] == "later"

    asyncio.run(story())


def test_connections_without_a_request_keep_nobody_out(tmp_path, monkeypatch):
    """Of 40 heads that never end 10 are held, for a second, and others are served meanwhile."""
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 40)
    monkeypatch.setattr(connections, "HEAD_SECONDS", 1.0)
    with open_arena(tmp_path, models()) as server:
        host, port = server.url.removeprefix("http://").split(":")
        held = [socket.create_connection((host, int(port)), timeout=10) for _ in range(40)]
        try:
            for one in held:
                with contextlib.suppress(OSError):  # it was cut already
                    one.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-")
            elsewhere = visit(server, "127.0.1.1")
            assert begin(elsewhere) == (200, None)
            cut = 0
            for one in held:
                one.settimeout(10)
                try:
                    cut += one.recv(100) == b""
                except ConnectionResetError:
                    cut += 1
            assert cut == 40
        finally:
            for one in held:
                one.close()
        assert visit(server, "127.0.0.1").get("/leaderboard").status_code == 200


def test_a_body_that_does_not_come_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(middleware, "BODY_SECONDS", 0.3)
    with open_arena(tmp_path, models()) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as one:
            one.sendall(
                b"POST /api/battles HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                b"Content-Length: 100\r\n\r\n{"
            )
            answer = b""
            while b"slow_body" not in answer:
                more = one.recv(10_000)
                assert more, answer
                answer += more
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_streams_of_one_session_are_bounded_and_others_follow_theirs(tmp_path, monkeypatch):
    monkeypatch.setattr(middleware, "STREAMS_OF_ONE", 3)
    with open_arena(tmp_path, models(**SLOW)) as server:
        many, other = visit(server, "127.0.0.1"), visit(server, "127.0.0.1")
        battle = many.post("/api/battles", json={"prompt": "Why?"}).json()["battle"]
        opened = []
        for _ in range(4):
            request = many.build_request("GET", f"/api/battles/{battle}/events")
            opened.append(many.send(request, stream=True))
        assert [one.status_code for one in opened] == [200, 200, 200, 429]
        theirs = other.post("/api/battles", json={"prompt": "Why?"}).json()["battle"]
        assert "event: view" in other.get(f"/api/battles/{theirs}/events").text
        for one in opened:
            one.close()


def test_a_network_holds_its_part_of_the_battles_and_the_last_places_are_for_others(tmp_path):
    settings = ArenaSettings(seed=7, running=20, running_per_network=15, hourly_per_network=17)
    with open_arena(tmp_path, models(**SLOW), settings) as server:
        cookies = [visit(server, "127.0.0.1") for _ in range(19)]
        assert [begin(one) for one in cookies[:15]] == [(200, None)] * 15
        assert begin(cookies[15]) == (429, "full_network")
        other, third, fourth = (visit(server, f"127.0.{n}.1") for n in (1, 2, 3))
        assert [begin(other) for _ in range(3)] == [(200, None)] * 3, "18 of 20"
        assert begin(visit(server, "127.0.1.2")) == (503, "full"), "the last two are for who has none"
        assert begin(third) == begin(fourth) == (200, None)
        assert begin(visit(server, "127.0.4.1")) == (503, "full")
        server.arena.settings = ArenaSettings(seed=7, hourly_per_network=17)
        assert [begin(one) for one in cookies[16:]] == [(200, None), (200, None), (429, "too_often")]


def test_a_proxy_that_is_named_speaks_for_its_visitors_and_nobody_else_does(tmp_path, capfd):
    limits = {"seed": 7, "running_per_network": 1}
    named = ArenaSettings(**limits, proxies=(ip_network("127.0.0.0/24"),))
    spoken = [{"x-forwarded-for": f"{n}.1.1.1, 203.0.{n}.7"} for n in range(3)]
    with open_arena(tmp_path / "named", models(**SLOW), named) as server:
        assert [begin(visit(server, "127.0.0.1", **one)) for one in spoken] == [(200, None)] * 3
        again = {"x-forwarded-for": "198.51.100.9, 203.0.1.99"}  # what a client writes itself stands before
        assert begin(visit(server, "127.0.0.1", **again)) == (429, "full_network")
        assert begin(visit(server, "127.0.1.1", **spoken[2])) == (200, None), "who is no proxy is who it is"
        safe = {**spoken[0], "x-forwarded-proto": "https"}
        cookies = [
            httpx.get(f"{server.url}/", headers=one, trust_env=False).headers["set-cookie"]
            for one in (safe, spoken[0])
        ]
        assert ["; Secure" in one for one in cookies] == [True, False]
    assert "proxies" not in capfd.readouterr().err
    with open_arena(tmp_path / "unnamed", models(**SLOW), ArenaSettings(**limits)) as server:
        assert [begin(visit(server, "127.0.0.1", **one)) for one in spoken[:2]] == [
            (200, None),
            (429, "full_network"),
        ], "headers that rotate pass no limit"
    assert capfd.readouterr().err.count('write proxies = ["127.0.0.1"] into [arena]') == 1


def test_in_a_page_of_another_visitors_are_told_apart_where_their_addresses_are_known(tmp_path):
    """What comes from a private address may be all visitors of a proxy: no limit shuts them out together."""
    from agon.arena.web.gradio_components import Inside

    async def asked(*addresses):
        statuses = []
        with VoteLog(tmp_path) as log:
            keys = Keys(b"k" * 32)
            arena = Arena(models(**SLOW), log, keys, ArenaSettings(seed=7, running_per_network=1))
            inside = Inside(arena)
            for address in addresses:
                session = keys.session(keys.new_session())
                answer = await inside.get("/api/battles", session, {"prompt": "Why?"}, address)
                statuses.append(answer.status_code)
            await stop_arena(arena)
        return statuses

    public = ("8.8.8.8", "8.8.8.9", "9.9.9.9")
    assert asyncio.run(asked(*public, "10.0.0.1", "10.0.0.1", None, None)) == [200, 429, *[200] * 5]


def test_votes_of_one_network_carry_one_hash_and_no_file_an_address(tmp_path):
    """Three browsers of two networks, whose addresses a proxy tells; without `networks` no vote says any."""
    for networks in (True, False):
        settings = ArenaSettings(seed=3, proxies=(ip_network("127.0.0.0/24"),), networks=networks)
        folder = tmp_path / f"{networks}"
        with open_arena(folder, roster(*(Scripted(text="Word.") for _ in range(3))), settings) as server:
            for address in ("203.0.113.7", "203.0.113.99", "198.51.100.4"):
                browser = visit(server, "127.0.0.1", **{"x-forwarded-for": address})
                battle = browser.post("/api/battles", json={"prompt": "Why?"}).json()
                while (battle := browser.get(f"/api/battles/{battle['battle']}").json())["state"] != "ready":
                    pass
                said = {"outcome": "a", "turn": 1, "token": battle["token"]}
                assert browser.post(f"/api/battles/{battle['battle']}/vote", json=said).status_code == 200
        found = [row["network"] for row in pq.read_table(folder / "votes" / "arena.parquet").to_pylist()]
        if networks:
            assert found[0] == found[1] != found[2]
            assert all(len(one) == 16 for one in found)
        else:
            assert found == [None] * 3
        held = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        assert not any(part in held for part in (b"203.0.113", b"198.51.100"))
