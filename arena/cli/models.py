"""`agon models`: whether each model of an arena answers, and how fast; or a configuration from an address."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter
from rich.text import Text

from agon.arena.cli.arguments import FindingsFormat
from agon.arena.cli.output.progress_line import progress
from agon.arena.cli.output.tables import console, make_grid, say
from agon.ranking.errors import OptionError, SourceError
from agon.ranking.leaderboard.row import plain
from agon.ranking.text import join_names

if TYPE_CHECKING:
    from agon.arena.setup.model_trial import TriedModel


def models_command(
    source: Annotated[
        str,
        Parameter(
            help="A .toml configuration, the address of a server: http://127.0.0.1:8000/v1, or the word get."
        ),
    ],
    local: Annotated[
        str | None, Parameter(help="After get: the model to fetch for agon serve, such as smollm2.")
    ] = None,
    /,
    *,
    api_key_env: Annotated[
        str | None, Parameter(help="Environment variable that holds the key of the address.")
    ] = None,
    write: Annotated[
        Path | None,
        Parameter(help="Write a configuration with the models of the address that answer to this .toml."),
    ] = None,
    format: FindingsFormat = "table",
) -> int:
    """Ask each model for the beginning of an answer, one line each; exit status 1 if fewer than two answer.

    The columns are what the server calls it, how many tokens it can read, what it is an adapter of, seconds
    to the first token, and tokens a second, of one answer with the server to itself, and whether it sees the
    colour of an image, if it takes them.

    For example:

    agon models arena.toml

    agon models http://127.0.0.1:8000/v1 --write arena.toml

    agon models get smollm2
    """
    if source == "get" or local is not None:
        return _get(source, local)
    address = source.rstrip("/") if source.startswith(("http://", "https://")) else None
    if address is not None and urlsplit(address).netloc.count("@"):
        raise OptionError("An address holds no name or password; name a key with --api-key-env.")
    for option, value in (("--write", write), ("--api-key-env", api_key_env)):
        if value is not None and address is None:
            raise OptionError(f"{option} belongs to an address; name one, such as http://127.0.0.1:8000/v1.")
    if write is not None and write.exists():
        raise SourceError(f"{write} exists already; choose another name.")
    from agon.arena.cli.rank import write_text
    from agon.arena.setup.config import read_configuration

    with progress("asking the models"):
        tried = asyncio.run(_tried_at(address, api_key_env) if address else _tried_of(Path(source)))
    if format == "json":
        document = {"schema": 1, "models": [asdict(one) for one in tried]}
        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        show_trials(tried, declared=address is None)
    able = [one for one in tried if one.failure is None]
    if write is not None and address is not None:
        write_text(write, configuration_text(address, api_key_env, able))
        read_configuration(write, least=0)  # says what in it cannot be served, such as names that look alike
        said = f"agon serve {plain(str(write))} opens their arena" if len(able) > 1 else "add another model"
        models = f"{len(able)} model{'' if len(able) == 1 else 's'}"
        print(f"{models} in {plain(str(write))}: {said}.", file=sys.stderr)
    return int(len(able) < 2)


def _get(word: str, name: str | None) -> int:
    """Fetch the weights of a local model, and say where they are."""
    from agon.arena.setup.local_models import LOCAL_MODELS, fetch_weights, local_weights

    if word != "get" or name is None:
        raise OptionError(f"Write agon models get NAME; names are {join_names([*LOCAL_MODELS])}.")
    kept = fetch_weights(local_weights(name))
    print(f"{name} is in {plain(str(kept))}: agon serve {name} opens an arena of it and its variants.")
    return 0


async def _tried_of(config: Path) -> list[TriedModel]:
    from agon.arena.core.operation.operator_messages import tell
    from agon.arena.setup.config import read_configuration
    from agon.arena.setup.model_trial import try_models
    from agon.serving.supervision import running

    given = read_configuration(config, least=1)
    try:
        async with running(given.supervised, given.folder / "servers", tell):
            return await try_models(given.roster.contestants, given.limits)
    finally:
        for contestant in given.roster.contestants:
            await contestant.backend.close()


async def _tried_at(address: str, api_key_env: str | None) -> list[TriedModel]:
    """Ask all models that a server lists.

    Raises:
        OptionError: the environment variable holds no key.
        SourceError: the server does not say what it serves.
    """
    from agon.arena.core.roster import Contestant, ModelCard
    from agon.arena.setup.model_trial import try_models
    from agon.serving.generation import Limits
    from agon.serving.openai_protocol.model_server import Server
    from agon.serving.protocol import ServingError

    key = None if api_key_env is None else os.environ.get(api_key_env, "").strip()
    if key == "":
        raise OptionError(f"The environment variable {api_key_env} holds no key; export it first.")
    server = Server(address, api_key=key)
    models = [server.model("")]  # keeps the connections until the end
    try:
        names = list(await server.served())
        if not names:
            raise ServingError("unknown_model", "its list is empty")
        models += [server.model(name, images=True) for name in names]  # whether they do is asked
        contestants = [Contestant(ModelCard(n, n), m) for n, m in zip(names, models[1:], strict=True)]
        return await try_models(contestants, Limits())
    except ServingError as error:
        raise SourceError(
            f"{address} does not say which models it serves ({error.kind}: {error.detail}); name them in a "
            "configuration."
        ) from None
    finally:
        for model in models:
            await model.close()


def configuration_text(address: str, api_key_env: str | None, models: list[TriedModel]) -> str:
    """The TOML of an arena of these models of one server."""
    key = f"api_key_env = {json.dumps(api_key_env)}\n" if api_key_env else ""
    server = f'[[server]]\nname = "server"\nbase_url = {json.dumps(address)}\n{key}'
    tables = [
        f'\n[[model]]\nname = {json.dumps(one.model, ensure_ascii=False)}\nserver = "server"\n'
        + ("images = true\n" if one.images else "")
        for one in models
    ]
    return server + "".join(tables)


def show_trials(tried: list[TriedModel], *, declared: bool) -> None:
    """Print a row for each model, and below why those that cannot answer cannot, or do not see what they are
    declared to."""
    out = console(sys.stdout)
    grid = make_grid("", "model", "served as", "context", "adapter of", "first token", "tokens/s", "images")
    for one in tried:
        cells = (
            "ok" if one.failure is None else "MEND",
            plain(one.model),
            plain(one.served or ""),
            "" if one.context is None else f"{one.context:,}",
            plain(one.adapter_of or ""),
            "" if one.first_token is None else f"{one.first_token:.2f} s",
            "" if one.tokens_per_second is None else f"{one.tokens_per_second:,.0f}",
            "" if one.images is None else "yes" if one.images else "no",
        )
        grid.add_row(*map(Text, cells))
    out.print(grid)
    for one in tried:
        if one.failure is not None:
            say(out, f"{plain(one.model)} cannot answer ({plain(one.failure)})")
        if declared and one.unseen is not None:
            say(out, f"{plain(one.model)} sees no images ({plain(one.unseen)}); leave images = true out")
    able = sum(one.failure is None for one in tried)
    if able < 2:
        say(out, "Every battle is void until two models can answer.")
