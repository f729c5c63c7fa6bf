"""A visitor's own page, and what they take back: by the forms of the page, over a real server and log."""

import json
import re

import pytest

from agon.arena.cli.commands import main
from agon.data.log.recovery import verify_log
from agon.data.log.vote_log import VoteLog
from tests.support.arena_server import Scripted, open_arena, roster

FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}


def post(visitor, path, body, **headers):
    """Send a form as a browser does, and follow where it leads."""
    answer = visitor.http.post(path, content=body, headers=FORM | headers)
    if answer.status_code != 303:
        return answer
    return visitor.get(str(answer.url.join(answer.headers["location"]).raw_path, "ascii"))


def board(capsys, *arguments):
    """The board that the command prints."""
    assert main(["rank", *map(str, arguments), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["boards"][0]
    return found["settings"]["votes"], found["fingerprint"]


def test_a_vote_that_is_withdrawn_counts_nowhere_and_is_not_cast_again(tmp_path, capsys):
    models = roster(Scripted("Rayleigh."), Scripted("It just is."))
    with open_arena(tmp_path, models) as arena:
        one, other = arena.visitor(), arena.visitor()
        assert "You have not compared anything here yet" in one.get("/you").text
        views = [one.ready(f"Why {n}?") for n in range(3)]
        voted = [one.vote(view).json() for view in views[:2]]
        listed = one.get("/you").text
        assert "Canary" not in listed[listed.index("Why 2?") : listed.index("Why 1?")], "no vote, no names"
        assert "You did not vote." in one.get(f"/you?battle={views[2]['battle']}").text
        assert "Canary" not in one.get(f"/you?battle={views[2]['battle']}").text
        other.vote(other.ready("Why 0?"), "b")
        page = one.get("/you")
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-robots-tag"] == "noindex"
        assert all(view["record"][:16] in page.text for view in voted)
        assert "2 votes of yours count" in page.text
        mine = views[0]["battle"]
        assert other.get(f"/you?battle={mine}").status_code == 404
        head = arena.log._events.chain.at.hash
        refused = {
            (post(other, "/you/withdraw", f"battle={mine}").status_code, "somebody else's"),
            (post(one, "/you/withdraw", f"battle={views[2]['battle']}").status_code, "no vote"),
            (post(one, "/you/withdraw", "all=yes").status_code, "not sure"),
            (
                post(one, "/you/withdraw", f"battle={mine}", **{"sec-fetch-site": "cross-site"}).status_code,
                "far",
            ),
            (one.post("/you/withdraw", {"battle": mine}).status_code, "no form"),
        }
        assert {status for status, _ in refused} == {404, 409, 422, 403, 415}
        assert arena.log.counted() == 3, "nothing was withdrawn so far"
        before = one.get("/api/leaderboard").json()["boards"][0]["settings"]["votes"]
        page = post(one, "/you/withdraw", f"battle={mine}")
        assert "Boards do not count it any more" in page.text
        assert "This vote is withdrawn" in page.text
        assert post(one, "/you/withdraw", f"battle={mine}").status_code == 409
        after = one.get("/api/leaderboard").json()["boards"][0]["settings"]["votes"]
        assert (before, after) == (3, 2)
        assert "None: you withdrew it" in one.get(f"/api/battles/{mine}").json()["html"]
        assert one.vote(views[0]).json()["error"] == "already_voted"
        again = one.ready("Why 0?")
        assert again["seen"], "that the vote was withdrawn takes no name back"
        cookies = dict(one.http.cookies)
    with open_arena(tmp_path, models) as arena:
        one = arena.visitor()
        one.http.cookies.clear()
        one.http.cookies.update(cookies)
        assert one.vote(views[0]).json()["error"] == "already_voted"
        assert one.get(f"/api/battles/{mine}").json()["counted"] is False
        assert "1 is withdrawn" in one.get("/you").text
    found = verify_log(tmp_path)
    assert (found.wrong, found.votes) == ((), 3)
    assert main(["verify", str(tmp_path), "--receipt", voted[0]["record"]]) == 0
    assert "It counts on no board: it was withdrawn, in event" in capsys.readouterr().out
    assert main(["verify", str(tmp_path), "--receipt", voted[1]["record"]]) == 0
    assert "It counts on the boards of all votes" in capsys.readouterr().out
    now = board(capsys, tmp_path)
    assert now[0] == 2
    assert board(capsys, tmp_path, "--at", found.head.hash) == now
    assert board(capsys, tmp_path, "--at", head)[0] == 3, "before that it was three"
    (tmp_path / "agon.duckdb").unlink()
    (tmp_path / "votes" / "arena.parquet").unlink()
    assert board(capsys, tmp_path) == now
    assert verify_log(tmp_path).wrong == ()


def test_all_votes_are_withdrawn_together_and_pages_turn(tmp_path):
    with open_arena(tmp_path, roster(*[Scripted(f"Answer {n}.") for n in range(3)])) as arena:
        one, other = arena.visitor(), arena.visitor()
        for n in range(21):
            one.vote(one.ready(f"Number {n}?"))
        for n in range(2):
            other.vote(other.ready(f"Number {n}?"))
        first, second = one.get("/you").text, one.get("/you?page=2").text
        assert ("Number 20?" in first, "Number 0?" in first, "Number 0?" in second) == (True, False, True)
        assert one.get("/you?page=999999").text.count("Number") == second.count("Number")
        assert "Your votes alone" in first, "with more than ten votes there is a board"
        assert "no model has 30 votes of yours yet" in first.lower()
        assert "you have 2" in other.get("/you").text, "too few for a board"
        hashes = re.findall(r'<span class="ag-mono">([0-9a-f]{16})</span>', first + second)
        assert len({*hashes}) == 21
        page = post(one, "/you/withdraw", "all=yes&sure=yes").text
        assert "21 are withdrawn" in page
        assert arena.log.counted() == 2
        head = arena.log._events.chain.at
    with VoteLog(tmp_path) as log:
        assert log._events.chain.at == head
        assert [log.count(), log.counted()] == [23, 2]


@pytest.mark.parametrize("path", ["/you", "/you?battle=1", "/you?page=-1", "/you?page=x", "/you?done=<b>"])
def test_a_stranger_finds_nothing(tmp_path, path):
    with open_arena(tmp_path, roster(Scripted(), Scripted())) as arena:
        answer = arena.visitor().get(path)
        assert answer.status_code == (404 if "battle" in path else 200)
        assert "<b>" not in answer.text.replace("<b data-your-votes>", "")
