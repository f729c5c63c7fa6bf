"""The shapes of what a visitor does: battles, votes, conversations, images, the puzzle before them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field


class AnswerShape(BaseModel):
    """One answer of a battle, by its letter: whose it is, is told after the vote."""

    letter: str
    status: Annotated[str, Field(description="waiting, writing, finished, stopped or failed.")]
    text: str


class RemarksShape(BaseModel):
    """What decided a vote, as it is kept; what is sent later takes its place."""

    reasons: Annotated[
        list[str],
        Field(description="Of correct, complete, clear, well written, follows the instructions and safe."),
    ]
    comment: Annotated[str | None, Field(description="Up to 1,000 characters; null without one.")]


class ConsentTextShape(BaseModel):
    """A text that people are asked to agree to."""

    language: str
    text: Annotated[str, Field(description="In Markdown.")]
    html: str
    sha256: Annotated[str, Field(description="Of the text in UTF-8, by which one agrees to it.")]


class ConsentShape(BaseModel):
    """What visitors are asked to agree to before anything of theirs is kept or sent; one text is enough."""

    since: Annotated[str | None, Field(description="When these texts were first asked; null: nothing was.")]
    texts: Annotated[list[ConsentTextShape], Field(description="One a language; none: nothing is asked.")]
    agreed: Annotated[bool, Field(description="Whether this visitor agreed, or nothing is asked.")]


class BattleShape(BaseModel):
    """A battle as it stands. Pages get `html` and more beside; names only once the vote is kept."""

    battle: Annotated[str | None, Field(description="Its ID; null before the first.")]
    state: Annotated[str, Field(description="empty, streaming, ready, keeping, voted or void.")]
    votes: Annotated[int, Field(description="Of this visitor.")]
    html: str
    consent: Annotated[
        ConsentShape | None, Field(description="What this visitor is asked; null where nothing is.")
    ] = None
    turn: int | None = None
    prompt: str | None = None
    sides: list[AnswerShape] = []
    standing: Annotated[list[int], Field(description="The answers to vote on, as indices of sides.")] = []
    token: Annotated[str | None, Field(description="The right to one vote, once the battle is ready.")] = None
    models: Annotated[list[str] | None, Field(description="After the vote: who wrote those voted on.")] = None
    outcome: str | None = None
    places: list[int | None] | None = None
    acceptable: list[bool] | None = None
    receipt: Annotated[int | None, Field(description="Number of the vote in the log.")] = None
    record: Annotated[str | None, Field(description="Hash of the vote's event.")] = None
    counted: bool | None = None
    remarks: Annotated[RemarksShape | None, Field(description="What the voter said decided it.")] = None


class WorkShape(BaseModel):
    """The puzzle before a session's first battle, where the arena has one."""

    needed: Annotated[bool, Field(description="Whether this session has to solve it.")]
    challenge: str | None = None
    bits: Annotated[int | None, Field(description="Zero bits that the digest must begin with.")] = None
    how: Annotated[str | None, Field(description="What to find, in a sentence.")] = None


class ChatShape(BaseModel):
    """A conversation with one model, of which nothing is kept."""

    chat: Annotated[str | None, Field(description="Its ID; null before the first prompt.")]
    state: Annotated[str, Field(description="empty, streaming or ready.")]
    model: Annotated[str | None, Field(description="The name of the model.")]
    may_ask: Annotated[bool, Field(description="Whether a further prompt can be answered.")]
    html: str
    consent: Annotated[
        ConsentShape | None, Field(description="What this visitor is asked; null where nothing is.")
    ] = None


class ChangeAnswer(BaseModel):
    """What a vote changed on the board, as the page shows it."""

    html: str


class UploadAnswer(BaseModel):
    """An image that is held for the next prompt."""

    sha256: str
