"""Pages in the longest words and from right to left: axe, widths, the choice of a language without script."""

import httpx
import pytest

from agon.arena.core.arena import ArenaSettings
from agon.arena.core.roster import Example
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.browser import chromium

PAGES = (
    "/",
    "/leaderboard",
    "/?mode=named",
    "/chat",
    "/history",
    "/overview",
    "/rules",
    "/decide",
    "/integrity",
    "/method",
    "/data",
    "/you",
    "/about",
    "/no",
)


def cast_votes(url, number):
    """Votes by the API, so that boards have rows."""
    with httpx.Client(base_url=url, headers={"accept": "text/html"}, timeout=60) as visitor:
        visitor.get("/")
        for nth in range(number):
            view = visitor.post("/api/battles", json={"prompt": f"Prompt {nth}"}).json()
            while view["state"] != "ready":
                view = visitor.get(f"/api/battles/{view['battle']}").json()
            vote = {"turn": 1, "outcome": ("a", "b", "tie")[nth % 3], "token": view["token"]}
            assert visitor.post(f"/api/battles/{view['battle']}/vote", json=vote).status_code == 200


def settled(page, address):
    """The page once what it shows has been computed."""
    page.goto(address)
    page.wait_for_selector("html:not(:has(script[data-again]))", state="attached")


def test_pages_hold_in_german_and_arabic(tmp_path):
    """Axe finds nothing in Arabic on a narrow phone and in German on a dark desk; nothing is too wide."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is in the dev extra").Axe()
    models = roster(*(Scripted(f"Answer {n}.") for n in range(3)), examples=(Example("Why?", "Code", "en"),))
    wrong = []
    with (
        open_arena(
            tmp_path / "log", models, ArenaSettings(seed=7, modes=("blind", "named", "direct"))
        ) as server,
        chromium() as browser,
    ):
        cast_votes(server.url, 9)
        for code, theme, width in (("ar", "light", 320), ("de", "dark", 1440)):
            context = browser.new_context(locale=code, color_scheme=theme, reduced_motion="reduce")
            page = context.new_page()
            for path in PAGES:
                settled(page, server.url + path)
                assert page.get_attribute("html", "lang") == code
                assert page.get_attribute("html", "dir") == ("rtl" if code == "ar" else "ltr")
                for one in (1440, 390, 320) if width == 320 else (390, 320, 1440):
                    page.set_viewport_size({"width": one, "height": 850})
                    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                        wrong.append((code, path, one, "wider than the window"))
                if code == "de" and path not in ("/", "/leaderboard", "/rules", "/decide"):
                    continue  # what differs there is the frame, which these have too
                found = axe.run(page).response["violations"]
                wrong += [(code, path, width, one["id"], one["nodes"][0]["html"][:200]) for one in found]
            context.close()
        context = browser.new_context(locale="de", java_script_enabled=False)
        page = context.new_page()
        page.goto(server.url + "/leaderboard?rule=elo")
        page.click(".ag-langs >> text=Français")
        assert page.get_attribute("html", "lang") == "fr"
        assert "rule=elo" in page.url, "the address is kept"
        page.goto(server.url + "/about")
        assert page.get_attribute("html", "lang") == "fr", "the choice is remembered"
        context.close()
    assert wrong == []
