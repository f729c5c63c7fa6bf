"""`agon invite`: links that let people into an arena, each of them once, and taking them back."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from agon.arena.cli.arguments import FindingsFormat
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
        str | None,
        Parameter(help="Folder, or postgresql://…, that keeps the votes [default: of the .toml]."),
    ] = None,
    list_all: Annotated[
        bool, Parameter(name="--list", help="List those there are; make none.", negative=())
    ] = False,
    revoke: Annotated[
        list[str] | None,
        Parameter(
            help="Take back an invitation, by its id of --list or its link; may be repeated.", negative=()
        ),
    ] = None,
    format: FindingsFormat = "table",
) -> None:
    """Print links that let people into an arena: each lets one browser in, once.

    A link is printed here and stands nowhere else: the store keeps a digest of it. The arena may be open.

    A link that is revoked opens nothing any more, and a browser that came in by it is signed out within a
    second or two, in every process of the arena. Votes that were cast by it stay counted.

    For example:

    agon invite arena.toml --count 20

    agon invite arena.toml --list

    agon invite arena.toml --revoke 5f0c1d9e22ab7c31
    """
    from agon.arena.setup.config import read_configuration
    from agon.arena.setup.invitations import address_for_others
    from agon.data.log.shared_store.opening import invitations_at
    from agon.data.store_address import store_of

    given = read_configuration(config)
    if given.access is None or not given.access.invitations:
        raise OptionError(f"{config} lets nobody in by invitation; write invitations = true into [access].")
    if not 1 <= count <= MOST_INVITATIONS:
        raise OptionError(f"--count must be 1 to {MOST_INVITATIONS:,}, not {count:,}.")
    if count != 1 and (list_all or revoke):
        raise OptionError("--count makes invitations, --list and --revoke make none; leave one of them out.")
    if url is not None and not url.startswith(("http://", "https://")):
        raise OptionError(f"--url {url} is no address; write it as --url https://arena.example.")
    address = f"{url.rstrip('/')}/" if url is not None else address_for_others(given, 7860)
    with invitations_at(store_of(store) if store else given.log) as journal:
        taken = journal.revoke(revoke) if revoke else []
        secrets = [] if list_all or revoke else journal.invite(count)
        known = journal.all()
    links = [f"{address}sign-in?invite={one}" for one in secrets]
    listed = known if list_all else taken
    numbers = {state: sum(one.state == state for one in known) for state in ("open", "accepted", "revoked")}
    if format == "json":
        rows = [
            {
                "id": one.id,
                "state": one.state,
                "made": _moment(one.made),
                "accepted": _moment(one.accepted),
                "revoked": _moment(one.revoked),
            }
            for one in listed
        ]
        found = {"schema": 1, "links": links, "made": len(known), **numbers, "invitations": rows}
        print(json.dumps(found, indent=2))
        return
    for one in links:
        print(one)
    for each in listed:
        since = each.revoked or each.accepted or each.made
        print(f"{each.id}  {each.state:8}  {since:%Y-%m-%d %H:%M} UTC")
    counts = ", ".join(f"{number:,} {state}" for state, number in numbers.items())
    print(f"agon: {len(known):,} invitation{'' if len(known) == 1 else 's'}: {counts}.", file=sys.stderr)
    if links and url is None and given.public_url is None and given.host in ("127.0.0.1", "localhost"):
        print(
            'agon: these links open on this machine alone; for others set host = "0.0.0.0" or public_url in '
            "[arena], or give --url.",
            file=sys.stderr,
        )


def _moment(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()
