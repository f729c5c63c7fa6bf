"""The [study] of a configuration: which models answer which prompts, for whom, and what is asked beside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from agon.arena.core.roster import Contestant, Example
from agon.arena.core.studies.study_plan import AttentionItem, StudyPlan
from agon.arena.setup.recorded import replayed_models
from agon.arena.setup.tables import ConfigError, Line, Table
from agon.data.importers.recorded_answers import answers, prompts
from agon.data.log.study_journal import STUDY_NAME
from agon.ranking.errors import OptionError, suggest
from agon.ranking.text import join_names
from agon.serving.protocol import Message

_CRITERION = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,39}")  # it is the name of a file of the log


def _criterion(name: str) -> str:
    if not _CRITERION.fullmatch(name):
        raise ValueError("must be up to 40 letters, digits, spaces, _ or -, such as helpfulness")
    return name


def _study_name(name: str) -> str:
    if not STUDY_NAME.fullmatch(name):
        raise ValueError("must be up to 60 letters, digits, points, _ or -, such as tunes-2026")
    return name


class AttentionTable(Table):
    """A prompt whose best answer is known: the first of its answers."""

    prompt: str = Field(min_length=1)
    answers: list[Annotated[str, Field(min_length=1)]] = Field(min_length=2, max_length=6)


class StudyTable(Table):
    """A comparison with an end: these prompts, these models, these voters."""

    name: Annotated[str, AfterValidator(_study_name)] | None = None
    answers: str | None = Field(default=None, min_length=1)
    prompts: str | None = Field(default=None, min_length=1)
    models: list[str] | None = Field(default=None, min_length=2)
    overlap: int = Field(default=1, ge=1)
    groups: int | None = Field(default=None, ge=1)
    criteria: list[Annotated[str, AfterValidator(_criterion)]] = Field(default_factory=list)
    rating: bool = False
    reasons: list[Line] = Field(default_factory=list)
    comment: bool = False
    instructions: str | None = Field(default=None, min_length=1, max_length=2000)
    attention: list[AttentionTable] = Field(default_factory=list)
    incomplete: Literal["error", "drop"] = "error"
    reveal: bool = False
    until: Literal["decision", "complete"] = "decision"
    quota: int | None = Field(default=None, ge=1)
    level: float = Field(default=0.95, gt=0, lt=1)
    seed: int = 0

    @field_validator("criteria", "reasons")
    @classmethod
    def _different(cls, names: list[str]) -> list[str]:
        if len({name.lower() for name in names}) < len(names):
            raise ValueError("must have each name once")
        return names

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.answers is None and self.prompts is None:
            raise ValueError("has neither answers nor prompts; name a file of one of them")
        return self


def recorded_models(table: StudyTable) -> tuple[Contestant, ...]:
    """The models of the file of answers that a study names; answers are there at once."""
    return replayed_models(answers(str(table.answers)), words_per_second=0)


def plan_study(path: Path, table: StudyTable, contestants: Sequence[Contestant], size: int) -> StudyPlan:
    """Put a study together.

    Args:
        path: of the configuration.
        table: its [study].
        contestants: all models of the configuration.
        size: K.

    Raises:
        ConfigError: models that are not there, prompts without an answer, fewer models than a battle has.
        SourceError: a file that cannot be read.
    """
    where = f"{path}, [study]"
    known = [one.card.name for one in contestants]
    for name in table.models or ():
        if name not in known:
            raise ConfigError(f"{where}: models names {name!r}; {suggest(name, known)}")
    taken = [one for one in contestants if table.models is None or one.card.name in table.models]
    if table.prompts:
        given, alone = prompts(table.prompts), tuple[str, ...]()
    else:
        found = answers(str(table.answers))
        given, alone = found.prompts, found.left_out
    asked = [Example(one.prompt, one.prompt_id, one.category, one.language) for one in given]
    asked += [Example(prompt) for prompt in alone]
    whole = _answered(where, table, taken, asked)
    name = table.name or re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._") or "study"
    plan = StudyPlan(
        name=name,
        prompts=whole,
        models=tuple(one.card.name for one in taken),
        size=size,
        overlap=table.overlap,
        groups=table.groups,
        criteria=tuple(table.criteria),
        rating=table.rating,
        reasons=tuple(table.reasons),
        comment=table.comment,
        instructions=table.instructions,
        attention=tuple(AttentionItem(one.prompt, tuple(one.answers)) for one in table.attention),
        reveal=table.reveal,
        until=table.until,
        quota=table.quota,
        level=table.level,
        seed=table.seed,
    )
    try:
        groups = len(plan.cells) // len(whole)
    except OptionError as error:
        raise ConfigError(f"{where}: {error}") from None
    if plan.reveal and groups > 1:
        raise ConfigError(
            f"{where}: reveal tells names after each vote, and each prompt comes {groups} times, so that "
            "later votes would not be blind; set groups = 1, or leave reveal out."
        )
    return plan


def _answered(
    where: str, table: StudyTable, models: Sequence[Contestant], asked: Sequence[Example]
) -> tuple[Example, ...]:
    """The prompts that all models can answer; unless others may be dropped, all must be.

    Recorded answers tell that before the first vote.
    """
    lacking = {
        one.prompt: [
            m.card.name for m in models if not m.backend.accepts([Message("user", one.prompt.strip())])
        ]
        for one in asked
    }
    whole = tuple(one for one in asked if not lacking[one.prompt])
    if table.incomplete == "error" and len(whole) < len(asked):
        first, names = next((prompt, names) for prompt, names in lacking.items() if names)
        number = len(asked) - len(whole)
        whom = f" of {join_names(names)}" if len(names) < len(models) else ""
        lack = "lacks" if number == 1 else "lack"
        raise ConfigError(
            f"{where}: {number} of {len(asked)} prompts {lack} an answer of some "
            f'model, such as {first!r:.60}{whom}; record it with agon generate, or set incomplete = "drop".'
        )
    if not whole:
        raise ConfigError(f"{where}: no prompt has an answer of every model; record some with agon generate.")
    return whole
