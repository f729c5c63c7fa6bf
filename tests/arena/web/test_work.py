"""The puzzle before a session's first battle: by a program with hashlib, and by our page in Chromium."""

from hashlib import sha256
from itertools import count

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.sessions import Keys
from agon.arena.core.visitors import proof_of_work
from agon.arena.core.visitors.proof_of_work import check_challenge, has_worked, new_challenge, work_cookie
from tests.support.arena_server import SECRET, Scripted, open_arena, roster
from tests.support.browser import Tab, chromium

BITS = 10


def solved(challenge, bits, start=0):
    """A nonce, found as the sentence of the API says."""
    for nonce in count(start):
        digest = sha256(f"{challenge}:{nonce}".encode()).digest()
        if f"{int.from_bytes(digest, 'big'):0256b}".startswith("0" * bits):
            return str(nonce)
    raise AssertionError


def settings(bits=BITS):
    return ArenaSettings(seed=7, pacing="raw", work=bits)


def test_a_program_is_told_what_to_solve_and_then_votes(tmp_path):
    with open_arena(tmp_path, roster(Scripted("A one."), Scripted("B two.")), settings()) as arena:
        ada, ben = arena.visitor(), arena.visitor()
        for path, body in (
            ("/api/battles", {"prompt": "Why?"}),
            ("/api/battles/next", {}),
            ("/api/chats", {"prompt": "Why?"}),
            ("/gradio/gradio_api/queue/join", {}),
        ):
            told = ada.post(path, body)
            assert (told.status_code, told.json()["error"]) == (428, "work_first"), path
        work = told.json()["work"]
        assert work["bits"] == BITS
        assert ada.get("/api/work").json()["needed"] is True
        nonce = solved(work["challenge"], BITS)
        assert ben.post("/api/work", {"challenge": work["challenge"], "nonce": nonce}).status_code == 403
        wrong = "0" if nonce != "0" else "1"
        refused = ada.post("/api/work", {"challenge": work["challenge"], "nonce": wrong})
        assert refused.json()["error"] == "wrong_work"
        long = ada.post("/api/work", {"challenge": work["challenge"], "nonce": "0" * 50})
        assert long.status_code == 422
        forged = work["challenge"].replace(".", ".9", 1)
        assert ada.post("/api/work", {"challenge": forged, "nonce": solved(forged, BITS)}).status_code == 403
        done = ada.post("/api/work", {"challenge": work["challenge"], "nonce": nonce})
        assert done.json() == {"needed": False}
        assert ada.get("/api/work").json() == {"needed": False}
        assert ada.vote(ada.ready()).status_code == 200
        ben.http.cookies.set("agon_work", ada.http.cookies["agon_work"])
        assert ben.post("/api/battles", {"prompt": "Why?"}).status_code == 428, "it is of another session"


def test_without_work_there_is_none(tmp_path):
    with open_arena(tmp_path, roster(Scripted(), Scripted())) as arena:
        visitor = arena.visitor()
        assert visitor.get("/api/work").status_code == 404
        assert "work.js" not in visitor.get("/").text


def test_a_challenge_is_of_one_session_and_some_minutes(monkeypatch):
    keys = Keys(SECRET)
    challenge = new_challenge(keys, "ada", 12)
    assert check_challenge(keys, "ada", 12, challenge)
    assert not check_challenge(keys, "ben", 12, challenge)
    assert not check_challenge(keys, "ada", 11, challenge), "it was for other work"
    assert len({new_challenge(keys, "ada", 12) for _ in range(5)}) == 5
    cookie = work_cookie(keys, "ada", 12)
    assert has_worked(keys, "ada", 12, cookie)
    assert not has_worked(keys, "ada", 13, cookie), "more is asked for now"
    assert not has_worked(keys, None, 12, cookie)
    monkeypatch.setattr(proof_of_work, "WORK_SECONDS", -1.0)
    assert not check_challenge(keys, "ada", 12, new_challenge(keys, "ada", 12))


def test_the_page_solves_it_while_somebody_writes(tmp_path):
    with (
        open_arena(tmp_path, roster(Scripted("A one."), Scripted("B two.")), settings(14)) as arena,
        chromium() as browser,
    ):
        tab = Tab(browser.new_context(), arena.url)
        tab.page.goto(arena.url)
        tab.page.fill("#ag-text", "Why?")
        with tab.page.expect_response("**/api/battles") as begun:
            tab.page.click("#ag-start")
        tab.page.wait_for_selector("body[data-state=ready], [data-state=ready]")
        assert begun.value.status in (200, 428)
        assert tab.page.evaluate("fetch('./api/work').then((answer) => answer.json())") == {"needed": False}
        assert not tab.elsewhere
        assert [one for one in tab.errors if "428" not in one] == []
        other = Tab(
            browser.new_context(), arena.url
        )  # who never touched the box is asked when a battle begins
        other.page.goto(arena.url)
        other.page.click("#ag-surprise")
        other.page.wait_for_selector("[data-state=ready]")


def test_the_worker_finds_what_hashlib_finds(tmp_path):
    """For challenges of all lengths, so that the nonce is in one block or spills into two."""
    with open_arena(tmp_path, roster(Scripted(), Scripted()), settings()) as arena, chromium() as browser:
        page = browser.new_page()
        page.goto(f"{arena.url}/about")
        challenges = ["x" * n for n in (1, 30, 52, 53, 54, 55, 56, 60, 62, 63, 64, 91, 117, 118, 127, 128)]
        found = page.evaluate(
            """async (challenges) => {
              const worker = new Worker("./static/puzzle.js");
              const solve = (challenge) => new Promise((done) => {
                worker.onmessage = ({ data }) => done(data);
                worker.postMessage({ challenge, bits: 9 });
              });
              const found = [];
              for (const one of challenges) found.push(await solve(one));
              return found;
            }""",
            challenges,
        )
        assert found == [solved(one, 9) for one in challenges]
