"""`comparisons`: conditions, columns, groups, clusters and the order of the votes."""

from collections import Counter

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from agon.data import comparisons
from agon.ranking import OptionError, SourceError, VotesError, rank
from tests.support.small_tables import PAIR, pairs, table

ROWS = table(
    ("ada", "bob", "model_a", "en", "u", 3),
    ("bob", "cyn", "tie", "de", "v", 1),
    ("cyn", "ada", "model_b", "en", "u", 2),
    ("ada", "bob", "model_b", None, "w", 4),
    ("ada", "bob", "model_a", "en", "w", 5),
    names=(*PAIR, "language", "judge", "turn"),
)


def test_where_keeps_the_rows_that_meet_it():
    votes = comparisons(ROWS, where="language = 'en' AND turn > 2")
    assert pairs(votes) == {("ada", "bob"): (2, 0, 0, 0)}
    assert votes.models == ("ada", "bob"), "models that no row shows are not there"


def test_row_numbers_are_those_of_the_source_whatever_the_condition():
    bad = table(
        ("ada", "bob", "tie", 1),
        ("ada", "ada", "tie", 2),
        ("ada", "bob", "tie", 2),
        ("bob", "bob", "tie", 2),
        names=(*PAIR, "turn"),
    )
    with pytest.raises(VotesError, match=r"'ada' or 'bob' meets itself in rows 2 and 4 of the Table"):
        comparisons(bad, where="turn = 2")
    with pytest.raises(VotesError, match=r"'bob' meets itself in row 4 of the Table"):
        comparisons(bad, where="turn = 2 AND model_a = 'bob'")
    assert len(comparisons(bad, where="model_a <> model_b")) == 2


def test_columns_under_other_names():
    theirs = ROWS.rename_columns(["left", "right", "verdict", "language", "judge", "turn"])
    votes = comparisons(
        theirs, columns={"model_a": "left", "model_b": "right", "winner": "verdict", "voter": "judge"}
    )
    assert pairs(votes) == pairs(comparisons(ROWS))
    assert votes.clusters("voter").size == 3


def test_a_column_may_replace_another():
    rows = ROWS.append_column("second", pa.array(["tie"] * 5))
    assert pairs(comparisons(rows, columns={"winner": "second"})) == {
        ("ada", "bob"): (0, 0, 3, 0),
        ("ada", "cyn"): (0, 0, 1, 0),
        ("bob", "cyn"): (0, 0, 1, 0),
    }


def test_split_by_values():
    parts = dict(comparisons(ROWS).split("language"))
    assert list(parts) == ["de", "en", "null"]
    assert [len(part) for part in parts.values()] == [1, 3, 1]
    assert pairs(parts["de"]) == {("bob", "cyn"): (0, 0, 1, 0)}
    assert parts["null"].models == ("ada", "bob")
    turns = dict(comparisons(ROWS).split("turn"))
    assert list(turns) == ["1", "2", "3", "4", "5"]


def test_split_loses_no_votes():
    rows = table(
        ("a", "b", "tie", "null"), ("a", "b", "tie", None), ("a", "b", "tie", "x"), names=(*PAIR, "language")
    )
    assert sum(len(part) for _, part in comparisons(rows).split("language")) == 3


def clusters(votes, by):
    """The votes of each cluster as a Counter of its ballots' indices."""
    found = votes.clusters(by)
    each = [Counter() for _ in range(found.size)]
    for ballot, cluster, count in zip(found.ballot, found.cluster, found.count, strict=True):
        each[cluster][int(ballot)] += int(count)
    return sorted(each, key=lambda c: sorted(c.items()))


def test_clusters_hold_the_votes_of_one_voter():
    """Three voters: u has rows 1 and 3, v row 2, w rows 4 and 5."""
    votes = comparisons(ROWS, columns={"voter": "judge"})
    assert sorted(sum(c.values()) for c in clusters(votes, "voter")) == [1, 2, 2]
    assert votes.clusters("voter").count.sum() == 5
    assert votes.clusters("turn").size == 5


@pytest.mark.parametrize(
    ("by", "column"),
    [
        ("battle", "battle_id"),
        ("prompt", "prompt_id"),
        ("battle", "battle"),
        ("voter", "voter"),
        ("Voter", "voter"),
    ],
)
def test_clusters_go_by_their_aliases(by, column):
    rows = ROWS.append_column(column, pa.array([1, 1, 2, 3, 3]))
    assert comparisons(rows).clusters(by).size == 3


def test_votes_without_a_voter_cannot_be_clustered():
    rows = ROWS.append_column("voter", pa.array(["u", None, "v", None, "u"]))
    with pytest.raises(
        SourceError,
        match=r'no voter to cluster by in rows 2 and 4 of the Table; .* where="voter IS NOT NULL"',
    ):
        comparisons(rows).clusters("voter")
    with pytest.raises(SourceError, match="no voter to cluster by in row 4 of the Table"):
        comparisons(rows, where="voter IS NOT NULL OR winner = 'model_b'").clusters("voter")
    assert comparisons(rows, where="voter IS NOT NULL").clusters("voter").size == 2
    many = pa.concat_tables([rows] * 4)
    with pytest.raises(SourceError, match="in rows 2, 4, 7, 9, 12 and 3 more of the Table"):
        comparisons(many).clusters("voter")


def test_rows_that_are_no_votes_are_counted_in_row_numbers():
    """Row 1 is left out as invalid, so the vote without a voter is the second vote and the third row."""
    rows = table(("ada", "ada", "tie"), ("ada", "bob", "model_a"), ("bob", "cyn", "tie"))
    votes = comparisons(rows.append_column("voter", pa.array(["u", "v", None])), invalid="drop")
    with pytest.raises(SourceError, match="no voter to cluster by in row 3 of the Table"):
        votes.clusters("voter")


