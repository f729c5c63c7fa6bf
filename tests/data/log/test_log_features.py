"""What can be controlled for is stored with every vote of a log, and outlives the texts it was counted in."""

import json
from itertools import pairwise
from random import Random

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agon.arena.cli.commands import main
from agon.data import comparisons, measure
from agon.data.files.covariates import MEASURES
from agon.data.log.index import COUNTED
from agon.data.log.records import ReplacementRecord, TurnRecord
from agon.data.log.vote_log import VoteLog
from agon.ranking import Comparisons, rank
from tests.data.files.test_covariates import TEXTS, WANTED
from tests.support.log_records import MODELS, NOON, answer, battle, put, vote
from tests.support.paths import REPOSITORY

STORED = f"SELECT {', '.join(MEASURES)} FROM votes ORDER BY number"
NOTHING = (None,) * len(MEASURES)


DATABASE = duckdb.connect()


@pytest.fixture
def log(tmp_path):
    with VoteLog(tmp_path / "log") as opened:
        yield opened


def stored(log):
    """What the votes are stored with."""
    return log._connection.cursor().execute(STORED).fetchall()


def by_side(*sides):
    """Counts side by side, (headers, ...) each, as they are stored: feature by feature."""
    return tuple([None if side is None else side[f] for side in sides] for f in range(len(MEASURES)))


def played(log, models=("ada", "bob"), texts=(0, 1), places=(1, 2), **changes):
    """A battle whose sides answer with the given ones of TEXTS, and its vote."""
    drawn = battle(models, **changes)
    answers = [
        answer(drawn.battle_id, slot, model, text=TEXTS[text])
        for slot, (model, text) in enumerate(zip(models, texts, strict=True))
    ]
    put(log, drawn, *answers, vote(drawn.battle_id, places, voter=drawn.voter))
    return drawn.battle_id


def test_a_vote_is_stored_with_what_was_counted_in_each_answer(log):
    played(log, texts=(0, 3))
    played(log, ("cyn", "ada", "bob"), (5, 6, 1), (1, 2, 2))
    assert stored(log) == [
        by_side(WANTED[0], WANTED[3]),
        by_side(WANTED[5], WANTED[6], WANTED[1]),
    ]


def test_all_turns_shown_count_and_no_failed_replaced_or_later_answer(log):
    drawn = battle()
    at = drawn.battle_id
    put(
        log,
        drawn,
        answer(at, 0, "ada", text=TEXTS[0]),
        answer(at, 1, "bob", text=TEXTS[1]),
        TurnRecord(at, 2, "And?", NOON),
        answer(at, 1, "bob", turn=2, text=TEXTS[0], failure="timeout"),
        ReplacementRecord(at, 1, "cyn", 0.5, NOON),
        answer(at, 1, "cyn", text=TEXTS[6]),
        answer(at, 1, "cyn", turn=2, text=TEXTS[4]),
        answer(at, 0, "ada", turn=2, text=TEXTS[3]),
        TurnRecord(at, 3, "Never shown", NOON),
        answer(at, 0, "ada", turn=3, text=TEXTS[1]),
        vote(at, last_turn=2),
        answer(at, 1, "cyn", turn=3, text=TEXTS[1]),
    )
    ada = [a + b for a, b in zip(WANTED[0], WANTED[3], strict=True)]
    cyn = [a + b for a, b in zip(WANTED[6], WANTED[4], strict=True)]
    assert stored(log) == [by_side(ada, cyn)]


def test_a_side_without_an_answer_has_no_counts(log):
    drawn, silent = battle(), battle()
    put(log, drawn, answer(drawn.battle_id, 1, "bob", text=TEXTS[0]), vote(drawn.battle_id))
    put(log, silent, vote(silent.battle_id))
    assert stored(log) == [by_side(None, WANTED[0]), NOTHING]
    (one, two) = pq.read_table(log.snapshot()).to_pylist()
    assert (one["length_a"], one["length_b"], two["length_b"]) == (None, WANTED[0][0], None)


def test_a_battle_that_is_not_remembered_has_its_answers_looked_up(log, monkeypatch):
    monkeypatch.setattr("agon.data.log.index.RECENT", 1)
    drawn = battle()
    put(log, drawn)
    put(
        log,
        answer(drawn.battle_id, 0, "ada", text=TEXTS[4]),
        answer(drawn.battle_id, 1, "bob", text=TEXTS[5]),
    )
    put(log, battle())
    put(log, battle())
    assert drawn.battle_id not in log._writer._index.recent
    put(log, vote(drawn.battle_id))
    assert stored(log) == [by_side(WANTED[4], WANTED[5])]


