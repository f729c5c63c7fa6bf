"""What a study is: its prompts, models and questions, and the tasks of each voter, which follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any, Literal

from agon.arena.core.roster import Example
from agon.ranking.matchmaking.block_design import Placement, StudyCell, schedule, study_cells

Until = Literal["decision", "complete"]
# What may change after the first battle was drawn: not what is asked, nor of whom.
_MAY_CHANGE = ("instructions", "level", "quota", "reveal", "until")


@dataclass(frozen=True, slots=True)
class AttentionItem:
    """A prompt whose best answer is known: the first one."""

    prompt: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StudyTask:
    """What a voter is asked for: a cell of the schedule, or an attention item, by number from 1.

    `order` are the models, or the answers of the item, in shown order.
    """

    kind: Literal["cell", "item"]
    number: int
    order: tuple[int, ...]


@dataclass(frozen=True)
class StudyPlan:
    """A study as the configuration describes it.

    `size` is K, `overlap` the voters of each cell, `groups` the groups of models of each prompt (None: all).
    `reveal` tells names after each vote instead of at the end. It ends with the last task, `until` a decision
    at the `level` is safe, or after `quota` votes.
    """

    name: str
    prompts: tuple[Example, ...]
    models: tuple[str, ...]
    size: int = 2
    overlap: int = 1
    groups: int | None = None
    criteria: tuple[str, ...] = ()
    rating: bool = False
    reasons: tuple[str, ...] = ()
    comment: bool = False
    instructions: str | None = None
    attention: tuple[AttentionItem, ...] = ()
    reveal: bool = False
    until: Until = "decision"
    quota: int | None = None
    level: float = 0.95
    seed: int = 0
    _sequences: dict[int, tuple[tuple[StudyTask, ...], ...]] = field(default_factory=dict, compare=False)

    @cached_property
    def cells(self) -> tuple[StudyCell, ...]:
        """The cells; a cell's number in the log is its place here, from 1."""
        return study_cells(len(self.prompts), len(self.models), self.size, groups=self.groups, seed=self.seed)

    def design(self, voters: int) -> dict[str, Any]:
        """The study for its journal."""
        return {
            "models": list(self.models),
            "prompts": [one.prompt for one in self.prompts],
            "prompt_ids": [one.prompt_id for one in self.prompts],
            "answers": self.size,
            "overlap": self.overlap,
            "groups": self.groups,
            "criteria": list(self.criteria),
            "rating": self.rating,
            "reasons": list(self.reasons),
            "comment": self.comment,
            "attention": [[one.prompt, *one.answers] for one in self.attention],
            "seed": self.seed,
            "voters": voters,
            "cells": len(self.cells),
            "instructions": self.instructions,
            "reveal": self.reveal,
            "until": self.until,
            "quota": self.quota,
            "level": self.level,
        }

    def changed(self, design: Mapping[str, Any]) -> list[str]:
        """What of a design that was fixed is another one now, by key."""
        now = self.design(design["voters"])
        return [key for key, value in now.items() if key not in _MAY_CHANGE and design.get(key) != value]

    def tasks(self, seat: int, voters: int) -> tuple[StudyTask, ...]:
        """The tasks of a seat in their order, attention items spread among the cells.

        Raises:
            OptionError: an overlap above the number of voters.
        """
        if voters not in self._sequences:
            plan = schedule(self.cells, voters, self.overlap, seed=self.seed)
            self._sequences[voters] = tuple(
                self._with_items(number, own) for number, own in enumerate(plan, start=1)
            )
        return self._sequences[voters][seat - 1]

    def _with_items(self, seat: int, placed: tuple[Placement, ...]) -> tuple[StudyTask, ...]:
        random = Random(f"attention:{self.seed}:{seat}")
        tasks = [StudyTask("cell", one.cell + 1, one.order) for one in placed]
        share = (len(tasks) + 1) / max(1, len(self.attention))
        items = random.sample(range(len(self.attention)), len(self.attention))
        at = [int((number + random.random()) * share) for number in range(len(items))]
        for place, item in sorted(zip(at, items, strict=True), reverse=True):
            size = len(self.attention[item].answers)
            tasks.insert(place, StudyTask("item", item + 1, tuple(random.sample(range(size), size))))
        return tuple(tasks)


def seat_totals(design: Mapping[str, Any]) -> list[int]:
    """How many tasks each seat of a study has, by the design in its journal."""
    shape = (len(design["prompts"]), len(design["models"]), design["answers"])
    cells = study_cells(*shape, groups=design["groups"], seed=design["seed"])
    plan = schedule(cells, design["voters"], design["overlap"], seed=design["seed"])
    return [len(own) + len(design["attention"]) for own in plan]
