"""The house: which room may import which, what an import loads, which names are taken, what is installed."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from functools import cache

import pytest

from tests.support.paths import REPOSITORY

# Rooms from the ground up. A room is a folder of modules, or a single module beside such folders. Each line
# may import the lines above it within its own folder, and of other folders only what LOWER names.
FLOORS = {
    "ranking": (
        "text",
        "errors version numerics progress",
        "votes",
        "results",
        "registry settings simulate",
        "attacks",
        "estimation",
        "methods/likelihood methods/online methods/aggregation methods/social_choice",
        "methods",
        "inference",
        "leaderboard",
        "figures prediction",
        "annotators analysis matchmaking judges routed",
        "tastes",
        "",  # the folder's own __init__
    ),
    "serving": (
        "places",
        "protocol",
        "reasoning self_identification",
        "gguf health",
        "generation openai_protocol recorded process_reaper",
        "supervision llama_cpp embeddings",
        "demo",
        "",
    ),
    "data": (
        "validation read_errors sql store_address",
        "frames",
        "files",
        "engines",
        "importers log",
        "model_facts prompt_vectors use_log",
        "reading",
        "checks exporters judged_votes",
        "judge_audits",
        "study_evidence",
        "",
    ),
    "arena": (
        "core",
        "setup",
        "web/languages web/markdown web/clients",
        "web/api",
        "web",
        "web/battle web/leaderboard",
        "web/tastes",
        "web/models web/you web/about web/admin web/entrance",
        "web/report_page web/lens",
        "web/study web/refusals",
        "web/gradio_components",
        "web/app web/study_pages web/reading",
        "web/publishing",
        "web/server",
        "routed web/hosted",
        "cli",
        "",
    ),
}
LOWER = {"ranking": (), "serving": (), "data": ("ranking",), "arena": ("ranking", "serving", "data")}
# What exists for a heavy package may import it at once: nothing else imports these modules when it is loaded.
HOMES = {
    "arena/web/gradio_components.py": {"gradio", "httpx", "fastapi"},
    "arena/web/server.py": {"uvicorn"},
    "arena/web/clients/connections.py": {"uvicorn"},
    "arena/web/entrance/openid.py": {"httpx2", "authlib", "joserfc"},
    "serving/openai_protocol/chat_stream.py": {"httpx"},
    "serving/openai_protocol/model_server.py": {"httpx"},
    "data/log/vote_log.py": {"duckdb"},
    "data/log/database.py": {"duckdb"},
    "data/log/recovery/opening.py": {"duckdb"},
    "data/log/recovery/verifying.py": {"duckdb"},
    "data/log/writer.py": {"duckdb"},
    "data/log/shared_store/postgres.py": {"psycopg"},
    "data/engines/dialects.py": {"sqlglot"},
    "data/engines/postgres.py": {"psycopg"},
}
HEAVY = (
    "gradio",
    "fastapi",
    "uvicorn",
    "torch",
    "httpx",
    "vllm",
    "transformers",
    "plotly",
    "matplotlib",
    "psycopg",
    "pyspark",
    "sqlglot",
    "authlib",
    "httpx2",
    "joserfc",
)
CALLED = {"markdown_it": "markdown-it-py", "PIL": "pillow"}  # packages whose distribution has another name
MOST_IN_A_ROOM = 15
MODULES = sorted(path for folder in FLOORS for path in (REPOSITORY / folder).rglob("*.py"))
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def name(path):
    return str(path.relative_to(REPOSITORY))


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def dotted(path):
    return ".".join(("agon", *path.relative_to(REPOSITORY).with_suffix("").parts)).removesuffix(".__init__")


NAMES = {dotted(path): path for path in MODULES}


@cache
def targets(tree):
    """(node, dotted module) of every import, inside functions too."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "no dots"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.append((node, inner if inner in NAMES else node.module))
    return found


def wrong_files(faults, paths=MODULES):
    """{file: what `faults` finds wrong with it}, without those that are right."""
    return {name(path): found for path in paths if (found := sorted(faults(path)))}


