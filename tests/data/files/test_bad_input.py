"""The bad-input table: what is wrong, the file that has it, and what the one sentence must say.

Every row runs twice: through `data.comparisons` and `ranking.rank`, which raise a named error, and as the
command, which says the same sentence on standard error, ends with status 2 and writes nothing.
"""

import csv
import gzip
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agon.arena.cli.commands import main
from agon.data import comparisons
from agon.ranking import MethodError, OptionError, SourceError, VotesError, rank

REMEDY = 'or leave such rows out with invalid="drop" (--invalid drop)'
HEAD = ("model_a", "model_b", "winner")
FINE = [
    ("ada", "bob", "model_a"),
    ("bob", "cyn", "tie"),
    ("cyn", "ada", "model_b"),
    ("ada", "cyn", "both_bad"),
]

Make = Callable[[Path], Path]


@dataclass(frozen=True)
class Case:
    """What is wrong, how to make the file, what the sentence must contain."""

    wrong: str
    make: Make
    says: Sequence[str]
    error: type[Exception] = SourceError
    arguments: Sequence[str] = ()
    """Of the command, after the file."""
    reading: Mapping[str, object] = field(default_factory=dict)
    """The same, for `data.comparisons`."""
    ranking: Mapping[str, object] = field(default_factory=dict)
    """The same, for `ranking.rank`."""
    alike: bool = True
    """Whether the command says the very sentence of the library, which has no such error where it is not."""


