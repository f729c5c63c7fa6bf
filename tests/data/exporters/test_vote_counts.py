"""Parts: boards of counts are those of the votes, several add up to the whole, nobody is named."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import agon as ag
from agon.arena.cli.commands import main
from agon.data.exporters.vote_counts import write_counts
from agon.ranking import OptionError, SourceError

VOTES = "\n".join(
    [
        "model_a,model_b,winner,voter,prompt_id,language,battle_id",
        "ada,bob,model_a,ann,p1,en,1",
        "bob,ada,model_b,ann,p2,en,2",
        "ada,bob,model_a,ann,p1,en,3",
        "bob,cyn,tie,ben,p1,fr,4",
        "cyn,bob,both_bad,ben,,fr,5",
        "ada,cyn,model_b,cat,p2,en,6",
    ]
)


@pytest.fixture
def votes(tmp_path):
    (tmp_path / "votes.csv").write_text(VOTES)
    return tmp_path / "votes.csv"


def counted(path):
    """Rows of a part without the random names."""
    rows = pq.read_table(path).to_pylist()
    return sorted((r["model_a"], r["model_b"], r["winner"], r["agon_count"]) for r in rows)


def test_equal_votes_of_one_voter_on_one_prompt_are_one_row(votes, tmp_path):
    done = write_counts(votes, tmp_path / "part.parquet")
    assert (done.votes, done.rows, done.clusters) == (6, 5, {"voter": 3, "prompt_id": 3})
    assert counted(tmp_path / "part.parquet") == [
        ("ada", "bob", "model_a", 2),
        ("ada", "cyn", "model_b", 1),
        ("bob", "ada", "model_b", 1),
        ("bob", "cyn", "tie", 1),
        ("cyn", "bob", "both_bad", 1),
    ]
    content = (tmp_path / "part.parquet").read_bytes()
    assert not any(name in content for name in (b"ann", b"ben", b"p1", b"battle"))
    write_counts(votes, tmp_path / "bare.parquet", by=[])
    assert pq.read_table(tmp_path / "bare.parquet").column_names == [
        "model_a",
        "model_b",
        "winner",
        "agon_count",
    ]


def boards(*sources, **options):
    board = ag.rank(list(map(str, sources)), **options)
    return board.fingerprint, [
        (r.model, r.score, r.lower, r.upper, r.rank_lower, r.rank_upper) for r in board.rows
    ]


def same(one, other):
    assert one[0] == other[0]
    assert [row[0] for row in one[1]] == [row[0] for row in other[1]]
    for mine, theirs in zip(one[1], other[1], strict=True):
        assert mine[1:4] == pytest.approx(theirs[1:4], abs=1e-8)
        assert mine[4:] == theirs[4:]


@pytest.mark.parametrize("method", ["bradley_terry", "davidson", "copeland"])
def test_real_votes_in_two_parts_are_the_board_of_all(datasets, tmp_path, method):
    """By voter and by prompt: the prompts of both are the same, so that they stay the same clusters."""
    whole = datasets / "llmfao_crowd_votes.parquet"
    for half in (0, 1):
        write_counts(whole, tmp_path / f"{half}.parquet", where=f"hash(voter) % 2 = {half}")
    options = {"method": method, "interval": "none" if method == "copeland" else "auto"}
    same(boards(tmp_path / "0.parquet", tmp_path / "1.parquet", **options), boards(whole, **options))
    if method == "bradley_terry":
        same(boards(tmp_path), boards(whole))  # a folder of parts


def test_votes_beside_a_part_are_to_be_counted_first(votes, tmp_path, capsys, monkeypatch):
    """A prompt has another name in a part: beside votes on it, it would stand for two."""
    monkeypatch.chdir(tmp_path)
    first, rest = tmp_path / "first.csv", tmp_path / "rest.csv"
    lines = VOTES.split("\n")
    first.write_text("\n".join(lines[:4]))
    rest.write_text("\n".join([lines[0], *lines[4:]]))
    write_counts(first, tmp_path / "first.parquet")
    assert main(["rank", "first.parquet", "rest.csv"]) == 2
    remedy = capsys.readouterr().err.partition("count that too: agon ")[2].strip().removesuffix(".")
    assert main(remedy.split()) == 0
    same(boards(tmp_path / "first.parquet", tmp_path / "rest-counts.parquet"), boards(votes))


def test_ballots_of_several_models_soft_judgements_and_weights_are_counted(tmp_path):
    lists = tmp_path / "lists.jsonl"
    ballot = {
        "models": ["ada", "bob", "cyn"],
        "places": [1, 2, None],
        "voter": "ann",
        "acceptable": [True, False, False],
    }
    rows = [ballot, ballot, {**ballot, "places": [2, 1, 1], "voter": "ben"}]
    lists.write_text("\n".join(map(json.dumps, rows)))
    done = write_counts(lists, tmp_path / "lists.parquet")
    assert (done.votes, done.rows) == (3, 2)
    same(boards(tmp_path / "lists.parquet"), boards(lists))
    soft = tmp_path / "soft.csv"
    soft.write_text("model_a,model_b,p_a,weight\n" + "ada,bob,0.75,2\n" * 3 + "bob,ada,0.5,1\n")
    write_counts(soft, tmp_path / "soft.parquet")
    assert pq.read_table(tmp_path / "soft.parquet").num_rows == 2
    same(boards(tmp_path / "soft.parquet"), boards(soft))


def test_columns_that_are_kept_choose_and_cut(votes, tmp_path, capsys):
    part = tmp_path / "part.parquet"
    assert main(["counts", str(votes), "--to", str(part), "--keep", "language"]) == 0
    assert "6 votes in 5 rows" in capsys.readouterr().out
    same(boards(part, where="language = 'en'"), boards(votes, where="language = 'en'"))
    groups = {
        board.by["language"]: sum(row.votes for row in board.rows) // 2
        for board in ag.rank_by(str(part), "language")
    }
    assert groups == {"en": 4, "fr": 2}


def test_what_was_left_out_is_said_of_the_part_too(tmp_path):
    mixed = tmp_path / "mixed.csv"
    mixed.write_text("model_a,model_b,winner,voter_kind\nada,bob,tie,human\nada,bob,model_a,llm\n")
    write_counts(mixed, tmp_path / "people.parquet")
    assert ag.comparisons(tmp_path / "people.parquet").left_out == ag.comparisons(mixed).left_out != {}
    write_counts(mixed, tmp_path / "judges.parquet", voters="llm")
    assert ag.comparisons(tmp_path / "judges.parquet").llm_votes == 1


def test_groups_mix_voters_and_their_intervals_stay_about_as_wide(datasets, tmp_path):
    """Of 100 planted crowds: the median of interval widths of 40 groups by those of 400 voters is about 1."""
    import numpy as np

    rng = np.random.default_rng(3)
    ratios = []
    for number in range(15):
        taste = rng.normal(0, 1.0, (400, 4))  # of each voter, so that votes of one depend
        rows = []
        for voter in range(400):
            for _ in range(8):
                a, b = rng.choice(4, 2, replace=False)
                wins = rng.random() < 1 / (1 + np.exp(-(taste[voter, a] - taste[voter, b])))
                rows.append((f"m{a}", f"m{b}", "model_a" if wins else "model_b", f"v{voter}"))
        table = pa.table(
            dict(zip(("model_a", "model_b", "winner", "voter"), zip(*rows, strict=True), strict=True))
        )
        path = tmp_path / f"{number}.parquet"
        done = write_counts(table, path, groups=40)
        assert done.clusters == {"voter": 40}
        whole, part = ag.rank(table), ag.rank(str(path))
        ratios += [
            (p.upper - p.lower) / (w.upper - w.lower) for p, w in zip(part.rows, whole.rows, strict=True)
        ]
    assert 0.93 < float(np.median(ratios)) < 1.07


def test_what_counts_cannot_say_is_refused_in_one_sentence(votes, tmp_path, capsys):
    part = tmp_path / "part.parquet"
    write_counts(votes, part)
    shutil.copy(part, tmp_path / "copy.parquet")
    for words, said in (
        (["rank", part, "--method", "elo"], "which have no order; take a method that does not ask for it"),
        (["rank", part, tmp_path / "copy.parquet"], "are copies of one part; name one of them"),
        (["rank", part, "--control", "length"], "whose answers have no length"),
        (["rank", part, "--gates", "default"], "which have no order"),
        (
            ["counts", part, "--to", tmp_path / "again.parquet"],
            "holds counts already, which add up as they are",
        ),
        (["counts", votes, "--to", tmp_path / "x.csv"], "must end in .parquet"),
        (["counts", votes, "--to", part], "exists already; choose another name, or replace it with --force"),
        (["counts", votes, "--to", tmp_path / "x.parquet", "--groups", "5"], "write 20 or more"),
        (
            ["counts", votes, "--to", tmp_path / "x.parquet", "--by", "vote"],
            "has no column 'vote'; did you mean",
        ),
        (["convert", part, "-o", tmp_path / "x.csv"], "holds counts, not votes one by one"),
        (["import", part, "--into", tmp_path / "log"], "holds counts, not votes one by one"),
    ):
        assert main([str(word) for word in words]) == 2, words
        error = capsys.readouterr().err
        assert said in error, words
        assert error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.parquet", "part.parquet", "votes.csv"]


def test_a_part_of_another_version_and_a_vote_without_a_voter_are_named(tmp_path):
    table = pa.table({"model_a": ["ada"], "model_b": ["bob"], "winner": ["tie"], "agon_count": [2]})
    pq.write_table(
        table.replace_schema_metadata({b"agon_counts": b'{"version": 2}'}), tmp_path / "new.parquet"
    )
    with pytest.raises(
        SourceError, match=r"new\.parquet is a part of version 2.*pip install --upgrade agon-arena"
    ):
        ag.comparisons(tmp_path / "new.parquet")
    (tmp_path / "v.csv").write_text("model_a,model_b,winner,voter\nada,bob,tie,ann\nada,bob,tie,\n")
    with pytest.raises(SourceError, match="Some votes have no voter to be kept apart by"):
        write_counts(tmp_path / "v.csv", tmp_path / "p.parquet")
    assert write_counts(tmp_path / "v.csv", tmp_path / "p.parquet", where="voter IS NOT NULL").votes == 1
    assert write_counts(tmp_path / "v.csv", tmp_path / "q.parquet", by=[]).votes == 2
    with pytest.raises(OptionError, match="name it in by, too"):
        write_counts(tmp_path / "v.csv", tmp_path / "r.parquet", by=[], match=["voter"])
