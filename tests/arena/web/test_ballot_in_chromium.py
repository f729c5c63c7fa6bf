"""Ballots in a real browser, by mouse, by touch and by keyboard alone; what is read out; axe; all widths.

One server and two tabs serve the whole module: opening a page takes longer than most walks over it.
"""

from dataclasses import replace
from itertools import count

import pytest

from agon.arena.core.arena_settings import ArenaSettings
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.browser import DESKTOP, PHONE, Tab, chromium

SIZES = pytest.mark.parametrize("size", [2, 3, 4, 6], ids="K{}".format)
RANKED = pytest.mark.parametrize("size", [3, 4, 6], ids="K{}".format)
PROMPTS = count(1)  # never the same prompt twice: an earlier vote would have told who answered it


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    models = roster(*(Scripted(f"**Answer** number {n}.\n\n" + "More of it. " * 40) for n in range(6)))
    with open_arena(tmp_path_factory.mktemp("log"), models, ArenaSettings(answers=6, seed=7)) as opened:
        yield opened


def open_tab(browser, server, **more):
    context = browser.new_context(reduced_motion="reduce", **more)
    tab = Tab(context, server.url).open()
    yield tab
    context.close()
    assert (tab.errors, tab.elsewhere) == ([], [])


@pytest.fixture(scope="module")
def desk(browser, server):
    yield from open_tab(browser, server, viewport=DESKTOP)


@pytest.fixture(scope="module")
def phone(browser, server):
    yield from open_tab(browser, server, viewport=PHONE, has_touch=True, is_mobile=True)


def new_battle(tab, server, size):
    """Leave the revealed battle, or whatever a failed test left, and ask for a battle of so many answers."""
    server.arena.settings = replace(server.arena.settings, answers=size)
    if tab.page.locator("body[data-state=voted]").count():
        tab.page.click('[data-do="next"]')
    else:
        tab.open()
    return tab.until("empty").ask(f"Why {next(PROMPTS)}?").until("ready")


def cast(tab, server, size):
    battle = tab.battle()
    tab.until("voted")
    vote = server.log.vote(battle)
    assert vote.blind
    shown = tab.page.locator(".ag-model").all_inner_texts()
    assert len(shown) == size and all("Canary" in name for name in shown)
    return vote.places, vote.acceptable


def drag(tab, what, to, share):
    """Take an item by its grip and drop it on a row, at this share of the row's height."""
    grip = tab.page.locator(f'[data-places] [data-item="{what}"] [data-grip]').bounding_box()
    row = tab.page.locator(to).first.bounding_box()
    mouse = tab.page.mouse
    mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2)
    mouse.down()
    mouse.move(row["x"] + 60, row["y"] + row["height"] / 2)
    mouse.move(row["x"] + 60, row["y"] + share * row["height"], steps=3)
    mouse.up()


@SIZES
def test_by_mouse(desk, server, size):
    """B first, A tied with it by dropping it there; C below the line, and the others without a place."""
    tab = new_battle(desk, server, size)
    if size == 2:
        assert not tab.page.locator("[data-ballot]").count()
        tab.page.click("#ag-vote-tie")
        assert cast(tab, server, size) == ((1, 1), None)
        return
    assert not tab.page.is_visible("#ag-votebar")
    assert tab.page.is_disabled('[data-do="send"]')
    head = tab.page.locator(".ag-sendrow").bounding_box()
    drag(tab, 1, '[data-index="0"]', 0.5)
    drag(tab, 0, '[data-index="0"]', 0.5)
    assert tab.text("[data-reads]").startswith("Reads as A = B, above C")
    drag(tab, 2, '[data-item="line"]', 0.9)
    others = "DEF"[: size - 3]
    bad = ", ".join("C" + others)
    assert tab.text("[data-reads]").endswith(f"Not acceptable: {bad}.")
    assert tab.text("#ag-live") == "C is in place 2 of 2, not acceptable."
    drag(tab, 2, '[data-index="0"]', 0.1)
    assert tab.text("[data-reads]").startswith("Reads as C > A = B")
    tab.page.click('[data-do="undo"]')
    assert tab.text("#ag-live").startswith("Undone. Reads as A = B > C")
    drag(tab, "line", '[data-index="0"]', 0.1)
    assert tab.text("#ag-live").startswith("Not acceptable: A, B, C")
    drag(tab, "line", '[data-index="1"]', 0.9)
    now = tab.page.locator(".ag-sendrow").bounding_box()
    assert now == head, "nothing jumps"
    assert server.log.vote(tab.battle()) is None
    tab.page.click('[data-do="send"]')
    assert cast(tab, server, size) == ((1, 1, 2) + (None,) * (size - 3), (True, True) + (False,) * (size - 2))


