"""The registry: what a method declares, and what happens when it declares something else."""

import inspect

import pytest

from agon.ranking import METHODS, Ballots, Battles, Choice, Fit, PairCounts, Scores, method
from agon.ranking import registry as module
from agon.ranking.errors import MethodError, OptionError
from agon.ranking.registry import describe, find


def example(pairs: PairCounts, *, k: float = 4.0, rounds_of: int = 3, exact: bool = False) -> Scores:
    """First line
    goes on.

    More.
    """


def test_what_is_registered():
    """Three methods to begin with; each names its source and says in a sentence what it does."""
    assert set(METHODS) >= {"bradley_terry", "elo", "win_rate"}
    for name, known in METHODS.items():
        assert known.name == name
        assert known.source
        assert known.summary.endswith(".")
        assert known.view in {"pairs", "ballots", "battles", "contexts", "scores"}
        assert find(name) is known
        assert find(known.function) is known
        assert find(known) is known


def test_every_option_is_explained():
    """The docstring names every option under Args; options of a whole family may point to the module."""
    for known in METHODS.values():
        _, _, arguments = inspect.getdoc(known.function).partition("Args:\n")
        named = {name for line in arguments.splitlines() for name in line.split(":")[0].strip().split(", ")}
        module = inspect.getmodule(known.function).__doc__
        for option in known.options:
            assert option in named, f"{known.name} does not explain {option}"
            if f"{option}: see the module" in arguments or f", {option}: see" in arguments:
                assert f"`{option}`" in module


def test_a_method_is_read_from_its_signature():
    found = describe(example)
    assert (found.name, found.view, found.gives, found.source) == ("example", "pairs", "Scores", "")
    assert {name: option.default for name, option in found.options.items()} == {
        "k": 4.0,
        "rounds_of": 3,
        "exact": False,
    }
    assert found.summary == "First line goes on."
    assert found.settings({"k": 2}) == {"k": 2, "rounds_of": 3, "exact": False}


@pytest.mark.parametrize(
    ("view", "name"), [(PairCounts, "pairs"), (Ballots, "ballots"), (Battles, "battles")]
)
@pytest.mark.parametrize("gives", [Scores, Fit, Choice])
def test_views_and_results(view, name, gives):
    def some(votes):
        """Nothing."""

    some.__annotations__.update({"votes": view, "return": gives})
    assert (describe(some).view, describe(some).gives) == (name, gives.__name__)


def test_a_typing_error_suggests_the_nearest():
    with pytest.raises(OptionError, match="example has no option 'round_of'; did you mean 'rounds_of'"):
        describe(example).settings({"round_of": 2})
    with pytest.raises(OptionError, match="example has no option 'xyz'; known: exact, k, rounds_of"):
        describe(example).settings({"xyz": 2})
    with pytest.raises(MethodError, match="There is no method 'bradleyterry'; did you mean 'bradley_terry'"):
        find("bradleyterry")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"k": "4"}, "example: k must be a number, not '4'"),
        ({"k": None}, "example: k must be a number, not None"),
        ({"k": True}, "example: k must be a number, not True"),
        ({"rounds_of": 2.5}, "example: rounds_of must be a whole number, not 2.5"),
        ({"rounds_of": True}, "example: rounds_of must be a whole number, not True"),
        ({"exact": 1}, "example: exact must be True or False, not 1"),
    ],
)
def test_a_wrong_type_is_refused(given, message):
    with pytest.raises(OptionError, match=message):
        describe(example).settings(given)


def test_literals_and_alternatives():
    def other(pairs: PairCounts, *, seed: int | None = None, tie: str | float = "half") -> Scores:
        """Nothing."""

    found = describe(other)
    assert found.settings({"seed": 3, "tie": 0.25}) == {"seed": 3, "tie": 0.25}
    with pytest.raises(OptionError, match="other: seed must be a whole number or None"):
        found.settings({"seed": 1.5})
    with pytest.raises(OptionError, match="both_bad must be 'half' or 'drop', not 'keep'"):
        METHODS["win_rate"].settings({"both_bad": "keep"})


def no_annotation(pairs, *, k: float = 1.0) -> Scores: ...
def nothing_at_all(): ...
def another_type(pairs: dict) -> Scores: ...
def positional(pairs: PairCounts, k: float = 1.0) -> Scores: ...
def no_default(pairs: PairCounts, *, k: float) -> Scores: ...
def anything(pairs: PairCounts, **options: float) -> Scores: ...
def unreadable(pairs: "NowhereToBeFound") -> Scores: ...  # noqa: F821


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (no_annotation, "no_annotation: annotate the first parameter with the view it needs"),
        (nothing_at_all, "nothing_at_all: annotate the first parameter"),
        (another_type, "another_type: annotate the first parameter"),
        (positional, "positional: make 'k' keyword-only and give it a default"),
        (no_default, "no_default: make 'k' keyword-only and give it a default"),
        (anything, "anything: make 'options' keyword-only"),
        (unreadable, "unreadable: an annotation cannot be read, name 'NowhereToBeFound' is not defined"),
    ],
)
def test_a_declaration_that_does_not_say_enough(function, message):
    with pytest.raises(MethodError, match=message):
        describe(function)


@pytest.mark.parametrize("wanted", [None, 3, ["elo"], PairCounts])
def test_a_method_is_a_name_or_a_function(wanted):
    with pytest.raises(MethodError, match="A method is a name or a function, not"):
        find(wanted)


def test_registering(monkeypatch):
    monkeypatch.setattr(module, "METHODS", {})
    decorated = method("mine", source="Me (2026)")(example)
    assert decorated is example
    assert module.METHODS["mine"].source == "Me (2026)"
    with pytest.raises(MethodError, match="A method named 'mine' is registered already"):
        method("mine", source="Me again (2027)")(example)
