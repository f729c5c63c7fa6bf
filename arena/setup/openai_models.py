"""Models behind servers that speak the OpenAI protocol, as a configuration names them."""

from __future__ import annotations

import re
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from agon.arena.setup.tables import Line, ModelTable, Opening
from agon.serving.protocol import Backend

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
SECRET_HEADER = re.compile("auth|key|token|secret|cookie", re.IGNORECASE)
OURS = ("model", "messages", "stream", "stream_options", "n")  # what the arena itself says in a request


class OpenAIModel(ModelTable):
    """A model of a server; models at one address with one key share its connections."""

    base_url: str
    model: Line | None = None
    api_key_env: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    system_role: bool = True
    chat_template_kwargs: dict[str, Any] = Field(default_factory=dict)
    extra_body: dict[str, Any] = Field(default_factory=dict)

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
        for name in OURS:
            if name in body:
                raise ValueError(f"must not hold {name}, which the arena itself decides")
        return body

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
        from agon.serving.openai_compatible import Server

        key = None if self.api_key_env is None else opening.key(self.api_key_env)
        address = self.base_url.rstrip("/")
        if (address, key) not in opening.servers:
            opening.servers[address, key] = Server(address, api_key=key)
        template = {"chat_template_kwargs": self.chat_template_kwargs} if self.chat_template_kwargs else {}
        return opening.servers[address, key].model(
            self.model or self.name,
            body={**self.extra_body, **template},
            headers={
                name: opening.key(value[1:]) if value.startswith("$") else value
                for name, value in self.headers.items()
            },
            system_role=self.system_role,
        )
