"""`agon route-server` as a process, in front of models that are scripted to the byte."""

import asyncio
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.agon_process import AgonProcess
from tests.support.http_server import Handler, Listening, listen

KEY = "use-key-of-ada-0123456789"
OTHER = "use-key-of-bob-0123456789"
KEYS = {"ADA_KEY": KEY, "BOB_KEY": OTHER}
ROUTED = """
[routed]
{more}
[[routed.keys]]
name = "ada"
key_env = "ADA_KEY"
[[routed.keys]]
name = "bob"
key_env = "BOB_KEY"
"""
MODEL = """
[[model]]
name = "{name}"
model = "served-{name}"
base_url = "{url}"
{more}
"""


@contextmanager
def scripted(handler: Handler):
    """A server of models in a thread of its own; gives what it got."""
    loop, ready, here, end = asyncio.new_event_loop(), threading.Event(), [], asyncio.Event()

    async def run():
        async with listen(handler) as listening:
            here.append(listening)
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield here[0]
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(10)
        loop.close()


def write_routed(path: Path, servers: dict[str, Listening], more: str = "", of_model: str = "") -> Path:
    """A configuration of models by name, each behind a server."""
    tables = [MODEL.format(name=name, url=one.url, more=of_model) for name, one in servers.items()]
    path.write_text(ROUTED.format(more=more) + "".join(tables), "utf-8")
    return path


class UseProcess(AgonProcess):
    """One `agon route-server`."""

    def __init__(self, config: Path, store: Path) -> None:
        super().__init__("route-server", config, "--store", store, environment=KEYS)
        self.config, self.store = config, store

    def client(self, key: str = KEY) -> httpx.Client:
        """Who asks by a key."""
        return httpx.Client(
            base_url=self.url, headers={"authorization": f"Bearer {key}"}, timeout=30, trust_env=False
        )


@contextmanager
def use_server(folder: Path, servers: dict[str, Listening], more: str = "", of_model: str = ""):
    """A server of routed use that is closed in the end."""
    running = UseProcess(write_routed(folder / "arena.toml", servers, more, of_model), folder / "log")
    running.start()
    try:
        yield running
    finally:
        running.stop()


def asked(text: str = "Why is the sky blue?", **more) -> dict:
    """The body of a request."""
    return {"model": "agon", "messages": [{"role": "user", "content": text}], **more}
