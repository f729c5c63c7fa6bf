"""The command line as people use it: every command, format and exit status, pipes and interrupts."""

import contextlib
import csv
import gzip
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agon.arena.cli.commands import app, main
from agon.arena.cli.doctor import PARTS, install_line
from agon.arena.cli.simulate import as_table
from agon.data import comparisons
from agon.data.files.writer import write_table
from agon.ranking import bradley_terry_world, rank
from tests.support.contract import BOARD, NOTE, ROW
from tests.support.paths import REPOSITORY

AGON = [sys.executable, "-m", "agon"]
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "COLUMNS": "80"}


@pytest.fixture(scope="module")
def votes(tmp_path_factory):
    """A parquet file of 600 votes on 4 models, with voters and a language."""
    table = as_table(bradley_terry_world(4, 600, seed=3))
    languages = [["en", "de", None][i % 3] for i in range(600)]
    path = tmp_path_factory.mktemp("cli") / "votes.parquet"
    pq.write_table(table.append_column("language", [languages]), path)
    return path


def agon(*words, **options):
    """Run the real command in a process of its own."""
    given = {
        "capture_output": True,
        "text": True,
        "env": ENVIRONMENT,
        "timeout": 60,
        **options,
    }
    return subprocess.run([*AGON, *map(str, words)], check=False, **given)


def shell(line, folder):
    """Run a line in bash; `agon` is the command under test."""
    text = f'agon() {{ {shlex.join(AGON)} "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", text],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_rank_prints_the_json_of_the_design(run, votes):
    status, out, err = run("rank", votes, "-f", "json")
    assert (status, err) == (0, "")
    document = json.loads(out)
    assert set(document) == {"schema", "boards"}
    assert document["schema"] == 1
    (board,) = document["boards"]
    assert list(board) == BOARD
    assert all(list(row) == ROW for row in board["models"])
    assert all(list(note) == NOTE for note in board["diagnostics"])
    expected = rank(comparisons(votes))
    assert board["fingerprint"] == expected.fingerprint
    assert board["method"] == "bradley_terry"
    assert (board["level"], board["rank_method"], board["by"]) == (0.95, "differences", None)
    assert [row["model"] for row in board["models"]] == [row.model for row in expected.rows]
    assert [row["score"] for row in board["models"]] == [row.score for row in expected.rows]
    assert sum(row["votes"] for row in board["models"]) == 2 * 600


def test_what_has_no_number_is_null_in_json(run, tmp_path):
    """A model that never lost has no upper bound."""
    path = tmp_path / "votes.csv"
    path.write_text(
        "model_a,model_b,winner\n" + "ada,bob,model_a\nbob,ada,model_a\n" * 40 + "cyn,ada,model_a\n" * 40
    )
    _, out, _ = run("rank", path, "-f", "json")
    (board,) = json.loads(out)["boards"]
    cyn = board["models"][0]
    assert (cyn["model"], cyn["status"], cyn["rank"], cyn["upper"]) == ("cyn", "ranked", 1, None)
    assert cyn["lower"] is not None
    assert "NaN" not in out
    assert "Infinity" not in out


def test_rank_prints_csv(run, votes):
    status, out, err = run("rank", votes, "-f", "csv", "--interval", "none")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (status, err) == (0, "")
    assert rows[0].keys() == {"method", "group", *ROW}
    expected = rank(comparisons(votes), interval="none").rows
    assert [(r["model"], float(r["score"]), r["lower"], r["rank_upper"]) for r in rows] == [
        (row.model, row.score, "", "") for row in expected
    ]


def test_csv_is_harmless_to_spreadsheets(run, tmp_path):
    path = tmp_path / "votes.csv"
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "a,b", 'say "hi"']
    rows = [(a, b, "tie", f"={a}") for a in names for b in names if a != b]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("model_a", "model_b", "winner", "language"), *rows])
    _, out, _ = run("rank", path, "-f", "csv", "--by", "language", "--interval", "none")
    found = list(csv.DictReader(io.StringIO(out)))
    assert {row["model"] for row in found} == {"'=1+1", "'+1", "'-1", "'@SUM(A1)", "a,b", 'say "hi"'}
    assert not any(
        cell.startswith(("=", "+", "@", "-1")) for row in found for key, cell in row.items() if key != "score"
    )


def test_rank_prints_markdown(run, votes):
    status, out, _ = run("rank", votes, "-f", "markdown", "-m", "win_rate", "--by", "language")
    lines = out.splitlines()
    assert status == 0
    assert [line for line in lines if line.startswith("## ")] == [
        "## win_rate, language = de",
        "## win_rate, language = en",
        "## win_rate, language = null",
    ]
    tables = [line for line in lines if line.startswith("|")]
    assert len(tables) == 3 * (2 + 4)
    assert all(line.count("|") == 7 for line in tables)


