"""An arena as components of Gradio, on Blocks for any server of Gradio: a notebook, a Space, another app.

A panel is a `gr.HTML` with a value that is rendered here, events for handlers in Python, and server
functions. They call the routes of our own pages inside this process, so that every rule of a battle and every
sentence of a refusal is the same, whoever serves it. Answers travel by the server function `agon_events`, not
by Gradio's events: docs/gradio.md has the figures.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from time import monotonic
from typing import Any

import gradio as gr
import httpx
from fastapi import FastAPI
from gradio import events
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from agon.arena.core.arena import Arena
from agon.arena.core.operation.life_cycle import stop_arena
from agon.arena.core.refusal import Refusal
from agon.arena.web.about import about_html
from agon.arena.web.battle.consent import CONSENT_ROUTE, consent_router
from agon.arena.web.battle.event_stream import UPDATE_EVERY, Seen, battle_news
from agon.arena.web.battle.routes import battle_router
from agon.arena.web.battle.view import battle_view, panel_html, panel_state, start_view
from agon.arena.web.clients.networks import network_in_page_of_another
from agon.arena.web.languages.scripts import script_texts
from agon.arena.web.languages.texts import Reader, _, direction, language, read_by
from agon.arena.web.layout import ARENA, main_of
from agon.arena.web.leaderboard.boards import Boards
from agon.arena.web.leaderboard.sources import ArenaVotes
from agon.arena.web.lens.routes import reading_router
from agon.arena.web.middleware import MOST_BYTES
from agon.arena.web.refusals import answer_errors
from agon.ranking import METHODS

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_RUN_HISTORY", "False")  # nothing of a visitor is kept in a second place
NEWS_WITHIN = 10.0  # seconds that a question for news waits for some
WATCHERS = 1000  # of battles, whose last news are remembered: who is forgotten gets all of it again
FONT = ["ui-sans-serif", "sans-serif"]  # Gradio's own would be 103 kB that nobody sees
_STATIC = files("agon.arena.web") / "static"


def _static(*names: str) -> str:
    return "\n".join((_STATIC / name).read_text(encoding="utf-8") for name in names)


def _style() -> str:
    """The style as an element: in somebody's page we have no address to load it or its fonts from."""
    css = re.sub(r"@font-face\{[^}]*\}\n?", "", _static("agon.css", "battle.css"))
    return f"<style>{css}</style>"


def _spoken() -> str:
    """The attributes of a panel for the language that it is in."""
    return f'lang="{language()}" dir="{direction()}"'


_PANEL = {"apply_default_css": False, "padding": False, "elem_classes": "ag-html"}


class BattlePanel(gr.HTML):
    """Two answers or more, compared blind.

    Events: `voted`, when a vote was kept (`battle`, `counted`, `models`, `outcome`), and `opened`, when a
    link leads to another page of the arena (`address`).
    """

    def __init__(self, inside: Inside, **more: Any) -> None:
        """`inside` is an arena behind its routes; the rest is of `gr.HTML`."""

        async def agon_ask(data: Any, request: gr.Request) -> dict[str, Any]:
            return await inside.ask(data, request)

        async def agon_events(data: Any, request: gr.Request) -> dict[str, Any]:
            return await inside.events(data, request)

        names = (
            "gradio.js",
            "texts.js",
            "ballot.js",
            "attachments.js",
            "copying.js",
            "calls.js",
            "consent.js",
            "battle.js",
        )
        script = f"{_static(*names)}\n"
        script += "agonBattle(element.querySelector('[data-agon]'), agonHost(server, trigger));\n"
        script += "agonLinks(element, trigger);"
        texts = script_texts("".join(f'{name}"' for name in names))
        super().__init__(
            f'<div class="ag-root ag-room" {_spoken()}{texts} {panel_state(inside.start())}>'
            f"{panel_html(inside.start())}</div>",
            js_on_load=script,
            head=_style(),
            server_functions=[agon_ask, agon_events],
            **{**_PANEL, **more},
        )


class ReadingPanel(gr.HTML):
    """A page to read: the leaderboard, its rules, what is stored.

    Event: `opened`, when a link or a form leads on (`address`); `Inside.page` answers it.
    """

    def __init__(self, value: str = "", **more: Any) -> None:
        """All is of `gr.HTML`; `value` is the HTML of the main part of a page."""
        script = f"{_static('gradio.js')}\nagonLinks(element, trigger);"
        self._spoken = _spoken()
        super().__init__(value, js_on_load=script, **{"head": _style(), **_PANEL, **more})

    def postprocess(self, value: str | None) -> str:
        """The page in what its style needs around it."""
        return f'<div class="ag-root" {self._spoken}>{value or ""}</div>'


