"""Letting language models judge answers: who is asked, of what, within what, and the votes that come."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from agon.arena.core.answer_sets import AnswerSet, Tally, answer_all, still_open
from agon.arena.core.judging.judge_prompts import JudgePrompt
from agon.arena.core.judging.judgements import (
    JUDGEMENT_ROWS,
    Judge,
    WantedJudgement,
    votes_of,
    wanted_judgements,
)
from agon.arena.core.judging.question_sources import questions_of
from agon.arena.core.roster import Contestant, ModelCard
from agon.arena.setup.config import read_configuration
from agon.data.files.writer import write_table
from agon.data.judged_votes import verdicts_of
from agon.ranking.errors import OptionError
from agon.ranking.leaderboard.row import plain
from agon.ranking.progress import CountedWork
from agon.ranking.text import Readable
from agon.serving.generation import Limits
from agon.serving.openai_protocol.model_server import Server

Finished = TypeVar("Finished")


@dataclass(frozen=True)
class NamedJudges:
    """Judges, how long they may take, and servers that must be started for them.

    Attributes:
        contestants: the judges.
        limits: of time for their answers.
        supervised: servers that must be started.
        home: the folder of what these say.
    """

    contestants: tuple[Contestant, ...]
    limits: Limits
    supervised: tuple[Any, ...]
    home: Path


@dataclass(frozen=True, repr=False)
class Judged(Readable):
    """What judges said.

    Attributes:
        output: the file of the votes; there is none where no vote came.
        votes: how many are in it.
        tally: judgements that came, failed and are missing, and what they cost.
        rows: the judgements, each with the words of its judge.
    """

    output: Path
    votes: int
    tally: Tally
    rows: tuple[dict[str, Any], ...]

    def conclusion(self) -> str:
        """Say how many votes there are, from how many judgements, and what they cost."""
        tally = self.tally
        cost = "" if tally.cost is None else f", {tally.cost:,.4f} dollars"
        there = f"{self.votes:,} votes are in {plain(str(self.output))}" if self.votes else "No vote is there"
        return (
            f"{there}, from {tally.kept + tally.answered:,} of {tally.wanted:,} judgements; "
            f"{tally.answered:,} came now{cost}."
        )


def named_judges(
    given: Sequence[str], base_url: str | None = None, api_key_env: str | None = None
) -> NamedJudges:
    """The judges that are named.

    Args:
        given: configurations (.toml) whose models they are, and names at the address.
        base_url: of a server that speaks the OpenAI protocol.
        api_key_env: environment variable with its key.

    Raises:
        OptionError: a name without an address, no key, or one name twice.
        AgonError: a configuration that cannot be read.
    """
    judges: list[Contestant] = []
    limits, home = Limits(), Path("agon-log")
    supervised: list[Any] = []
    names = [one for one in given if not one.endswith(".toml")]
    for one in given:
        if one.endswith(".toml"):
            known = read_configuration(Path(one), least=1)
            judges += known.roster.contestants
            limits, home = known.limits, known.folder
            supervised += known.supervised
    if names:
        if base_url is None:
            raise OptionError(f"--model {names[0]!r} is served nowhere; give its --base-url, or a .toml.")
        key = None if api_key_env is None else os.environ.get(api_key_env, "").strip()
        if key == "":
            raise OptionError(f"The environment variable {api_key_env} holds no key; export it first.")
        server = Server(base_url, api_key=key)
        judges += [Contestant(ModelCard(name, name), server.model(name)) for name in names]
    known_names = [one.card.name for one in judges]
    if twice := [name for name in known_names if known_names.count(name) > 1]:
        raise OptionError(f"The judge {twice[0]!r} is named twice; give each judge its own name.")
    return NamedJudges(tuple(judges), limits, tuple(supervised), home)


def judge_answers(
    source: Path,
    output: Path,
    judges: NamedJudges,
    asked: JudgePrompt,
    *,
    samples: int = 1,
    pairs: int | None = None,
    voted: Path | None = None,
    jury: bool = False,
    budget: float | None = None,
    at_once: int = 32,
    patience: float = 120.0,
    seed: int = 0,
    progress: Callable[[str], AbstractContextManager[object]] = nullcontext,
    plan: Callable[[Sequence[WantedJudgement], Sequence[WantedJudgement], Sequence[Judge]], None]
    | None = None,
    dry_run: bool = False,
) -> Judged | None:
    """Ask judges what is not there yet, and write their votes.

    Args:
        source: recorded answers, or a log folder.
        output: the .parquet file of the votes; the judgements lie beside it.
        judges: who is asked.
        asked: what.
        samples: how often the same.
        pairs: so many, drawn at random by `seed`; None is all.
        voted: votes of people: only pairs that they judged.
        jury: one vote of all judges, their mean.
        budget: dollars that this may cost.
        at_once: questions at once to each server.
        patience: seconds for which a server may be out before its questions are left out.
        seed: of the draw of pairs.
        progress: given a sentence, opened around the asking.
        plan: is told what is wanted, what of it is not there, and the judges.
        dry_run: ends it there.

    Returns:
        what they said; None of a dry run.

    Raises:
        AgonError: one sentence about what is wrong with the answers, the options or the file.
    """
    for name, number in (("--samples", samples), ("--at-once", at_once)):
        if number < 1:
            raise OptionError(f"{name} must be at least 1, not {number}.")
    if output.suffix != ".parquet":
        raise OptionError(f"{output} must end in .parquet, which keeps every text as it is.")
    only = None if voted is None else _voted_on(voted)
    questions = questions_of(source, asked.ask, pairs=pairs, only=only, seed=seed)
    every = [Judge(one) for one in judges.contestants]
    allow = None if budget is None else _Budget(budget, every)
    wanted = wanted_judgements(every, questions, asked, samples)
    with AnswerSet(output.with_suffix(".judgements.parquet"), JUDGEMENT_ROWS) as kept:
        todo = still_open(kept, wanted)
        if plan is not None:
            plan(wanted, todo, every)
        if dry_run:
            return None
        with progress("asking the judges"), CountedWork(len(todo) or None) as work:
            tally = _run_here(
                answer_all(
                    kept,
                    wanted,
                    judges.contestants,
                    judges.supervised,
                    judges.home,
                    work,
                    limits=judges.limits,
                    at_once=at_once,
                    patience=patience,
                    allow=allow or (lambda *_: None),
                )
            )
        kept.finish({one.key: number for number, one in enumerate(wanted)})
    rows = [kept.rows[one.key] for one in wanted if one.key in kept.rows]
    votes = votes_of(rows, jury=jury)
    if votes.num_rows:
        write_table(votes, output, replace=True)
    return Judged(output, votes.num_rows, tally, tuple(rows))


def _run_here(work: Coroutine[Any, Any, Finished]) -> Finished:
    """Run it to its end, also where a loop runs already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def _voted_on(path: Path) -> set[tuple[str, frozenset[str]]]:
    """The prompts and pairs of models that people voted on."""
    (found,) = verdicts_of(path, kind="human").values()
    return {
        (found.prompts[prompt], frozenset((found.models[a], found.models[b])))
        for prompt, a, b in zip(found.prompt, found.first, found.second, strict=True)
    }


class _Budget:
    """Says no to what might cost more than is left, what is being asked now counted as estimated."""

    def __init__(self, dollars: float, judges: Sequence[Judge]) -> None:
        if not dollars > 0:
            raise OptionError(f"--budget must be above 0 dollars, not {dollars:g}.")
        for judge in judges:
            card = judge.contestant.card
            if card.price is None or card.input_price is None:
                raise OptionError(
                    f"--budget needs prices, and {judge.name!r} has none; give it price and input_price in "
                    "its .toml."
                )
        self.dollars, self._asked, self._estimated = dollars, 0, 0.0

    def __call__(self, one: Any, tally: Tally) -> str | None:
        estimate = one.price(*one.tokens()) or 0.0
        mean = self._estimated / self._asked if self._asked else 0.0
        if (tally.cost or 0.0) + mean * max(0, self._asked - tally.asked) + estimate > self.dollars:
            return f"the budget of {self.dollars:g} dollars ended"
        self._asked += 1
        self._estimated += estimate
        return None
