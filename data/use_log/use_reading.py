"""Reading the log of use: its conversations, and of these what signals say."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from agon.data.log.events import EVENTS
from agon.data.log.hash_chain import read_lines
from agon.data.use_log.use_writing import USE, use_head
from agon.ranking.errors import SourceError
from agon.ranking.routed.routed_use import RoutedUse
from agon.ranking.routed.use_signals import SIGNALS


@dataclass(slots=True)
class UsedConversation:
    """One conversation of the log.

    Attributes:
        id: of the conversation.
        key: name of the key by which it was asked.
        user: pseudonym of who asked.
        thread: pseudonym of how it begins.
        draw: number of the chances by which its model was drawn.
        model: that was drawn.
        answered_by: the model that answered last; another one where the drawn one failed.
        turns: how many answers were asked for.
        sent: the signals that were sent, the last of each.
        failures: answers that failed, or whose model failed and another one answered.
        times: (first token, whole answer) in seconds, of answers that came to their end.
        costs: of the answers; None for one that is not known.
    """

    id: str
    key: str
    user: str
    thread: str
    draw: int
    model: str
    answered_by: str
    turns: int = 0
    sent: dict[str, float] = field(default_factory=dict)
    failures: int = 0
    times: list[tuple[float, float]] = field(default_factory=list)
    costs: list[float | None] = field(default_factory=list)

    def value(self, signal: str) -> float:
        """What a signal is of it; NaN where it is not known."""
        if signal in self.sent:
            return self.sent[signal]
        if signal == "failure" and self.turns:
            return self.failures / self.turns
        if signal in ("first_token", "seconds") and self.times:
            return sum(pair[signal == "seconds"] for pair in self.times) / len(self.times)
        if signal == "cost" and self.costs and None not in self.costs:
            return math.fsum(one for one in self.costs if one is not None)
        return math.nan


@dataclass
class UseHistory:
    """What the log of use says.

    Attributes:
        conversations: by id, in the order of their draws.
        draws: by number, the chances of the models.
        today: requests by key on the last day of the log.
        day: that day, as in 2026-11-30.
    """

    conversations: dict[str, UsedConversation] = field(default_factory=dict)
    draws: dict[int, Mapping[str, float]] = field(default_factory=dict)
    today: dict[str, int] = field(default_factory=dict)
    day: str = ""

    def take(self, event: Mapping[str, Any]) -> None:
        """Add what an event says.

        Those of a conversation that was not kept, or whose chances were not, are passed over: the disk was
        full at that moment, and nobody was answered.
        """
        kind = event["event"]
        if kind == "draws":
            self.draws[event["number"]] = event["probabilities"]
        elif kind == "conversation":
            if event["draw"] not in self.draws:
                return
            told = (event[name] for name in ("id", "key", "user", "thread", "draw", "model", "model"))
            self.conversations[event["id"]] = UsedConversation(*told)
        elif (one := self.conversations.get(event["conversation"])) is None:
            return
        elif kind == "turn":
            self._take_turn(event, one)
        elif kind == "signals":
            one.sent.update(event["values"])

    def _take_turn(self, event: Mapping[str, Any], one: UsedConversation) -> None:
        one.turns += 1
        one.answered_by = event.get("model", one.answered_by)
        failed = event.get("failed") or event.get("failure")
        one.failures += bool(failed)
        if "seconds" in event and "model" in event and not event.get("stopped") and "failure" not in event:
            one.times.append((event["first_token"], event["seconds"]))
            one.costs.append(event.get("cost"))
        day = event["at"][:10]
        if day != self.day:
            self.day, self.today = day, {}
        self.today[one.key] = self.today.get(one.key, 0) + 1

    def routed_use(self) -> RoutedUse:
        """The conversations as the estimates take them.

        Raises:
            SourceError: there is none.
        """
        found = list(self.conversations.values())
        if not found:
            raise SourceError("The log of use has no conversation yet; agon route-server writes it.")
        numbers = sorted({one.draw for one in found})
        models = sorted({name for number in numbers for name in self.draws[number]})
        place = {name: i for i, name in enumerate(models)}
        table = np.array([[self.draws[number].get(name, 0.0) for name in models] for number in numbers])
        row = {number: i for i, number in enumerate(numbers)}
        values = {signal: np.array([one.value(signal) for one in found]) for signal in SIGNALS}
        return RoutedUse.of(
            models,
            [place[one.model] for one in found],
            table,
            [one.user for one in found],
            {signal: value for signal, value in values.items() if np.isfinite(value).any()},
            draw=[row[one.draw] for one in found],
        )


def read_history(folder: Path) -> UseHistory:
    """What the log of use of a store says so far; an open one is read up to its last whole event.

    Raises:
        LogError: it is damaged.
    """
    history = UseHistory()
    for event in _events(folder):
        history.take(event)
    return history


def routed_use(folder: str | Path) -> RoutedUse:
    """Read the conversations of a log folder that models were drawn for by `agon route-server`.

    Args:
        folder: the log folder.

    Raises:
        SourceError: it has none.
        LogError: they are damaged.
    """
    if not (Path(folder) / USE / EVENTS).exists():
        raise SourceError(
            f"{folder} has no log of use; name the folder that agon route-server keeps, agon-log where no "
            "other is named."
        )
    return read_history(Path(folder)).routed_use()


def _events(folder: Path) -> Iterator[Mapping[str, Any]]:
    head = use_head(folder)
    if head is not None:
        for line in read_lines(folder / USE / EVENTS, 0, head.size):
            yield json.loads(line)
