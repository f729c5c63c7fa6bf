"""The arena without an argument: six invented assistants over answers that ship with the project.

Their cards are in demo/models.toml, their answers in demo/answers.csv: one record a prompt, one column an
assistant, which is a format that `agon serve` reads from anybody. What is typed, and every further turn, is
answered by the generators of serving/demonstration.py.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from agon.arena.core.roster import Entrant, Example, Lineup, ModelCard
from agon.data.importers.recorded_answers import answers
from agon.serving.demo.chatbot import Improviser
from agon.serving.recorded import Recorded

FOLDER = Path(__file__).parent / "demo_answers"
NOTICE = (
    "These are demonstration assistants: they are invented, their answers to the examples were written for"
    " this project, and what you type is answered by small programs without a language model."
)


def demonstration(seed: int) -> Lineup:
    """Six assistants that answer the same prompts in six manners; the same seed gives the same answers."""
    recordings = answers(FOLDER / "answers.csv")
    models = tomllib.loads((FOLDER / "models.toml").read_text(encoding="utf-8"))
    return Lineup(
        entrants=tuple(_entrant(name, how, recordings.of(name), seed) for name, how in models.items()),
        examples=tuple(
            Example(given.prompt, given.prompt_id, given.category, given.language)
            for given in recordings.prompts
        ),
        title="Agon: a demonstration",
        notice=NOTICE,
    )


def _entrant(name: str, how: dict[str, Any], recorded: dict[str, str], seed: int) -> Entrant:
    card = ModelCard(name, how["display_name"], how["organisation"], how["licence"], how["price"])
    pace = how["words_per_second"]
    typed = Improviser(
        how["manner"],
        seed=seed,
        words_per_second=how.get("typed_words_per_second", pace),
        delay=how.get("typed_delay", 0.0),
        failure_rate=how.get("typed_failure_rate", 0.0),
    )
    return Entrant(card, Recorded(recorded, words_per_second=pace, otherwise=typed))
