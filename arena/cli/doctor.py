"""`agon doctor`: whether a machine, an installation and the arena of a configuration are well.

Also which part of Agon a package belongs to that is not installed. Loads nothing heavy before it is needed.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import ipaddress
import json
import shutil
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from cyclopts import Parameter

from agon.data.store_address import StoreAddress, store_of

if TYPE_CHECKING:
    from agon.arena.setup.config import Configuration

PARTS = {
    "plots": ("plotly", "kaleido"),
    "arena": (
        "babel",
        "fastapi",
        "gradio",
        "jinja2",
        "latex2mathml",
        "markdown_it",
        "markupsafe",
        "nh3",
        "httpx",
        "PIL",
        "prometheus_client",
        "py3langid",
        "pydantic",
        "pygments",
        "segno",
        "starlette",
        "uvicorn",
        "h11",
    ),
    "local": ("xllamacpp",),
    "postgres": ("psycopg", "sqlglot"),
    "login": ("authlib", "httpx2", "joserfc"),
    "spark": ("pyspark", "sqlglot"),
    "torch": ("torch",),
}
BASE = ("numpy", "scipy", "pandas", "pyarrow", "duckdb")
ROOM = 1_000_000_000  # bytes below which a disk is soon full
SKEW = 60  # seconds by which two clocks may differ
ASK_SECONDS = 10  # for a page of an arena
_STATES = {"ok": "ok   ", "note": "note ", "mend": "MEND "}


class Examined(NamedTuple):
    """One line: "ok", "note" (worth knowing) or "mend", and the sentence with the remedy."""

    state: str
    sentence: str


def doctor_command(
    source: Annotated[
        Path | None, Parameter(help="The arena's .toml configuration, or its file of recorded answers.")
    ] = None,
    /,
    *,
    host: Annotated[str | None, Parameter(help="Address, as for agon serve.")] = None,
    port: Annotated[int | None, Parameter(help="Port, as for agon serve.")] = None,
    store: Annotated[str | None, Parameter(help="Folder or address, as for agon serve.")] = None,
) -> int:
    """Say whether everything an arena needs is well, one line each; exit status 1 if one is to be mended.

    Looks at Python, the parts installed, the models (each is asked for the beginning of an answer), proxies,
    the public address, the port, the store, the disk and the clock. Nothing is written.

    For example:

    agon doctor

    agon doctor arena.toml --store store
    """
    to_mend = 0
    for state, sentence in examine(source, host, port, store):
        to_mend += state == "mend"
        print(_STATES[state] + sentence, flush=True)
    print("Nothing to mend." if not to_mend else f"{to_mend} to mend.")
    return int(to_mend > 0)


def examine(
    source: Path | None, host: str | None = None, port: int | None = None, store: str | None = None
) -> Iterator[Examined]:
    """Look at everything, what costs nothing first."""
    yield Examined("ok", f"Python {sys.version.split()[0]} at {sys.executable}")
    yield from _installed(needed=source is not None)
    given = None
    if _missing("arena"):
        where = store_of(store or "agon-log")
    else:
        from agon.arena.web.server import configured
        from agon.ranking.errors import AgonError

        try:
            given = configured(source, None)
        except AgonError as error:
            yield Examined("mend", str(error))
        where = store_of(store) if store else given.log if given else Path("agon-log")
        if given is not None and source is not None:
            yield from _models(given)
        if given is not None:
            yield from _address(given, host, port)
    if isinstance(where, StoreAddress):
        yield from _database(where)
        from agon.data.log.shared_store.opening import copies_folder

        where = copies_folder()
    yield from _store(where)


# --- what is installed -----------------------------------------------------------------------------------


def _installed(*, needed: bool) -> Iterator[Examined]:
    """The versions, and the parts that are missing; of an arena to be served its part is needed."""
    import agon

    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in BASE)
    yield Examined("ok", f"agon {agon.__version__} with {versions}")
    for part in PARTS:
        if not (gone := _missing(part)):
            yield Examined("ok", f"the part {part} is installed")
            continue
        state = "mend" if needed and part == "arena" else "note"
        yield Examined(state, f"the part {part} lacks {', '.join(gone)}: {install_line(part)}")


def _missing(part: str) -> list[str]:
    return [package for package in PARTS[part] if importlib.util.find_spec(package) is None]


def missing_part(error: ImportError) -> str | None:
    """One sentence with the line that installs what is missing, or None if it is no part of ours."""
    found = error.__cause__ if isinstance(error.__cause__, ImportError) else error
    package = (found.name or "").partition(".")[0]
    for part, packages in PARTS.items():
        if package in packages:
            return f"this needs the part {part!r}, which is not installed: {install_line(part)}"
    return None


def install_line(part: str) -> str:
    """The line that installs a part into this Python, from where Agon itself was installed."""
    known = importlib.metadata.distributions(
        name="agon-arena"
    )  # a checkout's own egg-info is one that says nothing
    text = next(filter(None, (one.read_text("direct_url.json") for one in known)), "{}")
    origin = json.loads(text)
    url = urllib.parse.urlsplit(origin.get("url", ""))
    what = urllib.request.url2pathname(url.path) if url.scheme == "file" else "agon-arena"
    editable = "-e " if origin.get("dir_info", {}).get("editable") else ""
    return f"{sys.executable} -m pip install {editable}'{what}[{part}]'"


# --- the models ------------------------------------------------------------------------------------------


def _models(given: Configuration) -> Iterator[Examined]:
    """The proxy on the way to each server, its clock, and whether each model answers."""
    for server in given.servers:
        yield from _proxy(server.base_url)
    import asyncio

    from agon.serving.protocol import ServingError
    from agon.serving.supervision import running

    async def ask() -> dict[str, ServingError]:
        try:
            with tempfile.TemporaryDirectory() as logs:
                async with running(given.supervised, Path(logs), lambda _: None):
                    return await given.roster.unavailable()
        finally:
            for contestant in given.roster.contestants:
                await contestant.backend.close()

    names = [contestant.card.name for contestant in given.roster.contestants]
    failed = asyncio.run(ask())
    for name in names:
        if (failure := failed.get(name)) is None:
            yield Examined("ok", f"{name} answers")
        else:
            yield Examined("mend", f"{name} cannot answer ({failure.kind}): {failure.detail}")
    if len(names) - len(failed) < 2:
        yield Examined("mend", "every battle is void until two models can answer")
    for server in given.servers:
        yield from _clock(server.base_url)


def _proxy(url: str) -> Iterator[Examined]:
    """Whether requests to an address take a detour, which addresses near by must not."""
    site = urllib.parse.urlsplit(url)
    host = site.hostname or ""
    proxy = urllib.request.getproxies().get(site.scheme)
    if not proxy or urllib.request.proxy_bypass(host):
        return
    shown = urllib.parse.urlsplit(proxy).hostname or "a proxy"
    try:
        near = host == "localhost" or ipaddress.ip_address(host).is_private
    except ValueError:
        near = False
    if near:
        yield Examined(
            "mend", f"{url} is near, and is asked through the proxy {shown}: export NO_PROXY={host}"
        )
    else:
        yield Examined("note", f"{url} is asked through the proxy {shown}")


def _clock(url: str) -> Iterator[Examined]:
    """Compare the clock with that of a server, if it says the time."""
    try:
        with urllib.request.urlopen(url, timeout=ASK_SECONDS) as answer:  # noqa: S310  # http or https
            said = answer.headers.get("date")
    except urllib.error.HTTPError as error:
        said = error.headers.get("date")
    except OSError:
        return
    if not said:
        return
    try:
        apart = time.time() - parsedate_to_datetime(said).timestamp()
    except ValueError:
        return
    if abs(apart) > SKEW:
        how = "ahead of" if apart > 0 else "behind"
        remedy = "set it, by timedatectl set-ntp true, say"
        yield Examined("mend", f"this clock is {abs(apart):,.0f} s {how} that of {url}: {remedy}")
    else:
        yield Examined("ok", f"this clock agrees with that of {url}")


# --- the address -----------------------------------------------------------------------------------------


def _address(given: Configuration, host: str | None, port: int | None) -> Iterator[Examined]:
    """Whether the port is free or the arena's own, and whether its public address leads to it."""
    from agon.arena.web.server import PORT, ServeError, listen

    at, number = host or given.host, (given.port or PORT) if port is None else port
    near = f"http://{'127.0.0.1' if at in ('0.0.0.0', '::') else at}:{number}"  # noqa: S104  # is compared
    try:
        listen(at, number).close()
        yield Examined("ok", f"port {number} at {at} is free")
        is_open = False
    except ServeError as error:
        is_open = _asked(f"{near}/healthz")[0] in (200, 503)
        yield Examined("ok", f"an arena is open at {near}/") if is_open else Examined("mend", str(error))
    if at != "127.0.0.1" and given.public_url is None:
        yield Examined("note", f"{at} lets other machines in without TLS: a proxy in front (docs/running.md)")
    if given.public_url is not None:
        yield _public(given.public_url, is_open=is_open)


