"""The story of one's own page in a real browser: vote, look, share, withdraw, take along, erase."""

import json
import time

import pytest

from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.browser import DESKTOP, Tab, chromium

HOSTILE = '<script>document.title = "hit"</script> ![x](http://evil.invalid/x.png) jo@example.org ="./about" '
VIOLATIONS = """axe.run('main', {resultTypes: ['violations']}).then(found => found.violations.map(
    one => one.id + ': ' + one.nodes.map(node => node.html).join(' ')))"""


def test_what_is_yours_from_the_vote_to_its_erasure(tmp_path):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is in the dev extra").Axe()
    models = roster(Scripted(HOSTILE + "one"), Scripted(HOSTILE + "two"))
    with open_arena(tmp_path, models) as arena, chromium() as browser:
        plain = browser.new_context(viewport=DESKTOP)
        tab = Tab(plain, arena.url)
        tab.open().ask("Whom may I call at +49 170 1234567?")
        tab.until("ready").vote_by_key("a")
        tab.until("voted")
        tab.page.click("header a.ag-yours")
        tab.page.wait_for_selector(".ag-past li")
        assert "1 vote of yours counts" in tab.text("main")
        battle = tab.page.get_attribute(".ag-past li a", "href")
        cookies = plain.cookies()
        bare = browser.new_context(viewport={"width": 320, "height": 700}, java_script_enabled=False)
        bare.add_cookies(cookies)
        page = Tab(bare, arena.url).open(f"/{battle.removeprefix('./')}").page  # without scripts
        page.click("text=Show it to others")
        found = page.inner_text("main")
        assert "1 phone number" in found
        assert "2 e-mail addresses" in found
        assert "jo@example.org" not in page.inner_text("main")
        assert arena.visitor().get("/shared/" + "0" * 32).status_code == 404
        page.click("button:has-text('Publish this page')")
        link = page.get_attribute(".ag-shared a", "href")
        others = Tab(browser.new_context(viewport=DESKTOP), arena.url)
        others.page.goto(link)
        seen = others.text("main")
        assert "was preferred to" in seen
        assert '="./about"' in seen, "what a model wrote is not touched"
        assert "jo@example.org" not in others.page.content()
        assert "1234567" not in others.page.content()
        assert others.page.title() != "hit"
        assert (others.elsewhere, others.errors) == ([], [])
        picture = others.page.get_attribute("meta[property='og:image']", "content")
        assert picture == f"{link}.png"
        stranger = arena.visitor()
        drawn = stranger.http.get(picture)
        assert drawn.content.startswith(b"\x89PNG")
        told = stranger.http.get(link)
        assert told.headers["x-robots-tag"] == "noindex"
        voter = arena.arena.keys.voter(cookies[0]["value"].partition(".")[0])
        assert voter not in told.text
        tab.open(f"/{battle.removeprefix('./')}")
        for name, where in (("you-battle", tab), ("you-shared", others)):
            where.page.evaluate(axe.axe_script)
            assert where.page.evaluate(VIOLATIONS) == []
            where.picture(name)
        page.click("button:has-text('Show it to nobody any more')")
        assert stranger.http.get(link).status_code == 404
        assert stranger.http.get(picture).status_code == 404
        assert arena.log.counted() == 1
        page.click("summary:has-text('Withdraw this vote')")
        page.click("button:has-text('Withdraw this vote')")
        assert "Boards do not count it any more" in page.inner_text("main")
        assert arena.log.counted() == 0
        page.click(".ag-back a")
        with page.expect_download() as download:
            page.click("text=Take it along")
        exported = json.loads(download.value.path().read_bytes())
        assert exported["battles"][0]["vote"]["withdrawn"]
        page.click("summary:has-text('Erase everything')")
        page.click("text=Yes, erase everything")
        page.click("button:has-text('Erase 1 battle')")
        assert "All of it is erased" in page.inner_text("main")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        tab.open("/you")
        tab.page.evaluate(axe.axe_script)
        assert tab.page.evaluate(VIOLATIONS) == []
        assert "Texts erased" in tab.text("main")
        assert (tab.elsewhere, tab.errors) == ([], [])
        for _ in range(300):
            if not arena.log.erasing:
                break
            time.sleep(0.1)
        words = (b"1234567", b"jo@example", b"evil.invalid")
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert not [path for path in files if any(word in path.read_bytes() for word in words)]
