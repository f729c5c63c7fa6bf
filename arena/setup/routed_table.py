"""`[routed]` of a configuration: who may use the models through the arena, and how these are drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from agon.arena.core.roster import Contestant
from agon.arena.setup.tables import ConfigError, Line, Opening, Servers, Table
from agon.ranking.errors import OptionError, suggest
from agon.ranking.routed.draw_policies import DRAW_FLOOR, DrawPolicy
from agon.ranking.routed.use_signals import UseSignal, signal_named

LEAST_KEY = 20  # characters
_DIGEST = re.compile(r"[0-9a-f]{64}")


class UseKeyTable(Table):
    """A key: its name in the log, and the SHA-256 of it, or the environment variable that holds it."""

    name: Line
    key_env: Line | None = None
    sha256: str | None = None
    per_minute: int | None = Field(default=None, ge=1)
    per_day: int | None = Field(default=None, ge=1)

    @field_validator("sha256")
    @classmethod
    def _digest(cls, digest: str) -> str:
        if not _DIGEST.fullmatch(digest):
            raise ValueError("must be 64 digits of 0-9 and a-f: printf %s KEY | sha256sum prints them")
        return digest

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.key_env is None) == (self.sha256 is None):
            number = "neither key_env nor" if self.sha256 is None else "both key_env and"
            raise ValueError(f"has {number} sha256; give one of them")
        return self


class RoutedTable(Table):
    """Where programs ask, which models answer, by which policy they are drawn, and who may ask how often."""

    host: Line = "127.0.0.1"
    port: int = Field(default=7861, ge=1, le=65535)
    models: list[str] = Field(default_factory=list)
    policy: str = "uniform"
    signal: str = "thumb"
    shares: dict[str, float] = Field(default_factory=dict)
    epsilon: float = DrawPolicy().epsilon
    floor: float = DRAW_FLOOR
    tries: int = Field(default=2, ge=1, le=10)
    per_minute: int = Field(default=60, ge=1)
    per_day: int = Field(default=5000, ge=1)
    body_bytes: int = Field(default=20_000_000, ge=1, le=1_000_000_000)
    battle_share: float = Field(default=0.0, ge=0.0, le=1.0)
    keys: list[UseKeyTable] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class UseKey:
    """A key of routed use: its name, and how often it may ask."""

    name: str
    per_minute: int
    per_day: int


@dataclass(frozen=True)
class RoutedPlan:
    """How models are routed.

    Attributes:
        host, port: where programs ask.
        contestants: the models.
        policy: by which they are drawn; its shares, if it has any, are of these models.
        signal: that the policy learns from.
        tries: how many models are tried until one begins to answer.
        body_bytes: of a request.
        battle_share: of the first turns for which a battle is proposed.
        arena: the address of the page where that is, with a slash at the end; None where there is none.
        keys: by the SHA-256 of the key, in hexadecimal.
    """

    host: str
    port: int
    contestants: tuple[Contestant, ...]
    policy: DrawPolicy
    signal: UseSignal
    tries: int
    body_bytes: int
    battle_share: float
    arena: str | None
    keys: dict[str, UseKey]


def routed_plan(
    path: Path,
    table: RoutedTable,
    contestants: Sequence[Contestant],
    servers: Servers,
    arena: str | None = None,
) -> RoutedPlan:
    """What a configuration says of routed use; `arena` is the public address of its page of battles.

    Raises:
        ConfigError: a model that is not there or cannot be routed, an unknown policy or signal, a key twice
            or too short.
    """
    where = f"{path}, [routed]"
    by_name = {one.card.name: one for one in contestants if one.status == "listed"}
    if table.battle_share and arena is None:
        raise ConfigError(
            f"{where}: battle_share sends people to the page of battles, whose address is not known; say "
            "public_url in [arena], or leave battle_share out."
        )
    for what, names in (("models", table.models), ("shares", table.shares)):
        for name in names:
            if name not in by_name:
                raise ConfigError(
                    f"{where}: {what} names {name!r}, no listed model; {suggest(name, by_name)}"
                )
    chosen = [by_name[name] for name in dict.fromkeys(table.models)] or list(by_name.values())
    for one in chosen:
        if not hasattr(one.backend, "relay"):
            raise ConfigError(
                f"{where}: {one.card.name!r} is not behind a server that speaks the OpenAI protocol, and "
                "requests cannot be passed on to it; name the others in models."
            )
        if one.system_prompt is not None:
            raise ConfigError(
                f"{where}: {one.card.name!r} has a system_prompt, and requests are passed on as they are; "
                "name the others in models, or leave system_prompt out."
            )
    try:
        signal = signal_named(table.signal)
        shares = None
        if table.policy == "shares":
            missing = [one.card.name for one in chosen if one.card.name not in table.shares]
            if missing:
                raise OptionError(f"shares has no number for {missing[0]!r}; give one for each model.")
            shares = tuple(table.shares[one.card.name] for one in chosen)
        elif table.shares:
            raise OptionError('shares are of policy = "shares"; choose that, or leave shares out.')
        policy = DrawPolicy(table.policy, shares, table.epsilon, table.floor)
    except OptionError as error:
        raise ConfigError(f"{where}: {error}") from None
    return RoutedPlan(
        table.host,
        table.port,
        tuple(chosen),
        policy,
        signal,
        table.tries,
        table.body_bytes,
        table.battle_share,
        arena and f"{arena.rstrip('/')}/",
        _keys(where, table, Opening(where, servers)),
    )


def _keys(where: str, table: RoutedTable, opening: Opening) -> dict[str, UseKey]:
    found: dict[str, UseKey] = {}
    for one in table.keys:
        digest = one.sha256
        if one.key_env is not None:
            key = opening.key(one.key_env)
            if len(key) < LEAST_KEY:
                raise ConfigError(
                    f"{where}: the key in {one.key_env} has {len(key)} characters, and {LEAST_KEY} are "
                    "needed; take what openssl rand -hex 24 prints."
                )
            digest = sha256(key.encode()).hexdigest()
        if digest in found or any(other.name == one.name for other in found.values()):
            raise ConfigError(f"{where}: the key {one.name!r} or its name is there twice; give each its own.")
        per_minute, per_day = one.per_minute or table.per_minute, one.per_day or table.per_day
        found[str(digest)] = UseKey(one.name, per_minute, per_day)
    return found
