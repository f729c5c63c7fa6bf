"""From a configuration file to an arena: the TOML that `agon serve CONFIG.toml` reads.

Here stand the tables and keys of the file, each checked, and nothing else is let pass: a misspelt key would
otherwise change what is compared. Keys of servers are never in the file: it names environment variables.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from agon.arena.core.roster import Entrant, Example, Lineup, ModelCard
from agon.data.validation import skeleton
from agon.ranking.errors import InputError, nearest
from agon.serving.generation import Limits
from agon.serving.protocol import Sampling

if TYPE_CHECKING:
    from agon.serving.openai_compatible import Server

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ConfigError(InputError):
    """A configuration file that cannot be served."""


def _line(text: str) -> str:
    """A text that may stand in one line of a page."""
    if not text.strip() or text != text.strip() or not text.isprintable():
        raise ValueError("must be one line of visible text without space around it")
    return text


Line = Annotated[str, Field(max_length=200), AfterValidator(_line)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SamplingTable(_Table):
    """How the model draws its tokens; what is left out is the server's choice."""

    temperature: float | None = Field(default=None, ge=0, le=2, allow_inf_nan=False)
    top_p: float | None = Field(default=None, gt=0, le=1, allow_inf_nan=False)
    max_tokens: int | None = Field(default=None, ge=1)
    seed: int | None = Field(default=None, ge=0)


