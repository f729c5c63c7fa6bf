"""The public face of the engine."""

import types

import pytest

from agon import ranking


def test_all_is_what_is_exported():
    public = {
        name
        for name, value in vars(ranking).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public == set(ranking.__all__)
    assert len(ranking.__all__) == len(set(ranking.__all__))
    assert list(ranking.__all__) == sorted(ranking.__all__, key=lambda n: (not n.isupper(), n))


def test_every_error_is_an_agon_error():
    errors = [
        value for value in vars(ranking).values() if isinstance(value, type) and issubclass(value, Exception)
    ]
    assert len(errors) == 7
    assert all(issubclass(error, ranking.AgonError) for error in errors)
    for error in (ranking.SourceError, ranking.VotesError, ranking.MethodError, ranking.OptionError):
        assert issubclass(error, ranking.InputError)
        assert issubclass(error, ValueError)
    assert not issubclass(ranking.ConvergenceError, ValueError)


@pytest.mark.parametrize(("old", "new"), ranking._RENAMED.items())
def test_a_name_of_before_names_the_new_one(old, new):
    with pytest.warns(DeprecationWarning, match=f"^{old} is called {new} now.$"):
        assert getattr(ranking, old) is getattr(ranking, new)


def test_options_of_before_name_the_new_ones():
    votes = ranking.Comparisons.from_counts("abc", [[0, 5, 6], [3, 0, 4], [1, 2, 0]])
    with pytest.warns(DeprecationWarning, match="rounds is called n_resamples now"):
        board = ranking.rank(votes, "copeland", rounds=7)
    assert board.settings["n_resamples"] == 7
    with pytest.raises(ranking.OptionError, match='how="drop" change="delete"'):
        ranking.margin_of_victory(votes, "copeland", how="drop")


def test_an_unknown_name_is_none():
    with pytest.raises(AttributeError, match="has no attribute 'ranke'"):
        ranking.ranke  # noqa: B018
