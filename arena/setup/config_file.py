"""The tables and keys of a configuration file, each checked, and what is said of one that is wrong.

Nothing else is let pass: a misspelt key would otherwise change what is compared. Keys of servers are never in
the file: it names environment variables.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import reduce
from ipaddress import ip_network
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from agon.arena.core.arena_settings import TESTING_SHARE, ArenaSettings, Mode
from agon.arena.core.pacing import Pacing
from agon.arena.core.visitors.proof_of_work import MOST_WORK
from agon.arena.setup.access_table import AccessTable, OpenIDTable
from agon.arena.setup.demo import DemoModel
from agon.arena.setup.moderation_table import ModerationTable
from agon.arena.setup.openai_models import OpenAIModel, ServerTable
from agon.arena.setup.page_table import PageTable
from agon.arena.setup.recorded import RecordedModel
from agon.arena.setup.routed_table import RoutedTable, UseKeyTable
from agon.arena.setup.study_table import AttentionTable, StudyTable
from agon.arena.setup.tables import ConfigError, Line, ModelTable, SamplingTable, Seconds, Table
from agon.ranking.annotators.gates import Gate
from agon.ranking.errors import suggest
from agon.serving.generation import Limits

# What can answer for a model, by `backend = "..."`, each with the keys that its [[model]] has.
BACKENDS: Mapping[str, type[ModelTable]] = {
    "openai": OpenAIModel,
    "recorded": RecordedModel,
    "demo": DemoModel,
}


def _backend_of(model: Any) -> Any:
    """The backend that a [[model]] names; None if it is no table."""
    if isinstance(model, ModelTable):
        return model.backend
    return str(model.get("backend", "openai")) if isinstance(model, dict) else None


if TYPE_CHECKING:
    AnyModel = ModelTable
else:
    AnyModel = Annotated[
        reduce(or_, (Annotated[table, Tag(name)] for name, table in BACKENDS.items())),
        Discriminator(_backend_of),
    ]


class ExampleTable(Table):
    """A prompt offered on the page."""

    prompt: str = Field(min_length=1)
    category: Line | None = None
    language: Line | None = None


LEAST_TOKEN = 20  # characters
ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?")  # a site, as browsers name it
HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")  # the name of a header
PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")  # the path under which a proxy shows the arena


class ArenaTable(Table):
    """What the page says, what it accepts, and where the votes go."""

    title: Line = "Agon"
    notice: Line | None = None
    typed: bool = True
    store: str = Field(
        default="agon-log", min_length=1, validation_alias=AliasChoices("store", "log")
    )  # `log` is the word of before, for one release
    retention_days: int | None = Field(default=None, ge=1, le=36_500)
    host: Line = "127.0.0.1"
    port: int | None = Field(default=None, ge=1, le=65535)
    public_url: str | None = None
    root_path: str | None = None
    embed: list[str] = Field(default_factory=list)
    log_format: Literal["text", "json"] = "text"
    open_data: bool = False
    proxies: list[str] = Field(default_factory=list)
    examples: list[str | ExampleTable] = Field(default_factory=list)

    @field_validator("public_url")
    @classmethod
    def _public(cls, url: str) -> str:
        if not ORIGIN.fullmatch(url.rstrip("/")):
            raise ValueError(
                "must be an address without a path, such as https://arena.example:8443; a path that a "
                "proxy passes on is root_path"
            )
        return url.rstrip("/").lower()

    @field_validator("root_path")
    @classmethod
    def _root(cls, path: str) -> str:
        if not PREFIX.fullmatch(path.rstrip("/")):
            raise ValueError("must be the path of a proxy, such as /arena")
        return path.rstrip("/")

    @field_validator("embed")
    @classmethod
    def _embed(cls, sites: list[str]) -> list[str]:
        if not all(map(ORIGIN.fullmatch, sites)):
            raise ValueError("must be a list of addresses without a path, such as https://huggingface.co")
        return sites

    @field_validator("proxies")
    @classmethod
    def _proxies(cls, proxies: list[str]) -> list[str]:
        for one in proxies:
            try:
                ip_network(one, strict=False)
            except ValueError:
                raise ValueError(
                    "must be a list of addresses or networks of proxies, such as 127.0.0.1 or 10.0.0.0/8"
                ) from None
        return proxies


class LimitsTable(Table):
    """How long an answer may take, in seconds, and be, in characters and tokens; and what visitors may do."""

    first: Seconds = Limits().first
    between: Seconds = Limits().between
    total: Seconds = Limits().total
    characters: int = Field(default=Limits().characters, ge=1)
    output: int | None = Field(default=None, ge=1)
    prompt: int = Field(default=ArenaSettings().longest_prompt, ge=1, le=1_000_000)
    images: int = Field(default=ArenaSettings().images, ge=0, le=16)
    image_bytes: int = Field(default=ArenaSettings().image_bytes, ge=1, le=100_000_000)
    turns: int = Field(default=ArenaSettings().most_turns, ge=1)
    per_voter: int = Field(default=ArenaSettings().running_per_voter, ge=1)
    per_network: int = Field(default=ArenaSettings().running_per_network, ge=1)
    per_voter_hour: int = Field(default=ArenaSettings().hourly_per_voter, ge=1)
    per_network_hour: int = Field(default=ArenaSettings().hourly_per_network, ge=1)
    running: int = Field(default=ArenaSettings().running, ge=1)
    networks: bool = ArenaSettings().networks
    work: int = Field(default=ArenaSettings().work, ge=0, le=MOST_WORK)


class AdminTable(Table):
    """Who may see the page of the operators."""

    token_env: Line | None = None
    header: Line | None = None
    users: list[Line] = Field(default_factory=list)
    backups: str | None = Field(default=None, min_length=1)
    keep: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.token_env is None and self.header is None:
            raise ValueError("has neither token_env nor header; name what opens the page")
        if self.header is not None and not (HEADER_NAME.fullmatch(self.header) and self.users):
            raise ValueError("has a header without users; name the header of your proxy, and who may enter")
        return self


class BattleTable(Table):
    """What a battle is: how many models answer, by which policy they are drawn, how answers appear."""

    answers: int = Field(default=2, ge=2, le=6)
    modes: list[Mode] = Field(default_factory=lambda: list(ArenaSettings().modes))
    policy: str = "uniform"
    floor: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    paused: list[str] = Field(default_factory=list)
    pacing: Pacing = "even"
    same_model: float = Field(default=0.0, ge=0, lt=1, allow_inf_nan=False)
    testing_share: float = Field(default=TESTING_SHARE, gt=0, lt=1, allow_inf_nan=False)
    options: dict[str, Any] = Field(default_factory=dict)

    @field_validator("modes")
    @classmethod
    def _modes(cls, modes: list[Mode]) -> list[Mode]:
        if "blind" not in modes:
            raise ValueError('must have "blind" among them, whose votes boards are made of')
        return modes


class BoardTable(Table):
    """What boards say of models."""

    preliminary: int = Field(default=ArenaSettings().preliminary, ge=0, le=1_000_000)
    gates: Gate = ArenaSettings().gates


class MetricsTable(Table):
    """Where Prometheus asks, which is nowhere without this table."""

    host: Line = "127.0.0.1"
    port: int = Field(default=9464, ge=1, le=65535)


class ConfigFile(Table):
    """The whole file."""

    arena: ArenaTable = ArenaTable()
    page: PageTable | None = None
    battle: BattleTable = BattleTable()
    board: BoardTable = BoardTable()
    limits: LimitsTable = LimitsTable()
    metrics: MetricsTable | None = None
    admin: AdminTable | None = None
    access: AccessTable | None = None
    moderation: ModerationTable | None = None
    study: StudyTable | None = None
    routed: RoutedTable | None = None
    server: list[ServerTable] = Field(default_factory=list)
    model: list[AnyModel] = Field(default_factory=list)


def read_tables(path: Path, least: int) -> ConfigFile:
    """The file's content, every table, key and value checked."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"There is no file {path}; check the path.") from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder; name the .toml in it.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be opened: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        if b"\0" in error.object:
            raise ConfigError(f"{path} is no text; name the .toml of an arena.") from None
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path} is not UTF-8 text: see line {line}; save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {str(error)[0].lower()}{str(error)[1:]}.") from None
    try:
        file = ConfigFile.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path}{_said(error, content)}") from None
    if file.study is not None and file.study.answers and not file.model:
        return file  # the models are those of the file of answers
    if len(file.model) < least:
        if least == 1:
            raise ConfigError(f"{path} has no [[model]]; add one with name and base_url.")
        has = "has one [[model]]" if file.model else "has no [[model]]"
        raise ConfigError(f"{path} {has}; a comparison needs at least two, each with name and base_url.")
    return file


