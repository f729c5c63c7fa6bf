"""`import agon as ag`: light, complete for editors and type checkers, and reading by itself."""

import dataclasses
import inspect
import subprocess
import sys
import textwrap

import jedi
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pytest

import agon as ag
from agon import face, ranking
from agon.method_options import MethodName, MethodOptions
from agon.ranking import METHODS, OptionError, Settings, SourceError
from scripts.write_method_options import TARGET, write
from tests.support.paths import REPOSITORY

ROWS = [
    {"model_a": "ada", "model_b": "bob", "winner": "model_a"},
    {"model_a": "bob", "model_b": "ada", "winner": "model_a"},
    {"model_a": "ada", "model_b": "bob", "winner": "model_a"},
] * 30
COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}


def test_importing_it_loads_nothing():
    code = "import sys, agon; agon.__version__; dir(agon); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert not {"numpy", "scipy", "pandas", "pyarrow", "duckdb", "agon.ranking"} & set(done.stdout.split())


def test_everything_it_names_is_there():
    for name in ag.__all__:
        assert getattr(ag, name) is not None
    assert set(ag.__all__) <= set(dir(ag))


def test_a_name_it_lacks_is_answered_with_the_nearest():
    with pytest.raises(AttributeError, match=r"agon has no 'rankk'; did you mean ag\.rank"):
        _ = ag.rankk


def settings_in(function):
    return {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if name in Settings.__dataclass_fields__
    }


@pytest.mark.parametrize("function", [face.rank, face.rank_all, face.rank_by])
def test_the_signature_spells_out_every_setting_with_its_default(function):
    expected = {field.name: field.default for field in dataclasses.fields(Settings)}
    assert settings_in(function) == expected


def test_a_comparison_of_rules_has_those_settings_that_mean_something_to_it():
    usual = Settings()
    given = settings_in(face.compare_rules)
    assert given == {name: getattr(usual, name) for name in given}
    assert given.keys() == settings_in(ranking.compare_rules).keys()


def test_every_option_of_reading_is_one_of_rank():
    read = {
        name
        for function in (ag.comparisons, ag.score_table)
        for name, one in inspect.signature(function).parameters.items()
        if one.kind is one.KEYWORD_ONLY
    }
    beside = {"model", "tasks", "group_weights"}  # `columns` names models; the rest is for `ag.score_table`
    known = face.RankOptions.__annotations__.keys() | inspect.signature(face.rank).parameters.keys()
    assert read - known == beside


def test_what_editors_know_of_methods_is_the_registry():
    assert TARGET.read_text(encoding="utf-8") == write(), "run `make docs`"
    assert {name for name in MethodName.__args__ if name in METHODS} == METHODS.keys()
    known = {option for method in METHODS.values() for option in method.options}
    assert known - Settings.__dataclass_fields__.keys() == MethodOptions.__annotations__.keys()


def test_an_editor_offers_every_function_and_every_setting():
    project = jedi.Project(str(REPOSITORY), added_sys_path=[str(REPOSITORY)])
    offered = {c.name for c in jedi.Script("import agon as ag\nag.", project=project).complete(2, 3)}
    assert set(ag.__all__) <= offered
    code = "import agon as ag\nag.rank('votes.csv', "
    (signature,) = jedi.Script(code, project=project).get_signatures(2, 21)
    assert {parameter.name for parameter in signature.params} >= Settings.__dataclass_fields__.keys()
    board = jedi.Script("import agon as ag\nag.rank('votes.csv').", project=project).complete(2, 21)
    assert {"to_frame", "plot", "difference", "diagnostics"} <= {c.name for c in board}


