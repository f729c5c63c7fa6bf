"""Every kind of source gives the same board: files, compressed files, tables, frames, a log folder."""

import gzip
import json
import random

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from agon.data import comparisons
from agon.data.files.source import describe_source, ending, open_source
from agon.data.read_errors import sentence
from agon.ranking import OptionError, SourceError, rank

NAMES = ("model_a", "model_b")
WINNERS = ["model_a", "model_b", "tie", "both_bad"]


def drawn(n=400):
    """Votes of four models, each row with a weight, a voter, a time and a language."""
    draw = random.Random(5)
    rows = []
    for i in range(n):
        a, b = draw.sample(["ada", "bob", "cyn", 'dan o\'neil, "dan"'], 2)
        winner = draw.choices(WINNERS, [6, 3, 2, 1])[0]
        language = draw.choice(["en", "de", None])
        rows.append(
            {
                "model_a": a,
                "model_b": b,
                "winner": winner,
                "weight": draw.choice([0.5, 1.0, 2.0]),
                "voter": f"voter {draw.randrange(20)}",
                "timestamp": 1_700_000_000 + 60 * draw.randrange(n),
                "language": language,
                "battle_id": i,
            }
        )
    return pa.Table.from_pylist(rows)


RICH = drawn()
PLAIN = RICH.select(["model_a", "model_b", "winner"])


def with_texts(table, kind):
    """The same table with its texts of another Arrow type."""
    fields = [pa.field(f.name, kind if pa.types.is_string(f.type) else f.type) for f in table.schema]
    return table.cast(pa.schema(fields))


def parquet(table, folder, kind=None, **options):
    pq.write_table(table if kind is None else with_texts(table, kind), folder / "votes.parquet", **options)
    return folder / "votes.parquet"


def text(table, folder, name, delimiter=",", compress=None):
    sink = pa.BufferOutputStream()
    pc.write_csv(table, sink, pc.WriteOptions(delimiter=delimiter))
    return content(sink.getvalue().to_pybytes(), folder, name, compress)


def lines(table, folder, name, compress=None):
    body = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table.to_pylist())
    return content(body.encode(), folder, name, compress)


def content(body, folder, name, compress=None):
    path = folder / name
    if compress == "gzip":
        path.write_bytes(gzip.compress(body))
    elif compress:
        with pa.output_stream(str(path), compression=compress) as stream:
            stream.write(body)
    else:
        path.write_bytes(body)
    return path


def array(table, folder, **indent):
    return content(json.dumps(table.to_pylist(), **indent).encode(), folder, "votes.json")


def database(table, folder):
    with duckdb.connect(folder / "arena.duckdb") as connection:
        connection.register("given", table)
        connection.execute("CREATE TABLE votes AS FROM given")
    return folder / "arena.duckdb"


def with_enums(table, folder):
    with duckdb.connect(folder / "arena.duckdb") as connection:
        connection.register("given", table)
        names = "SELECT model_a FROM given UNION SELECT model_b FROM given"
        connection.execute(f"CREATE TYPE model AS ENUM ({names})")
        columns = "model_a::model AS model_a, model_b::model AS model_b"
        connection.execute(f"CREATE TABLE votes AS SELECT * REPLACE ({columns}) FROM given")
    return folder / "arena.duckdb"


def log(table, folder):
    (folder / "log" / "votes").mkdir(parents=True)
    half = table.num_rows // 2
    pq.write_table(table.slice(0, half), folder / "log" / "votes" / "a-1.parquet")
    pq.write_table(table.slice(half), folder / "log" / "votes" / "b[2].parquet")
    return folder / "log"


