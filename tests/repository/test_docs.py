"""Documentation against code: what is there is written down, and what is written down runs."""

import ast
import importlib.metadata
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from agon.arena.cli.commands import app, main
from agon.arena.cli.files.export_votes import export_command
from agon.arena.cli.methods import methods_page
from agon.arena.setup.config import read_configuration
from agon.arena.setup.recorded import read_recorded_roster
from agon.data.exporters.exporting import EXPORTS
from agon.data.files.reader import DELIMITERS, DUCKDB, JSON, PARQUET
from agon.data.files.source import AS_TEXT
from agon.data.importers.formats import FORMATS
from agon.data.log.text_parts import LOG_TABLES
from agon.data.log.vote_log import VoteLog
from agon.data.validation import LABELS
from agon.ranking import METHODS
from agon.ranking.leaderboard.row import COLUMNS, Status
from agon.ranking.settings import Settings
from agon.ranking.version import VERSION
from tests.support.log_records import answer, put, voted
from tests.support.paths import REPOSITORY

FOLDERS = ("ranking", "data", "arena")


def page(name):
    return (REPOSITORY / name).read_text(encoding="utf-8")


def blocks(text, language):
    """The fenced blocks of a Markdown page in a language, or in none."""
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
    return [body for named, body in fences if named == language]


DATA, RUNNING, README = page("docs/data.md"), page("docs/running.md"), page("README.md")
COMMANDS = sorted(name for name in app if not name.startswith("-"))


def test_the_page_of_methods_is_what_the_command_prints(capsys):
    assert main(["methods", "--format", "markdown"]) == 0
    assert capsys.readouterr().out == page("docs/methods.md"), "run `make docs`"
    assert methods_page([METHODS[name] for name in sorted(METHODS)]) == page("docs/methods.md")


def sections():
    """{command: its section of docs/running.md}."""
    parts = re.split(r"^## agon ([\w-]+)", RUNNING, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_has_a_section_and_no_other_has():
    assert sorted(sections()) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_in_its_section_and_no_other_is(command):
    options = {
        name
        for argument in app[command].assemble_argument_collection()
        for name in argument.names
        if name.startswith("-")
    }
    written = set(re.findall(r"`(--?[a-z][a-z-]*)`", sections()[command]))
    assert {name for name in options if name.startswith("--")} <= written
    assert written <= options | {"-"}


def test_every_exit_status_is_written_down():
    rows = re.findall(r"^\| (\d+) \|", RUNNING, re.M)
    assert rows == ["0", "1", "2", "130", "143"]


def codes(path):
    """The codes of the diagnostics that a module makes; ending in * where the rest is put in later."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        for call in ast.walk(function):
            made = isinstance(call, ast.Call) and ast.unparse(call.func) in ("Diagnostic", "Diagnostic.of")
            if made and call.args:
                yield from values(call.args[0], function)


def values(node, function):
    """The texts that an expression in a function may stand for."""
    if isinstance(node, ast.Constant):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "*" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from values(node.body, function)
        yield from values(node.orelse, function)
    elif isinstance(node, ast.Name):
        found = list(bound(node.id, function))
        assert found, f"what {node.id} may be in {function.name} is not seen by this test"
        for value in found:
            yield from values(value, function)
    else:
        raise AssertionError(f"{ast.dump(node)} is not seen by this test")


def bound(name, function):
    """The expressions that a name is bound to, by assignment or by a loop over tuples."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == name for target in node.targets):
            yield node.value
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Tuple):
            places = [getattr(target, "id", "") for target in node.target.elts]
            if name in places:
                known = [node.iter] if not isinstance(node.iter, ast.Name) else bound(node.iter.id, function)
                for table in known:
                    yield from (row.elts[places.index(name)] for row in table.elts)


