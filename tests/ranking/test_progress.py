"""Progress: what is told is the share that is done, work inside of work included, and only to who listens."""

import pytest

from agon.ranking import bradley_terry_world, rank
from agon.ranking.progress import CountedWork, SizedViews, counted, listen_to_progress


def heard(work):
    told = []
    with listen_to_progress(lambda share, left: told.append((share, left))):
        work()
    return told


def test_steps_are_shares():
    assert heard(lambda: list(counted("abcd"))) == [(n / 4, None) for n in range(5)]


def test_work_inside_is_a_part_of_the_step_it_is_in():
    """Two steps of which the second holds four: 0, then 1/2, then eighths of the whole."""

    def work():
        with CountedWork(2) as outer:
            outer.reach(1)
            list(counted(range(4)))
            outer.reach(2)

    assert [share for share, _ in heard(work)] == [0, 0.5, 0.5, 0.625, 0.75, 0.875, 1, 1]


def test_a_step_may_be_many():
    def work():
        with CountedWork(10) as outer:
            outer.step = 10
            list(counted(SizedViews(iter("abcde"), 5)))

    assert [share for share, _ in heard(work)] == pytest.approx([0, 0, 0.2, 0.4, 0.6, 0.8, 1])


def test_items_of_unknown_number_tell_nothing_but_the_start():
    assert heard(lambda: list(counted(iter(x for x in "abc")))) == [(0.0, None)] * 4


def test_a_limit_is_told_in_seconds():
    ((share, left),) = heard(lambda: CountedWork(limit=30).__enter__())
    assert share == 0
    assert 29 < left <= 30


def test_nobody_listens_unless_they_ask():
    assert list(counted("ab")) == ["a", "b"]


@pytest.mark.parametrize("method", ["elo", "copeland", "kwise_bayes", "minimax"])
def test_the_bootstrap_of_every_kind_of_method_goes_from_none_to_all(method):
    """Rules that rank resamples together, one by one, in order of time: shares grow, and end at 1."""
    votes = bradley_terry_world(5, 400, seed=2).comparisons()
    told = [share for share, _ in heard(lambda: rank(votes, method, interval="bootstrap", n_resamples=12))]
    begins = [i for i, share in enumerate(told) if share == 0]
    last = told[begins[-1] :]
    assert last == sorted(last)
    assert last[-1] == pytest.approx(1)
    assert len(set(last)) > 1
