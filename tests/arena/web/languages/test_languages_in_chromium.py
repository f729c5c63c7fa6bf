"""The choice of a language without script."""

import httpx

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.roster import Example
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.browser import chromium


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


def test_a_language_is_chosen_without_script_and_remembered(tmp_path):
    models = roster(*(Scripted(f"Answer {n}.") for n in range(3)), examples=(Example("Why?", "Code", "en"),))
    with open_arena(tmp_path / "log", models, ArenaSettings(seed=7)) as server, chromium() as browser:
        cast_votes(server.url, 9)
        page = browser.new_context(locale="de", java_script_enabled=False).new_page()
        page.goto(server.url + "/leaderboard?rule=elo")
        page.click(".ag-langs >> text=Français")
        assert page.get_attribute("html", "lang") == "fr"
        assert "rule=elo" in page.url, "the address is kept"
        page.goto(server.url + "/about")
        assert page.get_attribute("html", "lang") == "fr", "the choice is remembered"
