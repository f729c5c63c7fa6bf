"""What stands before every request: origins, sizes, side doors, and the headers of every answer.

Only what a router has can be asked for: everything else answers 404 before anything is parsed.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from html import escape
from http.cookies import CookieError, SimpleCookie
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.fair_shares import FairShare, LineFullError, Lines
from agon.arena.core.operation.operator_messages import tell
from agon.arena.core.refusal import Refusal
from agon.arena.core.roster import PageWords
from agon.arena.core.sessions import COOKIE, COOKIE_SECONDS, Keys
from agon.arena.web.api.document import ENDPOINTS, IMPORTED, POOLED
from agon.arena.web.api.entrance import SIGN_IN, Entrance
from agon.arena.web.clients.networks import client_network
from agon.arena.web.languages.choice import COOKIE_NAME, reader_of
from agon.arena.web.languages.organiser import organised_by
from agon.arena.web.languages.texts import _, language, message, read_by, translated
from agon.arena.web.layout import ARENA, Site, page_html, signing
from agon.data.log.operation.invitation_journal import InvitationJournal
from agon.ranking.text import Sentence

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Any]
Receive = Callable[[], Any]
MOST_BYTES = 256 * 1024
IMAGE_ROUTE = "/api/images"  # where images are posted as they are
FORMS = ("/you/", "/admin/", f"{SIGN_IN}/")  # where forms of pages are posted, which work without a script
UPLOADS, UPLOAD_SECONDS = 8, 60.0  # that are received together, and how long one may take
BODY_SECONDS = 20.0  # for the whole of any other body
STREAMS, STREAMS_OF_ONE = 1600, 12  # of events that are open at a time: in all, and of one session
AT_WORK, IN_LINE = 8, 200  # requests of one network that are worked at together, and that wait behind them
NO_PAGE = (404, "no_page", message("There is no such page."))
TOO_MANY = (
    429,
    "too_many",
    message("Too much is asked for from your network at once. Try again in a few seconds."),
)
SLOW_BODY = (
    408,
    "slow_body",
    Sentence(
        "The request took more than {seconds} seconds to arrive. Send it again.",
        seconds=f"{BODY_SECONDS:.0f}",
    ),
)
TOO_LARGE = (
    413,
    "too_large",
    Sentence("The request is longer than {size} kB. Shorten the prompt.", size=MOST_BYTES // 1024),
)
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
FRAMES = {"x-frame-options", "cross-origin-opener-policy"}  # what keeps a page out of any frame
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'none'; "
    "frame-ancestors {frames}; base-uri 'self'; form-action 'self'"
)
# Paths that stand in no line of a network (images have their own), of streams, and of battles.
_CHEAP, _STREAM, _PLAY = (
    ("/static/", "/healthz", IMAGE_ROUTE),
    "/events",
    ("/api/battles", "/api/chats", "/api/start", "/api/consent"),
)
# A page of ours behind the prefix of a proxy.
_PREFIXED = re.compile(
    r"(?P<prefix>(?:/[A-Za-z0-9._~-]+)+)/(?P<page>|leaderboard|overview|rules|about|healthz|study|api/start)"
)

_API = re.compile(rf"({IMPORTED}|{POOLED})?/api/")
_BADGE = re.compile(rf"({IMPORTED}|{POOLED})?/badge[./]")
_DATA = re.compile(
    rf"({IMPORTED}|{POOLED})?({'|'.join(map(re.escape, ENDPOINTS))}|/leaderboard\.(csv|png)|/openapi\.json)"
)  # the same for everybody
OPEN = {"access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin"}
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9a-fA-F:.]+\](:\d{1,5})?")


class ArenaMiddleware:
    """An ASGI middleware around the whole app.

    Args:
        app: what it stands before.
        keys: of the sessions; None where there are none, and nothing is posted.
        settings: where a proxy shows the arena, and who may show it in a frame.
        paths: what may be asked for: the paths of the routers.
        site: the pages that a refusal leads to.
        organiser: gives what the organiser says on every page.
        refused: where refusals are counted, by code.
        invitations: that let in; None where none do.
    """

    def __init__(
        self,
        app: Any,
        *,
        keys: Keys | None,
        paths: Sequence[re.Pattern[str]],
        settings: ArenaSettings,
        site: Site = ARENA,
        organiser: Callable[[], PageWords] = PageWords,
        refused: Counter[str] | None = None,
        invitations: InvitationJournal | None = None,
    ) -> None:
        self.organiser = organiser
        self.site, self.refused = site, Counter() if refused is None else refused
        self.app, self.keys, self.paths, self.settings = app, keys, paths, settings
        guarded = keys is not None and (settings.access is not None or settings.work)
        self._entrance = Entrance(keys, settings, invitations) if keys is not None and guarded else None
        self._told: set[str] = set()
        self._uploads = asyncio.Semaphore(UPLOADS)
        self._streams = FairShare(STREAMS)  # of networks
        self._own_streams = FairShare(STREAMS, STREAMS_OF_ONE)  # of sessions
        self._playing, self._reading = Lines(AT_WORK, IN_LINE), Lines(AT_WORK, IN_LINE)
        frames = " ".join(("'self'", *settings.embed)) if settings.embed else "'none'"
        self.headers = {
            **{name: value for name, value in HEADERS.items() if not (settings.embed and name in FRAMES)},
            "content-security-policy": POLICY.replace("{frames}", frames),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what is not allowed, pass on the rest."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        scope["agon_site"], scope["agon_refusals"] = self.site, self.refused
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        one, chosen = reader_of(scope, headers)
        read_by(one)
        organised_by(self.organiser())
        if self.settings.root_path is not None and not await self._strip(
            self.settings.root_path, scope, send
        ):
            return
        refused = self._refusal(scope, headers)
        if refused is not None:
            await self._answer(scope, send, refused)
            return
        if scope["method"] == "HEAD" and not scope["path"].endswith(_STREAM):
            scope = {**scope, "method": "GET"}  # the server knows, and sends the headers alone
        scope["agon_cookie"] = self._session(scope, headers)
        public = self.settings.public_url or ""
        secure = scope.get("scheme") == "https" or public.startswith("https:")

        framed = bool(self.settings.embed)
        scope["agon_cookies"] = {}

        def cookies() -> list[str]:  # a route may have put another session into the scope, or more cookies
            fresh = {
                COOKIE: scope["agon_cookie"] or None,
                COOKIE_NAME: chosen or None,
                **scope["agon_cookies"],
            }
            given = [(name, value) for name, value in fresh.items() if value is not None]
            return [_set_cookie(name, value, secure, framed=framed) for name, value in given]

        scope["agon_address"] = self._address(scope, headers)
        out = _Outgoing(send, self._headers_of(scope), cookies)
        if self._entrance is not None:
            await self._entrance.know(scope, lambda name: _cookie(headers.get("cookie"), name))
            if self.settings.access is not None:
                signing("out" if scope["agon_door"] else "in")
            shut = self._entrance.refusal(scope)
            if shut is not None:
                await (shut if isinstance(shut, Response) else problem(scope, *shut))(scope, _nothing, out)
                return
        if scope["method"] == "POST":
            body = await self._received(scope["path"], receive)
            if isinstance(body, tuple):
                await self._answer(scope, send, body)
                return
            receive = _again(body, receive)
        if not await self._in_turn(scope, receive, out):
            await self._answer(scope, send, TOO_MANY)

    def _address(self, scope: Scope, headers: Mapping[str, str]) -> str:
        """Where the browser finds the arena, as far as that is known, without a slash at the end."""
        host = headers.get("host", "")
        asked = f"{scope.get('scheme', 'http')}://{host}" if _HOST.fullmatch(host) else ""
        return (self.settings.public_url or asked) + (self.settings.root_path or "")

    def _headers_of(self, scope: Scope) -> dict[str, str]:
        """The headers of an answer: others may show badges, and read boards where that is allowed."""
        path, headers = scope["path"], self.headers
        if _BADGE.match(path):
            headers = headers | {"cross-origin-resource-policy": "cross-origin"}
        if self.settings.open_data and scope["method"] == "GET" and _DATA.fullmatch(path):
            headers = headers | OPEN
        return headers

    async def _in_turn(self, scope: Scope, receive: Receive, out: _Outgoing) -> bool:
        """Answer a request when it is its network's turn; false where too many of it are there already."""
        path, network = scope["path"], client_network(scope)
        if path.startswith(_CHEAP):
            await self.app(scope, receive, out)
            return True
        if path.endswith(_STREAM):
            holds = ((self._streams, network), (self._own_streams, scope.get("agon_session") or network))
            taken = [(share, holder) for share, holder in holds if share.take(holder)]
            try:
                if len(taken) == len(holds):
                    await self.app(scope, receive, out)
            finally:
                for share, holder in taken:
                    share.leave(holder)
            return len(taken) == len(holds)
        try:
            # A vote stands in no line behind boards, and who takes an answer slowly holds nobody up.
            lines = self._playing if path == "/" or path.startswith(_PLAY) else self._reading
            async with lines.turn(network) as out.began:
                await self.app(scope, receive, out)
        except LineFullError:
            return False
        return True

    def _session(self, scope: Scope, headers: dict[str, str]) -> str | None:
        """Put the session into the scope; a new one to be set as a cookie, where a page begins it."""
        if self.keys is None:
            return None
        session = self.keys.session(_cookie(headers.get("cookie")))
        if (
            session is None
            and scope["method"] in ("GET", "HEAD")
            and not scope["path"].startswith("/gradio/")
            and not any(one.match(scope["path"]) for one in (_API, _BADGE, _DATA))
        ):
            fresh = self.keys.new_session()
            scope["agon_session"] = self.keys.session(fresh)
            return fresh
        scope["agon_session"] = session
        return None

    async def _strip(self, prefix: str, scope: Scope, send: Send) -> bool:
        """Take the prefix of a proxy off a path; false where that is all there was, and was answered."""
        path = scope["path"]
        if path == prefix:  # relative addresses count from what stands before the last slash
            out = _Outgoing(send, self.headers, list)
            await RedirectResponse(f"{path}/", 308)(scope, _nothing, out)
            return False
        if path.startswith(f"{prefix}/"):
            scope["path"] = path[len(prefix) :]
            scope["raw_path"] = scope["path"].encode()
        return True

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str, str] | None:
        """Status, code and sentence of what is refused before anything is parsed."""
        path, method = scope["path"], scope["method"]
        if "x-forwarded-for" in headers and not self.settings.proxies:
            peer = (scope.get("client") or ("?",))[0]
            self._tell_once(
                "x-forwarded-for",
                f"a request came through a proxy at {peer}, which is not named: all its visitors share the "
                f'limits of one network. If the proxy is yours, write proxies = ["{peer}"] into [arena].',
            )
        if not any(pattern.match(path) for pattern in self.paths):
            self._tell_prefix(path, headers)
            return NO_PAGE
        if method == "POST" and path.startswith(("/api/", "/gradio/", *FORMS)) and self.keys is not None:
            return self._post_refusal(path, headers)
        if method not in ("GET", "HEAD"):
            return 405, "no_method", message("This page cannot be used that way.")
        return None

    def _most_bytes(self, path: str) -> int:
        return self.settings.image_bytes if path == IMAGE_ROUTE else MOST_BYTES

    def _too_large(self, path: str) -> tuple[int, str, str]:
        if path != IMAGE_ROUTE:
            return TOO_LARGE
        size = f"{self.settings.image_bytes / 1_000_000:g}"
        return (
            413,
            "large_image",
            Sentence("The image is larger than {size} MB. Attach a smaller one.", size=size),
        )

    async def _received(self, path: str, receive: Receive) -> bytes | tuple[int, str, str]:
        """The body of a post, or why it is refused."""
        if path != IMAGE_ROUTE:
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    body = await _body(receive, MOST_BYTES)
            except TimeoutError:
                return SLOW_BODY
            return TOO_LARGE if body is None else body
        async with self._uploads:
            try:
                async with asyncio.timeout(UPLOAD_SECONDS):
                    body = await _body(receive, self._most_bytes(path))
            except TimeoutError:
                return (
                    408,
                    "slow_image",
                    Sentence(
                        "The image did not arrive within {seconds} seconds. A smaller one may.",
                        seconds=f"{UPLOAD_SECONDS:.0f}",
                    ),
                )
        return self._too_large(path) if body is None else body

    def _post_refusal(self, path: str, headers: dict[str, str]) -> tuple[int, str, str] | None:
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if site not in (None, "same-origin", "none") or (site is None and not self._ours(origin, headers)):
            return 403, "foreign_origin", message("Requests from other sites are refused.")
        kind = headers.get("content-type", "")
        if path == IMAGE_ROUTE and not kind.startswith("image/"):
            return 415, "no_image", message("This is no image. Attach a PNG, JPEG, WebP or GIF.")
        if path.startswith(FORMS):
            if not kind.startswith("application/x-www-form-urlencoded"):
                return 415, "no_form", message("Send this by the form of its page.")
        elif path != IMAGE_ROUTE and not kind.startswith("application/json"):
            return 415, "not_json", message("Send JSON: content-type application/json.")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._most_bytes(path):
            return self._too_large(path)
        return None

    def _ours(self, origin: str | None, headers: dict[str, str]) -> bool:
        """Whether an origin is this arena's; a browser that sends Sec-Fetch-Site vouches for that itself."""
        host = headers.get("host", "")
        if origin is None or origin.partition("://")[2] == host or origin == self.settings.public_url:
            return True
        self._tell_once(
            origin,
            f"a page at {origin} was refused, because its request came for {host}. If it is this arena "
            "behind a proxy, let the proxy pass the Host header on, with its port, or write "
            f'public_url = "{origin}" into [arena].',
        )
        return False

    def _tell_prefix(self, path: str, headers: dict[str, str]) -> None:
        """Name the prefix under which a proxy seems to show the arena: one before a page of ours."""
        found = _PREFIXED.fullmatch(path)
        browsed = "navigate" in headers.get("sec-fetch-mode", "") or "x-forwarded-prefix" in headers
        if found and (found["page"] or browsed):
            prefix = found["prefix"]
            self._tell_once(
                prefix,
                f"{path} was asked for, and there is no such page. If a proxy shows this arena under "
                f'{prefix}/, let it strip {prefix}, or write root_path = "{prefix}" into [arena].',
            )

    def _tell_once(self, what: str, sentence: str) -> None:
        """Name to the operator what a proxy seems to do, each of them once, and not without end."""
        if what not in self._told and len(self._told) < 20:
            self._told.add(what)
            about = what if what == "x-forwarded-for" else "prefix" if what.startswith("/") else "origin"
            tell(sentence, "proxy_hint", about=about)

    async def _answer(self, scope: Scope, send: Send, refused: tuple[int, str, str]) -> None:
        out = _Outgoing(send, self.headers, list)
        await problem(scope, *refused)(scope, _nothing, out)


