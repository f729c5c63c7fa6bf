"""Votes counted by a real PostgreSQL: the same counts to the last one, and the same boards."""

import subprocess
import sys
from decimal import Decimal

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import agon as ag
from agon.arena.cli.commands import main
from agon.data.engines.dialects import parsed, translate
from agon.data.log.shared_store.opening import open_store
from agon.data.store_address import StoreAddress
from agon.ranking import OptionError, SourceError
from tests.data.engines.test_spark import ROWS, same
from tests.support.log_records import voted
from tests.support.postgres_server import PASSWORD, postgres_server

TYPES = {"category": "text[]", "weight": "float8", "timestamp": "float8"}


@pytest.fixture(scope="module")
def server():
    with postgres_server() as opened:
        yield opened


def fill(address, table, rows, types):
    """Make a table and put rows into it."""
    columns = ", ".join(f'"{name}" {types.get(name, "text")}' for name in rows)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE {table} ({columns})")
        into = f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(rows))})"
        connection.cursor().executemany(into, list(zip(*rows.values(), strict=True)))


@pytest.fixture(scope="module")
def address(server):
    made = server.database()
    fill(made, "votes", ROWS, TYPES)
    return made


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    path = tmp_path_factory.mktemp("votes") / "votes.parquet"
    pq.write_table(pa.table(ROWS), path)
    return path


def do(address, sql):
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(sql)


def controlled(votes, cluster):
    """What a fit controls for of each comparison, in an order of its own."""
    found = votes.source.contexts(["length"], cluster)
    which = np.zeros_like(found.pair) if found.cluster is None else found.cluster
    return sorted(zip(found.pair.tolist(), found.features[0].tolist(), which.tolist(), strict=True))


@pytest.mark.parametrize(
    "where",
    [
        None,
        "language = 'it''s' OR len(category) > 1 OR voter = '{voter}'",
        "list_contains(category, 'math') AND voter LIKE 'v%' AND CAST(battle_id AS INTEGER) % 2 = 1",
        "LANGUAGE = 'en' AND coalesce(len(category), 0) = 0",
        "year(make_timestamp(CAST(1e6 * timestamp AS BIGINT))) = 1970 AND weight >= 1",
    ],
)  # fmt: skip
def test_counts_clusters_and_sides_are_those_of_duckdb(address, parquet, where):
    here, there = (ag.comparisons(source, where=where) for source in (parquet, address))
    same(here, there)
    assert ag.rank(here).fingerprint == ag.rank(there).fingerprint
    assert [row.score for row in ag.rank(here, "elo")] == [row.score for row in ag.rank(there, "elo")]


@pytest.mark.parametrize("column", ["language", "category", "voter", "prompt_id"])
def test_the_parts_are_those_of_duckdb(address, parquet, column):
    boards = [
        [(part.by, part.fingerprint) for part in ag.rank_by(source, column, min_votes=1)]
        for source in (parquet, address)
    ]
    assert boards[0] == boards[1]


def test_every_type_of_a_column_is_read_as_what_it_says(server, tmp_path):
    """Enumerations, JSON, decimal numbers, dates, names in capitals: the same votes as in plain columns."""
    address = server.database()
    do(address, "CREATE TYPE outcome AS ENUM ('model_b', 'tie', 'model_a', 'both_bad')")
    rows = {
        "Model_A": ["Änne", "bob", "ada", "Bob "[:3]],
        "model_b": ["bob", "ada", "Änne", "ada"],
        "winner": ["model_a", "tie", "both_bad", "model_b"],
        "weight": [Decimal("1.50"), Decimal(2), Decimal("0.1"), Decimal(1)],
        "judge": ["a", "b", "a", "b"],
        "timestamp": [f"2026-0{n}-01 12:00:00.{n}5+02" for n in (4, 3, 2, 1)],
        "blind": ["true", "True", None, "f"],
        "voter_kind": ["human", None, "human", "human"],
        "length_a": [3, 0, 7, 1],
        "length_b": [1, 0, 2, 9],
    }  # fmt: skip
    types = {"winner": "outcome", "weight": "numeric", "timestamp": "timestamptz"}
    fill(address, '"Lake votes"', rows, types | dict.fromkeys(("length_a", "length_b"), "smallint"))
    plain = rows | {"weight": [float(w) for w in rows["weight"]]}
    pq.write_table(pa.table(plain), tmp_path / "votes.parquet")
    given = {"columns": {"voter": "judge"}}
    here = ag.comparisons(tmp_path / "votes.parquet", **given)
    there = ag.comparisons(address, table="Lake votes", **given)
    same(here, there)
    assert here.models == ("Bob", "ada", "bob", "Änne")[1:] == there.models
    assert np.array_equal(here.source.battles().times, there.source.battles().times)
    assert here.left_out == there.left_out == {"not blind (the names were shown)": 1}
    assert controlled(here, "voter") == controlled(there, "voter")
    assert here.source.value_counts({}) == there.source.value_counts({})


