"""Worlds of routed use whose right answers are known in closed form, with fixed and adaptive draws."""

from dataclasses import dataclass

import numpy as np

from agon.ranking.routed.draw_policies import DrawPolicy
from agon.ranking.routed.routed_use import RoutedUse


@dataclass(frozen=True)
class UseWorld:
    """Two kinds of users: heavy ones, who come often and like less, and light ones.

    A conversation's signal is 0 or 1 with the chance `base` of its model, moved by the user's own lean and by
    the kind, and by a drift over time that is the same for all models.
    """

    base: tuple[float, ...]
    users: int = 200
    heavy: float = 0.2
    often: tuple[float, float] = (3.0, 15.0)  # mean conversations beyond the first, light and heavy
    less: float = 0.15
    lean: float = 0.12  # half width of the user's own lean, uniform
    taste: float = 0.06  # and of what he thinks of each model
    drift: float = 0.0

    def truth(self) -> np.ndarray:
        """(M,) the mean signal of each model over conversations."""
        light, heavy = (1 - self.heavy) * (1 + self.often[0]), self.heavy * (1 + self.often[1])
        return np.array(self.base) - self.less * heavy / (light + heavy)

    def run(self, policy: DrawPolicy, rng: np.random.Generator, every: int = 25) -> RoutedUse:
        """Use of a world, whose chances are learnt anew after so many conversations."""
        m = len(self.base)
        kind = rng.random(self.users) < self.heavy
        number = 1 + rng.poisson(np.where(kind, self.often[1], self.often[0]))
        lean = rng.uniform(-self.lean, self.lean, self.users)
        taste = rng.uniform(-self.taste, self.taste, (self.users, m))
        user = rng.permutation(np.repeat(np.arange(self.users), number))
        n = len(user)
        sums, squares, counts = np.zeros(m), np.zeros(m), np.zeros(m)
        table, draw = [], np.zeros(n, dtype=np.int64)
        model, value = np.zeros(n, dtype=np.int64), np.zeros(n)
        chance = None
        for t in range(n):
            if t % every == 0:
                chance = policy.probabilities(counts, sums, squares)
                table.append(chance)
            draw[t] = len(table) - 1
            k = model[t] = rng.choice(m, p=chance)
            p = self.base[k] - self.less * kind[user[t]] + lean[user[t]] + taste[user[t], k]
            p += self.drift * (t / n - 0.5)
            value[t] = rng.random() < p
            counts[k] += 1
            sums[k] += value[t]
            squares[k] += value[t] ** 2
        names = [f"model-{k}" for k in range(m)]
        return RoutedUse.of(names, model, np.array(table), user.tolist(), {"copied": value}, draw=draw)
