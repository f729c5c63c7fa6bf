"""`Comparisons`: views, clusters, groups, and the order of the votes."""

import numpy as np
import pytest

from agon.ranking import Ballots, Comparisons, PairCounts
from agon.ranking.errors import SourceError
from agon.ranking.votes.comparisons import as_comparisons
from tests.support.votes import Vote, Votes

AB, BA, TIE = [1, 2], [2, 1], [1, 1]


def example(**more):
    return Comparisons.of(["a", "b"], [[0, 1]] * 4, [AB, BA, TIE, AB], **more)


def test_the_views_are_computed_once():
    votes = example()
    assert votes.ballots is votes.ballots
    assert votes.pairs is votes.pairs
    assert votes.battles is votes.battles


def test_what_it_says_of_itself():
    votes = example()
    assert (len(votes), votes.models, dict(votes.left_out)) == (4, ("a", "b"), {})
    assert repr(votes) == "Comparisons(4 votes on 2 models)"


def played(votes):
    """Places of the votes one by one."""
    battles = votes.battles
    return [battles.ballots.places[i].tolist() for i in battles.sequence]


def test_without_times_the_rows_are_in_order():
    votes = example()
    assert votes.battles.order == "file"
    assert played(votes) == [AB, BA, TIE, AB]


def test_times_put_the_votes_in_order():
    votes = example(timestamp=[30, 10, 40, 20])
    assert votes.battles.order == "timestamp"
    assert played(votes) == [BA, AB, AB, TIE]


def test_equal_times_do_not_depend_on_the_rows():
    one = Comparisons.of(["a", "b"], [[0, 1]] * 3, [AB, BA, TIE], timestamp=[1, 1, 1])
    two = Comparisons.of(["a", "b"], [[0, 1]] * 3, [TIE, AB, BA], timestamp=[1, 1, 1])
    assert played(one) == played(two)


def test_resampled_battles_stay_in_order():
    votes = Comparisons.of(["a", "b"], [[0, 1]] * 300, [AB] * 150 + [BA] * 150)
    drawn = votes.battles.resample(np.random.default_rng(0))
    assert len(drawn.sequence) == drawn.ballots.total == 300
    winners = drawn.ballots.places[drawn.sequence, 0]
    assert np.all(np.diff(winners) >= 0)  # the first half is still first
    assert 100 < (winners == 1).sum() < 200


def test_a_subset_of_battles():
    votes = Comparisons.of(["a", "b", "c"], [[0, 1], [1, 2], [0, 1]], [AB, AB, BA])
    kept = votes.battles.subset(np.array([True, True, False]))
    assert kept.models == ("a", "b")
    assert [kept.ballots.places[i].tolist() for i in kept.sequence] == [AB, BA]


def test_clusters_group_equal_labels():
    """ann cast two equal votes and another one, bob one."""
    votes = example(labels={"voter": ["ann", "ann", "bob", "ann"]})
    clusters = votes.clusters("voter")
    assert (clusters.by, clusters.size) == ("voter", 2)
    found = {
        (int(c), tuple(votes.ballots.places[b].tolist())): int(n)
        for c, b, n in zip(clusters.cluster, clusters.ballot, clusters.count, strict=True)
    }
    assert found == {(0, (1, 2)): 2, (0, (2, 1)): 1, (1, (1, 1)): 1}
    assert clusters is votes.clusters("voter")


def test_taking_a_cluster_twice_takes_all_its_votes_twice():
    votes = example(labels={"voter": ["ann", "ann", "bob", "ann"]})
    totals = votes.clusters("voter").totals(np.array([2, 0]), len(votes.ballots.count))
    by_places = dict(zip(map(tuple, votes.ballots.places.tolist()), totals.tolist(), strict=True))
    assert by_places == {(1, 2): 4, (2, 1): 2, (1, 1): 0}


def test_an_unknown_column_is_named_with_those_there_are():
    votes = example(labels={"voter": list("abcd")})
    for ask in (lambda: votes.clusters("voters"), lambda: list(votes.split("voters"))):
        with pytest.raises(SourceError, match=r"no column 'voters' \(labels given: voter\)"):
            ask()