def test_lists_may_be_clusters():
    rows = [{"models": ["a", "b"], "places": [1, 2]}, {"models": ["b", "a"], "places": [1, 2]}]
    assert comparisons(pa.Table.from_pylist(rows)).clusters("models").size == 2


TIMES = {
    "numbers": pa.array([30, 10, 20, 50, 40]),
    "seconds": pa.array([0.3, 0.1, 0.2, 0.5, 0.4]),
    "timestamps": pa.array([30000, 10000, 20000, 50000, 40000], pa.timestamp("ms")),
    "timestamps with a zone": pa.array(
        [30000000, 10000000, 20000000, 50000000, 40000000], pa.timestamp("us", "Europe/Berlin")
    ),
    "nanoseconds": pa.array(
        [30000000000, 10000000000, 20000000000, 50000000000, 40000000000], pa.timestamp("ns")
    ),
    "dates": pa.array([30, 10, 20, 50, 40], pa.date32()),
    "numbers as text": pa.array(["30", "1e1", "20", "50", "40.0"]),
    "times as text": pa.array(
        ["2024-01-03", "2024-01-01 10:00", "2024-01-02T23:59:59", "2024-02-01", "2024-01-09"]
    ),
}


@pytest.mark.parametrize("kind", TIMES)
def test_timestamps_order_the_votes(kind):
    """In time the rows are 2, 3, 1, 5, 4: the last vote but one is ada's win, the last bob's."""
    votes = comparisons(ROWS.append_column("timestamp", TIMES[kind]))
    battles = votes.battles
    assert battles.order == "timestamp"
    shown = [tuple(votes.models[i] for i in battles.ballots.shown[row]) for row in battles.sequence]
    assert shown == [("bob", "cyn"), ("ada", "cyn"), ("ada", "bob"), ("ada", "bob"), ("ada", "bob")]
    firsts = [int(battles.ballots.places[row][0]) for row in battles.sequence[2:]]
    assert firsts == [1, 1, 2]


def test_without_timestamps_the_rows_are_in_order():
    battles = comparisons(ROWS).battles
    assert battles.order == "file"
    names = battles.models
    assert [names[battles.ballots.shown[row][1]] for row in battles.sequence] == [
        "bob",
        "cyn",
        "cyn",
        "bob",
        "bob",
    ]


@pytest.mark.parametrize("bad", [None, "noon", "NaN"])
def test_a_time_that_cannot_be_read(bad):
    rows = ROWS.append_column("timestamp", pa.array(["1", "2", bad, "4", "5"]))
    votes = comparisons(rows)
    assert rank(votes, interval="none")["ada"].votes == 4, "methods that need no order do not mind"
    with pytest.raises(
        SourceError, match=r"no time that can be read in `timestamp` in row 3 of the Table; fill it in"
    ):
        _ = votes.battles


def test_nothing_left():
    with pytest.raises(SourceError, match="no votes to rank: none came in, or all were left out"):
        rank(comparisons(table(("ada", "ada", "tie")), invalid="drop"))


def test_other_words_for_invalid():
    with pytest.raises(OptionError, match="invalid must be"):
        comparisons(ROWS, invalid="ignore")


def test_a_file_replaced_by_another_as_long_is_noticed(tmp_path):
    path = tmp_path / "votes.parquet"
    votes = {"model_a": ["ada", "bob"], "model_b": ["bob", "ada"], "voter": ["ann", "bea"]}
    pd.DataFrame({**votes, "winner": ["tie", "model_a"]}).to_parquet(path)
    given, other = comparisons(path), comparisons(path)
    assert given.clusters("voter").size == 2
    pd.DataFrame({**votes, "winner": ["tie", "model_b"]}).to_parquet(path)
    with pytest.raises(SourceError, match=r"votes\.parquet changed while it was being read; do it again"):
        other.clusters("voter")


def test_a_frame_that_grew_is_noticed():
    frame = pd.DataFrame(
        {"model_a": ["ada"] * 3, "model_b": ["bob"] * 3, "winner": ["tie"] * 3, "voter": list("xyz")}
    )
    votes = comparisons(frame)
    frame.loc[3] = ["bob", "ada", "tie", "x"]
    with pytest.raises(SourceError, match="the DataFrame changed while it was being read; do it again"):
        votes.clusters("voter")


@pytest.mark.parametrize("kind", ["parquet", "csv", "duckdb"])
@pytest.mark.slow
def test_many_rows_come_from_the_database_in_their_order(tmp_path, kind):
    """Read in several threads, as the rows of a large file are; against the order in the frame itself."""
    rng, n, path = np.random.default_rng(0), 300_000, tmp_path / f"votes.{kind}"
    a = rng.integers(0, 9, n)
    names = np.array([f"m{i}" for i in range(9)])
    columns = {
        "model_a": names[a],
        "model_b": names[(a + 1) % 9],
        "winner": rng.choice(["model_a", "tie"], n),
    }
    frame = pd.DataFrame(columns)
    if kind == "duckdb":
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TABLE votes AS SELECT * FROM frame")
    else:
        frame.to_parquet(path, row_group_size=10_000) if kind == "parquet" else frame.to_csv(
            path, index=False
        )
    battles = comparisons(path, where="winner IS NOT NULL").battles
    shown = np.sort(np.stack([a, (a + 1) % 9], axis=1), axis=1)
    assert np.array_equal(battles.ballots.shown[battles.sequence], shown)
    assert np.array_equal(
        battles.ballots.places[battles.sequence].max(axis=1) == 1, columns["winner"] == "tie"
    )
