"""Boards cluster by themselves where the votes name voters or prompts and that matters, and always say so."""

import numpy as np
import pytest

from agon.ranking import Comparisons, ScoreTable, compare_rules, rank
from agon.ranking.analysis.rule_probabilities import winner_probabilities

PLACES = np.array([[1, 2], [2, 1]])
NAMES = [f"m{k}" for k in range(6)]


def world(seed, votes=1200, voters=40, taste=0.0, prompts=50, prompt_taste=0.0, features=False):
    """Equal models; each voter (of Zipf sizes) and each prompt favours some of them; log-odds."""
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, voters + 1)
    voter = rng.choice(voters, votes, p=share / share.sum())
    prompt = rng.integers(0, prompts, votes) if prompts < votes else np.arange(votes)
    likes = rng.normal(0, 1, (voters, 6)) * taste, rng.normal(0, 1, (prompts, 6)) * prompt_taste
    i = rng.integers(0, 6, votes)
    j = (i + rng.integers(1, 6, votes)) % 6
    gap = sum(like[who, i] - like[who, j] for like, who in zip(likes, (voter, prompt), strict=True))
    won = rng.random(votes) < 1 / (1 + np.exp(-gap))
    more = {"features": {"length": rng.uniform(1, 100, (votes, 2))}} if features else {}
    labels = {"voter": voter.tolist(), "prompt": prompt.tolist()}
    return Comparisons.of(NAMES, np.stack([i, j], axis=1), PLACES[np.where(won, 0, 1)], labels=labels, **more)


def messages(board, code="clusters"):
    return [note.message for note in board.diagnostics if note.code == code]


def width(board):
    return np.mean([row.upper - row.lower for row in board.rows])


def test_voters_of_taste_are_clustered_by_without_being_asked_for():
    votes = world(1, taste=1.0, prompts=1200)
    board = rank(votes)
    assert board.settings["cluster"] == "voter"
    assert board.rows == rank(votes, cluster="voter").rows
    assert width(board) > 1.5 * width(rank(votes, cluster=None))


@pytest.mark.parametrize("cluster", [None, "none"])
def test_it_can_be_turned_off_and_the_design_effect_is_told_all_the_same(cluster):
    board = rank(world(1, taste=1.0, prompts=1200), cluster=cluster)
    assert board.settings["cluster"] is None
    assert "for which these intervals do not allow" in messages(board)[0]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("taste", [0.0, 0.2])
def test_the_choice_makes_no_board_narrower(seed, taste):
    votes = world(seed, votes=400, taste=taste)
    assert width(rank(votes)) >= width(rank(votes, cluster=None)) - 1e-9


@pytest.mark.slow
def test_intervals_hold_whether_votes_depend_or_not():
    """Equal models, so that every difference is 0: 95% of 15 x 60 differences, less twice the error of that.

    A data set's differences hang together: some three of fifteen are independent, an error of 1.6%.
    """
    for taste, prompt_taste, plain_holds in ((0.0, 0.0, True), (0.5, 0.0, False), (0.4, 0.4, False)):
        held = {"auto": 0, None: 0}
        for seed in range(60):
            votes = world(100 + seed, taste=taste, prompts=20, prompt_taste=prompt_taste)
            for cluster in held:
                board = rank(votes, cluster=cluster)
                gaps = [board.difference(a, b) for k, a in enumerate(NAMES) for b in NAMES[k + 1 :]]
                held[cluster] += sum(gap.lower <= 0 <= gap.upper for gap in gaps)
        assert held["auto"] / 900 > 0.95 - 2 * 0.016
        assert (held[None] / 900 > 0.95 - 2 * 0.016) == plain_holds


def test_both_columns_where_both_matter():
    votes = world(3, taste=0.7, prompts=15, prompt_taste=0.7)
    board = rank(votes)
    assert board.settings["cluster"] == "voter,prompt"
    assert messages(board)[0].startswith("Clustered by voter and prompt: ")
    assert rank(votes, interval="bootstrap", n_resamples=20).settings["cluster"] in ("voter", "prompt")


