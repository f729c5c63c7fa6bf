"""The shapes of all answers as JSON, from which /openapi.json is written; no answer is checked as it is sent.

What the results of the engine say of their own fields is in docs/reference.md; here, what clients must know.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Number = float | None  # null where there is none
Rank = int | None


class Shape(BaseModel):
    """An object that has these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class ErrorShape(Shape):
    """Why a request was refused."""

    error: Annotated[str, Field(description="A code for programs, such as no_board.")]
    sentence: Annotated[str, Field(description="One sentence for people, with the remedy.")]


class DataAnswer(Shape):
    """What can be taken along, and how to cite it; null fields where there are no votes."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    votes: int
    unit: str
    fingerprint: str | None
    cite: str | None
    downloads: Annotated[dict[str, str], Field(description="Name → address, relative to the site.")]


class OutShape(Shape):
    """A model whose server is out."""

    why: str | None
    asked_in: Annotated[int | float, Field(description="Seconds until it is asked again.")]


class HealthAnswer(Shape):
    """Whether people can vote here now."""

    votes: int
    models: int
    answering: int
    out: dict[str, OutShape] = {}
    sentence: Annotated[str | None, Field(description="Why not, with status 503.")] = None
