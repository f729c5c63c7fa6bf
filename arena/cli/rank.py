"""`agon rank`: arguments to boards, with a line of progress, and boards to text."""

from __future__ import annotations

import contextlib
import html
import io
import json
import os
import shlex
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from cyclopts import Parameter

from agon.arena.cli.arguments import (
    GatesOption,
    GroupsOption,
    JudgesOption,
    MethodWord,
    VotesArgument,
    WeightOption,
    anchor_of,
    readable,
    votes_behind,
    weighed_as_asked,
)
from agon.arena.cli.commands import STDIN
from agon.arena.cli.output.progress_line import progress
from agon.arena.cli.output.tables import show_boards
from agon.arena.cli.reading import USUAL, Reading, ReadingOptions, read_judges
from agon.data.files.detection import names_voters
from agon.data.files.reader import list_files
from agon.data.log.operation.life_cycle import Life, votes_by_model
from agon.data.store_address import StoreAddress
from agon.ranking import (
    Comparisons,
    Leaderboard,
    OptionError,
    Settings,
    SourceError,
    boards_to_json,
    rank_all,
)
from agon.ranking.analysis.rule_comparison import COMPARED_RULES, compare_rules, split_applicable
from agon.ranking.errors import suggest
from agon.ranking.inference.probability_calibration import CalibrationName
from agon.ranking.leaderboard.exchange import boards_to_csv
from agon.ranking.leaderboard.row import plain
from agon.ranking.registry import find
from agon.ranking.tastes.personal import weigh_voters
from agon.ranking.text import join_names
from agon.ranking.votes.comparisons import Votes, as_comparisons

DEFAULTS = Settings()
PrintedAs = Literal["table", "csv", "json", "markdown", "html", "latex"]
_ENDINGS = {
    ".txt": "table",
    ".csv": "csv",
    ".json": "json",
    ".md": "markdown",
    ".html": "html",
    ".tex": "latex",
}


