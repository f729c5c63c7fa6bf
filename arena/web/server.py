"""The server of `agon serve`: puts an arena together from what it was given, and keeps it open until it is
interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import fields, replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.config import LOGGING_CONFIG

from agon.arena.core.arena import Arena
from agon.arena.core.operation.operator_messages import LogFormat, note, tell, tell_as
from agon.arena.core.roster import settings_digest
from agon.arena.core.sessions import Keys
from agon.arena.core.studies.study import Study
from agon.arena.setup.config import Configuration, read_configuration
from agon.arena.setup.demo import demo_roster
from agon.arena.setup.local_models import LOCAL_MODELS, local_roster
from agon.arena.setup.recorded import read_recorded_roster
from agon.arena.web.clients.connections import bounded_protocol, connection_places
from agon.arena.web.leaderboard.vote_choice import votes_beside, votes_of_file
from agon.data.log.shared_store.opening import open_store
from agon.data.log.study_journal import StudyJournal
from agon.data.store_address import StoreAddress
from agon.ranking.errors import AgonError, OptionError
from agon.ranking.leaderboard.row import plain
from agon.ranking.text import join_names
from agon.ranking.version import VERSION
from agon.serving.generation import Limits
from agon.serving.protocol import ServingError

if TYPE_CHECKING:
    from agon.arena.web.clients.networks import Networks
    from agon.arena.web.leaderboard.sources import BoardSource, VoteFile
    from agon.arena.web.metrics import ArenaMetrics
    from agon.serving.health import Health
    from agon.serving.openai_protocol.model_server import Server
    from agon.serving.supervision import SupervisedServer

FOLLOW_SECONDS = 1.0  # between two looks at the configuration
ENDPOINTS_AFTER = 20.0  # seconds after the start: what opens and closes at once never pays for Gradio
# Of a configuration: what is for the next start.
LATER = (
    "log",
    "host",
    "port",
    "public_url",
    "root_path",
    "embed",
    "open_data",
    "metrics",
    "proxies",
    "admin",
    "access",
    "work",
    "log_format",
)
_NAMED = 12  # models that the greeting names
HOST, PORT, LOG = "127.0.0.1", 7860, Path("agon-log")


class ServeError(AgonError):
    """The arena cannot be opened at this address, or with these models."""


def configured(
    source: Path | None,
    seed: int | None,
    answers: int | None = None,
    before: Configuration | None = None,
    same_model: float | None = None,
) -> Configuration:
    """What to compare and where: a configuration, recorded answers, a local model, or the demonstration.

    Raises AgonError with one sentence about what is wrong in the file, or with what was asked for.
    """
    if answers is not None and not 2 <= answers <= 6:
        raise OptionError(f"A battle has 2 to 6 answers, not {answers}; choose with --answers.")
    if source is not None and source.suffix.lower() == ".toml":
        given = read_configuration(source, before=before)
        given = given if answers is None else replace(given, answers=answers)
    else:
        if source is None:
            roster = demo_roster(seed or 0)
        elif str(source) in LOCAL_MODELS and not source.exists():
            roster = local_roster(str(source))
        else:
            roster = read_recorded_roster(source, answers or 2)
        given = Configuration(roster, Limits(), LOG, HOST, None, answers or 2)
    if given.study is not None and answers is not None and answers != given.study.size:
        raise OptionError(
            f"The study compares {given.study.size} answers; set answers in [battle], not --answers."
        )
    if same_model is not None:
        if not 0 <= same_model < 1:
            raise OptionError(
                f"--same-model is a share of the battles, from 0 to below 1 such as 0.02, not {same_model}."
            )
        given = replace(given, same_model=same_model)
    if given.same_model and not any(one.again for one in given.roster.contestants):
        raise ServeError(
            "An A/A battle needs two answers of one model to a prompt, and these models have one each; "
            "record more with agon generate --samples 2, or leave same_model out."
        )
    models = len([one for one in given.roster.listed if one.card.name not in given.paused])
    if given.answers > models:
        raise ServeError(
            f"A battle of {given.answers} answers needs as many models, and {models} can be drawn; ask for "
            f"fewer answers, such as --answers {models}, or add models."
        )
    return given


def listen(host: str, port: int) -> socket.socket:
    """Take the address before anything slow is done.

    Raises ServeError if it is taken, not ours to take, or no address of this machine.
    """
    if not 0 <= port <= 65535:
        raise ServeError(f"Port {port} does not exist; choose one from 1024 to 65535 with --port.")
    taken = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        taken = socket.socket(family, kind, protocol)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
    except OSError as error:
        if taken is not None:
            taken.close()
        reasons = {
            errno.EADDRINUSE: f"port {port} is taken by another program; choose another with --port",
            errno.EACCES: f"port {port} may not be used by this user; choose one above 1023 with --port",
            errno.EADDRNOTAVAIL: f"{host} is no address of this machine; --host 127.0.0.1 always is",
        }
        why = reasons.get(error.errno or 0, f"{error.strerror or error}; check --host and --port")
        raise ServeError(f"Cannot listen at {host}: {why}.") from None
    taken.listen(512)
    return taken


def server_config(
    arena: Arena,
    study: Study | None = None,
    sources: Mapping[str, BoardSource] | None = None,
    metrics: ArenaMetrics | None = None,
) -> uvicorn.Config:
    """How the arena is served, or a study in it.

    Args:
        arena: what is served.
        study: in it, if there is one.
        sources: what boards are of, as for `web_app`.
        metrics: that count the requests.
    """
    proxies = arena.settings.proxies
    if study is not None:
        from agon.arena.web.study_pages import study_app

        return uvicorn_config(study_app(study), proxies, metrics)
    from agon.arena.web.app import web_app

    return uvicorn_config(web_app(arena, sources), proxies, metrics)


class _Lines(logging.Handler):
    """What libraries say, as lines of JSON: without their words, which may be of anybody."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        where, trace = None, None if error is None else error.__traceback__
        while trace is not None:
            where, trace = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}", trace.tb_next
        kind = None if error is None else type(error).__name__
        note("library", name=record.name, level=record.levelname.lower(), error=kind, where=where)


