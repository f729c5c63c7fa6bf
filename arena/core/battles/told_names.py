"""Of whom a voter was told that they wrote an answer to a prompt: a vote on that is not blind.

A recorded answer comes again word by word, and the vote on the battle before named its model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agon.arena.core.battle import Battle
from agon.arena.core.battles.open_battles import OpenBattles
from agon.arena.core.modes.talk import Talk
from agon.data.log.vote_log import VoteLog


@dataclass(frozen=True, slots=True)
class ToldNames:
    """What voters know by the log, by battles under names, and by conversations."""

    log: VoteLog
    battles: OpenBattles
    talks: Mapping[str, Talk]

    def of_battle(self, battle: Battle) -> bool:
        """Whether the voter of a battle was told before who wrote one of its answers, or chose its models."""
        told = self._now(battle.voter).get(battle.prompts[0], set())
        return bool(told & set(battle.models)) or self.log.names_shown(
            battle.id, battle.voter, battle.prompts[0], battle.first_answers
        )

    def by_prompt(self, voter: str) -> Mapping[str, set[str]]:
        """Of whom somebody was told that they wrote an answer to each prompt."""
        told = self.log.names_told(voter)
        for prompt, models in self._now(voter).items():
            told.setdefault(prompt, set()).update(models)
        return told

    def _now(self, voter: str) -> dict[str, set[str]]:
        """The same of what runs under names: the log may learn of it a moment later."""
        told: dict[str, set[str]] = {}
        for battle in self.battles.of(voter):
            for prompt in battle.prompts if battle.named else ():
                told.setdefault(prompt, set()).update(battle.models)
        for talk in self.talks.values():
            for prompt in talk.asked if talk.voter == voter else ():
                told.setdefault(prompt, set()).add(talk.contestant.card.name)
        return told
