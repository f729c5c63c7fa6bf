"""`agon route`: which model to ask a prompt, at what price."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from rich.text import Text

from agon.arena.cli.arguments import SOURCE, FactsOption, FindingsFormat, readable
from agon.arena.cli.files.embed import BaseUrlOption, KeyOption, embed_prompt
from agon.arena.cli.output.progress_line import progress
from agon.arena.cli.output.tables import console, make_grid, say
from agon.arena.cli.reading import USUAL, ReadingOptions
from agon.arena.cli.tastes.comparison import FoldsOption, LevelOption, SeedOption
from agon.ranking.errors import OptionError
from agon.ranking.leaderboard.row import plain
from agon.ranking.tastes.prompt_route import PromptRoute, route_prompt
from agon.ranking.tastes.topic_head import prompt_boards

if TYPE_CHECKING:
    from agon.data.prompt_vectors import PromptVectors

VectorsOption = Annotated[
    Path,
    Parameter(help="File with a vector for each prompt, of agon embed or with columns prompt and vector."),
]
MissingOption = Annotated[
    Literal["error", "drop"], Parameter(help="Votes on prompts without a vector: refuse, or leave them out.")
]

HeadOption = Annotated[
    Literal["linear", "network"],
    Parameter(
        help="network: try a small neural network too, and take it if it predicts better (part torch)."
    ),
]


def route_command(
    source: Annotated[Path, Parameter(help=SOURCE)],
    prompt: Annotated[str, Parameter(help="The prompt, or the id of one that has a vector.")],
    /,
    *,
    vectors: VectorsOption,
    base_url: BaseUrlOption = None,
    model: Annotated[
        str | None, Parameter(help="The embedding model [default: that of the file of vectors].")
    ] = None,
    api_key_env: KeyOption = None,
    facts: FactsOption = None,
    within: Annotated[float, Parameter(help="Points that a cheaper model may be below the best.")] = 20.0,
    head: HeadOption = "linear",
    missing: MissingOption = "error",
    folds: FoldsOption = 5,
    level: LevelOption = 0.95,
    seed: SeedOption = 0,
    reading: ReadingOptions = USUAL,
    format: FindingsFormat = "table",
) -> None:
    """Say which model wins on prompts like one, how sure that is, at what price, and what costs less.

    A prompt that has no vector yet gets it from the server. Prices are the column price of --facts, a table
    or the arena's .toml. Where what prompts are about tells nothing, it is the board of all prompts.

    For example:

    agon route votes.parquet "Prove that √2 is irrational" --vectors vectors.parquet --base-url
    http://127.0.0.1:8000/v1 --facts arena.toml
    """
    from agon.data.model_facts import read_facts
    from agon.data.prompt_vectors import read_prompt_vectors

    known = read_facts(facts) if facts else {}
    prices = {name: one["price"] for name, one in known.items() if "price" in one}
    held = read_prompt_vectors(vectors)
    vector = held[prompt] if prompt in held else _fetch(held, prompt, model, base_url, api_key_env)
    with readable([source]) as paths:
        with progress("reading votes"):
            votes = reading.read(paths)
        with progress("fitting boards of prompts"):
            boards = prompt_boards(
                votes, held, head=head, missing=missing, folds=folds, level=level, seed=seed
            )
    found = route_prompt(boards, vector, prices, within=within)
    if format == "json":
        print(json.dumps({"schema": 1, "route": found.to_dict()}, indent=2, ensure_ascii=False))
    else:
        show_route(found)


def _fetch(
    held: PromptVectors, prompt: str, model: str | None, base_url: str | None, api_key_env: str | None
) -> list[float]:
    """The vector of a prompt that has none yet.

    Raises:
        OptionError: no address, no model, or a model other than that of the others.
        SourceError: the server gives none.
    """
    if base_url is None:
        raise OptionError(
            f"The prompt {prompt!r} has no vector yet; give the address of the embedding model with "
            "--base-url, or its vector in the file."
        )
    if model is None and held.model is None:
        raise OptionError("The file of vectors does not say which model made them; name it with --model.")
    if model is not None and held.model not in (None, model):
        raise OptionError(f"The vectors are of {held.model}, not of {model}; leave --model out.")
    return embed_prompt(prompt, model or held.model or "", base_url, api_key_env)


def show_route(found: PromptRoute) -> None:
    """Print the sentences, and a row for each model."""
    out = console(sys.stdout)
    say(out, plain(found.conclusion()), "bold")
    price = ["price"] * bool(found.prices)
    level = f"{found.board.level:.0%}"
    grid = make_grid("model", f"score ({level})", "best", f"at most below ({level})", *price, "")
    board = found.board
    for i, name in enumerate(board.models):
        cells = [
            plain(name),
            f"{board.scores[i]:,.0f} ({board.lower[i]:,.0f} to {board.upper[i]:,.0f})",
            f"{board.probabilities[i]:.0%}",
            f"{board.below_best[i]:,.0f}",
            *[f"{found.prices[name]:g}" if name in found.prices else ""] * len(price),
            "wins" if name == found.best else "cheaper" if name in found.cheaper else "",
        ]
        grid.add_row(*map(Text, cells))
    out.print(grid)
    say(out, f"• {found.basis()}", "dim")
    if not found.prices:
        say(out, "• No price is known: name a table with a column price, or the .toml, with --facts.", "dim")
    if found.boards.left_out:
        say(out, f"• {found.boards.left_out:,} prompts have no vector; their votes are left out.", "dim")
