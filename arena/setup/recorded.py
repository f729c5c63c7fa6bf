"""The arena over somebody's recorded answers: what `agon serve ANSWERS` shows."""

from __future__ import annotations

from pathlib import Path

from agon.arena.core.roster import Entrant, Example, Lineup, ModelCard
from agon.data.importers.recorded_answers import answers
from agon.serving.recorded import Recorded

WORDS_PER_SECOND = 40.0  # the same for every model: a recording does not know how fast it was written


def recorded(path: str | Path) -> Lineup:
    """Read a file of answers; its prompts are the examples, and only they can be asked.

    Raises:
        SourceError: the file cannot be read as answers.
    """
    found = answers(path)
    missing = len(found.left_out)
    without = (
        f" {missing} more {'has' if missing == 1 else 'have'} fewer than two answers." if missing else ""
    )
    return Lineup(
        entrants=tuple(
            Entrant(ModelCard(name, name), Recorded(found.of(name), words_per_second=WORDS_PER_SECOND))
            for name in found.models
        ),
        examples=tuple(
            Example(prompt.prompt, prompt.prompt_id, prompt.category, prompt.language)
            for prompt in found.prompts
        ),
        typed=False,
        notice=f"Recorded answers: {len(found.models)} models, {len(found.prompts)} prompts.{without}",
    )
