"""`agon route-server`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def route_server_command(
    config: Annotated[Path, Parameter(help="A .toml configuration with [routed].")],
    /,
    *,
    host: Annotated[str | None, Parameter(help="Address [default: 127.0.0.1]; 0.0.0.0 is all.")] = None,
    port: Annotated[int | None, Parameter(help="Port [default: 7861]; 0 is any free one.")] = None,
    store: Annotated[
        Path | None, Parameter(help="Folder that keeps the log of use [default: agon-log].")
    ] = None,
) -> None:
    """Answer programs that speak the OpenAI protocol, each conversation by one model that is drawn.

    What they do with the answers is kept for agon effects. Ctrl+C ends it.

    For example:

    agon route-server arena.toml

    agon route-server arena.toml --host 0.0.0.0 --port 8001
    """
    from agon.arena.routed.use_server import open_use

    open_use(config, host=host, port=port, store=store)
