"""`agon serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter


def serve_command(
    source: Annotated[
        Path | None,
        Parameter(
            help="A .toml configuration, or recorded answers (.parquet, .csv, .jsonl, or a folder of "
            "them), or smollm2, a small model on this machine. None: a demonstration."
        ),
    ] = None,
    /,
    *,
    host: Annotated[str | None, Parameter(help="Address [default: 127.0.0.1]; 0.0.0.0 is all.")] = None,
    port: Annotated[int | None, Parameter(help="Port [default: 7860]; 0 is any free one.")] = None,
    store: Annotated[
        str | None,
        Parameter(
            help="Folder that keeps votes, answers and keys [default: agon-log]; or postgresql://… for "
            "several processes."
        ),
    ] = None,
    answers: Annotated[
        int | None, Parameter(help="Models that answer a prompt, 2 to 6 [default: 2]; more make a ballot.")
    ] = None,
    same_model: Annotated[
        float | None,
        Parameter(help="Share of battles that show one model twice, to measure noise [default: 0]."),
    ] = None,
    votes: Annotated[
        Path | None, Parameter(help="A file of votes whose boards are shown beside those of the arena.")
    ] = None,
    log_format: Annotated[
        Literal["text", "json"] | None,
        Parameter(help="What the terminal is told: sentences, or a line of JSON an event [default: text]."),
    ] = None,
    seed: Annotated[
        int | None,
        Parameter(help="Repeats the draws, so they can be foretold: not for a public arena."),
    ] = None,
) -> None:
    """Open the arena: a blind voting page and a leaderboard, until Ctrl+C.

    For example:

    agon serve

    agon serve answers.csv --store our-votes --answers 4

    agon serve smollm2

    agon serve arena.toml --votes votes.parquet

    agon serve arena.toml --host 0.0.0.0 --port 8000

    agon serve arena.toml --store postgresql://agon@db.example/agon
    """
    from agon.arena.web.server import open_arena
    from agon.data.store_address import store_of

    open_arena(
        source,
        host=host,
        port=port,
        log=None if store is None else store_of(store),
        seed=seed,
        answers=answers,
        same_model=same_model,
        beside=votes,
        log_format=log_format,
    )
