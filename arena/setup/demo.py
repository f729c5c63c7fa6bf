"""The arena without an argument: six invented assistants over answers that ship with the project.

Their cards are in demo_answers/models.toml, their answers in demo_answers/answers.csv: one record a prompt,
one column an assistant, which is a format that `agon serve` reads from anybody. What is typed, and every
further turn, is echoed (serving/demo.py).
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from agon.arena.core.roster import Contestant, Example, ModelCard, Roster
from agon.arena.setup.tables import ModelTable, Opening
from agon.data.importers.recorded_answers import answers
from agon.ranking.text import Sentence
from agon.serving.demo import MANNERS, Echo
from agon.serving.protocol import Backend
from agon.serving.recorded import RecordedAnswers

FOLDER = Path(__file__).parent / "demo_answers"
_NOTICE = Sentence(
    "These are demonstration assistants: they are invented, their answers to the examples were written for"
    " this project, and what you type is only echoed, because no language model is behind them."
)


class DemoModel(ModelTable):
    """An echo in one manner: to try an arena's configuration without a model."""

    measured = False

    manner: str
    words_per_second: float = Field(default=40.0, ge=0, allow_inf_nan=False)
    delay: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    failure_rate: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)

    @field_validator("manner")
    @classmethod
    def _known(cls, manner: str) -> str:
        if manner not in MANNERS:
            raise ValueError(f"must be one of {', '.join(MANNERS)}")
        return manner

    def open_backend(self, opening: Opening) -> Backend:  # noqa: ARG002
        """An echo."""
        return Echo(
            self.manner,
            words_per_second=self.words_per_second,
            delay=self.delay,
            failure_rate=self.failure_rate,
        )

    def open_again(self, backend: Backend) -> None:
        """An echo says the same again."""


def demo_roster(seed: int) -> Roster:
    """Six assistants that answer the same prompts in six manners; the same seed gives the same failures."""
    recordings = answers(FOLDER / "answers.csv")
    models = tomllib.loads((FOLDER / "models.toml").read_text(encoding="utf-8"))
    return Roster(
        contestants=tuple(_contestant(name, how, recordings.of(name), seed) for name, how in models.items()),
        examples=tuple(
            Example(given.prompt, given.prompt_id, given.category, given.language)
            for given in recordings.prompts
        ),
        title="Agon: a demonstration",
        notice=_NOTICE,
    )


def _contestant(name: str, how: dict[str, Any], answered: dict[str, str], seed: int) -> Contestant:
    card = ModelCard(name, how["display_name"], how["organisation"], how["licence"], how["price"])
    pace = how["words_per_second"]
    typed = Echo(
        how["manner"],
        seed=seed,
        words_per_second=how.get("typed_words_per_second", pace),
        delay=how.get("typed_delay", 0.0),
        failure_rate=how.get("typed_failure_rate", 0.0),
    )
    backend = RecordedAnswers(answered, words_per_second=pace, otherwise=typed)
    return Contestant(card, backend, measured=False)
