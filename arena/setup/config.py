"""From a configuration file to an arena: what `agon serve CONFIG.toml` opens.

The models are connected to nothing yet; tables that belong together are checked together here.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agon.arena.core.arena_settings import TESTING_SHARE, ArenaSettings, Mode
from agon.arena.core.operation.operator_messages import LogFormat
from agon.arena.core.pacing import Pacing
from agon.arena.core.roster import Contestant, Example, ModelCard, Roster
from agon.arena.core.sessions import AdminSettings
from agon.arena.core.studies.study_plan import StudyPlan
from agon.arena.core.visitors.access import AccessSettings
from agon.arena.core.visitors.moderation import Moderation
from agon.arena.setup.access_table import access_of
from agon.arena.setup.config_file import LEAST_TOKEN, ConfigFile, read_tables
from agon.arena.setup.moderation_table import moderation_of
from agon.arena.setup.openai_models import ServerTable
from agon.arena.setup.page_table import page_words
from agon.arena.setup.routed_table import RoutedPlan, routed_plan
from agon.arena.setup.study_table import plan_study, recorded_models
from agon.arena.setup.tables import ConfigError, ModelTable, Opening, Servers
from agon.data.store_address import StoreAddress, is_address, store_of
from agon.data.validation import skeleton
from agon.ranking.annotators.gates import Gate
from agon.ranking.errors import OptionError, suggest
from agon.ranking.matchmaking import POLICIES, Policy, choose_policy
from agon.serving.generation import Limits

if TYPE_CHECKING:
    from agon.serving.supervision import SupervisedServer


@dataclass(frozen=True)
class Configuration:
    """An arena as it is to be served; `port` is None where the command line chooses."""

    roster: Roster
    limits: Limits
    log: Path | StoreAddress
    host: str
    port: int | None
    answers: int = 2
    modes: tuple[Mode, ...] = ("blind",)
    public_url: str | None = None
    root_path: str | None = None
    embed: tuple[str, ...] = ()
    open_data: bool = False
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    servers: Servers = field(default_factory=lambda: Servers({}))
    policy: Policy = POLICIES["uniform"]
    paused: tuple[str, ...] = ()
    same_model: float = 0.0
    longest_prompt: int = ArenaSettings().longest_prompt
    images: int = ArenaSettings().images
    image_bytes: int = ArenaSettings().image_bytes
    most_turns: int = ArenaSettings().most_turns
    running_per_voter: int = ArenaSettings().running_per_voter
    running_per_network: int = ArenaSettings().running_per_network
    hourly_per_voter: int = ArenaSettings().hourly_per_voter
    hourly_per_network: int = ArenaSettings().hourly_per_network
    running: int = ArenaSettings().running
    networks: bool = ArenaSettings().networks
    work: int = ArenaSettings().work
    study: StudyPlan | None = None
    pacing: Pacing = "even"
    metrics: tuple[str, int] | None = None
    retention_days: int | None = None
    admin: AdminSettings | None = None
    access: AccessSettings | None = None
    preliminary: int = ArenaSettings().preliminary
    gates: Gate = ArenaSettings().gates
    log_format: LogFormat = "text"
    testing_share: float = TESTING_SHARE
    moderation: Moderation | None = None
    routed: RoutedPlan | None = None

    @property
    def folder(self) -> Path:
        """Where files lie that are of this machine alone: in the store, or beside an address."""
        return self.log if isinstance(self.log, Path) else Path("agon-log")

    @property
    def supervised(self) -> tuple[SupervisedServer, ...]:
        """The servers that are started here."""
        return tuple(self.servers.supervised.values())

    def settings(self, seed: int | None) -> ArenaSettings:
        """What the arena allows."""
        names = {one.name for one in fields(ArenaSettings)} & {one.name for one in fields(self)}
        blind = self.study is not None and not self.study.reveal
        return ArenaSettings(seed=seed, reveal=not blind, **{name: getattr(self, name) for name in names})


def read_configuration(
    path: Path,
    environment: Mapping[str, str] = os.environ,
    *,
    least: int = 2,
    before: Configuration | None = None,
    routed: bool = False,
) -> Configuration:
    """Read a configuration file, and connect nothing yet; `least` is how many models it must have, `routed`
    whether [routed] is wanted, and its keys are.

    Servers that the configuration `before` had in the same way are the same here: their places, their state
    and what they run go on.

    Raises:
        ConfigError: no such file, not TOML, an unknown or missing key, a value out of its range, too few
            models, names that look alike, an environment variable that is not set.
    """
    file = read_tables(path, least)
    _check_names(path, file.model)
    arena = file.arena
    allowed = file.limits
    limits = Limits(allowed.first, allowed.between, allowed.total, allowed.characters)
    visitors = (
        allowed.prompt,
        allowed.images,
        allowed.image_bytes,
        allowed.turns,
        allowed.per_voter,
        allowed.per_network,
        allowed.per_voter_hour,
        allowed.per_network_hour,
        allowed.running,
        allowed.networks,
        allowed.work,
    )
    servers = _servers(path, file.server, file.model, environment, None if before is None else before.servers)
    contestants = _contestants(path, file.model, servers, allowed.output)
    study = None
    if file.study is not None:
        if file.battle.same_model:
            raise ConfigError(
                f"{path}, [battle]: same_model draws A/A battles, and a [study] draws by its schedule alone; "
                "leave same_model out."
            )
        if is_address(arena.store):
            raise ConfigError(
                f"{path}, [arena]: a [study] keeps its journal in a folder; name a folder in store."
            )
        for one in file.model:
            if one.status != "listed":
                raise ConfigError(
                    f"{path}, [[model]] {one.name!r}: a [study] compares all its models by its schedule; "
                    "leave status out, or the model."
                )
        if len(file.battle.modes) > 1:
            raise ConfigError(f"{path}, [battle]: a [study] is judged blind alone; leave modes out.")
        contestants = contestants or recorded_models(file.study)
        study = plan_study(path, file.study, contestants, file.battle.answers)
    roster = Roster(
        contestants=contestants,
        examples=tuple(
            Example(given) if isinstance(given, str) else Example(**given.model_dump())
            for given in arena.examples
        ),
        typed=arena.typed,
        title=arena.title,
        page=page_words(path, file.page),
        notice=arena.notice,
    )
    if not (roster.typed or roster.examples):
        raise ConfigError(f"{path}, [arena]: typed is false and there are no examples; offer some prompts.")
    proxies = tuple(ip_network(one, strict=False) for one in arena.proxies)
    site = (arena.public_url, arena.root_path, tuple(arena.embed), arena.open_data, proxies)
    where = (store_of(arena.store), arena.host, arena.port)
    drawing = (_policy(path, file, contestants), tuple(file.battle.paused), file.battle.same_model)
    given = (*where, file.battle.answers, tuple(file.battle.modes), *site, servers, *drawing, *visitors)
    metrics = None if file.metrics is None else (file.metrics.host, file.metrics.port)
    admin = _admin(path, file, servers)
    more: dict[str, Any] = {
        "study": study,
        "pacing": file.battle.pacing,
        "metrics": metrics,
        "testing_share": file.battle.testing_share,
        "admin": admin,
        "access": _access(path, file, servers),
        "preliminary": file.board.preliminary,
        "gates": file.board.gates,
        "log_format": arena.log_format,
        "retention_days": arena.retention_days,
        "moderation": moderation_of(path, file.moderation, Opening(f"{path}, [moderation]", servers)),
        "routed": _routed(path, file, contestants, servers) if routed else None,
    }
    return Configuration(roster, limits, *given, **more)


def _admin(path: Path, file: ConfigFile, servers: Servers) -> AdminSettings | None:
    """Who may see the page of the operators."""
    table, where = file.admin, f"{path}, [admin]"
    if table is None:
        return None
    if table.header is not None and not file.arena.proxies:
        raise ConfigError(
            f"{where}: whoever asks can send the header {table.header}; name the proxy that sends it in "
            "proxies of [arena]."
        )
    token = None
    if table.token_env is not None:
        token = Opening(where, servers).key(table.token_env)
        if len(token) < LEAST_TOKEN:
            raise ConfigError(
                f"{where}: the token in {table.token_env} has {len(token)} characters, and {LEAST_TOKEN} are "
                "needed; take what openssl rand -hex 24 prints."
            )
    backups = None if table.backups is None else Path(table.backups)
    return AdminSettings(token, table.header, tuple(table.users), backups, table.keep)


def _access(path: Path, file: ConfigFile, servers: Servers) -> AccessSettings | None:
    """Who may vote."""
    where = f"{path}, [access]"
    if file.access is not None and file.study is not None:
        raise ConfigError(f"{where}: the voters of a [study] have links of their own; leave [access] out.")
    access = access_of(file.access, Opening(where, servers), file.arena.public_url)
    if access is not None and access.read == "members" and file.arena.open_data:
        raise ConfigError(
            f'{where}: read = "members" closes the boards that open_data of [arena] gives to other sites; '
            "leave one of them out."
        )
    return access


def _routed(
    path: Path, file: ConfigFile, contestants: Sequence[Contestant], servers: Servers
) -> RoutedPlan | None:
    """How models are routed."""
    if file.routed is None:
        return None
    public = file.arena.public_url
    return routed_plan(
        path, file.routed, contestants, servers, public and f"{public}{file.arena.root_path or ''}"
    )


def _policy(path: Path, file: ConfigFile, contestants: Sequence[Contestant]) -> Policy:
    """The policy of [battle], with its options."""
    battle, names = file.battle, [one.card.name for one in contestants]
    for name in battle.paused:
        if name not in names:
            raise ConfigError(f"{path}, [battle]: paused names {name!r}; {suggest(name, names)}")
    apart = {*battle.paused, *(one.card.name for one in contestants if one.status != "listed")}
    left = [name for name in names if name not in apart]
    if len(apart) > len(battle.paused) and len(left) < 2:
        raise ConfigError(
            f"{path}: fewer than two models are listed and can be drawn, and a battle needs two, also one "
            "with a model in testing; take status out of some, or pause fewer."
        )
    if battle.paused and len(left) < 2:
        raise ConfigError(f"{path}, [battle]: paused leaves fewer than two models to draw; pause fewer.")
    try:
        return choose_policy(
            battle.policy, battle.options, floor=battle.floor, models=names, size=battle.answers
        )
    except OptionError as error:
        raise ConfigError(f"{path}, [battle]: {error}") from None


def _check_names(path: Path, models: Sequence[ModelTable]) -> None:
    """Refuse models whose names, or what the page calls them, a person would take for one another."""
    for what, names in (
        ("name", [model.name for model in models]),
        ("display_name", [model.display_name or model.name for model in models]),
    ):
        alike: dict[str, list[int]] = {}
        for number, name in enumerate(names, start=1):
            alike.setdefault(skeleton(name), []).append(number)
        for numbers in alike.values():
            if len(numbers) > 1:
                where = " and ".join(map(str, numbers))
                shown = " and ".join(dict.fromkeys(repr(names[number - 1]) for number in numbers))
                raise ConfigError(
                    f"{path}: [[model]] {where} have one {what}, {shown}, as a person reads it; "
                    "give each its own."
                )


def _servers(
    path: Path,
    tables: Sequence[ServerTable],
    models: Sequence[ModelTable],
    environment: Mapping[str, str],
    before: Servers | None,
) -> Servers:
    """The servers of the [[server]] tables, each name once."""
    servers = Servers(environment, before)
    if not tables:
        return servers
    from agon.serving.openai_protocol.model_server import Server
    from agon.serving.supervision import SupervisedServer

    keys = {getattr(one, "api_key_env", None) for one in (*tables, *models)}
    for model in models:
        keys |= {value[1:] for value in getattr(model, "headers", {}).values() if value.startswith("$")}

    for number, table in enumerate(tables, start=1):
        where = f"{path}, [[server]] {number} ({table.name!r})"
        if table.name in servers.named:
            raise ConfigError(f"{where}: another server has this name; give each its own.")
        key = table.api_key_env and Opening(where, servers).key(table.api_key_env)
        if table.command is not None:
            program = table.command[0]
            if shutil.which(program, path={**environment, **table.env}.get("PATH")) is None:
                raise ConfigError(f"{where}: there is no program {program!r}; install it or give its path.")
        address = table.base_url or ""
        named = servers.open(
            (table.model_dump_json(), key),
            partial(Server, address, api_key=key, at_once=table.at_once, waiting=table.waiting),
        )
        servers.named[table.name] = named
        if table.command is None:
            continue
        if before is not None and named in before.supervised:
            servers.supervised[named] = before.supervised[named]
            continue
        others = keys - {table.api_key_env}  # no server gets the key of another one
        inherited = {name: value for name, value in environment.items() if name not in others}
        servers.supervised[named] = SupervisedServer(table.name, named, table.command, inherited | table.env)
    return servers


def _contestants(
    path: Path, models: Sequence[ModelTable], servers: Servers, output: int | None
) -> tuple[Contestant, ...]:
    """The models with their backends."""
    contestants = []
    for number, model in enumerate(models, start=1):
        where = f"{path}, [[model]] {number} ({model.name!r})"
        sampling = model.sampling.sampling()
        if sampling.max_tokens is None and sampling.max_completion_tokens is None:
            sampling = replace(sampling, max_tokens=output)
        backend = model.open_backend(Opening(where, servers))
        contestants.append(
            Contestant(
                ModelCard(
                    model.name,
                    model.display_name or model.name,
                    model.organisation,
                    model.licence,
                    model.price,
                    model.input_price,
                    model.priced,
                ),
                backend,
                sampling,
                model.system_prompt,
                model.measured,
                model.open_again(backend),
                model.status,
            )
        )
    return tuple(contestants)
