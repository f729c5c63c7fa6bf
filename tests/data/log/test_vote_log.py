"""The vote log: what is written is there, one vote a battle, and the counts are those counted by hand."""

import asyncio
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import duckdb
import numpy as np
import pytest

from agon.data.log import source
from agon.data.log.records import (
    AlreadyVoted,
    AttachedImage,
    Conflict,
    LogError,
    Receipt,
    ReplacementRecord,
    TurnRecord,
    UnknownBattle,
)
from agon.data.log.vote_log import VoteLog
from agon.data.reading import comparisons
from agon.ranking import Comparisons, SourceError, VotesError, rank
from agon.ranking.votes.vote_source import group
from tests.support.log_records import MODELS, NOON, answer, battle, drop_lookups, put, vote, voted


@pytest.fixture
def log(tmp_path):
    with VoteLog(tmp_path / "log") as opened:
        yield opened


def rows(log, sql):
    """What the database holds, read past the log."""
    with log._connection.cursor() as cursor:
        return cursor.execute(sql).fetchall()


def test_a_battle_is_kept_as_it_was_drawn(log):
    drawn = battle(("bob", "ada", "cyn"), prompt_id="p7", category="code", language="fr")
    assert put(log, drawn) == [Receipt(drawn.battle_id)]
    ((when, *kept),) = rows(
        log,
        "SELECT created, models, prompt_id, category, language, policy, policy_version, group_probability, "
        "pair_probabilities, seed, voter FROM battles JOIN lineups USING (lineup)",
    )
    assert when.replace(tzinfo=UTC) == drawn.created
    assert kept == [
        ["bob", "ada", "cyn"],
        "p7",
        "code",
        "fr",
        "uniform",
        1,
        1 / 6,
        [1 / 6] * 3,
        2**64 + 1,
        "v1",
    ]
    assert rows(log, "SELECT turn, prompt FROM turns") == [(1, drawn.prompt)]


def test_what_is_apart_from_an_answer_is_kept(log):
    drawn = battle()
    apart = {
        "reasoning": "Six times seven. \ud800",
        "reasoning_tokens": 5,
        "masked": ("Qwen3", "Alibaba"),
        "waited": 1.5,
    }
    put(log, drawn, answer(drawn.battle_id, **apart), answer(drawn.battle_id, 1, "bob"))
    assert rows(log, "SELECT reasoning, reasoning_tokens, masked, waited FROM generations ORDER BY slot") == [
        ("Six times seven. ?", 5, ["Qwen3", "Alibaba"], 1.5),
        (None, None, [], None),
    ]


def test_the_images_of_prompts_are_kept_by_hash_and_read_again(log):
    one, two = AttachedImage("0" * 63 + "a"), AttachedImage("f" * 64, "A cat, upside down")
    drawn = battle(images=(one, two))
    more = TurnRecord(drawn.battle_id, 2, "And this?", NOON, (one,))
    put(log, drawn, more, TurnRecord(drawn.battle_id, 3, "And none?", NOON))
    assert rows(log, "SELECT images, image_alts FROM turns ORDER BY turn") == [
        ([one.sha256, two.sha256], [None, "A cat, upside down"]),
        ([one.sha256], [None]),
        ([], []),
    ]
    assert [record.images for record in log.records(drawn.battle_id)] == [(one, two), (one,), ()]
    with pytest.raises(VotesError, match="64 hexadecimal digits"):
        AttachedImage("../secret.key")


def test_later_turns_and_answers_are_kept(log):
    drawn = battle()
    failed = answer(drawn.battle_id, 1, "bob", text="", tokens=0, failure="timeout", detail="no first token")
    fast = answer(drawn.battle_id, time_to_first_token=0.1, tokens_per_second=5.0, finish_reason="stop")
    put(log, drawn, TurnRecord(drawn.battle_id, 2, "And at night?", NOON), fast, failed)
    assert rows(log, "SELECT turn, prompt FROM turns ORDER BY turn")[1] == (2, "And at night?")
    columns = "slot, model, text, tokens, seconds, time_to_first_token, tokens_per_second, finish_reason, "
    assert rows(log, f"SELECT {columns} failure, detail FROM generations ORDER BY slot") == [
        (0, "ada", "Rayleigh.", 3, 0.5, 0.1, 5.0, "stop", None, None),
        (1, "bob", "", 0, 0.5, None, None, None, "timeout", "no first token"),
    ]


