"""What whoever runs an arena watches: counts, times and states for Prometheus, at an address of its own.

The address is not that of the pages, so that no proxy shows it by mistake. Nothing in it moves with one model
before the vote on its answer is kept: what is counted by model is counted when a battle is over.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agon.arena.core.arena import Arena
from agon.arena.core.battle import State
from agon.arena.web.middleware import ArenaMiddleware, Receive, Scope, Send

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_NO_ROUTE = "none"  # of what is asked for and is not there: its address would make a series of each probe

App = Callable[[Scope, Receive, Send], Awaitable[None]]


class ArenaMetrics:
    """What is counted of one arena while it is open.

    Args:
        arena: the arena.
    """

    def __init__(self, arena: Arena) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(_ArenaCollector(arena))
        made: dict[str, Any] = {"registry": self.registry}
        self.requests = Counter("agon_requests", "Requests answered.", ["route", "method", "status"], **made)
        self.seconds = Histogram(
            "agon_request_seconds",
            "Time until an answer began; of streams until their first bytes.",
            ["route"],
            buckets=_SECONDS,
            **made,
        )
        self.refusals = Counter("agon_refusals", "Requests refused, by reason.", ["route", "reason"], **made)
        self.kept = Counter("agon_votes_acknowledged", "Votes kept since this process began.", **made)
        self.refused = Counter("agon_votes_refused", "Votes refused, by reason.", ["reason"], **made)

    def around(self, app: ArenaMiddleware) -> App:
        """The application with its requests counted."""
        names = [(pattern, _template(pattern)) for pattern in app.paths]

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            began = perf_counter()

            async def sent(message: MutableMapping[str, Any]) -> None:
                if message["type"] == "http.response.start":  # by now without the prefix of a proxy
                    found = (name for pattern, name in names if pattern.match(scope["path"]))
                    self._count(next(found, _NO_ROUTE), scope, int(message["status"]), perf_counter() - began)
                await send(message)

            await app(scope, receive, sent if scope["type"] == "http" else send)

        return counted

    def _count(self, route: str, scope: Scope, status: int, seconds: float) -> None:
        reason = scope.get("agon_refused")
        self.requests.labels(route, scope["method"], str(status)).inc()
        self.seconds.labels(route).observe(seconds)
        if reason is not None:
            self.refusals.labels(route, reason).inc()
        if route.endswith("/vote"):
            if reason is not None:
                self.refused.labels(reason).inc()
            elif status == 200:
                self.kept.inc()

    def listen_at(self, host: str, port: int) -> WSGIServer:
        """Answer Prometheus at an address, in a thread of its own.

        Raises:
            OSError: the address is taken, or none of this machine.
        """
        server, _ = start_http_server(port, host, self.registry)
        return server


class _ArenaCollector(Collector):
    """What an arena knows of itself, asked when Prometheus asks."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena

    def collect(self) -> Iterator[Metric]:
        """Every number, as of now."""
        arena = self._arena
        battles = CounterMetricFamily("agon_battles", "Battles since this process began.", labels=["state"])
        for state in ("started", "ready", "void"):
            battles.add_metric([state], arena.tally[state])
        yield battles
        running = list(arena.battles.all())
        streaming = sum(one.battle.state is State.STREAMING for one in running)
        yield GaugeMetricFamily(
            "agon_battles_streaming", "Battles whose answers are being written.", streaming
        )
        watched = sum(one.watchers for one in running)
        yield GaugeMetricFamily("agon_streams_open", "Event streams that pages follow.", watched)
        yield GaugeMetricFamily("agon_log_votes", "Votes in the log.", arena.log.count())
        yield GaugeMetricFamily("agon_log_votes_counted", "Those of them that count.", arena.log.counted())
        models = len(arena.roster.listed)
        yield GaugeMetricFamily("agon_models", "Models that can be drawn.", models)
        yield GaugeMetricFamily(
            "agon_models_answering", "Models that answer.", len(arena.contestants.answering)
        )
        answers = CounterMetricFamily(
            "agon_answers",
            "Answers of battles that are over, by model and ending; in the log, not of this process alone.",
            labels=["model", "ending"],
        )
        for model, asked in arena.contestants.endings.all_asked().items():
            failures = arena.contestants.endings.failures(model)
            answers.add_metric([model, "came"], asked - sum(failures.values()))
            for kind, times in failures.items():
                answers.add_metric([model, kind], times)
        yield answers


def _template(pattern: re.Pattern[str]) -> str:
    """A route as it was declared: "/api/battles/{battle_id}/vote"."""
    named = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", pattern.pattern)
    return re.sub(r"\\Z|[\\^$]", "", named)
