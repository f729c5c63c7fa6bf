"""`agon report`: a page whose numbers its own commands give again, and that says what was not counted."""

import json
import re
import shlex
from datetime import timedelta
from html import unescape

import numpy as np
import pandas as pd
import pytest

import agon as ag
from agon.arena.cli.commands import main
from agon.data.log.records import Assignment, AttentionRecord, SkipRecord
from agon.data.log.study_journal import StudyJournal
from agon.data.log.vote_log import VoteLog
from agon.data.study_evidence import study_report
from tests.support.boards import Page
from tests.support.browser import chromium
from tests.support.judged_worlds import judged_world
from tests.support.log_records import NOON, answer, battle, put, vote

VOTERS, PROMPTS = 5, 14
RATINGS = {(1, 2): (6, 3), (2, 1): (5, 5), (1, 1): (4, 4)}


def cell(number, seat, prompt, models, attempt=1):
    """A battle of the study, one minute after the one before."""
    return battle(
        models,
        policy="schedule",
        prompt_id=f"p{prompt}",
        voter=f"v{seat}",
        created=NOON + timedelta(minutes=number),
        assignment=Assignment("tunes", seat, prompt, attempt),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five voters on 14 prompts: a skip, a failed answer, one left open, a free vote, attention items."""
    place, rng = tmp_path_factory.mktemp("report") / "log", np.random.default_rng(3)
    journal = StudyJournal(place, "tunes")
    journal.invite_all([(1, "Ada <b>"), (2, "Bea"), (3, None), (4, "Dora"), (5, "Eve")])
    design = {"answers": 2, "overlap": 5, "criteria": ["tone"], "level": 0.95, "cells": PROMPTS}
    journal.open(design)
    with VoteLog(place) as log:
        records, number = [], 0
        for prompt in range(1, PROMPTS + 1):
            for seat in range(1, VOTERS + 1):
                number += 1
                models = ("ada", "bob") if rng.random() < 0.5 else ("bob", "ada")
                drawn = cell(number, seat, prompt, models)
                records.append(drawn)
                if (seat, prompt) == (1, 1):
                    records.append(SkipRecord(drawn.battle_id, "not my <field>", NOON))
                    continue
                if (seat, prompt) == (2, 1):
                    continue
                if (seat, prompt) == (3, 1):
                    records.append(answer(drawn.battle_id, failure="timeout", text=""))
                    drawn = cell(number, seat, prompt, models, attempt=2)
                    records.append(drawn)
                won = rng.random() < 0.85
                places = (1, 1) if rng.random() < 0.1 else (1, 2) if won == (models[0] == "ada") else (2, 1)
                tone = (1, 2) if rng.random() < 0.5 else (2, 1)
                records.append(
                    vote(
                        drawn.battle_id,
                        places,
                        voter=f"v{seat}",
                        created=drawn.created,
                        criteria={"tone": (tone, None)},
                        ratings=RATINGS[places],
                    )
                )
        free = battle()
        records += [free, vote(free.battle_id, (2, 1), voter="a passer-by")]
        for seat in range(1, VOTERS + 1):
            right = (1, 2) if seat != 4 else (2, 1)
            records.append(
                AttentionRecord("tunes", seat, 1, f"v{seat}", NOON, "2 + 2?", ("4", "5"), 0, right)
            )
        put(log, *records)
    journal.close("hand", "Enough is known.")
    return place


@pytest.fixture(scope="module")
def page(folder):
    to = folder.parent / "report.html"
    assert main(["report", str(folder), "--to", str(to)]) == 0
    return to.read_text()


@pytest.fixture(scope="module")
def found(folder):
    return study_report(folder)


def commands(page):
    """What each command on the page is for, and its words."""
    pairs = re.findall(r'<p class="ag-label">([^<]*)</p><code class="ag-cmd"[^>]*>([^<]*)</code>', page)
    return {unescape(what): shlex.split(unescape(how)) for what, how in pairs}


def test_the_commands_give_the_same_numbers(page, found, folder, tmp_path, capsys):
    asked = commands(page)
    assert set(asked) == {"The board", "By tone", "The decision", "Agreement", "Left and right", "This page"}
    assert main([*asked.pop("This page")[1:-1], str(tmp_path / "again.html")]) == 0
    assert (tmp_path / "again.html").read_text() == page
    capsys.readouterr()
    for what, board in (("The board", found.board), ("By tone", found.criteria["tone"])):
        assert main([*asked[what][1:], "--format", "json"]) == 0
        (made,) = json.loads(capsys.readouterr().out)["boards"]
        assert made["fingerprint"] == board.fingerprint
        assert made["models"] == board.to_dict()["models"]
        assert made["settings"]["cluster"] == "voter,prompt"
    for what, one in (
        ("The decision", found.leads[""]),
        ("Agreement", found.agreement[""]),
        ("Left and right", found.sides),
    ):
        assert main(asked[what][1:]) == 0
        assert one.conclusion() in " ".join(capsys.readouterr().out.split())
    assert found.leads[""].conclusion() in unescape(page)
    assert found.board.fingerprint[:16] in page
    assert f"{found.agreement[''].alpha:.2f}".replace("-", "−") in page


def test_it_asks_for_nothing_and_runs_nothing(page):
    assert "<script" not in page
    assert not re.search(r'(?:src|href)\s*=|@import|url\((?!data:)|="https?://|\son\w+="', page)


def test_what_was_counted_and_what_not(page, found):
    """70 cells: one skipped, one left open, one drawn again; the vote of the passer-by is of no study."""
    assert (found.votes, found.prompts, found.unjudged) == (68, 14, 1)
    assert (found.skips, found.drawn_anew) == ({"not my <field>": 1}, {"timeout": 1})
    assert [one.votes for one in found.voters] == [13, 13, 14, 14, 14]
    assert [one.skips for one in found.voters] == [1, 0, 0, 0, 0]
    assert [(one.passed, one.asked) for one in found.voters] == [(1, 1)] * 3 + [(0, 1)] + [(1, 1)]
    assert found.items == {1: (4, 5)}
    assert "Without the 1 voter who failed" in found.without_inattentive
    assert "54 votes of 4 voters" in found.without_inattentive
    text = unescape(page)
    for said in (
        "1 battle drawn again",
        "1 battle drawn and not judged",
        "Enough is known.",
        "5 voters of 5 invited",
    ):
        assert said in text
    assert "not my &lt;field&gt;" in page


def test_voters_are_numbered_unless_names_are_asked_for(page, folder):
    assert "Dora" not in page
    assert ">Voter 4<" in page
    named = [one.label for one in study_report(folder, names=True).voters]
    assert named == ["Ada <b>", "Bea", "Voter 3", "Dora", "Eve"]


def test_ratings_by_hand(found, folder):
    """A first answer that wins is rated 6 to 3, a second one 5 to 5, tied ones 4 to 4."""
    rows = ag.open_log(folder).votes
    left, right, tied = (int(((rows["winner"] == w) & (rows["study"] == "tunes")).sum()) for w in
                         ("model_a", "model_b", "tie"))  # fmt: skip
    ratings = found.ratings
    assert (ratings.apart, ratings.agreeing, ratings.equal) == (left + right, left, right)
    assert (ratings.tied, ratings.tied_alike, ratings.share) == (tied, tied, 1.0)
    assert sum(number for _, number in ratings.means.values()) == 2 * 68
    total = sum(mean * number for mean, number in ratings.means.values())
    assert total == pytest.approx(9 * left + 10 * right + 8 * tied)


def test_votes_without_a_study(tmp_path, capsys):
    path = tmp_path / "votes.csv"
    rows = [f"<img src=x onerror=alert(1)>,b,{'model_a' if k % 3 else 'model_b'}" for k in range(60)]
    path.write_text("\n".join(["model_a,model_b,winner", *rows]))
    assert main(["report", str(path), "--to", str(tmp_path / "r.html")]) == 0
    page = (tmp_path / "r.html").read_text()
    assert "<img" not in page
    for absent in ("Who voted", "Attention items", "Ratings beside", "By criterion", "A/A"):
        assert absent not in page
    assert ag.rank(path).conclusion() in unescape(page)
    assert "no column 'prompt'" in unescape(page)
    assert set(commands(page)) == {"The board", "This page"}


def test_the_noise_of_equal_answers_is_told(tmp_path):
    """Three A/A battles: the first answer preferred twice, and a tie."""
    with VoteLog(tmp_path / "log") as log:
        for places in ((1, 2), (1, 2), (1, 1)):
            twice = battle(("ada", "ada"), policy="same_model")
            put(log, twice, vote(twice.battle_id, places))
        free = [battle() for _ in range(3)]
        put(log, *free, *(vote(one.battle_id) for one in free))
    noise = ag.report(tmp_path / "log", tmp_path / "r.html").noise
    assert (noise.votes, noise.preferred, noise.first) == (3, pytest.approx(2 / 3), 1.0)
    assert noise.conclusion() in unescape((tmp_path / "r.html").read_text())


def test_one_voter_alone(tmp_path):
    path = tmp_path / "votes.csv"
    rows = [f"a,b,{'model_a' if k % 4 else 'model_b'},me,p{k}" for k in range(60)]
    path.write_text("\n".join(["model_a,model_b,winner,voter,prompt", *rows]))
    one = ag.report(path)
    assert "for the one voter" in one.conclusion()
    assert [voter.label for voter in one.voters] == ["Voter 1"]
    assert isinstance(one.agreement[""], str)
    assert [voter.label for voter in ag.report(path, names=True).voters] == ["me"]


def test_bad_input_is_one_sentence(folder, tmp_path, capsys):
    votes = folder / "votes" / "arena.parquet"
    empty = tmp_path / "empty"
    StudyJournal(empty, "soon").open({"criteria": []})
    with VoteLog(empty) as log:
        put(log, battle())
    StudyJournal(tmp_path / "two", "a").open({})
    StudyJournal(tmp_path / "two", "b").open({})
    with VoteLog(tmp_path / "two") as log:
        put(log, battle())
    there = tmp_path / "there.html"
    there.write_text("mine")
    for words, said in (
        ([folder, "--to", there], "exists already; choose another name, or replace it with --force"),
        ([folder, "--to", tmp_path], "is a folder, and a report is a file"),
        ([tmp_path / "none.parquet", "--to", tmp_path / "r.html"], "none.parquet"),
        ([folder, "--study", "tune", "--to", tmp_path / "r.html"], "did you mean 'tunes'?"),
        ([tmp_path / "two", "--to", tmp_path / "r.html"], "several studies: a, b"),
        ([empty, "--to", tmp_path / "r.html"], "'soon' has no votes yet"),
        ([votes, "--study", "tunes", "--to", tmp_path / "r.html"], "leave --study out"),
        ([folder, "--criterion", "tone", "--to", tmp_path / "r.html"], "leave --criterion out"),
        ([folder, "--lower", "x", "--to", tmp_path / "r.html"], "votes, not a table of scores"),
    ):
        assert main(["report", *map(str, words)]) == 2
        told = capsys.readouterr()
        assert said in told.err, told.err
        assert told.err.count("\n") == 1
        assert not told.out
        assert not (tmp_path / "r.html").exists()
    assert there.read_text() == "mine"
    assert main(["report", str(folder), "--to", str(there), "--force"]) == 0
    assert "tunes" in there.read_text()


def test_it_fits_a_phone_and_prints_on_paper(folder, page):
    with chromium() as browser:
        sheet = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
        asked = []
        sheet.on("request", lambda request: asked.append(request.url))
        sheet.goto((folder.parent / "report.html").as_uri())
        assert sheet.evaluate("document.documentElement.scrollWidth") <= 390
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
        dark = sheet.evaluate("getComputedStyle(document.body).color")
        sheet.emulate_media(media="print")
        assert sheet.evaluate("getComputedStyle(document.body).color") == "rgb(27, 30, 36)" != dark
        pdf = sheet.pdf(prefer_css_page_size=True)
        assert re.search(rb"/MediaBox \[0 0 59[45](\.\d+)? 84[12](\.\d+)?\]", pdf)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Votes of people, and of two judges: one sees what people see, one says A whatever is shown."""
    folder = tmp_path_factory.mktemp("judged")
    sharp, people, _ = judged_world(4, skill=1.0, soft=True, prompts=40)
    for name, found in (("people", {"": people}), ("judges", {"sharp": sharp, "first": sharp})):
        frames = [
            pd.DataFrame(
                {
                    "model_a": np.array(one.models)[one.first],
                    "model_b": np.array(one.models)[one.second],
                    "p_a": 1.0 if judge == "first" else one.p_first,
                    "prompt_id": np.array(one.prompts)[one.prompt],
                    "voter": judge or [f"v{n % 9}" for n in range(len(one))],
                    "voter_kind": "llm" if judge else "human",
                }
            )
            for judge, one in found.items()
        ]
        pd.concat(frames).to_parquet(folder / f"{name}.parquet")
    return folder


def test_judges_are_audited_on_the_page_as_the_command_does(judged, capsys):
    page = judged / "report.html"
    people, judges = judged / "people.parquet", judged / "judges.parquet"
    assert main(["report", str(people), "--judges", str(judges), "--to", str(page)]) in (0, None)
    capsys.readouterr()
    text = unescape(page.read_text()).replace("−", "-")
    section = text.partition("<h2>Judges</h2>")[2].partition("</section>")[0]
    Page(section)  # nests
    main(["judge", str(judges), "--audit", "--voted", str(people), "--format", "json"])
    audits = json.loads(capsys.readouterr().out)["audits"]
    assert {one["judge"]: one["passed"] for one in audits} == {"sharp": True, "first": False}
    for one in audits:
        part = section.partition(f"<h3>{one['judge']} ")[2].partition("</article>")[0]
        assert f">{'Passed' if one['passed'] else 'Refused'}<" in part
        for reason in one["reasons"]:
            assert reason in part
        for measure in one["measures"]:
            if measure["value"] is None or measure["found"]:
                assert measure["said"] in part
            if measure["value"] is not None and 0.005 < abs(measure["value"]) < 10:
                row = rf'{re.escape(measure["label"])}(</b>)?</th><td class="ag-r">{measure["value"]:.2f}<'
                assert re.search(row, part)
        assert part.count("<circle") == len(one["curve"]) > 0
        for cell in one["curve"]:
            row = f'{cell["sure"]:.1%}</th><td class="ag-r">{cell["right"]:.1%}</td>'
            assert row in part
    commands = re.findall(r'<code class="ag-cmd"[^>]*>([^<]*)</code>', text)
    assert f"agon judge {judges} --audit --voted {people}" in commands
    assert f"agon report {people} --judges {judges} --to report.html" in commands


def test_the_same_audit_from_python_and_none_without_judges(judged, tmp_path):
    found = ag.report(judged / "people.parquet", judges=judged / "judges.parquet")
    assert [one.judge for one in found.audits] == ["sharp", "first"]
    assert ag.report(judged / "people.parquet", tmp_path / "page.html").audits == ()
    assert "<h2>Judges</h2>" not in (tmp_path / "page.html").read_text()
    with pytest.raises(ag.ranking.SourceError, match="holds no vote of a judge"):
        ag.report(judged / "people.parquet", judges=judged / "people.parquet")
