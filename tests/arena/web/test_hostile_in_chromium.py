"""Hostile answers in a real browser: nothing runs, nothing is loaded, nothing is drawn outside the box.

The page has no Content-Security-Policy: what is tested is the text itself and the box, not the third wall.
"""

import io
import shutil

import numpy as np
import pytest

from agon.arena.web.markdown.markdown import answer_html
from tests.support.hostile import COVER, PAYLOADS, REMOTE, RUN
from tests.support.paths import REPOSITORY

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is in the dev extra")
Image = pytest.importorskip("PIL.Image")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")

STATIC = REPOSITORY / "arena" / "web" / "static"
HOME = "http://arena.invalid/"
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)
DOCUMENT = """<!doctype html><meta charset=utf-8><title>Battle</title>
<link rel=stylesheet href=/static/agon.css>
<body class="ag-root light" style="margin:0;background:#fafaf7"><h1>Battle</h1>
<div class=ag-sides style="margin:20px"><section class="ag-card ag-answer ag-a" style="height:260px">
<div class=ag-bar><h2>Answer A</h2></div>
<div id=box class="{classes}" style="min-height:0">{answer}</div></section>
<section class="ag-card ag-answer ag-b"><div class=ag-bar><h2>Answer B</h2></div><div class=ag-body>b</div>
</section></div><div class=ag-votes><button class=ag-vote>A is better</button>
<button class=ag-vote>B is better</button></div>"""


class Visit:
    """One browser page that is given answers and tells what they did."""

    def __init__(self, page):
        self.page, self.body, self.asked, self.alarms = page, "", [], []
        page.route("**/*", self.answer)
        page.on("dialog", lambda dialog: (self.alarms.append(dialog.message), dialog.dismiss()))

    def answer(self, route):
        address = route.request.url
        if address == HOME:
            route.fulfill(body=self.body, content_type="text/html; charset=utf-8")
        elif address.startswith(f"{HOME}static/"):
            route.fulfill(path=STATIC / address.removeprefix(f"{HOME}static/"))
        else:
            self.asked.append(address)
            route.abort()

    def show(self, answer, *, classes="ag-body ag-md", again=False):
        """Load the page with an answer in it, touch everything in the box, and take its picture."""
        self.asked.clear()
        self.body = DOCUMENT.format(answer=answer, classes=classes)
        self.page.goto(HOME)
        if again:  # as an update of a stream would write it
            self.page.evaluate("text => { document.getElementById('box').innerHTML = text }", answer)
        box = self.page.evaluate(
            "() => { const b = box.getBoundingClientRect(); return [b.x, b.y, b.width, b.height] }"
        )
        self.page.mouse.move(box[0] + 60, box[1] + 30)
        self.page.mouse.move(box[0] + 20, box[1] + 12)
        self.page.evaluate("for (const e of document.querySelectorAll('#box *')) e.focus?.()")
        self.page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        self.page.mouse.move(1, 1)
        self.page.wait_for_timeout(30)
        picture = np.asarray(Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")).astype(int)
        x, y, width, height = (round(v) for v in box)
        picture[y : y + height, x : x + width] = 0
        return picture

    @property
    def ran(self):
        return self.page.evaluate("window.pwned !== undefined") or bool(self.alarms)


@pytest.fixture(scope="module")
def visit():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        context = browser.new_context(viewport={"width": 700, "height": 440}, reduced_motion="reduce")
        yield Visit(context.new_page())
        browser.close()


@pytest.fixture(scope="module")
def plain(visit):
    """The page with a harmless answer: what it looks like outside the box."""
    return visit.show(answer_html("Good day."))


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_hostile_answer_does_nothing(visit, plain, payload):
    picture = visit.show(answer_html(payload))
    assert not visit.ran
    assert visit.asked == []
    assert visit.page.url == HOME
    assert np.array_equal(picture, plain), f"{np.any(picture != plain, axis=2).sum()} pixels outside the box"


@pytest.mark.parametrize("payload", PAYLOADS[::9], ids=range(0, len(PAYLOADS), 9))
def test_a_hostile_answer_does_nothing_when_it_is_streamed(visit, plain, payload):
    picture = visit.show(answer_html(payload, writing=True), again=True)
    assert not visit.ran
    assert visit.asked == []
    assert np.array_equal(picture, plain)


# --------------------------------------------------------------- the same visits notice what is not cleaned


@pytest.mark.parametrize(
    "raw", [f"<script>{RUN}</script>", f"<img src=x onerror={RUN}>", f"<svg onload={RUN}>"]
)
def test_a_script_would_be_noticed(visit, raw):
    visit.show(raw)
    assert visit.ran


@pytest.mark.parametrize("raw", [f"<img src={REMOTE}/x.png>", f"<style>@import '{REMOTE}/x.css';</style>"])
def test_a_remote_load_would_be_noticed(visit, raw):
    visit.show(raw)
    assert any(address.startswith(REMOTE) for address in visit.asked)


def test_a_cover_would_be_noticed(visit, plain):
    covered = visit.show(f"<div style='{COVER}'>x</div>", classes="ag-md")
    assert not np.array_equal(covered, plain)


def test_the_box_contains_even_what_is_not_cleaned(visit, plain):
    assert np.array_equal(visit.show(f"<div style='{COVER}'>x</div>"), plain)