def rank_command(
    source: VotesArgument,
    /,
    *,
    method: Annotated[
        list[MethodWord] | None,
        Parameter(
            name=["--method", "-m"],
            negative="",
            show_choices=False,
            help="METHOD or METHOD:option=value,...; repeat for several [default: bradley_terry].",
        ),
    ] = None,
    by: Annotated[str | None, Parameter(help="Column whose values get boards of their own.")] = None,
    at: Annotated[
        str | None, Parameter(help="Of a log folder: the head, as agon verify prints it, to rank it as of.")
    ] = None,
    gates: GatesOption = "none",
    judges: JudgesOption = None,
    calibration: Annotated[
        CalibrationName, Parameter(help="How probabilities of judges are brought to what people say.")
    ] = "isotonic",
    state: Annotated[
        str | None,
        Parameter(help="Of an arena's log: print models of these states: listed,preliminary,paused,retired."),
    ] = None,
    preliminary: Annotated[
        int, Parameter(help="Of an arena's log: votes below which a listed model is preliminary.")
    ] = 0,
    reading: ReadingOptions = USUAL,
    settings: Annotated[Settings, Parameter(name="*", negative="")] = DEFAULTS,
    ballots_by: Annotated[
        str | None,
        Parameter(help="Column whose values become one ballot each: categories vote, not votes."),
    ] = None,
    missing: Annotated[
        str | None,
        Parameter(
            help="What positional rules do with gaps: refuse, worst, average, drop_task or partial_borda."
        ),
    ] = None,
    ties: Annotated[
        str | None, Parameter(help="What positional rules do with ties: share, best, worst or published.")
    ] = None,
    groups_of: GroupsOption = None,
    weight: WeightOption = None,
    voters_weighed: Annotated[
        bool, Parameter(negative="", help="Weigh votes by how well their voters tell models apart.")
    ] = False,
    compare_rules: Annotated[
        bool, Parameter(negative="", help="Instead of boards, who is first under which rule, and how likely.")
    ] = False,
    format: Annotated[
        PrintedAs, Parameter(name=["--format", "-f"], help="How to print the boards.")
    ] = "table",
    output: Annotated[
        Path | None,
        Parameter(
            name=["--output", "-o"],
            help="Write to this .txt, .csv, .json, .md, .html or .tex file, whose ending says the form.",
        ),
    ] = None,
    top: Annotated[int | None, Parameter(help="Print only so many rows of each board.")] = None,
) -> None:
    """Rank the models of a set of votes.

    For example:

    agon rank votes.parquet

    agon rank votes.csv -m bradley_terry -m elo:k=8,permutations=200 --by language

    agon rank votes.parquet --cluster voter --column voter=judge --format json

    agon rank votes.parquet --control length,markdown

    agon rank scores.csv -m borda -m copeland --weights RTE=0.5,WNLI=0.5

    agon rank votes.parquet --compare-rules

    agon rank votes.parquet --weight Code=3

    agon rank votes.parquet --gates default

    agon rank people.parquet --judges judged.parquet

    agon rank votes.parquet --top 10 -o board.md
    """
    if output is not None:
        form_of(output)  # before anything that takes long
    if preliminary < 0:
        raise OptionError(f"--preliminary must be at least 0, not {preliminary}.")
    if settings.anchor is not None and settings.anchor_score is None:
        name, score = anchor_of(settings.anchor)
        settings = replace(settings, anchor=name, anchor_score=score)
    if by is not None and (groups_of or weight):
        raise OptionError("--by does not apply to --weight: rank each group by itself with --where.")
    wanted = [options_of(text) for text in method or (COMPARED_RULES if compare_rules else ["bradley_terry"])]
    wanted = with_shared(wanted, {"missing": missing, "ties": ties})
    with readable(source) as paths, _as_of(paths, at) as paths:  # open to the end: methods read when they ask
        with progress("reading votes"):
            votes = reading.read(paths)
        if gates != "none":
            with progress("looking for voters who stand out"):
                votes = votes_behind(gates, votes)
        if voters_weighed:
            with progress("estimating how reliable each voter is"):
                votes = _weighed_voters(votes, groups_of, weight)
        votes = weighed_as_asked(votes, groups_of, weight)
        if compare_rules:
            if judges:
                raise OptionError("--judges does not apply to --compare-rules; rank by bradley_terry.")
            if by is not None:
                raise OptionError("--by does not apply to --compare-rules: compare each group with --where.")
            print_comparison(votes, wanted, settings, ballots_by, format, named=bool(method))
        else:
            chosen: dict[str, Any] = {one.name: getattr(settings, one.name) for one in fields(settings)}
            if judges:
                chosen |= {"judges": read_judges(judges, reading), "calibration": calibration}
            boards = rank_all(votes, wanted, by=by, progress=progress, ballots_by=ballots_by, **chosen)
            lives = _lives(paths, preliminary)
            print_boards(
                boards, format, output=output, top=top, lives=lives, states=_states(state, lives, preliminary)
            )
    if STDIN not in source and reading.read_as is None:
        name_check(source, votes, reading)


def _weighed_voters(votes: Votes, groups_of: str | None, weight: list[str] | None) -> Comparisons:
    """The votes, each weighing as much as its voter is reliable.

    Raises:
        OptionError: weights of groups too, or as `weigh_voters`.
        SourceError: votes that do not say who cast them, a table of scores.
    """
    if groups_of is not None or weight:
        raise OptionError("--voters-weighed does not apply to --weight; leave one of them out.")
    return weigh_voters(votes)


def _lives(paths: Sequence[Path | StoreAddress], preliminary: int) -> dict[str, Life]:
    """The states of models, of the log of an arena alone; none of anything else."""
    from agon.data import comparisons, roster_history

    if len(paths) != 1 or isinstance(paths[0], StoreAddress) or not (paths[0] / "roster").is_dir():
        return {}
    votes = votes_by_model(comparisons(paths[0])) if preliminary > 0 else {}
    return roster_history(paths[0]).lives(votes, preliminary)


def _states(given: str | None, lives: Mapping[str, Life], preliminary: int) -> frozenset[str] | None:
    """The states of the models that are printed; None for all.

    Raises:
        OptionError: no such state, or votes of which no state is known.
    """
    if (given is not None or preliminary) and not lives:
        raise OptionError(
            "--state and --preliminary are of models of the log of one arena; name its folder alone, or "
            "leave them out."
        )
    if given is None:
        return None
    states = frozenset(filter(None, given.split(",")))
    for one in sorted(states - set(get_args(Life))):
        raise OptionError(f"--state {one}: there is no such state; {suggest(one, get_args(Life))}")
    return states


