"""One vote of a newcomer moves nobody, under any method; who stands is decided before the count."""

import numpy as np
import pytest

from agon.ranking import (
    METHODS,
    Ballots,
    Comparisons,
    axioms,
    breakdown_point,
    compare_rules,
    majority_cycles,
    margin_of_victory,
    rank,
    tiers,
)
from agon.ranking.votes.restricted_source import enough_votes, restrict

RNG = np.random.default_rng(5)
SHOWN = np.array([sorted(RNG.choice(5, 2, replace=False)) for _ in range(1500)])
PLACES = np.where(
    (RNG.random(1500) < 1 / (1 + np.exp(0.35 * (SHOWN[:, 0] - SHOWN[:, 1]))))[:, None], [1, 2], [2, 1]
)
NAMES = ["m0", "m1", "m2", "m3", "m4"]
PAIRWISE = sorted(
    name
    for name, how in METHODS.items()
    if how.view in ("pairs", "battles", "ballots") and not {"missing", "control"} & set(how.options)
)


def votes(*more):
    """1,500 votes on five models, and more: (winner, loser) by index, 5 for the newcomer."""
    shown = np.concatenate([SHOWN, np.array(more, dtype=int).reshape(-1, 2)])
    places = np.concatenate([PLACES, np.tile([1, 2], (len(more), 1))])
    names = [*NAMES, "newcomer"][: 5 + bool(more)]
    return Comparisons.of(names, shown, places, timestamp=np.arange(len(shown)))


@pytest.mark.parametrize("name", PAIRWISE)
def test_one_vote_of_a_newcomer_moves_no_rank(name):
    """It beat the first, so that nobody beats all others any more: it is provisional all the same."""
    options = {"n_resamples": 2} | ({"permutations": 3} if name == "elo" else {})
    try:
        before = rank(votes(), name, **options)
    except ValueError as error:
        pytest.skip(f"not of pairwise votes: {error}")
    after = rank(votes((5, 0)), name, **options)
    assert [(r.model, r.rank, r.score) for r in after.rows[:5]] == [
        (r.model, r.rank, r.score) for r in before.rows
    ]
    row = after["newcomer"]
    assert (row.rank, row.status, row.votes) == (None, "provisional", 1)
    (note,) = [note for note in after.diagnostics if note.code == "few_votes"]
    assert note.models == ("newcomer",)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_newcomer_on_one_whole_ballot_moves_nobody(name):
    """40 ballots on five models and one that puts a newcomer first: as if it did not stand there.

    Under every method on votes, those that need whole ballots among them, and Bradley-Terry with a feature.
    """
    how = METHODS[name]
    if how.view == "scores":
        pytest.skip("a table of scores has no newcomers: every model has all tasks, or a gap that is refused")
    options = {"n_resamples": 2, "min_votes": 30} | ({"permutations": 3} if name == "elo" else {})
    options |= {"control": "length"} if how.view == "contexts" else {}
    rng = np.random.default_rng(8)
    shown = [rng.permutation(5).tolist() for _ in range(41)]
    ranked = [(1 + np.argsort(np.argsort(order + rng.normal(0, 2, 5)))).tolist() for order in shown]
    length = rng.integers(50, 500, (41, 6)).astype(float)

    def board(newcomer):
        models = [*shown[:-1], [*shown[-1], 5]] if newcomer else shown
        places = [*ranked[:-1], [*(place + 1 for place in ranked[-1]), 1]] if newcomer else ranked
        filled = [[*row, *[-1] * (6 - len(row))] for row in models]
        given = [[*row, *[0] * (6 - len(row))] for row in places]
        names = [*NAMES, "newcomer"] if newcomer else NAMES
        more = {"timestamp": range(41), "features": {"length": length}}
        return rank(Comparisons.of(names, filled, given, **more), name, **options)

    before, after = board(False), board(True)
    assert [(r.model, r.rank, r.rank_lower, r.rank_upper, r.votes) for r in after.rows[:5]] == [
        (r.model, r.rank, r.rank_lower, r.rank_upper, r.votes) for r in before.rows
    ]
    for row in before.rows:
        assert after[row.model].score == (None if row.score is None else pytest.approx(row.score, abs=1e-6))
    assert (after["newcomer"].rank, after["newcomer"].status) == (None, "provisional")


def test_who_has_enough_is_a_fixed_point():
    """c has 5 votes with a and 5 with d; without d, who has 5, it has 5 too, and without c all the same."""
    ballots = Ballots.of("abcd", [[0, 1]] * 20 + [[0, 2]] * 5 + [[2, 3]] * 5, [[1, 2]] * 30)
    assert enough_votes(ballots, 10).tolist() == [True, True, False, False]
    assert enough_votes(ballots, 21).tolist() == [False] * 4
    assert enough_votes(ballots, 5).all()


