"""Boards of score tables by ratings: every rating of the registry on pairs takes a table of tasks."""

import pytest

from agon.ranking import METHODS, InputError, ScoreTable, rank

TABLE = ScoreTable.of(
    ["ada", "bob", "cyn"], ["t1", "t2", "t3", "t4", "t5"], [[1, 2, 5, 3, 4], [3, 1, 4, 4, 2], [2, 3, 1, 1, 1]]
)


@pytest.mark.parametrize(
    "method", sorted(name for name, how in METHODS.items() if how.view in ("pairs", "scores"))
)
def test_a_table_has_a_board_or_a_sentence(method):
    try:
        board = rank(TABLE, method)
    except InputError as refused:
        assert str(refused).endswith(".")
        return
    assert {row.model for row in board.rows} == {"ada", "bob", "cyn"}
    assert all(row.votes == 5 for row in board.rows)
