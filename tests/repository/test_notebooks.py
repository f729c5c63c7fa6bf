"""The notebooks run from the first cell to the last, on small data, and show what they say."""

import json
import os

import pytest

from agon.arena.cli.simulate import as_table
from agon.data.files.writer import write_table
from agon.ranking import bradley_terry_world
from tests.support.paths import REPOSITORY

FOLDER = REPOSITORY / "notebooks"
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


def printed(cells):
    """All text that the cells wrote."""
    outputs = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
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
def test_a_notebook_is_kept_without_what_it_printed(name):
    for cell in json.loads((FOLDER / name).read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def test_the_notebooks_are_there():
    assert {"rerank.ipynb", "reproduce.ipynb"} <= set(NOTEBOOKS)


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
    assert "6 of 6 inside the published 95% intervals" in printed(cells)
    assert len(figures(cells)) == 2
