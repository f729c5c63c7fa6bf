"""The policies by name, and how one of them is chosen with its options.

A policy is a function under `@policy`: from a `Standing` and the size of a group to a sampling design, with
options that are keyword-only. It knows no votes and nothing of an arena; what it returns is exact, so that
votes can be re-weighted by it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_type_hints

from agon.ranking.errors import OptionError, suggest
from agon.ranking.matchmaking.sampling_design import SamplingDesign, any_group, with_floor
from agon.ranking.matchmaking.standing import Standing
from agon.ranking.registry import Option

FLOOR = 0.1  # as the floor of `Settings`, so that no weight of a re-weighted board is cut off
Designer = Callable[..., SamplingDesign]


@dataclass(frozen=True)
class Policy:
    """A rule that draws groups.

    Attributes:
        name: what configurations and the log call it.
        version: raised whenever the same standing gives other probabilities.
        learns: whether it looks at what was voted or who met whom.
        designer: from a standing and the size of a group to a design.
        given: values of its options.
        floor: the share of draws at random that are mixed in, so that every pair remains possible.
    """

    name: str
    version: int
    learns: bool
    designer: Designer
    given: Mapping[str, Any] = field(default_factory=dict)
    floor: float = FLOOR

    @property
    def options(self) -> dict[str, Option]:
        """Its options by name."""
        hints, parameters = get_type_hints(self.designer), inspect.signature(self.designer).parameters
        only = [one for one in parameters.values() if one.kind is one.KEYWORD_ONLY]
        return {one.name: Option(one.name, one.default, hints[one.name]) for one in only}

    def design(self, standing: Standing, size: int) -> SamplingDesign:
        """How likely each group of `size` models is.

        Raises:
            ValueError: there are fewer models than `size`.
        """
        n = len(standing)
        if n < size:
            raise ValueError(f"{size} models are needed for a battle, {n} can answer")
        if n == size:
            return any_group(n, size)
        return with_floor(self.designer(standing, size, **self.given), self.floor, n, size)


POLICIES: dict[str, Policy] = {}


def policy(
    name: str, *, version: int = 1, learns: bool = True, floor: float = FLOOR
) -> Callable[[Designer], Designer]:
    """Register a function as a policy; the arguments are attributes of `Policy`."""

    def register(designer: Designer) -> Designer:
        POLICIES[name] = Policy(name, version, learns, designer, floor=floor)
        return designer

    return register


def choose_policy(
    name: str,
    options: Mapping[str, Any] | None = None,
    *,
    floor: float | None = None,
    models: Collection[str] | None = None,
    size: int = 2,
) -> Policy:
    """The policy of a name, with options.

    Args:
        name: of `POLICIES`.
        options: by name.
        floor: the share of draws at random that are mixed in; None for the policy's own.
        models: that options may name; None for any.
        size: K, the models of a group.

    Raises:
        OptionError: no such policy, an option that it does not have, or a value outside its range.
    """
    if name not in POLICIES:
        raise OptionError(f"There is no policy {name!r}; {suggest(name, POLICIES)}")
    found = POLICIES[name]
    share = found.floor if floor is None else floor
    if not 0 <= share <= 1:
        raise OptionError(f"floor is a share of the battles from 0 to 1, not {floor!r}.")
    for option, value in (options or {}).items():
        if option not in found.options:
            hint = suggest(option, found.options) if found.options else "it has no options."
            raise OptionError(f"The policy {name} has no option {option!r}; {hint}")
        found.options[option].check(value, f"The policy {name}")
        named = value if isinstance(value, dict) and models is not None else ()
        for model in named:
            if model not in (models or ()):
                raise OptionError(
                    f"The policy {name}: {option} names {model!r}; {suggest(model, models or ())}"
                )
    chosen = replace(found, given=dict(options or {}), floor=share)
    everyone = (*(models or ()), *(f"another {number}" for number in range(size + 1)))
    chosen.design(Standing.blank(everyone), size)  # refuses values outside their range
    return chosen
