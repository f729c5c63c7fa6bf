"""Shared by the tests of the arena: the command line in this process."""

import pytest

from agon.arena.cli.commands import main


@pytest.fixture
def run(capsys):
    """Run the command in this process: (status, standard output, standard error)."""

    def run(*words):
        status = main([str(word) for word in words])
        return status, *capsys.readouterr()

    return run