@contextlib.contextmanager
def _as_of(paths: list[Path | StoreAddress], head: str | None) -> Iterator[list[Path | StoreAddress]]:
    """The paths, or, if a head is given, the log as it was then."""
    if head is None:
        yield paths
        return
    folder = paths[0]
    if len(paths) != 1 or isinstance(folder, StoreAddress) or not folder.is_dir():
        raise OptionError("--at ranks one log folder as it was; name that folder alone.")
    from agon.data.log.operation.past_log import log_at

    with log_at(folder, head) as past:
        yield [past]


def options_of(text: str) -> tuple[str, dict[str, Any]]:
    """Split METHOD:option=value,... and turn the values into the types the method declares.

    Raises:
        MethodError: no such method.
        OptionError: no such option, a value of the wrong type, or a text of another form.
    """
    name, _, rest = text.partition(":")
    how = find(name)
    given: dict[str, Any] = {}
    for part in (piece for piece in rest.split(",") if piece):
        option, sign, value = part.partition("=")
        if not sign:
            raise OptionError(f"-m {text!r}: write options as METHOD:option=value, such as elo:k=8.")
        if option in given:
            raise OptionError(f"-m {text!r} gives {option} twice; give it once.")
        given[option] = _value(value)
    how.settings(given)
    return name, given


