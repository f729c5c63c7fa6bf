"""`PairVerdicts`: who was preferred in each pair of answers, by a judge or by people, prompt by prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from agon.ranking.errors import VotesError
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.text import Readable


@dataclass(frozen=True, eq=False, repr=False)
class PairVerdicts(Readable):
    """Verdicts on pairs of answers.

    Attributes:
        models: M names.
        prompts: G prompts, by whatever tells them apart.
        first, second: (N,) the model shown first and the other, as numbers of `models`.
        p_first: (N,) probability that the answer shown first is better; 1, ½ and 0 of who does not say.
        prompt: (N,) as numbers of `prompts`.
        lengths: (N, 2) of both answers, in characters; None where that is not known.
        repeats: (N,) chance that two answers of the judge to the same question agree; NaN where it was asked
            once, None where it always was.
    """

    models: tuple[str, ...]
    prompts: tuple[str, ...]
    first: IntArray
    second: IntArray
    p_first: FloatArray
    prompt: IntArray
    lengths: FloatArray | None = None
    repeats: FloatArray | None = None

    @classmethod
    def of(
        cls,
        model_a: Sequence[str],
        model_b: Sequence[str],
        p_a: ArrayLike,
        prompt: Sequence[object],
        *,
        lengths: ArrayLike | None = None,
        repeats: ArrayLike | None = None,
    ) -> PairVerdicts:
        """Check and keep N verdicts.

        Raises:
            VotesError: columns of different lengths, a probability outside 0 to 1, or a model against itself.
        """
        p = np.asarray(p_a, dtype=np.float64)
        size = len(p)
        if not (len(model_a) == len(model_b) == len(prompt) == size):
            raise VotesError(
                f"{len(model_a)}, {len(model_b)}, {size} and {len(prompt)} values of model_a, model_b, p_a "
                "and prompt are not parallel; give one of each for every verdict."
            )
        if wrong := np.flatnonzero(~((p >= 0) & (p <= 1))).tolist():
            raise VotesError(f"Verdict {wrong[0] + 1} has a p_a of {p[wrong[0]]}; give one from 0 to 1.")
        if same := [i for i, (a, b) in enumerate(zip(model_a, model_b, strict=True)) if a == b]:
            raise VotesError(
                f"Verdict {same[0] + 1} compares {model_a[same[0]]!r} with itself; leave it out."
            )
        models, place = np.unique(np.array([*model_a, *model_b], dtype=str), return_inverse=True)
        prompts, number = np.unique(np.array(list(map(str, prompt)), dtype=str), return_inverse=True)
        place = place.reshape(-1).astype(np.int64)
        return cls(
            tuple(models.tolist()),
            tuple(prompts.tolist()),
            place[:size],
            place[size:],
            p,
            number.reshape(-1).astype(np.int64),
            None if lengths is None else np.asarray(lengths, dtype=np.float64).reshape(size, 2),
            None if repeats is None else np.asarray(repeats, dtype=np.float64),
        )

    def __len__(self) -> int:
        return len(self.p_first)

    def conclusion(self) -> str:
        """Say in one sentence how many there are."""
        return f"{len(self):,} verdicts on {len(self.models)} models and {len(self.prompts):,} prompts"
