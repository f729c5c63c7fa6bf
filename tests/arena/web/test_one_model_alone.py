"""Talking to one model: by the limits of battles, with nothing kept and nothing on a board."""

import time

from agon.arena.core.arena_settings import ArenaSettings
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.browser import DESKTOP, Tab, chromium

DIRECT = ArenaSettings(seed=7, modes=("blind", "direct"), most_turns=3, running_per_voter=1)


def say(visitor, prompt, **more):
    return visitor.post("/api/chats", {"prompt": prompt, **more})


def ended(visitor, chat):
    for _ in range(500):
        view = visitor.get(f"/api/chats/{chat}").json()
        if view["state"] == "ready":
            return view
        time.sleep(0.02)
    raise AssertionError("it does not end")


def test_where_it_is_not_switched_on_it_is_refused(tmp_path):
    with open_arena(tmp_path, roster(Scripted(), Scripted())) as arena:
        visitor = arena.visitor()
        refused = say(visitor, "Hi", model="canary-0-id")
        assert (refused.status_code, refused.json()["error"]) == (403, "mode_off")
        assert visitor.get("/chat").status_code == 403
    settings = ArenaSettings(modes=("blind", "direct"))
    with open_arena(tmp_path / "list", roster(Scripted(), Scripted(), typed=False), settings) as arena:
        refused = say(arena.visitor(), "Why?", model="canary-0-id")
        assert refused.json()["error"] == "mode_off", "a list of prompts makes no conversation"


def test_a_conversation_goes_on_and_leaves_nothing_in_the_store(tmp_path):
    """Three turns, then no more; limits, strangers, failures; a blind vote on the same prompt counts not."""
    models = roster(
        Scripted("It just is."), Scripted("No.", gap=0.2), Scripted("Half", fails="timeout", after=1)
    )
    with open_arena(tmp_path, models, DIRECT) as arena:
        visitor = arena.visitor()
        assert say(visitor, " ", model="canary-0-id").json()["error"] == "empty_prompt"
        assert say(visitor, "Hi", model="nobody").json()["error"] == "no_model"
        begun = say(visitor, "Unheard-of question?", model="canary-0-id").json()
        chat = begun["chat"]
        assert "It just is." in ended(visitor, chat)["html"]
        assert arena.visitor().get(f"/api/chats/{chat}").status_code == 404
        say(visitor, "And then?", chat=chat)
        ended(visitor, chat)
        assert models.contestants[0].backend.asked[-1] == ["Unheard-of question?", "It just is.", "And then?"]
        say(visitor, "Third?", chat=chat)
        last = ended(visitor, chat)
        assert last["may_ask"] is False and "as long as it may be" in last["html"]
        assert say(visitor, "Fourth?", chat=chat).json()["error"] == "no_turn"
        failed = ended(visitor, say(visitor, "Hi", model="canary-2-id").json()["chat"])
        assert "No answer came." in failed["html"] and failed["may_ask"]
        slow = say(visitor, "Slow?", model="canary-1-id").json()["chat"]
        assert say(visitor, "Two at once?", model="canary-0-id").json()["error"] == "too_many_battles"
        assert visitor.post("/api/battles", {"prompt": "Now?"}).json()["error"] == "too_many_battles"
        ended(visitor, slow)
        arena.arena.settings = ArenaSettings(seed=7, modes=("blind", "direct"), paused=("canary-2-id",))
        arena.arena.reconfigure(models, arena.arena.settings)
        blind = visitor.ready("Unheard-of question?")
        assert blind["seen"] is True
        assert visitor.vote(blind).json()["counted"] is False
        assert visitor.vote(visitor.ready("Something else?")).json()["counted"] is True
        with visitor.http.stream("GET", f"/api/chats/{chat}/events") as answer:
            assert "event: view" in "".join(answer.iter_lines())
        form = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
        other = arena.visitor()
        mine = say(other, "Gone?", model="canary-0-id").json()["chat"]
        ended(other, mine)
        other.http.post("/you/erase", content="all=yes&sure=yes&votes=keep", headers=form)
        assert other.get(f"/api/chats/{mine}").status_code == 404, "who erases all erases this, too"
        assert arena.arena.contestants.endings.all_asked().get("canary-2-id", 0) == 0
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"Unheard-of question?" in kept, "the battle's own prompt"
    for said in (b"And then?", b"Third?", b"Slow?"):
        assert said not in kept


def test_a_visitor_talks_in_a_browser(tmp_path):
    models = roster(Scripted("**Because** it is.", gap=0.1), Scripted())
    with chromium() as browser, open_arena(tmp_path, models, DIRECT) as arena:
        context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
        tab = Tab(context, arena.url).open()
        tab.page.click("text=One model")
        tab.page.wait_for_selector("text=Nothing of this chat is stored")
        tab.picture("chat-start")
        tab.page.select_option("#ag-model", label="Canary 0 Shown")
        tab.ask("Why?")
        tab.page.wait_for_selector(".ag-said strong")
        tab.page.wait_for_selector("[data-fresh]:not([hidden])")
        assert tab.text("#ag-live") == "The answer has ended."
        assert tab.page.is_disabled("#ag-model")
        tab.ask("And then?")
        tab.page.wait_for_selector("[data-stop]:not([hidden])")
        tab.page.wait_for_selector("[data-fresh]:not([hidden])")
        assert tab.page.locator(".ag-said .ag-answer").count() == 2
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        tab.page.locator(".ag-said .ag-copy").first.focus()
        tab.page.keyboard.press("Enter")
        tab.page.wait_for_selector(".ag-copy:has-text('Copied')")
        assert tab.page.evaluate("navigator.clipboard.readText()") == "Because it is."
        tab.picture("chat-said")
        tab.page.reload()
        assert tab.page.locator(".ag-said .ag-answer").count() == 2
        tab.page.set_viewport_size({"width": 320, "height": 700})
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= 320
        tab.picture("chat-320")
        assert tab.errors == []
        context.close()
