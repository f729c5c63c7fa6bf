"""How long a prompt may be, how many battles may run at once, and how many may be begun in an hour."""

from __future__ import annotations

import hmac
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from math import ceil

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.fair_shares import HourlyRate
from agon.arena.core.refusal import Refusal
from agon.data.log.shared_store.shared_record import ClientUse
from agon.ranking.text import Sentence

MOST_CLIENTS = 100_000  # of which is remembered how many battles they began
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
    """What voters and networks have begun within the hour, and what runs for them in other processes.

    Processes that share a store tell one another about once a second: a client that is quicker than that
    gets more of each of them than of one alone, by what it begins in that second. Networks go by a hash, of a
    key that they have in common for one day.
    """

    def __init__(self) -> None:
        self._hourly = HourlyRate(), HourlyRate()  # of voters, of networks
        self._key = secrets.token_bytes(32)
        self._begun: Counter[str] = Counter()  # here, by client
        self._told: dict[str, tuple[int, int]] = {}
        self._heard: dict[tuple[int, str], int] | None = None  # what was begun elsewhere; None before that
        self._elsewhere: Counter[str] = Counter()  # what runs there, by client

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
        own = sum(one == voter for one, _ in taken) + self._elsewhere[_voter(voter)]
        near = sum(one == network for _, one in taken) if network else 0
        near += self._elsewhere[self._network(network)] if network and self._elsewhere else 0
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
        near = self._network(network)
        if network and (wait := networks.seconds_until(near, allowed.hourly_per_network)):
            sentence = Sentence(
                "Visitors from your network began {battles} battles within the hour. Your prompt is kept: "
                "try again in {minutes} minutes.",
                battles=allowed.hourly_per_network,
                minutes=max(ceil(wait / 60), 2),
            )
            raise Refusal(429, "too_often", sentence)
        self._begun.update([_voter(voter), *([near] if network else [])])

    def use(self, taken: Sequence[tuple[str, str]], key: bytes | None) -> dict[str, tuple[int, int]]:
        """What clients have of this process where that is another than was told last, or runs still.

        Args:
            taken: voter and network of each answer or battle that is being written.
            key: of the day, under which networks go; None where nothing of them is told.
        """
        self._key = key or self._key
        if len(self._begun) > MOST_CLIENTS:  # counted from 0 on, by others too
            self._begun, self._told, self._heard = Counter(), {}, None
        running = Counter(_voter(voter) for voter, _ in taken)
        running.update(self._network(network) for _, network in taken if network)
        ran = {client for client, (_, number) in self._told.items() if number}
        now = {client: (self._begun[client], running[client]) for client in {*self._begun, *running, *ran}}
        return {
            client: used
            for client, used in now.items()
            if (used[1] or self._told.get(client) != used) and (key or client.startswith(_VOTER))
        }

    def hear(
        self,
        found: Sequence[ClientUse],
        told: Mapping[str, tuple[int, int]],
        allowed: ArenaSettings,
    ) -> None:
        """Count what clients have of other processes.

        Args:
            found: of the last seconds.
            told: what others were told of this process.
            allowed: how many may be begun in an hour.
        """
        voters, networks = self._hourly
        first, heard = self._heard is None, self._heard or {}
        self._told |= told
        for one in found:
            before = heard.get((one.process, one.client), one.begun if first else 0)
            before = before if one.begun >= before else 0
            heard[one.process, one.client] = one.begun
            if one.begun > before and one.client.startswith(_VOTER):
                voter = one.client.removeprefix(_VOTER)
                voters.spend(voter, allowed.hourly_per_voter, one.begun - before)
            elif one.begun > before:
                networks.spend(one.client, allowed.hourly_per_network, one.begun - before)
        self._heard, self._elsewhere = heard, Counter()
        for one in found:
            self._elsewhere[one.client] += one.running

    def _network(self, network: str) -> str:
        """The client that a network is."""
        return "network " + hmac.new(self._key, f"limits {network}".encode(), sha256).hexdigest()[:32]


_VOTER = "voter "


def _voter(voter: str) -> str:
    """The client that a voter is."""
    return _VOTER + voter