@pytest.mark.parametrize("how", ["table", "markdown", "csv", "json"])
def test_hostile_names_do_no_harm(how, run, tmp_path):
    """No escape codes, no line breaks, no broken tables; JSON and CSV carry the names as they are."""
    names = ["\x1b[31mred\x1b[0m", "a\nb", "a|b", "\u202eabc", "[bold]x[/bold]", "{x}", "🦙", "<b>"]
    rows = [
        {"model_a": a, "model_b": b, "winner": "tie", "language": a} for a in names for b in names if a != b
    ]
    (tmp_path / "v.jsonl").write_text("\n".join(map(json.dumps, rows)))
    status, out, err = run("rank", tmp_path / "v.jsonl", "-f", how, "--min-votes", 0, "--interval", "none")
    assert (status, err) == (0, "")
    if how == "json":
        (board,) = json.loads(out)["boards"]
        assert {row["model"] for row in board["models"]} == set(names)
    elif how == "csv":
        assert {row["model"] for row in csv.DictReader(io.StringIO(out, newline=""))} == set(names)
    else:
        assert all(line.isprintable() for line in out.splitlines())
        assert r"\x1b[31mred" in out
        assert r"a\nb" in out
        assert "[bold]x[/bold]" in out
        assert len([line for line in out.splitlines() if "🦙" in line and " 14 " in line]) == 1
    _, out, _ = run("rank", tmp_path / "v.jsonl", "-f", how, "--by", "language", "--interval", "none")
    assert "\x1b" not in out or how == "csv"


def test_a_table_in_a_pipe_is_plain_text(votes):
    done = agon("rank", votes)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert lines[0] == "bradley_terry"
    assert lines[1] == "model-1 leads all 3 others at 95%, however often one looks."
    assert lines[2].split() == ["rank", "model", "score", "interval", "votes", "status"]
    assert sum("●" in line for line in lines) == 4
    assert re.search(r"^600 votes · sandwich intervals at 95% · fingerprint [0-9a-f]{12}$", done.stdout, re.M)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_our_signs(votes, encoding):
    done = agon("rank", votes, env={**ENVIRONMENT, "PYTHONIOENCODING": encoding}, text=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "-o-" in done.stdout.decode(encoding)


def test_groups_have_boards_of_their_own(run, votes):
    _, out, _ = run("rank", votes, "--by", "language", "-m", "bradley_terry", "-m", "win_rate", "-f", "json")
    boards = json.loads(out)["boards"]
    assert [(board["by"], board["method"]) for board in boards] == [
        ({"language": group}, method)
        for group in ("de", "en", "null")
        for method in ("bradley_terry", "win_rate")
    ]
    for board in boards[:4]:
        language = board["by"]["language"]
        expected = rank(comparisons(votes, where=f"language = '{language}'"), board["method"])
        assert [row["score"] for row in board["models"]] == [row.score for row in expected.rows]


def test_methods_take_options(run, votes):
    words = [
        "-m",
        "elo:k=8,permutations=3",
        "-m",
        "win_rate:average=opponents,both_bad=drop",
        "--n-resamples",
        "5",
    ]
    _, out, _ = run("rank", votes, *words, "-f", "json")
    elo, share = json.loads(out)["boards"]
    assert (elo["settings"]["k"], elo["settings"]["permutations"], elo["settings"]["n_resamples"]) == (
        8,
        3,
        5,
    )
    assert (share["settings"]["average"], share["settings"]["both_bad"]) == ("opponents", "drop")
    expected = rank(comparisons(votes), "elo", k=8, permutations=3, n_resamples=5)
    assert [row["score"] for row in elo["models"]] == [row.score for row in expected.rows]
    assert elo["fingerprint"] == expected.fingerprint


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        (["--level", "0.8"], {"level": 0.8}),
        (["--min-votes", "400"], {"min_votes": 400}),
        (["--anchor", "model-2=1234.5"], {"anchor": "model-2", "anchor_score": 1234.5}),
        (["--anchor", "model-2"], {"anchor": "model-2"}),
        (["--scale", "natural"], {"scale": "natural"}),
        (
            ["--interval", "bootstrap", "--n-resamples", "9", "--seed", "4"],
            {"interval": "bootstrap", "n_resamples": 9, "seed": 4},
        ),
        (["--cluster", "voter"], {"cluster": "voter"}),
        (["--cluster", "judge", "--column", "judge=voter"], {"cluster": "judge"}),
    ],
)
def test_settings_reach_the_board(words, settings, run, votes):
    _, out, _ = run("rank", votes, *words, "-f", "json")
    (board,) = json.loads(out)["boards"]
    assert {name: board["settings"][name] for name in settings} == settings
    if settings.get("anchor_score"):
        assert {row["model"]: row["score"] for row in board["models"]}["model-2"] == pytest.approx(1234.5)


