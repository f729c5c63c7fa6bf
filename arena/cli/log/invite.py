"""`agon invite`: links that let people into an arena, each of them once."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from agon.arena.cli.arguments import FindingsFormat
from agon.data.log.operation.invitation_journal import InvitationJournal
from agon.ranking.errors import OptionError

MOST_INVITATIONS = 10_000


def invite_command(
    config: Annotated[Path, Parameter(help="The .toml with the [access].")],
    /,
    *,
    count: Annotated[int, Parameter(help="How many.")] = 1,
    url: Annotated[
        str | None, Parameter(help="Where people find the arena [default: as the configuration says].")
    ] = None,
    store: Annotated[
        Path | None, Parameter(help="Folder that keeps the votes [default: of the .toml].")
    ] = None,
    status: Annotated[
        bool, Parameter(help="Say how many there are and were accepted; make none.", negative=())
    ] = False,
    format: FindingsFormat = "table",
) -> None:
    """Print links that let people into an arena: each lets one browser in, once.

    A link is printed here and stands nowhere else: the store keeps a digest of it. The arena may be open.

    For example:

    agon invite arena.toml --count 20

    agon invite arena.toml --status
    """
    from agon.arena.setup.config import read_configuration
    from agon.arena.setup.invitations import address_for_others

    given = read_configuration(config)
    if given.access is None or not given.access.invitations:
        raise OptionError(f"{config} lets nobody in by invitation; write invitations = true into [access].")
    if not 1 <= count <= MOST_INVITATIONS:
        raise OptionError(f"--count must be 1 to {MOST_INVITATIONS:,}, not {count:,}.")
    if url is not None and not url.startswith(("http://", "https://")):
        raise OptionError(f"--url {url} is no address; write it as --url https://arena.example.")
    journal = InvitationJournal(store or given.folder)
    address = f"{url.rstrip('/')}/" if url is not None else address_for_others(given, 7860)
    secrets = [] if status else journal.invite(count)
    links = [f"{address}sign-in?invite={one}" for one in secrets]
    made, accepted = journal.counts()
    if format == "json":
        found = {"schema": 1, "links": links, "made": made, "accepted": accepted}
        print(json.dumps(found, indent=2))
        return
    for one in links:
        print(one)
    print(f"agon: {accepted:,} of {made:,} invitations are accepted.", file=sys.stderr)
    if links and url is None and given.public_url is None and given.host in ("127.0.0.1", "localhost"):
        print(
            'agon: these links open on this machine alone; for others set host = "0.0.0.0" or public_url in '
            "[arena], or give --url.",
            file=sys.stderr,
        )
