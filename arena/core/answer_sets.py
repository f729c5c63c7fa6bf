"""Every model's answers to every prompt, without anybody watching: asked together, kept as they come.

Each answer is a line of a journal beside the output as soon as it is there, so that a process that ends in
any way costs only what was being written; the next run goes on from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol, Self, TypeVar

import pyarrow as pa

from agon.arena.core.operation.operator_messages import tell
from agon.arena.core.roster import Contestant, Example, Roster, settings_digest
from agon.data.files.reader import read_rows
from agon.data.files.writer import write_table
from agon.ranking.errors import OptionError, SourceError
from agon.ranking.text import join_names
from agon.serving.generation import Generation, Limits, generate
from agon.serving.health import INTERVALS
from agon.serving.protocol import Message, Sampling, ServingError

if TYPE_CHECKING:
    from agon.ranking.progress import CountedWork
    from agon.serving.supervision import SupervisedServer

_AT_ONCE = 32  # answers of one server, unless it takes fewer
_PATIENCE = 120.0  # seconds for which a server may be out before the rest is left unasked
_RETRIES = 3  # of an answer whose server went out
_LOOK_SECONDS = 0.1
# One row of an answer set; docs/data.md says what each is.
ANSWER_SCHEMA = pa.schema(
    [
        ("prompt_id", pa.string()),
        ("prompt", pa.string()),
        ("category", pa.string()),
        ("language", pa.string()),
        ("model", pa.string()),
        ("sample", pa.int64()),
        ("answer", pa.string()),
        ("reasoning", pa.string()),
        ("failure", pa.string()),
        ("detail", pa.string()),
        ("finish_reason", pa.string()),
        ("tokens", pa.int64()),
        ("reasoning_tokens", pa.int64()),
        ("first_token", pa.float64()),
        ("seconds", pa.float64()),
        ("cost", pa.float64()),
        ("settings", pa.string()),
    ]
)
AnswerRow = dict[str, Any]


class WantedRow(Protocol):
    """One answer that is wanted, whatever becomes of it."""

    @property
    def contestant(self) -> Contestant:
        """Who is asked."""
        ...

    @property
    def key(self) -> Hashable:
        """What its row is kept under."""
        ...

    @property
    def settings(self) -> str:
        """A digest of how it is asked."""
        ...

    def messages(self) -> list[Message]:
        """The conversation that is sent."""
        ...

    def sampling(self) -> Sampling:
        """How tokens are drawn."""
        ...

    def again(self, made: Generation) -> bool:
        """Whether it is to be asked at once again, in another way, after this."""
        ...

    def row(self, made: Generation) -> AnswerRow:
        """What is kept of an answer or failure: `failure` (null where it is an answer), `settings`, `tokens`,
        `reasoning_tokens`, `cost`, and who answered."""
        ...


class AnswerKey(NamedTuple):
    """What an answer is the answer to."""

    prompt: str
    model: str
    sample: int


_AnyWanted = TypeVar("_AnyWanted", bound=WantedRow)


class WantedAnswer(NamedTuple):
    """One answer that is wanted."""

    example: Example
    contestant: Contestant
    sample: int

    @property
    def key(self) -> AnswerKey:
        """What its answer is kept under."""
        return AnswerKey(self.example.prompt, self.contestant.card.name, self.sample)

    @property
    def settings(self) -> str:
        """That of the model."""
        return settings_digest(self.contestant)

    def messages(self) -> list[Message]:
        """The conversation that is sent."""
        system = self.contestant.system_prompt
        return [*([Message("system", system)] if system else []), Message("user", self.example.prompt)]

    def sampling(self) -> Sampling:
        """That of the model; a seed is one more for each sample."""
        sampling = self.contestant.sampling
        return sampling if sampling.seed is None else replace(sampling, seed=sampling.seed + self.sample)

    def again(self, made: Generation) -> bool:  # noqa: ARG002 (what it is)
        """There is no other way."""
        return False

    def row(self, made: Generation) -> AnswerRow:
        """A row of the answer set."""
        return _row(self, made)


@dataclass
class Tally:
    """How far it is: answers that are there, that failed, and what they cost.

    Attributes:
        wanted: answers that were asked for in all.
        kept: of them those that were there before.
        answered: that came now.
        failed: that came now as failures, by model.
        unasked: model → how many were not asked, and why.
        tokens: of the answers that came now, reasoning included.
        cost: of those in dollars, as far as prices are known; None where none is.
        seconds: how long it took.
    """

    wanted: int
    kept: int
    answered: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    unasked: dict[str, tuple[int, str]] = field(default_factory=dict)
    tokens: int = 0
    cost: float | None = None
    seconds: float = 0.0

    @property
    def asked(self) -> int:
        """How many answers and failures came now."""
        return self.answered + sum(self.failed.values())

    @property
    def missing(self) -> int:
        """How many answers are not there."""
        return self.wanted - self.kept - self.answered

    def take(self, row: AnswerRow, name: str) -> None:
        """Count an answer or a failure of a model."""
        if row["failure"] is None:
            self.answered += 1
        else:
            self.failed[name] = self.failed.get(name, 0) + 1
        self.tokens += row["tokens"] + row["reasoning_tokens"]
        if row["cost"] is not None:
            self.cost = (self.cost or 0.0) + row["cost"]

    def leave(self, name: str, why: str) -> None:
        """Count an answer that was not asked for."""
        self.unasked[name] = self.unasked.get(name, (0, why))[0] + 1, why


@dataclass(frozen=True)
class RowKind:
    """What the rows of a file are: their columns, their key, who answers in which column, and whose they are
    in sentences."""

    schema: pa.Schema
    key: Callable[[AnswerRow], Hashable]
    who: str = "model"
    command: str = "agon generate"
    what: str = "answers"


class AnswerSet:
    """The answers in a file and in the journal beside it; one process at a time.

    As a context it is closed at the end, and where its file was not written by then, it says how to go on.

    Raises:
        OptionError: the file does not end in .parquet: a CSV keeps neither 007 nor a text that begins with =.
        SourceError: the file holds something else, cannot be written, or another process writes it.
    """

    def __init__(self, output: Path, kind: RowKind | None = None) -> None:
        self.kind = kind or ANSWER_ROWS
        if output.suffix != ".parquet":
            raise OptionError(f"{output} must end in .parquet, which keeps every text as it is.")
        self.output, self._finished = output, False
        self.journal = output.with_name(f"{output.name}.part.jsonl")
        self._file = self._open()  # before anything is read: another process may be about to end
        try:
            self.rows: dict[Hashable, AnswerRow] = {self.kind.key(row): row for row in self._of_before()}
        except SourceError:
            self.close()
            raise
        self.rows.update(self._of_journal())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if not self._finished and self.journal.exists():
            tell(f"{self.journal} keeps the {self.kind.what} so far; the same command goes on from there.")

    def _of_before(self) -> Iterator[AnswerRow]:
        if not self.output.exists():
            return
        rows = read_rows(self.output)
        schema = self.kind.schema
        if not set(schema.names) <= set(rows.columns):
            raise SourceError(
                f"{self.output} exists already and holds no {self.kind.what} of {self.kind.command}; choose "
                "another name."
            )
        yield from rows.table().select(schema.names).cast(schema).to_pylist()

    def _open(self) -> IO[str]:
        """Open the journal for this process alone."""
        while True:
            try:
                self.journal.parent.mkdir(parents=True, exist_ok=True)
                file = self.journal.open("a+", encoding="utf-8", newline="\n")
            except OSError as error:
                raise SourceError(f"{self.journal} cannot be written: {error.strerror}.") from None
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                raise SourceError(
                    f"Another {self.kind.command} writes {self.output}; wait for it, or choose another name."
                ) from None
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), self.journal.stat()):
                    return file
            file.close()  # it was removed by a process that ended meanwhile

    def _of_journal(self) -> Iterator[tuple[Hashable, AnswerRow]]:
        """What the journal keeps; a line that the end of a process cut is as if it were not there."""
        self._file.seek(0)
        text = self._file.read()
        lines = text.split("\n")
        if lines.pop():
            self._file.write("\n")
        for line in lines:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                row = json.loads(line)
                yield self.kind.key(row), {name: row[name] for name in self.kind.schema.names}

    def keep(self, row: AnswerRow) -> None:
        """Keep a row at once."""
        self.rows[self.kind.key(row)] = row
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()

    def finish(self, order: Mapping[Any, int]) -> None:
        """Write the file, rows that are in `order` first, and remove the journal; no rows are no file."""
        last = len(order)
        rows = sorted(self.rows.values(), key=lambda row: order.get(self.kind.key(row), last))
        if rows:
            write_table(pa.Table.from_pylist(rows, self.kind.schema), self.output, replace=True)
        self.journal.unlink()
        self._finished = True

    def close(self) -> None:
        """Let others write; an empty journal is removed."""
        if self.journal.exists() and self._file.seek(0, 2) == 0:
            self.journal.unlink()
        self._file.close()


def _key(row: AnswerRow) -> AnswerKey:
    return AnswerKey(row["prompt"], row["model"], int(row["sample"]))


ANSWER_ROWS = RowKind(ANSWER_SCHEMA, _key)


def wanted_answers(
    contestants: Sequence[Contestant], examples: Sequence[Example], samples: int
) -> list[WantedAnswer]:
    """Every answer that is wanted, model after model within a prompt."""
    return [
        WantedAnswer(example, contestant, sample)
        for example in examples
        for sample in range(samples)
        for contestant in contestants
    ]


def still_open(kept: AnswerSet, wanted: Sequence[_AnyWanted]) -> list[_AnyWanted]:
    """Those that have no answer yet; one that failed has none.

    Raises:
        SourceError: the file holds answers of a model that was asked in another way.
    """
    now = {one.contestant.card.name: one.settings for one in wanted}
    who, what = kept.kind.who, kept.kind.what
    other = {row[who] for row in kept.rows.values() if row["settings"] != now.get(row[who], row["settings"])}
    if other:
        raise SourceError(
            f"{kept.output} holds {what} of {join_names(sorted(other))} with other settings than the "
            f"configuration gives; choose another name for the {what} of now."
        )
    return [one for one in wanted if (row := kept.rows.get(one.key)) is None or row["failure"] is not None]


async def answer_all(
    kept: AnswerSet,
    wanted: Sequence[WantedRow],
    contestants: Sequence[Contestant],
    supervised: Sequence[SupervisedServer],
    home: Path,
    work: CountedWork,
    *,
    limits: Limits,
    at_once: int = _AT_ONCE,
    patience: float = _PATIENCE,
    allow: Callable[[WantedRow, Tally], str | None] = lambda *_: None,
) -> Tally:
    """Ask for every answer that is missing, so many at once of each server, and keep each as it comes.

    Args:
        kept: the answers that are there; each new one is kept in it.
        wanted: what is asked for in all.
        contestants: who is asked; their connections are given back.
        supervised: the servers that run meanwhile.
        home: the folder of what these say.
        work: is told how many were asked.
        limits: of one answer.
        at_once: answers of one server; a [[server]] that takes fewer is asked for fewer.
        patience: seconds for which a server may be out before the rest of its answers is left unasked.
        allow: says before each why it is not asked for any more, as where a budget ends; None where it is.

    Raises:
        SourceError: answers of before were made with other settings.
    """
    from agon.serving.supervision import running

    try:
        async with running(supervised, home / "servers", tell):
            return await _ask_all(kept, wanted, work, limits, at_once, patience, allow)
    finally:
        for one in contestants:
            await one.backend.close()


async def _ask_all(
    kept: AnswerSet,
    wanted: Sequence[WantedRow],
    work: CountedWork,
    limits: Limits,
    at_once: int,
    patience: float,
    allow: Callable[[WantedRow, Tally], str | None],
) -> Tally:
    todo = still_open(kept, wanted)
    tally = Tally(len(wanted), len(wanted) - len(todo))
    roster = Roster(tuple({one.contestant.card.name: one.contestant for one in todo}.values()))
    refused = {
        name: f"{error.kind}: {error.detail}"
        for name, error in (await roster.unavailable()).items()
        if error.kind not in INTERVALS  # a server that is out may come back
    }
    begun = time.monotonic()
    lines: dict[object, deque[WantedRow]] = {}
    for one in todo:
        if (why := refused.get(name := one.contestant.card.name)) is not None:
            tally.leave(name, why)
            continue
        lines.setdefault(one.contestant.backend.route().place, deque()).append(one)

    async def go_through(line: deque[WantedRow]) -> None:
        while line:
            one = line.popleft()
            name = one.contestant.card.name
            row = allow(one, tally) or await _answered(one, limits, patience)
            if isinstance(row, str):
                tally.leave(name, row)
                continue
            kept.keep(row)
            tally.take(row, name)
            work.reach(tally.asked)

    async with asyncio.TaskGroup() as workers:
        for line in lines.values():
            for _ in range(min(at_once, line[0].contestant.backend.route().at_once, len(line))):
                workers.create_task(go_through(line))
    tally.seconds = time.monotonic() - begun
    return tally


async def _answered(one: WantedRow, limits: Limits, patience: float) -> AnswerRow | str:
    """One answer or failure as a row; why it was not asked for, if its server is out for too long."""
    backend, messages = one.contestant.backend, one.messages()
    route = backend.route()
    until, tries = time.monotonic() + patience, 0
    while True:
        tries += 1
        while route.place is not backend and not backend.accepts(messages):  # its server is out
            if time.monotonic() > until:
                try:
                    await backend.check(messages, one.sampling())
                except ServingError as error:
                    return f"{error.kind}: {error.detail}"
                break
            await asyncio.sleep(_LOOK_SECONDS)
        made = await generate(
            backend, messages, one.sampling(), limits=limits, on_text=lambda _: None, stop=asyncio.Event()
        )
        if tries <= _RETRIES and one.again(made):
            continue
        if made.failure not in INTERVALS or tries > _RETRIES or time.monotonic() > until:
            return one.row(made)


def _utf8(text: str) -> str:
    """A text without halves of surrogate pairs, which no file can hold."""
    return text.encode("utf-8", "replace").decode()


def _row(one: WantedAnswer, made: Generation) -> AnswerRow:
    price = one.contestant.card.price
    tokens = made.tokens + made.reasoning_tokens
    return {
        "prompt_id": one.example.prompt_id,
        "prompt": one.example.prompt,
        "category": one.example.category,
        "language": one.example.language,
        "model": one.contestant.card.name,
        "sample": one.sample,
        "answer": _utf8(made.text) if made.failure is None else None,
        "reasoning": _utf8(made.reasoning) or None,
        "failure": made.failure,
        "detail": made.detail and _utf8(made.detail),
        "finish_reason": made.finish_reason,
        "tokens": made.tokens,
        "reasoning_tokens": made.reasoning_tokens,
        "first_token": made.time_to_first_token,
        "seconds": made.seconds,
        "cost": None if price is None else tokens * price / 1e6,
        "settings": settings_digest(one.contestant),
    }
