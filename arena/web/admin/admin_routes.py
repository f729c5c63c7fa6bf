"""The routes of the operators' page: one page, and the forms that it posts."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from agon.arena.core.arena import Arena
from agon.arena.core.operation.operator_messages import tell
from agon.arena.core.refusal import Refusal
from agon.arena.core.sessions import AdminSettings
from agon.arena.web.admin.admin_page import MINUTES, SPANS, Overview, admin_html, sign_in_html
from agon.arena.web.admin.entry import ADMIN_COOKIE, Entry, person_words
from agon.data.log.operation.backup import backup_log, last_backup
from agon.data.log.recovery.verifying import verify_log
from agon.ranking.errors import AgonError

HIDDEN = {"cache-control": "no-store", "x-robots-tag": "noindex"}


class _Chore:
    """Something slow that one person at a time begins, and whose last outcome is shown."""

    def __init__(self, work: Callable[[], str]) -> None:
        self._work = work
        self.outcome: str | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def said(self) -> str | None:
        """What became of it last."""
        return "It is at work; reload this page." if self._task is not None else self.outcome

    def begin(self) -> None:
        """Begin, if it is not at work already."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            self.outcome = await asyncio.to_thread(self._work)
        except AgonError as error:
            self.outcome = str(error)
            tell(self.outcome)
        except Exception as error:
            self.outcome = f"It broke off: {type(error).__name__}."
            tell(f"what was begun at /admin broke off: {type(error).__name__}: {error}")
        finally:
            self._task = None


def admin_router(arena: Arena, settings: AdminSettings) -> APIRouter:
    """The page, and what it posts."""
    router, entry = APIRouter(include_in_schema=False), Entry(settings, arena.settings.proxies)

    def back_up() -> str:
        arena.log.gather_images()
        made = backup_log(arena.log.folder, settings.backups or "", keep=settings.keep)
        tell(f"a backup was made at /admin: {made.path}")
        return f"{made.path.name} was made and verified: {made.votes:,} votes, {made.size / 1e6:,.1f} MB."

    def check() -> str:
        found, now = verify_log(arena.log.folder), datetime.now(UTC)
        said = " ".join(found.wrong) or f"Events and texts are whole, with {found.votes:,} votes."
        return f"{now:%Y-%m-%d %H:%M} UTC: {said}"

    backing, checking = _Chore(back_up), _Chore(check)

    def overview(person: str) -> Overview:
        log = arena.log
        return Overview(
            arena=arena,
            who=person_words(person),
            form=arena.keys.form_token(person),
            figures=log.figures(datetime.now(UTC), MINUTES, SPANS),
            measured=log.measured(),
            backup=last_backup(log.folder),
            backups=settings.backups is not None,
            backing=backing.said,
            checking=checking.said,
            disk=shutil.disk_usage(log.folder),
            by_proxy=person.startswith("user "),
        )

    @router.get("/admin")
    async def page(request: Request, done: str = "") -> HTMLResponse:
        person = entry.person(request)
        if person is None:
            text = sign_in_html(token=settings.token is not None)
            return HTMLResponse(text, 401, headers=HIDDEN)
        return HTMLResponse(admin_html(await asyncio.to_thread(overview, person), done), headers=HIDDEN)

    @router.post("/admin/enter")
    async def enter(request: Request) -> RedirectResponse:
        form = await _fields(request)
        answer = _to_page()
        public = arena.settings.public_url or ""
        answer.set_cookie(
            ADMIN_COOKIE,
            entry.sign_in(request, form.get("token", "").strip()),
            httponly=True,
            samesite="strict",
            secure=request.scope.get("scheme") == "https" or public.startswith("https:"),
        )
        return answer

    async def allowed(request: Request) -> dict[str, str]:
        """The form of somebody who may; Refusal of anybody else."""
        person, form = entry.person(request), await _fields(request)
        if person is None:
            raise Refusal(403, "signed_out", "You are not signed in any more. Nothing was changed.")
        if not arena.keys.owns_form(form.get("form", ""), person):
            raise Refusal(403, "old_form", "This form is of another page. Reload yours; nothing was changed.")
        return form

    @router.post("/admin/leave")
    async def leave(request: Request) -> RedirectResponse:
        await allowed(request)
        entry.sign_out(request)
        answer = _to_page()
        answer.delete_cookie(ADMIN_COOKIE)
        return answer

    @router.post("/admin/draw")
    async def draw(request: Request) -> RedirectResponse:
        form = await allowed(request)
        paused, names = set(arena.settings.paused), {one.card.name for one in arena.roster.contestants}
        name, pausing = (form["pause"], True) if "pause" in form else (form.get("resume", ""), False)
        if name not in names:
            raise Refusal(404, "no_model", "There is no such model here. Reload the page.")
        arena.pause(paused | {name} if pausing else paused - {name})
        tell(f"{name} is {'not drawn any more' if pausing else 'drawn again'}, as was asked for at /admin.")
        return _to_page("paused" if pausing else "resumed")

    @router.post("/admin/backup")
    async def backup(request: Request) -> RedirectResponse:
        await allowed(request)
        if settings.backups is None:
            raise Refusal(409, "no_backups", "No folder of backups is configured. Nothing was done.")
        backing.begin()
        return _to_page("backup")

    @router.post("/admin/verify")
    async def verify(request: Request) -> RedirectResponse:
        await allowed(request)
        checking.begin()
        return _to_page("verify")

    return router


async def _fields(request: Request) -> dict[str, str]:
    text = (await request.body()).decode("utf-8", "replace")
    return {name: values[-1] for name, values in parse_qs(text, max_num_fields=20).items()}


def _to_page(done: str = "") -> RedirectResponse:
    query = f"?{urlencode({'done': done})}" if done else ""
    return RedirectResponse(f"../admin{query}", 303, headers=HIDDEN)
