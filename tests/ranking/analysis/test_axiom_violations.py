"""Counterexamples to axioms on given votes: textbook profiles, a real election, and rules that are immune."""

from itertools import permutations

import numpy as np
import pytest

from agon.data.files.elections import preflib
from agon.ranking import Ballots, MethodError, OptionError
from agon.ranking.analysis.axiom_violations import axioms
from agon.ranking.analysis.perturbation import Profile
from agon.ranking.votes.score_table import ScoreTable
from tests.support.paths import DATASETS

BURLINGTON = DATASETS / "preflib" / "burlington" / "00005-00000002.toi"
real = pytest.mark.skipif(not BURLINGTON.is_file(), reason=f"no PrefLib files in {DATASETS}")


def profile(orders):
    """Ballots from {"ABC": votes}."""
    names = sorted(set("".join(orders)))
    places = [[order.index(name) + 1 for name in names] for order in orders]
    shown = np.broadcast_to(np.arange(len(names)), (len(orders), len(names)))
    return Ballots.of(names, shown, places, count=list(orders.values()))


def finding(votes, rule, axiom, **more):
    return axioms(votes, [rule], which=[axiom], **more).findings[0]


def test_borda_can_be_won_by_a_clone():
    """Three voters A > B and two B > A: a clone right below B makes B the Borda winner (Tideman 1987)."""
    found = finding(profile({"AB": 3, "BA": 2}), "borda", "clones")
    assert found.fails and "A" not in found.message.split("into")[1]
    assert not finding(profile({"AB": 3, "BA": 2}), "minimax", "clones").fails


def test_plurality_splits_between_clones():
    """With 4 votes for A and 3 for B, a clone of A that takes part of its votes hands the seat to B."""
    found = finding(profile({"AB": 4, "BA": 3}), "plurality", "clones")
    assert found.fails and found.models == ("A",)
    assert found.message == "a clone of A, right beside it on every ballot, turns the winner from A into B."
    assert not finding(profile({"AB": 4, "BA": 3}), "instant_runoff", "clones").fails


def test_borda_depends_on_a_third():
    """The order of A and B turns when C, last for most, leaves (Borda count, any textbook)."""
    votes = profile({"ABC": 3, "BCA": 2})
    found = finding(votes, "borda", "independence")
    assert found.fails
    assert found.message == "with C in the race B is above A, without it A is above B."
    assert not finding(votes, "copeland", "independence").fails


@real
@pytest.mark.slow
def test_burlington_2009():
    """Wright was a spoiler of the instant run-off, which was not monotone either.

    Source: W. D. Smith, rangevoting.org/Burlington.html: without Wright the winner is Montroll instead of
    Kiss, and 753 more votes for Kiss from Wright's voters would have made Montroll win.
    """
    votes = preflib(BURLINGTON)
    report = axioms(votes, ["instant_runoff", "plurality", "copeland", "minimax"])
    by = {(one.method, one.axiom): one for one in report.findings}
    assert by["instant_runoff", "independence"].fails
    assert by["instant_runoff", "monotonicity"].fails
    assert by["instant_runoff", "monotonicity"].models == ("Bob Kiss", "Kurt Wright")
    assert "makes Andy Montroll win" in by["instant_runoff", "monotonicity"].message
    assert not by["instant_runoff", "clones"].fails
    assert by["plurality", "clones"].fails and by["plurality", "independence"].fails
    assert not by["plurality", "monotonicity"].fails
    for rule in ("copeland", "minimax"):  # Montroll beats everyone, whoever leaves or is cloned
        assert not any(by[rule, axiom].fails for axiom in ("independence", "clones", "monotonicity"))
    assert "monotonicity fails under instant_runoff" in report.conclusion()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.slow
def test_immune_rules_are_never_accused(seed):
    """Proven: plurality, Borda and minimax are monotone; instant run-off and ranked pairs resist clones."""
    rng = np.random.default_rng(seed)
    orders = ["".join(order) for order in permutations("ABCD")]
    counts = rng.multinomial(211, rng.dirichlet(np.full(24, 0.4)))
    votes = profile({order: int(n) for order, n in zip(orders, counts, strict=True) if n} | {"ABCD": 1})
    for rule in ("plurality", "borda", "minimax"):
        assert not finding(votes, rule, "monotonicity", tries=150).fails
    for rule in ("instant_runoff", "ranked_pairs"):
        found = finding(votes, rule, "clones")
        assert not found.fails, found.message


def test_the_textbook_failure_of_monotonicity():
    """17 voters, A wins; two voters of B raise A to the top, and C wins.

    Source: S. Brams, AMS Notices 29 (1982); Wikipedia, "Monotonicity criterion".
    """
    found = finding(profile({"ABC": 6, "BAC": 2, "BCA": 4, "CAB": 5}), "instant_runoff", "monotonicity")
    assert found.fails and found.models == ("A", "B")
    assert found.message == "moving the winner A to the top of 2 ballots led by B makes C win."


def test_score_tables():
    """Scores on their own scale: the mean of a model does not depend on who else is there."""
    table = ScoreTable.of(["a", "b", "c"], ["x", "y", "z"], [[3, 1, 2.5], [2, 3, 1], [1, 2.5, 3]])
    report = axioms(table, ["borda", "copeland"])
    assert len(report.findings) == 6
    assert report.to_frame().shape == (6, 6)
    assert report.to_markdown().startswith("On these votes")
    assert len(report.to_dict()["findings"]) == 6


def test_profiles_return_what_they_were_given():
    rng = np.random.default_rng(3)
    for _ in range(20):
        shown = np.array([rng.permutation(5)[:4] for _ in range(12)])
        places = rng.integers(0, 4, (12, 4))
        dense = np.array(
            [[0 if p == 0 else 1 + len({q for q in row if 0 < q < p}) for p in row] for row in places]
        )
        given = Ballots.of(list("abcde"), shown, dense, count=rng.integers(1, 9, 12))
        again = Profile.of(given).ballots()
        assert again.models == given.models
        for name in ("shown", "places", "acceptable", "weight", "count"):
            assert np.array_equal(getattr(again, name), getattr(given, name)), name


def test_soft_judgements_become_two_ballots():
    given = Ballots.of(["a", "b"], [[0, 1]], [[0, 0]], p_a=[0.7])
    written = Profile.of(given).ballots()
    assert sorted(zip(written.places[:, 0].tolist(), written.weight.tolist(), strict=True)) == [
        (1, 0.7),
        (2, pytest.approx(0.3)),
    ]


def test_refusals():
    votes = profile({"AB": 3, "BA": 2})
    with pytest.raises(MethodError, match="elo plays votes in their order"):
        axioms(votes, ["elo"])
    with pytest.raises(OptionError, match="no axiom 'clone'; did you mean 'clones'"):
        axioms(votes, ["borda"], which=["clone"])
    with pytest.raises(OptionError, match="options for 'mean'"):
        axioms(votes, ["borda"], options={"mean": {}})
