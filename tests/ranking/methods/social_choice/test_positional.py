"""Positional rules: published scores, definitions by enumeration, gaps, refusals."""

import csv

import numpy as np
import pytest
from hypothesis import given

from agon.ranking import Ballots, Comparisons, OptionError, ScoreTable, VotesError, rank
from agon.ranking.methods.social_choice.rank_positions import spread
from tests.support.brute_force import GOLDEN, ballots_of, golden_json, needs_golden, points, profiles, run

SETS = ["glue30", "glue_all", "value", "value_missing"]
RULES = [
    ("plurality", "plurality", {"ties": "published"}),
    ("borda", "borda", {"ties": "published"}),
    ("dowdall", "dowdall", {"ties": "published"}),
    ("copeland_difference", "copeland", {}),
    ("copeland_lower_with_ties", "copeland", {"variant": "wins"}),
    ("copeland_lower", "copeland", {"variant": "wins", "tie_credit": 0.0}),
    ("copeland_upper", "copeland", {"variant": "losses"}),
    ("minimax_winning_votes", "minimax", {}),
    ("minimax_margins", "minimax", {"measure": "margins"}),
    ("minimax_pairwise_opposition", "minimax", {"measure": "opposition"}),
]
VECTORS = {
    "plurality": lambda m: [1] + [0] * (m - 1),
    "veto": lambda m: [1] * (m - 1) + [0],
    "borda": lambda m: range(m - 1, -1, -1),
}


def read(name):
    with (GOLDEN / f"votenrank_input_{name}.csv").open(encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    with (GOLDEN / f"votenrank_weights_{name}.csv").open(encoding="utf-8") as file:
        weights = {row["task"]: float(row["weight"]) for row in csv.DictReader(file)}
    with (GOLDEN / f"votenrank_scores_{name}.csv").open(encoding="utf-8") as file:
        titles, *lines = csv.reader(file)
    scores = [[float(cell) if cell else np.nan for cell in row[1:]] for row in rows]
    table = ScoreTable.of([row[0] for row in rows], head[1:], scores, weights=weights)
    published = {
        title: {line[0]: float(line[i + 1]) if line[i + 1] else np.nan for line in lines}
        for i, title in enumerate(titles[1:])
    }
    return table, published


@needs_golden
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("column", "rule", "options"), RULES, ids=[rule[0] for rule in RULES])
def test_vote_n_rank_scores_and_elections_come_out(name, column, rule, options):
    """On value_missing only the rules on pairs: the published positional ones run on gaps silently."""
    table, published = read(name)
    if name == "value_missing" and "ties" in options:
        with pytest.raises(VotesError, match="'Human' is missing from 5 of 11"):
            run(rule, table, **options)
        return
    values = run(rule, table, **options).values
    assert values == pytest.approx([published[column][model] for model in table.models], rel=0, abs=1e-9)
    elected = golden_json("votenrank_elections.json")[name].get(column)
    if elected is not None:
        winners = {table.models[i] for i in np.flatnonzero(values >= values.max() - 1e-9)}
        assert winners == set(elected)


@needs_golden
def test_borda_of_what_are_the_best_systems_comes_out():
    """The table counts places from 1, so a task adds 1 to every Borda score."""
    for file, column, skip in [
        ("colombo_task_glue.csv", "borda_sum_avgties", ()),
        ("colombo_task_xtrem.csv", "borda_sum_avgties", ()),
        ("colombo_task_xtrem_corrected.csv", "borda_avgties", ("Avg",)),
    ]:
        with (GOLDEN / file).open(encoding="utf-8") as lines:
            head, *rows = csv.reader(lines)
        first = "mean" if "mean" in head else column
        tasks = [task for task in head[1 : head.index(first)] if task not in skip]
        scores = [[float(row[head.index(task)]) for task in tasks] for row in rows]
        table = ScoreTable.of([row[0] for row in rows], tasks, scores)
        expected = {row[0]: float(row[head.index(column)]) - len(tasks) for row in rows}
        assert dict(zip(table.models, run("borda", table).values.tolist(), strict=True)) == pytest.approx(
            expected
        )


@given(profiles())
@pytest.mark.parametrize("rule", sorted(VECTORS))
@pytest.mark.parametrize("ties", ["share", "best", "worst"])
def test_complete_ballots_score_as_all_ways_to_break_their_ties(rule, ties, drawn):
    m, profile = drawn
    expected = points(m, profile, VECTORS[rule](m), ties)
    assert run(rule, ballots_of(m, profile), ties=ties).values == pytest.approx(
        [float(expected[x]) for x in range(m)], abs=1e-12
    )


@given(profiles(unranked=True))
def test_models_shown_but_not_ranked_share_the_last_places(drawn):
    m, profile = drawn
    expected = points(m, profile, [1 / (i + 1) for i in range(m)], "share")
    assert run("dowdall", ballots_of(m, profile)).values == pytest.approx(
        [float(expected[x]) for x in range(m)]
    )


