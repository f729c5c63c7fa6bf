"""The story of a vote in a real browser, asserted on the page and in the log."""

import os

import duckdb
import pytest

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.roster import Contestant, ModelCard, Roster
from tests.support.arena_server import Scripted, Thinking, open_arena, roster
from tests.support.browser import DESKTOP, PHONE, Tab, chromium
from tests.support.hostile import HANDLERS, PAYLOADS, RUN, SCRIPTS

RICH = """Use the **Wilson interval**, with $\\hat p = 0.15$:

$$\\tilde p = \\frac{\\hat p + z^2/2n}{1 + z^2/n}$$

```python
def wilson(k, n, z=1.96):
    return (k + z * z / 2) / (n + z * z)
```

| Method | Lower | Upper |
| --- | ---: | ---: |
| Wald | 7.2% | 22.8% |
| Wilson | 8.8% | 24.4% |

So report *15%, from 8.8 to 24.4*, rather than a bare 15%."""


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    models = roster(*(Scripted(f"{RICH}\n\nThis is answer {n}.", gap=0.004) for n in range(4)))
    with open_arena(tmp_path_factory.mktemp("log"), models) as opened:
        yield opened


@pytest.fixture
def tab(browser, server):
    context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
    one = Tab(context, server.url)
    yield one
    assert one.errors == []
    assert one.elsewhere == []
    context.close()


def vote_of(server, battle):
    vote = server.log.vote(battle)
    return vote and (vote.places, vote.acceptable)


def test_the_story_of_a_vote(tab, server):
    before = server.log.count()
    tab.open().until("empty")
    assert tab.page.is_visible("text=You judge blind")
    assert not tab.page.is_visible("#ag-votes")
    tab.ask("How do I put a 95% interval around 12 of 80?").until("streaming")
    assert tab.page.is_disabled("#ag-vote-a")
    tab.until("ready")
    seen = tab.page.content()
    assert "canary" not in seen.lower()
    for piece in ("math", "pre code", "table td", "strong", "em"):
        assert tab.page.locator(f"[data-body='0'] {piece}").count(), piece
    tab.page.evaluate("document.fonts.ready")
    drawn = tab.page.evaluate("[...document.fonts].filter(f => f.status == 'loaded').map(f => f.family)")
    assert any("Agon Math" in family for family in drawn), drawn
    battle = tab.battle()
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copied = "navigator.clipboard.readText()"
    tab.page.click("[data-side='0'] .ag-bar .ag-copy")
    tab.page.wait_for_selector(".ag-copy:has-text('Copied')")
    assert RICH in tab.page.evaluate(copied), "as it was written"
    tab.page.focus("[data-side='1'] .ag-code .ag-copy")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("[data-side='1'] .ag-copy:has-text('Copied')")
    assert tab.page.evaluate(copied).startswith("def wilson(k, n, z=1.96):\n    return")
    tab.picture("copied")
    tab.page.click("#ag-vote-b")
    tab.until("voted")
    assert "Canary" in tab.text("h1")
    assert tab.page.evaluate("document.activeElement.tagName") == "H1"
    assert tab.page.inner_text("[data-your-votes]") == "1"
    assert vote_of(server, battle) == ((2, 1), None)
    assert server.log.count() == before + 1
    shown = tab.page.locator(".ag-model").all_inner_texts()
    tab.page.focus("[data-do='next']")
    tab.page.keyboard.press("Tab")  # the reasons follow the next battle
    tab.page.keyboard.press("Space")
    tab.page.focus("#ag-said")
    tab.page.keyboard.type("no nonsense")
    tab.page.set_viewport_size({"width": 320, "height": 700})
    tab.page.keyboard.press("Tab")
    top = tab.page.evaluate("scrollY")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("[data-kept]:has-text('Kept')")
    assert tab.page.evaluate("[scrollY, document.documentElement.scrollWidth]") == [top, 320]
    said = [(one.reasons, one.comment) for one in server.log.remarks(battle)]
    assert said == [(("correct",), "no nonsense")]
    tab.picture("remarks-320")
    tab.page.set_viewport_size(DESKTOP)
    tab.open("/leaderboard")
    for name in shown:
        assert tab.page.is_visible(f"text={name}")


def test_keys_type_letters_while_one_types(tab, server):
    tab.open().ask("Why?").until("ready")
    before = server.log.count()
    tab.page.click("#ag-prompt textarea")
    tab.page.keyboard.type("a b e x")
    assert tab.page.input_value("#ag-prompt textarea") == "a b e x"
    assert server.log.count() == before


