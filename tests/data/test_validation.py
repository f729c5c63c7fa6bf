"""Rows that are not votes: what a message says of hostile ones, and what is left out and counted."""

import csv
import json
from collections import Counter

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.data import comparisons
from agon.data.validation import any_of, quoted, rows_text, skeleton
from agon.ranking import VotesError, rank
from tests.support.small_tables import PAIR, pairs, table


def clusters(votes, by):
    """The votes of each cluster as a Counter of its ballots' indices."""
    found = votes.clusters(by)
    each = [Counter() for _ in range(found.size)]
    for ballot, cluster, count in zip(found.ballot, found.cluster, found.count, strict=True):
        each[cluster][int(ballot)] += int(count)
    return sorted(each, key=lambda c: sorted(c.items()))


HOSTILE = [
    "o'neil",
    '"quoted"',
    "'; DROP TABLE votes; --",
    "{model}",
    "{0} {rows} {{",
    "%s %d",
    "a\nb",
    "\x1b[31mred\x1b[0m",
    "x" * 10_000,
    "🦙🦙",
    "שלום עולם",
    "a\u202eb",
    "<script>alert(1)</script>",
    "a|b",
    "=1+1",
    "null",
    "NaN",
    "model_a",
    "[red]",
    "a,b;c\td",
    "\\n\\",
]


@pytest.mark.parametrize("way", ["table", "where", "csv", "jsonl", "duckdb", "parquet", "ballots"])
def test_hostile_names_are_names(way, tmp_path):
    rows = [(name, "ada", "model_a") for name in HOSTILE] + [("ada", name, "tie") for name in HOSTILE]
    given, options = table(*rows), {}
    if way == "where":
        options = {"where": "model_a <> 'nobody'"}
    elif way == "ballots":
        given = pa.Table.from_pylist([{"models": [a, b], "places": [1, 2]} for a, b, _ in rows])
    elif way == "csv":
        with (tmp_path / "v.csv").open("w", newline="") as file:
            csv.writer(file).writerows([PAIR, *rows])
        given = tmp_path / "v.csv"
    elif way == "jsonl":
        (tmp_path / "v.jsonl").write_text("\n".join(json.dumps(row) for row in given.to_pylist()))
        given = tmp_path / "v.jsonl"
    elif way == "duckdb":
        with duckdb.connect(tmp_path / "v.duckdb") as connection:
            connection.register("given", given)
            connection.execute("CREATE TABLE votes AS FROM given")
        given = tmp_path / "v.duckdb"
    elif way == "parquet":
        pq.write_table(given, tmp_path / "v.parquet")
        given = tmp_path / "v.parquet"
    votes = comparisons(given, **options)
    assert votes.models == tuple(sorted([*HOSTILE, "ada"]))
    assert len(votes) == 2 * len(HOSTILE)
    assert {row.model for row in rank(votes, interval="none").rows} == {*HOSTILE, "ada"}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.slow
def test_hostile_names_never_break_a_message(name, listed):
    """A self-battle of each name: one printable line with the name, quoted and shortened, and the row."""
    rows = table(("ada", "bob", "tie"), (name, name, "tie"), ("ada", "bob", "model_a"))
    if listed:
        rows = pa.Table.from_pylist(
            [{"models": [r["model_a"], r["model_b"]], "places": [1, 1]} for r in rows.to_pylist()]
        )
    with pytest.raises(VotesError) as caught:
        comparisons(rows)
    assert "in row 2 of the Table" in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300
    kept = comparisons(rows, invalid="drop")
    assert (len(kept), kept.left_out) == (2, {"self-battles": 1})


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.slow
def test_hostile_labels_and_look_alikes_never_break_a_message(name):
    for rows in (
        table((name, "bob", "tie"), ("ada", "bob", f"{name}!")),
        table(("bob", name, "tie"), ("bob", f" {name}", "tie")),
    ):
        with pytest.raises(VotesError) as caught:
            comparisons(rows)
        assert "in row 2 of the Table" in str(caught.value)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 400


DIRTY = table(
    ("ada", "bob", "model_a", "u"),
    ("ada", "ada", "tie", "u"),
    (None, "bob", "tie", "v"),
    ("Ada", "cyn", "tie", "v"),
    (" ada", "bob", "tie", "v"),
    ("ada", "cyn", "left", "w"),
    ("bob", "cyn", None, "w"),
    ("cyn", "bob", "model_a", "w"),
    ("ada", "ada", "left", "w"),
    ("bob", "ada", "model_b", "u"),
    names=(*PAIR, "voter"),
)
LEFT_OUT = {
    "without a model name": 1,
    "with a padded model name": 1,
    "with a look-alike model name": 1,
    "self-battles": 2,
    "with an unknown winner": 1,
    "without a winner": 1,
}


@pytest.mark.parametrize("way", ["table", "where", "parquet"])
def test_what_is_left_out_is_counted_by_reason(way, tmp_path):
    given, options = DIRTY, {"invalid": "drop"}
    if way == "where":
        options["where"] = "TRUE"
    elif way == "parquet":
        pq.write_table(DIRTY, tmp_path / "v.parquet")
        given = tmp_path / "v.parquet"
    votes = comparisons(given, **options)
    assert votes.left_out == LEFT_OUT
    assert len(votes) + sum(votes.left_out.values()) == DIRTY.num_rows
    assert pairs(votes) == {("ada", "bob"): (2, 0, 0, 0), ("bob", "cyn"): (0, 1, 0, 0)}


