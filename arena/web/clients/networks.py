"""Which network a request comes from: what limits count as one client, where cookies cost nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from agon.arena.core.sessions import NOWHERE

Networks = Sequence[IPv4Network | IPv6Network]
_BITS = {4: 24, 6: 48}  # of the addresses that one customer of a provider can have


def network_of(address: str | None) -> str:
    """The network of an address, such as 192.0.2.0/24: for limits in memory, never to be stored as it is."""
    try:
        found = ip_address((address or "").partition("%")[0])
    except ValueError:
        return NOWHERE
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return str(ip_network((found, _BITS[found.version]), strict=False))


def client_network(scope: Mapping[str, Any]) -> str:
    """The network of a request; behind a proxy that is named, of whom it speaks for.

    Empty, which no limit counts, where the page of another says that it does not know.
    """
    known: str | None = scope.get("agon_network")
    return network_of((scope.get("client") or (None,))[0]) if known is None else known


def network_in_page_of_another(address: str | None) -> str:
    """The network of a visitor of whom another server tells; empty for what may be its proxy."""
    try:
        found = ip_address((address or "").partition("%")[0])
    except ValueError:
        return ""
    return network_of(address) if found.is_global else ""


def is_among(address: str | None, networks: Networks) -> bool:
    """Whether an address is in one of the networks."""
    try:
        found = ip_address((address or "").partition("%")[0])
    except ValueError:
        return False
    return any(found in one for one in networks if one.version == found.version)
