"""Steps of the cases: what is called, the files that several cases read, and what came of it."""

import contextlib
import io
import json
import resource
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import agon as ag
from agon import ranking
from agon.arena.cli.commands import main
from agon.arena.setup.config import read_configuration
from agon.arena.web.server import listen
from agon.data.log.records import VoteRecord
from agon.data.log.vote_log import VoteLog
from agon.ranking import PairCounts
from tests.repository import test_beginner_mistakes as beginners
from tests.support.log_records import answer, battle, put
from tests.support.log_records import vote as cast

# What is refused, its remedy, and, where that is counted, the votes in what the remedy gives.
Case = tuple[Callable[[], Any], Callable[[], Any]] | tuple[Callable[[], Any], Callable[[], Any], int]

VOTES, FRAME, TABLE, BOARD = beginners.VOTES, beginners.FRAME, beginners.TABLE, beginners.BOARD
RANKED = [{"models": ["ada", "bob", "cyn"], "places": [1, 2, 3], "acceptable": [True, True, False]}] * 40
BALLOTS = ag.comparisons(RANKED)
SCORES = ag.score_table(TABLE)
GROUPED = ag.score_table(TABLE, groups={"x": "one", "y": "two"})
PAIRS = VOTES.pairs
BRADLEY = {"approve": 2}
FACTS = {name: {"price": 1.0, "licence": "mit"} for name in ("ada", "bob", "cyn")}
STYLED = FRAME.assign(length_a=np.arange(100) % 7, length_b=np.arange(100) % 5)
TIMED = FRAME.assign(timestamp=pd.date_range("2026-01-01", periods=100))
SERVER = '[[server]]\nname = "s"\nbase_url = "http://127.0.0.1:1/v1"\n'


class Given:
    """The files that the cases of one run read, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        """Write them."""
        self.folder, self.number = folder, 0
        self.at, self.scores, self.facts = (folder / f"{name}.csv" for name in ("given", "scores", "facts"))
        self.texts, self.both_sides, self.kwise, self.log = (
            folder / name for name in ("with-texts.csv", "both-sides.csv", "kwise.json", "kept")
        )
        FRAME.to_csv(self.at, index=False)
        TABLE.to_csv(self.scores, index=False)
        pd.DataFrame({"model": ["ada", "bob", "cyn"], "price": [1, 2, 3]}).to_csv(self.facts, index=False)
        FRAME.assign(prompt="p", answer_a="a", answer_b="b").to_csv(self.texts, index=False)
        turned = FRAME.assign(model_a=FRAME["model_b"], model_b=FRAME["model_a"])
        pd.concat([FRAME, turned]).to_csv(self.both_sides, index=False)
        self.kwise.write_text(json.dumps(RANKED))
        agon("import", self.at, "--into", self.log)

    def arena_log(self, votes: int = 2, text: str = "") -> Path:
        """A log of an arena, in a folder of its own."""
        folder = self.new() / "log"
        with VoteLog(folder) as kept:
            for i in range(votes):
                drawn = battle(("ada", "bob"))
                given = [
                    answer(drawn.battle_id, slot, name, text=text) for slot, name in enumerate(drawn.models)
                ]
                put(kept, drawn, *given, cast(drawn.battle_id, (1 + i % 2, 2 - i % 2)))
        return folder

    def new(self) -> Path:
        """A folder that nothing else uses."""
        self.number += 1
        place = self.folder / str(self.number)
        place.mkdir()
        return place

    def file(self, text: str | bytes, name: str = "file.csv") -> Path:
        """A file with this text, in a folder of its own."""
        place = self.new() / name
        place.write_bytes(text.encode() if isinstance(text, str) else text)
        return place


class RefusedError(Exception):
    """A command ended with a status other than 0; the text is what it said."""


def agon(*arguments: object) -> str:
    """Run a command, and return what it prints."""
    told, err = io.BytesIO(), io.StringIO()
    out = io.TextIOWrapper(told, "utf-8")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([str(one) for one in arguments])
        except SystemExit as ended:
            status = ended.code
    out.flush()
    printed = told.getvalue().decode()
    if status:
        raise RefusedError(err.getvalue() or printed)
    return printed


def said(wrong: Callable[[], Any]) -> str | None:
    """The sentence that refuses; None where nothing does."""
    try:
        given = wrong()
    except (ag.AgonError, AttributeError, LookupError, ValueError, TypeError, RefusedError) as error:
        return str(error)
    return given.text if isinstance(given, Remarks) else None


def command(*arguments: object) -> Callable[[], str]:
    return lambda: agon(*arguments)


def piped(content: bytes, *arguments: object) -> Callable[[], str]:
    """A command whose standard input this is."""

    def run() -> str:
        before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(content))
        try:
            return agon(*arguments)
        finally:
            sys.stdin = before

    return run


class Remarks(NamedTuple):
    """What a board says of its votes."""

    text: str


def remarks(*given: Any, **options: Any) -> Any:
    return lambda: Remarks(" ".join(note.message for note in ag.rank(*given, **options).diagnostics))


def told(call: Callable[[], Any]) -> Callable[[], Remarks]:
    """What a call says without refusing: notes, or what a command prints; a line may be broken anywhere."""
    return lambda: Remarks(" ".join(str(call()).replace("│", " ").split()))


def checked(source: Any) -> Callable[[], Remarks]:
    return lambda: Remarks(" ".join(note.message for note in ag.check(source).findings))


@contextlib.contextmanager
def no_room(size: int = 0) -> Iterator[None]:
    """No file may become longer, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def full(call: Callable[[], Any], size: int = 0) -> Callable[[], Any]:
    """The call on a disk that is full."""

    def on_a_full_disk() -> Any:
        with no_room(size):
            return call()

    return on_a_full_disk


