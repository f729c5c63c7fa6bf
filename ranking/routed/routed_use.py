"""Conversations that were each answered by one model, drawn with a known chance."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agon.ranking.errors import OptionError, VotesError, suggest
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.routed.use_signals import SIGNALS
from agon.ranking.text import Readable


@dataclass(frozen=True, eq=False, repr=False)
class RoutedUse(Readable):
    """N conversations in the order in which their models were drawn, and what was observed of each.

    Attributes:
        models: M names.
        model: (N,) the model that was drawn.
        draw: (N,) row of `probabilities` that it was drawn by.
        probabilities: (D, M) chances of the models, known before the draw; 0 for one that could not be drawn.
        user: (N,) number of the user, from 0.
        signals: {signal: (N,) value, NaN where there is none}.
    """

    models: tuple[str, ...]
    model: IntArray
    draw: IntArray
    probabilities: FloatArray
    user: IntArray
    signals: Mapping[str, FloatArray]

    @classmethod
    def of(
        cls,
        models: Sequence[str],
        model: npt.ArrayLike,
        probabilities: npt.ArrayLike,
        users: Sequence[Hashable],
        signals: Mapping[str, npt.ArrayLike],
        *,
        draw: npt.ArrayLike | None = None,
    ) -> RoutedUse:
        """Check conversations and take them over.

        Args:
            models: M names, each once.
            model: (N,) positions of the models that were drawn.
            probabilities: (D, M) chances of the draws, or (M,) of all of them.
            users: (N,) who asked.
            signals: {signal: (N,) value, NaN where there is none}.
            draw: (N,) rows of `probabilities`; None where there is a row for each conversation, or one for
                all.

        Raises:
            VotesError: lengths that do not fit, chances that do not sum to 1, a model that could not have
                been drawn, a signal without a finite value where it has one.
            OptionError: an unknown signal.
        """
        names = tuple(models)
        drawn = np.asarray(model, dtype=np.int64)
        table = np.atleast_2d(np.asarray(probabilities, dtype=np.float64))
        n = len(drawn)
        if draw is None and len(table) not in (1, n):
            raise VotesError(
                f"There are {n:,} conversations and {len(table):,} rows of probabilities; say in draw which "
                "row is whose."
            )
        rows = np.asarray(draw if draw is not None else (np.arange(n) if len(table) == n else np.zeros(n)))
        rows = rows.astype(np.int64)
        for what, size in (
            ("users", len(users)),
            ("draw", len(rows)),
            *((s, np.size(signals[s])) for s in signals),
        ):
            if size != n:
                raise VotesError(
                    f"There are {n:,} conversations and {size:,} values of {what}; give one each."
                )
        if len(set(names)) != len(names) or table.shape[1] != len(names):
            raise VotesError(
                f"The probabilities have {table.shape[1]} columns for {len(set(names))} names of models; "
                "give one column for each model, and each name once."
            )
        if n and not (
            drawn.min() >= 0 and drawn.max() < len(names) and rows.min() >= 0 and rows.max() < len(table)
        ):
            raise VotesError("A position of model or draw lies outside its table; positions count from 0.")
        if (table < 0).any() or not np.allclose(table.sum(axis=1), 1.0, rtol=0, atol=1e-6):
            wrong = int(np.flatnonzero((table < 0).any(axis=1) | (np.abs(table.sum(axis=1) - 1) > 1e-6))[0])
            raise VotesError(
                f"Row {wrong + 1:,} of the probabilities is no set of chances; they must be 0 or more and "
                "sum to 1."
            )
        if len(never := np.flatnonzero(table[rows, drawn] <= 0)):
            raise VotesError(
                f"Conversation {never[0] + 1:,} has a model whose probability is 0, so it was not drawn by "
                "it; give the probabilities that it was drawn by."
            )
        found = {}
        for signal, values in signals.items():
            if signal not in SIGNALS:
                raise OptionError(f"There is no signal {signal!r:.60}; {suggest(signal, SIGNALS)}")
            found[signal] = np.asarray(values, dtype=np.float64)
            if np.isinf(found[signal]).any():
                raise VotesError(f"A value of {signal} is infinite; leave it out as NaN.")
        numbers: dict[Hashable, int] = {}
        user = np.array([numbers.setdefault(one, len(numbers)) for one in users], dtype=np.int64)
        return cls(names, drawn, rows, table, user, found)

    def __len__(self) -> int:
        return len(self.model)

    def conclusion(self) -> str:
        """Say in one sentence what they are."""
        users = len(np.unique(self.user))
        return (
            f"{len(self):,} conversations of {users:,} users, each answered by one of {len(self.models)} "
            f"models that was drawn; signals: {', '.join(self.signals) or 'none'}."
        )
