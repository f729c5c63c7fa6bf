"""Arenas where not everybody may vote: by password, by invitation, over a real server and its cookies."""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from html import unescape
from urllib.parse import urlencode

import httpx
import pytest

from agon.arena.cli.commands import main
from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.sessions import Keys
from agon.arena.core.visitors.access import MEMBER_COOKIE, AccessSettings, door_of, member_cookie
from agon.arena.web.hosted import hosted_arena
from agon.arena.web.server import ServeError
from agon.data.log.operation.invitation_journal import INVITATIONS
from agon.data.log.shared_store.shared_journal import invitations_of
from tests.arena.web.test_you import FORM
from tests.support.arena_processes import ArenaProcess, write_config
from tests.support.arena_server import SECRET, Scripted, awaited, open_arena, roster
from tests.support.paths import REPOSITORY
from tests.support.postgres_server import postgres_server

PASSWORD = "a-word-of-the-canary-house"
PAGE = {"accept": "text/html"}


def settings(**access):
    return ArenaSettings(seed=7, pacing="raw", access=AccessSettings(**access))


def post(visitor, path, **fields):
    """A form, without following where it leads."""
    return visitor.http.post(path, content=urlencode(fields), headers=FORM | PAGE)


def text_of(answer):
    return " ".join(unescape(re.sub("<[^>]+>", " ", answer.text.partition("<main")[2])).split())


def test_a_password_lets_a_browser_vote_and_nobody_else(tmp_path):
    with open_arena(
        tmp_path, roster(Scripted("A one."), Scripted("B two.")), settings(password=PASSWORD)
    ) as a:
        ada, ben = a.visitor(), a.visitor()
        begun = ben.post("/api/battles", {"prompt": "Why?"})
        assert (begun.status_code, begun.json()["error"]) == (401, "signed_out")
        assert ben.get("/api/start").status_code == 401
        assert ben.http.get("/gradio/config").status_code == 401
        page = ben.get("/", headers=PAGE)
        assert (page.status_code, page.headers["location"]) == (303, "./sign-in")
        assert ben.get("/chat", headers=PAGE).headers["location"] == "./sign-in?to=chat"
        shown = ben.get("/sign-in")
        assert shown.status_code == 200
        assert shown.headers["cache-control"] == "no-store"
        assert "<script" not in shown.text.partition("<main")[2]
        assert ben.get("/leaderboard").status_code == 200, "everybody reads"
        wrong = post(ada, "/sign-in/password", password="another-word-of-it", to="")
        assert wrong.status_code == 403
        assert "This is not the password of this arena." in text_of(wrong)
        assert MEMBER_COOKIE not in ada.http.cookies
        style = re.search(r'<link rel="stylesheet" href="([^"]*)"', wrong.text)[1]
        assert ada.get(str(wrong.url.join(style).path)).status_code == 200
        assert ada.get("/sign-in/password").headers["location"] == "../sign-in"
        foreign = ada.http.post(
            "/sign-in/password",
            content=urlencode({"password": PASSWORD}),
            headers=FORM | {"sec-fetch-site": "cross-site"},
        )
        assert foreign.status_code == 403
        right = post(ada, "/sign-in/password", password=PASSWORD, to="leaderboard")
        assert (right.status_code, right.headers["location"]) == (303, "../leaderboard")
        (cookie,) = [one for one in right.headers.get_list("set-cookie") if one.startswith(MEMBER_COOKIE)]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert ada.vote(ada.ready()).status_code == 200
        assert "You are signed in" in ada.get("/sign-in").text
        assert "Sign out" in ada.get("/leaderboard").text.partition("<footer")[2]
        ben.http.cookies.set(MEMBER_COOKIE, ada.http.cookies[MEMBER_COOKIE])
        assert ben.post("/api/battles", {"prompt": "Why?"}).status_code == 401, "it is of another session"
        before = ada.http.cookies["agon_session"]
        out = post(ada, "/sign-in/leave")
        assert out.status_code == 303
        assert MEMBER_COOKIE not in ada.http.cookies
        assert ada.http.cookies["agon_session"] != before
        assert ada.post("/api/battles", {"prompt": "Why?"}).status_code == 401
        assert PASSWORD.encode() not in ada.bytes


