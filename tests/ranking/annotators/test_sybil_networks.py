"""Many voters of one network and day: a script is found, colleagues and a class count."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from agon.arena.cli.simulate import as_table
from agon.data import check, comparisons
from agon.ranking import add_attack, bradley_terry_world, gate_votes
from agon.ranking.votes.vote_source import IN_NETWORK


@pytest.fixture(scope="module")
def stuffed():
    """300 honest voters in offices of five, 66 votes each, and sixty cookies of a script, ten votes each."""
    return add_attack(bradley_terry_world(12, 20_000, voters=300, seed=4), "cookies", 600, 60, seed=4)


def test_sixty_cookies_of_one_script_do_not_count_and_everybody_else_does(stuffed, tmp_path):
    """The same from arrays, a table, and votes put together; the planted 60 are all that is set aside."""
    path = tmp_path / "votes.parquet"
    pq.write_table(as_table(stuffed), path)
    parts = [comparisons(as_table(stuffed).slice(begin, 10_300)) for begin in (0, 10_300)]
    for votes in (stuffed.comparisons(), comparisons(path), parts[0] + parts[1]):
        gated = gate_votes(votes)
        (one,) = gated.networks.found
        assert (one.network.removeprefix("network-").lstrip("0"), one.voters, one.votes) == ("60", 60, 600)
        assert gated.networks.networks == 61
        honest = {int(v.voter.removeprefix("voter-")) for v in gated.voters.found} & set(range(300))
        assert len(honest) <= 2
        own = int(np.isin(stuffed.voter, list(honest)).sum())
        assert len(gated.votes) == 20_000 - own, "none of the six hundred counts, and every other vote does"
        assert sum(gated.set_aside.values()) >= 600
        assert gated.set_aside[IN_NETWORK] >= 500
    checked = check(path)
    assert "odd_network" in {one.code for one in checked.findings}
    assert checked.networks.found[0].voters == 60
    assert len(checked.networks.to_frame()) == 1


def test_five_colleagues_of_one_taste_are_no_network_to_be_judged():
    """Forty votes each, all five for one model: they are tested one by one, and not as one."""
    world = add_attack(bradley_terry_world(12, 12_000, voters=200, seed=5), "target", 200, 5, seed=5)
    near = np.where(world.hostile > 0, 9_999, world.voter // 5)
    gated = gate_votes(replace(world, network=near).comparisons())
    assert gated.networks.crowded == ()
    assert IN_NETWORK not in gated.set_aside


def test_a_class_of_sixty_is_told_of_and_counts(tmp_path):
    world = bradley_terry_world(12, 12_000, voters=260, seed=6)
    near = np.where(world.voter >= 200, 9_999, world.voter // 5)
    path = tmp_path / "votes.parquet"
    pq.write_table(as_table(replace(world, network=near)), path)
    gated = gate_votes(comparisons(path))
    (one,) = gated.networks.many
    assert (one.voters, one.votes) == (60, int((world.voter >= 200).sum()))
    assert gated.networks.found == ()
    assert IN_NETWORK not in gated.set_aside
    checked = check(path)
    assert "crowded_network" in {note.code for note in checked.notes}
    assert "odd_network" not in {one.code for one in checked.findings}


def test_a_network_of_most_voters_is_the_crowd_and_votes_without_one_are_nobodys():
    world = bradley_terry_world(8, 6_000, voters=90, seed=7)
    everyone = gate_votes(replace(world, network=np.zeros(6_000, dtype=np.int64)).comparisons())
    assert everyone.networks.found == ()
    assert gate_votes(world.comparisons()).networks is None