def test_an_anchor_may_have_an_equals_sign_in_its_name(run, tmp_path):
    path = tmp_path / "v.csv"
    path.write_text("model_a,model_b,winner\n" + "gpt=x,bob,model_a\nbob,gpt=x,model_a\n" * 20)
    status, out, _ = run("rank", path, "--anchor", "gpt=x", "-f", "json")
    assert status == 0
    assert json.loads(out)["boards"][0]["settings"]["anchor"] == "gpt=x"


def test_where_and_invalid(run, votes, tmp_path):
    _, out, _ = run("rank", votes, "--where", "language = 'en'", "-f", "json")
    assert json.loads(out)["boards"][0]["settings"]["votes"] == 200
    path = tmp_path / "dirty.csv"
    path.write_text("model_a,model_b,winner\nada,bob,tie\nada,ada,tie\nada,bob,won\n")
    assert run("rank", path)[0] == 2
    status, out, _ = run("rank", path, "--invalid", "drop", "-f", "json")
    board = json.loads(out)["boards"][0]
    assert status == 0
    assert board["settings"]["left_out"] == {"self-battles": 1, "with an unknown winner": 1}
    assert "left_out" in {note["code"] for note in board["diagnostics"]}


def test_check_ends_with_0_1_or_2(run, votes, tmp_path):
    status, out, _ = run("check", votes)
    assert status == 0
    assert out.endswith("Nothing stands between these votes and a ranking.\n")
    bad = tmp_path / "v.csv"
    bad.write_text("model_a,model_b,winner\nada,bob,tie\nada,ada,tie\n")
    assert run("check", bad)[0] == 1
    assert run("check", tmp_path / "none.csv")[0] == 2
    assert run("check", votes, "--format", "csv")[0] == 2


def test_methods(run):
    status, out, _ = run("methods")
    assert status == 0
    assert {"bradley_terry", "elo", "win_rate"} <= {line.split()[0] for line in out.splitlines() if line}
    assert "permutations=100" in run("methods", "elo")[1]
    listed = json.loads(run("methods", "-f", "json")[1])
    assert set(listed[0]) >= {"name", "needs", "gives", "source", "summary", "options"}
    assert run("methods", "eloo")[0] == 2


PUBLISHED = [
    {
        "question_id": f"q{i}",
        "model_a": "ada",
        "model_b": "bob",
        "winner": winner,
        "judge": "u",
        "turn": 1,
        "anony": i != 3,
    }
    for i, winner in enumerate(["model_a", "model_b", "tie (bothbad)", "model_a"])
]


