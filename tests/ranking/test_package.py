"""The public face of the engine."""

import types

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
