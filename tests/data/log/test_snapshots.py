"""Snapshots: what other processes read of a log, alone and beside imported votes."""

import json
import os
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agon.data import comparisons, read_published
from agon.data.files.writer import WRITERS
from agon.data.importers.log_snapshot import into_log
from agon.data.log import text_parts
from agon.data.log.records import ReplacementRecord
from agon.data.log.vote_log import VoteLog
from agon.ranking import SourceError, rank
from tests.support.log_records import NOON, battle, put, vote, voted

PUBLISHED = [
    {"question_id": "q1", "model_a": "ada", "model_b": "bob", "winner": "model_a", "judge": "u1", "turn": 1},
    {
        "question_id": "q2",
        "model_a": "cyn",
        "model_b": "ada",
        "winner": "tie (bothbad)",
        "judge": "u2",
        "turn": 2,
    },
    {"question_id": "q3", "model_a": "bob", "model_b": "cyn", "winner": "tie", "judge": "u2", "turn": 1},
]


@pytest.fixture
def log(tmp_path):
    with VoteLog(tmp_path / "log") as opened:
        yield opened


def imported(folder, rows=PUBLISHED):
    path = folder / "clean.json"
    path.write_text(json.dumps(rows))
    into_log(read_published(path), path, folder / "log")


def test_pairwise_votes_are_written_as_every_vote_file_has_them(log):
    ids = [
        voted(log, ("ada", "bob"), (1, 2), category="code", prompt_id="p1"),
        voted(log, ("cyn", "bob"), (2, 1), language="fr"),
        voted(log, ("ada", "cyn"), (1, 1), policy="adaptive", policy_version=2, pair_probabilities=(0.25,)),
        voted(log, ("bob", "ada"), (1, 1), (False, False), voter="v2"),
    ]
    rows = pq.read_table(log.snapshot()).to_pylist()
    assert [(row["model_a"], row["model_b"], row["winner"]) for row in rows] == [
        ("ada", "bob", "model_a"),
        ("cyn", "bob", "model_b"),
        ("ada", "cyn", "tie"),
        ("bob", "ada", "both_bad"),
    ]
    assert [row["battle_id"] for row in rows] == ids
    assert [row["voter"] for row in rows] == ["v1", "v1", "v1", "v2"]
    assert [row["category"] for row in rows] == ["code", None, None, None]
    assert [row["language"] for row in rows] == [None, "fr", None, None]
    assert [row["prompt_id"] for row in rows] == ["p1", None, None, None]
    assert [row["policy"] for row in rows] == ["uniform", "uniform", "adaptive", "uniform"]
    assert [row["pair_probabilities"] for row in rows] == [[1 / 6], [1 / 6], [0.25], [1 / 6]]
    assert {row["timestamp"] for row in rows} == {NOON.timestamp()}
    assert [row["source_row"] for row in rows] == [1, 2, 3, 4]
    assert not any(row["replaced"] for row in rows)


@pytest.mark.parametrize(
    ("models", "places", "acceptable"),
    [
        (("ada", "bob", "cyn"), (2, 1, None), None),
        (("ada", "bob"), (1, 2), (False, False)),
        (("ada", "bob"), (1, 1), (True, True)),
        (("ada", "bob"), (1, 1), (True, False)),
        (("ada", "bob"), (None, 1), None),
    ],
)
def test_what_a_winner_cannot_say_is_written_as_places(log, models, places, acceptable):
    voted(log, ("cyn", "ada"), (1, 2))
    voted(log, models, places, acceptable)
    rows = pq.read_table(log.snapshot()).to_pylist()
    assert [(row["models"], row["places"], row["acceptable"]) for row in rows] == [
        (["cyn", "ada"], [1, 2], None),
        (list(models), list(places), None if acceptable is None else list(acceptable)),
    ]


def board_of(votes):
    return rank(votes, "bradley_terry", min_votes=1)


@pytest.mark.parametrize("wide", [False, True])
def test_the_snapshot_gives_the_board_of_the_log(log, wide):
    shown = [("ada", "bob"), ("bob", "cyn"), ("cyn", "ada"), ("ada", "cyn")]
    records = []
    for n in range(60):
        drawn = battle((*shown[n % 4], "dan") if wide and n % 5 == 0 else shown[n % 4], voter=f"v{n % 7}")
        places = ((1, 2), (2, 1), (1, 1))[n % 3] + ((None,) if len(drawn.models) == 3 else ())
        records += [drawn, vote(drawn.battle_id, places, voter=drawn.voter)]
    put(log, *records)
    log.snapshot()
    ours, theirs = log.comparisons(), comparisons(log.folder)
    assert board_of(ours).fingerprint == board_of(theirs).fingerprint
    assert ours.clusters("voter").size == theirs.clusters("voter").size == 7
    assert rank(ours, "elo", seed=1).rows == rank(theirs, "elo", seed=1).rows


