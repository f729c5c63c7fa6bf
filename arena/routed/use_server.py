"""`agon route-server`: opens the server of routed use, and keeps it open until it is interrupted."""

from __future__ import annotations

import contextlib
from pathlib import Path

from agon.arena.core.sessions import Keys
from agon.arena.routed.use_app import UseApp
from agon.arena.setup.config import read_configuration
from agon.arena.setup.tables import ConfigError
from agon.arena.web.server import GreetingServer, address_of, listen, uvicorn_config
from agon.data.store_address import StoreAddress
from agon.data.use_log.use_reading import read_history
from agon.data.use_log.use_writing import UseLog
from agon.ranking.errors import OptionError
from agon.ranking.leaderboard.row import plain
from agon.ranking.text import join_names

_NAMED = 12  # models that the greeting names


def open_use(source: Path, *, host: str | None, port: int | None, store: Path | None) -> None:
    """Open the server of a configuration; what is given goes before it.

    Raises AgonError for everything that a person can mend: the file, the address, the folder.
    """
    given = read_configuration(source, routed=True)
    plan = given.routed
    if plan is None:
        raise ConfigError(
            f"{source} has no [routed]; add it, with a [[routed.keys]] that has name and key_env."
        )
    if given.supervised:
        raise ConfigError(
            f"{source}: a [[server]] with a command is started by agon serve alone; give its base_url here."
        )
    folder = store or given.log
    if isinstance(folder, StoreAddress):
        raise OptionError(
            f"The log of use lies in a folder, and the store is {folder.shown}; name a folder: --store."
        )
    address = host or plan.host
    with (
        contextlib.closing(listen(address, plan.port if port is None else port)) as taken,
        UseLog(folder) as log,
    ):
        app = UseApp(plan, given.limits, log, read_history(folder), Keys.of_folder(folder))
        names = [plain(one.card.name) for one in plan.contestants]
        url = address_of(address, taken.getsockname()[1])
        greeting = (
            f"Routed use is open at {url}v1 with {len(names)} models, drawn by the policy "
            f"{plan.policy.name}: {join_names(names, _NAMED)}.\n"
            f"What they do is kept in {folder}/use. Ctrl+C closes it."
        )
        GreetingServer(uvicorn_config(app, given.proxies), greeting).run(sockets=[taken])
    print(f"Closed. See what the models do with: agon effects {folder}", flush=True)