def test_a_commit_that_fails_leaves_no_counts_behind(log):
    """The second answer of a turn is refused by the database, and the first one is what the voter saw."""
    drawn = battle()
    at = drawn.battle_id
    put(log, drawn, answer(at, 0, "ada", text=TEXTS[0]), answer(at, 1, "bob", text=TEXTS[1]))
    future = log.write(answer(at, 1, "bob", text=TEXTS[6]))
    last = log.write(vote(at))
    assert future.exception(30) is not None
    last.result(30)
    assert stored(log) == [by_side(WANTED[0], WANTED[1])]


def filled(log, n=240):
    """A log of votes on pairs, and the same votes with counts made by hand."""
    rng = Random(4)
    shown, places, voters, sides = [], [], [], []
    for _ in range(n):
        pair, texts = rng.sample(range(3), 2), rng.choices(range(len(TEXTS)), k=2)
        ballot = rng.choice([(1, 2), (2, 1), (1, 1)])
        voter = f"v{rng.randrange(9)}"
        played(log, tuple(MODELS[m] for m in pair), texts, ballot, voter=voter)
        shown.append(pair)
        places.append(ballot)
        voters.append(voter)
        sides.append([WANTED[text] for text in texts])
    features = {name: [[side[f] for side in vote] for vote in sides] for f, name in enumerate(MEASURES)}
    return Comparisons.of(MODELS[:3], shown, places, features=features, labels={"voter": voters})


CONTROL = "length,markdown,citations"


@pytest.mark.slow
def test_the_board_needs_no_texts(log, capsys):
    """The open log, its snapshot and the command give the board of counts made by hand, texts or none."""
    by_hand = rank(filled(log), control=CONTROL, cluster="voter", min_votes=0)
    cursor = log._connection.cursor()
    for gone in ("SELECT 1", "UPDATE generations SET text = ''", "DELETE FROM generations"):
        cursor.execute(gone)
        (log.folder / "votes" / "arena.parquet").unlink(missing_ok=True)
        log.snapshot()
        for votes in (log.comparisons(), comparisons(log.folder)):
            board = rank(votes, control=CONTROL, cluster="voter", min_votes=0)
            assert board.rows == by_hand.rows
            assert board.coefficients == by_hand.coefficients
        assert (
            main(["rank", str(log.folder), "--control", CONTROL, "--cluster", "voter", "--format", "json"])
            == 0
        )
        (board,) = json.loads(capsys.readouterr().out)["boards"]
        assert {c["name"]: c["value"] for c in board["coefficients"]} == {
            c.name: c.value for c in by_hand.coefficients
        }


def test_the_counts_of_pairs_stand_beside_those_of_larger_battles(log):
    """Votes that an arena took before it had larger battles, imported files and its own, in one folder."""
    filled(log, 30)
    rows = pq.read_table(log.snapshot())
    pq.write_table(rows.drop_columns(["citations_a", "citations_b"]), log.folder / "votes" / "before.parquet")
    played(log, ("ada", "bob", "cyn"), (0, 1, 2), (1, 2, 3))
    log.snapshot()
    votes = comparisons(log.folder)
    table = votes._source._source.query("SELECT models, length, citations, source_row FROM votes").to_pylist()
    assert len(table) == 61
    (wide,) = [row for row in table if len(row["models"]) == 3]
    assert wide["length"] == [WANTED[i][0] for i in (0, 1, 2)]
    for row in (row for row in table if row is not wide):
        at = row["source_row"] - 1
        assert row["length"] == [rows["length_a"][at].as_py(), rows["length_b"][at].as_py()]
    assert sum(row["citations"] is None for row in table) == 30


