"""The wheel: built from the tracked files, installed in an environment of its own, doing the main job.

A file that is missing from the wheel, or that only works in a checkout, must fail here.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

FOLDERS = ("arena", "data", "ranking", "serving")


def run(*words, **options):
    """Run a program and return what it printed; its errors are the test's."""
    environment = {
        key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False, env=environment, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked():
    """The files of the repository that git tracks, and those that it would track."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=REPOSITORY)
    return [Path(file) for file in listed.split("\0") if file and os.path.lexists(REPOSITORY / file)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from a copy of the tree, away from it."""
    folder = tmp_path_factory.mktemp("tree")
    for file in tracked():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / file, folder / file, follow_symlinks=False)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", cwd=folder)
    (built,) = (folder / "dist").glob("agon_arena-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The bin folder of a new environment that holds the wheel; its dependencies are lent by this one."""
    home = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    # The wheel's files come first on the path, then those of the environment that runs the tests.
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        wheel,
    )
    for kind in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        (site / "dependencies.pth").write_text(f"{kind}\n")
    return home / "bin"


def test_the_wheel_holds_every_file_of_the_folders_and_the_licence(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    files = {f"agon/{file}" for file in tracked() if file.parts[0] in FOLDERS}
    assert len(files) > 30
    assert files <= held
    assert {f"agon/{folder}/py.typed" for folder in FOLDERS} | {
        "agon/arena/setup/demo_answers/answers.csv"
    } <= held
    assert any(file.endswith("licenses/LICENSE") for file in held)
    others = {file.split("/")[0] for file in held if ".dist-info" not in file}
    assert others == {"agon"}, "nothing called data or ranking may enter site-packages"


def test_the_wheel_says_what_it_is(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (file,) = [name for name in archive.namelist() if name.endswith("METADATA")]
        text = archive.read(file).decode()
    assert "Name: agon-arena\n" in text
    assert "License-Expression: Apache-2.0\n" in text
    assert "Requires-Python: >=3.11\n" in text
    assert "Requires-Dist: duckdb" in text
    assert "Requires-Dist: torch>=2.6; extra == " in text
    assert "Requires-Dist: gradio>=6.20; extra == " in text


def test_the_modules_come_from_the_wheel(installed, tmp_path):
    code = f"from agon import {', '.join(FOLDERS)}; print(*(m.__file__ for m in ({', '.join(FOLDERS)})))"
    found = run(installed / "python", "-c", code, cwd=tmp_path).split()
    assert len(found) == 4
    for file in found:
        assert Path(file).resolve().is_relative_to(installed.parent.resolve())


def test_the_main_job_runs_from_the_wheel(installed, tmp_path):
    agon = installed / "agon"
    run(agon, "simulate", "--votes", "900", "--models", "4", "-o", "votes.parquet", cwd=tmp_path)
    (board,) = json.loads(run(agon, "rank", "votes.parquet", "--format", "json", cwd=tmp_path))["boards"]
    assert board["settings"]["votes"] == 900
    assert sorted(row["rank"] for row in board["models"]) == [1, 2, 3, 4]
    assert [path.name for path in tmp_path.iterdir()] == ["votes.parquet"]


def test_a_pipe_from_the_wheel(installed, tmp_path):
    line = f"'{installed}/agon' simulate --votes 900 --models 4 | '{installed}/agon' rank -"
    out = run("bash", "-o", "pipefail", "-c", line, cwd=tmp_path)
    assert out.startswith("bradley_terry\n")
    assert "900 votes · sandwich intervals at 95%" in out
    assert "agon-arena" not in out
    assert not list(tmp_path.iterdir())


def test_the_demonstration_runs_from_the_wheel(installed, tmp_path):
    code = "from agon.arena.setup.demo import demo_roster; print(len(demo_roster(0).examples))"
    assert int(run(installed / "python", "-c", code, cwd=tmp_path)) >= 24


def test_the_module_is_the_command_too(installed, tmp_path):
    version = run(installed / "agon", "--version", cwd=tmp_path)
    assert run(installed / "python", "-m", "agon", "--version", cwd=tmp_path) == version


def test_packages_named_like_our_folders_do_no_harm(installed, tmp_path):
    """PyPI has a `ranking` and a `data`, and a project may have a folder `data` of its own."""
    site = Path(
        run(installed / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    )
    for folder in FOLDERS:
        assert not (site / folder).exists()
    for other in ("ranking", "data"):
        (site / other).mkdir()
        (site / other / "__init__.py").write_text(f"THEIRS = '{other}'\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "__init__.py").write_text("OURS = True\n")
    code = (
        "import sys; sys.path.insert(0, ''); import agon as ag, ranking, data; "
        "votes = [{'model_a': 'ada', 'model_b': 'bob', 'winner': w} for w in ('model_a', 'model_b', 'tie')]; "
        "print(len(ag.rank(votes).rows), ranking.THEIRS, data.OURS, ag.data.__name__)"
    )
    try:
        assert run(installed / "python", "-c", code, cwd=tmp_path).split() == [
            "2",
            "ranking",
            "True",
            "agon.data",
        ]
    finally:
        for other in ("ranking", "data"):
            shutil.rmtree(site / other)


def test_a_wheel_built_from_the_sdist_holds_the_same(wheel, tmp_path):
    """Somebody who packages Agon for a distribution starts from the sdist."""
    tree = wheel.parent.parent
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", tmp_path, cwd=tree)
    (archive,) = tmp_path.glob("agon_arena-*.tar.gz")
    shutil.unpack_archive(archive, tmp_path / "unpacked", filter="data")
    (source,) = (tmp_path / "unpacked").iterdir()
    links = {Path("agon") / folder for folder in FOLDERS}  # are the folders themselves there
    for file in set(tracked()) - links:
        if file.parts[0] not in (".ci", ".gitignore"):
            assert (source / "agon" / file if file.parts[0] in FOLDERS else source / file).exists(), file
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, cwd=source)
    (rebuilt,) = tmp_path.glob("*.whl")
    names = [
        {name for name in zipfile.ZipFile(file).namelist() if ".dist-info/" not in name}
        for file in (wheel, rebuilt)
    ]
    assert names[0] == names[1]
