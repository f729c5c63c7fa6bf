"""The arena over HTTP: a real server, real clients, a real log; refusals are sentences."""

import asyncio
import json
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.roster import Example
from agon.arena.core.sessions import COOKIE, Keys
from agon.data.log.records import LogError
from agon.ranking import ConvergenceError, rank
from agon.serving.protocol import Delta, End
from agon.serving.self_identification import MASK
from tests.support.arena_server import SECRET, Scripted, Thinking, awaited, open_arena, roster

NAMES = (b"canary", b"Canary")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    models = roster(*(Scripted(f"Answer number {n} to it.") for n in range(5)))
    with open_arena(tmp_path_factory.mktemp("log"), models) as opened:
        yield opened


def rows(server):
    return server.log.count()


def test_the_whole_story(server):
    guest, before = server.visitor(), rows(server)
    view = guest.start("Why is the sky dark at night?")
    assert view["state"] == "streaming"
    assert "token" not in view
    ready = guest.finish(view["battle"])
    assert ready["state"] == "ready"
    assert all(side["text"].startswith("Answer number") for side in ready["sides"])
    assert not any(name in guest.bytes for name in NAMES)
    answer = guest.vote(ready, "b")
    assert answer.status_code == 200
    voted = answer.json()
    assert voted["state"] == "voted"
    assert len(set(voted["models"])) == 2
    assert voted["votes"] == 1
    assert rows(server) == before + 1
    boards = guest.get("/api/leaderboard").json()
    assert boards["schema"] == 1
    shown = {row["model"]: row["votes"] for row in boards["boards"][0]["models"]}
    assert all(shown[model] >= 1 for model in voted["models"])


def test_battles_send_no_name_before_the_vote(tmp_path):
    backends = [Scripted(f"Answer {n}.") for n in range(4)]
    backends += [Scripted("x y z", fails="interrupted", after=2), Scripted("", fails="unauthorised")]
    with open_arena(tmp_path, roster(*backends), ArenaSettings(seed=1)) as server:
        guests = [server.visitor() for _ in range(8)]
        for guest in guests:
            for path in (
                "/config",
                "/leaderboard",
                "/about",
                "/api/battles/0",
                "/nowhere",
            ):
                guest.get(path)

        def battles(guest):
            states = []
            for number in range(6):
                view = guest.finish(guest.start(f"Why {number}?")["battle"])
                states.append(view["state"])
                guest.get(f"/api/battles/{view['battle']}")
                guest.post(f"/api/battles/{view['battle']}/vote", {"turn": 1, "outcome": "a", "token": "x"})
                guest.post(f"/api/battles/{view['battle']}/prompts", {"prompt": "And?"})
                guest.post(f"/api/battles/{view['battle']}/stop", {})
            return states

        with ThreadPoolExecutor(8) as pool:
            states = [state for states in pool.map(battles, guests) for state in states]
        assert len(states) == 48  # of 30 ordered pairs, with what fails at once, later and never
        assert states.count("ready") > 32
        sent = b"".join(bytes(guest.bytes) for guest in guests)
        assert len(sent) > 50_000
        assert not any(name in sent for name in NAMES)


class Boasting(Scripted):
    """Thinks aloud, without a tag at first, and says who it is."""

    async def stream(self, messages, sampling):
        yield Delta("I add two numbers.")
        await asyncio.sleep(0.3)
        yield Delta("Hello! I am Can", "Also canary-thoughts.", thought_first=True)
        await asyncio.sleep(0.3)
        yield Delta("ary 0 Shown, a large language model trained by Canary 0 Org. Bye.")
        yield End("stop", 20, 7)


def test_neither_thoughts_nor_names_in_an_answer_leave_before_the_vote(tmp_path):
    shown = f"Hello! I am {MASK}, a large language model trained by {MASK}. Bye."
    with open_arena(tmp_path, roster(Boasting("", 0), Boasting("", 0))) as server:
        visitor = server.visitor()
        view = visitor.ready()
        assert not any(name in visitor.bytes for name in NAMES)
        assert [side["text"] for side in view["sides"]] == [shown, shown]
        after = visitor.vote(view).json()
        assert "canary-thoughts" in after["html"] and "7 tokens" in after["html"].replace("</span>", "")
        kept = server.log._connection.cursor().execute(
            "SELECT DISTINCT text, tokens, reasoning, reasoning_tokens, masked FROM generations"
        )
        thoughts = "I add two numbers.Also canary-thoughts."
        assert kept.fetchall() == [(shown, 20, thoughts, 7, ["Canary 0 Shown", "Canary 0 Org"])]


