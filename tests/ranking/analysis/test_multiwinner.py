"""Choosing several models: published committees, brute force on small profiles, justified representation."""

from itertools import combinations

import numpy as np
import pytest

from agon.ranking import Ballots, OptionError, VotesError
from agon.ranking.analysis.multiwinner import committee
from agon.ranking.analysis.representation import justified_representation
from agon.ranking.votes.score_table import ScoreTable

BOOK = ["ab"] * 3 + ["ac"] * 3 + ["ad"] * 2 + ["bcf", "e", "f", "g"]


def approving(sets, names):
    """Votes that rank the approved models first together and leave the others without a place."""
    rows = [[1 if name in one else 0 for name in names] for one in sets]
    return Ballots.of(list(names), np.tile(np.arange(len(names)), (len(rows), 1)), rows)


def best(names, size, score, fits=lambda chosen: True):
    """Every best committee by brute force."""
    scores = {chosen: score(chosen) for chosen in combinations(names, size) if fits(chosen)}
    top = max(scores.values())
    return top, [chosen for chosen, value in scores.items() if value > top - 1e-9]


def test_running_example_of_the_book():
    """PAV elects {a, b, c, f}, Chamberlin-Courant on approvals {a, e, f, g}, each alone.

    Source: M. Lackner and P. Skowron, Multi-Winner Voting with Approval Preferences (2023), examples 2.1,
    2.3 and 2.4.
    """
    votes = approving(BOOK, "abcdefg")
    pav = committee(votes, 4, approve="ranked")
    assert pav.models == ("a", "b", "c", "f") and pav.unique is True and pav.gap == 0
    assert pav.score == pytest.approx(8 + 6 * 0.5 + (1 + 1 / 2 + 1 / 3) + 1)
    cc = committee(votes, 4, "chamberlin_courant", approve="ranked", satisfaction="approval")
    assert cc.models == ("a", "e", "f", "g") and cc.score == 12 and cc.unique is True
    assert pav.conclusion().startswith("a, b, c and f: the only best choice of 4 under proportional_approval")
    assert not justified_representation(votes, ["a", "b", "c", "d"], approve="ranked").cohesion


@pytest.mark.parametrize(
    ("sets", "names", "chosen", "extended"),
    [
        # Aziz et al. (2017), examples 4, 5, 6 and 8, as numbered in the AAAI version
        (["a", "b", "c", "d", "aef", "bef", "cef", "def"], "abcdef", "abcd", False),
        (["a"] * 2 + ["abc"] * 2 + ["bcd"] * 2 + ["de", "df"], "abcdef", "adef", False),
        (["ak"] * 3 + ["al"] * 3 + ["bcdefghij"] * 14, "abcdefghijkl", "abcdefghij", True),
        (["ab"] * 2 + ["c", "de"], "abcde", "acde", False),
        # Lackner and Skowron (2021), Approval-Based Committee Voting, example 20
        (["ad", "ab", "bc", "cd", *("aabbccdd")], "abcd", "abc", True),
        # Brill, Freeman, Janson and Lackner (2021), Phragmén's voting methods, example 6
        (
            ["abc"] * 2 + ["abd"] * 2 + ["cdefghijklmn"] * 6 + ["defghijklmn"] * 5 + ["efghijklmn"] * 9,
            "abcdefghijklmn",
            "cdefghijklmn",
            False,
        ),
        # Brill and Peters (2023), Robust and verifiable proportionality axioms, example 3
        (["abc", "abcd", "abcd", "abcde", "cde", "cdef", "cdef", "defg"], "abcdefg", "aceg", True),
        (["a", "ab", "abcd", "cde", "cde", "cde", "ef", "fg"], "abcdefg", "abcg", True),
    ],
)
def test_published_cases_of_extended_justified_representation(sets, names, chosen, extended):
    found = justified_representation(approving(sets, names), list(chosen), approve="ranked")
    assert found.extended is extended
    if extended:
        assert found.justified and found.conclusion().startswith("Every group")
    else:
        assert found.cohesion >= 1 and len(found.agreed) == found.cohesion
        assert found.votes >= found.needed
        assert "fails" in found.conclusion()


def test_justified_representation_by_hand():
    """Three of six votes approve of c alone; two seats entitle them to it (Aziz et al. 2017)."""
    votes = approving(["ab"] * 3 + ["c"] * 3, "abc")
    found = justified_representation(votes, ["a", "b"], approve="ranked")
    assert not found.justified and found.agreed == ("c",) and found.votes == 3 and found.needed == 3
    assert justified_representation(votes, ["a", "c"], approve="ranked").extended


def random_profile(rng, m, n):
    shown = np.tile(np.arange(m), (n, 1))
    places = np.array([rng.permutation(m) + 1 for _ in range(n)])
    return places, Ballots.of(list("abcdefg"[:m]), shown, places)