def test_a_vote_is_given_back_as_it_was_cast(log):
    drawn = battle(("ada", "bob", "cyn"))
    zone = timezone(timedelta(hours=9))
    cast = vote(
        drawn.battle_id,
        (2, None, 1),
        (False, False, True),
        last_turn=3,
        reasons=("clear", "correct"),
        created=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=zone),
    )
    assert log.vote(drawn.battle_id) is None
    assert put(log, drawn, cast)[1] == Receipt(drawn.battle_id, 1)
    assert log.vote(drawn.battle_id) == cast
    assert log.vote("0" * 32) is None
    assert log.vote("no id") is None


def test_votes_are_numbered_without_gaps(log):
    ids = [voted(log, ("ada", "bob"), (1, 2)) for _ in range(3)]
    for battle_id in ids:
        with pytest.raises(AlreadyVoted):
            put(log, vote(battle_id))
    voted(log, ("ada", "bob"), (1, 2))
    assert rows(log, "SELECT number FROM votes ORDER BY number") == [(1,), (2,), (3,), (4,)]
    assert log.count() == 4


def test_one_vote_posted_a_hundred_times_from_sixteen_threads_is_one_vote(log):
    drawn = battle()
    put(log, drawn)
    start = threading.Barrier(16)

    def post(turn):
        if turn < 16:
            start.wait(30)
        try:
            return log.write(vote(drawn.battle_id, voter=f"v{turn}")).result(60)
        except AlreadyVoted as error:
            return error

    with ThreadPoolExecutor(16) as pool:
        answers = Counter(type(answer) for answer in pool.map(post, range(100)))
    assert answers == {Receipt: 1, AlreadyVoted: 99}
    assert rows(log, "SELECT count(*) FROM votes") == [(1,)]


def test_the_database_itself_refuses_a_second_vote(log):
    battle_id = voted(log, ("ada", "bob"), (1, 2))
    with log._connection.cursor() as cursor, pytest.raises(duckdb.ConstraintException):
        cursor.execute("INSERT INTO votes SELECT * FROM votes")
    assert log.vote(battle_id).places == (1, 2)


def test_a_vote_that_only_the_database_sees_twice_fails_alone(log):
    """The key is the last line: here what the writer remembers is made wrong, and its neighbours are kept."""
    ids = [voted(log, ("ada", "bob"), (1, 2)), *(battle().battle_id for _ in range(20))]
    put(log, *(battle(battle_id=battle_id) for battle_id in ids[1:]))
    log._writer._index.recent[ids[0]].voted = False
    futures = [log.write(vote(battle_id)) for battle_id in [*ids[1:11], ids[0], *ids[11:]]]
    errors = [future.exception(60) for future in futures]
    assert [type(error) for error in errors if error] == [AlreadyVoted]
    assert isinstance(errors[10], AlreadyVoted)
    assert log.count() == 21
    assert sorted(future.result().number for future in futures if not future.exception()) == [*range(2, 22)]


@pytest.mark.parametrize("record", [vote("0" * 32), answer("0" * 32), TurnRecord("0" * 32, 2, "?", NOON)])
def test_what_belongs_to_no_battle_is_refused(log, record):
    with pytest.raises(UnknownBattle, match=f"There is no battle {'0' * 32} in the log"):
        put(log, record)
    assert log.count() == 0


def test_a_refused_record_leaves_its_neighbours(log):
    drawn = battle()
    wrong = replace(vote(drawn.battle_id), places=(1, 2, 3))
    futures = [log.write(record) for record in (drawn, wrong, vote("1" * 32), vote(drawn.battle_id))]
    assert [type(future.exception(30)) for future in futures] == [
        type(None),
        VotesError,
        UnknownBattle,
        type(None),
    ]


