"""`agon verify`, `agon recover` and `agon rank --at` on a log that grows, is copied and is damaged."""

import json
import shutil

from agon.arena.cli.commands import main
from agon.data.log.vote_log import VoteLog
from agon.data.use_log.use_writing import USE, UseLog
from tests.support.log_records import battle, put, vote, voted


def said(capsys, *words):
    """Status and output of a command."""
    status = main([*map(str, words)])
    return status, capsys.readouterr().out


def test_a_head_gives_the_board_of_its_time_on_any_copy(tmp_path, capsys):
    folder, copy = tmp_path / "log", tmp_path / "copy"
    with VoteLog(folder) as log:
        for n in range(6):
            voted(log, ("ada", "bob"), (1, 2) if n % 3 else (2, 1))
    _, found = said(capsys, "verify", folder, "--format", "json")
    head = json.loads(found)
    assert (head["whole"], head["votes"], head["wrong"]) == (True, 6, [])
    _, before = said(capsys, "rank", folder, "--format", "json")
    with VoteLog(folder) as log:
        for _ in range(5):
            voted(log, ("bob", "ada"), (1, 2))
        _, during = said(capsys, "verify", folder)
        assert "11 votes; the database was not compared" in during.replace("\n", " ")
    shutil.copytree(folder, copy)
    for name in ("agon.duckdb", "texts.jsonl"):
        (copy / name).unlink()  # neither counts
    for place in (folder, copy):
        status, then = said(capsys, "rank", place, "--at", head["head"][:20], "--format", "json")
        assert (status, then) == (0, before)
    assert said(capsys, "rank", folder, "--format", "json")[1] != before
    assert main(["rank", str(folder), "--at", "feed"]) == 2
    assert "no event whose hash begins with 'feed'" in capsys.readouterr().err
    assert main(["rank", str(tmp_path / "log" / "votes" / "arena.parquet"), "--at", "feed"]) == 2


def test_a_receipt_says_what_the_vote_says_and_where_it_counts(tmp_path, capsys):
    with VoteLog(tmp_path) as log:
        voted(log, ("ada", "bob"), (1, 2))
        receipts = []
        for models, places, more in (
            (("bob", "ada"), (2, 1), {}),
            (("bob", "cyn"), (1, 1), {"blind": False, "acceptable": (False, False)}),
            (("cyn", "cyn"), (1, 2), {}),
        ):
            one = battle(models, category="code", language="en")
            receipts += put(log, one, vote(one.battle_id, places, **more))[1:]
    for number, (receipt, words) in enumerate(
        zip(
            receipts,
            (
                "1 ada, 2 bob. It counts on the boards of all votes, code, en.",
                "1 bob, 1 cyn (both bad). It counts on no board: its voter had been told",
                "It counts on no board: one model was drawn twice",
            ),
            strict=True,
        ),
        start=2,
    ):
        status, text = said(capsys, "verify", tmp_path, "--receipt", receipt.hash[:16])
        assert status == 0
        assert text.startswith(f"Vote {number} is event {2 * number + 1} of 9: ")
        assert words in text
    assert main(["verify", str(tmp_path), "--receipt", "feed"]) == 2
    assert "no vote whose receipt begins with 'feed'" in capsys.readouterr().err


def test_a_changed_vote_is_named_and_mended(tmp_path, capsys):
    with VoteLog(tmp_path) as log:
        voted(log, ("ada", "bob"), (1, 2))
    path = tmp_path / "events.jsonl"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"ada", b"eve"))
    status, text = said(capsys, "verify", tmp_path)
    assert (status, "is not what was written" in text.replace("\n", " ")) == (1, True)
    assert said(capsys, "recover", tmp_path)[0] == 0
    assert said(capsys, "verify", tmp_path)[0] == 0
    assert said(capsys, "rank", tmp_path, "--format", "csv")[1].count("ada") == 1


def test_the_log_of_use_beside_it_is_verified_too(tmp_path, capsys):
    with VoteLog(tmp_path) as log:
        voted(log, ("ada", "bob"), (1, 2))
    assert json.loads(said(capsys, "verify", tmp_path, "--format", "json")[1])["use"] is None
    with UseLog(tmp_path) as use:
        use.put("draws", number=1, policy={}, probabilities={"ada": 0.5, "bob": 0.5}).result(10)
    status, words = said(capsys, "verify", tmp_path)
    assert (status, "The log of use: 1 event." in words.replace("\n", " ")) == (0, True)
    events = tmp_path / USE / "events.jsonl"
    events.write_bytes(events.read_bytes().replace(b"0.5", b"0.6", 1))
    status, words = said(capsys, "verify", tmp_path)
    assert status == 1
    assert "The log of use is damaged" in words


def test_a_store_of_use_alone_is_verified_but_never_one_whose_events_are_gone(tmp_path, capsys):
    with UseLog(tmp_path) as use:
        use.put("draws", number=1, policy={}, probabilities={"ada": 0.5, "bob": 0.5}).result(10)
    status, words = said(capsys, "verify", tmp_path)
    assert (status, words.splitlines()[0]) == (0, "There are no votes, and no events of an arena.")
    assert main(["backup", str(tmp_path), "--to", str(tmp_path / "b.tar")]) == 2
    assert "holds a log of use alone" in capsys.readouterr().err
    with VoteLog(tmp_path) as log:
        voted(log, ("ada", "bob"), (1, 2))
    for name in ("events.jsonl", "agon.duckdb"):
        (tmp_path / name).unlink()
    assert said(capsys, "verify", tmp_path)[0] == 1
    (tmp_path / "events.head").unlink()
    assert main(["verify", str(tmp_path)]) == 2