@pytest.mark.parametrize("kinds", [("text[]", "int[]", "boolean[]"), ("jsonb", "json", "text")])
def test_lists_of_models_are_counted(server, tmp_path, kinds):
    rows = {
        "models": [["ada", "bob", "cyn"], ["cyn", "ada", "bob"], ["ada", "bob", "cyn"]],
        "places": [[1, 2, 3], [3, 1, 2], [1, None, None]],
        "acceptable": [[True, False, False], None, None],
        "voter": ["a", "b", "a"],
        "answers": [["four", "x", ""], ["", "yy", "z"], ["a", "b", "Größe"]],
    }
    pq.write_table(pa.table(rows), tmp_path / "lists.parquet")
    address = server.database()
    types = dict(zip(("models", "places", "acceptable"), kinds, strict=True)) | {"answers": "text[]"}
    listed = rows
    if kinds[0] == "jsonb":
        listed = {
            name: [None if one is None else str(one).replace("'", '"').replace("None", "null")
                   .replace("True", "true").replace("False", "false") for one in values]
            if name in ("models", "places", "acceptable") else values
            for name, values in rows.items()
        }  # fmt: skip
    fill(address, "votes", listed, types)
    here, there = ag.comparisons(tmp_path / "lists.parquet"), ag.comparisons(address)
    for name in ("shown", "places", "acceptable", "count"):
        assert np.array_equal(getattr(here.ballots, name), getattr(there.ballots, name))
    assert ag.rank(here).fingerprint == ag.rank(there).fingerprint
    assert controlled(here, None) == controlled(there, None)


def test_real_votes_give_the_board_of_duckdb(server, datasets):
    votes = datasets / "llmfao_crowd_votes.parquet"
    table = pq.read_table(votes)
    address = server.database()
    fill(address, "votes", {name: table[name].to_pylist() for name in table.column_names}, {})
    there = ag.comparisons(address, columns={"voter": "judge"})
    assert ag.rank(there).fingerprint == ag.rank(str(votes)).fingerprint


def test_all_counts_are_of_one_moment_and_nothing_is_written(server):
    address = server.database()
    fill(address, "votes", ROWS, TYPES)
    votes = ag.comparisons(address)
    do(address, "INSERT INTO votes SELECT * FROM votes")
    assert int(votes.clusters("voter").count.sum()) == votes.ballots.total == 7
    assert ag.comparisons(address).ballots.total == 14
    do(address, "CREATE SEQUENCE counted")
    with pytest.raises(SourceError, match="in a read-only transaction"):
        ag.comparisons(address, where="nextval('counted') > 0")
    with pytest.raises(SourceError, match="has no column 'nobody'"):
        votes.clusters("nobody")
    assert int(votes.clusters("voter").count.sum()) == 7, "and it goes on"


def test_the_command_ranks_what_is_there(server, address, parquet, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["rank", str(parquet), "--format", "json"]) == 0
    wanted = capsys.readouterr().out
    for words in ([address], [address, "--table", "public.votes"]):
        assert main(["rank", *words, "--format", "json"]) == 0
        got = capsys.readouterr()
        assert got.out == wanted
        assert PASSWORD not in got.out + got.err
    assert main(["counts", address, "--to", str(tmp_path / "part.parquet")]) == 0
    assert ag.rank(tmp_path / "part.parquet").fingerprint == ag.rank(parquet).fingerprint
    store = server.database()
    with open_store(store) as log:
        voted(log, ("ada", "bob"), (1, 2))
    fill(store, "ballots", ROWS, TYPES)
    capsys.readouterr()
    assert main(["rank", store, "--table", "ballots", "--format", "json"]) == 0
    assert capsys.readouterr().out == wanted, "a table beside the log of an arena"
    with pytest.raises(SourceError, match=r"holds the log of an arena; .* agon backup postgresql://agon@/"):
        ag.comparisons(store)