def test_the_board_keeps_what_was_left_out():
    board = rank(comparisons(DIRTY, invalid="drop"), min_votes=1, interval="none")
    assert board.settings["left_out"] == LEFT_OUT
    (note,) = [d for d in board.diagnostics if d.code == "left_out"]
    assert note.message.startswith("7 rows were left out as invalid: ")
    for reason, count in LEFT_OUT.items():
        assert f"{count} {reason}" in note.message
    clean = rank(
        comparisons(DIRTY.filter(pa.array([i in (0, 7, 9) for i in range(10)]))), min_votes=1, interval="none"
    )
    assert board.rows == clean.rows
    assert board.fingerprint != clean.fingerprint, "what was left out is part of the settings"


def test_every_view_leaves_the_same_rows_out():
    votes = comparisons(DIRTY, invalid="drop")
    battles, found = votes.battles, votes.clusters("voter")
    assert (
        np.bincount(battles.sequence, minlength=len(votes.ballots.count)).tolist()
        == votes.ballots.count.tolist()
    )
    assert [votes.models[battles.ballots.shown[row][1]] for row in battles.sequence] == ["bob", "cyn", "bob"]
    assert clusters(votes, "voter") == clusters(
        comparisons(DIRTY.filter(pa.array([i in (0, 7, 9) for i in range(10)]))), "voter"
    )
    assert found.size == 2, "the votes of voter v are all left out"


NAMES = st.sampled_from(["ada", "bob", "cyn", "Ada", " bob", "", None])
LABELS = st.sampled_from(["model_a", "model_b", "tie", "bothbad", "left", "", None])


@settings(max_examples=12)
@given(st.lists(st.tuples(NAMES, NAMES, LABELS, st.sampled_from("uvw")), min_size=1, max_size=25))
def test_whatever_the_rows_every_view_holds_the_same_votes(rows):
    rows = [*rows, *[("ada", "bob", "model_a", "u")] * len(rows), *[("bob", "ada", "tie", "u")] * len(rows)]
    given = table(*rows, names=(*PAIR, "voter"))
    fast, slow = comparisons(given, invalid="drop"), comparisons(given, where="TRUE", invalid="drop")
    assert fast.left_out == slow.left_out
    assert len(fast) + sum(fast.left_out.values()) == len(rows)
    for votes in (fast, slow):
        counts = votes.ballots.count
        assert np.bincount(votes.battles.sequence, minlength=len(counts)).tolist() == counts.tolist()
        found = votes.clusters("voter")
        assert np.bincount(found.ballot, found.count, len(counts)).tolist() == counts.tolist()
    assert (
        rank(fast, interval="none", min_votes=0).fingerprint
        == rank(slow, interval="none", min_votes=0).fingerprint
    )


def test_a_weight_of_pandas_that_is_missing_is_missing():
    """NaN of pandas is null in Arrow: it must not become the weight 1."""
    frame = DIRTY.slice(0, 1).to_pandas().assign(weight=[float("nan")])
    with pytest.raises(VotesError, match="There is no weight in row 1 of the DataFrame"):
        comparisons(frame)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("gpt-4", "GPT-4"),
        ("gpt-4", "gpt‑4"),
        ("gpt-4", "gpt—4"),
        ("gpt-4", "gpt\u200b-4"),
        ("gpt-4", "\uff47pt-4"),
        ("llama 3", "llama  3"),
        ("llama 3", "llama\u00a03"),
        ("coral", "соrаl"),
        ("omega", "οmega"),
        ("straße", "STRASSE"),
        ("é", "e\u0301"),
    ],
)
def test_names_that_look_alike(one, two):
    assert one != two
    assert skeleton(one) == skeleton(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("gpt-4", "gpt-4o"),
        ("gpt-4", "gpt4"),
        ("llama-3", "llama-3.1"),
        ("a b", "ab"),
        ("v1.0", "v10"),
        ("a_b", "a-b"),
    ],
)
def test_names_that_differ(one, two):
    assert skeleton(one) != skeleton(two)


@pytest.mark.parametrize(
    ("numbers", "total", "expected"),
    [
        ([3], 1, "row 3"),
        ([3, 8], 2, "rows 3 and 8"),
        ([1, 2, 3, 4, 5], 5, "rows 1, 2, 3, 4 and 5"),
        ([1, 2, 3, 4, 5], 6, "rows 1, 2, 3, 4, 5 and 1 more"),
        ([1, 2, 3, 4, 5], 12_005, "rows 1, 2, 3, 4, 5 and 12,000 more"),
    ],
)
def test_row_numbers_as_text(numbers, total, expected):
    assert rows_text(numbers, total) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a"], "'a'"),
        (["b", "a", "b"], "'a' or 'b'"),
        (["c", "a", "b"], "'a', 'b' or 'c'"),
        (["d", "c", "a", "b"], "'a', 'b', 'c' or 1 other"),
        (["e", "d", "c", "a", "b"], "'a', 'b', 'c' or 2 others"),
        (["it's"], '"it\'s"'),
    ],
)
def test_several_texts_in_a_message(texts, expected):
    assert any_of(texts) == expected


def test_a_quoted_text_survives_formatting():
    for name in HOSTILE:
        shown = (quoted(name) + " in {rows}").format(rows="row 1")
        assert shown.isprintable()
        assert shown.endswith(" in row 1")
    assert quoted("{a}\n").format() == r"'{a}\n'"
