"""Eliminating rules against their rounds written out in fractions, published elections, and certificates."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.ranking import METHODS, Ballots, VotesError
from tests.ranking.methods.social_choice.test_positional import read
from tests.support import brute_force as slow
from tests.support.brute_force import ballots_of, golden_json, needs_golden, profiles, run


@needs_golden
@pytest.mark.parametrize("name", ["glue30", "glue_all", "value"])
@pytest.mark.parametrize("rule", ["threshold", "baldwin"])
def test_vote_n_rank_elects_the_same(name, rule):
    """On value_missing the published Baldwin stops with an error and threshold does not support gaps."""
    table, _ = read(name)
    elected = {table.models[i] for i in run(rule, table, ties="published").winners}
    assert elected == set(golden_json("votenrank_elections.json")[name][rule])


@given(profiles(unranked=True))
@pytest.mark.parametrize("ties", ["share", "best", "worst"])
def test_instant_runoff_goes_round_by_round(ties, drawn):
    m, profile = drawn
    assert run("instant_runoff", ballots_of(m, profile), ties=ties).tiers == slow.eliminated(
        m, slow.tops(profile, ties)
    )


@given(profiles())
@pytest.mark.parametrize("ties", ["share", "best", "worst"])
def test_coombs_goes_round_by_round(ties, drawn):
    m, profile = drawn

    def score(left):
        last = [1] * (len(left) - 1) + [0]
        other = {"share": "share", "best": "best", "worst": "worst"}[ties]
        got = slow.points(m, profile, last, other, sorted(left))
        if len(left) == 1:
            return dict.fromkeys(left, 0)
        return got

    assert run("coombs", ballots_of(m, profile), ties=ties).tiers == slow.eliminated(m, score)


@given(profiles(unranked=True))
@pytest.mark.parametrize("ties", ["share", "best", "worst"])
def test_baldwin_and_nanson_rank_anew_each_round(ties, drawn):
    m, profile = drawn
    votes = ballots_of(m, profile)
    assert run("baldwin", votes, ties=ties).tiers == slow.borda_tiers(m, profile, ties, "least")
    assert run("nanson", votes, ties=ties).tiers == slow.borda_tiers(m, profile, ties, "below")
    assert run("nanson", votes, ties=ties, drop="at_or_below").tiers == slow.borda_tiers(
        m, profile, ties, "at_or_below"
    )


@given(profiles())
def test_threshold_filters_place_by_place(drawn):
    m, profile = drawn
    choice = run("threshold", ballots_of(m, profile))
    assert set(choice.winners) == slow.threshold_winners(m, profile)
    assert sorted(itertools.chain(*choice.tiers)) == list(range(m))


def test_threshold_shares_places_when_asked():
    votes = ballots_of(3, [(1, {0: 1, 1: 2, 2: 2}), (0.75, {1: 1, 2: 2, 0: 3})])
    assert run("threshold", votes).tiers == ((0,), (1,), (2,))  # last places .75, 1, 1
    assert run("threshold", votes, ties="share").tiers == ((1,), (2,), (0,))  # .75, .5, .5


@given(profiles(gaps=True))
def test_gaps_put_worst_equal_ballots_with_a_common_last_place(drawn):
    m, profile = drawn
    full = [(w, {x: b.get(x, 1 + max(b.values(), default=0)) for x in range(m)}) for w, b in profile]
    one, two = ballots_of(m, profile), ballots_of(m, full)
    for rule in ("coombs", "baldwin", "nanson", "threshold", "two_round"):
        assert run(rule, one, missing="worst").tiers == run(rule, two).tiers, rule


def test_short_ballots_on_many_models_are_counted_by_size():
    """Pairwise votes on 14 models and the same votes written out with a common last place."""
    rng = np.random.default_rng(5)
    for _ in range(5):
        pairs = [rng.choice(14, 2, replace=False).tolist() for _ in range(40)] + [
            [i, i + 1] for i in range(13)
        ]
        profile = [(1, {a: 1, b: 2}) for a, b in pairs]
        full = [(1, {x: ballot.get(x, 3) for x in range(14)}) for _, ballot in profile]
        for rule in ("coombs", "baldwin", "nanson", "threshold", "two_round"):
            for ties in ("share", "best", "worst"):
                short, long = ballots_of(14, profile), ballots_of(14, full)
                assert run(rule, short, ties=ties, missing="worst").tiers == run(rule, long, ties=ties).tiers


@given(profiles(gaps=True))
def test_baldwin_with_partial_borda_counts_half_for_pairs_not_compared(drawn):
    m, profile = drawn
    left, tiers = set(range(m)), []
    while left:
        score = dict.fromkeys(left, Fraction(0))
        for weight, ballot in profile:
            for a, b in itertools.permutations(left, 2):
                known = a in ballot and b in ballot and ballot[a] != ballot[b]
                score[a] += weight * (Fraction(ballot[a] < ballot[b]) if known else Fraction(1, 2))
        gone = {x for x in left if score[x] == min(score.values())}
        tiers.insert(0, tuple(sorted(gone)))
        left -= gone
    assert run("baldwin", ballots_of(m, profile), missing="partial_borda").tiers == tuple(tiers)


def test_gaps_are_refused_and_dropped():
    votes = ballots_of(3, [(1, {0: 1, 1: 2, 2: 3}), (2, {1: 1, 2: 2})])
    for rule in ("instant_runoff", "coombs", "baldwin", "nanson", "threshold", "two_round"):
        with pytest.raises(VotesError, match=f"{rule} needs every model on every ballot, and 'm00'"):
            run(rule, votes)
        assert run(rule, votes, missing="drop_task").winners == (0,)


def test_coombs_may_stop_at_a_majority():
    """Three of five put 0 first, and three put it last of those left: only the majority check saves it."""
    profile = [(4, {0: 1, 1: 2, 2: 3}), (3, {1: 1, 2: 2, 0: 3})]
    votes = ballots_of(3, profile)
    assert run("coombs", votes, majority_stops=True).winners == (0,)
    tie = [(5, {0: 1, 1: 2, 2: 3}), (2, {2: 1, 1: 2, 0: 3}), (2, {1: 1, 2: 2, 0: 3})]
    assert run("coombs", ballots_of(3, tie), majority_stops=True).tiers == ((0,), (1, 2))


def two_round_winners(m, profile):
    first = slow.points(m, profile, [1] + [0] * (m - 1), "share")
    g = slow.margin(m, profile)
    level = sorted(set(first.values()), reverse=True)
    top = [x for x in first if first[x] == level[0]]
    meet = (
        itertools.combinations(top, 2)
        if len(top) > 1
        else ((top[0], x) for x in first if first[x] == level[1])
    )
    winners = set()
    for a, b in meet:
        winners |= {a} if g[a][b] > 0 else {b} if g[b][a] > 0 else {a, b}
    return winners


@given(profiles())
def test_two_rounds_let_every_possible_pair_meet(drawn):
    assert set(run("two_round", ballots_of(*drawn)).winners) == two_round_winners(*drawn)


@settings(max_examples=40)
@given(st.integers(0, 100_000))
@pytest.mark.slow
def test_no_voter_within_the_certificate_changes_the_winner(seed):
    """Every way to change up to k of six to nine strict ballots on three models, k at most 2."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 10))
    lean = rng.permuted(np.tile([0, 1, 2], (n, 1)), axis=1)
    lean[: int(rng.integers(3, n + 1))] = [0, 1, 2]
    cast = [tuple(row) for row in lean.tolist()]

    def profile(rows):
        return [(1, {x: place + 1 for place, x in enumerate(row)}) for row in rows]

    choice = run("two_round", ballots_of(3, profile(cast)))
    if not choice.notes:
        return
    k = int(choice.notes[0].message.split("any ")[1].split()[0])
    every = list(itertools.permutations(range(3)))
    for chosen in itertools.combinations(range(n), min(k, 2)):
        for new in itertools.product(every, repeat=len(chosen)):
            rows = list(cast)
            for i, row in zip(chosen, new, strict=True):
                rows[i] = row
            assert two_round_winners(3, profile(rows)) == set(choice.winners)


