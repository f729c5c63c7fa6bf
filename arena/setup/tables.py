"""What tables of a configuration are made of: checked lines and times, and a model with its backend.

Here stands what every [[model]] has, whatever answers for it. The keys of one backend stand beside what makes
it (`openai_models`, `recorded`, `demo`); `config` holds the list of backends.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from agon.ranking.errors import InputError, suggest
from agon.serving.protocol import Backend, Sampling

if TYPE_CHECKING:
    from agon.serving.openai_protocol.model_server import Server
    from agon.serving.supervision import SupervisedServer


class ConfigError(InputError):
    """A configuration file that cannot be served."""


def _line(text: str) -> str:
    """A text that may stand in one line of a page."""
    if not text.strip() or text != text.strip() or not text.isprintable():
        raise ValueError("must be one line of visible text without space around it")
    return text


Line = Annotated[str, Field(max_length=200), AfterValidator(_line)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Real = Annotated[float, Field(allow_inf_nan=False)]


class Table(BaseModel):
    """A table of the file: an unknown key is refused, and a value of another type too."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SamplingTable(Table):
    """How the model draws its tokens; what is left out is the server's choice."""

    temperature: float | None = Field(default=None, ge=0, le=2, allow_inf_nan=False)
    top_p: float | None = Field(default=None, gt=0, le=1, allow_inf_nan=False)
    top_k: int | None = Field(default=None, ge=-1)
    min_p: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stop: list[str] = []
    presence_penalty: Real | None = None
    frequency_penalty: Real | None = None
    repetition_penalty: Real | None = None
    seed: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if self.max_tokens is not None and self.max_completion_tokens is not None:
            raise ValueError("has max_tokens and max_completion_tokens; keep the one that the server takes")
        return self

    def sampling(self) -> Sampling:
        """What the protocol calls it."""
        return Sampling(**{**self.model_dump(), "stop": tuple(self.stop)})


class Servers:
    """The servers of a file: those of its [[server]] tables, and one for each other address and key."""

    def __init__(self, environment: Mapping[str, str], before: Servers | None = None) -> None:
        self.environment = environment
        self._before = {} if before is None else before._opened
        self._opened: dict[object, Server] = {}
        self.named: dict[str, Server] = {}
        self.supervised: dict[Server, SupervisedServer] = {}
        self.addressed: dict[tuple[str, str | None], Server] = {}

    def open(self, origin: Hashable, make: Callable[[], Server]) -> Server:
        """The server of an origin: that of the configuration before, if it had the same, else a new one."""
        self._opened[origin] = self._before.get(origin) or make()
        return self._opened[origin]

    def __iter__(self) -> Iterator[Server]:
        return iter((*self.named.values(), *self.addressed.values()))


@dataclass(frozen=True)
class Opening:
    """What a backend is opened with: where its table stands, and the servers that several tables share."""

    where: str  # the beginning of a sentence about the table
    servers: Servers

    def key(self, variable: str) -> str:
        """The key that an environment variable holds.

        Raises:
            ConfigError: it holds none.
        """
        key = self.servers.environment.get(variable, "").strip()
        if not (key.isascii() and key.isprintable() and key):
            state = "holds no key" if key else "is not set"
            raise ConfigError(
                f"{self.where}: the environment variable {variable} {state}; export it before starting agon."
            )
        return key

    def server(self, name: str) -> Server:
        """The server of a [[server]] table.

        Raises:
            ConfigError: there is none of this name.
        """
        named = self.servers.named
        if name not in named:
            known = suggest(name, named) if named else "add it."
            raise ConfigError(f"{self.where}: there is no [[server]] {name!r}; {known}")
        return named[name]

    def address(self, url: str, variable: str | None) -> Server:
        """The server at an address, with the key of an environment variable.

        Raises:
            ConfigError: the variable holds no key.
        """
        from agon.serving.openai_protocol.model_server import Server

        key = None if variable is None else self.key(variable)
        place = url.rstrip("/"), key
        if place not in self.servers.addressed:
            self.servers.addressed[place] = self.servers.open(place, lambda: Server(place[0], api_key=key))
        return self.servers.addressed[place]


class ModelTable(Table):
    """One model: what answers for it, how it is asked, and what the page says of it after the vote."""

    measured: ClassVar[bool] = True  # whether the speed of its answers is the model's own

    name: Line
    backend: str = "openai"
    display_name: Line | None = None
    organisation: Line | None = None
    licence: Line | None = None
    price: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    input_price: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    priced: date | None = None
    sampling: SamplingTable = SamplingTable()
    system_prompt: str | None = None
    status: Literal["listed", "testing", "retired"] = "listed"

    @abstractmethod
    def open_backend(self, opening: Opening) -> Backend:
        """Make the backend, and connect nothing yet.

        Raises:
            ConfigError: what the table names is not there.
        """

    def open_again(self, backend: Backend) -> Backend | None:
        """Who answers a second time beside the backend, in an A/A battle; None if it would say the same."""
        return backend
