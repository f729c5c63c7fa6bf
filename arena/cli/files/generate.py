"""`agon generate`: the answers of a configuration's models to the prompts of a file."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from agon.arena.cli.arguments import readable
from agon.arena.cli.output.progress_line import progress
from agon.ranking.errors import OptionError
from agon.ranking.leaderboard.row import plain
from agon.ranking.progress import CountedWork

if TYPE_CHECKING:
    from agon.arena.core.answer_sets import Tally


def generate_command(
    config: Annotated[Path, Parameter(help="The .toml configuration with the models.")],
    prompts: Annotated[
        Path,
        Parameter(help="A table with a column prompt (.parquet, .csv, .jsonl, ...), or a .txt, a line each."),
    ],
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="The .parquet file of the answers.")],
    samples: Annotated[int, Parameter(help="Answers of each model to each prompt.")] = 1,
    at_once: Annotated[
        int, Parameter(help="Answers at once of each server; a [[server]] may allow fewer.")
    ] = 32,
    patience: Annotated[
        float, Parameter(help="Seconds for which a server may be out before its answers are left out.")
    ] = 120.0,
    dry_run: Annotated[
        bool, Parameter(negative="", help="Only say how many answers would be asked for.")
    ] = False,
) -> int:
    """Ask every model for its answer to every prompt, and keep each answer as soon as it is there.

    Run it again after an interruption, a failure or a change of the prompts: it asks only for what is
    missing. What comes out is what agon serve opens. Exit status 1 if answers are still missing.

    For example:

    agon generate arena.toml prompts.csv -o answers.parquet

    agon serve answers.parquet
    """
    from agon.arena.core.answer_sets import AnswerSet, answer_all, still_open, wanted_answers
    from agon.arena.core.roster import Example
    from agon.arena.setup.config import read_configuration
    from agon.data.importers.recorded_answers import prompts as read_prompts

    for name, number in (("--samples", samples), ("--at-once", at_once)):
        if number < 1:
            raise OptionError(f"{name} must be at least 1, not {number}.")
    given = read_configuration(config, least=1)
    with readable([prompts]) as paths:
        asked = read_prompts(paths[0])
    examples = [Example(one.prompt, one.prompt_id, one.category, one.language) for one in asked]
    wanted = wanted_answers(given.roster.contestants, examples, samples)
    with AnswerSet(output) as kept:
        todo = still_open(kept, wanted)
        models = len(given.roster.contestants)
        what = f"{len(asked):,} prompts to {models} model{'' if models == 1 else 's'}"
        times = f", {samples} samples each" if samples > 1 else ""
        print(
            f"{what}{times}: {len(wanted):,} answers, of which {len(wanted) - len(todo):,} are there.",
            file=sys.stderr,
        )
        if dry_run:
            return 0
        with progress("asking the models"), CountedWork(len(todo) or None) as work:
            tally = asyncio.run(
                answer_all(
                    kept,
                    wanted,
                    given.roster.contestants,
                    given.supervised,
                    given.folder,
                    work,
                    limits=given.limits,
                    at_once=at_once,
                    patience=patience,
                )
            )
        kept.finish({one.key: number for number, one in enumerate(wanted)})
    say_tally(tally, output)
    return int(bool(tally.missing))


def say_tally(tally: Tally, output: Path) -> None:
    """Print what came, what it cost, and what is missing and why."""
    speed = f", {tally.tokens / tally.seconds:,.0f} tokens a second" if tally.answered else ""
    cost = "" if tally.cost is None else f", {tally.cost:,.2f} dollars"
    there = f"{tally.kept + tally.answered:,} of {tally.wanted:,} answers are in {plain(str(output))}"
    if not output.exists():
        there = "No answer is there"
    print(f"{there}; {tally.answered:,} came now{speed}{cost}.")
    for model, number in tally.failed.items():
        print(f"{plain(model)} failed {number:,} times; its rows say why, and the same command asks again.")
    for model, (number, why) in tally.unasked.items():
        left = f"{plain(model)} was not asked for {number:,} answers ({plain(why)})"
        print(f"{left}; run the same command once it answers.")
