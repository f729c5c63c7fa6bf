"""What a request may do where not everybody may do all: members vote, or read, and sessions work first.

The cookies that say so are of one session; routes put new ones into `scope["agon_cookies"]`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, MutableMapping
from time import monotonic
from typing import Any
from urllib.parse import quote

from fastapi.responses import JSONResponse, RedirectResponse, Response

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.operation.operator_messages import tell
from agon.arena.core.sessions import Keys
from agon.arena.core.visitors.access import MEMBER_COOKIE, door_of
from agon.arena.core.visitors.proof_of_work import WORK_COOKIE, has_worked, new_challenge
from agon.arena.web.languages.texts import message, translated
from agon.data.log.operation.invitation_journal import InvitationJournal
from agon.ranking.errors import AgonError

SIGN_IN = "/sign-in"
WORK_ROUTE = "/api/work"
REVOKED_SECONDS = 1.0  # after which what was revoked holds in every process
# What members alone may do, what is open whoever may read, and what costs work.
_VOTING = re.compile(r"/|/chat|/api/(start|battles|chats|images|work|consent)(/.*)?|/gradio/.*")
_OPEN = re.compile(rf"{SIGN_IN}(/.*)?|/static/.*|/healthz|/about|/logo|/admin(/.*)?")
_COSTS = re.compile(r"/api/(battles|battles/next|chats)|/gradio/.*")
NOT_IN = (
    401,
    "signed_out",
    message("You are not signed in. Copy your prompt, then reload the page to sign in."),
)
WORK_FIRST = message(
    "Your browser has a puzzle to solve first, which keeps programs from voting by the thousand. Reload the "
    "page."
)


def challenge_of(keys: Keys, session: str, bits: int) -> dict[str, Any]:
    """A puzzle as programs read it."""
    return {
        "challenge": new_challenge(keys, session, bits),
        "bits": bits,
        "how": f"Find a text `nonce` of at most 40 characters so that SHA-256 of challenge + ':' + nonce "
        f"begins with {bits} zero bits, and post challenge and nonce to {WORK_ROUTE}.",
    }


def work_head(settings: ArenaSettings) -> str:
    """The script that solves the puzzle, for pages that begin battles; nothing where there is none."""
    return '<script src="./static/work.js" defer></script>' if settings.work else ""


class RevokedInvitations:
    """Which invitations were taken back, looked up again after a second, by one request for all.

    Args:
        journal: of the invitations.
    """

    def __init__(self, journal: InvitationJournal) -> None:
        self._journal, self._looking = journal, asyncio.Lock()
        self._known: frozenset[str] | None = None
        self._stamp: object = None
        self._until = 0.0
        self._told = False

    async def holds(self, invitation: str) -> bool:
        """Whether an invitation is one of them; as was known last where they cannot be looked up, and all are
        where that never worked."""
        async with self._looking:
            if monotonic() >= self._until:
                try:
                    await asyncio.to_thread(self._look)
                    self._told = False
                except AgonError as error:
                    if not self._told:
                        tell(f"who was revoked is as it was before, for it cannot be looked up: {error}")
                    self._told = True
                self._until = monotonic() + REVOKED_SECONDS
        return self._known is None or invitation in self._known

    def _look(self) -> None:
        stamp = self._journal.stamp()
        if stamp != self._stamp:
            self._known, self._stamp = self._journal.revoked(), stamp


class Entrance:
    """Who comes in.

    Args:
        keys: of the sessions.
        settings: who may, and what work costs.
        invitations: of the arena, where they let in.
    """

    def __init__(
        self, keys: Keys, settings: ArenaSettings, invitations: InvitationJournal | None = None
    ) -> None:
        self.keys, self.settings = keys, settings
        self._revoked = None if invitations is None else RevokedInvitations(invitations)

    async def know(self, scope: MutableMapping[str, Any], cookie: Callable[[str], str | None]) -> None:
        """Say in the scope by which door its session came in, and whether it has done its work."""
        session, access, bits = scope["agon_session"], self.settings.access, self.settings.work
        found = access and door_of(self.keys, access, session, cookie(MEMBER_COOKIE))
        if found and found[1] and self._revoked is not None and await self._revoked.holds(found[1]):
            found = None
        scope["agon_door"] = found and found[0]
        scope["agon_worked"] = not bits or has_worked(self.keys, session, bits, cookie(WORK_COOKIE))

    def refusal(self, scope: MutableMapping[str, Any]) -> tuple[int, str, str] | Response | None:
        """Why a request is not answered, or what is answered to it; None where it may come in."""
        access, path, way = self.settings.access, scope["path"], scope["method"]
        if access is not None and scope["agon_door"] is None:
            closed = not _OPEN.fullmatch(path) if access.read == "members" else _VOTING.fullmatch(path)
            if closed:
                wanted = dict(scope["headers"]).get(b"accept", b"")
                if way == "GET" and b"text/html" in wanted and "/api/" not in path:
                    up = "../" * (path.count("/") - 1)
                    to = quote(path.removeprefix("/"))
                    return RedirectResponse(f"{up or './'}sign-in{'?to=' + to if to else ''}", 303)
                return NOT_IN
        if not scope["agon_worked"] and way == "POST" and _COSTS.fullmatch(path):
            if (session := scope["agon_session"]) is None:
                return None  # it is told that it has no cookie
            found = challenge_of(self.keys, session, self.settings.work)
            told = {"error": "work_first", "sentence": translated(WORK_FIRST), "work": found}
            return JSONResponse(told, 428, headers={"cache-control": "no-store"})
        return None
