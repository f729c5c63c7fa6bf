"""Our own pages in a real browser under the policy they must live with, in both themes and widths."""

import shutil

import pytest

from agon.arena.web.about import about_html
from agon.arena.web.leaderboard.page import no_board_html, waiting_html
from agon.arena.web.leaderboard.query import BoardQuery
from agon.arena.web.lens.rules_page import rules_html
from agon.arena.web.lens.stability import look_through
from agon.arena.web.tastes.kinds_section import SeenTastes
from agon.arena.web.tastes.prediction_section import Predicted
from agon.ranking import Comparisons, compare_methods
from tests.support.boards import ABOUT, HTML, OFFER, VOTES, page_of
from tests.support.paths import REPOSITORY

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is in the dev extra")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")

STATIC = REPOSITORY / "arena" / "web" / "static"
HOME = "http://arena.invalid/"
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'"
LONG = tuple(f"organisation-{x}/a-very-long-model-name-70b-instruct-preview-2026-11-0{x}" for x in (1, 2, 3))
# The second beats both others narrowly; the first has most wins, for it beats the third always.
PARTING = Comparisons.from_counts(LONG, [[0, 9, 100], [11, 0, 11], [0, 9, 0]])
PAGES = {
    "parting": rules_html(look_through(PARTING), Predicted(), SeenTastes(), about=ABOUT, offer=OFFER),
    "board": HTML,
    "empty": page_of(None, 0),
    "about": about_html(votes=1),
    "rules": rules_html(
        look_through(VOTES), Predicted(compare_methods(VOTES)), SeenTastes(), about=ABOUT, offer=OFFER
    ),
    "waiting": waiting_html("Kemeny", BoardQuery(rule="kemeny"), about=ABOUT),
    "unknown": no_board_html("There is no such filter.", about=ABOUT),
}


def answer(route):
    address = route.request.url.removeprefix(HOME)
    if address in PAGES:
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": POLICY}
        route.fulfill(body=PAGES[address], headers=headers)
    elif address.startswith("static/"):
        route.fulfill(path=STATIC / address.removeprefix("static/"))
    else:
        route.abort()


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Open a page at a width and in a theme; every complaint of the browser is a failure."""
    complaints, contexts = [], []

    def open_page(name, width=1280, theme="light"):
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=theme)
        contexts.append(context)
        page = context.new_page()
        page.route("**/*", answer)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(HOME + name, wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_pages_fit_their_window_and_obey_the_policy(visit, name, width, theme):
    page = visit(name, width, theme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.documentElement.className") == theme
    assert page.evaluate("document.fonts.check('600 20px \"Agon Serif\"')")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_figures_are_drawn_with_the_colours_of_the_theme(visit, width):
    page = visit("board", width)
    assert page.locator(".ag-heat rect[fill^=var]").count() == 8

    def ink():
        return page.evaluate("getComputedStyle(document.querySelector('.ag-heat text')).fill")

    light = ink()
    changed = "fill => getComputedStyle(document.querySelector('.ag-heat text')).fill !== fill"
    page.click("[data-ag-theme]")
    page.wait_for_function(changed, arg=light)
    assert light == "rgb(71, 74, 81)"  # --ink-2 in light
    assert ink() == "rgb(189, 188, 184)"  # and in dark


def test_the_theme_is_switched_by_keyboard_and_remembered(visit):
    page = visit("about")
    page.focus("[data-ag-theme]")
    page.keyboard.press("Enter")
    assert page.evaluate("document.body.className.split(' ').includes('dark')")
    assert page.get_attribute("[data-ag-theme]", "aria-label") == "Use the light theme"
    page.reload()
    assert page.evaluate("document.documentElement.className") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 17, 20)"
    page.evaluate("document.body.classList.add('light')")  # as Gradio does by the system's setting
    assert page.evaluate("document.body.className") == "ag-root ag-page dark"
    page.evaluate("document.body.classList.remove('dark')")
    assert page.evaluate("document.body.className") == "ag-root ag-page dark"


def test_the_first_key_leads_past_the_navigation(visit):
    page = visit("board")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_narrow_screen_has_cards_and_a_wide_one_the_table(visit):
    narrow, wide = visit("board", 390), visit("board", 1280)
    assert narrow.is_visible(".ag-cards") and not narrow.is_visible(".ag-lb")
    assert wide.is_visible(".ag-lb") and not wide.is_visible(".ag-cards")
    assert narrow.evaluate("getComputedStyle(document.querySelector('.ag-top nav')).position") == "fixed"


def test_every_control_can_be_reached_and_shows_its_focus(visit):
    page = visit("board")
    seen = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("(e => e.tagName + ' ' + e.className)(document.activeElement)"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none" or page.evaluate("document.activeElement === document.body")
    assert {"A ag-chip", "BUTTON ag-iconbtn", "CODE ag-cmd", "SUMMARY "} <= seen


@pytest.mark.parametrize("width", [1280, 390])
def test_where_rules_part_nothing_is_cut_off_by_long_names(visit, width):
    table = visit("parting", width).locator(".ag-parting")
    assert table.locator("tbody tr").count() == 2
    assert table.evaluate("one => one.parentElement.scrollWidth - one.parentElement.clientWidth") == 0