def test_a_program_signs_in_by_the_same_form(tmp_path):
    models = roster(Scripted(), Scripted())
    with (
        open_arena(tmp_path, models, settings(password=PASSWORD)) as arena,
        httpx.Client(base_url=arena.url, trust_env=False) as http,
    ):
        http.get("/sign-in")
        wrong = http.post("/sign-in/password", data={"password": "x"})
        assert (wrong.status_code, wrong.json()["error"]) == (403, "wrong_password")
        assert http.post("/sign-in/password", data={"password": PASSWORD}).status_code == 303
        assert http.post("/api/battles", json={"prompt": "Why?"}).status_code == 200


def test_guesses_of_a_network_are_counted_and_right_ones_are_not(tmp_path):
    with open_arena(tmp_path, roster(Scripted(), Scripted()), settings(password=PASSWORD)) as arena:
        for _ in range(30):
            assert post(arena.visitor(), "/sign-in/password", password=PASSWORD).status_code == 303
        tried = [post(arena.visitor(), "/sign-in/password", password=f"wrong-{n}") for n in range(21)]
        assert [one.status_code for one in tried] == [403] * 20 + [429]
        assert "Try again in" in text_of(tried[-1])
        assert post(arena.visitor(), "/sign-in/password", password=PASSWORD).status_code == 429


def test_pages_of_members_are_for_them_alone(tmp_path):
    with open_arena(
        tmp_path, roster(Scripted(), Scripted()), settings(read="members", password=PASSWORD)
    ) as a:
        ada, ben = a.visitor(), a.visitor()
        post(ada, "/sign-in/password", password=PASSWORD)
        for path in (
            "/leaderboard",
            "/integrity",
            "/you",
            "/leaderboard.csv",
            "/model?name=canary-0-id",
            "/method",
        ):
            closed = ben.get(path, headers=PAGE)
            assert closed.status_code == 303, path
            assert closed.headers["location"].split("?")[0].endswith("sign-in"), path
            assert str(closed.url.join(closed.headers["location"])).startswith(f"{a.url}/sign-in?to="), path
            assert ada.get(path, headers=PAGE).status_code in (200, 404), path
        for path in ("/api/leaderboard", "/openapi.json", "/badge/canary-0-id.svg"):
            assert ben.get(path).status_code == 401, path
        for path in ("/sign-in", "/about", "/healthz", "/static/agon.css"):
            assert ben.get(path).status_code == 200, path


def test_pages_to_go_to_are_our_own(tmp_path):
    with open_arena(tmp_path, roster(Scripted(), Scripted()), settings(password=PASSWORD)) as arena:
        visitor = arena.visitor()
        for to in (
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "javascript:alert(1)",
            "..//x",
        ):
            answer = post(visitor, "/sign-in/password", password=PASSWORD, to=to)
            assert answer.headers["location"] == "../", to
        page = visitor.get(f"/sign-in?{urlencode({'to': chr(34) + '><script>'})}")
        assert "<script>" not in page.text


def test_another_password_lets_nobody_in_who_came_by_the_old_one():
    keys, access = Keys(SECRET), AccessSettings(password=PASSWORD, days=1)
    cookie = member_cookie(keys, access, "session", "password")
    assert door_of(keys, access, "session", cookie) == ("password", "")
    for other in (
        AccessSettings(password=PASSWORD + "x"),
        AccessSettings(invitations=True),
    ):
        assert door_of(keys, other, "session", cookie) is None
    assert door_of(keys, access, "another", cookie) is None
    assert door_of(keys, access, "session", cookie.replace("password", "invitation")) is None
    ended = f"password.{keys.proof(-1, 'member', 'session', 'password', access.doors['password'])}"
    assert door_of(keys, access, "session", ended) is None
    for broken in (None, "", ".", "password", "password.1", "password.x.y", "\udcff"):
        assert door_of(keys, access, "session", broken) is None