@SIZES
def test_by_touch(phone, server, size):
    """The last answer first, then the others by their chips; then just the best of them."""
    tab = new_battle(phone, server, size)
    if size == 2:
        tab.page.tap("#ag-vote-b")
        assert cast(tab, server, size) == ((2, 1), None)
        return
    for slot in reversed(range(size)):
        tab.page.tap(f'[data-strip] [data-slot="{slot}"]')
    names = "ABCDEF"[:size]
    assert tab.text("[data-reads]") == f"Reads as {' > '.join(reversed(names))}."
    tab.page.tap('[data-places] [data-move="equal"][data-slot="0"]')
    tab.page.tap('[data-places] [data-move="down"][data-slot="line"]')
    assert tab.text("#ag-live") == "That changes nothing."
    assert tab.text("[data-reads]").endswith("B = A." if size == 2 else "A = B.")
    tab.page.tap('[data-do="tab"][data-slot="1"]')
    tab.page.wait_for_timeout(300)
    box = tab.page.locator("[data-side='1']").bounding_box()
    assert 0 <= box["x"] < 60
    tab.page.tap('[data-do="best"]')
    assert tab.text("[data-send]") == "Send just the best"
    tab.page.tap('[data-do="send"]')
    assert cast(tab, server, size) == ((None,) * (size - 1) + (1,), None)


@SIZES
def test_by_keyboard_alone(desk, server, size):
    """C first, A and B tied, the line moved and back: letters, digits, =, arrows and Enter alone."""
    tab = new_battle(desk, server, size)
    keys = tab.page.keyboard
    if size == 2:
        tab.vote_by_key("a")
        assert cast(tab, server, size) == ((1, 2), None)
        return
    keys.press("a")
    assert not tab.page.locator(".ag-it.ag-on").count(), "nobody has read yet"
    tab.page.wait_for_timeout(1_100)
    names = "ABCDEF"[:size]
    keys.press("1")
    assert tab.text("#ag-live").startswith("Pick an answer first: A, B, C")
    for number, name in enumerate(names, start=1):
        keys.press(name)
        keys.press(str(number))
    assert tab.text("#ag-live") == f"{names[-1]} is in place {size} of {size}."
    for key in ("c", "1", "b", "="):
        keys.press(key)
    assert tab.text("#ag-live") == f"B is in place 2 of {size - 1}, tied with A."
    for key in ("-", "ArrowUp"):
        keys.press(key)
    last = "A = B" if size == 3 else names[-1]
    assert tab.text("#ag-live") == f"Not acceptable: {last.replace(' =', ',')}."
    for key in ("u", "u", "="):
        keys.press(key)
    assert tab.text("[data-reads]").startswith("Reads as C > A")
    keys.press("b")
    keys.press("=")
    tab.page.click("#ag-prompt textarea")
    keys.type("a1b2-")
    assert tab.page.input_value("#ag-prompt textarea") == "a1b2-"
    reads = tab.text("[data-reads]")
    tab.page.reload()
    tab.until("ready")
    assert tab.text("[data-reads]") == reads, "the ranking outlives a reload"
    tab.page.wait_for_timeout(1_100)
    keys.press("Enter")
    assert tab.page.evaluate("document.activeElement.dataset.do") == "send"
    assert tab.text("#ag-live").endswith("Press Enter to send it.")
    assert server.log.vote(tab.battle()) is None
    keys.press("Enter")
    places, acceptable = cast(tab, server, size)
    assert (places[2], acceptable) == (1, None)
    assert None not in places
    assert tab.page.evaluate("document.activeElement.tagName") == "H1"