def _public(url: str, *, is_open: bool) -> Examined:
    """Whether the public address leads to an arena that takes it for its own."""
    status, body = _asked(f"{url}/healthz")
    if not is_open:
        return Examined("note", f"{url} can be tried once the arena is open; run this again then")
    if "answering" not in body:
        why = "nobody answers" if status is None else f"status {status}, and no arena"
        return Examined(
            "mend", f"{url} does not lead here ({why}): let the proxy pass it on (docs/running.md)"
        )
    if _asked(f"{url}/api/battles", url)[0] == 403:
        return Examined("mend", f"{url} is taken for a foreign site: let the proxy pass the Host header on")
    return Examined("ok", f"{url} leads to the arena")


def _asked(url: str, origin: str | None = None) -> tuple[int | None, str]:
    """Status and text of a page; with an origin, of an empty request from there, which is no JSON."""
    request = urllib.request.Request(url)  # noqa: S310  # http or https
    if origin is not None:
        request.data, request.method = b"", "POST"
        request.add_header("Origin", origin)
        request.add_header("Content-Type", "text/plain")
    try:
        with urllib.request.urlopen(request, timeout=ASK_SECONDS) as answer:  # noqa: S310
            return answer.status, answer.read(10_000).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read(10_000).decode("utf-8", "replace")
    except (OSError, ValueError):
        return None, ""


