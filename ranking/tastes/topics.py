"""Topics of prompts: groups of like vectors, and the board of each."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from agon.ranking.errors import OptionError
from agon.ranking.tastes.topic_head import PromptBoard, PromptBoards
from agon.ranking.text import Readable, join_names

if TYPE_CHECKING:
    import pandas as pd

_NEAREST = 3


@dataclass(frozen=True, eq=False, repr=False)
class Topic(Readable):
    """Prompts like one another.

    Attributes:
        prompts: their names, those nearest to the middle first.
        share: of all prompts.
        board: of the middle of their vectors.
    """

    prompts: tuple[str, ...]
    share: float
    board: PromptBoard

    def conclusion(self) -> str:
        """Say in one sentence what these prompts are and who wins there."""
        like = join_names([repr(name) for name in self.prompts[:_NEAREST]], _NEAREST)
        return f"{self.share:.0%} of the prompts, such as {like}: {self.board.conclusion()}"


@dataclass(frozen=True, eq=False, repr=False)
class TopicBoards(Readable):
    """A board for each topic; a single one where what prompts are about tells nothing.

    Attributes:
        boards: of the prompts.
        topics: the largest first.
    """

    boards: PromptBoards
    topics: tuple[Topic, ...]

    def conclusion(self) -> str:
        """Say in one sentence whether topics differ in which model wins."""
        if not self.boards.by_prompt:
            return self.boards.conclusion()
        winners = dict.fromkeys(topic.board.models[0] for topic in self.topics)
        said = join_names([f"{name} wins {self._times(name)}" for name in winners], len(winners))
        return f"{self.boards.conclusion()} Of {len(self.topics)} topics {said}."

    def _times(self, name: str) -> int:
        return sum(topic.board.models[0] == name for topic in self.topics)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each model of each topic."""
        import pandas as pd

        parts = [
            topic.board.to_frame().assign(topic=number, share=topic.share)
            for number, topic in enumerate(self.topics, 1)
        ]
        return pd.concat(parts, ignore_index=True)


def topic_boards(
    boards: PromptBoards, vectors: Mapping[str, ArrayLike], *, topics: int = 4, seed: int = 0
) -> TopicBoards:
    """Group prompts by k-means on the components that boards use, and give the board of each group's middle.

    Args:
        boards: of `prompt_boards`.
        vectors: prompt → its vector.
        topics: how many, at most.
        seed: of the draw of the first middles.

    Raises:
        OptionError: `topics` is below 1 or above the number of prompts, or a vector has another length.
    """
    from scipy.cluster.vq import kmeans2

    names = list(vectors)
    if isinstance(topics, bool) or not isinstance(topics, int) or not 1 <= topics <= len(names):
        raise OptionError(f"topics must be a whole number from 1 to {len(names)}, not {topics!r}.")
    table = np.stack([boards.checked(vectors[name]) for name in names])
    if not boards.by_prompt:
        return TopicBoards(boards, (Topic(tuple(names), 1.0, boards.board(table.mean(axis=0))),))
    at = (table - boards.centre) @ boards.axes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a group that has become empty
        _, group = kmeans2(at, topics, minit="++", rng=np.random.default_rng(seed), iter=50)
    found = []
    for number in np.unique(group):
        inside = np.flatnonzero(group == number)
        middle = table[inside].mean(axis=0)
        away = ((at[inside] - at[inside].mean(axis=0)) ** 2).sum(axis=1)
        order = inside[np.argsort(away, kind="stable")]
        share = len(inside) / len(names)
        found.append(Topic(tuple(names[i] for i in order), share, boards.board(middle)))
    found.sort(key=lambda topic: (-topic.share, topic.prompts[0]))
    return TopicBoards(boards, tuple(found))