def test_a_battle_a_turn_or_an_answer_stands_once(log):
    drawn = battle()
    put(log, drawn, answer(drawn.battle_id), TurnRecord(drawn.battle_id, 2, "?", NOON))
    for again in (drawn, answer(drawn.battle_id, text="other"), TurnRecord(drawn.battle_id, 2, "!", NOON)):
        with pytest.raises(Conflict, match=drawn.battle_id):
            put(log, again)
    assert rows(log, "SELECT text FROM generations") == [("Rayleigh.",)]


def test_battles_that_are_not_remembered_are_looked_up(tmp_path, monkeypatch):
    """After a restart, or when more battles are open than the writer remembers."""
    ids = [battle().battle_id for _ in range(8)]
    with VoteLog(tmp_path) as log:
        put(log, *(battle(battle_id=battle_id, category="code") for battle_id in ids))
        put(log, ReplacementRecord(ids[0], 1, "cyn", 0.5, NOON), vote(ids[7]))
    monkeypatch.setattr("agon.data.log.index.RECENT", 2)
    with VoteLog(tmp_path) as log:
        put(log, ReplacementRecord(ids[0], 1, "dan", 0.5, NOON), *map(vote, ids[1:4]))
        put(log, *map(vote, [ids[0], *ids[4:7]]))
        assert len(log._writer._index.recent) == 2
        for battle_id in ids:
            with pytest.raises(AlreadyVoted):
                put(log, vote(battle_id))
        with pytest.raises(Conflict, match=ids[0]):
            put(log, battle(battle_id=ids[0]))
        assert log.comparisons({"category": "code"}).pairs.wins.tolist() == [[0, 7, 1], [0, 0, 0], [0, 0, 0]]
        assert log.comparisons().models == ("ada", "bob", "dan")


def test_a_replaced_side_is_who_the_vote_is_about(log):
    drawn = battle(("ada", "bob"))
    first = ReplacementRecord(drawn.battle_id, 0, "cyn", 0.5, NOON)
    put(log, drawn, answer(drawn.battle_id, failure="empty"), first)
    put(log, replace(first, model="dan", probability=1.0))
    with pytest.raises(Conflict, match="'bob' is in the battle"):
        put(log, replace(first, model="bob"))
    put(log, vote(drawn.battle_id, (1, 2)))
    board = log.comparisons()
    assert board.models == ("bob", "dan")
    assert board.pairs.wins.tolist() == [[0, 0], [1, 0]]
    kept = rows(log, "SELECT attempt, model, probability FROM replacements ORDER BY attempt")
    assert kept == [(1, "cyn", 0.5), (2, "dan", 1.0)]
    with pytest.raises(Conflict, match="has its vote"):
        put(log, replace(first, model="ada"))


OUTCOMES = [((1, 2), None), ((2, 1), None), ((1, 1), None), ((1, 1), (False, False))]


def test_counts_are_those_counted_by_hand(log):
    rng = np.random.default_rng(5)
    expected = {kind: np.zeros((4, 4)) for kind in ("wins", "ties", "both_bad")}
    records = []
    for _ in range(200):
        i, j = rng.permutation(4)[:2]
        places, acceptable = OUTCOMES[rng.integers(4)]
        drawn = battle((MODELS[i], MODELS[j]))
        records += [drawn, vote(drawn.battle_id, places, acceptable)]
        if places[0] != places[1]:
            expected["wins"][(i, j) if places == (1, 2) else (j, i)] += 1
        else:
            kind = "ties" if acceptable is None else "both_bad"
            expected[kind][i, j] += 1
            expected[kind][j, i] += 1
    put(log, *records)
    pairs = log.comparisons().pairs
    assert pairs.models == MODELS
    for kind, table in expected.items():
        assert np.array_equal(getattr(pairs, kind), table), kind
    assert pairs.votes.sum() == 400