def test_keys_can_be_switched_off(tab, server):
    tab.open().ask("Why?").until("ready")
    before = server.log.count()
    tab.page.click("#ag-keys")
    assert "off" in tab.page.inner_text("#ag-keys")
    tab.page.locator("h1").first.focus()
    tab.vote_by_key("a")
    tab.page.wait_for_timeout(400)
    assert server.log.count() == before
    tab.page.click("#ag-keys")


def test_a_follow_up_typed_beside_the_box_is_no_vote(tab, server):
    """Letters in a row are writing, wherever the focus is; so are those of somebody who has not read yet."""
    tab.open().ask("Why?").until("ready")
    before = server.log.count()
    tab.page.keyboard.press("a")
    tab.page.wait_for_timeout(1_200)
    tab.page.keyboard.type("be a bit exact", delay=90)
    tab.page.wait_for_timeout(500)
    assert server.log.count() == before
    assert tab.page.get_attribute("body", "data-state") == "ready"


def test_shift_and_enter_make_a_line(tab):
    tab.open()
    tab.page.click("#ag-prompt textarea")
    tab.page.keyboard.type("one")
    tab.page.keyboard.press("Shift+Enter")
    tab.page.keyboard.type("two")
    assert tab.page.input_value("#ag-prompt textarea") == "one\ntwo"
    assert tab.page.get_attribute("body", "data-state") == "empty"
    tab.page.keyboard.press("Enter")
    tab.until("ready")
    assert "one\ntwo" in tab.text(".ag-q p")


def test_a_paste_beyond_the_limit_is_refused_aloud_and_not_cut(tab):
    tab.open()
    tab.page.fill("#ag-prompt textarea", "word " * 2_000)
    tab.page.press("#ag-prompt textarea", "Enter")
    tab.page.wait_for_selector("#ag-alert:not([hidden])")
    assert "9,999 characters; this arena takes up to 8,000" in tab.text("#ag-alert")
    assert len(tab.page.input_value("#ag-prompt textarea")) == 10_000
    tab.errors.clear()  # the refusal's own 422


def test_a_stopped_answer_is_judged_against_a_whole_one_only_when_asked(browser, tmp_path):
    models = roster(Scripted("whole"), Scripted("word " * 400, gap=0.5))
    with open_arena(tmp_path, models) as server:
        tab = Tab(browser.new_context(viewport=DESKTOP), server.url).open().ask("Why?").until("streaming")
        tab.page.wait_for_selector(".ag-st:has-text('Finished')")
        tab.page.wait_for_timeout(500)
        tab.page.click("[data-do=stop]")
        tab.until("ready")
        assert "was stopped" in tab.text("#ag-hint")
        tab.page.click("#ag-vote-b")
        tab.page.wait_for_selector("#ag-alert:not([hidden])")
        assert "Nothing is counted yet" in tab.text("#ag-alert")
        assert server.log.count() == 0
        tab.page.click("#ag-vote-b")
        tab.until("voted")
        assert server.log.count() == 1


def test_every_turn_can_be_read_again_with_its_thoughts_and_nothing_is_cut(browser, tmp_path):
    with open_arena(tmp_path, roster(Thinking(), Thinking())) as server:
        for size in (DESKTOP, PHONE):
            tab = Tab(browser.new_context(viewport=size), server.url).open().ask("First?").until("ready")
            tab.ask("Second?").page.wait_for_selector("text=Turn 1")
            tab.until("ready").page.evaluate("document.activeElement.blur()")
            tab.vote_by_key("a")
            tab.until("voted")
            assert "canary-thought" not in tab.text()
            for summary in tab.page.locator("summary").all():
                summary.click()
            assert tab.text().count("canary-thought-1") == tab.text().count("canary-thought-2") == 2
            cut = "all => all.filter(e => e.scrollHeight > e.clientHeight + 1).length"
            assert tab.page.locator(".ag-peek .ag-body").evaluate_all(cut) == 0
            assert tab.page.locator(".ag-peek .ag-body").count() == 8


def test_focus_stays_away_from_the_votes(tab):
    """Enter on the button that stops both answers must not become a vote when it is pressed once more."""
    tab.open().ask("Why?").until("streaming")
    tab.page.focus("[data-do=stop]")
    tab.page.keyboard.press("Enter")
    tab.until("ready")
    assert tab.page.evaluate("document.activeElement.closest('.ag-vote') === null")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_timeout(300)
    assert tab.page.get_attribute("body", "data-state") == "ready"


