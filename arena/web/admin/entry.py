"""Who may see the page of the operators: whoever has its token, or whom a proxy that is named vouches for."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from time import monotonic

from fastapi import Request

from agon.arena.core.fair_shares import HourlyRate
from agon.arena.core.operation.operator_messages import tell
from agon.arena.core.refusal import Refusal
from agon.arena.core.sessions import AdminSettings
from agon.arena.web.clients.connections import PEER
from agon.arena.web.clients.networks import Networks, client_network, is_among
from agon.ranking.leaderboard.row import plain

ADMIN_COOKIE = "agon_admin"
ADMIN_SECONDS = 3600.0  # that one stays signed in after the last page
TRIES_AN_HOUR = 20  # tokens that one network may try in an hour
_MOST = 100  # people who are signed in together


class Entry:
    """The door of the page.

    Args:
        settings: whom it opens for.
        proxies: whose word is taken.
        clock: seconds that never go back.
    """

    def __init__(
        self, settings: AdminSettings, proxies: Networks, clock: Callable[[], float] = monotonic
    ) -> None:
        self._settings, self._proxies, self._clock = settings, proxies, clock
        self._signed_in: dict[str, float] = {}  # digest of a cookie → when it ends
        self._tries = HourlyRate(clock=clock)
        self._refused = 0

    def person(self, request: Request) -> str | None:
        """Who asks, if they may see the page; None of anybody else."""
        if self._settings.header is not None:
            named = request.headers.getlist(self._settings.header)
            peer = request.scope.get("state", {}).get(PEER)
            if len(named) == 1 and named[0] in self._settings.users and is_among(peer, self._proxies):
                return f"user {named[0]}"
        digest = _digest(_admin_cookie(request))
        if self._signed_in.get(digest, 0.0) <= self._clock():
            self._signed_in.pop(digest, None)
            return None
        self._signed_in[digest] = self._clock() + ADMIN_SECONDS
        return f"session {digest}"

    def sign_in(self, request: Request, token: str) -> str:
        """A new cookie for whoever has the token.

        Raises Refusal: it is another one, or too many were tried from this network.
        """
        if self._settings.token is None:
            raise Refusal(403, "no_token", "This page is opened by the sign-in of its proxy alone.")
        if self._tries.seconds_until(client_network(request.scope), TRIES_AN_HOUR):
            raise Refusal(429, "too_many_tries", "Too many tokens were tried. Try again in an hour.")
        if not hmac.compare_digest(_digest(token), _digest(self._settings.token)):
            self._refused += 1
            if self._refused == 1 or self._refused % 100 == 0:
                tell(f"a wrong token for /admin was refused ({self._refused:,} since the start).")
            raise Refusal(403, "wrong_token", "This is not the token of this page. Nothing was opened.")
        now = self._clock()
        self._signed_in = {one: end for one, end in self._signed_in.items() if end > now}
        while len(self._signed_in) >= _MOST:
            self._signed_in.pop(next(iter(self._signed_in)))
        cookie = secrets.token_urlsafe(32)
        self._signed_in[_digest(cookie)] = now + ADMIN_SECONDS
        tell("somebody signed in at /admin.")
        return cookie

    def sign_out(self, request: Request) -> None:
        """End the cookie of whoever asks."""
        self._signed_in.pop(_digest(_admin_cookie(request)), None)


def person_words(person: str) -> str:
    """How somebody is called who is signed in."""
    kind, _, name = person.partition(" ")
    return plain(name) if kind == "user" else "by token"


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _admin_cookie(request: Request) -> str:
    try:
        morsel = SimpleCookie(request.headers.get("cookie", "")).get(ADMIN_COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""
