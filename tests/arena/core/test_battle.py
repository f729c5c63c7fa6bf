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
    Contestant(ModelCard(name, name.title()), backend=None)
    for name in ("ash", "birch", "cedar", "elm", "fir", "oak")
]


def uniform(contestants, size, random):
    return Matchmaker(POLICIES["uniform"], [one.card.name for one in contestants]).draw(
        contestants, size, random
    )


def battle(size=2):
    return Battle(id="b" * 32, voter="v", draw=uniform(MODELS, size, Random(1)), seed=1)


def whole(text="An answer."):
    return Generation(text, 3, 0.1, 0.5, "stop")


def failed(text=""):
    return Generation(text, 1, None, 0.5, None, failure="interrupted", detail="names the model")


def streaming(size=2):
    one = battle(size)
    one.ask("Why?")
    return one


def ready(size=2):
    one = streaming(size)
    one.wrote(0, "Be")
    one.wrote(0, "cause.")
    one.ended(0, whole("Because."))
    for slot in range(1, size):
        assert one.state is State.STREAMING
        one.ended(slot, whole())
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
    one.vote(((1, 2), None))
    assert (one.state, one.outcome) == (State.KEEPING, None)
    one.kept(((1, 2), None))
    assert (one.state, one.outcome) == (State.VOTED, "a")


@pytest.mark.parametrize("outcome", BALLOTS)
def test_every_outcome_is_a_ballot(outcome):
    places, acceptable = BALLOTS[outcome]
    assert {"a": (1, 2), "b": (2, 1)}.get(outcome, (1, 1)) == places
    assert {"both_bad": (False, False)}.get(outcome) == acceptable
    one = ready()
    one.vote(BALLOTS[outcome])
    one.kept(BALLOTS[outcome])
    assert one.outcome == outcome


MOVES = {
    "ask": lambda one: one.ask("And?"),
    "wrote": lambda one: one.wrote(0, "x"),
    "ended": lambda one: one.ended(0, whole()),
    "vote": lambda one: one.vote(BALLOTS["a"]),
    "kept": lambda one: one.kept(BALLOTS["tie"]),
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
        one.vote(BALLOTS["b"])
    if state is State.VOTED:
        one.kept(BALLOTS["b"])
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
    one.vote(BALLOTS["a"])
    with pytest.raises(IllegalMoveError):
        one.vote(BALLOTS["b"])
    one.kept(BALLOTS["a"])
    assert one.outcome == "a"


@pytest.mark.parametrize(
    ("places", "acceptable", "why"),
    [
        ((1, 2, 3), None, "4 answers and 3 places"),
        ((1, 2, 3, 4, 5), None, "4 answers and 5 places"),
        ((1, 2, 4, 3), (True,) * 3, "3 values of acceptable"),
        ((1, 2, 2, 4), None, "without gaps"),
        ((0, 1, 2, 3), None, "without gaps"),
        ((2, 2, None, None), None, "without gaps"),
        ((None,) * 4, None, "without gaps"),
        ((1, 2, 3, 4), (False, True, True, True), "stands below"),
        ((1, 1, 2, 2), (True, False, False, False), "stands below"),
        ((1, 2, None, None), (True, False, True, False), "stands below"),
    ],
)
def test_a_forged_ballot_is_no_vote(places, acceptable, why):
    one = ready(4)
    with pytest.raises(IllegalMoveError, match=why):
        one.vote((places, acceptable))
    assert (one.state, one.ballot) == (State.READY, None)


def test_of_two_answers_both_have_a_place():
    for places in ((1, None), (None, 1), (1,), (1, 2, 3)):
        one = ready()
        with pytest.raises(IllegalMoveError):
            one.vote((places, None))


BALLOTS_OF_MANY = [
    ((1, 2, 3), None),
    ((2, 1, 1, 3), None),
    ((1, None, None, None), None),
    ((1, 2, None, None, None, None), None),
    ((1, 1, 1), (False, False, False)),
    ((2, 1, 1, 3), (True, True, True, False)),
    ((3, 1, 2, 2, 4, 5), (False, True, True, True, False, False)),
    ((2, 1, None), (False, True, False)),
]


@pytest.mark.parametrize("ballot", BALLOTS_OF_MANY, ids=str)
def test_a_ballot_of_many_is_kept_as_it_was_cast(ballot):
    one = ready(len(ballot[0]))
    one.vote(ballot)
    one.kept(ballot)
    assert (one.state, one.ballot, one.outcome) == (State.VOTED, ballot, None)


@pytest.mark.parametrize("last", [False, True], ids=["fails first", "fails last"])
def test_one_of_more_than_two_that_fails_is_withdrawn(last):
    one = streaming(4)
    if not last:
        one.ended(2, failed("half"))
        one.withdraw(2)
    for slot in (0, 1, 3):
        assert one.state is State.STREAMING
        one.ended(slot, whole())
    if last:
        assert one.state is State.STREAMING
        one.ended(2, failed("half"))
        assert one.state is State.STREAMING
        one.withdraw(2)
    assert (one.state, one.standing, one.sides[2].text) == (State.READY, (0, 1, 3), "")
    with pytest.raises(IllegalMoveError, match="3 answers and 4 places"):
        one.vote(((1, 2, 3, 4), None))
    one.ask("And then?")
    assert [len(side.messages) for side in one.sides] == [3, 3, 1, 3]
    assert len(one.first_answers) == 3


def test_who_is_withdrawn_failed_and_leaves_two():
    one = streaming(3)
    with pytest.raises(IllegalMoveError, match="only a side that failed"):
        one.withdraw(0)
    one.ended(0, failed())
    one.withdraw(0)
    one.ended(1, failed())
    for slot in (0, 1):
        with pytest.raises(IllegalMoveError, match="only a side that failed"):
            one.withdraw(slot)


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
        one.vote(BALLOTS["a"])


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
        draw = uniform(MODELS[:4], 2, random)
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
    draw = uniform(MODELS[:4], 3, Random(0))
    assert draw.group_probability == pytest.approx(1 / 4)
    assert draw.pair_probabilities == (pytest.approx(1 / 2),) * 3  # each pair is in 2 of the 4 groups


def test_too_few_candidates_are_no_battle():
    with pytest.raises(ValueError, match="2 models are needed"):
        uniform(MODELS[:1], 2, Random(0))


def test_a_substitute_comes_with_its_probability():
    contestant, probability = substitute(MODELS[2:4], Random(0))
    assert contestant in MODELS[2:]
    assert probability == 1 / 2
    assert substitute([], Random(0)) is None