with suppress(
    OSError
):  # Gradio writes a stub of these classes beside this file, which type checkers would read
    Path(__file__).with_suffix(".pyi").unlink()


class Inside:
    """The routes of an arena, called in this process for somebody who has no cookie of ours.

    They answer in the language in which it was made.
    """

    def __init__(self, arena: Arena) -> None:
        self.arena, self.reader = arena, Reader(language())
        self._seen: dict[tuple[str, str], Seen] = {}
        self._app = FastAPI(openapi_url=None)
        answer_errors(self._app)
        boards = reading_router({"": Boards(ArenaVotes(arena))})
        for router in (battle_router(arena), consent_router(arena), boards):
            self._app.include_router(router)

    def start(self) -> dict[str, Any]:
        """The view before a battle, of nobody yet."""
        return start_view(self.arena, "")

    def _session(self, given: object, request: gr.Request | None) -> tuple[str, str | None]:
        """The session that our cookie or what the browser kept proves; else a new one and its proof."""
        scope = getattr(request, "scope", None) or {}
        if found := scope.get("agon_session"):
            return found, None
        keys = self.arena.keys
        if isinstance(given, str) and (found := keys.session(given)):
            return found, None
        fresh = keys.new_session()
        return keys.session(fresh) or "", fresh

    async def get(
        self, path: str, session: str | None, body: object = None, address: str | None = None
    ) -> httpx.Response:
        """What a route answers to somebody at an address, as far as that is known."""
        known = {
            "agon_session": session,
            "agon_site": ARENA,
            "agon_network": network_in_page_of_another(address),
        }

        async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
            read_by(self.reader)
            await self._app({**scope, **known}, receive, send)

        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://arena.invalid") as client:
            accept = {"accept": "text/html"}
            return await client.request("GET" if body is None else "POST", path, json=body, headers=accept)

    async def ask(self, data: Any, request: gr.Request) -> dict[str, Any]:
        """Answer a question of the battle panel: `path`, `body`, `session`."""
        path, body = str(data.get("path")), data.get("body")
        session, fresh = self._session(data.get("session"), request)
        if not path.startswith(("/api/start", "/api/battles", CONSENT_ROUTE)) or path.endswith("/events"):
            return {"status": 404, "text": '{"sentence": "There is no such page."}', "session": fresh}
        if body is not None and len(json.dumps(body)) > MOST_BYTES:
            return {"status": 413, "text": '{"sentence": "The request is too long."}', "session": fresh}
        client = getattr(request, "client", None)
        answer = await self.get(path, session, body, client and client.host)
        return {"status": answer.status_code, "text": answer.text, "session": fresh}

    async def events(self, data: Any, request: gr.Request) -> dict[str, Any]:
        """Answer what changed in a battle since it was `seen`, as soon as something has."""
        session, _proof = self._session(data.get("session"), request)
        try:
            running = self.arena.battle(session, str(data.get("battle")))
        except Refusal:
            return {"events": [], "seen": data.get("seen"), "over": True}
        told, key = data.get("seen") or {}, (running.battle.id, session)
        seen = self._seen.pop(key, Seen())
        if told != {"revision": seen.revision, "sides": seen.sides}:
            seen = Seen()  # a page that was opened anew, or did not get what was sent last
        self._seen[key] = seen
        while len(self._seen) > WATCHERS:
            del self._seen[next(iter(self._seen))]
        running.watchers += 1
        began = monotonic()
        read_by(self.reader)
        news: list[tuple[str, dict[str, Any]]] = []
        try:
            while not news and monotonic() - began < NEWS_WITHIN:
                news = list(
                    battle_news(running.battle, seen, lambda: battle_view(self.arena, session, running))
                )
                await asyncio.sleep(UPDATE_EVERY)
        finally:
            running.watchers -= 1
        now = {"revision": seen.revision, "sides": seen.sides}
        return {"events": news, "seen": now, "over": seen.over}

    async def page(self, address: str) -> str:
        """The main part of a page to read, or of the page that says why there is none."""
        read_by(self.reader)
        path = "/" + address.removeprefix("./")
        if path.partition("?")[0].strip("/").split("/")[0] in ("", "api"):
            path = "/leaderboard"
        if path.startswith("/about"):
            return main_of(about_html(cookie=False, asked=self.arena.consents.asked))
        answer = await self.get(path, None)
        if "text/html" in answer.headers.get("content-type", ""):
            return main_of(answer.text)
        name = re.sub(r"[^\w.-]", "", path.partition("?")[0].strip("/"))
        kind = answer.headers["content-type"].partition(";")[0]
        data = base64.b64encode(answer.content).decode()
        return (
            f'<div class="ag-phead"><h1>{_("Your file is ready")}</h1></div><p>'
            f'<a class="ag-btn" download="{name}" href="data:{kind};base64,{data}">'
            f"{_('Save {name}', name=name)}</a> "
            f'<a href="./leaderboard">{_("Leaderboard")}</a></p>'
        )


