"""How long a prompt may be, how many battles may run at once, and how many may be begun in an hour."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.fair_shares import HourlyRate
from agon.arena.core.refusal import Refusal
from agon.ranking.text import Sentence

KEPT_BACK = 10  # the tenth part of all places is for those who have no battle running


def checked_prompt(prompt: str, longest: int) -> str:
    """A prompt without the space around it, if it is neither empty nor too long."""
    prompt = prompt.strip()
    if not prompt:
        raise Refusal(422, "empty_prompt", "Write a prompt first.")
    if len(prompt) > longest:
        sentence = Sentence(
            "The prompt has {characters} characters; this arena takes up to {longest}. Shorten it.",
            characters=len(prompt),
            longest=longest,
        )
        raise Refusal(422, "long_prompt", sentence)
    return prompt


class BattleLimits:
    """What voters and networks have begun within the hour."""

    def __init__(self) -> None:
        self._hourly = HourlyRate(), HourlyRate()  # of voters, of networks

    def must_have_room(
        self, allowed: ArenaSettings, voter: str, network: str, taken: Sequence[tuple[str, str]]
    ) -> None:
        """Refuse a battle for which there is no place, or none for who has some already when few are left.

        Args:
            allowed: how many may run.
            voter: who begins one.
            network: that it is begun from.
            taken: voter and network of each answer or battle that is being written.
        """
        own = sum(one == voter for one, _ in taken)
        near = sum(one == network for _, one in taken) if network else 0
        if own >= allowed.running_per_voter:
            sentence = Sentence(
                "You have {count} battle running. Finish or stop one first.",
                "You have {count} battles running. Finish or stop one first.",
                count=allowed.running_per_voter,
            )
            raise Refusal(429, "too_many_battles", sentence)
        if near >= allowed.running_per_network:
            sentence = Sentence(
                "{battles} battles run from your network. Your prompt is kept: try again in a minute.",
                battles=near,
            )
            raise Refusal(429, "full_network", sentence)
        scarce = allowed.running - len(taken) <= allowed.running // KEPT_BACK
        if len(taken) >= allowed.running or (scarce and (own or near)):
            raise Refusal(
                503, "full", "The arena is full at the moment. Your prompt is kept: try again in a minute."
            )

    def begin(self, allowed: ArenaSettings, voter: str, network: str) -> None:
        """Count a battle that is about to begin, or refuse it where a session or a network began too many."""
        voters, networks = self._hourly
        if wait := voters.seconds_until(voter, allowed.hourly_per_voter):
            sentence = Sentence(
                "You began {battles} battles within the hour. Your prompt is kept: try again in {minutes} "
                "minutes.",
                battles=allowed.hourly_per_voter,
                minutes=max(ceil(wait / 60), 2),
            )
            raise Refusal(429, "too_often", sentence)
        if network and (wait := networks.seconds_until(network, allowed.hourly_per_network)):
            sentence = Sentence(
                "Visitors from your network began {battles} battles within the hour. Your prompt is kept: "
                "try again in {minutes} minutes.",
                battles=allowed.hourly_per_network,
                minutes=max(ceil(wait / 60), 2),
            )
            raise Refusal(429, "too_often", sentence)
