"""The connections of the server: bounded in all and for each network, and cut where no request comes.

Who opens connections and sends nothing, or a header line a minute, would else take every file that the
process may open, and nobody is served.
"""

from __future__ import annotations

import asyncio
import resource

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from agon.arena.core.fair_shares import FairShare
from agon.arena.web.clients.networks import Networks, is_among, network_of

PEER = "agon_peer"  # in the state of a request: who holds its connection
HEAD_SECONDS = 10.0  # for the whole head of a request
MOST_CONNECTIONS = 4096  # in all, or half of the files that the process may open


def connection_places() -> FairShare:
    """Places for as many connections as this process can hold beside its own files; lifts its limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST_CONNECTIONS if hard == resource.RLIM_INFINITY else min(2 * MOST_CONNECTIONS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return FairShare(MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, soft // 2))


def bounded_protocol(places: FairShare, proxies: Networks) -> type[asyncio.Protocol]:
    """The protocol of connections that share these places; a proxy may hold as many as there are."""

    class BoundedProtocol(H11Protocol):
        """HTTP of one connection."""

        _network: str | None = None  # which has a place for it
        _patience: asyncio.TimerHandle | None = None  # for the head of a request

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            address = self.client[0] if self.client else None
            self.app_state = {**self.app_state, PEER: address}  # whatever a proxy says of others
            if is_among(address, proxies):
                room = places.held.total() < places.most
                places.held["a proxy"] += room
                self._network = "a proxy" if room else None
            else:
                network = network_of(address)
                self._network = network if places.take(network) else None
            if self._network is None:
                transport.abort()
            else:
                self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._wait_no_more()
            if self._network is not None:
                places.leave(self._network)
                self._network = None

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
                self._wait()
            else:
                self._wait_no_more()

        def _wait(self) -> None:
            if self._patience is None:  # a line more buys no more time
                self._patience = self.loop.call_later(HEAD_SECONDS, self._cut)

        def _wait_no_more(self) -> None:
            if self._patience is not None:
                self._patience.cancel()
                self._patience = None

        def _cut(self) -> None:
            self._patience = None
            if not self.transport.is_closing():
                self.transport.close()

    return BoundedProtocol
