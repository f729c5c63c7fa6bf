"""Where a prompt is to go: the model that wins on prompts like it, and cheaper ones that are hardly worse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from agon.ranking.errors import OptionError
from agon.ranking.tastes.topic_head import PromptBoard, PromptBoards
from agon.ranking.text import Readable

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class PromptRoute(Readable):
    """Which model to ask.

    Attributes:
        board: of prompts like the one given.
        boards: what the votes say of all prompts.
        prices: model → price, as far as known.
        within: points that a cheaper model may be below the best.
        cheaper: models that cost less than the best and are at most `within` points below it, at the board's
            level, the cheapest first.
    """

    board: PromptBoard
    boards: PromptBoards
    prices: Mapping[str, float]
    within: float
    cheaper: tuple[str, ...]

    @property
    def best(self) -> str:
        """The model that wins there."""
        return self.board.models[0]

    @property
    def choice(self) -> str:
        """The cheapest that is hardly worse than the best; the best, where there is none."""
        return self.cheaper[0] if self.cheaper else self.best

    def conclusion(self) -> str:
        """Say in one sentence which model wins there, how sure that is, and what costs less."""
        board, known = self.board, self.best in self.prices
        price = f", at a price of {self.prices[self.best]:g}" if known else ""
        text = (
            f"{self.best} wins {board.where}, the best with a chance of {board.probabilities[0]:.0%}{price}"
        )
        if self.cheaper:
            name = self.cheaper[0]
            below = board.below_best[board.models.index(name)]
            own, other = self.prices[name], self.prices[self.best]
            text += (
                f"; {name} is at most {below:.0f} points below the best, at {board.level:.0%}, and costs "
                f"{own:g} ({1 - own / other:.0%} less)"
            )
        elif known:
            text += f"; nothing cheaper is shown to be within {self.within:g} points of the best"
        return f"{text}."

    def basis(self) -> str:
        """Say whether the prompt made a difference, and what intervals hold."""
        boards = self.boards
        if not boards.by_prompt:
            return f"This is the board of all prompts. {boards.conclusion()} {boards.scope()}"
        return f"{boards.conclusion()} {boards.scope()}"

    def to_frame(self) -> pd.DataFrame:
        """Return one row a model, the best first, with its price."""
        rows = self.board.to_frame()
        rows["price"] = [self.prices.get(name, np.nan) for name in self.board.models]
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Return the route as plain values."""
        rows = self.to_frame().astype(object)
        return {
            "conclusion": self.conclusion(),
            "basis": self.basis(),
            "best": self.best,
            "choice": self.choice,
            "cheaper": list(self.cheaper),
            "within": self.within,
            "level": self.board.level,
            "by_prompt": self.boards.by_prompt,
            "models": rows.where(rows.notna(), None).to_dict("records"),
        }


def route_prompt(
    boards: PromptBoards,
    vector: ArrayLike,
    prices: Mapping[str, float] | None = None,
    *,
    within: float = 20.0,
) -> PromptRoute:
    """Say which model wins on prompts like one, and which cheaper ones are hardly worse.

    Args:
        boards: of `prompt_boards`.
        vector: (length,) of the prompt, made as those of the votes were.
        prices: model → price; of a model without one nothing is said to be cheaper.
        within: points of Elo that a cheaper model may be below the best; 20 are 53 wins to 47.

    Raises:
        OptionError: `within` or a price is no number of at least 0, or the vector is as `PromptBoards.board`
            refuses it.
    """
    known = dict(prices or {})
    for what, value in [("within", within), *((f"the price of {name}", one) for name, one in known.items())]:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < np.inf:
            raise OptionError(f"{what} must be a number of at least 0, not {value!r}.")
    board = boards.board(vector)
    most = known.get(board.models[0], 0.0)
    near = [
        name
        for name, below in zip(board.models, board.below_best, strict=True)
        if below <= within and known.get(name, np.inf) < most
    ]
    near.sort(key=lambda name: (known[name], board.models.index(name)))
    return PromptRoute(board, boards, known, float(within), tuple(near))