KINDS = {
    "parquet": parquet,
    "parquet, large strings": lambda t, f: parquet(t, f, pa.large_string()),
    "parquet, dictionaries": lambda t, f: parquet(t, f, pa.dictionary(pa.int32(), pa.string())),
    "parquet, no dictionary pages": lambda t, f: parquet(t, f, use_dictionary=False),
    "parquet, many row groups": lambda t, f: parquet(t, f, row_group_size=7, compression="zstd"),
    "a path with signs of its own": lambda t, f: parquet(t, f).rename(f / "it's [1] *?.parquet"),
    "csv": lambda t, f: text(t, f, "votes.csv"),
    "csv.gz": lambda t, f: text(t, f, "votes.csv.gz", compress="gzip"),
    "csv.zst": lambda t, f: text(t, f, "votes.csv.zst", compress="zstd"),
    "CSV.GZ": lambda t, f: text(t, f, "VOTES.CSV.GZ", compress="gzip"),
    "tsv": lambda t, f: text(t, f, "votes.tsv", "\t"),
    "tsv.gz": lambda t, f: text(t, f, "votes.tsv.gz", "\t", "gzip"),
    "jsonl": lambda t, f: lines(t, f, "votes.jsonl"),
    "ndjson": lambda t, f: lines(t, f, "votes.ndjson"),
    "jsonl.gz": lambda t, f: lines(t, f, "votes.jsonl.gz", "gzip"),
    "jsonl.zst": lambda t, f: lines(t, f, "votes.jsonl.zst", "zstd"),
    "json array": array,
    "json array, indented": lambda t, f: array(t, f, indent=2),
    "duckdb": database,
    "db": lambda t, f: database(t, f).rename(f / "agon.arena.db"),
    "duckdb enums": with_enums,
    "log folder": log,
    "path as text": lambda t, f: str(parquet(t, f)),
    "pyarrow": lambda t, f: t,
    "pyarrow, large strings": lambda t, f: with_texts(t, pa.large_string()),
    "pyarrow, string views": lambda t, f: with_texts(t, pa.string_view()),
    "pyarrow, dictionaries": lambda t, f: with_texts(t, pa.dictionary(pa.int8(), pa.string())),
    "pyarrow, chunks": lambda t, f: pa.concat_tables([t.slice(i, 9) for i in range(0, t.num_rows, 9)]),
    "pandas": lambda t, f: t.to_pandas(),
    "pandas categories": lambda t, f: t.to_pandas().astype({"model_a": "category", "winner": "category"}),
    "pandas, arrow types": lambda t, f: t.to_pandas(types_mapper=pd.ArrowDtype),
    "polars": lambda t, f: pl.from_arrow(t),
    "polars categories": lambda t, f: pl.from_arrow(t).cast(dict.fromkeys(NAMES, pl.Categorical)),
    "duckdb relation": lambda t, f: duckdb.connect().from_arrow(t),
}


def same(source, table, **options):
    """Whether a source gives the board of the table, by a method of each view."""
    ours, theirs = comparisons(source), comparisons(table)
    for method in ("bradley_terry", "elo"):
        settings = {"permutations": 3, "n_resamples": 5} if method == "elo" else {}
        one, two = rank(ours, method, **settings, **options), rank(theirs, method, **settings, **options)
        assert one.rows == two.rows
        assert one.fingerprint == two.fingerprint
        assert one.diagnostics == two.diagnostics


@pytest.mark.parametrize("kind", KINDS)
def test_plain_votes(kind, tmp_path):
    same(KINDS[kind](PLAIN, tmp_path), PLAIN)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_votes_with_weights_voters_and_times(kind, tmp_path):
    same(KINDS[kind](RICH, tmp_path), RICH, cluster="voter")


SOME = ["parquet", "csv", "tsv.gz", "jsonl", "json array", "duckdb", "log folder", "polars"]


@pytest.mark.parametrize("kind", SOME)
@pytest.mark.slow
def test_conditions_groups_and_order(kind, tmp_path):
    source = KINDS[kind](RICH, tmp_path)
    ours = comparisons(source, where="language IS NOT NULL AND battle_id % 3 <> 1")
    theirs = [r for r in RICH.to_pylist() if r["language"] is not None and r["battle_id"] % 3 != 1]
    assert len(ours) == len(theirs)
    parts = {value: len(part) for value, part in ours.split("language")}
    assert parts == {lang: sum(r["language"] == lang for r in theirs) for lang in ("de", "en")}
    kept = comparisons(pa.Table.from_pylist(theirs))
    assert rank(ours, "elo", permutations=0).rows == rank(kept, "elo", permutations=0).rows


def test_column_names_in_capitals_are_ours_too(tmp_path):
    shouted = RICH.rename_columns([name.upper() for name in RICH.column_names])
    for kind in ("parquet", "csv", "jsonl", "pyarrow", "duckdb"):
        folder = tmp_path / kind
        folder.mkdir()
        same(KINDS[kind](shouted, folder), RICH, cluster="voter")


class Unknown:
    """A frame of a library nobody has heard of: it has a length and speaks Arrow, nothing else."""

    def __init__(self, table):
        self.table = table

    def __len__(self):
        return len(self.table)

    def __arrow_c_stream__(self, schema=None):
        return self.table.__arrow_c_stream__(schema)


