"""`agon study`: links, progress and end from the command line, and a real arena that is killed with -9."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress

import httpx
import pytest

from agon.arena.cli.commands import main
from agon.arena.core.sessions import Keys
from agon.arena.web.server import ServeError
from agon.data import open_log
from agon.data.log.study_journal import StudyJournal, read_study
from agon.data.log.vote_log import VoteLog
from tests.support.paths import REPOSITORY

ANSWERS = "prompt,model,answer\n" + "".join(
    f"Question {n}?,{model},Answer {n} of {word}.\n"
    for n in range(12)
    for model, word in (("canary-one", "this"), ("canary-two", "that"))
)
STUDY = """[arena]
port = 7777
[study]
name = "tunes"
answers = "answers.csv"
overlap = 2
until = "complete"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "answers.csv").write_text(ANSWERS)
    (tmp_path / "study.toml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def agon(capsys, *words):
    """Exit status, standard output and standard error of a command."""
    status = main([*words])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_study_is_no_panel_of_gradio(folder):
    from agon.arena.web.hosted import hosted_arena

    with pytest.raises(
        ServeError, match=r"whose pages are not Gradio's; open it with agon serve study\.toml"
    ):
        hosted_arena("study.toml")


def test_links_are_of_the_voters_and_stay_the_same(folder, capsys):
    status, out, err = agon(capsys, "study", "invite", "study.toml", "--voters", "Ada,Ben,Cleo")
    assert status == 0
    lines = out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "Voter 1, Ada",
        "Voter 2, Ben",
        "Voter 3, Cleo",
        "You, the owner",
    ]
    assert all("http://127.0.0.1:7777/study?invite=" in line for line in lines[:3])
    assert "these links open on this machine alone" in err
    assert agon(capsys, "study", "invite", "study.toml")[1] == out
    assert agon(capsys, "study", "invite", "study.toml", "--voters", "Ada,Ben,Cleo")[1] == out
    keys = Keys.of_folder(folder / "agon-log")
    ids = [keys.invitation("tunes", line.rpartition("=")[2]) for line in lines[:3]]
    assert ids == [one.id for one in read_study("agon-log").seats]
    assert keys.invitation("another", lines[0].rpartition("=")[2]) is None, "of this study alone"
    _, out, err = agon(
        capsys,
        "study",
        "invite",
        "study.toml",
        "--voters",
        "4",
        "--url",
        "https://a.example/x",
        "--format",
        "json",
    )
    found = json.loads(out)
    assert [one["name"] for one in found["voters"]] == ["Ada", "Ben", "Cleo", None]
    assert found["owner"].startswith("https://a.example/x/progress?key=owner.")
    assert err == ""


def test_codes_hold_the_links(folder, capsys):
    """Read back by hand is not possible here: the codes are those that segno makes of the links."""
    segno = pytest.importorskip("segno")
    _, out, _ = agon(capsys, "study", "invite", "study.toml", "--voters", "2", "--qr", "codes")
    link = out.splitlines()[1].partition(": ")[2]
    svg = (folder / "codes" / "voter-2.svg").read_text()
    assert svg.startswith("<svg")
    assert svg == segno.make(link, error="m").svg_inline(scale=4).replace(
        "<svg ", svg[: svg.index(" ") + 1], 1
    ) or (segno.make(link, error="m").symbol_size(4)[0] == int(re.search(r'width="(\d+)"', svg)[1]))
    _, out, _ = agon(capsys, "study", "invite", "study.toml", "--qr", "terminal")
    assert out.count("▄") > 200


def test_what_cannot_be_is_said_in_one_sentence(folder, capsys):
    def refused(*words):
        status, out, err = agon(capsys, *words)
        assert (status, out, err.count("\n")) == (2, "", 1), (words, out, err)
        return err

    invite = ("study", "invite", "study.toml")
    assert "--voters must be 1 to 10,000 or names, not 0" in refused(*invite, "--voters", "0")
    assert "asks 2 voters about every prompt (overlap), and 1 would be invited" in refused(
        *invite, "--voters", "1"
    )
    assert "names Ada twice" in refused(*invite, "--voters", "Ada,Ada")
    assert "asks 2 voters about every prompt (overlap), and 0 would be" in refused(*invite)
    assert "nobody is invited yet; name voters with --voters" in refused(*invite, "--replace", "Zoe")
    assert not (folder / "agon-log").exists(), "what is refused makes nothing"
    assert "is no address" in refused(*invite, "--voters", "3", "--url", "arena.example")
    assert "holds no study" in refused("study", "status", "study.toml")
    assert "holds no study" in refused("study", "status", "agon-log")
    assert "--qr belongs to agon study invite" in refused("study", "status", "study.toml", "--qr", "x")
    for change, sentence in (
        ('answers = "answers.csv"\nmodels = ["canary-one", "canary-tow"]', "did you mean 'canary-two'?"),
        ("overlap = 2", "has neither answers nor prompts; name a file of one of them."),
        ('answers = "answers.csv"\ngroups = 2', "There are 1 groups of 2 among 2 models, so not 2 a prompt."),
        ('answers = "answers.csv"\ncriteria = ["a/b"]', "must be up to 40 letters, digits, spaces"),
        ('answers = "gone.csv"', "gone.csv"),
        (
            'answers = "answers.csv"\n[[study.attention]]\nprompt = "?"\nanswers = ["a"]',
            "study.toml, [study], attention 1: answers",
        ),
        ('answers = "answers.csv"\n[[study.attention]]\npromt = "?"', "did you mean 'prompt'?"),
    ):
        (folder / "study.toml").write_text(f"[study]\n{change}\n")
        assert sentence in refused(*invite, "--voters", "3")
    (folder / "study.toml").write_text('[battle]\nanswers = 3\n[study]\nanswers = "answers.csv"\n')
    assert "A group of 3 cannot be made of 2 models" in refused(*invite, "--voters", "3")
    (folder / "study.toml").write_text(STUDY)
    (folder / "answers.csv").write_text(ANSWERS + "Alone?,canary-one,Only mine.\n")
    said = refused(*invite, "--voters", "3")
    assert "1 of 13 prompts lacks an answer of some model, such as 'Alone?';" in said
    (folder / "study.toml").write_text(STUDY + 'incomplete = "drop"\n')
    assert agon(capsys, *invite, "--voters", "3")[0] == 0


