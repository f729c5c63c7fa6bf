"""`agon explain`: a question about votes, answered in a sentence, a table or JSON."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from agon.arena.cli.arguments import VotesArgument, readable
from agon.arena.cli.explain.questions import QUESTIONS, Answer, as_plain
from agon.arena.cli.output.progress_line import progress
from agon.arena.cli.output.tables import console, make_grid, say
from agon.arena.cli.rank import write_text
from agon.arena.cli.reading import USUAL, ReadingOptions
from agon.ranking import OptionError
from agon.ranking.leaderboard.row import plain

What = Literal[
    "margin",
    "prospects",
    "axioms",
    "independence",
    "outliers",
    "tiers",
    "cycles",
    "intransitivity",
    "voters",
    "agreement",
    "panel",
    "sides",
    "committee",
    "breakdown",
    "difference",
]
_SHOWN = 3  # sentences above a table
_NAME = 10  # characters of a text in a table, at least
_FLAGS = {"models": "model", "min_pairs": "min-pairs", "min_votes": "min-votes"}


def explain_command(
    what: Annotated[What, Parameter(help="The question.")],
    source: VotesArgument,
    /,
    *,
    method: Annotated[
        list[str] | None,
        Parameter(
            name=["--method", "-m"], negative="", help="METHOD or METHOD:option=value,... asked about."
        ),
    ] = None,
    model: Annotated[
        list[str] | None, Parameter(negative="", help="A model; repeat for two, the upper one first.")
    ] = None,
    places: Annotated[
        int | None, Parameter(help="How many rows, or places from the top, are looked at.")
    ] = None,
    change: Annotated[
        Literal["swap", "delete"] | None, Parameter(help="margin: votes are changed, or left out.")
    ] = None,
    by: Annotated[
        str | None, Parameter(help="Column: of voters, of what was judged, of tasks, or to cluster by.")
    ] = None,
    rule: Annotated[
        str | None,
        Parameter(help="prospects: condorcet or borda; committee: proportional_approval, k_borda, ..."),
    ] = None,
    size: Annotated[int | None, Parameter(help="committee: how many models.")] = None,
    approve: Annotated[
        str | None, Parameter(help="committee: acceptable, ranked, or the first so many places.")
    ] = None,
    missing: Annotated[
        Literal["worst"] | None, Parameter(help="committee: models that a vote does not show are below.")
    ] = None,
    threshold: Annotated[
        float | None, Parameter(help="tiers: neighbours closer to half the votes are one [default: 0.05].")
    ] = None,
    min_votes: Annotated[
        int | None, Parameter(help="Votes below which a model is left out [default: 30].")
    ] = None,
    min_pairs: Annotated[
        int | None, Parameter(help="voters: pairs that a voter must have judged [default: 50].")
    ] = None,
    panel: Annotated[
        int | None, Parameter(help="panel: how many voters there are to be [default: as there are].")
    ] = None,
    seed: Annotated[int | None, Parameter(help="Of everything drawn at random [default: 0].")] = None,
    reading: ReadingOptions = USUAL,
    format: Annotated[Literal["table", "json"], Parameter(name=["--format", "-f"])] = "table",
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="Write to this .json or .txt file.")
    ] = None,
) -> None:
    """Explain a board: how few votes swap two models, who could win, which voters and pairs stand out.

    For example:

    agon explain margin votes.parquet

    agon explain voters votes.parquet --column voter=judge

    agon explain difference votes.parquet --model ada --model bob

    agon explain prospects scores.csv --lower latency --format json
    """
    if output is not None and output.suffix.lower() not in (".json", ".txt"):
        raise OptionError(f"{output} must end in .json or .txt, which say how it is written.")
    asked = {
        "method": method,
        "models": model,
        "places": places,
        "change": change,
        "by": by,
        "rule": rule,
        "size": size,
        "approve": approve,
        "missing": missing,
        "threshold": threshold,
        "min_votes": min_votes,
        "min_pairs": min_pairs,
        "panel": panel,
        "seed": seed,
    }
    for name, value in asked.items():
        if value is not None and name not in QUESTIONS[what].options:
            able = ", ".join(word for word, one in QUESTIONS.items() if name in one.options)
            raise OptionError(f"--{_FLAGS.get(name, name)} does not apply to {what}; it belongs to {able}.")
    usual: dict[str, Any] = {
        "models": [],
        "change": "swap",
        "threshold": 0.05,
        "min_votes": 30,
        "min_pairs": 50,
        "seed": 0,
    }
    given = {name: usual.get(name) if value is None else value for name, value in asked.items()}
    with readable(source) as paths, progress("reading votes"):
        votes = reading.read(paths)
    with progress(QUESTIONS[what].sentence):
        answer = QUESTIONS[what].answer(votes, given)
    as_json = output.suffix.lower() == ".json" if output is not None else format == "json"
    text = json_text(what, answer) if as_json else ""
    if output is None and not as_json:
        show_answer(answer, sys.stdout)
    elif output is None:
        print(text, end="")
    else:
        if not as_json:
            stream = io.StringIO()
            show_answer(answer, stream)
            text = stream.getvalue()
        write_text(output, text)
        print(f"The answer is in {output}.", file=sys.stderr)


def json_text(what: str, answer: Answer) -> str:
    """An answer as JSON: its conclusions, and what the analysis returned."""
    document = {
        "schema": 1,
        "question": what,
        "conclusions": list(answer.sentences),
        "results": [as_plain(one) for one in answer.results],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def show_answer(answer: Answer, stream: Any) -> None:
    """Print the conclusions, and a table that fits the terminal."""
    out = console(stream)
    for i, sentence in enumerate(answer.sentences[:_SHOWN]):
        say(out, plain(sentence), "" if i else "bold")
    if more := len(answer.sentences[_SHOWN:]):
        said = "sentence is" if more == 1 else "sentences are"
        say(out, f"{more} more {said} in --format json.", "dim")
    if answer.rows:
        _show_rows(answer, out)


def _show_rows(answer: Answer, out: Console) -> None:
    """Print a table; where its numbers do not fit beside each other, each row as a line of words."""
    cells = [[plain(_cell(value)) for value in row] for row in answer.rows]
    columns = list(zip(answer.heads, *cells, strict=True))
    numbers = [
        not any(isinstance(value, str) for value in column) for column in zip(*answer.rows, strict=True)
    ]
    least = [
        max(map(len, column)) if fixed else _NAME for column, fixed in zip(columns, numbers, strict=True)
    ]
    if sum(least) + 2 * len(least) > out.width:
        for row in cells:
            say(out, " · ".join(f"{head} {cell}" for head, cell in zip(answer.heads, row, strict=True)))
        return
    grid = make_grid(*answer.heads)
    for column, fixed in zip(grid.columns, numbers, strict=True):
        column.no_wrap, column.justify = fixed, "right" if fixed else "left"
    for row in cells:
        grid.add_row(*map(Text, row))
    out.print(grid)


def _cell(value: Any) -> str:
    """A value as a cell: nothing for None, four digits of a number."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (
        f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
    )