@pytest.mark.parametrize("name", ["timestamp", "Timestamp"])
@pytest.mark.parametrize("kind", ["parquet", "csv", "pyarrow", "pandas", "polars", "unknown"])
def test_plain_votes_with_times_are_played_in_time(kind, name, tmp_path):
    """The plainest votes are counted without SQL, which has its own idea of capitals."""
    table = PLAIN.append_column(name, RICH["timestamp"])
    votes = comparisons(Unknown(table) if kind == "unknown" else KINDS[kind](table, tmp_path))
    times, texts = RICH["timestamp"].to_pylist(), PLAIN.to_pylist()
    assert votes.battles.order == "timestamp"
    first, last = (min(times), max(times))
    alone = {time for time in (first, last) if times.count(time) == 1}
    assert alone
    for time in alone:
        row = texts[times.index(time)]
        ballot = votes.battles.sequence[0 if time == first else -1]
        shown = {votes.models[i] for i in votes.ballots.shown[ballot]}
        assert shown == {row["model_a"], row["model_b"]}


def test_a_weight_in_capitals_is_a_weight(tmp_path):
    table = PLAIN.append_column("Weight", RICH["weight"])
    assert (comparisons(table).ballots.weight != 1).any()
    assert (comparisons(parquet(table, tmp_path)).ballots.weight != 1).any()


def test_folders_named_like_values_are_not_columns(tmp_path):
    folder = tmp_path / "weight=3" / "winner=tie"
    folder.mkdir(parents=True)
    for kind in ("parquet", "csv", "jsonl"):
        same(KINDS[kind](PLAIN, folder), PLAIN)
    assert "weight" not in open_source(folder / "votes.csv").columns


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl", "log folder"])
def test_a_star_in_a_path_means_a_star(kind, tmp_path):
    """The votes of the file beside it are not read too."""
    for name in ("it", "*"):
        (tmp_path / name).mkdir()
        path = KINDS[kind](RICH, tmp_path / name)
    assert path.is_relative_to(tmp_path / "*")
    assert len(comparisons(path)) == RICH.num_rows


def test_a_model_may_begin_with_a_hash_or_a_quote(tmp_path):
    path = content(
        b"model_a,model_b,winner\n#1,ada,tie\n'bob','cyn',model_a\n#1,'bob',tie\n", tmp_path, "v.csv"
    )
    votes = comparisons(path)
    assert len(votes) == 3
    assert votes.models == ("#1", "'bob'", "'cyn'", "ada")


def test_types_are_not_guessed_from_the_first_rows(tmp_path):
    """DuckDB looks at 20,480 rows unless told otherwise."""
    rows = [*(f"ada,bob,tie,{i}" for i in range(25_000)), "ada,bob,tie,x17"]
    path = content("\n".join(["model_a,model_b,winner,battle_id", *rows]).encode(), tmp_path, "v.csv")
    assert comparisons(path).clusters("battle").size == 25_001


def test_json_that_mixes_texts_and_numbers_gives_plain_texts(tmp_path):
    rows = [{"model_a": "ada", "model_b": 7, "winner": "tie", "weight": 2}]
    rows += [{"model_a": 7, "model_b": "ada", "winner": "tie", "weight": "3"}]
    path = content("\n".join(map(json.dumps, rows)).encode(), tmp_path, "v.jsonl")
    votes = comparisons(path)
    assert votes.models == ("7", "ada")
    assert sorted(votes.ballots.weight) == pytest.approx([0.8, 1.2])  # 2 and 3 as multiples of their mean


def test_byte_order_mark_carriage_returns_and_blank_lines(tmp_path):
    body = "\ufeffmodel_a,model_b,winner\r\nada,bob,tie\r\n\r\nbob,ada,model_a\r\n"
    votes = comparisons(content(body.encode(), tmp_path, "v.csv"))
    assert (len(votes), votes.models) == (2, ("ada", "bob"))


def test_a_table_of_a_duckdb_file(tmp_path):
    path = database(PLAIN, tmp_path)
    with duckdb.connect(path) as connection:
        connection.execute('CREATE TABLE "odd ""name""" AS FROM votes LIMIT 7')
    assert len(comparisons(path)) == PLAIN.num_rows
    assert len(comparisons(path, table='odd "name"')) == 7


def test_a_view_of_a_duckdb_file(tmp_path):
    path = database(PLAIN, tmp_path)
    with duckdb.connect(path) as connection:
        connection.execute("CREATE VIEW ties AS FROM votes WHERE winner = 'tie'")
    assert len(comparisons(path, table="ties")) == PLAIN["winner"].to_pylist().count("tie")


def test_reading_leaves_a_duckdb_file_as_it_was(tmp_path):
    path = database(PLAIN, tmp_path)
    before = path.read_bytes()
    rank(comparisons(path), interval="none")
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["arena.duckdb"]


