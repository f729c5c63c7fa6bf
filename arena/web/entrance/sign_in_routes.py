"""The page on which one signs in and out, and what it posts; it needs no script."""

from __future__ import annotations

import asyncio
import hmac
import re
from hashlib import sha256
from math import ceil
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from agon.arena.core.arena import Arena
from agon.arena.core.fair_shares import HourlyRate
from agon.arena.core.operation.operator_messages import tell
from agon.arena.core.refusal import Refusal
from agon.arena.core.visitors.access import (
    MEMBER_COOKIE,
    AccessSettings,
    Door,
    OpenIDSettings,
    member_cookie,
)
from agon.arena.web.battle.view import render
from agon.arena.web.clients.networks import client_network
from agon.arena.web.languages.texts import _, translated
from agon.arena.web.layout import page_html
from agon.arena.web.middleware import Session
from agon.data.log.operation.invitation_journal import invitation_id
from agon.ranking.errors import AgonError
from agon.ranking.text import Sentence

GUESSES_AN_HOUR = 20  # wrong passwords and invitations of one network
_HIDDEN = {"cache-control": "no-store", "x-robots-tag": "noindex"}
_PAGE = re.compile(r"([A-Za-z0-9_%-]+(/[A-Za-z0-9_%.-]+)*)?")  # a page of ours, from its root
# Forms say where they come from, as on a visitor's own pages.
_HEAD = '<meta name="robots" content="noindex"><meta name="referrer" content="same-origin">'


class _Doors:
    """What all ways in share."""

    def __init__(self, arena: Arena, access: AccessSettings) -> None:
        self.arena, self.access = arena, access
        self._tries = HourlyRate()
        self._refused = 0

    def page(
        self, request: Request, *, invite: str = "", to: str = "", alert: str = "", status: int = 200
    ) -> HTMLResponse:
        """The page as it is for whoever asks."""
        access = self.access
        body = render(
            "sign_in.html",
            door=request.scope["agon_door"],
            read=access.read,
            alert=alert,
            invite=invite,
            to=page_of_ours(to),
            password=access.password is not None,
            invitations=access.invitations,
            account=access.account and access.account.name,
        )
        text = page_html(_("Sign in"), body, current=None, head=_HEAD)
        up = "../" * (request.scope["path"].count("/") - 1)  # addresses are relative
        return HTMLResponse(text.replace('="./', f'="./{up}'), status, headers=_HIDDEN)

    def again(self, request: Request, error: Refusal, to: str = "") -> Response:
        """The page once more with what was wrong; programs get the refusal."""
        if "text/html" not in request.headers.get("accept", ""):
            raise error
        request.scope["agon_refusals"][error.code] += 1
        return self.page(request, to=to, alert=translated(error.sentence), status=error.status)

    def let_in(
        self, request: Request, session: str, door: Door, to: str, invitation: str = ""
    ) -> RedirectResponse:
        """Let a session in, and lead to the page that it came for."""
        cookie = member_cookie(self.arena.keys, self.access, session, door, invitation)
        request.scope["agon_cookies"][MEMBER_COOKIE] = cookie
        self._tries.put_back(client_network(request.scope))
        return RedirectResponse(f"../{page_of_ours(to)}", 303, headers=_HIDDEN)

    def count(self, request: Request) -> None:
        """Count a try, which is given back to whoever is let in; refuse it after too many."""
        if wait := self._tries.seconds_until(client_network(request.scope), GUESSES_AN_HOUR):
            sentence = Sentence(
                "Too much was tried from your network. Try again in {minutes} minutes.",
                minutes=max(ceil(wait / 60), 2),
            )
            raise Refusal(429, "too_many_tries", sentence)

    def tell_wrong(self, what: str) -> None:
        """Say to whoever runs the arena that somebody guesses."""
        self._refused += 1
        if self._refused == 1 or self._refused % 100 == 0:
            tell(f"a wrong {what} was refused at /sign-in ({self._refused:,} refused since the start).")


def page_of_ours(to: str) -> str:
    """A page to go to, if it can be one of ours; else the first."""
    return to if _PAGE.fullmatch(to) else ""


