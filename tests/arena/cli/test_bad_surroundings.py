"""Every command where things are not as usual.

No locale, no home, a narrow terminal, a reader that leaves, files that hold nothing of use, an old Python.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agon.arena.cli.commands import COMMANDS, main
from agon.arena.cli.simulate import as_table
from agon.data.files.writer import write_table
from agon.ranking import bradley_terry_world
from tests.support.paths import REPOSITORY

AGON = [sys.executable, "-m", "agon"]
WORDS = {
    "rank": "rank votes.parquet",
    "check": "check votes.parquet",
    "plan": "plan votes.parquet",
    "diff": "diff board.json board.json",
    "methods": "methods",
    "completion": "completion bash",
    "simulate": "simulate --votes 50",
    "import": "import battles.json --into log",
    "doctor": "doctor --port 0",
}
WRITERS = (
    "rank",
    "completion",
    "simulate",
    "import",
    "doctor",
)  # each in a way of its own, the others as rank
SERVING = ("serve", "board")  # run until they are interrupted
LINES = [*WORDS.values(), *(f"{command} --help" for command in COMMANDS), "--help", "methods elo"]
READERS = [
    command
    for command in ("rank", "check", "plan", "import", "serve", "board", "diff")
    if command in COMMANDS
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Some votes, a board of them, and battles of a published format."""
    home = tmp_path_factory.mktemp("surroundings")
    write_table(as_table(bradley_terry_world(6, 400, seed=3)), home / "votes.parquet")
    (home / "battles.json").write_text(
        '[{"model_a": "ada", "model_b": "bob", "winner": "tie", "anony": true, "judge": "u", "turn": 1}]'
    )
    agon("rank votes.parquet -o board.json", home)
    return home


def agon(line, folder, **environment):
    """Run a line in a process of its own; None takes a variable away."""
    given = {name: value for name, value in {**os.environ, **environment}.items() if value is not None}
    return subprocess.run(
        [*AGON, *line.split()],
        cwd=folder,
        env=given,
        capture_output=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


# Each line in turn; one process for all of them, because its start takes longer than what it does.
IN_TURN = """
import sys
from agon.arena.cli.commands import main
for line in sys.argv[1:]:
    print("==", line, main(line.split()), file=sys.stderr, flush=True)
"""


def in_turn(lines, folder, **environment):
    """What lines write in a process of their own: standard output and error, and the status of each line."""
    given = {name: value for name, value in {**os.environ, **environment}.items() if value is not None}
    child = [sys.executable, "-c", IN_TURN, *lines]
    done = subprocess.run(
        child, cwd=folder, env=given, capture_output=True, check=True, timeout=300, stdin=subprocess.DEVNULL
    )
    found = re.findall(r"^== (.*) (\d+)$", done.stderr.decode(), re.MULTILINE)
    assert [line for line, _ in found] == list(lines)
    return done.stdout, done.stderr, {line: int(status) for line, status in found}


def test_without_a_locale_and_without_our_signs(folder):
    plain = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    out, err, statuses = in_turn(LINES, folder, LANG=None, **plain)
    assert {line for line, status in statuses.items() if status not in (0, 1)} == set()
    assert out.decode("ascii")
    assert b"Traceback" not in err


def test_with_a_home_that_is_not_there(folder):
    """Nothing of ours needs one; /proc lets nobody make a folder, root included."""
    nowhere = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), "/proc/nowhere")
    out, err, statuses = in_turn([*WORDS.values(), "--help"], folder, **nowhere)
    assert {line for line, status in statuses.items() if status not in (0, 1)} == set()
    assert b"Traceback" not in err
    assert b"/proc" not in out + err


@pytest.mark.parametrize("line", [*(WORDS[one] for one in WRITERS), "--help"])
def test_a_reader_that_leaves_at_once(line, folder):
    """`true` reads nothing; what is written then has nobody to go to."""
    text = f"{shlex.join([*AGON, *line.split()])} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", text], cwd=folder, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() in ("0", "1")
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.skipif(not shutil.which("script"), reason="gives the command a terminal")
def test_a_terminal_of_thirty_columns(folder):
    """What we print is broken at words; only the file names in our own sentences may be longer."""
    lines = [WORDS[one] for one in ("rank", "check", "diff", "methods")]
    lines += ["methods elo", "--help", "rank --help"]
    command = shlex.join([sys.executable, "-c", IN_TURN, *lines])
    text = f"stty cols 30; env -u COLUMNS {command} 2>said"
    done = subprocess.run(
        ["script", "-qec", text, "/dev/null"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (folder / "said").read_text().count("\n== ") >= len(lines) - 1
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", done.stdout).replace("\r", "").splitlines()
    assert len(shown) > 10 * len(lines)
    assert max(map(len, shown)) <= 30, max(shown, key=len)


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize(
    ("name", "content"),
    [("empty.csv", b""), ("program.parquet", b"\x7fELF\x02\x01")],
)
def test_a_file_that_holds_nothing_of_use(command, name, content, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content)
    status, said = main([command, name, name] if command == "diff" else [command, name]), capfd.readouterr()
    assert (status, said.out) == (2, "")
    assert said.err.startswith("agon: ")
    assert name in said.err
    assert said.err.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == [name], "nothing is written"


def test_every_command_is_looked_at():
    assert set(WORDS) | set(SERVING) <= set(COMMANDS)


def old_python():
    """A real Python 3.10, if there is one here."""
    found = [*sorted(Path.home().glob(".pyenv/versions/3.10.*/bin/python")), shutil.which("python3.10")]
    return next((str(path) for path in found if path), None)


@pytest.mark.skipif(old_python() is None, reason="no Python 3.10 is here")
def test_an_old_python_is_refused_in_one_sentence_by_make_by_pip_and_by_the_import(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    given = {"capture_output": True, "text": True, "env": environment, "cwd": REPOSITORY}
    made = subprocess.run(
        ["make", "demo", f"PYTHON={old_python()}", f"VENV={tmp_path}/venv"], check=False, **given
    )
    assert made.returncode == 2
    assert "Agon needs Python 3.11 or later, and " in made.stderr.splitlines()[0]
    assert not (tmp_path / "venv").exists()
    imported = subprocess.run([old_python(), "-c", "import agon"], check=False, **given)
    assert imported.stderr.splitlines()[-1].startswith(
        "ImportError: Agon needs Python 3.11 or later, and this is 3.10"
    )
    subprocess.run([old_python(), "-m", "venv", "--without-pip", tmp_path / "old"], check=True)
    pip = [sys.executable, "-m", "pip", "--python", tmp_path / "old" / "bin" / "python"]
    installed = subprocess.run([*pip, "install", "--no-deps", "--quiet", "."], check=False, **given)
    assert installed.returncode == 1
    assert "requires a different Python: 3.10" in installed.stderr