def test_the_thoughts_of_every_turn_are_shown_after_the_vote_and_after_a_restart(tmp_path):
    models = roster(Thinking(), Thinking())
    with open_arena(tmp_path, models) as server:
        guest = server.visitor()
        view = guest.ready("First?")
        guest.post(f"/api/battles/{view['battle']}/prompts", {"prompt": "Second?"})
        view = guest.finish(view["battle"])
        assert not any(name in guest.bytes for name in NAMES)
        voted = guest.vote(view).json()
        for turn in (1, 2):
            assert (
                voted["html"].count(f"canary-thought-{turn}") == voted["html"].count(f"Answer {turn}.") == 2
            )
            assert voted["html"].count(f"{turn + 4} tokens") == 2
        assert voted["html"].count("<details") == 2 + 4
        assert "<details open" not in voted["html"]
        cookies = guest.http.cookies
    with open_arena(tmp_path, models) as server:
        guest = server.visitor()
        guest.http.cookies = cookies
        again = guest.get(f"/api/battles/{view['battle']}").json()["html"]
        assert again.count("canary-thought-1") == again.count("canary-thought-2") == 2
        assert again.count("5 tokens") == again.count("6 tokens") == 2


def test_one_vote_posted_100_times_from_16_threads_is_one_vote(server):
    guest, before = server.visitor(), rows(server)
    view = guest.ready()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: guest.vote(view), range(100)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) == 1
    assert statuses.count(409) == 99
    assert {answer.json()["error"] for answer in answers if answer.status_code == 409} == {"already_voted"}
    assert rows(server) == before + 1


def forgeries(server, backends):
    """Thirteen votes that nobody has the right to cast, each with its status."""
    owner, thief = server.visitor(), server.visitor()
    view, other, own = owner.ready(), owner.ready(), thief.ready()
    body = {"turn": view["turn"], "outcome": "a", "token": view["token"]}
    path = f"/api/battles/{view['battle']}/vote"
    old = Keys(SECRET)
    session = old.session(owner.http.cookies[COOKIE])
    voted = owner.ready()
    owner.vote(voted)
    expired = "1000." + old._sign("vote", view["battle"], "1", session, "1000")
    for one in backends:
        one.gap = 0.3  # so that this one still streams at the end
    running = owner.start()
    yield "no session", httpx.post(server.url + path, json=body), 403
    yield "another's battle", thief.post(path, body), 404
    yield "another's session hash", thief.post(f"{path}?session_hash={session}", body), 404
    yield "no such battle", owner.post(f"/api/battles/{'0' * 32}/vote", body), 404
    yield "a made-up token", owner.post(path, {**body, "token": "9999999999." + "0" * 64}), 403
    yield "the token of another battle", owner.post(path, {**body, "token": other["token"]}), 403
    yield (
        "a token of the right battle, made for another session",
        owner.post(path, {**body, "token": old.vote_token(view["battle"], 1, own["battle"])}),
        403,
    )
    yield "an old token", owner.post(path, {**body, "token": expired}), 403
    yield "another turn", owner.post(path, {**body, "turn": 2}), 403
    yield "an outcome that is none", owner.post(path, {**body, "outcome": "model_a"}), 422
    yield "no outcome", owner.post(path, {"turn": 1, "token": view["token"]}), 422
    yield "a second vote on a battle whose names are shown", owner.vote({**voted}), 409
    yield (
        "a battle that still streams",
        owner.post(
            f"/api/battles/{running['battle']}/vote",
            {**body, "token": old.vote_token(running["battle"], 1, session)},
        ),
        409,
    )


def changed(guest, view):
    return guest.get(f"/api/battles/{view['battle']}/change")