class ArenaBlocks(gr.Blocks):
    """The Blocks of an arena: a tab to compare, a tab to read, and the endpoints `leaderboard` and `methods`.

    Attributes:
        inside: the arena's routes, for panels of one's own.
        battle: the panel on which people compare.
        reading: the panel on which they read.
        theme: for `gr.mount_gradio_app`; without it a visitor loads a font that nobody sees.
    """

    def __init__(
        self,
        arena: Arena,
        opened: Callable[[], Awaitable[None]] | None = None,
        closed: Callable[[], None] | None = None,
    ) -> None:
        """`opened` opens the arena once a server runs, `closed` closes its log."""
        super().__init__(title=arena.roster.title, analytics_enabled=False)
        self.theme = gr.themes.Base(font=FONT, font_mono=FONT)  # type: ignore[assignment]
        self._opened, self._closed = opened, closed
        self._loop: asyncio.AbstractEventLoop | None = None
        self.extra_startup_events.append(self._open)
        self.inside = inside = Inside(arena)
        with self:
            with gr.Tabs(elem_classes="ag-frame") as tabs:
                with gr.Tab(_("Battle"), id="battle"):
                    self.battle = BattlePanel(inside)
                with gr.Tab(_("Leaderboard"), id="read") as reads:
                    self.reading = ReadingPanel(head=None)
                with gr.Tab(_("What is stored"), id="about"):
                    stored = about_html(cookie=False, asked=arena.consents.asked)
                    about = ReadingPanel(main_of(stored), head=None)

            async def show(event: gr.EventData) -> tuple[Any, str]:
                address = str(event._data.get("address"))
                if address in ("./", "./about"):
                    return gr.Tabs(selected="about" if address == "./about" else "battle"), gr.skip()
                return gr.Tabs(selected="read"), await inside.page(address)

            async def board() -> str:
                return await inside.page("./leaderboard")

            quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
            for panel in (self.battle, self.reading, about):
                panel.opened(show, outputs=[tabs, self.reading], **quiet)
            reads.select(board, outputs=self.reading, **quiet)
            self.battle.voted(board, outputs=self.reading, **quiet)
            events.api(self._leaderboard, api_name="leaderboard", queue=False)
            events.api(self._methods, api_name="methods", queue=False)

    async def _leaderboard(self, rule: str = "bradley_terry") -> dict:  # type: ignore[type-arg]
        """The leaderboard of all votes that count, under a rule of `methods`."""
        answer = await self.inside.get(f"/api/leaderboard?{httpx.QueryParams(rule=rule)}", None)
        found: dict[str, Any] = answer.json()
        if answer.is_error:
            raise gr.Error(found["sentence"], print_exception=False)
        return found

    def _methods(self) -> list:  # type: ignore[type-arg]
        """The ranking methods: name, family, what they are."""
        return [
            {"name": one.name, "family": one.family, "summary": one.summary}
            for one in (METHODS[name] for name in sorted(METHODS))
        ]

    async def _open(self) -> None:
        """Open the arena in the loop of whoever serves it, be it in Blocks that this was rendered in."""
        if self._opened is not None:
            self._loop = asyncio.get_running_loop()
            await self._opened()

    def launch(self, *args: Any, **more: Any) -> Any:
        """Serve it as `gr.Blocks.launch` does, without what an arena has no use for."""
        quiet = {"footer_links": [], "ssr_mode": False, "max_file_size": "1kb", "theme": self.theme}
        packed = {"middleware": [Middleware(GZipMiddleware, minimum_size=1000)], **more.pop("app_kwargs", {})}
        return super().launch(*args, **{**quiet, **more}, app_kwargs=packed)

    def close(self, verbose: bool = True) -> None:
        """Stop serving, and close the arena and its log: every acknowledged vote is kept."""
        if self._loop is not None and self._loop.is_running():
            asyncio.run_coroutine_threadsafe(stop_arena(self.inside.arena), self._loop).result(10)
        self._loop = None
        super().close(verbose=verbose)
        if self._closed is not None:
            self._closed()


def programs_app(arena: Arena) -> tuple[FastAPI, Callable[[], None]]:
    """The Blocks of an open arena under /gradio, for `gradio_client`; and what starts them in a loop."""
    blocks = ArenaBlocks(arena)
    blocks.queue(max_size=64)
    blocks._queue.sleep_when_free = 0.05  # or it would look a thousand times a second whether somebody asks
    app = FastAPI(openapi_url=None)
    gr.mount_gradio_app(app, blocks, path="/gradio", theme=blocks.theme, footer_links=[], ssr_mode=False)
    return app, blocks.run_startup_events
