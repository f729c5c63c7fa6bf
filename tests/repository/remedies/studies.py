"""Studies: what is refused of their configuration, their invitations and their log, and the remedy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import agon as ag
from agon.arena.core.arena import Arena
from agon.arena.core.sessions import Keys
from agon.arena.core.studies.study import Study
from agon.arena.setup.config import Configuration, read_configuration
from agon.arena.setup.invitations import study_keys
from agon.arena.web.server import _study_greeting, configured
from agon.data.log.study_journal import StudyJournal, read_study
from agon.data.log.vote_log import VoteLog
from tests.repository.remedies.steps import Case, Given, agon, command, told
from tests.support.log_records import battle, put
from tests.support.log_records import vote as cast

ROWS = "prompt,model,answer\nWhy?,ada,x\nWhy?,bob,y\nHow?,ada,x\nHow?,bob,y\n"


def cases(given: Given) -> list[Case]:
    """Its cases."""
    answers = given.file(ROWS)
    alone = given.file(ROWS + "Who?,ada,z\n")
    three = given.file(ROWS + "Why?,cyn,x\nHow?,cyn,y\n")

    def study(text: str, before: str = "", file: Path = answers) -> Path:
        """A configuration with a store of its own; what stands in [study] names its answers."""
        place = given.new()
        head = f'[arena]\nstore = "{place / "log"}"\n{before}[study]\n'
        return _text(place / "study.toml", head + text.replace("ANSWERS", f'answers = "{file}"') + "\n")

    def read(*args: Any, **more: Any) -> Callable[[], Any]:
        return lambda: read_configuration(study(*args, **more))

    def invite(config: Path, *words: str) -> Callable[[], Any]:
        return command("study", "invite", config, *words)

    asks, plain, begun = study("ANSWERS\noverlap = 2"), study("ANSWERS"), study("ANSWERS")
    agon("study", "invite", plain, "--voters", "2")
    agon("study", "invite", begun, "--voters", "2")
    StudyJournal(begun.parent / "log", "study").open({"voters": 2})
    none = _text(
        given.new() / "none.toml",
        "".join(f'[[model]]\nname = "{n}"\nbackend = "demo"\nmanner = "terse"\n' for n in "ab"),
    )
    taken, several, broken, folder = (given.new() for _ in range(4))
    for name in ("one", "two"):
        StudyJournal(several, name).invite(1)
    StudyJournal(broken, "one").invite(1)
    line = StudyJournal(broken, "one").path
    copy = line.read_bytes()
    line.write_text('{"event": "closed"}\n')
    unchained = given.new()
    (unchained / "studies").mkdir()
    old = unchained / "studies" / "one.jsonl"
    old.write_text('{"event": "closed"}\n')
    (folder / "studies" / "one.jsonl").mkdir(parents=True)
    file = given.file("")

    def put_back() -> Any:
        line.write_bytes(copy)
        return read_study(broken)

    def removed(what: Path, then: Callable[[], Any]) -> Callable[[], Any]:
        def mended() -> Any:
            what.rmdir()
            return then()

        return mended

    def unreadable() -> Any:
        return StudyJournal(folder, "one").history()

    def criteria(*names: str) -> Path:
        """A log of a study with a vote by these criteria."""
        log = given.new() / "log"
        with VoteLog(log) as kept:
            drawn = battle(("ada", "bob"))
            put(kept, drawn, cast(drawn.battle_id, criteria=dict.fromkeys(names, ((2, 1), None))))
        return log

    helped, free = criteria("helpfulness"), given.arena_log()

    def by(log: Path, criterion: str | None) -> Callable[[], Any]:
        return lambda: ag.comparisons(log, criterion=criterion)

    def ballot(*places: int) -> Callable[[], Any]:
        return lambda: cast("0" * 32, (1, 2), criteria={"tone": (places, None)})

    def other(text: str) -> Callable[[], Any]:
        """The study of before under another plan, opened as agon serve opens it."""
        return lambda: _opened(read_configuration(study(text)), asks_once)

    tested = (
        "".join(
            f'[[model]]\nname = "{n}"\nbackend = "recorded"\nanswers = "{answers}"\n' for n in ("ada", "bob")
        )
        + 'status = "testing"\n'
    )
    asks_once = given.new() / "log"
    _opened(read_configuration(study('ANSWERS\nname = "one"')), asks_once, begin=True)
    return [
        (read("ANSWERS\nreveal = true", file=three), read("ANSWERS\nreveal = true\ngroups = 1", file=three)),
        (read("", before=""), read("ANSWERS")),
        (read("ANSWERS", before="[battle]\nsame_model = 0.1\n"), read("ANSWERS")),
        (read("ANSWERS", before='[battle]\nmodes = ["blind", "named"]\n'), read("ANSWERS")),
        (read("ANSWERS", before=tested), read("ANSWERS", before=tested.replace("testing", "listed"))),
        (read("ANSWERS", file=alone), read('ANSWERS\nincomplete = "drop"', file=alone)),
        (read('ANSWERS\nmodels = ["ada", "bop"]'), read('ANSWERS\nmodels = ["ada", "bob"]')),
        (invite(asks, "--voters", "1"), invite(asks, "--voters", "2")),
        (invite(begun, "--voters", "3"), invite(begun, "--replace", "2", "--voters", "Dora")),
        (invite(plain, "--replace", "9"), invite(plain, "--replace", "2")),
        (invite(asks, "--store", given.new(), "--replace", "9"), invite(plain, "--replace", "2")),
        (invite(plain, "--voters", "Ada,Ada"), invite(study("ANSWERS"), "--voters", "Ada,Ben,Cleo")),
        (invite(plain, "--voters", "0"), invite(plain, "--voters", "1")),
        (invite(plain, "--url", "a.example"), invite(plain, "--url", "https://arena.example")),
        (invite(plain, "--qr", str(file / "x")), invite(plain, "--qr", str(taken / "codes"))),
        (invite(none), invite(plain)),
        (command("study", "status", none), command("study", "status", plain.parent / "log")),
        (lambda: study_keys(file / "x"), lambda: study_keys(given.new() / "x")),
        (lambda: read_study(several), lambda: read_study(several, "one")),
        (lambda: read_study(several, "on"), lambda: read_study(several, "one")),
        (lambda: read_study(broken), put_back),
        (lambda: read_study(unchained), lambda: (old.write_text(""), read_study(unchained))),
        (unreadable, removed(folder / "studies" / "one.jsonl", unreadable)),
        (lambda: StudyJournal(file, "x").invite(1), lambda: StudyJournal(given.new(), "x").invite(1)),
        (
            lambda: StudyJournal(given.new(), "x").close("quotas", "."),
            lambda: StudyJournal(given.new(), "x").close("quota", "."),
        ),
        (by(helped, "helpfulnes"), by(helped, "helpfulness")),
        (by(free, "tone"), by(free, None)),
        (by(given.at, "tone"), lambda: ag.comparisons(given.at, where="winner = 'model_a'")),
        (ballot(1, 2, 3), ballot(1, 2)),
        (lambda: configured(plain, 0, 3), lambda: configured(plain, 0, 2)),
        (other('ANSWERS\nname = "one"\nrating = true'), other('ANSWERS\nname = "two"\nrating = true')),
        (
            told(lambda: _opened(read_configuration(asks), given.new() / "log")),
            invite(study("ANSWERS\noverlap = 2"), "--voters", "5"),
        ),
    ]


def _opened(config: Configuration, folder: Path, *, begin: bool = False) -> str:
    """Open a study as agon serve does, and return what it greets with."""
    assert config.study is not None
    with VoteLog(folder) as kept:
        arena = Arena(config.roster, kept, Keys.of_folder(folder), config.settings(0))
        journal = StudyJournal(folder, config.study.name)
        study = Study(config.study, arena, journal)
        if begin:
            journal.open(config.study.design(1))
        return _study_greeting(study, "http://here/", Path("study.toml"), folder)


def _text(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
