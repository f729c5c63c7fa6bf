"""Votes counted three ways: from dictionaries, in SQL, and by hand; all three must agree."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agon.data import comparisons
from agon.data.files.dictionary_counts import VOTE_COLUMNS, count_distinct
from agon.ranking.votes.vote_source import group

MODELS = ["ada", "bob", "cyn", "dan", "eve"]
LABELS = ["model_a", "model_b", "tie", "both_bad", "tie (bothbad)", "both bad", "bothbad"]
BOTH_BAD = set(LABELS[3:])


@st.composite
def votes(draw, *, nulls=False):
    """Rows of (model_a, model_b, winner); with nulls any of them may be missing."""
    model = st.sampled_from([*MODELS, None] if nulls else MODELS)
    label = st.sampled_from([*LABELS, None] if nulls else LABELS)
    rows = draw(st.lists(st.tuples(model, model, label), min_size=1, max_size=40))
    return rows if nulls else [row for row in rows if row[0] != row[1]] or [("ada", "bob", "tie")]


@st.composite
def chunked(draw, rows, kinds):
    """The rows as a table in chunks, each with a dictionary of its own."""
    cuts = sorted(draw(st.sets(st.integers(1, len(rows)), max_size=3)) | {0, len(rows)})
    kind = draw(st.sampled_from(kinds))
    parts = []
    for begin, end in pairwise(cuts):
        columns = zip(*rows[begin:end], strict=True)
        arrays = [pa.array(column, pa.string()) for column in columns]
        if kind == "dictionary":
            arrays = [array.dictionary_encode() for array in arrays]
        parts.append(pa.table(dict(zip(VOTE_COLUMNS, arrays, strict=True))).cast(_schema(kind)))
    return pa.concat_tables(parts)


def _schema(kind):
    types = {
        "string": pa.string(),
        "large_string": pa.large_string(),
        "string_view": pa.string_view(),
        "dictionary": pa.dictionary(pa.int32(), pa.string()),
    }
    return pa.schema([(name, types[kind]) for name in VOTE_COLUMNS])


def by_hand(rows):
    """(wins, ties, both_bad) counted vote by vote, as docs/data.md says."""
    names = sorted({name for row in rows for name in row[:2]})
    wins, ties, bad = (np.zeros((len(names), len(names))) for _ in range(3))
    for a, b, label in rows:
        i, j = names.index(a), names.index(b)
        if label == "model_a":
            wins[i, j] += 1
        elif label == "model_b":
            wins[j, i] += 1
        else:
            into = bad if label in BOTH_BAD else ties
            into[i, j] += 1
            into[j, i] += 1
    return tuple(names), wins, ties, bad


def tally(table):
    """A table of distinct votes as a Counter."""
    found = Counter()
    for row in table.to_pylist():
        found[row["model_a"], row["model_b"], row["winner"]] += row["count"]
    return found


@given(data=st.data())
def test_dictionaries_and_sql_count_what_is_counted_by_hand(data):
    rows = data.draw(votes())
    table = data.draw(chunked(rows, ["string", "large_string", "string_view", "dictionary"]))
    names, wins, ties, bad = by_hand(rows)
    for way in (comparisons(table), comparisons(table, where="TRUE")):
        assert way.models == names
        np.testing.assert_array_equal(way.pairs.wins, wins)
        np.testing.assert_array_equal(way.pairs.ties, ties)
        np.testing.assert_array_equal(way.pairs.both_bad, bad)


@given(data=st.data())
def test_a_parquet_file_counts_like_its_rows(data, tmp_path_factory):
    rows = data.draw(votes(nulls=True))
    table = pa.table(dict(zip(VOTE_COLUMNS, map(list, zip(*rows, strict=True)), strict=True))).cast(
        _schema("string")
    )
    path = tmp_path_factory.mktemp("counted") / "votes.parquet"
    pq.write_table(
        table, path, row_group_size=data.draw(st.integers(1, 9)), use_dictionary=data.draw(st.booleans())
    )
    assert tally(count_distinct(path)) == Counter(rows)


@given(data=st.data())
def test_a_table_counts_like_its_rows(data):
    rows = data.draw(votes(nulls=True))
    assert tally(count_distinct(data.draw(chunked(rows, ["string", "dictionary"])))) == Counter(rows)


@given(data=st.data())
def test_votes_in_a_row_are_the_same_from_dictionaries_and_from_sql(data):
    """Order, groups, sides and features of votes, with rows left out in between."""
    rows = [*data.draw(votes(nulls=True)), ("ada", "bob", "tie")]
    number = st.integers(0, 9)
    more = {
        "voter": [f"v{data.draw(number) % 3}" for _ in rows],
        "timestamp": [float(data.draw(number)) for _ in rows],
        "length": [data.draw(number) - 4.5 for _ in rows],
    }
    table = pa.table({**dict(zip(VOTE_COLUMNS, map(list, zip(*rows, strict=True)), strict=True)), **more})
    table = table.set_column(0, "model_a", table["model_a"].cast(pa.string()))
    table = table.set_column(1, "model_b", table["model_b"].cast(pa.string()))
    one, two = (comparisons(table, where=where, invalid="drop") for where in (None, "TRUE"))
    np.testing.assert_array_equal(one.battles.sequence, two.battles.sequence)
    for field in ("ballot", "cluster", "count"):
        np.testing.assert_array_equal(
            getattr(one.clusters("voter"), field), getattr(two.clusters("voter"), field)
        )
        listed = one.clustered("voter")
        np.testing.assert_array_equal(two.clustered("voter").cluster, listed.cluster)
        grouped = group("voter", listed.cluster, listed.sequence, len(one.ballots.count))
        np.testing.assert_array_equal(getattr(one.clusters("voter"), field), getattr(grouped, field))
    np.testing.assert_array_equal(listed.sequence, one.battles.sequence)
    np.testing.assert_array_equal(one.counts_by_position, two.counts_by_position)
    contexts = [way.controlled("length", cluster="voter").contexts for way in (one, two)]
    for field in ("pair", "features", "cluster"):
        np.testing.assert_array_equal(*(getattr(context, field) for context in contexts))


def test_dictionaries_with_unused_repeated_and_missing_words():
    words = pa.array(["unused", "ada", "bob", "ada", None])
    table = pa.table(
        {
            "model_a": pa.DictionaryArray.from_arrays(pa.array([1, 3, 4, None], pa.int8()), words),
            "model_b": pa.DictionaryArray.from_arrays(pa.array([2, 2, 2, 2], pa.int8()), words),
            "winner": pa.array(["tie"] * 4).dictionary_encode(),
        }
    )
    assert tally(count_distinct(table)) == {("ada", "bob", "tie"): 2, (None, "bob", "tie"): 2}
    votes = comparisons(table, invalid="drop")
    assert votes.pairs.ties.tolist() == [[0, 2], [2, 0]]
    assert dict(votes.left_out) == {"without a model name": 2}


def test_two_spellings_of_the_same_word_in_two_row_groups(tmp_path):
    """Each row group has its own dictionary, in its own order."""
    groups = [
        [("ada", "bob", "model_a"), ("bob", "ada", "tie")],
        [("bob", "ada", "tie"), ("cyn", "ada", "model_b")],
        [("cyn", "bob", "both_bad")],
    ]
    path = tmp_path / "votes.parquet"
    with pq.ParquetWriter(path, _schema("string")) as writer:
        for group in groups:
            writer.write_table(pa.table(dict(zip(VOTE_COLUMNS, zip(*group, strict=True), strict=True))))
    assert pq.ParquetFile(path).num_row_groups == 3
    assert tally(count_distinct(path)) == Counter(row for group in groups for row in group)


def test_many_rows_are_more_than_one_block():
    rng = np.random.default_rng(1)
    n = 1_200_001
    a, b = rng.integers(0, 5, n), rng.integers(0, 5, n)
    label = rng.integers(0, 4, n)
    table = pa.table(
        {
            "model_a": pa.DictionaryArray.from_arrays(a.astype(np.int32), MODELS),
            "model_b": pa.DictionaryArray.from_arrays(b.astype(np.int32), MODELS),
            "winner": pa.DictionaryArray.from_arrays(label.astype(np.int32), LABELS[:4]),
        }
    )
    counts = np.zeros((5, 5, 4), dtype=np.int64)
    np.add.at(counts, (a, b, label), 1)
    expected = {
        (MODELS[i], MODELS[j], LABELS[k]): counts[i, j, k]
        for i in range(5)
        for j in range(5)
        for k in range(4)
        if counts[i, j, k]
    }
    assert tally(count_distinct(table)) == expected


def test_very_many_names_are_left_to_sql():
    """300 x 300 models x 200 labels are too many combinations to count one by one."""
    n = 300
    table = pa.table(
        {
            "model_a": [f"a{i}" for i in range(n)],
            "model_b": [f"b{i}" for i in range(n)],
            "winner": [f"label {i}" for i in range(n)],
        }
    )
    assert count_distinct(table) is None
    fine = table.set_column(2, "winner", pa.array(["tie"] * n))
    assert len(comparisons(fine)) == n


TEXT = pa.string()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([("model_a", TEXT), ("model_b", TEXT), ("winner", TEXT)], True),
        ([("model_a", TEXT), ("model_b", TEXT), ("winner", TEXT), ("language", TEXT)], True),
        ([("model_a", TEXT), ("model_b", TEXT)], False),
        ([("model_a", TEXT), ("model_b", TEXT), ("winner", pa.int64())], False),
        ([("model_a", TEXT), ("model_b", TEXT), ("winner", TEXT), ("weight", pa.float64())], False),
        pytest.param(
            [("model_a", TEXT), ("model_b", TEXT), ("winner", TEXT), ("Weight", pa.float64())], False
        ),
        ([("model_a", TEXT), ("model_b", TEXT), ("winner", TEXT), ("p_a", pa.float64())], False),
        ([("model_a", TEXT), ("model_b", TEXT), ("winner", TEXT), ("winner", TEXT)], False),
    ],
)
def test_only_the_plainest_votes_are_counted_without_sql(fields, expected):
    table = pa.schema(fields).empty_table()
    assert (count_distinct(table) is not None) is expected


def test_the_order_of_the_columns_does_not_matter(tmp_path):
    """A file whose columns stand the other way round is counted by their names."""
    path = tmp_path / "votes.parquet"
    pq.write_table(
        pa.table({"winner": ["model_b"], "note": ["x"], "model_b": ["bob"], "model_a": ["ada"]}), path
    )
    assert tally(count_distinct(path)) == Counter({("ada", "bob", "model_b"): 1})
