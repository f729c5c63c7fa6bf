"""Recorded answers one after the other: what comes, how far one is, and that nobody judges what they know."""

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.setup.recorded import read_recorded_roster
from tests.support.arena_server import open_arena
from tests.support.browser import DESKTOP, Tab, chromium

QUICK = ArenaSettings(seed=7, pacing="raw")
MODELS = {"ada-1815": "fast", "bob": "slow", "cyn": "warm", "dan": "cold"}


def answers_file(folder, prompts, models):
    path = folder / "answers.csv"
    lines = ["prompt,model,answer"]
    lines += [
        f"Why {number}?,{model},Because {MODELS[model]} {number}."
        for number in range(prompts)
        for model in models
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def next_of(visitor, **body):
    answer = visitor.post("/api/battles/next", body)
    assert answer.status_code == 200, answer.text
    view = answer.json()
    return visitor.finish(view["battle"]) if view["state"] == "streaming" else view


def prompts_judged(visitor):
    """Judge all that comes; the prompts in their order."""
    asked, view = [], next_of(visitor)
    while view["battle"]:
        asked.append(view["prompt"])
        voted = visitor.vote(view).json()
        assert voted["counted"], "nobody is asked for what would not count"
        view = next_of(visitor, after=voted["battle"])
    return asked, view


def test_everything_comes_once_and_all_of_it_counts(tmp_path):
    """Of 2 prompts and 4 models a voter has 4 groups without a common model; one voted by hand is one."""
    with open_arena(tmp_path, read_recorded_roster(answers_file(tmp_path, 2, MODELS)), QUICK) as arena:
        first, second = arena.visitor(), arena.visitor()
        begun = next_of(first)
        assert begun["review"] == {"done": 0, "total": 4}
        assert "Comparison 1 of 4" in begun["html"]
        assert next_of(first)["battle"] == begun["battle"], "a second tab, or a reload, has the same one"
        later = next_of(first, leave=begun["battle"])
        assert later["prompt"] != begun["prompt"]
        assert later["review"]["done"] == 0
        by_hand = first.vote(first.ready("Why 1?")).json()
        assert by_hand["review"] == {"done": 1, "total": 4}
        assert "ada-1815" not in first.get("/").text
        asked, end = prompts_judged(first)
        assert asked[0] == "Why 0?", "no prompt comes a second time before others came once"
        assert sorted(asked) == ["Why 0?", "Why 0?", "Why 1?"]
        assert (end["state"], end["battle"]) == ("empty", None)
        assert "You have judged all 4." in end["html"]
        assert "You have judged all 4." in first.get("/").text
        assert arena.log.counted() == arena.log.count() == 4
        assert next_of(second)["review"]["done"] == 0, "another person has a list of their own"
        leaving = first.get(f"/api/battles/{begun['battle']}").json()
        assert leaving["state"] == "void"
        assert "left this one for later" in leaving["html"]


def test_with_two_models_each_prompt_comes_once_and_a_restart_forgets_nothing(tmp_path):
    models = read_recorded_roster(answers_file(tmp_path, 3, ["ada-1815", "bob"]))
    with open_arena(tmp_path, models, QUICK) as arena:
        visitor = arena.visitor()
        view = next_of(visitor)
        visitor.vote(view)
        cookies = dict(visitor.http.cookies)
    with open_arena(tmp_path, models, QUICK) as arena:
        visitor = arena.visitor()
        visitor.http.cookies.clear()
        visitor.http.cookies.update(cookies)
        asked, _ = prompts_judged(visitor)
        assert sorted([*asked, view["prompt"]]) == ["Why 0?", "Why 1?", "Why 2?"]


def test_where_prompts_are_typed_there_is_no_list(tmp_path):
    from tests.support.arena_server import Scripted, roster

    with open_arena(tmp_path, roster(Scripted(), Scripted())) as arena:
        visitor = arena.visitor()
        refused = visitor.post("/api/battles/next", {})
        assert (refused.status_code, refused.json()["error"]) == (409, "no_queue")
        assert visitor.get("/api/start").json()["state"] == "empty"
        assert 'data-do="review"' not in visitor.get("/").text


def test_a_person_goes_through_the_list_in_a_browser(tmp_path):
    """By mouse and by key: the next one is there after the vote, and the names of the last on request."""
    models = read_recorded_roster(answers_file(tmp_path, 3, ["ada-1815", "bob"]))
    with chromium() as browser, open_arena(tmp_path, models, QUICK) as arena:
        context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
        tab = Tab(context, arena.url).open().until("empty")
        tab.picture("review-start")
        tab.page.click("text=Judge all 3, one after the other")
        tab.page.wait_for_selector("text=Comparison 1 of 3")
        tab.until("ready")
        battle = tab.battle()
        tab.page.click("#ag-vote-a")
        tab.page.wait_for_selector("text=Comparison 2 of 3")
        tab.until("ready")
        assert tab.battle() != battle
        assert tab.page.evaluate("document.activeElement.tagName") == "H1"
        assert tab.text(".ag-before summary").startswith("You preferred A. Your vote is counted.")
        assert not tab.page.is_visible("text=ada-1815")
        tab.page.click(".ag-before summary")
        assert tab.page.is_visible(".ag-before >> text=ada-1815") and tab.page.is_visible(
            ".ag-before >> text=bob"
        )
        tab.picture("review-second")
        tab.vote_by_key("b")
        tab.page.wait_for_selector("text=Comparison 3 of 3")
        tab.until("ready").page.reload()
        tab.until("ready").page.wait_for_selector("text=Comparison 3 of 3")
        tab.vote_by_key("e")
        tab.until("empty")
        assert tab.text("h1") == "You have judged all 3."
        tab.picture("review-end")
        tab.page.go_back()
        tab.until("voted")
        assert "All 3 judged" in tab.text()
        assert arena.log.counted() == 3
        assert tab.errors == []
        context.close()