def test_what_cannot_be_read_is_said_in_one_sentence(server, address, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    fill(address, "other", {"left": ["a"], "right": ["b"]}, {})
    fill(address, "untimed", {name: ROWS[name] for name in ("model_a", "model_b", "winner")}, {})
    texts = {"answer_a": ["# one"] * 7, "answer_b": ["two"] * 7}
    fill(address, "texts", {**{name: ROWS[name] for name in ("model_a", "model_b", "winner")}, **texts}, {})
    fill(address, "wrong", {**ROWS, "winner": ["nobody knows", *ROWS["winner"][1:]]}, TYPES)
    do(address, "CREATE SCHEMA kept; CREATE TABLE kept.votes AS SELECT * FROM votes")
    do(address, "CREATE ROLE guest LOGIN PASSWORD 'guest-password'")
    guest = address.replace(f"agon:{PASSWORD}", "guest:guest-password")
    for words, said in (
        ([address, "--table", "vote"], "has no table 'vote' that may be read; did you mean 'votes'?"),
        ([address, "--table", "no.such.table.here"], "has no table 'no.such.table.here'"),
        ([server.database()], "has no table 'votes' that may be read; it has none at all"),
        ([address, "--table", "other"], "has no column model_a"),
        ([address, "--column", "voter=nobody"], "has no column 'nobody'"),
        (
            [address, "--where", "nothing = 1"],
            'cannot be read by PostgreSQL: column "nothing" does not exist',
        ),
        ([address, "--where", "language ="], "is no query"),
        ([address, "--where", "TRUE); DROP TABLE votes; --"], "is no query"),
        ([address, "--label", "left=model_a"], "PostgreSQL reads votes of our own layout"),
        ([address, "--engine", "spark"], "leave engine (--engine) out"),
        ([address, "--table", "untimed", "-m", "elo"], "have no order, and no column timestamp"),
        ([address, "--table", "texts", "--control", "headers"], "PostgreSQL cannot count this in texts"),
        ([address, "--table", "wrong"], "is not a known winner in 1 row of wrong in postgresql://agon@/"),
        ([address, "--weights", "code=2"], "votes, not a table of scores"),
        ([address, str(tmp_path)], "is a database, whose votes"),
        ([address + "&table=x"], "is no address of PostgreSQL"),
        ([address.replace(PASSWORD, "guessed"), "--table", "votes"], "password authentication failed"),
        (["postgresql://agon@127.0.0.1:1/agon", "--table", "votes"], "Start it, or check the address"),
        ([guest, "--table", "votes"], "may not be read by this user: permission denied for table votes"),
        ([guest, "--table", "kept.votes"], "may not be read by this user: permission denied for schema kept"),
    ):
        assert main(["rank", *map(str, words)]) == 2, words
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1, error
        assert PASSWORD not in error
        assert "guest-password" not in error
    do(address, "GRANT USAGE ON SCHEMA kept TO guest; GRANT SELECT ON TABLE kept.votes TO guest")
    assert ag.rank(guest, table="kept.votes").fingerprint == ag.rank(address).fingerprint
    assert main(["rank", address, "--table", "texts", "--control", "length"]) == 0
    assert main(["explain", address, "ada", "bob"]) == 2, "the question comes first"
    assert PASSWORD not in capsys.readouterr().err
    assert main(["check", address, "--table", "votes"]) == 2
    assert "is a database, whose votes agon rank" in capsys.readouterr().err
    with pytest.raises(SourceError, match=r"is a database, whose votes .* write them to a file"):
        ag.check(address)
    with pytest.raises(OptionError, match="There is no engine 'postgres'"):
        ag.comparisons(address, engine="postgres")


def test_a_server_that_goes_away_is_said(server):
    address = server.database()
    fill(address, "votes", ROWS, TYPES)
    votes = ag.comparisons(address)
    server.stop("immediate")
    try:
        with pytest.raises(SourceError, match="PostgreSQL did not finish with votes in postgresql://agon@/"):
            votes.clusters("voter")
    finally:
        server.start()
    assert ag.comparisons(address).ballots.total == 7


def test_an_address_is_never_shown_whole():
    address = StoreAddress("postgresql://agon:secret@db.example/agon?sslpassword=hush")
    assert address.shown == str(address) == f"{address}" == "postgresql://agon@db.example/agon"
    assert StoreAddress(address) is address
    assert "".join([address]) == "postgresql://agon:secret@db.example/agon?sslpassword=hush", (
        "for libpq alone"
    )


@pytest.mark.parametrize("module", ["psycopg", "sqlglot"])
def test_what_is_missing_is_named(module):
    code = (
        f"import sys; sys.modules[{module!r}] = None; import agon as ag; ag.comparisons('postgresql:///agon')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert "pip install 'agon-arena[postgres]'" in done.stderr.strip().splitlines()[-1], done.stderr


def test_texts_that_are_no_values_are_null_as_in_duckdb():
    sql = "SELECT TRY_CAST(x AS DOUBLE) AS a, TRY_CAST(n AS DOUBLE) AS b FROM (SELECT * FROM t)"
    found = translate(sql, "postgres", {"t": parsed("SELECT 1")}, {"x": "VARCHAR", "n": "DOUBLE"})
    assert 'CASE WHEN "x" ~* ' in found
    assert 'CAST("n" AS DOUBLE PRECISION) AS "b" FROM (SELECT * FROM "t") AS "part_' in found
