"""The house: which folder may import which, what an import loads, how long a file is, what is installed."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "ranking": set(),
    "serving": set(),
    "data": {"ranking"},
    "arena": {"ranking", "serving", "data"},
}
MODULES = sorted(path for folder in MAY_IMPORT for path in (ROOT / folder).rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# What exists for a heavy package may import it at once: nothing else imports these modules when it is loaded.
HOMES = {
    "arena/page.py": {"gradio"},
    "arena/serve.py": {"uvicorn"},
    "arena/web.py": {"fastapi"},
    "serving/openai_compatible.py": {"openai"},
    "data/log.py": {"duckdb"},
    "data/log_file.py": {"duckdb"},
    "data/log_writer.py": {"duckdb"},
}
# Data and what the pages load; no modules.
FOLDERS_WITHIN = {"__pycache__", "demo", "fonts", "static", "templates"}
CALLED = {"markdown_it": "markdown-it-py"}  # packages whose distribution has another name
HEAVY = ("gradio", "fastapi", "uvicorn", "torch", "openai", "vllm", "transformers", "plotly", "matplotlib")


def name(path):
    return str(path.relative_to(ROOT))


def imports(tree):
    """The top-level packages a module imports anywhere, and those it imports when it is loaded."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node, node.module.split(".")[0]


def guarded(tree):
    """The nodes that do not run at import: inside functions and under `if TYPE_CHECKING`."""
    for node in ast.walk(tree):
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if later or (isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"):
            yield from ast.walk(node)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_go_one_way(path):
    folder = path.relative_to(ROOT).parts[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    used = {package for _, package in imports(tree)} & MAY_IMPORT.keys()
    assert used <= MAY_IMPORT[folder] | {folder}
    assert not any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree)), "no dots"


def test_a_wrong_direction_would_be_seen():
    tree = ast.parse("def f():\n    import data.votes\n    from arena import cli")
    assert {package for _, package in imports(tree)} == {"data", "arena"}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_heavy_packages_are_imported_when_they_are_needed(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    later = set(guarded(tree))
    now = {package for node, package in imports(tree) if node not in later}
    assert not now & {"pandas", "duckdb", "polars", *HEAVY} - HOMES.get(name(path), set())


@pytest.mark.parametrize("package", ["ranking", "data", "arena", "serving"])
def test_an_import_loads_nothing_heavy(package):
    code = f"import {package}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(done.stdout.split())
    assert package in loaded
    assert not loaded & set(HEAVY)
    if package == "ranking":
        assert not loaded & {"pandas", "duckdb", "pyarrow", "rich", "cyclopts", "data", "serving", "arena"}


def public(path):
    """The public functions, classes and methods that a module defines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield path.stem, tree
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
            for inner in node.body if isinstance(node, ast.ClassDef) else []:
                if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"):
                    yield f"{node.name}.{inner.name}", inner


@pytest.mark.parametrize("path", [p for p in MODULES if name(p).startswith(("ranking", "data"))], ids=name)
def test_everything_public_says_what_it_is(path):
    silent = [title for title, node in public(path) if not (ast.get_docstring(node) or "").strip()]
    assert silent == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_says_what_lives_there(path):
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert text
    assert text.split("\n\n")[0].rstrip().endswith((".", ":")) or "\n" in text


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_file_is_longer_than_a_person_reads(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_function_is_longer_than_a_screen(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
        last = node.body[0].end_lineno if ast.get_docstring(node) else node.body[0].lineno - 1
        assert node.end_lineno - last <= 60, node.name


def test_the_packages_are_the_four_folders():
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(MAY_IMPORT)
    assert PROJECT["tool"]["setuptools"]["package-dir"] == {"": "."}
    assert PROJECT["project"]["scripts"] == {"agon": "arena.cli:main"}
    for folder in MAY_IMPORT:
        assert not [
            path for path in (ROOT / folder).rglob("*") if path.is_dir() and path.name not in FOLDERS_WITHIN
        ]
        assert (ROOT / folder / "__init__.py").exists()
        assert (ROOT / folder / "py.typed").exists()


def distribution(requirement):
    return re.split(r"[<>=!~\[; ]", requirement)[0].lower().replace("_", "-")


BASE = {distribution(requirement) for requirement in PROJECT["project"]["dependencies"]}
EXTRAS = PROJECT["project"]["optional-dependencies"]


def test_optional_weight_is_optional():
    assert {"vllm", "torch", "notebooks", "dev"} <= EXTRAS.keys()
    assert not BASE & {"vllm", "torch", "jupyterlab", "notebook", "matplotlib", "pytest", "polars"}
    assert distribution(EXTRAS["vllm"][0]) == "vllm"
    assert distribution(EXTRAS["torch"][0]) == "torch"


@pytest.mark.parametrize(
    "requirement", [*PROJECT["project"]["dependencies"], *(r for e in EXTRAS.values() for r in e)]
)
def test_every_dependency_has_a_lower_bound_and_no_other(requirement):
    assert re.fullmatch(r"[a-z0-9-]+>=[0-9.]+", requirement)


def locked():
    """{distribution: (version, number of hashes)} of requirements.lock."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z])", text.strip())
    found = {}
    for entry in entries:
        pin = re.match(r"([a-z0-9-]+)==([0-9][^ ;\\]*)", entry)
        assert pin, entry.splitlines()[0]
        found.setdefault(pin[1], []).append((pin[2], len(re.findall(r"--hash=sha256:[0-9a-f]{64}", entry))))
    return found


def test_the_lock_pins_every_dependency_with_hashes():
    pinned = locked()
    assert pinned.keys() >= BASE
    assert all(hashes > 0 for versions in pinned.values() for _, hashes in versions)


@pytest.mark.parametrize("requirement", PROJECT["project"]["dependencies"])
def test_the_lock_meets_the_lower_bounds(requirement):
    package, bound = requirement.split(">=")

    def parts(version):
        return tuple(int(part) for part in re.findall(r"\d+", version))

    for version, _ in locked()[package]:
        assert parts(version) >= parts(bound)


def test_every_package_that_is_imported_is_a_dependency():
    """Nothing works only because another package happens to bring it along."""
    known = BASE | {distribution(r) for extra in EXTRAS.values() for r in extra} | set(MAY_IMPORT)
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used = {package for _, package in imports(tree)} - set(sys.stdlib_module_names)
        assert {CALLED.get(package, package.replace("_", "-")) for package in used} <= known, name(path)


def test_the_licence_is_apache():
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
