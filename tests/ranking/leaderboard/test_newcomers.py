"""One vote of a newcomer moves nobody, under any method; who stands is decided before the count."""

import numpy as np
import pytest

from agon.ranking import METHODS, Ballots, Comparisons, rank
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