def content(name: str, what: str | bytes) -> Make:
    """Make a file from its bytes."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(what.encode() if isinstance(what, str) else what)
        return path

    return make


def rows(*bad: Sequence[object], head: Sequence[str] = HEAD) -> list[dict[str, object]]:
    """Two fine votes, rows 1 and 2, then the bad ones from row 3 on, then a fine one."""
    fine = [dict(zip(HEAD, vote, strict=True)) for vote in FINE]
    return [*fine[:2], *(dict(zip(head, row, strict=True)) for row in bad), fine[2]]


def votes(*bad: Sequence[object], head: Sequence[str] = HEAD) -> Make:
    """Make a parquet file of `rows`."""
    return parquet(rows(*bad, head=head))


def parquet(records: Sequence[Mapping[str, object]]) -> Make:
    """Make a parquet file; a dash as a voter is none."""

    def make(folder: Path) -> Path:
        columns = {name: None for record in records for name in record}
        table = pa.table(
            {
                name: [None if record.get(name) == "-" else record.get(name) for record in records]
                for name in columns
            }
        )
        pq.write_table(table, folder / "votes.parquet")
        return folder / "votes.parquet"

    return make


def parquet_of_nothing(folder: Path) -> Path:
    """Make a parquet file with the columns of votes and no rows."""
    pq.write_table(pa.table({name: pa.array([], pa.string()) for name in HEAD}), folder / "votes.parquet")
    return folder / "votes.parquet"


def ballots(*bad: Mapping[str, object]) -> Make:
    """Make a JSON lines file of K-wise ballots, two fine ones before the bad ones."""
    fine = [
        {"models": ["ada", "bob", "cyn"], "places": [1, 2, 2]},
        {"models": ["ada", "bob"], "places": [2, 1]},
    ]
    return content("ballots.jsonl", "".join(json.dumps(row) + "\n" for row in [*fine, *bad]))


def truncated(name: str, keep: float) -> Make:
    """Make a file of fine votes, of which the end is missing."""

    def make(folder: Path) -> Path:
        path = folder / name
        if name.endswith(".parquet"):
            parquet(rows(*FINE * 200))(folder).rename(path)
        else:
            text = "".join(",".join(row) + "\n" for row in [HEAD, *FINE * 2000])
            path.write_bytes(gzip.compress(text.encode()))
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * keep)])
        return path

    return make


def database(folder: Path, name: str = "arena.duckdb") -> Path:
    """Make a DuckDB file that has the tables `ballots` and `voters`."""
    with duckdb.connect(folder / name) as connection:
        connection.execute("CREATE TABLE ballots AS SELECT 'ada' model_a, 'bob' model_b, 'tie' winner")
        connection.execute("CREATE TABLE voters (voter VARCHAR)")
    return folder / name


def renamed(make: Make, name: str) -> Make:
    """Make a file and give it another name."""
    return lambda folder: make(folder).rename(folder / name)


def missing(folder: Path) -> Path:
    """Name a file that is not there, next to one that is."""
    content("votes_2024.csv", "model_a,model_b,winner\nada,bob,tie\n")(folder)
    return folder / "votes_2023.csv"


def empty_folder(folder: Path) -> Path:
    (folder / "log").mkdir()
    return folder / "log"


def unreadable(folder: Path) -> Path:
    path = content("votes.csv", CSV)(folder)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read every file")
    return path


CSV = "".join(",".join(row) + "\n" for row in [HEAD, *FINE])
GOOD = votes(*FINE * 10)
VOTERS = parquet([{**row, "voter": voter} for row, voter in zip(rows(*FINE), "vw-v-wv", strict=True)])
PARQUET_BYTES = b"PAR1" + b"\x00\x15\x04" * 40 + b"PAR1"
LATIN = "model_a,model_b,winner\nada,bob,tie\nada,Zoë,tie\n".encode("latin-1")

FILES = [
    Case("empty file", content("votes.csv", ""), ["votes.csv is empty"]),
    Case("empty parquet file", content("votes.parquet", ""), ["votes.parquet is empty"]),
    Case(
        "header only",
        content("votes.csv", "model_a,model_b,winner\n"),
        ["votes.csv has a header but no rows"],
    ),
    Case("no rows in parquet", parquet_of_nothing, ["no votes in votes.parquet: it has no rows"]),
    Case("blank lines only", content("votes.csv", "\n\n\n"), ["votes.csv is empty"]),
    Case(
        "JSON array of nothing",
        content("votes.json", "[]"),
        ["votes.json holds no JSON objects", "one for each row"],
    ),
    Case(
        "no model_a",
        content("votes.csv", "left,model_b,winner\na,b,tie\n"),
        ["no column model_a", "left", "--column model_a="],
    ),
    Case(
        "no model_b",
        content("votes.csv", "model_a,right,winner\na,b,tie\n"),
        ["no column model_b", "right", "--column"],
    ),
    Case(
        "no winner",
        content("votes.csv", "model_a,model_b,won\na,b,tie\n"),
        ["no column winner (or p_a)", "won", "--column"],
    ),
    Case("no places", content("votes.jsonl", '{"models": ["a", "b"]}\n'), ["no column", "places"]),
    Case(
        "both layouts",
        content(
            "votes.jsonl", '{"model_a":"a","model_b":"b","winner":"tie","models":["a","b"],"places":[1,1]}\n'
        ),
        ["both model_a, model_b and models, places", "keep one layout"],
    ),
    Case(
        "CSV named .parquet",
        content("votes.parquet", CSV),
        ["votes.parquet is not what its ending says", "rename or convert"],
    ),
    Case(
        "parquet named .csv",
        renamed(GOOD, "votes.csv"),
        ["votes.csv is not what its ending says", "looks like parquet"],
    ),
    Case("parquet named .jsonl", renamed(GOOD, "votes.jsonl"), ["looks like parquet"]),
    Case("parquet named .duckdb", renamed(GOOD, "votes.duckdb"), ["looks like parquet"]),
    Case("JSON named .csv", content("votes.csv", '[{"model_a": "a"}]'), ["looks like JSON"]),
    Case("JSON named .parquet", content("votes.parquet", '{"model_a": "a"}\n'), ["looks like JSON"]),
    Case("CSV named .json", content("votes.json", CSV), ["looks like CSV or plain text"]),
    Case("CSV named .duckdb", content("votes.duckdb", CSV), ["votes.duckdb is not what its ending says"]),
    Case("DuckDB named .csv", lambda folder: database(folder, "votes.csv"), ["looks like DuckDB"]),
    Case("DuckDB named .parquet", lambda folder: database(folder, "votes.parquet"), ["looks like DuckDB"]),
    Case("gzip named .csv", content("votes.csv", gzip.compress(CSV.encode())), ["looks like a gzip file"]),
    Case("binary named .csv", content("votes.csv", b"\x7fELF\x00\x01\x02"), ["looks like a binary file"]),
    Case("CSV named .csv.gz", content("votes.csv.gz", CSV), ["votes.csv.gz is not whole, or no gzip file"]),
    Case("no ending", content("votes", CSV), ["no ending that names its format", ".csv"]),
    Case("unknown ending", content("votes.xlsx", CSV), ["no ending that names its format", ".parquet"]),
    Case("no such file", missing, ["There is no file", "votes_2023.csv", "did you mean 'votes_2024.csv'?"]),
    Case(
        "no such folder",
        lambda folder: folder / "nowhere" / "votes.csv",
        ["There is no file", "check the path"],
    ),
    Case("folder without votes", empty_folder, ["log is a folder without votes", "name a file"]),
    Case("parquet cut short", truncated("votes.parquet", 0.6), ["votes.parquet cannot be read"]),
    Case("gzip cut short", truncated("votes.csv.gz", 0.6), ["votes.csv.gz is not whole", "again"]),
    Case(
        "parquet magic, nothing else",
        content("votes.parquet", PARQUET_BYTES),
        ["votes.parquet cannot be read"],
    ),
    Case(
        "broken JSON line",
        content("votes.jsonl", '{"model_a":"a","model_b":"b","winner":"tie"}\n{"model_a":"a","mod\n'),
        ["votes.jsonl has a line that is not JSON in row 2", "correct it"],
    ),
    Case(
        "numbers instead of objects", content("votes.json", "[1, 2, 3]"), ["votes.json holds no JSON objects"]
    ),
    Case(
        "CSV line too long",
        content("votes.csv", CSV + "ada,bob,tie,extra\n"),
        ["votes.csv has a number of fields that is not the header's in row 5", "double quotes"],
    ),
    Case(
        "CSV line too short",
        content("votes.csv", CSV + "ada,bob\n"),
        ["votes.csv has a number of fields that is not the header's in row 5"],
    ),
    Case(
        "CSV quote not closed",
        content("votes.csv", CSV + '"ada,bob,tie\n' + "bob,ada,tie\n"),
        ["votes.csv", "row 5"],
    ),
    Case(
        "not UTF-8",
        content("votes.csv", LATIN),
        ["votes.csv is not UTF-8 text: see line 3", "save it as UTF-8"],
    ),
    Case(
        "not UTF-8, far down",
        content("votes.csv", CSV.encode() + b"ada,bob,tie\n" * 50_000 + b"Zo\xeb,bob,tie\n"),
        ["votes.csv is not UTF-8 text: see line 50006"],
    ),
    Case(
        "same column twice",
        content("votes.csv", "model_a,model_b,winner,winner\na,b,tie,tie\n"),
        ["'winner' twice"],
    ),
    Case("unreadable file", unreadable, ["votes.csv cannot be opened"]),
]

ROWS = [
    Case(
        "null name",
        votes((None, "bob", "tie")),
        ["A model has no name in row 3 of", "fill it in", REMEDY],
        VotesError,
    ),
    Case("null names", votes((None, "bob", "tie"), ("", "ada", "tie")), ["rows 3 and 4 of"], VotesError),
    Case(
        "invisible name",
        votes(("ada", "\u200b\u2060", "tie")),
        ["A model has no name in row 3 of"],
        VotesError,
    ),
    Case("blank name", votes(("ada", " \t\u00a0", "tie")), ["A model has no name in row 3 of"], VotesError),
    Case(
        "look-alike by case",
        votes(("Ada", "bob", "tie")),
        ["'Ada' in row 3 of", "looks like 'ada'", "spell"],
        VotesError,
    ),
    Case(
        "look-alike by Cyrillic",
        votes(("аda", "bob", "tie")),
        ["'аda' in row 3 of", "looks like 'ada' but has U+0430 instead of U+0061; spell"],
        VotesError,
    ),
    Case(
        "look-alike by spaces",
        votes(("gpt 4", "bob", "tie"), ("gpt 4", "ada", "tie"), ("gpt  4", "bob", "tie")),
        ["'gpt  4' in row 5 of", "looks like 'gpt 4'"],
        VotesError,
    ),
    Case(
        "look-alike by dash",
        votes(
            ("gpt-4", "bob", "tie"), ("gpt‑4", "ada", "tie"), ("gpt–4", "ada", "tie"), ("gpt-4", "bob", "tie")
        ),
        ["in rows 4 and 5 of", "looks like 'gpt-4'"],
        VotesError,
    ),
    Case(
        "look-alike by an invisible character",
        votes(("a\u200bda", "bob", "tie")),
        ["a\\u200bda", "in row 3 of", "looks like 'ada' but has U+200B instead of U+0064"],
        VotesError,
    ),
    Case(
        "padded name",
        votes(("ada", " bob", "tie")),
        ["' bob' has spaces around it in row 3 of", "trim it"],
        VotesError,
    ),
    Case("name with a tab", votes(("ada", "bob\t", "tie")), ["has spaces around it in row 3 of"], VotesError),
    Case(
        "unknown label",
        votes(("ada", "bob", "left")),
        ["'left' is not a known winner in row 3 of", "model_a, model_b, tie, both_bad"],
        VotesError,
    ),
    Case(
        "many unknown labels",
        votes(*[("ada", "bob", "A")] * 1200),
        ["rows 3, 4, 5, 6, 7 and 1,195 more of"],
        VotesError,
    ),
    Case(
        "no label",
        votes(("ada", "bob", None)),
        ["no winner in row 3 of", "model_a, model_b, tie or both_bad"],
        VotesError,
    ),
    Case("empty label", votes(("ada", "bob", "")), ["no winner in row 3 of"], VotesError),
    Case(
        "self-battle",
        votes(("bob", "bob", "tie")),
        ["'bob' meets itself in row 3 of", "remove it", REMEDY],
        VotesError,
    ),
    Case(
        "two kinds of problem",
        votes(("bob", "bob", "tie"), ("ada", "bob", "?")),
        ["row 3", "1 more kind", "agon check"],
        VotesError,
    ),
]

WEIGHTED = (*HEAD, "weight")


def weighted(weight: object) -> Make:
    """Make votes with weights, that of row 3 given, the others 1 or "1"."""
    one: object = "1" if isinstance(weight, str) else 1.0
    return parquet(
        [{**row, "weight": weight if number == 3 else one} for number, row in enumerate(rows(FINE[0]), 1)]
    )


def soft(p_a: object, winner: object = None) -> Make:
    """Make soft votes, those of row 3 given."""
    half: object = "0.5" if isinstance(p_a, str) else 0.5
    return parquet(
        [
            {
                "model_a": "ada",
                "model_b": "bob",
                "p_a": p_a if number == 3 else half,
                "winner": winner if number == 3 else None,
            }
            for number in range(1, 6)
        ]
    )


NUMBERS = [
    Case(
        "negative weight",
        weighted(-1.0),
        ["weight is '-1.0' in row 3 of", "must be a positive number", REMEDY],
        VotesError,
    ),
    Case("zero weight", weighted(0.0), ["weight is '0.0' in row 3 of"], VotesError),
    Case("NaN weight", weighted(float("nan")), ["weight is 'nan' in row 3 of"], VotesError),
    Case("infinite weight", weighted(float("inf")), ["weight is 'inf' in row 3 of"], VotesError),
    Case("weight as text", weighted("heavy"), ["weight is 'heavy' in row 3 of"], VotesError),
    Case("no weight", weighted(None), ["There is no weight in row 3 of", "fill it in"], VotesError),
    Case("p_a above 1", soft(1.5), ["p_a is '1.5' in row 3 of", "between 0 and 1", REMEDY], VotesError),
    Case("p_a below 0", soft(-0.1), ["p_a is '-0.1' in row 3 of"], VotesError),
    Case("p_a as text", soft("often"), ["p_a is 'often' in row 3 of"], VotesError),
    Case("p_a NaN", soft(float("nan")), ["p_a is 'nan' in row 3 of"], VotesError),
    Case(
        "winner and p_a",
        soft(0.7, "model_a"),
        ["Both a winner and p_a are given in row 3 of", "keep one"],
        VotesError,
    ),
    Case("neither winner nor p_a", soft(None), ["no winner in row 3 of", "or give p_a"], VotesError),
]

LISTS = [
    Case(
        "places too short",
        ballots({"models": ["ada", "bob"], "places": [1]}),
        ["differ in length in row 3 of", "one place"],
        VotesError,
    ),
    Case(
        "places too long",
        ballots({"models": ["ada", "bob"], "places": [1, 2, 3]}),
        ["differ in length in row 3 of"],
        VotesError,
    ),
    Case("no places in a row", ballots({"models": ["ada", "bob"], "places": None}), ["row 3 of"], VotesError),
    Case(
        "places beyond the models",
        ballots({"models": ["ada", "bob"], "places": [1, 3]}),
        ["not whole numbers from 1 in row 3 of", "best first"],
        VotesError,
    ),
    Case(
        "half places",
        ballots({"models": ["ada", "bob", "cyn"], "places": [1, 1.5, 2]}),
        ["row 3 of"],
        VotesError,
    ),
    Case(
        "nobody ranked",
        ballots({"models": ["ada", "bob"], "places": [None, None]}),
        ["in row 3 of"],
        VotesError,
    ),
    Case(
        "one model",
        ballots({"models": ["ada"], "places": [1]}),
        ["Fewer than two models are shown in row 3 of"],
        VotesError,
    ),
    Case(
        "no models",
        ballots({"models": [], "places": []}),
        ["Fewer than two models are shown in row 3 of"],
        VotesError,
    ),
    Case(
        "model twice",
        ballots({"models": ["ada", "bob", "ada"], "places": [1, 2, 3]}),
        ["twice in row 3 of", "meet itself"],
        VotesError,
    ),
    Case(
        "null among the models",
        ballots({"models": ["ada", None], "places": [1, 2]}),
        ["no name in row 3 of"],
        VotesError,
    ),
    Case(
        "look-alike in a ballot",
        ballots({"models": ["ADA", "bob"], "places": [1, 2]}),
        ["'ADA' in row 3 of"],
        VotesError,
    ),
    Case(
        "acceptable too short",
        ballots({"models": ["ada", "bob"], "places": [1, 2], "acceptable": [True]}),
        ["differ in length in row 3 of"],
        VotesError,
    ),
    Case(
        "places that are no list",
        content("votes.csv", 'models,places\n"[""a"", ""b""]",first\n'),
        ["votes.csv", "row 1"],
        VotesError,
    ),
    Case(
        "places that are texts",
        ballots({"models": ["ada", "bob"], "places": ["first", "second"]}),
        ["ballots.jsonl", "second"],
        SourceError,
    ),
]

OPTIONS = [
    Case(
        "DuckDB file without votes",
        database,
        ["arena.duckdb has no table 'votes'", "it has ballots, voters", "--table"],
    ),
    Case(
        "no such table",
        database,
        ["no table 'balots'", "did you mean 'ballots'?"],
        SourceError,
        ["--table", "balots"],
        {"table": "balots"},
    ),
    Case(
        "table of a parquet file",
        GOOD,
        ["table='votes' belongs to a DuckDB file"],
        OptionError,
        ["--table", "votes"],
        {"table": "votes"},
    ),
    Case(
        "where is no condition",
        GOOD,
        ["where='winner = = 1' is not a condition on"],
        OptionError,
        ["--where", "winner = = 1"],
        {"where": "winner = = 1"},
    ),
    Case(
        "where on no such column",
        GOOD,
        ["lang"],
        OptionError,
        ["--where", "lang = 'en'"],
        {"where": "lang = 'en'"},
    ),
    Case(
        "where is no truth value",
        GOOD,
        ["where='model_a' is not a condition"],
        OptionError,
        ["--where", "model_a"],
        {"where": "model_a"},
    ),
    Case(
        "where that ends the query",
        GOOD,
        ["is not a condition on"],
        OptionError,
        ["--where", "1=1); DROP VIEW votes; --"],
        {"where": "1=1); DROP VIEW votes; --"},
    ),
    Case(
        "where that nothing meets",
        GOOD,
        ["no row meets the condition"],
        SourceError,
        ["--where", "model_a = 'zed'"],
        {"where": "model_a = 'zed'"},
    ),
    Case(
        "no such --by column",
        VOTERS,
        ["no column 'vote'", "did you mean 'voter'?"],
        SourceError,
        ["--by", "vote"],
        {},
        {"by": "vote"},
    ),
    Case(
        "no such --cluster column",
        VOTERS,
        ["no column 'judge'", "voter"],
        SourceError,
        ["--cluster", "judge"],
        {},
        {"cluster": "judge"},
    ),
    Case(
        "no voter to cluster by",
        VOTERS,
        ["There is no voter to cluster by in rows 3 and 5 of", "voter IS NOT NULL"],
        SourceError,
        ["--cluster", "voter"],
        {},
        {"cluster": "voter"},
    ),
    Case(
        "--column without a sign",
        GOOD,
        ["--column 'voter' must be OURS=THEIRS"],
        OptionError,
        ["--column", "voter"],
        alike=False,
    ),
    Case(
        "--column of no such column",
        VOTERS,
        ["no column 'votr'", "did you mean 'voter'?"],
        SourceError,
        ["--column", "judge=votr"],
        {"columns": {"judge": "votr"}},
    ),
    Case(
        "method with a typo",
        GOOD,
        ["There is no method 'bradley_tery'", "did you mean 'bradley_terry'?"],
        MethodError,
        ["-m", "bradley_tery"],
        {},
        {"method": "bradley_tery"},
    ),
    Case(
        "option with a typo",
        GOOD,
        ["elo has no option 'permutation'", "did you mean 'permutations'?"],
        OptionError,
        ["-m", "elo:permutation=3"],
        {},
        {"method": "elo", "permutation": 3},
    ),
    Case(
        "option of another type",
        GOOD,
        ["elo: k must be a number, not 'big'"],
        OptionError,
        ["-m", "elo:k=big"],
        {},
        {"method": "elo", "k": "big"},
    ),
    Case("option out of range", GOOD, ["k"], OptionError, ["-m", "elo:k=-1"], {}, {"method": "elo", "k": -1}),
    Case("option without a value", GOOD, ["METHOD:option=value"], OptionError, ["-m", "elo:k"], alike=False),
    Case("option given twice", GOOD, ["k twice"], OptionError, ["-m", "elo:k=3,k=4"], alike=False),
    Case(
        "level 0",
        GOOD,
        ["level must lie between 0 and 1, not 0"],
        OptionError,
        ["--level", "0.0"],
        {},
        {"level": 0.0},
    ),
    Case(
        "level 2",
        GOOD,
        ["level must lie between 0 and 1, not 2"],
        OptionError,
        ["--level", "2.0"],
        {},
        {"level": 2.0},
    ),
    Case(
        "level as text",
        GOOD,
        ["level", "high"],
        OptionError,
        ["--level", "high"],
        {},
        {"level": "high"},
        alike=False,
    ),
    Case(
        "rounds 1",
        GOOD,
        ["n_resamples must be a whole number of at least 2, not 1"],
        OptionError,
        ["--n-resamples", "1"],
        {},
        {"n_resamples": 1},
    ),
    Case(
        "negative seed",
        GOOD,
        ["seed must be a whole number of at least 0, not -1"],
        OptionError,
        ["--seed", "-1"],
        {},
        {"seed": -1},
    ),
    Case(
        "no such anchor",
        GOOD,
        ["no model 'adda' to anchor", "did you mean 'ada'?"],
        OptionError,
        ["--anchor", "adda"],
        {},
        {"anchor": "adda"},
    ),
    Case(
        "anchor of a share",
        GOOD,
        ["An anchor belongs to ratings", "leave 'ada' out"],
        OptionError,
        ["-m", "win_rate", "--anchor", "ada"],
        {},
        {"method": "win_rate", "anchor": "ada"},
    ),
    Case(
        "sandwich of elo",
        GOOD,
        ["elo has no sandwich interval", "bootstrap"],
        OptionError,
        ["-m", "elo", "--interval", "sandwich"],
        {},
        {"method": "elo", "interval": "sandwich"},
    ),
    Case(
        "posterior",
        GOOD,
        ["bradley_terry has no posterior", "bootstrap"],
        OptionError,
        ["--interval", "posterior"],
        {},
        {"interval": "posterior"},
    ),
    Case(
        "interval with a typo",
        GOOD,
        ["sandwhich", "sandwich"],
        OptionError,
        ["--interval", "sandwhich"],
        {},
        {"interval": "sandwhich"},
        alike=False,
    ),
    Case(
        "invalid with a typo",
        GOOD,
        ["invalid", "skip"],
        OptionError,
        ["--invalid", "skip"],
        {"invalid": "skip"},
        alike=False,
    ),
    Case(
        "time that cannot be read",
        parquet([{**row, "timestamp": when} for row, when in zip(rows(), ["1", "2", "noon"], strict=True)]),
        ["in row 3 of", "timestamp"],
        SourceError,
        ["-m", "elo:permutations=0"],
        {},
        {"method": "elo", "permutations": 0},
    ),
]

CASES = [*FILES, *ROWS, *NUMBERS, *LISTS, *OPTIONS]
PROCESSES = {  # one of each kind as a real process too, which takes a second
    *(
        "no such file",
        "parquet cut short",
        "null name",
        "negative weight",
        "places too short",
        "option with a typo",
    ),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.wrong)
def test_the_library_says_it_in_one_named_error(case, tmp_path, monkeypatch):
    if not case.alike and not case.reading and not case.ranking:
        pytest.skip("only the command line can be misspelt like this")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(case.error) as caught:
        _rank(case, case.make(Path()))
    assert type(caught.value) is case.error
    _reads_well(str(caught.value))
    for part in case.says:
        assert part in str(caught.value)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.wrong)
def test_the_command_says_it_in_one_line(case, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    path = case.make(Path())
    before = _listing(tmp_path)
    status = main(["rank", str(path), *case.arguments])
    said = capfd.readouterr()  # of the libraries below Python too
    _refused(case, status, *said)
    assert _listing(tmp_path) == before
    if case.alike:
        with pytest.raises(case.error) as caught:
            _rank(case, path)
        assert said.err == f"agon: {caught.value}\n"


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.wrong in PROCESSES], ids=lambda case: case.wrong
)
def test_so_does_a_process_of_its_own(case, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    words = ["rank", str(case.make(Path())), *case.arguments]
    one_thread = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "agon", *words]
    done = subprocess.run(command, env=one_thread, capture_output=True, text=True, check=False)
    _refused(case, done.returncode, done.stdout, done.stderr)
    assert main(words) == done.returncode
    assert capfd.readouterr() == (done.stdout, done.stderr)


def _refused(case: Case, status: int, stdout: str, stderr: str) -> None:
    """Status 2, nothing on standard output, one line on standard error that says what it must."""
    assert stdout == ""
    assert stderr.count("\n") == 1
    assert stderr.startswith("agon: ")
    assert stderr.endswith("\n")
    assert "Traceback" not in stderr
    assert status == 2
    for part in case.says:
        assert part in stderr


def _rank(case: Case, path: Path) -> None:
    """Read and rank as `agon rank` does."""
    options = dict(case.ranking)
    by = options.pop("by", None)
    found = comparisons(path, **case.reading)
    for part in [found] if by is None else [part for _, part in found.split(by)]:
        rank(part, **options)


def _listing(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
    }


def _reads_well(sentence: str) -> None:
    """One line, ended, without the traces of a machine."""
    assert sentence.isprintable()
    assert sentence.endswith((".", "?"))
    assert ".." not in sentence
    for trace in (
        "Error:",
        "None",
        "nan_",
        "<class",
        "{{",
        "{rows}",
        "{source}",
        "0x",
        "[Errno",
        "duckdb.",
        "pyarrow.",
    ):
        assert trace not in sentence


@pytest.mark.parametrize("case", [*ROWS, *NUMBERS], ids=lambda case: case.wrong)
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_the_same_sentence_for_the_same_rows_in_another_format(case, ending, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = pq.read_table(case.make(Path()))
    records = table.to_pylist()
    path = Path(f"votes.{ending}")
    if ending == "csv":
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(table.column_names)
            writer.writerows(["" if cell is None else cell for cell in row.values()] for row in records)
    else:
        cells = [cell for row in records for cell in row.values()]
        if any(isinstance(cell, float) and not math.isfinite(cell) for cell in cells):
            pytest.skip("JSON has no such number")
        path.write_text("".join(json.dumps(row) + "\n" for row in records))
    with pytest.raises(case.error) as one:
        comparisons("votes.parquet")
    with pytest.raises(case.error) as two:
        comparisons(path)
    assert str(two.value) == str(one.value).replace("votes.parquet", path.name)


def test_every_sentence_of_a_row_names_its_number_and_the_remedy():
    for case in [*ROWS, *NUMBERS, *LISTS]:
        if case.error is VotesError:
            assert any("row" in part for part in case.says), case.wrong
    assert len({case.wrong for case in CASES}) == len(CASES)
    assert {case.wrong for case in CASES} >= PROCESSES