def test_a_type_checker_finds_planted_mistakes(tmp_path):
    (tmp_path / "planted.py").write_text(
        textwrap.dedent(
            """
            import agon as ag

            ag.rank("votes.csv", "elo", k=8.0, level=0.9)
            ag.rank("votes.csv", "bradly_terry")
            ag.rank("votes.csv", level="0.9")
            ag.rank("votes.csv", intervall="none")
            """
        )
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(REPOSITORY / "pyproject.toml"), "planted.py"],
        cwd=tmp_path,
        env={
            "MYPYPATH": str(REPOSITORY),
            "PATH": "/usr/bin",
            "MYPY_CACHE_DIR": str(REPOSITORY / ".mypy_cache"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line.split(": ")[0] for line in done.stdout.splitlines() if ": error:" in line]
    assert found == ["planted.py:5", "planted.py:6", "planted.py:7"], done.stdout + done.stderr


class HuggingFaceDataset:
    """What is used of a `datasets.Dataset`; the real one is tried where the package is."""

    column_names = tuple(COLUMNS)

    def __len__(self):
        return len(ROWS)

    def with_format(self, kind):
        assert kind == "arrow"
        return self

    def __getitem__(self, rows):
        assert rows == slice(None)
        return pa.table(COLUMNS)


@pytest.mark.parametrize(
    "given",
    [
        COLUMNS,
        pd.DataFrame(ROWS),
        pl.DataFrame(ROWS),
        pl.DataFrame(ROWS).lazy(),
        pa.table(COLUMNS),
        pa.table(COLUMNS).to_reader(),
        pyarrow.dataset.dataset(pa.table(COLUMNS)),
        HuggingFaceDataset(),
    ],
    ids=lambda given: f"{type(given).__module__}.{type(given).__name__}",
)
def test_frames_of_every_make_give_the_same_board(given):
    assert ag.rank(given).fingerprint == ag.rank(ROWS).fingerprint


def test_so_do_real_data_sets_of_hugging_face():
    datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")
    whole = datasets.Dataset.from_list(ROWS)
    wanted = ag.rank(ROWS).fingerprint
    assert ag.rank(whole).fingerprint == wanted
    assert ag.rank(whole.to_iterable_dataset()).fingerprint == wanted
    with pytest.raises(SourceError, match=r"several data sets \(train, test\); give one of them"):
        ag.rank(datasets.DatasetDict({"train": whole, "test": whole}))


def test_a_path_and_what_was_read_from_it_give_the_same_board(tmp_path):
    path = tmp_path / "votes.csv"
    pd.DataFrame(ROWS).to_csv(path, index=False)
    board = ag.rank(path)
    assert board.fingerprint == ag.rank(str(path)).fingerprint == ag.rank(ag.comparisons(path)).fingerprint
    assert [one.method for one in ag.rank_all(path, "elo")] == ["elo"]
    assert ag.compare_rules(path, ["elo", "win_rate"]).winners("elo") == ("ada",)
    assert ag.compare_rules(ag.rank_all(path, ["elo", "win_rate"])).winners("elo") == ("ada",)


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"model": ["ada", "bob", "cyn"], "x": [1, 2, 3], "y": [1, 3, 2]}),
        pd.DataFrame({"x": [1, 2, 3], "y": [1, 3, 2]}, index=["ada", "bob", "cyn"]),
        pl.DataFrame({"name": ["ada", "bob", "cyn"], "x": [1, 2, 3], "y": [1, 3, 2]}),
        [
            {"model": "ada", "x": 1, "y": 1},
            {"model": "bob", "x": 2, "y": 3},
            {"model": "cyn", "x": 3, "y": 2},
        ],
    ],
    ids=["column", "index", "polars", "rows"],
)
def test_a_table_of_scores_is_told_from_votes(table):
    """Borda on two tasks: bob and cyn have 2 + 1 points, ada none."""
    assert {row.model: row.score for row in ag.rank(table, "borda").rows} == {"ada": 0, "bob": 3, "cyn": 3}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([1, 2], "The list is no table: its rows must be mappings"),
        ({"model_a": ["x"], "model_b": ["y", "z"]}, "The dict is no table"),
        ({"train": HuggingFaceDataset()}, r"several data sets \(train\); give one of them"),
        (5, "Cannot read votes from the int"),
        ([], "has no rows"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(given, says):
    with pytest.raises(SourceError, match=says):
        ag.rank(given)


def test_the_direction_that_a_refusal_asks_for_is_taken(tmp_path):
    path = tmp_path / "costs.csv"
    path.write_text("model,latency,accuracy\nada,1,0.5\nbob,2,0.4\n")
    with pytest.raises(SourceError, match=r"directions=\{'latency': 'lower'\}"):
        ag.rank(path, "borda")
    directions = {"latency": "lower"}
    assert ag.rank(path, "borda", directions=directions).rows[0].model == "ada"  # better on both
    assert ag.rank_all(path, "borda", directions=directions)[0].rows[0].model == "ada"
    assert ag.compare_rules(path, ["borda"], directions=directions).winners("borda") == ("ada",)
    with pytest.raises(OptionError, match=r"directions belongs to reading.*ag\.score_table"):
        ag.rank(ag.score_table(path, directions=directions), "borda", directions=directions)


def test_a_decision_reads_its_facts(tmp_path):
    facts = tmp_path / "facts.csv"
    facts.write_text("model,price\nada,5\nbob,1\n")
    board = ag.rank(ROWS)  # ada won 60 of 90
    given = {"ada": {"price": 5}, "bob": {"price": 1}}
    for known in (facts, str(facts), pd.read_csv(facts), given):
        assert ag.decide(board, known, at_most={"price": 2}).choice == "bob"
        assert ag.decide(board, known).choice == "ada"


def test_reading_options_belong_to_reading():
    with pytest.raises(OptionError, match=r"where belongs to reading.*ag\.comparisons"):
        ag.rank(ag.comparisons(ROWS), where="winner = 'tie'")
    with pytest.raises(OptionError, match=r"weights= \(--weights\) does not apply"):
        ag.read_any(ROWS, weights={"x": 1})


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("bt", "bradley_terry"),
        ("Bradley-Terry", "bradley_terry"),
        ("PL", "plackett_luce"),
        ("TrueSkill", "kwise_bayes"),
        ("win rate", "win_rate"),
    ],
)
def test_methods_are_found_under_what_people_call_them(called, name):
    assert ag.rank(ROWS, called, interval="none").method == name