def later(tree):
    """The nodes that do not run at import: inside functions and under `if TYPE_CHECKING`."""
    for node in ast.walk(tree):
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if function or (isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"):
            yield from ast.walk(node)


@cache
def only_typed(tree):
    """The nodes under `if TYPE_CHECKING`."""
    asked = [node for node in ast.walk(tree) if isinstance(node, ast.If)]
    typed = [node for node in asked if getattr(node.test, "id", "") == "TYPE_CHECKING"]
    return {inner for node in typed for inner in ast.walk(node)}


@cache
def floor(module):
    """(folder, floor) of a dotted module: the longest room it lies in."""
    folder, *rest = module.split(".")[1:]
    inside = "/".join(rest)
    best, height = "", len(FLOORS[folder]) - 1
    for i, rooms in enumerate(FLOORS[folder]):
        for room in rooms.split():
            if (inside == room or inside.startswith(f"{room}/")) and len(room) > len(best):
                best, height = room, i
    assert best or not rest, f"{module} lies in no room of the table in {__file__}"
    return folder, height, best


def wrong(module, tree):
    """The imports of a module that go up or sideways."""
    folder, height, room = floor(module)
    typed = only_typed(tree)
    for node, target in targets(tree):
        if node in typed or not target.startswith("agon."):
            continue
        other, theirs, place = floor(target)
        inside = other == folder and (place == room or theirs < height)
        if not inside and other not in LOWER[folder]:
            yield target


def test_imports_go_down():
    assert wrong_files(lambda path: wrong(dotted(path), tree_of(path))) == {}


def test_a_wrong_direction_would_be_seen():
    tree = ast.parse(
        "def f():\n    from agon.arena.core import arena\n    from agon.ranking.leaderboard import ranking"
    )
    assert list(wrong("agon.data.files.schema", tree)) == ["agon.arena.core.arena"]
    assert list(wrong("agon.ranking.votes.ballots", tree)) == [
        "agon.arena.core.arena",
        "agon.ranking.leaderboard.ranking",
    ]


def test_no_circles():
    edges = {}
    for module, path in NAMES.items():
        tree = tree_of(path)
        typed = only_typed(tree)
        edges[module] = {
            target
            for node, target in targets(tree)
            if node not in typed and target in NAMES and target != module
        }
    done = set()
    while ready := {module for module, wants in edges.items() if module not in done and wants <= done}:
        done |= ready
    assert sorted(edges.keys() - done) == []


def test_nothing_imports_the_folders_by_their_bare_names():
    def bare(path):
        return {target.split(".")[0] for _, target in targets(tree_of(path))} & FLOORS.keys()

    assert wrong_files(bare) == {}


def test_no_room_is_crowded():
    held = defaultdict(list)
    for path in MODULES:
        if path.name != "__init__.py":
            held[path.parent].append(path.name)
    assert {name(room): len(files) for room, files in held.items() if len(files) > MOST_IN_A_ROOM} == {}


def test_heavy_packages_are_imported_when_they_are_needed():
    def heavy(path):
        tree = tree_of(path)
        skip = set(later(tree))
        now = {target.split(".")[0] for node, target in targets(tree) if node not in skip}
        pages = {"fastapi"} if name(path).startswith("arena/web/") else set()
        return now & {"pandas", "duckdb", "polars", *HEAVY} - HOMES.get(name(path), pages)

    assert wrong_files(heavy) == {}


@pytest.mark.parametrize("package", ["agon", *(f"agon.{folder}" for folder in FLOORS)])
def test_an_import_loads_nothing_heavy(package):
    code = f"import sys, {package}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    loaded = set(done.stdout.split())
    assert package in loaded
    assert not loaded & set(HEAVY)
    if package in ("agon", "agon.ranking"):
        assert not loaded & {"scipy", "pandas", "duckdb", "pyarrow", "rich", "cyclopts"}
        assert not loaded & {"agon.data", "agon.serving", "agon.arena"}


def test_the_bare_folders_say_how_they_are_imported():
    """A line of the time before `agon` (from ranking import rank), run in the checkout."""
    for folder in FLOORS:
        done = subprocess.run(
            [sys.executable, "-c", f"import {folder}"],
            capture_output=True,
            text=True,
            check=False,
            cwd=REPOSITORY,
        )
        assert done.returncode == 1
        assert done.stderr.strip().splitlines()[-1] == (
            f"ImportError: {folder} is imported as agon.{folder} now: from agon.{folder} import ..."
        )


def definitions(path):
    """The top-level names that a module defines."""
    for node in tree_of(path).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def test_a_public_name_means_one_thing():
    """One concept, one word: a public name is defined in one module of the repository."""
    homes = defaultdict(list)
    for path in MODULES:
        for word in set(definitions(path)):
            if not word.startswith("_"):
                homes[word].append(name(path))
    assert {word: files for word, files in homes.items() if len(files) > 1} == {}


# A method is one file that bears its name: one looks for Elo in elo.py, and imports it from METHODS.
METHOD_FILES = "ranking/methods/"


def test_no_module_bears_the_name_of_what_it_defines():
    paths = [path for path in MODULES if METHOD_FILES not in name(path)]
    assert wrong_files(lambda path: {path.stem} & set(definitions(path)), paths) == {}


def test_no_package_hides_a_module_behind_a_name():
    for path in MODULES:
        if path.name == "__init__.py":
            handed = {
                alias.asname or alias.name
                for node in tree_of(path).body
                if isinstance(node, ast.ImportFrom)
                for alias in node.names
                if f"{node.module}.{alias.name}" not in NAMES
            }
            inside = {
                module.rpartition(".")[2] for module in NAMES if module.rpartition(".")[0] == dotted(path)
            }
            assert handed & inside == set(), name(path)


def public(path):
    """The public functions, classes and methods that a module defines; of overloads the one with the body."""
    tree = tree_of(path)
    yield path.stem, tree
    for node in tree.body:
        overload = any(
            isinstance(by, ast.Name) and by.id == "overload" for by in getattr(node, "decorator_list", [])
        )
        if (
            isinstance(node, ast.FunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and not overload
        ):
            yield node.name, node
            for inner in node.body if isinstance(node, ast.ClassDef) else []:
                if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"):
                    yield f"{node.name}.{inner.name}", inner


def test_everything_public_says_what_it_is():
    def silent(path):
        return [title for title, node in public(path) if not (ast.get_docstring(node) or "").strip()]

    assert wrong_files(silent, [path for path in MODULES if name(path).startswith(("ranking", "data"))]) == {}


def test_a_module_says_what_lives_there():
    def unsaid(path):
        text = ast.get_docstring(tree_of(path)) or ""
        begins = text[:1].isupper() or text[:1] == "`"
        ends = text.split("\n\n")[0].rstrip().endswith((".", ":")) or "\n" in text
        return [] if begins and ends else [text]

    assert wrong_files(unsaid) == {}


FOREIGN = {"show_result.py"}  # of lm-sys/FastChat


def test_a_module_names_files_that_exist():
    here = [str(module) for module in MODULES]

    def missing(path):
        named = set(re.findall(r"[\w/]+\.py\b", ast.get_docstring(tree_of(path)) or ""))
        return [one for one in named - FOREIGN if not any(f"/{one.lstrip('./')}" in there for there in here)]

    assert wrong_files(missing) == {}


def test_what_is_installed_is_called_agon():
    setuptools = PROJECT["tool"]["setuptools"]
    assert setuptools["packages"]["find"]["include"] == ["agon*"]
    assert PROJECT["project"]["scripts"] == {"agon": "agon.__main__:main"}
    for folder in FLOORS:
        link = REPOSITORY / "agon" / folder
        assert link.is_symlink()
        assert link.resolve() == REPOSITORY / folder
        assert (REPOSITORY / folder / "py.typed").exists()


def distribution(requirement):
    return re.split(r"[<>=!~\[; ]", requirement)[0].lower().replace("_", "-")


BASE = {distribution(requirement) for requirement in PROJECT["project"]["dependencies"]}
EXTRAS = PROJECT["project"]["optional-dependencies"]


ARENA = {distribution(requirement) for requirement in EXTRAS["arena"]}
OWN = re.compile(r"agon-arena\[([a-z,]+)\]")  # an extra that is made of others


def test_optional_weight_is_optional():
    used, planned = (
        {"all", "dev", "arena", "plots", "notebooks", "vllm", "local", "postgres", "torch", "login"},
        {"spark"},
    )
    assert used | planned == EXTRAS.keys()
    assert {
        *("numpy", "scipy", "pandas", "pyarrow", "duckdb", "threadpoolctl"),  # engine and files
        *("cyclopts", "rich"),  # the command line
    } == BASE
    assert {"gradio", "fastapi", "uvicorn", "httpx"} <= ARENA
    assert {distribution(r) for r in EXTRAS["plots"]} == {"plotly", "kaleido"}
    for name in ("torch", "vllm"):
        assert [distribution(r) for r in EXTRAS[name]] == [name]
    for extra in EXTRAS.values():
        for requirement in extra:
            if own := OWN.fullmatch(requirement):
                assert set(own[1].split(",")) <= EXTRAS.keys()


@pytest.mark.parametrize("folder", ["ranking", "data", "arena/cli"])
def test_the_engine_the_files_and_the_command_line_need_the_base_alone(folder):
    """What needs more is imported inside the function that draws, or lies in a module of `agon serve`."""
    for path in MODULES:
        if name(path).startswith(f"{folder}/") and name(path) != "arena/web/server.py":
            used = {target.split(".")[0] for _, target in targets(tree_of(path))}
            assert used - set(sys.stdlib_module_names) - BASE <= {
                "agon",
                "plotly",
                "psycopg",
                "pyspark",
                "sqlglot",
                "torch",
            }, name(path)


@pytest.mark.parametrize(
    "requirement", [*PROJECT["project"]["dependencies"], *(r for e in EXTRAS.values() for r in e)]
)
def test_every_dependency_has_a_lower_bound_and_no_other(requirement):
    assert OWN.fullmatch(requirement) or re.fullmatch(r"[a-z0-9-]+(\[[a-z]+\])?>=[0-9.]+", requirement)


def locked(file="requirements.lock"):
    """{distribution: (version, number of hashes)} of a lock file."""
    text = (REPOSITORY / file).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z])", text.strip())
    found = {}
    for entry in entries:
        pin = re.match(r"([a-z0-9-]+)==([0-9][^ ;\\]*)", entry)
        assert pin, entry.splitlines()[0]
        found.setdefault(pin[1], []).append((pin[2], len(re.findall(r"--hash=sha256:[0-9a-f]{64}", entry))))
    return found


