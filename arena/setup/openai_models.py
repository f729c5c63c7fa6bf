"""Models behind servers that speak the OpenAI protocol, as a configuration names them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from agon.arena.setup.tables import Line, ModelTable, Opening, Table
from agon.serving.protocol import Backend
from agon.serving.supervision import PORT_FIELD

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
LOG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
SECRET_HEADER = re.compile("auth|key|token|secret|cookie", re.IGNORECASE)
_OURS = ("model", "messages", "stream", "stream_options", "n")  # what the arena itself says in a request


def _address(url: str) -> str:
    """The address of a server, without a secret in it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.username or parts.password or parts.query:
        raise ValueError("must hold no name, password or query; name a key in api_key_env")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address such as http://127.0.0.1:8000/v1")
    return url


def _variable(name: str) -> str:
    if not VARIABLE.fullmatch(name):
        raise ValueError("must be the name of an environment variable, not the key itself")
    return name


Address = Annotated[str, AfterValidator(_address)]
Variable = Annotated[str, AfterValidator(_variable)]


class ServerTable(Table):
    """A server that several models are behind, so many answers at once and so many more in line; one that is
    there, or one that a command starts."""

    name: Line
    base_url: Address | None = None
    command: list[str] | None = Field(default=None, min_length=1)
    env: dict[str, str] = Field(default_factory=dict)
    api_key_env: Variable | None = None
    at_once: int = Field(default=16, ge=1)
    waiting: int = Field(default=100, ge=0)

    @field_validator("env")
    @classmethod
    def _env(cls, env: dict[str, str]) -> dict[str, str]:
        if not all(map(VARIABLE.fullmatch, env)):
            raise ValueError("must be names of environment variables with their values")
        return env

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.command is None) == (self.base_url is None):
            number = "neither base_url nor" if self.command is None else "both base_url and"
            raise ValueError(f"has {number} command; give one of them")
        if self.command is not None and not any(
            PORT_FIELD in word for word in (*self.command, *self.env.values())
        ):
            raise ValueError(f'has a command without its port; write "--port", "{PORT_FIELD}" into it')
        if self.command is not None and not LOG_NAME.fullmatch(self.name):
            raise ValueError(
                "has a command and a name that is no file's; name it with letters, digits, . _ -"
            )
        if self.command is None and self.env:
            raise ValueError("has env without a command; it is set where that server is started")
        return self


class OpenAIModel(ModelTable):
    """A model of a server; those of one [[server]], or at one address with one key, share its connections."""

    server: Line | None = None
    base_url: Address | None = None
    model: Line | None = None
    api_key_env: Variable | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    system_role: bool = True
    images: bool = False
    chat_template_kwargs: dict[str, Any] = Field(default_factory=dict)
    extra_body: dict[str, Any] = Field(default_factory=dict)

    @field_validator("headers")
    @classmethod
    def _headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not HEADER.fullmatch(name) or not (value.isascii() and value.isprintable()):
                raise ValueError("must be names of headers with values of one line of ASCII")
            if SECRET_HEADER.search(name) and not value.startswith("$"):
                raise ValueError(
                    'must hold no keys; write "$VARIABLE" for the value of an environment variable'
                )
            if value.startswith("$") and not VARIABLE.fullmatch(value[1:]):
                raise ValueError('must name an environment variable after "$"')
        return headers

    @field_validator("extra_body")
    @classmethod
    def _body(cls, body: dict[str, Any]) -> dict[str, Any]:
        for name in _OURS:
            if name in body:
                raise ValueError(f"must not hold {name}, which the arena itself decides")
        return body

    @model_validator(mode="after")
    def _one_server(self) -> Self:
        if (self.server is None) == (self.base_url is None):
            number = "neither base_url nor" if self.server is None else "both base_url and"
            raise ValueError(f"has {number} server; give one of them")
        if self.server is not None and self.api_key_env is not None:
            raise ValueError("has an api_key_env beside its server; name the key in the [[server]]")
        return self

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        twice = [name for name in self.extra_body if getattr(self.sampling, name, None)]
        if self.chat_template_kwargs and "chat_template_kwargs" in self.extra_body:
            twice.append("chat_template_kwargs")
        if twice:
            raise ValueError(f"gives {twice[0]} twice, once in extra_body; keep one of them")
        return self

    def open_backend(self, opening: Opening) -> Backend:
        """One model of its server."""
        if self.base_url is not None:
            found = opening.address(self.base_url, self.api_key_env)
        else:
            found = opening.server(self.server or "")  # _one_server has seen to it
        template = {"chat_template_kwargs": self.chat_template_kwargs} if self.chat_template_kwargs else {}
        return found.model(
            self.model or self.name,
            body={**self.extra_body, **template},
            headers={
                name: opening.key(value[1:]) if value.startswith("$") else value
                for name, value in self.headers.items()
            },
            system_role=self.system_role,
            images=self.images,
        )