def test_import_then_rank_the_log(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clean.json").write_text(json.dumps(PUBLISHED))
    status, out, _ = run("import", "clean.json")
    assert status == 0
    assert re.match(
        r"3 votes of the format 'battles' are in agon-log/votes/clean-[0-9a-f]{12}\.parquet\.\n", out
    )
    assert "Left out: 1 not blind (the names were shown)." in out
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    status, out, _ = run("import", "clean.json")
    assert status == 0
    assert "was imported before" in out
    assert "nothing was written" in out
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before
    status, out, _ = run("rank", "agon-log", "-f", "json", "--min-votes", 1)
    assert status == 0
    assert json.loads(out)["boards"][0]["settings"]["votes"] == 3
    assert run("check", "agon-log")[0] == 1, "too few votes"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["import", "none.json"], "There is no file none.json"),
        (["import", "other.json"], "in no format known here"),
        (["import", "other.json", "--format", "battels"], "did you mean 'battles'?"),
        (["import", "bad.json"], "unknown winner label"),
        (["import"], "FILES requires an argument"),
        (["simulate", "--models", "1"], "at least 2 models"),
        (["simulate", "--votes", "many"], "--votes"),
        (["simulate", "--ties", "0.9", "--both-bad", "0.2"], "at most 1"),
        (["simulate", "-o", "votes.txt"], "must end in .parquet or .csv"),
        (["simulate", "-o", "other.json"], "must end in .parquet or .csv"),
        (["simulate", "-o", "new.csv", "--truth", "there.csv"], "there.csv exists already"),
        (["simulate", "--truth", "there.csv"], "there.csv exists already"),
        (["simulate", "-o", "new.csv", "--truth", "new.csv"], "both the votes and the strengths"),
        (["methods", "bradley"], "There is no method 'bradley'"),
        (["check", "other.json"], "in no format known here"),
        (["rnak", "votes.csv"], "rnak"),
        (["rank"], "SOURCE requires an argument"),
        (["rank", "a.csv", "b.csv"], "There is no file a.csv"),
        (["rank", "no-log"], "There is no file no-log; check the path."),
        (["verify", "no-log"], "There is no log folder no-log; check the path."),
        (["recover", "no-log"], "There is no log folder no-log; check the path."),
        (["backup", "no-log", "--to", "copies"], "There is no log folder no-log; check the path."),
        (["recover", "."], ". is no log: it has neither events nor a database; check the path."),
        (["rank", "-", "-"], "can be read but once"),
        (["rank", "none-*.csv"], "No file matches none-*.csv"),
        (["rank", "a.csv", "--bogus"], "--bogus"),
        (["rank", "a.csv", "--format", "xml"], "xml"),
    ],
)
def test_a_wrong_command_is_one_sentence_and_writes_nothing(words, says, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.json").write_text('[{"a": 1}]')
    (tmp_path / "bad.json").write_text(json.dumps([{**PUBLISHED[0], "winner": "left"}]))
    (tmp_path / "there.csv").write_text("kept")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert err.startswith("agon: ")
    assert err.count("\n") == 1
    assert says in err
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    assert (tmp_path / "there.csv").read_text() == "kept"


def test_simulate_to_standard_output_and_to_files(tmp_path, capfdbinary):
    status = main(["simulate", "--votes", "50", "--models", "3", "--seed", "9"])
    rows = list(csv.DictReader(io.StringIO(capfdbinary.readouterr().out.decode())))
    assert status == 0
    assert len(rows) == 50
    counts = [f"{name}_{side}" for name in ("length", "headers", "lists", "bold") for side in "ab"]
    assert list(rows[0]) == [
        *("battle_id", "model_a", "model_b", "winner", "voter", "timestamp"),
        *("prompt_id", "language", "category", "pair_probability", *counts),
    ]
    words = ["--votes", "50", "--models", "3", "--seed", "9"]
    path, truth = tmp_path / "votes.parquet", tmp_path / "truth.csv"
    assert main(["simulate", *words, "-o", str(path), "--truth", str(truth)]) == 0
    written, said = capfdbinary.readouterr()
    assert written == b""
    assert b"50 votes on 3 models are in" in said
    columns = ("model_a", "model_b", "winner")
    assert [tuple(r[c] for c in columns) for r in pq.read_table(path).to_pylist()] == [
        tuple(row[c] for c in columns) for row in rows
    ]
    strengths = list(csv.DictReader(io.StringIO(truth.read_text())))
    assert [row["model"] for row in strengths] == ["model-1", "model-2", "model-3"]
    for row in strengths:
        assert float(row["elo"]) == pytest.approx(1000 + 173.7177927613007 * float(row["strength"]))
    assert main(["simulate", *words, "-o", str(path)]) == 2
    assert main(["simulate", *words, "-o", str(path), "--force"]) == 0


def test_a_pipe_in_a_real_shell(tmp_path):
    done = shell("agon simulate --votes 300 --models 4 | agon rank - -m win_rate -f json", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (board,) = json.loads(done.stdout)["boards"]
    assert board["settings"]["votes"] == 300
    assert [row["rank"] for row in board["models"]] == [1, 2, 3, 4]
    assert not list(tmp_path.iterdir())


def test_progress_is_shown_on_a_terminal_and_nowhere_else(votes, tmp_path):
    """One line on stderr, which is a terminal here; what was asked for is all there is on stdout."""
    shown = on_a_terminal("rank", votes, "-f", "csv", into=tmp_path / "out")
    assert "reading votes" in shown
    assert "ranking 4 models: bradley_terry" in shown
    piped = agon("rank", votes, "-f", "csv")
    assert (piped.stdout, piped.stderr) == ((tmp_path / "out").read_text(), "")


@pytest.mark.parametrize("name", ["named.parquet", "named.csv"])
def test_votes_that_name_their_voters_can_be_looked_into_further(name, run, tmp_path):
    """Said once, on a terminal alone, and only where there are voters to look into."""
    table = as_table(bradley_terry_world(4, 400))
    for columns, said in ((table.column_names, 1), (["model_a", "model_b", "winner"], 0)):
        write_table(table.select(columns), path := tmp_path / f"{said}-{name}")
        shown = on_a_terminal("rank", path, "-f", "csv", into=tmp_path / "out")
        assert shown.count(f"agon check {path} looks for more: repeated votes") == said
        assert "looks for more" not in (tmp_path / "out").read_text()
        assert run("rank", path, "-f", "csv")[2] == ""


def on_a_terminal(*words, into):
    """What `agon` shows on a terminal while its standard output goes into a file."""
    ours, theirs = os.openpty()
    command = [*AGON, *map(str, words)]
    with into.open("wb") as out, os.fdopen(ours, "rb", buffering=0) as terminal:
        process = subprocess.Popen(command, stdout=out, stderr=theirs, env={**ENVIRONMENT, "TERM": "xterm"})
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how Linux says that nobody writes to a terminal any more
            while more := terminal.read(4096):
                shown += more
        assert process.wait(60) == 0
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("text", "votes"),
    [
        ("model_a,model_b,winner\nada,bob,tie\n", 1),
        ('{"model_a": "ada", "model_b": "bob", "winner": "tie"}\n' * 2, 2),
        ('[{"models": ["ada", "bob"], "places": [1, 2]}]', 1),
        ("", "standard input is empty"),
        ("model_a,model_b,winner\n", "standard input has a header but no rows"),
        ("model_a,model_b,winner\nada,bob,won\n", "'won' is not a known winner in row 1 of standard input"),
    ],
)
def test_standard_input(text, votes, run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    status, out, err = run("rank", "-", "-f", "json", "--interval", "none")
    if isinstance(votes, int):
        assert json.loads(out)["boards"][0]["settings"]["votes"] == votes
    else:
        assert (status, out) == (2, "")
        assert err.startswith(f"agon: {votes}")


def piped(name, folder, votes):
    """The bytes of 600 votes in a format."""
    table = pq.read_table(votes)
    if name == "parquet":
        return votes.read_bytes()
    if name == "duckdb":
        with duckdb.connect(str(folder / "v.duckdb")) as connection:
            connection.register("given", table)
            connection.execute("CREATE TABLE votes AS FROM given")
        return (folder / "v.duckdb").read_bytes()
    lines = "".join(json.dumps(row) + "\n" for row in table.to_pylist())
    rows = [table.column_names, *(row.values() for row in table.to_pylist())]
    delimiter = "\t" if name == "tsv" else ","
    return {
        "jsonl": lines,
        "json": json.dumps(table.to_pylist(), indent=1),
        "csv": "\n".join(delimiter.join("" if v is None else str(v) for v in row) for row in rows),
        "tsv": "\n".join(delimiter.join("" if v is None else str(v) for v in row) for row in rows),
    }[name].encode()


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        *((name, "") for name in ("csv", "tsv", "json", "jsonl", "parquet", "duckdb")),
        *(("csv", "gzip"), ("jsonl", "zstd"), ("json", "gzip"), ("parquet", "zstd")),
    ],
)
def test_standard_input_of_any_kind(name, packed, votes, tmp_path, run, monkeypatch):
    """Two packed kinds by a pipe to a real process, the others from a stream of this one."""
    given = piped(name, tmp_path, votes)
    given = gzip.compress(given) if packed == "gzip" else given
    given = bytes(pa.compress(given, "zstd")) if packed == "zstd" else given
    words = ("rank", "-", "-f", "json", "--interval", "none")
    if name in ("csv", "parquet") and packed:
        done = agon(*words, input=given, text=False)
        status, out, err = done.returncode, done.stdout.decode(), done.stderr.decode()
    else:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        status, out, err = run(*words)
    assert (status, err) == (0, "")
    expected = rank(comparisons(votes), interval="none")
    (board,) = json.loads(out)["boards"]
    assert board["fingerprint"] == expected.fingerprint
    assert board["settings"]["votes"] == 600