def test_ballots_on_several_answers_are_counted_with_pairs(log):
    voted(log, ("cyn", "ada", "bob", "dan"), (1, None, 2, None))
    voted(log, ("dan", "bob", "ada"), (2, 1, 1), (False, True, True))
    voted(log, ("ada", "dan"), (1, 1), (False, False))
    votes = log.comparisons()
    assert votes.models == MODELS
    ada, bob, cyn, dan = range(4)
    wins = np.zeros((4, 4))
    for over, under in [(cyn, ada), (cyn, bob), (cyn, dan), (bob, ada), (bob, dan), (bob, dan), (ada, dan)]:
        wins[over, under] += 1
    ties, bad = np.zeros((4, 4)), np.zeros((4, 4))
    ties[ada, bob] = ties[bob, ada] = bad[ada, dan] = bad[dan, ada] = 1
    assert np.array_equal(votes.pairs.wins, wins)
    assert np.array_equal(votes.pairs.ties, ties)
    assert np.array_equal(votes.pairs.both_bad, bad)
    assert len(votes.battles.sequence) == 3


def test_votes_of_a_day_and_until_a_time(log):
    days = [datetime(2026, 3, 30 + n // 4, 12, n, tzinfo=UTC) for n in range(8)]
    for n, created in enumerate(days):
        shown = battle(models=("ada", "bob"), language=["en", "de"][n % 2], created=created)
        put(log, shown, answer(shown.battle_id, created=created), vote(shown.battle_id, created=created))
    assert log.filters({"language": "de"})["day"] == {"2026-03-31": 2, "2026-03-30": 2}
    assert log.filters({"day": "2026-03-31"})["language"] == {"de": 2, "en": 2}
    assert len(log.comparisons({"day": "2026-03-30", "language": "en"})) == 2
    assert log.span() == (days[0].timestamp(), days[-1].timestamp())
    assert [log.number_before(day.timestamp()) for day in days] == list(range(8))
    assert log.measured()["ada"]["first_seen"] == days[0].timestamp()
    assert log.measured()["ada"]["failures"] == 0


def test_filters_count_and_choose(log):
    for n in range(9):
        category, language = ["code", "law", None][n % 3], ["en", None][n % 2]
        voted(log, ("ada", "bob"), (1, 2), category=category, language=language)
    assert log.filters() == {"category": {"code": 3, "law": 3}, "language": {"en": 5}}
    assert len(log.comparisons({"category": "code"})) == 3
    assert len(log.comparisons({"category": "code", "language": "en"})) == 2
    with pytest.raises(SourceError, match=r"There are no votes yet with category \"x' OR 1=1\"\."):
        log.comparisons({"category": "x' OR 1=1"})
    parts = {value: len(part) for value, part in log.comparisons().split("category")}
    assert parts == {"code": 3, "law": 3, "null": 3}


def test_a_log_without_votes_says_so(log):
    with pytest.raises(SourceError, match=r"There are no votes yet\."):
        log.comparisons()
    assert (log.count(), log.filters(), log.snapshot()) == (0, {"category": {}, "language": {}}, None)


def test_votes_of_battles_with_a_failure_can_be_left_out(log):
    clean = voted(log, ("ada", "bob"), (1, 2))
    failed = voted(log, ("ada", "bob"), (2, 1))
    put(log, answer(clean), answer(failed, failure="timeout"))
    assert log.comparisons().pairs.wins.tolist() == [[0, 1], [1, 0]]
    assert log.comparisons(clean=True).pairs.wins.tolist() == [[0, 1], [0, 0]]


def test_all_views_are_of_the_votes_that_were_there(log):
    voted(log, ("ada", "bob"), (1, 2))
    before = log.comparisons()
    voted(log, ("cyn", "bob"), (1, 2))
    assert before.models == ("ada", "bob")
    assert len(before.battles.sequence) == 1
    assert before.clusters("voter").size == 1
    assert len(log.comparisons()) == 2


def test_clusters_are_persons_and_prompts(log):
    for n in range(6):
        voted(log, ("ada", "bob"), (1, 2), voter=f"v{n % 2}", prompt_id=f"p{n % 3}")
    votes = log.comparisons()
    assert [votes.clusters(by).size for by in ("voter", "prompt", "battle")] == [2, 3, 6]
    assert votes.clusters("voter").names == ("v0", "v1")
    in_order = votes.clustered("voter")
    np.testing.assert_array_equal(in_order.sequence, votes.battles.sequence)
    grouped = group("voter", in_order.cluster, in_order.sequence, len(votes.ballots.count))
    np.testing.assert_array_equal(grouped.count, votes.clusters("voter").count)
    np.testing.assert_array_equal(grouped.ballot, votes.clusters("voter").ballot)
    assert log.votes_of("v1") == 3
    voted(log, ("ada", "bob"), (1, 2))
    assert log.comparisons().clusters("prompt").size == 4  # typed, and so a prompt of its own
    voted(log, ("ada", "bob"), (1, 2))
    assert log.comparisons().clusters("prompt").size == 5
    assert log.comparisons().cluster_columns == ("voter", "prompt")
    with pytest.raises(SourceError, match="have no 'vote'; did you mean 'voter'"):
        log.comparisons().clusters("vote")


@pytest.mark.parametrize(("few", "cells"), [(3, 1 << 22), (1000, 0)])
def test_clusters_of_a_log_that_grows_are_those_of_its_file(log, monkeypatch, few, cells):
    """Labels are read once, and those of new votes put among them: as if all were read again."""
    monkeypatch.setattr(source, "_FEW", few)
    monkeypatch.setattr(source, "_CELLS", cells)
    rng, told, first = np.random.default_rng(3), [], None
    for number in (1, 2, 9, 0, 15):
        for _ in range(number):
            named = {"prompt_id": rng.choice(["p1", "z", "battle", "être"])} if rng.random() < 0.6 else {}
            pair = tuple(rng.choice(MODELS, 2, replace=False).tolist())
            drawn = battle(pair, voter=f"v{rng.choice(['é', '', '9', '10'])}{rng.integers(6)}", **named)
            put(log, drawn, vote(drawn.battle_id, (1, 2), voter=drawn.voter))
            told.append(drawn)
        if number == 0:
            log.erase([told[0].battle_id, told[5].battle_id], withdraw=True)
            log.finish_erasing()
        ours, theirs = log.comparisons(), comparisons(log.snapshot())
        first = first or ours
        for by in ("voter", "prompt"):
            one, other = ours.clusters(by), theirs.clusters(by)
            assert tuple(name.replace("-", "") for name in one.names) == other.names
            for column in ("ballot", "cluster", "count"):
                np.testing.assert_array_equal(getattr(one, column), getattr(other, column))
            assert len(np.unique(ours.clustered(by).cluster)) == one.size
    assert first.clusters("voter").names == (told[0].voter,)


def test_votes_by_side_are_those_of_the_order_shown(log):
    for places, times in (((1, 2), 3), ((2, 1), 2), ((1, 1), 1)):
        for _ in range(times):
            voted(log, ("bob", "ada"), places)
    voted(log, ("ada", "bob"), (1, 2))
    left, right, tie = log.comparisons().counts_by_position
    assert (left[1, 0], right[1, 0], tie[1, 0]) == (3, 2, 1)
    assert (left[0, 1], right[0, 1], tie[0, 1]) == (1, 0, 0)
    voted(log, ("cyn", "bob", "ada"), (1, 2, 3))
    assert log.comparisons().counts_by_position is None


def test_only_answers_of_battles_that_are_over_are_counted(log):
    """Voted, void or left alone; while a battle goes on, its answers are nobody's business."""
    still, replaced, void, judged = (battle() for _ in range(4))
    put(log, still, answer(still.battle_id), answer(still.battle_id, 1, "bob"))
    put(log, replaced, answer(replaced.battle_id, failure="timeout"))
    put(log, ReplacementRecord(replaced.battle_id, 0, "cyn", 1.0, NOON), answer(replaced.battle_id, 0, "cyn"))
    long_ago = NOON - timedelta(days=1)
    assert log.endings(long_ago) == []
    put(log, void, answer(void.battle_id, 1, "bob", failure="rejected"))
    put(log, judged, answer(judged.battle_id), answer(judged.battle_id, 1, "bob"), vote(judged.battle_id))
    assert log.endings(long_ago) == [("ada", None, 1), ("bob", "rejected", 1), ("bob", None, 1)]
    assert {(model, end): n for model, end, n in log.endings(NOON + timedelta(days=1))} == {
        ("ada", None): 2,
        ("ada", "timeout"): 1,
        ("bob", None): 2,
        ("bob", "rejected"): 1,
        ("cyn", None): 1,
    }


def test_a_battle_is_read_as_it_was_written(log):
    drawn = battle(prompt_id="p1", category="code", language="en")
    written = [
        drawn,
        TurnRecord(drawn.battle_id, 2, "And why red?", NOON),
        answer(drawn.battle_id, failure="timeout", detail="no first token"),
        answer(drawn.battle_id, 0, "cyn", time_to_first_token=0.2, finish_reason="stop"),
        answer(drawn.battle_id, 1, "bob", reasoning="Hm.", reasoning_tokens=2, masked=("bob",), waited=1.5),
        ReplacementRecord(drawn.battle_id, 0, "cyn", 0.5, NOON),
        vote(drawn.battle_id, (1, 1), (False, False), reasons=("both wrong",)),
    ]
    first, turn, failed, other, bob, replaced, judged = written
    put(log, first, failed, replaced, other, bob, turn, judged)
    found = log.records(drawn.battle_id)
    assert found[:2] == [first, turn]
    assert sorted(map(str, found)) == sorted(map(str, written))
    assert log.vote_number(drawn.battle_id) == 1
    assert log.records("0" * 32) == log.records("nonsense") == []
    assert log.vote_number("0" * 32) is None


HOSTILE = [
    "'; DROP TABLE votes; --",
    'a"b',
    "$1",
    "{}",
    "%s",
    "=cmd|' /C calc'!A0",
    "名前\u202e",
    "line\nbreak",
    "\x1b[31m",
    "nul\x00byte",
]


def test_hostile_names_come_back_as_they_are(log):
    before = rows(log, "SELECT table_name, column_name FROM duckdb_columns() ORDER BY ALL")
    for name in HOSTILE:
        text = f"{name} \ud83d{name}"  # half of a surrogate pair, as JSON from a model may hold
        drawn = battle((name, "plain"), prompt=name, category=name, language=name, voter=name, prompt_id=name)
        put(
            log, drawn, vote(drawn.battle_id, reasons=(name,), voter=name), answer(drawn.battle_id, text=text)
        )
        assert log.vote(drawn.battle_id).reasons == (name,)
        assert log.votes_of(name) == 1
        assert log.comparisons({"category": name, "language": name}).models == tuple(sorted((name, "plain")))
    assert set(log.comparisons().models) == {*HOSTILE, "plain"}
    assert rows(log, "SELECT table_name, column_name FROM duckdb_columns() ORDER BY ALL") == before
    kept = {text for (text,) in rows(log, "SELECT text FROM generations")}
    assert kept == {f"{name} ?{name}" for name in HOSTILE}


def test_a_name_that_no_vote_file_may_hold_is_refused(log):
    put(log, battle(("Ada", "bob")))
    for name in ("ada", " Ada", "Аda"):  # the last with a Cyrillic letter
        with pytest.raises(VotesError, match=r"looks like 'Ada'|spaces around it"):
            put(log, battle((name, "bob")))
        with pytest.raises(VotesError):
            log.check_models([name])
    with pytest.raises(VotesError, match="looks like 'Eve'"):
        put(log, battle(("Eve", "eve")))
    log.check_models(["Ada", "new", "eve"])
    assert rows(log, "SELECT count(*) FROM battles") == [(1,)]


def test_a_name_that_only_took_a_side_is_known_too(tmp_path):
    drawn = battle(("ada", "bob"))
    with VoteLog(tmp_path) as log:
        put(log, drawn, ReplacementRecord(drawn.battle_id, 0, "Cyn", 1.0, NOON))
        with pytest.raises(VotesError, match="looks like 'Cyn'"):
            put(log, battle(("cyn", "bob")))
    with VoteLog(tmp_path) as log, pytest.raises(VotesError, match="looks like 'Cyn'"):
        put(log, battle(("cyn", "bob")))


def test_numbers_of_numpy_are_numbers(log):
    chance = np.float32(0.25)
    drawn = battle(seed=np.int64(5), group_probability=chance, pair_probabilities=(chance,))
    cast = vote(drawn.battle_id, (np.int64(1), np.int64(1)), (np.bool_(False), np.bool_(False)))
    put(log, drawn, cast)
    assert log.vote(drawn.battle_id) == vote(drawn.battle_id, (1, 1), (False, False))
    assert rows(log, "SELECT seed, pair_probabilities FROM battles") == [(5, [0.25])]


def test_what_was_never_committed_is_forgotten(log):
    """A group of records fails as a whole: nothing of it is remembered, neither numbers nor votes."""
    drawn = battle(("ada", "bob"))
    put(log, drawn, answer(drawn.battle_id))
    first = [battle(("new", "bob")), vote(drawn.battle_id), answer(drawn.battle_id)]
    with pytest.raises(duckdb.ConstraintException):
        log._writer._commit(first)
    assert put(log, vote(drawn.battle_id))[0].number == 1
    put(log, battle(("other", "bob")))
    assert [models for (models,) in rows(log, "SELECT models FROM lineups ORDER BY lineup")] == [
        ["ada", "bob"],
        ["other", "bob"],
    ]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: battle(("ada",)), "two or more different models"),
        (lambda: battle(("ada",) * 3), "two or more different models"),
        (lambda: battle(pair_probabilities=()), "make 1 pairs"),
        (lambda: battle(group_probability=0.0), "a probability above 0"),
        (lambda: battle(group_probability=float("nan")), "a probability above 0"),
        (lambda: battle(battle_id="x"), "no id of a battle"),
        (lambda: battle(created=datetime(2026, 1, 1)), "names no zone"),
        (lambda: vote("0" * 32, (1, 3)), "are no ballot"),
        (lambda: vote("0" * 32, (None, None)), "are no ballot"),
        (lambda: vote("0" * 32, (1, 2), (True,)), "acceptable has 1 values for 2 places"),
        (lambda: vote("0" * 32, last_turn=0), "turns count from 1"),
        (lambda: answer("0" * 32, slot=-1), "slots from 0"),
        (lambda: TurnRecord("0" * 32, 1, "?", NOON), "not a later turn"),
        (lambda: ReplacementRecord("0" * 32, 0, "ada", 1.5, NOON), "a probability above 0"),
    ],
)
def test_a_record_that_cannot_be_is_refused_where_it_is_made(wrong, words):
    with pytest.raises(VotesError, match=words):
        wrong()


