"""A puzzle before a session's first battle: cheap for one person, dear for whoever wants many sessions.

Nothing is remembered: the challenge is signed, for one session and a few minutes, and solving it twice gives
the same session what it has already.
"""

from __future__ import annotations

import secrets
from hashlib import sha256

from agon.arena.core.sessions import Keys

WORK_COOKIE = "agon_work"
WORK_SECONDS = 600.0  # for the puzzle
WORKED_SECONDS = 30 * 24 * 3600.0  # after which it is asked for again
MOST_WORK = 28  # bits: minutes in a browser
MOST_NONCE = 40  # characters


def new_challenge(keys: Keys, session: str, bits: int) -> str:
    """A challenge for a session: find a nonce with which its digest begins with so many zero bits."""
    salt = secrets.token_hex(8)
    return f"{salt}.{keys.proof(WORK_SECONDS, 'work', session, str(bits), salt)}"


def check_challenge(keys: Keys, session: str, bits: int, challenge: str) -> bool:
    """Whether a challenge is ours, of this session, and not too old."""
    salt, _, proof = challenge.partition(".")
    return keys.proven(proof, "work", session, str(bits), salt)


def zero_bits(challenge: str, nonce: str) -> int:
    """With how many zero bits the SHA-256 digest of "challenge:nonce" begins."""
    digest = sha256(f"{challenge}:{nonce}".encode("utf-8", "surrogatepass")).digest()
    return 256 - int.from_bytes(digest, "big").bit_length()


def work_cookie(keys: Keys, session: str, bits: int) -> str:
    """The cookie of a session that has done its work."""
    return keys.proof(WORKED_SECONDS, "worked", session, str(bits))


def has_worked(keys: Keys, session: str | None, bits: int, cookie: str | None) -> bool:
    """Whether a session has done its work."""
    return session is not None and keys.proven(cookie or "", "worked", session, str(bits))
