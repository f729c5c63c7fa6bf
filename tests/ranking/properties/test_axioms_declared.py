"""Each rule declares the axioms it satisfies; here exactly those are tried on random elections.

The elections are strict and complete, as in the literature; "winners" are the first tier or the top score.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.ranking import ScoreTable
from tests.support import brute_force as slow
from tests.support.brute_force import ballots_of, run
from tests.support.families import RULES

pytestmark = pytest.mark.slow


def declared(name):
    assert RULES[name].axioms is not None, f'{name}: say @method(..., axioms="...") of those it satisfies'
    return RULES[name].axioms


def winners(name, m, orders):
    """Of strict orders, best first; score rules see them as a table of Borda points, tasks being voters."""
    if RULES[name].view == "scores":
        points = np.array([[m - order.index(x) for order in orders] for x in range(m)], dtype=float)
        tasks = [f"v{i:02d}" for i in range(len(orders))]
        votes = ScoreTable.of(slow.names(m), tasks, points)
        options = {"gamma": m + 0.0} if name == "optimality_gap" else {}
    else:
        votes = ballots_of(m, [(1, {x: i + 1 for i, x in enumerate(order)}) for order in orders])
        options = {"k": 1} if name == "approval_k" and m < 3 else {"points": (1.0,)} if m < 3 else {}
        options = {k: v for k, v in options.items() if k in RULES[name].options}
    result = run(name, votes, **options)
    if hasattr(result, "winners"):
        return set(result.winners)
    return set(np.flatnonzero(result.values >= result.values.max() - 1e-9).tolist())


@st.composite
def elections(draw, min_models=2, min_votes=1, max_votes=7):
    m = draw(st.integers(min_models, 4))
    order = st.permutations(range(m)).map(tuple)
    return m, draw(st.lists(order, min_size=min_votes, max_size=max_votes))


def margins(m, orders):
    return slow.margin(m, [(1, {x: i for i, x in enumerate(order)}) for order in orders])


def majority(name, m, orders, _):
    for x in range(m):
        if 2 * sum(order[0] == x for order in orders) > len(orders):
            assert winners(name, m, orders) == {x}


def condorcet(name, m, orders, _):
    g = margins(m, orders)
    for x in range(m):
        if all(g[x][y] > 0 for y in range(m) if y != x):
            assert winners(name, m, orders) == {x}


def condorcet_loser(name, m, orders, _):
    """Who loses to every other never wins alone (where all are tied in a round, all win)."""
    g = margins(m, orders)
    for x in range(m):
        if all(g[x][y] < 0 for y in range(m) if y != x):
            assert winners(name, m, orders) != {x}


def smith(name, m, orders, _):
    assert winners(name, m, orders) <= slow.smith(m, margins(m, orders))


def pareto(name, m, orders, _):
    won = winners(name, m, orders)
    for a, b in itertools.permutations(range(m), 2):
        if all(order.index(a) < order.index(b) for order in orders):
            assert b not in won


def monotonicity(name, m, orders, draw):
    """A winner raised on some ballots stays a winner."""
    for x in winners(name, m, orders):
        raised = list(orders)
        for i in draw(st.sets(st.integers(0, len(orders) - 1), min_size=1)):
            rest = [y for y in orders[i] if y != x]
            place = draw(st.integers(0, orders[i].index(x)))
            raised[i] = (*rest[:place], x, *rest[place:])
        assert x in winners(name, m, raised)


def reversal(name, m, orders, _):
    """A single winner does not win when every ballot is turned round, unless all win both ways."""
    won = winners(name, m, orders)
    if len(won) == 1:
        assert not won <= winners(name, m, [order[::-1] for order in orders])


def clones(name, m, orders, draw):
    """A copy beside a model on every ballot changes neither who else wins nor whether it or its copy does."""
    x = draw(st.integers(0, m - 1))
    cloned = []
    for order in orders:
        pair = draw(st.sampled_from([(x, m), (m, x)]))
        cloned.append(tuple(y for z in order for y in (pair if z == x else (z,))))
    before, after = winners(name, m, orders), winners(name, m + 1, cloned)
    assert after - {x, m} == before - {x}
    assert (x in before) == bool(after & {x, m})


def reinforcement(name, m, orders, draw):
    """Who wins in both parts of the voters wins in all, and nobody else does."""
    cut = draw(st.integers(0, len(orders)))
    if 0 < cut < len(orders):
        both = winners(name, m, orders[:cut]) & winners(name, m, orders[cut:])
        if both:
            assert winners(name, m, orders) == both


def participation(name, m, orders, _):
    """A voter who joins does not make a single winner give way to somebody worse on that ballot."""
    if len(orders) > 1:
        before, after = winners(name, m, orders[:-1]), winners(name, m, orders)
        if len(before) == len(after) == 1:
            (one,), (two,) = before, after
            assert orders[-1].index(two) <= orders[-1].index(one)


CHECKS = {
    check.__name__: check
    for check in (
        majority,
        condorcet,
        condorcet_loser,
        smith,
        pareto,
        monotonicity,
        reversal,
        clones,
        reinforcement,
        participation,
    )
}
CLAIMS = [(name, axiom) for name in sorted(RULES) for axiom in declared(name)]


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_declares_known_axioms(name):
    assert set(declared(name)) <= set(CHECKS)


@pytest.mark.parametrize(("name", "axiom"), CLAIMS)
@settings(max_examples=max(1, settings.default.max_examples * 3 // 4))
@given(data=st.data())
def test_a_rule_satisfies_the_axioms_it_declares(name, axiom, data):
    m, orders = data.draw(elections())
    CHECKS[axiom](name, m, orders, data.draw)


# Textbook counterexamples and small ones, each worked by hand: rule, axiom, election, what the check draws.
BORDERLINE = [(0, 1, 2)] * 4 + [(1, 2, 0)] * 3 + [(2, 1, 0)] * 2  # 1 beats both others, 0 has most firsts
RUNOFF = [(0, 1, 2)] * 6 + [(2, 0, 1)] * 5 + [(1, 2, 0)] * 4 + [(1, 0, 2)] * 2  # two more for 0, and 2 wins
ABSENT = [(0, 1, 2)] * 3 + [(1, 0, 2)] * 3 + [(2, 0, 1)] * 4  # with a (1, 0, 2) less 0 wins, now 2 does
BROKEN = [
    ("borda", majority, [(0, 1, 2)] * 3 + [(1, 2, 0)] * 2, ()),
    ("plurality", condorcet, BORDERLINE, ()),
    ("instant_runoff", condorcet, [(0, 1, 2)] * 3 + [(2, 1, 0)] * 3 + [(1, 0, 2)] * 1, ()),
    ("plurality", condorcet_loser, BORDERLINE, ()),
    ("plurality", smith, BORDERLINE, ()),
    ("veto", pareto, [(0, 1, 2)], ()),  # 0 and 1 are both never last
    ("instant_runoff", monotonicity, RUNOFF, ({15, 16}, 0, 0)),
    ("plurality", reversal, BORDERLINE, ()),  # 0 has most firsts and most lasts
    ("plurality", clones, [(0, 1)] * 4 + [(1, 0)] * 3, (0, *[(0, 2), (2, 0)] * 2, *[(0, 2)] * 3)),
    (
        "instant_runoff",
        reinforcement,
        [(1, 2, 0), (0, 2, 1), (0, 1, 2), (1, 0, 2), (0, 2, 1), (2, 1, 0)],
        (2,),
    ),
    ("instant_runoff", participation, [*ABSENT[:3], *ABSENT[4:], ABSENT[3]], ()),
]


@pytest.mark.parametrize(("name", "axiom", "orders", "drawn"), BROKEN)
def test_the_checks_can_fail(name, axiom, orders, drawn):
    """So that a check that passes everything would be noticed."""
    answers = iter(drawn)
    with pytest.raises(AssertionError):
        axiom(name, len(orders[0]), orders, lambda _: next(answers))


def test_every_check_can_fail():
    assert {axiom for _, axiom, *_ in BROKEN} == set(CHECKS.values())
