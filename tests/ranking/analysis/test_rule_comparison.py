"""The rule lens: winners, ranges, agreement and the sentence."""

import json

import numpy as np
import pytest
from scipy.stats import kendalltau

from agon.data.files.elections import preflib
from agon.ranking import Ballots, MethodError, OptionError, agreement, bradley_terry_world, rank_all
from agon.ranking.analysis.rule_comparison import COMPARED_RULES, compare_rules
from tests.support.paths import DATASETS

BURLINGTON = DATASETS / "preflib" / "burlington" / "00005-00000002.toi"
real = pytest.mark.skipif(not BURLINGTON.is_file(), reason=f"no PrefLib files in {DATASETS}")
RULES = ("plurality", "instant_runoff", "copeland", "minimax", "schulze")


def votes():
    """Three factions whose rules disagree: plurality A, run-off B, Condorcet winner C."""
    return Ballots.of(
        ["A", "B", "C"],
        [[0, 1, 2]] * 3,
        [[1, 3, 2], [3, 1, 2], [3, 2, 1]],
        count=[40, 35, 25],
    )


def test_rules_that_disagree():
    seen = compare_rules(votes(), RULES, n_resamples=40)
    assert seen.winners("plurality") == ("A",)
    assert seen.winners("instant_runoff") == ("B",)
    assert seen.winners("schulze") == ("C",)
    assert seen.champions == {
        "C": ("copeland", "minimax", "schulze"),
        "A": ("plurality",),
        "B": ("instant_runoff",),
    }
    assert seen.conclusion().startswith(
        "3 models are first under at least one of 5 rules: C under 3 (copeland, minimax, schulze), B under 1"
    )
    assert seen.first is not None and np.allclose(seen.first.sum(axis=1), 1)
    frame = seen.to_frame()
    assert frame["first"].tolist() == ["A", "B", "C", "C", "C"]
    assert frame["probability"].between(0, 1).all()
    assert seen.ranks().shape == (3, 5)
    for part in ("| rule | first |", "| τ-b |", "| model |"):
        assert part in seen.to_markdown()
    json.dumps(seen.to_dict(), allow_nan=False)


def test_agreement_is_tau_b_of_scipy():
    rng = np.random.default_rng(4)
    shown = np.tile(np.arange(6), (40, 1))
    given = Ballots.of(list("abcdef"), shown, np.array([rng.permutation(6) + 1 for _ in range(40)]))
    seen = compare_rules(given, RULES, n_resamples=5)
    for i in range(len(RULES)):
        for j in range(i):
            tau = kendalltau(seen.rank[i], seen.rank[j]).statistic
            assert seen.agreement[i, j] == pytest.approx(tau)


def test_boards_give_the_same_lens_without_probabilities():
    boards = rank_all(votes(), ["plurality", "copeland"], n_resamples=40, min_votes=0)
    seen, by_votes = compare_rules(boards), compare_rules(votes(), ["plurality", "copeland"], n_resamples=40)
    assert seen.models == by_votes.models and seen.first is None
    assert np.array_equal(seen.rank, by_votes.rank)
    assert np.array_equal(seen.rank_upper, by_votes.rank_upper)
    assert np.allclose(seen.agreement, agreement(boards).to_numpy())
    assert np.isnan(seen.to_frame()["probability"]).all()


def test_unanimous():
    same = Ballots.of(["A", "B", "C"], [[0, 1, 2]], [[1, 2, 3]], count=[50])
    assert compare_rules(same, ["borda", "copeland"], n_resamples=5).conclusion() == (
        "A is first under all 2 rules, in every resample of each; the rules' orders agree "
        "with τ-b from 1.00 to 1.00."
    )
    cycle = Ballots.of(["a", "b", "c"], [[0, 1, 2]] * 3, [[1, 2, 3], [3, 1, 2], [2, 3, 1]])
    assert (
        compare_rules(cycle, ["condorcet"], n_resamples=3).conclusion()
        == "None of the 1 rules puts a model first."
    )


@real
def test_burlington_2009():
    """Plurality Wright, instant run-off Kiss, Condorcet Montroll (the city's count; PrefLib 00005)."""
    seen = compare_rules(preflib(BURLINGTON), ["plurality", "instant_runoff", "copeland"], n_resamples=20)
    assert [seen.winners(rule) for rule in seen.methods] == [
        ("Kurt Wright",),
        ("Bob Kiss",),
        ("Andy Montroll",),
    ]


def test_without_names_the_rules_are_those_that_the_votes_carry_enough_for():
    """Votes on pairs rank no whole ballots and hold no scores: no Borda, no mean."""
    pairs = bradley_terry_world(4, 300, seed=1).comparisons()
    seen = compare_rules(pairs, n_resamples=5)
    assert {"bradley_terry", "win_rate", "copeland", "schulze"} <= set(seen.methods) <= set(COMPARED_RULES)
    assert not {"borda", "mean"} & set(seen.methods)


def test_refusals():
    with pytest.raises(MethodError, match="A comparison needs rules"):
        compare_rules(votes(), [])
    with pytest.raises(MethodError, match="at least one"):
        compare_rules([])
    with pytest.raises(MethodError, match="'borda' is given twice"):
        compare_rules(votes(), ["borda", "borda"], n_resamples=2)
    with pytest.raises(MethodError, match="Boards have their methods"):
        compare_rules(rank_all(votes(), ["borda"], n_resamples=2), ["copeland"])
    with pytest.raises(OptionError, match="no rule 'mean'"):
        compare_rules(votes(), ["borda"], n_resamples=2).winners("mean")
