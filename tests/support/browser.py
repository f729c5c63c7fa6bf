"""Debian's Chromium, driven by Playwright, with an eye on everything it says and loads."""

import contextlib
import os
import shutil
from collections.abc import Iterator

import pytest

from tests.support.paths import REPOSITORY

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PICTURES = REPOSITORY / ".pictures"
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@contextlib.contextmanager
def chromium() -> Iterator[object]:
    """A browser; the test is skipped without one, unless AGON_BROWSER says that there must be one."""
    path = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        path = None
    if path is None:
        assert not os.environ.get("AGON_BROWSER"), "chromium and playwright must be installed"
        pytest.skip("needs Debian's chromium (apt-get install chromium) and playwright")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Tab:
    """A page that remembers its errors and its requests to anybody but the arena."""

    def __init__(self, context: object, url: str) -> None:
        self.url, self.page = url, context.new_page()
        self.errors, self.elsewhere = [], []
        self.page.set_default_timeout(30_000)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._request)

    def _console(self, message: object) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _request(self, request: object) -> None:
        if not request.url.startswith((self.url, "data:")):
            self.elsewhere.append(request.url)

    def open(self, path: str = "/") -> "Tab":
        self.page.goto(self.url + path)
        return self

    def until(self, state: str) -> "Tab":
        self.page.wait_for_selector(f"body[data-state={state}]")
        return self

    def ask(self, prompt: str) -> "Tab":
        self.page.fill("#ag-prompt textarea", prompt)
        self.page.press("#ag-prompt textarea", "Enter")
        return self

    def vote_by_key(self, key: str) -> None:
        """Press a key that votes, after a moment in which one could read."""
        self.page.wait_for_timeout(1_100)
        self.page.keyboard.press(key)

    def battle(self) -> str:
        return self.page.evaluate("new URLSearchParams(location.search).get('battle')")

    def text(self, selector: str = "#ag-view") -> str:
        return self.page.inner_text(selector)

    def grown(self, selector: str, length: int) -> None:
        """Wait until a text is longer than this, from outside: the page's policy forbids eval."""
        for _ in range(300):
            if len(self.text(selector)) > length:
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"{selector} does not grow beyond {length} characters")

    def picture(self, name: str) -> None:
        """Keep how the page looks, for eyes, where AGON_PICTURES is set: it takes most of a second."""
        if not os.environ.get("AGON_PICTURES"):
            return
        PICTURES.mkdir(exist_ok=True)
        self.page.wait_for_timeout(250)
        self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
