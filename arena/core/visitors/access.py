"""Who may vote where not everybody may: whoever knows a password, was invited, or has an account.

A browser that was let in has a cookie beside that of its session, for this session alone, signed, with an
end, and of the door as it was: with another password whoever came by the old one signs in again. That of an
invitation names it, for it may be taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from agon.arena.core.sessions import Keys

MEMBER_COOKIE = "agon_member"
SECONDS_OF_A_DAY = 24 * 3600.0
Door = Literal["password", "invitation", "account"]
Readers = Literal["public", "members"]


@dataclass(frozen=True, slots=True)
class OpenIDSettings:
    """A provider of accounts, as OpenID Connect has it.

    Attributes:
        issuer: its address.
        client_id: under which it knows this arena.
        client_secret: that it gave the arena; None of a public client.
        name: what people call it.
        domains: of e-mail addresses that it must have verified; all accounts, if empty.
        users: such addresses one by one.
    """

    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    name: str = ""
    domains: tuple[str, ...] = ()
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """Who may vote, and who may read.

    Attributes:
        read: whether everybody may read boards, or members alone.
        password: that lets in; None where none does.
        invitations: whether links of `agon invite` do.
        account: a provider whose accounts do.
        days: after which one signs in again.
    """

    read: Readers = "public"
    password: str | None = field(default=None, repr=False)
    invitations: bool = False
    account: OpenIDSettings | None = None
    days: int = 30

    @property
    def doors(self) -> Mapping[Door, str]:
        """The doors there are, and the mark of each, which is another one when the door is."""
        found: dict[Door, str] = {}
        if self.password is not None:
            found["password"] = sha256(self.password.encode("utf-8", "surrogatepass")).hexdigest()
        if self.invitations:
            found["invitation"] = ""
        if self.account is not None:
            allowed = (*sorted(self.account.domains), "", *sorted(self.account.users))
            found["account"] = "\x1e".join((self.account.issuer, self.account.client_id, *allowed))
        return found


def member_cookie(keys: Keys, access: AccessSettings, session: str, door: Door, invitation: str = "") -> str:
    """The cookie of a session that came in by a door; by an invitation, with its id."""
    mark = invitation or access.doors[door]
    name = f"{door}-{invitation}" if invitation else door
    return f"{name}.{keys.proof(access.days * SECONDS_OF_A_DAY, 'member', session, door, mark)}"


def door_of(
    keys: Keys, access: AccessSettings, session: str | None, cookie: str | None
) -> tuple[Door, str] | None:
    """By which door a session came in, and by which invitation, if by one; None of one that did not."""
    name, _, proof = (cookie or "").partition(".")
    name, _, invitation = name.partition("-")
    for door, mark in access.doors.items():
        if door != name or session is None or (door == "invitation") != bool(invitation):
            continue
        if keys.proven(proof, "member", session, door, invitation or mark):
            return door, invitation
    return None
