"""A board of a log says up to which event its votes go, and `agon rank --at` that event makes it again."""

import csv
import io
import json
import shlex
from html import unescape

import numpy as np
import pytest

from agon.arena.cli.commands import main
from agon.arena.core.arena_settings import ArenaSettings
from agon.data import comparisons
from agon.data.log.records import WithdrawalRecord
from agon.data.log.vote_log import VoteLog
from agon.ranking import Leaderboard, rank
from tests.arena.web.leaderboard.test_gates_on_board import MODELS, write_votes
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.boards import Page
from tests.support.log_records import NOON, battle, put, voted


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A log of 200 votes, of which the first is withdrawn after the last, and of a battle without a vote."""
    made, rng = tmp_path_factory.mktemp("heads") / "log", np.random.default_rng(5)
    with VoteLog(made) as log:
        first = voted(log, MODELS[:2], (1, 2))
        write_votes(log, rng, 10, 20)
        put(log, WithdrawalRecord((first,), NOON), battle(MODELS[:2]))
    return made


def ranked(capsys, *words):
    """The board that `agon rank` prints."""
    capsys.readouterr()
    assert main([*words, "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)["boards"][0]


def test_the_head_of_a_page_is_ranked_again_after_votes_came(folder, capsys):
    lines = (folder / "events.jsonl").read_text().splitlines()
    event = json.loads(next(line for line in lines if '"withdrawals":[{' in line))
    with open_arena(folder, roster(*(Scripted() for _ in MODELS)), ArenaSettings(seed=7)) as arena:
        board = arena.visitor().get("/api/leaderboard").json()["boards"][0]
        assert board["head"] == {"events": event["seq"], "hash": event["hash"]}
        rows = list(csv.DictReader(io.StringIO(arena.visitor().get("/leaderboard.csv").text)))
        assert {(row["events"], row["head"]) for row in rows} == {(str(event["seq"]), event["hash"])}
        german = arena.visitor().get("/api/leaderboard?language=de").json()["boards"][0]
        under = f"log up to event {event['seq']} ({event['hash'][:12]})."
        assert under in Page(arena.visitor().get("/leaderboard").text).text
        words = arena.visitor().get("/data").text.partition("agon rank ")[2].partition("</code>")[0]
        voted(arena.log, MODELS[:2], (2, 1))
        now = arena.visitor().get("/api/leaderboard").json()["boards"][0]
        assert now["fingerprint"] != board["fingerprint"]
        assert now["head"]["events"] == arena.log.head.events
    again = ranked(capsys, "rank", *shlex.split(unescape(words)))
    assert (again["fingerprint"], again["head"]) == (board["fingerprint"], board["head"])
    some = ranked(capsys, "rank", str(folder), "--at", event["hash"][:16], "--where", "language = 'de'")
    assert (some["fingerprint"], some["head"]) == (german["fingerprint"], board["head"])
    assert ranked(capsys, "rank", str(folder))["head"] == now["head"]
    assert main(["rank", str(folder)]) == 0
    assert f"head {now['head']['hash'][:12]}, event {now['head']['events']}" in capsys.readouterr().out


def test_other_votes_have_no_head(folder, tmp_path):
    board = rank(comparisons(folder))
    assert board.head is not None
    assert Leaderboard.from_json(board.to_json()).head == board.head
    votes = "model_a,model_b,winner\nann,bob,model_a\nbob,ann,model_a\n"
    (tmp_path / "votes.csv").write_text(votes)
    assert rank(comparisons(tmp_path / "votes.csv")).head is None
    assert main(["import", str(tmp_path / "votes.csv"), "--into", str(folder)]) == 0
    assert comparisons(folder).head is None, "imported votes lie beside"