def test_an_election_by_a_pipe(tmp_path):
    """The form of PrefLib: its head says what kind it is (https://preflib.github.io/PrefLib-Jekyll/format)."""
    head = "# FILE NAME: x.soc\n# DATA TYPE: soc\n# NUMBER ALTERNATIVES: 2\n# NUMBER VOTERS: 3\n"
    text = head + "# ALTERNATIVE NAME 1: ada\n# ALTERNATIVE NAME 2: bob\n2: 1,2\n1: 2,1\n"
    done = agon("rank", "-", "-m", "borda", "-f", "csv", "--min-votes", "0", input=text)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].startswith("borda,,1,ada,2.0")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            b"\x7fELF\x00\x01",
            "standard input looks like a binary file, which is not read; write its rows",
        ),
        (
            b"PK\x03\x04rest",
            "standard input looks like an Excel workbook or a zip archive, which is not",
        ),
        (b"PAR1 cut short", "standard input cannot be read: "),
        (
            gzip.compress(b"model_a,model_b,winner\nada,bob,tie\n" * 99, mtime=0)[:60],
            "standard input is not whole",
        ),
    ],
)
def test_standard_input_that_holds_no_votes(given, says, monkeypatch, capfd):
    for command in ("rank", "check", "plan", "import"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        status, said = main([command, "-"]), capfd.readouterr()
        assert (status, said.out) == (2, "")
        assert said.err.startswith(f"agon: {says}")
        assert said.err.count("\n") == 1


def test_several_files_patterns_and_standard_input_together(run, tmp_path, votes, monkeypatch):
    table = pq.read_table(votes)
    for number in range(3):
        pq.write_table(table.slice(200 * number, 200), tmp_path / f"{number}.parquet")
    whole = json.loads(run("rank", votes, "-f", "json")[1])
    done = shell("agon rank '[01].parquet' - -f json < 2.parquet", tmp_path)
    assert json.loads(done.stdout) == whole
    monkeypatch.chdir(tmp_path)
    assert json.loads(run("rank", "?.parquet", "-f", "json")[1]) == whole
    with Path("2.parquet").open("rb") as last:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(last))
        assert json.loads(run("rank", "0.parquet", "1.parquet", "-", "-f", "json")[1]) == whole
    said = run("check", "0.parquet", "1.parquet", "2.parquet")[1]
    assert said.startswith("0.parquet and 2 more files: 600 votes")