def test_a_value_that_no_column_holds_is_refused_alone(log):
    drawn = battle()
    put(log, drawn)
    futures = [log.write(answer(drawn.battle_id, tokens=-1)), log.write(answer(drawn.battle_id, 1, "bob"))]
    with pytest.raises(VotesError, match=r"The generation of the battle \w+ cannot be kept"):
        futures[0].result(30)
    assert futures[1].result(30)
    with pytest.raises(VotesError, match="no slot 2 in a battle of 2"):
        put(log, answer(drawn.battle_id, 2))


def test_what_was_handed_over_is_written_on_closing_and_nothing_after(tmp_path):
    log = VoteLog(tmp_path)
    futures = [log.write(battle()) for _ in range(500)]
    log.close()
    log.close()
    assert all(future.done() and not future.exception() for future in futures)
    with pytest.raises(LogError, match="is closed"):
        log.write(battle())
    with VoteLog(tmp_path) as again:
        assert rows(again, "SELECT count(*) FROM battles") == [(500,)]


def test_a_loop_awaits_a_vote_and_giving_up_does_not_lose_it(log):
    """As the arena does; a visitor who leaves cancels the waiting, not the vote."""
    kept, left = battle(), battle()

    async def votes():
        receipts = [asyncio.wrap_future(log.write(record)) for record in (kept, left, vote(kept.battle_id))]
        assert (await asyncio.gather(*receipts))[2] == Receipt(kept.battle_id, 1)
        waiting = asyncio.wrap_future(log.write(vote(left.battle_id)))
        waiting.cancel()
        with pytest.raises(AlreadyVoted):
            await asyncio.wrap_future(log.write(vote(left.battle_id)))

    asyncio.run(votes())
    assert log.count() == 2


