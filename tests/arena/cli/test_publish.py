"""`agon publish`: pages that need no server, whose links lead somewhere and whose numbers are the board's."""

import json
import re
import shutil
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from agon.arena.cli.commands import main
from agon.data import comparisons
from agon.ranking import rank
from tests.arena.cli.test_board import votes
from tests.support.browser import chromium


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("publish")
    votes(folder / "votes.csv")
    assert not main(["publish", str(folder / "votes.csv"), "--to", str(folder / "site")])
    return folder / "site"


@pytest.fixture
def again(site, tmp_path):
    """The votes and their pages, in a folder where pages may be written anew."""
    shutil.copytree(site.parent, tmp_path, dirs_exist_ok=True)
    return ["publish", str(tmp_path / "votes.csv"), "--to", str(tmp_path / "site")]


def test_every_link_leads_to_a_file_of_the_folder(site):
    pages = sorted(site.glob("*.html"))
    assert len(pages) > 30
    for page in pages:
        for address in re.findall(r'(?:href|src)="([^"]+)"', page.read_text()):
            parts = urlsplit(unescape(address))
            assert not parts.scheme
            assert not parts.netloc
            if parts.path:
                assert (site / unquote(parts.path)).is_file(), f"{page.name} leads to {address}"


def test_the_numbers_are_those_of_the_boards(site):
    read = comparisons(site.parent / "votes.csv")
    by_name = {
        "index": rank(read),
        "rule-copeland": rank(read, "copeland"),
        "adjust-length": rank(read, control="length"),
    }
    (code,) = site.glob("category-?-code.json")
    by_name[code.stem] = rank(dict(read.split("category"))["code"])
    for name, board in by_name.items():
        (written,) = json.loads((site / f"{name}.json").read_text())["boards"]
        assert written["fingerprint"] == board.fingerprint
        assert written["models"] == board.to_dict()["models"]
        text = unescape((site / f"{name}.html").read_text())
        assert board.conclusion() in text
        assert (site / f"{name}.csv").read_text().count("\n") == 1 + len(board.rows)


def test_what_has_no_board_is_not_in_the_menu(site):
    known = json.loads((site / "agon-pages.json").read_text())
    assert known["pages"] == len(list(site.glob("*.html")))
    index = (site / "index.html").read_text()
    for rule in known["left_out"]:
        assert f"rule-{rule}.html" not in index


def test_it_is_read_from_the_disk_without_scripts(site):
    with chromium() as browser:
        context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
        page = context.new_page()
        failed = []
        page.on("requestfailed", lambda request: failed.append(request.url))
        page.goto((site / "index.html").as_uri())
        assert page.locator("h1").count() == 1
        page.click("summary.ag-chip >> nth=0")
        page.click("a.ag-chip:has-text('Copeland')")
        page.wait_for_url("**/rule-copeland.html")
        page.click("nav >> text=Rules")
        page.wait_for_url("**/rules.html")
        page.locator("table.ag-lens").wait_for()
        assert page.locator("body").evaluate("e => getComputedStyle(e).fontFamily").startswith('"Agon Sans"')
        assert failed == []


def test_a_folder_of_something_else_is_left_alone(again, tmp_path, capsys):
    source = str(tmp_path / "votes.csv")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    for to, sentence in ((tmp_path / "mine", "holds something else"), (Path(source), "is a file")):
        assert main(["publish", source, "--to", str(to), "--force"]) == 2
        assert sentence in capsys.readouterr().err
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years"
    assert main(again) == 2
    assert "--force" in capsys.readouterr().err
    votes(tmp_path / "votes.csv", 160)
    assert not main([*again, "--force"])
    assert "160 votes" in (tmp_path / "site" / "index.html").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "site", "votes.csv"]


def test_pages_that_cannot_be_put_in_place_leave_those_of_before(again, tmp_path, capsys, monkeypatch):
    votes(tmp_path / "votes.csv", 160)
    before = (tmp_path / "site" / "index.html").read_text()
    rename = Path.rename

    def rename_unless_pages(path, target):
        if path.name == "pages":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", rename_unless_pages)
    assert main([*again, "--force"]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert (tmp_path / "site" / "index.html").read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site", "votes.csv"]


def test_without_votes_nothing_is_written(tmp_path, capsys):
    (tmp_path / "votes.csv").write_text("model_a,model_b,winner\n")
    assert main(["publish", str(tmp_path / "votes.csv"), "--to", str(tmp_path / "site")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "site").exists()


def test_the_pages_are_in_the_language_asked_for(site, tmp_path, capsys):
    told = ["publish", str(site.parent / "votes.csv"), "--to", str(tmp_path / "ar")]
    assert not main([*told, "--language", "ar"])
    for name in ("index", "rules", "integrity", "method", "data", "decide", "overview", "history"):
        page = (tmp_path / "ar" / f"{name}.html").read_text()
        assert '<html lang="ar" dir="rtl">' in page, name
    assert (tmp_path / "ar" / "index.csv").read_bytes() == (site / "index.csv").read_bytes()
    assert main([*told, "--force", "--language", "xx"]) == 2
    assert "ar" in capsys.readouterr().err
