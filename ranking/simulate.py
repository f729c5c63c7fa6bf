"""Votes from known strengths: worlds in which the right answer is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agon.ranking.errors import OptionError
from agon.ranking.numerics import FloatArray, IntArray, expit
from agon.ranking.text import Readable
from agon.ranking.votes.comparisons import Comparisons

OUTCOMES = ("model_a", "model_b", "tie", "both_bad")


@dataclass(frozen=True, eq=False, repr=False)
class World(Readable):
    """Simulated votes with the strengths that made them.

    Attributes:
        models: M names.
        strengths: (M,) in nats, zero mean.
        first, second: (N,) model indices as shown left and right.
        outcome: (N,) index into `OUTCOMES`.
        voter: (N,) number of the voter.
        amounts: what the two answers hold, (N, 2) each: length in characters, headers, lists, bold. Empty
            unless an effect of length was asked for.
        hostile: (N,) 0 for an honest vote, else 1 + the place of its attack in `attacks.ATTACKS`; None where
            nobody attacks.
        network: (N,) number of the network that a vote was cast from; None where that is not known.
    """

    models: tuple[str, ...]
    strengths: FloatArray
    first: IntArray
    second: IntArray
    outcome: IntArray
    voter: IntArray
    amounts: Mapping[str, IntArray] = field(default_factory=dict)
    hostile: IntArray | None = None
    network: IntArray | None = None

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return f"{len(self.outcome):,} simulated votes on {len(self.models)} models of known strengths"

    def comparisons(self) -> Comparisons:
        """Return the votes ready to rank."""
        places = np.array([[1, 2], [2, 1], [1, 1], [1, 1]])[self.outcome]
        fine = np.array([[-1, -1], [-1, -1], [1, 1], [0, 0]])[self.outcome]
        shown = np.stack([self.first, self.second], axis=1)
        labels: dict[str, list[object]] = {"voter": self.voter.tolist()}
        if self.network is not None:
            labels["network"] = [f"network-{number}" for number in self.network.tolist()]
        return Comparisons.of(self.models, shown, places, acceptable=fine, labels=labels)


def bradley_terry_world(
    n_models: int = 12,
    n_votes: int = 2000,
    *,
    ties: float = 0.15,
    both_bad: float = 0.05,
    spread: float = 1.0,
    voters: int = 100,
    seed: int = 0,
    strengths: NDArray[np.float64] | None = None,
    length_effect: float | None = None,
) -> World:
    """Draw votes on random pairs from a Bradley-Terry world with ties.

    With probability `ties` a vote is a tie and with `both_bad` both answers are bad, whoever meets;
    else the chance to win is logistic in the difference of strengths. So ties carry no information and
    the decisive votes are exactly Bradley-Terry.

    Args:
        n_models: M, at least 2.
        n_votes: N, at least 0.
        ties: share of ties, 0 to 1.
        both_bad: share of "both bad" votes; together with `ties` at most 1.
        spread: standard deviation of the strengths, in nats.
        voters: number of voters, each vote by one at random.
        seed: of everything drawn.
        strengths: (M,) in nats instead of drawn ones.
        length_effect: log-odds that an answer gains for each unit of (a − b)/(a + b) of the lengths a and b,
            which do not depend on the models; None for answers without a length.

    Raises:
        OptionError: a value outside its range.
    """
    if strengths is not None:
        n_models = len(strengths)
    if n_models < 2 or n_votes < 0 or voters < 1:
        raise OptionError(
            "A world needs at least 2 models, 1 voter and a number of votes that is not negative, "
            f"not n_models={n_models}, voters={voters}, n_votes={n_votes}."
        )
    if not (ties >= 0 and both_bad >= 0 and ties + both_bad <= 1 and 0 <= spread < np.inf):
        raise OptionError(
            "ties and both_bad are shares that sum to at most 1, spread is not negative, "
            f"not ties={ties}, both_bad={both_bad}, spread={spread}."
        )
    if strengths is not None and not np.all(np.isfinite(strengths)):
        raise OptionError(f"strengths must be finite numbers, in nats, not {list(strengths)}.")
    rng = np.random.default_rng(seed)
    theta = rng.normal(0, spread, n_models) if strengths is None else np.asarray(strengths, dtype=np.float64)
    theta = theta - theta.mean()
    first = rng.integers(0, n_models, n_votes)
    second = (first + rng.integers(1, n_models, n_votes)) % n_models
    amounts = {} if length_effect is None else draw_amounts(n_votes, seed)
    gain: FloatArray | float = 0.0
    if length_effect is not None:
        a, b = amounts["length"].T
        gain = length_effect * (a - b) / (a + b)
    decided = np.where(rng.random(n_votes) < expit(theta[first] - theta[second] + gain), 0, 1)
    kind = rng.random(n_votes)
    outcome = np.where(kind < ties, 2, np.where(kind < ties + both_bad, 3, decided))
    width = len(str(n_models))
    names = tuple(f"model-{i + 1:0{width}d}" for i in range(n_models))
    return World(names, theta, first, second, outcome, rng.integers(0, voters, n_votes), amounts)


def draw_amounts(n_votes: int, seed: int) -> dict[str, IntArray]:
    """Lengths of the answers, log-normal around 800 characters, and Markdown that grows with them.

    From a stream of its own, so that the same seed gives the same pairs and voters with and without it.
    """
    rng = np.random.default_rng([seed, 1])
    length = 20 + np.rint(rng.lognormal(np.log(800), 0.6, (n_votes, 2))).astype(np.int64)
    rates = {"headers": 600, "lists": 200, "bold": 300}  # characters for one
    return {"length": length} | {name: rng.poisson(length / rate) for name, rate in rates.items()}