class _Outgoing:
    """Adds the headers to an answer."""

    def __init__(self, send: Send, headers: Mapping[str, str], cookies: Callable[[], list[str]]) -> None:
        self.send, self.headers, self.cookies = send, headers, cookies
        self.began: Callable[[], None] = lambda: None  # told when the answer begins

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.began()
            kept = [(key, value) for key, value in message["headers"] if key.lower() not in _DROPPED]
            kept += [(key.encode(), value.encode()) for key, value in self.headers.items()]
            kept += [(b"set-cookie", cookie.encode()) for cookie in self.cookies()]
            if any(key.lower() == b"content-type" and value.startswith(b"text/html") for key, value in kept):
                kept += [(b"content-language", language().encode()), (b"vary", b"accept-language, cookie")]
            message = {**message, "headers": kept}
        await self.send(message)


_DROPPED = {
    b"content-security-policy",
    b"server",
    b"access-control-allow-origin",
    b"access-control-allow-credentials",
}


async def _body(receive: Receive, most: int) -> bytes | None:
    """The whole body, or None once it is too long: nobody has to announce a length to be stopped by it."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body"):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Hand over a body that was read, then whatever comes next."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> dict[str, Any]:
        return waiting.pop() if waiting else await receive()

    return again


def problem(scope: Scope, status: int, code: str, sentence: str, **more: object) -> Response:
    """A refusal: a page for a browser that wants one, else JSON, which has `more`."""
    wanted = dict(scope["headers"]).get(b"accept", b"")
    if (refusals := scope.get("agon_refusals")) is not None:  # there are none in a page of another's
        refusals[code] += 1
    sentence = translated(sentence)
    scope["agon_refused"] = code
    up = "../" * (scope["path"].count("/") - 1)  # addresses are relative, and this page may be anywhere
    if _API.match(scope["path"]) or b"text/html" not in wanted:
        return JSONResponse({"error": code, "sentence": sentence, **more}, status)
    title = _("There is no such page.") if status == 404 else _("This did not work.")
    if sentence == title:
        sentence = _("Its address may be mistyped, or what stood there is gone.")
    site = scope["agon_site"]
    first = next(iter(site.pages))
    backs = {
        "battle": _("To the arena") if site is ARENA else _("To the study"),
        "leaderboard": _("To the leaderboard"),
    }
    body = (
        f'<div class="ag-phead"><h1>{title}</h1>'
        f'<p class="ag-lead">{escape(sentence)}</p></div>'
        f'<a class="ag-btn" href="{site.home}">{backs[first]}</a>'
    )
    page = page_html(_("Error {status}", status=str(status)), body, current=None, site=site)
    return HTMLResponse(page.replace('="./', f'="./{up}'), status)


async def _nothing() -> dict[str, Any]:
    return {"type": "http.disconnect"}


def _cookie(header: str | None, name: str = COOKIE) -> str | None:
    try:
        morsel = SimpleCookie(header or "").get(name)
    except CookieError:
        return None
    return morsel.value if morsel else None


def _set_cookie(name: str, value: str, secure: bool, *, framed: bool) -> str:
    """The cookie; in others' frames browsers keep it only apart for each of them, and over TLS."""
    ending = "SameSite=None; Secure; Partitioned" if framed else f"SameSite=Lax{'; Secure' if secure else ''}"
    return f"{name}={value}; Path=/; HttpOnly; Max-Age={COOKIE_SECONDS if value else 0}; {ending}"


def session_of(request: Request) -> str:
    """The session that the guard found proven; without one nothing can be done."""
    session: str | None = request.scope.get("agon_session")
    if session is None:
        raise Refusal(
            403, "no_session", "Your browser sent no cookie of this arena. Allow cookies, then reload."
        )
    return session


Session = Annotated[str, Depends(session_of)]