@pytest.mark.parametrize("file", ["requirements-base.lock", "requirements.lock"])
def test_the_locks_pin_every_dependency_with_hashes(file):
    pinned = locked(file)
    assert pinned.keys() >= BASE
    assert all(hashes > 0 for versions in pinned.values() for _, hashes in versions)


def test_the_lock_of_the_base_is_a_part_of_that_of_the_application():
    """So that `make demo`, then `make serve` installs nothing twice; without a package of the pages."""
    whole = locked()
    assert whole.keys() >= ARENA | BASE | {"kaleido"}
    for package, versions in locked("requirements-base.lock").items():
        assert {version for version, _ in versions} == {version for version, _ in whole[package]}
        assert package not in ARENA - {"markdown-it-py", "pygments"}  # rich needs these too


@pytest.mark.parametrize(
    "requirement", [*PROJECT["project"]["dependencies"], *EXTRAS["arena"], *EXTRAS["plots"]]
)
def test_the_lock_meets_the_lower_bounds(requirement):
    package, bound = requirement.split(">=")

    def parts(version):
        return tuple(int(part) for part in re.findall(r"\d+", version))

    for version, _ in locked()[package]:
        assert parts(version) >= parts(bound)


def test_every_package_that_is_imported_is_a_dependency():
    """Nothing works only because another package happens to bring it along."""
    known = BASE | {distribution(r) for extra in EXTRAS.values() for r in extra} | {"agon"}
    for path in MODULES:
        used = {target.split(".")[0] for _, target in targets(tree_of(path))} - set(sys.stdlib_module_names)
        assert {CALLED.get(package, package.replace("_", "-")) for package in used} <= known, name(path)


def test_the_licence_is_apache():
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert "Apache License" in (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
