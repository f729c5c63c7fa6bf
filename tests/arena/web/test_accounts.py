"""Accounts of a provider, by OpenID Connect: a real one with real signatures, and all that it does wrong."""

import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.visitors.access import AccessSettings, OpenIDSettings
from tests.arena.web.test_sign_in import PAGE, text_of
from tests.arena.web.test_sign_in import post as post_form
from tests.support.arena_server import Scripted, open_arena, roster, served
from tests.support.openid_provider import Provider, fresh_key

pytest.importorskip("authlib", reason="needs the part login: pip install 'agon-arena[login]'")
PUBLIC = "https://arena.example"  # behind a proxy, under /blind


@pytest.fixture(scope="module")
def provider():
    given = Provider(key=fresh_key("first"))
    with served(uvicorn.Config(given.app(), log_level="error")) as url:
        given.issuer = url
        yield given


@contextmanager
def arena_of(provider, folder, **allowed):
    """An arena whose provider this is, and which is as it was before."""
    provider.claims, provider.userinfo, provider.away, provider.signer = {}, {}, False, None
    provider.subject, provider.algorithm = "subject-1-canary", "RS256"
    account = OpenIDSettings(provider.issuer, provider.client, provider.secret, "House accounts", **allowed)
    settings = ArenaSettings(
        seed=7,
        pacing="raw",
        public_url=PUBLIC,
        root_path="/blind",
        access=AccessSettings(account=account),
    )
    with open_arena(folder, roster(Scripted("A one."), Scripted("B two.")), settings) as arena:
        yield arena


def begin(visitor, to=""):
    """Go to the provider; returns where it sends the visitor back to."""
    sent = visitor.http.get(f"/sign-in/account?to={to}", headers=PAGE)
    assert sent.status_code == 303, sent.text
    back = httpx.get(sent.headers["location"], trust_env=False)
    assert back.status_code == 302, back.text
    address = back.headers["location"]
    assert address.startswith(f"{PUBLIC}/blind/sign-in/callback?")
    parts = urlsplit(address)
    return f"/sign-in/callback?{parts.query}"  # the proxy takes its prefix off


def enter(visitor, to=""):
    """Sign in; returns the answer of the arena."""
    return visitor.http.get(begin(visitor, to), headers=PAGE)


class _Jar:
    """A visitor whose cookies travel without TLS, as between a proxy and the arena."""

    def __init__(self, arena):
        self.visitor = arena.visitor()
        self.http = self

    def _plain(self):
        for cookie in self.visitor.http.cookies.jar:
            cookie.secure = False

    def get(self, path, **more):
        self._plain()
        answer = self.visitor.http.get(path, **more)
        self._plain()
        return answer

    def post(self, path, **more):
        self._plain()
        answer = self.visitor.http.post(path, **more)
        self._plain()
        return answer

    @property
    def session(self):
        return self.visitor.http.cookies["agon_session"]


def test_one_account_is_one_voter_in_every_browser_and_no_name_is_kept(provider, tmp_path):
    with arena_of(provider, tmp_path, domains=("house.example",)) as arena:
        provider.claims = {"email": "ada.canary@house.example", "email_verified": True}
        first, second, other = _Jar(arena), _Jar(arena), _Jar(arena)
        came = enter(first, "leaderboard")
        assert (came.status_code, came.headers["location"]) == (303, "../leaderboard"), came.text
        assert all("Secure" in one for one in came.headers.get_list("set-cookie"))
        assert enter(second).headers["location"] == "../"
        assert first.session == second.session
        provider.subject = "subject-2-canary"
        assert enter(other).status_code == 303
        assert other.session != first.session
        for visitor in (first, other):
            begun = visitor.post("/api/battles", json={"prompt": "Why?"})
            assert begun.status_code == 200, begun.text
            visitor.visitor.finish(begun.json()["battle"])
        voter = arena.arena.keys.voter(first.session.partition(".")[0])
        assert "House accounts" in first.get("/sign-in").text
        assert post_form(first, "/sign-in/leave").status_code == 303
        assert not first.session.startswith("account-")
        assert second.post("/api/battles", json={"prompt": "Why?"}).status_code == 200
        arena.log.snapshot()
        voters = {one.battle.voter for one in arena.arena.battles.all()}
        assert voter in voters
        assert len(voters) == 2
        stored = b"".join(path.read_bytes() for path in Path(tmp_path).rglob("*") if path.is_file())
        for canary in (b"ada.canary", b"subject-1-canary", b"subject-2-canary", b"house.example"):
            assert canary not in stored
        assert "Of the account that you sign in with a keyed code" in second.get("/about").text


