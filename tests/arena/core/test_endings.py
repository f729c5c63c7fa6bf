"""What counts against a model's reliability."""

import pytest

from agon.arena.core.endings import AnswerEndings


@pytest.mark.parametrize(
    ("counted", "reliability"),
    [
        ([], ""),
        ([("m", None, 1)], "100.0%"),
        ([("m", None, 2999), ("m", "empty", 1)], "99.9%"),
        ([("m", None, 3), ("m", "timeout", 1)], "75.0%"),
        ([("m", None, 3), ("m", "rejected", 5), ("m", "filtered", 5)], "100.0%"),
        (
            [("m", None, 3), ("m", "unreachable", 1), ("m", "unauthorised", 1), ("m", "overloaded", 1)],
            "100.0%",
        ),
        ([("m", "rejected", 4)], ""),
        ([("m", "interrupted", 4)], "0.0%"),
    ],
)
def test_reliability_counts_what_a_healthy_server_did_wrong(counted, reliability):
    endings = AnswerEndings(counted)
    assert endings.reliability("m") == reliability
    assert endings.reliability("another") == ""


def test_failures_are_told_by_kind_the_most_frequent_first():
    endings = AnswerEndings([("m", "empty", 1), ("m", None, 9), ("m", "timeout", 2)])
    endings.add("m", "timeout")
    assert list(endings.failures("m").items()) == [("timeout", 3), ("empty", 1)]
    assert endings.failures("another") == {}
