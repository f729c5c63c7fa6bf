"""What a study adds to the log: assignments, criteria, ratings, skips, attention items, the journal."""

import json
import threading
from dataclasses import replace

import pytest

from agon.arena.cli.commands import main
from agon.data import comparisons, open_log
from agon.data.log.records import AlreadyVoted, Assignment, AttentionRecord, Conflict, SkipRecord
from agon.data.log.study_journal import StudyJournal, read_study, study_heads, study_names
from agon.data.log.vote_log import VoteLog
from agon.ranking import SourceError, rank
from agon.ranking.errors import VotesError
from tests.support.log_records import NOON, battle, put, vote

CRITERIA = {"helpfulness": ((2, 1), None), "tone": ((1, 1), None)}


def assigned(seat, cell, attempt=1, models=("ada", "bob")):
    place = Assignment("tunes", seat, cell, attempt)
    return battle(models, policy="schedule", prompt_id=f"p{cell}", voter=f"v{seat}", assignment=place)


@pytest.fixture
def folder(tmp_path):
    """Two seats, three cells: a vote with everything, a plain one, a skip, and an attention item."""
    full, plain, skipped = assigned(1, 1), assigned(2, 2), assigned(1, 3)
    given = {"criteria": CRITERIA, "ratings": (6, None), "comment": "Näher dran.", "reasons": ("clearer",)}
    check = AttentionRecord("tunes", 2, 1, "v2", NOON, "2 + 2?", ("5", "4"), 1, (2, 1))
    with VoteLog(tmp_path / "log") as log:
        put(log, full, plain, skipped, battle())
        put(log, vote(full.battle_id, (1, 2), **given), vote(plain.battle_id, (2, 1), voter="v2"))
        put(log, SkipRecord(skipped.battle_id, "not my field", NOON), check)
        read = log.records(full.battle_id)
        assert read[0] == full
        assert read[-1] == vote(full.battle_id, (1, 2), **given)
        assert log.records(skipped.battle_id)[-1] == SkipRecord(skipped.battle_id, "not my field", NOON)
        assert [(s, c, how) for s, c, _, _, how in log.assigned("tunes")] == [
            (1, 1, "voted"),
            (1, 3, "skipped"),
            (2, 2, "voted"),
        ]
        assert log.attended("tunes") == [(2, 1, True)]
    return tmp_path / "log"


def test_frames_tell_what_was_said(folder):
    log = open_log(folder)
    votes = log.votes.set_index("cell")
    assert list(votes.loc[1, "ratings"]) == [6, None] or votes.loc[1, "ratings"][0] == 6
    assert votes.loc[1, "comment"] == "Näher dran."
    assert votes["seat"].to_dict() == {1: 1, 2: 2}
    assert set(votes["study"]) == {"tunes"}
    assert dict(
        zip(log.criterion_votes["criterion"], map(list, log.criterion_votes["places"]), strict=True)
    ) == {
        "helpfulness": [2, 1],
        "tone": [1, 1],
    }
    assert log.skips["reason"].tolist() == ["not my field"]
    assert len(log.assignments) == 3
    check = log.attention_checks.iloc[0]
    assert (check["best"], check["passed"], list(check["answers"])) == (1, True, ["5", "4"])
    assert "3 assignments, 2 criterion votes, 1 skips" in log.conclusion()


def test_votes_are_ranked_by_a_criterion(folder, capsys):
    """The one vote with criteria put ada first as a whole, bob by helpfulness, and neither by tone."""
    counts = {name: comparisons(folder, criterion=name).pairs for name in (None, "helpfulness", "tone")}
    both = counts[None]
    ada = both.models.index("ada")
    assert (both.wins[ada, 1 - ada], both.wins[1 - ada, ada]) == (1, 1)
    pairs = counts["helpfulness"]
    bob = pairs.models.index("bob")
    assert (pairs.wins[bob, 1 - bob], pairs.wins.sum()) == (1, 1)
    assert (counts["tone"].wins.sum(), counts["tone"].ties.sum()) == (0, 2)
    assert main(["rank", str(folder), "--criterion", "helpfulness", "--format", "csv"]) == 0
    assert capsys.readouterr().out.count("bob") == 1
    assert rank(comparisons(folder / "criteria" / "helpfulness.parquet")).rows
    assert len(comparisons(folder, where="study = 'tunes'")) == 2