def test_a_model_is_taken_off_a_ballot():
    """a > b = c > d without b: a > c > d; a ballot on b and d alone is gone, and equal ones are one."""
    ballots = Ballots.of(
        "abcd", [[0, 1, 2, 3], [1, 3, -1, -1], [0, 2, 3, -1]], [[1, 2, 2, 3], [1, 2, 0, 0], [1, 2, 3, 0]]
    )
    found, row = restrict(ballots, np.array([True, False, True, True]))
    assert found.models == ("a", "c", "d")
    assert found.shown.tolist() == [[0, 1, 2]]
    assert found.places.tolist() == [[1, 2, 3]]
    assert found.count.tolist() == [2]
    assert sorted(row.tolist()) == [-1, 0, 0]


@pytest.mark.parametrize(
    "options", [{"cluster": "voter"}, {"control": "length"}, {"control": "length", "cluster": "voter"}]
)
def test_clusters_and_features_are_those_of_the_votes_left(options):
    """As if the newcomer's votes had never been cast; the feature's unit alone is that of all votes."""
    rng = np.random.default_rng(1)
    length = rng.integers(50, 500, (1503, 2))
    voter = rng.integers(0, 30, 1503).astype(str)
    shown, places = np.concatenate([SHOWN, [[5, 0], [5, 1], [2, 5]]]), np.concatenate([PLACES, [[1, 2]] * 3])
    every = Comparisons.of([*NAMES, "z"], shown, places, labels={"voter": voter}, features={"length": length})
    few = Comparisons.of(
        NAMES, SHOWN, PLACES, labels={"voter": voter[:1500]}, features={"length": length[:1500]}
    )
    board, expected = rank(every, **options), rank(few, **options)
    for row in expected.rows:
        mine = board[row.model]
        assert (mine.rank, mine.votes - row.votes) in {(row.rank, 0), (row.rank, 1)}
        assert (mine.score, mine.lower) == pytest.approx((row.score, row.lower), abs=1e-6)


def test_one_vote_of_a_newcomer_moves_nobody_in_any_analysis():
    """It beat the first: no rule puts it first, no margin asks about it, no tier or cycle holds it."""
    before, after = votes(), votes((5, 0))
    rules = ["bradley_terry", "condorcet", "minimax", "maximal_lottery"]
    one, two = (compare_rules(v, rules, n_resamples=5) for v in (before, after))
    assert one.conclusion() == two.conclusion()
    assert two.provisional == ("newcomer",)
    assert "Left out for having too few votes: newcomer." in two.to_markdown()
    assert tiers(after).tiers == tiers(before).tiers
    assert tiers(after).left_out == ("newcomer",)
    assert breakdown_point(after).order == breakdown_point(before).order
    assert majority_cycles(after) == majority_cycles(before) or (
        majority_cycles(after).conclusion() == majority_cycles(before).conclusion()
    )
    assert margin_of_victory(after, "win_rate").number == margin_of_victory(before, "win_rate").number
    found = (axioms(v, ["minimax"], tries=20).conclusion() for v in (before, after))
    assert next(found) == next(found)


def test_rules_that_elect_say_how_often_nobody_is_elected():
    """a beats b, b beats c, c beats a, each 40:20: no Condorcet winner in nearly every resample."""
    cycle = Comparisons.from_counts("abc", [[0, 40, 20], [20, 0, 40], [40, 20, 0]])
    board = rank(cycle, "condorcet", n_resamples=50)
    assert {row.status for row in board.rows} == {"unplaced"}
    assert "not_compared" not in {note.code for note in board.diagnostics}
    assert board.conclusion() == "No model beats every other: the rule elects nobody."
    seen = compare_rules(cycle, ["condorcet", "maximal_lottery"], n_resamples=50)
    frame = seen.to_frame()
    assert frame["nobody"].tolist()[0] > 0.9
    assert frame["nobody"].tolist()[1] == 0
    assert frame["first"].tolist()[1] == "a 33%, b 33% and c 33%"
    assert (seen.rank_lower[0] == 0).all()


def test_shared_first_places_are_said_to_be_shared():
    cycle = Comparisons.from_counts(
        "abcd", [[0, 40, 20, 50], [20, 0, 40, 50], [40, 20, 0, 50], [10, 10, 10, 0]]
    )
    board = rank(cycle, "smith_set", n_resamples=20)
    assert board.conclusion() == "a, b and c share the first place of 4."


MAJORITIES = sorted(n for n, how in METHODS.items() if how.view == "pairs" and how.by_margin)


@pytest.mark.parametrize("rule", MAJORITIES)
def test_pairs_that_never_met_are_named(rule):
    """farmer met m4 alone and beat it: a possible Condorcet winner beside m0, and m0 no necessary one."""
    wins = np.zeros((6, 6))
    for i in range(5):
        for j in range(i + 1, 5):
            wins[i, j], wins[j, i] = 60, 40
    wins[5, 4], wins[4, 5] = 30, 10
    board = rank(Comparisons.from_counts([*NAMES, "farmer"], wins), rule, n_resamples=5)
    (note,) = [note for note in board.diagnostics if note.code == "unmet_pairs"]
    assert note.message.startswith(
        "4 of 15 pairs never met, which this rule takes for ties: farmer met 1 of 5"
    )
    assert "farmer and m0 could still beat every other" in note.message
    assert "unmet_pairs" not in {n.code for n in rank(votes(), rule, n_resamples=5).diagnostics}