@pytest.mark.parametrize("fault", [ConvergenceError("It did not converge."), RuntimeError("a fault of ours")])
def test_a_board_that_cannot_be_computed_costs_no_vote(server, monkeypatch, fault):
    """The vote is written first; what it changed is computed when somebody asks, and may fail."""

    def broken(*_, **__):
        raise fault

    guest, before = server.visitor(), rows(server)
    ready = guest.ready()
    monkeypatch.setattr("agon.arena.core.battles.score_change.rank", broken)
    answer = guest.vote(ready)
    assert (answer.status_code, answer.json()["state"]) == (200, "voted")
    assert rows(server) == before + 1
    assert "no board to compare" in changed(guest, ready).json()["html"]
    monkeypatch.undo()
    assert guest.get("/leaderboard").status_code == 200


def test_a_vote_computes_no_board_until_somebody_asks_what_it_changed(server, monkeypatch):
    guest, computed = server.visitor(), []
    monkeypatch.setattr(
        "agon.arena.core.battles.score_change.rank", lambda *a, **k: computed.append(1) or rank(*a, **k)
    )
    ready = guest.ready()
    assert "no board" in changed(guest, ready).json()["html"], "nothing before the vote"
    assert guest.vote(ready).status_code == 200
    assert [guest.vote(ready).status_code for _ in range(5)] == [409] * 5
    assert computed == []
    assert "first score" in changed(guest, ready).json()["html"] or len(computed) == 2
    assert changed(server.visitor(), ready).status_code == 404, "of one's own battles only"


def test_what_a_vote_changed_is_its_own_doing(tmp_path):
    """Boards at n - 1 and n, whatever was voted since: of a first vote, two first scores."""
    with open_arena(tmp_path, roster(Scripted("x"), Scripted("y"))) as server:
        guests = [server.visitor() for _ in range(3)]
        views = [guest.ready() for guest in guests]
        for guest, view in zip(guests, views, strict=True):
            assert guest.vote(view, "tie").status_code == 200
        html = changed(guests[0], views[0]).json()["html"]
        assert html.count("now has a first score") == 2
        assert html.count("canary-") == 0
        later = changed(guests[2], views[2]).json()["html"]
        assert later.count("stays where it is") == 2, "a tie between two that always tied"


def test_what_votes_changed_is_computed_one_by_one_and_not_for_everybody_at_once(tmp_path, monkeypatch):
    """Votes go before: whoever comes while too many wait is told so, and the vote stands."""
    monkeypatch.setattr("agon.arena.core.battles.score_change.MOST_AWAITED", 2)
    at_work, go_on = threading.Event(), threading.Event()

    def slow(*given, **options):
        at_work.set()
        assert go_on.wait(30)
        return rank(*given, **options)

    with open_arena(tmp_path, roster(Scripted("x"), Scripted("y"))) as server, ThreadPoolExecutor(4) as pool:
        guests = [server.visitor() for _ in range(4)]
        views = [guest.ready() for guest in guests]
        monkeypatch.setattr("agon.arena.core.battles.score_change.rank", slow)
        assert [guest.vote(*given).status_code for guest, *given in zip(guests, views, strict=True)] == [
            200
        ] * 4
        first = pool.submit(changed, guests[1], views[1])
        assert at_work.wait(30)
        second = pool.submit(changed, guests[2], views[2])
        awaited(lambda: len(server.arena.changes.awaited), lambda number: number == 2)
        refused = changed(guests[3], views[3])
        assert (refused.status_code, refused.json()["error"]) == (503, "busy")
        go_on.set()
        assert [one.result(30).status_code for one in (first, second)] == [200] * 2
        assert changed(guests[3], views[3]).status_code == 200


def test_a_vote_that_could_not_be_kept_is_said_and_may_be_cast_again(server, monkeypatch):
    def full(record):
        failed = Future()
        failed.set_exception(LogError("The disk is full."))
        return failed

    guest, before = server.visitor(), rows(server)
    ready = guest.ready()
    monkeypatch.setattr(server.log, "write", full)
    answer = guest.vote(ready)
    assert (answer.status_code, answer.json()["error"]) == (503, "not_kept")
    monkeypatch.undo()
    assert rows(server) == before
    assert guest.vote(ready).status_code == 200
    assert rows(server) == before + 1


