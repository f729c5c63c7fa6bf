"""A small neural network on top of a linear head: strengths that bend with what a prompt is about.

The linear head stays as it is; the network adds to it what a plane cannot say. It is an ensemble: each member
learns from prompts drawn with replacement and stops where those not drawn are predicted best, so that what
does not help is not learnt, and the spread of the members is that of a bootstrap. Torch fits it; what is
fitted is plain arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from agon.ranking.errors import MethodError
from agon.ranking.numerics import FloatArray
from agon.ranking.tastes.judgements import Judgements

MEMBERS, WIDTH = 8, 24
_STEPS, _PATIENCE, _EVERY, _RATE = 400, 60, 5, 0.03
_DECAY = 1.0  # one over the variance of the prior of outer weights; inner ones have a tenth of it


@dataclass(frozen=True, eq=False)
class TopicNetwork:
    """E members; the strengths that each adds are tanh(z · inner + bias) · outer.

    Attributes:
        inner, bias, outer: (E, F, H), (E, H) and (E, H, M).
        scale: by which features are multiplied.
    """

    inner: FloatArray
    bias: FloatArray
    outer: FloatArray
    scale: float

    def added(self, features: FloatArray) -> FloatArray:
        """(E, P, M) nats that each member adds to the strengths on (P, F) prompts, of mean zero."""
        found = np.tanh(self.scale * features @ self.inner + self.bias[:, None]) @ self.outer
        return np.asarray(found - found.mean(axis=2, keepdims=True))


@contextmanager
def _one_thread(torch: Any) -> Iterator[None]:
    """As `threads_for`: a second thread helps no small network, and costs tenfold on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def fit_topic_network(cells: Judgements, linear: FloatArray, features: FloatArray, seed: int) -> TopicNetwork:
    """Fit what a linear head leaves.

    Args:
        cells: R rows of votes on P prompts, which are their voters.
        linear: (P, M) strengths of the linear head on each prompt, nats.
        features: (P, F) what the prompts are about.
        seed: of the draws of prompts and of the first weights.

    Raises:
        MethodError: torch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise MethodError(
            "A head that is a network needs the part for torch; install it: pip install 'agon-arena[torch]'."
        ) from error
    rng = np.random.default_rng(seed)
    prompts, m = linear.shape
    width = features.shape[1]
    scale = np.sqrt(width / max(float((features**2).sum(axis=1).mean()), 1e-300))
    told = np.unique(cells.voter)  # prompts with votes to learn from
    drawn = np.stack(
        [
            np.bincount(rng.choice(told, len(told)), minlength=prompts).astype(np.float64)
            for _ in range(MEMBERS)
        ]
    )

    def tensor(values: Any) -> Any:
        return torch.as_tensor(np.ascontiguousarray(values))

    z = tensor(scale * features)
    prompt, first, second = (tensor(one.astype(np.int64)) for one in (cells.voter, cells.first, cells.second))
    base = tensor(linear[cells.voter, cells.first] - linear[cells.voter, cells.second])
    won, met = tensor(cells.won), tensor(cells.met)
    learn = tensor(drawn)[:, prompt]
    left = (learn == 0).double()
    total = (learn * met).sum(dim=1)
    weights = [
        tensor(rng.normal(0, 1 / np.sqrt(width), (MEMBERS, width, WIDTH))),
        tensor(rng.normal(0, 0.5, (MEMBERS, WIDTH))),
        tensor(np.zeros((MEMBERS, WIDTH, m))),
    ]
    inner, bias, outer = (one.requires_grad_() for one in weights)

    def losses() -> Any:
        added = torch.tanh(z @ inner + bias[:, None]) @ outer
        gap = base + added[:, prompt, first] - added[:, prompt, second]
        return met * torch.nn.functional.softplus(gap) - won * gap

    descent = torch.optim.Adam(weights, lr=_RATE)
    kept = [one.detach().clone() for one in weights]
    least, since = np.full(MEMBERS, np.inf), 0
    with _one_thread(torch):
        for step in range(_STEPS + 1):
            cost = losses()
            if step % _EVERY == 0:
                outside = (left * cost).detach().sum(dim=1).numpy()
                better = outside < least - 1e-9
                least = np.where(better, outside, least)
                since = 0 if better.any() else since + _EVERY
                for old, new in zip(kept, weights, strict=True):
                    old[torch.as_tensor(better)] = new.detach()[torch.as_tensor(better)]
                if since >= _PATIENCE:
                    break
            pull = _DECAY * (outer.square().sum(dim=(1, 2)) + 0.1 * inner.square().sum(dim=(1, 2))) / 2
            descent.zero_grad()
            (((learn * cost).sum(dim=1) + pull) / total).sum().backward()
            descent.step()
    made: list[FloatArray] = [np.asarray(one.numpy(), dtype=np.float64) for one in kept]
    return TopicNetwork(made[0], made[1], made[2], float(scale))
