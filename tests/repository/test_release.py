"""A release: one version everywhere, its section in the changelog, and what to change when upgrading."""

import importlib.metadata
import re

import agon
from agon import ranking
from agon.arena.cli.commands import RENAMED
from tests.support.paths import REPOSITORY

CHANGELOG = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## \[(.+?)\].*?\n(.*?)(?=^## |\Z)", CHANGELOG, re.MULTILINE | re.DOTALL))


def test_the_version_has_its_section_under_what_is_not_released():
    assert list(SECTIONS)[:2] == ["Unreleased", agon.__version__]
    assert re.search(rf"^## \[{re.escape(agon.__version__)}\] - \d{{4}}-\d\d-\d\d$", CHANGELOG, re.MULTILINE)
    assert importlib.metadata.version("agon-arena") == agon.__version__, "install anew: make install"


def test_the_table_of_an_upgrade_lists_every_name_of_before():
    """Those that still work are in the code as tables; each stands on the left, its new word beside it."""
    rows = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", SECTIONS[agon.__version__], re.MULTILINE))
    for old, new in {**ranking._RENAMED, **RENAMED}.items():
        where = [after for before, after in rows.items() if re.search(rf"[`\s]{re.escape(old)}`", before)]
        assert len(where) == 1, f"{old} stands in {len(where)} rows"
        assert re.search(rf"[`\s]{re.escape(new)}`", where[0]), f"{old} is {new} now"
    assert "0.3" in SECTIONS[agon.__version__]


def test_the_policy_of_deprecation_is_written_down():
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert "**Deprecation.**" in text and "DeprecationWarning" in text


def test_nothing_of_ours_gives_an_option_its_old_word():
    """The commands of pages, notebooks, make and CI print no line about a new word."""
    ours = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"), *REPOSITORY.glob("notebooks/*.ipynb")]
    ours += [REPOSITORY / "Makefile", REPOSITORY / ".ci" / "run", *REPOSITORY.glob("benchmarks/*")]
    texts = {path.name: path.read_text(encoding="utf-8") for path in ours if path.is_file()}
    texts["CHANGELOG.md"] = ""  # says what was
    commands = {name: re.findall(r"\bagon[\"']? [a-z]+ [^\n`]*", text) for name, text in texts.items()}
    assert {"README.md", "running.md", "Makefile", "run"} <= {
        name for name, found in commands.items() if found
    }
    for name, found in commands.items():
        old = [line for line in found if set(re.split(r"[\s=]", line)) & set(RENAMED)]
        assert not old, f"{name}: {old}"