def test_an_invitation_lets_one_browser_in_once(tmp_path):
    journal = invitations_of(tmp_path, None)
    one, two = journal.invite(2)
    assert one not in (tmp_path / INVITATIONS).read_text()
    with open_arena(
        tmp_path, roster(Scripted("A one."), Scripted("B two.")), settings(invitations=True)
    ) as a:
        ada, ben = a.visitor(), a.visitor()
        for _ in range(2):  # to look at a link, as programs do that preview it, uses nothing up
            page = ada.get(f"/sign-in?invite={one}")
            assert "You are invited" in page.text
        assert post(ada, "/sign-in/invitation", invite=one).status_code == 303
        assert ada.vote(ada.ready()).status_code == 200
        again = post(ben, "/sign-in/invitation", invite=one)
        assert again.status_code == 409
        assert "was accepted before" in text_of(again)
        assert ben.post("/api/battles", {"prompt": "Why?"}).status_code == 401
        for wrong in ("", "x", one[:-1], "ÿ"):
            assert post(ben, "/sign-in/invitation", invite=wrong).status_code == 403
        assert post(ben, "/sign-in/password", password=PASSWORD).status_code == 405, "there is no such way"
        (three,) = journal.invite(1)  # while the arena is open
        assert post(ben, "/sign-in/invitation", invite=three).status_code == 303
        assert [one.state for one in journal.all()] == ["accepted", "open", "accepted"]
        assert journal.state(two) == "open"


def test_who_came_by_a_revoked_invitation_is_signed_out_and_nobody_else(tmp_path):
    models, access = (
        roster(Scripted("A one."), Scripted("B two.")),
        settings(invitations=True, read="members"),
    )
    one, two, three = invitations_of(tmp_path, None).invite(3)
    with open_arena(tmp_path, models, access) as a:
        ada, ben = a.visitor(), a.visitor()
        for visitor, link in ((ada, one), (ben, two)):
            assert post(visitor, "/sign-in/invitation", invite=link).status_code == 303
        assert ada.vote(ada.ready()).status_code == 200
        half = ada.ready()
        journal = a.log.invitations()
        journal.revoke([one, f"https://arena.example/sign-in?invite={three}"])
        awaited(lambda: ada.get("/leaderboard", headers=PAGE).status_code, lambda code: code == 303, 5)
        assert ada.vote(half).status_code == 401
        assert ada.post("/api/battles", {"prompt": "Why?"}).status_code == 401
        assert "You are signed in" not in ada.get("/sign-in").text
        assert ben.vote(ben.ready()).status_code == 200
        for link in (one, three):
            told = post(ada, "/sign-in/invitation", invite=link)
            assert (told.status_code, "This invitation was taken back." in text_of(told)) == (403, True)
        assert a.log.counted() == 2, "votes that were cast stay"
        ada.http.cookies.set(MEMBER_COOKIE, ben.http.cookies[MEMBER_COOKIE])
        assert ada.post("/api/battles", {"prompt": "Why?"}).status_code == 401, "it is of another session"
        forged = member_cookie(Keys(SECRET[::-1]), access.access, "x", "invitation", "0" * 16)
        ada.http.cookies.set(MEMBER_COOKIE, forged)
        assert ada.post("/api/battles", {"prompt": "Why?"}).status_code == 401
        whole = (tmp_path / INVITATIONS).read_bytes()
        (tmp_path / INVITATIONS).write_text("half a line\n")  # what was revoked stays so
        assert ben.post("/api/battles", {"prompt": "Why?"}).status_code == 200
        assert post(ada, "/sign-in/invitation", invite=two).status_code == 503
    kept = dict(ben.http.cookies)
    with open_arena(tmp_path, models, access) as a:
        again = a.visitor()
        for name, value in kept.items():
            again.http.cookies.set(name, value)
        assert again.get("/leaderboard", headers=PAGE).status_code == 303, "who was revoked cannot be told"
        (tmp_path / INVITATIONS).write_bytes(whole)
        asked = awaited(
            lambda: again.get("/leaderboard", headers=PAGE).status_code, lambda code: code == 200, 5
        )
        assert asked == 200, "a new start signs nobody out"


def test_another_server_lets_its_own_people_in(tmp_path):
    """An arena on Blocks has no page for signing in, and must not be open where it was meant to be closed."""
    config = tmp_path / "arena.toml"
    model = '[[model]]\nname = "{}"\nbackend = "demo"\nmanner = "terse"\n'
    models = model.format("one") + model.format("two")
    for table in ("[access]\ninvitations = true\n", "[limits]\nwork = 12\n"):
        config.write_text(table + models)
        with pytest.raises(ServeError, match="leave them out"):
            hosted_arena(config, store=tmp_path / "log")
    config.write_text(models)
    hosted_arena(config, store=tmp_path / "log")


