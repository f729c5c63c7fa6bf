"""A study in a real browser: from the link to the thanks, drafts, four answers on a phone; axe."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from agon.arena.core.roster import Example
from agon.arena.core.studies.study_plan import AttentionItem, StudyPlan
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.browser import DESKTOP, PHONE, Tab, chromium

PROMPTS = (Example("Why does it rain?", "p1"), Example("Why does it snow?", "p2"))
ASKS = {
    "criteria": ("helpfulness", "truth"),
    "rating": True,
    "reasons": ("more correct", "clearer"),
    "comment": True,
    "instructions": "Judge as if a customer had asked.",
}


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture
def study(tmp_path, browser):
    opened = []

    def begin(size, **changes):
        models = roster(*(Scripted(f"**Answer** of {n}.\n\n" + "More of it. " * 30) for n in range(size)))
        names = tuple(one.card.name for one in models.contestants)
        plan = StudyPlan("tunes", PROMPTS, names, size, until="complete", **ASKS, **changes)
        arena = open_arena(tmp_path / "log", models, plan=plan)
        server = arena.__enter__()
        opened.append((arena, []))
        one = server.study.journal.invite(1, "Ada")
        server.link = f"/study?invite={server.arena.keys.invitation_token('tunes', one.id)}"

        def open_tab(viewport=DESKTOP, **more):
            context = browser.new_context(viewport=viewport, reduced_motion="reduce", **more)
            tab = Tab(context, server.url)
            opened[-1][1].append((tab, context))
            return tab.open(server.link).until("intro")

        return server, open_tab

    yield begin
    for arena, tabs in opened:
        for tab, context in tabs:
            assert (tab.errors, tab.elsewhere) == ([], [])
            context.close()
        arena.__exit__(None, None, None)


def well(tab, name):
    """Nothing that axe finds, nothing wider than the window; a picture of it in both themes."""
    assert not tab.page.evaluate("document.documentElement.scrollWidth - innerWidth > 0")
    for theme in ("light", "dark"):
        tab.page.emulate_media(color_scheme=theme)
        found = Axe().run(tab.page).response["violations"]
        assert not found, [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]
        tab.picture(f"study-{name}-{theme}")


def test_two_answers_from_the_link_to_the_thanks(study):
    """By keyboard and mouse; what is open is said, and a page that is loaded again has what was ticked."""
    item = (AttentionItem("What is 2 + 2?", ("4", "A fish.")),)
    server, visit = study(2, attention=item)
    tab = visit()
    page = tab.page
    assert "invite" not in page.url
    well(tab, "intro")
    page.click('[data-do="next"]')
    tab.until("ready")
    assert tab.text(".ag-progress label") == "1 of 3"
    page.click('button[type="submit"]')
    assert "5 questions are open" in tab.text("#ag-alert")
    page.keyboard.press("b")
    for name, value in (("helpfulness", "a"), ("truth", "tie")):
        page.check(f'[data-criterion="{name}"][value="{value}"]', force=True)
    page.check('[name="rating-a"][value="5"]', force=True)
    page.check('[data-reason="clearer"]', force=True)
    page.fill("#ag-comment", "Näher dran.")
    assert tab.text("[data-missing]") == "Open: How good is B"
    page.reload()
    tab.until("intro")
    page.click('[data-do="next"]')
    tab.until("ready")
    assert page.input_value("#ag-comment") == "Näher dran."
    page.check('[name="rating-b"][value="2"]', force=True)
    well(tab, "task")
    seen = []
    for number in (1, 2, 3):
        assert tab.text(".ag-progress label") == f"{number} of 3"
        seen.append(tab.text(".ag-q"))
        if number > 1:
            page.keyboard.press("b")
            for name in ("helpfulness", "truth"):
                page.check(f'[data-criterion="{name}"][value="tie"]', force=True)
            for letter in "ab":
                page.check(f'[name="rating-{letter}"][value="4"]', force=True)
            assert page.input_value("#ag-comment") == "", "a draft is of one task"
        assert "anary" not in page.content()
        page.locator("h1").first.focus()
        page.keyboard.press("Enter")
        if number < 3:
            page.wait_for_selector(f'.ag-progress label:text-is("{number + 1} of 3")')
    tab.until("thanks")
    well(tab, "thanks")
    assert len(set(seen)) == 3
    votes = [server.log.vote(drawn.battle) for drawn in server.study._drawn.values()]
    assert [vote.places for vote in votes] == [(2, 1), (2, 1)]
    key = server.arena.keys.invitation_token("tunes", "owner")
    owner = tab.open(f"/progress?key={key}")
    assert "3 of 3 tasks are done, and the study has ended." in owner.text("h1")
    well(owner, "owner")


def test_four_answers_on_a_phone(study):
    """The ballot by touch, the best by each criterion, a rating of each; then one that is skipped."""
    server, visit = study(4, groups=1)
    tab = visit(PHONE, has_touch=True, is_mobile=True)
    page = tab.page
    page.tap('[data-do="next"]')
    tab.until("ready")
    for slot in (2, 0, 1, 3):
        page.tap(f'[data-strip] [data-slot="{slot}"]')
    for name in ("helpfulness", "truth"):
        page.check(f'[data-criterion="{name}"][value="d"]', force=True)
    for number, letter in enumerate("abcd", start=2):
        page.check(f'[name="rating-{letter}"][value="{number}"]', force=True)
    assert tab.text("[data-missing]") == ""
    well(tab, "phone")
    page.tap('button[type="submit"]')
    page.wait_for_selector('.ag-progress label:text-is("2 of 2")')
    tab.until("ready")
    (vote,) = (
        server.log.vote(drawn.battle) for drawn in server.study._drawn.values() if drawn.state == "voted"
    )
    assert vote.places == (2, 3, 1, 4)
    assert vote.ratings == (2, 3, 4, 5)
    assert vote.criteria["truth"] == ((None, None, None, 1), None)
    page.tap(".ag-skipbox summary")
    page.tap('[data-do="skip"]')
    assert tab.text("#ag-alert") == "Say why you skip it."
    page.fill("#ag-skip", "not my field")
    page.tap('[data-do="skip"]')
    tab.until("thanks")
    assert sorted(drawn.state for drawn in server.study._drawn.values()) == ["skipped", "voted"]
