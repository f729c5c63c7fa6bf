"""Several files, patterns and folders as one source: the same board as of one file with all."""

import gzip
import json

import duckdb
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from agon.arena.cli.simulate import add_details, as_table
from agon.data import check, comparisons, read_any
from agon.ranking import SourceError, VotesError, bradley_terry_world, rank_all

WORLD = bradley_terry_world(5, 600, seed=8, length_effect=0.5)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """600 votes in one file, and in four files of four formats."""
    monkeypatch.chdir(tmp_path)
    votes = add_details(as_table(WORLD), WORLD, 8)
    pq.write_table(votes, "all.parquet")
    pq.write_table(votes.slice(0, 150), "part-1.parquet")
    pc.write_csv(votes.slice(150, 150), "part-2.csv")
    with (tmp_path / "part-3.jsonl").open("w") as file:
        file.writelines(json.dumps(row) + "\n" for row in votes.slice(300, 150).to_pylist())
    connection = duckdb.connect("part-4.duckdb")
    connection.register("rest", votes.slice(450))
    connection.execute("CREATE TABLE votes AS FROM rest")
    connection.close()
    return tmp_path


@pytest.mark.parametrize("settings", [{}, {"cluster": "voter"}, {"control": "length"}, {"by": "language"}])
@pytest.mark.parametrize("source", ["part-*", ["part-1.parquet", "part-2.csv", "part-[34]*"]])
@pytest.mark.slow
def test_parts_make_the_board_of_the_whole(source, settings, folder):
    one, several = (
        rank_all(comparisons(given), ["bradley_terry"], **settings) for given in ("all.parquet", source)
    )
    assert [board.fingerprint for board in several] == [board.fingerprint for board in one]
    assert [board.settings["votes"] for board in several] == [board.settings["votes"] for board in one]


def test_a_folder_of_files_is_all_of_them(folder):
    inside = folder / "inside"
    inside.mkdir()
    (folder / "part-2.csv").rename(inside / "b.csv")
    (folder / "part-3.jsonl").rename(inside / "c.jsonl")
    (inside / "notes.txt").write_text("no votes")
    assert len(comparisons(inside)) == 300
    (inside / "b.csv").unlink()
    (inside / "c.jsonl").unlink()
    with pytest.raises(SourceError, match="is a folder without votes"):
        comparisons(inside)


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder):
    (folder / "part-2.csv").rename(folder / "[p]*.csv")
    assert len(comparisons("[p]*.csv")) == 150


def test_duplicates_are_found_across_files(folder):
    pq.write_table(pq.read_table("part-1.parquet"), "again.parquet")
    assert check(["part-1.parquet", "part-2.csv"]).findings == check("part-2.csv").findings == ()
    codes = [finding.code for finding in check(["part-1.parquet", "again.parquet"]).findings]
    assert "repeated_identifier" in codes


def test_conditions_labels_and_columns_hold_for_every_file(folder):
    english = sum(
        len(comparisons(f"part-{i}", where="language = 'en'")) for i in ("1.*", "2.*", "3.*", "4.*")
    )
    assert len(comparisons("part-*", where="language = 'en'")) == english
    turned = {"model_a": "model_b", "model_b": "model_a"}
    left = comparisons("part-*", labels=turned).pairs.wins
    assert (left == comparisons("part-*").pairs.wins.T).all()
    renamed = pq.read_table("part-1.parquet").rename_columns({"model_a": "left"})
    pq.write_table(renamed, "part-1.parquet")
    with pytest.raises(SourceError, match=r"part-2\.csv has no column 'left'"):
        comparisons(["part-1.parquet", "part-2.csv"], columns={"model_a": "left"})


def test_votes_on_pairs_stand_beside_votes_on_three(folder):
    (folder / "three.jsonl").write_text('{"models": ["ada", "bob", "cyn"], "places": [1, 2, 3]}\n')
    votes = comparisons(["part-2.csv", "three.jsonl"])
    assert (len(votes), len(votes.models)) == (151, 8)


@pytest.mark.parametrize("begun", ["studies/s.jsonl", "invitations.jsonl", "use/events.jsonl"])
def test_what_else_a_store_keeps_is_never_read_as_votes(begun, tmp_path):
    """Its journals are chains of hashes: who was told to mend a row would break one."""
    (tmp_path / "studies").mkdir()
    (tmp_path / "use").mkdir()
    (tmp_path / begun).write_text('{"name": "", "score": 1}\n')
    if begun.startswith("studies"):
        (tmp_path / "secret.key").write_bytes(b"k" * 32)
    with pytest.raises(SourceError, match="is a folder without votes"):
        read_any(tmp_path)


def test_what_is_wrong_is_told_of_its_own_file(folder):
    (folder / "bad.csv").write_text("model_a,model_b,winner\nada,bob,tie\nada,bob,won\n")
    with pytest.raises(VotesError, match=r"'won' is not a known winner in row 2 of bad\.csv"):
        comparisons(["part-1.parquet", "bad.csv"])
    assert comparisons(["part-1.parquet", "bad.csv"], invalid="drop").left_out == {
        "with an unknown winner": 1
    }


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (["part-2.csv", "part-*"], "part-2.csv is named twice"),
        ("nothing-*.csv", r"No file matches nothing-\*\.csv"),
        (["part-1.parquet", "part-9.csv"], "There is no file part-9.csv; did you mean 'part-2.csv'?"),
        (
            ["part-1.parquet", "scores.csv"],
            "scores.csv holds no votes, as part-1.parquet does; name it alone",
        ),
    ],
)
def test_a_source_that_cannot_be_is_one_sentence(source, says, folder):
    pc.write_csv(pa.table({"model": ["ada", "bob"], "cola": [1, 2], "sst2": [2, 1]}), "scores.csv")
    with pytest.raises(SourceError, match=says):
        read_any(source)


def test_a_compressed_parquet_file_is_read(folder):
    (folder / "a.parquet.gz").write_bytes(gzip.compress((folder / "all.parquet").read_bytes()))
    assert len(comparisons("a.parquet.gz")) == 600