def test_forged_votes_leave_no_row(tmp_path):
    backends = [Scripted("a b c d e f g h " * 4) for _ in range(3)]
    with open_arena(tmp_path, roster(*backends)) as server:
        tried = 0
        for what, answer, status in forgeries(server, backends):
            tried += 1
            assert answer.status_code == status, (what, answer.text)
            assert answer.json()["sentence"].endswith("."), what
            assert rows(server) == 1, what
        assert tried >= 8


def test_a_foreign_origin_is_refused(server):
    guest = server.visitor()
    view = guest.ready()
    body = {"turn": 1, "outcome": "a", "token": view["token"]}
    path = f"/api/battles/{view['battle']}/vote"
    before = rows(server)
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": server.url.replace("127.0.0.1", "localhost")},
        {"origin": server.url + ".evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        assert guest.post(path, body, headers=headers).status_code == 403, headers
    assert rows(server) == before
    assert guest.post(path, body, headers={"origin": server.url}).status_code == 200


SIDE_DOORS = (
    "/config /info /gradio_api/info /gradio_api/config /gradio_api/queue/join /queue/join "
    "/gradio_api/queue/data /gradio_api/upload /upload /gradio_api/upload_progress "
    "/gradio_api/file=/etc/passwd /file=/etc/passwd /gradio_api/proxy=http://example.com "
    "/proxy=http://example.com /monitoring /monitoring/summary /gradio_api/monitoring/summary "
    "/gradio_api/component_server /component_server /gradio_api/run/predict /run/predict /api/predict "
    "/gradio_api/call/predict /gradio_api/heartbeat/x /gradio_api/startup-events /startup-events "
    "/gradio_api/app_id /app_id /gradio_api/login /login /token /dev/reload "
    "/gradio_api/stream/a/b/c/playlist.m3u8 /robots.txt /docs /metrics /redoc /manifest.json "
    "/pwa_icon /static/../web.py /ui/../web.py /ui/%2e%2e/web.py /assets/../../etc/passwd "
    "/ui/fonts/../../web.py /gradio_api/mcp/sse /svelte/x /custom_component/x /deep_link /vibe-code/ "
    "/gradio/ /gradio/gradio_api/component_server /gradio/gradio_api/upload /gradio/assets/x "
    "/admin /admin/enter /admin/backup "
    "/.git/config /.env /secret.key /agon-log/agon.duckdb /ui/ /static/ /assets/ "
)


@pytest.mark.parametrize("path", SIDE_DOORS.split())
def test_side_doors_are_shut(server, path):
    for method in ("GET", "POST"):
        request = httpx.Request(method, server.url, json={} if method == "POST" else None)
        request.url = request.url.copy_with(raw_path=path.encode())
        with httpx.Client(trust_env=False) as client:
            assert client.send(request).status_code in {404, 405}, (method, path)


def test_a_proxy_that_drops_the_port_is_named_in_the_terminal(tmp_path, capfd):
    """The page is at arena.example:8888, and the proxy hands on Host: arena.example (cases 28 and 29)."""
    outside = {"origin": "http://arena.example:8888", "host": "arena.example"}
    with open_arena(tmp_path / "one", roster(Scripted(), Scripted())) as server:
        guest = server.visitor()
        vouched = {**outside, "sec-fetch-site": "same-origin"}
        assert guest.post("/api/battles", {"prompt": "Why?"}, headers=vouched).status_code == 200
        for _ in range(3):
            refused = guest.post("/api/battles", {"prompt": "Why?"}, headers=outside)
            assert (refused.status_code, refused.json()["error"]) == (403, "foreign_origin")
        assert "samesite=lax" in httpx.get(server.url).headers["set-cookie"].lower()
    said = capfd.readouterr().err
    assert said.count("a page at http://arena.example:8888 was refused") == 1
    assert "came for arena.example. If it is this arena behind a proxy" in said
    settings = ArenaSettings(public_url="http://arena.example:8888")
    with open_arena(tmp_path / "two", roster(Scripted(), Scripted()), settings) as server:
        guest = server.visitor()
        assert guest.post("/api/battles", {"prompt": "Why?"}, headers=outside).status_code == 200


def test_only_those_who_are_named_may_show_the_arena_in_a_frame(server, tmp_path):
    closed = httpx.get(server.url).headers
    assert closed["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in closed["content-security-policy"]
    settings = ArenaSettings(embed=("https://huggingface.co",))
    with open_arena(tmp_path, roster(Scripted(), Scripted()), settings) as framed:
        opened = httpx.get(framed.url).headers
        assert "x-frame-options" not in opened
        assert "frame-ancestors 'self' https://huggingface.co;" in opened["content-security-policy"]
        assert opened["set-cookie"].endswith("SameSite=None; Secure; Partitioned")
        assert opened["x-content-type-options"] == "nosniff"


def test_only_what_a_router_has_can_be_asked_for(server):
    """There is no second list of paths: what the routers have is there, and of Gradio its page."""
    guest = server.visitor()
    for path in ("/about", "/leaderboard", "/healthz", "/static/agon.css", "/api/start", "/"):
        assert guest.get(path).status_code == 200, path


def test_head_is_answered_as_get_without_the_body(server):
    """A monitor asks so whether the arena is up; data and pages said 405."""
    visitor = server.visitor()
    for path in ("/", "/leaderboard", "/api/start", "/openapi.json", "/healthz", "/static/agon.css", "/none"):
        got, head = visitor.get(path), visitor.http.head(path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert head.headers["content-type"] == got.headers["content-type"]
    battle = visitor.ready()["battle"]
    assert visitor.http.head(f"/api/battles/{battle}/events").status_code == 405, "a stream has no end"


def test_people_get_a_page_and_programs_json(server):
    guest = server.visitor()
    page = guest.get("/nowhere", headers={"accept": "text/html,*/*"})
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "<h1>There is no such page.</h1>" in page.text
    assert guest.get("/nowhere").json()["error"] == "no_page"
    assert guest.get("/api/nowhere", headers={"accept": "text/html"}).json()["error"] == "no_page"


def test_every_answer_carries_the_headers(server):
    guest = server.visitor()
    for path in ("/", "/leaderboard", "/about", "/api/start", "/ui/battle.js", "/nowhere", "/api/battles/0"):
        headers = guest.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "no-referrer", path
        assert "server" not in headers, path
    policy = guest.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'self';" in policy


def test_the_cookie_is_ours_alone_to_read(server):
    cookie = httpx.get(server.url + "/").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_the_body_has_a_limit_of_our_own(server):
    guest = server.visitor()
    huge = {"prompt": "x" * (10 * 2**20)}
    assert guest.post("/api/battles", huge).status_code == 413
    pieces = (b" " * 65536 for _ in range(160))
    headers = {"content-type": "application/json"}
    assert guest.http.post("/api/battles", content=pieces, headers=headers).status_code == 413


@pytest.mark.parametrize(
    ("prompt", "words"),
    [("", "Write a prompt"), (" \n\t ", "Write a prompt"), ("x" * 100_000, "100,000 characters")],
)
def test_a_prompt_that_cannot_be_asked_is_answered_with_a_sentence(server, prompt, words):
    answer = server.visitor().post("/api/battles", {"prompt": prompt})
    assert answer.status_code == 422
    assert words in answer.json()["sentence"]


@pytest.mark.parametrize("body", [[], {}, {"prompt": 3}, {"prompt": "x", "models": "a"}, {"promt": "x"}, "x"])
def test_a_malformed_request_is_answered_with_a_sentence(server, body):
    answer = server.visitor().post("/api/battles", body)
    assert answer.status_code == 422
    assert answer.json()["sentence"].endswith(".")


def test_json_that_is_none_is_refused(server):
    guest = server.visitor()
    headers = {"content-type": "application/json"}
    for content in (b"{", b"\xff\xfe", b"[" * 50_000):
        assert guest.http.post("/api/battles", content=content, headers=headers).status_code in {400, 422}
    assert guest.http.post("/api/battles", content=b"prompt=x").status_code == 415


def test_three_battles_may_run_for_one_voter(tmp_path):
    with open_arena(tmp_path, roster(*(Scripted("a " * 40, gap=0.05) for _ in range(2)))) as server:
        guest = server.visitor()
        views = [guest.start() for _ in range(3)]
        refused = guest.post("/api/battles", {"prompt": "Why?"})
        assert refused.status_code == 429
        assert "3 battles running" in refused.json()["sentence"]
        assert server.visitor().start()["state"] == "streaming", "others are not held up"
        guest.post(f"/api/battles/{views[0]['battle']}/stop", {})
        guest.finish(views[0]["battle"])
        assert guest.start()["state"] == "streaming"


def test_nobody_can_answer(tmp_path):
    with open_arena(tmp_path, roster(Scripted())) as server:
        answer = server.visitor().post("/api/battles", {"prompt": "Why?"})
        assert answer.status_code == 503
        assert "No two models" in answer.json()["sentence"]


def test_everybody_fails(tmp_path):
    models = roster(*(Scripted(fails="unreachable") for _ in range(4)))
    with open_arena(tmp_path, models) as server:
        guest = server.visitor()
        view = guest.finish(guest.start()["battle"])
        assert view["state"] == "void"
        assert "token" not in view
        assert "Nothing was counted" in view["html"]
        assert not any(name in guest.bytes for name in NAMES)


def test_who_cannot_answer_is_said_once_a_battle_is_over(tmp_path, capfd):
    models = roster(Scripted("fine"), *(Scripted(fails="unauthorised") for _ in range(2)))
    with open_arena(tmp_path, models) as server:
        guest = server.visitor()
        assert guest.get("/healthz").json() == {"votes": 0, "models": 3, "answering": 3}
        assert guest.finish(guest.start()["battle"])["state"] == "void"
        health = guest.get("/healthz")
        assert (health.status_code, health.json()["answering"]) == (503, 1)
        assert health.json()["sentence"] == "1 of 3 models can answer; a battle needs two."
        states = {one["model"]: one for one in guest.get("/api/leaderboard").json()["models"]}
        assert states["canary-1-id"]["state"] == "unavailable"
        assert states["canary-1-id"]["reason"] == "unauthorised"
        assert states["canary-1-id"]["failures"] == {"unauthorised": 1}
        assert states["canary-0-id"]["state"] == "answering"
        page = guest.get("/leaderboard").text
        assert page.count("Cannot answer now: unauthorised") == 2
    said = capfd.readouterr().err
    assert "canary-1-id failed (unauthorised): canary-detail-of-the-failure" in said
    assert said.count("every battle is void until two models can answer.") == 1


def test_a_retired_model_is_marked_and_left_out_of_the_advice(tmp_path):
    with open_arena(tmp_path, roster(Scripted("a"), Scripted("b"))) as server:
        for _ in range(4):
            guest = server.visitor()
            guest.vote(guest.ready())
    left = roster(Scripted("a"), Scripted("b"), Scripted("c"))
    left = replace(left, contestants=(left.contestants[0], left.contestants[2]))
    with open_arena(tmp_path, left) as server:
        page = server.visitor().get("/leaderboard").text
        assert page.count("Retired") >= 2
        assert "About 13 more votes" in page, "26 of canary-0 alone, two models a vote"
        states = server.visitor().get("/api/leaderboard").json()["models"]
        assert {one["model"]: one["state"] for one in states} == {
            "canary-0-id": "answering",
            "canary-2-id": "answering",
            "canary-1-id": "retired",
        }


def test_imported_votes_beside_the_arenas_own_are_named(tmp_path):
    with open_arena(tmp_path, roster(Scripted("a"), Scripted("b"))) as server:
        guest = server.visitor()
        guest.vote(guest.ready())
        assert "imported votes" not in guest.get("/leaderboard").text
        server.log.snapshot()
        votes = tmp_path / "votes"
        (votes / "lmarena-1.parquet").write_bytes((votes / "arena.parquet").read_bytes())
        page = guest.get("/leaderboard").text
        assert "holds imported votes too (lmarena-1.parquet)" in page
        assert f"agon rank {votes / 'arena.parquet'} -m" in page, "its command counts what the page counts"


def test_a_failing_side_is_replaced_told_and_recorded(tmp_path):
    models = roster(Scripted("x y", fails="interrupted", after=1), Scripted("whole"), Scripted("whole too"))
    with open_arena(tmp_path, models, ArenaSettings(seed=2)) as server:
        replaced = 0
        for _ in range(12):
            guest = server.visitor()
            view = guest.ready()
            assert "canary" not in json.dumps(view).lower()
            replaced += "was replaced" in view["html"]
            assert guest.vote(view).status_code == 200
        assert replaced
        board = guest.get("/api/leaderboard").json()["boards"][0]["models"]
        assert {row["model"] for row in board} == {"canary-1-id", "canary-2-id"}
        assert sum(row["votes"] for row in board) == 24


def test_a_later_failure_voids_the_battle(tmp_path):
    models = roster(Scripted("x y", fails="timeout", on_turn=2, after=1), Scripted("whole"))
    with open_arena(tmp_path, models) as server:
        guest = server.visitor()
        view = guest.ready()
        token = view["token"]
        asked = guest.post(f"/api/battles/{view['battle']}/prompts", {"prompt": "And?"})
        assert asked.json()["state"] == "streaming"
        last = guest.finish(view["battle"])
        assert last["state"] == "void"
        for turn in (1, 2):
            answer = guest.vote({**view, "token": token, "turn": turn})
            assert answer.status_code in {403, 409}
        assert rows(server) == 0
        assert not any(name in guest.bytes for name in NAMES)


def test_turns_are_the_servers_conversation(tmp_path):
    first, second = Scripted("one"), Scripted("two")
    with open_arena(tmp_path, roster(first, second)) as server:
        guest = server.visitor()
        view = guest.ready("First?")
        forged = guest.post(
            f"/api/battles/{view['battle']}/prompts", {"prompt": "Second?", "messages": [{"role": "system"}]}
        )
        assert forged.status_code == 422
        guest.post(f"/api/battles/{view['battle']}/prompts", {"prompt": "Second?"})
        view = guest.finish(view["battle"])
        assert view["turn"] == 2
        assert first.asked[-1] == ["First?", "one", "Second?"]
        assert second.asked[-1] == ["First?", "two", "Second?"]
        assert guest.vote(view, "tie").json()["outcome"] == "tie"


def test_a_battle_nobody_watches_is_stopped(tmp_path):
    endless = [Scripted("word " * 100_000, gap=0.01) for _ in range(2)]
    with open_arena(tmp_path, roster(*endless), ArenaSettings(seed=1, unwatched=0.5)) as server:
        guest = server.visitor()
        guest.start()
        done = threading.Event()
        for _ in range(100):
            if all(side.closed for side in endless):
                break
            done.wait(0.1)
        assert all(side.closed for side in endless)


def test_recorded_arenas_take_the_prompts_of_their_list_only(tmp_path):
    with open_arena(tmp_path, roster(Scripted(), Scripted(), typed=False)) as server:
        guest = server.visitor()
        refused = guest.post("/api/battles", {"prompt": "Something else?"})
        assert refused.status_code == 422
        assert "choose a prompt" in refused.json()["sentence"]
        view = guest.ready("Why?")
        assert not view["may_ask"]


def test_a_long_list_of_prompts_does_not_travel_whole(tmp_path):
    prompts = [Example(f"Prompt {number}?") for number in range(5_000)]
    with open_arena(tmp_path, roster(Scripted(), Scripted(), examples=prompts, typed=False)) as server:
        guest = server.visitor()
        below = guest.get("/api/start").json()["below"]
        assert below.count("data-prompt") == 48
        assert "5,000" in below
        assert guest.ready("Prompt 4999?")["state"] == "ready"


def test_thirty_battles_at_once_all_complete(tmp_path):
    models = roster(*(Scripted("word " * 30, gap=0.03) for _ in range(4)))
    with open_arena(tmp_path, models) as server:
        guests = [server.visitor() for _ in range(30)]
        with ThreadPoolExecutor(30) as pool:
            views = list(pool.map(lambda guest: guest.ready(), guests))
        assert all(view["state"] == "ready" for view in views)
        with ThreadPoolExecutor(30) as pool:
            answers = list(pool.map(lambda pair: pair[0].vote(pair[1]), zip(guests, views, strict=True)))
        assert [answer.status_code for answer in answers] == [200] * 30
        assert rows(server) == 30
