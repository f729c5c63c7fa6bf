"""The state machine of a battle, move by move, without a page, a model or an event loop."""

import itertools
from random import Random

import pytest

from agon.arena.core.battle import BALLOTS, Battle, IllegalMoveError, State
from agon.arena.core.matchmaking import Matchmaker, substitute
from agon.arena.core.roster import Contestant, ModelCard
from agon.ranking.matchmaking import POLICIES
from agon.serving.generation import Generation

MODELS = [
    Contestant(ModelCard(name, name.title()), backend=None) for name in ("ash", "birch", "cedar", "elm")
]


def uniform(contestants, size, random):
    return Matchmaker(POLICIES["uniform"], [one.card.name for one in contestants]).draw(
        contestants, size, random
    )


def battle(**more):
    return Battle(id="b" * 32, voter="v", draw=uniform(MODELS, 2, Random(1)), seed=1, **more)


def whole(text="An answer."):
    return Generation(text, 3, 0.1, 0.5, "stop")


def failed(text=""):
    return Generation(text, 1, None, 0.5, None, failure="interrupted", detail="names the model")


def streaming():
    one = battle()
    one.ask("Why?")
    return one


def ready():
    one = streaming()
    one.wrote(0, "Be")
    one.wrote(0, "cause.")
    one.ended(0, whole("Because."))
    assert one.state is State.STREAMING
    one.ended(1, whole())
    return one


def test_a_battle_goes_from_drawn_to_voted():
    one = battle()
    assert one.state is State.DRAWN
    one.ask("Why?")
    assert one.state is State.STREAMING
    assert [side.messages[-1].content for side in one.sides] == ["Why?", "Why?"]
    one.wrote(1, "x")
    assert [side.status for side in one.sides] == ["waiting", "writing"]
    one.ended(1, whole())
    one.ended(0, whole())
    assert one.state is State.READY
    assert one.vote("a") == ((1, 2), None)
    assert (one.state, one.outcome) == (State.KEEPING, None)
    one.kept((1, 2), None)
    assert (one.state, one.outcome) == (State.VOTED, "a")


@pytest.mark.parametrize("outcome", BALLOTS)
def test_every_outcome_is_a_ballot(outcome):
    places, acceptable = ready().vote(outcome)
    assert {"a": (1, 2), "b": (2, 1)}.get(outcome, (1, 1)) == places
    assert {"both_bad": (False, False)}.get(outcome) == acceptable
    one = ready()
    one.kept(places, acceptable)
    assert one.outcome == outcome


MOVES = {
    "ask": lambda one: one.ask("And?"),
    "wrote": lambda one: one.wrote(0, "x"),
    "ended": lambda one: one.ended(0, whole()),
    "vote": lambda one: one.vote("a"),
    "kept": lambda one: one.kept((1, 1), None),
    "unvote": lambda one: one.unvote(),
    "void": lambda one: one.void("because"),
    "replace": lambda one: one.replace(0, MODELS[3]),
}
ALLOWED = {
    State.DRAWN: {"ask", "void"},
    State.STREAMING: {"wrote", "ended", "void"},
    State.READY: {"ask", "vote", "kept", "void"},
    State.KEEPING: {"kept", "unvote"},
    State.VOTED: set(),
    State.VOID: set(),
}


def in_state(state):
    one = {State.DRAWN: battle, State.STREAMING: streaming}.get(state, ready)()
    if state in (State.KEEPING, State.VOTED):
        one.vote("b")
    if state is State.VOTED:
        one.kept((2, 1), None)
    if state is State.VOID:
        one.void("because")
    return one


@pytest.mark.parametrize(("state", "move"), list(itertools.product(State, MOVES)))
def test_only_the_allowed_moves_are_possible(state, move):
    one = in_state(state)
    assert one.state is state
    if move in ALLOWED[state]:
        MOVES[move](one)
        return
    before = (one.state, one.outcome, [side.text for side in one.sides])
    with pytest.raises(IllegalMoveError):
        MOVES[move](one)
    assert (one.state, one.outcome, [side.text for side in one.sides]) == before


def test_the_second_vote_is_refused_and_the_first_stands():
    one = ready()
    one.vote("a")
    with pytest.raises(IllegalMoveError):
        one.vote("b")
    one.kept((1, 2), None)
    assert one.outcome == "a"