def said_politely(tab):
    """What the browser tells a screen reader of the region of moves: its text, if it is a polite status."""
    devtools = tab.page.context.new_cdp_session(tab.page)
    nodes = {node["nodeId"]: node for node in devtools.send("Accessibility.getFullAXTree")["nodes"]}
    texts = []
    for node in nodes.values():
        told = {one["name"]: one["value"].get("value") for one in node.get("properties", [])}
        if node.get("role", {}).get("value") == "status" and told.get("live") == "polite":
            held = [nodes[child] for child in node["childIds"]]
            texts.append(
                " ".join(child["name"]["value"] for child in held if child["role"]["value"] == "StaticText")
            )
    return " ".join(text for text in texts if text)


def test_every_move_has_a_button_that_keeps_the_focus(desk, server):
    tab = new_battle(desk, server, 4)
    for slot in (0, 1, 2, 3):
        tab.page.focus(f'[data-places] [data-move="add"][data-slot="{slot}"]')
        tab.page.keyboard.press("Enter")
    tab.page.focus('[data-places] [data-move="up"][data-slot="3"]')
    for _ in range(3):
        tab.page.keyboard.press("Space")
    assert tab.text("[data-reads]") == "Reads as D > A > B > C."
    assert said_politely(tab) == "D is in place 1 of 4."
    assert tab.page.evaluate("document.activeElement.getAttribute('aria-label')") == "Move D up"
    tab.page.focus('[data-places] [data-move="back"][data-slot="0"]')
    tab.page.keyboard.press("Enter")
    assert tab.text("[data-reads]") == "Reads as D > B > C, above A."


LOOKS = [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark"), (320, "light")]
GROWN = "e => e.querySelector('.ag-body').getBoundingClientRect().bottom > e.getBoundingClientRect().bottom"
VIOLATIONS = """axe.run('#ag-view', {resultTypes: ['violations'], RULES}).then(found => found.violations.map(
  one => [one.id, one.nodes[0].html.slice(0, 200), one.nodes[0].failureSummary]))"""


@RANKED
def test_it_fits_and_axe_finds_nothing(desk, server, size):
    """Six answers hold whatever fewer do, so of those axe sees the ranking once; dark differs in colours."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is in the dev extra").Axe()
    tab = new_battle(desk, server, size)
    tab.page.evaluate(axe.axe_script)

    def look(state):
        for width, scheme in LOOKS:
            tab.page.set_viewport_size({"width": width, "height": 844})
            tab.page.emulate_media(color_scheme=scheme)
            tab.picture(f"ballot-{size}-{state}-{width}-{scheme}")
            assert tab.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, state
            assert not tab.page.evaluate(
                f"[...document.querySelectorAll('.ag-many .ag-answer')].some({GROWN})"
            )
            if size == 6 or (state, width, scheme) == ("ranked", 1440, "light"):
                rules = "runOnly: ['color-contrast']" if scheme == "dark" else ""
                assert tab.page.evaluate(VIOLATIONS.replace("RULES", rules)) == [], (state, width, scheme)

    try:
        look("empty")
        for slot in (2, 0, 1):
            tab.page.click(f'[data-strip] [data-slot="{slot}"]')
        tab.page.click('[data-places] [data-move="equal"][data-slot="0"]')
        tab.page.click('[data-places] [data-move="up"][data-slot="line"]')
        tab.page.click('[data-places] [data-move="pick"][data-slot="0"]')
        look("ranked")
        tab.page.click('[data-do="send"]')
        tab.until("voted")
        tab.page.wait_for_selector("[data-change] .ag-change")
        look("voted")
    finally:
        tab.page.set_viewport_size(DESKTOP)
        tab.page.emulate_media(color_scheme="light")


def test_those_that_fail_are_told_and_have_no_chip(desk, server):
    failing = [one.backend for one in server.arena.roster.contestants[:2]]
    for backend in failing:
        backend.fails, backend.after = "interrupted", 1
    try:
        tab = new_battle(desk, server, 6)
        assert tab.text().count("was left out") == 2
        assert tab.page.locator("[data-strip] button").count() == 4
        assert "canary" not in tab.page.content().lower()
        tab.picture("ballot-left-out-desktop-light")
        for chip in range(4):
            tab.page.locator("[data-strip] button").nth(3 if chip == 0 else -1).click()
        tab.page.click('[data-do="send"]')
        tab.until("voted")
        assert tab.page.locator(".ag-model").count() == 4
    finally:
        for backend in failing:
            backend.fails = None