def test_a_double_click_is_one_vote(tab, server):
    tab.open().ask("Why?").until("ready")
    battle, before = tab.battle(), server.log.count()
    tab.page.dblclick("#ag-vote-a")
    tab.until("voted")
    tab.page.wait_for_timeout(300)
    assert vote_of(server, battle) == ((1, 2), None)
    assert server.log.count() == before + 1


def test_two_tabs_are_two_battles(browser, server):
    context = browser.new_context(viewport=DESKTOP)
    one, two = Tab(context, server.url).open(), Tab(context, server.url).open()
    one.ask("First?").until("streaming")
    two.ask("Second?").until("streaming")
    one.until("ready")
    two.until("ready")
    assert one.battle() != two.battle()
    assert "First?" in one.text()
    assert "Second?" in two.text()
    one.page.click("#ag-vote-a")
    two.page.click("#ag-vote-both_bad")
    one.until("voted")
    two.until("voted")
    assert vote_of(server, one.battle()) == ((1, 2), None)
    assert vote_of(server, two.battle()) == ((1, 1), (False, False))
    assert one.errors == two.errors == []
    context.close()


def test_a_second_vote_is_refused_and_the_first_is_shown(browser, server):
    context = browser.new_context(viewport=DESKTOP)
    one = Tab(context, server.url).open().ask("Why?").until("ready")
    two = Tab(context, server.url).open(f"/?battle={one.battle()}").until("ready")
    one.page.click("#ag-vote-a")
    one.until("voted")
    two.page.click("#ag-vote-b")
    two.until("voted")
    assert "already counted" in two.text("#ag-alert")
    assert "You preferred A" in two.text("h1")
    assert vote_of(server, one.battle()) == ((1, 2), None)
    context.close()


def test_the_back_button_shows_what_was_and_counts_nothing(tab, server):
    tab.open().ask("Why?").until("ready")
    battle = tab.battle()
    tab.page.click("#ag-vote-a")
    tab.until("voted")
    before = server.log.count()
    tab.page.keyboard.press("n")
    tab.until("empty")
    tab.page.go_back()
    tab.until("voted")
    assert tab.battle() == battle
    assert not tab.page.is_visible("#ag-votes")
    tab.vote_by_key("b")
    tab.page.wait_for_timeout(300)
    assert server.log.count() == before
    tab.page.go_forward()
    tab.until("empty")


def test_next_and_same_prompt_again(tab):
    tab.open().ask("Once more?").until("ready")
    first = tab.battle()
    tab.vote_by_key("x")
    tab.until("voted")
    tab.page.keyboard.press("r")
    tab.until("ready")
    assert tab.battle() != first
    assert "Once more?" in tab.text()


def test_a_link_with_a_prompt_waits_for_who_opened_it(tab):
    """As `agon route-server` gives them: the prompt is in the box, and leaves the address."""
    tab.page.goto(f"{tab.url}/#prompt=Why%20%26%20how%3F%0A%C3%84")
    assert tab.page.input_value("#ag-text") == "Why & how?\nÄ"
    assert "#" not in tab.page.url
    assert not tab.page.query_selector("[data-state=streaming]")
    tab.page.press("#ag-text", "Enter")
    tab.until("ready")
    assert "Why & how?" in tab.text()


def test_an_example_starts_a_battle(tab):
    tab.open()
    tab.page.click('[data-do="example"]')
    tab.until("ready")
    assert "Why?" in tab.text()


def test_a_follow_up_goes_to_both(tab):
    tab.open().ask("First?").until("ready")
    tab.ask("And then?").until("streaming")
    tab.until("ready")
    assert "And then?" in tab.text()
    assert "Turn 1: First?" in " ".join(tab.text().split())
    tab.page.click("#ag-vote-tie")
    tab.until("voted")


def test_an_empty_prompt_is_answered_where_one_looks(tab):
    tab.open().ask("   ")
    tab.page.wait_for_selector("#ag-alert:not([hidden])")
    assert "Write a prompt" in tab.text("#ag-alert")
    assert tab.page.get_attribute("body", "data-state") == "empty"
    tab.errors.clear()  # the browser itself notes the 422


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    models = roster(*(Scripted(RICH * 40, gap=0.02) for _ in range(3)))
    with open_arena(tmp_path_factory.mktemp("slow"), models) as opened:
        yield opened