def test_an_address_may_come_of_the_user_information(provider, tmp_path):
    with arena_of(provider, tmp_path, users=("ada@house.example",)) as arena:
        provider.userinfo = {"email": "Ada@house.example", "email_verified": True}
        assert enter(_Jar(arena)).status_code == 303
        provider.userinfo["sub"] = "somebody-else"
        assert enter(_Jar(arena)).status_code == 403


@pytest.mark.parametrize(
    ("wrong", "claims"),
    [
        ("audience", {"aud": "another-client"}),
        ("several audiences for another", {"aud": ["agon", "another"], "azp": "another"}),
        ("issuer", {"iss": "https://another.example"}),
        ("nonce", {"nonce": "another"}),
        ("no nonce", {"nonce": None}),
        ("expired", {"exp": int(time.time()) - 3600}),
        ("no end", {"exp": None}),
        ("no subject", {"sub": None}),
    ],
)
def test_a_token_that_is_not_for_this_sign_in_is_not_believed(provider, tmp_path, wrong, claims):
    with arena_of(provider, tmp_path) as arena:
        visitor = _Jar(arena)
        provider.claims = claims
        answer = enter(visitor)
        assert answer.status_code == 403, wrong
        assert "What House accounts said of your account could not be verified." in text_of(answer)
        assert visitor.post("/api/battles", json={"prompt": "Why?"}).status_code == 401


def test_a_signature_is_that_of_the_provider_and_keys_may_change(provider, tmp_path):
    from joserfc.jwk import OctKey

    with arena_of(provider, tmp_path) as arena:
        assert enter(_Jar(arena)).status_code == 303
        provider.signer = fresh_key("stranger")
        assert enter(_Jar(arena)).status_code == 403
        provider.signer, provider.algorithm = OctKey.import_key(provider.secret), "HS256"
        assert enter(_Jar(arena)).status_code == 403, "a secret that others may know signs nothing"
        provider.signer, provider.algorithm, provider.key = None, "RS256", fresh_key("second")
        assert enter(_Jar(arena)).status_code == 303, "the keys are asked for again"


def test_a_sign_in_is_of_the_browser_that_began_it(provider, tmp_path):
    with arena_of(provider, tmp_path) as arena:
        mine, yours = _Jar(arena), _Jar(arena)
        back = begin(mine)
        stolen = yours.get(back, headers=PAGE)
        assert stolen.status_code == 403
        assert "begun in another browser, or too long ago" in text_of(stolen)
        for broken in ("", "x", "~~~", "a~b~9999999999~c", back.partition("state=")[2][:-3]):
            assert mine.get(f"/sign-in/callback?code=x&state={broken}", headers=PAGE).status_code == 403
        denied = mine.get(f"/sign-in/callback?error=access_denied&{back.partition('&')[2]}", headers=PAGE)
        assert denied.status_code == 403
        assert "House accounts did not let you in." in text_of(denied)
        assert mine.get(back, headers=PAGE).status_code == 303
        assert mine.get(back, headers=PAGE).status_code == 403, "and once"


def test_a_page_to_come_back_to_is_our_own(provider, tmp_path):
    with arena_of(provider, tmp_path) as arena:
        for to in ("//evil.example", "https:%2F%2Fevil.example", "x~y"):
            assert enter(_Jar(arena), to).headers["location"] == "../", to


def test_accounts_that_are_not_allowed_stay_out(provider, tmp_path):
    with arena_of(provider, tmp_path, domains=("house.example",)) as arena:
        for claims in (
            {},
            {"email": "ada@house.example"},
            {"email": "ada@house.example", "email_verified": False},
            {"email": "ada@another.example", "email_verified": True},
            {"email": "ada@house.example@another.example", "email_verified": True},
            {"email": "ada@sub.house.example", "email_verified": True},
        ):
            provider.claims = claims
            answer = enter(_Jar(arena))
            assert answer.status_code == 403, claims
            assert "not one of those that may vote here" in text_of(answer)


def test_a_provider_that_is_away_is_said_in_one_sentence(provider, tmp_path):
    with arena_of(provider, tmp_path) as arena:
        visitor = _Jar(arena)
        back = begin(visitor)
        provider.away = True
        late = visitor.get(back, headers=PAGE)
        assert late.status_code == 503
        assert "House accounts cannot be reached now." in text_of(late)
    with arena_of(provider, tmp_path / "second") as arena:
        provider.away = True
        answer = _Jar(arena).get("/sign-in/account", headers=PAGE)
        assert answer.status_code == 503
        assert "House accounts cannot be reached now." in text_of(answer)
        program = _Jar(arena).get("/sign-in/account")
        assert program.json()["error"] == "provider_away"
        provider.away, right = False, provider.issuer
        try:
            provider.issuer = "https://another.example"
            assert _Jar(arena).get("/sign-in/account", headers=PAGE).status_code == 503
        finally:
            provider.issuer = right