def vote(**other: Any) -> Any:
    kept = {
        "battle_id": "0" * 32,
        "created": datetime.now(UTC),
        "places": (1, 2),
        "voter": "v",
        "last_turn": 1,
    }
    return lambda: VoteRecord(**{**kept, **other})


def taken() -> None:
    """Another program listens where this one wants to."""
    with contextlib.closing(listen("127.0.0.1", 0)) as one:
        one.listen()
        listen("127.0.0.1", one.getsockname()[1])


def of(models: Any = ("a", "b"), shown: Any = ((0, 1),), places: Any = ((1, 2),), **more: Any) -> Any:
    return lambda: ag.Comparisons.of(models, shown, places, **more)


def table_of(
    models: Any = ("a", "b"), tasks: Any = ("x", "y"), scores: Any = ((1, 2), (3, 1)), **more: Any
) -> Any:
    return lambda: ag.ScoreTable.of(models, tasks, scores, **more)


def counts(wins: Any = ((0, 1), (2, 0)), models: Any = ("a", "b"), **more: Any) -> Any:
    return lambda: PairCounts.of(models, wins, **more)


def ranked(source: Any = VOTES, *given: Any, **options: Any) -> Any:
    return lambda: ag.rank(source, *given, **options)


def scored(**columns: Any) -> Any:
    options = columns.pop("options", {})
    return lambda: ag.score_table(pd.DataFrame(columns), **options)


URL = 'base_url = "http://127.0.0.1:1/v1"'


def arena(folder: Path, before: str = "", *, name: str = "one", more: str = "", at: str = URL) -> Any:
    """A configuration of two models that are served."""
    table = f'[[model]]\nname = "{{}}"\n{at}\n'

    def read() -> Any:
        path = folder / "served.toml"
        path.write_text(before + table.format(name) + more + "\n" + table.format("two"))
        return read_configuration(path, {"HOME": "x"})

    return read


def takes_two(pairs: PairCounts, other: int) -> Any:
    return beginners.gives_scores(pairs)


def counted(result: Any) -> int:
    """Votes that a result counts."""
    if isinstance(result, ag.Leaderboard):
        return sum(row.votes for row in result) // 2
    return int(result.count.sum()) if isinstance(result, ranking.Ballots) else len(result)
