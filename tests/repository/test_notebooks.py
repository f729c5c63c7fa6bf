"""The notebooks run from the first cell to the last, on small data, and show what they say."""

import base64
import json
import os
import struct
from pathlib import Path

import pytest

from agon.arena.cli.simulate import as_table
from agon.data.files.writer import write_table
from agon.ranking import bradley_terry_world
from tests.support.paths import REPOSITORY

pytestmark = pytest.mark.slow

FOLDER = REPOSITORY / "notebooks"
DRAWING = (".plot()", "difference_map()", "win_rate_map(")
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))


def executed(name, **environment):
    """The cells of a notebook after a run in a kernel of its own; an error in a cell fails the test."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(FOLDER / name, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(FOLDER.parent)}}
    )
    client.execute(env={**os.environ, **environment})
    return notebook.cells


def nbformat_cells(name):
    """The cells of a notebook as they are kept."""
    nbformat = pytest.importorskip("nbformat")
    return nbformat.read(FOLDER / name, as_version=4).cells


def printed(cells):
    """All text that the cells wrote, but for what stands for a figure."""
    outputs = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    outputs = [
        o for o in outputs if not any("image" in kind or "plotly" in kind for kind in o.get("data", {}))
    ]
    return "\n".join(str(o.get("text", o.get("data", {}).get("text/plain", ""))) for o in outputs)


def figures(cells):
    """The figures that the cells drew."""
    outputs = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    return [
        o["data"]["application/vnd.plotly.v1+json"]
        for o in outputs
        if "application/vnd.plotly.v1+json" in o.get("data", {})
    ]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_kept_as_it_ran_with_pictures_that_every_viewer_shows(name):
    """GitHub shows PNG; Plotly's own JSON, scripts and (at times) SVG it does not."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == [*range(1, len(cells) + 1)], "run `make notebooks`"
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {"execute_result", "display_data", "stream"}
    kinds = [kind for output in outputs for kind in output.get("data", {})]
    assert set(kinds) == {"text/plain", "text/html", "image/png"}
    drawn = sum(any(word in "".join(cell["source"]) for word in DRAWING) for cell in cells)
    assert kinds.count("image/png") == drawn >= 2
    for output in outputs:
        if "image/png" in output.get("data", {}):
            width, height = struct.unpack(">II", base64.b64decode(output["data"]["image/png"])[16:24])
            assert 400 <= width <= 1200 and 200 <= height <= 1000
    assert "<script" not in text and str(Path.home()) not in text and str(REPOSITORY) not in text


def test_the_notebooks_are_there():
    assert {"judges.ipynb", "rerank.ipynb", "reproduce.ipynb", "tastes.ipynb"} <= set(NOTEBOOKS)


@pytest.mark.filterwarnings("default")  # of the kernel's own libraries
def test_reranking_a_file(tmp_path):
    write_table(as_table(bradley_terry_world(5, 900, voters=12, seed=2)), tmp_path / "votes.parquet")
    cells = executed("rerank.ipynb", AGON_VOTES=str(tmp_path / "votes.parquet"))
    text = printed(cells)
    assert "Comparisons(900 votes on 5 models)" in text
    for said in (
        "bradley_terry",
        "win_rate",
        "Difference(",
        "ranking them again confirms it",
        "is cyclic",
        "voters",
    ):
        assert said in text
    assert len(figures(cells)) == 3


@pytest.mark.filterwarnings("default")
def test_rebuilding_a_published_board():
    cells = executed("reproduce.ipynb")
    assert printed(cells) == printed(nbformat_cells("reproduce.ipynb")), "run `make notebooks`"
    assert "6 of 6 inside the published 95% intervals" in printed(cells)
    assert len(figures(cells)) == 2


@pytest.mark.filterwarnings("default")
def test_what_the_votes_of_a_judge_are_worth(tmp_path):
    """Files of one's own: a judge that says A whatever is shown is refused, and buys nothing."""
    votes = bradley_terry_world(5, 400, seed=2)
    people = as_table(votes).to_pandas().assign(prompt_id=lambda frame: frame.index % 40)
    people.to_parquet(tmp_path / "people.parquet")
    judged = people[["model_a", "model_b", "prompt_id"]].assign(p_a=1.0, judge="first", voter_kind="llm")
    judged.to_parquet(tmp_path / "judged.parquet")
    files = {"AGON_PEOPLE": str(tmp_path / "people.parquet"), "AGON_JUDGED": str(tmp_path / "judged.parquet")}
    cells = executed("judges.ipynb", **files)
    assert "first is refused: it says the same of every pair" in printed(cells)
    assert len(figures(cells)) == 2


@pytest.mark.filterwarnings("default")
def test_who_likes_what(tmp_path):
    write_table(as_table(bradley_terry_world(5, 900, voters=12, seed=2)), tmp_path / "votes.parquet")
    cells = executed("tastes.ipynb", AGON_VOTES=str(tmp_path / "votes.parquet"))
    text = printed(cells)
    assert "predicts 900 held-out votes best" in text
    assert "The 12 voters are of one kind, as far as their votes tell" in text
    assert len(figures(cells)) == 2
