"""Battles outlive the process: taken up again from the log as they stood."""

import pytest

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.battle import State
from agon.arena.core.battles.open_battles import AWAITED
from agon.arena.core.battles.resume import resume_battle
from agon.arena.core.operation.life_cycle import VOTED_SECONDS
from agon.arena.core.roster import Contestant, ModelCard
from agon.data.log.records import ReplacementRecord, TurnRecord
from tests.support.arena_server import Scripted, awaited, open_arena, roster
from tests.support.log_records import NOON, answer, battle, vote


def resumed(*records):
    return resume_battle(records, lambda name: Contestant(ModelCard(name, name), backend=None), None)


def both(drawn, turn=1):
    return [
        answer(drawn.battle_id, slot, name, turn=turn, finish_reason="stop")
        for slot, name in enumerate(drawn.models)
    ]


def test_what_was_written_decides_where_it_stands():
    drawn = battle()
    b = drawn.battle_id
    left, right = both(drawn)
    again = TurnRecord(b, 2, "And?", NOON)
    failed = answer(b, 0, "ada", failure="timeout", text="")
    taken, other = ReplacementRecord(b, 0, "cyn", 0.5, NOON), answer(b, 0, "cyn", finish_reason="stop")
    assert resumed() is None
    for records, state, models in (
        ([drawn], State.VOID, drawn.models),
        ([drawn, left], State.VOID, drawn.models),
        ([drawn, left, right], State.READY, drawn.models),
        ([drawn, left, right, vote(b)], State.VOTED, drawn.models),
        ([drawn, failed, right], State.VOID, drawn.models),
        ([drawn, failed, taken, other, right], State.READY, ("cyn", "bob")),
        ([drawn, failed, taken, right], State.VOID, ("cyn", "bob")),
        ([drawn, left, right, again], State.VOID, drawn.models),
        ([drawn, left, right, again, *both(drawn, 2)], State.READY, drawn.models),
    ):
        found = resumed(*records)
        assert (found.state, found.models, found.id, found.voter) == (state, models, b, "v1"), records
    assert found.turn == 2
    assert [message.role for message in found.sides[0].messages] == ["user", "assistant", "user"]
    assert resumed(drawn, left, right, vote(b, (1, 1), (False, False))).outcome == "both_bad"


def test_a_ready_battle_takes_its_vote_after_a_restart(tmp_path):
    models = roster(Scripted("one"), Scripted("two"))
    with open_arena(tmp_path, models) as server:
        guest, other = server.visitor(), server.visitor()
        ready, voted = guest.ready(), guest.ready()
        receipt = guest.vote(voted, "b").json()["receipt"]
        cookies, theirs = guest.http.cookies, other.http.cookies
    with open_arena(tmp_path, models) as server:
        guest, other = server.visitor(), server.visitor()
        guest.http.cookies, other.http.cookies = cookies, theirs
        seen = guest.get("/leaderboard").text
        view = guest.get(f"/api/battles/{ready['battle']}").json()
        assert (view["state"], [side["text"] for side in view["sides"]]) == (
            "ready",
            [side["text"] for side in ready["sides"]],
        )
        assert "canary" not in str(view).lower()
        assert guest.get("/leaderboard").text == seen
        assert other.get(f"/api/battles/{ready['battle']}").status_code == 404
        again = guest.get(f"/api/battles/{voted['battle']}").json()
        assert (again["state"], again["outcome"], again["receipt"]) == ("voted", "b", receipt)
        assert guest.vote(ready, "tie").json()["receipt"] == receipt + 1, "with the right it had before"
        assert "100.0%" in guest.get("/leaderboard").text


def left(server, views, seconds):
    """Let battles have been left alone for so long, and the arena look after them."""
    for view in views:
        server.arena.battles.own(server.voter, view["battle"], 1e9).touched -= seconds
    gone = {view["battle"] for view in views}
    awaited(lambda: {one.battle.id for one in server.arena.battles.all()}, lambda here: not here & gone)


def test_a_battle_that_nobody_looks_at_is_in_the_log_alone_and_the_same_there(tmp_path):
    """It kept its answers in memory for six hours; 14,400 battles of one network were 360 MB."""
    with open_arena(tmp_path, roster(Scripted("one"), Scripted("two"))) as server:
        guest = server.visitor()
        voted, ready, never = guest.ready(), guest.ready("How?"), guest.ready("When?")
        after = guest.vote(voted, "b").json()
        pages = [guest.get(f"/api/battles/{one['battle']}").json() for one in (voted, ready)]
        (server.voter,) = {one.battle.voter for one in server.arena.battles.all()}
        ends = server.arena.contestants.endings
        asked = sum(ends.all_asked().values())
        left(server, (voted, ready, never), AWAITED + 1)
        assert sum(ends.all_asked().values()) == asked == 2, "nobody learns from the page who answered"
        again = [guest.get(f"/api/battles/{one['battle']}").json() for one in (voted, ready)]
        for before, now in zip(pages, again, strict=True):
            same = before.keys() - {"html", "token"}
            assert {name: before[name] for name in same} == {name: now[name] for name in same}
        assert again[0]["record"] == after["record"] != ""
        assert guest.vote(ready, "tie").json()["receipt"] == after["receipt"] + 1
        assert sum(ends.all_asked().values()) == 4
        (given_up,) = server.arena.battles.given_up(0.0)
        assert [failure for _, failure in given_up] == [None, None], "of the third, which nobody came back to"
        assert list(server.arena.battles.given_up(0.0)) == []
        left(server, (voted, ready), VOTED_SECONDS + 1)
        assert sum(ends.all_asked().values()) == 4, "each once"


def test_a_battle_that_was_cut_off_says_so(tmp_path):
    models = roster(Scripted("a b c d", gap=0.5), Scripted("e f g h", gap=0.5))
    with open_arena(tmp_path, models) as server:
        guest = server.visitor()
        view, cookies = guest.start(), guest.http.cookies
    with open_arena(tmp_path, models, ArenaSettings(seed=1)) as server:
        guest = server.visitor()
        guest.http.cookies = cookies
        view = guest.get(f"/api/battles/{view['battle']}").json()
        assert view["state"] == "void"
        assert "The arena was restarted before both had written." in view["html"]


@pytest.mark.parametrize("battle_id", ["0" * 32, "x", "'; DROP TABLE votes; --"])
def test_what_the_log_does_not_hold_is_nobodys(tmp_path, battle_id):
    with open_arena(tmp_path, roster(Scripted(), Scripted())) as server:
        assert server.visitor().get(f"/api/battles/{battle_id}").status_code == 404
