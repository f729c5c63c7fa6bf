"""Every method, every kind of vote: a vote moves the board, or the board says that it was left out, and why.

Votes on pairs stand beside 400 votes of one kind, in which the model that was last does well. A method that
is not moved and says nothing has lost them. What cannot move a method by its definition is listed here.
"""

import re

import numpy as np
import pytest

from agon.ranking import METHODS, Comparisons, InputError, PairCounts, rank
from tests.support.families import RULES

pytestmark = pytest.mark.slow

MODELS = list("abcd")
MORE = 400
KINDS = {  # shown, places, acceptable, p_a; the last model, 3, against the first, 0, or all
    "win": ([3, 0], [1, 2], None, None),
    "tie": ([3, 0], [1, 1], None, None),
    "both bad": ([3, 0], [1, 1], [0, 0], None),
    "probability": ([3, 0], [0, 0], None, 0.9),
    "probability, turned": ([0, 3], [0, 0], None, 0.1),
    "four in order": ([3, 0, 1, 2], [1, 2, 3, 4], None, None),
    "three in order": ([3, 0, 1], [1, 2, 3], None, None),
    "four with ties": ([3, 0, 1, 2], [1, 1, 2, 2], None, None),
    "best of four": ([3, 0, 1, 2], [1, 0, 0, 0], None, None),
}
TIES = ("tie", "both bad", "four with ties")


def wide(row, fill):
    return [*row, *[fill] * (4 - len(row))]


def votes(kind=None):
    """240 votes on pairs that a wins and d loses, and those of a kind."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(240):
        i, j = rng.permutation(4)[:2].tolist()
        first = rng.random() < 1 / (1 + np.exp(0.6 * (i - j)))
        rows.append(([i, j], [1, 2] if first else [2, 1], None, None))
    rows += [KINDS[kind]] * MORE if kind else []
    shown, places, fine, soft = zip(*rows, strict=True)
    length = rng.integers(50, 500, (240 + MORE, 4)).astype(float)[: len(rows)]
    return Comparisons.of(
        MODELS,
        [wide(row, -1) for row in shown],
        [wide(row, 0) for row in places],
        acceptable=[wide(row or [-1, -1], -1) for row in fine],
        p_a=[np.nan if p is None else p for p in soft],
        timestamp=range(len(rows)),
        features={"length": length},
    )


def board(name, kind):
    """The board of a method, options that it cannot do without given."""
    how = METHODS[name]
    options = {"interval": "none", "min_votes": 0}
    options |= {"missing": "worst"} if "missing" in how.options else {}
    options |= {"permutations": 0} if "permutations" in how.options else {}
    options |= {"control": "length"} if how.view == "contexts" else {}
    return rank(votes(kind), name, **options)


def numbers(found):
    return {row.model: (row.rank, row.score) for row in found.rows}


def left_out(found):
    return [note.message for note in found.diagnostics if note.code == "left_out_votes"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", sorted(name for name, how in METHODS.items() if how.view != "scores"))
def test_a_vote_counts_or_is_counted_out(name, kind):
    before, after = board(name, None), board(name, kind)
    moved, said = numbers(before) != numbers(after), left_out(after)
    reason = METHODS[name].leaves_out
    if reason and kind.startswith(reason.removesuffix("ies")):
        (message,) = said
        assert re.fullmatch(f"{MORE} votes .*{reason}.* left out.", message)
        assert not moved
    else:
        assert not said
        assert moved or (METHODS[name].by_margin and kind in TIES)


@pytest.mark.parametrize("name", sorted(name for name, how in METHODS.items() if how.view == "scores"))
def test_a_rule_on_scores_refuses_votes_by_name(name):
    with pytest.raises(InputError, match=f"{name} needs a score table"):
        board(name, None)


@pytest.mark.parametrize("name", sorted(name for name in RULES if METHODS[name].view == "ballots"))
def test_a_rule_on_whole_ballots_says_how_many_are_not_and_what_to_do(name):
    with pytest.raises(InputError, match=r"'\w' is missing from \d+ of \d+ .*(missing=|such as copeland)"):
        rank(votes("three in order"), name, interval="none")


def test_all_pairs_that_votes_order_are_counted():
    """By a loop over the votes: what every method on pairs is given."""
    for kind, (shown, places, fine, soft) in KINDS.items():
        wins, ties = np.zeros((2, 4, 4))
        for i, one in enumerate(shown):
            for j, two in enumerate(shown):
                a, b = (places[k] or 99 for k in (i, j))
                if soft is not None:
                    wins[one, two] += MORE * ((soft, 1 - soft)[i] if i != j else 0)
                elif a < b:
                    wins[one, two] += MORE
                elif i != j and a == b != 99:
                    ties[one, two] += MORE
        before, after = (PairCounts.from_ballots(votes(given).ballots) for given in (None, kind))
        assert np.allclose(after.wins - before.wins, wins), kind
        assert np.allclose(after.ties - before.ties, 0 if fine else ties), kind
        assert np.allclose(after.both_bad, ties if fine else 0), kind


@pytest.mark.parametrize(
    "name", sorted(name for name, how in METHODS.items() if how.view in ("pairs", "ballots"))
)
def test_a_probability_says_the_same_whoever_is_shown_first(name):
    """Beside votes on four models too, where its row is wider than the vote."""
    one, two = (board(name, kind) for kind in ("probability", "probability, turned"))
    assert numbers(one) == numbers(two)
