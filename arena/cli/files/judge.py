"""`agon judge`: language models judge answers, and the audit says what their verdicts are worth."""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from agon.arena.cli.arguments import FindingsFormat, readable
from agon.arena.cli.output.progress_line import progress
from agon.ranking.errors import OptionError, SourceError
from agon.ranking.leaderboard.row import plain
from agon.ranking.progress import CountedWork

if TYPE_CHECKING:
    from agon.arena.core.answer_sets import Tally
    from agon.arena.core.judging.judgements import Judge, WantedJudgement
    from agon.arena.core.roster import Contestant
    from agon.ranking import JudgeAudit
    from agon.serving.generation import Limits


def judge_command(
    source: Annotated[
        Path, Parameter(help="Recorded answers, a log folder, or with --audit alone votes of judges.")
    ],
    /,
    *,
    model: Annotated[
        list[str] | None,
        Parameter(negative="", help="A .toml with judges as its models, or a name at --base-url; repeat."),
    ] = None,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="The .parquet file of the votes.")
    ] = None,
    base_url: Annotated[str | None, Parameter(help="Address that serves judges given by name.")] = None,
    api_key_env: Annotated[
        str | None, Parameter(help="Environment variable that holds the key of the address.")
    ] = None,
    ask: Annotated[
        Literal["pairs", "list", "score", "rubric", "checklist"], Parameter(help="What a judge is asked.")
    ] = "pairs",
    prompt: Annotated[
        Path | None, Parameter(help="Text file with the words of the question, with fields in braces.")
    ] = None,
    criteria: Annotated[
        Path | None, Parameter(help="Text file with the criteria of a rubric or checklist, a line each.")
    ] = None,
    samples: Annotated[int, Parameter(help="How often a judge is asked the same.")] = 1,
    pairs: Annotated[int | None, Parameter(help="Judge so many, drawn at random [default: all].")] = None,
    voted: Annotated[
        Path | None, Parameter(help="Votes of people: only pairs that they judged, and the audit's people.")
    ] = None,
    jury: Annotated[bool, Parameter(negative="", help="One vote of all judges, their mean.")] = False,
    budget: Annotated[float | None, Parameter(help="Dollars that this run may cost.")] = None,
    at_once: Annotated[int, Parameter(help="Questions at once to each server.")] = 32,
    patience: Annotated[
        float, Parameter(help="Seconds for which a server may be out before its questions are left out.")
    ] = 120.0,
    seed: Annotated[int, Parameter(help="Of the draw of pairs.")] = 0,
    dry_run: Annotated[
        bool, Parameter(negative="", help="Only say how many questions, tokens and dollars it would be.")
    ] = False,
    audit: Annotated[
        bool, Parameter(negative="", help="Say what the verdicts are worth, and refuse judges that fail.")
    ] = False,
    own: Annotated[str | None, Parameter(help="MODEL,... of the judge's own family, for the audit.")] = None,
    force: Annotated[
        bool, Parameter(negative="", help="Let judges that fail the audit count; boards say so.")
    ] = False,
    format: FindingsFormat = "table",
) -> int:
    """Let language models judge answers, each pair in both orders, and audit what they say.

    Votes carry voter_kind = llm, the judge, the version of its prompt and the order; probabilities come from
    log-probabilities where the server gives them. Every judgement is kept as soon as it is there: run the
    same command again to go on. Exit status 1 if judgements are missing or a judge fails its audit.

    For example:

    agon judge answers.parquet --model judges.toml -o judged.parquet --dry-run

    agon judge agon-log --model qwen3 --base-url http://127.0.0.1:8000/v1 -o judged.parquet --audit

    agon judge judged.parquet --audit --voted votes.parquet
    """
    status = 0
    people: Path | None = voted
    votes = source
    if model is None:
        if not audit:
            raise OptionError("Nobody is named to judge; give --model, or --audit for votes of judges.")
    else:
        if output is None:
            raise OptionError("The votes go nowhere; name a file with --output.")
        if force and not audit:
            raise OptionError("--force is about the audit; give --audit too.")
        for name, number in (("--samples", samples), ("--at-once", at_once)):
            if number < 1:
                raise OptionError(f"{name} must be at least 1, not {number}.")
        status = _judge(
            source,
            output,
            _judges_of(model, base_url, api_key_env),
            _asked(ask, prompt, criteria),
            samples=samples,
            pairs=pairs,
            voted=voted,
            jury=jury,
            budget=budget,
            at_once=at_once,
            patience=patience,
            seed=seed,
            dry_run=dry_run,
        )
        if dry_run or not audit or not output.exists():
            return status
        votes, people = output, voted or (source if source.is_dir() and (source / "votes").is_dir() else None)
    with readable([votes]) as paths:
        found = audit_votes(
            paths[0], people, own=[name for name in (own or "").split(",") if name], force=force
        )
    show_audits(found, format)
    return max(status, int(not all(one.passed for one in found)))


