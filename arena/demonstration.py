"""The arena without an argument: six invented assistants over answers that ship with the project.

Their cards are in demo/models.toml, their answers in demo/answers.csv: one record a prompt, one column an
assistant, which is a format that `agon serve` reads from anybody.
"""

import csv
import tomllib
from pathlib import Path
from typing import Any

from arena.lineup import Entrant, Example, Lineup, ModelCard
from serving.recorded import Recorded

FOLDER = Path(__file__).parent / "demo"
NOTICE = (
    "These are demonstration assistants: they are invented, and their answers were written for this project."
)


def demonstration(seed: int) -> Lineup:  # noqa: ARG001 (of the generators for typed prompts)
    """Six assistants that answer the same prompts in six manners; the same seed gives the same answers."""
    with (FOLDER / "answers.csv").open(encoding="utf-8", newline="") as file:
        prompts = list(csv.DictReader(file))
    models = tomllib.loads((FOLDER / "models.toml").read_text(encoding="utf-8"))
    return Lineup(
        entrants=tuple(_entrant(name, how, prompts) for name, how in models.items()),
        examples=tuple(
            Example(row["prompt"], row["prompt_id"], row["category"], row["language"]) for row in prompts
        ),
        typed=False,
        title="Agon: a demonstration",
        notice=NOTICE,
    )


def _entrant(name: str, how: dict[str, Any], prompts: list[dict[str, str]]) -> Entrant:
    card = ModelCard(name, how["display_name"], how["organisation"], how["licence"], how["price"])
    answers = {row["prompt"]: row[name] for row in prompts}
    return Entrant(card, Recorded(answers, words_per_second=how["words_per_second"]))