class ModelTable(_Table):
    """One model: where it is served, how it is asked, and what the page says of it after the vote."""

    name: Line
    base_url: str
    model: Line | None = None
    api_key_env: str | None = None
    sampling: SamplingTable = SamplingTable()
    system_prompt: str | None = None
    display_name: Line | None = None
    organisation: Line | None = None
    licence: Line | None = None
    price: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @field_validator("base_url")
    @classmethod
    def _address(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        if parts.username or parts.password or parts.query:
            raise ValueError("must hold no name, password or query; name a key in api_key_env")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an address such as http://127.0.0.1:8000/v1")
        return url

    @field_validator("api_key_env")
    @classmethod
    def _variable(cls, name: str) -> str:
        if not VARIABLE.fullmatch(name):
            raise ValueError("must be the name of an environment variable, not the key itself")
        return name


class ExampleTable(_Table):
    """A prompt offered on the page."""

    prompt: str = Field(min_length=1)
    category: Line | None = None
    language: Line | None = None


class ArenaTable(_Table):
    """What the page says, what it accepts, and where the votes go."""

    title: Line = "Agon"
    notice: Line | None = None
    typed: bool = True
    log: str = Field(default="agon-log", min_length=1)
    host: Line = "127.0.0.1"
    port: int | None = Field(default=None, ge=1, le=65535)
    examples: list[str | ExampleTable] = []


class LimitsTable(_Table):
    """How long an answer may take, in seconds, and be, in characters."""

    first: Seconds = Limits().first
    between: Seconds = Limits().between
    total: Seconds = Limits().total
    characters: int = Field(default=Limits().characters, ge=1)


class ConfigFile(_Table):
    """The whole file."""

    arena: ArenaTable = ArenaTable()
    limits: LimitsTable = LimitsTable()
    model: list[ModelTable] = []


@dataclass(frozen=True)
class Configuration:
    """An arena as it is to be served; `port` is None where the command line chooses."""

    lineup: Lineup
    limits: Limits
    log: Path
    host: str
    port: int | None


def configuration(path: Path, environment: Mapping[str, str] = os.environ) -> Configuration:
    """Read a configuration file, and connect nothing yet.

    Raises:
        ConfigError: no such file, not TOML, an unknown or missing key, a value out of its range, fewer than
            two models, names that look alike, an environment variable that is not set.
    """
    file = _checked(path)
    _check_names(path, file.model)
    arena = file.arena
    lineup = Lineup(
        entrants=_entrants(path, file.model, environment),
        examples=tuple(
            Example(given) if isinstance(given, str) else Example(**given.model_dump())
            for given in arena.examples
        ),
        typed=arena.typed,
        title=arena.title,
        notice=arena.notice,
    )
    if not (lineup.typed or lineup.examples):
        raise ConfigError(f"{path}, [arena]: typed is false and there are no examples; offer some prompts.")
    return Configuration(lineup, Limits(**file.limits.model_dump()), Path(arena.log), arena.host, arena.port)


def _checked(path: Path) -> ConfigFile:
    """The file's content, every table, key and value checked."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"There is no file {path}; check the path.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be opened: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path} is not UTF-8 text: see line {line}; save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {str(error)[0].lower()}{str(error)[1:]}.") from None
    try:
        file = ConfigFile.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path}{_said(error, content)}") from None
    if len(file.model) < 2:
        has = "has one [[model]]" if file.model else "has no [[model]]"
        raise ConfigError(f"{path} {has}; a comparison needs at least two, each with name and base_url.")
    return file


def _said(error: ValidationError, content: Any) -> str:
    """The first problem of a file: its table, its key, the remedy."""
    # A key that is not known explains one that is missing.
    first = min(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    *place, key = first["loc"]
    if place[:2] == ["arena", "examples"]:  # pydantic names the two kinds an example may be of
        *place, key = [part for part in first["loc"] if part not in ("str", "ExampleTable")]
    table: type[BaseModel] = ConfigFile
    for part in place:
        if isinstance(part, str):
            table = TABLES[part]
    where = _table_name(place, content)
    if isinstance(key, int):
        where, key = _table_name(place[:-1], content), f"{place[-1]} number {key + 1}"
    if first["type"] == "extra_forbidden":
        if key == "api_key":
            return f"{where}: keys do not belong in a file; name an environment variable in api_key_env."
        return f"{where}: there is no key {key!r}; {_nearest_key(str(key), table)}"
    if first["type"] == "missing":
        return f"{where}: {key} is missing; add it."
    rule = first["msg"].removeprefix("Value error, ").replace("Input should", "must", 1)
    rule = KINDS.get(first["type"], rule.replace("String should", "must", 1))
    given = first["input"]
    shown = (
        "" if key in ("api_key_env", "base_url") or isinstance(given, dict | list) else f" is {given!r:.60},"
    )
    return f"{where}: {key}{shown}{' but' if shown else ''} {rule}."


KINDS = {  # what a value must be, in the words of TOML
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "list_type": "must be a list",
    "model_type": "must be a table",
}
TABLES: Mapping[str, type[BaseModel]] = {
    "arena": ArenaTable,
    "limits": LimitsTable,
    "model": ModelTable,
    "sampling": SamplingTable,
    "examples": ExampleTable,
}


def _table_name(place: Sequence[str | int], content: Any) -> str:
    """How a person finds a table: [arena], [[model]] 2 ('name')."""
    if not place:
        return ""
    if place[0] != "model":
        number = f", example {place[2] + 1}" if len(place) > 2 and isinstance(place[2], int) else ""
        return f", [{place[0]}]{number}"
    if len(place) < 2 or not isinstance(place[1], int):
        return ", [[model]]"
    given = content["model"][place[1]]
    name = given.get("name") if isinstance(given, dict) else None
    called = f" ({name!r:.60})" if isinstance(name, str) else ""
    return f", [[model]] {place[1] + 1}{called}{', sampling' if 'sampling' in place else ''}"


def _nearest_key(key: str, table: type[BaseModel]) -> str:
    """Name the key that was probably meant, in this table or in the one where it belongs."""
    for name, other in TABLES.items():
        if (
            key in other.model_fields
            and other is not table
            and not get_close_matches(key, table.model_fields)
        ):
            return f"it belongs in {name}."
    return nearest(key, table.model_fields)


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


def _entrants(
    path: Path, models: Sequence[ModelTable], environment: Mapping[str, str]
) -> tuple[Entrant, ...]:
    """The models with their backends; those at one address with one key share its connections."""
    from agon.serving.openai_compatible import Server

    servers: dict[tuple[str, str | None], Server] = {}
    entrants = []
    for number, model in enumerate(models, start=1):
        key = None
        if model.api_key_env is not None:
            key = environment.get(model.api_key_env, "").strip()
            if not (key.isascii() and key.isprintable() and key):
                state = "holds no key" if key else "is not set"
                raise ConfigError(
                    f"{path}, [[model]] {number} ({model.name!r}): the environment variable "
                    f"{model.api_key_env} {state}; export it before starting agon."
                )
        address = model.base_url.rstrip("/")
        if (address, key) not in servers:
            servers[address, key] = Server(address, api_key=key)
        entrants.append(
            Entrant(
                ModelCard(
                    model.name,
                    model.display_name or model.name,
                    model.organisation,
                    model.licence,
                    model.price,
                ),
                servers[address, key].model(model.model or model.name),
                Sampling(**model.sampling.model_dump()),
                model.system_prompt,
            )
        )
    return tuple(entrants)