def test_a_folder_of_published_files_is_imported(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for number in range(2):
        battles = [{**one, "question_id": f"{number}-{one['question_id']}"} for one in PUBLISHED]
        (tmp_path / "in" / f"{number}.json").write_text(json.dumps(battles))
    status, out, _ = run("import", "in")
    assert (status, out.count("3 votes of the format 'battles' are in agon-log/votes/")) == (0, 2)
    assert len(comparisons("agon-log")) == 6


def test_what_was_imported_from_standard_input_is_imported_once(tmp_path):
    (tmp_path / "b.json").write_text(json.dumps(PUBLISHED))
    for said in ("are in agon-log/votes/standard-input-", "was imported before"):
        done = shell("agon import - < b.json", tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert said in done.stdout


@pytest.mark.parametrize("how", ["table", "json"])
def test_a_reader_that_leaves_early_is_no_error(how, tmp_path):
    """1,500 models are more than a pipe holds, so that the command is still writing when head has left."""
    table = as_table(bradley_terry_world(1500, 6000))
    pq.write_table(table, tmp_path / "v.parquet")
    done = shell(f"agon rank v.parquet -m win_rate --interval none -f {how} | head -1", tmp_path)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
    assert done.returncode == 0


def test_a_reader_of_simulated_votes_that_leaves_early(tmp_path):
    done = shell("agon simulate --votes 50000 | head -1", tmp_path)
    assert done.stderr == ""
    assert done.returncode == 0


def cpu_seconds(pid):
    """Processor time of a process, with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads processor time from /proc")
def test_an_interrupt_ends_with_130_and_no_traceback(votes):
    words = [*AGON, "rank", str(votes), "-m", "elo:permutations=2", "--n-resamples", "200000"]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, text=True
    )
    try:
        while cpu_seconds(process.pid) < 2:  # whatever else the machine does: imports take about one
            assert process.poll() is None, "the work was to be long"
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out) == (130, "")
    assert err == "agon: interrupted; nothing is half written.\n"


LOADING = """
import sys, time, types
import agon.__main__ as entry

def work():
    try:
        import interrupted
    except BaseException:  # as pyarrow does while it loads pandas
        pass
    time.sleep(60)
    return 0

commands = types.ModuleType("agon.arena.cli.commands")
commands.main = work
sys.modules["agon.arena.cli.commands"] = commands
sys.exit(entry.main())
"""


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_an_end_that_comes_while_a_library_loads_another_is_not_lost_in_it(tmp_path, name, status):
    lines = f"import os, signal\nos.kill(os.getpid(), signal.{name})\nfor _ in range(10**5): pass\n"
    (tmp_path / "interrupted.py").write_text(lines)
    done = subprocess.run(
        [sys.executable, "-c", LOADING],
        env=ENVIRONMENT | {"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=40,
    )
    assert (done.returncode, done.stdout) == (status, "")


COMMANDS = sorted(name for name in app if not name.startswith("-"))


def test_the_commands_are_those_of_the_design():
    assert set(COMMANDS) >= {"check", "diff", "import", "methods", "plan", "rank", "serve", "simulate"}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_every_option_and_an_example(command, run):
    status, out, err = run(command, "--help")
    assert (status, err) == (0, "")
    assert re.search(rf"For example:\s+agon {command}\b", out), "an example"
    for argument in app[command].assemble_argument_collection():
        for name in argument.names:
            if name.startswith("-"):
                assert re.search(rf"(^|[\s│]){re.escape(name)}\b", out, re.M), name
    assert "Exit status" in run("--help")[1]


def test_without_words_the_help_is_shown(run):
    assert run() == run("--help")
    assert run("--version")[1].strip().count(".") == 2


LAZY = ("gradio", "fastapi", "uvicorn", "duckdb", "httpx", "torch", "vllm", "polars", "matplotlib")


def loaded(votes, *names):
    """Which of some modules the command loads to rank a parquet file."""
    code = f"""
import sys
from agon.arena.cli.commands import main
status = main(["rank", {str(votes)!r}])
print(*(name for name in {names!r} if name in sys.modules), file=sys.stderr)
sys.exit(status)
"""
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert done.returncode == 0
    assert "bradley_terry" in done.stdout
    return done.stderr.split()


def test_ranking_a_parquet_file_imports_nothing_heavy(votes):
    assert loaded(votes, *LAZY) == []


def test_ranking_a_parquet_file_does_not_import_pandas(votes):
    assert loaded(votes, "pandas") == []


BLOCKED = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
from agon.arena.cli.commands import main
sys.exit(main({words!r}))
"""


@pytest.mark.parametrize(("package", "words"), [("uvicorn", ["serve"]), ("gradio", ["serve", "--port", "0"])])
def test_a_part_that_is_not_installed_is_named_with_the_line_that_installs_it(package, words, tmp_path):
    code = BLOCKED.format(package=package, words=words)
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=tmp_path,
        env=ENVIRONMENT | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    said = f"agon: this needs the part 'arena', which is not installed: {install_line('arena')}\n"
    assert done.stderr == said
    assert re.search(r"python\S* -m pip install .*\[arena\]'$", said)


def test_the_parts_are_those_of_the_distribution():
    """Every package of an extra is known by the name that it is imported by, and none of the base."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    called = {"markdown-it-py": "markdown_it", "pillow": "PIL", "prometheus-client": "prometheus_client"}
    for part, packages in PARTS.items():
        listed = [re.split(r"[>=\[]", one)[0] for one in project["optional-dependencies"][part]]
        listed = [name for name in listed if name != project["name"]]  # a part may bring another
        known = {package for packages in PARTS.values() for package in packages}
        assert {called.get(name, name) for name in listed} <= known
        assert set(packages) <= {called.get(name, name) for name in listed}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
@pytest.mark.parametrize(
    "words", [["methods"], ["rank", "votes.parquet"], ["rank", "votes.parquet", "-f", "json"]]
)
def test_a_full_disk_behind_the_output_is_one_sentence(words, votes):
    with Path("/dev/full").open("w") as full:
        done = agon(*words, cwd=votes.parent, stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert done.returncode == 2
    assert done.stderr == "agon: there is no space left where the output goes; it is not complete.\n"


def test_a_standard_stream_that_is_closed_leads_nowhere(tmp_path):
    done = shell("agon simulate --votes 20 >&-; echo $?; agon rank nobody.csv <&- 2>&-; echo $?", tmp_path)
    assert (done.stdout, done.stderr) == ("0\n2\n", "")


def test_help_and_version_load_no_command():
    code = (
        "import sys; from agon.__main__ import main; main(); "
        "print(*(n for n in ('numpy', 'agon.ranking', 'agon.data') if n in sys.modules), file=sys.stderr)"
    )
    for words in (["--help"], ["--version"], []):
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
        )
        assert done.stderr.strip() == ""


INTERRUPTED = """
import os, signal, sys
from agon.__main__ import main
seen = 0
def count(event, _):
    global seen
    if event in ("import", "open"):
        seen += 1
        if seen == {number}:
            os.kill(os.getpid(), signal.{name})
sys.addaudithook(count)
sys.argv[1:] = {words!r}
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("name", "number"),
    [*(("SIGINT", n) for n in (1, 10, 40, 100, 200, 400, 700)), *(("SIGTERM", n) for n in (1, 100, 400))],
)
def test_a_signal_at_any_moment_is_no_traceback(number, name, votes):
    """At the n-th module that is loaded or file that is opened; what has ended before has its own status."""
    code = INTERRUPTED.format(number=number, name=name, words=["rank", str(votes), "--interval", "bootstrap"])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=False,
        timeout=120,
    )
    if name == "SIGINT":
        said = "agon: interrupted; nothing is half written.\n"
        assert (done.returncode, done.stdout, done.stderr) == (130, "", said) or done.returncode == 0
        assert done.returncode == 130 or number > 400
    else:
        assert done.returncode in (143, 0)
        assert done.stderr == ""
        assert done.returncode == 143 or number > 400


