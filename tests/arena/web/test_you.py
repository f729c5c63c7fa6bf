"""A visitor's own page, and what they take back: by the forms of the page, over a real server and log."""

import errno
import json
import re
import time
from datetime import UTC, datetime

import pytest

from agon.arena.cli.commands import main
from agon.arena.core.visitors import people
from agon.data import open_log
from agon.data.log import hash_chain
from agon.data.log.records import Conflict, RemarksRecord
from agon.data.log.recovery.verifying import verify_log
from agon.data.log.vote_log import VoteLog
from agon.ranking import rank
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.log_records import voted

FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}


def post(visitor, path, body, **headers):
    """Send a form as a browser does, and follow where it leads."""
    answer = visitor.http.post(path, content=body, headers=FORM | headers)
    if answer.status_code != 303:
        return answer
    return visitor.get(str(answer.url.join(answer.headers["location"]).raw_path, "ascii"))


def no_space(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def board(capsys, *arguments):
    """The board that the command prints."""
    assert main(["rank", *map(str, arguments), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["boards"][0]
    return found["settings"]["votes"], found["fingerprint"]


def test_a_vote_that_is_withdrawn_counts_nowhere_and_is_not_cast_again(tmp_path, capsys, monkeypatch):
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
        with monkeypatch.context() as disk:
            disk.setattr(hash_chain.os, "pwrite", no_space)
            assert post(one, "/you/withdraw", f"battle={mine}").status_code == 503
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


def test_everything_of_a_visitor_is_exported_and_erased(tmp_path, capsys, monkeypatch):
    models = roster(*[Scripted(f"canary-text {n}") for n in range(3)])
    with open_arena(tmp_path, models) as arena:
        one, other = arena.visitor(), arena.visitor()
        prompts = [f"Whom does Charon{n} ferry?" for n in range(4)]
        views = [one.ready(prompt) for prompt in prompts]
        for view in views[:3]:
            one.vote(view)
        other.vote(other.ready("Another one's Styx?"), "b")
        post(one, "/you/withdraw", f"battle={views[0]['battle']}")
        answer = one.get("/you/export")
        assert answer.headers["content-disposition"].startswith("attachment")
        found = json.loads(answer.content)
        assert [battle["turns"][0]["prompt"] for battle in found["battles"]] == prompts[::-1]
        unvoted, *voted = found["battles"]
        assert unvoted["vote"] is None
        assert "-id" not in json.dumps(unvoted), "no name without a vote"
        assert [len(battle["turns"][0]["answers"]) for battle in found["battles"]] == [2, 2, 2, 2]
        assert [battle["vote"]["counts"] for battle in voted] == [True, True, False]
        assert voted[2]["vote"]["withdrawn"]
        assert all(battle["vote"]["receipt"] for battle in voted)
        assert voted[0]["vote"]["models"] == [side["model"] for side in voted[0]["turns"][0]["answers"]]
        assert "Styx" not in answer.text
        assert one.get("/you/export").status_code == 200
        for _ in range(9):
            last = one.get("/you/export").status_code
        assert last == 429, "one file costs more than a page"
        monkeypatch.setattr(people, "CHANGES_SECONDS", 0.0)  # a minute later
        assert one.get("/you/export").status_code == 200
        third = arena.visitor()
        running = third.ready("Who is the third?")
        assert post(third, "/you/erase", "all=yes").status_code == 422
        with monkeypatch.context() as disk:
            disk.setattr(hash_chain.os, "pwrite", no_space)
            refused = post(third, "/you/erase", "all=yes&sure=yes&votes=keep")
        assert refused.status_code == 503, "and to be tried again"
        page = post(third, "/you/erase", "all=yes&sure=yes&votes=keep").text
        assert "All your texts are erased" in page
        assert third.vote(running).status_code == 404, "nothing can be added to what is erased"
        assert other.get(f"/you?battle={running['battle']}").status_code == 404
        for _ in range(200):
            if not arena.log.erasing:
                break
            time.sleep(0.1)
        assert not arena.log.erasing
        assert not any(
            b"Who is the third" in path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()
        )
        voter = found["voter"]
    before = board(capsys, tmp_path)
    assert main(["erase", str(tmp_path), "--voter", voter]) == 2
    assert "say --yes to erase the texts of 4 battles" in capsys.readouterr().err
    assert main(["erase", str(tmp_path), "--voter", voter, "--yes"]) == 0
    assert "Erased the texts of 4 battles: nothing of them is left" in capsys.readouterr().out
    assert board(capsys, tmp_path) == before, "the board is what it was"
    assert not any(b"Charon" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for given, said in (
        (["--voter", voter, "--yes"], f"has no battle of the voter {voter!r} whose texts are not erased"),
        (["--before", "2026-13-01"], "--before is a day such as 2026-03-01, not '2026-13-01'."),
        ([], "by one of --voter, --battle and --before"),
    ):
        assert main(["erase", str(tmp_path), *given]) == 2
        assert said in capsys.readouterr().err
    with VoteLog(tmp_path):
        assert main(["erase", str(tmp_path), "--before", "2099-01-01", "--yes"]) == 2
        assert "is open in this process" in capsys.readouterr().err
    assert main(["erase", str(tmp_path), "--before", "2099-01-01", "--withdraw", "--yes"]) == 0
    capsys.readouterr()
    assert board(capsys, tmp_path)[0] == before[0] - 1, "the votes of what was erased before go on counting"
    assert verify_log(tmp_path).wrong == ()


def test_what_decided_a_vote_is_kept_for_its_voter_and_erased_with_the_texts(tmp_path):
    reasons = ["correct", "complete", "clear", "well written", "follows the instructions", "safe"]
    said = {"reasons": ["clear", "correct"], "comment": "  Melpomene\u2028 <b>sang</b>. "}
    kept = {"reasons": ["correct", "clear"], "comment": "Melpomene\u2028 <b>sang</b>."}
    with open_arena(tmp_path, roster(Scripted("Rayleigh."), Scripted("It just is."))) as arena:
        one, other = arena.visitor(), arena.visitor()
        view, unvoted = one.ready("Why is it blue?"), one.ready("Why not?")
        path = f"/api/battles/{view['battle']}/remarks"
        late = time.monotonic() + 20
        while (told := one.post(path, said).json()["error"]) == "no_battle" and time.monotonic() < late:
            time.sleep(0.05)  # the battle is on its way to the log
        assert told == "no_vote"
        html = one.vote(view).json()["html"]
        assert re.findall(r'<input type="checkbox" value="([^"]+)"', html) == reasons
        assert html.index('data-do="next"') < html.index("data-remarks"), "the next battle comes first"
        refused = [
            other.post(path, said),
            one.post(path, {"reasons": ["funny"]}),
            one.post(path, {"comment": "x" * 1_001}),
            one.http.post(path, json=said, headers={"sec-fetch-site": "cross-site"}),
        ]
        assert [answer.status_code for answer in refused] == [404, 422, 422, 403]
        assert arena.log.remarks(view["battle"]) == []
        assert one.post(path, {"reasons": ["safe"]}).json() == {"reasons": ["safe"], "comment": None}
        assert [one.post(path, said).json() for _ in range(2)] == [kept, kept]
        assert len(arena.log.remarks(view["battle"])) == 2, "the same again is no event"
        again = one.get(f"/api/battles/{view['battle']}").json()
        assert again["remarks"] == kept
        assert "&lt;b&gt;sang" in again["html"]
        exported = one.get("/you/export").json()["battles"]
        assert exported[0]["remarks"] == []
        assert [(each["reasons"], each["comment"]) for each in exported[1]["remarks"]] == [
            (["safe"], None),
            (kept["reasons"], kept["comment"]),
        ]
        assert all(each["sent"] for each in exported[1]["remarks"])
        post(one, "/you/withdraw", f"battle={view['battle']}")
        more = [
            RemarksRecord(view["battle"], ("safe",), f"Melpomene {n}", datetime.now(UTC)) for n in range(18)
        ]
        for written in [arena.log.write(record) for record in more]:
            written.result()
        assert one.post(path, said).json()["error"] == "often"
        with pytest.raises(Conflict, match="has no vote yet"):
            arena.log.write(RemarksRecord(unvoted["battle"], (), None, datetime.now(UTC))).result()
        statuses = {one.post(path, {"reasons": ["funny"]}).status_code for _ in range(30)}
        assert statuses == {422, 429}, "so many a minute"
    assert b"Melpomene" not in (tmp_path / "events.jsonl").read_bytes()
    assert verify_log(tmp_path).wrong == ()
    (tmp_path / "agon.duckdb").unlink()
    with VoteLog(tmp_path) as log:
        assert [each.comment for each in log.remarks(view["battle"])][17:] == [
            "Melpomene 0",
            kept["comment"],
            None,
        ]
    frame = open_log(tmp_path, "arrow").remarks.to_pylist()
    assert [frame[1]["reasons"], frame[1]["comment"]] == [kept["reasons"], kept["comment"]]
    assert main(["erase", str(tmp_path), "--battle", view["battle"], "--yes"]) == 0
    assert not any(b"Melpomene" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    frame = open_log(tmp_path, "arrow").remarks.to_pylist()
    assert {(tuple(row["reasons"]), row["comment"]) for row in frame} == {((), None)}
    assert verify_log(tmp_path).wrong == ()


def test_the_board_of_all_votes_is_made_once_for_the_leaderboard_and_for_you(tmp_path, monkeypatch):
    made = []

    def counted(votes, *more, **options):
        made.append(len(votes))
        return rank(votes, *more, **options)

    monkeypatch.setattr("agon.arena.web.leaderboard.boards.rank", counted)
    monkeypatch.setattr("agon.arena.web.you.routes.FEWEST", 0)
    with VoteLog(tmp_path) as log:
        for _ in range(5):
            voted(log, ("canary-0-id", "canary-1-id"), (1, 2))
    with open_arena(tmp_path, roster(Scripted(), Scripted())) as arena:
        visitor = arena.visitor()
        assert visitor.get("/api/leaderboard").status_code == 200  # which waits
        assert visitor.get("/you").status_code == 200
        assert made == [5]