# --- the store -------------------------------------------------------------------------------------------


def _database(address: StoreAddress) -> Iterator[Examined]:
    """Whether the shared store is reached, is ours or empty, and keeps what it acknowledges."""
    if gone := _missing("postgres"):
        yield Examined("mend", f"{address.shown} needs {', '.join(gone)}: {install_line('postgres')}")
        return
    from agon.data.log.shared_store.postgres import PostgresRecord
    from agon.ranking.errors import AgonError

    try:
        record = PostgresRecord(address, make=False)
    except AgonError as error:
        state = "note" if str(error).startswith(f"{address.shown} holds no log") else "mend"
        yield Examined(state, "it holds no log yet: agon serve begins one" if state == "note" else str(error))
        return
    try:
        yield Examined("ok", f"{record.name} holds {record.head().events:,} events")
        if record.is_durable():
            yield Examined("ok", f"{record.name} keeps on its disk what it acknowledges")
        else:
            yield Examined("mend", f"{record.name} loses votes with the power: set fsync = on there")
    finally:
        record.close()


def _store(folder: Path) -> Iterator[Examined]:
    """Whether the folder can be written, has room, and holds nothing from the future."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        yield Examined("mend", f"{there} is a file, and a store is a folder: --store names another")
        return
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
        yield Examined("ok", f"{folder} can be written" if there == folder else f"{folder} can be made")
    except OSError as error:
        yield Examined("mend", f"{there} cannot be written ({error.strerror}): chown it, or --store another")
    free = shutil.disk_usage(there).free
    room = f"{free / 1e9:,.1f} GB are free for {folder}"
    yield Examined("ok", room) if free >= ROOM else Examined("mend", f"only {room}: make room")
    latest = max((file.stat().st_mtime for file in folder.rglob("*") if file.is_file()), default=0.0)
    if latest > time.time() + SKEW:
        yield Examined(
            "mend", f"{folder} was written in the future: set the clock, or say when it was set back"
        )