def test_a_criterion_that_nobody_was_asked_by_is_named(folder, tmp_path, capsys):
    assert main(["rank", str(folder), "--criterion", "helpfulnes"]) == 2
    assert "did you mean 'helpfulness'" in capsys.readouterr().err
    with VoteLog(tmp_path / "free") as log:
        drawn = battle()
        put(log, drawn, vote(drawn.battle_id))
    assert main(["rank", str(tmp_path / "free"), "--criterion", "tone"]) == 2
    assert "holds no votes by a criterion" in capsys.readouterr().err
    file = folder / "votes" / "arena.parquet"
    assert main(["rank", str(file), "--criterion", "tone"]) == 2
    assert "is no log folder" in capsys.readouterr().err


def test_no_cell_is_drawn_twice_and_no_skip_is_judged(folder):
    """The database itself refuses, whatever a program asks for."""
    with VoteLog(folder) as log:
        skipped = next(battle for _, _, _, battle, how in log.assigned("tunes") if how == "skipped")
        voted = next(battle for _, _, _, battle, how in log.assigned("tunes") if how == "voted")
        for wrong, error in (
            (assigned(1, 1), Conflict),
            (vote(skipped), Conflict),
            (SkipRecord(voted, "late", NOON), AlreadyVoted),
            (SkipRecord(skipped, "again", NOON), Conflict),
            (AttentionRecord("tunes", 2, 1, "v2", NOON, "2 + 2?", ("5", "4"), 1, None), Conflict),
        ):
            with pytest.raises(error):
                put(log, wrong)
        put(log, assigned(1, 1, attempt=2))
    with VoteLog(folder) as log, pytest.raises(Conflict):  # nor after the log was opened anew
        put(log, vote(skipped))


def test_what_is_no_judgement_is_refused():
    good = vote("0" * 32)
    for wrong in (
        {"ratings": (8, 1)},
        {"ratings": (1,)},
        {"criteria": {"tone": ((1, 3), None)}},
        {"criteria": {"tone": ((1, 2, 3), None)}},
    ):
        with pytest.raises(VotesError):
            replace(good, **wrong)
    item = AttentionRecord("tunes", 1, 1, "v", NOON, "?", ("a", "b", "c"), 0, (1, 1, 2))
    assert not item.passed, "a tie with another one is no answer"
    assert replace(item, places=(1, None, None)).passed
    assert not replace(item, places=None).passed
    with pytest.raises(VotesError):
        replace(item, best=3)


def test_the_journal_tells_who_sits_where_and_how_it_ended(tmp_path):
    journal = StudyJournal(tmp_path, "tunes")
    assert journal.history().opened is None
    first = journal.invite_all([(1, "Ada"), (2, None)])
    journal.open({"cells": 4})
    dora = journal.invite(1, "Dora")
    history = journal.history()
    assert [one.id for one in history.seats] == [dora.id, first[1].id]
    assert (len(history.invitations), history.voters, history.design["cells"]) == (3, 2, 4)
    assert journal.close("hand", "Enough.")
    assert not journal.close("decision", "Later.")
    assert read_study(tmp_path).closed.by == "hand"
    assert study_names(tmp_path) == ("tunes",)


def test_half_a_line_of_a_killed_process_is_no_event(tmp_path):
    journal = StudyJournal(tmp_path, "tunes")
    journal.invite(1)
    with journal.path.open("a") as file:
        file.write('{"event": "clo')
    assert journal.history().closed is None
    journal.invite(2)
    assert journal.history().voters == 2
    assert all(json.loads(line) for line in journal.path.read_text().splitlines())
    journal.path.write_text('{"event": "closed"}\n')
    with pytest.raises(SourceError, match=r"is damaged: lines that were written are gone"):
        journal.history()
    journal.path.with_suffix(".head").unlink()
    with pytest.raises(SourceError, match=r"Line 1 of .* is no event"):
        StudyJournal(tmp_path, "tunes").history()