@contextmanager
def served(folder):
    """`agon serve study.toml` on a free port: its address, and its process."""
    words = [sys.executable, "-m", "agon", "serve", "study.toml", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment) as process:
        try:
            line = process.stdout.readline()
            yield re.search(r"http://\S+", line)[0].rstrip("/"), process
        finally:
            process.kill()


def work(address, token, kill_after, process, told):
    """Judge what comes until the arena is gone; the vote after `kill_after` is answered by kill -9."""
    http = httpx.Client(base_url=address, trust_env=False, timeout=60, follow_redirects=True)
    with http, suppress(httpx.TransportError):
        http.get(f"/study?invite={token}")
        while True:
            view = http.post("/api/study/next", json={}).json()
            if view["state"] == "thanks":
                return
            if view["state"] != "ready":
                time.sleep(0.02)
                continue
            body = {"battle": view["battle"], "turn": view["turn"], "token": view["token"], "outcome": "a"}
            if http.post("/api/study/vote", json=body).status_code == 200:
                told.append(view["battle"])
            if len(told) >= kill_after:
                process.send_signal(signal.SIGKILL)


def test_kill_9_loses_no_task_and_gives_none_twice(folder, capsys):
    """Three voters at once on 12 prompts by 2 of them; the arena is killed in the middle."""
    agon(capsys, "study", "invite", "study.toml", "--voters", "3")
    keys = Keys.of_folder(folder / "agon-log")
    tokens = [keys.invitation_token("tunes", one.id) for one in read_study("agon-log").seats]
    told = []
    for kill_after in (9, 10**6):
        with served(folder) as (address, process):
            voters = [
                threading.Thread(target=work, args=(address, token, kill_after, process, told))
                for token in tokens
            ]
            for voter in voters:
                voter.start()
            for voter in voters:
                voter.join()
            if kill_after == 10**6:
                process.send_signal(signal.SIGTERM)
                process.wait(30)
    assert len(told) == len(set(told)), "no task was given twice"
    with VoteLog("agon-log") as log:
        done = [(seat, cell) for seat, cell, _, _, how in log.assigned("tunes") if how == "voted"]
        assert log.count() == 24
        assert all(log.vote(battle) is not None for battle in told), "what was answered is in the log"
    assert len(done) == len(set(done)) == 24
    assert Counter(cell for _, cell in done) == dict.fromkeys(range(1, 13), 2), "no cell is lost"
    assert read_study("agon-log").closed.by == "complete"
    _, out, _ = agon(capsys, "study", "status", "study.toml")
    assert "Voter 1: 8 of 8\nVoter 2: 8 of 8\nVoter 3: 8 of 8\n" in out
    assert "The study tunes has ended (complete): 24 votes." in out
    sides = Counter(open_log("agon-log").votes["model_a"])
    assert sides == {"canary-one": 12, "canary-two": 12}


def test_status_and_close_need_no_server(folder, capsys):
    agon(capsys, "study", "invite", "study.toml", "--voters", "2")
    assert "The study tunes has not begun: 0 votes." in agon(capsys, "study", "status", "agon-log")[1]
    assert "is closed: nobody is asked for more." in agon(capsys, "study", "close", "study.toml")[1]
    status, _, err = agon(capsys, "study", "close", "agon-log", "--name", "tunes")
    assert (status, err) == (2, "agon: The study 'tunes' has ended already.\n")
    found = json.loads(agon(capsys, "study", "status", "agon-log", "--format", "json")[1])
    assert (found["closed"], [one["voted"] for one in found["voters"]]) == ("hand", [0, 0])


def test_who_sits_where_is_fixed_once_it_has_begun(folder, capsys):
    agon(capsys, "study", "invite", "study.toml", "--voters", "Ada,Ben")
    journal = StudyJournal(folder / "agon-log", "tunes")
    journal.open({"voters": 2})
    status, _, err = agon(capsys, "study", "invite", "study.toml", "--voters", "3")
    assert (status, "has begun with 2 voters" in err) == (2, True)
    before = agon(capsys, "study", "invite", "study.toml")[1]
    after = agon(capsys, "study", "invite", "study.toml", "--replace", "Ben", "--voters", "Dora")[1]
    assert before.splitlines()[0] == after.splitlines()[0]
    assert "Voter 2, Dora: " in after
    assert before.splitlines()[1].rpartition("=")[2] not in after
    journal.close("hand", "Enough.")
    status, out, err = agon(capsys, "study", "invite", "study.toml", "--replace", "Dora")
    assert (status, out, "'tunes' has ended" in err) == (2, "", True)
