"""Votes counted by a real Spark on this machine: the same counts to the last one, and the same boards."""

import os
import shutil
import subprocess
import sys
import warnings
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import agon as ag
from agon.arena.cli.commands import main
from agon.data.engines.dialects import rewritten, translate
from agon.ranking import OptionError, SourceError

pytestmark = pytest.mark.slow
FAST = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # a minute is too short for what else Java compiles
ROWS = {
    "model_a": ["ada", "bob", "ada", "O'Neil\\x", "ada", "cyn", "bob"],
    "model_b": ["bob", "ada", "bob", "ada", "cyn", "ada", "cyn"],
    "winner": ["model_a", "model_b", "model_a", "tie", "both_bad", "model_a", "tie (bothbad)"],
    "voter": ["v1", "v1", "v2", "v2", "v3", "v3", "v'4\\"],
    "prompt_id": ["p1", "p2", "p1", None, "p2", "p1", "p3"],
    "battle_id": ["1", "2", "3", "4", "5", "6", "7"],
    "language": ["en", "fr", "en", "en", None, "it's", "en"],
    "category": [["code"], ["code", "math"], [], None, ["math"], ["code"], ["math"]],
    "weight": [1.0, 2.0, 1.0, 1.0, 0.5, 1.0, 1.0],
    "timestamp": [7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0],
}


@pytest.fixture(scope="module")
def session():
    """A session that is there already, as in a notebook."""
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, and none is installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Spark itself, of versions it does not know
        from pyspark.sql import SparkSession

        made = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        made = made.config("spark.driver.extraJavaOptions", FAST).config("spark.sql.shuffle.partitions", "2")
        made = made.getOrCreate()
        made.sparkContext.setLogLevel("OFF")
        yield made
        made.stop()


@pytest.fixture
def folder(tmp_path):
    """Votes in two files of one folder."""
    table = pa.table(ROWS)
    (tmp_path / "votes").mkdir()
    pq.write_table(table.slice(0, 3), tmp_path / "votes" / "one.parquet")
    pq.write_table(table.slice(3), tmp_path / "votes" / "two.parquet")
    return tmp_path / "votes"


def same(here, there):
    assert here.models == there.models
    for name in ("shown", "places", "acceptable", "count", "p_a", "weight"):
        assert np.array_equal(
            getattr(here.ballots, name), getattr(there.ballots, name), equal_nan=name == "p_a"
        )
    for by in here.source.cluster_columns():
        one, other = here.source.clusters(by), there.source.clusters(by)
        assert one.names == other.names
        for name in ("ballot", "cluster", "count"):
            assert np.array_equal(getattr(one, name), getattr(other, name))
    assert np.array_equal(here.source.counts_by_position(), there.source.counts_by_position())


@pytest.mark.parametrize(
    "where",
    [
        None,
        "language = 'it''s' OR len(category) > 1 OR voter = '{voter}'",
        "list_contains(category, 'math') AND voter LIKE 'v%' AND CAST(battle_id AS INTEGER) % 2 = 1",
    ],
)  # fmt: skip
def test_counts_clusters_and_sides_are_those_of_duckdb(session, folder, where):
    here = ag.comparisons(folder, where=where)
    there = ag.comparisons(folder, where=where, engine="spark")
    same(here, there)
    assert ag.rank(here).fingerprint == ag.rank(there).fingerprint


def test_a_frame_and_a_table_of_the_session_are_read_and_cut(session, folder, capsys):
    frame = session.read.parquet(str(folder))
    frame.createOrReplaceTempView("arena_votes")
    same(ag.comparisons(folder), ag.comparisons(frame))
    boards = {part.by["language"]: part.fingerprint for part in ag.rank_by(frame, "language", min_votes=1)}
    assert boards == {
        part.by["language"]: part.fingerprint for part in ag.rank_by(folder, "language", min_votes=1)
    }
    elo = ag.rank(frame, "elo")
    assert [row.score for row in elo] == [row.score for row in ag.rank(folder, "elo")], "by timestamp"
    assert main(["rank", "arena_votes", "--engine", "spark", "--format", "csv"]) == 0
    table = capsys.readouterr().out
    assert main(["rank", str(folder), "--format", "csv"]) == 0
    assert table == capsys.readouterr().out


def test_a_table_of_a_catalog_is_read_by_name(session, folder, tmp_path):
    session.sql(f"CREATE DATABASE lake LOCATION '{tmp_path}/lake'")
    session.sql(f"CREATE TABLE lake.votes USING parquet AS SELECT * FROM parquet.`{folder}`")
    for there in (ag.comparisons("lake.votes", engine="spark"), ag.comparisons(session.table("lake.votes"))):
        same(ag.comparisons(folder), there)