@pytest.mark.parametrize(
    "where",
    [
        "EXISTS (FROM read_text('{other}'))",
        "model_a IN (SELECT content FROM read_text('{other}'))",
        "(SELECT count(*) FROM read_csv('{other}')) > 0",
        "(SELECT count(*) FROM glob('/*')) > 0",
    ],
)
@pytest.mark.parametrize("kind", ["parquet", "csv", "duckdb", "pyarrow", "log folder"])
def test_a_condition_reads_no_other_file(kind, where, tmp_path):
    other = tmp_path / "secret.txt"
    other.write_text("secret")
    folder = tmp_path / "votes"
    folder.mkdir()
    with pytest.raises(OptionError, match="is not a condition on") as caught:
        comparisons(KINDS[kind](PLAIN, folder), where=where.format(other=other))
    assert "disabled by configuration" in str(caught.value)


@pytest.mark.parametrize(
    "where", ["winner = 'tie' -- only ties", "winner = 'tie' /* only */", "winner = 'tie'\n"]
)
def test_a_comment_in_a_condition_ends_with_it(where, tmp_path):
    ties = PLAIN["winner"].to_pylist().count("tie")
    assert len(comparisons(PLAIN, where=where)) == ties
    assert len(comparisons(parquet(PLAIN, tmp_path), where=where)) == ties


@pytest.mark.parametrize(
    "where",
    [
        "1=1) OR (1=1",
        "1=1); DROP VIEW votes; --",
        "1=1; DELETE FROM votes",
        "winner = 'tie' UNION SELECT 1",
        "winner = ?",
        "winner = $1",
        "count(*) > 1",
        "*",
        "winner",
        "1",
    ],
)
def test_what_is_no_condition_is_refused_in_one_sentence(where):
    with pytest.raises(OptionError) as caught:
        comparisons(PLAIN, where=where)
    assert str(caught.value).startswith(f"where={where!r} is not a condition on the Table: ")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("where", ["", "  "])
def test_an_empty_condition_is_not_taken_for_none(where):
    with pytest.raises(OptionError, match="where is empty"):
        comparisons(PLAIN, where=where)


@pytest.mark.parametrize("source", [None, 7, b"votes.csv"])
def test_what_is_no_source(source):
    with pytest.raises(SourceError, match=r"Cannot read votes from the .*: give the path of a file"):
        comparisons(source)


def test_a_frame_that_mixes_types():
    frame = pd.DataFrame({"model_a": ["ada", 7], "model_b": ["bob", "bob"], "winner": ["tie", "tie"]})
    with pytest.raises(SourceError, match="the DataFrame has a column that mixes types"):
        comparisons(frame)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.csv", ".csv"),
        ("a.CSV", ".csv"),
        ("a.b.jsonl.gz", ".jsonl"),
        ("a.csv.ZST", ".csv"),
        ("a", ""),
        ("a.gz", ""),
    ],
)
def test_the_ending_is_that_without_the_compression(name, expected, tmp_path):
    assert ending(tmp_path / name) == expected


def test_messages_call_a_source_by_its_path_or_its_type(tmp_path):
    assert describe_source(tmp_path / "votes.csv") == str(tmp_path / "votes.csv")
    assert describe_source(pd.DataFrame()) == "the DataFrame"
    assert describe_source(PLAIN) == "the Table"


@pytest.mark.parametrize("met", [KeyboardInterrupt, ValueError])
def test_an_interrupt_while_rows_stream_through_the_database_stays_one(met):
    """DuckDB tells both as an error of its own; `agon export` ended with 2 and called votes unreadable."""

    def batches():
        yield pa.record_batch({"word": ["KeyboardInterrupt"]})
        raise met("KeyboardInterrupt" if met is ValueError else "")

    given = pa.RecordBatchReader.from_batches(pa.schema({"word": pa.string()}), batches())
    connection = duckdb.connect()
    connection.register("given", given)
    with pytest.raises(duckdb.Error) as caught:
        connection.sql("SELECT * FROM given").to_arrow_table()
    if met is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
            sentence(caught.value)
    else:
        assert "KeyboardInterrupt" in sentence(caught.value)


def test_an_interrupt_while_a_library_looks_at_columns_is_one():
    said = "reading the schema of the object registered as 'given' failed: KeyboardInterrupt: "
    with pytest.raises(KeyboardInterrupt):
        sentence(ValueError(said))
    assert (
        sentence(ValueError("there is no column KeyboardInterrupt"))
        == "there is no column KeyboardInterrupt."
    )