@pytest.mark.slow
def test_larger_battles_are_controlled_for_too(log, capsys):
    """Pairs and threes in one arena: the open log, its snapshot, and counts made by hand."""
    rng = Random(8)
    rows = []
    for _ in range(200):
        size = rng.choice([2, 3])
        models, texts = rng.sample(range(4), size), rng.choices(range(len(TEXTS)), k=size)
        places = (
            rng.choice([(1, 2), (2, 1)]) if size == 2 else rng.choice([(1, 2, 3), (3, 1, 2), (1, None, None)])
        )
        played(log, tuple(MODELS[m] for m in models), texts, places)
        fill = [0] * (3 - size)
        amounts = [WANTED[text][0] for text in texts]
        rows.append(([*models, *(-1 for _ in fill)], [*(p or 0 for p in places), *fill], [*amounts, *fill]))
    lost = battle(("ada", "bob", "cyn"))
    put(log, lost, answer(lost.battle_id, 0, text="x"), vote(lost.battle_id, (3, 2, 1)))
    shown, places, length = (list(column) for column in zip(*rows, strict=True))
    by_hand = rank(Comparisons.of(MODELS, shown, places, features={"length": length}), control="length")
    log.snapshot()
    for votes in (log.comparisons(), comparisons(log.folder)):
        board = rank(votes, control="length")
        for row in by_hand.rows:
            assert (board[row.model].score, board[row.model].upper) == pytest.approx((row.score, row.upper))
        (note,) = [d for d in board.diagnostics if d.code == "left_out_votes"]
        assert note.message == "1 vote was left out for having no 'length' to control for."
    assert main(["rank", str(log.folder), "--control", "length"]) == 0
    assert "1 vote was left out for having no 'length'" in capsys.readouterr().out


def test_votes_of_the_first_version_get_the_counts_of_their_texts(tmp_path):
    """By hand: two turns shown, one later, one failed, one replaced; texts that are gone leave none."""
    path = tmp_path / "agon.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute((REPOSITORY / "tests/support/log_version_1.sql").read_text(encoding="utf-8"))
        old = "0123456789abcdef0123456789abcdef"
        other = "f" * 32
        connection.execute(
            f"INSERT INTO votes SELECT 2, '{other}', shown, verdict, NULL, NULL, NULL, 1, voter, [], created "
            "FROM votes"
        )
        connection.execute("UPDATE votes SET last_turn = 2 WHERE number = 1")
        for turn, slot, model, text, failure in [
            (1, 0, "ada", TEXTS[0], None),
            (2, 0, "ada", TEXTS[3], None),
            (3, 0, "ada", TEXTS[1], None),
            (1, 1, "cyn", TEXTS[0], None),
            (1, 1, "bob", TEXTS[4], None),
            (2, 1, "bob", TEXTS[6], "timeout"),
        ]:
            connection.execute(
                "INSERT INTO generations "
                "VALUES (?, ?, ?, ?, now()::TIMESTAMP, ?, 1, 1, NULL, NULL, NULL, ?, NULL)",
                [old, turn, slot, model, text, failure],
            )
    with VoteLog(tmp_path) as log:
        ada = [a + b for a, b in zip(WANTED[0], WANTED[3], strict=True)]
        assert stored(log) == [by_side(ada, WANTED[4]), NOTHING]
        played(log, texts=(0, 6))
        assert stored(log)[2] == by_side(WANTED[0], WANTED[6])
    with duckdb.connect(str(tmp_path / "agon.duckdb.v1"), read_only=True) as before:
        assert before.execute("SELECT count(*) FROM votes").fetchone() == (2,)


MARKS = ("#", "# ", "- ", "1. ", "**", "__", "[", "]", "(", ")", "](https://", "[1]", "```", "\n", " ", "\t")
OTHERS = ("a", "é", "٣", "\u00a0", "\u2028", "\x0b", "\r", "*", "_", "😀", ".")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(MARKS + OTHERS), max_size=30).map("".join))
@example("[٣] [3]\n٣. three\n3. three")
@example("[a](https://x\u00a0y) [a](https://x\x0by) [a](https://x y) [a](https://x\u2028y)")
@example("\u2028# header\r# header\n# header\x0b# header")
@example("```\n# code\n``` # text\n```\n# code\n")
@pytest.mark.slow
def test_the_database_and_python_count_alike(text):
    assert DATABASE.execute(COUNTED, [[text]]).fetchall() == [tuple(measure(text).values())]


def test_an_answer_made_to_be_slow_to_count_holds_nobody_up(log):
    """Each of these takes a backtracking matcher seconds to minutes at this length."""
    nasty = ["[" * 200_000, "[a](http://x" * 20_000, "**a" * 60_000, "```" + "`" * 200_000, "- " * 100_000]
    for one, two in pairwise(nasty):
        drawn = battle()
        at = drawn.battle_id
        waiting = [drawn, answer(at, 0, "ada", text=one), answer(at, 1, "bob", text=two), vote(at)]
        for future in [log.write(record) for record in waiting]:
            future.result(5)
    assert log.count() == len(nasty) - 1
