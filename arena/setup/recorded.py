"""Recorded answers: the arena over somebody's file (`agon serve ANSWERS`), and one column as a model."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pydantic import Field

from agon.arena.core.roster import Contestant, Example, ModelCard, Roster
from agon.arena.setup.tables import ConfigError, Line, ModelTable, Opening
from agon.data.importers.recorded_answers import Answers, answers
from agon.ranking.errors import SourceError, suggest
from agon.serving.protocol import Backend
from agon.serving.recorded import RecordedAnswers

WORDS_PER_SECOND = 40.0  # the same for every model: a recording does not know how fast it was written


class RecordedModel(ModelTable):
    """The answers of one model of a file; other prompts it does not answer."""

    measured = False

    answers: str = Field(min_length=1)
    model: Line | None = None
    words_per_second: float = Field(default=WORDS_PER_SECOND, ge=0, allow_inf_nan=False)

    def open_backend(self, opening: Opening) -> Backend:
        """Read the file.

        Raises:
            SourceError: it cannot be read as answers.
            ConfigError: it holds no answers of this model.
        """
        found = answers(self.answers)
        name = self.model or self.name
        if name not in found.models:
            raise ConfigError(
                f"{opening.where}: {self.answers} holds no answers of {name!r}; {suggest(name, found.models)}"
            )
        return RecordedAnswers(found.of(name), words_per_second=self.words_per_second)

    def open_again(self, backend: Backend) -> Backend | None:  # noqa: ARG002
        """The second samples of the file, if it has any."""
        second = answers(self.answers).again(self.model or self.name)
        return RecordedAnswers(second, words_per_second=self.words_per_second) if second else None


def read_recorded_roster(path: str | Path, least: int = 2) -> Roster:
    """Read a file of answers; its prompts with `least` answers are the examples, and only they can be asked.

    Raises:
        SourceError: the file cannot be read as answers, or no prompt has so many.
    """
    found = answers(path)
    of_model = {name: found.of(name) for name in found.models}
    times = Counter(prompt for answered in of_model.values() for prompt in answered)
    prompts = [prompt for prompt in found.prompts if times[prompt.prompt] >= least]
    if not prompts:
        most = max(times.values())
        raise SourceError(
            f"No prompt of {path} has the {least} answers that a battle needs, and the most is {most}; "
            f"ask for {most} answers a battle, or record more."
        )
    missing = len(found.left_out) + len(found.prompts) - len(prompts)
    number = {2: "two"}.get(least, least)
    without = (
        f" {missing} more {'has' if missing == 1 else 'have'} fewer than {number} answers." if missing else ""
    )
    return Roster(
        contestants=replayed_models(found),
        examples=tuple(
            Example(prompt.prompt, prompt.prompt_id, prompt.category, prompt.language) for prompt in prompts
        ),
        typed=False,
        notice=f"Recorded answers: {len(found.models)} models, {len(prompts)} prompts.{without}",
    )


def replayed_models(found: Answers, *, words_per_second: float = WORDS_PER_SECOND) -> tuple[Contestant, ...]:
    """Make contestants of the models of a file."""
    made = []
    for name in found.models:
        backend, again = (
            RecordedAnswers(texts, words_per_second=words_per_second)
            for texts in (found.of(name), found.again(name))
        )
        second = again if found.again(name) else None
        made.append(Contestant(ModelCard(name, name), backend, measured=False, again=second))
    return tuple(made)
