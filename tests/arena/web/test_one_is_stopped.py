"""One answer of a blind battle is stopped, and the others go on."""

import time

from agon.arena.core.arena_settings import ArenaSettings
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.browser import DESKTOP, Tab, chromium


def slot_of(view):
    """The side that writes without end."""
    return next(slot for slot, side in enumerate(view["sides"]) if "word" in side["text"])


def test_the_other_goes_on_and_the_log_has_what_was_seen(tmp_path):
    """An answer without a word cannot be stopped alone, nor one that has ended; three are as two."""
    models = roster(
        Scripted("word " * 2000, gap=0.01), Scripted("An answer " * 30, gap=0.03), Scripted("x", gap=9)
    )
    with open_arena(
        tmp_path, models, ArenaSettings(seed=7, pacing="raw", answers=2, paused=("canary-2-id",))
    ) as arena:
        visitor = arena.visitor()
        battle = visitor.start()["battle"]
        stop = f"/api/battles/{battle}/stop"
        assert visitor.post(stop, {"slot": 7}).json()["error"] == "no_answer"
        assert visitor.post(stop, {"slot": 0}).json()["error"] in ("no_word", "not_writing")
        for _ in range(200):
            view = visitor.get(f"/api/battles/{battle}").json()
            if all(side["text"] for side in view["sides"]):
                break
            time.sleep(0.02)
        endless = slot_of(view)
        assert visitor.post(stop, {"slot": endless}).status_code == 200
        end = visitor.finish(battle)
        assert end["state"] == "ready"
        assert [end["sides"][slot]["status"] for slot in (endless, 1 - endless)] == ["stopped", "finished"]
        assert end["sides"][1 - endless]["text"].split() == ("An answer " * 30).split()
        assert visitor.post(stop, {"slot": 1 - endless}).json()["error"] == "not_writing"
        warned = visitor.vote(end)
        assert (warned.status_code, warned.json()["error"]) == (409, "unfinished")
        assert visitor.vote(end, unfinished=True).json()["counted"]
        found = {
            record.slot: record for record in arena.log.records(battle) if hasattr(record, "finish_reason")
        }
        assert found[endless].finish_reason == "stopped"
        assert found[endless].text == end["sides"][endless]["text"]
        assert models.contestants[0].backend.closed, "the server writes no longer"


def test_a_reader_stops_one_side_in_a_browser(tmp_path):
    models = roster(*(Scripted("word " * 300, gap=0.05) for _ in range(2)))
    with chromium() as browser, open_arena(tmp_path, models) as arena:
        context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
        tab = Tab(context, arena.url).open().ask("Why?").until("streaming")
        tab.grown('[data-body="0"]', 40)
        head = tab.page.locator("[data-side='0'] .ag-st").bounding_box()
        tab.picture("one-stops")
        tab.page.focus('[data-side="0"] [data-do="stopone"]')
        tab.page.keyboard.press("Enter")
        tab.page.wait_for_selector("[data-side='0'] .ag-st:has-text('Stopped')")
        length = len(tab.text('[data-body="0"]'))
        tab.grown('[data-body="1"]', length + 40)
        assert len(tab.text('[data-body="0"]')) == length
        assert not tab.page.is_visible('[data-side="0"] [data-do="stopone"]')
        assert tab.text("#ag-live").startswith("Answer A is stopped")
        assert tab.page.locator("[data-side='0'] .ag-st").bounding_box()["y"] == head["y"]
        assert tab.page.get_attribute("body", "data-state") == "streaming"
        tab.picture("one-stopped")
        tab.page.keyboard.press("Escape")
        tab.until("ready")
        assert "canary" not in tab.page.content().lower()
        assert tab.errors == []
        context.close()
