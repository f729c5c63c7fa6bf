"""The command `agon`: reads arguments, calls data and ranking, prints. Heavy imports stay inside commands."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from cyclopts.exceptions import CycloptsError

from agon.arena.cli.arguments import anchor_of, listed, number_of, pairs_of
from agon.ranking.errors import AgonError
from agon.ranking.leaderboard.row import plain
from agon.ranking.version import VERSION

app = App(
    name="agon",
    help="Compare language models blind, and turn the votes into leaderboards one can trust.",
    version=VERSION,
    help_epilogue="Exit status: 0 fine; 1 check found something; 2 bad input or usage.",
    suppress_keyboard_interrupt=False,  # `main` says what an interrupt means
)
STDIN = "/dev/stdin"  # what "-" stands for
RENAMED = {"--lens": "--compare-rules", "--rounds": "--n-resamples"}  # for one release
Format = Literal["table", "csv", "json", "markdown"]
Source = Annotated[
    str,
    Parameter(
        help="A parquet, CSV, TSV, JSON lines or DuckDB file, a log folder, or - for CSV on standard input."
    ),
]
Where = Annotated[str | None, Parameter(help="SQL condition on the columns, such as \"language = 'en'\".")]
Table = Annotated[str | None, Parameter(help="Table of a DuckDB file [default: votes].")]
Column = Annotated[
    list[str] | None,
    Parameter(
        name="--column", negative="", help="OURS=THEIRS: use the column THEIRS as OURS, such as voter=judge."
    ),
]
Invalid = Annotated[
    Literal["error", "drop"],
    Parameter(help="What to do with rows that are not votes: refuse them, or leave them out and count them."),
]
VoterKinds = Annotated[
    Literal["human", "llm", "all"] | None,
    Parameter(help="Whose votes, by voter_kind [default: people's, if there are both]."),
]


@app.command
def serve(
    source: Annotated[
        Path | None,
        Parameter(
            help="A .toml configuration, or recorded answers (.parquet, .csv, .jsonl). None: a demonstration."
        ),
    ] = None,
    /,
    *,
    host: Annotated[str | None, Parameter(help="Address [default: 127.0.0.1]; 0.0.0.0 is all.")] = None,
    port: Annotated[int | None, Parameter(help="Port [default: 7860]; 0 is any free one.")] = None,
    log: Annotated[Path | None, Parameter(help="Folder of the votes [default: agon-log].")] = None,
    seed: Annotated[
        int | None,
        Parameter(help="Repeats the draws, so they can be foretold: not for a public arena."),
    ] = None,
) -> None:
    """Open the arena: a blind voting page and a leaderboard, until Ctrl+C.

    For example:

    agon serve

    agon serve answers.csv --log our-votes

    agon serve arena.toml --host 0.0.0.0 --port 8000
    """
    from agon.arena.cli.serve import serve as open_arena

    open_arena(source, host=host, port=port, log=log, seed=seed)


@app.command
def rank(
    source: Source,
    /,
    *,
    method: Annotated[
        list[str] | None,
        Parameter(
            name=["--method", "-m"],
            negative="",
            help="METHOD or METHOD:option=value,... ; repeat for several.",
        ),
    ] = None,
    by: Annotated[str | None, Parameter(help="Column whose values get boards of their own.")] = None,
    where: Where = None,
    interval: Annotated[
        Literal["auto", "sandwich", "bootstrap", "posterior", "none"],
        Parameter(help="auto: the sandwich where the method has one, else the bootstrap."),
    ] = "auto",
    cluster: Annotated[
        str | None, Parameter(help="voter, battle, prompt or a column: equal values are dependent votes.")
    ] = None,
    level: Annotated[float, Parameter(help="Level of intervals and rank ranges.")] = 0.95,
    simultaneous: Annotated[
        bool, Parameter(negative="", help="Intervals and rank ranges that hold all at once.")
    ] = False,
    n_resamples: Annotated[int, Parameter(help="How often the bootstrap draws the votes.")] = 200,
    min_votes: Annotated[int, Parameter(help="Votes below which a model stays provisional.")] = 30,
    control: Annotated[
        str | None, Parameter(help="FEATURE,... of the answers to control for, such as length,markdown.")
    ] = None,
    reweight: Annotated[
        Literal["none", "propensity", "equal_pairs"],
        Parameter(help="Undo how pairs were drawn: by logged probabilities, or every pair alike."),
    ] = "none",
    floor: Annotated[
        float, Parameter(help="Smallest probability that counts, as a share of that of a random pair.")
    ] = 0.1,
    anchor: Annotated[str | None, Parameter(help="MODEL or MODEL=SCORE: fix this model's score.")] = None,
    scale: Annotated[Literal["elo", "natural"], Parameter(help="Elo points or log-odds.")] = "elo",
    seed: Annotated[int, Parameter(help="Of everything drawn at random.")] = 0,
    invalid: Invalid = "error",
    voters: VoterKinds = None,
    column: Column = None,
    table: Table = None,
    ballots_by: Annotated[
        str | None, Parameter(help="Column whose values become one ballot each: categories vote, not votes.")
    ] = None,
    weights: Annotated[str | None, Parameter(help="TASK=W,... of a table of scores; others weigh 1.")] = None,
    groups: Annotated[str | None, Parameter(help="TASK=GROUP,... of a table of scores.")] = None,
    ignore: Annotated[
        str | None, Parameter(help="COLUMN,... of a table of scores that are no tasks.")
    ] = None,
    missing: Annotated[
        str | None, Parameter(help="What positional rules do with gaps, such as worst.")
    ] = None,
    ties: Annotated[str | None, Parameter(help="What positional rules do with ties, such as share.")] = None,
    compare_rules: Annotated[
        bool, Parameter(negative="", help="Who is first under which rule, and how likely.")
    ] = False,
    format: Annotated[Format, Parameter(name=["--format", "-f"], help="How to print the boards.")] = "table",
) -> None:
    """Rank the models of a set of votes.

    For example:

    agon rank votes.parquet

    agon rank votes.csv -m bradley_terry -m elo:k=8,permutations=200 --by language

    agon rank votes.parquet --cluster voter --column voter=judge --format json

    agon rank votes.parquet --control length,markdown

    agon rank scores.csv -m borda -m copeland --weights RTE=0.5,WNLI=0.5

    agon rank votes.parquet --compare-rules
    """
    from agon.arena.cli import rank as ranks

    name, score = (anchor, None) if anchor is None else anchor_of(anchor)
    settings = {
        "interval": interval,
        "cluster": cluster,
        "level": level,
        "simultaneous": simultaneous,
        "n_resamples": n_resamples,
        "min_votes": min_votes,
        "control": control or (),
        "reweight": reweight,
        "floor": floor,
        "anchor": name,
        "anchor_score": score,
        "scale": scale,
        "seed": seed,
    }
    wanted = [
        ranks.options_of(text)
        for text in method or (ranks.COMPARED_RULES if compare_rules else ["bradley_terry"])
    ]
    wanted = ranks.with_shared(wanted, {"missing": missing, "ties": ties})
    with _readable(source) as path:
        reading = {
            "where": where,
            "table": table,
            "columns": pairs_of(column),
            "invalid": invalid,
            "voters": voters,
        }
        tasks = {
            "weights": {task: number_of("--weights", value) for task, value in listed(weights).items()},
            "groups": listed(groups),
            "ignore": [name for name in (ignore or "").split(",") if name],
        }
        votes = ranks.read_source(path, reading, tasks)
    if ballots_by is not None:
        settings["by"] = ballots_by
    if compare_rules:
        kept = {name: settings[name] for name in ("n_resamples", "seed", "level", "cluster")}
        ranks.print_comparison(votes, wanted, kept, format, named=bool(method))
    else:
        ranks.print_boards(ranks.make_boards(votes, wanted, by, settings), format)
    if source != STDIN:
        ranks.name_check(source, votes, table, pairs_of(column))


@app.command
def methods(
    name: Annotated[str | None, Parameter(help="Show one method with its options.")] = None,
    /,
    *,
    format: Annotated[Literal["table", "json", "markdown"], Parameter(name=["--format", "-f"])] = "table",
) -> None:
    """List every ranking method: what it needs, what it gives, its source.

    For example:

    agon methods

    agon methods elo
    """
    from agon.arena.cli.methods import show_methods

    show_methods(name, format)


@app.command
def check(
    source: Source,
    /,
    *,
    where: Where = None,
    column: Column = None,
    table: Table = None,
    voters: VoterKinds = None,
    min_votes: Annotated[int, Parameter(help="Votes below which a model counts as short of votes.")] = 30,
    format: Annotated[Literal["table", "json"], Parameter(name=["--format", "-f"])] = "table",
) -> int:
    """Say what stands between these votes and a ranking; exit status 1 if anything does.

    Looks for rows that are not votes, repeated votes, models that no chain of wins and losses links,
    undefeated and winless models, models with too few votes, votes that are all ties, models that one voter
    carries, and a favoured side.

    For example:

    agon check votes.parquet
    """
    from agon.arena.cli.check import check_votes

    with _readable(source) as path:
        reading = {"where": where, "table": table, "columns": pairs_of(column), "voters": voters}
        return check_votes(path, reading, min_votes, format)


@app.command(name="import")
def import_(
    file: Annotated[Path, Parameter(help="A published file: parquet, CSV, JSON or JSON lines, .gz too.")],
    /,
    *,
    into: Annotated[Path, Parameter(help="The log folder that keeps the votes.")] = Path("agon-log"),
    format: Annotated[
        str | None, Parameter(name=["--format", "-f"], help="Name of the format, if it is not recognised.")
    ] = None,
    invalid: Invalid = "error",
) -> None:
    """Import votes of a published arena format into a log folder.

    Knows battle tables, FastChat conversation logs, AlpacaEval annotations and LMArena conversations.
    Texts are not copied: prompt_id leads back to the file. The same file is imported only once.

    For example:

    agon import clean_battle.json --into agon-log

    agon rank agon-log
    """
    from agon.data import read_published
    from agon.data.importers.into_log import into_log

    imported = read_published(file, format=format, invalid=invalid)
    target, new = into_log(imported, file, into)
    count = f"{imported.votes.num_rows:,} votes of the format {imported.format!r}"
    print(
        f"{count} are in {target}."
        if new
        else f"{file} was imported before, as {target}; nothing was written."
    )
    for reason, rows in imported.dropped.items():
        print(f"Left out: {rows:,} {reason}.")


@app.command
def simulate(
    *,
    models: Annotated[int, Parameter(help="Number of models.")] = 12,
    votes: Annotated[int, Parameter(help="Number of votes.")] = 2000,
    ties: Annotated[float, Parameter(help="Share of ties.")] = 0.15,
    both_bad: Annotated[float, Parameter(help="Share of votes that both are bad.")] = 0.05,
    spread: Annotated[float, Parameter(help="Standard deviation of the strengths, in nats.")] = 1.0,
    voters: Annotated[int, Parameter(help="Number of voters.")] = 100,
    seed: Annotated[int, Parameter(help="Of everything drawn.")] = 0,
    out: Annotated[
        Path | None,
        Parameter(name=["--out", "-o"], help="A .parquet or .csv file; CSV on standard output if left out."),
    ] = None,
    truth: Annotated[
        Path | None, Parameter(help="Write the strengths to this .csv or .parquet file.")
    ] = None,
    force: Annotated[bool, Parameter(negative="", help="Replace files that are there already.")] = False,
) -> None:
    """Make votes from known strengths: a Bradley-Terry world with ties.

    For example:

    agon simulate --votes 5000 --out votes.parquet --truth strengths.csv

    agon simulate | agon rank -
    """
    from agon.arena.cli.simulate import simulate_votes

    simulate_votes(
        out,
        truth,
        force=force,
        n_models=models,
        n_votes=votes,
        ties=ties,
        both_bad=both_bad,
        spread=spread,
        voters=voters,
        seed=seed,
    )


@contextlib.contextmanager
def _readable(source: str) -> Iterator[str]:
    """Give a path to read; standard input is kept in a file for the time."""
    if source != STDIN:
        yield source
        return
    text = sys.stdin.buffer.read()
    kind = {b"{": ".jsonl", b"[": ".json"}.get(text.lstrip()[:1], ".csv")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"standard-input{kind}"
        path.write_bytes(text)
        try:
            yield str(path)
        except AgonError as error:
            raise type(error)(str(error).replace(str(path), "standard input")) from None


def usage(error: CycloptsError) -> str:
    """One sentence for a usage error, with the nearest word where there is one."""
    text = " ".join(str(error).split()).rstrip(".") + "."
    return text.replace("?.", "?").replace('"', "'")


def _renamed(word: str) -> str:
    """A word as the command knows it: standard input by its path, an option of before by its new name."""
    name, sign, value = word.partition("=")
    if name in RENAMED:
        print(f"agon: {name} is called {RENAMED[name]} now.", file=sys.stderr)
    return STDIN if word == "-" else RENAMED.get(name, name) + sign + value


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that lacks a sign shows its number instead
        sys.stdout.reconfigure(errors="backslashreplace")
    given = [_renamed(word) for word in (sys.argv[1:] if arguments is None else arguments)]
    try:
        result: Any = app(
            given or ["--help"], exit_on_error=False, print_error=False, result_action="return_value"
        )
        sys.stdout.flush()
    except AgonError as error:
        print(f"agon: {plain(str(error))}", file=sys.stderr)
        return 2
    except CycloptsError as error:
        print(f"agon: {plain(usage(error))} See agon --help.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("agon: interrupted; nothing was written.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return result if isinstance(result, int) else 0
