"""What vectors do not tell is found from votes on prompts held out, and intervals of prompts hold it."""

import numpy as np
import pytest

from agon.ranking import Comparisons, prompt_boards
from agon.ranking.numerics import expit
from agon.ranking.tastes.judgements import Judgements
from agon.ranking.tastes.topic_misfit import HeldOutGaps, fit_misfit

NAMES = [f"m{i}" for i in range(6)]
BONUS = np.array([[1, 0, 0, -1, 0, 0], [0, 1, 0, 0, -1, 0], [0, 0, 1, 0, 0, -1]])


def planted(seed, own, effect=2.0, prompts=400, each=10):
    """Prompts between three topics, whose strengths differ by `own` nats each beside that."""
    rng = np.random.default_rng(seed)
    mix = rng.dirichlet([0.7, 0.7, 0.7], prompts)
    vectors = mix @ rng.normal(size=(3, 24)) + rng.normal(0, 0.1, (prompts, 24))
    strengths = np.linspace(-0.8, 0.8, 6) + effect * mix @ BONUS + rng.normal(0, own, (prompts, 6))
    at = np.repeat(np.arange(prompts), each)
    first = rng.integers(0, 6, len(at))
    second = (first + rng.integers(1, 6, len(at))) % 6
    won = rng.random(len(at)) < expit(strengths[at, first] - strengths[at, second])
    votes = Comparisons.of(
        NAMES,
        np.stack([first, second], axis=1),
        np.where(won[:, None], [1, 2], [2, 1]),
        labels={"prompt": [f"p{i:03d}" for i in at]},
    )
    return votes, {f"p{i:03d}": vector for i, vector in enumerate(vectors)}, strengths


def held(boards, vectors, truth):
    """Share of scores (P, M), nats, that lie within their intervals."""
    inside = []
    for vector, row in zip(vectors, truth, strict=True):
        board = boards.board(vector)
        points = 1000 + 400 / np.log(10) * (row - row.mean())[[NAMES.index(name) for name in board.models]]
        inside += ((board.lower <= points) & (points <= board.upper)).tolist()
    return float(np.mean(inside))


def test_the_likelihood_of_two_votes_is_that_of_a_simulation():
    rng = np.random.default_rng(0)
    gap, covariance, shared = np.array([0.7, -0.4]), np.array([[0.2, 0.1], [0.1, 0.3]]), 1.0
    variance = 0.5
    whole = covariance + variance * np.array([[2.0, shared], [shared, 2.0]])
    # The middle is that at which each vote by itself keeps its chance: found by simulation too.
    noise = rng.multivariate_normal([0, 0], whole, 400_000)
    centre = []
    for side in (0, 1):
        low, high = -5.0, 5.0
        for _ in range(40):
            middle = (low + high) / 2
            if expit(middle + noise[:, side]).mean() < expit(gap[side]):
                low = middle
            else:
                high = middle
        centre.append(middle)
    for won in ((1, 1), (1, 0), (0, 1), (0, 0)):
        sign = 2 * np.array(won) - 1
        seen = expit(sign * (np.array(centre) + noise)).prod(axis=1).mean()
        pair = HeldOutGaps(gap[None], np.array([[0.2, 0.3, 0.1]]), np.array([won], dtype=float))
        error = variance * np.array([[2.0, 2.0, shared]])
        assert np.exp(pair.log_likelihood(error)) == pytest.approx(seen, abs=0.01)


@pytest.mark.parametrize(("own", "bends"), [(0.0, 0.0), (0.7, 0.0), (0.7, 1.0)])
def test_a_planted_variance_is_found(own, bends):
    rng = np.random.default_rng(3)
    n, differ = 16_000, np.array([2.0, 1.0, 0.4, 0.6])
    variance = own**2 * (differ / differ.mean()) ** bends
    models = np.array([rng.permutation(4)[:3] for _ in range(n)])
    error = rng.normal(size=(n, 4)) * np.sqrt(variance)
    strengths = np.array([0.8, 0.2, -0.3, -0.7])
    sides, won, gaps = [], [], []
    for second in (models[:, 1], models[:, 2]):  # two pairs that share their first model
        rows, first = np.arange(n), models[:, 0]
        gap = strengths[first] - strengths[second]
        spread = variance[first] + variance[second]
        chance = expit(gap * np.sqrt(1 + 0.346 * spread) + error[rows, first] - error[rows, second])
        gaps.append(gap)
        won.append(rng.random(n) < chance)
        sides.append(Judgements(rows, first, second, won[-1] * 1.0, np.ones(n), (), tuple("abcd")))
    gaps = HeldOutGaps(np.stack(gaps, 1), np.zeros((n, 3)), np.stack(won, 1).astype(float))
    assert fit_misfit(gaps, *sides, differ) == pytest.approx(variance, abs=0.05 + 0.25 * own**2)


def test_intervals_of_prompts_hold_what_their_vectors_do_not_tell():
    inside = []
    for seed in range(2):
        votes, vectors, strengths = planted(seed, 0.5)
        found = prompt_boards(votes, vectors, features=6)
        assert found.by_prompt
        assert found.misfit.together == 1
        assert 0.2 < np.sqrt(found.misfit.variance.mean()) < 0.8
        inside.append(held(found, list(vectors.values())[::10], strengths[::10]))
    assert np.mean(inside) > 0.88  # without it: 0.4
    assert (
        "Intervals are of single prompts, which may differ from what vectors tell by about" in found.scope()
    )


def test_where_prompts_have_a_vote_each_intervals_are_of_many_together():
    votes, vectors, _ = planted(7, 0.0, prompts=2000, each=1)
    found = prompt_boards(votes, vectors, features=6)
    assert found.misfit.together > 1
    assert f"the mean of about {found.misfit.together} prompts like one" in found.scope()


def test_without_topics_the_board_is_of_all_prompts_and_says_how_single_ones_differ():
    votes, vectors, _ = planted(8, 0.6, effect=0.0, prompts=60, each=60)
    found = prompt_boards(votes, vectors, features=6)
    assert not found.by_prompt
    board = found.board(vectors["p000"])
    assert board.where == "over all prompts"
    assert "over all prompts" in board.conclusion()
    points = 400 / np.log(10) * 0.6
    assert 0.8 * points < float(found.scope().split("about ")[1].split(" points")[0]) < 1.2 * points
    # The mean over 60 prompts is known no better than 60 draws tell, however many votes each has.
    assert (board.upper - board.lower).min() > 2 * 1.96 * points * np.sqrt(5 / 6 / 60)