def _said(error: ValidationError, content: Any) -> str:
    """The first problem of a file: its table, its key, the remedy."""
    # A key that is not known explains one that is missing.
    first = min(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    found = list(first["loc"])
    if found[0] == "model" and len(found) > 2:
        del found[2]  # pydantic names the backend, too
    if found[:2] == ["arena", "examples"]:  # pydantic names the two kinds an example may be of
        found = [part for part in found if part not in ("str", "ExampleTable")]
    rule = first["msg"].removeprefix("Value error, ").replace("Input should", "must", 1)
    rule = _VALUE_TYPES.get(first["type"], rule.replace("String should", "must", 1))
    if first["type"] == "union_tag_invalid":
        backend = str(first["input"]["backend"])
        name = _table_name(found, content)
        return f"{name}: there is no backend {backend!r}; {suggest(backend, BACKENDS)}"
    if rule.startswith(("has ", "gives ")):  # of the table as a whole
        return f"{_table_name(found, content)} {rule}."
    *place, key = _to_a_table(found)
    where = _table_name(place, content)
    table = _table(place, content)
    if isinstance(key, int):
        where, key = _table_name(place[:-1], content), f"{place[-1]} number {key + 1}"
    if first["type"] == "extra_forbidden":
        if key in ("api_key", "password", "client_secret"):
            return f"{where}: keys do not belong in a file; name an environment variable in {key}_env."
        return f"{where}: there is no key {key!r}; {_nearest_key(str(key), table)}"
    if first["type"] == "missing":
        return f"{where}: {key} is missing; add it."
    given = first["input"]
    told = key in ("api_key_env", "base_url", "headers") or isinstance(given, dict | list)
    return f"{where}: {key}{'' if told else f' is {given!r:.60}, but'} {rule}."


def _to_a_table(place: list[str | int]) -> list[str | int]:
    """A place as far as its key: a value inside a list or table of values has none of its own."""
    inner = next((i for i, part in enumerate(place) if part in VALUES), len(place))
    return place[: inner + 1]


def _table(place: Sequence[str | int], content: Any) -> type[BaseModel]:
    """The table of the file at a place."""
    table: type[BaseModel] = ConfigFile
    for part in place:
        if part == "model":
            table = ModelTable
        elif isinstance(part, int) and table is ModelTable:
            table = BACKENDS.get(str(_backend_of(content["model"][part])), ModelTable)
        elif isinstance(part, str):
            table = TABLES[part]
    return table


_VALUE_TYPES = {  # what a value must be, in the words of TOML
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "list_type": "must be a list",
    "model_type": "must be a table",
    "union_tag_not_found": "must be a table",
    "dict_type": "must be a table",
}
# Keys whose values hold what they like.
VALUES = (
    "headers",
    "title",
    "intro",
    "consent",
    "accent",
    "command",
    "env",
    "chat_template_kwargs",
    "extra_body",
    "stop",
    "embed",
    "paused",
    "modes",
    "options",
    "answers",
    "criteria",
    "models",
    "reasons",
    "shares",
    "allowed_domains",
    "allowed_users",
)
TABLES: Mapping[str, type[BaseModel]] = {
    "arena": ArenaTable,
    "page": PageTable,
    "admin": AdminTable,
    "access": AccessTable,
    "oidc": OpenIDTable,
    "battle": BattleTable,
    "board": BoardTable,
    "limits": LimitsTable,
    "moderation": ModerationTable,
    "metrics": MetricsTable,
    "server": ServerTable,
    "sampling": SamplingTable,
    "examples": ExampleTable,
    "study": StudyTable,
    "routed": RoutedTable,
    "keys": UseKeyTable,
    "attention": AttentionTable,
}


def _table_name(place: Sequence[str | int], content: Any) -> str:
    """How a person finds a table: [arena], [[model]] 2 ('name'), [[server]] 1."""
    if not place:
        return ""
    if place[0] not in ("model", "server"):
        listed = len(place) > 2 and isinstance(place[2], int)
        if "oidc" in place:
            return ", [access.oidc]"
        number = f", {str(place[1]).removesuffix('s')} {int(place[2]) + 1}" if listed else ""
        return f", [{place[0]}]{number}"
    if len(place) < 2 or not isinstance(place[1], int):
        return f", [[{place[0]}]]"
    given = content[place[0]][place[1]]
    name = given.get("name") if isinstance(given, dict) else None
    called = f" ({name!r:.60})" if isinstance(name, str) else ""
    return f", [[{place[0]}]] {place[1] + 1}{called}{', sampling' if 'sampling' in place else ''}"


def _nearest_key(key: str, table: type[BaseModel]) -> str:
    """Name the key that was probably meant, in this table or in the one where it belongs.

    A parameter that we do not know may still be one of the server: a neighbour alone would lead astray.
    """
    near = get_close_matches(key, table.model_fields)
    tables: dict[str, type[BaseModel]] = {**TABLES}
    if not issubclass(table, ModelTable):
        tables["model"] = OpenAIModel
    for name, other in tables.items():
        if key in other.model_fields and other not in (table, ServerTable) and not near:
            return f"it belongs in {name}."
    if table is not SamplingTable:
        return suggest(key, table.model_fields)
    meant = f"did you mean {near[0]!r}? If not, what" if near else "what"
    return f"{meant} only the server knows goes into extra_body of the model."
