"""What the folders may import, and what `import ranking` brings along (design.md, "The house")."""

import ast
import subprocess
import sys
import types

import pytest

import ranking
from tests.conftest import REPOSITORY

OURS = {"ranking", "serving", "data", "arena"}
MAY_IMPORT = {"ranking": set(), "serving": set(), "data": {"ranking"}, "arena": OURS}
FILES = [
    pytest.param(folder, path, id=str(path.relative_to(REPOSITORY)))
    for folder in sorted(OURS)
    for path in sorted((REPOSITORY / folder).rglob("*.py"))
]


def imported(path):
    """Top-level packages that a file imports anywhere, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports relatively"
            yield node.module.split(".")[0]


@pytest.mark.parametrize(("folder", "path"), FILES)
def test_imports_go_one_way(folder, path):
    assert set(imported(path)) & OURS <= MAY_IMPORT[folder] | {folder}


def test_the_folders_are_there():
    """Else the test above would check nothing."""
    found = [param.values[1] for param in FILES if param.values[0] == "ranking"]
    assert len(found) >= 15
    assert "numpy" in {name for path in found for name in imported(path)}


def test_all_is_what_is_exported():
    public = {
        name
        for name, value in vars(ranking).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public == set(ranking.__all__)
    assert len(ranking.__all__) == len(set(ranking.__all__))
    assert list(ranking.__all__) == sorted(ranking.__all__, key=lambda n: (not n.isupper(), n))


HEAVY = ("gradio", "fastapi", "torch", "openai", "vllm", "pandas", "pyarrow", "duckdb", "scipy", "plotly")


def test_import_ranking_is_light():
    """A fresh process: no web, no database, no frames; scipy too is imported where it is needed."""
    code = f"import sys, ranking; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_error_is_an_agon_error():
    errors = [
        value for value in vars(ranking).values() if isinstance(value, type) and issubclass(value, Exception)
    ]
    assert len(errors) == 7
    assert all(issubclass(error, ranking.AgonError) for error in errors)
    for error in (ranking.SourceError, ranking.VotesError, ranking.MethodError, ranking.OptionError):
        assert issubclass(error, ranking.InputError)
        assert issubclass(error, ValueError)
    assert not issubclass(ranking.ConvergenceError, ValueError)