@given(profiles(gaps=True))
def test_gaps_put_worst_equal_ballots_with_a_common_last_place(drawn):
    m, profile = drawn
    full = [(w, {x: b.get(x, m + 5) for x in range(m)}) for w, b in profile]
    for rule in ("plurality", "veto", "borda", "dowdall"):
        got = run(rule, ballots_of(m, profile), missing="worst").values
        assert got == pytest.approx(run(rule, ballots_of(m, full)).values, abs=1e-9)


@given(profiles(gaps=True))
def test_partial_borda_counts_half_a_point_for_every_pair_not_compared(drawn):
    m, profile = drawn
    expected = [0.0] * m
    for weight, ballot in profile:
        for a in range(m):
            for b in set(range(m)) - {a}:
                if a not in ballot or b not in ballot or ballot[a] == ballot[b]:
                    expected[a] += float(weight) / 2
                elif ballot[a] < ballot[b]:
                    expected[a] += float(weight)
    assert run("borda", ballots_of(m, profile), missing="partial_borda").values == pytest.approx(expected)


@given(profiles(gaps=True))
def test_dropping_tasks_leaves_the_full_ballots(drawn):
    m, profile = drawn
    full = [(w, b) for w, b in profile if len(b) == m]
    got = run("borda", ballots_of(m, profile), missing="drop_task").values
    assert got == pytest.approx(run("borda", ballots_of(m, full)).values)


def test_a_gap_as_average_counts_the_mean_of_the_models_own_points():
    """Two ballots of three and one of two; worked by hand: (2 + 1)/2 · 3, (1 + 2 + 2)·1, (0 + 0 + 0)."""
    votes = ballots_of(3, [(1, {0: 1, 1: 2, 2: 3}), (1, {1: 1, 0: 2, 2: 3}), (1, {1: 1, 2: 2})])
    assert run("borda", votes, missing="average").values.tolist() == [4.5, 5.0, 0.0]
    assert spread(np.array([4.0, 3.0, 2.0, 1.0, 0.0]), 3).tolist() == [4.0, 2.0, 0.0]


def test_a_soft_judgement_is_two_ballots_with_its_weights():
    votes = Ballots.of(["a", "b"], [[0, 1]], [[0, 0]], p_a=[0.7])
    assert run("borda", votes).values == pytest.approx([0.7, 0.3])


def test_a_vector_of_ones_own_and_its_refusals():
    votes = ballots_of(3, [(1, {0: 1, 1: 2, 2: 3})])
    assert run("scoring_vector", votes, points=(3, 1)).values.tolist() == [3.0, 1.0, 0.0]
    for points_, message in [
        ((), "one a place"),
        ((1, 2), "must not rise"),
        ((0, 0), "must not rise"),
        ((float("nan"),), "one a place"),
        ((4, 3, 2, 1), "4 points for 3 models"),
    ]:
        with pytest.raises(OptionError, match=message):
            run("scoring_vector", votes, points=points_)
    with pytest.raises(OptionError, match="between 1 and 2 for 3 models, not 3"):
        run("approval_k", votes, k=3)


def test_a_model_on_no_ballot_and_a_gap_are_refused_by_name():
    alone = Ballots.of(["a", "b", "ghost"], [[0, 1]], [[1, 2]])
    with pytest.raises(VotesError, match="'ghost' is on no ballot"):
        run("borda", alone, missing="worst")
    gap = Ballots.of(["a", "b", "c"], [[0, 1, -1], [1, 2, -1]], [[1, 2, 0], [1, 2, 0]])
    with pytest.raises(VotesError, match="'a' is missing from 1 of 2 different ones; "):
        run("plurality", gap)
    with pytest.raises(VotesError, match="no ballot shows all 3 models"):
        run("plurality", gap, missing="drop_task")
    with pytest.raises(OptionError, match="missing must be"):
        rank(gap, "plurality", missing="partial_borda")


def test_the_remedy_for_votes_on_pairs_keeps_their_order():
    """Filling the gaps of pairs with the worst place would rank by appearances; the remedy does not."""
    wins = np.zeros((4, 4))
    wins[np.triu_indices(4, 1)] = [9.0, 9.0, 9.0, 9.0, 9.0, 90.0]  # c and d meet most often
    wins[np.tril_indices(4, -1)] = 3.0
    votes = Comparisons.from_counts(list("abcd"), wins)
    with pytest.raises(VotesError, match="choose a rule on pairs, such as copeland") as caught:
        rank(votes, "borda", interval="none")
    assert "worst" not in str(caught.value)
    assert [row.model for row in rank(votes, "copeland").ranked] == list("abcd")
