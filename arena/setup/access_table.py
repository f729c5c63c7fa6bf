"""The [access] of a configuration: who may vote, and who may read."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from agon.arena.core.visitors.access import AccessSettings, OpenIDSettings, Readers
from agon.arena.setup.tables import ConfigError, Line, Opening, Table

LEAST_PASSWORD = 12  # characters
_ISSUER = re.compile(r"https://[^\s?#@]+|http://(localhost|127\.0\.0\.1)(:\d{1,5})?(/[^\s?#@]*)?")
_DOMAIN = re.compile(r"(?:[a-z0-9-]+\.)+[a-z0-9-]{2,}")


def _domain(name: str) -> str:
    if not _DOMAIN.fullmatch(name.lower()):
        raise ValueError("must be a list of domains of e-mail addresses, such as example.org")
    return name.lower()


def _address(name: str) -> str:
    if name.count("@") != 1 or not name.isprintable() or " " in name:
        raise ValueError("must be a list of e-mail addresses, such as ada@example.org")
    return name.lower()


class OpenIDTable(Table):
    """A provider of accounts."""

    issuer: str
    client_id: Line
    client_secret_env: Line | None = None
    name: Line | None = None
    allowed_domains: list[Annotated[str, AfterValidator(_domain)]] = Field(default_factory=list)
    allowed_users: list[Annotated[str, AfterValidator(_address)]] = Field(default_factory=list)

    @field_validator("issuer")
    @classmethod
    def _issuer(cls, issuer: str) -> str:
        if not _ISSUER.fullmatch(issuer):
            raise ValueError("must be the address of a provider, such as https://accounts.example.org")
        return issuer


class AccessTable(Table):
    """Who may vote, and who may read."""

    read: Readers = "public"
    password_env: Line | None = None
    invitations: bool = False
    oidc: OpenIDTable | None = None
    days: int = Field(default=AccessSettings().days, ge=1, le=365)

    @model_validator(mode="after")
    def _some_door(self) -> Self:
        if self.password_env is None and not self.invitations and self.oidc is None:
            raise ValueError(
                "has neither password_env nor invitations nor an [access.oidc]; name who may vote"
            )
        return self


def access_of(table: AccessTable | None, opening: Opening, public_url: str | None) -> AccessSettings | None:
    """Who may vote in an arena; None where everybody may.

    Args:
        table: [access] as it was read.
        opening: with the environment.
        public_url: of [arena], to which a provider sends people back.

    Raises:
        ConfigError: a variable that is not set, a password that is short, a provider without a way back.
    """
    if table is None:
        return None
    password = None
    if table.password_env is not None:
        password = opening.key(table.password_env)
        if len(password) < LEAST_PASSWORD:
            raise ConfigError(
                f"{opening.where}: the password in {table.password_env} has {len(password)} characters, and "
                f"{LEAST_PASSWORD} are needed; take what openssl rand -base64 12 prints."
            )
    account = None
    if (oidc := table.oidc) is not None:
        if public_url is None:
            raise ConfigError(
                f"{opening.where}: the provider of [access.oidc] sends people back to this arena; name its "
                'address in [arena], as public_url = "https://arena.example".'
            )
        secret = None if oidc.client_secret_env is None else opening.key(oidc.client_secret_env)
        account = OpenIDSettings(
            oidc.issuer,
            oidc.client_id,
            secret,
            oidc.name or oidc.issuer.partition("://")[2].partition("/")[0],
            tuple(oidc.allowed_domains),
            tuple(oidc.allowed_users),
        )
    return AccessSettings(table.read, password, table.invitations, account, table.days)