def test_readers_read_while_the_writer_writes(log):
    """Eight threads rank while votes arrive; each sees a board of whole votes that only grows."""
    voted(log, ("ada", "bob"), (1, 2))
    done = threading.Event()

    def read():
        seen = [1]
        while not done.is_set():
            votes = log.comparisons()
            assert votes.pairs.wins.sum() == len(votes) >= seen[-1]
            seen.append(len(votes))
        return seen[-1]

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(read) for _ in range(8)]
        for _ in range(5):
            drawn = [battle(("ada", "cyn")) for _ in range(20)]
            put(log, *drawn, *(vote(one.battle_id) for one in drawn))
        done.set()
        assert all(reader.result(60) for reader in readers)
    assert log.count() == 101


def test_length_is_controlled_for_over_the_turns_that_were_shown(log):
    """Replaced, failed and later answers do not count; the same board as from the counts written down."""
    shown, places, length, voters = [], [], [], []
    for i in range(60):
        pair = [("ada", "bob"), ("bob", "cyn"), ("cyn", "ada")][i % 3]
        drawn = battle(pair[:: 1 if i % 2 else -1], voter=f"v{i % 7}")
        sizes = [10 + i % 13, 12 + i % 9]
        first, second = drawn.models
        put(
            log,
            drawn,
            TurnRecord(drawn.battle_id, 2, "And at night?", NOON),
            answer(drawn.battle_id, 0, first, text="x" * sizes[0]),
            answer(drawn.battle_id, 1, second, text="y" * sizes[1]),
            answer(drawn.battle_id, 0, first, turn=2, text="never seen" * 50),
            vote(drawn.battle_id, places=(1, 2) if i % 5 else (2, 1), voter=f"v{i % 7}"),
        )
        shown.append([MODELS.index(first), MODELS.index(second)])
        places.append((1, 2) if i % 5 else (2, 1))
        length.append(sizes)
        voters.append(f"v{i % 7}")
    by_hand = Comparisons.of(MODELS[:3], shown, places, features={"length": length}, labels={"voter": voters})
    board = rank(log.comparisons(), control="length", min_votes=0)
    other = rank(by_hand, control="length", min_votes=0)
    assert board.coefficients == other.coefficients
    assert [(r.model, r.score) for r in board.rows] == [(r.model, r.score) for r in other.rows]
    with pytest.raises(SourceError, match="nothing to control for 'warmth'"):
        rank(log.comparisons(), control="warmth")


