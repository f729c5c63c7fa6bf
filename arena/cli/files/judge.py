"""`agon judge`: language models judge answers, and the audit says what their verdicts are worth."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from agon.arena.cli.arguments import FindingsFormat, readable
from agon.arena.cli.output.progress_line import progress
from agon.data.files.reader import check_there
from agon.ranking.errors import OptionError, SourceError
from agon.ranking.leaderboard.row import plain

if TYPE_CHECKING:
    from agon.arena.core.judging.judgements import Judge, WantedJudgement
    from agon.arena.setup.judge_run import Judged
    from agon.ranking import JudgeAudit


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
        from agon.arena.setup.judge_run import judge_answers, named_judges

        found = judge_answers(
            source,
            output,
            named_judges(model, base_url, api_key_env),
            _asked(ask, prompt, criteria),
            samples=samples,
            pairs=pairs,
            voted=voted,
            jury=jury,
            budget=budget,
            at_once=at_once,
            patience=patience,
            seed=seed,
            progress=progress,
            plan=_say_plan,
            dry_run=dry_run,
        )
        if found is not None:
            _say_judged(found, samples)
            status = int(bool(found.tally.missing))
        if dry_run or not audit or not output.exists():
            return status
        votes, people = output, voted or (source if source.is_dir() and (source / "votes").is_dir() else None)
    with readable([votes]) as paths:
        audits = audit_votes(
            paths[0], people, own=[name for name in (own or "").split(",") if name], force=force
        )
    show_audits(audits, format)
    return max(status, int(not all(one.passed for one in audits)))


def _asked(ask: str, prompt: Path | None, criteria: Path | None) -> Any:
    from agon.arena.core.judging.judge_prompts import JudgePrompt

    lines = None if criteria is None else [one.strip() for one in _text(criteria).splitlines() if one.strip()]
    return JudgePrompt.of(ask, None if prompt is None else _text(prompt), lines)


def _text(path: Path) -> str:
    try:
        return check_there(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SourceError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be opened: {error.strerror}.") from None


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


def _say_judged(judged: Judged, samples: int) -> None:
    """Say what came, what it cost, and what is missing and why."""
    print(judged.conclusion())
    rows, tally = judged.rows, judged.tally
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
