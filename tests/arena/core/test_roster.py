"""Who can be drawn, and who could answer now."""

import asyncio

import pytest

from agon.arena.core.roster import Contestant, ModelCard, Roster
from agon.serving.protocol import Message, Sampling, ServingError


class Checked:
    """A backend whose check ends as told, and that knows one prompt."""

    def __init__(self, outcome=None, prompt="p"):
        self._outcome, self._prompt = outcome, prompt

    def accepts(self, messages):
        return messages[-1].content == self._prompt

    async def check(self, messages, sampling):
        self.asked = messages, sampling
        await asyncio.sleep(0.1)
        if self._outcome:
            raise self._outcome


def roster(**backends):
    return Roster(tuple(Contestant(ModelCard(name, name), backend) for name, backend in backends.items()))


def test_those_that_could_not_answer_are_named_with_the_reason():
    gone = ServingError("unreachable", "nobody listens")
    fine = {f"fine{i}": Checked() for i in range(20)}

    async def main():
        started = asyncio.get_running_loop().time()
        found = await roster(**fine, gone=Checked(gone)).unavailable()
        assert asyncio.get_running_loop().time() - started < 1, "all are asked at once"
        return found

    assert asyncio.run(main()) == {"gone": gone}


def test_each_is_asked_as_in_a_battle():
    """Row 17 of the cases: a role or a parameter that the server refuses is found at the opening."""
    backend, sampling = Checked(), Sampling(max_tokens=100, temperature=0.7)
    one = Contestant(ModelCard("a", "a"), backend, sampling, "Be kind.")
    assert asyncio.run(Roster((one,)).unavailable()) == {}
    said, drawn = backend.asked
    assert [message.role for message in said] == ["system", "user"]
    assert said[0].content == "Be kind."
    assert drawn == sampling


def test_a_fault_of_our_own_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        asyncio.run(roster(broken=Checked(ZeroDivisionError())).unavailable())


def test_candidates_are_those_that_accept_the_conversation():
    found = roster(a=Checked(), b=Checked(prompt="q"), c=Checked())
    assert [one.card.name for one in found.candidates([Message("user", "p")])] == ["a", "c"]
