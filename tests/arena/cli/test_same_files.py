"""Every command reads the same files alike, or refuses them by the same sentence: one reader for all."""

import gzip
import json

import pyarrow as pa
import pytest

from agon.arena.cli.board import vote_file
from agon.arena.cli.reading import Reading
from agon.arena.setup.recorded import read_recorded_roster
from agon.data import comparisons
from agon.ranking import SourceError

HEADER = ("model_a", "model_b", "winner")
VOTES = [
    ("ada", "bob", "model_a"),
    ("bob", "cyn", "tie"),
    ("cyn", "ada", "model_b"),
    ("ada", "cyn", "model_a"),
]
SCORES = [
    ("model", "task", "score"),
    *((m, t, str(3 * i + j)) for i, m in enumerate("ab") for j, t in enumerate("xyz")),
]
ANSWERS = [
    ("prompt", "model", "answer"),
    *((p, m, f"{m} on {p}") for p in ("p1", "p2") for m in ("ada", "bob")),
]


def in_every_container(rows):
    """The same rows as each kind of file: bytes by the ending of its name."""
    text = "".join(",".join(row) + "\n" for row in rows)
    objects = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    return {
        "bom.csv": text.encode("utf-8-sig"),
        "semicolons.csv": text.replace(",", ";").encode(),
        "utf16.csv": text.encode("utf-16"),
        "packed.csv.gz": gzip.compress(text.encode()),
        "packed.csv.zst": pa.compress(text.encode(), "zstd", asbytes=True),
        "array.jsonl": json.dumps(objects).encode(),
        "plain.csv": text.encode(),
    }


def put(folder, name, content):
    path = folder / name
    path.write_bytes(content)
    return path


def opened_by_board(path):
    """The votes that `agon board` would show."""
    return vote_file([path], [path], Reading()).votes({})


@pytest.mark.parametrize("name", in_every_container([HEADER, *VOTES]))
@pytest.mark.slow
def test_votes_are_read_alike(name, tmp_path, run):
    path = put(tmp_path, name, in_every_container([HEADER, *VOTES])[name])
    plain = put(tmp_path, "by_hand.csv", in_every_container([HEADER, *VOTES])["plain.csv"])
    how = ("--min-votes", "0", "--interval", "none")
    status, board, _ = run("rank", path, *how)
    assert status == 0
    assert board == run("rank", plain, *how)[1]
    status, found, _ = run("check", path)
    assert (status, found) == (1, run("check", plain)[1].replace("by_hand.csv", name))  # 4 votes are few
    status, imported, _ = run("import", path, "--into", tmp_path / "log")
    assert status == 0
    assert imported.startswith("4 votes of the format 'battles' are in ")
    # by hand: ada beats bob once and cyn twice, bob and cyn tie once
    for votes in (opened_by_board(path), comparisons(tmp_path / "log")):
        assert votes.pairs.wins.tolist() == [[0, 1, 2], [0, 0, 0], [0, 0, 0]]
        assert votes.pairs.ties[1, 2] == 1


@pytest.mark.parametrize("name", in_every_container(SCORES))
def test_scores_are_read_alike_or_refused_alike(name, tmp_path, run):
    path = put(tmp_path, name, in_every_container(SCORES)[name])
    status, board, _ = run("rank", path, "--method", "mean", "--interval", "none", "--format", "csv")
    assert status == 0
    # by hand: a has 0, 1, 2 and b has 3, 4, 5
    assert [line.split(",")[2:5] for line in board.splitlines()[1:]] == [["1", "b", "4.0"], ["2", "a", "1.0"]]
    assert opened_by_board(path).values.tolist() == [[0, 1, 2], [3, 4, 5]]
    remedy = f"agon rank {path}, or in Python ag.score_table, reads it"
    sentence = f"agon: {path} is a table of scores, and no votes; {remedy}.\n"
    status, found, _ = run("check", path)
    assert status == 1
    assert found.startswith(f"{path}: 3 tasks on 2 models.\n• unlinked: ")  # b is above a on every task
    assert run("import", path, "--into", tmp_path / "log") == (2, "", sentence)
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("name", in_every_container(ANSWERS))
def test_recorded_answers_are_read_alike(name, tmp_path):
    roster = read_recorded_roster(put(tmp_path, name, in_every_container(ANSWERS)[name]))
    assert [one.card.name for one in roster.contestants] == ["ada", "bob"]
    assert [example.prompt for example in roster.examples] == ["p1", "p2"]


@pytest.mark.parametrize("word", ["verdict", "outcome", "result"])
def test_a_column_of_before_is_named_with_its_new_word(word, tmp_path, run):
    """And what the sentence says to do, done, gives the board of the right name."""
    text = in_every_container([HEADER, *VOTES])["plain.csv"].replace(b"winner", word.encode())
    path = put(tmp_path, "old.csv", text)
    for command in ("rank", "check", "import"):
        into = ("--into", tmp_path / "log") if command == "import" else ()
        status, out, err = run(command, path, *into)
        assert (status, out) == (2, "")
        assert f"(--column winner={word})" in err
        assert err.count("\n") == 1
    with pytest.raises(SourceError, match=f"winner={word}"):
        opened_by_board(path)
    status, board, _ = run("rank", path, "--column", f"winner={word}", "--interval", "none")
    assert status == 0
    assert "ada" in board


@pytest.mark.parametrize("words", [["rank"], ["check"], ["import", "--into", "log"]])
def test_recorded_answers_are_told_where_they_belong(tmp_path, run, words):
    """Nobody has judged them, so every command names the one that lets people do it, which takes the file."""
    path = put(tmp_path, "plain.csv", in_every_container(ANSWERS)["plain.csv"])
    how = f"agon serve {path} lets people compare them"
    sentence = f"agon: {path} holds recorded answers, and nobody has judged them; {how}.\n"
    assert run(words[0], path, *words[1:]) == (2, "", sentence)
    with pytest.raises(SourceError, match="nobody has judged them"):
        opened_by_board(path)
    assert len(read_recorded_roster(path).contestants) == 2


COSTS = "model,latency,accuracy\nada,1,0.5\nbob,2,0.7\ncyn,3,0.6\n"


@pytest.mark.parametrize("words", [["rank"], ["plan"], ["explain", "prospects"], ["decide"]])
def test_the_remedy_for_a_cost_is_taken_by_every_command(words, tmp_path, run):
    path = put(tmp_path, "costs.csv", COSTS.encode())
    facts = put(tmp_path, "facts.csv", b"model,price\nada,1\nbob,2\ncyn,3\n")
    more = ["--facts", facts, "--method", "mean", "--within", "1"] if words == ["decide"] else []
    status, out, err = run(*words, path, *more)
    assert (status, out) == (2, "")
    assert "(--lower latency)" in err
    status, out, err = run(*words, path, *more, "--lower", "latency")
    assert (status, err) == (0, "")
    assert "ada" in out


def test_a_page_names_the_options_by_which_its_votes_were_read():
    reading = Reading(
        where="a = 1",
        column=["voter=judge"],
        lower="latency",
        weights="x=2",
        grade_weight=3.0,
        invalid="drop",
    )
    words = "--column voter=judge --invalid drop --grade-weight 3 --weights x=2 --lower latency"
    assert list(reading.words()) == words.split()
    read = reading.keywords()
    assert (read["columns"], read["weights"]) == ({"voter": "judge"}, {"x": 2.0})
    assert (read["where"], read["directions"]) == ("a = 1", {"latency": "lower"})