def test_the_model_that_took_a_side_stands_in_the_snapshot(log):
    drawn = battle(("ada", "bob"))
    put(log, drawn, ReplacementRecord(drawn.battle_id, 1, "cyn", 0.5, NOON), vote(drawn.battle_id, (2, 1)))
    (row,) = pq.read_table(log.snapshot()).to_pylist()
    assert (row["model_a"], row["model_b"], row["winner"], row["replaced"]) == ("ada", "cyn", "model_b", True)


@pytest.mark.parametrize("wide", [False, True])
def test_imported_votes_and_the_arenas_own_are_one_log(log, tmp_path, wide):
    imported(tmp_path)
    voted(log, ("ada", "bob"), (1, 2))
    if wide:
        voted(log, ("cyn", "bob", "ada"), (1, 2, None))
    log.snapshot()
    votes = comparisons(tmp_path / "log")
    assert len(votes) == 4 + wide
    assert votes.models == ("ada", "bob", "cyn")
    wins = [[0, 2, 0], [wide, 0, 0], [wide, wide, 0]]
    assert votes.pairs.wins.tolist() == wins
    assert votes.pairs.both_bad.tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]
    assert votes.pairs.ties.tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert votes.clusters("voter").size == 3
    mine = comparisons(tmp_path / "log", where="source = 'arena'")
    assert len(mine) == 1 + wide


def test_ballots_and_soft_judgements_are_not_read_together(log, tmp_path):
    rows = [{"model_a": "ada", "model_b": "bob", "p_a": 0.75}]
    path = tmp_path / "log" / "votes" / "soft.parquet"
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    voted(log, ("ada", "bob"), (1, 2))
    log.snapshot()
    assert comparisons(tmp_path / "log").pairs.wins.tolist() == [[0, 1.75], [0.25, 0]]
    voted(log, ("ada", "bob", "cyn"), (1, 2, 3))
    log.snapshot()
    with pytest.raises(
        SourceError, match="K-wise ballots and judgements in p_a, which are not read together"
    ):
        comparisons(tmp_path / "log")


def test_a_snapshot_is_written_when_there_is_something_new_and_on_closing(tmp_path):
    with VoteLog(tmp_path) as log:
        assert log.snapshot() is None
        voted(log, ("ada", "bob"), (1, 2))
        path = log.snapshot()
        first = path.stat().st_mtime_ns
        assert log.snapshot() == path
        assert path.stat().st_mtime_ns == first
        path.unlink()
        log.snapshot()
        assert pq.read_metadata(path).num_rows == 1
        voted(log, ("ada", "bob"), (1, 2))
    assert pq.read_metadata(path).num_rows == 2
    assert [entry.name for entry in path.parent.iterdir()] == ["arena.parquet"]


def test_a_snapshot_that_fails_leaves_the_one_before_and_the_log_open_to_others(tmp_path, monkeypatch):
    log = VoteLog(tmp_path)
    voted(log, ("ada", "bob"), (1, 2))
    path = log.snapshot()
    voted(log, ("ada", "bob"), (1, 2))

    def full(table, file):
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(WRITERS, ".parquet", full)
    with pytest.raises(SourceError, match=r"arena\.parquet cannot be written: No space left on device\."):
        log.close()
    assert pq.read_metadata(path).num_rows == 1
    monkeypatch.undo()
    with VoteLog(tmp_path) as again:
        assert again.count() == 2


def test_snapshots_at_once_never_go_back(log):
    """Threads write snapshots while votes arrive: what is there only ever grows, and is whole."""
    voted(log, ("ada", "bob"), (1, 2))
    path, done, seen = log.snapshot(), threading.Event(), [0]

    def snapshots():
        while not done.is_set():
            log.snapshot()

    threads = [threading.Thread(target=snapshots) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        drawn = battle()
        put(log, drawn, vote(drawn.battle_id))
        seen.append(pq.read_metadata(path).num_rows)
    done.set()
    for thread in threads:
        thread.join(60)
    assert seen == sorted(seen)
    assert pq.read_metadata(log.snapshot()).num_rows == 11
    assert not [entry for entry in os.scandir(path.parent) if entry.name != "arena.parquet"]


def test_a_snapshot_replaced_while_it_is_read_is_noticed(log):
    voted(log, ("ada", "bob"), (1, 2))
    log.snapshot()
    votes = comparisons(log.folder)
    voted(log, ("ada", "bob"), (1, 2))
    log.snapshot()
    with pytest.raises(SourceError, match="changed while it was being read; do it again"):
        votes.clusters("voter")


def test_the_first_publishing_of_all_texts_takes_little_of_the_memory(log, monkeypatch):
    voted(log, ("ada", "bob"), (1, 2))
    allowed = []

    def limit():
        return log._rows("SELECT current_setting('memory_limit')")[0][0]

    def publish(*given):
        allowed.append(limit())
        text_parts.publish(*given)

    monkeypatch.setattr("agon.data.log.vote_log.publish", publish)
    before = limit()
    log.snapshot()
    voted(log, ("ada", "bob"), (1, 2))
    log.snapshot()
    assert allowed == ["381.4 MiB", before]  # 400 MB, and what the database takes otherwise
    assert limit() == before