def test_an_unknown_outcome_is_no_vote():
    one = ready()
    with pytest.raises(IllegalMoveError, match="none of"):
        one.vote("c")
    assert one.state is State.READY


def test_a_side_that_fails_on_the_first_turn_is_replaced():
    one = streaming()
    one.wrote(0, "half an ans")
    one.ended(0, failed("half an ans"))
    assert one.state is State.STREAMING
    others = [contestant for contestant in MODELS if contestant.card.name not in one.models]
    first = one.models[0]
    one.replace(0, others[0])
    assert one.models[0] != first
    assert one.sides[0].text == ""
    assert one.sides[0].replaced
    assert not one.sides[1].replaced
    assert [message.content for message in one.sides[0].messages] == ["Why?"]
    one.ended(1, whole())
    one.ended(0, whole())
    assert one.state is State.READY


def test_nobody_is_replaced_on_a_later_turn():
    one = ready()
    one.ask("And then?")
    one.ended(1, failed("half"))
    with pytest.raises(IllegalMoveError):
        one.replace(1, MODELS[3])
    one.void("answer B failed")
    with pytest.raises(IllegalMoveError):
        one.vote("a")


def test_a_failed_side_never_makes_a_battle_ready():
    for order in ((0, 1), (1, 0)):
        one = streaming()
        for slot in order:
            one.ended(slot, failed() if slot == 0 else whole())
        assert one.state is State.STREAMING


def test_the_conversation_grows_on_the_server():
    one = ready()
    one.ask("And then?")
    assert [message.role for message in one.sides[0].messages] == ["user", "assistant", "user"]
    assert one.sides[0].messages[1].content == "Because."
    assert one.sides[0].text == ""
    assert one.turn == 2


def test_stopping_before_a_word_is_no_battle():
    one = streaming()
    one.ended(0, Generation("", 0, None, 0.1, "stopped"))
    one.ended(1, Generation("Half", 1, 0.1, 0.1, "stopped"))
    assert one.state is State.VOID


def test_stopping_halfway_can_be_judged():
    one = streaming()
    one.ended(0, Generation("A", 1, 0.1, 0.1, "stopped"))
    one.ended(1, Generation("B", 1, 0.1, 0.1, "stopped"))
    assert one.state is State.READY


def test_the_system_prompt_is_the_models_own():
    contestants = [Contestant(ModelCard(n, n), backend=None, system_prompt=f"You are {n}.") for n in "pq"]
    one = Battle(id="b", voter="v", draw=uniform(contestants, 2, Random(0)), seed=0)
    one.ask("Hi")
    for side in one.sides:
        assert [m.role for m in side.messages] == ["system", "user"]
        assert side.messages[0].content == side.contestant.system_prompt


def test_uniform_draws_every_order_of_every_pair_alike():
    random, seen = Random(3), {}
    rounds = 12_000
    for _ in range(rounds):
        draw = uniform(MODELS, 2, random)
        key = tuple(contestant.card.name for contestant in draw.contestants)
        seen[key] = seen.get(key, 0) + 1
        assert draw.group_probability == pytest.approx(1 / 6)
        assert draw.pair_probabilities == (pytest.approx(1 / 6),)
    assert len(seen) == 12
    expected = rounds / 12
    assert (
        sum((count - expected) ** 2 / expected for count in seen.values()) < 31.3
    )  # chi-square, 11 df, 0.001


def test_pair_probabilities_of_larger_groups_are_the_marginal_ones():
    draw = uniform(MODELS, 3, Random(0))
    assert draw.group_probability == pytest.approx(1 / 4)
    assert draw.pair_probabilities == (pytest.approx(1 / 2),) * 3  # each pair is in 2 of the 4 groups


def test_too_few_candidates_are_no_battle():
    with pytest.raises(ValueError, match="2 models are needed"):
        uniform(MODELS[:1], 2, Random(0))


def test_a_substitute_comes_with_its_probability():
    contestant, probability = substitute(MODELS[2:], Random(0))
    assert contestant in MODELS[2:]
    assert probability == 1 / 2
    assert substitute([], Random(0)) is None
