"""Rules on scores against published values and their formulas; two levels; refusals."""

import numpy as np
import pytest

from agon.ranking import OptionError, ScoreTable, SourceError, VotesError, rank
from tests.ranking.methods.social_choice.test_positional import SETS, read
from tests.support.brute_force import golden_json, needs_golden, run

NAN = float("nan")


def table(scores, **options):
    m, t = np.shape(scores)
    return ScoreTable.of([f"m{i}" for i in range(m)], [f"t{i}" for i in range(t)], scores, **options)


@needs_golden
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(
    ("column", "rule", "options"),
    [
        ("mean_arithmetic", "mean", {}),
        ("mean_geometric", "geometric_mean", {}),
        ("optimality_gap_95", "optimality_gap", {"gamma": 95.0}),
    ],
)
def test_vote_n_rank_scores_come_out(name, column, rule, options):
    """With missing="column_median" also on value_missing; where the published mean is NaN ours refuses."""
    given, published = read(name)
    expected = np.array([published[column][model] for model in given.models])
    options = options | {"missing": "column_median"}
    if np.isnan(expected).any():
        with pytest.raises(VotesError, match="only numbers above 0 have a geometric mean"):
            run(rule, given, **options)
        positive = (given.values > 0).all(axis=1)  # where a score is 0 the published mean is 0
        given, expected = given.subset(positive), expected[positive]
    values = run(rule, given, **options).values
    assert values == pytest.approx(expected, rel=0, abs=1e-9)
    elected = golden_json("votenrank_elections.json")[name].get(column)
    if elected is not None:
        assert {given.models[i] for i in np.flatnonzero(values >= values.max() - 1e-9)} == set(elected)


def test_weights_directions_and_the_median_by_hand():
    given = table([[1, 8, 3], [2, 4, 9], [4, 2, 6.0]], weights={"t0": 2.0}, directions={"t1": "lower"})
    assert run("mean", given).values == pytest.approx([(2 - 8 + 3) / 4, (4 - 4 + 9) / 4, (8 - 2 + 6) / 4])
    assert run("geometric_mean", given).values == pytest.approx(
        [(1 * 1 / 8 * 3) ** 0.25, (4 / 4 * 9) ** 0.25, (16 / 2 * 6) ** 0.25]
    )
    assert run("median", given).values == pytest.approx([1.0, 2.0, 4.0])
    even = table([[1, 3, 2, 9], [5, 1, 2.5, 2.0]])
    assert run("median", even).values.tolist() == [2.5, 2.25]


def test_gaps_by_hand():
    given = table([[1, NAN, 4], [2, 6, 0], [3, 8, 2.0]])
    with pytest.raises(VotesError, match="mean: 'm0' has no score on 't1' \\(1 gaps in all\\)"):
        run("mean", given)
    for missing, expected in [
        ("average", 2.5),
        ("worst", 11 / 3),
        ("column_median", 4.0),
        ("drop_task", 2.5),
    ]:
        assert run("mean", given, missing=missing).values[0] == pytest.approx(expected)
    assert run("mean", given, missing="drop_task").values.tolist() == [2.5, 1.0, 2.5]
    assert run("median", given, missing="average").values.tolist() == [2.5, 2.0, 3.0]
    holes = table([[1, NAN], [NAN, 2], [3, 4.0]])
    with pytest.raises(VotesError, match="every task has a gap"):
        run("mean", holes, missing="drop_task")


def test_mean_win_rate_by_hand():
    """HELM: on t0 m2 beats both, on t1 m0 has no score and the others tie."""
    given = table([[1, NAN, 5], [2, 6, 5], [3, 6, 7.0]], invalid="drop")
    values = run("mean_win_rate", given).values
    assert given.tasks == ("t0", "t2")
    assert values.tolist() == [(0 + 0.25) / 2, (0.5 + 0.25) / 2, 1.0]
    gap = table([[1, NAN], [2, 6], [3, 7.0]])
    assert run("mean_win_rate", gap).values.tolist() == [0.0, (0.5 + 0) / 2, 1.0]


def test_refusals_name_the_cell_and_the_option():
    with pytest.raises(VotesError, match="'m1' has 0 on 't0', and only numbers above 0"):
        run("geometric_mean", table([[1, 2], [0, 3.0]]))
    with pytest.raises(OptionError, match="no score is below gamma=1"):
        run("optimality_gap", table([[1, 2], [3, 3.0]]), gamma=1.0)
    with pytest.raises(OptionError, match="lower is better on 't0'"):
        run("optimality_gap", table([[1, 2], [3, 3.0]], directions={"t0": "lower"}))


GROUPS = {"t0": "a", "t1": "a", "t2": "a", "t3": "b"}
SCORES = [[9, 9, 1, 1], [5, 5, 9, 3], [1, 1, 5, 2.0]]


def test_two_levels_by_hand():
    """Borda in a: 4, 4, 1; in b: 0, 2, 1. Borda over the groups: 1.5 + 0, 1.5 + 2, 0 + 1; b counts double."""
    assert run("two_level", table(SCORES, groups=GROUPS)).values.tolist() == [1.5, 3.5, 1.0]
    heavy = table(SCORES, groups=GROUPS, group_weights={"b": 2.0})
    assert run("two_level", heavy).values.tolist() == [1.5, 5.5, 2.0]
    assert run("two_level", heavy, rule="plurality", ties="worst").values.tolist() == [1.0, 2.0, 0.0]
    mean = run("two_level", table(SCORES, groups=GROUPS), rule="mean").values
    assert mean == pytest.approx([(19 / 3 + 1) / 2, (19 / 3 + 3) / 2, (7 / 3 + 2) / 2])


def test_two_levels_refuse_what_they_cannot_do():
    given = table(SCORES, groups=GROUPS)
    with pytest.raises(SourceError, match="no groups"):
        run("two_level", table(SCORES))
    for rule in ("elo", "two_level"):
        with pytest.raises(OptionError, match="cannot use"):
            run("two_level", given, rule=rule)
    with pytest.raises(OptionError, match="has no option 'ties'"):
        run("two_level", given, rule="copeland", ties="share")


def test_a_group_in_which_all_are_equal_is_left_out_with_a_note():
    given = table([[1, 2, 5], [2, 1, 6.0]], groups={"t0": "a", "t1": "a", "t2": "b"})
    scores = run("two_level", given)
    assert scores.values.tolist() == [0.0, 1.0]
    assert "makes all models equal in a" in scores.notes[0].message
    board = rank(given, "two_level", n_resamples=30)
    assert board.rows[0].model == "m1"


@needs_golden
def test_scores_of_published_tables_do_not_depend_on_the_row_order():
    given, _ = read("value")
    again = ScoreTable.of(given.models[::-1], given.tasks[::-1], given.values[::-1, ::-1])
    for rule in ("mean", "median", "mean_win_rate"):
        assert np.array_equal(run(rule, given).values, run(rule, again).values)


def test_a_gamma_that_no_score_reaches_is_told():
    """95 on a table of shares: the mean less 95, and the remedy ranks by the gap and says no more."""
    shares = table([[0.9, 0.4], [0.6, 0.6]])
    far = run("optimality_gap", shares, gamma=95.0)
    assert far.values.tolist() == pytest.approx([0.65 - 95, 0.6 - 95])
    assert "on the scale of the scores" in far.notes[0].message
    near = run("optimality_gap", shares, gamma=0.6)
    assert near.values.tolist() == pytest.approx([-0.1, 0.0]) and near.notes == ()
