"""The same votes give the same board, however they are written down (design.md)."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agon.ranking import METHODS, Ballots, Comparisons, ScoreTable, boards_to_json, rank
from tests.support.families import RATINGS, RULES
from tests.support.votes import Votes, any_votes, pairwise, soft

pytestmark = pytest.mark.slow

EVERY = [*RATINGS, *sorted(name for name, how in RULES.items() if how.view != "scores")]
FEW = settings(max_examples=max(1, settings.default.max_examples // 6))  # for each of so many methods
RESAMPLED = ("additive", "counting", "eigenvector", "greedy", "pagerank", "rank_centrality")
QUICK = {name: {"n_resamples": 4} for name in (*RESAMPLED, *RULES)} | {
    "elo": {"permutations": 9, "n_resamples": 6},
    "kwiksort": {"orders": 3, "n_resamples": 6},
}
DRAWN = {  # enough random orders for their spread to be known
    name: {how.random_orders: 60} for name, how in METHODS.items() if how.random_orders
}
GAPS = {"missing": "worst", "ties": "share", "k": 1, "points": (2.0, 1.0)}  # of rules on whole ballots


def boards(votes, name, **more):
    """The board of some votes and those of its components."""
    gaps = {
        option: value for option, value in GAPS.items() if name in RULES and option in RULES[name].options
    }
    if gaps:
        assume(getattr(votes, "ballots", votes).votes.all())  # a model on no ballot is refused by name
    board = rank(votes, name, **{"min_votes": 2, **QUICK.get(name, {}), **gaps, **more})
    return (board, *board.components)


def rows(votes, name, **more):
    return [board.rows for board in boards(votes, name, **more)]


def alike(these, those, name):
    """The same rows of every component, and the same fingerprint."""
    ours, theirs = boards(these, name), boards(those, name)
    assert [board.rows for board in ours] == [board.rows for board in theirs]
    assert ours[0].fingerprint == theirs[0].fingerprint


@pytest.mark.parametrize("name", EVERY)
@FEW
@given(votes=any_votes(), random=st.randoms(use_true_random=False))
def test_permuting_the_rows_changes_no_bit(name, votes, random):
    shuffled = list(votes.rows)
    random.shuffle(shuffled)
    other = Votes(votes.models, tuple(shuffled)).comparisons()
    alike(votes.comparisons(), other, name)


@pytest.mark.parametrize("name", EVERY)
@FEW
@given(votes=any_votes(), data=st.data())
def test_swapping_the_sides_changes_no_bit_of_hard_votes(name, votes, data):
    turn = data.draw(st.lists(st.booleans(), min_size=len(votes.rows), max_size=len(votes.rows)))
    swapped = tuple(v.swapped() if t and v.p_a is None else v for v, t in zip(votes.rows, turn, strict=True))
    other = Votes(votes.models, swapped).comparisons()
    alike(votes.comparisons(), other, name)


@pytest.mark.parametrize("name", EVERY)
@FEW
@given(votes=soft())
def test_swapping_the_sides_of_soft_votes(name, votes):
    """1 - (1 - p) is not p to the last bit: scores within 1e-12 of one Elo point or share, relative."""
    other = Votes(votes.models, tuple(vote.swapped() for vote in votes.rows)).comparisons()
    mine, yours = (rows(v, name, interval="none") for v in (votes.comparisons(), other))
    for ours, theirs in zip(mine, yours, strict=True):
        mapped = {row.model: row for row in theirs}
        for row in ours:
            assert mapped[row.model].status == row.status
            if row.score is not None:
                assert mapped[row.model].score == pytest.approx(row.score, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", EVERY)
@FEW
@given(votes=pairwise())
def test_grouping_equal_votes_changes_no_bit(name, votes):
    """Row by row, as counts, and as ballots with counts."""
    m = len(votes.models)
    wins, tie, bad = np.zeros((m, m)), np.zeros((m, m)), np.zeros((m, m))
    for vote in votes.rows:
        i, j = vote.shown
        if vote.places == (1, 1):
            table = bad if vote.acceptable == (False, False) else tie
            table[i, j] += 1
            table[j, i] += 1
        else:
            wins[(i, j) if vote.places[0] == 1 else (j, i)] += 1
    counts = Comparisons.from_counts(votes.models, wins, tie, bad)
    ranked = all(vote.places != (1, None) for vote in votes.rows)  # which is more than counts can say
    if ranked or name not in RULES | DRAWN:  # other ballots, other random orders
        expected = rows(votes.comparisons(), name, interval="none")
        assert rows(counts, name, interval="none") == expected
    bare = [
        replace(v, acceptable=(v.acceptable != (False, False),) * 2 if v.places == (1, 1) else None)
        for v in votes.rows
    ]  # as counts are written: only ties say whether the answers are acceptable
    if ranked:
        same = Votes(votes.models, tuple(bare)).comparisons()
        one, two = (boards(v, name, cluster="none")[0] for v in (counts, same))  # counts know no voters
        assert one.rows == two.rows
        assert one.fingerprint == two.fingerprint
    ballots = votes.comparisons().ballots
    again = Ballots.of(
        ballots.models, ballots.shown, ballots.places, acceptable=ballots.acceptable, count=ballots.count
    )
    assert rows(again, name, cluster="none") == rows(votes.comparisons(), name, cluster="none")


@pytest.mark.parametrize("name", EVERY)
@FEW
@given(votes=any_votes(), data=st.data())
def test_renaming_moves_no_rank_and_no_score(name, votes, data):
    """Ranked models keep rank, score and company; which of two equal components is shown first may change.

    Methods that draw random orders draw others for other names: scores then agree within the spread.
    """
    new = data.draw(st.permutations([f"other {i}" for i in range(len(votes.models))]))
    called = dict(zip(votes.models, new, strict=True))
    drawn = DRAWN.get(name, {})
    one = boards(votes.comparisons(), name, interval="none", **drawn)
    two = boards(Votes(tuple(new), votes.rows).comparisons(), name, interval="none", **drawn)
    within = 1e-9
    if name in DRAWN:
        how, given_votes = METHODS[name], votes.comparisons()
        within += 6 * how.function(how.view_of(given_votes), **drawn).spread.max()
    theirs = {row.model: row for board in two for row in board.ranked}
    ours = {called[row.model]: row for board in one for row in board.ranked}
    assert ours.keys() == theirs.keys()
    for model, row in ours.items():
        assert name in DRAWN or theirs[model].rank == row.rank
        assert theirs[model].votes == row.votes
        if row.score is None:  # an order without scores
            assert theirs[model].score is None
        else:
            assert theirs[model].score == pytest.approx(row.score, rel=0, abs=within)
    together = {frozenset(called[row.model] for row in board.ranked) for board in one}
    assert together == {frozenset(row.model for row in board.ranked) for board in two}


@pytest.mark.parametrize(
    "name", sorted(n for n, how in METHODS.items() if how.view not in ("battles", "contexts"))
)
def test_names_and_twins_on_a_table(name):
    """Scores of five models, of which two are alike on every task: no name moves a rank, and twins share one.

    Under every method that takes a table; those that draw random orders give twins scores within the spread.
    """
    rng = np.random.default_rng(11)
    scores = rng.uniform(1, 5, (5, 12)).round(1)
    scores[3] = scores[1]
    tasks = {f"t{k}": "one" if k < 5 else "two" for k in range(12)}
    names, new = list("abcde"), list("vzyxw")
    drawn = DRAWN.get(name, {})
    one, two = (
        rank(ScoreTable.of(called, list(tasks), scores, groups=tasks), name, interval="none", **drawn)
        for called in (names, new)
    )
    within = 0.5 if drawn else 1e-9
    for mine, yours in zip(names, new, strict=True):
        row, other = one[mine], two[yours]
        assert drawn or (row.rank, row.status) == (other.rank, other.status)
        assert other.score == (None if row.score is None else pytest.approx(row.score, abs=within))
    left, right = one["b"], one["d"]
    assert drawn or left.rank == right.rank
    assert right.score == (None if left.score is None else pytest.approx(left.score, abs=within))


def test_names_of_a_board_with_features():
    """Bradley-Terry with a feature, which the random votes above do not have."""
    rng = np.random.default_rng(12)
    shown = np.array([rng.permutation(4)[:2] for _ in range(400)])
    places = np.where(rng.random((400, 1)) < 0.55, [1, 2], [2, 1])
    length = rng.integers(50, 500, (400, 2))
    one, two = (
        rank(Comparisons.of(names, shown, places, features={"length": length}), control="length")
        for names in ("abcd", "zxyw")
    )
    for mine, yours in zip("abcd", "zxyw", strict=True):
        row, other = one[mine], two[yours]
        assert (row.rank, row.rank_lower, row.rank_upper) == (other.rank, other.rank_lower, other.rank_upper)
        assert (other.score, other.lower) == pytest.approx((row.score, row.lower), abs=1e-6)


def numbers(value):
    """Every float in a nested document."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [number for part in value for number in numbers(part)]
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize("interval", ["auto", "bootstrap"])
@pytest.mark.parametrize("name", EVERY)
@FEW
@given(votes=any_votes())
def test_a_board_never_holds_nan_or_infinity(name, interval, votes):
    for both_bad in ("half", "drop") if "both_bad" in METHODS[name].options else (None,):
        treated = {} if both_bad is None else {"both_bad": both_bad}
        made = boards(votes.comparisons(), name, interval=interval, n_resamples=5, **treated)
        for board in made:
            assert all(math.isfinite(number) for number in numbers(board.to_dict()))
        parsed = json.loads(boards_to_json(made[:1]))
        assert len(parsed["boards"]) == len(made)


@pytest.mark.parametrize("name", [name for name in RATINGS if name != "greedy"])  # which gives no scores
@FEW
@given(votes=any_votes())
def test_a_rank_lies_in_its_range_and_a_score_in_its_interval(name, votes):
    for board in boards(votes.comparisons(), name, interval="none" if name in QUICK else "auto", min_votes=0):
        ranked = board.ranked
        one_way = {"undefeated", "winless", "unlinked"} & {note.code for note in board.diagnostics}
        open_ = one_way or any(row.lower is None or row.upper is None for row in ranked)
        for row in ranked:
            if not open_ or (board.rank_method == "none" and not one_way):
                assert row.rank == 1 + sum(other.score > row.score + 1e-8 for other in ranked)
            if row.score is None:  # placed by wins that went one way alone
                continue
            if row.rank_lower is not None:
                assert 1 <= row.rank_lower <= row.rank <= row.rank_upper <= len(ranked)
                assert row.lower is None or row.lower - 1e-9 <= row.score  # None: open on that side
                assert row.upper is None or row.score <= row.upper + 1e-9
