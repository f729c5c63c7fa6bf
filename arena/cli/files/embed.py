"""`agon embed`: a vector for each prompt, from an embedding model behind a server."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any, cast

from cyclopts import Parameter

from agon.arena.cli.arguments import readable
from agon.arena.cli.output.progress_line import progress
from agon.ranking.errors import OptionError, SourceError
from agon.ranking.leaderboard.row import plain
from agon.ranking.progress import CountedWork

BaseUrlOption = Annotated[
    str | None, Parameter(help="Address of the server, such as http://127.0.0.1:8000/v1.")
]
KeyOption = Annotated[str | None, Parameter(help="Environment variable that holds the key of the address.")]


def embed_command(
    source: Annotated[
        Path, Parameter(help="A log folder, a table with a column prompt, or a .txt with one on each line.")
    ],
    /,
    *,
    model: Annotated[str, Parameter(help="The embedding model, as the server calls it.")],
    base_url: BaseUrlOption = None,
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="The .parquet file of the vectors.")],
    api_key_env: KeyOption = None,
    dimensions: Annotated[
        int | None, Parameter(help="Numbers of a vector, of models that let one choose.")
    ] = None,
    batch: Annotated[int, Parameter(help="Prompts of a request.")] = 64,
    at_once: Annotated[int, Parameter(help="Requests at once.")] = 4,
    patience: Annotated[float, Parameter(help="Seconds for which the server may be busy or out.")] = 120.0,
) -> int:
    """Fetch a vector for each prompt that votes were cast on, and keep each as soon as it is there.

    Run it again after an interruption, or when there are more prompts: it asks only for what is missing. What
    comes out is what agon route and agon tastes --vectors read. Exit status 1 if vectors are missing.

    For example:

    agon embed agon-log --model nomic-embed --base-url http://127.0.0.1:8000/v1 -o vectors.parquet
    """
    from agon.arena.core.answer_sets import AnswerSet
    from agon.data.prompt_vectors import named_prompts
    from agon.serving.embeddings import embed_texts
    from agon.serving.protocol import ServingError

    for name, number in (("--batch", batch), ("--at-once", at_once), ("--dimensions", dimensions)):
        if number is not None and number < 1:
            raise OptionError(f"{name} must be at least 1, not {number}.")
    with readable([source]) as paths:
        wanted = named_prompts(paths[0])
    server = open_server(base_url, api_key_env)
    refused = dict[str, str]()
    with AnswerSet(output, _vector_rows()) as kept:
        held = cast(dict[str, dict[str, Any]], kept.rows)
        _check_model(output, held, model, dimensions)
        todo: dict[str, list[str]] = {}  # text → names of the prompts that it is of
        for one in wanted:
            if one.name not in held or held[one.name]["prompt"] != one.text:
                todo.setdefault(one.text, []).append(one.name)
        missing = sum(map(len, todo.values()))
        print(
            f"{len(wanted):,} prompts, of which {len(wanted) - missing:,} have a vector.",
            file=sys.stderr,
        )

        async def run(work: CountedWork) -> None:
            texts = list(todo)
            made = embed_texts(
                server, model, texts, dimensions=dimensions, batch=batch, at_once=at_once, patience=patience
            )
            try:
                async with aclosing(made) as found:
                    async for place, vector in found:
                        for name in todo[texts[place]]:
                            if isinstance(vector, ServingError):
                                refused[name] = vector.detail
                                continue
                            row = {"prompt_id": name, "prompt": texts[place], "model": model}
                            kept.keep({**row, "vector": vector})
                        work.reach(work.done + 1)
                    _check_model(output, held, model, dimensions)
            finally:
                await server.client.aclose()

        with progress("fetching vectors"), CountedWork(len(todo) or None) as work:
            try:
                asyncio.run(run(work))
            except ServingError as error:
                raise _no_vectors(error) from None
        kept.finish({one.name: number for number, one in enumerate(wanted)})
    there = len(wanted) - len(refused)
    print(f"{there:,} of {len(wanted):,} prompts have a vector in {plain(str(output))}.")
    for name, why in list(refused.items())[:3]:
        print(f"The server refused prompt {plain(name)} ({plain(why)}).", file=sys.stderr)
    return int(bool(refused))


def embed_prompt(text: str, model: str, base_url: str | None, api_key_env: str | None) -> list[float]:
    """The vector of one text.

    Raises:
        OptionError: no address, or no key in the variable.
        SourceError: the server gives none.
    """
    from agon.serving.embeddings import embed_texts
    from agon.serving.protocol import ServingError

    server = open_server(base_url, api_key_env)

    async def ask() -> list[float]:
        try:
            async with aclosing(embed_texts(server, model, [text], patience=10.0)) as found:
                made = [vector async for _, vector in found]
        finally:
            await server.client.aclose()
        return cast(list[float], made[0])

    try:
        return asyncio.run(ask())
    except ServingError as error:
        raise _no_vectors(error) from None


def open_server(base_url: str | None, api_key_env: str | None) -> Any:
    """The server at an address, with the key of an environment variable.

    Raises:
        OptionError: no address, or no key in the variable.
    """
    from agon.serving.openai_protocol.model_server import Server

    if base_url is None:
        raise OptionError("No server is named that gives vectors; give its address with --base-url.")
    key = None if api_key_env is None else os.environ.get(api_key_env)
    if api_key_env is not None and not key:
        raise OptionError(f"The environment variable {api_key_env} holds no key; set it, or leave it out.")
    return Server(base_url, api_key=key)


def _no_vectors(error: Any) -> SourceError:
    return SourceError(
        f"The server gives no vectors ({error.kind}: {error.detail}); check --base-url and --model, and that "
        "it serves an embedding model."
    )


def _vector_rows() -> Any:
    """What the rows of a file of vectors are."""
    import pyarrow as pa

    from agon.arena.core.answer_sets import RowKind

    text = pa.string()
    columns = {"prompt_id": text, "prompt": text, "model": text, "vector": pa.list_(pa.float32())}
    return RowKind(pa.schema(columns), lambda row: row["prompt_id"], command="agon embed", what="vectors")


def _check_model(output: Path, held: dict[str, dict[str, Any]], model: str, dimensions: int | None) -> None:
    """Refuse to mix vectors of two models, or of two lengths.

    Raises:
        SourceError: the file holds others.
    """
    other = next((row["model"] for row in held.values() if row["model"] != model), None)
    lengths = sorted({len(row["vector"]) for row in held.values()})
    if other is not None:
        raise SourceError(f"{output} holds vectors of {other}; choose another name for those of {model}.")
    if len(lengths) > 1 or (dimensions and lengths and lengths != [dimensions]):
        raise SourceError(
            f"{output} holds vectors of {lengths[0]} numbers and {model} gives others of "
            f"{dimensions or lengths[-1]}; choose another name for these."
        )