def _value(text: str) -> Any:
    """Read a whole number, a number, a truth value, or else a text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)


def with_shared(
    methods: Sequence[tuple[str, dict[str, Any]]], shared: Mapping[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    """Give options such as ties and missing to every method that has them.

    Raises:
        OptionError: none of the methods has the option.
    """
    for option, value in shared.items():
        if value is not None and not any(option in find(name).options for name, _ in methods):
            names = ", ".join(name for name, _ in methods)
            raise OptionError(
                f"--{option} does not apply to {names}: positional rules such as borda have it."
            )
    given = {option: value for option, value in shared.items() if value is not None}
    return [
        (name, {**{o: v for o, v in given.items() if o in find(name).options}, **options})
        for name, options in methods
    ]


def print_comparison(
    votes: Votes,
    methods: Sequence[tuple[str, Mapping[str, Any]]],
    settings: Settings,
    ballots_by: str | None,
    how: str,
    *,
    named: bool,
) -> None:
    """Print what several rules say of the same votes; unless they were named, those that can be applied.

    Raises:
        OptionError: a setting that means nothing where rules are compared by their ranks.
    """
    plain_settings = Settings()
    for name in ("control", "anchor", "scale", "simultaneous", "ranks"):
        if getattr(settings, name) != getattr(plain_settings, name):
            raise OptionError(f"--{name} does not apply to --compare-rules, which compares ranks.")
    if settings.interval not in ("auto", "bootstrap"):
        raise OptionError("--interval does not apply to --compare-rules: its ranges are the bootstrap's.")
    given = as_comparisons(votes)
    if isinstance(given, Comparisons):
        given = given.reweighted(settings.reweight, settings.floor)
        given = given if ballots_by is None else given.one_ballot_each(ballots_by)
    elif ballots_by is not None or settings.reweight != "none":
        raise OptionError("--ballots-by and --reweight do not apply: a score table has tasks for ballots.")
    chosen, refused = (methods, []) if named else split_applicable(given, methods)
    with progress(f"looking at {len(given.models)} models through {len(chosen)} rules"):
        seen = compare_rules(
            given,
            [name for name, _ in chosen],
            options={n: dict(o) for n, o in chosen if o},
            n_resamples=settings.n_resamples,
            seed=settings.seed,
            level=settings.level,
            cluster=settings.cluster,
            min_votes=settings.min_votes if ballots_by is None else 0,
        )
    from agon.arena.cli.output.tables import show_comparison

    if how == "json":
        print(
            json.dumps(
                {"schema": 1, "comparison": seen.to_dict(), "left_out": refused}, indent=2, ensure_ascii=False
            )
        )
        return
    if how == "csv":
        print(seen.to_frame().to_csv(index=False), end="")
        return
    needs = "Left out, for they need ballots without gaps, or scores"
    note = f"{needs}: {', '.join(refused)}." if refused else ""
    if how == "markdown":
        print(seen.to_markdown() + (f"\n{note}\n" if note else ""), end="")
    else:
        show_comparison(seen, sys.stdout, note)


def print_boards(
    boards: Sequence[Leaderboard],
    how: str,
    *,
    output: Path | None = None,
    top: int | None = None,
    lives: Mapping[str, Life] | None = None,
    states: Collection[str] | None = None,
) -> None:
    """Print boards, or write them to a file, in one of the forms; `top` rows of each if it is given.

    Args:
        boards: in this order.
        how: the form, where no output is named.
        output: a file whose ending names the form.
        top: rows of each.
        lives: model → its state in the log of an arena, which tables, CSV and JSON say.
        states: of the models that are printed; all if left out.

    Raises:
        OptionError: an output whose ending names no form, a top below 1, states of a form that has none.
        SourceError: the file cannot be written.
    """
    if top is not None and top < 1:
        raise OptionError(f"--top must be at least 1, not {top}.")
    form = how if output is None else form_of(output)
    stream = sys.stdout if output is None else io.StringIO()
    if states is not None and form not in ("table", "csv"):
        raise OptionError(f"--state applies to a table and to CSV, not to {form}; leave it out.")
    kept = None if states is None or lives is None else {m for m, life in lives.items() if life in states}
    if form == "table":
        show_boards(boards, stream, top, kept)
        for life in ("preliminary", "paused", "retired"):
            if named := [model for model, one in (lives or {}).items() if one == life]:
                print(plain(f"{life.capitalize()}: {join_names(named)}."), file=stream)
    elif form == "csv" and lives:
        stream.write(boards_to_csv(boards, top, {"life": lives}, kept))
    elif form == "json" and lives and top is None:
        told = [{"model": model, "life": life} for model, life in lives.items()]
        document = json.loads(boards_to_json(boards)) | {"models": told}
        stream.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    else:
        stream.write(boards_text(boards, form, top))
    if isinstance(stream, io.StringIO) and output is not None:
        write_text(output, stream.getvalue())
        print(f"{len(boards)} board{'' if len(boards) == 1 else 's'} in {output}.", file=sys.stderr)


def form_of(output: Path) -> str:
    """The form that the ending of a file names.

    Raises:
        OptionError: it names none.
    """
    form = _ENDINGS.get(output.suffix.lower())
    if form is None:
        raise OptionError(f"{output} must end in one of {', '.join(_ENDINGS)}, which say how it is written.")
    return form


def boards_text(boards: Sequence[Leaderboard], form: str, top: int | None = None) -> str:
    """Boards, each followed by those of its components, as JSON, CSV, Markdown, HTML or LaTeX.

    Raises:
        OptionError: a top for JSON, which holds whole boards so that they can be read back.
    """
    if form == "json":
        if top is not None:
            raise OptionError("--top does not apply to JSON, which holds whole boards; leave it out.")
        return boards_to_json(boards) + "\n"
    if form == "csv":
        return boards_to_csv(boards, top)
    parts = [part for board in boards for part in (board, *board.components)]
    if form == "html":
        body = "\n".join(f"<h2>{html.escape(_title(part))}</h2>\n{part.to_html(top)}" for part in parts)
        return f'<!doctype html>\n<meta charset="utf-8">\n<title>Leaderboard</title>\n{body}\n'
    if form == "latex":
        return "\n".join(part.to_latex(top) for part in parts)
    return "\n".join(f"## {_title(part)}\n\n{part.to_markdown(top)}" for part in parts)


def write_text(output: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        SourceError: it cannot be written; what was there before is as it was.
    """
    beside = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(output)
    except FileNotFoundError:
        raise SourceError(f"There is no folder {output.parent} for {output.name}; make it first.") from None
    except OSError as error:
        raise SourceError(f"{output} cannot be written: {error.strerror}.") from None
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def name_check(sources: Sequence[Path | StoreAddress], votes: Votes, reading: Reading) -> None:
    """Say on a terminal, of votes that name their voters, which command looks for what no board looks for."""
    files = [one for one in sources if isinstance(one, Path)]
    if not files or not sys.stderr.isatty() or not isinstance(votes, Comparisons):
        return
    named = any(names_voters(str(one), reading.table) for one in list_files(files))
    if named or "voter" in (reading.keywords()["columns"] or {}):
        more = "repeated votes, voters who carry a model and a favoured side"
        listed = shlex.join(str(one) for one in files)
        print(f"agon check {plain(listed)} looks for more: {more}.", file=sys.stderr)


def _title(board: Leaderboard) -> str:
    return board.method + plain("".join(f", {name} = {value}" for name, value in (board.by or {}).items()))
