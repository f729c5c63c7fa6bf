"""Completion in real shells, by the script alone: no `agon` is on the path while a word is completed."""

import contextlib
import os
import re
import select
import shutil
import subprocess
import time

import pytest

from agon.arena.cli.commands import COMMANDS, app, completion_script
from agon.ranking import METHODS

SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
LOADED = {
    "bash": "source SCRIPTS/agon.bash",
    "zsh": "fpath=(SCRIPTS $fpath); autoload -Uz compinit; compinit -u -D",
}
TYPED = [
    ("agon comple", "completion"),
    ("agon rank --comp", "--compare-rules"),
    ("agon rank --form", "--format"),
    ("agon rank --format ma", "markdown"),
    ("agon rank -m brad", "bradley_terry"),
    ("agon rank -m elo -m davidson_", "davidson_luce"),
    ("agon methods keme", "kemeny"),
    ("agon rank one.parquet tw", "two.csv"),
    ("agon import two", "two.csv"),
    ("agon serve are", "arena.toml"),
    ("agon check my", r"my\ votes.csv"),
    ("agon rank -o ou", "out.md"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with some files, and another with the scripts."""
    home = tmp_path_factory.mktemp("completion")
    for name in ("one.parquet", "two.csv", "arena.toml", "my votes.csv", "out.md"):
        (home / name).write_text("")
    scripts = home / ".scripts"
    scripts.mkdir()
    for shell, name in (("bash", "agon.bash"), ("zsh", "_agon"), ("fish", "agon.fish")):
        (scripts / name).write_text(completion_script(shell))
    return home


@contextlib.contextmanager
def terminal(shell, folder):
    """A shell at a terminal with the completion loaded; gives what types a line and reads until a text."""
    ours, theirs = os.openpty()
    environment = {
        "HOME": str(folder),
        "PATH": "/usr/bin:/bin",
        "TERM": "vt100",
        "PS1": "$ ",
        "LC_ALL": "C.UTF-8",
    }
    process = subprocess.Popen(
        ["setsid", "--ctty", *SHELLS[shell]],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        cwd=folder,
    )
    os.close(theirs)

    def read(text, seconds=40):
        seen, end = "", time.monotonic() + seconds
        while text not in seen and time.monotonic() < end:
            if select.select([ours], [], [], 0.2)[0]:
                seen += re.sub(
                    r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|[\x00\x07\x08]",
                    "",
                    os.read(ours, 65536).decode(errors="replace"),
                )
        return seen

    def complete(line, expected):
        os.write(ours, f"\x15{line}\t".encode())
        seen = read(expected)
        os.write(ours, b"\x15")
        return seen

    os.write(ours, f"{LOADED[shell].replace('SCRIPTS', str(folder / '.scripts'))}; echo re''ady\n".encode())
    assert "ready" in read("ready")
    try:
        yield complete
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.mark.parametrize("shell", sorted(SHELLS))
def test_a_shell_completes_what_we_type(shell, folder):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed here")
    with terminal(shell, folder) as complete:
        for line, expected in TYPED:
            seen = complete(line, expected)
            assert expected in seen or expected.replace("\\ ", " ") in seen, (line, seen)


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed here")
def test_fish_completes_what_we_type(folder):
    for line, expected in TYPED:
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"source {folder}/.scripts/agon.fish; complete -C '{line}'"],
            capture_output=True,
            text=True,
            cwd=folder,
            check=True,
            env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        )
        assert expected.replace("\\ ", " ") in done.stdout, line


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_the_script_has_every_command_option_and_method(shell):
    script = completion_script(shell)
    assert all(re.search(rf"\b{name}\b", script) for name in [*COMMANDS, *METHODS])
    for command in COMMANDS:
        for argument in app[command].assemble_argument_collection():
            for name in argument.names:
                if name.startswith("--"):
                    assert re.search(rf"\b{name[2:]}\b", script), (command, name)