def _told_as_json() -> bool:
    return any(isinstance(one, _Lines) for one in logging.root.handlers)


def uvicorn_config(app: Any, proxies: Networks = (), metrics: ArenaMetrics | None = None) -> uvicorn.Config:
    """Without a log of addresses; forwarded headers are read from proxies that are named."""
    trusted = [str(one) for one in proxies]
    return uvicorn.Config(
        app if metrics is None else metrics.around(app),
        http=bounded_protocol(connection_places(), proxies),
        log_level="warning",
        log_config=None if _told_as_json() else LOGGING_CONFIG,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted),
        forwarded_allow_ips=trusted,
        timeout_graceful_shutdown=3,
        lifespan="on",
    )


class GreetingServer(uvicorn.Server):
    """Says where the pages are once they can be opened; INT and TERM end it in good order."""

    def __init__(self, config: uvicorn.Config, greeting: str) -> None:
        super().__init__(config)
        self._greeting = greeting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as usual, then greet."""
        await super().startup(sockets)
        print(self._greeting, flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let INT and TERM end the server; unlike uvicorn's own, do not raise them again."""
        before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one in before:  # the last snapshot is written, whoever is impatient
                signal.signal(one, signal.SIG_IGN)


class _ArenaServer(GreetingServer):
    """Starts the servers that are ours to start, asks the models which of them cannot answer, and follows its
    configuration when that is changed."""

    def __init__(
        self,
        arena: Arena,
        greeting: str,
        given: Configuration,
        again: Callable[[Configuration], Configuration],
        source: Path | None,
        seed: int | None,
        study: Study | None = None,
        sources: Mapping[str, BoardSource] | None = None,
        metrics: ArenaMetrics | None = None,
    ) -> None:
        super().__init__(server_config(arena, study, sources, metrics), greeting)
        self._arena, self._given, self._again, self._seed = arena, given, again, seed
        follows = source is not None and source.suffix.lower() == ".toml" and study is None
        self._source = source if follows else None  # a study compares what it began with
        self._running = list(given.supervised)
        self._tasks: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as usual, and ask the models while people come in already."""
        await super().startup(sockets)
        for one in self._running:
            one.start(self._arena.log.folder / "servers", tell)
        self._do(self._ask())
        self._do(_load_endpoints())
        if self._source is not None:
            self._do(self._follow(self._source))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, source: Path) -> None:
        """Read the file again when it was written and has rested for a moment."""
        read = seen = _written(source)
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            before, seen = seen, _written(source)
            if seen != read and seen == before:
                read, given = seen, None
                try:
                    given = self._again(self._given)
                    self._change(given)
                except AgonError as error:
                    tell(f"{error} All goes on as it was.")
                    for contestant in given.roster.contestants if given else ():
                        await contestant.backend.close()

    def _change(self, given: Configuration) -> None:
        """Go on with another configuration.

        Raises:
            AgonError: the arena cannot; nothing is changed.
        """
        old = self._given
        self._arena.reconfigure(given.roster, replace(self._arena.settings, **_may_change(given, self._seed)))
        self._given = given
        told_by_themselves = {one.server for one in given.supervised}
        for asked in given.servers:
            if asked not in told_by_themselves:
                asked.health.on_change = partial(_tell_health, asked)
        for one in given.supervised:
            if one not in self._running:
                self._running.append(one)
                one.start(self._arena.log.folder / "servers", tell)
        for one in old.supervised:
            if one not in given.supervised:
                self._do(self._retire(one))
        before, now = (
            {one.card.name: settings_digest(one) for one in c.roster.contestants} for c in (old, given)
        )
        news = [
            f"{what} {join_names([plain(name) for name in names], _NAMED)}"
            for what, names in (
                ("new", [name for name in now if name not in before]),
                ("changed", [name for name in now if before.get(name, now[name]) != now[name]]),
                ("retired", [name for name in before if name not in now]),
                ("not drawn", list(given.paused)),
            )
            if names
        ]
        said = "; ".join(news) or "the same models"
        tell(f"the configuration was read again: {said}.", "configuration_read", news=said)
        if any(getattr(old, name) != getattr(given, name) for name in LATER):
            tell("what it says of the store and the addresses is for the next start.")
        self._do(self._ask())

    async def _retire(self, one: SupervisedServer) -> None:
        """End a server that no model is behind any more, when its last answer has ended."""
        while self._arena.answers_from(one.server):
            await asyncio.sleep(FOLLOW_SECONDS)
        self._running.remove(one)
        await one.close()
        one.server.health.hold_out(ServingError("unreachable", "it was taken out of the configuration"))

    async def _ask(self) -> None:
        """Ask the models once all servers that start here were tried."""
        await asyncio.gather(*(one.tried() for one in self._running))
        await self._arena.contestants.ask_models()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ask and follow no longer, then end as usual."""
        for task in self._tasks:
            task.cancel()
        await super().shutdown(sockets)
        await asyncio.gather(*(one.close() for one in self._running))


