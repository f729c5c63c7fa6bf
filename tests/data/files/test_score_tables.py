"""Score tables from files and frames, and the refusals that name row and column."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from agon.data.files.benchmarks.score_tables import score_table
from agon.ranking import InputError, OptionError, SourceError, VotesError
from tests.support.paths import DATASETS

real = pytest.mark.skipif(not DATASETS.is_dir(), reason=f"no published tables in {DATASETS}")
GOOD = "model,add,sub,speed\nAnn,1.5,2,9\nBob,2,-,8\nCyd,0.5,3,7\n"


def written(folder, text, name="x.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_with_directions_weights_and_groups(tmp_path):
    table = score_table(
        written(tmp_path, GOOD),
        weights={"sub": 0.5},
        groups={"add": "maths", "sub": "maths", "speed": "cost"},
        directions={"speed": "lower"},
    )
    assert table.models == ("Ann", "Bob", "Cyd") and table.tasks == ("add", "speed", "sub")
    assert table.values[:, 0].tolist() == [1.5, 2.0, 0.5]
    assert np.isnan(table.values[1, 2])
    assert table.weights.tolist() == [1.0, 1.0, 0.5]
    assert table.directions == ("higher", "lower", "higher")
    assert table.groups == ("maths", "cost", "maths")


def test_the_same_table_from_everywhere(tmp_path):
    path = written(tmp_path, GOOD)
    frame = pd.read_csv(path, na_values="-")
    frame.to_parquet(tmp_path / "x.parquet")
    same = [
        frame,
        frame.set_index("model"),
        frame.set_index("model").rename_axis(None),
        pl.from_pandas(frame),
        pa.Table.from_pandas(frame),
        tmp_path / "x.parquet",
        str(path),
        written(tmp_path, GOOD.replace(",", "\t"), "x.tsv"),
        frame.convert_dtypes(),
    ]
    expected = score_table(path)
    for source in same:
        table = score_table(source)
        assert table.models == expected.models and table.tasks == expected.tasks
        assert np.array_equal(table.values, expected.values, equal_nan=True)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "model,a,URL\nx,1,u\ny,2,v\n",
            {},
            r"x\.csv: 'URL' is no column of numbers; leave it out with ignore",
        ),
        ("model,a\nx,1\ny,2\nz,2.x\n", {}, r"row 3 \(z\), column 'a': '2\.x' is no number"),
        ("model,a\nx,1\ny,2\nx,3\n", {}, "lists 'x' twice, in rows 1 and 3"),
        ("model,a\nLlama 2,1\ny,2\nllama  2,3\n", {}, "lists 'llama  2' beside 'Llama 2', in rows 1 and 3"),
        ("model,a\nx,1\n,2\n", {}, "row 2 has no name in column 'model'"),
        ("model,a,a\nx,1,2\ny,2,3\n", {}, "names the column 'a' twice"),
        ("model,a,b\nx,1,2\ny,2\n", {}, "a number of fields that is not the header's in row 2"),
        ("model,a,b\nx,1,2\ny,1,3\n", {}, "'a' .* has the same score, 1, for every model"),
        ("model,a,b\nx,1,\ny,2,\n", {}, "'b' .* has no score at all"),
        ("model,a,b\nx,1,2\ny,,\nz,2,1\n", {}, "'y' .* has no score on any task"),
        ("model,a\nx,1\ny,inf\n", {}, "score of 'y' on 'a' is inf"),
        ("model,a,b\nx,1,2\ny,2,1\n", {"weights": {"a": -1}}, "weight of task 'a' is -1"),
        ("model,a,b\nx,1,2\ny,2,1\n", {"weights": {"a": float("nan")}}, "weight of task 'a' is nan"),
        ("model,a,b\nx,1,2\ny,2,1\n", {"weights": {"c": 1}}, "weights names 'c'"),
        ("model,a,b\nx,1,2\ny,2,1\n", {"groups": {"a": "g", "c": "g"}}, "groups names 'c'"),
        ("model,a,b\nx,1,2\ny,2,1\n", {"groups": {"a": "g"}}, "Task 'b' has no group"),
        ("model,a,b\nx,1,2\ny,2,1\n", {"directions": {"a": "down"}}, "direction of 'a'"),
        ("model,a,b\nx,1,2\ny,2,1\n", {"ignore": ["c"]}, "ignore names 'c', which is no column"),
        ("model,a,b\nx,1,2\ny,2,1\n", {"ignore": "a"}, "ignore must be a list"),
        ("model,a,b\nx,1,2\ny,2,1\n", {"tasks": ["d"]}, "tasks names 'd'"),
        (
            "model,a,b\nx,1,2\ny,2,1\n",
            {"model": "modell"},
            "no column 'modell' of models; did you mean 'model'",
        ),
        ("model,a,b\nx,1,2\ny,2,1\n", {"invalid": "skip"}, "invalid must be"),
        ("who,a\nx,1\ny,2\n", {}, "no column called 'model'; say which column"),
        ("model,name,a\nx,u,1\ny,v,2\n", {}, "columns model and name; say which"),
        ("model\nx\ny\n", {}, "no column beside 'model'"),
        ("model,a\n", {}, "has a header but no rows"),
        ("", {}, "is empty"),
    ],
)
def test_refusals_name_row_and_column(tmp_path, text, options, message):
    with pytest.raises(InputError, match=message) as refusal:
        score_table(written(tmp_path, text), **options)
    assert "\n" not in str(refusal.value)


def test_other_refusals(tmp_path):
    with pytest.raises(SourceError, match="There is no file"):
        score_table(tmp_path / "gone.csv")
    with pytest.raises(SourceError, match="no ending that names its format"):
        score_table(written(tmp_path, "x", "x.txt"))
    with pytest.raises(SourceError, match="Cannot read a int as a score table"):
        score_table(3)


def test_drop_leaves_out_and_counts(tmp_path):
    text = "model,a,URL,b,c\nx,1,u,5,2\ny,2,v,5,oops\nz,,w,,\nq,3,,5,4\n"
    table = score_table(written(tmp_path, text), invalid="drop")
    assert table.models == ("q", "x", "y") and table.tasks == ("a", "c")
    assert table.left_out == {
        "columns that are no numbers": 1,
        "cells that are no number": 1,
        "tasks that rank nobody": 1,
        "models without a score": 1,
    }


@real
def test_published_tables():
    """Shapes as SOURCES.md counts them; the MTEB table lacks 11% of its scores."""
    glue = score_table(DATASETS / "bench_glue_table.csv")
    assert (len(glue.models), len(glue.tasks)) == (30, 14)
    value = score_table(DATASETS / "bench_value_table.csv")
    assert (len(value.models), len(value.tasks)) == (7, 11)
    mteb = score_table(DATASETS / "bench_mteb_en_v1_missing.csv")
    assert (len(mteb.models), len(mteb.tasks)) == (238, 56)
    assert np.isnan(mteb.values).mean() == pytest.approx(0.11, abs=0.01)
    with pytest.raises(InputError) as refusal:
        score_table(DATASETS / "bench_openllm_20230619.csv")
    assert "URL" in str(refusal.value) or "twice" in str(refusal.value)


def test_kinds_of_error(tmp_path):
    with pytest.raises(VotesError):
        score_table(written(tmp_path, "model,a\nx,1\nx,2\n"))
    with pytest.raises(OptionError):
        score_table(written(tmp_path, GOOD), weights={"x": 1.0})


@pytest.mark.parametrize(
    "text",
    [
        "Model,x,y\nada,70.1%,1\nbob,65.0%,2\n",
        "Model;x;y\nada;70,1;1\nbob;65,0;2\n",
        "Model/adapter,x,y\nada,70.1 [1],1\nbob,65.0 ⚠,2\n",
        "model,task,score\nada,x,70.1\nada,y,1\nbob,x,65.0\nbob,y,2\n",
        "task,ada,bob\nx,70.1,65.0\ny,1,2\n",
    ],
    ids=["percent", "decimal comma", "footnotes", "long", "tasks in rows"],
)
def test_tables_as_people_publish_them(tmp_path, text):
    table = score_table(written(tmp_path, text))
    assert (table.models, table.tasks) == (("ada", "bob"), ("x", "y"))
    assert table.values.tolist() == [[70.1, 1], [65.0, 2]]


def test_columns_beside_tasks_are_asked_about_and_the_remedy_works(tmp_path):
    """The columns of the Open LLM Leaderboard: bigger, more liked and dirtier is no better."""
    text = "Model,Average ⬆️,GPQA,#Params (B),Hub ❤️,CO₂ cost (kg)\n"
    text += "ada,44.1,19.1,72.7,310,33.2\nbob,42,15.2,8,95,1.9\n"
    path = written(tmp_path, text)
    with pytest.raises(SourceError, match=r"'Average ⬆️', '#Params \(B\)', 'Hub ❤️' do not look like a task"):
        score_table(path)
    ignore = ["Average ⬆️", "#Params (B)", "Hub ❤️"]
    with pytest.raises(SourceError, match=r"is less better on 'CO₂ cost \(kg\)'\? Say so with directions="):
        score_table(path, ignore=ignore)
    table = score_table(path, ignore=ignore, directions={"CO₂ cost (kg)": "lower"})
    assert dict(zip(table.tasks, table.directions, strict=True)) == {
        "CO₂ cost (kg)": "lower",
        "GPQA": "higher",
    }
    named = score_table(path, tasks=["GPQA", "Average ⬆️"])
    assert named.tasks == ("Average ⬆️", "GPQA")


def test_two_scores_of_one_model_and_task_are_refused(tmp_path):
    with pytest.raises(
        VotesError, match="row 2: 'ada' has another score on 'x', in row 1; give one score for each"
    ):
        score_table(written(tmp_path, "model,task,score\nada,x,1\nada,x,2\n"))
