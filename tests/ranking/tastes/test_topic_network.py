"""A network on top of the linear head: taken where strengths bend with the prompt, and only there."""

import sys

import numpy as np
import pytest

from agon.ranking import Comparisons, MethodError, OptionError, prompt_boards, route_prompt
from agon.ranking.numerics import expit

NAMES = [f"m{i}" for i in range(4)]
BONUS = np.array([1.8, -1.8, 0.9, -0.9])
torch = pytest.importorskip("torch", reason="the part torch is not installed")


def crossed(seed, effect, prompts=240, each=10):
    """Who wins depends on whether two directions of the vectors have the same sign, which no plane tells."""
    rng = np.random.default_rng(seed)
    place = rng.normal(size=(prompts, 2))
    directions = np.linalg.qr(rng.normal(size=(8, 2)))[0].T
    vectors = place @ directions + rng.normal(0, 0.05, (prompts, 8))
    strengths = effect * np.sign(place[:, :1] * place[:, 1:]) * BONUS
    at = np.repeat(np.arange(prompts), each)
    first = rng.integers(0, 4, len(at))
    second = (first + rng.integers(1, 4, len(at))) % 4
    gap = strengths[at, first] - strengths[at, second]
    won = rng.random(len(at)) < expit(gap)
    votes = Comparisons.of(
        NAMES,
        np.stack([first, second], axis=1),
        np.where(won[:, None], [1, 2], [2, 1]),
        labels={"prompt": [f"p{i:03d}" for i in at]},
    )
    best = float(np.logaddexp(0, np.where(won, -gap, gap)).mean())  # loss of who knows the strengths
    return votes, {f"p{i:03d}": vector for i, vector in enumerate(vectors)}, place, best


def test_what_bends_is_found_where_a_plane_finds_nothing():
    votes, vectors, place, best = crossed(1, 1.0)
    plain = prompt_boards(votes, vectors, features=2, folds=2)
    found = prompt_boards(votes, vectors, head="network", features=2, folds=2)
    assert not plain.by_prompt
    assert found.by_prompt
    assert found.ridge is None
    assert found.log_loss == found.network_loss
    # More than half of what can be known beyond one board is known.
    assert found.one_board - found.log_loss > 0.5 * (found.one_board - best)
    assert "network, better beyond chance than a linear head" in found.conclusion()
    deep = np.flatnonzero(np.abs(place).min(axis=1) > 0.6)
    right = [
        found.board(vectors[f"p{i:03d}"]).models[0] == ("m0" if place[i].prod() > 0 else "m1") for i in deep
    ]
    assert np.mean(right) > 0.9
    again = prompt_boards(votes, vectors, head="network", features=2, folds=2)
    assert again.board(vectors["p000"]).scores.tolist() == found.board(vectors["p000"]).scores.tolist()
    assert route_prompt(found, vectors["p000"]).basis() == f"{found.conclusion()} {found.scope()}"


def test_without_topics_a_network_is_not_taken_and_boards_are_those_of_before():
    votes, vectors, _, _ = crossed(2, 0.0, prompts=120)
    plain = prompt_boards(votes, vectors, features=2, folds=2)
    found = prompt_boards(votes, vectors, head="network", features=2, folds=2)
    assert found.network is None
    assert found.network_loss is not None
    assert found.log_loss == plain.log_loss
    assert found.board(vectors["p000"]).scores.tolist() == plain.board(vectors["p000"]).scores.tolist()


def test_without_torch_the_line_that_installs_it_is_said(monkeypatch):
    votes, vectors, _, _ = crossed(3, 0.0, prompts=20)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MethodError, match=r"install it: pip install 'agon-arena\[torch\]'"):
        prompt_boards(votes, vectors, head="network", folds=2)
    assert prompt_boards(votes, vectors, folds=2).network_loss is None  # the remedy: leave it out
    with pytest.raises(OptionError, match="head must be 'linear' or 'network', not 'mlp'"):
        prompt_boards(votes, vectors, head="mlp")
