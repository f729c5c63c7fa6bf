"""`[moderation]` of a configuration: which prompts the arena does not take."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from agon.arena.core.visitors.moderation import (
    DEFAULT_WORDS,
    Moderation,
    ModerationService,
    WordList,
    WordListError,
)
from agon.arena.setup.tables import ConfigError, Line, Opening, Table


class ModerationTable(Table):
    """A list of words, a service that is asked, and what becomes of a prompt when it does not answer."""

    list: str | None = Field(default=None, min_length=1)
    url: Line | None = None
    api_key_env: Line | None = None
    model: Line | None = None
    seconds: float = Field(default=ModerationService("").seconds, gt=0, le=60, allow_inf_nan=False)
    closed: bool = True

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https:// and end with /v1")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.list is None and self.url is None:
            raise ValueError('has neither list nor url; write list = "default", or the address of a service')
        return self


def moderation_of(path: Path, table: ModerationTable | None, opening: Opening) -> Moderation | None:
    """What a configuration says of moderation; a list is looked for beside it.

    Raises:
        ConfigError: a list that cannot be read, or a key that is not set.
    """
    if table is None:
        return None
    words, service = None, None
    try:
        if table.list is not None:
            named = table.list if table.list == DEFAULT_WORDS else path.parent / table.list
            words = WordList.read(named)
    except WordListError as error:
        raise ConfigError(f"{opening.where}: {error}") from None
    if table.url is not None:
        key = None if table.api_key_env is None else opening.key(table.api_key_env)
        service = ModerationService(table.url, key, table.model, table.seconds)
    return Moderation(words, service, table.closed)