def _asked(ask: str, prompt: Path | None, criteria: Path | None) -> Any:
    from agon.arena.core.judging.judge_prompts import JudgePrompt

    lines = None if criteria is None else [one.strip() for one in _text(criteria).splitlines() if one.strip()]
    return JudgePrompt.of(ask, None if prompt is None else _text(prompt), lines)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SourceError(f"There is no file {path}; check the path.") from None
    except UnicodeDecodeError:
        raise SourceError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be opened: {error.strerror}.") from None


def _judges_of(
    given: Sequence[str], base_url: str | None, api_key_env: str | None
) -> tuple[list[Contestant], Limits, tuple[Any, ...], Path]:
    """The judges that are named, how long they may take, and servers that must be started."""
    from agon.arena.core.roster import Contestant, ModelCard
    from agon.arena.setup.config import read_configuration
    from agon.serving.generation import Limits

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
        from agon.serving.openai_compatible import Server

        server = Server(base_url, api_key=key)
        judges += [Contestant(ModelCard(name, name), server.model(name)) for name in names]
    known_names = [one.card.name for one in judges]
    if twice := [name for name in known_names if known_names.count(name) > 1]:
        raise OptionError(f"The judge {twice[0]!r} is named twice; give each judge its own name.")
    return judges, limits, tuple(supervised), home


def _judge(
    source: Path,
    output: Path,
    judges_of: tuple[list[Contestant], Limits, tuple[Any, ...], Path],
    asked: Any,
    *,
    samples: int,
    pairs: int | None,
    voted: Path | None,
    jury: bool,
    budget: float | None,
    at_once: int,
    patience: float,
    seed: int,
    dry_run: bool,
) -> int:
    """Judge, write the votes, say what came; 1 if judgements are missing."""
    from agon.arena.core.answer_sets import AnswerSet, answer_all, still_open
    from agon.arena.core.arena import tell
    from agon.arena.core.judging.judgements import (
        JUDGEMENT_ROWS,
        Judge,
        votes_of,
        wanted_judgements,
    )
    from agon.arena.core.judging.question_sources import questions_of
    from agon.data.files.writer import write_table
    from agon.serving.supervision import running

    contestants, limits, supervised, home = judges_of
    if output.suffix != ".parquet":
        raise OptionError(f"{output} must end in .parquet, which keeps every text as it is.")
    only = None if voted is None else _voted_on(voted)
    questions = questions_of(source, asked.ask, pairs=pairs, only=only, seed=seed)
    judges = [Judge(one) for one in contestants]
    allow = None if budget is None else _Budget(budget, judges)
    wanted = wanted_judgements(judges, questions, asked, samples)
    kept = AnswerSet(output.with_suffix(".judgements.parquet"), JUDGEMENT_ROWS)
    whole = False
    try:
        todo = still_open(kept, wanted)
        _say_plan(wanted, todo, judges)
        if dry_run:
            return 0

        async def run(work: CountedWork) -> Tally:
            def count(tally: Tally) -> None:
                work.reach(tally.answered + sum(tally.failed.values()))

            try:
                async with running(supervised, home / "servers", tell):
                    return await answer_all(
                        kept,
                        wanted,
                        limits=limits,
                        at_once=at_once,
                        patience=patience,
                        tell=count,
                        allow=allow or (lambda *_: None),
                    )
            finally:
                for one in contestants:
                    await one.backend.close()

        with progress("asking the judges"), CountedWork(len(todo) or None) as work:
            tally = asyncio.run(run(work))
        kept.finish({one.key: number for number, one in enumerate(wanted)})
        whole = True
    finally:
        kept.close()
        if not whole and kept.journal.exists():
            print(
                f"agon: {plain(str(kept.journal))} keeps the judgements so far; the same command goes on "
                "from there.",
                file=sys.stderr,
            )
    rows = [kept.rows[one.key] for one in wanted if one.key in kept.rows]
    votes = votes_of(rows, jury=jury)
    if votes.num_rows:
        write_table(votes, output, replace=True)
    _say_judged(tally, rows, votes.num_rows, output, samples)
    return int(bool(tally.missing))