CODES = sorted(
    {code for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*.py") for code in codes(path)}
)


def test_the_codes_are_found():
    assert {"component", "undefeated", "winless", "unlinked", "few_votes", "left_out", "invalid"} <= set(
        CODES
    )


@pytest.mark.parametrize("code", CODES)
def test_every_diagnostic_is_written_down(code):
    pattern = re.escape(code).replace(r"\*", r"\w+")
    rows = [line.split("|")[1] for line in DATA.splitlines() if line.startswith("| `")]
    assert any(re.search(f"`{pattern}`", cell) for cell in rows)


@pytest.mark.parametrize("status", get_args(Status))
def test_every_status_is_written_down(status):
    assert re.search(rf"^\| `{status}` \|", DATA, re.M)


@pytest.mark.parametrize("column", [*AS_TEXT, "timestamp", "battle_id", "prompt_id"])
def test_every_column_of_a_vote_file_is_written_down(column):
    cells = [line.split("|")[1] for line in DATA.splitlines() if line.startswith("|")]
    assert any(f"`{column}`" in cell for cell in cells)


@pytest.mark.parametrize("frame", sorted(LOG_TABLES))
def test_every_column_of_a_log_frame_is_written_down(frame):
    (row,) = [line for line in DATA.splitlines() if line.startswith(f"| `{frame}` | `")]
    assert re.findall(r"`(\w+)`", row.split("|")[2]) == LOG_TABLES[frame].names


@pytest.mark.parametrize("form", sorted(EXPORTS))
def test_every_form_of_an_export_is_written_down(form):
    assert re.search(rf"^\| `{form}` \| [^|]+ \|", DATA, re.M)
    assert re.search(rf"\b{form}\b", export_command.__doc__)


@pytest.mark.parametrize("label", sorted(LABELS))
def test_every_winner_label_is_written_down(label):
    (row,) = [line for line in DATA.splitlines() if line.startswith("| `winner` |")]
    assert f"`{label}`" in row


@pytest.mark.parametrize("ending", [*DELIMITERS, *JSON, *PARQUET, *DUCKDB, ".gz", ".zst"])
def test_every_file_ending_is_written_down(ending):
    assert f"`{ending}`" in DATA.split("## Vote files")[1].split("\n\n")[1]


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_published_format_is_written_down(name):
    assert f"`{name}`" in DATA
    assert f"`{name}`" in sections()["import"]


@pytest.mark.parametrize(
    "field", ["method", "settings", "level", "rank_method", "by", "fingerprint", *COLUMNS]
)
def test_every_field_of_the_json_is_written_down(field):
    assert f"`{field}`" in DATA.split("## JSON of boards")[1].split("\n## ")[0]


def test_every_setting_is_an_option_of_the_command():
    words = {"anchor_score": "anchor"}
    for name in Settings.__dataclass_fields__:
        assert f"`--{words.get(name, name).replace('_', '-')}`" in sections()["rank"]


def test_the_readme_begins_with_two_commands_that_make_knows():
    lines = [line.split("#")[0].split() for line in blocks(README, "sh")[0].splitlines()]
    assert [words[0] for words in lines] == ["make", "make"]
    targets = re.findall(r"^([a-z]+):.*##", page("Makefile"), re.M)
    assert {words[1] for words in lines} <= set(targets)
    phony = re.search(r"^\.PHONY: (.*)$", page("Makefile"), re.M)[1].split()
    assert set(targets) <= set(phony)


def test_the_files_and_folders_of_the_readme_are_there():
    linked = re.findall(r"\]\(([^)#]+)", README)
    assert linked
    for target in [*linked, *re.findall(r"^\| `(\w+/)` \|", README, re.M)]:
        assert (REPOSITORY / target).exists(), target


SHELL = [
    line.split("  #")[0].strip()
    for block in blocks(README, "sh")
    for line in block.splitlines()
    if line.strip()
]
PARSED = ("agon serve",)  # runs until it is interrupted; .ci/run serves for real
# .ci/run makes; tests/arena/cli/test_route.py has a server of embeddings.
ELSEWHERE = ("make ", ". .venv/bin/activate", "agon embed ", "agon route ")


def test_the_readme_works_word_for_word_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    """Every line and block in its order, in one folder, each with what the lines above it left there."""
    monkeypatch.chdir(tmp_path)
    fences = re.findall(r"^```(sh|python|toml)\n(.*?)^```$", README, re.M | re.S)
    assert [language for language, _ in fences].count("python") == 1
    for language, body in fences:
        if language == "toml":
            Path("arena.toml").write_text(body)
            continue
        if language == "python":
            names = {}
            exec(compile(body, "README.md", "exec"), names)
            assert len(names["board"]) == 12
            assert names["english"].settings["cluster"] == "voter"
            continue
        for line in (line.split("  #")[0].strip() for line in body.splitlines()):
            if line.startswith(ELSEWHERE):
                continue
            if line.startswith(PARSED):
                command, _, _ = app.parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)
                assert command.__name__ == "serve_command"
                source = Path(line.split()[2])
                if source.suffix == ".csv":
                    assert read_recorded_roster(source).contestants
                else:
                    vote(source)
            elif line.startswith("agon doctor "):
                assert main(shlex.split(line)[1:]) == 1, "no servers of models are here"
                assert "MEND ours-v1 cannot answer" in capsys.readouterr().out
            elif line.startswith("agon "):
                assert main(shlex.split(line)[1:]) == 0, (line, capsys.readouterr().err)
            else:
                subprocess.run(["bash", "-c", line], check=True)


def vote(source):
    """What colleagues leave in the folder of an arena of these models: timed answers, and votes."""
    names = tuple(contestant.card.name for contestant in read_configuration(source).roster.contestants)
    with VoteLog("agon-log") as log:
        for number in range(60):
            battle = voted(log, names, (2, 1) if number % 3 else (1, 2))
            put(log, *(answer(battle, slot, name) for slot, name in enumerate(names)))


def test_the_commands_of_the_readme_are_known():
    assert {line.split()[1] for line in SHELL if line.startswith("agon ")} <= set(COMMANDS)


def test_the_readme_shows_what_its_commands_print(tmp_path, monkeypatch, capsys):
    """The board below the first two commands begins with the same sentence, models, ranks and scores."""
    monkeypatch.chdir(tmp_path)
    first = next(block for block in blocks(README, "sh") if block.startswith("agon simulate"))
    for line in first.splitlines():
        assert main(shlex.split(line)[1:]) == 0
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    shown = [line.split() for line in blocks(README, "")[0].splitlines()]
    assert len(shown) > 5
    assert shown == printed[: len(shown)]


def test_the_changelog_has_a_section_for_what_is_new():
    heads = re.findall(r"^## \[([^\]]+)\]", page("CHANGELOG.md"), re.M)
    assert heads
    assert heads[0] in ("Unreleased", VERSION)


def test_the_version_is_that_of_the_distribution():
    assert importlib.metadata.version("agon-arena") == VERSION


def test_links_between_the_pages_lead_somewhere():
    for name in ("README.md", "docs/data.md", "docs/methods.md", "docs/running.md"):
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page(name)):
            path = (REPOSITORY / name).parent / target if target else REPOSITORY / name
            assert path.exists(), (name, target)
            if anchor:
                heads = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M)
                known = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
                assert anchor in known, (name, target, anchor)


def test_this_python_is_one_that_the_project_declares():
    assert 'requires-python = ">=3.11"' in page("pyproject.toml")
    assert sys.version_info >= (3, 11)