def test_splitting_keeps_times_labels_and_only_the_models_shown():
    votes = Comparisons.of(
        ["a", "b", "c"],
        [[0, 1], [1, 2], [0, 1], [2, 1]],
        [AB, AB, BA, AB],
        timestamp=[4, 3, 2, 1],
        labels={"language": ["en", "de", "en", "de"], "voter": ["x", "x", "y", "x"]},
    )
    parts = dict(votes.split("language"))
    assert list(parts) == ["de", "en"]
    assert (parts["de"].models, parts["en"].models) == (("b", "c"), ("a", "b"))
    assert played(parts["en"]) == [BA, AB]
    assert played(parts["de"]) == [BA, AB]  # c beat b at time 1, b beat c at time 3
    assert (parts["en"].clusters("voter").size, parts["de"].clusters("voter").size) == (2, 1)


def test_counts_and_rows_are_the_same_votes():
    """The same ballots, so the same boards (see also test_invariances.py)."""
    rows = Comparisons.of(
        ["a", "b"],
        [[0, 1], [1, 0], [0, 1], [0, 1]],
        [AB, AB, TIE, TIE],
        acceptable=[[-1] * 2] * 2 + [[1] * 2, [0] * 2],
    )
    tie = [[0, 1], [1, 0]]
    counts = Comparisons.from_counts(["a", "b"], [[0, 1], [1, 0]], tie, tie)
    for name in ("shown", "places", "acceptable", "count"):
        assert np.array_equal(getattr(rows.ballots, name), getattr(counts.ballots, name))


def test_ballots_and_counts_stand_for_votes():
    """`rank` takes them too."""
    ballots = Ballots.of(["a", "b"], [[0, 1]], [AB], count=[3])
    counts = PairCounts.of(["b", "a"], [[0, 1], [3, 0]])
    assert len(as_comparisons(ballots)) == 3
    assert len(as_comparisons(ballots).battles.sequence) == 3
    assert as_comparisons(counts).pairs.wins.tolist() == [[0, 3], [1, 0]]
    with pytest.raises(SourceError, match="Cannot rank a dict"):
        as_comparisons({"a": 1})


def test_kwise_votes_cluster_as_whole_ballots():
    votes = Votes(
        ("a", "b", "c"), (Vote((0, 1, 2), (1, 2, 2), voter="x"), Vote((2, 1, 0), (2, 2, 1), voter="y"))
    ).comparisons()
    assert votes.ballots.count.tolist() == [2]
    assert votes.clusters("voter").count.tolist() == [1, 1]


@pytest.mark.parametrize("nobody", [None, float("nan")])
def test_votes_of_nobody_are_not_one_cluster(nobody):
    """Votes without a voter are not all of one voter: the same refusal as for a file."""
    places = [[1, 2], [2, 1], [1, 2]]
    votes = Comparisons.of(["a", "b"], [[0, 1]] * 3, places, labels={"voter": ["x", nobody, nobody]})
    with pytest.raises(SourceError, match="no voter to cluster by in votes 2 and 3; fill it in"):
        votes.clusters("voter")


def test_votes_in_order_know_their_clusters():
    """Added votes keep the voter they share with the first; those that are left out take theirs along."""
    ann, bob = {"voter": ["ann", "ann", "bob", "ann"]}, {"voter": ["bob", "eve", "ann", "eve"]}
    both = example(labels=ann) + example(labels=bob)
    assert both.clustered("voter").cluster.tolist() == [0, 0, 1, 0, 1, 2, 0, 2]
    wide = Comparisons.of(
        "abc",
        [[0, 1, -1], [0, 1, 2], [1, 2, -1]],
        [[1, 2, 0], [1, 2, 3], [1, 2, 0]],
        labels={"voter": ["ann", "bob", "eve"]},
    )
    equal = wide.reweighted("equal_pairs").clustered("voter")
    assert equal.cluster.tolist() == [0, 1]
    assert len(equal.sequence) == 2
