"""Accounts of a provider, by OpenID Connect: the code flow with PKCE, state and nonce of one session.

Nothing is remembered between the two ends of a sign-in: state, nonce and verifier are made of the session by
the key of the arena. Of an account a keyed code is kept, made of issuer and subject alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from agon.arena.core.operation.operator_messages import tell
from agon.arena.core.refusal import Refusal
from agon.arena.core.sessions import Keys
from agon.arena.core.visitors.access import OpenIDSettings
from agon.ranking.leaderboard.row import plain
from agon.ranking.text import Sentence

FLOW_SECONDS = 600.0  # for signing in at the provider
KNOWN_SECONDS = 3600.0  # that what a provider says of itself is taken for true
PROVIDER_SECONDS = 10.0  # seconds for each of its answers
LEEWAY = 60  # seconds that its clock may be off
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
STATE_PARTS = 4


class ProviderAwayError(Exception):
    """The provider does not answer, or not as one."""


class Provider:
    """The provider of an arena's accounts.

    Args:
        settings: which it is, and whose accounts may enter.
        keys: of the arena.
        returns: address of the arena to which it sends people back.
        transport: how it is asked; over the network, if left out.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        settings: OpenIDSettings,
        keys: Keys,
        returns: str,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.settings, self._keys, self._returns = settings, keys, returns
        self._transport, self._clock = transport, clock
        self._known: tuple[float, dict[str, Any]] = (0.0, {})
        self._signing: KeySet | None = None

    async def address(self, session: str, to: str) -> str:
        """Where a session signs in, to come back to the page `to`.

        Raises Refusal: the provider is away.
        """
        salt = secrets.token_hex(8)
        proof = self._keys.proof(FLOW_SECONDS, "sign-in", session, salt, to)
        state = "~".join((salt, to, *proof.split(".")))
        async with self._client() as client:
            try:
                about = await self._about(client)
            except ProviderAwayError as error:
                raise self._away(error) from error
            found = client.create_authorization_url(
                about["authorization_endpoint"],
                state=state,
                nonce=self._keys.code("nonce", session, state),
                code_verifier=self._keys.code("verifier", session, state),
            )
        return str(found[0])

    def page_of(self, session: str, state: str) -> str:
        """The page to which a session comes back with this state.

        Raises Refusal: it is of another session, too old, or not ours.
        """
        parts = state.split("~")
        if len(parts) == STATE_PARTS:
            salt, to, *proof = parts
            if self._keys.proven(".".join(proof), "sign-in", session, salt, to):
                return to
        raise Refusal(
            403, "bad_state", "This sign-in was begun in another browser, or too long ago. Sign in once more."
        )

    async def account_session(self, session: str, state: str, code: str) -> str:
        """The session of the account that a code of the provider is for.

        Raises Refusal: the provider is away, what it says cannot be verified, or the account may not enter.
        """
        async with self._client() as client:
            try:
                claims = await self._claims(client, session, state, code)
            except ProviderAwayError as error:
                raise self._away(error) from error
            except (JoseError, AuthlibBaseError, KeyError, TypeError, ValueError) as error:
                said = f"{type(error).__name__}: {plain(str(error))[:200]}"
                tell(
                    f"what {self.settings.issuer} said of an account was not believed: {said}", "not_verified"
                )
                raise Refusal(
                    403,
                    "not_verified",
                    Sentence(
                        "What {name} said of your account could not be verified. Nothing was changed: sign "
                        "in once more, or tell whoever runs this arena.",
                        name=self.settings.name,
                    ),
                ) from error
        if not self._may_enter(claims):
            raise Refusal(
                403,
                "not_allowed",
                "Your account is not one of those that may vote here. Sign in with another one, or ask "
                "whoever runs this arena.",
            )
        return self._keys.account_session(self.settings.issuer, str(claims["sub"]))

    def _client(self) -> AsyncOAuth2Client:
        given = self.settings
        return AsyncOAuth2Client(
            given.client_id,
            given.client_secret,
            token_endpoint_auth_method="none" if given.client_secret is None else "client_secret_basic",
            scope="openid email" if given.domains or given.users else "openid",
            redirect_uri=self._returns,
            code_challenge_method="S256",
            timeout=PROVIDER_SECONDS,
            transport=self._transport,
        )

    async def _about(self, client: AsyncOAuth2Client) -> dict[str, Any]:
        """What the provider says of itself."""
        until, known = self._known
        if self._clock() < until:
            return known
        found = await self._json(
            client, f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
        )
        if found.get("issuer") != self.settings.issuer:
            raise ProviderAwayError(f"it calls itself {plain(str(found.get('issuer')))!r:.200}")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not str(found.get(name, "")).startswith(("https://", "http://")):
                raise ProviderAwayError(f"it has no {name}")
        self._known, self._signing = (self._clock() + KNOWN_SECONDS, found), None
        return found

    async def _json(self, client: AsyncOAuth2Client, address: str, **more: Any) -> dict[str, Any]:
        try:
            answer = await client.request("GET", address, withhold_token=True, **more)
            answer.raise_for_status()
            found = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise ProviderAwayError(f"{address}: {type(error).__name__}: {error}") from error
        if not isinstance(found, dict):
            raise ProviderAwayError(f"{address} answers no object of JSON")
        return found

    async def _claims(
        self, client: AsyncOAuth2Client, session: str, state: str, code: str
    ) -> Mapping[str, Any]:
        """What the provider says of an account, checked: its signature, and what binds it to this sign-in."""
        about = await self._about(client)
        methods = about.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if self.settings.client_secret is not None and "client_secret_basic" not in methods:
            client.token_endpoint_auth_method = "client_secret_post"  # noqa: S105 - the name of a method
        verifier = self._keys.code("verifier", session, state)
        try:
            token = await client.fetch_token(about["token_endpoint"], code=code, code_verifier=verifier)
        except httpx2.HTTPError as error:
            raise ProviderAwayError(f"{about['token_endpoint']}: {type(error).__name__}: {error}") from error
        decoded = await self._decoded(client, about, token["id_token"])
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            options={
                "iss": {"essential": True, "value": self.settings.issuer},
                "aud": {"essential": True, "value": self.settings.client_id},
            },
            params={
                "nonce": self._keys.code("nonce", session, state),
                "client_id": self.settings.client_id,
                "access_token": token.get("access_token"),
            },
        )
        claims.validate(leeway=LEEWAY)
        asked = self.settings.domains or self.settings.users
        if asked and "email" not in claims and "userinfo_endpoint" in about:
            bearer = {"authorization": f"Bearer {token['access_token']}"}
            more = await self._json(client, about["userinfo_endpoint"], headers=bearer)
            if more.get("sub") != claims["sub"]:
                raise ValueError("the user information is of another subject")
            return {**more, **claims}
        return dict(claims)

    async def _decoded(self, client: AsyncOAuth2Client, about: Mapping[str, Any], token: str) -> jwt.Token:
        """A token whose signature is right by the keys of the provider, which are asked for anew once."""
        known = self._signing
        if known is not None:
            try:
                return jwt.decode(token, known, algorithms=ALGORITHMS)
            except (JoseError, ValueError):
                pass  # it may have another key since
        found: Any = await self._json(client, about["jwks_uri"])
        self._signing = fresh = KeySet.import_key_set(found)
        return jwt.decode(token, fresh, algorithms=ALGORITHMS)

    def _may_enter(self, claims: Mapping[str, Any]) -> bool:
        given = self.settings
        if not (given.domains or given.users):
            return True
        address = str(claims.get("email", "")).lower()
        if claims.get("email_verified") not in (True, "true") or address.count("@") != 1:
            return False
        return address in given.users or address.partition("@")[2] in given.domains

    def _away(self, error: Exception) -> Refusal:
        tell(
            f"{self.settings.issuer} does not let people sign in: {plain(str(error))[:300]}", "provider_away"
        )
        return Refusal(
            503,
            "provider_away",
            Sentence(
                "{name} cannot be reached now. Nothing was changed: try again in a minute.",
                name=self.settings.name,
            ),
        )
