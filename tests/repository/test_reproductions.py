"""Published boards come out of their votes, and the page that says so is of this script."""

import re

import pytest

from agon.ranking import METHODS
from benchmarks.reproductions import CASES, HEAD
from tests.support.paths import REPOSITORY

PAGE = REPOSITORY / "docs" / "reproductions.md"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_every_board_is_rebuilt_within_its_bound(case, datasets):
    for row in case(datasets):
        assert row.rebuilt, row
        assert row.models > 1 and row.votes > 0
        assert row.method in METHODS, "a row is a run of one of our methods"


@pytest.mark.slow
def test_the_figures_of_the_page_are_those_of_a_run(datasets):
    """The same boards, models, votes and bounds; differences at the level of rounding may vary."""
    page = PAGE.read_text(encoding="utf-8")
    assert page.startswith(HEAD)
    rows = {row.board: row for case in CASES for row in case(datasets)}
    written = [re.split(r" \| ", line.strip("| ")) for line in page.splitlines() if line.startswith("| ")][2:]
    assert written
    for board, method, models, votes, difference, bound, rebuilt in written:
        row = rows[board]
        assert (method, int(models), int(votes.replace(",", ""))) == (row.method, row.models, row.votes)
        assert bound.strip() == f"{row.bound:g} {row.unit}".strip()
        assert float(difference.split()[0]) == pytest.approx(row.difference, rel=0.06, abs=1e-9)
        assert rebuilt == "yes"
