"""Images in a real browser: attached by button, paste and drop, described, removed, sent and shown."""

import base64
import hashlib
from typing import ClassVar

import pytest

from agon.arena.core.arena_settings import ArenaSettings
from agon.serving.openai_protocol.model_server import Server
from tests.support.arena_server import open_arena, roster
from tests.support.browser import DESKTOP, PHONE, Tab, chromium
from tests.support.images import image_bytes, photo
from tests.support.threaded_server import JsonHandler, ThreadedServer


class Models(JsonHandler):
    """A server of models that notes every request and answers in one piece."""

    asked: ClassVar[list] = []

    def post(self):
        self.asked.append(self.body())
        said = (
            f"I see {sum(type(m['content']) is list for m in self.asked[-1]['messages'])} turns with images."
        )
        self.reply(200, {"choices": [{"message": {"content": said}, "finish_reason": "stop"}]})

    def get(self):
        self.send_error(404)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    settings = ArenaSettings(seed=7, images=3)
    with ThreadedServer(Models) as http:
        place = Server(http.url)
        models = roster(*(place.model(name, images=True) for name in ("left", "right")))
        with open_arena(tmp_path_factory.mktemp("log"), models, settings) as opened:
            yield opened


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture
def open_tab(browser, server):
    tabs = []

    def open_one(size=DESKTOP, scheme="light", url=None):
        context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        tabs.append((context, Tab(context, url or server.url)))
        return tabs[-1][1].open().until("empty")

    yield open_one
    for context, tab in tabs:
        assert [error for error in tab.errors if "422" not in error] == []
        assert tab.elsewhere == []
        context.close()


VIOLATIONS = """axe.run({include: [['#ag-images'], ['#ag-attach'], ['.ag-shown']]}).then((found) =>
  found.violations.map((one) => [one.id, one.nodes[0].html.slice(0, 200), one.nodes[0].failureSummary]))"""


def file(name, content, kind="image/png"):
    return {"name": name, "mimeType": kind, "buffer": content}


GIVE = """([how, content, name, kind]) => {
    const given = new DataTransfer();
    given.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name, {type: kind}));
    const more = {bubbles: true, cancelable: true};
    const event = how === 'paste' ? new ClipboardEvent('paste', {clipboardData: given, ...more})
        : new DragEvent(how, {dataTransfer: given, ...more});
    document.querySelector('#ag-ask textarea').dispatchEvent(event);
    return event.defaultPrevented;
}"""


def give(tab, how, content, name="image.png", kind="image/png"):
    """Paste or drop a file; whether the page took it."""
    return tab.page.evaluate(GIVE, [how, base64.b64encode(content).decode(), name, kind])


def attached(tab, number):
    """Wait until so many images are attached and seen."""
    for _ in range(200):
        seen = tab.page.locator(".ag-thumb img").evaluate_all(
            "(all) => all.filter((one) => one.complete && one.naturalWidth).length"
        )
        if seen == number == tab.page.locator(".ag-attached").count():
            return
        tab.page.wait_for_timeout(50)
    raise AssertionError(f"{seen} of {number} images; {tab.text('#ag-ask')}")


def sent_images():
    """The bytes of the images of the last request, by message."""
    said = Models.asked[-1]["messages"]
    urls = [
        [part["image_url"]["url"] for part in message["content"] if part["type"] == "image_url"]
        for message in said
        if isinstance(message["content"], list)
    ]
    return [[base64.b64decode(url.partition(",")[2]) for url in one] for one in urls]


def test_the_story_of_a_prompt_with_images(open_tab, server):
    tab = open_tab()
    page = tab.page
    assert page.is_visible("#ag-attach")
    with page.expect_file_chooser() as chooser:
        page.click("#ag-attach")
    chooser.value.set_files([file("flag.jpg", photo(), "image/jpeg"), file("notes.png", b"not an image")])
    attached(tab, 1)
    assert page.inner_text("#ag-imagenote") == (
        "notes.png: This is no image that can be read here. Attach a PNG, JPEG, WebP or GIF."
    )
    tab.picture("images-refused")
    assert give(tab, "paste", image_bytes(colour="navy"))
    attached(tab, 2)
    assert give(tab, "dragover", b"") and page.get_attribute("#ag-ask", "data-drop") is not None
    assert give(tab, "drop", image_bytes(colour="gold"), "gold.png")
    attached(tab, 3)
    assert not page.is_visible("#ag-imagenote")
    give(tab, "paste", image_bytes(colour="navy"))
    assert "takes up to 3 images" in page.inner_text("#ag-imagenote")
    page.get_by_label("Remove image 2").focus()
    page.keyboard.press("Enter")
    attached(tab, 2)
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Remove image 2"
    assert page.inner_text("#ag-live") == "Image removed"
    page.get_by_label("Description of image 1").fill("A flag in red and white")
    tab.picture("images-attached")
    tab.ask("Which flag is this?").until("ready")
    assert "canary" not in page.content().lower()
    kept = {path.stem: path.read_bytes() for path in server.log.folder.glob("images/*.*")}
    (first,) = sent_images()
    view = page.evaluate("(id) => fetch('./api/battles/' + id).then((a) => a.json())", tab.battle())
    hashes = [hashlib.sha256(content).hexdigest() for content in first]
    assert hashes == [image["sha256"] for image in view["prompt_images"]]
    assert all(content in kept.values() for content in first) and b"Exif" not in first[0]
    shown = page.locator("#ag-view .ag-shown img")
    assert shown.evaluate_all("(all) => all.map((one) => [one.alt, one.naturalWidth])") == [
        ["A flag in red and white", 200],
        ["Image 2, not described", 80],
    ]
    assert page.locator(".ag-attached").count() == 0, "they are sent"
    tab.picture("images-ready")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is in the dev extra").Axe()
    page.set_input_files("#ag-files", [file("more.png", image_bytes(colour="gold"))])
    attached(tab, 1)
    page.evaluate(axe.axe_script)
    assert page.evaluate(VIOLATIONS) == []
    tab.ask("And this one?")
    page.wait_for_selector("#ag-view >> text=Turn 1")
    tab.until("ready")
    assert [len(turn) for turn in sent_images()] == [2, 1], "the earlier ones are sent again"
    battle = tab.battle()
    page.click("#ag-vote-a")
    tab.until("voted")
    page.locator("summary", has_text="Turn 1").click()
    assert page.locator(".ag-shown img").evaluate_all("(all) => all.length") == 3
    tab.picture("images-revealed")
    page.keyboard.press("r")
    page.wait_for_selector("body[data-state=ready]")
    assert tab.battle() != battle
    assert sent_images() == [first], "the same prompt again has its images"


def test_on_a_phone_and_for_models_that_cannot_see(open_tab, server, tmp_path):
    tab = open_tab(PHONE, "dark")
    tab.page.set_input_files("#ag-files", [file(f"{c}.png", image_bytes(colour=c)) for c in ("teal", "navy")])
    attached(tab, 2)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    tab.picture("images-phone-attached")
    tab.ask("What are these?").until("ready")
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    tab.picture("images-phone-ready")
    blind = roster(*(Server("http://127.0.0.1:9/v1").model(name) for name in ("left", "right")))
    with open_arena(tmp_path, blind) as arena:
        tab = open_tab(url=arena.url)
        assert not tab.page.is_visible("#ag-attach")
        assert give(tab, "paste", image_bytes())
        assert tab.page.inner_text("#ag-imagenote") == "The models here cannot see images. Ask with words."
