"""Ballots on three to six answers through the arena: what fails, what is forged, what is kept and ranked."""

import asyncio
import json
import time

import duckdb
import pytest

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.battle import State
from agon.arena.core.battles.resume import resume_battle
from agon.arena.core.roster import Contestant, ModelCard
from agon.data.log.records import GenerationRecord
from agon.data.log.vote_log import VoteLog
from agon.serving.protocol import Delta, End
from tests.support.arena_server import Scripted, awaited, open_arena, roster


def models(size, failing=0, more=0, **how):
    how = {"fails": "interrupted", "after": 1, **how}
    bad = [Scripted("half of it", **how) for _ in range(failing)]
    return roster(*bad, *(Scripted(f"Answer {n}.") for n in range(size - failing + more)))


@pytest.fixture
def opened(tmp_path):
    """Open an arena whose battles have `size` answers; all of its models answer, if there are no more."""

    def open_one(size, failing=0, more=0, **how):
        settings = ArenaSettings(answers=size, seed=7)
        return open_arena(tmp_path / "log", models(size, failing, more, **how), settings)

    return open_one


def cast(visitor, view, places, acceptable=None, **more):
    body = {"turn": view["turn"], "places": places, "acceptable": acceptable, "token": view["token"], **more}
    return visitor.post(f"/api/battles/{view['battle']}/vote", body)


CAST = [
    (3, [2, 1, 3], None),
    (4, [2, 1, 1, 3], [True, True, True, False]),
    (4, [1, 1, 1, 1], [False] * 4),
    (6, [None, None, 1, None, None, None], None),
    (6, [6, 5, 4, 3, 2, 1], None),
]


@pytest.mark.parametrize(("size", "places", "acceptable"), CAST, ids=str)
def test_a_ballot_is_kept_as_it_was_cast_and_names_are_told_after_it(opened, size, places, acceptable):
    with opened(size) as server:
        visitor = server.visitor()
        view = visitor.ready()
        assert [side["letter"] for side in view["sides"]] == list("ABCDEF"[:size])
        assert b"canary" not in visitor.bytes.lower()
        seen = cast(visitor, view, places, acceptable).json()
        kept = server.log.vote(view["battle"])
        assert kept.places == tuple(places)
        assert kept.acceptable == (acceptable and tuple(acceptable))
        assert (seen["places"], seen["acceptable"], seen["outcome"]) == (places, acceptable, None)
        assert sorted(seen["models"]) == [f"canary-{n}-id" for n in range(size)]
        for name in seen["models"]:
            assert f"Canary {name[7]} Shown" in seen["html"]
        first = [model for model, place in zip(seen["models"], places, strict=True) if place == 1]
        assert seen["html"].count("ag-win") == len(first)
        assert cast(visitor, view, places, acceptable).json()["error"] == "already_voted"
        assert server.log.count() == 1


FORGED = [
    {"places": [1, 2, 3]},
    {"places": [1, 2, 3, 4, 5]},
    {"places": [1, 1, 3, 4]},
    {"places": [0, 1, 2, 3]},
    {"places": [None] * 4},
    {"places": []},
    {},
    {"places": [1, 2, 3, 4], "acceptable": [False, True, True, True]},
    {"places": [1, 2, 3, 4], "acceptable": [True]},
    {"places": [1, 2, 3, "4"]},
    {"places": [1, 2, 3, 10**30]},
    {"places": [True, 2, 3, 4]},
    {"outcome": "a"},
    {"outcome": "both_bad"},
]


def test_a_forged_ballot_is_refused_and_tells_nothing(opened):
    with opened(4) as server:
        visitor = server.visitor()
        view = visitor.ready()
        for forged in FORGED:
            body = {"turn": 1, "token": view["token"], **forged}
            answer = visitor.post(f"/api/battles/{view['battle']}/vote", body)
            assert (answer.status_code, server.log.count()) == (422, 0), forged
            assert b"canary" not in visitor.bytes.lower(), forged
        assert cast(visitor, view, [1, 2, 3, 4]).status_code == 200


def test_the_right_to_vote_is_that_of_two_answers(opened):
    with opened(3) as server:
        one, other = server.visitor(), server.visitor()
        view, theirs = one.ready(), other.ready()
        assert cast(other, view, [1, 2, 3]).status_code in (403, 404)
        assert cast(one, {**view, "token": theirs["token"]}, [1, 2, 3]).json()["error"] == "bad_token"
        assert cast(one, {**view, "turn": 2}, [1, 2, 3]).json()["error"] == "bad_token"
        assert server.log.count() == 0


def test_two_answers_take_places_too(opened):
    with opened(2) as server:
        visitor = server.visitor()
        view = visitor.ready()
        assert cast(visitor, view, [1, None]).status_code == 422
        assert cast(visitor, view, [2, 1]).json()["outcome"] == "b"


