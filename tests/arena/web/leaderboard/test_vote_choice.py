"""`agon serve --votes FILE`: a real process whose boards of its own votes, the file and both are right."""

import contextlib
import json
import re
import shlex
import time
from html import unescape

import httpx
import pytest

from agon.arena.cli.commands import main
from agon.data.log.vote_log import VoteLog
from tests.arena.cli.test_board import NOW, votes
from tests.support.log_records import voted
from tests.support.opened import opened_by


@contextlib.contextmanager
def served(*words, cwd):
    """A client of `agon serve`, which is ended by INT."""
    with (
        opened_by("serve", *words, cwd=cwd) as opened,
        httpx.Client(base_url=opened.url, timeout=120, follow_redirects=True, headers=NOW) as client,
    ):
        yield client


def page_at(client, path):
    while 'http-equiv="refresh"' in (page := client.get(path)).text:
        time.sleep(0.2)
    assert page.status_code == 200
    return page.text


def test_own_votes_those_of_a_file_and_both_have_the_numbers_of_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    votes("our votes.csv", 300)
    with VoteLog("store") as log:
        for number in range(40):
            places = (1, 2) if number % 3 else (2, 1)
            voted(log, ("ann", "tacet-1"), places, category="code", language="en", voter=f"w{number % 7}")
    with served("--store", "store", "--votes", "our votes.csv", cwd=tmp_path) as client:
        for prefix, files in (
            ("", ["store"]),
            ("/imported", ["our votes.csv"]),
            ("/pooled", ["store", "our votes.csv"]),
        ):
            assert not main(["rank", *files, "--format", "json"])
            (board,) = json.loads(capsys.readouterr().out)["boards"]
            told = client.get(f"{prefix}/api/leaderboard").json()["boards"][0]
            assert (told["models"], told["fingerprint"]) == (board["models"], board["fingerprint"])
            page = page_at(client, f"{prefix}/leaderboard")
            chips = re.findall(r'href="([^"]*)"( aria-current=true)?>([^<]*)<span class=ag-n>(\d+)', page)[:3]
            numbers = [(name, int(count)) for _, _, name, count in chips]
            assert numbers == [("Cast here", 40), ("our votes.csv", 300), ("Both together", 340)]
            assert [bool(here) for _, here, _, _ in chips] == [
                one == prefix for one in ("", "/imported", "/pooled")
            ]
            line = shlex.split(unescape(re.search(r'<code class="ag-cmd"[^>]*>(.*?)</code>', page)[1]))
            assert not main([*line[1:], "--format", "json"])
            assert json.loads(capsys.readouterr().out)["boards"][0]["fingerprint"] == board["fingerprint"]
            for way in re.findall(r"<footer.*?</footer>", page, re.DOTALL)[0].split('href="')[1:]:
                if not way.startswith("?"):
                    assert client.get(f"{prefix}/{way.partition(chr(34))[0]}").status_code == 200
            for href, *_ in chips:
                assert client.get(f"{prefix}/{href}").status_code == 200
            others = ("overview", "rules", "decide", "integrity", "data", "history")
            for path in ("method", "model/ann", *(others if prefix == "/pooled" else ())):
                text = page_at(client, f"{prefix}/{path}")
                for link in re.findall(r'(?:src|href)="(\.{1,2}/static/[^"]*)"', text)[:2]:
                    assert client.get(f"{prefix}/{link}").status_code == 200
            assert client.get(f"{prefix}/{'../' if prefix else './'}openapi.json").status_code == 200
        assert "none of them was cast here" in page_at(client, "/imported/leaderboard")
        assert "Tacet 1" in page_at(client, "/pooled/leaderboard")  # as its card says
        refused = client.get("/pooled/api/leaderboard?rule=nothing", headers={"accept": "text/html"})
        assert (refused.status_code, refused.json()["error"]) == (404, "no_board")
        mark = client.get("/imported/leaderboard").headers["etag"]
        same = client.get("/imported/leaderboard", headers={"if-none-match": mark})
        assert same.status_code == 304
        with (tmp_path / "our votes.csv").open("a") as file:
            file.write("ann,bob,tie,en,code,9,9,v1\n" * 5)
        assert client.get("/imported/leaderboard", headers={"if-none-match": mark}).status_code == 200
        assert client.get("/imported/api/leaderboard").json()["boards"][0]["settings"]["votes"] == 305


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "There is no file votes.csv; check the path."),
        ("", "votes.csv is empty; give one that has rows."),
        ("model_a,model_b,winner\na,b,left\n", "'left' is not a known winner in row 1"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_before_anything_is_opened(
    text, says, tmp_path, run, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / "votes.csv").write_text(text)
    status, out, error = run("serve", "--votes", "votes.csv", "--port", "0")
    assert (status, out) == (2, "")
    assert error.startswith("agon: --votes takes what agon rank reads without options: ")
    assert says in error
    assert error.count("\n") == 1
    assert not (tmp_path / "agon-log").exists()


def test_a_study_shows_no_votes_of_a_file(tmp_path, run):
    (tmp_path / "answers.csv").write_text("prompt,model,answer\nWhy?,ada,x\nWhy?,bob,y\n")
    (tmp_path / "votes.csv").write_text("model_a,model_b,winner\nada,bob,tie\n")
    study = tmp_path / "study.toml"
    study.write_text(f'[arena]\nstore = "{tmp_path}/log"\n[study]\nanswers = "{tmp_path}/answers.csv"\n')
    status, _, error = run("serve", study, "--votes", tmp_path / "votes.csv", "--port", "0")
    assert status == 2
    assert "leave --votes out, or use agon board" in error
