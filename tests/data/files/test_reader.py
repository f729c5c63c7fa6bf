"""One reader: the same rows from every container, by rank, import, answers and score tables alike."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agon.data import comparisons, read_published, score_table
from agon.data.files.reader import read_rows
from agon.data.importers.recorded_answers import answers
from agon.ranking import SourceError

VOTES = [("ada", "bob", "model_a"), ("bob", "cyn", "tie"), ("cyn", "ada", "model_b")]
NAMES = ("model_a", "model_b", "winner")
OBJECTS = [dict(zip(NAMES, row, strict=True)) for row in VOTES]
CSV = "\n".join(",".join(row) for row in (NAMES, *VOTES)) + "\n"
LINES = "\n".join(map(json.dumps, OBJECTS))
CONTAINERS = {
    "plain.csv": CSV,
    "bom.csv": "\ufeff" + CSV,
    "utf16.csv": CSV.encode("utf-16"),
    "semicolons.csv": CSV.replace(",", ";"),
    "bars.csv": CSV.replace(",", "|"),
    "tabs.csv": CSV.replace(",", "\t"),
    "tabs.tsv": CSV.replace(",", "\t"),
    "spaces.csv": CSV.replace("model_b,", " model_b ,", 1),
    "comment.csv": "# exported 2025-06-01 by arena\n" + CSV,
    "returns.csv": CSV.replace("\n", "\r\n"),
    "packed.csv.gz": gzip.compress(CSV.encode()),
    "packed.csv.zst": pa.compress(CSV.encode(), "zstd", asbytes=True),
    "lines.jsonl": LINES,
    "lines.json": LINES,
    "bom.json": "\ufeff" + json.dumps(OBJECTS),
    "utf16.jsonl": LINES.encode("utf-16"),
    "array.jsonl": json.dumps(OBJECTS),
    "array.json": json.dumps(OBJECTS, indent=1),
    "pretty.json": "\n".join(json.dumps(row, indent=1) for row in OBJECTS),
    "rows_api.json": json.dumps({"features": [], "rows": [{"row_idx": 0, "row": row} for row in OBJECTS]}),
    "packed.jsonl.zst": pa.compress(LINES.encode(), "zstd", asbytes=True),
    "table.parquet": pa.Table.from_pylist(OBJECTS),
}


def written(path, content):
    if isinstance(content, pa.Table):
        pq.write_table(content, path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.slow
def test_every_container_is_read_alike_by_rank_and_import(tmp_path, name):
    path = written(tmp_path / name, CONTAINERS[name])
    rows = read_rows(path)
    assert (rows.columns, rows.broken) == (NAMES, ())
    assert [tuple(row.values()) for row in rows.table().to_pylist()] == VOTES
    votes = comparisons(path)
    assert votes.models == ("ada", "bob", "cyn")
    assert votes.pairs.wins.tolist() == [[0, 1, 1], [0, 0, 0], [0, 0, 0]]
    found = read_published(path).votes
    assert [tuple(found[column].to_pylist()) for column in NAMES] == list(zip(*VOTES, strict=True))


def test_scores_and_answers_are_read_from_the_same_containers(tmp_path):
    for name, content in (
        ("a.csv", "model;x;y\nada;1;2\nbob;3;4\n"),
        ("b.csv", "model,x,y\nada,1,2\nbob,3,4\n".encode("utf-16")),
        ("c.csv.zst", pa.compress(b"model,x,y\nada,1,2\nbob,3,4\n", "zstd", asbytes=True)),
        ("d.json", json.dumps([{"model": "ada", "x": 1, "y": 2}, {"model": "bob", "x": 3, "y": 4}])),
    ):
        table = score_table(written(tmp_path / name, content))
        assert (table.models, table.values.tolist()) == (("ada", "bob"), [[1, 2], [3, 4]])
    given = "prompt;ada;bob\np;x;y\n"
    for name, content in (("e.csv", given), ("f.csv.zst", pa.compress(given.encode(), "zstd", asbytes=True))):
        assert answers(written(tmp_path / name, content)).models == ("ada", "bob")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("latin.csv", "model_a,model_b,winner\né,b,tie\n".encode("latin-1")),
        ("cut.csv.gz", gzip.compress(CSV.encode(), mtime=0)[:-9]),
        ("book.csv", b"PK\x03\x04 and then a workbook"),
        ("empty.jsonl", b"\n"),
        ("table.xlsx", b"PK\x03\x04"),
        ("words.json", b"model_a,model_b\n"),
        ("gone.csv", None),
    ],
)
def test_what_cannot_be_read_is_refused_by_the_same_sentence(tmp_path, name, content):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    said = set()
    for reader in (comparisons, read_published, score_table, answers):
        with pytest.raises(SourceError) as caught:
            reader(path)
        said.add(str(caught.value))
    assert len(said) == 1
    assert str(path) in said.pop()