def test_reload_in_the_middle_goes_on(browser, slow):
    context = browser.new_context(viewport=DESKTOP)
    tab = Tab(context, slow.url).open().ask("Why?").until("streaming")
    tab.grown('[data-body="0"]', 20)
    battle = tab.battle()
    tab.page.reload()
    tab.until("streaming")
    assert tab.battle() == battle
    length = len(tab.text('[data-body="0"]'))
    tab.grown('[data-body="0"]', length)
    tab.page.keyboard.press("Escape")
    tab.until("ready")
    assert tab.text('.ag-st[data-status="0"]') == "Stopped"
    tab.page.click("#ag-vote-a")
    tab.until("voted")
    assert vote_of(slow, battle) == ((1, 2), None)
    assert tab.errors == []
    context.close()


def test_nothing_jumps_while_answers_are_written(browser, slow):
    context = browser.new_context(viewport=DESKTOP)
    tab = Tab(context, slow.url).open().ask("Why?").until("streaming")
    places = set()
    for _ in range(8):
        tab.page.wait_for_timeout(150)
        box = tab.page.locator("[data-side='0'] .ag-bar").bounding_box()
        places.add((round(box["x"]), round(box["y"]), round(box["width"])))
    assert len(places) == 1
    tab.page.click('[data-do="stop"]')
    tab.until("ready")
    box = tab.page.locator("[data-side='0'] .ag-bar").bounding_box()
    assert (round(box["x"]), round(box["y"]), round(box["width"])) in places
    context.close()


def test_the_vote_is_in_reach_however_long_the_answers_are(browser, tmp_path):
    with open_arena(tmp_path, roster(Scripted("paragraph\n\n" * 100), Scripted("short"))) as server:
        for size in (DESKTOP, PHONE):
            context = browser.new_context(viewport=size)
            tab = Tab(context, server.url).open().ask("Why?").until("ready")
            box = tab.page.locator("#ag-vote-b").bounding_box()
            assert box["y"] + box["height"] < size["height"]
            context.close()


def test_failures_are_told_and_never_votable(browser, tmp_path):
    models = roster(
        Scripted(RICH, gap=0.01),
        Scripted(RICH, gap=0.01),
        Scripted("Half of an answer", fails="interrupted", after=2),
    )
    with open_arena(tmp_path, models, ArenaSettings(seed=3)) as server:
        context = browser.new_context(viewport=DESKTOP)
        tab = Tab(context, server.url).open()
        for _ in range(10):
            tab.ask("Why?").until("ready")
            if "was replaced" in tab.text():
                break
            tab.vote_by_key("x")
            tab.until("voted")
            tab.page.keyboard.press("n")
            tab.until("empty")
        assert "was replaced" in tab.text()
        tab.picture("replaced-desktop-light")
        context.close()
    models = roster(*(Scripted("Half", fails="timeout", after=1) for _ in range(2)))
    with open_arena(tmp_path / "void", models) as server:
        context = browser.new_context(viewport=DESKTOP)
        tab = Tab(context, server.url).open().ask("Why is this?").until("void")
        assert "Nothing was counted" in tab.text("h1")
        assert "canary" not in tab.page.content().lower()
        assert not tab.page.is_visible("#ag-votes")
        tab.picture("void-desktop-light")
        tab.page.click('[data-do="edit"]')
        tab.until("empty")
        assert tab.page.input_value("#ag-prompt textarea") == "Why is this?"
        assert server.log.count() == 0
        context.close()


def test_when_the_arena_is_gone_the_page_says_so_and_keeps_the_prompt(browser, tmp_path):
    context = browser.new_context(viewport=DESKTOP)
    with open_arena(tmp_path, roster(Scripted(), Scripted())) as server:
        tab = Tab(context, server.url).open()
    tab.ask("Still here?")
    tab.page.wait_for_selector("#ag-alert:not([hidden])")
    assert "cannot be reached" in tab.text("#ag-alert")
    assert tab.page.input_value("#ag-prompt textarea") == "Still here?"
    context.close()


def test_hostile_answers_prompts_and_names_stay_text(browser, tmp_path):
    """The whole battle, with hundreds of attacks in both answers, the prompt and the names."""
    texts = ["\n\n".join(PAYLOADS[start::2]) for start in (0, 1)]
    contestants = tuple(
        Contestant(ModelCard(f"hostile {n}", f"<img src=x onerror='{RUN}'>{n}", SCRIPTS[0]), Scripted(text))
        for n, text in enumerate(texts)
    )
    with open_arena(tmp_path, Roster(contestants)) as server:
        context = browser.new_context(viewport=DESKTOP)
        tab = Tab(context, server.url).open()
        dialogs = []
        tab.page.on("dialog", lambda dialog: dialogs.append(dialog.message) or dialog.dismiss())
        tab.ask(f"<script>{RUN}</script> {HANDLERS[0]}").until("ready")
        boxes = [tab.page.locator(f"#ag-vote-{key}").bounding_box() for key in ("a", "tie", "both_bad", "b")]
        for box, key in zip(boxes, ("a", "tie", "both_bad", "b"), strict=True):
            middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
            on_top = tab.page.evaluate(
                "([x, y]) => document.elementFromPoint(x, y)?.closest('button')?.id", middle
            )
            assert on_top == f"ag-vote-{key}"
        tab.page.click("#ag-vote-a")
        tab.until("voted")
        tab.page.click(".ag-peek summary")
        assert "<img src=x" in tab.text(".ag-model >> nth=0")
        tab.open("/leaderboard")
        tab.page.wait_for_timeout(500)
        assert tab.page.evaluate("window.pwned") is None
        assert (dialogs, tab.elsewhere, tab.errors) == ([], [], [])
        context.close()