@pytest.mark.parametrize("size", [3, 4, 6])
def test_one_that_fails_leaves_the_others_and_is_recorded(opened, size, tmp_path):
    with opened(size, failing=1) as server:
        visitor = server.visitor()
        view = visitor.ready()
        gone = [side["slot"] for side in view["sides"] if side["status"] == "failed"]
        assert len(gone) == 1 and view["sides"][gone[0]]["text"] == ""
        assert view["standing"] == [slot for slot in range(size) if slot != gone[0]]
        assert "was left out" in view["html"] and "half of it" not in view["html"]
        assert (
            server.arena.contestants.endings.asked("canary-0-id") == 0
        )  # nothing public moves before the vote
        assert cast(visitor, view, list(range(1, size + 1))).status_code == 422
        seen = cast(visitor, view, list(range(1, size))).json()
        assert len(seen["models"]) == size - 1 and "canary-0-id" not in seen["models"]
        assert "Canary 0 Shown" not in seen["html"]
        assert server.arena.contestants.endings.asked("canary-0-id") == 1
        records = server.log.records(view["battle"])
        failures = [r.slot for r in records if isinstance(r, GenerationRecord) and r.failure]
        assert failures == gone
        assert len(server.log.comparisons().models) == size - 1
        assert visitor.get(f"/api/battles/{view['battle']}/change").json()["html"].count("ag-change-row") >= 2
    rows = (
        duckdb.connect()
        .sql(f"FROM '{tmp_path}/log/votes/arena.parquet' SELECT len(models), places, failed, replaced")
        .fetchall()
    )
    assert rows == [(size - 1, list(range(1, size)), 1, False)]


def test_all_but_one_that_fail_make_it_void_and_move_no_score(opened):
    with opened(4, failing=3) as server:
        visitor = server.visitor()
        view = visitor.finish(visitor.start()["battle"])
        assert view["state"] == "void"
        assert "Three of four answers failed. Nothing was counted." in view["html"]
        assert server.log.count() == 0
        assert b"canary" not in visitor.bytes.lower()


def test_the_last_two_are_replaced_on_the_first_turn_as_two_always_were(opened):
    with opened(3, failing=2, more=1) as server:
        visitor = server.visitor()
        for _ in range(20):
            view = visitor.ready()
            failed = [side["status"] for side in view["sides"]].count("failed")
            if failed and "was replaced" in view["html"]:
                break
        assert len(view["standing"]) == 2
        seen = cast(visitor, view, [2, 1]).json()
        assert seen["state"] == "voted"
        assert set(seen["models"]) == {"canary-2-id", "canary-3-id"}


def test_a_failure_on_a_later_turn_leaves_the_others(opened):
    with opened(3, failing=1, on_turn=2) as server:
        visitor = server.visitor()
        view = visitor.ready()
        assert len(view["standing"]) == 3
        visitor.post(f"/api/battles/{view['battle']}/prompts", {"prompt": "And then?"})
        view = visitor.finish(view["battle"])
        assert (view["state"], len(view["standing"])) == ("ready", 2)
        assert view["html"].count("turn 1") == 2
        seen = cast(visitor, view, [1, 1], [False, False]).json()
        assert seen["outcome"] == "both_bad"
        assert len(seen["models"]) == 2


def test_a_battle_of_many_is_taken_up_again(opened):
    """After a restart it stands as it stood, without the side that failed; its failure is counted once."""
    with opened(4, failing=1) as server:
        visitor = server.visitor()
        view = visitor.ready()
    with opened(4) as server:
        assert server.arena.contestants.endings.asked("canary-0-id") == 0
        again = server.visitor()
        again.http.cookies = visitor.http.cookies
        seen = again.get(f"/api/battles/{view['battle']}").json()
        assert (seen["state"], seen["standing"]) == ("ready", view["standing"])
        assert cast(again, seen, [3, 1, 2]).json()["places"] == [3, 1, 2]
        assert server.arena.contestants.endings.asked("canary-0-id") == 1
        records = server.log.records(view["battle"])
    battle = resume_battle(records, lambda name: Contestant(ModelCard(name, name), backend=None), None)
    assert (battle.state, battle.ballot) == (State.VOTED, ((3, 1, 2), None))
    with opened(4) as server:
        assert server.arena.contestants.endings.asked("canary-0-id") == 1


class Slow(Scripted):
    """Writes nothing for a long while."""

    async def stream(self, messages, sampling):
        await asyncio.sleep(30)
        yield Delta("late")
        yield End("stop")