def test_whatever_is_changed_in_a_journal_is_noticed_by_verify(tmp_path, capsys):
    """Every byte is changed in turn, every line taken out, every end cut off, both files deleted."""
    with VoteLog(tmp_path):
        pass
    journal = StudyJournal(tmp_path, "tunes")
    journal.invite_all([(1, "Ada"), (2, "Zoë")])
    journal.open({"cells": 4})
    journal.close("hand", "Enough.")
    assert main(["verify", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert f"The journal of the study tunes: 4 lines. Head: {journal.head().hash}" in said
    path, beside = journal.path, journal.path.with_suffix(".head")
    whole, head = path.read_bytes(), beside.read_bytes()
    lines = whole.splitlines(keepends=True)
    changed = [whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :] for i in range(len(whole))]
    changed += [b"".join(lines[:i] + lines[i + 1 :]) for i in range(4)]
    changed += [b"".join(lines[:i]) for i in range(4)] + [whole[: -len(lines[3]) + 20]]
    changed += [b"".join([lines[1], lines[0], *lines[2:]]), whole + lines[3]]
    for text in changed:
        path.write_bytes(text)
        with pytest.raises(SourceError):
            study_heads(tmp_path)
    assert main(["verify", str(tmp_path)]) == 1
    assert "is damaged" in capsys.readouterr().out
    path.write_bytes(whole)
    for text in (b"", b"x", head.replace(b"4 ", b"5 ", 1), head[:-8] + b"0" * 7 + b"\n"):
        beside.write_bytes(text)
        with pytest.raises(SourceError):
            study_heads(tmp_path)
    beside.unlink()
    with pytest.raises(SourceError, match="says how far it goes, is gone"):
        study_heads(tmp_path)
    beside.write_bytes(head)
    assert study_heads(tmp_path)["tunes"].events == 4


def test_a_journal_of_an_older_version_goes_on_as_a_chain(tmp_path):
    (tmp_path / "studies").mkdir()
    path = tmp_path / "studies" / "tunes.jsonl"
    moment = "2026-01-01T00:00:00+00:00"
    old = json.dumps({"event": "invited", "seat": 1, "name": "Ada", "id": "a1", "at": moment}) + "\n"
    path.write_text(old)
    journal = StudyJournal(tmp_path, "tunes")
    assert journal.history().voters == 1
    journal.invite(2, "Ben")
    assert [one.name for one in journal.history().seats] == ["Ada", "Ben"]
    assert path.read_text().startswith(old), "what was written stays as it was"
    path.write_text(path.read_text().replace("Ada", "Eve", 1))
    with pytest.raises(SourceError, match="is not what was written"):
        study_heads(tmp_path)


def test_a_process_that_was_killed_between_lines_and_head_left_no_damage(tmp_path):
    journal = StudyJournal(tmp_path, "tunes")
    journal.invite(1)
    before = journal.path.with_suffix(".head").read_bytes()
    journal.invite(2)
    journal.path.with_suffix(".head").write_bytes(before)
    assert journal.history().voters == 2
    journal.invite(3)
    assert study_heads(tmp_path)["tunes"].events == 3


def test_several_write_the_journal_in_turns(tmp_path):
    def work():
        journal = StudyJournal(tmp_path, "tunes")
        for seat in range(1, 26):
            journal.invite(seat)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(read_study(tmp_path, "tunes").invitations) == 100
    with pytest.raises(SourceError, match="did you mean 'tunes'"):
        read_study(tmp_path, "tune")
    with pytest.raises(SourceError, match="holds no study"):
        read_study(tmp_path / "elsewhere")