def _voted_on(path: Path) -> set[tuple[str, frozenset[str]]]:
    """The prompts and pairs of models that people voted on."""
    from agon.data.judged_votes import verdicts_of

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
        done = tally.answered + sum(tally.failed.values())
        mean = self._estimated / self._asked if self._asked else 0.0
        if (tally.cost or 0.0) + mean * max(0, self._asked - done) + estimate > self.dollars:
            return f"the budget of {self.dollars:g} dollars ended"
        self._asked += 1
        self._estimated += estimate
        return None


def _say_plan(
    wanted: Sequence[WantedJudgement], todo: Sequence[WantedJudgement], judges: Sequence[Judge]
) -> None:
    """Say how much is to be asked, and about what it costs."""
    read = written = 0
    cost: float | None = 0.0
    for one in todo:
        tokens = one.tokens()
        read, written = read + tokens[0], written + tokens[1]
        price = one.price(*tokens)
        cost = None if cost is None or price is None else cost + price
    dollars = "" if cost is None or not todo else f", about {cost:,.2f} dollars"
    if cost is None:
        dollars = ", at prices that the configuration does not name"
    print(
        f"{len(judges)} judge{'' if len(judges) == 1 else 's'}, {len(wanted):,} judgements, of which "
        f"{len(wanted) - len(todo):,} are there; the rest reads about {read:,} tokens and writes about "
        f"{written:,}{dollars}.",
        file=sys.stderr,
    )


def _say_judged(tally: Tally, rows: Sequence[dict[str, Any]], votes: int, output: Path, samples: int) -> None:
    """Say what came, what it cost, and what is missing and why."""
    cost = "" if tally.cost is None else f", {tally.cost:,.4f} dollars"
    there = f"{votes:,} votes are in {plain(str(output))}" if votes else "no vote is there"
    print(
        f"{there}, from {tally.kept + tally.answered:,} of {tally.wanted:,} judgements; "
        f"{tally.answered:,} came now{cost}."
    )
    for name in sorted({row["judge"] for row in rows}):
        mine = [row for row in rows if row["judge"] == name]
        unread = sum(row["failure"] == "unread" for row in mine)
        if unread:
            print(
                f"{plain(name)} gave no verdict in {unread:,} of {len(mine):,} answers, which count as none; "
                "their words are beside the votes, and the same command asks again."
            )
        if long := sum(row["failure"] == "too_long" for row in mine):
            print(
                f"{plain(name)} cannot read {long:,} questions, which are longer than its context; judge "
                "shorter answers, or with a judge that can."
            )
        others: dict[str, int] = {}
        for row in mine:
            if row["failure"] not in (None, "unread", "too_long"):
                others[row["failure"]] = others.get(row["failure"], 0) + 1
        for failure, number in others.items():
            print(f"{plain(name)} failed {number:,} times ({failure}); the same command asks again.")
        read = [row for row in mine if row["failure"] is None and row["ask"] != "list"]
        if read and samples == 1 and not any(row["soft"] for row in read):
            print(
                f"{plain(name)} gives no log-probabilities, so its verdicts count whole; --samples 5 asks "
                "again for shares."
            )
    for name, (number, why) in tally.unasked.items():
        print(f"{plain(name)} was not asked {number:,} questions ({plain(why)}); what was judged is kept.")


def audit_votes(
    votes: Path, people: Path | None, *, own: Sequence[str] = (), force: bool = False
) -> tuple[JudgeAudit, ...]:
    """Audit every judge of a file of votes, and write into a file of `agon judge` who was refused.

    Args:
        votes: of judges.
        people: votes of people on the same answers; None takes those in the same file, if there are any.
        own: models of the judges' own family.
        force: whether boards are made of refused judges nevertheless.

    Raises:
        SourceError: votes that cannot be read, or say nothing of prompts.
    """
    from agon.data.files.judge_marks import mark_judges
    from agon.data.judge_audits import audit_judges

    with progress("auditing the judges"):
        found = audit_judges(votes, people, own=own)
    if votes.suffix == ".parquet" and votes.with_suffix(".judgements.parquet").exists():
        mark_judges(votes, {one.judge: one.reasons for one in found}, forced=force)
    return found


def show_audits(found: Sequence[JudgeAudit], format: FindingsFormat) -> None:
    """Print each audit: the conclusion, and every figure as a sentence; or JSON."""
    if format == "json":
        audits = [{**asdict(one), "passed": one.passed} for one in found]
        print(json.dumps({"schema": 1, "audits": _finite(audits)}, indent=2, ensure_ascii=False))
        return
    for number, one in enumerate(found):
        print(f"{chr(10) if number else ''}{plain(one.conclusion())}")
        for measure in one.measures:
            print(f"  {'!' if measure.found else ' '} {plain(measure.said)}")


def _finite(value: Any) -> Any:
    """A value without numbers that JSON has not."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