def test_the_command_prints_links_that_work_once(tmp_path, capsys):
    config = tmp_path / "arena.toml"
    model = '[[model]]\nname = "{}"\nbackend = "demo"\nmanner = "terse"\n'
    store = tmp_path / "log"
    config.write_text(
        f'[arena]\nstore = "{store}"\n[access]\ninvitations = true\n' + model.format("a") + model.format("b")
    )
    assert main(["invite", str(config), "--revoke", "no-such"]) == 2
    assert not store.exists(), "what is refused makes nothing"
    capsys.readouterr()
    assert main(["invite", str(config), "--count", "3", "--url", "https://arena.example"]) == 0
    links = capsys.readouterr().out.split()
    assert len(links) == 3
    assert all(re.fullmatch(r"https://arena\.example/sign-in\?invite=[\w-]{24}", one) for one in links)
    assert main(["invite", str(config)]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("http://127.0.0.1:7860/sign-in?invite=")
    assert "these links open on this machine alone" in told.err
    assert main(["invite", str(config), "--url", "https://arena.example"]) == 0, "as it says"
    assert "on this machine alone" not in capsys.readouterr().err
    journal = invitations_of(store, None)
    secret = links[0].partition("=")[2]
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lambda _: invitations_of(store, None).accept(secret), range(8)))
    assert sorted(states) == ["accepted"] * 7 + ["open"]
    assert main(["invite", str(config), "--list", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["links"], found["made"], found["open"], found["accepted"]) == ([], 5, 4, 1)
    first = found["invitations"][0]
    assert (first["state"], first["revoked"], len(found["invitations"])) == ("accepted", None, 5)
    assert secret not in json.dumps(found), "the list opens nothing"
    assert main(["invite", str(config), "--revoke", links[1], "--revoke", first["id"]]) == 0
    told = capsys.readouterr()
    assert [line.split()[1] for line in told.out.splitlines()] == ["revoked", "revoked"]
    assert told.err == "agon: 5 invitations: 3 open, 0 accepted, 2 revoked.\n"
    assert journal.accept(links[1].partition("=")[2]) == "revoked"
    before = (store / INVITATIONS).read_bytes()
    assert main(["invite", str(config), "--revoke", links[2], "--revoke", "no-such"]) == 2
    assert "There is no invitation 'no-such', and nothing was revoked" in capsys.readouterr().err
    assert main(["invite", str(config), "--revoke", links[1]]) == 0, "it is as it was"
    assert (store / INVITATIONS).read_bytes() == before
    with (store / INVITATIONS).open("a") as file:
        file.write('{"event": "acc')  # a process that was killed
    assert len(journal.all()) == 5
    journal.invite(1)
    assert len(journal.all()) == 6


def test_processes_on_one_postgresql_let_in_and_sign_out_alike(tmp_path):
    """Two real processes; what is revoked at one's terminal holds in both, also after a new start."""
    with postgres_server() as server, ExitStack() as clients:
        config = write_config(tmp_path / "arena.toml", server.database())
        config.write_text("[access]\ninvitations = true\n" + config.read_text())
        one, two = (ArenaProcess(config, tmp_path / name).start() for name in ("one", "two"))
        try:
            made = said_by(config, tmp_path, "--count", "2").split()
            first, second = (link.partition("=")[2] for link in made)
            ada, ben = (clients.enter_context(httpx.Client(trust_env=False)) for _ in range(2))
            for http, secret in ((ada, first), (ben, second)):
                http.get(f"{one.url}/sign-in")
                accepted = http.post(f"{one.url}/sign-in/invitation", data={"invite": secret})
                assert accepted.status_code == 303
                assert begun(http, two) == 200, "let in by one process is let in by all"
            assert "revoked" in said_by(config, tmp_path, "--revoke", made[0])
            for arena in (one, two):
                awaited(lambda arena=arena: begun(ada, arena), lambda code: code == 401, 10)
                assert begun(ben, arena) == 200
            two.kill()
            two.start()
            assert (begun(ada, two), begun(ben, two)) == (401, 200)
            again = ada.post(f"{two.url}/sign-in/invitation", data={"invite": first})
            assert (again.status_code, again.json()["error"]) == (403, "revoked_invitation")
        finally:
            one.stop()
            two.stop()


def said_by(config, folder, *words):
    """What `agon invite` prints in a process of its own."""
    command = [sys.executable, "-m", "agon", "invite", str(config), *words]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder), "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def begun(http, arena):
    return http.post(f"{arena.url}/api/battles", json={"prompt": "Why?"}).status_code
