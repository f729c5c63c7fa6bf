"""Who is asking, and with what right: signed session cookies, voters' pseudonyms, single-use vote tokens.

All three are keyed with one secret that never leaves the log folder. A session is our own HttpOnly
cookie, never Gradio's session hash, which a stranger can choose. A vote token names the battle, the turn
and the session it was made for, and when it ends; that it is used once is for the database to enforce.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from agon.ranking.errors import AgonError

COOKIE = "agon_session"
COOKIE_SECONDS = 365 * 24 * 3600
TOKEN_SECONDS = 6 * 3600
NOWHERE = "?"  # the network of a request whose server tells no address, as on a socket of Unix


class KeyFileError(AgonError):
    """The key of a log folder cannot be used."""


@dataclass(frozen=True, slots=True)
class AdminSettings:
    """Who may see the page of the operators, and what it may do.

    Attributes:
        token: that opens it; None where only a proxy's word does.
        header: of a proxy that names who is signed in.
        users: those of whom it may be.
        backups: folder of the backups that are made there; None where none are.
        keep: how many it keeps.
    """

    token: str | None = field(default=None, repr=False)
    header: str | None = None
    users: tuple[str, ...] = ()
    backups: Path | None = None
    keep: int | None = None


class Keys:
    """Everything that is signed with one secret of at least 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 32:
            raise ValueError("the secret must have at least 32 bytes")
        self._secret = secret

    @classmethod
    def of_folder(cls, folder: Path) -> Keys:
        """The secret of a log folder, made at the first use and readable by its owner only.

        Raises:
            KeyFileError: it cannot be made or read, or is no secret.
        """
        path = folder / "secret.key"
        fresh = folder / f".secret-{secrets.token_hex(8)}.key"  # whole before it has the name
        try:
            if not path.exists():
                with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(secrets.token_bytes(32))
                with suppress(FileExistsError):
                    os.link(fresh, path)
                fresh.unlink()
            secret = path.read_bytes()
        except OSError as error:
            raise KeyFileError(
                f"The key of the sessions, {path}, cannot be read or made: {error.strerror}; mend that, or "
                "name another folder."
            ) from error
        if len(secret) < 32:
            raise KeyFileError(
                f"The key of the sessions, {path}, holds {len(secret)} bytes where 32 are needed. Put a copy "
                "back, or remove it: a new one is made, and battles that are open now end without a vote."
            )
        return cls(secret)

    def new_session(self) -> str:
        """A fresh cookie value."""
        return self.cookie(secrets.token_urlsafe(24))

    def cookie(self, session: str) -> str:
        """The cookie value that proves a session that was chosen here."""
        return f"{session}.{self._sign('session', session)}"

    def invitation_token(self, study: str, invitation: str) -> str:
        """What the link of an invitation to a study carries."""
        return f"{invitation}.{self._sign('invitation', study, invitation)[:32]}"

    def invitation(self, study: str, token: str) -> str | None:
        """The id of the invitation whose link carries this; None of what we did not sign."""
        id_, _, _ = token.partition(".")
        expected = self.invitation_token(study, id_)
        return id_ if hmac.compare_digest(token.encode("utf-8", "surrogatepass"), expected.encode()) else None

    def share_id(self, battle: str, number: int) -> str:
        """What the address of a battle ends with when it is shown to others for the n-th time."""
        return self._sign("share", battle, str(number))[:32]

    def session(self, cookie: str | None) -> str | None:
        """The session that a cookie value proves, or None: what we did not sign is nobody's."""
        name, _, signature = (cookie or "").partition(".")
        return name if name and self._equal(signature, "session", name) else None

    def voter(self, session: str) -> str:
        """The pseudonym under which a session's votes are kept; the cookie cannot be found from it."""
        return self._sign("voter", session)[:24]

    def account_session(self, issuer: str, subject: str) -> str:
        """The session of an account of a provider, the same in every browser; it does not tell whose."""
        return f"account-{self._sign('account', issuer, subject)[:40]}"

    def vote_token(self, battle: str, turn: int, session: str) -> str:
        """The right to vote once on this battle as it stood after this turn."""
        return self.proof(TOKEN_SECONDS, "vote", battle, str(turn), session)

    def may_vote(self, token: str, battle: str, turn: int, session: str) -> bool:
        """Whether a token is ours, of this battle, turn and session, and not too old."""
        return self.proven(token, "vote", battle, str(turn), session)

    def proof(self, seconds: float, *parts: str) -> str:
        """What proves for so long that we said these parts, of which the first says what for."""
        ends = str(int(time.time() + seconds))
        return f"{ends}.{self._sign(*parts, ends)}"

    def proven(self, proof: str, *parts: str) -> bool:
        """Whether a proof is ours, of these parts, and not too old."""
        ends, _, signature = proof.partition(".")
        return self._equal(signature, *parts, ends) and ends.isdecimal() and int(ends) >= time.time()

    def code(self, *parts: str) -> str:
        """A code of these parts that nobody else can make, of 64 letters; the first says what for."""
        return self._sign(*parts)

    def form_token(self, person: str) -> str:
        """What the forms of a page carry that is for one person alone."""
        return self._sign("form", person)[:32]

    def owns_form(self, token: str, person: str) -> bool:
        """Whether a form was made for this person."""
        expected = self.form_token(person).encode()
        return hmac.compare_digest(token.encode("utf-8", "surrogatepass"), expected)

    def _sign(self, *parts: str) -> str:
        text = "\x1f".join(parts).encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()

    def _equal(self, signature: str, *parts: str) -> bool:
        return hmac.compare_digest(signature.encode("utf-8", "surrogatepass"), self._sign(*parts).encode())


class DailyHash:
    """A hash of networks by a key of one day of UTC, which all processes of a store have in common.

    Votes of one network and day have one hash. From one day to the next nothing links them, and once the key
    is gone nobody can try all networks to find whose a hash was.

    Args:
        key_of: gives the key of a day, by its number.
    """

    def __init__(self, key_of: Callable[[int], bytes]) -> None:
        self._key_of, self._day, self._key = key_of, -1, b""
        self._one = threading.Lock()

    async def of(self, network: str) -> str | None:
        """Of a network; None of one that is not known, and while the key cannot be had."""
        if not network or network == NOWHERE:
            return None
        try:
            key = await self.key()
        except AgonError:  # nor can a vote be kept then
            return None
        return hmac.new(key, network.encode(), hashlib.sha256).hexdigest()[:16]

    async def key(self) -> bytes:
        """The key of today.

        Raises:
            LogError: it cannot be had.
        """
        if self._day != today():
            await asyncio.to_thread(self._turn)
        return self._key

    def _turn(self) -> None:
        with self._one:
            if self._day != (day := today()):
                self._key, self._day = self._key_of(day), day


def today() -> int:
    """The number of the day since 1970, in UTC."""
    return int(time.time() // 86_400)