def test_the_design_effect_of_votes_repeated_is_how_often():
    """Each vote five times: the variance of single votes is a fifth of what the votes are worth."""
    rng = np.random.default_rng(5)
    shown = np.stack([np.arange(400) % 3, (np.arange(400) + 1) % 3], axis=1)
    places = PLACES[rng.integers(0, 2, 400)]
    labels = {"voter": np.repeat(np.arange(400), 5).tolist()}
    votes = Comparisons.of("abc", np.repeat(shown, 5, axis=0), np.repeat(places, 5, axis=0), labels=labels)
    board = rank(votes)
    once = rank(Comparisons.of("abc", shown, places))
    assert board.uncertainty.clustering.design_effect == pytest.approx(5, rel=0.03)
    assert width(board) == pytest.approx(width(once), rel=0.03)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("davidson", {}),
        ("plackett_luce", {}),
        ("thurstone", {}),
        ("win_rate", {}),
        ("bradley_terry", {"control": "length"}),
        ("bradley_terry", {"interval": "bootstrap", "n_resamples": 20}),
        ("elo", {"permutations": 5, "n_resamples": 20}),
        ("copeland", {"n_resamples": 20}),
        ("kwise_bayes", {}),
        ("kwise_bayes", {"interval": "bootstrap", "n_resamples": 5}),
    ],
)
def test_every_kind_of_method_clusters_and_says_the_design_effect(method, options):
    votes = world(6, taste=1.0, prompts=1200, features=True)
    board = rank(votes, method, **options)
    posterior = board.settings["interval"] == "posterior"
    assert board.settings["cluster"] == (None if posterior else "voter")
    assert sum("the design effect is" in message for message in messages(board)) == 2
    assert not posterior or "posterior takes votes for independent" in messages(board)[0]
    off = rank(votes, method, **options, cluster=None)
    assert sum("the design effect is" in message for message in messages(off)) == 2


def test_votes_of_one_voter_speak_for_one_voter():
    votes = Comparisons.of(
        "ab", [[0, 1]] * 100, [[1, 2]] * 80 + [[2, 1]] * 20, labels={"voter": ["solo"] * 100}
    )
    board = rank(votes)
    assert "say nothing of another" in messages(board, "single_voter")[0]
    assert board.conclusion() == "a leads 1 other at 95% for the one voter, however often one looks."
    two = Comparisons.of("ab", [[0, 1]] * 100, [[1, 2]] * 80 + [[2, 1]] * 20, labels={"voter": [0, 1] * 50})
    assert rank(two).conclusion().startswith("a is first of 2, but b could be first too")


def test_votes_without_a_voter_are_not_clustered_and_the_board_says_so():
    labels = {"voter": [*range(99), None]}
    votes = Comparisons.of("ab", [[0, 1]] * 100, [[1, 2], [2, 1]] * 50, labels=labels)
    board = rank(votes)
    assert board.settings["cluster"] is None
    told = "Not clustered by voter: some votes do not say theirs. Fill it in, or leave such votes out."
    assert messages(board) == [told], "and no path of a file, for boards are public"


def test_rules_are_compared_on_the_same_clusters():
    votes = world(7, taste=1.0, prompts=1200)
    seen = winner_probabilities(votes, ["copeland", "bradley_terry"], n_resamples=20)
    assert seen.cluster == "voter"
    asked = winner_probabilities(votes, ["copeland", "bradley_terry"], n_resamples=20, cluster="voter")
    assert np.array_equal(seen["copeland"].first, asked["copeland"].first)
    assert winner_probabilities(votes, ["copeland"], n_resamples=5, cluster=None).cluster is None
    assert compare_rules(votes, ["copeland"], n_resamples=5).to_dict()["methods"]


@pytest.mark.parametrize("method", ["bradley_terry", "davidson", "win_rate", "plackett_luce", "thurstone"])
def test_ratings_of_score_tables_have_their_intervals(method):
    table = ScoreTable.of("abc", list("tuvwxyz"), np.random.default_rng(0).normal(0, 1, (3, 7)))
    board = rank(table, method)
    assert (board.rank_method, board.settings["cluster"]) == ("differences", None)
    assert all(
        row.upper - row.lower > 0 for row in board.rows if row.lower is not None and row.upper is not None
    )


def test_votes_that_separate_all_models_are_of_as_many_voters_as_there_are():
    """Nothing is fitted to 12 to 0, so no voter says anything about a score; three voted all the same."""
    labels = {"voter": [0, 1, 2] * 4, "prompt": [0, 0, 0, 1, 1, 1] * 2}
    board = rank(Comparisons.of("ab", [[0, 1]] * 12, [[1, 2]] * 12, labels=labels))
    assert not messages(board, "single_voter") + messages(board, "single_prompt")