def sign_in_router(arena: Arena, access: AccessSettings) -> APIRouter:
    """The page at /sign-in, and the ways in."""
    router, doors = APIRouter(include_in_schema=False), _Doors(arena, access)

    @router.get("/sign-in")
    async def look(session: Session, request: Request, invite: str = "", to: str = "") -> HTMLResponse:  # noqa: ARG001
        return doors.page(request, invite=invite[:100] if access.invitations else "", to=to)

    @router.get("/sign-in/password")
    @router.get("/sign-in/invitation")
    async def look_again() -> RedirectResponse:
        """Where a refused form leads that is asked for as a page, in another language perhaps."""
        return RedirectResponse("../sign-in", 303, headers=_HIDDEN)

    @router.post("/sign-in/leave")
    async def leave(session: Session, request: Request) -> RedirectResponse:  # noqa: ARG001
        request.scope["agon_cookies"][MEMBER_COOKIE] = ""
        request.scope["agon_cookie"] = arena.keys.new_session()  # whoever comes next is somebody else
        return RedirectResponse("../sign-in", 303, headers=_HIDDEN)

    if access.password is not None:
        _add_password(router, doors, access.password)
    if access.invitations:
        _add_invitation(router, doors)
    if access.account is not None:
        _add_account(router, doors, access.account)
    return router


def _add_password(router: APIRouter, doors: _Doors, right: str) -> None:
    @router.post("/sign-in/password")
    async def password(session: Session, request: Request) -> Response:
        form = await _form(request)
        to = form.get("to", "")
        try:
            doors.count(request)
            if not hmac.compare_digest(_digest(form.get("password", "").strip()), _digest(right)):
                doors.tell_wrong("password")
                raise Refusal(
                    403,
                    "wrong_password",
                    "This is not the password of this arena. Try again, or ask whoever runs it.",
                )
        except Refusal as error:
            return doors.again(request, error, to)
        return doors.let_in(request, session, "password", to)


def _add_invitation(router: APIRouter, doors: _Doors) -> None:
    invitations = doors.arena.log.invitations()

    @router.post("/sign-in/invitation")
    async def invitation(session: Session, request: Request) -> Response:
        form = await _form(request)
        try:
            doors.count(request)
            secret = form.get("invite", "")
            try:
                state = await asyncio.to_thread(invitations.accept, secret)
            except AgonError as error:
                tell(f"an invitation could not be accepted: {error}")
                raise Refusal(503, "not_kept", "This could not be kept. Try again.") from error
            if state == "unknown":
                doors.tell_wrong("invitation")
                raise Refusal(
                    403,
                    "no_invitation",
                    "This is no invitation of this arena. Open the link as it was sent to you, or ask for "
                    "another one.",
                )
            if state == "accepted":
                raise Refusal(
                    409,
                    "used_invitation",
                    "This invitation was accepted before, perhaps by you in another browser. Ask for another "
                    "one.",
                )
            if state == "revoked":
                raise Refusal(
                    403,
                    "revoked_invitation",
                    "This invitation was taken back. Ask whoever runs this arena for another one.",
                )
        except Refusal as error:
            return doors.again(request, error)
        return doors.let_in(request, session, "invitation", "", invitation_id(secret))


def _add_account(router: APIRouter, doors: _Doors, account: OpenIDSettings) -> None:
    from agon.arena.web.entrance.openid import Provider

    keys, settings = doors.arena.keys, doors.arena.settings
    returns = f"{settings.public_url or ''}{settings.root_path or ''}/sign-in/callback"
    provider = Provider(account, keys, returns)

    @router.get("/sign-in/account")
    async def begin(session: Session, request: Request, to: str = "") -> Response:
        try:
            address = await provider.address(session, page_of_ours(to))
        except Refusal as error:
            return doors.again(request, error)
        return RedirectResponse(address, 303, headers=_HIDDEN)

    @router.get("/sign-in/callback")
    async def back(session: Session, request: Request, state: str = "", code: str = "") -> Response:
        try:
            to = provider.page_of(session, state)
            if not code:
                sentence = Sentence(
                    "{name} did not let you in. Sign in once more, or with another account.",
                    name=account.name,
                )
                raise Refusal(403, "not_let_in", sentence)
            doors.count(request)
            fresh = await provider.account_session(session, state, code)
        except Refusal as error:
            return doors.again(request, error)
        request.scope["agon_cookie"] = keys.cookie(fresh)
        return doors.let_in(request, fresh, "account", to)


async def _form(request: Request) -> dict[str, str]:
    text = (await request.body()).decode("utf-8", "replace")
    return {name: values[-1] for name, values in parse_qs(text, max_num_fields=20).items()}


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
