"""Models that a visitor chose by name: they are answered, their vote is kept and counts nowhere."""

from agon.arena.core.arena_settings import ArenaSettings
from agon.ranking.votes.vote_source import NOT_BLIND
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.browser import DESKTOP, Tab, chromium

NAMED = ArenaSettings(seed=7, modes=("blind", "named"))
NAMES = [f"canary-{n}-id" for n in range(4)]


def ask(visitor, models, prompt="Why?"):
    return visitor.post("/api/battles", {"prompt": prompt, "models": models})


def test_where_it_is_not_switched_on_it_is_refused_and_not_shown(tmp_path):
    with open_arena(tmp_path, roster(Scripted(), Scripted())) as arena:
        visitor = arena.visitor()
        refused = ask(visitor, NAMES[:2])
        assert (refused.status_code, refused.json()["error"]) == (403, "mode_off")
        assert visitor.get("/api/start?mode=named").status_code == 403
        page = visitor.get("/?mode=named").text
        assert "compared without names alone" in page
        assert "ag-modes" not in page and "data-chosen" not in page
        assert b"canary" not in visitor.bytes.lower()
        assert arena.log.records("0" * 32) == []


def test_the_vote_is_kept_and_counts_nowhere_and_the_names_are_there_from_the_start(tmp_path):
    models = roster(*(Scripted(f"I am canary-{n}-id, answer {n}.") for n in range(4)))
    with open_arena(tmp_path, models, NAMED) as arena:
        visitor = arena.visitor()
        for wrong in ([], NAMES[:1], [NAMES[0]] * 2, [*NAMES, "another"]):
            assert ask(visitor, wrong).json()["error"] == "bad_models", wrong
        assert ask(visitor, [NAMES[0], "nobody"]).json()["error"] == "no_model"
        begun = ask(visitor, [NAMES[2], NAMES[0]]).json()
        assert begun["chosen"] == [NAMES[2], NAMES[0]]
        assert begun["html"].index("Canary 2 Shown") < begun["html"].index("Canary 0 Shown")
        view = visitor.finish(begun["battle"])
        assert "I am canary-2-id" in view["sides"][0]["text"], "nothing is masked where names are shown"
        voted = visitor.vote(view).json()
        assert (voted["state"], voted["counted"]) == ("voted", False)
        assert "You preferred Canary 2 Shown." in voted["html"]
        assert "None: you chose the models and saw their names" in voted["html"]
        change = visitor.get(f"/api/battles/{view['battle']}/change").json()["html"]
        assert "you saw the names" in change
        assert arena.log.vote(view["battle"]).blind is False
        assert (arena.log.count(), arena.log.counted()) == (1, 0)
        four = visitor.finish(ask(visitor, NAMES, "Another?").json()["battle"])
        assert [side["text"][-9:] for side in four["sides"]] == [f"answer {n}." for n in range(4)]
        refused = arena.visitor().get(f"/api/battles/{four['battle']}")
        assert refused.status_code == 404, "of one's own alone"
        drawn = arena.arena.contestants.matchmaker
        assert drawn.learned == 0
        assert visitor.vote(visitor.ready("Third?")).json()["counted"]
        assert arena.log.comparisons().left_out == {NOT_BLIND: 1}


def test_whoever_saw_a_models_answer_under_its_name_knows_it_for_this_prompt(tmp_path):
    """Its words are other ones the second time, as of a live model."""
    models = roster(*(Scripted(f"Answer {n}.") for n in range(3)))
    with open_arena(tmp_path, models, NAMED) as arena:
        visitor, other = arena.visitor(), arena.visitor()
        before = visitor.ready()  # blind, and open while the same is asked by name
        assert before["seen"] is False
        named = visitor.finish(ask(visitor, NAMES[:2]).json()["battle"])
        assert named["state"] == "ready"
        for contestant in models.contestants:
            contestant.backend.text += " In other words."
        blind = visitor.ready()  # two of three models: one of them was seen
        assert blind["seen"] is True
        assert visitor.vote(blind).json()["counted"] is False
        assert visitor.vote(before).json()["counted"] is False, "it was told before the vote"
        assert visitor.vote(visitor.ready("Something else?")).json()["counted"]
        assert other.vote(other.ready()).json()["counted"]
        visitor.post(f"/api/battles/{named['battle']}/prompts", {"prompt": "And then?"})
        visitor.finish(named["battle"])
        assert visitor.ready("And then?")["seen"] is True, "a later turn under names tells as much"
        cookies = dict(visitor.http.cookies)
    with open_arena(tmp_path, models, NAMED) as arena:
        visitor = arena.visitor()
        visitor.http.cookies.clear()
        visitor.http.cookies.update(cookies)
        assert visitor.ready()["seen"] is True
        again = visitor.get(f"/api/battles/{named['battle']}").json()
        assert (again["state"], again["mode"], again["turn"]) == ("ready", "named", 2)
        assert visitor.vote(again).json()["counted"] is False


def test_a_model_that_fails_is_not_replaced_by_one_that_nobody_chose(tmp_path):
    models = roster(Scripted(), Scripted(fails="timeout"), Scripted())
    with open_arena(tmp_path, models, NAMED) as arena:
        visitor = arena.visitor()
        end = visitor.finish(ask(visitor, NAMES[:2]).json()["battle"])
        assert end["state"] == "void"
        assert "Were shown: you chose them." in end["html"]


def test_a_visitor_chooses_asks_and_votes_in_a_browser(tmp_path):
    models = roster(*(Scripted(f"Answer {n}.") for n in range(3)))
    with chromium() as browser, open_arena(tmp_path, models, NAMED) as arena:
        context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
        tab = Tab(context, arena.url).open().until("empty")
        tab.page.fill("#ag-text", "Kept while one looks around")
        where = tab.page.locator(".ag-modes").bounding_box()
        tab.page.keyboard.press("Shift+Tab")
        tab.page.focus('[data-mode="named"]')
        tab.page.keyboard.press("Enter")
        tab.page.wait_for_selector("[data-chosen]")
        assert tab.page.locator(".ag-modes").bounding_box() == where, "nothing jumps"
        assert tab.page.evaluate("document.activeElement.dataset.mode") == "named"
        assert tab.page.input_value("#ag-text") == "Kept while one looks around"
        assert tab.page.url.endswith("?mode=named")
        assert "does not count on the leaderboard" in tab.text()
        tab.picture("named-start")
        tab.page.reload()
        tab.ask("Why?").page.wait_for_selector("#ag-alert:not([hidden])")
        assert "Choose two to four different models" in tab.text("#ag-alert")
        tab.errors.clear()
        first, second = tab.page.locator("[data-chosen]").all()[:2]
        first.select_option(label="Canary 2 Shown")
        second.select_option(label="Canary 1 Shown")
        tab.ask("Why?").until("ready")
        heads = [" ".join(one.split()) for one in tab.page.locator(".ag-answer h2").all_inner_texts()]
        assert heads == ["Answer A: Canary 2 Shown", "Answer B: Canary 1 Shown"]
        assert "is kept, and does not count" in tab.text("#ag-hint")
        tab.picture("named-ready")
        tab.vote_by_key("a")
        tab.until("voted")
        assert "does not count" in tab.text(".ag-verdict")
        tab.picture("named-voted")
        tab.page.keyboard.press("n")
        tab.until("empty")
        assert tab.page.locator("[data-chosen]").first.input_value() == NAMES[2], "they stay chosen"
        for width in (390, 320):
            tab.page.set_viewport_size({"width": width, "height": 800})
            assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
        tab.picture("named-start-320")
        assert arena.log.counted() == 0
        assert tab.errors == []
        context.close()
