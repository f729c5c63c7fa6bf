"""A page is made once for all who read it, and nothing of one reader stands in the page of another."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from agon.arena.core.arena import Arena
from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.sessions import Keys
from agon.arena.web.leaderboard import boards, routes
from agon.arena.web.leaderboard.sources import SAVED, ArenaVotes
from agon.data.log.vote_log import VoteLog
from tests.support.arena_server import SECRET, Scripted, awaited, open_arena, roster
from tests.support.log_records import battle, put, vote, voted

MODELS = ("canary-0-id", "canary-1-id", "canary-2-id")


def counted(text):
    return int(re.search(r"([\d,]+) votes? counted", text)[1])


def yours(text):
    """What the header says of the reader: whether it is shown, and the number."""
    hidden, number = re.search(
        r'href="\./you"( hidden)?>Your votes <b data-your-votes>(\d+)</b>', text
    ).groups()
    return (not hidden, int(number))


@pytest.fixture
def server(tmp_path):
    with open_arena(tmp_path, roster(*(Scripted(f"Answer {n}.") for n in range(3)))) as opened:
        drawn = [battle((MODELS[n % 3], MODELS[(n + 1) % 3])) for n in range(30)]
        put(opened.log, *drawn, *(vote(one.battle_id) for one in drawn))
        lasting(opened.visitor())
        yield opened


def lasting(visitor, path="/leaderboard"):
    """A page, once its board is that of all votes."""
    return awaited(lambda: visitor.get(path), lambda page: page.headers["cache-control"] != "no-store")


def test_a_page_is_made_once_for_all_who_read_it(server, monkeypatch):
    made, real = [], routes.leaderboard_html

    def spied(*args, **given):
        made.append(args)
        time.sleep(0.2)
        return real(*args, **given)

    monkeypatch.setattr(routes, "leaderboard_html", spied)

    def read(_):
        return httpx.get(f"{server.url}/leaderboard", trust_env=False).text

    voted(server.log, MODELS[:2], (1, 2))
    with ThreadPoolExecutor(12) as readers:
        texts = set(readers.map(read, range(12)))
    assert len(texts) == 1
    assert counted(texts.pop()) == 31
    assert len(made) == 1, "by whoever came first"
    voted(server.log, MODELS[:2], (1, 2))
    assert counted(read(0)) == 32, "votes that come one by one are on the next page"
    assert len(made) == 2
    assert '<html lang="de"' in httpx.get(f"{server.url}/leaderboard?lang=de", trust_env=False).text
    assert len(made) == 3, "another language is another page"


def test_what_is_a_readers_own_stands_in_no_other_page(server):
    one, other = server.visitor(), server.visitor()
    for number in range(2):
        one.vote(one.ready(f"What is {number}?"))
    pages = {visitor: lasting(visitor) for visitor in (one, other)}
    plain = one.get("/leaderboard", headers={"accept-encoding": "identity"})
    assert yours(pages[one].text) == (True, 2)
    assert yours(pages[other].text) == (False, 0)
    assert plain.text == pages[one].text
    for visitor, page in pages.items():
        assert page.headers["cache-control"] == "private, no-cache"
        mine = {"if-none-match": page.headers["etag"]}
        assert visitor.get("/leaderboard", headers=mine).status_code == 304
        assert "<b data-your-votes>2</b>" in one.get("/leaderboard?lang=de").text
        one.get("/leaderboard?lang=en")
    assert pages[one].headers["etag"] != pages[other].headers["etag"]
    stolen = {"if-none-match": pages[one].headers["etag"]}
    assert other.get("/leaderboard", headers=stolen).status_code == 200
    one.vote(one.ready("What is 2?"))
    assert yours(one.get("/leaderboard", headers=stolen).text) == (True, 3)
    page = other.get("/leaderboard")
    assert counted(page.text) == 33
    assert yours(page.text) == (False, 0)


def test_a_page_is_compressed_for_those_who_take_it(server):
    asked = f"{server.url}/leaderboard"
    packed = httpx.get(asked, headers={"accept-encoding": "gzip"}, trust_env=False)
    plain = httpx.get(asked, headers={"accept-encoding": "identity"}, trust_env=False)
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    assert all("accept-encoding" in one.headers["vary"].lower() for one in (packed, plain))
    assert int(packed.headers["content-length"]) * 2 < int(plain.headers["content-length"])


def test_data_are_of_the_board_of_before_and_say_how_old_it_is_unless_that_of_now_is_asked_for(
    server, monkeypatch
):
    monkeypatch.setattr(boards, "INSTANT", 0.0)
    monkeypatch.setattr(boards, "BUSY", 0.0)  # every board rests
    monkeypatch.setattr(boards, "RESTS", 1e6)
    with httpx.Client(base_url=server.url, trust_env=False) as program:

        def asked(**headers):
            return program.get("/api/leaderboard", headers=headers)

        def votes(answer):
            return answer.json()["boards"][0]["settings"]["votes"]

        waits = {"cache-control": "no-cache"}
        first = asked(**waits)
        voted(server.log, MODELS[:2], (1, 2))
        before = asked()
        assert votes(first) == votes(before) == 30
        assert "age" not in first.headers
        assert 0 <= int(before.headers["age"]) < 60
        assert before.headers["etag"] != first.headers["etag"], "which is of the votes of then"
        again = asked(**{"if-none-match": before.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        now = asked(**{"if-none-match": before.headers["etag"]}, **waits)
        assert votes(now) == 31
        assert "age" not in now.headers
        assert asked(**{"if-none-match": now.headers["etag"]}).status_code == 304


def test_while_votes_come_all_read_a_state_that_is_at_most_a_second_old(tmp_path):
    with VoteLog(tmp_path) as log:
        arena = Arena(roster(*(Scripted() for _ in range(3))), log, Keys(SECRET), ArenaSettings())
        source, shown, begun = ArenaVotes(arena), [], time.monotonic()
        for number in range(1, 60):
            voted(log, MODELS[:2], (1, 2))
            shown.append(source.version()[0][0] - number)
            assert source.about().total == source.version()[0][0]
        took = time.monotonic() - begun
        behind = [late for late in shown if late]
        assert len(shown) - len(behind) <= SAVED + took + 1, "then one a second"
        assert shown[: int(SAVED) - 1] == [0] * (int(SAVED) - 1), "of now, as long as that is seldom"
        time.sleep(1.05)
        assert source.version() == ((59, 0), "none")
        assert source.about().total == 59
        before = source.shown()
        time.sleep(1.05)
        assert source.shown() == before, "nothing came"