def test_every_control_has_a_name_and_focus_goes_in_order(tab):
    tab.open().ask("Why?").until("ready")
    unnamed = tab.page.evaluate(
        """() => [...document.querySelectorAll('button, a, textarea, input, select')]
        .filter((one) => one.offsetParent !== null)
        .filter((one) => !(one.innerText || one.ariaLabel || one.labels?.length || '').toString().trim())
        .map((one) => one.outerHTML.slice(0, 80))"""
    )
    assert unnamed == []
    assert tab.page.locator("h1").count() == 1
    assert tab.page.get_attribute("#ag-votes", "aria-label") == "Your vote"
    for slot, name in enumerate(("Answer A", "Answer B")):
        assert tab.page.get_by_role("region", name=name).count() == 1, slot
    order = tab.page.evaluate(
        """() => [...document.querySelectorAll('.ag-vote, #ag-prompt textarea, [data-side]')]
        .map((one) => one.id || one.dataset.side || 'prompt')"""
    )
    assert order == ["0", "1", "ag-vote-a", "ag-vote-tie", "ag-vote-both_bad", "ag-vote-b", "ag-text"]


PICTURED = bool(os.environ.get("AGON_PICTURES"))  # a theme changes no width: the dark ones are for eyes
SIZES = [("desktop", DESKTOP), ("phone", PHONE)]


@pytest.mark.parametrize("scheme", ["light", "dark"] if PICTURED else ["light"])
@pytest.mark.parametrize(("name", "size"), SIZES, ids=["desktop", "phone"])
def test_every_state_fits_the_screen_and_is_pictured(browser, server, name, size, scheme):
    context = browser.new_context(viewport=size, color_scheme=scheme)
    tab = Tab(context, server.url).open()

    def look(state):
        tab.picture(f"{state}-{name}-{scheme}")
        wide = tab.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{state} is {wide} px too wide"

    look("empty")
    tab.ask("How do I put a 95% confidence interval around 12 of 80?").until("streaming")
    tab.page.wait_for_timeout(200)
    look("streaming")
    tab.until("ready")
    look("ready")
    tab.page.click("#ag-vote-a")
    tab.until("voted")
    look("voted")
    tab.open("/leaderboard")
    tab.page.wait_for_timeout(500)
    look("leaderboard")
    tab.open("/about")
    look("about")
    assert tab.errors == []
    assert tab.elsewhere == []
    context.close()


def test_votes_by_key_are_in_the_database_after_the_arena_is_closed(browser, tmp_path):
    with open_arena(tmp_path, roster(Scripted(), Scripted(), Scripted())) as server:
        context = browser.new_context(viewport=DESKTOP)
        tab, cast = Tab(context, server.url).open(), {}
        for number, key in enumerate("aexb"):
            tab.ask(f"Why {number}?").until("ready")
            cast[tab.battle()] = (
                {"a": [1, 2], "b": [2, 1]}.get(key, [1, 1]),
                [False] * 2 if key == "x" else None,
            )
            tab.page.locator("h1").first.focus()
            tab.vote_by_key(key)
            tab.until("voted")
            tab.page.keyboard.press("n")
            tab.until("empty")
        context.close()
    with duckdb.connect(str(tmp_path / "agon.duckdb"), read_only=True) as database:
        votes = database.execute(
            "SELECT battle_id, places, acceptable FROM votes JOIN ballots USING (ballot)"
        ).fetchall()
        assert {str(battle).replace("-", ""): tuple(ballot) for battle, *ballot in votes} == cast
        battles = database.execute("SELECT prompt FROM turns ORDER BY created").fetchall()
        assert [prompt for (prompt,) in battles] == [f"Why {number}?" for number in range(4)]
        assert database.execute("SELECT count(*) FROM generations").fetchone() == (8,)
