"""`agon tastes`: kinds of voters, who likes what, and how sure that is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import shorten
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from agon.arena.cli.arguments import FindingsFormat, VotesArgument, readable
from agon.arena.cli.output.progress_line import progress
from agon.arena.cli.output.tables import console, make_grid, say
from agon.arena.cli.reading import USUAL, ReadingOptions
from agon.arena.cli.tastes.comparison import FoldsOption, LevelOption, SeedOption
from agon.arena.cli.tastes.route import HeadOption, MissingOption
from agon.ranking.errors import OptionError
from agon.ranking.leaderboard.row import plain
from agon.ranking.tastes.personal import PersonalBoard, contested_pairs, personal_board
from agon.ranking.tastes.topic_head import prompt_boards
from agon.ranking.tastes.topics import TopicBoards, topic_boards
from agon.ranking.tastes.voter_kinds import Tastes, voter_tastes

_CONTESTED = 5  # pairs listed
_NEAREST = 3  # prompts of a topic that are listed


def tastes_command(
    source: VotesArgument,
    /,
    *,
    kinds: Annotated[
        int | None, Parameter(help="How many kinds of voters [default: as many as predict votes best].")
    ] = None,
    most: Annotated[int, Parameter(help="Kinds that are tried.")] = 4,
    of: Annotated[str | None, Parameter(help="One voter: their own board, shrunk to everybody's.")] = None,
    vectors: Annotated[
        Path | None,
        Parameter(help="Boards of topics instead: file with a vector for each prompt, as of agon embed."),
    ] = None,
    topics: Annotated[int, Parameter(help="Topics of prompts, at most.")] = 4,
    head: HeadOption = "linear",
    missing: MissingOption = "error",
    folds: FoldsOption = 5,
    n_resamples: Annotated[
        int, Parameter(help="Times that the voters are drawn for intervals; 0: none.")
    ] = 100,
    level: LevelOption = 0.95,
    seed: SeedOption = 0,
    reading: ReadingOptions = USUAL,
    format: FindingsFormat = "table",
) -> None:
    """Say whether voters are of several kinds who like different models, and who likes what.

    For example:

    agon tastes votes.parquet

    agon tastes votes.parquet --column voter=judge --kinds 2

    agon tastes votes.parquet --of ada

    agon tastes votes.parquet --vectors vectors.parquet
    """
    with readable(source) as paths:
        with progress("reading votes"):
            votes = reading.read(paths)
        if vectors is not None:
            if of is not None:
                raise OptionError("Boards are of one voter or of topics; leave out --of or --vectors.")
            from agon.data.prompt_vectors import read_prompt_vectors

            held = read_prompt_vectors(vectors)
            with progress("fitting boards of prompts"):
                boards = prompt_boards(
                    votes, held, head=head, missing=missing, folds=folds, level=level, seed=seed
                )
            named = {held.text_of(name): held[name] for name in held.names}
            seen = topic_boards(boards, named, topics=min(topics, len(named)), seed=seed)
            _show_topics(seen, as_json=format == "json")
            return
        if of is not None:
            with progress(f"ranking the models for {of}"):
                own = personal_board(votes, of, level=level)
            _show_personal(own, as_json=format == "json")
            return
        found = voter_tastes(
            votes,
            kinds=kinds,
            most=most,
            folds=folds,
            n_resamples=n_resamples,
            level=level,
            seed=seed,
            progress=progress,
        )
        pairs = contested_pairs(votes, level=level)
    if format == "json":
        told = {**found.to_dict(), "contested": pairs.to_dict("records")}
        print(json.dumps({"schema": 1, "tastes": told}, indent=2, ensure_ascii=False))
        return
    _show(found)
    out = console(sys.stdout)
    some = pairs[pairs["contested"] >= level].head(_CONTESTED)
    if len(some):
        say(out, f"Pairs that surely split people, 40 to 60 of 100 votes each way: {len(some)} are listed.")
        for row in some.itertuples():
            text = f"{row.first} against {row.second}: {row.share:.0%} ({row.lower:.0%} to {row.upper:.0%})"
            say(out, f"• {plain(text)}", "dim")


def _show(found: Tastes) -> None:
    """Print the sentence, the numbers of kinds tried, and the boards of the kinds side by side."""
    out = console(sys.stdout)
    say(out, plain(found.conclusion()), "bold")
    heads = [f"kind {k + 1}, {one.share:.0%}" for k, one in enumerate(found.kinds)]
    several = len(heads) > 1
    grid = make_grid("model", *heads, *["among the kind that likes it least"] * several)
    order = sorted(range(len(found.models)), key=lambda i: (-float(found.worst[i]), found.models[i]))
    for i in order:
        cells = []
        for k in range(len(heads)):
            cell = f"{found.strengths[k, i]:,.0f}"
            if found.lower is not None and found.upper is not None:
                cell += f" ({found.lower[k, i]:,.0f} to {found.upper[k, i]:,.0f})"
            cells.append(cell)
        grid.add_row(*map(Text, [plain(found.models[i]), *cells, *[f"{found.worst[i]:,.0f}"] * several]))
    out.print(grid)
    for one in found.tried:
        more = ""
        if one.gain is not None:
            more = f", {one.gain:+.4f} ({one.lower:+.4f} to {one.upper:+.4f}) better than one fewer"
        say(out, f"• {one.conclusion()}{more}", "dim")
    how = "no intervals"
    if found.n_resamples:
        how = f"{found.level:.0%} intervals from {found.n_resamples} draws of the voters, seed {found.seed}"
    say(out, f"{len(found.voters):,} voters · {how}", "dim")


def _show_topics(seen: TopicBoards, *, as_json: bool) -> None:
    """Print the sentence, and the boards of the topics side by side."""
    if as_json:
        topics = [
            {
                "share": one.share,
                "prompts": one.prompts[:_NEAREST],
                "models": one.board.to_frame().to_dict("records"),
            }
            for one in seen.topics
        ]
        told = {
            "conclusion": seen.conclusion(),
            "scope": seen.boards.scope(),
            "level": seen.boards.level,
            "topics": topics,
        }
        print(json.dumps({"schema": 1, "topics": told}, indent=2, ensure_ascii=False))
        return
    out = console(sys.stdout)
    say(out, plain(seen.conclusion()), "bold")
    grid = make_grid("model", *(f"topic {k}, {one.share:.0%}" for k, one in enumerate(seen.topics, 1)))
    places = [{name: i for i, name in enumerate(one.board.models)} for one in seen.topics]
    for name in seen.topics[0].board.models:
        cells = []
        for one, place in zip(seen.topics, places, strict=True):
            board, i = one.board, place[name]
            best = " ←" if i == 0 else ""
            cells.append(f"{board.scores[i]:,.0f} ({board.lower[i]:,.0f} to {board.upper[i]:,.0f}){best}")
        grid.add_row(*map(Text, [plain(name), *cells]))
    out.print(grid)
    for k, one in enumerate(seen.topics, 1):
        like = " · ".join(shorten(plain(name), 60) for name in one.prompts[:_NEAREST])
        say(out, f"• topic {k}: {like}", "dim")
    say(out, f"• {seen.boards.scope()}", "dim")
    if seen.boards.left_out:
        say(out, f"• {seen.boards.left_out:,} prompts have no vector; their votes are left out.", "dim")


def _show_personal(own: PersonalBoard, *, as_json: bool) -> None:
    """Print the board of one voter beside everybody's."""
    rows = own.to_frame()
    if as_json:
        told = {"conclusion": own.conclusion(), "spread": own.spread, "models": rows.to_dict("records")}
        print(json.dumps({"schema": 1, "personal": told}, indent=2, ensure_ascii=False))
        return
    out = console(sys.stdout)
    say(out, plain(own.conclusion()), "bold")
    grid = make_grid("model", "theirs", "everybody's")
    for row in rows.itertuples():
        theirs = f"{row.score:,.0f} ({row.lower:,.0f} to {row.upper:,.0f})"
        grid.add_row(*map(Text, [plain(str(row.model)), theirs, f"{row.crowd:,.0f}"]))
    out.print(grid)
    say(out, f"Tastes differ between voters by {own.spread:,.0f} points on a model.", "dim")
