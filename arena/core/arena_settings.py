"""What an arena allows: the ways to compare, its limits, how long it keeps things, who may vote."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from agon.arena.core.pacing import Pacing
from agon.arena.core.sessions import AdminSettings
from agon.arena.core.visitors.access import AccessSettings
from agon.arena.core.visitors.moderation import Moderation
from agon.ranking.annotators.gates import Gate
from agon.ranking.matchmaking import POLICIES, Policy
from agon.serving.generation import Limits

TESTING_SHARE = 0.1  # of the battles, where a model is in testing

Mode = Literal["blind", "named", "direct"]  # ways to compare: by lot, by name, one model alone


@dataclass(frozen=True, slots=True)
class ArenaSettings:
    """What an arena allows.

    Times are seconds, lengths characters. A prompt may have so many `images`, each sent as a file of so many
    `image_bytes` at the most. `modes` are the ways to compare, of which "blind" is always one. `answers` are
    those of a battle by lot, 2 to 6. `policy` draws their models, those of `paused` never; it learns from new
    votes every `learn_every` seconds. `same_model` is the share of A/A battles, which show one model twice,
    and `testing_share` that of the others with a model in testing: both count on no board. `reveal`
    says whether a vote is answered with the names, as everywhere but in
    studies; `pacing`, how answers appear. `public_url` is where a proxy shows the arena, `root_path` the path
    that it passes on, `embed` who may show it in a frame, `open_data` whether pages
    of other sites may read its boards, `proxies` whose word on addresses is taken, `admin`
    who may see the page of the operators, `access` who may vote at all; a session does so many bits of
    `work` first, and a model with fewer than `preliminary` votes is marked so. Boards
    count the votes that pass `gates`. So many
    battles run for a voter, for a network, and in all, and so many are begun in an hour. With
    `networks` votes carry a hash of their network by the day's key. Texts older than `retention_days` are
    erased; `moderation` says which prompts are not taken. `seed` makes the draws repeatable: on a public
    arena leave it None, or who is drawn can be foretold.
    """

    answers: int = 2
    modes: tuple[Mode, ...] = ("blind",)
    policy: Policy = POLICIES["uniform"]
    paused: tuple[str, ...] = ()
    testing_share: float = TESTING_SHARE
    pacing: Pacing = "even"
    same_model: float = 0.0
    learn_every: float = 5.0
    seed: int | None = None
    limits: Limits = field(default_factory=Limits)
    longest_prompt: int = 8_000
    images: int = 4
    image_bytes: int = 10_000_000
    most_turns: int = 10
    running_per_voter: int = 3
    running_per_network: int = 50
    running: int = 200
    hourly_per_voter: int = 240
    hourly_per_network: int = 2_400
    networks: bool = True
    unwatched: float = 30.0
    kept: float = 6 * 3600.0
    snapshot_every: float = 15.0
    reveal: bool = True
    public_url: str | None = None
    root_path: str | None = None
    embed: tuple[str, ...] = ()
    open_data: bool = False
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    retention_days: int | None = None
    admin: AdminSettings | None = None
    access: AccessSettings | None = None
    work: int = 0
    preliminary: int = 0
    gates: Gate = "none"
    moderation: Moderation | None = None
