"""A board for each prompt: planted topics are found, and none where there are none."""

import numpy as np
import pytest

from agon.ranking import METHODS, Comparisons, OptionError, SourceError, prompt_boards
from agon.ranking.numerics import expit
from agon.ranking.tastes.judgements import Judgements, posterior_mode

NAMES = [f"m{i}" for i in range(6)]
BASE = np.linspace(-0.8, 0.8, 6)


def asked(seed, effect, prompts=400, each=10):
    """Prompts between three topics: in each another model gains; vectors are mixtures of three directions."""
    rng = np.random.default_rng(seed)
    mix = rng.dirichlet([0.7, 0.7, 0.7], prompts)
    directions = rng.normal(size=(3, 24))
    vectors = mix @ directions + rng.normal(0, 0.1, (prompts, 24))
    bonus = effect * np.array([[1, 0, 0, -1, 0, 0], [0, 1, 0, 0, -1, 0], [0, 0, 1, 0, 0, -1]])
    strengths = BASE + mix @ bonus
    at = np.repeat(np.arange(prompts), each)
    first = rng.integers(0, 6, len(at))
    second = (first + rng.integers(1, 6, len(at))) % 6
    won = rng.random(len(at)) < expit(strengths[at, first] - strengths[at, second])
    names = [f"p{i:03d}" for i in at]
    votes = Comparisons.of(
        NAMES,
        np.stack([first, second], axis=1),
        np.where(won[:, None], [1, 2], [2, 1]),
        labels={"prompt": names},
    )
    return votes, {f"p{i:03d}": vector for i, vector in enumerate(vectors)}, mix, strengths, directions


def category_loss(votes, topic, folds=5):
    """Log loss of boards of each category on prompts held out, fitted by another routine."""
    cells = Judgements.of(votes, "prompt").cells()
    fold = np.random.default_rng(0).permutation(len(cells.voters)) % folds
    total = 0.0
    for f in range(folds):
        for c in range(3):
            inside = topic[cells.voter] == c
            learn = cells.where(np.flatnonzero(inside & (fold[cells.voter] != f)))
            theta, _ = posterior_mode(learn.table(np.ones(len(cells.voters))), np.zeros(6), 0.01)
            ask = cells.where(np.flatnonzero(inside & (fold[cells.voter] == f)))
            gap = theta[ask.first] - theta[ask.second]
            total += float((ask.met * np.logaddexp(0, gap) - ask.won * gap).sum())
    return total / cells.met.sum()


def test_boards_of_prompts_predict_better_than_boards_of_categories_where_topics_are_planted():
    votes, vectors, mix, strengths, directions = asked(10, 2.0)
    found = prompt_boards(votes, vectors, features=6)
    assert found.ridge is not None
    assert found.log_loss < category_loss(votes, mix.argmax(axis=1)) < found.one_board
    assert found.gain_lower > 0
    inside = []
    for i in range(0, 400, 8):
        board = found.board(vectors[f"p{i:03d}"])
        truth = 1000 + 400 / np.log(10) * (strengths[i] - strengths[i].mean())
        place = [NAMES.index(name) for name in board.models]
        inside += ((board.lower <= truth[place]) & (truth[place] <= board.upper)).tolist()
    assert np.mean(inside) > 0.85
    pure = found.board(directions[0])  # all of the first topic: m0 gains 2 nats, m3 loses 2
    assert pure.models[-1] in ("m3", "m4")
    assert set(pure.contenders) & {"m0", "m5"}


def test_without_topics_every_prompt_has_the_board_of_all():
    votes, vectors, *_ = asked(2, 0.0, prompts=200)
    found = prompt_boards(votes, vectors, features=6)
    assert found.ridge is None
    assert "have one board" in found.conclusion()
    one, two = found.board(vectors["p000"]), found.board(vectors["p001"])
    assert one.scores == pytest.approx(two.scores)
    fit = METHODS["bradley_terry"].function(votes.pairs)
    by_name = dict(zip(one.models, one.scores, strict=True))
    known = 1000 + 400 / np.log(10) * fit.values
    assert [by_name[name] for name in votes.models] == pytest.approx(known.tolist(), abs=2)


def test_the_cheapest_of_those_that_may_be_best_is_named():
    votes, vectors, *_ = asked(2, 0.0, prompts=200)
    board = prompt_boards(votes, vectors, features=6).board(vectors["p000"])
    prices = {name: float(place) for place, name in enumerate(reversed(board.models))}
    assert board.cheapest(prices) == board.contenders[-1]
    with pytest.raises(OptionError, match="No price is known of"):
        board.cheapest({})


def test_what_is_wrong_is_said_with_its_remedy():
    votes, vectors, *_ = asked(3, 0.0, prompts=20)
    short = {**vectors, "p003": vectors["p003"][:5]}
    less = {name: vector for name, vector in vectors.items() if name != "p004"}
    bare = Comparisons.of("ab", [[0, 1]] * 9, [[1, 2]] * 9)
    for call, error, text in (
        (lambda: prompt_boards(votes, short), OptionError, r"prompt 'p003' has shape \(5,\)"),
        (lambda: prompt_boards(votes, less), OptionError, "1 of 20 prompts have no vector, such as 'p004'"),
        (lambda: prompt_boards(bare, vectors), SourceError, "do not say on which prompt"),
        (lambda: prompt_boards(votes, vectors, level=2), OptionError, "level must lie"),
        (lambda: prompt_boards(votes, vectors).board([1.0, 2.0]), OptionError, r"has shape \(2,\)"),
    ):
        with pytest.raises(error, match=text):
            call()
