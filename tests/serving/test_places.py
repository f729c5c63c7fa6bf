"""The line for servers: in the order of coming, together or not at all, and nobody waits for ever."""

from collections import Counter
from random import Random

import pytest

from agon.serving.places import Places, join


def test_who_came_first_is_first_and_the_others_know_how_many_are_before():
    places = Places(at_once=1, waiting=2)
    (first,), (second,), (third,) = join([places]), join([places]), join([places])
    assert [first.ahead, second.ahead, third.ahead] == [0, 1, 2]
    assert places.full
    second.leave()  # whoever loses patience
    assert [first.ahead, third.ahead] == [0, 1]
    assert not places.full
    first.leave()
    assert third.ahead == 0


def test_two_that_belong_together_begin_together():
    one, two = Places(1, 9), Places(1, 9)
    (alone,) = join([two])
    a, b = join([one, two])
    assert [a.ahead, b.ahead] == [1, 1], "a place at the first server is no use alone"
    alone.leave()
    assert [a.ahead, b.ahead] == [0, 0]


def test_one_that_waits_for_one_server_keeps_the_place_at_the_other_and_the_next_does_not():
    """A slow server holds up one battle at a time of those that need a quick one too."""
    quick, slow = Places(2, 9), Places(1, 9)
    (busy,) = join([slow])
    first, second = join([quick, slow]), join([quick, slow])
    (alone,), (other,) = join([quick]), join([quick])
    assert [first[0].ahead, second[0].ahead, alone.ahead] == [1, 2, 0], "one place is kept, one is used"
    assert other.ahead
    busy.leave()
    assert [first[0].ahead, first[1].ahead] == [0, 0]


def test_what_has_no_line_waits_for_those_that_it_came_with():
    places = Places(1, 9)
    (busy,) = join([places])
    served, recorded = join([places, None])
    assert (served.ahead, recorded.ahead) == (1, 1)
    busy.leave()
    assert (served.ahead, recorded.ahead) == (0, 0)
    assert join([None])[0].ahead == 0


def test_two_at_a_server_with_one_place_are_answered_one_after_the_other():
    places = Places(1, 9)
    a, b = join([places, places])
    assert (a.ahead, b.ahead) == (0, 1)
    a.leave()
    a.leave()  # once is enough
    assert b.ahead == 0
    b.leave()
    assert places.taken == 0


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_and_goes(seed):
    """Never more than fit, none begins in part, nobody is overtaken by who needs the same, and all end."""
    random = Random(seed)
    servers = [Places(random.randint(1, 4), 99) for _ in range(4)]
    waiting, begun = [], []

    def look():
        running = Counter()
        for tickets, needs in [*waiting]:
            if tickets[0].ahead == 0:
                waiting.remove((tickets, needs))
                begun.append((tickets, needs))
            else:
                assert all(ticket.ahead for ticket in tickets if ticket._group is tickets[0]._group)
        for _, needs in begun:
            running.update(needs)
        for server in servers:
            assert server.taken <= server.at_once
        seen = {}
        for tickets, needs in waiting:
            key = tuple(sorted(map(id, needs)))
            assert tickets[0].ahead > seen.get(key, 0), "the order of coming"
            seen[key] = tickets[0].ahead

    for _ in range(3000):
        if random.random() < 0.5 and len(waiting) < 30:
            needs = random.sample(servers, random.choice([1, 2, 2]))
            waiting.append((join(needs), needs))
        elif begun and random.random() < 0.9:
            for ticket in begun.pop(random.randrange(len(begun)))[0]:
                ticket.leave()
        elif waiting:
            for ticket in waiting.pop(random.randrange(len(waiting)))[0]:
                ticket.leave()
        look()
    while begun:
        for ticket in begun.pop(0)[0]:
            ticket.leave()
        look()
    assert not waiting
    assert [server.taken for server in servers] == [0] * 4
