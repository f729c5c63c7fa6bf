"""A provider of OpenID Connect in this process: discovery, sign-in, tokens with real signatures, its keys.

It follows OpenID Connect Core 1.0 and RFC 7636 by itself, with joserfc for signatures, and does wrong what it
is told to.
"""

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse


def fresh_key(name):
    """A key to sign with, under a name."""
    from joserfc.jwk import RSAKey

    return RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})


@dataclass
class Provider:
    """A provider whose accounts sign in without asking; `claims` and the rest change what it says."""

    client: str = "agon"
    secret: str = "s3cret-of-the-client"
    issuer: str = ""
    subject: str = "subject-1-canary"
    claims: dict = field(default_factory=dict)  # in the place of the right ones
    userinfo: dict = field(default_factory=dict)
    away: bool = False
    key: object = None
    signer: object = None  # another key than the one that it shows
    algorithm: str = "RS256"
    codes: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def app(self):
        """Its server."""
        app = FastAPI()

        @app.middleware("http")
        async def out(request: Request, following):
            self.asked.append(request.url.path)
            return JSONResponse({}, 500) if self.away else await following(request)

        @app.get("/.well-known/openid-configuration")
        async def about():
            return {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
            }

        @app.get("/jwks")
        async def keys():
            return {"keys": [self.key.as_dict(private=False)]}

        @app.get("/authorize")
        async def authorize(request: Request):
            asked = dict(request.query_params)
            assert asked["response_type"] == "code"
            assert asked["client_id"] == self.client
            assert asked["code_challenge_method"] == "S256"
            assert "openid" in asked["scope"].split()
            code = secrets.token_urlsafe(16)
            self.codes[code] = asked
            query = urlencode({"code": code, "state": asked["state"]})
            return RedirectResponse(f"{asked['redirect_uri']}?{query}", 302)

        @app.post("/token")
        async def token(request: Request):
            basic = base64.b64encode(f"{self.client}:{self.secret}".encode()).decode()
            form = await request.form()
            asked = self.codes.pop(form.get("code"), None)  # a code is good for once
            digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            if request.headers.get("authorization") != f"Basic {basic}":
                return JSONResponse({"error": "invalid_client"}, 401)
            if asked is None or challenge != asked["code_challenge"]:
                return JSONResponse({"error": "invalid_grant"}, 400)
            if form.get("redirect_uri") != asked["redirect_uri"]:
                return JSONResponse({"error": "invalid_grant"}, 400)
            return {
                "access_token": "access-token",
                "token_type": "Bearer",
                "expires_in": 60,
                "id_token": self.signed(asked["nonce"]),
            }

        @app.get("/userinfo")
        async def info(request: Request):
            assert request.headers["authorization"] == "Bearer access-token"
            return {"sub": self.subject, **self.userinfo}

        return app

    def signed(self, nonce):
        """An ID token."""
        from joserfc import jwt

        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": self.client,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **self.claims,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        signer = self.signer or self.key
        header = {"alg": self.algorithm, "kid": self.key.kid}
        return jwt.encode(header, kept, signer, algorithms=[self.algorithm])
