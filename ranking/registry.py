"""The registry of ranking methods: a method is a function, its first parameter's type the view it needs."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import numpy as np

from agon.ranking.errors import MethodError, OptionError, suggest
from agon.ranking.numerics import FloatArray
from agon.ranking.results import Choice, Fit, Scores, as_values
from agon.ranking.text import Readable
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.comparisons import Comparisons
from agon.ranking.votes.covariates import CovariateComparisons
from agon.ranking.votes.pair_counts import PairCounts
from agon.ranking.votes.score_table import ScoreTable
from agon.ranking.votes.vote_source import Battles

Rule = Callable[..., Scores | Choice]


class ResampledScores(NamedTuple):
    """What a method makes of R resamples: (R, M) scores or minus tiers; (R, M) lotteries if it has any."""

    values: FloatArray
    lottery: FloatArray | None = None


Batch = Callable[..., ResampledScores | None]
VIEWS: Mapping[type, str] = types.MappingProxyType(
    {
        PairCounts: "pairs",
        Ballots: "ballots",
        Battles: "battles",
        CovariateComparisons: "contexts",
        ScoreTable: "scores",
    },
)


@dataclass(frozen=True)
class Option:
    """One keyword-only option of a method: its name, default and type."""

    name: str
    default: Any
    type: Any

    def check(self, value: Any, method: str) -> Any:
        """Return the value if it is of the option's type, whole numbers allowed for floats.

        Raises:
            OptionError: another type, or not among the literal values.
        """
        if _fits(value, self.type):
            return value
        raise OptionError(f"{method}: {self.name} must be {describe_type(self.type)}, not {value!r}.")


@dataclass(frozen=True, repr=False)
class Method(Readable):
    """A registered ranking method.

    Attributes:
        name: as used in `rank` and on the command line.
        function: the method itself.
        view: "pairs", "ballots", "battles", "contexts" or "scores".
        gives: "Scores", "Fit" or "Choice".
        source: where the method comes from.
        options: its keyword-only options by name.
        batch: faster way to run it on many resamples; see `method`.
        axioms, by_margin, leaves_out: traits; see `method`.
    """

    name: str
    function: Rule
    view: str
    gives: str
    source: str
    options: Mapping[str, Option]
    batch: Batch | None = None
    axioms: tuple[str, ...] | None = None
    by_margin: bool = False
    leaves_out: str = ""

    @property
    def family(self) -> str:
        """The folder that it lies in, such as "social_choice"; of a function of your own its module."""
        module = self.function.__module__
        return module.rpartition(".")[0].rpartition(".")[2] or module

    @property
    def random_orders(self) -> str | None:
        """The option that says how many random orders it averages over; None for a method that draws none."""
        return next((name for name in ("permutations", "orders") if name in self.options), None)

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return f"{self.name}, from {self.view} to {self.gives}: {self.summary}"

    @property
    def summary(self) -> str:
        """The first sentence of the method's docstring."""
        text = inspect.getdoc(self.function) or ""
        return " ".join(text.split("\n\n")[0].split())

    @property
    def by_time(self) -> bool:
        """Whether the method asks when votes were cast, and not only which came first."""
        return self.view == "battles" and "period" in self.options

    def settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Fill in the defaults of the options that were not given.

        Raises:
            OptionError: an option the method does not have, or a value of the wrong type.
        """
        for name in given:
            if name not in self.options:
                hint = suggest(name, self.options) if self.options else "it has no options."
                raise OptionError(f"{self.name} has no option {name!r}; {hint}")
        return {
            name: option.check(given[name], self.name) if name in given else option.default
            for name, option in self.options.items()
        }

    def view_of(self, votes: Comparisons | ScoreTable) -> Any:
        """Take from the votes the view the method needs.

        Raises:
            MethodError: votes carry no scores, and a score table no order of time.
        """
        if self.view == "scores" and not isinstance(votes, ScoreTable):
            raise MethodError(
                f"{self.name} needs a score table, and votes only say who was better; "
                "choose a rule on pairs or ballots, such as 'copeland'."
            )
        if self.view == "contexts" and isinstance(votes, ScoreTable):
            raise MethodError(f"{self.name} needs votes with features, and a score table has none.")
        if self.view == "battles" and isinstance(votes, ScoreTable):
            raise MethodError(
                f"{self.name} plays votes in the order of time, and a score table has none; "
                "choose a rule on pairs, ballots or scores."
            )
        return votes if self.view == "scores" else getattr(votes, self.view)

    def in_order(self, votes: Comparisons | ScoreTable, settings: Mapping[str, Any]) -> bool:
        """Whether the result depends on the order of the votes, and not only on how often each was cast.

        So it does for a method on battles, unless it averages over permutations; None permutations stands
        for none where the votes say when they were cast, else for some. One that goes by periods of time
        takes votes without times for votes of one period, whose order does not matter.
        """
        if self.view != "battles" or isinstance(votes, ScoreTable):
            return False
        if self.by_time:
            return votes.battles.times is not None
        permutations = settings.get("permutations", 0)
        return votes.battles.order == "timestamp" if permutations is None else permutations == 0


class _Methods(dict[str, Method]):
    """The registered methods by name."""

    def __missing__(self, name: str) -> Method:
        raise MethodError(f"There is no method {name!r}; {suggest(str(name), self)}")


METHODS: dict[str, Method] = _Methods()
# What people call methods; case, blanks and hyphens never matter.
METHOD_ALIASES: Mapping[str, str] = types.MappingProxyType(
    {
        "bt": "bradley_terry",
        "pl": "plackett_luce",
        "trueskill": "kwise_bayes",
        "ksort": "kwise_bayes",
        "whr": "whole_history_rating",
        "glicko": "glicko2",
        "glicko_2": "glicko2",
    }
)


def method(
    name: str,
    *,
    source: str = "",
    batch: Batch | None = None,
    axioms: str | None = None,
    by_margin: bool = False,
    leaves_out: str = "",
) -> Callable[[Rule], Rule]:
    """Register a ranking method under a name.

    Args:
        name: lower case with underscores.
        source: author and year of the method.
        batch: runs the method on many resamples faster than one call each: a function of (views, what the
            method made of all votes, **options), where views is an iterable of the method's view, and for
            pairs and ballots a `ResampledPairCounts` or `ResampledBallots`; from it None asks for single
            calls.
        axioms: those it satisfies on strict complete ballots, such as "majority, condorcet" (the suite tries
            each on random elections); "" for none, None where the question does not arise.
        by_margin: whether it sees only wins less losses of each pair, so that a tie changes nothing.
        leaves_out: the kind of votes that it cannot use and counts as left out, such as "probabilities".

    Raises:
        MethodError: the name is taken, or the function does not declare the view it needs.
    """
    if not isinstance(name, str) or not source:
        raise MethodError('A method has a name and a source: write @method("my_rule", source="our own").')

    def register(function: Rule) -> Rule:
        if name in METHODS:
            raise MethodError(f"A method named {name!r} is registered already; choose another name.")
        METHODS[name] = replace(
            describe(function, name, source, batch),
            axioms=None if axioms is None else tuple(filter(None, axioms.split(", "))),
            by_margin=by_margin,
            leaves_out=leaves_out,
        )
        return function

    return register


def describe(function: Rule, name: str | None = None, source: str = "", batch: Batch | None = None) -> Method:
    """Read a method's view and options from its signature.

    Raises:
        MethodError: the first parameter is not annotated with a view, or an option is positional.
    """
    called = name if name is not None else str(getattr(function, "__name__", "method"))
    parameters = list(inspect.signature(function).parameters.values())
    try:
        hints = get_type_hints(function)
    except NameError as error:
        raise MethodError(f"{called}: an annotation cannot be read, {error}.") from None
    first = hints.get(parameters[0].name) if parameters else None
    if first is None or first not in VIEWS:
        known = ", ".join(view.__name__ for view in VIEWS)
        raise MethodError(f"{called}: annotate the first parameter with the view it needs, one of {known}.")
    options = {}
    for parameter in parameters[1:]:
        if parameter.kind is not parameter.KEYWORD_ONLY or parameter.default is parameter.empty:
            raise MethodError(f"{called}: make {parameter.name!r} keyword-only and give it a default.")
        kind = hints.get(parameter.name, Any)
        options[parameter.name] = Option(parameter.name, parameter.default, kind)
    returns = hints.get("return", Scores)
    gives = returns.__name__ if returns in (Scores, Fit, Choice) else "Scores"
    return Method(called, function, VIEWS[first], gives, source, options, batch)


def find(wanted: str | Rule | Method) -> Method:
    """Look a method up by name, or take a function as one.

    Raises:
        MethodError: no such method (the message names the nearest), or something that is no function.
    """
    if isinstance(wanted, Method):
        return wanted
    if isinstance(wanted, str):
        plain = wanted.strip().lower().replace("-", "_").replace(" ", "_")
        return METHODS[METHOD_ALIASES.get(plain, plain)]
    if not inspect.isfunction(wanted):
        several = isinstance(wanted, list | tuple)
        hint = "rank_all takes several" if several else "METHODS holds the names, such as 'elo'"
        raise MethodError(f"A method is a name or a function, not {wanted!r}; {hint}.")
    for known in METHODS.values():
        if known.function is wanted:
            return known
    return describe(wanted)


def _fits(value: Any, kind: Any) -> bool:
    origin = get_origin(kind)
    if origin is Literal:
        return value in get_args(kind)
    if origin in (Union, types.UnionType):
        return any(_fits(value, part) for part in get_args(kind))
    if kind in (int, float) and isinstance(value, bool):
        return False
    if kind is float:
        return isinstance(value, float | int)
    return kind is Any or isinstance(value, origin or kind)


def describe_type(kind: Any) -> str:
    """Say in words what values a type allows."""
    if get_origin(kind) is Literal:
        return " or ".join(repr(value) for value in get_args(kind))
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(describe_type(part) for part in get_args(kind))
    if get_origin(kind) is dict:
        return "a table"
    names: Mapping[Any, str] = {
        float: "a number",
        int: "a whole number",
        bool: "True or False",
        str: "a text",
        type(None): "None",
    }
    return names.get(kind, getattr(kind, "__name__", str(kind)))


def stack_results(results: Iterable[Scores | Choice], n_models: int) -> ResampledScores:
    """Stack what a rule returned for each resample."""
    known = list(results)
    lots = [one.lottery for one in known if isinstance(one, Choice) and one.lottery is not None]
    values = np.stack([as_values(one, n_models) for one in known])
    return ResampledScores(values, np.stack(lots) if lots else None)