def test_a_landslide_has_a_certificate_by_hand():
    """Of 10 voters 9 prefer 0; 4 changed ballots tie the two, 3 do not."""
    voters = [(1, {0: 1, 1: 2})] * 9 + [(1, {1: 1, 0: 2})]
    choice = run("two_round", ballots_of(2, voters))
    assert choice.notes[0].code == "certificate"
    assert "any 3 voters" in choice.notes[0].message
    heavy = run("two_round", ballots_of(2, [(9, {0: 1, 1: 2}), (1, {1: 1, 0: 2})]))
    assert "any 0 voters" in heavy.notes[0].message  # one voter has nine tenths of the weight


def test_a_tie_that_decides_is_told():
    """2 abc, 2 bca, 2 cab: all equal, none goes first; with 3 abc b and c go together, and a wins."""
    cycle = [[1, 2, 3], [3, 1, 2], [2, 3, 1]]
    even = Ballots.of("abc", [[0, 1, 2]] * 3, cycle, count=[2, 2, 2])
    ahead = Ballots.of("abc", [[0, 1, 2]] * 3, cycle, count=[3, 2, 2])
    assert METHODS["instant_runoff"].function(even).notes == ()
    (note,) = METHODS["instant_runoff"].function(ahead).notes
    assert (note.code, note.models) == ("elimination_tie", ("b", "c"))
    shown = [[0, 1, 2, 3]] * 4
    safe = Ballots.of(
        "abcd", shown, [[1, 2, 3, 4], [2, 1, 3, 4], [3, 2, 1, 4], [4, 3, 2, 1]], count=[9, 8, 1, 1]
    )
    assert METHODS["instant_runoff"].function(safe).notes == ()  # c and d have two first places together
