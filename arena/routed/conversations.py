"""The conversations of routed use: whose they are, which model answers them, and how one is found again.

A conversation keeps its model. It is found by its id, which every response has; or, where a program only
sends all messages again, as most do, by how it begins: the latest of the same user with these first messages.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from agon.arena.core.sessions import Keys
from agon.data.use_log.use_reading import UsedConversation, UseHistory

KNOWN_CONVERSATIONS = 200_000  # that take further turns and signals


class OpenConversations:
    """Those that are known.

    Args:
        keys: by which users and beginnings have pseudonyms.
        history: what the log says so far.
    """

    def __init__(self, keys: Keys, history: UseHistory) -> None:
        self._keys = keys
        self._known: OrderedDict[str, UsedConversation] = OrderedDict()
        self._latest: dict[tuple[str, str], str] = {}  # by user and beginning
        for one in history.conversations.values():
            self.add(one)

    def user(self, key: str, name: str) -> str:
        """The pseudonym of somebody who asks by a key."""
        return self._keys.voter(f"use\x1f{key}\x1f{name}")

    def thread(self, messages: Sequence[Any]) -> str:
        """The pseudonym of how a conversation begins: all up to the first message of its user."""
        first = next((i for i, one in enumerate(messages) if _role(one) == "user"), len(messages) - 1)
        said = json.dumps(list(messages[: first + 1]), sort_keys=True, ensure_ascii=True)
        return self._keys.voter(f"thread\x1f{said}")

    def add(self, one: UsedConversation) -> None:
        """Keep a conversation; the oldest of too many is known no more."""
        self._known[one.id] = one
        self._latest[one.user, one.thread] = one.id
        if len(self._known) > KNOWN_CONVERSATIONS:
            self.forget(next(iter(self._known.values())))

    def forget(self, one: UsedConversation) -> None:
        """Know a conversation no more, which could not be kept."""
        self._known.pop(one.id, None)
        if self._latest.get((one.user, one.thread)) == one.id:
            del self._latest[one.user, one.thread]

    def of_key(self, id_: str, key: str) -> UsedConversation | None:
        """The conversation of an id, if it was asked by this key."""
        one = self._known.get(id_)
        return one if one is not None and one.key == key else None

    def going_on(self, user: str, thread: str, messages: Sequence[Any]) -> UsedConversation | None:
        """The conversation that messages go on with; None for those that begin one."""
        if not any(_role(one) == "assistant" for one in messages):
            return None
        return self._known.get(self._latest.get((user, thread), ""))


def _role(message: Any) -> object:
    return message.get("role") if isinstance(message, Mapping) else None
