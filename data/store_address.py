"""Where a store or a table of votes is: a path, or an address of PostgreSQL, which is never shown whole."""

from __future__ import annotations

from pathlib import Path
from typing import TypeGuard
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

SCHEMES = ("postgresql://", "postgres://")
_SECRETS = ("password", "sslpassword", "passfile")


class StoreAddress(str):
    """An address of PostgreSQL as libpq takes it; a page, a message or a log line gets `shown`, and so does
    whoever makes a text of it."""

    __slots__ = ()

    def __new__(cls, text: str) -> StoreAddress:
        """Of a text, or of another one."""
        return text if isinstance(text, StoreAddress) else super().__new__(cls, text)

    def __str__(self) -> str:
        return self.shown

    @property
    def shown(self) -> str:
        """The address without its password."""
        try:
            parts = urlsplit(self)
        except ValueError:
            return "postgresql://…"
        who, at, where = parts.netloc.rpartition("@")
        query = urlencode([(k, v) for k, v in parse_qsl(parts.query) if k not in _SECRETS], safe="/,:")
        return urlunsplit((parts.scheme, f"{who.partition(':')[0]}{at}{where}", parts.path, query, ""))

    @property
    def database(self) -> str:
        """The name of the database, as far as a folder can bear it."""
        name = urlsplit(self).path.strip("/")
        return "".join(c if c.isalnum() or c in "-_" else "-" for c in name) or "agon"

    def __repr__(self) -> str:
        return f"StoreAddress({self.shown!r})"


def is_address(text: object) -> TypeGuard[str]:
    """Whether this is an address of PostgreSQL."""
    return isinstance(text, str) and text.startswith(SCHEMES)


def store_of(text: str | Path) -> Path | StoreAddress:
    """The folder or the address that somebody wrote."""
    return StoreAddress(text) if isinstance(text, str) and is_address(text) else Path(text)