@pytest.mark.parametrize("seed", range(8))
def test_every_rule_against_brute_force(seed):
    rng = np.random.default_rng(seed)
    m, size = 6, int(rng.integers(1, 5))
    places, votes = random_profile(rng, m, 9)
    names = list("abcdef")
    points = m - places  # Borda
    groups = {name: "even" if i % 2 == 0 else "odd" for i, name in enumerate(names)}

    def column(chosen):
        return [names.index(name) for name in chosen]

    scores = {
        "k_borda": lambda c: points[:, column(c)].sum(),
        "chamberlin_courant": lambda c: points[:, column(c)].max(axis=1).sum(),
        "proportional_approval": lambda c: sum(
            sum(1 / j for j in range(1, n + 1)) for n in (places[:, column(c)] <= 3).sum(axis=1)
        ),
    }
    for rule, score in scores.items():
        more = {"approve": 3} if rule == "proportional_approval" else {}
        top, winners = best(names, size, score)
        found = committee(votes, size, rule, **more)
        assert found.score == pytest.approx(top) and found.models in winners
        assert found.unique is (len(winners) == 1)
        odd = min(size, 2)
        fits = lambda c, odd=odd: sum(groups[name] == "odd" for name in c) >= odd  # noqa: E731
        top, winners = best(names, size, score, fits)
        bound = committee(votes, size, rule, groups=groups, at_least={"odd": odd}, **more)
        assert bound.score == pytest.approx(top) and bound.models in winners


def test_proportional_approval_satisfies_the_extension():
    """Proven by Aziz et al. (2017), theorem 10: PAV satisfies extended justified representation."""
    rng = np.random.default_rng(5)
    for _ in range(6):
        votes = approving(
            ["".join(n for n in "abcdef" if rng.random() < 0.4) or "a" for _ in range(12)], "abcdef"
        )
        chosen = committee(votes, 3, approve="ranked", check_unique=False)
        assert justified_representation(votes, chosen.models, approve="ranked").extended


def test_ties_share_borda_and_tables_vote():
    votes = Ballots.of(["a", "b", "c"], [[0, 1, 2]], [[1, 1, 2]])
    assert committee(votes, 1, "k_borda").score == 1.5
    table = ScoreTable.of(["a", "b", "c"], ["x", "y"], [[3, 1], [2, 2], [1, 3]])
    assert committee(table, 2, "chamberlin_courant").models == ("a", "c")
    acceptable = Ballots.of(["a", "b"], [[0, 1], [0, 1]], [[1, 2], [2, 1]], acceptable=[[1, 0], [1, 1]])
    assert committee(acceptable, 1, approve="acceptable").models == ("a",)


def test_when_the_time_runs_out_the_gap_is_told():
    """A hard case with no time: the score is that of the choice, and a bound above the best is given."""
    rng = np.random.default_rng(0)
    places = np.array([rng.permutation(24) + 1 for _ in range(200)])
    names = [f"m{i:02d}" for i in range(24)]
    votes = Ballots.of(names, np.tile(np.arange(24), (200, 1)), places)
    found = committee(votes, 5, "chamberlin_courant", time_limit=2.0)
    column = [names.index(name) for name in found.models]
    assert found.score == (24 - places[:, column]).max(axis=1).sum()
    for _ in range(300):
        other = rng.choice(24, 5, replace=False)
        assert (24 - places[:, other]).max(axis=1).sum() <= found.score * (1 + found.gap) + 1e-6
    assert (found.gap > 0) == ("in time" in found.conclusion())


def test_refusals():
    votes = approving(BOOK, "abcdefg")
    short = Ballots.of(["a", "b", "c"], [[0, 1], [1, 2]], [[1, 2], [1, 2]])
    cases = [
        ({"size": 9, "approve": 1}, "9 of 7 models cannot be chosen"),
        ({"size": 2}, "Say what a vote approves of"),
        ({"size": 2, "approve": 0}, "not 0"),
        ({"size": 2, "rule": "pav", "approve": 1}, "no rule 'pav'"),
        ({"size": 2, "approve": 1, "satisfaction": "borda"}, "counts approval"),
        ({"size": 2, "approve": 1, "groups": {"z": "x"}}, "names 'z'"),
        ({"size": 2, "approve": 1, "groups": {"a": "x"}, "at_least": {"y": 1}}, "No model is in group 'y'"),
        ({"size": 2, "approve": 1, "groups": {"a": "x"}, "at_least": {"x": 2}}, "it has 1 models"),
        (
            {"size": 1, "approve": 1, "groups": {"a": "x", "b": "y"}, "at_least": {"x": 1, "y": 1}},
            "more than 1 models together",
        ),
    ]
    for options, message in cases:
        size = options.pop("size")
        with pytest.raises(OptionError, match=message):
            committee(votes, size, **options)
    with pytest.raises(VotesError, match="is not shown on every vote"):
        committee(short, 1, "k_borda")
    assert committee(short, 1, "k_borda", missing="worst").models == ("b",)
    with pytest.raises(VotesError, match="acceptable"):
        committee(votes, 2, approve="acceptable")
    with pytest.raises(OptionError, match="each once"):
        justified_representation(votes, ["a", "a"], approve=1)
    with pytest.raises(OptionError, match="no model 'z'"):
        justified_representation(votes, ["z"], approve=1)
