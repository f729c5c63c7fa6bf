"""An arena that Gradio serves: docs/gradio.md as it stands there, by browser, frame and client."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from agon.arena import build
from agon.arena.core.arena_settings import ArenaSettings
from agon.data import open_log
from agon.ranking import METHODS, OptionError
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.browser import DESKTOP, Tab, chromium
from tests.support.paths import REPOSITORY

PAGE = (REPOSITORY / "docs" / "gradio.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
_, OWN_PAGE, OWN_APP = (one.replace('"arena.toml"', 'store="store"') for one in SNIPPETS)
SERVE = (
    "\nimport os, uvicorn\nuvicorn.run(app, port=int(os.environ['GRADIO_SERVER_PORT']), log_level='warning')"
)


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Both scripts, which start beside each other: Gradio takes seconds to import."""
    arabic = OWN_APP.replace('store="store"', 'store="store", language="ar"')
    scripts = {"page": (OWN_PAGE, ""), "app": (arabic + SERVE, "/arena")}
    found = {one: Served(tmp_path_factory.mktemp(one), *given) for one, given in scripts.items()}
    yield found
    for one in found.values():
        one.process.kill()
        one.process.wait(30)
        one.said.close()


class Served:
    """A script in a process of its own, with Gradio on a free port."""

    def __init__(self, folder, script, path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url, self.store = f"http://127.0.0.1:{port}{path}", folder / "store"
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "GRADIO_SERVER_PORT": str(port)}
        self.said = (folder / "said").open("w+", encoding="utf-8")
        command = [sys.executable, "-c", script]
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=self.said, stderr=subprocess.STDOUT
        )

    def ready(self):
        """Wait until it answers."""
        for _ in range(600):
            assert self.process.poll() is None, self.words()
            try:
                httpx.get(f"{self.url}/config", trust_env=False)
                return self
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError(f"it did not answer in a minute: {self.words()}")

    def words(self):
        self.said.seek(0)
        return self.said.read()

    def close(self):
        """End it as Ctrl+C does; the votes are in the store then."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        assert "Traceback" not in self.words()
        return open_log(self.store).votes


@pytest.fixture
def framed(browser, tmp_path):
    """Show an address in a frame of a page of another site; gives the frame, and what was loaded."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = browser.new_context(viewport=DESKTOP)

    def show(url):
        (folder / "index.html").write_text(f"<iframe src='{url}' width=1200 height=800></iframe>")
        page, loaded = context.new_page(), []
        page.on("requestfinished", lambda request: loaded.append(request))  # noqa: PLW0108
        page.goto(f"http://localhost:{server.server_port}/")
        frame = page.wait_for_selector("iframe").content_frame()
        frame.wait_for_selector("#ag-text")
        page.wait_for_load_state("networkidle")
        return frame, sum(one.sizes()["responseBodySize"] for one in loaded)

    show.origin = f"http://localhost:{server.server_port}"
    yield show
    context.close()
    server.shutdown()
    server.server_close()


def slow(route):
    """A line on which every request takes a while."""
    time.sleep(0.7)
    route.continue_()


def played(page):
    """A battle to the vote, in a page or a frame of one, by somebody who types at once."""
    page.wait_for_selector("[data-agon][data-state=empty]")
    page.fill("#ag-text", "Why is the sky blue?")
    page.press("#ag-text", "Enter")
    page.wait_for_selector("[data-agon][data-state=ready]")
    page.click("#ag-vote-a")
    page.wait_for_selector("[data-agon][data-state=voted]")


def test_a_page_of_ones_own_holds_an_arena_with_its_events(browser, served):
    served = served["page"].ready()
    try:
        tab = Tab(browser.new_context(viewport=DESKTOP), served.url)
        page = tab.page
        page.route(re.compile("component_server"), slow)
        tab.open("/")
        page.wait_for_selector("text=Which of our models writes better letters?")
        played(page)
        page.wait_for_selector("text=Thank you for your vote.")
        page.reload()
        page.wait_for_selector("[data-agon][data-state=voted]")
        page.keyboard.press("n")
        page.wait_for_selector("[data-agon][data-state=empty]")
        page.get_by_role("tab", name="Leaderboard").click()
        page.wait_for_selector("text=1 blind vote")
        page.get_by_role("tab", name="Battle").click()
        page.click(".ag-consent a")
        page.wait_for_selector("text=No cookie.")
        assert (tab.errors, tab.elsewhere) == ([], [])
    finally:
        votes = served.close()
    assert list(votes["blind"]) == [True]


def test_an_application_of_ones_own_holds_it_under_a_path_in_a_frame_and_for_programs(framed, served):
    from gradio_client import Client

    served = served["app"].ready()
    try:
        inside, loaded = framed(f"{served.url}/")
        assert loaded < 300_000, "before the first prompt"
        root = inside.query_selector("[data-agon]")
        assert (root.get_attribute("lang"), root.get_attribute("dir")) == ("ar", "rtl")
        played(inside)
        said = inside.inner_text("[data-agon]")
        assert "احتُسب صوتك" in said, "from the server: your vote counted"
        assert "انتهت الإجابتان" in said, "from the script: both answers have ended"
        client = Client(f"{served.url}/", verbose=False)
        assert set(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == {
            "/leaderboard",
            "/methods",
        }
        assert client.predict(api_name="/leaderboard")["boards"][0]["settings"]["votes"] == 1
        assert {one["name"] for one in client.predict(api_name="/methods")} == set(METHODS)
        with pytest.raises(Exception, match="'nope'"):
            client.predict(rule="nope", api_name="/leaderboard")
    finally:
        votes = served.close()
    assert len(votes) == 1


def test_a_language_that_there_is_not_opens_nothing(tmp_path):
    with pytest.raises(OptionError, match="The pages are not in 'xx'; known: ar, de, en, es, fr, zh"):
        build(store=tmp_path / "store", language="xx")
    assert list(tmp_path.iterdir()) == []


def test_agon_serve_counts_votes_in_a_frame_of_those_who_are_named(framed, tmp_path):
    """The cookie is kept apart for the site that shows the frame."""
    from gradio_client import Client

    import agon.arena.web.gradio_components  # noqa: F401  # as `agon serve` does once it is open

    settings = ArenaSettings(seed=7, embed=(framed.origin,))
    with open_arena(tmp_path, roster(Scripted("One."), Scripted("Two.")), settings) as server:
        inside, loaded = framed(f"{server.url}/")
        assert loaded < 140_000, "before the first prompt"
        played(inside)
        assert server.log.count() == 1
        client = Client(f"{server.url}/gradio/", verbose=False)
        assert client.predict("elo", api_name="/leaderboard")["boards"][0]["method"] == "elo"
        assert httpx.get(f"{server.url}/gradio/", trust_env=False).status_code == 404