def test_times_and_what_is_counted_in_texts_are_those_of_duckdb(session, tmp_path):
    times = [datetime(2026, month, 1, 12, 0, 0, 250_000, UTC) for month in (3, 2, 1)]
    rows = {
        "model_a": ["ada", "bob", "ada"],
        "model_b": ["bob", "ada", "bob"],
        "winner": ["model_a", "tie", "both_bad"],
        "timestamp": times,
        "language": ["en", "fr", "en"],
        "answer_a": ["# One\n\n- two", "**x** {y}", ""],
        "answer_b": ["", "# a\n# b", "plain"],
    }
    pq.write_table(pa.table(rows), tmp_path / "votes.parquet")
    here, there = (ag.comparisons(tmp_path / "votes.parquet", engine=engine) for engine in (None, "spark"))
    assert np.array_equal(here.source.battles().times, there.source.battles().times)
    assert here.source.battles().times[0] % 1 == 0.25
    assert here.source.value_counts({}) == there.source.value_counts({})
    for name in ("length", "headers", "bold"):
        one, other = (votes.source.contexts([name], None) for votes in (here, there))
        assert np.array_equal(one.pair, other.pair)
        assert np.array_equal(np.sort(one.features), np.sort(other.features))


def test_lists_of_models_are_counted(session, tmp_path):
    rows = {
        "models": [["ada", "bob", "cyn"], ["cyn", "ada", "bob"], ["ada", "bob", "cyn"]],
        "places": [[1, 2, 3], [3, 1, 2], [1, None, None]],
        "acceptable": [[True, False, False], None, None],
        "voter": ["a", "b", "a"],
    }
    pq.write_table(pa.table(rows), tmp_path / "lists.parquet")
    here, there = (ag.comparisons(tmp_path / "lists.parquet", engine=engine) for engine in (None, "spark"))
    for name in ("shown", "places", "acceptable", "count"):
        assert np.array_equal(getattr(here.ballots, name), getattr(there.ballots, name))
    assert ag.rank(here).fingerprint == ag.rank(there).fingerprint


def test_real_votes_give_the_board_of_duckdb(session, datasets):
    votes = datasets / "llmfao_crowd_votes.parquet"
    there = ag.comparisons(votes, engine="spark", columns={"voter": "judge"})
    assert ag.rank(there).fingerprint == ag.rank(str(votes)).fingerprint


def test_what_spark_cannot_read_is_said_in_one_sentence(session, folder, tmp_path, capsys):
    pq.write_table(pa.table({"left": ["a"], "right": ["b"]}), tmp_path / "other.parquet")
    pq.write_table(pa.table(ROWS).drop_columns(["timestamp"]), tmp_path / "untimed.parquet")
    for words, said in (
        (["lake.nowhere.votes"], "Spark finds no votes at lake.nowhere.votes"),
        ([tmp_path / "other.parquet"], "has no column model_a"),
        ([folder, "--column", "voter=nobody"], "has no column 'nobody'"),
        ([folder, "--where", "nothing = 1"], "cannot be read by Spark"),
        ([folder, "--where", "language ="], "is no query"),
        ([folder, "--label", "left=model_a"], "Spark reads votes of our own layout"),
        ([tmp_path / "untimed.parquet", "-m", "elo"], "have no order, and no column timestamp"),
        ([folder, "--weights", "code=2"], "votes, not a table of scores"),
    ):
        assert main(["rank", *map(str, words), "--engine", "spark"]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1, error
    wrong = pa.table({**ROWS, "winner": ["nobody knows", *ROWS["winner"][1:]]})
    pq.write_table(wrong, tmp_path / "wrong.parquet")
    with pytest.raises(ag.AgonError, match="is not a known winner in 1 row"):
        ag.comparisons(tmp_path / "wrong.parquet", engine="spark")
    with pytest.raises(OptionError, match="There is no engine 'sparc'"):
        ag.comparisons(folder, engine="sparc")


@pytest.mark.parametrize(
    ("before", "more", "said"),
    [
        ("import sys; sys.modules['pyspark.errors'] = None", {}, "pip install 'agon-arena[spark]'"),
        ("", {"JAVA_HOME": "/nowhere", "PATH": "/nowhere"}, "Spark needs Java 17 or later"),
    ],
)
def test_what_is_missing_is_named(folder, before, more, said):
    command = (
        f"from agon.arena.cli.commands import main; main(['rank', {str(folder)!r}, '--engine', 'spark'])"
    )
    code = f"{before}\n{command}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert said in done.stderr.strip().splitlines()[-1], done.stderr


def test_what_duckdb_alone_can_say_is_refused_by_name():
    """Translated without a session: the words of each dialect by their own manuals."""
    views = {
        "unfiltered": rewritten("SELECT * FROM t", {}),
        "votes": rewritten("SELECT * FROM unfiltered", {}),
    }
    found = translate(
        "SELECT a, len(b) AS n, count(*) AS c FROM votes GROUP BY ALL", "spark", views, {"b": "VARCHAR[]"}
    )
    assert found == (
        "WITH unfiltered AS (SELECT * FROM t), votes AS (SELECT * FROM unfiltered) "
        "SELECT a, SIZE(b) AS n, COUNT(*) AS c FROM votes GROUP BY a, SIZE(b)"
    )
    with pytest.raises(SourceError, match="is no query"):
        rewritten("SELECT FROM WHERE", {})