def test_stopped_answers_are_judged_only_when_it_is_meant(tmp_path):
    settings = ArenaSettings(answers=3, seed=7)
    slow = roster(Scripted("word " * 3000, gap=0.01), Scripted("word " * 3000, gap=0.01), Scripted("All."))
    with open_arena(tmp_path, slow, settings) as server:
        visitor = server.visitor()
        battle = visitor.start()["battle"]
        view, wrote = {}, set()
        for kind, data in visitor.events(battle):
            if kind == "view":
                view = data
            elif data["html"]:
                wrote.add(data["letter"])
                if len(wrote) == 3:
                    visitor.post(f"/api/battles/{battle}/stop", {})
        answer = cast(visitor, view, [1, 2, 3])
        assert answer.json()["error"] == "unfinished"
        assert cast(visitor, view, [1, 2, 3], unfinished=True).status_code == 200


def test_one_without_a_word_is_left_out_when_all_are_stopped(tmp_path):
    """Two of three are judged, at once and after a restart; nobody's reliability suffers; the log tells."""
    models = roster(Slow(), Scripted("One."), Scripted("Two."))
    settings = ArenaSettings(answers=3, seed=7)
    with open_arena(tmp_path / "log", models, settings) as server:
        visitor = server.visitor()
        battle = visitor.start()["battle"]
        asked = [one.backend for one in models.contestants[1:]]
        while not all(backend.closed for backend in asked):  # both have written, and nobody sees it yet
            time.sleep(0.05)
        visitor.post(f"/api/battles/{battle}/stop", {})
        view = visitor.finish(battle)
        assert (view["state"], len(view["standing"]), view["uneven"]) == ("ready", 2, False)
        assert "had no word yet when you stopped" in view["html"]
        again = awaited(
            lambda: resume_battle(server.records(battle), server.arena.contestants.ever, None),
            lambda resumed: resumed.state is State.READY,
        )
        assert list(again.standing) == view["standing"]
        kept = cast(visitor, view, [2, 1]).json()
        assert kept["counted"] and "canary-0-id" not in kept["models"]
        assert server.arena.contestants.endings.failures("canary-0-id") == {}
        assert len(server.log.comparisons().models) == 2
    rows = (
        duckdb.connect()
        .sql(f"FROM '{tmp_path}/log/votes/arena.parquet' SELECT len(models), places, failed")
        .fetchall()
    )
    assert rows == [(2, [2, 1], 1)]


def test_too_few_models_are_said_with_the_number(tmp_path):
    class Deaf(Scripted):
        def accepts(self, messages):
            return False

    with open_arena(tmp_path, roster(Scripted(), Scripted(), Deaf()), ArenaSettings(answers=3)) as server:
        said = server.visitor().post("/api/battles", {"prompt": "Why?"})
        assert said.status_code == 503
        assert said.json()["sentence"].startswith(
            "A battle needs 3 models, and 2 can answer this prompt now."
        )


def test_the_limits_are_those_of_two_answers(tmp_path):
    settings = ArenaSettings(answers=4, running_per_voter=1)
    with open_arena(tmp_path, roster(*(Slow() for _ in range(4))), settings) as server:
        visitor = server.visitor()
        battle = visitor.start()["battle"]
        assert visitor.post("/api/battles", {"prompt": "Why?"}).status_code == 429
        visitor.post(f"/api/battles/{battle}/stop", {})
        view = visitor.finish(battle)
        assert view["state"] == "void"
        assert "The battle was stopped before all had written. Nothing was counted." in view["html"]


def test_from_votes_to_a_board_of_plackett_luce(opened, run, tmp_path):
    """Who always puts one model first, whatever the order, gets it first; the numbers of votes are theirs."""
    with opened(4) as server:
        for _ in range(3):
            visitor = server.visitor()
            view = visitor.ready()
            slots = {int(side["text"][-2]): side["slot"] for side in view["sides"]}
            places = [0] * 4
            for place, number in enumerate((2, 0, 3, 1), start=1):
                places[slots[number]] = place
            assert cast(visitor, view, places).status_code == 200
        visitor = server.visitor()
        view = visitor.ready()
        top = next(side["slot"] for side in view["sides"] if side["text"] == "Answer 0.")
        assert cast(visitor, view, [1 if slot == top else None for slot in range(4)]).status_code == 200
    status, out, error = run("rank", tmp_path / "log", "--method", "plackett_luce", "-f", "json")
    assert status == 0, error
    board = json.loads(out)["boards"][0]
    assert board["method"] == "plackett_luce"
    assert {one["model"]: one["votes"] for one in board["models"]} == {f"canary-{n}-id": 4 for n in range(4)}


def test_a_log_of_pairs_and_of_many_is_one_log(tmp_path):
    for size in (2, 3):
        with open_arena(tmp_path / "log", models(3), ArenaSettings(answers=size)) as server:
            visitor = server.visitor()
            assert cast(visitor, visitor.ready(), list(range(1, size + 1))).status_code == 200
    with VoteLog(tmp_path / "log") as log:
        assert len(log.comparisons().models) == 3
        assert log.count() == 2
