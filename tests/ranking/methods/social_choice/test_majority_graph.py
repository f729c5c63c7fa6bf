"""Rules on majorities against their definitions by enumeration, and Burlington 2009."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agon.ranking import Ballots, OptionError, PairCounts, rank
from agon.ranking.votes.pair_counts import weighted_pairs
from tests.support import brute_force as slow
from tests.support.brute_force import DATASETS, ballots_of, needs_datasets, profiles, run

DRAWN = profiles(gaps=True, unranked=True)


def winners(choice):
    return set(choice.winners)


def counts(m, profile):
    return PairCounts.from_ballots(ballots_of(m, profile))


@given(DRAWN)
def test_condorcet_rules_and_sets_follow_their_definitions(drawn):
    m, profile = drawn
    g, pairs = slow.margin(m, profile), counts(*drawn)
    others = [set(range(m)) - {a} for a in range(m)]
    assert winners(run("condorcet", pairs)) == {a for a in range(m) if all(g[a][b] > 0 for b in others[a])}
    assert winners(run("weak_condorcet", pairs)) == {
        a for a in range(m) if all(g[a][b] >= 0 for b in others[a])
    }
    assert winners(run("smith_set", pairs)) == slow.smith(m, g)
    assert winners(run("schwartz_set", pairs)) == slow.schwartz(m, g)


@given(DRAWN)
def test_the_second_tier_of_a_set_is_the_set_of_the_rest(drawn):
    m, profile = drawn
    for rule, definition in (("smith_set", slow.smith), ("schwartz_set", slow.schwartz)):
        left, tiers = list(range(m)), run(rule, counts(*drawn)).tiers
        for tier in tiers:
            g = slow.margin(m, profile)
            part = [[g[a][b] for b in left] for a in left]
            assert set(tier) == {left[i] for i in definition(len(left), part)}
            left = [x for x in left if x not in tier]
        assert not left


@given(DRAWN)
def test_copeland_and_minimax_follow_their_definitions(drawn):
    m, profile = drawn
    v, g, pairs = slow.wins(m, profile), slow.margin(m, profile), counts(*drawn)
    met = [[a != b and any(a in bl and b in bl for _, bl in profile) for b in range(m)] for a in range(m)]
    for a in range(m):
        rest = [b for b in range(m) if b != a]
        won, lost = sum(g[a][b] > 0 for b in rest), sum(g[a][b] < 0 for b in rest)
        assert run("copeland", pairs).values[a] == won - lost
        assert run("copeland", pairs, variant="losses").values[a] == -lost
        assert run("minimax", pairs).values[a] == -max(float(v[b][a]) if g[b][a] > 0 else 0.0 for b in rest)
        assert run("minimax", pairs, measure="margins").values[a] == -max(float(g[b][a]) for b in rest)
        assert run("minimax", pairs, measure="opposition").values[a] == -max(float(v[b][a]) for b in rest)
    if all(bl[x] is not None for _, bl in profile for x in bl):  # two unranked models have not met
        for a in range(m):
            tied = sum(g[a][b] == 0 and met[a][b] for b in range(m))
            won = sum(g[a][b] > 0 for b in range(m))
            assert run("copeland", pairs, variant="wins", tie_credit=0.25).values[a] == won + 0.25 * tied


@given(DRAWN)
def test_schulze_takes_the_strongest_of_all_paths(drawn):
    m, profile = drawn
    v, g = slow.wins(m, profile), slow.margin(m, profile)
    votes = [[v[a][b] if g[a][b] > 0 else 0 for b in range(m)] for a in range(m)]
    margins = [[max(x, 0) for x in row] for row in g]
    assert winners(run("schulze", counts(*drawn))) == slow.schulze_winners(m, votes)
    assert winners(run("schulze", counts(*drawn), measure="margins")) == slow.schulze_winners(m, margins)


@given(DRAWN)
def test_split_cycle_splits_every_cycle(drawn):
    m, profile = drawn
    assert winners(run("split_cycle", counts(*drawn))) == slow.split_cycle_winners(m, slow.margin(m, profile))


@given(DRAWN, st.integers(0, 3))
def test_ranked_pairs_locks_as_declared(drawn, seed):
    m, profile = drawn
    g, pairs = slow.margin(m, profile), counts(*drawn)
    for tie_break in ("together", "names"):
        expected = slow.ranked_pairs_winners(m, g, tie_break)
        assert winners(run("ranked_pairs", pairs, tie_break=tie_break)) == expected
    one = run("ranked_pairs", pairs, tie_break="random", seed=seed)
    assert one.tiers == run("ranked_pairs", pairs, tie_break="random", seed=seed).tiers
    positive = [g[a][b] for a in range(m) for b in range(m) if g[a][b] > 0]
    if len(set(positive)) == len(positive):
        assert winners(one) == slow.ranked_pairs_winners(m, g, "names")
        assert one.notes == ()
    else:
        assert one.notes[0].code == "equal_majorities"


@given(DRAWN)
def test_every_choice_places_every_model_once(drawn):
    m = drawn[0]
    for rule in (
        "smith_set",
        "schwartz_set",
        "schulze",
        "split_cycle",
        "ranked_pairs",
        "kemeny",
        "maximal_lottery",
    ):
        placed = [model for tier in run(rule, counts(*drawn)).tiers for model in tier]
        assert sorted(placed) == list(range(m))


def test_nobody_is_elected_where_there_is_no_condorcet_winner():
    cycle = ballots_of(3, [(1, {0: 1, 1: 2, 2: 3}), (1, {1: 1, 2: 2, 0: 3}), (1, {2: 1, 0: 2, 1: 3})])
    for rule in ("condorcet", "weak_condorcet"):
        assert run(rule, cycle).tiers == ()
        assert run(rule, cycle).notes[0].code == f"no_{rule}"
    board = rank(cycle, "condorcet", interval="none")
    assert board.ranked == ()
    assert "elects nobody" in str(board)


def test_a_pair_that_never_met_is_no_tied_majority():
    apart = PairCounts.of(["a", "b", "c"], [[0, 1, 0], [0, 0, 0], [0, 0, 0]])
    assert run("copeland", apart, variant="wins").values.tolist() == [1.0, 0.0, 0.0]
    with pytest.raises(OptionError, match="between 0 and 1, not 2"):
        run("copeland", apart, tie_credit=2.0)


def test_weights_that_sum_to_the_same_are_equal():
    """0.1 + 0.2 against 0.3: a rounding error is no majority."""
    votes = ballots_of(2, [(0.1, {0: 1, 1: 2}), (0.2, {0: 1, 1: 2}), (0.3, {1: 1, 0: 2})])
    assert run("copeland", votes).values.tolist() == [0.0, 0.0]
    assert run("smith_set", votes).winners == (0, 1)


@given(profiles(gaps=True, unranked=True, max_models=5))
def test_counting_long_ballots_table_wise_gives_the_pairs_one_by_one(drawn):
    m, profile = drawn
    narrow = counts(m, profile)
    tail = range(m, m + 14)  # fourteen more models below all others of their ballot
    more = []
    for weight, ballot in profile:
        last = 1 + max(place or 0 for place in ballot.values())
        more.append((weight, ballot | dict.fromkeys(tail, last)))
    wide = counts(m + 14, more)
    for table in ("wins", "ties", "both_bad"):
        assert np.array_equal(getattr(wide, table)[:m, :m], getattr(narrow, table))


def test_both_bad_and_soft_judgements_are_counted_table_wise_too():
    m = 14
    shown = np.stack([np.arange(m), np.where(np.arange(m) < 2, np.arange(m), -1)])
    places = np.stack([np.repeat([1, 2], m // 2), np.zeros(m, dtype=int)])
    fine = np.stack([np.repeat([1, 0], m // 2), np.full(m, -1)])
    votes = Ballots.of(slow.names(m), shown, places, acceptable=fine, p_a=[np.nan, 0.25])
    pairs = PairCounts.from_ballots(votes)
    rows = votes.pair_rows
    by_row = np.zeros((m, m))
    np.add.at(by_row, (rows.first, rows.second), rows.win)
    np.add.at(by_row, (rows.second, rows.first), rows.loss)
    assert np.allclose(pairs.wins, by_row)
    assert pairs.both_bad.sum() == 7 * 6
    assert pairs.ties.sum() == 7 * 6
    assert pairs.wins[0, 1] == 0.25


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 99))
def test_weighted_pairs_sums_the_comparisons(n, m, seed):
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, 3, (n, m)).astype(np.float32)
    levels[rng.random((n, m)) < 0.2] = np.nan
    weight = rng.choice([0.0, 0.5, 1.0], n)
    expected = (weight[:, None, None] * (levels[:, :, None] > levels[:, None, :])).sum(axis=0)
    assert np.array_equal(weighted_pairs(levels, weight, np.greater), expected)


def burlington():
    """The mayoral election of 2009 from PrefLib 00005-00000002: the candidates left out are not ranked."""
    text = (DATASETS / "preflib" / "burlington" / "00005-00000002.toi").read_text()
    named = dict(re.findall(r"# ALTERNATIVE NAME (\d+): (.+)", text))
    shown, places, count = [], [], []
    for number, order in re.findall(r"^(\d+): (.+)$", text, re.MULTILINE):
        groups = [re.findall(r"\d+", group) for group in re.findall(r"\{[^}]*\}|\d+", order)]
        place = {x: i + 1 for i, group in enumerate(groups) for x in group}
        shown.append(range(len(named)))
        places.append([place.get(x, 0) for x in named])
        count.append(int(number))
    return Ballots.of(list(named.values()), shown, places, count=count)


@needs_datasets
def test_burlington_2009_elects_three_mayors_by_three_rules():
    """Published by A. Gierzynski, W. Hamilton and W. Smith, Burlington Vermont 2009 IRV mayor election."""
    votes = burlington()
    assert votes.total == 8980

    def elected(rule, **options):
        result = run(rule, votes, **options)
        best = (
            result.winners
            if hasattr(result, "winners")
            else np.flatnonzero(result.values == result.values.max())
        )
        return [votes.models[i] for i in best]

    assert elected("plurality") == ["Kurt Wright"]
    assert elected("instant_runoff") == ["Bob Kiss"]
    assert elected("two_round") == ["Bob Kiss"]
    for rule in (
        "condorcet",
        "schulze",
        "ranked_pairs",
        "split_cycle",
        "smith_set",
        "kemeny",
        "maximal_lottery",
    ):
        assert elected(rule) == ["Andy Montroll"], rule
    for rule in ("copeland", "minimax", "baldwin", "nanson"):
        assert elected(rule) == ["Andy Montroll"], rule


def test_a_profile_with_a_condorcet_order_has_that_order_under_every_rule_on_majorities():
    """The capital of Tennessee: Nashville beats Chattanooga beats Knoxville beats Memphis."""
    profile = [
        (42, dict(zip("MNCK", (1, 2, 3, 4), strict=True))),
        (26, dict(zip("NCKM", (1, 2, 3, 4), strict=True))),
    ]
    profile += [
        (15, dict(zip("CKNM", (1, 2, 3, 4), strict=True))),
        (17, dict(zip("KCNM", (1, 2, 3, 4), strict=True))),
    ]
    numbered = [(w, {"NCKM".index(x): p for x, p in b.items()}) for w, b in profile]
    for rule in ("schulze", "split_cycle", "ranked_pairs", "kemeny", "smith_set"):
        assert run(rule, ballots_of(4, numbered)).tiers == ((0,), (1,), (2,), (3,))
