"""Kinds of voters: planted crowds are found, and none where there is none."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from agon.ranking import METHODS, Comparisons, OptionError, SourceError, VotesError, voter_tastes
from agon.ranking.numerics import expit

THETA = np.linspace(-1.5, 1.5, 8)


def crowd(seed, share=0.1, voters=200, each=40):
    """Voters of whom a share likes the models the other way round, and each one's kind."""
    rng = np.random.default_rng(seed)
    kind = (np.arange(voters) < share * voters).astype(int)
    who = np.repeat(np.arange(voters), each)
    first = rng.integers(0, 8, len(who))
    second = (first + rng.integers(1, 8, len(who))) % 8
    gap = np.where(kind[who] == 1, -1, 1) * (THETA[first] - THETA[second])
    won = rng.random(len(who)) < expit(gap)
    return kind, Comparisons.of(
        [f"m{i}" for i in range(8)],
        np.stack([first, second], axis=1),
        np.where(won[:, None], [1, 2], [2, 1]),
        labels={"voter": [f"v{number:03d}" for number in who]},
    )


@pytest.fixture(scope="module")
def planted():
    kind, votes = crowd(1)
    return kind, votes, voter_tastes(votes, n_resamples=40)


def test_a_planted_crowd_of_90_and_10_is_recovered(planted):
    """200 voters of 40 votes each on 8 models, strengths from -1.5 to 1.5 nats; the 10% like the reverse."""
    kind, _, found = planted
    assert len(found.kinds) == 2
    assert adjusted_rand_score(kind, found.membership.argmax(axis=1)) > 0.9
    larger, smaller = found.kinds
    assert smaller.lower < 0.1 < smaller.upper
    assert larger.lower < 0.9 < larger.upper
    assert (larger.first, smaller.first) == ("m7", "m0")
    truth = 1000 + 400 / np.log(10) * np.stack([THETA, -THETA])
    inside = (found.lower <= truth) & (truth <= found.upper)
    assert inside.mean() > 0.8
    assert set(smaller.likes) <= {"m0", "m1", "m2", "m3"}
    assert set(smaller.dislikes) <= {"m4", "m5", "m6", "m7"}


def test_the_worst_group_is_that_of_the_kind_which_likes_a_model_least(planted):
    found = planted[2]
    board = found.worst_group()
    assert board["score"].tolist() == sorted(found.strengths.min(axis=0), reverse=True)
    assert board["model"].iloc[0] in ("m3", "m4")  # in the middle for both kinds
    assert set(board["model"].iloc[-2:]) == {"m0", "m7"}


def test_the_first_factor_of_taste_runs_from_what_one_kind_likes_to_what_the_other_does(planted):
    found = planted[2]
    along = np.corrcoef(found.factors[0], THETA)[0, 1]
    assert abs(along) > 0.95
    assert found.factor_shares[0] > 2 * found.factor_shares[1]


def test_voters_of_one_taste_are_of_one_kind():
    found = voter_tastes(crowd(5, share=0.0, voters=80)[1], n_resamples=0)
    assert len(found.kinds) == 1
    assert "are of one kind, as far as their votes tell" in found.conclusion()


def test_one_kind_is_bradley_terry(planted):
    votes = planted[1]
    found = voter_tastes(votes, kinds=1, n_resamples=0)
    fit = METHODS["bradley_terry"].function(votes.pairs)
    assert (found.strengths[0] - 1000) * np.log(10) / 400 == pytest.approx(fit.values, abs=0.01)


def test_the_same_votes_in_another_order_tell_the_same():
    kind, votes = crowd(2, voters=30, each=12)
    battles = votes.clustered("voter")
    order = np.random.default_rng(0).permutation(len(battles.sequence))
    ballots = votes.ballots
    names = votes.clusters("voter").names
    turned = Comparisons.of(
        votes.models,
        ballots.shown[battles.sequence[order]],
        ballots.places[battles.sequence[order]],
        labels={"voter": [names[i] for i in battles.cluster[order]]},
    )
    one, two = (voter_tastes(some, kinds=2, n_resamples=3) for some in (votes, turned))
    assert one.membership == pytest.approx(two.membership, abs=1e-9)
    assert one.kinds == two.kinds
    assert len(kind) == 30


def test_what_is_wrong_is_said_with_its_remedy():
    _, votes = crowd(0, voters=3, each=9)
    bare = Comparisons.of("ab", [[0, 1]] * 9, [[1, 2]] * 9)
    apart = Comparisons.of("ab", [[0], [1]], [[1], [1]], labels={"voter": ["x", "y"]})
    for call, error, text in (
        (lambda: voter_tastes(votes, kinds=4), OptionError, "3 voters cannot be of 4 kinds: set --kinds"),
        (lambda: voter_tastes(bare), SourceError, "do not say who voted: name the column"),
        (lambda: voter_tastes(votes, kinds=0), OptionError, "kinds must be a whole number"),
        (lambda: voter_tastes(votes, most=0), OptionError, "most must be a whole number"),
        (lambda: voter_tastes(votes, level=1), OptionError, "level must lie"),
        (lambda: voter_tastes(apart), VotesError, "No two models met"),
    ):
        with pytest.raises(error, match=text):
            call()