def test_boards_around_a_vote_are_those_of_the_votes_up_to_each(log):
    """The last one may be the only ballot of its kind, or of its model; or not count."""
    for models, places in ((("ada", "bob"), (1, 2)), (("ada", "bob"), (1, 2)), (("bob", "cid"), (2, 1))):
        voted(log, models, places)
    put(log, one := battle(("ada", "cid")), vote(one.battle_id, (1, 2), voter=one.voter, blind=False))
    assert log.comparisons_around(1)[0] is None
    for number in (2, 3, 4):
        for upto, votes in zip((number - 1, number), log.comparisons_around(number), strict=True):
            same = log.comparisons(upto=upto)
            assert votes.models == same.models
            assert votes.ballots.count.tolist() == same.ballots.count.tolist()
            assert votes.pairs.wins.tolist() == same.pairs.wins.tolist()
            assert votes.left_out == same.left_out


def test_voters_and_battles_are_looked_up_by_an_index_however_the_database_came_about(tmp_path):
    def found(where):
        with VoteLog(where) as log:
            for column, table in (("voter", "votes"), ("voter", "battles"), ("battle_id", "generations")):
                given = log._rows(f"SELECT any_value({column})::VARCHAR FROM {table}")[0]
                plan = log._rows(f"EXPLAIN ANALYZE SELECT * FROM {table} WHERE {column} = ?", given)[0][1]
                assert "Index Scan" in plan, (table, plan)

    with VoteLog(tmp_path / "log") as log:
        for n in range(3):
            name = voted(log, ("ada", "bob"), (1, 2), voter=f"voter {n}")
            put(log, answer(name, 0, "ada", turn=2))
    found(tmp_path / "log")
    (tmp_path / "log" / "agon.duckdb").unlink()  # made anew of the events
    found(tmp_path / "log")
    with duckdb.connect(str(tmp_path / "log" / "agon.duckdb")) as connection:
        drop_lookups(connection)
    found(tmp_path / "log")
