"""Votes that stand in a source twice, found by an identifier or as equal rows."""

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agon.data.files import duplicates
from agon.data.files.source import open_source

VOTE = {"model_a": "ada", "model_b": "bob", "winner": "tie"}


def find_duplicates(source, **given):
    return duplicates.find_duplicates(open_source(source, **given))


def table(*rows):
    return pa.Table.from_pylist([{**VOTE, **row} for row in rows])


def test_equal_votes_alone_are_no_repeats():
    """Two people may vote the same: without anything that tells votes apart, equal rows say nothing."""
    assert find_duplicates(table({}, {}, {})) == ()


@pytest.mark.parametrize("column", ["battle_id", "vote_id", "question_id"])
def test_an_identifier_that_comes_again(column):
    rows = table(
        {column: 1}, {column: 2}, {column: 1}, {column: None}, {column: None}, {column: 1}, {column: 2}
    )
    (found,) = find_duplicates(rows)
    assert found.code == "repeated_identifier"
    assert (
        found.message
        == f"A {column} that stood before comes again in rows 3, 6 and 7; keep one vote of each."
    )


@pytest.mark.parametrize("who", [{"timestamp": 5}, {"prompt_id": "p"}, {"voter": "u", "timestamp": 5}])
def test_rows_equal_in_every_column(who):
    (found,) = find_duplicates(table(who, who, dict.fromkeys(who), who))
    assert found.code == "repeated_rows"
    assert found.message == "2 rows are equal to another row in every column; keep one vote of each."


def test_a_voter_alone_makes_equal_rows_no_repeats():
    """Two votes of one voter on one pair are two votes: keeping one of each would halve every strength."""
    assert find_duplicates(table(*[{"voter": "u"}] * 5)) == ()


def test_rows_that_differ_in_one_column():
    assert find_duplicates(table({"voter": "u", "note": 1}, {"voter": "u", "note": 2})) == ()


def test_equal_rows_with_an_identifier_are_told_by_it():
    codes = [
        found.code
        for found in find_duplicates(table({"voter": "u", "vote_id": 1}, {"voter": "u", "vote_id": 1}))
    ]
    assert codes == ["repeated_identifier"]


def test_only_the_rows_that_meet_the_condition_count():
    rows = table({"battle_id": 1}, {"battle_id": 1}, {"battle_id": 2, "winner": "model_a"})
    assert find_duplicates(rows, where="winner = 'model_a'") == ()
    (found,) = find_duplicates(rows, where="winner = 'tie' -- a comment")
    assert "comes again in row 2;" in found.message


def test_other_names_of_the_columns():
    rows = table({"id": 1}, {"id": 1})
    assert find_duplicates(rows) == ()
    assert [found.code for found in find_duplicates(rows, columns={"battle_id": "id"})] == [
        "repeated_identifier"
    ]


def test_files_and_tables_of_a_database(tmp_path):
    rows = table({"battle_id": 1}, {"battle_id": 1})
    pq.write_table(rows, tmp_path / "v.parquet")
    with duckdb.connect(tmp_path / "v.duckdb") as connection:
        connection.register("given", rows)
        connection.execute("CREATE TABLE ballots AS FROM given")
    expected = find_duplicates(rows)
    assert len(expected) == 1
    assert (
        find_duplicates(tmp_path / "v.parquet")
        == find_duplicates(tmp_path / "v.duckdb", table="ballots")
        == expected
    )