def test_term_leaves_no_copy_of_standard_input_behind(tmp_path, votes):
    words = [*AGON, "rank", "-", "-m", "elo:permutations=2", "--n-resamples", "5000000"]
    with votes.open("rb") as given:
        process = subprocess.Popen(
            words, stdin=given, stderr=subprocess.PIPE, env={**ENVIRONMENT, "TMPDIR": str(tmp_path)}
        )
    try:
        end = time.monotonic() + 60
        while not list(tmp_path.rglob("standard-input.parquet")):
            assert time.monotonic() < end, "standard input was to be kept"
            time.sleep(0.02)
        process.terminate()
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, err) == (143, b"")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A file of so many votes that writing them takes a while."""
    return write_table(
        as_table(bradley_terry_world(9, 300_000)), tmp_path_factory.mktemp("n") / "votes.parquet"
    )


@pytest.mark.parametrize("wait", [0.0, 0.02, 0.2])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_leaves_nothing_of_an_export(tmp_path, many, number, status, wait):
    """From the moment on in which the file is begun, and while the database is at work."""
    source = many
    target = tmp_path / "new" / "folder" / "votes.jsonl"
    process = subprocess.Popen(
        [*AGON, "export", str(source), "--as", "jsonl", "--to", str(target)],
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    try:
        end = time.monotonic() + 60
        while not list(target.parent.glob(".votes*")):
            assert time.monotonic() < end, "a file was to be begun"
        time.sleep(wait)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    said = b"agon: interrupted; nothing is half written.\n" if number == signal.SIGINT else b""
    assert (process.returncode, err) == (status, said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("old", "new"), [("--lens", "--compare-rules"), ("--rounds=50", "--n-resamples")])
def test_an_option_of_before_names_its_new_word(old, new, run, votes):
    status, out, err = run("rank", votes, old)
    assert status == 0
    assert out
    assert err == f"agon: {old.partition('=')[0]} is called {new} now.\n"


def test_output_and_store_of_before_name_their_new_words(run, votes, tmp_path):
    run("rank", votes, "--out", tmp_path / "board.csv")
    assert (tmp_path / "board.csv").exists()
    status, _, err = run("doctor", f"--log={tmp_path / 'log'}")
    assert status in (0, 1)  # whatever else doctor finds on this machine
    assert err == "agon: --log is called --store now.\n"


@pytest.mark.parametrize(
    ("ending", "holds"),
    [
        ("txt", "●"),
        ("csv", "method,group,rank,model"),
        ("json", '"schema": 1'),
        ("md", "| rank | model |"),
        ("html", "<td>model-1</td>"),
        ("tex", r"\begin{tabular}"),
    ],
)
def test_the_ending_of_the_output_decides_its_form(ending, holds, run, votes, tmp_path):
    path = tmp_path / f"board.{ending}"
    status, out, err = run("rank", votes, "-o", path)
    assert (status, out, err) == (0, "", f"1 board in {path}.\n")
    assert holds in path.read_text(encoding="utf-8")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_output_that_cannot_be_is_refused_before_the_work(run, votes, tmp_path):
    assert run("rank", votes, "-o", tmp_path / "b.docx")[2].startswith(
        f"agon: {tmp_path}/b.docx must end in one of .txt,"
    )
    status, out, err = run("rank", votes, "-o", tmp_path / "none" / "b.md")
    assert (status, out) == (2, "")
    assert err == f"agon: There is no folder {tmp_path}/none for b.md; make it first.\n"


def test_the_top_of_a_board_is_not_taken_for_all_of_it(run, votes):
    for form, lines in (("table", 2), ("markdown", 2), ("html", 2), ("latex", 2), ("csv", 2)):
        out = run("rank", votes, "--top", 2, "-f", form)[1]
        assert sum(out.count(f"model-{i}") for i in range(1, 5)) >= lines
        assert ("all 3 others" in out) == (form != "csv")
    assert "2 more models are not shown." in run("rank", votes, "--top", 2)[1]
    assert "--top must be at least 1" in run("rank", votes, "--top", 0)[2]
    assert "--top does not apply to JSON" in run("rank", votes, "--top", 2, "-f", "json")[2]


@pytest.mark.skipif(not shutil.which("script"), reason="gives the command a terminal")
@pytest.mark.parametrize(("width", "drawn"), [(50, False), (80, False), (200, True)])
def test_intervals_are_drawn_where_no_name_is_cut_for_them(width, drawn, tmp_path):
    names = [f"a-model-with-a-rather-long-name-{n}" for n in range(3)]
    pairs = [f"{a},{b},{winner}" for a in names for b in names if a < b for winner in ("model_a", "model_b")]
    file = tmp_path / "votes.csv"
    file.write_text("model_a,model_b,winner\n" + "\n".join(pairs * 20), encoding="utf-8")
    line = f"stty cols {width}; env -u COLUMNS {shlex.join(AGON)} rank {file}"
    done = shell(f"script -qec {shlex.quote(line)} /dev/null", tmp_path)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", done.stdout)
    assert ("●" in shown) is drawn
    whole = [name for name in names if name in shown.partition("\nrank")[2]]
    assert whole == (names if width > 50 else [])
    assert shown.count("1000.0") == 3


@pytest.mark.skipif(not shutil.which("script"), reason="gives the command a terminal")
def test_a_narrow_terminal_keeps_rank_model_and_score(votes):
    done = shell(
        f"script -qec 'stty cols 30; env -u COLUMNS {shlex.join(AGON)} rank {votes}' /dev/null", votes.parent
    )
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", done.stdout).replace("\r", "").splitlines()
    rows = [line.split() for line in lines if re.match(r" *\d\S* +model-\d +\d", line)]
    assert len(rows) == 4
    assert all(len(row) == 3 for row in rows)
