"""A policy at work in an arena: on those who can answer, with what the log knows and what is in flight."""

from itertools import combinations
from random import Random

import pytest

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.matchmaking import Matchmaker
from agon.arena.core.roster import Contestant, ModelCard
from agon.data.log.vote_log import VoteLog
from agon.ranking.matchmaking import POLICIES, choose_policy
from tests.support.arena_server import Scripted, awaited, open_arena, roster
from tests.support.log_records import battle, put, vote, voted

NAMES = ("ash", "birch", "cedar", "elm", "fir", "oak")
EVERYONE = [Contestant(ModelCard(name, name), backend=None) for name in NAMES]


def names(draw):
    return tuple(one.card.name for one in draw.contestants)


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_a_draw_says_how_likely_it_was(name):
    """Of many draws of three, each group and pair comes as often as the draws of it say."""
    maker, random, n = Matchmaker(choose_policy(name, floor=0.3), NAMES), Random(1), 3000
    groups, pairs, said, told = {}, {}, {}, {}
    for _ in range(n):
        draw = maker.draw(EVERYONE, 3, random)
        group = frozenset(names(draw))
        groups[group] = groups.get(group, 0) + 1
        said[group] = draw.group_probability
        for pair, chance in zip(combinations(names(draw), 2), draw.pair_probabilities, strict=True):
            pairs[frozenset(pair)] = pairs.get(frozenset(pair), 0) + 1
            assert told.setdefault(frozenset(pair), chance) == pytest.approx(chance)
        assert (draw.policy, draw.version) == (name, 1)
    for counts, chances in ((groups, said), (pairs, told)):
        for which, count in counts.items():
            p = chances[which]
            assert abs(count - n * p) < 5 * (n * p * (1 - p)) ** 0.5 + 1
    assert sum(said.values()) == pytest.approx(1)


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_paused_models_and_those_that_cannot_answer_are_not_drawn(name):
    maker = Matchmaker(choose_policy(name), NAMES, paused=("oak", "ash"))
    assert [one.card.name for one in maker.drawable(EVERYONE)] == list(NAMES[1:5])
    seen = {model for seed in range(60) for model in names(maker.draw(EVERYONE[:4], 2, Random(seed)))}
    assert seen == {"birch", "cedar", "elm"}
    with pytest.raises(ValueError, match="2 models are needed for a battle, 1 can answer"):
        maker.draw(EVERYONE[:2], 2, Random(0))


def test_it_learns_from_the_votes_of_a_log(tmp_path):
    """Two of the four were never voted on, and tell most by meeting each other."""
    with VoteLog(tmp_path) as log:
        for places in ((1, 2), (2, 1)) * 6:
            voted(log, ("ash", "cedar"), places)
        maker = Matchmaker(choose_policy("information", floor=0.0), NAMES[:4])
        assert set(names(maker.draw(EVERYONE[:4], 2, Random(0)))) == {"ash", "birch"}
        maker.learn(log.comparisons(), log.count())
    assert maker.learned == 12
    assert set(names(maker.draw(EVERYONE[:4], 2, Random(0)))) == {"birch", "elm"}


@pytest.mark.parametrize("name", ["information", "ksort"])
def test_battles_that_are_awaited_count(name):
    """With ash and birch in flight, others are drawn; with nobody, the first ones."""
    maker = Matchmaker(choose_policy(name, floor=0.0), NAMES)
    first = set(names(maker.draw(EVERYONE, 2, Random(0))))
    assert first == {"ash", "birch"}
    assert not first & set(names(maker.draw(EVERYONE, 2, Random(0), [("birch", "ash")])))
    assert not first & set(names(maker.draw(EVERYONE, 2, Random(0), [("birch", "ash"), ("gone", "oak")])))


def test_an_arena_draws_by_its_policy_and_logs_it(tmp_path):
    """Six models in three disjoint battles while all are in flight; then votes are learned from."""
    models = roster(*(Scripted(f"Answer {number}.") for number in range(6)))
    settings = ArenaSettings(seed=7, policy=choose_policy("information", floor=0.0), learn_every=0.1)
    with open_arena(tmp_path, models, settings) as server:
        views = [server.visitor().start() for _ in range(3)]
        drawn = [server.records(view["battle"])[0] for view in views]
        assert sorted(model for record in drawn for model in record.models) == sorted(
            one.card.name for one in models.contestants
        )
        assert {(one.policy, one.policy_version, one.group_probability) for one in drawn} == {
            ("information", 1, 1.0)
        }
        assert {one.pair_probabilities for one in drawn} == {(1.0,)}
        voter = server.visitor()
        voter.vote(voter.ready())
        awaited(lambda: server.arena.contestants.matchmaker.learned, lambda votes: votes == 1)


def test_an_arena_whose_only_vote_does_not_count_opens_and_draws(tmp_path):
    models = roster(Scripted("One."), Scripted("Two."), Scripted("Three."))
    seen = tuple(one.card.name for one in models.contestants[:2])
    with VoteLog(tmp_path) as log:
        drawn = battle(seen)
        put(log, drawn, vote(drawn.battle_id, blind=False))
    with open_arena(tmp_path, models, ArenaSettings(seed=7, policy=choose_policy("near"))) as server:
        assert server.visitor().start()["state"] == "streaming"
        assert server.arena.contestants.matchmaker.learned == 0
