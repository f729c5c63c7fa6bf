"""A conversation with one model whose name one sees: in memory alone, and of no board."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import monotonic

from agon.arena.core.roster import Contestant
from agon.serving.protocol import Message


@dataclass(slots=True)
class Talk:
    """One conversation: what was said, what is being written, and how the last answer ended."""

    id: str
    voter: str
    contestant: Contestant
    network: str = ""
    said: list[Message] = field(default_factory=list)  # without the system prompt; answers that came
    text: str = ""  # of the answer that is being written
    streaming: bool = False
    failed: bool = False  # the last prompt, which was taken back
    in_line: int = 0
    revision: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    watchers: int = 0
    touched: float = field(default_factory=monotonic)
    asked: list[str] = field(default_factory=list)  # every prompt, those without an answer, too

    def messages(self, prompt: str) -> list[Message]:
        """What is sent with a further prompt."""
        system = self.contestant.system_prompt
        head = [Message("system", system)] if system else []
        return [*head, *self.said, Message("user", prompt)]