async def _load_endpoints() -> None:
    """Import Gradio before the first program asks, whose patience is 5 seconds; no page needs it."""
    await asyncio.sleep(ENDPOINTS_AFTER)
    await asyncio.to_thread(import_module, "agon.arena.web.gradio_components")


def _written(file: Path) -> tuple[int, int] | None:
    """What changes when a file is written; None while it is not there."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _may_change(given: Configuration, seed: int | None) -> dict[str, Any]:
    """What of the settings is not for the next start alone."""
    now = given.settings(seed)
    return {one.name: getattr(now, one.name) for one in fields(now) if one.name not in LATER}


def _tell_health(server: Server, health: Health) -> None:
    """Say that a server is out, and why, or that it is back."""
    why = health.failure
    state = "is back" if why is None else f"is out until it is well again ({why.kind}): {why.detail}"
    event = "server_back" if why is None else "server_out"
    tell(f"{server.base_url} {state}", event, server=server.base_url, why=why and why.kind)


def open_arena(
    source: Path | None,
    *,
    host: str | None = None,
    port: int | None = None,
    log: Path | StoreAddress | None = None,
    seed: int | None = None,
    answers: int | None = None,
    same_model: float | None = None,
    beside: Path | None = None,
    log_format: LogFormat | None = None,
) -> None:
    """Open the arena and keep it open until it is interrupted; what is given goes before the configuration.

    `beside` is a file of votes that the reading pages show beside its own.

    Raises AgonError for everything that a person can mend: the source, the address, the log folder.
    """
    if find_spec("gradio") is None:  # it is imported once people read, which would be late to miss it
        raise ModuleNotFoundError("No module named 'gradio'", name="gradio")
    given = configured(source, seed, answers, same_model=same_model)
    host, store = host or given.host, log or given.log
    port = given.port or PORT if port is None else port
    if given.study is not None and isinstance(store, StoreAddress):
        raise OptionError(
            f"A study keeps its journal in a folder, and the store is {store.shown}; name a folder: --store."
        )
    file = None if beside is None else _beside(beside, given)
    if (log_format or given.log_format) == "json":
        tell_as("json")
        logging.basicConfig(handlers=[_Lines()], level=logging.WARNING, force=True)
    kept: int | None = None
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # while it opens, like INT
    try:
        with contextlib.closing(listen(host, port)) as taken, open_store(store) as votes:
            folder = votes.folder
            for mended in votes.repairs:
                tell(mended)
            votes.check_models(contestant.card.name for contestant in given.roster.contestants)
            told_by_themselves = {one.server for one in given.supervised}
            for asked in given.servers:
                if asked not in told_by_themselves:
                    asked.health.on_change = partial(_tell_health, asked)
            arena = Arena(given.roster, votes, Keys.of_folder(folder), given.settings(seed))
            greeting, study = _greeting(arena, host, taken.getsockname()[1]), None
            if given.study is not None:
                study = Study(given.study, arena, StudyJournal(folder, given.study.name))
                greeting = _study_greeting(study, address_of(host, taken.getsockname()[1]), source, folder)
            again = partial(configured, source, seed, answers, same_model=same_model)
            sources = votes_beside(arena, beside, file) if beside and file else None
            with _watched(arena, given.metrics) as metrics:
                server = _ArenaServer(arena, greeting, given, again, source, seed, study, sources, metrics)
                note("started", version=VERSION, models=len(given.roster.contestants), votes=votes.count())
                server.run(sockets=[taken])
            kept = votes.acknowledged()
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        if kept is not None:
            note("closed", votes=kept)
            where = store.shown if isinstance(store, StoreAddress) else f"{store}/"
            told = f" Rank them with: agon rank {where.rstrip('/')}" if kept else ""
            print(f"Closed. {_plural(kept)} in {where}.{told}", flush=True)


@contextlib.contextmanager
def _watched(arena: Arena, address: tuple[str, int] | None) -> Iterator[ArenaMetrics | None]:
    """The metrics of an arena, answered at an address while it is open; None without one.

    Raises ServeError if the address is taken, not ours to take, or no address of this machine.
    """
    if address is None:
        yield None
        return
    from agon.arena.web.metrics import ArenaMetrics

    try:
        listen(*address).close()
    except ServeError as error:
        raise ServeError(f"[metrics]: {str(error).replace('--', '')}") from None
    metrics = ArenaMetrics(arena)
    server = metrics.listen_at(*address)
    tell(f"metrics for Prometheus are at {address_of(*address)}metrics")
    try:
        yield metrics
    finally:
        server.shutdown()
        server.server_close()


def _beside(file: Path, given: Configuration) -> VoteFile:
    """The votes of a file that are shown beside those of an arena.

    Raises:
        AgonError: they cannot be read, or a study would show them.
    """
    if given.study is not None:
        raise OptionError("A study shows no board before its end; leave --votes out, or use agon board.")
    try:
        return votes_of_file(file)
    except AgonError as error:
        raise type(error)(f"--votes takes what agon rank reads without options: {error}") from None


def serve_votes(votes: BoardSource, name: str, host: str, port: int) -> None:
    """Open the reading pages over votes, and keep them open until they are interrupted.

    Raises ServeError where nothing can listen there.
    """
    from agon.arena.web.reading import reading_app

    with contextlib.closing(listen(host, port)) as taken:
        address = address_of(host, taken.getsockname()[1])
        greeting = f"The board of {name} is open at {address}\nCtrl+C closes it."
        GreetingServer(uvicorn_config(reading_app(votes)), greeting).run(sockets=[taken])
    print("Closed.", flush=True)


def address_of(host: str, port: int) -> str:
    """Where a browser finds what listens there."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def _greeting(arena: Arena, host: str, port: int) -> str:
    so_far = arena.log.count()
    kept = f"{_plural(so_far)} so far" if so_far else "no votes yet"
    names = [plain(contestant.card.name) for contestant in arena.roster.listed]
    tested = [plain(one.card.name) for one in arena.roster.contestants if one.status == "testing"]
    policy, paused = arena.settings.policy.name, [plain(name) for name in arena.settings.paused]
    drawn = "" if policy == "uniform" else f"Models are drawn by the policy {policy}.\n"
    drawn += f"Not drawn: {join_names(paused, _NAMED)}.\n" if paused else ""
    if tested:
        share = arena.settings.testing_share
        drawn += (
            f"In testing: {join_names(tested, _NAMED)}; drawn for {share:.1%} of the battles, which count "
        )
        drawn += "on no board.\n"
    share = arena.settings.same_model
    drawn += f"{share:.1%} of the battles show one model twice, and count on no board.\n" if share else ""
    return (
        f"Agon is open at {address_of(host, port)} with {len(names)} models: "
        f"{join_names(names, _NAMED)}.\n{drawn}"
        f"Votes are kept in {arena.log.name}{'' if arena.log.shared else '/'} ({kept}). Ctrl+C closes it."
    )


def _study_greeting(study: Study, address: str, source: Path | None, folder: Path) -> str:
    plan, voters = study.plan, study.journal.history().voters
    invited = f"{_plural(voters, 'voter')} {'is' if voters == 1 else 'are'} invited"
    if voters < plan.overlap:
        invited = f"nobody is invited yet: agon study invite {source} --voters {max(5, plan.overlap)}"
    return (
        f"The study {plan.name} is open at {address} with {len(plan.models)} models and "
        f"{_plural(len(plan.prompts), 'prompt')}; {invited}.\n"
        f"Votes are kept in {folder}/ ({_plural(study.votes)} so far). Ctrl+C closes it."
    )


def _plural(number: int, word: str = "vote") -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
