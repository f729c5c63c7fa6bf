"""Score tables: what is refused, what is canonical, the views, and boards of tables."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agon.ranking import (
    MethodError,
    OptionError,
    PairCounts,
    ScoreTable,
    SourceError,
    VotesError,
    rank,
    rank_all,
)

NAN = float("nan")
GOOD = [[1.0, 10.0, 3.0], [2.0, 20.0, 3.0], [3.0, NAN, 4.0]]


def table(scores=GOOD, **options):
    m, t = np.shape(scores)
    return ScoreTable.of([f"m{i}" for i in range(m)], [f"t{i}" for i in range(t)], scores, **options)


@pytest.mark.parametrize(
    ("models", "tasks", "scores", "options", "error", "message"),
    [
        (["a", "a"], ["t"], [[1], [2]], {}, VotesError, r"Model 'a' is given twice, as numbers 1 and 2"),
        (["a", "b"], ["t", "t"], [[1, 2], [2, 3]], {}, VotesError, r"Task 't' is given twice"),
        (["a", " "], ["t"], [[1], [2]], {}, VotesError, r"Model number 2 has no name"),
        ([], ["t"], np.zeros((0, 1)), {}, VotesError, r"has no model"),
        (["a", "b"], ["t"], [[1, 2], [3, 4]], {}, VotesError, r"shape \(2, 2\), but 2 models and 1 tasks"),
        (["a", "b"], ["t"], [[1], [np.inf]], {}, VotesError, r"'b' on 't' is inf"),
        (["a", "b"], ["t", "u"], [[1, 5], [2, 5]], {}, VotesError, r"'u' \(column 2\) has the same score, 5"),
        (
            ["a", "b"],
            ["t", "u"],
            [[1, NAN], [2, NAN]],
            {},
            VotesError,
            r"'u' \(column 2\) has no score at all",
        ),
        (["a", "b"], ["t", "u"], [[1, 3], [2, NAN]], {}, VotesError, r"'u' .* one model only"),
        (
            ["a", "b", "c"],
            ["t"],
            [[1], [2], [NAN]],
            {},
            VotesError,
            r"'c' \(row 3\) has no score on any task",
        ),
        (
            ["a", "b"],
            ["t"],
            [[1], [2]],
            {"weights": {"x": 1}},
            OptionError,
            r"weights names 'x', which is no",
        ),
        (["a", "b"], ["t"], [[1], [2]], {"weights": {"t": -1}}, OptionError, r"weight of task 't' is -1"),
        (["a", "b"], ["t"], [[1], [2]], {"weights": {"t": NAN}}, OptionError, r"weight of task 't' is nan"),
        (["a", "b"], ["t"], [[1], [2]], {"weights": {"t": 0}}, OptionError, r"Every task weighs 0"),
        (["a", "b"], ["t"], [[1], [2]], {"groups": {"x": "g"}}, OptionError, r"groups names 'x'"),
        (["a", "b"], ["t", "u"], [[1, 2], [2, 3]], {"groups": {"t": "g"}}, OptionError, r"'u' has no group"),
        (["a", "b"], ["t"], [[1], [2]], {"group_weights": {"g": 1}}, OptionError, r"'g', which is no group"),
        (["a", "b"], ["t"], [[1], [2]], {"directions": {"x": "lower"}}, OptionError, r"directions names 'x'"),
        (
            ["a", "b"],
            ["t"],
            [[1], [2]],
            {"directions": {"t": "up"}},
            OptionError,
            r"direction of 't' must be",
        ),
        (
            ["a", "b"],
            ["t"],
            [[1], [2]],
            {"invalid": "skip"},
            OptionError,
            r'invalid must be "error" or "drop"',
        ),
    ],
)
def test_bad_tables_are_refused_by_name_and_place(models, tasks, scores, options, error, message):
    with pytest.raises(error, match=message):
        ScoreTable.of(models, tasks, scores, **options)


def test_all_problems_are_listed():
    with pytest.raises(VotesError) as caught:
        table([[1, 5, NAN], [1, 5, NAN], [NAN, NAN, NAN]])
    assert len(caught.value.problems) == 4
    assert "3 more such" in str(caught.value)


def test_invalid_drop_leaves_out_and_counts():
    given_ = table([[1, 5, 2], [2, 5, NAN], [NAN, 5, NAN]], invalid="drop")
    assert given_.models == ("m0", "m1")
    assert given_.tasks == ("t0",)
    assert dict(given_.left_out) == {"tasks that rank nobody": 2, "models without a score": 1}
    assert "3 rows were left out" in str(rank(given_, "mean", interval="none").diagnostics[0].message)
    with pytest.raises(VotesError, match="No task is left"):
        table([[1.0], [1.0]], invalid="drop")


def test_rows_and_columns_in_any_order_give_the_same_table():
    rng = np.random.default_rng(0)
    scores = rng.random((7, 5))
    models, tasks = [f"m{i}" for i in range(7)], [f"t{i}" for i in range(5)]
    weights, groups = {"t1": 2.0}, dict(zip(tasks, "aabbc", strict=True))
    one = ScoreTable.of(models, tasks, scores, weights=weights, groups=groups)
    rows, columns = rng.permutation(7), rng.permutation(5)
    two = ScoreTable.of(
        [models[i] for i in rows],
        [tasks[i] for i in columns],
        scores[np.ix_(rows, columns)],
        weights=weights,
        groups=groups,
    )
    for rule in ("mean", "borda", "copeland", "two_level"):
        boards = [rank(each, rule, n_resamples=20) for each in (one, two)]
        assert boards[0].fingerprint == boards[1].fingerprint
        assert boards[0].rows == boards[1].rows


def test_the_fingerprint_sees_scores_weights_and_directions():
    prints = {
        rank(each, "borda", interval="none").fingerprint
        for each in (
            table(),
            table([[1.0, 10.0, 3.0], [2.0, 20.0, 3.0], [3.5, NAN, 4.0]]),
            table(weights={"t0": 2.0}),
            table(directions={"t0": "lower"}),
            table(groups={"t0": "a", "t1": "a", "t2": "b"}),
        )
        if not np.isnan(each.values).all()
        for each in [table_without_gap(each)]
    }
    assert len(prints) == 5


def table_without_gap(given_):
    groups = dict(zip(given_.tasks, given_.groups, strict=True)) if given_.groups else None
    return ScoreTable.of(
        given_.models,
        given_.tasks,
        np.nan_to_num(given_.values, nan=15.0),
        weights=dict(zip(given_.tasks, given_.weights.tolist(), strict=True)),
        directions=dict(zip(given_.tasks, given_.directions, strict=True)),
        groups=groups,
    )


@given(st.integers(0, 10_000))
def test_the_views_are_weighted_comparisons_of_scores(seed):
    rng = np.random.default_rng(seed)
    m, t = int(rng.integers(2, 16)), int(rng.integers(2, 6))
    scores = rng.integers(0, 4, (m, t)).astype(float)
    scores[rng.random((m, t)) < 0.2] = NAN
    weights = {f"t{i}": float(w) for i, w in enumerate(rng.choice([0.0, 0.5, 1.0, 3.0], t))}
    lower = {f"t{i}": "lower" for i in range(t) if rng.random() < 0.3}
    try:
        given_ = table(scores, weights=weights, directions=lower)
    except (VotesError, OptionError):
        return
    wins, ties = np.zeros((m, m)), np.zeros((m, m))
    index = [int(name[1:]) for name in given_.models]
    for task in range(t):
        x = scores[index, task] * (-1 if f"t{task}" in lower else 1)
        wins += weights[f"t{task}"] * (x[:, None] > x[None, :])
        ties += weights[f"t{task}"] * (x[:, None] == x[None, :])
    np.fill_diagonal(ties, 0.0)
    assert np.allclose(given_.pairs.wins, wins)
    assert np.allclose(given_.pairs.ties, ties)
    assert given_.ballots.total == sum(w > 0 for w in weights.values())
    again = PairCounts.from_ballots(given_.ballots)
    assert np.array_equal(again.wins, given_.pairs.wins)


def test_a_board_of_a_table_counts_tasks_and_needs_no_thirty_votes():
    board = rank(table(), "copeland", n_resamples=50)
    assert [row.status for row in board.rows] == ["ranked"] * 3
    assert board["m2"].votes == 2
    assert board["m0"].votes == 3
    assert board.rank_method == "bootstrap"
    assert board.settings["min_votes"] == 0


def test_methods_on_other_views_are_refused_by_name():
    with pytest.raises(MethodError, match="elo plays votes in the order of time, and a score table has none"):
        rank(table(), "elo")
    with pytest.raises(MethodError, match=r"mean needs a score table.*, such as 'copeland'"):
        rank(table().ballots, "mean")


def test_the_bootstrap_draws_tasks_and_keeps_their_weights():
    given_ = table(weights={"t0": 5.0, "t2": 0.0})
    rng = np.random.default_rng(3)
    for _ in range(20):
        drawn = given_.resample(rng)
        assert drawn.count.sum() == 2
        assert drawn.count[2] == 0
        assert drawn.ballots.total == 2
        assert drawn.mass.tolist() == [5.0 * drawn.count[0], drawn.count[1], 0.0]
        assert np.array_equal(drawn.pairs.wins, PairCounts.from_ballots(drawn.ballots).wins)


def test_groups_are_clusters_and_cut_the_table():
    given_ = table(
        [[1, 2, 3, NAN], [2, 1, 4, 1], [3, 3, 1, 2.0]],
        groups={"t0": "g", "t1": "g", "t2": "h", "t3": "h"},
        group_weights={"h": 2.0},
    )
    for _ in range(10):
        count = given_.resample(np.random.default_rng(1), groups=True).count
        assert count[0] == count[1]
        assert count[2] == count[3]
    assert given_.clusters("group").size == 2
    parts = dict(given_.split("group"))
    assert parts["g"].tasks == ("t0", "t1")
    assert parts["h"].group_weights == {"h": 2.0}
    boards = rank_all(given_, ["copeland"], by="group", interval="none")
    assert [board.by for board in boards] == [{"group": "g"}, {"group": "h"}]
    assert rank(given_, "copeland", cluster="group", n_resamples=10).rank_method == "bootstrap"
    with pytest.raises(SourceError, match="no column 'voter'"):
        rank(given_, "copeland", cluster="voter")
    with pytest.raises(SourceError, match="no groups; give groups="):
        list(table().split("group"))


def test_a_subset_keeps_its_tasks():
    small = table([[1, 2], [2, 2.0], [3, 1]]).subset(np.array([True, True, False]))
    assert small.models == ("m0", "m1")
    assert small.pairs.wins.tolist() == [[0.0, 0.0], [1.0, 0.0]]
    assert small.pairs.ties[0, 1] == 1.0
